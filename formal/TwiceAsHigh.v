(** "Gradient flow ends with a population loss twice as high": twice is the limit.  In the setting
    of Proposition 1 the ratio is at least 2(1 - α), and below 2. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent Band Lemma2Annealed.
From Isoloss Require Import Basis Samples Example Proposition1ThreeQuarters.

Section Ratio.

Variables (α ε : R) (s : nat).
Hypothesis α_range : 0 < α < 1.
Hypothesis ε_range : 0 < ε < 1.
Hypothesis s_below : (s < 2)%nat.

(** On {L̂ = ε} the test loss is (3/2)ε less ½ δ² of the direction that is drawn twice. *)
Lemma test_loss_on_level δ :
  loss 2 half δ = 3 / 2 * loss 2 (drawn_twice s) δ - 1 / 2 * δ s ^ 2.
Proof. unfold loss, half, drawn_twice. revert s s_below. for_both; simpl; field. Qed.

Lemma test_loss_at_least_lowest δ : 3 / 4 * loss 2 (drawn_twice s) δ <= loss 2 half δ.
Proof.
  unfold loss, half, drawn_twice. cbn [sum].
  pose proof (pow2_ge_0 (δ O)). pose proof (pow2_ge_0 (δ 1%nat)).
  revert s s_below. for_both; simpl Nat.eqb; cbv iota; lra.
Qed.

(** From K = 1 on, annealing ends at the lowest test loss that there is: (3/4)ε. *)
Lemma annealed_is_lowest K finish :
  (1 <= K)%nat -> annealed_to 2 (loss 2 (drawn_twice s)) K η ε (start α) finish ->
  loss 2 half finish = 3 / 4 * ε.
Proof.
  intros some ends. pose proof (part_2 α ε s α_range ε_range s_below K finish ends) as most.
  destruct K as [|K]; [lia|]. simpl Nat.eqb in most. cbv iota in most.
  pose proof (test_loss_at_least_lowest finish) as least.
  rewrite (same_train_loss α ε s α_range ε_range s_below (S K) finish ends) in least. lra.
Qed.

(** Gradient flow never removes the steep direction entirely. *)
Lemma flow_is_below_highest finish :
  flow_to 2 (loss 2 (drawn_twice s)) ε (start α) finish -> loss 2 half finish < 3 / 2 * ε.
Proof.
  intros to_finish. destruct (flow_to_is_flow _ _ _ _ _ to_finish) as (T & at_T & ends).
  destruct (start_losses α s α_range s_below) as (_ & _ & _ & all).
  pose proof (start_square_large α α_range).
  apply stops_at_level in at_T; [|rewrite all; lra].
  rewrite <- (loss_ext _ _ _ _ ends) in at_T. rewrite test_loss_on_level, at_T.
  rewrite (ends s s_below), square_along_flow, start_squares by (lra || easy).
  pose proof (exp_pos (-4 * drawn_twice s s * T)). nra.
Qed.

End Ratio.

Theorem twice_as_high α ε K a b c bad good :
  0 < α < 1 -> 0 < ε < 1 -> (1 <= K)%nat ->
  (a < 2)%nat -> (b < 2)%nat -> (c < 2)%nat -> shows_both a b c = true ->
  let L_hat := sample_loss 2 (example (β_star α)) 3 (three a b c) in
  let L_D := population_loss 2 (example (β_star α)) in
  flow_to 2 L_hat ε origin bad -> annealed_to 2 L_hat K η ε origin good ->
  2 * (1 - α) * L_D good <= L_D bad < 2 * L_D good.
Proof.
  intros α_range ε_range some a_below b_below c_below both_shown L_hat L_D to_bad to_good.
  destruct (both_directions_drawn (β_star α) a b c) as (s & s_below & diagonal); try easy.
  fold L_hat in diagonal.
  apply (flow_to_in_basis 2 identity (β_star α) (drawn_twice s) L_hat identity_is_orthogonal)
    in to_bad; [|easy].
  apply (annealed_to_in_basis 2 identity (β_star α) (drawn_twice s) L_hat identity_is_orthogonal)
    in to_good; [|easy].
  fold (start α) in to_bad, to_good. unfold L_D. rewrite !test_loss_is_diagonal.
  rewrite (annealed_is_lowest α ε s α_range ε_range s_below K _ some to_good).
  pose proof (part_1 α ε s α_range ε_range s_below _ to_bad).
  pose proof (flow_is_below_highest α ε s α_range ε_range s_below _ to_bad). lra.
Qed.

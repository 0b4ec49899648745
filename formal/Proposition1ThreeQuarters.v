(** Proposition 1, the draws of both directions, which have probability 3/4: both parts, for all α,
    ε and K. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent Lemma2Flow Lemma2Annealed.
From Isoloss Require Import Basis Samples Example.

(** ** The construction: β⋆ = (100 α^(-1/2), 100 α^(-1/2)) and η = 1/γ_1 = 3/2 *)

Definition β_star (α : R) : vector := fun _ => 100 / sqrt α.
Definition η : R := 3 / 2.

(** δ(0)² in both directions. *)
Definition start_square (α : R) : R := 10000 / α.

Definition start (α : R) : vector := residual 2 identity (β_star α) origin.

Lemma start_squares α i : 0 < α -> (i < 2)%nat -> start α i ^ 2 = start_square α.
Proof.
  intros pos below. unfold start. rewrite residual_is_difference by easy.
  unfold origin, β_star, start_square. pose proof (sqrt_lt_R0 α pos).
  rewrite <- (sqrt_sqrt α) at 2 by lra. field. lra.
Qed.

Lemma start_square_large α : 0 < α < 1 -> 10000 < start_square α.
Proof.
  intros range. unfold start_square. apply (Rmult_lt_reg_r α); [easy|].
  unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

Lemma α_of_start_square α : 0 < α -> α * start_square α = 10000.
Proof. intros pos. unfold start_square. field. lra. Qed.

(** ** Both directions are drawn: Lemma 2 with S the direction that is drawn once *)

Section BothDirections.

Variables (α ε : R) (s : nat).
Hypothesis α_range : 0 < α < 1.
Hypothesis ε_range : 0 < ε < 1.
Hypothesis s_below : (s < 2)%nat.

Let γ := drawn_twice s.
Let L_hat := loss 2 γ.
Let L_D := loss 2 half.

Lemma curvatures_positive : forall i, (i < 2)%nat -> 0 <= γ i.
Proof. intros i _. unfold γ, drawn_twice. destruct (Nat.eqb i s); lra. Qed.

Lemma half_positive : forall i, (i < 2)%nat -> 0 <= half i.
Proof. intros i _. unfold half. lra. Qed.

Definition drawn_once : nat -> bool := fun i => negb (Nat.eqb i s).

(** The train loss of each direction at the start. *)
Lemma start_losses :
  block_loss 2 γ (start α) drawn_once = start_square α / 3 /\
  block_loss 2 γ (start α) (outside drawn_once) = 2 * start_square α / 3 /\
  block_loss 2 γ (start α) (top γ (2 / 3)) = 2 * start_square α / 3 /\
  loss 2 γ (start α) = start_square α.
Proof.
  unfold loss, block_loss, sum_over. cbn [sum]. rewrite !start_squares by (lra || lia).
  unfold γ, outside, drawn_once, top, drawn_twice. clear L_hat γ. revert s s_below. for_both; simpl.
  all: repeat split; repeat (destruct Req_EM_T; try lra); field.
Qed.

Theorem part_1 finish : flow_to 2 L_hat ε (start α) finish -> L_D finish >= 3 / 2 * ε * (1 - α).
Proof.
  intros to_finish. destruct start_losses as (inside & is_outside & _ & all).
  pose proof (start_square_large α α_range). pose proof (α_of_start_square α ltac:(lra)) as product.
  apply Rle_ge. replace (3 / 2 * ε * (1 - α)) with (ε * (1 - α) * (3 / 2)) by ring.
  apply (lemma_2_part_1_general 2 γ half (start α) drawn_once (1 / 3) 1); try easy; try lra.
  - apply curvatures_positive.
  - apply half_positive.
  - intros j _ once. unfold γ, drawn_twice. unfold drawn_once in once.
    destruct (Nat.eqb j s); [easy|lra].
  - intros i _ twice. unfold γ, drawn_twice. unfold drawn_once in twice.
    destruct (Nat.eqb i s); [lra|easy].
  - (* condition 2: (2/3)A (ε / (A/3))² = 6 ε²/A ≤ α ε, where A = 10⁴/α *)
    unfold condition_2. rewrite inside, is_outside.
    set (A := start_square α) in *. replace (1 + 1) with (INR 2) by (simpl; lra).
    rewrite Rpower_pow.
    + replace (2 * A / 3 * (ε / (A / 3)) ^ 2) with (6 * ε * ε / A) by (field; lra).
      apply (Rmult_le_reg_r A); [lra|]. unfold Rdiv. rewrite (Rmult_assoc _ (/ A)), Rinv_l by lra.
      nra.
    + apply Rmult_lt_0_compat; [easy|]. apply Rinv_0_lt_compat. lra.
  - intros j _ once. unfold γ, drawn_twice, half. unfold drawn_once in once.
    destruct (Nat.eqb j s); [easy|lra].
Qed.

(** Here 1 - 2γ_2/γ_1 = 0: one step removes the other direction entirely. *)
Lemma nothing_is_left K :
  sum_over 2 (outside (top γ (2 / 3)))
    (fun i => shrinks γ (2 / 3) i ^ (2 * K) * (half i * start α i ^ 2)) =
  if Nat.eqb K 0 then start_square α / 2 else 0.
Proof.
  unfold sum_over. cbn [sum]. rewrite !start_squares by (lra || lia).
  unfold outside, top, shrinks, γ, drawn_twice, half. clear L_hat γ. revert s s_below.
  assert (zero : (1 - 2 * (1 / 3) / (2 / 3)) ^ (2 * K) = if Nat.eqb K 0 then 1 else 0).
  { replace (1 - 2 * (1 / 3) / (2 / 3)) with 0 by field. destruct K as [|K]; [easy|].
    apply pow_i. lia. }
  for_both; simpl Nat.eqb; cbv iota; repeat (destruct Req_EM_T; try lra); cbn [negb];
    rewrite zero; destruct (Nat.eqb K 0); field.
Qed.

Theorem part_2 K finish :
  annealed_to 2 L_hat K η ε (start α) finish ->
  L_D finish <= 3 / 4 * ε + if Nat.eqb K 0 then start_square α / 2 else 0.
Proof.
  intros ends. destruct start_losses as (_ & _ & at_top & _).
  pose proof (start_square_large α α_range).
  rewrite <- nothing_is_left, (Rmult_comm (3 / 4)).
  apply lemma_2_part_2_general; try lra.
  - apply curvatures_positive.
  - apply half_positive.
  - intros j _ _. unfold half. lra.
  - now replace (1 / (2 / 3)) with η by (unfold η; field).
Qed.

Lemma flow_train_loss finish : flow_to 2 L_hat ε (start α) finish -> L_hat finish = ε.
Proof.
  intros to_finish. destruct start_losses as (_ & _ & _ & all).
  pose proof (start_square_large α α_range).
  destruct (flow_to_is_flow _ _ _ _ _ to_finish) as (T & at_T & ends).
  unfold L_hat in *. rewrite (loss_ext 2 γ finish _ ends).
  apply stops_at_level; [rewrite all; lra|easy].
Qed.

Theorem same_train_loss K finish : annealed_to 2 L_hat K η ε (start α) finish -> L_hat finish = ε.
Proof.
  intros ends. destruct start_losses as (_ & _ & at_top & _).
  pose proof (start_square_large α α_range).
  apply (annealed_train_loss 2 γ (start α) (2 / 3) ε curvatures_positive) with K; try lra.
  now replace (1 / (2 / 3)) with η by (unfold η; field).
Qed.

End BothDirections.

(** Proposition 1 (called Claim 1 in the appendix), for all α, ε and K over the enumerated draws. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent.
From Isoloss Require Import Basis Samples Example Proposition1ThreeQuarters Proposition1Quarter.

(** Both end points exist for every draw, so the proposition is not vacuous. *)
Theorem ends_exist α ε K a b c :
  0 < α < 1 -> 0 < ε < 1 -> (a < 2)%nat -> (b < 2)%nat -> (c < 2)%nat ->
  let L_hat := sample_loss 2 (example (β_star α)) 3 (three a b c) in
  (exists β, flow_to 2 L_hat ε origin β) /\ (exists β, annealed_to 2 L_hat K η ε origin β).
Proof.
  intros α_range ε_range a_below b_below c_below L_hat.
  assert (diagonal : exists γ, (forall i, (i < 2)%nat -> 0 <= γ i) /\
    diagonal_in 2 identity (β_star α) γ L_hat).
  { destruct (shows_both a b c) eqn:shown.
    - destruct (both_directions_drawn (β_star α) a b c) as (s & _ & diagonal); try easy.
      exists (drawn_twice s). split; [apply curvatures_positive|easy].
    - destruct (one_direction_drawn (β_star α) a b c) as (_ & _ & diagonal); try easy.
      exists (drawn_thrice a). split; [|easy].
      intros i _. unfold drawn_thrice. destruct (Nat.eqb i a); lra. }
  destruct diagonal as (γ & γ_pos & diagonal). split.
  - apply (flow_to_in_basis_exists 2 identity (β_star α) γ); try easy.
    apply identity_is_orthogonal.
  - apply (annealed_to_in_basis_exists 2 identity (β_star α) γ); try easy.
    apply identity_is_orthogonal.
Qed.

(** Both parts, for parameters β and the losses of samples and of the distribution. *)
Lemma proposition_1_three_quarters α ε K a b c bad good :
  0 < α < 1 -> 0 < ε < 1 -> (a < 2)%nat -> (b < 2)%nat -> (c < 2)%nat ->
  shows_both a b c = true ->
  let L_hat := sample_loss 2 (example (β_star α)) 3 (three a b c) in
  let L_D := population_loss 2 (example (β_star α)) in
  flow_to 2 L_hat ε origin bad -> annealed_to 2 L_hat K η ε origin good ->
  L_hat bad = ε /\ L_hat good = ε /\
  L_D bad >= 3 / 2 * ε * (1 - α) /\
  L_D good <= 3 / 4 * ε + if Nat.eqb K 0 then start_square α / 2 else 0.
Proof.
  intros α_range ε_range a_below b_below c_below both_shown L_hat L_D to_bad to_good.
  destruct (both_directions_drawn (β_star α) a b c) as (s & s_below & diagonal); try easy.
  fold L_hat in diagonal.
  apply (flow_to_in_basis 2 identity (β_star α) (drawn_twice s) L_hat identity_is_orthogonal)
    in to_bad; [|easy].
  apply (annealed_to_in_basis 2 identity (β_star α) (drawn_twice s) L_hat identity_is_orthogonal)
    in to_good; [|easy].
  fold (start α) in to_bad, to_good. unfold L_D. rewrite !diagonal, !test_loss_is_diagonal.
  repeat split.
  - now apply (flow_train_loss α ε s).
  - now apply (same_train_loss α ε s) with K.
  - now apply (part_1 α ε s).
  - now apply (part_2 α ε s).
Qed.

(** "For every 0 < α < 1 there are a distribution D on R² × R and a rate η such that for every
    0 < ε < 1, with probability 3/4 over n = 3 samples:
    1. gradient flow from 0 stopped at train loss ε has L_D ≥ (3/2)·ε·(1 - α);
    2. K steps at η then gradient flow, stopped at train loss ε, has L_D ≤ (3/4)·ε + exp(-Ω(K)).
    With the remaining probability 1/4 both reach the same loss."

    exp(-Ω(K)) is C e^(-rK), where r > 0 and C depend on α only; it is 0 from K = 1 on.  The
    statement includes that the end points exist: with label noise, say, the train loss might never
    fall to ε, and a claim about all end points would be vacuous. *)
Theorem proposition_1 α :
  0 < α < 1 ->
  exists (D : distribution) (η C r : R) (event : nat -> nat -> nat -> bool),
    is_distribution D /\ 0 < r /\
    probability_of_three D event = 3 / 4 /\
    probability_of_three D (fun a b c => negb (event a b c)) = 1 / 4 /\
    forall ε K a b c,
      0 < ε < 1 -> (a < size D)%nat -> (b < size D)%nat -> (c < size D)%nat ->
      let L_hat := sample_loss 2 D 3 (three a b c) in
      let L_D := population_loss 2 D in
      (exists bad, flow_to 2 L_hat ε origin bad) /\
      (exists good, annealed_to 2 L_hat K η ε origin good) /\
      forall bad good,
        flow_to 2 L_hat ε origin bad -> annealed_to 2 L_hat K η ε origin good ->
        L_hat bad = ε /\ L_hat good = ε /\
        if event a b c then
          L_D bad >= 3 / 2 * ε * (1 - α) /\
          L_D good <= 3 / 4 * ε + C * exp (- r * INR K) /\
          ((1 <= K)%nat -> L_D good <= 3 / 4 * ε)
        else L_D good = L_D bad.
Proof.
  intros α_range. exists (example (β_star α)), η, (start_square α / 2), 1, shows_both.
  split; [apply example_is_distribution|]. split; [lra|].
  split; [apply probability_of_both_directions|].
  split; [apply probability_of_one_direction|].
  intros ε K a b c ε_range a_below b_below c_below L_hat L_D.
  destruct (ends_exist α ε K a b c) as [flow_ends annealing_ends]; try easy.
  split; [easy|]. split; [easy|]. intros bad good to_bad to_good.
  destruct (shows_both a b c) eqn:shown.
  - destruct (proposition_1_three_quarters α ε K a b c bad good)
      as (train_bad & train_good & part_1 & part_2); try easy.
    pose proof (start_square_large α α_range).
    repeat (split; [easy|]). split.
    + eapply Rle_trans; [exact part_2|]. apply Rplus_le_compat_l. destruct K as [|K].
      * simpl. rewrite Rmult_0_r, exp_0. lra.
      * simpl Nat.eqb. cbv iota. pose proof (exp_pos (- (1) * INR (S K))). nra.
    + intros some. eapply Rle_trans; [exact part_2|]. destruct K as [|K]; [lia|].
      simpl Nat.eqb. cbv iota. lra.
  - destruct (proposition_1_quarter α α_range) as [_ quarter].
    destruct (quarter ε K a b c bad good) as (train_bad & train_good & same & _); try easy.
    now rewrite shown.
Qed.

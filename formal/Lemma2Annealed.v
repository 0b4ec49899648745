(** Lemma 2, part 2: K steps at η = 1/γ_1, then flow, with the constant written out.  Any dimension,
    any multiplicity of γ_1, any real parameters. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent Lemma2Flow.

(** The top eigenspace, with any multiplicity. *)
Definition top (γ : nat -> R) (γ1 : R) : nat -> bool :=
  fun i => if Req_EM_T (γ i) γ1 then true else false.

Lemma in_top γ γ1 i : top γ γ1 i = true <-> γ i = γ1.
Proof. unfold top. destruct (Req_EM_T (γ i) γ1); now split. Qed.

Lemma not_in_top γ γ1 i : outside (top γ γ1) i = true <-> γ i <> γ1.
Proof. unfold outside, top. destruct (Req_EM_T (γ i) γ1); now split. Qed.

Section Part2.

Variables (d : nat) (γ λ : nat -> R) (δ : vector) (γ1 ε : R).

Hypothesis curvature : forall i, (i < d)%nat -> 0 <= γ i.
Hypothesis test_curvature : forall i, (i < d)%nat -> 0 <= λ i.
Hypothesis γ1_pos : 0 < γ1.
Hypothesis condition_1 : ε <= block_loss d γ δ (top γ γ1).

Let η := 1 / γ1.

(** The factor by which a step shrinks the other coordinates. *)
Definition shrinks (i : nat) : R := 1 - 2 * γ i / γ1.

Lemma step_factor i : 1 - 2 * η * γ i = shrinks i.
Proof. unfold shrinks, η. field. lra. Qed.

Lemma square_of_power x k : (x ^ k) ^ 2 = x ^ (2 * k).
Proof. now rewrite <- pow_mult, Nat.mul_comm. Qed.

(** "The top eigenspace flips sign every step": its squares stay. *)
Lemma top_flips i k : γ i = γ1 -> steps γ η k δ i = (-1) ^ k * δ i.
Proof.
  intros at_top. unfold steps. rewrite step_factor. unfold shrinks. rewrite at_top.
  replace (1 - 2 * γ1 / γ1) with (-1) by (field; lra). reflexivity.
Qed.

Lemma top_stays i k : γ i = γ1 -> steps γ η k δ i ^ 2 = δ i ^ 2.
Proof.
  intros at_top. rewrite top_flips, Rpow_mult_distr, square_of_power, pow_1_even by easy. ring.
Qed.

(** "Condition 1 keeps the train loss at least ε through the GD phase." *)
Lemma loss_stays_above k : ε <= loss d γ (steps γ η k δ).
Proof.
  eapply Rle_trans; [exact condition_1|].
  apply Rle_trans with (block_loss d γ (steps γ η k δ) (top γ γ1)).
  - apply sum_over_le. intros i below at_top. apply in_top in at_top. rewrite top_stays by easy.
    lra.
  - apply sum_over_le_sum. intros i below. apply Rmult_le_pos; auto using pow2_ge_0.
Qed.

(** If the loss is at most ε after k steps, all coordinates but the top ones are 0. *)
Lemma others_are_zero k i :
  loss d γ (steps γ η k δ) <= ε -> (i < d)%nat -> γ i <> γ1 -> 0 < γ i ->
  steps γ η k δ i = 0.
Proof.
  intros low below not_top pos.
  assert (top_loss : block_loss d γ (steps γ η k δ) (top γ γ1) = block_loss d γ δ (top γ γ1)).
  { apply sum_ext. intros j _. destruct (top γ γ1 j) eqn:at_top; [|easy].
    apply in_top in at_top. now rewrite top_stays. }
  pose proof (loss_splits d γ (steps γ η k δ) (top γ γ1)) as split.
  assert (term : γ i * steps γ η k δ i ^ 2 <=
                 block_loss d γ (steps γ η k δ) (outside (top γ γ1))).
  { pose proof (term_le_sum d (fun j => if outside (top γ γ1) j
      then γ j * steps γ η k δ j ^ 2 else 0) i) as bound. cbv beta in bound.
    apply not_in_top in not_top. rewrite not_top in bound. apply bound; [|easy].
    intros j j_below. destruct (outside (top γ γ1) j); [|lra].
    apply Rmult_le_pos; auto using pow2_ge_0. }
  assert (square : steps γ η k δ i ^ 2 = 0)
    by (pose proof (pow2_ge_0 (steps γ η k δ i)); nra).
  apply Rsqr_0_uniq. now rewrite Rsqr_pow2.
Qed.

(** "Every other coordinate decays by |1 - 2γ_i/γ_1|", whether the steps are stopped or not. *)
Lemma others_shrink K between i :
  descends d (loss d γ) η ε K δ between -> (i < d)%nat -> γ i <> γ1 ->
  between i ^ 2 <= shrinks i ^ (2 * K) * δ i ^ 2.
Proof.
  intros down below not_top.
  destruct (descends_is_steps _ _ _ _ _ _ _ down) as (k & _ & whole & at_k & _).
  rewrite at_k by easy. destruct whole as [->|low].
  - unfold steps. rewrite step_factor, Rpow_mult_distr, square_of_power. lra.
  - rewrite (loss_ext d γ between _ at_k) in low.
    destruct (curvature i below) as [pos|zero].
    + rewrite (others_are_zero k i) by easy. rewrite pow_i by lia.
      rewrite <- square_of_power, <- Rpow_mult_distr. apply pow2_ge_0.
    + unfold steps. rewrite step_factor. unfold shrinks. rewrite <- zero.
      replace (1 - 2 * 0 / γ1) with 1 by (field; lra). rewrite !pow1. lra.
Qed.

Lemma annealed_squares K finish i :
  annealed_to d (loss d γ) K η ε δ finish -> (i < d)%nat -> γ i <> γ1 ->
  finish i ^ 2 <= shrinks i ^ (2 * K) * δ i ^ 2.
Proof.
  intros (between & down & last) below not_top.
  destruct (flow_to_is_flow _ _ _ _ _ last) as (T & (T_pos & _) & ends).
  rewrite ends by easy. eapply Rle_trans; [apply square_falls; auto|].
  now apply others_shrink.
Qed.

(** Both optimizers stop at the same train loss. *)
Theorem annealed_train_loss K finish :
  annealed_to d (loss d γ) K η ε δ finish -> loss d γ finish = ε.
Proof.
  intros (between & down & last).
  destruct (flow_to_is_flow _ _ _ _ _ last) as (T & at_T & ends).
  destruct (descends_is_steps _ _ _ _ _ _ _ down) as (k & _ & _ & at_k & _).
  rewrite (loss_ext d γ finish _ ends). apply stops_at_level; [|easy].
  rewrite (loss_ext d γ between _ at_k). apply loss_stays_above.
Qed.

(** Part 2 in general, with the constant written out: γ_1 may have any multiplicity, and curvatures
    may be 0 (then the factor is 1, and that term does not decay).  [M] is any number with
    λ_j ≤ M γ_1 in the top eigenspace. *)
Theorem lemma_2_part_2_general K M finish :
  (forall j, (j < d)%nat -> γ j = γ1 -> λ j <= M * γ1) ->
  0 <= M ->
  annealed_to d (loss d γ) K η ε δ finish ->
  loss d λ finish <=
  ε * M + sum_over d (outside (top γ γ1)) (fun i => shrinks i ^ (2 * K) * (λ i * δ i ^ 2)).
Proof.
  intros ratio M_pos ends. rewrite (loss_splits d λ finish (top γ γ1)).
  apply Rplus_le_compat.
  - rewrite <- (annealed_train_loss K finish ends).
    apply Rle_trans with (M * block_loss d γ finish (top γ γ1)).
    + unfold block_loss. rewrite <- sum_over_scale. apply sum_over_le. intros i below at_top.
      apply in_top in at_top. rewrite <- Rmult_assoc, at_top.
      apply Rmult_le_compat_r; auto using pow2_ge_0.
    + rewrite Rmult_comm. apply Rmult_le_compat_r; [easy|].
      apply sum_over_le_sum. intros i below. apply Rmult_le_pos; auto using pow2_ge_0.
  - apply sum_over_le. intros i below not_top. apply not_in_top in not_top.
    pose proof (annealed_squares K finish i ends below not_top).
    specialize (test_curvature i below). nra.
Qed.

End Part2.

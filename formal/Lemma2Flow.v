(** Lemma 2, part 1: gradient flow.  Any dimension, any block, any real parameters. *)

From Isoloss Require Import Directions Exponentials Flow StoppingTime.

(** The train loss of a block, Σ_{j∈S} γ_j δ_j². *)
Definition block_loss (d : nat) (γ : nat -> R) (δ : vector) (block : nat -> bool) : R :=
  sum_over d block (fun j => γ j * δ j ^ 2).

(** "Σ_{i∈S̄} γ_i δ_i(0)² (ε/m)^(1+p) ≤ α ε", where m is |S| min_{j∈S} γ_j δ_j(0)² in the paper;
    the proof also goes through with Σ_{j∈S} γ_j δ_j(0)², a weaker condition. *)
Definition condition_2 (m : R) (d : nat) (γ : nat -> R) (δ : vector) (block : nat -> bool)
  (p α ε : R) : Prop :=
  block_loss d γ δ (outside block) * Rpower (ε / m) (1 + p) <= α * ε.

Lemma loss_splits d γ δ block :
  loss d γ δ = block_loss d γ δ block + block_loss d γ δ (outside block).
Proof. apply sum_splits. Qed.

Section Part1.

Variables (d : nat) (γ λ : nat -> R) (δ : vector) (block : nat -> bool).
Variables (top_of_block p α ε T : R).

Hypothesis curvature : forall i, (i < d)%nat -> 0 <= γ i.
Hypothesis test_curvature : forall i, (i < d)%nat -> 0 <= λ i.
Hypothesis in_block : forall j, (j < d)%nat -> block j = true -> γ j <= top_of_block.
Hypothesis gap : forall i, (i < d)%nat -> block i = false -> (1 + p) * top_of_block <= γ i.
Hypothesis p_pos : 0 <= p.
Hypothesis ε_pos : 0 < ε.
Hypothesis block_starts : 0 < block_loss d γ δ block.
Hypothesis condition : condition_2 (block_loss d γ δ block) d γ δ block p α ε.
Hypothesis T_pos : 0 <= T.
Hypothesis at_level : loss d γ (flow γ δ T) = ε.

(** Equations (5), (6): a lower bound on the stopping time, e^(-4γ_k T) ≤ ε / Σ_S γ_j δ_j(0)². *)
Lemma stopping_time_bound : exp (-4 * top_of_block * T) <= ε / block_loss d γ δ block.
Proof.
  apply (Rmult_le_reg_r (block_loss d γ δ block)); [easy|].
  unfold Rdiv. rewrite (Rmult_assoc ε), Rinv_l, Rmult_1_r by lra.
  rewrite <- at_level. unfold block_loss. rewrite <- sum_over_scale.
  apply Rle_trans with (block_loss d γ (flow γ δ T) block).
  - apply sum_over_le. intros j below inside.
    rewrite square_along_flow. specialize (in_block j below inside).
    assert (slower : exp (-4 * top_of_block * T) <= exp (-4 * γ j * T)) by (apply exp_le; nra).
    assert (0 <= γ j * δ j ^ 2) by (apply Rmult_le_pos; auto using pow2_ge_0). nra.
  - apply sum_over_le_sum. intros i below. apply Rmult_le_pos; auto using pow2_ge_0.
Qed.

(** Hence e^(-4γ_i T) ≤ (ε / Σ_S γ_j δ_j(0)²)^(1+p) outside the block. *)
Lemma decay_outside i :
  (i < d)%nat -> block i = false ->
  exp (-4 * γ i * T) <= Rpower (ε / block_loss d γ δ block) (1 + p).
Proof.
  intros below is_outside. specialize (gap i below is_outside).
  apply Rle_trans with (Rpower (exp (-4 * top_of_block * T)) (1 + p)).
  - unfold Rpower. rewrite ln_exp. apply exp_le. nra.
  - apply Rle_Rpower_l; [lra|]. split; [apply exp_pos|apply stopping_time_bound].
Qed.

(** At most αε of the train loss is left outside the block, and so at least (1 - α)ε inside. *)
Lemma loss_outside : block_loss d γ (flow γ δ T) (outside block) <= α * ε.
Proof.
  eapply Rle_trans; [|exact condition]. unfold block_loss at 2.
  rewrite Rmult_comm, <- sum_over_scale. apply sum_over_le. intros i below is_outside.
  apply Bool.negb_true_iff in is_outside. rewrite square_along_flow.
  pose proof (decay_outside i below is_outside).
  assert (0 <= γ i * δ i ^ 2) by (apply Rmult_le_pos; auto using pow2_ge_0). nra.
Qed.

Lemma loss_inside : (1 - α) * ε <= block_loss d γ (flow γ δ T) block.
Proof.
  pose proof loss_outside. pose proof (loss_splits d γ (flow γ δ T) block). lra.
Qed.

Lemma test_loss_of_block m :
  0 <= m -> (forall j, (j < d)%nat -> block j = true -> m * γ j <= λ j) ->
  ε * (1 - α) * m <= loss d λ (flow γ δ T).
Proof.
  intros m_pos ratio. apply Rle_trans with (m * block_loss d γ (flow γ δ T) block).
  - pose proof loss_inside. nra.
  - unfold block_loss. rewrite <- sum_over_scale.
    apply Rle_trans with (block_loss d λ (flow γ δ T) block).
    + apply sum_over_le. intros j below inside. rewrite <- Rmult_assoc.
      apply Rmult_le_compat_r; auto using pow2_ge_0.
    + apply sum_over_le_sum. intros i below. apply Rmult_le_pos; auto using pow2_ge_0.
Qed.

End Part1.

(** Part 1 in general: any block S such that every curvature outside it is at least 1 + p times the
    largest inside; condition 2 with the sum; curvatures may be 0, even in the block.  [m] is any
    number with m γ_j ≤ λ_j in the block, such as the least λ_j/γ_j over the γ_j > 0. *)
Theorem lemma_2_part_1_general d γ λ δ block top_of_block p α ε m finish :
  (forall i, (i < d)%nat -> 0 <= γ i) ->
  (forall i, (i < d)%nat -> 0 <= λ i) ->
  (forall j, (j < d)%nat -> block j = true -> γ j <= top_of_block) ->
  (forall i, (i < d)%nat -> block i = false -> (1 + p) * top_of_block <= γ i) ->
  0 <= p -> 0 < ε -> 0 < block_loss d γ δ block ->
  ε <= loss d γ δ ->
  condition_2 (block_loss d γ δ block) d γ δ block p α ε ->
  0 <= m -> (forall j, (j < d)%nat -> block j = true -> m * γ j <= λ j) ->
  flow_to d (loss d γ) ε δ finish ->
  ε * (1 - α) * m <= loss d λ finish.
Proof.
  intros γ_pos λ_pos in_block gap p_pos ε_pos starts above condition m_pos ratio to_finish.
  destruct (flow_to_is_flow _ _ _ _ _ to_finish) as (T & at_T & ends).
  rewrite (loss_ext d λ finish _ ends).
  apply (test_loss_of_block d γ λ δ block top_of_block p α ε T); try easy.
  - apply at_T.
  - now apply stops_at_level.
Qed.

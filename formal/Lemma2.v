(** Lemma 2, both parts, for any dimension, any block and any real parameters.

    General forms first: they allow ties, zero curvature and any block, and ask for no order.  Then
    the lemma in the paper's words. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent.

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

(** ** Part 1: gradient flow *)

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
    assert (slower : exp (-4 * top_of_block * T) <= exp (-4 * γ j * T)).
    { destruct (Rle_lt_or_eq_dec (-4 * top_of_block * T) (-4 * γ j * T)) as [lt|eq]; [nra| |].
      - left. now apply exp_increasing.
      - rewrite eq. lra. }
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
  - unfold Rpower. rewrite ln_exp.
    destruct (Rle_lt_or_eq_dec (-4 * γ i * T) ((1 + p) * (-4 * top_of_block * T))) as [lt|eq].
    + nra.
    + left. now apply exp_increasing.
    + rewrite eq. lra.
  - apply Rle_Rpower_l; [lra|]. split; [apply exp_pos|apply stopping_time_bound].
Qed.

(** Outside the block at most αε of train loss is left, and so at least (1 - α)ε inside. *)
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

(** Part 1 in general: any block S, below whose top curvature the others do not come by a factor of
    1 + p; condition 2 with the sum; curvatures may be 0, also in the block.  [m] is any number with
    m γ_j ≤ λ_j in the block: the least λ_j/γ_j, where a ratio λ_j/0 is infinite. *)
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

(** ** Part 2: K steps at η = 1/γ_1, then flow *)

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

(** If the loss is at most ε before the last step, nothing moves any more but the top. *)
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

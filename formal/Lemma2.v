(** Lemma 2 in the paper's words, from the general forms of its two parts.

    The first direction, which the paper calls 1, is 0 here: γ_1 is [γ 0]. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent Lemma2Flow Lemma2Annealed.

(** "Let S = {k, …, d} be a block of small eigenvalues." *)
Definition block_from (k : nat) : nat -> bool := fun i => Nat.leb k i.

(** The premises.  "Eigenvalues are ordered γ_1 ≥ γ_2 ≥ … ≥ γ_d"; zero train curvature is excluded
    (the paper's "without loss of generality Σ ≻ 0" is about λ, and not enough). *)
Record premises (d k : nat) (γ λ : nat -> R) (δ : vector) (p α ε : R) : Prop := {
  block_not_empty : (k < d)%nat;
  ordered : forall i j, (i <= j)%nat -> (j < d)%nat -> γ j <= γ i;
  train_positive : forall i, (i < d)%nat -> 0 < γ i;
  test_not_negative : forall i, (i < d)%nat -> 0 <= λ i;
  (* "with a gap: γ_i/γ_k > 1 + p for all i in S̄, some p > 0" *)
  gap : forall i, (i < k)%nat -> γ i / γ k > 1 + p;
  p_positive : 0 < p;
  α_range : 0 < α < 1;
  ε_positive : 0 < ε;
  (* "1. γ_1 δ_1(0)² ≥ ε" *)
  condition_1 : γ O * δ O ^ 2 >= ε;
  (* "2. with j⋆ = argmin_{j∈S} γ_j δ_j(0)²:
      Σ_{i∈S̄} γ_i δ_i(0)² · (ε / (|S| γ_{j⋆} δ_{j⋆}(0)²))^(1+p) ≤ α ε" *)
  condition_2_holds : exists least,
    is_min (fun j => (k <= j < d)%nat) (fun j => γ j * δ j ^ 2) least /\ 0 < least /\
    condition_2 (INR (d - k) * least) d γ δ (block_from k) p α ε
}.

(** ** The paper's condition 2 implies that with the sum *)

Lemma size_times_least d k γ δ least :
  (forall j, (k <= j < d)%nat -> least <= γ j * δ j ^ 2) ->
  INR (d - k) * least <= block_loss d γ δ (block_from k).
Proof.
  unfold block_loss, sum_over, block_from. induction d as [|d IH]; intros each; cbn [sum].
  - simpl. lra.
  - pose proof (IH ltac:(intros; apply each; lia)) as rest.
    destruct (Nat.leb_spec k d) as [inside|is_outside].
    + pose proof (each d ltac:(lia)).
      replace (S d - k)%nat with (S (d - k)) by lia. rewrite S_INR. lra.
    + replace (S d - k)%nat with O by lia. replace (d - k)%nat with O in rest by lia. lra.
Qed.

(** Condition 2 is weaker for a larger m. *)
Lemma condition_2_weakens m m' d γ δ block p α ε :
  (forall i, (i < d)%nat -> 0 <= γ i) -> 0 < m -> m <= m' -> 0 < ε -> 0 <= p ->
  condition_2 m d γ δ block p α ε -> condition_2 m' d γ δ block p α ε.
Proof.
  intros γ_pos m_pos larger ε_pos p_pos condition. eapply Rle_trans; [|exact condition].
  apply Rmult_le_compat_l.
  - apply sum_over_nonneg. intros i below _. apply Rmult_le_pos; auto using pow2_ge_0.
  - apply Rle_Rpower_l; [lra|]. split.
    + apply Rmult_lt_0_compat; [easy|]. apply Rinv_0_lt_compat. lra.
    + apply Rmult_le_compat_l; [lra|]. now apply Rinv_le_contravar.
Qed.

(** ** Both parts *)

Section Lemma2.

Variables (d k : nat) (γ λ : nat -> R) (δ : vector) (p α ε : R).
Hypothesis holds : premises d k γ λ δ p α ε.

Lemma first_exists : (0 < d)%nat.
Proof. pose proof (block_not_empty _ _ _ _ _ _ _ _ holds). lia. Qed.

Lemma curvature : forall i, (i < d)%nat -> 0 <= γ i.
Proof. intros i below. left. now apply (train_positive _ _ _ _ _ _ _ _ holds). Qed.

Lemma top_curvature_positive : 0 < γ O.
Proof. apply (train_positive _ _ _ _ _ _ _ _ holds), first_exists. Qed.

(** The paper's condition 1 speaks of one direction of the top eigenspace. *)
Lemma condition_1_of_top : ε <= block_loss d γ δ (top γ (γ O)).
Proof.
  pose proof (condition_1 _ _ _ _ _ _ _ _ holds).
  apply Rle_trans with (γ O * δ O ^ 2); [lra|].
  pose proof (term_le_sum d (fun i => if top γ (γ O) i then γ i * δ i ^ 2 else 0) O) as term.
  cbv beta in term. rewrite (proj2 (in_top γ (γ O) O) eq_refl) in term.
  apply term; [|apply first_exists]. intros j below.
  destruct (top γ (γ O) j); [|lra]. apply Rmult_le_pos; auto using pow2_ge_0, curvature.
Qed.

Lemma start_is_above : ε <= loss d γ δ.
Proof.
  eapply Rle_trans; [apply condition_1_of_top|]. apply sum_over_le_sum.
  intros i below. apply Rmult_le_pos; auto using pow2_ge_0, curvature.
Qed.

(** "1. gradient flow: L_D ≥ ε (1 - α) min_{j∈S} λ_j/γ_j" *)
Theorem lemma_2_part_1 m finish :
  is_min (fun j => (k <= j < d)%nat) (fun j => λ j / γ j) m ->
  flow_to d (loss d γ) ε δ finish ->
  loss d λ finish >= ε * (1 - α) * m.
Proof.
  intros [[j0 [j0_below at_j0]] least_ratio] to_finish. apply Rle_ge.
  pose proof first_exists as d_pos. pose proof curvature as γ_pos.
  destruct holds as [k_below order pos λ_pos apart p_pos α_in ε_pos _ (least & [_ each] & w & c2)].
  assert (k_pos : 0 < γ k) by auto.
  assert (size_pos : 0 < INR (d - k)) by (apply lt_0_INR; lia).
  pose proof (size_times_least d k γ δ least each) as mass.
  assert (m_pos : 0 < INR (d - k) * least) by now apply Rmult_lt_0_compat.
  apply (lemma_2_part_1_general d γ λ δ (block_from k) (γ k) p); try easy.
  - intros j below inside. apply order; [now apply Nat.leb_le|easy].
  - intros i below is_outside. apply Nat.leb_gt in is_outside.
    pose proof (apart i is_outside). apply (Rmult_le_reg_r (/ γ k)); [now apply Rinv_0_lt_compat|].
    rewrite Rmult_assoc, Rinv_r, Rmult_1_r by lra. unfold Rdiv in *. lra.
  - lra.
  - lra.
  - apply start_is_above.
  - apply (condition_2_weakens (INR (d - k) * least)); try easy. lra.
  - rewrite <- at_j0. apply Rmult_le_pos; [apply λ_pos; lia|].
    left. apply Rinv_0_lt_compat. apply pos. lia.
  - intros j below inside. apply Nat.leb_le in inside. pose proof (pos j below).
    pose proof (least_ratio j ltac:(lia)) as ratio. cbv beta in ratio.
    apply (Rmult_le_reg_r (/ γ j)); [now apply Rinv_0_lt_compat|].
    rewrite Rmult_assoc, Rinv_r, Rmult_1_r by lra. easy.
Qed.

(** What is left of the other coordinates after K steps: the "exp(-Ω(K))" of part 2. *)
Definition rest (K : nat) : R :=
  sum_over d (outside (top γ (γ O)))
    (fun i => (1 - 2 * γ i / γ O) ^ (2 * K) * (λ i * δ i ^ 2)).

(** "2. annealed: L_D ≤ ε max_{j: γ_j = γ_1} λ_j/γ_j + exp(-Ω(K))", the constant written out. *)
Theorem lemma_2_part_2 K M finish :
  is_max (fun j => (j < d)%nat /\ γ j = γ O) (fun j => λ j / γ j) M ->
  annealed_to d (loss d γ) K (1 / γ O) ε δ finish ->
  loss d λ finish <= ε * M + rest K.
Proof.
  intros [[j0 [[j0_below top0] at_j0]] most] ends. pose proof top_curvature_positive as pos.
  apply lemma_2_part_2_general; try easy.
  - apply curvature.
  - apply (test_not_negative _ _ _ _ _ _ _ _ holds).
  - apply condition_1_of_top.
  - intros j below at_top. pose proof (most j (conj below at_top)) as ratio. cbv beta in ratio.
    rewrite at_top in ratio. apply (Rmult_le_reg_r (/ γ O)); [now apply Rinv_0_lt_compat|].
    rewrite Rmult_assoc, Rinv_r, Rmult_1_r by lra. easy.
  - rewrite <- at_j0. apply Rmult_le_pos.
    + now apply (test_not_negative _ _ _ _ _ _ _ _ holds).
    + left. rewrite top0. now apply Rinv_0_lt_compat.
Qed.

(** "If γ_1 is simple, ≤ ε λ_1/γ_1 + exp(-Ω(K))." *)
Theorem lemma_2_part_2_simple K finish :
  (forall j, (j < d)%nat -> γ j = γ O -> j = O) ->
  annealed_to d (loss d γ) K (1 / γ O) ε δ finish ->
  loss d λ finish <= ε * (λ O / γ O) + rest K.
Proof.
  intros simple. apply lemma_2_part_2. split.
  - exists O. repeat split. apply first_exists.
  - intros j [below at_top]. rewrite (simple j below at_top). lra.
Qed.

(** ** The rate: Ω(K) = -2K log c up to a constant, with c = max |1 - 2γ_i/γ_1| < 1 *)

Lemma factor_below_1 i :
  (i < d)%nat -> γ i <> γ O -> Rabs (1 - 2 * γ i / γ O) < 1.
Proof.
  intros below not_top. pose proof top_curvature_positive as top_pos.
  pose proof (train_positive _ _ _ _ _ _ _ _ holds i below) as pos.
  pose proof (ordered _ _ _ _ _ _ _ _ holds O i ltac:(lia) below) as le.
  assert (0 < γ i / γ O) by (apply Rmult_lt_0_compat; [easy|now apply Rinv_0_lt_compat]).
  assert (γ i / γ O < 1).
  { apply (Rmult_lt_reg_r (γ O)); [easy|].
    unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
  unfold Rdiv in *. rewrite Rmult_assoc. apply Rabs_def1; lra.
Qed.

Lemma rest_bound c K :
  (forall i, (i < d)%nat -> γ i <> γ O -> Rabs (1 - 2 * γ i / γ O) <= c) ->
  rest K <= c ^ (2 * K) * block_loss d λ δ (outside (top γ (γ O))).
Proof.
  intros largest. unfold rest, block_loss. rewrite <- sum_over_scale. apply sum_over_le.
  intros i below not_top. apply not_in_top in not_top.
  apply Rmult_le_compat_r.
  - apply Rmult_le_pos; [|apply pow2_ge_0].
    now apply (test_not_negative _ _ _ _ _ _ _ _ holds).
  - rewrite <- (square_of_power (1 - 2 * γ i / γ O)), <- pow2_abs, <- RPow_abs, square_of_power.
    apply pow_incr. split; [apply Rabs_pos|auto].
Qed.

(** Part 2 with the paper's rate: "Ω(K) = -K log max_{i: γ_i≠γ_1} |1 - 2γ_i/γ_1| suffices", and even
    twice that, once the constant is there: Σ λ_i δ_i(0)² outside the top eigenspace.  It does not
    depend on ε, p or α. *)
Theorem lemma_2_part_2_rate c K M finish :
  (forall i, (i < d)%nat -> γ i <> γ O -> Rabs (1 - 2 * γ i / γ O) <= c) ->
  is_max (fun j => (j < d)%nat /\ γ j = γ O) (fun j => λ j / γ j) M ->
  annealed_to d (loss d γ) K (1 / γ O) ε δ finish ->
  loss d λ finish <= ε * M + c ^ (2 * K) * block_loss d λ δ (outside (top γ (γ O))).
Proof.
  intros largest most ends. pose proof (lemma_2_part_2 K M finish most ends).
  pose proof (rest_bound c K largest). lra.
Qed.

(** The exponential: for some constant C and rate r > 0, rest(K) ≤ C e^(-rK) for every K. *)
Theorem rest_decays : exists C r, 0 < r /\ forall K, rest K <= C * exp (- r * INR K).
Proof.
  destruct (max_exists d
    (fun i => if top γ (γ O) i then 0 else Rabs (1 - 2 * γ i / γ O)) first_exists)
    as [c [[i0 [below0 at_i0]] largest]].
  assert (c_below : c < 1).
  { rewrite <- at_i0. destruct (top γ (γ O) i0) eqn:at_top; [lra|].
    apply factor_below_1; [easy|]. apply not_in_top. unfold outside. now rewrite at_top. }
  (* c may be 0, as in the paper's example: log 0 must not be taken *)
  set (c' := Rmax c (1 / 2)).
  assert (c'_range : 0 < c' < 1).
  { unfold c'. pose proof (Rmax_r c (1 / 2)). split; [lra|]. apply Rmax_lub_lt; lra. }
  exists (block_loss d λ δ (outside (top γ (γ O)))), (- (2 * ln c')). split.
  - assert (ln c' < 0) by (rewrite <- ln_1; apply ln_increasing; lra). lra.
  - intros K. rewrite (Rmult_comm (block_loss _ _ _ _)).
    replace (exp (- - (2 * ln c') * INR K)) with (c' ^ (2 * K)).
    + apply rest_bound. intros i below not_top. pose proof (largest i below) as le.
      cbv beta in le. apply not_in_top in not_top. unfold outside in not_top.
      apply Bool.negb_true_iff in not_top. rewrite not_top in le.
      apply Rle_trans with c; [easy|apply Rmax_l].
    + rewrite <- Rpower_pow by easy. unfold Rpower. rewrite mult_INR. simpl. f_equal. ring.
Qed.

End Lemma2.

(** Lemma 2 as a whole: with "exp(-Ω(K))" read as C e^(-rK). *)
Theorem lemma_2 d k γ λ δ p α ε :
  premises d k γ λ δ p α ε ->
  (forall m finish,
    is_min (fun j => (k <= j < d)%nat) (fun j => λ j / γ j) m ->
    flow_to d (loss d γ) ε δ finish ->
    loss d λ finish >= ε * (1 - α) * m) /\
  exists C r, 0 < r /\ forall K M finish,
    is_max (fun j => (j < d)%nat /\ γ j = γ O) (fun j => λ j / γ j) M ->
    annealed_to d (loss d γ) K (1 / γ O) ε δ finish ->
    loss d λ finish <= ε * M + C * exp (- r * INR K).
Proof.
  intros holds. split.
  - intros m finish. now apply lemma_2_part_1 with p.
  - destruct (rest_decays d k γ λ δ p α ε holds) as (C & r & r_pos & decays).
    exists C, r. split; [easy|]. intros K M finish largest ends.
    pose proof (lemma_2_part_2 d k γ λ δ p α ε holds K M finish largest ends).
    specialize (decays K). lra.
Qed.

(** Equations (3) and (4): the band of test losses on the level set L̂ = ε. *)

From Isoloss Require Import Directions.

(** The point of the level set that lies along direction i. *)
Definition along (i : nat) (γ : nat -> R) (ε : R) : vector :=
  fun j => if Nat.eqb j i then sqrt (ε / γ i) else 0.

Lemma loss_along d i γ ε λ :
  (i < d)%nat -> 0 < γ i -> 0 <= ε -> loss d λ (along i γ ε) = λ i * (ε / γ i).
Proof.
  intros below pos ε_pos. unfold loss, along.
  rewrite <- (sum_single d i (fun j => λ j * (ε / γ i))) by easy.
  apply sum_ext. intros j _. destruct (Nat.eqb j i); [|ring].
  rewrite <- Rsqr_pow2, Rsqr_sqrt; [easy|].
  apply Rmult_le_pos; [easy|]. left. now apply Rinv_0_lt_compat.
Qed.

Lemma train_loss_along d i γ ε :
  (i < d)%nat -> 0 < γ i -> 0 <= ε -> loss d γ (along i γ ε) = ε.
Proof. intros below pos ε_pos. rewrite loss_along by easy. field. lra. Qed.

(** Equation (3): "over {β : L̂(β) = ε} the lowest test loss is ε min_i λ_i/γ_i". *)
Theorem equation_3 d γ λ ε m :
  (forall i, (i < d)%nat -> 0 < γ i) -> 0 <= ε ->
  is_min (fun i => (i < d)%nat) (fun i => λ i / γ i) m ->
  is_min (fun δ => loss d γ δ = ε) (loss d λ) (ε * m).
Proof.
  intros γ_pos ε_pos [[i [below <-]] least]. split.
  - exists (along i γ ε). pose proof (γ_pos i below). split; [now apply train_loss_along|].
    rewrite loss_along by easy. field. lra.
  - intros δ <-. unfold loss. rewrite Rmult_comm, <- sum_scale. apply sum_le. intros j j_below.
    rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [apply pow2_ge_0|].
    pose proof (γ_pos j j_below). pose proof (least j j_below). simpl in *.
    apply (Rmult_le_reg_r (/ γ j)); [now apply Rinv_0_lt_compat|].
    rewrite Rmult_assoc, Rinv_r, Rmult_1_r by lra. easy.
Qed.

(** Equation (4): the highest test loss is ε max_i λ_i/γ_i. *)
Theorem equation_4 d γ λ ε M :
  (forall i, (i < d)%nat -> 0 < γ i) -> 0 <= ε ->
  is_max (fun i => (i < d)%nat) (fun i => λ i / γ i) M ->
  is_max (fun δ => loss d γ δ = ε) (loss d λ) (ε * M).
Proof.
  intros γ_pos ε_pos [[i [below <-]] most]. split.
  - exists (along i γ ε). pose proof (γ_pos i below). split; [now apply train_loss_along|].
    rewrite loss_along by easy. field. lra.
  - intros δ <-. unfold loss. rewrite Rmult_comm, <- sum_scale. apply sum_le. intros j j_below.
    rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [apply pow2_ge_0|].
    pose proof (γ_pos j j_below). pose proof (most j j_below). simpl in *.
    apply (Rmult_le_reg_r (/ γ j)); [now apply Rinv_0_lt_compat|].
    rewrite Rmult_assoc, Rinv_r, Rmult_1_r by lra. easy.
Qed.

(** With zero curvature in the train spectrum equation (4) is infinite: "without loss of generality
    Σ ≻ 0" of the paper speaks of the test covariance, which is not enough. *)
Theorem equation_4_zero_curvature d γ λ ε i j bound :
  (i < d)%nat -> (j < d)%nat -> (forall k, (k < d)%nat -> 0 <= λ k) ->
  0 < γ i -> 0 <= ε -> γ j = 0 -> 0 < λ j ->
  exists δ, loss d γ δ = ε /\ bound < loss d λ δ.
Proof.
  intros i_below j_below λ_pos γ_pos ε_pos at_rest seen.
  set (free := sqrt ((Rabs bound + 1) / λ j)).
  assert (square : λ j * free ^ 2 = Rabs bound + 1).
  { unfold free. rewrite <- Rsqr_pow2, Rsqr_sqrt; [field; lra|].
    pose proof (Rabs_pos bound).
    apply Rmult_le_pos; [lra|]. left. now apply Rinv_0_lt_compat. }
  exists (fun k => if Nat.eqb k j then free else along i γ ε k). split.
  - transitivity (loss d γ (along i γ ε)); [|now apply train_loss_along].
    apply sum_ext. intros k _.
    destruct (Nat.eqb_spec k j) as [->|]; [rewrite at_rest; ring|easy].
  - apply Rlt_le_trans with (λ j * free ^ 2).
    + pose proof (Rle_abs bound). lra.
    + pose proof (term_le_sum d
        (fun k => λ k * (if Nat.eqb k j then free else along i γ ε k) ^ 2) j) as term.
      cbv beta in term. rewrite Nat.eqb_refl in term. apply term; [|easy].
      intros k below. apply Rmult_le_pos; [auto|apply pow2_ge_0].
Qed.

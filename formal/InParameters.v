(** The statements for parameters β and losses L̂(β), L_D(β) that are diagonal in one basis U.

    [Samples.v] says when the losses of samples and of a distribution are. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent Band.
From Isoloss Require Import Lemma2Flow Lemma2Annealed Lemma2 Basis.

Section InParameters.

Variables (d : nat) (U : nat -> nat -> R) (β_star : vector) (γ λ : nat -> R).
Variables (L_hat L_D : vector -> R).

Hypothesis basis : orthogonal d U.
Hypothesis train_diagonal : diagonal_in d U β_star γ L_hat.
Hypothesis test_diagonal : diagonal_in d U β_star λ L_D.

(** The level set {β : L̂(β) = ε} has the same test losses as {δ : Σ γ_i δ_i² = ε}. *)
Lemma level_sets_agree ε δ :
  loss d γ δ = ε ->
  exists β, L_hat β = ε /\ L_D β = loss d λ δ.
Proof.
  intros at_level. exists (parameters d U β_star δ).
  rewrite train_diagonal, test_diagonal, <- at_level.
  split; apply loss_ext; intros i below; now apply residual_of_parameters.
Qed.

(** Equation (3). *)
Theorem equation_3_in_parameters ε m :
  (forall i, (i < d)%nat -> 0 < γ i) -> 0 <= ε ->
  is_min (fun i => (i < d)%nat) (fun i => λ i / γ i) m ->
  is_min (fun β => L_hat β = ε) L_D (ε * m).
Proof.
  intros pos ε_pos least.
  destruct (equation_3 d γ λ ε m pos ε_pos least) as [[δ [at_level <-]] all].
  split.
  - now apply level_sets_agree.
  - intros β. rewrite train_diagonal, test_diagonal. apply all.
Qed.

(** Equation (4). *)
Theorem equation_4_in_parameters ε M :
  (forall i, (i < d)%nat -> 0 < γ i) -> 0 <= ε ->
  is_max (fun i => (i < d)%nat) (fun i => λ i / γ i) M ->
  is_max (fun β => L_hat β = ε) L_D (ε * M).
Proof.
  intros pos ε_pos most.
  destruct (equation_4 d γ λ ε M pos ε_pos most) as [[δ [at_level <-]] all].
  split.
  - now apply level_sets_agree.
  - intros β. rewrite train_diagonal, test_diagonal. apply all.
Qed.

(** Lemma 2, with δ(0) = Uᵀ(β0 - β⋆). *)
Theorem lemma_2_in_parameters k β0 p α ε :
  premises d k γ λ (residual d U β_star β0) p α ε ->
  (forall m β,
    is_min (fun j => (k <= j < d)%nat) (fun j => λ j / γ j) m ->
    flow_to d L_hat ε β0 β ->
    L_D β >= ε * (1 - α) * m) /\
  (forall K M β,
    is_max (fun j => (j < d)%nat /\ γ j = γ O) (fun j => λ j / γ j) M ->
    annealed_to d L_hat K (1 / γ O) ε β0 β ->
    L_D β <= ε * M + rest d γ λ (residual d U β_star β0) K) /\
  exists C r, 0 < r /\ forall K M β,
    is_max (fun j => (j < d)%nat /\ γ j = γ O) (fun j => λ j / γ j) M ->
    annealed_to d L_hat K (1 / γ O) ε β0 β ->
    L_D β <= ε * M + C * exp (- r * INR K).
Proof.
  intros holds. repeat split.
  - intros m β least ends. rewrite test_diagonal.
    apply (lemma_2_part_1 d k γ λ _ p α ε holds); [easy|].
    now apply flow_to_in_basis with L_hat.
  - intros K M β most ends. rewrite test_diagonal.
    apply (lemma_2_part_2 d k γ λ _ p α ε holds); [easy|].
    now apply annealed_to_in_basis with L_hat.
  - destruct (lemma_2 d k γ λ _ p α ε holds) as (_ & C & r & r_pos & bound).
    exists C, r. split; [easy|]. intros K M β most ends. rewrite test_diagonal.
    apply bound; [easy|]. now apply annealed_to_in_basis with L_hat.
Qed.

(** Both end points exist and are unique. *)
Theorem ends_in_parameters_exist K η β0 ε :
  (forall i, (i < d)%nat -> 0 <= γ i) -> 0 < ε ->
  (exists β, flow_to d L_hat ε β0 β) /\ (exists β, annealed_to d L_hat K η ε β0 β).
Proof.
  intros pos ε_pos. split.
  - now apply (flow_to_in_basis_exists d U β_star γ).
  - now apply (annealed_to_in_basis_exists d U β_star γ).
Qed.

Lemma same_residuals_same_parameters β β' :
  (forall i, (i < d)%nat -> residual d U β_star β i = residual d U β_star β' i) ->
  forall k, (k < d)%nat -> β k = β' k.
Proof.
  intros same k below.
  rewrite <- (parameters_of_residual d U β_star basis β k below).
  rewrite <- (parameters_of_residual d U β_star basis β' k below).
  unfold parameters. f_equal. apply sum_ext. intros i i_below. now rewrite same.
Qed.

Theorem flow_end_unique β0 ε β β' :
  flow_to d L_hat ε β0 β -> flow_to d L_hat ε β0 β' -> forall k, (k < d)%nat -> β k = β' k.
Proof.
  intros ends ends'. apply same_residuals_same_parameters.
  apply (flow_to_unique d γ ε (residual d U β_star β0)); now apply flow_to_in_basis with L_hat.
Qed.

Theorem annealed_end_unique K η β0 ε β β' :
  annealed_to d L_hat K η ε β0 β -> annealed_to d L_hat K η ε β0 β' ->
  forall k, (k < d)%nat -> β k = β' k.
Proof.
  intros ends ends'. apply same_residuals_same_parameters.
  apply (annealed_to_unique d γ K η ε (residual d U β_star β0));
    now apply annealed_to_in_basis with L_hat.
Qed.

End InParameters.

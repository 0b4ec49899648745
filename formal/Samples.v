(** Distributions on R^d × R, samples from them, and the losses of both:

        L̂(β) = (1/n) Σ (⟨x_i, β⟩ - y_i)²,      L_D(β) = E (⟨x, β⟩ - y)².

    If y = ⟨x, β⋆⟩, a loss is the quadratic form of its second moments, and is Σ γ_i δ_i² in a basis
    that diagonalises them. *)

From Isoloss Require Import Directions Basis.

Definition dot (d : nat) (x y : vector) : R := sum d (fun k => x k * y k).

(** A distribution on finitely many points, which are numbered. *)
Record distribution : Type := {
  size : nat;
  weight : nat -> R;
  input : nat -> vector;
  target : nat -> R
}.

Definition is_distribution (D : distribution) : Prop :=
  (forall s, (s < size D)%nat -> 0 <= weight D s) /\ sum (size D) (weight D) = 1.

Definition squared_error (d : nat) (D : distribution) (s : nat) (β : vector) : R :=
  (dot d (input D s) β - target D s) ^ 2.

(** L_D. *)
Definition population_loss (d : nat) (D : distribution) (β : vector) : R :=
  sum (size D) (fun s => weight D s * squared_error d D s β).

(** L̂ of n samples: [draw i] is the number of the point that the i-th sample shows. *)
Definition sample_loss (d : nat) (D : distribution) (n : nat) (draw : nat -> nat) (β : vector) :
  R :=
  sum n (fun i => squared_error d D (draw i) β) / INR n.

(** The probability of an event over three independent samples. *)
Definition three (a b c : nat) : nat -> nat :=
  fun i => match i with O => a | 1%nat => b | _ => c end.

Definition probability_of_three (D : distribution) (event : nat -> nat -> nat -> bool) : R :=
  sum (size D) (fun a => sum (size D) (fun b => sum (size D) (fun c =>
    if event a b c then weight D a * weight D b * weight D c else 0))).

(** ** Losses are quadratic forms *)

Lemma dot_of_difference d x β β' : dot d x β - dot d x β' = dot d x (fun k => β k - β' k).
Proof.
  unfold dot. replace (sum d (fun k => x k * β' k)) with (- - sum d (fun k => x k * β' k)) by ring.
  rewrite <- sum_opp. unfold Rminus. rewrite Ropp_involutive, <- sum_plus.
  apply sum_ext. intros k _. ring.
Qed.

Lemma square_of_sum d f : sum d f ^ 2 = sum d (fun k => sum d (fun l => f k * f l)).
Proof.
  simpl. rewrite Rmult_1_r, <- sum_scale. apply sum_ext. intros k _.
  now rewrite sum_scale, Rmult_comm.
Qed.

(** If Σ_s w_s x_s x_sᵀ = U diag(γ) Uᵀ and y = ⟨x, β⋆⟩, then
    Σ_s w_s (⟨x_s, β⟩ - y_s)² = Σ γ_i δ_i². *)
Theorem second_moments_diagonalise d n (w : nat -> R) (x : nat -> vector) U γ β_star β :
  (forall k l, (k < d)%nat -> (l < d)%nat ->
    sum n (fun s => w s * (x s k * x s l)) = sum d (fun i => γ i * (U k i * U l i))) ->
  sum n (fun s => w s * (dot d (x s) β - dot d (x s) β_star) ^ 2) =
  loss d γ (residual d U β_star β).
Proof.
  intros moments. set (e := fun k => β k - β_star k).
  transitivity (sum d (fun k => sum d (fun l =>
    (e k * e l) * sum n (fun s => w s * (x s k * x s l))))).
  - (* the left side, with the samples innermost *)
    transitivity (sum n (fun s => sum d (fun k => sum d (fun l =>
      (e k * e l) * (w s * (x s k * x s l)))))).
    + apply sum_ext. intros s _. rewrite dot_of_difference. unfold dot. rewrite square_of_sum.
      rewrite <- sum_scale. apply sum_ext. intros k _. rewrite <- sum_scale. apply sum_ext.
      intros l _. unfold e. ring.
    + rewrite sum_swap. apply sum_ext. intros k _. rewrite sum_swap. apply sum_ext. intros l _.
      apply sum_scale.
  - (* the right side, with the directions innermost *)
    transitivity (sum d (fun i => sum d (fun k => sum d (fun l =>
      γ i * ((U k i * e k) * (U l i * e l)))))).
    + symmetry. rewrite sum_swap. apply sum_ext. intros k k_below.
      rewrite sum_swap. apply sum_ext. intros l l_below. symmetry.
      rewrite moments, <- sum_scale by easy. apply sum_ext. intros i _. ring.
    + apply sum_ext. intros i _. unfold residual. rewrite square_of_sum.
      rewrite <- sum_scale. apply sum_ext. intros k _. rewrite <- sum_scale. reflexivity.
Qed.

(** For the test loss: Σ = E xxᵀ = U diag(λ) Uᵀ. *)
Theorem population_loss_is_diagonal d D U λ β_star :
  (forall s, (s < size D)%nat -> target D s = dot d (input D s) β_star) ->
  (forall k l, (k < d)%nat -> (l < d)%nat ->
    sum (size D) (fun s => weight D s * (input D s k * input D s l)) =
    sum d (fun i => λ i * (U k i * U l i))) ->
  diagonal_in d U β_star λ (population_loss d D).
Proof.
  intros exact moments β. rewrite <- (second_moments_diagonalise _ (size D) _ _ _ _ _ _ moments).
  apply sum_ext. intros s below. unfold squared_error. now rewrite exact.
Qed.

(** For the train loss: Σ̂ = XᵀX/n = U diag(γ) Uᵀ. *)
Theorem sample_loss_is_diagonal d D n draw U γ β_star :
  (forall i, (i < n)%nat -> target D (draw i) = dot d (input D (draw i)) β_star) ->
  (forall k l, (k < d)%nat -> (l < d)%nat ->
    sum n (fun i => / INR n * (input D (draw i) k * input D (draw i) l)) =
    sum d (fun i => γ i * (U k i * U l i))) ->
  diagonal_in d U β_star γ (sample_loss d D n draw).
Proof.
  intros exact moments β. unfold sample_loss, Rdiv. rewrite Rmult_comm, <- sum_scale.
  rewrite <- (second_moments_diagonalise _ n _ _ _ _ _ _ moments).
  apply sum_ext. intros i below. unfold squared_error. now rewrite exact.
Qed.

(** Directions and losses (the paper's conventions, appendix A.1).

    The train and the test covariance share their eigenvectors, with eigenvalues
    γ_i and λ_i.  In that basis δ = Uᵀ(β - β⋆) and

        L̂ = Σ γ_i δ_i²,      L_D = Σ λ_i δ_i².

    Directions are numbered 0, …, d - 1 (the paper: 1, …, d).  A vector is a
    function of which only the values at i < d matter. *)

Require Export Reals Lra Lia Psatz.
Open Scope R_scope.

Definition vector := nat -> R.

Fixpoint sum (d : nat) (f : nat -> R) : R :=
  match d with
  | O => 0
  | S d' => sum d' f + f d'
  end.

(** A loss as a function of the residual δ: [loss d γ] is L̂, [loss d λ] is L_D. *)
Definition loss (d : nat) (γ : nat -> R) (δ : vector) : R :=
  sum d (fun i => γ i * δ i ^ 2).

(** A block of directions, and the sum over its members. *)
Definition sum_over (d : nat) (block : nat -> bool) (f : nat -> R) : R :=
  sum d (fun i => if block i then f i else 0).

Definition outside (block : nat -> bool) : nat -> bool := fun i => negb (block i).

(** [m] is the least, or the largest, value of [f] where [P] holds. *)
Definition is_min {A : Type} (P : A -> Prop) (f : A -> R) (m : R) : Prop :=
  (exists a, P a /\ f a = m) /\ forall a, P a -> m <= f a.

Definition is_max {A : Type} (P : A -> Prop) (f : A -> R) (m : R) : Prop :=
  (exists a, P a /\ f a = m) /\ forall a, P a -> f a <= m.

(** ** Sums *)

Lemma sum_ext d f g : (forall i, (i < d)%nat -> f i = g i) -> sum d f = sum d g.
Proof.
  induction d as [|d IH]; intros same; simpl; [easy|].
  rewrite IH, same by auto. reflexivity.
Qed.

Lemma sum_le d f g : (forall i, (i < d)%nat -> f i <= g i) -> sum d f <= sum d g.
Proof.
  induction d as [|d IH]; intros le; simpl; [lra|].
  apply Rplus_le_compat; auto.
Qed.

Lemma sum_plus d f g : sum d (fun i => f i + g i) = sum d f + sum d g.
Proof. induction d as [|d IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma sum_scale d c f : sum d (fun i => c * f i) = c * sum d f.
Proof. induction d as [|d IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma sum_opp d f : sum d (fun i => - f i) = - sum d f.
Proof. induction d as [|d IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma sum_of_zeros d : sum d (fun _ => 0) = 0.
Proof. induction d as [|d IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma sum_nonneg d f : (forall i, (i < d)%nat -> 0 <= f i) -> 0 <= sum d f.
Proof. intros pos. rewrite <- (sum_of_zeros d). now apply sum_le. Qed.

Lemma term_le_sum d f i :
  (forall j, (j < d)%nat -> 0 <= f j) -> (i < d)%nat -> f i <= sum d f.
Proof.
  induction d as [|d IH]; intros pos at_i; simpl; [lia|].
  destruct (Nat.eq_dec i d) as [->|other].
  - pose proof (sum_nonneg d f ltac:(auto)). lra.
  - pose proof (IH ltac:(auto) ltac:(lia)). pose proof (pos d ltac:(lia)). lra.
Qed.

(** A sum of which only one term is not 0. *)
Lemma sum_single d i f :
  (i < d)%nat -> sum d (fun j => if Nat.eqb j i then f j else 0) = f i.
Proof.
  induction d as [|d IH]; intros at_i; simpl; [lia|].
  destruct (Nat.eq_dec i d) as [->|other].
  - rewrite Nat.eqb_refl, (sum_ext d _ (fun _ => 0)), sum_of_zeros; [ring|].
    intros j below. now replace (Nat.eqb j d) with false by (symmetry; apply Nat.eqb_neq; lia).
  - replace (Nat.eqb d i) with false by (symmetry; apply Nat.eqb_neq; lia).
    rewrite IH by lia. ring.
Qed.

Lemma sum_swap m n f :
  sum m (fun i => sum n (fun j => f i j)) = sum n (fun j => sum m (fun i => f i j)).
Proof.
  induction m as [|m IH]; simpl; [now rewrite sum_of_zeros|].
  now rewrite IH, <- sum_plus.
Qed.

(** ** Blocks *)

Lemma sum_splits d block f : sum d f = sum_over d block f + sum_over d (outside block) f.
Proof.
  unfold sum_over, outside. rewrite <- sum_plus. apply sum_ext. intros i _.
  destruct (block i); simpl; ring.
Qed.

Lemma sum_over_le d block f g :
  (forall i, (i < d)%nat -> block i = true -> f i <= g i) ->
  sum_over d block f <= sum_over d block g.
Proof.
  intros le. apply sum_le. intros i below.
  destruct (block i) eqn:inside; [auto|lra].
Qed.

Lemma sum_over_scale d block c f : sum_over d block (fun i => c * f i) = c * sum_over d block f.
Proof.
  unfold sum_over. rewrite <- sum_scale. apply sum_ext. intros i _.
  destruct (block i); ring.
Qed.

Lemma sum_over_nonneg d block f :
  (forall i, (i < d)%nat -> block i = true -> 0 <= f i) -> 0 <= sum_over d block f.
Proof.
  intros pos. apply sum_nonneg. intros i below.
  destruct (block i) eqn:inside; [auto|lra].
Qed.

Lemma sum_over_le_sum d block f :
  (forall i, (i < d)%nat -> 0 <= f i) -> sum_over d block f <= sum d f.
Proof.
  intros pos. rewrite (sum_splits d block f).
  pose proof (sum_over_nonneg d (outside block) f ltac:(auto)). lra.
Qed.

(** ** Losses *)

Lemma loss_nonneg d γ δ : (forall i, (i < d)%nat -> 0 <= γ i) -> 0 <= loss d γ δ.
Proof.
  intros pos. apply sum_nonneg. intros i below.
  apply Rmult_le_pos; [auto|apply pow2_ge_0].
Qed.

Lemma loss_ext d γ δ δ' : (forall i, (i < d)%nat -> δ i = δ' i) -> loss d γ δ = loss d γ δ'.
Proof. intros same. apply sum_ext. intros i below. now rewrite same. Qed.

(** ** Least and largest values exist *)

Lemma min_exists d f :
  (0 < d)%nat -> exists m, is_min (fun i => (i < d)%nat) f m.
Proof.
  induction d as [|d IH]; intros some; [lia|].
  destruct (Nat.eq_dec d 0) as [->|more].
  - exists (f O). split; [exists O; auto|]. intros i below. replace i with O by lia. lra.
  - destruct (IH ltac:(lia)) as [m [[i [below at_i]] least]].
    destruct (Rle_dec m (f d)) as [le|gt].
    + exists m. split; [exists i; split; [lia|easy]|].
      intros j j_below. destruct (Nat.eq_dec j d) as [->|]; [easy|apply least; lia].
    + exists (f d). split; [exists d; split; [lia|easy]|].
      intros j j_below. destruct (Nat.eq_dec j d) as [->|]; [lra|].
      pose proof (least j ltac:(lia)). lra.
Qed.

Lemma max_exists d f :
  (0 < d)%nat -> exists m, is_max (fun i => (i < d)%nat) f m.
Proof.
  intros some.
  destruct (min_exists d (fun i => - f i) some) as [m [[i [below at_i]] least]].
  exists (- m). split; [exists i; split; [easy|lra]|].
  intros j j_below. pose proof (least j j_below). simpl in *. lra.
Qed.

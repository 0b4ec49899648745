(** The definitions in rational numbers, which compute, and proofs that they equal the real ones. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent.
From Isoloss Require Import Lemma2Annealed Lemma2 Minibatches.
Require Import QArith Qreals.
Open Scope Q_scope.

Definition q_vector := nat -> Q.

Fixpoint q_sum (d : nat) (f : nat -> Q) : Q :=
  match d with
  | O => 0
  | S d' => Qred (q_sum d' f + f d')
  end.

Fixpoint q_power (x : Q) (n : nat) : Q :=
  match n with
  | O => 1
  | S n' => Qred (x * q_power x n')
  end.

(** L̂ and L_D. *)
Definition q_loss (d : nat) (γ : nat -> Q) (δ : q_vector) : Q :=
  q_sum d (fun i => γ i * q_power (δ i) 2).

(** GD(L̂, K, η, ε): the number of steps taken, and the residual after them. *)
Definition q_step (γ : nat -> Q) (η : Q) (δ : q_vector) : q_vector :=
  fun i => Qred ((1 - 2 * η * γ i) * δ i).

Fixpoint q_descend (d : nat) (γ : nat -> Q) (η ε : Q) (K : nat) (δ : q_vector) : nat * q_vector :=
  match K with
  | O => (O, δ)
  | S K' =>
      if Qle_bool (q_loss d γ δ) ε then (O, δ)
      else let (k, finish) := q_descend d γ η ε K' (q_step γ η δ) in (S k, finish)
  end.

(** min and max of λ_i/γ_i: the ends of the band of equations (3) and (4), over ε. *)
Fixpoint q_least (d : nat) (f : nat -> Q) : Q :=
  match d with
  | O => f O
  | S d' => if Qle_bool (q_least d' f) (f (S d')) then q_least d' f else f (S d')
  end.

Definition q_lowest (d : nat) (γ λ : nat -> Q) : Q := q_least (pred d) (fun i => λ i / γ i).

Definition q_highest (d : nat) (γ λ : nat -> Q) : Q := - q_least (pred d) (fun i => - (λ i / γ i)).

(** What part 2 of Lemma 2 adds to ε max λ_j/γ_j, with the constant written out. *)
Definition q_rest (d : nat) (γ λ : nat -> Q) (δ : q_vector) (K : nat) : Q :=
  q_sum d (fun i => if Qeq_bool (γ i) (γ O) then 0
                    else q_power (1 - 2 * γ i / γ O) (2 * K) * (λ i * q_power (δ i) 2)).

(** Minibatches of B rows in the example: the factor of E δ_i² in a step. *)
Definition q_factor (B : nat) (η p : Q) : Q :=
  let size := inject_Z (Z.of_nat B) in
  1 - 4 * η * p + 4 * q_power η 2 * (q_power p 2 + p * (1 - p) / size).

(** ** They are the real ones *)

Definition real (f : nat -> Q) : nat -> R := fun i => Q2R (f i).

Lemma Q2R_red q : Q2R (Qred q) = Q2R q.
Proof. apply Qeq_eqR, Qred_correct. Qed.

Lemma Q2R_0 : Q2R 0 = 0%R.
Proof. unfold Q2R. simpl. lra. Qed.

Lemma Q2R_1 : Q2R 1 = 1%R.
Proof. unfold Q2R. simpl. lra. Qed.

Lemma Q2R_integer n : Q2R (inject_Z n) = IZR n.
Proof. unfold Q2R. simpl. lra. Qed.

Lemma Q2R_2 : Q2R 2 = 2%R.
Proof. apply Q2R_integer. Qed.

Lemma Q2R_4 : Q2R 4 = 4%R.
Proof. apply Q2R_integer. Qed.

Lemma q_power_is_power x n : Q2R (q_power x n) = (Q2R x ^ n)%R.
Proof.
  induction n as [|n IH]; cbn [q_power pow]; [apply Q2R_1|]. now rewrite Q2R_red, Q2R_mult, IH.
Qed.

Lemma q_sum_is_sum d f : Q2R (q_sum d f) = sum d (fun i => Q2R (f i)).
Proof.
  induction d as [|d IH]; cbn [q_sum sum]; [apply Q2R_0|]. now rewrite Q2R_red, Q2R_plus, IH.
Qed.

Theorem q_loss_is_loss d γ δ : Q2R (q_loss d γ δ) = loss d (real γ) (real δ).
Proof.
  unfold q_loss, loss. rewrite q_sum_is_sum. apply sum_ext. intros i _.
  now rewrite Q2R_mult, q_power_is_power.
Qed.

Lemma q_step_is_step d γ η δ :
  gd_step d (loss d (real γ)) (Q2R η) (real δ) (real (q_step γ η δ)).
Proof.
  apply gd_step_is_factor. intros i _. unfold real, q_step.
  now rewrite Q2R_red, Q2R_mult, Q2R_minus, !Q2R_mult, Q2R_1, Q2R_2.
Qed.

Theorem q_descend_is_descends d γ η ε K : forall δ,
  descends d (loss d (real γ)) (Q2R η) (Q2R ε) K (real δ) (real (snd (q_descend d γ η ε K δ))).
Proof.
  induction K as [|K IH]; intros δ; cbn [q_descend snd]; [constructor|].
  destruct (Qle_bool (q_loss d γ δ) ε) eqn:low.
  - constructor. rewrite <- q_loss_is_loss. apply Qle_Rle. now apply Qle_bool_iff.
  - specialize (IH (q_step γ η δ)).
    destruct (q_descend d γ η ε K (q_step γ η δ)) as [k finish].
    apply stepped with (real (q_step γ η δ)); [|apply q_step_is_step|easy].
    rewrite <- q_loss_is_loss. apply Qlt_Rlt, Qnot_le_lt. intros le.
    apply Qle_bool_iff in le. congruence.
Qed.

Lemma q_least_is_min d f : is_min (fun i => (i < S d)%nat) (real f) (Q2R (q_least d f)).
Proof.
  induction d as [|d [[i [below at_i]] least]]; cbn [q_least].
  - split; [exists O; split; [lia|easy]|]. intros i below. replace i with O by lia. apply Rle_refl.
  - destruct (Qle_bool (q_least d f) (f (S d))) eqn:order; split.
    + exists i. split; [lia|easy].
    + intros j j_below. destruct (Nat.eq_dec j (S d)) as [->|]; [|apply least; lia].
      apply Qle_Rle. now apply Qle_bool_iff.
    + exists (S d). split; [lia|easy].
    + intros j j_below. destruct (Nat.eq_dec j (S d)) as [->|]; [apply Rle_refl|].
      apply Rle_trans with (Q2R (q_least d f)); [|apply least; lia].
      apply Qle_Rle, Qlt_le_weak, Qnot_le_lt. intros le. apply Qle_bool_iff in le. congruence.
Qed.

Lemma real_ratio γ λ i : (0 < Q2R (γ i))%R -> Q2R (λ i / γ i) = (real λ i / real γ i)%R.
Proof.
  intros pos. unfold Qdiv, Rdiv, real. rewrite Q2R_mult, Q2R_inv; [easy|].
  intros zero. apply Qeq_eqR in zero. rewrite Q2R_0 in zero. lra.
Qed.

Theorem q_lowest_is_lowest d γ λ :
  (0 < d)%nat -> (forall i, (i < d)%nat -> (0 < real γ i)%R) ->
  is_min (fun i => (i < d)%nat) (fun i => (real λ i / real γ i)%R) (Q2R (q_lowest d γ λ)).
Proof.
  intros some pos. destruct d as [|d]; [lia|]. unfold q_lowest. simpl pred.
  destruct (q_least_is_min d (fun i => λ i / γ i)) as [[i [below at_i]] least]. split.
  - exists i. split; [easy|]. now rewrite <- at_i, <- real_ratio by (apply pos; easy).
  - intros j j_below. rewrite <- real_ratio by (apply pos; easy). now apply least.
Qed.

Theorem q_highest_is_highest d γ λ :
  (0 < d)%nat -> (forall i, (i < d)%nat -> (0 < real γ i)%R) ->
  is_max (fun i => (i < d)%nat) (fun i => (real λ i / real γ i)%R) (Q2R (q_highest d γ λ)).
Proof.
  intros some pos. destruct d as [|d]; [lia|]. unfold q_highest. simpl pred. rewrite Q2R_opp.
  destruct (q_least_is_min d (fun i => - (λ i / γ i))) as [[i [below at_i]] least].
  unfold real at 1 in at_i. unfold real at 1 in least. split.
  - exists i. split; [easy|]. rewrite <- real_ratio by (apply pos; easy).
    rewrite Q2R_opp in at_i. lra.
  - intros j j_below. rewrite <- real_ratio by (apply pos; easy).
    specialize (least j j_below). rewrite Q2R_opp in least. lra.
Qed.

Lemma q_top γ g i : top (real γ) (Q2R g) i = Qeq_bool (γ i) g.
Proof.
  unfold top. destruct (Req_EM_T (real γ i) (Q2R g)) as [same|other]; symmetry.
  - apply Qeq_bool_iff. now apply eqR_Qeq.
  - apply Bool.not_true_iff_false. intros same. apply other, Qeq_eqR. now apply Qeq_bool_iff.
Qed.

Theorem q_rest_is_rest d γ λ δ K :
  real γ O <> 0%R -> Q2R (q_rest d γ λ δ K) = rest d (real γ) (real λ) (real δ) K.
Proof.
  intros not_0. unfold q_rest, rest, sum_over. rewrite q_sum_is_sum. apply sum_ext. intros i _.
  unfold outside. change (top (real γ) (real γ O) i) with (top (real γ) (Q2R (γ O)) i).
  rewrite q_top. destruct (Qeq_bool (γ i) (γ O)); simpl negb; cbv iota.
  - apply Q2R_0.
  - rewrite !Q2R_mult, !q_power_is_power, Q2R_minus, Q2R_1. unfold Qdiv, Rdiv, real.
    rewrite !Q2R_mult, Q2R_inv, Q2R_2; [easy|].
    intros zero. apply Qeq_eqR in zero. rewrite Q2R_0 in zero. now apply not_0.
Qed.

Theorem q_factor_is_factor B η p :
  (1 <= B)%nat -> Q2R (q_factor B η p) = factor B (Q2R η) (Q2R p).
Proof.
  intros some. unfold q_factor, factor.
  rewrite Q2R_plus, Q2R_minus, !Q2R_mult, Q2R_plus, !q_power_is_power, Q2R_1, Q2R_4.
  unfold Qdiv, Rdiv. rewrite !Q2R_mult, Q2R_minus, Q2R_1, Q2R_inv, Q2R_integer, <- INR_IZR_INZ.
  - easy.
  - intros zero. apply Qeq_eqR in zero. rewrite Q2R_integer, Q2R_0, <- INR_IZR_INZ in zero.
    pose proof (size_positive B some). lra.
Qed.

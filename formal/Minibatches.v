(** Beyond the paper: its example with minibatches.

    The rows of the training set are e1, e1, e2.  A batch has B of them, drawn with replacement, so
    that a row is e1 with probability p = 2/3.  A batch with a share m of e1 multiplies δ_1 by
    1 - 2ηm and δ_2 by 1 - 2η(1 - m).  All losses here are expectations over the batches, and all
    runs stop at one common time. *)

From Isoloss Require Import Directions Exponentials.

(** ** Expectations over a batch *)

(** The expectation of [g] of the number of e1 among B rows. *)
Fixpoint over_batch (p : R) (B : nat) (g : nat -> R) : R :=
  match B with
  | O => g O
  | S B' => p * over_batch p B' (fun m => g (S m)) + (1 - p) * over_batch p B' g
  end.

Lemma over_batch_ext p B g h : (forall m, g m = h m) -> over_batch p B g = over_batch p B h.
Proof.
  revert g h. induction B as [|B IH]; intros g h same; simpl; [easy|].
  now rewrite (IH g h same), (IH (fun m => g (S m)) (fun m => h (S m))) by auto.
Qed.

Lemma over_batch_scale p B c g : over_batch p B (fun m => c * g m) = c * over_batch p B g.
Proof.
  revert g. induction B as [|B IH]; intros g; simpl; [easy|].
  rewrite (IH g), (IH (fun m => g (S m))). ring.
Qed.

(** The second moment of an affine function of the number of e1: mean² + variance. *)
Lemma over_batch_square p B a b :
  over_batch p B (fun m => (a + b * INR m) ^ 2) =
  (a + b * (INR B * p)) ^ 2 + b ^ 2 * (INR B * (p * (1 - p))).
Proof.
  revert a. induction B as [|B IH]; intros a; cbn [over_batch]; [simpl; ring|].
  rewrite (over_batch_ext p B _ (fun m => (a + b + b * INR m) ^ 2)).
  - rewrite !IH, S_INR. ring.
  - intros m. rewrite S_INR. ring.
Qed.

(** ** One step *)

(** The factor of E δ_i² in one step, where p is the probability of row e_i. *)
Definition factor (B : nat) (η p : R) : R :=
  1 - 4 * η * p + 4 * η ^ 2 * (p ^ 2 + p * (1 - p) / INR B).

Lemma size_positive B : (1 <= B)%nat -> 1 <= INR B.
Proof. intros some. now apply (le_INR 1). Qed.

Theorem minibatch_step B η p :
  (1 <= B)%nat ->
  over_batch p B (fun m => (1 - 2 * η * (INR m / INR B)) ^ 2) = factor B η p /\
  over_batch p B (fun m => (1 - 2 * η * (1 - INR m / INR B)) ^ 2) = factor B η (1 - p).
Proof.
  intros some. pose proof (size_positive B some). split.
  - rewrite (over_batch_ext p B _ (fun m => (1 + (-2 * η / INR B) * INR m) ^ 2)).
    + rewrite over_batch_square. unfold factor. field. lra.
    + intros m. f_equal. field. lra.
  - rewrite (over_batch_ext p B _ (fun m => (1 - 2 * η + (2 * η / INR B) * INR m) ^ 2)).
    + rewrite over_batch_square. unfold factor. field. lra.
    + intros m. f_equal. field. lra.
Qed.

(** ** Runs of steps and flows *)

Inductive phase : Type :=
  | step (η : R)
  | flow (t : R).

(** The expectation of [g (δ_1, δ_2)] at the end of a run, over all its batches, where a row is e1
    with probability p. *)
Fixpoint at_end_of (p : R) (B : nat) (run : list phase) (g : R -> R -> R) (x y : R) : R :=
  match run with
  | nil => g x y
  | cons (step η) rest => over_batch p B (fun m =>
      at_end_of p B rest g
        ((1 - 2 * η * (INR m / INR B)) * x) ((1 - 2 * η * (1 - INR m / INR B)) * y))
  | cons (flow t) rest => at_end_of p B rest g (exp (-2 * p * t) * x) (exp (-2 * (1 - p) * t) * y)
  end.

(** In the example p = 2/3. *)
Definition at_end : nat -> list phase -> (R -> R -> R) -> R -> R -> R := at_end_of (2 / 3).

Definition expected_train_loss (B : nat) (run : list phase) (x y : R) : R :=
  2 / 3 * at_end B run (fun x _ => x ^ 2) x y + 1 / 3 * at_end B run (fun _ y => y ^ 2) x y.

Definition expected_test_loss (B : nat) (run : list phase) (x y : R) : R :=
  1 / 2 * at_end B run (fun x _ => x ^ 2) x y + 1 / 2 * at_end B run (fun _ y => y ^ 2) x y.

(** What a run multiplies E δ_1² and E δ_2² by. *)
Fixpoint gain (B : nat) (p : R) (run : list phase) : R :=
  match run with
  | nil => 1
  | cons (step η) rest => factor B η p * gain B p rest
  | cons (flow t) rest => exp (-4 * p * t) * gain B p rest
  end.

Theorem expected_squares_of p B run :
  (1 <= B)%nat -> forall x y,
  at_end_of p B run (fun x _ => x ^ 2) x y = gain B p run * x ^ 2 /\
  at_end_of p B run (fun _ y => y ^ 2) x y = gain B (1 - p) run * y ^ 2.
Proof.
  intros some. induction run as [|[η|t] rest IH]; intros x y; cbn [at_end_of gain].
  - split; ring.
  - destruct (minibatch_step B η p some) as [e1 e2]. split.
    + rewrite (over_batch_ext _ _ _ (fun m =>
        (gain B p rest * x ^ 2) * (1 - 2 * η * (INR m / INR B)) ^ 2)).
      * rewrite over_batch_scale, e1. ring.
      * intros m. rewrite (proj1 (IH _ _)). ring.
    + rewrite (over_batch_ext _ _ _ (fun m =>
        (gain B (1 - p) rest * y ^ 2) * (1 - 2 * η * (1 - INR m / INR B)) ^ 2)).
      * rewrite over_batch_scale, e2. ring.
      * intros m. rewrite (proj2 (IH _ _)). ring.
  - rewrite (proj1 (IH _ _)), (proj2 (IH _ _)), !Rpow_mult_distr, !square_of_exp.
    split; (replace (2 * (-2 * p * t)) with (-4 * p * t) by ring;
            replace (2 * (-2 * (1 - p) * t)) with (-4 * (1 - p) * t) by ring; ring).
Qed.

Corollary expected_squares B run :
  (1 <= B)%nat -> forall x y,
  at_end B run (fun x _ => x ^ 2) x y = gain B (2 / 3) run * x ^ 2 /\
  at_end B run (fun _ y => y ^ 2) x y = gain B (1 / 3) run * y ^ 2.
Proof.
  intros some x y. replace (1 / 3) with (1 - 2 / 3) by field. now apply expected_squares_of.
Qed.

(** ** The largest stable rate, 3B/(2B + 1) *)

Definition largest_rate (B : nat) : R := 3 * INR B / (2 * INR B + 1).

Lemma steep_factor B η :
  (1 <= B)%nat ->
  factor B η (2 / 3) = 1 + 8 / 3 * η * (η / largest_rate B - 1).
Proof.
  intros some. pose proof (size_positive B some). unfold factor, largest_rate. field. lra.
Qed.

Lemma flat_factor B η :
  (1 <= B)%nat ->
  factor B η (1 / 3) = 1 + 4 / 3 * η * (η * ((INR B + 2) / (3 * INR B)) - 1).
Proof. intros some. pose proof (size_positive B some). unfold factor. field. lra. Qed.

Lemma largest_rate_positive B : (1 <= B)%nat -> 0 < largest_rate B.
Proof.
  intros some. pose proof (size_positive B some).
  apply Rmult_lt_0_compat; [lra|apply Rinv_0_lt_compat; lra].
Qed.

(** The flat direction allows larger rates, up to 3B/(B + 2). *)
Lemma flat_is_stable B η :
  (1 <= B)%nat -> 0 <= η <= largest_rate B -> factor B η (1 / 3) <= 1.
Proof.
  intros some range. pose proof (size_positive B some) as size.
  rewrite flat_factor by easy.
  assert (η * ((INR B + 2) / (3 * INR B)) <= 1); [|nra].
  apply Rle_trans with (largest_rate B * ((INR B + 2) / (3 * INR B))).
  - apply Rmult_le_compat_r; [|easy].
    apply Rmult_le_pos; [lra|left; apply Rinv_0_lt_compat; lra].
  - unfold largest_rate.
    replace (3 * INR B / (2 * INR B + 1) * ((INR B + 2) / (3 * INR B)))
      with ((INR B + 2) / (2 * INR B + 1)) by (field; lra).
    apply (Rmult_le_reg_r (2 * INR B + 1)); [lra|].
    unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

Lemma steep_is_stable B η :
  (1 <= B)%nat -> factor B η (2 / 3) <= 1 <-> 0 <= η <= largest_rate B.
Proof.
  intros some. rewrite steep_factor by easy. pose proof (largest_rate_positive B some) as pos.
  set (top := largest_rate B) in *.
  assert (ratio : η = η / top * top) by (field; lra). set (r := η / top) in *.
  rewrite ratio. split; intros bound.
  - assert (sign : r * (r - 1) * top <= 0) by nra. assert (r * (r - 1) <= 0) by nra. nra.
  - assert (0 <= r <= 1) by nra. nra.
Qed.

Definition equal_steps (K : nat) (η : R) : list phase := List.repeat (step η) K.

Lemma gain_of_equal_steps B p K η : gain B p (equal_steps K η) = factor B η p ^ K.
Proof. induction K as [|K IH]; simpl; [easy|]. fold (equal_steps K η). now rewrite IH. Qed.

Lemma factor_nonneg B η p : (1 <= B)%nat -> 0 <= p <= 1 -> 0 <= factor B η p.
Proof.
  intros some range. pose proof (size_positive B some).
  replace (factor B η p) with ((1 - 2 * η * p) ^ 2 + 4 * η ^ 2 * (p * (1 - p) / INR B))
    by (unfold factor; field; lra).
  apply Rplus_le_le_0_compat; [apply pow2_ge_0|].
  apply Rmult_le_pos; [pose proof (pow2_ge_0 η); lra|].
  apply Rmult_le_pos; [nra|left; apply Rinv_0_lt_compat; lra].
Qed.

(** "The largest rate that is stable in mean square is 3B/(2B + 1)": the expected squares of all
    runs of equal steps, from all starts, stay bounded exactly for rates up to it. *)
Theorem minibatch_stability B η :
  (1 <= B)%nat ->
  (forall x y, exists bound, forall K,
    at_end B (equal_steps K η) (fun x _ => x ^ 2) x y <= bound /\
    at_end B (equal_steps K η) (fun _ y => y ^ 2) x y <= bound) <->
  0 <= η <= largest_rate B.
Proof.
  intros some. split.
  - intros bounded. apply steep_is_stable; [easy|]. apply Rnot_lt_le. intros grows.
    destruct (bounded 1 1) as [bound below].
    destruct (Pow_x_infinity (factor B η (2 / 3))) with (b := Rabs bound + 1) as [K above].
    + rewrite Rabs_right; lra.
    + specialize (above K (le_n K)). destruct (below K) as [below_K _].
      rewrite (proj1 (expected_squares B _ some _ _)), gain_of_equal_steps, pow1 in below_K.
      rewrite Rabs_right in above by (apply Rle_ge, pow_le; lra).
      pose proof (Rle_abs bound). lra.
  - intros range x y. exists (x ^ 2 + y ^ 2). intros K.
    rewrite (proj1 (expected_squares B _ some _ _)), (proj2 (expected_squares B _ some _ _)).
    rewrite !gain_of_equal_steps. pose proof (pow2_ge_0 x). pose proof (pow2_ge_0 y).
    assert (below_1 : forall f, 0 <= f <= 1 -> f ^ K <= 1)
      by (intros f in_range; rewrite <- (pow1 K); now apply pow_incr).
    pose proof (below_1 (factor B η (2 / 3))
      (conj (factor_nonneg B η (2 / 3) some ltac:(lra)) (proj2 (steep_is_stable B η some) range))).
    pose proof (below_1 (factor B η (1 / 3))
      (conj (factor_nonneg B η (1 / 3) some ltac:(lra)) (flat_is_stable B η some range))).
    split; nra.
Qed.

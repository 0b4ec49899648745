(** Beyond the paper: batches of one row never help, whatever the share p of the rows e1, 0 < p < 1.
    The train loss is p δ_1² + (1 - p) δ_2², the test loss ½ δ_1² + ½ δ_2². *)

From Isoloss Require Import Directions Exponentials Minibatches.

(** ** x^r ≤ 1 + r(x - 1) for 0 ≤ r ≤ 1: powers of that kind are concave *)

Lemma power_is_concave x r : 0 < x -> 0 <= r <= 1 -> Rpower x r <= 1 + r * (x - 1).
Proof.
  intros pos range. unfold Rpower. set (t := ln x).
  (* e^t ≥ e^(rt) (1 + (1 - r)t) and 1 ≥ e^(rt) (1 - rt), in proportion r : 1 - r *)
  assert (x_is : x = exp (r * t) * exp ((1 - r) * t))
    by (rewrite <- exp_plus; replace (r * t + (1 - r) * t) with t by ring; unfold t;
        now rewrite exp_ln).
  assert (one_is : 1 = exp (r * t) * exp (- (r * t)))
    by (rewrite <- exp_plus, Rplus_opp_r; now rewrite exp_0).
  pose proof (exp_pos (r * t)) as e_pos.
  assert (tangent : exp (r * t) * (1 + (1 - r) * t) <= x)
    by (rewrite x_is; apply Rmult_le_compat_l; [lra|apply exp_lower]).
  assert (tangent_1 : exp (r * t) * (1 + - (r * t)) <= 1)
    by (apply Rle_trans with (exp (r * t) * exp (- (r * t))); [|lra];
        apply Rmult_le_compat_l; [lra|apply exp_lower]).
  assert (r * (exp (r * t) * (1 + (1 - r) * t)) <= r * x) by (apply Rmult_le_compat_l; lra).
  assert ((1 - r) * (exp (r * t) * (1 + - (r * t))) <= (1 - r) * 1)
    by (apply Rmult_le_compat_l; lra).
  lra.
Qed.

(** ** The losses *)

Definition train_loss_of (p : R) (run : list phase) (x y : R) : R :=
  p * at_end_of p 1 run (fun x _ => x ^ 2) x y +
  (1 - p) * at_end_of p 1 run (fun _ y => y ^ 2) x y.

Definition test_loss_of (p : R) (run : list phase) (x y : R) : R :=
  1 / 2 * at_end_of p 1 run (fun x _ => x ^ 2) x y +
  1 / 2 * at_end_of p 1 run (fun _ y => y ^ 2) x y.

(** ** No step raises (E δ_1²)^(1/p) / (E δ_2²)^(1/q), which flow keeps *)

Section Shares.

Variable p : R.
Hypothesis range : 1 / 2 <= p < 1.

Let r := (1 - p) / p.

Lemma r_range : 0 < r <= 1.
Proof.
  unfold r. split.
  - apply Rmult_lt_0_compat; [lra|]. apply Rinv_0_lt_compat. lra.
  - apply (Rmult_le_reg_r p); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

(** With y = 4η(1 - η) ≤ 1 a step has the factors 1 - py and 1 - qy. *)
Lemma single_row_factors η :
  factor 1 η p = 1 - p * (4 * η * (1 - η)) /\
  factor 1 η (1 - p) = 1 - (1 - p) * (4 * η * (1 - η)).
Proof. unfold factor. simpl. split; field. Qed.

Lemma step_does_not_raise η :
  0 < factor 1 η p /\ Rpower (factor 1 η p) r <= factor 1 η (1 - p).
Proof.
  destruct (single_row_factors η) as [-> ->]. set (y := 4 * η * (1 - η)).
  assert (most : y <= 1) by (unfold y; pose proof (pow2_ge_0 (1 - 2 * η)); nra).
  assert (pos : 0 < 1 - p * y) by nra. split; [easy|].
  pose proof r_range. replace (1 - (1 - p) * y) with (1 + r * (1 - p * y - 1)).
  - apply power_is_concave; lra.
  - unfold r. field. lra.
Qed.

Lemma flow_keeps t : Rpower (exp (-4 * p * t)) r = exp (-4 * (1 - p) * t).
Proof. unfold Rpower. rewrite ln_exp. f_equal. unfold r. field. lra. Qed.

Lemma run_does_not_raise run : 0 < gain 1 p run /\ Rpower (gain 1 p run) r <= gain 1 (1 - p) run.
Proof.
  induction run as [|[η|t] rest [pos le]]; cbn [gain].
  - split; [lra|]. unfold Rpower. rewrite ln_1, Rmult_0_r, exp_0. lra.
  - destruct (step_does_not_raise η) as [f_pos f_le].
    split; [now apply Rmult_lt_0_compat|]. rewrite <- Rpower_mult_distr by easy.
    apply Rmult_le_compat; try easy; left; apply exp_pos.
  - pose proof (exp_pos (-4 * p * t)) as e_pos.
    split; [now apply Rmult_lt_0_compat|]. rewrite <- Rpower_mult_distr, flow_keeps by easy.
    apply Rmult_le_compat_l; [left; apply exp_pos|easy].
Qed.

(** With p ≥ ½ no run ends below gradient flow, at equal expected train loss. *)
Lemma large_share_never_helps run t x y :
  train_loss_of p run x y = train_loss_of p (cons (flow t) nil) x y ->
  test_loss_of p run x y >= test_loss_of p (cons (flow t) nil) x y.
Proof.
  unfold train_loss_of, test_loss_of.
  destruct (expected_squares_of p 1 run ltac:(lia) x y) as [-> ->].
  destruct (expected_squares_of p 1 (cons (flow t) nil) ltac:(lia) x y) as [-> ->].
  cbn [gain]. rewrite !Rmult_1_r. destruct (run_does_not_raise run) as [pos le].
  pose proof (flow_keeps t) as kept. pose proof (exp_pos (-4 * p * t)) as e_pos.
  set (u := gain 1 p run) in *. set (w := gain 1 (1 - p) run) in *.
  set (e := exp (-4 * p * t)) in *. set (f := exp (-4 * (1 - p) * t)) in *.
  pose proof (pow2_ge_0 x) as x_pos. pose proof (pow2_ge_0 y) as y_pos. intros same.
  destruct (Rle_dec u e) as [less|more].
  - (* what direction 1 loses, direction 2 gains, and by p/q ≥ 1 times as much *)
    assert (lost : 0 <= (e - u) * x ^ 2) by (apply Rmult_le_pos; lra).
    assert (gained : (1 - p) * ((w - f) * y ^ 2) = p * ((e - u) * x ^ 2)) by lra.
    assert ((e - u) * x ^ 2 <= (w - f) * y ^ 2); [|lra].
    apply (Rmult_le_reg_l (1 - p)); [lra|]. rewrite gained. nra.
  - (* both directions would have at least flow's loss, and together they have it *)
    assert (f_less : f <= w).
    { rewrite <- kept. eapply Rle_trans; [|exact le]. apply Rle_Rpower_l; [|lra].
      pose proof r_range. lra. }
    assert (0 <= (u - e) * x ^ 2) by (apply Rmult_le_pos; lra).
    assert (0 <= (w - f) * y ^ 2) by (apply Rmult_le_pos; lra). lra.
Qed.

End Shares.

(** The directions may be exchanged. *)
Lemma losses_exchange p run x y :
  train_loss_of (1 - p) run y x = train_loss_of p run x y /\
  test_loss_of (1 - p) run y x = test_loss_of p run x y.
Proof.
  unfold train_loss_of, test_loss_of.
  destruct (expected_squares_of p 1 run ltac:(lia) x y) as [-> ->].
  destruct (expected_squares_of (1 - p) 1 run ltac:(lia) y x) as [-> ->].
  replace (1 - (1 - p)) with p by ring. split; ring.
Qed.

(** "For any p the same": at equal expected train loss, no run ends below gradient flow. *)
Theorem minibatch_single_shares p run t x y :
  0 < p < 1 ->
  train_loss_of p run x y = train_loss_of p (cons (flow t) nil) x y ->
  test_loss_of p run x y >= test_loss_of p (cons (flow t) nil) x y.
Proof.
  intros range same. destruct (Rle_dec (1 / 2) p) as [large|small].
  - apply large_share_never_helps; [lra|easy].
  - destruct (losses_exchange p run x y) as [train test].
    destruct (losses_exchange p (cons (flow t) nil) x y) as [train' test'].
    rewrite <- test, <- test'. apply large_share_never_helps; [lra|]. now rewrite train, train'.
Qed.

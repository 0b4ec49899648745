(** Beyond the paper: minibatches against gradient flow, at equal expected train loss.  B = 1 never
    helps; B ≥ 2 does, at the rates of a window. *)

From Isoloss Require Import Directions Exponentials Minibatches.
Require Import List.

(** The test loss is (3/4)ε + ¼ E δ_2². *)
Lemma test_loss_at_level B run x y :
  expected_test_loss B run x y =
  3 / 4 * expected_train_loss B run x y + 1 / 4 * at_end B run (fun _ y => y ^ 2) x y.
Proof. unfold expected_test_loss, expected_train_loss. lra. Qed.

(** Flow keeps E δ_1² / (E δ_2²)². *)
Lemma flow_gain B t : gain B (2 / 3) (cons (flow t) nil) = gain B (1 / 3) (cons (flow t) nil) ^ 2.
Proof.
  cbn [gain]. rewrite !Rmult_1_r, square_of_exp. f_equal. field.
Qed.

(** A run that does not raise E δ_1² / (E δ_2²)² ends no better than flow alone. *)
Lemma no_better_than_flow B run t x y :
  (1 <= B)%nat -> 0 <= gain B (1 / 3) run -> gain B (2 / 3) run <= gain B (1 / 3) run ^ 2 ->
  expected_train_loss B run x y = expected_train_loss B (cons (flow t) nil) x y ->
  expected_test_loss B run x y >= expected_test_loss B (cons (flow t) nil) x y.
Proof.
  intros some pos not_raised. rewrite !test_loss_at_level. intros same. rewrite same.
  unfold expected_train_loss in same. destruct (expected_squares B run some x y) as [a b].
  destruct (expected_squares B (cons (flow t) nil) some x y) as [a' b'].
  rewrite a, b, a', b', flow_gain in *.
  set (u := gain B (1 / 3) run) in *. set (w := gain B (2 / 3) run) in *.
  assert (v_pos : 0 < gain B (1 / 3) (cons (flow t) nil))
    by (cbn [gain]; rewrite Rmult_1_r; apply exp_pos).
  set (v := gain B (1 / 3) (cons (flow t) nil)) in *.
  pose proof (pow2_ge_0 x) as x_pos. pose proof (pow2_ge_0 y) as y_pos.
  destruct (Rle_dec v u) as [more|less]; [nra|].
  (* u < v: both directions would have at most flow's loss, and together they have it *)
  assert (w * x ^ 2 <= v ^ 2 * x ^ 2) by (apply Rmult_le_compat_r; nra). lra.
Qed.

(** One row in a batch: f_1(⅓)² - f_1(⅔) = (4η(1 - η)/3)² ≥ 0. *)
Lemma single_row_factor η :
  factor 1 η (1 / 3) ^ 2 - factor 1 η (2 / 3) = (4 / 3 * η * (1 - η)) ^ 2.
Proof. unfold factor. simpl. field. Qed.

Lemma single_row_gain run :
  0 <= gain 1 (1 / 3) run /\ 0 <= gain 1 (2 / 3) run <= gain 1 (1 / 3) run ^ 2.
Proof.
  induction run as [|[η|t] rest (flat & steep & le)]; cbn [gain]; [lra| |].
  - pose proof (factor_nonneg 1 η (1 / 3) ltac:(lia) ltac:(lra)) as f_flat.
    pose proof (factor_nonneg 1 η (2 / 3) ltac:(lia) ltac:(lra)) as f_steep.
    pose proof (single_row_factor η). pose proof (pow2_ge_0 (4 / 3 * η * (1 - η))).
    repeat split; [now apply Rmult_le_pos|now apply Rmult_le_pos|].
    rewrite Rpow_mult_distr. apply Rmult_le_compat; lra.
  - pose proof (exp_pos (-4 * (1 / 3) * t)). pose proof (exp_pos (-4 * (2 / 3) * t)) as e_pos.
    repeat split; [apply Rmult_le_pos; lra|apply Rmult_le_pos; lra|].
    rewrite Rpow_mult_distr, square_of_exp.
    replace (2 * (-4 * (1 / 3) * t)) with (-4 * (2 / 3) * t) by field.
    apply Rmult_le_compat_l; lra.
Qed.

(** "With B = 1 annealing never beats gradient flow at equal expected train loss: not at any rates,
    for any number of steps, any ε, nor with a shortened last step." *)
Theorem minibatch_single run t x y :
  expected_train_loss 1 run x y = expected_train_loss 1 (cons (flow t) nil) x y ->
  expected_test_loss 1 run x y >= expected_test_loss 1 (cons (flow t) nil) x y.
Proof.
  destruct (single_row_gain run) as (pos & _ & not_raised).
  now apply no_better_than_flow.
Qed.

(** ** B ≥ 2: the effect returns *)

(** At the rate 3B/(2B + 1) the steep direction stays, the other shrinks by (8B + 1)/(2B + 1)². *)
Lemma factors_at_largest_rate B :
  (1 <= B)%nat ->
  factor B (largest_rate B) (2 / 3) = 1 /\
  factor B (largest_rate B) (1 / 3) = (8 * INR B + 1) / (2 * INR B + 1) ^ 2.
Proof.
  intros some. pose proof (size_positive B some). unfold factor, largest_rate. split; field; lra.
Qed.

Lemma flat_factor_bound B : (2 <= B)%nat -> (8 * INR B + 1) / (2 * INR B + 1) ^ 2 <= 17 / 25.
Proof.
  intros two. assert (size : 2 <= INR B) by now apply (le_INR 2).
  apply (Rmult_le_reg_r ((2 * INR B + 1) ^ 2)); [nra|].
  replace ((8 * INR B + 1) / (2 * INR B + 1) ^ 2 * (2 * INR B + 1) ^ 2) with (8 * INR B + 1)
    by (field; lra).
  nra.
Qed.

Lemma gain_of_joined_runs B p run run' : gain B p (run ++ run') = gain B p run * gain B p run'.
Proof.
  induction run as [|[η|t] rest IH]; cbn [gain List.app]; [ring| |]; rewrite IH; ring.
Qed.

(** K steps at that rate, then flow: the expected test loss tends to (3/4)ε.  [MinibatchesLevels.v]
    shows that every ε up to ⅔ δ_1(0)² is reached. *)
Theorem minibatch_limit B K t x y :
  (2 <= B)%nat -> 0 <= t ->
  let run := (equal_steps K (largest_rate B) ++ cons (flow t) nil)%list in
  let ε := expected_train_loss B run x y in
  3 / 4 * ε <= expected_test_loss B run x y <= 3 / 4 * ε + 1 / 4 * ((17 / 25) ^ K * y ^ 2).
Proof.
  intros two t_pos run ε. assert (some : (1 <= B)%nat) by lia.
  rewrite test_loss_at_level. fold ε. destruct (expected_squares B run some x y) as [_ ->].
  unfold run. rewrite gain_of_joined_runs, gain_of_equal_steps. cbn [gain]. rewrite Rmult_1_r.
  rewrite (proj2 (factors_at_largest_rate B some)).
  pose proof (flat_factor_bound B two) as bound. pose proof (size_positive B some) as size.
  assert (f_pos : 0 <= (8 * INR B + 1) / (2 * INR B + 1) ^ 2).
  { apply Rmult_le_pos; [lra|left; apply Rinv_0_lt_compat; nra]. }
  set (f := (8 * INR B + 1) / (2 * INR B + 1) ^ 2) in *.
  assert (powers : 0 <= f ^ K <= (17 / 25) ^ K) by (split; [now apply pow_le|now apply pow_incr]).
  assert (decay : 0 < exp (-4 * (1 / 3) * t) <= 1).
  { split; [apply exp_pos|]. apply exp_at_most_1. lra. }
  pose proof (pow2_ge_0 y) as y_pos.
  assert (0 <= f ^ K * exp (-4 * (1 / 3) * t) <= (17 / 25) ^ K) by (split; nra). nra.
Qed.

(** ** Where it helps *)

(** Whether K equal steps, then flow, end below flow alone: E δ_1² / (E δ_2²)² must rise. *)
Lemma window_identity B η :
  (1 <= B)%nat ->
  factor B η (2 / 3) - factor B η (1 / 3) ^ 2 =
  (2 / 3 * η) ^ 2 * (2 * (1 - 1 / INR B) - (2 / 3 * η * (1 + 2 / INR B) - 2) ^ 2).
Proof. intros some. pose proof (size_positive B some). unfold factor. field. lra. Qed.

(** A run that raises E δ_1² / (E δ_2²)² ends below flow alone. *)
Lemma better_than_flow B run t x y :
  (1 <= B)%nat -> x <> 0 -> y <> 0 ->
  0 <= gain B (1 / 3) run -> gain B (1 / 3) run ^ 2 < gain B (2 / 3) run ->
  expected_train_loss B run x y = expected_train_loss B (cons (flow t) nil) x y ->
  expected_test_loss B run x y < expected_test_loss B (cons (flow t) nil) x y.
Proof.
  intros some x_not_0 y_not_0 pos raised. rewrite !test_loss_at_level. intros same. rewrite same.
  unfold expected_train_loss in same. destruct (expected_squares B run some x y) as [a b].
  destruct (expected_squares B (cons (flow t) nil) some x y) as [a' b'].
  rewrite a, b, a', b', flow_gain in *.
  set (u := gain B (1 / 3) run) in *. set (w := gain B (2 / 3) run) in *.
  assert (v_pos : 0 < gain B (1 / 3) (cons (flow t) nil))
    by (cbn [gain]; rewrite Rmult_1_r; apply exp_pos).
  set (v := gain B (1 / 3) (cons (flow t) nil)) in *.
  assert (x_pos : 0 < x ^ 2) by (rewrite <- Rsqr_pow2; now apply Rlt_0_sqr).
  assert (y_pos : 0 < y ^ 2) by (rewrite <- Rsqr_pow2; now apply Rlt_0_sqr).
  destruct (Rle_dec v u) as [more|less]; [|nra].
  (* v ≤ u: both directions would have at least flow's loss, the steep one more *)
  assert (v ^ 2 * x ^ 2 < w * x ^ 2) by (apply Rmult_lt_compat_r; nra).
  assert (v * y ^ 2 <= u * y ^ 2) by (apply Rmult_le_compat_r; lra). lra.
Qed.

(** "K steps at a rate η ≠ 0, then flow, end below gradient flow exactly if η lies between
    3B/(2(B + 2)) (2 ± √(2(1 - 1/B)))", that is (w - 2)² < 2(1 - 1/B), w = ⅔η(1 + 2/B). *)
Theorem minibatch_window B K η s t x y :
  (1 <= B)%nat -> (1 <= K)%nat -> η <> 0 -> x <> 0 -> y <> 0 ->
  let run := (equal_steps K η ++ cons (flow s) nil)%list in
  expected_train_loss B run x y = expected_train_loss B (cons (flow t) nil) x y ->
  expected_test_loss B run x y < expected_test_loss B (cons (flow t) nil) x y <->
  (2 / 3 * η * (1 + 2 / INR B) - 2) ^ 2 < 2 * (1 - 1 / INR B).
Proof.
  intros some steps not_0 x_not_0 y_not_0 run same.
  pose proof (window_identity B η some) as identity.
  assert (square : 0 < (2 / 3 * η) ^ 2) by (rewrite <- Rsqr_pow2; apply Rlt_0_sqr; lra).
  pose proof (factor_nonneg B η (1 / 3) some ltac:(lra)) as flat_pos.
  pose proof (factor_nonneg B η (2 / 3) some ltac:(lra)) as steep_pos.
  assert (flat : gain B (1 / 3) run = factor B η (1 / 3) ^ K * exp (-4 * (1 / 3) * s))
    by (unfold run; rewrite gain_of_joined_runs, gain_of_equal_steps; cbn [gain]; ring).
  assert (steep : gain B (2 / 3) run = factor B η (2 / 3) ^ K * exp (-4 * (1 / 3) * s) ^ 2).
  { unfold run. rewrite gain_of_joined_runs, gain_of_equal_steps, square_of_exp. cbn [gain].
    replace (2 * (-4 * (1 / 3) * s)) with (-4 * (2 / 3) * s) by field. ring. }
  assert (flat_square : gain B (1 / 3) run ^ 2 =
    (factor B η (1 / 3) ^ 2) ^ K * exp (-4 * (1 / 3) * s) ^ 2).
  { rewrite flat, Rpow_mult_distr. f_equal. now rewrite <- !pow_mult, Nat.mul_comm. }
  assert (gain_pos : 0 <= gain B (1 / 3) run).
  { rewrite flat. apply Rmult_le_pos; [now apply pow_le|left; apply exp_pos]. }
  assert (e_pos : 0 < exp (-4 * (1 / 3) * s) ^ 2) by (apply pow_lt, exp_pos).
  pose proof (pow2_ge_0 (factor B η (1 / 3))) as flat2_pos.
  split; intros less.
  - (* if the ratio does not rise, flow is as good *)
    apply Rnot_le_lt. intros outside_window.
    assert (not_raised : factor B η (2 / 3) <= factor B η (1 / 3) ^ 2) by nra.
    pose proof (no_better_than_flow B run t x y some gain_pos) as no_better.
    rewrite flat_square, steep in no_better.
    assert (factor B η (2 / 3) ^ K <= (factor B η (1 / 3) ^ 2) ^ K) by now apply pow_incr.
    assert (le : factor B η (2 / 3) ^ K * exp (-4 * (1 / 3) * s) ^ 2 <=
                 (factor B η (1 / 3) ^ 2) ^ K * exp (-4 * (1 / 3) * s) ^ 2)
      by (apply Rmult_le_compat_r; lra).
    pose proof (no_better le same). lra.
  - apply better_than_flow; try easy. rewrite flat_square, steep.
    apply Rmult_lt_compat_r; [easy|].
    assert (raised : factor B η (1 / 3) ^ 2 < factor B η (2 / 3)) by nra.
    destruct K as [|K]; [lia|]. clear - raised flat2_pos.
    induction K as [|K IH]; [simpl in *; lra|].
    change (?a ^ S (S K)) with (a * a ^ S K).
    apply Rmult_le_0_lt_compat; try easy. now apply pow_le.
Qed.

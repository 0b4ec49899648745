(** Beyond the paper: runs of minibatches reach every lower expected train loss by flow, so that the
    comparisons at equal expected train loss are not vacuous. *)

From Isoloss Require Import Directions Flow StoppingTime Example.
From Isoloss Require Import Minibatches MinibatchesAgainstFlow.
Require Import List.

Lemma gain_nonneg B p run : (1 <= B)%nat -> 0 <= p <= 1 -> 0 <= gain B p run.
Proof.
  intros some range. induction run as [|[η|t] rest IH]; cbn [gain]; [lra| |].
  - apply Rmult_le_pos; [now apply factor_nonneg|easy].
  - apply Rmult_le_pos; [left; apply exp_pos|easy].
Qed.

(** Flow after a run is gradient flow from the square roots of E δ_1² and E δ_2². *)
Definition root_mean_squares (B : nat) (run : list phase) (x y : R) : vector :=
  fun i => match i with
           | O => sqrt (gain B (2 / 3) run) * x
           | _ => sqrt (gain B (1 / 3) run) * y
           end.

Lemma flow_after_run B run t x y :
  (1 <= B)%nat ->
  expected_train_loss B (run ++ cons (Minibatches.flow t) nil) x y =
  loss 2 (drawn_twice 0) (Flow.flow (drawn_twice 0) (root_mean_squares B run x y) t).
Proof.
  intros some. rewrite loss_along_flow. unfold expected_train_loss.
  destruct (expected_squares B (run ++ cons (Minibatches.flow t) nil) some x y) as [-> ->].
  rewrite !gain_of_joined_runs. cbn [sum gain]. unfold root_mean_squares, drawn_twice.
  simpl Nat.eqb. cbv iota. rewrite !Rpow_mult_distr, !pow2_sqrt by (apply gain_nonneg; lra || easy).
  ring.
Qed.

Theorem minibatch_level_is_reached B run x y ε :
  (1 <= B)%nat -> 0 < ε <= expected_train_loss B run x y ->
  exists t, 0 <= t /\ expected_train_loss B (run ++ cons (Minibatches.flow t) nil) x y = ε.
Proof.
  intros some range. set (start := root_mean_squares B run x y).
  assert (at_start : loss 2 (drawn_twice 0) start = expected_train_loss B run x y).
  { unfold expected_train_loss. destruct (expected_squares B run some x y) as [-> ->].
    unfold loss, start, root_mean_squares, drawn_twice. cbn [sum]. simpl Nat.eqb. cbv iota.
    rewrite !Rpow_mult_distr, !pow2_sqrt by (apply gain_nonneg; lra || easy). ring. }
  destruct (stopping_time_exists 2 (drawn_twice 0) start ε) as [T stops_T].
  - intros i _. unfold drawn_twice. destruct (Nat.eqb i 0); lra.
  - lra.
  - exists T. split; [apply stops_T|]. rewrite flow_after_run by easy. fold start.
    apply stops_at_level; [rewrite at_start; lra|easy].
Qed.

(** "If ⅔ δ_1(0)² ≥ ε, the test loss tends to (3/4)ε", as in the paper: K steps at 3B/(2B + 1), then
    flow, end at the expected train loss ε. *)
Theorem minibatch_limit_at_level B K x y ε :
  (2 <= B)%nat -> 0 < ε <= 2 / 3 * x ^ 2 ->
  exists t, 0 <= t /\
    let run := (equal_steps K (largest_rate B) ++ cons (Minibatches.flow t) nil)%list in
    expected_train_loss B run x y = ε /\
    3 / 4 * ε <= expected_test_loss B run x y <= 3 / 4 * ε + 1 / 4 * ((17 / 25) ^ K * y ^ 2).
Proof.
  intros two range. assert (some : (1 <= B)%nat) by lia.
  destruct (minibatch_level_is_reached B (equal_steps K (largest_rate B)) x y ε some)
    as (t & t_pos & at_level).
  - unfold expected_train_loss.
    destruct (expected_squares B (equal_steps K (largest_rate B)) some x y) as [-> ->].
    rewrite (gain_of_equal_steps B (2 / 3)), (proj1 (factors_at_largest_rate B some)), pow1.
    assert (0 <= gain B (1 / 3) (equal_steps K (largest_rate B)) * y ^ 2)
      by (apply Rmult_le_pos; [apply gain_nonneg; lra || easy|apply pow2_ge_0]).
    lra.
  - exists t. split; [easy|]. intros run.
    pose proof (minibatch_limit B K t x y two t_pos) as limit.
    cbv zeta in limit. fold run in limit, at_level. now rewrite at_level in limit.
Qed.

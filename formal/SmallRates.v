(** The discussion (section 3): the gap needs "a rate large enough to oscillate".  With a small
    rate, steps follow the flow, and however many there are, annealing ends where gradient flow
    does.

    The reason: a step multiplies δ_i² by (1 - 2ηγ_i)², flow for the time η by e^(-4ηγ_i).  Along
    the whole run the two differ by at most 4ηγ_i, uniformly in the number of steps. *)

From Isoloss Require Import Directions Exponentials Flow StoppingTime GradientDescent.

(** ** One direction: k steps and flow for a time t, against flow for the time ηk + t *)

(** e^(-u - 2u²) ≤ 1 - u ≤ e^(-u) for 0 ≤ u ≤ ½. *)
Lemma step_above_flow u : 0 <= u <= 1 / 2 -> exp (- (u + 2 * u ^ 2)) <= 1 - u.
Proof.
  intros range. rewrite exp_Ropp.
  pose proof (exp_lower (u + 2 * u ^ 2)) as growth. pose proof (exp_pos (u + 2 * u ^ 2)).
  apply (Rmult_le_reg_r (exp (u + 2 * u ^ 2))); [easy|]. rewrite Rinv_l by lra. nra.
Qed.

Lemma step_below_flow u : 1 - u <= exp (- u).
Proof. pose proof (exp_lower (- u)). lra. Qed.

(** 1 - e^(-c) ≤ c, and x e^(-x) ≤ 1. *)
Lemma small_loss c : 1 - exp (- c) <= c.
Proof. pose proof (exp_lower (- c)). lra. Qed.

Lemma product_bounded x : x * exp (- x) <= 1.
Proof.
  rewrite exp_Ropp. pose proof (exp_lower x). pose proof (exp_pos x).
  apply (Rmult_le_reg_r (exp x)); [easy|]. rewrite Rmult_assoc, Rinv_l; lra.
Qed.

Lemma steps_near_flow g η k t :
  0 <= g -> 0 <= η -> 2 * η * g <= 1 / 2 -> 0 <= t ->
  exp (-4 * g * (η * INR k + t)) - 4 * η * g <=
  ((1 - 2 * η * g) ^ k) ^ 2 * exp (-4 * g * t) <=
  exp (-4 * g * (η * INR k + t)).
Proof.
  intros g_pos η_pos small t_pos. set (u := 2 * η * g) in *.
  assert (u_pos : 0 <= u) by (unfold u; nra). pose proof (pos_INR k) as k_pos.
  rewrite <- pow_mult, Nat.mul_comm. pose proof (exp_pos (-4 * g * t)) as e_pos.
  assert (flow_is : exp (-4 * g * (η * INR k + t)) = exp (- u) ^ (2 * k) * exp (-4 * g * t)).
  { rewrite power_of_exp, <- exp_plus, mult_INR. f_equal. unfold u. simpl. ring. }
  split.
  - (* with x = 4g(ηk + t), the share that is lost is at most 4ku² ≤ 2ux, and x e^(-x) ≤ 1 *)
    assert (lower : exp (- (u + 2 * u ^ 2)) ^ (2 * k) <= (1 - u) ^ (2 * k)).
    { apply pow_incr. split; [left; apply exp_pos|apply step_above_flow; lra]. }
    set (x := 4 * g * (η * INR k + t)).
    assert (x_is : exp (-4 * g * (η * INR k + t)) = exp (- x)) by (unfold x; f_equal; ring).
    assert (split : exp (- (u + 2 * u ^ 2)) ^ (2 * k) * exp (-4 * g * t) =
                    exp (- x) * exp (- (u ^ 2 * (4 * INR k)))).
    { rewrite power_of_exp, mult_INR, <- !exp_plus. f_equal. unfold x, u. simpl. ring. }
    apply Rle_trans with (exp (- (u + 2 * u ^ 2)) ^ (2 * k) * exp (-4 * g * t)); [|nra].
    rewrite split, x_is. pose proof (small_loss (u ^ 2 * (4 * INR k))) as lost.
    pose proof (product_bounded x) as bounded. pose proof (exp_pos (- x)) as x_exp_pos.
    assert (share : u ^ 2 * (4 * INR k) <= 2 * u * x).
    { unfold x, u. assert (0 <= 2 * η * g * (4 * g * t)) by (apply Rmult_le_pos; nra). nra. }
    assert (exp (- x) * (1 - exp (- (u ^ 2 * (4 * INR k)))) <= exp (- x) * (2 * u * x))
      by (apply Rmult_le_compat_l; lra).
    assert (2 * u * (x * exp (- x)) <= 2 * u * 1) by (apply Rmult_le_compat_l; lra).
    unfold u in *. lra.
  - rewrite flow_is. apply Rmult_le_compat_r; [lra|]. apply pow_incr.
    split; [lra|apply step_below_flow].
Qed.

(** ** All directions *)

Section SmallRates.

Variables (d : nat) (γ : nat -> R) (start : vector) (γ1 ε : R).
Hypothesis range : forall i, (i < d)%nat -> 0 <= γ i <= γ1.
Hypothesis ε_pos : 0 < ε.
Hypothesis above : ε < loss d γ start.

Lemma γ1_not_negative : 0 <= γ1.
Proof.
  destruct (Nat.eq_dec d 0) as [none|some].
  - rewrite none in above. unfold loss in above. simpl in above. lra.
  - destruct (range 0 ltac:(lia)). lra.
Qed.

(** Every loss at the end is near that of the flow. *)
Lemma loss_near_flow λ η k t finish :
  (forall i, (i < d)%nat -> 0 <= λ i) -> 0 <= η -> 2 * η * γ1 <= 1 / 2 -> 0 <= t ->
  (forall i, (i < d)%nat -> finish i = flow γ (steps γ η k start) t i) ->
  loss d λ (flow γ start (η * INR k + t)) - 4 * η * γ1 * loss d λ start <=
  loss d λ finish <= loss d λ (flow γ start (η * INR k + t)).
Proof.
  intros λ_pos η_pos small t_pos ends. unfold loss.
  assert (each : forall i, (i < d)%nat ->
    λ i * flow γ start (η * INR k + t) i ^ 2 - 4 * η * γ1 * (λ i * start i ^ 2) <=
    λ i * finish i ^ 2 <= λ i * flow γ start (η * INR k + t) i ^ 2).
  { intros i below. rewrite ends, !square_along_flow by easy. unfold steps.
    rewrite Rpow_mult_distr. destruct (range i below) as [γ_pos γ_most].
    assert (η * γ i <= η * γ1) by (now apply Rmult_le_compat_l).
    pose proof (steps_near_flow (γ i) η k t γ_pos η_pos ltac:(lra) t_pos) as [low high].
    assert (weight : 0 <= λ i * start i ^ 2) by (apply Rmult_le_pos; auto using pow2_ge_0).
    split; nra. }
  split.
  - rewrite <- sum_scale. unfold Rminus. rewrite <- sum_opp, <- sum_plus.
    apply sum_le. intros i below. apply each. easy.
  - apply sum_le. intros i below. now apply each.
Qed.

(** A step leaves at least the share 1 - 4ηγ_1 of the train loss. *)
Lemma loss_after_step η x :
  0 <= η -> 2 * η * γ1 <= 1 / 2 ->
  (1 - 4 * η * γ1) * loss d γ x <= loss d γ (steps γ η 1 x).
Proof.
  intros η_pos small. unfold loss, steps. rewrite <- sum_scale. apply sum_le. intros i below.
  destruct (range i below) as [γ_pos γ_most].
  assert (0 <= η * γ i <= η * γ1) by (split; [nra|now apply Rmult_le_compat_l]).
  rewrite pow_1, Rpow_mult_distr.
  assert (0 <= γ i * x i ^ 2) by (apply Rmult_le_pos; auto using pow2_ge_0).
  assert (1 - 4 * η * γ1 <= (1 - 2 * η * γ i) ^ 2) by nra. nra.
Qed.

(** Annealing ends at the level, or a little below it if the last step crosses it. *)
Lemma train_loss_of_end η K finish :
  0 < η -> 2 * η * γ1 <= 1 / 2 -> annealed_to d (loss d γ) K η ε start finish ->
  (1 - 4 * η * γ1) * ε <= loss d γ finish <= ε /\
  exists k t, 0 <= t /\ forall i, (i < d)%nat -> finish i = flow γ (steps γ η k start) t i.
Proof.
  intros η_pos small (between & down & last).
  destruct (descends_is_steps _ _ _ _ _ _ _ down) as (k & _ & _ & at_k & before).
  destruct (flow_to_is_flow _ _ _ _ _ last) as (t & at_t & ends).
  pose proof γ1_not_negative as γ1_pos.
  assert (together : forall r i, (i < d)%nat ->
    flow γ between r i = flow γ (steps γ η k start) r i)
    by (intros r i below; unfold flow; now rewrite at_k).
  split.
  - assert (0 <= η * γ1 * ε) by (repeat apply Rmult_le_pos; lra).
    rewrite (loss_ext d γ finish _ ends). split; [|apply at_t].
    destruct (Rle_dec ε (loss d γ between)) as [high|low].
    + rewrite (stops_at_level d γ between ε t high at_t). lra.
    + (* stopped by the k-th step, before which the loss was above ε *)
      assert (at_once : t = 0).
      { apply (stops_once (loss d γ) (flow γ between) ε); [easy|].
        repeat split; [lra| |intros; lra].
        rewrite (loss_ext d γ _ between) by (intros; apply flow_at_0). lra. }
      rewrite at_once, (loss_ext d γ _ between) by (intros; apply flow_at_0).
      destruct k as [|k].
      * rewrite (loss_ext d γ between start) in low; [lra|].
        intros i below. rewrite at_k by easy. unfold steps. simpl. ring.
      * pose proof (before k ltac:(lia)) as was_above.
        pose proof (loss_after_step η (steps γ η k start) ltac:(lra) small) as step.
        rewrite (loss_ext d γ between (steps γ η 1 (steps γ η k start))).
        -- eapply Rle_trans; [|exact step]. apply Rmult_le_compat_l; lra.
        -- intros i below. rewrite at_k by easy. unfold steps. simpl. ring.
  - exists k, t. split; [apply at_t|]. intros i below. rewrite ends by easy. now apply together.
Qed.

Lemma test_loss_continuous λ T e :
  0 < e -> exists a, 0 < a /\ forall t, Rabs (t - T) < a ->
    Rabs (loss d λ (flow γ start t) - loss d λ (flow γ start T)) < e.
Proof.
  intros e_pos.
  destruct (loss_along_flow_continuous d γ λ start T e e_pos) as (a & a_pos & near).
  exists a. split; [easy|]. intros t close.
  destruct (Req_dec t T) as [->|other]; [rewrite Rminus_diag_eq, Rabs_R0; easy|].
  apply (near t). repeat split; [congruence|easy].
Qed.

(** Times at which the flow's train loss is near ε are near its stopping time. *)
Lemma time_is_near T a :
  loss d γ (flow γ start T) = ε -> 0 < a ->
  exists margin, 0 < margin /\ forall t,
    Rabs (loss d γ (flow γ start t) - ε) < margin -> Rabs (t - T) < a.
Proof.
  intros at_T a_pos.
  assert (γ_pos : forall i, (i < d)%nat -> 0 <= γ i) by (intros i below; now apply range).
  pose proof (loss_falls d γ start T (T + a) γ_pos ltac:(lra) ltac:(lra)) as low.
  pose proof (loss_never_rises d γ start (T - a) T γ_pos ltac:(lra)) as not_lower.
  pose proof (loss_falls d γ start (T - a) T γ_pos ltac:(lra) ltac:(lra)) as high.
  rewrite at_T in *. set (F := fun t => loss d γ (flow γ start t)) in *.
  exists (Rmin (F (T - a) - ε) (ε - F (T + a))). unfold F.
  split; [apply Rmin_pos; lra|]. intros t near. apply Rabs_def2 in near.
  pose proof (Rmin_l (F (T - a) - ε) (ε - F (T + a))) as left_margin.
  pose proof (Rmin_r (F (T - a) - ε) (ε - F (T + a))) as right_margin.
  unfold F in *.
  (* otherwise the loss would be further from ε than at T + a, or at T - a *)
  apply Rabs_def1; apply Rnot_le_lt; intros far.
  - pose proof (loss_never_rises d γ start (T + a) t γ_pos ltac:(lra)). lra.
  - pose proof (loss_never_rises d γ start t (T - a) γ_pos ltac:(lra)). lra.
Qed.

(** "Remove any one (… small η) and the gap closes": for every tolerance there is a rate below which
    annealing, by any number of steps, ends with the test loss of gradient flow. *)
Theorem needs_large_rate λ tolerance :
  (forall i, (i < d)%nat -> 0 <= λ i) -> 0 < tolerance ->
  exists small, 0 < small /\ forall η K annealed_end flow_end,
    0 < η < small ->
    annealed_to d (loss d γ) K η ε start annealed_end ->
    flow_to d (loss d γ) ε start flow_end ->
    Rabs (loss d λ annealed_end - loss d λ flow_end) < tolerance.
Proof.
  intros λ_pos tolerance_pos.
  assert (γ_pos : forall i, (i < d)%nat -> 0 <= γ i) by (intros i below; now apply range).
  destruct (stopping_time_exists d γ start ε γ_pos ε_pos) as [T stops_T].
  pose proof (stops_at_level d γ start ε T ltac:(lra) stops_T) as at_T.
  (* near T the flow's test loss is near its end's … *)
  destruct (test_loss_continuous λ T (tolerance / 2) ltac:(lra)) as (a & a_pos & near_T).
  destruct (time_is_near T a at_T a_pos) as (margin & margin_pos & near_level).
  (* … and annealing is near the flow at some time near T *)
  pose proof (loss_nonneg d λ start λ_pos) as test_pos. pose proof γ1_not_negative as γ1_pos.
  set (bound := 4 * γ1 * (loss d γ start + ε + loss d λ start) + 1).
  assert (bound_pos : 1 <= bound).
  { unfold bound. assert (0 <= γ1 * (loss d γ start + ε + loss d λ start)); [|lra].
    apply Rmult_le_pos; lra. }
  exists (Rmin (/ (4 * (γ1 + 1))) (Rmin (margin / bound) (tolerance / 2 / bound))).
  split.
  { repeat apply Rmin_pos; try (apply Rdiv_lt_0_compat; lra). apply Rinv_0_lt_compat. lra. }
  intros η K annealed_end flow_end [η_pos η_small] to_annealed to_flow.
  apply Rmin_Rgt_l in η_small. destruct η_small as [stable η_small].
  apply Rmin_Rgt_l in η_small. destruct η_small as [below_margin below_tolerance].
  assert (half_step : 2 * η * γ1 <= 1 / 2).
  { apply Rgt_lt, (Rmult_lt_compat_r (4 * (γ1 + 1))) in stable; [|lra].
    rewrite Rinv_l in stable by lra. nra. }
  assert (scaled : forall c, c / bound > η -> η * bound < c).
  { intros c less. apply Rgt_lt, (Rmult_lt_compat_r bound) in less; [|lra].
    unfold Rdiv in less. rewrite Rmult_assoc, Rinv_l, Rmult_1_r in less by lra. easy. }
  apply scaled in below_margin. apply scaled in below_tolerance.
  destruct (train_loss_of_end η K annealed_end η_pos half_step to_annealed)
    as ([level_low level_high] & k & t & t_pos & ends).
  pose proof (loss_near_flow γ η k t annealed_end γ_pos ltac:(lra) half_step t_pos ends) as train.
  pose proof (loss_near_flow λ η k t annealed_end λ_pos ltac:(lra) half_step t_pos ends) as test.
  set (τ := η * INR k + t) in *.
  assert (parts : 0 <= η * γ1 * loss d γ start /\ 0 <= η * γ1 * ε /\ 0 <= η * γ1 * loss d λ start).
  { assert (0 <= η * γ1) by (apply Rmult_le_pos; lra).
    repeat split; apply Rmult_le_pos; lra. }
  unfold bound in below_margin, below_tolerance.
  assert (τ_near : Rabs (τ - T) < a).
  { apply near_level. apply Rabs_def1; nra. }
  specialize (near_T τ τ_near). apply Rabs_def2 in near_T.
  destruct (flow_to_is_flow _ _ _ _ _ to_flow) as (T' & stops_T' & flow_ends).
  rewrite (stops_once _ _ _ _ _ stops_T' stops_T) in flow_ends.
  rewrite (loss_ext d λ flow_end _ flow_ends). apply Rabs_def1; nra.
Qed.

End SmallRates.

(** GF_β0(L, ε): gradient flow on L from β0 until the loss is ε.  The moment exists and is unique,
    since the train loss falls and is continuous. *)

From Isoloss Require Import Directions Exponentials Flow.

(** T is the first moment at which the loss along [path] is at most ε. *)
Definition stops (L : vector -> R) (path : R -> vector) (ε T : R) : Prop :=
  0 <= T /\ L (path T) <= ε /\ forall t, 0 <= t -> t < T -> ε < L (path t).

(** GF_start(L, ε) = finish. *)
Definition flow_to (d : nat) (L : vector -> R) (ε : R) (start finish : vector) : Prop :=
  exists path T, is_flow d L start path /\ stops L path ε T /\
    forall i, (i < d)%nat -> finish i = path T i.

(** ** The train loss along the flow: δ_i(t)² = δ_i(0)² e^(-4γ_i t) *)

Lemma square_along_flow γ start t i :
  flow γ start t i ^ 2 = start i ^ 2 * exp (-4 * γ i * t).
Proof.
  unfold flow. replace (-4 * γ i * t) with (-2 * γ i * t + -2 * γ i * t) by ring.
  rewrite exp_plus. ring.
Qed.

Lemma loss_along_flow d γ λ start t :
  loss d λ (flow γ start t) = sum d (fun i => λ i * start i ^ 2 * exp (-4 * γ i * t)).
Proof.
  apply sum_ext. intros i _. rewrite square_along_flow. ring.
Qed.

Lemma loss_along_flow_continuous d γ λ start : continuity (fun t => loss d λ (flow γ start t)).
Proof.
  intros t. apply derivable_continuous_pt.
  exists (sum d (fun i => λ i * start i ^ 2 * (-4 * γ i * exp (-4 * γ i * t)))).
  eapply derivable_ext; [intros s; symmetry; apply loss_along_flow|].
  apply (derivable_sum d (fun i s => λ i * start i ^ 2 * exp (-4 * γ i * s))). intros i _.
  apply (derivable_pt_lim_scal (fun s => exp (-4 * γ i * s))), derivable_exp.
Qed.

Lemma flow_at_0 γ start i : flow γ start 0 i = start i.
Proof. unfold flow. rewrite Rmult_0_r, exp_0. ring. Qed.

Lemma square_falls γ start t i :
  0 <= γ i -> 0 <= t -> flow γ start t i ^ 2 <= start i ^ 2.
Proof.
  intros pos after. rewrite square_along_flow.
  assert (exp (-4 * γ i * t) <= 1).
  { apply exp_at_most_1. nra. }
  pose proof (pow2_ge_0 (start i)). nra.
Qed.

(** e^(-x) ≤ 1/(1 + x), so that γδ² e^(-4γt) ≤ δ²/(4t): no least curvature is needed. *)
Lemma term_is_small g square t :
  0 <= g -> 0 <= square -> 0 < t -> g * square * exp (-4 * g * t) <= square / (4 * t).
Proof.
  intros g_pos square_pos t_pos. destruct g_pos as [g_pos|<-].
  - assert (growth : 4 * g * t <= exp (4 * g * t))
      by (pose proof (exp_lower (4 * g * t)); lra).
    replace (-4 * g * t) with (- (4 * g * t)) by ring. rewrite exp_Ropp.
    pose proof (exp_pos (4 * g * t)).
    apply (Rmult_le_reg_r (4 * t * exp (4 * g * t))); [nra|].
    replace (g * square * / exp (4 * g * t) * (4 * t * exp (4 * g * t)))
      with (square * (4 * g * t)) by (field; lra).
    replace (square / (4 * t) * (4 * t * exp (4 * g * t)))
      with (square * exp (4 * g * t)) by (field; lra).
    now apply Rmult_le_compat_l.
  - rewrite !Rmult_0_l. apply Rmult_le_pos; [easy|]. left. apply Rinv_0_lt_compat. lra.
Qed.

Lemma loss_becomes_small d γ start ε :
  (forall i, (i < d)%nat -> 0 <= γ i) -> 0 < ε ->
  exists t, 0 < t /\ loss d γ (flow γ start t) < ε.
Proof.
  intros γ_pos ε_pos. set (mass := sum d (fun i => start i ^ 2)).
  assert (mass_pos : 0 <= mass) by (apply sum_nonneg; intros; apply pow2_ge_0).
  exists ((mass + 1) / (4 * ε)).
  assert (t_pos : 0 < (mass + 1) / (4 * ε))
    by (apply Rmult_lt_0_compat; [lra|apply Rinv_0_lt_compat; lra]).
  split; [easy|]. rewrite loss_along_flow.
  apply Rle_lt_trans with (/ (4 * ((mass + 1) / (4 * ε))) * mass).
  - unfold mass at 3. rewrite <- sum_scale. apply sum_le. intros i below.
    rewrite (Rmult_comm (/ _)). apply term_is_small; auto using pow2_ge_0.
  - replace (/ (4 * ((mass + 1) / (4 * ε)))) with (ε * / (mass + 1)) by (field; lra).
    apply (Rmult_lt_reg_r (mass + 1)); [lra|].
    replace (ε * / (mass + 1) * mass * (mass + 1)) with (ε * mass) by (field; lra). nra.
Qed.

(** Later losses are not higher. *)
Lemma loss_never_rises d γ start s t :
  (forall i, (i < d)%nat -> 0 <= γ i) -> s <= t ->
  loss d γ (flow γ start t) <= loss d γ (flow γ start s).
Proof.
  intros γ_pos before. rewrite !loss_along_flow. apply sum_le. intros i below.
  apply Rmult_le_compat_l; [apply Rmult_le_pos; auto using pow2_ge_0|].
  specialize (γ_pos i below). apply exp_le. nra.
Qed.

(** They are lower, as long as the loss is positive. *)
Lemma loss_falls d γ start s t :
  (forall i, (i < d)%nat -> 0 <= γ i) -> s < t -> 0 < loss d γ (flow γ start s) ->
  loss d γ (flow γ start t) < loss d γ (flow γ start s).
Proof.
  intros γ_pos before. rewrite !loss_along_flow.
  assert (term : forall i, (i < d)%nat ->
    γ i * start i ^ 2 * exp (-4 * γ i * t) <= γ i * start i ^ 2 * exp (-4 * γ i * s) /\
    (0 < γ i * start i ^ 2 * exp (-4 * γ i * s) ->
     γ i * start i ^ 2 * exp (-4 * γ i * t) < γ i * start i ^ 2 * exp (-4 * γ i * s))).
  { intros i below. pose proof (pow2_ge_0 (start i)). specialize (γ_pos i below).
    destruct γ_pos as [pos|<-]; [|split; lra].
    assert (exp (-4 * γ i * t) < exp (-4 * γ i * s)) by (apply exp_increasing; nra).
    pose proof (exp_pos (-4 * γ i * t)).
    split; [apply Rmult_le_compat_l; nra|]. intros some.
    apply Rmult_lt_compat_l; [|easy].
    apply (Rmult_lt_reg_r (exp (-4 * γ i * s))); lra. }
  revert term. clear γ_pos. induction d as [|d IH]; intros term; cbn [sum]; [lra|]. intros some.
  destruct (term d) as [le lt]; [lia|].
  assert (weak : sum d (fun i => γ i * start i ^ 2 * exp (-4 * γ i * t)) <=
                 sum d (fun i => γ i * start i ^ 2 * exp (-4 * γ i * s)))
    by (apply sum_le; intros i below; apply term; lia).
  destruct (Rlt_dec 0 (γ d * start d ^ 2 * exp (-4 * γ d * s))) as [here|not_here].
  - specialize (lt here). lra.
  - enough (sum d (fun i => γ i * start i ^ 2 * exp (-4 * γ i * t)) <
            sum d (fun i => γ i * start i ^ 2 * exp (-4 * γ i * s))) by lra.
    apply IH; [intros i below; apply term; lia|lra].
Qed.

(** ** The stopping time *)

(** Between a loss of at least ε and one of at most ε, the flow passes one of exactly ε. *)
Lemma level_is_crossed d γ start ε t :
  0 <= t -> ε <= loss d γ (flow γ start 0) -> loss d γ (flow γ start t) <= ε ->
  exists T, 0 <= T <= t /\ loss d γ (flow γ start T) = ε.
Proof.
  intros [t_pos|<-] above below; [|exists 0; split; [lra|apply Rle_antisym; easy]].
  destruct above as [above| ->]; [|exists 0; split; [lra|easy]].
  destruct below as [below|<-]; [|exists t; split; [lra|easy]].
  destruct (IVT (fun s => ε - loss d γ (flow γ start s)) 0 t) as [T [between at_T]];
    [|easy|lra|lra|exists T; split; [easy|lra]].
  apply (continuity_minus (fun _ => ε)); [apply continuity_const; easy|].
  apply loss_along_flow_continuous.
Qed.

(** The first moment at or below ε exists, for every ε > 0. *)
Theorem stopping_time_exists d γ start ε :
  (forall i, (i < d)%nat -> 0 <= γ i) -> 0 < ε ->
  exists T, stops (loss d γ) (flow γ start) ε T.
Proof.
  intros γ_pos ε_pos.
  destruct (Rle_dec (loss d γ (flow γ start 0)) ε) as [low|high].
  - exists 0. repeat split; [lra|easy|intros; lra].
  - destruct (loss_becomes_small d γ start ε γ_pos ε_pos) as (t & t_pos & small).
    destruct (level_is_crossed d γ start ε t) as (T & [T_pos _] & at_T); try lra.
    exists T. repeat split; [lra|lra|]. intros s s_pos before. rewrite <- at_T.
    apply loss_falls; [easy|easy|].
    (* before T the loss is positive: otherwise it would not be ε > 0 at T *)
    destruct (Rlt_dec 0 (loss d γ (flow γ start s))) as [|none]; [easy|exfalso].
    assert (at_s : loss d γ (flow γ start s) <= ε) by lra.
    destruct (level_is_crossed d γ start (ε / 2) s) as (r & [r_pos r_before] & at_r); try lra.
    pose proof (loss_falls d γ start r T γ_pos ltac:(lra) ltac:(lra)). lra.
Qed.

(** Started at or above ε, the flow stops with a train loss of exactly ε. *)
Theorem stops_at_level d γ start ε T :
  ε <= loss d γ start -> stops (loss d γ) (flow γ start) ε T ->
  loss d γ (flow γ start T) = ε.
Proof.
  intros above (T_pos & low & first).
  rewrite (loss_ext d γ start (flow γ start 0)) in above
    by (intros; symmetry; apply flow_at_0).
  destruct (level_is_crossed d γ start ε T) as (t & [t_pos before] & at_t); try easy.
  destruct before as [before| ->]; [|easy].
  pose proof (first t t_pos before). lra.
Qed.

(** There is only one stopping time: the train loss is ε at no other time. *)
Theorem stopping_time_unique d γ start ε s t :
  (forall i, (i < d)%nat -> 0 <= γ i) -> 0 < ε ->
  loss d γ (flow γ start s) = ε -> loss d γ (flow γ start t) = ε -> s = t.
Proof.
  intros γ_pos ε_pos at_s at_t. destruct (Rtotal_order s t) as [before|[same|after]]; [|easy|].
  - pose proof (loss_falls d γ start s t γ_pos before ltac:(lra)). lra.
  - pose proof (loss_falls d γ start t s γ_pos after ltac:(lra)). lra.
Qed.

Lemma stops_once L path ε s t : stops L path ε s -> stops L path ε t -> s = t.
Proof.
  intros (s_pos & low_s & first_s) (t_pos & low_t & first_t).
  destruct (Rtotal_order s t) as [before|[same|after]]; [|easy|].
  - pose proof (first_t s s_pos before). lra.
  - pose proof (first_s t t_pos after). lra.
Qed.

(** ** GF(L̂, ε), whatever solution of the differential equation is followed *)

Theorem flow_to_is_flow d γ ε start finish :
  flow_to d (loss d γ) ε start finish ->
  exists T, stops (loss d γ) (flow γ start) ε T /\
    forall i, (i < d)%nat -> finish i = flow γ start T i.
Proof.
  intros (path & T & follows & (T_pos & low & first) & at_T). exists T.
  assert (same : forall t, 0 <= t -> loss d γ (path t) = loss d γ (flow γ start t))
    by (intros t t_pos; apply loss_ext; intros i below; now apply (flow_unique d γ)).
  repeat split.
  - easy.
  - now rewrite <- same.
  - intros t t_pos before. rewrite <- same by easy. auto.
  - intros i below. rewrite at_T by easy. now apply (flow_unique d γ).
Qed.

Theorem flow_to_exists d γ ε start :
  (forall i, (i < d)%nat -> 0 <= γ i) -> 0 < ε ->
  exists finish, flow_to d (loss d γ) ε start finish.
Proof.
  intros γ_pos ε_pos. destruct (stopping_time_exists d γ start ε γ_pos ε_pos) as [T at_T].
  exists (flow γ start T), (flow γ start), T. split; [apply flow_is_flow|easy].
Qed.

Theorem flow_to_unique d γ ε start x y :
  flow_to d (loss d γ) ε start x -> flow_to d (loss d γ) ε start y ->
  forall i, (i < d)%nat -> x i = y i.
Proof.
  intros to_x to_y i below.
  destruct (flow_to_is_flow _ _ _ _ _ to_x) as (s & stops_s & at_s).
  destruct (flow_to_is_flow _ _ _ _ _ to_y) as (t & stops_t & at_t).
  rewrite at_s, at_t by easy. now rewrite (stops_once _ _ _ _ _ stops_s stops_t).
Qed.

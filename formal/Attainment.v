(** Beyond the paper: both ends of the band are attained by learning-rate schedules alone.

    "With a simple spectrum, one step at η = 1/(2γ_j) removes coordinate j exactly.  So at most
    d - 1 such steps remove all but one coordinate, one more step of a large rate can enlarge it if
    it is too small, and flow brings it to ε.  Equal eigenvalues cannot be separated." *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent Band.
Require Import List.
Import ListNotations.

(** Steps at one rate each, with the same rule of stopping as GD(L, K, η, ε), then flow. *)
Inductive descends_by (d : nat) (L : vector -> R) (ε : R) : list R -> vector -> vector -> Prop :=
  | no_rates_left x : descends_by d L ε [] x x
  | stopped_by rates x : L x <= ε -> descends_by d L ε rates x x
  | stepped_by η rates x y z :
      ε < L x -> gd_step d L η x y -> descends_by d L ε rates y z ->
      descends_by d L ε (η :: rates) x z.

Definition schedule_to (d : nat) (L : vector -> R) (rates : list R) (ε : R) (start finish : vector)
  : Prop := exists between, descends_by d L ε rates start between /\ flow_to d L ε between finish.

(** K equal rates are GD(L, K, η, ε). *)
Lemma equal_rates d L K η ε x y :
  descends d L η ε K x y -> descends_by d L ε (repeat η K) x y.
Proof. induction 1; simpl; econstructor; eauto. Qed.

Section Attainment.

Variables (d i : nat) (γ : nat -> R) (ε : R).
Hypothesis γ_pos : forall j, (j < d)%nat -> 0 < γ j.
Hypothesis simple : forall j, (j < d)%nat -> γ j = γ i -> j = i.
Hypothesis i_below : (i < d)%nat.
Hypothesis ε_pos : 0 < ε.

Definition removing (j : nat) : R := 1 / (2 * γ j).

(** At least this share of δ_i² is left after any of the steps that remove the directions [l]. *)
Definition least_share (l : list nat) : R :=
  fold_right (fun j share => Rmin 1 ((1 - γ i / γ j) ^ 2) * share) 1 l.

Lemma least_share_of_cons j l :
  least_share (j :: l) = Rmin 1 ((1 - γ i / γ j) ^ 2) * least_share l.
Proof. reflexivity. Qed.

Lemma share_of_one j :
  (j < d)%nat -> j <> i -> 0 < Rmin 1 ((1 - γ i / γ j) ^ 2) <= 1.
Proof.
  intros below other. split; [|apply Rmin_l]. apply Rmin_glb_lt; [lra|].
  rewrite <- Rsqr_pow2. apply Rlt_0_sqr. intros same. apply other, simple; [easy|].
  pose proof (γ_pos j below). apply (Rmult_eq_reg_r (/ γ j)).
  - rewrite Rinv_r by lra. unfold Rdiv in same. lra.
  - apply Rinv_neq_0_compat. lra.
Qed.

Lemma least_share_range l :
  (forall j, In j l -> (j < d)%nat /\ j <> i) -> 0 < least_share l <= 1.
Proof.
  induction l as [|j l IH]; intros each; [simpl; lra|]. rewrite least_share_of_cons.
  destruct (each j (or_introl eq_refl)) as [below other].
  pose proof (share_of_one j below other).
  pose proof (IH (fun k inside => each k (or_intror inside))). split; nra.
Qed.

Lemma loss_of_direction x : γ i * x i ^ 2 <= loss d γ x.
Proof.
  apply (term_le_sum d (fun j => γ j * x j ^ 2)); [|easy]. intros j below.
  apply Rmult_le_pos; [left; auto|apply pow2_ge_0].
Qed.

(** Steps that remove the directions [l], while direction i keeps the loss above ε. *)
Lemma directions_are_removed l : forall x,
  (forall j, In j l -> (j < d)%nat /\ j <> i) -> ε < γ i * x i ^ 2 * least_share l ->
  exists y, descends_by d (loss d γ) ε (map removing l) x y /\
    (forall k, (k < d)%nat -> In k l \/ x k = 0 -> y k = 0) /\ ε < γ i * y i ^ 2.
Proof.
  induction l as [|j l IH]; intros x each above; cbn [map].
  - exists x. split; [constructor|]. simpl in above. split; [intros k _ [[]|zero]; easy|lra].
  - destruct (each j (or_introl eq_refl)) as [below other]. pose proof (γ_pos j below) as j_pos.
    pose proof (γ_pos i i_below) as i_pos. pose proof (pow2_ge_0 (x i)) as square_pos.
    pose proof (least_share_range _ each) as share.
    pose proof (least_share_range l (fun k inside => each k (or_intror inside))) as rest_share.
    (* x' is x after the step that removes j; the rest of the steps follows from it *)
    set (x' := fun k => (1 - 2 * removing j * γ k) * x k).
    assert (factor : forall k, 1 - 2 * removing j * γ k = 1 - γ k / γ j)
      by (intros k; unfold removing; field; lra).
    destruct (IH x') as (y & down & zeros & above_y).
    + intros k inside. apply each. now right.
    + eapply Rlt_le_trans; [exact above|]. unfold x'. rewrite factor, Rpow_mult_distr.
      rewrite least_share_of_cons. pose proof (Rmin_r 1 ((1 - γ i / γ j) ^ 2)) as smaller.
      replace (γ i * x i ^ 2 * (Rmin 1 ((1 - γ i / γ j) ^ 2) * least_share l))
        with (Rmin 1 ((1 - γ i / γ j) ^ 2) * (γ i * x i ^ 2 * least_share l)) by ring.
      replace (γ i * ((1 - γ i / γ j) ^ 2 * x i ^ 2) * least_share l)
        with ((1 - γ i / γ j) ^ 2 * (γ i * x i ^ 2 * least_share l)) by ring.
      apply Rmult_le_compat_r; [|easy]. apply Rmult_le_pos; [nra|lra].
    + exists y. repeat split; [|intros k k_below [[<-|inside]|zero]|easy].
      * apply stepped_by with x'; [|now apply gd_step_is_factor|easy].
        pose proof (loss_of_direction x). assert (0 <= γ i * x i ^ 2) by nra. nra.
      * apply zeros; [easy|]. right. unfold x'. rewrite factor.
        replace (γ j / γ j) with 1 by (field; lra). ring.
      * apply zeros; auto.
      * apply zeros; [easy|]. right. unfold x'. rewrite zero. ring.
Qed.

Definition others : list nat := filter (fun j => negb (Nat.eqb j i)) (seq 0 d).

Lemma in_others j : In j others <-> (j < d)%nat /\ j <> i.
Proof.
  unfold others. rewrite filter_In, in_seq, Bool.negb_true_iff, Nat.eqb_neq. split; lia.
Qed.

Lemma others_fewer : (length others <= d - 1)%nat.
Proof.
  assert (distinct : NoDup (i :: others)).
  { constructor; [rewrite in_others; tauto|]. apply NoDup_filter, seq_NoDup. }
  assert (all : incl (i :: others) (seq 0 d)).
  { intros j [<-|inside]; apply in_seq; [lia|]. apply in_others in inside. lia. }
  pose proof (NoDup_incl_length distinct all) as counted. rewrite seq_length in counted.
  simpl in counted. lia.
Qed.

(** A step at a large rate makes direction i large enough. *)
Lemma large_rate_exists (w : R) : 0 < w -> exists η, ε < (1 - 2 * η * γ i) ^ 2 * w.
Proof.
  intros w_pos. pose proof (γ_pos i i_below). set (r := ε / w + 1).
  assert (product : ε / w * w = ε) by (field; lra).
  assert (quotient : 0 < ε / w) by (apply Rmult_lt_0_compat; [easy|now apply Rinv_0_lt_compat]).
  exists ((1 + r) / (2 * γ i)).
  replace (1 - 2 * ((1 + r) / (2 * γ i)) * γ i) with (- r) by (field; lra).
  unfold r. nra.
Qed.

Lemma loss_of_one_direction κ x :
  (forall k, (k < d)%nat -> k <> i -> x k = 0) -> loss d κ x = κ i * x i ^ 2.
Proof.
  intros zeros. unfold loss. rewrite <- (sum_single d i (fun k => κ k * x k ^ 2)) by easy.
  apply sum_ext. intros k below. destruct (Nat.eqb_spec k i) as [|other]; [easy|].
  rewrite zeros by easy. ring.
Qed.

(** A schedule of at most d steps, then flow, ends at train loss ε in direction i alone. *)
Theorem direction_is_reached λ start :
  start i <> 0 -> ε < loss d γ start ->
  exists rates finish, (length rates <= d)%nat /\
    schedule_to d (loss d γ) rates ε start finish /\
    loss d γ finish = ε /\ loss d λ finish = ε * (λ i / γ i).
Proof.
  intros not_0 above. pose proof (γ_pos i i_below) as i_pos.
  assert (each : forall j, In j others -> (j < d)%nat /\ j <> i) by (intros; now apply in_others).
  pose proof (least_share_range others each) as share.
  assert (square : 0 < start i ^ 2) by (rewrite <- Rsqr_pow2; now apply Rlt_0_sqr).
  destruct (large_rate_exists (γ i * start i ^ 2 * least_share others)) as [η large];
    [apply Rmult_lt_0_compat; [nra|easy]|].
  set (x := fun k => (1 - 2 * η * γ k) * start k).
  destruct (directions_are_removed others x each) as (y & down & zeros & above_y).
  { unfold x. rewrite Rpow_mult_distr. lra. }
  assert (alone : forall k, (k < d)%nat -> k <> i -> y k = 0)
    by (intros k below other; apply zeros; [easy|left; now apply in_others]).
  destruct (flow_to_exists d γ ε y) as [finish last]; [intros; left; auto|easy|].
  destruct (flow_to_is_flow _ _ _ _ _ last) as (T & at_T & ends).
  apply stops_at_level in at_T; [|rewrite (loss_of_one_direction γ y alone); lra].
  rewrite <- (loss_ext d γ _ _ ends) in at_T.
  assert (alone' : forall k, (k < d)%nat -> k <> i -> finish k = 0)
    by (intros k below other; rewrite ends by easy; unfold flow; rewrite alone by easy; ring).
  exists (η :: map removing others), finish. repeat split.
  - simpl. rewrite map_length. pose proof others_fewer. lia.
  - exists y. split; [|easy]. apply stepped_by with x; [easy|now apply gd_step_is_factor|easy].
  - easy.
  - rewrite (loss_of_one_direction λ) by easy.
    rewrite (loss_of_one_direction γ) in at_T by easy. rewrite <- at_T. field. lra.
Qed.

End Attainment.

(** The ends of the band of equations (3) and (4), from a start without zeros. *)
Theorem lowest_is_attained d γ λ ε start m :
  (forall j, (j < d)%nat -> 0 < γ j) ->
  (forall i j, (i < d)%nat -> (j < d)%nat -> γ j = γ i -> j = i) ->
  (forall j, (j < d)%nat -> start j <> 0) -> 0 < ε < loss d γ start ->
  is_min (fun i => (i < d)%nat) (fun i => λ i / γ i) m ->
  exists rates finish, (length rates <= d)%nat /\
    schedule_to d (loss d γ) rates ε start finish /\
    loss d γ finish = ε /\ loss d λ finish = ε * m.
Proof.
  intros pos simple not_0 [ε_pos above] [[i [below <-]] _].
  apply direction_is_reached; auto.
Qed.

Theorem highest_is_attained d γ λ ε start M :
  (forall j, (j < d)%nat -> 0 < γ j) ->
  (forall i j, (i < d)%nat -> (j < d)%nat -> γ j = γ i -> j = i) ->
  (forall j, (j < d)%nat -> start j <> 0) -> 0 < ε < loss d γ start ->
  is_max (fun i => (i < d)%nat) (fun i => λ i / γ i) M ->
  exists rates finish, (length rates <= d)%nat /\
    schedule_to d (loss d γ) rates ε start finish /\
    loss d γ finish = ε /\ loss d λ finish = ε * M.
Proof.
  intros pos simple not_0 [ε_pos above] [[i [below <-]] _].
  apply direction_is_reached; auto.
Qed.

(** "Equal eigenvalues cannot be separated." *)
Theorem equal_curvatures_stay_together d γ ε rates start finish i j :
  (i < d)%nat -> (j < d)%nat -> γ i = γ j ->
  schedule_to d (loss d γ) rates ε start finish ->
  finish i * start j = finish j * start i.
Proof.
  intros i_below j_below same (between & down & last).
  destruct (flow_to_is_flow _ _ _ _ _ last) as (T & _ & ends).
  assert (together : between i * start j = between j * start i).
  { enough (kept : forall a b, start i * b = start j * a -> between i * b = between j * a)
      by (apply (kept (start i) (start j)); ring).
    intros a b. clear last ends.
    induction down as [x|rates x low|η rates x y z high step _ IH]; intros at_x; [easy|easy|].
    apply IH. rewrite gd_step_is_factor in step. rewrite !step, same, !Rmult_assoc, at_x by easy.
    reflexivity. }
  rewrite !ends by easy. unfold flow. rewrite same.
  replace (between i * exp (-2 * γ j * T) * start j)
    with (between i * start j * exp (-2 * γ j * T)) by ring.
  rewrite together. ring.
Qed.

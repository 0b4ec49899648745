(** What can be shown of the claims of the discussion (section 3). *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent.
From Isoloss Require Import Lemma2Flow Lemma2Annealed.

(** ** "Too large to optimize along the steepest directions" *)

(** At η = 1/γ_1 the top coordinate changes its sign at every step and does not shrink. *)
Theorem top_does_not_shrink γ γ1 δ i k :
  0 < γ1 -> γ i = γ1 ->
  steps γ (1 / γ1) k δ i = (-1) ^ k * δ i /\ Rabs (steps γ (1 / γ1) k δ i) = Rabs (δ i).
Proof.
  intros pos at_top. rewrite top_flips by easy. split; [easy|].
  now rewrite Rabs_mult, pow_1_abs, Rmult_1_l.
Qed.

(** "Consecutive steps are negatively correlated (cosine of successive updates → -1)." *)
Section Updates.

Variables (d : nat) (γ : nat -> R) (γ1 : R) (δ : vector) (i : nat).
Hypothesis γ1_pos : 0 < γ1.
Hypothesis range : forall j, (j < d)%nat -> 0 <= γ j <= γ1.
Hypothesis i_below : (i < d)%nat.
Hypothesis at_top : γ i = γ1.
Hypothesis not_0 : δ i <> 0.

(** The k-th update, δ(k + 1) - δ(k). *)
Definition update (k : nat) : vector :=
  fun j => steps γ (1 / γ1) (S k) δ j - steps γ (1 / γ1) k δ j.

Definition inner (x y : vector) : R := sum d (fun j => x j * y j).

Definition cosine (x y : vector) : R := inner x y / sqrt (inner x x * inner y y).

(** An update is -2γ_j/γ_1 times what was left. *)
Lemma update_is k j : update k j = - (2 * γ j / γ1) * shrinks γ γ1 j ^ k * δ j.
Proof.
  unfold update, steps. rewrite step_factor by easy. simpl.
  unfold shrinks at 1. field. lra.
Qed.

Let size j := (2 * γ j / γ1 * δ j) ^ 2.

(** Products of updates: the top has factor ±1, and the others a factor that falls. *)
Lemma inner_of_updates k l :
  inner (update k) (update l) = sum d (fun j => size j * shrinks γ γ1 j ^ (k + l)).
Proof.
  apply sum_ext. intros j _. rewrite !update_is, pow_add. unfold size. ring.
Qed.

(** The part that lies in the top eigenspace, which does not change. *)
Definition of_top : R := sum_over d (top γ γ1) size.

Lemma of_top_positive : 0 < of_top.
Proof.
  apply Rlt_le_trans with (size i).
  - unfold size. rewrite at_top. replace (2 * γ1 / γ1 * δ i) with (2 * δ i) by (field; lra).
    rewrite <- Rsqr_pow2. apply Rlt_0_sqr. lra.
  - pose proof (term_le_sum d (fun j => if top γ γ1 j then size j else 0) i) as term.
    cbv beta in term. rewrite (proj2 (in_top γ γ1 i) at_top) in term. apply term; [|easy].
    intros j _. unfold size. destruct (top γ γ1 j); [apply pow2_ge_0|lra].
Qed.

Lemma Un_cv_sum n (f : nat -> nat -> R) (l : nat -> R) :
  (forall j, (j < n)%nat -> Un_cv (fun k => f j k) (l j)) ->
  Un_cv (fun k => sum n (fun j => f j k)) (sum n l).
Proof.
  induction n as [|n IH]; intros each; cbn [sum].
  - intros e e_pos. exists O. intros k _. now rewrite R_dist_eq.
  - apply (CV_plus (fun k => sum n (fun j => f j k)) (fun k => f n k)); auto.
Qed.

Lemma Un_cv_const c : Un_cv (fun _ => c) c.
Proof. intros e e_pos. exists O. intros k _. now rewrite R_dist_eq. Qed.

(** Even powers of the factors: only the top eigenspace remains in the limit. *)
Lemma even_power_limit j :
  (j < d)%nat ->
  Un_cv (fun k => size j * shrinks γ γ1 j ^ (2 * k)) (if top γ γ1 j then size j else 0).
Proof.
  intros below. destruct (range j below) as [pos le].
  destruct (top γ γ1 j) eqn:is_top.
  - apply in_top in is_top. eapply Un_cv_ext; [|apply Un_cv_const]. intros k. cbv beta.
    unfold shrinks. rewrite is_top. replace (1 - 2 * γ1 / γ1) with (-1) by (field; lra).
    rewrite pow_1_even. ring.
  - assert (below_top : γ j < γ1).
    { destruct le as [lt|same]; [easy|]. apply in_top in same. congruence. }
    destruct pos as [pos|zero].
    + replace 0 with (size j * 0) by ring. apply CV_mult; [apply Un_cv_const|].
      assert (ratio : 0 < γ j / γ1 < 1).
      { split; [apply Rmult_lt_0_compat; [easy|now apply Rinv_0_lt_compat]|].
        apply (Rmult_lt_reg_r γ1); [easy|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l; lra. }
      assert (square : Rabs (shrinks γ γ1 j ^ 2) < 1).
      { unfold shrinks. replace (2 * γ j / γ1) with (2 * (γ j / γ1)) by (field; lra).
        rewrite Rabs_right; [simpl; nra|]. apply Rle_ge, pow2_ge_0. }
      intros e e_pos. destruct (pow_lt_1_zero _ square e e_pos) as [N small].
      exists N. intros k after. unfold R_dist. rewrite Rminus_0_r, pow_mult. now apply small.
    + eapply Un_cv_ext; [|apply Un_cv_const]. intros k. cbv beta.
      unfold size. rewrite <- zero. unfold Rdiv. ring.
Qed.

Lemma norms_limit : Un_cv (fun k => inner (update k) (update k)) of_top.
Proof.
  eapply Un_cv_ext.
  - intros k. symmetry. rewrite inner_of_updates. replace (k + k)%nat with (2 * k)%nat by lia.
    reflexivity.
  - apply (Un_cv_sum d (fun j k => size j * shrinks γ γ1 j ^ (2 * k))).
    intros j below. now apply even_power_limit.
Qed.

Lemma products_limit : Un_cv (fun k => inner (update k) (update (S k))) (- of_top).
Proof.
  unfold of_top, sum_over. rewrite <- sum_opp.
  eapply Un_cv_ext.
  - intros k. symmetry. apply inner_of_updates.
  - apply (Un_cv_sum d (fun j k => size j * shrinks γ γ1 j ^ (k + S k))).
    intros j below.
    apply Un_cv_ext with (fun k => shrinks γ γ1 j * (size j * shrinks γ γ1 j ^ (2 * k))).
    + intros k. replace (k + S k)%nat with (S (2 * k)) by lia. simpl. ring.
    + replace (- (if top γ γ1 j then size j else 0))
        with (shrinks γ γ1 j * (if top γ γ1 j then size j else 0)).
      * apply CV_mult; [apply Un_cv_const|now apply even_power_limit].
      * destruct (top γ γ1 j) eqn:is_top; [|ring]. apply in_top in is_top.
        unfold shrinks. rewrite is_top. field. lra.
Qed.

Theorem updates_become_opposite :
  Un_cv (fun k => cosine (update k) (update (S k))) (-1).
Proof.
  pose proof of_top_positive as pos.
  assert (root : Un_cv (fun k => sqrt (inner (update k) (update k) *
                                      inner (update (S k)) (update (S k)))) of_top).
  { rewrite <- (sqrt_square of_top) by lra.
    apply (continuity_seq sqrt
      (fun k => inner (update k) (update k) * inner (update (S k)) (update (S k)))).
    - apply continuity_pt_sqrt. nra.
    - apply CV_mult; [apply norms_limit|].
      intros e e_pos. destruct (norms_limit e e_pos) as [N close]. exists N.
      intros k after. apply close. lia. }
  replace (-1) with (- of_top * / of_top) by (field; lra).
  apply CV_mult; [apply products_limit|].
  apply (continuity_seq Rinv
    (fun k => sqrt (inner (update k) (update k) * inner (update (S k)) (update (S k))))); [|easy].
  apply continuity_pt_inv; [apply derivable_continuous_pt, derivable_pt_id|]. unfold id. lra.
Qed.

End Updates.

(** ** "The gap needs three things at once" *)

(** Early stopping: at train loss ε no two points differ by more than ε (M - m) in test loss, where
    m and M are the ends of the band; it closes as ε falls to 0.  In the example that is (3/4)ε. *)
Theorem needs_early_stopping d γ λ m M ε x y :
  (forall i, (i < d)%nat -> m * γ i <= λ i <= M * γ i) ->
  loss d γ x = ε -> loss d γ y = ε ->
  Rabs (loss d λ x - loss d λ y) <= ε * (M - m).
Proof.
  intros band at_x at_y.
  assert (between : forall z, m * loss d γ z <= loss d λ z <= M * loss d γ z).
  { intros z. unfold loss. rewrite <- !sum_scale. split; apply sum_le; intros i below;
      rewrite <- Rmult_assoc; (apply Rmult_le_compat_r; [apply pow2_ge_0|apply band; easy]). }
  pose proof (between x). pose proof (between y). rewrite at_x, at_y in *.
  apply Rabs_le. lra.
Qed.

(** A mismatch of train and test curvature: without it the test loss is a multiple of the train
    loss, and all points of equal train loss have equal test loss. *)
Theorem needs_mismatch d γ λ c x y :
  (forall i, (i < d)%nat -> λ i = c * γ i) ->
  loss d γ x = loss d γ y -> loss d λ x = loss d λ y.
Proof.
  intros matched same.
  assert (multiple : forall z, loss d λ z = c * loss d γ z).
  { intros z. unfold loss. rewrite <- sum_scale. apply sum_ext. intros i below.
    rewrite matched by easy. ring. }
  now rewrite !multiple, same.
Qed.

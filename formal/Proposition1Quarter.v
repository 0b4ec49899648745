(** Proposition 1, the remaining draws: "Moreover, with the remaining 1/4 probability, the samples
    will be such that gradient flow and annealed gradient descent behave identically."

    Σ̂ = diag(1, 0): the losses of both end points are the same for every K, but the points only for
    even K.  At η = 3/2 the drawn coordinate is multiplied by 1 - 2·(3/2) = -2: it diverges, changes
    its sign at each step, and the flow brings it back. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent.
From Isoloss Require Import Basis Samples Example Proposition1ThreeQuarters.

(** Numbers of the same size, on the same side of 0, are equal. *)
Lemma same_side x u v : 0 < u -> 0 < v -> (x * u) ^ 2 = (x * v) ^ 2 -> x * u = x * v.
Proof.
  intros u_pos v_pos squares. destruct (Req_dec x 0) as [->|not_0]; [ring|].
  f_equal. apply Rsqr_inj; [lra|lra|]. unfold Rsqr.
  apply (Rmult_eq_reg_l (x * x)); nra.
Qed.

Section OneDirection.

Variables (α ε : R) (s : nat).
Hypothesis α_range : 0 < α < 1.
Hypothesis ε_range : 0 < ε < 1.
Hypothesis s_below : (s < 2)%nat.

(** The train loss is the square of the drawn coordinate. *)
Lemma one_loss δ : loss 2 (drawn_thrice s) δ = δ s ^ 2.
Proof. unfold loss, drawn_thrice. revert s s_below. for_both; simpl; ring. Qed.

Lemma starts_above : ε < loss 2 (drawn_thrice s) (start α).
Proof.
  rewrite one_loss, start_squares by (lra || lia).
  pose proof (start_square_large α α_range). lra.
Qed.

(** Gradient flow ends at size √ε in the drawn coordinate; the other does not move. *)
Lemma flow_end finish :
  flow_to 2 (loss 2 (drawn_thrice s)) ε (start α) finish ->
  finish s ^ 2 = ε /\ (exists u, 0 < u /\ finish s = start α s * u) /\
  forall i, (i < 2)%nat -> i <> s -> finish i = start α i.
Proof.
  intros to_finish. destruct (flow_to_is_flow _ _ _ _ _ to_finish) as (T & at_T & ends).
  apply stops_at_level in at_T; [|left; apply starts_above].
  rewrite <- (loss_ext _ _ _ _ ends), one_loss in at_T.
  repeat split; [easy| |].
  - exists (exp (-2 * drawn_thrice s s * T)). split; [apply exp_pos|]. now rewrite ends.
  - intros i below other. rewrite ends by easy. unfold flow, drawn_thrice.
    replace (Nat.eqb i s) with false by (symmetry; now apply Nat.eqb_neq).
    replace (-2 * 0 * T) with 0 by ring. rewrite exp_0. ring.
Qed.

(** No step stops: the loss grows by 4 at each. *)
Lemma steps_grow k : ε < loss 2 (drawn_thrice s) (steps (drawn_thrice s) η k (start α)).
Proof.
  pose proof starts_above as above. rewrite one_loss in *. unfold steps, drawn_thrice.
  rewrite Nat.eqb_refl, Rpow_mult_distr. replace (1 - 2 * η * 1) with (-2) by (unfold η; field).
  assert (1 <= ((-2) ^ k) ^ 2).
  { rewrite <- pow_mult, Nat.mul_comm, pow_mult. replace ((-2) ^ 2) with 4 by ring.
    apply pow_R1_Rle. lra. }
  nra.
Qed.

Lemma annealed_end K finish :
  annealed_to 2 (loss 2 (drawn_thrice s)) K η ε (start α) finish ->
  finish s ^ 2 = ε /\ (exists u, 0 < u /\ finish s = (-1) ^ K * start α s * u) /\
  forall i, (i < 2)%nat -> i <> s -> finish i = start α i.
Proof.
  intros (between & down & last).
  assert (all_steps : forall i, (i < 2)%nat ->
    between i = steps (drawn_thrice s) η K (start α) i).
  { destruct (descends_is_steps _ _ _ _ _ _ _ down) as (k & _ & [->|low] & at_k & _); [easy|].
    rewrite (loss_ext _ _ between _ at_k) in low. pose proof (steps_grow k). lra. }
  destruct (flow_to_is_flow _ _ _ _ _ last) as (T & at_T & ends).
  apply stops_at_level in at_T.
  2: { rewrite (loss_ext _ _ between _ all_steps). left. apply steps_grow. }
  rewrite <- (loss_ext _ _ _ _ ends), one_loss in at_T. repeat split; [easy| |].
  - exists (2 ^ K * exp (-2 * drawn_thrice s s * T)). split.
    + apply Rmult_lt_0_compat; [apply pow_lt; lra|apply exp_pos].
    + rewrite ends by easy. unfold flow at 1. rewrite all_steps by easy. unfold steps.
      unfold drawn_thrice at 1. rewrite Nat.eqb_refl.
      replace (1 - 2 * η * 1) with (-1 * 2) by (unfold η; field).
      rewrite Rpow_mult_distr. ring.
  - intros i below other. rewrite ends by easy. unfold flow. rewrite all_steps by easy.
    unfold steps, drawn_thrice.
    replace (Nat.eqb i s) with false by (symmetry; now apply Nat.eqb_neq).
    replace (-2 * 0 * T) with 0 by ring. replace (1 - 2 * η * 0) with 1 by ring.
    rewrite exp_0, pow1. ring.
Qed.

(** The residuals differ by the sign (-1)^K of the drawn coordinate. *)
Lemma mirrored K bad good :
  flow_to 2 (loss 2 (drawn_thrice s)) ε (start α) bad ->
  annealed_to 2 (loss 2 (drawn_thrice s)) K η ε (start α) good ->
  good s = (-1) ^ K * bad s /\ bad s <> 0 /\
  forall i, (i < 2)%nat -> i <> s -> good i = bad i.
Proof.
  intros to_bad to_good.
  destruct (flow_end bad to_bad) as (bad_square & (u & u_pos & at_bad) & bad_other).
  destruct (annealed_end K good to_good) as (good_square & (v & v_pos & at_good) & good_other).
  repeat split.
  - rewrite at_good, at_bad, <- Rmult_assoc. apply same_side; try easy.
    rewrite <- at_good, good_square, <- bad_square, at_bad, !Rpow_mult_distr.
    rewrite <- pow_mult, Nat.mul_comm, pow_1_even. ring.
  - intros zero. rewrite zero in bad_square. simpl in bad_square. lra.
  - intros i below other. now rewrite good_other, bad_other.
Qed.

End OneDirection.

(** With probability 1/4 both optimizers end at the same train and test loss, for every K; at the
    same point for even K, and at its mirror image along the drawn direction for odd K. *)
Theorem proposition_1_quarter α :
  0 < α < 1 ->
  let D := example (β_star α) in
  let event := fun a b c => negb (shows_both a b c) in
  probability_of_three D event = 1 / 4 /\
  forall ε K a b c bad good,
    0 < ε < 1 -> (a < 2)%nat -> (b < 2)%nat -> (c < 2)%nat -> event a b c = true ->
    let L_hat := sample_loss 2 D 3 (three a b c) in
    let L_D := population_loss 2 D in
    flow_to 2 L_hat ε origin bad -> annealed_to 2 L_hat K η ε origin good ->
    L_hat bad = ε /\ L_hat good = ε /\ L_D good = L_D bad /\
    (forall i, (i < 2)%nat ->
      good i - β_star α i = (if Nat.eqb i a then (-1) ^ K else 1) * (bad i - β_star α i)) /\
    ((forall i, (i < 2)%nat -> good i = bad i) <-> Nat.Even K).
Proof.
  intros α_range D event. split; [apply probability_of_one_direction|].
  intros ε K a b c bad good ε_range a_below b_below c_below one_shown L_hat L_D to_bad to_good.
  apply Bool.negb_true_iff in one_shown.
  destruct (one_direction_drawn (β_star α) a b c) as (_ & _ & diagonal); try easy.
  fold D L_hat in diagonal.
  apply (flow_to_in_basis 2 identity (β_star α) (drawn_thrice a) L_hat identity_is_orthogonal)
    in to_bad; [|easy].
  apply (annealed_to_in_basis 2 identity (β_star α) (drawn_thrice a) L_hat identity_is_orthogonal)
    in to_good; [|easy].
  fold (start α) in to_bad, to_good.
  destruct (mirrored α ε a α_range ε_range a_below K _ _ to_bad to_good)
    as (drawn & not_0 & others).
  assert (points : forall i, (i < 2)%nat ->
    good i - β_star α i = (if Nat.eqb i a then (-1) ^ K else 1) * (bad i - β_star α i)).
  { intros i below. rewrite <- !(residual_is_difference _ _ i below).
    destruct (Nat.eqb_spec i a) as [->|other]; [easy|]. rewrite others by easy. ring. }
  assert (sign : ((-1) ^ K) ^ 2 = 1) by (rewrite <- pow_mult, Nat.mul_comm; apply pow_1_even).
  repeat split.
  - rewrite diagonal, one_loss by easy.
    now destruct (flow_end α ε a α_range ε_range a_below _ to_bad).
  - rewrite diagonal, one_loss by easy.
    now destruct (annealed_end α ε a α_range ε_range a_below K _ to_good).
  - unfold L_D, D. rewrite !equation_2, !points, !Rpow_mult_distr by lia.
    destruct (Nat.eqb 0 a), (Nat.eqb 1 a); rewrite ?sign; ring.
  - easy.
  - (* the same points: then (-1)^K = 1 *)
    intros same. destruct (Nat.Even_or_Odd K) as [even|[m odd]]; [easy|exfalso].
    apply not_0. rewrite residual_is_difference by easy.
    pose proof (points a a_below) as at_a. rewrite Nat.eqb_refl, same, odd in at_a by easy.
    rewrite Nat.add_1_r, pow_1_odd in at_a. lra.
  - intros [m even] i below. pose proof (points i below) as at_i.
    rewrite even, pow_1_even in at_i. destruct (Nat.eqb i a); lra.
Qed.

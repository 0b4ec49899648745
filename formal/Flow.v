(** Gradient flow, as the solution of its differential equation dβ/dt = -∇L(β),
    and that there is exactly one. *)

From Isoloss Require Import Directions.

(** ** The definition, for any loss L of d parameters *)

Definition with_coordinate (x : vector) (i : nat) (u : R) : vector :=
  fun j => if Nat.eqb j i then u else x j.

(** [slope] is the partial derivative ∂L/∂x_i at x. *)
Definition partial (L : vector -> R) (i : nat) (x : vector) (slope : R) : Prop :=
  derivable_pt_lim (fun u => L (with_coordinate x i u)) (x i) slope.

(** [path] follows the gradient flow of L from [start]: it solves the equation at all times t > 0,
    and tends to the start as t falls to 0. *)
Definition is_flow (d : nat) (L : vector -> R) (start : vector) (path : R -> vector) : Prop :=
  forall i, (i < d)%nat ->
    path 0 i = start i /\
    limit1_in (fun t => path t i) (fun t => 0 < t) (start i) 0 /\
    forall t, 0 < t ->
      exists slope, partial L i (path t) slope /\ derivable_pt_lim (fun s => path s i) t (- slope).

(** Flow on L̂ in closed form: δ_i(t) = δ_i(0) e^(-2γ_i t). *)
Definition flow (γ : nat -> R) (start : vector) (t : R) : vector :=
  fun i => start i * exp (-2 * γ i * t).

(** ** Derivatives *)

Lemma derivable_ext f g t l :
  (forall s, f s = g s) -> derivable_pt_lim f t l -> derivable_pt_lim g t l.
Proof.
  intros same at_f e pos. destruct (at_f e pos) as [a close]. exists a.
  intros h some small. rewrite <- !same. auto.
Qed.

Lemma derivable_value f t l l' : derivable_pt_lim f t l -> l = l' -> derivable_pt_lim f t l'.
Proof. now intros derivative <-. Qed.

Lemma derivable_sum d (f : nat -> R -> R) (f' : nat -> R) t :
  (forall j, (j < d)%nat -> derivable_pt_lim (f j) t (f' j)) ->
  derivable_pt_lim (fun u => sum d (fun j => f j u)) t (sum d f').
Proof.
  induction d as [|d IH]; intros each; simpl.
  - apply derivable_pt_lim_const.
  - apply (derivable_pt_lim_plus (fun u => sum d (fun j => f j u)) (f d)); auto.
Qed.

Lemma derivable_affine a b t : derivable_pt_lim (fun u => a + b * u) t b.
Proof.
  apply derivable_value with (0 + b * 1); [|ring].
  apply (derivable_pt_lim_plus (fun _ => a) (fun u => b * u)).
  - apply derivable_pt_lim_const.
  - apply (derivable_pt_lim_scal id), derivable_pt_lim_id.
Qed.

Lemma derivable_square_of_affine g a b t :
  derivable_pt_lim (fun u => g * (a + b * u) ^ 2) t (2 * g * b * (a + b * t)).
Proof.
  replace (2 * g * b * (a + b * t)) with (g * (INR 2 * (a + b * t) ^ 1 * b)) by (simpl; ring).
  apply (derivable_pt_lim_scal (fun u => (a + b * u) ^ 2)).
  apply (derivable_pt_lim_comp (fun u => a + b * u) (fun v => v ^ 2)).
  - apply derivable_affine.
  - apply derivable_pt_lim_pow.
Qed.

Lemma derivable_exp c t : derivable_pt_lim (fun s => exp (c * s)) t (c * exp (c * t)).
Proof.
  rewrite Rmult_comm. apply (derivable_pt_lim_comp (fun s => c * s) exp).
  - apply derivable_ext with (fun s => 0 + c * s); [intros; ring|apply derivable_affine].
  - apply derivable_pt_lim_exp.
Qed.

(** ∂L̂/∂δ_i = 2γ_i δ_i: no factor ½ in the loss. *)
Lemma loss_partial d γ i δ : (i < d)%nat -> partial (loss d γ) i δ (2 * γ i * δ i).
Proof.
  intros below. unfold partial, loss.
  rewrite <- (sum_single d i (fun j => 2 * γ j * δ j)) by easy.
  apply derivable_sum. intros j _. unfold with_coordinate.
  destruct (Nat.eqb_spec j i) as [->|other].
  - replace (2 * γ i * δ i) with (2 * γ i * 1 * (0 + 1 * δ i)) by ring.
    eapply derivable_ext; [|apply derivable_square_of_affine]. intros s. simpl. ring.
  - apply derivable_pt_lim_const.
Qed.

Lemma limit_from_right f l : continuity_pt f 0 -> f 0 = l -> limit1_in f (fun t => 0 < t) l 0.
Proof.
  intros continuous <- e pos. destruct (continuous e pos) as [a [a_pos close]].
  exists a. split; [easy|]. intros s [s_pos near]. simpl in s_pos.
  apply close. repeat split; [lra|easy].
Qed.

Lemma partial_unique L i x a b : partial L i x a -> partial L i x b -> a = b.
Proof. apply uniqueness_limite. Qed.

(** ** Existence: the closed form solves the equation *)

Theorem flow_is_flow d γ start : is_flow d (loss d γ) start (flow γ start).
Proof.
  intros i below. unfold flow.
  assert (solves : forall t,
    derivable_pt_lim (fun s => start i * exp (-2 * γ i * s)) t
      (start i * (-2 * γ i * exp (-2 * γ i * t))))
    by (intros t; apply (derivable_pt_lim_scal (fun s => exp (-2 * γ i * s))), derivable_exp).
  assert (at_0 : start i * exp (-2 * γ i * 0) = start i) by (rewrite Rmult_0_r, exp_0; ring).
  repeat split; [easy| |].
  - apply limit_from_right; [|easy].
    apply derivable_continuous_pt. eexists. apply solves.
  - intros t t_pos. exists (2 * γ i * flow γ start t i). split.
    + now apply loss_partial.
    + unfold flow. replace (- _) with (start i * (-2 * γ i * exp (-2 * γ i * t))) by ring.
      apply solves.
Qed.

(** ** Uniqueness: every solution is the closed form *)

(** δ_i(t) e^(2γ_i t) does not change, since its derivative is 0. *)
Lemma solution_times_growth_is_constant (f : R -> R) c s t :
  (forall r, 0 < r -> derivable_pt_lim f r (- (c * f r))) -> 0 < s -> s < t ->
  f s * exp (c * s) = f t * exp (c * t).
Proof.
  intros solves s_pos before.
  destruct (MVT_cor2 (fun r => f r * exp (c * r)) (fun _ => 0) s t before) as [r [same _]].
  - intros r [after _].
    replace 0 with (- (c * f r) * exp (c * r) + f r * (c * exp (c * r))) by ring.
    apply (derivable_pt_lim_mult f (fun r => exp (c * r))).
    + apply solves. lra.
    + apply derivable_exp.
  - simpl in same. lra.
Qed.

Lemma solution_unique (f : R -> R) c start t :
  limit1_in f (fun s => 0 < s) start 0 ->
  (forall r, 0 < r -> derivable_pt_lim f r (- (c * f r))) -> 0 < t ->
  f t = start * exp (- c * t).
Proof.
  intros from_start solves t_pos.
  enough (same : f t * exp (c * t) = start).
  { rewrite <- same, Rmult_assoc, <- exp_plus.
    replace (c * t + - c * t) with 0 by ring. rewrite exp_0. ring. }
  (* both are limits of f(s) e^(cs) as s falls to 0 *)
  apply (single_limit (fun s => f s * exp (c * s)) (fun s => 0 < s < t) _ _ 0).
  - intros a a_pos. exists (Rmin (a / 2) (t / 2)). unfold R_dist.
    pose proof (Rmin_l (a / 2) (t / 2)). pose proof (Rmin_r (a / 2) (t / 2)).
    assert (0 < Rmin (a / 2) (t / 2)) by (apply Rmin_pos; lra).
    split; [lra|]. rewrite Rminus_0_r, Rabs_right; lra.
  - intros e e_pos. exists 1. split; [lra|]. intros s [[s_pos before] _].
    rewrite (solution_times_growth_is_constant f c s t) by easy.
    simpl. now rewrite R_dist_eq.
  - replace start with (start * 1) by ring. apply limit_mul.
    + intros e e_pos. destruct (from_start e e_pos) as [a [a_pos close]].
      exists a. split; [easy|]. intros s [[s_pos _] near]. now apply close.
    + assert (to_1 : limit1_in (fun s => exp (c * s)) (fun s => 0 < s) 1 0).
      { apply limit_from_right; [|now rewrite Rmult_0_r, exp_0].
        apply derivable_continuous_pt. eexists. apply derivable_exp. }
      intros e e_pos. destruct (to_1 e e_pos) as [a [a_pos close]].
      exists a. split; [easy|]. intros s [[s_pos _] near]. now apply close.
Qed.

Theorem flow_unique d γ start path :
  is_flow d (loss d γ) start path ->
  forall i t, (i < d)%nat -> 0 <= t -> path t i = flow γ start t i.
Proof.
  intros follows i t below [t_pos|<-]; destruct (follows i below) as (at_0 & from_start & solves).
  - unfold flow. replace (-2 * γ i) with (- (2 * γ i)) by ring.
    apply (solution_unique (fun s => path s i)); [easy| |easy].
    intros r r_pos. destruct (solves r r_pos) as (slope & is_slope & derivative).
    now rewrite (partial_unique _ _ _ _ _ (loss_partial d γ i (path r) below) is_slope).
  - unfold flow. rewrite at_0, Rmult_0_r, exp_0. ring.
Qed.

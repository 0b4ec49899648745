(** From parameters β to residuals in the eigenbasis, δ = Uᵀ(β - β⋆).

    The paper "assumes both [Σ and Σ̂] are diagonal in one basis U".  Here flows and steps on such a
    loss of β are shown to be flows and steps on Σ γ_i δ_i² as a function of δ, so that everything
    proved for δ holds for β. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent.

(** δ_i = Σ_k U_ki (β_k - β⋆_k). *)
Definition residual (d : nat) (U : nat -> nat -> R) (β_star β : vector) : vector :=
  fun i => sum d (fun k => U k i * (β k - β_star k)).

(** L(β) = Σ γ_i δ_i². *)
Definition diagonal_in (d : nat) (U : nat -> nat -> R) (β_star : vector) (γ : nat -> R)
  (L : vector -> R) : Prop :=
  forall β, L β = loss d γ (residual d U β_star β).

(** UᵀU = 1 and UUᵀ = 1. *)
Definition orthogonal (d : nat) (U : nat -> nat -> R) : Prop :=
  (forall i j, (i < d)%nat -> (j < d)%nat ->
    sum d (fun k => U k i * U k j) = if Nat.eqb j i then 1 else 0) /\
  (forall k l, (k < d)%nat -> (l < d)%nat ->
    sum d (fun i => U k i * U l i) = if Nat.eqb l k then 1 else 0).

(** ** Limits of sums *)

Lemma limit_const c D : limit1_in (fun _ => c) D c 0.
Proof.
  intros e e_pos. exists 1. split; [lra|]. intros x _. simpl. now rewrite R_dist_eq.
Qed.

Lemma limit_sum d (f : nat -> R -> R) (l : nat -> R) D :
  (forall i, (i < d)%nat -> limit1_in (f i) D (l i) 0) ->
  limit1_in (fun t => sum d (fun i => f i t)) D (sum d l) 0.
Proof.
  induction d as [|d IH]; intros each; cbn [sum]; [apply limit_const|].
  apply (limit_plus (fun t => sum d (fun i => f i t)) (f d)); auto.
Qed.

(** ** Sums over an orthogonal basis *)

Lemma project d (U : nat -> nat -> R) a i :
  (forall j, (j < d)%nat -> sum d (fun k => U k i * U k j) = if Nat.eqb j i then 1 else 0) ->
  (i < d)%nat ->
  sum d (fun k => U k i * sum d (fun j => a j * U k j)) = a i.
Proof.
  intros unit below.
  transitivity (sum d (fun j => if Nat.eqb j i then a j else 0)); [|now apply sum_single].
  transitivity (sum d (fun k => sum d (fun j => a j * (U k i * U k j)))).
  { apply sum_ext. intros k _. rewrite <- sum_scale. apply sum_ext. intros j _. ring. }
  rewrite sum_swap. apply sum_ext. intros j j_below. rewrite sum_scale, unit by easy.
  destruct (Nat.eqb j i); ring.
Qed.

Section InBasis.

Variables (d : nat) (U : nat -> nat -> R) (β_star : vector) (γ : nat -> R) (L : vector -> R).
Hypothesis basis : orthogonal d U.
Hypothesis diagonal : diagonal_in d U β_star γ L.

Let res := residual d U β_star.

(** Back from δ to β = β⋆ + Uδ. *)
Definition parameters (δ : vector) : vector := fun k => β_star k + sum d (fun i => δ i * U k i).

Lemma residual_of_parameters δ i : (i < d)%nat -> res (parameters δ) i = δ i.
Proof.
  intros below. destruct basis as [columns _].
  rewrite <- (project d U δ i) by auto. apply sum_ext. intros k _. unfold parameters. ring.
Qed.

Lemma parameters_of_residual β k : (k < d)%nat -> parameters (res β) k = β k.
Proof.
  intros below. destruct basis as [_ rows]. unfold parameters, res, residual.
  enough (sum d (fun i => sum d (fun l => U l i * (β l - β_star l)) * U k i) = β k - β_star k)
    by lra.
  rewrite <- (project d (fun i l => U l i) (fun l => β l - β_star l) k) by auto.
  apply sum_ext. intros i _. rewrite Rmult_comm. f_equal. apply sum_ext. intros l _. ring.
Qed.

(** ** The gradient: ∇L = 2 U diag(γ) δ, that is 2 Σ̂ (β - β⋆) *)

Definition gradient (β : vector) : vector :=
  fun k => sum d (fun j => 2 * γ j * res β j * U k j).

Lemma residual_with_coordinate β k u i :
  (k < d)%nat -> res (with_coordinate β k u) i = (res β i - U k i * β k) + U k i * u.
Proof.
  intros below. unfold res, residual, with_coordinate.
  enough (moved : sum d (fun l => U l i * ((if Nat.eqb l k then u else β l) - β_star l)) =
    sum d (fun l => U l i * (β l - β_star l)) +
    sum d (fun l => if Nat.eqb l k then U l i * (u - β l) else 0))
    by (rewrite moved, sum_single by easy; ring).
  rewrite <- sum_plus. apply sum_ext. intros l _. destruct (Nat.eqb l k); ring.
Qed.

Lemma partial_is_gradient β k : (k < d)%nat -> partial L k β (gradient β k).
Proof.
  intros below. unfold partial.
  apply derivable_ext with
    (fun u => sum d (fun i => γ i * ((res β i - U k i * β k) + U k i * u) ^ 2)).
  { intros u. rewrite diagonal. apply sum_ext. intros i _.
    fold res. now rewrite residual_with_coordinate. }
  apply (derivable_sum d
    (fun i u => γ i * ((res β i - U k i * β k) + U k i * u) ^ 2)). intros i _.
  eapply derivable_value; [apply derivable_square_of_affine|]. ring.
Qed.

Lemma gradient_in_basis β i :
  (i < d)%nat -> sum d (fun k => U k i * gradient β k) = 2 * γ i * res β i.
Proof.
  intros below. destruct basis as [columns _].
  apply (project d U (fun j => 2 * γ j * res β j)); auto.
Qed.

(** ** Gradient flow and gradient descent in the basis *)

Theorem flow_in_basis β0 path :
  is_flow d L β0 path -> is_flow d (loss d γ) (res β0) (fun t => res (path t)).
Proof.
  intros follows i below. repeat split.
  - apply sum_ext. intros k k_below. now destruct (follows k k_below) as [-> _].
  - apply (limit_sum d (fun k t => U k i * (path t k - β_star k))). intros k k_below.
    destruct (follows k k_below) as (_ & from_start & _).
    apply (limit_mul (fun _ => U k i)); [apply limit_const|].
    apply (limit_minus (fun t => path t k)); [easy|apply limit_const].
  - intros t t_pos. exists (2 * γ i * res (path t) i). split; [now apply loss_partial|].
    apply derivable_value with (sum d (fun k => U k i * (- gradient (path t) k - 0))).
    + apply (derivable_sum d (fun k s => U k i * (path s k - β_star k))). intros k k_below.
      destruct (follows k k_below) as (_ & _ & solves).
      destruct (solves t t_pos) as (slope & is_slope & derivative).
      rewrite (partial_unique _ _ _ _ _ (partial_is_gradient (path t) k k_below) is_slope).
      apply (derivable_pt_lim_scal (fun s => path s k - β_star k)).
      apply (derivable_pt_lim_minus (fun s => path s k) (fun _ => β_star k)); [easy|].
      apply derivable_pt_lim_const.
    + rewrite <- gradient_in_basis, <- sum_opp by easy. apply sum_ext. intros k _. ring.
Qed.

Theorem step_in_basis η x y :
  gd_step d L η x y -> gd_step d (loss d γ) η (res x) (res y).
Proof.
  intros step. apply gd_step_is_factor. intros i below.
  replace ((1 - 2 * η * γ i) * res x i) with (res x i + - η * (2 * γ i * res x i)) by ring.
  rewrite <- gradient_in_basis, <- sum_scale by easy. unfold res at 1 2, residual.
  rewrite <- sum_plus. apply sum_ext. intros k k_below.
  destruct (step k k_below) as (slope & is_slope & ->).
  rewrite (partial_unique _ _ _ _ _ (partial_is_gradient x k k_below) is_slope). ring.
Qed.

Lemma descends_in_basis η ε K x y :
  descends d L η ε K x y -> descends d (loss d γ) η ε K (res x) (res y).
Proof.
  induction 1 as [x|K x low|K x y z high step _ rest].
  - constructor.
  - constructor. unfold res. now rewrite <- diagonal.
  - apply stepped with (res y); [unfold res; now rewrite <- diagonal| |easy].
    now apply step_in_basis.
Qed.

Theorem flow_to_in_basis ε x y :
  flow_to d L ε x y -> flow_to d (loss d γ) ε (res x) (res y).
Proof.
  intros (path & T & follows & (T_pos & low & first) & ends).
  exists (fun t => res (path t)), T. split; [now apply flow_in_basis|]. repeat split.
  - easy.
  - unfold res. now rewrite <- diagonal.
  - intros t t_pos before. unfold res. rewrite <- diagonal. auto.
  - intros i below. apply sum_ext. intros k k_below. now rewrite ends.
Qed.

Theorem annealed_to_in_basis K η ε x y :
  annealed_to d L K η ε x y -> annealed_to d (loss d γ) K η ε (res x) (res y).
Proof.
  intros (between & down & last). exists (res between).
  split; [now apply descends_in_basis|now apply flow_to_in_basis].
Qed.

(** ** Existence, for parameters *)

Theorem flow_in_basis_exists β0 : is_flow d L β0 (fun t => parameters (flow γ (res β0) t)).
Proof.
  intros k below.
  pose proof (flow_is_flow d γ (res β0)) as solves. repeat split.
  - rewrite <- (parameters_of_residual β0 k) by easy. unfold parameters. f_equal.
    apply sum_ext. intros i _. now rewrite flow_at_0.
  - rewrite <- (parameters_of_residual β0 k) by easy. unfold parameters.
    apply (limit_plus (fun _ => β_star k)); [apply limit_const|].
    apply (limit_sum d (fun i t => flow γ (res β0) t i * U k i)). intros i i_below.
    apply (limit_mul (fun t => flow γ (res β0) t i)); [|apply limit_const].
    now destruct (solves i i_below) as (_ & from_start & _).
  - intros t t_pos. eexists. split; [now apply partial_is_gradient|].
    apply derivable_value with
      (0 + sum d (fun i => - (2 * γ i * flow γ (res β0) t i) * U k i)).
    + apply (derivable_pt_lim_plus (fun _ => β_star k)); [apply derivable_pt_lim_const|].
      apply (derivable_sum d (fun i s => flow γ (res β0) s i * U k i)). intros i i_below.
      destruct (solves i i_below) as (_ & _ & at_t).
      destruct (at_t t t_pos) as (slope & is_slope & derivative).
      apply derivable_value with
        (- slope * U k i + flow γ (res β0) t i * 0); [|
          rewrite (partial_unique _ _ _ _ _ (loss_partial d γ i _ i_below) is_slope); ring].
      apply (derivable_pt_lim_mult (fun s => flow γ (res β0) s i) (fun _ => U k i)); [easy|].
      apply derivable_pt_lim_const.
    + unfold gradient. rewrite Rplus_0_l, <- sum_opp. apply sum_ext. intros i i_below.
      rewrite residual_of_parameters by easy. ring.
Qed.

Theorem flow_to_in_basis_exists ε β0 :
  (forall i, (i < d)%nat -> 0 <= γ i) -> 0 < ε -> exists finish, flow_to d L ε β0 finish.
Proof.
  intros γ_pos ε_pos.
  destruct (stopping_time_exists d γ (res β0) ε γ_pos ε_pos) as (T & T_pos & low & first).
  set (path := fun t => parameters (flow γ (res β0) t)).
  assert (same : forall t, L (path t) = loss d γ (flow γ (res β0) t)).
  { intros t. rewrite diagonal. apply loss_ext. intros i below. now apply residual_of_parameters. }
  exists (path T), path, T. split; [apply flow_in_basis_exists|]. repeat split; [easy| |].
  - now rewrite same.
  - intros t t_pos before. rewrite same. auto.
Qed.

Theorem annealed_to_in_basis_exists K η ε β0 :
  (forall i, (i < d)%nat -> 0 <= γ i) -> 0 < ε -> exists finish, annealed_to d L K η ε β0 finish.
Proof.
  intros γ_pos ε_pos.
  assert (down : exists between, descends d L η ε K β0 between).
  { revert β0. induction K as [|K IH]; intros β0; [exists β0; constructor|].
    destruct (Rle_dec (L β0) ε) as [low|high]; [exists β0; now constructor|].
    destruct (IH (fun k => β0 k - η * gradient β0 k)) as [between rest]. exists between.
    apply stepped with (fun k => β0 k - η * gradient β0 k); [lra| |easy].
    intros k below. eexists. split; [now apply partial_is_gradient|easy]. }
  destruct down as [between down].
  destruct (flow_to_in_basis_exists ε between γ_pos ε_pos) as [finish last].
  now exists finish, between.
Qed.

End InBasis.

(** GD_β0(L, K, η, ε): K gradient-descent steps with rate η, "checking at every step (the start
    included) whether the loss is at most ε and stopping there if so, then gradient flow until the
    loss is ε". *)

From Isoloss Require Import Directions Flow StoppingTime.

(** ** The definition, for any loss L of d parameters *)

(** One step: y = x - η ∇L(x). *)
Definition gd_step (d : nat) (L : vector -> R) (η : R) (x y : vector) : Prop :=
  forall i, (i < d)%nat -> exists slope, partial L i x slope /\ y i = x i - η * slope.

Inductive descends (d : nat) (L : vector -> R) (η ε : R) : nat -> vector -> vector -> Prop :=
  | no_steps_left x : descends d L η ε 0 x x
  | stopped K x : L x <= ε -> descends d L η ε K x x
  | stepped K x y z :
      ε < L x -> gd_step d L η x y -> descends d L η ε K y z -> descends d L η ε (S K) x z.

(** GD_start(L, K, η, ε) = finish. *)
Definition annealed_to (d : nat) (L : vector -> R) (K : nat) (η ε : R) (start finish : vector) :
  Prop := exists between, descends d L η ε K start between /\ flow_to d L ε between finish.

(** Steps on L̂ in closed form. *)
Definition steps (γ : nat -> R) (η : R) (K : nat) (start : vector) : vector :=
  fun i => (1 - 2 * η * γ i) ^ K * start i.

(** ** A step multiplies the residual by 1 - 2ηγ *)

Lemma gd_step_is_factor d γ η x y :
  gd_step d (loss d γ) η x y <-> forall i, (i < d)%nat -> y i = (1 - 2 * η * γ i) * x i.
Proof.
  split; intros step i below.
  - destruct (step i below) as (slope & is_slope & ->).
    rewrite <- (partial_unique _ _ _ _ _ (loss_partial d γ i x below) is_slope). ring.
  - exists (2 * γ i * x i). split; [now apply loss_partial|]. rewrite step by easy. ring.
Qed.

(** The steps taken are the closed form: all K of them, or fewer if the loss stops them. *)
Lemma descends_is_steps d γ η ε K start finish :
  descends d (loss d γ) η ε K start finish ->
  exists k, (k <= K)%nat /\ (k = K \/ loss d γ finish <= ε) /\
    (forall i, (i < d)%nat -> finish i = steps γ η k start i) /\
    forall j, (j < k)%nat -> ε < loss d γ (steps γ η j start).
Proof.
  induction 1 as [x|K x low|K x y z high step rest (k & most & whole & at_z & before)].
  - exists O. repeat split; [lia|auto|intros i _; unfold steps; simpl; ring|lia].
  - exists O. repeat split; [lia|auto|intros i _; unfold steps; simpl; ring|lia].
  - rewrite gd_step_is_factor in step.
    assert (next : forall j i, (i < d)%nat -> steps γ η j y i = steps γ η (S j) x i)
      by (intros j i below; unfold steps; rewrite step by easy; simpl; ring).
    exists (S k). repeat split; [lia|destruct whole; auto| |].
    + intros i below. rewrite at_z, next by easy. reflexivity.
    + intros [|j] less.
      * rewrite (loss_ext _ _ _ x); [easy|]. intros i _. unfold steps. simpl. ring.
      * rewrite <- (loss_ext d γ (steps γ η j y)); [apply before; lia|]. auto.
Qed.

Lemma descends_exists d γ η ε K : forall start,
  exists finish, descends d (loss d γ) η ε K start finish.
Proof.
  induction K as [|K IH]; intros start; [exists start; constructor|].
  destruct (Rle_dec (loss d γ start) ε) as [low|high].
  - exists start. now constructor.
  - destruct (IH (steps γ η 1 start)) as [finish rest]. exists finish.
    apply stepped with (steps γ η 1 start); [lra| |easy].
    apply gd_step_is_factor. intros i _. unfold steps. simpl. ring.
Qed.

(** ** GD(L̂, K, η, ε) exists and is unique *)

Theorem annealed_to_exists d γ K η ε start :
  (forall i, (i < d)%nat -> 0 <= γ i) -> 0 < ε ->
  exists finish, annealed_to d (loss d γ) K η ε start finish.
Proof.
  intros γ_pos ε_pos. destruct (descends_exists d γ η ε K start) as [between down].
  destruct (flow_to_exists d γ ε between γ_pos ε_pos) as [finish last].
  now exists finish, between.
Qed.

Lemma steps_at_stop d γ η ε K start x y :
  descends d (loss d γ) η ε K start x -> descends d (loss d γ) η ε K start y ->
  forall i, (i < d)%nat -> x i = y i.
Proof.
  intros to_x to_y i below.
  destruct (descends_is_steps _ _ _ _ _ _ _ to_x) as (k & k_most & k_whole & at_x & k_before).
  destruct (descends_is_steps _ _ _ _ _ _ _ to_y) as (l & l_most & l_whole & at_y & l_before).
  rewrite at_x, at_y by easy. f_equal.
  destruct (lt_eq_lt_dec k l) as [[less| ->]|more]; [|easy|].
  - pose proof (l_before k less). destruct k_whole as [->|low]; [lia|].
    rewrite (loss_ext d γ x _ at_x) in low. lra.
  - pose proof (k_before l more). destruct l_whole as [->|low]; [lia|].
    rewrite (loss_ext d γ y _ at_y) in low. lra.
Qed.

Theorem annealed_to_unique d γ K η ε start x y :
  annealed_to d (loss d γ) K η ε start x -> annealed_to d (loss d γ) K η ε start y ->
  forall i, (i < d)%nat -> x i = y i.
Proof.
  intros (a & to_a & a_to_x) (b & to_b & b_to_y) i below.
  pose proof (steps_at_stop _ _ _ _ _ _ _ _ to_a to_b) as same.
  destruct (flow_to_is_flow _ _ _ _ _ a_to_x) as (s & stops_s & at_s).
  destruct (flow_to_is_flow _ _ _ _ _ b_to_y) as (t & stops_t & at_t).
  assert (together : forall r j, (j < d)%nat -> flow γ a r j = flow γ b r j)
    by (intros r j j_below; unfold flow; now rewrite same).
  assert (stops_s' : stops (loss d γ) (flow γ b) ε s).
  { destruct stops_s as (pos & low & first). repeat split; [easy| |].
    - rewrite <- (loss_ext d γ (flow γ a s)); auto.
    - intros r r_pos before. rewrite <- (loss_ext d γ (flow γ a r)); auto. }
  rewrite at_s, at_t, together by easy. now rewrite (stops_once _ _ _ _ _ stops_s' stops_t).
Qed.

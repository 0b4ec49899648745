(** The 2-dimensional example (section 2): "x ∈ {e1, e2} with probability ½ each, y = ⟨β⋆, x⟩
    without noise, n = 3 samples, start at β = 0". *)

From Isoloss Require Import Directions Flow Basis Samples.

(** Points 0 and 1 are e1 and e2. *)
Definition unit_vector (s : nat) : vector := fun k => if Nat.eqb k s then 1 else 0.

Definition example (β_star : vector) : distribution := {|
  size := 2;
  weight := fun _ => 1 / 2;
  input := unit_vector;
  target := fun s => dot 2 β_star (unit_vector s)
|}.

Definition origin : vector := fun _ => 0.

(** The eigenbasis is that of the coordinates: U is the identity. *)
Definition identity (k i : nat) : R := if Nat.eqb k i then 1 else 0.

(** To prove a statement for both directions, or both points, prove it for each. *)
Lemma both (P : nat -> Prop) : P O -> P 1%nat -> forall i, (i < 2)%nat -> P i.
Proof. intros at_0 at_1 i below. destruct i as [|[|i]]; [easy|easy|lia]. Qed.

Ltac for_both := refine (both _ _ _); cbv beta.

Lemma example_is_distribution β_star : is_distribution (example β_star).
Proof. split; [intros s _|]; simpl; lra. Qed.

Lemma identity_is_orthogonal : orthogonal 2 identity.
Proof.
  split; intros i j i_below j_below; revert i i_below j j_below;
    for_both; for_both; unfold identity; simpl; ring.
Qed.

Lemma residual_is_difference β_star β :
  forall i, (i < 2)%nat -> residual 2 identity β_star β i = β i - β_star i.
Proof. for_both; unfold residual, identity; simpl; ring. Qed.

(** ** The draws *)

(** "With probability 3/4 the three samples show both directions (one of them twice); with
    probability 1/4 all three are the same direction." *)
Definition shows_both (a b c : nat) : bool := negb (Nat.eqb a b && Nat.eqb b c).

Theorem probability_of_both_directions β_star :
  probability_of_three (example β_star) shows_both = 3 / 4.
Proof. unfold probability_of_three. simpl. field. Qed.

Theorem probability_of_one_direction β_star :
  probability_of_three (example β_star) (fun a b c => negb (shows_both a b c)) = 1 / 4.
Proof. unfold probability_of_three. simpl. field. Qed.

(** Train curvatures: direction s drawn twice, and drawn three times. *)
Definition drawn_twice (s : nat) : nat -> R := fun i => if Nat.eqb i s then 2 / 3 else 1 / 3.
Definition drawn_thrice (s : nat) : nat -> R := fun i => if Nat.eqb i s then 1 else 0.
Definition half (i : nat) : R := 1 / 2.

Ltac write_out :=
  unfold population_loss, sample_loss, squared_error, example, dot, unit_vector, three,
    drawn_twice, drawn_thrice; simpl.

(** Equation (2): L_D = ½(β1 - β1⋆)² + ½(β2 - β2⋆)². *)
Theorem equation_2 β_star β :
  population_loss 2 (example β_star) β =
  1 / 2 * (β O - β_star O) ^ 2 + 1 / 2 * (β 1%nat - β_star 1%nat) ^ 2.
Proof. write_out. ring. Qed.

(** Equation (1), e1 drawn twice: L̂ = ⅔(β1 - β1⋆)² + ⅓(β2 - β2⋆)². *)
Theorem equation_1 β_star β :
  sample_loss 2 (example β_star) 3 (three 0 0 1) β =
  2 / 3 * (β O - β_star O) ^ 2 + 1 / 3 * (β 1%nat - β_star 1%nat) ^ 2.
Proof. write_out. field. Qed.

Lemma test_loss_is_diagonal β_star :
  diagonal_in 2 identity β_star half (population_loss 2 (example β_star)).
Proof.
  intros β. rewrite equation_2. unfold loss. cbn [sum].
  rewrite !residual_is_difference by lia. unfold half. ring.
Qed.

Local Ltac by_cases :=
  intros β; unfold loss; cbn [sum]; rewrite !residual_is_difference by lia; write_out; field.

Theorem both_directions_drawn β_star a b c :
  (a < 2)%nat -> (b < 2)%nat -> (c < 2)%nat -> shows_both a b c = true ->
  exists s, (s < 2)%nat /\
    diagonal_in 2 identity β_star (drawn_twice s) (sample_loss 2 (example β_star) 3 (three a b c)).
Proof.
  intros a_below b_below c_below both_shown.
  destruct a as [|[|a]], b as [|[|b]], c as [|[|c]]; try lia; try discriminate;
    (exists O; split; [lia|]; by_cases) || (exists 1%nat; split; [lia|]; by_cases).
Qed.

Theorem one_direction_drawn β_star a b c :
  (a < 2)%nat -> (b < 2)%nat -> (c < 2)%nat -> shows_both a b c = false ->
  a = b /\ b = c /\
  diagonal_in 2 identity β_star (drawn_thrice a) (sample_loss 2 (example β_star) 3 (three a b c)).
Proof.
  intros a_below b_below c_below one_shown.
  destruct a as [|[|a]], b as [|[|b]], c as [|[|c]]; try lia; try discriminate;
    (split; [easy|split; [easy|]]; by_cases).
Qed.

(** ** The table of good and bad points on the ellipse L̂ = ε *)

Theorem good_point ε :
  0 <= ε ->
  let δ := fun i => match i with O => sqrt (3 / 2 * ε) | _ => 0 end in
  loss 2 (drawn_twice 0) δ = ε /\ loss 2 half δ = 3 / 4 * ε.
Proof.
  intros pos. unfold loss, drawn_twice, half. simpl. rewrite !Rmult_1_r, sqrt_sqrt by lra.
  split; field.
Qed.

Theorem bad_point ε :
  0 <= ε ->
  let δ := fun i => match i with O => 0 | _ => sqrt (3 * ε) end in
  loss 2 (drawn_twice 0) δ = ε /\ loss 2 half δ = 3 / 2 * ε.
Proof.
  intros pos. unfold loss, drawn_twice, half. simpl. rewrite !Rmult_1_r, sqrt_sqrt by lra.
  split; field.
Qed.

(** "Gradient flow: d/dt(β1 - β1⋆) = -(4/3)(β1 - β1⋆), d/dt(β2 - β2⋆) = -(2/3)(β2 - β2⋆)." *)
Theorem flow_equations β_star β0 path t :
  is_flow 2 (sample_loss 2 (example β_star) 3 (three 0 0 1)) β0 path -> 0 < t ->
  derivable_pt_lim (fun s => path s O) t (- (4 / 3) * (path t O - β_star O)) /\
  derivable_pt_lim (fun s => path s 1%nat) t (- (2 / 3) * (path t 1%nat - β_star 1%nat)).
Proof.
  intros follows t_pos.
  assert (diagonal : diagonal_in 2 identity β_star (drawn_twice 0)
    (sample_loss 2 (example β_star) 3 (three 0 0 1))) by by_cases.
  assert (solves : forall k, (k < 2)%nat ->
    derivable_pt_lim (fun s => path s k) t (- (2 * drawn_twice 0 k * (path t k - β_star k)))).
  { intros k below. destruct (follows k below) as (_ & _ & at_t).
    destruct (at_t t t_pos) as (slope & is_slope & derivative).
    apply derivable_value with (- slope); [easy|]. f_equal.
    rewrite (partial_unique _ _ _ _ _ is_slope
      (partial_is_gradient 2 identity β_star _ _ diagonal (path t) k below)).
    unfold gradient. cbn [sum]. rewrite !residual_is_difference by lia.
    clear at_t is_slope derivative. revert k below.
    for_both; unfold identity, drawn_twice; simpl; field. }
  split; (eapply derivable_value; [apply solves; lia|unfold drawn_twice; simpl; field]).
Qed.

(** Part 2 of Lemma 2 read literally, with exp(-Ω(K)) = c^K, c = max |1 - 2γ_i/γ_1| and no constant:
    "taking Ω(K) = -K log max_{i: γ_i≠γ_1} |1 - 2γ_i/γ_1| suffices".  It is false. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent.
From Isoloss Require Import Lemma2Flow Lemma2Annealed Lemma2.

Definition literal_reading : Prop :=
  forall d k γ λ δ p α ε K M c finish,
    premises d k γ λ δ p α ε ->
    is_max (fun j => (j < d)%nat /\ γ j = γ O) (fun j => λ j / γ j) M ->
    is_max (fun i => (i < d)%nat /\ γ i <> γ O) (fun i => Rabs (1 - 2 * γ i / γ O)) c ->
    annealed_to d (loss d γ) K (1 / γ O) ε δ finish ->
    loss d λ finish <= ε * M + c ^ K.

(** The counterexample, in rational numbers: γ = (1, 1/4), λ = (1, 1), δ(0) = (1, 4), ε = 1/2,
    S = {2}, p = 2, α = 1/2, K = 1; then c = 1/2. *)
Definition γ (i : nat) : R := match i with O => 1 | _ => 1 / 4 end.
Definition λ (i : nat) : R := 1.
Definition δ (i : nat) : R := match i with O => 1 | _ => 4 end.

Lemma two (i : nat) : (i < 2)%nat -> i = O \/ i = 1%nat.
Proof. lia. Qed.

Lemma counterexample_premises : premises 2 1 γ λ δ 2 (1 / 2) (1 / 2).
Proof.
  split; try lra; try lia.
  - intros i j before below. destruct (two j below) as [-> | ->], i as [|i]; simpl; try lra; lia.
  - intros i below. destruct (two i below) as [-> | ->]; simpl; lra.
  - intros i _. unfold λ. lra.
  - intros i below. replace i with O by lia. simpl. lra.
  - simpl. lra.
  - exists 4. repeat split.
    + exists 1%nat. split; [lia|simpl; lra].
    + intros j [least below]. replace j with 1%nat by lia. simpl. lra.
    + lra.
    + (* (1/8)³ ≤ 1/4 *)
      unfold condition_2. replace (1 + 2) with (INR 3) by (simpl; lra).
      rewrite Rpower_pow by (simpl; lra).
      unfold block_loss, sum_over, outside, block_from. simpl. lra.
Qed.

Lemma counterexample_ratio : is_max (fun j => (j < 2)%nat /\ γ j = γ O) (fun j => λ j / γ j) 1.
Proof.
  split.
  - exists O. repeat split; [lia|unfold λ; simpl; lra].
  - intros j [below top]. destruct (two j below) as [-> | ->]; unfold λ; simpl in *; lra.
Qed.

Lemma counterexample_factor :
  is_max (fun i => (i < 2)%nat /\ γ i <> γ O) (fun i => Rabs (1 - 2 * γ i / γ O)) (1 / 2).
Proof.
  assert (half : Rabs (1 - 2 * γ 1 / γ O) = 1 / 2) by (rewrite Rabs_right; simpl; lra).
  split.
  - exists 1%nat. repeat split; [lia|simpl; lra|easy].
  - intros i [below not_top]. destruct (two i below) as [-> | ->]; [easy|lra].
Qed.

(** One step at η = 1 turns δ into (-1, 2).  With x = e^(-T) the flow then stops at x⁴ + x = 1/2,
    so that x > 13/30 and L_D = x⁴ + 4x = 1/2 + 3x > 9/5. *)
Lemma counterexample_test_loss finish :
  annealed_to 2 (loss 2 γ) 1 (1 / γ O) (1 / 2) δ finish -> 9 / 5 < loss 2 λ finish.
Proof.
  intros (between & down & last).
  assert (stepped : forall i, (i < 2)%nat -> between i = steps γ 1 1 δ i).
  { replace (1 / γ O) with 1 in down by (simpl; lra).
    destruct (descends_is_steps _ _ _ _ _ _ _ down) as (k & most & [->|low] & at_k & _); [easy|].
    rewrite (loss_ext 2 γ between _ at_k) in low. exfalso.
    destruct k as [|[|k]]; [| |lia]; unfold loss, steps in low; simpl in low; lra. }
  destruct (flow_to_is_flow _ _ _ _ _ last) as (T & at_T & ends).
  apply stops_at_level in at_T.
  2: { rewrite (loss_ext 2 γ between _ stepped). unfold loss, steps. simpl. lra. }
  rewrite (loss_ext 2 λ finish _ ends). rewrite loss_along_flow in *. cbn [sum] in *.
  rewrite !stepped in * by lia. unfold steps, λ in *. cbn [γ δ] in *.
  set (x := exp (- T)). assert (x_pos : 0 < x) by apply exp_pos.
  assert (slow : exp (-4 * (1 / 4) * T) = x) by (unfold x; f_equal; field).
  assert (fast : exp (-4 * 1 * T) = x * x * (x * x))
    by (unfold x; rewrite <- !exp_plus; f_equal; ring).
  rewrite slow, fast in *. simpl in at_T |- *.
  assert (root : x * x * (x * x) + x = 1 / 2) by lra.
  assert (13 / 30 < x).
  { apply Rnot_le_lt. intros small.
    assert (x * x <= 13 / 30 * (13 / 30)) by nra.
    assert (x * x * (x * x) <= 13 / 30 * (13 / 30) * (13 / 30 * (13 / 30))) by nra. lra. }
  lra.
Qed.

Theorem lemma_2_literal_reading_fails : ~ literal_reading.
Proof.
  intros holds.
  destruct (annealed_to_exists 2 γ 1 (1 / γ O) (1 / 2) δ) as [finish ends].
  - intros i below. destruct (two i below) as [-> | ->]; simpl; lra.
  - lra.
  - pose proof (counterexample_test_loss finish ends).
    pose proof (holds _ _ _ _ _ _ _ _ _ _ _ _ counterexample_premises counterexample_ratio
      counterexample_factor ends).
    simpl in *. lra.
Qed.

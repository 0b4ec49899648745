(** The premises of Lemma 2 can be met, also with a double top eigenvalue, a block of two
    directions, and zero train curvature: instances in numbers, with what the theorems say. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent.
From Isoloss Require Import Lemma2Flow Lemma2Annealed Lemma2.

(** ** The paper's premises in four dimensions: γ_1 = γ_2, S = {3, 4}, p = 2, α = ½, ε = ½ *)

Definition γ (i : nat) : R := match i with O | 1%nat => 1 | 2%nat => 1 / 4 | _ => 1 / 5 end.
Definition λ (i : nat) : R := match i with O => 1 | 1%nat => 2 | 2%nat => 3 | _ => 4 end.
Definition δ (i : nat) : R := match i with O | 1%nat => 1 | 2%nat => 8 | _ => 10 end.

Lemma four (i : nat) : (i < 4)%nat -> i = 0%nat \/ i = 1%nat \/ i = 2%nat \/ i = 3%nat.
Proof. lia. Qed.

Ltac for_four below := destruct (four _ below) as [-> |[-> |[-> | ->]]].

Lemma premises_are_met : premises 4 2 γ λ δ 2 (1 / 2) (1 / 2).
Proof.
  split; try lra; try lia.
  - intros i j before below. assert (i_below : (i < 4)%nat) by lia.
    for_four below; for_four i_below; simpl; try lra; lia.
  - intros i below. for_four below; simpl; lra.
  - intros i below. for_four below; simpl; lra.
  - intros i below. assert (i_below : (i < 4)%nat) by lia. for_four i_below; simpl; try lra; lia.
  - simpl. lra.
  - exists 16. repeat split.
    + exists 2%nat. split; [lia|simpl; lra].
    + intros j [least below]. for_four below; simpl; try lra; lia.
    + lra.
    + (* 2 (1/64)³ ≤ 1/4 *)
      unfold condition_2. replace (1 + 2) with (INR 3) by (simpl; lra).
      rewrite Rpower_pow by (simpl; lra).
      unfold block_loss, sum_over, outside, block_from. simpl. lra.
Qed.

(** Gradient flow ends at a test loss of at least 3, and annealing after 8 steps below 5/4. *)
Example flow_ends_above : exists finish,
  flow_to 4 (loss 4 γ) (1 / 2) δ finish /\ loss 4 λ finish >= 3.
Proof.
  destruct (flow_to_exists 4 γ (1 / 2) δ) as [finish ends].
  - intros i below. for_four below; simpl; lra.
  - lra.
  - exists finish. split; [easy|]. replace 3 with (1 / 2 * (1 - 1 / 2) * 12) by lra.
    apply (lemma_2_part_1 4 2 γ λ δ 2 _ _ premises_are_met); [|easy]. split.
    + exists 2%nat. split; [lia|simpl; lra].
    + intros j [least below]. for_four below; simpl; try lra; lia.
Qed.

Example annealing_ends_below : exists finish,
  annealed_to 4 (loss 4 γ) 8 (1 / γ 0) (1 / 2) δ finish /\ loss 4 λ finish < 5 / 4.
Proof.
  destruct (annealed_to_exists 4 γ 8 (1 / γ 0) (1 / 2) δ) as [finish ends].
  - intros i below. for_four below; simpl; lra.
  - lra.
  - exists finish. split; [easy|].
    assert (bound : loss 4 λ finish <= 1 / 2 * 2 + rest 4 γ λ δ 8).
    { apply (lemma_2_part_2 4 2 γ λ δ 2 (1 / 2) _ premises_are_met); [|easy]. split.
      - exists 1%nat. repeat split; simpl; lia || lra.
      - intros j [below at_top]. for_four below; simpl in *; lra. }
    (* what is left is 192 (1/2)¹⁶ + 400 (3/5)¹⁶ *)
    enough (rest 4 γ λ δ 8 < 1 / 4) by lra.
    unfold rest, sum_over, outside, top, γ, λ, δ. cbn [sum].
    repeat (destruct Req_EM_T; try lra). cbn [negb]. simpl. lra.
Qed.

(** ** The general form of part 1 with zero train curvature: γ = (1, ¼, 0), S = {2, 3} *)

Definition γ' (i : nat) : R := match i with O => 1 | 1%nat => 1 / 4 | _ => 0 end.
Definition λ' (i : nat) : R := match i with O => 1 | 1%nat => 1 | _ => 5 end.
Definition δ' (i : nat) : R := match i with O => 1 | 1%nat => 4 | _ => 1 end.

Lemma three_below (i : nat) : (i < 3)%nat -> i = 0%nat \/ i = 1%nat \/ i = 2%nat.
Proof. lia. Qed.

Ltac for_three below := destruct (three_below _ below) as [-> |[-> | ->]].

Example zero_curvature_is_allowed : exists finish,
  flow_to 3 (loss 3 γ') (1 / 2) δ' finish /\ 1 / 2 * (1 - 1 / 2) * 4 <= loss 3 λ' finish.
Proof.
  assert (γ_pos : forall i, (i < 3)%nat -> 0 <= γ' i)
    by (intros i below; for_three below; simpl; lra).
  destruct (flow_to_exists 3 γ' (1 / 2) δ' γ_pos ltac:(lra)) as [finish ends].
  exists finish. split; [easy|].
  apply (lemma_2_part_1_general 3 γ' λ' δ' (block_from 1) (1 / 4) 2); try easy; try lra.
  - intros i below. for_three below; simpl; lra.
  - intros j below inside. for_three below; simpl in *; lra || discriminate.
  - intros i below is_outside. for_three below; simpl in *; lra || discriminate.
  - unfold block_loss, sum_over, block_from. simpl. lra.
  - unfold loss. simpl. lra.
  - (* (1/8)³ ≤ 1/4 *)
    unfold condition_2, block_loss, sum_over, outside, block_from. simpl.
    replace (1 + 2) with (INR 3) by (simpl; lra).
    rewrite Rpower_pow by lra. simpl. lra.
  - intros j below inside. for_three below; simpl in *; lra || discriminate.
Qed.

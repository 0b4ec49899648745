(** The main theorems, and what they assume: the build prints it, and a test of the Python package
    allows the axioms of Coq's real numbers and no others. *)

From Isoloss Require Import Directions Flow StoppingTime GradientDescent Band.
From Isoloss Require Import Lemma2Flow Lemma2Annealed Lemma2 Lemma2Literal.
From Isoloss Require Import Basis Samples InParameters Example.
From Isoloss Require Import Proposition1 Proposition1Quarter TwiceAsHigh Discussion SmallRates.
From Isoloss Require Import Attainment Minibatches MinibatchesAgainstFlow MinibatchesLevels.
From Isoloss Require Import MinibatchesShares.
From Isoloss Require Import Rational.

(** Gradient flow, its stopping time, gradient descent. *)
Print Assumptions flow_is_flow.
Print Assumptions flow_unique.
Print Assumptions stopping_time_exists.
Print Assumptions stopping_time_unique.
Print Assumptions annealed_to_unique.

(** The example (section 2). *)
Print Assumptions equation_1.
Print Assumptions equation_2.
Print Assumptions flow_equations.

(** Proposition 1. *)
Print Assumptions proposition_1.
Print Assumptions proposition_1_quarter.
Print Assumptions twice_as_high.

(** General facts (appendix A.1). *)
Print Assumptions equation_3_in_parameters.
Print Assumptions equation_4_in_parameters.

(** Lemma 2. *)
Print Assumptions lemma_2_part_1_general.
Print Assumptions lemma_2_part_2_general.
Print Assumptions lemma_2_in_parameters.
Print Assumptions lemma_2_literal_reading_fails.

(** The discussion (section 3). *)
Print Assumptions updates_become_opposite.
Print Assumptions needs_early_stopping.
Print Assumptions needs_mismatch.
Print Assumptions needs_large_rate.

(** Beyond the paper. *)
Print Assumptions lowest_is_attained.
Print Assumptions highest_is_attained.
Print Assumptions minibatch_stability.
Print Assumptions minibatch_single.
Print Assumptions minibatch_single_shares.
Print Assumptions minibatch_limit_at_level.
Print Assumptions minibatch_window.

(** All other theorems at once. *)
Definition all_others :=
  (annealed_to_exists, ends_in_parameters_exist, flow_end_unique, annealed_end_unique,
   (flow_in_basis, annealed_to_in_basis, sample_loss_is_diagonal, population_loss_is_diagonal),
   (good_point, bad_point, probability_of_both_directions, probability_of_one_direction,
    ends_exist),
   (equation_3, equation_4, equation_4_zero_curvature, equal_curvatures_stay_together),
   (lemma_2_part_1, lemma_2_part_2, lemma_2_part_2_simple, lemma_2_part_2_rate, lemma_2,
    annealed_train_loss, stops_at_level),
   (top_does_not_shrink, minibatch_step, minibatch_limit, minibatch_level_is_reached),
   (q_loss_is_loss, q_descend_is_descends, q_lowest_is_lowest, q_highest_is_highest,
    q_rest_is_rest, q_factor_is_factor)).

Print Assumptions all_others.

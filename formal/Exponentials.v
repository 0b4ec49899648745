(** Inequalities of the exponential. *)

Require Import Reals Lra.
Open Scope R_scope.

Lemma exp_le x y : x <= y -> exp x <= exp y.
Proof. intros [lt| ->]; [left; now apply exp_increasing|lra]. Qed.

Lemma exp_at_most_1 x : x <= 0 -> exp x <= 1.
Proof. intros neg. rewrite <- exp_0. now apply exp_le. Qed.

Lemma exp_lower x : 1 + x <= exp x.
Proof.
  destruct (Req_dec x 0) as [->|other]; [rewrite exp_0; lra|].
  left. now apply exp_ineq1.
Qed.

Lemma square_of_exp x : exp x ^ 2 = exp (2 * x).
Proof. replace (2 * x) with (x + x) by ring. rewrite exp_plus. ring. Qed.

Lemma power_of_exp x k : exp x ^ k = exp (x * INR k).
Proof.
  induction k as [|k IH]; [simpl; rewrite Rmult_0_r, exp_0; easy|].
  rewrite S_INR, Rmult_plus_distr_l, exp_plus, <- IH, Rmult_1_r. simpl. ring.
Qed.

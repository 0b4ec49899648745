(** Instances computed by the rational definitions, which are the real ones ([Rational.v]).
    The tests of the Python package read this output, and prove the same numbers by
    [isoloss.proof]. *)

From Isoloss Require Import Rational.
Require Import QArith String List.
Import ListNotations.
Open Scope Q_scope.

Definition of_list (values : list Q) : nat -> Q := fun i => nth i values 0.

Definition to_list (d : nat) (f : nat -> Q) : list Q := map (fun i => Qred (f i)) (seq 0 d).

(** A problem by its spectra and start, a rate η, a level ε and a number of steps K. *)
Record instance : Type := {
  train : list Q;
  test : list Q;
  start : list Q;
  rate : Q;
  level : Q;
  count : nat
}.

(** Its inputs; the residual after GD(L̂, K, η, ε) without the flow, its train and test loss, and
    how many steps were taken; the lowest and highest λ_i/γ_i; and what part 2 of Lemma 2 allows. *)
Definition computed (one : instance) :=
  let d := length (train one) in
  let γ := of_list (train one) in
  let λ := of_list (test one) in
  let δ := of_list (start one) in
  let (steps, finish) := q_descend d γ (rate one) (level one) (count one) δ in
  ([train one; test one; start one], [rate one; level one], [count one; steps],
   to_list d finish,
   [q_loss d γ finish; q_loss d λ finish],
   [q_lowest d γ λ; q_highest d γ λ],
   [Qred (q_rest d γ λ δ (count one))]).

Definition instances : list instance := [
  (* the paper's example, with β⋆ = (100, 100) *)
  {| train := [2 # 3; 1 # 3]; test := [1 # 2; 1 # 2]; start := [-100; -100];
     rate := 3 # 2; level := 1 # 10; count := 3 |};
  (* the draw of one direction, which diverges *)
  {| train := [1; 1 # 7]; test := [1 # 2; 1 # 2]; start := [-10; -10];
     rate := 3 # 2; level := 1 # 10; count := 12 |};
  (* the counterexample to the literal reading of Lemma 2 *)
  {| train := [1; 1 # 4]; test := [1; 1]; start := [1; 4];
     rate := 1; level := 1 # 2; count := 1 |};
  (* a small rate, which the level stops after some steps *)
  {| train := [1; 1 # 2; 1 # 5]; test := [3 # 10; 3 # 5; 1 # 10]; start := [2; -3; 5];
     rate := 1 # 3; level := 1; count := 20 |};
  (* a start at the level takes no step *)
  {| train := [2 # 3; 1 # 3]; test := [1 # 2; 1 # 2]; start := [-1; -1];
     rate := 3 # 10; level := 1; count := 4 |};
  (* two top eigenvalues, five directions *)
  {| train := [2; 2; 1; 1 # 2; 1 # 9]; test := [1; 3; 1 # 7; 5; 2]; start := [1; -2; 3; 1 # 3; 4];
     rate := 1 # 2; level := 1 # 100; count := 7 |}
].

(** Batch sizes and rates: f_B(2/3) and f_B(1/3). *)
Definition batches : list (nat * Q) :=
  [(1%nat, 1); (2%nat, 6 # 5); (3%nat, 3 # 2); (10%nat, 10 # 7)].

Definition factors (one : nat * Q) :=
  let (B, η) := one in
  (B, [η; Qred (q_factor B η (2 # 3)); Qred (q_factor B η (1 # 3))]).

Set Printing Width 10000.
Set Printing Depth 10000.

Eval vm_compute in ("instances"%string, map computed instances).
Eval vm_compute in ("batches"%string, map factors batches).

"""The enumeration of draws, against sampling by hand and itertools."""

from collections import Counter
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np
import pytest

from isoloss.paper import draws, example, probability_of_full_rank


@pytest.mark.parametrize(
    ("n", "probabilities"),
    [(3, ("1/2", "1/2")), (4, ("1/2", "1/3", "1/6")), (1, (1,)), (5, ("1/4",) * 4)],
)
def test_probabilities_are_those_of_all_sequences(n: int, probabilities: tuple[str, ...]) -> None:
    exact = [Fraction(p) for p in probabilities]
    wanted: Counter[tuple[int, ...]] = Counter()
    for sequence in product(range(len(exact)), repeat=n):
        counts = tuple(sequence.count(i) for i in range(len(exact)))
        wanted[counts] += prod((exact[i] for i in sequence), start=Fraction(1))
    found = draws(n, probabilities)
    assert {draw.counts: draw.probability for draw in found} == wanted
    assert sum(draw.probability for draw in found) == 1
    assert all(sum(draw.curvature) == 1 for draw in found)


def test_the_papers_three_quarters() -> None:
    assert probability_of_full_rank() == Fraction(3, 4)
    assert probability_of_full_rank(3, ("1/3",) * 3) == Fraction(6, 27)


def test_the_example_is_the_problem_of_its_samples() -> None:
    target = np.array([3.0, -2.0])
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    problem = example((2, 1), target)
    assert float(problem.start_train_loss) == pytest.approx(np.mean((rows @ target) ** 2))
    assert float(problem.start_test_loss) == pytest.approx(np.mean(target**2))
    np.testing.assert_allclose(problem.curvature, np.linalg.eigvalsh(rows.T @ rows / 3)[::-1])


@pytest.mark.parametrize(
    ("n", "probabilities", "message"),
    [
        (0, ("1/2", "1/2"), "at least 1; got 0"),
        (3, ("1/2", "1/3"), "add up to 1.*1/3"),
        (3, ("3/2", "-1/2"), "at least 0"),
        (3, (), "add up to 1"),
    ],
)
def test_what_is_no_distribution_is_refused(
    n: int, probabilities: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        draws(n, probabilities)

"""Soundness: of thousands of statements, forged in any fields and signed, only true ones pass.

What is true is known from `forgeries`, which shares nothing with the checker or the prover. True
statements, made there too, must pass: a checker that rejects all would be sound as well.
"""

from __future__ import annotations

import contextlib
import copy
import random
from typing import Any

import pytest
from forgeries.boxes import a_box, box_is_true, forge_box
from forgeries.claims import Content
from forgeries.families import a_family, family_is_true, forge_family
from forgeries.identities import an_identity, forge_identity, identity_is_true
from forgeries.runs import forge_runs, runs_are_true, some_runs

from isoloss.checker import RejectedError, check
from isoloss.proof.certificates import digest


def accepted(content: Content) -> bool:
    """Whether a signed certificate passes; only `RejectedError` may come out."""
    try:
        found = check({**content, "digest": digest(content)})
    except RejectedError:
        return False
    assert found.verdict == content["verdict"]
    return True


KINDS: dict[str, tuple[Any, Any, Any, int, int]] = {
    "identities": (an_identity, forge_identity, identity_is_true, 250, 6),
    "runs": (some_runs, forge_runs, runs_are_true, 120, 14),
    "boxes": (a_box, forge_box, box_is_true, 150, 6),
    "families": (a_family, forge_family, family_is_true, 25, 8),
}


@pytest.mark.parametrize("kind", KINDS)
def test_only_true_statements_are_accepted(kind: str) -> None:
    made, forge, is_true, count, forgeries = KINDS[kind]
    draw = random.Random(kind)
    honest = passed = rejected = 0
    for _ in range(count):
        content = made(draw)
        true = is_true(content)
        honest += true
        found = accepted(content)
        assert true or not found, content
        passed += found
        for _ in range(forgeries):
            forged = copy.deepcopy(content)
            with contextlib.suppress(TypeError, ValueError, LookupError, AttributeError):
                for _ in range(draw.choice([1, 1, 2, 3])):
                    forge(draw, forged)  # what has lost its shape is forged no further
            if accepted(forged):
                assert is_true(forged), forged
            else:
                rejected += 1
    assert passed > 0.7 * honest
    assert rejected > 0.5 * count * forgeries

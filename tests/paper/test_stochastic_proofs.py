"""The certificates about minibatches: what they state, and that forged ones are rejected."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from isoloss.checker import RejectedError, check
from isoloss.paper.proofs import INSTANCES, NAMES, certificate
from isoloss.paper.stochastic_proofs import PROVERS
from isoloss.proof.certificates import digest

Content = dict[str, Any]


@functools.cache
def text(name: str) -> str:
    return certificate(name).to_json()


def content(name: str) -> Content:
    found: Content = json.loads(text(name))
    return found


def signed(changed: Content) -> Content:
    plain = {key: value for key, value in changed.items() if key != "digest"}
    return plain | {"digest": digest(plain)}


def verdict(changed: Content) -> str:
    """Return the checker's verdict on content that was changed and signed again."""
    return check(signed(changed)).verdict


@pytest.mark.parametrize("name", PROVERS)
def test_each_is_proved_and_checked_by_other_code(name: str) -> None:
    assert name in NAMES
    assert (name in INSTANCES) is (name == "minibatch-run-by-run")
    found = check(content(name))
    assert found.verdict == "proved"
    assert all(part.verdict == "proved" for part in found.parts)


def forgeries(whole: Content) -> Iterator[tuple[str, Content]]:
    """Yield the certificate with one number of one identity changed, signed again."""
    for i, part in enumerate(whole["parts"]):
        if part["kind"] != "identity":
            continue
        left = part["left"].replace("*(1 - p)**0", "")
        for match in re.finditer(r"(?<![\w*])\d+", left):
            changed = copy.deepcopy(whole)
            number = int(match[0]) + 1
            forged = f"{left[: match.start()]}{number}{left[match.end() :]}"
            changed["parts"][i] |= {"left": forged, "claim": f"{forged} == {part['right']}"}
            yield forged, changed


@pytest.mark.parametrize("name", PROVERS)
def test_an_identity_with_another_number_is_rejected(name: str) -> None:
    count = 0
    for forged, changed in forgeries(content(name)):
        with pytest.raises(RejectedError, match="different polynomials"):
            pytest.fail(f"{forged}: {verdict(changed)}")
        count += 1
    assert count >= 3


@pytest.mark.parametrize(
    ("name", "part", "true", "false"),
    [
        # the rate 3B/(2B + 2), the factor (8B + 2)/(2B + 1)², a bound that B = 2 breaks
        ("minibatch-stability", 1, "2*B + 1", "2*B + 2"),
        ("minibatch-limit", 1, "8*B + 1", "8*B + 2"),
        ("minibatch-limit", 2, "17*(2*B + 1)**2 - 25", "16*(2*B + 1)**2 - 25"),
        # for one row a batch: the difference without its square, or with two rows
        ("minibatch-single", 0, "(4/3*e*(1 - e))**2", "(4/3*e*(1 - e))"),
        ("minibatch-single", 0, "2/9*1", "2/9*1/2"),
        ("minibatch-step", 3, "p*(1 - p)/2", "p*(1 - p)/3"),
        ("minibatch-window", 0, "2*(1 - c)", "2*(1 - c/2)"),
    ],
)
def test_other_statements_are_rejected(name: str, part: int, true: str, false: str) -> None:
    changed = content(name)
    assert true in changed["parts"][part]["claim"]
    for field in ("left", "right", "claim"):
        changed["parts"][part][field] = changed["parts"][part][field].replace(true, false)
    with pytest.raises(RejectedError, match="different polynomials"):
        verdict(changed)


@pytest.mark.parametrize(
    ("name", "part", "true", "false"),
    [
        ("minibatch-run-by-run", -1, "0.8368 *", "0.83685 *"),
        ("minibatch-run-by-run", -1, "0.9194 *", "0.9193 *"),
        ("minibatch-window", -1, "4.1771", "4.1770"),
        ("minibatch-single-shares", -1, "log(1 - p*y)/p <", "log(1 - p*y)/p >"),
        ("minibatch-stability", -1, "99/100", "101/100"),
        ("minibatch-limit", 3, "17/25", "16/25"),
    ],
)
def test_other_numbers_are_rejected(name: str, part: int, true: str, false: str) -> None:
    changed = content(name)
    claim = changed["parts"][part]["claim"]
    assert true in claim
    changed["parts"][part]["claim"] = claim.replace(true, false)
    with pytest.raises(RejectedError, match="does not follow"):
        verdict(changed)


def test_a_part_that_is_left_out_or_false_decides() -> None:
    changed = content("minibatch-single")
    changed["parts"][0]["verdict"] = "disproved"
    with pytest.raises(RejectedError):
        verdict(changed)
    changed = content("minibatch-limit")
    changed["verdict"] = "disproved"
    with pytest.raises(RejectedError, match="verdict is not that of the last part"):
        verdict(changed)

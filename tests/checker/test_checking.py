"""The checker: it accepts what is proved, and rejects every field that is changed."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from isoloss.checker import RejectedError, UndecidedError, check, verify
from isoloss.checker.numbers import read
from isoloss.paper.proofs import NAMES, certificate
from isoloss.proof import ExactProblem, certify, for_all, identity
from isoloss.proof.certificates import Certificate, digest

PAPER = ExactProblem.from_spectra(["2/3", "1/3"], ["1/2", "1/2"], [-10, -10], noise="1/8")
FAMILY: dict[str, Any] = {
    "train": ["1", "g"],
    "test": ["1", "1"],
    "start_squared": ["1", "1"],
    "level": "1/10",
    "schedules": {"flow": "flow", "annealed": "gd(1, 20) > flow"},
}
PROOFS: dict[str, Callable[[], Certificate]] = {
    "runs": lambda: certify(
        PAPER,
        {"flow": "flow", "gd": "gd(0.2, 7) > gd(0.3, 900)", "end": "flow(1/10)"},
        "1/100",
        "flow.test_loss > 1.49 * level and gd.steps == 14 and gd.last_rate < 0.45 "
        "and not end.reached",
    ),
    "disproved": lambda: certify(PAPER, "gd(1, 10) > flow", "1/100", "test_loss < 3/4 * level"),
    "for_all": lambda: for_all(
        {"g": ("1/10", "9/10")}, "flow.test_loss > annealed.test_loss", **FAMILY
    ),
    "counterexample": lambda: for_all({"x": (0, 1)}, "x * (1 - x) < 1/5"),
    "identity": lambda: identity("(a + b)**2", "a**2 + 2*a*b + b**2"),
    "theorem": lambda: certificate("lemma2-literal"),
}
WORDS = {"made_by", "reason", "argument", "statement", "name"}  # what they say is not checked


@functools.cache
def proof(name: str) -> Certificate:
    return PROOFS[name]()


def content(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(proof(name).to_json())
    return found


def signed(changed: dict[str, Any]) -> dict[str, Any]:
    """Return changed content with a digest that fits it."""
    plain = {key: value for key, value in changed.items() if key != "digest"}
    return {**plain, "digest": digest(plain)}


def fields(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each field that is a value of its own."""
    if isinstance(value, dict | list) and value:
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from fields(value[key], (*path, key))
    else:
        yield path


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def with_field(whole: dict[str, Any], path: tuple[Any, ...], new: Any) -> dict[str, Any]:
    changed = copy.deepcopy(whole)
    at(changed, path[:-1])[path[-1]] = new
    return changed


@pytest.mark.parametrize("name", PROOFS)
def test_what_is_proved_is_accepted(name: str) -> None:
    found = check(content(name))
    assert found.verdict == proof(name).verdict
    assert found.claim == proof(name).claim


@pytest.mark.parametrize("name", NAMES)
def test_all_of_the_papers_certificates_are_accepted(name: str) -> None:
    assert check(json.loads(certificate(name).to_json())).verdict in ("proved", "disproved")


def test_each_changed_field_is_noticed() -> None:
    all_fields = [(name, path) for name in PROOFS for path in fields(content(name))]
    assert len(all_fields) > 200
    for name, path in all_fields:
        if path == ("digest",):
            continue
        with pytest.raises(RejectedError, match="the digest does not match the content"):
            check(with_field(content(name), path, "another"))
        with pytest.raises(RejectedError, match="the digest does not match the content"):
            check(with_field(content(name), path, None if at(content(name), path) else 1))


def adverse(path: tuple[Any, ...], value: Any) -> Iterator[Any]:
    """Yield false values for a field, also such as are false by little."""
    key = next(part for part in reversed(path) if isinstance(part, str))
    yield from (None, [], {}, -1, "x")
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1)
    elif key in ("claim", "left", "right"):
        yield from ("1 > 2", "level", "unknown < 1", "flow.test_loss < level", "a**2", "1 ==")
    elif key == "verdict":
        yield from ("undecided", "disproved" if value == "proved" else "proved")
    elif key == "kind":
        yield from ("runs", "theorem") if value not in ("runs", "theorem") else ("for_all",)
    elif key == "tree":
        yield from (value + ".", value[:-1], value.replace(".", "?", 1), "", "b..")
    elif (isinstance(value, str) and value[:1].lstrip("-").isdigit()) or value == "0":
        yield from (
            f"{value}1" if "p" not in value else value.replace("p", "1p"),
            "-1",
            "1/0",
            "1p",
        )


@pytest.mark.parametrize("name", PROOFS)
def test_what_is_accepted_with_a_digest_that_fits_is_still_true(name: str) -> None:
    whole, rejected = content(name), 0
    for path in fields(whole):
        key = next(part for part in reversed(path) if isinstance(part, str))
        if key in WORDS | {"digest"}:
            continue
        value = at(whole, path)
        for new in adverse(path, value):
            if type(new) is type(value) and new == value:
                continue
            changed = with_field(whole, path, new)
            try:
                check(signed(changed))
            except RejectedError:
                rejected += 1
            else:
                assert proved_again(changed), (path, value, new)
    assert rejected > 4 * len(list(fields(whole))) / 3


def proved_again(changed: dict[str, Any]) -> bool:
    """Whether the prover comes to a changed certificate's verdict, within its enclosures."""
    if changed["kind"] == "theorem":
        return all(proved_again(part) for part in changed["parts"])
    if changed["kind"] == "for_all":
        problem = {k: v for k, v in (changed["family"] or {}).items() if k != "at_level"}
        noise = {"noise": problem["noise"][0]} if problem else {}
        again = for_all(changed["box"], changed["claim"], **{**problem, **noise})
        return again.verdict == changed["verdict"]
    problem = changed["problem"]
    exact = ExactProblem.from_squares(
        problem["train"], problem["test"], problem["start_squared"], noise=problem["noise"]
    )
    schedules = {
        name: " > ".join(map(text, run["schedule"])) for name, run in changed["runs"].items()
    }
    rule = changed["last_step"]
    again = certify(exact, schedules, changed["level"], changed["claim"], last_step=rule)
    return again.verdict == changed["verdict"] and all(
        read(run[key]).holds(read(again.content["runs"][name][key]))
        for name, run in changed["runs"].items()
        for key in ("train_loss", "test_loss")
    )


def text(piece: list[Any]) -> str:
    """Return a piece of a schedule as a text, its rate an absolute one."""
    kind, number, *count = piece
    inside = "" if number is None else f"({number} / max_lr{''.join(f', {n}' for n in count)})"
    return kind + inside


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize(
    "field", ["inside", "time", "last_rate", "train_loss", "test_loss", "parts"]
)
def test_enclosures_that_are_too_narrow_are_rejected(field: str, end: int) -> None:
    whole = content("runs")
    for run in whole["runs"].values():
        rows = run[field] if field == "parts" else [run[field]]
        for row in rows:
            if row is not None and row[0] != row[1]:
                kept = row[end]
                row[end] = row[1 - end]
                with pytest.raises(RejectedError):
                    check(signed(whole))
                row[end] = kept
    assert check(signed(whole)).verdict == "proved"


def test_a_wider_enclosure_is_accepted_until_the_claim_does_not_follow() -> None:
    whole = content("runs")
    ends = whole["runs"]["flow"]["test_loss"]
    ends[0] = "1p-6"  # above 1.49·ε = 0.0149
    assert check(signed(whole)).verdict == "proved"
    ends[0] = "1p-7"
    with pytest.raises(RejectedError, match="the claim does not follow from the enclosures"):
        check(signed(whole))


def test_missing_and_further_fields_are_rejected() -> None:
    for name in PROOFS:
        whole = content(name)
        for key in list(whole):
            if key not in ("digest", "last_step"):  # without it, the last step is whole
                changed = {k: v for k, v in whole.items() if k != key}
                with pytest.raises(RejectedError):
                    check(signed(changed))
        with pytest.raises(RejectedError, match="the fields are not those of"):
            check(signed(whole | {"more": 1}))
    whole = content("runs")
    whole["runs"]["flow"]["more"] = 1
    with pytest.raises(RejectedError, match="does not have the fields of a run"):
        check(signed(whole))
    whole = content("runs")
    whole["problem"]["more"] = []
    with pytest.raises(RejectedError, match="does not have the fields of a problem"):
        check(signed(whole))


def test_a_theorem_with_a_part_left_out_keeps_only_what_its_parts_prove() -> None:
    whole = content("theorem")
    whole["parts"] = whole["parts"][:-1]  # the last one is the disproof
    with pytest.raises(RejectedError, match="the verdict is not that of the last part"):
        check(signed(whole))
    whole["parts"] = []
    with pytest.raises(RejectedError):
        check(signed(whole))


def test_a_theorem_needs_all_parts_but_the_last_proved() -> None:
    whole = content("theorem")
    assert check(signed(whole)).verdict == "disproved"
    parts = [content(name) for name in ("disproved", "runs")]
    for part in parts:
        del part["digest"]  # only the whole has one
    with pytest.raises(RejectedError, match="a part that the theorem needs is not proved"):
        check(signed(whole | {"verdict": "proved", "parts": parts}))
    assert check(signed(whole | {"parts": parts[::-1]})).verdict == "disproved"


def test_an_undecided_certificate_proves_nothing() -> None:
    proof = certify(PAPER, "flow", "1/100", "test_loss**2 == test_loss**2")
    with pytest.raises(UndecidedError, match="nothing is proved: the sides of the claim"):
        check(json.loads(proof.to_json()))


def test_files(tmp_path: Path) -> None:
    path = proof("runs").save(tmp_path / "proof.json")
    assert verify(path).verdict == "proved"
    for text in ("", "{", "[]", "3", '"x"', "{}", '{"digest": "x"}'):
        path.write_text(text)
        with pytest.raises(RejectedError):
            verify(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RejectedError, match="this is not a JSON file"):
        verify(path)
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "none.json")


BOX: dict[str, Any] = {
    "format": "isoloss-certificate/1",
    "kind": "for_all",
    "made_by": "somebody",
    "verdict": "proved",
    "reason": "",
    "precision": 64,
    "tree": ".",
    "counterexample": None,
}
ONE: dict[str, Any] = {
    "train": ["1"],
    "test": ["1"],
    "start_squared": ["1"],
    "noise": ["0"],
    "level": "1/10",
    "schedules": {"": "flow"},
    "at_level": [],
}


def test_a_direction_that_the_train_loss_may_see_is_not_counted_twice() -> None:
    family = ONE | {"train": ["1", "g"], "test": ["1", "0"], "start_squared": ["1", "1"]}
    family["at_level"] = [""]
    forged = BOX | {"box": {"g": ["0", "1/16"]}, "claim": "test_loss == level", "family": family}
    with pytest.raises(RejectedError):
        check(signed(forged))


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("train1", "train1 == 1"),
        ("level", "level <= 1/10"),
        ("max_lr", "max_lr == 1"),
        ("time", "level > 0"),
    ],
)
def test_parameters_with_the_names_of_other_things_are_rejected(name: str, claim: str) -> None:
    forged = BOX | {"box": {name: ["0", "1"]}, "claim": claim, "family": ONE}
    with pytest.raises(RejectedError):
        check(signed(forged))
    assert check(signed(forged | {"box": {"other": ["0", "1"]}, "claim": "level > 0"})).parts == ()


def test_negative_rates_and_times_are_rejected() -> None:
    for text in ("flow(-x) > flow", "gd(-x, 2) > flow"):
        family = ONE | {"schedules": {"": text}}
        forged = BOX | {"box": {"x": ["1/10", "1/5"]}, "claim": "level > 0", "family": family}
        with pytest.raises(RejectedError):
            check(signed(forged))


@pytest.mark.parametrize(
    "text",
    ["1e1000000000", "1e5000", "9" * 5000, "0x10", "1_0", " 1", "1/0", "inf", "nan", "١"],
)
def test_numbers_that_are_none_or_long_are_rejected_at_once(text: str) -> None:
    whole = content("runs")
    whole["level"] = text
    with pytest.raises(RejectedError):
        check(signed(whole))
    forged = BOX | {"box": {}, "claim": f"{text} > 1", "family": None}
    if text not in ("1_0", " 1"):
        with pytest.raises(RejectedError):
            check(signed(forged))


@pytest.mark.parametrize(
    ("left", "right"),
    [("((x**50)**50)**9", "((x**50)**9)**50"), ("(2**50)**50 * x", "x"), ("x/0", "x/0")],
)
def test_identities_of_high_degree_are_rejected_at_once(left: str, right: str) -> None:
    forged = content("identity") | {
        "left": left,
        "right": right,
        "claim": f"{left} == {right}",
        "variables": ["x"],
    }
    with pytest.raises(RejectedError):
        check(signed(forged))


def test_what_would_not_print_as_it_is_is_rejected() -> None:
    for claim in ("1 < 2 # \x1b[2K all is proved", "1 < 2 \n", "1 <\x1b 2", "1 < 2 # so"):
        with pytest.raises(RejectedError, match="one line of printable text without comments"):
            check(signed(BOX | {"box": {}, "claim": claim, "family": None}))


@pytest.mark.parametrize("text", ['{"digest": ' + "9" * 5000 + "}", '{"digest": "\\ud800"}'])
def test_odd_json_is_rejected(text: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(RejectedError):
        verify(path)


def test_deeply_nested_theorems_are_rejected() -> None:
    whole = content("identity")
    for _ in range(700):
        whole = {
            **{key: whole[key] for key in ("format", "made_by", "verdict", "reason")},
            "kind": "theorem",
            "name": "t",
            "statement": "s",
            "argument": [],
            "parts": [whole],
        }
    with pytest.raises(RejectedError):
        check({**whole, "digest": "x"})

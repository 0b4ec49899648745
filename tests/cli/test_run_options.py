"""Options of the commands that read logs: what they do, and how errors name them."""

from pathlib import Path

import pytest

from isoloss.cli.run_options import pairs_of, read_runs, together


def write(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_runs_are_read_as_the_options_say(tmp_path: Path) -> None:
    lines = ("at,run,loss,eta", "2,a,3,0.1", "4,a,2,0.1", "6,a,1,0.1", "2,b,3,0.1", "4,b,2.5,0.1")
    path = write(tmp_path / "log.csv", *lines)
    columns = ["step=at", "lr=eta"]
    runs, notes = read_runs([path], columns=columns, every=2.0, weight_decay=0.1)
    assert [run.name for run in runs] == ["a", "b"]
    assert runs[0].step.tolist() == [1, 2, 3]
    assert runs[0].weight_decay == 0.1
    assert notes[0].startswith("Columns: step is 'at'")  # said once, of both runs
    assert len([note for note in notes if "Columns" in note]) == 1
    ((run,), _) = read_runs([path], columns=["step=at"], only=["b"], lr=0.3)
    assert (run.name, run.peak) == ("b", 0.3)


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (("step,loss", "1,3", "2,2"), {}, "Give --columns lr=NAME, .* or --lr RATE$"),
        (("step,loss,eta", "1,3,1", "2,2,1"), {"columns": ["lr=et"]}, "--columns lr=et is given,"),
        (("step,loss,lr", "1,3,1", "2,2,1"), {"columns": ["los=x"]}, "^--columns has 'los'"),
        (("step,loss,lr", "1,3,1", "2,2,1"), {"every": 0.0}, "^--every must be a positive"),
        (("step,loss,lr", "1,3,1", "2,2,1"), {"steps_per_epoch": 5}, "^--steps-per-epoch is given"),
        (("epoch,loss,lr", "1,3,1", "2,2,1"), {}, "--steps-per-epoch N"),
        (("at,loss,lr", "1,3,1", "2,2,1"), {}, "--columns step=NAME"),
    ],
)
def test_errors_name_options(
    lines: tuple[str, ...], options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        read_runs([write(tmp_path / "log.csv", *lines)], **options)  # type: ignore[arg-type]  # wrong on purpose


def test_pairs() -> None:
    assert pairs_of("--columns", "ROLE=COLUMN", ["a=b=c", " d = e"]) == {"a": "b=c", "d": "e"}
    for given in (["a"], ["=b"], ["a= "]):
        with pytest.raises(ValueError, match="--columns must be ROLE=COLUMN; got"):
            pairs_of("--columns", "ROLE=COLUMN", given)
    with pytest.raises(ValueError, match="--columns is given twice for 'a'"):
        pairs_of("--columns", "ROLE=COLUMN", ["a=b", "a=c"])


def test_notes_say_what_they_are_about() -> None:
    told = [("a", ("one", "all")), ("b", ("all",)), ("c", ("all", "one"))]
    assert together(told) == ["'a', 'c': one", "all"]

from pathlib import Path

import pytest

from isoloss.curves.scalars import Part, parts_of

SCALAR = ("Wall time", "Step", "Value")


@pytest.mark.parametrize(
    ("name", "run", "columns"),
    [
        ("run-base_lr1e-3-tag-train_loss.csv", "base_lr1e-3", {"train_loss": "Value"}),
        ("run-a-tag-Loss_train (2).csv", "a", {"Loss_train": "Value"}),
        ("run-a_train-tag-epoch_loss.csv", "a", {"loss": "Value"}),
        ("run-a_validation-tag-epoch_loss.csv", "a", {"val_loss": "Value"}),
        ("run-a_val-tag-accuracy.csv", "a", {"accuracy": "Value"}),
        ("run-constrain-tag-loss.csv", "constrain", {"loss": "Value"}),
        ("run-.-tag-loss.csv", "logs", {"loss": "Value"}),
        ("run_a-tag-b-tag-loss.csv", "a-tag-b", {"loss": "Value"}),
        ("wsd_20_train_loss.csv", "wsd_20", {"train_loss": "Value"}),
        ("wsd-lr.csv.gz", "wsd", {"lr": "Value"}),
        ("val_loss.csv", "logs", {"val_loss": "Value"}),
    ],
)
def test_scalars_of_tensorboard(name: str, run: str, columns: dict[str, str]) -> None:
    counter = "epoch" if "epoch_" in name else "step"
    (found,) = parts_of(Path("logs") / name, SCALAR, {})
    assert found == Part(run, {counter: "Step"} | columns)


def test_charts_of_weights_and_biases() -> None:
    names = (
        "train/global_step",
        "a - b - _step",
        "a - b - _step__MIN",
        "a - b - _step__MAX",
        "a - b - loss",
        "a - b - loss__MIN",
        "a - b - loss__MAX",
        "c - loss",
    )
    counter = {"train/global_step": "train/global_step"}
    first, second = parts_of(Path("x.csv"), names, {})
    assert first == Part(
        "a - b",
        counter | {"_step": "a - b - _step", "loss": "a - b - loss"},
        (("a - b - _step__MIN", "a - b - _step__MAX"), ("a - b - loss__MIN", "a - b - loss__MAX")),
    )
    assert second == Part("c", counter | {"loss": "c - loss"})


def test_other_tables_are_one_part() -> None:
    for names in (("step", "loss", "x - y"), ("a", "b")):
        assert parts_of(Path("x.csv"), names, {}) == [Part(None, {name: name for name in names})]

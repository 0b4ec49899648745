"""Logs as each tool writes them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.curves import LossCurve, read

NAN = float("nan")


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def one(path: Any, **given: Any) -> LossCurve:
    (curve,) = read(path, **given)
    return curve


def check(curve: LossCurve, step: list[int], loss: list[float], test: list[float] | None) -> None:
    np.testing.assert_array_equal(curve.step, step)
    np.testing.assert_allclose(curve.loss, loss, rtol=1e-15)
    if test is None:
        assert curve.test_loss is None
    else:
        np.testing.assert_allclose(curve.test_loss, test, rtol=1e-15)


def test_long_form(tmp_path: Path) -> None:
    file = write(
        tmp_path / "curves.csv",
        "run,step,lr,loss,test_loss",
        "a,1,0.1,3,3.5",
        "a,2,0.2,2,",
        "b,1,0.3,4,4.5",
        "b,3,0.3,1,1.5",
    )
    a, b = read(file, weight_decay={"a": 0.1, "b": 0.2}, batch_size=8)
    check(a, [1, 2], [3, 2], [3.5, NAN])
    check(b, [1, 3], [4, 1], [4.5, 1.5])
    assert (a.name, b.name, a.weight_decay, b.weight_decay, a.batch_size) == ("a", "b", 0.1, 0.2, 8)
    np.testing.assert_allclose(a.rates, [0.1, 0.2])
    assert a.notes == (
        "Columns: step is 'step', loss is 'loss', test_loss is 'test_loss', lr is 'lr'.",
    )
    assert [each.name for each in read(file, runs=["b"])] == ["b"]
    assert [each.name for each in read(file, runs={"b": "cosine", "a": "wsd"})] == ["cosine", "wsd"]


@pytest.mark.parametrize("form", ["parquet", "jsonl", "json", "csv.gz", "jsonl.gz"])
def test_other_forms_of_one_table(tmp_path: Path, form: str) -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "run": [3, 3, 5, 5],
            "step": [1, 2, 1, 2],
            "loss": [3.0, None, 2.0, 1.0],
            "val_loss": [3.5, 2.5, None, 1.5],
            "lr": [0.1, 0.1, 0.2, 0.2],
        }
    )
    file = tmp_path / f"log.{form}"
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs the extra")
        frame.to_parquet(file)
    elif form.startswith("json"):
        frame.to_json(file, orient="records", lines=form != "json")
    else:
        frame.to_csv(file, index=False)
    with pytest.raises(ValueError, match=r"run '3' of .*: a loss curve needs at least two steps"):
        read(file)
    check(one(file, runs=["5"]), [1, 2], [2, 1], [NAN, 1.5])
    first = one(file, runs=["3"], columns={"loss": "val_loss"})
    check(first, [1, 2], [3.5, 2.5], None)


def test_a_file_for_each_run(tmp_path: Path) -> None:
    for name in ("wsd", "cosine"):
        write(tmp_path / f"{name}.csv", "step,lr,val_loss", "5,0.1,3", "10,0.1,2")
    write(tmp_path / "runs.csv", "run,params", "wsd,12", "cosine,13")
    with pytest.warns(UserWarning, match="cosine: The first row is at step 5, 50% of the run"):
        curves = read(tmp_path)
    assert [curve.name for curve in curves] == ["cosine", "wsd"]
    check(curves[0], [5, 10], [3, 2], None)
    assert "There is no train loss, so the held-out loss is used as the loss." in curves[0].notes
    assert read(str(tmp_path / "*s*.csv"), warmup=5) == read(
        [tmp_path / "cosine.csv", tmp_path / "wsd.csv"], warmup={"wsd": 5, "cosine": 5}
    )


def test_history_of_weights_and_biases(tmp_path: Path) -> None:
    # run.history().to_csv(): the index of the rows comes first
    file = write(
        tmp_path / "golden-sun-7.csv",
        ",_runtime,train/loss,_timestamp,train/learning_rate,eval/loss,train/global_step,_step,note",
        "0,1.5,3.25,1.7e9,0.001,,10,0,x",
        "1,2.5,,1.7e9,,3.0,10,1,y",
        "2,3.5,2.75,1.7e9,0.0005,,20,2,",
        "3,4.5,NaN,1.7e9,,2.5,20,3,z",
    )
    curve = one(file, warmup=0)
    check(curve, [10, 20], [3.25, 2.75], [3.0, 2.5])
    np.testing.assert_allclose(curve.rates[[0, 9, 19]], [1e-3, 1e-3, 5e-4])
    assert curve.notes[0].startswith("Columns: step is 'train/global_step', loss is 'train/loss'")
    assert (
        curve.notes[1] == "'_step' would also fit as step; give columns={'step': NAME} to choose."
    )
    calls = one(file, columns={"step": "_step"})
    np.testing.assert_array_equal(calls.step, [0, 1, 2, 3])
    assert "'_step' of Weights & Biases counts calls of wandb.log" in " ".join(calls.notes)


def chart(metric: str, run: str, step: str = "Step") -> str:
    names = [f"{run} - {name}{end}" for name in ("_step", metric) for end in ("", "__MIN", "__MAX")]
    return ",".join(f'"{name}"' for name in [step, *names])


def test_charts_of_weights_and_biases_are_joined(tmp_path: Path) -> None:
    two = f'{chart("train/loss", "base - v2")},"wsd - train/loss"'
    write(
        tmp_path / "wandb_export_2026-01-01.csv",
        two,
        '"10","1","1","1","3.5","3.5","3.5",""',
        '"20","2","2","2","3.0","3.0","3.0","2.5"',
        '"30","3","3","3","2.5","2.5","2.5","2.0"',
    )
    write(
        tmp_path / "wandb_export_2026-01-02.csv",
        f'{chart("train/lr", "base - v2")},"wsd - train/lr"',
        '"10","1","1","1","0.1","0.1","0.1","0.2"',
        '"30","3","3","3","0.3","0.3","0.3","0.2"',
    )
    base, wsd = read(tmp_path, warmup=0)
    assert (base.name, wsd.name) == ("base - v2", "wsd")
    check(base, [10, 20, 30], [3.5, 3.0, 2.5], None)
    check(wsd, [10, 20, 30], [NAN, 2.5, 2.0], None)  # a row for its rate at step 10
    np.testing.assert_allclose(base.rates[[0, 9, 19, 29]], [0.1, 0.1, 0.2, 0.3])
    alone = tmp_path / "wandb_export_2026-01-01.csv"
    message = (
        r"run 'base - v2' of .* has no learning rate; its columns are 'Step', '_step', 'train/loss'"
    )
    with pytest.raises(ValueError, match=message):
        read(alone)
    assert one(alone, runs=["wsd"], lr={"wsd": il.GradientDescent(0.2, 30)}).peak == 0.2
    assert one(alone, runs="wsd", lr=0.2).peak == 0.2


def test_a_chart_of_means_is_said(tmp_path: Path) -> None:
    file = write(
        tmp_path / "c.csv",
        chart("loss", "a", "train/global_step"),
        "1,0,0,0,3,2.9,3.1",
        "2,1,1,1,2,1.9,2.1",
    )
    with pytest.warns(
        UserWarning, match="a: 'a - loss' was exported from a chart that shows means"
    ):
        check(one(file, lr=0.1), [1, 2], [3, 2], None)


def test_scalars_of_tensorboard_are_joined(tmp_path: Path) -> None:
    def scalar(name: str, *values: float) -> None:
        rows = [f"1700000{i}.5,{10 * i},{value}" for i, value in enumerate(values)]
        write(tmp_path / name, "Wall time,Step,Value", *rows)

    scalar("run-lightning_logs_version_0-tag-train_loss.csv", 3, 2)
    scalar("run-lightning_logs_version_0-tag-val_loss (1).csv", 3.5, 2.5)
    scalar("run-lightning_logs_version_0-tag-lr-AdamW.csv", 0.1, 0.1)
    scalar("run-lightning_logs_version_0-tag-grad_norm.csv", 1, 1)
    scalar("run-k_train-tag-loss.csv", 4, 3)
    scalar("run-k_validation-tag-loss.csv", 4.5, 3.5)
    scalar("run-k_train-tag-learning_rate.csv", 0.2, 0.2)
    scalar("wsd_train_loss.csv", 5, 4)
    scalar("wsd_lr.csv", 0.3, 0.3)
    found = {curve.name: curve for curve in read(tmp_path)}
    assert list(found) == ["k", "lightning_logs_version_0", "wsd"]
    check(found["lightning_logs_version_0"], [0, 10], [3, 2], [3.5, 2.5])
    check(found["k"], [0, 10], [4, 3], [4.5, 3.5])
    check(found["wsd"], [0, 10], [5, 4], None)
    assert (found["k"].peak, found["wsd"].peak) == (0.2, 0.3)


def test_epochs_of_tensorboard(tmp_path: Path) -> None:
    write(tmp_path / "run-train-tag-epoch_loss.csv", "Wall time,Step,Value", "1,0,3", "2,1,2")
    write(tmp_path / "run-validation-tag-epoch_loss.csv", "Wall time,Step,Value", "1,0,4", "2,1,3")
    write(
        tmp_path / "run-train-tag-epoch_learning_rate.csv",
        "Wall time,Step,Value",
        "1,0,1",
        "2,1,.5",
    )
    with pytest.raises(
        ValueError, match=r"count epochs \('epoch'\), not optimizer steps; give steps"
    ):
        read(tmp_path)
    curve = one(tmp_path, steps_per_epoch=4)
    assert curve.name == tmp_path.name
    check(curve, [4, 8], [3, 2], [4, 3])
    np.testing.assert_array_equal(curve.rates, [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5])


def test_a_scalar_without_name(tmp_path: Path) -> None:
    file = write(tmp_path / "download.csv", "Wall time,Step,Value", "1,0,3", "2,1,2")
    with pytest.raises(
        ValueError, match="one scalar of TensorBoard, but its name does not say which"
    ):
        read(file)
    check(one(file, columns={"loss": "Value"}, lr=0.1), [0, 1], [3, 2], None)


def test_lightning(tmp_path: Path) -> None:
    # CSVLogger writes a row for each call, with the keys in order of the alphabet
    for version in (0, 1):
        write(
            tmp_path / "lightning_logs" / f"version_{version}" / "metrics.csv",
            "epoch,lr-AdamW,step,train_loss_epoch,train_loss_step,val_loss",
            ",0.1,0,,,",
            "0,,1,,3.0,",
            ",0.2,2,,,",
            "0,,3,,2.5,",
            "0,,3,,,2.75",
            "0,,3,2.8,,",
            "1,,5,,2.0,",
        )
    first, second = read(tmp_path)
    assert (first.name, second.name) == ("version_0", "version_1")
    check(first, [0, 1, 2, 3, 5], [NAN, 3.0, NAN, 2.5, 2.0], [NAN, NAN, NAN, 2.75, NAN])
    np.testing.assert_allclose(first.rates, [0.15, 0.2, 0.2, 0.2, 0.2])
    assert first.notes == (
        "Columns: step is 'step', loss is 'train_loss_step', test_loss is 'val_loss', lr is "
        "'lr-AdamW'.",
        "'train_loss_epoch' would also fit as loss; give columns={'loss': NAME} to choose.",
        "Rates are logged in rows of their own, and are interpolated in the others.",
    )


@pytest.mark.parametrize("name", ["lr", "learning_rate"])
def test_keras(tmp_path: Path, name: str) -> None:
    file = write(
        tmp_path / "training.log",
        f"epoch,accuracy,{name},loss,val_accuracy,val_loss",
        "0,0.5,0.01,2.0,0.4,2.5",
        "1,0.6,0.001,1.5,0.5,2.25",
    )
    with pytest.raises(
        ValueError, match=r"training.log' count epochs \('epoch'\), .* steps_per_epoch=N"
    ):
        read(file)
    curve = one(file, steps_per_epoch=3)
    check(curve, [3, 6], [2.0, 1.5], [2.5, 2.25])
    np.testing.assert_array_equal(curve.rates, [0.01] * 3 + [0.001] * 3)
    notes = " ".join(curve.notes)
    assert "Train losses of epochs are usually means over the epoch, as in Keras." in notes
    assert (
        "'epoch' counts from 0, as Keras does: the row of epoch 0 is taken to come after 3" in notes
    )
    assert "The rate in each row applies to all steps since the previous row." in notes


def test_steps_per_epoch_choose_the_epochs(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "step,epoch,loss,lr", "0,1,3,.1", "1,2,2,.1")
    np.testing.assert_array_equal(one(file).step, [0, 1])
    np.testing.assert_array_equal(one(file, steps_per_epoch=5).step, [5, 10])


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for folder in ("small", "large"):
        write(tmp_path / folder / "wsd.csv", "step,loss,lr", "1,3,.1", "2,2,.1")
    found = read(tmp_path / "*" / "wsd.csv")
    assert [curve.name for curve in found] == ["large/wsd", "small/wsd"]


def test_every_row_needs_its_run(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "run,step,loss,lr", "a,1,3,.1", ",2,2,.1")
    with pytest.raises(ValueError, match=r"column 'run' of .* is empty in row 2; every row needs"):
        read(file)


def test_parts_of_a_run_are_joined_by_step(tmp_path: Path) -> None:
    first = write(tmp_path / "one.csv", "step,loss,lr", "1,4,.1", "3,2,.1")
    second = write(tmp_path / "two.csv", "step,val_loss", "2,3.5", "3,2.5")
    joined = one([first, second], runs={"one": "base", "two.csv": "base"}, lr=0.1)
    assert joined.name == "base"
    check(joined, [1, 2, 3], [4, NAN, 2], [NAN, 3.5, 2.5])


def state(folder: Path, steps: int) -> Path:
    history: list[dict[str, float]] = [
        {"epoch": n / 30, "grad_norm": 1.0, "learning_rate": 1e-3 / n, "loss": 30 / n, "step": n}
        for n in range(10, steps + 1, 10)
    ]
    history.append({"epoch": steps / 30, "eval_loss": 1.25, "eval_runtime": 1.0, "step": steps})
    history.append(
        {
            "epoch": steps / 30,
            "step": steps,
            "total_flos": 1e9,
            "train_loss": 9.0,
            "train_runtime": 5.0,
        }
    )
    content = {
        "best_metric": None,
        "global_step": steps,
        "log_history": history,
        "logging_steps": 10,
    }
    return write(folder / "trainer_state.json", json.dumps(content, indent=2))


def test_hugging_face(tmp_path: Path) -> None:
    for steps in (20, 100):
        state(tmp_path / "bert" / f"checkpoint-{steps}", steps)
    curve = one(tmp_path, warmup=0)
    assert curve.name == "bert"
    steps = list(range(10, 101, 10))
    check(curve, steps, [30 / step for step in steps], [NAN] * 9 + [1.25])
    np.testing.assert_allclose(curve.rates[[9, 19]], [1e-4, 5e-5])
    mean = "Each train loss of trainer_state.json is a mean over the 10 steps before its row"
    assert any(note.startswith(mean) for note in curve.notes)


def test_rates_may_be_given_for_some_runs(tmp_path: Path) -> None:
    file = write(
        tmp_path / "c.csv", "run,step,loss,lr", "a,1,3,.1", "a,2,2,.1", "b,1,3,.1", "b,2,2,.1"
    )
    a, b = read(file, lr={"b": [0.3, 0.2]})
    np.testing.assert_array_equal(a.rates, [0.1, 0.1])
    np.testing.assert_array_equal(b.rates, [0.3, 0.2])
    assert b.notes[-1] == "The rates come from lr, not from the file."


def test_a_resumed_run_and_duplicates_of_a_file(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv", "step,loss,lr", "1,4,.1", "2,3,.1", "3,9,.1", "2,2.5,.1", "3,2,.1"
    )
    with pytest.warns(UserWarning, match="a: The run was resumed at step 2"):
        check(one(file), [1, 2, 3], [4, 2.5, 2], None)


def test_the_newest_row_may_come_first(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "step;loss;lr", "3;2,5;0,1", "2;3,0;0,1", "1;4,0;0,1")
    with pytest.warns(
        UserWarning, match="a: The last row came first, so the order of the rows was reversed"
    ):
        check(one(file), [1, 2, 3], [4, 3, 2.5], None)


def test_steps_in_any_order_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "step,loss,lr", "3,2,.1", "1,3,.1", "2,4,.1")
    message = (
        r"run 'a' of .*a.csv': step\[1\] is 1, but step\[0\] is 3: steps must not decrease. Sort"
    )
    with pytest.raises(ValueError, match=message):
        read(file)


def test_bits(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "step,val_bpb,lr", "1,3,.1", "2,2,.1")
    with pytest.warns(UserWarning, match="'val_bpb' is in bits, and was multiplied by ln 2"):
        np.testing.assert_allclose(one(file).loss, [3 * np.log(2), 2 * np.log(2)])
    np.testing.assert_array_equal(one(file, loss_unit="nats").loss, [3, 2])
    other = write(tmp_path / "b.csv", "step,loss,lr", "1,3,.1", "2,2,.1")
    with pytest.warns(UserWarning, match="'loss' is in bits"):
        np.testing.assert_allclose(one(other, loss_unit="bits").loss[0], 2.0794415416798357)


def test_micro_batches_and_tokens(tmp_path: Path) -> None:
    rows = [f"{i},{8 - i},0.1" for i in range(1, 9)]
    file = write(tmp_path / "a.csv", "iteration,loss,lr", *rows)
    with pytest.warns(
        UserWarning, match=r"Rows within one step \(4 of 'iteration'\) were averaged"
    ):
        check(one(file, every=4), [1, 2], [5.5, 1.5], None)
    tokens = write(tmp_path / "b.csv", "tokens,loss,lr", "1000,3,.1", "2000,2,.1", "3010,1,.1")
    with pytest.raises(ValueError, match=r"b.csv' has no step column; .* every=N"):
        read(tokens)
    with pytest.warns(
        UserWarning, match=r"In 1 of 3 rows, 'tokens' is not a multiple of every=1000"
    ):
        check(one(tokens, columns={"step": "tokens"}, every=1000), [1, 2, 3], [3, 2, 1], None)


def test_spikes_are_said_and_dropped_if_asked(tmp_path: Path) -> None:
    loss = 2 + 1 / np.arange(1, 201) + 0.01 * np.random.default_rng(0).normal(size=200)
    loss[[50, 51, 120]] += 1
    file = write(
        tmp_path / "a.csv", "step,loss,lr", *(f"{i + 1},{x:.6f},.1" for i, x in enumerate(loss))
    )
    with pytest.warns(UserWarning, match=r"loss has 3 spikes .* at step 51\. drop_spikes"):
        assert one(file).loss[50] > 3
    with pytest.warns(UserWarning, match=r"loss has 3 spikes .*\. Spikes were left out"):
        curve = one(file, drop_spikes=True)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(curve.loss)), [50, 51, 120])


def test_missing_losses_are_said(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "step,loss,lr", "1,4,.1", "2,NaN,.1", "3,2,.1")
    with pytest.warns(
        UserWarning, match=r"1 of 3 rows have no loss \(empty or NaN\), first at step 2"
    ):
        check(one(file), [1, 2, 3], [4, NAN, 2], None)
    file = write(tmp_path / "b.csv", "step,loss,lr", "1,4,.1", "2,2,.1", "3,inf,.1")
    with pytest.raises(
        ValueError, match=r"run 'b' of .*loss\[2\] is inf: the run diverged at or before"
    ):
        read(file)


def test_many_warnings_are_one(tmp_path: Path) -> None:
    for i in range(12):
        write(tmp_path / f"r{i:02}.csv", "step,loss,lr", "1,4,.1", "2,,.1", "3,2,.1")
    with pytest.warns(UserWarning, match="r00: 1 of 3 rows") as told:
        assert len(read(tmp_path)) == 12
    assert len(told) == 1
    lines = str(told[0].message).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "and 2 more runs; see their notes"
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"every": 0}, "every must be a positive number of units a step; got 0"),
        ({"steps_per_epoch": 0}, "steps_per_epoch must be at least 1; got 0"),
        ({"steps_per_epoch": 5}, "steps_per_epoch is given, but no file has a column of epochs"),
        ({"steps_per_epoch": 5, "every": 2}, "give one of them"),
        ({"loss_unit": "bit"}, "loss_unit must be 'nats' or 'bits'; got 'bit'"),
        ({"runs": []}, "runs is empty; leave it out"),
        ({"runs": ["B"]}, r"there is no run 'B' \(did you mean 'b'\?\); there are 'a', 'b'"),
        ({"lr": {"c": 0.1}}, "lr is given for 'c', which is not a run; there are 'a', 'b'"),
        ({"weight_decay": {"a": 0.1}}, "weight_decay is not given for run 'b'"),
        ({"columns": {"los": "x"}}, r"columns has 'los' \(did you mean 'loss'\?\)"),
        ({"columns": {"loss": "los"}}, r"columns\['loss'\] is 'los', but there is no such column"),
        ({"weight_decay": -1}, "run 'a' of .*: weight_decay must be a number of at least 0"),
        ({"columns": {"loss": "word"}}, "column 'word' of .* has 'x' in row 1 .* is not a number"),
    ],
)
def test_wrong_arguments(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    write(tmp_path / "a.csv", "step,loss,lr,word", "1,4,.1,x", "2,2,.1,y")
    write(tmp_path / "b.csv", "step,loss,lr,word", "1,4,.1,x", "2,2,.1,y")
    with pytest.raises(ValueError, match=message):
        read(tmp_path, **given)


def test_wrong_types(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="path must be a file, folder, pattern or list"):
        read(3)  # type: ignore[arg-type]  # wrong on purpose
    file = write(tmp_path / "a.csv", "step,loss,lr", "1,4,.1", "2,2,.1")
    with pytest.raises(TypeError, match=r"columns\['loss'\] must be the name of a column; got int"):
        read(file, columns={"loss": 1})  # type: ignore[dict-item]  # wrong on purpose
    with pytest.raises(TypeError, match=r"run 'a' of .*: lr is the text"):
        read(file, lr="cosine(1, 2)")  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            "step,accuracy,rate",
            "has no loss column; its columns are 'step', 'accuracy', 'rate'; give col",
        ),
        ("step,lossy,rate", r"no loss column; .*; perhaps columns=\{'loss': 'lossy'\}"),
        ("step,lossy,lr", r"run 'a' of .* has no loss; .*; perhaps columns=\{'loss': 'lossy'\}"),
        ("gstep,loss,lr", r"no step column; .*; perhaps columns=\{'step': 'gstep'\}"),
        ("step,loss,my_lr", r"has no learning rate; .*; perhaps columns=\{'lr': 'my_lr'\}"),
    ],
)
def test_missing_columns(tmp_path: Path, head: str, message: str) -> None:
    file = write(tmp_path / "a.csv", head, "1,4,.1", "2,2,.1")
    with pytest.raises(ValueError, match=message):
        read(file)


def test_a_rate_without_its_loss(tmp_path: Path) -> None:
    file = write(tmp_path / "run-a-tag-lr.csv", "Wall time,Step,Value", "1,0,.1", "2,1,.1")
    message = "run 'a' of .* has no loss; its columns are 'step', 'lr'. Give the file of its loss"
    with pytest.raises(ValueError, match=message):
        read(file)
    write(tmp_path / "b.csv", "x,y", "1,2", "2,3")
    with pytest.raises(ValueError, match="none of the 1 files has a loss column"):
        read(tmp_path / "b*.csv")


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(ValueError, match="path is empty; give a file"):
        read("")


def test_rows_without_a_step_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "step,loss,lr", "1,3,1", ",2.5,1", "2,2,1", "3,1,1")
    with pytest.warns(UserWarning, match="1 of 4 rows have no number in 'step', and were left out"):
        (curve,) = read(path)
    check(curve, [1, 2, 3], [3, 2, 1], None)

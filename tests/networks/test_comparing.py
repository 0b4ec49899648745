"""Models trained by several schedules: each number against a plain loop of PyTorch."""

import copy
import functools
import itertools
import math
import random

import numpy as np
import pytest

import isoloss as il
from isoloss import curves

torch = pytest.importorskip("torch", reason="the extra torch")
compare = il.networks.compare
nn = torch.nn

RNG = np.random.default_rng(3)
X, X_TEST = RNG.normal(size=(30, 3)), RNG.normal(size=(50, 3))
Y, Y_TEST = np.sin(X[:, 0]), np.sin(X_TEST[:, 0])
DATA = X, Y, X_TEST, Y_TEST
LABELS = (X, (Y > 0).astype(int), X_TEST, (Y_TEST > 0).astype(int))
STEPS = 24
PLANS = {
    "small": il.GradientDescent(0.02, STEPS),
    "large": il.families.cosine(0.1, STEPS),
}


@pytest.fixture(autouse=True)
def one_thread():
    # sums of several threads wait for each other where cores are busy
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def mlp(outputs=1):
    return nn.Sequential(
        nn.Linear(3, 8, dtype=torch.float64), nn.Tanh(), nn.Linear(8, outputs).double()
    )


def scores():
    return mlp(2)


def linear():
    return nn.Linear(3, 1)


def loaders(**options):
    parts = [
        torch.tensor(part, dtype=torch.float32) for part in (X, Y[:, None], X_TEST, Y_TEST[:, None])
    ]
    sets = torch.utils.data.TensorDataset(*parts[:2]), torch.utils.data.TensorDataset(*parts[2:])
    train = {"batch_size": 8, "shuffle": True} | options
    return torch.utils.data.DataLoader(sets[0], **train), torch.utils.data.DataLoader(sets[1], 16)


def losses(model, loss):
    model.eval()
    found = []
    with torch.no_grad():
        for inputs, targets in (
            (LABELS[:2], LABELS[2:]) if loss == "cross_entropy" else (DATA[:2], DATA[2:])
        ):
            outputs, y = model(torch.tensor(inputs)), torch.tensor(targets)
            if loss == "cross_entropy":
                chosen = torch.log_softmax(outputs, dim=1)[torch.arange(len(y)), y]
                found.append(-chosen.mean().item())
            else:
                found.append(float(((outputs[:, 0] - y) ** 2).mean()))
    model.train()
    return found


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_a_run_is_a_plain_loop(loss):
    last = []

    def made():
        last.append(scores() if loss == "cross_entropy" else mlp())
        return last[-1]

    data = LABELS if loss == "cross_entropy" else DATA
    options = {"loss": loss, "batch_size": 8, "every": 5, "seeds": [4]}
    found = compare(
        made, data, PLANS, optimizer=lambda p: torch.optim.SGD(p, lr=9.0, momentum=0.5), **options
    )
    run = found.curves[1]
    assert run.name == "large_seed4"
    trained = last[-1]

    torch.manual_seed(4)
    model = scores() if loss == "cross_entropy" else mlp()
    x, y = torch.tensor(X), torch.tensor(data[1])
    order = torch.Generator().manual_seed(4)
    passes = (torch.randperm(30, generator=order)[:24].split(8) for _ in itertools.count())
    batches = itertools.chain.from_iterable(passes)
    rates = PLANS["large"].learning_rates()
    velocity = [torch.zeros_like(p) for p in model.parameters()]
    rows = [(0, *losses(model, loss))]
    for step in range(1, STEPS + 1):
        batch = next(batches)
        outputs = model(x[batch])
        if loss == "cross_entropy":
            value = nn.functional.cross_entropy(outputs, y[batch])
        else:
            value = ((outputs[:, 0] - y[batch]) ** 2).mean()
        gradients = torch.autograd.grad(value, list(model.parameters()))
        with torch.no_grad():
            for p, v, g in zip(model.parameters(), velocity, gradients, strict=True):
                v.mul_(0.5).add_(g)
                p.sub_(float(rates[step - 1]) * v)
        if step % 5 == 0 or step == STEPS:
            rows.append((step, *losses(model, loss)))
    steps, train, test = map(np.array, zip(*rows, strict=True))
    assert run.step.tolist() == steps.tolist()
    np.testing.assert_allclose(run.loss, train, rtol=1e-12)
    np.testing.assert_allclose(run.test_loss, test, rtol=1e-12)
    np.testing.assert_array_equal(run.rates, rates)
    for ours, plain in zip(trained.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)


def test_runs_of_one_seed_differ_in_the_schedule_alone():
    seen = []

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.drop = mlp(), nn.Dropout(0.5)
            seen.append([self.body[0].weight.detach().clone()])

        def forward(self, x):
            masked = self.drop(self.body[0](x))
            if self.training:
                seen[-1] += [x, (masked == 0).to(torch.float64)]
            return self.body[2](torch.tanh(masked))

    compare(Watched, DATA, PLANS, seeds=2, batch_size=8, every=6)
    _, small, large, other, _ = seen  # the first one is looked at, and not trained
    assert len(small) == len(large) == 1 + 2 * STEPS
    assert all(torch.equal(one, two) for one, two in zip(small, large, strict=True))
    assert not any(torch.equal(one, two) for one, two in zip(small, other, strict=True))
    rows = torch.cat(small[1:7:2])  # 3 batches of 8 from 30 rows, without repeats
    assert len({tuple(row) for row in rows.tolist()}) == 24


def test_two_calls_give_the_same_numbers_and_leave_random_numbers_alone():
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - the global numbers are what is looked at
    random.seed(5)
    train, test = loaders(generator=torch.Generator().manual_seed(1))
    states = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002 - as above
    own = train.generator.get_state()
    once, twice = (compare(linear, (train, test), PLANS, seeds=2, every=3) for _ in range(2))
    assert once.curves == twice.curves
    assert str(once) == str(twice)
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002 - as above
    assert random.getstate() == states[2]
    assert torch.equal(train.generator.get_state(), own)


def test_a_loader_gives_the_batches_of_a_plain_loop():
    train, test = loaders()
    found = compare(linear, (train, test), PLANS, seeds=[7], every=8)
    torch.manual_seed(7)
    model = linear()
    batches = itertools.chain.from_iterable(train for _ in itertools.count())
    for x, y in itertools.islice(batches, STEPS):
        loss = nn.functional.mse_loss(model(x), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p.sub_(0.02 * p.grad)
    x, y = train.dataset.tensors
    with torch.no_grad():
        last = float(((model(x) - y) ** 2).mean())
    assert found.curves[0].loss[-1] == pytest.approx(last, rel=1e-5)
    assert found.curves[0].batch_size == 8


def test_levels_intervals_and_verdicts_are_those_of_match():
    plans = {"small": il.GradientDescent(0.02, 60), "large": il.GradientDescent(0.1, 20)}
    found = compare(mlp, DATA, plans, seeds=3, levels=[0.5, 0.4], every=2, confidence=0.8)
    groups = {name: [f"{name}_seed{k}" for k in range(3)] for name in plans}
    assert {name: list(own) for name, own in found.groups.items()} == groups
    again = curves.match(found.curves, [0.5, 0.4], groups=groups, confidence=0.8)
    assert found.match.to_dict() == again.to_dict()
    assert str(found).startswith(str(again))
    frame = found.to_frame()
    assert frame[["run", "train_loss"]].values.tolist()[2:] == [["large", 0.5], ["large", 0.4]]
    # with full batches and float64, the level is met where the rows cross it
    run = found.curves[0]
    place = int((run.loss <= 0.5).argmax())
    step = found.match.matched["small"].curves[0].at(0.5).step
    assert run.step[place - 1] <= step <= run.step[place]
    assert len(found.plot().axes) == 2


def test_schedules_of_pytorch_and_texts_with_absolute_rates_are_taken():
    schedulers = torch.optim.lr_scheduler
    plans = {
        "text": "gd(0.05, 20)",
        "theirs": lambda optimizer: schedulers.StepLR(optimizer, 6, gamma=0.5),
        "one cycle": lambda optimizer: schedulers.OneCycleLR(optimizer, 0.01, total_steps=12),
    }
    found = compare(
        mlp,
        DATA,
        plans,
        seeds=1,
        steps=12,
        every=1,
        optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.02),
    )
    text, theirs, cycle = found.curves
    assert text.rates.tolist() == [0.05] * 20
    assert theirs.rates.tolist() == [0.01] * 6 + [0.005] * 6
    assert theirs.weight_decay == 0.02
    optimizer = torch.optim.AdamW(mlp().parameters(), lr=0.01)
    scheduler = plans["one cycle"](optimizer)
    expected = []
    for _ in range(12):
        expected.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(cycle.rates, expected, rtol=1e-12)


def test_interrupted_calls_go_on_where_they_stopped(tmp_path):
    made = 0

    def failing():
        nonlocal made
        made += 1
        if made == 4:  # the first is looked at; then the third run begins
            raise KeyboardInterrupt
        return mlp()

    options = {"seeds": 2, "batch_size": 8, "every": 2, "levels": 3}
    folder = tmp_path / "runs"
    with pytest.raises(KeyboardInterrupt):
        compare(failing, DATA, PLANS, folder=folder, **options)
    assert sorted(path.name for path in folder.iterdir()) == [
        "large_seed0.csv",
        "settings.json",
        "small_seed0.csv",
    ]
    whole = compare(mlp, DATA, PLANS, **options)
    resumed = compare(mlp, DATA, PLANS, folder=folder, **options)
    assert resumed.curves == whole.curves
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.csv")}
    again = compare(mlp, DATA, PLANS, folder=folder, **options)
    assert again.curves == whole.curves
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.csv")} == before
    more = compare(mlp, DATA, PLANS | {"third": "gd(0.05, 30)"}, folder=folder, **options)
    assert more.curves[:4] == whole.curves


def test_the_folder_is_read_as_logs(tmp_path):
    plans = {"a b": il.GradientDescent(0.02, STEPS), "large": il.GradientDescent(0.1, STEPS)}
    found = compare(mlp, DATA, plans, seeds=1, batch_size=8, every=2, folder=tmp_path / "runs")
    read = {run.name: run for run in curves.read(tmp_path / "runs")}
    for run in found.curves:
        again = read[run.name]
        np.testing.assert_array_equal(again.loss, run.loss)
        np.testing.assert_array_equal(again.test_loss, run.test_loss)
        np.testing.assert_array_equal(again.rates, run.rates)
    assert curves.match(list(read.values()), 3, reference="a b_seed0").levels.size == 3


def test_folders_of_other_settings_are_refused(tmp_path):
    folder = tmp_path / "runs"
    options = {"seeds": 1, "every": 2, "folder": folder}
    compare(mlp, DATA, PLANS, **options)
    with pytest.raises(ValueError, match=r"holds runs of other settings \(batch_size: 30, now 8\)"):
        compare(mlp, DATA, PLANS, batch_size=8, **options)
    with pytest.raises(ValueError, match=r"other settings \(schedule 'large'\)"):
        compare(mlp, DATA, PLANS | {"large": il.GradientDescent(0.2, STEPS)}, **options)
    with pytest.raises(ValueError, match=r"other settings \(data\)"):
        compare(mlp, (X, Y + 1e-9, X_TEST, Y_TEST), PLANS, **options)
    with pytest.raises(ValueError, match=r"other settings \(optimizer\)"):
        compare(mlp, DATA, PLANS, optimizer=lambda p: torch.optim.Adam(p, lr=1.0), **options)
    relu = lambda: nn.Sequential(mlp()[0], nn.ReLU(), *list(mlp())[2:])  # noqa: E731 - a model a line
    with pytest.raises(ValueError, match="began with another model"):
        compare(relu, DATA, PLANS, **options)
    run = folder / "small_seed0.csv"
    run.write_text("\n".join(run.read_text().splitlines()[:-1]))
    with pytest.raises(ValueError, match=r"small_seed0.csv' is damaged"):
        compare(mlp, DATA, PLANS, **options)
    run.write_bytes(b"\xff\x00")
    with pytest.raises(ValueError, match=r"small_seed0.csv' is damaged"):
        compare(mlp, DATA, PLANS, **options)
    (folder / "settings.json").write_text("[]")
    with pytest.raises(ValueError, match=r"settings.json' is damaged; give another folder"):
        compare(mlp, DATA, PLANS, **options)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(ValueError, match="holds files of other origin"):
        compare(mlp, DATA, PLANS, seeds=1, folder=tmp_path / "other")


def test_a_run_that_diverges_is_ended_and_the_others_go_on(tmp_path):
    plans = PLANS | {
        "wild": il.GradientDescent(1e30, STEPS),
        "late": il.GradientDescent([0.02] * 20 + [1e30] * 4),
    }
    for _ in range(2):  # the second time, from the folder
        found = compare(linear, DATA, plans, seeds=2, every=2, levels=2, folder=tmp_path / "runs")
        assert found.diverged == {
            "wild_seed0": 2,
            "wild_seed1": 2,
            "late_seed0": 22,
            "late_seed1": 22,
        }
        assert set(found.match.matched) == {"small", "large", "late"}
        assert "wild is left out of the comparison: wild_seed0 has 1 measurements" in str(found)
        assert "late_seed0 diverged: its loss is not finite at step 22" in str(found)
    (late,) = [run for run in found.curves if run.name == "late_seed0"]
    assert math.isnan(late.loss[-1])
    assert late.rows()[0][-1] == 20


def test_what_cannot_be_compared_is_kept_and_said():
    found = compare(mlp, DATA, {"a": "gd(0.01, 4)", "b": "gd(0.02, 4)"}, seeds=1)
    assert found.match is None
    assert len(found.curves) == 2
    assert "The schedules cannot be compared: fewer than two schedules are left." in str(found)
    with pytest.raises(ValueError, match="8 are needed; give a smaller every"):
        found.plot()


def test_losses_are_of_fixed_rows_and_eval_mode():
    def normed():
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))

    models = []

    def made():
        models.append(normed())
        return models[-1]

    found = compare(made, DATA, PLANS, seeds=1, batch_size=8, rows=20, every=6)
    model = copy.deepcopy(models[-1])
    assert model.training
    assert int(model[1].num_batches_tracked) == STEPS
    model.eval()
    rows = torch.randperm(50, generator=torch.Generator().manual_seed(0))[:20]
    with torch.no_grad():
        outputs = model(torch.tensor(X_TEST[rows], dtype=torch.float32))[:, 0]
    expected = float(((outputs - torch.tensor(Y_TEST[rows])) ** 2).mean())
    assert found.curves[-1].test_loss[-1] == pytest.approx(expected, rel=1e-5)


def test_modes_of_modules_stay_as_make_model_returns_them():
    models = []

    def frozen():
        models.append(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)))
        models[-1][1].eval()
        return models[-1]

    compare(frozen, DATA, PLANS, seeds=1, every=6)
    assert int(models[-1][1].num_batches_tracked) == 0
    assert models[-1].training


class Stream(torch.utils.data.IterableDataset):
    """Rows that differ each time."""

    passes = 0

    def __iter__(self):
        Stream.passes += 1
        for row in torch.tensor(X, dtype=torch.float32):
            yield row + Stream.passes, row[:1]


def test_batches_and_weights_that_differ_between_schedules_are_refused():
    stream = torch.utils.data.DataLoader(Stream(), 8)
    with pytest.raises(ValueError, match="batches of seed 0 differ between 'small' and 'large' by"):
        compare(linear, (stream, loaders()[1]), PLANS, seeds=1, every=2)
    own = torch.Generator()
    with pytest.raises(ValueError, match="initial weights of seed 0 differ between"):
        compare(
            lambda: nn.Sequential(nn.Linear(3, 1), Noise(torch.rand(1, generator=own))), DATA, PLANS
        )


class Noise(nn.Module):
    """A buffer from a generator that nobody seeds."""

    def __init__(self, value):
        super().__init__()
        self.register_buffer("value", value)

    def forward(self, x):
        return x + self.value


def two_groups(parameters, rate):
    first, *others = parameters
    return torch.optim.SGD([{"params": first, "lr": 0.1}, {"params": others, "lr": rate}])


class Changed(nn.Module):
    """A layer whose outputs go through a function."""

    def __init__(self, change, before=lambda x: x):
        super().__init__()
        self.layer, self.change, self.before = linear(), change, before

    def forward(self, x):
        return self.change(self.layer(self.before(x)))


REFUSED = {
    "half": ({"make_model": lambda: linear().half()}, "the model is in half precision"),
    "kinds": (
        {"make_model": lambda: nn.Sequential(nn.Linear(3, 1), nn.Linear(1, 1).double())},
        "parameters of one kind",
    ),
    "frozen": ({"make_model": lambda: linear().requires_grad_(False)}, "no parameters to train"),
    "one model": ({"make_model": itertools.repeat(linear()).__next__}, "it had returned before"),
    "a model": ({"make_model": linear()}, "must be a function that returns a new"),
    "no model": ({"make_model": lambda: 3}, "must return a torch.nn.Module; got int"),
    "labels": (
        {"make_model": scores, "data": (X, LABELS[1] + 1, *LABELS[2:]), "loss": "cross_entropy"},
        "labels go from 1 to 2, but the model has scores for 2 classes",
    ),
    "shapes": ({"make_model": scores}, r"the shape \(30, 2\), and the targets \(30,\)"),
    "inputs": ({"data": (X[:, :2], Y, X_TEST, Y_TEST)}, "the model cannot take inputs of shape"),
    "whole inputs": ({"data": (X.astype(int), Y, X_TEST, Y_TEST)}, "type torch.int64"),
    "rows": ({"data": (X, Y[1:], X_TEST, Y_TEST)}, "X and y must have equally many rows; got 30"),
    "NaN": ({"data": (X, Y * np.nan, X_TEST, Y_TEST)}, "y has values that are not finite"),
    "no rows": ({"data": (X[:0], Y[:0], X_TEST, Y_TEST)}, "X must have at least one row"),
    "texts": ({"data": (X, np.array(["a"] * 30), X_TEST, Y_TEST)}, "y must be numbers; got <U1"),
    "three": ({"data": (X, Y, X_TEST)}, "data must be four arrays"),
    "large batch": ({"batch_size": 31}, "batch_size is 31, but there are 30 train rows"),
    "cuda": ({"device": "cuda:7"}, "PyTorch finds . CUDA devices; give device='cpu'"),
    "device": ({"device": "meta"}, "device must be 'cpu' or 'cuda'"),
    "loss": ({"loss": "hinge"}, "loss must be 'mse', 'cross_entropy' or a function"),
    "one": ({"schedules": {"small": "gd(0.1, 9)"}}, "at least two schedules; got 1"),
    "list": ({"schedules": ["gd(0.1, 9)"]}, "schedules must be a mapping"),
    "flow": ({"schedules": PLANS | {"flow": "flow"}}, "has gradient flow"),
    "open": ({"schedules": PLANS | {"open": "gd(1, ...)"}}, "leaves its number of steps open"),
    "batch": (
        {"schedules": PLANS | {"b": il.GradientDescent(0.1, 9, batch_size=4)}},
        "all schedules see the same batches",
    ),
    "momentum": ({"schedules": PLANS | {"m": il.HeavyBall(0.1, 0.9, 9)}}, "momentum=0.9"),
    "steps": ({"schedules": PLANS | {"f": lambda _: None}}, "give steps="),
    "no scheduler": ({"schedules": PLANS | {"f": lambda _: None}, "steps": 9}, "got NoneType"),
    "plateau": (
        {"schedules": PLANS | {"f": torch.optim.lr_scheduler.ReduceLROnPlateau}, "steps": 9},
        "depend on a measured loss",
    ),
    "optimizer": ({"optimizer": lambda _: 3}, "optimizer must be a function that makes"),
    "reference": ({"reference": "smal"}, r"got 'smal' \(did you mean 'small'\?\)"),
    "seeds": ({"seeds": [1, 1]}, "seeds must be one or more different"),
    "loader's batch": ({"data": loaders(), "batch_size": 4}, "has a batch size of its own"),
    "a short loader": (
        {"data": loaders(batch_size=40, drop_last=True)},
        "the DataLoader of train rows is empty",
    ),
    "a tuple": ({"make_model": lambda: Changed(lambda x: (x, x))}, "one tensor .*; got tuple"),
    "a number": ({"make_model": lambda: Changed(torch.mean)}, "with a row for each row"),
    "lazy": ({"make_model": lambda: nn.LazyLinear(1)}, "weight has no shape yet"),
    "large seed": ({"seeds": [2**64]}, r"each of seeds must be below 2\*\*64"),
    "an optimizer": (
        {"optimizer": torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)},
        "optimizer must be a function that makes .* got SGD",
    ),
    "a name": ({"optimizer": "adam"}, "optimizer must be a function that makes .* got str"),
    "rates of groups": (
        {"make_model": mlp, "optimizer": lambda p: two_groups(p, 0.01)},
        "'small' has one rate for all parameters, .* of their own, 0.1000, 0.01000; give a sched",
    ),
    "other parameters": (
        {"optimizer": lambda _: torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)},
        "so the model would not be trained",
    ),
    "persistent workers": (
        {"data": loaders(num_workers=1, persistent_workers=True)},
        "persistent_workers, which carry random numbers",
    ),
    "levels": ({"levels": 0}, "number of levels must be at least 1; got 0"),
    "no levels": ({"levels": [np.nan]}, "levels must be 1 to 1000 finite losses"),
    "confidence": ({"confidence": 90}, "confidence must be between 0 and 1"),
    "a class": ({"loss": nn.MSELoss}, r"such as torch.nn.HuberLoss\(\); got MSELoss"),
    "no gradient": ({"loss": lambda a, b: (a[:, 0] - b).mean().detach()}, "it has no gradient"),
    "complex": ({"loss": lambda a, b: (a[:, 0] - b).mean() * 1j}, "a real number; got torch.compl"),
    "vector loss": ({"loss": lambda a, b: (a[:, 0] - b) ** 2}, "loss must return one number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trained_is_refused_with_a_sentence(case):
    changed, message = REFUSED[case]
    given = {"make_model": linear, "data": DATA, "schedules": PLANS} | changed
    with pytest.raises((TypeError, ValueError), match=message):
        compare(**given)


def test_an_infinite_start_is_refused():
    def huge():
        model = linear()
        nn.init.constant_(model.weight, 1e38)
        return model

    with pytest.raises(ValueError, match="not finite before any step"):
        compare(huge, DATA, PLANS)


def test_a_loss_of_ones_own_is_taken():
    def squared(outputs, y):
        return ((outputs[:, 0] - y) ** 2).mean()

    ours, theirs = (
        compare(mlp, DATA, PLANS, seeds=1, loss=loss, every=8).curves[0]
        for loss in ("mse", squared)
    )
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-12)


def test_several_outputs_are_summed():
    Y2, Y2_TEST = np.stack([Y, -Y], axis=1), np.stack([Y_TEST, -Y_TEST], axis=1)
    found = compare(scores, (X, Y2, X_TEST, Y2_TEST), PLANS, seeds=[0], every=8)
    torch.manual_seed(0)
    start = scores()(torch.tensor(X)).detach().numpy()
    assert found.curves[0].loss[0] == pytest.approx(((start - Y2) ** 2).sum(axis=1).mean())


def test_a_model_with_several_outputs_needs_a_loss_of_ones_own():
    def loss(outputs, y):
        return ((outputs[0][:, 0] - y) ** 2).mean()

    makes = lambda: Changed(lambda x: (x, x)), lambda: Changed(lambda x: x)
    pair, plain = (
        compare(make, DATA, PLANS, seeds=1, loss=each, every=8).curves[0]
        for make, each in zip(makes, (loss, "mse"), strict=True)
    )
    np.testing.assert_allclose(pair.loss, plain.loss, rtol=1e-6)


@pytest.mark.parametrize("batch_size", [None, 10])
def test_models_and_losses_may_change_what_they_get_in_place(batch_size):
    def loss(outputs, y):
        return ((outputs[:, 0] - y.mul_(2)) ** 2).mean()

    rows = [torch.tensor(part, dtype=torch.float32) for part in DATA]
    kept = [part.clone() for part in rows]
    given = (
        (rows, lambda x: x.div_(3), loss),
        (
            (X / 3, 2 * Y, X_TEST / 3, 2 * Y_TEST),
            lambda x: x,
            "mse",
        ),
    )
    found, plain = (
        compare(
            lambda before=before: Changed(lambda x: x, before),
            data,
            PLANS,
            seeds=1,
            loss=each,
            batch_size=batch_size,
        ).curves[1]
        for data, before, each in given
    )
    np.testing.assert_allclose(found.loss, plain.loss, rtol=1e-5)
    np.testing.assert_allclose(found.rows("test_loss")[1], plain.rows("test_loss")[1], rtol=1e-5)
    assert all(map(torch.equal, rows, kept))


def test_losses_are_of_the_rows_that_samplers_take():
    whole = torch.utils.data.TensorDataset(*(torch.tensor(part).float() for part in (X, Y)))
    parts = [range(10), range(10, 30)]
    both = tuple(
        torch.utils.data.DataLoader(
            whole, batch_size=5, sampler=torch.utils.data.SubsetRandomSampler(part)
        )
        for part in parts
    )
    found = compare(linear, both, PLANS, seeds=[4], every=8).curves[0]
    torch.manual_seed(4)
    model = linear()
    with torch.no_grad():
        errors = (model(torch.tensor(X).float())[:, 0] - torch.tensor(Y).float()) ** 2
    wanted = [float(errors[list(part)].mean()) for part in parts]
    assert [found.loss[0], found.rows("test_loss")[1][0]] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("data", ["arrays", "loader"])
def test_seeds_that_change_nothing_are_refused(data):
    def fixed():
        torch.manual_seed(0)
        return linear()

    given = DATA if data == "arrays" else loaders()
    with pytest.raises(ValueError, match="seeds 0 and 1 give the same run of 'small', so nothing"):
        compare(fixed, given, PLANS, seeds=2, every=8)
    compare(fixed, given, PLANS, seeds=1, every=8)
    compare(fixed, DATA, PLANS, seeds=2, every=8, batch_size=5)  # batches vary


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        (torch.no_grad, "needs gradients; call it outside of"),
        (torch.inference_mode, "needs gradients; call it outside of"),
        (lambda: torch.autocast("cpu", dtype=torch.bfloat16), "put it into the model's forward"),
    ],
)
def test_modes_in_which_nothing_trains_are_refused(mode, message):
    with mode(), pytest.raises(ValueError, match=message):
        compare(linear, DATA, PLANS)


def test_another_default_device_changes_nothing():
    plain = compare(linear, DATA, PLANS, seeds=1, batch_size=10, every=8).curves[0]
    torch.set_default_device("meta")
    try:
        other = compare(
            lambda: nn.Linear(3, 1, device="cpu"), DATA, PLANS, seeds=1, batch_size=10, every=8
        ).curves[0]
    finally:
        torch.set_default_device(None)
    np.testing.assert_array_equal(other.loss, plain.loss)


def test_a_folder_knows_a_loss_again_and_says_what_changed(tmp_path):
    def again(factor, every=8):
        loss = functools.partial(nn.functional.huber_loss, delta=factor)
        data = X, Y[:, None], X_TEST, Y_TEST[:, None]
        return compare(linear, data, PLANS, seeds=1, loss=loss, folder=tmp_path, every=every)

    again(0.5)
    assert " at 0x" not in (tmp_path / "settings.json").read_text()
    with pytest.raises(ValueError, match=r"other settings \(every: 8, now 4\)"):
        again(0.5, every=4)
    with pytest.raises(ValueError, match=r"other settings \(loss: '.*delta=0.5.*', now '.*=0.7"):
        again(0.7)

"""Train a small transformer by 16 schedules and log the loss: real curves to forecast.

A transformer of 0.28 million parameters predicts the next byte of Python's own tests, which come
with the installers of python.org and with pyenv (some Linux distributions have them in a package of
their own). The longest run draws fewer bytes than the text has, so it cannot overfit. Training uses
AdamW with weight decay 0.1 on all parameters, 100 steps of linear warm-up, and 16 sequences of 64
bytes in each step. The same installation and seed give the same numbers, and runs of one seed see
the same batches. Runs of one seed and peak are therefore identical until their rates differ.

Run: python docs/examples/train_curves.py FOLDER [--part 1/2] [--list] [--collect curves.csv]

Each run becomes a file in FOLDER. Runs that are there are skipped, and one that was interrupted
goes on from its last checkpoint, so the command may be stopped and started again at any time.
--part shares the runs between processes. A step takes about 50 ms on one core, validation included,
and all 147,000 steps take two hours. The script needs PyTorch 2.4 or newer.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import platform
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH, LAYERS, HEADS, CONTEXT, BATCH = 80, 3, 4, 64, 16
WARM_UP, WEIGHT_DECAY, BETAS = 100, 0.1, (0.9, 0.95)
EVERY, CHECKPOINT = 50, 1000  # steps from row to row, and from checkpoint to checkpoint
VALIDATION = 512  # sequences, 32,768 bytes
COLUMNS = ("step", "lr", "loss", "test_loss")

Row = tuple[int, float, float, float]


@dataclass(frozen=True)
class Plan:
    """One run: its schedule, by the shape's name, and its seed."""

    shape: str
    steps: int
    peak: float
    seed: int = 0

    @property
    def name(self) -> str:
        """The run's name, such as wsd20_12k_2e-3."""
        mantissa, exponent = f"{self.peak:.0e}".split("e")
        seed = f"_seed{self.seed}" if self.seed else ""
        return f"{self.shape}_{self.steps // 1000}k_{mantissa}e{int(exponent)}{seed}"

    def rates(self) -> np.ndarray:
        """Return the learning rate of each step."""
        done = np.arange(self.steps) / self.steps
        if self.shape == "const":
            shape = np.ones(self.steps)
        elif self.shape == "cosine":
            shape = (1 + np.cos(np.pi * done)) / 2
        else:  # wsd20: a linear cool-down to zero over the last 20 %
            shape = np.minimum(1, (1 - done) / (int(self.shape.removeprefix("wsd")) / 100))
        return self.peak * shape * np.minimum(1, np.arange(1, self.steps + 1) / WARM_UP)


PLANS = (
    *(Plan(shape, 3000, 2e-3) for shape in ("const", "cosine", "wsd20")),
    *(Plan("wsd20", 3000, peak) for peak in (1e-3, 4e-3)),
    *(Plan(shape, 12_000, 2e-3) for shape in ("const", "cosine", "wsd10", "wsd20", "wsd50")),
    *(Plan(shape, 12_000, peak) for shape in ("cosine", "wsd20") for peak in (1e-3, 4e-3)),
    Plan("const", 12_000, 4e-3),
    Plan("wsd20", 12_000, 2e-3, seed=1),
)


class Block(nn.Module):
    """Attention to earlier bytes and a layer of GELU units, each after a norm, each added."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(WIDTH) for _ in range(2))
        self.attend = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.attended = nn.Linear(WIDTH, WIDTH, bias=False)
        self.widen = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, place, width) to the same shape."""
        heads = self.attend(self.norms[0](x)).view(*x.shape[:2], 3, HEADS, WIDTH // HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.attended(seen.transpose(1, 2).reshape(x.shape))
        return x + self.narrow(functional.gelu(self.widen(self.norms[1](x))))


class Transformer(nn.Module):
    """A causal transformer over bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = nn.Embedding(256, WIDTH)
        self.places = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.RMSNorm(WIDTH)
        self.head = nn.Linear(WIDTH, 256, bias=False)
        for parameter in self.parameters():
            if parameter.ndim > 1:  # gains of norms stay at one
                nn.init.normal_(parameter, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of each next byte: (batch, place) to (batch, place, 256)."""
        return self.head(self.norm(self.blocks(self.bytes(x) + self.places.weight)))


@dataclass(frozen=True)
class Text:
    """Bytes to train on, and sequences of other files to validate on."""

    train: np.ndarray
    validation: Tensor
    digest: str


def read_text() -> Text:
    """Return the sources of Python's tests: each tenth file, in random order, is for validation."""
    folder = Path(sysconfig.get_path("stdlib")) / "test"
    files = sorted(folder.rglob("*.py"), key=lambda file: file.relative_to(folder).as_posix())
    texts = [np.frombuffer(file.read_bytes(), np.uint8) for file in files]
    if sum(text.size for text in texts) < 10e6:
        raise SystemExit(
            f"error: {folder} does not have the 10 MB of sources that training needs: use a Python "
            "from python.org or pyenv, or install its tests (Debian: libpython3-testsuite)"
        )
    rng = np.random.default_rng(0)
    order = rng.permutation(len(texts))
    train = np.concatenate([texts[k] for k in order if k % 10])
    held_out = np.concatenate([texts[k] for k in order if not k % 10])
    starts = rng.integers(held_out.size - CONTEXT, size=VALIDATION)
    digest = hashlib.sha256(train.tobytes() + held_out.tobytes()).hexdigest()
    return Text(train, sequences(held_out, starts), digest)


def sequences(text: np.ndarray, starts: np.ndarray) -> Tensor:
    """Return the context and the byte after it at each start."""
    return torch.from_numpy(text[starts[:, None] + np.arange(CONTEXT + 1)].astype(np.int64))


def cross_entropy(model: nn.Module, batch: Tensor) -> Tensor:
    """Return the mean loss, in nats per byte."""
    return functional.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


def run(plan: Plan, text: Text, checkpoint: Path) -> list[Row]:
    """Train by a plan, from its checkpoint if there is one, and return the rows of its log."""
    torch.manual_seed(plan.seed)
    model = Transformer()
    optimizer = torch.optim.AdamW(
        model.parameters(), betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    rows: list[Row] = []
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        rows = [tuple(row) for row in saved["rows"]]
    rates = plan.rates()
    first, total, started = rows[-1][0] if rows else 0, 0.0, time.perf_counter()
    for step in range(first, plan.steps):
        optimizer.param_groups[0]["lr"] = float(rates[step])
        # Seeded with the step's number, so that a resumed run sees the batches it would have seen.
        rng = np.random.default_rng([plan.seed, step])
        loss = cross_entropy(
            model, sequences(text.train, rng.integers(text.train.size - CONTEXT, size=BATCH))
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        done = step + 1
        if done % EVERY == 0:
            with torch.no_grad():  # in small parts, which stay in the cache
                parts = [cross_entropy(model, part).item() for part in text.validation.split(32)]
            rows.append((done, float(rates[step]), total / EVERY, float(np.mean(parts))))
            total = 0.0
        if done % CHECKPOINT == 0 and done < plan.steps:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "rows": rows}
            write(checkpoint, lambda file, state=state: torch.save(state, file))
            took = (time.perf_counter() - started) / (done - first)
            print(f"{plan.name}: step {done}, {took * 1e3:.0f} ms a step", flush=True)
    return rows


def write(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        new = Path(folder) / path.name
        with new.open("wb") as file:
            fill(file)
        new.replace(path)


def write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Write rows to a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write(path, lambda file: file.write(text.getvalue().encode()))


def prepare(folder: Path, text: Text) -> None:
    """Record what the losses depend on; refuse a folder whose runs another installation made."""
    note = folder / "about.json"
    about = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "text (sha256)": text.digest,
        "parameters": sum(parameter.numel() for parameter in Transformer().parameters()),
    }
    folder.mkdir(parents=True, exist_ok=True)
    if not note.exists():
        write(note, lambda file: file.write(json.dumps(about, indent=1).encode()))
    elif (found := json.loads(note.read_text())) != about:
        raise SystemExit(f"error: the runs in {folder} were made with {found}, not {about}")


def train(folder: Path, plans: tuple[Plan, ...]) -> None:
    """Train by each plan whose run is not in the folder yet."""
    text = read_text()
    prepare(folder, text)
    for plan in plans:
        path, checkpoint = folder / f"{plan.name}.csv", folder / f"{plan.name}.pt"
        if not path.exists():
            rows = run(plan, text, checkpoint)
            write_csv(path, COLUMNS, rows)
            print(f"{plan.name}: done, validation loss {rows[-1][-1]:.4f}", flush=True)
        checkpoint.unlink(missing_ok=True)


def collect(folder: Path, path: Path) -> None:
    """Write all runs into one CSV file, with five digits."""
    if missing := [plan.name for plan in PLANS if not (folder / f"{plan.name}.csv").exists()]:
        raise SystemExit(f"error: {folder} has no {', '.join(missing)}: train them first")
    rows = []
    for plan in PLANS:
        with (folder / f"{plan.name}.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                values = (f"{float(row[column]):.5g}" for column in COLUMNS[1:])
                rows.append((plan.name, row["step"], *values))
    write_csv(path, ("run", *COLUMNS), rows)
    print(f"{path}: {len(PLANS)} runs, {len(rows)} rows")


def part(text: str) -> tuple[Plan, ...]:
    """Return the plans of a part such as 1/2."""
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a part such as 1/2")
    return PLANS[int(number) - 1 :: int(parts)]


def main() -> None:
    """Train, list or collect the runs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the runs are")
    parser.add_argument("--part", type=part, default=PLANS, metavar="I/N", help="each N-th run")
    parser.add_argument("--list", action="store_true", help="list the runs and their states")
    parser.add_argument("--collect", type=Path, metavar="FILE", help="write all runs to one file")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the model is too small for more, and sums keep their order
    if options.list:
        for plan in options.part:
            states = {".csv": "done", ".pt": "begun"}
            found = [states[end] for end in states if (options.folder / (plan.name + end)).exists()]
            print(f"{plan.name:22}{plan.steps:7} steps  {(*found, '')[0]}".rstrip())
    elif options.collect:
        collect(options.folder, options.collect)
    else:
        train(options.folder, options.part)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nstopped: the same command goes on from the last checkpoint")

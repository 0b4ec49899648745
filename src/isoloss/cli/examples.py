"""Examples for each command's help: what they do, and the command or file itself."""

from __future__ import annotations

__all__ = ["EXAMPLES", "THREE"]

Examples = tuple[tuple[str, str], ...]

THREE: Examples = (
    ("every claim of the paper, computed and proved", "isoloss reproduce"),
    ("its figure with sliders, in your browser", "isoloss explore"),
    ("schedules side by side on real data", "isoloss compare diabetes"),
    ("... or on a file of your own", "isoloss compare houses.csv"),
)
_STUDY = """\
schedules = ["flow", "gd(1.0, 20) > flow"]
levels = { from = 0.1, to = 0.001, count = 3 }
draws = 10

[sampler]
kind = "gaussian"
d = 10
n_over_d = 2.0
noise = 0.5

[parameters]
decay = [0.0, 1.0]"""

EXAMPLES: dict[str, Examples] = {
    "reproduce": (
        ("into the folder isoloss-reproduce", "isoloss reproduce"),
        ("other parameters, elsewhere", "isoloss reproduce --alpha 0.2 --steps 20 --out paper"),
    ),
    "explore": (
        ("opens the page in your browser", "isoloss explore"),
        ("on a data set that comes with scikit-learn", "isoloss explore diabetes"),
        ("on a machine without one", "isoloss explore --no-browser --port 9000"),
    ),
    "compare": (
        ("a data set that comes with scikit-learn", "isoloss compare diabetes"),
        (
            "other schedules, at six train losses",
            'isoloss compare digits --schedule "cosine(1, 100) > flow" --levels 6',
        ),
        (
            "a file of yours, with a report",
            "isoloss compare houses.csv --target price --out report",
        ),
        (
            "missing numbers and columns of text",
            "isoloss compare houses.csv --impute median --encode one-hot",
        ),
    ),
    "design": (
        ("the best of each family, eight steps", "isoloss design diabetes --steps 8"),
        (
            "two families; keep the best schedule for isoloss compare",
            "isoloss design digits --family annealed --family rates+flow --save best.json",
        ),
        (
            "choose on one file, judge on another",
            "isoloss design train.csv --validation recent.csv --test later.csv --target price",
        ),
    ),
    "match": (
        ("all runs in a folder, with a report", "isoloss match logs --out report"),
        (
            "two seeds of each schedule, in pairs",
            "isoloss match logs/*.csv --group const=const_0,const_1 --group wsd=wsd_0,wsd_1",
        ),
        (
            "at two train losses, against one of the runs",
            "isoloss match runs.csv --levels 3.2,3.0 --against cosine",
        ),
    ),
    "forecast": (
        ("the best schedule, from runs that come with isoloss", "isoloss forecast bytes --best"),
        (
            "from logs of yours, for a run of 50,000 steps",
            "isoloss forecast logs/*.csv --steps 50000 --best --out forecast",
        ),
        (
            "a schedule of yours, in units of the largest fitted peak",
            'isoloss forecast logs --schedule "warmup_stable_decay(1, 50000, 500, 10000)"',
        ),
        (
            "the rest of a run that has a checkpoint",
            "isoloss forecast logs --after base --steps 20000 --best --out rest",
        ),
    ),
    "fit": (
        ("choose by cross-validation, keep the model", "isoloss fit diabetes --save model.skops"),
        (
            "choose on rows of the kind that the model is for",
            "isoloss fit train.csv --target price --ignore id --validation recent.csv",
        ),
        ("a kernel", "isoloss fit iris --kernel rbf --schedule flow --schedule rates+flow"),
    ),
    "predict": (
        ("print CSV", "isoloss predict model.skops diabetes"),
        ("write it", "isoloss predict model.skops new.csv --out predictions.csv"),
    ),
    "certify": (
        ("all of the paper's statements", "isoloss certify all --out certificates"),
        ("a counterexample", "isoloss certify lemma2-literal"),
        (
            "a claim of your own",
            "isoloss certify --train 2/3,1/3 --test 1/2,1/2 --start 10,10 --level 0.01 "
            '--schedule "gd(1, 10) > flow" --claim "test_loss <= 3/4 * level"',
        ),
    ),
    "verify": (
        ("what isoloss certify has written", "isoloss verify certificates"),
        ("what isoloss reproduce has", "isoloss verify isoloss-reproduce/certificates"),
    ),
    "sweep": (
        ("a file study.toml", _STUDY),
        ("in two processes", "isoloss sweep study.toml --out study.nc --workers 2"),
    ),
}

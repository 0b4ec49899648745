"""The order of the house: what may import what, and what each public name must have."""

import ast
import collections
import doctest
import importlib
import importlib.metadata
import pkgutil
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest

import isoloss

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "isoloss"
TESTS = ROOT / "tests"


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_room_imports_only_from_rooms_below_it() -> None:
    # The contracts are in pyproject.toml.
    done = python("from importlinter.cli import lint_imports; exit(lint_imports(no_cache=True))")
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_core_loads_no_heavy_library() -> None:
    done = python("import sys; from isoloss import *; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "numpy" in loaded
    assert not loaded & {"jinja2", "matplotlib", "pandas", "rich", "sklearn", "torch", "typer"}


def test_training_on_arrays_loads_no_scipy() -> None:
    # it would more than double the time until a script has its first run
    done = python(
        "import sys, isoloss as il\n"
        "problem = il.Problem.from_data([[1, 0], [0, 1], [1, 1]], [1, 2, 4], [[1, 1]], [2])\n"
        "run = il.train(problem, il.anneal(problem.max_lr, 10), train_loss=0.5)\n"
        "run.test_loss, run.path(), il.level_band(problem, 0.5)\n"
        "print(*sys.modules)"
    )
    assert done.returncode == 0, done.stderr
    assert not [name for name in done.stdout.split() if name.startswith("scipy")]


def test_no_room_hides_or_replaces_modules() -> None:
    # what is in sys.modules is there for all threads
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")}
    assert sources
    found = [
        path.name for path, text in sources.items() if re.search(r"sys\.modules(?!\.get)", text)
    ]
    assert not found


MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(isoloss.__path__, "isoloss.")
    if not info.name.endswith("__main__")  # it has no importer
)


def test_no_name_hides_a_module_in_its_package() -> None:
    # `import isoloss.proof.claims as m` gives what the package calls `claims`
    assert MODULES
    for name in MODULES:
        package, _, own = name.rpartition(".")
        module = importlib.import_module(name)
        assert getattr(importlib.import_module(package), own) is module, name


def test_no_class_name_stands_twice() -> None:
    places = collections.defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        room = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(room)
    assert len(places) > 100
    twice = {name: " and ".join(found) for name, found in places.items() if len(found) > 1}
    assert not twice


def test_names_are_found_at_first_use() -> None:
    assert dir(isoloss) == sorted([*isoloss.__all__, *isoloss._PACKAGES, "__version__"])
    assert all(hasattr(isoloss, name) for name in isoloss.__all__)
    with pytest.raises(AttributeError, match="module 'isoloss' has no attribute 'trian'"):
        isoloss.trian  # type: ignore[attr-defined] # noqa: B018 - the point of the test


def test_type_checkers_see_what_is_found_at_first_use() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    packages, names = set(), {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            if node.module == "isoloss":  # `as` says that it is exported
                assert alias.asname == alias.name
                packages.add(alias.name)
            else:
                assert node.module is not None
                names[alias.name] = node.module.removeprefix("isoloss.")
    assert packages == set(isoloss._PACKAGES)
    assert names == isoloss._PACKAGE_OF
    assert sorted(names) == isoloss.__all__


@pytest.mark.parametrize("name", isoloss._PACKAGES)
def test_every_package_is_an_attribute(name: str) -> None:
    found = isoloss.__getattr__(name)  # also where an import has set the attribute already
    assert isinstance(found, ModuleType)
    assert found.__name__ == f"isoloss.{name}"


def test_every_public_room_is_an_attribute() -> None:
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    inside = {"cli", "delimited"}  # the command's own, and what `datasets` reads text files with
    assert {name for name in rooms if not name.startswith("_")} - inside == set(isoloss._PACKAGES)


@pytest.mark.parametrize("name", isoloss.__all__)
def test_every_public_name_has_an_example(name: str) -> None:
    text = getattr(isoloss, name).__doc__ or ""
    assert doctest.DocTestParser().get_examples(text), f"isoloss.{name} has no runnable example"


@pytest.mark.parametrize(
    ("file", "pattern"),
    [("CITATION.cff", r"^version: (.+)$"), ("CHANGELOG.md", r"^## \[(\d.+?)\]")],
)
def test_every_file_names_the_same_version(file: str, pattern: str) -> None:
    latest = re.search(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert latest is not None
    assert latest[1] == isoloss.__version__ == importlib.metadata.version("isoloss")


@pytest.mark.parametrize(
    "code",
    [
        "import isoloss as il; print(il.Schedule.from_json('[0.5]'))",
        "from isoloss.schedules.schedule import Schedule; print(Schedule.from_json('[0.5]'))",
    ],
)
def test_a_schedule_is_read_in_a_process_that_has_loaded_nothing_else(code: str) -> None:
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Schedule(GradientDescent([0.5]))\n"


# What has no test file of its own: a module, or all such modules of a room, is tested through
# another file, because that calls it and no more than that.
THROUGH = {
    "_version": ("test_house.py", "each file names the same version"),
    "_arrays": ("_arrays/test_conversion.py", "arrays of every library go through all of it"),
    "_messages.near_misses": ("cli/test_overview.py", "near misses are what a command suggests"),
    "_messages.numbers": ("comparison/test_stops.py", "tables hold its numbers"),
    "_parallel.cluster": ("problems/test_chunks.py", "clusters that fail while chunks are read"),
    "checker": ("checker/test_checking.py", "check() is the only way in"),
    "cli": ("cli/test_overview.py", "help, completion and mistakes of all commands"),
    "cli.claims_output": ("cli/test_reproduce_command.py", "what the command prints"),
    "cli.comparison_output": ("cli/test_compare_command.py", "what the command prints"),
    "cli.encoding": ("test_main.py", "surroundings of the whole command"),
    "cli.fit_output": ("cli/test_fit_command.py", "what the command prints"),
    "cli.report_output": ("cli/test_compare_command.py", "what compare and design write"),
    "cli.match_output": ("cli/test_match_command.py", "what the command prints and writes"),
    "cli.predict_command": ("cli/test_fit_command.py", "it reads the models that fit writes"),
    "cli.proofs": ("cli/test_reproduce_command.py", "the proofs beside the claims"),
    "cli.schedules": ("cli/test_compare_command.py", "schedules that the command is given"),
    "cli.selection_output": ("cli/test_design_command.py", "what the command prints"),
    "cli.verify_command": ("cli/test_certify_command.py", "it reads what certify writes"),
    "comparison": ("comparison/test_stops.py", "compare() makes and prints all of it"),
    "comparison.selection_drawing": ("comparison/test_selection.py", "figures of selections"),
    "curves": ("curves/test_reading.py", "read() goes through all of it"),
    "curves.match_drawing": ("curves/test_matching.py", "the figure of match()"),
    "curves.match_intervals": ("curves/test_matching.py", "the intervals of match()"),
    "curves.match_notes": ("curves/test_matching.py", "what match() says"),
    "curves.match_result": ("curves/test_matching.py", "what match() returns"),
    "curves.match_text": ("curves/test_matching.py", "the verdicts of match()"),
    "curves.matched_curve": ("curves/test_matching.py", "each run of match()"),
    "curves.numbers": ("curves/test_loss_curve.py", "numbers of logs"),
    "curves.seeds": ("curves/test_matching.py", "the runs and groups of match()"),
    "datasets": ("datasets/test_loading.py", "load() and split() go through all of it"),
    "datasets.csv_columns": ("datasets/test_csv_files.py", "the columns of such a file"),
    "datasets.csv_source": ("datasets/test_csv_files.py", "the rows of such a file"),
    "datasets.texts": ("datasets/test_preparing.py", "texts as features"),
    "datasets.labels": ("datasets/test_preparing.py", "texts as targets"),
    "datasets.targets": ("datasets/test_preparing.py", "several targets, classes and their names"),
    "delimited": ("datasets/test_csv_files.py", "files as people have them"),
    "dynamics": ("dynamics/test_training.py", "train() against loops, for each kind of phase"),
    "dynamics.momentum": ("dynamics/momentum/test_momentum.py", "train() with a velocity"),
    "dynamics.path": ("dynamics/test_run.py", "run.path()"),
    "dynamics.stopping": ("dynamics/test_stops.py", "where runs stop"),
    "estimators.base": ("estimators/test_regressor.py", "what both estimators share"),
    "estimators.tuning": ("estimators/tuning/test_search.py", "the search is the only way in"),
    "explorer": ("explorer/test_server.py", "a request goes through all of it"),
    "explorer.uploads": ("explorer/test_sizes.py", "the memory of what is uploaded"),
    "large": ("large/test_operators.py", "from_operator() is the only way in"),
    "levels.free_filters": ("levels/test_reachable.py", "the bounds on what schedules reach"),
    "levels.ridge_regression": ("comparison/test_stops.py", "ridge beside the schedules"),
    "levels.sphere": ("levels/test_band.py", "the extremes of a quadratic form on a level set"),
    "networks": ("networks/test_comparing.py", "compare() goes through all of it"),
    "networks.contraction": ("networks/test_linearizing.py", "the kernel, beside the other ways"),
    "networks.waiting": ("networks/test_linearizing.py", "bars while linearize() computes"),
    "optimize": ("optimize/test_designs.py", "design() is the only way in"),
    "paper": ("paper/test_paper.py", "claims() computes all of it"),
    "problems": ("problems/test_problem.py", "problems of every kind of data"),
    "problems.random": ("problems/random/test_samplers.py", "what samplers are made of"),
    "proof": ("proof/test_claims.py", "certify() goes through all of it"),
    "proof.picture": ("proof/test_boxes.py", "the picture of a proof over boxes"),
    "reports.plotting": ("reports/test_page.py", "figures in a page"),
    "schedules.families": ("schedules/families/test_families.py", "the families as a list"),
    "schedules.json_form": ("schedules/test_schedule.py", "schedule.to_json() and back"),
    "schedules.phases": ("schedules/test_schedule.py", "phases of schedules, and their errors"),
    "schedules.text_form": ("schedules/test_text.py", "texts, there and back"),
    "sweep": ("sweep/test_sweep.py", "sweep(), save() and load() are the only ways in"),
    "sweep.config": ("cli/test_sweep_command.py", "the file that the command reads"),
    "sweep.makers": ("cli/test_sweep_command.py", "the samplers in that file"),
}
# Test files that stand for no module.
WHOLE = {
    "checker/test_soundness.py": "forged certificates, against the checker as a whole",
    "curves/test_limit_of_sgd.py": "the law of curves, against il.train",
    "explorer/test_page.py": "the page in a browser: explorer/static",
    "test_accuracy.py": "losses to 12 digits, from spectra to runs",
    "test_array_api.py": "each array library, from arrays to results",
    "test_docs.py": "the reference and its docstrings",
    "test_equal_train_loss.py": "one promise, in all rooms that make it",
    "test_extreme_scales.py": "scales of 10^±150, through all rooms",
    "test_forecast_benchmark.py": "what benchmarks/forecast.py splits and prints",
    "test_forecast_laws.py": "the laws of other authors, which are in benchmarks",
    "test_formal.py": "the proofs in Coq, which are in formal",
    "test_house.py": "the order of the rooms, and this table",
    "test_pickling.py": "all that is pickled and printed",
    "test_properties.py": "theory as properties, from problems to runs",
    "test_readme.py": "README and documentation",
    "test_sgd_parity.py": "PyTorch's optimizer, through phases, problems and runs",
}


def source_modules() -> dict[str, set[str]]:
    """Return each module, and the test files that would be its own."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        place = PurePosixPath(path.relative_to(SOURCE).with_suffix(""))
        if place.name == "__init__":
            place = place.parent
            inside = {str(place / f"test_{place.name}.py")} if place.name else set()
        else:
            inside = set()
        if place.name:
            own = place.with_name(f"test_{place.name.strip('_')}.py")
            found[str(place).replace("/", ".")] = {str(own), *inside}
    return found


def belongs(test: str, own: set[str]) -> bool:
    """Whether a test file is a module's, or a part of them, as test_torch_state.py of torch's."""
    stem = test.removesuffix(".py")
    return any(
        stem == each.removesuffix(".py") or stem.startswith(each.removesuffix(".py") + "_")
        for each in own
    )


def test_tests_mirror_the_source() -> None:
    modules = source_modules()
    tests = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    of_none = {test for test in tests if not any(belongs(test, own) for own in modules.values())}
    assert of_none == set(WHOLE)
    assert all((TESTS / test).is_file() for test, _ in THROUGH.values())
    packages = {name for name in modules if (SOURCE / name.replace(".", "/")).is_dir()}
    untested = {name for name in modules if not any(belongs(test, modules[name]) for test in tests)}
    used = set()
    for name in untested - packages:
        entry = next((up for up in ancestors(name) if up in THROUGH), None)
        assert entry is not None, f"isoloss.{name} has no test file, and is not in the table"
        used.add(entry)
    assert used == set(THROUGH), "the table has what it need not have"


def ancestors(name: str) -> list[str]:
    """Return a module and the packages that it is in, the nearest first."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]

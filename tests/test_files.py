"""Files are written whole or not at all, and never over somebody else's."""

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isoloss._files import (
    OutputError,
    check_folder,
    claimed,
    prepare_folder,
    write_bytes,
    write_text,
)
from isoloss.cli import app


def test_a_folder_of_ours_may_be_written_again(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path / "a" / "b")
    write_text(folder / "x.txt", "ä")
    prepare_folder(folder)
    assert (folder / "x.txt").read_text(encoding="utf-8") == "ä"
    assert sorted(path.name for path in folder.iterdir()) == [".isoloss", "x.txt"]


def test_a_folder_of_others_is_refused_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("x")
    with pytest.raises(OutputError, match="--force"):
        prepare_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]
    prepare_folder(tmp_path, force=True)
    assert (tmp_path / "theirs").read_text() == "x"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        check_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot write"):
        prepare_folder(tmp_path / "file" / "below")


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_bytes(tmp_path / "missing" / "x", b"x")
    (tmp_path / "x").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        write_bytes(tmp_path / "x", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_is_held_by_one_run_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    with claimed(out):
        for _ in range(2):
            with pytest.raises(OutputError, match="another run of isoloss is"), claimed(out):
                pass
        prepare_folder(out)
        write_text(out / "x.txt", "x")
    with claimed(out):
        pass
    assert sorted(path.name for path in out.iterdir()) == [".isoloss", "x.txt"]


def test_a_claim_that_wrote_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), claimed(tmp_path / "a" / "b"):
        raise KeyError
    with claimed(None):
        pass
    assert not list(tmp_path.iterdir())
    (tmp_path / "theirs").write_text("x")
    with claimed(tmp_path, force=True):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]
    with pytest.raises(OutputError, match="--force"), claimed(tmp_path):
        pass
    with pytest.raises(OutputError, match="cannot write to"), claimed(tmp_path / "theirs" / "x"):
        pass


HOLDER = """
import sys
from pathlib import Path
from isoloss._files import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", HOLDER, str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(OutputError, match="another run"), claimed(out):
            pass
        other.kill()
    with claimed(out):
        prepare_folder(out)
    assert [path.name for path in out.iterdir()] == [".isoloss"]


def test_files_have_the_rights_that_the_umask_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patched:
            # process-wide: for a moment, files of other threads would have other rights
            patched.setattr(os, "umask", None)
            write_text(tmp_path / "x", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_content_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen, real = tmp_path / "x", [], os.fsync

    def recorded(handle: int) -> None:
        real(handle)
        seen.append((stat.S_ISDIR(os.fstat(handle).st_mode), path.exists()))

    monkeypatch.setattr(os, "fsync", recorded)
    write_text(path, "x")
    assert seen == [(False, False), (True, True)]


@pytest.mark.parametrize(
    "command",
    ["compare iris", "design iris", "reproduce", "certify eq3"],
    ids=lambda command: command.split()[0],
)
def test_a_second_run_into_a_folder_is_refused_before_any_work(
    command: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with claimed(out):
        done = CliRunner().invoke(app, [*command.split(), "--out", str(out), "--force"])
        assert [path.name for path in out.iterdir()] == [".isoloss.lock"]
    assert done.exit_code == 2
    assert "another run of isoloss is writing to" in done.stderr
    assert not done.stdout
    assert not out.exists()


def test_of_two_runs_that_write_one_new_file_one_does(tmp_path: Path) -> None:
    path, barrier = tmp_path / "x", threading.Barrier(4)

    def written(content: bytes) -> str:
        barrier.wait()
        try:
            write_bytes(path, content, new=True)
        except OutputError as error:
            return str(error)
        return ""

    contents = [bytes([i]) * 1000 for i in range(4)]
    with ThreadPoolExecutor(4) as runs:
        errors = list(runs.map(written, contents))
    refused = f"{path} exists; choose another name, or overwrite it with --force"
    assert sorted(errors) == ["", refused, refused, refused]
    assert path.read_bytes() == contents[errors.index("")]
    write_bytes(path, b"x")
    assert path.read_bytes() == b"x"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]

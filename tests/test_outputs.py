"""Files are written whole or not at all, and never over somebody else's."""

from pathlib import Path

import pytest

from isoloss.outputs import OutputError, check_folder, prepare_folder, write_bytes, write_text


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

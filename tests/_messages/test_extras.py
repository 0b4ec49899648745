"""The command that adds an extra to an installation, by how that was made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isoloss._messages.extras import install_command


def _installed(folder: Path, monkeypatch: pytest.MonkeyPatch, origin: object) -> None:
    """Let this be the record that pip leaves of an installation."""
    record = folder / "isoloss-0.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: isoloss\nVersion: 0.0\n")
    if origin is not None:
        (record / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(str(folder))


def test_from_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(tmp_path, monkeypatch, None)
    assert install_command("sweep") == 'python -m pip install "isoloss[sweep]"'


@pytest.mark.parametrize("editable", [True, False])
def test_from_a_checkout(editable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = tmp_path / "my checkout"
    checkout.mkdir()
    origin = {"url": checkout.as_uri(), "dir_info": {"editable": editable}}
    _installed(tmp_path, monkeypatch, origin)
    option = "-e " if editable else ""
    assert install_command("proof") == f'python -m pip install {option}"{checkout}[proof]"'
    checkout.rmdir()
    assert install_command("proof") == 'python -m pip install "isoloss[proof]"'


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        (
            {
                "url": "https://example.org/isoloss.git",
                "vcs_info": {"vcs": "git", "commit_id": "0a1b"},
            },
            "isoloss[dask] @ git+https://example.org/isoloss.git@0a1b",
        ),
        (
            {"url": "https://example.org/isoloss-1-py3-none-any.whl", "archive_info": {}},
            "isoloss[dask] @ https://example.org/isoloss-1-py3-none-any.whl",
        ),
    ],
)
def test_from_an_address(
    origin: object, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _installed(tmp_path, monkeypatch, origin)
    assert install_command("dask") == f'python -m pip install "{source}"'

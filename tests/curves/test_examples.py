from pathlib import Path

import pytest

from isoloss import curves
from isoloss.curves import examples

ROWS = """\
run,step,lr,loss,test_loss
constant,50,1e-3,3.0,3.1
constant,3000,2e-3,2.5,2.6
cosine,50,1e-3,2.9,3.0
cosine,3000,1e-3,2.4,2.5
"""


def test_runs_of_the_package_have_test_losses_and_weight_decay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "__file__", str(tmp_path / "examples.py"))
    with pytest.raises(FileNotFoundError, match=r"'bytes' are missing: .* lacks bytes\.csv"):
        curves.load("bytes")
    (tmp_path / "bytes.csv").write_text(ROWS)
    constant, cosine = curves.load("bytes")
    assert (constant.name, cosine.name) == ("constant", "cosine")
    assert constant.rows("test_loss")[1].tolist() == [3.1, 2.6]
    assert cosine.loss.tolist() == [2.9, 2.4]
    assert constant.weight_decay == cosine.weight_decay == 0.1


def test_other_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'bites' \(did you mean 'bytes'\?\)"):
        curves.load("bites")

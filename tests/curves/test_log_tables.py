from pathlib import Path

import numpy as np
import pytest

from isoloss.curves.log_tables import DelimitedLog, ParquetLog

NAN = float("nan")


def table(folder: Path, text: str) -> DelimitedLog:
    path = folder / "log.csv"
    path.write_bytes(text.encode())
    return DelimitedLog(path)


@pytest.mark.parametrize(
    "text",
    [
        "step,loss,note\n1,2.5,a\n2,,b\n3,NaN,\n4,1e-1,d\n",
        "step;loss;note\r\n1;2,5;a\r\n2;;b\r\n3;NA;\r\n4;0,1;d\r\n",
        "step\tloss\tnote\n1\t2.5\ta\n2\tnone\tb\n3\t\t\n4\t.1\td\n",
        "step  loss\n1 2.5\n2 NaN\n3 nan\n4 0.1\n",
        'sep=,\n"step", "loss"\n"1", "2.5"\n"2", ""\n\n"3", ""\n"4", "0.1"\n',
    ],
)
def test_every_usual_form_is_read(tmp_path: Path, text: str) -> None:
    found = table(tmp_path, text).read(["loss", "step"])
    assert list(found) == ["loss", "step"]
    np.testing.assert_array_equal(found["step"], [1, 2, 3, 4])
    np.testing.assert_array_equal(found["loss"], [2.5, NAN, NAN, 0.1])


def test_runs_are_categories(tmp_path: Path) -> None:
    found = table(tmp_path, "run,loss\n007,1\n8,2\n007,inf\n").read(["loss"], "run")
    assert found["run"].tolist() == ["007", "8", "007"]
    assert found["loss"].tolist() == [1, 2, np.inf]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "log.csv' is empty"),
        ("step,loss\n", "log.csv' has column names, but no rows"),
        ("1,2\n3,4\n", "first line of .* holds numbers; a log needs a first line with"),
        ("a,a\n1,2\n", "several columns called 'a'"),
        (
            "step,loss\n1,2\n2,oops\n3,4\n",
            "column 'loss' of .* has 'oops' in row 2 below the names",
        ),
        ("step;loss\n1;2,5\n2;2,x\n", "column 'loss' of .* has '2.x' in row 2"),
        (
            "step,loss\n1,2\n2,3,4\n",
            "cannot read .*: row 2 below the names has 3 cells, but there are 2",
        ),
        ('step,loss\n"1",2\n"2"\n', "row 2 below the names has 1 cells, but there are 2 names"),
        ("step,loss\n1,2\n\n2,3,4\n3\n", "row 2 below the names has 3 cells"),
        ('step,loss\n1,"2\n', "is not a CSV file"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        table(tmp_path, text).read(["loss"])


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs the extra")
    import pandas as pd

    path = tmp_path / "log.parquet"
    frame = pd.DataFrame({"run": ["a", "b"], "step": [1, None], "loss": [2.5, None]})
    frame.astype({"step": "Int64"}).to_parquet(path)
    log = ParquetLog(path)
    assert log.names == ("run", "step", "loss")
    found = log.read(["step", "loss"], "run")
    np.testing.assert_array_equal(found["step"], [1, NAN])
    assert found["run"].tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"column 'run' of .* holds (large_)?string, not numbers"):
        log.read(["run"])
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table([[1.0], [2.0]], names=["a", "a"]), path)
    with pytest.raises(ValueError, match=r"log.parquet' has several columns called 'a'"):
        ParquetLog(path)
    path.write_text("step,loss")
    with pytest.raises(ValueError, match=r"cannot read .*log.parquet' as Parquet: "):
        ParquetLog(path)


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs the extra")
    import pandas as pd

    path = tmp_path / "log.parquet"
    pd.DataFrame({"step": range(9), "loss": np.linspace(3, 2, 9)}).to_parquet(path)
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot read '.*log\.parquet' as Parquet"):
        ParquetLog(path).read(["step", "loss"])

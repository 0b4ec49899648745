"""Files as people have them: read rightly, or refused with a sentence that names the cause."""

from __future__ import annotations

import codecs
import gzip
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from sklearn import datasets as shipped
from typer.testing import CliRunner

from isoloss.cli import app
from isoloss.datasets import Table, load
from isoloss.delimited.header import decide_header
from isoloss.delimited.numerals import is_number

NAN = float("nan")


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def columns(table: Table) -> dict[str, list[object]]:
    return {name: column.tolist() for name, column in table.columns.items()}


def rows_of(*cells: str, start: int = 0) -> str:
    """Return lines with a running number and a cell."""
    return "".join(f"{start + i};{cell}\n" for i, cell in enumerate(cells))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", '"a, b",c\n1,2\n"3",4\n', {"a, b": [1, 3], "c": [2, 4]}),
        ("a.csv", 'a;"b;c"\n1;"x;y"\n2;z\n', {"a": [1, 2], "b;c": ["x;y", "z"]}),
        ("a.csv", "sep=;\na;b\n1;2\n", {"a": [1], "b": [2]}),
        ("a.csv", '"sep=|"\r\na|b\r\n1|2\r\n', {"a": [1], "b": [2]}),
        ("a.csv", "a|b\n1|2\n3|\n", {"a": [1, 3], "b": [2, NAN]}),
        ("a.tsv", "a\tb\n1\tx y\n3\tz\n", {"a": [1, 3], "b": ["x y", "z"]}),
        ("a.csv", "a  b   c\n1 2  3\n  4 5 6  \n", {"a": [1, 4], "b": [2, 5], "c": [3, 6]}),
        ("a.csv", "  a   b\n 1.5 2.5\n 3.5 4.5\n", {"a": [1.5, 3.5], "b": [2.5, 4.5]}),
        ("a.csv", 'who h\n"Al G" 1.8\n"B" 1.9\n', {"who": ["Al G", "B"], "h": [1.8, 1.9]}),
        ("a.csv", "text,b\nx;y,1\nz;v,2\n", {"text": ["x;y", "z;v"], "b": [1, 2]}),
        ("a.csv", "a,b\r1,2\r3,4\r", {"a": [1, 3], "b": [2, 4]}),
        ("a.csv", "\n\na,b\n\n1,2\n  \n3,4\n\n", {"a": [1, 3], "b": [2, 4]}),
        ("a.csv", 'a,b\n"x\ny",2\nz,3\n', {"a": ["x\ny", "z"], "b": [2, 3]}),
        ("a.csv", 'a,b\n5" pipe,2\n6" pipe,3\n', {"a": ['5" pipe', '6" pipe'], "b": [2, 3]}),
        ("a.csv", codecs.BOM_UTF8 + "ä,b\n1,2\n".encode(), {"ä": [1], "b": [2]}),
        ("a.csv", "ä,b\n1,2\n".encode("utf-16"), {"ä": [1], "b": [2]}),
        ("a.csv", "ä,b\n1,2\n".encode("utf-32"), {"ä": [1], "b": [2]}),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0), {"a": [1], "b": [2]}),
        ("a.csv", "RI,Na\n1.5,13\n1.6,14\n", {"RI": [1.5, 1.6], "Na": [13, 14]}),
        ("a.csv", "a,b\n", {"a": [], "b": []}),
        ("a.csv", "a,b\ninf,1\n-Infinity,2\n", {"a": [np.inf, -np.inf], "b": [1, 2]}),
        ("a.csv", "a,b\nTrue,1\nfalse,2\n,3\n", {"a": [1, 0, NAN], "b": [1, 2, 3]}),
        ("a.csv", "a,b\n18446744073709551617,1\n2,2\n", {"a": [2.0**64, 2], "b": [1, 2]}),
        ("a.csv", "a,b\n 1,+.5\n2. ,1e-3\n", {"a": [1, 2], "b": [0.5, 0.001]}),
        ("a.csv", "a,b\n1_0,1\n2_0,2\n", {"a": ["1_0", "2_0"], "b": [1, 2]}),
    ],
)
def test_what_needs_no_note(
    tmp_path: Path, name: str, content: str | bytes, expected: dict[str, list[object]]
) -> None:
    table = load(written(tmp_path / name, content))
    np.testing.assert_equal(columns(table), expected)
    assert table.notes == ()
    assert table.odd == {}


@pytest.mark.parametrize(
    "token", ["", "NA", "NaN", "nan", "n/a", "NULL", "?", "None", "#N/A", "<NA>"]
)
def test_what_stands_for_a_missing_number(tmp_path: Path, token: str) -> None:
    table = load(written(tmp_path / "a.csv", f"a;y\n1;3\n2;{token}\n3;5\n"))
    np.testing.assert_equal(columns(table)["y"], [3, NAN, 5])


@pytest.mark.parametrize(
    ("content", "expected", "note"),
    [
        (
            "a,b, c\n1, x,2\n".replace("1, x,2", "1, x, 2").replace("a,b,", "a, b,"),
            {"a": [1], "b": ["x"], "c": [2]},
            "The blank after each delimiter in a.csv was left out.",
        ),
        (
            "größe,y\n1,2\n".encode("latin-1"),
            {"größe": [1], "y": [2]},
            "a.csv is not UTF-8 (byte 0xf6 in line 1): it was read as Windows-1252 (Latin-1).",
        ),
        (
            "preis €,y\n1,2\n".encode("cp1252"),
            {"preis €": [1], "y": [2]},
            "a.csv is not UTF-8 (byte 0x80 in line 1): it was read as Windows-1252 (Latin-1).",
        ),
        (
            "a,b,\n1,2,\n3,4,\n",
            {"a": [1, 3], "b": [2, 4]},
            "Column 3 of a.csv was left out: it is empty.",
        ),
        (
            ",a,b\n7,1.5,2\n3,2.5,3\n",
            {"a": [1.5, 2.5], "b": [2, 3]},
            "Column without name of a.csv was left out: it is the row index.",
        ),
        (
            "Unnamed: 0,a,b\n0,1.5,2\n1,2.5,3\n",
            {"a": [1.5, 2.5], "b": [2, 3]},
            "Column 'Unnamed: 0' of a.csv was left out: it is the row index.",
        ),
        (
            '"","mpg","cyl"\n"Mazda",21,6\n"Datsun",22.8,4\n',
            {"mpg": [21, 22.8], "cyl": [6, 4]},
            "Column without name of a.csv was left out: it is the row index.",
        ),
        (
            "id,y\n9007199254740993,1\n9007199254740992,2\n",
            {"id": [2.0**53, 2.0**53], "y": [1, 2]},
            "a.csv: whole numbers above 2^53 are rounded as numbers, not as labels in column 'id'.",
        ),
        (
            "a,y\n1,None\n2,Some\n",
            {"a": [1, 2], "y": ["None", "Some"]},
            "a.csv: 'None' was taken as a value, not as missing, in column 'y'.",
        ),
        (
            "a,y\n1,NA\n2,Some\n",
            {"a": [1, 2], "y": [None, "Some"]},
            "a.csv: 'NA' was read as missing in column 'y'.",
        ),
        (
            "a,y\n1,b\n2,b \n",
            {"a": [1, 2], "y": ["b", "b "]},
            "a.csv: 'b' and 'b ' were taken as two values in column 'y'.",
        ),
        (
            "a;b\n1,5;3\n,5;\n",
            {"a": [1.5, 0.5], "b": [3, NAN]},
            "a.csv: numbers with decimal commas were read as such in column 'a'.",
        ),
        (
            "a;b\n1;1,234,567\n2;999\n3;12,000.5\n",
            {"a": [1, 2, 3], "b": [1234567, 999, 12000.5]},
            "a.csv: numbers with thousands separators (,) were read as such in column 'b'.",
        ),
        (
            "a;b\n1;1.234.567,5\n2;999\n",
            {"a": [1, 2], "b": [1234567.5, 999]},
            "a.csv: numbers with decimal commas and thousands separators (.) were read as such in "
            "column 'b'.",
        ),
        (
            "a;b\n1;1'234.5\n2;999\n",
            {"a": [1, 2], "b": [1234.5, 999]},
            "a.csv: numbers with thousands separators (') were read as such in column 'b'.",
        ),
        (
            "a;b\n1;1\u202f234,5\n2;999\n",
            {"a": [1, 2], "b": [1234.5, 999]},
            "a.csv: numbers with decimal commas and thousands separators (narrow blanks) were read "
            "as such in column 'b'.",
        ),
        (  # the other column tells what the comma is
            "a;b\n1,5;1,234\n2,25;999\n",
            {"a": [1.5, 2.25], "b": [1.234, 999]},
            "a.csv: numbers with decimal commas were read as such in columns 'a', 'b'.",
        ),
        (
            "a;b\n1.5;1,234\n2.25;999\n3.5;2,000\n",
            {"a": [1.5, 2.25, 3.5], "b": [1234, 999, 2000]},
            "a.csv: numbers with thousands separators (,) were read as such in column 'b'.",
        ),
    ],
)
def test_what_is_decided_is_said(
    tmp_path: Path, content: str | bytes, expected: dict[str, list[object]], note: str
) -> None:
    table = load(written(tmp_path / "a.csv", content))
    np.testing.assert_equal(columns(table), expected)
    assert note in table.notes
    assert table.odd == {}


TWELVE = [str(i) for i in range(12)]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([*TWELVE, "-"], "12 of its 13 cells are numbers, but '-' in data row 13 is not; if it"),
        ([".", *TWELVE], "but '.' in data row 1 is not; if it stands for a missing value, leave"),
        ([*TWELVE, "missing"], "but 'missing' in data row 13 is not; if it stands for a missing"),
        ([*TWELVE, "1,000"], "could have decimal commas or thousands separators; write them"),
        ([*TWELVE, "5000", "1,000"], "13 of its 14 cells are numbers, but '1,000' in data row 14"),
        ([*TWELVE, "0,5", "1.5"], "but '0,5' in data row 13 is not; write it without thousands"),
        ([*TWELVE, "7 %"], "but '7 %' in data row 13 is not; write it without the unit"),
        ([*TWELVE, "n.d.", "<5"], "but 'n.d.' in data row 13 (and 1 more) is not"),
        ([*TWELVE, "True"], "but 'True' in data row 13 is not; write 1 or 0"),
        (["0.5", "1.5", "x", "x"], "2 of its 4 cells are numbers, but 'x' in data row 3 is not"),
        ([f"{cell} %" for cell in TWELVE], "none of its cells is a plain number, such as '0 %'"),
        ([f"${cell},000" for cell in "123"], "such as '$1,000' in data row 1; write it without"),
        (["\u22121", "\u22122"], "such as '\u22121' in data row 1; write it with the digits 0"),
        (["１", "２"], "write it with the digits 0 to 9, a point and a hyphen"),
        (["1,234", "999"], "such as '1,234' in data row 1, could have decimal commas or thousands"),
        (["1\u00a0", "2"], "but '1\u00a0' in data row 1 is not; remove the characters around it"),
    ],
)
def test_a_column_of_numbers_with_odd_cells_names_one(
    tmp_path: Path, cells: list[str], message: str
) -> None:
    table = load(written(tmp_path / "t.csv", "a;score\n" + rows_of(*cells)))
    assert list(table.odd) == ["score"]
    assert table.odd["score"].startswith("column 'score' of t.csv: ")
    assert message in table.odd["score"]
    assert columns(table)["score"] == cells


def test_points_are_doubted_where_commas_are_decimal(tmp_path: Path) -> None:
    for cells in (("1.234", "9.991"), ("1.000", "2.000")):
        path = written(tmp_path / "t.csv", f"a;y\n1,5;{cells[0]}\n2,25;{cells[1]}\n")
        assert "its points could be thousands separators" in load(path).odd["y"]
    assert load(written(path, "a;y\n1,5;1.25\n2,25;9.991\n")).odd == {}


@pytest.mark.parametrize(
    "cells",
    [["a", "b", "1"], ["1", "2", "x"], ["12", "12b", "7", "9c"], ["2021-01-01", "2021-02-01"]],
)
def test_texts_are_no_odd_numbers(tmp_path: Path, cells: list[str]) -> None:
    table = load(written(tmp_path / "t.csv", "a;y\n" + rows_of(*cells)))
    assert (columns(table)["y"], table.odd) == (cells, {})


@pytest.mark.parametrize(
    "cells",
    [
        ["01", "1", "02"],
        ["9007199254740993", "9007199254740992", "9007199254740996"],
        ["True", "False", "True"],
        ["1e3", "1000", "5"],
        ["1.0", "1", "1.00"],
        ["0,5", "0,50", "1"],
        [" 1", "1", "2"],
        ["a", "NA", "c"],
    ],
)
def test_cells_are_kept_as_they_were_written(tmp_path: Path, cells: list[str]) -> None:
    table = load(written(tmp_path / "t.csv", "a;y\n" + rows_of(*cells)))
    again = pickle.loads(pickle.dumps(table))
    assert table.written("y").tolist() == again.written("y").tolist() == cells
    assert table.written("a").tolist() == ["0", "1", "2"]


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**63, 5000, dtype=np.uint64).view(np.float64)
    values = bits[np.isfinite(bits)]
    texts = [repr(float(value)) for value in values] + [f"{value:.25e}" for value in values]
    table = load(written(tmp_path / "t.csv", "a;y\n" + rows_of(*texts)))
    assert table.columns["y"].tolist() == [float(text) for text in texts]
    texts = [text.replace(".", ",") for text in texts]
    table = load(written(tmp_path / "t.csv", "a;y\n" + rows_of(*texts)))
    assert table.columns["y"].tolist() == [*values.tolist(), *values.tolist()]


FRACTIONS = "0.5,0.7,0.1\n0.2,1.5,0.3\n0.9,0.4,2.5\n"


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ("5.0,3.4,1.5,x\n4.8,3.1,1.6,x\n6.5,2.8,4.6,z\n", False),  # a label that recurs
        ("5.0,?,1.5,2.1\n4.8,3.1,1.6,2.2\n", False),  # no name is a question mark
        ("2,2,0.5,x\n1,3,0.7,z\n", False),  # no name stands twice
        ("a17,3.1,4.2\nb18,2.2,1.3\n", False),  # fractions are data
        ("p,x,s\ne,x,s\np,y,f\ne,y,s\n", False),  # all words recur
        ("1,2\n3,4\n5,6\n", False),
        ("1,2,3\n4,5,6\n7,8,9\n", False),
        ("0.1,2,3.5\n" + FRACTIONS, False),
        ("0,1,2\n" + FRACTIONS, True),  # pandas' own names
        ("2021,2022,2023\n" + FRACTIONS, True),
        ("0,1,2,target\n0.5,0.7,0.1,3\n0.2,1.5,0.3,4\n0.9,0.4,2.5,5\n", True),
        (",0,1\n0,0.5,0.7\n1,0.2,1.5\n", True),  # with pandas' index
        ("name,city\nBob,Paris\nAl,Rome\n", True),
        ("a,b\n1,2\n", True),
        ("inf,nan\n1,2\n", True),
        ("1,2,3\n", False),
        ("150,4,setosa,cut\n5.1,3.5,1.4,0\n4.9,3.0,1.4,0\n", None),  # as scikit-learn's iris.csv
        ("0,1,2\n5,3,8\n2,2,2\n", None),
        ("2021,2022,2023\n5,8,2\n7,1,9\n", None),
        ("1\n0.5\n0.25\n", None),
        ("0.25,0.5,0.75\n0.1,0.2,0.7\n0.3,0.6,0.9\n", None),
        ("name,2021,2022\na,5,6\nb,7,8\n", None),
        ("missing,red\n1.2,blue\n3.1,green\n", None),
        ("-,a\n1.2,3\n3.1,4\n", None),
        ("x,kind\n1,kind\n2,other\n", None),
        ("5,3\n0.5,0.1\n0.2,0.3\n", None),
        ("2021,2022\n5,8\n7,1\n", None),
        (",2021,2022\nAl,5,8\nBo,7,1\n", None),
        (",3.5,2\n1,2.5,3\n,4.5,5\n", False),
        ("0,0\n1,2\n2,4\n3,6\n", False),
        ("1,2,x\n", None),
        ("2021,b\na,c\nd,e\n", None),
    ],
)
def test_a_first_line_is_names_or_data_where_that_is_safe(
    tmp_path: Path, content: str, header: bool | None
) -> None:
    path = written(tmp_path / "a.csv", content)
    lines = [line.split(",") for line in content.splitlines()]
    assert decide_header(lines).header is header
    if header is None:
        with pytest.raises(ValueError, match=r"cannot tell whether .* --header or --no-header"):
            load(path)
    else:
        assert load(path).rows == len(lines) - header
        surprising = not header or any(
            char.isdigit() for char in content.split("\n", maxsplit=1)[0]
        )
        assert any("The first line of a.csv" in note for note in load(path).notes) == surprising
    if len(set(lines[0])) == len(lines[0]):
        assert load(path, header=True).rows == len(lines) - 1
    assert load(path, header=False).rows == len(lines)
    assert next(iter(load(path, header=False).frame)) == "column1"


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "linnerud"])
@pytest.mark.parametrize("options", [{}, {"sep": ";", "decimal": ","}, {"index": True}])
def test_no_row_of_the_shipped_sets_is_lost(
    tmp_path: Path, name: str, options: dict[str, object]
) -> None:
    frame = getattr(shipped, f"load_{name}")(as_frame=True).frame
    options = {"index": False, **options}
    for names in (list(frame), [str(i) for i in range(frame.shape[1])]):
        frame.columns = names
        frame.to_csv(tmp_path / "a.csv", **options)
        table = load(tmp_path / "a.csv", header=None)
        assert list(table.frame) == names
        np.testing.assert_array_equal(table.frame.to_numpy(), frame.to_numpy())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "a,b\n1,2\n1,2,3\n", "data row 2 of '.*a.csv' has 3 fields for 2 columns"),
        ("a.csv", "a,b\n1,2\n1\n", "data row 2 of '.*a.csv' has 1 fields for 2 columns"),
        ("a.csv", 'a,b\n"x,1",2\n1\n', "data row 2 of '.*a.csv' has 1 fields for 2 columns"),
        ("a.csv", "a b\n1 2\n3 4\n5\n", "data row 3 of '.*a.csv' has 1 fields for 2 columns"),
        ("a.csv", "a b c\n1  2\n 3 4\n", "by blanks, and some seem to be empty"),
        ("a.csv", "# made by me\na,b\n1,2\n3,4\n", "remove the comment lines above"),
        ("a.csv", '"mpg" "cyl"\n"Mazda" 21 6\n"D" 2 4\n', "holds row names, .* give it a name"),
        ("a.csv", "lr\n0,5\n0,25\n", "if numbers have decimal commas, use another delimiter"),
        ("a.csv", "5,4,x\n1,2\n3,4\n", "it must hold the column names, or data"),
        ("a.csv", "a,b\n1,2\na,b\n3,4\n", "first line occurs again below: were files"),
        ("a.csv", 'a,b\n"x"y,2\n', "not a CSV file: ',' expected after '\"', in or after row 2"),
        ("a.csv", 'a,b\n"x,2\n', "not a CSV file: unexpected end of data, in or after row 2"),
        ("a.csv", 'a,b\r"x",2\r', "carriage returns without line feeds; write lines that end"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16-le"), "line 1 has a NUL character .UTF-16 needs"),
        ("a.csv", codecs.BOM_UTF16_LE + b"a", "begins with the byte-order mark of UTF-16, but"),
        ("a.csv", gzip.compress(b"a,b\n", mtime=0), "its content is a file compressed by gzip"),
        ("a.csv", b"PK\x03\x04", "its content is a ZIP archive"),
        ("a.csv", b"PAR1", "its content is a Parquet file"),
        ("a.csv", "<!DOCTYPE html>", "its content is a web page"),
        ("a.csv", "version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        ("a.csv.gz", b"a,b\n", "cannot decompress .*Not a gzipped file"),
        ("a.csv.gz", gzip.compress(b"cut off" * 9, mtime=0)[:15], "decompress .* ended before"),
        ("a.csv", "\n \n", "is empty"),
        ("a.npz", zipfile.ZipFile, "'X' in '.*a.npz' is not a NumPy array"),
        ("a.npz", b"PK\x03\x04", "cannot read '.*a.npz' as NPZ"),
    ],
)
def test_what_is_refused_says_why(
    tmp_path: Path, name: str, content: str | bytes | type, message: str
) -> None:
    if content is zipfile.ZipFile:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("X", "no array")
            archive.writestr("y", "no array")
    else:
        written(tmp_path / name, content)  # type: ignore[arg-type]  # the other kind is above
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_an_address_is_no_file() -> None:
    for address in ("https://example.org/a.csv", "s3://bucket/a.parquet", "file:///a.csv"):
        with pytest.raises(ValueError, match="is a URL, and isoloss reads only local files"):
            load(address)


def test_what_is_decompressed_is_bounded(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 10**6))
    with pytest.raises(ValueError, match="has more than 1 MiB when decompressed"):
        load(path, most_bytes=2**20)
    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((10**6, 2)), y=np.zeros(10**6))
    with pytest.raises(ValueError, match="its arrays have more than 1 MiB"):
        load(tmp_path / "a.npz", most_bytes=2**20)
    assert load(tmp_path / "a.npz", most_bytes=2**25).rows == 10**6


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((3, 1), dtype=complex), "X in .* has dtype complex128"),
        (np.zeros((3, 1), dtype="M8[s]"), r"X in .* has dtype datetime64\[s\]"),
        (np.zeros((3, 1), dtype=[("a", float)]), "X in .* has dtype"),
    ],
)
def test_arrays_of_other_kinds_are_refused(tmp_path: Path, X: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "a.npz", X=X, y=np.zeros(3))
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "a.npz")


def test_labels_of_arrays_are_exact(tmp_path: Path) -> None:
    X = np.arange(6.0).reshape(3, 2)
    for y, texts in (
        (np.array([True, False, True]), ["True", "False", "True"]),
        (np.array([2**53 + 1, 2**53, 5]), [str(2**53 + 1), str(2**53), "5"]),
        (np.array(["01", "1", ""]), ["01", "1", ""]),
        (np.array([1.5, 2, np.nan]), ["1.5", "2", ""]),
    ):
        np.savez(tmp_path / "a.npz", X=X, y=y)
        assert load(tmp_path / "a.npz").written("y").tolist() == texts


def test_the_index_in_a_parquet_file_is_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "price"])
    path, two_levels = tmp_path / "a.parquet", "'i', '__index_level_1__'"
    for shuffled, left_out in (
        (frame.sample(frac=0.75, random_state=0), "'__index_level_0__'"),
        (frame.set_index(frame.index.rename("customer")).sample(60, random_state=0), "'customer'"),
        (frame.set_index([frame["a"].rename("i"), -frame["b"].rename(None)]), two_levels),
        (frame.assign(**{"Unnamed: 0": 1})[["Unnamed: 0", "a", "b", "price"]], "'Unnamed: 0'"),
    ):
        shuffled.to_parquet(path)
        table = load(path)
        assert list(table.frame) == ["a", "b", "price"]
        np.testing.assert_array_equal(table.frame, shuffled[["a", "b", "price"]])
        assert table.notes == (f"{left_out} of a.parquet left out: the index of the rows.",)
    frame.to_parquet(path)  # whose index is no column
    assert load(path).notes == ()
    table = pa.table({"a": [1, 2]}).replace_schema_metadata({"pandas": "[" * 10**5})
    parquet.write_table(table, path)
    assert list(load(path).frame) == ["a"]


def test_columns_of_parquet_are_as_their_types_say(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "flag": pd.array([True, None, False], dtype="boolean"),
            "whole": pd.array([2**53 + 1, None, 3], dtype="Int64"),
            "kind": pd.Categorical(["01", "1", None]),
            "code": pd.Categorical([7, 8, 7]),
            "none": [None, None, None],
            "texts": ["1.5", "2.5", "x"],
            "wholes": ["01", "1", "2"],
            "fractions": ["1.5", "2.5", "3"],
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    table = load(tmp_path / "a.parquet")
    np.testing.assert_equal(
        columns(table),
        {
            "flag": [1, NAN, 0],
            "whole": [2.0**53, NAN, 3],
            "kind": ["01", "1", None],
            "code": [7, 8, 7],
            "none": [NAN] * 3,
            "texts": ["1.5", "2.5", "x"],
            "wholes": ["01", "1", "2"],
            "fractions": ["1.5", "2.5", "3"],
        },
    )
    assert table.written("flag").tolist() == ["True", "", "False"]
    assert table.written("whole").tolist() == ["9007199254740993", "", "3"]
    assert "holds numbers stored as text, such as '1.5'" in table.odd["fractions"]
    assert "2 of its 3 cells are numbers, but 'x'" in table.odd["texts"]
    assert list(table.odd) == ["texts", "fractions"]


WORDS = st.text(st.characters(codec="latin-1", categories=["L"]), min_size=1, max_size=5)
TEXTS = st.text(
    st.characters(codec="latin-1", exclude_categories=["Cc"], exclude_characters="\u00a0"),
    min_size=1,
    max_size=8,
).map(lambda text: "t" + text)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**53), 2**53).map(float),
    st.just(NAN),
)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(1, 6))
    names = draw(st.lists(WORDS, min_size=1, max_size=4, unique_by=str.strip))
    cells = {
        name: draw(st.lists(draw(st.sampled_from([NUMBERS, TEXTS])), min_size=rows, max_size=rows))
        for name in names
    }
    return pd.DataFrame(cells)


@settings(max_examples=100)
@given(
    frame=frames(),
    sep=st.sampled_from([",", ";", "\t", "|", " "]),
    decimal=st.sampled_from([".", ","]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    quoting=st.sampled_from([0, 1, 2]),
    ending=st.sampled_from(["\n", "\r\n"]),
    index=st.booleans(),
)
def test_what_pandas_writes_is_read_back_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    frame: pd.DataFrame,
    sep: str,
    decimal: str,
    encoding: str,
    quoting: int,
    ending: str,
    index: bool,
) -> None:
    path = tmp_path_factory.mktemp("frames") / "a.csv"
    frame.to_csv(
        path, sep=sep, decimal=decimal, encoding=encoding, quoting=quoting,  # type: ignore[call-overload]  # any int
        lineterminator=ending, index=index,
    )  # fmt: skip  # so that the ignored line is the call's
    try:
        table = load(path)
    except ValueError:  # whose sentences the tests above hold
        return
    if table.odd or (sep == " " and table.columns.keys() == {" ".join(frame)}):
        return  # words between blanks are one column, which is no feature and no target
    assert list(table.frame) == list(frame)
    for name in frame:
        found, wanted = table.columns[name].tolist(), frame[name].tolist()
        np.testing.assert_equal(found, wanted)


@given(cell=st.text(max_size=6) | st.from_regex(r"[+-]?[0-9_.,eE]{1,8}", fullmatch=True))
def test_a_number_is_less_than_what_python_takes(cell: str) -> None:
    if is_number(cell):
        assert float(cell) == float(cell)
        assert cell.isascii()
        assert "_" not in cell
    else:
        try:
            float(cell)
        except ValueError:
            return
        blanks = cell.strip(" \t") != cell.strip()
        assert "_" in cell or not cell.isascii() or "nan" in cell.lower() or blanks


def test_what_is_written_does_not_change_with_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "a,y\n1,01\n2,1\n")
    table = load(path)
    path.unlink()
    assert table.written("y").tolist() == ["01", "1"]


def test_commands_ask_for_the_header_and_take_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 90, (40, 2)).tolist()
    lines = ["0,1,2", *(f"{a},{b},{2 * a + b}" for a, b in rows)]
    path = str(written(tmp_path / "a.csv", "\n".join(lines)))
    runner = CliRunner()
    asked = runner.invoke(app, ["compare", path, "--levels", "2"])
    assert asked.exit_code == 2
    assert "Give --header or --no-header" in asked.output
    for option, count in (("--header", 40), ("--no-header", 41)):
        done = runner.invoke(app, ["compare", path, "--levels", "2", "--repeats", "3", option])
        assert done.exit_code == 0, done.output
        assert f"{count // 2 + count % 2} train rows" in done.output
    model = str(tmp_path / "m.skops")
    fitted = ["fit", path, "--no-header", "--schedule", "flow", "--levels", "2", "--save", model]
    assert runner.invoke(app, fitted).exit_code == 0
    for option, count in (("--header", 40), ("--no-header", 41)):
        # with the names 0, 1, 2 the model's columns are not found
        done = runner.invoke(app, ["predict", model, path, option])
        assert done.exit_code == (2 if option == "--header" else 0)
        assert len(done.output.splitlines()) == (1 if option == "--header" else count + 1)
    done = runner.invoke(
        app, ["design", path, "--steps", "1", "--starts", "1", "--family", "annealed", "--header"]
    )
    assert done.exit_code == 0, done.output
    assert "20 train rows" in done.output

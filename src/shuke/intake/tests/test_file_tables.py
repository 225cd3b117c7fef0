"""Files as tables: line numbers, detection, and a clear answer for each file that is no table."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.intake.files import problems, sniffing
from shuke.intake.files.tables import Layout, open_table, verify


@pytest.fixture
def written(tmp_path):
    """A function (content) -> path."""

    def write(content: bytes | str, name: str = "orders.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def _read(
    path: Path, layout: Layout | None = None, size: int = 3, names=()
) -> tuple[list[int], list[list[str]]]:
    table = open_table(path, path.name, layout or Layout(), names)
    lines, rows = [], []
    for batch in table.batches(size):
        assert len(batch.rows) <= size
        lines += batch.lines
        rows += batch.rows
    return lines, rows


def test_table__quoted_line_breaks_and_blank_lines__each_row_at_its_line(written) -> None:
    path = written('order,note\n1,plain\n\n2,"two\nlines"\r\n3,"three\r\n\nlines"\n\n4,end')
    lines, rows = _read(path, size=2)
    assert lines == [2, 4, 6, 10]
    assert [row[0] for row in rows] == ["1", "2", "3", "4"]
    assert rows[2][1] == "three\r\n\nlines"


def test_table__top_lines_skipped__numbers_count_from_the_files_first_line(written) -> None:
    path = written("Report of March\nshop;linen\norder;amount\na;1\nb;2\n")
    assert _read(path, Layout(separator=";", skip_lines=2)) == ([4, 5], [["a", "1"], ["b", "2"]])


def test_table__no_header__columns_are_numbers(written) -> None:
    table = open_table(written("a,1\nb,2\n"), "f", Layout(has_header=False))
    assert table.columns == ("1", "2")
    assert [b.rows for b in table.batches(10)] == [[["a", "1"], ["b", "2"]]]


CELL = st.text(alphabet=st.sampled_from('ab,;"\n\r 你é'), max_size=6)


@given(rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12), size=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_table__any_cells__come_back_at_the_line_where_they_begin(tmp_path_factory, rows, size) -> None:
    path = tmp_path_factory.mktemp("any") / "f.csv"
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    begins = []
    for row in [["x", "y", "z"], *rows]:
        before = text.getvalue()
        begins.append(len(before.replace("\r\n", "\n").replace("\r", "\n").split("\n")))
        writer.writerow(row)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    lines, read = _read(path, Layout(separator=",", encoding="utf-8"), size)
    assert read == rows
    assert lines == begins[1:]


@pytest.mark.row("T1")
def test_verify__gzip_cut_short__says_so(written) -> None:
    whole = gzip.compress(b"order,amount\n" + b"".join(b"%d,%d\n" % (i, i * 7919) for i in range(50_000)))
    path = written(whole[: len(whole) // 2], "orders.csv.gz")
    with pytest.raises(problems.TruncatedFile) as refused:
        verify(path, "orders.csv.gz")
    assert refused.value.params["bytes"] > 0
    assert "orders.csv.gz" in refused.value.message()
    assert refused.value.advice()
    path.write_bytes(whole[:40])
    with pytest.raises(problems.TruncatedFile):
        open_table(path, "orders.csv.gz", Layout())


def test_verify__gzip_with_a_wrong_byte__damaged(written) -> None:
    packed = bytearray(gzip.compress(b"order,amount\n" * 1000))
    packed[-6] ^= 0xFF
    with pytest.raises(problems.DamagedFile):
        verify(written(bytes(packed)), "f")


def test_verify__whole_file__bytes_and_lines(written) -> None:
    assert verify(written("a,b\n1,2\n3,4"), "f") == (11, 3)
    assert verify(written(gzip.compress(b"a,b\n1,2\n")), "f") == (8, 2)


def test_verify__more_than_the_limit_comes_out__stops_there(written) -> None:
    path = written(gzip.compress(bytes(64 << 20)), "orders.csv.gz")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(problems.UnpacksTooLarge) as refused:
        verify(path, "orders.csv.gz", limit=2 << 20)
    assert refused.value.params == {"field": "orders.csv.gz", "value": "> 2 MB", "limit": "2 MB"}
    assert refused.value.advice()
    assert verify(path, "orders.csv.gz", limit=64 << 20)[0] == 64 << 20


GBK = "订单编号,买家会员名,总金额\n1930001,王小明,12.50元\n1930002,李雷,8元\n"


@pytest.mark.row("T1")
def test_table__gbk_file__detected_and_read(written) -> None:
    table = open_table(written(GBK.encode("gbk")), "f", Layout())
    assert table.detected.encoding == "gb18030"
    assert table.columns == ("订单编号", "买家会员名", "总金额")
    assert next(table.batches(9)).rows[0] == ["1930001", "王小明", "12.50元"]


@pytest.mark.row("T1")
def test_table__gbk_file_said_to_be_utf8__refused_with_line_and_guess(written) -> None:
    with pytest.raises(problems.WrongEncoding) as refused:
        open_table(written(b"id,name\n" + GBK.encode("gbk")), "f", Layout(encoding="utf-8"))
    assert refused.value.params["line"] == 2
    assert refused.value.params["guess"] == "gb18030"


def test_table__explicit_encoding__wins_over_detection(written) -> None:
    path = written("名,b\n一,2\n".encode("gbk"))
    assert open_table(path, "f", Layout(encoding="gbk")).columns[0] == "名"
    for name in ("klingon", "hex", "rot13", "unicode_escape", "raw_unicode_escape", "punycode", "a\0b"):
        with pytest.raises(problems.UnknownEncoding):
            open_table(path, "f", Layout(encoding=name))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8", "gb18030"])
def test_table__each_encoding__same_rows(written, encoding) -> None:
    table = open_table(written(GBK.encode(encoding)), "f", Layout())
    assert table.columns == ("订单编号", "买家会员名", "总金额")
    assert [len(b.rows) for b in table.batches(10)] == [2]


@pytest.mark.row("T1")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_table__in_utf16_with_or_without_its_mark__is_read(written, encoding) -> None:
    text = "订单编号,金额\r\n" + "".join(f"{n},亚麻衬衫\r\n" for n in range(3_000))
    for given_ in (text.encode(encoding), gzip.compress(text.encode(encoding))):
        table = open_table(written(given_), "f", Layout())
        assert table.columns == ("订单编号", "金额")
        assert table.take(5_000).rows[-1] == ["2999", "亚麻衬衫"]


def test_encoding_of__western_accents__not_taken_for_chinese() -> None:
    assert sniffing.encoding_of("Café,Ménage à trois,Übergröße,señor".encode("cp1252")) == "windows-1252"


@pytest.mark.row("T1")
@pytest.mark.parametrize(
    "content", [b"", b"\n\n  \n", gzip.compress(b"", mtime=0), b"order,amount\n", "\ufeff".encode()]
)
def test_table__nothing_in_it__empty(written, content) -> None:
    with pytest.raises(problems.EmptyFile):
        open_table(written(content), "f", Layout())


@pytest.mark.row("T1")
def test_table__200_columns__read_whole(written) -> None:
    names = [f"c{i}" for i in range(200)]
    path = written(",".join(names) + "\n" + ",".join(str(i) for i in range(200)) + "\n")
    table = open_table(path, "f", Layout())
    assert len(table.columns) == 200
    assert next(table.batches(9)).rows[0][199] == "199"


def test_table__more_columns_than_are_read__says_how_many(written) -> None:
    with pytest.raises(problems.TooManyColumns) as refused:
        open_table(written(",".join(f"c{i}" for i in range(1200)) + "\n" + "," * 1199 + "\n"), "f", Layout())
    assert refused.value.params["count"] == 1200


@pytest.mark.row("T1")
def test_table__wrong_separator__names_the_right_one(written) -> None:
    path = written("order;amount\na;1\nb;2\n")
    with pytest.raises(problems.WrongSeparator) as refused:
        open_table(path, "f", Layout(separator=","), ("order", "amount"))
    assert "“;”" in refused.value.advice()
    assert open_table(path, "f", Layout()).columns == ("order", "amount")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_of__each__found(separator) -> None:
    text = "\n".join(
        separator.join(row) for row in (["order", "what", "at"], ["1", "a, b", "x;"], ["2", "c", "y"])
    )
    quoted = "\n".join(
        separator.join(f'"{c}"' for c in row) for row in (["order", "a,b;c|d", "x"], ["2", "c\te", "y"])
    )
    assert sniffing.separator_of(quoted, '"') == separator
    assert sniffing.separator_of(text, '"', ("order", "what", "at")) == separator


BINARIES = {
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj",
    "PNG": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "binary data": bytes(range(256)) * 8,
    "Parquet": b"PAR1\x15\x04\x15",
}


@pytest.mark.row("T1")
@pytest.mark.parametrize(("kind", "content"), BINARIES.items(), ids=BINARIES)
def test_table__binary_file__says_what_it_looks_like(written, kind, content) -> None:
    for given_ in (content, gzip.compress(content)):
        with pytest.raises(problems.BinaryFile) as refused:
            open_table(written(given_), "f", Layout())
        assert refused.value.value == kind


def test_table__zip_that_is_no_workbook__binary(written) -> None:
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(problems.BinaryFile):
        open_table(written(packed.getvalue()), "f", Layout())


def test_table__quote_never_closed__names_the_line(written) -> None:
    path = written('order,note\n1,fine\n2,"never\n' + "x,y\n" * 5_000)
    with pytest.raises(problems.UnclosedQuote) as refused:
        _read(path, Layout(), 1000)
    assert refused.value.params["line"] == 3


def _workbook(sheets: dict[str, list[list]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.row("T1")
def test_table__workbook__cells_as_a_csv_would_write_them(written) -> None:
    from datetime import datetime

    content = _workbook(
        {
            "orders": [
                ["order", "at", "price", "n"],
                ["a", datetime(2026, 3, 1, 8, 5), 2.5, 3],
                ["b", None, 7.0, 0],
            ],
            "notes": [["x"], ["y"]],
        }
    )
    for given_ in (content, gzip.compress(content)):
        table = open_table(written(given_, "f.xlsx"), "f.xlsx", Layout())
        assert table.detected.sheets == ("orders", "notes")
        batch = next(table.batches(9))
        assert batch.lines == [2, 3]
        assert batch.rows == [["a", "2026-03-01 08:05:00", "2.5", "3"], ["b", "", "7", "0"]]
    assert open_table(written(content), "f", Layout(sheet="notes")).columns == ("x",)
    with pytest.raises(problems.MissingSheet) as refused:
        open_table(written(content), "f", Layout(sheet="prices"))
    assert refused.value.params["found"] == "orders, notes"


def test_table__workbook_cut_short__damaged(written) -> None:
    content = _workbook({"orders": [["order"], ["a"]]})
    with pytest.raises(problems.DamagedFile):
        open_table(written(content[: len(content) // 2]), "f", Layout())


@pytest.mark.parametrize("states_less", [False, True], ids=["honest", "states less than it holds"])
def test_table__workbook_that_grows_beyond_measure__refused_before_it_is_held(
    written, states_less, monkeypatch
) -> None:
    import zipfile

    import python_calamine

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<row/>" * (8 << 20))
    content = packed.getvalue()
    assert len(content) < 1 << 20
    if states_less:
        at = content.rindex(b"PK\x01\x02") + 24  # the size, in the archive's list of members
        content = content[:at] + (1000).to_bytes(4, "little") + content[at + 4 :]
    monkeypatch.setattr(python_calamine, "load_workbook", lambda _content: pytest.fail("it was opened"))
    with pytest.raises(problems.UnpacksTooLarge) as refused:
        open_table(written(content, "f.xlsx"), "f.xlsx", Layout())
    assert refused.value.params["field"] == "f.xlsx"
    assert refused.value.params["limit"] == "32 MB"
    assert refused.value.advice()


def test_table__workbook_with_two_cells_far_apart__refused_before_it_is_held(written, monkeypatch) -> None:
    import python_calamine

    book = openpyxl.Workbook()
    book.active["A1"] = "order"
    book.active.cell(row=1_048_576, column=400, value=1)
    packed = io.BytesIO()
    book.save(packed)
    monkeypatch.setattr(python_calamine, "load_workbook", lambda _content: pytest.fail("it was opened"))
    with pytest.raises(problems.UnpacksTooLarge) as refused:
        open_table(written(packed.getvalue(), "f.xlsx"), "f.xlsx", Layout())
    assert refused.value.params["value"] == "1,048,576 × 400"


def test_has_header__numbers_in_the_first_row__none() -> None:
    assert sniffing.has_header([["order", "at"], ["1", "2026-03-01"]])
    assert not sniffing.has_header([["1", "2026-03-01"], ["2", "2026-03-02"]])
    assert not sniffing.has_header([["a", "a"], ["1", "2"]])

"""CSV and XLSX in and out: encodings, lines, formulas, and files that are no spreadsheets."""

import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from service.spreadsheets import Fault, Row, Sheet, UnreadableFileError, neutralise, read, restore, write

PLAIN = "id,name\nalba,Café Alba\n"
ALBA = Row(2, {"id": "alba", "name": "Café Alba"})
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def save(folder: Path, raw: bytes, name: str = "members.csv") -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def workbook(folder: Path, *rows: list[object], merge: str = "", sheets: int = 1) -> Path:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    if merge:
        sheet.merge_cells(merge)
    for _ in range(sheets - 1):
        book.create_sheet()
    book.save(folder / "members.xlsx")
    return folder / "members.xlsx"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_utf8_with_and_without_its_mark_and_utf16_read_the_same(tmp_path: Path, encoding: str) -> None:
    assert read(save(tmp_path, PLAIN.encode(encoding))) == Sheet("members.csv", ("id", "name"), (ALBA,))


def test_windows_1252_is_read_with_a_note_that_says_so(tmp_path: Path) -> None:
    note = "members.csv: not UTF-8 (first at line 2), so read as Windows-1252; check accents and pound signs"
    assert read(save(tmp_path, PLAIN.encode("cp1252"))) == Sheet("members.csv", ("id", "name"), (ALBA,), (note,))


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_semicolons_and_tabs_are_found_from_the_header(tmp_path: Path, delimiter: str) -> None:
    text = f"id{delimiter}name\nalba{delimiter}Alba, of Leeds\n"
    assert read(save(tmp_path, text.encode())).rows == (Row(2, {"id": "alba", "name": "Alba, of Leeds"}),)


def test_a_line_is_where_its_row_starts_also_after_line_breaks_inside_quotes_and_blank_lines(tmp_path: Path) -> None:
    raw = b'id,text\r\nalba,"one\r\ntwo\nthree"\r\n\r\n , \r\nborea,four\r\n'
    assert read(save(tmp_path, raw)).rows == (
        Row(2, {"id": "alba", "text": "one\r\ntwo\nthree"}),
        Row(7, {"id": "borea", "text": "four"}),
    )


def test_column_names_are_alike_in_any_case_with_spaces_or_underscores(tmp_path: Path) -> None:
    assert read(save(tmp_path, b"ID,Contact  Name, CONTACT_EMAIL \nalba,b,c\n")).header == (
        "id",
        "contact_name",
        "contact_email",
    )


def test_a_row_that_ends_early_says_nothing_of_the_columns_it_lacks(tmp_path: Path) -> None:
    assert read(save(tmp_path, b"id,name,size\nalba,Alba\n")).rows == (Row(2, {"id": "alba", "name": "Alba"}),)


def test_a_row_with_more_cells_than_the_header_is_a_fault_but_empty_ones_are_not(tmp_path: Path) -> None:
    wanted = "2 cells as in the header, a text with commas in it between quotes"
    assert read(save(tmp_path, b"id,name\nalba,Alba, of Leeds\nborea,Borea,,\n")).rows == (
        Row(2, {"id": "alba", "name": "Alba"}, (Fault("", "3 cells", wanted),)),
        Row(3, {"id": "borea", "name": "Borea"}),
    )


def test_a_header_without_rows_is_no_error_but_noted(tmp_path: Path) -> None:
    assert read(save(tmp_path, b"id,name\n")) == Sheet(
        "members.csv", ("id", "name"), (), ("members.csv: no rows below the header",)
    )


def test_a_text_of_200_000_characters_is_read(tmp_path: Path) -> None:
    assert len(read(save(tmp_path, b"id,text\nalba," + b"x" * 200_000)).rows[0].cells["text"]) == 200_000


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "the file is empty; its first line must name the columns"),
        (b" \n\n", "the file is empty"),
        (b",,\n, ,\n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"id,name\nalba,Al\0ba\n", "line 2: a NUL byte (byte 15), so the file is damaged; export it again"),
        (PLAIN.encode("utf-16-le"), "looks like UTF-16 without its mark (NUL at byte 1); save it as CSV UTF-8"),
        (PLAIN.encode("utf-16")[:-1], "broken UTF-16 at byte 46; save it as CSV UTF-8"),
        ("id,name\nalba,a\0\n".encode("utf-16"), "line 2: a NUL character; save it again as CSV UTF-8"),
        (b"id,name\nalba,\x81\n", "line 2: neither UTF-8 nor Windows-1252; save it as CSV UTF-8"),
        (
            "id,name\na,éé\nb,".encode() + b"\xe9\n",
            "line 3: not UTF-8 there, but elsewhere; save it again as CSV UTF-8",
        ),
        (b'id,name\nalba,"Alba\nborea,B\n', "quotes opened in the row at line 2 are never closed"),
        (b'id,name\nalba,"Al" ba\n', "line 2: ',' expected after '\"'; double each quote inside a quoted cell"),
        (b"id,Name,name\n1,2,3\n", "two columns are named name; rename or remove one of each"),
        (b"\xd0\xcf\x11\xe0rest", "an old .xls or a file with a password; save it as .xlsx without a password"),
        (b"%PDF-1.7", "a PDF, not a spreadsheet"),
        (b"PK\x03\x04broken", "no readable .xlsx (BadZipFile); open it and save it again, or as CSV UTF-8"),
    ],
)
def test_what_is_no_readable_spreadsheet_is_refused_with_its_remedy(tmp_path: Path, raw: bytes, says: str) -> None:
    with pytest.raises(UnreadableFileError) as error:
        read(save(tmp_path, raw))
    assert "members.csv" in str(error.value)
    assert says in str(error.value)


def test_a_folder_a_missing_file_and_an_opendocument_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"a folder; name the files in it"):
        read(tmp_path)
    with pytest.raises(UnreadableFileError, match=r"absent\.csv: no such file; check the spelling"):
        read(tmp_path / "absent.csv")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    with pytest.raises(UnreadableFileError, match="an OpenDocument file"):
        read(save(tmp_path, packed.getvalue(), "members.ods"))


def test_xlsx_values_become_the_text_a_csv_would_hold(tmp_path: Path) -> None:
    days = [date(2026, 12, 31), datetime(2026, 12, 31, 9, 30)]
    path = workbook(
        tmp_path, ["id", "Name", "whole", "part", "yes", "day", "time"], ["alba", None, 3.0, 0.5, True, *days]
    )
    assert read(path) == Sheet(
        "members.xlsx",
        ("id", "name", "whole", "part", "yes", "day", "time"),
        (
            Row(
                2,
                {
                    **{"id": "alba", "name": "", "whole": "3", "part": "0.5", "yes": "yes"},
                    **{"day": "2026-12-31", "time": "2026-12-31T09:30:00"},
                },
            ),
        ),
    )


def test_a_formula_in_xlsx_is_a_fault_that_names_its_cell(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["id", "name"], [], ["alba", '=HYPERLINK("x")'], ["borea", "#REF!"])
    assert [row.faults for row in read(path).rows] == [
        (Fault("name", '=HYPERLINK("x")', "a value instead of the formula in B3"),),
        (Fault("name", "#REF!", "a value instead of the error in B4"),),
    ]


@pytest.mark.parametrize("merge", ["B1:C1", "A1:C1"])
def test_merged_cells_in_an_xlsx_header_are_refused_by_name(tmp_path: Path, merge: str) -> None:
    path = workbook(tmp_path, ["id", "name", "size"], ["alba", "Alba", "small"], merge=merge)
    with pytest.raises(UnreadableFileError, match=rf"merged cells in the header \({merge}\); unmerge them"):
        read(path)


def test_columns_beyond_the_size_a_workbook_wrongly_claims_are_read(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["id", "name"], ["alba", "Alba"])
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["xl/worksheets/sheet1.xml"] = members["xl/worksheets/sheet1.xml"].replace(b'ref="A1:B2"', b'ref="A1"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    assert read(path).rows == (Row(2, {"id": "alba", "name": "Alba"}),)


def test_further_sheets_are_noted(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["id"], ["alba"], sheets=3)
    says = "members.xlsx: only the first sheet 'Sheet' was read; save Sheet1, Sheet2 as a file of its own"
    assert read(path).notes == (says,)


def test_a_column_without_a_name_is_left_out_and_noted(tmp_path: Path) -> None:
    assert read(save(tmp_path, b"id,,name\nalba,x,Alba\n")) == Sheet(
        "members.csv",
        ("id", "name"),
        (Row(2, {"id": "alba", "name": "Alba"}),),
        ("members.csv: column 2 has no name and was left out",),
    )


@pytest.mark.parametrize("cell", ["=1+1", "+44", "-3", "@SUM(A1)", "\tx", "\rx", "'=1", "''-1"])
def test_a_cell_that_would_run_gets_one_more_apostrophe(cell: str) -> None:
    assert neutralise(cell) == f"'{cell}"
    assert restore(neutralise(cell)) == cell


@pytest.mark.parametrize("cell", ["", "'", "'tis the season", "a=b", "12"])
def test_a_cell_that_cannot_run_stays_as_it_is(cell: str) -> None:
    assert neutralise(cell) == cell
    assert restore(cell) == cell


@given(TEXT)
def test_what_is_written_runs_nowhere_and_is_restored(cell: str) -> None:
    assert neutralise(cell)[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert restore(neutralise(cell)) == cell


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_reading_what_was_written_is_the_identity(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("written") / "table.csv"
    write(path, ("id", "a", "b"), [("1", *row) for row in rows])
    assert [tuple(row.cells.values()) for row in read(path).rows] == [("1", *row) for row in rows]
    assert [file.name for file in path.parent.iterdir()] == ["table.csv"]

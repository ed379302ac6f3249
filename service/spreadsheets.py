"""CSV and XLSX files as rows of text, with the true line of each, and back.

A cell a spreadsheet would run as a formula is written with a leading apostrophe, which reading takes off again.
"""

import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from matcher.errors import CommonwealError

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

MOST_BYTES = 200_000_000
DELIMITERS = (",", ";", "\t")

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_SHIELDED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_NO_WORKBOOK = (zipfile.BadZipFile, zlib.error, ParseError, LookupError, ValueError, TypeError, EOFError, OSError)

_FORMULA_OR_ERROR = {"f": "a value instead of the formula", "e": "a value instead of the error"}

_Record = tuple[int, list[str], dict[int, str]]
"""The line a row starts on, its cells, and for a cell that holds no value what it should hold."""


class UnreadableFileError(CommonwealError):
    """A file is missing, or no spreadsheet that can be read. Names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a cell before anybody asks what it means. `column` is empty for the row as a whole."""

    column: str
    value: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Row:
    """Cells by column. `line` is where the row starts in the file; a column the row ends before has no entry."""

    line: int
    cells: dict[str, str]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table. Column names are small letters with underscores for spaces."""

    name: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def column_key(name: str) -> str:
    """`Contact name`, `CONTACT_NAME` and ` contact name ` are the same column."""
    return "_".join(name.replace("_", " ").casefold().split())


def neutralise(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def restore(cell: str) -> str:
    """The inverse of `neutralise`."""
    return cell[1:] if cell[:1] == "'" and _SHIELDED.match(cell) else cell


def read(path: Path) -> Sheet:
    """The file's rows as text, blank ones left out. Raises UnreadableFileError."""
    raw = _bytes(path)
    if raw.startswith(b"PK\x03\x04"):
        return _read_xlsx(path.name, raw)
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableFileError(f"{path}: an old .xls or a file with a password; save it as .xlsx without a password")
    if raw.startswith(b"%PDF"):
        raise UnreadableFileError(f"{path}: a PDF, not a spreadsheet; ask for the table as .xlsx or .csv")
    return _read_csv(path.name, raw)


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A CSV that spreadsheet programs open as it is; it replaces `path` only once it is whole."""
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([neutralise(cell) for cell in row] for row in rows)
    beside.replace(path)


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise UnreadableFileError(f"{path}: a folder; name the files in it")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UnreadableFileError(f"{path}: larger than {MOST_BYTES // 1_000_000} MB; split it into several files")
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UnreadableFileError(f"{path}: no such file; check the spelling and the folder") from None
    except OSError as error:
        raise UnreadableFileError(f"{path}: {error.strerror}; check that it may be read") from None
    if not raw.strip():
        raise UnreadableFileError(f"{path}: the file is empty; its first line must name the columns")
    return raw


def _read_csv(name: str, raw: bytes) -> Sheet:
    text, notes = _decode(name, raw)
    delimiter = _delimiter(text)
    records: Iterator[_Record] = (
        (line, cells, {}) for line, cells in _records(name, text, delimiter) if any(map(str.strip, cells))
    )
    return _sheet(name, records, notes)


def _decode(name: str, raw: bytes) -> tuple[str, list[str]]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        _refuse_nul(name, raw)
        encoding = "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            raise UnreadableFileError(f"{name}: broken UTF-16 at byte {error.start}; save it as CSV UTF-8") from None
        return _decode_windows(name, raw, error.start)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UnreadableFileError(f"{name}, line {line}: a NUL character; save it again as CSV UTF-8")
    return text, []


def _refuse_nul(name: str, raw: bytes) -> None:
    nul = raw.find(b"\0")
    if nul < 0:
        return
    if raw.count(b"\0") > len(raw) / 4:
        raise UnreadableFileError(
            f"{name}: looks like UTF-16 without its mark (NUL at byte {nul}); save it as CSV UTF-8"
        )
    line = raw.count(b"\n", 0, nul) + 1
    raise UnreadableFileError(f"{name}, line {line}: a NUL byte (byte {nul}), so the file is damaged; export it again")


def _decode_windows(name: str, raw: bytes, start: int) -> tuple[str, list[str]]:
    """Windows-1252, unless the file is mostly good UTF-8: read as Windows-1252, that would turn é into Ã©."""
    line = raw.count(b"\n", 0, start) + 1
    lenient = raw.decode("utf-8-sig", "replace")
    bad = lenient.count("�")
    good = sum(map(len, re.findall(r"[^\x00-\x7f]+", lenient))) - bad
    if good > bad:
        raise UnreadableFileError(f"{name}, line {line}: not UTF-8 there, but elsewhere; save it again as CSV UTF-8")
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"{name}, line {line}: neither UTF-8 nor Windows-1252; save it as CSV UTF-8"
        raise UnreadableFileError(message) from None
    return text, [f"{name}: not UTF-8 (first at line {line}), so read as Windows-1252; check accents and pound signs"]


def _delimiter(text: str) -> str:
    """The one that cuts the header into most columns; commas where none does."""
    widths = {delimiter: _width(text, delimiter) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda delimiter: widths[delimiter])


def _width(text: str, delimiter: str) -> int:
    csv.field_size_limit(MOST_BYTES)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return next((len(cells) for cells in rows if cells), 0)
    except csv.Error:
        return 0


def _records(name: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(MOST_BYTES)  # too long a text is one refused row, not the end of the file
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for cells in reader:
            yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        if "unexpected end" in str(error):
            message = f"{name}: quotes opened in the row at line {start} are never closed; close them or double them"
        else:
            message = f"{name}, line {reader.line_num}: {error}; double each quote inside a quoted cell"
        raise UnreadableFileError(message) from None


def _sheet(name: str, records: Iterable[_Record], notes: list[str]) -> Sheet:
    """The first record names the columns."""
    rest = iter(records)
    first = next(rest, None)
    if first is None:
        raise UnreadableFileError(f"{name}: the file is empty; its first line must name the columns")
    header = [column_key(restore(cell)) for cell in first[1]]
    while header and not header[-1]:
        header.pop()
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise UnreadableFileError(f"{name}: two columns are named {', '.join(twice)}; rename or remove one of each")
    unnamed = [str(number) for number, column in enumerate(header, 1) if not column]
    if unnamed:
        notes.append(f"{name}: column {', '.join(unnamed)} has no name and was left out")
    rows = tuple(_row(header, *record) for record in rest)
    if not rows:
        notes.append(f"{name}: no rows below the header")
    return Sheet(name, tuple(column for column in header if column), rows, tuple(notes))


def _row(header: list[str], line: int, cells: list[str], valueless: dict[int, str]) -> Row:
    faults = [Fault(header[n], cells[n], wanted) for n, wanted in valueless.items() if n < len(header)]
    if any(cell.strip() for cell in cells[len(header) :]):
        wanted = f"{len(header)} cells as in the header, a text with commas in it between quotes"
        faults.append(Fault("", f"{len(cells)} cells", wanted))
    named = {column: restore(cell) for column, cell in zip(header, cells, strict=False) if column}
    return Row(line, named, tuple(faults))


def _read_xlsx(name: str, raw: bytes) -> Sheet:
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.infolist()
        if "mimetype" in {member.filename for member in members}:
            raise UnreadableFileError(f"{name}: an OpenDocument file; save it as .xlsx or CSV UTF-8")
        if sum(member.file_size for member in members) > MOST_BYTES * 5:
            raise UnreadableFileError(f"{name}: far larger unpacked than any list of members; save it as CSV UTF-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations, which are not read
            book = load_workbook(io.BytesIO(raw), read_only=True)
            try:
                return _first_sheet(name, raw, book)
            finally:
                book.close()
    except UnreadableFileError:
        raise
    except _NO_WORKBOOK as error:
        message = f"{name}: no readable .xlsx ({type(error).__name__}); open it and save it again, or as CSV UTF-8"
        raise UnreadableFileError(message) from None


def _first_sheet(name: str, raw: bytes, book: "Workbook") -> Sheet:
    titles = book.sheetnames
    notes = []
    if len(titles) > 1:
        others = ", ".join(titles[1:])
        notes.append(f"{name}: only the first sheet '{titles[0]}' was read; save {others} as a file of its own")
    records = list(_xlsx_records(book))
    if records and _has_gaps([cells for _, cells, _ in records]):
        _refuse_merged(name, raw, records[0][0])
    return _sheet(name, records, notes)


def _xlsx_records(book: "Workbook") -> Iterator[_Record]:
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # some programs write wrong ones, which would cut columns off
    for line, row in enumerate(sheet.iter_rows(), 1):
        cells = [_text(cell.value) for cell in row]
        if any(map(str.strip, cells)):
            valueless = {number: _FORMULA_OR_ERROR.get(cell.data_type) for number, cell in enumerate(row)}
            yield line, cells, {n: f"{what} in {row[n].coordinate}" for n, what in valueless.items() if what}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return (value.date() if value == datetime(value.year, value.month, value.day) else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(getattr(value, "text", value))  # an array formula holds its text


def _has_gaps(table: list[list[str]]) -> bool:
    """Whether a column without a name stands between the named ones, or holds anything."""
    named = {number for number, cell in enumerate(table[0]) if cell.strip()}
    used = {number for row in table for number, cell in enumerate(row) if cell.strip()}
    return used != named or max(named) >= len(named)


def _refuse_merged(name: str, raw: bytes, header: int) -> None:
    """Only a workbook read whole knows its merged cells, at twice the time: asked only where the header has gaps."""
    from openpyxl import load_workbook

    sheet = load_workbook(io.BytesIO(raw)).worksheets[0]
    merged = sorted(str(area) for area in sheet.merged_cells.ranges if area.min_row <= header <= area.max_row)
    if merged:
        raise UnreadableFileError(
            f"{name}: merged cells in the header ({', '.join(merged)}); unmerge them and give each column its name"
        )

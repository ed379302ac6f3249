"""Rows of a spreadsheet as records and back: our own columns, or anybody's through a mapping file.

A mapping file is TOML; data/columns/ukcat.toml explains each of its lines.
"""

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from matcher.errors import CommonwealError
from matcher.records import Contact, Listing, ListingId, Organisation, OrganisationId
from matcher.vocabulary import Vocabulary
from service import casedata
from service.cells import (
    BETWEEN,
    CONTACT,
    ID,
    PROSE,
    SEVERAL,
    UnacceptableError,
    cell,
    listing_readers,
    organisation_readers,
    shown,
    size_from_income,
)
from service.spreadsheets import Row, Sheet, column_key
from service.tidying import calm, mend, sentence, without_repeats

MOST_CHARACTERS = 20_000


class Table(StrEnum):
    """What a spreadsheet holds."""

    ORGANISATIONS = "organisations"
    LISTINGS = "listings"


HEADERS: Mapping[Table, tuple[str, ...]] = {
    Table.ORGANISATIONS: (
        *("id", "name", "standing", "sectors", "size", "roles", "description", "places", "identifiers"),
        *("attention_cap", "excludes", "contact_name", "contact_email"),
    ),
    Table.LISTINGS: (
        *("id", "organisation", "kind", "resource", "text", "themes", "places", "remote", "capacity"),
        *("opens", "closes", "evidence", "gain", "visibility"),
    ),
}
REQUIRED: Mapping[Table, tuple[str, ...]] = {
    Table.ORGANISATIONS: ("name",),
    Table.LISTINGS: ("organisation", "kind", "text"),
}
_KEPT_WHEN_EMPTY = frozenset({"id", "standing", "kind", "visibility"})  # an empty cell says nothing of these


class MappingError(CommonwealError):
    """A mapping file is missing or wrong, or does not fit the spreadsheet."""


class UnknownTableError(CommonwealError):
    """A spreadsheet holds neither organisations nor listings, as far as its columns say."""


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which of a spreadsheet's columns hold which of our fields.

    Several columns for one field are joined. `tidy` and `calm` name fields to clean up: spacing, and capitals.
    """

    name: str
    table: Table
    columns: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, str] = field(default_factory=dict)
    income: str = ""
    tidy: frozenset[str] = frozenset()
    calm: frozenset[str] = frozenset()

    @property
    def sources(self) -> set[str]:
        """The spreadsheet's columns this reads."""
        return {column for columns in self.columns.values() for column in columns} | ({self.income} - {""})

    def column_of(self, name: str) -> str:
        """What the spreadsheet calls the field `name`."""
        if name == "size" and self.income:
            return self.income
        return " + ".join(self.columns.get(name, (name,)))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A cell that keeps its row out. `value` is safe to show: short, contact details hidden."""

    file: str
    line: int
    column: str
    value: str
    wanted: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        value = f"'{self.value}'" if self.value else "an empty cell"
        return f"{self.file}, line {self.line}{column}: {value} is refused; wanted: {self.wanted}"


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """A good row. `spoken` names the fields the file says something of: others stay as they are stored."""

    line: int
    record: Organisation | Listing
    spoken: frozenset[str]
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A spreadsheet read. `ids` holds those of refused rows too, as far as they can be told."""

    file: str
    table: Table
    rows: tuple[ParsedRow, ...]
    refused: tuple[Refusal, ...]
    ids: frozenset[str]
    notes: tuple[str, ...]


def load_map(path: Path) -> ColumnMap:
    """Reads a mapping file. Raises MappingError naming what is wrong in it and what is known."""
    try:
        entries = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MappingError(f"{path}: {error.strerror}; data/columns/ukcat.toml is an example") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(f"{path}: no TOML: {error}") from None
    name = path.name
    _known(name, "entry", entries, ("table", "tidy", "calm", "columns", "constants", "from_income"))
    if entries.get("table") not in list(Table):
        raise MappingError(f"{name}: table = '{entries.get('table')}' is not known; known: {', '.join(Table)}")
    table = Table(entries["table"])
    fields = HEADERS[table]
    for part, known in (("columns", fields), ("constants", fields), ("from_income", ("size",))):
        _known(name, f"field in [{part}]", _section(name, entries, part), known)
    for part in ("tidy", "calm"):
        _known(name, f"field in {part}", _texts(name, part, entries.get(part, [])), fields)
    columns = {key: _texts(name, key, value) for key, value in _section(name, entries, "columns").items()}
    constants = {key: BETWEEN.join(_texts(name, key, v)) for key, v in _section(name, entries, "constants").items()}
    income = _texts(name, "size", _section(name, entries, "from_income").get("size", []))
    given = [*columns, *constants, *(["size"] if income else [])]
    for key in given:
        if given.count(key) > 1:
            raise MappingError(f"{name}: the field '{key}' is given twice; keep one")
    missing = [key for key in REQUIRED[table] if key not in given]
    if missing:
        raise MappingError(f"{name}: {table} need {' and '.join(missing)}; say in [columns] which column holds it")
    return ColumnMap(
        name,
        table,
        {key: tuple(map(column_key, value)) for key, value in columns.items()},
        constants,
        column_key(income[0]) if income else "",
        frozenset(entries.get("tidy", ())),
        frozenset(entries.get("calm", ())),
    )


def _section(name: str, entries: Mapping[str, Any], part: str) -> dict[str, Any]:
    section = entries.get(part, {})
    if not isinstance(section, dict):
        raise MappingError(f"{name}: {part} must be a table: a line [{part}], and its entries below it")
    return section


def _known(name: str, what: str, given: Iterable[str], known: Iterable[str]) -> None:
    for key in given:
        if key not in known:
            raise MappingError(f"{name}: {what} '{key}' is not known; known: {', '.join(known)}")


def _texts(name: str, key: str, value: object) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) and text for text in texts):
        raise MappingError(f'{name}: {key} must be a text in quotes, or several: ["…", "…"]')
    return tuple(texts)


def parse(sheet: Sheet, vocabulary: Vocabulary, column_map: ColumnMap | None = None) -> Parsed:
    """Every row as a record or a refusal.

    A sheet that lacks the mapping's columns is read in our own, so that one call may take both kinds. Raises
    MappingError or UnknownTableError where neither fits.
    """
    chosen = _choose(sheet, column_map)
    reader = _Reader(sheet.name, chosen, vocabulary)
    for row in sheet.rows:
        reader.take(row)
    unknown = [] if chosen is column_map else [c for c in sheet.header if c not in chosen.sources]
    notes = [f"{sheet.name}: column '{column}' is not known and was left out" for column in unknown]
    return Parsed(
        sheet.name,
        chosen.table,
        tuple(reader.rows),
        tuple(reader.refused),
        frozenset(reader.lines),
        (*sheet.notes, *notes),
    )


def _choose(sheet: Sheet, column_map: ColumnMap | None) -> ColumnMap:
    header = set(sheet.header)
    if column_map is not None and column_map.sources <= header:
        return column_map
    for table in (Table.LISTINGS, Table.ORGANISATIONS):
        if header.issuperset(REQUIRED[table]):
            return ColumnMap("", table, {name: (name,) for name in HEADERS[table] if name in header})
    found = f"{sheet.name}: the columns are {', '.join(sheet.header)}"
    if column_map is not None:
        missing = ", ".join(sorted(column_map.sources - header))
        raise MappingError(f"{found}; {column_map.name} also reads {missing}: correct the mapping or the spreadsheet")
    needed = "; ".join(f"{table} need {', '.join(names)}" for table, names in REQUIRED.items())
    raise UnknownTableError(f"{found}; {needed}. Rename them, or say what they hold with --columns MAP.toml")


class _Reader:
    """Takes the rows of one sheet, and remembers the ids it has seen."""

    def __init__(self, file: str, column_map: ColumnMap, vocabulary: Vocabulary) -> None:
        self.rows: list[ParsedRow] = []
        self.refused: list[Refusal] = []
        self.lines: dict[str, int] = {}
        self._file = file
        self._map = column_map
        self._reads = (listing_readers if column_map.table is Table.LISTINGS else organisation_readers)(vocabulary)
        self._sizes = vocabulary.sizes
        self._fields = {column: name for name, columns in column_map.columns.items() for column in columns}
        if column_map.income:
            self._fields[column_map.income] = "size"

    def take(self, row: Row) -> None:
        before = len(self.refused)
        values = {} if self._has_faults(row) else self._values(row)
        id_ = self._id(row, values)
        if closes_too_early(values.get("opens"), values.get("closes")):
            wanted = f"{values['opens']}, when it opens, or a later day"
            self._refuse(row.line, "closes", str(values["closes"]), wanted)
        if id_ in self.lines and len(self.refused) == before:
            self._refuse(row.line, "id", id_, f"an id used once; line {self.lines[id_]} has it too")
        if id_:
            self.lines.setdefault(id_, row.line)
        if len(self.refused) == before:
            self.rows.append(_parsed(self._map.table, row.line, id_, values))

    def _refuse(self, line: int, name: str, value: str, wanted: str) -> None:
        self.refused.append(Refusal(self._file, line, self._map.column_of(name), shown(name, value), wanted))

    def _has_faults(self, row: Row) -> bool:
        """Refuses the row for what no reading of it can mend; a fault in a column nobody reads is none."""
        before = len(self.refused)
        for fault in row.faults:
            if not fault.column:
                self.refused.append(Refusal(self._file, row.line, "", fault.value, fault.wanted))
            elif fault.column in self._fields:
                self._refuse(row.line, self._fields[fault.column], fault.value, fault.wanted)
        return len(self.refused) > before

    def _values(self, row: Row) -> dict[str, Any]:
        """The fields the row speaks of, those that can be read."""
        values: dict[str, Any] = {}
        for name, text in self._cells(row):
            if not text.strip() and name in _KEPT_WHEN_EMPTY and name not in REQUIRED[self._map.table]:
                continue
            try:
                if len(text) > MOST_CHARACTERS:
                    raise UnacceptableError(f"at most {MOST_CHARACTERS:,} characters; this has {len(text):,}")
                values[name] = self._reads[name](text)
            except UnacceptableError as error:
                self._refuse(row.line, name, text if error.part is None else error.part, error.wanted)
        return values

    def _cells(self, row: Row) -> Iterator[tuple[str, str]]:
        """Field by field, the text that stands for it. A required one is there even where its cell is missing."""
        yield from self._map.constants.items()
        for name, columns in self._map.columns.items():
            parts = [row.cells[column] for column in columns if column in row.cells]
            if parts or name in REQUIRED[self._map.table]:
                yield name, self._joined(name, parts)
        if self._map.income in row.cells:
            try:
                yield "size", size_from_income(row.cells[self._map.income], self._sizes)
            except UnacceptableError as error:
                self._refuse(row.line, "size", row.cells[self._map.income], error.wanted)

    def _joined(self, name: str, parts: list[str]) -> str:
        if name in self._map.tidy:
            parts = [mend(part) for part in parts]
        if name in self._map.calm:
            parts = [calm(part, title=name not in PROSE) for part in parts]
        if len(parts) < 2:
            return parts[0] if parts else ""
        different = without_repeats(parts)
        if name in PROSE:
            return " ".join([*map(sentence, different[:-1]), *different[-1:]])
        return BETWEEN.join(different) if name in SEVERAL else " ".join(different)

    def _id(self, row: Row, values: dict[str, Any]) -> str:
        """The row's own id, or one derived from what it says; empty where that cannot be told."""
        if "id" in values:
            return str(values["id"])
        given = [row.cells.get(column, "").strip() for column in self._map.columns.get("id", ())]
        if any(given):
            return given[0] if ID.fullmatch(given[0]) else ""
        if any(name not in values for name in REQUIRED[self._map.table]):
            return ""
        if self._map.table is Table.ORGANISATIONS:
            return organisation_id(values["name"])
        return listing_id(values["organisation"], values["kind"], values["text"])


def without_case_data(parsed: Parsed) -> Parsed:
    """Refuses the rows that hold what stands for one person and nothing else, and does not repeat it."""
    kept, refused = [], list(parsed.refused)
    for row in parsed.rows:
        texts = {name: getattr(row.record, name, "") for name in PROSE}
        doubtful = {name: text for name, text in texts.items() if casedata.may_be_refused(text)}
        faults = casedata.refused(doubtful)
        refused += [Refusal(parsed.file, row.line, name, "…", says) for name, says in sorted(faults.items())]
        kept += [] if faults else [row]
    return replace(parsed, rows=tuple(kept), refused=tuple(sorted(refused, key=lambda one: one.line)))


def _parsed(table: Table, line: int, id_: str, values: dict[str, Any]) -> ParsedRow:
    values = {**values, "id": id_}
    if table is Table.LISTINGS:
        return ParsedRow(line, Listing(**values), frozenset(values) - {"id"})
    contact = {name.removeprefix("contact_"): values[name] for name in CONTACT if name in values}
    record = {name: value for name, value in values.items() if name not in CONTACT}
    return ParsedRow(
        line,
        Organisation(**record),
        frozenset(record) - {"id"},
        Contact(organisation=OrganisationId(id_), **contact) if any(contact.values()) else None,
    )


def organisation_id(name: str) -> OrganisationId:
    """The name in small ASCII letters and hyphens; a digest of it where it has none."""
    plain = unicodedata.normalize("NFKD", re.sub(r"['’]", "", name.casefold())).encode("ascii", "ignore").decode()
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))[:80].strip("-")
    return OrganisationId(slug or f"organisation-{_digest(name)}")


def listing_id(organisation: str, kind: str, text: str) -> ListingId:
    """The same organisation, kind and text have the same id, however the text is spaced."""
    return ListingId(f"{organisation[:80]}-{_digest(organisation, kind, ' '.join(text.split()))}")


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:10]


def closes_too_early(opens: date | None, closes: date | None) -> bool:
    return opens is not None and closes is not None and closes < opens


def cells(record: Organisation | Listing, contact: Contact | None = None) -> dict[str, str]:
    """The record as a row in our own columns: the inverse of reading one."""
    table = Table.LISTINGS if isinstance(record, Listing) else Table.ORGANISATIONS
    row = {name: cell(getattr(record, name)) for name in HEADERS[table] if name not in CONTACT}
    if contact is not None:
        row |= {"contact_name": contact.name, "contact_email": contact.email}
    return row

"""Spreadsheets into the store: what an import would do, told before it is done.

Read, plan and apply over one writing connection: `apply` stores what `plan` saw fit, whatever changed in between.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from matcher.masking import HIDDEN, mask
from matcher.places import Gazetteer, UnknownPlaceError
from matcher.records import Contact, Listing, ListingId, Organisation, OrganisationId, Standing
from matcher.vocabulary import Vocabulary
from service import columns, spreadsheets
from service.cells import cell, plain_lines, shown
from service.columns import ColumnMap, Parsed, ParsedRow, Refusal, Table, closes_too_early
from service.store import confirmations, members
from service.store.database import Connection
from service.store.members import Stored

MOST_LINES = 50  # of each kind a person is shown; refusals are all named
MOST_UNKNOWN_PLACES = 50  # looking for the nearest spelling takes a tenth of a second each
_RANK = {standing: rank for rank, standing in enumerate((Standing.LISTED, Standing.INVITED, Standing.MEMBER))}


@dataclass(frozen=True, slots=True)
class State:
    """What is stored, as far as an import may touch it."""

    organisations: Mapping[OrganisationId, Stored[Organisation]] = field(default_factory=dict)
    listings: Mapping[ListingId, Stored[Listing]] = field(default_factory=dict)
    contacts: Mapping[OrganisationId, Contact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of one table."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a record: as stored, and as the file has it. Safe to show."""

    field: str
    stored: str
    offered: str


@dataclass(frozen=True, slots=True)
class Change:
    """A row that is new or differs. Of contact details only that they change is told."""

    table: Table
    id: str
    file: str
    line: int
    is_new: bool
    fields: tuple[Difference, ...] = ()
    contact: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A field a person edited in Commonweal, kept though the file has another value."""

    id: str
    file: str
    line: int
    difference: Difference


@dataclass(frozen=True, slots=True)
class Vanished:
    """A stored record that came from a file which no longer has it. It stays as it is."""

    table: Table
    id: str
    file: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an import would do, and the records it would store."""

    counts: Mapping[Table, Counts]
    changes: tuple[Change, ...] = ()
    refused: tuple[Refusal, ...] = ()
    kept: tuple[Kept, ...] = ()
    vanished: tuple[Vanished, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    organisations: Mapping[OrganisationId, Organisation] = field(default_factory=dict)
    listings: Mapping[ListingId, Listing] = field(default_factory=dict)
    contacts: tuple[Contact, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    overwritten: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def rewritten(self) -> list[ListingId]:
        """The stored listings that get another text."""
        of_listings = (change for change in self.changes if change.table is Table.LISTINGS)
        return [ListingId(one.id) for one in of_listings if any(field.field == "text" for field in one.fields)]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: plain values, no contact details."""
        return {
            **{str(table): _plain(counts) for table, counts in self.counts.items()},
            "new": [_plain(change) for change in self.changes if change.is_new],
            "changed": [_plain(change) for change in self.changes if not change.is_new],
            "refused": [_plain(refusal) for refusal in self.refused],
            "kept": [_plain(kept) for kept in self.kept],
            "vanished": [_plain(vanished) for vanished in self.vanished],
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """For people: counts first, then what needs a look."""
        found = [
            f"{table}: {n.new} new, {n.changed} changed, {n.unchanged} unchanged, {n.refused} refused"
            for table, n in self.counts.items()
        ]
        found += map(str, self.refused)
        found += _first(f"{k.id}: {_difference(k.difference)}: kept, edited in Commonweal" for k in self.kept)
        found += _first(f"{v.id}: no longer in {v.file}; it stays as it is{_how_to_close(v)}" for v in self.vanished)
        found += [*self.warnings, *self.notes]
        found += _first(f"{change.id}: {_told(change)}" for change in self.changes if not change.is_new)
        found += _first(f"{change.id}: new" for change in self.changes if change.is_new)
        return found


def _plain(record: Any) -> dict[str, Any]:
    """A frozen record of plain values as a dictionary, nested ones too."""
    return {each.name: _plain_value(getattr(record, each.name)) for each in fields(record)}


def _plain_value(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Difference):
        return _plain(value)
    return str(value) if isinstance(value, Table) else value


def _first(lines: Iterable[str]) -> list[str]:
    every = list(lines)
    rest = len(every) - MOST_LINES
    return every if rest <= 0 else [*every[:MOST_LINES], f"… and {rest} more like this; --json names them all"]


def _told(change: Change) -> str:
    return "; ".join([*map(_difference, change.fields), *(["contact changed"] if change.contact else [])])


def _difference(difference: Difference) -> str:
    """Both values from shortly before where they part."""
    stored, offered = difference.stored, difference.offered
    pairs = enumerate(zip(stored, offered, strict=False))
    same = next((at for at, (a, b) in pairs if a != b), min(len(stored), len(offered)))
    start = max(0, same - 20) if same > 40 else 0
    before, after = (f"{'…' if start else ''}{shown('', text[start:])}" for text in (stored, offered))
    return f"{difference.field} '{before}' -> '{after}'"


def read(paths: Iterable[Path], vocabulary: Vocabulary, column_map: ColumnMap | None = None) -> list[Parsed]:
    """Every file read and parsed. Raises UnreadableFileError, MappingError or UnknownTableError."""
    parsed = (columns.parse(spreadsheets.read(path), vocabulary, column_map) for path in paths)
    return [columns.without_case_data(each) for each in parsed]


def state(connection: Connection) -> State:
    return State(members.organisations(connection), members.listings(connection), members.contacts(connection))


def plan(
    files: Sequence[Parsed],
    stored: State,
    *,
    gazetteer: Gazetteer,
    overwrite: bool = False,
    today: date | None = None,
) -> Plan:
    """What importing `files` together would do.

    `overwrite` takes the file's word over a person's edit. With `today`, what closed before it is warned of.
    """
    planner = _Planner(stored, overwrite, today)
    for table in Table:  # organisations first, so that a listing may belong to one in another file
        for parsed in files:
            if parsed.table is table:
                planner.take(parsed)
    return planner.plan(files, gazetteer)


def apply(connection: Connection, plan: Plan, *, strict: bool = False) -> int | None:
    """Stores what the plan says as one revision and returns it.

    None where nothing is stored: no row changes anything, or `strict` and a row is refused.
    """
    if not plan.changes or (strict and plan.refused):
        return None
    confirmations.forget(connection, plan.rewritten)
    return members.save(
        connection,
        organisations=plan.organisations,
        listings=plan.listings,
        contacts=plan.contacts,
        sources=plan.sources,
        overwritten=plan.overwritten,
    )


class _Planner:
    """Weighs row after row against what is stored."""

    def __init__(self, stored: State, overwrite: bool, today: date | None) -> None:
        self._stored = stored
        self._today = today
        self._overwrite = overwrite
        self._seen: dict[tuple[Table, str], str] = {}
        self._unchanged = dict.fromkeys(Table, 0)
        self._changes: list[Change] = []
        self._refused: list[tuple[Table, Refusal]] = []
        self._kept: list[Kept] = []
        self._notes: list[str] = []
        self._organisations: dict[OrganisationId, Organisation] = {}
        self._listings: dict[ListingId, Listing] = {}
        self._contacts: list[Contact] = []
        self._sources: dict[str, str] = {}
        self._overwritten: dict[str, frozenset[str]] = {}
        self._known = set(stored.organisations)

    def take(self, parsed: Parsed) -> None:
        self._refused += [(parsed.table, refusal) for refusal in parsed.refused]
        for row in parsed.rows:
            refusal = self._refusal(parsed, row)
            if refusal is None:
                self._weigh(parsed, row)
            else:
                self._refused.append((parsed.table, refusal))
        for id_ in parsed.ids:
            self._seen.setdefault((parsed.table, id_), parsed.file)

    def _refusal(self, parsed: Parsed, row: ParsedRow) -> Refusal | None:
        """What only the other rows and the store can tell is wrong."""
        record, refuse = row.record, _refuser(parsed.file, row.line)
        other = self._seen.get((parsed.table, record.id))
        if other is not None:
            return refuse("id", record.id, f"an id in one file only; {other} has it too")
        theirs = self._stored.listings if isinstance(record, Organisation) else self._known
        if record.id in theirs:
            of = "a listing" if isinstance(record, Organisation) else "an organisation"
            return refuse("id", record.id, f"an id of its own; {of} has this one")
        if isinstance(record, Organisation):
            return None
        if record.organisation not in self._known:
            wanted = "an organisation that is stored, or accepted in this import; import it first, or correct its row"
            return refuse("organisation", record.organisation, wanted)
        stored = self._stored.listings.get(record.id)
        merged = self._merged(row, stored)[0]
        if closes_too_early(merged.opens, merged.closes):
            wanted = f"dates in order; as stored, '{record.id}' opens {merged.opens} and closes {merged.closes}"
            return refuse("closes", str(record.closes or ""), wanted)
        return None

    def _weigh(self, parsed: Parsed, row: ParsedRow) -> None:
        id_ = row.record.id
        stored = self._stored_as(parsed.table, id_)
        record, differences, kept = self._merged(row, stored)
        self._kept += [Kept(id_, parsed.file, row.line, _shown(row, stored, name)) for name in kept]
        contact = self._contact(row)
        if stored is not None and not differences and contact is None:
            self._unchanged[parsed.table] += 1
        else:
            told = tuple(_shown(row, stored, name) for name in differences) if stored is not None else ()
            change = Change(parsed.table, id_, parsed.file, row.line, stored is None, told, contact is not None)
            self._changes.append(change)
        if contact is not None:
            self._contacts.append(contact)
        if stored is None or differences:
            self._store(parsed.file, record, frozenset(differences) & (stored.edited if stored else frozenset()))
        if isinstance(record, Organisation):
            self._known.add(record.id)
            self._note_standing(parsed.file, row, record)

    def _stored_as(self, table: Table, id_: str) -> Stored[Any] | None:
        if table is Table.ORGANISATIONS:
            return self._stored.organisations.get(OrganisationId(id_))
        return self._stored.listings.get(ListingId(id_))

    def _merged(self, row: ParsedRow, stored: Stored[Any] | None) -> tuple[Any, list[str], list[str]]:
        """The record to be, the fields that change it, and those a person's edit keeps."""
        if stored is None:
            return row.record, [], []
        differ = [
            each.name
            for each in fields(row.record)
            if each.name in row.spoken and not _same(getattr(stored.record, each.name), getattr(row.record, each.name))
        ]
        if "standing" in differ and _lowers(row, stored):
            differ.remove("standing")
        kept = [] if self._overwrite else [name for name in differ if name in stored.edited]
        changed = [name for name in differ if name not in kept]
        return replace(stored.record, **{name: getattr(row.record, name) for name in changed}), changed, kept

    def _contact(self, row: ParsedRow) -> Contact | None:
        """The contact to store, if it differs: an empty cell takes nothing away."""
        if row.contact is None:
            return None
        stored = self._stored.contacts.get(row.contact.organisation, Contact(organisation=row.contact.organisation))
        contact = replace(stored, name=row.contact.name or stored.name, email=row.contact.email or stored.email)
        return None if contact == stored else contact

    def _store(self, file: str, record: Organisation | Listing, overwritten: frozenset[str]) -> None:
        if isinstance(record, Organisation):
            self._organisations[record.id] = record
        else:
            self._listings[record.id] = record
        self._sources[record.id] = file
        if overwritten:
            self._overwritten[record.id] = overwritten

    def _note_standing(self, file: str, row: ParsedRow, record: Organisation) -> None:
        offered = getattr(row.record, "standing", record.standing)
        if "standing" in row.spoken and offered != record.standing and _RANK[record.standing] > _RANK[offered]:
            told = f"'{record.id}' stays {record.standing}, though the file says {offered}: no import lowers a standing"
            self._notes.append(f"{file}, line {row.line}: {told}")

    def plan(self, files: Sequence[Parsed], gazetteer: Gazetteer) -> Plan:
        return Plan(
            counts={table: self._counts(table) for table in Table if any(parsed.table is table for parsed in files)},
            changes=tuple(self._changes),
            refused=tuple(refusal for _, refusal in self._refused),
            kept=tuple(self._kept),
            vanished=tuple(self._vanished({parsed.file for parsed in files})),
            warnings=(*self._unknown_places(gazetteer), *self._unknown_exclusions(), *self._closed()),
            notes=(*(note for parsed in files for note in parsed.notes), *self._notes),
            organisations=self._organisations,
            listings=self._listings,
            contacts=tuple(self._contacts),
            sources=self._sources,
            overwritten=self._overwritten,
        )

    def _counts(self, table: Table) -> Counts:
        new = [change.is_new for change in self._changes if change.table is table]
        refused = {(refusal.file, refusal.line) for of, refusal in self._refused if of is table}
        return Counts(new.count(True), new.count(False), self._unchanged[table], len(refused))

    def _vanished(self, files: set[str]) -> Iterator[Vanished]:
        for table, stored in (
            (Table.ORGANISATIONS, self._stored.organisations),
            (Table.LISTINGS, self._stored.listings),
        ):
            for id_, entry in stored.items():
                if entry.source in files and (table, id_) not in self._seen:
                    yield Vanished(table, id_, entry.source)

    def _unknown_places(self, gazetteer: Gazetteer) -> Iterator[str]:
        """Warnings for places of new and changed records; one that is stored already was warned of before."""
        looked_up: set[str] = set()
        unknown = 0
        for place, where in self._places():
            if place in looked_up:
                continue
            if unknown == MOST_UNKNOWN_PLACES:
                yield f"more than {unknown} places are unknown; the others were not looked up"
                return
            looked_up.add(place)
            try:
                gazetteer.resolve(place)
            except UnknownPlaceError as error:
                unknown += 1
                yield f"{where}: {error}"

    def _places(self) -> Iterator[tuple[str, str]]:
        for change in self._changes:
            record = self._record(change)
            stored = self._stored_as(change.table, change.id)
            for place in record.places if record is not None else ():
                if stored is None or place not in stored.record.places:
                    yield place, f"{change.file}, line {change.line}"

    def _record(self, change: Change) -> Organisation | Listing | None:
        """The record to be stored; None where only the contact changes."""
        if change.table is Table.ORGANISATIONS:
            return self._organisations.get(OrganisationId(change.id))
        return self._listings.get(ListingId(change.id))

    def _closed(self) -> Iterator[str]:
        """New and changed listings that are over already."""
        for change in self._changes:
            record = self._record(change)
            closes = record.closes if isinstance(record, Listing) else None
            if self._today is not None and closes is not None and closes < self._today:
                yield f"{change.file}, line {change.line}: '{change.id}' closed on {closes}: it will not be suggested"

    def _unknown_exclusions(self) -> Iterator[str]:
        for organisation in self._organisations.values():
            for exclusion in organisation.excludes:
                if ":" not in exclusion.what and exclusion.what not in self._known:
                    yield f"'{organisation.id}' excludes '{exclusion.what}', which is no organisation known here"


def _how_to_close(vanished: Vanished) -> str:
    return f", until you: commonweal edit {vanished.id} closes DATE" if vanished.table is Table.LISTINGS else ""


def _refuser(file: str, line: int) -> Callable[[str, str, str], Refusal]:
    return lambda column, value, wanted: Refusal(file, line, column, shown(column, value), wanted)


def _same(stored: object, offered: object) -> bool:
    """Whether a spreadsheet tells the two apart: line ends, space around a text and what an export masks are lost."""
    if isinstance(stored, str) and isinstance(offered, str):
        kept, told = plain_lines(stored).strip(), plain_lines(offered).strip()
        return kept == told or (HIDDEN in told and plain_lines(mask(stored)).strip() == told)
    return stored == offered


def _lowers(row: ParsedRow, stored: Stored[Any]) -> bool:
    return isinstance(row.record, Organisation) and _RANK[row.record.standing] < _RANK[stored.record.standing]


def _shown(row: ParsedRow, stored: Stored[Any] | None, name: str) -> Difference:
    """The field in both, contact details inside the text hidden."""
    both = (cell(getattr(record, name)) for record in (stored.record if stored else row.record, row.record))
    before, after = (text if name in ("id", "organisation") else mask(text) for text in both)
    return Difference(name, before, after)

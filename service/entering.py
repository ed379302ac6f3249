"""What people enter in forms, held to what an import would accept, and kept from imports from then on."""

from collections.abc import Mapping
from typing import Any

from matcher.errors import CommonwealError
from matcher.records import Listing, Organisation, OrganisationId
from matcher.vocabulary import Vocabulary
from service import columns, spreadsheets
from service.store import events, people
from service.store.database import Connection
from service.store.members import Stored
from service.store.people import Person
from service.wiring import Commonweal

Cells = Mapping[str, str]
"""Fields by name, each written as in a spreadsheet's cell."""

ON_BEHALF = "entered for them"
"""What the event is called that says that a coordinator entered something for an organisation."""
_BESIDES = {Listing: ("organisation", "kind", "text", "opens", "closes"), Organisation: ("name",)}
"""What a row must hold, and what is weighed together. Other fields may have gone out of the vocabulary since."""


class RefusedError(CommonwealError):
    """Some fields do not hold; `faults` has a sentence for each."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {says}" for field, says in faults.items()))
        self.faults = dict(faults)


class ChangedError(CommonwealError):
    """Somebody changed the record while it was being edited; `stored` is how it stands now."""

    def __init__(self, stored: Stored[Any]) -> None:
        super().__init__("This was changed by somebody else meanwhile.")
        self.stored = stored


def read(cells: Cells, vocabulary: Vocabulary) -> Any:
    """The record that these cells mean. Raises RefusedError."""
    sheet = spreadsheets.Sheet("form", tuple(cells), (spreadsheets.Row(1, dict(cells)),), ())
    parsed = columns.parse(sheet, vocabulary)
    if parsed.refused:
        raise RefusedError({one.column: f"Write {one.wanted}." for one in reversed(parsed.refused)})
    return parsed.rows[0].record


def changes(stored: Stored[Any], revision: int, cells: Cells, vocabulary: Vocabulary) -> dict[str, Any]:
    """The fields that the cells change, by their new values.

    Raises ChangedError where the record is not of this revision any more, and RefusedError.
    """
    if stored.revision != revision:
        raise ChangedError(stored)
    before = columns.cells(stored.record)
    changed = {name: cell for name, cell in cells.items() if cell != before[name]}
    besides = {name: before[name] for name in _BESIDES[type(stored.record)]}
    record = read({**besides, **changed}, vocabulary)
    values = {name: getattr(record, name) for name in changed}
    return {name: value for name, value in values.items() if value != getattr(stored.record, name)}


def is_on_behalf(connection: Connection, person: Person, organisation: OrganisationId) -> bool:
    """Whether who enters this does not act for the organisation: a coordinator, for one that telephoned."""
    return all(one.person.id != person.id for one in people.of(connection, organisation))


def note(
    connection: Connection, commonweal: Commonweal, person: Person, organisation: OrganisationId, says: str
) -> None:
    """Records what a coordinator entered for an organisation; of what its own people enter, nothing."""
    if is_on_behalf(connection, person, organisation):
        events.record(connection, commonweal.now(), person.id, ON_BEHALF, says, organisation)

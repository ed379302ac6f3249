"""The store as the spreadsheets it could have come from: importing them changes nothing."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from matcher.masking import mask
from matcher.records import Contact, Listing, Organisation
from service import spreadsheets
from service.cells import CONTACT, PROSE
from service.columns import HEADERS, Table, cells
from service.store import members
from service.store.database import Connection


def export(connection: Connection, directory: Path, *, contacts: bool = False) -> list[Path]:
    """organisations.csv and listings.csv in `directory`, sorted by id.

    Contact details only where asked for: else their columns are left out, and those inside texts are masked. Importing
    a masked text changes nothing where the text itself is stored.
    """
    people = members.contacts(connection) if contacts else {}
    organisations = [
        (stored.record, people.get(id_, Contact(organisation=id_)) if contacts else None)
        for id_, stored in members.organisations(connection).items()
    ]
    listings = [(stored.record, None) for stored in members.listings(connection).values()]
    directory.mkdir(parents=True, exist_ok=True)
    return [
        _write(directory / "organisations.csv", Table.ORGANISATIONS, organisations, contacts),
        _write(directory / "listings.csv", Table.LISTINGS, listings, contacts),
    ]


def _write(
    path: Path, table: Table, records: Iterable[tuple[Organisation | Listing, Contact | None]], contacts: bool
) -> Path:
    header: Sequence[str] = [column for column in HEADERS[table] if contacts or column not in CONTACT]
    rows = (cells(record, contact) for record, contact in sorted(records, key=lambda pair: pair[0].id))
    told = (
        row if contacts else {name: mask(cell) if name in {*PROSE, "name"} else cell for name, cell in row.items()}
        for row in rows
    )
    spreadsheets.write(path, header, ([row[column] for column in header] for row in told))
    return path

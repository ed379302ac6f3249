"""One field changed by hand, held to what an import would accept."""

from collections.abc import Iterator

from matcher.errors import CommonwealError
from matcher.places import Gazetteer, UnknownPlaceError
from matcher.records import ListingId
from service import columns, spreadsheets
from service.cells import CONTACT
from service.store import confirmations, members
from service.wiring import Commonweal

FIXED = ("id", "organisation", "kind")
WITH_IT = {*FIXED, "name", "text", "opens", "closes"}
"""What a row must hold, and what is weighed together. Other fields may have gone out of the vocabulary since."""


class UneditableError(CommonwealError):
    """The record has no such field, or it does not take this value."""


def edit_field(commonweal: Commonweal, record_id: str, field: str, value: str) -> list[str]:
    """Sets `field` to what a spreadsheet cell with `value` would mean, and marks it as edited.

    Returns what the person should know: places that are unknown. Raises UneditableError naming the field or value,
    UnknownRecordError for an id nobody has.
    """
    with commonweal.database.write() as connection:
        organisations, listings = members.organisations(connection), members.listings(connection)
        stored = organisations.get(record_id) or listings.get(record_id)  # type: ignore[call-overload]
        if stored is None:
            raise members.UnknownRecordError(record_id)
        row = columns.cells(stored.record)
        if field not in row or field in FIXED:
            editable = ", ".join(name for name in row if name not in FIXED and name not in CONTACT)
            raise UneditableError(f"'{field}' cannot be edited; of {record_id} one can edit {editable}")
        cells = {name: cell for name, cell in row.items() if name in WITH_IT} | {field: value}
        sheet = spreadsheets.Sheet("edit", tuple(cells), (spreadsheets.Row(1, cells),), ())
        parsed = columns.parse(sheet, commonweal.core.vocabulary)
        if parsed.refused:
            refusal = parsed.refused[0]
            raise UneditableError(f"{refusal.column}: '{refusal.value}' is refused; wanted: {refusal.wanted}")
        if field not in parsed.rows[0].spoken:  # an empty cell says nothing of it
            raise UneditableError(f"{field}: it cannot be empty; it stays '{row[field]}'")
        record = parsed.rows[0].record
        members.edit(connection, record_id, {field: getattr(record, field)})
        if field == "text":
            confirmations.forget(connection, [ListingId(record_id)])
    return list(_unknown(commonweal.core.gazetteer, record.places)) if field == "places" else []


def _unknown(gazetteer: Gazetteer, places: tuple[str, ...]) -> Iterator[str]:
    for place in places:
        try:
            gazetteer.resolve(place)
        except UnknownPlaceError as error:
            yield str(error)

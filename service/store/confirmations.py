"""Whether listings are still true: when each was said to be last, and when its organisation was asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update

from matcher.records import ListingId
from service.store import schema
from service.store.database import upsert

ASKED_AFTER = timedelta(days=90)
"""How long a listing stands before its organisation is asked whether it is still true."""
RESTS_AFTER = timedelta(days=14)
"""How long after that it rests, unless somebody says that it is."""
FIRST_SEEN = "first-seen"
"""By whom, where no person said so: a job saw the listing for the first time."""
_LISTED = "listed "
"""Stands before who it was by, as long as nobody has said anything of the listing since it was listed."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The day a listing was written, changed or confirmed last, by whom, and the day its organisation was asked since.

    `by` is a person's id, or `FIRST_SEEN`. `is_listing`: it was listed that day, and nobody said more of it since.
    """

    confirmed_on: date
    by: str
    asked_on: date | None = None
    is_listing: bool = False

    def is_due(self, on: date) -> bool:
        """Whether it is to be asked about."""
        return self.asked_on is None and self.confirmed_on + ASKED_AFTER <= on

    def rests(self, on: date) -> bool:
        return self.asked_on is not None and self.asked_on + RESTS_AFTER < on


def every(connection: Connection) -> dict[ListingId, Confirmation]:
    """What is known of each listing; nothing of one that no job has seen yet."""
    return {row.listing: _confirmation(row) for row in connection.execute(select(schema.confirmations))}


def these(connection: Connection, listings: Iterable[ListingId]) -> dict[ListingId, Confirmation]:
    """What is known of these."""
    query = select(schema.confirmations).where(schema.confirmations.c.listing.in_(list(listings)))
    return {row.listing: _confirmation(row) for row in connection.execute(query)}


def confirm(connection: Connection, listing: ListingId, on: date, by: str, *, is_listing: bool = False) -> None:
    """Somebody listed, changed or confirmed it: it rests no more."""
    row = {"listing": listing, "confirmed_on": on, "asked_on": None, "by": f"{_LISTED if is_listing else ''}{by}"}
    upsert(connection, schema.confirmations, [row])


def see(connection: Connection, listings: Iterable[ListingId], on: date) -> int:
    """Dates from this day those of them that have no date. Returns how many those are."""
    known = set(connection.execute(select(schema.confirmations.c.listing)).scalars())
    rows = [
        {"listing": listing, "confirmed_on": on, "asked_on": None, "by": FIRST_SEEN}
        for listing in listings
        if listing not in known
    ]
    upsert(connection, schema.confirmations, rows)
    return len(rows)


def forget(connection: Connection, listings: Iterable[ListingId]) -> None:
    """They were written anew: they count from the day on which a job sees them."""
    for listing in listings:
        connection.execute(delete(schema.confirmations).where(schema.confirmations.c.listing == listing))


def note_asked(connection: Connection, listings: Iterable[ListingId], on: date) -> None:
    """Their organisations have been asked; of one that was asked before since, the first day stays."""
    confirmations = schema.confirmations.c
    for listing in listings:
        asked = update(schema.confirmations).where(confirmations.listing == listing, confirmations.asked_on.is_(None))
        connection.execute(asked.values(asked_on=on))


def resting(connection: Connection, on: date) -> frozenset[ListingId]:
    """The listings that rest on that day: asked about in vain."""
    confirmations = schema.confirmations.c
    query = select(confirmations.listing).where(confirmations.asked_on < on - RESTS_AFTER)
    return frozenset(connection.execute(query).scalars())


def _confirmation(row: Any) -> Confirmation:
    by = row.by.removeprefix(_LISTED)
    return Confirmation(row.confirmed_on, by, row.asked_on, is_listing=by != row.by)

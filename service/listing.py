"""Needs and offers as their organisation has them: adding, changing, closing, reopening, confirming, removing."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import count

from matcher.errors import CommonwealError
from matcher.hints import is_bare, quoted
from matcher.records import Listing, ListingId, OrganisationId, Visibility
from service import casedata, columns, entering
from service.asking import LONGEST_TEXT
from service.casedata import Found
from service.entering import Cells, RefusedError
from service.signing import LinkError
from service.store import confirmations, members
from service.store.database import Connection
from service.store.members import Stored, UnknownRecordError
from service.store.people import Person
from service.wiring import Commonweal

FIELDS = tuple(name for name in columns.HEADERS[columns.Table.LISTINGS] if name not in ("id", "organisation"))
TEXTS = ("text", "evidence", "gain")
REMOVED = "Removed by its organisation."
"""What stands in the place of a text that its organisation took away for good."""
LOOKED = "looked"
"""What is signed for that somebody was asked to look at these very texts once more."""


class UnseenError(CommonwealError):
    """A text seems to be about a particular person, or hardly says anything, and nobody has looked: nothing was stored.

    `signs` has where, by field; `is_bare` that the text has few words. With `looked` the same texts are stored.
    """

    def __init__(self, signs: Mapping[str, tuple[Found, ...]], looked: str, *, is_bare: bool = False) -> None:
        about_somebody = "This seems to be about a particular person. Look at what is marked."
        super().__init__(about_somebody if signs else "Say what, for whom, and where.")
        self.signs = dict(signs)
        self.looked = looked
        self.is_bare = is_bare


def add(
    commonweal: Commonweal, person: Person, organisation: OrganisationId, cells: Cells, looked: str = ""
) -> ListingId:
    """Lists it, and returns its id; sent twice, it is listed once.

    Raises RefusedError, UnseenError, or UnknownRecordError for an organisation nobody has.
    """
    listing: Listing = entering.read({"organisation": organisation, **_trimmed(cells)}, commonweal.core.vocabulary)
    _refuse_unseen(commonweal, listing, looked, is_bare=is_bare(listing.text))
    today = commonweal.now().date()
    with commonweal.database.write() as connection:
        if members.organisation(connection, organisation) is None:
            raise UnknownRecordError(organisation)
        for number in count(1):
            id_ = ListingId(listing.id if number == 1 else f"{listing.id}-{number}")
            named = replace(listing, id=id_)
            stored = members.listing(connection, id_)
            if stored is None:
                break
            if stored.record == named and named.is_open(today):
                return id_
        members.save(connection, listings={id_: named})
        members.edit(connection, id_, {name: getattr(named, name) for name in FIELDS})
        confirmations.confirm(connection, id_, today, person.id, is_listing=True)
        entering.note(connection, commonweal, person, organisation, f"Listed the {named.kind} {quoted(named.text)}.")
    return id_


def change(
    commonweal: Commonweal, person: Person, listing: ListingId, revision: int, cells: Cells, looked: str = ""
) -> None:
    """Changes it to what the cells say, and confirms it; its kind stays.

    Raises ChangedError where it is not of this revision any more, RefusedError, UnseenError, UnknownRecordError.
    """
    given = {name: cell for name, cell in _trimmed(cells).items() if name != "kind"}
    with commonweal.database.write() as connection:
        stored = _stored(connection, listing)
        changed = entering.changes(stored, revision, given, commonweal.core.vocabulary)
        after = replace(stored.record, **changed)
        if any(name in TEXTS for name in changed):
            _refuse_unseen(commonweal, after, looked)
        if changed:
            members.edit(connection, listing, changed)
            says = f"Changed the {after.kind} {quoted(after.text)}."
            entering.note(connection, commonweal, person, after.organisation, says)
        confirmations.confirm(connection, listing, commonweal.now().date(), person.id)


def close(commonweal: Commonweal, person: Person, listing: ListingId) -> bool:
    """Closes it from today on; False where it was closed already. `reopen` takes it back."""
    yesterday = commonweal.now().date() - timedelta(days=1)
    with commonweal.database.write() as connection:
        record = _stored(connection, listing).record
        if record.closes is not None and record.closes <= yesterday:
            return False
        begun_later = record.opens is not None and record.opens > yesterday
        members.edit(connection, listing, {"closes": yesterday, **({"opens": yesterday} if begun_later else {})})
        says = f"Closed the {record.kind} {quoted(record.text)}."
        entering.note(connection, commonweal, person, record.organisation, says)
    return True


def reopen(commonweal: Commonweal, person: Person, listing: ListingId) -> bool:
    """Opens it again, without an end; False where it was not closed."""
    today = commonweal.now().date()
    with commonweal.database.write() as connection:
        record = _stored(connection, listing).record
        if record.closes is None or record.closes >= today:
            return False
        members.edit(connection, listing, {"closes": None})
        confirmations.confirm(connection, listing, today, person.id)
        says = f"Opened the {record.kind} {quoted(record.text)} again."
        entering.note(connection, commonweal, person, record.organisation, says)
    return True


def confirm(commonweal: Commonweal, person: Person, listing: ListingId) -> None:
    """Somebody says that it is still true: it rests no more."""
    with commonweal.database.write() as connection:
        record = _stored(connection, listing).record
        confirmations.confirm(connection, listing, commonweal.now().date(), person.id)
        says = f"Confirmed that the {record.kind} {quoted(record.text)} is still true."
        entering.note(connection, commonweal, person, record.organisation, says)


def remove(commonweal: Commonweal, person: Person, listing: ListingId) -> bool:
    """Takes its texts away for good and closes it; False where that was done before.

    Its place stays, without a word: what was suggested of it before is still about something.
    """
    yesterday = commonweal.now().date() - timedelta(days=1)
    with commonweal.database.write() as connection:
        record = _stored(connection, listing).record
        if is_removed(record):
            return False
        blank = {**dict.fromkeys(TEXTS, ""), "text": REMOVED, "themes": (), "places": (), "opens": None}
        closed = {"closes": yesterday, "visibility": Visibility.COORDINATORS}
        members.edit(connection, listing, {**blank, **closed})
        entering.note(connection, commonweal, person, record.organisation, f"Removed the text of a {record.kind}.")
    return True


def is_removed(listing: Listing) -> bool:
    return listing.text == REMOVED


def _stored(connection: Connection, listing: ListingId) -> Stored[Listing]:
    stored = members.listing(connection, listing)
    if stored is None:
        raise UnknownRecordError(listing)
    return stored


def _trimmed(cells: Cells) -> dict[str, str]:
    """The cells without space around their texts. Raises RefusedError for a text that nobody would read."""
    if len(cells.get("text", "").replace("\r\n", "\n")) > LONGEST_TEXT:
        says = f"Keep it to {LONGEST_TEXT:,} characters: the first paragraph will do."
        raise RefusedError({"text": says})
    return {name: cell.strip() for name, cell in cells.items()}


def _refuse_unseen(commonweal: Commonweal, listing: Listing, looked: str, *, is_bare: bool = False) -> None:
    texts = {name: str(getattr(listing, name)) for name in TEXTS}
    if faults := casedata.refused(texts):
        raise RefusedError(faults)
    signs = {name: found for name, text in texts.items() if (found := casedata.signs(text))}
    digest = sha256("\0".join(texts.values()).encode()).hexdigest()
    if (signs or is_bare) and _looked_at(commonweal, looked) != digest:
        raise UnseenError(signs, commonweal.signing.sign(LOOKED, digest), is_bare=is_bare)


def _looked_at(commonweal: Commonweal, looked: str) -> str:
    try:
        (digest,) = commonweal.signing.read(LOOKED, looked, 1)
    except LinkError:
        return ""
    return digest

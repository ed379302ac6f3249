"""An organisation as its own people keep it: its profile, its pauses, and who acts for it."""

from datetime import date

from matcher.errors import CommonwealError
from matcher.records import OrganisationId
from matcher.vocabulary import Vocabulary
from service import casedata, entering
from service.cells import MOST_IN_A_NAME, UnacceptableError, listing_readers, organisation_readers
from service.entering import Cells, RefusedError
from service.store import decisions, members, people
from service.store.database import Connection
from service.store.decisions import Decision, What
from service.store.mails import Kind, promise
from service.store.members import UnknownRecordError
from service.store.people import Person
from service.telling import tell_of_colleague
from service.wiring import Commonweal

_read_email = organisation_readers(Vocabulary())["contact_email"]
_read_day = listing_readers(Vocabulary())["closes"]
FIELDS = ("name", "description", "places", "sectors", "size", "roles", "attention_cap", "excludes")


class LastPersonError(CommonwealError):
    """Nobody would be left to act for the organisation."""

    def __init__(self) -> None:
        super().__init__("Somebody has to act for it: invite a colleague first, then remove this person.")


def change(commonweal: Commonweal, person: Person, organisation: OrganisationId, revision: int, cells: Cells) -> None:
    """Changes the profile to what the cells say. Raises ChangedError, RefusedError or UnknownRecordError."""
    trimmed = {name: cell.strip() for name, cell in cells.items()}
    with commonweal.database.write() as connection:
        stored = members.organisation(connection, organisation)
        if stored is None:
            raise UnknownRecordError(organisation)
        changed = entering.changes(stored, revision, trimmed, commonweal.core.vocabulary)
        if faults := casedata.refused({"description": str(changed.get("description", ""))}):
            raise RefusedError(faults)
        if changed:
            members.edit(connection, organisation, changed)
            says = f"Changed the profile: {', '.join(changed).replace('_', ' ')}."
            entering.note(connection, commonweal, person, organisation, says)


def paused(connection: Connection, organisation: OrganisationId, on: date) -> Decision | None:
    """The organisation's pause, where it lasts on that day."""
    pauses = (one for one in decisions.every(connection) if one.what is What.PAUSE and one.about == (organisation,))
    return next((one for one in pauses if one.until is None or one.until >= on), None)


def pause(commonweal: Commonweal, person: Person, organisation: OrganisationId, until: str, why: str) -> bool:
    """No suggestions and no digests up to and including that day, or until resumed. False where it stood just so.

    Raises RefusedError.
    """
    today = commonweal.now().date()
    last = _day(until)
    if last is not None and last < today:
        raise RefusedError({"until": f"Write a day from {today} on, or nothing."})
    with commonweal.database.write() as connection:
        standing = paused(connection, organisation, today)
        if standing is not None and (standing.until, standing.why) == (last, why.strip()):
            return False
        decisions.pause(connection, organisation, why.strip(), commonweal.now(), last)
        says = f"Paused until {last}." if last else "Paused."
        entering.note(connection, commonweal, person, organisation, says)
    return True


def resume(commonweal: Commonweal, person: Person, organisation: OrganisationId) -> bool:
    """Takes the pause back; False where there was none."""
    with commonweal.database.write() as connection:
        is_resumed = decisions.resume(connection, organisation)
        if is_resumed:
            entering.note(connection, commonweal, person, organisation, "Ended the pause.")
    return is_resumed


def add_person(commonweal: Commonweal, by: Person, organisation: OrganisationId, email: str, name: str) -> bool:
    """Has the person of this address act for the organisation; they and their colleagues are told by mail.

    False where they do already. Raises RefusedError.
    """
    email = _email(email)
    now = commonweal.now()
    with commonweal.database.write() as connection:
        called = " ".join(name.split())[:MOST_IN_A_NAME]
        added = people.by_email(connection, email) or people.ensure(connection, email, called)
        if not entering.is_on_behalf(connection, added, organisation):
            return False
        entering.note(connection, commonweal, by, organisation, "Added a person.")  # before it may be they themselves
        people.join(connection, added.id, organisation, by=by.id, called=called)
        about = {"organisation": organisation, "by": by.id}
        key = f"{organisation}/{now:%Y-%m-%dT%H:%M:%S}"
        promise(connection, Kind.ADDED, key, to=added, about=about, due=now)
        tell_of_colleague(connection, organisation, added, by.id, key, now)
    return True


def remove_person(commonweal: Commonweal, by: Person, organisation: OrganisationId, person: str) -> bool:
    """The person acts for it no more; False where they did not. Raises LastPersonError."""
    with commonweal.database.write() as connection:
        acting = {one.person.id for one in people.of(connection, organisation)}
        if acting == {person}:
            raise LastPersonError
        if person not in acting:
            return False
        entering.note(
            connection, commonweal, by, organisation, "Took a person out."
        )  # before it may be they themselves
        return people.leave(connection, person, organisation, commonweal.now())


def choose_digest(commonweal: Commonweal, organisation: OrganisationId, person: str, *, digest: bool) -> bool:
    """Whether the person gets its digest; False where they do not act for it."""
    with commonweal.database.write() as connection:
        return people.choose_digest(connection, person, organisation, digest=digest)


def _email(text: str) -> str:
    try:
        email = str(_read_email(text))
    except UnacceptableError:
        email = ""
    if not email:
        raise RefusedError({"email": "Write one email address: name@example.org."})
    return email


def _day(text: str) -> date | None:
    try:
        day = _read_day(text)
    except UnacceptableError as error:
        raise RefusedError({"until": f"Write {error.wanted}."}) from None
    assert day is None or isinstance(day, date)
    return day

"""Who comes to a session: asked, coming, or not any more. What a sheet says of many at once, `sheets` reads."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import time
from typing import Any

from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.records import OrganisationId, Standing
from service.sessions import convening
from service.store import desk, members, sessions
from service.store.database import Connection
from service.store.sessions import Attendance, Attendee, Session
from service.wiring import Commonweal

LONGEST_NOTE = 300
FACTS = ("state", "arrives", "leaves", "note")
"""What is known of how an attendee stands."""
NEW: Mapping[str, Any] = {"state": Attendance.COMING, "arrives": None, "leaves": None, "note": ""}
"""Of somebody of whom nothing else is said."""


class RefusedError(CommonwealError):
    """It cannot be done, and why."""


class FirstError(CommonwealError):
    """Somebody changed this attendee meanwhile; `now` is how it stands."""

    def __init__(self, now: Attendee, who: str) -> None:
        super().__init__(f"{who or 'Somebody'} changed this attendee meanwhile. What you chose was not stored.")
        self.now = now


def ask(
    commonweal: Commonweal, session: str, organisations: Collection[OrganisationId], by: str
) -> tuple[OrganisationId, ...]:
    """Puts members on the list as invited; whoever cancelled is asked anew. Whom that changed.

    Raises RefusedError for who is no member, UnknownSessionError.
    """
    changed = []
    with commonweal.database.write() as connection:
        convening.find(connection, session)
        for organisation in sorted(set(organisations)):
            _refuse_stranger(connection, organisation)
            before = sessions.attendee(connection, session, organisation)
            if before is None or before.state is Attendance.CANCELLED:
                changed.append(organisation)
                keep(commonweal, connection, session, organisation, by, before, state=Attendance.INVITED)
    return tuple(changed)


def settle(
    commonweal: Commonweal, session: str, organisation: OrganisationId, by: str, seen: int, typed: Mapping[str, str]
) -> Attendee:
    """How an attendee stands: `typed` has its facts as a form holds them. `seen` is 0 where nobody was on the list.

    Raises FirstError, RefusedError, UnknownSessionError.
    """
    facts: dict[str, Any] = {
        "state": state_of(typed.get("state", "")),
        "arrives": time_of(typed.get("arrives", "")),
        "leaves": time_of(typed.get("leaves", "")),
        "note": note_of(typed.get("note", "")),
    }
    refuse_backwards(facts["arrives"], facts["leaves"])
    with commonweal.database.write() as connection:
        convening.find(connection, session)
        before = sessions.attendee(connection, session, organisation)
        if before is None and seen:
            raise RefusedError("It was taken off the list meanwhile. What you chose was not stored.")
        if before is None:
            _refuse_stranger(connection, organisation)
        elif before.version != seen:
            raise _first(connection, before)
        return keep(commonweal, connection, session, organisation, by, before, **facts)


def take_off(commonweal: Commonweal, session: str, organisation: OrganisationId, by: str, seen: int) -> None:
    """Takes one off the list that was put on it by mistake. Raises FirstError, RefusedError, UnknownSessionError."""
    with commonweal.database.write() as connection:
        convening.find(connection, session)
        before = sessions.attendee(connection, session, organisation)
        if before is None:
            raise RefusedError("It is not on the list any more.")
        if before.version != seen:
            raise _first(connection, before)
        if before.state is Attendance.CANCELLED:
            raise RefusedError("It cancelled: that stays on the list, so that others can see why it is missing.")
        sessions.remove_attendee(connection, before, by, commonweal.now())


def copy(commonweal: Commonweal, session: str, by: str) -> tuple[OrganisationId, ...]:
    """Invites all who were at the session that this one follows and are not on its list; whom."""
    with commonweal.database.read() as connection:
        found = convening.find(connection, session)
        before = sessions.attendees(connection, found.follows) if found.follows else ()
        here = {one.organisation for one in sessions.attendees(connection, session)}
        standing = members.organisations(connection)
    wanted = [one.organisation for one in before if one.is_present and one.organisation not in here]
    still = [one for one in wanted if standing[one].record.standing is Standing.MEMBER]
    return ask(commonweal, session, still, by)


def too_many(session: Session, attending: Collection[Attendee]) -> str:
    """A warning where more come than there is room for."""
    coming = len(sessions.present(attending))
    return (
        f"{coming} are invited or coming, and there is room for {session.capacity}."
        if coming > session.capacity
        else ""
    )


def facts(one: Attendee) -> dict[str, Any]:
    return {name: getattr(one, name) for name in FACTS}


def cells(facts: Mapping[str, Any]) -> dict[str, str]:
    """Facts as a form or a sheet holds them."""
    times = {name: f"{facts[name]:%H:%M}" if facts[name] else "" for name in ("arrives", "leaves")}
    return {"state": str(facts["state"]), **times, "note": facts["note"]}


def state_of(typed: str) -> Attendance:
    if typed not in set(Attendance):
        raise RefusedError(f"'{typed}' is no state; choose {', '.join(Attendance)}.")
    return Attendance(typed)


def time_of(typed: str) -> time | None:
    """A time of the day of the session; None where nothing was typed. Raises RefusedError."""
    if not typed.strip():
        return None
    try:
        return convening.clock(typed.strip())
    except ValueError:
        raise RefusedError(f"'{typed}' is no time of day; write it like 14:30.") from None


def note_of(typed: str) -> str:
    """Raises RefusedError where it is too long, or holds what belongs into an organisation's contact details."""
    note = " ".join(typed.split())
    if len(note) > LONGEST_NOTE:
        raise RefusedError(f"The note has {len(note)} characters. Keep it to {LONGEST_NOTE}.")
    if mask(note) != note:
        raise RefusedError("The note holds contact details. Leave them out: they stand with the organisation.")
    return note


def refuse_backwards(arrives: time | None, leaves: time | None) -> None:
    if arrives and leaves and leaves <= arrives:
        raise RefusedError(f"It would leave at {leaves:%H:%M} and arrive at {arrives:%H:%M}: one of the two is wrong.")


def keep(
    commonweal: Commonweal,
    connection: Connection,
    session: str,
    organisation: OrganisationId,
    by: str,
    before: Attendee | None,
    **facts: Any,
) -> Attendee:
    """Stores an attendee in place of what it was `before`. Raises FirstError."""
    last = before.version if before else sessions.last_version(connection, session, organisation)
    stamp: dict[str, Any] = {"changed_by": by, "changed_at": commonweal.now()}
    after = (
        replace(before, **facts, **stamp, version=last + 1)
        if before
        else Attendee(session=session, organisation=organisation, **facts, **stamp, version=last + 1)
    )
    if not sessions.keep_attendee(connection, after):
        now = sessions.attendee(connection, session, organisation)
        assert now is not None
        raise _first(connection, now)
    return after


def _first(connection: Connection, now: Attendee) -> FirstError:
    return FirstError(now, desk.people_named(connection, [now.changed_by]).get(now.changed_by, ""))


def _refuse_stranger(connection: Connection, organisation: OrganisationId) -> None:
    stored = members.organisation(connection, organisation)
    if stored is None or stored.record.standing is not Standing.MEMBER:
        raise RefusedError(f"'{organisation}' is no member: only members attend a session.")

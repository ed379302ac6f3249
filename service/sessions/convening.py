"""Sessions as coordinators set them: read field by field, made, changed, cancelled, planned again."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from matcher.errors import CommonwealError
from matcher.masking import HIDDEN, Detail, details
from matcher.places import Gazetteer, UnknownPlaceError
from service.store import sessions, timetables
from service.store.database import Connection
from service.store.sessions import Session, State
from service.wiring import Commonweal

Typed = Mapping[str, str]
"""What was typed, by field: title, themes (separated by spaces), day, starts, place, venue, online, capacity, slots,
slot_minutes, gap_minutes, tables, follows."""

LONGEST_TITLE, LONGEST_VENUE = 120, 500
YEARS = range(2000, 2100)
NUMBERS = {
    "capacity": (2, 1000),
    "slots": (1, 40),
    "slot_minutes": (5, 120),
    "gap_minutes": (0, 60),
    "tables": (1, 500),
}
ON_CALENDARS = ("title", "day", "starts", "slot_minutes", "gap_minutes", "place", "venue", "online", "state")
"""What calendars show of a session: where it changes, every meeting of it has changed for them."""


class UnknownSessionError(CommonwealError):
    """No session goes by this id."""


class RefusedError(CommonwealError):
    """Some fields do not hold; `faults` has a sentence for each."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {says}" for field, says in faults.items()))
        self.faults = dict(faults)


class ChangedError(CommonwealError):
    """Somebody changed it meanwhile; `now` is how it stands."""

    def __init__(self, now: Session) -> None:
        super().__init__("Somebody changed this session meanwhile. What you typed was not stored.")
        self.now = now


def typed(session: Session) -> dict[str, str]:
    """A session as its form holds it."""
    return {
        "title": session.title,
        "themes": " ".join(session.themes),
        "day": session.day.isoformat(),
        "starts": f"{session.starts:%H:%M}",
        "place": session.place,
        "venue": session.venue,
        "online": "yes" if session.online else "",
        "follows": session.follows or "",
        **{name: str(getattr(session, name)) for name in NUMBERS},
    }


def make(commonweal: Commonweal, by: str, fields: Typed) -> Session:
    """Plans a session. What was not typed is as usual. Raises RefusedError."""
    with commonweal.database.write() as connection:
        values = _read(commonweal, connection, fields)
        id_ = secrets.token_hex(4)
        made = Session(id=id_, made_by=by, made_at=commonweal.now(), **values)
        _refuse_midnight(made)
        sessions.add(connection, made)
    return made


def change(commonweal: Commonweal, id_: str, seen: int, fields: Typed) -> Session:
    """Raises RefusedError, ChangedError, UnknownSessionError."""
    with commonweal.database.write() as connection:
        before = _seen(connection, id_, seen)
        return _kept(commonweal, connection, before, **_read(commonweal, connection, fields, before))


def cancel(commonweal: Commonweal, id_: str, seen: int) -> Session:
    """Calls it off; all that was planned stays. Raises ChangedError, UnknownSessionError."""
    with commonweal.database.write() as connection:
        return _kept(commonweal, connection, _seen(connection, id_, seen), state=State.CANCELLED)


def plan_again(commonweal: Commonweal, id_: str, seen: int) -> Session:
    """Takes a cancellation back. Raises ChangedError, UnknownSessionError."""
    with commonweal.database.write() as connection:
        return _kept(commonweal, connection, _seen(connection, id_, seen), state=State.PLANNED)


def venue_of(session: Session) -> str:
    """The venue as anybody may read it: its street and its link are what it is for, whom to ring there is not."""
    text, end, shown = session.venue, 0, ""
    for detail, start, stop in sorted(details(text), key=lambda found: found[1:]):
        if detail in (Detail.MAIL, Detail.TELEPHONE) and start >= end:
            shown, end = f"{shown}{text[end:start]}{HIDDEN}", stop
    return shown + text[end:]


def find(connection: Connection, id_: str) -> Session:
    """Raises UnknownSessionError."""
    found = sessions.load(connection, id_) if "\0" not in id_ else None
    if found is None:
        raise UnknownSessionError(f"no session goes by '{id_}'; see: commonweal session list")
    return found


def _seen(connection: Connection, id_: str, seen: int) -> Session:
    found = find(connection, id_)
    if found.version != seen:
        raise ChangedError(found)
    return found


def _kept(commonweal: Commonweal, connection: Connection, before: Session, **values: Any) -> Session:
    after = sessions.after(before, **values)
    _refuse_midnight(after)
    if not sessions.change(connection, after):
        raise ChangedError(find(connection, before.id))
    if any(getattr(after, name) != getattr(before, name) for name in ON_CALENDARS):
        timetables.touch(connection, after.id, commonweal.now())
    return after


def _read(
    commonweal: Commonweal, connection: Connection, fields: Typed, before: Session | None = None
) -> dict[str, Any]:
    """The values that these fields mean. Raises RefusedError with all that does not hold."""
    reading = _Reading({name: " ".join(value.split()) for name, value in fields.items()})
    values: dict[str, Any] = {
        "title": reading.text("title", LONGEST_TITLE),
        "venue": reading.text("venue", LONGEST_VENUE, optional=True),
        "online": bool(reading.typed("online")),
        "themes": reading.themes(list(commonweal.core.vocabulary.themes)),
        "place": reading.place(commonweal.core.gazetteer),
        **reading.day(),
        **reading.starts(),
        **reading.numbers(),
    }
    values["follows"] = reading.follows(connection, before, values.get("day"))
    if reading.faults:
        raise RefusedError(reading.faults)
    return values


@dataclass(frozen=True, slots=True)
class _Reading:
    """Fields with their blanks trimmed. Each is read by itself; `faults` has a sentence for those that do not hold."""

    fields: Typed
    faults: dict[str, str] = field(default_factory=dict)

    def typed(self, name: str) -> str:
        return self.fields.get(name, "")

    def text(self, name: str, longest: int, *, optional: bool = False) -> str:
        typed = self.typed(name)
        if not typed and not optional:
            self.faults[name] = f"Write what it is called, in at most {longest} characters."
        if len(typed) > longest:
            self.faults[name] = f"It has {len(typed)} characters. Keep it to {longest}."
        return typed

    def themes(self, known: list[str]) -> tuple[str, ...]:
        typed = self.typed("themes").split()
        if unknown := sorted(set(typed) - set(known)):
            self.faults["themes"] = f"'{unknown[0]}' is no theme; known: {', '.join(known)}."
        elif not typed:
            self.faults["themes"] = "Choose at least one: it says who should be in the room."
        return tuple(one for one in known if one in typed)

    def place(self, gazetteer: Gazetteer) -> str:
        typed = self.typed("place")
        try:
            _ = typed and gazetteer.resolve(typed)
        except UnknownPlaceError as error:
            nearest = f"Did you mean {' or '.join(error.nearest)}?" if error.nearest else "Write a town or a district."
            self.faults["place"] = f"No place called '{error.name}' is known. {nearest}"
        return typed

    def day(self) -> dict[str, date]:
        try:
            day = date.fromisoformat(self.typed("day"))
        except ValueError:
            self.faults["day"] = "Write the day like 2026-12-03."
            return {}
        if day.year not in YEARS:
            self.faults["day"] = f"{day.year} is no year that a session is planned for."
        return {"day": day}

    def starts(self) -> dict[str, time]:
        if not self.typed("starts"):
            return {}
        try:
            return {"starts": clock(self.typed("starts"))}
        except ValueError:
            self.faults["starts"] = "Write the time like 14:00."
            return {}

    def numbers(self) -> dict[str, int]:
        found = {}
        for name, (least, most) in NUMBERS.items():
            if typed := self.typed(name):
                if typed.isascii() and typed.isdigit() and len(typed) < 6 and least <= int(typed) <= most:
                    found[name] = int(typed)
                else:
                    self.faults[name] = f"Write a number from {least} to {most}."
        return found

    def follows(self, connection: Connection, before: Session | None, day: date | None) -> str | None:
        if not self.typed("follows"):
            return None
        found = sessions.load(connection, self.typed("follows"))
        if found is None or (before and before.id == found.id) or (day and found.day > day):
            self.faults["follows"] = "Choose a session that was before this one."
        return found.id if found else None


def _refuse_midnight(session: Session) -> None:
    """Times of a session are of one day. Raises RefusedError."""
    if session.ends(session.slots - 1).date() != session.day:
        says = f"{session.slots} slots from {session.starts:%H:%M} end after midnight: fewer, shorter, or earlier."
        raise RefusedError({"slots": says})


def clock(typed: str) -> time:
    """A time of day to the minute, of whatever place. Raises ValueError."""
    written = typed if typed[1:2] != ":" else f"0{typed}"
    return time.fromisoformat(written).replace(second=0, microsecond=0, tzinfo=None)

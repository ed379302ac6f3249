"""Sessions as coordinators set them: read field by field, made, changed, cancelled, planned again."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from typing import Any

from matcher.errors import CommonwealError
from matcher.places import UnknownPlaceError
from service.store import sessions
from service.store.database import Connection
from service.store.sessions import Session, State
from service.wiring import Commonweal

Typed = Mapping[str, str]
"""What was typed, by field: title, themes (separated by spaces), day, starts, place, venue, online, capacity, slots,
slot_minutes, gap_minutes, tables, follows."""

LONGEST_TITLE, LONGEST_VENUE = 120, 500
NUMBERS = {
    "capacity": (2, 1000),
    "slots": (1, 40),
    "slot_minutes": (5, 120),
    "gap_minutes": (0, 60),
    "tables": (1, 500),
}


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
        sessions.add(connection, made)
    return made


def change(commonweal: Commonweal, id_: str, seen: int, fields: Typed) -> Session:
    """Raises RefusedError, ChangedError, UnknownSessionError."""
    with commonweal.database.write() as connection:
        before = _seen(connection, id_, seen)
        return _kept(connection, replace(before, **_read(commonweal, connection, fields, before)))


def cancel(commonweal: Commonweal, id_: str, seen: int) -> Session:
    """Calls it off; all that was planned stays. Raises ChangedError, UnknownSessionError."""
    with commonweal.database.write() as connection:
        return _kept(connection, replace(_seen(connection, id_, seen), state=State.CANCELLED))


def plan_again(commonweal: Commonweal, id_: str, seen: int) -> Session:
    """Takes a cancellation back. Raises ChangedError, UnknownSessionError."""
    with commonweal.database.write() as connection:
        return _kept(connection, replace(_seen(connection, id_, seen), state=State.PLANNED))


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


def _kept(connection: Connection, session: Session) -> Session:
    after = sessions.after(session)
    if not sessions.change(connection, after):
        raise ChangedError(find(connection, session.id))
    return after


def _read(
    commonweal: Commonweal, connection: Connection, fields: Typed, before: Session | None = None
) -> dict[str, Any]:
    """The values that these fields mean. Raises RefusedError with all that does not hold."""
    faults: dict[str, str] = {}

    def text(name: str) -> str:
        return " ".join(fields.get(name, "").split())

    values: dict[str, Any] = {"title": text("title"), "venue": text("venue"), "online": bool(text("online"))}
    if not 1 <= len(values["title"]) <= LONGEST_TITLE:
        faults["title"] = f"Write what it is called, in at most {LONGEST_TITLE} characters."
    if len(values["venue"]) > LONGEST_VENUE:
        faults["venue"] = f"Keep it to {LONGEST_VENUE} characters."
    vocabulary = commonweal.core.vocabulary
    values["themes"] = tuple(one for one in vocabulary.themes if one in text("themes").split())
    if unknown := sorted(set(text("themes").split()) - set(vocabulary.themes)):
        faults["themes"] = f"'{unknown[0]}' is no theme; known: {', '.join(vocabulary.themes)}."
    elif not values["themes"]:
        faults["themes"] = "Choose at least one: it says who should be in the room."
    for name, read, wanted in (
        ("day", date.fromisoformat, "Write the day like 2026-12-03."),
        ("starts", time.fromisoformat, "Write the time like 14:00."),
    ):
        try:
            if text(name) or name == "day":
                values[name] = read(text(name))
        except ValueError:
            faults[name] = wanted
    for name, (least, most) in NUMBERS.items():
        if typed_ := text(name):
            if typed_.isascii() and typed_.isdigit() and len(typed_) < 6 and least <= int(typed_) <= most:
                values[name] = int(typed_)
            else:
                faults[name] = f"Write a number from {least} to {most}."
    values["place"] = text("place")
    if values["place"]:
        try:
            commonweal.core.gazetteer.resolve(values["place"])
        except UnknownPlaceError as error:
            nearest = f" Did you mean {' or '.join(error.nearest)}?" if error.nearest else ""
            faults["place"] = f"No place called '{error.name}' is known.{nearest}"
    values["follows"] = text("follows") or None
    if values["follows"] and (
        sessions.load(connection, values["follows"]) is None or (before and before.id == values["follows"])
    ):
        faults["follows"] = "Choose a session that was before this one."
    if faults:
        raise RefusedError(faults)
    return values

"""What people decide about pairs and organisations: kept until it is taken back, whatever a round or an import does."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, or_, select

from matcher.records import Decline, ListingId, OrganisationId, Pair
from service.store import rounds, schema
from service.store.database import upsert


def is_week(occasion: str) -> bool:
    """Whether this is a round's week; a session's id has no dash."""
    return "-" in occasion


class What(StrEnum):
    """What was decided: of a pair of listings, of two organisations, or of one."""

    PIN = "pin"
    FORBID = "forbid"
    DECLINE = "decline"
    BLOCK = "block"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Something somebody decided. `about` holds the ids of a need and an offer, of two organisations, or of one.

    `occasion` is a pin's: a week, or a session's id; `until` a pause's last day. When a decline or a block was made is
    not known: `at` is None.
    """

    what: What
    about: tuple[str, ...]
    why: str
    occasion: str = ""
    until: date | None = None
    at: datetime | None = None


def pin(connection: Connection, occasion: str, need: ListingId, offer: ListingId, why: str, at: datetime) -> bool:
    """This pair is to be suggested in a week's round or planned for a session, as far as rules and caps allow.

    Pinned again, it keeps its place. Whether it took the place of a forbid, which is gone. Raises ReleasedError where
    the week was released.
    """
    if is_week(occasion):
        rounds.refuse_released(connection, occasion)
    replaced = _removed(connection, schema.forbids, need=need, offer=offer)
    row = {"occasion": occasion, "need": need, "offer": offer, "why": why, "at": at.astimezone(UTC)}
    upsert(connection, schema.pins, [row], kept=("at",))
    return replaced


def pinned(connection: Connection, occasion: str) -> tuple[Pair, ...]:
    """The pairs pinned for a week or a session, in the order in which that was decided."""
    pins = schema.pins.c
    query = select(pins.need, pins.offer).where(pins.occasion == occasion).order_by(pins.at, pins.need, pins.offer)
    return tuple((ListingId(need), ListingId(offer)) for need, offer in connection.execute(query))


def unpin(connection: Connection, occasion: str, need: ListingId, offer: ListingId) -> bool:
    """Takes a pin back; False where there was none, or its week was released: then it is a record."""
    is_released = rounds.weeks(connection).get(occasion, False)
    return not is_released and _removed(connection, schema.pins, occasion=occasion, need=need, offer=offer)


def forbid(connection: Connection, need: ListingId, offer: ListingId, why: str, at: datetime) -> tuple[str, ...]:
    """This pair is suggested no more. Returns the weeks, not released yet, and sessions whose pin it took the place of.

    The pin of a released week is a record, and stays.
    """
    pins = schema.pins.c
    query = select(pins.occasion).where(pins.need == need, pins.offer == offer).order_by(pins.occasion)
    weeks = rounds.weeks(connection)
    replaced = tuple(one for one in connection.execute(query).scalars() if not weeks.get(one))
    for occasion in replaced:
        _removed(connection, schema.pins, occasion=occasion, need=need, offer=offer)
    upsert(connection, schema.forbids, [{"need": need, "offer": offer, "why": why, "at": at.astimezone(UTC)}])
    return replaced


def allow(connection: Connection, need: ListingId, offer: ListingId) -> bool:
    """Takes a forbid back; False where there was none."""
    return _removed(connection, schema.forbids, need=need, offer=offer)


@dataclass(frozen=True, slots=True)
class AboutPair:
    """What is on record about a pair: why it is pinned, by week not released yet or session, and why it is forbidden;
    `forbid` is None where it is not."""

    pins: Mapping[str, str]
    forbid: str | None


def about_pair(connection: Connection, need: ListingId, offer: ListingId) -> AboutPair:
    pins, forbids, weeks = schema.pins.c, schema.forbids.c, schema.rounds.c
    query = (
        select(pins.occasion, pins.why)
        .outerjoin_from(schema.pins, schema.rounds, weeks.week == pins.occasion)
        .where(pins.need == need, pins.offer == offer, weeks.released_at.is_(None))
        .order_by(pins.occasion)
    )
    forbid = select(forbids.why).where(forbids.need == need, forbids.offer == offer)
    return AboutPair(dict(map(tuple, connection.execute(query))), connection.execute(forbid).scalar())


def is_forbidden(connection: Connection, need: ListingId, offer: ListingId) -> bool:
    forbids = schema.forbids.c
    query = select(forbids.need).where(forbids.need == need, forbids.offer == offer)
    return connection.execute(query).first() is not None


def decline(connection: Connection, need: ListingId, offer: ListingId, decided: Decline) -> None:
    """Remembers that one side said no to this pair as the two texts are now."""
    upsert(connection, schema.declines, [{"need": need, "offer": offer, **asdict(decided)}])


def decline_once(connection: Connection, need: ListingId, offer: ListingId, decided: Decline) -> None:
    """The same, unless a no to these very texts is on record: that one stays."""
    declines = schema.declines.c
    query = select(declines.need_text, declines.offer_text).where(declines.need == need, declines.offer == offer)
    known = connection.execute(query).one_or_none()
    if known is None or tuple(known) != (decided.need_text, decided.offer_text):
        decline(connection, need, offer, decided)


def undecline(connection: Connection, need: ListingId, offer: ListingId, decided: Decline) -> bool:
    """Takes back this very no; False where another is on record, or none."""
    return _removed(connection, schema.declines, need=need, offer=offer, **asdict(decided))


def clear(connection: Connection, occasion: str, need: ListingId, offer: ListingId) -> tuple[What, ...]:
    """Takes back what was decided about a pair: the pin of that week or session, the forbid, the decline.

    Returns what there was. The pin of a released week is a record, and stays.
    """
    removed = {
        What.PIN: unpin(connection, occasion, need, offer),
        What.FORBID: allow(connection, need, offer),
        What.DECLINE: _removed(connection, schema.declines, need=need, offer=offer),
    }
    return tuple(what for what, was_there in removed.items() if was_there)


def block(connection: Connection, one: OrganisationId, other: OrganisationId, why: str) -> None:
    """These two organisations are not introduced any more."""
    first, second = sorted((one, other))
    upsert(connection, schema.blocks, [{"one": first, "other": second, "why": why}])


def unblock(connection: Connection, one: OrganisationId, other: OrganisationId) -> bool:
    """Takes a block back; False where there was none."""
    first, second = sorted((one, other))
    return _removed(connection, schema.blocks, one=first, other=second)


def pause(
    connection: Connection, organisation: OrganisationId, why: str, at: datetime, until: date | None = None
) -> None:
    """This organisation gets no suggestions and is none, up to and with the day `until`; until resumed where None."""
    row = {"organisation": organisation, "until": until, "why": why, "at": at.astimezone(UTC)}
    upsert(connection, schema.pauses, [row])


def lasting_pause(connection: Connection, organisation: OrganisationId, on: date) -> Decision | None:
    """The pause of an organisation that lasts on this day."""
    found = connection.execute(_LASTING, {"organisation": organisation, "on": on})
    return next((_decision(What.PAUSE, row) for row in found), None)


_LASTING = select(schema.pauses).where(  # built once: a page of a member's asks for it
    schema.pauses.c.organisation == bindparam("organisation"),
    or_(schema.pauses.c.until.is_(None), schema.pauses.c.until >= bindparam("on")),
)


def resume(connection: Connection, organisation: OrganisationId) -> bool:
    """Takes a pause back; False where there was none."""
    return _removed(connection, schema.pauses, organisation=organisation)


def every(connection: Connection) -> tuple[Decision, ...]:
    """All that was decided and not taken back, newest first; those of which nobody knows when last."""
    found = [_decision(what, row) for what, table in _TABLES.items() for row in connection.execute(select(table))]
    return tuple(
        sorted(found, key=lambda one: (-one.at.timestamp() if one.at else 0.0, one.what, one.about, one.occasion))
    )


_TABLES = {
    What.PIN: schema.pins,
    What.FORBID: schema.forbids,
    What.DECLINE: schema.declines,
    What.BLOCK: schema.blocks,
    What.PAUSE: schema.pauses,
}


def _decision(what: What, row: Any) -> Decision:
    known = row._mapping
    about = ("one", "other") if what is What.BLOCK else ("organisation",) if what is What.PAUSE else ("need", "offer")
    return Decision(
        what=what,
        about=tuple(known[name] for name in about),
        why=row.why,
        occasion=known.get("occasion", ""),
        until=known.get("until"),
        at=rounds.in_utc(row.at) if "at" in known else None,
    )


def _removed(connection: Connection, table: Table, **key: str) -> bool:
    """Deletes the row of this key; whether there was one."""
    return (
        connection.execute(delete(table).where(*(table.c[name] == value for name, value in key.items()))).rowcount > 0
    )

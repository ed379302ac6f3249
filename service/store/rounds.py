"""Rounds and their suggestions, and what people decided about pairs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from matcher.eligibility import COOL_DOWN
from matcher.errors import CommonwealError
from matcher.records import (
    About,
    Decline,
    History,
    Kind,
    Listing,
    ListingId,
    OrganisationId,
    Reason,
    Strength,
    Suggestion,
    Visibility,
)
from service.store import schema
from service.store.database import upsert


class ReleasedError(CommonwealError):
    """The week's round is released: it is never run again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One week's round as stored. `left_out` holds the members with no suggestion: True where one fitted."""

    week: str
    revision: int
    versions: Mapping[str, str]
    left_out: Mapping[OrganisationId, bool]
    proposed_at: datetime
    released_at: datetime | None
    suggestions: tuple[Suggestion, ...]


def propose(
    connection: Connection,
    week: str,
    suggestions: Sequence[Suggestion],
    *,
    versions: Mapping[str, str],
    left_out: Mapping[OrganisationId, bool],
    at: datetime,
) -> int:
    """Stores the week's next revision in place of the one before, and returns its number.

    Raises ReleasedError, having changed nothing, where one was released.
    """
    before = refuse_released(connection, week)
    row = {
        "week": week,
        "revision": before + 1,
        "versions": dict(versions),
        "left_out": dict(left_out),
        "proposed_at": at.astimezone(UTC),
        "released_at": None,
    }
    upsert(connection, schema.rounds, [row])
    connection.execute(delete(schema.suggestions).where(schema.suggestions.c.week == week))
    rows = [{"week": week, **_row(suggestion)} for suggestion in suggestions]
    if rows:
        connection.execute(schema.suggestions.insert(), rows)
    return before + 1


def refuse_released(connection: Connection, week: str) -> int:
    """The number of the week's newest revision, 0 before the first. Raises ReleasedError where one was released."""
    table = schema.rounds
    found = connection.execute(select(table).where(table.c.week == week).with_for_update()).one_or_none()
    if found is not None and found.released_at is not None:
        day = _utc(found.released_at)
        raise ReleasedError(f"the round of {week} was released on {day:%d %B %Y}: it is not run again")
    return 0 if found is None else int(found.revision)


def release(connection: Connection, week: str, at: datetime, revision: int | None = None) -> bool:
    """Releases the week's proposed revision; False where somebody else was first, or nothing is proposed.

    With `revision` only that one, the one that was looked at.
    """
    table = schema.rounds
    proposed = update(table).where(table.c.week == week, table.c.released_at.is_(None))
    if revision is not None:
        proposed = proposed.where(table.c.revision == revision)
    return connection.execute(proposed.values(released_at=at.astimezone(UTC))).rowcount == 1


def load(connection: Connection, week: str) -> Round | None:
    """The week's round with its suggestions, best first; None where none was proposed."""
    found = connection.execute(select(schema.rounds).where(schema.rounds.c.week == week)).one_or_none()
    if found is None:
        return None
    table = schema.suggestions
    rows = connection.execute(
        select(table).where(table.c.week == week).order_by(table.c.fit.desc(), table.c.need, table.c.offer)
    )
    return Round(
        week=found.week,
        revision=found.revision,
        versions=found.versions,
        left_out=found.left_out,
        proposed_at=_utc(found.proposed_at),
        released_at=_utc(found.released_at) if found.released_at else None,
        suggestions=tuple(_suggestion(row) for row in rows),
    )


def weeks(connection: Connection) -> dict[str, bool]:
    """Every week that has a round, newest first, and whether it is released."""
    table = schema.rounds
    query = select(table.c.week, table.c.released_at).order_by(table.c.week.desc())
    return {week: released_at is not None for week, released_at in connection.execute(query)}


def history(connection: Connection, on: date, besides: str = "", about: ListingId | None = None) -> History:
    """What was released within the cool-down of `on` in other weeks than `besides`, and every decline and block.

    `about` asks for the releases of one listing only: what a single question needs.
    """
    rounds_, suggestions = schema.rounds.c, schema.suggestions.c
    query = (
        select(suggestions.need, suggestions.offer, suggestions.week)
        .select_from(schema.suggestions.join(schema.rounds))
        .where(
            rounds_.released_at.is_not(None),
            rounds_.week != besides,
            rounds_.week.between(week_of(on - COOL_DOWN), week_of(on + COOL_DOWN)),
        )
    )
    if about is not None:
        query = query.where(or_(suggestions.need == about, suggestions.offer == about))
    released = [((row.need, row.offer), monday(row.week)) for row in connection.execute(query)]
    suggested = dict(sorted(released, key=lambda one: (-abs(on - one[1]), one)))  # of each pair the nearest day
    declined = {
        (row.need, row.offer): Decline(row.need_text, row.offer_text, row.why)
        for row in connection.execute(select(schema.declines))
    }
    blocked = frozenset(
        frozenset((OrganisationId(row.one), OrganisationId(row.other)))
        for row in connection.execute(select(schema.blocks))
    )
    return History(suggested=suggested, declined=declined, blocked=blocked)


def decline(connection: Connection, need: ListingId, offer: ListingId, decided: Decline) -> None:
    """Remembers that one side said no to this pair as the two texts are now."""
    upsert(connection, schema.declines, [{"need": need, "offer": offer, **asdict(decided)}])


def block(connection: Connection, one: OrganisationId, other: OrganisationId, why: str) -> None:
    """These two organisations are not introduced any more."""
    first, second = sorted((one, other))
    upsert(connection, schema.blocks, [{"one": first, "other": second, "why": why}])


def monday(week: str) -> date:
    """The Monday of an ISO week such as 2026-W48. Raises ValueError naming the form expected."""
    try:
        year, number = week.split("-W")
        day = date.fromisocalendar(int(year), int(number), 1)
    except (ValueError, OverflowError):
        day = None
    if day is None or week_of(day) != week:  # one week has one spelling: it is the round's key
        raise ValueError(f"'{week}' is no ISO week; write it like 2026-W48")
    return day


def week_of(day: date) -> str:
    """The ISO week a day lies in."""
    year, number, _ = day.isocalendar()
    return f"{year:04d}-W{number:02d}"


def _utc(at: datetime) -> datetime:
    """SQLite forgets the zone of what was stored in UTC, PostgreSQL answers in the connection's."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _row(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "need": suggestion.need.id,
        "offer": suggestion.offer.id,
        "fit": suggestion.fit,
        "strength": suggestion.strength.value,
        "score": suggestion.score,
        "shown": {
            "need": _listing_row(suggestion.need),
            "offer": _listing_row(suggestion.offer),
            **{part: [asdict(r) for r in getattr(suggestion, part)] for part in ("reasons", "mismatches", "cautions")},
        },
    }


def _listing_row(listing: Listing) -> dict[str, Any]:
    row = asdict(listing)
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


def _suggestion(row: Any) -> Suggestion:
    shown = row.shown
    return Suggestion(
        need=_listing(shown["need"]),
        offer=_listing(shown["offer"]),
        fit=row.fit,
        strength=Strength(row.strength),
        score=row.score,
        reasons=_reasons(shown["reasons"]),
        mismatches=_reasons(shown["mismatches"]),
        cautions=_reasons(shown["cautions"]),
    )


def _reasons(rows: Iterable[dict[str, str]]) -> tuple[Reason, ...]:
    return tuple(Reason(About(r["about"]), r["says"], r["need_clause"], r["offer_clause"]) for r in rows)


def _listing(row: dict[str, Any]) -> Listing:
    days = {name: date.fromisoformat(row[name]) if row[name] else None for name in ("opens", "closes")}
    lists = {name: tuple(row[name]) for name in ("themes", "places")}
    enums = {"kind": Kind(row["kind"]), "visibility": Visibility(row["visibility"])}
    return Listing(**{**row, **days, **lists, **enums})

"""Rounds, their suggestions, and what of the past rules pairs out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from matcher.eligibility import COOL_DOWN
from matcher.errors import CommonwealError
from matcher.proposing import Proposal
from matcher.records import (
    Decline,
    History,
    LeftOut,
    ListingId,
    OrganisationId,
    Pair,
    PassedOver,
    Strength,
    Suggestion,
)
from service.store import confirmations, holdings, reviews, schema
from service.store.database import in_utc as in_utc
from service.store.database import upsert
from service.store.suggestions import row_of, suggestion_of


class ReleasedError(CommonwealError):
    """The week's round is released: it is never run again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One week's round as stored."""

    week: str
    revision: int
    versions: Mapping[str, str]
    proposed_at: datetime
    released_at: datetime | None
    proposal: Proposal

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """Best first."""
        return self.proposal.suggestions

    @property
    def pins(self) -> frozenset[Pair]:
        """The pairs that were pinned when it was proposed, met or not."""
        return frozenset(one.pair for one in self.suggestions if one.pinned) | frozenset(self.proposal.unmet)


def propose(connection: Connection, week: str, proposal: Proposal, *, versions: Mapping[str, str], at: datetime) -> int:
    """Stores the week's next revision in place of the one before, and returns its number.

    Raises ReleasedError, having changed nothing, where one was released.
    """
    before = refuse_released(connection, week)
    row = {
        "week": week,
        "revision": before + 1,
        "versions": dict(versions),
        "left_out": {organisation: asdict(left_out) for organisation, left_out in proposal.left_out.items()},
        "proposed_at": at.astimezone(UTC),
        "released_at": None,
        "value": proposal.value,
        "bound": proposal.bound,
        "unmet": [[*pair, why] for pair, why in proposal.unmet.items()],
    }
    upsert(connection, schema.rounds, [row])
    passed_over = [asdict(one) for one in proposal.passed_over]
    for table, rows in ((schema.suggestions, map(row_of, proposal.suggestions)), (schema.passed_over, passed_over)):
        connection.execute(delete(table).where(table.c.week == week))
        if rows := [{"week": week, **row} for row in rows]:
            connection.execute(table.insert(), rows)
    return before + 1


def refuse_released(connection: Connection, week: str) -> int:
    """The number of the week's newest revision, 0 before the first. Raises ReleasedError where one was released."""
    table = schema.rounds
    found = connection.execute(select(table).where(table.c.week == week)).one_or_none()
    if found is not None and found.released_at is not None:
        day = in_utc(found.released_at)
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
    rows, passed_over = (
        connection.execute(
            select(table).where(table.c.week == week).order_by(table.c.fit.desc(), table.c.need, table.c.offer)
        )
        for table in (schema.suggestions, schema.passed_over)
    )
    return Round(
        week=found.week,
        revision=found.revision,
        versions=found.versions,
        proposed_at=in_utc(found.proposed_at),
        released_at=in_utc(found.released_at) if found.released_at else None,
        proposal=Proposal(
            suggestions=tuple(map(suggestion_of, rows)),
            left_out={one: LeftOut(row["fitted"], tuple(row["helps"])) for one, row in found.left_out.items()},
            passed_over=tuple(_passed_over(row) for row in passed_over),
            unmet={(need, offer): why for need, offer, why in found.unmet or ()},
            value=found.value or 0.0,
            bound=found.bound or 0.0,
        ),
    )


@dataclass(frozen=True, slots=True)
class Heading:
    """What is known of a week's round without a look at its suggestions."""

    revision: int
    ranker: str
    is_released: bool


def heading(connection: Connection, week: str) -> Heading | None:
    """None where none was proposed."""
    table = schema.rounds
    query = select(table.c.revision, table.c.versions, table.c.released_at).where(table.c.week == week)
    found = connection.execute(query).one_or_none()
    if found is None:
        return None
    return Heading(found.revision, found.versions.get("ranker", ""), found.released_at is not None)


def weeks(connection: Connection) -> dict[str, bool]:
    """Every week that has a round, newest first, and whether it is released."""
    table = schema.rounds
    query = select(table.c.week, table.c.released_at).order_by(table.c.week.desc())
    return {week: released_at is not None for week, released_at in connection.execute(query)}


def told_lately(connection: Connection, week: str, weeks: int) -> set[OrganisationId]:
    """Who was told what would help by a round released within so many weeks of this one, before or after."""
    table, day, around = schema.rounds.c, monday(week), timedelta(weeks=weeks)
    lately = table.week.between(week_of(day - around), week_of(day + around)) & (table.week != week)
    found = connection.execute(select(table.left_out).where(table.released_at.is_not(None), lately)).scalars()
    return {organisation for left_out in found for organisation, row in left_out.items() if row["helps"]}


def history(connection: Connection, on: date, besides: str = "", about: ListingId | None = None) -> History:
    """What was released within the cool-down of `on` in other weeks than `besides`, and what people decided.

    A member asked for some pairs itself: they count as suggested in that week, `besides` or not. What a coordinator
    rejected or held for `besides`, a week, is forbidden in it. `about` asks for what was suggested for one listing
    only: what a single question needs.
    """
    rounds_, suggestions = schema.rounds.c, schema.suggestions.c
    around = week_of(on - COOL_DOWN), week_of(on + COOL_DOWN)
    query = (
        select(suggestions.need, suggestions.offer, suggestions.week)
        .select_from(schema.suggestions.join(schema.rounds))
        .where(
            rounds_.released_at.is_not(None),
            rounds_.week != besides,
            rounds_.week.between(*around),
        )
    )
    if about is not None:
        query = query.where(or_(suggestions.need == about, suggestions.offer == about))
    shown = [((row.need, row.offer), monday(row.week)) for row in connection.execute(query)]
    shown += ((pair, monday(week)) for pair, week in holdings.asked_for(connection, *around, about))
    suggested = dict(sorted(shown, key=lambda one: (-abs(on - one[1]), one)))  # of each pair the nearest day
    declined = {
        (row.need, row.offer): Decline(row.need_text, row.offer_text, row.why)
        for row in connection.execute(select(schema.declines))
    }
    blocked = frozenset(
        frozenset((OrganisationId(row.one), OrganisationId(row.other)))
        for row in connection.execute(select(schema.blocks))
    )
    forbidden = frozenset((row.need, row.offer) for row in connection.execute(select(schema.forbids)))
    forbidden |= frozenset(reviews.pairs(connection, besides, reviews.OUT)) if besides else frozenset()
    pauses = schema.pauses.c
    lasting = select(pauses.organisation).where(or_(pauses.until.is_(None), pauses.until >= on))
    return History(
        suggested=suggested,
        declined=declined,
        blocked=blocked,
        forbidden=forbidden,
        paused=frozenset(connection.execute(lasting).scalars()),
        resting=confirmations.resting(connection, on),
        taken=holdings.taken(connection),
        introduced=holdings.introduced(connection, on - COOL_DOWN, on + COOL_DOWN),
    )


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


def _passed_over(row: Any) -> PassedOver:
    return PassedOver(
        need=row.need,
        offer=row.offer,
        between=tuple(row.between),
        fit=row.fit,
        strength=Strength(row.strength),
        propensity=row.propensity,
        why=row.why,
    )

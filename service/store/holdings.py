"""What introductions take up: partners' places at listings, organisations' attention, a pair's weeks."""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from matcher.records import ListingId, OrganisationId, Pair, Standing
from service.store import schema
from service.store.introductions import Origin, Outcome, State

LED_NOWHERE = (Outcome.NO_ANSWER, Outcome.NOT_GOING_AHEAD)
LED_SOMEWHERE = (Outcome.MET, Outcome.ARRANGED)
"""Those before give a listing its capacity back, unless the other side says one of these."""


def taken(connection: Connection) -> dict[ListingId, int]:
    """How many partners each listing has, or will have if they say yes."""
    return {listing: len(found) for listing, found in holding(connection).items()}


def holding(connection: Connection, listings: Collection[ListingId] | None = None) -> dict[ListingId, dict[str, State]]:
    """The introductions that take a partner's place at each listing, or at these, by key: asked, or introduced.

    One between members only, and none that led nowhere: no side of it says that they met, or will.
    """
    introductions, outcomes, organisations = schema.introductions.c, schema.outcomes.c, schema.organisations.c
    said = [select(outcomes.introduction).where(outcomes.answer.in_(which)) for which in (LED_NOWHERE, LED_SOMEWHERE)]
    stands = or_(introductions.key.not_in(said[0]), introductions.key.in_(said[1]))
    member = select(organisations.id).where(organisations.standing == str(Standing.MEMBER))
    query = select(introductions.key, introductions.state, introductions.need, introductions.offer).where(
        or_(introductions.state == str(State.ASKED), and_(introductions.state == str(State.INTRODUCED), stands)),
        introductions.asking.in_(member),
        introductions.giving.in_(member),
    )
    if listings is not None:
        query = query.where(or_(introductions.need.in_(listings), introductions.offer.in_(listings)))
    found: dict[ListingId, dict[str, State]] = {}
    for row in connection.execute(query):
        for listing in (row.need, row.offer):
            found.setdefault(listing, {})[row.key] = State(row.state)
    return found


def introduced(connection: Connection, after: date, before: date) -> dict[OrganisationId, int]:
    """How often each organisation was introduced between two days; 0 for one that only replied.

    Of one that did not even reply nothing is known: perhaps it does so elsewhere.
    """
    introductions, replied = schema.introductions.c, schema.replies.c
    who = select(replied.organisation).where(*_between(replied.at, after, before)).distinct()
    both = select(introductions.asking, introductions.giving).where(
        introductions.state == str(State.INTRODUCED), *_between(introductions.introduced_at, after, before)
    )
    counted = Counter(OrganisationId(one) for pair in connection.execute(both) for one in pair)
    return dict.fromkeys(map(OrganisationId, connection.execute(who).scalars()), 0) | dict(counted)


def _between(column: Any, after: date, before: date) -> tuple[Any, Any]:
    days = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (after + timedelta(days=1), before))
    first, last = days
    return column >= first, column < last


def asked_for(
    connection: Connection, first: str, last: str, about: ListingId | None = None
) -> tuple[tuple[Pair, str], ...]:
    """The pairs that a member asked for itself from one week to another, with the week."""
    introductions = schema.introductions.c
    query = select(introductions.need, introductions.offer, introductions.week).where(
        introductions.origin == str(Origin.FOUND), introductions.week.between(first, last)
    )
    if about is not None:
        query = query.where(or_(introductions.need == about, introductions.offer == about))
    return tuple(((row.need, row.offer), row.week) for row in connection.execute(query))

"""Whether a suggestion that was made still stands: what of the hard rules may have changed since."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from matcher.network import kinds_of
from matcher.records import (
    Kind,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Pair,
    Standing,
    Suggestion,
    Visibility,
    profile,
)
from service.store import holdings, members, schema
from service.store.introductions import State, sides


class Bar(StrEnum):
    """What keeps two sides from being introduced."""

    NOT_A_MEMBER = "not-a-member"
    EXCLUDED = "excluded"
    BLOCKED = "blocked"
    FORBIDDEN = "forbidden"
    DECLINED = "declined"
    PAUSED = "paused"
    GONE = "gone"
    NOT_OPEN = "not-open"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Objection:
    """One bar, and the side that it is about; None where it is about both."""

    bar: Bar
    side: OrganisationId | None = None


def objections(
    connection: Connection, suggestion: Suggestion, on: date, key: str = "", choosing: Collection[OrganisationId] = ()
) -> tuple[Objection, ...]:
    """Why these two may not be introduced on that day, the gravest first; nothing where they may."""
    organisations = members.these_organisations(connection, sides(suggestion))
    listings = members.these_listings(connection, suggestion.pair)
    return read(connection, on, organisations, listings, (suggestion,)).objections(suggestion, key, choosing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """All that may keep suggestions from standing on a day, read at one moment.

    `declined` holds the texts that were declined; `holding` the introductions that take a listing's capacity.
    """

    on: date
    organisations: Mapping[OrganisationId, Organisation]
    listings: Mapping[ListingId, Listing]
    blocked: frozenset[frozenset[OrganisationId]]
    forbidden: frozenset[Pair]
    declined: Mapping[Pair, tuple[str, str]]
    paused: frozenset[OrganisationId]
    holding: Mapping[ListingId, Mapping[str, State]]

    def objections(
        self, suggestion: Suggestion, key: str = "", choosing: Collection[OrganisationId] = ()
    ) -> tuple[Objection, ...]:
        """Why its two sides may not be introduced, the gravest first; nothing where they may.

        `key` is that of their own introduction, which does not count for what their capacity is taken by. A side that
        is `choosing` may have asked several: whom it was introduced to counts for its listing, and nobody else.
        """
        now = {shown.id: self._as_it_is(shown) for shown in _both(suggestion)}
        return (
            *_of_organisations(suggestion, self.organisations),
            *self._decided(suggestion, now),
            *(Objection(Bar.PAUSED, side) for side in sorted(self.paused.intersection(sides(suggestion)))),
            *(
                found
                for shown in _both(suggestion)
                if (found := self._of_listing(shown, now[shown.id], key, shown.organisation in choosing))
            ),
        )

    def _as_it_is(self, shown: Listing) -> Listing | None:
        """A description is there as long as its organisation is."""
        organisation = self.organisations.get(shown.organisation)
        if shown.kind is Kind.PROFILE:
            return profile(organisation) if organisation else None
        return self.listings.get(shown.id)

    def _decided(self, suggestion: Suggestion, now: Mapping[ListingId, Listing | None]) -> Iterator[Objection]:
        """A decline counts when it is of the texts as they were shown or as they are now, not of older ones."""
        if frozenset(sides(suggestion)) in self.blocked:
            yield Objection(Bar.BLOCKED)
        if suggestion.pair in self.forbidden:
            yield Objection(Bar.FORBIDDEN)
        declined = self.declined.get(suggestion.pair)
        if declined and all(
            text in (shown.text, (now[shown.id] or shown).text)
            for text, shown in zip(declined, _both(suggestion), strict=True)
        ):
            yield Objection(Bar.DECLINED)

    def _of_listing(self, shown: Listing, now: Listing | None, key: str, chooses: bool) -> Objection | None:
        if now is None or now.visibility is Visibility.COORDINATORS:
            return Objection(Bar.GONE, shown.organisation)
        if not now.is_open(self.on):
            return Objection(Bar.NOT_OPEN, shown.organisation)
        counted = (State.INTRODUCED,) if chooses else (State.INTRODUCED, State.ASKED)
        holding = self.holding.get(shown.id, {})
        taken = sum(state in counted for one, state in holding.items() if one != key)
        if now.capacity is not None and now.capacity <= taken:
            return Objection(Bar.FULL, shown.organisation)
        return None


def read(
    connection: Connection,
    on: date,
    organisations: Mapping[OrganisationId, Organisation],
    listings: Mapping[ListingId, Listing],
    about: Collection[Suggestion] | None = None,
) -> Grounds:
    """What may keep suggestions from standing between these organisations, any or only those it is `about`."""
    blocks, forbids, declines, pauses = schema.blocks.c, schema.forbids.c, schema.declines.c, schema.pauses.c
    queries: list[Select[Any]] = [
        select(blocks.one, blocks.other),
        select(forbids.need, forbids.offer),
        select(declines.need, declines.offer, declines.need_text, declines.offer_text),
    ]
    if about is not None:
        both = {side for one in about for side in sides(one)}
        needs = {one.need.id for one in about}
        narrowed = blocks.one.in_(both) & blocks.other.in_(both), forbids.need.in_(needs), declines.need.in_(needs)
        queries = [query.where(only) for query, only in zip(queries, narrowed, strict=True)]
    blocked, forbidden, declined = (connection.execute(query).all() for query in queries)
    lasting = select(pauses.organisation).where(or_(pauses.until.is_(None), pauses.until >= on))
    ids = None if about is None else {id_ for one in about for id_ in one.pair}
    return Grounds(
        on=on,
        organisations=organisations,
        listings=listings,
        blocked=frozenset(frozenset((OrganisationId(row.one), OrganisationId(row.other))) for row in blocked),
        forbidden=frozenset((row.need, row.offer) for row in forbidden),
        declined={(row.need, row.offer): (row.need_text, row.offer_text) for row in declined},
        paused=frozenset(connection.execute(lasting).scalars()),
        holding=holdings.holding(connection, ids),
    )


def _both(suggestion: Suggestion) -> tuple[Listing, Listing]:
    return suggestion.need, suggestion.offer


def _of_organisations(
    suggestion: Suggestion, organisations: Mapping[OrganisationId, Organisation]
) -> Iterator[Objection]:
    for side in sides(suggestion):
        if side not in organisations or organisations[side].standing is not Standing.MEMBER:
            yield Objection(Bar.NOT_A_MEMBER, side)
    asking, giving = (organisations.get(side) for side in sides(suggestion))
    if _excludes(asking, giving) or _excludes(giving, asking):
        yield Objection(Bar.EXCLUDED)


def _excludes(one: Organisation | None, other: Organisation | None) -> bool:
    return one is not None and not {exclusion.what for exclusion in one.excludes}.isdisjoint(kinds_of(other))

"""Whether a suggestion that was made still stands: what of the hard rules may have changed since."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import Connection, or_, select

from matcher.network import kinds_of
from matcher.records import (
    Kind,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Standing,
    Suggestion,
    Visibility,
    profile,
)
from service.store import introductions, members, schema
from service.store.introductions import sides


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


def objections(connection: Connection, suggestion: Suggestion, on: date, key: str = "") -> tuple[Objection, ...]:
    """Why these two may not be introduced on that day, the gravest first; nothing where they may.

    `key` is that of their own introduction, which does not count for what their capacity is taken by.
    """
    organisations = members.these_organisations(connection, sides(suggestion))
    listings = members.these_listings(connection, suggestion.pair)
    now = {shown.id: listings.get(shown.id) or _profile(organisations, shown) for shown in _both(suggestion)}
    taken = introductions.taken(connection, suggestion.pair, key)
    return (
        *_of_organisations(suggestion, organisations),
        *_decided(connection, suggestion, now),
        *_paused(connection, suggestion, on),
        *(found for shown in _both(suggestion) if (found := _of_listing(shown, now[shown.id], taken, on))),
    )


def _both(suggestion: Suggestion) -> tuple[Listing, Listing]:
    return suggestion.need, suggestion.offer


def _profile(organisations: Mapping[OrganisationId, Organisation], shown: Listing) -> Listing | None:
    """A description is there as long as its organisation is."""
    organisation = organisations.get(shown.organisation)
    return profile(organisation) if organisation and shown.kind is Kind.PROFILE else None


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


def _decided(
    connection: Connection, suggestion: Suggestion, now: Mapping[ListingId, Listing | None]
) -> Iterator[Objection]:
    """A decline counts when it is of the texts as they were shown or as they are now, not when it is of older ones."""
    blocks, forbids, declines = schema.blocks, schema.forbids, schema.declines
    first, second = sorted(sides(suggestion))
    if connection.execute(select(blocks).where(blocks.c.one == first, blocks.c.other == second)).first():
        yield Objection(Bar.BLOCKED)
    need, offer = suggestion.pair
    if connection.execute(select(forbids).where(forbids.c.need == need, forbids.c.offer == offer)).first():
        yield Objection(Bar.FORBIDDEN)
    declined = connection.execute(select(declines).where(declines.c.need == need, declines.c.offer == offer)).first()
    if declined and all(
        text in (shown.text, (now[shown.id] or shown).text)
        for text, shown in zip((declined.need_text, declined.offer_text), _both(suggestion), strict=True)
    ):
        yield Objection(Bar.DECLINED)


def _paused(connection: Connection, suggestion: Suggestion, on: date) -> Iterator[Objection]:
    pauses = schema.pauses.c
    lasting = or_(pauses.until.is_(None), pauses.until >= on)
    found = select(pauses.organisation).where(pauses.organisation.in_(sides(suggestion)), lasting)
    for side in sorted(connection.execute(found).scalars()):
        yield Objection(Bar.PAUSED, OrganisationId(side))


def _of_listing(shown: Listing, now: Listing | None, taken: Mapping[ListingId, int], on: date) -> Objection | None:
    if now is None or now.visibility is Visibility.COORDINATORS:
        return Objection(Bar.GONE, shown.organisation)
    if not now.is_open(on):
        return Objection(Bar.NOT_OPEN, shown.organisation)
    if now.capacity is not None and now.capacity <= taken.get(shown.id, 0):
        return Objection(Bar.FULL, shown.organisation)
    return None

"""Asking for an introduction oneself, from what one found: the same consent and the same caps as in a round."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from matcher.eligibility import COOL_DOWN, RULES, past
from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.matching import objections_of, ranked, suggestions
from matcher.network import Entry, Network
from matcher.records import History, Kind, ListingId, OrganisationId, Standing, Strength, Suggestion, Visibility
from matcher.weighing import attention
from service import faults, standing
from service.entitled import refuse_stranger, refuse_yes
from service.introductions import add, ask
from service.standing import NOT_TO_BE, ClosedError
from service.store import rounds, suggested
from service.store.database import Connection
from service.store.introductions import Answer, Origin, Reply, Via, key_of, other_side
from service.wiring import Commonweal


class UnknownListingError(CommonwealError):
    """One of the two listings is not there for this member to ask with, or to ask about."""

    def __init__(self) -> None:
        super().__init__("One of the two is not there any more, or not for you to ask about.")


class AlreadySuggestedError(CommonwealError):
    """The pair was suggested within eight weeks; `key` is that suggestion's."""

    def __init__(self, key: str) -> None:
        super().__init__("This has been suggested to you already: reply to it there.")
        self.key = key


class FullError(CommonwealError):
    """One of the two has had as many suggestions this week as it takes."""


_UNTOLD = {rule.says for rule in RULES if rule.name in ("excluded", "blocked", "forbidden", "declined")}
"""What neither side is told in words of its own."""


@dataclass(frozen=True, slots=True)
class _Request:
    """An organisation that asks, its listing and the other side's, and what the rules say against it in words."""

    organisation: OrganisationId
    asking: Entry
    other: Entry
    ruled_out: Sequence[str]

    @property
    def pair(self) -> tuple[Entry, Entry]:
        """The need first."""
        return (self.asking, self.other) if self.asking.listing.kind is Kind.NEED else (self.other, self.asking)


def request(
    commonweal: Commonweal,
    organisation: OrganisationId,
    own: ListingId,
    theirs: ListingId,
    person: str,
    *,
    via: Via = Via.PAGE,
) -> str:
    """Asks, for an organisation, to be introduced about what one of its listings found. Returns the introduction's key.

    It counts as the organisation's yes: the other side is asked. Raises UnknownListingError, AlreadySuggestedError,
    FullError, or ClosedError where a rule forbids the pair, having changed nothing.
    """
    now, network = commonweal.now(), commonweal.live.current()
    today = now.date()
    asked = _request(commonweal, network, organisation, own, theirs, today)
    suggestion = _suggestion(commonweal, network, asked, today)
    week = rounds.week_of(today)
    key = key_of(week, *suggestion.pair)
    said = Reply(suggestion=key, organisation=organisation, answer=Answer.INTERESTED, person=person, via=via, at=now)
    with commonweal.database.write() as connection:
        refuse_stranger(connection, organisation, person, via)
        refuse_yes(connection, organisation, via)
        _refuse(commonweal, connection, network, asked, suggestion, today)
        add(connection, said)
        ask(connection, key, week, suggestion, opened_by=organisation, at=now, origin=Origin.FOUND)
        faults.point("request.before-commit")
    return key


def why_not(
    commonweal: Commonweal, organisation: OrganisationId, own: ListingId, theirs: ListingId
) -> CommonwealError | None:
    """What `request` would raise now, having changed nothing; None where it would ask."""
    network, today = commonweal.live.current(), commonweal.now().date()
    try:
        asked = _request(commonweal, network, organisation, own, theirs, today)
        need, offer = asked.pair
        bare = Suggestion(need=need.listing, offer=offer.listing, fit=0.0, strength=Strength.WEAK, score=0.0)
        with commonweal.database.read() as connection:
            _refuse(commonweal, connection, network, asked, bare, today)
    except (UnknownListingError, AlreadySuggestedError, FullError, ClosedError) as error:
        return error
    return None


def week_is_full(commonweal: Commonweal, organisation: OrganisationId, kind: Kind) -> str:
    """What to say where it takes no more this week that is about its needs, or about its offers; else nothing."""
    network, week = commonweal.live.current(), rounds.week_of(commonweal.now().date())
    with commonweal.database.read() as connection:
        cap = _cap_reached(commonweal, connection, network, organisation, week, asks=kind is Kind.NEED)
    return _says_full(cap, week, asks=kind is Kind.NEED) if cap is not None else ""


def _says_full(cap: int, week: str, *, asks: bool) -> str:
    if not cap and not asks:
        return "You take no suggestions about your offers: your profile says so."
    return (
        f"You have as many suggestions this week as you take ({cap}). From {_next_monday(week)}, you can ask for more."
    )


def _next_monday(week: str) -> str:
    monday = rounds.monday(week) + timedelta(weeks=1)
    return f"Monday, {monday.day} {monday:%B}"


def _request(
    commonweal: Commonweal,
    network: Network,
    organisation: OrganisationId,
    own: ListingId,
    theirs: ListingId,
    on: date,
) -> _Request:
    asked = _Request(organisation, *_entries(network, organisation, own, theirs, on), ())
    need, offer = asked.pair
    with commonweal.database.read() as connection:
        history = rounds.history(connection, on, about=own)
    before = past(_between(history, network, need, offer), network, on)  # may encode: not under the writer's lock
    found = objections_of(network, need, offer, on=on, before=before)
    told = dict.fromkeys(NOT_TO_BE if says in _UNTOLD else says for says in found)
    return replace(asked, ruled_out=tuple(told))


def _refuse(
    commonweal: Commonweal,
    connection: Connection,
    network: Network,
    asked: _Request,
    suggestion: Suggestion,
    on: date,
) -> None:
    """Raises AlreadySuggestedError, ClosedError or FullError, in this order."""
    _refuse_suggested(connection, asked.organisation, suggestion, on)
    standing.refuse(connection, suggestion, asked.organisation, on)
    if asked.ruled_out:
        raise ClosedError(" ".join(asked.ruled_out))
    _refuse_full(commonweal, connection, network, suggestion, asked.organisation, rounds.week_of(on))


def _entries(
    network: Network, organisation: OrganisationId, own: ListingId, theirs: ListingId, on: date
) -> tuple[Entry, Entry]:
    """The two, where the member may ask with the one and look at the other."""
    try:
        asking, other = network.entry(own), network.entry(theirs)
    except KeyError:
        raise UnknownListingError from None
    is_member = other.organisation is not None and other.organisation.standing is Standing.MEMBER
    is_shown = other.listing.visibility is Visibility.NETWORK and other.listing.is_open(on) and is_member
    is_opposite = (asking.listing.kind is Kind.NEED) != (other.listing.kind is Kind.NEED)
    if asking.listing.organisation != organisation or not is_shown or not is_opposite:
        raise UnknownListingError
    return asking, other


def _between(history: History, network: Network, need: Entry, offer: Entry) -> History:
    """The history without what other organisations declined: to see which still stand, their texts are compared."""
    owners = {need.listing.organisation, offer.listing.organisation}
    declined = {
        pair: decline for pair, decline in history.declined.items() if {network.owner(one) for one in pair} <= owners
    }
    return replace(history, declined=declined)


def _suggestion(commonweal: Commonweal, network: Network, asked: _Request, on: date) -> Suggestion:
    """How well the two fit, and why: as a question of the one would be told of the other."""
    asking, other = asked.asking, asked.other
    ranker, side = commonweal.core.ranker, network.side_opposite(asking.listing.kind)
    only = np.zeros(len(side), bool)
    only[side.rows[other.listing.id]] = True
    found = ranked(asking, side, only, ranker)
    return suggestions(network, [asked.pair], found.fit, found.score, ranker, on)[0]


def _refuse_suggested(connection: Connection, organisation: OrganisationId, suggestion: Suggestion, on: date) -> None:
    for one in suggested.released_for(connection, organisation, rounds.week_of(on - COOL_DOWN)):
        if one.suggestion.pair == suggestion.pair and rounds.monday(one.week) + COOL_DOWN > on:
            raise AlreadySuggestedError(one.key)


def _refuse_full(
    commonweal: Commonweal,
    connection: Connection,
    network: Network,
    suggestion: Suggestion,
    organisation: OrganisationId,
    week: str,
) -> None:
    other = other_side(suggestion, organisation)
    for side in (organisation, other):
        asks = suggestion.need.organisation == side
        cap = _cap_reached(commonweal, connection, network, side, week, asks=asks)
        if cap is not None and side == organisation:
            raise FullError(_says_full(cap, week, asks=asks))
        if cap is not None:
            name = mask(" ".join(network.organisations[other].name.split()))
            if not cap and not asks:
                raise FullError(f"{name} takes no suggestions about its offers.")
            raise FullError(
                f"{name} has as many suggestions as it takes in a week; ask again from {_next_monday(week)}."
            )


def _cap_reached(
    commonweal: Commonweal,
    connection: Connection,
    network: Network,
    organisation: OrganisationId,
    week: str,
    *,
    asks: bool,
) -> int | None:
    """How many the organisation takes in a week, of its round or asked for, where one more would be too many."""
    had = [one.suggestion for one in suggested.released_for(connection, organisation, week) if one.week == week]
    so = [(one.need.organisation == organisation) is asks for one in had]
    cap = commonweal.settings.needs_cap if asks else attention(network, organisation)
    total = commonweal.settings.total_cap
    return cap if sum(so) >= cap else total if len(had) >= total else None

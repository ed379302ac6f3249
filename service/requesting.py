"""Asking for an introduction oneself, from what one found: the same consent and the same caps as in a round."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from matcher.eligibility import COOL_DOWN, past
from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.matching import objections_of, ranked, suggestions
from matcher.network import Entry, Network
from matcher.records import History, Kind, ListingId, OrganisationId, Standing, Suggestion, Visibility
from matcher.weighing import attention
from service import faults, standing
from service.introductions import add, ask, refuse_stranger
from service.standing import ClosedError
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
    asking, other = _entries(network, organisation, own, theirs, today)
    need, offer = (asking, other) if asking.listing.kind is Kind.NEED else (other, asking)
    with commonweal.database.read() as connection:
        history = rounds.history(connection, today, about=own)
    before = past(_between(history, network, need, offer), network, today)  # may encode: not under the writer's lock
    ruled_out = objections_of(network, need, offer, on=today, before=before)
    suggestion = _suggestion(commonweal, network, asking, other, today)
    week = rounds.week_of(today)
    key = key_of(week, *suggestion.pair)
    said = Reply(suggestion=key, organisation=organisation, answer=Answer.INTERESTED, person=person, via=via, at=now)
    with commonweal.database.write() as connection:
        refuse_stranger(connection, organisation, person, via)
        _refuse_suggested(connection, organisation, suggestion, today)
        standing.refuse(connection, suggestion, organisation, today)
        if ruled_out:
            raise ClosedError(" ".join(ruled_out))
        _refuse_full(commonweal, connection, network, suggestion, organisation, week)
        add(connection, said)
        ask(connection, key, week, suggestion, opened_by=organisation, at=now, origin=Origin.FOUND)
        faults.point("request.before-commit")
    return key


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


def _suggestion(commonweal: Commonweal, network: Network, asking: Entry, other: Entry, on: date) -> Suggestion:
    """How well the two fit, and why: as a question of the one would be told of the other."""
    ranker, side = commonweal.core.ranker, network.side_opposite(asking.listing.kind)
    only = np.zeros(len(side), bool)
    only[side.rows[other.listing.id]] = True
    found = ranked(asking, side, only, ranker)
    pair = (asking, other) if asking.listing.kind is Kind.NEED else (other, asking)
    return suggestions(network, [pair], found.fit, found.score, ranker, on)[0]


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
    monday = rounds.monday(week) + timedelta(weeks=1)
    again = f"ask again from Monday, {monday.day} {monday:%B}."
    if _is_full(commonweal, connection, network, suggestion, organisation, week):
        raise FullError(f"You have as many suggestions as you take in a week; {again}")
    if _is_full(commonweal, connection, network, suggestion, other, week):
        name = mask(" ".join(network.organisations[other].name.split()))
        raise FullError(f"{name} has as many suggestions as it takes in a week; {again}")


def _is_full(
    commonweal: Commonweal,
    connection: Connection,
    network: Network,
    suggestion: Suggestion,
    organisation: OrganisationId,
    week: str,
) -> bool:
    """Whether one more like this is more than the organisation takes in a week, of its round or asked for."""
    had = [one.suggestion for one in suggested.released_for(connection, organisation, week) if one.week == week]
    asks = [one.need.organisation == organisation for one in (*had, suggestion)]
    settings = commonweal.settings
    caps = {True: settings.needs_cap, False: attention(network, organisation)}
    return len(asks) > settings.total_cap or asks.count(asks[-1]) > caps[asks[-1]]

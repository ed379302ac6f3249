"""What would help a member that a week has nothing for: never filler, and nothing about anybody else."""

from collections.abc import Iterator
from datetime import date

from matcher import hints
from matcher.eligibility import MEMBER_RULES, Asking, Past, eligible
from matcher.matching import rank
from matcher.network import Entry, Network
from matcher.ranking import Ranker
from matcher.records import Kind, OrganisationId

TOLD = 5  # sentences at most
ANYWHERE = tuple(rule for rule in MEMBER_RULES if rule.name != "out of reach")


def advise(
    network: Network, organisation: OrganisationId, *, ranker: Ranker, on: date, before: Past, looks: bool = True
) -> tuple[str, ...]:
    """Sentences for the member, the most helpful first; none for one that is paused, or where nothing is known to help.

    Looking for what is further away takes as long as a question for each listing: without `looks` that is left out.
    """
    if organisation in before.history.paused:
        return ()
    own = [
        side.entries[row]
        for side in (network.needs, network.offers)
        for row in side.of(organisation)
        if side.entries[row].listing.kind is not Kind.PROFILE
    ]
    if not own:
        return ("Nothing is listed for you yet: say in a sentence or two what you need, or what you could give.",)
    listed = [entry for entry in own if entry.listing.is_open(on)]
    if not listed:
        return ("Nothing that you listed is open now: give it a new closing date, or list something new.",)
    further = _wider(network, listed, ranker, on, before) if looks else ()
    return (*_wanting(network, organisation), *further, *_clearer(listed), *_roomier(listed, before))[:TOLD]


def _wanting(network: Network, organisation: OrganisationId) -> Iterator[str]:
    if network.organisations[organisation].attention_cap == 0 and network.offers.of(organisation).size:
        yield "You asked for no suggestions about your offers: a higher number would let some through."


def _wider(network: Network, listed: list[Entry], ranker: Ranker, on: date, before: Past) -> Iterator[str]:
    for entry in listed:
        side, asking = network.side_opposite(entry.listing.kind), Asking(entry, on, before)
        anywhere = rank(asking, side, ranker, rules=ANYWHERE)
        is_near = eligible(asking, side, MEMBER_RULES)[anywhere.rows]
        if (~is_near & (anywhere.fit >= ranker.threshold)).any():
            yield f"There is something further away for {hints.quoted(entry.listing.text)}: a wider area would help."


def _clearer(listed: list[Entry]) -> Iterator[str]:
    for entry in listed:
        if hints.is_short(entry.listing.text):
            yield f"{hints.quoted(entry.listing.text)} is short: {hints.SAY_MORE}."


def _roomier(listed: list[Entry], before: Past) -> Iterator[str]:
    for entry in listed:
        capacity = entry.listing.capacity
        if capacity is not None and capacity <= before.history.taken.get(entry.listing.id, 0):
            full = "has as many partners as it can take: raise its capacity, or list something new."
            yield f"{hints.quoted(entry.listing.text)} {full}"

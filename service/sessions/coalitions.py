"""Needs of a session's attendees that take several partners, and having those partners meet whoever needs them."""

from collections.abc import Iterable
from dataclasses import dataclass

from matcher.coalitions import Coalition, Coalitions, for_session
from matcher.network import Network
from matcher.records import ListingId, OrganisationId, Pair, Standing
from service.review import deciding
from service.sessions import convening, planning
from service.store import rounds, sessions
from service.store.reviews import Review
from service.wiring import Commonweal

TOGETHER = "Part of a coalition for this need."


@dataclass(frozen=True, slots=True)
class Found:
    """Coalitions for a session; partners that are not in the `room` would have to be invited."""

    coalitions: tuple[Coalitions, ...]
    room: frozenset[OrganisationId]
    on_list: frozenset[OrganisationId]


@dataclass(frozen=True, slots=True)
class Paired:
    """Pairings that were added, and sentences why the others were not."""

    added: tuple[Review, ...]
    refused: tuple[str, ...]


def found(commonweal: Commonweal, network: Network, session: str, *, beyond: bool = False) -> Found:
    """Coalitions of those who come, and with `beyond` of members who do not come yet as well.

    Raises UnknownSessionError.
    """
    with commonweal.database.read() as connection:
        here = convening.find(connection, session)
        attendees = sessions.attendees(connection, session)
        history = rounds.history(connection, here.day)
    room, on_list = sessions.present(attendees), frozenset(one.organisation for one in attendees)
    members = {one.id for one in network.organisations.values() if one.standing is Standing.MEMBER}
    made = for_session(
        network,
        ranker=commonweal.core.ranker,
        attendees=room,
        on=here.day,
        history=history,
        among=room | (members - on_list - history.paused) if beyond else None,
        progress=commonweal.progress,
    )
    return Found(made, room, on_list)


def pairs(need: ListingId, coalition: Coalition) -> tuple[Pair, ...]:
    """The need with a listing of each partner: the one that covers most of it."""
    listings: dict[OrganisationId, dict[ListingId, int]] = {}
    for cover in coalition.covers:
        for share in cover.by:
            counted = listings.setdefault(share.organisation, {})
            counted[share.listing] = counted.get(share.listing, 0) + 1
    return tuple((need, min(counted, key=lambda one: (-counted[one], one))) for _, counted in sorted(listings.items()))


def pair(commonweal: Commonweal, session: str, by: str, wanted: Iterable[Pair]) -> Paired:
    """Adds these to the session's pairings, approved and pinned, as far as rules and limits let them.

    Raises ClosedError, UnknownOccasionError.
    """
    wanted = tuple(dict.fromkeys(wanted))
    proposal = planning.solve(commonweal, session, dry_run=True, trying=wanted).proposal
    suggestions = {one.pair: one for one in proposal.suggestions}
    added, refused = [], []
    for each in wanted:
        try:
            if each not in suggestions:
                raise deciding.RefusedError(proposal.unmet.get(each, "It is not listed any more."))
            added.append(deciding.add(commonweal, session, by, suggestions[each], TOGETHER))
        except deciding.RefusedError as error:
            refused.append(str(error))
    return Paired(tuple(added), tuple(refused))

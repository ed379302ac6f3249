"""Pairings for a session: those who attend and nobody else, everybody at least one if anything fits."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from matcher.allocation import Market, full
from matcher.candidates import Candidates, between
from matcher.eligibility import past
from matcher.encoding import Progress, silent
from matcher.index import BoolArray
from matcher.masking import mask
from matcher.misses import Looked, closest, full_says
from matcher.network import Network
from matcher.proposing import Proposal, Solved, objection, rows_of, suggested, with_pairs
from matcher.ranking import Ranker
from matcher.records import History, LeftOut, OrganisationId, Pair, Suggestion
from matcher.serving import serve
from matcher.weighing import Weighed, weigh

MEETINGS = 8  # of one attendee at most, where nobody said for how many there is time
NO_ROOM = "Limits go before pins."

Couples = Collection[frozenset[OrganisationId]]
"""Pairs of organisations."""


def pairings(
    network: Network,
    *,
    ranker: Ranker,
    on: date,
    history: History,
    attendees: Collection[OrganisationId],
    pinned: Sequence[Pair] = (),
    acquainted: Couples = frozenset(),
    meetings: int = MEETINGS,
    slots: Mapping[OrganisationId, int] | None = None,
    progress: Progress = silent,
) -> Proposal:
    """The pairings of a session: as many attendees as possible get one, the small first; of these the most worth.

    Fits are those within the whole network, because among few listings nothing stands out. The hard rules hold as they
    do for members, but for one: what a digest suggested lately and nobody answered may meet here, because a table is
    another chance and no repetition. Whoever is `acquainted` was introduced already: a table would tell the two nothing
    new, so they are left out unless they are pinned. Nobody gets more than `meetings`, nor than its own `slots`, nor
    more about its offers than it wants in a week, and no two organisations meet twice. `left_out` names every attendee
    without a pairing, with what came closest; nothing is left to chance, and nothing passed over.
    """
    history, slots = replace(history, suggested={}), slots or {}
    before = past(history, network, on)
    room = frozenset(attendees) & network.organisations.keys()
    near = between(network, room, room, ranker=ranker, on=on, before=before, progress=progress)
    unmet = {
        pair: why for pair in pinned if (why := _absent(network, pair, room) or objection(network, pair, on, before))
    }
    wanted = [pair for pair in dict.fromkeys(pinned) if pair not in unmet]
    found = _kept(near, ~_acquainted(network, near, acquainted))
    candidates = with_pairs(found, network, wanted, ranker, on, before)
    weighed = weigh(network, candidates, on=on, history=history)
    weighed = replace(weighed, market=_limited(weighed, meetings, slots))
    asked_for = rows_of(network, candidates, wanted)
    allocation = serve(weighed.market, pinned=asked_for)
    no_room = set(allocation.unmet.tolist())
    solved = Solved(rows=allocation.rows, pinned=frozenset(asked_for) - no_room, propensities={})
    met = np.array(sorted(solved.pinned), np.int64)
    unmet |= {
        pair: f"{full_says(network, weighed, full(weighed.market, met, np.array([row]))[0], row)} {NO_ROOM}"
        for pair, row in zip(wanted, asked_for, strict=True)
        if row in no_room
    }
    suggestions = suggested(network, candidates, weighed, solved, ranker, on)
    looked = Looked(network, ranker, on, before, room, frozenset(acquainted), candidates, weighed, solved.rows, slots)
    return Proposal(
        suggestions=suggestions,
        left_out=_left_out(looked, attendees, suggestions),
        unmet=unmet,
        value=allocation.value,
        bound=allocation.bound,
    )


def _absent(network: Network, pair: Pair, room: Collection[OrganisationId]) -> str:
    """Who of the two does not attend, in a sentence; empty where both do, or where nobody knows whose it is."""
    owners = [owner for listing in pair if (owner := network.owner(listing)) is not None and owner not in room]
    return " ".join(f"{mask(network.organisations[one].name)} does not attend." for one in dict.fromkeys(owners))


def _kept(candidates: Candidates, rows: BoolArray) -> Candidates:
    return Candidates(candidates.need[rows], candidates.offer[rows], candidates.fit[rows], candidates.score[rows])


def _acquainted(network: Network, candidates: Candidates, couples: Couples) -> BoolArray:
    known = frozenset(couples)
    return np.array(
        [
            frozenset(
                (network.needs.entries[need].listing.organisation, network.offers.entries[offer].listing.organisation)
            )
            in known
            for need, offer in zip(candidates.need, candidates.offer, strict=True)
        ],
        bool,
    )


def _limited(weighed: Weighed, meetings: int, slots: Mapping[OrganisationId, int]) -> Market:
    """The market with nobody taking more than there is time for; a week's limit for needs is none of a session's."""
    time = np.array([min(meetings, slots.get(one, meetings)) for one in weighed.organisations], np.int64)
    return replace(weighed.market, asking_caps=time, total_caps=time)


def _left_out(
    looked: Looked, attendees: Collection[OrganisationId], suggestions: Sequence[Suggestion]
) -> dict[OrganisationId, LeftOut]:
    """Every attendee without a pairing, and what came closest."""
    served = {one for each in suggestions for one in (each.need.organisation, each.offer.organisation)}
    fitted = looked.fitted
    return {one: LeftOut(one in fitted, closest(looked, one)) for one in sorted(set(attendees)) if one not in served}

"""A week's round: everybody's candidates, allocated at once, with reasons, and with why the others were not chosen."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import ceil

import numpy as np

from matcher.allocation import allocate, full, objective
from matcher.candidates import Candidates, gather
from matcher.eligibility import MEMBER_RULES, Asking, Past, past
from matcher.encoding import Progress, silent
from matcher.exploring import SPREAD, draw, strata
from matcher.flow import Integers
from matcher.matching import objections_of, rank, suggestions
from matcher.network import Entry, Network
from matcher.passing import passed_over, why_full
from matcher.ranking import Ranker
from matcher.records import History, LeftOut, Listing, ListingId, OrganisationId, Pair, PassedOver, Standing, Suggestion
from matcher.weighing import NEEDS_CAP, TOTAL_CAP, Weighed, weigh

NOT_LISTED = "One of the two is not listed any more."
NO_ROOM = "Limits go before pins."


@dataclass(frozen=True, slots=True)
class Limits:
    """What a network sets: suggestions a week for one organisation's needs, and in all."""

    needs: int = NEEDS_CAP
    total: int = TOTAL_CAP


@dataclass(frozen=True, slots=True)
class Proposal:
    """A week's suggestions, best first, and what else people ask of a round.

    `left_out` are the members with none; `unmet` says why a pinned pair is not suggested. `value` is what the round is
    worth, chance included, and no other is worth more than `bound`.
    """

    suggestions: tuple[Suggestion, ...] = ()
    left_out: Mapping[OrganisationId, LeftOut] = field(default_factory=dict)
    passed_over: tuple[PassedOver, ...] = ()
    unmet: Mapping[Pair, str] = field(default_factory=dict)
    value: float = 0.0
    bound: float = 0.0

    @property
    def gap(self) -> float:
        """The share of the bound that is at most missing."""
        return max(0.0, self.bound - self.value) / abs(self.bound) if self.bound else 0.0

    @property
    def shortfall(self) -> str:
        """The gap in percent, rounded up."""
        return f"{ceil(self.gap * 10_000) / 100:.2f}%"

    def about(self, organisation: OrganisationId, owner: Callable[[ListingId], OrganisationId | None]) -> "Proposal":
        """The same round, as far as it concerns one organisation; what it is worth stays the whole round's."""

        def its(*listings: Listing) -> bool:
            return any(listing.organisation == organisation for listing in listings)

        return replace(
            self,
            suggestions=tuple(one for one in self.suggestions if its(one.need, one.offer)),
            left_out={one: left_out for one, left_out in self.left_out.items() if one == organisation},
            passed_over=tuple(one for one in self.passed_over if organisation in one.between),
            unmet={pair: why for pair, why in self.unmet.items() if organisation in map(owner, pair)},
        )


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """The rows of the candidates that are suggested, those that were pinned, and what chance had a hand in."""

    rows: Integers
    pinned: frozenset[int]
    propensities: Mapping[int, float]


def propose(
    network: Network,
    *,
    ranker: Ranker,
    on: date,
    history: History,
    limits: Limits | None = None,
    pinned: Sequence[Pair] = (),
    chance: np.random.Generator | None = None,
    spread: float = SPREAD,
    found: Candidates | None = None,
    progress: Progress = silent,
) -> Proposal:
    """A round over all open listings of members, both directions, solved for everybody at once.

    `chance` draws between candidates that are as good as each other, within `spread`; without it nothing is drawn.
    `found` spares gathering the candidates again where another round of the same network and day has them.
    """
    limits = limits or Limits()
    before = past(history, network, on)
    if found is None:
        found = gather(network, ranker=ranker, on=on, before=before, progress=progress)
    unmet = {pair: why for pair in pinned if (why := objection(network, pair, on, before))}
    wanted = [pair for pair in dict.fromkeys(pinned) if pair not in unmet]
    candidates = with_pairs(found, network, wanted, ranker, on, before)
    weighed = weigh(network, candidates, on=on, history=history, needs_cap=limits.needs, total_cap=limits.total)
    asked_for = rows_of(network, candidates, wanted)
    allocation = allocate(weighed.market, pinned=asked_for)
    no_room = set(allocation.unmet.tolist())
    tied = strata(weighed.market, allocation.rows, spread=spread, fixed=asked_for) if chance else []
    solved = Solved(
        rows=draw(allocation.rows, tied, chance) if chance else allocation.rows,
        pinned=frozenset(asked_for) - no_room,
        propensities={row: stratum.propensity for stratum in tied for row in stratum.rows},
    )
    met = np.array(sorted(solved.pinned), np.int64)  # whatever else was chosen would have made room
    unmet |= {
        pair: f"{why_full(network, weighed, full(weighed.market, met, np.array([row]))[0], row)}. {NO_ROOM}"
        for pair, row in zip(wanted, asked_for, strict=True)
        if row in no_room
    }
    return Proposal(
        suggestions=suggested(network, candidates, weighed, solved, ranker, on),
        left_out=_left_out(network, candidates, solved, history.paused),
        passed_over=tuple(passed_over(network, candidates, weighed, solved.rows, solved.propensities, ranker)),
        unmet=unmet,
        value=objective(weighed.market, solved.rows),
        bound=allocation.bound,
    )


def objection(network: Network, pair: Pair, on: date, before: Past) -> str:
    """Why a pinned pair may not be suggested at all; empty where it may."""
    need, offer = pair
    if need not in network.needs.rows or offer not in network.offers.rows:
        return NOT_LISTED
    return " ".join(objections_of(network, network.entry(need), network.entry(offer), on=on, before=before))


def with_pairs(
    candidates: Candidates, network: Network, pairs: Sequence[Pair], ranker: Ranker, on: date, before: Past
) -> Candidates:
    """The candidates and these pairs, however little they fit."""
    known = np.isin(_wanted(network, pairs), _keys(network, candidates.need, candidates.offer))
    more = [
        _asked(network, pair, ranker, on, before) for pair, is_known in zip(pairs, known, strict=True) if not is_known
    ]
    if not more:
        return candidates
    need, offer, fit, score = (np.array(column) for column in zip(*more, strict=True))
    need, offer = np.append(candidates.need, need), np.append(candidates.offer, offer)
    fit, score = np.append(candidates.fit, fit), np.append(candidates.score, score)
    order = np.argsort(_keys(network, need, offer))
    return Candidates(need[order], offer[order], fit[order], score[order])


def _asked(
    network: Network, pair: Pair, ranker: Ranker, on: date, before: Past
) -> tuple[int, int, np.float32, np.float32]:
    """A pair's rows, and its fit and score when the need asks all the way down."""
    need, offer = network.needs.rows[pair[0]], network.offers.rows[pair[1]]
    asking = Asking(network.needs.entries[need], on, before)
    passages = sum(len(entry.passages) for entry in network.offers.entries)  # retrieval goes so many deep, not rows
    ranked = rank(asking, network.offers, ranker, rules=MEMBER_RULES, depth=passages)
    (place,) = np.flatnonzero(ranked.rows == offer)
    return need, offer, ranked.fit[place], ranked.score[place]


def rows_of(network: Network, candidates: Candidates, pairs: Sequence[Pair]) -> list[int]:
    """Each pair's row among the candidates."""
    found = np.searchsorted(_keys(network, candidates.need, candidates.offer), _wanted(network, pairs))
    return [int(row) for row in found]


def _wanted(network: Network, pairs: Sequence[Pair]) -> Integers:
    needs = np.array([network.needs.rows[need] for need, _ in pairs], np.int64)
    return _keys(network, needs, np.array([network.offers.rows[offer] for _, offer in pairs], np.int64))


def _keys(network: Network, needs: Integers, offers: Integers) -> Integers:
    """One number for each pair of rows, in the order of candidates."""
    return needs * len(network.offers) + offers


def suggested(
    network: Network, candidates: Candidates, weighed: Weighed, solved: Solved, ranker: Ranker, on: date
) -> tuple[Suggestion, ...]:
    """Best first: by fit, real offers before profiles, then the smaller ids."""
    rows = solved.rows
    need, offer = candidates.need[rows], candidates.offer[rows]
    rows = rows[np.lexsort((offer, need, network.offers.profiles[offer], -candidates.fit[rows]))]
    pairs: list[tuple[Entry, Entry]] = [
        (network.needs.entries[n], network.offers.entries[o])
        for n, o in zip(candidates.need[rows], candidates.offer[rows], strict=True)
    ]
    made = suggestions(network, pairs, candidates.fit[rows], candidates.score[rows], ranker, on)
    yes = weighed.likelihood
    return tuple(
        replace(
            one,
            asking=float(yes.asking[row]),
            giving=float(yes.giving[row]),
            propensity=solved.propensities.get(row, 1.0),
            pinned=row in solved.pinned,
        )
        for one, row in zip(made, rows.tolist(), strict=True)
    )


def _left_out(
    network: Network, candidates: Candidates, solved: Solved, paused: Collection[OrganisationId]
) -> dict[OrganisationId, LeftOut]:
    """The members that have nothing and did not ask for that."""

    def owners(rows: Integers | slice) -> set[OrganisationId]:
        needs, offers = np.unique(candidates.need[rows]), np.unique(candidates.offer[rows])
        entries = [network.needs.entries[n] for n in needs] + [network.offers.entries[o] for o in offers]
        return {entry.listing.organisation for entry in entries}

    served, could = owners(solved.rows), owners(slice(None))
    members = sorted(one.id for one in network.organisations.values() if one.standing is Standing.MEMBER)
    return {one: LeftOut(one in could) for one in members if one not in served and one not in paused}

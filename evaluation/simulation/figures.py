"""What a run of weeks came to: introductions, who had a share in them, envy, and whether any limit was passed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from evaluation.serving import gini_of, lorenz_of
from evaluation.simulation.weeks import REST, Lived, examination
from evaluation.simulation.worlds import World
from matcher.flow import Integers, Worths

NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one policy in one market. Shares are 0 to 1.

    `expected` introductions are the sum of exact probabilities, `by_week` week by week, and `first` those of the first
    week, when all policies have the same market. They count every yes of both sides, also beyond what a listing can
    take; `made` are those that chance gave and the listings could take. `suggested` is the share of members with a
    suggestion in an average week, `introduced` with an introduction in any.

    `envious` is the share of members who would have had more of another's list, `envy` how many introductions more, a
    week and member. `gini` is of how much the organisations that offer are looked at, `lorenz` its curve. `to_small` is
    the share of places in suggestions that small organisations have, `small_gain` how far that lies above their share
    of listings; where nothing is suggested it is as that. `over` counts places beyond a cap, over all caps; `longest`
    is the most suggestions an organisation had in a week; `repeats` counts pairs suggested again within their rest.
    `seconds` are those to choose a week.
    """

    expected: float
    first: float
    made: int
    suggestions: int
    suggested: float
    introduced: float
    envious: float
    envy: float
    gini: float
    to_small: float
    small_gain: float
    over: int
    longest: int
    repeats: int
    seconds: float
    by_week: tuple[float, ...]
    lorenz: tuple[float, ...]


def measured(world: World, weeks: Sequence[Lived]) -> Figures:
    """The figures of one run. There must be a week."""
    suggested = [week.suggested for week in weeks]
    every = np.concatenate(suggested)
    organisations = len(world.small)
    ends = [np.concatenate(_owners(world, rows)) for rows in suggested]
    met = np.concatenate([np.concatenate(_owners(world, week.suggested[week.introduced])) for week in weeks])
    excess = np.stack([envy(world, week) for week in weeks])
    looks = np.concatenate([examination(week.asking_place) for week in weeks])
    exposure = np.bincount(world.gives[world.offer[every]], looks, organisations)
    shared = np.sort(exposure[np.unique(world.gives)])
    places = np.concatenate(ends)
    to_small = float(world.small[places].mean()) if len(places) else world.small_listings
    return Figures(
        expected=float(sum(week.chances.sum() for week in weeks)),
        first=float(weeks[0].chances.sum()),
        made=int(sum(week.introduced.sum() for week in weeks)),
        suggestions=len(every),
        suggested=float(np.mean([len(np.unique(of_week)) / organisations for of_week in ends])),
        introduced=len(np.unique(met)) / organisations,
        envious=float((excess > NEGLIGIBLE).mean()),
        envy=float(excess.mean()),
        gini=gini_of(shared),
        to_small=to_small,
        small_gain=to_small - world.small_listings,
        over=sum(_over(world, week) for week in weeks),
        longest=max(int(np.bincount(of_week, minlength=1).max()) for of_week in ends),
        repeats=_repeats(suggested),
        seconds=float(np.mean([week.seconds for week in weeks])),
        by_week=tuple(float(week.chances.sum()) for week in weeks),
        lorenz=lorenz_of(shared),
    )


def _owners(world: World, candidates: Integers) -> tuple[Integers, Integers]:
    """The organisations that ask and that give."""
    return world.asks[world.need[candidates]], world.gives[world.offer[candidates]]


def _over(world: World, week: Lived) -> int:
    """How many places lie beyond the cap of a listing, of an organisation's side, or of an organisation."""
    asking, giving = _owners(world, week.suggested)
    counted = (
        (world.need[week.suggested], week.need_caps),
        (world.offer[week.suggested], week.offer_caps),
        (asking, world.asking_caps),
        (giving, world.giving_caps),
        (np.concatenate([asking, giving]), world.total_caps),
    )
    return int(sum(np.maximum(np.bincount(of, minlength=len(caps)) - caps, 0).sum() for of, caps in counted))


def _repeats(suggested: Sequence[Integers]) -> int:
    """How many suggestions are of a pair that was suggested in the same week, or less than `REST` weeks before."""
    pair, week = np.concatenate(suggested), np.repeat(np.arange(len(suggested)), [len(rows) for rows in suggested])
    order = np.lexsort((week, pair))
    return int(((np.diff(pair[order]) == 0) & (np.diff(week[order]) < REST)).sum())


def envy(world: World, week: Lived) -> Worths:
    """For each organisation, how many introductions more it could expect of the best other list; both sides added up.

    Envy as in Do, Corbett-Davies, Atif and Usunier, "Online Certification of Preference-based Fairness for Personalized
    Recommender Systems" (2021) and, where both sides must say yes, in Tomita and Yokoyama, "Fair Reciprocal
    Recommendation in Matching Markets" (RecSys 2024): another's list is its partners, looked at as likely as they and
    it look at each other now. It counts only as far as it is possible: partners that were open to one of the
    organisation's own listings this week (to the likeliest one), and of the list's first places as many as the caps of
    the organisation and its listings let it have on that side.
    """
    need, offer = world.need[week.open], world.offer[week.open]
    asks, gives = _owners(world, week.open)
    need_room = np.bincount(world.asks, week.need_caps, len(world.small))
    offer_room = np.bincount(world.gives, week.offer_caps, len(world.small))
    asking = _excess(week, asks, offer, week.asking_place, np.minimum(world.asking_caps, need_room))
    giving = _excess(week, gives, need, week.giving_place, np.minimum(world.giving_caps, offer_room))
    return asking + giving


def _excess(week: Lived, owner: Integers, partner: Integers, place: Integers, caps: Worths) -> Worths:
    """The same on one side, of which each open candidate has an organisation, and opposite it a partner's listing."""
    shape = (len(caps), int(partner.max(initial=-1)) + 1)
    could = _most(owner, partner, week.yes, shape)
    reader, shown = owner[week.rows], partner[week.rows]
    best = np.zeros(len(caps))
    for cap in np.unique(caps[np.unique(owner)]):
        first = place < cap
        lists = _most(reader[first], shown[first], week.looks[first], shape)
        envying = np.flatnonzero(caps == cap)
        gains = (could[envying] @ lists.T).tocoo()
        who, whose = envying[gains.coords[0]], gains.coords[1]
        np.maximum.at(best, who, np.where(who == whose, 0, gains.data))
    return np.maximum(best - np.bincount(reader, week.chances, len(caps)), 0)


def _most(row: Integers, column: Integers, value: Worths, shape: tuple[int, int]) -> sparse.csr_array:
    """A sparse matrix with the highest value where one place has several."""
    order = np.lexsort((-value, column, row))
    row, column, value = row[order], column[order], value[order]
    first = np.ones(len(row), bool)
    first[1:] = (np.diff(row) != 0) | (np.diff(column) != 0)
    return sparse.csr_array((value[first], (row[first], column[first])), shape)

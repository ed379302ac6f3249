"""Suggestions as one minimum-cost flow, solved exactly by OR-Tools: the best there is where worths add up.

source - organisation asking - need - candidate - offer - organisation giving - sink (Ahuja, Magnanti and Orlin,
Network Flows, 1993). Parallel arcs of falling worth make an organisation's first suggestion count for more than its
third. Where the candidates are too many for one network, the best of each listing are solved, and what the prices of
that solution show to be missing is added until nothing is (sifting: Bixby et al. 1992): as exact, in less memory.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

SCALE = 1_000_000
"""Worths are rounded to so many parts of 1. A suggestion has three, so n of them are within 3 n / SCALE."""

LARGEST = 12_000_000  # candidates that are solved in one network
BEST = 10  # candidates of each listing that a larger market begins with

SOURCE, SINK = 0, 1
UNREACHED = 1 << 60

Integers = NDArray[np.int64]
Worths = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """One side of the market: each candidate's `listing`, each listing's `owner`, and what both can take.

    `worths[k]` is what each organisation's suggestion number k + 1 is worth besides its own value; the last row holds
    for all further ones. Shape (levels, organisations), never rising from row to row.
    """

    listing: Integers
    owner: Integers
    listing_caps: Integers
    caps: Integers
    worths: Worths

    @property
    def clipped(self) -> "Half":
        """The same side with no cap above what it has candidates for."""
        listed = np.bincount(self.listing, minlength=len(self.owner))
        owned = np.bincount(self.owner[self.listing], minlength=len(self.caps))
        return replace(self, listing_caps=np.minimum(self.listing_caps, listed), caps=np.minimum(self.caps, owned))

    def of(self, rows: Integers) -> "Half":
        """The same side for these candidates only."""
        return replace(self, listing=self.listing[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Arcs:
    """Arcs in columns: from `tail` to `head`, at most `cap` units, each at `cost`."""

    tail: Integers
    head: Integers
    cap: Integers
    cost: Integers

    @property
    def turned(self) -> "Arcs":
        return Arcs(self.head, self.tail, self.cap, self.cost)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A market as arcs, the candidates' first and in their order, and how many units go from source to sink."""

    arcs: Arcs
    nodes: int
    supply: int


def solve(value: Worths, asking: Half, giving: Half, *, largest: int = LARGEST) -> Integers:
    """The candidates that are worth most together, as ascending rows. The same input gives the same rows.

    `value` is each candidate's own worth. A candidate that would lessen the whole is left out. More than `largest`
    are sifted.
    """
    asking, giving = asking.clipped, giving.clipped
    rows = np.arange(len(value)) if len(value) <= largest else _best(value, asking, giving)
    while len(rows):
        solved = network(value[rows], asking.of(rows), giving.of(rows))
        carried = cheapest(solved)
        if len(rows) == len(value):
            return np.flatnonzero(carried[: len(rows)])
        missing = _missing(value, asking, giving, rows, solved, carried)
        if not len(missing):
            return rows[np.flatnonzero(carried[: len(rows)])]
        rows = np.union1d(rows, missing)
    return rows


def _best(value: Worths, asking: Half, giving: Half) -> Integers:
    """The `BEST` candidates of each need and of each offer."""
    return np.flatnonzero((places(asking.listing, value) < BEST) | (places(giving.listing, value) < BEST))


def _missing(
    value: Worths, asking: Half, giving: Half, rows: Integers, solved: "Network", carried: Integers
) -> Integers:
    """The candidates beside `rows` that could better the solution: worth more than the prices of their two listings.

    A price is a node's distance from the source in what is left of the network. That is the highest price; an offer
    whose organisation has no suggestion has its lowest.
    """
    distance = _distances(solved, carried)
    needs, offers = np.full(len(asking.owner), UNREACHED), np.full(len(giving.owner), -UNREACHED)
    needs[asking.listing[rows]] = distance[solved.arcs.tail[: len(rows)]]
    offers[giving.listing[rows]] = distance[solved.arcs.head[: len(rows)]]
    busy = np.bincount(giving.owner[giving.listing[rows[carried[: len(rows)] > 0]]], minlength=len(giving.caps)) > 0
    idle = ~busy[giving.owner] & (offers > -UNREACHED)
    offers[idle] = -_cost(giving.worths[0])[giving.owner[idle]]
    gains = -_cost(value) - needs[asking.listing] + offers[giving.listing]
    gains[rows] = 0
    return np.flatnonzero(gains > 0)


def _distances(network: "Network", carried: Integers) -> Integers:
    """Each node's distance from the source along arcs with room left, or back along those that carry (Bellman-Ford)."""
    arcs = network.arcs
    room, back = carried < arcs.cap, carried > 0
    tail = np.concatenate([arcs.tail[room], arcs.head[back]])
    head = np.concatenate([arcs.head[room], arcs.tail[back]])
    cost = np.concatenate([arcs.cost[room], -arcs.cost[back]])
    order = np.argsort(head, kind="stable")
    heads, starts = np.unique(head[order], return_index=True)
    tail, cost = tail[order], cost[order]
    distance = np.full(network.nodes, UNREACHED)
    distance[SOURCE] = 0
    while True:
        nearer = np.minimum(distance[heads], np.minimum.reduceat(distance[tail] + cost, starts))
        if (nearer == distance[heads]).all():
            return distance
        distance[heads] = nearer


def cheapest(network: Network) -> Integers:
    """How many units each arc carries when all of the supply is sent at the least cost."""
    from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

    arcs, solver = network.arcs, SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(arcs.tail, arcs.head, arcs.cap, arcs.cost)
    solver.set_nodes_supplies(np.array([SOURCE, SINK]), np.array([network.supply, -network.supply]))
    status = solver.solve()
    assert status == solver.OPTIMAL, status
    return np.asarray(solver.flows(np.arange(len(arcs.tail))), np.int64)


def network(value: Worths, asking: Half, giving: Half) -> Network:
    """The market as a network. What is not worth sending through it takes the last arc, straight to the sink."""
    needs, asked, after = _half(asking, SOURCE, SINK + 1)
    offers, given, nodes = _half(giving, SINK, after)
    candidates = Arcs(needs, offers, np.ones(len(value), np.int64), _cost(value))
    supply = int(asked.cap[asked.tail == SOURCE].sum())
    past = Arcs(np.array([SOURCE]), np.array([SINK]), np.array([supply]), np.zeros(1, np.int64))
    return Network(_joined(candidates, asked, given.turned, past), nodes, supply)


def _half(half: Half, end: int, first: int) -> tuple[Integers, Arcs, int]:
    """Each candidate's node on this side, the arcs from `end` to those nodes, and the first number after theirs."""
    listings, listing = np.unique(half.listing, return_inverse=True)
    owners, owner = np.unique(half.owner[listings], return_inverse=True)
    owner_nodes = first + np.arange(len(owners))
    listing_nodes = first + len(owners) + np.arange(len(listings))
    caps, listing_caps = half.caps[owners], half.listing_caps[listings]
    ends = np.full(len(owners), end)
    blocks = [Arcs(owner_nodes[owner], listing_nodes, listing_caps, np.zeros(len(listings), np.int64))]
    for level, worth in enumerate(half.worths, 1):
        room = np.maximum(caps - (level - 1), 0)
        cap = room if level == len(half.worths) else np.minimum(room, 1)
        blocks.append(Arcs(ends, owner_nodes, cap, _cost(worth[owners])))
    return listing_nodes[listing], _joined(*blocks), first + len(owners) + len(listings)


def _joined(*blocks: Arcs) -> Arcs:
    return Arcs(
        np.concatenate([block.tail for block in blocks]),
        np.concatenate([block.head for block in blocks]),
        np.concatenate([block.cap for block in blocks]),
        np.concatenate([block.cost for block in blocks]),
    )


def _cost(worth: Worths) -> Integers:
    return np.rint(worth * -SCALE).astype(np.int64)


def places(groups: Integers, worth: Worths) -> Integers:
    """Each one's place in its group, 0 for the one that is worth most; ties by position."""
    order = np.lexsort((-worth, groups))
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    found = np.empty(len(groups), np.int64)
    found[order] = np.arange(len(groups)) - np.repeat(starts, counts)
    return found

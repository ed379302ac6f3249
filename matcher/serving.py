"""A room's pairings out of all candidates: first as many served as can be, the small among them first, then by worth.

That somebody is served, asking or giving, and a total over both sides are no constraints of a flow (allocation.py). A
room is small enough to be solved whole, as an integer program by SCIP, which comes with OR-Tools: 300 who attend and
7,900 candidates took 2 s, and CP-SAT, which proves by search what the linear relaxation nearly says, 10 s to minutes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from matcher.allocation import LEVELS, Allocation, Caps, Market, caps_of, grant, objective, worths_after
from matcher.flow import SCALE, Integers

SMALL = 1e-3  # of a place served, for each part of `worth`: whoever counts for more comes first among as many
HALF = 0.5


def serve(market: Market, *, pinned: Sequence[int] = (), levels: Sequence[float] = LEVELS) -> Allocation:
    """The pairings of a room: no cap is passed, and no two organisations meet twice.

    Rows in `pinned` come first, in their order, as far as the caps allow. Of what can stand beside them, that which
    gives most organisations at least one; of these, that which serves those of most `worth`; of these, that which is
    worth most, up to what worths are rounded by. `bound` is for allocations that serve as well. Equal worths go to the
    smaller rows.
    """
    caps = caps_of(market)
    granted, unmet = grant(caps, pinned)
    left = caps.after(granted)
    rows = np.flatnonzero((left.room[caps.counted] > 0).all(axis=1))
    chosen = _Room.beside(market, left, rows, granted, levels).solved() if len(rows) else rows
    best = np.sort(np.append(granted, chosen))
    value = objective(market, best, levels)
    return Allocation(best, value, value + 4 * len(rows) / SCALE if len(rows) else value, unmet)


@dataclass(frozen=True, slots=True, eq=False)
class _Room:
    """The program: a yes or no for each of `rows`, who would be served by them, and what they are worth."""

    solver: Any
    rows: Integers
    takes: Sequence[Any]
    served: Any
    worth: Any

    @staticmethod
    def beside(market: Market, caps: Caps, rows: Integers, granted: Integers, levels: Sequence[float]) -> "_Room":
        from ortools.linear_solver import pywraplp

        solver = pywraplp.Solver.CreateSolver("SCIP")
        takes = [solver.BoolVar("") for _ in rows]
        for limit, places in _grouped(caps.counted[rows]):
            if len(places) > caps.room[limit]:
                solver.Add(sum(takes[place] for place in places) <= int(caps.room[limit]))
        sides = market.asking, market.giving
        had = {one for side in sides for one in side[granted].tolist()}
        both = [
            (one, places)
            for one, places in _grouped(np.stack([side[rows] for side in sides], axis=1))
            if one not in had
        ]
        served = sum(
            (1 + SMALL * market.worth[one] / len(market.worth)) * _served(solver, takes, places) for one, places in both
        )
        smaller = np.arange(len(rows)) / len(rows)  # of equal rows the first
        value = np.rint(market.value[rows] * SCALE) - smaller
        worth = sum(float(one) * take for one, take in zip(value, takes, strict=True))
        for side in sides:
            after = np.rint(worths_after(market, levels, side[granted]) * SCALE)
            for one, places in _grouped(side[rows][:, None]):
                worth += _besides(solver, [takes[place] for place in places], after[:, one].tolist())
        return _Room(solver, rows, takes, served, worth)

    def solved(self) -> Integers:
        """The rows taken."""
        if not isinstance(self.served, int):
            most = self._most(self.served)
            self.solver.Add(self.served >= most - 1e-7)
        self._most(self.worth)
        is_taken = np.array([take.solution_value() > HALF for take in self.takes])
        return np.asarray(self.rows[is_taken], np.int64)

    def _most(self, what: Any) -> float:
        self.solver.Maximize(what)
        status = self.solver.Solve()
        assert status == self.solver.OPTIMAL, status
        return float(self.solver.Objective().Value())


def _grouped(counted: Integers) -> Iterable[tuple[int, list[int]]]:
    """Each number that a row holds, and the places of the rows that hold it."""
    found: dict[int, list[int]] = {}
    for place, numbers in enumerate(counted.tolist()):
        for number in numbers:
            found.setdefault(number, []).append(place)
    return sorted(found.items())


def _served(solver: Any, takes: Sequence[Any], places: Sequence[int]) -> Any:
    """1 where one of these is taken."""
    is_served = solver.NumVar(0, 1, "")
    solver.Add(is_served <= sum(takes[place] for place in places))
    return is_served


def _besides(solver: Any, takes: Sequence[Any], after: Sequence[float]) -> Any:
    """What so many taken are worth to one organisation besides their value; the last of `after` goes on."""
    *levels, last = after
    reached = [solver.NumVar(0, 1, "") for _ in levels[: len(takes)]]
    solver.Add(sum(reached) <= sum(takes))
    return last * sum(takes) + sum((worth - last) * level for worth, level in zip(levels, reached, strict=False))

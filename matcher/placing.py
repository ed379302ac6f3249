"""Which meetings are held, and in which slots: exactly, by OR-Tools CP-SAT, as far as its effort reaches.

Slots are first left out of it: which meetings could be held if only everybody's slots, and the tables, had to suffice
for each stretch of time? That is a small problem, and none is worth more. Nearly always its meetings can be put into
slots, which is then proven to be the best there is: an edge colouring, that a search without linear relaxation finds at
once. Where they cannot, all is solved together. One worker, a fixed seed, and a limit on work instead of on time make
the same input give the same timetable.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ortools.sat.python import cp_model

from matcher.records import OrganisationId

Couple = tuple[OrganisationId, OrganisationId]
"""Two organisations that meet, the smaller id first."""

Slots = Mapping[Couple, int]
"""The slot of each meeting that is held."""

SCALE = 10_000
"""Worths are whole numbers: so many are 1."""

EFFORT = 12.0  # deterministic time of the solver for each of its steps: some 15 to 30 seconds
LARGE = 4_000  # choices of a slot, from which on linear relaxations cost more than they bring


@dataclass(frozen=True, slots=True)
class Problem:
    """What could be held, in columns: couples, their worths in whole numbers, and the slots in which they may meet.

    `first` is what an organisation's first meeting is worth besides. Those that `must` be are held whatever they are
    worth, and none of those `told` is given up for others.
    `stays` has the slot in which a couple met before, and whether its table is there still.
    """

    couples: tuple[Couple, ...]
    worths: tuple[int, ...]
    windows: tuple[tuple[int, ...], ...]
    tables: int
    first: int = 0
    must: frozenset[Couple] = frozenset()
    told: frozenset[Couple] = frozenset()
    stays: Mapping[Couple, tuple[int, bool]] = field(default_factory=dict)

    @property
    def of(self) -> dict[OrganisationId, list[int]]:
        """Each organisation's couples, by number."""
        found: defaultdict[OrganisationId, list[int]] = defaultdict(list)
        for number, both in enumerate(self.couples):
            for one in both:
                found[one].append(number)
        return dict(sorted(found.items()))

    def value(self, slots: Iterable[Couple]) -> int:
        held = set(slots)
        met = {one for both in held for one in both}
        return sum(w for one, w in zip(self.couples, self.worths, strict=True) if one in held) + self.first * len(met)

    @property
    def more_than_all(self) -> int:
        """More than all meetings together are worth."""
        return sum(self.worths) + self.first * len(self.of) + 1

    @property
    def is_large(self) -> bool:
        return sum(map(len, self.windows)) > LARGE


@dataclass(frozen=True, slots=True)
class Placed:
    """The meetings that are held, and what they are worth; nothing that could be held is worth more than `bound`."""

    slots: Slots
    value: int
    bound: int


def place(problem: Problem, *, effort: float = EFFORT) -> Placed:
    """The meetings most worth holding and, among the ways to hold them, the one that leaves most where they were.

    In a large problem these are the ways to hold the same meetings; in others, to hold any that are worth as much.
    """
    bound, chosen = _selected(problem, effort)
    if problem.told:
        _, chosen = _selected(problem, effort, keep_told=True)
    model = _Model(problem, effort)
    slots = model.with_these(chosen)
    if slots is None:
        slots, most = model.best()
        bound = min(bound, most)
        if problem.stays and problem.is_large:
            slots = model.with_these({n for n, both in enumerate(problem.couples) if both in slots}) or slots
    if problem.stays and not problem.is_large:
        slots = model.staying(slots)
    value = problem.value(slots)
    return Placed(slots, value, max(bound, value))


def _selected(problem: Problem, effort: float, *, keep_told: bool = False) -> tuple[int, set[int]]:
    """What could be held if slots needed only to be enough, and more than which none is worth; those that were told
    first, each then counting for more than all others together.
    """
    model = cp_model.CpModel()
    held = [model.new_bool_var("") for _ in problem.couples]
    for both, window, one in zip(problem.couples, problem.windows, held, strict=True):
        if not window or both in problem.must:
            model.add(one == int(both in problem.must))
    for numbers in problem.of.values():
        _enough(model, problem, held, numbers, 1)
    _enough(model, problem, held, range(len(held)), problem.tables)
    worth = _worth(model, problem, held)
    model.maximize(worth + (problem.more_than_all * _told(problem, held) if keep_told else 0))
    solver = _solver(effort, linear=True)
    solver.solve(model)
    return round(solver.best_objective_bound), {number for number, one in enumerate(held) if solver.boolean_value(one)}


def _enough(model: Any, problem: Problem, held: list[Any], numbers: Iterable[int], at_once: int) -> None:
    """In every stretch of time no more of these are held than there is room for, `at_once` in a slot."""
    open_ = [number for number in numbers if problem.windows[number]]
    for first in sorted({problem.windows[number][0] for number in open_}):
        for last in sorted({problem.windows[number][-1] for number in open_}):
            within = [n for n in open_ if first <= problem.windows[n][0] and problem.windows[n][-1] <= last]
            if len(within) > (room := at_once * (last - first + 1)):
                model.add(sum(held[number] for number in within) <= room)


def _worth(model: Any, problem: Problem, held: list[Any]) -> Any:
    """What is held is worth, each organisation's first meeting counted extra."""
    met = []
    for numbers in problem.of.values():
        has_one = model.new_bool_var("")
        model.add_bool_or([*(held[number] for number in numbers), has_one.negated()])
        met.append(has_one)
    return sum(w * one for w, one in zip(problem.worths, held, strict=True)) + problem.first * sum(met)


def _told(problem: Problem, held: list[Any]) -> Any:
    return sum(one for couple, one in zip(problem.couples, held, strict=True) if couple in problem.told)


@dataclass(frozen=True, slots=True)
class _Model:
    """All slots of all couples as one model, asked three questions."""

    problem: Problem
    effort: float

    def with_these(self, chosen: set[int]) -> dict[Couple, int] | None:
        """These couples and no others in slots, few of them moved; None where that cannot be, or is not found."""
        model, choices, held = self._made()
        for number, one in enumerate(held):
            model.add(one == int(number in chosen))
        if self.problem.stays:
            self._stay(model, choices)
            self._hint(model, choices, {one: slot for one, (slot, _) in self.problem.stays.items()})
            if (slots := self._solved(model, choices, linear=True)[0]) is not None:
                return slots
            model.clear_objective()
        return self._solved(model, choices, linear=False)[0]

    def best(self) -> tuple[dict[Couple, int], int]:
        """The meetings most worth holding, those that were told first; and what none is worth more than."""
        problem, more = self.problem, self.problem.more_than_all
        model, choices, held = self._made()
        model.maximize(_worth(model, problem, held) + (more * _told(problem, held) if problem.told else 0))
        self._hint(model, choices, self._one_by_one())
        slots, bound = self._solved(model, choices, linear=not problem.is_large)
        return slots or self._one_by_one(), more if problem.told else bound

    def staying(self, slots: Slots) -> dict[Couple, int]:
        """As much held, worth as much, and as few changed as can be; `slots` itself where nothing better is found."""
        problem = self.problem
        model, choices, held = self._made()
        model.add(_worth(model, problem, held) >= problem.value(slots))
        model.add(_told(problem, held) >= sum(one in slots for one in problem.told))
        self._stay(model, choices)
        self._hint(model, choices, slots)
        return self._solved(model, choices, linear=True)[0] or dict(slots)

    def _stay(self, model: Any, choices: Mapping[tuple[Couple, int], Any]) -> None:
        """Asks for as many as can be in their slots; a table kept as well counts for more than all slots alone."""
        stays = self.problem.stays
        model.maximize(
            sum((len(stays) + 1 if with_table else 1) * choices[one, slot] for one, (slot, with_table) in stays.items())
        )

    def _solved(
        self, model: Any, choices: Mapping[tuple[Couple, int], Any], *, linear: bool
    ) -> tuple[dict[Couple, int] | None, int]:
        """The slots of a solution, None where none was found; and what the objective cannot be more than."""
        solver = _solver(self.effort, linear=linear)
        if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, self.problem.more_than_all
        slots = {both: slot for (both, slot), choice in choices.items() if solver.boolean_value(choice)}
        return slots, round(solver.best_objective_bound)

    def _made(self) -> tuple[Any, dict[tuple[Couple, int], Any], list[Any]]:
        problem, model = self.problem, cp_model.CpModel()
        choices: dict[tuple[Couple, int], Any] = {}
        held, at_once = [], defaultdict(list)
        for both, window in zip(problem.couples, problem.windows, strict=True):
            slots = [choices.setdefault((both, slot), model.new_bool_var("")) for slot in window]
            is_held = model.new_bool_var("")
            model.add_exactly_one([*slots, is_held.negated()])
            held.append(is_held)
            if both in problem.must:
                model.add(is_held == 1)
            for slot, choice in zip(window, slots, strict=True):
                for what in (*both, None):
                    at_once[what, slot].append(choice)
        for (what, _), those in at_once.items():
            if what is None:
                model.add(sum(those) <= problem.tables)
            else:
                model.add_at_most_one(those)
        return model, choices, held

    @staticmethod
    def _hint(model: Any, choices: Mapping[tuple[Couple, int], Any], slots: Slots) -> None:
        for (both, slot), choice in choices.items():
            if both in slots:
                model.add_hint(choice, int(slots[both] == slot))

    def _one_by_one(self) -> dict[Couple, int]:
        """Each in the first slot that is free, those that were told and the most worth first."""
        problem, taken = self.problem, set[tuple[OrganisationId, int]]()
        count: defaultdict[int, int] = defaultdict(int)

        def rank(number: int) -> tuple[bool, bool, int]:
            both = problem.couples[number]
            return both not in problem.must, both not in problem.told, -problem.worths[number]

        found: dict[Couple, int] = {}
        for number in sorted(range(len(problem.couples)), key=rank):
            both = problem.couples[number]
            stays = (problem.stays[both][0],) if both in problem.stays else ()
            for slot in (*stays, *problem.windows[number]):
                if count[slot] < problem.tables and not any((one, slot) in taken for one in both):
                    found[both] = slot
                    count[slot] += 1
                    taken.update((one, slot) for one in both)
                    break
        return found


def _solver(effort: float, *, linear: bool) -> Any:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = effort
    solver.parameters.linearization_level = 1 if linear else 0
    return solver

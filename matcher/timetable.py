"""One-to-one meetings in slots and at tables: nobody twice at once, as much as possible held, little changed."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ortools.sat.python import cp_model

from matcher.records import OrganisationId

Couple = tuple[OrganisationId, OrganisationId]
"""Two organisations, the smaller id first."""

SCALE = 1000  # worths as whole numbers
EFFORT = 20.0  # what the solver may spend, in its own deterministic seconds, of each of two solves
APART = "They are not there at the same time."
CROWDED = "{who} meets others in every slot that suits both."
FULL = "Every table is taken in every slot that suits both."
NO_ROOM = "No slot is left in which both are free."


@dataclass(frozen=True, slots=True)
class Wanted:
    """Two organisations to meet, and what that is worth: 0 to 1, or more."""

    one: OrganisationId
    other: OrganisationId
    worth: float

    @property
    def couple(self) -> Couple:
        return couple(self.one, self.other)


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two organisations, the smaller id first, in a slot counted from 0, at a table counted from 1."""

    one: OrganisationId
    other: OrganisationId
    slot: int
    table: int

    @property
    def couple(self) -> Couple:
        return self.one, self.other


@dataclass(frozen=True, slots=True)
class Timetable:
    """The meetings by slot and table, who has none and why, what it is worth, and more than which none is worth."""

    meetings: tuple[Meeting, ...] = ()
    unplaced: Mapping[Couple, str] = field(default_factory=dict)
    value: float = 0.0
    bound: float = 0.0

    @property
    def gap(self) -> float:
        """The share of the bound that is at most missing."""
        return max(0.0, self.bound - self.value) / self.bound if self.bound else 0.0


def couple(one: OrganisationId, other: OrganisationId) -> Couple:
    return (one, other) if one < other else (other, one)


def timetable(
    wanted: Sequence[Wanted],
    *,
    attending: Mapping[OrganisationId, range],
    slots: int,
    tables: int,
    before: Sequence[Meeting] = (),
    fixed: Sequence[Meeting] = (),
    effort: float = EFFORT,
) -> Timetable:
    """A timetable worth as much as any; with `before` the one of these that changes fewest meetings.

    `attending` has the slots that each organisation is there for; who is not in it is not there. `fixed` meetings
    stay in their slot and at their table. Solved with CP-SAT by one worker within a deterministic effort, so that the
    same question has the same answer; `bound` says what is missing at most where that was not enough.
    """
    worth = _worths(wanted)
    held = {one.couple: one.slot for one in fixed if one.couple in worth}
    model = _Model.of(worth, attending, slots, tables, held)
    first = model.best(effort, _greedy(model, before))
    placed = first.placed
    if before:
        placed = model.nearest(effort, placed, {one.couple: one.slot for one in before})
    meetings = _seated(placed, tables, (*fixed, *before))
    unplaced = {pair: _why(pair, model, placed) for pair in worth if pair not in placed}
    value = sum(worth[pair] for pair in placed)
    return Timetable(meetings, unplaced, value, max(value, first.bound))


def _worths(wanted: Iterable[Wanted]) -> dict[Couple, float]:
    """What each couple is worth, the most where it stands twice, by id."""
    worth: dict[Couple, float] = {}
    for one in wanted:
        worth[one.couple] = max(one.worth, worth.get(one.couple, 0.0))
    return dict(sorted(worth.items()))


@dataclass(frozen=True, slots=True)
class _Solved:
    placed: dict[Couple, int]
    bound: float


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """A variable for each couple and slot that could be, and whatever rules two of them out at once."""

    worth: Mapping[Couple, float]
    common: Mapping[Couple, tuple[int, ...]]
    tables: int
    held: Mapping[Couple, int]
    plan: cp_model.CpModel
    meets: Mapping[tuple[Couple, int], cp_model.IntVar]

    @staticmethod
    def of(
        worth: Mapping[Couple, float],
        attending: Mapping[OrganisationId, range],
        slots: int,
        tables: int,
        held: Mapping[Couple, int],
    ) -> "_Model":
        common = {pair: _common(pair, attending, slots) for pair in worth}
        plan = cp_model.CpModel()
        meets = {(pair, slot): plan.new_bool_var("") for pair, those in common.items() for slot in those}
        of_pair, of_one, of_slot = defaultdict(list), defaultdict(list), defaultdict(list)
        for (pair, slot), variable in meets.items():
            of_pair[pair].append(variable)
            of_slot[slot].append(variable)
            for one in pair:
                of_one[one, slot].append(variable)
        for variables in (*of_pair.values(), *of_one.values()):
            plan.add_at_most_one(variables)
        for variables in of_slot.values():
            if len(variables) > tables:
                plan.add(sum(variables) <= tables)
        for pair, slot in held.items():
            if (pair, slot) in meets:
                plan.add(meets[pair, slot] == 1)
        return _Model(worth, common, tables, held, plan, meets)

    def best(self, effort: float, hint: Mapping[Couple, int]) -> _Solved:
        """Worth the most."""
        value = sum(self._scaled(pair) * variable for (pair, _), variable in self.meets.items())
        self.plan.maximize(value)
        placed, bound = self._solved(effort, hint)
        self.plan.clear_objective()  # type: ignore[no-untyped-call]
        possible = sum(self.worth[pair] for pair, slots in self.common.items() if slots)
        return _Solved(placed, min(possible, bound / SCALE))

    def nearest(self, effort: float, placed: Mapping[Couple, int], before: Mapping[Couple, int]) -> dict[Couple, int]:
        """Worth as much as `placed`, and with as many meetings as possible in the slot where they were."""
        value = sum(self._scaled(pair) * variable for (pair, _), variable in self.meets.items())
        self.plan.add(value >= sum(self._scaled(pair) for pair in placed))
        stays = [self.meets[pair, slot] for pair, slot in before.items() if (pair, slot) in self.meets]
        self.plan.maximize(sum(stays))
        return self._solved(effort, placed)[0]

    def _solved(self, effort: float, hint: Mapping[Couple, int]) -> tuple[dict[Couple, int], float]:
        self.plan.clear_hints()  # type: ignore[no-untyped-call]
        for (pair, slot), variable in self.meets.items():
            self.plan.add_hint(variable, hint.get(pair) == slot)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        solver.parameters.max_deterministic_time = effort
        status = solver.solve(self.plan)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return dict(hint), float("inf")
        placed = {pair: slot for (pair, slot), variable in self.meets.items() if solver.value(variable)}
        return placed, solver.best_objective_bound

    def _scaled(self, pair: Couple) -> int:
        return max(1, round(SCALE * self.worth[pair]))


def _common(pair: Couple, attending: Mapping[OrganisationId, range], slots: int) -> tuple[int, ...]:
    """The slots for which both are there."""
    one, other = (attending.get(who, range(0)) for who in pair)
    return tuple(slot for slot in range(slots) if slot in one and slot in other)


def _greedy(model: _Model, before: Sequence[Meeting]) -> dict[Couple, int]:
    """A timetable to begin with: what is held, what was before, then the most worth, each in its first free slot."""
    busy: set[tuple[OrganisationId, int]] = set()
    taken: Counter[int] = Counter()
    placed: dict[Couple, int] = {}

    def put(pair: Couple, slots: Iterable[int]) -> None:
        for slot in slots:
            free = taken[slot] < model.tables and all((one, slot) not in busy for one in pair)
            if pair not in placed and slot in model.common[pair] and free:
                placed[pair] = slot
                taken[slot] += 1
                busy.update((one, slot) for one in pair)

    for pair, slot in model.held.items():
        put(pair, (slot,))
    for one in before:
        if one.couple in model.common:
            put(one.couple, (one.slot,))
    for pair in sorted(model.common, key=lambda pair: (-model.worth[pair], pair)):
        put(pair, model.common[pair])
    return placed


def _seated(placed: Mapping[Couple, int], tables: int, before: Sequence[Meeting]) -> tuple[Meeting, ...]:
    """A table for each: the one it had, else where one of the two sits already, else the first that is free."""
    had = {(one.couple, one.slot): one.table for one in reversed(before)}
    by_slot: defaultdict[int, list[Couple]] = defaultdict(list)
    for pair, slot in placed.items():
        by_slot[slot].append(pair)
    sat: dict[OrganisationId, int] = {}
    meetings = []
    for slot in sorted(by_slot):
        free = list(range(1, tables + 1))
        here: dict[Couple, int] = {}
        pairs = sorted(by_slot[slot])
        for wishes in (lambda pair, slot=slot: (had.get((pair, slot)),), lambda pair: map(sat.get, pair)):
            for pair in pairs:
                table = next((one for one in wishes(pair) if one in free), None)
                if pair not in here and table is not None:
                    here[pair] = table
                    free.remove(table)
        for pair in pairs:
            table = here.get(pair) or free.pop(0)
            meetings.append(Meeting(*pair, slot, table))
            sat.update(dict.fromkeys(pair, table))
    return tuple(sorted(meetings, key=lambda one: (one.slot, one.table)))


def _why(pair: Couple, model: _Model, placed: Mapping[Couple, int]) -> str:
    """Why these two have no meeting."""
    common = model.common[pair]
    if not common:
        return APART
    taken = Counter(placed.values())
    if all(taken[slot] >= model.tables for slot in common):
        return FULL
    busy: Collection[tuple[OrganisationId, int]] = {(one, slot) for couple_, slot in placed.items() for one in couple_}
    for one in pair:
        if all((one, slot) in busy for slot in common):
            return CROWDED.format(who=one)
    return NO_ROOM

"""One-to-one meetings in slots and at tables: nobody twice at once, as much as possible held, little changed.

Which meetings are held is settled first, by what they are worth; then, in a repair, that as few as possible change;
then that nobody waits long, the small least. The first two are proven as far as `bound` says (placing.py); the third
gets better for as long as two slots can trade (trading.py). Nothing depends on how fast a machine is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from matcher import placing, seating, trading
from matcher.errors import CommonwealError
from matcher.placing import SCALE, Problem, Slots
from matcher.placing import Couple as Couple  # what the rest of the house calls two who meet
from matcher.records import OrganisationId

FIRST = 1.0
"""What an organisation's first meeting is worth besides: as much as the best meeting, so that few have none."""

APART = "They are not there at the same time."
CROWDED = "{who} meets others in every slot that suits both."
FULL = "Every table is taken in every slot that both have free."
NO_ROOM = "No slot is left in which both are free."


class FixedError(CommonwealError):
    """A meeting cannot be where it is to stay."""


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
        return couple(self.one, self.other)


@dataclass(frozen=True, slots=True)
class Timetable:
    """The meetings by slot and table, who has none and why, and what it is worth, with each first meeting's `FIRST`.

    No timetable is worth more than `bound`, whether or not it keeps anything of one before.
    """

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
    waiting: Mapping[OrganisationId, float] | None = None,
    effort: float = placing.EFFORT,
) -> Timetable:
    """A timetable worth as much as any, in which nobody waits long.

    With `before` it is repaired: what was held and can be is not given up for other meetings, and of all that are then
    worth as much it is the one that changes the fewest. `attending` has the slots that each organisation is there for;
    who is not in it is not there. `fixed` meetings stay in their slot and at their table; FixedError says which cannot.
    `waiting` is how much it counts when an organisation waits, or stays late; 1 where nothing is said. `effort` limits
    the work for each step, not the time, so that the same question has the same answer.
    """
    worths = _worths(wanted)
    windows = {pair: _common(pair, attending, slots) for pair in worths}
    held = _held(fixed, windows, tables)
    told = {one.couple: one for one in before if one.couple in worths}
    problem = Problem(
        couples=tuple(worths),
        worths=tuple(max(1, round(SCALE * worth)) for worth in worths.values()),
        windows=tuple((held[pair].slot,) if pair in held else window for pair, window in windows.items()),
        tables=tables,
        first=round(SCALE * FIRST),
        must=frozenset(held),
        told=frozenset(told),
        stays=_stays(told, windows, held, tables),
    )
    placed = placing.place(problem, effort=effort)
    unmoved = {pair for pair, slot in placed.slots.items() if pair in told and told[pair].slot == slot}
    at = trading.trade(placed.slots, windows=windows, waiting=waiting or {}, tables=tables, still=unmoved | set(held))
    seats = seating.seat(
        at,
        tables=tables,
        fixed={pair: one.table for pair, one in held.items()},
        before={pair: one.table for pair, one in told.items() if at.get(pair) == one.slot},
    )
    meetings = (Meeting(*pair, slot, seats[pair]) for pair, slot in at.items())
    return Timetable(
        meetings=tuple(sorted(meetings, key=lambda one: (one.slot, one.table))),
        unplaced={pair: _why(pair, window, at, tables) for pair, window in windows.items() if pair not in at},
        value=placed.value / SCALE,
        bound=placed.bound / SCALE,
    )


def _worths(wanted: Iterable[Wanted]) -> dict[Couple, float]:
    """What each couple is worth, the most where it stands twice, by id."""
    worths: dict[Couple, float] = {}
    for one in wanted:
        worths[one.couple] = max(one.worth, worths.get(one.couple, 0.0))
    return dict(sorted(worths.items()))


def _common(pair: Couple, attending: Mapping[OrganisationId, range], slots: int) -> tuple[int, ...]:
    """The slots for which both are there."""
    one, other = (attending.get(who, range(0)) for who in pair)
    return tuple(slot for slot in range(slots) if slot in one and slot in other)


def _held(fixed: Iterable[Meeting], windows: Mapping[Couple, Sequence[int]], tables: int) -> dict[Couple, Meeting]:
    """The fixed meetings of those who are to meet. Raises FixedError where two of them, or one, cannot be."""
    held = {one.couple: one for one in fixed if one.couple in windows}
    taken: dict[tuple[int, str | int], Meeting] = {}
    for pair, one in held.items():
        if one.slot not in windows[pair]:
            raise FixedError(f"{one.one} and {one.other} are not both there in slot {one.slot + 1}")
        if not 1 <= one.table <= tables:
            raise FixedError(f"there is no table {one.table}: there are {tables}")
        for what in (one.table, *pair):
            other = taken.setdefault((one.slot, what), one)
            if other is not one:
                raise FixedError(
                    f"{one.one} and {one.other} cannot meet at table {one.table} in slot {one.slot + 1}: "
                    f"{other.one} and {other.other} stay there at table {other.table}"
                )
    return held


def _stays(
    told: Mapping[Couple, Meeting],
    windows: Mapping[Couple, Sequence[int]],
    held: Mapping[Couple, Meeting],
    tables: int,
) -> dict[Couple, tuple[int, bool]]:
    """The slot of each meeting of before that can stay in it, and whether its table is there and free for it."""
    taken = {(one.slot, one.table) for one in held.values()}
    return {
        pair: (was.slot, 1 <= was.table <= tables and (was.slot, was.table) not in taken)
        for pair, was in sorted(told.items())
        if was.slot in windows[pair] and pair not in held
    }


def _why(pair: Couple, window: Sequence[int], at: Slots, tables: int) -> str:
    """Why these two have no meeting."""
    if not window:
        return APART
    busy = {(one, slot) for both, slot in at.items() for one in both}
    for one in pair:
        if all((one, slot) in busy for slot in window):
            return CROWDED.format(who=one)
    taken = Counter(at.values())
    free = [slot for slot in window if not any((one, slot) in busy for one in pair)]
    return FULL if free and all(taken[slot] >= tables for slot in free) else NO_ROOM

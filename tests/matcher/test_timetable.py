"""One-to-one meetings in slots and at tables."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.placing import Couple
from matcher.timetable import (
    APART,
    CROWDED,
    FIRST,
    FULL,
    NO_ROOM,
    FixedError,
    Meeting,
    Timetable,
    Wanted,
    couple,
    timetable,
)

NAMES = ["alba", "borea", "ciano", "dorado"]
COUPLES = list(combinations(NAMES, 2))
WORTHS = st.dictionaries(st.sampled_from(COUPLES), st.integers(1, 9), min_size=1, max_size=5)
ROOM = st.tuples(st.integers(1, 3), st.integers(1, 2))  # slots and tables
STAYS = st.tuples(st.integers(0, 1), st.integers(2, 3)).map(lambda ends: range(*ends))
THERE = st.fixed_dictionaries(dict.fromkeys(NAMES, STAYS))

Placed = Mapping[Couple, int]


def all_day(slots: int) -> dict[str, range]:
    return {name: range(slots) for name in NAMES}


def wanted(worths: Mapping[Couple, int]) -> list[Wanted]:
    return [Wanted(*pair, worth / 10) for pair, worth in worths.items()]


def evenly(pairs: Collection[Couple] = COUPLES) -> list[Wanted]:
    return [Wanted(*pair, 0.5) for pair in pairs]


def value(worths: Mapping[Couple, int], held: Collection[Couple]) -> float:
    return sum(worths[pair] for pair in held) / 10 + FIRST * len({one for pair in held for one in pair})


def every(pairs: Sequence[Couple], there: Mapping[str, range], slots: int, tables: int) -> Iterator[Placed]:
    """Every way to give each of these a slot or none."""
    for places in product([None, *range(slots)], repeat=len(pairs)):
        placed = {pair: slot for pair, slot in zip(pairs, places, strict=True) if slot is not None}
        busy = [(one, slot) for pair, slot in placed.items() for one in pair]
        counts = [sum(at == slot for at in placed.values()) for slot in range(slots)]
        if max(counts) <= tables and len(busy) == len(set(busy)) and all(slot in there[one] for one, slot in busy):
            yield placed


def holds(made: Timetable, there: Mapping[str, range], slots: int, tables: int) -> None:
    at_once = [(one, meeting.slot) for meeting in made.meetings for one in meeting.couple]
    assert len(at_once) == len(set(at_once)), "somebody is at two tables at once"
    assert all(slot in there[one] and 0 <= slot < slots for one, slot in at_once), "somebody is not there"
    seats = [(meeting.slot, meeting.table) for meeting in made.meetings]
    assert len(seats) == len(set(seats)), "two meetings are at one table"
    assert all(1 <= table <= tables for _, table in seats)


@settings(max_examples=60, deadline=None)
@given(WORTHS, THERE, ROOM)
def test_nothing_is_worth_more_and_that_is_proven(
    worths: dict[Couple, int], there: dict[str, range], room: tuple[int, int]
) -> None:
    slots, tables = room
    made = timetable(wanted(worths), attending=there, slots=slots, tables=tables)
    holds(made, there, slots, tables)
    best = max(value(worths, placed) for placed in every(list(worths), there, slots, tables))
    assert made.value == pytest.approx(best)
    assert made.bound == pytest.approx(best)
    assert made.value == pytest.approx(value(worths, [one.couple for one in made.meetings]))
    assert sorted([*(one.couple for one in made.meetings), *made.unplaced]) == sorted(worths)


@settings(max_examples=60, deadline=None)
@given(WORTHS, WORTHS, THERE, ROOM, st.sampled_from(NAMES))
def test_a_repair_keeps_what_was_held_then_holds_the_most_then_changes_the_fewest(
    then: dict[Couple, int], now: dict[Couple, int], there: dict[str, range], room: tuple[int, int], gone: str
) -> None:
    slots, tables = room
    before = timetable(wanted(then), attending=all_day(slots), slots=slots, tables=tables).meetings
    now = {pair: worth for pair, worth in (then | now).items() if gone not in pair}
    made = timetable(wanted(now), attending=there, slots=slots, tables=tables, before=before)
    holds(made, there, slots, tables)
    was = {one.couple: one.slot for one in before if one.couple in now}

    def good(placed: Placed) -> tuple[int, float, int]:
        stays = sum(placed.get(pair) == slot for pair, slot in was.items())
        return len(placed.keys() & was.keys()), round(value(now, placed.keys()), 6), stays

    assert good({one.couple: one.slot for one in made.meetings}) == max(
        good(placed) for placed in every(list(now), there, slots, tables)
    )
    seats = {one.couple: one.table for one in before}
    unmoved = [one for one in made.meetings if was.get(one.couple) == one.slot]
    assert [one.table for one in unmoved] == [seats[one.couple] for one in unmoved]


@settings(max_examples=30, deadline=None)
@given(WORTHS, THERE, ROOM)
def test_the_order_of_the_question_does_not_matter(
    worths: dict[Couple, int], there: dict[str, range], room: tuple[int, int]
) -> None:
    slots, tables = room
    asked = wanted(worths)
    made = timetable(asked, attending=there, slots=slots, tables=tables)
    turned = [Wanted(one.other, one.one, one.worth) for one in reversed(asked)]
    assert timetable(turned, attending=dict(reversed(there.items())), slots=slots, tables=tables) == made
    repaired = timetable(asked, attending=there, slots=slots, tables=tables, before=made.meetings)
    again = timetable(turned, attending=there, slots=slots, tables=tables, before=made.meetings[::-1])
    assert repaired.meetings == again.meetings == made.meetings


def test_nobody_is_left_without_a_meeting_for_the_sake_of_a_better_one() -> None:
    asked = [Wanted("alba", "borea", 0.9), Wanted("alba", "ciano", 0.3), Wanted("borea", "dorado", 0.3)]
    made = timetable(asked, attending=all_day(1), slots=1, tables=2)
    assert [one.couple for one in made.meetings] == [("alba", "ciano"), ("borea", "dorado")]


def test_nobody_meets_before_arriving_or_after_leaving() -> None:
    there = {"alba": range(1, 2), "borea": range(0, 2), "ciano": range(0, 1)}
    asked = [Wanted("borea", "alba", 0.5), Wanted("alba", "ciano", 0.9)]
    made = timetable(asked, attending=there, slots=2, tables=1)
    assert made.meetings == (Meeting("alba", "borea", 1, 1),)
    assert made.unplaced == {("alba", "ciano"): APART}


def test_whoever_has_no_slot_is_told_why() -> None:
    asked = [Wanted("alba", "borea", 0.9), Wanted("alba", "ciano", 0.5)]
    assert timetable(asked, attending=all_day(1), slots=1, tables=2).unplaced == {
        ("alba", "ciano"): CROWDED.format(who="alba")
    }
    asked = [Wanted("alba", "borea", 0.9), Wanted("ciano", "dorado", 0.5)]
    assert timetable(asked, attending=all_day(1), slots=1, tables=1).unplaced == {("ciano", "dorado"): FULL}
    held = [Meeting("alba", "borea", 0, 1), Meeting("ciano", "dorado", 1, 1)]
    asked = [*asked, Wanted("alba", "ciano", 0.5)]
    made = timetable(asked, attending=all_day(2), slots=2, tables=2, fixed=held)
    assert made.unplaced == {("alba", "ciano"): NO_ROOM}


def test_who_is_not_coming_meets_nobody() -> None:
    made = timetable([Wanted("alba", "borea", 0.9)], attending={"alba": range(3)}, slots=3, tables=1)
    assert (made.meetings, made.unplaced, made.value, made.gap) == ((), {("alba", "borea"): APART}, 0.0, 0.0)


def test_a_cancellation_leaves_every_other_meeting_where_it_was() -> None:
    before = timetable(evenly(), attending=all_day(4), slots=4, tables=2)
    assert len(before.meetings) == 6
    left = {name: there for name, there in all_day(4).items() if name != "ciano"}
    asked = evenly([pair for pair in COUPLES if "ciano" not in pair])
    after = timetable(asked, attending=left, slots=4, tables=2, before=before.meetings)
    assert after.meetings == tuple(one for one in before.meetings if "ciano" not in one.couple)


def test_who_comes_later_moves_as_few_as_possible() -> None:
    before = (Meeting("alba", "borea", 0, 1), Meeting("ciano", "dorado", 1, 1))
    there = {**all_day(3), "alba": range(1, 3)}
    asked = evenly([one.couple for one in before])
    after = timetable(asked, attending=there, slots=3, tables=1, before=before)
    assert after.meetings == (Meeting("ciano", "dorado", 1, 1), Meeting("alba", "borea", 2, 1))


def test_whoever_was_told_of_a_meeting_keeps_it_when_a_better_one_turns_up() -> None:
    before = (Meeting("alba", "borea", 0, 1),)
    asked = [Wanted("alba", "borea", 0.3), Wanted("alba", "ciano", 0.9)]
    made = timetable(asked, attending=all_day(1), slots=1, tables=1, before=before)
    assert made.meetings == before
    assert made.unplaced == {("alba", "ciano"): CROWDED.format(who="alba")}
    assert (made.value, made.bound) == (pytest.approx(2.3), pytest.approx(2.9)), "made anew it could be worth more"


def test_with_a_table_less_only_those_move_who_sat_there() -> None:
    before = (Meeting("alba", "borea", 0, 1), Meeting("ciano", "dorado", 0, 3))
    asked = evenly([one.couple for one in before])
    made = timetable(asked, attending=all_day(1), slots=1, tables=2, before=before)
    assert made.meetings == (Meeting("alba", "borea", 0, 1), Meeting("ciano", "dorado", 0, 2))


@pytest.mark.parametrize("last", range(3))
def test_with_a_table_less_in_a_full_slot_whoever_sat_there_goes_to_another_slot(last: int) -> None:
    pairs = [("alba", "borea"), ("ciano", "dorado"), ("esino", "fiora")]
    tables = [*range(1, last + 1), 3, *range(last + 1, 3)]
    before = [Meeting(*pair, 0, table) for pair, table in zip(pairs, tables, strict=True)]
    there = {one: range(2) for pair in pairs for one in pair}
    made = timetable(evenly(pairs), attending=there, slots=2, tables=2, before=before)
    kept = sorted((one for one in before if one.table < 3), key=lambda one: one.table)
    assert made.meetings == (*kept, Meeting(*pairs[last], 1, 1))


@pytest.mark.parametrize("table", [1, 2])
def test_whoever_loses_its_table_leaves_a_full_slot_to_who_keeps_theirs(table: int) -> None:
    before = [Meeting("alba", "borea", 0, 1), Meeting("ciano", "dorado", 0, 2)]
    fixed = Meeting("esino", "fiora", 0, table)
    there = {one: range(2) for meeting in (*before, fixed) for one in meeting.couple}
    asked = evenly([one.couple for one in (*before, fixed)])
    made = timetable(asked, attending=there, slots=2, tables=2, before=before, fixed=[fixed])
    assert {one for one in made.meetings if one.slot == 0} == {fixed, before[2 - table]}


def test_a_fixed_meeting_stays_whatever_it_costs() -> None:
    fixed = (Meeting("alba", "borea", 0, 2),)
    asked = [Wanted("alba", "borea", 0.1), Wanted("alba", "ciano", 0.9)]
    made = timetable(asked, attending={**all_day(2), "ciano": range(1)}, slots=2, tables=2, fixed=fixed)
    assert made.meetings == fixed


def test_whoever_sat_where_another_is_fixed_moves_to_the_next_table_and_nobody_else_moves() -> None:
    before = (Meeting("alba", "borea", 0, 1), Meeting("ciano", "dorado", 1, 1), Meeting("alba", "ciano", 2, 1))
    fixed = (Meeting("ciano", "dorado", 0, 1),)
    asked = evenly([one.couple for one in before])
    made = timetable(asked, attending=all_day(3), slots=3, tables=2, before=before, fixed=fixed)
    assert made.meetings == (fixed[0], Meeting("alba", "borea", 0, 2), Meeting("alba", "ciano", 2, 1))


@pytest.mark.parametrize(
    ("fixed", "says"),
    [
        ([Meeting("alba", "borea", 2, 1)], "alba and borea are not both there in slot 3"),
        ([Meeting("alba", "borea", 0, 3)], "there is no table 3: there are 2"),
        (
            [Meeting("alba", "borea", 0, 1), Meeting("ciano", "dorado", 0, 1)],
            "ciano and dorado cannot meet at table 1 in slot 1: alba and borea stay there at table 1",
        ),
        (
            [Meeting("alba", "borea", 0, 1), Meeting("alba", "ciano", 0, 2)],
            "alba and ciano cannot meet at table 2 in slot 1: alba and borea stay there at table 1",
        ),
    ],
)
def test_a_meeting_that_cannot_be_where_it_is_fixed_is_named(fixed: list[Meeting], says: str) -> None:
    with pytest.raises(FixedError, match=f"^{says}$"):
        timetable(evenly(), attending=all_day(2), slots=2, tables=2, fixed=fixed)


def idle(made: Timetable, name: str) -> int:
    slots = [one.slot for one in made.meetings if name in one.couple]
    return max(slots) - min(slots) + 1 - len(slots)


def test_nobody_waits_where_slots_can_be_traded() -> None:
    asked = evenly([("alba", "borea"), ("ciano", "dorado"), ("alba", "ciano"), ("borea", "dorado")])
    made = timetable(asked, attending=all_day(8), slots=8, tables=2)
    assert {one.slot for one in made.meetings} == {0, 1}
    assert [idle(made, name) for name in NAMES] == [0, 0, 0, 0]


def test_of_two_the_one_whose_waiting_counts_more_goes_first() -> None:
    asked = evenly([("alba", "borea"), ("alba", "ciano")])
    for first in ("borea", "ciano"):
        made = timetable(asked, attending=all_day(2), slots=2, tables=1, waiting={first: 2.0})
        assert made.meetings[0].couple == couple("alba", first)


def test_where_every_slot_and_table_is_needed_nothing_is_missing() -> None:
    """Forty in four groups, within which everybody meets everybody: nine slots at twenty tables are just enough."""
    names = [f"o{number:02}" for number in range(40)]
    groups = [names[start : start + 10] for start in range(0, 40, 10)]
    asked = [Wanted(one, other, 0.5) for group in groups for one, other in combinations(group, 2)]
    there = {name: range(9) for name in names}
    made = timetable(asked, attending=there, slots=9, tables=20)
    holds(made, there, 9, 20)
    assert (len(made.meetings), made.unplaced, made.gap) == (180, {}, 0.0)

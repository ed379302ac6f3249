"""One-to-one meetings in slots and at tables."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.timetable import APART, CROWDED, FULL, Meeting, Timetable, Wanted, timetable

NAMES = ["alba", "borea", "ciano", "dorado"]
SMALL = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(1, 9)), min_size=1, max_size=5)


def all_day(slots: int) -> dict[str, range]:
    return {name: range(slots) for name in NAMES}


def wanted(pairs: list[tuple[str, str, int]]) -> list[Wanted]:
    found = {tuple(sorted((one, other))): worth for one, other, worth in pairs if one != other}
    return [Wanted(one, other, worth / 10) for (one, other), worth in found.items()]


def best(pairs: list[Wanted], slots: int, tables: int) -> float:
    """The most worth of every way to give each pair a slot or none."""
    top = 0.0
    for places in product([None, *range(slots)], repeat=len(pairs)):
        for slot in range(slots):
            here = [one for one, place in zip(pairs, places, strict=True) if place == slot]
            busy = [name for one in here for name in one.couple]
            if len(here) > tables or len(busy) != len(set(busy)):
                break
        else:
            held = (one.worth for one, place in zip(pairs, places, strict=True) if place is not None)
            top = max(top, sum(held))
    return top


def holds(made: Timetable, tables: int) -> None:
    for slot in {one.slot for one in made.meetings}:
        here = [one for one in made.meetings if one.slot == slot]
        busy = [name for one in here for name in one.couple]
        assert len(busy) == len(set(busy)), "somebody is at two tables at once"
        assert len({one.table for one in here}) == len(here)
        assert all(1 <= one.table <= tables for one in here)


@settings(max_examples=40, deadline=None)
@given(SMALL, st.integers(1, 3), st.integers(1, 2))
def test_nothing_is_worth_more_and_nobody_is_at_two_tables(
    pairs: list[tuple[str, str, int]], slots: int, tables: int
) -> None:
    asked = wanted(pairs)
    made = timetable(asked, attending=all_day(slots), slots=slots, tables=tables)
    holds(made, tables)
    assert made.value == pytest.approx(best(asked, slots, tables))
    assert made.bound == pytest.approx(made.value, abs=0.002)
    assert {one.couple for one in made.meetings} | set(made.unplaced) == {one.couple for one in asked}
    assert made == timetable(asked[::-1], attending=all_day(slots), slots=slots, tables=tables)


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


def test_a_repair_leaves_every_other_meeting_where_it_was() -> None:
    asked = [Wanted(one, other, 0.5) for one in NAMES for other in NAMES if one < other]
    before = timetable(asked, attending=all_day(4), slots=4, tables=2)
    assert len(before.meetings) == 6
    left = {name: range(4) for name in NAMES if name != "ciano"}
    after = timetable(
        [one for one in asked if "ciano" not in one.couple], attending=left, slots=4, tables=2, before=before.meetings
    )
    assert after.meetings == tuple(one for one in before.meetings if "ciano" not in one.couple)


def test_who_comes_later_moves_as_few_as_possible() -> None:
    before = (Meeting("alba", "borea", 0, 1), Meeting("ciano", "dorado", 1, 1))
    asked = [Wanted("alba", "borea", 0.5), Wanted("ciano", "dorado", 0.5)]
    there = {**all_day(3), "alba": range(1, 3)}
    after = timetable(asked, attending=there, slots=3, tables=1, before=before)
    assert after.meetings == (Meeting("ciano", "dorado", 1, 1), Meeting("alba", "borea", 2, 1))


def test_a_fixed_meeting_stays_whatever_it_costs() -> None:
    fixed = (Meeting("alba", "borea", 0, 2),)
    asked = [Wanted("alba", "borea", 0.1), Wanted("alba", "ciano", 0.9)]
    made = timetable(asked, attending={**all_day(2), "ciano": range(1)}, slots=2, tables=2, fixed=fixed)
    assert made.meetings == fixed

"""Slots that trade meetings until nobody waits who need not."""

from collections import Counter
from collections.abc import Mapping
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.placing import Couple
from matcher.trading import IDLE, LATE, trade

NAMES = ["alba", "borea", "ciano", "dorado", "esino"]
WINDOWS = st.dictionaries(
    st.sampled_from(list(combinations(NAMES, 2))),
    st.sets(st.integers(0, 4), min_size=1).map(lambda slots: tuple(sorted(slots))),
    min_size=1,
)
WAITING = st.fixed_dictionaries(dict.fromkeys(NAMES, st.sampled_from([1.0, 2.0])))


def one_by_one(windows: Mapping[Couple, tuple[int, ...]], tables: int) -> dict[Couple, int]:
    """Each in its last slot that is free."""
    placed: dict[Couple, int] = {}
    for pair, window in windows.items():
        for slot in reversed(window):
            here = [both for both, at in placed.items() if at == slot]
            if len(here) < tables and not set(pair) & {one for both in here for one in both}:
                placed[pair] = slot
                break
    return placed


def cost(placed: Mapping[Couple, int], waiting: Mapping[str, float]) -> float:
    total = 0.0
    for name in NAMES:
        slots = [slot for pair, slot in placed.items() if name in pair]
        if slots:
            total += waiting[name] * (IDLE * (max(slots) - min(slots) + 1 - len(slots)) + LATE * max(slots))
    return total


@settings(max_examples=150, deadline=None)
@given(WINDOWS, WAITING, st.integers(1, 2), st.sets(st.sampled_from(NAMES), max_size=2))
def test_trading_makes_it_no_worse_breaks_no_rule_and_moves_nothing_that_stays(
    windows: dict[Couple, tuple[int, ...]], waiting: dict[str, float], tables: int, staying: set[str]
) -> None:
    before = one_by_one(windows, tables)
    still = [pair for pair in before if staying & set(pair)]
    after = trade(before, windows=windows, waiting=waiting, tables=tables, still=still)
    assert after.keys() == before.keys()
    assert all(slot in windows[pair] for pair, slot in after.items())
    assert max(Counter(after.values()).values(), default=0) <= tables
    busy = [(one, slot) for pair, slot in after.items() for one in pair]
    assert len(busy) == len(set(busy))
    assert {pair: after[pair] for pair in still} == {pair: before[pair] for pair in still}
    assert cost(after, waiting) <= cost(before, waiting) + 1e-6
    assert trade(after, windows=windows, waiting=waiting, tables=tables, still=still) == after


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_who_meets_late_meets_the_other_right_before(slot: int) -> None:
    windows = {("alba", "borea"): (0, 1, 2), ("alba", "ciano"): (3,)}
    at = {("alba", "borea"): slot, ("alba", "ciano"): 3}
    after = trade(at, windows=windows, waiting={}, tables=1)
    assert after == {("alba", "borea"): 2, ("alba", "ciano"): 3}


def test_two_whole_slots_change_places_for_the_one_who_must_not_wait() -> None:
    windows = dict.fromkeys((("alba", "borea"), ("alba", "ciano"), ("borea", "dorado")), (0, 1))
    at = {("alba", "borea"): 0, ("alba", "ciano"): 1, ("borea", "dorado"): 1}
    after = trade(at, windows=windows, waiting={"ciano": 3.0}, tables=2)
    assert after == {("alba", "borea"): 1, ("alba", "ciano"): 0, ("borea", "dorado"): 0}


def test_two_meetings_at_the_only_table_change_places() -> None:
    at = {("alba", "borea"): 0, ("ciano", "dorado"): 1}
    windows = dict.fromkeys(at, (0, 1))
    after = trade(at, windows=windows, waiting={"ciano": 1.5}, tables=1)
    assert after == {("alba", "borea"): 1, ("ciano", "dorado"): 0}

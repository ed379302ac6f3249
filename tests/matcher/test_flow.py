from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.flow import LARGEST, SCALE, SINK, SOURCE, Arcs, Half, Integers, Network, Worths, cheapest, places, solve

UNIT = 1 / SCALE


@dataclass(frozen=True, eq=False)
class Flow:
    """What `solve` is given."""

    value: Worths
    asking: Half
    giving: Half

    def solved(self, largest: int = LARGEST) -> list[int]:
        return solve(self.value, self.asking, self.giving, largest=largest).tolist()

    def worth(self, rows: list[int]) -> float:
        return float(self.value[rows].sum()) + _besides(self.asking, rows) + _besides(self.giving, rows)

    def best(self) -> float:
        """What the best of all sets of candidates within the caps is worth."""
        sets = (np.flatnonzero([subset >> row & 1 for row in range(len(self.value))]) for subset in range(self.sets))
        return max(
            self.worth(rows.tolist()) for rows in sets if _within(self.asking, rows) and _within(self.giving, rows)
        )

    @property
    def sets(self) -> int:
        return 1 << len(self.value)


def _within(half: Half, rows: Integers) -> bool:
    listings = np.bincount(half.listing[rows], minlength=len(half.listing_caps))
    owners = np.bincount(half.owner[half.listing[rows]], minlength=len(half.caps))
    return bool((listings <= half.listing_caps).all() and (owners <= half.caps).all())


def _besides(half: Half, rows: list[int]) -> float:
    counts = np.bincount(half.owner[half.listing[rows]], minlength=len(half.caps))
    last = len(half.worths) - 1
    return float(sum(half.worths[min(k, last), one] for one, count in enumerate(counts) for k in range(count)))


def half(
    *listing: int,
    owner: tuple[int, ...],
    listing_caps: tuple[int, ...] | None = None,
    caps: tuple[int, ...] | None = None,
    worths: tuple[tuple[float, ...], ...] | None = None,
) -> Half:
    """Without caps and without worths, unless told otherwise."""
    owners = max(owner) + 1
    return Half(
        np.array(listing, np.int64),
        np.array(owner, np.int64),
        np.array(listing_caps or (1 << 30,) * len(owner), np.int64),
        np.array(caps or (1 << 30,) * owners, np.int64),
        np.array(worths or ((0.0,) * owners,)),
    )


THOUSANDTHS = st.integers(-300, 999).map(lambda parts: parts / 1000)
CAPS = st.sampled_from([0, 1, 2, 3, 1 << 30])


@st.composite
def halves(draw: st.DrawFn, listing: list[int]) -> Half:
    def column(values: st.SearchStrategy[int], length: int) -> Integers:
        return np.array(draw(st.lists(values, min_size=length, max_size=length)), np.int64)

    listings, owners = 4, draw(st.integers(1, 4))
    levels = draw(st.lists(st.lists(THOUSANDTHS, min_size=owners, max_size=owners), min_size=1, max_size=3))
    return Half(
        np.array(listing, np.int64),
        column(st.integers(0, owners - 1), listings),
        column(CAPS, listings),
        column(CAPS, owners),
        -np.sort(-np.array(levels), axis=0),
    )


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    ends = st.tuples(st.integers(0, 3), st.integers(0, 3), THOUSANDTHS)
    needs, offers, values = zip(*draw(st.lists(ends, min_size=1, max_size=8)), strict=True)
    return Flow(np.array(values), draw(halves(list(needs))), draw(halves(list(offers))))


@given(flows())
def test_nothing_within_the_caps_is_worth_more(flow: Flow) -> None:
    """Here all worths are thousandths, so that rounding takes nothing away."""
    rows = flow.solved()
    assert rows == sorted(set(rows))
    assert _within(flow.asking, np.array(rows, np.int64))
    assert _within(flow.giving, np.array(rows, np.int64))
    assert flow.worth(rows) == pytest.approx(flow.best(), abs=1e-9)


@given(flows(), st.data())
def test_what_is_lost_by_rounding_stays_within_what_is_said(flow: Flow, data: st.DataObject) -> None:
    strays = data.draw(st.lists(st.floats(-UNIT, UNIT), min_size=len(flow.value), max_size=len(flow.value)))
    strayed = Flow(flow.value + np.array(strays), flow.asking, flow.giving)
    assert strayed.worth(strayed.solved()) >= strayed.best() - 3 * len(flow.value) / SCALE


@given(flows())
def test_the_same_input_gives_the_same_rows(flow: Flow) -> None:
    assert flow.solved() == flow.solved()


@given(flows(), st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_changes_only_ties(flow: Flow, chance: object) -> None:
    order = np.arange(len(flow.value))
    chance.shuffle(order)
    turned = Flow(flow.value[order], _reordered(flow.asking, order), _reordered(flow.giving, order))
    assert turned.worth(turned.solved()) == pytest.approx(flow.worth(flow.solved()), abs=1e-9)


def _reordered(half: Half, order: Integers) -> Half:
    return Half(half.listing[order], half.owner, half.listing_caps, half.caps, half.worths)


def crowded(seed: int) -> Flow:
    """Some forty listings on a side that nearly all fit, the same few best: each has far more than `flow.BEST`."""
    rng = np.random.default_rng(seed)
    listings, owners = int(rng.integers(30, 50)), int(rng.integers(5, 30))
    needs, offers = np.nonzero(rng.random((listings, listings)) < 0.8)

    def side(listing: Integers) -> Half:
        return Half(
            listing,
            rng.integers(0, owners, listings),
            np.where(rng.random(listings) < 0.5, 1 << 30, rng.integers(0, 3, listings)),
            np.where(rng.random(owners) < 0.3, 1 << 30, rng.integers(0, 5, owners)),
            -np.sort(-rng.normal(0, 0.1, (3, owners)), axis=0),
        )

    value = rng.random(listings)[needs] + rng.random(listings)[offers] + rng.normal(-1, 0.1, len(needs))
    return Flow(value, side(needs), side(offers))


def test_sifting_finds_those_who_are_left_and_fit_each_other_least_of_all() -> None:
    """Ten are best for each other; the five left over on either side are nobody's best, and have only each other."""
    count = 15
    needs, offers = np.divmod(np.arange(count * count), count)
    value = np.select([(needs < 10) & (offers < 10), (needs < 10) | (offers < 10)], [1.0, 0.45], 0.1)
    ones, owners = (1,) * count, tuple(range(count))
    first = ((0.02,) * count, (0.0,) * count)
    flow = Flow(value, half(*needs, owner=owners, caps=ones), half(*offers, owner=owners, caps=ones, worths=first))
    assert flow.worth(flow.solved(largest=0)) == pytest.approx(10 * 1.0 + 5 * 0.1 + count * 0.02)


@pytest.mark.parametrize("seed", range(20))
def test_a_market_that_is_sifted_is_solved_as_well_as_whole(seed: int) -> None:
    flow = crowded(seed)
    sifted = flow.solved(largest=0)
    assert sifted == sorted(set(sifted))
    assert _within(flow.asking, np.array(sifted))
    assert _within(flow.giving, np.array(sifted))
    assert flow.worth(sifted) == pytest.approx(flow.worth(flow.solved()), abs=3 * len(sifted) / SCALE)


@given(flows())
def test_a_small_market_too_may_be_sifted(flow: Flow) -> None:
    assert flow.worth(flow.solved(largest=0)) == pytest.approx(flow.worth(flow.solved()), abs=1e-9)


def test_places_count_down_from_the_most_worth_in_each_group_and_ties_go_by_position() -> None:
    groups, worth = np.array([7, 2, 7, 7, 2, 7]), np.array([0.1, 0.5, 0.9, 0.1, 0.6, 0.4])
    assert places(groups, worth).tolist() == [2, 1, 0, 3, 0, 1]
    assert places(groups[:0], worth[:0]).tolist() == []


def test_where_rounding_hides_the_better_the_loss_is_what_is_said_and_no_more() -> None:
    """Each asker may have one of two, one of them better by .96 units of SCALE; rounded, the other is, by one unit."""
    count = 5
    value = np.tile([0.5 + 0.49 * UNIT, 0.5 + 0.51 * UNIT], count)
    worths = np.tile([0.1 + 0.49 * UNIT, 0.1 - 0.49 * UNIT], count)[None]
    askers, givers = np.repeat(np.arange(count), 2), np.arange(2 * count)
    flow = Flow(
        value,
        half(*askers, owner=tuple(range(count)), caps=(1,) * count),
        half(*givers, owner=tuple(range(2 * count)), worths=tuple(map(tuple, worths))),
    )
    assert flow.solved() == [1, 3, 5, 7, 9]
    lost = flow.worth([0, 2, 4, 6, 8]) - flow.worth(flow.solved())
    assert lost == pytest.approx(0.96 * count * UNIT)
    assert lost <= 3 * count / SCALE


def test_the_best_alone_gives_way_where_two_others_are_worth_more_together() -> None:
    flow = Flow(
        np.array([0.9, 0.8, 0.4]),
        half(0, 0, 1, owner=(0, 1), caps=(1, 1)),
        half(0, 1, 0, owner=(0, 1), caps=(1, 1)),
    )
    assert flow.solved() == [1, 2]


def test_what_an_organisation_can_take_is_shared_by_its_listings() -> None:
    flow = Flow(np.array([0.3, 0.5, 0.4]), half(0, 1, 2, owner=(0, 0, 0), caps=(2,)), half(0, 1, 2, owner=(0, 1, 2)))
    assert flow.solved() == [1, 2]


def test_what_a_listing_can_take_is_not_shared_with_the_others_of_its_organisation() -> None:
    flow = Flow(
        np.array([0.3, 0.5, 0.4]), half(0, 0, 1, owner=(0, 0), listing_caps=(1, 1)), half(0, 1, 2, owner=(0, 1, 2))
    )
    assert flow.solved() == [1, 2]


def test_the_first_of_one_counts_for_more_than_the_second_of_another() -> None:
    worths = ((0.2, 0.2), (0.0, 0.0))
    flow = Flow(
        np.array([0.5, 0.4, 0.3]),
        half(0, 0, 1, owner=(0, 1), worths=worths),
        half(0, 1, 1, owner=(0, 1), caps=(1, 1)),
    )
    assert flow.solved() == [0, 2]


def test_the_last_worth_holds_for_all_further_ones() -> None:
    flow = Flow(
        np.array([0.5, 0.4, 0.3, 0.1]),
        half(0, 0, 0, 0, owner=(0,), worths=((0.0,), (-0.2,))),
        half(0, 1, 2, 3, owner=(0, 1, 2, 3)),
    )
    assert flow.solved() == [0, 1, 2]


def test_what_would_lessen_the_whole_is_left_out() -> None:
    flow = Flow(np.array([0.1, 0.1]), half(0, 1, owner=(0, 1), worths=((-0.2, 0.0),)), half(0, 1, owner=(0, 1)))
    assert flow.solved() == [1]


def test_a_loss_in_itself_is_borne_where_it_is_a_first_suggestion() -> None:
    flow = Flow(np.array([-0.1, -0.3]), half(0, 1, owner=(0, 1), worths=((0.2, 0.2),)), half(0, 1, owner=(0, 1)))
    assert flow.solved() == [0]


def test_listings_and_owners_without_candidates_are_no_trouble() -> None:
    flow = Flow(np.array([0.5]), half(3, owner=(2, 0, 0, 4, 1)), half(1, owner=(5, 3)))
    assert flow.solved() == [0]


def test_without_candidates_nothing_is_chosen() -> None:
    none = Half(
        np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((1, 0))
    )
    assert Flow(np.zeros(0), none, none).solved() == []


def test_all_of_the_supply_goes_the_cheaper_way_first() -> None:
    both = np.array([SOURCE, SOURCE]), np.array([SINK, SINK])
    arcs = Arcs(*both, np.array([5, 2]), np.array([30, 10]))
    assert cheapest(Network(arcs, 2, 4)).tolist() == [2, 2]

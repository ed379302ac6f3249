from collections.abc import Callable

import numpy as np
import pytest

from evaluation.simulation.policies import POLICIES, Lists, Week
from evaluation.simulation.weeks import REST, examination, live, places
from evaluation.simulation.worlds import Truth, World, draw, truth
from matcher.likelihood import LOADED
from matcher.weighing import BURDEN

Tiny = Callable[..., World]


def everything(week: Week) -> Lists:
    """Suggests all there is."""
    rows = np.arange(len(week.market.need))
    return Lists(rows, week.asking, week.giving)


def certain(world: World) -> Truth:
    return Truth(np.ones(len(world.need)), np.ones(len(world.need)))


def never(world: World) -> Truth:
    return Truth(np.zeros(len(world.need)), np.zeros(len(world.need)))


def test_examination_falls_with_the_logarithm_of_the_place() -> None:
    assert examination(np.array([0, 1, 2, 6])).tolist() == pytest.approx([1, 1 / np.log2(3), 0.5, 1 / 3])


def test_places_are_by_reader_and_ties_go_to_the_first() -> None:
    assert places(np.array([7, 4, 7, 7, 4]), np.array([0.5, 0.1, 0.9, 0.5, 0.2])).tolist() == [1, 1, 0, 2, 0]


def test_a_pair_rests_and_comes_again(tiny: Tiny) -> None:
    world = tiny([(0, 0, 0.5)])
    weeks = list(live(world, never(world), everything, weeks=REST + 2, seed=0))
    assert [len(week.rows) for week in weeks] == [1, *[0] * (REST - 1), 1, 0]


def test_an_introduced_pair_leaves_for_good(tiny: Tiny) -> None:
    world = tiny([(0, 0, 0.5)])
    weeks = list(live(world, certain(world), everything, weeks=REST + 2, seed=0))
    assert [week.introduced.tolist() for week in weeks] == [[True], *[[]] * (REST + 1)]


def test_a_listing_that_is_full_leaves_and_takes_no_more_than_it_can(tiny: Tiny) -> None:
    """Both askers say yes for sure, and look for sure; the offer takes one partner."""
    world = tiny(
        [(0, 0, 0.5), (1, 0, 0.5), (1, 1, 0.5)],
        gives=(1, 3),
        offer_caps=(1, 5),
        asking_caps=[3] * 4,
        giving_caps=[5] * 4,
        total_caps=[5] * 4,
        small=[False] * 4,
    )

    def first_two(week: Week) -> Lists:
        rows = np.flatnonzero(week.market.offer == 0)
        return Lists(rows, np.zeros(len(rows)), np.zeros(len(rows)))

    introduced = []
    for seed in range(40):
        first, second = live(world, certain(world), first_two, weeks=2, seed=seed)
        assert second.open.tolist() == [2]  # not only is the pair gone: the offer is full
        introduced.append(first.introduced.tolist())
    assert sorted(set(map(tuple, introduced))) == [(False, True), (True, False)]


def test_an_introduction_makes_both_less_willing_and_costs_the_flow(tiny: Tiny) -> None:
    world = tiny(
        [(0, 0, 1.0), (0, 1, 0.5), (1, 1, 0.5)],
        gives=(1, 3),
        asking_caps=[3] * 4,
        giving_caps=[5] * 4,
        total_caps=[5] * 4,
        small=[True, False, False, False],
    )
    seen: list[Week] = []

    def first_row(week: Week) -> Lists:
        seen.append(week)
        return Lists(np.array([0]), np.zeros(1), np.zeros(1))

    weeks = list(live(world, certain(world), first_row, weeks=2, seed=0))
    tired = 1 / (1 + LOADED)
    assert [week.suggested.tolist() for week in weeks] == [[0], [1]]
    assert seen[0].market.burden.tolist() == [0, 0, 0, 0]
    assert seen[1].market.burden.tolist() == [BURDEN, BURDEN, 0, 0]
    assert seen[1].asking.tolist() == pytest.approx([0.5 * tired, 0.5])
    assert seen[1].market.value.tolist() == pytest.approx([0.5 * tired, 0.5])
    assert weeks[1].yes.tolist() == pytest.approx([tired, 1])


def test_an_introduction_is_forgotten_after_its_weeks(tiny: Tiny) -> None:
    world = tiny(
        [(0, 0, 1.0), (0, 1, 0.5)],
        gives=(1, 3),
        asking_caps=[3] * 4,
        giving_caps=[5] * 4,
        total_caps=[5] * 4,
        small=[False] * 4,
    )
    burdens: list[float] = []

    def first_row_once(week: Week) -> Lists:
        burdens.append(float(week.market.burden[0]))
        rows = np.array([0] if len(burdens) == 1 else [], np.int64)
        return Lists(rows, np.zeros(len(rows)), np.zeros(len(rows)))

    list(live(world, certain(world), first_row_once, weeks=REST + 2, seed=0))
    assert burdens == [0, *[BURDEN] * REST, 0]


def test_chance_decides_alike_whatever_the_policy() -> None:
    """A pair that both policies suggest in the first places becomes an introduction for both or for neither."""
    world = draw(100, 70, 1)
    drawn = truth(world, 0.1, 1)
    (greedy,), (flow,) = (list(live(world, drawn, POLICIES[name], weeks=1, seed=5)) for name in ("greedy", "flow"))
    met = [
        {
            candidate: introduced
            for candidate, introduced, chance in zip(week.suggested, week.introduced, week.looks, strict=True)
            if chance == 1
        }
        for week in (greedy, flow)
    ]
    both = met[0].keys() & met[1].keys()
    assert len(both) > 5
    assert [met[0][candidate] for candidate in both] == [met[1][candidate] for candidate in both]


def test_on_average_as_many_are_introduced_as_were_to_be_expected() -> None:
    world = draw(100, 70, 2)
    drawn = truth(world, 0.1, 2)
    weeks = [next(live(world, drawn, POLICIES["greedy"], weeks=1, seed=seed)) for seed in range(100)]
    expected = weeks[0].chances.sum()
    assert np.mean([week.introduced.sum() for week in weeks]) == pytest.approx(expected, rel=0.1)

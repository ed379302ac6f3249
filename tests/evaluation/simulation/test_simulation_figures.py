from collections.abc import Callable

import numpy as np
import pytest

from evaluation.simulation.figures import Figures, envy, measured
from evaluation.simulation.weeks import REST, Lived
from evaluation.simulation.worlds import World

SECOND = 1 / np.log2(3)
"""How likely the second place of a list is looked at."""

CROSSED = [(0, 0, 0.8), (0, 1, 0.2), (1, 0, 0.6), (1, 1, 0.5)]
"""Alba's need 0 and ciano's need 1 both could meet either of borea's offers."""

Tiny, Week = Callable[..., World], Callable[..., Lived]


@pytest.fixture
def crossed(tiny: Tiny, lived: Week) -> tuple[World, Lived]:
    """Alba is shown offer 1, ciano offer 0; borea reads ciano's first."""
    world = tiny(CROSSED)
    return world, lived(world, [1, 2], asking=[0, 0], giving=[1, 0], introduced=[False, True])


def test_a_week_worked_out_by_hand(crossed: tuple[World, Lived]) -> None:
    world, week = crossed
    expected = 0.2 * SECOND + 0.6
    envied = 0.8 - 0.2 * SECOND  # alba would look at offer 0 in the first place of both lists
    assert measured(world, [week]) == Figures(
        expected=pytest.approx(expected),
        first=pytest.approx(expected),
        made=1,
        suggestions=2,
        suggested=1.0,
        introduced=pytest.approx(2 / 3),
        envious=pytest.approx(1 / 3),
        envy=pytest.approx(envied / 3),
        gini=0.0,  # only borea gives
        to_small=0.25,
        small_gain=0.0,  # alba is small, has one of two needs and two offers, and one of four places
        over=0,
        longest=2,
        repeats=0,
        seconds=0.5,
        by_week=(pytest.approx(expected),),
        lorenz=pytest.approx(np.linspace(0, 1, 21), abs=1e-4),
    )


def test_a_list_is_envied_only_as_far_as_it_is_possible(tiny: Tiny, lived: Week) -> None:
    """Ciano is shown both offers; alba one that it does not like, and could have one suggestion only."""
    candidates = [(0, 0, 0.4), (0, 1, 0.9), (0, 2, 0.1), (1, 0, 0.5), (1, 1, 0.5)]
    gives = (1, 1, 1)

    def alba(**caps: object) -> float:
        world = tiny(candidates, gives=gives, **caps)
        week = lived(world, [2, 3, 4], asking=[0, 0, 1], giving=[0, 1, 2])
        return float(envy(world, week)[0])

    first, second = SECOND, SECOND * 1 / 2  # how likely alba and borea look at ciano's two suggestions
    assert alba() == pytest.approx(0.4 * first + 0.9 * second - 0.1)
    assert alba(asking_caps=(1, 3, 3)) == pytest.approx(0.4 * first - 0.1)
    assert alba(need_caps=(1, 3)) == pytest.approx(0.4 * first - 0.1)


def test_a_list_of_partners_that_do_not_suit_is_not_envied(tiny: Tiny, lived: Week) -> None:
    world = tiny([(0, 0, 0.1), (1, 1, 0.9)])
    week = lived(world, [0, 1], asking=[0, 0], giving=[1, 0])
    assert envy(world, week).tolist() == [0, 0, 0]


def test_who_gives_envies_too(tiny: Tiny, lived: Week) -> None:
    """Borea's offer is shown to alba, who likes ciano's better: ciano has no list, and would have more of borea's."""
    world = tiny([(0, 0, 0.3), (0, 1, 0.7)], asks=(0,), gives=(1, 2))
    assert envy(world, lived(world, [0], asking=[0], giving=[0])).tolist() == pytest.approx([0, 0, 0.7])


def test_the_likeliest_of_several_own_listings_stands_for_the_organisation(tiny: Tiny, lived: Week) -> None:
    """Alba asks twice: of its two needs the one that offer 0 suits better is what it would have shown there."""
    world = tiny([(0, 0, 0.2), (1, 0, 0.6), (2, 0, 0.4)], asks=(0, 0, 2), gives=(1,))
    assert envy(world, lived(world, [2], asking=[0], giving=[0]))[0] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("caps", "over"),
    [
        ({}, 0),
        ({"giving_caps": (5, 1, 5)}, 1),
        ({"total_caps": (5, 0, 5)}, 2),
        ({"asking_caps": (0, 3, 3)}, 1),
        ({"need_caps": (1, 0)}, 1),
        ({"offer_caps": (0, 0)}, 2),
        ({"giving_caps": (5, 0, 5), "offer_caps": (0, 1)}, 3),
    ],
)
def test_places_beyond_a_cap_are_counted_for_every_cap(
    tiny: Tiny, lived: Week, caps: dict[str, tuple[int, ...]], over: int
) -> None:
    world = tiny(CROSSED, **caps)
    assert measured(world, [lived(world, [1, 2], asking=[0, 0], giving=[1, 0])]).over == over


def test_a_pair_that_comes_again_within_its_rest_is_a_repeat(tiny: Tiny, lived: Week) -> None:
    world = tiny(CROSSED)
    with_it, without = lived(world, [1], asking=[0], giving=[0]), lived(world, [], asking=[], giving=[])
    assert measured(world, [with_it, without, with_it]).repeats == 1
    assert measured(world, [with_it, *[without] * (REST - 1), with_it]).repeats == 0
    assert measured(world, [lived(world, [1, 1], asking=[0, 1], giving=[0, 1])]).repeats == 1


def test_exposure_is_what_those_who_offer_are_looked_at(tiny: Tiny, lived: Week) -> None:
    """Borea is looked at in a first place, alba in a second: Gini of 1 and .63 by hand."""
    world = tiny([(0, 0, 0.5), (0, 1, 0.5)], asks=(2,), gives=(1, 0))
    week = lived(world, [0, 1], asking=[0, 1], giving=[0, 0])
    assert measured(world, [week]).gini == pytest.approx((1 - SECOND) / (2 * (1 + SECOND)))


def test_a_week_without_suggestions_has_figures_too(tiny: Tiny, lived: Week) -> None:
    world = tiny(CROSSED)
    found = measured(world, [lived(world, [], asking=[], giving=[])])
    assert (found.expected, found.suggested, found.gini, found.longest, found.envy) == (0, 0, 0, 0, 0)
    assert (found.to_small, found.small_gain) == (0.25, 0)

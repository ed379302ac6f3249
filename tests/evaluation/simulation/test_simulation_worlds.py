from collections import Counter
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest

from evaluation.simulation import worlds
from evaluation.simulation.worlds import DEPTH, SHOWN, SIZES, World, draw, truth
from matcher import vocabulary
from matcher.allocation import UNLIMITED
from matcher.artefacts import artefact


def same(one: World, other: World) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(World))


@pytest.fixture(scope="module")
def market() -> World:
    return draw(300, 200, 0)


def test_the_same_seed_draws_the_same_market_and_another_another(market: World) -> None:
    assert same(draw(300, 200, 0), market)
    assert not np.array_equal(draw(300, 200, 1).fit, market.fit)


def test_each_pair_stands_once_and_is_of_two_organisations_and_fits(market: World) -> None:
    pairs = list(zip(market.need.tolist(), market.offer.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    assert (market.asks[market.need] != market.gives[market.offer]).all()
    assert market.fit.min() >= SHOWN


def test_candidates_are_sparse_but_for_the_popular(market: World) -> None:
    at_offers = np.sort(np.bincount(market.offer, minlength=200))
    popular = max(1, round(worlds.POPULAR * 200))
    assert len(market.need) <= DEPTH * (300 + 200)
    assert np.median(at_offers) < 2 * DEPTH
    assert at_offers[-popular:].min() > 3 * np.median(at_offers)


def test_sizes_are_those_of_the_vocabulary() -> None:
    sizes = vocabulary.load(artefact("data", "vocabulary")).sizes
    assert {key: size.attention_cap for key, size in sizes.items()} == dict(zip(SIZES, worlds.ATTENTION, strict=True))
    assert sum(worlds.MIX) == pytest.approx(1)


def test_larger_organisations_are_more_and_hold_more() -> None:
    """The mix, over some seeds: about a third of organisations are large, and hold two fifths of listings."""
    held, members = [], []
    for seed in range(5):
        market = draw(300, 200, seed)
        large = market.giving_caps == 5
        members.append(large.mean())
        held.append(large[np.concatenate([market.asks, market.gives])].mean())
    assert (np.mean(members), np.mean(held)) == (pytest.approx(0.31, abs=0.05), pytest.approx(0.41, abs=0.06))


def test_capacities_are_one_two_to_five_or_unsaid(market: World) -> None:
    offers = Counter(market.offer_caps.tolist())
    assert set(offers) == {1, 2, 3, 4, 5, UNLIMITED}
    assert offers[UNLIMITED] / 200 == pytest.approx(0.2, abs=0.07)
    assert offers[1] / 200 == pytest.approx(0.1, abs=0.06)
    assert set(market.need_caps.tolist()) == {2, 3, 4, 5, UNLIMITED}


def test_of_pairs_with_a_fit_of_six_tenths_six_tenths_are_worth_it() -> None:
    market = draw(300, 200, 3)
    drawn = np.mean([truth(market, 0.1, seed).asking > 0 for seed in range(20)], axis=0)
    for low, high in ((0.15, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 1.0)):
        inside = (low <= market.fit) & (market.fit < high)
        assert drawn[inside].mean() == pytest.approx(market.fit[inside].mean(), abs=0.01)


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0])
def test_willingness_is_true_on_average_and_strays_as_far_as_said(noise: float) -> None:
    market = draw(300, 200, 3)
    drawn = truth(market, noise, 7)
    worth_it = drawn.asking > -1 if noise == 1 else drawn.asking > 0
    if noise == 1:
        assert set(drawn.asking.tolist()) == {0.0, 1.0}
        return
    strayed = drawn.giving[worth_it] - market.giving[worth_it]
    most = (market.giving * (1 - market.giving))[worth_it].mean()
    assert strayed.mean() == pytest.approx(0, abs=0.01)
    assert strayed.var() / most == pytest.approx(noise, abs=0.02)


def test_without_noise_willingness_is_what_is_believed() -> None:
    market = draw(30, 20, 0)
    drawn = truth(market, 0, 0)
    assert set((drawn.asking / market.asking).round(12).tolist()) == {0.0, 1.0}
    assert np.array_equal(drawn.asking > 0, drawn.giving > 0)


@pytest.mark.parametrize("needs, offers", [(1, 1), (2, 1), (1, 3)])
def test_the_smallest_markets_can_be_drawn(needs: int, offers: int) -> None:
    for seed in range(20):
        market = draw(needs, offers, seed)
        assert (len(market.asks), len(market.gives)) == (needs, offers)


def test_small_organisations_share_of_listings(tiny: Callable[..., World]) -> None:
    assert tiny([(0, 0, 0.5)]).small_listings == 0.25

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.allocation import LONGEST, UNLIMITED, Market, allocate


def is_profile(offer: str) -> bool:
    return offer[1:] == "-p"


@dataclass(frozen=True)
class Case:
    """Candidates as (need, offer, fit), and caps.

    A listing belongs to the organisation of its first letter; offers named "-p" are profiles.
    """

    candidates: Sequence[tuple[str, str, float]]
    asking: Mapping[str, int]
    giving: Mapping[str, int]
    capacity: Mapping[str, int]

    @property
    def needs(self) -> list[str]:
        return sorted({need for need, _, _ in self.candidates})

    @property
    def offers(self) -> list[str]:
        return sorted({offer for _, offer, _ in self.candidates})

    @property
    def organisations(self) -> list[str]:
        return sorted({listing[0] for listing in self.needs + self.offers})

    def market(self) -> Market:
        organisations, needs, offers = self.organisations, self.needs, self.offers
        return Market(
            need=np.array([needs.index(need) for need, _, _ in self.candidates], np.int64),
            offer=np.array([offers.index(offer) for _, offer, _ in self.candidates], np.int64),
            fit=np.array([fit for _, _, fit in self.candidates], np.float32),
            asks=np.array([organisations.index(need[0]) for need in needs], np.int64),
            gives=np.array([organisations.index(offer[0]) for offer in offers], np.int64),
            profiles=np.array([is_profile(offer) for offer in offers], bool),
            need_caps=np.array([self.capacity.get(need, UNLIMITED) for need in needs], np.int64),
            offer_caps=np.array([self.capacity.get(offer, UNLIMITED) for offer in offers], np.int64),
            asking_caps=np.array([self.asking.get(one, 3) for one in organisations], np.int64),
            giving_caps=np.array([self.giving.get(one, 3) for one in organisations], np.int64),
        )

    def chosen(self) -> list[tuple[str, str]]:
        return [self.candidates[row][:2] for row in allocate(self.market())]


def case(*candidates: tuple[str, str, float], **caps: Mapping[str, int]) -> Case:
    return Case(candidates, caps.get("asking", {}), caps.get("giving", {}), caps.get("capacity", {}))


ORGANISATIONS = "abcdef"
NEEDS = [f"{one}-n{n}" for one in ORGANISATIONS for n in "12"]
OFFERS = [f"{one}-{offer}" for one in ORGANISATIONS for offer in "op"]
CAPS = st.dictionaries(st.sampled_from(ORGANISATIONS), st.integers(0, 3))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    pairs = draw(
        st.lists(
            st.tuples(st.sampled_from(NEEDS), st.sampled_from(OFFERS)).filter(lambda pair: pair[0][0] != pair[1][0]),
            unique=True,
            max_size=30,
        )
    )
    fits = draw(st.lists(st.sampled_from([0.3, 0.4, 0.5, 0.6, 0.9]), min_size=len(pairs), max_size=len(pairs)))
    return Case(
        [(need, offer, fit) for (need, offer), fit in zip(pairs, fits, strict=True)],
        draw(CAPS),
        draw(CAPS),
        draw(st.dictionaries(st.sampled_from([*NEEDS, *OFFERS]), st.integers(0, 2))),
    )


@given(cases())
def test_no_cap_is_ever_passed_and_no_two_organisations_meet_twice(market: Case) -> None:
    chosen = market.chosen()
    assert len(chosen) == len(set(chosen))
    for one, count in Counter(need[0] for need, _ in chosen).items():
        assert count <= market.asking.get(one, 3)
    for one, count in Counter(offer[0] for _, offer in chosen).items():
        assert count <= market.giving.get(one, 3)
    for listing, count in Counter(listing for pair in chosen for listing in pair).items():
        assert count <= market.capacity.get(listing, UNLIMITED)
    assert max(Counter(frozenset((need[0], offer[0])) for need, offer in chosen).values(), default=1) == 1


@given(cases())
def test_the_best_comes_first_and_ties_go_to_real_offers_then_to_the_smaller_ids(market: Case) -> None:
    fit = {(need, offer): fit for need, offer, fit in market.candidates}
    chosen = market.chosen()
    assert chosen == sorted(chosen, key=lambda pair: (-fit[pair], is_profile(pair[1]), pair))


def fits_beside(market: Case, pair: tuple[str, str], chosen: Sequence[tuple[str, str]]) -> bool:
    """Whether the pair could be added to what is chosen."""
    need, offer = pair
    asks = sum(other[0] == need[0] for other, _ in chosen)
    gives = sum(other[0] == offer[0] for _, other in chosen)
    return (
        asks < market.asking.get(need[0], 3)
        and gives < market.giving.get(offer[0], 3)
        and sum(other == need for other, _ in chosen) < market.capacity.get(need, UNLIMITED)
        and sum(other == offer for _, other in chosen) < market.capacity.get(offer, UNLIMITED)
        and all({n[0], o[0]} != {need[0], offer[0]} for n, o in chosen)
    )


@given(cases())
def test_whoever_is_left_out_fits_neither_beside_the_chosen_nor_in_place_of_one_that_can_be_spared(
    market: Case,
) -> None:
    chosen = market.chosen()
    load = Counter(one for need, offer in chosen for one in (need[0], offer[0]))
    for need, offer, _ in market.candidates:
        for left_out, partner in ((need[0], offer[0]), (offer[0], need[0])):
            if load[left_out]:
                continue
            assert not fits_beside(market, (need, offer), chosen)
            for held in chosen:
                others = [one for one in (held[0][0], held[1][0]) if one != partner]
                if len(others) == 1 and load[others[0]] > 1:
                    assert not fits_beside(market, (need, offer), [pair for pair in chosen if pair != held])


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_in_which_candidates_are_listed_changes_nothing(market: Case, chance: object) -> None:
    shuffled = list(market.candidates)
    chance.shuffle(shuffled)
    assert replace(market, candidates=shuffled).chosen() == market.chosen()


def most_served(pairs: Sequence[tuple[str, str]]) -> int:
    """How many organisations can have a suggestion where nobody can have two."""
    if not pairs:
        return 0
    (need, offer), *rest = pairs
    beside = [pair for pair in rest if pair[0] != need and pair[1] != offer]
    return max(2 + most_served(beside), most_served(rest))


@given(st.data(), st.sampled_from([3, 4]))
def test_where_all_caps_are_one_as_many_are_served_as_can_be(data: st.DataObject, size: int) -> None:
    pairs = [(f"{asks}-n", f"{gives}-o") for asks in "abcd"[:size] for gives in "wxyz"[:size]]
    listed = data.draw(st.lists(st.sampled_from(pairs), unique=True))
    market = case(
        *((*pair, data.draw(st.integers(1, 99)) / 100) for pair in listed),
        asking=dict.fromkeys("abcd", 1),
        giving=dict.fromkeys("wxyz", 1),
    )
    assert 2 * len(market.chosen()) == most_served(listed)


def test_two_suggestions_are_moved_so_that_all_six_have_one() -> None:
    market = case(
        ("a-n", "x-o", 0.88),
        ("a-n", "y-o", 0.06),
        ("b-n", "x-o", 0.34),
        ("b-n", "z-o", 0.15),
        ("c-n", "z-o", 0.45),
        asking=dict.fromkeys("abc", 1),
        giving=dict.fromkeys("xyz", 1),
    )
    assert market.chosen() == [("c-n", "z-o"), ("b-n", "x-o"), ("a-n", "y-o")]


@pytest.mark.parametrize(("moved", "served"), [(LONGEST, True), (LONGEST + 1, False)])
def test_so_many_suggestions_are_moved_for_one_organisation_and_no_more(moved: int, served: bool) -> None:
    """A row in which each asks two neighbours, the better first; only the far end has somebody free."""
    askers, givers = "abcdefghijkl"[: moved + 1], "mnopqrstuvwxyz"[: moved + 1]
    fits = [0.9 - n / 100 for n in range(moved + 1)]
    held = [(f"{askers[n + 1]}-n", f"{givers[n]}-o", fits[n]) for n in range(moved)]
    other = [(f"{askers[n]}-n", f"{givers[n]}-o", fits[n] / 2) for n in range(moved + 1)]
    market = case(*held, *other, asking=dict.fromkeys(askers, 1), giving=dict.fromkeys(givers, 1))
    assert (len(market.chosen()) == moved + 1) is served


def test_an_offer_goes_before_a_profile_that_fits_as_well() -> None:
    market = case(("a-n", "x-p", 0.8), ("a-n", "y-o", 0.8), ("a-n", "z-p", 0.9), asking={"a": 2})
    assert market.chosen() == [("a-n", "z-p"), ("a-n", "y-o")]


def test_everybody_has_a_first_suggestion_before_anybody_has_a_second() -> None:
    market = case(("a-n", "x-o", 0.9), ("b-n", "y-o", 0.8), ("a-n", "y-o", 0.7), ("c-n", "y-o", 0.4), giving={"y": 2})
    assert market.chosen() == [("a-n", "x-o"), ("b-n", "y-o"), ("c-n", "y-o")]


def test_the_best_suggestion_of_all_gives_way_so_that_all_have_one() -> None:
    market = case(("a-n", "x-o", 0.9), ("a-n", "y-o", 0.8), ("b-n", "x-o", 0.4), asking={"a": 1})
    assert market.chosen() == [("a-n", "y-o"), ("b-n", "x-o")]


def test_the_left_out_take_the_place_of_whom_can_spare_one() -> None:
    """By fit alone a meets x and y, and b, whom only x could help, is left out: x wants but one."""
    market = case(("a-n", "x-o", 0.9), ("b-n", "x-o", 0.8), ("a-n", "y-o", 0.7), giving={"x": 1})
    assert market.chosen() == [("b-n", "x-o"), ("a-n", "y-o")]


def test_nobody_is_robbed_of_their_only_suggestion() -> None:
    assert case(("a-n", "x-o", 0.9), ("b-n", "x-o", 0.8), giving={"x": 1}).chosen() == [("a-n", "x-o")]


def test_of_several_that_can_be_spared_the_weakest_goes() -> None:
    market = case(
        ("a-n", "x-o", 0.9),
        ("b-n", "x-o", 0.8),
        ("a-n", "y-o", 0.7),
        ("b-n", "z-o", 0.6),
        ("c-n", "x-o", 0.5),
        giving={"x": 2},
    )
    assert market.chosen() == [("a-n", "x-o"), ("a-n", "y-o"), ("b-n", "z-o"), ("c-n", "x-o")]


def test_of_two_equally_weak_the_later_id_goes() -> None:
    market = case(
        ("a-n", "x-o", 0.8),
        ("b-n", "x-o", 0.8),
        ("a-n", "y-o", 0.7),
        ("b-n", "z-o", 0.7),
        ("c-n", "x-o", 0.5),
        giving={"x": 2},
    )
    assert market.chosen() == [("a-n", "x-o"), ("a-n", "y-o"), ("b-n", "z-o"), ("c-n", "x-o")]


def test_a_full_offer_makes_room_as_a_full_organisation_does() -> None:
    market = case(("a-n", "x-o", 0.9), ("b-n", "x-o", 0.8), ("a-n", "y-o", 0.7), capacity={"x-o": 1})
    assert market.chosen() == [("b-n", "x-o"), ("a-n", "y-o")]


def test_two_organisations_that_fit_both_ways_meet_once() -> None:
    assert case(("a-n", "x-o", 0.8), ("x-n", "a-o", 0.9), ("a-n2", "x-o2", 0.7)).chosen() == [("x-n", "a-o")]


def test_an_empty_market_is_no_trouble() -> None:
    assert case().chosen() == []


@pytest.mark.parametrize("caps", [{"asking": {"a": 0}}, {"giving": {"x": 0}}, {"capacity": {"a-n": 0}}])
def test_who_wants_none_gets_none(caps: dict[str, dict[str, int]]) -> None:
    assert case(("a-n", "x-o", 0.9), **caps).chosen() == []


def test_a_crowded_market_of_two_thousand_takes_no_quarter_of_an_hour() -> None:
    """Most are left out, and each of them looks for a place: the time must not grow with the square."""
    chance = np.random.default_rng(1)
    count = 2000
    key = np.unique(np.repeat(np.arange(count), 20) * count + chance.integers(0, count // 8, 20 * count))
    need, offer = key // count, key % count
    apart = need != offer
    caps = np.full(count, 3)
    market = Market(
        need=need[apart],
        offer=offer[apart],
        fit=chance.random(int(apart.sum())).astype(np.float32),
        asks=np.arange(count),
        gives=np.arange(count),
        profiles=np.zeros(count, bool),
        need_caps=caps,
        offer_caps=np.full(count, UNLIMITED),
        asking_caps=caps,
        giving_caps=caps,
    )
    assert len(allocate(market)) > count // 3

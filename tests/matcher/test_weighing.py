from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from matcher.allocation import UNLIMITED
from matcher.candidates import Candidates
from matcher.network import Network
from matcher.records import Exclusion, History, Standing, Strength, Suggestion
from matcher.vocabulary import Size, Vocabulary
from matcher.weighing import Weighed, overloaded, weigh

Builder = Callable[..., Any]
TODAY = date(2026, 6, 1)
SIZES = Vocabulary(
    sizes={
        key: Size(key, key.capitalize(), "", attention_cap=cap)
        for key, cap in (("micro", 2), ("small", 3), ("medium", 4), ("large", 7))
    }
)


def all_pairs(network: Network, fit: float = 0.8) -> Candidates:
    """Every need with every offer of another organisation."""
    rows = [
        (n, o)
        for n, need in enumerate(network.needs.entries)
        for o, offer in enumerate(network.offers.entries)
        if need.listing.organisation != offer.listing.organisation
    ]
    fits = np.full(len(rows), fit, np.float32)
    return Candidates(np.array([n for n, _ in rows], np.int64), np.array([o for _, o in rows], np.int64), fits, fits)


def weighed(network: Network, history: History | None = None, **caps: int) -> Weighed:
    return weigh(network, all_pairs(network), on=TODAY, history=history or History(), **caps)


@pytest.fixture(scope="session")
def three(network: Builder, need: Builder, offer: Builder) -> Network:
    """Alba needs two things, borea and ciano offer one each; ciano needs one as well."""
    built: Network = network(
        [need("n1"), need("n2"), need("n3", organisation="ciano"), offer("o1"), offer("o2", organisation="ciano")]
    )
    return built


def test_a_market_has_the_numbers_of_listings_and_of_organisations_in_the_order_of_ids(three: Network) -> None:
    met = weighed(three)
    market = met.market
    assert met.organisations == ["alba", "borea", "ciano"]
    assert list(zip(market.need.tolist(), market.offer.tolist(), strict=True)) == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (2, 0),
    ]
    assert (market.asks.tolist(), market.gives.tolist()) == ([0, 0, 2], [1, 2])
    assert (market.need_caps.tolist(), market.offer_caps.tolist()) == ([UNLIMITED] * 3, [UNLIMITED] * 2)
    assert (market.asking_caps.tolist(), market.total_caps.tolist()) == ([3, 3, 3], [5, 5, 5])
    assert market.giving_caps.tolist() == [3, 3, 3]
    assert (market.worth.tolist(), market.burden.tolist()) == ([1, 1, 1], [0, 0, 0])


def test_a_pair_is_worth_its_fit_times_what_either_side_is_likely_to_say(three: Network) -> None:
    met = weighed(three)
    assert met.market.value.dtype == np.float64
    assert met.market.value.tolist() == pytest.approx([0.8 * 0.4165 * 0.2975] * 5)
    assert met.likelihood.asking.tolist() == pytest.approx([0.4165] * 5)
    assert met.likelihood.giving.tolist() == pytest.approx([0.2975] * 5)


def test_a_member_who_has_listed_nothing_has_a_number_too(
    network: Builder, need: Builder, organisation: Builder
) -> None:
    met = weighed(network([need("n")], [organisation("zeno"), organisation("ciano", description="We drive.")]))
    assert met.organisations == ["alba", "ciano", "zeno"]
    assert (met.market.asks.tolist(), met.market.gives.tolist()) == ([0], [1])
    assert [len(caps) for caps in (met.market.giving_caps, met.market.worth, met.market.burden)] == [3, 3, 3]


def test_nobody_and_nothing_is_a_market(network: Builder) -> None:
    met = weighed(network([]))
    assert (met.organisations, len(met.market.value), len(met.market.worth)) == ([], 0, 0)


def test_the_caps_of_the_network_hold_for_everybody(three: Network) -> None:
    market = weighed(three, needs_cap=1, total_cap=0).market
    assert (market.asking_caps.tolist(), market.total_caps.tolist()) == ([1, 1, 1], [0, 0, 0])


@pytest.mark.parametrize(
    ("what", "cap"),
    [
        ({}, 3),
        ({"size": "unheard"}, 3),
        ({"size": "micro"}, 2),
        ({"size": "large"}, 7),
        ({"size": "large", "attention_cap": 1}, 1),
        ({"size": "micro", "attention_cap": 0}, 0),
        ({"attention_cap": 9}, 9),
    ],
)
def test_attention_goes_by_size_unless_an_organisation_has_its_own(
    what: dict[str, Any], cap: int, network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    met = weighed(network([need("n"), offer("o")], [organisation("borea", **what)], SIZES))
    assert met.market.giving_caps.tolist() == [3, cap]


@pytest.mark.parametrize(
    ("capacity", "taken", "left"),
    [(None, 0, UNLIMITED), (None, 8, UNLIMITED), (3, 0, 3), (3, 2, 1), (3, 3, 0), (3, 4, 0), (0, 0, 0)],
)
def test_a_listing_can_take_its_capacity_less_whom_it_has(
    capacity: int | None, taken: int, left: int, network: Builder, need: Builder, offer: Builder
) -> None:
    history = History(taken={"n": taken, "o": taken, "gone": 1})
    asked = weighed(network([need("n", capacity=capacity), offer("o", capacity=5)]), history).market
    assert (asked.need_caps.tolist(), asked.offer_caps.tolist()) == ([left], [5 - min(taken, 5)])
    given = weighed(network([need("n"), offer("o", capacity=capacity)]), history).market
    assert (given.need_caps.tolist(), given.offer_caps.tolist()) == ([UNLIMITED], [left])


def test_first_suggestions_are_worth_more_to_the_smaller_half_of_sizes(
    network: Builder, need: Builder, organisation: Builder
) -> None:
    sizes = ["", "unheard", *SIZES.sizes]
    owners = [organisation(f"one{n}", size=size) for n, size in enumerate(sizes)]
    met = weighed(network([need("n", organisation="one0")], owners, SIZES))
    assert dict(zip(sizes, met.market.worth.tolist(), strict=True)) == {
        "": 1,
        "unheard": 1,
        "micro": 1.5,
        "small": 1.5,
        "medium": 1,
        "large": 1,
    }


@pytest.mark.parametrize(("sizes", "small"), [([], []), (["a"], []), (["a", "b", "c"], ["a"])])
def test_of_sizes_that_cannot_be_halved_the_middle_one_is_not_small(
    sizes: list[str], small: list[str], network: Builder, need: Builder, organisation: Builder
) -> None:
    words = Vocabulary(sizes={key: Size(key, key, "") for key in sizes})
    owners = [organisation(f"one-{size}", size=size) for size in ["a", "b", "c"]]
    met = weighed(network([need("n", organisation="one-a")], owners, words))
    assert met.market.worth.tolist() == [1.5 if size in small else 1.0 for size in ["a", "b", "c"]]


@pytest.mark.parametrize(("introduced", "burden"), [(0, 0.0), (1, 0.02), (3, 0.06), (4, 0.08), (9, 0.08)])
def test_each_introduction_on_record_costs_up_to_a_most(introduced: int, burden: float, three: Network) -> None:
    met = weighed(three, History(introduced={"borea": introduced, "gone": 7}))
    assert met.market.burden.tolist() == pytest.approx([0, burden, 0])
    left = 1 / (1 + 0.1 * introduced)
    assert met.likelihood.giving.tolist() == pytest.approx([0.2975 * by for by in (left, 1, left, 1, left)])
    assert met.likelihood.asking.tolist() == pytest.approx([0.4165] * 5)


DAYS = timedelta(weeks=8) - timedelta(days=1)


@pytest.mark.parametrize(
    ("suggested", "burden"),
    [
        ({("n1", "o1"): TODAY}, [0.003, 0.003, 0]),
        ({("n1", "o1"): TODAY - DAYS, ("n2", "o2"): TODAY}, [0.006, 0.003, 0.003]),
        ({("n1", "o1"): TODAY + DAYS}, [0.003, 0.003, 0]),
        ({("n1", "o1"): TODAY - timedelta(weeks=8)}, [0, 0, 0]),
        ({("gone", "o1"): TODAY}, [0, 0.003, 0]),
        ({("n1", "profile:borea"): TODAY, ("n1", "profile:gone"): TODAY}, [0.006, 0.003, 0]),
    ],
)
def test_without_a_record_suggestions_count_as_what_they_are_expected_to_lead_to(
    suggested: dict[tuple[str, str], date], burden: list[float], three: Network
) -> None:
    assert weighed(three, History(suggested=suggested)).market.burden.tolist() == pytest.approx(burden)


def test_introductions_on_record_go_before_what_was_expected_of_suggestions(three: Network) -> None:
    history = History(suggested={("n1", "o1"): TODAY}, introduced={"borea": 2, "ciano": 0})
    assert weighed(three, history).market.burden.tolist() == pytest.approx([0.003, 0.04, 0])


def test_the_same_input_gives_the_same_market_in_whatever_order_it_is_given(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    listings = [need("n"), offer("o", capacity=2), offer("p", organisation="ciano")]
    owners = [organisation("ciano", size="micro", excludes=(Exclusion("x"),)), organisation("dario")]
    one, other = (
        weighed(network(listings[::way], owners[::way], SIZES), History(introduced={"borea": 1})) for way in (1, -1)
    )
    assert one.organisations == other.organisations == ["alba", "borea", "ciano", "dario"]
    for column in one.market.__slots__:
        assert getattr(one.market, column).tolist() == getattr(other.market, column).tolist()


def test_who_is_no_member_counts_like_anybody(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    owners = [organisation("borea", standing=Standing.LISTED)]
    assert weighed(network([need("n"), offer("o")], owners)).market.giving_caps.tolist() == [3, 3]


# who would get more than it takes


@pytest.fixture(scope="session")
def suggestion(need: Builder, offer: Builder) -> Callable[[str, str], Suggestion]:
    def build(asks: str, gives: str) -> Suggestion:
        need_of, offer_of = need("n", organisation=asks), offer("o", organisation=gives)
        return Suggestion(need=need_of, offer=offer_of, fit=0.9, strength=Strength.STRONG, score=1.0)

    return build


@pytest.fixture(scope="session")
def known(network: Builder, organisation: Builder) -> Network:
    """Borea wants one suggestion about its offers, ciano none; dario is micro, and eva says nothing."""
    who = {"borea": {"attention_cap": 1, "size": "large"}, "ciano": {"attention_cap": 0}, "dario": {"size": "micro"}}
    owners = [organisation(one, **who.get(one, {})) for one in ("alba", "borea", "ciano", "dario", "eva")]
    built: Network = network([], owners, SIZES)
    return built


@pytest.mark.parametrize(
    ("couples", "says"),
    [
        ([], []),
        ([("alba", "eva")] * 3, []),
        ([("alba", "eva"), ("alba", "dario")] * 2, ["alba: 4 for its needs, and it takes 3."]),
        ([("alba", "borea")], []),
        ([("alba", "borea"), ("eva", "borea")], ["borea: 2 about its offers, and it takes 1."]),
        ([("alba", "ciano")], ["ciano: 1 about its offers, and it takes 0."]),
        ([("alba", "dario"), ("eva", "dario")], []),
        ([("alba", "dario"), ("eva", "dario"), ("borea", "dario")], ["dario: 3 about its offers, and it takes 2."]),
        ([("alba", "eva"), ("borea", "eva")] * 2, ["eva: 4 about its offers, and it takes 3."]),
        ([("eva", "borea"), ("eva", "dario"), ("alba", "eva"), ("dario", "eva"), ("ciano", "eva")], []),
    ],
)
def test_who_would_get_more_than_it_takes_is_told(
    couples: list[tuple[str, str]], says: list[str], known: Network, suggestion: Builder
) -> None:
    assert overloaded(known, [suggestion(*couple) for couple in couples]) == says


def test_the_limits_of_the_network_count_as_they_are_now(known: Network, suggestion: Builder) -> None:
    made = [suggestion("eva", "dario"), suggestion("eva", "alba"), suggestion("borea", "eva")]
    assert overloaded(known, made, needs_cap=2, total_cap=3) == []
    assert overloaded(known, made, needs_cap=1, total_cap=3) == ["eva: 2 for its needs, and it takes 1."]
    assert overloaded(known, made, needs_cap=2, total_cap=2) == ["eva: 3 in all, and it takes 2."]
    assert overloaded(known, made, needs_cap=0, total_cap=1) == [
        "borea: 1 for its needs, and it takes 0.",
        "eva: 2 for its needs, and it takes 0.",
        "eva: 3 in all, and it takes 1.",
    ]


def test_of_organisations_that_are_not_in_the_network_nothing_is_said(known: Network, suggestion: Builder) -> None:
    gone = [suggestion("gone", "lost")] * 9
    assert overloaded(known, gone) == []
    assert overloaded(known, [*gone, suggestion("gone", "ciano")]) == ["ciano: 1 about its offers, and it takes 0."]

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from math import exp
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.candidates import Candidates
from matcher.likelihood import A_YEAR, ASKED, FAR, GIVES, INCOMPLETE, LEAST, NEVER_OFFERED, STALE, UNDATED, likelihood
from matcher.network import Network
from matcher.vocabulary import Size, Vocabulary

Builder = Callable[..., Any]
TODAY = date(2026, 6, 1)
SIZES = Vocabulary(sizes={key: Size(key, key.capitalize(), "") for key in ("micro", "small", "medium", "large")})
LONG = "a van with a lift on Mondays and a driver who knows the lanes"


def candidates(network: Network, *pairs: tuple[str, str]) -> Candidates:
    fit = np.full(len(pairs), 0.9, np.float32)
    need = [network.needs.rows[need] for need, _ in pairs]
    offer = [network.offers.rows[offer] for _, offer in pairs]
    return Candidates(np.array(need, np.int64), np.array(offer, np.int64), fit, fit)


def yes(
    network: Network, *pairs: tuple[str, str], on: date = TODAY, load: Mapping[str, float] | None = None
) -> list[tuple[float, float]]:
    """Each pair's likelihood that the asking side says yes and that the giving side does."""
    organisations = sorted(network.organisations)
    loads = np.array([(load or {}).get(one, 0.0) for one in organisations])
    found = likelihood(network, candidates(network, *pairs), on=on, load=loads, organisations=organisations)
    return list(zip(found.asking.tolist(), found.giving.tolist(), strict=True))


ASKING = ASKED * UNDATED * INCOMPLETE  # where nobody says more than a few words
GIVING = GIVES * UNDATED * INCOMPLETE


def test_of_two_that_say_little_each_likelihood_is_the_plain_product(
    network: Builder, need: Builder, offer: Builder
) -> None:
    assert (ASKED, GIVES, NEVER_OFFERED, UNDATED, INCOMPLETE) == (0.7, 0.5, 0.3, 0.85, 0.7)
    assert yes(network([need("n"), offer("o")]), ("n", "o")) == [pytest.approx((0.4165, 0.2975))]


def test_of_two_that_say_all_on_the_day_they_open_nothing_is_taken_off(
    network: Builder, need: Builder, offer: Builder
) -> None:
    what = {"text": LONG, "resource": "equipment", "capacity": 2, "opens": TODAY, "closes": TODAY, "places": ("Leeds",)}
    met = network([need("n", gain="Soup.", **what), offer("o", evidence="Ten years.", **what)])
    assert yes(met, ("n", "o")) == [pytest.approx((0.7, 0.5))]


def test_the_worst_of_all_pairs_is_still_worth_something(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    long_ago = date(1, 1, 1)
    met = network(
        [need("n", places=("Truro",), opens=long_ago), offer("x", organisation="ciano")],
        [
            organisation("alba", size="large"),
            organisation("borea", size="micro", description="We drive.", places=("Aberdeen",)),
        ],
        SIZES,
    )
    [(asking, giving)] = yes(met, ("n", "profile:borea"), load={"alba": 1000.0, "borea": 1000.0})
    place = INCOMPLETE + 0.3 / 6  # a profile says where
    assert asking == pytest.approx(0.7 * FAR * STALE * place * LEAST)
    assert giving == pytest.approx(0.3 * FAR * UNDATED * place * 0.9**3 * LEAST)


def test_who_never_offered_says_yes_less_often(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    met = network([need("n"), offer("o")], [organisation("ciano", description="We drive.")])
    asked, never = yes(met, ("n", "o"), ("n", "profile:ciano"))
    assert asked == pytest.approx((ASKING, GIVING))
    assert never == pytest.approx((ASKING, GIVING * 0.6))


@pytest.mark.parametrize(
    ("of_need", "of_offer", "near"),
    [
        ((), (), 1.0),
        (("Leeds",), (), 1.0),
        ((), ("Leeds",), 1.0),
        (("Leeds",), ("Bradford",), 1.0),
        (("Leeds",), ("Yorkshire and the Humber",), 1.0),
        (("Leeds",), ("Sheffield",), 0.7 + 0.3 * exp(-14.397 / 20)),
        (("Leeds", "Truro"), ("Sheffield",), 0.7 + 0.3 * exp(-14.397 / 20)),
        (("Truro",), ("Aberdeen",), 0.7),
        (("Truro",), ("Aberdeen", "online"), 1.0),
        (("Truro", "online"), ("Aberdeen",), 1.0),
    ],
)
def test_distance_takes_off_up_to_three_tenths_of_either_and_nothing_where_it_is_unknown(
    of_need: tuple[str, ...], of_offer: tuple[str, ...], near: float, network: Builder, need: Builder, offer: Builder
) -> None:
    met = network([need("n", places=of_need), offer("o", places=of_offer)])
    of_need_says, of_offer_says = (0.7 + 0.05 * bool(places) for places in (of_need, of_offer))
    assert yes(met, ("n", "o")) == [
        pytest.approx((0.7 * 0.85 * of_offer_says * near, 0.5 * 0.85 * of_need_says * near), rel=1e-5)
    ]


@pytest.mark.parametrize("remote", ["n", "o"])
def test_who_works_at_a_distance_is_far_from_nobody(
    remote: str, network: Builder, need: Builder, offer: Builder
) -> None:
    met = network(
        [need("n", places=("Truro",), remote=remote == "n"), offer("o", places=("Aberdeen",), remote=remote == "o")]
    )
    assert yes(met, ("n", "o")) == [pytest.approx((0.7 * 0.85 * 0.75, 0.5 * 0.85 * 0.75))]


def test_each_candidate_has_the_distance_of_its_own_two(network: Builder, need: Builder, offer: Builder) -> None:
    met = network(
        [
            need("n1", places=("Truro",)),
            need("n2", places=("Leeds",)),
            need("n3", places=("Truro",)),
            offer("o1", places=("Leeds",)),
            offer("o2", places=("Truro",)),
        ]
    )
    pairs = [(f"n{n}", f"o{o}") for n in (1, 2, 3) for o in (1, 2)]
    far, near = (pytest.approx((0.7 * 0.85 * 0.75 * by, 0.5 * 0.85 * 0.75 * by)) for by in (0.7, 1.0))
    assert yes(met, *pairs) == [far, near, near, far, far, near]


@pytest.mark.parametrize(
    ("opens", "fresh"),
    [
        (None, UNDATED),
        (TODAY, 1.0),
        (TODAY + timedelta(days=40), 1.0),
        (TODAY - timedelta(days=A_YEAR), 0.85),
        (TODAY - timedelta(days=2 * A_YEAR), 0.775),
        (date(1, 1, 1), STALE),
    ],
)
def test_time_takes_off_up_to_three_tenths_of_the_side_whose_listing_it_is(
    opens: date | None, fresh: float, network: Builder, need: Builder, offer: Builder
) -> None:
    assert STALE == 0.7
    asked = network([need("n", opens=opens), offer("o")])
    assert yes(asked, ("n", "o")) == [pytest.approx((0.7 * fresh * INCOMPLETE, GIVING))]
    given_ = network([need("n"), offer("o", opens=opens)])
    assert yes(given_, ("n", "o")) == [pytest.approx((ASKING, 0.5 * fresh * INCOMPLETE))]


SAID: list[Mapping[str, Any]] = [
    {"places": ("Leeds",)},
    {"remote": True},
    {"resource": "equipment"},
    {"capacity": 0},
    {"closes": TODAY},
    {"text": "one two three four five six seven eight nine ten eleven twelve"},
]


@pytest.mark.parametrize("what", SAID, ids=lambda what: next(iter(what)))
def test_each_thing_that_a_listing_says_makes_the_other_side_as_much_likelier(
    what: Mapping[str, Any], network: Builder, need: Builder, offer: Builder
) -> None:
    more = 0.75  # one of six
    of_need = network([need("n", **what), offer("o")])
    assert yes(of_need, ("n", "o")) == [pytest.approx((ASKING, 0.5 * UNDATED * more))]
    of_offer = network([need("n"), offer("o", **what)])
    assert yes(of_offer, ("n", "o")) == [pytest.approx((0.7 * UNDATED * more, GIVING))]


def test_a_need_says_what_is_gained_and_an_offer_what_stands_behind_it(
    network: Builder, need: Builder, offer: Builder
) -> None:
    plain = pytest.approx((ASKING, GIVING))
    assert yes(network([need("n", evidence="Much."), offer("o", gain="Soup.")]), ("n", "o")) == [plain]
    said = pytest.approx((0.7 * UNDATED * 0.75, 0.5 * UNDATED * 0.75))
    assert yes(network([need("n", gain="Soup."), offer("o", evidence="Much.")]), ("n", "o")) == [said]


def test_eleven_words_are_few(network: Builder, need: Builder, offer: Builder) -> None:
    met = network([need("n", "one two three four five six seven eight nine ten eleven"), offer("o")])
    assert yes(met, ("n", "o")) == [pytest.approx((ASKING, GIVING))]


@pytest.mark.parametrize(
    ("of_alba", "of_borea", "smaller"),
    [
        ("micro", "micro", 1.0),
        ("micro", "large", 1.0),
        ("small", "micro", 0.9),
        ("large", "micro", 0.729),
        ("", "", 1.0),
        ("", "micro", 0.81),
        ("large", "", 0.9),
        ("unheard", "medium", 1.0),
    ],
)
def test_a_smaller_one_gives_less_readily_to_a_larger_one_and_who_did_not_say_is_in_the_middle(
    of_alba: str, of_borea: str, smaller: float, network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    met = network(
        [need("n"), offer("o")], [organisation("alba", size=of_alba), organisation("borea", size=of_borea)], SIZES
    )
    assert yes(met, ("n", "o")) == [pytest.approx((ASKING, GIVING * smaller))]


def test_where_there_are_many_sizes_half_is_left(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    many = Vocabulary(sizes={f"s{n:02}": Size(f"s{n:02}", "", "") for n in range(20)})
    owners = [organisation("alba", size="s19"), organisation("borea", size="s00")]
    assert yes(network([need("n"), offer("o")], owners, many), ("n", "o")) == [pytest.approx((ASKING, GIVING / 2))]


@pytest.mark.parametrize(("load", "left"), [(0.0, 1.0), (0.5, 1 / 1.05), (1.0, 1 / 1.1), (10.0, 0.5), (500.0, 0.5)])
def test_each_recent_introduction_takes_off_of_its_organisation_alone_and_half_is_left(
    load: float, left: float, network: Builder, need: Builder, offer: Builder
) -> None:
    met = network([need("n"), offer("o"), need("m", organisation="ciano")])
    assert yes(met, ("n", "o"), load={"alba": load}) == [pytest.approx((ASKING * left, GIVING))]
    assert yes(met, ("n", "o"), load={"borea": load}) == [pytest.approx((ASKING, GIVING * left))]
    assert yes(met, ("n", "o"), load={"ciano": load}) == [pytest.approx((ASKING, GIVING))]


def test_nobody_is_likely_to_say_anything_where_nothing_could_be_suggested(
    network: Builder, need: Builder, offer: Builder
) -> None:
    for listings in ([], [need("n")], [offer("o")], [need("n"), offer("o")]):
        assert yes(network(listings)) == []


PLACES: Sequence[tuple[str, ...]] = [(), ("Leeds",), ("Truro",), ("online",), ("UK",)]
LISTED = st.fixed_dictionaries(
    {
        "places": st.sampled_from(PLACES),
        "opens": st.none() | st.dates(max_value=date(2030, 1, 1)),
        "capacity": st.none() | st.integers(0, 3),
        "remote": st.booleans(),
        "resource": st.sampled_from(["", "space"]),
        "text": st.sampled_from(["van", LONG]),
    }
)


@given(st.tuples(LISTED, LISTED), st.tuples(*[st.sampled_from(["", *SIZES.sizes])] * 2), st.tuples(*[st.floats(0)] * 2))
def test_a_likelihood_is_never_above_what_it_starts_from_and_never_nothing(
    network: Builder,
    need: Builder,
    offer: Builder,
    organisation: Builder,
    what: tuple[Mapping[str, Any], Mapping[str, Any]],
    sizes: tuple[str, str],
    load: tuple[float, float],
) -> None:
    owners = [organisation(key, size=size) for key, size in zip(("alba", "borea"), sizes, strict=True)]
    met = network([need("n", **what[0]), offer("o", **what[1])], owners, SIZES)
    [(asking, giving)] = yes(met, ("n", "o"), load=dict(zip(("alba", "borea"), load, strict=True)))
    assert ASKED * FAR * STALE * INCOMPLETE * LEAST - 1e-6 <= asking <= ASKED + 1e-6
    assert GIVES * FAR * STALE * INCOMPLETE * LEAST * 0.9**3 - 1e-6 <= giving <= GIVES + 1e-6

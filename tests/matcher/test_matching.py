from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.eligibility import MEMBER_RULES, past
from matcher.matching import objections, suggest
from matcher.network import Network
from matcher.ranking import Ranker
from matcher.records import History, Kind, Listing, Standing, Strength, Suggestion

Builder = Callable[..., Any]
TODAY = date(2026, 6, 1)


def ids(suggestions: list[Suggestion] | tuple[Suggestion, ...]) -> list[tuple[str, str]]:
    return [suggestion.pair for suggestion in suggestions]


@pytest.fixture(scope="session")
def small(network: Builder, need: Builder, offer: Builder, organisation: Builder) -> Network:
    """Two needs of alba's, four offers of borea's and ciano's, and dario, who has listed nothing."""
    built: Network = network(
        [
            need("n1", "a van with a lift on Mondays"),
            need("n2", "a choir for the summer fair"),
            offer("o1", "our van with its lift on Mondays"),
            offer("o2", "van on Sundays", organisation="ciano"),
            offer("o3", "choir looking for summer concerts", organisation="ciano"),
            offer("o4", "office chairs"),
            offer("o5", "van with a lift on Mondays", organisation="alba"),
        ],
        [organisation("dario", description="We have a van with a lift on Mondays.")],
    )
    return built


def test_suggestions_come_best_first(small: Network, ranker: Ranker) -> None:
    listing = small.listings["n1"]
    every = suggest(small, listing, ranker=ranker, on=TODAY, threshold=0)
    assert ids(every) == [("n1", "o1"), ("n1", "profile:dario"), ("n1", "o2"), ("n1", "o3"), ("n1", "o4")]
    assert [every[0].strength, every[-1].strength] == [Strength.STRONG, Strength.WEAK]
    assert [one.fit for one in every] == sorted((one.fit for one in every), reverse=True)
    assert [one.strength for one in every] == [ranker.strength(one.fit) for one in every]
    assert all(one.reasons for one in every)


def test_an_offer_is_suggested_needs(small: Network, ranker: Ranker) -> None:
    listing = small.listings["o3"]
    assert ids(suggest(small, listing, ranker=ranker, on=TODAY)) == [("n2", "o3")]
    assert ids(suggest(small, listing, ranker=ranker, on=TODAY, threshold=0)) == [("n2", "o3"), ("n1", "o3")]


def test_a_profile_is_suggested_needs_as_a_draft(small: Network, ranker: Ranker) -> None:
    listing = small.entry("profile:dario").listing
    assert ids(suggest(small, listing, ranker=ranker, on=TODAY)) == [("n1", "profile:dario")]


def test_the_threshold_is_the_rankers_unless_another_is_given(small: Network, ranker: Ranker) -> None:
    listing = small.listings["n1"]
    assert [one.pair[1] for one in suggest(small, listing, ranker=ranker, on=TODAY)] == ["o1", "profile:dario"]
    assert [one.pair[1] for one in suggest(small, listing, ranker=ranker, on=TODAY, threshold=0.8)] == ["o1"]
    assert suggest(small, listing, ranker=ranker, on=TODAY, threshold=1.01) == []


@pytest.mark.parametrize("limit", [0, 1, 3, 99])
def test_the_limit_takes_the_first_of_the_whole_list(limit: int, small: Network, ranker: Ranker) -> None:
    listing = small.listings["n1"]
    every = suggest(small, listing, ranker=ranker, on=TODAY, threshold=0, limit=99)
    assert suggest(small, listing, ranker=ranker, on=TODAY, threshold=0, limit=limit) == every[:limit]


@pytest.mark.parametrize("explained", [0, 1, 3, 5, 99])
def test_only_the_first_get_reasons_where_no_more_are_asked_for(explained: int, small: Network, ranker: Ranker) -> None:
    listing = small.listings["n1"]
    every = suggest(small, listing, ranker=ranker, on=TODAY, threshold=0)
    assert len(every) == 5
    assert all(one.reasons for one in every)
    bare = [replace(one, reasons=(), mismatches=(), cautions=()) for one in every]
    assert suggest(small, listing, ranker=ranker, on=TODAY, threshold=0, explained=explained) == (
        every[:explained] + bare[explained:]
    )


def test_no_suggestion_is_of_the_organisation_itself(small: Network, ranker: Ranker) -> None:
    for listing in small.listings.values():
        for one in suggest(small, listing, ranker=ranker, on=TODAY, threshold=0):
            assert one.need.organisation != one.offer.organisation
            assert listing in (one.need, one.offer)


def test_fit_orders_before_score_and_no_word_stands_behind_a_weaker_one(
    network: Builder, need: Builder, offer: Builder, ranker: Ranker
) -> None:
    met = network(
        [
            need("n", "van lift Mondays driver", resource="equipment"),
            offer("same", "van lift Mondays driver", resource="space"),
            offer("alike", "van lift Mondays", resource="equipment"),
            *(offer(f"o{n}", "choir of the fair") for n in range(4)),
        ]
    )
    by_resource = replace(ranker, weights=(*ranker.weights[:3], 4.0, 0.0, 0.0), intercept=-9.5)
    found = suggest(met, met.listings["n"], ranker=by_resource, on=TODAY, threshold=0)
    assert [one.pair[1] for one in found] == ["alike", "same", "o0", "o1", "o2", "o3"]
    assert found[0].score < found[1].score
    assert found[0].strength.value != found[1].strength.value


def test_of_two_that_say_the_same_the_offer_stands_before_the_profile(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, ranker: Ranker
) -> None:
    met = network(
        [need("n", "van lift Mondays driver"), offer("z", "van lift Mondays driver"), offer("weak", "choir")],
        [organisation("ciano", name="van lift", description="Mondays driver")],
    )
    found = suggest(met, met.listings["n"], ranker=ranker, on=TODAY, threshold=0)
    assert ids(found) == [("n", "z"), ("n", "profile:ciano"), ("n", "weak")]
    assert found[0].score == pytest.approx(found[1].score, abs=1e-3)
    assert found[0].fit > found[1].fit


def test_a_draft_gets_what_the_stored_listing_gets(small: Network, ranker: Ranker) -> None:
    for listing in small.listings.values():
        draft = replace(listing, id="draft")
        stored = suggest(small, listing, ranker=ranker, on=TODAY, threshold=0)
        drafted = suggest(small, draft, ranker=ranker, on=TODAY, threshold=0)
        back = [replace(one, need=listing) if one.need == draft else replace(one, offer=listing) for one in drafted]
        assert back == stored


def test_a_listing_edited_and_not_yet_stored_is_asked_with_as_it_now_reads(small: Network, ranker: Ranker) -> None:
    edited = replace(small.listings["n1"], text="choir looking for summer concerts")
    assert ids(suggest(small, edited, ranker=ranker, on=TODAY)) == [("n1", "o3")]


def test_history_and_rules_hold(small: Network, ranker: Ranker) -> None:
    listing = small.listings["n1"]
    history = History(suggested={("n1", "o1"): TODAY})
    assert [one.pair[1] for one in suggest(small, listing, ranker=ranker, on=TODAY, history=history)] == [
        "profile:dario"
    ]
    unseen = small.updated({"dario": replace(small.organisations["dario"], standing=Standing.LISTED)}, {}, 1)
    assert [one.pair[1] for one in suggest(unseen, listing, ranker=ranker, on=TODAY, rules=MEMBER_RULES)] == ["o1"]


def test_a_network_without_offers_suggests_nothing(network: Builder, need: Builder, ranker: Ranker) -> None:
    met = network([need("n")])
    assert suggest(met, met.listings["n"], ranker=ranker, on=TODAY) == []


def test_a_listing_whose_organisation_is_unknown_is_treated_as_a_draft(
    network: Builder, need: Builder, offer: Builder, ranker: Ranker
) -> None:
    stray = need("stray", organisation="nobody")
    met = network([offer("o")]).updated({}, {"stray": stray}, 1)
    assert ids(suggest(met, stray, ranker=ranker, on=TODAY)) == [("stray", "o")]


WORDS = ["van", "lift", "room", "choir", "seeds", "desk"]


@st.composite
def markets(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    """Listings as (id, organisation, text)."""
    texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
    listings = draw(st.lists(st.tuples(st.sampled_from("no"), st.sampled_from("abcd"), texts), min_size=4, max_size=12))
    kinds = {kind for kind, _, _ in listings}
    listings += [(kind, "a", "van") for kind in "no" if kind not in kinds]
    return [(f"{kind}{n:02}", organisation, text) for n, (kind, organisation, text) in enumerate(listings)]


def as_listings(market: list[tuple[str, str, str]]) -> list[Listing]:
    kinds = {"n": Kind.NEED, "o": Kind.OFFER}
    return [Listing(id=key, organisation=one, kind=kinds[key[0]], text=text) for key, one, text in market]


@settings(max_examples=25)
@given(markets(), st.randoms(use_true_random=False))
def test_the_order_in_which_the_network_is_given_changes_no_suggestion(
    network: Builder, ranker: Ranker, market: list[tuple[str, str, str]], chance: Any
) -> None:
    listings = as_listings(market)
    shuffled = list(listings)
    chance.shuffle(shuffled)
    straight, other = network(listings), network(shuffled)
    for listing in listings:
        assert suggest(straight, listing, ranker=ranker, on=TODAY, threshold=0) == suggest(
            other, listing, ranker=ranker, on=TODAY, threshold=0
        )


@settings(max_examples=25)
@given(markets())
def test_suggestions_are_in_the_order_of_fit_then_score_then_id(
    network: Builder, ranker: Ranker, market: list[tuple[str, str, str]]
) -> None:
    met: Network = network(as_listings(market))
    words = [Strength.STRONG, Strength.GOOD, Strength.POSSIBLE, Strength.WEAK]
    for listing in met.listings.values():
        found = suggest(met, listing, ranker=ranker, on=TODAY, threshold=0)
        assert found == sorted(found, key=lambda one: (-one.fit, -one.score, *one.pair))
        assert [one.strength for one in found] == sorted((one.strength for one in found), key=words.index)


def test_a_suggestion_holds_until_one_of_the_two_listings_is_another(small: Network, ranker: Ranker) -> None:
    one = suggest(small, small.listings["n1"], ranker=ranker, on=TODAY)[0]

    def against(network: Network, history: History | None = None) -> list[str]:
        return objections(network, one, on=TODAY, before=past(history or History(), network, TODAY))

    changed = ["One of the two has been changed or taken back since."]
    assert one.pair == ("n1", "o1")
    assert against(small) == []
    for key, what in (("n1", {"text": "a van"}), ("o1", {"capacity": 3}), ("o1", {"closes": date(2026, 5, 31)})):
        assert against(small.updated({}, {key: replace(small.listings[key], **what)}, 1)) == changed
    assert against(small, History(blocked=frozenset({frozenset({"alba", "borea"})}))) == [
        "These two organisations are not to be introduced."
    ]
    for key in ("alba", "borea"):
        left = small.updated({key: replace(small.organisations[key], standing=Standing.LISTED)}, {}, 1)
        assert against(left) == ["It is not from a member, or is for coordinators' eyes."]


def test_a_suggested_profile_is_taken_back_once_its_organisation_lists_or_describes_itself_anew(
    small: Network, offer: Builder, ranker: Ranker
) -> None:
    one = suggest(small, small.listings["n1"], ranker=ranker, on=TODAY)[1]
    assert one.pair == ("n1", "profile:dario")
    dario = small.organisations["dario"]
    for met, against in (
        (small, []),
        (small.updated({}, {"d1": offer("d1", organisation="dario")}, 1), ["changed"]),
        (small.updated({"dario": replace(dario, description="We sing.")}, {}, 1), ["changed"]),
    ):
        says = objections(met, one, on=TODAY, before=past(History(), met, TODAY))
        assert says == ["One of the two has been changed or taken back since." for _ in against]

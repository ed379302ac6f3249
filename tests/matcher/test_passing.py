from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest

from matcher.allocation import Limit
from matcher.candidates import Candidates
from matcher.network import Network
from matcher.passing import BY_CHANCE, TOLD_FIRST, TOO_LATE, TOO_SOON, passed_over
from matcher.ranking import Ranker
from matcher.records import History, PassedOver, Strength
from matcher.weighing import weigh

Builder = Callable[..., Any]
Pair = tuple[str, str]
TODAY = date(2026, 6, 1)


@pytest.fixture(scope="session")
def passed(ranker: Ranker) -> Callable[..., list[PassedOver]]:
    def build(
        network: Network,
        fits: Mapping[Pair, float],
        chosen: Sequence[Pair],
        propensities: Mapping[Pair, float] | None = None,
        history: History | None = None,
        **caps: int,
    ) -> list[PassedOver]:
        rows = {(network.needs.rows[need], network.offers.rows[offer]): (need, offer) for need, offer in fits}
        pairs = [rows[both] for both in sorted(rows)]
        fit = np.array([fits[pair] for pair in pairs], np.float32)
        need, offer = (np.array(column, np.int64) for column in zip(*sorted(rows), strict=True))
        candidates = Candidates(need, offer, fit, fit)
        return passed_over(
            network,
            candidates,
            weigh(network, candidates, on=TODAY, history=history or History(), **caps),
            np.array(sorted(pairs.index(pair) for pair in chosen), np.int64),
            {pairs.index(pair): chance for pair, chance in (propensities or {}).items()},
            ranker,
        )

    return build


def whys(found: list[PassedOver]) -> dict[Pair, str]:
    return {(one.need, one.offer): one.why for one in found}


@pytest.fixture(scope="session")
def market(network: Builder, need: Builder, offer: Builder, organisation: Builder) -> Callable[..., Network]:
    """Alba, dario and eva need, borea and ciano offer; borea wants one suggestion a week, unless told otherwise."""

    def build(attention_cap: int | None = 1, **what: Any) -> Network:
        built: Network = network(
            [
                need("a1", **what),
                need("a2"),
                need("d", organisation="dario"),
                need("e", organisation="eva"),
                offer("b1"),
                offer("b2"),
                offer("c", organisation="ciano"),
            ],
            [organisation("borea", name="Borea & Sons", attention_cap=attention_cap)],
        )
        return built

    return build


def test_of_the_strong_ones_that_are_held_back_the_one_worth_most_is_next_in_line(
    market: Builder, passed: Builder
) -> None:
    found = passed(market(), {("a1", "b1"): 0.9, ("d", "b1"): 0.85, ("e", "b2"): 0.88}, [("a1", "b1")])
    assert found == [
        PassedOver(
            need="d",
            offer="b1",
            between=("dario", "borea"),
            fit=pytest.approx(0.85),
            strength=Strength.STRONG,
            propensity=0.0,
            why="Borea & Sons was at its limit this week, 1 for what it offers.",
        ),
        PassedOver(
            need="e",
            offer="b2",
            between=("eva", "borea"),
            fit=pytest.approx(0.88),
            strength=Strength.STRONG,
            propensity=0.0,
            why="Borea & Sons was at its limit this week, 1 for what it offers; next in line.",
        ),
    ]


def test_next_in_line_goes_by_worth_and_not_by_fit(market: Builder, passed: Builder) -> None:
    fits = {("a1", "b1"): 0.9, ("d", "b1"): 0.85, ("e", "b1"): 0.88}
    says = "Borea & Sons was at its limit this week, 1 for what it offers"
    tired = History(introduced={"eva": 3})
    assert whys(passed(market(), fits, [("a1", "b1")], history=tired)) == {
        ("d", "b1"): f"{says}; next in line.",
        ("e", "b1"): f"{says}.",
    }


def test_of_two_worth_the_same_the_first_is_next_in_line(market: Builder, passed: Builder) -> None:
    found = passed(market(), {("a1", "b1"): 0.9, ("d", "b1"): 0.85, ("e", "b1"): 0.85}, [("a1", "b1")])
    assert [one.why.endswith("; next in line.") for one in found] == [True, False]


def test_the_weaker_ones_and_the_chosen_are_not_told(market: Builder, passed: Builder) -> None:
    fits = {("a1", "b1"): 0.9, ("d", "b1"): 0.79, ("e", "b1"): 0.8}
    assert list(whys(passed(market(), fits, [("a1", "b1")]))) == [("e", "b1")]
    assert passed(market(), {("a1", "b1"): 0.9}, [("a1", "b1")]) == []


def test_each_limit_has_its_sentence(market: Builder, passed: Builder, network: Builder) -> None:
    def why(network: Network, fits: list[Pair], chosen: list[Pair], **caps: int) -> str:
        (told,) = whys(passed(network, dict.fromkeys(fits, 0.9), chosen, **caps)).values()
        return str(told)

    assert why(market(3), [("a1", "b1"), ("a2", "b2")], [("a1", "b1")]) == (
        "Alba and Borea & Sons are suggested to each other for something else this week."
    )
    assert why(market(3, capacity=1), [("a1", "b1"), ("a1", "c")], [("a1", "b1")]) == (
        "With this week's suggestions the need has as many partners as it can take; next in line."
    )
    assert why(market(3), [("a1", "b1"), ("a2", "c")], [("a1", "b1")], needs_cap=1) == (
        "Alba was at its limit this week, 1 for what it needs; next in line."
    )
    assert why(market(1), [("a1", "b1"), ("d", "b1")], [("a1", "b1")]) == (
        "Borea & Sons was at its limit this week, 1 for what it offers; next in line."
    )
    assert why(market(3), [("a1", "b1"), ("a2", "c")], [("a1", "b1")], total_cap=1) == (
        "Alba was at its limit this week, 1 in all; next in line."
    )
    assert why(market(3), [("a1", "b1"), ("d", "b1")], [("a1", "b1")], total_cap=1) == (
        "Borea & Sons was at its limit this week, 1 in all; next in line."
    )


def test_an_offer_that_is_full_says_so(network: Builder, need: Builder, offer: Builder, passed: Builder) -> None:
    met = network([need("n"), need("m", organisation="ciano"), offer("o", capacity=3)])
    full = History(taken={"o": 2})
    assert whys(passed(met, {("n", "o"): 0.9, ("m", "o"): 0.9}, [("n", "o")], history=full)) == {
        ("m", "o"): "With this week's suggestions the offer has as many partners as it can take; next in line."
    }


def test_of_several_limits_the_nearer_is_told(market: Builder, passed: Builder) -> None:
    fits = {("a1", "b1"): 0.9, ("a2", "b2"): 0.9, ("a1", "c"): 0.9, ("d", "b1"): 0.9, ("e", "c"): 0.9}
    found = passed(market(1, capacity=1), fits, [("a1", "b1")], needs_cap=1, total_cap=1)
    assert whys(found) == {
        ("a1", "c"): "With this week's suggestions the need has as many partners as it can take; next in line.",
        ("a2", "b2"): "Alba and Borea & Sons are suggested to each other for something else this week.",
        ("d", "b1"): "Borea & Sons was at its limit this week, 1 for what it offers; next in line.",
        ("e", "c"): TOO_LATE,
    }
    assert [limit.name for limit in TOLD_FIRST] == ["COUPLE", "NEED", "OFFER", "GIVING", "ASKING", "GIVER", "ASKER"]
    assert set(TOLD_FIRST) == set(Limit)


def test_each_limit_of_each_organisation_has_its_own_next_in_line(market: Builder, passed: Builder) -> None:
    fits = {
        ("a1", "b1"): 0.9,
        ("d", "c"): 0.9,
        ("a2", "c"): 0.81,
        ("d", "b1"): 0.82,
        ("e", "b1"): 0.83,
        ("e", "c"): 0.84,
    }
    found = whys(passed(market(1), fits, [("a1", "b1"), ("d", "c")], total_cap=1))
    assert {pair for pair, why in found.items() if why.endswith("; next in line.")} == {("e", "b1"), ("e", "c")}
    assert found["e", "c"].startswith("Ciano was at its limit this week, 1 in all")


def test_each_full_listing_has_its_own_next_in_line(
    network: Builder, need: Builder, offer: Builder, passed: Builder
) -> None:
    owners = {"o": "borea", "p": "ciano"}
    offers = [offer(key, organisation=owner, capacity=1) for key, owner in owners.items()]
    met = network([need("n"), need("m", organisation="dario"), *offers])
    fits = {("n", "o"): 0.9, ("n", "p"): 0.9, ("m", "o"): 0.9, ("m", "p"): 0.8}
    says = "With this week's suggestions the offer has as many partners as it can take; next in line."
    assert whys(passed(met, fits, [("n", "o"), ("n", "p")])) == {("m", "o"): says, ("m", "p"): says}


def test_what_chance_might_have_chosen_is_told_as_that_however_weak_and_whoever_is_full_now(
    market: Builder, passed: Builder
) -> None:
    fits = {("a1", "b1"): 0.5, ("a1", "c"): 0.5, ("a2", "c"): 0.81}
    found = passed(market(), fits, [("a1", "b1")], {("a1", "b1"): 0.5, ("a1", "c"): 0.5}, needs_cap=1)
    assert [(one.offer, one.strength, one.propensity, one.why) for one in found] == [
        ("c", Strength.POSSIBLE, 0.5, BY_CHANCE),
        ("c", Strength.STRONG, 0.0, "Alba was at its limit this week, 1 for what it needs; next in line."),
    ]


def test_where_no_limit_stands_in_the_way_it_was_too_soon_or_too_late(market: Builder, passed: Builder) -> None:
    met = market()
    tired = History(introduced={"alba": 9, "borea": 9})
    fits = {("a1", "b1"): 0.8, ("d", "c"): 0.9}
    assert whys(passed(met, fits, [("d", "c")], history=tired)) == {("a1", "b1"): TOO_SOON}
    assert whys(passed(met, fits, [("d", "c")])) == {("a1", "b1"): TOO_LATE}


def test_they_come_in_the_order_of_ids(market: Builder, passed: Builder) -> None:
    fits = {(need, offer): 0.9 for need in ("e", "d", "a1") for offer in ("c", "b1")}
    found = passed(market(), fits, [("a1", "b1")])
    assert list(whys(found)) == [("a1", "c"), ("d", "b1"), ("d", "c"), ("e", "b1"), ("e", "c")]

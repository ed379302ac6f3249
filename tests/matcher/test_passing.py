from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from matcher.allocation import Limit, Market, allocate, full, objective
from matcher.candidates import Candidates
from matcher.network import Network
from matcher.passing import BY_CHANCE, TOLD_FIRST, TOO_LATE, TOO_SOON, passed_over
from matcher.ranking import Ranker
from matcher.records import History, PassedOver, Strength
from matcher.weighing import Weighed, weigh

Builder = Callable[..., Any]
Pair = tuple[str, str]
TODAY = date(2026, 6, 1)


def fitting(network: Network, fits: Mapping[Pair, float]) -> Candidates:
    """Candidates as though they had been gathered, with these fits."""
    rows = {(network.needs.rows[need], network.offers.rows[offer]): fit for (need, offer), fit in fits.items()}
    need, offer = np.array(sorted(rows), np.int64).T
    fit = np.array([rows[both] for both in sorted(rows)], np.float32)
    return Candidates(need, offer, fit, fit)


def row_of(network: Network, candidates: Candidates, pair: Pair) -> int:
    need, offer = network.needs.rows[pair[0]], network.offers.rows[pair[1]]
    (row,) = np.flatnonzero((candidates.need == need) & (candidates.offer == offer))
    return int(row)


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
        candidates = fitting(network, fits)
        return passed_over(
            network,
            candidates,
            weigh(network, candidates, on=TODAY, history=history or History(), **caps),
            np.array(sorted(row_of(network, candidates, pair) for pair in chosen), np.int64),
            {row_of(network, candidates, pair): chance for pair, chance in (propensities or {}).items()},
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


def test_of_several_limits_all_are_told_the_nearer_first_and_nobody_is_next_in_line(
    market: Builder, passed: Builder
) -> None:
    fits = {("a1", "b1"): 0.9, ("a2", "b2"): 0.9, ("a1", "c"): 0.9, ("d", "b1"): 0.9, ("e", "c"): 0.9}
    found = passed(market(1, capacity=1), fits, [("a1", "b1")], needs_cap=1, total_cap=1)
    assert whys(found) == {
        ("a1", "c"): "With this week's suggestions the need has as many partners as it can take; "
        "Alba was at its limit this week, 1 for what it needs; Alba was at its limit this week, 1 in all.",
        ("a2", "b2"): "Alba and Borea & Sons are suggested to each other for something else this week; "
        "Borea & Sons was at its limit this week, 1 for what it offers; "
        "Alba was at its limit this week, 1 for what it needs; "
        "Borea & Sons was at its limit this week, 1 in all; Alba was at its limit this week, 1 in all.",
        ("d", "b1"): "Borea & Sons was at its limit this week, 1 for what it offers; "
        "Borea & Sons was at its limit this week, 1 in all.",
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
    found = whys(passed(market(3), fits, [("a1", "b1"), ("d", "c")], total_cap=1))
    assert {pair for pair, why in found.items() if why.endswith("; next in line.")} == {("e", "b1"), ("e", "c")}
    assert found["e", "c"].startswith("Ciano was at its limit this week, 1 in all")


def test_who_has_one_limit_against_it_is_next_in_line_before_who_has_two_and_adds_more(
    market: Builder, passed: Builder
) -> None:
    fits = {("a1", "b1"): 0.9, ("d", "c"): 0.9, ("d", "b1"): 0.95, ("e", "b1"): 0.8}
    borea, dario = (f"{who} was at its limit this week, 1" for who in ("Borea & Sons", "Dario"))
    assert whys(passed(market(1), fits, [("a1", "b1"), ("d", "c")], needs_cap=1)) == {
        ("d", "b1"): f"{borea} for what it offers; {dario} for what it needs.",
        ("e", "b1"): f"{borea} for what it offers; next in line.",
    }


def test_in_line_for_what_an_organisation_takes_in_all_is_one_whichever_side_it_is_on(
    network: Builder, need: Builder, offer: Builder, passed: Builder
) -> None:
    met = network(
        [
            need("a1"),
            need("n", organisation="borea"),
            need("d", organisation="dario"),
            offer("b1"),
            offer("c", organisation="ciano"),
        ]
    )
    says = "Borea was at its limit this week, 1 in all"
    fits = {("a1", "b1"): 0.95, ("n", "c"): 0.9, ("d", "b1"): 0.9}
    for tired, gives, asks in (("dario", "", "; next in line"), ("ciano", "; next in line", "")):
        found = whys(passed(met, fits, [("a1", "b1")], history=History(introduced={tired: 4}), total_cap=1))
        assert found == {("n", "c"): f"{says}{asks}.", ("d", "b1"): f"{says}{gives}."}


def test_who_wants_none_says_so_and_has_nobody_in_line(market: Builder, passed: Builder) -> None:
    fits = {("a1", "b1"): 0.9, ("d", "c"): 0.9}
    none, limit = "Borea & Sons wants none for what it offers", "was at its limit this week, 0"
    assert whys(passed(market(0), fits, [("d", "c")])) == {("a1", "b1"): f"{none}."}
    assert whys(passed(market(0), fits, [], needs_cap=0)) == {
        ("a1", "b1"): f"{none}; Alba {limit} for what it needs.",
        ("d", "c"): f"Dario {limit} for what it needs.",
    }
    assert whys(passed(market(3), fits, [], total_cap=0)) == {
        ("a1", "b1"): f"Borea & Sons {limit} in all; Alba {limit} in all.",
        ("d", "c"): f"Ciano {limit} in all; Dario {limit} in all.",
    }


def test_whoever_would_add_nothing_is_not_in_line(market: Builder, passed: Builder) -> None:
    fits = {("a1", "b1"): 0.9, ("d", "b1"): 0.85, ("d", "c"): 0.9}
    says = "Borea & Sons was at its limit this week, 1 for what it offers"
    served = [("a1", "b1"), ("d", "c")]
    for tired, why in (({"borea": 1}, f"{says}; next in line."), ({"borea": 4, "dario": 4}, f"{says}.")):
        assert whys(passed(market(), fits, served, history=History(introduced=tired))) == {("d", "b1"): why}


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


# who is next in line, solved again with more room


class Round:
    """A network's candidates as allocation solved them, and what is told of the others."""

    def __init__(
        self, network: Network, fits: Mapping[Pair, float], ranker: Ranker, history: History, **caps: int
    ) -> None:
        candidates = fitting(network, fits)
        self.weighed: Weighed = weigh(network, candidates, on=TODAY, history=history, **caps)
        self.chosen = allocate(self.market).rows
        told = passed_over(network, candidates, self.weighed, self.chosen, {}, ranker)
        self.whys = {row_of(network, candidates, (one.need, one.offer)): one.why for one in told}
        self.first = [row for row, why in self.whys.items() if why.endswith("; next in line.")]

    @property
    def market(self) -> Market:
        return self.weighed.market

    def adds(self, row: int) -> float:
        return objective(self.market, np.append(self.chosen, row)) - objective(self.market, self.chosen)

    def in_line(self) -> Iterator[tuple[tuple[str, int], int]]:
        """Each of those told that one unit of room would let in and that would add something, with whose room it is."""
        limited = full(self.market, self.chosen, np.array(list(self.whys), np.int64))
        for row, limits in zip(self.whys, limited, strict=True):
            if limits.sum() == 1 and not limits[Limit.COUPLE] and self.adds(row) > 1e-12:
                caps, holder = self.room_of(Limit(int(limits.argmax())), row)
                if getattr(self.market, caps)[holder]:
                    yield (caps, holder), row

    def room_of(self, limit: Limit, row: int) -> tuple[str, int]:
        market = self.market
        caps, holders = {
            Limit.NEED: ("need_caps", market.need),
            Limit.OFFER: ("offer_caps", market.offer),
            Limit.ASKING: ("asking_caps", market.asking),
            Limit.GIVING: ("giving_caps", market.giving),
            Limit.ASKER: ("total_caps", market.asking),
            Limit.GIVER: ("total_caps", market.giving),
        }[limit]
        return caps, int(holders[row])

    def roomier(self, caps: str, holder: int) -> Market:
        more = getattr(self.market, caps).copy()
        more[holder] += 1
        return replace(self.market, **{caps: more})

    def with_room(self, caps: str, holder: int) -> list[int]:
        """The rows that are chosen when one more unit of room is there."""
        found: list[int] = allocate(self.roomier(caps, holder)).rows.tolist()
        return found


@pytest.fixture(scope="session")
def three_each(network: Builder, need: Builder, offer: Builder, organisation: Builder) -> Callable[..., Network]:
    """Alba, dario and eva need, borea, ciano and fritz offer; `capacity` is every listing's, `cap` is borea's."""

    def build(capacity: int | None = None, cap: int = 3) -> Network:
        askers = {"a": "alba", "a2": "alba", "d": "dario", "e": "eva"}
        givers = {"b": "borea", "c": "ciano", "f": "fritz"}
        needs = [need(key, organisation=owner, capacity=capacity) for key, owner in askers.items()]
        offers = [offer(key, organisation=owner, capacity=capacity) for key, owner in givers.items()]
        built: Network = network([*needs, *offers], [organisation("borea", attention_cap=cap)])
        return built

    return build


@pytest.mark.parametrize(
    ("what", "caps", "pairs"),
    [
        ({"capacity": 1}, {}, [("a", "b"), ("a", "c"), ("a", "f")]),
        ({"capacity": 1}, {}, [("a", "b"), ("d", "b"), ("e", "b")]),
        ({}, {"needs_cap": 1}, [("a", "b"), ("a2", "c"), ("a", "f")]),
        ({"cap": 1}, {}, [("a", "b"), ("d", "b"), ("e", "b")]),
        ({}, {"total_cap": 1}, [("a", "b"), ("a2", "c"), ("a", "f")]),
        ({}, {"total_cap": 1}, [("a", "b"), ("d", "b"), ("e", "b")]),
    ],
    ids=["need", "offer", "asking", "giving", "asker", "giver"],
)
def test_with_one_more_unit_of_room_the_one_next_in_line_comes_in_beside_the_others(
    three_each: Builder,
    ranker: Ranker,
    what: dict[str, Any],
    caps: dict[str, int],
    pairs: list[Pair],
) -> None:
    for fits in ((0.95, 0.9, 0.85), (0.85, 0.95, 0.9), (0.9, 0.85, 0.95)):
        met = three_each(**what)
        of = dict(zip(pairs, fits, strict=True))
        made = Round(met, of, ranker, History(), **caps)
        _, second, _ = sorted(of, key=lambda pair: -of[pair])
        assert made.first == [row_of(met, fitting(met, of), second)]
        (room, first), (_, last) = sorted(made.in_line(), key=lambda line: -made.adds(line[1]))
        assert made.first == [first]
        assert made.with_room(*room) == sorted([*made.chosen, first]) != sorted([*made.chosen, last])


def test_next_in_line_goes_by_what_is_added_and_not_by_value(three_each: Builder, ranker: Ranker) -> None:
    """Dario fits borea better than eva does, but has something already; eva has nothing."""
    met = three_each(cap=1)
    fits = {("a", "b"): 0.95, ("d", "b"): 0.9, ("d", "c"): 0.9, ("e", "b"): 0.85}
    made = Round(met, fits, ranker, History())
    dario, eva = (row_of(met, fitting(met, fits), (need, "b")) for need in ("d", "e"))
    assert made.market.value[dario] > made.market.value[eva]
    assert (made.first, list(made.whys)) == ([eva], [dario, eva])
    assert made.with_room(*made.room_of(Limit.GIVING, eva)) == sorted([*made.chosen, eva])


@pytest.fixture(scope="session")
def crowd(network: Builder, need: Builder, offer: Builder, organisation: Builder, ranker: Ranker) -> Builder:
    """A round by chance: eight organisations that need and offer, scarce caps, some of them asked lately."""

    def build(seed: int) -> Round:
        chance = np.random.default_rng(seed)
        owners = [organisation(f"one{n}", attention_cap=int(chance.integers(0, 4))) for n in range(8)]
        room = (None, None, 1, 2)
        needs = [need(f"n{n}", organisation=f"one{n % 8}", capacity=chance.choice(room)) for n in range(12)]
        offers = [offer(f"o{n}", organisation=f"one{(n + 3) % 8}", capacity=chance.choice(room)) for n in range(12)]
        fits = {
            (one.id, other.id): float(chance.uniform(0.6, 1))
            for one in needs
            for other in offers
            if one.organisation != other.organisation and chance.random() < 0.4
        }
        tired = History(introduced={f"one{n}": int(chance.integers(0, 5)) for n in range(8)})
        met = network([*needs, *offers], owners)
        return Round(
            met, fits, ranker, tired, needs_cap=int(chance.integers(1, 4)), total_cap=int(chance.integers(1, 6))
        )

    return build


def test_whoever_adds_most_with_one_more_unit_of_room_and_nobody_else_is_next_in_line(crowd: Builder) -> None:
    lines = 0
    for seed in range(40):
        made: Round = crowd(seed)
        best: dict[tuple[str, int], float] = {}
        for room, row in made.in_line():
            best[room] = max(best.get(room, 0.0), made.adds(row))
        first = {room: made.adds(row) for room, row in made.in_line() if row in made.first}
        assert first == pytest.approx(best)
        assert len(made.first) == len(best)
        lines += len(best)
    assert lines > 20


def test_with_one_more_unit_of_room_the_one_next_in_line_fits_and_mostly_comes_in(crowd: Builder) -> None:
    """Where it does not, the room starts an exchange worth more, or goes to one that fits too little to be told."""
    came = []
    for seed in range(40):
        made: Round = crowd(seed)
        for room, row in made.in_line():
            if row in made.first:
                assert not full(made.roomier(*room), made.chosen, np.array([row])).any()
                came.append(row in made.with_room(*room))
    assert sum(came) > 0.5 * len(came) > 10


def test_where_many_ask_one_the_one_next_in_line_always_comes_in(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, ranker: Ranker
) -> None:
    for seed in range(25):
        chance = np.random.default_rng(seed)
        askers = [f"one{n}" for n in range(7)]
        met = network(
            [*(need(f"n{n}", organisation=one) for n, one in enumerate(askers)), offer("o")],
            [organisation("borea", attention_cap=int(chance.integers(1, 5)))],
        )
        fits = {(f"n{n}", "o"): float(chance.uniform(0.8, 1)) for n in range(7)}
        tired = History(introduced={one: int(chance.integers(0, 4)) for one in askers})
        made = Round(met, fits, ranker, tired)
        (first,) = made.first
        room = made.room_of(Limit.GIVING, first)
        assert made.with_room(*room) == sorted([*made.chosen, first])

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.network import Entry, Network, Side
from matcher.records import Listing
from matcher.retrieval import retrieve

Builder = Callable[..., Any]
WORDS = [f"{first}{last}" for first in ("van", "room", "desk", "choir", "seed", "lamp") for last in "abcdefghij"]


def random_network(network: Builder, need: Builder, offer: Builder, seed: int, longest: int = 14) -> Network:
    chance = Random(seed)

    def text() -> str:
        return " ".join(chance.choices(WORDS, k=chance.randint(3, longest)))

    needs = [need(f"n{n:03}", text()) for n in range(40)]
    offers = [offer(f"o{n:03}", text()) for n in range(150)]
    built: Network = network(needs + offers)
    return built


def by_hand(entry: Entry, side: Side, among: np.ndarray[Any, Any], weight: float, count: int) -> list[int]:
    """Every row scored, with the rows' best passages, and the best taken."""
    every = np.concatenate([other.vectors for other in side.entries]).astype(np.float64) @ entry.vector
    best = np.array([float((other.vectors @ entry.vector).max()) for other in side.entries])
    bm25 = side.lexical.scores(entry.terms).astype(np.float64)
    score = (best - every.mean()) / every.std() + weight * (bm25 - bm25.mean()) / bm25.std()
    return [row for row in sorted(range(len(side)), key=lambda row: (-score[row], row)) if among[row]][:count]


@pytest.mark.parametrize("weight", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("longest", [14, 500])  # words: one passage each, and up to three
def test_the_best_ten_are_those_of_a_look_at_every_row(
    weight: float, longest: int, network: Builder, need: Builder, offer: Builder
) -> None:
    met = random_network(network, need, offer, 1, longest)
    among = np.random.default_rng(1).random(len(met.offers)) < 0.7
    for entry in met.needs.entries[:10]:
        found = retrieve(entry, met.offers, among, lexical_weight=weight, depth=10)
        assert found.rows.tolist() == by_hand(entry, met.offers, among, weight, 10)
    for entry in met.offers.entries[:10]:
        everywhere = np.ones(len(met.needs), bool)
        found = retrieve(entry, met.needs, everywhere, lexical_weight=weight, depth=10)
        assert found.rows.tolist() == by_hand(entry, met.needs, everywhere, weight, 10)


def test_columns_belong_together_and_come_best_first(network: Builder, need: Builder, offer: Builder) -> None:
    met = random_network(network, need, offer, 2)
    entry = met.needs.entries[0]
    found = retrieve(entry, met.offers, np.ones(len(met.offers), bool), lexical_weight=0.5, depth=20)
    others = [met.offers.entries[row] for row in found.rows]
    assert len(found.rows) == len(set(found.rows.tolist())) == 20
    assert found.score.tolist() == sorted(found.score.tolist(), reverse=True)
    assert found.similarity == pytest.approx([float(other.vector @ entry.vector) for other in others], abs=1e-5)


def test_ties_go_to_the_smaller_id(network: Builder, need: Builder, offer: Builder) -> None:
    met = network([need("n", "a van"), *(offer(f"o{n}", "a lorry") for n in (4, 2, 9, 1, 3))])
    found = retrieve(met.needs.entries[0], met.offers, np.ones(5, bool), lexical_weight=0.5, depth=3)
    assert [met.offers.entries[row].listing.id for row in found.rows] == ["o1", "o2", "o3"]
    assert len(set(found.score.tolist())) == 1


def test_a_long_text_counts_by_its_best_passage(network: Builder, need: Builder, offer: Builder) -> None:
    filler = "A word about nothing at all that goes on. " * 40
    met = network([need("n", "Tents for scouts"), offer("far", f"{filler}Tents for scouts."), offer("near", "A tent.")])
    entry, (far, near) = met.needs.entries[0], met.offers.entries
    assert (far.listing.id, len(far.passages), len(near.passages)) == ("far", 2, 1)
    found = retrieve(entry, met.offers, np.ones(2, bool), lexical_weight=0.0)
    by_row = dict(zip(found.rows.tolist(), found.similarity.tolist(), strict=True))
    assert by_row[0] == pytest.approx(max(float(vector @ entry.vector) for vector in far.vectors), abs=1e-5)
    assert by_row[0] > float(far.vector @ entry.vector)


def test_shared_is_the_part_of_the_needs_wording_whichever_asks(
    network: Builder, need: Builder, offer: Builder
) -> None:
    met = network([need("n", "van lamp"), need("m", "desk"), offer("o", "van lamp choir seed"), offer("p", "van")])
    n, (o, p) = met.entry("n"), met.offers.entries
    asked = retrieve(n, met.offers, np.ones(2, bool), lexical_weight=0.5)
    shared = dict(zip(asked.rows.tolist(), asked.shared.tolist(), strict=True))
    assert shared[0] == pytest.approx(1)
    assert 0 < shared[1] < 0.5  # van stands in three texts, lamp in two
    for row, entry in enumerate((o, p)):
        given_to = retrieve(entry, met.needs, np.ones(2, bool), lexical_weight=0.5)
        assert dict(zip(given_to.rows.tolist(), given_to.shared.tolist(), strict=True))[1] == pytest.approx(shared[row])


def test_nothing_is_found_where_nothing_is_allowed(network: Builder, need: Builder, offer: Builder) -> None:
    met = network([need("n"), offer("o")])
    found = retrieve(met.entry("n"), met.offers, np.zeros(1, bool), lexical_weight=0.5)
    assert [column.tolist() for column in (found.rows, found.score, found.similarity, found.shared)] == [[]] * 4


def test_an_empty_side_has_nothing(network: Builder, need: Builder) -> None:
    met = network([need("n")])
    found = retrieve(met.entry("n"), met.offers, np.zeros(0, bool), lexical_weight=0.5)
    assert found.rows.tolist() == []


@given(st.permutations(range(12)))
def test_the_order_in_which_listings_are_given_changes_nothing(
    network: Builder, need: Builder, offer: Builder, order: list[int]
) -> None:
    listings: list[Listing] = [
        need("n", "van room desk"),
        *(offer(f"o{n:02}", text) for n, text in enumerate(["van", "room choir", "desk van", "lamp"] * 3)),
    ]
    straight, shuffled = network(listings), network([listings[0], *(listings[1:][n] for n in order)])
    found = [
        retrieve(met.entry("n"), met.offers, np.ones(12, bool), lexical_weight=0.5, depth=7)
        for met in (straight, shuffled)
    ]
    assert found[0].rows.tolist() == found[1].rows.tolist()
    assert found[0].score.tolist() == found[1].score.tolist()
    assert found[0].shared.tolist() == found[1].shared.tolist()

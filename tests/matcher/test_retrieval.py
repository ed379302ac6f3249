from collections import Counter
from collections.abc import Callable, Sequence
from math import exp
from random import Random
from typing import Any

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from matcher.index import HUB_NEIGHBOURS, HUB_SHARE
from matcher.lexical import EXPANSION, K1, B
from matcher.network import Entry, Network, Side
from matcher.records import Listing
from matcher.retrieval import FEW_WORDS, LEANING, LEARNT, NEIGHBOURS, SEEDS, SMOOTHED, WIDER, retrieve

Builder = Callable[..., Any]
Wide = NDArray[np.float64]
WORDS = [f"{first}{last}" for first in ("van", "room", "desk", "choir", "seed", "lamp") for last in "abcdefghij"]


def random_network(
    network: Builder, need: Builder, offer: Builder, seed: int, *, longest: int = 14, offers: int = 150
) -> Network:
    chance = Random(seed)

    def text() -> str:
        return " ".join(chance.choices(WORDS, k=chance.randint(4, longest)))

    built: Network = network(
        [need(f"n{n:03}", text()) for n in range(40)] + [offer(f"o{n:03}", text()) for n in range(offers)]
    )
    return built


def everywhere(side: Side) -> NDArray[np.bool_]:
    return np.ones(len(side), bool)


class ByHand:
    """One side looked at row by row in double precision, with bm25s' own scores: nothing of our indexes."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.passages = [
            (row, one.astype(np.float64)) for row, entry in enumerate(side.entries) for one in entry.vectors
        ]
        self.hubness = [self._hubness(number) for number in range(len(self.passages))]
        self.bm25 = bm25s.BM25(k1=K1, b=B)
        self.bm25.index([list(entry.terms) for entry in side.entries], show_progress=False)
        self.of_word = {word: self.bm25.get_scores([word]) for entry in side.entries for word in entry.terms}

    def _hubness(self, number: int) -> float:
        if len(self.passages) <= HUB_NEIGHBOURS:
            return 0.0
        others = (one for other, (_, one) in enumerate(self.passages) if other != number)
        alike = sorted(float(other @ self.passages[number][1]) for other in others)
        return float(HUB_SHARE) * sum(alike[-HUB_NEIGHBOURS:]) / HUB_NEIGHBOURS

    def found(
        self, entry: Entry, among: NDArray[np.bool_], weight: float, depth: int
    ) -> tuple[list[int], dict[int, float]]:
        """The rows in their order, and every candidate's score."""
        known = Counter(word for word in entry.terms if word in self.of_word)
        words = {word: count / known.total() for word, count in known.items()}
        openness = FEW_WORDS / (FEW_WORDS + len(words))
        vector = entry.vector.astype(np.float64)
        rows = self._near(vector, among, SMOOTHED) | self._wordy(words, among, SMOOTHED)
        score = self._fused(vector, words, rows, weight)
        seeds = self._best(score, SEEDS)
        shares = {row: exp(score[row] - score[seeds[0]]) for row in seeds}
        shares = {row: share / sum(shares.values()) for row, share in shares.items()}
        vector = unit((1 - LEARNT) * vector + LEARNT * unit(sum(shares[row] * self._whole(row) for row in seeds)))
        words = self._widened(words, shares, 1 - openness)
        rows |= self._wordy(words, among, SMOOTHED)
        score = self._fused(vector, words, rows, weight)
        found = self._leaning(self._best(score, SMOOTHED), score, LEANING * openness)
        order, least = self._best(found, SMOOTHED), min(found.values())
        if depth > SMOOTHED:
            deeper = (self._near(vector, among, depth) | self._wordy(words, among, depth)) - set(found)
            score = self._fused(vector, words, deeper, weight)
            order += self._best(score, depth - len(found))
            found |= {row: min(score[row], least) for row in deeper}
        return order[:depth], found

    def _near(self, vector: Wide, among: NDArray[np.bool_], depth: int) -> set[int]:
        nearest = sorted((p for p in self.passages if among[p[0]]), key=lambda p: -float(p[1] @ vector))
        return {row for row, _ in nearest[: depth * WIDER]}

    def _wordy(self, words: dict[str, float], among: NDArray[np.bool_], depth: int) -> set[int]:
        total = self._words(words)
        return set(self._best({row: total[row] for row in np.flatnonzero(among & (total > 0)).tolist()}, depth * WIDER))

    def _words(self, words: dict[str, float]) -> Wide:
        return np.sum([np.zeros(len(self.side)), *(of * self.of_word[word] for word, of in words.items())], axis=0)

    def _fused(self, vector: Wide, words: dict[str, float], rows: set[int], weight: float) -> dict[int, float]:
        raw = [float(one @ vector) - hubness for (_, one), hubness in zip(self.passages, self.hubness, strict=True)]
        near = z_scores(np.array(raw))
        wordy = z_scores(self._words(words))
        best = {row: max(near[n] for n, (of, _) in enumerate(self.passages) if of == row) for row in rows}
        return {row: best[row] + weight * float(wordy[row]) for row in rows}

    def _best(self, score: dict[int, float], count: int) -> list[int]:
        return sorted(score, key=lambda row: (-score[row], row))[:count]

    def _whole(self, row: int) -> Wide:
        return unit(self.side.entries[row].vectors.astype(np.float64).mean(axis=0))

    def _widened(self, words: dict[str, float], shares: dict[int, float], keep: float) -> dict[str, float]:
        found: Counter[str] = Counter()
        for row, share in shares.items():
            for word in set(self.side.entries[row].terms):
                found[word] += share * float(self.of_word[word][row])  # type: ignore[assignment]
        if not words or not found:
            return words
        number = {word: int(self.side.lexical.question([word]).terms[0]) for word in found}
        most = sorted(found, key=lambda word: (-round(found[word], 6), number[word]))[:EXPANSION]
        whole = sum(found[word] for word in most)
        wider = Counter({word: keep * weight for word, weight in words.items()})
        for word in most:
            wider[word] += (1 - keep) * found[word] / whole  # type: ignore[assignment]
        return dict(wider)

    def _leaning(self, rows: list[int], score: dict[int, float], share: float) -> dict[int, float]:
        if len(rows) <= NEIGHBOURS:
            return {row: score[row] for row in rows}
        whole = np.stack([self._whole(row) for row in rows])
        leaning: dict[int, float] = {}
        for n, row in enumerate(rows):
            alike = sorted(
                ((max(0.0, float(whole[m] @ whole[n])), m) for m in range(len(rows)) if m != n), reverse=True
            )
            near = [(cosine + 1e-6, score[rows[m]]) for cosine, m in alike[:NEIGHBOURS]]
            around = sum(cosine * of for cosine, of in near) / sum(cosine for cosine, _ in near)
            leaning[row] = (1 - share) * score[row] + share * around
        return leaning


def unit(vector: Any) -> Wide:
    return np.asarray(vector / np.linalg.norm(vector))


def z_scores(values: Wide) -> Wide:
    return np.zeros(len(values)) if values.std() < 1e-3 else (values - values.mean()) / values.std()


def compare(entries: Sequence[Entry], side: Side, among: NDArray[np.bool_], weight: float, depth: int) -> None:
    by_hand = ByHand(side)
    for entry in entries:
        rows, score = by_hand.found(entry, among, weight, depth)
        found = retrieve(entry, side, among, lexical_weight=weight, depth=depth)
        assert found.rows.tolist() == rows
        assert found.score == pytest.approx([score[row] for row in rows], abs=5e-3)


@pytest.mark.parametrize("weight", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("longest", [14, 500])  # words: one passage each, and up to three
def test_what_is_found_is_what_a_look_at_every_row_finds(
    weight: float, longest: int, network: Builder, need: Builder, offer: Builder
) -> None:
    met = random_network(network, need, offer, 1, longest=longest, offers=80)
    among = np.random.default_rng(1).random(len(met.offers)) < 0.7
    compare(met.needs.entries[:6], met.offers, among, weight, depth=10)
    compare(met.needs.entries[:3], met.offers, among, weight, depth=100)
    compare(met.offers.entries[:6], met.needs, everywhere(met.needs), weight, depth=10)


def test_behind_those_that_lean_on_their_neighbours_the_rest_keep_their_order(
    network: Builder, need: Builder, offer: Builder
) -> None:
    met = random_network(network, need, offer, 2, offers=SMOOTHED + 40)
    compare(met.needs.entries[:3], met.offers, everywhere(met.offers), 0.5, depth=SMOOTHED + 30)


@pytest.mark.parametrize("offers", [1, 2, NEIGHBOURS, NEIGHBOURS + 1, SEEDS - 1, SEEDS, SEEDS + 1, HUB_NEIGHBOURS + 2])
def test_few_candidates_are_found_as_a_look_at_every_row_finds_them(
    offers: int, network: Builder, need: Builder, offer: Builder
) -> None:
    met = random_network(network, need, offer, 4, offers=offers, longest=30)
    compare(met.needs.entries[:5], met.offers, everywhere(met.offers), 0.5, depth=10)


@pytest.mark.parametrize("text", ["", "zebra", "zebra unicorn griffin", "vana", "vana zebra", " ".join(WORDS)])
def test_a_question_of_no_one_or_every_known_word_is_answered_as_by_hand(
    text: str, network: Builder, need: Builder, offer: Builder
) -> None:
    met = random_network(network, need, offer, 5, offers=60)
    compare([met.draft(need("draft", text))], met.offers, everywhere(met.offers), 0.5, depth=20)


def test_columns_belong_together_and_come_best_first(network: Builder, need: Builder, offer: Builder) -> None:
    met = random_network(network, need, offer, 2)
    entry = met.needs.entries[0]
    found = retrieve(entry, met.offers, everywhere(met.offers), lexical_weight=0.5, depth=20)
    others = [met.offers.entries[row] for row in found.rows]
    assert len(found.rows) == len(set(found.rows.tolist())) == 20
    assert found.score.tolist() == sorted(found.score.tolist(), reverse=True)
    assert found.similarity == pytest.approx([float(other.vector @ entry.vector) for other in others], abs=1e-5)
    assert [column.dtype for column in (found.rows, found.score, found.similarity)] == [
        np.int64,
        np.float32,
        np.float32,
    ]


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 60))
def test_nothing_that_is_forbidden_is_found_and_all_else_within_the_depth_is(
    network: Builder, need: Builder, offer: Builder, seed: int, part: float, depth: int
) -> None:
    met = random_network(network, need, offer, 6, offers=30)
    among = np.random.default_rng(seed).random(30) < part
    found = retrieve(met.needs.entries[seed % 40], met.offers, among, lexical_weight=0.5, depth=depth)
    assert set(found.rows.tolist()) <= set(np.flatnonzero(among).tolist())
    assert len(set(found.rows.tolist())) == len(found.rows) == min(depth, int(among.sum()))


@pytest.mark.parametrize("copies", [5, NEIGHBOURS + 1, 12, 40])
def test_ties_go_to_the_smaller_id(copies: int, network: Builder, need: Builder, offer: Builder) -> None:
    numbers = Random(copies).sample(range(10, 100), copies)
    met = network([need("n", "a van"), *(offer(f"o{n}", "a lorry") for n in numbers)])
    found = retrieve(met.needs.entries[0], met.offers, everywhere(met.offers), lexical_weight=0.5, depth=3)
    assert [met.offers.entries[row].listing.id for row in found.rows] == [f"o{n}" for n in sorted(numbers)[:3]]
    assert len(set(found.score.tolist())) == 1


def test_a_long_text_counts_by_its_best_passage(network: Builder, need: Builder, offer: Builder) -> None:
    filler = "A word about nothing at all that goes on. " * 40
    met = network([need("n", "Tents for scouts"), offer("far", f"{filler}Tents for scouts."), offer("near", "A tent.")])
    entry, (far, near) = met.needs.entries[0], met.offers.entries
    assert (far.listing.id, len(far.passages), len(near.passages)) == ("far", 2, 1)
    found = retrieve(entry, met.offers, everywhere(met.offers), lexical_weight=0.0)
    by_row = dict(zip(found.rows.tolist(), found.similarity.tolist(), strict=True))
    assert by_row[0] == pytest.approx(max(float(vector @ entry.vector) for vector in far.vectors), abs=1e-5)
    assert by_row[0] > float(far.vector @ entry.vector)


def test_what_the_best_answers_share_is_asked_for_too(network: Builder, need: Builder, offer: Builder) -> None:
    """Neither of the last two says a word of the need; one says what the offers of a van say beside it."""
    others = [offer(f"p{n}", f"piano choir song {word}") for n, word in enumerate(WORDS[:20])]
    best = [offer(f"o{n}", f"van lorry trailer {word}") for n, word in enumerate(("axle", "tyre", "hitch"))]
    met = network([need("n", "van"), *best, offer("kin", "lorry trailer"), *others])
    found = retrieve(met.entry("n"), met.offers, everywhere(met.offers), lexical_weight=0.5)
    ids = [met.offers.entries[row].listing.id for row in found.rows]
    assert (set(ids[:3]), ids[3]) == ({"o0", "o1", "o2"}, "kin")


def test_an_answer_leans_on_its_neighbours_the_less_the_more_words_ask(
    network: Builder, need: Builder, offer: Builder
) -> None:
    """The two offers say the same of the need's words; one stands among others that answer it, one among strangers."""
    more = "monday tuesday wednesday thursday friday saturday sunday morning noon evening night dawn dusk"
    crowd = [offer(f"c{n}", f"van lorry trailer hitch {word}") for n, word in enumerate(WORDS[:8])]
    crowd += [offer(f"s{n}", f"piano choir song organ {word}") for n, word in enumerate(WORDS[8:16])]
    both = [offer("among", f"van lorry trailer hitch {more}"), offer("alone", f"van piano choir song {more}")]
    met = network([*crowd, *both])

    def ahead(text: str) -> float:
        found = retrieve(met.draft(need("n", text)), met.offers, everywhere(met.offers), lexical_weight=0.5)
        score = {met.offers.entries[row].listing.id: float(of) for row, of in zip(found.rows, found.score, strict=True)}
        return score["among"] - score["alone"]

    assert ahead("van") > ahead(f"van {more}") + 0.2


def test_nothing_is_found_where_nothing_is_allowed(network: Builder, need: Builder, offer: Builder) -> None:
    met = network([need("n"), offer("o")])
    found = retrieve(met.entry("n"), met.offers, np.zeros(1, bool), lexical_weight=0.5)
    assert [column.tolist() for column in (found.rows, found.score, found.similarity)] == [[]] * 3


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
        retrieve(met.entry("n"), met.offers, everywhere(met.offers), lexical_weight=0.5, depth=7)
        for met in (straight, shuffled)
    ]
    assert found[0].rows.tolist() == found[1].rows.tolist()
    assert found[0].score.tolist() == found[1].score.tolist()

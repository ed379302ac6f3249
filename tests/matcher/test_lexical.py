import os
import subprocess
import sys
from collections.abc import Sequence
from math import log

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.lexical import COMMON, EXPANSION, K1, B, LexicalIndex, Weighted, spread, terms

DOCUMENTS = [["van", "monday"], ["van", "van", "room", "desk"], []]
WORDS = st.lists(st.sampled_from(["van", "room", "desk", "choir", "seed", "lamp"]), max_size=7)


def idf(documents: int, frequency: int) -> float:
    return log(1 + (documents - frequency + 0.5) / (frequency + 0.5))


def part(frequency: int, times: int, length: int) -> float:
    """What a word weighs in one of the three documents above, whose mean length is 2."""
    return idf(3, frequency) * times / (times + 1.2 * (1 - 0.75 + 0.75 * length / 2))


def rows(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, np.int64)


def shares(*parts: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(parts, np.float32)


def by_word(index: LexicalIndex, asked: Weighted, words: Sequence[str]) -> dict[str, float]:
    """The weights of a question by word; `words` are all that may occur in it."""
    named = {number: word for word in words for number in index.question([word]).terms.tolist()}
    assert len(set(asked.terms.tolist())) == len(asked.terms)
    return {named[number]: weight for number, weight in zip(asked.terms.tolist(), asked.weights.tolist(), strict=True)}


def test_words_are_stemmed_lowered_and_rid_of_stop_words() -> None:
    assert terms(["The Volunteers are volunteering", "", "ROOMS, a room"]) == [
        ["volunt", "volunt"],
        [],
        ["room", "room"],
    ]


def test_a_question_is_of_the_words_that_are_known_each_by_its_share() -> None:
    index = LexicalIndex(DOCUMENTS)
    asked = index.question(["van", "unheard", "room", "van"])
    assert asked.weights.dtype == np.float32
    assert by_word(index, asked, ["van", "room"]) == pytest.approx({"van": 2 / 3, "room": 1 / 3})


def test_bm25_scores_as_the_textbook_does() -> None:
    """Three documents of 2, 4 and 0 words. `van` stands in two of them, `room` in one; each is half of the question."""
    index = LexicalIndex(DOCUMENTS)
    found = index.scores(index.question(["van", "room", "unheard"]))
    assert found.dtype == np.float32
    assert found * 2 == pytest.approx([part(2, 1, 2), part(2, 2, 4) + part(1, 1, 4), 0], abs=1e-6)


@given(st.lists(WORDS, min_size=1, max_size=12).filter(any), WORDS)
def test_scores_are_those_of_bm25s_for_each_word_of_the_question(documents: list[list[str]], words: list[str]) -> None:
    theirs = bm25s.BM25(k1=K1, b=B)
    theirs.index(documents, show_progress=False)
    known = [word for word in words if any(word in document for document in documents)]
    by_hand = theirs.get_scores(known) / len(known) if known else np.zeros(len(documents))
    index = LexicalIndex(documents)
    assert index.scores(index.question(words)) == pytest.approx(by_hand, abs=1e-5)


def test_a_question_of_unknown_words_or_none_scores_nothing() -> None:
    index = LexicalIndex(DOCUMENTS)
    for words in (["unheard"], []):
        assert index.question(words).terms.tolist() == []
        assert index.scores(index.question(words)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("documents", [[], [[]], [[], []]])
def test_a_side_without_words_scores_nothing_and_widens_nothing(documents: list[list[str]]) -> None:
    index = LexicalIndex(documents)
    asked = index.question(["van"])
    assert index.scores(asked).tolist() == [0] * len(documents)
    every = rows(*range(len(documents)))
    wider = index.expanded(asked, every, np.ones(len(documents), np.float32), keep=0.5)
    assert (wider.terms.tolist(), wider.weights.tolist()) == ([], [])


def test_a_question_is_widened_by_the_words_of_its_answers_weighed_by_their_shares() -> None:
    """Its own words keep a quarter; three quarters go to the words of rows 0 and 1 by BM25, row 1 counting for more."""
    index = LexicalIndex(DOCUMENTS)
    wider = index.expanded(index.question(["desk", "monday"]), rows(0, 1), shares(0.2, 0.8), keep=0.25)
    found = {
        "van": 0.2 * part(2, 1, 2) + 0.8 * part(2, 2, 4),
        "monday": 0.2 * part(1, 1, 2),
        "room": 0.8 * part(1, 1, 4),
        "desk": 0.8 * part(1, 1, 4),
    }
    weights = {word: 0.75 * weight / sum(found.values()) for word, weight in found.items()}
    weights["desk"] += 0.25 / 2
    weights["monday"] += 0.25 / 2
    assert wider.weights.dtype == np.float32
    assert by_word(index, wider, list(found)) == pytest.approx(weights, abs=1e-6)
    assert sum(weights.values()) == pytest.approx(1)


def test_only_so_many_words_are_added_those_that_weigh_most() -> None:
    """In row 0 word n stands n + 1 times: the more often, the more it weighs. `asked` stands in row 1 alone."""
    words = [f"word{n:02}" for n in range(EXPANSION + 10)]
    index = LexicalIndex([[word for n, word in enumerate(words) for _ in range(n + 1)], ["asked"]])
    wider = index.expanded(index.question(["asked"]), rows(0), shares(1), keep=0.5)
    assert sorted(by_word(index, wider, [*words, "asked"])) == ["asked", *words[10:]]
    assert float(wider.weights.sum()) == pytest.approx(1)


def test_a_question_without_known_words_and_answers_without_words_widen_nothing() -> None:
    index = LexicalIndex(DOCUMENTS)
    nothing = index.expanded(index.question(["unheard"]), rows(0, 1), shares(0.5, 0.5), keep=0.5)
    assert nothing.terms.tolist() == []
    for answers in (rows(2), rows()):
        same = index.expanded(index.question(["van"]), answers, np.ones(len(answers), np.float32), keep=0.5)
        assert by_word(index, same, ["van"]) == {"van": 1.0}


WIDEN = """
from random import Random
import numpy as np
from matcher.lexical import LexicalIndex
words = [f"word{n}" for n in range(300)]
documents = [Random(n).sample(words, 40) for n in range(30)]
index = LexicalIndex(documents)
asked = index.expanded(index.question(documents[0][:3]), np.array([0, 1]), np.array([0.6, 0.4], np.float32), keep=0.5)
print(index.scores(asked).tolist())
"""


def test_another_process_widens_a_question_by_the_same_words() -> None:
    """Of many words that weigh alike only some are added: which, no seed of Python's hashes may decide."""
    told = [
        subprocess.run(
            [sys.executable, "-c", WIDEN],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] != ""


def test_rare_and_common_words_of_a_weighted_question_add_up_to_what_bm25s_says() -> None:
    """Of 200 documents `common` stands in every second, `rare7` in five: they are added up in two ways."""
    documents = [
        ["filler", f"rare{n % 40}", *(["common"] if n % 2 else []), *["odd"] * (n % 9 == 0)] for n in range(200)
    ]
    theirs = bm25s.BM25(k1=K1, b=B)
    theirs.index(documents, show_progress=False)
    weighed = {"common": 3, "rare7": 2, "odd": 1, "rare8": 1}
    by_hand = sum(times / 7 * theirs.get_scores([word]) for word, times in weighed.items())
    index = LexicalIndex(documents)
    found = index.scores(index.question([word for word, times in weighed.items() for _ in range(times)]))
    assert found == pytest.approx(by_hand, abs=1e-5)
    assert COMMON * 200 < 100 and 200 / 9 + 1 > COMMON * 200 > 200 / 40


def test_what_rows_hold_is_found_one_after_the_other() -> None:
    places, counts = spread(rows(0, 2, 2, 5), rows(2, 0, 1, 2))
    assert (places.tolist(), counts.tolist()) == ([2, 3, 4, 0, 1, 2, 3, 4], [3, 2, 0, 3])
    places, counts = spread(rows(0, 2), rows())
    assert (places.tolist(), counts.tolist()) == ([], [])

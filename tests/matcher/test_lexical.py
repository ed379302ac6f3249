from math import log

import numpy as np
import pytest

from matcher.lexical import LexicalIndex, Lexicon, terms

DOCUMENTS = [["van", "monday"], ["van", "van", "room", "desk"], []]
LEXICON = Lexicon([*DOCUMENTS, ["room", "choir"]])  # a lexicon is of both sides


def idf(documents: int, frequency: int) -> float:
    return log(1 + (documents - frequency + 0.5) / (frequency + 0.5))


def rows(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, np.int64)


def test_words_are_stemmed_lowered_and_rid_of_stop_words() -> None:
    assert terms(["The Volunteers are volunteering", "", "ROOMS, a room"]) == [
        ["volunt", "volunt"],
        [],
        ["room", "room"],
    ]


def test_bm25_scores_as_the_textbook_does() -> None:
    """Three documents of 2, 4 and 0 words: mean length 2. `van` stands in two of them, `room` in one."""
    found = LexicalIndex(DOCUMENTS, LEXICON).scores(["van", "room", "unheard"])
    k1, b, mean = 1.2, 0.75, 2

    def part(frequency: int, times: int, length: int) -> float:
        return idf(3, frequency) * times / (times + k1 * (1 - b + b * length / mean))

    assert found.dtype == np.float32
    assert found == pytest.approx([part(2, 1, 2), part(2, 2, 4) + part(1, 1, 4), 0], abs=1e-6)


def test_shared_is_the_idf_of_the_terms_in_both_and_of_the_query() -> None:
    """Over all four documents van and room stand in two, monday, desk and choir in one; a term nobody used in none."""
    in_both, of_query = LexicalIndex(DOCUMENTS, LEXICON).shared(["van", "van", "desk", "unheard"], rows(2, 1, 0))
    assert in_both == pytest.approx([0, idf(4, 2) + idf(4, 1), idf(4, 2)], abs=1e-6)
    assert of_query == pytest.approx(idf(4, 2) + idf(4, 1) + idf(4, 0), abs=1e-6)


def test_two_unknown_words_are_two() -> None:
    in_both, of_query = LexicalIndex(DOCUMENTS, LEXICON).shared(["unheard", "unseen"], rows(0, 1))
    assert (in_both.tolist(), of_query) == ([0, 0], pytest.approx(2 * idf(4, 0), abs=1e-6))


def test_a_documents_weight_is_the_idf_of_its_distinct_terms() -> None:
    assert LexicalIndex(DOCUMENTS, LEXICON).weight == pytest.approx(
        [idf(4, 2) + idf(4, 1), 2 * idf(4, 2) + idf(4, 1), 0], abs=1e-6
    )


def test_a_query_of_unknown_words_or_none_scores_nothing() -> None:
    index = LexicalIndex(DOCUMENTS, LEXICON)
    assert index.scores(["unheard"]).tolist() == index.scores([]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("documents", [[], [[]], [[], []]])
def test_a_side_without_words_scores_nothing(documents: list[list[str]]) -> None:
    index = LexicalIndex(documents, Lexicon(documents))
    in_both, of_query = index.shared(["van"], rows(*range(len(documents))))
    assert index.scores(["van"]).tolist() == in_both.tolist() == index.weight.tolist() == [0] * len(documents)
    assert of_query == pytest.approx(idf(len(documents), 0), abs=1e-6)


def test_only_the_first_256_distinct_terms_count_towards_what_is_shared() -> None:
    long = [f"word{n}" for n in range(300)]
    index = LexicalIndex([long], Lexicon([long]))
    in_both, of_query = index.shared(long, rows(0))
    assert in_both[0] == pytest.approx(256 * idf(1, 1), rel=1e-5)
    assert of_query == pytest.approx(256 * idf(1, 1), rel=1e-5)

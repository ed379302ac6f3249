import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matcher import passages
from matcher.passages import PASSAGE_WORDS, Clause, Passage
from matcher.vocabulary import Vocabulary

ACRONYMS = Vocabulary(
    themes={}, roles={}, sectors={}, sizes={}, resources={}, duties={}, acronyms={"ROTL": ("release on licence",)}
)
WORDS = [
    "We",
    "need",
    "a",
    "van",
    "and",
    "which",
    "rooms,",
    "day.",
    "What?",
    "ROTL",
    "Kent;",
    "so",
    "24/7",
    "Ltd.",
    "é",
]
TEXTS = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", " ", " ", "  ", "\n", "\t", "\n\n"])), max_size=900
).map(lambda pairs: "".join(word + blank for word, blank in pairs))


def words_of(found: list[Passage]) -> list[int]:
    return [sum(len(clause.quote.split()) for clause in passage.clauses) for passage in found]


@given(TEXTS)
def test_every_word_stands_in_exactly_one_clause_in_order(text: str) -> None:
    found = passages.split(text, ACRONYMS)
    assert [word for p in found for c in p.clauses for word in c.quote.split()] == text.split()


@given(st.text())
def test_of_any_text_nothing_but_dashes_bullets_and_blanks_is_lost(text: str) -> None:
    kept = "".join(clause.quote for passage in passages.split(text, Vocabulary()) for clause in passage.clauses)
    assert re.sub(r"[\s–—•*]", "", kept) == re.sub(r"[\s–—•*]", "", text)


@given(TEXTS)
def test_no_passage_is_longer_than_the_encoder_reads(text: str) -> None:
    assert max(words_of(passages.split(text, Vocabulary()))) <= PASSAGE_WORDS


TIGHT = [10, 20, 27, 20, 27, 27, 20, 10, 27, 27, 20, 27, 10, 20, 27, 10, 27, 27, 5, 5, 27, 27, 10, 27, 27, 10]


@given(st.lists(st.integers(4, 27), min_size=8, max_size=120))
@example(TIGHT)  # cut at thirds, its last clause would stand alone
def test_passages_are_as_few_as_can_be_and_of_about_the_same_length(lengths: list[int]) -> None:
    found = words_of(passages.split(" ".join("W" + " w" * (n - 1) + "." for n in lengths), Vocabulary()))
    fewest, filled = 1, 0
    for length in lengths:
        fewest, filled = (fewest, filled + length) if filled + length <= PASSAGE_WORDS else (fewest + 1, length)
    assert len(found) == fewest
    assert max(found) - min(found) <= 3 * 28


def test_a_text_a_little_over_the_limit_becomes_two_halves() -> None:
    text = "One two three four five six seven eight nine ten. " * 20
    assert words_of(passages.split(text, Vocabulary())) == [100, 100]


@given(TEXTS)
def test_spans_point_at_the_clause_in_the_passages_text(text: str) -> None:
    for passage in passages.split(text, ACRONYMS):
        assert [passage.text[c.start : c.end] for c in passage.clauses] == [
            ACRONYMS.spell_out(c.quote) for c in passage.clauses
        ]
        assert passage.text.split() == [w for c in passage.clauses for w in ACRONYMS.spell_out(c.quote).split()]


def test_sentences_are_clauses_and_acronyms_are_spelled_out_behind_them() -> None:
    assert passages.split("We take men on ROTL. They work beside our own staff.", ACRONYMS) == [
        Passage(
            "We take men on ROTL (release on licence).\nThey work beside our own staff.",
            (Clause("We take men on ROTL.", 0, 41), Clause("They work beside our own staff.", 42, 73)),
        )
    ]


def test_a_long_sentence_is_cut_where_a_reader_would_breathe() -> None:
    assert passages.clauses(
        "We run a kitchen for twenty people on the edge of the old market square, and on Fridays we cook for all "
        "who come, which is more people every week than chairs that we have."
    ) == [
        "We run a kitchen for twenty people on the edge of the old market square, and on Fridays we cook for all who "
        "come,",
        "which is more people every week than chairs that we have.",
    ]


def test_a_clause_under_four_words_joins_its_neighbour() -> None:
    assert passages.clauses("A van. It has a lift at the back. Free.") == ["A van. It has a lift at the back. Free."]


def test_a_long_list_of_single_words_is_not_one_endless_clause() -> None:
    assert max(len(clause.split()) for clause in passages.clauses("Chairs\nTables\n" * 300)) < 40


def test_an_empty_text_is_one_empty_passage() -> None:
    assert passages.split(" \n ", Vocabulary()) == [Passage("")]


def test_the_same_text_has_the_same_digests_and_another_has_others() -> None:
    once, again, other = (
        passages.split(text, ACRONYMS) for text in ("We need vans.", "We need vans.", "We need vens.")
    )
    assert [p.digest for p in once] == [p.digest for p in again]
    assert [p.digest for p in once] != [p.digest for p in other]


@given(st.lists(TEXTS, min_size=2, max_size=2))
def test_passages_of_the_same_digest_have_the_same_clauses(texts: list[str]) -> None:
    cut = [passage for text in (*texts, texts[0].replace("\n", " ")) for passage in passages.split(text, ACRONYMS)]
    spans = {passage.digest: [(c.start, c.end) for c in passage.clauses] for passage in cut}
    assert [[(c.start, c.end) for c in passage.clauses] for passage in cut] == [
        spans[passage.digest] for passage in cut
    ]


def test_a_line_break_between_two_sentences_without_stops_changes_the_digest() -> None:
    on_two_lines, on_one = (
        passages.split(f"We need three vans every week{blank}People can come on Mondays", Vocabulary())[0]
        for blank in "\n "
    )
    assert (len(on_two_lines.clauses), len(on_one.clauses)) == (2, 1)
    assert on_two_lines.digest != on_one.digest


@pytest.mark.parametrize("run", ["a", " ", "\t", "\n", ".", ",", "A. ", "– ", "a, ", "and ", "Hi there. ", "“"])
def test_two_hundred_thousand_hostile_characters_take_less_than_a_second(run: str) -> None:
    start = time.perf_counter()
    passages.split(f"x{(run * 200_000)[:200_000]}x", ACRONYMS)
    assert time.perf_counter() - start < 1

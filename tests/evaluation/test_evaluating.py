from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluation.answering import AS_SENT
from evaluation.collection import Collection, load
from evaluation.comparing import difference, estimate
from evaluation.evaluating import EXAMPLES, SHOWN, SYSTEMS, Evaluated, evaluate, slice_of, usable
from evaluation.measures import MRR, NAMES, NDCG, per_query
from evaluation.runs import Run
from evaluation.systems import COMMONWEAL, REFERENCE, UnknownSystemError
from matcher.assembling import Core

Written = Callable[..., Path]
Rows = Callable[..., str]


def test_every_system_is_measured_on_every_judged_query(evaluated: Evaluated, cast: Collection) -> None:
    assert set(evaluated.runs) == {*SYSTEMS, AS_SENT}
    assert [one.system for one in evaluated.systems] == list(evaluated.runs)
    assert list(evaluated.queries) == cast.judged()
    for system, run in evaluated.runs.items():
        for name, values in per_query(cast, run, cast.judged()).items():
            assert evaluated.values[system][name].tolist() == values.tolist(), (system, name)


def test_figures_are_means_with_intervals_and_differences_to_the_reference(evaluated: Evaluated) -> None:
    for one in evaluated.systems:
        ours, theirs = evaluated.values[one.system], evaluated.values[REFERENCE]
        assert one.measures == {name: estimate(ours[name]) for name in NAMES}
        compared = one.system not in (REFERENCE, AS_SENT)
        assert one.against == ({name: difference(ours[name], theirs[name]) for name in NAMES} if compared else {})
        assert one.preparing >= 0
        assert one.asking >= 0


def test_a_slice_is_its_queries_and_nothing_else(evaluated: Evaluated) -> None:
    assert [(one.name, len(one.queries)) for one in evaluated.slices] == [("asks=need", 20), ("asks=offer", 4)]
    part = slice_of(evaluated, "asks=offer")
    assert part is not None
    assert part.queries == ("o21", "o22", "o23", "o24")
    rows = [evaluated.queries.index(query) for query in part.queries]
    ours, theirs = evaluated.values[COMMONWEAL], evaluated.values[REFERENCE]
    assert part.measures == {name: estimate(ours[name][rows]) for name in NAMES}
    assert part.against == {name: difference(ours[name][rows], theirs[name][rows]) for name in NAMES}
    assert [one.measures[NDCG].tells for one in evaluated.slices] == [True, False]
    assert slice_of(evaluated, "asks=nothing") is None


def test_a_split_is_measured_alone(cast: Collection, core: Core) -> None:
    found = evaluate(cast, core, systems=("bm25",), split="dev")
    assert found.queries == ("n01", "n02", "n03", "n04")
    assert list(found.runs) == ["bm25"]
    assert (found.slices, found.sharing, found.calibration, found.falsehoods) == ((), None, None, None)


def test_what_lies_beyond_ranking_is_told_with_commonweal(evaluated: Evaluated) -> None:
    assert evaluated.rules_off[-1] == "suggested lately"
    assert evaluated.sharing is not None
    assert evaluated.calibration is not None
    assert evaluated.falsehoods is not None
    assert evaluated.falsehoods.queries == 2
    assert evaluated.quotes is None
    assert 0 <= evaluated.calibration.error <= 1


def test_without_the_reference_nothing_is_compared(written: Written, core: Core) -> None:
    found = evaluate(load(written()), core, systems=(COMMONWEAL,))
    assert list(found.runs) == [COMMONWEAL, AS_SENT]
    assert [one.against for one in found.systems] == [{}, {}]
    assert (found.better, found.worse) == ((), ())


def test_who_made_the_figures_is_kept(evaluated: Evaluated, core: Core) -> None:
    assert (evaluated.encoder, evaluated.ranker, evaluated.split) == (core.encoder.name, core.ranker.version, "")


def test_better_and_worse_are_where_the_gap_says(evaluated: Evaluated) -> None:
    gaps = evaluated.values[COMMONWEAL][NDCG] - evaluated.values[REFERENCE][NDCG]
    for examples, sign in ((evaluated.better, 1), (evaluated.worse, -1)):
        expected = sorted((gap * sign for gap in gaps if gap * sign > 0), reverse=True)[:EXAMPLES]
        assert [one.gain * sign for one in examples] == pytest.approx(expected)
        for one in examples:
            assert len(one.ours) <= SHOWN
            assert [shown.document for shown in one.theirs] == list(
                evaluated.runs[REFERENCE].ranking[one.query][:SHOWN]
            )
            assert [shown.document for shown in one.ours] == list(evaluated.runs[COMMONWEAL].ranking[one.query][:SHOWN])
            assert [shown.grade for shown in one.ours] == [
                evaluated.collection.qrels[one.query].get(shown.document) for shown in one.ours
            ]


def test_contact_details_are_masked_in_examples(written: Written, rows: Rows, core: Core) -> None:
    """Capacity 0 keeps Commonweal from any answer to q1, which the reference gives: q1 gets worse."""
    files = {
        "queries.jsonl": rows(
            {"id": "q1", "text": "A baker with sourdough ovens, ring 07700 900123", "capacity": 0},
            {"id": "q2", "text": "Tea"},
        ),
        "corpus.jsonl": rows(
            {"id": "d1", "text": "Sourdough ovens: ask anna@borea.example"}, {"id": "d2", "text": "Tea"}
        ),
        "qrels.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n",
    }
    found = evaluate(load(written(files)), core)
    assert [one.query for one in found.worse] == ["q1"]
    assert found.worse[0].gain == -1
    told = repr(found.worse)
    assert "07700 900123" not in told
    assert "anna@borea.example" not in told
    assert found.worse[0].theirs[0].document == "d1"
    assert found.worse[0].theirs[0].grade == 1
    assert found.worse[0].theirs[1].grade is None


def test_what_cannot_be_used_is_named(cast: Collection, written: Written) -> None:
    with pytest.raises(UnknownSystemError, match=r"system 'oracle' is not known; known: commonweal, hybrid, bm25"):
        usable(cast, ("bm25", "oracle"), "")
    with pytest.raises(ValueError, match=r"small has no judged query in split 'dev'; leave out --split to take all"):
        usable(load(written()), ("bm25",), "dev")
    usable(cast, SYSTEMS, "dev")


def test_a_query_that_a_system_does_not_answer_counts_0(cast: Collection) -> None:
    nothing = per_query(cast, Run(system="silent", ranking={}), cast.judged())
    assert np.array_equal(nothing[MRR], np.zeros(24))


def test_the_same_input_gives_the_same_figures(evaluated: Evaluated, cast: Collection, core: Core) -> None:
    again = evaluate(cast, core, systems=(COMMONWEAL, "bm25", "random"))
    for system in again.runs:
        assert again.runs[system].ranking == evaluated.runs[system].ranking, system

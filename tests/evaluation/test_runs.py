from itertools import pairwise
from pathlib import Path

from evaluation.evaluating import Evaluated
from evaluation.runs import Run, scored, write


def test_a_run_is_written_as_trec_wants_it_with_strictly_falling_scores(tmp_path: Path) -> None:
    run = Run(system="as sent", ranking={"q2": ["d1"], "q1": ["d3", "d1", "d2"], "q3": []})
    write(run, tmp_path / "runs" / "cast.as-sent.trec")
    assert (tmp_path / "runs" / "cast.as-sent.trec").read_text("utf-8").splitlines() == [
        "q1 Q0 d3 1 3 as-sent",
        "q1 Q0 d1 2 2 as-sent",
        "q1 Q0 d2 3 1 as-sent",
        "q2 Q0 d1 1 1 as-sent",
    ]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["cast.as-sent.trec"]


def test_no_system_leaves_a_tie_to_break(evaluated: Evaluated) -> None:
    for run in evaluated.runs.values():
        for query, scores in scored(run).items():
            assert list(scores) == list(run.ranking[query])
            assert all(above > below for above, below in pairwise(scores.values())), (run.system, query)


def test_scores_of_a_thousand_documents_still_fall_when_written(tmp_path: Path) -> None:
    write(Run(system="bm25", ranking={"q1": [f"d{n}" for n in range(1000)]}), tmp_path / "x.trec")
    scores = [float(line.split()[4]) for line in (tmp_path / "x.trec").read_text("utf-8").splitlines()]
    assert scores == sorted(set(scores), reverse=True)
    assert len(scores) == 1000


def test_a_run_is_cut_to_a_depth() -> None:
    run = Run(system="bm25", ranking={"q1": ["d3", "d1", "d2"], "q2": []}, preparing=1.0, asking=0.5)
    assert run.cut(2) == Run(system="bm25", ranking={"q1": ["d3", "d1"], "q2": []}, preparing=1.0, asking=0.5)

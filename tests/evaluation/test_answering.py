from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.answering import AS_SENT, EXPLAINED, Answers, answer, other, rules_of
from evaluation.collection import Collection, load
from matcher.assembling import Core
from matcher.eligibility import RULES
from matcher.matching import suggest
from matcher.records import Kind
from matcher.weighing import NEEDS_CAP

Written = Callable[..., Path]
Rows = Callable[..., str]


@pytest.fixture(scope="module")
def answers(cast: Collection, core: Core) -> Answers:
    return answer(cast, core)


def test_every_judged_query_is_asked(answers: Answers, cast: Collection) -> None:
    assert sorted(answers.whole) == sorted(answers.sent) == sorted(cast.qrels)
    assert {query for query, found in answers.whole.items() if not found} == set()


def test_a_query_that_nobody_can_meet_is_asked_though_nothing_was_judged_for_it(written: Written, core: Core) -> None:
    files = {
        "queries_meta.tsv": "query-id\tunmeetable\nq2\tyes\n",
        "qrels.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\n",
    }
    found = load(written(files))
    assert found.nobody() == ["q2"]
    assert sorted(answer(found, core).sent) == ["q1", "q2"]


def test_the_whole_ranking_is_not_cut_as_a_digest_is(answers: Answers, cast: Collection, core: Core) -> None:
    assert all(len(found) <= NEEDS_CAP for found in answers.sent.values())
    assert all(one.fit >= core.ranker.threshold for found in answers.sent.values() for one in found)
    assert len(answers.whole["n01"]) > 100
    assert min(one.fit for one in answers.whole["n01"]) < core.ranker.threshold


def test_what_is_sent_is_what_a_member_gets(answers: Answers, cast: Collection, core: Core) -> None:
    for query in ("n01", "n20", "o21"):
        expected = suggest(answers.network, cast.queries[query], ranker=core.ranker, on=cast.on, limit=NEEDS_CAP)
        assert answers.sent[query] == expected
    assert any(answers.sent.values())


def test_the_first_ten_get_reasons(answers: Answers) -> None:
    explained = [bool(one.reasons) for one in answers.whole["n01"]]
    assert explained == [True] * EXPLAINED + [False] * (len(explained) - EXPLAINED)


def test_the_runs_name_the_side_that_did_not_ask(answers: Answers, cast: Collection) -> None:
    whole, sent = answers.run(), answers.run_as_sent()
    assert (whole.system, sent.system) == ("commonweal", AS_SENT)
    for query, found in whole.ranking.items():
        assert len(found) == len(set(found))
        assert set(found) <= set(cast.sides[cast.queries[query].kind])
    assert [other(Kind.OFFER, one).id for one in answers.whole["o21"]] == whole.ranking["o21"]
    assert sent.ranking.keys() == whole.ranking.keys()


def test_a_query_and_a_document_of_one_id_are_kept_apart(written: Written, rows: Rows, core: Core) -> None:
    files = {
        "queries.jsonl": rows({"id": "1", "text": "A van to lend", "kind": "offer"}),
        "corpus.jsonl": rows(
            {"id": "1", "text": "We need a van", "kind": "need"}, {"id": "2", "text": "We need tea", "kind": "need"}
        ),
        "qrels.tsv": "query-id\tcorpus-id\tscore\n1\t1\t1\n",
    }
    answers = answer(load(written(files)), core)
    assert [other(Kind.OFFER, one).text for one in answers.whole["1"]] == ["We need a van", "We need tea"]


def test_rules_without_facts_are_off_and_listed(written: Written, rows: Rows) -> None:
    names = [rule.name for rule in RULES]
    texts = ("A baker", "A van", "Tea")
    files = {
        "queries.jsonl": rows(*({"id": f"q{n}", "text": text} for n, text in enumerate(texts, 1))),
        "corpus.jsonl": rows(*({"id": f"d{n}", "text": text} for n, text in enumerate(texts, 1))),
    }
    bare = load(written(files))
    assert rules_of(bare) == ([], names)
    owned, off = rules_of(load(written()))
    assert ([rule.name for rule in owned], off) == (["own organisation"], names[1:])
    full = {
        "id": "q1",
        "text": "A baker",
        "organisation": "alba",
        "capacity": 1,
        "places": ["Kent"],
        "closes": "2026-07-01",
    }
    known, off = rules_of(load(written({"queries.jsonl": rows(full, {"id": "q2", "text": "A van"})})))
    assert [rule.name for rule in known] == ["own organisation", "not open", "no capacity", "out of reach"]
    assert off == ["resting", "excluded", "blocked", "paused", "forbidden", "declined", "suggested lately"]


def test_a_rule_with_facts_holds_in_the_whole_ranking_too(written: Written, rows: Rows, core: Core) -> None:
    corpus = rows(
        {"id": "d1", "text": "A baker", "closes": "2026-05-01"},
        {"id": "d2", "text": "A baker in town"},
        {"id": "d3", "text": "A baker at last", "organisation": "alba"},
    )
    qrels = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n"
    files = {"corpus.jsonl": corpus, "qrels.tsv": qrels, "collection.toml": "on = 2026-06-01\n"}
    assert answer(load(written(files)), core).run().ranking["q1"] == ["d2"]


def test_it_tells_how_far_it_is(written: Written, core: Core) -> None:
    told: list[tuple[str, int, int]] = []
    answer(load(written()), core, lambda what, done, total: told.append((what, done, total)))
    assert told[-2:] == [("asking small", 1, 2), ("asking small", 2, 2)]

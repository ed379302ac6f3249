import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from evaluation import telling
from evaluation.comparing import estimate
from evaluation.evaluating import Evaluated, evaluate, slice_of
from evaluation.gate import Check
from evaluation.measures import NAMES, NDCG
from evaluation.serving import Calibration, Falsehoods, Quotes, Sharing
from evaluation.systems import COMMONWEAL
from matcher.assembling import Core

CHECKS = [
    Check("cast: MAP, all", True, "0.500, was 0.500", "commonweal evaluate cast"),
    Check("cast: nDCG@10, asks=need", False, "0.250,\nwas <100%>\r", "commonweal evaluate cast --slice 'asks=need'"),
]


def test_tables_hold_every_system_and_slice(evaluated: Evaluated) -> None:
    title, systems, slices, beyond = telling.text(evaluated).split("\n\n")
    assert title.splitlines()[0] == "cast: 24 judged queries, 2 that nobody can meet, 244 documents"
    assert title.splitlines()[1] == f"encoder {evaluated.encoder}, ranker {evaluated.ranker}"
    assert title.splitlines()[-1].startswith("rules without facts here, off: not open, resting, no capacity")
    head, *rows = systems.splitlines()
    assert head.split()[:7] == ["system", *NAMES]
    names = [one.system for one in evaluated.systems]
    assert [row[: len(name)] for row, name in zip(rows, names, strict=True)] == names
    bm25 = next(one for one in evaluated.systems if one.system == "bm25")
    told = next(row for row in rows if row.startswith("bm25"))
    assert told.split()[1:7] == [f"{bm25.measures[name].mean:.3f}" for name in NAMES]
    assert [row.split()[0] for row in slices.splitlines()] == ["slice", "asks=need", "asks=offer"]
    assert beyond.splitlines() == telling.beyond(evaluated)


def test_a_slice_under_20_queries_says_too_few_to_tell(evaluated: Evaluated) -> None:
    rows = {row.split()[0]: row for row in telling.text(evaluated).split("\n\n")[2].splitlines()}
    assert " ".join(rows["asks=offer"].split()) == "asks=offer 4 too few to tell"
    part = slice_of(evaluated, "asks=need")
    assert part is not None
    figure = part.measures[NDCG]
    assert f"20       {figure.mean:.3f} ({figure.low:.3f} to {figure.high:.3f})" in rows["asks=need"]


def test_what_lies_beyond_ranking_is_told_in_sentences(evaluated: Evaluated) -> None:
    told = replace(
        evaluated,
        sharing=Sharing(
            suggestions=40,
            to_small=0.25,
            small_listings=0.5,
            gini=0.375,
            lorenz=(),
            coverage=0.75,
            cross_sector=0.6,
        ),
        calibration=Calibration(bins=(), error=0.125, pairs=48),
        falsehoods=Falsehoods(queries=12, with_some=3, suggestions=5),
        quotes=Quotes(pairs=60, need=0.9, offer=0.8, both=0.75),
    )
    assert telling.beyond(told) == [
        "25% of suggestions go to micro and small organisations, who hold 50% of what could be suggested",
        "75% of organisations are suggested at least once; exposure Gini 0.38 over 40 suggestions",
        "60% of suggestions cross sectors",
        "fit is off by 0.125 on average (expected calibration error, 48 judged pairs)",
        "3 of 12 queries that nobody can meet are sent something (5 suggestions)",
        "quoted clauses are the right ones: need 90%, offer 80%, both 75% of 60 labelled pairs",
    ]


def test_what_is_not_known_is_not_told(evaluated: Evaluated) -> None:
    bare = replace(evaluated, sharing=None, calibration=None, falsehoods=None, quotes=None, slices=())
    assert telling.beyond(bare) == []
    assert len(telling.text(bare).split("\n\n")) == 2


def test_a_slice_shows_every_query_worst_first(evaluated: Evaluated) -> None:
    part = slice_of(evaluated, "asks=offer")
    assert part is not None
    values = np.ones(len(evaluated.queries))
    values[evaluated.queries.index("o23")] = 0.25
    worse = replace(evaluated, values={**evaluated.values, COMMONWEAL: {**evaluated.values[COMMONWEAL], NDCG: values}})
    head, *rows = telling.slice_text(worse, part).splitlines()
    assert head.split() == ["query", "nDCG@10", "hybrid", "text"]
    assert [row.split()[:2] for row in rows] == [["o23", "0.250"], ["o21", "1.000"], ["o22", "1.000"], ["o24", "1.000"]]
    assert rows[0].endswith("Orthodontist's hours for care leavers")


def test_the_document_is_json_without_anything_that_is_no_number(evaluated: Evaluated) -> None:
    hole = replace(evaluated.slices[1], measures={name: estimate(np.zeros(0)) for name in NAMES})
    document = telling.document(replace(evaluated, slices=(evaluated.slices[0], hole)))
    read = json.loads(json.dumps(document, allow_nan=False))
    assert read == document
    assert (read["collection"], read["licence"], read["split"]) == ("cast", "CC0-1.0", None)
    assert (read["queries"], read["documents"], read["quotes"]) == (24, 244, None)
    assert [one["system"] for one in read["systems"]] == [one.system for one in evaluated.systems]
    figure = evaluated.systems[0].measures[NDCG]
    assert read["systems"][0]["measures"][NDCG] == {
        "mean": round(figure.mean, 6),
        "low": round(figure.low, 6),
        "high": round(figure.high, 6),
        "queries": 24,
    }
    assert read["slices"][1]["measures"][NDCG] == {"mean": None, "low": None, "high": None, "queries": 0}
    assert read["sha256"] == evaluated.collection.sha256


def test_the_gate_tells_what_failed_with_the_command_to_see_it() -> None:
    failing = replace(CHECKS[1], says="0.250, was 0.500")
    assert telling.gate_text([CHECKS[0], failing]) == (
        "FAILED  cast: nDCG@10, asks=need: 0.250, was 0.500\n"
        "        see: commonweal evaluate cast --slice 'asks=need'\n"
        "gate: 1 of 2 checks hold"
    )
    assert telling.gate_text(CHECKS[:1]) == "gate: 1 of 1 checks hold"


def test_a_github_annotation_is_one_line_whatever_it_says(evaluated: Evaluated) -> None:
    lines = telling.github([evaluated], CHECKS).splitlines()
    assert lines[0] == (
        "::error title=Commonweal got worse::cast: nDCG@10, asks=need: 0.250,%0Awas <100%25>%0D. "
        "See: commonweal evaluate cast --slice 'asks=need'"
    )
    assert lines[1] == "### cast"
    assert [line for line in lines if line.startswith("::")] == lines[:1]
    tables = [line for line in lines if line.startswith("|")]
    assert len(tables) == 2 + len(evaluated.systems) + 2 + len(evaluated.slices)
    assert {line.count("|") for line in tables[: 2 + len(evaluated.systems)]} == {len(NAMES) + 4}


def test_junit_has_a_case_for_each_check() -> None:
    suite = ElementTree.fromstring(telling.junit(CHECKS))
    assert suite.attrib == {"name": "commonweal evaluate", "tests": "2", "failures": "1"}
    cases = suite.findall("testcase")
    assert [case.attrib for case in cases] == [
        {"classname": "cast", "name": "MAP, all"},
        {"classname": "cast", "name": "nDCG@10, asks=need"},
    ]
    assert cases[0].find("failure") is None
    failure = cases[1].find("failure")
    assert failure is not None
    assert failure.attrib == {"message": "0.250,\nwas <100%>\r"}
    assert failure.text == "See: commonweal evaluate cast --slice 'asks=need'"


@pytest.mark.parametrize("name", ["a\x00b", "a\x1bb", "a<b>&\"'", "ä\u2028ö"])
def test_junit_parses_whatever_a_slice_is_called(name: str) -> None:
    ElementTree.fromstring(telling.junit([Check(f"cast: nDCG@10, theme={name}", False, name, name)]))


def test_a_slice_with_a_bar_in_its_name_keeps_the_table_whole(evaluated: Evaluated) -> None:
    barred = replace(evaluated.slices[0], value="need | offer")
    tables = telling.github([replace(evaluated, slices=(barred,))], []).splitlines()
    row = next(line for line in tables if "need" in line and line.startswith("| asks="))
    assert row.replace("\\|", "").count("|") == 6


def test_without_commonweal_only_the_systems_are_told(evaluated: Evaluated, core: Core) -> None:
    found = evaluate(evaluated.collection, core, systems=("bm25",), split="dev")
    title, systems = telling.text(found).split("\n\n")
    assert title.startswith("cast: 4 judged queries, dev only")
    assert [row.split()[0] for row in systems.splitlines()] == ["system", "bm25"]

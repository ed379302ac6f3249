from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from evaluation.collection import Collection, CollectionError, load
from matcher.records import Kind, Listing, ListingId, Organisation, OrganisationId

Written = Callable[..., Path]
Rows = Callable[..., str]


def test_a_plain_folder_is_needs_asking_for_offers(written: Written) -> None:
    found = load(written())
    assert found.name == "small"
    assert found.queries["q1"] == Listing(
        id=ListingId("q1"), organisation=OrganisationId("alba"), kind=Kind.NEED, text="A baker with sourdough ovens"
    )
    assert {one.kind for one in found.documents.values()} == {Kind.OFFER}
    assert found.qrels == {"q1": {"d1": 1}, "q2": {"d2": 1, "d3": 0}}
    assert found.judged() == ["q1", "q2"]
    assert (found.cut, found.gains, found.on, found.notes) == (1, {}, date.min, ())
    assert found.sides == {Kind.NEED: ["d1", "d2", "d3", "d4"], Kind.OFFER: [], Kind.PROFILE: []}


def test_every_field_is_read(written: Written, rows: Rows) -> None:
    record = {
        "id": "q1",
        "text": "A baker",
        "kind": "need",
        "organisation": "alba",
        "name": "Alba",
        "sectors": ["voluntary"],
        "size": "small",
        "roles": "employer",
        "resource": "skills",
        "themes": ["housing"],
        "places": ["Kent"],
        "remote": True,
        "capacity": 2,
        "opens": "2026-06-01",
        "closes": "2026-07-01",
        "evidence": "a survey",
    }
    found = load(written({"queries.jsonl": rows(record, {"id": "q2", "text": "A van"})}))
    assert found.queries["q1"] == Listing(
        id=ListingId("q1"),
        organisation=OrganisationId("alba"),
        kind=Kind.NEED,
        text="A baker",
        resource="skills",
        themes=("housing",),
        places=("Kent",),
        remote=True,
        capacity=2,
        opens=date(2026, 6, 1),
        closes=date(2026, 7, 1),
        evidence="a survey",
    )
    assert found.organisation_of(found.queries["q1"]) == Organisation(
        id=OrganisationId("alba"),
        name="Alba",
        sectors=("voluntary",),
        size="small",
        roles=("employer",),
        places=("Kent",),
    )
    assert {"capacity", "places", "opens", "organisation"} <= found.facts


def test_a_collection_names_its_own_cut_gains_licence_and_day(written: Written) -> None:
    toml = 'name = "mine"\nlicence = "OGL-3"\ncut = 2\ngains = {1 = 0, 2 = 1, 3 = 3}\non = 2026-11-02\n'
    qrels = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq2\td2\t3\nq2\td3\t1\n"
    found = load(written({"collection.toml": toml, "qrels.tsv": qrels}))
    assert (found.name, found.licence, found.cut, found.on) == ("mine", "OGL-3", 2, date(2026, 11, 2))
    assert found.gains == {1: 0, 2: 1, 3: 3}
    assert [found.is_positive("q2", one) for one in ("d2", "d3", "d4")] == [True, False, False]


def test_columns_of_meta_files_become_slices_but_for_the_two_that_are_none(written: Written) -> None:
    meta = "query-id\tsplit\treach\tunmeetable\nq1\tdev\tnear\t\nq2\ttest\t\tyes\n"
    qrels = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td3\t0\n"
    found = load(written({"queries_meta.tsv": meta, "qrels.tsv": qrels}))
    assert found.slices == {"reach": {"q1": "near"}}
    assert found.splits == {"q1": "dev", "q2": "test"}
    assert (found.judged(), found.judged("dev"), found.judged("test")) == (["q1"], ["q1"], [])
    assert (found.nobody(), found.nobody("dev"), found.nobody("test")) == (["q2"], [], ["q2"])


def test_a_collection_names_the_column_of_its_split(written: Written) -> None:
    meta = "query-id\thalf\nq1\tdev\nq2\ttest\n"
    found = load(written({"queries_meta.tsv": meta, "collection.toml": 'split = "half"\n'}))
    assert (found.judged("dev"), found.judged("test"), found.slices) == (["q1"], ["q2"], {})


def test_a_query_in_no_split_counts_as_test(written: Written) -> None:
    found = load(written())
    assert (found.judged("dev"), found.judged("test")) == ([], ["q1", "q2"])


def test_what_is_left_out_or_not_used_is_noted(written: Written, rows: Rows) -> None:
    files = {
        "queries.jsonl": rows({"id": "q1", "text": "A baker", "mood": "good"}, {"id": "q3", "text": "A piano"}),
        "qrels.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\n",
        "corpus_meta.tsv": "corpus-id\tcolour\nd1\tred\n",
    }
    assert load(written(files)).notes == (
        "queries.jsonl: fields not used: mood",
        "corpus_meta.tsv is not used: slices are of queries",
        "1 queries have no judgement and are left out",
    )


def test_files_from_a_spreadsheet_on_windows_are_read(written: Written) -> None:
    plain = written()
    for name in ("queries.jsonl", "corpus.jsonl", "qrels.tsv"):
        content = (plain / name).read_bytes().replace(b"\n", b"\r\n")
        (plain / name).write_bytes(b"\xef\xbb\xbf" + content)
    found = load(plain)
    assert replace(found, sha256="", folder=Path()) == replace(load(written()), sha256="", folder=Path())


def test_any_other_content_has_another_checksum(written: Written) -> None:
    assert load(written()).sha256 == load(written()).sha256
    assert load(written()).sha256 != load(written({"collection.toml": 'licence = "CC0-1.0"\n'})).sha256


HEADER = "query-id\tcorpus-id\tscore\n"
GOOD = HEADER + "q1\td1\t1\nq2\td2\t1\n"
MALFORMED: Mapping[str, tuple[Mapping[str, str], str]] = {
    "a judged query that is not there": (
        {"qrels.tsv": GOOD + "q9\td1\t1\n"},
        "qrels.tsv, line 4: query q9 is not in queries.jsonl",
    ),
    "a judged document that is not there": (
        {"qrels.tsv": GOOD + "q1\td9\t1\n"},
        "qrels.tsv, line 4: document d9 is not in corpus.jsonl",
    ),
    "a pair judged twice": ({"qrels.tsv": GOOD + "q1\td1\t0\n"}, "qrels.tsv, line 4: q1 and d1 are judged twice"),
    "half a grade": (
        {"qrels.tsv": GOOD + "q1\td2\t0.5\n"},
        "qrels.tsv, line 4: score is '0.5'; write a grade, a whole number from 0",
    ),
    "a grade below 0": (
        {"qrels.tsv": GOOD + "q1\td2\t-1\n"},
        "qrels.tsv, line 4: score is '-1'; write a grade, a whole number from 0",
    ),
    "a value too few": ({"qrels.tsv": GOOD + "q1\td2\n"}, "qrels.tsv, line 4: 2 values under 3 columns"),
    "no header": (
        {"qrels.tsv": "q1\td1\t1\n"},
        "qrels.tsv, line 1: the header must begin with query-id, found ['q1', 'd1', '1']",
    ),
    "nothing judged": ({"qrels.tsv": HEADER}, "qrels.tsv holds no judgement"),
    "no positive": (
        {"qrels.tsv": GOOD.replace("d2\t1", "d2\t0")},
        "qrels.tsv: query q2 has no positive (grade 1 or more); "
        "set unmeetable to yes for it in queries_meta.tsv, or judge more",
    ),
    "positives below the cut only": (
        {"collection.toml": "cut = 2\n", "qrels.tsv": HEADER + "q1\td1\t2\nq2\td2\t1\n"},
        "qrels.tsv: query q2 has no positive (grade 2 or more); "
        "set unmeetable to yes for it in queries_meta.tsv, or judge more",
    ),
    "a positive where nobody can meet the need": (
        {"queries_meta.tsv": "query-id\tunmeetable\nq1\tyes\n"},
        "qrels.tsv: query q1 has positives, but is called unmeetable",
    ),
    "a query twice": (
        {"queries.jsonl": '{"id": "q1", "text": "one"}\n\n{"id": "q1", "text": "two"}\n{"id": "q2", "text": "van"}\n'},
        "queries.jsonl, line 3: id q1 stands twice; ids must be unique",
    ),
    "an empty text": (
        {
            "queries.jsonl": '{"id": "q1", "text": "one"}\n{"id": "q2", "text": " "}\n',
            "qrels.tsv": HEADER + "q1\td1\t1\n",
        },
        "queries.jsonl, line 2: text of q2 is empty",
    ),
    "no text": (
        {"queries.jsonl": '{"id": "q1", "text": "one"}\n{"id": "q2"}\n', "qrels.tsv": HEADER + "q1\td1\t1\n"},
        "queries.jsonl, line 2: text of q2 is empty",
    ),
    "an id with a blank": (
        {
            "queries.jsonl": '{"id": "q 1", "text": "one"}\n{"id": "q2", "text": "two"}\n',
            "qrels.tsv": HEADER + "q2\td2\t1\n",
        },
        "queries.jsonl, line 1: id is 'q 1'; every line needs an id, a text without blanks",
    ),
    "an unknown kind": (
        {
            "queries.jsonl": '{"id": "q1", "text": "one", "kind": "wish"}\n{"id": "q2", "text": "two"}\n',
            "qrels.tsv": HEADER + "q2\td2\t1\n",
        },
        "queries.jsonl, line 1: kind of q1 is 'wish'; write need, offer or profile",
    ),
    "an organisation with two sizes": (
        {
            "queries.jsonl": '{"id": "q1", "text": "one", "organisation": "alba", "size": "small"}\n'
            '{"id": "q2", "text": "two", "organisation": "alba", "size": "large"}\n',
            "qrels.tsv": HEADER + "q1\td1\t1\n",
        },
        "queries.jsonl, line 2: size of organisation alba is 'large', but was given otherwise above",
    ),
    "a slice of a query that is not there": (
        {"queries_meta.tsv": "query-id\treach\nq1\tnear\nq9\tfar\n"},
        "queries_meta.tsv, line 3: query q9 is not in queries.jsonl",
    ),
    "an unknown setting": (
        {"collection.toml": "cutt = 2\n"},
        "collection.toml: unknown cutt; known: cut, gains, licence, name, on, split",
    ),
    "a cut that everything passes": (
        {"collection.toml": "cut = 0\n"},
        "collection.toml: cut is 0; write the least grade that is a yes, 1 or more",
    ),
    "gains in words": (
        {"collection.toml": 'gains = {3 = "much"}\n'},
        "collection.toml: gains are not whole numbers by grade; write for example gains.3 = 3",
    ),
    "a day in words": (
        {"collection.toml": 'on = "today"\n'},
        "collection.toml: on is 'today'; write a day like 2026-11-02",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_collection_is_refused_by_file_line_and_reason(case: str, written: Written) -> None:
    files, problem = MALFORMED[case]
    folder = written(files)
    with pytest.raises(CollectionError) as refused:
        load(folder)
    assert str(refused.value).splitlines() == [f"{folder} cannot be used:", f"  {problem}"]


def test_a_query_with_two_rows_of_slices_is_refused(written: Written) -> None:
    folder = written({"queries_meta.tsv": "query-id\treach\nq1\tnear\nq1\tfar\n"})
    with pytest.raises(CollectionError, match=r"queries_meta\.tsv, line 3: .*q1"):
        load(folder)


def test_an_unknown_split_is_refused_by_file_line_and_reason(written: Written) -> None:
    folder = written({"queries_meta.tsv": "query-id\tsplit\nq1\tdev\nq2\ttrain\n"})
    with pytest.raises(CollectionError, match=r"queries_meta\.tsv, line 3: .*split is 'train'; write dev or test"):
        load(folder)


def test_a_line_that_is_no_json_object_is_refused(written: Written) -> None:
    for text in ('{"id": "q1"', '["q1"]'):
        with pytest.raises(CollectionError, match=r"queries\.jsonl, line 1: "):
            load(written({"queries.jsonl": text + '\n{"id": "q2", "text": "two"}\n'}))


def test_a_file_that_is_not_utf_8_is_refused_by_line(written: Written) -> None:
    folder = written()
    (folder / "corpus.jsonl").write_bytes(b'{"id": "d1", "text": "one"}\n{"id": "d2", "text": "caf\xe9"}\n')
    with pytest.raises(CollectionError, match=r"corpus\.jsonl, line 2: not UTF-8; save the file as UTF-8"):
        load(folder)


def test_a_folder_without_the_three_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CollectionError) as refused:
        load(tmp_path)
    assert str(refused.value).splitlines()[1:] == [
        f"  {tmp_path} has no {name}: a collection needs queries, corpus and qrels"
        for name in ("queries.jsonl", "corpus.jsonl", "qrels.tsv")
    ]


def test_all_that_is_wrong_is_told_at_once_and_not_too_much_of_it(written: Written) -> None:
    wrong = "".join(f"q1\tmissing{n}\t1\n" for n in range(20))
    with pytest.raises(CollectionError) as refused:
        load(written({"qrels.tsv": GOOD + wrong}))
    told = str(refused.value).splitlines()
    assert told[1] == "  qrels.tsv, line 4: document missing0 is not in corpus.jsonl"
    assert told[-1] == "  and 8 more"
    assert len(told) == 14


def test_a_need_is_ranked_against_all_but_needs_and_an_offer_against_needs(cast: Collection) -> None:
    sides = cast.sides
    assert {cast.documents[one].kind for one in sides[Kind.NEED]} == {Kind.OFFER}
    assert {cast.documents[one].kind for one in sides[Kind.OFFER]} == {Kind.NEED}
    assert sorted([*sides[Kind.NEED], *sides[Kind.OFFER]]) == sorted(cast.documents)

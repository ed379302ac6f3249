import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from typer.testing import CliRunner

from evaluation.agreement import HEADER, PAIRS, RUBRIC, Agreement, SheetError, agreement, write_sheet
from evaluation.collection import Collection, load
from evaluation.commands import app
from evaluation.systems import COMMONWEAL, SCORES
from matcher.artefacts import root
from matcher.masking import HIDDEN

Written = Callable[..., Path]
Rows = Callable[..., str]
Judged = Callable[..., Collection]

BENCHMARK = root() / "data" / "benchmark"
on_the_benchmark = pytest.mark.skipif(not BENCHMARK.is_dir(), reason="data/benchmark is not there")


def sheet(folder: Path, *rows: str, header: str = ",".join(HEADER), name: str = "sheet.csv") -> Path:
    (folder / name).write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return folder / name


@pytest.fixture(scope="module")
def four(judged: Judged) -> Collection:
    return judged({"q1": {"d1": 0, "d2": 0}, "q2": {"d1": 1, "d3": 2}})


def test_kappa_by_hand(four: Collection, tmp_path: Path) -> None:
    """Ours 0 0 1 2, theirs 0 1 1 2: they differ by 1 once in four, 1/4 on average.

    Each of ours beside each of theirs: 0 differs by 0+1+1+2 = 4, twice; 1 by 1+0+0+1 = 2; 2 by 2+1+1+0 = 4. Together
    14, on average 14/16. Kappa is 1 - (1/4) / (14/16) = 5/7.
    """
    found = agreement(four, sheet(tmp_path, "q1,d1,,,0", "q1,d2,,,1", "q2,d1,,,1", "q2,d3,,,2"))
    assert found == Agreement(pairs=4, kappa=pytest.approx(5 / 7), same=0.75, table=((1, 1, 0), (0, 1, 0), (0, 0, 1)))


def test_opposite_grades_are_worse_than_chance(four: Collection, tmp_path: Path) -> None:
    """Ours 0 2, theirs 2 0: always 2 apart, by chance 2 apart half the time. 1 - 2/1 = -1."""
    found = agreement(four, sheet(tmp_path, "q1,d1,,,2", "q2,d3,,,0"))
    assert (found.kappa, found.same) == (pytest.approx(-1), 0)


def test_the_same_grades_agree_wholly(four: Collection, tmp_path: Path) -> None:
    found = agreement(four, sheet(tmp_path, "q1,d1,,,0", "q1,d2,,,0", "q2,d1,,,1", "q2,d3,,,2"))
    assert (found.kappa, found.same) == (1, 1)
    alike = agreement(four, sheet(tmp_path, "q1,d1,,,0", "q1,d2,,,0"))
    assert alike == Agreement(pairs=2, kappa=1.0, same=1.0, table=((2, 0), (0, 0)))


GRADES = st.integers(0, 3)


@given(graded=st.lists(st.tuples(GRADES, GRADES), min_size=2, max_size=40))
def test_kappa_is_what_sklearn_says(
    graded: list[tuple[int, int]], judged: Judged, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ours, theirs = zip(*graded, strict=True)
    collection = judged({"q": {f"d{row}": grade for row, grade in enumerate(ours)}})
    rows = [f"q,d{row},,,{grade}" for row, grade in enumerate(theirs)]
    found = agreement(collection, sheet(tmp_path_factory.mktemp("sheet"), *rows))
    if len({*ours, *theirs}) > 1:
        assert found.kappa == pytest.approx(cohen_kappa_score(ours, theirs, weights="linear", labels=[0, 1, 2, 3]))
    assert (sum(map(sum, found.table)), found.pairs) == (len(graded), len(graded))
    assert found.same == pytest.approx(sum(one == other for one, other in graded) / len(graded))


def test_rows_without_a_grade_are_left_out(four: Collection, tmp_path: Path) -> None:
    found = agreement(four, sheet(tmp_path, "q1,d1,,,0", "q1,d2,a,b,", "q2,d3,a,b, 2 ", "", "q9,d9,,, "))
    assert (found.pairs, found.table) == (2, ((1, 0, 0), (0, 0, 0), (0, 0, 1)))


def test_a_sheet_without_any_grade_says_what_to_do(four: Collection, tmp_path: Path) -> None:
    for rows in ((), ("q1,d1,,,", "q2,d1,,,")):
        with pytest.raises(SheetError, match=rf"^sheet\.csv: no row has a grade yet; {re.escape(RUBRIC)}$"):
            agreement(four, sheet(tmp_path, *rows))


@pytest.mark.parametrize("grade", ["two", "-1", "1.5", "²", "4", "33"])
def test_a_grade_that_is_none_is_refused_by_line(grade: str, four: Collection, tmp_path: Path) -> None:
    with pytest.raises(SheetError, match=rf"^sheet\.csv, line 3: the grade is '{re.escape(grade)}'; would I introduce"):
        agreement(four, sheet(tmp_path, "q1,d1,,,0", f"q1,d2,,,{grade}"))


@pytest.mark.parametrize("row", ["3", "q1,3", "q1,d2"])
def test_a_row_cut_short_is_refused_by_line(row: str, judged: Judged, tmp_path: Path) -> None:
    """Also where a document's id could be read as a grade."""
    collection = judged({"q1": {"d1": 0, "d2": 1, "3": 2}})
    with pytest.raises(SheetError, match=r"^sheet\.csv, line 3: "):
        agreement(collection, sheet(tmp_path, "q1,d1,,,0", row))


@pytest.mark.parametrize("pair", ["q1,d3", "q9,d1", "d1,q1"])
def test_an_unknown_pair_is_refused_by_line(pair: str, four: Collection, tmp_path: Path) -> None:
    query, document = pair.split(",")
    says = rf"^sheet\.csv, line 3: judged has no judgement of {query} and {document}$"
    with pytest.raises(SheetError, match=says):
        agreement(four, sheet(tmp_path, "q1,d1,,,0", f"{pair},,,1"))


@pytest.mark.parametrize(
    "header", ["", "corpus-id,query-id,need,offer,grade", "query-id,corpus-id,need,offer", "query-id;corpus-id;grade"]
)
def test_a_wrong_header_is_refused(header: str, four: Collection, tmp_path: Path) -> None:
    says = r"^sheet\.csv, line 1: the columns must be query-id, corpus-id, need, offer, grade$"
    with pytest.raises(SheetError, match=says):
        agreement(four, sheet(tmp_path, "q1,d1,,,0", header=header))


def test_a_file_that_cannot_be_read_is_named(four: Collection, tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("query-id,corpus-id,grade\nq1,d1,café\n".encode("latin-1"))
    for name in ("nowhere.csv", "latin.csv"):
        with pytest.raises(SheetError, match=re.escape(str(tmp_path / name))):
            agreement(four, tmp_path / name)


def test_a_sheet_saved_by_excel_is_read(four: Collection, tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_bytes(b"\xef\xbb\xbfquery-id,corpus-id,grade (why)\r\nq1,d1,0\r\nq2,d3,2\r\n")
    assert agreement(four, tmp_path / "sheet.csv").pairs == 2


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def asked(written: Written, rows: Rows) -> Collection:
    """A need and an offer that ask, with contact details in a text and a name that a spreadsheet would run."""
    alba = {"organisation": "alba", "name": "Alba", "sectors": ["voluntary"], "size": "small", "places": ["Bristol"]}
    borea = {"organisation": "borea", "name": "=cmd|'/c calc'!A1", "places": ["Bath"], "remote": True}
    need = {"id": "n1", "text": "We need a baker, ring 07700 900123", **alba}
    offer = {"id": "o1", "kind": "offer", "text": "Our baker, anna@borea.example", **borea}
    return load(
        written(
            {
                "queries.jsonl": rows(need, offer),
                "corpus.jsonl": rows({"kind": "need", **need}, offer, {"id": "o2", "text": "Tea", **alba}),
                "qrels.tsv": "query-id\tcorpus-id\tscore\nn1\to1\t3\nn1\to2\t0\no1\tn1\t3\n",
            },
            name="asked",
        )
    )


def test_a_sheet_holds_what_judges_read_and_nothing_else(asked: Collection, tmp_path: Path) -> None:
    """The need stands first whoever asks; details are hidden, a formula is text, the grade is left to fill in."""
    write_sheet(asked, tmp_path / "sheet.csv")
    header, *rows = read(tmp_path / "sheet.csv")
    need = f"Alba (voluntary, small; Bristol): We need a baker, ring {HIDDEN}"
    offer = f"'=cmd|'/c calc'!A1 (Bath, at a distance): Our baker, {HIDDEN}"
    tea = "Alba (voluntary, small; Bristol): Tea"
    assert header == ["query-id", "corpus-id", "need", "offer", f"grade ({RUBRIC})"]
    assert {tuple(row) for row in rows} <= {
        ("n1", "o1", need, offer, ""),
        ("n1", "o2", need, tea, ""),
    }
    assert ("n1", "o2", need, tea, "") in {tuple(row) for row in rows}


@pytest.mark.parametrize("sign", "=+-@\t\r")
def test_a_text_that_a_spreadsheet_would_run_is_made_safe(
    sign: str, written: Written, rows: Rows, tmp_path: Path
) -> None:
    corpus = rows({"id": "d1", "text": "Tea", "organisation": "borea", "name": f"{sign}1+1"})
    qrels = "query-id\tcorpus-id\tscore\nq1\td1\t1\n"
    write_sheet(load(written({"corpus.jsonl": corpus, "qrels.tsv": qrels})), tmp_path / "sheet.csv")
    _, row = read(tmp_path / "sheet.csv")
    assert row[3][:2] == f"'{sign}"
    assert [cell for cell in row if cell[:1] in tuple("=+-@\t\r")] == []


def test_a_sheet_never_says_who_found_a_pair(cast: Collection, tmp_path: Path) -> None:
    write_sheet(cast, tmp_path / "sheet.csv")
    text = (tmp_path / "sheet.csv").read_text("utf-8").lower()
    assert [system for system in (COMMONWEAL, *SCORES) if re.search(rf"\b{system}\b", text)] == []
    _, *rows = read(tmp_path / "sheet.csv")
    assert {row[-1] for row in rows} == {""}


def grades_of(collection: Collection, path: Path) -> Counter[int]:
    return Counter(collection.qrels[row[0]][row[1]] for row in read(path)[1:])


def test_each_grade_stands_as_often_as_the_others_as_far_as_there_are(judged: Judged, tmp_path: Path) -> None:
    """Of 20, all of the 1 and the 3 that are rare, and 8 each of the others."""
    counts = {0: 50, 1: 10, 2: 3, 3: 1}
    collection = judged(
        {f"q{grade}": {f"d{grade}-{n}": grade for n in range(count)} for grade, count in counts.items()}
    )
    assert write_sheet(collection, tmp_path / "sheet.csv", pairs=20) == 20
    assert grades_of(collection, tmp_path / "sheet.csv") == {3: 1, 2: 3, 1: 8, 0: 8}


def test_where_fewer_are_judged_all_are_on_the_sheet(four: Collection, tmp_path: Path) -> None:
    assert write_sheet(four, tmp_path / "sheet.csv") == 4 < PAIRS
    pairs = {(query, document) for query, of in four.qrels.items() for document in of}
    assert {(row[0], row[1]) for row in read(tmp_path / "sheet.csv")[1:]} == pairs


def test_grades_stand_in_no_order(judged: Judged, tmp_path: Path) -> None:
    collection = judged({f"q{grade}": {f"d{grade}-{n}": grade for n in range(25)} for grade in range(4)})
    write_sheet(collection, tmp_path / "sheet.csv")
    found = [collection.qrels[row[0]][row[1]] for row in read(tmp_path / "sheet.csv")[1:]]
    assert sorted(found) == [grade for grade in range(4) for _ in range(25)]
    assert sum(one == other for one, other in pairwise(found)) < 50


def test_the_same_seed_gives_the_same_sheet_and_another_another(judged: Judged, tmp_path: Path) -> None:
    collection = judged({f"q{grade}": {f"d{grade}-{n}": grade for n in range(60)} for grade in range(4)})
    for name, seed in (("first", 4), ("again", 4), ("other", 5)):
        write_sheet(collection, tmp_path / name, seed=seed)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()
    assert {tuple(row) for row in read(tmp_path / "first")} != {tuple(row) for row in read(tmp_path / "other")}


def test_a_pair_in_which_both_ask_stands_on_a_sheet_once(asked: Collection, tmp_path: Path) -> None:
    write_sheet(asked, tmp_path / "sheet.csv")
    stands = Counter(frozenset(row[:2]) for row in read(tmp_path / "sheet.csv")[1:])
    assert stands == {frozenset({"n1", "o1"}): 1, frozenset({"n1", "o2"}): 1}


@pytest.fixture(scope="module")
def cli() -> Callable[..., Any]:
    def run(*arguments: str | Path) -> Any:
        return CliRunner(env={"COLUMNS": "120"}).invoke(app, ["agree", *map(str, arguments)])

    return run


def filled(path: Path, collection: Collection) -> None:
    """Fills in a sheet as the collection has it."""
    header, *rows = read(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *([*row[:-1], collection.qrels[row[0]][row[1]]] for row in rows)])


def test_a_sheet_is_made_filled_in_and_compared(
    cli: Callable[..., Any], cast_folder: Path, cast: Collection, tmp_path: Path
) -> None:
    """The cast has 24 pairs of grade 3, 24 of 1 and 2 of 0, no more."""
    path = tmp_path / "sheet.csv"
    made = cli(cast_folder, path, "--make")
    assert (made.exit_code, made.stdout) == (0, f"{path}: 50 pairs. {RUBRIC}\n")
    filled(path, cast)
    ran = cli(cast_folder, path)
    assert (ran.exit_code, ran.stdout.splitlines()) == (
        0,
        [
            "kappa 1.00 (linear weights), the same grade for 100% of 50 pairs",
            "grades there (down) and yours (across):",
            "  0       2     0     0     0",
            "  1       0    24     0     0",
            "  2       0     0     0     0",
            "  3       0     0     0    24",
        ],
    )


def test_json_is_one_document(cli: Callable[..., Any], cast_folder: Path, cast: Collection, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    assert json.loads(cli(cast_folder, path, "--make", "--json").stdout) == {"pairs": 50, "sheet": str(path)}
    filled(path, cast)
    assert json.loads(cli(cast_folder, path, "--json").stdout) == {
        "pairs": 50,
        "kappa": 1.0,
        "same": 1.0,
        "table": [[2, 0, 0, 0], [0, 24, 0, 0], [0, 0, 0, 0], [0, 0, 0, 24]],
    }


def test_a_sheet_that_is_there_is_not_overwritten(cli: Callable[..., Any], cast_folder: Path, tmp_path: Path) -> None:
    path = sheet(tmp_path, "n01,o01,,,3")
    before = path.read_bytes()
    ran = cli(cast_folder, path, "--make")
    assert (ran.exit_code, ran.stdout) == (2, "")
    told = re.sub(r"[\s│╭╮╰╯─]+", "", ran.stderr)
    assert "sheet.csvexistsalready;nameanother,sothatnogradeislost" in told
    assert path.read_bytes() == before


@pytest.fixture(scope="module")
def benchmark() -> Collection:
    return load(BENCHMARK)


@on_the_benchmark
def test_the_second_readings_agree_as_far_as_the_datasheet_says(benchmark: Collection) -> None:
    if not (BENCHMARK / "README.md").is_file():
        pytest.skip("data/benchmark/README.md is not there yet")
    says = re.search(r"κ = (\d\.\d+)[^,]*,[^,]*,\s+(\d+)% the\s+same", (BENCHMARK / "README.md").read_text("utf-8"))
    assert says
    found = agreement(benchmark, BENCHMARK / "second_readings.csv")
    assert (f"{found.kappa:.2f}", f"{found.same:.0%}") == (says[1], f"{says[2]}%")


@on_the_benchmark
def test_the_sheet_that_is_shipped_is_what_make_writes(benchmark: Collection, tmp_path: Path) -> None:
    if not (BENCHMARK / "sheet.csv").is_file():
        pytest.skip("data/benchmark/sheet.csv is not there yet")
    assert write_sheet(benchmark, tmp_path / "sheet.csv") == 100
    assert (tmp_path / "sheet.csv").read_bytes() == (BENCHMARK / "sheet.csv").read_bytes()
    assert grades_of(benchmark, tmp_path / "sheet.csv") == dict.fromkeys(range(4), 25)


@on_the_benchmark
def test_no_pair_of_the_benchmark_stands_on_a_sheet_twice(benchmark: Collection, tmp_path: Path) -> None:
    write_sheet(benchmark, tmp_path / "sheet.csv")
    stands = Counter(frozenset(row[:2]) for row in read(tmp_path / "sheet.csv")[1:])
    assert [sorted(pair) for pair, times in stands.items() if times > 1] == []

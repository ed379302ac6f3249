"""The command as people and CI run it: what it prints where, and how it ends."""

import json
import re
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import copy
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
import pytrec_eval
from typer.testing import CliRunner

from evaluation.collection import CollectionError
from evaluation.commands import app
from matcher.artefacts import artefact

Written = Callable[..., Path]


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """What went to stderr, without the box around it and as one line."""
        return re.sub(r"[\s│╭╮╰╯─]+", " ", self.err).strip()


Cli = Callable[..., Ran]


@pytest.fixture(scope="session")
def cli() -> Cli:
    """`cli(folder, "--json")` with the encoder that needs no weights; whatever is no exit is raised."""

    def run(*arguments: str | Path) -> Ran:
        result = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["evaluate", *map(str, arguments), "--encoder", "hash"])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def first(cli: Cli, cast_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    baseline = tmp_path_factory.mktemp("first") / "baseline.json"
    ran = cli(cast_folder, "--baseline", baseline, "--accept", "first baseline")
    assert (ran.code, ran.told) == (0, f"accepted: {baseline}, and a row in HISTORY.md beside it")
    return baseline


@pytest.fixture
def accepted(first: Path, tmp_path: Path) -> Path:
    """A baseline of the cast that a test may spoil."""
    for path in first.parent.iterdir():
        copy(path, tmp_path)
    return tmp_path / first.name


def test_any_folder_is_measured_wherever_it_lies(cli: Cli, written: Written) -> None:
    ran = cli(written(name="of-my-own"), "--system", "bm25", "--system", "random")
    assert ran.code == 0
    assert ran.out.startswith("of-my-own: 2 judged queries, 4 documents\n")
    assert [line.split()[0] for line in ran.out.splitlines()[-3:]] == ["system", "bm25", "random"]


def test_several_collections_stand_one_below_the_other(cli: Cli, written: Written) -> None:
    ran = cli(written(name="first"), written(name="second"), "--system", "bm25")
    assert [line.split(":")[0] for line in ran.out.splitlines() if "judged queries" in line] == ["first", "second"]


def test_runs_are_written_for_each_system(cli: Cli, written: Written, tmp_path: Path) -> None:
    ran = cli(written(), "--runs", tmp_path / "runs")
    assert ran.code == 0
    systems = ["as-sent", "bm25", "commonweal", "dense", "hybrid", "length", "popularity", "random", "tfidf"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [f"small.{one}.trec" for one in systems]
    with (tmp_path / "runs" / "small.bm25.trec").open() as lines:
        assert pytrec_eval.parse_run(lines)["q1"]["d1"] == 4


def test_json_is_one_document(cli: Cli, written: Written) -> None:
    ran = cli(written(name="first"), written(name="second"), "--system", "bm25", "--json")
    document = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert list(document) == ["collections"]
    assert [one["collection"] for one in document["collections"]] == ["first", "second"]


def test_the_gate_passes_on_what_was_accepted(cli: Cli, cast_folder: Path, accepted: Path) -> None:
    ran = cli(cast_folder, "--gate", "--baseline", accepted)
    assert ran.code == 0
    assert re.fullmatch(r"gate: (\d+) of \1 checks hold", ran.out.splitlines()[-1])


@pytest.fixture
def flipped(tmp_path: Path) -> Path:
    """The ranker with its fusion weight flipped: deliberately worse."""
    text = re.sub(r"(?m)^(lexical_weight\s*=\s*)", r"\1-", artefact("models", "ranker.toml").read_text("utf-8"))
    assert "lexical_weight = -" in text
    (tmp_path / "flipped.toml").write_text(text, "utf-8")
    return tmp_path / "flipped.toml"


def test_a_worse_ranker_exits_1_with_the_failing_slice_and_the_command_to_see_it(
    cli: Cli, cast_folder: Path, accepted: Path, flipped: Path
) -> None:
    ran = cli(cast_folder, "--gate", "--baseline", accepted, "--ranker", flipped)
    assert ran.code == 1
    lines = ran.out.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("FAILED  cast: nDCG@10, asks=need: "))
    command = lines[at + 1].strip().removeprefix("see: ")
    assert command.startswith(f"commonweal evaluate {cast_folder} ")
    assert "--slice asks=need" in command
    shown = cli(*shlex.split(command)[2:], "--ranker", flipped)
    assert shown.code == 0
    assert len(shown.out.splitlines()) == 21


def test_the_gate_in_json_stays_one_document(cli: Cli, cast_folder: Path, accepted: Path, flipped: Path) -> None:
    ran = cli(cast_folder, "--gate", "--baseline", accepted, "--ranker", flipped, "--json")
    document = json.loads(ran.out)
    assert ran.code == 1
    assert list(document) == ["collections", "checks"]
    failed = [one["name"] for one in document["checks"] if not one["ok"]]
    assert "cast: nDCG@10, all" in failed
    assert f"{len(document['checks']) - len(failed)} of {len(document['checks'])} checks hold" in ran.err


@pytest.mark.parametrize("format_", ["junit", "github"])
def test_the_gate_as_ci_reads_it(format_: str, cli: Cli, cast_folder: Path, accepted: Path, flipped: Path) -> None:
    ran = cli(cast_folder, "--gate", "--baseline", accepted, "--ranker", flipped, "--format", format_)
    assert ran.code == 1
    if format_ == "junit":
        suite = ElementTree.fromstring(ran.out)
        assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure")) > 0
    else:
        assert ran.out.startswith("::error title=Commonweal got worse::cast: ")
        assert "### cast\n" in ran.out


def test_without_a_baseline_the_gate_exits_2_and_its_remedy_works(cli: Cli, cast_folder: Path, tmp_path: Path) -> None:
    asked = [cast_folder, "--gate", "--baseline", tmp_path / "baseline.json"]
    ran = cli(*asked)
    assert ran.code == 2
    assert "there is no baseline at" in ran.told
    assert "Make one: add --accept 'first baseline'" in ran.told
    assert cli(*asked, "--accept", "first baseline").code == 0
    assert cli(*asked).code == 0


def test_a_baseline_by_another_encoder_exits_2_with_a_remedy_for_this_baseline(
    cli: Cli, cast_folder: Path, accepted: Path
) -> None:
    made = json.loads(accepted.read_text("utf-8"))
    made["cast"]["encoder"] = "minilm@1/p1"
    accepted.write_text(json.dumps(made), "utf-8")
    ran = cli(cast_folder, "--gate", "--baseline", accepted)
    assert ran.code == 2
    unboxed = ran.told.replace(" ", "")
    assert "encoder'minilm@1/p1',thisis'hash/p1':thetwocannotbecompared." in unboxed
    remedy = f"Make one: commonweal evaluate {cast_folder} --baseline {accepted}"
    assert remedy.replace(" ", "") in unboxed


def test_accepting_and_gating_at_once_does_not_accept_what_fails(
    cli: Cli, cast_folder: Path, accepted: Path, flipped: Path
) -> None:
    before = accepted.read_bytes()
    ran = cli(cast_folder, "--gate", "--baseline", accepted, "--ranker", flipped, "--accept", "why not")
    assert ran.code == 1
    assert accepted.read_bytes() == before


def test_a_slice_is_shown_query_by_query(cli: Cli, cast_folder: Path) -> None:
    ran = cli(cast_folder, "--slice", "asks=offer")
    assert ran.code == 0
    head, *rows = ran.out.splitlines()
    assert head.split() == ["query", "nDCG@10", "hybrid", "text"]
    assert sorted(row.split()[0] for row in rows) == ["o21", "o22", "o23", "o24"]


def test_misuse_exits_2_with_the_value_named(cli: Cli, cast_folder: Path, written: Written) -> None:
    misuses = {
        ("--system", "oracle"): "system 'oracle' is not known; known: commonweal, hybrid",
        ("--split", "train"): "--split is 'train'; write dev or test",
        ("--format", "html"): "--format is 'html'; write text, github, junit",
        ("--slice", "asks=help"): "--slice is 'asks=help'; there are asks=need, asks=offer",
        ("--system", "bm25", "--gate"): "--gate and --accept look at all systems: leave out --system",
        ("--system", "bm25", "--accept", "x"): "--gate and --accept look at all systems: leave out --system",
    }
    for arguments, says in misuses.items():
        ran = cli(cast_folder, *arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert says in ran.told
    ran = cli(written(), "--split", "dev")
    assert ran.code == 2
    assert "small has no judged query in split 'dev'; leave out --split to take all" in ran.told


def test_what_would_be_left_undone_is_refused(cli: Cli, cast_folder: Path, accepted: Path) -> None:
    """A gate that --slice hides, and an acceptance without a why, must not look as if they had been."""
    ran = cli(cast_folder, "--gate", "--baseline", accepted, "--slice", "asks=offer")
    assert ran.code == 2
    ran = cli(cast_folder, "--baseline", accepted, "--accept", "")
    assert ran.code == 2


def test_a_malformed_collection_is_told_as_such(cli: Cli, written: Written) -> None:
    folder = written({"qrels.tsv": "query-id\tcorpus-id\tscore\nq1\td9\t1\n"})
    with pytest.raises(CollectionError, match=r"qrels\.tsv, line 2: document d9 is not in corpus\.jsonl"):
        cli(folder)


def test_a_folder_that_is_not_there_is_named(cli: Cli, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=re.escape(f"{tmp_path / 'nowhere'} has no queries.jsonl")):
        cli(tmp_path / "nowhere")


def test_a_run_stays_in_its_folder_whatever_its_collection_is_called(
    cli: Cli, written: Written, tmp_path: Path
) -> None:
    folder = written({"collection.toml": 'name = "../of/mine"\n'})
    with suppress(CollectionError):  # refusing the name would do as well
        cli(folder, "--system", "bm25", "--runs", tmp_path / "runs")
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} <= {tmp_path / "runs"}

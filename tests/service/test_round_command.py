"""`commonweal round` and `digests write` as people and programs run them, with what a round tells besides its table."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.store import members, rounds
from service.store.database import Database

WEEK = ("--week", "2026-W48")


Cli = Callable[..., Any]


@pytest.fixture(autouse=True)
def network(tmp_path: Path, cast: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The cast, with Delos, a member that keeps bees."""
    monkeypatch.setenv("COMMONWEAL_HOME", str(tmp_path))
    monkeypatch.setenv("COMMONWEAL_ENCODER", "hash")
    delos = replace(cast["alba"], id="delos", name="Delos 0113 496 0000", description="Bees", places=("Truro",))
    honey = replace(cast["offer"], id="delos-o1", organisation="delos", resource="goods", text="Honey: 0113 496 0000")
    database = Database(f"sqlite:///{tmp_path / 'commonweal.db'}")
    database.migrate()
    with database.write() as connection:
        members.save(
            connection,
            organisations={one.id: one for one in (cast["alba"], cast["borea"], delos)},
            listings={one.id: one for one in (cast["need"], cast["offer"], honey)},
            contacts=[
                *cast["contacts"][:2],
                replace(cast["contacts"][0], organisation="delos", email="d@delos.example"),
            ],
        )
    yield database
    database.dispose()


def released(network: Database) -> dict[str, bool]:
    with network.read() as connection:
        return rounds.weeks(connection)


def document(ran: Any) -> Any:
    assert ran.code == 0, ran
    return json.loads(ran.out)


def test_a_network_that_wants_no_review_releases_its_round_at_once(
    cli: Cli, network: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "(revision 1, not released)" in cli("round", *WEEK).err
    assert released(network) == {"2026-W48": False}
    monkeypatch.setenv("COMMONWEAL_REVIEW", "false")
    assert "(dry run, nothing stored)" in cli("round", *WEEK, "--dry-run").err
    assert released(network) == {"2026-W48": False}
    ran = cli("round", *WEEK, "--json")
    assert (document(ran)["revision"], document(ran)["released"]) == (2, True)
    assert released(network) == {"2026-W48": True}
    again = cli("round", *WEEK, "--json")
    assert (again.code, document(again)) == (0, {"week": "2026-W48", "released": True})
    assert again.err.startswith("nothing to do: the round of 2026-W48 was released on ")
    monkeypatch.setenv("COMMONWEAL_REVIEW", "true")
    assert cli("round", *WEEK).code == 1


def test_a_round_tells_who_has_nothing_and_with_about_what_helps_them(cli: Cli) -> None:
    ran = cli("round", *WEEK)
    assert "  Delos [hidden until you are introduced]: nothing new fits well enough this week\n" in ran.err
    assert "is short" not in ran.err
    ran = cli("round", *WEEK, "--about", "delos")
    assert ran.err.splitlines()[1:] == [
        "  Delos [hidden until you are introduced]: nothing new fits well enough this week",
        "      “Honey: [hidden until you are introduced]” is short: say how many, where, and by when.",
    ]
    assert document(cli("round", *WEEK, "--json"))["left_out"] == {
        "delos": {
            "fitted": False,
            "helps": ["“Honey: [hidden until you are introduced]” is short: say how many, where, and by when."],
        }
    }


def test_a_pin_that_changes_the_round_is_told_by_a_dry_run(cli: Cli) -> None:
    assert cli("pair", "pin", "alba-n1", "delos-o1", *WEEK, "--why", "they asked").code == 0
    assert cli("pair", "pin", "alba-n1", "borea-o9", *WEEK, "--why", "they asked").code == 2
    err = cli("round", *WEEK, "--dry-run").err
    assert (
        "pinned and not met: alba-n1 with delos-o1. Their places do not meet, and neither works at a distance." in err
    )
    assert "Against this week without its pins: 0 pairs new, 0 gone; 0 organisations with something" in err


def test_whoever_has_nothing_is_counted_among_the_digests(cli: Cli, tmp_path: Path) -> None:
    cli("round", *WEEK, "--release")
    mails = str(tmp_path / "mails")
    assert cli("digests", "write", *WEEK, "--to", mails).out == f"3 digests of 2026-W48 in {mails}\n"
    written = document(cli("digests", "write", *WEEK, "--to", mails, "--json"))
    assert written["digests"] == ["alba.eml", "borea.eml", "delos.eml"]
    assert "Subject: Nothing for you this week, and what would help\n" in (tmp_path / "mails" / "delos.eml").read_text()

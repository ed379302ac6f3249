"""`commonweal session …` as people and programs run it: planned, attended, solved, listed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.settings import Settings
from service.store import sessions
from service.wiring import Commonweal

Cli = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("network")


def document(ran: Any) -> Any:
    assert ran.code == 0, ran
    return json.loads(ran.out)


@pytest.fixture
def session(cli: Cli) -> str:
    """A session on a day that is far off, whenever this runs."""
    made = document(cli("session", "new", "Thursdays", "--day", "2099-12-03", "--theme", "isolation", "--json"))
    assert made == {"session": made["session"], "title": "Thursdays", "day": "2099-12-03"}
    return str(made["session"])


def attendees(home: Path, session: str) -> dict[str, tuple[str, str]]:
    commonweal = Commonweal(Settings(home=home, encoder="hash"))
    with commonweal.database.read() as connection:
        found = {
            one.organisation: (one.state.value, f"{one.arrives:%H:%M}" if one.arrives else "")
            for one in sessions.attendees(connection, session)
        }
    commonweal.database.dispose()
    return found


def test_members_are_put_on_the_list_by_id_or_name_and_how_they_stand_is_changed(
    cli: Cli, home: Path, session: str
) -> None:
    ran = cli("session", "attend", session, "alba", "borea transport", "--state", "invited")
    assert (ran.code, ran.out.strip()) == (0, f"{session}: 2 changed, 0 refused")
    assert "row 2: Borea Transport: new on the list, invited" in ran.err
    assert document(cli("session", "attend", session, "alba", "--state", "coming", "--arrives", "14:20", "--json")) == {
        "session": session,
        "dry_run": False,
        "changed": 1,
        "rows": [
            {
                "row": 1,
                "organisation": "alba",
                "change": "state: invited → coming; arrives: nothing → 14:20",
                "is_new": False,
                "fault": "",
            }
        ],
        "late": [],
    }
    assert attendees(home, session) == {"alba": ("coming", "14:20"), "borea": ("invited", "")}


def test_a_sheet_is_looked_at_and_taken_and_its_faults_are_named(
    cli: Cli, home: Path, session: str, tmp_path: Path
) -> None:
    sheet = tmp_path / "attendees.csv"
    sheet.write_text("organisation,from\nalba,14:20\nciano,\nnobody,\n", "utf-8")
    ran = cli("session", "attend", session, "--sheet", sheet, "--dry-run")
    assert (ran.code, ran.out.strip()) == (0, f"{session}: 1 would change, 2 refused")
    assert "row 3: Ciano Borough Council is no member: only members attend." in ran.err
    assert attendees(home, session) == {}
    assert cli("session", "attend", session, "--sheet", sheet).out.strip() == f"{session}: 1 changed, 2 refused"
    assert attendees(home, session) == {"alba": ("coming", "14:20")}
    assert document(cli("session", "attend", session, "--sheet", sheet, "--json"))["changed"] == 0


def test_a_session_is_solved_and_listed_with_how_far_it_is(cli: Cli, session: str) -> None:
    cli("session", "attend", session, "alba", "borea")
    dry = document(cli("session", "solve", session, "--dry-run", "--json"))
    assert (dry["revision"], [one["need"]["id"] for one in dry["suggestions"]]) == (None, ["alba-n1"])
    ran = cli("session", "solve", session)
    assert (ran.code, f"{session}: 1 pairing, revision 1." in ran.err) == (0, True)
    assert "Alba Community Kitchen" in ran.out
    assert document(cli("session", "list", "--json")) == {
        "sessions": [
            {
                "session": session,
                "title": "Thursdays",
                "day": "2099-12-03",
                "starts": "14:00",
                "themes": ["isolation"],
                "state": "planned",
                "present": 2,
                "capacity": 25,
                "pairings": {"undecided": 1},
            }
        ]
    }
    heading, row = cli("session", "list").out.splitlines()
    assert heading.split() == ["session", "what", "day", "starts", "places", "taken", "pairings", "undecided"]
    assert row.split() == [session, "Thursdays", "2099-12-03", "14:00", "2", "of", "25", "1", "1"]


def test_who_fits_nobody_is_named(cli: Cli, session: str) -> None:
    cli("session", "attend", session, "borea")
    ran = cli("session", "solve", session)
    assert (ran.code, ran.out) == (0, "")
    assert "Nothing fits Borea Transport. Nothing in the room comes near to it." in ran.err


def test_sessions_that_are_over_are_listed_when_asked_for(cli: Cli) -> None:
    cli("session", "new", "Long ago", "--day", "2020-01-02", "--theme", "isolation")
    ran = cli("session", "list")
    assert (ran.out, "No session is planned" in ran.err) == ("", True)
    assert "Long ago" in cli("session", "list", "--all").out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["new", "T", "--day", "3/12/99", "--theme", "isolation"], "day: Write the day like 2026-12-03."),
        (["new", "T", "--day", "2099-12-03", "--theme", "joy"], "'joy' is no theme; known: mental-health"),
        (["new", "T", "--day", "2099-12-03", "--theme", "isolation", "--slots", "0"], "slots: Write a number from 1"),
        (["attend", "SESSION"], "name organisations, or a --sheet, and not both"),
        (["attend", "SESSION", "alba", "ciano"], "Ciano Borough Council is no member"),
        (["attend", "SESSION", "alba", "--arrives", "soon"], "'soon' is no time of day"),
    ],
)
def test_misuse_ends_with_2_stores_nothing_and_says_what_is_wanted(
    cli: Cli, home: Path, session: str, arguments: list[str], says: str
) -> None:
    ran = cli("session", *(session if one == "SESSION" else one for one in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert says in " ".join(ran.err.replace("│", " ").split())
    assert attendees(home, session) == {}


@pytest.mark.parametrize("arguments", [["attend", "5e551011", "alba"], ["solve", "5e551011"]])
def test_a_session_that_is_not_there_ends_with_1(cli: Cli, arguments: list[str]) -> None:
    ran = cli("session", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert "no session goes by '5e551011'; see: commonweal session list" in ran.err

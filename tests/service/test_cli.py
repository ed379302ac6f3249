"""Every command as people and programs run it: what it prints where, and how it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from sqlalchemy import text

from matcher.masking import HIDDEN
from matcher.proposing import Proposal
from matcher.records import Standing
from service.cli import app
from service.store import decisions, members, rounds
from service.store.database import Database

HEAVY = {"torch", "numpy", "sqlalchemy", "faiss", "fastapi", "jinja2", "alembic", "ortools"}


Ran = Any
Cli = Callable[..., Ran]


def process(*arguments: str, **environment: str) -> Ran:
    """The same in a process of its own."""
    ours = {name for name in os.environ if name.startswith("COMMONWEAL_")} - {"COMMONWEAL_RANKER"}
    surroundings = {name: value for name, value in os.environ.items() if name not in ours}
    ran = subprocess.run(
        [sys.executable, "-c", "from service.cli import main; main()", *arguments],
        env={**surroundings, "COMMONWEAL_ENCODER": "hash", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    return SimpleNamespace(code=ran.returncode, out=ran.stdout, err=ran.stderr)


def commands(group: Any, *before: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *before, name)
        else:
            yield (*before, name)


def command(*names: str) -> Any:
    found = typer.main.get_command(app)
    for name in names:
        found = found.commands[name]
    return found


EVERY = list(commands(typer.main.get_command(app)))


def test_these_are_all_the_commands() -> None:
    assert sorted(map(" ".join, EVERY)) == [
        *("agree", "backup", "demo", "digests send", "digests write", "doctor", "edit", "evaluate", "export", "fit"),
        *("import", "jobs", "mails bounced", "mails list", "mails retry", "mails revive", "mails send"),
        *("match", "migrate", "organisation cap", "organisation pause", "organisation resume", "pair block"),
        *("pair clear", "pair decline", "pair forbid", "pair list", "pair pin", "pair unblock", "restore"),
        *("review export", "review list", "review show", "round", "serve", "session attend", "session list"),
        *("session new", "session solve", "simulate", "status", "user access", "user add", "user link", "user list"),
        *("user remove", "user revoke", "user token"),
    ]


@pytest.mark.parametrize("names", EVERY, ids=" ".join)
def test_every_command_explains_itself_with_an_example_of_its_own(names: tuple[str, ...], cli: Cli) -> None:
    ran = cli(*names, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"Example: commonweal {' '.join(names)}" in ran.out
    assert all(getattr(parameter, "help", None) for parameter in command(*names).params if parameter.name != "help")


def test_help_is_quick_because_it_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['commonweal', *sys.argv[1:]]\n"
        "from service.cli import main\n"
        "try: main()\n"
        f"finally: print('LOADED', sorted(set(sys.modules) & {HEAVY!r}))"
    )
    for arguments in (["--help"], ["match", "--help"], ["digests", "--help"], ["pair", "pin", "--help"]):
        ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        assert "LOADED []" in ran.stdout


# One JSON document, and nothing else, on stdout


@pytest.mark.usefixtures("network")
def test_what_changes_something_tells_it_as_json_too(cli: Cli, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert document(cli("edit", "alba", "places", "Retfrod", "--json")) == {
        "id": "alba",
        "field": "places",
        "warnings": ["unknown place 'Retfrod'; did you mean Retford?"],
    }
    declined = document(cli("pair", "decline", "alba-n1", "borea-o1", "--why", "have one", "--json"))
    assert declined == {"need": "alba-n1", "offer": "borea-o1", "why": "have one"}
    blocked = document(cli("pair", "block", "alba", "borea", "--why", "rivals", "--json"))
    assert blocked == {"organisations": ["alba", "borea"], "why": "rivals"}
    assert document(cli("backup", copy, "--json")) == {"file": str(copy), "bytes": copy.stat().st_size}
    assert document(cli("restore", copy, "--yes", "--json"))["file"] == str(copy)
    assert document(cli("migrate", "--json"))["schema"] == "0004"


def document(ran: Ran, code: int = 0) -> Any:
    assert ran.code == code, ran
    return json.loads(ran.out)


@pytest.mark.usefixtures("network")
def test_match_as_json_names_both_sides_and_masks_what_they_wrote(cli: Cli, cast: dict[str, Any]) -> None:
    found = document(cli("match", cast["need"].text, "--place", "Leeds", "--json"))
    assert found["notes"] == []
    assert [(one["need"]["id"], one["offer"]["id"], one["offer"]["name"]) for one in found["suggestions"]][:1] == [
        ("draft", "borea-o1", "Borea Transport")
    ]
    assert set(found["suggestions"][0]) == {
        *("need", "offer", "fit", "strength", "reasons", "mismatches", "cautions"),
    }


@pytest.mark.usefixtures("network")
def test_round_release_digests_export_and_status_as_json(cli: Cli, home: Path, tmp_path: Path) -> None:
    week = ("--week", "2026-W48")
    dry = document(cli("round", *week, "--dry-run", "--json"))
    assert (dry["revision"], dry["released"]) == (0, False)
    proposed = document(cli("round", *week, "--json"))
    assert proposed == {**dry, "revision": 1}
    assert [(one["need"]["id"], one["offer"]["id"]) for one in proposed["suggestions"]] == [("alba-n1", "borea-o1")]
    assert document(cli("round", *week, "--release", "--json")) == {**proposed, "released": True}
    written = document(cli("digests", "write", *week, "--to", tmp_path / "out", "--json"))
    assert written == {
        "week": "2026-W48",
        "folder": str(tmp_path / "out"),
        "digests": ["alba.eml", "borea.eml"],
    }
    exported = document(cli("export", tmp_path / "sheets", "--json"))
    assert [Path(path).name for path in exported["files"]] == ["organisations.csv", "listings.csv"]
    status = document(cli("status", "--json"))
    assert status == {
        "home": str(home),
        "database": f"sqlite:///{home / 'commonweal.db'}",
        "organisations": {"listed": 1, "member": 2},
        "listings": {"needs": 1, "offers": 1, "open today": 2},
        "vectors": 3,
        "rounds": {"2026-W48": "released"},
    }


@pytest.mark.usefixtures("home")
def test_doctor_as_json_names_what_is_wrong_and_fails(cli: Cli) -> None:
    found = document(cli("doctor", "--json"), code=1)
    assert [one["name"] for one in found if not one["ok"]] == ["weights"]
    assert [one["name"] for one in found] == [
        *("home", "database", "weights", "vectors", "vocabulary", "places", "ranker"),
        *("address", "secret", "post", "mails"),
    ]


SHEETS = {
    "organisations.csv": "id,name,standing,contact_email\nalba,Alba,member,ann@alba.example\nborea,Borea,member,\n",
    "listings.csv": "id,organisation,kind,text\nn1,alba,need,A hall on Sundays\no1,borea,offer,A hall on Sundays\n",
}


@pytest.fixture
def sheets(tmp_path: Path) -> list[Path]:
    for name, content in SHEETS.items():
        (tmp_path / name).write_text(content)
    return [tmp_path / name for name in SHEETS]


@pytest.mark.usefixtures("home")
def test_import_as_json_and_the_second_time_nothing_new(cli: Cli, sheets: list[Path]) -> None:
    first = document(cli("import", *sheets, "--json"))
    assert (first["written"], first["revision"], len(first["new"])) == (True, 1, 4)
    again = document(cli("import", *sheets, "--json"))
    assert (again["written"], again["revision"], again["new"], again["changed"]) == (False, None, [], [])
    assert again["organisations"] == {"new": 0, "changed": 0, "unchanged": 2, "refused": 0}
    assert "ann@alba.example" not in json.dumps(first)


@pytest.mark.usefixtures("home")
def test_a_dry_import_writes_no_record(cli: Cli, sheets: list[Path]) -> None:
    assert cli("import", *sheets, "--dry-run").code == 0
    assert "no database yet" in cli("status").err


@pytest.mark.usefixtures("home")
def test_a_strict_import_with_a_refused_row_writes_nothing_and_fails(cli: Cli, sheets: list[Path]) -> None:
    sheets[1].write_text(SHEETS["listings.csv"] + "n2,nobody,need,A room\n")
    ran = cli("import", *sheets, "--strict")
    assert ran.code == 1
    assert "error: nothing was written, because --strict is on and rows were refused" in ran.err
    assert "line 4, column organisation: 'nobody' is refused" in ran.out
    assert "no database yet" in cli("status").err
    assert cli("import", *sheets).code == 0
    assert document(cli("status", "--json"))["organisations"] == {"member": 2}


@pytest.mark.usefixtures("home")
def test_an_export_without_contacts_holds_none_and_with_them_says_so(
    cli: Cli, sheets: list[Path], tmp_path: Path
) -> None:
    cli("import", *sheets)
    assert cli("export", tmp_path / "plain").err == ""
    assert "ann@alba.example" not in (tmp_path / "plain" / "organisations.csv").read_text()
    ran = cli("export", tmp_path / "with", "--contacts")
    assert "keep it where only coordinators can read it" in ran.err
    assert "ann@alba.example" in (tmp_path / "with" / "organisations.csv").read_text()


# What people read


@pytest.mark.usefixtures("network")
def test_match_tells_who_with_why_and_never_the_number(cli: Cli, cast: dict[str, Any]) -> None:
    ran = cli("match", cast["need"].text, "--place", "Leeds")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert " ".join(lines[0].split()) == "1 strong Borea Transport (offer, member)"
    assert any(line.startswith("      + “") for line in lines)
    assert "0." not in ran.out
    asked_back = cli("match", cast["offer"].text, "--as", "offer", "--from", "borea").out
    assert "Alba Community Kitchen (need, member)" in asked_back


@pytest.mark.usefixtures("network")
def test_match_with_an_unknown_place_goes_on_without_it_and_says_so(cli: Cli, cast: dict[str, Any]) -> None:
    ran = cli("match", cast["need"].text, "--place", "Leedz")
    assert ran.code == 0
    assert "No place called 'Leedz' is known" in ran.err
    assert "Did you mean Leeds?" in ran.err
    assert "Borea Transport" in ran.out


@pytest.mark.usefixtures("network")
def test_match_that_finds_nothing_says_what_would_help(cli: Cli) -> None:
    ran = cli("match", "zzz qqq")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("Nothing fits well enough.")


@pytest.mark.usefixtures("network")
def test_a_round_shows_its_table_on_stdout_and_its_state_beside_it(cli: Cli) -> None:
    ran = cli("round", "--week", "2026-W48")
    assert "2026-W48: 1 suggestion, 0 members with none (revision 1, not released)" in ran.err
    assert ran.out.splitlines()[0].split() == ["who", "needs", "suggested", "fit", "because"]
    assert "Alba Community Kitchen" in ran.out
    assert "Borea Transport" in ran.out
    assert "revision 1, released" in cli("round", "--week", "2026-W48", "--release").err


@pytest.mark.usefixtures("network")
def test_what_was_decided_about_a_pair_keeps_it_out(cli: Cli, network: Database) -> None:
    ran = cli("pair", "decline", "alba-n1", "borea-o1", "--why", "have one")
    assert (ran.code, ran.out) == (0, "alba-n1 and borea-o1 are not suggested again unless a text changes\n")
    assert document(cli("round", "--week", "2026-W48", "--json"))["suggestions"] == []
    ran = cli("pair", "block", "borea", "alba", "--why", "rivals")
    assert (ran.code, ran.out) == (0, "borea and alba are not introduced any more\n")
    with network.read() as connection:
        history = rounds.history(connection, rounds.monday("2026-W48"))
    assert history.blocked == {frozenset({"alba", "borea"})}
    assert [decline.why for decline in history.declined.values()] == ["have one"]


@pytest.mark.usefixtures("network")
def test_an_edit_is_stored_and_no_import_takes_it_back(cli: Cli, sheets: list[Path]) -> None:
    assert cli("edit", "alba", "places", "Retford; Worksop").out == "alba: places changed\n"
    sheets[0].write_text("id,name,places\nalba,Alba Community Kitchen,York\n")
    assert "alba: places 'Retford; Worksop' -> 'York': kept, edited in Commonweal" in cli("import", sheets[0]).out
    assert "places 'Retford; Worksop' -> 'York'" in cli("import", sheets[0], "--overwrite").out


@pytest.mark.usefixtures("network")
def test_an_edit_to_an_unknown_place_is_made_and_its_warning_stands_beside_it(cli: Cli) -> None:
    ran = cli("edit", "alba", "places", "Narnia")
    assert (ran.code, ran.out) == (0, "alba: places changed\n")
    assert ran.err.startswith("unknown place 'Narnia'")


@pytest.mark.usefixtures("network")
def test_backup_and_restore_bring_back_what_was(cli: Cli, tmp_path: Path) -> None:
    assert cli("backup", tmp_path / "copy.db").code == 0
    cli("edit", "alba", "name", "Lost")
    assert cli("restore", tmp_path / "copy.db", "--yes").code == 0
    assert "Alba Community Kitchen" in cli("round", "--week", "2026-W48").out


@pytest.mark.usefixtures("network")
def test_a_restore_asks_first_and_no_answer_is_no(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("backup", tmp_path / "copy.db")
    cli("edit", "alba", "name", "Kept")
    with (tmp_path / "answer").open("w+") as answer:
        answer.write("n\n")
        answer.seek(0)
        monkeypatch.setattr(sys, "stdin", answer)
        ran = cli("restore", tmp_path / "copy.db")
    assert (ran.code, ran.out.strip()) == (1, "")
    assert "error: nothing was changed" in ran.err
    assert "Kept" in cli("round", "--week", "2026-W48").out


def test_migrate_makes_the_tables(cli: Cli, home: Path) -> None:
    assert cli("migrate").out == f"sqlite:///{home / 'commonweal.db'}: schema 0004\n"
    assert cli("status").code == 0


# What people decide

PAIR = ("alba-n1", "borea-o1")
WEEK = ("--week", "2026-W48")


def store_round(network: Database, *, release: bool) -> None:
    """An empty one."""
    with network.write() as connection:
        rounds.propose(connection, "2026-W48", Proposal(), versions={}, at=datetime.now(UTC))
        if release:
            rounds.release(connection, "2026-W48", datetime.now(UTC))


def decided(cli: Cli) -> list[dict[str, Any]]:
    """What `pair list` tells, each without when."""
    return [{**one, "at": None} for one in document(cli("pair", "list", "--json"))["decisions"]]


def decision(what: str, *who: str, why: str, week: str | None = None, until: str | None = None) -> dict[str, Any]:
    return {"what": what, "who": list(who), "why": why, "occasion": week, "until": until, "at": None}


def test_a_pin_is_stored_for_its_week_and_told(cli: Cli, network: Database) -> None:
    ran = cli("pair", "pin", *PAIR, "--why", "they asked", *WEEK)
    assert ran == (0, "alba-n1 and borea-o1 are pinned for 2026-W48\n", "")
    told = document(cli("pair", "pin", *PAIR, "--why", "they insist", *WEEK, "--json"))
    assert told == {
        **{"need": "alba-n1", "offer": "borea-o1", "week": "2026-W48", "why": "they insist"},
        **{"replaced": [], "against": []},
    }
    assert decided(cli) == [decision("pin", *PAIR, why="they insist", week="2026-W48")]
    with network.read() as connection:
        assert decisions.pinned(connection, "2026-W48") == (PAIR,)


@pytest.mark.usefixtures("network")
def test_a_pin_is_of_this_week_where_none_is_named(cli: Cli) -> None:
    cli("pair", "pin", *PAIR, "--why", "they asked")
    this_week = rounds.week_of(datetime.now(UTC).date())
    assert decided(cli) == [decision("pin", *PAIR, why="they asked", week=this_week)]
    assert cli("pair", "clear", *PAIR).out == "alba-n1 and borea-o1: taken back the pin\n"


def test_a_pin_against_a_rule_is_stored_and_the_rule_told(cli: Cli, network: Database) -> None:
    cli("pair", "block", "alba", "borea", "--why", "rivals")
    cli("organisation", "pause", "borea", "--why", "audit")
    cli("pair", "decline", *PAIR, "--why", "have one")
    against = [
        "These two organisations are not to be introduced.",
        "One of the two organisations wants no suggestions for now.",
        "One side said no to this, and neither text has changed since.",
    ]
    ran = cli("pair", "pin", *PAIR, "--why", "they asked", *WEEK)
    assert (ran.code, ran.out) == (0, "alba-n1 and borea-o1 are pinned for 2026-W48\n")
    assert ran.err.splitlines() == [f"Against it stands now: {says}" for says in against]
    assert document(cli("pair", "pin", *PAIR, "--why", "x", *WEEK, "--json"))["against"] == against
    with network.read() as connection:
        assert decisions.pinned(connection, "2026-W48") == (PAIR,)


@pytest.mark.parametrize("who", ["alba", "borea"])
def test_a_rule_that_holds_from_one_side_only_is_told_too(cli: Cli, network: Database, who: str) -> None:
    with network.write() as connection:
        members.edit(connection, who, {"standing": Standing.INVITED})
    ran = cli("pair", "pin", *PAIR, "--why", "they asked", *WEEK)
    assert ran.err == "Against it stands now: It is not from a member, or is for coordinators' eyes.\n"


def test_a_profile_may_be_pinned(cli: Cli, network: Database) -> None:
    with network.write() as connection:
        members.edit(connection, "ciano", {"standing": Standing.MEMBER, "places": ("Leeds",)})
    assert cli("pair", "pin", "alba-n1", "profile:ciano", "--why", "ask", *WEEK) == (
        *(0, "alba-n1 and profile:ciano are pinned for 2026-W48\n", ""),
    )


def test_a_pin_in_a_week_that_is_proposed_says_what_to_run_and_in_a_released_one_is_refused(
    cli: Cli, network: Database
) -> None:
    store_round(network, release=False)
    ran = cli("pair", "pin", *PAIR, "--why", "they asked", *WEEK)
    assert (ran.code, ran.err) == (
        *(0, "2026-W48 is proposed already; to take the pin in, run: commonweal round --week 2026-W48\n"),
    )
    cli("pair", "clear", *PAIR, *WEEK)
    store_round(network, release=True)
    ran = cli("pair", "pin", *PAIR, "--why", "they asked", *WEEK)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: the round of 2026-W48 was released on ")
    assert ran.err.endswith("Pin the pair for another week with --week\n")
    assert decided(cli) == []


@pytest.mark.usefixtures("network")
def test_of_a_pin_and_a_forbid_the_later_stands_and_says_that_it_replaced_the_other(cli: Cli) -> None:
    cli("pair", "pin", *PAIR, "--why", "they asked", *WEEK)
    cli("pair", "pin", *PAIR, "--why", "they asked", "--week", "2026-W49")
    says = "alba-n1 and borea-o1 are not suggested until that is taken back"
    ran = cli("pair", "forbid", *PAIR, "--why", "sold")
    assert ran == (0, f"{says}; this replaces their pin for 2026-W48 and 2026-W49\n", "")
    assert decided(cli) == [decision("forbid", *PAIR, why="sold")]
    ran = cli("pair", "pin", *PAIR, "--why", "bought another", *WEEK)
    assert ran == (0, "alba-n1 and borea-o1 are pinned for 2026-W48; this replaces their forbid\n", "")
    assert decided(cli) == [decision("pin", *PAIR, why="bought another", week="2026-W48")]
    assert document(cli("pair", "forbid", *PAIR, "--why", "sold", "--json")) == {
        **{"need": "alba-n1", "offer": "borea-o1", "why": "sold", "replaced": ["pin 2026-W48"]},
    }
    assert document(cli("pair", "pin", *PAIR, "--why", "x", *WEEK, "--json"))["replaced"] == ["forbid"]
    cli("pair", "forbid", *PAIR, "--why", "sold")
    assert cli("pair", "forbid", *PAIR, "--why", "sold").out == f"{says}\n"


@pytest.mark.usefixtures("network")
def test_a_forbidden_pair_is_no_answer_until_that_is_taken_back(cli: Cli, cast: dict[str, Any]) -> None:
    def answers() -> list[str]:
        found = document(cli("match", cast["need"].text, "--from", "alba", "--json"))
        return [one["offer"]["id"] for one in found["suggestions"]]

    assert answers() == ["borea-o1"]
    cli("pair", "forbid", *PAIR, "--why", "sold")
    assert answers() == []
    cli("pair", "clear", *PAIR)
    assert answers() == ["borea-o1"]


@pytest.mark.usefixtures("network")
def test_clearing_a_pair_says_what_it_took_back_and_fails_where_there_is_nothing(cli: Cli) -> None:
    nothing = "error: nothing to take back: alba-n1 and borea-o1 have no pin for 2026-W48, no forbid and no decline\n"
    assert cli("pair", "clear", *PAIR, *WEEK) == (1, "", nothing)
    cli("pair", "decline", *PAIR, "--why", "have one")
    cli("pair", "pin", *PAIR, "--why", "they asked", *WEEK)
    assert cli("pair", "clear", *PAIR, "--week", "2026-W49").out == "alba-n1 and borea-o1: taken back the decline\n"
    cli("pair", "decline", *PAIR, "--why", "have one")
    assert document(cli("pair", "clear", *PAIR, *WEEK, "--json")) == {
        **{"need": "alba-n1", "offer": "borea-o1", "week": "2026-W48", "taken_back": ["pin", "decline"]},
    }
    assert cli("pair", "clear", *PAIR, *WEEK, "--json") == (1, "", nothing)
    assert decided(cli) == []


def test_a_pin_of_a_released_week_is_not_taken_back(cli: Cli, network: Database) -> None:
    cli("pair", "pin", *PAIR, "--why", "they asked", *WEEK)
    store_round(network, release=True)
    nothing = "no pin that can be taken back (2026-W48 is released), no forbid and no decline"
    assert cli("pair", "clear", *PAIR, *WEEK) == (
        *(1, "", f"error: nothing to take back: alba-n1 and borea-o1 have {nothing}\n"),
    )
    assert decided(cli) == [decision("pin", *PAIR, why="they asked", week="2026-W48")]


def test_what_was_decided_about_a_profile_can_be_taken_back_once_there_is_none(
    cli: Cli, network: Database, cast: dict[str, Any]
) -> None:
    cli("pair", "forbid", "alba-n1", "profile:ciano", "--why", "no")
    with network.write() as connection:
        members.save(connection, listings={"ciano-o1": replace(cast["offer"], id="ciano-o1", organisation="ciano")})
    assert cli("pair", "clear", "alba-n1", "profile:ciano").code == 0
    assert decided(cli) == []


@pytest.mark.usefixtures("network")
def test_a_block_is_taken_back_from_either_side_once(cli: Cli) -> None:
    cli("pair", "block", "alba", "borea", "--why", "rivals")
    assert decided(cli) == [decision("block", "alba", "borea", why="rivals")]
    assert cli("pair", "unblock", "borea", "alba").out == "borea and alba may be introduced again\n"
    assert cli("pair", "unblock", "borea", "alba") == (
        *(1, "", "error: nothing to take back: borea and alba are not blocked\n"),
    )
    cli("pair", "block", "alba", "borea", "--why", "rivals")
    assert document(cli("pair", "unblock", "alba", "borea", "--json")) == {"organisations": ["alba", "borea"]}


def test_a_pause_lasts_until_its_day_or_until_it_is_taken_back(cli: Cli, network: Database) -> None:
    ran = cli("organisation", "pause", "alba", "--until", "2999-12-24", "--why", "moving house")
    assert ran == (0, "alba is paused until 2999-12-24\n", "")
    assert decided(cli) == [decision("pause", "alba", why="moving house", until="2999-12-24")]
    assert document(cli("organisation", "pause", "alba", "--why", "no news", "--json")) == {
        **{"organisation": "alba", "until": None, "why": "no news"},
    }
    assert cli("organisation", "pause", "alba", "--why", "no news").out == "alba is paused until it is resumed\n"
    with network.read() as connection:
        assert rounds.history(connection, rounds.monday("2999-W52")).paused == {"alba"}
    assert cli("organisation", "resume", "alba").out == "alba takes part again\n"
    assert cli("organisation", "resume", "alba") == (1, "", "error: nothing to take back: alba is not paused\n")
    cli("organisation", "pause", "alba", "--why", "no news")
    assert document(cli("organisation", "resume", "alba", "--json")) == {"organisation": "alba"}


@pytest.mark.usefixtures("network")
def test_a_pause_may_end_today(cli: Cli) -> None:
    today = datetime.now(UTC).date()
    assert cli("organisation", "pause", "alba", "--until", str(today), "--why", "ill").code == 0
    ran = cli("organisation", "pause", "alba", "--until", str(today - timedelta(days=1)), "--why", "ill")
    assert (ran.code, ran.out) == (2, "")


def test_a_cap_is_the_organisations_own_and_no_import_takes_it_back(
    cli: Cli, network: Database, sheets: list[Path]
) -> None:
    def cap() -> int | None:
        with network.read() as connection:
            return members.organisations(connection)["borea"].record.attention_cap

    sheets[0].write_text("id,name,attention_cap\nborea,Borea Transport,5\n")
    assert cli("organisation", "cap", "borea", "1").out == "borea gets at most 1 suggestion a week about its offers\n"
    cli("import", sheets[0])
    assert cap() == 1
    told = document(cli("organisation", "cap", "borea", "0", "--json"))
    assert (told, cap()) == ({"organisation": "borea", "attention_cap": 0}, 0)
    ran = cli("organisation", "cap", "borea", "default")
    assert ran.out == "borea gets as many suggestions as its size says a week about its offers\n"
    cli("import", sheets[0])
    assert cap() is None
    assert document(cli("organisation", "cap", "borea", "default", "--json"))["attention_cap"] is None


@pytest.mark.usefixtures("network")
def test_every_decision_is_listed_for_people_with_what_they_wrote_masked(cli: Cli) -> None:
    assert cli("pair", "list") == (0, "", "Nothing is decided. Start with: commonweal pair pin --help\n")
    cli("pair", "decline", *PAIR, "--why", "ring Ann on 0113 496 0000")
    cli("pair", "block", "alba", "ciano", "--why", "rivals")
    cli("organisation", "pause", "ciano", "--until", "2999-12-24", "--why", "[bold]moving")
    cli("pair", "pin", *PAIR, "--why", "they asked", *WEEK)
    ran = cli("pair", "list")
    today = str(datetime.now(UTC).date())
    assert [line.split() for line in ran.out.splitlines()] == [
        ["what", "who", "why", "when"],
        ["pin", "for", "2026-W48", "alba-n1", "and", "borea-o1", "they", "asked", today],
        ["pause", "until", "2999-12-24", "ciano", "[bold]moving", today],
        ["block", "alba", "and", "ciano", "rivals"],
        ["decline", "alba-n1", "and", "borea-o1", "ring", "Ann", "on", *HIDDEN.split()],
    ]
    assert "0113" not in cli("pair", "list", "--json").out
    at = [one["at"] for one in document(cli("pair", "list", "--json"))["decisions"]]
    assert [when and when[:10] for when in at] == [today, today, None, None]


# How it fails


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["digests", "write", "--week", "2026-W48"], "week 2026-W48 has no round: nothing is mailed. Run: commonweal"),
        (["edit", "nobody", "name", "x"], "no organisation or listing 'nobody'"),
        (["restore", "missing.db", "--yes"], "missing.db: no such file"),
        (["import", "missing.csv"], "missing.csv"),
        (["backup", "missing/copy.db"], "missing/copy.db"),
    ],
)
def test_what_cannot_be_done_fails_with_1_and_says_why_on_stderr(cli: Cli, arguments: list[str], says: str) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: ")
    assert says in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("network")
def test_a_released_week_is_not_run_again(cli: Cli) -> None:
    cli("round", "--week", "2026-W48", "--release")
    ran = cli("round", "--week", "2026-W48")
    assert (ran.code, ran.out) == (1, "")
    assert "error: the round of 2026-W48 was released on " in ran.err


@pytest.mark.parametrize(
    "arguments", [["status"], ["match", "A hall"], ["round"], ["export", "out"], ["backup", "x.db"]]
)
def test_without_a_database_the_remedy_is_named(cli: Cli, home: Path, arguments: list[str]) -> None:
    home.mkdir()
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert "no database yet. Run: commonweal import FILE, or commonweal demo" in ran.err
    assert list(home.iterdir()) == []


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nosuch"], "nosuch"),
        (["round", "--nosuch"], "--nosuch"),
        (["import"], "Missing argument"),
        (["round", "--week", "2026-W9"], "is no ISO week; write it like 2026-W48"),
        (["round", "--week", "2026-W54"], "is no ISO week; write it like 2026-W48"),
        (["digests", "write", "--week", "next"], "is no ISO week; write it like 2026-W48"),
        (["round", "--dry-run", "--release"], "--dry-run stores nothing"),
        (["match", "A hall", "--as", "profile"], "--as is 'profile'; write need or offer"),
        (["match", " \n"], "the text is empty"),
        (["match", "A hall", "--from", "albaa"], "no organisation 'albaa'; did you mean alba?"),
        (["match", "A hall", "-k", "0"], "-k"),
        (["pair", "decline", "alba-n1", "nosuch", "--why", "x"], "no listing 'nosuch'"),
        (["pair", "decline", "alba-n1", "borea-o1"], "--why"),
        (["pair", "block", "alba", "nosuch", "--why", "x"], "no organisation 'nosuch'"),
        (["pair", "block", "alba", "alba", "--why", "x"], "'alba' is named twice; name two organisations"),
        (["pair", "pin", "alba-n1", "borea-o1", "--why", ""], "'' says nothing; say why in a few words"),
        (["pair", "forbid", "alba-n1", "borea-o1", "--why", " "], "' ' says nothing; say why"),
        (["pair", "decline", "alba-n1", "borea-o1", "--why", ""], "'' says nothing; say why"),
        (["pair", "block", "alba", "borea", "--why", ""], "'' says nothing; say why"),
        (["organisation", "pause", "alba", "--why", ""], "'' says nothing; say why"),
        (["pair", "unblock", "albaa", "borea"], "no organisation 'albaa'; did you mean alba?"),
        (["pair", "pin", "alba-n2", "borea-o1", "--why", "x"], "no listing 'alba-n2'; did you mean alba-n1?"),
        (["pair", "pin", "alba-n1", "profile:borea", "--why", "x"], "no listing 'profile:borea'"),
        (["pair", "pin", "borea-o1", "alba-n1", "--why", "x"], "'borea-o1' is no need but an offer or a profile"),
        (["pair", "pin", "profile:ciano", "borea-o1", "--why", "x"], "'profile:ciano' is no need but an offer"),
        (["pair", "pin", "alba-n1", "alba-n1", "--why", "x"], "'alba-n1' is a need; write the need first, then an"),
        (["pair", "pin", "alba-n1", "borea-o1", "--why", "x", "--week", "W48"], "is no ISO week; write it like"),
        (["pair", "pin", "alba-n1", "borea-o1"], "--why"),
        (["pair", "forbid", "borea-o1", "alba-n1", "--why", "x"], "'borea-o1' is no need but an offer or a profile"),
        (["pair", "decline", "borea-o1", "alba-n1", "--why", "x"], "'borea-o1' is no need but an offer or a profile"),
        (["pair", "clear", "alba-n1", "nosuch"], "no listing 'nosuch'"),
        (["organisation", "pause", "alpa", "--why", "x"], "no organisation 'alpa'; did you mean alba?"),
        (["organisation", "pause", "alba"], "--why"),
        (["organisation", "pause", "alba", "--until", "2020-12-24", "--why", "x"], "--until is 2020-12-24, which is"),
        (["organisation", "pause", "alba", "--until", "Christmas", "--why", "x"], "'Christmas' does not match"),
        (["organisation", "resume", "nosuch"], "no organisation 'nosuch'; commonweal export shows every id"),
        (["organisation", "cap", "nosuch", "3"], "no organisation 'nosuch'"),
        (["organisation", "cap", "alba", "many"], "'many' is no cap; write a whole number from 0 on, or default"),
        (["organisation", "cap", "alba", "3.5"], "'3.5' is no cap"),
        (["edit", "alba", "colour", "red"], "'colour' cannot be edited; of alba one can edit name"),
        (["edit", "alba", "id", "beta"], "'id' cannot be edited"),
        (["edit", "alba", "contact_email", "a@b.example"], "'contact_email' cannot be edited"),
        (["edit", "alba", "standing", "friend"], "'friend' is refused; wanted: listed or invited or member"),
        (["serve", "--port", "70000"], "--port"),
    ],
)
def test_misuse_ends_with_2_and_says_what_is_wanted(cli: Cli, arguments: list[str], says: str) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in " ".join(ran.err.replace("│", " ").split())


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("name", "value"), [("COMMONWEAL_PORT", "many"), ("COMMONWEAL_NEEDS_CAP", "99"), ("COMMONWEAL_NEEDS_CAP", "-1")]
)
def test_a_setting_that_cannot_be_ends_with_2_and_names_its_variable_and_value(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    ran = cli("status")
    assert (ran.code, ran.out) == (2, "")
    assert f"setting {name}: " in ran.err
    assert f"found '{value}'" in ran.err


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("content", ["port = ", "port = 'many'", "prot = 8000", None])
def test_a_config_file_that_cannot_be_read_ends_with_2(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    config = tmp_path / "commonweal.toml"
    if content is not None:
        config.write_text(content)
    monkeypatch.setenv("COMMONWEAL_CONFIG", str(config))
    ran = cli("status")
    assert (ran.code, ran.out) == (2, "")
    assert "Traceback" not in ran.err
    assert str(config) in ran.err or "COMMONWEAL_PORT" in ran.err or "COMMONWEAL_PROT" in ran.err


@pytest.mark.usefixtures("home")
def test_a_broken_vocabulary_or_encoder_fails_with_its_name(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cli("migrate")
    monkeypatch.setenv("COMMONWEAL_VOCABULARY", str(tmp_path / "words"))
    ran = cli("match", "A hall")
    assert ran.code == 1
    assert str(tmp_path / "words") in ran.err
    monkeypatch.delenv("COMMONWEAL_VOCABULARY")
    monkeypatch.setenv("COMMONWEAL_ENCODER", "mpnet")
    ran = cli("match", "A hall")
    assert ran.code == 1
    assert "encoder 'mpnet' is not in encoders.toml; known: " in ran.err


@pytest.mark.usefixtures("home")
def test_no_message_of_a_database_holds_its_password(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMONWEAL_DATABASE", "postgresql://ann:hunter2@127.0.0.1:1/commonweal")
    for arguments in (["status"], ["doctor"], ["migrate"], ["backup", "x.db"]):
        ran = cli(*arguments)
        assert ran.code == 1
        assert "hunter2" not in ran.out + ran.err


# In processes of their own


def test_the_same_commands_work_on_postgresql(postgresql: Database, tmp_path: Path, sheets: list[Path]) -> None:
    url = postgresql.url.render_as_string(hide_password=False)
    surroundings = {"COMMONWEAL_DATABASE": url, "COMMONWEAL_HOME": str(tmp_path / "home")}
    assert document(process("import", *map(str, sheets), "--json", **surroundings))["written"] is True
    week = ("--week", "2026-W48", "--json")
    assert len(document(process("round", "--release", *week, **surroundings))["suggestions"]) == 1
    status = document(process("status", "--json", **surroundings))
    assert (status["rounds"], "secret" in status["database"]) == ({"2026-W48": "released"}, False)
    assert not (tmp_path / "home" / "commonweal.db").exists()


def test_stdout_holds_the_document_and_stderr_the_rest(tmp_path: Path, sheets: list[Path]) -> None:
    home = {"COMMONWEAL_HOME": str(tmp_path / "home")}
    ran = process("import", *map(str, sheets), "--json", **home)
    assert (ran.code, json.loads(ran.out)["written"]) == (0, True)
    assert "organisations: 2 new" in ran.err
    ran = process("status", **home)
    assert (ran.code, ran.err) == (0, "")
    ran = process("digests", "write", "--week", "2026-W48", **home)
    assert (ran.code, ran.out) == (1, "")
    ran = process("round", "--week", "x", **home)
    assert (ran.code, ran.out) == (2, "")


def test_the_demo_goes_from_spreadsheets_to_mails_and_may_be_run_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ran = process("demo", "--no-serve", COMMONWEAL_HOME=str(home))
    assert ran.code == 0, ran.err
    (folder,) = (home / "mails").iterdir()
    mails = {path.name: path.read_bytes() for path in folder.glob("*.eml")}
    assert len(mails) > 20
    assert f"{len(mails)} digests as .eml and .html in {folder}" in " ".join(ran.err.split())
    assert {path.stem for path in folder.glob("*.html")} == {Path(name).stem for name in mails}
    assert all(message_from_bytes(content)["To"] for content in mails.values())
    database = Database(f"sqlite:///{home / 'commonweal.db'}")
    with database.read() as connection:
        assert rounds.weeks(connection) == {folder.name: True}
    again = process("demo", "--no-serve", COMMONWEAL_HOME=str(home))
    assert again.code == 0, again.err
    assert "0 new, 0 changed" in again.err
    assert again.out == ran.out
    assert {path.name: path.read_bytes() for path in folder.glob("*.eml")} == mails
    with database.read() as connection:
        assert connection.execute(text("select revision from rounds")).scalars().all() == [1]
    database.dispose()


@pytest.mark.usefixtures("home")
def test_the_demo_keeps_out_of_somebodys_own_network(cli: Cli, sheets: list[Path]) -> None:
    """Also where it came from files called as the example's are."""
    cli("import", *sheets)
    ran = cli("demo", "--no-serve")
    assert (ran.code, ran.out) == (1, "")
    assert "holds organisations that are not the example's, such as 'alba'." in ran.err
    assert "Set COMMONWEAL_HOME to another folder" in ran.err
    assert document(cli("status", "--json"))["organisations"] == {"member": 2}

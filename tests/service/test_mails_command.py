"""`commonweal mails …` and `digests send` as people and programs run them."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from service import schedule
from service.store import mails, members, people
from service.store.database import Database
from service.store.mails import Kind, State
from service.wiring import Commonweal

Cli = Callable[..., Any]


@pytest.fixture(autouse=True)
def network(tmp_path: Path, cast: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("COMMONWEAL_HOME", str(tmp_path))
    monkeypatch.setenv("COMMONWEAL_ENCODER", "hash")
    database = Database(f"sqlite:///{tmp_path / 'commonweal.db'}")
    database.migrate()
    with database.write() as connection:
        members.save(
            connection,
            organisations={one.id: one for one in (cast["alba"], cast["borea"])},
            listings={one.id: one for one in (cast["need"], cast["offer"])},
            contacts=cast["contacts"][:2],
        )
    yield database
    database.dispose()


def promise(network: Database, *keys: str, kind: Kind = Kind.ADDED) -> None:
    with network.write() as connection:
        ann = people.by_email(connection, "ann@alba.example")
        assert ann is not None
        for key in keys:
            mails.promise(connection, kind, key, to=ann, about={"organisation": "alba"}, due=datetime.now(UTC))


def states(network: Database) -> list[str]:
    with network.read() as connection:
        return sorted(f"{one.key.split(':')[1]} {one.state}" for one in mails.every(connection, tuple(State)))


def sent(tmp_path: Path) -> int:
    return len(list((tmp_path / "mails" / "sent").glob("*.eml")))


def test_mails_are_sent_once_and_a_dry_run_sends_none(cli: Cli, network: Database, tmp_path: Path) -> None:
    promise(network, "one", "two")
    assert cli("mails", "send", "--dry-run").out == "2 mails would be sent\n"
    assert (states(network), sent(tmp_path)) == (["one waiting", "two waiting"], 0)
    assert cli("mails", "send", "--limit", "1").out == "1 mail sent\n"
    ran = cli("mails", "send", "--json")
    assert json.loads(ran.out) == {
        "dry_run": False, "sent": 1, "dropped": 0, "postponed": 0, "failed": 0, "unsure": 0, "stopped": "",
    }  # fmt: skip
    assert cli("mails", "send").out == "0 mails sent\n"
    assert (states(network), sent(tmp_path)) == (["one sent", "two sent"], 2)


def test_a_post_that_is_closed_fails_the_command_and_loses_nothing(
    cli: Cli, network: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    promise(network, "one")
    monkeypatch.setenv("COMMONWEAL_SMTP_HOST", "mail.invalid")
    monkeypatch.setenv("COMMONWEAL_SMTP_SECURITY", "none")
    monkeypatch.setenv("COMMONWEAL_SMTP_USER", "network")
    ran = cli("mails", "send")
    assert (ran.code, ran.out) == (1, "0 mails sent\n")
    assert "error: the others wait: COMMONWEAL_SMTP_SECURITY is none" in ran.err
    assert states(network) == ["one waiting"]


def test_what_waits_or_went_wrong_is_listed_with_what_was_said(cli: Cli, network: Database) -> None:
    assert cli("mails", "list").err == "No mail was promised yet.\n"
    promise(network, "one", "two", "three", "four")
    long_ago = datetime.now(UTC) + timedelta(minutes=1)
    with network.write() as connection:
        for key, state in ((None, State.FAILED), (None, State.SENT), ("stuck", None)):
            claimed = mails.claim(connection, long_ago - timedelta(hours=key is not None))
            claimed = claimed or mails.claim(connection, long_ago)
            assert claimed is not None
            if state is not None:
                mails.finish(connection, claimed.key, state, long_ago, "550 who?")
    ran = cli("mails", "list")
    assert ran.err == "1 waiting, 1 sending, 1 sent, 1 failed\n"
    assert ran.out.count("added:") == 3
    assert "    failed, due " in ran.out
    assert "    550 who?\n" in ran.out
    listed = json.loads(cli("mails", "list", "--state", "failed", "--json").out)
    assert listed["counts"] == {"waiting": 1, "sending": 1, "sent": 1, "failed": 1}
    assert [(one["state"], one["says"], one["unsure"]) for one in listed["mails"]] == [("failed", "550 who?", False)]
    assert cli("mails", "list", "--state", "lost").code == 2


def test_a_mail_goes_again_when_a_person_says_so(cli: Cli, network: Database, tmp_path: Path) -> None:
    promise(network, "one")
    (key,) = [line.split()[0] for line in cli("mails", "list").out.splitlines() if line.startswith("added:")]
    assert cli("mails", "retry", key).err == "error: it is waiting: nothing to do\n"
    with network.write() as connection:
        mails.claim(connection, datetime.now(UTC) - timedelta(hours=-1))
        mails.finish(connection, key, State.UNSURE, datetime.now(UTC))
    assert cli("mails", "send").out == "0 mails sent\n"
    assert cli("mails", "retry", key).out == f"{key} waits to be sent again\n"
    assert cli("mails", "send").out == "1 mail sent\n"
    assert cli("mails", "retry", key).err == "error: it is sent: nothing to do\n"
    assert cli("mails", "retry", "nothing").err == "error: no mail 'nothing'; see: commonweal mails list\n"


def test_an_address_from_which_mails_came_back_gets_none_until_it_is_revived(cli: Cli, network: Database) -> None:
    promise(network, "one", "two")
    assert (
        cli("mails", "bounced", "Ann@Alba.example", "--why", "gone").out
        == "no mail goes to Ann@Alba.example any more\n"
    )
    assert cli("mails", "send", "--limit", "1").out == "0 mails sent; 1 dropped\n"
    assert cli("mails", "revive", "ann@alba.example").out == "mails go to ann@alba.example again\n"
    assert cli("mails", "send").out == "1 mail sent\n"
    assert cli("mails", "bounced", "x@y.example").err == "error: nobody has the address x@y.example\n"
    with network.read() as connection:
        found = connection.exec_driver_sql("select person, what from events order by id").all()
    assert [tuple(row) for row in found] == [
        ("command", "gave up on an address"),
        ("command", "tried an address again"),
    ]


def test_a_weeks_digests_are_sent_once_however_often_that_is_asked_for(
    cli: Cli, network: Database, tmp_path: Path
) -> None:
    week = ("--week", _this_week())
    assert cli("digests", "send", *week).code == 1
    cli("round", *week, "--release")
    promise(network, "one")
    assert cli("digests", "send", *week, "--dry-run").out == "2 digests would be sent\n"
    assert states(network) == ["one waiting"]
    assert cli("digests", "send", *week, "--limit", "1").out == "1 digest sent\n"
    assert cli("digests", "send", *week, "--dry-run").out == "1 digest would be sent\n"
    assert cli("digests", "send", *week).out == "1 digest sent\n"
    assert cli("digests", "send", *week).out == "0 digests sent\n"
    assert sent(tmp_path) == 2
    assert "one waiting" in states(network)


def test_jobs_do_all_that_is_due_and_again_nothing(
    cli: Cli, network: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMONWEAL_REVIEW", "false")
    monkeypatch.setattr(schedule, "ROUND_AT", time(0, tzinfo=UTC))
    assert cli("jobs").out == "2 mails sent\n"
    assert cli("jobs").out == "0 mails sent\n"
    assert sent(tmp_path) == 2

    def stumble(_commonweal: Commonweal) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(schedule, "JOBS", (schedule.Job("reminders", 60, stumble),))
    ran = cli("jobs")
    assert (ran.code, ran.out) == (1, "0 mails sent\n")
    assert "error: reminders: it stumbled: ZeroDivisionError\n" in ran.err


def _this_week() -> str:
    year, week, _ = datetime.now(UTC).date().isocalendar()
    return f"{year}-W{week:02}"

"""`commonweal user …`: the first administrator, who acts for whom, links and tokens, as they are run."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from service import signin
from service.cli import main
from service.settings import Settings
from service.store import mails, members, people, tokens
from service.store.mails import State
from service.store.people import Access
from service.wiring import Commonweal


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Ran]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """`cli("add", …)` is `commonweal user add …`, in this process and a home of its own."""
    monkeypatch.setenv("COMMONWEAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COMMONWEAL_ENCODER", "hash")

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["commonweal", "user", *arguments])
        capsys.readouterr()
        try:
            main()
            code: Any = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        return Ran(int(code), *capsys.readouterr())

    return run


@pytest.fixture
def here(cli: Cli, tmp_path: Path, cast: dict[str, Any]) -> Commonweal:
    """The cast, stored in that home."""
    commonweal = Commonweal(Settings(home=tmp_path / "home", encoder="hash"))
    commonweal.database.migrate()
    with commonweal.database.write() as connection:
        every = (cast["alba"], cast["borea"], cast["ciano"])
        members.save(connection, organisations={one.id: one for one in every}, contacts=cast["contacts"])
    return commonweal


def acting(commonweal: Commonweal, organisation: str) -> list[str]:
    with commonweal.database.read() as connection:
        return [one.person.email for one in people.every(connection).get(organisation, ())]  # type: ignore[call-overload]


def test_the_first_administrator_is_added_before_there_is_anything_else(cli: Cli, tmp_path: Path) -> None:
    ran = cli("add", "You@Example.org", "--name", "You", "--access", "administrator")
    assert ran == (
        0,
        "you@example.org is an administrator\n",
        "Hand over a link to sign in with: commonweal user link you@example.org\n",
    )
    link = cli("link", "you@example.org")
    assert link.code == 0
    commonweal = Commonweal(Settings(home=tmp_path / "home", encoder="hash"))
    begun = signin.use(commonweal, link.out.strip().rpartition("/")[2], "a test's browser")
    with commonweal.database.read() as connection:
        person = people.get(connection, begun.visit.person)
    assert person
    assert (person.email, person.name, person.access) == ("you@example.org", "You", Access.ADMINISTRATOR)
    commonweal.database.dispose()


def test_a_person_acts_for_an_organisation_and_is_told(cli: Cli, here: Commonweal) -> None:
    assert cli("add", "new@alba.example", "--name", "Nia", "--organisation", "alba").out == (
        "new@alba.example acts for alba\n"
    )
    assert acting(here, "alba") == ["ann@alba.example", "new@alba.example"]
    with here.database.read() as connection:
        told = mails.every(connection, tuple(State))
    assert [(mail.kind, mail.email, mail.about["organisation"]) for mail in told] == [
        ("added", "new@alba.example", "alba"),
        ("colleague", "ann@alba.example", "alba"),
    ]
    ran = cli("add", "new@ciano.example", "--organisation", "ciano")
    assert ran.err == "ciano is no member yet: they can sign in for it once it is\n"
    with here.database.read() as connection:
        assert mails.every(connection, tuple(State)) == told
    assert cli("remove", "new@alba.example", "--organisation", "alba").out == (
        "new@alba.example does not act for alba any more\n"
    )
    assert acting(here, "alba") == ["ann@alba.example"]
    again = cli("remove", "new@alba.example", "--organisation", "alba")
    assert (again.code, again.err) == (
        1,
        "error: nothing to take back: new@alba.example does not act for alba\n",
    )


def test_the_last_administrator_stays_one(cli: Cli, here: Commonweal) -> None:
    cli("add", "ada@example.org", "--access", "administrator")
    cli("add", "cora@example.org", "--access", "coordinator")
    last = cli("access", "ada@example.org", "member")
    assert (last.code, last.err) == (
        1,
        "error: ada@example.org is the last administrator: make somebody else one first\n",
    )
    assert cli("access", "cora@example.org", "administrator").out == "cora@example.org is an administrator\n"
    assert cli("access", "ada@example.org", "member").out == "ada@example.org may do what members may\n"
    with here.database.read() as connection:
        assert [one.email for one in people.with_access(connection, Access.ADMINISTRATOR)] == ["cora@example.org"]


def test_a_token_is_printed_once_and_revoked(cli: Cli, here: Commonweal) -> None:
    made = cli("token", "ann@alba.example", "--name", "dashboard")
    assert made.err.startswith("Keep it: it is not shown again.")
    with here.database.read() as connection:
        holder = tokens.holder(connection, made.out.strip())
    assert holder
    assert holder.email == "ann@alba.example"
    again = cli("token", "ann@alba.example", "--name", "dashboard")
    assert (again.code, "has a token named 'dashboard'" in again.err) == (1, True)
    wrong = cli("revoke", "ann@alba.example", "--name", "other")
    assert wrong.err == (
        "error: nothing to take back: no token 'other' of ann@alba.example; those that work: dashboard\n"
    )
    assert cli("revoke", "ann@alba.example", "--name", "dashboard").out == (
        "the token 'dashboard' of ann@alba.example works no more\n"
    )
    with here.database.read() as connection:
        assert tokens.holder(connection, made.out.strip()) is None


def test_the_list_shows_addresses_only_when_asked_for(cli: Cli, here: Commonweal) -> None:
    cli("add", "cora@example.org", "--name", "Cora", "--access", "coordinator")
    assert "@" not in cli("list").out
    lines = [line.split() for line in cli("list", "--contacts").out.splitlines()]
    assert lines == [
        ["name", "address", "access", "acts", "for"],
        ["Ann", "Alba", "ann@alba.example", "member", "alba"],
        ["Björn", "Borea", "bjorn@borea.example", "member", "borea"],
        ["Cia", "Ciano", "cia@ciano.example", "member", "ciano"],
        ["Cora", "cora@example.org", "coordinator"],
    ]
    first = json.loads(cli("list", "--json").out)[0]
    assert first == {"name": "Ann Alba", "access": "member", "organisations": ["alba"], "undeliverable": None}
    assert json.loads(cli("list", "--json", "--contacts").out)[0]["email"] == "ann@alba.example"


def test_addresses_are_listed_whole_however_long_the_rest_is(cli: Cli, here: Commonweal) -> None:
    email = f"{'a' * 60}@{'b' * 50}.example.org"
    with here.database.write() as connection:
        person = people.ensure(connection, email, "Aa Bb " * 30)
        people.grant(connection, person.id, Access.COORDINATOR)
    listed = cli("list", "--contacts").out
    assert (email in listed, "…" in listed) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "nobody", "--access", "coordinator"), "'nobody' is not an email address"),
        (("add", "ann@alba.example"), "say what the person is to do"),
        (("add", "ann@alba.example", "--access", "boss"), "'boss' is no access"),
        (("add", "ann@alba.example", "--organisation", "albo"), "did you mean alba?"),
        (("remove", "no@alba.example", "--organisation", "alba"), "nobody has the address 'no@alba.example'"),
        (("access", "ann@alba.example", "boss"), "'boss' is no access"),
        (("link", "no@alba.example"), "nobody has the address"),
        (("token", "ann@alba.example", "--name", " "), "name what the token is for"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    cli: Cli, here: Commonweal, arguments: tuple[str, ...], says: str
) -> None:
    ran = cli(*arguments)
    assert ran.code == 2
    assert says in " ".join(ran.err.replace("│", " ").split())


def test_who_may_not_sign_in_gets_no_link(cli: Cli, here: Commonweal) -> None:
    ran = cli("link", "cia@ciano.example")
    assert (ran.code, "there is nothing to sign in for" in ran.err) == (1, True)


def test_what_was_done_is_told_as_json_too(cli: Cli, here: Commonweal) -> None:
    ran = cli("add", "cora@example.org", "--access", "coordinator", "--organisation", "alba", "--json")
    assert json.loads(ran.out) == {
        "email": "cora@example.org",
        "name": "",
        "access": "coordinator",
        "organisation": "alba",
    }
    assert set(json.loads(cli("link", "cora@example.org", "--json").out)) == {"email", "link"}
    assert set(json.loads(cli("token", "cora@example.org", "--name", "x", "--json").out)) == {"email", "name", "token"}
    assert json.loads(cli("revoke", "cora@example.org", "--name", "x", "--json").out)["name"] == "x"
    assert json.loads(cli("access", "cora@example.org", "member", "--json").out)["access"] == "member"
    assert json.loads(cli("remove", "cora@example.org", "--organisation", "alba", "--json").out)["email"]

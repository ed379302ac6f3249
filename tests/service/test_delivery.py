"""Delivery: what was promised goes once, as it is so when it goes; what went wrong is written down for what it is."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from itertools import pairwise
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import event

from matcher.proposing import Proposal
from matcher.records import (
    Decline,
    Exclusion,
    ListingId,
    Organisation,
    OrganisationId,
    Standing,
    Strength,
    Suggestion,
    Visibility,
)
from service import composing, delivery, digests, introductions, joining, membering, memberships, promised, signin
from service.delivery import Postman, Run, deliver
from service.post import ClosedError, Line, PutOffError, RefusedError, SmtpPost, UnsureError
from service.registers import Register
from service.stationery import UnaddressableError
from service.store import confirmations, decisions, mails, members, people, rounds
from service.store import joining as stored_joining
from service.store.database import Connection, Database
from service.store.introductions import Answer, Via, key_of
from service.store.mails import Kind, Promised, State
from service.store.people import Access, Person
from service.wiring import Commonweal

WEEK = "2026-W48"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ALBA, BOREA = OrganisationId("alba"), OrganisationId("borea")
KEY = key_of(WEEK, ListingId("alba-n1"), ListingId("borea-o1"))


@dataclass
class Tray:
    """A post that keeps what it is given, or answers with the errors it was told to, the first mail's first."""

    errors: list[Exception | None] = field(default_factory=list)
    closed: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    opened: int = 0

    @contextmanager
    def open(self) -> Iterator[Line]:
        self.opened += 1
        yield self

    def ready(self) -> None:
        if self.closed:
            raise ClosedError(self.closed)

    def send(self, mail: EmailMessage) -> str:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.mails.append(mail)
        return "250 kept"

    @property
    def told(self) -> list[str]:
        return [f"{mail['To'].addresses[0].addr_spec}: {mail['Subject']}" for mail in self.mails]


@dataclass
class House:
    """The cast with a tray for its mails; Ann acts for alba, Björn for borea, Cora coordinates."""

    commonweal: Commonweal
    tray: Tray
    ann: Person
    bjorn: Person
    cora: Person

    def deliver(self, **options: Any) -> Run:
        return deliver(self.commonweal, **options)

    def write(self, change: Callable[[Connection], object]) -> None:
        with self.commonweal.database.write() as connection:
            change(connection)

    def promise(self, kind: Kind = Kind.ADDED, key: str = "k", to: Person | str | None = None, **about: str) -> None:
        about = about or {"organisation": "alba", "by": self.cora.id}
        self.write(lambda c: mails.promise(c, kind, key, to=to or self.ann, about=about, due=self.commonweal.now()))

    def after(self, **time: float) -> None:
        at = self.commonweal.now() + timedelta(**time)
        self.commonweal.now = lambda: at

    @property
    def states(self) -> list[tuple[str, str, str]]:
        with self.commonweal.database.read() as connection:
            found = mails.every(connection, tuple(State))
        return sorted((str(one.kind), str(one.state), one.says) for one in found)

    @property
    def only(self) -> Promised:
        with self.commonweal.database.read() as connection:
            (found,) = mails.every(connection, tuple(State))
        return found


@pytest.fixture
def house(commonweal: Commonweal) -> House:
    commonweal.post = tray = Tray()  # type: ignore[misc]
    with commonweal.database.write() as connection:
        ann = people.by_email(connection, "ann@alba.example")
        bjorn = people.by_email(connection, "bjorn@borea.example")
        cora = people.ensure(connection, "cora@network.example", "Cora")
        people.grant(connection, cora.id, Access.COORDINATOR)
        cora = people.by_email(connection, "cora@network.example")
    assert ann and bjorn and cora
    return House(commonweal, tray, ann, bjorn, cora)


@pytest.fixture
def released(house: House, cast: Mapping[str, Any]) -> House:
    suggestion = Suggestion(need=cast["need"], offer=cast["offer"], fit=0.75, strength=Strength.GOOD, score=1.5)
    with house.commonweal.database.write() as connection:
        rounds.propose(connection, WEEK, Proposal((suggestion,)), versions={}, at=NOON)
        rounds.release(connection, WEEK, NOON)
    return house


# What becomes of a mail


def test_a_mail_goes_once(house: House) -> None:
    house.promise()
    assert house.deliver() == Run(sent=1)
    assert house.deliver() == Run()
    assert house.tray.told == ["ann@alba.example: You may act for Alba Community Kitchen now"]
    assert house.states == [("added", "sent", "250 kept")]
    assert house.tray.opened == 2


@pytest.mark.parametrize(
    ("error", "run", "state"),
    [
        (PutOffError("451 later"), Run(postponed=1), State.WAITING),
        (PutOffError("421 closing", ends_run=True), Run(postponed=1, stopped="421 closing"), State.WAITING),
        (RefusedError("550 5.7.1 spam"), Run(failed=1), State.FAILED),
        (RefusedError("550 no such user", address=True), Run(failed=1), State.FAILED),
        (UnsureError("never said"), Run(unsure=1), State.UNSURE),
        (UnaddressableError("no address"), Run(failed=1), State.FAILED),
    ],
)
def test_what_went_wrong_is_written_down_and_nothing_is_sent_again_by_itself(
    house: House, error: Exception, run: Run, state: State
) -> None:
    house.tray.errors = [error]
    house.promise()
    assert house.deliver() == run
    assert (house.only.state, house.only.says) == (state, str(error))
    assert house.deliver() == Run()
    house.after(days=30)
    assert house.deliver() == (Run(sent=1) if state is State.WAITING else Run())


def test_a_mail_that_is_put_off_waits_longer_each_time_and_fails_after_three_days(house: House) -> None:
    house.promise()
    waited = []
    while house.only.state is State.WAITING:
        house.tray.errors = [PutOffError("451 later")]
        before = house.commonweal.now()
        house.deliver()
        waited.append((house.only.due - before).total_seconds() / 60)
        house.after(minutes=waited[-1])
    assert waited[:-1] == [5, 15, 60, 240, 720, 1440, 1440]
    assert (house.only.state, house.only.says) == (State.FAILED, "after 8 attempts: 451 later")
    assert timedelta(days=2) < house.commonweal.now() - NOON < timedelta(days=3)


def test_where_nobody_is_at_an_address_it_is_given_up_and_the_rest_for_it_is_dropped(house: House) -> None:
    house.tray.errors = [RefusedError("550 5.1.1 who?", address=True)]
    house.promise(key="one")
    house.promise(key="two", organisation="alba", by="nobody")
    assert house.deliver() == Run(failed=1, dropped=1)
    with house.commonweal.database.read() as connection:
        found = people.get(connection, house.ann.id)
        assert found is not None
        assert found.undeliverable == "550 5.1.1 who?"
        recorded = connection.exec_driver_sql("select person, what, says from events").one()
    assert tuple(recorded) == ("post", "gave up on an address", f"person {house.ann.id}: 550 5.1.1 who?")
    assert ("added", "dropped", "mails to its reader are not sent any more: 550 5.1.1 who?") in house.states


def test_a_refusal_of_us_costs_nobody_their_address(house: House) -> None:
    house.tray.errors = [RefusedError("554 5.7.1 you are on a list")]
    house.promise()
    house.deliver()
    with house.commonweal.database.read() as connection:
        found = people.get(connection, house.ann.id)
    assert found is not None
    assert found.undeliverable == ""


def test_while_the_post_is_closed_all_waits_as_if_nothing_had_been(house: House) -> None:
    house.tray.closed = "mail.example.org:587 does not accept COMMONWEAL_SMTP_USER with its password: 535"
    for key in "abc":
        house.promise(key=key)
    assert house.deliver() == Run(stopped=house.tray.closed)
    assert house.states == [("added", "waiting", "")] * 3
    house.tray.closed = ""
    assert house.deliver() == Run(sent=3)


def test_a_post_that_closes_over_a_mail_leaves_it_waiting_untried(house: House) -> None:
    house.promise()
    house.tray.errors = [ClosedError("the sender was refused: 550")]
    assert house.deliver() == Run(stopped="the sender was refused: 550")
    assert (house.only.state, house.only.attempts) == (State.WAITING, 0)
    assert house.deliver() == Run(sent=1)


def test_after_three_connections_lost_in_a_row_the_run_ends(house: House) -> None:
    for key in "abcde":
        house.promise(key=key)
    lost = [PutOffError("broke off", lost=True) for _ in range(5)]
    house.tray.errors = [lost[0], lost[1], None, *lost[2:]]
    assert house.deliver() == Run(sent=1, postponed=4, losses=2)
    house.after(minutes=5)
    house.tray.errors = [PutOffError("broke off", lost=True) for _ in range(4)]
    assert house.deliver() == Run(postponed=3, stopped="broke off", losses=3)


def test_one_mail_that_cannot_be_composed_keeps_no_other_from_going(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.promise(Kind.ASKED, nothing="here")
    house.promise()
    with caplog.at_level(logging.ERROR):
        assert house.deliver() == Run(sent=1, failed=1)
    assert ("asked", "failed", "it could not be composed: KeyError") in house.states


def test_no_address_reaches_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.tray.errors = [
        RefusedError("550 [hidden]", address=True),
        UnsureError("never said"),
        PutOffError("451 later"),
    ]
    for number in range(3):
        house.promise(Kind.APPLIED, f"a{number}", to=f"someone{number}@else.example", application="none")
        house.promise(key=f"b{number}")
    with caplog.at_level(logging.DEBUG):
        house.deliver()
    assert caplog.records
    assert "@" not in caplog.text


def test_a_sender_that_is_no_address_is_said_before_anything_is_claimed(house: House) -> None:
    house.promise()
    house.commonweal.settings.mail_from = "nobody"
    with pytest.raises(UnaddressableError, match="COMMONWEAL_MAIL_FROM"):
        house.deliver()
    assert house.only.state is State.WAITING


def test_only_so_many_and_only_of_the_kinds_asked_for(house: House) -> None:
    for number in range(3):
        house.promise(key=f"k{number}")
    house.promise(Kind.APPLICATION, to=house.cora, application="none")
    assert house.deliver(kinds=[Kind.APPLICATION]) == Run(dropped=1)
    assert house.deliver(limit=2) == Run(sent=2)
    assert house.deliver(stopped=lambda: True) == Run()
    assert house.deliver() == Run(sent=1)


def test_a_dry_run_says_what_would_go_and_changes_nothing(house: House) -> None:
    house.promise()
    house.promise(key="other", organisation="nobody")
    before = house.states
    assert house.deliver(dry_run=True) == Run(sent=1, dropped=1)
    assert (house.states, house.tray.opened) == (before, 0)


# Several at once, and death


def test_two_who_deliver_at_once_never_send_one_mail_twice(
    house: House, make: Callable[[Database], Commonweal]
) -> None:
    for number in range(30):
        house.promise(key=f"k{number:02}")
    others = [make(house.commonweal.database) for _ in range(3)]
    for one in others:
        one.post = house.tray  # type: ignore[misc]
    runs: list[Run] = []
    threads = [threading.Thread(target=lambda one=one: runs.append(deliver(one))) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(run.sent for run in runs) == len(house.tray.mails) == 30
    assert len({mail["Message-ID"] for mail in house.tray.mails}) == 30
    assert house.states == [("added", "sent", "250 kept")] * 30


STEP = "from service.cli import main; main()"


@pytest.mark.parametrize("fault", ["delivery.claimed", "delivery.composed", "delivery.sent"])
def test_a_mail_whose_sender_dies_is_never_sent_again_by_itself(
    sqlite: Database, make: Callable[[Database], Commonweal], fault: str, cast: Mapping[str, Any]
) -> None:
    commonweal = make(sqlite)
    with sqlite.write() as connection:
        members.save(connection, organisations={"alba": cast["alba"]}, contacts=cast["contacts"][:1])
        ann = people.by_email(connection, "ann@alba.example")
        assert ann is not None
        for key in ("first", "second"):
            about = {"organisation": "alba"}
            mails.promise(connection, Kind.ADDED, key, to=ann, about=about, due=datetime.now(UTC))
    environment = {**os.environ, "COMMONWEAL_HOME": str(commonweal.settings.home), "COMMONWEAL_ENCODER": "hash"}
    command = [sys.executable, "-c", STEP, "mails", "send"]
    died = subprocess.run(command, env={**environment, "COMMONWEAL_FAULT": fault}, capture_output=True)
    assert died.returncode == -signal.SIGKILL
    subprocess.run(command, env=environment, capture_output=True, check=True)
    with sqlite.read() as connection:
        found = {one.key.split(":")[1]: one.state for one in mails.every(connection, tuple(State))}
    assert found == {"first": State.SENDING, "second": State.SENT}
    written = list((commonweal.settings.mails / "sent").glob("*.eml"))
    assert len(written) == (2 if fault == "delivery.sent" else 1)


# As it is when it goes


def test_a_digest_goes_to_each_who_gets_it_with_what_stands_now(released: House) -> None:
    digests.promise_all(released.commonweal, WEEK)
    assert released.deliver() == Run(sent=2)
    assert sorted(released.tray.told) == [
        "ann@alba.example: 1 suggestion this week: Borea Transport",
        "bjorn@borea.example: 1 suggestion this week: Alba Community Kitchen",
    ]
    for mail in released.tray.mails:
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert str(mail["List-Unsubscribe"]).startswith("<http://127.0.0.1:8000/unsubscribe/")


class Kept:
    """An aiosmtpd handler that keeps what it is sent."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        return "250 kept"


def test_a_digest_arrives_at_a_real_mail_server_as_it_was_composed(released: House) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", "mails_per_minute": 6000}
    released.commonweal.post = SmtpPost(released.commonweal.settings.model_copy(update=settings))  # type: ignore[misc]
    digests.promise_all(released.commonweal, WEEK)
    kept = Kept()
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        assert released.deliver() == Run(sent=2)
        assert released.deliver() == Run()
    finally:
        controller.stop(no_assert=True)
    assert {mail["To"].addresses[0].addr_spec for mail in kept.mails} == {"ann@alba.example", "bjorn@borea.example"}
    for mail in kept.mails:
        text, html = (part.get_content() for part in mail.iter_parts())
        for part in (text, html):
            assert len(re.findall(r"http://127\.0\.0\.1:8000/reply/[\w.-]+", part)) == 1
            assert str(mail["List-Unsubscribe"]).strip("<>") in part
        assert len(mail.as_bytes()) < 102_000


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (lambda c: decisions.forbid(c, "alba-n1", "borea-o1", "no", NOON), "nothing that it was about stands any more"),
        (lambda c: decisions.block(c, "alba", "borea", "rivals"), "nothing that it was about stands any more"),
        (lambda c: decisions.pause(c, "borea", "audit", NOON), "nothing that it was about stands any more"),
        (lambda c: members.edit(c, "alba", {"standing": Standing.LISTED}), "the organisation is no member any more"),
        (
            lambda c: people.choose_digest(c, _id(c, "ann@alba.example"), "alba", digest=False),
            "its reader does not get this organisation's digests any more",
        ),
        (
            lambda c: people.leave(c, _id(c, "ann@alba.example"), "alba", NOON),
            "its reader does not act for the organisation any more",
        ),
    ],
    ids=["forbidden", "blocked", "paused", "no member", "unsubscribed", "left"],
)
def test_a_digest_that_says_nothing_any_more_is_dropped(
    released: House, happens: Callable[[Connection], object], says: str
) -> None:
    digests.promise_all(released.commonweal, WEEK)
    released.write(happens)
    released.deliver()
    assert ("digest", "dropped", says) in released.states
    assert not [one for one in released.tray.told if one.startswith("ann@")]


def _id(connection: Connection, email: str) -> str:
    found = people.by_email(connection, email)
    assert found is not None
    return found.id


def test_a_digest_that_comes_a_fortnight_late_is_dropped(released: House) -> None:
    digests.promise_all(released.commonweal, WEEK)
    released.after(days=15)
    assert released.deliver() == Run(dropped=2)
    assert {says for _, _, says in released.states} == {"its week is long over"}


def test_only_a_digest_that_went_has_asked_whether_a_listing_is_still_true(released: House) -> None:
    listing = ListingId("alba-n1")
    released.write(lambda c: confirmations.confirm(c, listing, date(2026, 8, 1), "ann"))
    digests.promise_all(released.commonweal, WEEK)
    released.tray.closed = "nobody there"
    released.deliver()
    assert _asked_on(released, listing) is None
    released.tray.closed = ""
    released.deliver(kinds=[Kind.DIGEST])
    (to_ann,) = [mail for mail in released.tray.mails if "ann@" in str(mail["To"])]
    assert re.search(r"STILL TRUE\?.*/confirm/", _text(to_ann), re.S)
    assert _asked_on(released, listing) == date(2026, 11, 23)


def test_what_was_confirmed_meanwhile_is_not_asked_about(released: House) -> None:
    listing = ListingId("alba-n1")
    released.write(lambda c: confirmations.confirm(c, listing, date(2026, 8, 1), "ann"))
    digests.promise_all(released.commonweal, WEEK)
    released.write(lambda c: confirmations.confirm(c, listing, date(2026, 11, 23), "ann"))
    released.deliver()
    assert all("STILL TRUE" not in _text(mail) for mail in released.tray.mails)


def _asked_on(house: House, listing: ListingId) -> date | None:
    with house.commonweal.database.read() as connection:
        return confirmations.every(connection)[listing].asked_on


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


# Every kind, from the store


def test_a_link_to_sign_in_with_goes_while_it_can_be_used(house: House) -> None:
    assert signin.request_link(house.commonweal, "ann@alba.example")
    assert house.deliver() == Run(sent=1)
    (token,) = re.findall(r"/sign-in/(\S+)", _text(house.tray.mails[0]))
    assert signin.look_at(house.commonweal, token) == house.ann
    signin.request_link(house.commonweal, "ann@alba.example")
    house.after(minutes=16)
    assert house.deliver() == Run(dropped=1)


def test_replies_are_told_as_they_are_when_the_mail_goes(released: House) -> None:
    here = released.commonweal
    introductions.reply(here, ALBA, KEY, released.ann.id, Answer.INTERESTED)
    assert released.deliver() == Run(sent=1)
    assert released.tray.told == [
        "bjorn@borea.example: Alba Community Kitchen is interested: are you? Please reply by 7 December 2026"
    ]
    (token,) = re.findall(r"/reply/(\S+)", _text(released.tray.mails[0]))
    assert here.signing.read_until(here.now(), "reply", token, 3) == (KEY, "borea", released.bjorn.id)
    assert "@alba" not in released.tray.mails[0].as_string()
    released.after(days=6)
    introductions.remind(here)
    introductions.reply(here, BOREA, KEY, released.bjorn.id, Answer.INTERESTED)
    assert released.deliver() == Run(sent=2, dropped=1)  # no reminder of what has been answered
    assert sorted(released.tray.told[1:]) == [
        "ann@alba.example: You are introduced: Alba Community Kitchen and Borea Transport",
        "bjorn@borea.example: You are introduced: Borea Transport and Alba Community Kitchen",
    ]
    for mail in released.tray.mails[1:]:
        assert "Ann Alba\n   ann@alba.example\n" in _text(mail)
        assert "Björn Borea\n   bjorn@borea.example\n" in _text(mail)
    released.after(days=11)
    introductions.follow_up(here)
    assert released.deliver() == Run(sent=2)
    assert released.tray.told[3].endswith("One question: what came of Borea Transport?")
    assert f"http://127.0.0.1:8000/introductions/{KEY}" in _text(released.tray.mails[3])


def test_an_introduction_is_never_composed_before_both_said_yes(released: House) -> None:
    introductions.reply(released.commonweal, ALBA, KEY, released.ann.id, Answer.INTERESTED)
    for kind in (Kind.INTRODUCTION, Kind.FOLLOW_UP):
        released.promise(kind, to=released.ann, introduction=KEY, organisation="alba")
        released.promise(kind, to=released.ann, introduction="0" * 20, organisation="alba")
    assert released.deliver(kinds=[Kind.INTRODUCTION, Kind.FOLLOW_UP]) == Run(dropped=2)
    released.promise(Kind.INTRODUCTION, key="x", to=released.ann, introduction=KEY, organisation="ciano")
    assert released.deliver(kinds=[Kind.INTRODUCTION]) == Run(dropped=1)
    assert released.tray.mails == []


@pytest.mark.parametrize("gone", [ALBA, BOREA])
def test_two_of_whom_one_left_are_not_introduced_and_the_other_is_told(
    released: House, cast: Mapping[str, Any], gone: OrganisationId
) -> None:
    here = released.commonweal
    introductions.reply(here, ALBA, KEY, released.ann.id, Answer.INTERESTED)
    introductions.reply(here, BOREA, KEY, released.bjorn.id, Answer.INTERESTED)
    released.write(lambda c: members.edit(c, gone, {"standing": Standing.INVITED}))
    released.deliver()
    (only,) = released.tray.mails
    left, stays = (cast[one].name for one in (("alba", "borea") if gone == ALBA else ("borea", "alba")))
    assert only["Subject"] == f"Closed: {left} is not a member any more"
    assert only["To"].addresses[0].addr_spec == (released.bjorn if gone == ALBA else released.ann).email
    other = released.ann if gone == ALBA else released.bjorn
    assert other.email not in only.as_string()
    assert stays in _text(only)
    released.after(days=11)
    introductions.follow_up(here)
    assert released.deliver().sent == 0


def test_an_introduction_names_somebody_whom_mails_reach(released: House) -> None:
    here = released.commonweal
    released.write(lambda c: people.join(c, people.ensure(c, "bea@borea.example", "Bea").id, BOREA, by="bjorn"))
    introductions.reply(here, ALBA, KEY, released.ann.id, Answer.INTERESTED)
    introductions.reply(here, BOREA, KEY, released.bjorn.id, Answer.INTERESTED)
    released.write(lambda c: people.give_up_on(c, "bjorn@borea.example", "550 nobody", NOON))
    released.deliver(kinds=[Kind.INTRODUCTION])
    (to_ann,) = released.tray.mails
    assert ("bea@borea.example" in _text(to_ann), "bjorn@borea.example" in _text(to_ann)) == (True, False)


FALLEN: Mapping[str, Callable[[Connection], object]] = {
    "paused": lambda c: decisions.pause(c, BOREA, "audit", NOON),
    "left": lambda c: members.edit(c, "alba", {"standing": Standing.LISTED}),
    "closed": lambda c: members.edit(c, "alba-n1", {"closes": date(2026, 11, 22)}),
    "hidden": lambda c: members.edit(c, "borea-o1", {"visibility": Visibility.COORDINATORS}),
    "full": lambda c: members.edit(c, "borea-o1", {"capacity": 0}),
    "blocked": lambda c: decisions.block(c, ALBA, BOREA, "rivals"),
    "excluded": lambda c: members.edit(c, "borea", {"excludes": (Exclusion("alba"),)}),
}


@pytest.mark.parametrize("fallen", FALLEN)
def test_nobody_is_asked_or_reminded_of_what_a_yes_to_would_be_refused(released: House, fallen: str) -> None:
    introductions.reply(released.commonweal, ALBA, KEY, released.ann.id, Answer.INTERESTED)
    released.promise(Kind.REMINDER, to=released.bjorn, introduction=KEY, organisation="borea")
    released.write(FALLEN[fallen])
    assert released.deliver() == Run(dropped=2)


def test_who_was_not_asked_while_paused_is_asked_once_it_takes_on_something_again(released: House) -> None:
    here = released.commonweal
    introductions.reply(here, ALBA, KEY, released.ann.id, Answer.INTERESTED)
    released.write(FALLEN["paused"])
    assert (released.deliver(), introductions.take_up(here)) == (Run(dropped=1), 0)
    released.write(lambda c: decisions.resume(c, BOREA))
    assert [introductions.take_up(here) for _ in range(2)] == [1, 0]
    assert released.deliver() == Run(sent=1)


@pytest.mark.parametrize("fallen", FALLEN)
def test_what_fell_between_promise_and_sending_is_left_out_of_both_digests(released: House, fallen: str) -> None:
    digests.promise_all(released.commonweal, WEEK)
    released.write(FALLEN[fallen])
    assert released.deliver() == Run(dropped=2)
    assert digests.promise_all(released.commonweal, WEEK) == digests.Promises(0, 0)


def test_what_its_organisation_has_replied_to_is_left_out_of_a_digest_and_stays_in_the_others(released: House) -> None:
    assert digests.promise_all(released.commonweal, WEEK) == digests.Promises(2, 0)
    introductions.reply(released.commonweal, ALBA, KEY, released.ann.id, Answer.INTERESTED)
    assert digests.promise_all(released.commonweal, WEEK) == digests.Promises(0, 1)
    assert released.deliver(kinds=[Kind.DIGEST]) == Run(sent=1, dropped=1)
    assert released.tray.told == ["bjorn@borea.example: 1 suggestion this week: Alba Community Kitchen"]


def test_a_digest_costs_as_many_questions_in_a_large_network_as_in_a_small_one(
    released: House, cast: Mapping[str, Any]
) -> None:
    asked: list[str] = []

    def count(*statement: Any) -> None:
        asked.append(statement[2])

    def questions() -> int:
        desk = composing.Desk(released.commonweal)
        with released.commonweal.database.read() as connection:
            (mail,) = [one for one in mails.due(connection, released.commonweal.now()) if one.person == released.ann.id]
        promised.compose(
            desk, mail, Address("Commonweal", "suggestions", "commonweal.example")
        )  # reads network and round
        asked.clear()
        promised.compose(desk, mail, Address("Commonweal", "suggestions", "commonweal.example"))
        assert not [one for one in asked if re.search(r"FROM (suggestions|rounds)\b", one)]
        assert [("WHERE" in one) for one in asked if "FROM declines" in one] == [True]
        return len(asked)

    def crowd(connection: Connection) -> None:
        others = [Organisation(id=OrganisationId(f"o{n}"), name=f"O{n}", standing=Standing.MEMBER) for n in range(30)]
        needs = [replace(cast["need"], id=ListingId(f"n{n}"), organisation=one.id) for n, one in enumerate(others)]
        members.save(connection, organisations={one.id: one for one in others}, listings={one.id: one for one in needs})
        for need in needs:
            decisions.decline(connection, need.id, ListingId("borea-o1"), Decline(need.text, "-"))

    digests.promise_all(released.commonweal, WEEK)
    event.listen(released.commonweal.database._engine, "before_cursor_execute", count)
    few = questions()
    released.write(crowd)
    assert questions() == few <= 25


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ("decline", "ann@alba.example: Not this time: Borea Transport"),
        ("expire", "ann@alba.example: Closed without an answer: Borea Transport"),
        ("take back", "bjorn@borea.example: Alba Community Kitchen has taken its interest back"),
    ],
)
def test_what_comes_to_nothing_is_told_kindly(released: House, then: str, told: str) -> None:
    here = released.commonweal
    introductions.reply(here, ALBA, KEY, released.ann.id, Answer.INTERESTED)
    released.deliver()
    if then == "decline":
        introductions.reply(here, BOREA, KEY, released.bjorn.id, Answer.NOT_FOR_US, why="Ann is unbearable")
        released.after(days=1)
    elif then == "expire":
        released.after(days=15)
        introductions.expire(here)
    else:
        introductions.take_back(here, ALBA, KEY, released.ann.id)
    released.deliver()
    assert told in released.tray.told
    assert all("unbearable" not in mail.as_string() for mail in released.tray.mails)


def test_the_others_of_an_organisation_are_told_who_replied(released: House) -> None:
    def zoe(connection: Connection) -> None:
        people.join(connection, people.ensure(connection, "zoe@alba.example", "Zoe").id, ALBA, by="ann")

    released.write(zoe)
    introductions.reply(released.commonweal, ALBA, KEY, released.cora.id, Answer.NOT_NOW, via=Via.COORDINATOR)
    released.deliver(kinds=[Kind.REPLIED])
    assert sorted(released.tray.told) == [
        f"{who}@alba.example: Alba Community Kitchen replied about Borea Transport: not now" for who in ("ann", "zoe")
    ]
    assert "Cora, a coordinator, entered for Alba" in " ".join(_text(released.tray.mails[0]).split())


def test_joining_is_told_step_by_step(house: House) -> None:
    here = house.commonweal
    asked = stored_joining.Application(
        id="a" * 32,
        organisation=None,
        name="Eos Choir",
        register=Register.NONE,
        number="",
        description="We sing.",
        places=("Leeds",),
        sectors=("voluntary",),
        size="small",
        person_name="Eve Eos",
        email="eve@eos.example",
        at=here.now(),
    )
    joining.apply(here, asked)
    house.deliver()
    joining.refuse(here, asked.id, house.cora, why="No address given; ring me on 0113 496 0000.")
    house.deliver()
    joining.reopen(here, asked.id, house.cora)
    joining.approve(here, asked.id, house.cora, until=date(2026, 12, 20), why="")
    memberships.tidy(here)
    house.deliver()
    joining.invite(
        here, house.cora, organisation=OrganisationId("ciano"), name="", person_name="Cia", email="cia@ciano.example",
        until=None,
    )  # fmt: skip
    house.deliver()
    assert sorted(house.tray.told) == [
        "cia@ciano.example: Ciano Borough Council is invited to join Commonweal",
        "cora@network.example: Eos Choir asks to join",
        "eve@eos.example: About your application for Eos Choir",
        "eve@eos.example: Eos Choir is a member of Commonweal now",
        "eve@eos.example: The membership of Eos Choir ends on 20 December 2026",
        "eve@eos.example: We have your application for Eos Choir",
    ]
    assert "0113 496" not in "".join(map(_text, house.tray.mails))


def test_one_mail_tells_who_accepted_an_invitation_and_holds_the_link_to_sign_in_with_while_it_lasts(
    house: House,
) -> None:
    here = house.commonweal

    def accepted(organisation: str, email: str, late: timedelta) -> str:
        known = OrganisationId(organisation)
        invitation = joining.invite(
            here, house.cora, organisation=known, name="", person_name="Cia", email=email, until=None
        )
        token = here.signing.sign(joining.PURPOSE, invitation.id)
        joining.accept(here, token, person_name="Cia", register=Register.NONE, number="")
        house.after(seconds=late.total_seconds())
        house.tray.mails.clear()
        house.deliver(kinds=[Kind.APPROVED, Kind.ADDED, Kind.SIGN_IN])
        (mail,) = house.tray.mails
        return " ".join(_text(mail).split())

    first = accepted("ciano", "cia@ciano.example", timedelta(0))
    token = first.partition("/sign-in/")[2].partition(" ")[0]
    assert "works once, within fifteen minutes. Later, ask for another at http://127.0.0.1:8000/sign-in." in first
    assert signin.look_at(here, token).email == "cia@ciano.example"
    second = accepted("alba", "nia@alba.example", timedelta(minutes=16))
    assert "/sign-in/" not in second
    assert "Sign in: http://127.0.0.1:8000/sign-in " in second


def test_who_acts_for_an_organisation_learns_who_else_does(house: House) -> None:
    here = house.commonweal
    membering.add_person(here, house.cora, OrganisationId("alba"), "bo@alba.example", "Bo")
    membering.add_person(here, house.ann, OrganisationId("alba"), "abe@alba.example", "Abe")
    house.write(lambda connection: people.leave(connection, _id_of(connection, "abe@alba.example"), "alba", here.now()))
    house.deliver(kinds=[Kind.COLLEAGUE])
    assert house.tray.told == ["ann@alba.example: One more person acts for Alba Community Kitchen: Bo"]
    assert "Cora, a coordinator, added Bo to the people who act for Alba Community Kitchen" in " ".join(
        _text(house.tray.mails[0]).split()
    )
    assert ("colleague", "dropped", "the person does not act for the organisation any more") in house.states


def _id_of(connection: Connection, email: str) -> str:
    person = people.by_email(connection, email)
    assert person is not None
    return person.id


def test_every_kind_of_mail_can_be_composed() -> None:
    assert set(promised._WRITE) == set(Kind)


# In the background


def until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("not within 5 s")


def test_the_postman_delivers_what_is_promised_at_once_when_nudged(house: House) -> None:
    postman = Postman(house.commonweal)
    postman.EVERY = 60.0  # type: ignore[misc]
    house.promise(key="before")
    postman.start()
    until(lambda: len(house.tray.mails) == 1)
    house.promise(key="after")
    postman.nudge()
    until(lambda: len(house.tray.mails) == 2)
    postman.stop()
    assert not postman._thread.is_alive()


def test_the_postman_leaves_a_server_in_trouble_alone_for_longer_and_longer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []

    def closed(_commonweal: Commonweal, **_options: object) -> Run:
        tried.append(time.monotonic())
        return Run(stopped="closed")

    monkeypatch.setattr(delivery, "deliver", closed)
    monkeypatch.setattr(Postman, "EVERY", 0.02)
    monkeypatch.setattr(Postman, "LONGEST", 0.16)
    postman = Postman(house.commonweal)
    postman.start()
    until(lambda: len(tried) >= 6)
    postman.stop()
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert all(wait >= least for wait, least in zip(waits, (0.04, 0.08, 0.16, 0.16, 0.16), strict=False))


def test_the_postman_survives_what_it_stumbles_over(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Postman, "EVERY", 0.01)
    house.commonweal.settings.mail_from = "nobody"
    postman = Postman(house.commonweal)
    postman.start()
    house.promise()
    until(lambda: "COMMONWEAL_MAIL_FROM" in caplog.text)
    house.commonweal.settings.mail_from = "suggestions@commonweal.example"
    until(lambda: len(house.tray.mails) == 1)
    postman.stop()

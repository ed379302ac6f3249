"""Promised mails: promised once, claimed by one, and what becomes of them after that."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from service.store import mails
from service.store.database import Database
from service.store.mails import Kind, Promised, State
from service.wiring import Commonweal

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def promise(database: Database, key: str, kind: Kind = Kind.ADDED, due: datetime = NOON) -> bool:
    with database.write() as connection:
        return mails.promise(connection, kind, key, to=f"{key}@alba.example", about={"organisation": "alba"}, due=due)


def claim(database: Database, at: datetime = NOON, *kinds: Kind) -> str | None:
    with database.write() as connection:
        found = mails.claim(connection, at, kinds=kinds)
    return found and found.key.split(":")[1]


def get(database: Database, key: str, kind: Kind = Kind.ADDED) -> Promised:
    with database.read() as connection:
        found = mails.get(connection, f"{kind}:{key}:{key}@alba.example")
    assert found is not None
    return found


def test_a_mail_is_promised_once_and_claimed_once(database: Database) -> None:
    assert promise(database, "one")
    assert not promise(database, "one")
    assert get(database, "one") == Promised(
        key="added:one:one@alba.example",
        kind=Kind.ADDED,
        email="one@alba.example",
        person=None,
        about={"organisation": "alba"},
        state=State.WAITING,
        due=NOON,
        attempts=0,
        claimed_at=None,
        ended_at=None,
        says="",
    )
    assert [claim(database), claim(database)] == ["one", None]
    found = get(database, "one")
    assert (found.state, found.attempts, found.claimed_at) == (State.SENDING, 1, NOON)


def test_links_to_sign_in_with_go_first_and_digests_last(database: Database) -> None:
    for key, kind, minutes in (
        ("digest", Kind.DIGEST, -60),
        ("later", Kind.ASKED, -1),
        ("earlier", Kind.REPLIED, -2),
        ("link", Kind.SIGN_IN, 0),
        ("not-yet", Kind.SIGN_IN, 1),
    ):
        promise(database, key, kind, NOON + minutes * MINUTE)
    with database.read() as connection:
        assert [one.key.split(":")[1] for one in mails.due(connection, NOON)] == ["link", "earlier", "later", "digest"]
        assert mails.is_any_due(connection, NOON - 30 * MINUTE)
        assert not mails.is_any_due(connection, NOON - 30 * MINUTE, kinds=[Kind.ASKED])
    assert claim(database, NOON, Kind.DIGEST, Kind.ASKED) == "later"
    assert [claim(database) for _ in range(4)] == ["link", "earlier", "digest", None]


@pytest.mark.parametrize("state", [State.SENT, State.FAILED, State.UNSURE, State.DROPPED])
def test_what_is_finished_is_never_claimed_again(database: Database, state: State) -> None:
    promise(database, "one")
    claim(database)
    with database.write() as connection:
        assert mails.finish(connection, "added:one:one@alba.example", state, NOON, "because")
        assert not mails.finish(connection, "added:one:one@alba.example", State.SENT, NOON)
    found = get(database, "one")
    assert (found.state, found.ended_at, found.says) == (state, NOON, "because")
    assert claim(database, NOON + timedelta(days=400)) is None


def test_what_is_put_off_is_claimed_when_its_time_comes(database: Database) -> None:
    promise(database, "one")
    claim(database)
    with database.write() as connection:
        assert mails.postpone(connection, "added:one:one@alba.example", NOON + MINUTE, "busy")
    assert [claim(database), claim(database, NOON + MINUTE)] == [None, "one"]
    assert get(database, "one").attempts == 2
    with database.write() as connection:
        mails.postpone(connection, "added:one:one@alba.example", NOON, tried=False)
    assert get(database, "one").attempts == 1


@pytest.mark.parametrize(
    ("state", "after", "again"),
    [
        (State.WAITING, 0, False),
        (State.SENDING, 10, False),
        (State.SENDING, 16, True),
        (State.SENT, 0, False),
        (State.FAILED, 0, True),
        (State.UNSURE, 0, True),
        (State.DROPPED, 0, True),
    ],
)
def test_a_person_may_have_a_mail_go_again_that_did_not_go_for_sure(
    database: Database, state: State, after: int, again: bool
) -> None:
    promise(database, "one")
    if state is not State.WAITING:
        claim(database)
    at = NOON + after * MINUTE
    with database.write() as connection:
        if state not in (State.WAITING, State.SENDING):
            mails.finish(connection, "added:one:one@alba.example", state, NOON)
        assert mails.retry(connection, "added:one:one@alba.example", at) == again
        assert not mails.retry(connection, "added:none:x", at)
    found = get(database, "one")
    assert found.is_stuck(at) is False
    if again:
        assert (found.state, found.due, found.attempts, found.ended_at) == (State.WAITING, at, 0, None)
    else:
        assert found.state is state


def test_mails_are_listed_and_counted_by_state(database: Database) -> None:
    for number, state in enumerate((State.SENT, State.FAILED, State.UNSURE, State.FAILED)):
        promise(database, f"m{number}", due=NOON + number * MINUTE)
        claim(database, NOON + timedelta(hours=1))
        with database.write() as connection:
            mails.finish(connection, f"added:m{number}:m{number}@alba.example", state, NOON)
    promise(database, "waits")
    with database.read() as connection:
        assert mails.counts(connection) == {State.WAITING: 1, State.SENT: 1, State.FAILED: 2, State.UNSURE: 1}
        assert [one.email for one in mails.every(connection, [State.FAILED, State.UNSURE])] == [
            "m3@alba.example",
            "m2@alba.example",
            "m1@alba.example",
        ]
        assert len(mails.every(connection, [State.FAILED], limit=1)) == 1


def test_of_eight_who_claim_at_once_each_gets_other_mails(
    commonweal: Commonweal, make: Callable[[Database], Commonweal]
) -> None:
    database = commonweal.database
    for number in range(40):
        promise(database, f"m{number:02}")
    claimed: list[str] = []

    def work(own: Database) -> None:
        while (found := claim(own)) is not None:
            claimed.append(found)

    threads = [threading.Thread(target=work, args=(make(database).database,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(claimed) == [f"m{number:02}" for number in range(40)]

"""Applications, invitations, memberships and tokens in the store: each decided once, on either database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from matcher.records import Organisation, OrganisationId, Standing
from service.registers import Register
from service.store import joining, members, people, schema, tokens
from service.store.database import Database
from service.store.joining import Application, Decided, Invitation, Membership
from service.store.tokens import Token

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ELMO = OrganisationId("elmo")
APPLICATION = Application(
    id="a" * 32,
    organisation=None,
    name="Elmo Allotments",
    register=Register.CHARITY,
    number="1098765",
    description="We grow food.",
    places=("Leeds", "Bradford"),
    sectors=("voluntary",),
    size="small",
    person_name="Eli Elmo",
    email="eli@elmo.example",
    at=AT,
)
INVITATION = Invitation(
    id="b" * 32,
    organisation=ELMO,
    email="eli@elmo.example",
    person_name="Eli Elmo",
    invited_by="c" * 32,
    invited_at=AT,
    expires_at=AT + 30 * DAY,
    until=date(2027, 11, 23),
)
MEMBERSHIP = Membership(
    organisation=ELMO,
    register=Register.CHARITY,
    number="1098765",
    approved_by="c" * 32,
    approved_at=AT,
    until=date(2027, 11, 23),
)


def store_elmo(database: Database, standing: Standing = Standing.MEMBER) -> None:
    with database.write() as connection:
        members.save(connection, organisations={ELMO: Organisation(id=ELMO, name="Elmo", standing=standing)})


def test_an_application_is_kept_whole_and_waits(database: Database) -> None:
    with database.write() as connection:
        assert joining.apply(connection, APPLICATION)
        assert not joining.apply(connection, replace(APPLICATION, id="d" * 32, name="ELMO allotments"))
        assert joining.apply(connection, replace(APPLICATION, id="e" * 32, name="Elmo Orchards", at=AT - DAY))
    with database.read() as connection:
        assert joining.application(connection, APPLICATION.id) == APPLICATION
        assert joining.application(connection, "d" * 32) is None
        assert [one.id[0] for one in joining.waiting(connection, 9)] == ["e", "a"]
        assert [one.id[0] for one in joining.waiting(connection, 1, 1)] == ["a"]
        assert (joining.how_many_wait(connection), joining.decided(connection, 9)) == (2, ())


def test_an_application_is_decided_once_and_only_a_refusal_is_taken_back(database: Database) -> None:
    def refuse(who: str) -> bool:
        with database.write() as connection:
            return joining.decide(connection, APPLICATION.id, Decided.REFUSED, by=who, at=AT, why="No garden")

    with database.write() as connection:
        joining.apply(connection, APPLICATION)
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(refuse, "wxyz")) == [False, False, False, True]
    with database.write() as connection:
        (refused,) = joining.decided(connection, 9)
        assert refused.decided_by in tuple("wxyz")
        assert refused == replace(
            APPLICATION, decision=Decided.REFUSED, decided_at=AT, decided_by=refused.decided_by, why="No garden"
        )
        assert joining.reopen(connection, APPLICATION.id)
        assert not joining.reopen(connection, APPLICATION.id)
        assert joining.application(connection, APPLICATION.id) == APPLICATION
        assert joining.decide(connection, APPLICATION.id, Decided.APPROVED, by="v", at=AT, why="", organisation=ELMO)
        assert not joining.reopen(connection, APPLICATION.id)
        assert joining.decided(connection, 9)[0].organisation == ELMO


def test_people_are_taken_out_of_what_was_decided_long_ago(database: Database) -> None:
    store_elmo(database)
    with database.write() as connection:
        joining.apply(connection, APPLICATION)
        joining.apply(connection, replace(APPLICATION, id="d" * 32, name="Another"))
        joining.decide(connection, APPLICATION.id, Decided.REFUSED, by="v", at=AT, why="Eli knows")
        joining.invite(connection, INVITATION)
        joining.invite(connection, replace(INVITATION, id="f" * 32, expires_at=AT + 400 * DAY))
        assert joining.empty(connection, AT) == 0
        assert joining.empty(connection, AT + DAY) == 1
        assert joining.empty(connection, AT + 31 * DAY) == 1
        assert joining.empty(connection, AT + 31 * DAY) == 0
        emptied = joining.application(connection, APPLICATION.id)
        assert emptied
        assert (emptied.name, emptied.person_name, emptied.email, emptied.why) == ("Elmo Allotments", "", "", "")
        assert not joining.reopen(connection, APPLICATION.id)
        assert [one.email for one in joining.waiting(connection, 9)] == ["eli@elmo.example"]
        assert joining.invitation(connection, INVITATION.id) == replace(INVITATION, email="", person_name="")


def test_an_invitation_is_accepted_once_and_not_after_it_ran_out(database: Database) -> None:
    store_elmo(database)
    with database.write() as connection:
        for id_ in "bcd":
            joining.invite(connection, replace(INVITATION, id=id_ * 32))
        assert [one.id[0] for one in joining.open_invitations(connection, AT, 2)] == ["b", "c"]
        assert [one.id[0] for one in joining.open_invitations(connection, AT, 9, 1, to=ELMO)] == ["c", "d"]
        assert joining.open_invitations(connection, AT, 9, to=OrganisationId("other")) == ()
        assert [joining.accept(connection, "b" * 32, AT) for _ in range(2)] == [True, False]
        assert [joining.withdraw(connection, id_ * 32, AT) for id_ in "bcc"] == [False, True, False]
        assert not joining.accept(connection, "c" * 32, AT)
        assert not joining.accept(connection, "d" * 32, AT + 30 * DAY)
        accepted = joining.invitation(connection, "b" * 32)
        assert accepted == replace(INVITATION, accepted_at=AT)
        assert not accepted.is_open(AT)
        assert [one.id[0] for one in joining.open_invitations(connection, AT, 9)] == ["d"]


def test_a_memberships_last_day_is_changed_only_as_it_was_seen(database: Database) -> None:
    store_elmo(database)
    later = date(2028, 1, 31)
    with database.write() as connection:
        joining.save_membership(connection, replace(MEMBERSHIP, reminded_at=AT))
        assert not joining.set_until(connection, ELMO, later, seen=None, by="v", at=AT + DAY)
        assert joining.set_until(connection, ELMO, later, seen=MEMBERSHIP.until, by="v", at=AT + DAY)
        assert not joining.set_until(connection, ELMO, None, seen=MEMBERSHIP.until, by="w", at=AT + DAY)
        extended = replace(MEMBERSHIP, until=later, approved_by="v", approved_at=AT + DAY)
        assert joining.membership(connection, ELMO) == extended
        assert joining.set_until(connection, ELMO, None, seen=later, by="w", at=AT)
        assert joining.ending(connection, date(2999, 1, 1)) == ()


def test_only_members_end_and_each_is_reminded_once(database: Database) -> None:
    store_elmo(database)
    last = MEMBERSHIP.until
    assert last
    with database.write() as connection:
        joining.save_membership(connection, MEMBERSHIP)
        assert joining.ending(connection, last - DAY) == ()
        assert joining.ending(connection, last, unreminded=True) == (MEMBERSHIP,)
        assert [joining.remind(connection, ELMO, AT) for _ in range(2)] == [True, False]
        assert joining.ending(connection, last, unreminded=True) == ()
        assert joining.ending(connection, last, 1) == (replace(MEMBERSHIP, reminded_at=AT),)
        members.edit(connection, ELMO, {"standing": Standing.INVITED})
        assert joining.ending(connection, last) == joining.ended(connection, last, 9) == ()
        assert [one.organisation for one in joining.ended(connection, last + DAY, 9)] == [ELMO]


def test_an_id_that_is_taken_counts_on(database: Database) -> None:
    store_elmo(database)
    with database.write() as connection:
        assert joining.free_id(connection, OrganisationId("fresh")) == "fresh"
        assert joining.free_id(connection, ELMO) == "elmo-2"
        second = OrganisationId("elmo-2")
        members.save(connection, organisations={second: Organisation(id=second, name="Elmo")})
        assert joining.free_id(connection, ELMO) == "elmo-3"
        assert joining.standing(connection, second) is Standing.LISTED
        assert joining.standing(connection, OrganisationId("nobody")) is None


def test_a_token_opens_until_it_is_revoked_and_is_not_kept(database: Database) -> None:
    with database.write() as connection:
        ann = people.ensure(connection, "ann@alba.example", "Ann")
        token = tokens.make(connection, ann.id, "laptop", AT)
        assert token
        assert tokens.make(connection, ann.id, "laptop", AT) is None
        other = tokens.make(connection, ann.id, "office", AT + DAY)
    with database.read() as connection:
        assert token.startswith("cw_") and token != other
        assert tokens.holder(connection, token) == ann
        assert tokens.holder(connection, token + "x") is tokens.holder(connection, "") is None
        kept = [tuple(row) for row in connection.execute(select(schema.tokens))]
        assert [part for row in kept for part in row if token in str(part) or token[3:] in str(part)] == []
    with database.write() as connection:
        assert [tokens.revoke(connection, ann.id, "laptop", AT + DAY) for _ in range(2)] == [True, False]
        assert tokens.holder(connection, token) is None
        assert tokens.of(connection, ann.id) == (
            Token(person=ann.id, name="office", made_at=AT + DAY),
            Token(person=ann.id, name="laptop", made_at=AT, ended_at=AT + DAY),
        )
        again = tokens.make(connection, ann.id, "laptop", AT + 2 * DAY)
        assert again
        assert tokens.holder(connection, again) == ann


@pytest.mark.parametrize("token", ["\x00", "é", "\ud800", "cw_" + "x" * 100_000])
def test_what_is_no_token_opens_nothing(database: Database, token: str) -> None:
    with database.read() as connection:
        assert tokens.holder(connection, token) is None

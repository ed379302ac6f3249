"""Invitations by mail: to whoever acts for those invited, once, and only while there is something to ask."""

from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

import pytest

from matcher.records import OrganisationId
from service.composing import Desk, NothingToSayError
from service.promised import compose
from service.sessions import attending, convening, inviting
from service.sessions.attending import RefusedError
from service.store import mails, people
from service.store.mails import Kind, Promised
from service.store.people import Access
from service.wiring import Commonweal

ALBA, BOREA, DELOS = map(OrganisationId, ("alba", "borea", "delos"))
EVERYBODY = (ALBA, BOREA, DELOS)
SENDER = Address("Commonweal", "suggestions", "commonweal.example")


def post(commonweal: Commonweal, session: str) -> inviting.Post:
    with commonweal.database.read() as connection:
        return inviting.post(connection, session)


def promised(commonweal: Commonweal, session: str) -> tuple[Promised, ...]:
    with commonweal.database.read() as connection:
        return mails.below(connection, Kind.SESSION, session)


def composed(commonweal: Commonweal, mail: Promised) -> EmailMessage:
    return compose(Desk(commonweal), mail, SENDER)


@pytest.fixture
def invited(commonweal: Commonweal, session: str, by: str) -> Promised:
    """The mail to who acts for alba."""
    attending.ask(commonweal, session, [ALBA], by)
    inviting.send(commonweal, session, by, EVERYBODY)
    (mail,) = promised(commonweal, session)
    return mail


def test_who_is_invited_is_mailed_once_and_who_has_nobody_to_be_mailed_is_named(
    commonweal: Commonweal, session: str, by: str
) -> None:
    attending.ask(commonweal, session, [ALBA, DELOS], by)
    attending.settle(commonweal, session, BOREA, by, 0, {"state": "coming"})
    before = post(commonweal, session)
    assert (list(before.to_mail), before.unreachable, before.says(ALBA)) == ([ALBA], (DELOS,), "")
    assert inviting.send(commonweal, session, by, [BOREA]) == 0
    assert inviting.send(commonweal, session, by, EVERYBODY) == 1
    assert inviting.send(commonweal, session, by, EVERYBODY) == 0
    assert [one.email for one in promised(commonweal, session)] == ["ann@alba.example"]
    after = post(commonweal, session)
    assert (list(after.to_mail), after.unreachable, after.says(ALBA)) == ([], (DELOS,), "mail on its way")


def test_replies_go_to_the_coordinator_who_invites(commonweal: Commonweal, invited: Promised) -> None:
    mail = composed(commonweal, invited)
    assert mail["Reply-To"] == "Cora <cora@desk.example>"
    assert mail["Subject"] == "Alba Community Kitchen is invited to Thursdays on 3 December 2026"
    assert "Thursday 3 December 2026" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": "coming"}, "it has been answered"),
        ({"state": "cancelled"}, "it has been answered"),
        ("off", "it was taken off the list"),
        ("cancel", "the session is over, or was cancelled"),
        ("demote", "who invited is no coordinator any more"),
    ],
)
def test_nothing_goes_where_nothing_is_to_be_asked_any_more(
    commonweal: Commonweal, session: str, by: str, invited: Promised, change: Any, why: str
) -> None:
    if change == "off":
        attending.take_off(commonweal, session, ALBA, by, 1)
    elif change == "cancel":
        convening.cancel(commonweal, session, 1)
    elif change == "demote":
        with commonweal.database.write() as connection:
            people.grant(connection, by, Access.MEMBER)
    else:
        attending.settle(commonweal, session, ALBA, by, 1, change)
    with pytest.raises(NothingToSayError, match=why):
        composed(commonweal, invited)


def finish(commonweal: Commonweal, session: str, state: mails.State) -> None:
    """Marks the mail that was promised."""
    with commonweal.database.write() as connection:
        mails.claim(connection, commonweal.now(), kinds=[Kind.SESSION])
        (mail, *_) = [one for one in mails.below(connection, Kind.SESSION, session) if one.ended_at is None]
        mails.finish(connection, mail.key, state, commonweal.now(), "x")


@pytest.mark.usefixtures("invited")
def test_one_whose_mail_was_dropped_is_mailed_when_it_is_invited_anew(
    commonweal: Commonweal, session: str, by: str
) -> None:
    attending.take_off(commonweal, session, ALBA, by, 1)
    finish(commonweal, session, mails.State.DROPPED)
    attending.ask(commonweal, session, [ALBA], by)
    assert post(commonweal, session).says(ALBA) == ""
    assert inviting.send(commonweal, session, by, EVERYBODY) == 1
    assert len(promised(commonweal, session)) == 2


@pytest.mark.usefixtures("invited")
@pytest.mark.parametrize(
    ("state", "says", "lost"),
    [(mails.State.SENT, "mailed 23 November", ()), (mails.State.FAILED, "mail not delivered", (ALBA,))],
)
def test_what_became_of_a_mail_is_told(
    commonweal: Commonweal, session: str, by: str, state: mails.State, says: str, lost: tuple[OrganisationId, ...]
) -> None:
    finish(commonweal, session, state)
    told = post(commonweal, session)
    assert (told.says(ALBA), told.lost) == (says, lost)
    attending.settle(commonweal, session, ALBA, by, 1, {"state": "coming"})
    assert post(commonweal, session).lost == ()


def test_for_a_session_that_was_cancelled_nobody_is_mailed(commonweal: Commonweal, session: str, by: str) -> None:
    attending.ask(commonweal, session, [ALBA], by)
    convening.cancel(commonweal, session, 1)
    with pytest.raises(RefusedError, match="This session was cancelled"):
        inviting.send(commonweal, session, by, EVERYBODY)
    assert promised(commonweal, session) == ()

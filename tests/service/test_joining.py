"""Joining: who is told, who decides, that one of two wins, and that a day ends what it should and nothing else."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from matcher.records import Organisation, OrganisationId, Standing
from service import applying, joining, memberships, signin
from service.applying import Alike, FormError, Typed
from service.joining import FirstError, GoneError, RefusedError
from service.registers import Register
from service.signing import LinkError
from service.store import events, mails, members, people, visits
from service.store import joining as stored
from service.store.joining import Application, Decided, Invitation, Membership
from service.store.mails import Promised, State
from service.store.people import Access, Person
from service.wiring import Commonweal

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOON.date()
YEAR_ON = date(2027, 11, 23)
ELMO = OrganisationId("elmo-allotments")
TYPED = Typed(
    name=" Elmo  Allotments ",
    register="charity",
    number="1098765",
    description="We grow food.\r\nOn Mondays.\x00",
    places="Leeds; BS3\nHull",
    sectors=("voluntary", "nonsense"),
    size="small",
    person_name="Eli Elmo",
    email="Eli@Elmo.example",
)


@pytest.fixture
def cora(commonweal: Commonweal) -> Person:
    return coordinator(commonweal, "cora@commonweal.example", "Cora")


def coordinator(commonweal: Commonweal, email: str, name: str) -> Person:
    with commonweal.database.write() as connection:
        person = people.ensure(connection, email, name)
        people.grant(connection, person.id, Access.COORDINATOR)
        found = people.get(connection, person.id)
    assert found
    return found


def applied(commonweal: Commonweal, **typed: Any) -> Application:
    application = applying.read(commonweal, replace(TYPED, **typed))
    joining.apply(commonweal, application)
    return application


def later(commonweal: Commonweal, **how: Any) -> datetime:
    moment = commonweal.now() + timedelta(**how)
    commonweal.now = lambda: moment
    return moment


def promised(commonweal: Commonweal) -> list[tuple[str, str, Mapping[str, str]]]:
    with commonweal.database.read() as connection:
        every: tuple[Promised, ...] = mails.every(connection, tuple(State))
    return sorted(((str(one.kind), one.email, one.about) for one in every), key=str)


def organisation(commonweal: Commonweal, id_: str) -> Organisation:
    with commonweal.database.read() as connection:
        return members.organisations(connection)[OrganisationId(id_)].record


def membership(commonweal: Commonweal, id_: str) -> Membership | None:
    with commonweal.database.read() as connection:
        return stored.membership(connection, OrganisationId(id_))


def acting(commonweal: Commonweal, id_: str) -> list[tuple[str, str, str]]:
    with commonweal.database.read() as connection:
        return [(one.person.email, one.person.name, one.added_by) for one in people.of(connection, OrganisationId(id_))]


def digests(commonweal: Commonweal, id_: str) -> list[str]:
    with commonweal.database.read() as connection:
        every = people.of(connection, OrganisationId(id_))
    return [one.person.email for one in every if one.gets_digest(commonweal.now().date())]


def done(commonweal: Commonweal, id_: str) -> list[tuple[str, str]]:
    with commonweal.database.read() as connection:
        return [(one.what, one.says) for one in events.about(connection, OrganisationId(id_))]


def invited(commonweal: Commonweal, by: Person, to: str | None = "ciano", **how: Any) -> tuple[Invitation, str]:
    typed = {"name": "", "person_name": "Cia Ciano", "email": "Cia@ciano.example", "until": YEAR_ON, **how}
    invitation = joining.invite(commonweal, by, organisation=OrganisationId(to) if to else None, **typed)
    return invitation, joining.address_of(commonweal, invitation.id).rpartition("/")[2]


def test_what_is_typed_is_read_into_an_application(commonweal: Commonweal) -> None:
    application = applying.read(commonweal, TYPED)
    assert application == Application(
        id=application.id,
        organisation=None,
        name="Elmo Allotments",
        register=Register.CHARITY,
        number="1098765",
        description="We grow food.\nOn Mondays.",
        places=("Leeds", "BS3", "Hull"),
        sectors=("voluntary",),
        size="small",
        person_name="Eli Elmo",
        email="eli@elmo.example",
        at=NOON,
    )


def test_every_field_that_cannot_be_taken_says_why(commonweal: Commonweal) -> None:
    with pytest.raises(FormError) as empty:
        applying.read(commonweal, Typed())
    assert list(empty.value.faults) == [
        "register", "sectors", "size", "name", "description", "places", "person_name", "email"
    ]  # fmt: skip
    with pytest.raises(FormError) as wrong:
        applying.read(
            commonweal,
            replace(TYPED, number="12", places="Brstol", email="eli elmo@x", name="x" * 201, size="huge"),
        )
    assert wrong.value.faults == {
        "number": wrong.value.faults["number"],
        "size": "Choose how large it is.",
        "name": "This has 201 characters; 200 is the most.",
        "places": "No place called “Brstol” is known. Did you mean Bristol?",
        "email": "This is not an email address. Write it like jo@example.org.",
    }
    assert wrong.value.faults["number"].startswith("“12” is no charity number: that is six or seven digits")
    with pytest.raises(FormError, match="10 places at most"):
        applying.read(commonweal, replace(TYPED, places="; ".join(f"LS{n}" for n in range(1, 12))))


def test_an_application_is_told_to_who_made_it_and_to_every_coordinator(commonweal: Commonweal, cora: Person) -> None:
    application = applied(commonweal)
    applied(commonweal, name="elmo allotments")
    about = {"application": application.id}
    assert promised(commonweal) == [
        ("application", "cora@commonweal.example", about),
        ("applied", "eli@elmo.example", about),
    ]


def test_an_approved_organisation_is_a_member_whose_person_may_sign_in(commonweal: Commonweal, cora: Person) -> None:
    application = applied(commonweal)
    assert joining.approve(commonweal, application.id, cora, until=YEAR_ON, why="Known to Alba") == ELMO
    assert organisation(commonweal, ELMO) == Organisation(
        id=ELMO,
        name="Elmo Allotments",
        standing=Standing.MEMBER,
        sectors=("voluntary",),
        size="small",
        description="We grow food.\nOn Mondays.",
        places=("Leeds", "BS3", "Hull"),
        identifiers=("GB-CHC-1098765",),
    )
    assert membership(commonweal, ELMO) == Membership(
        organisation=ELMO,
        register=Register.CHARITY,
        number="1098765",
        approved_by=cora.id,
        approved_at=NOON,
        until=YEAR_ON,
    )
    assert acting(commonweal, ELMO) == [("eli@elmo.example", "Eli Elmo", cora.id)]
    assert [kind for kind, email, _ in promised(commonweal) if email == "eli@elmo.example"] == ["applied", "approved"]
    assert done(commonweal, ELMO) == [("approved", "member until 23 November 2027: Known to Alba")]
    assert signin.request_link(commonweal, "eli@elmo.example")
    with commonweal.database.read() as connection:
        (decided,) = stored.decided(connection, 9)
    assert decided == replace(
        application,
        organisation=ELMO,
        decision=Decided.APPROVED,
        decided_by=cora.id,
        decided_at=NOON,
        why="Known to Alba",
    )


def test_a_listed_organisation_keeps_what_it_had_and_becomes_a_member(commonweal: Commonweal, cora: Person) -> None:
    application = applied(commonweal, name="Ciano Council", register="none", number="")
    ciano = OrganisationId("ciano")
    before = organisation(commonweal, "ciano")
    joining.approve(commonweal, application.id, cora, until=None, why="", organisation=ciano)
    assert organisation(commonweal, "ciano") == replace(before, standing=Standing.MEMBER, size="small")
    assert [email for email, _, _ in acting(commonweal, "ciano")] == ["cia@ciano.example", "eli@elmo.example"]
    assert digests(commonweal, "ciano") == ["eli@elmo.example"]  # a spreadsheet named Cia: she has not asked for any
    known = membership(commonweal, "ciano")
    assert known
    assert (known.register, known.number, known.until) == (Register.NONE, "", None)
    with commonweal.database.read() as connection:
        assert members.organisations(connection)[ciano].edited == {"standing", "size"}


def test_a_member_that_applies_again_only_has_another_person(commonweal: Commonweal, cora: Person) -> None:
    application = applied(commonweal)
    before = organisation(commonweal, "alba")
    joining.approve(commonweal, application.id, cora, until=YEAR_ON, why="", organisation=OrganisationId("alba"))
    assert (organisation(commonweal, "alba"), membership(commonweal, "alba")) == (before, None)
    assert [email for email, _, _ in acting(commonweal, "alba")] == ["ann@alba.example", "eli@elmo.example"]


def test_another_organisation_of_the_same_name_has_an_id_of_its_own(commonweal: Commonweal, cora: Person) -> None:
    for email, id_ in (("eli@elmo.example", ELMO), ("ewa@elmo.example", "elmo-allotments-2")):
        application = applied(commonweal, email=email)
        assert joining.approve(commonweal, application.id, cora, until=YEAR_ON, why="") == id_


def test_of_two_coordinators_the_second_is_told_who_was_first(commonweal: Commonweal, cora: Person) -> None:
    carl = coordinator(commonweal, "carl@commonweal.example", "Carl")
    application = applied(commonweal)

    def decide(by: Person) -> str:
        try:
            if by is carl:
                joining.refuse(commonweal, application.id, by, why="Too far")
            else:
                joining.approve(commonweal, application.id, by, until=YEAR_ON, why="")
        except FirstError as error:
            return str(error)
        return by.name

    with ThreadPoolExecutor(2) as pool:
        first, second = sorted(pool.map(decide, (cora, carl)), key=len)
    what = "approved" if first == "Cora" else "refused"
    assert second == f"{first} {what} this application at 12:00 on 23 November 2026."
    kinds = [kind for kind, email, _ in promised(commonweal) if email == "eli@elmo.example"]
    assert kinds == sorted(["applied", what])


def test_a_refusal_is_told_with_its_reason_and_can_be_taken_back(commonweal: Commonweal, cora: Person) -> None:
    application = applied(commonweal)
    with pytest.raises(RefusedError, match="Say why"):
        joining.refuse(commonweal, application.id, cora, why=" ")
    joining.refuse(commonweal, application.id, cora, why="Outside our counties")
    joining.reopen(commonweal, application.id, cora)
    later(commonweal, minutes=5)
    joining.refuse(commonweal, application.id, cora, why="Outside our counties, and closed")
    refusals = [about for kind, _, about in promised(commonweal) if kind == "refused"]
    assert refusals == [{"application": application.id}] * 2
    joining.reopen(commonweal, application.id, cora)
    with pytest.raises(FirstError):
        joining.reopen(commonweal, application.id, cora)
    joining.approve(commonweal, application.id, cora, until=YEAR_ON, why="")
    with pytest.raises(FirstError, match="not refused any more"):
        joining.reopen(commonweal, application.id, cora)


def test_what_is_not_there_or_cannot_be_is_said(commonweal: Commonweal, cora: Person) -> None:
    application = applied(commonweal)
    nobody = OrganisationId("nobody")
    for attempt in (
        lambda: joining.approve(commonweal, "f" * 32, cora, until=None, why=""),
        lambda: joining.refuse(commonweal, "f" * 32, cora, why="x"),
        lambda: joining.reopen(commonweal, "f" * 32, cora),
        lambda: joining.withdraw(commonweal, "f" * 32, cora),
    ):
        with pytest.raises(GoneError):
            attempt()
    yesterday = TODAY - timedelta(days=1)
    for impossible in (
        lambda: joining.approve(commonweal, application.id, cora, until=yesterday, why=""),
        lambda: joining.approve(commonweal, application.id, cora, until=None, why="", organisation=nobody),
        lambda: invited(commonweal, cora, until=yesterday),
        lambda: invited(commonweal, cora, to="nobody"),
        lambda: joining.set_until(commonweal, OrganisationId("ciano"), cora, until=YEAR_ON, seen=None),
        lambda: joining.set_until(commonweal, OrganisationId("alba"), cora, until=yesterday, seen=None),
    ):
        with pytest.raises(RefusedError):
            impossible()
    with commonweal.database.read() as connection:
        assert stored.waiting(connection, 9) == (application,)
        assert stored.open_invitations(connection, NOON, 9) == ()


def test_organisations_like_the_one_that_applies_are_found(commonweal: Commonweal) -> None:
    application = applying.read(commonweal, replace(TYPED, name="The Alba Community Kitchen Ltd"))
    named, numbered, other = (
        Organisation(id=OrganisationId(id_), name=name, identifiers=identifiers)
        for id_, name, identifiers in (
            ("alba", "Alba Community Kitchens", ()),
            ("zeta", "Zeta", ("gb-chc-1098765",)),
            ("elmo", "Elmo Transport", ("GB-CHC-109876",)),
        )
    )
    same = replace(named, id=OrganisationId("same"), name="ALBA Community-Kitchen")
    assert applying.alike((named, other, same, numbered), application) == (
        Alike(numbered, "has the same number"),
        Alike(same, "has the same name"),
        Alike(named, "has a similar name"),
    )


def test_one_more_person_of_a_member_is_told_to_be_added(commonweal: Commonweal, cora: Person) -> None:
    first, second = (applied(commonweal, email=f"{name}@elmo.example") for name in ("eli", "ewa"))
    elmo = joining.approve(commonweal, first.id, cora, until=YEAR_ON, why="")
    joining.approve(commonweal, second.id, cora, until=None, why="Eli asked", organisation=elmo)
    kinds = ("approved", "added", "colleague")
    told = [(kind, email) for kind, email, _ in promised(commonweal) if kind in kinds]
    assert sorted(told) == [
        ("added", "ewa@elmo.example"),
        ("approved", "eli@elmo.example"),
        ("colleague", "eli@elmo.example"),
    ]
    with commonweal.database.read() as connection:
        says = [one.says for one in events.about(connection, elmo)]
    assert says == ["one more person acts for it: Eli asked", f"member until {YEAR_ON:%-d %B %Y}"]
    known = membership(commonweal, elmo)
    assert known
    assert known.until == YEAR_ON


def test_an_invitation_is_looked_at_without_using_it_and_accepted_once(commonweal: Commonweal, cora: Person) -> None:
    invitation, token = invited(commonweal, cora)
    assert organisation(commonweal, "ciano").standing is Standing.INVITED
    about = {"invitation": invitation.id, "organisation": "ciano"}
    assert promised(commonweal) == [("invitation", "cia@ciano.example", about)]
    for _ in range(2):
        assert joining.look_at(commonweal, token) == (invitation, organisation(commonweal, "ciano"))
    assert acting(commonweal, "ciano") == [("cia@ciano.example", "Cia Ciano", "import")]
    accepted_at = later(commonweal, days=3)
    accept = {"person_name": "Cia C. Ciano", "register": Register.NHS, "number": "RR8"}
    assert joining.accept(commonweal, token, **accept) == "ciano"  # type: ignore[arg-type]
    assert organisation(commonweal, "ciano").standing is Standing.MEMBER
    assert organisation(commonweal, "ciano").identifiers == ("GB-NHS-RR8",)
    assert membership(commonweal, "ciano") == Membership(
        organisation=OrganisationId("ciano"),
        register=Register.NHS,
        number="RR8",
        approved_by=cora.id,
        approved_at=NOON,
        until=YEAR_ON,
    )
    assert acting(commonweal, "ciano") == [("cia@ciano.example", "Cia Ciano", "import")]
    assert digests(commonweal, "ciano") == ["cia@ciano.example"]
    assert [(kind, email) for kind, email, _ in promised(commonweal)] == [
        ("approved", "cia@ciano.example"),
        ("invitation", "cia@ciano.example"),
    ]
    with commonweal.database.read() as connection:
        ((_, _, about), _) = promised(commonweal)
        assert visits.usable(connection, about["link"], accepted_at) == about["person"]
    for again in (lambda: joining.accept(commonweal, token, **accept), lambda: joining.look_at(commonweal, token)):  # type: ignore[arg-type]
        with pytest.raises(GoneError, match="accepted already"):
            again()
    with commonweal.database.read() as connection:
        assert stored.invitation(connection, invitation.id) == replace(invitation, accepted_at=accepted_at)


def test_of_many_who_accept_at_once_one_does(commonweal: Commonweal, cora: Person) -> None:
    _, token = invited(commonweal, cora)

    def accept(_: int) -> bool:
        try:
            joining.accept(commonweal, token, person_name="", register=Register.NONE, number="")
        except GoneError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(accept, range(8))) == 1


def test_an_invitation_runs_out_is_withdrawn_and_is_of_this_network_only(commonweal: Commonweal, cora: Person) -> None:
    invitation, token = invited(commonweal, cora)
    _, ended = invited(commonweal, cora, until=TODAY + timedelta(days=2))
    joining.withdraw(commonweal, invitation.id, cora)
    with pytest.raises(GoneError, match="withdrawn"):
        joining.accept(commonweal, token, person_name="", register=Register.NONE, number="")
    _, token = invited(commonweal, cora)
    later(commonweal, days=3)
    joining.look_at(commonweal, token)
    with pytest.raises(GoneError, match="is over"):
        joining.look_at(commonweal, ended)
    later(commonweal, days=27)
    with pytest.raises(GoneError, match="run out"):
        joining.look_at(commonweal, token)
    for wrong in (token[:-1], commonweal.signing.sign("sign-in", invitation.id)):
        with pytest.raises(LinkError):
            joining.look_at(commonweal, wrong)
    assert organisation(commonweal, "ciano").standing is Standing.INVITED


def test_a_new_organisation_may_be_invited_and_a_member_is_never_lowered(commonweal: Commonweal, cora: Person) -> None:
    invitation, _ = invited(commonweal, cora, to=None, name="Fina Foundry")
    assert organisation(commonweal, invitation.organisation) == Organisation(
        id=OrganisationId("fina-foundry"), name="Fina Foundry", standing=Standing.INVITED
    )
    with pytest.raises(RefusedError, match="on our list already, as fina-foundry"):
        invited(commonweal, cora, to=None, name="The fina foundry")
    before = organisation(commonweal, "alba")
    _, token = invited(commonweal, cora, to="alba", email="new@alba.example")
    assert organisation(commonweal, "alba") == before
    joining.accept(commonweal, token, person_name="Nia", register=Register.NONE, number="")
    assert (organisation(commonweal, "alba"), membership(commonweal, "alba")) == (before, None)
    assert acting(commonweal, "alba")[1] == ("new@alba.example", "Nia", cora.id)


def test_an_organisation_with_a_telephone_only_joins_on_its_word(commonweal: Commonweal, cora: Person) -> None:
    how: dict[str, Any] = {
        "register": Register.NHS,
        "number": "RR8",
        "until": YEAR_ON,
        "why": "Cia, by telephone today",
    }
    ciano = OrganisationId("ciano")
    assert joining.admit(commonweal, cora, organisation=ciano, name="", **how) == "ciano"
    assert organisation(commonweal, "ciano").standing is Standing.MEMBER
    assert organisation(commonweal, "ciano").identifiers == ("GB-NHS-RR8",)
    assert membership(commonweal, "ciano") == Membership(
        organisation=ciano,
        register=Register.NHS,
        number="RR8",
        approved_by=cora.id,
        approved_at=NOON,
        until=YEAR_ON,
    )
    assert done(commonweal, "ciano") == [
        ("admitted", "member until 23 November 2027, added by a coordinator: Cia, by telephone today")
    ]
    assert digests(commonweal, "ciano") == []
    assert promised(commonweal) == []
    with pytest.raises(FirstError):
        joining.admit(commonweal, cora, organisation=ciano, name="", **how)
    with pytest.raises(RefusedError, match="who agreed to this"):
        joining.admit(commonweal, cora, organisation=None, name="Fina", **{**how, "why": " "})
    assert joining.admit(commonweal, cora, organisation=None, name="Fina", **how) == "fina"
    assert organisation(commonweal, "fina").name == "Fina"


def test_the_end_is_told_once_and_then_comes(commonweal: Commonweal, cora: Person) -> None:
    alba = OrganisationId("alba")
    last = TODAY + timedelta(days=31)
    joining.set_until(commonweal, alba, cora, until=last, seen=None)
    assert memberships.tidy(commonweal) == 0
    later(commonweal, days=1)
    assert [memberships.tidy(commonweal) for _ in range(2)] == [1, 0]
    ending = ("ending", "ann@alba.example", {"organisation": "alba", "until": "2026-12-24"})
    assert promised(commonweal) == [ending]
    later(commonweal, days=30)
    assert commonweal.now().date() == last
    assert memberships.tidy(commonweal) == 0
    later(commonweal, days=1)
    assert [memberships.tidy(commonweal) for _ in range(2)] == [1, 0]
    assert organisation(commonweal, "alba").standing is Standing.INVITED
    assert organisation(commonweal, "borea").standing is Standing.MEMBER
    assert promised(commonweal) == [ending]
    assert not signin.request_link(commonweal, "ann@alba.example")
    assert done(commonweal, "alba")[0] == ("membership", "ended on 2026-12-24")


def test_a_membership_is_extended_even_after_its_end_and_told_of_again(commonweal: Commonweal, cora: Person) -> None:
    alba = OrganisationId("alba")
    last = TODAY + timedelta(days=10)
    joining.set_until(commonweal, alba, cora, until=last, seen=None)
    memberships.tidy(commonweal)
    later(commonweal, days=11)
    memberships.tidy(commonweal)
    again = commonweal.now().date() + timedelta(days=20)
    with pytest.raises(FirstError):
        joining.set_until(commonweal, alba, cora, until=again, seen=None)
    joining.set_until(commonweal, alba, cora, until=again, seen=last)
    assert organisation(commonweal, "alba").standing is Standing.MEMBER
    assert memberships.tidy(commonweal) == 1
    assert [about["until"] for kind, _, about in promised(commonweal)] == [str(last), str(again)]
    joining.set_until(commonweal, alba, cora, until=None, seen=again)
    later(commonweal, days=4000)
    assert memberships.tidy(commonweal) == 0
    assert organisation(commonweal, "alba").standing is Standing.MEMBER


def test_who_applied_is_forgotten_ninety_days_after_the_decision(commonweal: Commonweal, cora: Person) -> None:
    application = applied(commonweal)
    applied(commonweal, name="Still waiting")
    joining.refuse(commonweal, application.id, cora, why="Eli moved")
    later(commonweal, days=90)
    assert memberships.tidy(commonweal) == 0
    later(commonweal, seconds=1)
    assert memberships.tidy(commonweal) == 1
    with commonweal.database.read() as connection:
        (refused,) = stored.decided(connection, 9)
        assert (refused.name, refused.person_name, refused.email, refused.why) == ("Elmo Allotments", "", "", "")
        assert [one.name for one in stored.waiting(connection, 9)] == ["Still waiting"]


@pytest.mark.parametrize(
    ("day", "last"), [(date(2026, 11, 23), date(2027, 11, 23)), (date(2028, 2, 29), date(2029, 2, 28))]
)
def test_a_year_from_a_day(day: date, last: date) -> None:
    assert joining.a_year_from(day) == last

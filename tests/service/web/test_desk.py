"""The desk: only for coordinators, each decision once, contact details only when asked for, and that is recorded."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from matcher.proposing import Proposal
from matcher.records import Organisation, OrganisationId, Standing
from service import applying, joining
from service.applying import Typed
from service.sessions import convening
from service.store import events, mails, members, people, rounds, schema
from service.store import joining as stored
from service.store.joining import Application
from service.store.mails import Kind, State
from service.store.people import Access
from service.wiring import Commonweal

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
ELI = "eli@elmo.example"
TYPED = Typed(
    name="Elmo Allotments",
    register="charity",
    number="1098765",
    description="We grow food. Ring 0117 496 0123.",
    places="Bath",
    sectors=("voluntary",),
    size="micro",
    person_name="Eli Elmo",
    email=ELI,
)
PAGES = (
    "/desk",
    "/desk/applications",
    "/desk/applications?old=true",
    "/desk/invite",
    "/desk/invite?organisation=ciano",
    "/desk/invitations",
    "/desk/admit",
    "/desk/admit?organisation=ciano",
    "/desk/organisations",
    "/desk/organisations/alba",
    "/desk/mails",
)
POSTS = (
    "/desk/applications/{application}/show",
    "/desk/applications/{application}/approve",
    "/desk/applications/{application}/refuse",
    "/desk/applications/{application}/reopen",
    "/desk/invite",
    "/desk/admit",
    "/desk/invitations/{application}/withdraw",
    "/desk/organisations/alba/show",
    "/desk/organisations/alba/until",
    "/desk/mails/show",
    "/desk/mails/retry",
    "/desk/mails/revive",
    "/desk/people",
    "/desk/people/add",
)
Fill = Callable[..., dict[str, Any]]


def applied(commonweal: Commonweal) -> Application:
    application = applying.read(commonweal, TYPED)
    joining.apply(commonweal, application)
    return application


def found(commonweal: Commonweal, id_: str) -> Application:
    with commonweal.database.read() as connection:
        application = stored.application(connection, id_)
    assert application
    return application


def administrator(commonweal: Commonweal) -> str:
    with commonweal.database.write() as connection:
        person = people.ensure(connection, "ada@commonweal.example", "Ada")
        people.grant(connection, person.id, Access.ADMINISTRATOR)
    return person.email


def done(commonweal: Commonweal) -> list[tuple[str, str]]:
    with commonweal.database.read() as connection:
        return [(row.what, row.says) for row in connection.execute(schema.events.select().order_by(schema.events.c.id))]


def test_the_desk_is_for_coordinators_alone(
    stranger: TestClient, sign_in: Callable[[str], TestClient], form: Fill, commonweal: Commonweal
) -> None:
    member = sign_in("jo.person@alba.example")
    paths = (*PAGES, "/desk/people", f"/desk/applications/{applied(commonweal).id}")
    assert {stranger.get(path).headers["location"][:9] for path in paths} == {"/sign-in?"}
    assert {member.get(path).status_code for path in paths} == {403}
    before = done(commonweal)
    for post in POSTS:
        path = post.format(application=applied(commonweal).id)
        assert stranger.post(path).status_code == 403
        assert member.post(path, data=form(member, to="coordinator", until="", why="x")).status_code == 403
    assert done(commonweal) == before


def test_every_page_of_the_desk_opens_and_names_no_address(client: TestClient, commonweal: Commonweal) -> None:
    for path in (*PAGES, f"/desk/applications/{applied(commonweal).id}"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        secrets = (ELI, "Eli Elmo", "jo.person@", "Jo Person", "0117 496 0123", "12 Harbour")
        assert [secret for secret in secrets if secret in answer.text] == [], path
    assert client.get("/desk/people").status_code == 403


def test_an_organisations_page_leads_a_coordinator_to_what_can_be_done_for_it(
    client: TestClient, sign_in: Callable[[str], TestClient]
) -> None:
    def links(browser: TestClient, organisation: str) -> list[str]:
        html = browser.get(f"/organisations/{organisation}").text
        found = re.search(r'aria-label="On its behalf">(.*?)</nav>', html, re.S)
        return re.findall(r'href="([^"]+)"', found[1]) if found else []

    for_alba = ["/organisations/alba/listings/new", "/suggestions?organisation=alba"]
    to_invite = ["/desk/invite?organisation={}", "/desk/organisations/{}"]
    assert links(client, "alba") == for_alba + [path.format("alba") for path in to_invite]
    assert links(client, "ciano") == [path.format("ciano") for path in to_invite]
    assert {client.get(path).status_code for path in links(client, "alba")} == {200}
    assert links(sign_in("jo.person@alba.example"), "alba") == []


def test_a_form_from_elsewhere_does_nothing_on_the_desk(client: TestClient, commonweal: Commonweal) -> None:
    application = applied(commonweal)
    assert client.post(f"/desk/applications/{application.id}/approve", data={"until": ""}).status_code == 403
    assert found(commonweal, application.id).decision is None


def test_what_waits_is_on_the_desk(client: TestClient, commonweal: Commonweal) -> None:
    application = applied(commonweal)
    with commonweal.database.write() as connection:
        coordinator = people.with_access(connection, Access.COORDINATOR)[0]
        row = {
            **{"key": "k", "week": "2026-W46", "need": "alba-n1", "offer": "borea-o1", "asking": "alba"},
            **{"giving": "borea", "origin": "round", "strength": "good", "fit": 0.5, "score": 1.0, "shown": {}},
            **{"state": "asked", "opened_by": "alba", "opened_at": NOW, "due": date(2026, 11, 30), "reminded_at": NOW},
        }
        connection.execute(schema.introductions.insert(), [row])
        mails.promise(connection, Kind.ADDED, "one", to=coordinator, about={}, due=NOW)
        connection.execute(update(schema.mails).where(schema.mails.c.kind == "added").values(state="failed"))
        people.give_up_on(connection, "jo.person@alba.example", "550 nobody", NOW)
    joining.set_until(commonweal, OrganisationId("borea"), coordinator, until=date(2026, 12, 20), seen=None)
    html = re.sub(r"<[^>]+>|\s+", " ", client.get("/desk").text)
    text = re.sub(r"\s+", " ", html)
    for sentence in (
        "1 application waiting Elmo Allotments since 25 November 2026",
        "Week 48 of 2026 has no round yet",
        "Alba &amp; Friends is waiting for Borea closes after 30 November 2026",
        "Borea last day 20 December 2026",
        "1 went wrong or may have, and we no longer send email to 1 address",
    ):
        assert sentence in text, sentence
    assert f'href="/desk/applications/{application.id}"' in client.get("/desk").text


def test_sessions_ahead_and_rounds_that_wait_are_on_the_desk(client: TestClient, commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        by = people.ensure(connection, "cora@commonweal.example").id
        rounds.propose(connection, "2026-W50", Proposal(), versions={}, at=NOW)
    session = convening.make(commonweal, by, {"title": "Out of prison", "themes": "isolation", "day": "2026-12-03"})
    said = client.get("/desk").text
    assert f'<a href="/desk/sessions/{session.id}">Out of prison</a>' in said
    assert '<a href="/desk/review/2026-W50">Round of the week of 7 December 2026</a>' in said


def test_an_application_is_approved_until_a_day_and_why(client: TestClient, form: Fill, commonweal: Commonweal) -> None:
    application = applied(commonweal)
    path = f"/desk/applications/{application.id}"
    page = client.get(path).text
    assert 'value="2027-11-25"' in page
    answer = client.post(f"{path}/approve", data=form(client, until="2027-06-30", why="Known to Alba", organisation=""))
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    decided = found(commonweal, application.id)
    assert (decided.decision, decided.organisation, decided.why) == ("approved", "elmo-allotments", "Known to Alba")
    with commonweal.database.read() as connection:
        membership = stored.membership(connection, OrganisationId("elmo-allotments"))
        assert stored.standing(connection, OrganisationId("elmo-allotments")) is Standing.MEMBER
    assert membership
    assert membership.until == date(2027, 6, 30)
    after = client.get(path).text
    assert "Approved by Cora Coordinator on 25 November 2026 at 09:30 GMT." in after
    assert "/approve" not in after and "/reopen" not in after


def test_the_second_of_two_coordinators_is_told_who_was_first(
    client: TestClient, form: Fill, commonweal: Commonweal
) -> None:
    path = f"/desk/applications/{applied(commonweal).id}"
    client.post(f"{path}/refuse", data=form(client, why="Too far"))
    answer = client.post(f"{path}/approve", data=form(client, until="", why="", organisation=""))
    assert answer.status_code == 409
    assert "Cora Coordinator refused this application at 09:30 on 25 November 2026." in answer.text


def test_a_refusal_wants_a_reason_and_is_taken_back(client: TestClient, form: Fill, commonweal: Commonweal) -> None:
    application = applied(commonweal)
    path = f"/desk/applications/{application.id}"
    assert client.post(f"{path}/refuse", data=form(client, why=" ")).status_code == 422
    assert client.post(f"{path}/approve", data=form(client, until="soon")).status_code == 422
    assert client.post(f"{path}/approve", data=form(client, until="2026-11-24")).status_code == 422
    assert client.post(f"{path}/approve", data=form(client, organisation="nobody")).status_code == 422
    assert found(commonweal, application.id) == application
    client.post(f"{path}/refuse", data=form(client, why="Too far"))
    assert "Refused by Cora Coordinator" in client.get(path).text
    assert client.post(f"{path}/reopen", data=form(client)).status_code == 303
    assert found(commonweal, application.id) == application
    assert client.post(f"{path}/reopen", data=form(client)).status_code == 409


def test_applications_that_may_be_the_same_organisations_are_named(client: TestClient, commonweal: Commonweal) -> None:
    first = applied(commonweal)
    for name, number in (("Elmo’s plots", "109 8765"), ("The Elmo Allotment Ltd", "200051"), ("Fina", "200052")):
        application = applying.read(commonweal, replace(TYPED, name=name, number=number))
        joining.apply(commonweal, application)
    page = client.get(f"/desk/applications/{first.id}").text
    assert sorted(re.findall(r'Possibly the same organisation: <a href="[^"]+">([^<]+)</a>', page)) == [
        "Elmo’s plots",
        "The Elmo Allotment Ltd",
    ]


def test_an_organisation_that_may_be_the_same_is_proposed(
    client: TestClient, form: Fill, commonweal: Commonweal
) -> None:
    application = applied(commonweal)
    with commonweal.database.write() as connection:
        members.edit(connection, "ciano", {"identifiers": ("GB-CHC-1098765",)})
    page = client.get(f"/desk/applications/{application.id}").text
    assert re.search(r'value="ciano" checked>.*\n?.*listed, not a member; has the same number', page)
    client.post(f"/desk/applications/{application.id}/approve", data=form(client, until="", organisation="ciano"))
    with commonweal.database.read() as connection:
        assert stored.standing(connection, OrganisationId("ciano")) is Standing.MEMBER


@pytest.mark.parametrize(
    ("path", "secret", "says"),
    [
        ("/desk/applications/{application}", ELI, "application {application}"),
        ("/desk/organisations/alba", "jo.person@alba.example", "of its people"),
        ("/desk/mails", "jo.person@borea.example", "of mails that went wrong"),
    ],
)
def test_contact_details_are_shown_when_asked_for_and_that_is_recorded(
    client: TestClient,
    sign_in: Callable[[str], TestClient],
    form: Fill,
    commonweal: Commonweal,
    path: str,
    secret: str,
    says: str,
) -> None:
    application = applied(commonweal).id
    path, says = path.format(application=application), says.format(application=application)
    with commonweal.database.write() as connection:
        people.give_up_on(connection, "jo.person@borea.example", "550 nobody", NOW)
    assert secret not in client.get(path).text
    answer = client.post(f"{path}/show", data=form(client))
    assert answer.status_code == 303
    shown = answer.headers["location"]
    assert secret in client.get(shown).text
    assert done(commonweal) == [("contact details shown", says)]
    other = sign_in(administrator(commonweal))
    assert secret not in other.get(shown).text
    commonweal.now = lambda: NOW + timedelta(minutes=11)
    assert secret not in client.get(shown).text


def test_an_organisation_is_invited_and_the_invitation_taken_back(
    client: TestClient, form: Fill, commonweal: Commonweal
) -> None:
    typed = {"organisation": "ciano", "person_name": "Cia", "email": "cia@ciano.example", "until": "2027-11-25"}
    wrong = client.post("/desk/invite", data=form(client, **{**typed, "email": "cia"}))
    assert wrong.status_code == 422
    assert "This is not an email address." in wrong.text and 'value="Cia"' in wrong.text
    answer = client.post("/desk/invite", data=form(client, **typed))
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/invitations")
    with commonweal.database.read() as connection:
        (invitation,) = stored.open_invitations(connection, NOW, 9)
        assert stored.standing(connection, OrganisationId("ciano")) is Standing.INVITED
    assert (invitation.email, invitation.until) == ("cia@ciano.example", date(2027, 11, 25))
    assert "invited on 25 November 2026 by Cora Coordinator" in client.get("/desk/invitations").text
    take_back = f"/desk/invitations/{invitation.id}/withdraw"
    assert client.post(take_back, data=form(client)).status_code == 303
    assert client.post(take_back, data=form(client)).status_code == 409
    assert client.post("/desk/invite", data=form(client, **{**typed, "organisation": "nobody"})).status_code == 404


def test_a_new_organisation_is_invited_by_name(client: TestClient, form: Fill, commonweal: Commonweal) -> None:
    typed = {"name": "Fina Foundry", "person_name": "Fin", "email": "fin@fina.example", "until": ""}
    assert client.post("/desk/invite", data=form(client, **typed)).status_code == 303
    again = client.post("/desk/invite", data=form(client, **typed))
    assert again.status_code == 422
    assert "Fina Foundry is on our list already, as fina-foundry" in again.text
    no_day = client.post("/desk/invite", data=form(client, **{**typed, "name": "Gino", "until": "2026-01-01"}))
    assert no_day.status_code == 422


def test_an_organisation_joins_on_its_word_once(client: TestClient, form: Fill, commonweal: Commonweal) -> None:
    typed = {"organisation": "ciano", "register": "company", "number": "8407369", "until": "", "why": "Cia, today"}
    for wrong, says in (
        ({"number": "x"}, "“x” is no company number"),
        ({"why": ""}, "Say who agreed to this and when"),
        ({"until": "2026-01-01"}, "is over already"),
    ):
        answer = client.post("/desk/admit", data=form(client, **{**typed, **wrong}))
        assert (answer.status_code, says in answer.text) == (422, True)
    answer = client.post("/desk/admit", data=form(client, **typed))
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/organisations/ciano")
    page = client.get("/desk/organisations/ciano").text
    assert "08407369" in page and "Admitted: member until it is ended, added by a coordinator: Cia, today" in page
    again = client.post("/desk/admit", data=form(client, **typed))
    assert (again.status_code, "It is a member already." in again.text) == (422, True)
    assert client.post("/desk/admit", data=form(client, **{**typed, "organisation": "no"})).status_code == 404


def test_a_membership_is_extended_only_as_it_was_seen(client: TestClient, form: Fill, commonweal: Commonweal) -> None:
    path = "/desk/organisations/borea"
    assert "It was imported from a spreadsheet as a member, with no last day." in client.get(path).text
    assert client.post(f"{path}/until", data=form(client, until="2027-01-31", seen="")).status_code == 303
    page = client.get(path).text
    assert "31 January 2027" in page and 'name="seen" value="2027-01-31"' in page
    stale = client.post(f"{path}/until", data=form(client, until="2027-03-31", seen=""))
    assert stale.status_code == 409
    assert "another last day just now" in stale.text
    assert client.post(f"{path}/until", data=form(client, until="x", seen="2027-01-31")).status_code == 422
    assert client.post("/desk/organisations/ciano/until", data=form(client, until="", seen="")).status_code == 422
    assert client.post(f"{path}/until", data=form(client, until="", seen="2027-01-31")).status_code == 303
    with commonweal.database.read() as connection:
        says = [one.says for one in events.about(connection, OrganisationId("borea"))]
    assert says == ["until it is ended", "until 31 January 2027"]


def test_a_membership_without_a_last_day_is_shown_without_one(
    client: TestClient, form: Fill, commonweal: Commonweal
) -> None:
    path = "/desk/organisations/borea"

    def filled() -> str:
        found = re.search(r'name="until" type="date" value="([^"]*)"', client.get(path).text)
        assert found
        return found[1]

    assert filled() == ""
    client.post(f"{path}/until", data=form(client, until="2026-11-25", seen=""))
    assert filled() == "2026-11-25"
    client.post(f"{path}/until", data=form(client, until="", seen="2026-11-25"))
    assert filled() == ""
    with commonweal.database.write() as connection:
        members.edit(connection, "borea", {"standing": Standing.INVITED})
    assert filled() == "2027-11-25"
    assert 'value="2026-01-01"' in client.post(f"{path}/until", data=form(client, until="2026-01-01", seen="")).text


def test_only_what_is_so_is_said_of_what_a_coordinator_enters(client: TestClient) -> None:
    page = client.get("/desk/organisations/alba").text
    assert "recorded as entered by a coordinator. When you reply for them, their people are told by email." in page


def test_a_number_leads_to_its_entry_in_the_register(client: TestClient, commonweal: Commonweal) -> None:
    page = client.get(f"/desk/applications/{applied(commonweal).id}").text
    assert '1098765 <a href="https://register-of-charities.charitycommission.gov.uk/charity-details/?regid=' in page
    nhs = applying.read(commonweal, replace(TYPED, name="Fina", register="nhs", number="RR8"))
    joining.apply(commonweal, nhs)
    page = client.get(f"/desk/applications/{nhs.id}").text
    assert ("<dd>RR8</dd>" in page, "entry in the register" in page) == (True, False)


def test_what_was_typed_is_kept_where_a_decision_is_refused(
    client: TestClient, form: Fill, commonweal: Commonweal
) -> None:
    path = f"/desk/applications/{applied(commonweal).id}"
    with commonweal.database.write() as connection:
        members.edit(connection, "ciano", {"name": "The Elmo Allotments"})
    sent = form(client, until="2026-11-24", why="Known to Alba", organisation="ciano")
    page = client.post(f"{path}/approve", data=sent).text
    for kept in ('type="date" value="2026-11-24"', 'name="why" value="Known to Alba"', 'value="ciano" checked'):
        assert kept in page, kept
    assert 'value="" checked' not in page
    long = client.post(f"{path}/refuse", data=form(client, why="x" * 3001))
    assert (long.status_code, f'value="{"x" * 3001}"' in long.text) == (422, True)


def test_an_approved_application_leads_to_the_member_by_its_name(
    client: TestClient, form: Fill, commonweal: Commonweal
) -> None:
    path = f"/desk/applications/{applied(commonweal).id}"
    client.post(f"{path}/approve", data=form(client, until="", organisation="ciano"))
    assert '<dt>Now a member as</dt><dd><a href="/desk/organisations/ciano">Ciano</a></dd>' in client.get(path).text


def test_mails_go_again_and_addresses_are_tried_again_once(
    client: TestClient, form: Fill, commonweal: Commonweal
) -> None:
    with commonweal.database.write() as connection:
        mails.promise(connection, Kind.APPLIED, "one", to=ELI, about={}, due=NOW)
        connection.execute(update(schema.mails).values(state="failed", says="550 no eli@elmo.example"))
        people.give_up_on(connection, "jo.person@borea.example", "550 nobody", NOW)
        jo = people.by_email(connection, "jo.person@borea.example")
    assert jo
    page = client.get("/desk/mails").text
    assert "Applied to e…@e…" in page and ELI not in page
    mark = re.search(r'name="mail" value="(\w+)"', page)
    assert mark
    codes = [client.post("/desk/mails/retry", data=form(client, mail=mark[1])).status_code for _ in range(2)]
    assert codes == [303, 409]
    codes = [client.post("/desk/mails/revive", data=form(client, person=jo.id)).status_code for _ in range(2)]
    assert codes == [303, 409]
    with commonweal.database.read() as connection:
        assert [one.email for one in mails.every(connection, (State.WAITING,))] == [ELI]
        revived = people.get(connection, jo.id)
    assert revived
    assert revived.undeliverable == ""


def test_administrators_say_who_is_a_coordinator(
    client: TestClient, sign_in: Callable[[str], TestClient], form: Fill, commonweal: Commonweal
) -> None:
    ada = sign_in(administrator(commonweal))
    new = form(ada, name="Nina", email="Nina@commonweal.example", to="coordinator")
    assert ada.post("/desk/people/add", data=new).status_code == 303
    assert "nina@commonweal.example, coordinator" in ada.get("/desk/people").text
    with commonweal.database.read() as connection:
        nina, her = (people.by_email(connection, f"{one}@commonweal.example") for one in ("nina", "ada"))
    assert nina and her
    change = form(ada, person=nina.id, seen="coordinator", to="member")
    assert ada.post("/desk/people", data=change).status_code == 303
    assert ada.post("/desk/people", data=change).status_code == 409
    last = ada.post("/desk/people", data=form(ada, person=her.id, seen="administrator", to="coordinator"))
    assert last.status_code == 409
    assert "Ada is the last administrator: make somebody else one first." in last.text
    assert ada.post("/desk/people", data=form(ada, person=her.id, seen="x", to="y")).status_code == 422
    assert ada.post("/desk/people/add", data=form(ada, name="", email="x", to="member")).status_code == 422
    assert client.post("/desk/people/add", data=form(client, **{**new, "email": "evil@x.example"})).status_code == 403


def test_organisations_are_found_by_a_part_of_their_name_page_by_page(
    client: TestClient, commonweal: Commonweal
) -> None:

    many = {
        f"zeta-{n:02}": Organisation(id=OrganisationId(f"zeta-{n:02}"), name=f"Zeta {n:02} 100%") for n in range(31)
    }
    with commonweal.database.write() as connection:
        members.save(connection, organisations=many)  # type: ignore[arg-type]
    first, second = (client.get(f"/desk/organisations?name=ZETA&page={n}").text for n in (1, 2))
    assert ("zeta-00" in first, "zeta-30" in first, "page=2" in first) == (True, False, True)
    assert ("zeta-29" in second, "zeta-30" in second, "page=1" in second) == (False, True, True)
    assert "None with this in its name." in client.get("/desk/organisations?name=%25_").text
    assert "zeta-07" in client.get("/desk/organisations?name=07+100%25").text
    assert client.get("/desk/organisations?page=0").status_code == 422


@pytest.mark.parametrize(
    "path",
    ["/desk/applications/x", f"/desk/applications/{'f' * 32}", "/desk/organisations/nobody", "/desk/applications/%00"],
)
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(f"/desk/{path}").status_code == 404

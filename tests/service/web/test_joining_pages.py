"""Applying and accepting an invitation, as somebody at a browser does."""

import re
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from matcher.records import OrganisationId, Standing
from service import joining
from service.store import joining as stored
from service.store import mails, members, people
from service.store.people import Access, Person
from service.wiring import Commonweal

APPLICATION = {
    "name": "Elmo Allotments",
    "register": "charity",
    "number": "109 8765",
    "description": "We grow food.",
    "places": "Bristol, Bath",
    "sectors": ["voluntary", "academic"],
    "size": "micro",
    "person_name": "Eli Elmo",
    "email": "eli@elmo.example",
}
ACCEPTANCE = {"person_name": "Cia Ciano", "register": "none", "number": ""}


def send(browser: TestClient, path: str, typed: dict[str, Any]) -> Any:
    """Opens a page, and sends the form on it as a browser would: with what the form holds."""
    found = re.search(r'name="form" value="([^"]+)"', browser.get(path).text)
    return browser.post(path, data={**({"form": found[1]} if found else {}), **typed})


def waiting(commonweal: Commonweal) -> tuple[stored.Application, ...]:
    with commonweal.database.read() as connection:
        return stored.waiting(connection, 99)


def cora(commonweal: Commonweal) -> Person:
    with commonweal.database.write() as connection:
        person = people.ensure(connection, "cora@commonweal.example", "Cora")
        people.grant(connection, person.id, Access.COORDINATOR)
    return person


def invitation(commonweal: Commonweal, to: str = "ciano") -> str:
    made = joining.invite(
        commonweal,
        cora(commonweal),
        organisation=OrganisationId(to),
        name="",
        person_name="Cia Ciano",
        email="cia@ciano.example",
        until=date(2027, 11, 25),
    )
    return urlsplit(joining.address_of(commonweal, made.id)).path


def test_an_organisation_applies(stranger: TestClient, commonweal: Commonweal) -> None:
    answer = send(stranger, "/join", APPLICATION)
    assert (answer.status_code, answer.headers["location"]) == (303, "/join/sent")
    assert "with the coordinators" in stranger.get("/join/sent").text
    (application,) = waiting(commonweal)
    assert (application.name, application.number, application.places, application.sectors, application.email) == (
        "Elmo Allotments",
        "1098765",
        ("Bristol", "Bath"),
        ("voluntary", "academic"),
        "eli@elmo.example",
    )


@pytest.mark.parametrize("known", [{}, {"email": "jo.person@borea.example"}, {"name": "Borea"}, {"number": "200051"}])
def test_the_answer_does_not_tell_what_is_known(
    stranger: TestClient, commonweal: Commonweal, known: dict[str, str]
) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "borea", {"identifiers": ("GB-CHC-200051",)})
    answers = [send(stranger, "/join", {**APPLICATION, **known}) for _ in range(2)]
    assert [(answer.status_code, answer.headers["location"], answer.text) for answer in answers] == [
        (303, "/join/sent", "")
    ] * 2
    assert len(waiting(commonweal)) == 1


def test_what_cannot_be_taken_is_marked_and_nothing_typed_is_lost(stranger: TestClient, commonweal: Commonweal) -> None:
    answer = send(stranger, "/join", {**APPLICATION, "number": "12", "places": "Brstol", "name": '"><b>Elmo'})
    assert answer.status_code == 422
    assert "2 things are missing or cannot be read" in answer.text
    assert "“12” is no charity number" in answer.text
    assert "Did you mean Bristol?" in answer.text
    assert 'value="&#34;&gt;&lt;b&gt;Elmo"' in answer.text
    assert 'aria-describedby="number-hint number-fault" aria-invalid="true"' in answer.text
    for kept in (
        'value="eli@elmo.example"',
        "We grow food.",
        'value="academic" checked',
        'value="micro" required checked',
    ):
        assert kept in answer.text
    assert waiting(commonweal) == ()


def test_a_form_from_elsewhere_is_refused(stranger: TestClient, commonweal: Commonweal) -> None:
    assert stranger.post("/join", data=APPLICATION).status_code == 403
    assert waiting(commonweal) == ()


def test_one_address_may_apply_three_times_a_day(stranger: TestClient, commonweal: Commonweal) -> None:
    answers = [send(stranger, "/join", {**APPLICATION, "name": f"Elmo {n}"}) for n in range(4)]
    assert [answer.status_code for answer in answers] == [303, 303, 303, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 24 * 3600
    assert "asked too often" in answers[-1].text
    assert send(stranger, "/join", {**APPLICATION, "email": "ewa@elmo.example"}).status_code == 303
    assert len(waiting(commonweal)) == 4


def test_one_client_may_apply_ten_times_an_hour(stranger: TestClient) -> None:
    codes = [
        send(stranger, "/join", {**APPLICATION, "name": f"Elmo {n}", "email": f"eli{n}@elmo.example"}).status_code
        for n in range(11)
    ]
    assert codes == [303] * 10 + [429]


def test_an_invitation_says_what_it_means_and_looking_changes_nothing(
    stranger: TestClient, commonweal: Commonweal
) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "ciano", {"identifiers": ("GB-COH-08407369",)})
    path = invitation(commonweal)
    for _ in range(2):
        answer = stranger.get(path)
        assert answer.status_code == 200
    assert "Cora invites Ciano to be a member of Commonweal until 25 November 2027." in answer.text
    assert 'value="08407369"' in answer.text
    assert 'value="company" required checked' in answer.text
    assert "This page can be used until 25 December 2026." in answer.text
    assert [secret for secret in ("cia@ciano", "0117 496", "jo.person") if secret in answer.text] == []
    with commonweal.database.read() as connection:
        assert stored.standing(connection, OrganisationId("ciano")) is Standing.INVITED


def test_an_invitation_is_accepted_once_without_signing_anybody_in(
    stranger: TestClient, commonweal: Commonweal
) -> None:
    path = invitation(commonweal)
    answer = send(stranger, path, ACCEPTANCE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/join/accepted")
    assert "set-cookie" not in answer.headers
    assert "is a member now" in stranger.get("/join/accepted").text
    with commonweal.database.read() as connection:
        assert stored.standing(connection, OrganisationId("ciano")) is Standing.MEMBER
        promised = [str(one.kind) for one in mails.every(connection, tuple(mails.State)) if "cia@" in one.email]
    assert sorted(promised) == ["approved", "invitation"]
    for again in (stranger.get(path), send(stranger, path, ACCEPTANCE)):
        assert again.status_code == 410
        assert "accepted already" in again.text


def test_an_invitation_without_a_number_asks_again(stranger: TestClient, commonweal: Commonweal) -> None:
    path = invitation(commonweal)
    answer = send(stranger, path, {**ACCEPTANCE, "register": "nhs", "person_name": " "})
    assert answer.status_code == 422
    assert "Give its ODS code" in answer.text
    assert "Write your name." in answer.text
    with commonweal.database.read() as connection:
        assert stored.standing(connection, OrganisationId("ciano")) is Standing.INVITED


def test_an_invitation_is_accepted_by_somebody_who_does_not_know_the_number(
    stranger: TestClient, commonweal: Commonweal
) -> None:
    path = invitation(commonweal)
    page = stranger.get(path).text
    assert re.search(r'value="unknown" required> <span>I do not know the number', page)
    assert page.index("<summary>What these numbers look like") < page.index("six or seven digits")
    assert send(stranger, path, {"person_name": "Cia", "register": "unknown", "number": "123"}).status_code == 422
    assert send(stranger, path, {"person_name": "Cia", "register": "other", "number": ""}).status_code == 422
    assert send(stranger, path, {"person_name": "Cia", "register": "unknown", "number": ""}).status_code == 303
    with commonweal.database.read() as connection:
        membership = stored.membership(connection, OrganisationId("ciano"))
    assert membership
    assert (membership.register, membership.number) == ("unknown", "")


def test_an_application_says_where_it_is_registered(stranger: TestClient, commonweal: Commonweal) -> None:
    assert "unknown" not in stranger.get("/join").text
    answer = send(stranger, "/join", {**APPLICATION, "register": "unknown", "number": ""})
    assert (answer.status_code, "Choose where it is registered." in answer.text) == (422, True)


@pytest.mark.parametrize("wrong", ["x", "x.y", "é"])
def test_a_link_that_is_none_of_ours_opens_nothing(stranger: TestClient, wrong: str) -> None:
    for answer in (stranger.get(f"/invitations/{wrong}"), stranger.post(f"/invitations/{wrong}", data=ACCEPTANCE)):
        assert answer.status_code == 410
        assert "not whole" in answer.text

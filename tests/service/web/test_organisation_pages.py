"""An organisation's own pages: who sees what, what is kept, and that nothing typed is lost."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from matcher.records import Exclusion, Visibility
from service.entering import ON_BEHALF
from service.store import confirmations, decisions, events, members, people
from service.wiring import Commonweal

Form = Callable[..., dict[str, Any]]
ALBA, BOREA = "jo.person@alba.example", "jo.person@borea.example"
SECRETS = ("jo.person@", "0117 496 0123", "Jo Person", "12 Harbour Road", "BS3 4AB")
PROFILE = {
    "name": "Alba & Friends",
    "description": "We run sheltered flats.",
    "places": "Bristol\r\nBath",
    "sectors": ["voluntary", "public"],
    "size": "small",
    "roles": ["housing"],
    "attention_cap": "2",
    "excludes_what": ["Private", "borea", ""],
    "excludes_why": ["ethics (ours)", "", ""],
}


@pytest.fixture
def alba(sign_in: Callable[[str], TestClient]) -> TestClient:
    """The browser of somebody who acts for alba."""
    return sign_in(ALBA)


@pytest.fixture
def borea(sign_in: Callable[[str], TestClient]) -> TestClient:
    return sign_in(BOREA)


def shown(answer: Any) -> str:
    """The words of a page's main part."""
    main = answer.text.split('<main id="main">')[1].split("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def stored(commonweal: Commonweal, id_: str = "alba") -> members.Stored[Any]:
    with commonweal.database.read() as connection:
        return members.organisations(connection)[id_]  # type: ignore[index]


def revision(commonweal: Commonweal) -> str:
    return str(stored(commonweal).revision)


def noted(commonweal: Commonweal) -> list[tuple[str, str]]:
    with commonweal.database.read() as connection:
        return [(one.what, one.says) for one in events.about(connection, "alba")]  # type: ignore[arg-type]


def test_a_profile_comes_in_a_form_and_is_kept(commonweal: Commonweal, alba: TestClient, form: Form) -> None:
    page = alba.get("/organisations/alba/edit")
    assert page.status_code == 200
    assert '<textarea id="places" name="places"' in page.text
    assert ">\nBristol\nBS3 4AB</textarea>" in page.text
    answer = alba.post("/organisations/alba/edit", data=form(alba, **PROFILE, revision=revision(commonweal)))
    assert (answer.status_code, answer.headers["location"]) == (303, "/organisations/alba/edit?done=profile")
    found = stored(commonweal)
    assert (found.record.places, found.record.sectors, found.record.attention_cap) == (
        ("Bristol", "Bath"),
        ("voluntary", "public"),
        2,
    )
    assert found.record.excludes == (Exclusion("sector:private", "ethics [ours]"), Exclusion("borea"))
    assert found.edited == {"description", "places", "sectors", "attention_cap", "excludes"}
    after = alba.get(answer.headers["location"])
    assert "Your profile is saved." in shown(after)
    assert 'name="excludes_what" value="Private (sector)"' in after.text
    assert 'name="excludes_what" value="Borea"' in after.text
    assert noted(commonweal) == []


def test_what_does_not_hold_is_said_next_to_its_field_and_what_was_typed_stays(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    typed = {**PROFILE, "name": "", "attention_cap": "lots", "description": "Quite <b>new</b>"}
    answer = alba.post("/organisations/alba/edit", data=form(alba, **typed, revision=revision(commonweal)))
    assert answer.status_code == 422
    assert '<a href="#attention_cap">Suggestions a week about your offers</a>: Write a whole number' in answer.text
    assert '<p class="fault" id="name-fault">Write the organisation&#39;s name.</p>' in answer.text
    assert 'aria-describedby="attention_cap-fault attention_cap-hint" aria-invalid="true"' in answer.text
    assert "Quite &lt;b&gt;new&lt;/b&gt;</textarea>" in answer.text
    assert 'value="lots"' in answer.text
    assert 'value="ethics (ours)"' in answer.text
    assert stored(commonweal).record.name == "Alba & Friends"


def test_whom_nobody_knows_cannot_be_excluded(commonweal: Commonweal, alba: TestClient, form: Form) -> None:
    typed = {**PROFILE, "excludes_what": ["Zebras"], "excludes_why": ["stripes"]}
    answer = alba.post("/organisations/alba/edit", data=form(alba, **typed, revision=revision(commonweal)))
    assert answer.status_code == 422
    assert "No sector, role or organisation is called “Zebras”." in answer.text
    assert 'value="Zebras"' in answer.text


def test_of_two_who_edit_at_once_the_second_is_shown_the_difference_and_may_keep_theirs(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    before = revision(commonweal)
    alba.post("/organisations/alba/edit", data=form(alba, **PROFILE, revision=before))
    typed = {**PROFILE, "description": "We do something else."}
    answer = alba.post("/organisations/alba/edit", data=form(alba, **typed, revision=before))
    assert answer.status_code == 409
    assert "Somebody changed this meanwhile" in shown(answer)
    assert "What you do now: We run sheltered flats. yours: We do something else." in shown(answer)
    assert "We do something else.</textarea>" in answer.text
    assert f'name="revision" value="{revision(commonweal)}"' in answer.text
    again = alba.post("/organisations/alba/edit", data=form(alba, **typed, revision=revision(commonweal)))
    assert again.status_code == 303
    assert stored(commonweal).record.description == "We do something else."


def test_people_see_their_own_organisation_s_addresses_and_add_and_take_out(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    assert "jo.person@alba.example" in shown(alba.get("/organisations/alba/people"))
    answer = alba.post("/organisations/alba/people", data=form(alba, name="Bo", email="bo@alba.example"))
    assert answer.headers["location"] == "/organisations/alba/people?done=added"
    page = alba.get(answer.headers["location"])
    assert "Bo bo@alba.example" in shown(page)
    assert "Invite a colleague Whoever is added may do all that you can, including removing you." in shown(page)
    assert "Added. An email says so to them." in shown(page)
    with commonweal.database.read() as connection:
        bo = people.by_email(connection, "bo@alba.example")
    assert bo is not None
    chosen = alba.post("/organisations/alba/people/digest", data=form(alba, person=bo.id, digest="false"))
    assert chosen.status_code == 303
    assert "Does not get the weekly digest" in shown(alba.get("/organisations/alba/people"))
    gone = alba.post("/organisations/alba/people/remove", data=form(alba, person=bo.id))
    assert gone.headers["location"].endswith("?done=removed")
    again = alba.post("/organisations/alba/people/remove", data=form(alba, person=bo.id))
    assert again.headers["location"].endswith("?done=not-there")


def test_the_last_person_stays_and_a_wrong_address_is_told(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    with commonweal.database.read() as connection:
        (jo,) = people.of(connection, "alba")  # type: ignore[arg-type]
    answer = alba.post("/organisations/alba/people/remove", data=form(alba, person=jo.person.id))
    assert (answer.status_code, "Somebody has to act for it" in shown(answer)) == (409, True)
    wrong = alba.post("/organisations/alba/people", data=form(alba, name="Bo", email="bo at alba"))
    assert wrong.status_code == 422
    assert '<a href="#email">Email address</a>: Write one email address: name@example.org.' in wrong.text
    assert 'value="bo at alba"' in wrong.text


def test_a_pause_begins_and_ends(commonweal: Commonweal, alba: TestClient, form: Form) -> None:
    answer = alba.post("/organisations/alba/pause", data=form(alba, until="2026-12-31", why="Christmas"))
    assert answer.headers["location"] == "/organisations/alba/pause?done=paused"
    page = alba.get("/organisations/alba/pause")
    assert "<h1>Paused until and including 31 December 2026</h1>" in page.text
    assert ('value="2026-12-31"' in page.text, 'value="Christmas"' in page.text) == (True, True)
    overview = alba.get("/organisations/alba")
    assert "Paused until and including 31 December 2026: no suggestions" in shown(overview)
    assert '<a href="/organisations/alba/pause">Change or end the pause</a>' in overview.text
    untouched = alba.post("/organisations/alba/pause", data=form(alba, until="2026-12-31", why="Christmas"))
    assert untouched.headers["location"] == "/organisations/alba/pause?done=paused-before"
    assert alba.post("/organisations/alba/resume", data=form(alba)).headers["location"].endswith("?done=resumed")
    assert alba.post("/organisations/alba/resume", data=form(alba)).headers["location"].endswith("?done=not-paused")
    wrong = alba.post("/organisations/alba/pause", data=form(alba, until="2026-11-01", why="late"))
    assert (wrong.status_code, 'value="2026-11-01"' in wrong.text, 'value="late"' in wrong.text) == (422, True, True)
    with commonweal.database.read() as connection:
        assert decisions.every(connection) == ()


@pytest.mark.parametrize(("weeks", "until"), [("2", date(2026, 12, 8)), ("4", date(2026, 12, 22)), ("9", None)])
def test_a_pause_of_two_or_four_weeks_takes_one_button(
    commonweal: Commonweal, alba: TestClient, form: Form, weeks: str, until: date | None
) -> None:
    page = alba.get("/organisations/alba/pause")
    assert "<h1>Pause</h1>" in page.text
    assert re.findall(r'name="weeks" value="(\d)">([^<]+)<', page.text) == [
        ("2", "For two weeks"),
        ("4", "For four weeks"),
    ]
    alba.post("/organisations/alba/pause", data=form(alba, until="", why="", weeks=weeks))
    with commonweal.database.read() as connection:
        assert [one.until for one in decisions.every(connection)] == [until]


def test_others_are_not_told_of_a_pause(commonweal: Commonweal, borea: TestClient) -> None:
    with commonweal.database.write() as connection:
        decisions.pause(connection, "alba", "Christmas", commonweal.now())  # type: ignore[arg-type]
    assert "Paused" not in shown(borea.get("/organisations/alba"))


def test_members_see_of_others_only_what_is_open_to_all(
    commonweal: Commonweal, alba: TestClient, borea: TestClient
) -> None:
    with commonweal.database.write() as connection:
        partner = members.listings(connection)["borea-o1"].record  # type: ignore[index]
        also = {
            "borea-o3": replace(partner, id="borea-o3", text="For partners", visibility=Visibility.PARTNERS),
            "borea-o4": replace(partner, id="borea-o4", text="Resting since"),
        }
        members.save(connection, listings=also)  # type: ignore[arg-type]
        confirmations.confirm(connection, "borea-o4", date(2026, 1, 1), "x")  # type: ignore[arg-type]
        confirmations.note_asked(connection, ["borea-o4"], date(2026, 6, 1))  # type: ignore[list-item]
    page = alba.get("/organisations/borea")
    assert "Volunteers teach older people" in shown(page)
    for hidden in ("smartphone repairs", "For partners", "Resting since", "Change", "Who could meet", *SECRETS):
        assert hidden not in shown(page)
    assert '<a href="/find/ask?theirs=borea-o1">Ask for an introduction</a>' in page.text
    own = borea.get("/organisations/borea")
    for seen in ("smartphone repairs", "For partners", "Resting since", "resting: nobody has said"):
        assert seen in shown(own)
    assert '<a href="/listings/borea-o1/edit">Change this offer</a>' in own.text


def test_members_see_member_organisations_only(alba: TestClient, client: TestClient) -> None:
    assert alba.get("/organisations/ciano").status_code == 404
    assert alba.get("/organisations/nobody").status_code == 404
    assert alba.get("/organisations/dorado").status_code == 200
    assert client.get("/organisations/ciano").status_code == 200


OWN = ("edit", "people", "pause", "listings", "listings/new")


@pytest.mark.parametrize("part", OWN)
def test_nobody_keeps_the_pages_of_another_organisation(
    alba: TestClient, stranger: TestClient, client: TestClient, form: Form, part: str
) -> None:
    assert alba.get(f"/organisations/borea/{part}").status_code == 404
    assert stranger.get(f"/organisations/borea/{part}").headers["location"].startswith("/sign-in?to=%2Forganisations")
    assert client.get(f"/organisations/borea/{part}").status_code == 200
    assert client.get(f"/organisations/nobody/{part}").status_code == 404
    posted = alba.post(f"/organisations/borea/{part}", data=form(alba))
    assert posted.status_code in (404, 405)


@pytest.mark.parametrize(
    "path", ["edit", "people", "people/remove", "people/digest", "pause", "resume", "contact", "listings/new"]
)
def test_a_form_that_is_none_of_ours_changes_nothing(alba: TestClient, path: str) -> None:
    assert alba.post(f"/organisations/alba/{path}", data={"name": "x"}).status_code == 403


def test_a_coordinator_is_shown_contact_details_when_asking_and_that_is_recorded(
    commonweal: Commonweal, client: TestClient, alba: TestClient, form: Form
) -> None:
    assert [one for one in SECRETS if one in client.get("/organisations/alba/people").text] == []
    answer = client.post("/organisations/alba/contact", data=form(client))
    assert answer.status_code == 303
    assert "Jo Person jo.person@alba.example" in shown(client.get(answer.headers["location"]))
    assert noted(commonweal) == [("contact details shown", "Looked at who acts for it.")]
    assert (
        "jo.person@" not in client.get("/organisations/borea/people?" + answer.headers["location"].split("?")[1]).text
    )
    assert alba.post("/organisations/alba/contact", data=form(alba)).status_code == 403


def test_what_a_coordinator_enters_is_recorded_and_the_organisation_sees_it(
    commonweal: Commonweal, client: TestClient, alba: TestClient, form: Form
) -> None:
    asked = client.post("/organisations/alba/edit/show", data=form(client))
    page = client.get(asked.headers["location"])
    assert "You enter this for Alba & Friends. That is recorded" in shown(page)
    client.post("/organisations/alba/edit", data=form(client, **PROFILE, revision=revision(commonweal)))
    assert [what for what, _ in noted(commonweal)] == [ON_BEHALF, "contact details shown"]
    seen = shown(alba.get("/organisations/alba/edit"))
    assert "Entered by a coordinator Changed the profile: description, attention cap, places" in seen
    assert "You enter this for" not in seen

"""Finding others' listings, and asking for an introduction about one."""

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from matcher.records import Kind, Listing, Visibility
from service.store import members, people, schema
from service.wiring import Commonweal

Form = Callable[..., dict[str, Any]]
ALBA, BOREA = "jo.person@alba.example", "jo.person@borea.example"
SECRETS = ("jo.person@", "0117 496 0123", "12 Harbour Road", "BS3 4AB")
PHONES = "teach older people to use a smartphone"


@pytest.fixture
def alba(sign_in: Callable[[str], TestClient]) -> TestClient:
    """The browser of somebody who acts for alba."""
    return sign_in(ALBA)


@pytest.fixture
def borea(sign_in: Callable[[str], TestClient]) -> TestClient:
    return sign_in(BOREA)


def shown(answer: Any) -> str:
    main = answer.text.split('<main id="main">')[1].split("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def found(answer: Any) -> list[str]:
    """The listings that one may ask about."""
    return re.findall(r'href="/find/ask\?theirs=([^"&]+)', answer.text)


def test_without_words_what_is_open_to_all_is_listed(alba: TestClient, borea: TestClient) -> None:
    assert found(alba.get("/find")) == ["borea-o1"]
    assert found(alba.get("/find?what=need")) == []
    assert found(borea.get("/find?what=need")) == ["alba-n1"]
    assert found(borea.get("/find?what=offer")) == []


def test_words_find_what_they_mean_with_reasons(alba: TestClient) -> None:
    answer = alba.get("/find", params={"q": PHONES})
    assert answer.status_code == 200
    assert found(answer)[0] == "borea-o1"
    assert "<mark>" in answer.text
    assert [one for one in SECRETS if one in shown(answer)] == []
    assert f'name="q" type="search" value="{PHONES}"' in answer.text


def test_what_is_for_partners_coordinators_or_of_no_member_is_not_found_by_members(
    commonweal: Commonweal, alba: TestClient, client: TestClient
) -> None:
    with commonweal.database.write() as connection:
        offer = members.listings(connection)["borea-o1"].record  # type: ignore[index]
        also = [
            replace(offer, id="borea-o3", visibility=Visibility.PARTNERS),
            replace(offer, id="borea-o4", visibility=Visibility.COORDINATORS),
            replace(offer, id="ciano-o1", organisation="ciano"),
        ]
        members.save(connection, listings={one.id: one for one in also})
    for words in ("", PHONES):
        assert set(found(alba.get("/find", params={"q": words}))) <= {"borea-o1", "profile:dorado", "profile%3Adorado"}
        by_coordinator = set(found(client.get("/find", params={"q": words})))
        assert {"borea-o1", "borea-o3", "borea-o4", "ciano-o1"} <= by_coordinator
    for hidden in ("borea-o3", "borea-o4", "ciano-o1", "gone"):
        assert alba.get(f"/find/ask?theirs={hidden}").status_code == 404
    assert client.get("/find/ask?theirs=borea-o3").status_code == 200


def test_an_unknown_place_is_told_with_spellings_to_try(alba: TestClient) -> None:
    answer = alba.get("/find", params={"q": PHONES, "place": "Brstol"})
    assert "No place called 'Brstol' is known" in shown(answer)
    assert (
        f'href="/find?{urlencode({"q": PHONES, "what": "offer", "place": "Bristol", "of": "alba"})}"'.replace(
            "&", "&amp;"
        )
        in answer.text
    )


def test_many_results_come_in_pages(commonweal: Commonweal, alba: TestClient) -> None:
    many = [
        Listing(id=f"borea-x{n:02}", organisation="borea", kind=Kind.OFFER, text=f"Van {n}")  # type: ignore[arg-type]
        for n in range(12)
    ]
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: one for one in many})
    first, second = alba.get("/find"), alba.get("/find?page=2")
    assert (len(found(first)), len(found(second))) == (10, 3)
    assert 'rel="next" href="/find?what=offer&amp;of=alba&amp;page=2#results"' in first.text
    assert "Page 2 of 2" in shown(second)
    assert "There are not so many pages." in shown(alba.get("/find?page=9"))
    assert alba.get("/find?page=0").status_code == 422


def test_nobody_looks_for_another_organisation(alba: TestClient, client: TestClient, stranger: TestClient) -> None:
    assert alba.get("/find?of=borea").status_code == 404
    assert client.get("/find?of=nobody").status_code == 404
    assert stranger.get("/find").status_code == 303
    assert "For Borea." in shown(client.get("/find?of=borea"))


def begun(commonweal: Commonweal) -> list[tuple[str, str, str, str, str]]:
    with commonweal.database.read() as connection:
        rows = connection.execute(select(schema.introductions))
        return [(row.need, row.offer, row.opened_by, row.origin, row.state) for row in rows]


def test_an_introduction_is_asked_for_about_one_of_one_s_own(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    page = alba.get("/find/ask?theirs=borea-o1&of=alba")
    assert "Which need of yours it is about" in shown(page)
    assert re.findall(r'name="own" value="([^"]+)" required( checked)?', page.text) == [("alba-n1", " checked")]
    assert [one for one in SECRETS if one in shown(page).replace("Ring 0117 496 0123.", "")] == []
    answer = alba.post("/find/ask", data=form(alba, own="alba-n1", theirs="borea-o1", of="alba"))
    assert answer.status_code == 303
    assert re.fullmatch(r"/introductions/[0-9a-f]{20}", answer.headers["location"])
    assert begun(commonweal) == [("alba-n1", "borea-o1", "alba", "found", "asked")]


def test_asked_again_it_says_why_not_and_nothing_is_begun_twice(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    data = form(alba, own="alba-n1", theirs="borea-o1", of="alba")
    alba.post("/find/ask", data=data)
    answer = alba.post("/find/ask", data=data)
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert len(begun(commonweal)) == 1


def test_why_one_cannot_be_asked_with_is_said_before_anything_is_sent(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    with commonweal.database.write() as connection:
        need = members.listings(connection)["alba-n1"].record  # type: ignore[index]
        far = replace(need, id="alba-n3", text="Help in Truro with telephones", places=("Truro",))
        members.save(connection, listings={far.id: far})
        members.edit(connection, "borea-o1", {"places": ("Bristol",), "remote": False})
    page = alba.get("/find/ask?theirs=borea-o1")
    assert re.findall(r'name="own" value="([^"]+)" (\w+)', page.text) == [
        ("alba-n1", "required"),
        ("alba-n3", "disabled"),
    ]
    assert "Not with this one: Their places do not meet, and neither works at a distance." in shown(page)
    alba.post("/find/ask", data=form(alba, own="alba-n1", theirs="borea-o1"))
    after = alba.get("/find/ask?theirs=borea-o1")
    assert "It cannot be asked for with any of yours now." in shown(after)
    assert 'name="own"' not in after.text
    assert re.search(r'href="/suggestions/[0-9a-f]{20}[^"]*">Reply there', after.text)


def test_who_has_as_many_as_it_takes_this_week_is_told_so_and_offered_no_more(
    commonweal: Commonweal, alba: TestClient
) -> None:
    commonweal.settings = commonweal.settings.model_copy(update={"needs_cap": 0, "total_cap": 0})
    for words in ("", PHONES):
        page = alba.get("/find", params={"q": words})
        assert "You have as many suggestions this week as you take (0). From Monday, 30 November, you can ask" in shown(
            page
        )
        assert found(page) == []
    assert "You have as many suggestions this week" in shown(alba.get("/find/ask?theirs=borea-o1"))


def test_what_is_found_by_words_has_no_strength(alba: TestClient) -> None:
    answer = alba.get("/find", params={"q": PHONES})
    assert '<article class="card">' in answer.text
    assert 'class="strength"' not in answer.text


def test_what_is_less_near_is_folded_away(commonweal: Commonweal, alba: TestClient) -> None:
    with commonweal.database.write() as connection:
        offer = members.listings(connection)["borea-o1"].record  # type: ignore[index]
        also = replace(offer, id="borea-o9", text="A smartphone that nobody uses")
        members.save(connection, listings={also.id: also})
    strict = replace(commonweal.core.ranker, cuts=(50.0, 50.0, 50.0))
    commonweal.core = replace(commonweal.core, ranker=strict)
    answer = alba.get("/find", params={"q": PHONES})
    near, _, less = answer.text.partition("<summary>Less near: ")
    assert ("borea-o1" in near, "borea-o9" in near, "borea-o9" in less) == (True, False, True)


def test_only_one_s_own_can_be_asked_with(commonweal: Commonweal, alba: TestClient, form: Form) -> None:
    for own in ("borea-o2", "", "gone"):
        answer = alba.post("/find/ask", data=form(alba, own=own, theirs="borea-o1"))
        assert (answer.status_code, "Choose which of yours it is about." in shown(answer)) == (422, True)
    assert alba.post("/find/ask", data={"own": "alba-n1", "theirs": "borea-o1"}).status_code == 403
    assert begun(commonweal) == []


def test_who_has_nothing_to_ask_with_is_led_to_a_form_that_is_filled_in(
    commonweal: Commonweal, borea: TestClient, sign_in: Callable[[str], TestClient]
) -> None:
    dorado = sign_in("jo.person@dorado.example")
    page = dorado.get("/find/ask?theirs=borea-o1")
    assert "you have no open need that it could be about" in shown(page)
    found_link = re.search(r'class="button" href="([^"]+)"', page.text)
    assert found_link
    assert unescape(found_link[1]) == "/organisations/dorado/listings/new?kind=need&resource=people"
    assert dorado.get(unescape(found_link[1])).status_code == 200


def test_a_coordinator_asks_for_an_organisation_whose_people_no_mail_reaches(
    commonweal: Commonweal, client: TestClient, form: Form
) -> None:
    with commonweal.database.write() as connection:
        people.give_up_on(connection, ALBA, "550 nobody there", commonweal.now())
    assert "You act for no organisation" in shown(client.get("/find/ask?theirs=borea-o1"))
    page = client.get("/find/ask?theirs=borea-o1&of=alba")
    assert "Which need of yours it is about" in shown(page)
    answer = client.post("/find/ask", data=form(client, own="alba-n1", theirs="borea-o1", of="alba"))
    assert re.fullmatch(r"/introductions/[0-9a-f]{20}\?organisation=alba", answer.headers["location"])
    assert client.get(answer.headers["location"]).status_code == 200


def test_who_acts_for_two_chooses(commonweal: Commonweal, alba: TestClient) -> None:
    with commonweal.database.write() as connection:
        jo = people.by_email(connection, ALBA)
        assert jo is not None
        people.join(connection, jo.id, "dorado", by=jo.id)  # type: ignore[arg-type]
    page = alba.get("/find?of=dorado")
    assert '<option value="dorado" selected>Dorado</option>' in page.text
    assert '<option value="alba">Alba &amp; Friends</option>' in page.text

"""Needs and offers as their organisation writes them, with what it sees while writing; and the links that confirm."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from matcher.records import Kind, Listing, Visibility
from service import columns, confirming, listing
from service.store import confirmations, events, members, people
from service.store.confirmations import Confirmation
from service.web.rendering import STATIC
from service.wiring import Commonweal

Form = Callable[..., dict[str, Any]]
ALBA, BOREA = "jo.person@alba.example", "jo.person@borea.example"
TODAY = date(2026, 11, 25)
CHAIRS = {
    "kind": "offer",
    "text": "Forty chairs for any hall in Bristol, until spring",
    "resource": "equipment",
    "themes": ["environment"],
    "places": "Bristol\r\nBath\r\n",
    "capacity": "2",
    "opens": "",
    "closes": "2027-03-31",
    "evidence": "",
    "gain": "",
    "visibility": "network",
}
ASKED = "We want volunteers who teach older people to use a smartphone"


@pytest.fixture
def alba(sign_in: Callable[[str], TestClient]) -> TestClient:
    """The browser of somebody who acts for alba."""
    return sign_in(ALBA)


@pytest.fixture
def borea(sign_in: Callable[[str], TestClient]) -> TestClient:
    return sign_in(BOREA)


def shown(answer: Any) -> str:
    """The words of a page's main part."""
    main = answer.text.split('<main id="main">')[-1].split("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def of_alba(commonweal: Commonweal) -> dict[str, Listing]:
    with commonweal.database.read() as connection:
        every = members.listings(connection)
    return {id_: one.record for id_, one in every.items() if one.record.organisation == "alba"}


def known(commonweal: Commonweal, id_: str) -> Confirmation | None:
    with commonweal.database.read() as connection:
        return confirmations.every(connection).get(id_)  # type: ignore[call-overload, no-any-return]


def person(commonweal: Commonweal, email: str) -> str:
    with commonweal.database.read() as connection:
        found = people.by_email(connection, email)
    assert found is not None
    return found.id


def edited(commonweal: Commonweal, id_: str, **fields: Any) -> dict[str, Any]:
    """What the form of a stored listing would send, changed so."""
    with commonweal.database.read() as connection:
        stored = members.listings(connection)[id_]  # type: ignore[index]
    cells = columns.cells(stored.record)
    sent = {name: cells[name] for name in CHAIRS} | {"revision": str(stored.revision), "listing": id_}
    return {**sent, "themes": [], "places": cells["places"].replace("; ", "\n"), **fields}


def test_a_new_offer_is_listed(commonweal: Commonweal, alba: TestClient, form: Form) -> None:
    empty = alba.get("/organisations/alba/listings/new?kind=offer")
    assert '<input type="radio" name="kind" value="offer" checked>' in empty.text
    answer = alba.post("/organisations/alba/listings/new", data=form(alba, **CHAIRS))
    (id_,) = of_alba(commonweal).keys() - {"alba-n1", "alba-n2"}
    there = f"/organisations/alba/listings?done=added&listing={id_}"
    assert (answer.status_code, answer.headers["location"]) == (303, there)
    assert of_alba(commonweal)[id_] == Listing(
        id=id_,  # type: ignore[arg-type]
        organisation="alba",  # type: ignore[arg-type]
        kind=Kind.OFFER,
        text=CHAIRS["text"],  # type: ignore[arg-type]
        resource="equipment",
        themes=("environment",),
        places=("Bristol", "Bath"),
        capacity=2,
        closes=date(2027, 3, 31),
    )
    assert known(commonweal, id_) == Confirmation(TODAY, person(commonweal, ALBA), is_listing=True)
    page = alba.get(answer.headers["location"])
    assert "Listed. From the next round on it is suggested to others." in shown(page)
    assert "Offer open until 31 March 2027 Bristol, Bath listed on 25 November 2026 Forty chairs" in shown(page)
    alba.post(f"/listings/{id_}/confirm", data=form(alba))
    assert "Bath checked on 25 November 2026 Forty chairs" in shown(alba.get("/organisations/alba/listings"))
    alba.post(f"/listings/{id_}/close", data=form(alba))
    closed = shown(alba.get("/organisations/alba/listings"))
    assert "Offer closed since 25 November 2026 Bristol, Bath Forty chairs" in closed


def test_a_bare_text_is_asked_about_once_and_then_hinted_at(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    typed = {**CHAIRS, "kind": "need", "text": "Help wanted", "places": "", "capacity": "", "closes": ""}
    asked = alba.post("/organisations/alba/listings/new", data=form(alba, **typed))
    assert asked.status_code == 422
    assert "Not listed yet: say a little more Say what, for whom, and where" in shown(asked)
    assert '<button class="plainer" type="submit" name="has_looked" value="yes">List it as it is</button>' in asked.text
    looked = re.search(r'name="looked" value="([^"]+)"', asked.text)
    assert looked
    assert of_alba(commonweal).keys() == {"alba-n1", "alba-n2"}
    sent = form(alba, **typed, looked=looked[1], has_looked="yes")
    answer = alba.post("/organisations/alba/listings/new", data=sent)
    page = alba.get(answer.headers["location"])
    (id_,) = of_alba(commonweal).keys() - {"alba-n1", "alba-n2"}
    assert "What would make it clearer What? “Help wanted” does not say what is needed. By when" in shown(page)
    assert "Where?" not in shown(page)  # Alba's own places stand for it
    assert f'<a href="/listings/{id_}/edit">Change it</a>' in page.text
    assert "What would make it clearer" not in shown(alba.get("/organisations/alba/listings"))
    assert "What would make it clearer" not in shown(
        alba.get("/organisations/alba/listings?done=added&listing=borea-o1")
    )


def test_what_stands_for_one_person_is_refused_next_to_its_field_without_a_tick(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    typed = {**CHAIRS, "text": "A bed for Mr Smith in Bristol, NHS 943 476 5919"}
    answer = alba.post("/organisations/alba/listings/new", data=form(alba, **typed, has_looked="yes"))
    says = "Leave out an NHS number: that is never saved here, whoever’s it is."
    assert (answer.status_code, f'id="text-fault">{says}<' in answer.text) == (422, True)
    assert 'name="has_looked"' not in answer.text
    assert of_alba(commonweal).keys() == {"alba-n1", "alba-n2"}
    seen = shown(alba.post("/organisations/alba/listings/look", data=form(alba, **typed)))
    assert f"{says} This seems to hold a person’s name." in seen


def test_a_listing_is_removed_only_after_a_page_that_says_what_that_does(
    commonweal: Commonweal, alba: TestClient, client: TestClient, form: Form
) -> None:
    text = of_alba(commonweal)["alba-n2"].text
    assert '<a href="/listings/alba-n2/remove"' in alba.get("/organisations/alba/listings").text
    page = alba.get("/listings/alba-n2/remove")
    assert "Remove this need?" in shown(page)
    assert "Suggestions and emails that went out before keep what they showed." in shown(page)
    assert of_alba(commonweal)["alba-n2"].text == text
    answer = alba.post("/listings/alba-n2/remove", data=form(alba))
    assert answer.headers["location"] == "/organisations/alba/listings?done=removed"
    after = shown(alba.get(answer.headers["location"]))
    assert ("Removed: its text is gone" in after, text in after, "Removed by" in after) == (True, False, False)
    assert "Removed by" not in shown(client.get("/organisations/alba"))
    again = alba.post("/listings/alba-n2/remove", data=form(alba))
    assert again.headers["location"] == "/organisations/alba/listings?done=removed-before"
    assert alba.get("/listings/alba-n2/edit").status_code == 404
    assert alba.post("/listings/alba-n2/reopen", data=form(alba)).status_code == 404
    assert of_alba(commonweal)["alba-n2"].is_open(TODAY) is False


def test_an_address_may_fill_the_form_in(alba: TestClient) -> None:
    page = alba.get(
        "/organisations/alba/listings/new?kind=need&resource=space&themes=environment%3B+housing&nonsense=x"
    )
    assert '<option value="space" selected>' in page.text
    assert 'name="themes" value="environment" checked' in page.text
    assert 'name="kind" value="need" checked' in page.text


def test_errors_stand_next_to_their_fields_and_what_was_typed_stays(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    typed = {**CHAIRS, "capacity": "many", "opens": "2027-04-01", "text": "<i>Chairs</i>", "kind": ""}
    answer = alba.post("/organisations/alba/listings/new", data=form(alba, **typed))
    assert answer.status_code == 422
    assert '<a href="#capacity">How many partners</a>: Write a whole number from 0 on, or nothing.' in answer.text
    assert '<p class="fault" id="closes-fault">Write 2027-04-01, when it opens, or a later day.</p>' in answer.text
    assert '<a href="#kind">Need or offer?</a>: Write need or offer.' in answer.text
    assert 'id="capacity" name="capacity" type="number" value="many"' in answer.text
    assert "&lt;i&gt;Chairs&lt;/i&gt;</textarea>" in answer.text
    assert ">\nBristol\nBath</textarea>" in answer.text
    assert 'name="themes" value="environment" checked' in answer.text
    assert "<title>Not saved yet: New need or offer" in answer.text
    assert of_alba(commonweal).keys() == {"alba-n1", "alba-n2"}


def test_a_text_about_somebody_is_kept_only_after_a_look_at_what_is_marked(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    typed = {**CHAIRS, "text": "A bed for Mr <Smith>\r\nand Mrs Jones in Bristol", "gain": "Ring 0117 496 0999"}
    answer = alba.post("/organisations/alba/listings/new", data=form(alba, **typed))
    assert answer.status_code == 422
    assert '<strong class="sign">Mrs Jones</strong> <span class="quiet">(a person’s name)</span>' in answer.text
    assert '<strong class="sign">0117 496 0999</strong>' in answer.text
    assert of_alba(commonweal).keys() == {"alba-n1", "alba-n2"}
    found = re.search(r'name="looked" value="([^"]+)"', answer.text)
    assert found
    unticked = alba.post("/organisations/alba/listings/new", data=form(alba, **typed, looked=found[1]))
    other = {**typed, "text": "A bed for Mr Brown"}
    another = alba.post("/organisations/alba/listings/new", data=form(alba, **other, looked=found[1], has_looked="yes"))
    assert (unticked.status_code, another.status_code) == (422, 422)
    assert of_alba(commonweal).keys() == {"alba-n1", "alba-n2"}
    ticked = alba.post("/organisations/alba/listings/new", data=form(alba, **typed, looked=found[1], has_looked="yes"))
    assert ticked.status_code == 303
    assert len(of_alba(commonweal)) == 3


def test_a_listing_is_changed_and_stays_what_kind_it_is(commonweal: Commonweal, alba: TestClient, form: Form) -> None:
    page = alba.get("/listings/alba-n2/edit")
    assert "<h1>Change the need</h1>" in page.text
    data = form(alba, **edited(commonweal, "alba-n2", text="A bigger stage for a play.", kind="offer"))
    answer = alba.post("/listings/alba-n2/edit", data=data)
    assert answer.headers["location"] == "/organisations/alba/listings?done=changed"
    assert of_alba(commonweal)["alba-n2"] == Listing(
        id="alba-n2",  # type: ignore[arg-type]
        organisation="alba",  # type: ignore[arg-type]
        kind=Kind.NEED,
        text="A bigger stage for a play.",
        closes=date(2026, 10, 31),
    )


def test_of_two_who_change_it_at_once_the_second_loses_nothing(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    mine = form(alba, **edited(commonweal, "alba-n2", text="My stage", capacity="3"))
    alba.post("/listings/alba-n2/edit", data=form(alba, **edited(commonweal, "alba-n2", text="Their stage")))
    answer = alba.post("/listings/alba-n2/edit", data=mine)
    assert answer.status_code == 409
    assert "In your own words now: Their stage yours: My stage How many partners now: nothing yours: 3" in shown(answer)
    assert of_alba(commonweal)["alba-n2"].text == "Their stage"
    revision = re.search(r'name="revision" value="(\d+)"', answer.text)
    assert revision
    assert alba.post("/listings/alba-n2/edit", data={**mine, "revision": revision[1]}).status_code == 303
    assert of_alba(commonweal)["alba-n2"].text == "My stage"


def test_listings_are_closed_reopened_and_confirmed(commonweal: Commonweal, alba: TestClient, form: Form) -> None:
    page = alba.get("/organisations/alba/listings")
    assert re.findall(r'<h2 id="(\w+)">', page.text) == ["open", "closed"]
    for does, done in [
        ("close", "closed"),
        ("close", "closed-before"),
        ("reopen", "reopened"),
        ("reopen", "open-before"),
        ("confirm", "confirmed"),
    ]:
        answer = alba.post(f"/listings/alba-n1/{does}", data=form(alba))
        assert answer.headers["location"] == f"/organisations/alba/listings?done={done}"
        assert shown(alba.get(answer.headers["location"])).count("Needs and offers of Alba & Friends") == 1
    assert of_alba(commonweal)["alba-n1"].closes is None
    assert known(commonweal, "alba-n1") == Confirmation(TODAY, person(commonweal, ALBA))


def test_what_rests_stands_apart_until_a_word_wakes_it(commonweal: Commonweal, alba: TestClient, form: Form) -> None:
    with commonweal.database.write() as connection:
        confirmations.confirm(connection, "alba-n1", TODAY - timedelta(days=200), "x")  # type: ignore[arg-type]
        confirmations.note_asked(connection, ["alba-n1"], TODAY - timedelta(days=100))  # type: ignore[list-item]
    page = alba.get("/organisations/alba/listings")
    assert re.findall(r'<h2 id="(\w+)">', page.text) == ["resting", "closed"]
    assert "Nobody has said for over three months that these are still true" in shown(page)
    alba.post("/listings/alba-n1/confirm", data=form(alba))
    assert re.findall(r'<h2 id="(\w+)">', alba.get("/organisations/alba/listings").text) == ["open", "closed"]


def test_a_place_nobody_knows_is_kept_and_told(commonweal: Commonweal, alba: TestClient, form: Form) -> None:
    alba.post("/organisations/alba/listings/new", data=form(alba, **{**CHAIRS, "places": "Bristol\nBrstol"}))
    page = shown(alba.get("/organisations/alba/listings"))
    assert "No place called “Brstol” is known, so it is left out: did you mean Bristol" in page


@pytest.mark.parametrize("does", ["edit", "close", "reopen", "confirm", "remove"])
def test_others_listings_are_nobody_s_to_keep(alba: TestClient, stranger: TestClient, form: Form, does: str) -> None:
    assert alba.post(f"/listings/borea-o1/{does}", data=form(alba)).status_code == 404
    assert alba.post(f"/listings/gone/{does}", data=form(alba)).status_code == 404
    assert alba.post(f"/listings/alba-n1/{does}", data={}).status_code == 403
    assert alba.get("/listings/borea-o1/edit").status_code == 404
    assert alba.get("/listings/borea-o1/remove").status_code == 404
    assert stranger.get("/listings/borea-o1/edit").status_code == 303


def test_a_look_stores_nothing_and_shows_whom_it_could_meet_and_what_would_make_it_clearer(
    commonweal: Commonweal, alba: TestClient, form: Form
) -> None:
    typed = {
        **CHAIRS,
        "kind": "need",
        "text": f"{ASKED}, Mr Smith too",
        "resource": "people",
        "places": "",
        "closes": "",
        "capacity": "",
    }
    answer = alba.post("/organisations/alba/listings/look", data=form(alba, **typed))
    assert answer.status_code == 200
    words = shown(answer)
    assert "Who could meet this As it stands now. Nobody has been told. Borea" in words
    assert "What would make it clearer How many volunteers? “We want volunteers who teach older …” gives" in words
    assert "This seems to hold a person’s name." in words
    assert f"{ASKED}, Mr Smith too</textarea>" in answer.text
    assert "jo.person@" not in answer.text
    assert of_alba(commonweal).keys() == {"alba-n1", "alba-n2"}
    assert answer.text.count('<article class="card') <= 3


def test_a_script_asks_for_that_part_alone(alba: TestClient, form: Form) -> None:
    typed = {**CHAIRS, "kind": "need", "text": ASKED, "capacity": "", "part": "yes"}
    answer = alba.post("/organisations/alba/listings/look", data=form(alba, **typed))
    assert "<html" not in answer.text
    assert "<h3>What would make it clearer</h3>" in answer.text
    nothing = alba.post("/organisations/alba/listings/look", data=form(alba, **{**typed, "text": " "}))
    assert "Write a sentence first, and say whether it is a need or an offer." in nothing.text
    half = alba.post("/organisations/alba/listings/look", data=form(alba, **{**typed, "capacity": "x", "closes": "y"}))
    assert "Who could meet this" in half.text


def test_a_look_shows_only_what_every_member_may_see(
    commonweal: Commonweal, alba: TestClient, client: TestClient, form: Form
) -> None:
    """Whoever types a text could otherwise look at what is only for those it is suggested to."""
    with commonweal.database.write() as connection:
        members.edit(connection, "borea-o1", {"visibility": Visibility.PARTNERS})
    typed = {**CHAIRS, "kind": "need", "text": ASKED, "resource": "people", "places": ""}
    answer = alba.post("/organisations/alba/listings/look", data=form(alba, **typed))
    assert "Nothing that is listed now fits well enough." in shown(answer)
    assert "Ciano" not in shown(answer)
    by_coordinator = client.post("/organisations/alba/listings/look", data=form(client, **typed))
    assert "Borea" in shown(by_coordinator)


def test_a_look_at_a_stored_one_keeps_its_form(commonweal: Commonweal, alba: TestClient, form: Form) -> None:
    data = form(alba, **edited(commonweal, "alba-n1", text=ASKED))
    answer = alba.post("/organisations/alba/listings/look", data=data)
    assert '<form id="writing" action="/listings/alba-n1/edit"' in answer.text
    assert f'name="revision" value="{data["revision"]}"' in answer.text
    strange = alba.post("/organisations/alba/listings/look", data=form(alba, **CHAIRS, listing="borea-o1"))
    assert strange.status_code == 404


def test_what_a_coordinator_enters_is_marked_so(
    commonweal: Commonweal, client: TestClient, alba: TestClient, form: Form
) -> None:
    client.post("/organisations/alba/listings/new", data=form(client, **CHAIRS))
    assert "listed on 25 November 2026 entered by a coordinator" in shown(alba.get("/organisations/alba/listings"))
    with commonweal.database.read() as connection:
        (event,) = events.about(connection, "alba")  # type: ignore[arg-type]
    assert event.says == f"Listed the offer “{CHAIRS['text']}”."


def link(commonweal: Commonweal, listing: str = "alba-n1") -> str:
    address = confirming.address_of(commonweal, listing, person(commonweal, ALBA))  # type: ignore[arg-type]
    return address.removeprefix(commonweal.settings.address)


def test_a_link_shows_the_listing_and_changes_nothing_until_a_button_is_pressed(
    commonweal: Commonweal, stranger: TestClient
) -> None:
    answer = stranger.get(link(commonweal))
    assert answer.status_code == 200
    assert "Is this still true? Need of Alba & Friends Bristol" in shown(answer) or "Is this still true?" in shown(
        answer
    )
    assert [one for one in ("0117 496 0123", "jo.person@", "<script>alert") if one in answer.text] == []
    assert known(commonweal, "alba-n1") is None
    for _ in range(2):
        said = stranger.post(link(commonweal), data={"is": "true"})
        assert "Thank you: it is still true as of today." in shown(said)
    assert known(commonweal, "alba-n1") == Confirmation(TODAY, person(commonweal, ALBA))


def test_a_link_closes_its_listing_and_nothing_else(commonweal: Commonweal, stranger: TestClient) -> None:
    assert "Closed: it is suggested no more." in shown(stranger.post(link(commonweal), data={"is": "over"}))
    assert "It was closed already." in shown(stranger.post(link(commonweal), data={"is": "over"}))
    assert of_alba(commonweal)["alba-n1"].closes == TODAY - timedelta(days=1)
    assert stranger.get("/organisations/alba/listings").status_code == 303


def test_a_link_that_is_cut_off_or_run_out_says_so(commonweal: Commonweal, stranger: TestClient) -> None:
    cut = stranger.get(link(commonweal)[:-4])
    assert (cut.status_code, "This link is not whole" in shown(cut)) == (410, True)
    with commonweal.database.read() as connection:
        jo = people.get(connection, person(commonweal, ALBA))
    assert jo is not None
    removed = link(commonweal, "alba-n2")
    listing.remove(commonweal, jo, "alba-n2")  # type: ignore[arg-type]
    assert stranger.get(removed).status_code == 410
    assert stranger.post(removed, data={"is": "true"}).status_code == 410
    address, now = link(commonweal), commonweal.now()
    commonweal.now = lambda: now + timedelta(days=15)
    late = stranger.post(address, data={"is": "over"})
    assert (late.status_code, "This link has run out." in shown(late)) == (410, True)
    assert of_alba(commonweal)["alba-n1"].closes is None


def test_the_script_is_small_and_sends_to_its_own_page_only() -> None:
    script = (STATIC / "listing.js").read_text("utf-8")
    assert len(script.encode()) < 3000
    assert re.findall(r"https?:|eval|new Function|document\.write", script) == []

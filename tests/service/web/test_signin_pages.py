"""Signing in and out on the pages, one's account, and forms that no other site can send."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from service import signin
from service.settings import Settings
from service.store import people, schema
from service.web import access
from service.web.app import create_app
from service.wiring import Commonweal

ALBA = "jo.person@alba.example"
Fields = Callable[..., dict[str, Any]]
SignIn = Callable[[str], TestClient]


def hidden(html: str) -> dict[str, str]:
    """What the first form of a page carries."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html.split("<footer>")[0]))


def links(commonweal: Commonweal) -> list[str]:
    with commonweal.database.read() as connection:
        made = connection.execute(select(schema.links.c.id).order_by(schema.links.c.made_at)).scalars()
        return [signin.address_of(commonweal, link).removeprefix("http://127.0.0.1:8000") for link in made]


def test_a_stranger_is_told_what_this_is_and_shown_no_member(stranger: TestClient) -> None:
    html = stranger.get("/").text
    assert 'href="/sign-in"' in html
    assert 'href="/join"' in html
    assert "Borea" not in html


def test_signing_in_from_the_form_to_the_page_that_was_wanted(commonweal: Commonweal, stranger: TestClient) -> None:
    wanted = stranger.get("/account?from=mail")
    assert (wanted.status_code, wanted.headers["location"]) == (303, "/sign-in?to=%2Faccount%3Ffrom%3Dmail")
    form = hidden(stranger.get(wanted.headers["location"]).text)
    assert form["to"] == "/account?from=mail"
    sent = stranger.post("/sign-in", data={**form, "email": f" {ALBA.upper()} "})
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in/sent")
    assert "works once, for 15 minutes" in stranger.get("/sign-in/sent").text
    (link,) = links(commonweal)
    opened = stranger.get(link)
    assert f"You are about to sign in as {ALBA}." in opened.text
    entered = stranger.post(link, data=hidden(opened.text))
    assert (entered.status_code, entered.headers["location"]) == (303, "/account?from=mail")
    kept = entered.headers["set-cookie"].lower()
    assert [part for part in ("httponly", "samesite=lax", "path=/") if part not in kept] == []
    assert "secure" not in kept
    assert ALBA in stranger.get("/account").text
    again = stranger.post(link, data=hidden(stranger.get("/account").text))
    assert (again.status_code, "has been used, or has run out" in again.text) == (410, True)


def test_an_address_that_nobody_knows_is_answered_alike(commonweal: Commonweal, stranger: TestClient) -> None:
    form = hidden(stranger.get("/sign-in").text)
    answers = [stranger.post("/sign-in", data={**form, "email": one}) for one in (ALBA, "nobody@alba.example")]
    assert len({(one.status_code, one.text, one.headers["location"]) for one in answers}) == 1
    assert len(links(commonweal)) == 1


@pytest.mark.parametrize("email", ["", "jo", "x" * 400 + "@alba.example"])
def test_what_is_no_address_is_refused_with_an_example(stranger: TestClient, email: str) -> None:
    answer = stranger.post("/sign-in", data={**hidden(stranger.get("/sign-in").text), "email": email})
    assert (answer.status_code, "such as jo@example.org" in answer.text) == (422, True)


def test_asking_for_links_again_and_again_is_refused(stranger: TestClient) -> None:
    form = hidden(stranger.get("/sign-in").text)
    answers = [stranger.post("/sign-in", data={**form, "email": ALBA}).status_code for _ in range(6)]
    assert answers == [303] * 5 + [429]
    others = [stranger.post("/sign-in", data={**form, "email": f"jo{n}@alba.example"}).status_code for n in range(16)]
    assert others == [303] * 15 + [429]


def test_a_form_from_elsewhere_is_refused(stranger: TestClient, sign_in: SignIn, form: Fields) -> None:
    jo = sign_in(ALBA)
    assert stranger.post("/sign-in", data={"email": ALBA}).status_code == 403
    assert jo.post("/account/name", data={"name": "Mallory"}).status_code == 403
    other = form(sign_in("jo.person@borea.example"), name="Mallory")
    assert jo.post("/account/name", data=other).status_code == 403
    assert jo.post("/account/name", data=form(jo, name=" Jo  the Person ")).status_code == 303
    assert 'value="Jo the Person"' in jo.get("/account").text


def test_a_form_for_strangers_is_tied_to_their_browser(commonweal: Commonweal, stranger: TestClient) -> None:
    form = hidden(stranger.get("/sign-in").text)
    other = TestClient(stranger.app, base_url="http://localhost", follow_redirects=False)
    assert other.post("/sign-in", data={**form, "email": ALBA}).status_code == 403
    assert stranger.post("/sign-in", data={**form, "email": ALBA}).status_code == 303


def test_signing_out_ends_the_visit_here_and_another_from_the_account(sign_in: SignIn, form: Fields) -> None:
    here, there = sign_in(ALBA), sign_in(ALBA)
    assert there.get("/account").text.count("a test&#39;s browser") == 2
    assert here.post(f"/account/visits/{there.visit.id}/end", data=form(here)).status_code == 303
    assert there.get("/account").status_code == 303
    cookie = dict(here.cookies)
    out = here.post("/sign-out", data=form(here))
    assert (out.status_code, out.headers["location"]) == (303, "/")
    here.cookies.update(cookie)
    assert here.get("/account").status_code == 303, "a cookie that was copied is worth nothing either"


def test_nobody_ends_the_visit_of_somebody_else(sign_in: SignIn, form: Fields) -> None:
    jo, other = sign_in(ALBA), sign_in("jo.person@borea.example")
    other.post(f"/account/visits/{jo.visit.id}/end", data=form(other))
    assert jo.get("/account").status_code == 200


def test_the_digest_is_chosen_in_the_account(commonweal: Commonweal, sign_in: SignIn, form: Fields) -> None:
    jo = sign_in(ALBA)
    assert "You get its weekly digest" in jo.get("/account").text
    assert jo.post("/account/digest", data=form(jo, organisation="alba", digest="false")).status_code == 303
    assert "You do not get its weekly digest" in jo.get("/account").text
    assert jo.post("/account/digest", data=form(jo, organisation="borea", digest="false")).status_code == 404
    with commonweal.database.read() as connection:
        assert [one.digest for id_ in ("alba", "borea") for one in people.of(connection, id_)] == [False, True]


@pytest.mark.parametrize("address", ["/ask", "/rounds", "/rounds/2026-W48"])
def test_what_is_for_coordinators_is_for_nobody_else(stranger: TestClient, sign_in: SignIn, address: str) -> None:
    assert stranger.get(address).status_code == 303
    assert sign_in(ALBA).get(address).status_code == 403


def test_over_https_cookies_are_for_this_host_alone(commonweal: Commonweal) -> None:
    secure = Settings(**{**commonweal.settings.model_dump(), "base_url": "https://partners.example"})
    commonweal.settings = secure
    client = TestClient(create_app(commonweal), base_url="https://partners.example")
    answer = client.get("/sign-in")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert access.cookie_name(commonweal) == "__Host-commonweal"
    assert client.get("/sign-in", headers={"host": "elsewhere.example"}).status_code == 400


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36",
         "Chrome on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1 Version/26.1 Safari/604.1",
         "Safari on an iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0",
         "Edge on Windows"),
        ("<b>curl</b>", "&lt;b&gt;curl&lt;/b&gt;"),
        ("", "A browser"),
    ],
)  # fmt: skip
def test_a_browser_goes_by_two_words(
    commonweal: Commonweal, sign_in: SignIn, stranger: TestClient, agent: str, shown: str
) -> None:
    with commonweal.database.read() as connection:
        person = people.by_email(connection, ALBA)
    assert person
    begun = signin.use(commonweal, signin.make_link(commonweal, person).rsplit("/", 1)[1], agent)
    stranger.cookies.set(access.cookie_name(commonweal), begun.token)
    assert f"<p>{shown} <span" in stranger.get("/account").text


def test_a_character_that_no_text_holds_is_nowhere_and_in_no_form(sign_in: SignIn, form: Fields) -> None:
    """PostgreSQL cannot keep it."""
    jo = sign_in(ALBA)
    for address in ("/suggestions/%00", "/introductions/a%00b", "/suggestions?organisation=%00"):
        answer = jo.get(address)
        assert (answer.status_code, "There is no page at this address" in answer.text) == (404, True)
    assert jo.post("/account/name", data=form(jo, name="a\0b")).status_code == 422


def test_only_coordinators_are_led_to_the_api(stranger: TestClient, sign_in: SignIn, client: TestClient) -> None:
    pages = (stranger.get("/"), stranger.get("/sign-in"), sign_in(ALBA).get("/account"), client.get("/account"))
    assert ['href="/api"' in page.text for page in pages] == [False, False, False, True]
    assert all("Contact details are shared once both sides have said yes." in page.text for page in pages)


def test_signing_in_is_told_in_everyday_words(stranger: TestClient) -> None:
    sent = stranger.get("/sign-in/sent").text
    assert "Check your email" in sent
    assert "spam or junk folder" in sent
    assert "Your email address" in stranger.get("/sign-in").text

"""Joining and the desk in a browser: on a phone's screen, light and dark, by axe-core and by keyboard."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient

from matcher.records import OrganisationId
from service import applying, joining
from service.applying import Typed
from service.store import joining as stored
from service.store import mails, people
from service.store.mails import Kind, State
from service.store.people import Access
from service.web import access
from service.wiring import Commonweal

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LEAST = 24  # px of whatever can be pressed and stands by itself: WCAG 2.2, 2.5.8


TYPED = Typed(
    name="The Elmo Allotments",
    register="charity",
    number="1098765",
    description="We grow food on eight plots behind the library.",
    places="Bath",
    sectors=("voluntary",),
    size="micro",
    person_name="Eli Elmo",
    email="eli@elmo.example",
)


@pytest.fixture
def pages(commonweal: Commonweal, stranger: TestClient) -> list[str]:
    """Every page of joining and the desk, each with something on it."""
    with commonweal.database.write() as connection:
        ada = people.ensure(connection, "ada@commonweal.example", "Ada")
        people.grant(connection, ada.id, Access.ADMINISTRATOR)
        mails.promise(connection, Kind.ADDED, "one", to=ada, about={}, due=commonweal.now())
        mail = mails.claim(connection, commonweal.now())
        assert mail
        mails.finish(connection, mail.key, State.FAILED, commonweal.now(), "550 no such user")
        people.give_up_on(connection, "jo.person@alba.example", "550 nobody", commonweal.now())
    waits, refused = (applying.read(commonweal, replace(TYPED, name=name)) for name in ("Elmo Allotments", "Fina"))
    for one in (waits, refused):
        joining.apply(commonweal, one)
    joining.refuse(commonweal, refused.id, ada, why="Too far")
    joining.set_until(commonweal, OrganisationId("borea"), ada, until=date(2026, 12, 20), seen=None)
    how = {"name": "", "person_name": "Cia", "email": "cia@ciano.example", "until": None}
    invitation = joining.invite(commonweal, ada, organisation=OrganisationId("ciano"), **how)  # type: ignore[arg-type]
    link = joining.address_of(commonweal, invitation.id).removeprefix(commonweal.settings.address)
    desk = (
        *("applications", "applications?old=true", f"applications/{waits.id}", f"applications/{refused.id}"),
        *("invite", "invite?organisation=borea", "admit", "admit?organisation=ciano", "invitations"),
        *("organisations", "organisations/borea", "organisations/ciano", "mails", "people"),
    )
    return ["/join", "/join/sent", "/join/accepted", link, "/desk", *(f"/desk/{one}" for one in desk)]


Served = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def address(stranger: TestClient, served: Served) -> Iterator[str]:
    """The pages on a port of this machine."""
    with served(stranger.app) as address:
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_joining_and_the_desk_is_fit_for_a_phone_and_for_everybody(
    pages: list[str],
    address: str,
    browser: Any,
    commonweal: Commonweal,
    sign_in: Callable[[str], TestClient],
    scheme: str,
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install commonweal[dev]").Axe()
    context = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme=scheme, bypass_csp=True)
    cookie = sign_in("ada@commonweal.example").cookies[access.cookie_name(commonweal)]
    context.add_cookies([{"name": access.cookie_name(commonweal), "value": cookie, "url": address}])
    page = context.new_page()
    for path in pages:
        assert page.goto(address + path).status == 200, path
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        violations = axe.run(page, options=AXE).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == [], path
        assert page.evaluate(TOO_SMALL, LEAST) == [], path
    context.close()


TOO_SMALL = """least => [...document.querySelectorAll('main a, main button, main summary')]
  .filter(one => !one.closest('p:not(.weeks, .doors), dd, .quiet, label') && one.getBoundingClientRect().height < least)
  .map(one => one.outerHTML)"""


def test_an_organisation_applies_by_keyboard_alone(address: str, browser: Any, commonweal: Commonweal) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640}, java_script_enabled=False)
    page = context.new_page()
    page.goto(address + "/join")
    page.focus("#name")
    texts = {
        "name": TYPED.name,
        "number": TYPED.number,
        "description": TYPED.description,
        "places": TYPED.places,
        "person_name": TYPED.person_name,
        "email": TYPED.email,
    }
    for _ in range(30):
        focused = page.locator(":focus")
        name, type_ = focused.get_attribute("name"), focused.get_attribute("type")
        if type_ == "submit":
            break
        if name in texts:
            page.keyboard.type(texts[name])
        elif type_ in ("radio", "checkbox"):
            page.keyboard.press("Space")
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/join/sent")
    with commonweal.database.read() as connection:
        (application,) = stored.waiting(connection, 9)
    assert (application.name, application.number, application.size) == (TYPED.name, "1098765", "micro")
    context.close()


def test_on_a_phone_the_menu_takes_one_line_and_opens_by_keyboard(
    address: str, browser: Any, commonweal: Commonweal, client: TestClient
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install commonweal[dev]").Axe()
    context = browser.new_context(viewport={"width": 320, "height": 640}, bypass_csp=True)
    name = access.cookie_name(commonweal)
    context.add_cookies([{"name": name, "value": client.cookies[name], "url": address}])
    page = context.new_page()
    page.goto(address + "/desk")
    assert page.locator(".top").bounding_box()["height"] <= 60
    page.focus(".menu summary")
    page.keyboard.press("Enter")
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    assert links.all_inner_texts() == ["Desk", "Ask", "Rounds", "Find", "Account"]
    assert [one.bounding_box()["height"] >= 44 for one in links.all()] == [True] * 5
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert axe.run(page, options=AXE).response["violations"] == []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Desk"
    page.set_viewport_size({"width": 1000, "height": 640})
    assert links.count() == 5
    assert not page.get_by_text("Menu", exact=True).is_visible()
    context.close()

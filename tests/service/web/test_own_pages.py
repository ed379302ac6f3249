"""The pages of one’s own on a phone: well made, nothing cut off, by keyboard, with the script and without."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service import confirming
from service.store import people
from service.web import access
from service.wiring import Commonweal

Form = Callable[..., dict[str, Any]]
ALBA = "jo.person@alba.example"
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}

PAGES = (
    "/organisations/alba",
    "/organisations/borea",
    "/organisations/alba/edit",
    "/organisations/alba/edit?done=profile",
    "/organisations/alba/people",
    "/organisations/alba/pause",
    "/organisations/alba/listings",
    "/organisations/alba/listings?done=closed",
    "/organisations/alba/listings/new",
    "/organisations/dorado/listings",
    "/listings/alba-n1/edit",
    "/listings/alba-n1/remove",
    "/find",
    "/find?what=need",
    "/find?q=volunteers+teach+smartphone&place=Brstol",
    "/find/ask?theirs=borea-o1",
    "/confirm/nonsense",
)
FORMS = (
    ("/organisations/alba/edit", {"name": "", "excludes_what": "zebras", "excludes_why": "", "revision": "1"}),
    ("/organisations/alba/edit", {"name": "Alba", "revision": "0"}),
    ("/organisations/alba/people", {"email": "nobody"}),
    ("/organisations/alba/pause", {"until": "yesterday"}),
    ("/organisations/alba/listings/new", {"text": "", "capacity": "x", "closes": "y"}),
    ("/organisations/alba/listings/new", {"kind": "need", "text": "A bed for Mr Smith", "visibility": "network"}),
    ("/organisations/alba/listings/new", {"kind": "need", "text": "Help wanted", "visibility": "network"}),
    ("/organisations/alba/listings/look", {"kind": "need", "text": "Volunteers teach older people"}),
    ("/listings/alba-n1/edit", {"text": "Another", "revision": "0", "visibility": "network"}),
    ("/find/ask", {"own": "", "theirs": "borea-o1"}),
)
"""What makes a page come back with something to say."""


class Outline(HTMLParser):
    """What a page consists of: headings, labels, ids, and what points at them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.fields: list[tuple[str, bool]] = []
        self.labels: set[str] = set()
        self.ids: list[str] = []
        self.pointed: set[str] = set()
        self.addresses: list[str] = []
        self._in_label = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self._in_label += tag == "label"
        if tag == "label" and "for" in given:
            self.labels.add(given["for"])
        if tag in ("input", "textarea", "select") and given.get("type") != "hidden":
            self.fields.append((given.get("id", ""), self._in_label > 0))
        self.addresses += [given[name] for name in ("href", "src", "action", "formaction") if name in given]
        for name in ("aria-describedby", "aria-labelledby", "list"):
            self.pointed.update(given.get(name, "").split())
        if given.get("href", "").startswith("#"):
            self.pointed.add(given["href"][1:])
        if "id" in given:
            self.ids.append(given["id"])

    def handle_endtag(self, tag: str) -> None:
        self._in_label -= tag == "label"


def held(html: str) -> None:
    """Holds a page to what every page is held to."""
    outline = Outline(html)
    assert html.startswith("<!doctype html>")
    assert outline.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    assert [id_ for id_, in_label in outline.fields if not in_label and id_ not in outline.labels] == []
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.pointed - set(outline.ids) == set()
    assert all(re.match(r"/(?!/)|#", one) for one in outline.addresses)
    assert re.findall(r"https?://(?!localhost/)[^\s<]*", html) == []
    assert re.findall(r'<script(?! src="/static/listing\.js\?v=[0-9a-f]+" defer></script>)', html) == []
    assert re.findall(r" (?:style|on\w+)=", html) == []


@pytest.fixture
def alba(commonweal: Commonweal, sign_in: Callable[[str], TestClient]) -> TestClient:
    """The browser of somebody who acts for alba, and for dorado."""
    with commonweal.database.write() as connection:
        jo = people.by_email(connection, ALBA)
        assert jo is not None
        people.join(connection, jo.id, "dorado", by=jo.id)  # type: ignore[arg-type]
    return sign_in(ALBA)


def test_every_page_is_well_made(alba: TestClient) -> None:
    for path in PAGES:
        held(alba.get(path).text)


def test_so_is_every_page_that_comes_back_with_something_to_say(alba: TestClient, form: Form) -> None:
    for path, fields in FORMS:
        answer = alba.post(path, data=form(alba, **fields))
        assert answer.status_code in (200, 409, 422), path
        held(answer.text)


def test_so_is_what_a_coordinator_sees(client: TestClient) -> None:
    for path in PAGES:
        held(client.get(path).text)


Served = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def address(alba: TestClient, served: Served) -> Iterator[str]:
    """The same pages on a port of this machine."""
    with served(alba.app) as address:
        yield address


Opened = Callable[..., Any]


@pytest.fixture
def opened(browser: Any, address: str, alba: TestClient, commonweal: Commonweal) -> Iterator[Opened]:
    """`opened(path)` is that page on a phone of 320 by 640, signed in for alba."""
    contexts = []

    def open_(path: str, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": 320, "height": 640}, **options)
        contexts.append(context)
        name = access.cookie_name(commonweal)
        context.add_cookies([{"name": name, "value": alba.cookies[name], "url": address}])
        page = context.new_page()
        page.goto(address + path)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_page_fits_a_phone_and_axe_core_objects_to_nothing(
    opened: Opened, address: str, commonweal: Commonweal, colours: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install commonweal[dev]").Axe()
    with commonweal.database.read() as connection:
        jo = people.by_email(connection, ALBA)
    assert jo is not None
    link = confirming.address_of(commonweal, "alba-n1", jo.id)  # type: ignore[arg-type]
    page = opened("/find", color_scheme=colours)
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: complaints.append(message.text) if "the server responded" not in message.text else None,
    )
    for path in (*PAGES, link.removeprefix(commonweal.settings.address)):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        assert axe.run(page, options=AXE).response["violations"] == [], path
    assert complaints == []


def test_errors_fit_a_phone_too_and_the_summary_leads_to_the_field(opened: Opened) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install commonweal[dev]").Axe()
    page = opened("/organisations/alba/listings/new", java_script_enabled=False)
    page.fill("#text", "A bed")
    page.fill("#opens", "2027-04-01")
    page.fill("#closes", "2027-03-01")
    page.click("text=List it")
    page.click('#faults a[href="#closes"]')
    assert page.evaluate("document.activeElement.id || location.hash") in ("closes", "#closes")
    with_script = opened("/organisations/alba/listings/new?kind=need")
    with_script.fill("#text", "A bed for Mr Smith")
    with_script.click("text=List it")
    assert with_script.inner_text("#marked strong.sign") == "Mr Smith"
    assert with_script.evaluate("document.documentElement.scrollWidth") <= 320
    assert axe.run(with_script, options=AXE).response["violations"] == []


def test_while_one_writes_it_says_whom_this_could_meet_and_nothing_is_stored(
    opened: Opened, commonweal: Commonweal
) -> None:
    page = opened("/organisations/alba/listings/new?kind=need")
    page.locator("#text").press_sequentially("Volunteers teach older people to use a smartphone", delay=1)
    page.wait_for_selector("#seen article")
    assert "Borea" in page.inner_text("#seen article >> nth=0")
    assert "How many volunteers?" in page.inner_text("#seen")
    assert page.get_attribute("#look", "aria-live") == "polite"
    assert page.evaluate("document.activeElement.id") == "text"
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert len(commonweal.live.current().listings) == 4


def test_without_scripts_a_button_does_and_by_keyboard_alone_it_is_listed(
    opened: Opened, commonweal: Commonweal
) -> None:
    page = opened("/organisations/alba/listings/new?kind=need", java_script_enabled=False)
    page.focus("#text")
    page.keyboard.type("Volunteers teach older people to use a smartphone")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#seen article")
    assert page.evaluate("document.activeElement.id") == "look"  # the keyboard goes on from the answer
    assert "Borea" in page.inner_text("#seen article >> nth=0")
    assert page.input_value("#text") == "Volunteers teach older people to use a smartphone"
    page.focus("button:has-text('List it')")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Listed. From the next round on")
    assert len(commonweal.live.current().listings) == 5

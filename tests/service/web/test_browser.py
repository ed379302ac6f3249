"""The pages in a browser, as a phone shows them: nothing cut off, nothing from elsewhere, all of it by keyboard."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from fastapi.testclient import TestClient

PAGES = (
    "/ask",
    "/ask?text=volunteers+teach+smartphone&as=need&place=Brstol",
    "/rounds",
    "/rounds/2026-W36",
    "/rounds/2026-W48",
    "/rounds/2026-W49",
    "/organisations/alba",
    "/organisations/nobody",
    "/api",
)


Served = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="module")
def address(reader: TestClient, served: Served) -> Iterator[str]:
    """The pages of `reader` on a port of this machine."""
    with served(reader.app) as address:
        yield address


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Any, reader: TestClient, address: str) -> Iterator[Any]:
    """A phone's screen of 320 by 640, without JavaScript for the page's own use; a coordinator is signed in."""
    context = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme=request.param)
    context.add_cookies([{"name": name, "value": value, "url": address} for name, value in reader.cookies.items()])
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone_and_loads_nothing_from_elsewhere(path: str, page: Any, address: str) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if "404" not in message.text else None)
    page.goto(address + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert [url for url in asked if not url.startswith(address)] == []
    assert complaints == []
    assert page.evaluate("[...document.styleSheets].length") == 1


def test_a_question_is_asked_by_keyboard_alone(page: Any, address: str) -> None:
    page.goto(address + "/ask")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Skip to content"
    page.focus("textarea")
    page.keyboard.type("volunteers teach older people to use a smartphone")
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "submit":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("article")
    assert "Borea" in page.inner_text("article >> nth=0")

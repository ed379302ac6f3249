"""The pages in a browser, as a phone shows them: nothing cut off, nothing from elsewhere, all of it by keyboard."""

import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: make browser installs it")

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


@pytest.fixture(scope="module")
def address(reader: TestClient) -> Iterator[str]:
    """The pages of `reader` on a port of this machine."""
    config = uvicorn.Config(reader.app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install commonweal[dev]")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


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

"""A whole story in a browser, with real mails: alba needs, borea offers, both say yes; ciano sees nothing of it."""

import email
import email.policy
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from matcher.assembling import Core
from matcher.records import Standing
from service import delivery, digests, introductions, rounds
from service.settings import Settings
from service.store import members
from service.web.app import create_app
from service.wiring import Commonweal

controllers = pytest.importorskip("aiosmtpd.controller", reason="pip install commonweal[dev]")

WEEK, NOW = "2026-W48", datetime(2026, 11, 25, 9, 30, tzinfo=UTC)  # a Wednesday
ANN, BJORN, CIA = "ann@alba.example", "bjorn@borea.example", "cia@ciano.example"
NEED = "A minibus with a driver on Thursday mornings to bring older people to our lunch club in Leeds"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postbox:
    """A mail server that keeps what it is given. `take` waits for the next mail to an address."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._taken: set[int] = set()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        return "250 kept"

    def take(self, to: str, about: str) -> str:
        """The text of the next mail to this address whose subject speaks of this."""
        for _ in range(200):
            for number, mail in enumerate(self.mails):
                if number not in self._taken and to in str(mail["To"]) and about in str(mail["Subject"]):
                    self._taken.add(number)
                    body = mail.get_body(("plain",))
                    assert body is not None
                    return str(body.get_content())
            time.sleep(0.05)
        raise AssertionError(f"no mail to {to} about “{about}”; there are {self.subjects()}")

    def subjects(self, to: str = "") -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails if to in str(mail["To"])]


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def commonweal(
    tmp_path: Path, core: Core, migrated_file: Path, cast: Mapping[str, Any], postbox: Postbox
) -> Iterator[Commonweal]:
    """Alba, who has listed nothing yet, Borea with its offer, and Ciano: members with one person each."""
    shutil.copyfile(migrated_file, tmp_path / "commonweal.db")
    server = controllers.Controller(postbox, hostname="127.0.0.1", port=free_port())
    server.start()
    post = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none", "mails_per_minute": 6000}
    made = Commonweal(Settings(home=tmp_path, encoder="hash", **post), now=lambda: NOW)
    made.core = core
    ciano = replace(cast["ciano"], standing=Standing.MEMBER)
    with made.database.write() as connection:
        members.save(
            connection,
            organisations={one.id: one for one in (cast["alba"], cast["borea"], ciano)},
            listings={cast["offer"].id: cast["offer"]},
            contacts=cast["contacts"],
        )
    yield made
    server.stop()
    made.database.dispose()


Served = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def address(commonweal: Commonweal, served: Served) -> Iterator[str]:
    """The pages, with all that runs beside them, on a port of this machine."""
    port = free_port()
    commonweal.settings = commonweal.settings.model_copy(update={"port": port})
    with served(create_app(commonweal), port=port, lifespan="on"):
        yield commonweal.settings.address


Look = Callable[[Any], None]


@pytest.fixture
def browse(browser: Any) -> Callable[[], Any]:
    """`browse()` is a phone of its own: nobody is signed in on it, and nothing may be wider than its screen."""

    def phone() -> Any:
        page = browser.new_context(viewport={"width": 320, "height": 640}).new_page()
        page.set_default_timeout(8000)
        return page

    return phone


@pytest.fixture
def looked_at() -> Look:
    """Holds a page to what every page is held to: it fits the phone, and axe-core objects to nothing."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install commonweal[dev]").Axe()

    def look(page: Any) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
        found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        assert [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]] == [], page.url

    return look


def link_in(text: str, to: str) -> str:
    """The address in a mail that leads there, put together again where it was wrapped."""
    found = re.search(rf"http\S+/{to}/\S+", text)
    assert found, text
    return found[0]


def sign_in(page: Any, address: str, who: str, postbox: Postbox, looked_at: Look) -> None:
    page.goto(f"{address}/sign-in")
    looked_at(page)
    page.get_by_label("Your email address").fill(who)
    page.get_by_role("button", name="Email me a link").click()
    looked_at(page)
    page.goto(link_in(postbox.take(who, "ign in"), "sign-in"))
    looked_at(page)
    page.get_by_role("button", name="Sign in on this browser").click()
    page.wait_for_url(re.compile("/suggestions"))


def test_a_need_becomes_an_introduction(
    commonweal: Commonweal, address: str, postbox: Postbox, browse: Callable[[], Any], looked_at: Look
) -> None:
    ann, bjorn, cia = browse(), browse(), browse()
    sign_in(ann, address, ANN, postbox, looked_at)

    ann.goto(f"{address}/organisations/alba/listings/new")
    looked_at(ann)
    ann.check("input[name=kind][value=need]")
    ann.fill("#text", NEED)
    ann.select_option("#resource", "equipment")
    ann.get_by_role("button", name="See who could meet this").click()
    ann.wait_for_selector("#seen article")
    assert "Borea Transport" in ann.inner_text("#seen")
    looked_at(ann)
    ann.get_by_role("button", name="List it").click()
    ann.wait_for_url(re.compile("/listings"))
    assert NEED in ann.inner_text("main")
    looked_at(ann)

    rounds.run(commonweal, WEEK)
    rounds.release(commonweal, WEEK)
    digests.promise_all(commonweal, WEEK)
    digest = postbox.take(ANN, "Borea Transport")
    postbox.take(BJORN, "Alba Community Kitchen")
    assert BJORN not in digest

    anybody = browse()  # the phone on which Ann reads her mails: nobody is signed in there
    anybody.goto(link_in(digest, "reply"))
    looked_at(anybody)
    assert "Are you interested? Nothing is sent before you press a button." in anybody.inner_text("main")
    assert BJORN not in anybody.content()
    anybody.get_by_role("button", name="Interested in Borea Transport").click()
    looked_at(anybody)
    asked = postbox.take(BJORN, "Alba Community Kitchen")
    assert ANN not in asked

    sign_in(cia, address, CIA, postbox, looked_at)
    for path in ("/suggestions", "/introductions", "/find"):
        cia.goto(address + path)
        looked_at(cia)
        assert [secret for secret in (ANN, BJORN, "Ann Alba", "Björn Borea") if secret in cia.content()] == []
    for path in ("/suggestions", "/introductions"):
        cia.goto(address + path)
        assert "minibus" not in cia.inner_text("main")

    bjorn.goto(link_in(asked, "reply"))
    looked_at(bjorn)
    assert ANN not in bjorn.content()
    bjorn.get_by_role("button", name="Interested in Alba Community Kitchen").click()
    looked_at(bjorn)
    for who, other in ((ANN, BJORN), (BJORN, ANN)):
        introduction = postbox.take(who, "introduced")
        assert other in introduction
        assert "Insurance" in introduction

    ann.goto(f"{address}/introductions")
    looked_at(ann)
    ann.get_by_role("link", name=re.compile("Borea Transport")).first.click()
    looked_at(ann)
    assert BJORN in ann.inner_text("main")

    commonweal.now = lambda: NOW + timedelta(days=10)
    assert introductions.follow_up(commonweal) == 1
    delivery.deliver(commonweal)
    for who in (ANN, BJORN):
        postbox.take(who, "came of")
    ann.reload()
    ann.get_by_role("button", name="We met").click()
    assert "You said: we met." in ann.inner_text("main")
    told = "".join(mail.as_string() for mail in postbox.mails if CIA in str(mail["To"]))
    assert [name for name in (ANN, BJORN, "Ann Alba", "minibus", "Borea") if name in told] == []

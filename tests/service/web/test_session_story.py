"""A session in a browser, from nothing to its packs: 25 of the example come, one role is filled, 30 pairings are
reviewed by keyboard, a pin is looked at before it is done, two coordinators meet, somebody cancels.

With COMMONWEAL_PICTURES set to a folder the pages are kept there as pictures: docs/coordinators.md shows them.
"""

import os
import re
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from matcher.artefacts import artefact
from matcher.candidates import gather
from matcher.eligibility import past
from matcher.records import History, Standing
from service import demo, signin
from service.settings import Settings
from service.store import people, sessions
from service.store.people import Access
from service.web.app import create_app
from service.wiring import Commonweal

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
PICTURES = os.environ.get("COMMONWEAL_PICTURES", "")
REVIEWED = 30


@pytest.fixture
def commonweal(tmp_path: Path, migrated_file: Path) -> Iterator[Commonweal]:
    """The example's members, with the encoder without weights, or for pictures with the real one."""
    shutil.copyfile(migrated_file, tmp_path / "commonweal.db")
    real: dict[str, Any] = {"ranker": artefact("models", "ranker.toml")}
    settings = Settings(home=tmp_path, **(real if PICTURES else {"encoder": "hash"}))
    made = Commonweal(settings, now=lambda: NOW)
    demo.import_example(made)
    with made.database.write() as connection:
        for name in ("cora", "dora"):
            person = people.ensure(connection, f"{name}@commonweal.example", f"{name.title()} Coordinator")
            people.grant(connection, person.id, Access.COORDINATOR)
    yield made
    made.database.dispose()


@pytest.fixture
def address(commonweal: Commonweal, served: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    commonweal.settings = commonweal.settings.model_copy(update={"port": port})
    commonweal.live.current()
    with served(create_app(commonweal), port=port, lifespan="on"):
        yield commonweal.settings.address


Browse = Callable[[str], Any]


@pytest.fixture
def browse(commonweal: Commonweal, address: str, browser: Any) -> Browse:
    """`browse(name)` is a screen of its own, on which that coordinator has just signed in."""

    def signed_in(name: str) -> Any:
        page = browser.new_context(viewport={"width": 1120, "height": 820}).new_page()
        page.set_default_timeout(20_000)
        with commonweal.database.read() as connection:
            person = people.by_email(connection, f"{name}@commonweal.example")
        assert person
        page.goto(signin.make_link(commonweal, person))
        page.get_by_role("button", name="Sign in").click()
        return page

    return signed_in


def room(commonweal: Commonweal, size: int = 25) -> list[str]:
    """Members of whom many could meet each other, and nobody of criminal justice, whom the theme wants."""
    network = commonweal.live.current()
    day = NOW.date()
    found = gather(network, ranker=commonweal.core.ranker, on=day, before=past(History(), network, day))
    rows = zip(found.need.tolist(), found.offer.tolist(), strict=True)
    couples = {
        frozenset(
            (network.needs.entries[need].listing.organisation, network.offers.entries[offer].listing.organisation)
        )
        for need, offer in rows
    }
    able = (one for one in network.organisations.values() if "criminal-justice" not in one.roles)
    members = sorted(one.id for one in able if one.standing is Standing.MEMBER)
    chosen: list[str] = []
    while len(chosen) < size:
        known = Counter(one for couple in couples if len(couple - set(chosen)) == 1 for one in couple - set(chosen))
        every = Counter(one for couple in couples for one in couple)
        left = [one for one in members if one not in chosen]
        chosen.append(max(left, key=lambda one: (known[one], every[one], one)))
    return chosen


def looked_at(page: Any, name: str) -> None:
    """Holds a page to what every page is held to, on a screen and on a phone; keeps its picture where wanted."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install commonweal[dev]").Axe()
    found = axe.run(page, options={"runOnly": {"type": "tag", "values": AXE["runOnly"]}}).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found] == [], name
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}-phone.png")
    page.set_viewport_size({"width": 1120, "height": 820})


def test_a_session_is_planned_reviewed_and_repaired(commonweal: Commonweal, browse: Browse, address: str) -> None:
    cora = browse("cora")
    cora.goto(f"{address}/desk/sessions")
    cora.get_by_role("link", name="Plan a session").click()
    cora.get_by_label("What it is called").fill("Out of prison and into work")
    for theme in ("Justice", "Employment"):
        cora.get_by_role("checkbox", name=re.compile(theme)).first.check()
    cora.get_by_label("Day").fill("2026-12-03")
    looked_at(cora, "session-new")
    cora.get_by_role("button", name="Plan it").click()
    session = cora.url.rsplit("/", 1)[1]
    looked_at(cora, "session-empty")

    cora.get_by_role("link", name="Attendees").first.click()
    sheet = "organisation,state\n" + "".join(f"{one},coming\n" for one in room(commonweal))
    cora.get_by_label("CSV or Excel file").set_input_files(
        {"name": "attendees.csv", "mimeType": "text/csv", "buffer": sheet.encode()}
    )
    cora.get_by_role("button", name="Look at it").click()
    looked_at(cora, "session-sheet")
    cora.get_by_role("button", name="Take 25 rows").click()
    looked_at(cora, "session-attendees")

    cora.get_by_role("link", name="Who is missing").first.click()
    looked_at(cora, "session-missing")
    cora.get_by_role("button", name=re.compile("^Invite")).first.click()
    with commonweal.database.read() as connection:
        assert len(sessions.present(sessions.attendees(connection, session))) == 26
    cora.get_by_role("link", name="Invitations are mailed from there").click()
    cora.get_by_role("button", name="Mail 1 invitation").click()
    cora.get_by_text("mail on its way").wait_for()
    looked_at(cora, "session-invited")

    cora.get_by_role("link", name="Pairings").first.click()
    cora.get_by_role("button", name="Find pairings for whoever comes").click()
    looked_at(cora, "session-pairings")

    review(cora, browse, address, session)
    meet(cora, commonweal, address, session)


def review(cora: Any, browse: Browse, address: str, session: str) -> None:
    """Thirty by keyboard; a pin; a second browser."""
    queue = f"{address}/desk/review/{session}"
    cora.goto(queue)
    assert cora.locator("article.pairing").count() > REVIEWED
    looked_at(cora, "review")
    cora.keyboard.press("?")
    cora.get_by_role("heading", name="Keys", exact=True).wait_for()
    cora.keyboard.press("Escape")
    cora.keyboard.press("j")
    for _ in range(REVIEWED):
        with cora.expect_navigation():
            cora.keyboard.press("a")
    assert cora.get_by_role("link", name=f"{REVIEWED} approved").count() == 1
    with cora.expect_navigation():
        cora.keyboard.press("u")
    assert cora.get_by_role("link", name=f"{REVIEWED - 1} approved").count() == 1

    cora.goto(f"{queue}?decision=undecided")
    dora = browse("dora")
    dora.goto(f"{queue}?decision=undecided")
    cora.keyboard.press("j")
    cora.keyboard.press("p")
    cora.get_by_role("heading", name="Pin: what would change").wait_for()
    looked_at(cora, "review-knock-on")
    cora.get_by_role("button", name="Pin, and solve anew").click()
    cora.get_by_text("Pinned:").or_(cora.get_by_text("Approved:")).first.wait_for()

    dora.keyboard.press("j")
    dora.keyboard.press("r")
    dora.keyboard.type("Too far apart")
    with dora.expect_navigation():
        dora.keyboard.press("Enter")
    dora.get_by_role("heading", name="Somebody was first").wait_for()
    looked_at(dora, "review-first")


def meet(cora: Any, commonweal: Commonweal, address: str, session: str) -> None:
    """The timetable, a pack, a cancellation and the repair."""
    path = f"{address}/desk/sessions/{session}"
    cora.goto(f"{path}/timetable")
    cora.get_by_role("button", name="Make the timetable").click()
    cora.get_by_text("have a slot and a table").wait_for()
    looked_at(cora, "session-timetable")
    cora.goto(f"{path}/packs")
    looked_at(cora, "session-packs")
    first = cora.locator("ul.plain li a").first
    name = first.inner_text()
    first.click()
    assert name in cora.get_by_role("heading", level=1).inner_text()
    looked_at(cora, "pack")
    assert cora.pdf().startswith(b"%PDF")

    with commonweal.database.read() as connection:
        listed = [one for one in sessions.attendees(connection, session) if one.state == "coming"]
    gone = listed[0].organisation
    cora.goto(f"{path}/attendees")
    row = cora.locator(f"[id='at-{gone}']")
    row.locator("summary").click()
    row.get_by_label("cancelled").check()
    row.get_by_role("button", name=re.compile("^Keep")).click()
    cora.goto(f"{path}/timetable?preview=yes")
    looked_at(cora, "session-repair")
    before = cora.locator("section.slot tr").count()
    cora.get_by_role("button", name="Repair it").click()
    cora.get_by_text("Revision 2").wait_for()
    assert cora.locator("section.slot tr").count() <= before
    for part in ("coalitions", "capture", "promises", ""):
        cora.goto(f"{path}/{part}".rstrip("/"))
        looked_at(cora, f"session-{part or 'page'}")

"""The review desk in a browser: by keyboard, on a phone, by two coordinators at once, and without a script."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service import rounds
from service.review import deciding
from service.review.queue import queue
from service.store import people
from service.store.people import Access
from service.store.reviews import Choice
from service.web import access
from service.wiring import Commonweal

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LEAST = 24  # px of whatever can be pressed and stands by itself: WCAG 2.2, 2.5.8
WEEK = "2026-W48"
QUEUE = f"/desk/review/{WEEK}"
DECIDED = 30


Open = Callable[..., Any]


Served = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def address(stranger: TestClient, served: Served) -> Iterator[str]:
    """The pages on a port of this machine."""
    with served(stranger.app) as address:
        yield address


@pytest.fixture
def opened(address: str, browser: Any, commonweal: Commonweal, sign_in: Callable[[str], TestClient]) -> Iterator[Open]:
    """`opened(name, …)` is a screen of its own on which the coordinator of that name is signed in."""
    contexts = []

    def screen(name: str, width: int = 1200, **options: Any) -> Any:
        email, cookie = f"{name}@commonweal.example", access.cookie_name(commonweal)
        with commonweal.database.write() as connection:
            person = people.ensure(connection, email, name.capitalize())
            people.grant(connection, person.id, Access.COORDINATOR)
        context = browser.new_context(viewport={"width": width, "height": 800}, base_url=address, **options)
        context.add_cookies([{"name": cookie, "value": sign_in(email).cookies[cookie], "url": address}])
        contexts.append(context)
        return context.new_page()

    yield screen
    for context in contexts:
        context.close()


@pytest.fixture
def keys(propose: Callable[[str, int], list[str]]) -> list[str]:
    return propose(WEEK, DECIDED + 2)


def counted(commonweal: Commonweal) -> Counter[Choice]:
    return Counter(queue(commonweal, WEEK).counts)


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.id"))


TOO_SMALL = """least => [...document.querySelectorAll('main a, main button, main summary, main input, main select')]
  .filter(one => one.offsetParent && !one.closest('p:not(.weeks, .doors), dd, .quiet, .unseen, label'))
  .filter(one => !(one.type === 'hidden') && one.getBoundingClientRect().height < least)
  .map(one => one.outerHTML)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_the_desk_is_fit_for_a_phone_and_for_everybody(
    commonweal: Commonweal, opened: Open, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install commonweal[dev]").Axe()
    page = opened("cora", 320, color_scheme=scheme, bypass_csp=True)
    rounds.run(commonweal, WEEK)
    (one,) = queue(commonweal, WEEK).pairings
    with commonweal.database.read() as connection:
        cora = people.by_email(connection, "cora@commonweal.example")
    assert cora
    about = (commonweal, WEEK, one.key, cora.id)
    deciding.decide(*about, 0, Choice.HELD, "an-unbroken-reason-" * 20)
    deciding.reword(*about, 1, "A reason in a coordinator's words")
    deciding.assign(*about, 2, cora.id)
    deciding.comment(*about, "Rang them")
    alone = f"{QUEUE}/{one.key}"
    paths = [
        *("/desk/review", QUEUE, f"{QUEUE}?text=zebra", f"{QUEUE}?done={one.key}&theme=", alone, f"{alone}?done=yes"),
        *(f"{alone}/swap", f"{alone}/knock-on?do=pin", f"{alone}/knock-on?do=forbid"),
    ]

    def look(what: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, what
        violations = axe.run(page, options=AXE).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == [], what
        assert page.evaluate(TOO_SMALL, LEAST) == [], what

    for path in paths:
        assert page.goto(path).status == 200, path
        look(path)
        page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true; })")
        look(f"{path}, all open")
    page.goto(alone)
    deciding.decide(*about, 3, Choice.APPROVED)
    page.click("button[value=reopen]")
    assert page.get_by_role("heading", level=1).inner_text() == "Somebody was first"
    look("first")
    page.goto(QUEUE)
    deciding.decide(*about, 4, Choice.HELD)
    page.check("input[name=chosen]")
    page.click("#bulk button[value=approve]")
    assert page.get_by_role("heading", level=1).inner_text() == "1 was not done"
    look("bulk")


def test_thirty_pairings_are_decided_by_keyboard(commonweal: Commonweal, opened: Open, keys: list[str]) -> None:
    page = opened("cora")
    page.goto(QUEUE)
    page.keyboard.press("j")
    for one in range(DECIDED):
        assert focused(page) == f"p-{keys[one]}", one
        with page.expect_navigation():
            if one % 3 == 2:
                page.keyboard.press("r")
                page.keyboard.type("Too far apart, a j k h")
                page.keyboard.press("Enter")
            else:
                page.keyboard.press("ah"[one % 3])
    assert counted(commonweal) == {Choice.APPROVED: 10, Choice.HELD: 10, Choice.REJECTED: 10, Choice.UNDECIDED: 2}
    assert page.get_by_role("status").inner_text().startswith("Rejected (“Too far apart, a j k h”): Group 29 with")
    with page.expect_navigation():
        page.keyboard.press("u")
    assert counted(commonweal)[Choice.REJECTED] == 9
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0


def test_a_reason_is_asked_for_where_none_was_given_and_what_is_typed_is_taken_for_no_command(
    commonweal: Commonweal, opened: Open, keys: list[str]
) -> None:
    page = opened("cora")
    page.goto(QUEUE)
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    page.keyboard.type("ah, too far")
    assert focused(page) == f"why-{keys[0]}"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert counted(commonweal) == {Choice.REJECTED: 1, Choice.UNDECIDED: 31}
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    with page.expect_navigation():
        page.keyboard.press("a")
    assert counted(commonweal)[Choice.APPROVED] == 1


def test_many_are_decided_and_taken_back_by_one_key(commonweal: Commonweal, opened: Open, keys: list[str]) -> None:
    page = opened("cora")
    page.goto(QUEUE)
    page.click("#all")
    with page.expect_navigation():
        page.click("#bulk button[value=approve]")
    assert counted(commonweal) == {Choice.APPROVED: 32}
    with page.expect_navigation():
        page.keyboard.press("u")
    assert counted(commonweal) == {Choice.UNDECIDED: 32}
    assert page.get_by_role("status").inner_text().startswith("32 pairings: taken back.")


def test_keys_move_tick_search_and_say_what_they_do(opened: Open, keys: list[str]) -> None:
    page = opened("cora")
    page.goto(QUEUE)
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        assert focused(page) == f"p-{keys[at]}"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("input[name=chosen]:checked").count() == 2
    assert page.locator("#ticked").inner_text() == "2 ticked"
    page.click("#all")
    assert page.locator("#ticked").inner_text() == f"{len(keys)} ticked"
    page.keyboard.press("/")
    assert focused(page) == "text"
    page.keyboard.type("ajk?")
    assert page.input_value("#text") == "ajk?"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    assert dialog.is_visible()
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.keyboard.press("Control+a")
    assert page.url.endswith(QUEUE)


def test_words_and_comments_are_reached_by_keyboard_and_lead_back(opened: Open, keys: list[str]) -> None:
    page = opened("cora")
    page.goto(QUEUE)
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("e")
    assert focused(page) == "says"
    page.keyboard.type("You met in May")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.get_by_role("status").inner_text() == "Its reason reworded."
    page.keyboard.press("c")
    assert focused(page) == "comment-says"
    page.keyboard.press("Escape")
    with page.expect_navigation():
        page.keyboard.press("a")
    with page.expect_navigation():
        page.keyboard.press("j")
    assert page.url.endswith(keys[1])
    with page.expect_navigation():
        page.keyboard.press("q")
    assert focused(page) == f"p-{keys[1]}"


def test_a_pin_shows_its_knock_on_in_place_and_is_done_only_when_accepted(
    commonweal: Commonweal, opened: Open, keys: list[str]
) -> None:
    page = opened("cora")
    page.goto(f"{QUEUE}#p-{keys[3]}")
    for again in (True, False):
        page.keyboard.press("p")
        page.get_by_role("heading", name="Pin: what would change").wait_for()
        assert focused(page) == "knock-on-heading"
        assert page.url.endswith(f"{QUEUE}#p-{keys[3]}")
        if again:
            page.keyboard.press("Escape")
            assert (page.locator(".knock-on").count(), focused(page)) == (0, f"p-{keys[3]}")
    assert counted(commonweal)[Choice.APPROVED] == 0
    with page.expect_navigation():
        page.get_by_role("button", name="Pin, and solve anew").click()
    assert page.get_by_role("status").inner_text().startswith("Pinned: Group 03 with Group 04.")
    assert {one.key for one in queue(commonweal, WEEK).pairings if one.pinned} == {keys[3]}


def test_a_second_browser_is_told_who_was_first(commonweal: Commonweal, opened: Open, keys: list[str]) -> None:
    cora, dora = opened("cora"), opened("dora")
    for page in (cora, dora):
        page.goto(QUEUE)
        page.keyboard.press("j")
    with cora.expect_navigation():
        cora.keyboard.press("a")
    with dora.expect_navigation():
        dora.keyboard.press("h")
    assert dora.get_by_role("alert").inner_text().startswith("Cora was first at 09:30 on 25 November: approved.")
    rows = [one.inner_text().split("\t") for one in dora.get_by_role("row").all()]
    assert rows[1] == ["Decision", "Approved", "On hold"]
    dora.get_by_role("link", name="Leave it as it is now").click()
    dora.wait_for_url(f"**{QUEUE}?#p-{keys[1]}")
    assert counted(commonweal) == {Choice.APPROVED: 1, Choice.UNDECIDED: len(keys) - 1}


def test_without_a_script_enter_in_the_reason_rejects_and_never_approves(
    commonweal: Commonweal, opened: Open, keys: list[str]
) -> None:
    page = opened("cora", java_script_enabled=False)
    page.goto(QUEUE)
    page.locator(f"#why-{keys[0]}").fill("Too far apart")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto(f"{QUEUE}?ticked=all&decision=undecided")
    page.fill("#bulk-why", "Not this week")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert counted(commonweal) == {Choice.REJECTED: len(keys)}


def test_the_queue_prints_as_a_list_without_anything_to_press(opened: Open, keys: list[str]) -> None:
    page = opened("cora")
    page.goto(f"{QUEUE}?done={keys[0]}")
    page.emulate_media(media="print")
    assert page.locator("button:visible, input:visible, select:visible, summary:visible").count() == 0
    assert page.get_by_text("A van, number 31").is_visible()

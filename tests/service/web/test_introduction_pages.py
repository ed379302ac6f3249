"""Where each introduction stands, who is to move, and whom to write to once both sides have said yes."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from matcher.proposing import Proposal
from matcher.records import Kind, Listing, Standing, Strength, Suggestion
from service import introductions
from service.letters import CHECKLIST
from service.store import introductions as stored
from service.store import members, people, rounds
from service.store.introductions import Answer, Outcome, State, key_of
from service.web import rendering
from service.wiring import Commonweal

WEEK = "2026-W48"
KEY = key_of(WEEK, "alba-n1", "borea-o1")
ADDRESSES = ("ann@alba.example", "bo@borea.example", "jo.person@borea.example")
SUGGESTION = Suggestion(
    need=Listing(id="alba-n1", organisation="alba", kind=Kind.NEED, text="We want volunteers."),
    offer=Listing(id="borea-o1", organisation="borea", kind=Kind.OFFER, text="Volunteers teach."),
    fit=0.8125,
    strength=Strength.STRONG,
    score=1.0,
)
Form = Callable[..., dict[str, Any]]
SignIn = Callable[[str], TestClient]
Say = Callable[[str, Answer], None]


@pytest.fixture(autouse=True)
def who(commonweal: Commonweal) -> dict[str, str]:
    """Ann acts for alba, Bo for borea, Dora for dorado."""
    with commonweal.database.write() as connection:
        rounds.propose(connection, WEEK, Proposal((SUGGESTION,)), versions={}, at=commonweal.now())
        rounds.release(connection, WEEK, commonweal.now())
        found = {}
        for name, organisation in (("ann", "alba"), ("bo", "borea"), ("dora", "dorado")):
            found[name] = people.ensure(connection, f"{name}@{organisation}.example", f"{name.title()} Person").id
            people.join(connection, found[name], organisation, by="import")
    return found


@pytest.fixture
def say(commonweal: Commonweal, who: dict[str, str]) -> Say:
    def said(name: str, answer: Answer) -> None:
        side = {"ann": "alba", "bo": "borea"}[name]
        introductions.reply(commonweal, side, KEY, who[name], answer)

    return said


@pytest.fixture
def browsers(sign_in: SignIn, client: TestClient, stranger: TestClient) -> dict[str, TestClient]:
    """One of each role."""
    members = {name: sign_in(f"{name}@{side}.example") for name, side in (("ann", "alba"), ("bo", "borea"))}
    return {**members, "dora": sign_in("dora@dorado.example"), "cora": client, "stranger": stranger}


def stands(browser: TestClient) -> str:
    """What the list says of the one introduction; empty where it has none."""
    found = re.search(r'<li><a href="/introductions/[^"]+">[^<]+</a> <span class="quiet">([^<]*)', read(browser))
    return found[1] if found else ""


def read(browser: TestClient, path: str = "/introductions") -> str:
    return browser.get(path).text


def test_each_side_reads_who_is_to_move_and_by_when(
    browsers: dict[str, TestClient], say: Say, commonweal: Commonweal
) -> None:
    ann, bo, dora = (browsers[name] for name in ("ann", "bo", "dora"))
    assert (stands(ann), stands(bo)) == ("", "")
    say("ann", Answer.INTERESTED)
    assert stands(ann) == "We have asked Borea; they have until and including 9 December 2026."
    assert stands(bo) == "Alba &amp; Friends is interested. Please reply by 9 December 2026."
    say("bo", Answer.INTERESTED)
    introduced = "Both of you said yes, and were introduced on 25 November 2026."
    assert stands(ann) == f"{introduced} You have the need, so please write first."
    assert stands(bo) == f"{introduced} Alba &amp; Friends has the need and writes first."
    assert stands(dora) == ""


@pytest.mark.parametrize("no", [Answer.NOT_NOW, Answer.NOT_FOR_US])
def test_a_no_is_folded_away_and_told_kindly(
    browsers: dict[str, TestClient], say: Say, commonweal: Commonweal, no: Answer
) -> None:
    say("ann", Answer.INTERESTED)
    say("bo", no)
    later = commonweal.now() + timedelta(hours=1)
    commonweal.now = lambda: later
    assert stands(browsers["ann"]) == "Borea cannot take this up. Thank you for having asked."
    assert stands(browsers["bo"]).endswith("Alba &amp; Friends has been told, so this stands.")
    assert "<summary>Closed: 1</summary>" in read(browsers["ann"])
    assert "not for us" not in read(browsers["ann"], f"/introductions/{KEY}").lower().replace("not now", "")


def test_what_ran_out_is_folded_away(browsers: dict[str, TestClient], say: Say, commonweal: Commonweal) -> None:
    say("ann", Answer.INTERESTED)
    later = commonweal.now() + timedelta(days=15)
    commonweal.now = lambda: later
    assert stands(browsers["bo"]) == "There was time to reply until and including 9 December 2026."
    introductions.expire(commonweal)
    assert stands(browsers["ann"]) == "Borea did not reply in time, so this was closed."
    assert stands(browsers["bo"]) == "Nobody replied, so this was closed."


def test_who_is_asked_replies_on_the_introductions_page(
    browsers: dict[str, TestClient], say: Say, form: Form, commonweal: Commonweal
) -> None:
    say("ann", Answer.INTERESTED)
    bo = browsers["bo"]
    assert f'action="/suggestions/{KEY}/reply"' in read(bo, f"/introductions/{KEY}")
    bo.post(f"/suggestions/{KEY}/reply", data=form(bo, organisation="borea", answer="interested"))
    with commonweal.database.read() as connection:
        begun = stored.load(connection, KEY)
    assert begun is not None
    assert begun.state is State.INTRODUCED


PAGES = (
    "/introductions",
    f"/introductions/{KEY}",
    f"/introductions/{KEY}?organisation=alba",
    f"/introductions/{KEY}?organisation=borea",
    "/suggestions",
    f"/suggestions/{KEY}",
    f"/suggestions/{KEY}?organisation=alba",
    f"/suggestions/{KEY}?organisation=borea",
)


def shown_to(browsers: dict[str, TestClient]) -> dict[str, set[str]]:
    """Which addresses each role finds on all of these pages, besides its own."""
    found: dict[str, set[str]] = {}
    for name, browser in browsers.items():
        main = [re.sub(r"(?s).*<main|</main>.*", "", browser.get(path).text) for path in PAGES]
        found[name] = {one for one in ADDRESSES if any(one in page for page in main)}
    return found


def test_nobody_finds_an_address_before_both_said_yes(browsers: dict[str, TestClient], say: Say) -> None:
    nothing: dict[str, set[str]] = {name: set() for name in browsers}
    assert shown_to(browsers) == nothing
    say("ann", Answer.INTERESTED)
    assert shown_to(browsers) == nothing
    say("bo", Answer.NOT_NOW)
    assert shown_to(browsers) == nothing


def test_when_both_said_yes_each_side_finds_the_other_and_nobody_else_does(
    browsers: dict[str, TestClient], say: Say
) -> None:
    say("ann", Answer.INTERESTED)
    say("bo", Answer.INTERESTED)
    assert shown_to(browsers) == {
        "ann": {"bo@borea.example"},
        "bo": {"ann@alba.example"},
        "dora": set(),
        "cora": set(),
        "stranger": set(),
    }
    assert 'Bo Person: <a href="mailto:bo@borea.example">' in read(browsers["ann"], f"/introductions/{KEY}")


def test_other_organisations_have_no_such_page(browsers: dict[str, TestClient], say: Say) -> None:
    assert browsers["ann"].get(f"/introductions/{KEY}").status_code == 404
    say("ann", Answer.INTERESTED)
    assert browsers["ann"].get(f"/introductions/{KEY}").status_code == 200
    for path in (f"/introductions/{KEY}", f"/introductions/{KEY}?organisation=alba"):
        assert browsers["dora"].get(path).status_code == 404
    assert browsers["cora"].get(f"/introductions/{KEY}?organisation=alba").status_code == 200
    assert browsers["stranger"].get(f"/introductions/{KEY}", follow_redirects=False).status_code == 303


def test_each_side_says_in_one_tap_what_came_of_it(
    browsers: dict[str, TestClient], say: Say, form: Form, commonweal: Commonweal
) -> None:
    ann, bo = browsers["ann"], browsers["bo"]
    answers: dict[str, Any] = {"organisation": "alba", "answer": "met"}
    say("ann", Answer.INTERESTED)
    assert ann.post(f"/introductions/{KEY}/outcome", data=form(ann, **answers)).status_code == 404
    say("bo", Answer.INTERESTED)
    for answer in ("arranged", "met"):
        told = ann.post(f"/introductions/{KEY}/outcome", data=form(ann, **{**answers, "answer": answer}))
        assert (told.status_code, told.headers["location"]) == (303, f"/introductions/{KEY}")
    page = read(ann, f"/introductions/{KEY}")
    assert "You said: we met. You may change that." in page
    assert re.findall(r'value="([^"]+)" aria-pressed="true"', page) == ["met"]
    assert page.count('aria-pressed="false"') == 3
    assert "You said" not in read(bo, f"/introductions/{KEY}")
    assert ann.post(f"/introductions/{KEY}/outcome", data=answers).status_code == 403
    assert ann.post(f"/introductions/{KEY}/outcome", data=form(ann, organisation="alba", answer="?")).status_code == 422
    dora = browsers["dora"]
    assert dora.post(f"/introductions/{KEY}/outcome", data=form(dora, **answers)).status_code == 404
    with commonweal.database.read() as connection:
        begun = stored.load(connection, KEY)
    assert begun is not None
    assert {side: said.outcome for side, said in begun.outcomes.items()} == {"alba": Outcome.MET}


def test_what_came_of_it_is_asked_from_the_next_day_on(
    browsers: dict[str, TestClient], say: Say, commonweal: Commonweal
) -> None:
    say("ann", Answer.INTERESTED)
    say("bo", Answer.INTERESTED)
    assert "What came of it?" not in read(browsers["ann"], f"/introductions/{KEY}")
    later = commonweal.now() + timedelta(days=1)
    commonweal.now = lambda: later
    assert "What came of it?" in read(browsers["ann"], f"/introductions/{KEY}")


def test_an_introduction_says_that_the_address_was_mailed_and_unfolds_what_to_settle_first(
    browsers: dict[str, TestClient], say: Say, commonweal: Commonweal
) -> None:
    say("ann", Answer.INTERESTED)
    assert "emailed" not in read(browsers["ann"], f"/introductions/{KEY}")
    say("bo", Answer.INTERESTED)
    page = read(browsers["ann"], f"/introductions/{KEY}")
    assert "We have emailed you their address just now, and yours to them." in page
    assert "<summary>For the first meeting" not in page
    for point in CHECKLIST:
        assert f"<li>{point}</li>" in page
    with commonweal.database.write() as connection:
        members.edit(connection, "borea", {"standing": Standing.LISTED})
    assert "emailed" not in read(browsers["ann"], f"/introductions/{KEY}")


def test_on_paper_an_introduction_is_what_to_take_along(
    browsers: dict[str, TestClient], say: Say, commonweal: Commonweal
) -> None:
    say("ann", Answer.INTERESTED)
    say("bo", Answer.INTERESTED)
    later = commonweal.now() + timedelta(days=1)
    commonweal.now = lambda: later
    page = read(browsers["ann"], f"/introductions/{KEY}")
    assert re.findall(r'class="on-screen"[^>]*>(?:\n<h2[^>]*>)?([\w ]{9})', page) == ["We have e", "What came"]
    printed = (Path(rendering.STATIC) / "style.css").read_text("utf-8").partition("@media print")[2]
    hidden = next(line for line in printed.splitlines() if "display: none" in line).partition("{")[0]
    assert {"form", "footer", ".on-screen"} <= {one.strip() for one in hidden.split(",")}


def test_a_coordinator_sees_where_it_stands_and_not_whom_to_write_to(
    client: TestClient, say: Say, commonweal: Commonweal, who: dict[str, str]
) -> None:
    say("ann", Answer.INTERESTED)
    say("bo", Answer.INTERESTED)
    page = read(client, f"/introductions/{KEY}?organisation=alba")
    assert "Both of you said yes, and were introduced on 25 November 2026." in page
    assert "Whom to write to" not in page

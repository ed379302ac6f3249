"""The review desk: every step by a plain form, whoever else is at it."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from matcher.records import Kind, Listing, ListingId, OrganisationId
from service import rounds
from service.review.queue import Pairing, queue
from service.store import decisions, members, people, reviews
from service.store import rounds as stored_rounds
from service.store.people import Access
from service.store.reviews import Choice, Doing, key_of
from service.wiring import Commonweal

WEEK = "2026-W48"
PAIR = (ListingId("alba-n1"), ListingId("borea-o1"))
KEY = key_of(WEEK, *PAIR)
PAGE = f"/desk/review/{WEEK}"
SECRETS = re.compile(r"jo\.person@\w+\.example|0117 496 0123|12 Harbour Road|<script>alert")
SignIn = Callable[[str], TestClient]
Form = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def proposed(commonweal: Commonweal) -> None:
    rounds.run(commonweal, WEEK)


@pytest.fixture
def second(commonweal: Commonweal, sign_in: SignIn) -> TestClient:
    """Another coordinator's browser."""
    with commonweal.database.write() as connection:
        dora = people.ensure(connection, "dora@commonweal.example", "Dora")
        people.grant(connection, dora.id, Access.COORDINATOR)
    return sign_in("dora@commonweal.example")


@pytest.fixture
def act(client: TestClient, form: Form) -> Callable[..., Any]:
    def acted(browser: TestClient = client, **fields: Any) -> Any:
        return browser.post(f"{PAGE}/{KEY}", data=form(browser, **fields))

    return acted


def one(commonweal: Commonweal) -> Pairing:
    return next(pairing for pairing in queue(commonweal, WEEK).pairings if pairing.key == KEY)


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def test_a_pairing_stands_with_all_there_is_to_know_and_nobodys_contact_details(client: TestClient) -> None:
    answer = client.get(PAGE)
    said = text_of(answer)
    for words in ("Alba & Friends", "Borea", "fit ", "Why", "To expect", "Lately", "Undecided", "1 undecided"):
        assert words in said, words
    assert answer.text.count("<mark>") == 2
    assert SECRETS.search(answer.text) is None


def test_what_waits_is_listed_and_led_to_from_the_desk(client: TestClient) -> None:
    assert f'href="{PAGE}"' in client.get("/desk/review").text
    assert 'href="/desk/review"' in client.get("/desk").text


@pytest.mark.parametrize(
    ("do", "choice"), [("approve", Choice.APPROVED), ("hold", Choice.HELD), ("reject", Choice.REJECTED)]
)
def test_a_button_decides_says_so_and_offers_an_undo(
    commonweal: Commonweal, client: TestClient, act: Callable[..., Any], do: str, choice: Choice
) -> None:
    answer = act(do=do, seen=0, why="because", then=KEY, back="text=smartphone&evil=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{PAGE}?text=smartphone&done={KEY}#p-{KEY}"
    assert one(commonweal).review.decision is choice
    shown = client.get(answer.headers["location"])
    assert f"{answer_words(choice)} (“because”): Alba & Friends with Borea." in text_of(shown)
    step = re.search(r'name="step" value="(\d+)"', shown.text)
    assert step
    act(do="undo", step=step[1], seen=1)
    assert one(commonweal).review.decision is Choice.UNDECIDED


def answer_words(choice: Choice) -> str:
    return {Choice.APPROVED: "Approved", Choice.HELD: "On hold", Choice.REJECTED: "Rejected"}[choice]


def test_a_rejection_without_a_reason_is_asked_for_one_where_it_is(client: TestClient, act: Callable[..., Any]) -> None:
    answer = act(do="reject", seen=0)
    assert (answer.status_code, "Say why" in answer.text) == (422, True)


def test_the_second_coordinator_is_told_who_was_first_and_sees_the_difference(
    commonweal: Commonweal, client: TestClient, second: TestClient, act: Callable[..., Any]
) -> None:
    act(do="approve", seen=0, why="both keen")
    answer = act(second, do="reject", seen=0, why="too far")
    said = text_of(answer)
    assert answer.status_code == 409
    assert "Cora Coordinator was first" in said
    assert "As it is now Approved : both keen" in said
    assert "What you chose Reject : too far" in said
    assert one(commonweal).review.decision is Choice.APPROVED
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', answer.text.split('class="inline"')[1]))
    act(second, **{name: value for name, value in fields.items() if name in ("do", "why", "seen")})
    assert (one(commonweal).review.decision, one(commonweal).review.why) == (Choice.REJECTED, "too far")


@pytest.mark.parametrize("do", ["pin", "forbid"])
def test_the_knock_on_is_shown_before_anything_is_done(
    commonweal: Commonweal, client: TestClient, act: Callable[..., Any], do: str
) -> None:
    asked = act(do=do, seen=0, why="they asked")
    path = asked.headers["location"]
    assert urlsplit(path).path == f"{PAGE}/{KEY}/knock-on"
    assert parse_qs(urlsplit(path).query)["do"] == [do]
    said = text_of(client.get(path))
    assert ("Nothing else changes" in said) == (do == "pin")
    assert ("Gone 1 Alba & Friends with Borea" in said) == (do == "forbid")
    assert one(commonweal).review.version == 0
    act(do=do, seen=0, why="they asked", accepted="yes")
    with commonweal.database.read() as connection:
        assert (PAIR in decisions.pinned(connection, WEEK)) == (do == "pin")
        assert decisions.is_forbidden(connection, *PAIR) == (do == "forbid")
        found = stored_rounds.load(connection, WEEK)
    assert found is not None
    assert (found.revision, len(found.suggestions)) == (2, 1 if do == "pin" else 0)


def test_the_knock_on_comes_without_the_page_around_it_for_a_script(client: TestClient) -> None:
    part = client.get(f"{PAGE}/{KEY}/knock-on", params={"do": "pin", "part": "true"}).text
    assert part.lstrip().startswith("<section") and "<html" not in part


def test_words_for_members_assignments_and_comments_have_a_page_with_the_whole_trail(
    commonweal: Commonweal, client: TestClient, act: Callable[..., Any]
) -> None:
    with commonweal.database.read() as connection:
        cora = people.by_email(connection, "cora@commonweal.example")
    assert cora
    act(do="reword", seen=0, says="Ring 0117 496 0123 <b>now</b>", alone="yes")
    act(do="assign", seen=1, to=cora.id, alone="yes")
    act(do="comment", says="Rang them.", alone="yes")
    answer = client.get(f"{PAGE}/{KEY}")
    said = text_of(answer)
    for words in ("Its reason reworded", "Assigned to: nobody → Cora Coordinator", "Comment", "Rang them."):
        assert words in said, words
    assert SECRETS.search(answer.text) is None
    assert "<b>now" not in answer.text


def test_many_are_decided_at_once_and_who_was_late_is_told(
    commonweal: Commonweal, client: TestClient, second: TestClient, act: Callable[..., Any], form: Form
) -> None:
    send = {"chosen": [f"{KEY}:0"], "do": "approve"}
    done = client.post(f"{PAGE}/bulk", data=form(client, **send))
    assert (done.status_code, "1 of 1 done." in done.text) == (200, True)
    late = second.post(f"{PAGE}/bulk", data=form(second, **send))
    assert (late.status_code, "Cora Coordinator was first" in late.text) == (409, True)
    nothing = second.post(f"{PAGE}/bulk", data=form(second, do="approve"))
    assert (nothing.status_code, "Nothing was ticked" in nothing.text) == (422, True)


def test_a_partner_is_swapped_after_its_knock_on_was_shown(
    commonweal: Commonweal, client: TestClient, act: Callable[..., Any]
) -> None:
    other = Listing(
        id=ListingId("dorado-o1"),
        organisation=OrganisationId("dorado"),
        kind=Kind.OFFER,
        text="Two volunteers who teach older people to use a smartphone",
        resource="people",
        places=("Bristol",),
    )
    with commonweal.database.write() as connection:
        members.save(connection, listings={other.id: other})
    page = client.get(f"{PAGE}/{KEY}/swap")
    found = re.search(r'name="need" value="([^"]+)"><input type="hidden" name="offer" value="([^"]+)"', page.text)
    assert found, text_of(page)
    need, offer = found.groups()
    shown = client.get(f"{PAGE}/{KEY}/knock-on", params={"do": "swap", "need": need, "offer": offer, "seen": 0})
    assert "To be swapped for" in shown.text
    act(do="swap", need=need, offer=offer, seen=0, why="nearer", accepted="yes")
    with commonweal.database.read() as connection:
        assert reviews.pairs(connection, WEEK, [Choice.REJECTED]) == (PAIR,)
        assert reviews.pairs(connection, WEEK, [Choice.APPROVED]) == ((need, offer),)
        assert reviews.steps(connection, [KEY])[KEY][0].what is Doing.SWAP


def test_a_round_is_solved_anew_and_released_as_it_was_looked_at(
    commonweal: Commonweal, client: TestClient, form: Form
) -> None:
    assert client.post(f"{PAGE}/solve", data=form(client)).status_code == 303
    late = client.post(f"{PAGE}/release", data=form(client, revision="1"))
    assert (late.status_code, "meanwhile" in late.text) == (409, True)
    assert client.post(f"{PAGE}/release", data=form(client, revision="2")).headers["location"] == f"/rounds/{WEEK}"
    closed = client.get(PAGE)
    assert "This round was released" in closed.text and 'value="approve"' not in closed.text


def test_filters_narrow_what_is_shown(client: TestClient) -> None:
    assert 'class="pairing' in client.get(PAGE, params={"text": "smartphone borea"}).text
    for nothing in ({"decision": "held"}, {"text": "zebra"}, {"place": "Perth"}):
        assert "No pairing passes these filters" in client.get(PAGE, params=nothing).text, nothing


@pytest.mark.parametrize("path", ["/desk/review/2026-W01", "/desk/review/nothing", f"{PAGE}/{'0' * 20}"])
def test_what_is_not_there_is_said_to_be_not_there(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404

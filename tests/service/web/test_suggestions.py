"""What was suggested, and replying to it: on the pages of an organisation's people, and by the link in a mail."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event, text

from matcher.proposing import Proposal
from matcher.records import About, Kind, Listing, Reason, Strength, Suggestion
from service import introductions, reply_links
from service.store import decisions, members, people, rounds
from service.store import introductions as stored
from service.store.database import DatabaseError
from service.store.introductions import Answer, State, key_of
from service.wiring import Commonweal

WEEK = "2026-W48"
KEY = key_of(WEEK, "alba-n1", "borea-o1")
SECRETS = ("jo.person@borea.example", "0117 496 0123", "12 Harbour Road", "BS3 4AB")
SUGGESTION = Suggestion(
    need=Listing(
        id="alba-n1", organisation="alba", kind=Kind.NEED, text="We want volunteers <b>soon</b>. Ring 0117 496 0123."
    ),
    offer=Listing(
        id="borea-o1",
        organisation="borea",
        kind=Kind.OFFER,
        text="Volunteers teach. Write to jo.person@borea.example, 12 Harbour Road, BS3 4AB.",
    ),
    fit=0.8125,
    strength=Strength.STRONG,
    score=1.0,
    reasons=(Reason(About.PLACE, "Both are in Bristol."),),
    mismatches=(Reason(About.TIMING, "The offer opens later."),),
    cautions=(Reason(About.DUTY, "Speak with the council first."),),
)
Form = Callable[..., dict[str, Any]]
SignIn = Callable[[str], TestClient]


@pytest.fixture(autouse=True)
def released(commonweal: Commonweal) -> dict[str, str]:
    """Ann and Abel act for alba, Bo for borea, Dora for dorado."""
    with commonweal.database.write() as connection:
        for week in ("2026-W44", WEEK):
            rounds.propose(connection, week, Proposal((SUGGESTION,)), versions={}, at=commonweal.now())
            rounds.release(connection, week, commonweal.now())
        who = {}
        for name, organisation in (("ann", "alba"), ("abel", "alba"), ("bo", "borea"), ("dora", "dorado")):
            who[name] = people.ensure(connection, f"{name}@{organisation}.example", f"{name.title()} Person").id
            people.join(connection, who[name], organisation, by="import")
    return who


@pytest.fixture
def ann(sign_in: SignIn) -> Iterator[TestClient]:
    return sign_in("ann@alba.example")


@pytest.fixture
def bo(sign_in: SignIn) -> Iterator[TestClient]:
    return sign_in("bo@borea.example")


def state(commonweal: Commonweal) -> tuple[State | None, dict[str, tuple[str, str, str]]]:
    with commonweal.database.read() as connection:
        begun = stored.load(connection, KEY)
        said = stored.replies(connection, [KEY]).get(KEY, {})
    return begun and begun.state, {one: (str(r.answer), r.why, str(r.via)) for one, r in said.items()}


def words(html: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_page_shows_what_was_suggested_with_reasons_mismatches_and_cautions(ann: TestClient) -> None:
    page = ann.get("/suggestions")
    assert page.status_code == 200
    said = words(page.text)
    for part in (
        "Alba &amp; Friends needs We want volunteers &lt;b&gt;soon&lt;/b&gt;.",
        "Borea offers Volunteers teach.",
        "Why Both are in Bristol.",
        "What does not fit The offer opens later.",
        "Mind Speak with the council first.",
        "Interested Not now Not now: We will not suggest this again before 18 January 2027.",
    ):
        assert part in said
    assert not any(secret in page.text for secret in SECRETS)
    assert "0.8" not in page.text


def test_each_side_reads_its_own_page_and_strangers_none(sign_in: SignIn, bo: TestClient, stranger: TestClient) -> None:
    assert "Alba &amp; Friends" in bo.get(f"/suggestions/{KEY}").text
    dora = sign_in("dora@dorado.example")
    assert "Nothing has been suggested yet" in dora.get("/suggestions").text
    assert dora.get(f"/suggestions/{KEY}").status_code == 404
    assert dora.get(f"/suggestions/{KEY}?organisation=alba").status_code == 404
    answer = stranger.get(f"/suggestions/{KEY}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?to=%2Fsuggestions%2F{KEY}")


@pytest.mark.parametrize(
    ("fields", "reply"),
    [
        ({"answer": "interested"}, ("interested", "", "page")),
        ({"answer": "not-now"}, ("not-now", "", "page")),
        ({"no": "wrong place"}, ("not-for-us", "wrong place", "page")),
        ({"no": "other", "words": " we  moved "}, ("not-for-us", "we moved", "page")),
    ],
)
def test_a_reply_is_one_tap(
    ann: TestClient, form: Form, commonweal: Commonweal, fields: dict[str, str], reply: tuple[str, str, str]
) -> None:
    answer = ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", **fields))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/suggestions/{KEY}?done=reply#said")
    assert state(commonweal)[1] == {"alba": reply}
    page = words(ann.get(f"/suggestions/{KEY}").text)
    assert f"Ann Person replied on 25 November 2026: {reply[0].replace('-', ' ')}" in page
    assert "Take it back until and including 2 December 2026" in page


def test_a_reply_is_taken_back_on_the_page(ann: TestClient, form: Form, commonweal: Commonweal) -> None:
    ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", answer="interested"))
    answer = ann.post(f"/suggestions/{KEY}/undo", data=form(ann, organisation="alba"))
    assert (answer.status_code, state(commonweal)) == (303, (State.WITHDRAWN, {}))
    assert "Interested" in ann.get(f"/suggestions/{KEY}").text
    assert (
        notice(ann, answer) == "Your reply about Borea is taken back. You can reply again. Next: Borea All suggestions"
    )


def notice(browser: TestClient, answer: Any) -> str:
    """What stands at the very top of the page that an answer leads to, where a phone shows it."""
    path, _, fragment = answer.headers["location"].partition("#")
    main = browser.get(path).text.partition('<main id="main">')[2].strip()
    assert (fragment, main.partition(">")[0]) == (
        "said",
        '<div class="state released said" id="said" role="status" tabindex="-1"',
    )
    return words(main.partition("</div>")[0])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"answer": "interested"},
            "You are interested. We have asked Borea; they have until and including 9 December 2026.",
        ),
        (
            {"answer": "not-now"},
            "You said: not now. We will not suggest this again before 18 January 2027. Borea is not told, unless it is "
            "interested itself: then it reads that you cannot take this up.",
        ),
        (
            {"no": "wrong place"},
            "You said: not for us. We will not suggest this again unless one of the two texts changes. Borea is not "
            "told, unless it is interested itself: then it reads that you cannot take this up.",
        ),
    ],
)
def test_after_a_reply_the_page_says_at_the_top_what_happened_and_what_is_next(
    ann: TestClient, form: Form, token: str, stranger: TestClient, fields: dict[str, str], says: str
) -> None:
    answer = ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", **fields))
    assert notice(ann, answer) == f"{says} Next: Borea All suggestions"
    old = key_of("2026-W44", "alba-n1", "borea-o1")
    page = ann.get(answer.headers["location"]).text
    assert f'<a href="/suggestions/{old}?organisation=alba">Next: Borea</a>' in page
    assert ann.get(f"/suggestions/{old}?done=reply").text.count('id="said"') == 0  # nothing was replied there
    ann.post(f"/suggestions/{KEY}/undo", data=form(ann, organisation="alba"))
    told = stranger.post(f"/reply/{token}", data=fields)
    assert notice(stranger, told) == f"{says} Sign in to see all suggestions"


def test_a_no_to_who_is_interested_can_be_taken_back_for_an_hour_and_then_stands(
    ann: TestClient, bo: TestClient, form: Form, commonweal: Commonweal
) -> None:
    ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", answer="interested"))
    asked = "An hour later Alba &amp; Friends is told, kindly and without the reason."
    assert asked in words(bo.get(f"/suggestions/{KEY}").text)
    bo.post(f"/suggestions/{KEY}/reply", data=form(bo, organisation="borea", answer="not-now"))
    page = words(bo.get(f"/suggestions/{KEY}").text)
    assert "An hour after your reply Alba &amp; Friends is told, kindly and without the reason." in page
    assert "Take it back within an hour of your reply" in page
    waits = "We have asked Borea; they have until and including 9 December 2026."
    assert waits in words(ann.get(f"/suggestions/{KEY}").text)
    later = commonweal.now() + timedelta(hours=1)
    commonweal.now = lambda: later
    page = words(bo.get(f"/suggestions/{KEY}").text)
    assert "Alba &amp; Friends has been told, so this stands." in page
    assert "Take it back" not in page
    assert "Borea cannot take this up. Thank you for having asked." in words(ann.get(f"/suggestions/{KEY}").text)


def test_interest_that_was_taken_back_is_said_to_whom_a_mail_had_reached(
    ann: TestClient, bo: TestClient, form: Form, commonweal: Commonweal
) -> None:
    says = "Alba &amp; Friends took its interest back; you may still say yes."
    for reached in (False, True):
        ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", answer="interested"))
        if reached:
            with commonweal.database.write() as connection:
                connection.execute(text("update mails set state = 'sent'"))
        ann.post(f"/suggestions/{KEY}/undo", data=form(ann, organisation="alba"))
        assert (says in words(bo.get(f"/suggestions/{KEY}").text)) is reached
    bo.post(f"/suggestions/{KEY}/reply", data=form(bo, organisation="borea", answer="interested"))
    assert state(commonweal)[0] is State.ASKED


def test_when_both_said_yes_a_link_tells_of_the_mail_and_shows_no_address(
    bo: TestClient, form: Form, stranger: TestClient, token: str, commonweal: Commonweal, released: dict[str, str]
) -> None:
    bo.post(f"/suggestions/{KEY}/reply", data=form(bo, organisation="borea", answer="interested"))
    answer = stranger.post(f"/reply/{token}", data={"answer": "interested"})
    told = notice(stranger, answer)
    assert "We have emailed you their address just now, and yours to them." in told
    assert "look in your spam or junk folder" in told
    assert "@" not in stranger.get(f"/reply/{token}").text.partition("<main")[2]
    abel = reply_links.address_of(commonweal, KEY, "alba", released["abel"]).rsplit("/", 1)[1]
    assert "We have emailed Ann Person their address just now" in words(stranger.get(f"/reply/{abel}").text)
    later = commonweal.now() + timedelta(days=1)
    commonweal.now = lambda: later
    assert "We have emailed you their address on 25 November 2026" in words(stranger.get(f"/reply/{token}").text)


def test_who_comes_second_is_told_who_was_first(
    ann: TestClient, sign_in: SignIn, form: Form, commonweal: Commonweal
) -> None:
    ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", answer="not-now"))
    abel = sign_in("abel@alba.example")
    answer = abel.post(f"/suggestions/{KEY}/reply", data=form(abel, organisation="alba", answer="interested"))
    assert answer.status_code == 409
    assert "Ann Person replied first, on 25 November 2026: not now." in words(answer.text)
    assert state(commonweal)[1] == {"alba": ("not-now", "", "page")}


def test_a_yes_that_comes_when_the_places_are_filled_is_told_to_both_as_what_it_is(
    ann: TestClient, bo: TestClient, form: Form, commonweal: Commonweal, released: dict[str, str]
) -> None:
    bo.post(f"/suggestions/{KEY}/reply", data=form(bo, organisation="borea", answer="interested"))
    other = replace(SUGGESTION, need=replace(SUGGESTION.need, id="alba-n2"))
    with commonweal.database.write() as connection:
        members.edit(connection, "borea-o1", {"capacity": 1})
        introductions.ask(connection, "other", WEEK, other, opened_by="borea", at=commonweal.now())
        stored.move(connection, "other", State.ASKED, State.INTRODUCED, introduced_at=commonweal.now())
    answer = ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", answer="interested"))
    thanks = "Borea had filled its places by then, so you are not introduced. Thank you for having said yes."
    assert notice(ann, answer).startswith(f"You are interested. {thanks}")
    assert "you had filled your places, so this was closed" in bo.get("/introductions").text
    for page in (ann.get(f"/introductions/{KEY}").text, bo.get(f"/introductions/{KEY}").text):
        assert "did not reply" not in page
        assert "@" not in page


def test_a_yes_that_cannot_be_is_told_why(ann: TestClient, form: Form, commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "borea-o1", {"capacity": 0})
    answer = ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", answer="interested"))
    assert answer.status_code == 409
    assert "Borea has as many partners for this as it takes." in words(answer.text)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"answer": "perhaps"}, 422),
        ({}, 422),
        ({"no": "x" * 501}, 422),
        ({"answer": "interested", "organisation": "borea"}, 404),
        ({"answer": "interested", "organisation": "nobody"}, 404),
    ],
)
def test_what_no_button_says_changes_nothing(
    ann: TestClient, form: Form, commonweal: Commonweal, fields: dict[str, str], status: int
) -> None:
    answer = ann.post(f"/suggestions/{KEY}/reply", data=form(ann, **{"organisation": "alba", **fields}))
    assert (answer.status_code, state(commonweal)) == (status, (None, {}))


def test_a_form_of_another_site_replies_nothing(ann: TestClient, commonweal: Commonweal) -> None:
    for path in ("reply", "undo"):
        answer = ann.post(f"/suggestions/{KEY}/{path}", data={"organisation": "alba", "answer": "interested"})
        assert answer.status_code == 403
    assert state(commonweal) == (None, {})


def test_a_database_that_is_in_use_is_told_as_such_and_not_as_a_refusal(
    ann: TestClient, form: Form, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_args: object, **_options: object) -> None:
        raise DatabaseError("sqlite:////secret/place.db: locked by another process")

    monkeypatch.setattr(introductions, "reply", locked)
    for answer in (
        ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", answer="interested")),
        ann.post(f"/reply/{token}", data={"answer": "interested"}),
    ):
        assert (answer.status_code, "/secret/place" in answer.text) == (503, False)


def test_looking_replies_nothing(ann: TestClient, stranger: TestClient, commonweal: Commonweal, token: str) -> None:
    for browser, path in ((ann, "/suggestions"), (ann, f"/suggestions/{KEY}"), (stranger, f"/reply/{token}")):
        for _ in range(2):
            assert (browser.get(path).status_code, browser.head(path).status_code) == (200, 200)
    assert ann.get(f"/suggestions/{KEY}/reply").status_code == 405
    assert state(commonweal) == (None, {})


def test_a_coordinator_sees_and_replies_for_an_organisation(
    client: TestClient, form: Form, commonweal: Commonweal
) -> None:
    assert "You act for no organisation" in client.get("/suggestions").text
    assert "Borea" in client.get("/suggestions?organisation=alba").text
    says = "You reply for Alba &amp; Friends. That is recorded, and its people are told."
    for path in ("/suggestions", f"/suggestions/{KEY}"):
        page = words(client.get(f"{path}?organisation=alba").text)
        assert says in page
        assert "Its own people say yes themselves" in page
    answer = client.post(f"/suggestions/{KEY}/reply", data=form(client, organisation="alba", answer="not-now"))
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/suggestions/{KEY}?organisation=alba&done=reply#said",
    )
    assert state(commonweal) == (None, {"alba": ("not-now", "", "coordinator")})
    page = words(client.get(answer.headers["location"]).text)
    assert "A coordinator replied on 25 November 2026: not now." in page


def test_its_own_people_are_told_nothing_of_replying_for_another(ann: TestClient) -> None:
    for path in ("/suggestions", f"/suggestions/{KEY}"):
        assert "You reply for" not in ann.get(path).text


def test_a_person_of_several_organisations_finds_them_apart(sign_in: SignIn, commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        jo = people.by_email(connection, "jo.person@borea.example")
        assert jo is not None
        people.join(connection, jo.id, "alba", by="import")
    page = sign_in("jo.person@borea.example").get("/suggestions").text
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", page) == ["Alba &amp; Friends", "Borea"]
    assert page.count(f'action="/suggestions/{KEY}/reply"') == 6


def test_those_that_wait_come_first_and_a_reply_is_one_line(ann: TestClient, form: Form) -> None:
    page = ann.get("/suggestions").text
    assert 'aria-label="Open on its own page: Borea">Open on its own page</a>' in page
    assert "Replied to this week" not in page
    ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", answer="interested"))
    page = ann.get("/suggestions").text
    waits, line = page.index("<article"), page.index("Replied to this week")
    assert (waits < line, page.count("<article")) == (True, 1)
    says = "Borea Interested. We have asked Borea; they have until and including 9 December 2026."
    assert says in words(page[line:])


def test_who_is_new_reads_when_suggestions_come_and_what_to_do_meanwhile(sign_in: SignIn) -> None:
    page = sign_in("dora@dorado.example").get("/suggestions").text
    assert "Nothing has been suggested yet. Suggestions come every Monday, on this page and by email." in words(page)
    for kind in ("need", "offer"):
        assert f'<a href="/organisations/dorado/listings/new?kind={kind}" class="button">List a' in page


@pytest.mark.parametrize(
    ("until", "says"), [(None, "until somebody resumes"), ("2026-12-24", "until and including 24 December 2026")]
)
def test_who_is_paused_reads_so_and_how_to_resume(
    ann: TestClient, commonweal: Commonweal, until: str | None, says: str
) -> None:
    assert "is paused" not in ann.get("/suggestions").text
    with commonweal.database.write() as connection:
        decisions.pause(connection, "alba", "-", commonweal.now(), until and date.fromisoformat(until))  # type: ignore[arg-type]
    page = ann.get("/suggestions").text
    assert f"Alba &amp; Friends is paused {says}: nothing new is suggested to it." in words(page)
    assert '<a href="/organisations/alba/pause">End the pause</a>' in page


def test_who_writes_why_is_told_who_can_read_it(ann: TestClient) -> None:
    page = words(ann.get(f"/suggestions/{KEY}").text)
    assert "Your colleagues and coordinators can read these words; Borea cannot. Send" in page


def test_earlier_ones_are_folded_and_lead_to_their_pages(ann: TestClient, form: Form) -> None:
    old = key_of("2026-W44", "alba-n1", "borea-o1")
    ann.post(f"/suggestions/{old}/reply", data=form(ann, organisation="alba", answer="not-now"))
    page = ann.get("/suggestions").text
    assert "<summary>Earlier: 1</summary>" in page
    assert f'<a href="/suggestions/{old}?organisation=alba">Borea</a>' in page
    assert ann.get(f"/suggestions/{old}").status_code == 200


def release(commonweal: Commonweal, *weeks: str) -> None:
    with commonweal.database.write() as connection:
        for week in weeks:
            rounds.propose(connection, week, Proposal((SUGGESTION,)), versions={}, at=commonweal.now())
            rounds.release(connection, week, commonweal.now())


def test_a_page_goes_back_eight_weeks_and_leads_to_those_before(ann: TestClient, commonweal: Commonweal) -> None:
    def keys(path: str) -> list[str]:
        return re.findall(r"/suggestions/([0-9a-f]{20})\?organisation=alba\"[^>]*>Borea<", ann.get(path).text)

    assert "Older suggestions" not in ann.get("/suggestions").text
    release(commonweal, "2026-W40", "2026-W39", "2026-W31", "2026-W30")
    expected = [key_of(week, "alba-n1", "borea-o1") for week in ("2026-W40", "2026-W39", "2026-W31", "2026-W30")]
    pages = [
        "/suggestions",
        "/suggestions?until=2026-W39&organisation=alba",
        "/suggestions?until=2026-W30&organisation=alba",
    ]
    for path, older in zip(pages, [*pages[1:], None], strict=True):
        assert (f'href="{older}"'.replace("&", "&amp;") in ann.get(path).text) is (older is not None)
    assert [expected[0] in ann.get(pages[0]).text, keys(pages[1]), keys(pages[2])] == [
        True,
        expected[1:3],
        expected[3:],
    ]
    assert "Nothing was suggested in these weeks." in ann.get("/suggestions?until=2026-W20").text


@pytest.mark.parametrize("week", ["2026", "2026-W60", "0001-W01", "9999-W53", "<b>"])
def test_a_week_that_is_none_has_no_page(ann: TestClient, week: str) -> None:
    answer = ann.get("/suggestions", params={"until": week})
    assert (answer.status_code, "A week is written like 2026-W48." in answer.text) == (404, True)


def test_what_is_asked_still_stands_on_the_first_page_however_old_it_is(
    ann: TestClient, form: Form, sign_in: SignIn, commonweal: Commonweal
) -> None:
    ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", answer="interested"))
    with commonweal.database.write() as connection:
        connection.execute(text("update introductions set due = '2027-03-01'"))
    later = commonweal.now() + timedelta(weeks=12)
    commonweal.now = lambda: later
    bo = sign_in("bo@borea.example")
    assert "Alba &amp; Friends is interested. Please reply by 1 March 2027." in words(bo.get("/suggestions").text)


def test_a_page_asks_the_store_as_often_however_much_was_suggested(ann: TestClient, commonweal: Commonweal) -> None:
    def asked(path: str) -> int:
        seen: list[str] = []
        note = lambda _connection, _cursor, statement, *_rest: seen.append(statement)  # noqa: E731
        event.listen(Engine, "before_cursor_execute", note)
        ann.get(path)
        event.remove(Engine, "before_cursor_execute", note)
        return sum(statement.startswith("SELECT") for statement in seen)

    before = [asked(path) for path in ("/suggestions", "/introductions")]
    release(commonweal, "2026-W47", "2026-W46", "2026-W45")
    assert ([asked(path) for path in ("/suggestions", "/introductions")], before) == ([7, 3], [7, 3])


def test_neither_page_tells_what_the_other_side_said(
    ann: TestClient, bo: TestClient, form: Form, commonweal: Commonweal
) -> None:
    before = bo.get("/suggestions").text, bo.get("/introductions").text
    ann.post(f"/suggestions/{KEY}/reply", data=form(ann, organisation="alba", no="too big for us"))
    assert tied_off(before) == tied_off((bo.get("/suggestions").text, bo.get("/introductions").text))


def tied_off(pages: tuple[str, str]) -> list[str]:
    """Pages without what ties their forms to the moment."""
    return [re.sub(r'name="form" value="[^"]+"', "", page) for page in pages]


@pytest.fixture
def token(commonweal: Commonweal, released: dict[str, str]) -> str:
    return reply_links.address_of(commonweal, KEY, "alba", released["ann"]).rsplit("/", 1)[1]


def test_a_link_shows_its_one_suggestion_and_leads_nowhere_else(stranger: TestClient, token: str) -> None:
    page = stranger.get(f"/reply/{token}")
    assert page.status_code == 200
    said = words(page.text)
    assert "Are you interested? Nothing is sent before you press a button." in said
    assert "Interested Not now Not now: We will not suggest this again" in said
    assert not any(secret in page.text for secret in (*SECRETS, "Ann Person", "ann@alba.example"))
    main = page.text[page.text.index("<main") : page.text.index("</main>")]
    assert set(re.findall(r'(?:href|action)="([^"]+)"', main)) == {f"/reply/{token}"}
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize(
    ("fields", "reply"),
    [
        ({"answer": "interested"}, ("interested", "", "link")),
        ({"answer": "not-now"}, ("not-now", "", "link")),
        ({"no": "wrong time"}, ("not-for-us", "wrong time", "link")),
        ({"no": "already have this", "words": "since May"}, ("not-for-us", "already have this: since May", "link")),
    ],
)
def test_a_link_replies_without_signing_in_and_takes_back(
    stranger: TestClient, token: str, commonweal: Commonweal, fields: dict[str, str], reply: tuple[str, str, str]
) -> None:
    answer = stranger.post(f"/reply/{token}", data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/reply/{token}?done=reply#said")
    assert state(commonweal)[1] == {"alba": reply}
    page = words(stranger.get(f"/reply/{token}").text)
    assert "Ann Person replied on 25 November 2026" in page
    assert "Interested in" not in stranger.get(f"/reply/{token}").text
    assert stranger.post(f"/reply/{token}", data={"undo": "yes"}).status_code == 303
    assert state(commonweal)[1] == {}


def test_a_link_opens_nothing_but_its_own_suggestion(
    stranger: TestClient, token: str, commonweal: Commonweal, form: Form
) -> None:
    other = key_of("2026-W44", "alba-n1", "borea-o1")
    stranger.get(f"/reply/{token}")
    assert stranger.get("/suggestions", follow_redirects=False).status_code == 303
    answer = stranger.post(f"/suggestions/{other}/reply", data={"organisation": "alba", "answer": "interested"})
    assert answer.status_code in (303, 403)
    for purpose in ("unsubscribe", "confirm", "sign-in"):
        assert stranger.get(f"/{purpose}/{token}").status_code in (404, 410)
    assert state(commonweal) == (None, {})


def test_a_link_says_what_a_colleague_replied_first(
    stranger: TestClient, token: str, commonweal: Commonweal, released: dict[str, str]
) -> None:
    introductions.reply(commonweal, "alba", KEY, released["abel"], Answer.NOT_NOW)
    answer = stranger.post(f"/reply/{token}", data={"answer": "interested"})
    assert answer.status_code == 409
    assert "Abel Person replied first, on 25 November 2026: not now." in words(answer.text)
    assert "Take it back" in answer.text


def test_a_link_that_ran_out_says_so_and_leads_to_signing_in(
    stranger: TestClient, token: str, commonweal: Commonweal
) -> None:
    later = commonweal.now() + timedelta(days=15)
    commonweal.now = lambda: later
    for answer in (stranger.get(f"/reply/{token}"), stranger.post(f"/reply/{token}", data={"answer": "interested"})):
        assert answer.status_code == 410
        assert "This link has run out." in answer.text
        assert 'href="/sign-in?to=/suggestions"' in answer.text
        assert "Borea" not in answer.text
    assert state(commonweal) == (None, {})


@pytest.mark.parametrize("change", ["left", "cut", "forged", "unreleased"])
def test_a_link_works_for_who_still_acts_for_the_organisation_and_only_whole(
    change: str, stranger: TestClient, token: str, commonweal: Commonweal, released: dict[str, str]
) -> None:
    if change == "left":
        with commonweal.database.write() as connection:
            people.leave(connection, released["ann"], "alba", commonweal.now())
    elif change == "cut":
        token = token[:-1]
    elif change == "forged":
        token = reply_links.address_of(commonweal, KEY, "alba", released["bo"]).rsplit("/", 1)[1]
    else:
        token = reply_links.address_of(commonweal, "0" * 20, "alba", released["ann"]).rsplit("/", 1)[1]
    assert stranger.get(f"/reply/{token}").status_code == 410
    assert stranger.post(f"/reply/{token}", data={"answer": "interested"}).status_code == 410
    assert state(commonweal) == (None, {})


def test_a_link_replies_also_where_somebody_is_signed_in_as_somebody_else(
    bo: TestClient, token: str, commonweal: Commonweal
) -> None:
    page = bo.get(f"/reply/{token}").text
    assert "Bo Person" not in page
    bo.post(f"/reply/{token}", data={"answer": "interested"})
    assert state(commonweal) == (State.ASKED, {"alba": ("interested", "", "link")})


def test_an_organisation_whose_id_holds_anything_is_replied_for(
    client: TestClient, form: Form, commonweal: Commonweal
) -> None:
    odd = "a/b?c&d=é"
    with commonweal.database.write() as connection:
        (alba,) = members.these_organisations(connection, ["alba"]).values()
        members.save(connection, organisations={odd: replace(alba, id=odd)})
        need = replace(SUGGESTION.need, id="odd-n1", organisation=odd)
        members.save(connection, listings={"odd-n1": need})
        rounds.propose(
            connection, "2026-W47", Proposal((replace(SUGGESTION, need=need),)), versions={}, at=commonweal.now()
        )
        rounds.release(connection, "2026-W47", commonweal.now())
    key = key_of("2026-W47", "odd-n1", "borea-o1")
    answer = client.post(f"/suggestions/{key}/reply", data=form(client, organisation=odd, answer="not-now"))
    assert client.get(answer.headers["location"]).status_code == 200

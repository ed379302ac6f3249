"""The review desk: every step by a plain form, whoever else is at it."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from fastapi.testclient import TestClient

from matcher.records import Kind, Listing, ListingId, OrganisationId
from service import rounds
from service.review import solving
from service.review.queue import Pairing, queue
from service.store import decisions, members, people, reviews
from service.store import rounds as stored_rounds
from service.store.people import Access
from service.store.reviews import Choice, Doing, key_of
from service.wiring import Commonweal

WEEK, NEXT = "2026-W48", "2026-W49"
PAIR = (ListingId("alba-n1"), ListingId("borea-o1"))
KEY = key_of(WEEK, *PAIR)
PAGE = f"/desk/review/{WEEK}"
SECRETS = re.compile(r"jo\.person@\w+\.example|0117 496 0123|12 Harbour Road|<script>alert")
RING = "Ring 0117 496 0123 <script>alert('why')</script>"
SignIn = Callable[[str], TestClient]
Form = Callable[..., dict[str, Any]]
Act = Callable[..., Any]
Propose = Callable[[str, int], list[str]]


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
def act(client: TestClient, form: Form) -> Act:
    """What a form about the pairing sends, from the first coordinator's browser unless another's is given."""

    def acted(browser: TestClient = client, path: str = f"{PAGE}/{KEY}", **fields: Any) -> Any:
        return browser.post(path, data=form(browser, **fields))

    return acted


def one(commonweal: Commonweal) -> Pairing:
    return next(pairing for pairing in queue(commonweal, WEEK).pairings if pairing.key == KEY)


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def fields_of(form: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}


def form_with(answer: Any, says: str) -> dict[str, str]:
    """The hidden fields of the form in which this stands."""
    found = [part for part in re.findall(r"<form.*?</form>", answer.text, re.S) if says in part]
    assert len(found) == 1, text_of(answer)
    return fields_of(found[0])


def test_a_pairing_stands_with_all_there_is_to_know_and_nobodys_contact_details(client: TestClient) -> None:
    answer = client.get(PAGE)
    said = text_of(answer)
    for words in (
        "1 of 1 pairing is undecided",
        "Strong fit 99%",
        "Needs Alba & Friends small · voluntary · Bristol, BS3",
        "Offers Borea large · private · Bristol, BS3",
        "In eight weeks nothing.",
        "Why The marked phrases meet.",
        "To expect Insurance",
    ):
        assert words in said, said[300:]
    assert answer.text.count("<mark>") == 2
    assert SECRETS.search(answer.text) is None


def test_what_waits_is_listed_with_how_far_it_is_and_led_to_from_the_desk_and_the_round(
    client: TestClient, act: Act
) -> None:
    act(do="hold", seen=0)
    answer = client.get("/desk/review")
    assert 'max="1" aria-label="Decided, of 1"' in answer.text
    assert f'<a href="{PAGE}?decision=held">1 on hold</a>' in answer.text
    assert 'href="/desk/review"' in client.get("/desk").text
    assert f'href="{PAGE}"' in client.get(f"/rounds/{WEEK}").text


def test_members_see_none_of_it(commonweal: Commonweal, sign_in: SignIn, form: Form) -> None:
    alba = sign_in("jo.person@alba.example")
    for path in ("/desk/review", PAGE, f"{PAGE}/{KEY}", f"{PAGE}/{KEY}/swap", f"{PAGE}/{KEY}/knock-on"):
        assert alba.get(path).status_code == 403, path
    for path in (f"{PAGE}/{KEY}", f"{PAGE}/bulk", f"{PAGE}/solve", f"{PAGE}/release"):
        assert alba.post(path, data=form(alba, do="approve", seen=0)).status_code == 403, path
    assert one(commonweal).review.version == 0


@pytest.mark.parametrize(
    ("do", "choice", "words"),
    [
        ("approve", Choice.APPROVED, "Approved"),
        ("hold", Choice.HELD, "On hold"),
        ("reject", Choice.REJECTED, "Rejected"),
    ],
)
def test_a_button_decides_says_so_and_offers_an_undo(
    commonweal: Commonweal, client: TestClient, act: Act, do: str, choice: Choice, words: str
) -> None:
    answer = act(do=do, seen=0, why=RING, then=KEY, back="text=smartphone&evil=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{PAGE}?text=smartphone&done={KEY}#p-{KEY}"
    assert (one(commonweal).review.decision, one(commonweal).review.why) == (choice, RING)
    shown = client.get(answer.headers["location"])
    hidden = "Ring [hidden until you are introduced] <script>alert('why')</script>"
    assert f"{words} (“{hidden}”): Alba & Friends with Borea." in unescape(shown.text)
    assert f"{words} by Cora Coordinator, 25 November, 09:30 : Ring [hidden" in text_of(shown)
    assert SECRETS.search(shown.text) is None
    act(**form_with(shown, 'id="undo"'))
    assert one(commonweal).review.decision is Choice.UNDECIDED


def test_a_decision_leads_to_the_next_that_is_undecided(client: TestClient, act: Act, propose: Propose) -> None:
    keys = propose(NEXT, 4)
    page = f"/desk/review/{NEXT}"
    act(path=f"{page}/{keys[1]}", do="approve", seen=0)
    forms = re.findall(rf'action="{page}/(\w{{20}})">.*?name="then" value="(\w+)"', client.get(page).text, re.S)
    assert forms == [(keys[0], keys[2]), (keys[1], keys[2]), (keys[2], keys[3]), (keys[3], keys[0])]
    some = client.get(page, params={"decision": "approved"})
    assert re.findall(r'name="then" value="(\w+)"', some.text) == [keys[1]]


def test_a_rejection_without_a_reason_is_asked_for_one_where_it_is(client: TestClient, act: Act) -> None:
    answer = act(do="reject", seen=0)
    assert answer.status_code == 422
    assert '<p class="fault" id="fault" role="alert">Say why' in answer.text.split(f'id="p-{KEY}"')[1]
    assert re.search(rf'<input id="why-{KEY}"[^>]* autofocus aria-invalid="true"', answer.text)


def test_the_second_coordinator_is_told_who_was_first_and_sees_the_difference(
    commonweal: Commonweal, client: TestClient, second: TestClient, act: Act
) -> None:
    act(do="approve", seen=0, why="both keen")
    answer = act(second, do="reject", seen=0, why="too far", back="text=smartphone", then=KEY)
    said = text_of(answer)
    assert answer.status_code == 409
    assert "Cora Coordinator was first at 09:30 on 25 November: approved (“both keen”). What you chose was not" in said
    assert "As it is now What you chose Decision Approved Rejected Reason both keen too far" in said
    assert "Since you looked Approved (“both keen”) Cora Coordinator" in said
    assert f'href="{PAGE}?text=smartphone#p-{KEY}">Leave it as it is now' in answer.text
    assert one(commonweal).review.decision is Choice.APPROVED
    act(second, **form_with(answer, "Reject all the same"))
    assert (one(commonweal).review.decision, one(commonweal).review.why) == (Choice.REJECTED, "too far")


def test_contact_details_in_a_coordinators_words_are_hidden_from_the_second_too(
    client: TestClient, second: TestClient, act: Act, form: Form
) -> None:
    act(do="hold", seen=0, why=RING)
    many = second.post(f"{PAGE}/bulk", data=form(second, chosen=[f"{KEY}:0"], do="approve", why=RING))
    for answer in (act(second, do="reject", seen=0, why="too far"), many):
        assert (answer.status_code, SECRETS.search(answer.text.split("<form")[0])) == (409, None)
        assert "Ring [hidden until you are introduced]" in text_of(answer)


def test_what_both_chose_alike_is_said_to_be_the_same(client: TestClient, second: TestClient, act: Act) -> None:
    act(do="hold", seen=0)
    answer = act(second, do="hold", seen=0, why="ask first")
    assert "Decision On hold the same Reason none ask first" in text_of(answer)


@pytest.mark.parametrize(
    ("fields", "difference"),
    [
        ({"do": "reword", "says": "Mine"}, "Reason for members Theirs Mine"),
        ({"do": "assign", "to": ""}, "Assigned to nobody the same"),
        ({"do": "unpin"}, "Pinned no the same"),
        ({"do": "allow"}, "Forbidden no the same"),
    ],
)
def test_every_step_that_came_second_is_shown_beside_the_first(
    client: TestClient, second: TestClient, act: Act, fields: dict[str, str], difference: str
) -> None:
    act(do="reword", seen=0, says="Theirs")
    answer = act(second, seen=0, **fields)
    assert answer.status_code == 409
    assert f"What you chose {difference}" in text_of(answer)


@pytest.mark.parametrize("do", ["pin", "forbid"])
def test_the_knock_on_is_shown_before_anything_is_done(
    commonweal: Commonweal, client: TestClient, act: Act, do: str
) -> None:
    asked = act(do=do, seen=0, why="they asked")
    path = asked.headers["location"]
    assert urlsplit(path).path == f"{PAGE}/{KEY}/knock-on"
    assert parse_qs(urlsplit(path).query)["do"] == [do]
    shown = client.get(path)
    said = text_of(shown)
    assert ("Nothing else changes" in said) == (do == "pin")
    assert ("Gone 1 Alba & Friends with Borea strong" in said) == (do == "forbid")
    assert ("left with nothing: Alba & Friends, Borea" in said) == (do == "forbid")
    assert one(commonweal).review.version == 0
    done = act(**form_with(shown, "and solve anew"), why="they asked")
    assert done.headers["location"] == f"{PAGE}?done={KEY}#p-{KEY}"
    with commonweal.database.read() as connection:
        assert (PAIR in decisions.pinned(connection, WEEK)) == (do == "pin")
        assert decisions.is_forbidden(connection, *PAIR) == (do == "forbid")
        found = stored_rounds.load(connection, WEEK)
    assert found is not None
    assert (found.revision, len(found.suggestions)) == (2, 1 if do == "pin" else 0)


def test_a_knock_on_of_a_plan_that_changed_meanwhile_is_shown_anew(
    commonweal: Commonweal, client: TestClient, act: Act
) -> None:
    fields = form_with(client.get(f"{PAGE}/{KEY}/knock-on?do=pin"), "and solve anew")
    solving.solve(commonweal, WEEK)
    again = act(**fields, why="they asked")
    assert one(commonweal).review.version == 0
    shown = client.get(again.headers["location"])
    assert "solved anew since you looked" in shown.text
    act(**form_with(shown, "and solve anew"))
    assert one(commonweal).pinned


def test_a_forbid_needs_a_reason(commonweal: Commonweal, client: TestClient, act: Act) -> None:
    fields = form_with(client.get(f"{PAGE}/{KEY}/knock-on?do=forbid"), "and solve anew")
    answer = act(**{**fields, "why": ""})
    assert (answer.status_code, "Say why" in answer.text) == (422, True)
    assert not one(commonweal).forbidden


def test_the_knock_on_comes_without_the_page_around_it_for_a_script(client: TestClient) -> None:
    part = client.get(f"{PAGE}/{KEY}/knock-on", params={"do": "pin", "part": "true"}).text
    assert part.lstrip().startswith("<section") and "<html" not in part


def test_what_was_pinned_but_could_not_be_solved_around_is_said_to_be_stored(
    commonweal: Commonweal, client: TestClient, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = form_with(client.get(f"{PAGE}/{KEY}/knock-on?do=pin"), "and solve anew")

    def fails(*_: Any) -> None:
        raise rounds.StaleError("others kept changing it")

    monkeypatch.setattr(solving, "solve", fails)
    answer = act(**fields)
    assert (answer.status_code, "That is stored, but the rest could not" in answer.text) == (409, True)
    assert one(commonweal).pinned


def test_words_for_members_assignments_and_comments_have_a_page_with_the_whole_trail(
    commonweal: Commonweal, client: TestClient, act: Act
) -> None:
    with commonweal.database.read() as connection:
        cora = people.by_email(connection, "cora@commonweal.example")
    assert cora
    act(do="reword", seen=0, says=RING, alone="yes")
    act(do="assign", seen=1, to=cora.id, alone="yes")
    done = act(do="comment", says="Rang them.", alone="yes", back="text=smartphone")
    assert done.headers["location"] == f"{PAGE}/{KEY}?{'back=text%3Dsmartphone&done=yes'}"
    answer = client.get(done.headers["location"])
    said = text_of(answer)
    for words in (
        '"status">Commented.',
        "Members read first Ring [hidden until you are introduced] <script>alert('why')</script>",
        "To settle Insurance: Whose insurance covers this",
        "Comments Cora Coordinator: Rang them.",
        "Assigned Cora Coordinator, 25 November 2026 at 09:30 GMT Assigned to: nobody → Cora Coordinator",
        "Its reason reworded",
    ):
        assert words in (unescape(answer.text) if "status" in words else said), (words, said)
    assert SECRETS.search(answer.text) is None
    step = re.search(r'name="step" value="(\d+)"', answer.text.split("Commented</strong>")[-1])
    assert step
    assert act(do="undo", step=step[1], seen=2, alone="yes").status_code == 303
    after = text_of(client.get(f"{PAGE}/{KEY}"))
    assert "A comment taken back" in after
    assert "Comments Cora" not in after
    assert f'href="{PAGE}?text=smartphone#p-{KEY}"' in answer.text
    assert re.findall(r'name="step" value="(\d+)"', answer.text) == ["3", "2", "1"]


def test_every_step_may_be_undone_unless_a_later_one_changed_the_same(
    commonweal: Commonweal, client: TestClient, act: Act
) -> None:
    act(do="approve", seen=0)
    act(do="hold", seen=1, why="not yet")
    act(do="reword", seen=2, says="Meet soon")

    def undone(step: str) -> list[str]:
        version = one(commonweal).review.version
        assert act(do="undo", step=step, seen=version, alone="yes").status_code == 303
        return re.findall(r'name="step" value="(\d+)"', client.get(f"{PAGE}/{KEY}").text)

    assert re.findall(r'name="step" value="(\d+)"', client.get(f"{PAGE}/{KEY}").text) == ["3", "2"]
    refused = act(do="undo", step="1", seen=3, alone="yes")
    assert (refused.status_code, "changed the same later: on hold" in refused.text) == (422, True)
    assert undone("2") == ["4", "3", "1"]
    assert one(commonweal).review.decision is Choice.APPROVED
    assert undone("3") == ["5", "4", "1"]
    assert one(commonweal).review.says == ""
    assert undone("4") == ["6", "5", "2"], "an undo can be undone too"
    assert (one(commonweal).review.decision, one(commonweal).review.why) == (Choice.HELD, "not yet")


def test_many_are_decided_at_once_and_who_was_late_decides_anew_on_top(
    commonweal: Commonweal, client: TestClient, second: TestClient, act: Act, propose: Propose, form: Form
) -> None:
    keys = propose(NEXT, 3)
    page = f"/desk/review/{NEXT}"
    act(path=f"{page}/{keys[0]}", do="approve", seen=0, why="keen")
    chosen = [f"{key}:0" for key in keys]
    late = second.post(f"{page}/bulk", data=form(second, chosen=chosen, do="reject", why="too far", back="text=van"))
    said = text_of(late)
    assert late.status_code == 409
    assert "Reject: 2 of 3 done. Somebody else changed one meanwhile." in said
    assert "Undo what was done" in said
    assert "Group 00 with Group 01 Cora Coordinator was first at 09:30 on 25 November: approved (“keen”)" in said
    assert [one.review.decision.value for one in queue(commonweal, NEXT).pairings] == ["approved", *["rejected"] * 2]
    fields = form_with(late, "all the same")
    again = second.post(f"{page}/bulk", data=form(second, **{**fields, "form": form(second)["form"]}))
    assert again.headers["location"].startswith(f"{page}?text=van&did=reject&many=1&at=2026-11-25T")
    told = second.get(again.headers["location"])
    assert "1 pairing: rejected." in told.text
    assert {one.review.decision for one in queue(commonweal, NEXT).pairings} == {Choice.REJECTED}
    undone = second.post(f"{page}/bulk", data=form_with(told, "Undo all of it") | {"form": form(second)["form"]})
    assert undone.headers["location"].startswith(f"{page}?text=van&did=undo&many=")
    assert "taken back." in second.get(undone.headers["location"]).text
    assert next(one.review.decision.value for one in queue(commonweal, NEXT).pairings) == "approved"


def test_of_many_no_undo_is_offered_where_nothing_changed(client: TestClient, act: Act, form: Form) -> None:
    act(do="approve", seen=0)
    again = client.post(f"{PAGE}/bulk", data=form(client, chosen=[f"{KEY}:1"], do="approve"))
    told = client.get(again.headers["location"]).text
    assert ("1 pairing: approved." in told, "Undo all of it" in told) == (True, False)


def test_an_undo_of_many_that_was_partly_late_cannot_be_insisted_on(
    client: TestClient, second: TestClient, act: Act, propose: Propose, form: Form
) -> None:
    keys = propose(NEXT, 2)
    page = f"/desk/review/{NEXT}"
    done = client.post(f"{page}/bulk", data=form(client, chosen=[f"{key}:0" for key in keys], do="approve"))
    act(second, path=f"{page}/{keys[0]}", do="hold", seen=1)
    told = client.get(done.headers["location"])
    undone = client.post(
        f"{page}/bulk", data=form_with(told, "Undo all of it") | {"form": form(client)["form"], "do": "undo"}
    )
    said = text_of(undone)
    assert "Undo: 1 of 2 done. Somebody else changed one meanwhile." in said
    assert "all the same" not in said


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"do": "approve"}, 422, "Nothing was ticked"),
        ({"do": "reject", "chosen": [f"{KEY}:0"]}, 422, "Say why"),
        ({"do": "assign", "chosen": [f"{KEY}:0"], "to": "nobody-we-know"}, 422, "Only coordinators review"),
        ({"do": "undo", "at": "yesterday"}, 422, "Nothing is on record that was done then"),
        ({"do": "undo", "at": "2026-11-25T09:30:00+00:00"}, 422, "Nothing is on record that was done then"),
        ({"do": "dance", "chosen": [f"{KEY}:0"]}, 422, "nothing that can be done here"),
        ({"do": "hold", "chosen": [f"{'0' * 20}:0", "nonsense"]}, 409, "Not possible"),
        ({"do": "hold", "chosen": [f"{KEY}:{'9' * 30}"]}, 409, "was not done"),
    ],
)
def test_what_cannot_be_done_with_many_is_said(
    commonweal: Commonweal, client: TestClient, form: Form, fields: dict[str, Any], status: int, says: str
) -> None:
    answer = client.post(f"{PAGE}/bulk", data=form(client, **fields))
    assert (answer.status_code, says in text_of(answer)) == (status, True), text_of(answer)
    assert one(commonweal).review.version == 0


def test_all_that_are_shown_can_be_ticked_without_a_script(client: TestClient) -> None:
    assert client.get(PAGE, params={"ticked": "all"}).text.count(" checked>") == 1
    assert f'href="{PAGE}?ticked=all"' in client.get(PAGE).text


def test_a_partner_is_swapped_after_its_knock_on_was_shown_and_swapped_back(
    commonweal: Commonweal, client: TestClient, act: Act
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
    shown = client.get(f"{PAGE}/{KEY}/knock-on", params=form_with(page, 'value="dorado-o1"'))
    assert "To be swapped for Alba & Friends with Dorado, " in unescape(shown.text)
    act(**form_with(shown, "and solve anew"), why="nearer")
    with commonweal.database.read() as connection:
        assert reviews.pairs(connection, WEEK, [Choice.REJECTED]) == (PAIR,)
        assert reviews.pairs(connection, WEEK, [Choice.APPROVED]) == ((PAIR[0], other.id),)
        assert reviews.steps(connection, [KEY])[KEY][0].what is Doing.SWAP
    act(**form_with(client.get(f"{PAGE}?done={KEY}"), 'id="undo"'))
    assert {one.review.decision for one in queue(commonweal, WEEK).pairings} == {Choice.UNDECIDED}


def test_a_round_is_solved_anew_and_released_as_it_was_looked_at(
    commonweal: Commonweal, client: TestClient, form: Form
) -> None:
    assert client.post(f"{PAGE}/solve", data=form(client)).status_code == 303
    late = client.post(f"{PAGE}/release", data=form(client, revision="1"))
    assert (late.status_code, "meanwhile" in late.text) == (409, True)
    asked = text_of(client.get(f"{PAGE}/release"))
    assert "Release revision 2? Members read it on their pages at once" in asked
    assert "1 of 1 pairing is undecided: they go out as they are." in asked
    assert "still in it" not in asked
    assert client.post(f"{PAGE}/release", data=form(client, revision="2")).headers["location"] == f"/rounds/{WEEK}"
    closed = client.get(PAGE)
    assert "Release it to members" not in client.get(f"{PAGE}/release").text
    assert "This round was released" in closed.text and 'value="approve"' not in closed.text
    assert f'href="{PAGE}"' not in client.get(f"/rounds/{WEEK}").text


@pytest.mark.parametrize("fields", [{"do": "approve"}, {"do": "pin"}, {"do": "pin", "accepted": "1"}])
def test_nothing_is_decided_about_what_was_released(
    commonweal: Commonweal, act: Act, client: TestClient, form: Form, fields: dict[str, str]
) -> None:
    rounds.release(commonweal, WEEK)
    answer = act(seen=0, **fields)
    assert (answer.status_code, "what was decided stays as it is" in answer.text) == (409, True)
    assert client.post(f"{PAGE}/solve", data=form(client)).status_code == 409
    assert client.get(f"{PAGE}/{KEY}").status_code == 200
    assert one(commonweal).review.version == 0


def test_filters_narrow_what_is_shown_and_say_how_much_each_would_show(
    commonweal: Commonweal, client: TestClient, act: Act
) -> None:
    answer = client.get(PAGE, params={"text": "smartphone borea"})
    assert 'class="pairing' in answer.text
    assert '<option value="voluntary">Voluntary (1)</option>' in answer.text
    assert '<option value="private">Private (1)</option>' in answer.text
    for nothing in ({"decision": "held"}, {"text": "zebra"}, {"place": "Perth"}):
        assert "No pairing passes these filters" in client.get(PAGE, params=nothing).text, nothing
    with commonweal.database.read() as connection:
        cora = people.by_email(connection, "cora@commonweal.example")
    assert cora
    assert f'<option value="{cora.id}">me (0)</option>' in answer.text
    act(do="assign", seen=0, to=cora.id)
    mine = client.get(PAGE, params={"assigned": cora.id})
    assert f'<option value="{cora.id}" selected>me (1)</option>' in mine.text
    assert 'class="pairing' in mine.text


def test_the_longest_search_is_carried_along(client: TestClient, act: Act) -> None:
    wanted = "é" * 200
    back = f"text={quote(wanted)}"
    assert client.get(PAGE, params={"text": wanted}).status_code == 200
    assert client.get(f"{PAGE}/{KEY}", params={"back": back}).status_code == 200
    assert back in act(do="approve", seen=0, back=back).headers["location"]


@pytest.mark.parametrize("path", ["/desk/review/2026-W01", "/desk/review/nothing", f"{PAGE}/{'0' * 20}"])
def test_what_is_not_there_is_said_to_be_not_there(
    commonweal: Commonweal, client: TestClient, form: Form, path: str
) -> None:
    assert client.get(path).status_code == 404
    if path != f"{PAGE}/{'0' * 20}":
        for rest in ("solve", "release", "bulk", KEY):
            fields = form(client, do="pin", revision="1", chosen=[f"{KEY}:0"])
            assert client.post(f"{path}/{rest}", data=fields).status_code == 404, rest
    else:
        assert client.post(path, data=form(client, do="approve", seen=0)).status_code == 404
    with commonweal.database.read() as connection:
        assert list(stored_rounds.weeks(connection)) == [WEEK]


@pytest.mark.parametrize("fields", [{"seen": "x"}, {"seen": "9" * 30}, {"do": "dance"}, {"do": "undo", "step": "x"}])
def test_a_form_nobody_could_have_filled_in_does_nothing(
    commonweal: Commonweal, act: Act, fields: dict[str, str]
) -> None:
    assert act(**{"do": "approve", "seen": "0", **fields}).status_code in (409, 422)
    assert one(commonweal).review.version == 0

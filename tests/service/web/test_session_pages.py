"""Sessions on the pages: planned, filled, solved, captured and promised, by plain forms."""

import re
from collections.abc import Callable
from html import unescape
from random import Random
from typing import Any

import pytest
from fastapi.testclient import TestClient

from matcher.records import Kind, Listing, ListingId, OrganisationId
from service.sessions import convening
from service.store import decisions, members, promises, sessions
from service.store.sessions import Attendance, Session, State
from service.wiring import Commonweal

SECRETS = re.compile(r"jo\.person@\w+\.example|0117 496 0123|12 Harbour Road|<script>alert")
Form = Callable[..., dict[str, Any]]
Send = Callable[..., Any]
FIELDS = {"title": "Staying in touch", "themes": ["isolation", "digital-inclusion"], "day": "2026-12-03"}


@pytest.fixture
def send(client: TestClient, form: Form) -> Send:
    def sent(path: str, **fields: Any) -> Any:
        return client.post(path, data=form(client, **fields))

    return sent


@pytest.fixture
def path(send: Send) -> str:
    """A session's address."""
    answer = send("/desk/sessions/new", **FIELDS)
    assert answer.status_code == 303
    return str(answer.headers["location"])


@pytest.fixture
def attended(send: Send, path: str) -> str:
    assert send(f"{path}/attendees", organisation=["alba", "borea"]).status_code == 303
    return path


def load(commonweal: Commonweal, path: str) -> Session:
    with commonweal.database.read() as connection:
        return convening.find(connection, path.rsplit("/", 1)[1])


def listed(commonweal: Commonweal, path: str) -> dict[str, Attendance]:
    with commonweal.database.read() as connection:
        return {one.organisation: one.state for one in sessions.attendees(connection, path.rsplit("/", 1)[1])}


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def test_three_things_typed_make_a_session(commonweal: Commonweal, client: TestClient, path: str) -> None:
    made = load(commonweal, path)
    assert (made.title, made.themes, f"{made.day}") == (
        "Staying in touch",
        ("digital-inclusion", "isolation"),
        "2026-12-03",
    )
    assert (made.capacity, made.slots, made.tables, made.state) == (25, 8, 12, State.PLANNED)
    said = text_of(client.get(path))
    assert "Thursday 3 December 2026, meetings 14:00 to 16:35" in said
    assert f'href="{path}"' in client.get("/desk/sessions").text


def test_what_cannot_be_read_is_said_where_it_stands_and_nothing_typed_is_lost(send: Send) -> None:
    answer = send("/desk/sessions/new", title="T", day="3/12/26", starts="2pm", place="Atlantis", slots="0")
    assert answer.status_code == 422
    for says in ("Choose at least one", "Write the day like 2026-12-03", "No place called 'Atlantis'", "from 1 to 40"):
        assert says in unescape(answer.text), says
    assert 'value="3/12/26"' in answer.text


def test_the_second_to_change_a_session_sees_the_difference(commonweal: Commonweal, send: Send, path: str) -> None:
    assert send(f"{path}/edit", **FIELDS | {"title": "First"}, seen="1").status_code == 303
    late = send(f"{path}/edit", **FIELDS | {"title": "Second"}, seen="1")
    assert (late.status_code, "it is now “First”, you typed “Second”" in late.text) == (409, True)
    assert load(commonweal, path).title == "First"
    assert send(f"{path}/edit", **FIELDS | {"title": "Second"}, seen="2").status_code == 303


def test_what_stands_below_the_title_is_whom_to_find_where_and_nobody_to_ring(client: TestClient, send: Send) -> None:
    venue = "Civic Hall, 12 Park Street, LS1 1UR, ring 0117 496 0123; https://meet.example/room"
    path = send("/desk/sessions/new", **FIELDS, venue=venue).headers["location"]
    shown = "Civic Hall, 12 Park Street, LS1 1UR, ring [hidden until you are introduced]; https://meet.example/room"
    assert shown in text_of(client.get(path))


def test_a_session_is_cancelled_and_planned_again(
    commonweal: Commonweal, client: TestClient, send: Send, path: str
) -> None:
    asked = text_of(client.get(f"{path}/cancel"))
    assert "Cancel this session? It stays on record, and can be planned again." in asked
    send(f"{path}/cancel", seen="1")
    assert "This session was cancelled" in client.get(path).text
    assert send(f"{path}/pairings").status_code == 409
    assert send(f"{path}/cancel", seen="1").status_code == 409
    send(f"{path}/plan-again", seen="2")
    assert load(commonweal, path).state is State.PLANNED


def test_members_are_invited_and_settled_and_strangers_are_not(
    commonweal: Commonweal, client: TestClient, send: Send, attended: str
) -> None:
    assert listed(commonweal, attended) == {"alba": Attendance.INVITED, "borea": Attendance.INVITED}
    refused = send(f"{attended}/attendees", organisation=["ciano"])
    assert (refused.status_code, "only members attend" in refused.text) == (422, True)
    one = {"organisation": "alba", "state": "coming", "arrives": "14:20", "leaves": "", "note": "Two people"}
    assert send(f"{attended}/attendees/one", **one, seen="1").status_code == 303
    assert "coming, from 14:20. Two people" in text_of(client.get(f"{attended}/attendees"))
    assert send(f"{attended}/attendees").status_code == 422, "nobody was ticked"


def test_the_second_to_settle_an_attendee_is_told_who_was_first_and_keeps_what_was_typed(
    commonweal: Commonweal, client: TestClient, send: Send, attended: str
) -> None:
    one = {"organisation": "alba", "state": "coming", "arrives": "14:20", "leaves": "", "note": "Two people"}
    assert send(f"{attended}/attendees/one", **one, seen="1").status_code == 303
    late = send(f"{attended}/attendees/one", **one | {"state": "cancelled", "note": "Ill"}, seen="1")
    said = text_of(late)
    assert late.status_code == 409
    for words in (
        "Cora Coordinator changed this attendee meanwhile.",
        "State: it is now “coming”, you chose “cancelled”.",
        "Note: it is now “Two people”, you chose “Ill”.",
    ):
        assert words in said, words
    assert listed(commonweal, attended)["alba"] is Attendance.COMING
    seen = re.search(r'name="organisation" value="alba"><input type="hidden" name="seen" value="(\d+)"', late.text)
    assert seen and 'name="note" value="Ill"' in late.text
    assert send(f"{attended}/attendees/one", **one | {"state": "cancelled"}, seen=seen[1]).status_code == 303
    assert listed(commonweal, attended)["alba"] is Attendance.CANCELLED


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"arrives": "soon"}, "'soon' is no time of day; write it like 14:30"),
        ({"arrives": "15:00", "leaves": "14:00"}, "It would leave at 14:00 and arrive at 15:00"),
        ({"state": "perhaps"}, "'perhaps' is no state"),
        ({"note": "Ring 0117 496 0123"}, "Leave them out: they stand with the organisation"),
        ({"note": "x" * 301}, "The note has 301 characters"),
    ],
)
def test_what_cannot_be_kept_of_an_attendee_is_said_and_stands_as_typed(
    commonweal: Commonweal, send: Send, attended: str, typed: dict[str, str], says: str
) -> None:
    one = {"organisation": "alba", "state": "coming", "arrives": "", "leaves": "", "note": ""}
    answer = send(f"{attended}/attendees/one", **one | typed, seen="1")
    assert (answer.status_code, says in unescape(answer.text)) == (422, True)
    assert listed(commonweal, attended)["alba"] is Attendance.INVITED
    if "note" in typed:
        assert f'value="{typed["note"]}"' in answer.text


def test_members_to_ask_are_narrowed_by_name_place_role_sector_and_theme(client: TestClient, path: str) -> None:
    def found(**wanted: str) -> list[str]:
        page = client.get(f"{path}/attendees", params=wanted).text
        return re.findall(r'type="checkbox" name="organisation" value="(\w+)"', page)

    assert found() == ["alba", "borea", "dorado"]
    assert found(name="bor") == ["borea"]
    assert found(place="Bath") == ["alba", "borea"]
    assert found(place="Nowhere at all") == []
    assert found(role="housing") == ["alba"]
    assert found(sector="private") == ["borea"]
    assert found(theme="isolation") == []


def test_a_sheet_is_looked_at_row_by_row_before_it_is_taken(
    commonweal: Commonweal, client: TestClient, form: Form, path: str
) -> None:
    rows = "name,status,from\nAlba & Friends,yes,14:20\nBora,yes,\nciano,yes,\nborea,perhaps,\nalba,no,\n=cmd(),,\n"
    files = {"sheet": ("people.csv", rows.encode(), "text/csv")}
    seen = client.post(f"{path}/attendees/sheet", data=form(client), files=files)
    said = text_of(seen)
    for words in (
        "1 of 6 rows would change something. Nothing is kept yet",
        "Row 2: Alba & Friends new on the list, coming, arrives 14:20",
        "No organisation is called “Bora”. Did you mean Borea or Dorado?",
        "Ciano is no member",
        "“perhaps” is no state",
        "It stands in the sheet already",
    ):
        assert words in said, words
    assert listed(commonweal, path) == {}
    kept = re.search(r"name=\"rows\" value=\"(.*?)\">", seen.text, re.S)
    assert kept
    taken = client.post(f"{path}/attendees/sheet", data=form(client, rows=unescape(kept[1]), take="yes"))
    assert (taken.status_code, listed(commonweal, path)) == (303, {"alba": Attendance.COMING})


def test_whoever_takes_a_sheet_is_told_whom_somebody_changed_since_it_was_looked_at(
    commonweal: Commonweal, client: TestClient, form: Form, send: Send, attended: str
) -> None:
    files = {"sheet": ("people.csv", b"organisation,state\nalba,coming\nborea,coming\n", "text/csv")}
    seen = client.post(f"{attended}/attendees/sheet", data=form(client), files=files)
    assert "state: invited → coming" in text_of(seen)
    kept = re.search(r"name=\"rows\" value=\"(.*?)\">", seen.text, re.S)
    assert kept
    send(f"{attended}/attendees/one", organisation="alba", state="cancelled", seen="1")
    late = send(f"{attended}/attendees/sheet", rows=unescape(kept[1]), take="yes")
    said = text_of(late)
    assert (late.status_code, "Alba & Friends: changed by somebody meanwhile, and left as it is" in said) == (409, True)
    assert "state: cancelled → coming" in said
    assert listed(commonweal, attended) == {"alba": Attendance.CANCELLED, "borea": Attendance.COMING}
    again = re.search(r"name=\"rows\" value=\"(.*?)\">", late.text, re.S)
    assert again and send(f"{attended}/attendees/sheet", rows=unescape(again[1]), take="yes").status_code == 303
    assert listed(commonweal, attended)["alba"] is Attendance.COMING


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00", b"a;b\n1;2\n", b"organisation\n\x00\n"])
def test_a_sheet_that_is_none_is_refused(client: TestClient, form: Form, path: str, raw: bytes) -> None:
    files = {"sheet": ("people.csv", raw, "text/csv")}
    assert client.post(f"{path}/attendees/sheet", data=form(client), files=files).status_code == 422


def test_who_is_missing_is_named_and_invited_from_there(
    commonweal: Commonweal, client: TestClient, send: Send, path: str
) -> None:
    send(f"{path}/attendees", organisation=["borea"])
    page = client.get(f"{path}/missing")
    said = text_of(page)
    assert "Housing Nobody." in said
    assert "Alba & Friends" in said
    assert SECRETS.search(page.text) is None
    assert send(f"{path}/attendees", organisation=["alba"], to="missing#gap-role-housing").headers["location"] == (
        f"{path}/missing?invited=alba"
    )
    assert send(f"{path}/attendees", organisation=["alba"], to="//elsewhere.example").headers["location"] == (
        f"{path}/attendees"
    )
    assert "Housing Alba & Friends alone" in text_of(client.get(f"{path}/missing"))
    for part in ("missing", "attendees"):
        told = text_of(client.get(f"{path}/{part}?invited=alba&invited=nobody-we-know"))
        assert "On the list now, as invited: Alba & Friends." in told


def test_who_was_invited_by_mistake_is_taken_off_the_list(client: TestClient, send: Send, path: str) -> None:
    send(f"{path}/attendees", organisation=["alba"])
    assert "Take off the list" in client.get(f"{path}/attendees").text
    off = send(f"{path}/attendees/one", organisation="alba", state="invited", seen="1", off="yes")
    told = text_of(client.get(off.headers["location"]))
    assert "Taken off the list: Alba & Friends." in told
    assert "Nobody is on the list yet." in told


def test_members_are_added_to_a_list_that_stays_narrowed(send: Send, path: str) -> None:
    to = send(f"{path}/attendees", organisation=["alba", "borea"], role="housing", place="Bristol").headers["location"]
    assert to == f"{path}/attendees?place=Bristol&role=housing&invited=alba&invited=borea"


def test_pairings_are_solved_for_whoever_comes_and_reviewed_at_the_desk(
    commonweal: Commonweal, client: TestClient, send: Send, attended: str
) -> None:
    send(f"{attended}/attendees", organisation=["dorado"])
    assert send(f"{attended}/pairings").status_code == 303
    said = text_of(client.get(f"{attended}/pairings"))
    assert "1 pairing, solved" in said and "Who fits nobody Dorado" in said
    review = client.get(f"/desk/review/{attended.rsplit('/', 1)[1]}")
    assert (review.status_code, review.text.count('class="pairing')) == (200, 1)
    assert "1 pairing, 1 undecided; nothing fits Dorado ." in text_of(client.get(attended))


def test_a_sessions_page_says_what_does_not_hold_any_more(client: TestClient, send: Send, attended: str) -> None:
    assert "0 of 25 coming, 2 invited and not certain yet." in text_of(client.get(attended))
    send(f"{attended}/pairings")
    send(f"{attended}/timetable")
    said = text_of(client.get(attended))
    assert "1 of 1 meetings have a slot and a table." in said and "no longer fits" not in said
    send(f"{attended}/attendees/one", organisation="borea", state="cancelled", seen="1")
    send(f"{attended}/attendees", organisation=["dorado"])
    said = text_of(client.get(attended))
    assert "Since they were solved Dorado came onto the list, and Borea left it: solve them anew." in said
    assert "The timetable of revision 1 no longer fits: 1 meeting of somebody who does not come." in said


def test_what_is_said_in_the_room_is_listed_and_paired_at_once(
    commonweal: Commonweal, client: TestClient, send: Send, attended: str
) -> None:
    said = {"organisation": "borea", "kind": "offer", "text": "Volunteers who teach older people to use a smartphone"}
    answer = send(f"{attended}/capture", **said)
    assert answer.status_code == 303
    page = client.get(answer.headers["location"])
    assert "Alba & Friends" in text_of(page)
    fields = dict(re.findall(r'name="(said|other)" value="([^"]+)"', page.text))
    assert send(f"{attended}/capture/pair", **fields).status_code == 303
    session = attended.rsplit("/", 1)[1]
    with commonweal.database.read() as connection:
        assert decisions.pinned(connection, session) == ((ListingId("alba-n1"), fields["said"]),)
    assert "In the session’s pairings." in client.get(answer.headers["location"]).text
    nobody = send(f"{attended}/capture", **said | {"organisation": "dorado"})
    assert "Choose who said it" in nobody.text
    personal = send(f"{attended}/capture", **said | {"text": "Mary Jones, born 3 May 1961, needs a flat at 12 High St"})
    assert personal.status_code == 422


def test_promises_are_noted_reported_on_and_asked_for_at_the_next_session(
    commonweal: Commonweal, client: TestClient, send: Send, attended: str
) -> None:
    session = attended.rsplit("/", 1)[1]
    send(f"{attended}/promises", organisation="alba", says="Two rooms. Ring 0117 496 0123", due="2026-12-10")
    wrong = send(f"{attended}/promises", organisation="dorado", says="A van", due="2026-12-11")
    assert (wrong.status_code, 'value="A van"' in wrong.text, 'value="2026-12-11"' in wrong.text) == (422, True, True)
    with commonweal.database.read() as connection:
        (made,) = promises.of(connection, [session])
    after = send("/desk/sessions/new", **FIELDS | {"day": "2026-12-17"}, follows=session).headers["location"]
    page = client.get(f"{after}/promises")
    assert "Due to report back: 10 December 2026" in text_of(page)
    assert SECRETS.search(page.text) is None
    settle = {"promise": made.id, "do": "settle", "says": "Both are in use"}
    assert send(f"{after}/promises", **settle).status_code == 303
    late = send(f"{after}/promises", **settle | {"says": "One is"})
    assert (late.status_code, "Somebody has reported on this already: “Both are in use”." in late.text) == (409, True)
    assert "Reported: Both are in use" in text_of(client.get(f"{attended}/promises"))
    send(f"{after}/promises", promise=made.id, do="reopen")
    assert "Reported" not in text_of(client.get(f"{attended}/promises"))
    send(f"{after}/attendees/copy")
    assert listed(commonweal, after) == {"alba": Attendance.INVITED, "borea": Attendance.INVITED}


NEED = "A hall on Tuesdays, forty chairs and a trailer."


@pytest.fixture
def partners(commonweal: Commonweal, attended: str) -> None:
    """A need of alba's that borea and dorado meet between them; dorado is not on the list yet."""
    words, chance = ["choir", "carol", "seeds", "lamp", "brass", "kayak", "piano", "quilt"], Random(1)
    texts = [
        ("alba-n3", "alba", Kind.NEED, NEED, ""),
        ("borea-o3", "borea", Kind.OFFER, "Hall on Tuesdays", "space"),
        ("dorado-o3", "dorado", Kind.OFFER, "Sixty chairs", "equipment"),
        *((f"x{n}", "ciano", Kind.OFFER, " ".join(chance.choices(words, k=6)), "") for n in range(30)),
    ]
    made = [
        Listing(
            id=ListingId(id_),
            organisation=OrganisationId(who),
            kind=kind,
            text=text,
            resource=resource,
            places=("Bristol",),
        )
        for id_, who, kind, text, resource in texts
    ]
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: one for one in made})


@pytest.mark.usefixtures("partners")
def test_partners_of_a_coalition_are_invited_and_meet_whoever_needs_them(
    commonweal: Commonweal, client: TestClient, send: Send, attended: str
) -> None:
    assert "No need of those who come takes several of them" in text_of(client.get(f"{attended}/coalitions"))
    page = client.get(f"{attended}/coalitions?beyond=true")
    said = text_of(page)
    for words in (
        f"Alba & Friends needs {NEED}",
        "Borea , Dorado not coming yet",
        "What forty chairs Dorado: “Sixty chairs”",
        "What a trailer Open. Nobody offers this.",
        "could lead",
    ):
        assert words in said, words
    assert SECRETS.search(page.text) is None
    to = re.search(r'name="to" value="(coalitions[^"]+)"', page.text)
    assert to and "Have them meet" not in said
    invited = send(f"{attended}/attendees", organisation=["dorado"], to=unescape(to[1]))
    assert invited.headers["location"] == f"{attended}/coalitions?beyond=true#need-alba-n3"
    page = client.get(f"{attended}/coalitions")
    fields = {"need": "alba-n3", "offer": re.findall(r'name="offer" value="([^"]+)"', page.text)}
    assert fields["offer"] == ["borea-o3", "dorado-o3"]
    assert send(f"{attended}/coalitions", **fields).status_code == 303
    session = attended.rsplit("/", 1)[1]
    with commonweal.database.read() as connection:
        assert set(decisions.pinned(connection, session)) == {("alba-n3", "borea-o3"), ("alba-n3", "dorado-o3")}
    assert "All of them are in the session’s pairings." in client.get(f"{attended}/coalitions").text


@pytest.mark.usefixtures("partners")
def test_partners_that_may_not_meet_are_said_and_the_others_added(
    commonweal: Commonweal, client: TestClient, send: Send, attended: str
) -> None:
    answer = send(f"{attended}/coalitions", need="alba-n3", offer=["borea-o3", "dorado-o3", "gone"])
    assert (answer.status_code, "Not added: Dorado does not attend." in answer.text) == (
        409,
        True,
    )
    with commonweal.database.read() as connection:
        assert decisions.pinned(connection, attended.rsplit("/", 1)[1]) == (("alba-n3", "borea-o3"),)
    send(f"{attended}/cancel", seen="1")
    closed = send(f"{attended}/coalitions", need="alba-n3", offer=["borea-o3"])
    assert (closed.status_code, "This session was cancelled" in closed.text) == (409, True)


@pytest.mark.parametrize(
    "part", ["", "/edit", "/coalitions", "/attendees", "/missing", "/pairings", "/capture", "/promises"]
)
def test_pages_of_a_session_that_is_not_there_say_so(client: TestClient, part: str) -> None:
    assert client.get(f"/desk/sessions/nothing{part}").status_code == 404


def test_a_listing_of_somebody_else_is_not_shown_as_said_in_the_room(
    commonweal: Commonweal, client: TestClient, attended: str
) -> None:
    away = Listing(id=ListingId("d1"), organisation=OrganisationId("dorado"), kind=Kind.OFFER, text="Honey at cost")
    with commonweal.database.write() as connection:
        members.save(connection, listings={away.id: away})
    assert "Nobody in the room fits" in client.get(f"{attended}/capture", params={"said": "d1"}).text

"""Timetables, packs and calendars on the pages: made, repaired after a cancellation, printed, and taken out again."""

import io
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient
from icalendar import Calendar
from pypdf import PdfReader

from matcher.records import ListingId
from service.review import deciding
from service.sessions import timetabling
from service.store import timetables
from service.store.reviews import Choice, key_of
from service.wiring import Commonweal

SECRETS = re.compile(r"jo\.person@\w+\.example|0117 496 0123|12 Harbour Road|<script>alert")
Send = Callable[..., Any]


@pytest.fixture
def send(client: TestClient, form: Callable[..., dict[str, Any]]) -> Send:
    def sent(path: str, **fields: Any) -> Any:
        answer = client.post(path, data=form(client, **fields))
        assert answer.status_code == 303, answer.text
        return answer

    return sent


@pytest.fixture
def path(send: Send) -> str:
    """A session of alba and borea, with its pairings and its timetable."""
    fields = {
        "title": "In touch; =cmd()",
        "themes": ["isolation"],
        "day": "2026-12-03",
        "venue": "Hall, ring 0117 496 0123",
    }
    made = str(send("/desk/sessions/new", **fields).headers["location"])
    send(f"{made}/attendees", organisation=["alba", "borea"])
    send(f"{made}/pairings")
    send(f"{made}/timetable")
    return made


def events(client: TestClient, path: str, organisation: str = "alba") -> list[Any]:
    answer = client.get(f"{path}/calendar/{organisation}")
    assert answer.headers["content-type"].startswith("text/calendar")
    return list(Calendar.from_ical(answer.content).walk("VEVENT"))


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def test_a_timetable_says_who_meets_when_and_that_none_is_better(client: TestClient, path: str) -> None:
    said = text_of(client.get(f"{path}/timetable"))
    assert "1 of 1 meetings have a slot and a table. No timetable could place them better." in said
    assert "14:00 Table 1 Alba & Friends with Borea" in said


def test_a_cancellation_is_shown_before_the_repair_and_leaves_calendars_a_cancelled_meeting(
    commonweal: Commonweal, client: TestClient, send: Send, path: str
) -> None:
    (before,) = events(client, path)
    assert (before["status"], before["sequence"], str(before["summary"])) == ("CONFIRMED", 0, "Borea: In touch; =cmd()")
    assert before["dtstart"].dt.isoformat() == "2026-12-03T14:00:00+00:00"
    send(f"{path}/attendees/one", organisation="borea", state="cancelled", seen="1")
    assert "Gone Alba & Friends with Borea 14:00, table 1" in text_of(client.get(f"{path}/timetable?preview=yes"))
    assert "0 of 0 meetings have a slot" in text_of(client.get(f"{path}/timetable"))
    for part in ("timetable", "packs", "chairs-pack"):
        said = text_of(client.get(f"{path}/{part}"))
        assert "no longer fits: 1 meeting of somebody who does not come." in said, part
    assert "Not coming any more Borea Calendar (.ics)" in text_of(client.get(f"{path}/packs"))
    assert "You do not come any more" in text_of(client.get(f"{path}/packs/borea"))
    assert "Borea" not in text_of(client.get(f"{path}/packs/alba"))
    assert [one["status"] for one in events(client, path)] == ["CONFIRMED"]
    send(f"{path}/timetable")
    assert "Without a meeting: Alba & Friends. Solve the pairings anew" in text_of(client.get(f"{path}/timetable"))
    (after,) = events(client, path)
    assert (after["uid"], after["status"], after["sequence"]) == (before["uid"], "CANCELLED", 1)
    send(f"{path}/attendees/one", organisation="borea", state="coming", arrives="14:30", seen="2")
    send(f"{path}/timetable")
    (again,) = events(client, path)
    assert (again["uid"], again["status"], again["sequence"]) == (before["uid"], "CONFIRMED", 2)
    assert again["dtstart"].dt.isoformat() == "2026-12-03T14:40:00+00:00"


def test_a_meeting_is_put_where_it_stays_until_it_is_let_go(
    client: TestClient, send: Send, path: str, form: Callable[..., dict[str, Any]]
) -> None:
    pair = {"one": "alba", "other": "borea"}
    send(f"{path}/timetable/move", **pair, seen="1", slot="3", table="7")
    assert "15:00 Table 7 Alba & Friends with Borea stays here" in text_of(client.get(f"{path}/timetable"))
    send(f"{path}/timetable")
    assert "15:00 Table 7 Alba & Friends with Borea stays here" in text_of(client.get(f"{path}/timetable"))
    for fields, says in (
        ({"seen": "3", "slot": "3", "table": "99"}, "They are not both there then, or there is no such table"),
        ({"seen": "1", "slot": "0", "table": "1"}, "Somebody changed the timetable meanwhile"),
        ({"seen": "", "slot": "x", "table": "", "free": ""}, "They are not both there then"),
    ):
        answer = client.post(f"{path}/timetable/move", data=form(client, **pair, **fields))
        assert (answer.status_code, says in text_of(answer)) == (409, True), says
    send(f"{path}/timetable/move", **pair, seen="3", slot="3", table="7", free="yes")
    assert "stays here" not in text_of(client.get(f"{path}/timetable"))


def test_all_packs_are_one_document_with_a_sheet_each(client: TestClient, path: str) -> None:
    answer = client.get(f"{path}/all-packs")
    assert re.findall(r"<h1>(.*?)</h1>", answer.text) == ["Alba &amp; Friends", "Borea"]
    assert SECRETS.search(answer.text) is None
    printed = client.get(f"{path}/all-packs", params={"pdf": "true"})
    pages = [one.extract_text() for one in PdfReader(io.BytesIO(printed.content)).pages]
    assert [name in page for name, page in zip(("Alba & Friends", "Borea"), pages, strict=True)] == [True, True]


def test_what_was_rejected_is_not_met(commonweal: Commonweal, client: TestClient, send: Send, path: str) -> None:
    session = path.rsplit("/", 1)[1]
    key = key_of(session, ListingId("alba-n1"), ListingId("borea-o1"))
    deciding.decide(commonweal, session, key, "somebody", 0, Choice.REJECTED, "no")
    send(f"{path}/timetable")
    with commonweal.database.read() as connection:
        table = timetables.load(connection, session)
    assert table is not None and (table.revision, table.meetings, len(table.cancelled)) == (2, (), 1)


def test_of_two_who_solve_at_once_the_second_is_told(commonweal: Commonweal, path: str) -> None:
    session = path.rsplit("/", 1)[1]
    solved = timetabling.solve(commonweal, session, dry_run=True)
    with commonweal.database.write() as connection:
        assert timetables.store(connection, session, solved.timetable, 1, commonweal.now())
    with commonweal.database.write() as connection:
        assert not timetables.store(connection, session, solved.timetable, 1, commonweal.now())


def test_a_pack_says_whom_when_why_and_what_to_ask_and_no_contact_details(client: TestClient, path: str) -> None:
    answer = client.get(f"{path}/packs/alba")
    said = text_of(answer)
    for words in ("Alba & Friends", "14:00 · Borea table 1", "They offer", "Why you two", "First questions"):
        assert words in said, words
    assert SECRETS.search(answer.text) is None
    assert "<script" not in answer.text


def test_the_chairs_pack_has_the_room_its_gaps_and_the_timetable(client: TestClient, path: str) -> None:
    answer = client.get(f"{path}/chairs-pack")
    said = text_of(answer)
    for words in (
        "In the room 2",
        "Who is missing",
        "Invited, and not sure yet: Alba & Friends, Borea",
        "14:00 1 Alba",
    ):
        assert words in said, words
    assert SECRETS.search(answer.text) is None


@pytest.mark.parametrize("which", ["packs/alba", "chairs-pack"])
def test_a_pack_is_a_pdf_too(client: TestClient, path: str, which: str) -> None:
    answer = client.get(f"{path}/{which}", params={"pdf": "true"})
    assert answer.headers["content-type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(answer.content)).pages
    assert "Alba & Friends" in pages[0].extract_text()


def test_the_sheet_runs_nothing(client: TestClient, path: str) -> None:
    lines = client.get(f"{path}/timetable.csv").text.splitlines()
    assert lines == [
        "begins,ends,table,organisation,meets,state",
        "2026-12-03 14:00,2026-12-03 14:15,1,Alba & Friends,Borea,planned",
    ]


@pytest.mark.parametrize("part", ["packs/dorado", "calendar/dorado"])
def test_whoever_is_not_on_the_list_has_no_pack(client: TestClient, path: str, part: str) -> None:
    assert client.get(f"{path}/{part}").status_code == 404

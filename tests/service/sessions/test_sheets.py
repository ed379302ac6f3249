"""Attendee sheets: hostile ones refused by row or whole, good ones told before they are taken, and taken once."""

import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from openpyxl import Workbook

from matcher.records import OrganisationId
from service.sessions import attending, sheets
from service.sessions.attending import RefusedError
from service.sessions.sheets import Looked
from service.store import sessions
from service.store.database import Database
from service.wiring import Commonweal

ALBA, BOREA = OrganisationId("alba"), OrganisationId("borea")


def told(looked: Looked) -> list[tuple[int, str]]:
    """What each row comes to."""
    return [(one.number, one.fault or ("so already" if one.is_same else sheets.changes(one))) for one in looked.lines]


def workbook(*rows: list[Any]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def listed(commonweal: Commonweal, session: str) -> dict[str, dict[str, str]]:
    with commonweal.database.read() as connection:
        found = sessions.attendees(connection, session)
    return {one.organisation: attending.cells(attending.facts(one)) for one in found}


def test_rows_say_what_they_would_change_and_an_empty_cell_changes_nothing(
    commonweal: Commonweal, session: str, by: str
) -> None:
    typed = {"state": "cancelled", "arrives": "14:20", "note": "Two people"}
    attending.settle(commonweal, session, ALBA, by, 0, typed)
    raw = "Name,Status,From,Note\nalba community kitchen,yes,,\nborea,,15:00,By train\nDelos,no,,\n"
    looked = sheets.read(commonweal, session, raw.encode())
    assert told(looked) == [
        (2, "state: cancelled → coming"),
        (3, "coming, arrives 15:00, By train"),
        (4, "cancelled"),
    ]
    assert sheets.take(commonweal, session, looked.lines, by) == sheets.Taken(3)
    assert listed(commonweal, session) == {
        "alba": {"state": "coming", "arrives": "14:20", "leaves": "", "note": "Two people"},
        "borea": {"state": "coming", "arrives": "15:00", "leaves": "", "note": "By train"},
        "delos": {"state": "cancelled", "arrives": "", "leaves": "", "note": ""},
    }
    assert [says for _, says in told(sheets.read(commonweal, session, raw.encode()))] == ["so already"] * 3


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"organisation": ""}, "It names no organisation."),
        ({"organisation": "Borea Transprt"}, "No organisation is called “Borea Transprt”."),
        ({"organisation": "bore"}, "No organisation is called “bore”. Did you mean Borea Transport?"),
        ({"organisation": "ciano"}, "Ciano Borough Council is no member: only members attend."),
        ({"organisation": "alba", "state": "perhaps"}, "“perhaps” is no state; write invited, coming, cancelled."),
        ({"organisation": "alba", "arrives": "noon"}, "'noon' is no time of day; write it like 14:30."),
        (
            {"organisation": "alba", "arrives": "15:00", "leaves": "14:00"},
            "It would leave at 14:00 and arrive at 15:00",
        ),
        ({"organisation": "alba", "note": "Ring 0117 496 0123"}, "The note holds contact details."),
        ({"organisation": "alba", "note": "x" * 301}, "The note has 301 characters. Keep it to 300."),
        ({"organisation": "=cmd|' /C calc'!A0"}, "No organisation is called “=cmd|' /C calc'!A0”."),
        ({"organisation": "<script>alert(1)</script>"}, "No organisation is called “<script>alert(1)</script>”."),
        ({"organisation": "alba\nborea"}, "No organisation is called “alba\nborea”."),
        ({"organisation": "\u202eabla"}, "No organisation is called “\u202eabla”."),
    ],
)
def test_a_row_that_cannot_be_taken_says_why_and_the_others_are(
    commonweal: Commonweal, session: str, by: str, cells: dict[str, str], says: str
) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, sheets.COLUMNS)
    writer.writeheader()
    writer.writerows([{"note": ".", **cells}, {"organisation": "delos"}])
    looked = sheets.read(commonweal, session, out.getvalue().encode())
    first, second = looked.lines
    assert (first.fault.startswith(says), second.fault) == (True, ""), first.fault
    assert sheets.take(commonweal, session, looked.lines, by).count == 1
    assert list(listed(commonweal, session)) == ["delos"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "sheet: the file is empty"),
        (b"name of the body\nalba\n", "There is no column 'organisation'. Columns are: organisation, state, arrives"),
        (b"organisation,organisation\nalba,borea\n", "two columns are named organisation"),
        (b"organisation\n\x00alba\n", "a NUL byte"),
        (b'organisation\n"alba\n', "quotes opened in the row at line 2 are never closed"),
        (b"%PDF-1.7", "a PDF, not a spreadsheet"),
        (b"PK\x03\x04 no archive", "no readable .xlsx"),
        (b"\xd0\xcf\x11\xe0 old", "an old .xls"),
        (b"organisation\n" + b"alba\n" * 2001, "The sheet has 2,001 rows. A list of attendees has at most 2,000."),
    ],
    ids=range(9),
)
def test_a_sheet_that_is_none_is_refused_whole(commonweal: Commonweal, session: str, raw: bytes, says: str) -> None:
    with pytest.raises(RefusedError) as refused:
        sheets.read(commonweal, session, raw)
    assert says in str(refused.value)
    assert "/tmp" not in str(refused.value)


def test_a_workbook_is_read_with_its_times_and_a_formula_is_refused(commonweal: Commonweal, session: str) -> None:
    rows = ["Organisation", "Arrives"], ["alba", time(14, 30)], ["borea", "=1+1"], ["delos", "9:05"]
    looked = sheets.read(commonweal, session, workbook(*rows))
    assert told(looked) == [
        (2, "coming, arrives 14:30"),
        (3, "arrives: found “=1+1”, wanted a value instead of the formula in B3."),
        (4, "coming, arrives 09:05"),
    ]


def test_an_old_encoding_is_read_and_said(commonweal: Commonweal, session: str) -> None:
    looked = sheets.read(commonweal, session, "organisation;note\nalba;Café\n".encode("cp1252"))
    assert (told(looked), len(looked.notes)) == ([(2, "coming, Café")], 1)
    assert "read as Windows-1252" in looked.notes[0]


def test_who_stands_twice_is_taken_once_and_the_first_row_that_holds_counts(
    commonweal: Commonweal, session: str
) -> None:
    raw = b"organisation,state\nalba,perhaps\nalba,coming\nAlba Community Kitchen,cancelled\n"
    assert told(sheets.read(commonweal, session, raw))[1:] == [
        (3, "coming"),
        (4, "It stands in the sheet already; that row counts."),
    ]


def test_whoever_changed_since_the_sheet_was_looked_at_is_left_alone_and_told(
    commonweal: Commonweal, session: str, by: str
) -> None:
    attending.ask(commonweal, session, [ALBA, BOREA], by)
    raw = b"organisation,state\nalba,coming\nborea,coming\ndelos,coming\n"
    kept = sheets.written(sheets.read(commonweal, session, raw).lines).encode()
    attending.settle(commonweal, session, ALBA, by, 1, {"state": "cancelled"})
    attending.ask(commonweal, session, [OrganisationId("delos")], by)
    done = sheets.take(commonweal, session, sheets.read(commonweal, session, kept).lines, by)
    assert (done.count, [one.wanted for one in done.late]) == (1, ["alba", "delos"])
    assert {one: cells["state"] for one, cells in listed(commonweal, session).items()} == {
        "alba": "cancelled",
        "borea": "coming",
        "delos": "invited",
    }


def test_a_version_that_is_none_is_nobodys(commonweal: Commonweal, session: str, by: str) -> None:
    looked = sheets.read(commonweal, session, b"organisation,version_seen\nalba,-1\nborea,99999999999999999999\n")
    assert sheets.take(commonweal, session, looked.lines, by).count == 0


def test_of_eight_who_take_one_sheet_at_once_each_row_is_taken_once(
    commonweal: Commonweal, make: Callable[[Database], Commonweal], session: str, by: str
) -> None:
    lines = sheets.read(commonweal, session, b"organisation\nalba\nborea\ndelos\nelmo\n").lines
    replicas = [make(commonweal.database) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: sheets.take(replicas[number % 4], session, lines, by), range(8)))
    assert sorted((one.count, len(one.late)) for one in done) == [(0, 4)] * 7 + [(4, 0)]


CELL = some.text(some.characters(codec="utf-8", exclude_characters="\r\0"), max_size=30)
ROWS = some.lists(
    some.fixed_dictionaries(
        {
            "organisation": some.sampled_from(["alba", "borea", "delos", "elmo", "ciano", "=x", ""]),
            "state": some.sampled_from(["", "invited", "coming", "cancelled", "no", "maybe"]),
            "arrives": some.sampled_from(["", "14:00", "9:15", "24:00"]),
            "leaves": some.sampled_from(["", "14:00", "16:30"]),
            "note": CELL,
        }
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_what_is_sent_along_to_be_taken_says_what_was_shown(
    commonweal: Commonweal, session: str, by: str, rows: list[dict[str, str]]
) -> None:
    if not listed(commonweal, session):
        attending.settle(commonweal, session, ALBA, by, 0, {"state": "coming", "arrives": "14:00", "note": "=x"})
    out = io.StringIO()
    writer = csv.DictWriter(out, sheets.COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    shown = [one for one in sheets.read(commonweal, session, out.getvalue().encode()).lines if one.holds]
    sent = sheets.read(commonweal, session, sheets.written(shown).encode()).lines
    assert [(one.wanted, one.after, one.seen, one.fault) for one in sent] == [
        (one.organisation and one.organisation.id, one.after, one.seen, "") for one in shown
    ]

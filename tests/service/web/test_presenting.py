"""Records in words: masked, marked, and no nearer than a postcode district."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.masking import HIDDEN
from matcher.records import Kind, Listing, Organisation, Standing
from service.web.presenting import (
    Body,
    Run,
    body,
    district,
    marked,
    moment,
    naming,
    question_path,
    week_in_words,
    words,
)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("Bristol", "Bristol"),
        ("BS3", "BS3"),
        ("BS3 4AB", "BS3"),
        ("bs34ab", "BS3"),
        ("EC1A 1BB", "EC1A"),
        ("Bristol BS3 4AB", "Bristol BS3"),
        ("12 Harbour Road, Bristol", HIDDEN),
    ],
)
def test_a_place_is_shown_no_nearer_than_its_district(place: str, shown: str) -> None:
    assert district(place).removesuffix(", Bristol") == shown


def test_the_clause_that_meets_is_marked() -> None:
    assert marked("We sing. Come on Fridays.", "Come on Fridays.") == (
        Run("We sing. "),
        Run("Come on Fridays.", meets=True),
    )


def test_a_clause_cut_short_or_joined_across_a_line_is_found() -> None:
    assert marked("We sing – on\n Fridays, late.", "We sing on Fridays …") == (
        Run("We sing – on\n Fridays", meets=True),
        Run(", late."),
    )


def test_a_clause_that_is_not_there_marks_nothing() -> None:
    assert marked("We sing.", "We dance.") == marked("We sing.", "") == (Run("We sing."),)


@given(st.text(max_size=60), st.text(max_size=20))
def test_marking_never_changes_the_text(text: str, clause: str) -> None:
    assert "".join(run.text for run in marked(text, clause)) == text


def test_a_name_is_masked_and_on_one_line() -> None:
    one = Organisation(id="alba", name="Alba\njo@alba.example", standing=Standing.INVITED)
    assert body(one) == Body("alba", f"Alba {HIDDEN}", "invited, not a member yet")


def test_an_organisation_nobody_knows_any_more_goes_by_its_id() -> None:
    assert naming({})("gone") == Body("gone", "gone", "")


@pytest.mark.parametrize(
    ("opens", "closes", "says"),
    [
        (None, None, ""),
        (None, date(2026, 11, 25), "open until 25 November 2026"),
        (None, date(2026, 11, 24), "closed since 25 November 2026"),
        (date(2026, 11, 25), None, ""),
        (date(2026, 11, 26), None, "opens on 26 November 2026"),
    ],
)
def test_whether_a_listing_is_open_is_said_in_words(opens: date | None, closes: date | None, says: str) -> None:
    listing = Listing(id="n", organisation="alba", kind=Kind.NEED, text="", opens=opens, closes=closes)
    assert words(listing, naming({}), on=date(2026, 11, 25)).open == says


@pytest.mark.parametrize(
    ("week", "days"),
    [
        ("2026-W48", "23 to 29 November 2026"),
        ("2026-W49", "30 November to 6 December 2026"),
        ("2026-W53", "28 December 2026 to 3 January 2027"),
    ],
)
def test_a_week_is_told_in_days(week: str, days: str) -> None:
    assert week_in_words(week, is_released=False).days == days


def test_a_moment_is_told_in_the_time_of_a_place() -> None:
    london = ZoneInfo("Europe/London")
    assert moment(datetime(2026, 11, 25, 9, 5, tzinfo=UTC), london) == "25 November 2026 at 09:05 GMT"
    assert moment(datetime(2026, 6, 30, 23, 5, tzinfo=UTC), london) == "1 July 2026 at 00:05 BST"
    assert moment(datetime(2026, 6, 30, 23, 5, tzinfo=UTC), UTC) == "30 June 2026 at 23:05 UTC"


def test_the_address_of_a_question_holds_only_what_was_said() -> None:
    assert question_path("a & b", Kind.NEED) == "/ask?text=a+%26+b&as=need#answer"
    assert question_path("a", Kind.OFFER, "alba", "Hull") == "/ask?text=a&as=offer&organisation=alba&place=Hull#answer"

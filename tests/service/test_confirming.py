"""Whether a listing is still true: asked about once, resting where nobody answers, woken by a word."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from matcher.records import Standing
from service import columns, confirming, digests, importing, spreadsheets
from service.confirming import UnconfirmableError
from service.editing import edit_field
from service.signing import LinkError
from service.store import confirmations, members, people
from service.store import rounds as stored_rounds
from service.store.confirmations import FIRST_SEEN, Confirmation
from service.wiring import Commonweal

TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def known(commonweal: Commonweal) -> dict[str, Confirmation]:
    with commonweal.database.read() as connection:
        return dict(confirmations.every(connection))


def due(commonweal: Commonweal, organisation: str, on: date) -> list[str]:
    with commonweal.database.read() as connection:
        asked = digests.unconfirmed_in(connection, commonweal.live.current(), on)
    return [one.id for one in asked.get(organisation, ())]  # type: ignore[call-overload]


def resting(commonweal: Commonweal, on: date) -> set[str]:
    with commonweal.database.read() as connection:
        return set(stored_rounds.history(connection, on).resting)


@pytest.fixture
def confirm(commonweal: Commonweal) -> Callable[..., None]:
    def confirmed(listing: str, on: date, asked_on: date | None = None) -> None:
        with commonweal.database.write() as connection:
            confirmations.confirm(connection, listing, on, "ann")  # type: ignore[arg-type]
            if asked_on:
                confirmations.note_asked(connection, [listing], asked_on)  # type: ignore[list-item]

    return confirmed


def test_what_nobody_dated_counts_from_the_first_day_a_job_saw_it(commonweal: Commonweal) -> None:
    assert known(commonweal) == {}
    assert confirming.tidy(commonweal) == 2
    assert known(commonweal) == {one: Confirmation(TODAY, FIRST_SEEN) for one in ("alba-n1", "borea-o1")}
    commonweal.now = lambda: NOON + DAY
    assert confirming.tidy(commonweal) == 0
    assert known(commonweal)["alba-n1"].confirmed_on == TODAY


def test_after_90_days_it_is_asked_about_once(commonweal: Commonweal, confirm: Any) -> None:
    confirm("alba-n1", TODAY - timedelta(days=90))
    assert due(commonweal, "alba", TODAY - DAY) == []
    assert due(commonweal, "alba", TODAY) == ["alba-n1"]
    assert due(commonweal, "borea", TODAY) == []
    with commonweal.database.write() as connection:
        confirmations.note_asked(connection, ["alba-n1"], TODAY)  # type: ignore[list-item]
        confirmations.note_asked(connection, ["alba-n1"], TODAY + DAY)  # type: ignore[list-item]
    assert due(commonweal, "alba", TODAY + DAY) == []
    assert known(commonweal)["alba-n1"].asked_on == TODAY


def test_what_is_closed_or_was_never_seen_is_not_asked_about(commonweal: Commonweal, confirm: Any) -> None:
    assert due(commonweal, "alba", TODAY) == []
    confirm("alba-n1", TODAY - timedelta(days=100))
    edit_field(commonweal, "alba-n1", "closes", "2026-11-22")
    assert due(commonweal, "alba", TODAY) == []


def test_what_stood_longest_is_asked_about_first(commonweal: Commonweal, cast: Any, confirm: Any) -> None:
    older = replace(cast["need"], id="alba-n2", text="Forty chairs")
    with commonweal.database.write() as connection:
        members.save(connection, listings={older.id: older})
    confirm("alba-n1", TODAY - timedelta(days=100))
    confirm("alba-n2", TODAY - timedelta(days=101))
    assert due(commonweal, "alba", TODAY) == ["alba-n2", "alba-n1"]


@pytest.mark.parametrize(("days", "rests"), [(13, False), (14, False), (15, True)])
def test_unconfirmed_within_14_days_of_being_asked_it_rests(
    commonweal: Commonweal, confirm: Any, days: int, rests: bool
) -> None:
    confirm("alba-n1", TODAY - timedelta(days=120), asked_on=TODAY - timedelta(days=days))
    assert resting(commonweal, TODAY) == ({"alba-n1"} if rests else set())
    assert known(commonweal)["alba-n1"].rests(TODAY) is rests


def test_a_word_wakes_it_and_nothing_was_deleted(commonweal: Commonweal, confirm: Any) -> None:
    confirm("alba-n1", TODAY - timedelta(days=120), asked_on=TODAY - timedelta(days=20))
    confirm("alba-n1", TODAY)
    assert resting(commonweal, TODAY) == set()
    assert known(commonweal)["alba-n1"] == Confirmation(TODAY, "ann")


def test_what_rests_is_not_suggested_until_it_is_woken(commonweal: Commonweal, confirm: Any) -> None:
    from service import rounds

    confirm("borea-o1", TODAY - timedelta(days=120), asked_on=TODAY - timedelta(days=20))
    assert rounds.run(commonweal, "2026-W48").proposal.suggestions == ()
    confirm("borea-o1", TODAY)
    assert [one.pair for one in rounds.run(commonweal, "2026-W48").proposal.suggestions] == [("alba-n1", "borea-o1")]


def imported(commonweal: Commonweal, **cells: str) -> None:
    row = {"id": "alba-n1", "organisation": "alba", "kind": "need", **cells}
    sheet = spreadsheets.Sheet("listings.csv", tuple(row), (spreadsheets.Row(2, row),), ())
    parsed = columns.parse(sheet, commonweal.core.vocabulary)
    with commonweal.database.write() as connection:
        planned = importing.plan([parsed], importing.state(connection), gazetteer=commonweal.core.gazetteer)
        importing.apply(connection, planned)


def test_an_import_that_changes_the_text_counts_from_when_a_job_sees_it(
    commonweal: Commonweal, cast: Any, confirm: Any
) -> None:
    asleep = {"on": TODAY - timedelta(days=120), "asked_on": TODAY - timedelta(days=20)}
    confirm("alba-n1", **asleep)
    imported(commonweal, text=cast["need"].text, places="Leeds")
    assert resting(commonweal, TODAY) == {"alba-n1"}
    imported(commonweal, text="Another text altogether")
    assert resting(commonweal, TODAY) == set()
    confirming.tidy(commonweal)
    assert known(commonweal)["alba-n1"] == Confirmation(TODAY, FIRST_SEEN)


def test_so_does_a_text_that_is_edited_by_hand(commonweal: Commonweal, confirm: Any) -> None:
    confirm("alba-n1", TODAY - timedelta(days=120), asked_on=TODAY - timedelta(days=20))
    edit_field(commonweal, "alba-n1", "places", "Leeds")
    assert resting(commonweal, TODAY) == {"alba-n1"}
    edit_field(commonweal, "alba-n1", "text", "A hall")
    assert known(commonweal) == {}


def ann(commonweal: Commonweal) -> people.Person:
    with commonweal.database.read() as connection:
        return people.of(connection, "alba")[0].person  # type: ignore[arg-type]


def test_a_link_is_about_one_listing_and_one_person_for_a_fortnight(commonweal: Commonweal, cast: Any) -> None:
    address = confirming.address_of(commonweal, cast["need"].id, ann(commonweal).id)
    token = address.removeprefix("http://127.0.0.1:8000/confirm/")
    assert confirming.look_at(commonweal, token) == (cast["need"], ann(commonweal))
    commonweal.now = lambda: NOON + timedelta(days=14, seconds=1)
    with pytest.raises(LinkError, match="has run out"):
        confirming.look_at(commonweal, token)


def test_a_link_is_worth_nothing_to_who_does_not_act_for_the_organisation_any_more(
    commonweal: Commonweal, cast: Any
) -> None:
    token = confirming.address_of(commonweal, cast["need"].id, ann(commonweal).id).rsplit("/", 1)[1]
    with commonweal.database.write() as connection:
        people.leave(connection, ann(commonweal).id, cast["alba"].id, commonweal.now())
    with pytest.raises(UnconfirmableError):
        confirming.look_at(commonweal, token)


def test_a_link_is_worth_nothing_once_its_organisation_is_no_member(commonweal: Commonweal, cast: Any) -> None:
    token = confirming.address_of(commonweal, cast["need"].id, ann(commonweal).id).rsplit("/", 1)[1]
    with commonweal.database.write() as connection:
        members.edit(connection, "alba", {"standing": Standing.LISTED})
    with pytest.raises(UnconfirmableError):
        confirming.look_at(commonweal, token)

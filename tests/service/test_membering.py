"""An organisation as its own people keep it: its profile, its pauses, and who acts for it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from matcher.records import Exclusion, Organisation
from service import columns, membering
from service.entering import ON_BEHALF, ChangedError, RefusedError
from service.membering import FIELDS, LastPersonError
from service.store import decisions, events, members, people, schema
from service.store.members import Stored, UnknownRecordError
from service.store.people import Person
from service.wiring import Commonweal

TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def ann(commonweal: Commonweal) -> Person:
    with commonweal.database.read() as connection:
        return people.of(connection, "alba")[0].person  # type: ignore[arg-type]


@pytest.fixture
def cora(commonweal: Commonweal) -> Person:
    with commonweal.database.write() as connection:
        return people.ensure(connection, "cora@desk.example", "Cora")


def stored(commonweal: Commonweal) -> Stored[Organisation]:
    with commonweal.database.read() as connection:
        return members.organisations(connection)["alba"]  # type: ignore[index]


def cells_of(commonweal: Commonweal, **cells: str) -> tuple[int, dict[str, str]]:
    found = stored(commonweal)
    return found.revision, {name: columns.cells(found.record)[name] for name in FIELDS} | cells


def acting(commonweal: Commonweal) -> list[str]:
    with commonweal.database.read() as connection:
        return [one.person.email for one in people.of(connection, "alba")]  # type: ignore[arg-type]


def mailed(commonweal: Commonweal) -> list[tuple[str, str, Any]]:
    with commonweal.database.read() as connection:
        return [(row.kind, row.email, row.about) for row in connection.execute(select(schema.mails))]


def noted(commonweal: Commonweal) -> list[tuple[str, str]]:
    with commonweal.database.read() as connection:
        return [(one.what, one.says) for one in events.about(connection, "alba")]  # type: ignore[arg-type]


def test_a_profile_is_changed_marked_and_kept_from_imports(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    revision, cells = cells_of(commonweal, size="micro", attention_cap="1", excludes="sector:private (ethics)")
    membering.change(commonweal, ann, cast["alba"].id, revision, cells)
    found = stored(commonweal)
    assert found.record == replace(
        cast["alba"], size="micro", attention_cap=1, excludes=(Exclusion("sector:private", "ethics"),)
    )
    assert found.edited == {"size", "attention_cap", "excludes"}
    assert noted(commonweal) == []


def test_what_does_not_hold_is_refused_by_field(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    revision, cells = cells_of(commonweal, name=" ", attention_cap="lots")
    with pytest.raises(RefusedError) as raised:
        membering.change(commonweal, ann, cast["alba"].id, revision, cells)
    assert raised.value.faults == {
        "name": "Write the organisation's name.",
        "attention_cap": "Write a whole number from 0 on, or nothing.",
    }
    with pytest.raises(UnknownRecordError):
        membering.change(commonweal, ann, "delos", revision, cells)  # type: ignore[arg-type]


def test_no_description_holds_what_stands_for_one_person(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    revision, cells = cells_of(commonweal, description="We help a man, NHS 943 476 5919")
    with pytest.raises(RefusedError) as raised:
        membering.change(commonweal, ann, cast["alba"].id, revision, cells)
    assert raised.value.faults == {"description": "Leave out an NHS number: that is never saved here, whoever’s it is."}


def test_of_two_who_edit_at_once_the_second_is_told(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    revision, cells = cells_of(commonweal)
    membering.change(commonweal, ann, cast["alba"].id, revision, {**cells, "name": "Alba CIC"})
    with pytest.raises(ChangedError) as raised:
        membering.change(commonweal, ann, cast["alba"].id, revision, {**cells, "description": "We cook."})
    assert raised.value.stored == stored(commonweal)
    assert stored(commonweal).record == replace(cast["alba"], name="Alba CIC")


def paused(commonweal: Commonweal) -> list[tuple[tuple[str, ...], str, date | None]]:
    with commonweal.database.read() as connection:
        return [(one.about, one.why, one.until) for one in decisions.every(connection)]


@pytest.mark.parametrize(("until", "day"), [("2026-12-31", date(2026, 12, 31)), ("", None), ("23/11/2026", TODAY)])
def test_a_pause_lasts_until_its_day_or_until_it_is_ended(
    commonweal: Commonweal, cast: Any, ann: Person, until: str, day: date | None
) -> None:
    assert membering.pause(commonweal, ann, cast["alba"].id, until, " Christmas ") is True
    assert paused(commonweal) == [(("alba",), "Christmas", day)]
    assert membering.pause(commonweal, ann, cast["alba"].id, until, "Christmas") is False  # it stands just so
    assert membering.pause(commonweal, ann, cast["alba"].id, until, "Easter") is True
    assert membering.resume(commonweal, ann, cast["alba"].id) is True
    assert paused(commonweal) == []
    assert membering.resume(commonweal, ann, cast["alba"].id) is False


@pytest.mark.parametrize("until", ["2026-11-22", "next week"])
def test_a_pause_that_is_over_or_no_day_is_refused(commonweal: Commonweal, cast: Any, ann: Person, until: str) -> None:
    with pytest.raises(RefusedError) as raised:
        membering.pause(commonweal, ann, cast["alba"].id, until, "")
    assert raised.value.faults.keys() == {"until"}
    assert paused(commonweal) == []


def test_who_is_added_acts_for_it_and_is_told_by_mail(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    assert membering.add_person(commonweal, ann, cast["alba"].id, " Bo@Alba.example ", "Bo  Alba") is True
    assert acting(commonweal) == ["ann@alba.example", "bo@alba.example"]
    assert mailed(commonweal) == [("added", "bo@alba.example", {"organisation": "alba", "by": ann.id})]
    assert membering.add_person(commonweal, ann, cast["alba"].id, "bo@alba.example", "") is False
    assert len(mailed(commonweal)) == 1


def test_the_others_who_act_for_it_are_told_who_was_added_and_by_whom(
    commonweal: Commonweal, cast: Any, ann: Person, cora: Person
) -> None:
    membering.add_person(commonweal, cora, cast["alba"].id, "bo@alba.example", "Bo")
    with commonweal.database.read() as connection:
        bo = people.by_email(connection, "bo@alba.example")
    assert bo is not None
    about = {"organisation": "alba", "person": bo.id, "by": cora.id}
    assert sorted(mailed(commonweal))[1:] == [("colleague", "ann@alba.example", about)]


def test_who_was_taken_out_can_be_added_again(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    membering.add_person(commonweal, ann, cast["alba"].id, "bo@alba.example", "Bo")
    with commonweal.database.read() as connection:
        bo = people.by_email(connection, "bo@alba.example")
    assert bo is not None
    assert membering.remove_person(commonweal, ann, cast["alba"].id, bo.id) is True
    assert membering.remove_person(commonweal, ann, cast["alba"].id, bo.id) is False
    commonweal.now = lambda: NOON.replace(hour=13)
    assert membering.add_person(commonweal, ann, cast["alba"].id, "bo@alba.example", "Bo") is True
    assert acting(commonweal) == ["ann@alba.example", "bo@alba.example"]
    assert len(mailed(commonweal)) == 2


@pytest.mark.parametrize("email", ["", " ", "bo", "bo@alba", "a@b.example, c@d.example", "Bo <bo@alba.example>"])
def test_an_address_that_is_none_is_refused(commonweal: Commonweal, cast: Any, ann: Person, email: str) -> None:
    with pytest.raises(RefusedError) as raised:
        membering.add_person(commonweal, ann, cast["alba"].id, email, "Bo")
    assert raised.value.faults == {"email": "Write one email address: name@example.org."}
    assert mailed(commonweal) == []


def test_the_last_person_stays(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    with pytest.raises(LastPersonError, match="Somebody has to act for it"):
        membering.remove_person(commonweal, ann, cast["alba"].id, ann.id)
    assert acting(commonweal) == ["ann@alba.example"]


def test_each_chooses_whether_the_digest_comes(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    assert membering.choose_digest(commonweal, cast["alba"].id, ann.id, digest=False) is True
    with commonweal.database.read() as connection:
        assert [one.digest for one in people.of(connection, cast["alba"].id)] == [False]
    assert membering.choose_digest(commonweal, cast["borea"].id, ann.id, digest=False) is False


def test_what_a_coordinator_enters_is_on_record_without_contact_details(
    commonweal: Commonweal, cast: Any, cora: Person, ann: Person
) -> None:
    revision, cells = cells_of(commonweal, name="Alba CIC")
    membering.change(commonweal, cora, cast["alba"].id, revision, cells)
    membering.pause(commonweal, cora, cast["alba"].id, "2026-12-31", "They rang")
    membering.resume(commonweal, cora, cast["alba"].id)
    membering.add_person(commonweal, cora, cast["alba"].id, "bo@alba.example", "Bo")
    membering.remove_person(commonweal, cora, cast["alba"].id, ann.id)
    says = ["Took a person out.", "Added a person.", "Ended the pause.", "Paused until 2026-12-31."]
    assert noted(commonweal) == [(ON_BEHALF, one) for one in [*says, "Changed the profile: name."]]


def test_a_coordinator_who_adds_themselves_is_on_record_and_one_who_takes_themselves_out_is_not_of_the_people(
    commonweal: Commonweal, cast: Any, cora: Person
) -> None:
    membering.add_person(commonweal, cora, cast["alba"].id, cora.email, "")
    assert noted(commonweal) == [(ON_BEHALF, "Added a person.")]
    membering.remove_person(commonweal, cora, cast["alba"].id, cora.id)
    assert noted(commonweal) == [(ON_BEHALF, "Added a person.")], "then she was one of its people"


def test_who_is_added_is_shown_by_the_name_that_was_given_and_no_other(
    commonweal: Commonweal, cast: Any, ann: Person
) -> None:
    """Else whoever types an address would learn whether it is known, and whose it is."""
    membering.add_person(commonweal, ann, cast["alba"].id, "bjorn@borea.example", "B.")
    with commonweal.database.read() as connection:
        assert [one.person.name for one in people.of(connection, "alba")] == ["Ann Alba", "B."]  # type: ignore[arg-type]
        assert [one.person.name for one in people.of(connection, "borea")] == ["Björn Borea"]  # type: ignore[arg-type]

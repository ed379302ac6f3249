"""Needs and offers as their organisation keeps them, held to what an import would accept."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from matcher.records import Kind, Listing, Visibility
from service import columns, importing, listing, spreadsheets
from service.casedata import Found, Sign
from service.entering import ON_BEHALF, ChangedError, RefusedError
from service.listing import FIELDS, REMOVED, UnseenError
from service.store import confirmations, events, members, people
from service.store.confirmations import Confirmation
from service.store.members import Stored, UnknownRecordError
from service.store.people import Person
from service.wiring import Commonweal

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY, YESTERDAY = date(2026, 11, 23), date(2026, 11, 22)
CHAIRS = {
    "kind": "offer",
    "text": "Forty chairs for any hall in Leeds ",
    "resource": "equipment",
    "themes": "",
    "places": "Leeds; Bradford",
    "remote": "no",
    "capacity": "2",
    "opens": "",
    "closes": "2026-12-31",
    "evidence": "",
    "gain": "A warm thank you",
    "visibility": "network",
}
LISTED = Listing(
    id="alba-cbf3d0e86e",  # type: ignore[arg-type]
    organisation="alba",  # type: ignore[arg-type]
    kind=Kind.OFFER,
    text="Forty chairs for any hall in Leeds",
    resource="equipment",
    places=("Leeds", "Bradford"),
    capacity=2,
    closes=date(2026, 12, 31),
    gain="A warm thank you",
)


@pytest.fixture
def ann(commonweal: Commonweal) -> Person:
    """Who acts for alba."""
    with commonweal.database.read() as connection:
        return people.of(connection, "alba")[0].person  # type: ignore[arg-type]


@pytest.fixture
def cora(commonweal: Commonweal) -> Person:
    """A coordinator."""
    with commonweal.database.write() as connection:
        person = people.ensure(connection, "cora@desk.example", "Cora")
        people.grant(connection, person.id, people.Access.COORDINATOR)
    return person


def stored(commonweal: Commonweal, id_: str) -> Stored[Listing]:
    with commonweal.database.read() as connection:
        return members.listings(connection)[id_]  # type: ignore[index]


def known(commonweal: Commonweal, id_: str) -> Confirmation | None:
    with commonweal.database.read() as connection:
        return confirmations.every(connection).get(id_)  # type: ignore[call-overload, no-any-return]


def noted(commonweal: Commonweal, organisation: str) -> list[tuple[str, str, str]]:
    with commonweal.database.read() as connection:
        return [(one.person, one.what, one.says) for one in events.about(connection, organisation)]  # type: ignore[arg-type]


def add(commonweal: Commonweal, person: Person, looked: str = "", **cells: str) -> str:
    return listing.add(commonweal, person, "alba", {**CHAIRS, **cells}, looked)  # type: ignore[arg-type]


def cells_of(commonweal: Commonweal, id_: str, **cells: str) -> tuple[int, dict[str, str]]:
    found = stored(commonweal, id_)
    return found.revision, {name: columns.cells(found.record)[name] for name in FIELDS} | cells


def test_what_is_added_is_listed_confirmed_and_kept_from_imports(commonweal: Commonweal, ann: Person) -> None:
    id_ = add(commonweal, ann)
    assert id_ == columns.listing_id("alba", "offer", LISTED.text)
    found = stored(commonweal, id_)
    assert replace(found.record, id=LISTED.id) == LISTED
    assert (found.edited, found.source) == (frozenset(FIELDS), "")
    assert known(commonweal, id_) == Confirmation(TODAY, ann.id, is_listing=True)
    listing.confirm(commonweal, ann, id_)  # type: ignore[arg-type]
    assert known(commonweal, id_) == Confirmation(TODAY, ann.id)
    assert noted(commonweal, "alba") == []


def test_sent_twice_it_is_listed_once(commonweal: Commonweal, ann: Person) -> None:
    assert add(commonweal, ann) == add(commonweal, ann)
    with commonweal.database.read() as connection:
        assert len(members.listings(connection)) == 3


def test_the_same_words_with_something_else_or_once_more_after_closing_are_another_listing(
    commonweal: Commonweal, ann: Person
) -> None:
    first = add(commonweal, ann)
    second = add(commonweal, ann, capacity="3")
    listing.close(commonweal, ann, first)  # type: ignore[arg-type]
    third = add(commonweal, ann)
    assert [second, third] == [f"{first}-2", f"{first}-3"]


@pytest.mark.parametrize(
    ("cells", "faults"),
    [
        ({"text": " "}, {"text": "Write a text in the organisation's own words."}),
        ({"kind": ""}, {"kind": "Write need or offer."}),
        ({"capacity": "some"}, {"capacity": "Write a whole number from 0 on, or nothing."}),
        ({"closes": "soon"}, {"closes": "Write a day: 2026-12-31 or 31/12/2026."}),
        ({"opens": "2027-01-04"}, {"closes": "Write 2027-01-04, when it opens, or a later day."}),
        ({"resource": "charabanc"}, {"resource": "Write people or space or equipment or money or"}),
        ({"text": "x" * 5001}, {"text": "Keep it to 5,000 characters: the first paragraph will do."}),
        (
            {"text": "", "capacity": "-1"},
            {
                "text": "Write a text in the organisation's own words.",
                "capacity": "Write a whole number from 0 on, or nothing.",
            },
        ),
    ],
)
def test_what_an_import_would_refuse_is_refused_field_by_field(
    commonweal: Commonweal, ann: Person, cells: dict[str, str], faults: dict[str, str]
) -> None:
    with pytest.raises(RefusedError) as raised:
        add(commonweal, ann, **cells)
    assert raised.value.faults.keys() == faults.keys()
    for name, says in faults.items():
        assert raised.value.faults[name].startswith(says)
    with commonweal.database.read() as connection:
        assert len(members.listings(connection)) == 2


def test_nothing_is_listed_for_an_organisation_nobody_has(commonweal: Commonweal, ann: Person) -> None:
    with pytest.raises(UnknownRecordError):
        listing.add(commonweal, ann, "delos", CHAIRS)  # type: ignore[arg-type]


def test_a_text_about_a_particular_person_is_stored_only_once_somebody_has_looked(
    commonweal: Commonweal, ann: Person
) -> None:
    with pytest.raises(UnseenError) as raised:
        add(commonweal, ann, text="A bed for Mr Smith", gain="Ring 0113 496 0000")
    assert raised.value.signs == {"text": (Found(Sign.NAME, 10, 18),), "gain": (Found(Sign.TELEPHONE, 5, 18),)}
    looked = raised.value.looked
    with pytest.raises(UnseenError):
        add(commonweal, ann, looked, text="A bed for Mr Smith", gain="Ring 0113 496 0001")
    with pytest.raises(UnseenError):
        add(commonweal, ann, "made up", text="A bed for Mr Smith", gain="Ring 0113 496 0000")
    id_ = add(commonweal, ann, looked, text="A bed for Mr Smith", gain="Ring 0113 496 0000")
    assert stored(commonweal, id_).record.text == "A bed for Mr Smith"


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("A bed for a man, NHS number 943 476 5919", "an NHS number"),
        ("A bed for a man, NHS number 9434765919", "an NHS number"),
        ("A bed for a man, NI AB 12 34 56 C", "a National Insurance number"),
        ("A bed for a man, NI ab-12-34-56-c", "a National Insurance number"),
        ("A bed for a man, date of birth 3/5/1961", "a date of birth"),
    ],
)
def test_what_stands_for_one_person_is_refused_however_often_one_looks(
    commonweal: Commonweal, ann: Person, cast: Any, text: str, sign: str
) -> None:
    with pytest.raises(UnseenError) as unseen:
        add(commonweal, ann, text="A bed for Mr Smith")
    faults = {"text": f"Leave out {sign}: that is never saved here, whoever’s it is."}
    with pytest.raises(RefusedError) as raised:
        add(commonweal, ann, unseen.value.looked, text=text)
    assert raised.value.faults == faults
    revision, cells = cells_of(commonweal, "alba-n1", gain=text)
    with pytest.raises(RefusedError) as raised:
        listing.change(commonweal, ann, cast["need"].id, revision, cells)
    assert raised.value.faults == {"gain": faults["text"]}
    with commonweal.database.read() as connection:
        assert len(members.listings(connection)) == 2


@pytest.mark.parametrize("text", ["Help wanted", "We need some help with something, please", "A van for Leeds"])
def test_a_text_that_hardly_says_anything_is_asked_about_once(commonweal: Commonweal, ann: Person, text: str) -> None:
    with pytest.raises(UnseenError, match=r"^Say what, for whom, and where\.$") as raised:
        add(commonweal, ann, text=text)
    assert (raised.value.signs, raised.value.is_bare) == ({}, True)
    id_ = add(commonweal, ann, raised.value.looked, text=text)
    assert stored(commonweal, id_).record.text == text


def test_what_is_removed_leaves_nothing_of_its_texts_and_cannot_be_removed_twice(
    commonweal: Commonweal, cast: Any, ann: Person
) -> None:
    id_ = add(commonweal, ann, gain="Tea", evidence="Ten halls")
    assert listing.remove(commonweal, ann, id_) is True  # type: ignore[arg-type]
    found = stored(commonweal, id_).record
    assert found == Listing(
        id=id_,  # type: ignore[arg-type]
        organisation="alba",  # type: ignore[arg-type]
        kind=Kind.OFFER,
        text=REMOVED,
        resource="equipment",
        capacity=2,
        closes=YESTERDAY,
        visibility=Visibility.COORDINATORS,
    )
    assert (listing.is_removed(found), found.is_open(TODAY)) == (True, False)
    assert listing.remove(commonweal, ann, id_) is False  # type: ignore[arg-type]
    assert commonweal.live.current().listings[id_].text == REMOVED  # type: ignore[index]
    assert add(commonweal, ann, gain="Tea", evidence="Ten halls") == f"{id_}-2"


def test_no_import_brings_back_what_was_removed(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    listing.remove(commonweal, ann, cast["need"].id)
    row = {"id": "alba-n1", "organisation": "alba", "kind": "need", "text": cast["need"].text, "closes": "2027-01-01"}
    sheet = spreadsheets.Sheet("listings.csv", tuple(row), (spreadsheets.Row(2, row),), ())
    with commonweal.database.write() as connection:
        parsed = columns.parse(sheet, commonweal.core.vocabulary)
        importing.apply(
            connection, importing.plan([parsed], importing.state(connection), gazetteer=commonweal.core.gazetteer)
        )
    found = stored(commonweal, "alba-n1").record
    assert (found.text, found.is_open(TODAY)) == (REMOVED, False)


def test_a_change_marks_what_it_changed_and_confirms(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    revision, cells = cells_of(commonweal, "alba-n1", places="Leeds", capacity="1")
    listing.change(commonweal, ann, cast["need"].id, revision, cells)
    found = stored(commonweal, "alba-n1")
    assert found.record == replace(cast["need"], places=("Leeds",), capacity=1)
    assert found.edited == {"places", "capacity"}
    assert known(commonweal, "alba-n1") == Confirmation(TODAY, ann.id)


def test_no_import_undoes_a_change(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    revision, cells = cells_of(commonweal, "alba-n1", text="A hall")
    listing.change(commonweal, ann, cast["need"].id, revision, cells)
    row = {"id": "alba-n1", "organisation": "alba", "kind": "need", "text": cast["need"].text}
    sheet = spreadsheets.Sheet("listings.csv", tuple(row), (spreadsheets.Row(2, row),), ())
    with commonweal.database.write() as connection:
        parsed = columns.parse(sheet, commonweal.core.vocabulary)
        importing.apply(
            connection, importing.plan([parsed], importing.state(connection), gazetteer=commonweal.core.gazetteer)
        )
    assert stored(commonweal, "alba-n1").record.text == "A hall"


def test_its_kind_stays(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    revision, cells = cells_of(commonweal, "alba-n1", kind="offer")
    listing.change(commonweal, ann, cast["need"].id, revision, cells)
    assert stored(commonweal, "alba-n1").record == cast["need"]


def test_saved_as_it_is_it_is_confirmed_and_nothing_is_marked(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    before = stored(commonweal, "alba-n1")
    listing.change(commonweal, ann, cast["need"].id, *cells_of(commonweal, "alba-n1"))
    assert stored(commonweal, "alba-n1") == before
    assert known(commonweal, "alba-n1") == Confirmation(TODAY, ann.id)


def test_who_edits_what_somebody_else_changed_meanwhile_is_told_how_it_stands(
    commonweal: Commonweal, cast: Any, ann: Person
) -> None:
    revision, cells = cells_of(commonweal, "alba-n1", text="A hall")
    listing.change(commonweal, ann, cast["need"].id, revision, {**cells, "text": "A barn"})
    with pytest.raises(ChangedError) as raised:
        listing.change(commonweal, ann, cast["need"].id, revision, cells)
    assert raised.value.stored == stored(commonweal, "alba-n1")
    assert stored(commonweal, "alba-n1").record.text == "A barn"


def test_who_changed_no_text_is_not_asked_to_look_again(commonweal: Commonweal, ann: Person, cast: Any) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"text": "A bed for Mr Smith"})
    revision, cells = cells_of(commonweal, "alba-n1", capacity="1")
    listing.change(commonweal, ann, cast["need"].id, revision, cells)
    assert stored(commonweal, "alba-n1").record.capacity == 1
    revision, cells = cells_of(commonweal, "alba-n1", text="A bed for Mr Smith or his cat")
    with pytest.raises(UnseenError):
        listing.change(commonweal, ann, cast["need"].id, revision, cells)


def test_a_word_that_left_the_vocabulary_keeps_no_other_field_from_being_changed(
    commonweal: Commonweal, cast: Any, ann: Person
) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"resource": "charabanc"})
    listing.change(commonweal, ann, cast["need"].id, *cells_of(commonweal, "alba-n1", visibility="partners"))
    found = stored(commonweal, "alba-n1").record
    assert (found.resource, found.visibility) == ("charabanc", Visibility.PARTNERS)


@pytest.mark.parametrize("opens", [None, date(2026, 1, 1), TODAY, date(2027, 1, 1)])
def test_what_is_closed_is_not_open_today_and_can_be_opened_again(
    commonweal: Commonweal, cast: Any, ann: Person, opens: date | None
) -> None:
    id_ = cast["need"].id
    with commonweal.database.write() as connection:
        members.edit(connection, id_, {"opens": opens})
    assert listing.close(commonweal, ann, id_) is True
    closed = stored(commonweal, id_).record
    assert (closed.closes, closed.is_open(TODAY), columns.closes_too_early(closed.opens, closed.closes)) == (
        YESTERDAY,
        False,
        False,
    )
    assert listing.close(commonweal, ann, id_) is False
    assert listing.reopen(commonweal, ann, id_) is True
    assert stored(commonweal, id_).record.is_open(TODAY)
    assert known(commonweal, id_) == Confirmation(TODAY, ann.id)
    assert listing.reopen(commonweal, ann, id_) is False


def test_a_word_wakes_what_rests(commonweal: Commonweal, cast: Any, ann: Person) -> None:
    with commonweal.database.write() as connection:
        confirmations.confirm(connection, cast["need"].id, TODAY - timedelta(days=200), ann.id)
        confirmations.note_asked(connection, [cast["need"].id], TODAY - timedelta(days=100))
        assert confirmations.resting(connection, TODAY) == {cast["need"].id}
    listing.confirm(commonweal, ann, cast["need"].id)
    assert known(commonweal, "alba-n1") == Confirmation(TODAY, ann.id)


def test_what_a_coordinator_enters_for_an_organisation_is_on_record(
    commonweal: Commonweal, cast: Any, cora: Person
) -> None:
    id_ = add(commonweal, cora)
    listing.change(commonweal, cora, id_, *cells_of(commonweal, id_, text="Fifty chairs"))  # type: ignore[arg-type]
    listing.close(commonweal, cora, id_)  # type: ignore[arg-type]
    listing.reopen(commonweal, cora, id_)  # type: ignore[arg-type]
    listing.confirm(commonweal, cora, id_)  # type: ignore[arg-type]
    assert noted(commonweal, "alba") == [
        (cora.id, ON_BEHALF, "Confirmed that the offer “Fifty chairs” is still true."),
        (cora.id, ON_BEHALF, "Opened the offer “Fifty chairs” again."),
        (cora.id, ON_BEHALF, "Closed the offer “Fifty chairs”."),
        (cora.id, ON_BEHALF, "Changed the offer “Fifty chairs”."),
        (cora.id, ON_BEHALF, "Listed the offer “Forty chairs for any hall in Leeds”."),
    ]
    assert known(commonweal, id_) == Confirmation(TODAY, cora.id)


def test_an_unknown_listing_is_named(commonweal: Commonweal, ann: Person) -> None:
    for verb in (listing.close, listing.reopen, listing.confirm, listing.remove):
        with pytest.raises(UnknownRecordError):
            verb(commonweal, ann, "gone")  # type: ignore[arg-type]

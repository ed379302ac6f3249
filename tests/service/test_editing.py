"""One field changed by hand is held to what an import would accept, and is kept from imports from then on."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from matcher.records import Exclusion, Standing, Visibility
from service.editing import UneditableError, edit_field
from service.store import members
from service.store.members import UnknownRecordError
from service.wiring import Commonweal


def stored(commonweal: Commonweal, id_: str) -> members.Stored[Any]:
    with commonweal.database.read() as connection:
        return {**members.organisations(connection), **members.listings(connection)}[id_]  # type: ignore[index]


@pytest.mark.parametrize(
    ("id_", "field", "written", "value"),
    [
        ("alba", "name", "Alba CIC", "Alba CIC"),
        ("alba", "places", "Retford; Worksop", ("Retford", "Worksop")),
        ("alba", "standing", "invited", Standing.INVITED),
        ("alba", "attention_cap", "2", 2),
        ("alba", "attention_cap", "", None),
        ("alba", "excludes", "borea (rivals)", (Exclusion("borea", "rivals"),)),
        ("alba", "description", "", ""),
        ("alba-n1", "text", "A hall", "A hall"),
        ("alba-n1", "closes", "31/12/2026", date(2026, 12, 31)),
        ("alba-n1", "remote", "yes", True),
        ("alba-n1", "visibility", "coordinators", Visibility.COORDINATORS),
    ],
)
def test_a_field_takes_what_a_spreadsheets_cell_would_mean_and_is_marked(
    commonweal: Commonweal, id_: str, field: str, written: str, value: object
) -> None:
    before = stored(commonweal, id_)
    edit_field(commonweal, id_, field, written)
    assert stored(commonweal, id_) == members.Stored(
        replace(before.record, **{field: value}), frozenset({field}), before.source, 2
    )


@pytest.mark.parametrize(
    ("id_", "field", "written", "says"),
    [
        ("alba", "colour", "red", "'colour' cannot be edited; of alba one can edit name, standing, sectors, size,"),
        ("alba", "id", "beta", "'id' cannot be edited"),
        ("alba", "contact_email", "a@b.example", "'contact_email' cannot be edited"),
        ("alba-n1", "organisation", "borea", "'organisation' cannot be edited"),
        ("alba-n1", "kind", "offer", "'kind' cannot be edited; of alba-n1 one can edit resource, text, themes,"),
        ("alba", "name", "", "name: '' is refused; wanted: the organisation's name"),
        ("alba", "standing", "friend", "standing: 'friend' is refused; wanted: listed or invited or member"),
        ("alba", "standing", "", "standing: it cannot be empty; it stays 'member'"),
        ("alba-n1", "visibility", " ", "visibility: it cannot be empty; it stays 'network'"),
        ("alba-n1", "capacity", "many", "capacity: 'many' is refused; wanted: "),
    ],
)
def test_what_an_import_would_refuse_is_refused_and_nothing_changes(
    commonweal: Commonweal, id_: str, field: str, written: str, says: str
) -> None:
    before = stored(commonweal, id_)
    with pytest.raises(UneditableError) as raised:
        edit_field(commonweal, id_, field, written)
    assert str(raised.value).startswith(says)
    assert stored(commonweal, id_) == before


def test_dates_stay_in_order(commonweal: Commonweal) -> None:
    edit_field(commonweal, "alba-n1", "opens", "2026-12-01")
    with pytest.raises(UneditableError, match=r"closes: '2026-11-30' is refused; wanted: 2026-12-01, when it opens"):
        edit_field(commonweal, "alba-n1", "closes", "2026-11-30")


def test_an_id_nobody_has_is_named(commonweal: Commonweal) -> None:
    with pytest.raises(UnknownRecordError, match="no organisation or listing 'delos'"):
        edit_field(commonweal, "delos", "name", "x")


def test_an_edit_shows_in_the_next_answer(commonweal: Commonweal) -> None:
    commonweal.live.current()
    edit_field(commonweal, "alba", "name", "Alba CIC")
    assert commonweal.live.current().organisations[stored(commonweal, "alba").record.id].name == "Alba CIC"


def test_a_field_whose_word_left_the_vocabulary_keeps_no_other_from_being_edited(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"resource": "charabanc"})
    edit_field(commonweal, "alba-n1", "text", "A hall")
    found = stored(commonweal, "alba-n1").record
    assert (found.text, found.resource) == ("A hall", "charabanc")
    with pytest.raises(UneditableError, match="resource: 'charabancs' is refused"):
        edit_field(commonweal, "alba-n1", "resource", "charabancs")


def test_an_unknown_place_is_stored_and_warned_of(commonweal: Commonweal) -> None:
    warnings = edit_field(commonweal, "alba", "places", "Leeds; Narnia")
    assert len(warnings) == 1
    assert warnings[0].startswith("unknown place 'Narnia'")
    assert stored(commonweal, "alba").record.places == ("Leeds", "Narnia")
    assert edit_field(commonweal, "alba", "places", "Leeds") == []

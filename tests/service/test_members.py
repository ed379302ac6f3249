"""Organisations and listings in the store: what is saved is what is read, and what changed since is told."""

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.records import (
    Contact,
    Exclusion,
    Kind,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Standing,
    Visibility,
)
from service.store import members
from service.store.database import Database, DatabaseError
from service.store.members import Changes, Stored, UnknownRecordError

ALBA, BOREA = OrganisationId("alba"), OrganisationId("borea")
A = Organisation(id=ALBA, name="Alba")
B = Organisation(id=BOREA, name="Borea")
N1, O1 = ListingId("n1"), ListingId("o1")
NEED = Listing(id=N1, organisation=ALBA, kind=Kind.NEED, text="A hall")
OFFER = Listing(id=O1, organisation=BOREA, kind=Kind.OFFER, text="A hall, too")

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
several = st.lists(texts, max_size=3).map(tuple)
numbers = st.none() | st.integers(0, 2**31 - 1)
days = st.none() | st.dates()
organisations = st.builds(
    Organisation,
    id=texts.map(OrganisationId),
    name=texts,
    standing=st.sampled_from(Standing),
    sectors=several,
    size=texts,
    roles=several,
    description=texts,
    places=several,
    identifiers=several,
    attention_cap=numbers,
    excludes=st.lists(st.builds(Exclusion, texts, texts), max_size=3).map(tuple),
)
listings = st.builds(
    Listing,
    id=texts.map(ListingId),
    organisation=st.just(ALBA),
    kind=st.sampled_from(Kind),
    text=texts,
    resource=texts,
    themes=several,
    places=several,
    remote=st.booleans(),
    capacity=numbers,
    opens=days,
    closes=days,
    evidence=texts,
    gain=texts,
    visibility=st.sampled_from(Visibility),
)
one_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def save(database: Database, *records: Organisation | Listing, **rest: Any) -> int:
    with database.write() as connection:
        return members.save(
            connection,
            organisations={one.id: one for one in records if isinstance(one, Organisation)},
            listings={one.id: one for one in records if isinstance(one, Listing)},
            **rest,
        )


def edit(database: Database, record_id: str, **changed: object) -> None:
    with database.write() as connection:
        members.edit(connection, record_id, changed)


def stored(database: Database) -> dict[str, Stored[Any]]:
    with database.read() as connection:
        return {**members.organisations(connection), **members.listings(connection)}


def changes(database: Database, since: int) -> Changes:
    with database.read() as connection:
        return members.changes(connection, since)


def test_the_strategies_know_every_field() -> None:
    assert {field.name for field in fields(Organisation)} == set(Organisation.__slots__)
    assert len(fields(Organisation)) == 11
    assert len(fields(Listing)) == 14


@given(organisation=organisations)
@one_database
def test_an_organisation_is_read_as_it_was_saved(database: Database, organisation: Organisation) -> None:
    revision = save(database, organisation)
    assert stored(database)[organisation.id] == Stored(organisation, frozenset(), "", revision)


@given(listing=listings)
@one_database
def test_a_listing_is_read_as_it_was_saved(database: Database, listing: Listing) -> None:
    revision = save(database, A, listing)
    with database.read() as connection:
        assert members.listings(connection)[listing.id] == Stored(listing, frozenset(), "", revision)


def test_a_contact_is_read_as_it_was_saved_and_replaced_by_the_next(database: Database) -> None:
    for contact in (Contact(organisation=ALBA, name="Ann", email="a@alba.example"), Contact(organisation=ALBA)):
        save(database, A, contacts=[contact])
        with database.read() as connection:
            assert members.contacts(connection) == {ALBA: contact}


def test_what_belongs_to_nobody_is_refused_whole(database: Database) -> None:
    with pytest.raises(DatabaseError):
        save(database, A, OFFER)
    assert stored(database) == {}


def test_saving_again_replaces_the_record_and_keeps_where_it_came_from(database: Database) -> None:
    save(database, A, sources={"alba": "a.csv"})
    save(database, replace(A, name="Alba CIC"))
    assert stored(database) == {ALBA: Stored(replace(A, name="Alba CIC"), frozenset(), "a.csv", 2)}
    save(database, A, sources={"alba": "b.csv"})
    assert stored(database) == {ALBA: Stored(A, frozenset(), "b.csv", 3)}


def test_an_edit_is_marked_and_outlives_the_next_save(database: Database) -> None:
    save(database, A, NEED, sources={"alba": "a.csv", "n1": "n.csv"})
    edit(database, "alba", description="We host.", places=("Leeds",))
    edit(database, "alba", name="Alba CIC")
    edit(database, "n1", text="A room", closes=date(2026, 12, 1))
    edited = replace(A, description="We host.", places=("Leeds",), name="Alba CIC")
    assert stored(database) == {
        ALBA: Stored(edited, frozenset({"description", "places", "name"}), "a.csv", 3),
        N1: Stored(replace(NEED, text="A room", closes=date(2026, 12, 1)), frozenset({"text", "closes"}), "n.csv", 4),
    }
    save(database, edited, NEED)
    assert stored(database)[ALBA].edited == {"description", "places", "name"}
    assert stored(database)[N1].edited == {"text", "closes"}


def test_an_overwritten_field_loses_its_mark_and_no_other_does(database: Database) -> None:
    save(database, A)
    edit(database, "alba", description="We host.", places=("Leeds",))
    save(database, A, overwritten={"alba": frozenset({"places"})})
    assert stored(database)[ALBA].edited == {"description"}


def test_editing_a_record_nobody_has_says_its_id(database: Database) -> None:
    with pytest.raises(UnknownRecordError, match="no organisation or listing 'delos'"):
        edit(database, "delos", name="x")


def test_editing_a_field_a_record_has_not_changes_nothing(database: Database) -> None:
    save(database, A)
    with pytest.raises(TypeError):
        edit(database, "alba", colour="red")
    assert stored(database) == {ALBA: Stored(A, frozenset(), "", 1)}


def test_changes_tell_what_was_saved_after_a_revision(database: Database) -> None:
    assert changes(database, -1) == Changes({}, {}, 0, 0)
    save(database, A, NEED)
    save(database, B, OFFER)
    assert changes(database, -1) == Changes({ALBA: A, BOREA: B}, {N1: NEED, O1: OFFER}, 2, 0)
    assert changes(database, 0) == changes(database, -1)
    assert changes(database, 1) == Changes({BOREA: B}, {O1: OFFER}, 2, 0)
    assert changes(database, 2) == Changes({}, {}, 2, 0)
    edit(database, "alba", name="Alba CIC")
    assert changes(database, 2) == Changes({ALBA: replace(A, name="Alba CIC")}, {}, 3, 0)


def test_a_saved_contact_is_a_revision_that_changes_no_record(database: Database) -> None:
    save(database, A)
    save(database, contacts=[Contact(organisation=ALBA, name="Ann")])
    assert changes(database, 1) == Changes({}, {}, 2, 0)


def test_records_come_in_the_order_of_their_ids(database: Database) -> None:
    ids = ["b", "a-2", "a", "c", "A"]
    save(database, *(Organisation(id=OrganisationId(id_), name=id_) for id_ in ids))
    assert set(stored(database)) == set(ids)
    if database.is_sqlite:
        assert list(stored(database)) == sorted(ids)

"""People: whom a spreadsheet names, whom members add and remove, and what each may do."""

from datetime import date

import pytest

from matcher.records import Contact, OrganisationId, Standing
from service.store import members, people
from service.store.database import Connection
from service.store.people import Access
from service.wiring import Commonweal

ALBA, BOREA, CIANO = map(OrganisationId, ("alba", "borea", "ciano"))


def acting(connection: Connection, organisation: OrganisationId) -> list[tuple[str, str]]:
    return [(one.person.email, one.added_by) for one in people.of(connection, organisation)]


def test_the_contact_of_a_spreadsheet_acts_for_its_organisation(commonweal: Commonweal) -> None:
    with commonweal.database.read() as connection:
        (ann,) = people.of(connection, ALBA)
        assert (ann.person.email, ann.person.name, ann.person.access) == ("ann@alba.example", "Ann Alba", "member")
        assert (ann.digest, ann.digest_from, ann.added_by) == (True, None, "import")


def test_another_contact_takes_the_place_of_the_one_before_and_of_nobody_else(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        helper = people.ensure(connection, "helper@alba.example")
        people.join(connection, helper.id, ALBA, by="somebody")
        members.save(connection, contacts=[Contact(organisation=ALBA, name="Bea", email="Bea@alba.example")])
        assert acting(connection, ALBA) == [("bea@alba.example", "import"), ("helper@alba.example", "somebody")]


def test_whom_somebody_removed_no_import_adds_again(commonweal: Commonweal) -> None:
    contact = Contact(organisation=ALBA, name="Ann", email="ann@alba.example")
    with commonweal.database.write() as connection:
        (ann,) = people.of(connection, ALBA)
        assert people.leave(connection, ann.person.id, ALBA, commonweal.now())
        assert not people.leave(connection, ann.person.id, ALBA, commonweal.now())
        members.save(connection, contacts=[contact])
        assert acting(connection, ALBA) == []
        people.join(connection, ann.person.id, ALBA, by="somebody")
        assert acting(connection, ALBA) == [("ann@alba.example", "somebody")]


def test_where_a_spreadsheet_names_only_whom_somebody_removed_the_one_before_stays(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        (ann,) = people.of(connection, ALBA)
        members.save(connection, contacts=[Contact(organisation=ALBA, email="bea@alba.example")])
        (bea,) = people.of(connection, ALBA)
        people.join(connection, ann.person.id, ALBA, by="somebody")
        people.leave(connection, bea.person.id, ALBA, commonweal.now())
        members.save(connection, contacts=[Contact(organisation=ALBA, email="cal@alba.example")])
        members.save(connection, contacts=[Contact(organisation=ALBA, email="bea@alba.example")])
        assert acting(connection, ALBA) == [("ann@alba.example", "somebody"), ("cal@alba.example", "import")]


def test_who_left_the_digests_stays_without_them_when_a_spreadsheet_names_them_again(commonweal: Commonweal) -> None:
    ann, bea = (Contact(organisation=ALBA, email=f"{name}@alba.example") for name in ("ann", "bea"))
    with commonweal.database.write() as connection:
        (before,) = people.of(connection, ALBA)
        people.choose_digest(connection, before.person.id, ALBA, digest=False)
        members.save(connection, contacts=[bea])
        members.save(connection, contacts=[ann])
        assert [(one.person.email, one.digest) for one in people.of(connection, ALBA)] == [(ann.email, False)]


def test_joining_again_leaves_what_one_chose(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        (ann,) = people.of(connection, ALBA)
        people.choose_digest(connection, ann.person.id, ALBA, digest=False)
        assert not people.join(connection, ann.person.id, ALBA, by="somebody")
        assert [(one.digest, one.added_by) for one in people.of(connection, ALBA)] == [(False, "import")]


def test_whom_others_add_goes_by_the_name_they_gave_until_one_gives_ones_own(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        (bjorn,) = people.of(connection, BOREA)
        people.join(connection, bjorn.person.id, ALBA, by="ann", called="B.")
        assert {one.person.name for one in people.of(connection, ALBA)} == {"Ann Alba", "B."}
        assert {one.person.name for one in people.of(connection, BOREA)} == {"Björn Borea"}
        people.rename(connection, bjorn.person.id, "Björn")
        assert {one.person.name for one in people.of(connection, ALBA)} == {"Ann Alba", "Björn"}


def test_addresses_of_other_domains_are_other_people(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        assert people.ensure(connection, "info@straße.example") != people.ensure(connection, "info@strasse.example")


def test_a_contact_without_an_address_is_nobody(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        members.save(connection, contacts=[Contact(organisation=CIANO, name="Cia", email=" ")])
        assert acting(connection, CIANO) == [("cia@ciano.example", "import")]


def test_one_address_is_one_person_whatever_its_letters(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        known = people.ensure(connection, "ANN@Alba.example", "Another name")
        assert (known.email, known.name) == ("ann@alba.example", "Ann Alba")
        nameless = people.ensure(connection, "new@alba.example")
        assert people.ensure(connection, "new@alba.example", " Nell ").name == "Nell"
        assert people.get(connection, nameless.id) == people.by_email(connection, "New@alba.example ")


def test_a_person_acts_for_member_organisations_only(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        (cia,) = people.of(connection, CIANO)
        assert people.acts_for(connection, cia.person.id) == ()
        members.edit(connection, CIANO, {"standing": Standing.MEMBER})
        people.join(connection, cia.person.id, ALBA, by="somebody")
        assert people.acts_for(connection, cia.person.id) == (ALBA, CIANO)


@pytest.mark.parametrize(
    ("digest", "from_", "gets"), [(True, None, True), (True, date(2026, 12, 1), False), (False, None, False)]
)
def test_each_chooses_whether_the_digest_comes(
    commonweal: Commonweal, digest: bool, from_: date | None, gets: bool
) -> None:
    with commonweal.database.write() as connection:
        (ann,) = people.of(connection, ALBA)
        assert people.choose_digest(connection, ann.person.id, ALBA, digest=digest, from_=from_)
        assert not people.choose_digest(connection, ann.person.id, BOREA, digest=digest)
        (ann,) = people.of(connection, ALBA)
    assert ann.gets_digest(date(2026, 11, 30)) is gets
    assert ann.gets_digest(date(2026, 12, 1)) is digest


def test_nothing_goes_to_an_address_that_was_given_up_on_until_it_is_tried_again(commonweal: Commonweal) -> None:
    on = commonweal.now().date()
    with commonweal.database.write() as connection:
        assert people.give_up_on(connection, "Ann@alba.example", "no such user", commonweal.now())
        (ann,) = people.of(connection, ALBA)
        assert (ann.person.undeliverable, ann.gets_digest(on)) == ("no such user", False)
        assert people.try_again(connection, "ann@alba.example")
        (ann,) = people.of(connection, ALBA)
        assert (ann.person.undeliverable, ann.gets_digest(on)) == ("", True)
        assert not people.give_up_on(connection, "nobody@alba.example", "gone", commonweal.now())


def test_those_with_an_access_are_found(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        (ann,), (bjorn,) = people.of(connection, ALBA), people.of(connection, BOREA)
        people.grant(connection, ann.person.id, Access.ADMINISTRATOR)
        people.grant(connection, bjorn.person.id, Access.COORDINATOR)
        found = people.with_access(connection, Access.COORDINATOR, Access.ADMINISTRATOR)
        assert [one.email for one in found] == ["ann@alba.example", "bjorn@borea.example"]
        assert {one: len(acting) for one, acting in people.every(connection).items()} == {ALBA: 1, BOREA: 1, CIANO: 1}

"""What an import would do to what is stored, and that doing it twice does nothing more."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher import vocabulary
from matcher.artefacts import artefact
from matcher.places import Place, Reach, TableGazetteer, UnknownPlaceError
from matcher.records import Contact, Kind, Listing, ListingId, Organisation, OrganisationId, Standing
from service import importing, spreadsheets
from service.columns import Parsed, Table, parse
from service.importing import Change, Counts, Difference, Plan, State, Vanished
from service.spreadsheets import Row, Sheet
from service.store import members
from service.store.database import Database
from service.store.members import Stored

WORDS = vocabulary.load(artefact("data", "vocabulary"))
ALBA, BOREA = OrganisationId("alba"), OrganisationId("borea")
N1 = ListingId("n1")
ALBA_STORED = Organisation(id=ALBA, name="Alba", standing=Standing.MEMBER, description="We host.", places=("Leeds",))
NEED = Listing(id=N1, organisation=ALBA, kind=Kind.NEED, text="A hall", opens=date(2026, 5, 1))
NEED_ROW = {"id": "n1", "organisation": "alba", "kind": "need", "text": "A hall"}


class Leeds:
    """A gazetteer that knows one place."""

    def resolve(self, name: str) -> tuple[Place, ...]:
        if name != "Leeds":
            raise UnknownPlaceError(name, ["Leeds"])
        return (Place("Leeds", Reach.TOWN),)


def file(*rows: dict[str, str], name: str = "f.csv") -> Parsed:
    return parse(Sheet(name, tuple(rows[0]), tuple(Row(line, row) for line, row in enumerate(rows, 2))), WORDS)


def state(*records: Organisation | Listing, edited: str = "", source: str = "f.csv", contacts: bool = False) -> State:
    marks = frozenset(edited.split())
    return State(
        {r.id: Stored(r, marks, source, 1) for r in records if isinstance(r, Organisation)},
        {r.id: Stored(r, marks, source, 1) for r in records if isinstance(r, Listing)},
        {ALBA: Contact(organisation=ALBA, name="Ann", email="ann@alba.example")} if contacts else {},
    )


def plan(*files: Parsed, stored: State | None = None, overwrite: bool = False) -> Plan:
    return importing.plan(files, stored or State(), gazetteer=Leeds(), overwrite=overwrite)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/members.db")
    database.migrate()
    return database


def import_into(database: Database, *paths: Path, strict: bool = False) -> tuple[Plan, int | None]:
    files = importing.read(paths, WORDS)
    gazetteer = TableGazetteer(artefact("data", "vocabulary", "places.csv"))
    with database.write() as connection:
        planned = importing.plan(files, importing.state(connection), gazetteer=gazetteer)
        return planned, importing.apply(connection, planned, strict=strict)


def test_new_changed_unchanged_and_refused_rows_are_counted() -> None:
    ciano = Organisation(id=OrganisationId("ciano"), name="Ciano")
    rows = [
        {"id": id_, "name": name}
        for id_, name in [("alba", "Alba!"), ("borea", "Borea"), ("ciano", "Ciano"), ("x", "")]
    ]
    planned = plan(file(*rows), stored=state(ALBA_STORED, ciano))
    assert planned.counts == {Table.ORGANISATIONS: Counts(new=1, changed=1, unchanged=1, refused=1)}
    assert planned.organisations == {
        ALBA: replace(ALBA_STORED, name="Alba!"),
        BOREA: Organisation(id=BOREA, name="Borea"),
    }
    assert planned.changes == (
        Change(Table.ORGANISATIONS, "alba", "f.csv", 2, False, (Difference("name", "Alba", "Alba!"),)),
        Change(Table.ORGANISATIONS, "borea", "f.csv", 3, True),
    )
    assert planned.sources == {"alba": "f.csv", "borea": "f.csv"}


def test_a_column_the_file_lacks_leaves_what_is_stored_and_an_empty_cell_does_not() -> None:
    planned = plan(file({"id": "alba", "name": "Alba", "description": ""}), stored=state(ALBA_STORED))
    assert planned.organisations == {ALBA: replace(ALBA_STORED, description="")}


def test_a_listing_may_belong_to_an_organisation_of_another_file_in_any_order() -> None:
    planned = plan(file(NEED_ROW, name="n.csv"), file({"id": "alba", "name": "Alba"}, name="o.csv"))
    assert planned.refused == ()
    assert planned.sources == {"alba": "o.csv", "n1": "n.csv"}


def test_a_listing_of_an_organisation_neither_stored_nor_accepted_is_refused() -> None:
    planned = plan(file(NEED_ROW), file({"id": "alba", "name": ""}, name="o.csv"))
    assert [str(refusal) for refusal in planned.refused] == [
        "o.csv, line 2, column name: an empty cell is refused; wanted: the organisation's name",
        "f.csv, line 2, column organisation: 'alba' is refused; wanted: an organisation that is stored, or accepted in"
        " this import; import it first, or correct its row",
    ]
    assert plan(file(NEED_ROW), stored=state(ALBA_STORED)).refused == ()


def test_an_id_in_two_files_of_one_import_is_refused_in_the_second() -> None:
    planned = plan(file({"id": "alba", "name": "A"}), file({"id": "alba", "name": "B"}, name="g.csv"))
    assert [str(refusal) for refusal in planned.refused] == [
        "g.csv, line 2, column id: 'alba' is refused; wanted: an id in one file only; f.csv has it too"
    ]
    assert planned.organisations == {ALBA: Organisation(id=ALBA, name="A")}


def test_a_listing_with_the_id_of_an_organisation_is_refused_stored_or_new() -> None:
    says = "f.csv, line 2, column id: 'alba' is refused; wanted: an id of its own; an organisation has this one"
    listing = file(NEED_ROW | {"id": "alba"})
    of_stored = plan(listing, stored=state(ALBA_STORED))
    of_new = plan(file({"id": "alba", "name": "Alba"}, name="o.csv"), listing)
    assert [str(refusal) for refusal in (*of_stored.refused, *of_new.refused)] == [says, says]
    assert (of_stored.listings, of_new.listings) == ({}, {})


def test_an_organisation_with_the_id_of_a_stored_listing_is_refused() -> None:
    planned = plan(file({"id": "n1", "name": "N One"}), stored=state(ALBA_STORED, NEED))
    assert [str(refusal) for refusal in planned.refused] == [
        "f.csv, line 2, column id: 'n1' is refused; wanted: an id of its own; a listing has this one"
    ]
    assert planned.organisations == {}


def test_dates_out_of_order_with_what_is_stored_are_refused() -> None:
    planned = plan(file(NEED_ROW | {"closes": "2026-04-30"}), stored=state(ALBA_STORED, NEED))
    assert [str(refusal) for refusal in planned.refused] == [
        "f.csv, line 2, column closes: '2026-04-30' is refused; wanted: dates in order;"
        " as stored, 'n1' opens 2026-05-01 and closes 2026-04-30"
    ]


def test_a_field_a_person_edited_is_kept_and_shown_as_kept() -> None:
    row = {"id": "alba", "name": "Alba CIC", "description": "Old words"}
    planned = plan(file(row), stored=state(ALBA_STORED, edited="description"))
    assert planned.organisations == {ALBA: replace(ALBA_STORED, name="Alba CIC")}
    assert [(kept.id, kept.line, kept.difference) for kept in planned.kept] == [
        ("alba", 2, Difference("description", "We host.", "Old words"))
    ]
    assert planned.overwritten == {}


def test_overwrite_takes_the_files_word_and_the_mark_of_the_edit_off() -> None:
    row = {"id": "alba", "name": "Alba CIC", "description": "Old words"}
    planned = plan(file(row), stored=state(ALBA_STORED, edited="description places"), overwrite=True)
    assert planned.organisations == {ALBA: replace(ALBA_STORED, name="Alba CIC", description="Old words")}
    assert planned.kept == ()
    assert planned.overwritten == {"alba": frozenset({"description"})}


def test_rows_that_vanished_from_their_file_are_reported_and_stay() -> None:
    stored = state(ALBA_STORED, Organisation(id=BOREA, name="Borea"), NEED)
    planned = plan(file({"id": "alba", "name": "Alba"}), stored=stored)
    assert planned.vanished == (
        Vanished(Table.ORGANISATIONS, "borea", "f.csv"),
        Vanished(Table.LISTINGS, "n1", "f.csv"),
    )
    assert planned.changes == ()
    assert plan(file({"id": "alba", "name": "Alba"}, name="g.csv"), stored=stored).vanished == ()


def test_a_refused_row_has_not_vanished() -> None:
    assert plan(file(NEED_ROW | {"kind": "x"}), stored=state(NEED)).vanished == ()


def test_no_import_lowers_a_standing() -> None:
    lowered = plan(file({"id": "alba", "name": "Alba", "standing": "listed"}), stored=state(ALBA_STORED))
    assert lowered.changes == ()
    assert lowered.notes == (
        "f.csv, line 2: 'alba' stays member, though the file says listed: no import lowers a standing",
    )
    invited = state(replace(ALBA_STORED, standing=Standing.INVITED))
    raised = plan(file({"id": "alba", "name": "Alba", "standing": "member"}), stored=invited)
    assert raised.organisations == {ALBA: ALBA_STORED}


def test_an_empty_cell_takes_no_contact_away_and_a_change_is_told_without_its_words() -> None:
    stored = state(ALBA_STORED, contacts=True)
    row = {"id": "alba", "name": "Alba", "contact_name": "", "contact_email": "new@alba.example"}
    planned = plan(file(row), stored=stored)
    assert planned.contacts == (Contact(organisation=ALBA, name="Ann", email="new@alba.example"),)
    assert planned.organisations == {}
    assert planned.counts[Table.ORGANISATIONS] == Counts(changed=1)
    assert "alba: contact changed" in planned.lines()
    assert "alba.example" not in json.dumps(planned.as_dict()) + "\n".join(planned.lines())
    assert plan(file(row | {"contact_email": ""}), stored=stored).changes == ()


def test_an_unknown_place_is_a_warning_with_the_nearest_and_only_when_it_is_new() -> None:
    row = {"id": "alba", "name": "Alba", "places": "Leeds; Leedz"}
    planned = plan(file(row))
    assert planned.warnings == ("f.csv, line 2: unknown place 'Leedz'; did you mean Leeds?",)
    assert planned.organisations[ALBA].places == ("Leeds", "Leedz")
    stored = state(replace(ALBA_STORED, places=("Leeds", "Leedz")))
    assert plan(file(row | {"name": "Alba CIC"}), stored=stored).warnings == ()


def test_a_listing_that_is_over_already_is_a_warning() -> None:
    files = [file({**NEED_ROW, "closes": "2026-10-31"}, {**NEED_ROW, "id": "n2", "closes": "2026-11-01"})]
    found = importing.plan(files, state(ALBA_STORED), gazetteer=Leeds(), today=date(2026, 11, 1))
    assert found.warnings == ("f.csv, line 2: 'n1' closed on 2026-10-31: it will not be suggested",)


def test_excluding_an_organisation_nobody_knows_is_a_warning() -> None:
    row = {"id": "alba", "name": "Alba", "excludes": "borea (competitor); ciano; sector:private"}
    planned = plan(file(row, {"id": "borea", "name": "Borea", "excludes": ""}))
    assert planned.warnings == ("'alba' excludes 'ciano', which is no organisation known here",)


def test_what_is_told_to_people_reads_in_this_order() -> None:
    stored = state(ALBA_STORED, NEED, edited="text", source="n.csv")
    organisations = file(
        {"id": "alba", "name": "Alba", "places": "Leedz", "sectors": "", "colour": "red"},
        {"id": "borea", "name": "Borea", "places": "", "sectors": "thrid", "colour": ""},
        {"id": "ciano", "name": "Ciano", "places": "", "sectors": "", "colour": ""},
    )
    listings = file(NEED_ROW | {"text": "A room"}, name="g.csv")
    assert plan(organisations, listings, stored=stored).lines() == [
        "organisations: 1 new, 1 changed, 0 unchanged, 1 refused",
        "listings: 0 new, 0 changed, 1 unchanged, 0 refused",
        "f.csv, line 3, column sectors: 'thrid' is refused; wanted: public or private or voluntary or academic",
        "n1: text 'A hall' -> 'A room': kept, edited in Commonweal",
        "f.csv, line 2: unknown place 'Leedz'; did you mean Leeds?",
        "f.csv: column 'colour' is not known and was left out",
        "alba: places 'Leeds' -> 'Leedz'",
        "ciano: new",
    ]


def test_a_long_change_is_told_from_where_it_starts_and_hides_contact_details() -> None:
    before = "word " * 40 + "end"
    row = {"id": "alba", "name": "Alba", "description": before + " ann@alba.example"}
    told = plan(file(row), stored=state(replace(ALBA_STORED, description=before))).lines()[1]
    assert told == (
        "alba: description '…d word word word end' -> '…d word word word end [hidden until you are introduced]'"
    )


def test_the_json_holds_plain_values() -> None:
    planned = plan(file({"id": "alba", "name": "A"}), stored=state(ALBA_STORED, Organisation(id=BOREA, name="B")))
    assert json.loads(json.dumps(planned.as_dict())) == {
        "organisations": {"new": 0, "changed": 1, "unchanged": 0, "refused": 0},
        "new": [],
        "changed": [
            {
                **{"table": "organisations", "id": "alba", "file": "f.csv", "line": 2, "is_new": False},
                **{"fields": [{"field": "name", "stored": "Alba", "offered": "A"}], "contact": False},
            }
        ],
        "refused": [],
        "kept": [],
        "vanished": [{"table": "organisations", "id": "borea", "file": "f.csv"}],
        "warnings": [],
        "notes": [],
    }


@given(st.permutations([{"id": id_, "name": id_.title()} for id_ in ("alba", "borea", "ciano")]))
def test_the_order_of_rows_changes_nothing_of_what_is_stored(rows: list[dict[str, str]]) -> None:
    assert plan(file(*rows)).organisations == plan(file(*sorted(rows, key=lambda row: row["id"]))).organisations


def test_importing_the_example_twice_changes_nothing_the_second_time(database: Database) -> None:
    paths = [artefact("data", "example", name) for name in ("listings.csv", "organisations.csv")]
    first, revision = import_into(database, *paths)
    again, none = import_into(database, *paths)
    assert first.refused == ()
    listings, organisations = (len(spreadsheets.read(path).rows) for path in paths)
    assert first.counts == {Table.ORGANISATIONS: Counts(new=organisations), Table.LISTINGS: Counts(new=listings)}
    unchanged = {Table.ORGANISATIONS: Counts(unchanged=organisations), Table.LISTINGS: Counts(unchanged=listings)}
    assert again.counts == unchanged
    assert (again.changes, again.kept, again.vanished, again.warnings, again.notes) == ((), (), (), (), ())
    assert (revision, none) == (1, None)


def test_good_rows_are_stored_beside_refused_ones_unless_strict(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    spreadsheets.write(path, ("id", "name", "sectors"), [("alba", "Alba", ""), ("borea", "Borea", "thrid")])
    assert import_into(database, path, strict=True)[1] is None
    with database.read() as connection:
        assert members.organisations(connection) == {}
    assert import_into(database, path)[1] == 1
    with database.read() as connection:
        stored = members.organisations(connection)
    assert stored == {ALBA: Stored(Organisation(id=ALBA, name="Alba"), frozenset(), "o.csv", 1)}


def test_an_edit_in_the_store_outlives_the_next_import(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    spreadsheets.write(path, ("id", "name", "description"), [("alba", "Alba", "We host.")])
    import_into(database, path)
    with database.write() as connection:
        members.edit(connection, "alba", {"description": "We host and cook."})
    planned, revision = import_into(database, path)
    assert [kept.difference.stored for kept in planned.kept] == ["We host and cook."]
    assert revision is None


def test_one_unreadable_file_stops_the_whole_import(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(spreadsheets.UnreadableFileError, match=r"empty\.csv: the file is empty"):
        importing.read([artefact("data", "example", "organisations.csv"), tmp_path / "empty.csv"], WORDS)

"""Import after export is the identity."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher import vocabulary
from matcher.artefacts import artefact
from matcher.places import TableGazetteer
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
from service import importing, spreadsheets
from service.columns import HEADERS, Table, cells, parse
from service.exporting import export
from service.store import members
from service.store.database import Database

WORDS = vocabulary.load(artefact("data", "vocabulary"))
PLACES = TableGazetteer(artefact("data", "vocabulary", "places.csv"))
ALBA, BOREA = OrganisationId("alba"), OrganisationId("borea")

letters = st.characters(exclude_categories=["Cc", "Cs"])
prose = st.text(letters | st.sampled_from("\n\t=+-@'\";,")).filter(lambda text: not text or bool(text.strip()))
line = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=100).map(str.strip)
item = line.map(lambda text: text.replace(";", ",").strip()).filter(bool)
items = st.lists(item, max_size=3, unique=True).map(tuple)
ids = st.text("aB3_.:-", min_size=1, max_size=100).filter(lambda one: one not in (".", ".."))
count = st.none() | st.integers(0, 999_999_999)
day = st.none() | st.dates()


def some(keys: object) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(sorted(keys)), max_size=3, unique=True).map(tuple)  # type: ignore[call-overload]


organisations = st.builds(
    Organisation,
    id=ids.map(OrganisationId),
    name=line.filter(bool),
    standing=st.sampled_from(Standing),
    sectors=some(WORDS.sectors),
    size=st.sampled_from(["", *WORDS.sizes]),
    roles=some(WORDS.roles),
    description=prose,
    places=items,
    identifiers=items,
    attention_cap=count,
    excludes=st.lists(st.builds(Exclusion, ids, item | st.just("")), max_size=3, unique=True).map(tuple),
)
listings = st.builds(
    Listing,
    id=ids.map(ListingId),
    organisation=ids.map(OrganisationId),
    kind=st.sampled_from([Kind.NEED, Kind.OFFER]),
    text=prose.filter(bool),
    resource=st.sampled_from(["", *WORDS.resources]),
    themes=some(WORDS.themes),
    places=items,
    remote=st.booleans(),
    capacity=count,
    opens=st.none() | st.dates(max_value=date(2026, 1, 1)),
    closes=st.none() | st.dates(min_value=date(2026, 1, 1)),
    evidence=prose,
    gain=prose,
    visibility=st.sampled_from(Visibility),
)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return empty(tmp_path / "members.db")


def empty(path: Path) -> Database:
    database = Database(f"sqlite:///{path}")
    database.migrate()
    return database


def import_into(database: Database, paths: list[Path]) -> importing.Plan:
    with database.write() as connection:
        stored = importing.state(connection)
        planned = importing.plan(importing.read(paths, WORDS), stored, gazetteer=PLACES)
        importing.apply(connection, planned)
    return planned


def records(database: Database) -> tuple[list[Organisation], list[Listing], dict[OrganisationId, Contact]]:
    with database.read() as connection:
        return (
            [stored.record for stored in members.organisations(connection).values()],
            [stored.record for stored in members.listings(connection).values()],
            members.contacts(connection),
        )


@pytest.mark.parametrize("contacts", [True, False])
def test_importing_an_export_into_the_same_store_changes_nothing(
    database: Database, tmp_path: Path, contacts: bool
) -> None:
    import_into(database, [artefact("data", "example", name) for name in ("organisations.csv", "listings.csv")])
    with database.read() as connection:
        paths = export(connection, tmp_path / "out" / "here", contacts=contacts)
    planned = import_into(database, paths)
    assert (planned.changes, planned.refused, planned.kept, planned.vanished) == ((), (), (), ())
    assert planned.sources == {}


def test_importing_an_export_into_an_empty_store_gives_the_same_records(database: Database, tmp_path: Path) -> None:
    import_into(database, [artefact("data", "example", name) for name in ("organisations.csv", "listings.csv")])
    with database.read() as connection:
        paths = export(connection, tmp_path, contacts=True)
    other = empty(tmp_path / "other.db")
    import_into(other, paths)
    assert records(other) == records(database)


def test_an_exported_example_is_the_example_cell_by_cell(database: Database, tmp_path: Path) -> None:
    example = [artefact("data", "example", name) for name in ("organisations.csv", "listings.csv")]
    import_into(database, example)
    with database.read() as connection:
        paths = export(connection, tmp_path, contacts=True)
    for before, after in zip(example, paths, strict=True):
        assert by_id(spreadsheets.read(after)) == by_id(spreadsheets.read(before))


def by_id(sheet: spreadsheets.Sheet) -> dict[str, dict[str, str]]:
    return {row.cells["id"]: row.cells for row in sheet.rows}


def test_contact_details_are_exported_only_where_asked_for(database: Database, tmp_path: Path) -> None:
    with database.write() as connection:
        alba = Organisation(id=ALBA, name="Alba")
        contact = Contact(organisation=ALBA, name="Ann", email="ann@alba.example")
        members.save(
            connection, organisations={ALBA: alba, BOREA: Organisation(id=BOREA, name="B")}, contacts=[contact]
        )
    with database.read() as connection:
        without = export(connection, tmp_path / "without")
        with_ = export(connection, tmp_path / "with", contacts=True)
    assert not any(b"ann" in path.read_bytes().lower() for path in without)
    assert [path.name for path in without] == ["organisations.csv", "listings.csv"]
    assert with_[0].read_text("utf-8-sig").splitlines()[1:] == [
        "alba,Alba,listed,,,,,,,,,Ann,ann@alba.example",
        "borea,B,listed,,,,,,,,,,",
    ]


@pytest.fixture
def talkative(database: Database) -> Database:
    """Alba and a need of hers, with contact details in every text."""
    alba = Organisation(id=ALBA, name="Alba", description="We cook.\nRing 0113 496 0000")
    need = Listing(
        id=ListingId("n1"),
        organisation=ALBA,
        kind=Kind.NEED,
        text="A van. Write to ann@alba.example",
        evidence="see https://alba.example/vans",
        gain="lunch at 12 Mill Lane, Leeds LS1 4AB",
    )
    with database.write() as connection:
        members.save(connection, organisations={alba.id: alba}, listings={need.id: need})
    return database


PROSE = ("description", "text", "evidence", "gain")


def told(paths: list[Path]) -> dict[str, str]:
    rows = [row.cells for path in paths for row in spreadsheets.read(path).rows]
    return {name: row[name] for row in rows for name in PROSE if name in row}


def test_without_contacts_the_contact_details_inside_texts_are_masked(talkative: Database, tmp_path: Path) -> None:
    with talkative.read() as connection:
        without, with_ = export(connection, tmp_path / "no"), export(connection, tmp_path / "yes", contacts=True)
    hidden = "[hidden until you are introduced]"
    assert told(without) == {
        "description": f"We cook.\nRing {hidden}",
        "text": f"A van. Write to {hidden}",
        "evidence": f"see {hidden}",
        "gain": f"lunch at {hidden}",
    }
    assert told(with_) == {
        "description": "We cook.\nRing 0113 496 0000",
        "text": "A van. Write to ann@alba.example",
        "evidence": "see https://alba.example/vans",
        "gain": "lunch at 12 Mill Lane, Leeds LS1 4AB",
    }


def test_importing_a_masked_export_into_the_same_store_changes_nothing(talkative: Database, tmp_path: Path) -> None:
    before = records(talkative)
    with talkative.read() as connection:
        paths = export(connection, tmp_path)
    planned = import_into(talkative, paths)
    assert (planned.changes, planned.refused, planned.kept) == ((), (), ())
    assert records(talkative) == before


def test_a_masked_export_somebody_wrote_in_is_a_change(talkative: Database, tmp_path: Path) -> None:
    with talkative.read() as connection:
        path = export(connection, tmp_path)[1]
    path.write_text(path.read_text("utf-8").replace("A van.", "Two vans."), "utf-8")
    planned = import_into(talkative, [path])
    assert [[difference.field for difference in change.fields] for change in planned.changes] == [["text"]]


def test_a_formula_is_neutralised_in_the_file_and_whole_again_after_import(database: Database, tmp_path: Path) -> None:
    alba = Organisation(id=ALBA, name='=HYPERLINK("x")', description="'=1+1", places=("-1",))
    with database.write() as connection:
        members.save(connection, organisations={ALBA: alba})
    with database.read() as connection:
        paths = export(connection, tmp_path)
    assert paths[0].read_text("utf-8-sig").splitlines()[1] == ('alba,"\'=HYPERLINK(""x"")",listed,,,,\'\'=1+1,\'-1,,,')
    other = empty(tmp_path / "other.db")
    import_into(other, paths)
    assert records(other)[0] == [alba]


@given(organisations, listings)
def test_any_record_import_accepts_is_the_same_after_export_and_import(
    tmp_path_factory: pytest.TempPathFactory, organisation: Organisation, listing: Listing
) -> None:
    folder = tmp_path_factory.mktemp("out")
    for table, record in ((Table.ORGANISATIONS, organisation), (Table.LISTINGS, listing)):
        row = cells(record)
        header = [column for column in HEADERS[table] if column in row]
        spreadsheets.write(folder / "table.csv", header, [[row[column] for column in header]])
        parsed = parse(spreadsheets.read(folder / "table.csv"), WORDS)
        assert [str(refusal) for refusal in parsed.refused] == []
        assert [each.record for each in parsed.rows] == [record]

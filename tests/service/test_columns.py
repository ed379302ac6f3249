"""Rows as records: our own columns, mapping files, and what is refused with what would be accepted."""

from datetime import date
from pathlib import Path

import pytest

from matcher import vocabulary
from matcher.artefacts import artefact
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
from service.columns import (
    ColumnMap,
    MappingError,
    Parsed,
    ParsedRow,
    Table,
    UnknownTableError,
    cells,
    load_map,
    parse,
    without_case_data,
)
from service.spreadsheets import Fault, Row, Sheet, read

WORDS = vocabulary.load(artefact("data", "vocabulary"))
ALBA = OrganisationId("alba")
LISTING = {"id": "n1", "organisation": "alba", "kind": "need", "text": "A hall on Tuesdays"}


def sheet(*rows: dict[str, str]) -> Sheet:
    return Sheet("f.csv", tuple(rows[0]), tuple(Row(line, row) for line, row in enumerate(rows, 2)))


def refusals(row: dict[str, str]) -> list[tuple[str, str, str]]:
    parsed = parse(sheet(row), WORDS)
    assert not parsed.rows
    return [(refusal.column, refusal.value, refusal.wanted) for refusal in parsed.refused]


def map_file(folder: Path, text: str) -> Path:
    path = folder / "map.toml"
    path.write_text(text, "utf-8")
    return path


def test_an_organisation_is_read_from_our_own_columns() -> None:
    row = {
        "id": "alba",
        "name": " Alba ",
        "standing": "Member",
        "sectors": "public; Voluntary;public",
        "size": "Small",
        "roles": "skills-provider",
        "description": " Two\r\nlines ",
        "places": "Leeds; Kent and Medway ;",
        "identifiers": "GB-CHC-1",
        "attention_cap": "2",
        "excludes": "sector:Private (ethics; mostly (really)); borea (competitor); role:funder",
        "contact_name": "Ann",
        "contact_email": "ann@alba.example",
    }
    alba = Organisation(
        id=ALBA,
        name="Alba",
        standing=Standing.MEMBER,
        sectors=("public", "voluntary"),
        size="small",
        roles=("skills-provider",),
        description=" Two\nlines ",
        places=("Leeds", "Kent and Medway"),
        identifiers=("GB-CHC-1",),
        attention_cap=2,
        excludes=(
            Exclusion("sector:private", "ethics; mostly (really)"),
            Exclusion("borea", "competitor"),
            Exclusion("role:funder"),
        ),
    )
    spoken = frozenset(row) - {"id", "contact_name", "contact_email"}
    contact = Contact(organisation=ALBA, name="Ann", email="ann@alba.example")
    assert parse(sheet(row), WORDS) == Parsed(
        "f.csv", Table.ORGANISATIONS, (ParsedRow(2, alba, spoken, contact),), (), frozenset({"alba"}), ()
    )


def test_a_listing_is_read_from_our_own_columns() -> None:
    row = LISTING | {
        **{"resource": "space", "themes": "isolation", "places": "Leeds", "remote": "Y", "capacity": "0"},
        **{"opens": "1/2/2026", "closes": "2026-12-31", "evidence": "e", "gain": "g", "visibility": "partners"},
    }
    listing = Listing(
        id=ListingId("n1"),
        organisation=ALBA,
        kind=Kind.NEED,
        text="A hall on Tuesdays",
        resource="space",
        themes=("isolation",),
        places=("Leeds",),
        remote=True,
        capacity=0,
        opens=date(2026, 2, 1),
        closes=date(2026, 12, 31),
        evidence="e",
        gain="g",
        visibility=Visibility.PARTNERS,
    )
    assert parse(sheet(row), WORDS).rows == (ParsedRow(2, listing, frozenset(row) - {"id"}),)


def test_empty_cells_are_the_fields_defaults_and_say_nothing_of_standing_or_visibility() -> None:
    row = LISTING | {"capacity": "", "remote": "", "visibility": "", "opens": "", "resource": "", "gain": "  "}
    listing = Listing(id=ListingId("n1"), organisation=ALBA, kind=Kind.NEED, text="A hall on Tuesdays")
    spoken = frozenset({"organisation", "kind", "text", "capacity", "remote", "opens", "resource", "gain"})
    assert parse(sheet(row), WORDS).rows == (ParsedRow(2, listing, spoken),)


def test_columns_that_are_not_known_are_left_out_and_noted() -> None:
    parsed = parse(sheet(LISTING | {"colour": "red"}), WORDS)
    assert len(parsed.rows) == 1
    assert parsed.notes == ("f.csv: column 'colour' is not known and was left out",)


def test_a_spreadsheet_of_neither_kind_says_what_it_has_and_what_is_needed() -> None:
    with pytest.raises(UnknownTableError) as error:
        parse(sheet({"colour": "red", "shape": "round"}), WORDS)
    assert str(error.value) == (
        "f.csv: the columns are colour, shape; organisations need name; listings need organisation, kind, text."
        " Rename them, or say what they hold with --columns MAP.toml"
    )


@pytest.mark.parametrize(
    ("column", "value", "shown", "wanted"),
    [
        ("kind", "profile", "profile", "need or offer"),
        ("kind", "", "", "need or offer"),
        ("text", "  ", "  ", "a text in the organisation's own words"),
        ("text", "x" * 200_000, "x" * 79 + "…", "at most 20,000 characters; this has 200,000"),
        ("text", "a\x07b", "a\\x07b", "no control character (here U+0007): type the text anew"),
        ("text", "a\ud800b", "a\\ud800b", "no control character (here U+D800): type the text anew"),
        ("capacity", "-1", "-1", "a whole number from 0 on, or nothing"),
        ("capacity", "2.5", "2.5", "a whole number from 0 on, or nothing"),
        ("capacity", "٣", "٣", "a whole number from 0 on, or nothing"),
        ("opens", "2026-02-30", "2026-02-30", "a day: 2026-12-31 or 31/12/2026"),
        ("opens", "12/31/2026", "12/31/2026", "a day: 2026-12-31 or 31/12/2026"),
        ("remote", "perhaps", "perhaps", "yes or no"),
        ("resource", "spaces", "spaces", "space"),
        ("themes", "isolation; isolatoin", "isolatoin", "isolation"),
        ("visibility", "all", "all", "network or partners or coordinators"),
        ("id", "profile:alba", "profile:alba", "an id that does not start with 'profile:'"),
        ("id", "..", "..", "an id: 1 to 100 letters (a-z), digits, or - _ . :"),
        ("id", "a b", "a b", "an id: 1 to 100 letters (a-z), digits, or - _ . :"),
        ("id", "x" * 101, "x" * 79 + "…", "an id: 1 to 100 letters (a-z), digits, or - _ . :"),
        ("organisation", "", "", "an id: 1 to 100 letters (a-z), digits, or - _ . :"),
    ],
)
def test_a_refused_cell_of_a_listing_says_what_would_be_accepted(
    column: str, value: str, shown: str, wanted: str
) -> None:
    assert refusals(LISTING | {column: value}) == [(column, shown, wanted)]


@pytest.mark.parametrize(
    ("column", "value", "shown", "wanted"),
    [
        ("name", "", "", "the organisation's name"),
        ("name", "Alba\nBcc: x", "Alba\\nBcc: x", "one line"),
        ("name", "A" * 201, "A" * 79 + "…", "a name of at most 200 characters; this has 201"),
        ("sectors", "public; thrid", "thrid", "public or private or voluntary or academic"),
        ("standing", "boss", "boss", "listed or invited or member"),
        ("size", "huge", "huge", "micro or small or medium or large"),
        ("attention_cap", "-2", "-2", "a whole number from 0 on, or nothing"),
        ("excludes", "sector:thrid", "thrid", "public or private or voluntary or academic"),
        ("contact_email", "ann at alba", "a… (contact details are not shown)", "one mail address: name@example.org"),
        ("contact_email", "a@b.example\nBcc: c@d.example", "a… (contact details are not shown)", "one line"),
    ],
)
def test_a_refused_cell_of_an_organisation_says_what_would_be_accepted(
    column: str, value: str, shown: str, wanted: str
) -> None:
    assert refusals({"id": "alba", "name": "Alba", column: value}) == [(column, shown, wanted)]


def test_every_wrong_cell_of_a_row_is_named_at_once() -> None:
    assert [column for column, _, _ in refusals(LISTING | {"kind": "x", "capacity": "y"})] == ["kind", "capacity"]


def test_a_refusal_is_a_sentence_that_hides_contact_details_in_free_text() -> None:
    parsed = parse(sheet(LISTING | {"text": "Write to ann@alba.example\x00"}), WORDS)
    assert [str(refusal) for refusal in parsed.refused] == [
        "f.csv, line 2, column text: 'Write to [hidden until you are introduced]\\x00' is refused;"
        " wanted: no control character (here U+0000): type the text anew"
    ]


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("capacity", "ask ann@alba.example", "ask [hidden until you are introduced]"),
        ("kind", "0113 496 0000", "[hidden until you are introduced]"),
        ("resource", "www.alba.example", "[hidden until you are introduced]"),
        ("closes", "ring 0113 496 0000", "ring [hidden until you are introduced]"),
        ("id", "ann@alba.example", "ann@alba.example"),
        ("organisation", "ann@alba.example", "ann@alba.example"),
    ],
)
def test_a_refusal_hides_contact_details_in_every_column_but_ids(column: str, value: str, shown: str) -> None:
    assert [refusal[:2] for refusal in refusals(LISTING | {column: value})] == [(column, shown)]


def test_a_listing_that_closes_before_it_opens_is_refused() -> None:
    row = LISTING | {"opens": "2026-05-02", "closes": "2026-05-01"}
    assert refusals(row) == [("closes", "2026-05-01", "2026-05-02, when it opens, or a later day")]


def test_every_further_row_of_an_id_is_refused_naming_the_first() -> None:
    parsed = parse(sheet(LISTING, LISTING | {"text": "Another"}, LISTING), WORDS)
    assert [row.record.id for row in parsed.rows] == ["n1"]
    assert [str(refusal) for refusal in parsed.refused] == [
        f"f.csv, line {line}, column id: 'n1' is refused; wanted: an id used once; line 2 has it too" for line in (3, 4)
    ]


def test_a_formula_keeps_its_row_out_unless_nobody_reads_its_column() -> None:
    formula = Fault("text", "=A1", "a value instead of the formula in D2")
    rows = (
        Row(2, LISTING | {"text": "=A1"}, (formula,)),
        Row(3, LISTING | {"id": "n2"}, (Fault("colour", "=A1", "a value"),)),
        Row(4, LISTING | {"id": "n3"}, (Fault("", "20 cells", "15 cells"),)),
    )
    parsed = parse(Sheet("f.csv", (*LISTING, "colour"), rows), WORDS)
    assert [row.record.id for row in parsed.rows] == ["n2"]
    assert [str(refusal) for refusal in parsed.refused] == [
        "f.csv, line 2, column text: '=A1' is refused; wanted: a value instead of the formula in D2",
        "f.csv, line 4: '20 cells' is refused; wanted: 15 cells",
    ]
    assert parsed.ids == {"n1", "n2", "n3"}


def test_rows_without_an_id_get_one_from_organisation_kind_and_text_however_spaced() -> None:
    row = {name: value for name, value in LISTING.items() if name != "id"}
    others = [row | {"text": "A hall  on\nTuesdays"}, row | {"kind": "offer"}]
    first, again, offer = (parse(sheet(each), WORDS).rows[0].record.id for each in (row, *others))
    assert first == "alba-b29c9d42da"
    assert again == first
    assert offer != first


@pytest.mark.parametrize(
    ("name", "id_"), [("St Gerard's Café & Co", "st-gerards-cafe-co"), ("日本", "organisation-cf2abf0c5b")]
)
def test_an_organisation_without_an_id_gets_its_name_as_one(name: str, id_: str) -> None:
    assert [row.record.id for row in parse(sheet({"name": name}), WORDS).rows] == [id_]


def test_two_organisations_that_would_get_the_same_id_are_told_apart_by_refusing_the_second() -> None:
    parsed = parse(sheet({"name": "Alba"}, {"name": "ALBA!"}), WORDS)
    assert [refusal.line for refusal in parsed.refused] == [3]


def test_a_record_as_cells_is_what_reading_them_gives() -> None:
    for path in ("organisations.csv", "listings.csv"):
        file = read(artefact("data", "example", path))
        parsed = parse(file, WORDS)
        assert parsed.refused == ()
        assert [cells(row.record, row.contact) | row_cells(row) for row in parsed.rows] == [
            row.cells for row in file.rows
        ]


def row_cells(row: ParsedRow) -> dict[str, str]:
    """An organisation without a contact has empty cells for one."""
    return {} if row.contact or isinstance(row.record, Listing) else {"contact_name": "", "contact_email": ""}


def test_a_mapping_file_fits_somebody_elses_columns(tmp_path: Path) -> None:
    path = map_file(
        tmp_path,
        """
        table = "organisations"
        tidy = ["description"]
        calm = ["name", "description"]
        [columns]
        id = "Charity Number"
        name = "TITLE"
        description = ["what", "why"]
        [constants]
        sectors = ["voluntary", "public"]
        [from_income]
        size = "income"
        """,
    )
    charity = {"charity_number": "GB-CHC-1", "title": "ST ANNE'S NHS FRIENDS OF O'BRIEN (ALBA) LTD"}
    row = charity | {
        "what": "We\t meet\n daily",
        "why": "TO MEET. TO EAT AT THE YMCA",
        "income": "£100,001",
        "other": "x",
    }
    alba = Organisation(
        id=OrganisationId("GB-CHC-1"),
        name="St Anne's NHS Friends of O'Brien (ALBA) Ltd",
        sectors=("voluntary", "public"),
        size="small",
        description="We meet daily. To meet. To eat at the YMCA",
    )
    parsed = parse(sheet(row), WORDS, load_map(path))
    assert parsed.rows == (ParsedRow(2, alba, frozenset({"name", "description", "sectors", "size"})),)
    assert parsed.notes == ()


@pytest.mark.parametrize(
    ("what", "why", "description"),
    [
        ("To teach.", "TO TEACH", "To teach."),
        ("We teach", "We teach in Leeds", "We teach in Leeds"),
        ("", "We teach", "We teach"),
        ("the trust\x92s \xe2\x80\x9cobjects\xe2\x80\x9d\x07", "", "the trust’s “objects”"),
        ("Café à la carte", "", "Café à la carte"),
    ],
)
def test_joined_parts_are_mended_and_never_say_the_same_twice(what: str, why: str, description: str) -> None:
    columns = {"name": ("name",), "description": ("what", "why")}
    column_map = ColumnMap("map.toml", Table.ORGANISATIONS, columns, tidy=frozenset({"description"}))
    record = parse(sheet({"name": "Alba", "what": what, "why": why}), WORDS, column_map).rows[0].record
    assert record == Organisation(id=ALBA, name="Alba", description=description)


@pytest.mark.parametrize(
    ("income", "size"), [("", ""), ("0", "micro"), ("100000.0", "micro"), ("100000.5", "small"), ("99999999", "large")]
)
def test_size_follows_from_income(income: str, size: str) -> None:
    column_map = ColumnMap("map.toml", Table.ORGANISATIONS, {"name": ("name",)}, income="income")
    row = parse(sheet({"name": "Alba", "income": income}), WORDS, column_map).rows[0]
    assert row.record == Organisation(id=ALBA, name="Alba", size=size)


def test_an_income_that_is_none_is_refused_under_their_columns_name() -> None:
    column_map = ColumnMap("map.toml", Table.ORGANISATIONS, {"name": ("name",)}, income="income")
    parsed = parse(sheet({"name": "Alba", "income": "-5"}), WORDS, column_map)
    assert [str(refusal) for refusal in parsed.refused] == [
        "f.csv, line 2, column income: '-5' is refused; wanted: a yearly income in pounds: 75186 or £75,186"
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("table = ", "no TOML"),
        ('table = "people"', "table = 'people' is not known; known: organisations, listings"),
        ('table = "listings"\nsheet = 1', "entry 'sheet' is not known; known: table, tidy, calm, columns"),
        ('table = "organisations"\n[columns]\ntitle = "x"', "field in [columns] 'title' is not known; known: id, name"),
        ('table = "organisations"\n[columns]\nname = 3', 'name must be a text in quotes, or several: ["…", "…"]'),
        ('table = "organisations"\ncolumns = "name"', "columns must be a table: a line [columns]"),
        ('table = "organisations"\ncalm = ["nam"]', "field in calm 'nam' is not known"),
        ('table = "listings"\n[columns]\ntext = "t"', "listings need organisation and kind; say in [columns]"),
        (
            'table = "organisations"\n[columns]\nname = "x"\n[constants]\nname = "y"',
            "the field 'name' is given twice; keep one",
        ),
        ('table = "organisations"\n[columns]\nname = "n"\n[from_income]\nname = "x"', "field in [from_income] 'name'"),
    ],
)
def test_a_wrong_mapping_file_says_what_is_known(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(MappingError) as error:
        load_map(map_file(tmp_path, text))
    assert "map.toml" in str(error.value)
    assert says in str(error.value)


def test_a_missing_mapping_file_and_one_that_does_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"absent\.toml: No such file or directory"):
        load_map(tmp_path / "absent.toml")
    column_map = ColumnMap("map.toml", Table.ORGANISATIONS, {"name": ("title",)})
    with pytest.raises(MappingError, match=r"f\.csv: the columns are colour; map\.toml also reads title: correct"):
        parse(sheet({"colour": "red"}), WORDS, column_map)


def test_a_spreadsheet_in_our_own_columns_needs_no_mapping_beside_one_that_does() -> None:
    column_map = ColumnMap("map.toml", Table.ORGANISATIONS, {"name": ("title",)})
    assert parse(sheet(LISTING), WORDS, column_map).table is Table.LISTINGS


def test_the_mapping_of_the_charity_classification_reads_its_columns() -> None:
    column_map = load_map(artefact("data", "columns", "ukcat.toml"))
    row = {
        **{"org_id": "GB-CHC-1000003", "name": "SOUTHERN AFRICA RESOURCES CENTRE", "postcode": "BS3 2BN"},
        **{"activities": "To teach", "objects": "TO TEACH", "income": "75186.0", "source": "CCEW"},
    }
    assert [parsed.record for parsed in parse(sheet(row), WORDS, column_map).rows] == [
        Organisation(
            id=OrganisationId("GB-CHC-1000003"),
            name="Southern Africa Resources Centre",
            sectors=("voluntary",),
            size="micro",
            roles=("community-organisation",),
            description="To teach",
            places=("BS3 2BN",),
            identifiers=("GB-CHC-1000003",),
        )
    ]


CHARITIES = Path(__file__).parents[3] / "shared" / "collections" / "ukcat" / "charities.csv"


@pytest.mark.skipif(not CHARITIES.exists(), reason="the UK charity classification is not beside this checkout")
def test_every_charity_of_the_classification_is_an_organisation() -> None:
    column_map = load_map(artefact("data", "columns", "ukcat.toml"))
    parsed = parse(read(CHARITIES), WORDS, column_map)
    records = [row.record for row in parsed.rows]
    assert (len(records), parsed.refused) == (2078, ())
    assert all(one.id.startswith("GB-") and one.identifiers == (one.id,) for one in records)  # type: ignore[union-attr]
    assert sum(bool(one.description) for one in records) == 2078  # type: ignore[union-attr]
    assert sum(bool(one.size) for one in records) == 2078 - 135  # type: ignore[union-attr]  # no income, no size


def test_a_row_about_one_person_is_refused_and_not_repeated() -> None:
    rows = [
        {"organisation": "alba", "kind": "need", "text": "A bed for 943 476 5919", "gain": ""},
        {"organisation": "alba", "kind": "need", "text": "Ten beds, 943 476 5918 of them"},
        {"organisation": "alba", "kind": "need", "text": "Shoes", "gain": "For a boy, d.o.b. 03/05/2014"},
    ]
    parsed = without_case_data(parse(sheet(*rows), WORDS))
    assert [row.record.text for row in parsed.rows] == ["Ten beds, 943 476 5918 of them"]
    assert [(one.line, one.column, one.value) for one in parsed.refused] == [(2, "text", "…"), (4, "gain", "…")]
    assert "Leave out an NHS number: that is never saved here" in str(parsed.refused[0])
    assert "943" not in " ".join(map(str, parsed.refused))

"""The example network: imported once, its week's round released once, and nobody else's network touched."""

from pathlib import Path
from typing import Any

import pytest

from matcher.artefacts import artefact
from matcher.records import Organisation, OrganisationId, Standing
from service import demo, spreadsheets
from service.columns import Table
from service.demo import NotTheExampleError
from service.importing import Counts
from service.store import members
from service.store.database import Database


def rows(name: str) -> int:
    return len(spreadsheets.read(artefact("data", "example", name)).rows)


def test_the_example_is_imported_whole_and_the_second_time_unchanged(database: Database, make: Any) -> None:
    commonweal = make(database)
    organisations, listings = rows("organisations.csv"), rows("listings.csv")
    assert demo.import_example(commonweal).counts == {
        Table.ORGANISATIONS: Counts(new=organisations),
        Table.LISTINGS: Counts(new=listings),
    }
    assert demo.import_example(commonweal).counts == {
        Table.ORGANISATIONS: Counts(unchanged=organisations),
        Table.LISTINGS: Counts(unchanged=listings),
    }
    assert len(demo.organisations(commonweal)) == organisations
    with commonweal.database.read() as connection:
        assert members.changes(connection, -1).revision == 1


@pytest.mark.parametrize("source", ["organisations.csv", "members.xlsx"])
def test_somebodys_own_network_is_left_alone_whatever_its_file_was_called(
    database: Database, make: Any, source: str
) -> None:
    own = Organisation(id=OrganisationId("alba"), name="Alba", standing=Standing.MEMBER)
    with database.write() as connection:
        members.save(connection, organisations={own.id: own}, sources={own.id: source})
    with pytest.raises(NotTheExampleError) as raised:
        demo.import_example(make(database))
    assert str(raised.value) == (
        f"{database} holds organisations that are not the example's, such as 'alba'. "
        "Set COMMONWEAL_HOME to another folder for the demo"
    )
    assert demo.organisations(make(database)) == {own.id: own}


def test_a_week_that_was_released_is_shown_as_it_was(commonweal: Any) -> None:
    first = demo.run_round(commonweal, "2026-W48")
    assert (first.revision, first.released_at) == (1, commonweal.now())
    assert [one.pair for one in first.suggestions] == [("alba-n1", "borea-o1")]
    assert demo.run_round(commonweal, "2026-W48") == first


def test_the_mails_lie_in_a_folder_of_their_week(commonweal: Any, tmp_path: Path) -> None:
    demo.run_round(commonweal, "2026-W48")
    folder, written = demo.write_digests(commonweal, "2026-W48")
    assert folder == tmp_path / "mails" / "2026-W48"
    assert written == [folder / "alba.eml", folder / "borea.eml"]

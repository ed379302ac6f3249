"""The live network: always what the store has now, whoever wrote it, and nothing encoded twice."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matcher.assembling import Core
from matcher.encoding import Encoded
from matcher.passages import Passage
from matcher.records import Kind, Listing, ListingId, Organisation, OrganisationId
from matcher.testing import HashEncoder
from service.settings import Settings
from service.store import backups, members
from service.store.database import Database, DatabaseError
from service.wiring import Commonweal

Make = Callable[[Database], Commonweal]
OTHERS = """
import sys
from service.store import members
from service.store.database import Database
with Database(sys.argv[1]).write() as connection:
    members.edit(connection, sys.argv[2], {"text": sys.argv[3]})
"""


def edit_in_another_process(database: Database, listing: str, text: str) -> None:
    url = database.url.render_as_string(hide_password=False)
    subprocess.run([sys.executable, "-c", OTHERS, url, listing, text], check=True)


class Recording(HashEncoder):
    """Remembers what it was asked to encode."""

    def __init__(self, name: str = HashEncoder.name) -> None:
        self.name = name
        self.encoded: list[str] = []

    def encode(self, passages: Sequence[Passage]) -> list[Encoded]:
        self.encoded += [passage.text for passage in passages]
        return super().encode(passages)


def with_encoder(commonweal: Commonweal, encoder: HashEncoder) -> Commonweal:
    commonweal.core = replace(commonweal.core, encoder=encoder)
    return commonweal


def test_settings_choose_the_database_and_the_clock_stands_where_it_is_put(tmp_path: Path) -> None:
    commonweal = Commonweal(Settings(home=tmp_path, encoder="hash"))
    assert str(commonweal.database) == f"sqlite:///{tmp_path / 'commonweal.db'}"
    assert commonweal.now().utcoffset() is not None
    assert commonweal.versions == {
        "code": "0.1.0",
        "encoder": HashEncoder.name,
        "ranker": commonweal.core.ranker.version,
    }


def test_the_first_answer_holds_everything_and_the_next_the_very_same(commonweal: Commonweal) -> None:
    assert not commonweal.live.is_ready
    network = commonweal.live.current()
    assert commonweal.live.is_ready
    assert (sorted(network.organisations), sorted(network.listings)) == (
        ["alba", "borea", "ciano"],
        ["alba-n1", "borea-o1"],
    )
    assert network.revision == 1
    assert commonweal.live.current() is network


def test_an_edit_of_another_process_is_in_the_next_answer(commonweal: Commonweal) -> None:
    before = commonweal.live.current()
    edit_in_another_process(commonweal.database, "alba-n1", "A hall for sixty on Sundays")
    network = commonweal.live.current()
    assert network.listings[ListingId("alba-n1")].text == "A hall for sixty on Sundays"
    assert network.needs.entries[0].listing.text == "A hall for sixty on Sundays"
    assert (before.revision, network.revision) == (1, 2)
    assert before.listings[ListingId("alba-n1")].text != "A hall for sixty on Sundays"


def test_nothing_is_encoded_twice(commonweal: Commonweal, make: Make) -> None:
    first = with_encoder(commonweal, Recording())
    first.live.current()
    texts = list(first.core.encoder.encoded)
    assert len(texts) == len(set(texts)) == 3  # two listings, and the profile of who has listed nothing
    edit_in_another_process(commonweal.database, "alba-n1", "A hall for sixty on Sundays")
    first.live.current()
    assert first.core.encoder.encoded[3:] == ["A hall for sixty on Sundays"]
    second = with_encoder(make(commonweal.database), Recording())
    network = second.live.current()
    assert second.core.encoder.encoded == []
    assert np.array_equal(network.needs.entries[0].vectors, first.live.current().needs.entries[0].vectors)


def test_vectors_of_another_encoder_are_not_used(commonweal: Commonweal, make: Make) -> None:
    with_encoder(commonweal, Recording()).live.current()
    other = with_encoder(make(commonweal.database), Recording("other/1"))
    other.live.current()
    assert len(other.core.encoder.encoded) == 3
    assert other.vectors.encoders() == {HashEncoder.name: 3, "other/1": 3}


def test_a_restored_backup_is_read_anew(sqlite: Database, make: Make, tmp_path: Path) -> None:
    """Also where it ends at the very revision that was known before."""
    alba = Organisation(id=OrganisationId("alba"), name="Alba", description="Before")
    save(sqlite, alba)
    backups.backup(sqlite, tmp_path / "copy.db")
    save(sqlite, replace(alba, name="Lost"))
    live = make(sqlite).live
    assert live.current().organisations == {alba.id: replace(alba, name="Lost")}
    backups.restore(sqlite, tmp_path / "copy.db")
    save(sqlite, replace(alba, description="After"))
    network = live.current()
    assert (network.revision, network.organisations) == (2, {alba.id: replace(alba, description="After")})
    assert live.current() is network


def test_a_network_that_could_not_be_built_after_a_restore_is_built_the_next_time(
    sqlite: Database, make: Make, tmp_path: Path
) -> None:
    class Failing(HashEncoder):
        fails = False

        def encode(self, passages: Sequence[Passage]) -> list[Encoded]:
            if self.fails:
                raise DatabaseError("out of order")
            return super().encode(passages)

    alba = Organisation(id=OrganisationId("alba"), name="Alba", description="Before")
    save(sqlite, alba)
    backups.backup(sqlite, tmp_path / "copy.db")
    encoder = Failing()
    commonweal = with_encoder(make(sqlite), encoder)
    save(sqlite, replace(alba, name="Lost"))
    commonweal.live.current()
    backups.restore(sqlite, tmp_path / "copy.db")
    save(sqlite, replace(alba, description="After"))
    encoder.fails = True
    with pytest.raises(DatabaseError, match="out of order"):
        commonweal.live.current()
    encoder.fails = False
    assert commonweal.live.current().organisations == {alba.id: replace(alba, description="After")}


def save(database: Database, *organisations: Organisation) -> None:
    with database.write() as connection:
        members.save(connection, organisations={one.id: one for one in organisations})


WORDS = ("hall", "minibus", "driver", "kitchen", "garden", "tutor", "nurse", "laptop", "van", "desk", "advice", "choir")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, core: Core) -> Iterator[Commonweal]:
    """10,000 listings of 1,000 organisations."""
    home = tmp_path_factory.mktemp("large")
    commonweal = Commonweal(Settings(home=home, encoder="hash"))
    commonweal.core = core
    commonweal.database.migrate()
    rng = np.random.default_rng(7)
    ids = [OrganisationId(f"o{number}") for number in range(1000)]
    listings = [
        Listing(
            id=ListingId(f"l{number}"),
            organisation=ids[number % 1000],
            kind=Kind.NEED if number % 2 else Kind.OFFER,
            text=f"{' '.join(rng.choice(WORDS, 6))} {number}",
        )
        for number in range(10_000)
    ]
    with commonweal.database.write() as connection:
        members.save(
            connection,
            organisations={id_: Organisation(id=id_, name=id_) for id_ in ids},
            listings={one.id: one for one in listings},
        )
    commonweal.live.current()
    yield commonweal
    commonweal.database.dispose()


def test_among_ten_thousand_listings_an_edit_of_another_process_shows_within_a_second(large: Commonweal) -> None:
    took = []
    for number in range(3):
        edit_in_another_process(large.database, "l4711", f"A hall for {number}")
        began = time.perf_counter()
        network = large.live.current()
        took.append(time.perf_counter() - began)
        assert network.entry(ListingId("l4711")).listing.text == f"A hall for {number}"
    assert min(took) < 1.0, took


def test_among_ten_thousand_listings_nothing_new_is_told_at_once(large: Commonweal) -> None:
    large.live.current()
    began = time.perf_counter()
    for _ in range(20):
        large.live.current()
    assert (time.perf_counter() - began) / 20 < 0.05

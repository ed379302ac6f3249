"""Backup and restore: whole and consistent whatever else goes on, and nothing touched when it cannot be done."""

import hashlib
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from matcher.records import Kind, Listing, ListingId, Organisation, OrganisationId
from service.store import backups, decisions, mails, members, people, tokens, visits
from service.store.backups import BackupError
from service.store.database import Database, DatabaseError, counters
from service.store.mails import Kind as MailKind
from service.store.mails import State
from service.wiring import Commonweal

ALBA = Organisation(id=OrganisationId("alba"), name="Alba", description="We host.")
RESTORE = """
import sys
from pathlib import Path
from service.store import backups
from service.store.database import Database
backups.restore(Database(sys.argv[1]), Path(sys.argv[2]))
"""


def save(database: Database, *organisations: Organisation) -> None:
    with database.write() as connection:
        members.save(connection, organisations={one.id: one for one in organisations})


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(members.organisations(connection))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def path_of(database: Database) -> Path:
    assert database.path is not None
    return database.path


def test_a_backup_is_one_whole_file_that_says_how_large_it_is(sqlite: Database, tmp_path: Path) -> None:
    save(sqlite, ALBA)
    copy = tmp_path / "copy.db"
    assert backups.backup(sqlite, copy) == copy.stat().st_size
    assert names(Database(f"sqlite:///{copy}")) == ["alba"]
    assert {path.name for path in tmp_path.glob("copy*")} <= {"copy.db", "copy.db-wal", "copy.db-shm"}


def test_a_backup_replaces_the_one_before(sqlite: Database, tmp_path: Path) -> None:
    backups.backup(sqlite, tmp_path / "copy.db")
    save(sqlite, ALBA)
    backups.backup(sqlite, tmp_path / "copy.db")
    assert names(Database(f"sqlite:///{tmp_path / 'copy.db'}")) == ["alba"]


def test_a_backup_is_of_one_moment_while_others_write(sqlite: Database, tmp_path: Path) -> None:
    """The writer adds an organisation with its listing in each transaction: a torn copy would part them."""
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            id_ = OrganisationId(f"o{number}")
            listing = Listing(id=ListingId(f"n{number}"), organisation=id_, kind=Kind.NEED, text="word " * 300)
            with sqlite.write() as connection:
                members.save(connection, organisations={id_: Organisation(id=id_, name="x" * 500)})
                connection.execute(text("select 1"))
                members.save(connection, listings={listing.id: listing})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        sizes = []
        for number in range(12):
            copy = tmp_path / f"copy{number}.db"
            backups.backup(sqlite, copy)
            with closing(sqlite3.connect(copy)) as plain:
                assert plain.execute("pragma integrity_check").fetchall() == [("ok",)]
                of_organisations = {int(id_[1:]) for (id_,) in plain.execute("select id from organisations")}
                of_listings = {int(id_[1:]) for (id_,) in plain.execute("select id from listings")}
                revision = plain.execute("select value from counters where name = 'revision'").fetchone()[0]
            assert of_organisations == of_listings == set(range(1, len(of_listings) + 1))
            assert revision == 2 * len(of_listings)
            sizes.append(len(of_listings))
    finally:
        done.set()
        writer.join()
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


def test_a_restore_brings_back_what_was_and_raises_the_epoch(sqlite: Database, tmp_path: Path) -> None:
    save(sqlite, ALBA)
    backups.backup(sqlite, tmp_path / "copy.db")
    before = digest(tmp_path / "copy.db")
    for epoch in (1, 2):
        save(sqlite, Organisation(id=OrganisationId("borea"), name="Borea"))
        backups.restore(sqlite, tmp_path / "copy.db")
        assert names(sqlite) == ["alba"]
        with sqlite.read() as connection:
            assert counters(connection) == {"revision": 1, "epoch": epoch}
    assert digest(tmp_path / "copy.db") == before
    assert [path for path in tmp_path.iterdir() if "restore" in path.name] == []
    with closing(sqlite3.connect(path_of(sqlite))) as plain:
        assert plain.execute("pragma journal_mode").fetchone() == ("wal",)


def test_what_was_decided_is_in_the_backup(sqlite: Database, tmp_path: Path) -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    need, offer = ListingId("alba-n1"), ListingId("borea-o1")
    with sqlite.write() as connection:
        decisions.pin(connection, "2026-W48", need, offer, "they asked", at)
        decisions.forbid(connection, need, ListingId("borea-o2"), "sold", at)
        decisions.pause(connection, ALBA.id, "moving house", at, until=date(2026, 12, 24))
        before = decisions.every(connection)
    backups.backup(sqlite, tmp_path / "copy.db")
    with sqlite.write() as connection:
        decisions.clear(connection, "2026-W48", need, offer)
        decisions.resume(connection, ALBA.id)
        assert len(decisions.every(connection)) == 1
    backups.restore(sqlite, tmp_path / "copy.db")
    with sqlite.read() as connection:
        assert decisions.every(connection) == before
    assert len(before) == 3


def test_what_waited_then_is_not_sent_again_and_who_was_signed_in_then_signs_in_again(
    sqlite: Database, tmp_path: Path
) -> None:
    at, later = datetime(2026, 11, 23, 12, tzinfo=UTC), datetime(2026, 12, 23, 12, tzinfo=UTC)
    with sqlite.write() as connection:
        ann = people.ensure(connection, "ann@alba.example")
        mails.promise(connection, MailKind.DIGEST, "2026-W48:alba", to=ann, about={}, due=at)
        visits.begin(connection, ann.id, "a" * 64, browser="", at=at, expires=later)
        link = visits.make_link(connection, ann.id, "/", at, later)
        token = tokens.make(connection, ann.id, "a program", at)
    backups.backup(sqlite, tmp_path / "copy.db")
    backups.restore(sqlite, tmp_path / "copy.db")
    with sqlite.read() as connection:
        assert not mails.is_any_due(connection, later)
        assert visits.visitor(connection, "a" * 64, at) is None
        assert visits.usable(connection, link, at) is None
        assert tokens.holder(connection, token or "") is None
        assert mails.counts(connection) == {State.UNSURE: 1}


def test_a_database_of_an_older_commonweal_can_be_backed_up_before_it_is_migrated(
    sqlite: Database, tmp_path: Path
) -> None:
    save(sqlite, ALBA)
    with sqlite.write() as connection:
        connection.execute(text("update alembic_version set version_num = '0001'"))
    old = Database(sqlite.url)
    with pytest.raises(DatabaseError, match=r"Run: commonweal backup FILE, then commonweal migrate"):
        names(old)
    backups.backup(old, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as plain:
        assert plain.execute("select id from organisations").fetchall() == [("alba",)]
        assert plain.execute("select version_num from alembic_version").fetchall() == [("0001",)]
    old.dispose()


def test_a_restore_makes_a_database_where_there_is_none(sqlite: Database, tmp_path: Path) -> None:
    save(sqlite, ALBA)
    backups.backup(sqlite, tmp_path / "copy.db")
    fresh = Database(f"sqlite:///{tmp_path / 'new' / 'commonweal.db'}")
    backups.restore(fresh, tmp_path / "copy.db")
    assert names(fresh) == ["alba"]
    fresh.dispose()


@pytest.mark.parametrize("damage", [b"a letter, not a database " * 400, b""])
def test_a_restore_takes_the_place_of_a_file_that_is_no_database(
    sqlite: Database, tmp_path: Path, damage: bytes
) -> None:
    save(sqlite, ALBA)
    backups.backup(sqlite, tmp_path / "copy.db")
    broken = tmp_path / "broken.db"
    broken.write_bytes(damage)
    shutil.copyfile(tmp_path / "copy.db", tmp_path / "broken.db-wal")
    database = Database(f"sqlite:///{broken}")
    backups.restore(database, tmp_path / "copy.db")
    assert names(database) == ["alba"]
    database.dispose()


def test_a_restore_mends_a_damaged_database(sqlite: Database, tmp_path: Path) -> None:
    save(sqlite, ALBA)
    backups.backup(sqlite, tmp_path / "copy.db")
    sqlite.dispose()
    path = path_of(sqlite)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x7f" * (path.stat().st_size - 4096))
    with pytest.raises(DatabaseError, match="restore a backup with: commonweal restore FILE"):
        names(Database(sqlite.url))
    backups.restore(Database(sqlite.url), tmp_path / "copy.db")
    assert names(Database(sqlite.url)) == ["alba"]


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("create table recipes (name text)")
        plain.commit()


def other_alembic(path: Path) -> None:
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("create table alembic_version (version_num text)")
        plain.execute("insert into alembic_version values ('0001')")
        plain.commit()


def damaged(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    database.migrate()
    for number in range(40):
        save(database, Organisation(id=OrganisationId(f"o{number}"), name="Alba", description="words " * 200))
    database.dispose()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 3 * 4096)
        file.write(b"\x7f" * 4096)


def newer(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    database.migrate()
    with database.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    database.dispose()


@pytest.mark.parametrize(
    ("make_it", "says"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "no such file"),
        (lambda path: path.write_bytes(b""), "is no backup of a Commonweal database"),
        (lambda path: path.write_text("a letter " * 200), "is no backup of a Commonweal database"),
        (other_database, "is no backup of a Commonweal database"),
        (other_alembic, "is no backup of a Commonweal database"),
        (damaged, "is damaged|is no backup of a Commonweal database: database disk image is malformed"),
        (newer, r"was made by a newer Commonweal \(schema 9999\): upgrade commonweal first"),
    ],
)
def test_a_file_that_is_no_good_backup_is_refused_and_nothing_changes(
    sqlite: Database, tmp_path: Path, make_it: Callable[[Path], object], says: str
) -> None:
    save(sqlite, ALBA)
    copy = tmp_path / "copy.db"
    make_it(copy)
    with pytest.raises(BackupError, match=says) as raised:
        backups.restore(sqlite, copy)
    assert "copy.db" in str(raised.value)
    assert names(sqlite) == ["alba"]
    with sqlite.read() as connection:
        assert counters(connection) == {"revision": 1, "epoch": 0}


def test_a_restore_that_others_keep_out_gives_up_and_leaves_everything(sqlite: Database, tmp_path: Path) -> None:
    save(sqlite, ALBA)
    backups.backup(sqlite, tmp_path / "copy.db")
    save(sqlite, Organisation(id=OrganisationId("borea"), name="Borea"))
    with sqlite.write(), pytest.raises(BackupError, match=r"database is locked; nothing was changed\. Try again"):
        backups.restore(sqlite, tmp_path / "copy.db", busy_seconds=0.1)
    assert names(sqlite) == ["alba", "borea"]


def test_a_backup_that_cannot_be_written_says_where(sqlite: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="unable to open database file"):
        backups.backup(sqlite, tmp_path / "missing" / "copy.db")


def test_the_database_itself_is_no_place_for_its_backup(sqlite: Database) -> None:
    save(sqlite, ALBA)
    with pytest.raises(BackupError, match="is the database itself; name another file for the copy"):
        backups.backup(sqlite, path_of(sqlite).parent / "." / path_of(sqlite).name)
    assert names(sqlite) == ["alba"]


def test_what_cannot_be_read_is_not_backed_up(tmp_path: Path) -> None:
    (tmp_path / "commonweal.db").write_text("a letter " * 200)
    database = Database(f"sqlite:///{tmp_path / 'commonweal.db'}")
    with pytest.raises(DatabaseError, match="no SQLite database"):
        backups.backup(database, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_postgresql_has_its_own_tools(tmp_path: Path) -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/x")
    for attempt in (backups.backup, backups.restore):
        with pytest.raises(BackupError, match="pg_dump and pg_restore"):
            attempt(database, tmp_path / "copy.db")


def test_whoever_is_serving_notices_a_restore_by_another_process(
    sqlite: Database, make: Callable[[Database], Commonweal], tmp_path: Path
) -> None:
    save(sqlite, ALBA)
    backups.backup(sqlite, tmp_path / "copy.db")
    save(sqlite, Organisation(id=OrganisationId("borea"), name="Borea"))
    live = make(sqlite).live
    assert sorted(live.current().organisations) == ["alba", "borea"]
    url = sqlite.url.render_as_string(hide_password=False)
    subprocess.run([sys.executable, "-c", RESTORE, url, str(tmp_path / "copy.db")], check=True)
    assert live.current().organisations == {"alba": ALBA}
    assert live.current().revision == 1

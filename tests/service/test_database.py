"""Opening, migrating and writing: whole or nothing, and every way it can fail named with its remedy."""

import hashlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import DateTime, bindparam, create_engine, inspect, select, text

from matcher.errors import CommonwealError
from matcher.records import ListingId, Organisation, OrganisationId
from service.store import decisions, members, schema
from service.store.database import MIGRATIONS, Database, DatabaseError, counters
from service.store.rounds import in_utc

LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin immediate")
print("locked", flush=True)
sys.stdin.read()
"""


def organisation(id_: str, **fields: str) -> dict[OrganisationId, Organisation]:
    return {OrganisationId(id_): Organisation(id=OrganisationId(id_), name=id_.title(), **fields)}


def names(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {id_: stored.revision for id_, stored in members.organisations(connection).items()}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_migrating_makes_exactly_the_tables_of_the_schema(empty: Database) -> None:
    assert empty.version() is None
    assert empty.migrate() == schema.VERSION == empty.version()
    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_the_folder_that_migrating_makes_is_its_owners_alone_and_one_that_is_there_stays_as_it_was(
    tmp_path: Path,
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there").chmod(0o755)
    modes = {}
    for home in (tmp_path / "there", tmp_path / "deep" / "home"):
        database = Database(f"sqlite:///{home / 'commonweal.db'}")
        database.migrate()
        database.dispose()
        modes[home.name] = oct(home.stat().st_mode & 0o777)
    assert modes == {"there": "0o755", "home": "0o700"}


def test_migrating_twice_is_migrating_once(empty: Database) -> None:
    empty.migrate()
    with empty.write() as connection:
        members.save(connection, organisations=organisation("alba"))
    empty.migrate()
    assert names(empty) == {"alba": 1}


def test_migrating_keeps_the_rounds_of_an_older_commonweal(empty: Database) -> None:
    """In the columns of schema 0001, then in those of today."""
    at = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    old_round = {
        **{"week": "2026-W48", "revision": 2, "versions": {"code": "0.1.0"}, "left_out": {"ciano": True}},
        **{"proposed_at": at, "released_at": at},
    }
    old_suggestion = {
        **{"week": "2026-W48", "need": "alba-n1", "offer": "borea-o1", "fit": 0.1 + 0.2, "strength": "good"},
        **{"score": -1.25, "shown": {"reasons": ["große Küche"]}},
    }
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(empty.url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with engine.begin() as connection:
        connection.execute(schema.rounds.insert(), [old_round])
        connection.execute(schema.suggestions.insert(), [old_suggestion])
    engine.dispose()
    assert empty.version() == "0001"
    empty.migrate()
    new_in_rounds = {**dict.fromkeys(("value", "bound", "unmet")), "left_out": {"ciano": {"fitted": True, "helps": []}}}
    new_in_suggestions = {**dict.fromkeys(("propensity", "asking", "giving")), "pinned": False}
    with empty.read() as connection:
        (round_,) = connection.execute(select(schema.rounds)).mappings()
        (suggestion,) = connection.execute(select(schema.suggestions)).mappings()
        times = {name: in_utc(round_[name]) for name in ("proposed_at", "released_at")}
        assert {**round_, **times} == {**old_round, **new_in_rounds}
        assert dict(suggestion) == {**old_suggestion, **new_in_suggestions}


def test_migrating_keeps_the_pins_of_an_older_commonweal(empty: Database) -> None:
    """In the columns of schema 0003, where a pin was always of a week, then in those of today."""
    at = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    pins = [
        {"week": f"2026-W{week}", "need": "alba-n1", "offer": "borea-o1", "why": "große Küche", "at": at}
        for week in (47, 48)
    ]
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(empty.url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    with engine.begin() as connection:
        stored = text("insert into pins (week, need, offer, why, at) values (:week, :need, :offer, :why, :at)")
        typed = stored.bindparams(bindparam("at", type_=DateTime(timezone=True)))
        connection.execute(typed, pins)
    engine.dispose()
    empty.migrate()
    with empty.write() as connection:
        assert decisions.pinned(connection, "2026-W48") == (("alba-n1", "borea-o1"),)
        found = [(one.occasion, one.why, one.at) for one in decisions.every(connection)]
        assert sorted(found) == [("2026-W47", "große Küche", at), ("2026-W48", "große Küche", at)]
        decisions.pin(connection, "5e551011", ListingId("alba-n1"), ListingId("borea-o1"), "in the room", at)
        assert decisions.pinned(connection, "5e551011") == (("alba-n1", "borea-o1"),)


def test_migrating_from_many_sides_at_once_makes_the_tables_once(empty: Database) -> None:
    url = empty.url.render_as_string(hide_password=False)
    databases = [Database(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(Database.migrate, databases)) == [schema.VERSION] * 4
    for database in databases:
        database.dispose()
    with empty.read() as connection:
        assert counters(connection) == {"revision": 0, "epoch": 0}


def test_tables_that_are_missing_name_the_command_that_makes_them(empty: Database) -> None:
    missing = r"no tables yet. Run: commonweal migrate|no database yet. Run: commonweal import FILE, or commonweal demo"
    with pytest.raises(DatabaseError, match=missing), empty.read():
        pass


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("0000", r"schema 0000 is older than \d+\. Run: commonweal backup FILE, then commonweal migrate"),
        ("9999", r"made by a newer Commonweal \(schema 9999, .*\)\. Upgrade commonweal; the database was not touched"),
    ],
)
def test_another_schema_is_refused(database: Database, version: str, remedy: str) -> None:
    with database.write() as connection:
        connection.execute(text(f"update alembic_version set version_num = '{version}'"))
    again = Database(database.url)
    for use in (again.read, again.write):
        with pytest.raises(DatabaseError, match=remedy), use():
            pass
    again.dispose()


def test_a_newer_database_is_not_migrated_and_not_a_byte_of_it_changes(sqlite: Database) -> None:
    with sqlite.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    sqlite.dispose()
    assert sqlite.path is not None
    before = digest(sqlite.path)
    again = Database(sqlite.url)
    with pytest.raises(DatabaseError, match=r"made by a newer Commonweal"):
        again.migrate()
    with pytest.raises(DatabaseError, match=r"made by a newer Commonweal"), again.write():
        pass
    again.dispose()
    assert digest(sqlite.path) == before


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError, match=r"halfway"), database.write() as connection:
        members.save(connection, organisations=organisation("alba"))
        raise RuntimeError("halfway")
    assert names(database) == {}
    with database.read() as connection:
        assert counters(connection) == {"revision": 0, "epoch": 0}


def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    with database.read() as reading:
        assert members.organisations(reading) == {}
        with database.write() as connection:
            members.save(connection, organisations=organisation("alba"))
        assert members.changes(reading, -1) == members.Changes({}, {}, 0, 0)
    assert names(database) == {"alba": 1}


def test_writers_come_one_after_the_other(database: Database) -> None:
    """What one has read before it writes is still so when it writes."""
    with database.write() as connection:
        members.save(connection, organisations=organisation("alba"))

    def add_a_letter(_: int) -> None:
        with database.write() as connection:
            found = members.organisations(connection)[OrganisationId("alba")].record
            members.edit(connection, "alba", {"description": found.description + "a"})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_a_letter, range(40)))
    with database.read() as connection:
        assert members.organisations(connection)[OrganisationId("alba")].record.description == "a" * 40


def test_of_many_saves_at_once_none_is_lost_and_no_revision_is_given_twice(database: Database) -> None:
    def save(thread: int) -> list[int]:
        revisions = []
        for number in range(20):
            with database.write() as connection:
                revisions.append(members.save(connection, organisations=organisation(f"o-{thread}-{number}")))
        return revisions

    with ThreadPoolExecutor(16) as pool:
        revisions = [revision for of_one in pool.map(save, range(16)) for revision in of_one]
    assert sorted(revisions) == list(range(1, 321))
    assert sorted(names(database).values()) == list(range(1, 321))


@pytest.fixture
def lock(sqlite: Database) -> Iterator[None]:
    """Another process in the middle of a write."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(sqlite.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"locked\n"
    yield
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


@pytest.mark.usefixtures("lock")
def test_while_another_process_writes_reading_goes_on_and_writing_says_why_not(sqlite: Database) -> None:
    impatient = Database(sqlite.url, busy_seconds=0.1)
    assert names(impatient) == {}
    with pytest.raises(DatabaseError, match=r"locked by another process .*; try again when it has finished"):
        members_saved(impatient)
    with pytest.raises(DatabaseError, match=r"locked by another process"):
        impatient.migrate()
    impatient.dispose()


def members_saved(database: Database) -> None:
    with database.write() as connection:
        members.save(connection, organisations=organisation("alba"))


def test_a_writer_that_waits_too_long_on_postgresql_is_told_so(postgresql: Database) -> None:
    impatient = Database(postgresql.url, busy_seconds=0.1)
    with postgresql.write(), pytest.raises(DatabaseError, match=r"locked by another process .*; try again when"):
        members_saved(impatient)
    members_saved(impatient)
    impatient.dispose()


def test_a_file_opened_for_reading_only_says_so(sqlite: Database) -> None:
    reading = Database(f"sqlite:///file:{sqlite.path}?mode=ro&uri=true")
    assert names(reading) == {}
    with pytest.raises(DatabaseError, match=r"read-only; check the permissions of the file and its folder"):
        members_saved(reading)
    reading.dispose()


Nobody = Callable[[], AbstractContextManager[None]]


@pytest.mark.parametrize("rights", [0o444, 0o644])
def test_a_file_or_folder_without_rights_to_write_says_so(
    open_folder: Path, as_nobody: Nobody, migrated_file: Path, rights: int
) -> None:
    path = open_folder / "commonweal.db"
    path.write_bytes(migrated_file.read_bytes())
    path.chmod(rights)
    open_folder.chmod(0o555)
    database = Database(f"sqlite:///{path}")
    before = digest(path)
    with as_nobody(), pytest.raises(DatabaseError, match=r"check"):
        members_saved(database)
    database.dispose()
    open_folder.chmod(0o755)
    assert digest(path) == before


def test_a_folder_that_may_not_be_written_to_gets_no_database(open_folder: Path, as_nobody: Nobody) -> None:
    open_folder.chmod(0o555)
    database = Database(f"sqlite:///{open_folder / 'commonweal.db'}")
    with as_nobody(), pytest.raises(DatabaseError, match=r"cannot be opened; check that the folder exists and may be"):
        database.migrate()
    database.dispose()
    assert list(open_folder.iterdir()) == []


def test_a_folder_that_is_missing_says_so_and_migrating_makes_it(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new' / 'deep' / 'commonweal.db'}")
    assert database.version() is None
    with pytest.raises(DatabaseError, match=r"no database yet"), database.read():
        pass
    assert not (tmp_path / "new").exists()
    database.migrate()
    assert names(database) == {}
    database.dispose()


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "commonweal.db"
    path.write_bytes(b"a letter to the council, not a database " * 100)
    before = digest(path)
    database = Database(f"sqlite:///{path}")
    for use in (database.version, database.migrate):
        with pytest.raises(DatabaseError, match=r"no SQLite database; restore a backup with: commonweal restore FILE"):
            use()
    database.dispose()
    assert digest(path) == before


def test_a_damaged_database_says_what_to_do(sqlite: Database) -> None:
    with sqlite.write() as connection:
        for number in range(200):
            members.save(connection, organisations=organisation(f"o{number}", description="words " * 100))
    sqlite.dispose()
    assert sqlite.path is not None
    with sqlite.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x7f" * (sqlite.path.stat().st_size - 4096))
    with pytest.raises(DatabaseError, match=r"damaged; restore a backup with: commonweal restore FILE"):
        names(Database(sqlite.url))


def test_a_full_disk_leaves_what_was_there(sqlite: Database) -> None:
    members_saved(sqlite)
    with sqlite.write() as connection:
        pages = connection.execute(text("pragma page_count")).scalar_one()
        connection.execute(text(f"pragma max_page_count = {pages + 2}"))
    with (
        pytest.raises(DatabaseError, match=r"the disk is full; nothing was changed. Free some space"),
        sqlite.write() as connection,
    ):
        connection.execute(text(f"pragma max_page_count = {pages + 2}"))
        members.save(connection, organisations=organisation("alba", description="changed"))
        for number in range(50):
            members.save(connection, organisations=organisation(f"o{number}", description="words " * 1000))
    sqlite.dispose()
    with sqlite.read() as connection:
        assert members.organisations(connection)[OrganisationId("alba")].record.description == ""
    assert names(sqlite) == {"alba": 1}
    with closing(sqlite3.connect(str(sqlite.path))) as plain:
        assert plain.execute("pragma integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("members.db", "COMMONWEAL_DATABASE is no database URL; e.g. sqlite:///members.db"),
        ("postgresql://ann:hunter2@host:port/x", "COMMONWEAL_DATABASE is no database URL; e.g. sqlite:///members.db"),
        ("mysql://ann:hunter2@host/x", "database 'mysql' is not known; known: sqlite, sqlite+pysqlite, "),
        ("postgresql+asyncpg://ann:hunter2@host/x", "database 'postgresql+asyncpg' is not known; known: "),
        ("sqlite+nosuch:///x.db", "database 'sqlite+nosuch' is not known; known: "),
    ],
)
def test_a_url_nobody_can_open_is_refused_without_its_password(url: str, says: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        Database(url)
    assert str(raised.value).startswith(says)
    assert "hunter2" not in str(raised.value)


def test_no_message_holds_the_password() -> None:
    database = Database("postgresql://ann:hunter2@127.0.0.1:1/commonweal", busy_seconds=0.1)
    assert str(database) == "postgresql://ann:***@127.0.0.1:1/commonweal"
    with pytest.raises(DatabaseError) as raised:
        database.version()
    assert str(raised.value) == (
        "postgresql://ann:***@127.0.0.1:1/commonweal: no PostgreSQL answers there; "
        "check COMMONWEAL_DATABASE and that the server runs"
    )
    assert isinstance(raised.value, CommonwealError)


def test_a_short_postgresql_url_takes_the_driver_that_is_installed(postgresql: Database) -> None:
    short = Database(postgresql.url.set(drivername="postgresql"))
    assert short.version() == schema.VERSION
    short.dispose()


def test_the_tables_of_sqlite_and_postgresql_have_the_same_columns(database: Database) -> None:
    with database.read() as connection:
        found = {
            table: {column["name"] for column in inspect(connection).get_columns(table)}
            for table in inspect(connection).get_table_names()
        }
    wanted = {table.name: {column.name for column in table.columns} for table in schema.metadata.tables.values()}
    assert found == {**wanted, "alembic_version": {"version_num"}}


def test_threads_each_have_a_connection_of_their_own(database: Database) -> None:
    seen: list[int] = []
    together = threading.Barrier(4)

    def look(_: int) -> None:
        with database.read() as connection:
            together.wait(10)
            seen.append(id(connection.connection.dbapi_connection))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(look, range(4)))
    assert len(set(seen)) == 4

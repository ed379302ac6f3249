"""Opening the database: SQLite in WAL mode by default, PostgreSQL by URL, the same code for both."""

import sqlite3
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, Executable, create_engine, event, inspect, make_url, select, text
from sqlalchemy import Connection as Connection  # what the rest of the service calls a connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.schema import Table

from matcher.errors import CommonwealError
from service.store import schema

BUSY_SECONDS = 5.0
BUSY = f"locked by another process for over {BUSY_SECONDS:.0f} s; try again when it has finished"
MIGRATIONS = Path(__file__).parent / "migrations"
DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
WRITING = 0x636F6D6D  # of PostgreSQL's advisory locks, the one a writer of a network holds


class DatabaseError(CommonwealError):
    """The database cannot be used as it is; says what to do."""


class Database:
    """One connection per request or job: `read()` sees one consistent state, `write()` is whole or nothing."""

    def __init__(self, url: str | URL, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.url = _parsed(url)
        self._checked = False
        self._busy_seconds = busy_seconds
        self._turn = threading.Lock()
        self._engine = (_sqlite if self.is_sqlite else _postgresql)(self.url, busy_seconds)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database; None for one that is given as a `file:` URI."""
        name = self.url.database if self.is_sqlite else None
        return Path(name) if name and not name.startswith("file:") else None

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees the state as of its first query."""
        self._refuse_absent()
        with self._translated(), self._engine.connect() as plain:
            connection = plain if self.is_sqlite else plain.execution_options(isolation_level="REPEATABLE READ")
            self.check(connection)
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed whole at the end, nothing of it on an error. One writer at a time."""
        self._refuse_absent()
        with self._translated(), self._in_turn(), self._engine.connect() as plain:
            connection = plain.execution_options(writes=True)
            with connection.begin():
                self.check(connection)
                yield connection

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Writers of one process wait for each other: SQLite only asks again and again, and may starve one of many."""
        if not self._turn.acquire(timeout=self._busy_seconds):
            raise DatabaseError(f"{self}: {BUSY}")
        try:
            yield
        finally:
            self._turn.release()

    def version(self) -> str | None:
        """The schema's version; None where there are no tables yet."""
        if self._is_absent:
            return None
        with self._translated(), self._engine.connect() as connection:
            return _version(connection)

    @property
    def _is_absent(self) -> bool:
        return self.path is not None and not self.path.exists()

    def _refuse_absent(self) -> None:
        """To look is not to make: opening a file that is not there would leave an empty one."""
        if self._is_absent:
            raise DatabaseError(f"{self}: no database yet. Run: commonweal import FILE, or commonweal demo")

    def check(self, connection: Connection) -> None:
        """Raises DatabaseError unless the schema is this Commonweal's. Looked at once a process."""
        if self._checked:
            return
        found = _version(connection)
        if found is None:
            raise DatabaseError(f"{self}: no tables yet. Run: commonweal migrate")
        if found > schema.VERSION:
            raise DatabaseError(
                f"{self}: made by a newer Commonweal (schema {found}, this one knows {schema.VERSION}). "
                "Upgrade commonweal; the database was not touched"
            )
        if found < schema.VERSION:
            raise DatabaseError(
                f"{self}: schema {found} is older than {schema.VERSION}. "
                "Run: commonweal backup FILE, then commonweal migrate"
            )
        self._checked = True

    def migrate(self) -> str:
        """Brings the tables to the newest version and returns it. A newer database is refused, untouched."""
        from alembic import command
        from alembic.config import Config

        if self.path is not None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds contact details
        with self._translated():
            with self._engine.connect() as connection:
                if (_version(connection) or "") > schema.VERSION:
                    self.check(connection)
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            with self._engine.connect() as plain:
                connection = plain.execution_options(writes=True)
                with connection.begin():
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
        return schema.VERSION

    def dispose(self) -> None:
        """Closes every pooled connection."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise DatabaseError(f"{self}: {_remedy(error)}") from error


def _parsed(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise DatabaseError("COMMONWEAL_DATABASE is no database URL; e.g. sqlite:///members.db") from None
    if parsed.drivername not in DRIVERS:
        raise DatabaseError(f"database '{parsed.drivername}' is not known; known: {', '.join(DRIVERS)}")
    return parsed


def sqlite_file(path: Path) -> URL:
    """The URL of a database in a file, whatever characters its path has."""
    return URL.create("sqlite", database=str(path))


def _remedy(error: DBAPIError) -> str:
    says = str(error.orig)
    for sign, remedy in (
        ("is locked", BUSY),
        ("lock timeout", BUSY),
        ("readonly", "read-only; check the permissions of the file and its folder"),
        ("unable to open", "cannot be opened; check that the folder exists and may be written to"),
        ("disk is full", "the disk is full; nothing was changed. Free some space and run the command again"),
        ("not a database", "no SQLite database; restore a backup with: commonweal restore FILE"),
        ("malformed", "damaged; restore a backup with: commonweal restore FILE"),
        ("Connection refused", "no PostgreSQL answers there; check COMMONWEAL_DATABASE and that the server runs"),
    ):
        if sign in says:
            return remedy
    return says.splitlines()[0] if says else type(error).__name__


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("select version_num from alembic_version")).scalar()
    return None if found is None else str(found)


def _sqlite(url: URL, busy_seconds: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": busy_seconds})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin ourselves, below
        cursor = connection.cursor()
        cursor.execute("pragma foreign_keys = on")
        if url.database:
            _write_ahead(cursor, busy_seconds)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("begin immediate" if writes else "begin")

    return engine


def _write_ahead(cursor: Any, busy_seconds: float) -> None:
    """Turns the write-ahead log on. SQLite does not wait for the lock that this takes, so it is asked again."""
    until = time.monotonic() + busy_seconds
    while cursor.execute("pragma journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _postgresql(url: URL, busy_seconds: float) -> Engine:
    engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes"):  # what is read before a write stays true until then
            connection.exec_driver_sql(f"set local lock_timeout = '{busy_seconds:f}s'")
            connection.exec_driver_sql(f"select pg_advisory_xact_lock({WRITING})")

    return engine


def upsert(connection: Connection, table: Table, rows: list[dict[str, Any]], *, kept: Collection[str] = ()) -> None:
    """Inserts `rows`; where the primary key is there already, their other columns replace its own, but for `kept`."""
    if not rows:
        return
    insert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in rows[0] if name not in (*keys, *kept)}
    statement: Insert | Executable = (
        insert.on_conflict_do_update(index_elements=keys, set_=changed)
        if changed
        else insert.on_conflict_do_nothing(index_elements=keys)
    )
    connection.execute(statement, rows)


def next_revision(connection: Connection) -> int:
    """The network's next revision. The counter's row lock puts writers in order of their commits."""
    table = schema.counters
    connection.execute(table.update().where(table.c.name == "revision").values(value=table.c.value + 1))
    return int(connection.execute(select(table.c.value).where(table.c.name == "revision")).scalar_one())


def counters(connection: Connection) -> dict[str, int]:
    """The network's `revision`, and the `epoch`, which a restore raises."""
    table = schema.counters
    rows = connection.execute(select(table.c.name, table.c.value))
    return {row.name: row.value for row in rows}


def in_utc(at: datetime) -> datetime:
    """SQLite forgets the zone of what was stored in UTC, PostgreSQL answers in the connection's."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)

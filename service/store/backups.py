"""Backup and restore of an SQLite database, consistent while others read and write."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from matcher.errors import CommonwealError
from service.store import schema
from service.store.database import BUSY_SECONDS, Database


class BackupError(CommonwealError):
    """The file is no backup, or this database is backed up otherwise."""


def backup(database: Database, to: Path) -> int:
    """Copies the database as it is at one moment and returns the copy's size in bytes. Replaces `to` when whole."""
    source = _file(database)
    if to.resolve() == source.resolve():
        raise BackupError(f"{to} is the database itself; name another file for the copy")
    if database.version() is None:  # an older one is copied as it is: that is done before it is migrated
        with database.read():  # says what is missing before anything is written
            pass
    part = to.with_name(to.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with _translated(to), closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(part)) as copy:
            live.backup(copy)
            copy.execute("pragma journal_mode = delete")
        part.replace(to)
    finally:
        if part.is_file():
            part.unlink()
    return to.stat().st_size


def restore(database: Database, from_: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
    """Puts a backup in place of the database, in one step; those who are serving it notice and read it anew.

    Mails that waited then may have gone since, and whoever was signed in then may have been signed out since: those are
    not sent by themselves, these sign in again, and programs want new tokens.

    Raises BackupError, with the database untouched, for a file that is no backup or of a newer Commonweal.
    """
    target = _file(database)
    version = _version(from_)
    if version > schema.VERSION:
        raise BackupError(f"{from_} was made by a newer Commonweal (schema {version}): upgrade commonweal first")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".restore")
    try:
        shutil.copyfile(from_, part)
        with _translated(target):
            epoch = _epoch(target, busy_seconds)
            with closing(sqlite3.connect(part)) as copy:
                copy.execute("update counters set value = max(value, ?) + 1 where name = 'epoch'", (epoch or 0,))
                if version == schema.VERSION:
                    _calm(copy)
                copy.commit()
                if epoch is not None:
                    _overwrite(target, copy, busy_seconds)
        if epoch is None:
            for journal in ("-wal", "-shm"):  # SQLite would play the old database's into the new one
                target.with_name(target.name + journal).unlink(missing_ok=True)
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _calm(copy: sqlite3.Connection) -> None:
    for change in (
        "update mails set state = 'unsure', ended_at = {now}, says = 'a backup was restored: it may have gone since'"
        " where state in ('waiting', 'sending')",
        "update visits set ended_at = {now} where ended_at is null",
        "update tokens set ended_at = {now} where ended_at is null",
        "update links set used_at = {now} where used_at is null",
    ):
        copy.execute(change.replace("{now}", "strftime('%Y-%m-%d %H:%M:%f', 'now')"))


def _overwrite(target: Path, copy: sqlite3.Connection, busy_seconds: float) -> None:
    def stop(status: int, _left: int, _pages: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):  # else it would wait without end
            raise sqlite3.OperationalError("database is locked")

    with closing(sqlite3.connect(target, timeout=busy_seconds)) as live:
        copy.backup(live, progress=stop)


def _file(database: Database) -> Path:
    if database.path is None:
        raise BackupError("a PostgreSQL database is backed up with its own tools: pg_dump and pg_restore")
    return database.path


def _version(path: Path) -> str:
    if not path.is_file():
        raise BackupError(f"{path}: no such file")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            whole = copy.execute("pragma quick_check").fetchone()[0]
            version = copy.execute("select version_num from alembic_version, counters").fetchone()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{path} is no backup of a Commonweal database: {error}") from None
    if whole != "ok" or version is None:
        raise BackupError(f"{path} is damaged: {whole}")
    return str(version[0])


def _epoch(path: Path, busy_seconds: float) -> int | None:
    """How often the database was restored; None where there is nothing that SQLite could write into."""
    try:
        with closing(sqlite3.connect(path, timeout=busy_seconds)) as live:
            if not live.execute("select 1 from sqlite_master where name = 'counters'").fetchone():
                return 0
            return int(live.execute("select value from counters where name = 'epoch'").fetchone()[0])
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # no database at all, or damaged: what restoring is for
        return None


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise BackupError(f"{path}: {error}; nothing was changed. Try again, or name another file") from None

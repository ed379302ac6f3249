"""A network with a past: alba needs, borea offers, ciano is listed only and has listed nothing."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
import uvicorn
from fastapi.testclient import TestClient

from matcher.assembling import Core
from matcher.proposing import Proposal
from matcher.records import (
    Contact,
    Kind,
    LeftOut,
    Listing,
    Organisation,
    PassedOver,
    Standing,
    Strength,
    Suggestion,
    Visibility,
)
from service import rounds, signin
from service.settings import Settings
from service.store import members, people, reviews, tokens
from service.store import rounds as stored_rounds
from service.store.people import Access
from service.web import access
from service.web.app import create_app
from service.wiring import Commonweal

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)  # a Wednesday in week 48
ASKED = "We want volunteers who teach older people to use a smartphone"
COORDINATOR = "cora@commonweal.example"
SignIn = Callable[[str], TestClient]
INJECTION = "<script>alert('alba')</script>"


def organisations() -> dict[str, Organisation]:
    return {
        one.id: one
        for one in (
            Organisation(
                id="alba",
                name="Alba & Friends",
                standing=Standing.MEMBER,
                sectors=("voluntary",),
                size="small",
                roles=("housing",),
                description=f"We run sheltered flats. {INJECTION} Write to jo.person@borea.example.",
                places=("Bristol", "BS3 4AB"),
            ),
            Organisation(
                id="borea",
                name="Borea",
                standing=Standing.MEMBER,
                sectors=("private",),
                size="large",
                description="A telephone company. Ring 0117 496 0123.",
                places=("Bristol",),
            ),
            Organisation(
                id="ciano",
                name="Ciano",
                standing=Standing.LISTED,
                description="A club whose volunteers teach smartphone photography. "
                "Ring 0117 496 0123 or jo.person@borea.example",
                places=("Bath",),
            ),
            Organisation(
                id="dorado", name="Dorado", standing=Standing.MEMBER, description="Beekeepers.", places=("Perth",)
            ),
        )
    }


def listings() -> dict[str, Listing]:
    return {
        one.id: one
        for one in (
            Listing(
                id="alba-n1",
                organisation="alba",
                kind=Kind.NEED,
                text=f"{ASKED}. {INJECTION} Ring 0117 496 0123.",
                resource="people",
                gain="Tea with jo.person@borea.example",
            ),
            Listing(
                id="alba-n2", organisation="alba", kind=Kind.NEED, text="A stage for a play.", closes=date(2026, 10, 31)
            ),
            Listing(
                id="borea-o1",
                organisation="borea",
                kind=Kind.OFFER,
                text="Volunteers teach older people to use a smartphone. Write to jo.person@borea.example, "
                "12 Harbour Road, BS3 4AB.",
                evidence="Ask 0117 496 0123 about last year",
                resource="people",
                places=("Bristol", "BS3 4AB"),
            ),
            Listing(
                id="borea-o2",
                organisation="borea",
                kind=Kind.OFFER,
                text="Volunteers teach smartphone repairs.",
                opens=date(2027, 1, 4),
                visibility=Visibility.COORDINATORS,
            ),
        )
    }


@pytest.fixture(scope="session")
def proposal() -> Proposal:
    """All that a round may hold: drawn by chance, pinned, passed over, unmet, and what would help."""
    drawn = {"strength": Strength.STRONG, "propensity": 0.5, "why": "It was as good: chance decided."}
    full = {"strength": Strength.GOOD, "propensity": 0.0, "why": "Borea, 0117 496 0123, was at its limit this week."}
    return Proposal(
        suggestions=(
            Suggestion(
                need=listings()["alba-n1"],
                offer=listings()["borea-o1"],
                fit=0.8125,
                strength=Strength.STRONG,
                score=1.0,
                propensity=0.5,
                pinned=True,
            ),
            Suggestion(
                need=listings()["alba-n2"],
                offer=listings()["borea-o2"],
                fit=0.4375,
                strength=Strength.POSSIBLE,
                score=0.5,
                propensity=1.0,
            ),
        ),
        left_out={
            "dorado": LeftOut(False, ("“Ring 0117 496 0123” is short.", "A wider area would help.")),
            "ciano": LeftOut(True, ("List another offer.",)),
            "gone": LeftOut(False),
        },
        passed_over=(
            PassedOver(need="dorado-n1", offer="borea-o1", between=("dorado", "borea"), fit=0.6875, **full),
            PassedOver(need="alba-n1", offer="profile:ciano", between=("alba", "ciano"), fit=0.8125, **drawn),
            *(
                PassedOver(need="alba-n1", offer=f"dorado-o{n}", between=("alba", "dorado"), fit=0.8125, **drawn)
                for n in range(4)
            ),
        ),
        unmet={
            ("alba-n2", "borea-o2"): "A limit left no room for it.",
            ("gone-n1", "borea-o2"): "What 0117 496 0123 is about is not listed any more.",
        },
        value=99.98,
        bound=100.0,
    )


def stored(home: Path, core: Core, migrated_file: Path) -> Commonweal:
    shutil.copyfile(migrated_file, home / "commonweal.db")
    made = Commonweal(Settings(home=home, encoder="hash"), now=lambda: NOW)
    made.core = core  # read once for all tests
    contacts = [
        Contact(organisation=id_, name="Jo Person", email=f"jo.person@{id_}.example") for id_ in organisations()
    ]
    with made.database.write() as connection:
        members.save(connection, organisations=organisations(), listings=listings(), contacts=contacts)
    return made


@pytest.fixture
def commonweal(tmp_path: Path, core: Core, migrated_file: Path) -> Iterator[Commonweal]:
    made = stored(tmp_path, core, migrated_file)
    yield made
    made.database.dispose()


@pytest.fixture
def stranger(commonweal: Commonweal) -> Iterator[TestClient]:
    """Nobody is signed in."""
    with TestClient(create_app(commonweal), base_url="http://localhost", follow_redirects=False) as made:
        until_ready(made)
        yield made


@pytest.fixture
def sign_in(commonweal: Commonweal, stranger: TestClient) -> SignIn:
    """`sign_in(email)` is a browser of its own on the same pages, signed in as the person of that address."""

    def signed_in(email: str) -> TestClient:
        browser = TestClient(stranger.app, base_url="http://localhost", follow_redirects=False)
        return entered(commonweal, browser, email)

    return signed_in


@pytest.fixture
def client(commonweal: Commonweal, sign_in: SignIn) -> TestClient:
    """A coordinator's browser."""
    return sign_in(make_coordinator(commonweal))


@pytest.fixture
def token(commonweal: Commonweal) -> dict[str, str]:
    """The header with which a coordinator's program asks the API."""
    with commonweal.database.read() as connection:
        person = people.by_email(connection, make_coordinator(commonweal))
    assert person is not None
    with commonweal.database.write() as connection:
        made = tokens.make(connection, person.id, "a program", commonweal.now())
    return {"Authorization": f"Bearer {made}"}


def make_coordinator(commonweal: Commonweal) -> str:
    with commonweal.database.write() as connection:
        person = people.ensure(connection, COORDINATOR, "Cora Coordinator")
        people.grant(connection, person.id, Access.COORDINATOR)
    return COORDINATOR


def entered(commonweal: Commonweal, browser: TestClient, email: str) -> TestClient:
    with commonweal.database.read() as connection:
        person = people.by_email(connection, email)
    assert person is not None, f"nobody has {email}"
    link = signin.make_link(commonweal, person)
    begun = signin.use(commonweal, link.rsplit("/", 1)[1], "a test's browser")
    browser.cookies.set(access.cookie_name(commonweal), begun.token)
    browser.visit = begun.visit  # type: ignore[attr-defined]
    return browser


@pytest.fixture
def form(commonweal: Commonweal) -> Callable[..., dict[str, Any]]:
    """`form(client, name=value …)` is what a form of ours on that browser would send."""

    def filled(browser: TestClient, **fields: Any) -> dict[str, Any]:
        return {access.FORM: commonweal.signing.sign(access.FORM, browser.visit.id), **fields}  # type: ignore[attr-defined]

    return filled


@pytest.fixture
def propose(commonweal: Commonweal) -> Callable[[str, int], list[str]]:
    """`propose(week, number)` has that many pairings proposed, between members; returns their keys, best first."""

    def proposed(week: str, number: int) -> list[str]:
        bodies = [
            Organisation(id=f"g{one:02}", name=f"Group {one:02}", standing=Standing.MEMBER, places=("Leeds",))
            for one in range(number + 1)
        ]
        found = [
            Suggestion(
                need=Listing(id=f"n{one:02}", organisation=bodies[one].id, kind=Kind.NEED, text=f"A van, number {one}"),
                offer=Listing(id=f"o{one:02}", organisation=bodies[one + 1].id, kind=Kind.OFFER, text=f"Van {one}"),
                fit=0.9 - one / 200,
                strength=Strength.GOOD,
                score=1.0,
            )
            for one in range(number)
        ]
        listings = {side.id: side for one in found for side in (one.need, one.offer)}
        with commonweal.database.write() as connection:
            members.save(connection, organisations={one.id: one for one in bodies}, listings=listings)
            stored_rounds.propose(connection, week, Proposal(tuple(found)), versions={"ranker": "1"}, at=NOW)
        return [reviews.key_of(week, *one.pair) for one in found]

    return proposed


@pytest.fixture(scope="session")
def reader(
    tmp_path_factory: pytest.TempPathFactory, core: Core, migrated_file: Path, proposal: Proposal
) -> Iterator[TestClient]:
    """For tests that change nothing. Released: weeks 37 and 48. Proposed: week 49, and 36 with all a round may hold."""
    commonweal = stored(tmp_path_factory.mktemp("reader"), core, migrated_file)
    with commonweal.database.write() as connection:
        stored_rounds.propose(connection, "2026-W36", proposal, versions={"code": "0.1.0"}, at=NOW)
    for week in ("2026-W37", "2026-W48"):
        rounds.run(commonweal, week)
        rounds.release(commonweal, week)
    rounds.run(commonweal, "2026-W49")
    with TestClient(create_app(commonweal), base_url="http://localhost") as made:
        until_ready(made)
        yield entered(commonweal, made, make_coordinator(commonweal))
    commonweal.database.dispose()


@contextmanager
def listening(app: Any, *, port: int = 0, lifespan: Literal["on", "off"] = "off") -> Iterator[str]:
    """The pages on a port of this machine, any that is free where none is named; yields their address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan=lifespan))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractContextManager[str]]:
    return listening


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install commonweal[dev]")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium here: make browser installs it")
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()


def until_ready(client: TestClient) -> None:
    for _ in range(500):
        if client.get("/healthz").status_code == 200:
            return
        time.sleep(0.02)
    raise AssertionError("not ready after 10 s")

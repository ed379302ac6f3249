"""`make bench`, its second part: how fast pages are served, beside the same page rendered from constants.

A member's suggestions on the example network, over the network, to several browsers at once; then a coordinator's queue
of 500 pairings, to one. The floor is a route that has all that the page shows at hand: what is missing to it is what
signing in, the store and the presenting of records take. Nothing here passes or fails.
"""

import http.client
import json
import multiprocessing
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import uvicorn
from fastapi import Request
from rich.console import Console
from rich.table import Table

from matcher.eligibility import MEMBER_RULES
from matcher.proposing import Proposal
from matcher.records import Kind
from service import demo, signin
from service.asking import meet
from service.settings import Settings
from service.store import people
from service.store import rounds as stored_rounds
from service.web import access, review_pages, suggestions
from service.web.app import create_app
from service.web.rendering import page
from service.wiring import Commonweal

BROWSERS = 4
TURNS = 5
WEEK = "2026-W48"
PAGES = ("/suggestions", "/introductions")
CONSTANT = "/constant"
PAIRINGS = 500
NEXT = "2099-W01"
QUEUE, CONSTANT_QUEUE = f"/desk/review/{NEXT}", "/constant-queue"


@dataclass
class Served:
    """Pages a second, and the seconds in which half and 99 of 100 were there."""

    path: str
    rate: float
    half: float
    p99: float


def network(home: Path) -> tuple[str, str]:
    """The example with a released round, and another proposed; the cookies of a member and of a coordinator."""
    commonweal = Commonweal(Settings(home=home))
    commonweal.database.migrate()
    demo.import_example(commonweal)
    round_ = demo.run_round(commonweal, stored_rounds.week_of(commonweal.now().date()))
    propose(commonweal)
    with commonweal.database.write() as connection:
        (person, *_) = people.of(connection, round_.suggestions[0].need.organisation)
        coordinator = people.ensure(connection, demo.COORDINATOR, "Example Coordinator")
        people.grant(connection, coordinator.id, people.Access.COORDINATOR)
    cookies = cookie_of(commonweal, person.person), cookie_of(commonweal, coordinator)
    commonweal.database.dispose()
    return cookies


def propose(commonweal: Commonweal) -> None:
    """A round of the best pairings there are, limits or not, as many as a queue may have."""
    known = commonweal.live.current()
    needs = (one for one in known.listings.values() if one.kind is Kind.NEED)
    found = [
        suggestion
        for need in needs
        for suggestion in meet(commonweal, known, need, rules=MEMBER_RULES, limit=5, threshold=0.0)
    ]
    best = sorted(found, key=lambda one: -one.fit)[:PAIRINGS]
    assert len(best) == PAIRINGS
    with commonweal.database.write() as connection:
        versions = commonweal.versions
        stored_rounds.propose(connection, NEXT, Proposal(tuple(best)), versions=versions, at=commonweal.now())


def cookie_of(commonweal: Commonweal, person: people.Person) -> str:
    token = signin.make_link(commonweal, person).rsplit("/", 1)[1]
    return f"{access.cookie_name(commonweal)}={signin.use(commonweal, token, 'bench').token}"


def serve(home: Path, port: int) -> None:
    """The application, with two routes more: the first page of each part, again and again from what that one showed."""
    app = create_app(Commonweal(Settings(home=home, port=port)))

    def keep(part: Any, path: str) -> None:
        kept: dict[str, Any] = {}

        def keeping(request: Request, template: str, **shown: Any) -> Any:
            kept.update(template=template, shown=shown, visitor=request.state.visitor)
            return page(request, template, **shown)

        def constant(request: Request) -> Any:
            request.state.visitor = kept["visitor"]
            return page(request, kept["template"], **kept["shown"])

        part.page = keeping
        app.add_api_route(path, constant)
        app.router.routes.insert(0, app.router.routes.pop())

    keep(suggestions, CONSTANT)
    keep(review_pages, CONSTANT_QUEUE)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def ask(port: int, path: str, cookie: str, times: int, browsers_at_once: int = BROWSERS) -> Served:
    """The same page, so many times to each browser."""
    took: list[float] = []

    def browse() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(times):
            began = time.perf_counter()
            connection.request("GET", path, headers={"Cookie": cookie})
            answer = connection.getresponse()
            answer.read()
            took.append(time.perf_counter() - began)
            assert answer.status == 200, (path, answer.status)
        connection.close()

    browsers = [threading.Thread(target=browse) for _ in range(browsers_at_once)]
    began = time.perf_counter()
    for one in browsers:
        one.start()
    for one in browsers:
        one.join()
    rate = len(took) / (time.perf_counter() - began)
    return Served(path, rate, statistics.median(took), float(np.percentile(took, 99)))


def middle(turns: Sequence[Served]) -> Served:
    """The medians of several turns: one page after the other, so that what else the machine does meets all of them."""
    rate, half, p99 = (float(np.median([getattr(one, name) for one in turns])) for name in ("rate", "half", "p99"))
    return Served(turns[0].path, rate, half, p99)


def until_ready(port: int) -> None:
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("the pages did not get ready within a minute")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(
    json_to: Annotated[Path, typer.Option("--json", help="Where the figures go.")] = Path("var/bench-pages.json"),
    times: Annotated[int, typer.Option(help="Pages for each browser, in each of five turns.")] = 50,
) -> None:
    """Example: python tests/bench_pages.py --times 50"""
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder), free_port()
        cookie, coordinator = network(home)
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(home, port), daemon=True)
        server.start()
        until_ready(port)
        ask(port, PAGES[0], cookie, 5)
        first = ask(port, QUEUE, coordinator, 1, 1)
        runs = [[ask(port, path, cookie, times) for path in (CONSTANT, *PAGES)] for _ in range(TURNS)]
        queues = [
            [ask(port, path, coordinator, max(1, times // 5), 1) for path in (CONSTANT_QUEUE, QUEUE)]
            for _ in range(TURNS)
        ]
        server.terminate()
        server.join()
    made = [middle(turns) for turns in zip(*runs, strict=True)]
    of_queue = [middle(turns) for turns in zip(*queues, strict=True)]
    console.print(table(f"Pages to {BROWSERS} browsers at once", made, {PAGES[0]: "at least 0.5 of the floor"}))
    console.print(table(f"A queue of {PAIRINGS} pairings to one browser", of_queue, {QUEUE: "at most 300 ms"}))
    console.print(f"The very first time it took {1000 * first.half:.0f} ms.")
    json_to.parent.mkdir(parents=True, exist_ok=True)
    json_to.write_text(json.dumps([vars(one) for one in (*made, *of_queue)], indent=2) + "\n")


def table(title: str, made: Sequence[Served], aims: Mapping[str, str]) -> Table:
    """The first row is the floor of the others."""
    shown = Table(title=title, title_justify="left")
    for heading in ("page", "a second", "median ms", "p99 ms", "of the floor", "aim"):
        shown.add_column(heading, justify="left" if heading in ("page", "aim") else "right")
    for one in made:
        aim = "the floor" if one is made[0] else aims.get(one.path, "")
        numbers = (one.rate, 1000 * one.half, 1000 * one.p99, one.rate / made[0].rate)
        shown.add_row(one.path, *(f"{number:.3g}" for number in numbers), aim)
    return shown


if __name__ == "__main__":
    typer.run(main)

"""`make bench`, its second part: how fast pages are served, beside the same page rendered from constants.

A member's suggestions on the example network, over the network, to several browsers at once. The floor is a route that
has all that the page shows at hand: what is missing to it is what signing in, the store and the presenting of records
take. Nothing here passes or fails.
"""

import http.client
import json
import multiprocessing
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import uvicorn
from fastapi import Request
from rich.console import Console
from rich.table import Table

from service import demo, signin
from service.settings import Settings
from service.store import people
from service.store import rounds as stored_rounds
from service.web import access, suggestions
from service.web.app import create_app
from service.web.rendering import page
from service.wiring import Commonweal

BROWSERS = 4
TURNS = 5
WEEK = "2026-W48"
PAGES = ("/suggestions", "/introductions")
CONSTANT = "/constant"


@dataclass
class Served:
    """Pages a second, and the seconds in which half and 99 of 100 were there."""

    path: str
    rate: float
    half: float
    p99: float


def network(home: Path) -> str:
    """The example with a released round; the cookie of a member with suggestions."""
    commonweal = Commonweal(Settings(home=home))
    commonweal.database.migrate()
    demo.import_example(commonweal)
    round_ = demo.run_round(commonweal, stored_rounds.week_of(commonweal.now().date()))
    with commonweal.database.read() as connection:
        (person, *_) = people.of(connection, round_.suggestions[0].need.organisation)
    token = signin.make_link(commonweal, person.person).rsplit("/", 1)[1]
    cookie = signin.use(commonweal, token, "bench").token
    commonweal.database.dispose()
    return f"{access.cookie_name(commonweal)}={cookie}"


def serve(home: Path, port: int) -> None:
    """The application, with a route more: the first page it renders, again and again from what that one showed."""
    app = create_app(Commonweal(Settings(home=home, port=port)))
    kept: dict[str, Any] = {}

    def keeping(request: Request, template: str, **shown: Any) -> Any:
        kept.update(template=template, shown=shown, visitor=request.state.visitor)
        return page(request, template, **shown)

    def constant(request: Request) -> Any:
        request.state.visitor = kept["visitor"]
        return page(request, kept["template"], **kept["shown"])

    suggestions.page = keeping  # type: ignore[attr-defined]
    app.add_api_route(CONSTANT, constant)
    app.router.routes.insert(0, app.router.routes.pop())
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def ask(port: int, path: str, cookie: str, times: int) -> Served:
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

    browsers = [threading.Thread(target=browse) for _ in range(BROWSERS)]
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
        cookie = network(home)
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(home, port), daemon=True)
        server.start()
        until_ready(port)
        ask(port, PAGES[0], cookie, 5)
        runs = [[ask(port, path, cookie, times) for path in (CONSTANT, *PAGES)] for _ in range(TURNS)]
        server.terminate()
        server.join()
    made = [middle(turns) for turns in zip(*runs, strict=True)]
    floor = made[0].rate
    shown = Table(title=f"Pages to {BROWSERS} browsers at once", title_justify="left")
    for heading in ("page", "a second", "median ms", "p99 ms", "of the floor", "aim"):
        shown.add_column(heading, justify="left" if heading in ("page", "aim") else "right")
    for one in made:
        aim = "at least 0.5" if one.path == PAGES[0] else "the floor" if one.path == CONSTANT else ""
        numbers = (one.rate, 1000 * one.half, 1000 * one.p99, one.rate / floor)
        shown.add_row(one.path, *(f"{number:.3g}" for number in numbers), aim)
    console.print(shown)
    json_to.parent.mkdir(parents=True, exist_ok=True)
    json_to.write_text(json.dumps([vars(one) for one in made], indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)

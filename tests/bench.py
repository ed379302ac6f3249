"""`make bench`: how fast Commonweal is, each figure beside the floor that was measured in the same run.

The listings are made up from a seed: 30 to 60 words, one passage each, topics that make some of them alike. Their
vectors are drawn likewise, so that nothing but what is measured waits for the encoder. Nothing here passes or fails.
"""

import csv
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from matcher import passages
from matcher.artefacts import artefact
from matcher.encoding import Encoded, unit
from matcher.matching import propose
from matcher.records import (
    History,
    Kind,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Standing,
    Strength,
    Suggestion,
)
from service.asking import ask
from service.settings import Settings
from service.store import members, rounds
from service.wiring import Commonweal

TOPICS = 300
TOWNS = ("Canterbury", "Leeds", "Cardiff", "Glasgow", "Belfast", "Norwich", "Exeter", "Preston", "Derby", "Newcastle")
COMMAND = [sys.executable, "-c", "from service.cli import main; main()"]
ON = date(2026, 11, 23)


@dataclass
class Figure:
    """One row of the table: what was measured, its floor in the same run, and the aim."""

    what: str
    measured: float
    floor: float
    unit: str
    aim: str
    met: bool

    @property
    def ratio(self) -> float:
        return self.measured / self.floor if self.floor else float("nan")


def texts(count: int, rng: np.random.Generator) -> tuple[list[str], Any]:
    """Texts of 30 to 60 of the example's words in two sentences, and each one's topic."""
    words = np.array(sorted(_example_words()))
    common = rng.permutation(1 / np.arange(1, len(words) + 1))
    topics = rng.integers(0, TOPICS, count)
    made = []
    for topic in topics:
        length = int(rng.integers(30, 61))
        of_topic = rng.integers(0, 40, length // 3) + topic * 17 % (len(words) - 40)
        drawn = np.concatenate([of_topic, rng.choice(len(words), length - len(of_topic), p=common / common.sum())])
        chosen = words[rng.permutation(drawn)]
        middle = length // 2
        made.append(f"{' '.join(chosen[:middle])}. {' '.join(chosen[middle:])}.".capitalize())
    return made, topics


def _example_words() -> set[str]:
    with artefact("data", "example", "listings.csv").open(encoding="utf-8", newline="") as file:
        return {word for row in csv.DictReader(file) for word in re.findall(r"[a-z]{2,}", row["text"].lower())}


def fill(commonweal: Commonweal, needs: int, offers: int, rng: np.random.Generator) -> None:
    """A network in the store, with vectors as if all of it had been encoded."""
    commonweal.database.migrate()
    count = max(2, (needs + offers) // 4)
    organisations = {
        OrganisationId(f"o{n}"): Organisation(
            id=OrganisationId(f"o{n}"),
            name=f"Organisation {n}",
            standing=Standing.MEMBER,
            sectors=(("voluntary", "private", "public")[n % 3],),
            size=("micro", "small", "medium", "large")[n % 4],
            places=(TOWNS[n % len(TOWNS)],),
        )
        for n in range(count)
    }
    made, topics = texts(needs + offers, rng)
    listings = {
        ListingId(f"l{n}"): Listing(
            id=ListingId(f"l{n}"),
            organisation=OrganisationId(f"o{n % count}"),
            kind=Kind.NEED if n < needs else Kind.OFFER,
            text=text,
            resource=("people", "space", "money")[n % 3],
            remote=n % 3 == 0,
        )
        for n, text in enumerate(made)
    }
    with commonweal.database.write() as connection:
        members.save(connection, organisations=organisations, listings=listings)
    dimension = commonweal.core.encoder.dimension
    centres = unit(rng.standard_normal((TOPICS, dimension)).astype(np.float32))
    for start in range(0, len(made), 5000):
        entries = {}
        for text, topic in zip(made[start : start + 5000], topics[start : start + 5000], strict=True):
            (passage,) = passages.split(text, commonweal.core.vocabulary)
            noise = rng.standard_normal((1 + len(passage.clauses), dimension)).astype(np.float32) / dimension**0.5
            vectors = unit(centres[topic] + 1.1 * noise)
            entries[passage.digest] = Encoded(vectors[0], vectors[1:])
        commonweal.vectors.keep(commonweal.encoder.name, entries)


def remember(commonweal: Commonweal, weeks: int, suggestions: int) -> None:
    """Released rounds of the weeks before, for every question to look through."""
    now = commonweal.now()
    for week in range(1, weeks + 1):
        made = [
            Suggestion(need=_listed(f"l{n}", Kind.NEED), offer=_listed(f"x{n}", Kind.OFFER), fit=0.5,
                       strength=Strength.GOOD, score=1.0)
            for n in range(suggestions)
        ]  # fmt: skip
        name = rounds.week_of(now.date() - timedelta(weeks=week))
        with commonweal.database.write() as connection:
            rounds.propose(connection, name, made, versions={}, left_out={}, at=now)
            rounds.release(connection, name, now)


def _listed(key: str, kind: Kind) -> Listing:
    return Listing(id=ListingId(key), organisation=OrganisationId("o1"), kind=kind, text="a van on Mondays")


def timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def encoding(commonweal: Commonweal, rng: np.random.Generator) -> Figure:
    """Texts a second against sentence-transformers called directly, same model, dtype and batches."""
    made = [passages.split(text, commonweal.core.vocabulary)[0] for text in texts(256, rng)[0]]
    encoder: Any = commonweal.core.encoder
    raw = encoder.model
    plain = [passage.text for passage in made]
    encoder.encode(made[:64]), raw.encode(plain[:64])
    ours, theirs = [], []
    for _ in range(5):
        theirs.append(256 / timed(lambda: raw.encode(plain, batch_size=32)))
        ours.append(256 / timed(lambda: encoder.encode(made)))
    a, b = median(ours), median(theirs)
    return Figure(f"encoding, {encoder.dtype}", a, b, "texts/s", "at least 0.9 of the floor", a >= 0.9 * b)


def matching(offers: int, aim_ms: float, rng: np.random.Generator) -> Figure:
    """A question as page and command line ask it, in a warm process: catch up, encode, search, rules, reasons."""
    with tempfile.TemporaryDirectory() as home:
        commonweal = Commonweal(Settings(home=Path(home)))
        fill(commonweal, 10, offers, rng)
        remember(commonweal, 8, 2000)
        commonweal.live.current()
        questions = texts(60, rng)[0]
        raw: Any = commonweal.core.encoder
        for question in questions[:10]:
            ask(commonweal, question, Kind.NEED), raw.model.encode([question])
        ours, theirs = [], []
        for question in questions[10:]:
            theirs.append(timed(lambda q=question: raw.model.encode([q])) * 1000)
            ours.append(timed(lambda q=question: ask(commonweal, q, Kind.NEED)) * 1000)
        commonweal.database.dispose()
    a, b = median(ours), median(theirs)
    return Figure(f"match, {offers:,} offers", a, b, "ms", f"floor + {aim_ms:.0f} ms", a <= b + aim_ms)


def round_(size: int, rng: np.random.Generator) -> list[Figure]:
    """A round from the store, as a process of its own, against its searches alone."""
    with tempfile.TemporaryDirectory() as home:
        commonweal = Commonweal(Settings(home=Path(home)))
        fill(commonweal, size, size, rng)
        network = commonweal.live.current()
        needs, offers = network.needs, network.offers
        everything = np.ones(size, bool)

        def searches() -> None:
            for asking, asked in ((needs, offers), (offers, needs)):
                for entry in asking.entries:
                    asked.index.nearest(entry.vector, 100, everything)
                    asked.lexical.scores(asked.lexical.question(entry.terms))

        floor = timed(searches)
        process = [*COMMAND, "round", "--dry-run", "--json", "--week", "2026-W48"]
        environment = {**os.environ, "COMMONWEAL_HOME": home}
        whole = timed(lambda: subprocess.run(process, check=True, capture_output=True, env=environment))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        inside = timed(lambda: propose(network, ranker=commonweal.core.ranker, on=ON, history=History()))
        commonweal.database.dispose()
    name = f"round, {size:,} x {size:,}"
    return [
        Figure(f"{name}, whole command", whole, floor, "s", "at most 60 s", whole <= 60),
        Figure(f"{name}, without start and store", inside, floor, "s", "-", True),
        Figure(f"{name}, peak memory", peak, 0, "GB", "at most 2 GB", peak <= 2),
    ]


def import_again(rows: int, rng: np.random.Generator) -> Figure:
    """The same spreadsheet a second time, as a process of its own, against reading it with the csv module."""
    with tempfile.TemporaryDirectory() as home:
        commonweal = Commonweal(Settings(home=Path(home)))
        fill(commonweal, rows // 2, rows // 2, rng)
        environment = {**os.environ, "COMMONWEAL_HOME": home}
        subprocess.run([*COMMAND, "export", f"{home}/out"], check=True, capture_output=True, env=environment)
        sheet = Path(home) / "out" / "listings.csv"
        read = f"import csv; list(csv.reader(open({str(sheet)!r}, newline='')))"
        floor = median(timed(lambda: subprocess.run([sys.executable, "-c", read], check=True)) for _ in range(3))
        again = [*COMMAND, "import", str(sheet)]
        runs = [
            timed(lambda: subprocess.run(again, check=True, capture_output=True, env=environment)) for _ in range(3)
        ]
        with sheet.open(encoding="utf-8-sig", newline="") as file:
            assert sum(1 for _ in csv.DictReader(file)) == rows
        commonweal.database.dispose()
    a = median(runs)
    return Figure(f"import again, {rows:,} unchanged rows", a, floor, "s", "at most 5 s", a <= 5)


def start() -> Figure:
    """`commonweal --help` against starting Python and importing typer."""
    a = median(timed(lambda: subprocess.run([*COMMAND, "--help"], check=True, capture_output=True)) for _ in range(7))
    bare = [sys.executable, "-c", "import typer"]
    b = median(timed(lambda: subprocess.run(bare, check=True)) for _ in range(7))
    return Figure("commonweal --help", a, b, "s", "at most 0.5 s", a <= 0.5)


def table(figures: Sequence[Figure]) -> Table:
    shown = Table(title="Each figure beside its floor in the same run", title_justify="left")
    for heading in ("what", "measured", "floor", "ratio", "aim", "met"):
        shown.add_column(heading, justify="right" if heading in ("measured", "floor", "ratio") else "left")
    for one in figures:
        floor, ratio = (f"{one.floor:.3g} {one.unit}", f"{one.ratio:.2f}") if one.floor else ("", "")
        shown.add_row(one.what, f"{one.measured:.3g} {one.unit}", floor, ratio, one.aim, "yes" if one.met else "NO")
    return shown


def main(
    json_to: Annotated[Path, typer.Option("--json", help="Where the figures go as JSON.")] = Path("var/bench.json"),
    quick: Annotated[bool, typer.Option(help="A tenth of every size.")] = False,
) -> None:
    """Example: python tests/bench.py --quick"""
    rng = np.random.default_rng(7)
    by = 10 if quick else 1
    console = Console(width=120)
    figures: list[Figure] = []
    steps: list[Callable[[], Figure | list[Figure]]] = [
        start,
        lambda: encoding(Commonweal(Settings(home=Path(tempfile.gettempdir()))), rng),
        lambda: matching(10_000 // by, 10, rng),
        lambda: matching(100_000 // by, 40, rng),
        lambda: import_again(10_000 // by, rng),
        lambda: round_(10_000 // by, rng),
    ]
    for step in steps:
        found = step()
        figures += found if isinstance(found, list) else [found]
        console.print(f"{figures[-1].what}: {figures[-1].measured:.3g} {figures[-1].unit}", highlight=False)
    console.print(table(figures))
    json_to.parent.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "machine": platform.machine()}
    rows = [{**asdict(one), "ratio": None if not one.floor else one.ratio} for one in figures]
    json_to.write_text(json.dumps({"machine": machine, "figures": rows}, indent=2) + "\n")
    console.print(f"JSON in {json_to}")


if __name__ == "__main__":
    typer.run(main)

"""`make bench`: how fast Commonweal is, each figure beside the floor that was measured in the same run.

The listings are made up from a seed: 30 to 60 words, one passage each, topics that make some of them alike. Their
vectors are drawn likewise, so that nothing but what is measured waits for the encoder. Nothing here passes or fails.
Rounds are run at several sizes, to see how each of their stages grows; `--large` adds the largest, which takes a while.
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
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from math import log2
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from matcher import passages
from matcher.allocation import allocate
from matcher.artefacts import artefact
from matcher.candidates import BLOCK, gather
from matcher.eligibility import past
from matcher.encoding import Encoded, unit
from matcher.network import Network
from matcher.proposing import Proposal, propose
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
from matcher.weighing import weigh
from service.asking import ask
from service.settings import Settings
from service.store import members, rounds
from service.wiring import Commonweal

SIZES, LARGE = (1_000, 2_000, 5_000, 10_000), 100_000
AIMS = {1_000: 5, 10_000: 45, 100_000: 25 * 60}  # seconds for a round's whole command
PEAKS = {10_000: 2, 100_000: 6}  # GB
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
            rounds.propose(connection, name, Proposal(tuple(made)), versions={}, at=now)
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


@dataclass
class Round:
    """A round of so many needs and offers, as a command of its own; and its stages, in this process, in seconds."""

    size: int
    whole: float
    peak: float
    searches: float
    stages: dict[str, float]
    gap: float

    def figures(self) -> list[Figure]:
        name, aim, most = f"round, {self.size:,} x {self.size:,}", AIMS.get(self.size), PEAKS.get(self.size)
        allocated = self.stages["allocate"]
        found = [
            Figure(f"{name}, whole command", self.whole, self.searches, "s", f"at most {aim} s" if aim else "-",
                   not aim or self.whole <= aim),
            Figure(f"{name}, allocation", allocated, self.whole, "s", "at most 0.2 of the whole",
                   allocated <= 0.2 * self.whole),
        ]  # fmt: skip
        if most:
            found.append(
                Figure(f"{name}, peak memory", self.peak, 0, "GB", f"at most {most} GB", self.peak <= most),
            )
        return found


def round_(size: int, rng: np.random.Generator) -> Round:
    """A round from the store, against comparing every vector and every word once, on one core."""
    with tempfile.TemporaryDirectory() as home:
        commonweal = Commonweal(Settings(home=Path(home)))
        fill(commonweal, size, size, rng)
        whole, peak = command_alone(home, "round", "--dry-run", "--json", "--week", "2026-W48")
        found, gap = stages(commonweal)
        floor = timed(lambda: searches(commonweal.live.current()))
        commonweal.database.dispose()
    return Round(size, whole, peak, floor, found, gap)


def searches(network: Network) -> None:
    for asking, asked in ((network.needs, network.offers), (network.offers, network.needs)):
        for start in range(0, len(asking), BLOCK):
            entries = asking.entries[start : start + BLOCK]
            asked.index.all_similarities(np.stack([entry.vector for entry in entries]))
            for entry in entries:
                asked.lexical.scores(asked.lexical.question(entry.terms))


def stages(commonweal: Commonweal) -> tuple[dict[str, float], float]:
    """What each stage of a round takes, and how far the allocation may be from the best."""
    took: dict[str, float] = {}

    def step(name: str, run: Callable[[], Any]) -> Any:
        done: list[Any] = []
        took[name] = timed(lambda: done.append(run()))
        return done[0]

    ranker, history = commonweal.core.ranker, History()
    network = step("read", commonweal.live.current)
    before = past(history, network, ON)
    found = step("gather", lambda: gather(network, ranker=ranker, on=ON, before=before, workers=commonweal.workers))
    allocation = step("allocate", lambda: allocate(weigh(network, found, on=ON, history=history).market))
    proposal = step("explain", lambda: propose(network, ranker=ranker, on=ON, history=history, found=found))
    # the rest of proposing: reasons, and why the others were not chosen
    took["explain"] = max(0.0, took["explain"] - took["allocate"])
    step("store", lambda: store(commonweal, "2026-W48", proposal))
    return took, allocation.gap


def store(commonweal: Commonweal, week: str, proposal: Proposal) -> None:
    with commonweal.database.write() as connection:
        rounds.propose(connection, week, proposal, versions=commonweal.versions, at=commonweal.now())


def command_alone(home: str, *words: str) -> tuple[float, float]:
    """Seconds that a command takes, and the most GB that it and the processes it starts held at once."""
    began, peak = time.perf_counter(), 0.0
    environment = {**os.environ, "COMMONWEAL_HOME": home}
    with subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        while process.poll() is None:
            looked = time.perf_counter()
            peak = max(peak, sum(map(held, family(process.pid))))
            with suppress(subprocess.TimeoutExpired):  # a look at much memory takes long, and holds up whose it is
                process.wait(max(0.05, 50 * (time.perf_counter() - looked)))
    assert process.returncode == 0, words
    took = time.perf_counter() - began
    return took, peak or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def family(process: int) -> list[int]:
    """A process and those it started, as far as the system tells (Linux)."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return [process]
    return [process, *(one for child in children for one in family(int(child)))]


def held(process: int) -> float:
    """GB of memory, what several processes share divided among them; 0 where the system does not tell."""
    try:
        told = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", told, re.M)
    return int(found[1]) / 2**20 if found else 0.0


def growth(made: Sequence[Round]) -> Table:
    """Each stage at each size, and by what factor it grows when the size doubles."""
    shown = Table(title="Rounds by stage, in seconds (in brackets: growth per doubling)", title_justify="left")
    for heading in ("size", *made[0].stages, "whole command", "peak GB", "gap"):
        shown.add_column(heading, justify="right")
    for before, one in zip((None, *made), made, strict=False):
        cells = [f"{took:.3g}{factor(before, one, name)}" for name, took in one.stages.items()]
        shown.add_row(f"{one.size:,}", *cells, f"{one.whole:.3g}", f"{one.peak:.2f}", f"{one.gap:.2%}")
    return shown


def factor(before: Round | None, one: Round, stage: str) -> str:
    if before is None or min(before.stages[stage], one.stages[stage]) < 0.05:  # too little to tell
        return ""
    return f" ({(one.stages[stage] / before.stages[stage]) ** (1 / log2(one.size / before.size)):.1f})"


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
    large: Annotated[bool, typer.Option(help="A round of 100,000 x 100,000 too: takes long.")] = False,
) -> None:
    """Example: python tests/bench.py --quick"""
    rng = np.random.default_rng(7)
    by = 10 if quick else 1
    console = Console(width=120)
    figures: list[Figure] = []
    steps: list[Callable[[], Figure]] = [
        start,
        lambda: encoding(Commonweal(Settings(home=Path(tempfile.gettempdir()))), rng),
        lambda: matching(10_000 // by, 10, rng),
        lambda: matching(100_000 // by, 40, rng),
        lambda: import_again(10_000 // by, rng),
    ]
    for step in steps:
        figures.append(step())
        console.print(f"{figures[-1].what}: {figures[-1].measured:.3g} {figures[-1].unit}", highlight=False)
    made: list[Round] = []
    for size in SIZES + (LARGE,) * large:
        made.append(round_(size // by, rng))
        console.print(f"round, {made[-1].size:,} x {made[-1].size:,}: {made[-1].whole:.3g} s", highlight=False)
    figures += [figure for one in made for figure in one.figures()]
    console.print(growth(made))
    console.print(table(figures))
    json_to.parent.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "machine": platform.machine()}
    rows = [{**asdict(one), "ratio": None if not one.floor else one.ratio} for one in figures]
    document = {"machine": machine, "figures": rows, "rounds": [asdict(one) for one in made]}
    json_to.write_text(json.dumps(document, indent=2) + "\n")
    console.print(f"JSON in {json_to}")


if __name__ == "__main__":
    typer.run(main)

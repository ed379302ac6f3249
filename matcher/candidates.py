"""A round's candidates: what every listing could meet, asked from both sides, many at once and by several processes."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
from numpy.typing import NDArray

from matcher.eligibility import MEMBER_RULES, Asking, Past, about, barred, eligible
from matcher.encoding import FloatArray, Progress, silent
from matcher.index import BoolArray
from matcher.matching import ranked
from matcher.network import Network, Side
from matcher.ranking import Ranker
from matcher.records import Kind, OrganisationId
from matcher.retrieval import DEPTH
from matcher.workers import worked_off

BLOCK = 64  # listings that ask at once: their similarities to a whole side are one matrix product
WORTH_WORKERS = 3000  # listings that ask; with fewer, starting processes takes longer than they save
LOOKING = {Kind.NEED: "looking for offers", Kind.OFFER: "looking for needs"}
PAIR_RULES = tuple(rule for rule in MEMBER_RULES if rule.bars is None)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs that may be suggested, in columns: rows of needs and of offers, each pair once, by need and then offer."""

    need: NDArray[np.int64]
    offer: NDArray[np.int64]
    fit: FloatArray
    score: FloatArray


def gather(
    network: Network, *, ranker: Ranker, on: date, before: Past, progress: Progress = silent, workers: int = 1
) -> Candidates:
    """Every pair in which a listing of a member ranks the other among its first hundred, and which fits well enough.

    Both sides ask; of two fits the better one counts. With several workers the same comes out, as far as their
    processors add up floats alike. Raises WorkerLostError.
    """
    sides = {Kind.NEED: network.needs, Kind.OFFER: network.offers}
    closed = {kind: barred(side, on, before, MEMBER_RULES) for kind, side in sides.items()}
    askers = {kind: np.flatnonzero(~mask) for kind, mask in closed.items()}
    if sum(map(len, askers.values())) < WORTH_WORKERS:
        workers = 1
    searches = {
        asking: _Search(sides[asked] if workers == 1 else sides[asked].columns(), ~closed[asked], ranker)
        for asking, asked in ((Kind.NEED, Kind.OFFER), (Kind.OFFER, Kind.NEED))
    }
    plan = [
        (kind, rows[start : start + BLOCK]) for kind, rows in askers.items() for start in range(0, len(rows), BLOCK)
    ]
    blocks = (_block(kind, rows, sides[kind], on, before) for kind, rows in plan)
    parts: list[Candidates] = []
    done = dict.fromkeys(sides, 0)
    with closing(worked_off(_answered, searches, blocks, workers=workers)) as answers:
        for (kind, rows), part in zip(plan, answers, strict=True):
            parts.append(part)
            done[kind] += len(rows)
            progress(LOOKING[kind], done[kind], len(askers[kind]))
    return _united(_together(parts), len(network.offers))


def between(
    network: Network,
    asking: Collection[OrganisationId],
    answering: Collection[OrganisationId],
    *,
    ranker: Ranker,
    on: date,
    before: Past,
    least: float | None = None,
    progress: Progress = silent,
) -> Candidates:
    """Every pair in which a listing of `asking` asks and one of `answering` answers, whichever of the two is the need.

    Each asks the whole network, of which only these answers are kept: fits are what they are among everybody, and do
    not rise or fall with who else is asked. `least` is the least fit kept, the ranker's threshold when None.
    """
    parts: list[Candidates] = []
    for kind, own, other in (
        (Kind.NEED, network.needs, network.offers),
        (Kind.OFFER, network.offers, network.needs),
    ):
        askers = np.flatnonzero(owned(own, asking) & ~barred(own, on, before, MEMBER_RULES))
        open_, deep = ~barred(other, on, before, MEMBER_RULES), sum(len(entry.passages) for entry in other.entries)
        search = _Search(
            other, open_, ranker, owned(other, answering), ranker.threshold if least is None else least, deep
        )
        for start in range(0, len(askers), BLOCK):
            rows = askers[start : start + BLOCK]
            parts.append(_answered({kind: search}, _block(kind, rows, own, on, before)))
            progress(LOOKING[kind], start + len(rows), len(askers))
    return _united(_together(parts), len(network.offers))


def owned(side: Side, organisations: Collection[OrganisationId]) -> BoolArray:
    """True for each row of the side that is one of these organisations'."""
    mask = np.zeros(len(side), bool)
    for organisation in organisations:
        mask[side.of(organisation)] = True
    return mask


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """The side that is asked: `open` is true for the rows that may be suggested to anybody at all.

    Of what is found `deep` down, the rows where `kept` is true and with the `least` fit are candidates; all rows, and
    the ranker's threshold, when None.
    """

    side: Side
    open: BoolArray
    ranker: Ranker
    kept: BoolArray | None = None
    least: float | None = None
    deep: int = DEPTH


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Listings that ask at once, and their rows; all that a worker is sent of them."""

    kind: Kind
    rows: NDArray[np.int64]
    askings: tuple[Asking, ...]


def _block(kind: Kind, rows: NDArray[np.int64], side: Side, on: date, before: Past) -> _Block:
    entries = [side.entries[row].asking() for row in rows.tolist()]
    theirs = about(before, [entry.listing for entry in entries])
    return _Block(kind, rows, tuple(Asking(entry, on, theirs) for entry in entries))


def _answered(searches: Mapping[Kind, _Search], block: _Block) -> Candidates:
    search = searches[block.kind]
    similar = search.side.index.all_similarities(np.stack([asking.entry.vector for asking in block.askings]))
    parts: list[Candidates] = []
    for row, asking, of_one in zip(block.rows, block.askings, similar, strict=True):
        among = search.open & eligible(asking, search.side, PAIR_RULES)
        found = ranked(asking.entry, search.side, among, search.ranker, depth=search.deep, similar=of_one)
        fits = found.fit >= (search.ranker.threshold if search.least is None else search.least)
        if search.kept is not None:
            fits &= search.kept[found.rows]
        asked, asks = found.rows[fits], np.full(int(fits.sum()), row, np.int64)
        need, offer = (asks, asked) if block.kind is Kind.NEED else (asked, asks)
        parts.append(Candidates(need, offer, found.fit[fits], found.score[fits]))
    return _together(parts)


def _together(parts: Sequence[Candidates]) -> Candidates:
    none = Candidates(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32))
    columns = (field.name for field in fields(Candidates))
    return Candidates(*(np.concatenate([getattr(part, name) for part in (none, *parts)]) for name in columns))


def _united(found: Candidates, offers: int) -> Candidates:
    """Each pair once, though both sides may have found it, with the better of two fits, ordered by need and offer."""
    pair = found.need * max(1, offers) + found.offer
    order = np.lexsort((-found.score, -found.fit, pair))
    first = order[np.diff(pair[order], prepend=-1) > 0]
    return Candidates(found.need[first], found.offer[first], found.fit[first], found.score[first])

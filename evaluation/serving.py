"""Beyond ranking: who is suggested, whether fit keeps its word, and whether the quoted clauses are the right ones."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.answering import Suggestions, other
from evaluation.collection import Collection, CollectionError
from matcher.explaining import explain
from matcher.network import Entry, Network
from matcher.records import About, Listing

SMALL = ("micro", "small")
BINS = 10
QUOTES = "quotes.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """How attention is shared out among those who could be suggested. Shares are 0 to 1, None where nothing is known.

    `gini` is 0 where every organisation is suggested equally often, near 1 where one gets everything; `lorenz` is its
    curve: what share of suggestions the least suggested share of organisations get; `coverage` is the share of
    organisations suggested at all.
    """

    suggestions: int
    to_small: float | None
    small_listings: float | None
    gini: float
    lorenz: tuple[float, ...]
    coverage: float
    cross_sector: float | None


def sharing(collection: Collection, sent: Suggestions, queries: Sequence[str]) -> Sharing:
    """Of the suggestions sent for `queries`. What could be suggested is all that stands opposite to one of them."""
    kinds = {collection.queries[query].kind for query in queries}
    could = {document for kind in kinds for document in collection.sides[kind]}
    asked = [collection.queries[query] for query in queries]
    pairs = [(query, other(query.kind, one)) for query in asked for one in sent.get(query.id, ())]
    times = Counter(given.organisation for _, given in pairs)
    owners = sorted({collection.documents[one].organisation for one in could})
    counts = np.sort([times[owner] for owner in owners])
    return Sharing(
        suggestions=len(pairs),
        to_small=_share_small(collection, [given for _, given in pairs]),
        small_listings=_share_small(collection, [collection.documents[one] for one in could]),
        gini=gini_of(counts),
        lorenz=lorenz_of(counts),
        coverage=float(np.mean(counts > 0)) if len(counts) else 0.0,
        cross_sector=_cross_sector(collection, pairs),
    )


def _share_small(collection: Collection, listings: Sequence[Listing]) -> float | None:
    sizes = [size for one in listings if (size := collection.organisation_of(one).size)]
    return sum(size in SMALL for size in sizes) / len(sizes) if sizes else None


def _cross_sector(collection: Collection, pairs: Sequence[tuple[Listing, Listing]]) -> float | None:
    """The share of pairs whose organisations have no sector in common, of those whose sectors are known."""
    sectors = [[set(collection.organisation_of(one).sectors) for one in pair] for pair in pairs]
    known = [not (ours & theirs) for ours, theirs in sectors if ours and theirs]
    return sum(known) / len(known) if known else None


def gini_of(counts: np.ndarray) -> float:
    """Of counts in rising order: half the relative mean difference."""
    if not counts.sum():
        return 0.0
    n = len(counts)
    return float((2 * np.arange(1, n + 1) - n - 1) @ counts / (n * counts.sum()))


def lorenz_of(counts: np.ndarray) -> tuple[float, ...]:
    """The share of suggestions that the least suggested 0, 5, … 100% of organisations get."""
    if not counts.sum():
        return ()
    held = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    return tuple(np.interp(np.linspace(0, 1, 21), np.linspace(0, 1, len(held)), held).round(4).tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Judged candidates whose fit lies between two tenths: how many, what fit said, how many deserved a yes."""

    pairs: int
    fit: float
    yes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Whether fit keeps its word on judged candidates (Guo et al. 2017 for the expected calibration error)."""

    bins: tuple[Bin, ...]
    error: float
    pairs: int


def calibration(collection: Collection, whole: Suggestions, queries: Sequence[str]) -> Calibration | None:
    """Over all candidates of `queries` that somebody judged; None where only the good ones were."""
    fits, yes = [], []
    for query in queries:
        asks = collection.queries[query].kind
        for one in whole.get(query, ()):
            if (grade := collection.qrels.get(query, {}).get(other(asks, one).id)) is not None:
                fits.append(one.fit)
                yes.append(grade >= collection.cut)
    if all(yes):
        return None
    fit, deserved = np.array(fits), np.array(yes, float)
    tenth = np.minimum((fit * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(pairs=int(inside.sum()), fit=float(fit[inside].mean()), yes=float(deserved[inside].mean()))
        for number in range(BINS)
        if (inside := tenth == number).any()
    )
    error = sum(one.pairs * abs(one.fit - one.yes) for one in bins) / len(fits)
    return Calibration(bins=bins, error=error, pairs=len(fits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Falsehoods:
    """What was sent for needs that nobody can meet: there, every suggestion is a false one."""

    queries: int
    with_some: int
    suggestions: int


def falsehoods(collection: Collection, sent: Suggestions, split: str) -> Falsehoods | None:
    """None where the collection has no such needs."""
    counts = [len(sent.get(query, ())) for query in collection.nobody(split)]
    if not counts:
        return None
    return Falsehoods(queries=len(counts), with_some=sum(count > 0 for count in counts), suggestions=sum(counts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Of labelled pairs, how many times the quoted clause of the need, of the offer, and both, were right."""

    pairs: int
    need: float
    offer: float
    both: float


def quoted_right(collection: Collection, network: Network) -> Quotes | None:
    """None where the collection has no labelled quotes. Raises CollectionError for a line that cannot be read."""
    path = collection.folder / QUOTES
    if not path.is_file():
        return None
    labelled = [_label(network, line, text) for line, text in enumerate(path.read_text("utf-8").splitlines(), 1)]
    if not labelled:
        return None
    explained = explain(network, [label.pair for label in labelled], collection.on)
    right = []
    for label, (reasons, _, _) in zip(labelled, explained, strict=True):
        said = next(reason for reason in reasons if reason.about is About.CLAUSES)
        right.append(
            (_is_one_of(said.need_clause, label.need_clauses), _is_one_of(said.offer_clause, label.offer_clauses))
        )
    need, offer = np.array(right, float).T
    return Quotes(pairs=len(right), need=need.mean(), offer=offer.mean(), both=(need * offer).mean())


@dataclass(frozen=True, slots=True)
class _Label:
    pair: tuple[Entry, Entry]
    need_clauses: tuple[str, ...]
    offer_clauses: tuple[str, ...]


def _label(network: Network, line: int, text: str) -> _Label:
    try:
        row = json.loads(text)
        pair = network.entry(row["need"]), network.entry(row["offer"])
        return _Label(pair, tuple(row["need_clauses"]), tuple(row["offer_clauses"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CollectionError(f"{QUOTES}, line {line}: {error!r}") from None


def _plain(clause: str) -> str:
    return "".join(filter(str.isalnum, clause.casefold()))


def _is_one_of(quoted: str, labelled: Sequence[str]) -> bool:
    """Whether the quoted clause is, holds or lies within one of the labelled ones."""
    said, good = _plain(quoted), [_plain(clause) for clause in labelled]
    return bool(said) and any(said in clause or clause in said for clause in good)

"""Commonweal's own answers to a collection: the same `suggest` that members get."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from evaluation.collection import Collection
from evaluation.runs import DEPTH, Run
from evaluation.systems import COMMONWEAL
from matcher.assembling import Core
from matcher.eligibility import RULES, Rule
from matcher.encoding import CachedEncoder, MemoryCache, Progress, silent
from matcher.matching import suggest
from matcher.network import Network
from matcher.records import Kind, Listing, Suggestion
from matcher.weighing import NEEDS_CAP

AS_SENT = "as sent"
EXPLAINED = 10  # of the whole ranking; reasons further down are read by nobody

FACTS: Mapping[str, frozenset[str]] = {
    "own organisation": frozenset({"organisation"}),
    "not open": frozenset({"opens", "closes"}),
    "no capacity": frozenset({"capacity"}),
    "out of reach": frozenset({"places"}),
}
"""The rules a collection can have facts for, and the fields that hold them; of the others it knows nothing."""

Suggestions = Mapping[str, Sequence[Suggestion]]
"""By query, best first."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Every query's suggestions: `whole` to `DEPTH`, `sent` as a member would get them. Times are in seconds."""

    collection: Collection
    network: Network
    whole: Suggestions
    sent: Suggestions
    preparing: float
    asking: float

    def run(self) -> Run:
        return Run(system=COMMONWEAL, ranking=self._ids(self.whole), preparing=self.preparing, asking=self.asking)

    def run_as_sent(self) -> Run:
        return Run(system=AS_SENT, ranking=self._ids(self.sent), preparing=self.preparing, asking=self.asking)

    def _ids(self, suggestions: Suggestions) -> dict[str, list[str]]:
        kinds = {query: self.collection.queries[query].kind for query in suggestions}
        return {query: [other(kinds[query], one).id for one in found] for query, found in suggestions.items()}


def other(asks: Kind, suggestion: Suggestion) -> Listing:
    """The side that did not ask: the offer where a need asks."""
    return suggestion.offer if asks is Kind.NEED else suggestion.need


def rules_of(collection: Collection) -> tuple[list[Rule], list[str]]:
    """The rules the collection has facts for, and the names of those it has none for."""
    known = [rule for rule in RULES if FACTS.get(rule.name, frozenset()) & collection.facts]
    return known, [rule.name for rule in RULES if rule not in known]


def network_of(collection: Collection, core: Core, progress: Progress = silent) -> Network:
    return Network(
        collection.organisations,
        {listing.id: listing for listing in collection.documents.values()},
        encoder=CachedEncoder(core.encoder, MemoryCache()),
        vocabulary=core.vocabulary,
        gazetteer=core.gazetteer,
        progress=progress,
    )


def answer(collection: Collection, core: Core, progress: Progress = silent) -> Answers:
    """Asks every judged query: without the limits of a digest, and with its limit, threshold and rules."""
    began = time.perf_counter()
    network = network_of(collection, core, progress)
    preparing = time.perf_counter() - began
    rules, _ = rules_of(collection)
    whole: dict[str, list[Suggestion]] = {}
    sent: dict[str, list[Suggestion]] = {}
    seconds: list[float] = []
    queries = sorted({*collection.qrels, *collection.unmeetable})
    for done, query in enumerate(queries, 1):
        listing, on = collection.queries[query], collection.on
        began = time.perf_counter()
        sent[query] = suggest(network, listing, ranker=core.ranker, on=on, limit=NEEDS_CAP)
        seconds.append(time.perf_counter() - began)
        whole[query] = suggest(
            network,
            listing,
            ranker=core.ranker,
            on=on,
            rules=rules,
            limit=DEPTH,
            threshold=0,
            explained=EXPLAINED,
        )
        progress(f"asking {collection.name}", done, len(queries))
    return Answers(collection, network, whole, sent, preparing, median(seconds or [0.0]))

"""The declared measures, through ir_measures: a judged query without results counts 0."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluation.collection import Collection
from evaluation.comparing import Values
from evaluation.runs import Run, scored

NDCG, RECALL, MAP, MRR, P1, JUDGED = "nDCG@10", "R@100", "MAP", "MRR", "P@1", "Judged@10"
NAMES = (NDCG, RECALL, MAP, MRR, P1, JUDGED)
DECLARED = (NDCG, RECALL, MAP, P1)
"""The measures that the gate holds a change to."""


def declared(collection: Collection) -> Mapping[str, Any]:
    """Each measure as ir_measures knows it, with the collection's own cut and gains."""
    from ir_measures import AP, RR, Judged, P, R, nDCG

    cut = collection.cut
    gains = nDCG(gains=dict(collection.gains)) if collection.gains else nDCG
    return {
        NDCG: gains @ 10,
        RECALL: R(rel=cut) @ 100,
        MAP: AP(rel=cut),
        MRR: RR(rel=cut),
        P1: P(rel=cut) @ 1,
        JUDGED: Judged @ 10,
    }


def per_query(collection: Collection, run: Run, queries: Sequence[str]) -> dict[str, Values]:
    """Each measure's values, shape (queries,), in the order of `queries`."""
    import ir_measures

    wanted = declared(collection)
    names = {str(measure): name for name, measure in wanted.items()}
    rows = {query: row for row, query in enumerate(queries)}
    values = {name: np.zeros(len(queries)) for name in wanted}
    qrels = {query: dict(collection.qrels[query]) for query in queries}
    ranking = {query: found for query, found in scored(run).items() if query in rows and found}
    if not ranking:
        return values
    for value in ir_measures.iter_calc(list(wanted.values()), qrels, ranking):
        values[names[str(value.measure)]][rows[value.query_id]] = value.value
    return values

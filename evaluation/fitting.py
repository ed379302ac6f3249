"""The ranker's parameters from judged pairs: the weight of BM25 in fusion, then a logistic curve over the features."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from evaluation.answering import network_of, rules_of
from evaluation.collection import Collection
from evaluation.comparing import Values
from evaluation.measures import NDCG, per_query
from evaluation.runs import DEPTH, Run
from matcher.assembling import Core
from matcher.eligibility import Asking, eligible, past
from matcher.encoding import FloatArray, Progress, silent
from matcher.errors import CommonwealError
from matcher.features import NAMES, features
from matcher.network import Network
from matcher.records import History
from matcher.retrieval import retrieve

WEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.25)
USUAL = 0.5  # the reference's weight: another has to be better by more than a standard error
FOLDS = 5
STRENGTH = 10.0  # inverse of the L2 penalty
CUTS = {"strong": 0.5, "good": 0.3, "possible": 0.15}


class FittingError(CommonwealError):
    """There is too little to fit on."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What one query's candidates look like: features in the order of `ids`, grades -1 where nobody judged.

    A pair whose other side asks in the other half is that half's too: its grade is left out as well.
    """

    query: str
    organisation: str
    ids: list[str]
    owners: NDArray[np.object_]
    features: FloatArray
    grades: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The parameters, with the cross-validated nDCG@10 of each weight of BM25 that was tried.

    `reliability` holds mean fit, share that deserved it, and pairs, for each word.
    """

    lexical_weight: float
    intercept: float
    weights: tuple[float, ...]
    tried: dict[float, float]
    reliability: dict[str, tuple[float, float, int]]
    pairs: int
    queries: int


def fit(collection: Collection, core: Core, split: str, progress: Progress = silent) -> Fitted:
    """Fits on the judged queries of one split. The same data gives the same parameters.

    The weight of BM25 is chosen by nDCG@10, cross-validated by organisation, with the one-standard-error rule (Breiman
    et al. 1984) towards the usual weight. Raises FittingError where there are too few organisations or no yes or no.
    """
    network = network_of(collection, core, progress)
    seen: dict[float, list[Candidates]] = {}
    scores: dict[float, Values] = {}
    for done, weight in enumerate(WEIGHTS, 1):
        seen[weight] = _candidates(collection, network, split, weight)
        scores[weight] = _cross_validated(collection, seen[weight], collection.judged(split))
        progress("weighing BM25", done, len(WEIGHTS))
    best = _one_standard_error(scores)
    x, y = _judged(collection, seen[best])
    weights, intercept = _curve(x, y)
    return Fitted(
        lexical_weight=best,
        intercept=intercept,
        weights=weights,
        tried={weight: float(values.mean()) for weight, values in scores.items()},
        reliability=_reliability(x @ np.array(weights) + intercept, y),
        pairs=len(y),
        queries=len(seen[best]),
    )


def _candidates(collection: Collection, network: Network, split: str, weight: float) -> list[Candidates]:
    """All candidates of all queries of the split, also of those that nobody can meet."""
    rules, _ = rules_of(collection)
    before = past(History(), network, collection.on)
    found = []
    for query in sorted([*collection.judged(split), *collection.nobody(split)]):
        listing = collection.queries[query]
        entry, side = network.find(listing) or network.draft(listing), network.side_opposite(listing.kind)
        among = eligible(Asking(entry, collection.on, before), side, rules)
        retrieved = retrieve(entry, side, among, lexical_weight=weight, depth=DEPTH)
        ids = [side.entries[row].listing.id for row in retrieved.rows]
        judged = collection.qrels.get(query, {})
        ours = [one not in collection.queries or collection.split_of(one) == split for one in ids]
        grades = np.array([judged.get(one, -1) if own else -1 for one, own in zip(ids, ours, strict=True)], np.int64)
        owners = np.array([side.entries[row].listing.organisation for row in retrieved.rows], object)
        found.append(Candidates(query, listing.organisation, ids, owners, features(entry, side, retrieved), grades))
    return found


def _judged(
    collection: Collection, candidates: Sequence[Candidates], without: frozenset[str] = frozenset()
) -> tuple[Values, NDArray[np.bool_]]:
    """Features and whether it is a yes, of the judged pairs that none of the organisations `without` is part of."""
    known = [(one.grades >= 0) & ~np.isin(one.owners, list(without)) for one in candidates]
    x = np.concatenate([one.features[row] for one, row in zip(candidates, known, strict=True)]).astype(np.float64)
    y = np.concatenate([one.grades[row] >= collection.cut for one, row in zip(candidates, known, strict=True)])
    if y.all() or not y.any():
        raise FittingError(f"{collection.name}: needs pairs judged yes and pairs judged no, has {len(y)} of one kind")
    return x, y


def _curve(x: Values, y: NDArray[np.bool_]) -> tuple[tuple[float, ...], float]:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=STRENGTH, max_iter=2000).fit(x, y)
    return tuple(float(weight) for weight in fitted.coef_[0].round(2)), round(float(fitted.intercept_[0]), 2)


def _cross_validated(collection: Collection, candidates: Sequence[Candidates], queries: Sequence[str]) -> Values:
    """nDCG@10 of each query, ranked by a curve fitted on other organisations."""
    from sklearn.model_selection import GroupKFold

    organisations = [one.organisation for one in candidates]
    if len(set(organisations)) < FOLDS:
        raise FittingError(
            f"{collection.name}: {len(set(organisations))} organisation(s), fewer than {FOLDS} to fit on"
        )
    ranking: dict[str, list[str]] = {}
    for learn, judge in GroupKFold(FOLDS).split(organisations, groups=organisations):
        left_out = frozenset(organisations[row] for row in judge)
        weights, _ = _curve(*_judged(collection, [candidates[row] for row in learn], left_out))
        for row in judge:
            one = candidates[row]
            order = np.argsort(-(one.features @ np.array(weights)), kind="stable")
            ranking[one.query] = [one.ids[place] for place in order]
    return per_query(collection, Run(system="fitting", ranking=ranking), queries)[NDCG]


def _one_standard_error(scores: dict[float, Values]) -> float:
    """The weight nearest to the usual one that is within a standard error of the best."""
    best = scores[max(scores, key=lambda weight: (scores[weight].mean(), -weight))]

    def behind(weight: float) -> bool:
        gap = best - scores[weight]
        return bool(gap.mean() > gap.std() / len(gap) ** 0.5)

    return min((weight for weight in scores if not behind(weight)), key=lambda weight: (abs(weight - USUAL), weight))


def _reliability(margins: Values, y: NDArray[np.bool_]) -> dict[str, tuple[float, float, int]]:
    fits = 1 / (1 + np.exp(-margins))
    told = {}
    high = 1.01
    for word, low in CUTS.items():
        inside = (fits >= low) & (fits < high)
        told[word] = (
            (float(fits[inside].mean()), float(y[inside].mean()), int(inside.sum())) if inside.any() else (0.0, 0.0, 0)
        )
        high = low
    return told


_EXPLAINED = {
    "prominence": "how far it stands out among all, in tens of standard deviations: cosine and BM25 together",
    "nearness": "cosine of the question's best three: how near it finds anything at all; the same for all it finds",
    "theme": "they share a theme that one of them names",
    "resource": "the same kind of resource is asked for and given",
    "closeness": "1 where their areas touch, 0.37 at 20 km between them",
    "profile": "nobody has offered this: it was read out of a description",
}


def as_toml(fitted: Fitted, collection: Collection, split: str) -> str:
    """models/ranker.toml: for people to read and compare."""
    body = [
        "# How a candidate's features become fit, and fit becomes words. Fitted, not to be edited by hand:",
        f"#   commonweal fit {collection.name} --split {split} --write models/ranker.toml",
        f"# on {fitted.pairs} judged pairs of {fitted.queries} queries. How it keeps its word: README.md beside it.",
        "",
        "[fusion]",
        f"lexical_weight = {fitted.lexical_weight:<6} # of BM25 beside the encoder, both standardised per query",
        "",
        "[fit]                    # fit = 1 / (1 + exp(-(intercept + sum of weight x feature)))",
        f"intercept = {fitted.intercept}",
        *(
            f"{f'{name} = {weight}':<24} # {_EXPLAINED[name]}"
            for name, weight in zip(NAMES, fitted.weights, strict=True)
        ),
        "",
        "[strength]               # the least fit called so; below `possible` nothing is shown unasked",
        *(f"{word} = {cut:.2f}" for word, cut in CUTS.items()),
        "",
    ]
    version = sha256("\n".join(body).encode()).hexdigest()[:8]  # another curve has another name
    return "\n".join([*body[:3], "", f'version = "fitted-{version}"', *body[3:]])

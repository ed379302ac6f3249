"""Which parts of a need each of many partners covers: what it offers, how many, where, and on which days.

A clause of an offer covers a thing where the two stand out as alike among all offers (a z-score) and are of one kind of
resource. How much is enough was set on thirty scraps of a
line each and on the ten cases of data/benchmark/coalitions.toml; what that is worth elsewhere, the file says. Of what
covers a thing only that counts which the ranker believes, too.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from matcher.candidates import owned
from matcher.eligibility import MEMBER_RULES, Asking, Past, eligible
from matcher.encoding import FloatArray, unit
from matcher.explaining import NEIGHBOURS_KM
from matcher.index import BoolArray
from matcher.matching import rank
from matcher.network import Entry, Network, Side, kinds_of
from matcher.parts import Thing, amount, days, free, things
from matcher.passages import split
from matcher.places import Place, Reach, distance_km, lies_within
from matcher.ranking import Ranker
from matcher.records import Listing, ListingId, OrganisationId

DRAFT = ListingId("draft:thing")
ENOUGH = 3.0  # standard deviations by which a clause stands out, from which on it covers a thing
AGREES = 1.0  # of these for the same kind of resource, or for the same noun; taken off where they differ
WITHIN = 3.0  # of the best answer's fit, beyond which a weaker one covers something else
WHOLE = 0.5  # what being alike to the whole need counts beside a standard deviation, between answers that cover a thing
LOOKED_AT = 60  # offers, whose clauses are compared with each thing
PARTNERS = 30  # that sets are made of
CREDIBLE = 0.5  # of the least fit that is shown unasked: what an offer has to have with the need, or with the thing
DEEP = 400  # offers that are ranked to see whether it has


@dataclass(frozen=True, slots=True)
class Needed:
    """What a need is made of. A set of days is met by any of them; `places` are those that somebody has to be at."""

    things: tuple[Thing, ...]
    places: tuple[Place, ...]
    days: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """How one listing covers one thing: its clause, how far that stands out, and how many it gives, where it says.

    `fits` counts, besides, how alike it is to the need as a whole.
    """

    entry: Entry
    clause: str
    strength: float
    fits: float
    number: int | None
    free: frozenset[str]

    @property
    def listing(self) -> ListingId:
        return self.entry.listing.id

    def on(self, wanted: frozenset[str]) -> bool | None:
        """Whether it is to be had on one of these days; None where it does not say."""
        return bool(self.free & wanted) if self.free else None

    def at(self, wanted: Place) -> bool | None:
        """Whether it is to be had at that place, or next door; None where nobody knows where it is."""
        if self.entry.remote:
            return True
        return any(_near(place, wanted) for place in self.entry.places) if self.entry.places else None


@dataclass(frozen=True, slots=True)
class Partner:
    """An organisation with its answer to each thing that it covers, by the thing's number."""

    organisation: OrganisationId
    answers: Mapping[int, Answer] = field(default_factory=dict)

    @property
    def fits(self) -> float:
        return sum(answer.fits for answer in self.answers.values())


def needed(entry: Entry) -> Needed:
    """The parts of a need: things and days from its text, places from where it says that it is."""
    at = () if entry.remote else tuple(place for place in entry.places if place.reach is not Reach.REMOTE)
    return Needed(things(entry.listing.text), at, days(entry.listing.text))


def asked(network: Network, needs: Iterable[Needed]) -> dict[str, FloatArray]:
    """All that these needs' things are compared by, as unit vectors: encoded at once, and not kept."""
    texts = list(dict.fromkeys(text for parts in needs for thing in parts.things for text in (thing.asks, thing.core)))
    cut = [split(text, network.vocabulary) for text in texts]
    encoded = iter(network.encoder.encoder.encode([passage for of_one in cut for passage in of_one]))
    whole = [np.mean([next(encoded).vector for _ in of_one], axis=0) for of_one in cut]
    return dict(zip(texts, unit(np.stack(whole)), strict=True)) if texts else {}


def partners(
    network: Network,
    entry: Entry,
    parts: Needed,
    vectors: Mapping[str, FloatArray],
    *,
    on: date,
    before: Past,
    among: Collection[OrganisationId] | None,
) -> list[Partner]:
    """Whoever covers a thing and may be suggested to the need's organisation: the strongest, in the order of ids.

    `vectors` are those of the words that things are compared by. Profiles do not count: nobody has
    offered what they say.
    """
    side = network.offers
    may = eligible(Asking(entry, on, before), side, MEMBER_RULES) & ~side.profiles
    if among is not None:
        may &= owned(side, among)
    found: dict[OrganisationId, dict[int, Answer]] = {}
    for number, thing in enumerate(parts.things):
        for answer in _answers(network, entry, thing, vectors, may):
            its = found.setdefault(answer.entry.listing.organisation, {})
            if number not in its or (-answer.fits, answer.listing) < (-its[number].fits, its[number].listing):
                its[number] = answer
    strongest = sorted((Partner(one, its) for one, its in found.items()), key=lambda one: (-one.fits, one.organisation))
    return sorted(strongest[:PARTNERS], key=lambda one: one.organisation)


def _answers(
    network: Network, entry: Entry, thing: Thing, known: Mapping[str, FloatArray], may: BoolArray
) -> list[Answer]:
    """Every listing that covers the thing about as well as any, with the clause that does it best."""
    side = network.offers
    asks = np.stack([known[text] for text in dict.fromkeys((thing.asks, thing.core))])
    rows = sorted({row for vector in asks for row in side.nearest(vector, LOOKED_AT, may).tolist()})
    entries, scale = [side.entries[row] for row in rows], _Scale.of(side, asks)
    whole = _Scale.of(side, entry.vector[None]).of_rows(
        side.similarities(entry.vector, np.array(rows, np.int64))[:, None]
    )
    found = []
    for number, (one, vectors) in enumerate(zip(entries, network.clause_vectors(entries), strict=True)):
        if len(vectors):
            stands_out = scale.of_rows(vectors @ asks.T)
            clause = one.clauses[best := int(np.argmax(stands_out))]
            strength = float(stands_out[best]) + AGREES * _agreement(thing, one.listing, clause)
            fits = strength + WHOLE * float(whole[number])
            found.append(Answer(one, clause, strength, fits, amount(clause, thing), free(one.listing.text)))
    covering = [answer for answer in found if answer.strength >= ENOUGH]
    least = max((answer.fits for answer in covering), default=0.0) - WITHIN
    return [answer for answer in covering if answer.fits >= least]


@dataclass(frozen=True, slots=True, eq=False)
class _Scale:
    """How alike questions are to all offers: the mean and deviation of each, shape (questions,)."""

    mean: FloatArray
    deviation: FloatArray

    @staticmethod
    def of(side: Side, questions: FloatArray) -> "_Scale":
        alike = side.index.all_similarities(questions)
        return _Scale(alike.mean(axis=1), np.maximum(alike.std(axis=1), 1e-3))

    def of_rows(self, similar: FloatArray) -> FloatArray:
        """How far each row's best similarity stands out. Shape (rows, questions) to (rows,)."""
        return np.asarray(((similar - self.mean) / self.deviation).max(axis=1), np.float32)


def _agreement(thing: Thing, offer: Listing, clause: str) -> int:
    """1 where both are of one kind of resource; -1 where kinds differ, unless the clause names the very thing."""
    if not thing.kind or not offer.resource:
        return 0
    if offer.resource == thing.kind:
        return 1
    return 0 if re.search(rf"\b{re.escape(thing.noun.lower().rstrip('s'))}s?\b", clause.lower()) else -1


def _near(place: Place, wanted: Place) -> bool:
    if place.reach is Reach.REMOTE or lies_within(place, wanted) or lies_within(wanted, place):
        return True
    return distance_km(place, wanted) - place.radius_km - wanted.radius_km <= NEIGHBOURS_KM


def credible(
    network: Network, entry: Entry, parts: Needed, some: Sequence[Partner], *, ranker: Ranker, on: date, before: Past
) -> list[Partner]:
    """The partners with those of their answers that the ranker believes: what stands out may still be far off.

    Its fit is asked of the need as a whole, and else of the thing alone, as if somebody needed nothing but that.
    """
    least = CREDIBLE * ranker.threshold

    def near(asking: Entry) -> set[ListingId]:
        found = rank(Asking(asking, on, before), network.offers, ranker, rules=MEMBER_RULES, depth=DEEP)
        believed = found.rows[found.fit >= least].tolist()
        return {network.offers.entries[row].listing.id for row in believed}

    whole = near(entry)
    doubted = {number for one in some for number, answer in one.answers.items() if answer.listing not in whole}
    alone = {
        number: near(network.draft(replace(entry.listing, id=DRAFT, text=parts.things[number].asks)))
        for number in sorted(doubted)
    }
    believed = [
        Partner(
            one.organisation,
            {n: a for n, a in one.answers.items() if a.listing in whole or a.listing in alone.get(n, ())},
        )
        for one in some
    ]
    return [one for one in believed if one.answers]


def apart(network: Network, some: Sequence[Partner], before: Past) -> BoolArray:
    """For each two of them whether they must not sit at one table: blocked, or one excludes the other."""
    records = [network.organisations[one.organisation] for one in some]
    excluded = [{exclusion.what for exclusion in record.excludes} for record in records]
    kinds = [set(kinds_of(record)) for record in records]
    return np.array(
        [
            [
                one is not other
                and bool(
                    excluded[i] & kinds[j] or excluded[j] & kinds[i] or other.id in before.blocked.get(one.id, set())
                )
                for j, other in enumerate(records)
            ]
            for i, one in enumerate(records)
        ],
        bool,
    ).reshape(len(some), len(some))

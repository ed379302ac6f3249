"""The queue of an occasion: what was proposed or decided, with all that a coordinator wants to know about it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from matcher.eligibility import COOL_DOWN
from matcher.network import Network
from matcher.records import History, ListingId, Organisation, OrganisationId, Strength, Suggestion
from matcher.vocabulary import Obstacle
from service.review import occasions
from service.review.occasions import Occasion
from service.store import decisions, desk, reviews, rounds
from service.store.database import Connection
from service.store.reviews import Choice, Review, Step, untouched
from service.wiring import Commonweal


@dataclass(frozen=True, slots=True)
class Track:
    """What an organisation was lately part of, within eight weeks: introduced, suggested; and its pairs declined."""

    introduced: int = 0
    suggested: int = 0
    declined: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """A need and an offer to review. `asking` and `giving` are None where they are not listed any more.

    `is_proposed` says whether the newest solve has it; `steps` is what was done, newest first.
    """

    review: Review
    is_proposed: bool
    pinned: bool
    forbidden: bool
    asking: Organisation | None
    giving: Organisation | None
    obstacles: tuple[Obstacle, ...]
    tracks: tuple[Track, Track]
    assigned: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def suggestion(self) -> Suggestion:
        return self.review.suggestion

    @property
    def key(self) -> str:
        return self.review.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which pairings to show; whatever is empty lets all through."""

    theme: str = ""
    sector: str = ""
    size: str = ""
    place: str = ""
    strength: str = ""
    decision: str = ""
    assigned_to: str = ""
    text: str = ""

    def let(self, pairing: Pairing) -> bool:
        return all(passes(self, pairing) for passes in _PASSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """An occasion with those of its pairings that the filters let through, and how all of them are decided."""

    occasion: Occasion
    pairings: tuple[Pairing, ...]
    counts: Mapping[Choice, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    """Of whoever did a step, by the id of the person."""

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def queue(commonweal: Commonweal, occasion: str, filters: Filters | None = None) -> Queue:
    """Best first, whatever was decided. The number of questions to the store does not grow with the queue.

    Raises UnknownOccasionError.
    """
    network, today = commonweal.live.current(), commonweal.now().date()
    with commonweal.database.read() as connection:
        found = occasions.find(connection, occasion, today)
        shown = _pairings(connection, found, network, today)
        names = desk.people_named(connection, {step.person for one in shown for step in one.steps})
    counts = Counter(one.review.decision for one in shown)
    let = (filters or Filters()).let
    return Queue(occasion=found, pairings=tuple(filter(let, shown)), counts=counts, names=names)


def _pairings(connection: Connection, occasion: Occasion, network: Network, today: date) -> list[Pairing]:
    proposed = {
        review.key: review
        for one in occasions.proposal(connection, occasion.id)
        if (review := untouched(occasion.id, one, occasion.ranker))
    }
    stored = reviews.of(connection, occasion.id)
    every = sorted({**proposed, **stored}.values(), key=_best_first)
    pinned = set(decisions.pinned(connection, occasion.id))
    history = rounds.history(connection, today)
    tracks = _tracks(history, network, today)
    steps = reviews.steps(connection, stored)
    names = desk.people_named(connection, {one.assigned_to for one in every if one.assigned_to})
    return [
        Pairing(
            review=one,
            is_proposed=one.key in proposed,
            pinned=one.pair in pinned,
            forbidden=one.pair in history.forbidden,
            asking=network.organisations.get(one.suggestion.need.organisation),
            giving=network.organisations.get(one.suggestion.offer.organisation),
            obstacles=_obstacles(network, one.suggestion),
            tracks=(tracks(one.suggestion.need.organisation), tracks(one.suggestion.offer.organisation)),
            assigned=names.get(one.assigned_to or "", ""),
            steps=steps.get(one.key, ()),
        )
        for one in every
    ]


def _best_first(review: Review) -> tuple[float, ListingId, ListingId]:
    return (-review.suggestion.fit, *review.pair)


def _obstacles(network: Network, suggestion: Suggestion) -> tuple[Obstacle, ...]:
    need, offer = suggestion.need, suggestion.offer
    return tuple(network.vocabulary.obstacles_of({need.resource, offer.resource}, need.text, offer.text))


def _tracks(history: History, network: Network, today: date) -> Callable[[OrganisationId], Track]:
    lately = today - COOL_DOWN, today + timedelta(days=1)
    suggested = Counter(
        owner
        for pair, day in history.suggested.items()
        if lately[0] <= day < lately[1]
        for owner in map(network.owner, pair)
        if owner
    )
    declined = Counter(owner for pair in history.declined for owner in map(network.owner, pair) if owner)

    def track(organisation: OrganisationId) -> Track:
        introduced = history.introduced.get(organisation, 0)
        return Track(introduced, suggested[organisation], declined[organisation])

    return track


def _sides(pairing: Pairing) -> Iterable[Organisation]:
    return (one for one in (pairing.asking, pairing.giving) if one)


def _texts(pairing: Pairing) -> Iterable[str]:
    yield from (pairing.suggestion.need.text, pairing.suggestion.offer.text, pairing.review.why, pairing.review.says)
    yield from (one.name for one in _sides(pairing))


def _places(pairing: Pairing) -> Iterable[str]:
    yield from (*pairing.suggestion.need.places, *pairing.suggestion.offer.places)
    for one in _sides(pairing):
        yield from one.places


def _themes(pairing: Pairing) -> Sequence[str]:
    return (*pairing.suggestion.need.themes, *pairing.suggestion.offer.themes)


def _holds(texts: Iterable[str], wanted: str) -> bool:
    return any(wanted.casefold() in text.casefold() for text in texts)


_PASSES: tuple[Callable[[Filters, Pairing], bool], ...] = (
    lambda of, one: not of.theme or of.theme in _themes(one),
    lambda of, one: not of.sector or any(of.sector in side.sectors for side in _sides(one)),
    lambda of, one: not of.size or any(of.size == side.size for side in _sides(one)),
    lambda of, one: not of.place or _holds(_places(one), of.place),
    lambda of, one: not of.strength or one.suggestion.strength == Strength(of.strength),
    lambda of, one: not of.decision or one.review.decision == Choice(of.decision),
    lambda of, one: not of.assigned_to or one.review.assigned_to == of.assigned_to,
    lambda of, one: not of.text or all(_holds(_texts(one), word) for word in of.text.split()),
)

"""The queue of an occasion: what was proposed or decided, with all that a coordinator wants to know about it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from matcher.eligibility import COOL_DOWN
from matcher.network import Network
from matcher.records import History, ListingId, Organisation, OrganisationId, Suggestion
from matcher.vocabulary import Obstacle
from service.review import occasions
from service.review.occasions import Occasion
from service.store import decisions, desk, reviews, rounds
from service.store.database import Connection
from service.store.reviews import Choice, Review, Step, key_of, untouched
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

    `suggestion` is the pairing as the newest solve has it, or as it was decided upon where that solve has it not, as
    `is_proposed` says; `is_reworded` whether a text changed since it was decided upon. `steps` is what was done, newest
    first.
    """

    review: Review
    suggestion: Suggestion
    is_proposed: bool
    is_reworded: bool
    pinned: bool
    forbidden: bool
    asking: Organisation | None
    giving: Organisation | None
    obstacles: tuple[Obstacle, ...]
    tracks: tuple[Track, Track]
    assigned: str = ""
    steps: tuple[Step, ...] = ()

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

    def against(self, pairing: Pairing) -> set[str]:
        """The names of those that keep it from being shown."""
        found = {name for name in _VALUES if (value := getattr(self, name)) and value not in _VALUES[name](pairing)}
        if self.place and not _holds(_places(pairing), self.place):
            found.add("place")
        if not all(_holds(_texts(pairing), word) for word in self.text.split()):
            found.add("text")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """An occasion with those of its pairings that the filters let through, and how all of them are decided.

    `among` says of each filter how many pairings each value of it would show, the other filters being as they are.
    """

    occasion: Occasion
    pairings: tuple[Pairing, ...]
    counts: Mapping[Choice, int] = field(default_factory=dict)
    among: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
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
    against = {one.key: (filters or Filters()).against(one) for one in shown}
    return Queue(
        occasion=found,
        pairings=tuple(one for one in shown if not against[one.key]),
        counts=Counter(one.review.decision for one in shown),
        among={
            name: Counter(value for one in shown if against[one.key] <= {name} for value in set(values(one)))
            for name, values in _VALUES.items()
        },
        names=names,
    )


def counts(connection: Connection, occasion: Occasion) -> Counter[Choice]:
    """How the pairings of an occasion are decided, without a look at them."""
    found = reviews.choices(connection, occasion.id)
    untouched = set(occasions.pairs(connection, occasion.id)) - found.keys()
    return Counter(found.values()) + Counter({Choice.UNDECIDED: len(untouched)})


def _pairings(connection: Connection, occasion: Occasion, network: Network, today: date) -> list[Pairing]:
    proposed = {key_of(occasion.id, *one.pair): one for one in occasions.proposal(connection, occasion.id)}
    stored = reviews.of(connection, occasion.id)
    new = {key: untouched(occasion.id, one, occasion.ranker) for key, one in proposed.items() if key not in stored}
    pinned = set(decisions.pinned(connection, occasion.id))
    history = rounds.history(connection, today)
    tracks = _tracks(history, network, today)
    steps = reviews.steps_of(connection, occasion.id)
    names = desk.people_named(connection, {one.assigned_to for one in stored.values() if one.assigned_to})

    def pairing(review: Review) -> Pairing:
        shown = proposed.get(review.key, review.suggestion)
        need, offer = shown.need, shown.offer
        return Pairing(
            review=review,
            suggestion=shown,
            is_proposed=review.key in proposed,
            is_reworded=(need.text, offer.text) != (review.suggestion.need.text, review.suggestion.offer.text),
            pinned=review.pair in pinned,
            forbidden=review.pair in history.forbidden,
            asking=network.organisations.get(need.organisation),
            giving=network.organisations.get(offer.organisation),
            obstacles=tuple(network.vocabulary.obstacles_of({need.resource, offer.resource}, need.text, offer.text)),
            tracks=(tracks(need.organisation), tracks(offer.organisation)),
            assigned=names.get(review.assigned_to or "", ""),
            steps=steps.get(review.key, ()),
        )

    return sorted(map(pairing, {**new, **stored}.values()), key=_best_first)


def _best_first(pairing: Pairing) -> tuple[float, ListingId, ListingId]:
    return (-pairing.suggestion.fit, *pairing.suggestion.pair)


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


_VALUES: Mapping[str, Callable[[Pairing], Iterable[str]]] = {
    "theme": _themes,
    "sector": lambda one: (sector for side in _sides(one) for sector in side.sectors),
    "size": lambda one: (side.size for side in _sides(one) if side.size),
    "strength": lambda one: (one.suggestion.strength.value,),
    "decision": lambda one: (one.review.decision.value,),
    "assigned_to": lambda one: (one.review.assigned_to,) if one.review.assigned_to else (),
}
"""What a pairing has of each filter that asks for one value; the others look for words."""

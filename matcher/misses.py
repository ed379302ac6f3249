"""What came closest for an attendee that a session has nothing for, and what stood in the way, in sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from matcher import places
from matcher.allocation import Limit, full
from matcher.candidates import Candidates, owned
from matcher.eligibility import MEMBER_RULES, Asking, Past
from matcher.flow import Integers
from matcher.hints import quoted
from matcher.index import BoolArray
from matcher.masking import mask
from matcher.matching import objections_of, rank
from matcher.network import Entry, Network
from matcher.passing import TOLD_FIRST
from matcher.ranking import Ranker
from matcher.records import Kind, OrganisationId, Standing
from matcher.weighing import Weighed

TOLD = 3  # misses at most
FAINT = 0.2  # of the least fit shown: what is fainter is no near miss
ALWAYS = tuple(rule for rule in MEMBER_RULES if rule.name in ("own organisation", "members only"))
OUT_OF_REACH = next(rule.says for rule in MEMBER_RULES if rule.name == "out of reach")
WEAK = "The two fit too weakly to be shown unasked."
ACQUAINTED = "The two organisations were introduced to each other already."
NOTHING_NEAR = "Nothing in the room comes near to it."


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A session as it was solved: who attends, what could be paired, and the rows of it that are."""

    network: Network
    ranker: Ranker
    on: date
    before: Past
    room: frozenset[OrganisationId]
    acquainted: frozenset[frozenset[OrganisationId]]
    candidates: Candidates
    weighed: Weighed
    chosen: Integers
    slots: Mapping[OrganisationId, int]

    @property
    def fitted(self) -> set[OrganisationId]:
        """Whoever has a candidate."""
        market, organisations = self.weighed.market, self.weighed.organisations
        return {organisations[code] for code in np.union1d(market.asking, market.giving)}

    def row(self, need: Entry, offer: Entry) -> int | None:
        """The pair's row among the candidates."""
        needs, offers = self.network.needs.rows, self.network.offers.rows
        found = np.flatnonzero(
            (self.candidates.need == needs[need.listing.id]) & (self.candidates.offer == offers[offer.listing.id])
        )
        return int(found[0]) if len(found) else None


def closest(looked: Looked, organisation: OrganisationId) -> tuple[str, ...]:
    """For coordinators' eyes: what the organisation lacks itself, then up to three pairs that nearly came about.

    Who does not want to meet whom is never told.
    """
    network = looked.network
    record = network.organisations.get(organisation)
    if record is None:
        return (f"{organisation} is not in the network any more.",)
    name = mask(record.name)
    if record.standing is not Standing.MEMBER:
        return (f"{name} is no member: only members are paired.",)
    if organisation in looked.before.history.paused:
        return (f"{name} wants no suggestions for now: once its pause ends, it can be paired.",)
    if looked.slots.get(organisation, 1) <= 0:
        return (f"{name} is not there for a single slot.",)
    own = [side.entries[row] for side in (network.needs, network.offers) for row in side.of(organisation)]
    if not own:
        return (f"Nothing is listed for {name}, nor is it described: ask what it needs, or what it could give.",)
    told = [f"{name} has listed nothing: only its description was read."] if own[0].listing.kind is Kind.PROFILE else []
    if not any(entry.listing.is_open(looked.on) for entry in own):
        told.append(f"Nothing that {name} listed is open on that day.")
    return (*told, *_misses(looked, own))


def _misses(looked: Looked, own: list[Entry]) -> Iterator[str]:
    """The best pair with each of the nearest partners."""
    found: dict[OrganisationId, tuple[float, str, str, Entry, Entry]] = {}
    for entry in own:
        for fit, other in _near(looked, entry):
            miss = (-fit, entry.listing.id, other.listing.id, entry, other)
            partner = other.listing.organisation
            if partner not in found or miss[:3] < found[partner][:3]:
                found[partner] = miss
    nearest = sorted(found.values(), key=lambda miss: miss[:3])[:TOLD]
    near = [miss for miss in nearest if -miss[0] >= FAINT * looked.ranker.threshold]
    if not near:
        yield NOTHING_NEAR
    for fit, _, _, entry, other in near:
        yield f"{_named(entry, other)} {' '.join(_obstacles(looked, entry, other, -fit))}"


def _near(looked: Looked, entry: Entry) -> Iterator[tuple[float, Entry]]:
    """What attendees list, by how it fits within the whole network when only its own side and secrecy rule it out."""
    side = looked.network.side_opposite(entry.listing.kind)
    deep = sum(len(one.passages) for one in side.entries)
    ranked = rank(Asking(entry, looked.on, looked.before), side, looked.ranker, rules=ALWAYS, depth=deep)
    is_here = owned(side, looked.room)[ranked.rows]
    for row, fit in zip(ranked.rows[is_here].tolist(), ranked.fit[is_here].tolist(), strict=True):
        yield fit, side.entries[row]


def _named(entry: Entry, other: Entry) -> str:
    partner = mask(other.organisation.name) if other.organisation else other.listing.organisation
    what = {Kind.NEED: "need", Kind.OFFER: "offer", Kind.PROFILE: "description"}
    own = f"its {what[entry.listing.kind]} {quoted(entry.listing.text)}"
    return f"Closest: the {what[other.listing.kind]} of {partner}, {quoted(other.listing.text)}, for {own}."


def _obstacles(looked: Looked, entry: Entry, other: Entry, fit: float) -> list[str]:
    need, offer = (entry, other) if entry.listing.kind is Kind.NEED else (other, entry)
    found = objections_of(looked.network, need, offer, on=looked.on, before=looked.before)
    if OUT_OF_REACH in found:
        found[found.index(OUT_OF_REACH)] = _apart(need, offer)
    elif fit < looked.ranker.threshold:
        found.append(WEAK)
    if frozenset((entry.listing.organisation, other.listing.organisation)) in looked.acquainted:
        found.append(ACQUAINTED)
    row = looked.row(need, offer)
    if not found and row is not None:
        reached = full(looked.weighed.market, looked.chosen, np.array([row]))[0]
        found.append(full_says(looked.network, looked.weighed, reached, row))
    return found or [WEAK]


def _apart(need: Entry, offer: Entry) -> str:
    nearest = places.closest(need.places, offer.places)
    if nearest is None:
        return OUT_OF_REACH
    here, there, kilometres = nearest
    apart = max(5, round(kilometres / 5) * 5)
    return f"{here.name} and {there.name} are about {apart} km apart, and neither works at a distance."


def full_says(network: Network, weighed: Weighed, reached: BoolArray, row: int) -> str:
    """The limits that stand against a pairing, each in a sentence."""
    market = weighed.market
    asker, giver = (
        mask(network.organisations[weighed.organisations[code]].name)
        for code in (market.asks[market.need[row]], market.gives[market.offer[row]])
    )
    says = {
        Limit.COUPLE: f"{asker} and {giver} meet about something else.",
        Limit.NEED: "The need has as many partners as it can take.",
        Limit.OFFER: "The offer has as many partners as it can take.",
        Limit.GIVING: f"{giver} wants no more meetings about what it offers.",
        Limit.ASKING: f"{asker} has no slot left.",
        Limit.GIVER: f"{giver} has no slot left.",
        Limit.ASKER: f"{asker} has no slot left.",
    }
    return " ".join(dict.fromkeys(says[limit] for limit in TOLD_FIRST if reached[limit]))

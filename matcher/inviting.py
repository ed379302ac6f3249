"""Which members would add most to a session if they were asked to come, and why, in sentences."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from math import exp, isnan

from matcher import places as geography
from matcher.candidates import between
from matcher.eligibility import past
from matcher.explaining import explain
from matcher.features import FADES_KM
from matcher.masking import mask
from matcher.network import Entry, Network
from matcher.places import Place, PlaceSets, UnknownPlaceError
from matcher.ranking import Ranker
from matcher.records import About, History, Kind, Organisation, OrganisationId, Standing
from matcher.weighing import BURDEN, MOST

QUOTED = 2  # pairs that speak for an invitee
ON_THEME = 0.1  # what a listing on one of the session's themes adds; what it could do for one attendee is worth up to 1
NEAR = 0.1  # what being where the session is adds; FADES_KM away a third of that is left
ANOTHER = 0.05  # what each other missing role adds

Meeting = tuple[float, Entry, Entry]
"""How well a need and an offer fit."""

Fills = Callable[[Organisation], str]
"""Why an organisation would fill a gap if it came, in a sentence; empty where it would not."""


@dataclass(frozen=True, slots=True)
class Invitee:
    """A member that does not attend, and why it should, in sentences. `worth` orders those of one gap only."""

    organisation: OrganisationId
    reasons: tuple[str, ...]
    worth: float


@dataclass(frozen=True)
class Inviting:
    """Whoever could still be asked to a session. `missing` are the roles that its themes want and nobody holds."""

    network: Network
    ranker: Ranker
    on: date
    history: History
    themes: Collection[str]
    room: frozenset[OrganisationId]
    besides: frozenset[OrganisationId]
    places: tuple[Place, ...]
    missing: frozenset[str]

    def best(self, fills: Fills, count: int) -> tuple[Invitee, ...]:
        """The members that fill a gap and would add most, best first; ties go to the smaller id."""
        if not count:
            return ()
        able = {one: why for one in self.outside if (why := fills(self.network.organisations[one]))}
        chosen = sorted(able, key=lambda one: (-self.worth[one], one))[:count]
        return tuple(Invitee(one, (able[one], *self._reasons(one)), self.worth[one]) for one in chosen)

    @cached_property
    def outside(self) -> tuple[OrganisationId, ...]:
        """The members that could be asked: neither there nor in `besides`, and not wanting to be left alone."""
        spared = self.room | self.besides | self.history.paused
        members = (one.id for one in self.network.organisations.values() if one.standing is Standing.MEMBER)
        return tuple(sorted(one for one in members if one not in spared))

    @cached_property
    def meetings(self) -> Mapping[OrganisationId, Sequence[Meeting]]:
        """For each of those, the best pair with every attendee that it has something for, or that has it for them."""
        network, before = self.network, past(replace(self.history, suggested={}), self.network, self.on)
        found = between(network, self.room, self.outside, ranker=self.ranker, on=self.on, before=before)
        best: dict[tuple[OrganisationId, OrganisationId], Meeting] = {}
        for row in (-found.fit).argsort(kind="stable").tolist():
            need, offer = network.needs.entries[found.need[row]], network.offers.entries[found.offer[row]]
            owners = need.listing.organisation, offer.listing.organisation
            comes, stays = owners if owners[1] in self.room else owners[::-1]
            best.setdefault((comes, stays), (float(found.fit[row]), need, offer))
        return {one: [meeting for (comes, _), meeting in best.items() if comes == one] for one in self.outside}

    @cached_property
    def worth(self) -> Mapping[OrganisationId, float]:
        return {one: self._worth(one) for one in self.outside}

    def _worth(self, one: OrganisationId) -> float:
        adds = sum(fit for fit, _, _ in self.meetings[one])
        adds += ON_THEME * bool(self._themes(one))
        adds += ANOTHER * len(self.missing & set(self.network.organisations[one].roles))
        adds -= BURDEN * min(self.history.introduced.get(one, 0), MOST)
        kilometres = self._away(one)
        return adds + (0.0 if kilometres is None else NEAR * exp(-kilometres / FADES_KM))

    def _themes(self, one: OrganisationId) -> list[str]:
        """Those of the session's themes that its open needs and offers are about."""
        about = {theme for entry in listed(self.network, one, self.on) for theme in entry.themes}
        return [theme for theme in self.themes if theme in about]

    def _away(self, one: OrganisationId) -> float | None:
        """The km between the edges of where it is and where the session is; None where either is unknown."""
        own = resolved(self.network, self.network.organisations[one].places)
        away = float(PlaceSets([own]).gaps(self.places)[0])
        return None if isnan(away) else away

    def _reasons(self, one: OrganisationId) -> Iterator[str]:
        vocabulary, meetings = self.network.vocabulary, self.meetings[one]
        if also := self.missing & set(self.network.organisations[one].roles):
            names = [role.name for key, role in vocabulary.roles.items() if key in also]
            yield f"It would bring what is missing: {', '.join(names)}."
        for _, need, offer in meetings[:QUOTED]:
            yield self._could(one, need, offer)
        if len(meetings) > QUOTED:
            yield f"It has something for, or wants something from, {len(meetings)} who attend."
        if not meetings:
            yield "Nothing it has listed fits what those who attend have listed."
        if themes := self._themes(one):
            yield f"It has listed something about {'; '.join(vocabulary.themes[key].name.lower() for key in themes)}."
        yield from self._where(one)
        if count := self.history.introduced.get(one, 0):
            yield f"Mind: it was introduced {'once' if count == 1 else f'{count} times'} in the last eight weeks."

    def _where(self, one: OrganisationId) -> Iterator[str]:
        nearest = geography.closest(self.places, resolved(self.network, self.network.organisations[one].places))
        if nearest is None:
            return
        here, there, kilometres = nearest
        if here.name == there.name:
            yield f"It is in {here.name}, as the session is."
        elif geography.meets(here, there):
            yield f"It is in {there.name}, within reach of {here.name}."
        else:
            yield f"It is in {there.name}, about {max(5, round(kilometres / 5) * 5)} km from {here.name}."

    def _could(self, one: OrganisationId, need: Entry, offer: Entry) -> str:
        """What it could do for an attendee, or an attendee for it, with the clauses that meet."""
        gives = offer.listing.organisation == one
        name = mask(self.network.organisations[(need if gives else offer).listing.organisation].name)
        ((reasons, _, _),) = explain(self.network, [(need, offer)], self.on)
        met = next((reason.says for reason in reasons if reason.about is About.CLAUSES), "")
        if not gives:
            return f"{name} could help it: {met}"
        ask = " It has not offered this: ask." if offer.listing.kind is Kind.PROFILE else ""
        return f"It could help {name}: {met}{ask}"


def roles_of(network: Network, organisation: Organisation) -> str:
    """The names of its roles, in the vocabulary's order."""
    return ", ".join(role.name.lower() for key, role in network.vocabulary.roles.items() if key in organisation.roles)


def listed(network: Network, organisation: OrganisationId, on: date) -> list[Entry]:
    """Its needs and offers that are open on the day, profiles left out."""
    entries = [side.entries[row] for side in (network.needs, network.offers) for row in side.of(organisation)]
    return [one for one in entries if one.listing.kind is not Kind.PROFILE and one.listing.is_open(on)]


def resolved(network: Network, names: Sequence[str]) -> tuple[Place, ...]:
    """The places that are known."""
    found: list[Place] = []
    for name in names:
        try:
            found.extend(network.gazetteer.resolve(name))
        except UnknownPlaceError:
            continue
    return tuple(dict.fromkeys(found))

"""The glossary as frozen records: organisations, listings, suggestions and what was decided about pairs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NewType

OrganisationId = NewType("OrganisationId", str)
ListingId = NewType("ListingId", str)
Pair = tuple[ListingId, ListingId]
"""A need's id and an offer's (or profile's) id, in this order."""


class Standing(StrEnum):
    """How far an organisation has joined: only members are mailed, or shown as suggestions to members."""

    LISTED = "listed"
    INVITED = "invited"
    MEMBER = "member"


class Kind(StrEnum):
    """What a listing is. A profile is an organisation's description read as a latent offer."""

    NEED = "need"
    OFFER = "offer"
    PROFILE = "profile"


class Visibility(StrEnum):
    """Who may see a listing: every member, only those it is suggested to, or coordinators alone."""

    NETWORK = "network"
    PARTNERS = "partners"
    COORDINATORS = "coordinators"


class Strength(StrEnum):
    """Fit in words. Below `possible` nothing is shown unless asked for."""

    STRONG = "strong"
    GOOD = "good"
    POSSIBLE = "possible"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Whom an organisation will not meet: `what` is an organisation's id, `sector:…` or `role:…`."""

    what: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A body. Its contact details are kept elsewhere, so that nothing in the core can show them."""

    id: OrganisationId
    name: str
    standing: Standing = Standing.LISTED
    sectors: tuple[str, ...] = ()
    size: str = ""
    roles: tuple[str, ...] = ()
    description: str = ""
    places: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    attention_cap: int | None = None
    excludes: tuple[Exclusion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The person to write to at an organisation. Passes to another organisation with an introduction only."""

    organisation: OrganisationId
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A need or an offer in an organisation's own words.

    `capacity` counts the partners it can take, None where nobody said. `opens` and `closes` are both inclusive.
    """

    id: ListingId
    organisation: OrganisationId
    kind: Kind
    text: str
    resource: str = ""
    themes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    remote: bool = False
    capacity: int | None = None
    opens: date | None = None
    closes: date | None = None
    evidence: str = ""
    gain: str = ""
    visibility: Visibility = Visibility.NETWORK

    def is_open(self, on: date) -> bool:
        return (self.opens is None or self.opens <= on) and (self.closes is None or on <= self.closes)


PROFILE = "profile:"
"""How the id of a profile begins; no listing's may."""


def profile(organisation: Organisation) -> Listing:
    """The organisation's description read as a latent offer; always shown as not offered yet."""
    return Listing(
        id=ListingId(f"{PROFILE}{organisation.id}"),
        organisation=organisation.id,
        kind=Kind.PROFILE,
        text=f"{organisation.name}. {organisation.description}",
        places=organisation.places,
    )


class About(StrEnum):
    """What a reason, mismatch or caution is about."""

    CLAUSES = "clauses"
    PLACE = "place"
    TIMING = "timing"
    THEME = "theme"
    RESOURCE = "resource"
    PARTNERS = "partners"
    EVIDENCE = "evidence"
    PROFILE = "profile"
    DUTY = "duty"
    COORDINATOR = "coordinator"
    """Said by a coordinator who reviewed it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence for people. For `CLAUSES`, the two phrases that meet, quoted with contact details masked."""

    about: About
    says: str
    need_clause: str = ""
    offer_clause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A need and an offer (or profile) worth an introduction, with why, what does not fit, and what to mind.

    `fit` is a calibrated 0-1, comparable across queries; `score` orders one query only. A round adds the likelihood
    that either side says yes, the probability with which it was chosen, and whether a coordinator pinned it.
    """

    need: Listing
    offer: Listing
    fit: float
    strength: Strength
    score: float
    reasons: tuple[Reason, ...] = ()
    mismatches: tuple[Reason, ...] = ()
    cautions: tuple[Reason, ...] = ()
    asking: float | None = None
    giving: float | None = None
    propensity: float | None = None
    pinned: bool = False

    @property
    def pair(self) -> Pair:
        return self.need.id, self.offer.id


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """A candidate that a round did not choose, and why, in a sentence for coordinators.

    `between` are the organisations that need and offer it; `propensity` is the probability with which chance might
    have chosen it.
    """

    need: ListingId
    offer: ListingId
    between: tuple[OrganisationId, OrganisationId]
    fit: float
    strength: Strength
    propensity: float
    why: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A member that a round has nothing for: whether something `fitted`, and what it is told would help."""

    fitted: bool
    helps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decline:
    """Somebody said no to a pair as its two texts then were."""

    need_text: str
    offer_text: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What happened before, as far as it rules pairs out.

    `suggested` holds the day a pair was last released; `blocked` pairs of organisations; `forbidden` pairs of listings
    that a coordinator ruled out; `paused` who wants nothing on that day; `resting` the listings that nobody said are
    still true; `taken` the partners a listing already has; `introduced` how often an organisation was introduced in the
    last eight weeks.
    """

    suggested: Mapping[Pair, date] = field(default_factory=dict)
    declined: Mapping[Pair, Decline] = field(default_factory=dict)
    blocked: frozenset[frozenset[OrganisationId]] = frozenset()
    forbidden: frozenset[Pair] = frozenset()
    paused: frozenset[OrganisationId] = frozenset()
    resting: frozenset[ListingId] = frozenset()
    taken: Mapping[ListingId, int] = field(default_factory=dict)
    introduced: Mapping[OrganisationId, int] = field(default_factory=dict)

"""Records as pages and API show them: in words, and with contact details masked. Nothing else reaches a reader."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import TypeVar
from urllib.parse import quote, urlencode

from matcher.masking import mask
from matcher.network import Network
from matcher.proposing import Proposal
from matcher.records import (
    About,
    Kind,
    Listing,
    Organisation,
    OrganisationId,
    Pair,
    PassedOver,
    Reason,
    Standing,
    Strength,
    Suggestion,
    Visibility,
)
from matcher.vocabulary import Term
from service.store.rounds import Round, monday

T = TypeVar("T")

STANDINGS = {
    Standing.MEMBER: "member",
    Standing.INVITED: "invited, not a member yet",
    Standing.LISTED: "listed, not a member",
}
KINDS = {Kind.NEED: "need", Kind.OFFER: "offer", Kind.PROFILE: "has not offered this: ask"}
VISIBILITIES = {
    Visibility.NETWORK: "",
    Visibility.PARTNERS: "only for those it is suggested to",
    Visibility.COORDINATORS: "only for coordinators",
}
_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?)\s*\d[A-Z]{2}\b", re.I)
_BETWEEN_WORDS = r"[\s–—•*]+"


@dataclass(frozen=True, slots=True)
class Body:
    """An organisation by name. `standing` is in words."""

    id: str
    name: str
    standing: str

    @property
    def path(self) -> str:
        return f"/organisations/{quote(self.id, safe='')}"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text; `meets` where it is the clause that meets the other side's."""

    text: str
    meets: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A listing in its organisation's words. `only_for` and `open` are empty where there is nothing to say."""

    listing: str
    kind: Kind
    organisation: Body
    runs: tuple[Run, ...]
    evidence: str
    gain: str
    places: tuple[str, ...]
    only_for: str
    open: str

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)

    @property
    def is_marked(self) -> bool:
        return any(run.meets for run in self.runs)

    @property
    def kind_in_words(self) -> str:
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A reason, mismatch or caution; the two clauses are empty unless it is about them."""

    about: About
    says: str
    need_clause: str = ""
    offer_clause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A suggestion seen from one side: `theirs` is the other side, `own` the reader's."""

    strength: Strength
    fit: float
    pinned: bool
    theirs: Words
    own: Words
    reasons: tuple[Sentence, ...]
    mismatches: tuple[Sentence, ...]
    cautions: tuple[Sentence, ...]

    def why(self, *, both_shown: bool) -> tuple[str, ...]:
        """The reasons in sentences that do not quote again what stands marked above them."""
        return tuple(self._pointing(reason, both_shown) for reason in self.reasons)

    def _pointing(self, reason: Sentence, both_shown: bool) -> str:
        if reason.about is not About.CLAUSES or not self.theirs.is_marked:
            return reason.says
        if both_shown:
            return "The marked phrases meet." if self.own.is_marked else reason.says
        own = reason.need_clause if self.own.kind is Kind.NEED else reason.offer_clause
        return f"The marked phrase meets “{own.rstrip('.')}”{'' if own.endswith(('?', '!')) else '.'}"


Named = Callable[[OrganisationId], Body]
"""Names an organisation by its id."""


def naming(organisations: Mapping[OrganisationId, Organisation]) -> Named:
    """Bodies of these organisations; one that is not among them goes by its id."""

    def named(id_: OrganisationId) -> Body:
        known = organisations.get(id_)
        return body(known) if known else Body(id_, mask(id_), "")

    return named


def body(organisation: Organisation) -> Body:
    return Body(organisation.id, _one_line(mask(organisation.name)), STANDINGS[organisation.standing])


def cards(suggestions: Iterable[Suggestion], named: Named, *, read_as: Kind) -> tuple[Card, ...]:
    """The suggestions as the side that asks (`NEED`) or gives (`OFFER`) reads them."""
    return tuple(_card(suggestion, named, read_as) for suggestion in suggestions)


def _card(suggestion: Suggestion, named: Named, read_as: Kind) -> Card:
    meeting = next((reason for reason in suggestion.reasons if reason.about is About.CLAUSES), None)
    need = words(suggestion.need, named, clause=meeting.need_clause if meeting else "")
    offer = words(suggestion.offer, named, clause=meeting.offer_clause if meeting else "")
    own, theirs = (need, offer) if read_as is Kind.NEED else (offer, need)
    return Card(
        strength=suggestion.strength,
        fit=suggestion.fit,
        pinned=suggestion.pinned,
        theirs=theirs,
        own=own,
        reasons=_sentences(suggestion.reasons),
        mismatches=_sentences(suggestion.mismatches),
        cautions=_sentences(suggestion.cautions),
    )


def words(listing: Listing, named: Named, *, on: date | None = None, clause: str = "") -> Words:
    """The listing to be shown, with `clause` marked in it; on a day, also whether it is open."""
    return Words(
        listing=listing.id,
        kind=listing.kind,
        organisation=named(listing.organisation),
        runs=marked(mask(listing.text), mask(clause)),
        evidence=mask(listing.evidence),
        gain=mask(listing.gain),
        places=tuple(map(district, listing.places)),
        only_for=VISIBILITIES[listing.visibility],
        open=_open(listing, on) if on else "",
    )


def _open(listing: Listing, on: date) -> str:
    if listing.closes and listing.closes < on:
        return f"closed since {long_date(listing.closes + timedelta(days=1))}"
    if listing.opens and listing.opens > on:
        return f"opens on {long_date(listing.opens)}"
    return f"open until {long_date(listing.closes)}" if listing.closes else ""


def _sentences(reasons: Sequence[Reason]) -> tuple[Sentence, ...]:
    return tuple(
        Sentence(reason.about, mask(reason.says), mask(reason.need_clause), mask(reason.offer_clause))
        for reason in reasons
    )


def marked(text: str, clause: str) -> tuple[Run, ...]:
    """`text` in runs, the one that is `clause` marked; unmarked where a clause was put together otherwise."""
    wanted = clause.removesuffix(" …").split()
    plain = " ".join(wanted)
    start = text.find(plain)  # most stand there just so, and compiling a pattern takes much longer
    end = start + len(plain)
    if start < 0 and (found := re.search(_BETWEEN_WORDS.join(map(re.escape, wanted)), text)):
        start, end = found.span()
    if start < 0 or start == end:
        return (Run(text),)
    runs = Run(text[:start]), Run(text[start:end], meets=True), Run(text[end:])
    return tuple(run for run in runs if run.text)


def district(place: str) -> str:
    """A place without the part of a postcode that leads to a door."""
    return mask(_POSTCODE.sub(lambda found: found[1].upper(), place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """Everything a reader may know of an organisation."""

    body: Body
    sectors: tuple[str, ...]
    size: str
    roles: tuple[str, ...]
    description: str
    places: tuple[str, ...]
    open: tuple[Words, ...]
    not_open: tuple[Words, ...]


def portrait(organisation: Organisation, network: Network, on: date) -> Portrait:
    vocabulary = network.vocabulary
    named = naming(network.organisations)
    listings = sorted(
        (one for one in network.listings.values() if one.organisation == organisation.id),
        key=lambda one: (one.kind is not Kind.NEED, one.id),
    )
    return Portrait(
        body=body(organisation),
        sectors=_terms(organisation.sectors, vocabulary.sectors),
        size="".join(_terms([organisation.size], vocabulary.sizes)),
        roles=_terms(organisation.roles, vocabulary.roles),
        description=mask(organisation.description),
        places=tuple(map(district, organisation.places)),
        open=tuple(words(one, named, on=on) for one in listings if one.is_open(on)),
        not_open=tuple(words(one, named, on=on) for one in listings if not one.is_open(on)),
    )


def _terms(keys: Iterable[str], terms: Mapping[str, Term]) -> tuple[str, ...]:
    return tuple(terms[key].name if key in terms else mask(key) for key in keys if key)


@dataclass(frozen=True, slots=True)
class Group:
    """One asking organisation's suggestions of a week."""

    organisation: Body
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Missed:
    """A pair of listings that a round does not suggest, by their ids, whose they are, and why not."""

    pair: tuple[str, str]
    needs: Body
    offers: Body
    why: str
    strength: Strength | None = None


@dataclass(frozen=True, slots=True)
class Week:
    """An ISO week in words, and how far its round is."""

    week: str
    name: str
    days: str
    is_released: bool

    @property
    def path(self) -> str:
        return f"/rounds/{self.week}"


def week_in_words(week: str, *, is_released: bool) -> Week:
    start = monday(week)
    year, number = week.split("-W")
    return Week(week, f"Week {int(number)} of {year}", _days(start, start + timedelta(days=6)), is_released)


def _days(first: date, last: date) -> str:
    if first.year != last.year:
        return f"{long_date(first)} to {long_date(last)}"
    start = f"{first.day}" if first.month == last.month else f"{first.day} {first:%B}"
    return f"{start} to {long_date(last)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundShown:
    """A week's round, grouped by who asks; so is what it passed over.

    `unmet` are pins; `no_room` and `nothing_fitted` are the members without a suggestion, and what would help each.
    """

    week: Week
    state: str
    groups: tuple[Group, ...]
    count: int
    unmet: tuple[Missed, ...]
    passed_over: tuple[tuple[Body, tuple[Missed, ...]], ...]
    no_room: tuple[tuple[Body, tuple[str, ...]], ...]
    nothing_fitted: tuple[tuple[Body, tuple[str, ...]], ...]
    made_by: tuple[tuple[str, str], ...]


def round_shown(round_: Round, network: Network, zone: tzinfo) -> RoundShown:
    named = naming(network.organisations)
    proposal = round_.proposal
    return RoundShown(
        week=week_in_words(round_.week, is_released=round_.released_at is not None),
        state=_state(round_, zone),
        groups=tuple(
            Group(who, cards(of_one, named, read_as=Kind.NEED))
            for who, of_one in _by_name((named(one.need.organisation), one) for one in proposal.suggestions)
        ),
        count=len(proposal.suggestions),
        unmet=tuple(unmet(pair, why, named, network) for pair, why in proposal.unmet.items()),
        passed_over=_by_name((named(one.between[0]), _passed_over(one, named)) for one in proposal.passed_over),
        no_room=_with_nothing(proposal, named, fitted=True),
        nothing_fitted=_with_nothing(proposal, named, fitted=False),
        made_by=(
            *sorted((what, str(version)) for what, version in round_.versions.items()),
            ("proposed", moment(round_.proposed_at, zone)),
            *_chosen(proposal),
        ),
    )


def unmet(pair: Pair, why: str, named: Named, network: Network) -> Missed:
    need, offer = pair
    needs, offers = (named(network.owner(id_) or OrganisationId(id_)) for id_ in pair)
    return Missed((mask(need), mask(offer)), needs, offers, mask(why))


def _passed_over(one: PassedOver, named: Named) -> Missed:
    needs, offers = map(named, one.between)
    return Missed((mask(one.need), mask(one.offer)), needs, offers, mask(one.why), one.strength)


def _with_nothing(proposal: Proposal, named: Named, *, fitted: bool) -> tuple[tuple[Body, tuple[str, ...]], ...]:
    those = ((named(id_), map(mask, one.helps)) for id_, one in proposal.left_out.items() if one.fitted is fitted)
    return tuple((who, tuple(helps)) for who, (helps,) in _by_name(those))


def _chosen(proposal: Proposal) -> Iterator[tuple[str, str]]:
    """How the suggestions were chosen, as far as the round says: those of older ones do not."""
    if proposal.bound > 0:
        yield "worth", f"at most {proposal.shortfall} short of the best there is"
        drawn = sum(one.propensity is not None and one.propensity < 1 for one in proposal.suggestions)
        of_all = f"{drawn} of {len(proposal.suggestions)} suggestions drawn from some that were worth as much"
        yield "chance", of_all if drawn else "decided nothing"


def _state(round_: Round, zone: tzinfo) -> str:
    if round_.released_at:
        return f"Released on {moment(round_.released_at, zone)} (revision {round_.revision})."
    return f"Proposed, revision {round_.revision}. Not released: nobody has been shown this yet."


def _by_name(found: Iterable[tuple[Body, T]]) -> tuple[tuple[Body, tuple[T, ...]], ...]:
    """What was found about each organisation, in the order of their names."""
    grouped: dict[Body, list[T]] = {}
    for who, one in found:
        grouped.setdefault(who, []).append(one)
    return tuple((who, tuple(grouped[who])) for who in sorted(grouped, key=lambda who: (who.name.casefold(), who.id)))


def question_path(text: str, kind: Kind, organisation: str = "", place: str = "") -> str:
    """The address of a question, to share or to keep."""
    given = {"text": text, "as": kind.value, "organisation": organisation, "place": place}
    return "/ask?" + urlencode({name: value for name, value in given.items() if value}) + "#answer"


def long_date(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def moment(at: datetime, zone: tzinfo) -> str:
    at = at.astimezone(zone)
    return f"{long_date(at)} at {at:%H:%M %Z}"


def _one_line(text: str) -> str:
    return " ".join(text.split())

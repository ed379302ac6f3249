"""Pairings, steps and what a decision would change, as a coordinator reads them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from matcher.masking import mask
from matcher.network import Network
from matcher.records import Kind, Organisation, OrganisationId, Strength, Suggestion
from matcher.vocabulary import Vocabulary
from service.review.acting import taken_back
from service.review.deciding import IN_WORDS, told
from service.review.queue import Pairing, Queue, Track
from service.review.solving import KnockOn
from service.store.reviews import OUT, Choice, Doing, Step
from service.web.presenting import Card, Named, Run, Words, cards, district, naming


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a pairing: whose words they are and who that is. `path` is empty where it is not listed any more."""

    heading: str
    name: str
    path: str
    facts: str
    runs: tuple[Run, ...]
    lately: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One pairing. `fit` is in percent; `by` says who decided, and when; `asks` are first questions."""

    key: str
    version: int
    need: str
    offer: str
    title: str
    strength: Strength
    fit: int
    sides: tuple[Side, Side]
    reasons: tuple[str, ...]
    mismatches: tuple[str, ...]
    cautions: tuple[str, ...]
    obstacles: str
    asks: tuple[str, ...]
    choice: Choice
    decision: str
    why: str
    by: str
    says: str
    marks: tuple[str, ...]
    pinned: bool
    forbidden: bool
    assigned: str
    assigned_to: str
    comments: tuple[str, ...]


def rows(pairings: Iterable[Pairing], whole: Queue, network: Network, zone: tzinfo) -> tuple[Row, ...]:
    """Some pairings of a queue; the whole of it says in how many of them each organisation is."""
    named, loads = naming(network.organisations), _loads(whole.pairings)
    return tuple(_row(one, whole.names, named, network.vocabulary, loads, zone) for one in pairings)


def _loads(pairings: Iterable[Pairing]) -> Counter[OrganisationId]:
    """In how many pairings, not left out, each organisation is."""
    kept = (one.suggestion for one in pairings if one.review.decision not in OUT)
    return Counter(side.organisation for one in kept for side in (one.need, one.offer))


def _row(
    pairing: Pairing,
    names: Mapping[str, str],
    named: Named,
    vocabulary: Vocabulary,
    loads: Mapping[OrganisationId, int],
    zone: tzinfo,
) -> Row:
    review, suggestion, undone = pairing.review, pairing.suggestion, taken_back(pairing.steps)
    (card,) = cards([suggestion], named, read_as=Kind.NEED)
    both = ((pairing.asking, card.own), (pairing.giving, card.theirs))
    asking, giving = (
        _side(organisation, said, track, loads[OrganisationId(said.organisation.id)], vocabulary)
        for (organisation, said), track in zip(both, pairing.tracks, strict=True)
    )
    return Row(
        key=review.key,
        version=review.version,
        need=suggestion.need.id,
        offer=suggestion.offer.id,
        title=f"{asking.name} with {giving.name}",
        strength=suggestion.strength,
        fit=_percent(suggestion),
        sides=(asking, giving),
        reasons=card.why(both_shown=True),
        mismatches=_said(card, "mismatches"),
        cautions=_said(card, "cautions"),
        obstacles=", ".join(one.name.lower() for one in pairing.obstacles).capitalize(),
        asks=tuple(f"{one.name}: {one.asks}" for one in pairing.obstacles),
        choice=review.decision,
        decision=decision_in_words(review.decision),
        why=mask(review.why),
        by=_by(names.get(review.decided_by or ""), review.decided_at, zone),
        says=mask(review.says),
        marks=tuple(_marks(pairing)),
        pinned=pairing.pinned,
        forbidden=pairing.forbidden,
        assigned=mask(pairing.assigned),
        assigned_to=review.assigned_to or "",
        comments=tuple(
            f"{mask(names.get(one.person) or 'A coordinator')}: {mask(one.why)}"
            for one in pairing.steps
            if one.what is Doing.COMMENT and one.id not in undone
        ),
    )


def _side(organisation: Organisation | None, said: Words, track: Track, load: int, vocabulary: Vocabulary) -> Side:
    return Side(
        heading={Kind.NEED: "Needs", Kind.OFFER: "Offers"}.get(said.kind, "Describes itself"),
        name=said.organisation.name,
        path=said.organisation.path if organisation else "",
        facts=" · ".join(_facts(organisation, said, vocabulary)),
        runs=said.runs,
        lately=_lately(track, load),
    )


def _percent(suggestion: Suggestion) -> int:
    return min(99, round(100 * suggestion.fit))  # nobody is certain


def _facts(organisation: Organisation | None, said: Words, vocabulary: Vocabulary) -> Iterable[str]:
    """Size, sectors and places, as far as they are known; the listing's own places go first."""
    if organisation is None:
        yield "not listed any more"
        return
    if organisation.size:
        known = vocabulary.sizes.get(organisation.size)
        yield known.name.lower() if known else mask(organisation.size)
    for key in organisation.sectors:
        yield vocabulary.sectors[key].name.lower() if key in vocabulary.sectors else mask(key)
    if places := said.places or tuple(map(district, organisation.places)):
        yield ", ".join(places)


def _said(card: Card, what: str) -> tuple[str, ...]:
    return tuple(one.says for one in getattr(card, what))


def decision_in_words(choice: Choice) -> str:
    return IN_WORDS[choice].capitalize()


def _by(name: str | None, at: datetime | None, zone: tzinfo) -> str:
    return f"{mask(name or 'a coordinator')}, {clock(at, zone)}" if at else ""


def clock(at: datetime, zone: tzinfo) -> str:
    """A moment of these weeks, as short as it can be told."""
    at = at.astimezone(zone)
    return f"{at.day} {at:%B, %H:%M}"


def _marks(pairing: Pairing) -> list[str]:
    is_besides, is_approved = not pairing.is_proposed, pairing.review.decision is Choice.APPROVED
    said = {
        "pinned": pairing.pinned,
        "forbidden for good": pairing.forbidden,
        "approved besides the newest plan": is_besides and is_approved,
        "not in the newest plan": is_besides and not is_approved,
        "a text was changed since": pairing.is_reworded,
    }
    return [says for says, holds in said.items() if holds]


def _lately(track: Track, load: int) -> str:
    """What an organisation was part of in eight weeks, what of its was declined, and how much of this queue is its."""
    parts = (_counted(track.suggested, "suggestion"), _counted(track.introduced, "introduction"))
    said = [f"In eight weeks {' and '.join(part for part in parts if part) or 'nothing'}"]
    if track.declined:
        said.append(f"{_counted(track.declined, 'pairing')} declined")
    if load > 1:
        said.append(f"in {load} pairings here")
    return ", ".join(said) + "."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}" if number else ""


def onwards(pairings: Sequence[Pairing]) -> dict[str, str]:
    """Where a decision about each leads: the next that is undecided, from the end back to the first; else it stays."""
    leads: dict[str, str] = {}
    undecided = [one.key for one in pairings if one.review.decision is Choice.UNDECIDED]
    after = undecided[0] if undecided else ""
    for one in reversed(pairings):
        leads[one.key] = after if after and after != one.key else one.key
        if one.review.decision is Choice.UNDECIDED:
            after = one.key
    return leads


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the trail: who did what, when and why, from which values to which, and whether it may be undone."""

    id: int
    at: datetime
    who: str
    what: str
    why: str
    changed: tuple[tuple[str, str, str], ...]
    may_undo: bool


def lines(pairing: Pairing, names: Mapping[str, str], coordinators: Mapping[str, str]) -> tuple[Line, ...]:
    """All that was done about a pairing, newest first."""
    now, undone = facts_of(pairing), taken_back(pairing.steps)
    return tuple(_line(step, now, names, coordinators, is_undone=step.id in undone) for step in pairing.steps)


def _line(
    step: Step,
    now: Mapping[str, Any],
    names: Mapping[str, str],
    coordinators: Mapping[str, str],
    *,
    is_undone: bool,
) -> Line:
    after = {name: value for name, value in step.after.items() if name in FIELDS}
    what = "Commented" if step.what is Doing.COMMENT else told(step)
    shown = (
        (label, in_words(name, step.before.get(name), coordinators), in_words(name, after[name], coordinators))
        for name, label in FIELDS.items()
        if name in after
    )
    return Line(
        id=step.id,
        at=step.at,
        who=mask(names.get(step.person) or "A coordinator"),
        what=mask(what[:1].upper() + what[1:]),
        why=mask(step.why) if step.what is Doing.COMMENT or "why" not in after else "",
        changed=tuple(shown),
        may_undo=not is_undone
        and (step.what is Doing.COMMENT or (bool(after) and all(now[name] == value for name, value in after.items()))),
    )


def facts_of(pairing: Pairing) -> dict[str, Any]:
    """What a step can change, as it is now."""
    review = pairing.review
    return {
        "decision": review.decision.value,
        "why": review.why,
        "says": review.says,
        "assigned_to": review.assigned_to,
        "pinned": pairing.pinned,
        "forbidden": pairing.forbidden,
    }


FIELDS = {
    "decision": "Decision",
    "why": "Reason",
    "says": "Reason for members",
    "assigned_to": "Assigned to",
    "pinned": "Pinned",
    "forbidden": "Forbidden",
}


def in_words(name: str, value: Any, coordinators: Mapping[str, str]) -> str:
    """The value of one of these fields."""
    if name == "decision":
        return decision_in_words(Choice(value or Choice.UNDECIDED))
    if name == "assigned_to":
        return mask(coordinators.get(value, "somebody")) if value else "nobody"
    if name in ("pinned", "forbidden"):
        return "yes" if value else "no"
    return mask(str(value)) if value else "none"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of which two coordinators thought differently, or the same: as it is now, and as the second has it."""

    label: str
    now: str
    yours: str

    @property
    def is_same(self) -> bool:
        return self.now == self.yours


def asked_for(do: str, why: str, says: str, to: str) -> dict[str, Any]:
    """What each of the desk's buttons sets, as far as one can know without doing it."""
    choices = {"approve": Choice.APPROVED, "hold": Choice.HELD, "reject": Choice.REJECTED, "reopen": Choice.UNDECIDED}
    if do in choices:
        return {"decision": choices[do].value, "why": why}
    others: dict[str, dict[str, Any]] = {
        "pin": {"decision": Choice.APPROVED.value, "why": why, "pinned": True, "forbidden": False},
        "unpin": {"pinned": False},
        "forbid": {"decision": Choice.REJECTED.value, "why": why, "pinned": False, "forbidden": True},
        "allow": {"forbidden": False},
        "swap": {"decision": Choice.REJECTED.value, "why": why, "pinned": False},
        "reword": {"says": says},
        "assign": {"assigned_to": to or None},
    }
    return others.get(do, {})


def differences(
    now: Mapping[str, Any], yours: Mapping[str, Any], coordinators: Mapping[str, str]
) -> tuple[Difference, ...]:
    """Every field that the second would set."""
    return tuple(
        Difference(label, in_words(name, now[name], coordinators), in_words(name, yours[name], coordinators))
        for name, label in FIELDS.items()
        if name in yours
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A pairing that could take another's place, as a card from the side of the partner that is new."""

    card: Card
    need: str
    offer: str
    fit: int


def partner(suggestion: Suggestion, new: str, named: Named) -> Partner:
    """`new` is the side that changes: need or offer."""
    (card,) = cards([suggestion], named, read_as=Kind.OFFER if new == "need" else Kind.NEED)
    return Partner(card=card, need=suggestion.need.id, offer=suggestion.offer.id, fit=_percent(suggestion))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What solving anew would change: pairings by name, each with its strength; organisations by name."""

    is_nothing: bool
    new: tuple[tuple[str, Strength], ...]
    gone: tuple[tuple[str, Strength], ...]
    served: tuple[str, ...]
    left_out: tuple[str, ...]
    unmet: tuple[str, ...]


def change(found: KnockOn, named: Named) -> Change:
    def pairs(suggestions: Collection[Suggestion]) -> tuple[tuple[str, Strength], ...]:
        return tuple(
            (f"{named(one.need.organisation).name} with {named(one.offer.organisation).name}", one.strength)
            for one in suggestions
        )

    return Change(
        is_nothing=found.is_nothing,
        new=pairs(found.new),
        gone=pairs(found.gone),
        served=tuple(named(one).name for one in found.served),
        left_out=tuple(named(one).name for one in found.left_out),
        unmet=tuple(map(mask, found.unmet)),
    )

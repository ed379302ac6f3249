"""Pairings as a coordinator reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matcher.masking import mask
from matcher.records import Kind, Suggestion
from service.review.deciding import IN_WORDS, told
from service.review.queue import Pairing, Track
from service.review.solving import KnockOn
from service.store.reviews import Choice, Doing, Review, Step
from service.web.presenting import Body, Card, Named, cards


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One pairing. `fit` is in percent; `decided` says who decided what, in words."""

    key: str
    version: int
    need: str
    offer: str
    card: Card
    asking: Body
    giving: Body
    fit: int
    choice: Choice
    decision: str
    why: str
    says: str
    marks: tuple[str, ...]
    pinned: bool
    forbidden: bool
    assigned: str
    assigned_to: str
    tracks: tuple[str, ...]
    obstacles: tuple[str, ...]
    asks: tuple[str, ...]
    comments: tuple[str, ...]


def shown(pairing: Pairing, named: Named) -> Row:
    review, suggestion = pairing.review, pairing.suggestion
    (card,) = cards([suggestion], named, read_as=Kind.NEED)
    asking, giving = named(suggestion.need.organisation), named(suggestion.offer.organisation)
    return Row(
        key=review.key,
        version=review.version,
        need=suggestion.need.id,
        offer=suggestion.offer.id,
        card=card,
        asking=asking,
        giving=giving,
        fit=round(100 * suggestion.fit),
        choice=review.decision,
        decision=decision_in_words(review.decision),
        why=mask(review.why),
        says=mask(review.says),
        marks=tuple(_marks(pairing)),
        pinned=pairing.pinned,
        forbidden=pairing.forbidden,
        assigned=mask(pairing.assigned),
        assigned_to=review.assigned_to or "",
        tracks=tuple(_track(one, mask(who.name)) for one, who in zip(pairing.tracks, (asking, giving), strict=True)),
        obstacles=tuple(one.name for one in pairing.obstacles),
        asks=tuple(f"{one.name}: {one.asks}" for one in pairing.obstacles),
        comments=tuple(mask(one.why) for one in pairing.steps if one.what is Doing.COMMENT),
    )


def decision_in_words(choice: Choice) -> str:
    return IN_WORDS[choice].capitalize()


def _marks(pairing: Pairing) -> list[str]:
    said = {
        "pinned": pairing.pinned,
        "forbidden for good": pairing.forbidden,
        "not in the newest plan": not pairing.is_proposed,
        "one is not listed any more": pairing.asking is None or pairing.giving is None,
    }
    return [says for says, holds in said.items() if holds]


def _track(track: Track, name: str) -> str:
    """What an organisation was part of in eight weeks."""
    parts = [
        _counted(track.suggested, "suggestion"),
        _counted(track.introduced, "introduction"),
        _counted(track.declined, "pairing") + " declined" if track.declined else "",
    ]
    said = ", ".join(part for part in parts if part)
    return f"{name}: {said or 'nothing'} in the last eight weeks."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}" if number else ""


def step_shown(step: Step, names: Mapping[str, str], coordinators: Mapping[str, str]) -> dict[str, Any]:
    """One line of the trail: who, when, what, from and to."""
    changed = [
        (_FIELDS[name], _value(name, step.before.get(name), coordinators), _value(name, value, coordinators))
        for name, value in step.after.items()
        if name in _FIELDS
    ]
    return {
        "id": step.id,
        "at": step.at,
        "who": mask(names.get(step.person) or "A coordinator"),
        "what": told(step).capitalize() if step.what is not Doing.COMMENT else "Comment",
        "why": mask(step.why),
        "changed": changed,
        "may_undo": bool(changed),
    }


_FIELDS = {
    "decision": "Decision",
    "why": "Reason",
    "says": "Reason for members",
    "assigned_to": "Assigned to",
    "pinned": "Pinned",
    "forbidden": "Forbidden",
}


def _value(name: str, value: Any, coordinators: Mapping[str, str]) -> str:
    if name == "decision":
        return decision_in_words(Choice(value or Choice.UNDECIDED))
    if name == "assigned_to":
        return mask(coordinators.get(value, "somebody")) if value else "nobody"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return mask(str(value)) if value else "nothing"


def partner_shown(suggestion: Suggestion, new: str, named: Named) -> dict[str, Any]:
    """A pairing that could take another's place, from the side of its `new` partner, need or offer."""
    (card,) = cards([suggestion], named, read_as=Kind.OFFER if new == "need" else Kind.NEED)
    return {
        "card": card,
        "need": suggestion.need.id,
        "offer": suggestion.offer.id,
        "fit": round(100 * suggestion.fit),
    }


def knock_on_shown(change: KnockOn, named: Named) -> dict[str, Any]:
    def pair(one: Suggestion) -> str:
        return f"{named(one.need.organisation).name} with {named(one.offer.organisation).name}"

    return {
        "is_nothing": change.is_nothing,
        "new": [(pair(one), one.strength.value) for one in change.new],
        "gone": [(pair(one), one.strength.value) for one in change.gone],
        "served": [named(one).name for one in change.served],
        "left_out": [named(one).name for one in change.left_out],
        "unmet": [mask(one) for one in change.unmet],
    }


def facts_of(review: Review) -> dict[str, str]:
    return {"decision": decision_in_words(review.decision), "why": mask(review.why), "says": mask(review.says)}

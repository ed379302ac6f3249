"""What was suggested, and how it stands, as one of its sides reads it: in words, with contact details masked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from matcher.eligibility import COOL_DOWN
from matcher.masking import mask
from matcher.records import Kind, Organisation, OrganisationId
from service.introductions import IN_WORDS, TAKEN_BACK_WITHIN, may_take_back
from service.store import members, people
from service.store.database import Connection
from service.store.introductions import Answer, Introduction, Reply, State, Via, other_side
from service.store.rounds import monday
from service.store.suggested import Suggested
from service.web.presenting import Body, Card, Week, cards, long_date, naming, week_in_words

REASONS = ("wrong place", "wrong time", "already have this", "too big for us")
"""Why something is not for an organisation, in one tap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A suggestion to one side. `replied` is what that side said; `stands` what it comes to; either may be empty.

    `state` is that of its introduction, empty where none was begun.
    """

    key: str
    week: Week
    organisation: Body
    other: Body
    card: Card
    replied: str
    stands: str
    state: str
    may_reply: bool
    may_agree: bool
    take_back_until: str

    @property
    def path(self) -> str:
        return f"/suggestions/{self.key}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one side is shown with: who it is, its people's names, the other organisations, and the moment."""

    organisation: OrganisationId
    names: Mapping[str, str]
    organisations: Mapping[OrganisationId, Organisation]
    now: datetime


def reading(
    connection: Connection, organisation: OrganisationId, found: tuple[Suggested, ...], now: datetime
) -> Reading:
    others = {other_side(one.suggestion, organisation) for one in found}
    acting = people.of(connection, organisation) if any(one.reply for one in found) else ()
    names = {one.person.id: one.person.name for one in acting}
    return Reading(organisation, names, members.these_organisations(connection, {organisation, *others}), now)


def shown(found: Suggested, reading: Reading) -> Shown:
    named = naming(reading.organisations)
    own, suggestion, begun = reading.organisation, found.suggestion, found.introduction
    other = named(other_side(suggestion, own))
    (card,) = cards([suggestion], named, read_as=Kind.NEED if suggestion.need.organisation == own else Kind.OFFER)
    today = reading.now.date()
    until = found.reply.at + TAKEN_BACK_WITHIN if found.reply and may_take_back(found, reading.now) else None
    return Shown(
        key=found.key,
        week=week_in_words(found.week, is_released=True),
        organisation=named(own),
        other=other,
        card=card,
        replied=_replied(found.reply, reading.names) if found.reply else "",
        stands=_stands(found, own, other.name, today),
        state=str(begun.state) if begun else "",
        may_reply=found.reply is None,
        may_agree=found.reply is None and _is_open(found, today),
        take_back_until=long_date(until.date()) if until else "",
    )


def _is_open(found: Suggested, on: date) -> bool:
    begun = found.introduction
    if begun is not None:
        return begun.state is State.ASKED and on <= begun.due
    return on < monday(found.week) + COOL_DOWN


def _replied(reply: Reply, names: Mapping[str, str]) -> str:
    name = " ".join(names.get(reply.person, "").split())
    who = name or ("A coordinator" if reply.via is Via.COORDINATOR else "Somebody")
    said = IN_WORDS[reply.answer] + (f" ({mask(reply.why)})" if reply.why else "")
    return f"{who} replied on {long_date(reply.at.date())}: {said}."


def _stands(found: Suggested, own: OrganisationId, other: str, on: date) -> str:
    if found.introduction is not None:
        return _introduction_stands(found.introduction, own, other, on)
    if found.reply is None:
        return "" if _is_open(found, on) else "This is more than eight weeks old."
    if found.came_to_nothing:
        return f"{other} cannot take this up at present. Thank you for having said yes."
    if found.reply.answer is Answer.NOT_FOR_US:
        return "It is not suggested to you again unless one of the two texts changes."
    return "Nothing else happens." if found.reply.answer is Answer.NOT_NOW else ""


def _introduction_stands(begun: Introduction, own: OrganisationId, other: str, on: date) -> str:
    ours = begun.opened_by == own
    if begun.state is State.INTRODUCED and begun.introduced_at:
        return f"You were introduced on {long_date(begun.introduced_at.date())}: write to each other."
    if begun.state is State.ASKED and begun.due < on:
        return f"There was time to reply until {long_date(begun.due)}."
    if begun.state is State.ASKED:
        due = long_date(begun.due)
        return f"{other} is to reply by {due}." if ours else f"{other} is interested. You are to reply by {due}."
    if begun.state is State.EXPIRED:
        return f"{other} did not reply in time, so this was closed." if ours else "Nobody replied, so this was closed."
    if begun.state is State.DECLINED:
        return f"{other} cannot take this up. Thank you for having asked." if ours else f"{other} has been told."
    return ""

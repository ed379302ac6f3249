"""What was suggested, and how it stands, as one of its sides reads it: in words, with contact details masked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache, lru_cache

from matcher.eligibility import COOL_DOWN
from matcher.masking import mask
from matcher.records import Kind, OrganisationId, Standing, Suggestion
from service import telling
from service.introductions import IN_WORDS, TAKEN_BACK_WITHIN, as_told, is_held, may_take_back
from service.store import introductions, people, suggested
from service.store.database import Connection
from service.store.introductions import Answer, Introduction, Reply, State, Via, other_side
from service.store.mails import Kind as MailKind
from service.store.rounds import monday
from service.store.suggested import Suggested
from service.web.presenting import Body, Card, Named, Week, cards, long_date, naming, week_in_words

REASONS = ("wrong place", "wrong time", "already have this", "too big for us")
"""Why something is not for an organisation, in one tap."""


class Done(StrEnum):
    """What the reader did last, and is told of on the page that it led to."""

    REPLY = "reply"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A suggestion to one side. `replied` is what that side said; `stands` what it comes to; either may be empty.

    `card` is None where it is told in a line. `state` is that of its introduction, empty where none was begun.
    `answer` is the reply alone, in words; `not_now` what such a reply would lead to; `take_back` until when one can be
    taken back, empty where it cannot.
    """

    key: str
    week: Week
    organisation: Body
    other: Body
    card: Card | None
    answer: str
    replied: str
    stands: str
    state: str
    may_reply: bool
    may_agree: bool
    not_now: str
    take_back: str

    @property
    def path(self) -> str:
        return f"/suggestions/{self.key}"

    def told(self, done: str) -> str:
        """What is said at the top of the page after what the reader did; empty where it is not so any more."""
        if done == Done.UNDO and self.may_reply:
            return f"Your reply about {self.other.name} is taken back. You can reply again."
        if done != Done.REPLY or not self.answer:
            return ""
        said = "You are interested." if self.answer == IN_WORDS[Answer.INTERESTED] else f"You said: {self.answer}."
        return f"{said} {self.stands}".rstrip()


@dataclass(frozen=True, slots=True)
class Reading:
    """What one side is shown with: who it is, its people's names, those of both sides, and the moment.

    `taken_back` are the suggestions of which it was told that the other side is not interested any more.
    """

    organisation: OrganisationId
    names: Mapping[str, str]
    named: Named
    taken_back: frozenset[str]
    now: datetime


def reading(
    connection: Connection, organisation: OrganisationId, found: tuple[Suggested, ...], now: datetime
) -> Reading:
    others = {other_side(one.suggestion, organisation) for one in found}
    acting = people.of(connection, organisation) if any(one.reply for one in found) else ()
    names = {one.person.id: one.person.name for one in acting}
    taken_back = frozenset(one.key for one in found if one.taken_back and _was_told(connection, one.key, organisation))
    named = cache(naming(suggested.named(connection, {organisation, *others})))
    return Reading(organisation, names, named, taken_back, now)


def _was_told(connection: Connection, key: str, organisation: OrganisationId) -> bool:
    begun = introductions.load(connection, key)
    return begun is not None and telling.was_told(connection, MailKind.WITHDRAWN, begun, organisation)


def emailed(connection: Connection, found: Suggested, own: OrganisationId, reader: str, now: datetime) -> str:
    """Whom the address of the other side was mailed to, once both have said yes; empty before, and where it left."""
    begun = found.introduction
    if begun is None or begun.state is not State.INTRODUCED or begun.introduced_at is None:
        return ""
    other = suggested.named(connection, [other_side(begun.suggestion, own)])
    if not any(one.standing is Standing.MEMBER for one in other.values()):
        return ""
    to = telling.speaking(connection, begun, own)
    on = begun.introduced_at.date()
    when = "just now" if on == now.date() else f"on {long_date(on)}"
    who = "you" if reader in {person.id for person in to} else " and ".join(" ".join(one.name.split()) for one in to)
    look = "If it is not in your inbox soon, look in your spam or junk folder." if who == "you" else ""
    return f"We have emailed {who or 'your colleagues'} their address {when}, and yours to them. {look}".rstrip()


def shown(found: Suggested, reading: Reading, *, briefly: bool = False) -> Shown:
    """As it is read; `briefly`: beside others, where only what may be agreed to is shown in full."""
    named, own, now = reading.named, reading.organisation, reading.now
    found = as_told(found, own, now)
    suggestion, begun = found.suggestion, found.introduction
    other = named(other_side(suggestion, own))
    is_open = found.reply is None and _is_open(found, now.date())
    stands = _stands(found, own, other.name, now)
    if found.key in reading.taken_back and is_open:
        stands = f"{other.name} took its interest back; you may still say yes."
    return Shown(
        key=found.key,
        week=week_in_words(found.week, is_released=True),
        organisation=named(own),
        other=other,
        card=None if briefly and not is_open else _card(suggestion, named(own), other),
        answer=IN_WORDS[found.reply.answer] if found.reply else "",
        replied=_replied(found.reply, reading.names) if found.reply else "",
        stands=stands,
        state=str(begun.state) if begun else "",
        may_reply=found.reply is None,
        may_agree=is_open,
        not_now=_no_means(found, Answer.NOT_NOW, other.name, now),
        take_back=_take_back(found, now),
    )


@lru_cache(maxsize=4096)
def _card(suggestion: Suggestion, own: Body, other: Body) -> Card:
    """A page shows the same one again and again, until its side replies."""
    asks = suggestion.need.organisation == own.id
    (card,) = cards(
        [suggestion], {one.id: one for one in (own, other)}.__getitem__, read_as=Kind.NEED if asks else Kind.OFFER
    )
    return card


def _take_back(found: Suggested, now: datetime) -> str:
    begun, said = found.introduction, found.reply
    if said is None or not may_take_back(found, now):
        return ""
    if begun is not None and is_held(begun, now):
        return "within an hour of your reply"
    until = f"until and including {long_date((said.at + TAKEN_BACK_WITHIN).date())}"
    return f"{until}, unless both have said yes by then" if said.answer is Answer.INTERESTED else until


def _no_means(found: Suggested, answer: Answer, other: str, now: datetime) -> str:
    """What a no leads to: when this may come again, and whether the other side is told."""
    begun, again = found.introduction, monday(found.week) + COOL_DOWN
    never = "We will not suggest this again unless one of the two texts changes."
    later = f"We will not suggest this again before {long_date(again)}." if again > now.date() else ""
    told = f"{other} is not told, unless it is interested itself: then it reads that you cannot take this up."
    if begun is not None and begun.state is State.ASKED:
        told = f"An hour later {other} is told, kindly and without the reason."
    if begun is not None and begun.state is State.EXPIRED:
        told = f"{other} has been told that nobody replied in time, and is told no more."
    if begun is not None and begun.state is State.DECLINED:
        told = f"{other} has been told, so this stands."
        if is_held(begun, now):
            told = f"An hour after your reply {other} is told, kindly and without the reason."
    return f"{never if answer is Answer.NOT_FOR_US else later} {told}".lstrip()


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


def _stands(found: Suggested, own: OrganisationId, other: str, now: datetime) -> str:
    said, begun = found.reply, found.introduction
    if said is not None and said.answer is not Answer.INTERESTED:
        return _no_means(found, said.answer, other, now)
    if begun is not None:
        return _introduction_stands(begun, own, other, now.date())
    if said is None:
        return "" if _is_open(found, now.date()) else "This is more than eight weeks old."
    if found.came_to_nothing:
        return f"{other} cannot take this up at present. Thank you for having said yes."
    return ""


def _introduction_stands(begun: Introduction, own: OrganisationId, other: str, on: date) -> str:
    ours, due = begun.opened_by == own, long_date(begun.due)
    if begun.state is State.INTRODUCED and begun.introduced_at:
        needs = begun.suggestion.need.organisation == own
        first = "You have the need, so please write first." if needs else f"{other} has the need and writes first."
        return f"Both of you said yes, and were introduced on {long_date(begun.introduced_at.date())}. {first}"
    if begun.state is State.ASKED and begun.due < on:
        return f"There was time to reply until and including {due}."
    if begun.state is State.ASKED and ours:
        return f"We have asked {other}; they have until and including {due}."
    if begun.state is State.ASKED:
        return f"{other} is interested. Please reply by {due}."
    if begun.came_late and ours:
        return f"{other} said yes after you had filled your places, so this was closed."
    if begun.came_late:
        return f"{other} had filled its places by then, so you are not introduced. Thank you for having said yes."
    if begun.state is State.EXPIRED:
        return f"{other} did not reply in time, so this was closed." if ours else "Nobody replied, so this was closed."
    return f"{other} cannot take this up. Thank you for having asked." if begun.state is State.DECLINED else ""

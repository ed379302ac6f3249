"""Two-sided consent: what replies to a suggestion lead to, until both sides said yes, or one did not.

Each side of a suggestion says nothing, yes (interested) or no (not now, not for us); an introduction begins with the
first yes and goes by the suggestion's key. Every line is one transaction, mails and all:

| before                     | what happens          | after                                             |
| -------------------------- | --------------------- | ------------------------------------------------- |
| the other said nothing     | a yes                 | asked: its people are mailed                      |
| the other had said no      | a yes                 | recorded, and told that it comes to nothing       |
| asked                      | the other side's yes  | introduced: who replied on either side is mailed  |
| asked, who asked is full   | the other side's yes  | expired: recorded, and who asked is mailed        |
| asked                      | the other side's no   | declined: who was interested is mailed in an hour |
| asked, five days           | `remind`              | asked: its people are mailed, once                |
| asked, past its last day   | `expire`              | expired: both sides are mailed                    |
| introduced, ten days       | `follow_up`           | introduced: both sides are mailed, once           |
| anything else              | a no                  | recorded                                          |
| asked                      | the yes is taken back | withdrawn: whom a mail had reached gets another   |
| withdrawn                  | a yes of either side  | asked, as if nothing had been                     |
| declined, within the hour  | the no is taken back  | asked, with a week to reply in                    |
| declined, within the hour  | the yes is taken back | withdrawn, and nobody is mailed                   |
| no, the other's yes since  | the no is taken back  | asked by the other side, from today, if they may  |
| a yes nobody is asked of   | `take_up`             | asked, as soon as the two may be introduced       |
| declined, told; introduced | any is taken back     | refused; so is a yes that expired                 |

A reply may be taken back within a week, by days. A no to who is interested is held for an hour, so that a slip of the
thumb disappoints nobody: so long, that side reads that the other is asked. A yes is refused where the pair does not
stand any more; a no never is, and *not for us* keeps the pair from being suggested again.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta

from matcher.eligibility import COOL_DOWN
from matcher.errors import CommonwealError
from matcher.records import Decline, OrganisationId, Suggestion
from service import faults, standing
from service.entitled import UnknownSuggestionError as UnknownSuggestionError
from service.entitled import refuse_stranger, refuse_yes
from service.standing import ClosedError as ClosedError
from service.stationery import day
from service.store import decisions, events, introductions, people, suggested
from service.store.database import Connection
from service.store.introductions import Answer, Introduction, Origin, Outcome, Reply, Said, State, Via, other_side
from service.store.mails import Kind
from service.store.rounds import monday
from service.store.suggested import Suggested
from service.telling import HELD_BACK, acting, retell, speaking, tell, tell_colleagues, untell, untell_colleagues
from service.wiring import Commonweal

ANSWERED_IN = timedelta(days=14)
REMINDED_AFTER = timedelta(days=5)
ASKED_HOW_AFTER = timedelta(days=10)
TAKEN_BACK_WITHIN = timedelta(days=7)
HELD = timedelta(hours=1)
"""How long a no waits before whoever is interested is told."""
LONGEST_WHY = 500
IN_WORDS = {Answer.INTERESTED: "interested", Answer.NOT_NOW: "not now", Answer.NOT_FOR_US: "not for us"}


class AnsweredError(CommonwealError):
    """Somebody of the organisation replied first; `reply` is what counts."""

    def __init__(self, reply: Reply, who: str) -> None:
        said = f"{who} replied first, on {day(reply.at.date())}: {IN_WORDS[reply.answer]}."
        super().__init__(f"{said} That counts, unless it is taken back.")
        self.reply = reply


def reply(
    commonweal: Commonweal,
    organisation: OrganisationId,
    key: str,
    person: str,
    answer: Answer,
    *,
    why: str = "",
    via: Via = Via.PAGE,
) -> Suggested:
    """Replies for an organisation to what was suggested to it, and returns how that stands now.

    Said twice by the same person it counts once. Raises UnknownSuggestionError, AnsweredError or ClosedError, having
    changed nothing.
    """
    now = commonweal.now()
    with commonweal.database.write() as connection:
        found = _found(connection, organisation, key, person, via)
        if found.reply and (found.reply.person, found.reply.answer) == (person, answer):
            return found
        if found.reply:
            raise AnsweredError(found.reply, _called(connection, found.reply))
        why = " ".join(why.split())[:LONGEST_WHY]
        said = Reply(suggestion=key, organisation=organisation, answer=answer, why=why, person=person, via=via, at=now)
        theirs = _theirs(connection, found, organisation)
        if answer is Answer.INTERESTED:
            refuse_yes(connection, organisation, via)
            _refuse_late(found, now.date())
            if theirs is None or theirs.answer is Answer.INTERESTED:  # else it comes to nothing anyway
                choosing = (organisation,) if theirs is None else introductions.sides(found.suggestion)
                if theirs is None or not standing.has_filled_up(connection, found.introduction, now.date()):
                    standing.refuse(connection, found.suggestion, organisation, now.date(), key, choosing)
        add(connection, said)
        faults.point("reply.added")
        (_agree if answer is Answer.INTERESTED else _decline)(connection, found, said, theirs)
        faults.point("reply.before-commit")
        return _found(connection, organisation, key, person, via)


def take_back(
    commonweal: Commonweal, organisation: OrganisationId, key: str, person: str, *, via: Via = Via.PAGE
) -> Suggested:
    """Takes the organisation's reply back, and returns how the suggestion stands now.

    Raises UnknownSuggestionError, or ClosedError where it is too late, having changed nothing.
    """
    now = commonweal.now()
    with commonweal.database.write() as connection:
        found = _found(connection, organisation, key, person, via)
        said = found.reply
        if said is None:
            raise ClosedError("There is no reply of yours any more: it has been taken back.")
        if now.date() > said.at.date() + TAKEN_BACK_WITHIN:
            raise ClosedError(f"A reply can be taken back for a week; this one is of {day(said.at.date())}.")
        introductions.remove(connection, said)
        untell_colleagues(connection, said)
        (_withdraw if said.answer is Answer.INTERESTED else _reconsider)(connection, found, said, now)
        events.record(connection, now, person, "reply taken back", f"{key}: {IN_WORDS[said.answer]}", organisation)
        faults.point("take-back.before-commit")
        return _found(connection, organisation, key, person, via)


def may_take_back(found: Suggested, now: datetime) -> bool:
    """Whether it is worth offering: `take_back` has the last word."""
    begun, said = found.introduction, found.reply
    if said is None or now.date() > said.at.date() + TAKEN_BACK_WITHIN:
        return False
    if begun is None or begun.state is State.ASKED:
        return True
    return is_held(begun, now) or (begun.state is State.EXPIRED and said.answer is not Answer.INTERESTED)


def is_held(begun: Introduction, now: datetime) -> bool:
    """Whether it was declined so lately that whoever is interested is not told yet."""
    return begun.state is State.DECLINED and begun.closed_at is not None and now < begun.closed_at + HELD


def as_told(found: Suggested, organisation: OrganisationId, now: datetime) -> Suggested:
    """A suggestion as this side has been told of it: a no that is held for a while has not been said to it."""
    begun = found.introduction
    if begun is None or begun.opened_by != organisation or not is_held(begun, now):
        return found
    asked = replace(begun, state=State.ASKED, closed_at=None)
    return replace(found, introduction=asked, came_to_nothing=False)


def say(
    commonweal: Commonweal,
    organisation: OrganisationId,
    key: str,
    person: str,
    outcome: Outcome,
    *,
    via: Via = Via.PAGE,
) -> None:
    """What an organisation says came of an introduction; the last counts. Raises UnknownSuggestionError."""
    now = commonweal.now()
    with commonweal.database.write() as connection:
        _found(connection, organisation, key, person, via)
        introduction = introductions.load(connection, key)
        if introduction is None or introduction.state is not State.INTRODUCED:
            raise UnknownSuggestionError
        introductions.say(connection, key, organisation, Said(outcome=outcome, person=person, at=now))
        if via is Via.COORDINATOR:
            events.record(connection, now, person, "outcome for them", f"{key}: {outcome}", organisation)


def remind(commonweal: Commonweal) -> int:
    """Reminds, once, whoever has been asked for five days. Returns of how many introductions."""
    now, count = commonweal.now(), 0
    with commonweal.database.write() as connection:
        for one in introductions.due_for_reminder(connection, now - REMINDED_AFTER, now.date()):
            if standing.bars_completing(connection, one, now.date()):  # a yes would be refused
                continue
            if introductions.note(connection, one.key, State.ASKED, "reminded_at", now):
                tell(connection, Kind.REMINDER, one, one.asked, acting(connection, one.asked), now)
                count += 1
        faults.point("remind.before-commit")
    return count


def expire(commonweal: Commonweal) -> int:
    """Closes what nobody answered in time and tells both sides; the listings are free again. Returns how many."""
    now, count = commonweal.now(), 0
    with commonweal.database.write() as connection:
        for one in introductions.run_out(connection, now.date()):
            if introductions.move(connection, one.key, State.ASKED, State.EXPIRED, closed_at=now):
                tell(connection, Kind.EXPIRED, one, one.opened_by, speaking(connection, one, one.opened_by), now)
                tell(connection, Kind.EXPIRED, one, one.asked, acting(connection, one.asked), now)
                count += 1
        faults.point("expire.before-commit")
    return count


def take_up(commonweal: Commonweal) -> int:
    """Asks whoever could not be asked about a yes while something stood against it. Returns about how many."""
    now, count = commonweal.now(), 0
    with commonweal.database.write() as connection:
        for said in introductions.unheard(connection, now - COOL_DOWN - TAKEN_BACK_WITHIN):
            found = suggested.find(connection, said.organisation, said.suggestion)
            count += found is not None and _take_up(connection, found, said, now)
        for one in introductions.due_for_reminder(connection, now, now.date()):
            if not standing.bars_completing(connection, one, now.date()):
                count += retell(connection, Kind.ASKED, one, one.asked, now, HELD_BACK)
        faults.point("take-up.before-commit")
    return count


def follow_up(commonweal: Commonweal) -> int:
    """Asks both sides once, ten days after they were introduced, what came of it. Returns how many introductions."""
    now, count = commonweal.now(), 0
    with commonweal.database.write() as connection:
        for one in introductions.due_for_question(connection, now - ASKED_HOW_AFTER):
            if introductions.note(connection, one.key, State.INTRODUCED, "asked_how_at", now):
                for side in one.sides:
                    tell(connection, Kind.FOLLOW_UP, one, side, speaking(connection, one, side), now)
                count += 1
        faults.point("follow-up.before-commit")
    return count


def add(connection: Connection, said: Reply) -> None:
    """Stores a reply; the others who act for the organisation are told, and a coordinator's is put on record."""
    introductions.add(connection, said)
    tell_colleagues(connection, said)
    if said.via is Via.COORDINATOR:
        says = f"{said.suggestion}: {IN_WORDS[said.answer]}"
        events.record(connection, said.at, said.person, "reply for them", says, said.organisation)


def ask(
    connection: Connection,
    key: str,
    week: str,
    suggestion: Suggestion,
    *,
    opened_by: OrganisationId,
    at: datetime,
    origin: Origin = Origin.ROUND,
) -> Introduction:
    """Begins an introduction: the other side's people are asked by mail."""
    begun = introductions.begin(
        connection,
        Introduction(
            key=key,
            week=week,
            suggestion=suggestion,
            origin=origin,
            state=State.ASKED,
            opened_by=opened_by,
            opened_at=at,
            due=at.date() + ANSWERED_IN,
        ),
    )
    tell(connection, Kind.ASKED, begun, begun.asked, acting(connection, begun.asked), at)
    return begun


def _agree(connection: Connection, found: Suggested, said: Reply, theirs: Reply | None) -> None:
    """A yes: asks the other side, or introduces the two."""
    if theirs is None:
        _begin(connection, found, said.organisation, said.at)
    elif standing.has_filled_up(connection, found.introduction, said.at.date()):
        _close_late(connection, found, said.at)
    elif theirs.answer is Answer.INTERESTED:
        if found.introduction is None:  # theirs came when we had said no, and ours was taken back since
            _begin(connection, found, theirs.organisation, said.at)
        if not introductions.move(connection, found.key, State.ASKED, State.INTRODUCED, introduced_at=said.at):
            raise ClosedError("This was closed just now.")
        introduced = introductions.load(connection, found.key)
        assert introduced is not None
        for side in introduced.sides:
            tell(connection, Kind.INTRODUCTION, introduced, side, speaking(connection, introduced, side), said.at)


def _close_late(connection: Connection, found: Suggested, at: datetime) -> None:
    """A yes that came too late: whoever asked is told that it came, and not that nobody replied."""
    introductions.move(connection, found.key, State.ASKED, State.EXPIRED, closed_at=at)
    closed = introductions.load(connection, found.key)
    assert closed is not None
    tell(connection, Kind.EXPIRED, closed, closed.opened_by, speaking(connection, closed, closed.opened_by), at)


def _decline(connection: Connection, found: Suggested, said: Reply, theirs: Reply | None) -> None:
    """A no: what the other side had begun is closed, and not for us is remembered of the texts as they were shown."""
    if said.answer is Answer.NOT_FOR_US:
        decisions.decline_once(connection, *found.suggestion.pair, _declined(found, said))
    if introductions.move(connection, found.key, State.ASKED, State.DECLINED, closed_at=said.at):
        closed = introductions.load(connection, found.key)
        assert closed is not None
        assert theirs is not None
        interested = speaking(connection, closed, closed.opened_by)
        tell(connection, Kind.DECLINED, closed, closed.opened_by, interested, said.at + HELD)


def _declined(found: Suggested, said: Reply) -> Decline:
    why = f"{said.organisation}: {said.why or IN_WORDS[said.answer]}"
    return Decline(found.suggestion.need.text, found.suggestion.offer.text, why)


def _withdraw(connection: Connection, found: Suggested, said: Reply, now: datetime) -> None:
    """A yes is taken back: what it began is as if it had not been, and whoever heard of it is told."""
    begun = introductions.load(connection, found.key)
    if begun is None or begun.state is State.WITHDRAWN:
        return
    if begun.state is State.INTRODUCED:
        raise ClosedError("You are introduced already: tell the other side yourselves.")
    is_declined = is_held(begun, now) and not _untell_decline(connection, begun)
    before = State.DECLINED if is_declined else State.ASKED
    if not introductions.move(connection, begun.key, before, State.WITHDRAWN, closed_at=now):
        raise ClosedError("This is closed: there is nothing to take back any more.")
    asked = () if is_declined else acting(connection, begun.asked)
    heard: set[str] = set()
    for kind in (Kind.ASKED, Kind.REMINDER):
        heard |= untell(connection, kind, begun, begun.asked, asked)
    told = tuple(person for person in asked if person.id in heard)
    tell(connection, Kind.WITHDRAWN, begun, begun.asked, told, now)


def _untell_decline(connection: Connection, begun: Introduction) -> frozenset[str]:
    return untell(connection, Kind.DECLINED, begun, begun.opened_by, speaking(connection, begun, begun.opened_by))


def _reconsider(connection: Connection, found: Suggested, said: Reply, now: datetime) -> None:
    """A no is taken back: the pair may be suggested again, and the other side's yes stands as if just said."""
    begun, theirs = introductions.load(connection, found.key), _theirs(connection, found, said.organisation)
    pair = found.suggestion.pair
    if decisions.undecline(connection, *pair, _declined(found, said)) and theirs and theirs.answer is Answer.NOT_FOR_US:
        decisions.decline(connection, *pair, _declined(found, theirs))
    if begun is not None and begun.state is State.DECLINED:
        if not is_held(begun, now) or _untell_decline(connection, begun):
            raise ClosedError("The other side has been told, so this cannot be taken back any more.")
        standing.refuse(connection, found.suggestion, said.organisation, now.date(), begun.key)
        due = max(begun.due, now.date() + TAKEN_BACK_WITHIN)
        introductions.move(connection, begun.key, State.DECLINED, State.ASKED, closed_at=None, due=due)
        for kind in (Kind.ASKED, Kind.REMINDER):
            retell(connection, kind, begun, begun.asked, now)
    elif theirs is not None and theirs.answer is Answer.INTERESTED and found.introduction is None:
        _take_up(connection, found, theirs, now)


def _take_up(connection: Connection, found: Suggested, said: Reply, now: datetime) -> bool:
    """Asks the other side about a yes that nobody has been asked about, where the pair stands."""
    if is_old(found, now.date()) or standing.bars(connection, found.suggestion, now.date(), (said.organisation,)):
        return False
    _begin(connection, found, said.organisation, now)
    return True


def _begin(connection: Connection, found: Suggested, opened_by: OrganisationId, at: datetime) -> None:
    before = introductions.load(connection, found.key)
    origin = before.origin if before else Origin.ROUND
    ask(connection, found.key, found.week, found.suggestion, opened_by=opened_by, at=at, origin=origin)


def _found(connection: Connection, organisation: OrganisationId, key: str, person: str, via: Via) -> Suggested:
    """What was suggested to the organisation, where this person may reply to it."""
    refuse_stranger(connection, organisation, person, via)
    found = suggested.find(connection, organisation, key)
    if found is None:
        raise UnknownSuggestionError
    return found


def _refuse_late(found: Suggested, on: date) -> None:
    begun = found.introduction
    if begun is not None and begun.is_closed:
        raise ClosedError("This is closed.")
    if begun is not None and begun.due < on:
        raise ClosedError(f"This could be answered until {day(begun.due)}.")
    if begun is None and is_old(found, on):
        raise ClosedError("This was suggested more than eight weeks ago.")


def is_old(found: Suggested, on: date) -> bool:
    """Whether it was suggested too long ago for anything to begin with it."""
    return monday(found.week) + COOL_DOWN <= on


def _theirs(connection: Connection, found: Suggested, organisation: OrganisationId) -> Reply | None:
    return (
        introductions.replies(connection, [found.key])
        .get(found.key, {})
        .get(other_side(found.suggestion, organisation))
    )


def _called(connection: Connection, said: Reply) -> str:
    known = people.get(connection, said.person)
    name = " ".join(known.name.split()) if known else ""
    return name or ("A coordinator" if said.via is Via.COORDINATOR else "One of you")

"""What coordinators do with pairings. Each step is one transaction, on record, guarded by the version that was seen."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from matcher.errors import CommonwealError
from matcher.records import Pair, Suggestion
from service import faults
from service.review import occasions
from service.review.occasions import Occasion
from service.store import decisions, desk, events, people, reviews
from service.store.database import Connection
from service.store.people import Access
from service.store.reviews import Choice, Doing, Review, Step, key_of, untouched
from service.wiring import Commonweal

LONGEST = 500
IN_WORDS = {
    Choice.UNDECIDED: "undecided",
    Choice.APPROVED: "approved",
    Choice.REJECTED: "rejected",
    Choice.HELD: "on hold",
}
PINNED, FORBIDDEN = "pinned", "forbidden"  # facts about a pair that are kept beside its review
KEPT = ("decision", "why", "says", "assigned_to")  # the facts that its review holds
ABOUT_DECISION = ("decision", "why")


class UnknownPairingError(CommonwealError):
    """Nothing of this occasion goes by this key."""


class RefusedError(CommonwealError):
    """It cannot be done, and why."""


class FirstError(CommonwealError):
    """Somebody was first. `now` is the review as they left it, `step` what they did last; None where nobody did."""

    def __init__(self, says: str, now: Review, step: Step | None) -> None:
        super().__init__(says)
        self.now = now
        self.step = step


@dataclass(frozen=True, slots=True)
class Bulk:
    """Of many at once: those that were done, and those that somebody else had changed meanwhile."""

    done: tuple[Review, ...]
    late: tuple[FirstError, ...]


@dataclass(frozen=True, slots=True)
class _Act:
    """Who does what to which pairing, as of which version of it."""

    commonweal: Commonweal
    occasion: str
    key: str
    by: str
    seen: int


def decide(
    commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, choice: Choice, why: str = ""
) -> Review:
    """Approves, rejects (which needs a reason), holds, or leaves undecided again. Out of the solve is out of the pins.

    Raises FirstError, RefusedError, ClosedError, UnknownPairingError, UnknownOccasionError; so do all others here.
    """
    if choice is Choice.REJECTED and not why.strip():
        raise RefusedError("Say why: it keeps the next coordinator from asking, and the next ranker from repeating it.")
    facts = {"decision": choice.value} | ({PINNED: False} if choice in reviews.OUT else {})
    return _alone(_Act(commonweal, occasion, key, by, seen), Doing.DECIDE, facts | {"why": _short(why)})


def pin(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, why: str = "") -> Review:
    """Has every solve keep it, as far as rules and caps allow: approved, whatever it was before."""
    facts = {"decision": Choice.APPROVED.value, "why": _short(why), PINNED: True, FORBIDDEN: False}
    return _alone(_Act(commonweal, occasion, key, by, seen), Doing.PIN, facts)


def unpin(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int) -> Review:
    return _alone(_Act(commonweal, occasion, key, by, seen), Doing.UNPIN, {PINNED: False})


def forbid(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, why: str) -> Review:
    """Has it never come again, here or elsewhere: rejected, whatever it was before."""
    if not why.strip():
        raise RefusedError("Say why: a forbidden pair never comes again, and somebody will ask.")
    facts = {"decision": Choice.REJECTED.value, "why": _short(why), PINNED: False, FORBIDDEN: True}
    return _alone(_Act(commonweal, occasion, key, by, seen), Doing.FORBID, facts)


def allow(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int) -> Review:
    """Takes a forbid back; what was decided for this occasion stays."""
    return _alone(_Act(commonweal, occasion, key, by, seen), Doing.ALLOW, {FORBIDDEN: False})


def reword(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, says: str) -> Review:
    """Sets the reason that members see first; empty: only those that were composed."""
    return _alone(_Act(commonweal, occasion, key, by, seen), Doing.REWORD, {"says": _short(says)})


def assign(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, to: str | None) -> Review:
    """Hands it to a colleague, by the id of the person; to nobody with None."""
    if to is not None:
        _refuse_unless_coordinator(commonweal, to)
    return _alone(_Act(commonweal, occasion, key, by, seen), Doing.ASSIGN, {"assigned_to": to})


def comment(commonweal: Commonweal, occasion: str, key: str, by: str, says: str) -> Review:
    """Notes something beside it, whatever version it has."""
    if not says.strip():
        raise RefusedError("The comment is empty. Write a sentence.")
    with _writing(commonweal, occasion) as (connection, found):
        before = _review(connection, found, key)
        reviews.note(connection, before, _step(commonweal, before, by, Doing.COMMENT, {}, {}, _short(says)))
    return before


def swap(
    commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, instead: Suggestion, why: str
) -> tuple[Review, Review]:
    """Rejects it, and pins another partner of the same need or of the same offer in its place; one undo for both."""
    with _writing(commonweal, occasion) as (connection, found):
        review = _seen(commonweal, connection, found, key, seen)
        if not set(instead.pair) & set(review.pair) or instead.pair == review.pair:
            raise RefusedError("The other pairing has neither this need nor this offer: choose one that shares either.")
        other_key = key_of(found.id, *instead.pair)
        other = reviews.load(connection, other_key) or untouched(found.id, instead, _ranker(commonweal))
        out = {"decision": Choice.REJECTED.value, "why": _short(why), PINNED: False}
        kept = {"decision": Choice.APPROVED.value, "why": _short(why), PINNED: True, FORBIDDEN: False}
        act = _Act(commonweal, occasion, key, by, seen)
        done = _change(connection, act, review, Doing.SWAP, out, why, together=other_key)
        act = replace(act, key=other_key, seen=other.version)
        return done, _change(connection, act, other, Doing.SWAP, kept, why, together=key)


def add(commonweal: Commonweal, occasion: str, by: str, suggestion: Suggestion, why: str) -> Review:
    """Adds a pairing that no solve proposed: approved, and pinned."""
    with _writing(commonweal, occasion) as (connection, found):
        key = key_of(found.id, *suggestion.pair)
        review = reviews.load(connection, key) or untouched(found.id, suggestion, _ranker(commonweal))
        facts = {"decision": Choice.APPROVED.value, "why": _short(why), PINNED: True, FORBIDDEN: False}
        return _change(connection, _Act(commonweal, occasion, key, by, review.version), review, Doing.PIN, facts)


def undo(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, step: int) -> Review:
    """Takes a step back: what it changed is as it was. Refused where a later step changed the same."""
    with _writing(commonweal, occasion) as (connection, found):
        review = _seen(commonweal, connection, found, key, seen)
        taken = _step_of(connection, review.key, step)
        act = _Act(commonweal, occasion, key, by, seen)
        after = _undone(connection, act, review, taken)
        if together := taken.after.get("together"):
            other = reviews.load(connection, together)
            assert other is not None
            theirs = next(
                one
                for one in reviews.steps(connection, [together])[together]
                if one.what is Doing.SWAP and one.after.get("together") == key and one.at == taken.at
            )
            _undone(connection, replace(act, key=together, seen=other.version), other, theirs)
    return after


def in_bulk(
    commonweal: Commonweal, occasion: str, chosen: Mapping[str, int], by: str, choice: Choice, why: str = ""
) -> Bulk:
    """The same decision about many, by key with the version that was seen, in one transaction."""
    if choice is Choice.REJECTED and not why.strip():
        raise RefusedError("Say why, once for all of them.")
    facts = {"decision": choice.value, "why": _short(why)} | ({PINNED: False} if choice in reviews.OUT else {})
    return _many(commonweal, occasion, chosen, by, Doing.DECIDE, facts)


def assign_in_bulk(commonweal: Commonweal, occasion: str, chosen: Mapping[str, int], by: str, to: str | None) -> Bulk:
    if to is not None:
        _refuse_unless_coordinator(commonweal, to)
    return _many(commonweal, occasion, chosen, by, Doing.ASSIGN, {"assigned_to": to})


def _many(
    commonweal: Commonweal, occasion: str, chosen: Mapping[str, int], by: str, what: Doing, facts: Mapping[str, Any]
) -> Bulk:
    done, late = [], []
    with _writing(commonweal, occasion) as (connection, found):
        pairings = _reviews(connection, found, chosen)
        for key, seen in chosen.items():
            try:
                review = _refuse_late(commonweal, connection, pairings[key], seen)
            except FirstError as error:
                late.append(error)
                continue
            done.append(_change(connection, _Act(commonweal, occasion, key, by, seen), review, what, facts))
    return Bulk(tuple(done), tuple(late))


def _alone(act: _Act, what: Doing, facts: Mapping[str, Any]) -> Review:
    with _writing(act.commonweal, act.occasion) as (connection, found):
        review = _seen(act.commonweal, connection, found, act.key, act.seen)
        return _change(connection, act, review, what, facts)


@contextmanager
def _writing(commonweal: Commonweal, occasion: str) -> Iterator[tuple[Connection, Occasion]]:
    """A transaction about an occasion that is open. Raises ClosedError, UnknownOccasionError."""
    with commonweal.database.write() as connection:
        found = occasions.find(connection, occasion, commonweal.now().date())
        occasions.refuse_closed(found)
        yield connection, found
        faults.point("review.before-commit")


def _seen(commonweal: Commonweal, connection: Connection, occasion: Occasion, key: str, seen: int) -> Review:
    return _refuse_late(commonweal, connection, _review(connection, occasion, key), seen)


def _review(connection: Connection, occasion: Occasion, key: str) -> Review:
    return _reviews(connection, occasion, [key])[key]


def _reviews(connection: Connection, occasion: Occasion, keys: Collection[str]) -> dict[str, Review]:
    """These reviews as they are now, of what is proposed or was once. Raises UnknownPairingError."""
    stored = reviews.of(connection, occasion.id) if len(keys) > 1 else _one(connection, occasion, *keys)
    found = {key: stored[key] for key in keys if key in stored}
    if len(found) < len(keys):
        for one in occasions.proposal(connection, occasion.id):
            key = key_of(occasion.id, *one.pair)
            if key in keys and key not in found:
                found[key] = untouched(occasion.id, one, occasion.ranker)
    if unknown := next((key for key in keys if key not in found), None):
        raise UnknownPairingError(f"No pairing of {occasion.title} goes by '{unknown}': the plan has changed. Reload.")
    return found


def _one(connection: Connection, occasion: Occasion, key: str) -> dict[str, Review]:
    review = reviews.load(connection, key)
    return {key: review} if review and review.occasion == occasion.id else {}


def _refuse_late(commonweal: Commonweal, connection: Connection, review: Review, seen: int) -> Review:
    if review.version == seen:
        return review
    step = next((one for one in reviews.steps(connection, [review.key]).get(review.key, ()) if _counts(one)), None)
    name = _name(connection, step.person) if step else "Somebody"
    when = f" at {step.at.astimezone(commonweal.settings.zone):%H:%M on %d %B}" if step else ""
    says = f"{name} was first{when}: {told(step) if step else 'it has changed'}. What you chose was not stored."
    raise FirstError(says, review, step)


def _counts(step: Step) -> bool:
    return step.what is not Doing.COMMENT


def told(step: Step) -> str:
    """What a step did, in words."""
    after = step.after
    if step.what is Doing.UNDO:
        return "taken back, and " + (
            IN_WORDS[Choice(after["decision"])] + " again" if "decision" in after else "as before"
        )
    if step.what in (Doing.DECIDE, Doing.SWAP) and "decision" in after:
        return IN_WORDS[Choice(after["decision"])] + (f" (“{step.why}”)" if step.why else "")
    return _DONE[step.what]


_DONE = {
    Doing.DECIDE: "decided anew for another reason",
    Doing.PIN: "pinned",
    Doing.UNPIN: "no longer pinned",
    Doing.FORBID: "forbidden",
    Doing.ALLOW: "allowed again",
    Doing.REWORD: "its reason reworded",
    Doing.ASSIGN: "assigned",
    Doing.SWAP: "swapped",
    Doing.COMMENT: "commented on",
}


def _change(
    connection: Connection,
    act: _Act,
    review: Review,
    what: Doing,
    facts: Mapping[str, Any],
    why: str = "",
    *,
    undoes: int | None = None,
    together: str = "",
) -> Review:
    """Stores these facts about a review, and the step from its former ones to them."""
    before = _facts(connection, review)
    changed = {name for name, value in facts.items() if before[name] != value}
    after = replace(
        review,
        version=review.version + 1,
        **{name: facts[name] for name in KEPT if name in facts and name != "decision"},
        decision=Choice(facts.get("decision", review.decision)),
    )
    if what not in (Doing.REWORD, Doing.ASSIGN):
        after = replace(after, decided_by=act.by, decided_at=act.commonweal.now())
    step = _step(
        act.commonweal,
        after,
        act.by,
        what,
        {name: before[name] for name in sorted(changed)},
        {name: facts[name] for name in sorted(changed)} | ({"together": together} if together else {}),
        _short(why or str(facts.get("why", ""))),
    )
    if not reviews.keep(connection, after, replace(step, undoes=undoes)):
        raise FirstError("Somebody was first.", review, None)
    _beside(connection, act, after.pair, after, facts)
    return after


def _beside(connection: Connection, act: _Act, pair: Pair, review: Review, facts: Mapping[str, Any]) -> None:
    """Keeps the pin and the forbid of a pair as the facts have it."""
    now = act.commonweal.now()
    if facts.get(FORBIDDEN):
        decisions.forbid(connection, *pair, review.why, now)
        _note_forbidden(connection, act, review)
    elif FORBIDDEN in facts:
        decisions.allow(connection, *pair)
    if facts.get(PINNED):
        decisions.pin(connection, act.occasion, *pair, review.why, now)
    elif PINNED in facts:
        decisions.unpin(connection, act.occasion, *pair)


def _note_forbidden(connection: Connection, act: _Act, review: Review) -> None:
    sides = review.suggestion.need.organisation, review.suggestion.offer.organisation
    for one, other in (sides, sides[::-1]):
        says = f"Forbade a pairing with {other}: {review.why}"
        events.record(connection, act.commonweal.now(), act.by, "forbade", says, one)


def _facts(connection: Connection, review: Review) -> dict[str, Any]:
    return {
        **{name: getattr(review, name) for name in KEPT},
        "decision": review.decision.value,
        PINNED: review.pair in decisions.pinned(connection, review.occasion),
        FORBIDDEN: decisions.is_forbidden(connection, *review.pair),
    }


def _undone(connection: Connection, act: _Act, review: Review, taken: Step) -> Review:
    after = {name: value for name, value in taken.after.items() if name != "together"}
    now = _facts(connection, review)
    changed = sorted(name for name, value in after.items() if now[name] != value)
    if not after or changed:
        raise RefusedError(_why_not_undone(connection, review, taken, changed))
    return _change(connection, act, review, Doing.UNDO, taken.before, undoes=taken.id)


def _why_not_undone(connection: Connection, review: Review, taken: Step, changed: list[str]) -> str:
    if not changed:
        return "That step changed nothing that could be taken back."
    later = (
        one
        for one in reviews.steps(connection, [review.key])[review.key]
        if one.id > taken.id and set(changed) & set(one.after)
    )
    if (step := next(later, None)) is None:
        return "It was changed elsewhere since: decide anew instead."
    return f"{_name(connection, step.person)} changed the same later: {told(step)}. Take that back first."


def _step_of(connection: Connection, key: str, id_: int) -> Step:
    found = next((one for one in reviews.steps(connection, [key]).get(key, ()) if one.id == id_), None)
    if found is None:
        raise RefusedError("No such step is on record for this pairing. Reload its page.")
    return found


def _step(
    commonweal: Commonweal,
    review: Review,
    by: str,
    what: Doing,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    why: str,
) -> Step:
    return Step(
        review=review.key,
        version=review.version,
        at=commonweal.now(),
        person=by,
        what=what,
        before=before,
        after=after,
        why=why,
    )


def _refuse_unless_coordinator(commonweal: Commonweal, person: str) -> None:
    with commonweal.database.read() as connection:
        if person not in {one.id for one in people.with_access(connection, Access.COORDINATOR, Access.ADMINISTRATOR)}:
            raise RefusedError("Only coordinators review pairings: choose one of them.")


def _name(connection: Connection, person: str) -> str:
    return desk.people_named(connection, {person}).get(person) or "Another coordinator"


def _ranker(commonweal: Commonweal) -> str:
    return commonweal.core.ranker.version


def _short(why: str) -> str:
    why = " ".join(why.split())
    if len(why) > LONGEST:
        raise RefusedError(f"That has {len(why):,} characters. Keep it to {LONGEST}.")
    return why

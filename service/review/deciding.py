"""What coordinators do with pairings. Each step is one transaction, on record, guarded by the version that was seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from matcher.records import Suggestion
from service.review import acting
from service.review.acting import BESIDE, FORBIDDEN, FORBIDDEN_YET, HALF, PINNED, TOGETHER, Act, short
from service.review.acting import IN_WORDS as IN_WORDS
from service.review.acting import FirstError as FirstError
from service.review.acting import RefusedError as RefusedError
from service.review.acting import UnknownPairingError as UnknownPairingError
from service.review.acting import told as told
from service.store import people, reviews
from service.store.database import Connection
from service.store.people import Access
from service.store.reviews import Choice, Doing, Review, Step, key_of, untouched
from service.wiring import Commonweal

IN_BULK = (Doing.DECIDE, Doing.ASSIGN)
"""What can be done to many at once."""
WHY_REJECTED = "Say why: it keeps the next coordinator from asking, and the next ranker from repeating it."


@dataclass(frozen=True, slots=True)
class Bulk:
    """Of many at once: those that were done, those that somebody else had changed meanwhile, and the sentence why not
    for those, by key, that could not be done. `at` is when, by which all of it can be taken back."""

    at: datetime
    done: tuple[Review, ...]
    late: tuple[FirstError, ...]
    refused: Mapping[str, str] = field(default_factory=dict)


def decide(
    commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, choice: Choice, why: str = ""
) -> Review:
    """Approves, rejects (which needs a reason), holds, or leaves undecided again. Out of the solve is out of the pins.

    Raises FirstError, RefusedError, ClosedError, UnknownPairingError, UnknownOccasionError; so do all others here.
    """
    return _alone(commonweal, occasion, key, by, seen, Doing.DECIDE, _decision(choice, why))


def pin(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, why: str = "") -> Review:
    """Has every solve keep it, as far as rules and caps allow: approved, and allowed, whatever it was before."""
    return _alone(commonweal, occasion, key, by, seen, Doing.PIN, _kept(why))


def unpin(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int) -> Review:
    """Takes a pin back; it stays approved."""
    return _alone(commonweal, occasion, key, by, seen, Doing.UNPIN, {PINNED: False})


def forbid(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, why: str) -> Review:
    """Has it never come again, here or elsewhere: rejected, whatever it was before."""
    if not why.strip():
        raise RefusedError("Say why: a forbidden pair never comes again, and somebody will ask.")
    facts = {"decision": Choice.REJECTED.value, "why": short(why), PINNED: False, FORBIDDEN: True}
    return _alone(commonweal, occasion, key, by, seen, Doing.FORBID, facts)


def allow(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int) -> Review:
    """Takes a forbid back; what was decided for this occasion stays."""
    return _alone(commonweal, occasion, key, by, seen, Doing.ALLOW, {FORBIDDEN: False})


def reword(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, says: str) -> Review:
    """Sets the reason that members see first; empty: only those that were composed."""
    return _alone(commonweal, occasion, key, by, seen, Doing.REWORD, {"says": short(says)})


def assign(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, to: str | None) -> Review:
    """Hands it to a colleague, by the id of the person; to nobody with None."""
    _refuse_unless_coordinator(commonweal, to)
    return _alone(commonweal, occasion, key, by, seen, Doing.ASSIGN, {"assigned_to": to})


def comment(commonweal: Commonweal, occasion: str, key: str, by: str, says: str) -> Review:
    """Notes something beside it, whatever version it has."""
    if not says.strip():
        raise RefusedError("The comment is empty. Write a sentence.")
    says = short(says)
    with acting.acting(commonweal, occasion, by) as (connection, act):
        review = acting.find_one(connection, act.occasion, key)
        step = Step(review=key, version=review.version, at=act.at, person=by, what=Doing.COMMENT, why=says)
        reviews.note(connection, review, step)
    return review


def swap(
    commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, instead: Suggestion, why: str = ""
) -> tuple[Review, Review]:
    """Rejects it, and pins another partner of the same need or of the same offer in its place; one undo for both."""
    with acting.acting(commonweal, occasion, by) as (connection, act):
        review = acting.refuse_late(connection, act, acting.find_one(connection, act.occasion, key), seen)
        if not set(instead.pair) & set(review.pair) or instead.pair == review.pair:
            raise RefusedError("The other pairing has neither this need nor this offer: choose one that shares either.")
        other = _free(connection, act, instead)
        out, kept = _decision(Choice.REJECTED, why or "Swapped for another partner."), _kept(why)
        now = ((acting.facts_of(connection, one), facts) for one, facts in ((review, out), (other, kept)))
        if all(is_so[name] == value for is_so, facts in now for name, value in facts.items()):
            raise RefusedError("They are swapped already.")
        done = acting.change(connection, act, review, Doing.SWAP, out, together=other)
        return done, acting.change(connection, act, other, Doing.SWAP, kept, together=review)


def add(commonweal: Commonweal, occasion: str, by: str, suggestion: Suggestion, why: str) -> Review:
    """Adds a pairing that no solve proposed: approved, and pinned. Refused where somebody decided against it."""
    with acting.acting(commonweal, occasion, by) as (connection, act):
        return acting.change(connection, act, _free(connection, act, suggestion), Doing.PIN, _kept(why))


def undo(commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, step: int) -> Review:
    """Takes a step back, by its id: what it changed is as it was. Refused where a later step changed the same.

    A swap is taken back on both sides, and so is the taking back of one.
    """
    with acting.acting(commonweal, occasion, by) as (connection, act):
        review = acting.refuse_late(connection, act, acting.find_one(connection, act.occasion, key), seen)
        made = reviews.steps(connection, [key]).get(key, ())
        taken = next((one for one in made if one.id == step), None)
        if taken is None:
            raise RefusedError("No such step is on record for this pairing. Reload its page.")
        if taken.id in acting.taken_back(made):
            raise RefusedError("That was taken back already.")
        if taken.what is Doing.COMMENT:
            return _comment_taken_back(connection, act, review, taken)
        if not (together := str(taken.after.get(TOGETHER, ""))):
            return _undone(connection, act, review, taken)
        other = acting.find_one(connection, act.occasion, together)
        _undone(connection, act, other, _other_half(connection, together, taken), review)
        return _undone(connection, act, review, taken, other)


def in_bulk(
    commonweal: Commonweal, occasion: str, chosen: Mapping[str, int], by: str, choice: Choice, why: str = ""
) -> Bulk:
    """The same decision about many, by key with the version that was seen, in one transaction.

    Whatever cannot be done keeps nothing else from being done.
    """
    return _many(commonweal, occasion, chosen, by, Doing.DECIDE, _decision(choice, why))


def assign_in_bulk(commonweal: Commonweal, occasion: str, chosen: Mapping[str, int], by: str, to: str | None) -> Bulk:
    _refuse_unless_coordinator(commonweal, to)
    return _many(commonweal, occasion, chosen, by, Doing.ASSIGN, {"assigned_to": to})


def done_in_bulk(connection: Connection, occasion: str, by: str, at: datetime) -> dict[str, Step]:
    """What this person changed at that moment of what can be changed for many at once, by the key of the review."""
    newest = (steps[0] for steps in reviews.steps_at(connection, occasion, by, at).values())
    made = [step for step in newest if step.what in IN_BULK and step.after]
    return {step.review: step for step in sorted(made, key=lambda one: one.id)}


def undo_in_bulk(commonweal: Commonweal, occasion: str, by: str, at: datetime) -> Bulk:
    """Takes back what this person decided about many at that moment, but where something was done since."""
    with acting.acting(commonweal, occasion, by) as (connection, act):
        taken = done_in_bulk(connection, occasion, by, at)
        if not taken:
            raise RefusedError("Nothing is on record that was done then. Reload the page.")
        seen = {key: step.version for key, step in taken.items()}
        return _each(connection, act, seen, lambda review: _undone(connection, act, review, taken[review.key]))


def _alone(
    commonweal: Commonweal, occasion: str, key: str, by: str, seen: int, what: Doing, facts: Mapping[str, Any]
) -> Review:
    with acting.acting(commonweal, occasion, by) as (connection, act):
        review = acting.refuse_late(connection, act, acting.find_one(connection, act.occasion, key), seen)
        return acting.change(connection, act, review, what, facts)


def _many(
    commonweal: Commonweal, occasion: str, chosen: Mapping[str, int], by: str, what: Doing, facts: Mapping[str, Any]
) -> Bulk:
    with acting.acting(commonweal, occasion, by) as (connection, act):
        return _each(connection, act, chosen, lambda review: acting.change(connection, act, review, what, facts))


def _each(connection: Connection, act: Act, chosen: Mapping[str, int], do: Callable[[Review], Review]) -> Bulk:
    done, late, refused = [], [], {}
    found = acting.find(connection, act.occasion, chosen)
    for key, seen in chosen.items():
        try:
            if key not in found:
                raise UnknownPairingError(acting.unknown(act.occasion, key))
            done.append(do(acting.refuse_late(connection, act, found[key], seen)))
        except FirstError as error:
            late.append(error)
        except (RefusedError, UnknownPairingError) as error:
            refused[key] = str(error)
    return Bulk(act.at, tuple(done), tuple(late), refused)


def _decision(choice: Choice, why: str) -> dict[str, Any]:
    """Raises RefusedError for a rejection without a reason."""
    if choice is Choice.REJECTED and not why.strip():
        raise RefusedError(WHY_REJECTED)
    return {"decision": choice.value, "why": short(why)} | ({PINNED: False} if choice in reviews.OUT else {})


def _kept(why: str) -> dict[str, Any]:
    return {"decision": Choice.APPROVED.value, "why": short(why), PINNED: True, FORBIDDEN: False}


def _free(connection: Connection, act: Act, suggestion: Suggestion) -> Review:
    """The review of a pairing to be added. Raises RefusedError where somebody decided against it."""
    key = key_of(act.occasion.id, *suggestion.pair)
    ranker = act.commonweal.core.ranker.version
    review = reviews.load(connection, key) or untouched(act.occasion.id, suggestion, ranker)
    if acting.facts_of(connection, review)[FORBIDDEN]:
        raise RefusedError(FORBIDDEN_YET)
    if review.decision in reviews.OUT:
        who = acting.name_of(connection, review.decided_by or "")
        why = f" (“{review.why}”)" if review.why else ""
        raise RefusedError(f"That pairing is {IN_WORDS[review.decision]} by {who}{why}: decide about it itself first.")
    return review


def _refuse_unless_coordinator(commonweal: Commonweal, person: str | None) -> None:
    if person is None:
        return
    with commonweal.database.read() as connection:
        if person not in {one.id for one in people.with_access(connection, Access.COORDINATOR, Access.ADMINISTRATOR)}:
            raise RefusedError("Only coordinators review pairings: choose one of them.")


def _undone(connection: Connection, act: Act, review: Review, taken: Step, together: Review | None = None) -> Review:
    after = {name: value for name, value in taken.after.items() if name not in (TOGETHER, HALF)}
    now = acting.facts_of(connection, review)
    changed = sorted(name for name, value in after.items() if now[name] != value)
    if not after and together is None:
        raise RefusedError("That step changed nothing that could be taken back.")
    if changed:
        raise RefusedError(_why_not_undone(connection, review, taken, changed))
    before = {name: value for name, value in taken.before.items() if name != BESIDE}
    if now[FORBIDDEN] and FORBIDDEN not in before and (before.get(PINNED) or before.get("decision") == Choice.APPROVED):
        raise RefusedError(FORBIDDEN_YET)
    return acting.change(connection, act, review, Doing.UNDO, before, undoes=taken, together=together)


def _comment_taken_back(connection: Connection, act: Act, review: Review, taken: Step) -> Review:
    step = Step(review=review.key, version=review.version, at=act.at, person=act.by, what=Doing.UNDO, undoes=taken.id)
    reviews.note(connection, review, step)
    return review


def _why_not_undone(connection: Connection, review: Review, taken: Step, changed: list[str]) -> str:
    later = acting.first_that_changed(reviews.steps(connection, [review.key])[review.key], taken.id, changed)
    if later is None:
        return "It was changed elsewhere since: decide anew instead."
    return f"{acting.name_of(connection, later.person)} changed the same later: {told(later)}. Take that back first."


def _other_half(connection: Connection, key: str, taken: Step) -> Step:
    """The step that the same act made about the other pairing."""
    steps = reviews.steps(connection, [key]).get(key, ())
    halves = (one for one in steps if not acting.is_aside(one))
    return next(one for one in halves if (one.what, one.version) == (taken.what, taken.after[HALF]))

"""One step about a pairing: a transaction about an occasion that is open, guarded by the version that was seen."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from matcher.errors import CommonwealError
from service import faults
from service.review import occasions
from service.review.occasions import Occasion
from service.store import decisions, desk, events, reviews
from service.store.database import Connection
from service.store.reviews import Choice, Doing, Review, Step, key_of, untouched
from service.store.rounds import ReleasedError
from service.wiring import Commonweal

LONGEST = 500
FEW = 5  # pairings are read one by one; of more, the whole proposal
IN_WORDS = {
    Choice.UNDECIDED: "undecided",
    Choice.APPROVED: "approved",
    Choice.REJECTED: "rejected",
    Choice.HELD: "on hold",
}
PINNED, FORBIDDEN = "pinned", "forbidden"  # facts about a pair that are kept beside its review
KEPT = ("decision", "why", "says", "assigned_to")  # the facts that its review holds
BESIDE = "beside"  # of what a step changed: which pins and forbid there were, with their reasons
TOGETHER, HALF = "together", "half"  # the other review that the same act changed, and the version it has after it
FORBIDDEN_YET = "This pair is forbidden, whatever the occasion: allow it first."
ON_DECISION = (Doing.DECIDE, Doing.PIN, Doing.FORBID, Doing.SWAP)
"""Steps that are about the pairing as it stands now: they keep it as it was seen."""


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
class Act:
    """Who acts about which occasion, when."""

    commonweal: Commonweal
    occasion: Occasion
    by: str
    at: datetime


@contextmanager
def acting(commonweal: Commonweal, occasion: str, by: str) -> Iterator[tuple[Connection, Act]]:
    """A transaction about an occasion that is open. Raises ClosedError, UnknownOccasionError."""
    with commonweal.database.write() as connection:
        now = commonweal.now()
        found = occasions.find(connection, occasion, now.date())
        occasions.refuse_closed(found)
        yield connection, Act(commonweal, found, by, now)
        faults.point("review.before-commit")


def find(connection: Connection, occasion: Occasion, keys: Collection[str]) -> dict[str, Review]:
    """These reviews as they are now, of what is proposed or was acted upon; nothing of unknown keys."""
    found = {key: review for key, review in reviews.these(connection, keys).items() if review.occasion == occasion.id}
    missing = set(keys) - set(found)
    if len(missing) > FEW:
        proposed = {key_of(occasion.id, *one.pair): one for one in occasions.proposal(connection, occasion.id)}
    else:
        pairs = {key_of(occasion.id, *pair): pair for pair in occasions.pairs(connection, occasion.id) if missing}
        ones = {key: occasions.proposed(connection, occasion.id, pairs[key]) for key in missing & set(pairs)}
        proposed = {key: one for key, one in ones.items() if one}
    return found | {key: untouched(occasion.id, proposed[key], occasion.ranker) for key in missing & set(proposed)}


def find_one(connection: Connection, occasion: Occasion, key: str) -> Review:
    """Raises UnknownPairingError."""
    found = find(connection, occasion, [key])
    if key not in found:
        raise UnknownPairingError(unknown(occasion, key))
    return found[key]


def unknown(occasion: Occasion, key: str) -> str:
    return f"No pairing of {occasion.title} goes by '{key}': the plan has changed. Reload."


def refuse_late(connection: Connection, act: Act, review: Review, seen: int) -> Review:
    """The review, where it is still the version that was seen. Raises FirstError."""
    if review.version == seen:
        return review
    steps = reviews.steps(connection, [review.key]).get(review.key, ())
    step = next((one for one in steps if not is_aside(one)), None)
    raise FirstError(f"{_who_was_first(connection, act, step)} What you chose was not stored.", review, step)


def _who_was_first(connection: Connection, act: Act, step: Step | None) -> str:
    if step is None:
        return "This has changed since you looked at it."
    when = f"{step.at.astimezone(act.commonweal.settings.zone):%H:%M on %d %B}"
    if step.person == act.by:
        return f"You changed this yourself at {when}, elsewhere: {told(step)}."
    return f"{name_of(connection, step.person)} was first at {when}: {told(step)}."


def is_aside(step: Step) -> bool:
    """Whether it is a comment, or one taken back: the review stays the version that it was."""
    return step.what is Doing.COMMENT or (step.what is Doing.UNDO and not step.after)


def taken_back(steps: Iterable[Step]) -> set[int]:
    """The ids of those steps of a review, newest first, that were undone, and whose undo was not."""
    undone: set[int] = set()
    for step in steps:
        if step.what is Doing.UNDO and step.undoes is not None and step.id not in undone:
            undone.add(step.undoes)
    return undone


def told(step: Step) -> str:
    """What a step did, in words."""
    after = step.after
    if step.what is Doing.UNDO and is_aside(step):
        return "a comment taken back"
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


def facts_of(connection: Connection, review: Review) -> dict[str, Any]:
    """What a step can change, as it is now."""
    return _facts(review, decisions.about_pair(connection, *review.pair))


def _facts(review: Review, beside: decisions.AboutPair) -> dict[str, Any]:
    kept = {name: getattr(review, name) for name in KEPT} | {"decision": review.decision.value}
    return {**kept, PINNED: review.occasion in beside.pins, FORBIDDEN: beside.forbid is not None}


def change(
    connection: Connection,
    act: Act,
    review: Review,
    what: Doing,
    facts: Mapping[str, Any],
    why: str = "",
    *,
    undoes: Step | None = None,
    together: Review | None = None,
) -> Review:
    """Stores these facts about a review, and the step from its former ones to them.

    `together` is another review, as it was before the same act changes it too: it is to be taken back with this one.
    Raises RefusedError for the approval of a forbidden pair.
    """
    beside = decisions.about_pair(connection, *review.pair)
    before = _facts(review, beside)
    changed = sorted(name for name, value in facts.items() if before[name] != value)
    if what is Doing.DECIDE and before[FORBIDDEN] and facts["decision"] == Choice.APPROVED:
        raise RefusedError(FORBIDDEN_YET)
    after = replace(
        review,
        version=review.version + 1,
        **{name: facts[name] for name in KEPT if name in facts and name != "decision"},
        decision=Choice(facts.get("decision", review.decision)),
    )
    if what not in (Doing.REWORD, Doing.ASSIGN):
        after = replace(after, decided_by=act.by, decided_at=act.at)
    if what in ON_DECISION and review.version and (now := occasions.proposed(connection, act.occasion.id, review.pair)):
        seen = untouched(act.occasion.id, now, act.occasion.ranker)
        after = replace(after, suggestion=seen.suggestion, ranker=seen.ranker)
    new = {name: facts[name] for name in changed}
    was = {BESIDE: {"pins": dict(beside.pins), "forbid": beside.forbid}} if {PINNED, FORBIDDEN} & set(new) else {}
    step = Step(
        review=review.key,
        version=after.version,
        at=act.at,
        person=act.by,
        what=what,
        before={name: before[name] for name in changed} | was,
        after=new | ({TOGETHER: together.key, HALF: together.version + 1} if together else {}),
        why=short(why or str(facts.get("why", ""))),
        undoes=undoes.id if undoes else None,
    )
    if not reviews.keep(connection, after, step):
        raise FirstError("Somebody was first. What you chose was not stored.", review, None)
    _keep_beside(connection, act, after, new, undoes.before.get(BESIDE, {}) if undoes else {})
    if FORBIDDEN in new:
        _note(connection, act, after, is_forbidden=bool(new[FORBIDDEN]))
    return after


def _keep_beside(
    connection: Connection, act: Act, review: Review, facts: Mapping[str, Any], restored: Mapping[str, Any]
) -> None:
    """Keeps pins and forbid of a pair as the facts have it; what an undo restores, with the reasons it had."""
    pair, occasion, pins = review.pair, act.occasion.id, restored.get("pins", {})
    if facts.get(FORBIDDEN):
        decisions.forbid(connection, *pair, restored.get("forbid") or review.why, act.at)
    elif FORBIDDEN in facts:
        decisions.allow(connection, *pair)
        for other in sorted(set(pins) - {occasion}):  # the forbid had taken their place
            with suppress(ReleasedError):
                decisions.pin(connection, other, *pair, pins[other], act.at)
    if facts.get(PINNED):
        decisions.pin(connection, occasion, *pair, pins.get(occasion, review.why), act.at)
    elif PINNED in facts:
        decisions.unpin(connection, occasion, *pair)


def _note(connection: Connection, act: Act, review: Review, *, is_forbidden: bool) -> None:
    """Records it about both organisations: a forbid holds beyond this occasion."""
    sides = review.suggestion.need.organisation, review.suggestion.offer.organisation
    what, says = ("forbade", "Forbade a pairing with") if is_forbidden else ("allowed", "Allowed a pairing again with")
    why = f": {review.why}" if is_forbidden else "."
    for one, other in (sides, sides[::-1]):
        events.record(connection, act.at, act.by, what, f"{says} {other}{why}", one)


def first_that_changed(steps: Sequence[Step], after: int, names: Collection[str]) -> Step | None:
    """The newest step later than this one that changed any of these facts."""
    return next((one for one in steps if one.id > after and set(names) & set(one.after)), None)


def name_of(connection: Connection, person: str) -> str:
    return desk.people_named(connection, {person}).get(person) or "Another coordinator"


def short(why: str) -> str:
    """One line. Raises RefusedError where it is too long."""
    why = " ".join(why.split())
    if len(why) > LONGEST:
        raise RefusedError(f"That has {len(why):,} characters. Keep it to {LONGEST}.")
    return why

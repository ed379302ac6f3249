"""What coordinators decide about pairings, step by step: only people write here, never a solve or an import."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from matcher.records import About, ListingId, Pair, Reason, Suggestion
from service.store import schema
from service.store.database import in_utc
from service.store.suggestions import as_text, row_of, shown_as_text


class Choice(StrEnum):
    """How far a review is. Whatever is approved is kept by every solve, whatever is rejected or held is left out."""

    UNDECIDED = "undecided"
    APPROVED = "approved"
    REJECTED = "rejected"
    HELD = "held"


OUT = (Choice.REJECTED, Choice.HELD)


class Doing(StrEnum):
    """What a step did."""

    DECIDE = "decide"
    PIN = "pin"
    UNPIN = "unpin"
    FORBID = "forbid"
    ALLOW = "allow"
    REWORD = "reword"
    ASSIGN = "assign"
    SWAP = "swap"
    COMMENT = "comment"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What was decided about a pair for an occasion: a round's week, or a session's id.

    `says` is the reason that members see first, in a coordinator's words. `suggestion` is the pairing as it was seen
    when it was first acted upon, or last decided, and `ranker` the version that ranked it so. Version 0 is a pairing
    that nobody has touched: it is not stored.
    """

    key: str
    occasion: str
    version: int = 0
    decision: Choice = Choice.UNDECIDED
    why: str = ""
    says: str = ""
    assigned_to: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    ranker: str
    suggestion: Suggestion

    @property
    def pair(self) -> Pair:
        return self.suggestion.pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Who did what to a review, when and why; `before` and `after` hold the fields that it changed, as JSON.

    `version` is the one that the review had after it. `undoes` is the id of the step that it took back.
    """

    id: int = 0
    review: str
    version: int
    at: datetime
    person: str
    what: Doing
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    undoes: int | None = None


def key_of(occasion: str, need: ListingId, offer: ListingId) -> str:
    """What a pairing goes by: the same whenever the same pair is proposed for the same occasion."""
    return sha256("\n".join(("review", occasion, need, offer)).encode()).hexdigest()[:20]


def untouched(occasion: str, suggestion: Suggestion, ranker: str) -> Review:
    """The review of a pairing that nobody has acted upon: of the solve's own figures nothing is kept."""
    plain = replace(suggestion, asking=None, giving=None, propensity=None, pinned=False)
    return Review(key=key_of(occasion, *suggestion.pair), occasion=occasion, suggestion=plain, ranker=ranker)


def load(connection: Connection, key: str) -> Review | None:
    return these(connection, [key]).get(key)


def these(connection: Connection, keys: Collection[str]) -> dict[str, Review]:
    """Those of them that are stored, by key."""
    return {one.key: one for one in _those(connection, schema.reviews.c.key.in_(keys))}


def of(connection: Connection, occasion: str) -> dict[str, Review]:
    """All reviews of an occasion, by key."""
    return {one.key: one for one in _those(connection, schema.reviews.c.occasion == occasion)}


def keep(connection: Connection, after: Review, step: Step) -> bool:
    """Stores a review that a step has changed, with the step; False, nothing changed, where somebody was first.

    `after.version` is one more than the version that was looked at, and the store has to have that one still.
    """
    table, before = schema.reviews, after.version - 1
    if before == 0 and load(connection, after.key) is None:
        connection.execute(table.insert(), [_row(after)])
    else:
        stored = update(table).where(table.c.key == after.key, table.c.version == before)
        if connection.execute(stored.values(_row(after))).rowcount != 1:
            return False
    _add(connection, step)
    return True


def note(connection: Connection, review: Review, step: Step) -> None:
    """Adds a step that changes nothing, to a review that need not be stored yet."""
    if load(connection, review.key) is None:
        connection.execute(schema.reviews.insert(), [_row(review)])
    _add(connection, step)


def _add(connection: Connection, step: Step) -> None:
    told = {"what": step.what.value, "before": dict(step.before), "after": dict(step.after)}
    plain = {name: getattr(step, name) for name in ("review", "version", "person", "why", "undoes")}
    connection.execute(schema.review_steps.insert(), [{**plain, **told, "at": step.at.astimezone(UTC)}])


def steps(connection: Connection, keys: Collection[str]) -> dict[str, tuple[Step, ...]]:
    """Every step of these reviews, newest first."""
    return _steps(connection, schema.review_steps.c.review.in_(keys))


def steps_of(connection: Connection, occasion: str) -> dict[str, tuple[Step, ...]]:
    """Every step of all reviews of an occasion, newest first."""
    of = select(schema.reviews.c.key).where(schema.reviews.c.occasion == occasion)
    return _steps(connection, schema.review_steps.c.review.in_(of))


def steps_at(connection: Connection, occasion: str, person: str, at: datetime) -> dict[str, tuple[Step, ...]]:
    """Every step that this person made about an occasion at this moment: what was done to many at once."""
    of = select(schema.reviews.c.key).where(schema.reviews.c.occasion == occasion)
    table = schema.review_steps.c
    return _steps(connection, and_(table.review.in_(of), table.person == person, table.at == at.astimezone(UTC)))


def _steps(connection: Connection, where: ColumnElement[bool]) -> dict[str, tuple[Step, ...]]:
    table = schema.review_steps.c
    columns = [table[name] for name in (*_PLAIN, "at", "what")]
    found: defaultdict[str, list[Step]] = defaultdict(list)
    for row in connection.execute(select(*columns).where(where).order_by(table.id.desc())):
        found[row.review].append(_step(row))
    return {key: tuple(of_one) for key, of_one in found.items()}


def pairs(connection: Connection, occasion: str, decisions: Collection[Choice]) -> tuple[Pair, ...]:
    """The pairs of an occasion that are so decided, the first decided first."""
    reviews = schema.reviews.c
    query = (
        select(reviews.need, reviews.offer)
        .where(reviews.occasion == occasion, reviews.decision.in_([one.value for one in decisions]))
        .order_by(reviews.decided_at, reviews.need, reviews.offer)
    )
    return tuple((ListingId(need), ListingId(offer)) for need, offer in connection.execute(query))


def choices(connection: Connection, occasion: str) -> dict[Pair, Choice]:
    """How each pair of an occasion that somebody acted upon is decided."""
    reviews = schema.reviews.c
    query = select(reviews.need, reviews.offer, reviews.decision).where(reviews.occasion == occasion)
    return {(ListingId(need), ListingId(offer)): Choice(one) for need, offer, one in connection.execute(query)}


def decided(connection: Connection, occasions: Iterable[str] | None = None) -> tuple[Review, ...]:
    """Every review that was approved, rejected or held, of these occasions or of all, by occasion, need and offer."""
    reviews = schema.reviews.c
    where = reviews.decision != Choice.UNDECIDED.value
    return tuple(_those(connection, where if occasions is None else where & reviews.occasion.in_(list(occasions))))


def put_in_words(connection: Connection, week: str) -> None:
    """Has the suggestions of a week begin with the reason that a coordinator wrote for members, where there is one."""
    suggestions, reviews = schema.suggestions, schema.reviews.c
    query = (
        select(suggestions.c.need, suggestions.c.offer, suggestions.c.shown, reviews.says)
        .join_from(
            suggestions, schema.reviews, (reviews.need == suggestions.c.need) & (reviews.offer == suggestions.c.offer)
        )
        .where(suggestions.c.week == week, reviews.occasion == week, reviews.says != "")
    )
    for row in connection.execute(query).all():
        reason = asdict(Reason(About.COORDINATOR, row.says))
        shown = {**row.shown, "reasons": [reason, *row.shown["reasons"]]}
        of_pair = suggestions.c.week == week, suggestions.c.need == row.need, suggestions.c.offer == row.offer
        connection.execute(update(suggestions).where(*of_pair).values(shown=shown))


def _row(review: Review) -> dict[str, Any]:
    of_suggestion = row_of(review.suggestion)
    return {
        **{name: getattr(review, name) for name in _KEPT},
        **{name: of_suggestion[name] for name in ("need", "offer", *_SHOWN, "shown")},
        "decision": review.decision.value,
        "decided_at": review.decided_at and review.decided_at.astimezone(UTC),
    }


_KEPT = ("key", "occasion", "version", "why", "says", "assigned_to", "decided_by", "ranker")
_SHOWN = ("fit", "strength", "score")


def _those(connection: Connection, where: ColumnElement[bool]) -> Iterator[Review]:
    """The reviews for which this holds, by occasion, need and offer."""
    table = schema.reviews.c
    columns = [table[name] for name in (*_KEPT, "decision", "decided_at", *_SHOWN)]
    query = select(*columns, as_text(table.shown).label("shown")).where(where)
    for row in connection.execute(query.order_by(table.occasion, table.need, table.offer)):
        yield Review(
            **dict(zip(_KEPT, row, strict=False)),
            decision=Choice(row.decision),
            decided_at=in_utc(row.decided_at) if row.decided_at else None,
            suggestion=shown_as_text(row),
        )


_PLAIN = ("id", "review", "version", "person", "before", "after", "why", "undoes")


def _step(row: Any) -> Step:
    return Step(**dict(zip(_PLAIN, row, strict=False)), at=in_utc(row.at), what=Doing(row.what))

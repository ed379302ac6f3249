"""Replies to suggestions, the introductions they lead to, and what came of those."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, delete, exists, or_, select, update

from matcher.records import ListingId, OrganisationId, Suggestion
from service.store import schema
from service.store.database import in_utc, upsert
from service.store.suggestions import as_text, row_of, shown_as_text


class Answer(StrEnum):
    """What an organisation says to a suggestion."""

    INTERESTED = "interested"
    NOT_NOW = "not-now"
    NOT_FOR_US = "not-for-us"


class Via(StrEnum):
    """How a reply came: on a page, by a mailed link, or entered by a coordinator."""

    PAGE = "page"
    LINK = "link"
    COORDINATOR = "coordinator"


class Origin(StrEnum):
    """Whether a round suggested it, or a member found it and asked."""

    ROUND = "round"
    FOUND = "found"


class State(StrEnum):
    """How far an introduction is. The last three are closed; only a withdrawn one may be opened again."""

    ASKED = "asked"
    INTRODUCED = "introduced"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Outcome(StrEnum):
    """What came of an introduction."""

    MET = "met"
    ARRANGED = "arranged"
    NO_ANSWER = "no-answer"
    NOT_GOING_AHEAD = "not-going-ahead"


LAST = "9999-W52"
"""The last week there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an organisation said to the suggestion of this key; `person` is the id of who said it for it."""

    suggestion: str
    organisation: OrganisationId
    answer: Answer
    why: str = ""
    person: str
    via: Via
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one side says came of an introduction, last said by this person."""

    outcome: Outcome
    person: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What began when one side was interested. It goes by its suggestion's key.

    `due` is the last day on which the other side may reply.
    """

    key: str
    week: str
    suggestion: Suggestion
    origin: Origin
    state: State
    opened_by: OrganisationId
    opened_at: datetime
    due: date
    reminded_at: datetime | None = None
    introduced_at: datetime | None = None
    asked_how_at: datetime | None = None
    closed_at: datetime | None = None
    replies: Mapping[OrganisationId, Reply] = field(default_factory=dict)
    outcomes: Mapping[OrganisationId, Said] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[OrganisationId, OrganisationId]:
        """Who asks and who gives."""
        return sides(self.suggestion)

    @property
    def asked(self) -> OrganisationId:
        """The side that did not open it."""
        return other_side(self.suggestion, self.opened_by)

    @property
    def came_late(self) -> bool:
        """Whether the other side said yes when the one that asked had all its partners."""
        both = {reply.answer for reply in self.replies.values()} == {Answer.INTERESTED} and len(self.replies) == 2
        return self.state is State.EXPIRED and both

    @property
    def is_closed(self) -> bool:
        return self.state in (State.DECLINED, State.EXPIRED)

    def seen_by(self, organisation: OrganisationId) -> "Introduction":
        """The same without what only the other side may know: its reply before both said yes, and its outcome."""
        both = self.state is State.INTRODUCED or self.came_late
        replies = {one: reply for one, reply in self.replies.items() if both or one == organisation}
        outcomes = {one: said for one, said in self.outcomes.items() if one == organisation}
        return replace(self, replies=replies, outcomes=outcomes)


def key_of(week: str, need: ListingId, offer: ListingId) -> str:
    """What a suggestion goes by in addresses: the same pair in another week is another suggestion."""
    return sha256("\n".join((week, need, offer)).encode()).hexdigest()[:20]


def sides(suggestion: Suggestion) -> tuple[OrganisationId, OrganisationId]:
    """Who asks and who gives."""
    return suggestion.need.organisation, suggestion.offer.organisation


def other_side(suggestion: Suggestion, organisation: OrganisationId) -> OrganisationId:
    asking, giving = sides(suggestion)
    return giving if organisation == asking else asking


def load(connection: Connection, key: str) -> Introduction | None:
    """All of an introduction, both replies included: for the service itself, not for either side."""
    return next(iter(_read(connection, schema.introductions.c.key == key)), None)


def of(
    connection: Connection, organisation: OrganisationId, since: str = "", until: str = LAST, *, or_asked: bool = False
) -> tuple[Introduction, ...]:
    """An organisation's introductions of these weeks as it may know them, the newest first.

    `or_asked`: of other weeks those of which a side is asked still.
    """
    wanted = {"organisation": organisation, "since": since, "until": until, "or": str(State.ASKED) if or_asked else ""}
    found = _shaped(connection, connection.execute(_OF, wanted).all())
    return tuple(one.seen_by(organisation) for one in found)


def due_for_reminder(connection: Connection, opened: datetime, on: date) -> tuple[Introduction, ...]:
    """Those opened by then whose other side may still reply on that day and has not been reminded."""
    introductions = schema.introductions.c
    waiting = introductions.state == str(State.ASKED), introductions.reminded_at.is_(None), introductions.due >= on
    return _read(connection, *waiting, introductions.opened_at <= opened.astimezone(UTC))


def run_out(connection: Connection, on: date) -> tuple[Introduction, ...]:
    """Those whose other side could reply until a day before this one, and did not."""
    introductions = schema.introductions.c
    return _read(connection, introductions.state == str(State.ASKED), introductions.due < on)


def due_for_question(connection: Connection, introduced: datetime) -> tuple[Introduction, ...]:
    """Those introduced by then that were not asked yet what came of it."""
    introductions = schema.introductions.c
    unasked = introductions.state == str(State.INTRODUCED), introductions.asked_how_at.is_(None)
    return _read(connection, *unasked, introductions.introduced_at <= introduced.astimezone(UTC))


def begin(connection: Connection, introduction: Introduction) -> Introduction:
    """Stores it; in place of one that was withdrawn, as a later one, so that its mails are told from those before."""
    before = load(connection, introduction.key)
    if before is not None:
        assert before.state is State.WITHDRAWN, before.state
        later = max(introduction.opened_at, before.opened_at + timedelta(microseconds=1))
        introduction = replace(introduction, opened_at=later)
    asking, giving = introduction.sides
    shown = row_of(introduction.suggestion)
    row = {
        **{name: shown[name] for name in ("need", "offer", "strength", "fit", "score", "shown")},
        **{name: getattr(introduction, name) for name in ("key", "week", "opened_by", "due")},
        "asking": asking,
        "giving": giving,
        "origin": str(introduction.origin),
        "state": str(introduction.state),
        "opened_at": introduction.opened_at.astimezone(UTC),
        **dict.fromkeys(("reminded_at", "introduced_at", "asked_how_at", "closed_at")),
    }
    upsert(connection, schema.introductions, [row])
    return introduction


def move(connection: Connection, key: str, before: State, after: State, **values: date | datetime | None) -> bool:
    """Takes an introduction from one state to another; False where it was not in the first."""
    introductions = schema.introductions.c
    guarded = update(schema.introductions).where(introductions.key == key, introductions.state == str(before))
    return connection.execute(guarded.values(state=str(after), **_in_utc(values))).rowcount == 1


def note(connection: Connection, key: str, state: State, column: str, at: datetime) -> bool:
    """Dates a step that is taken once while an introduction is in this state; False where it was taken before."""
    table = schema.introductions
    guarded = update(table).where(table.c.key == key, table.c.state == str(state), table.c[column].is_(None))
    return connection.execute(guarded.values({column: at.astimezone(UTC)})).rowcount == 1


def _in_utc(values: Mapping[str, date | datetime | None]) -> dict[str, date | datetime | None]:
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in values.items()}


def replies(connection: Connection, keys: Iterable[str]) -> dict[str, dict[OrganisationId, Reply]]:
    """What was replied to each of these suggestions, by organisation."""
    found: dict[str, dict[OrganisationId, Reply]] = {}
    if not (wanted := list(keys)):
        return found
    for row in connection.execute(_REPLIES, {"keys": wanted}):
        found.setdefault(row.suggestion, {})[row.organisation] = Reply(
            suggestion=row.suggestion,
            organisation=row.organisation,
            answer=Answer(row.answer),
            why=row.why,
            person=row.person,
            via=Via(row.via),
            at=in_utc(row.at),
        )
    return found


def answered(connection: Connection, since: datetime) -> frozenset[tuple[str, OrganisationId]]:
    """The keys of the suggestions that were replied to since then, with who replied."""
    own = schema.replies.c
    query = select(own.suggestion, own.organisation).where(own.at >= since.astimezone(UTC))
    return frozenset((row.suggestion, row.organisation) for row in connection.execute(query))


_REPLIES = select(schema.replies).where(schema.replies.c.suggestion.in_(bindparam("keys", expanding=True)))


def add(connection: Connection, reply: Reply) -> None:
    """Stores an organisation's reply; it has none yet."""
    row = {
        **{name: getattr(reply, name) for name in ("suggestion", "organisation", "why", "person")},
        "answer": str(reply.answer),
        "via": str(reply.via),
        "at": reply.at.astimezone(UTC),
    }
    connection.execute(schema.replies.insert(), [row])


def remove(connection: Connection, reply: Reply) -> bool:
    """Takes a reply back; False where it was before."""
    of_reply = schema.replies.c
    key = and_(of_reply.suggestion == reply.suggestion, of_reply.organisation == reply.organisation)
    return connection.execute(delete(schema.replies).where(key)).rowcount == 1


def unheard(connection: Connection, since: datetime) -> tuple[Reply, ...]:
    """Each yes since then that nobody is asked about: the other side says nothing, and no introduction was begun."""
    others, begun = schema.replies.alias(), schema.introductions.c
    own = schema.replies.c
    answered = exists().where(others.c.suggestion == own.suggestion, others.c.organisation != own.organisation)
    known = exists().where(begun.key == own.suggestion, begun.state != str(State.WITHDRAWN))
    query = select(own.suggestion, own.organisation).where(
        own.answer == str(Answer.INTERESTED), own.at >= since.astimezone(UTC), ~answered, ~known
    )
    rows = connection.execute(query.order_by(own.at, own.suggestion)).all()
    found = replies(connection, [row.suggestion for row in rows])
    return tuple(found[row.suggestion][row.organisation] for row in rows)


def say(connection: Connection, key: str, organisation: OrganisationId, said: Said) -> None:
    """What a side says came of it, in place of what it said before."""
    row = {"introduction": key, "organisation": organisation, "answer": str(said.outcome), "person": said.person}
    upsert(connection, schema.outcomes, [{**row, "at": said.at.astimezone(UTC)}])


def _read(connection: Connection, *where: Any) -> tuple[Introduction, ...]:
    """Introductions, the newest first."""
    return _shaped(connection, connection.execute(_newest(*where)).all())


def _newest(*where: Any) -> Select[Any]:
    columns = schema.introductions.c
    read = (as_text(one).label("shown") if one is columns.shown else one for one in columns)
    return select(*read).where(*where).order_by(columns.opened_at.desc(), columns.key)


_OF = _newest(  # built once: every page of a member's asks for them
    or_(
        schema.introductions.c.asking == bindparam("organisation"),
        schema.introductions.c.giving == bindparam("organisation"),
    ),
    or_(
        schema.introductions.c.week.between(bindparam("since"), bindparam("until")),
        schema.introductions.c.state == bindparam("or"),
    ),
)


def _shaped(connection: Connection, rows: Sequence[Any]) -> tuple[Introduction, ...]:
    replied = replies(connection, [row.key for row in rows])
    said = _outcomes(connection, [row.key for row in rows if row.state == State.INTRODUCED])
    return tuple(_introduction(row, replied.get(row.key, {}), said.get(row.key, {})) for row in rows)


def _outcomes(connection: Connection, keys: list[str]) -> dict[str, dict[OrganisationId, Said]]:
    found: dict[str, dict[OrganisationId, Said]] = {}
    if keys:
        query = select(schema.outcomes).where(schema.outcomes.c.introduction.in_(keys))
        for row in connection.execute(query):
            said = Said(outcome=Outcome(row.answer), person=row.person, at=in_utc(row.at))
            found.setdefault(row.introduction, {})[row.organisation] = said
    return found


def _introduction(
    row: Any, replied: Mapping[OrganisationId, Reply], said: Mapping[OrganisationId, Said]
) -> Introduction:
    at = {
        name: in_utc(value) if (value := getattr(row, name)) else None
        for name in ("reminded_at", "introduced_at", "asked_how_at", "closed_at")
    }
    return Introduction(
        key=row.key,
        week=row.week,
        suggestion=shown_as_text(row),
        origin=Origin(row.origin),
        state=State(row.state),
        opened_by=row.opened_by,
        opened_at=in_utc(row.opened_at),
        due=row.due,
        replies=replied,
        outcomes=said,
        **at,
    )

"""What pairings are reviewed for: a round's week before its release, or a session before it is over."""

from dataclasses import dataclass
from datetime import date

from matcher.errors import CommonwealError
from matcher.records import Pair, Suggestion
from service.store import rounds, sessions, suggestions
from service.store.database import Connection
from service.store.decisions import is_week
from service.store.sessions import Session, State


class UnknownOccasionError(CommonwealError):
    """Nothing was proposed for this week, or there is no such session."""


class ClosedError(CommonwealError):
    """What was reviewed for is over: what was decided stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """A week (2026-W48) or a session (its id). `closed` says why nothing is decided for it any more; empty: it is.

    `revision` counts how often it was solved, 0 before the first time; `ranker` is the version that ranked the newest.
    """

    id: str
    title: str
    day: date
    revision: int
    ranker: str
    closed: str = ""

    @property
    def is_session(self) -> bool:
        return not is_week(self.id)


def find(connection: Connection, id_: str, today: date) -> Occasion:
    """Raises UnknownOccasionError."""
    found = _week(connection, id_) if is_week(id_) else _session(connection, id_, today)
    if found is None:
        raise UnknownOccasionError(
            f"nothing is to be reviewed under '{id_}': no round was proposed, no session planned"
        )
    return found


def every(connection: Connection, today: date) -> tuple[Occasion, ...]:
    """All that can be reviewed now, the earliest day first."""
    proposed = [week for week, is_released in rounds.weeks(connection).items() if not is_released]
    planned = [one.id for one in sessions.every(connection) if one.day >= today and one.state is State.PLANNED]
    found = [find(connection, id_, today) for id_ in (*proposed, *planned)]
    return tuple(sorted(found, key=lambda one: (one.day, one.id)))


def refuse_closed(occasion: Occasion) -> None:
    """Raises ClosedError."""
    if occasion.closed:
        raise ClosedError(occasion.closed)


def proposal(connection: Connection, id_: str) -> tuple[Suggestion, ...]:
    """What the newest solve proposes, best first; nothing before the first."""
    return suggestions.every(connection, **_where(id_))


def pairs(connection: Connection, id_: str) -> tuple[Pair, ...]:
    """The pairs that the newest solve proposes, without a look at their texts."""
    return suggestions.pairs(connection, **_where(id_))


def proposed(connection: Connection, id_: str, pair: Pair) -> Suggestion | None:
    """This pair as the newest solve proposes it; None where it does not."""
    return suggestions.load(connection, pair, **_where(id_))


def _where(id_: str) -> dict[str, str]:
    return {"week": id_} if is_week(id_) else {"session": id_}


def _week(connection: Connection, week: str) -> Occasion | None:
    found = rounds.heading(connection, week)
    if found is None:
        return None
    day = rounds.monday(week)
    return Occasion(
        id=week,
        title=f"Round of the week of {day.day} {day:%B %Y}",
        day=day,
        revision=found.revision,
        ranker=found.ranker,
        closed="This round was released: what was decided stays as it is." if found.is_released else "",
    )


def _session(connection: Connection, id_: str, today: date) -> Occasion | None:
    session, plan = sessions.load(connection, id_), sessions.heading(connection, id_)
    if session is None:
        return None
    revision, ranker = plan or (0, "")
    closed = why_closed(session, today)
    return Occasion(id=id_, title=session.title, day=session.day, revision=revision, ranker=ranker, closed=closed)


def why_closed(session: Session, today: date) -> str:
    """Why nothing is decided for a session any more; empty where it is."""
    if session.state is State.CANCELLED:
        return "This session was cancelled. Plan it again to decide more."
    return "This session is over: what was decided stays as it is." if session.day < today else ""

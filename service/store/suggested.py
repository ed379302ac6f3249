"""Suggestions that were made, as each side may know them: those of released rounds, and those a member asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, or_, select

from matcher.records import PROFILE, Organisation, OrganisationId, Standing, Suggestion
from service.store import introductions, schema
from service.store.introductions import LAST, Answer, Introduction, Reply, State, key_of, other_side, sides
from service.store.suggestions import as_text, suggestion_of, suggestion_of_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """A suggestion as one of its sides may know it.

    `reply` is that side's own; `introduction` holds nothing that the other side has not let it know. `came_to_nothing`:
    it is interested, and the other side had said no. `taken_back`: the other side was interested, and is not any more.
    """

    key: str
    week: str
    suggestion: Suggestion
    reply: Reply | None = None
    introduction: Introduction | None = None
    came_to_nothing: bool = False
    taken_back: bool = False


def released_for(
    connection: Connection, organisation: OrganisationId, since: str = "", until: str = LAST, *, or_asked: bool = False
) -> tuple[Suggested, ...]:
    """What was suggested to an organisation in these weeks, and what it was asked, or asked for, besides.

    The newest week first, within a week the best. `or_asked`: older ones, too, of which a side is asked still.
    """
    rows = connection.execute(_BETWEEN, {**_side(organisation), "since": since, "until": until})
    made = {key_of(row.week, row.need, row.offer): (row.week, suggestion_of_text(row)) for row in rows}
    begun = introductions.of(connection, organisation, since, until, or_asked=or_asked)
    told = _told(connection, organisation, made, begun)
    told.sort(key=lambda one: (-one.suggestion.fit, one.suggestion.pair))
    return tuple(sorted(told, key=lambda one: one.week, reverse=True))


def begun_for(connection: Connection, organisation: OrganisationId) -> tuple[Suggested, ...]:
    """Those of which an introduction began and was not withdrawn, the one that began last first."""
    told = _told(connection, organisation, {}, introductions.of(connection, organisation))
    return tuple(one for one in told if one.introduction is not None)


def is_any_before(connection: Connection, organisation: OrganisationId, week: str) -> bool:
    """Whether anything was suggested to it, or it was asked or asked for anything, before this week."""
    return bool(connection.execute(_BEFORE, {**_side(organisation), "week": week}).scalar())


def named(connection: Connection, ids: Iterable[str]) -> dict[OrganisationId, Organisation]:
    """Those of these organisations that there are, by name and standing alone: all that a suggestion is headed with."""
    rows = connection.execute(_NAMED, {"ids": list(ids)})
    return {row.id: Organisation(id=row.id, name=row.name, standing=Standing(row.standing)) for row in rows}


def find(connection: Connection, organisation: OrganisationId, key: str) -> Suggested | None:
    """The suggestion of this key, where it was made to the organisation."""
    begun = introductions.load(connection, key)
    made = (begun.week, begun.suggestion) if begun else _made(connection, organisation, key)
    if made is None or organisation not in sides(made[1]):
        return None
    replies = introductions.replies(connection, [key]).get(key, {})
    return _suggested(key, *made, organisation, replies, begun.seen_by(organisation) if begun else None)


def _made(connection: Connection, organisation: OrganisationId, key: str) -> tuple[str, Suggestion] | None:
    """The suggestion of this key in a released round, with its week."""
    table = schema.suggestions.c
    for row in connection.execute(_PAIRS, _side(organisation)):
        if key_of(row.week, row.need, row.offer) == key:
            this = table.week == row.week, table.need == row.need, table.offer == row.offer
            return row.week, suggestion_of(connection.execute(select(schema.suggestions).where(*this)).one())
    return None


def _side(organisation: OrganisationId) -> dict[str, str]:
    return {"organisation": organisation, "profile": f"{PROFILE}{organisation}"}


def _released(*columns: Any) -> Select[Any]:
    """What released rounds suggested to one side. Built once: building it takes longer than running it."""
    listings, suggestions = schema.listings.c, schema.suggestions.c
    own = select(listings.id).where(listings.organisation == bindparam("organisation"))
    is_own = or_(suggestions.need.in_(own), suggestions.offer.in_(own), suggestions.offer == bindparam("profile"))
    released = schema.suggestions.join(schema.rounds)
    return select(*columns).select_from(released).where(schema.rounds.c.released_at.is_not(None), is_own)


_SUGGESTIONS, _ORGANISATIONS = schema.suggestions.c, schema.organisations.c
_PAIRS = _released(_SUGGESTIONS.week, _SUGGESTIONS.need, _SUGGESTIONS.offer)
_READ = [as_text(one).label("shown") if one is _SUGGESTIONS.shown else one for one in _SUGGESTIONS]
_BETWEEN = _released(*_READ).where(_SUGGESTIONS.week.between(bindparam("since"), bindparam("until")))
_BEGUN = schema.introductions.c
_BEFORE = select(
    or_(
        _released(_SUGGESTIONS.week).where(_SUGGESTIONS.week < bindparam("week")).exists(),
        select(_BEGUN.week)
        .where(or_(*(side == bindparam("organisation") for side in (_BEGUN.asking, _BEGUN.giving))))
        .where(_BEGUN.week < bindparam("week"))
        .exists(),
    )
)
_NAMED = select(_ORGANISATIONS.id, _ORGANISATIONS.name, _ORGANISATIONS.standing).where(
    _ORGANISATIONS.id.in_(bindparam("ids", expanding=True))
)


def _told(
    connection: Connection,
    organisation: OrganisationId,
    made: Mapping[str, tuple[str, Suggestion]],
    introduced: Iterable[Introduction],
) -> list[Suggested]:
    begun = {one.key: one for one in introduced}
    every = {**{key: (one.week, one.suggestion) for key, one in begun.items()}, **made}
    replies = introductions.replies(connection, every)
    return [
        _suggested(key, week, suggestion, organisation, replies.get(key, {}), begun.get(key))
        for key, (week, suggestion) in every.items()
        if organisation in sides(suggestion)
    ]


def _suggested(
    key: str,
    week: str,
    suggestion: Suggestion,
    organisation: OrganisationId,
    replies: Mapping[OrganisationId, Reply],
    introduction: Introduction | None,
) -> Suggested:
    own, other = replies.get(organisation), replies.get(other_side(suggestion, organisation))
    is_withdrawn = introduction is not None and introduction.state is State.WITHDRAWN
    return Suggested(
        key=key,
        week=week,
        suggestion=suggestion,
        reply=own,
        introduction=None if is_withdrawn else introduction,
        came_to_nothing=bool(
            own and other and own.answer is Answer.INTERESTED and other.answer is not Answer.INTERESTED
        ),
        taken_back=introduction is not None and is_withdrawn and introduction.opened_by != organisation and own is None,
    )

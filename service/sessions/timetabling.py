"""When and at which table those meet who are to meet: solved, or repaired with as little changed as possible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matcher.errors import CommonwealError
from matcher.records import OrganisationId, Suggestion
from matcher.timetable import Couple, Meeting, Timetable, Wanted, couple, timetable
from matcher.weighing import SMALL_FIRST, is_small
from service import faults
from service.review import occasions
from service.sessions import convening
from service.store import decisions, reviews, sessions, timetables
from service.store.database import Connection
from service.store.reviews import OUT, Choice
from service.store.sessions import Session
from service.store.timetables import Stored
from service.wiring import Commonweal

DECIDED = 1.0
"""What a meeting is worth besides its fit where a person approved or pinned it: those find a slot first."""


class FirstError(CommonwealError):
    """Somebody solved it meanwhile."""


class TakenError(CommonwealError):
    """A meeting cannot be moved there; `by` is the one that stays there, None where it is for another reason."""

    def __init__(self, says: str, by: Meeting | None = None) -> None:
        super().__init__(says)
        self.by = by


@dataclass(frozen=True, slots=True)
class Solved:
    """A timetable just computed, and how it differs from the one before: meetings moved, new and gone.

    `seen` is the revision before. `freed` are meetings that a person had put where they cannot be any more.
    """

    timetable: Timetable
    seen: int
    moved: tuple[tuple[Meeting, Meeting], ...]
    new: tuple[Meeting, ...]
    gone: tuple[Meeting, ...]
    freed: tuple[Meeting, ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """All that a timetable is made from, read at once."""

    session: Session
    wanted: Mapping[Couple, Wanted]
    there: Mapping[OrganisationId, range]
    stored: Stored | None

    @property
    def seen(self) -> int:
        return self.stored.revision if self.stored else 0

    @property
    def meetings(self) -> tuple[Meeting, ...]:
        return self.stored.meetings if self.stored else ()

    @property
    def fixed(self) -> tuple[Meeting, ...]:
        return self.stored.fixed if self.stored else ()

    def can_be(self, one: Meeting) -> bool:
        """Whether the two are to meet, are there then, and the table is."""
        both_there = all(one.slot in self.there.get(who, ()) for who in one.couple)
        return one.couple in self.wanted and both_there and 1 <= one.table <= self.session.tables


def pairs(connection: Connection, session: str) -> dict[Couple, Suggestion]:
    """Who is to meet whom, and about what: what was planned or approved, and not rejected or held, of those who come.

    Of several about the same two what was pinned, then what was approved, then what fits best.
    """
    plan = sessions.plan(connection, session)
    decided = reviews.of(connection, session)
    out = {one.pair for one in decided.values() if one.decision in OUT}
    approved = {one.pair: one.suggestion for one in decided.values() if one.decision is Choice.APPROVED}
    pinned = set(decisions.pinned(connection, session))
    planned = [one for one in (plan.proposal.suggestions if plan else ()) if one.pair not in out]

    def rank(one: Suggestion) -> tuple[bool, bool, float, tuple[str, str]]:
        return one.pair not in pinned, one.pair not in approved, -one.fit, one.pair

    found: dict[Couple, Suggestion] = {}
    for one in sorted((*planned, *approved.values()), key=rank):
        found.setdefault(couple(one.need.organisation, one.offer.organisation), one)
    present = sessions.present(sessions.attendees(connection, session))
    return {pair: one for pair, one in found.items() if set(pair) <= set(present)}


def solve(
    commonweal: Commonweal, session: str, *, anew: bool = False, dry_run: bool = False, seen: int | None = None
) -> Solved:
    """Repairs the timetable there is, or makes one; `anew` forgets it, but for what a person put where it is.

    Stored in one transaction. Raises UnknownSessionError, ClosedError, and FirstError where somebody else solved it
    meanwhile, or since the revision `seen`.
    """
    asked = _asked(commonweal, session)
    return _solved(commonweal, asked, asked.fixed, anew=anew, dry_run=dry_run, seen=seen)


def move(
    commonweal: Commonweal, session: str, to: Meeting, *, dry_run: bool = False, seen: int | None = None
) -> Solved:
    """Puts a meeting where a person wants it, for good, and repairs the rest around it.

    Raises TakenError where it cannot be there, and what `solve` raises.
    """
    asked = _asked(commonweal, session)
    others = tuple(one for one in asked.fixed if one.couple != to.couple)
    if not asked.can_be(to):
        raise TakenError("They are not both there then, or there is no such table, or they are not to meet.")
    for one in others:
        if one.slot == to.slot and (one.table == to.table or set(one.couple) & set(to.couple)):
            raise TakenError("Another meeting was put there, and stays.", one)
    return _solved(commonweal, asked, (*others, to), dry_run=dry_run, seen=seen)


def release(commonweal: Commonweal, session: str, pair: Couple, *, seen: int | None = None) -> Solved:
    """Lets the next solves move a meeting again. Raises what `solve` raises."""
    asked = _asked(commonweal, session)
    return _solved(commonweal, asked, tuple(one for one in asked.fixed if one.couple != pair), seen=seen)


def _asked(commonweal: Commonweal, session: str) -> _Asked:
    with commonweal.database.read() as connection:
        found = convening.find(connection, session)
        occasions.refuse_closed(occasions.find(connection, session, commonweal.now().date()))
        attending = [one for one in sessions.attendees(connection, session) if one.is_present]
        wanted = pairs(connection, session)
        chosen = {
            *decisions.pinned(connection, session),
            *reviews.pairs(connection, session, [Choice.APPROVED]),
        }
        stored = timetables.load(connection, session)
    return _Asked(
        found,
        {pair: Wanted(*pair, one.fit + DECIDED * (one.pair in chosen)) for pair, one in wanted.items()},
        {one.organisation: found.slots_between(one.arrives, one.leaves) for one in attending},
        stored,
    )


def _solved(
    commonweal: Commonweal,
    asked: _Asked,
    fixed: Sequence[Meeting],
    *,
    anew: bool = False,
    dry_run: bool = False,
    seen: int | None = None,
) -> Solved:
    if seen not in (None, asked.seen):
        raise FirstError("Somebody changed the timetable meanwhile. Look at it as it is now.")
    network = commonweal.live.current()
    held = tuple(one for one in fixed if asked.can_be(one))
    after = timetable(
        list(asked.wanted.values()),
        attending=asked.there,
        slots=asked.session.slots,
        tables=asked.session.tables,
        before=() if anew else asked.meetings,
        fixed=held,
        waiting={one: SMALL_FIRST for one in asked.there if one in network.organisations and is_small(network, one)},
    )
    if not dry_run:
        id_, at, fixed_pairs = asked.session.id, commonweal.now(), {one.couple for one in held}
        with commonweal.database.write() as connection:
            if not timetables.store(connection, id_, after, asked.seen, at, fixed_pairs):
                raise FirstError("Somebody solved the timetable meanwhile. Look at it as it is now.")
            faults.point("timetable.before-commit")
    return _compared(asked, after, tuple(one for one in fixed if one not in held))


def _compared(asked: _Asked, after: Timetable, freed: tuple[Meeting, ...]) -> Solved:
    had, has = ({one.couple: one for one in meetings} for meetings in (asked.meetings, after.meetings))
    return Solved(
        after,
        asked.seen,
        tuple((had[pair], one) for pair, one in has.items() if pair in had and had[pair] != one),
        tuple(one for pair, one in has.items() if pair not in had),
        tuple(one for pair, one in had.items() if pair not in has),
        freed,
    )


def of(meetings: tuple[Meeting, ...], organisation: OrganisationId) -> tuple[tuple[Meeting, OrganisationId], ...]:
    """An organisation's meetings, each with whom."""
    return tuple(
        (one, one.other if one.one == organisation else one.one) for one in meetings if organisation in one.couple
    )

"""When and at which table those meet who are to meet: solved, or repaired with as little changed as possible."""

from dataclasses import dataclass

from matcher.errors import CommonwealError
from matcher.records import OrganisationId, Suggestion
from matcher.timetable import Couple, Meeting, Timetable, Wanted, couple, timetable
from service import faults
from service.review import occasions
from service.sessions import convening
from service.store import decisions, reviews, sessions, timetables
from service.store.database import Connection
from service.store.reviews import OUT, Choice
from service.wiring import Commonweal


class FirstError(CommonwealError):
    """Somebody solved it meanwhile."""


@dataclass(frozen=True, slots=True)
class Solved:
    """A timetable just computed, and how it differs from the one before: meetings moved, new and gone."""

    timetable: Timetable
    seen: int
    moved: tuple[tuple[Meeting, Meeting], ...]
    new: tuple[Meeting, ...]
    gone: tuple[Meeting, ...]


def pairs(connection: Connection, session: str) -> dict[Couple, Suggestion]:
    """Who is to meet whom, and about what: what was planned or approved, and not rejected or held; the best of each."""
    plan = sessions.plan(connection, session)
    decided = reviews.of(connection, session)
    out = {one.pair for one in decided.values() if one.decision in OUT}
    approved = [one.suggestion for one in decided.values() if one.decision is Choice.APPROVED]
    pinned = set(decisions.pinned(connection, session))
    planned = [one for one in (plan.proposal.suggestions if plan else ()) if one.pair not in out]
    found: dict[Couple, Suggestion] = {}
    for one in sorted((*planned, *approved), key=lambda each: (each.pair not in pinned, -each.fit, each.pair)):
        found.setdefault(couple(one.need.organisation, one.offer.organisation), one)
    return found


def solve(commonweal: Commonweal, session: str, *, anew: bool = False, dry_run: bool = False) -> Solved:
    """Repairs the timetable there is, or makes one; `anew` forgets it. Stored in one transaction.

    Raises UnknownSessionError, ClosedError, and FirstError where somebody else solved it meanwhile.
    """
    today = commonweal.now().date()
    with commonweal.database.read() as connection:
        found = convening.find(connection, session)
        occasions.refuse_closed(occasions.find(connection, session, today))
        attending = [one for one in sessions.attendees(connection, session) if one.is_present]
        wanted = pairs(connection, session)
        stored = timetables.load(connection, session)
    before = stored.meetings if stored and not anew else ()
    after = timetable(
        [Wanted(*pair, one.fit) for pair, one in wanted.items()],
        attending={one.organisation: found.slots_between(one.arrives, one.leaves) for one in attending},
        slots=found.slots,
        tables=found.tables,
        before=before,
    )
    seen = stored.revision if stored else 0
    if not dry_run:
        with commonweal.database.write() as connection:
            if not timetables.store(connection, session, after, seen, commonweal.now()):
                raise FirstError("Somebody solved the timetable meanwhile. Look at it as it is now.")
            faults.point("timetable.before-commit")
    return _compared(stored.meetings if stored else (), after, seen)


def _compared(before: tuple[Meeting, ...], after: Timetable, seen: int) -> Solved:
    had, has = ({one.couple: one for one in meetings} for meetings in (before, after.meetings))
    return Solved(
        after,
        seen,
        tuple((had[pair], one) for pair, one in has.items() if pair in had and had[pair] != one),
        tuple(one for pair, one in has.items() if pair not in had),
        tuple(one for pair, one in had.items() if pair not in has),
    )


def of(meetings: tuple[Meeting, ...], organisation: OrganisationId) -> tuple[tuple[Meeting, OrganisationId], ...]:
    """An organisation's meetings, each with whom."""
    return tuple(
        (one, one.other if one.one == organisation else one.one) for one in meetings if organisation in one.couple
    )

"""How far a session is prepared: who comes, whom they meet, when, and what of that does not hold any more."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from matcher.records import OrganisationId
from service.review import occasions
from service.review.queue import counts
from service.sessions import attending, timetabling
from service.store import sessions, timetables
from service.store.database import Connection
from service.store.reviews import Choice
from service.store.sessions import Attendance, Attendee, Plan, Session
from service.store.timetables import Kept
from service.wiring import Commonweal


@dataclass(frozen=True, slots=True)
class Paired:
    """Pairings as last solved: how many, how they are decided, and who came onto the list or left it since."""

    revision: int
    count: int
    decided: Mapping[Choice, int]
    left_out: tuple[OrganisationId, ...] = ()
    come: tuple[OrganisationId, ...] = ()
    gone: tuple[OrganisationId, ...] = ()

    @property
    def is_stale(self) -> bool:
        return bool(self.come or self.gone)


@dataclass(frozen=True, slots=True)
class Seated:
    """A timetable: how many who are `wanted` to meet have a slot that holds, and in sentences why it no longer fits."""

    revision: int
    placed: int
    wanted: int
    misfits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """How far a session is. `paired` and `seated` are None before the first time."""

    present: Mapping[Attendance, int]
    too_many: str
    paired: Paired | None = None
    seated: Seated | None = None
    attendees: tuple[Attendee, ...] = field(default=(), repr=False)


def prepared(commonweal: Commonweal, session: Session) -> Prepared:
    with commonweal.database.read() as connection:
        attendees = sessions.attendees(connection, session.id)
        plan = sessions.plan(connection, session.id)
        paired = _paired(commonweal, connection, plan, sessions.present(attendees)) if plan else None
        return Prepared(
            Counter(one.state for one in attendees),
            attending.too_many(session, attendees),
            paired,
            seated(connection, session, attendees),
            attendees,
        )


def _paired(commonweal: Commonweal, connection: Connection, plan: Plan, present: Collection[OrganisationId]) -> Paired:
    """A plan pairs everybody who was on the list, or says who was left out: that is how it is known who was."""
    served = {one for each in plan.proposal.suggestions for one in (each.need.organisation, each.offer.organisation)}
    then = served | plan.proposal.left_out.keys()
    occasion = occasions.find(connection, plan.session, commonweal.now().date())
    return Paired(
        plan.revision,
        len(plan.proposal.suggestions),
        counts(connection, occasion),
        tuple(sorted(plan.proposal.left_out.keys() & set(present))),
        tuple(sorted(set(present) - then)),
        tuple(sorted(then - set(present))),
    )


def seated(connection: Connection, session: Session, attendees: Collection[Attendee]) -> Seated | None:
    """How far its timetable holds for those who come now; None where there is none."""
    table = timetables.load(connection, session.id)
    if table is None:
        return None
    there = {one.organisation: session.slots_between(one.arrives, one.leaves) for one in attendees if one.is_present}
    wanted = timetabling.pairs(connection, session.id).keys()
    waiting = wanted - {one.meeting.couple for one in table.kept} - table.unplaced.keys()
    off = [says for one in table.kept if (says := _off(session, one, there, wanted))]
    told = [f"{_meetings(count)} {says}" for says, count in sorted(Counter(off).items())]
    told += [f"{_meetings(len(waiting))} to come without a slot yet."] if waiting else []
    return Seated(table.revision, len(table.kept) - len(off), len(wanted), tuple(told))


def _off(
    session: Session, kept: Kept, there: Mapping[OrganisationId, range], wanted: Collection[tuple[str, str]]
) -> str:
    """Why a meeting cannot be as it stands; empty where it can."""
    meeting = kept.meeting
    if any(one not in there for one in meeting.couple):
        return "of somebody who does not come."
    if meeting.couple not in wanted:
        return "of two who are not to meet any more."
    if meeting.slot >= session.slots or meeting.table > session.tables:
        return "in a slot or at a table that there is not any more."
    if any(meeting.slot not in there[one] for one in meeting.couple):
        return "at a time when one of the two is not there."
    return ""


def _meetings(count: int) -> str:
    return f"{count} meeting{'s' if count != 1 else ''}"

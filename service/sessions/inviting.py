"""Invitations to a session by mail: each organisation that is invited and was not mailed before gets one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from matcher.records import OrganisationId
from service import telling
from service.review import occasions
from service.sessions import convening
from service.sessions.attending import RefusedError
from service.store import mails, sessions
from service.store.database import Connection
from service.store.mails import Kind, Promised, State
from service.store.people import Person
from service.store.sessions import Attendance
from service.wiring import Commonweal


@dataclass(frozen=True, slots=True)
class Post:
    """How far a session's invitations are: who is still to be mailed, who has nobody to be mailed, who was.

    `mailed` leaves out mails that were dropped because there was nothing to ask then; `tries` counts those too. `lost`
    are those who were asked by mails of which none could be delivered, and have not answered.
    """

    to_mail: Mapping[OrganisationId, tuple[Person, ...]]
    unreachable: tuple[OrganisationId, ...]
    mailed: Mapping[OrganisationId, tuple[Promised, ...]]
    lost: tuple[OrganisationId, ...]
    tries: Mapping[OrganisationId, int]

    def says(self, organisation: OrganisationId) -> str:
        """What became of its mails; empty where there was none."""
        its = self.mailed.get(organisation, ())
        gone = [one.ended_at for one in its if one.state in (State.SENT, State.UNSURE) and one.ended_at]
        if gone:
            return f"mailed {_short(max(gone).date())}"
        if any(one.state in (State.WAITING, State.SENDING) for one in its):
            return "mail on its way"
        return "mail not delivered" if its else ""


def post(connection: Connection, session: str) -> Post:
    every: dict[OrganisationId, list[Promised]] = {}
    for one in mails.below(connection, Kind.SESSION, session):
        every.setdefault(OrganisationId(one.about["organisation"]), []).append(one)
    kept = {who: tuple(one for one in its if one.state is not State.DROPPED) for who, its in every.items()}
    mailed = {who: its for who, its in kept.items() if its}
    invited = [one for one in sessions.attendees(connection, session) if one.state is Attendance.INVITED]
    waiting = [one.organisation for one in invited if one.organisation not in mailed]
    reached = {organisation: telling.reachable(connection, organisation) for organisation in waiting}
    return Post(
        {organisation: people for organisation, people in reached.items() if people},
        tuple(organisation for organisation, people in reached.items() if not people),
        mailed,
        tuple(one.organisation for one in invited if _is_lost(mailed.get(one.organisation, ()))),
        {who: len(its) for who, its in every.items()},
    )


def _is_lost(its: Collection[Promised]) -> bool:
    return bool(its) and all(mail.state is State.FAILED for mail in its)


def send(commonweal: Commonweal, session: str, by: str, organisations: Collection[OrganisationId]) -> int:
    """Promises the mail to whoever acts for those of them that are to be mailed still, in one transaction; how many.

    Raises RefusedError where the session is over or cancelled, UnknownSessionError.
    """
    now = commonweal.now()
    with commonweal.database.write() as connection:
        found = convening.find(connection, session)
        if closed := occasions.why_closed(found, now.date()):
            raise RefusedError(closed)
        so_far = post(connection, session)
        chosen = [one for one in so_far.to_mail if one in set(organisations)]
        for organisation in chosen:
            key = f"{session}:{organisation}:{so_far.tries.get(organisation, 0)}"
            about = {"session": session, "organisation": organisation, "by": by}
            for person in so_far.to_mail[organisation]:
                mails.promise(connection, Kind.SESSION, key, to=person, about=about, due=now)
    return len(chosen)


def _short(on: date) -> str:
    return f"{on:%d %B}".lstrip("0")

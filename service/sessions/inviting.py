"""Invitations to a session by mail: each organisation that is invited and was not mailed before gets one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """How far a session's invitations are: who is still to be mailed, who has nobody to be mailed, who was."""

    to_mail: Mapping[OrganisationId, tuple[Person, ...]]
    unreachable: tuple[OrganisationId, ...]
    mailed: Mapping[OrganisationId, tuple[Promised, ...]] = field(default_factory=dict)

    def says(self, organisation: OrganisationId) -> str:
        """What became of its mails; empty where there was none."""
        its = self.mailed.get(organisation, ())
        gone = [one.ended_at for one in its if one.state in (State.SENT, State.UNSURE) and one.ended_at]
        if gone:
            return f"mailed {_short(max(gone).date())}"
        if any(one.state in (State.WAITING, State.SENDING) for one in its):
            return "mail on its way"
        return "mail not delivered" if any(one.state is State.FAILED for one in its) else ""


def post(connection: Connection, session: str) -> Post:
    mailed: dict[OrganisationId, tuple[Promised, ...]] = {}
    for one in mails.below(connection, Kind.SESSION, session):
        organisation = OrganisationId(one.about["organisation"])
        mailed[organisation] = (*mailed.get(organisation, ()), one)
    invited = [one for one in sessions.attendees(connection, session) if one.state is Attendance.INVITED]
    waiting = [one.organisation for one in invited if one.organisation not in mailed]
    reached = {organisation: telling.reachable(connection, organisation) for organisation in waiting}
    return Post(
        {organisation: people for organisation, people in reached.items() if people},
        tuple(organisation for organisation, people in reached.items() if not people),
        mailed,
    )


def send(commonweal: Commonweal, session: str, by: str) -> int:
    """Promises the mail to whoever acts for them, in one transaction; how many organisations.

    Raises RefusedError where the session is over or cancelled, UnknownSessionError.
    """
    now = commonweal.now()
    with commonweal.database.write() as connection:
        found = convening.find(connection, session)
        if closed := occasions.why_closed(found, now.date()):
            raise RefusedError(closed)
        to_mail = post(connection, session).to_mail
        for organisation, people in to_mail.items():
            about = {"session": session, "organisation": organisation, "by": by}
            for person in people:
                mails.promise(connection, Kind.SESSION, f"{session}:{organisation}", to=person, about=about, due=now)
    return len(to_mail)


def _short(on: date) -> str:
    return f"{on:%d %B}".lstrip("0")

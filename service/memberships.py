"""What days bring to memberships: their people are told, they end, and who asked for one is forgotten."""

from datetime import datetime, timedelta

from matcher.records import Standing
from service.store import events, joining, mails, members, people
from service.store.database import Connection
from service.store.joining import Membership
from service.store.mails import Kind
from service.wiring import Commonweal

WARNED = timedelta(days=30)
"""How long before its last day a membership's people are told."""
KEPT = timedelta(days=90)
"""How long it is known who applied, or was invited, after that is decided."""
BY_ITSELF = "commonweal"
"""Who did it, where nobody did: a day came."""


def tidy(commonweal: Commonweal) -> int:
    """Tells whose membership will end, ends those whose last day is over, and forgets who applied long ago.

    Returns how much it did. May be run again at any time. A member without a membership on record never ends.
    """
    now = commonweal.now()
    today, done = now.date(), 0
    with commonweal.database.write() as connection:
        for one in joining.ending(connection, today - timedelta(days=1)):
            members.edit(connection, one.organisation, {"standing": Standing.INVITED})
            events.record(connection, now, BY_ITSELF, "membership", f"ended on {one.until}", one.organisation)
            done += 1
        for one in joining.ending(connection, today + WARNED, unreminded=True):
            if joining.remind(connection, one.organisation, now):
                _tell_ending(connection, one, now)
                done += 1
        return done + joining.empty(connection, now - KEPT)


def _tell_ending(connection: Connection, membership: Membership, now: datetime) -> None:
    key, about = f"{membership.organisation}:{membership.until}", {"organisation": membership.organisation}
    for one in people.of(connection, membership.organisation):
        mails.promise(
            connection, Kind.ENDING, key, to=one.person, about={**about, "until": str(membership.until)}, due=now
        )

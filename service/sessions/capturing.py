"""On the day: what is offered or asked for in the room, listed at once, and whom of those present it could meet."""

from matcher.eligibility import MEMBER_RULES
from matcher.records import Kind, Listing, ListingId, OrganisationId, Suggestion
from service import listing
from service.asking import CLOSE, meet
from service.review import deciding
from service.sessions import convening
from service.store import sessions
from service.store.people import Person
from service.store.reviews import Review
from service.wiring import Commonweal

MOST = 5
LOOKED_AT = 80
SAID_IN_THE_ROOM = "Said in the room."


class UnknownPartnerError(deciding.RefusedError):
    """The two cannot be paired any more."""


def capture(
    commonweal: Commonweal,
    session: str,
    person: Person,
    organisation: OrganisationId,
    kind: Kind,
    text: str,
    looked: str = "",
) -> ListingId:
    """Lists it for the organisation, as entered by a coordinator. Raises what `listing.add` raises."""
    with commonweal.database.read() as connection:
        convening.find(connection, session)
        on_list = sessions.present(sessions.attendees(connection, session))
    if organisation not in on_list:
        raise deciding.RefusedError("Choose who said it among those who come.")
    return listing.add(commonweal, person, organisation, {"kind": kind.value, "text": text}, looked)


def partners(commonweal: Commonweal, session: str, said: Listing) -> tuple[Suggestion, ...]:
    """Whom of those present it could meet, best first; weak ones too, because somebody looks at them."""
    with commonweal.database.read() as connection:
        room = sessions.present(sessions.attendees(connection, session))
    close = commonweal.core.ranker.threshold * CLOSE
    found = meet(commonweal, commonweal.live.current(), said, rules=MEMBER_RULES, limit=LOOKED_AT, threshold=close)
    return tuple(one for one in found if {one.need.organisation, one.offer.organisation} <= room)[:MOST]


def pair(commonweal: Commonweal, session: str, by: str, said: Listing, other: str) -> Review:
    """Adds it with this partner's listing to the session's pairings. Raises UnknownPartnerError, ClosedError."""
    for one in partners(commonweal, session, said):
        if other in one.pair:
            return deciding.add(commonweal, session, by, one, SAID_IN_THE_ROOM)
    raise UnknownPartnerError("This partner cannot be had any more. Choose another.")

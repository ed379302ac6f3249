"""Who may reply for an organisation, and a coordinator in its place."""

from matcher.errors import CommonwealError
from matcher.records import OrganisationId
from service.standing import ClosedError
from service.stationery import shown
from service.store import members, people
from service.store.database import Connection
from service.store.introductions import Via
from service.store.people import Access
from service.telling import reachable


class UnknownSuggestionError(CommonwealError):
    """Nothing of this key was suggested to the organisation, or the person does not act for it."""

    def __init__(self) -> None:
        super().__init__("There is no such suggestion for you.")


def refuse_stranger(connection: Connection, organisation: OrganisationId, person: str, via: Via) -> None:
    """Raises UnknownSuggestionError for whoever may not reply for the organisation in this way."""
    if via is Via.COORDINATOR:
        known = people.get(connection, person)
        may = known is not None and known.access in (Access.COORDINATOR, Access.ADMINISTRATOR)
    else:
        may = organisation in people.acts_for(connection, person)
    if not may:
        raise UnknownSuggestionError


def refuse_yes(connection: Connection, organisation: OrganisationId, via: Via) -> None:
    """Raises ClosedError for a coordinator's yes where its people can: it would pass on how to reach them."""
    if via is Via.COORDINATOR and (its_own := reachable(connection, organisation)):
        name = members.these_organisations(connection, [organisation])[organisation].name
        who = shown(its_own[0].name) or "Somebody"
        raise ClosedError(
            f"{who} of {shown(name)} can reply; a coordinator says yes only for those who have nobody here. "
            "A no may be entered for anybody."
        )

"""Whether a listing is still true: asked once in a quarter, resting where nobody answers, woken by a word."""

from matcher.errors import CommonwealError
from matcher.records import Listing, ListingId
from service.listing import is_removed
from service.signing import LASTS
from service.store import confirmations, members, people
from service.store.people import Person
from service.wiring import Commonweal

PURPOSE = "confirm"
"""What the links are signed for that say of one listing, to one person, that it is still true."""


class UnconfirmableError(CommonwealError):
    """The listing is gone, or the person does not act for its organisation any more."""


def tidy(commonweal: Commonweal) -> int:
    """Dates what nobody has dated from today. Returns how many listings those are; again on the day, none."""
    with commonweal.database.write() as connection:
        return confirmations.see(connection, members.listing_ids(connection), commonweal.now().date())


def address_of(commonweal: Commonweal, listing: ListingId, person: str) -> str:
    """A link for this person alone, good for a fortnight, that says of the listing that it is still true, or closes it.

    It opens nothing else.
    """
    token = commonweal.signing.sign_until(commonweal.now() + LASTS, PURPOSE, listing, person)
    return f"{commonweal.settings.address}/confirm/{token}"


def look_at(commonweal: Commonweal, token: str) -> tuple[Listing, Person]:
    """What a link is about and whose it is. Raises LinkError or UnconfirmableError."""
    listing, person = commonweal.signing.read_until(commonweal.now(), PURPOSE, token, 2)
    with commonweal.database.read() as connection:
        stored = members.listing(connection, ListingId(listing))
        known = people.get(connection, person)
        acts_for = people.acts_for(connection, person)
    if stored is None or is_removed(stored.record) or known is None or stored.record.organisation not in acts_for:
        raise UnconfirmableError("This link is about something that is not yours to confirm any more.")
    return stored.record, known

"""Links in mails by which one person replies to one suggestion without signing in. They open nothing else."""

from datetime import date, datetime, time, timedelta

from matcher.records import OrganisationId
from service.signing import LASTS
from service.wiring import Commonweal

PURPOSE = "reply"


def address_of(commonweal: Commonweal, key: str, organisation: OrganisationId, person: str) -> str:
    """Where this person may reply to one suggestion for the organisation, without signing in, until `last_day`."""
    midnight = datetime.combine(last_day(commonweal) + timedelta(days=1), time(), commonweal.now().tzinfo)
    token = commonweal.signing.sign_until(midnight - timedelta(seconds=1), PURPOSE, key, organisation, person)
    return f"{commonweal.settings.address}/reply/{token}"


def last_day(commonweal: Commonweal) -> date:
    """The day until and including which a link that is made now works."""
    return (commonweal.now() + LASTS).date()


def read_address(commonweal: Commonweal, token: str) -> tuple[str, OrganisationId, str]:
    """The suggestion's key, the organisation and the person of such an address. Raises LinkError."""
    key, organisation, person = commonweal.signing.read_until(commonweal.now(), PURPOSE, token, 3)
    return key, OrganisationId(organisation), person

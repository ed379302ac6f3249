"""Contact details on a coordinator's page: shown when asked for, for a while, and that is recorded."""

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import quote, urlencode

from matcher.masking import mask
from matcher.records import OrganisationId
from service.signing import LinkError
from service.store import events
from service.web.access import Visitor
from service.wiring import Commonweal

LASTS = timedelta(minutes=10)
PURPOSE = "shown"


def reveal(here: Commonweal, known: Visitor, path: str, says: str, organisation: OrganisationId | None = None) -> str:
    """Records that the visitor looks at contact details, and returns the address of the page that shows them."""
    with here.database.write() as connection:
        events.record(connection, here.now(), known.person.id, "contact details shown", says, organisation)
    token = here.signing.sign_until(here.now() + LASTS, PURPOSE, known.person.id, path)
    return f"{quote(path)}?{urlencode({'shown': token})}"


def is_shown(here: Commonweal, known: Visitor, path: str, token: str) -> bool:
    """Whether this page may show them to this visitor: they asked for it a moment ago."""
    try:
        return here.signing.read_until(here.now(), PURPOSE, token, 2) == (known.person.id, path)
    except LinkError:
        return False


def is_to_be_asked(
    here: Commonweal, known: Visitor, organisation: OrganisationId, path: str, token: str, texts: Iterable[str]
) -> bool:
    """Whether texts of an organisation hold contact details that this visitor sees only when they have asked for it."""
    if organisation in known.acts_for or is_shown(here, known, path, token):
        return False
    return any(mask(text) != text for text in texts)


def hidden(email: str) -> str:
    """A mail address of which hardly anything is told: enough to see that two differ."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}…@{domain[:1]}…" if domain else "…"

"""Whom else a need or an offer of a pairing could meet at the same occasion."""

from collections.abc import Collection

from matcher.eligibility import MEMBER_RULES
from matcher.records import Listing, OrganisationId, Suggestion
from service.asking import meet
from service.review.deciding import RefusedError
from service.store import sessions
from service.store.decisions import is_week
from service.wiring import Commonweal

MOST = 8
LOOKED_AT = 60  # for a session, where most of them do not attend


def others(
    commonweal: Commonweal, occasion: str, suggestion: Suggestion
) -> tuple[tuple[str, str, tuple[Suggestion, ...]], ...]:
    """Other offers for its need, and other needs for its offer: a heading, the side that is new, and who."""
    attending = _attending(commonweal, occasion)
    return (
        ("Others who could meet the need", "offer", _of(commonweal, suggestion.need, suggestion, attending)),
        ("Others who could use the offer", "need", _of(commonweal, suggestion.offer, suggestion, attending)),
    )


def one(commonweal: Commonweal, occasion: str, suggestion: Suggestion, need: str, offer: str) -> Suggestion:
    """The one of these two among them. Raises RefusedError where it is not, or not any more."""
    for _heading, _side, found in others(commonweal, occasion, suggestion):
        for each in found:
            if each.pair == (need, offer):
                return each
    raise RefusedError("This partner cannot be had any more. Choose another.")


def _of(
    commonweal: Commonweal, listing: Listing, besides: Suggestion, attending: Collection[OrganisationId] | None
) -> tuple[Suggestion, ...]:
    limit = MOST + 1 if attending is None else LOOKED_AT
    found = meet(commonweal, commonweal.live.current(), listing, rules=MEMBER_RULES, limit=limit, threshold=0.0)
    fitting = (
        each
        for each in found
        if each.pair != besides.pair
        and (attending is None or {each.need.organisation, each.offer.organisation} <= set(attending))
    )
    return tuple(fitting)[:MOST]


def _attending(commonweal: Commonweal, occasion: str) -> Collection[OrganisationId] | None:
    if is_week(occasion):
        return None
    with commonweal.database.read() as connection:
        return sessions.present(sessions.attendees(connection, occasion))

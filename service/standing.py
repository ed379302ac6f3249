"""Whether a suggestion that was made still stands, in words for one of its sides."""

from collections.abc import Collection
from datetime import date

from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.records import OrganisationId, Suggestion
from service.store import members, standing
from service.store.database import Connection
from service.store.introductions import Introduction, State, other_side
from service.store.standing import Bar, Objection


class ClosedError(CommonwealError):
    """A reply, or taking one back, is not possible any more; says why."""


def bars(connection: Connection, suggestion: Suggestion, on: date, choosing: Collection[OrganisationId] = ()) -> bool:
    """Whether anything keeps the one side from being asked about the other's yes. `choosing` as for `refuse`."""
    return bool(standing.objections(connection, suggestion, on, "", choosing))


def bars_completing(connection: Connection, begun: Introduction, on: date) -> bool:
    """Whether anything keeps the two from being introduced, should the side that is asked say yes."""
    return bool(standing.objections(connection, begun.suggestion, on, begun.key, begun.sides))


def has_filled_up(connection: Connection, begun: Introduction | None, on: date) -> bool:
    """Whether all that keeps the side that is asked from saying yes is that who asked has its partners by now."""
    if begun is None or begun.state is not State.ASKED:
        return False
    found = standing.objections(connection, begun.suggestion, on, begun.key, begun.sides)
    return found == (Objection(Bar.FULL, begun.opened_by),)


def refuse(
    connection: Connection,
    suggestion: Suggestion,
    organisation: OrganisationId,
    on: date,
    key: str = "",
    choosing: Collection[OrganisationId] = (),
) -> None:
    """Raises ClosedError, in words for the organisation, where the two may not be introduced any more.

    `key` is their own introduction's; of a side that is `choosing` only whom it was introduced to takes its capacity.
    """
    if found := standing.objections(connection, suggestion, on, key, choosing):
        other = other_side(suggestion, organisation)
        names = members.these_organisations(connection, [other])
        name = mask(" ".join(names[other].name.split())) if other in names else other
        says = (_SAYS[one.bar][0 if one.side in (organisation, None) else 1].format(other=name) for one in found)
        raise ClosedError(" ".join(dict.fromkeys(says)))


NOT_TO_BE = "These two cannot be introduced about this. Your coordinator can say more."
"""The same words whether one side excludes the other, said no, or a coordinator ruled it out: neither is told of it."""

_SAYS: dict[Bar, tuple[str, str]] = {
    Bar.NOT_A_MEMBER: ("Your organisation is not a member at present.", "{other} is not a member any more."),
    **dict.fromkeys((Bar.EXCLUDED, Bar.BLOCKED, Bar.FORBIDDEN, Bar.DECLINED), (NOT_TO_BE, "")),
    Bar.PAUSED: ("You are paused: resume first.", "{other} takes nothing new for now."),
    Bar.GONE: ("What you wrote is not shown to members.", "What {other} wrote is not shown to members any more."),
    Bar.NOT_OPEN: ("What you wrote is not open today.", "What {other} wrote is not open today."),
    Bar.FULL: (
        "This has as many partners as you said it takes: you can raise that first.",
        "{other} has as many partners for this as it takes.",
    ),
}
"""Each bar to the side that it is about, or to both; and to the other side."""

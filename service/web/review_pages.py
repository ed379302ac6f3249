"""The pages of the review desk, put together: the queue, one pairing, what would change, and who was first."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from matcher.masking import mask
from matcher.network import Network
from matcher.records import Suggestion
from service.review import deciding, partners
from service.review.acting import is_aside
from service.review.deciding import IN_WORDS, Bulk, FirstError
from service.review.occasions import UnknownOccasionError
from service.review.queue import Filters, Pairing, Queue, queue
from service.review.solving import KnockOn
from service.store import people
from service.store.people import Access
from service.store.reviews import Choice
from service.web.access import Coordinator, Here, Visitor
from service.web.pages import Current
from service.web.presenting import naming
from service.web.rendering import page
from service.web.review_filters import address_of, choosing
from service.web.review_presenting import (
    Row,
    asked_for,
    change,
    decision_in_words,
    differences,
    facts_of,
    lines,
    onwards,
    partner,
    rows,
)
from service.wiring import Commonweal

REASONS = (
    "They know each other already",
    "Too far apart",
    "Not what was asked for",
    "The timing does not work",
    "Their capacity is taken",
    "Partner and competitor at once",
)
"""What rejections are usually for; anything else can be typed."""

DOES = {
    "approve": "Approve",
    "hold": "Put on hold",
    "reject": "Reject",
    "reopen": "Leave undecided",
    "pin": "Pin",
    "unpin": "Unpin",
    "forbid": "Forbid",
    "allow": "Allow again",
    "swap": "Swap partner",
    "reword": "Reword",
    "assign": "Assign",
    "undo": "Undo",
    "comment": "Comment",
}
"""Whatever a form of the desk may do, as a button says it."""

KEYS = (
    ("j k", "next, previous"),
    ("a", "approve"),
    ("r", "reject: first the reason, then Enter"),
    ("h", "put on hold"),
    ("p", "pin: what it would change is shown first"),
    ("f", "forbid: likewise"),
    ("s", "swap partner"),
    ("u", "undo the last step"),
    ("x", "tick, for all that are ticked"),
    ("e", "reword what members read first"),
    ("c", "comment"),
    ("/", "search"),
    ("q", "leave a field; back to the queue"),
    ("?", "these keys"),
)


@dataclass(frozen=True, slots=True)
class Desk:
    """A request about one occasion, and who makes it."""

    request: Request
    here: Commonweal
    known: Visitor
    network: Network
    occasion: str

    @property
    def by(self) -> str:
        return self.known.person.id

    @property
    def path(self) -> str:
        return f"/desk/review/{self.occasion}"


async def at_desk(request: Request, here: Here, known: Coordinator, network: Current, occasion: str) -> Desk:
    """The occasion in the address: routes have it as `{occasion}`."""
    return Desk(request, here, known, network, occasion)


AtDesk = Annotated[Desk, Depends(at_desk)]


def queued(desk: Desk, wanted: Filters | None = None) -> Queue:
    try:
        return queue(desk.here, desk.occasion, wanted)
    except UnknownOccasionError as error:
        raise HTTPException(404, str(error)) from None


def one_of(found: Queue, key: str) -> Pairing:
    pairing = next((one for one in found.pairings if one.key == key), None)
    if pairing is None:
        raise HTTPException(404, "No pairing goes by this address: the plan has changed, or it never was.")
    return pairing


def queue_page(
    desk: Desk,
    wanted: Filters,
    *,
    says: str = "",
    status: int = 200,
    done: str = "",
    many: str = "",
    many_at: str = "",
    at: str = "",
    lacks_why: bool = False,
    is_ticked: bool = False,
) -> HTMLResponse:
    """`done` is the key of what was just decided, `many` says what was done with all ticked and `many_at` when,
    `at` is the key of what could not be done, for the reason that `says` gives; `lacks_why`:
    because none was typed."""
    whole = queued(desk)
    found = whole if wanted == Filters() else queued(desk, wanted)
    coordinators = _coordinators(desk)
    return page(
        desk.request,
        "review.html",
        status=status,
        occasion=whole.occasion,
        pairings=rows(found.pairings, whole, desk.network, desk.here.settings.zone),
        onwards=onwards(found.pairings),
        total=whole.total,
        counts=whole.counts,
        wanted=wanted,
        back=address_of(wanted),
        choosing=choosing(found, wanted, desk.network.vocabulary, coordinators, desk.by),
        coordinators=coordinators,
        says=mask(says),
        done=_just_done(desk, whole, done),
        many=many,
        undo_at=_may_undo(desk, many_at),
        at=at,
        lacks_why=lacks_why,
        is_ticked=is_ticked,
        choices=Choice,
        in_words=IN_WORDS,
        reasons=REASONS,
        keys=KEYS,
    )


def moment(typed: str) -> datetime | None:
    """A moment in an address; None where it is none."""
    try:
        return datetime.fromisoformat(typed).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _may_undo(desk: Desk, typed: str) -> str:
    """The moment of what this person did to many, as long as there is something of it to take back; else empty."""
    at = moment(typed)
    if at is None:
        return ""
    with desk.here.database.read() as connection:
        return typed if deciding.done_in_bulk(connection, desk.occasion, desk.by, at) else ""


@dataclass(frozen=True, slots=True)
class Done:
    """What this person did last about a pairing, with what an undo of it needs."""

    says: str
    row: Row
    step: int


def _just_done(desk: Desk, whole: Queue, key: str) -> Done | None:
    """None where nothing was done, or somebody else did something since."""
    pairing = next((one for one in whole.pairings if one.key == key), None)
    step = next((one for one in pairing.steps if not is_aside(one)), None) if pairing else None
    if pairing is None or step is None or step.person != desk.by:
        return None
    says = deciding.told(step)
    return Done(mask(says[:1].upper() + says[1:]), _row(desk, whole, pairing), step.id)


def _row(desk: Desk, whole: Queue, pairing: Pairing) -> Row:
    (row,) = rows([pairing], whole, desk.network, desk.here.settings.zone)
    return row


def pairing_page(
    desk: Desk, key: str, wanted: Filters, *, says: str = "", status: int = 200, is_done: bool = False, typed: str = ""
) -> HTMLResponse:
    """One pairing with all that was done about it; `typed` is what stands in its fields again after a refusal."""
    whole = queued(desk)
    pairing, coordinators = one_of(whole, key), _coordinators(desk)
    shown = whole if wanted == Filters() else queued(desk, wanted)
    onward = onwards(shown.pairings).get(key, key)
    return page(
        desk.request,
        "review-pairing.html",
        status=status,
        occasion=whole.occasion,
        pairing=_row(desk, whole, pairing),
        onward=onward if onward != key else "",
        steps=lines(pairing, whole.names, coordinators),
        coordinators=coordinators,
        says=mask(says),
        typed=typed,
        is_done=is_done and bool(pairing.steps) and pairing.steps[0].person == desk.by,
        back=address_of(wanted),
        reasons=REASONS,
        keys=KEYS,
    )


def swap_page(desk: Desk, key: str, wanted: Filters) -> HTMLResponse:
    """Other partners for the need, and for the offer."""
    whole = queued(desk)
    pairing, named = one_of(whole, key), naming(desk.network.organisations)
    others = partners.others(desk.here, desk.occasion, pairing.suggestion)
    return page(
        desk.request,
        "review-swap.html",
        occasion=whole.occasion,
        pairing=_row(desk, whole, pairing),
        others=[(heading, [partner(one, side, named) for one in of]) for heading, side, of in others],
        back=address_of(wanted),
    )


def knock_on_page(
    desk: Desk,
    whole: Queue,
    pairing: Pairing,
    found: KnockOn,
    instead: Suggestion | None,
    again: Mapping[str, str],
    *,
    is_part: bool,
    is_changed: bool,
) -> HTMLResponse:
    """What pinning, forbidding or swapping would change, with a form that does it: `again` is what that sends."""
    named = naming(desk.network.organisations)
    new = "offer" if instead and instead.need.id == pairing.review.pair[0] else "need"
    return page(
        desk.request,
        "review-knock-on-part.html" if is_part else "review-knock-on.html",
        occasion=whole.occasion,
        pairing=_row(desk, whole, pairing),
        instead=partner(instead, new, named) if instead else None,
        change=change(found, named),
        again=again,
        is_changed=is_changed,
        reasons=REASONS,
    )


def first_page(
    desk: Desk, key: str, error: FirstError, typed: Mapping[str, str], seen: int, wanted: Filters
) -> HTMLResponse:
    """Who was first, and where the two differ: theirs stands unless one decides anew on top."""
    whole = queued(desk)
    pairing, coordinators = one_of(whole, key), _coordinators(desk)
    since = replace(pairing, steps=tuple(one for one in pairing.steps if one.version > seen))
    yours = asked_for(typed["do"], typed["why"], typed["says"], typed["to"])
    return page(
        desk.request,
        "review-first.html",
        status=409,
        occasion=whole.occasion,
        pairing=_row(desk, whole, pairing),
        onward=onwards(whole.pairings)[key],
        says=mask(str(error)),
        differences=differences(facts_of(pairing), yours, coordinators),
        since=lines(since, whole.names, coordinators),
        verb=DOES.get(typed["do"], "Do it"),
        typed=typed,
        back=address_of(wanted),
    )


def bulk_page(desk: Desk, found: Bulk, typed: Mapping[str, str], wanted: Filters) -> HTMLResponse:
    """Which of those ticked somebody else decided meanwhile, or cannot be done; the others are done."""
    whole = queued(desk)
    told = {one.now.key: str(one) for one in found.late} | dict(found.refused)
    known = {one.key: one for one in whole.pairings if one.key in told}
    shown = {row.key: row for row in rows(known.values(), whole, desk.network, desk.here.settings.zone)}
    late = {one.now.key for one in found.late}
    return page(
        desk.request,
        "review-bulk.html",
        status=409,
        occasion=whole.occasion,
        done=len(found.done),
        undo_at="" if typed["do"] == "undo" else _may_undo(desk, found.at.isoformat()),
        may_insist=typed["do"] != "undo",
        late=[(shown[key], mask(says)) for key, says in told.items() if key in shown and key in late],
        refused=[(shown.get(key), mask(says)) for key, says in told.items() if key not in late],
        verb=DOES.get(typed["do"], "Do it"),
        typed=typed,
        back=address_of(wanted),
        decision_in_words=decision_in_words,
    )


def _coordinators(desk: Desk) -> dict[str, str]:
    with desk.here.database.read() as connection:
        found = people.with_access(connection, Access.COORDINATOR, Access.ADMINISTRATOR)
    return {one.id: mask(one.name) or "A coordinator without a name" for one in found}

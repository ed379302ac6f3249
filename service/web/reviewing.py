"""The review desk: pairings of a proposed round or a session, looked at and decided one by one or many at once."""

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from matcher.errors import CommonwealError
from service import rounds
from service.review import deciding, occasions, partners, solving
from service.review import queue as queues
from service.review.deciding import FirstError, RefusedError, UnknownPairingError
from service.review.occasions import UnknownOccasionError
from service.review.queue import Filters
from service.store.reviews import OUT, Choice
from service.web import access
from service.web.access import Coordinator, Here
from service.web.forms import number
from service.web.rendering import page
from service.web.review_filters import Back, Field, Filtered, address_of, filters_in
from service.web.review_pages import (
    DOES,
    AtDesk,
    Desk,
    bulk_page,
    first_page,
    knock_on_page,
    moment,
    one_of,
    pairing_page,
    queue_page,
    queued,
    swap_page,
)

router = APIRouter(
    prefix="/desk/review",
    include_in_schema=False,
    default_response_class=HTMLResponse,
    dependencies=[Depends(access.checked_form)],
)

KEY = re.compile(r"[0-9a-f]{20}")
CHOICES = {"approve": Choice.APPROVED, "hold": Choice.HELD, "reject": Choice.REJECTED, "reopen": Choice.UNDECIDED}
FORESEEN = ("pin", "forbid", "swap")
"""What is done only after its knock-on was looked at."""

Line = Annotated[str, Form()]
Answer = HTMLResponse | RedirectResponse


class UnsolvedError(CommonwealError):
    """It was decided and stored, but the rest could not be solved around it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form about one pairing sends.

    `seen` is the version that was looked at, `accepted` the revision whose knock-on was. `then` is the key of the next
    pairing, `back` has the queue's filters, and `alone` is not empty on the pairing's own page.
    """

    do: Line = ""
    seen: Line = "0"
    why: Line = ""
    says: Line = ""
    to: Line = ""
    step: Line = ""
    need: Line = ""
    offer: Line = ""
    accepted: Line = ""
    then: Line = ""
    back: Line = ""
    alone: Line = ""

    @property
    def typed(self) -> dict[str, str]:
        """What a form has to repeat to ask for the same."""
        return {name: getattr(self, name) for name in ("do", "why", "says", "to", "step", "need", "offer")}

    @property
    def onward(self) -> str:
        return f"#p-{self.then}" if KEY.fullmatch(self.then) else ""


@router.get("")
def all_occasions(request: Request, here: Here, known: Coordinator) -> HTMLResponse:
    """What there is to review, and how far it is."""
    with here.database.read() as connection:
        found = occasions.every(connection, here.now().date())
        counted = [(one, queues.counts(connection, one)) for one in found]
    return page(request, "review-occasions.html", found=counted, choices=Choice, in_words=deciding.IN_WORDS)


@router.get("/{occasion}")
def one_queue(
    desk: AtDesk,
    wanted: Filtered,
    done: Field = "",
    did: Field = "",
    many: Annotated[int, Query(ge=0)] = 0,
    at: Field = "",
    ticked: Field = "",
) -> HTMLResponse:
    """Its pairings, best first, with a form each."""
    told = f"{many} pairing{'s' if many != 1 else ''}: {_in_words(did)}" if did in (*CHOICES, "assign", "undo") else ""
    return queue_page(desk, wanted, done=done, many=told, many_at=at, is_ticked=ticked == "all")


@router.post("/{occasion}/solve", response_model=None)
def solve(desk: AtDesk) -> Answer:
    """Solves it anew around what is decided."""
    try:
        _refuse_closed(desk)
        solving.solve(desk.here, desk.occasion)
    except CommonwealError as error:
        return queue_page(desk, Filters(), says=str(error), status=_status(error))
    return RedirectResponse(desk.path, 303)


@router.get("/{occasion}/release")
def ask_to_release(desk: AtDesk) -> HTMLResponse:
    """Says what a release of this revision of a week's round is, before it is done."""
    whole = queued(desk)
    if whole.occasion.is_session or whole.occasion.closed:
        session = "A session is not released: its pairings go into its timetable."
        return queue_page(desk, Filters(), says=session if whole.occasion.is_session else "")
    left = whole.counts.get(Choice.UNDECIDED, 0)
    out = sum(one.is_proposed and one.review.decision in OUT for one in whole.pairings)
    told = [
        "Members read it on their pages at once, and in the next digest. It is released once, for good.",
        f"{left} of {whole.total} pairing{'s are' if whole.total != 1 else ' is'} undecided: they go out as they are."
        if left
        else "",
        f"Rejected or on hold, and still in it: {out}. Solve it anew first, or it is refused." if out else "",
    ]
    return page(
        desk.request,
        "sure.html",
        heading=f"Release revision {whole.occasion.revision}?",
        title=whole.occasion.title,
        back=desk.path,
        told=list(filter(None, told)),
        action=f"{desk.path}/release",
        hidden={"revision": whole.occasion.revision},
        button="Release it to members",
    )


@router.post("/{occasion}/release", response_model=None)
def release(desk: AtDesk, revision: Line = "") -> Answer:
    """Releases the revision of a week's round that was looked at."""
    try:
        is_week = not _refuse_closed(desk).is_session
        is_released = is_week and rounds.release(desk.here, desk.occasion, number(revision))
    except CommonwealError as error:
        return queue_page(desk, Filters(), says=str(error), status=_status(error))
    if not is_released:
        says = "Somebody solved or released it meanwhile. Look at it as it is now."
        return queue_page(desk, Filters(), says=says, status=409)
    return RedirectResponse(f"/rounds/{desk.occasion}", 303)


@router.post("/{occasion}/bulk", response_model=None)
def bulk(
    desk: AtDesk,
    chosen: Annotated[list[str] | None, Form()] = None,
    do: Line = "",
    why: Line = "",
    to: Line = "",
    at: Line = "",
    back: Line = "",
) -> Answer:
    """The same about all that were ticked, or the undo of that; whoever was late is told of which."""
    wanted = filters_in(back)
    seen = {key: number(version) for key, _, version in (one.partition(":") for one in chosen or ())}
    try:
        if not (seen or do == "undo"):
            raise RefusedError("Nothing was ticked: tick the pairings that this is about.")
        if do == "undo":
            if (when := moment(at)) is None:
                raise RefusedError("Nothing is on record that was done then. Reload the page.")
            done = deciding.undo_in_bulk(desk.here, desk.occasion, desk.by, when)
        elif do == "assign":
            done = deciding.assign_in_bulk(desk.here, desk.occasion, seen, desk.by, to or None)
        else:
            done = deciding.in_bulk(desk.here, desk.occasion, seen, desk.by, _choice(do), why)
    except CommonwealError as error:
        return queue_page(desk, wanted, says=str(error), status=_status(error))
    if done.late or done.refused:
        return bulk_page(desk, done, {"do": do, "why": why, "to": to}, wanted)
    told = {} if do == "undo" else {"at": done.at.isoformat()}
    return RedirectResponse(_address(desk, wanted, did=do, many=str(len(done.done)), **told), 303)


@router.get("/{occasion}/{pairing}")
def one_pairing(desk: AtDesk, pairing: str, back: Back = "", done: Field = "") -> HTMLResponse:
    """One pairing with all that was done about it."""
    return pairing_page(desk, pairing, filters_in(back), is_done=bool(done))


@router.get("/{occasion}/{pairing}/swap")
def swap(desk: AtDesk, pairing: str, back: Back = "") -> HTMLResponse:
    """Other partners for the need, and for the offer."""
    return swap_page(desk, pairing, filters_in(back))


@router.get("/{occasion}/{pairing}/knock-on")
def knock_on(
    desk: AtDesk,
    pairing: str,
    do: Field = "pin",
    why: Annotated[str, Query(max_length=1000)] = "",
    need: Field = "",
    offer: Field = "",
    seen: Field = "0",
    then: Field = "",
    back: Back = "",
    part: bool = False,
    changed: bool = False,
) -> HTMLResponse:
    """What pinning, forbidding or swapping would change, before it is done. With `part` without the page around;
    `changed` where it was looked at before, and the plan changed meanwhile."""
    do = do if do in FORESEEN else "pin"
    whole = queued(desk)
    found = one_of(whole, pairing)
    pair = found.review.pair
    try:
        instead = partners.one(desk.here, desk.occasion, found.suggestion, need, offer) if do == "swap" else None
        trying = {"pin": (pair,), "swap": (instead.pair,) if instead else ()}.get(do, ())
        would = solving.knock_on(desk.here, desk.occasion, trying=trying, without=() if do == "pin" else (pair,))
    except CommonwealError as error:
        raise HTTPException(_status(error), str(error)) from None
    again = {
        **{"do": do, "seen": seen, "why": why, "need": need, "offer": offer},
        **{"accepted": str(whole.occasion.revision), "then": then or pairing, "back": address_of(filters_in(back))},
    }
    return knock_on_page(desk, whole, found, would, instead, again, is_part=part, is_changed=changed)


@router.post("/{occasion}/{pairing}", response_model=None)
def act(desk: AtDesk, pairing: str, asked: Annotated[Asked, Depends()]) -> Answer:
    """Does one thing about one pairing, and leads to the next. Pins, forbids and swaps are looked at first."""
    wanted = filters_in(asked.back)
    if asked.do in FORESEEN and (foreseen := _to_be_foreseen(desk, pairing, asked)):
        return foreseen
    try:
        _do(desk, pairing, asked)
    except FirstError as error:
        return first_page(desk, pairing, error, asked.typed, number(asked.seen), wanted)
    except CommonwealError as error:
        if asked.alone:
            typed = asked.says or asked.why
            return pairing_page(desk, pairing, wanted, says=str(error), status=_status(error), typed=typed)
        lacks_why = asked.do == "reject" and not asked.why.strip()
        return queue_page(desk, wanted, says=str(error), status=_status(error), at=pairing, lacks_why=lacks_why)
    if asked.alone:
        query = urlencode({"back": address_of(wanted), "done": "yes"})
        return RedirectResponse(f"{desk.path}/{pairing}?{query}", 303)
    return RedirectResponse(_address(desk, wanted, done=pairing) + asked.onward, 303)


def _to_be_foreseen(desk: Desk, pairing: str, asked: Asked) -> RedirectResponse | None:
    """Leads to the knock-on where this revision's was not looked at; None where it was."""
    try:
        now = _refuse_closed(desk)
    except CommonwealError as error:
        raise HTTPException(_status(error), str(error)) from None
    if asked.accepted and number(asked.accepted) == now.revision:
        return None
    sent = {name: getattr(asked, name) for name in ("do", "why", "need", "offer", "seen", "then", "back")}
    query = urlencode(sent | ({"changed": "true"} if asked.accepted else {}))
    return RedirectResponse(f"{desk.path}/{pairing}/knock-on?{query}", 303)


def _do(desk: Desk, key: str, asked: Asked) -> None:
    about, seen = (desk.here, desk.occasion, key, desk.by), number(asked.seen)
    match asked.do:
        case "comment":
            deciding.comment(*about, asked.says)
        case "reword":
            deciding.reword(*about, seen, asked.says)
        case "assign":
            deciding.assign(*about, seen, asked.to or None)
        case "undo":
            deciding.undo(*about, seen, number(asked.step))
        case "allow":
            deciding.allow(*about, seen)
        case "unpin":
            deciding.unpin(*about, seen)
        case "pin":
            deciding.pin(*about, seen, asked.why)
        case "forbid":
            deciding.forbid(*about, seen, asked.why)
        case "swap":
            pairing = one_of(queued(desk), key)
            instead = partners.one(desk.here, desk.occasion, pairing.suggestion, asked.need, asked.offer)
            deciding.swap(*about, seen, instead, asked.why)
        case _:
            deciding.decide(*about, seen, _choice(asked.do), asked.why)
    if asked.do in FORESEEN:
        _solve_around(desk)


def _solve_around(desk: Desk) -> None:
    try:
        solving.solve(desk.here, desk.occasion)
    except CommonwealError as error:
        raise UnsolvedError(f"That is stored, but the rest could not be solved around it: {error}") from None


def _refuse_closed(desk: Desk) -> occasions.Occasion:
    """The occasion as it is now. Raises UnknownOccasionError, ClosedError."""
    with desk.here.database.read() as connection:
        found = occasions.find(connection, desk.occasion, desk.here.now().date())
    occasions.refuse_closed(found)
    return found


def _choice(do: str) -> Choice:
    if do not in CHOICES:
        raise RefusedError(f"'{do[:40]}' is nothing that can be done here. Reload the page.")
    return CHOICES[do]


def _in_words(did: str) -> str:
    if did == "undo":
        return "taken back"
    return deciding.IN_WORDS[CHOICES[did]] if did in CHOICES else f"{DOES[did].lower()}ed"


def _address(desk: Desk, wanted: Filters, **told: str) -> str:
    """The queue as it is filtered, telling what was done."""
    return f"{desk.path}?{address_of(wanted)}{'&' if address_of(wanted) else ''}{urlencode(told)}"


def _status(error: Exception) -> int:
    if isinstance(error, (UnknownOccasionError, UnknownPairingError)):
        return 404
    return 409 if isinstance(error, (occasions.ClosedError, rounds.StaleError, UnsolvedError)) else 422

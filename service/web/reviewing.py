"""The review desk: pairings of a proposed round or a session, looked at and decided one by one or many at once."""

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.records import Strength
from service import rounds
from service.review import deciding, occasions, partners, solving
from service.review.deciding import FirstError, UnknownPairingError
from service.review.occasions import UnknownOccasionError
from service.review.queue import Filters, Pairing, Queue, queue
from service.store import people
from service.store.people import Access
from service.store.reviews import Choice, Doing
from service.web import access
from service.web.access import Coordinator, Here, Visitor
from service.web.pages import Current
from service.web.presenting import naming
from service.web.rendering import page
from service.web.review_filters import Field, Filtered, address_of, filters_in
from service.web.review_presenting import decision_in_words, facts_of, knock_on_shown, partner_shown, shown, step_shown

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


@router.get("")
def all_occasions(request: Request, here: Here, known: Coordinator) -> HTMLResponse:
    """What there is to review, and how far it is."""
    with here.database.read() as connection:
        found = occasions.every(connection, here.now().date())
    return page(request, "review-occasions.html", found=[(one, queue(here, one.id).counts) for one in found])


@router.get("/{occasion}")
def one_queue(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    occasion: str,
    wanted: Filtered,
    done: Field = "",
) -> HTMLResponse:
    """Its pairings, best first, with a form each."""
    return _queue(request, here, known, occasion, wanted, done=done)


@router.post("/{occasion}/solve", response_model=None)
def solve(
    request: Request, here: Here, known: Coordinator, network: Current, occasion: str
) -> HTMLResponse | RedirectResponse:
    """Solves it anew around what is decided."""
    try:
        solving.solve(here, occasion)
    except CommonwealError as error:
        return _queue(request, here, known, occasion, Filters(), says=str(error), status=_status(error))
    return RedirectResponse(f"/desk/review/{occasion}", 303)


@router.post("/{occasion}/release", response_model=None)
def release(
    request: Request, here: Here, known: Coordinator, network: Current, occasion: str, revision: Line = ""
) -> HTMLResponse | RedirectResponse:
    """Releases the revision of a week's round that was looked at."""
    try:
        with here.database.read() as connection:
            occasions.refuse_closed(occasions.find(connection, occasion, here.now().date()))
        is_released = revision.isdigit() and rounds.release(here, occasion, int(revision))
    except (CommonwealError, ValueError) as error:
        return _queue(request, here, known, occasion, Filters(), says=str(error), status=_status(error))
    if not is_released:
        says = "Somebody solved or released it meanwhile. Look at it as it is now."
        return _queue(request, here, known, occasion, Filters(), says=says, status=409)
    return RedirectResponse(f"/rounds/{occasion}", 303)


@router.post("/{occasion}/bulk", response_model=None)
def bulk(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    occasion: str,
    chosen: Annotated[list[str] | None, Form()] = None,
    do: Line = "",
    why: Line = "",
    to: Line = "",
    back: Line = "",
) -> HTMLResponse | RedirectResponse:
    """The same about all that were ticked; whoever was late is told of which."""
    wanted = filters_in(back)
    seen = dict(_key_and_version(one) for one in chosen or ())
    try:
        if not seen:
            raise deciding.RefusedError("Nothing was ticked: tick the pairings that this is about.")
        if do == "assign":
            done = deciding.assign_in_bulk(here, occasion, seen, known.person.id, to or None)
        else:
            done = deciding.in_bulk(here, occasion, seen, known.person.id, _choice(do), why)
    except CommonwealError as error:
        return _queue(request, here, known, occasion, wanted, says=str(error), status=_status(error))
    says = f"{len(done.done)} of {len(seen)} done."
    return _queue(request, here, known, occasion, wanted, says=says, late=done.late, status=409 if done.late else 200)


@router.get("/{occasion}/{pairing}")
def one_pairing(
    request: Request, here: Here, known: Coordinator, network: Current, occasion: str, pairing: str, back: Field = ""
) -> HTMLResponse:
    """One pairing with all that was done about it."""
    return _pairing(request, here, known, occasion, pairing, back=back)


@router.get("/{occasion}/{pairing}/swap")
def swap(
    request: Request, here: Here, known: Coordinator, network: Current, occasion: str, pairing: str
) -> HTMLResponse:
    """Other partners for the need, and for the offer."""
    found_pairing = _one(_queued(here, occasion), pairing)
    others = partners.others(here, occasion, found_pairing.suggestion)
    named = naming(network.organisations)
    return page(
        request,
        "review-swap.html",
        occasion=_queued(here, occasion).occasion,
        pairing=shown(found_pairing, named),
        others=[(heading, [partner_shown(one, side, named) for one in of]) for heading, side, of in others],
    )


@router.get("/{occasion}/{pairing}/knock-on")
def knock_on(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    occasion: str,
    pairing: str,
    do: Field = "pin",
    why: Annotated[str, Query(max_length=1000)] = "",
    need: Field = "",
    offer: Field = "",
    seen: Field = "0",
    back: Field = "",
    part: bool = False,
) -> HTMLResponse:
    """What pinning, forbidding or swapping would change, before it is done. With `part` without the page around."""
    found = _queued(here, occasion)
    found_pairing = _one(found, pairing)
    named = naming(network.organisations)
    try:
        instead = partners.one(here, occasion, found_pairing.suggestion, need, offer) if do == "swap" else None
        tries = () if do == "forbid" else (instead.pair if instead else found_pairing.review.pair,)
        without = (found_pairing.review.pair,) if do in ("forbid", "swap") else ()
        change = solving.knock_on(here, occasion, trying=tries, without=without)
    except CommonwealError as error:
        raise HTTPException(_status(error), str(error)) from None
    return page(
        request,
        "review-knock-on-part.html" if part else "review-knock-on.html",
        occasion=found.occasion,
        pairing=shown(found_pairing, named),
        instead=instead
        and partner_shown(instead, "offer" if instead.need.id == found_pairing.review.pair[0] else "need", named),
        change=knock_on_shown(change, named),
        do=do if do in FORESEEN else "pin",
        why=why,
        need=need,
        offer=offer,
        seen=seen,
        back=address_of(filters_in(back)),
    )


@router.post("/{occasion}/{pairing}", response_model=None)
def act(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    occasion: str,
    pairing: str,
    do: Line = "",
    seen: Line = "0",
    why: Line = "",
    says: Line = "",
    to: Line = "",
    step: Line = "",
    need: Line = "",
    offer: Line = "",
    accepted: Line = "",
    then: Line = "",
    back: Line = "",
    alone: Line = "",
) -> HTMLResponse | RedirectResponse:
    """Does one thing about one pairing, and leads to the next. Pins, forbids and swaps are looked at first."""
    typed = {"do": do, "why": why, "says": says, "to": to, "step": step, "need": need, "offer": offer}
    if do in FORESEEN and not accepted:
        query = {**typed, "seen": seen, "back": back}
        return RedirectResponse(f"/desk/review/{occasion}/{pairing}/knock-on?{urlencode(query)}", 303)
    try:
        _do(here, known, occasion, pairing, _version(seen), typed)
    except FirstError as error:
        return _late(request, here, occasion, pairing, error, typed, back)
    except CommonwealError as error:
        if alone:
            return _pairing(request, here, known, occasion, pairing, says=str(error), status=_status(error), back=back)
        wanted = filters_in(back)
        return _queue(request, here, known, occasion, wanted, says=str(error), status=_status(error), at=pairing)
    address = address_of(filters_in(back))
    if alone:
        return RedirectResponse(f"/desk/review/{occasion}/{pairing}?{urlencode({'back': address})}", 303)
    fragment = f"#p-{then}" if KEY.fullmatch(then) else ""
    return RedirectResponse(f"/desk/review/{occasion}?{address}{'&' if address else ''}done={pairing}{fragment}", 303)


def _do(here: Here, known: Visitor, occasion: str, key: str, seen: int, typed: Mapping[str, str]) -> None:
    do, why, by = typed["do"], typed["why"], known.person.id
    if do == "comment":
        deciding.comment(here, occasion, key, by, typed["says"])
    elif do == "reword":
        deciding.reword(here, occasion, key, by, seen, typed["says"])
    elif do == "assign":
        deciding.assign(here, occasion, key, by, seen, typed["to"] or None)
    elif do == "undo":
        deciding.undo(here, occasion, key, by, seen, _version(typed["step"]))
    elif do == "allow":
        deciding.allow(here, occasion, key, by, seen)
    elif do == "unpin":
        deciding.unpin(here, occasion, key, by, seen)
    elif do in FORESEEN:
        if do == "pin":
            deciding.pin(here, occasion, key, by, seen, why)
        elif do == "forbid":
            deciding.forbid(here, occasion, key, by, seen, why)
        else:
            pairing = _one(_queued(here, occasion), key)
            instead = partners.one(here, occasion, pairing.suggestion, typed["need"], typed["offer"])
            deciding.swap(here, occasion, key, by, seen, instead, why)
        solving.solve(here, occasion)
    else:
        deciding.decide(here, occasion, key, by, seen, _choice(do), why)


def _choice(do: str) -> Choice:
    if do not in CHOICES:
        raise deciding.RefusedError(f"'{do}' is nothing that can be done here. Reload the page.")
    return CHOICES[do]


def _version(seen: str) -> int:
    return int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else -1


def _key_and_version(chosen: str) -> tuple[str, int]:
    key, _, version = chosen.partition(":")
    return key, _version(version)


def _queued(here: Here, occasion: str, wanted: Filters | None = None) -> Queue:
    try:
        return queue(here, occasion, wanted)
    except UnknownOccasionError as error:
        raise HTTPException(404, str(error)) from None


def _one(found: Queue, key: str) -> Pairing:
    pairing = next((one for one in found.pairings if one.key == key), None)
    if pairing is None:
        raise HTTPException(404, "No pairing goes by this address: the plan has changed, or it never was.")
    return pairing


def _queue(
    request: Request,
    here: Here,
    known: Visitor,
    occasion: str,
    wanted: Filters,
    *,
    says: str = "",
    status: int = 200,
    done: str = "",
    late: tuple[FirstError, ...] = (),
    at: str = "",
) -> HTMLResponse:
    """`done` is the key of what was just decided, `at` that of what could not be."""
    found, network = _queued(here, occasion, wanted), here.live.current()
    named = naming(network.organisations)
    whole = found if not done or any(one.key == done for one in found.pairings) else _queued(here, occasion)
    last = next((one for one in whole.pairings if one.key == done), None)
    return page(
        request,
        "review.html",
        status=status,
        occasion=found.occasion,
        pairings=[shown(one, named) for one in found.pairings],
        total=found.total,
        counts=found.counts,
        wanted=wanted,
        back=address_of(wanted),
        names_of={
            what: [(one.key, one.name) for one in getattr(network.vocabulary, what).values()]
            for what in ("themes", "sectors", "sizes")
        },
        coordinators=_coordinators(here),
        says=says,
        late=[(shown(_one(whole, one.now.key), named), str(one)) for one in late],
        at=at,
        done=last and _just_done(last, known, shown(last, named)),
        choices=Choice,
        strengths=[Strength.STRONG, Strength.GOOD, Strength.POSSIBLE, Strength.WEAK],
        decision_in_words=decision_in_words,
    )


def _just_done(pairing: Pairing, known: Visitor, row: object) -> dict[str, object] | None:
    """What this person did last about it, with what an undo needs; None where somebody did something since."""
    step = next((one for one in pairing.steps if one.what is not Doing.COMMENT), None)
    if step is None or step.person != known.person.id:
        return None
    return {"says": deciding.told(step), "row": row, "step": step.id}


def _pairing(
    request: Request,
    here: Here,
    known: Visitor,
    occasion: str,
    key: str,
    *,
    says: str = "",
    status: int = 200,
    back: str = "",
) -> HTMLResponse:
    found = _queued(here, occasion)
    pairing, named = _one(found, key), naming(here.live.current().organisations)
    return page(
        request,
        "review-pairing.html",
        status=status,
        occasion=found.occasion,
        pairing=shown(pairing, named),
        steps=[step_shown(one, found.names, _coordinators(here)) for one in pairing.steps],
        coordinators=_coordinators(here),
        says=says,
        back=address_of(filters_in(back)),
    )


def _late(
    request: Request, here: Here, occasion: str, key: str, error: FirstError, typed: Mapping[str, str], back: str
) -> HTMLResponse:
    """Who was first, and what the two did: theirs stands unless one decides anew."""
    found = _queued(here, occasion)
    named = naming(here.live.current().organisations)
    return page(
        request,
        "review-first.html",
        status=409,
        occasion=found.occasion,
        pairing=shown(_one(found, key), named),
        says=str(error),
        theirs=facts_of(error.now),
        yours={"do": typed["do"], "why": mask(typed["why"]), "says": mask(typed["says"])},
        typed=typed,
        back=address_of(filters_in(back)),
    )


def _coordinators(here: Here) -> dict[str, str]:
    with here.database.read() as connection:
        found = people.with_access(connection, Access.COORDINATOR, Access.ADMINISTRATOR)
    return {one.id: one.name or "A coordinator without a name" for one in found}


def _status(error: Exception) -> int:
    if isinstance(error, (UnknownOccasionError, UnknownPairingError)):
        return 404
    return 409 if isinstance(error, (occasions.ClosedError, rounds.StaleError)) else 422

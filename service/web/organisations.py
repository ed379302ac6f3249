"""An organisation's pages: what others may see of it, and what its own people see to: profile, people, pauses."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from matcher.network import Network
from matcher.records import Exclusion, Kind, Organisation, OrganisationId, Standing, Visibility
from matcher.vocabulary import Vocabulary
from service import columns, listing, membering
from service.asking import UnknownOrganisationError, find_organisation
from service.entering import ON_BEHALF, ChangedError, RefusedError
from service.membering import LastPersonError
from service.store import confirmations, events, members, people, rounds
from service.store.members import Stored
from service.web import access, forms, limits, revealing
from service.web.access import Acting, Coordinator, Here, Member, Visitor
from service.web.forms import Sent
from service.web.pages import Current
from service.web.presenting import Portrait, body, cards, long_date, naming, portrait, week_in_words
from service.web.rendering import page
from service.wiring import Commonweal

router = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.checked_form)]
)

LABELS = {
    "name": "Name",
    "description": "What you do",
    "places": "Where",
    "sectors": "Sector",
    "size": "Size",
    "roles": "Roles in a partnership",
    "attention_cap": "Suggestions a week about your offers",
    "excludes": "Whom you will not meet",
}
DONE = {
    "profile": "Your profile is saved.",
    "paused": "You are paused: no suggestions and no digests until then.",
    "paused-before": "Nothing was changed: the pause stands as it did.",
    "resumed": "The pause is over.",
    "not-paused": "There was no pause any more.",
    "added": "Added. An email says so to them.",
    "known": "This person acts for it already.",
    "removed": "Removed: this person acts for it no more.",
    "not-there": "This person did not act for it any more.",
    "digest": "Saved.",
}
"""What is said on the page that follows, by what was done."""
WEEKS = {2: "For two weeks", 4: "For four weeks"}
SPARE = 2  # empty rows for whom one will not meet
MOST_NAMES = 500


def stored_organisation(here: Commonweal, organisation: OrganisationId) -> Stored[Organisation]:
    """The organisation that somebody may act for; where there is none of this id, no such page."""
    with here.database.read() as connection:
        found = members.organisation(connection, organisation)
    if found is None:
        raise HTTPException(404, "There is no page at this address.")
    return found


def common(here: Commonweal, known: Visitor, organisation: Organisation, done: str = "") -> dict[str, Any]:
    """What each page of an organisation's own shows at its head."""
    return {
        "organisation": body(organisation),
        "is_on_behalf": organisation.id not in known.acts_for,
        "done": DONE.get(done, ""),
    }


def back(organisation: OrganisationId, part: str, done: str, **about: str) -> RedirectResponse:
    """On to a page of the organisation's own that says what was done, and about what."""
    path = body(Organisation(id=organisation, name="")).path
    return RedirectResponse(f"{path}/{part}?{urlencode({'done': done, **about})}", 303)


@router.get("/organisations/{organisation:path}/edit")
def edit(
    request: Request, here: Here, known: Member, organisation: Acting, done: str = "", shown: str = ""
) -> HTMLResponse:
    """The profile, to be changed."""
    stored = stored_organisation(here, organisation)
    cells = columns.cells(stored.record)
    if revealing.is_to_be_asked(here, known, organisation, _edit_path(organisation), shown, cells.values()):
        return page(request, "reveal.html", of=body(stored.record), action=f"{body(stored.record).path}/edit/show")
    return _profile(request, here, known, stored, cells, done=done)


def _edit_path(organisation: OrganisationId) -> str:
    return f"/organisations/{organisation}/edit"


@router.post("/organisations/{organisation:path}/edit/show")
def show_profile(here: Here, known: Coordinator, organisation: Acting) -> Response:
    """Lets a coordinator edit what holds contact details, for a while, and records that."""
    path = _edit_path(stored_organisation(here, organisation).record.id)
    return RedirectResponse(revealing.reveal(here, known, path, "Looked at the profile to edit it.", organisation), 303)


@router.post("/organisations/{organisation:path}/edit")
def change(request: Request, here: Here, known: Member, organisation: Acting, sent: Sent) -> Response:
    stored = stored_organisation(here, organisation)
    typed, wrong = _typed(here, sent)
    faults = {"excludes": wrong} if wrong else {}
    try:
        if not faults:
            revision = forms.number(forms.text(sent, "revision"))
            membering.change(here, known.person, organisation, revision, typed)
            return back(organisation, "edit", "profile")
    except RefusedError as error:
        faults = error.faults
    except ChangedError as error:
        return _profile(request, here, known, error.stored, typed, sent=sent, is_changed=True, status=409)
    return _profile(request, here, known, stored, typed, sent=sent, faults=faults, status=422)


def _typed(here: Commonweal, sent: FormData) -> tuple[dict[str, str], str]:
    """The form as cells, and what is wrong with whom they will not meet: in cells they go by ids."""
    with here.database.read() as connection:
        organisations = {id_: one.record for id_, one in members.organisations(connection).items()}
    excludes, wrong = [], ""
    for what, why in _rows(sent):
        try:
            told = why.replace("(", "[").replace(")", "]")
            excludes.append(Exclusion(_meant(what, here.core.vocabulary, organisations), " ".join(told.split())))
        except UnknownOrganisationError:
            wrong = f"No sector, role or organisation is called “{what}”."
    cells = {name: forms.text(sent, name) for name in ("name", "description", "size", "attention_cap")}
    cells |= {name: forms.several(sent, name) for name in ("places", "sectors", "roles")}
    excluded = columns.cells(Organisation(id=OrganisationId("x"), name="", excludes=tuple(excludes)))["excludes"]
    return cells | {"excludes": excluded}, wrong


def _rows(sent: FormData) -> list[tuple[str, str]]:
    """Whom they will not meet as typed, with why."""
    rows = zip(forms.texts(sent, "excludes_what"), forms.texts(sent, "excludes_why"), strict=False)
    return [(what.strip(), why.strip()) for what, why in rows if what.strip()]


def _exclusions(vocabulary: Vocabulary) -> dict[str, str]:
    """What an exclusion of a kind is called, by its key."""
    sectors = {f"sector:{key}": f"{term.name} (sector)" for key, term in vocabulary.sectors.items()}
    return sectors | {f"role:{key}": f"{term.name} (role)" for key, term in vocabulary.roles.items()}


def _meant(what: str, vocabulary: Vocabulary, organisations: dict[OrganisationId, Organisation]) -> str:
    """The key of a sector or role, or an organisation's id. Raises UnknownOrganisationError."""
    for key, name in _exclusions(vocabulary).items():
        if what.casefold() in (key, name.casefold(), name.rsplit(" (", 1)[0].casefold()):
            return key
    return find_organisation(organisations, what).id


def _profile(
    request: Request,
    here: Commonweal,
    known: Visitor,
    stored: Stored[Organisation],
    cells: dict[str, str],
    *,
    sent: FormData | None = None,
    faults: dict[str, str] | None = None,
    is_changed: bool = False,
    status: int = 200,
    done: str = "",
) -> HTMLResponse:
    vocabulary = here.core.vocabulary
    with here.database.read() as connection:
        every = members.organisations(connection)
        by_others = [one for one in events.about(connection, stored.record.id) if one.what == ON_BEHALF]
    named = _exclusions(vocabulary) | {id_: one.record.name for id_, one in every.items()}
    rows = _rows(sent) if sent else [(named.get(one.what, one.what), one.why) for one in stored.record.excludes]
    proposed = sorted(one.record.name for one in every.values() if one.record.standing is Standing.MEMBER)
    size = vocabulary.sizes.get(stored.record.size)
    return page(
        request,
        "organisation-edit.html",
        status=status,
        **common(here, known, stored.record, done),
        labels=LABELS,
        cells=cells,
        values={name: forms.parts(cells[name]) for name in ("places", "sectors", "roles")},
        faults=faults or {},
        revision=stored.revision,
        differences=forms.differences(columns.cells(stored.record), cells, LABELS) if is_changed else None,
        sectors=forms.options(vocabulary.sectors, stored.record.sectors),
        sizes=forms.options(vocabulary.sizes, [stored.record.size]),
        roles=forms.options(vocabulary.roles, stored.record.roles),
        usual_cap=size.attention_cap if size else 3,
        excludes=rows + [("", "")] * SPARE,
        whom=[*_exclusions(vocabulary).values(), *proposed[:MOST_NAMES]],
        by_others=[(long_date(one.at.date()), one.says) for one in by_others[:5]],
    )


@router.get("/organisations/{organisation:path}/people")
def all_people(
    request: Request, here: Here, known: Member, organisation: Acting, done: str = "", shown: str = ""
) -> HTMLResponse:
    """Who acts for it: its own people see their addresses, and a coordinator who asked for them."""
    return _people(request, here, known, organisation, shown=shown, done=done)


def _people(
    request: Request,
    here: Commonweal,
    known: Visitor,
    organisation: OrganisationId,
    *,
    faults: dict[str, str] | None = None,
    says: str = "",
    typed: tuple[str, str] = ("", ""),
    shown: str = "",
    status: int = 200,
    done: str = "",
) -> HTMLResponse:
    stored = stored_organisation(here, organisation)
    with here.database.read() as connection:
        acting = people.of(connection, organisation)
    are_shown = organisation in known.acts_for or revealing.is_shown(here, known, _people_path(organisation), shown)
    return page(
        request,
        "organisation-people.html",
        status=status,
        **common(here, known, stored.record, done),
        acting=acting if are_shown else [replace(one, person=replace(one.person, name="", email="")) for one in acting],
        are_shown=are_shown,
        faults=faults or {},
        says=says,
        name=typed[0],
        email=typed[1],
    )


@router.post("/organisations/{organisation:path}/people")
def add_person(request: Request, here: Here, known: Member, organisation: Acting, sent: Sent) -> Response:
    stored_organisation(here, organisation)
    name, email = forms.text(sent, "name"), forms.text(sent, "email")
    limits.check(request, "add a person", "40/day", key=people.address(email), per_key="3/day")  # it sends a mail
    try:
        is_new = membering.add_person(here, known.person, organisation, email, name)
    except RefusedError as error:
        faults = error.faults
        return _people(request, here, known, organisation, faults=faults, typed=(name, email), status=422)
    return back(organisation, "people", "added" if is_new else "known")


@router.post("/organisations/{organisation:path}/people/remove")
def remove_person(request: Request, here: Here, known: Member, organisation: Acting, sent: Sent) -> Response:
    """Of two at once that leave nobody behind, the second is told."""
    person = forms.text(sent, "person")
    try:
        is_removed = membering.remove_person(here, known.person, organisation, person)
    except LastPersonError as error:
        return _people(request, here, known, organisation, says=str(error), status=409)
    if is_removed and person == known.person.id and not known.is_coordinator:
        return RedirectResponse("/", 303)
    return back(organisation, "people", "removed" if is_removed else "not-there")


@router.post("/organisations/{organisation:path}/people/digest")
def choose_digest(here: Here, known: Member, organisation: Acting, sent: Sent) -> Response:
    digest = forms.text(sent, "digest") == "true"
    is_kept = membering.choose_digest(here, organisation, forms.text(sent, "person"), digest=digest)
    return back(organisation, "people", "digest" if is_kept else "not-there")


@router.post("/organisations/{organisation:path}/contact")
def show_contact(here: Here, known: Coordinator, organisation: str) -> Response:
    """Shows a coordinator whom to write to, for a while, and records that it did."""
    id_ = stored_organisation(here, OrganisationId(organisation)).record.id
    return RedirectResponse(revealing.reveal(here, known, _people_path(id_), "Looked at who acts for it.", id_), 303)


def _people_path(organisation: OrganisationId) -> str:
    return f"/organisations/{organisation}/people"


@router.get("/organisations/{organisation:path}/pause")
def pausing(request: Request, here: Here, known: Member, organisation: Acting, done: str = "") -> HTMLResponse:
    return _pausing(request, here, known, organisation, done=done)


def _pausing(
    request: Request,
    here: Commonweal,
    known: Visitor,
    organisation: OrganisationId,
    *,
    faults: dict[str, str] | None = None,
    typed: tuple[str, str] | None = None,
    status: int = 200,
    done: str = "",
) -> HTMLResponse:
    """The form shows the pause that stands, unless something was typed: sent as it is, it changes nothing."""
    stored = stored_organisation(here, organisation)
    with here.database.read() as connection:
        lasting = membering.paused(connection, organisation, here.now().date())
    standing = (lasting.until.isoformat() if lasting.until else "", lasting.why) if lasting else ("", "")
    return page(
        request,
        "organisation-pause.html",
        status=status,
        **common(here, known, stored.record, done),
        pause=lasting,
        until=long_date(lasting.until) if lasting and lasting.until else "",
        labels={"until": "Up to and including"},
        weeks=WEEKS,
        faults=faults or {},
        typed_until=(typed or standing)[0],
        typed_why=(typed or standing)[1],
    )


@router.post("/organisations/{organisation:path}/pause")
def pause(request: Request, here: Here, known: Member, organisation: Acting, sent: Sent) -> Response:
    stored_organisation(here, organisation)
    until, why = forms.text(sent, "until"), forms.text(sent, "why")[:500]
    if (weeks := forms.number(forms.text(sent, "weeks"))) in WEEKS:
        until = (here.now().date() + timedelta(weeks=weeks, days=-1)).isoformat()
    try:
        is_new = membering.pause(here, known.person, organisation, until, why)
    except RefusedError as error:
        return _pausing(request, here, known, organisation, faults=error.faults, typed=(until, why), status=422)
    return back(organisation, "pause", "paused" if is_new else "paused-before")


@router.post("/organisations/{organisation:path}/resume")
def resume(here: Here, known: Member, organisation: Acting) -> Response:
    is_resumed = membering.resume(here, known.person, organisation)
    return back(organisation, "pause", "resumed" if is_resumed else "not-paused")


@router.get("/organisations/{organisation:path}")
def organisation(request: Request, here: Here, known: Member, network: Current, organisation: str) -> HTMLResponse:
    """One organisation, as far as the visitor may see it."""
    found = network.organisations.get(OrganisationId(organisation))
    is_own = found is not None and found.id in known.acts_for
    if found is None or not (known.is_coordinator or is_own or found.standing is Standing.MEMBER):
        raise HTTPException(404, "No organisation is listed under this address.")
    today = here.now().date()
    with here.database.read() as connection:
        resting = confirmations.resting(connection, today)
        lasting = membering.paused(connection, found.id, today)
        round_ = rounds.load(connection, rounds.week_of(today)) if known.is_coordinator else None
    is_released = round_ is not None and round_.released_at is not None
    released = round_.suggestions if round_ and is_released else ()
    named = naming(network.organisations)
    shown = portrait(found, network, today)
    shown = replace(shown, not_open=tuple(one for one in shown.not_open if one.text != listing.REMOVED))
    return page(
        request,
        "organisation.html",
        portrait=shown if known.is_coordinator or is_own else _for_others(shown, network, resting),
        resting=resting,
        may_act=known.may_act_for(found.id),
        is_own=is_own,
        pause=lasting,
        until=long_date(lasting.until) if lasting and lasting.until else "",
        week=week_in_words(rounds.week_of(today), is_released=True) if is_released else None,
        asked=cards([one for one in released if one.need.organisation == found.id], named, read_as=Kind.NEED),
        given=cards([one for one in released if one.offer.organisation == found.id], named, read_as=Kind.OFFER),
    )


def _for_others(whole: Portrait, network: Network, resting: frozenset[Any]) -> Portrait:
    """What other members may see: what is open to all, and is not resting."""
    may_see = tuple(
        one
        for one in whole.open
        if one.listing not in resting and network.listings[one.listing].visibility is Visibility.NETWORK  # type: ignore[index]
    )
    return replace(whole, open=may_see, not_open=())

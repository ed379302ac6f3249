"""The form of a need or an offer, with whom it could meet and what would make it clearer while one writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from matcher.eligibility import NETWORK_RULES, RULES
from matcher.hints import hints
from matcher.records import Kind, Listing, ListingId, OrganisationId, Visibility
from service import casedata, columns, entering, listing
from service.asking import LONGEST_TEXT, meet
from service.casedata import Found
from service.cells import plain_lines
from service.entering import Cells, ChangedError, RefusedError
from service.listing import FIELDS, TEXTS, UnseenError
from service.store import members
from service.store.members import Stored
from service.web import access, forms, limits, revealing
from service.web.access import Acting, Coordinator, Here, Member, Visitor
from service.web.forms import Sent
from service.web.listings import Own, path_of
from service.web.organisations import back, common, stored_organisation
from service.web.presenting import Card, body, cards, district, naming
from service.web.rendering import page
from service.wiring import Commonweal

router = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.checked_form)]
)

LABELS = {
    "kind": "Need or offer?",
    "text": "In your own words",
    "resource": "Kind of resource",
    "themes": "What it is about",
    "places": "Where",
    "remote": "At a distance",
    "capacity": "How many partners",
    "opens": "From",
    "closes": "Until",
    "evidence": "What shows that it works",
    "gain": "What a partner gets",
    "visibility": "Who may see it",
}
KINDS = ((Kind.NEED, "A need", "you ask for something"), (Kind.OFFER, "An offer", "you have something to give"))
VISIBILITIES = (
    (Visibility.NETWORK, "Every member", "they can find it, and it is suggested to some"),
    (Visibility.PARTNERS, "Only those it is suggested to", "nobody finds it by looking"),
    (Visibility.COORDINATORS, "Only coordinators", "it is suggested to nobody"),
)
SHOWN = 3
"""Suggestions shown while writing."""
LOOKS = "120/minute"
NEW = columns.cells(Listing(id=ListingId("new"), organisation=OrganisationId("new"), kind=Kind.NEED, text=""))


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form: of a listing that is stored, or of a new one."""

    cells: Cells
    stored: Stored[Listing] | None = None

    @property
    def action(self) -> str:
        return f"{path_of(self.stored.record.id)}/edit" if self.stored else ""


@dataclass(frozen=True, slots=True)
class Look:
    """Whom the draft could meet now, what would make it clearer, and what of it is about a particular person."""

    cards: tuple[Card, ...] = ()
    hints: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    says: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    """One text of the form, cut where it seems to be about a particular person: stretches, each with its sign."""

    label: str
    runs: tuple[tuple[str, str], ...]


@router.get("/organisations/{organisation:path}/listings/new")
def new(request: Request, here: Here, known: Member, organisation: Acting) -> HTMLResponse:
    """An empty form, or one that an address filled in."""
    given = {name: value for name in NEW if (value := request.query_params.get(name, ""))}
    return _form(request, here, known, organisation, Draft({**NEW, **given}))


@router.post("/organisations/{organisation:path}/listings/new")
def add(request: Request, here: Here, known: Member, organisation: Acting, sent: Sent) -> Response:
    stored_organisation(here, organisation)
    draft = Draft(_typed(sent))
    try:
        added = listing.add(here, known.person, organisation, draft.cells, _looked(sent))
    except RefusedError as error:
        return _form(request, here, known, organisation, draft, faults=error.faults, status=422)
    except UnseenError as error:
        return _form(request, here, known, organisation, draft, unseen=error, status=422)
    return back(organisation, "listings", "added", listing=added)


@router.get("/listings/{listing:path}/edit")
def edit(request: Request, here: Here, known: Member, stored: Own, shown: str = "") -> HTMLResponse:
    draft, whose = Draft(columns.cells(stored.record), stored), stored.record.organisation
    if revealing.is_to_be_asked(here, known, whose, _edit_path(stored.record), shown, draft.cells.values()):
        of = body(stored_organisation(here, whose).record)
        return page(request, "reveal.html", of=of, action=f"{path_of(stored.record.id)}/edit/show")
    return _form(request, here, known, whose, draft)


def _edit_path(listing: Listing) -> str:
    return f"/listings/{listing.id}/edit"


@router.post("/listings/{listing:path}/edit/show")
def show(here: Here, known: Coordinator, stored: Own) -> Response:
    """Lets a coordinator edit what holds contact details, for a while, and records that."""
    says = f"Looked at {stored.record.id} to edit it."
    path = _edit_path(stored.record)
    return RedirectResponse(revealing.reveal(here, known, path, says, stored.record.organisation), 303)


@router.post("/listings/{listing:path}/edit")
def change(request: Request, here: Here, known: Member, stored: Own, sent: Sent) -> Response:
    organisation = stored.record.organisation
    draft = Draft(_typed(sent) | {"kind": str(stored.record.kind)}, stored)
    revision = forms.number(forms.text(sent, "revision"))
    try:
        listing.change(here, known.person, stored.record.id, revision, draft.cells, _looked(sent))
    except RefusedError as error:
        return _form(request, here, known, organisation, draft, faults=error.faults, revision=revision, status=422)
    except UnseenError as error:
        return _form(request, here, known, organisation, draft, unseen=error, revision=revision, status=422)
    except ChangedError as error:
        now = Draft(draft.cells, error.stored)
        return _form(request, here, known, organisation, now, is_changed=True, status=409)
    return back(organisation, "listings", "changed")


@router.post("/organisations/{organisation:path}/listings/look")
def look(request: Request, here: Here, known: Member, organisation: Acting, sent: Sent) -> Response:
    """Whom it could meet as it stands in the form, and nothing is stored. A script asks for that part of it alone."""
    limits.check(request, "look", per_client=LOOKS)
    stored = _edited(here, organisation, forms.text(sent, "listing"))
    draft = Draft(_typed(sent) | ({"kind": str(stored.record.kind)} if stored else {}), stored)
    seen = _look(request, here, known, organisation, draft)
    if forms.text(sent, "part"):
        return page(request, "look.html", look=seen, kind=draft.cells["kind"])
    revision = forms.number(forms.text(sent, "revision")) if stored else None
    return _form(request, here, known, organisation, draft, look=seen, revision=revision)


def _edited(here: Commonweal, organisation: OrganisationId, listing_id: str) -> Stored[Listing] | None:
    """The stored listing that the form is about; None for a new one."""
    if not listing_id:
        return None
    with here.database.read() as connection:
        stored = members.listing(connection, ListingId(listing_id))
    if stored is None or stored.record.organisation != organisation:
        raise HTTPException(404, "There is no page at this address.")
    return stored


def _typed(sent: FormData) -> dict[str, str]:
    """The form as cells."""
    several = {name: forms.several(sent, name) for name in ("themes", "places")}
    remote = {"remote": "yes" if forms.text(sent, "remote") else "no"}
    return {name: forms.text(sent, name) for name in FIELDS} | several | remote


def _looked(sent: FormData) -> str:
    return forms.text(sent, "looked") if forms.text(sent, "has_looked") else ""


def _look(request: Request, here: Commonweal, known: Visitor, organisation: OrganisationId, draft: Draft) -> Look:
    read = _readable(here, organisation, draft)
    if read is None:
        return Look(says="Write a sentence first, and say whether it is a need or an offer.")
    owner = stored_organisation(here, organisation).record
    clearer = hints(read, here.core.vocabulary, has_home=bool(owner.places))
    texts = {name: str(getattr(read, name)) for name in TEXTS}
    refused = tuple(dict.fromkeys(casedata.refused(texts).values()))
    found = dict.fromkeys(one.sign for text in texts.values() for one in casedata.signs(text))
    signs = tuple(str(sign) for sign in found if sign not in casedata.REFUSED)
    if not request.app.state.warming.is_ready:
        return Look(
            hints=clearer, signs=signs, refused=refused, says="Whom it could meet is known in a moment: try again."
        )
    network = here.live.current()
    rules = RULES if known.is_coordinator else NETWORK_RULES
    met = meet(here, network, read, rules=rules, limit=SHOWN)
    shown = cards(met, naming(network.organisations), read_as=read.kind)
    return Look(shown, clearer, signs, refused)


def _readable(here: Commonweal, organisation: OrganisationId, draft: Draft) -> Listing | None:
    """The draft as a listing, without the fields that do not hold; None where there is no text or kind yet."""
    cells = {"organisation": organisation, **draft.cells}
    for _ in range(2):
        try:
            if len(cells.get("text", "")) > LONGEST_TEXT:
                return None
            read: Listing = entering.read(cells, here.core.vocabulary)
        except RefusedError as error:
            if error.faults.keys() & {"text", "kind"}:
                return None
            cells = {name: cell for name, cell in cells.items() if name not in error.faults}
        else:
            id_ = draft.stored.record.id if draft.stored else ListingId("draft")
            return replace(read, id=id_)
    return None


def _form(
    request: Request,
    here: Commonweal,
    known: Visitor,
    organisation: OrganisationId,
    draft: Draft,
    *,
    faults: Mapping[str, str] | None = None,
    unseen: UnseenError | None = None,
    look: Look | None = None,
    is_changed: bool = False,
    revision: int | None = None,
    status: int = 200,
) -> HTMLResponse:
    vocabulary = here.core.vocabulary
    owner = stored_organisation(here, organisation)
    stored, cells = draft.stored, draft.cells
    before = columns.cells(stored.record) if stored else {}
    return page(
        request,
        "listing.html",
        status=status,
        **common(here, known, owner.record),
        action=draft.action or f"{common(here, known, owner.record)['organisation'].path}/listings/new",
        listing=stored.record.id if stored else "",
        kind_in_words=str(stored.record.kind) if stored else "",
        revision=revision if revision is not None else stored.revision if stored else "",
        cells=cells,
        themes=forms.parts(cells["themes"]),
        places="\n".join(forms.parts(cells["places"])),
        labels=LABELS,
        faults=faults or {},
        marked=_marked(cells, unseen.signs) if unseen else (),
        looked=unseen.looked if unseen else "",
        is_bare=unseen is not None and unseen.is_bare,
        look=look,
        differences=forms.differences(before, cells, LABELS) if is_changed else None,
        kinds=KINDS,
        resources=forms.options(vocabulary.resources, [cells["resource"]] if stored else ()),
        all_themes=forms.options(vocabulary.themes, stored.record.themes if stored else ()),
        visibilities=VISIBILITIES,
        longest=LONGEST_TEXT,
        home=", ".join(map(district, owner.record.places)),
    )


def _marked(cells: Cells, signs: Mapping[str, Sequence[Found]]) -> tuple[Marked, ...]:
    return tuple(Marked(LABELS[name], tuple(_runs(plain_lines(cells[name]).strip(), of))) for name, of in signs.items())


def _runs(text: str, signs: Sequence[Found]) -> list[tuple[str, str]]:
    runs, at = [], 0
    for one in signs:
        runs += [(text[at : one.start], ""), (text[one.start : one.end], str(one.sign))]
        at = one.end
    return [run for run in [*runs, (text[at:], "")] if run[0]]

"""The API: the same question as on the first page, asked by a program."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from matcher.eligibility import NETWORK_RULES, RULES
from matcher.network import Network
from matcher.records import About, Kind, OrganisationId, Strength
from service import signin
from service.asking import (
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_SUGGESTIONS,
    UnknownOrganisationError,
    ask,
    find_organisation,
)
from service.store import people, tokens
from service.store.people import Access
from service.web.access import Here
from service.web.pages import Current
from service.web.presenting import Card, cards, naming

router = APIRouter()

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_NAME)]

ASKED: dict[str, JsonValue] = {
    "text": "Volunteers to call on older people who live alone.",
    "as": "need",
    "place": "Leeds",
    "limit": 3,
}
NEED_CLAUSE = "Volunteers to call on older people who live alone"
OFFER_CLAUSE = "Forty trained volunteers telephone older people every morning"


class Question(BaseModel):
    """What to ask."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [ASKED]})

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT)] = Field(
        description="The need or the offer, in plain words. A sentence or two say more than keywords."
    )
    asked_as: Literal["need", "offer"] = Field(
        default="need", alias="as", description="`need` finds offers and profiles, `offer` finds needs."
    )
    organisation: Name = Field(
        default="",
        description="Who asks: an organisation's id, or its whole name. Its own listings, and whom it must not meet, "
        "are then left out, and its places count where none is given. A member's token asks for the member's own "
        "organisation, which need not be named where it is the only one.",
    )
    place: Name = Field(default="", description="Where it is: a town, a county, a region or a postcode district.")
    limit: int = Field(default=10, ge=1, le=MOST_SUGGESTIONS, description="The most suggestions to answer with.")


class Shown(BaseModel):
    """Answers are made from what pages show: contact details are masked there."""

    model_config = ConfigDict(from_attributes=True)


class Organisation(Shown):
    """An organisation by name. Contact details are never part of an answer."""

    id: str = Field(description="Its page is `/organisations/{id}`.", examples=["harbour-volunteers"])
    name: str = Field(examples=["Harbour Volunteers"])
    standing: str = Field(description="How far it has joined, in words.", examples=["member"])


class Reason(Shown):
    """One sentence for people, and what it is about."""

    about: About = Field(examples=["clauses"])
    says: str = Field(examples=[f"“{NEED_CLAUSE}” meets “{OFFER_CLAUSE}”."])
    need_clause: str = Field(description="With `clauses`: the need's phrase that meets.", examples=[NEED_CLAUSE])
    offer_clause: str = Field(description="With `clauses`: the offer's phrase that meets.", examples=[OFFER_CLAUSE])


class Suggestion(Shown):
    """A need and an offer worth an introduction, seen from the side that asked."""

    organisation: Organisation = Field(description="The other side.")
    kind: Kind = Field(
        description="What the other side listed; a `profile` was read from a description and has not been offered: ask."
    )
    listing: str = Field(description="Id of what is listed.", examples=["harbour-volunteers-o1"])
    text: str = Field(description="In its organisation's words, contact details hidden.", examples=[f"{OFFER_CLAUSE}."])
    places: list[str] = Field(description="Postcodes as districts only.", examples=[["Leeds", "LS3"]])
    strength: Strength = Field(description="Fit in words: show people this. `weak` is a near miss.")
    fit: float = Field(
        ge=0, le=1, description="0-1, comparable between questions: to sort and count by.", examples=[0.73]
    )
    reasons: list[Reason] = Field(description="Why these two.")
    mismatches: list[Reason] = Field(description="What does not fit, or is not known.", examples=[[]])
    cautions: list[Reason] = Field(description="What to mind, such as a statutory duty.", examples=[[]])


class Answer(Shown):
    """Suggestions, best first."""

    suggestions: list[Suggestion] = Field(description="Best first; empty where nothing comes near.")
    notes: list[str] = Field(description="About the question, such as a place nobody knows.", examples=[[]])
    revision: int = Field(description="The revision of the store that answered.", examples=[12])


class Fault(BaseModel):
    """One field that is wrong."""

    field: str = Field(examples=["limit"])
    says: str = Field(examples=["Input should be less than or equal to 50"])


class Problem(BaseModel):
    """Why there is no answer, and what to do."""

    detail: str = Field(examples=["The question cannot be read: limit: Input should be less than or equal to 50"])
    faults: list[Fault] = Field(default=[], description="With 422: each field that is wrong.")


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no text in UTF-8."},
    401: {"model": Problem, "description": "No token, or one that does not work (any more)."},
    404: {"model": Problem, "description": "No such organisation; `detail` names the nearest ids."},
    422: {"model": Problem, "description": "The question cannot be read; `faults` says field by field why."},
    503: {"model": Problem, "description": "Not ready yet, or the database is in use: try again in a few seconds."},
}


bearer = HTTPBearer(auto_error=False, description="A token that `commonweal user token` printed.")


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a program asks: coordinators see all, others what the members they act for may see."""

    acts_for: tuple[OrganisationId, ...]
    sees_all: bool


def caller(here: Here, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Caller:
    """Whoever's token it is. A browser that is signed in is nobody here: other sites could make it ask."""
    if given is None:
        says = "Send a token of yours: Authorization: Bearer TOKEN. `commonweal user token` makes one."
        raise HTTPException(401, says, {"WWW-Authenticate": "Bearer"})
    with here.database.read() as connection:
        person = tokens.holder(connection, given.credentials)
        acts_for = people.acts_for(connection, person.id) if person else ()
    if person is None or not signin.may_sign_in(person, acts_for):
        says = "This token does not work, or not any more."
        raise HTTPException(401, says, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return Caller(acts_for, sees_all=person.access is not Access.MEMBER)


@router.post(
    "/api/v1/match",
    tags=["matching"],
    summary="Match a need or an offer",
    response_description="Whom it could meet.",
    responses=PROBLEMS,
)
def match(question: Question, here: Here, asks: Annotated[Caller, Depends(caller)], network: Current) -> Answer:
    """Whom a need or an offer could meet today, best first, with reasons, what does not fit and what to mind.

    A coordinator's token sees every listing, a member's those that members may see. Nothing is stored and nobody is
    told. The same question gives the same answer until the store changes.
    """
    kind = Kind(question.asked_as)
    rules = RULES if asks.sees_all else NETWORK_RULES
    try:
        organisation = question.organisation if asks.sees_all else _own(question.organisation, asks, network)
        answer = ask(here, question.text, kind, organisation, question.place, question.limit, rules)
    except UnknownOrganisationError as error:
        raise HTTPException(404, str(error)) from None
    shown = cards(answer.suggestions, naming(network.organisations), read_as=kind)
    return Answer(
        suggestions=[_suggestion(card) for card in shown],
        notes=[note.says for note in answer.notes],
        revision=answer.revision,
    )


def _own(wanted: str, asks: Caller, network: Network) -> str:
    """The member's own organisation of this id or name; others are not known to it by asking."""
    own = {id_: network.organisations[id_] for id_ in asks.acts_for if id_ in network.organisations}
    if not wanted:
        return next(iter(own)) if len(own) == 1 else ""
    return find_organisation(own, wanted).id


def _suggestion(card: Card) -> Suggestion:
    return Suggestion(
        organisation=Organisation.model_validate(card.theirs.organisation),
        kind=card.theirs.kind,
        listing=card.theirs.listing,
        text=card.theirs.text,
        places=list(card.theirs.places),
        strength=card.strength,
        fit=round(card.fit, 4),
        reasons=[Reason.model_validate(one) for one in card.reasons],
        mismatches=[Reason.model_validate(one) for one in card.mismatches],
        cautions=[Reason.model_validate(one) for one in card.cautions],
    )


class Ready(BaseModel):
    """Indexes are warm."""

    ready: Literal[True] = True
    revision: int = Field(description="The store's newest revision.", examples=[12])
    listings: int = Field(description="How many needs and offers are listed.", examples=[475])


@router.get(
    "/healthz",
    tags=["operation"],
    summary="Whether questions can be answered",
    response_description="Questions are answered at once.",
    responses={503: {"model": Problem, "description": "Indexes are being made, or the database cannot be read."}},
)
def healthz(network: Current) -> Ready:
    """For monitors and load balancers: 200 once indexes are warm and the store can be read, 503 otherwise."""
    return Ready(revision=network.revision, listings=len(network.listings))


def faults_in(errors: Iterable[Any]) -> list[Fault]:
    """What pydantic objects to, without what was typed."""
    return [
        Fault(
            field=".".join(map(str, error["loc"][1:])) or "body", says=str(error["msg"]).removeprefix("Value error, ")
        )
        for error in errors
    ]

"""What coordinators look at: ask, rounds. Each page only reads."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse

from matcher.network import Network
from matcher.records import Kind, Strength
from service.asking import LONGEST_NAME, LONGEST_TEXT, Note, UnknownOrganisationError, ask
from service.store import rounds
from service.web import access
from service.web.access import Coordinator, Here
from service.web.presenting import (
    Body,
    Card,
    Group,
    Named,
    RoundShown,
    body,
    cards,
    naming,
    question_path,
    round_shown,
    week_in_words,
)
from service.web.rendering import page
from service.web.warming import NotReadyError
from service.wiring import Commonweal

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

MOST_NAMES = 500  # organisations the form proposes; any other can be typed
NEWEST = 3
OPENED = 3  # groups that are open without being asked for, where a name finds so few
LETTERED = 12  # groups from which on their first letters lead to them
EXAMPLES = (
    (
        Kind.NEED,
        "We need a dry ground-floor room, two evenings a week, where volunteers can teach people to mend bikes.",
    ),
    (Kind.NEED, "Volunteers to call on older people who live alone and see nobody from one week to the next."),
    (Kind.OFFER, "Our minibus and its driver are free at weekends and in the school holidays."),
)


def warm_network(request: Request) -> Network:
    """The network as the store has it now. Raises NotReadyError while it is first read."""
    if not request.app.state.warming.is_ready:
        raise NotReadyError
    return access.running(request).live.current()


Current = Annotated[Network, Depends(warm_network)]


@dataclass(frozen=True, slots=True)
class Question:
    """What stands in the form."""

    text: str = ""
    kind: Kind = Kind.NEED
    organisation: str = ""
    place: str = ""

    @property
    def path(self) -> str:
        return question_path(self.text, self.kind, self.organisation, self.place)

    @property
    def refusal(self) -> str:
        """Why it cannot be asked; empty where it can."""
        if len(self.text) > LONGEST_TEXT:
            return (
                f"The text has {len(self.text):,} characters. Keep it to {LONGEST_TEXT:,}: the first paragraph will do."
            )
        if max(len(self.organisation), len(self.place)) > LONGEST_NAME:
            return f"An organisation or a place has at most {LONGEST_NAME} characters here."
        return ""


@dataclass(frozen=True, slots=True)
class Hint:
    """A sentence about the question, and the same question put better."""

    says: str
    instead: tuple[tuple[str, str], ...] = ()


@router.get("/ask")
def question(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    text: str = "",
    asked_as: Annotated[Literal["need", "offer"], Query(alias="as")] = "need",
    organisation: str = "",
    place: str = "",
) -> HTMLResponse:
    """The form; with a text in it, also whom that could meet."""
    asked = Question(text.replace("\r\n", "\n").strip(), Kind(asked_as), organisation.strip(), place.strip())
    shown, hints, status = _answered(here, network, asked)
    with here.database.read() as connection:
        weeks = list(rounds.weeks(connection).items())[:NEWEST]
    return page(
        request,
        "question.html",
        status=status,
        question=asked,
        cards=shown,
        hints=hints,
        longest=LONGEST_TEXT,
        names=_proposed_names(network),
        examples=[Question(example, kind) for kind, example in EXAMPLES],
        weeks=[week_in_words(week, is_released=is_released) for week, is_released in weeks],
    )


@lru_cache(maxsize=1)
def _proposed_names(network: Network) -> tuple[str, ...]:
    """Names for the form, masked and sorted once for each network rather than for each page."""
    return tuple(sorted(body(one).name for one in network.organisations.values())[:MOST_NAMES])


def _answered(here: Commonweal, network: Network, asked: Question) -> tuple[tuple[Card, ...] | None, list[Hint], int]:
    """Cards (None where nothing was asked, or it could not be), hints and the status of the answer."""
    if asked.refusal:
        return None, [Hint(asked.refusal)], 422
    if not asked.text:
        return None, [], 200
    named = naming(network.organisations)
    try:
        answer = ask(here, asked.text, asked.kind, asked.organisation or None, asked.place or None)
    except UnknownOrganisationError as error:
        return None, [_who_instead(named, asked, error)], 422
    hints = [_where_instead(asked, note) for note in answer.notes]
    return cards(answer.suggestions, named, read_as=asked.kind), hints, 200


def _who_instead(named: Named, asked: Question, error: UnknownOrganisationError) -> Hint:
    says = f"No organisation is called “{error.wanted}”."
    return Hint(says, tuple((one.name, replace(asked, organisation=one.id).path) for one in map(named, error.nearest)))


def _where_instead(asked: Question, note: Note) -> Hint:
    return Hint(note.says, tuple((place, replace(asked, place=place).path) for place in note.nearest))


@router.get("/rounds")
def all_rounds(request: Request, here: Here, known: Coordinator, network: Current) -> HTMLResponse:
    """Every week that has a round."""
    with here.database.read() as connection:
        weeks = rounds.weeks(connection)
    shown = [week_in_words(week, is_released=is_released) for week, is_released in weeks.items()]
    return page(request, "rounds.html", weeks=shown)


@router.get("/rounds/{week}")
def one_round(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    week: str,
    name: Annotated[str, Query(max_length=200)] = "",
    opened: Annotated[str, Query(alias="open")] = "",
) -> HTMLResponse:
    """One week's suggestions, by who asks; with `name` what is about organisations that have it in theirs."""
    _refuse_malformed(week)
    name, is_all_open = " ".join(name.split()), opened == "all"
    with here.database.read() as connection:
        round_ = rounds.load(connection, week)
        weeks = rounds.weeks(connection)
    if round_ is None:
        raise HTTPException(404, f"No round was proposed for {week}.")
    earlier = max((one for one in weeks if one < week), default=None)
    later = min((one for one in weeks if one > week), default=None)
    whole = round_shown(round_, network, here.settings.zone)
    shown = _about(whole, name) if name else whole
    return page(
        request,
        "round.html",
        round=shown,
        asking=len(whole.groups),
        name=name,
        is_all_open=is_all_open,
        is_open=is_all_open or (bool(name) and len(shown.groups) <= OPENED),
        letters=_letters(shown.groups) if len(shown.groups) >= LETTERED else (),
        strongest=_strongest,
        earlier=earlier and week_in_words(earlier, is_released=weeks[earlier]),
        later=later and week_in_words(later, is_released=weeks[later]),
    )


def _about(shown: RoundShown, name: str) -> RoundShown:
    """Of a round what is about organisations with this in their name: what they ask for, and where they are named."""

    def is_meant(who: Body) -> bool:
        return name.casefold() in who.name.casefold()

    meant = (
        replace(group, cards=tuple(one for one in group.cards if is_meant(one.theirs.organisation)))
        if not is_meant(group.organisation)
        else group
        for group in shown.groups
    )
    return replace(
        shown,
        groups=tuple(group for group in meant if group.cards),
        unmet=tuple(one for one in shown.unmet if is_meant(one.needs) or is_meant(one.offers)),
        passed_over=tuple(pair for pair in shown.passed_over if is_meant(pair[0])),
        no_room=tuple(pair for pair in shown.no_room if is_meant(pair[0])),
        nothing_fitted=tuple(pair for pair in shown.nothing_fitted if is_meant(pair[0])),
    )


def _letters(groups: Sequence[Group]) -> tuple[tuple[str, int], ...]:
    """The first letters of who asks, each with the number of the first group that begins with it, from 1."""
    first: dict[str, int] = {}
    for number, group in enumerate(groups, 1):
        letter = group.organisation.name[:1].upper()
        first.setdefault(letter if letter.isalpha() else "#", number)
    return tuple(first.items())


def _strongest(group: Group) -> str:
    return next(one for one in Strength if one in {card.strength for card in group.cards})


def _refuse_malformed(week: str) -> None:
    try:
        if not re.fullmatch(r"\d{4}-W\d{2}", week, re.ASCII):
            raise ValueError
        rounds.monday(week)
    except ValueError:
        raise HTTPException(422, "A round goes by its ISO week: write it like 2026-W48.") from None

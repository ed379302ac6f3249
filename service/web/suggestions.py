"""What was suggested to an organisation, and its replies."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from matcher.eligibility import COOL_DOWN
from matcher.records import OrganisationId
from service import introductions, telling
from service.introductions import AnsweredError, ClosedError, UnknownSuggestionError
from service.store import decisions, rounds, suggested
from service.store.database import Connection
from service.store.introductions import LAST, Answer, Via
from service.web import access, consent
from service.web.access import Here, Member, Visitor
from service.web.consent import REASONS, Done, Shown
from service.web.presenting import Body, long_date
from service.web.rendering import page
from service.wiring import Commonweal

router = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.checked_form)]
)
Text = Annotated[str, Form(max_length=introductions.LONGEST_WHY)]


WEEKS = COOL_DOWN
"""How far a page reaches back: nothing older can be agreed to, unless a side is asked of it still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What was suggested to one organisation: what waits for its reply, what it replied to this week, and the rest.

    `paused` is empty where it takes suggestions, `older` where there is nothing before these weeks; `for_them`: a
    coordinator reads this in its place.
    """

    organisation: Body
    waiting: tuple[Shown, ...]
    answered: tuple[Shown, ...]
    earlier: tuple[Shown, ...]
    older: str
    paused: str
    for_them: bool
    may_say_yes: bool

    @property
    def is_new(self) -> bool:
        return not (self.waiting or self.answered or self.earlier or self.older)


@router.get("/suggestions")
def every(request: Request, here: Here, known: Member, organisation: str = "", until: str = "") -> HTMLResponse:
    """What waits for a reply, and what was replied to, for each organisation that the reader acts for.

    `until` is a week: what was suggested in it and the eight before it.
    """
    if until and not _is_week(until):
        raise HTTPException(404, "There is no such week. A week is written like 2026-W48.")
    with here.database.read() as connection:
        groups = [_group(connection, known, one, here.now(), until) for one in sides_of(known, organisation)]
    acts = bool(known.acts_for or organisation)
    return page(request, "suggestions.html", groups=groups, reasons=REASONS, acts=acts, until=until)


def _is_week(typed: str) -> bool:
    """Whether it is a week of which a page can look back."""
    try:
        return rounds.monday(typed) - WEEKS >= date.min + WEEKS
    except (ValueError, OverflowError):
        return False


def _group(connection: Connection, known: Visitor, side: OrganisationId, now: datetime, until: str) -> Group:
    this_week = rounds.week_of(now.date())
    since = rounds.week_of(rounds.monday(until or this_week) - WEEKS)
    found = suggested.released_for(connection, side, since, until or LAST, or_asked=not until)
    reading = consent.reading(connection, side, found, now)
    shown = [consent.shown(each, reading, briefly=True) for each in found]
    waiting = tuple(one for one in shown if one.may_agree and not until)
    answered = tuple(one for one in shown if not one.may_agree and one.week.week == this_week)
    return Group(
        organisation=reading.named(side),
        waiting=waiting,
        answered=answered,
        earlier=tuple(one for one in shown if one not in waiting and one not in answered),
        older=_older(connection, side, since),
        paused=_paused(connection, side, now.date()),
        for_them=side not in known.acts_for,
        may_say_yes=may_say_yes(connection, known, side),
    )


def _older(connection: Connection, side: OrganisationId, since: str) -> str:
    """The address of what came before that week."""
    if not suggested.is_any_before(connection, side, since):
        return ""
    before = rounds.week_of(rounds.monday(since) - timedelta(weeks=1))
    return "/suggestions?" + urlencode({"until": before, "organisation": side})


def _paused(connection: Connection, side: OrganisationId, on: date) -> str:
    pause = decisions.lasting_pause(connection, side, on)
    if pause is None:
        return ""
    return f"until and including {long_date(pause.until)}" if pause.until else "until somebody resumes"


def may_say_yes(connection: Connection, known: Visitor, side: OrganisationId) -> bool:
    """Its own people may; a coordinator only where there is nobody of it to do so."""
    return side in known.acts_for or not telling.reachable(connection, side)


@router.get("/suggestions/{key}")
def one(request: Request, here: Here, known: Member, key: str, organisation: str = "", done: str = "") -> HTMLResponse:
    """`done` is what the reader did last, as far as it still is so."""
    return _page(request, here, known, key, organisation, done=done)


@router.post("/suggestions/{key}/reply", response_model=None)
def reply(
    request: Request,
    here: Here,
    known: Member,
    key: str,
    organisation: Annotated[str, Form()],
    answer: Annotated[str, Form()] = "",
    no: Text = "",
    words: Text = "",
) -> Response:
    """`answer`, or `no`: why it is not for the organisation."""
    (side,) = sides_of(known, organisation)
    said, why = answered(answer, no, words)
    try:
        introductions.reply(here, side, key, known.person.id, said, why=why, via=via(known, side))
    except UnknownSuggestionError as error:
        raise HTTPException(404, str(error)) from None
    except (AnsweredError, ClosedError) as error:
        return _page(request, here, known, key, organisation, notice=str(error))
    return RedirectResponse(address(f"/suggestions/{key}", known, side, Done.REPLY), 303)


@router.post("/suggestions/{key}/undo", response_model=None)
def undo(request: Request, here: Here, known: Member, key: str, organisation: Annotated[str, Form()]) -> Response:
    (side,) = sides_of(known, organisation)
    try:
        introductions.take_back(here, side, key, known.person.id, via=via(known, side))
    except UnknownSuggestionError as error:
        raise HTTPException(404, str(error)) from None
    except (AnsweredError, ClosedError) as error:
        return _page(request, here, known, key, organisation, notice=str(error))
    return RedirectResponse(address(f"/suggestions/{key}", known, side, Done.UNDO), 303)


def sides_of(known: Visitor, organisation: str) -> tuple[OrganisationId, ...]:
    """The one that is named, where the visitor may act for it; else all that they act for."""
    if not organisation:
        return known.acts_for
    return (access.acted_for(known, organisation),)


def via(known: Visitor, organisation: OrganisationId) -> Via:
    """A coordinator who acts for an organisation besides is one of its people."""
    return Via.PAGE if organisation in known.acts_for else Via.COORDINATOR


def answered(answer: str, no: str, words: str) -> tuple[Answer, str]:
    """What the buttons say, and why, as far as somebody said so."""
    why = ": ".join(part for part in ("" if no == "other" else no.strip(), words.strip()) if part)
    if no:
        return Answer.NOT_FOR_US, why
    try:
        return Answer(answer), why
    except ValueError:
        raise HTTPException(422, "Choose one of the buttons on the page.") from None


def _page(
    request: Request,
    here: Commonweal,
    known: Visitor,
    key: str,
    organisation: str,
    *,
    notice: str = "",
    done: str = "",
) -> HTMLResponse:
    with here.database.read() as connection:
        for side in sides_of(known, organisation):
            found = suggested.find(connection, side, key)
            if found is not None:
                reading = consent.reading(connection, side, (found,), here.now())
                shown = consent.shown(found, reading)
                told = shown.told(done)
                return page(
                    request,
                    "suggestion.html",
                    status=409 if notice else 200,
                    one=shown,
                    emailed=consent.emailed(connection, found, side, known.person.id, here.now()),
                    following=_following(connection, side, key, here.now()) if told else None,
                    for_them=side not in known.acts_for,
                    may_say_yes=may_say_yes(connection, known, side),
                    reasons=REASONS,
                    notice=notice,
                    told=told,
                )
    raise HTTPException(404, "There is no such suggestion for you.")


def _following(connection: Connection, side: OrganisationId, besides: str, now: datetime) -> Shown | None:
    """The next suggestion that waits for a reply of this side."""
    since = rounds.week_of(now.date() - WEEKS)
    made = suggested.released_for(connection, side, since, or_asked=True)
    found = tuple(one for one in made if one.key != besides and one.reply is None)
    reading = consent.reading(connection, side, found, now)
    return next((one for one in (consent.shown(each, reading) for each in found) if one.may_agree), None)


def address(path: str, known: Visitor, side: OrganisationId, done: str = "") -> str:
    """The page at this path as this side reads it; after it `done` something, at what is said of that."""
    asked = {} if known.acts_for == (side,) else {"organisation": side}
    query = urlencode({**asked, "done": done} if done else asked)
    return path + (f"?{query}" if query else "") + ("#said" if done else "")

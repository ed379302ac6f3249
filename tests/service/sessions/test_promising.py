"""Promises: noted in the room, reported on once, asked for at the session that follows."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from matcher.records import OrganisationId
from service.sessions import attending, promising
from service.sessions.promising import FirstError, RefusedError, UnknownPromiseError
from service.store import promises
from service.store.database import Database
from service.store.promises import Promise
from service.store.sessions import Session
from service.wiring import Commonweal

ALBA = OrganisationId("alba")
TYPED = {"organisation": "alba", "says": "Two rooms on Mondays", "due": "2026-12-17"}


@pytest.fixture
def attended(commonweal: Commonweal, session: str, by: str) -> str:
    attending.ask(commonweal, session, [ALBA], by)
    return session


def made(commonweal: Commonweal, *of: str) -> tuple[Promise, ...]:
    with commonweal.database.read() as connection:
        return promises.of(connection, of)


def test_a_promise_is_noted_with_the_day_to_report_back(commonweal: Commonweal, attended: str, by: str) -> None:
    id_ = promising.note(commonweal, attended, by, {**TYPED, "says": " Two rooms \n on Mondays"})
    assert made(commonweal, attended) == (
        Promise(
            id=id_,
            session=attended,
            organisation=ALBA,
            says="Two rooms on Mondays",
            due=date(2026, 12, 17),
            by=by,
            at=commonweal.now(),
        ),
    )


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"organisation": "borea"}, "Choose who promised it among those on the list."),
        ({"says": " "}, "Write what was promised, in at most 500 characters."),
        ({"says": "x" * 501}, "Write what was promised, in at most 500 characters."),
        ({"due": "soon"}, "Write the day to report back by like 2026-12-17."),
        ({"due": "2026-12-02"}, "2026-12-02 is before the session: write a day after it."),
    ],
)
def test_what_cannot_be_noted_says_why(
    commonweal: Commonweal, attended: str, by: str, typed: dict[str, str], says: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        promising.note(commonweal, attended, by, {**TYPED, **typed})
    assert (str(refused.value), made(commonweal, attended)) == (says, ())


def test_what_came_of_it_is_reported_at_the_next_session_once_and_can_be_taken_back(
    commonweal: Commonweal, plan: Callable[..., Session], attended: str, by: str
) -> None:
    id_, after = promising.note(commonweal, attended, by, TYPED), plan(day="2026-12-17", follows=attended).id
    promising.settle(commonweal, after, id_, "Both are in use")
    with pytest.raises(FirstError, match=r"Somebody has reported on this already: “Both are in use”\."):
        promising.settle(commonweal, after, id_, "One is")
    (told,) = made(commonweal, attended)
    assert (told.outcome, told.kept_at) == ("Both are in use", commonweal.now())
    promising.reopen(commonweal, attended, id_)
    (told,) = made(commonweal, attended)
    assert (told.outcome, told.kept_at) == ("", None)


def test_a_promise_of_another_session_is_none_of_this_one(
    commonweal: Commonweal, plan: Callable[..., Session], attended: str, by: str
) -> None:
    id_, other = promising.note(commonweal, attended, by, TYPED), plan(day="2026-12-17").id
    for act in (
        lambda: promising.settle(commonweal, other, id_, "x"),
        lambda: promising.reopen(commonweal, other, id_),
    ):
        with pytest.raises(UnknownPromiseError):
            act()
    assert made(commonweal, attended)[0].kept_at is None


def test_of_eight_who_report_at_once_one_is_first(
    commonweal: Commonweal, make: Callable[[Database], Commonweal], attended: str, by: str
) -> None:
    id_, replicas = promising.note(commonweal, attended, by, TYPED), [make(commonweal.database) for _ in range(4)]

    def report(number: int) -> str:
        try:
            promising.settle(replicas[number % 4], attended, id_, f"said by {number}")
        except FirstError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(8) as pool:
        late = list(filter(None, pool.map(report, range(8))))
    assert late == [f"Somebody has reported on this already: “{made(commonweal, attended)[0].outcome}”."] * 7

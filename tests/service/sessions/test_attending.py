"""Who comes: asked, settled and copied, and what becomes of two coordinators who settle the same one."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import time
from typing import Any

import pytest

from matcher.records import OrganisationId
from service.sessions import attending, convening
from service.sessions.attending import FirstError, RefusedError
from service.store import members, people, sessions
from service.store.database import Database
from service.store.sessions import Attendance, Attendee, Session
from service.wiring import Commonweal

ALBA, BOREA, DELOS = map(OrganisationId, ("alba", "borea", "delos"))
EACH = 8


def listed(commonweal: Commonweal, session: str) -> dict[str, tuple[str, int]]:
    """Everybody's state and version."""
    with commonweal.database.read() as connection:
        return {one.organisation: (one.state.value, one.version) for one in sessions.attendees(connection, session)}


def test_whoever_is_asked_is_invited_and_asked_anew_only_after_it_cancelled(
    commonweal: Commonweal, session: str, by: str
) -> None:
    assert attending.ask(commonweal, session, [BOREA, ALBA, ALBA], by) == (ALBA, BOREA)
    attending.settle(commonweal, session, ALBA, by, 1, {"state": "cancelled"})
    attending.settle(commonweal, session, BOREA, by, 1, {"state": "coming"})
    assert attending.ask(commonweal, session, [ALBA, BOREA, DELOS], by) == (ALBA, DELOS)
    assert listed(commonweal, session) == {"alba": ("invited", 3), "borea": ("coming", 2), "delos": ("invited", 1)}


def test_who_was_invited_by_mistake_is_taken_off_and_who_answered_stays_on_the_list(
    commonweal: Commonweal, session: str, by: str
) -> None:
    attending.ask(commonweal, session, [ALBA, BOREA], by)
    attending.settle(commonweal, session, BOREA, by, 1, {"state": "cancelled"})
    with pytest.raises(FirstError):
        attending.take_off(commonweal, session, ALBA, by, 0)
    with pytest.raises(RefusedError, match="stays on the list"):
        attending.take_off(commonweal, session, BOREA, by, 2)
    attending.take_off(commonweal, session, ALBA, by, 1)
    with pytest.raises(RefusedError, match="not on the list any more"):
        attending.take_off(commonweal, session, ALBA, by, 1)
    assert listed(commonweal, session) == {"borea": ("cancelled", 2)}


def test_no_form_of_before_fits_one_that_was_taken_off_and_put_on_again(
    commonweal: Commonweal, session: str, by: str
) -> None:
    attending.ask(commonweal, session, [ALBA], by)
    attending.take_off(commonweal, session, ALBA, by, 1)
    with pytest.raises(RefusedError, match="taken off the list meanwhile"):
        attending.settle(commonweal, session, ALBA, by, 1, {"state": "coming"})
    attending.settle(commonweal, session, ALBA, by, 0, {"state": "coming", "note": "wheelchair"})
    with pytest.raises(FirstError):
        attending.settle(commonweal, session, ALBA, by, 1, {"state": "cancelled"})
    assert listed(commonweal, session) == {"alba": ("coming", 3)}
    with commonweal.database.read() as connection:
        assert sessions.counts(connection) == {session: 1}


def test_where_one_is_no_member_nobody_is_asked(commonweal: Commonweal, session: str, by: str) -> None:
    with pytest.raises(RefusedError, match="'ciano' is no member: only members attend a session"):
        attending.ask(commonweal, session, [ALBA, OrganisationId("ciano")], by)
    assert listed(commonweal, session) == {}


def test_how_one_stands_is_kept_whole(commonweal: Commonweal, session: str, by: str) -> None:
    typed = {"state": "coming", "arrives": "9:30", "leaves": "16:00", "note": "  Two \n people "}
    kept = attending.settle(commonweal, session, ALBA, by, 0, typed)
    assert kept == Attendee(
        session=session,
        organisation=ALBA,
        state=Attendance.COMING,
        arrives=time(9, 30),
        leaves=time(16),
        note="Two people",
        changed_by=by,
        changed_at=commonweal.now(),
    )
    with commonweal.database.read() as connection:
        assert sessions.attendee(connection, session, ALBA) == kept
    assert attending.cells(attending.facts(kept)) == {**typed, "arrives": "09:30", "note": "Two people"}


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"state": ""}, "'' is no state; choose invited, coming, cancelled."),
        ({"arrives": "25:00"}, "'25:00' is no time of day; write it like 14:30."),
        ({"arrives": "14:30:61"}, "'14:30:61' is no time of day"),
        ({"leaves": "half past"}, "'half past' is no time of day"),
        ({"arrives": "15:00", "leaves": "15:00"}, "It would leave at 15:00 and arrive at 15:00"),
        ({"note": "x" * 301}, "The note has 301 characters. Keep it to 300."),
        ({"note": "jo@alba.example"}, "The note holds contact details."),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    commonweal: Commonweal, session: str, by: str, typed: dict[str, str], says: str
) -> None:
    attending.ask(commonweal, session, [ALBA], by)
    with pytest.raises(RefusedError) as refused:
        attending.settle(commonweal, session, ALBA, by, 1, {"state": "coming", **typed})
    assert str(refused.value).startswith(says)
    assert listed(commonweal, session) == {"alba": ("invited", 1)}


def test_the_second_is_told_who_was_first_and_how_it_stands(commonweal: Commonweal, session: str, by: str) -> None:
    attending.ask(commonweal, session, [ALBA], by)
    first = attending.settle(commonweal, session, ALBA, by, 1, {"state": "coming", "note": "Two people"})
    with pytest.raises(FirstError) as late:
        attending.settle(commonweal, session, ALBA, "somebody", 1, {"state": "cancelled"})
    assert str(late.value) == "Cora changed this attendee meanwhile. What you chose was not stored."
    assert late.value.now == first


def test_of_eight_coordinators_about_each_of_ten_attendees_one_is_first_and_the_others_are_told(
    commonweal: Commonweal, make: Callable[[Database], Commonweal], session: str, by: str, member: Callable[[int], Any]
) -> None:
    some = [member(number) for number in range(10)]
    with commonweal.database.write() as connection:
        members.save(connection, organisations={one.id: one for one in some})
        who = [people.ensure(connection, f"c{number}@desk.example", f"C{number}").id for number in range(EACH)]
    attending.ask(commonweal, session, [one.id for one in some], by)
    replicas = [make(commonweal.database) for _ in range(4)]
    jobs = [(one.id, person) for one in some for person in who]
    random.Random(1).shuffle(jobs)

    def settle(number: int) -> Attendee | FirstError:
        organisation, person = jobs[number]
        state = "coming" if who.index(person) % 2 else "cancelled"
        try:
            return attending.settle(replicas[number % 4], session, organisation, person, 1, {"state": state})
        except FirstError as error:
            return error

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(settle, range(len(jobs))))
    won = {one.organisation: one for one in found if isinstance(one, Attendee)}
    late = [one for one in found if isinstance(one, FirstError)]
    assert Counter(one.organisation for one in found if isinstance(one, Attendee)) == dict.fromkeys(won, 1)
    assert (len(won), len(late)) == (10, 10 * (EACH - 1))
    with commonweal.database.read() as connection:
        assert {one.organisation: one for one in sessions.attendees(connection, session)} == won
    assert all(error.now == won[error.now.organisation] for error in late)


def test_of_many_who_ask_the_same_members_at_once_each_member_is_put_on_the_list_once(
    commonweal: Commonweal, make: Callable[[Database], Commonweal], session: str, by: str
) -> None:
    replicas = [make(commonweal.database) for _ in range(4)]
    for one in replicas:
        one.live.current()
    with ThreadPoolExecutor(8) as pool:
        changed = list(pool.map(lambda n: attending.ask(replicas[n % 4], session, [ALBA, BOREA], by), range(16)))
    assert sorted(changed) == [()] * 15 + [(ALBA, BOREA)]
    assert listed(commonweal, session) == {"alba": ("invited", 1), "borea": ("invited", 1)}


def test_whoever_was_at_the_session_before_is_invited_and_who_cancelled_or_left_is_not(
    commonweal: Commonweal, plan: Callable[..., Session], session: str, by: str
) -> None:
    attending.ask(commonweal, session, [ALBA, BOREA, DELOS], by)
    attending.settle(commonweal, session, BOREA, by, 1, {"state": "cancelled"})
    after = plan(day="2026-12-17", follows=session).id
    attending.settle(commonweal, after, DELOS, by, 0, {"state": "cancelled"})
    assert attending.copy(commonweal, after, by) == (ALBA,)
    assert listed(commonweal, after) == {"alba": ("invited", 1), "delos": ("cancelled", 1)}
    assert attending.copy(commonweal, session, by) == (), "it follows none"


def test_more_than_there_is_room_for_is_told_and_not_refused(
    commonweal: Commonweal, plan: Callable[..., Session], session: str, by: str
) -> None:
    small = plan(capacity="2")
    attending.ask(commonweal, small.id, [ALBA, BOREA, DELOS], by)
    with commonweal.database.read() as connection:
        listed_ = sessions.attendees(connection, small.id)
        assert sessions.counts(connection) == {small.id: 3}
    assert attending.too_many(small, listed_) == "3 are invited or coming, and there is room for 2."
    assert attending.too_many(small, listed_[:2]) == ""


def test_nobody_attends_a_session_that_is_not_there(commonweal: Commonweal, by: str) -> None:
    with pytest.raises(convening.UnknownSessionError, match="no session goes by '5e551011'"):
        attending.ask(commonweal, "5e551011", [ALBA], by)

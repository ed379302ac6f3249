"""Sessions as coordinators set them: read field by field, changed by one at a time, told to calendars."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, time
from typing import Any

import pytest

from matcher.records import OrganisationId
from service.sessions import attending, convening, planning, timetabling
from service.sessions.convening import ChangedError, RefusedError, UnknownSessionError
from service.store import sessions, timetables
from service.store.database import Database
from service.store.sessions import Session, State
from service.wiring import Commonweal

Plan = Callable[..., Session]


def test_a_session_takes_a_title_a_day_and_themes_and_the_rest_is_as_usual(
    commonweal: Commonweal, plan: Plan, by: str
) -> None:
    made = plan(title=" Thursdays \n together ", themes="isolation justice")
    assert made == Session(
        id=made.id,
        title="Thursdays together",
        themes=("justice", "isolation"),
        day=date(2026, 12, 3),
        starts=time(14),
        made_by=by,
        made_at=commonweal.now(),
    )
    assert (len(made.id), made.id.isalnum()) == (8, True)
    with commonweal.database.read() as connection:
        assert convening.find(connection, made.id) == made


def test_what_a_form_holds_is_read_back_as_the_same_session(commonweal: Commonweal, plan: Plan) -> None:
    first = plan()
    made = plan(
        starts="9:30", place="Leeds", venue="Civic Hall", online="yes", capacity="40", slots="6", slot_minutes="20",
        gap_minutes="0", tables="9", follows=first.id,
    )  # fmt: skip
    assert (made.starts, made.capacity, made.gap_minutes, made.follows) == (time(9, 30), 40, 0, first.id)
    assert convening.change(commonweal, made.id, 1, convening.typed(made)) == sessions.after(made)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"title": " "}, {"title": "Write what it is called, in at most 120 characters."}),
        ({"title": "x" * 121}, {"title": "It has 121 characters. Keep it to 120."}),
        ({"venue": "x" * 501}, {"venue": "It has 501 characters. Keep it to 500."}),
        ({"themes": ""}, {"themes": "Choose at least one: it says who should be in the room."}),
        ({"day": "3 December"}, {"day": "Write the day like 2026-12-03."}),
        ({"day": "9999-12-31"}, {"day": "9999 is no year that a session is planned for."}),
        ({"starts": "24:00"}, {"starts": "Write the time like 14:00."}),
        ({"place": "Atlantis"}, {"place": "No place called 'Atlantis' is known. Did you mean Alness?"}),
        ({"capacity": "1", "tables": "-1"}, {"capacity": "Write a number from 2 to 1000.",
                                             "tables": "Write a number from 1 to 500."}),
        ({"slots": "٣"}, {"slots": "Write a number from 1 to 40."}),
        ({"slots": "40", "slot_minutes": "30"}, {"slots": "40 slots from 14:00 end after midnight: fewer, shorter, or "
                                                          "earlier."}),
        ({"follows": "5e551011"}, {"follows": "Choose a session that was before this one."}),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_said_by_field_and_nothing_is_planned(
    commonweal: Commonweal, plan: Plan, fields: dict[str, str], says: dict[str, str]
) -> None:
    with pytest.raises(RefusedError) as refused:
        plan(**fields)
    assert refused.value.faults == says
    with commonweal.database.read() as connection:
        assert sessions.every(connection) == ()


def test_a_theme_that_there_is_not_is_named_with_those_there_are(plan: Plan) -> None:
    with pytest.raises(RefusedError, match="themes: 'joy' is no theme; known: mental-health, justice"):
        plan(themes="justice joy")


def test_a_session_follows_one_before_it_and_never_itself(commonweal: Commonweal, plan: Plan) -> None:
    later, made = plan(day="2026-12-17"), plan()
    for follows in (later.id, made.id):
        with pytest.raises(RefusedError, match="follows: Choose a session that was before this one"):
            convening.change(commonweal, made.id, 1, {**convening.typed(made), "follows": follows})


def test_the_second_to_change_it_is_shown_how_it_stands(commonweal: Commonweal, plan: Plan) -> None:
    made = plan()
    first = convening.change(commonweal, made.id, 1, {**convening.typed(made), "title": "First"})
    for late in (
        lambda: convening.change(commonweal, made.id, 1, {**convening.typed(made), "title": "Second"}),
        lambda: convening.cancel(commonweal, made.id, 1),
    ):
        with pytest.raises(ChangedError) as changed:
            late()
        assert changed.value.now == first


def test_of_sixteen_who_change_a_session_at_once_one_is_first(
    commonweal: Commonweal, make: Callable[[Database], Commonweal], plan: Plan
) -> None:
    made, replicas = plan(), [make(commonweal.database) for _ in range(4)]

    def change(number: int) -> Session | ChangedError:
        try:
            return convening.change(
                replicas[number % 4], made.id, 1, {**convening.typed(made), "title": f"By {number}"}
            )
        except ChangedError as error:
            return error

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(change, range(16)))
    (won,) = [one for one in found if isinstance(one, Session)]
    assert [one.now for one in found if isinstance(one, ChangedError)] == [won] * 15
    with commonweal.database.read() as connection:
        assert convening.find(connection, made.id) == won


def test_a_cancelled_session_is_planned_again(commonweal: Commonweal, plan: Plan) -> None:
    made = plan()
    assert convening.cancel(commonweal, made.id, 1) == sessions.after(made, state=State.CANCELLED)
    assert convening.plan_again(commonweal, made.id, 2).state is State.PLANNED


def sequence(commonweal: Commonweal, session: str) -> list[int]:
    with commonweal.database.read() as connection:
        table = timetables.load(connection, session)
    assert table is not None
    return [one.sequence for one in table.kept]


def test_whatever_calendars_show_of_a_session_raises_the_sequence_of_its_meetings_and_nothing_else_does(
    commonweal: Commonweal, session: str, by: str
) -> None:
    attending.ask(commonweal, session, [OrganisationId("alba"), OrganisationId("borea")], by)
    planning.solve(commonweal, session)
    timetabling.solve(commonweal, session)
    with commonweal.database.read() as connection:
        found = convening.find(connection, session)
    changes: list[dict[str, Any]] = [{"capacity": "30"}, {"starts": "15:00"}, {"venue": "Civic Hall"}, {"tables": "9"}]
    seen = []
    for version, fields in enumerate(changes, 1):
        found = convening.change(commonweal, session, version, {**convening.typed(found), **fields})
        seen += sequence(commonweal, session)
    convening.cancel(commonweal, session, 5)
    convening.plan_again(commonweal, session, 6)
    assert [*seen, *sequence(commonweal, session)] == [0, 1, 2, 2, 4]


def test_a_venue_is_shown_with_its_street_and_its_link_and_without_whom_to_ring(plan: Plan) -> None:
    venue = "Civic Hall, 12 Park Street, LS1 1UR; jo@alba.example or 0113 496 0000; https://meet.example/a"
    hidden = "[hidden until you are introduced]"
    shown = f"Civic Hall, 12 Park Street, LS1 1UR; {hidden} or {hidden}; https://meet.example/a"
    assert convening.venue_of(plan(venue=venue)) == shown


@pytest.mark.parametrize("id_", ["5e551011", "", "\0", "2026-W48"])
def test_a_session_that_is_not_there_is_said_to_be(commonweal: Commonweal, id_: str) -> None:
    with commonweal.database.read() as connection, pytest.raises(UnknownSessionError):
        convening.find(connection, id_)

"""A session's timetable: solved, repaired, moved by hand, and never stored over somebody's head."""

from collections.abc import Callable, Sequence

import pytest

from matcher.proposing import Proposal
from matcher.records import Kind, Listing, ListingId, Organisation, OrganisationId, Standing, Strength, Suggestion
from matcher.timetable import CROWDED, Couple, Meeting
from service.review import deciding
from service.sessions import attending, timetabling
from service.sessions.timetabling import FirstError, Solved, TakenError
from service.store import members, sessions, timetables
from service.store.reviews import Choice, key_of
from service.store.sessions import Session
from service.store.timetables import Stored
from service.wiring import Commonweal

DELOS, ELMO, FARO, GEMMA = map(OrganisationId, ("delos", "elmo", "faro", "gemma"))
NAMES = (DELOS, ELMO, FARO, GEMMA)
Meet = Callable[..., str]


def listing(organisation: str, kind: Kind) -> Listing:
    id_ = ListingId(f"{organisation}-{kind.value}")
    return Listing(id=id_, organisation=OrganisationId(organisation), kind=kind, text=f"A {kind.value}.")


def suggestion(one: str, other: str, fit: float) -> Suggestion:
    need, offer = listing(one, Kind.NEED), listing(other, Kind.OFFER)
    return Suggestion(need=need, offer=offer, fit=fit, strength=Strength.GOOD, score=1.0)


@pytest.fixture
def meet(commonweal: Commonweal, plan: Callable[..., Session], by: str) -> Meet:
    """`meet((DELOS, ELMO, 0.5) …, slots="2", tables="1")` plans a session of all four in which these are to meet."""
    listings = [listing(one, kind) for one in NAMES for kind in (Kind.NEED, Kind.OFFER)]
    sizes = {DELOS: "small", ELMO: "small", FARO: "national", GEMMA: "national"}
    records = [
        Organisation(id=one, name=one.title(), standing=Standing.MEMBER, size=size) for one, size in sizes.items()
    ]
    with commonweal.database.write() as connection:
        members.save(
            connection, organisations={one.id: one for one in records}, listings={one.id: one for one in listings}
        )

    def met(*pairs: tuple[str, str, float], **fields: str) -> str:
        made = plan(**fields).id
        attending.ask(commonweal, made, NAMES, by)
        again(made, *pairs)
        return made

    def again(session: str, *pairs: tuple[str, str, float]) -> None:
        proposal = Proposal(suggestions=tuple(suggestion(*pair) for pair in pairs))
        with commonweal.database.write() as connection:
            sessions.store_plan(connection, session, proposal, versions={}, at=commonweal.now())

    return met


def load(commonweal: Commonweal, session: str) -> Stored:
    with commonweal.database.read() as connection:
        found = timetables.load(connection, session)
    assert found is not None
    return found


def known(stored: Stored) -> dict[Couple, tuple[str, int, bool]]:
    """What calendars know each meeting by, and whether it is off."""
    every = (*stored.kept, *stored.cancelled)
    return {one.meeting.couple: (one.uid, one.sequence, one.is_cancelled) for one in every}


def changes(solved: Solved) -> dict[str, Sequence[object]]:
    named = {name: getattr(solved, name) for name in ("moved", "new", "gone", "freed")}
    return {name: what for name, what in named.items() if what}


def test_the_first_timetable_and_the_same_again(commonweal: Commonweal, meet: Meet) -> None:
    session = meet((DELOS, ELMO, 0.5), (FARO, GEMMA, 0.5), slots="2", tables="2")
    meetings = (Meeting(DELOS, ELMO, 0, 1), Meeting(FARO, GEMMA, 0, 2))
    tried = timetabling.solve(commonweal, session, dry_run=True)
    assert (tried.seen, changes(tried)) == (0, {"new": meetings})
    with commonweal.database.read() as connection:
        assert timetables.load(connection, session) is None
    timetabling.solve(commonweal, session)
    first = load(commonweal, session)
    assert (first.revision, first.meetings, first.unplaced, first.gap) == (1, meetings, {}, 0.0)
    assert changes(timetabling.solve(commonweal, session)) == {}
    second = load(commonweal, session)
    assert (second.revision, second.kept) == (2, first.kept), "no calendar has anything to take anew"


def test_after_a_cancellation_the_others_stay_and_calendars_take_out_what_is_gone(
    commonweal: Commonweal, meet: Meet, by: str
) -> None:
    session = meet((DELOS, ELMO, 0.5), (FARO, GEMMA, 0.5), (DELOS, FARO, 0.5), slots="3", tables="2")
    timetabling.solve(commonweal, session)
    before = load(commonweal, session)
    attending.settle(commonweal, session, ELMO, by, 1, {"state": "cancelled"})
    (gone,) = timetabling.solve(commonweal, session).gone
    after = load(commonweal, session)
    assert gone.couple == (DELOS, ELMO)
    assert after.meetings == tuple(one for one in before.meetings if one != gone)
    uid = known(before)[DELOS, ELMO][0]
    assert known(after) == {**known(before), (DELOS, ELMO): (uid, 1, True)}


def test_small_organisations_meet_first(commonweal: Commonweal, meet: Meet) -> None:
    session = meet((FARO, GEMMA, 0.9), (DELOS, ELMO, 0.3), slots="2", tables="1")
    timetabling.solve(commonweal, session)
    assert load(commonweal, session).meetings == (Meeting(DELOS, ELMO, 0, 1), Meeting(FARO, GEMMA, 1, 1))


def test_what_a_person_approved_gets_the_slot_of_what_fits_better(commonweal: Commonweal, meet: Meet, by: str) -> None:
    session = meet((DELOS, ELMO, 0.9), (DELOS, FARO, 0.4), slots="1")
    timetabling.solve(commonweal, session)
    assert load(commonweal, session).meetings == (Meeting(DELOS, ELMO, 0, 1),)
    key = key_of(session, ListingId("delos-need"), ListingId("faro-offer"))
    deciding.decide(commonweal, session, key, by, 0, Choice.APPROVED, "")
    timetabling.solve(commonweal, session, anew=True)
    assert load(commonweal, session).meetings == (Meeting(DELOS, FARO, 0, 1),)
    assert load(commonweal, session).unplaced == {(DELOS, ELMO): CROWDED.format(who=DELOS)}


def test_a_meeting_put_somewhere_by_hand_is_seen_first_and_then_stays_there(commonweal: Commonweal, meet: Meet) -> None:
    session = meet((DELOS, ELMO, 0.5), (FARO, GEMMA, 0.5), slots="2", tables="1")
    timetabling.solve(commonweal, session)
    first = load(commonweal, session)
    to, back = Meeting(FARO, GEMMA, 0, 1), Meeting(DELOS, ELMO, 1, 1)
    tried = timetabling.move(commonweal, session, to, dry_run=True, seen=1)
    assert changes(tried) == {"moved": ((first.meetings[1], to), (first.meetings[0], back))}
    assert load(commonweal, session) == first
    timetabling.move(commonweal, session, to, seen=1)
    moved = load(commonweal, session)
    assert (moved.meetings, moved.fixed) == ((to, back), (to,))
    assert {pair: sequence for pair, (_, sequence, _) in known(moved).items()} == {(DELOS, ELMO): 1, (FARO, GEMMA): 1}
    timetabling.solve(commonweal, session, anew=True)
    assert (load(commonweal, session).meetings, load(commonweal, session).fixed) == ((to, back), (to,))
    timetabling.release(commonweal, session, to.couple)
    released = load(commonweal, session)
    assert (released.fixed, known(released)) == ((), known(moved)), "no calendar shows whether it may be moved"
    timetabling.solve(commonweal, session, anew=True)
    assert load(commonweal, session).meetings == first.meetings


def test_two_meetings_by_hand_at_one_table_or_of_one_organisation_are_not_had(
    commonweal: Commonweal, meet: Meet
) -> None:
    session = meet((DELOS, ELMO, 0.5), (FARO, GEMMA, 0.5), (DELOS, FARO, 0.5), slots="3", tables="2")
    timetabling.solve(commonweal, session)
    here = Meeting(DELOS, ELMO, 2, 2)
    timetabling.move(commonweal, session, here)
    for there in (Meeting(FARO, GEMMA, 2, 2), Meeting(DELOS, FARO, 2, 1)):
        with pytest.raises(TakenError) as caught:
            timetabling.move(commonweal, session, there)
        assert caught.value.by == here
    for nowhere in (Meeting(FARO, GEMMA, 3, 1), Meeting(FARO, GEMMA, 0, 3), Meeting(ELMO, FARO, 0, 1)):
        with pytest.raises(TakenError, match="not both there then, or there is no such table, or they are not to meet"):
            timetabling.move(commonweal, session, nowhere)
    assert load(commonweal, session).revision == 2


def test_a_meeting_by_hand_is_free_again_where_one_of_the_two_is_not_there_any_more(
    commonweal: Commonweal, meet: Meet, by: str
) -> None:
    session = meet((DELOS, ELMO, 0.5), slots="3", tables="1")
    timetabling.solve(commonweal, session)
    timetabling.move(commonweal, session, Meeting(DELOS, ELMO, 0, 1))
    attending.settle(commonweal, session, ELMO, by, 1, {"state": "coming", "arrives": "14:15"})
    solved = timetabling.solve(commonweal, session)
    was, now = Meeting(DELOS, ELMO, 0, 1), Meeting(DELOS, ELMO, 1, 1)
    assert changes(solved) == {"moved": ((was, now),), "freed": (was,)}
    assert load(commonweal, session).fixed == ()


def test_whoever_looked_at_an_older_timetable_is_told(commonweal: Commonweal, meet: Meet) -> None:
    session = meet((DELOS, ELMO, 0.5), (FARO, GEMMA, 0.5), slots="2", tables="1")
    timetabling.solve(commonweal, session, seen=0)
    timetabling.solve(commonweal, session, seen=1)
    for late in (
        lambda: timetabling.solve(commonweal, session, seen=1),
        lambda: timetabling.move(commonweal, session, Meeting(FARO, GEMMA, 0, 1), seen=1),
        lambda: timetabling.release(commonweal, session, (FARO, GEMMA), seen=1),
    ):
        with pytest.raises(FirstError, match="Somebody changed the timetable meanwhile"):
            late()
    assert load(commonweal, session).revision == 2

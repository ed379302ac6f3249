"""The weekly round from the store and back into it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from matcher.records import Decline, Kind, Listing, ListingId, OrganisationId, Standing
from service import rounds
from service.rounds import StaleError
from service.store import members
from service.store import rounds as stored
from service.store.database import Connection, Database
from service.store.rounds import ReleasedError
from service.wiring import Commonweal

WEEK = "2026-W48"
PAIR = (ListingId("alba-n1"), ListingId("borea-o1"))
Make = Callable[[Database], Commonweal]


def weeks(commonweal: Commonweal) -> dict[str, bool]:
    with commonweal.database.read() as connection:
        return stored.weeks(connection)


def load(commonweal: Commonweal, week: str = WEEK) -> stored.Round:
    with commonweal.database.read() as connection:
        found = stored.load(connection, week)
    assert found is not None
    return found


def test_a_round_brings_the_two_together_and_is_stored_with_what_made_it(commonweal: Commonweal) -> None:
    proposed = rounds.run(commonweal, WEEK)
    assert [one.pair for one in proposed.suggestions] == [PAIR]
    assert (proposed.week, proposed.revision, proposed.left_out) == (WEEK, 1, {})
    assert load(commonweal) == stored.Round(
        week=WEEK,
        revision=1,
        versions=commonweal.versions,
        left_out={},
        proposed_at=commonweal.now(),
        released_at=None,
        suggestions=proposed.suggestions,
    )


def test_the_same_store_gives_the_same_round(commonweal: Commonweal, make: Make) -> None:
    first = rounds.run(commonweal, WEEK)
    again = rounds.run(make(commonweal.database), WEEK)
    assert again == replace(first, revision=2)


def test_a_dry_run_stores_nothing(commonweal: Commonweal) -> None:
    dry = rounds.run(commonweal, WEEK, dry_run=True)
    assert (dry.revision, [one.pair for one in dry.suggestions]) == (0, [PAIR])
    assert weeks(commonweal) == {}
    assert rounds.run(commonweal, WEEK) == replace(dry, revision=1)


def test_a_released_round_is_released_once_and_never_run_again(commonweal: Commonweal) -> None:
    assert not rounds.release(commonweal, WEEK)
    rounds.run(commonweal, WEEK)
    assert rounds.release(commonweal, WEEK)
    assert not rounds.release(commonweal, WEEK)
    for dry_run in (False, True):
        with pytest.raises(ReleasedError):
            rounds.run(commonweal, WEEK, dry_run=dry_run)
    assert load(commonweal).released_at == commonweal.now()
    assert weeks(commonweal) == {WEEK: True}


def test_what_is_no_week_is_refused_before_anything_else(commonweal: Commonweal) -> None:
    with pytest.raises(ValueError, match="'2026-W9' is no ISO week"):
        rounds.run(commonweal, "2026-W9")
    assert weeks(commonweal) == {}


def test_what_was_released_lately_is_not_suggested_again_and_comes_back_after_eight_weeks(
    commonweal: Commonweal,
) -> None:
    rounds.run(commonweal, WEEK)
    rounds.release(commonweal, WEEK)
    next_week = rounds.run(commonweal, "2026-W49")
    assert (next_week.suggestions, next_week.left_out) == ((), {"alba": False, "borea": False})
    assert [one.pair for one in rounds.run(commonweal, "2027-W03").suggestions] == [PAIR]


def test_a_declined_pair_stays_out_until_a_text_changes_in_earnest(commonweal: Commonweal, cast: dict) -> None:
    with commonweal.database.write() as connection:
        stored.decline(connection, *PAIR, Decline(cast["need"].text, cast["offer"].text, "have one"))
    assert rounds.run(commonweal, WEEK).suggestions == ()
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"text": cast["need"].text + ", please"})
    assert rounds.run(commonweal, WEEK).suggestions == ()
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"text": "Lunch club: a minibus with a wheelchair lift, Thursday mornings"})
    assert [one.pair for one in rounds.run(commonweal, WEEK).suggestions] == [PAIR]


def test_a_blocked_pair_of_organisations_stays_out(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        stored.block(connection, OrganisationId("borea"), OrganisationId("alba"), "rivals")
    assert rounds.run(commonweal, WEEK).suggestions == ()


def test_who_is_no_member_neither_gets_nor_is_suggested_anything(commonweal: Commonweal, cast: dict) -> None:
    listings = [
        Listing(id=ListingId("ciano-n1"), organisation=cast["ciano"].id, kind=Kind.NEED, text=cast["need"].text),
        Listing(id=ListingId("ciano-o1"), organisation=cast["ciano"].id, kind=Kind.OFFER, text=cast["offer"].text),
    ]
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: replace(one, places=("Leeds",)) for one in listings})
    proposed = rounds.run(commonweal, WEEK)
    assert [one.pair for one in proposed.suggestions] == [PAIR]
    assert proposed.left_out == {}
    with commonweal.database.write() as connection:
        members.edit(connection, "ciano", {"standing": Standing.MEMBER})
    joined = rounds.run(commonweal, WEEK)
    assert {OrganisationId("ciano")} < {one.need.organisation for one in joined.suggestions} | {
        one.offer.organisation for one in joined.suggestions
    }


def test_the_round_is_of_its_monday_whatever_day_it_is_run(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"closes": date(2026, 11, 29)})
    assert len(rounds.run(commonweal, WEEK).suggestions) == 1
    assert rounds.run(commonweal, "2026-W49").suggestions == ()


def test_the_cap_on_needs_is_a_setting(make: Callable[..., Commonweal], commonweal: Commonweal) -> None:
    none = make(commonweal.database, needs_cap=0)
    proposed = rounds.run(none, WEEK)
    assert (proposed.suggestions, proposed.left_out) == ((), {"alba": True, "borea": True})


def decline(connection: Connection) -> None:
    need, offer = (members.listings(connection)[id_].record.text for id_ in PAIR)
    stored.decline(connection, *PAIR, Decline(need, offer, "have one"))


def block(connection: Connection) -> None:
    stored.block(connection, OrganisationId("borea"), OrganisationId("alba"), "rivals")


def edit(id_: str, **changed: object) -> Callable[[Connection], None]:
    return lambda connection: members.edit(connection, id_, changed)


CHANGED = "One of the two has been changed or taken back since."
NO_MEMBER = "It is not from a member, or is for coordinators' eyes."


@pytest.mark.parametrize(
    ("happens", "says", "then"),
    [
        (decline, "One side said no to this, and neither text has changed since.", []),
        (block, "These two organisations are not to be introduced.", []),
        (edit("alba-n1", text="A minibus and its driver on Thursday mornings, to our lunch club"), CHANGED, [PAIR]),
        (edit("borea-o1", evidence="50 trips"), CHANGED, [PAIR]),
        (edit("alba-n1", closes=date(2026, 11, 22)), CHANGED, []),
        (edit("alba", standing=Standing.INVITED), NO_MEMBER, []),
        (edit("borea", standing=Standing.LISTED), NO_MEMBER, []),
    ],
    ids=["declined", "blocked", "need edited", "offer edited", "closed", "alba left", "borea left"],
)
def test_what_does_not_hold_any_more_is_not_released_until_the_round_is_run_again(
    commonweal: Commonweal, happens: Callable[[Connection], None], says: str, then: list[tuple[ListingId, ListingId]]
) -> None:
    rounds.run(commonweal, WEEK)
    with commonweal.database.write() as connection:
        happens(connection)
    with pytest.raises(StaleError) as raised:
        rounds.release(commonweal, WEEK)
    assert str(raised.value).startswith(f"the round of {WEEK} does not hold any more. Run: commonweal round")
    assert str(raised.value).endswith(f" alba-n1 and borea-o1: {says}")
    assert weeks(commonweal) == {WEEK: False}
    assert [one.pair for one in rounds.run(commonweal, WEEK).suggestions] == then
    assert rounds.release(commonweal, WEEK)
    assert weeks(commonweal) == {WEEK: True}


def test_a_need_that_closed_between_the_run_and_the_release_keeps_the_round_back(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"closes": date(2026, 11, 24)})
    rounds.run(commonweal, WEEK)
    noon = commonweal.now()
    commonweal.now = lambda: noon + timedelta(days=2)
    with pytest.raises(StaleError, match=r"alba-n1 and borea-o1: One of the two is not open on that day\.$"):
        rounds.release(commonweal, WEEK)
    assert rounds.run(commonweal, WEEK).suggestions == ()
    assert rounds.release(commonweal, WEEK)


def test_what_touches_no_pair_of_the_round_does_not_keep_it_back(commonweal: Commonweal) -> None:
    rounds.run(commonweal, WEEK)
    with commonweal.database.write() as connection:
        members.edit(connection, "ciano", {"description": "We look after parks."})
        stored.block(connection, OrganisationId("alba"), OrganisationId("ciano"), "")
    assert rounds.release(commonweal, WEEK)


@pytest.mark.parametrize(
    ("week", "day"),
    [
        ("2026-W47", date(2026, 11, 16)),
        ("2026-W48", date(2026, 11, 26)),
        ("2026-W49", date(2026, 11, 30)),
        ("2027-W48", date(2027, 11, 29)),
    ],
)
def test_a_round_looks_at_today_within_its_week_and_else_at_its_monday(
    commonweal: Commonweal, week: str, day: date
) -> None:
    noon = commonweal.now()
    commonweal.now = lambda: noon + timedelta(days=3)
    assert rounds.day_of(commonweal, week) == day


def test_a_need_that_closed_earlier_in_the_week_is_not_proposed(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"closes": date(2026, 11, 24)})
    monday = commonweal.now()
    found = []
    for now in (monday, monday + timedelta(days=1), monday + timedelta(days=2)):
        commonweal.now = partial(datetime.fromtimestamp, now.timestamp(), UTC)
        found.append([one.pair for one in rounds.run(commonweal, WEEK).suggestions])
    assert found == [[PAIR], [PAIR], []]


def test_a_decline_of_texts_nobody_encoded_yet_does_not_lock_the_release_out(commonweal: Commonweal) -> None:
    rounds.run(commonweal, WEEK)
    with commonweal.database.write() as connection:
        stored.decline(connection, *PAIR, Decline("A stage for puppets", "Horses on loan", "as it was years ago"))
    assert rounds.release(commonweal, WEEK)

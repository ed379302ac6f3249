"""The weekly round from the store and back into it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from matcher.passing import BY_CHANCE
from matcher.proposing import NO_ROOM, NOT_LISTED
from matcher.records import Decline, Kind, LeftOut, Listing, ListingId, OrganisationId, Pair, Standing
from service import rounds
from service.rounds import Difference, Proposed, StaleError
from service.store import decisions, members
from service.store import rounds as stored
from service.store.database import Connection
from service.store.rounds import ReleasedError
from service.wiring import Commonweal

WEEK = "2026-W48"
BOTH = "alba-n1 and borea-o1 (Alba Community Kitchen with Borea Transport)"
PAIR = (ListingId("alba-n1"), ListingId("borea-o1"))
Make = Callable[..., Commonweal]
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOTHING_FITS, NO_ROOM_FOR_IT = LeftOut(False), LeftOut(True)


def weeks(commonweal: Commonweal) -> dict[str, bool]:
    with commonweal.database.read() as connection:
        return stored.weeks(connection)


def load(commonweal: Commonweal, week: str = WEEK) -> stored.Round:
    with commonweal.database.read() as connection:
        found = stored.load(connection, week)
    assert found is not None
    return found


def pairs(proposed: Proposed) -> list[Pair]:
    return [one.pair for one in proposed.proposal.suggestions]


def test_a_round_brings_the_two_together_and_is_stored_with_what_made_it(commonweal: Commonweal) -> None:
    proposed = rounds.run(commonweal, WEEK)
    assert pairs(proposed) == [PAIR]
    assert (proposed.week, proposed.revision, proposed.differences) == (WEEK, 1, ())
    assert (proposed.proposal.left_out, proposed.proposal.value > 0) == ({}, True)
    assert load(commonweal) == stored.Round(
        week=WEEK,
        revision=1,
        versions=commonweal.versions,
        proposed_at=commonweal.now(),
        released_at=None,
        proposal=proposed.proposal,
    )


def test_the_same_store_gives_the_same_round(commonweal: Commonweal, make: Make) -> None:
    first = rounds.run(commonweal, WEEK)
    again = rounds.run(make(commonweal.database), WEEK)
    assert again == replace(first, revision=2)


def test_a_dry_run_stores_nothing(commonweal: Commonweal) -> None:
    dry = rounds.run(commonweal, WEEK, dry_run=True)
    assert (dry.revision, pairs(dry)) == (0, [PAIR])
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
    assert (pairs(next_week), next_week.proposal.left_out) == ([], {"alba": NOTHING_FITS, "borea": NOTHING_FITS})
    assert pairs(rounds.run(commonweal, "2027-W03")) == [PAIR]


def test_a_declined_pair_stays_out_until_a_text_changes_in_earnest(commonweal: Commonweal, cast: dict) -> None:
    with commonweal.database.write() as connection:
        decisions.decline(connection, *PAIR, Decline(cast["need"].text, cast["offer"].text, "have one"))
    assert pairs(rounds.run(commonweal, WEEK)) == []
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"text": cast["need"].text + ", please"})
    assert pairs(rounds.run(commonweal, WEEK)) == []
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"text": "Lunch club: a minibus with a wheelchair lift, Thursday mornings"})
    assert pairs(rounds.run(commonweal, WEEK)) == [PAIR]


def test_a_blocked_pair_of_organisations_stays_out(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        decisions.block(connection, OrganisationId("borea"), OrganisationId("alba"), "rivals")
    assert pairs(rounds.run(commonweal, WEEK)) == []


def test_who_is_no_member_neither_gets_nor_is_suggested_anything(commonweal: Commonweal, cast: dict) -> None:
    listings = [
        Listing(id=ListingId("ciano-n1"), organisation=cast["ciano"].id, kind=Kind.NEED, text=cast["need"].text),
        Listing(id=ListingId("ciano-o1"), organisation=cast["ciano"].id, kind=Kind.OFFER, text=cast["offer"].text),
    ]
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: replace(one, places=("Leeds",)) for one in listings})
    proposed = rounds.run(commonweal, WEEK)
    assert pairs(proposed) == [PAIR]
    assert proposed.proposal.left_out == {}
    with commonweal.database.write() as connection:
        members.edit(connection, "ciano", {"standing": Standing.MEMBER})
    joined = rounds.run(commonweal, WEEK)
    assert {OrganisationId("ciano")} < {
        side.organisation for one in joined.proposal.suggestions for side in (one.need, one.offer)
    }


def test_the_round_is_of_its_monday_whatever_day_it_is_run(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"closes": date(2026, 11, 29)})
    assert pairs(rounds.run(commonweal, WEEK)) == [PAIR]
    assert pairs(rounds.run(commonweal, "2026-W49")) == []


def test_the_cap_on_needs_is_a_setting(make: Make, commonweal: Commonweal) -> None:
    none = make(commonweal.database, needs_cap=0)
    proposed = rounds.run(none, WEEK)
    assert (pairs(proposed), proposed.proposal.left_out) == ([], {"alba": NO_ROOM_FOR_IT, "borea": NO_ROOM_FOR_IT})


def decline(connection: Connection) -> None:
    need, offer = (members.listings(connection)[id_].record.text for id_ in PAIR)
    decisions.decline(connection, *PAIR, Decline(need, offer, "have one"))


def block(connection: Connection) -> None:
    decisions.block(connection, OrganisationId("borea"), OrganisationId("alba"), "rivals")


def forbid(connection: Connection) -> None:
    decisions.forbid(connection, *PAIR, "sold", AT)


def pause(connection: Connection) -> None:
    decisions.pause(connection, OrganisationId("borea"), "audit", AT)


def edit(id_: str, **changed: object) -> Callable[[Connection], None]:
    return lambda connection: members.edit(connection, id_, changed)


CHANGED = "One of the two has been changed or taken back since."
NO_MEMBER = "It is not from a member, or is for coordinators' eyes."


@pytest.mark.parametrize(
    ("happens", "says", "then"),
    [
        (decline, "One side said no to this, and neither text has changed since.", []),
        (block, "These two organisations are not to be introduced.", []),
        (forbid, "A coordinator ruled this pair out.", []),
        (pause, "One of the two organisations wants no suggestions for now.", []),
        (edit("alba-n1", text="A minibus and its driver on Thursday mornings, to our lunch club"), CHANGED, [PAIR]),
        (edit("borea-o1", evidence="50 trips"), CHANGED, [PAIR]),
        (edit("alba-n1", closes=date(2026, 11, 22)), CHANGED, []),
        (edit("alba", standing=Standing.INVITED), NO_MEMBER, []),
        (edit("borea", standing=Standing.LISTED), NO_MEMBER, []),
    ],
    ids=[
        "declined",
        "blocked",
        "forbidden",
        "paused",
        "need edited",
        "offer edited",
        "closed",
        "alba left",
        "borea left",
    ],
)
def test_what_does_not_hold_any_more_is_not_released_until_the_round_is_run_again(
    commonweal: Commonweal, happens: Callable[[Connection], None], says: str, then: list[tuple[ListingId, ListingId]]
) -> None:
    rounds.run(commonweal, WEEK)
    with commonweal.database.write() as connection:
        happens(connection)
    with pytest.raises(StaleError) as raised:
        rounds.release(commonweal, WEEK)
    assert str(raised.value).startswith(
        f"the round of {WEEK} does not hold any more. Solve it anew, at the desk or with: commonweal round"
    )
    assert str(raised.value).endswith(f" {BOTH}: {says}")
    assert weeks(commonweal) == {WEEK: False}
    assert pairs(rounds.run(commonweal, WEEK)) == then
    assert rounds.release(commonweal, WEEK)
    assert weeks(commonweal) == {WEEK: True}


@pytest.mark.parametrize(
    ("settings", "cap", "says"),
    [
        ({}, 0, "borea: 1 about its offers, and it takes 0."),
        ({"needs_cap": 0}, None, "alba: 1 for its needs, and it takes 0."),
        ({"total_cap": 0}, None, "alba: 1 in all, and it takes 0.; borea: 1 in all, and it takes 0."),
    ],
    ids=["offers", "needs", "total"],
)
def test_limits_that_were_lowered_since_keep_the_round_back(
    commonweal: Commonweal, make: Make, settings: dict[str, int], cap: int | None, says: str
) -> None:
    rounds.run(commonweal, WEEK)
    with commonweal.database.write() as connection:
        members.edit(connection, "borea", {"attention_cap": cap})
    later = make(commonweal.database, **settings)
    with pytest.raises(StaleError) as raised:
        rounds.release(later, WEEK)
    assert str(raised.value).endswith(f"commonweal round --week {WEEK}. {says}")
    assert pairs(rounds.run(later, WEEK)) == []
    assert rounds.release(later, WEEK)


def test_a_need_that_closed_between_the_run_and_the_release_keeps_the_round_back(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, "alba-n1", {"closes": date(2026, 11, 24)})
    rounds.run(commonweal, WEEK)
    noon = commonweal.now()
    commonweal.now = lambda: noon + timedelta(days=2)
    with pytest.raises(StaleError, match=r"\): One of the two is not open on that day\.$"):
        rounds.release(commonweal, WEEK)
    assert pairs(rounds.run(commonweal, WEEK)) == []
    assert rounds.release(commonweal, WEEK)


def test_what_touches_no_pair_of_the_round_does_not_keep_it_back(commonweal: Commonweal) -> None:
    rounds.run(commonweal, WEEK)
    with commonweal.database.write() as connection:
        members.edit(connection, "ciano", {"description": "We look after parks."})
        decisions.block(connection, OrganisationId("alba"), OrganisationId("ciano"), "")
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
        found.append(pairs(rounds.run(commonweal, WEEK)))
    assert found == [[PAIR], [PAIR], []]


def test_a_decline_of_texts_nobody_encoded_yet_does_not_lock_the_release_out(commonweal: Commonweal) -> None:
    rounds.run(commonweal, WEEK)
    with commonweal.database.write() as connection:
        decisions.decline(connection, *PAIR, Decline("A stage for puppets", "Horses on loan", "as it was years ago"))
    assert rounds.release(commonweal, WEEK)


# Pins


HORSES = (ListingId("alba-n1"), ListingId("borea-o2"))
GONE = (ListingId("alba-n9"), ListingId("borea-o1"))


@pytest.fixture
def with_horses(commonweal: Commonweal, cast: dict) -> Commonweal:
    """Borea has horses on loan too, which nobody asked for."""
    horses = replace(cast["offer"], id=HORSES[1], text="Two horses on loan for a carnival", resource="animals")
    with commonweal.database.write() as connection:
        members.save(connection, listings={horses.id: horses})
    return commonweal


def pin(commonweal: Commonweal, *these: Pair, week: str = WEEK) -> None:
    for minutes, pair in enumerate(these):
        with commonweal.database.write() as connection:
            decisions.pin(connection, week, *pair, "they asked", AT + timedelta(minutes=minutes))


def test_a_pinned_pair_is_suggested_however_little_it_fits_in_its_week_only(with_horses: Commonweal) -> None:
    pin(with_horses, HORSES)
    rounds.run(with_horses, WEEK)
    found = load(with_horses)
    assert [(one.pair, one.pinned) for one in found.suggestions] == [(HORSES, True)]
    assert (found.pins, found.proposal.unmet) == ({HORSES}, {})
    assert pairs(rounds.run(with_horses, "2026-W49")) == [PAIR]


def test_pins_that_cannot_be_met_are_named_with_why_and_the_others_stand(with_horses: Commonweal) -> None:
    pin(with_horses, HORSES, PAIR, GONE)
    rounds.run(with_horses, WEEK)
    found = load(with_horses)
    assert [(one.pair, one.pinned) for one in found.suggestions] == [(HORSES, True)]
    assert found.proposal.unmet == {
        PAIR: "Alba Community Kitchen and Borea Transport are suggested to each other for something else this week. "
        + NO_ROOM,
        GONE: NOT_LISTED,
    }
    assert found.pins == {HORSES, PAIR, GONE}
    assert rounds.release(with_horses, WEEK)


def test_no_pin_overrules_a_hard_rule(commonweal: Commonweal) -> None:
    pin(commonweal, PAIR)
    with commonweal.database.write() as connection:
        block(connection)
    rounds.run(commonweal, WEEK)
    found = load(commonweal)
    assert (found.suggestions, found.pins) == ((), {PAIR})
    assert found.proposal.unmet == {PAIR: "These two organisations are not to be introduced."}


def test_what_is_pinned_or_taken_back_after_the_round_was_proposed_keeps_it_back(with_horses: Commonweal) -> None:
    remedy = f"Solve it anew, at the desk or with: commonweal round --week {WEEK}. "
    says = f"the round of {WEEK} does not hold any more. {remedy}"
    rounds.run(with_horses, WEEK)
    pin(with_horses, HORSES)
    with pytest.raises(StaleError) as pinned:
        rounds.release(with_horses, WEEK)
    assert (
        str(pinned.value)
        == says + "alba-n1 and borea-o2 (Alba Community Kitchen with Borea Transport): pinned, or no longer so."
    )
    assert pairs(rounds.run(with_horses, WEEK)) == [HORSES]
    with with_horses.database.write() as connection:
        decisions.clear(connection, WEEK, *HORSES)
    with pytest.raises(StaleError) as taken_back:
        rounds.release(with_horses, WEEK)
    assert str(taken_back.value) == str(pinned.value)
    assert weeks(with_horses) == {WEEK: False}
    rounds.run(with_horses, WEEK)
    pin(with_horses, HORSES, week="2026-W49")  # another week's: nothing to this one
    assert rounds.release(with_horses, WEEK)


# What would change


def test_a_dry_run_says_what_changes_since_the_last_released_round(with_horses: Commonweal) -> None:
    rounds.run(with_horses, WEEK)
    assert rounds.run(with_horses, "2026-W49", dry_run=True).differences == ()
    rounds.release(with_horses, WEEK)
    pin(with_horses, HORSES, week="2026-W49")
    rounds.run(with_horses, "2026-W49")  # not released
    lost = Difference(WEEK, new=(), gone=(PAIR,), served=(), left_out=("alba", "borea"))
    assert rounds.run(with_horses, "2026-W50", dry_run=True).differences == (lost,)
    assert rounds.run(with_horses, "2026-W47", dry_run=True).differences == ()  # nothing was released before


def test_a_dry_run_says_what_the_pins_of_its_week_change(with_horses: Commonweal) -> None:
    pin(with_horses, HORSES)
    dry = rounds.run(with_horses, WEEK, dry_run=True)
    assert pairs(dry) == [HORSES]
    assert dry.differences == (
        Difference("this week without its pins", new=(HORSES,), gone=(PAIR,), served=(), left_out=()),
    )
    assert weeks(with_horses) == {}


def test_a_dry_run_says_who_gets_something_through_a_pin_and_who_loses_it(
    with_horses: Commonweal, cast: dict, make: Make
) -> None:
    need = replace(cast["need"], id="delos-n1", organisation="delos", text="A choir for the summer fair")
    with with_horses.database.write() as connection:
        members.save(connection, organisations={"delos": replace(cast["alba"], id="delos")}, listings={need.id: need})
        members.edit(connection, "borea", {"attention_cap": 1})
    pair = (need.id, HORSES[1])
    pin(with_horses, pair)
    assert rounds.run(with_horses, WEEK, dry_run=True).differences == (
        Difference("this week without its pins", new=(pair,), gone=(PAIR,), served=("delos",), left_out=("alba",)),
    )


# Who is told what would help


SHORT = LeftOut(False, ("“A stall” is short: say how many, where, and by when.",))


@pytest.fixture
def short(commonweal: Commonweal, cast: dict) -> Commonweal:
    """Delos needs something in two words that nobody has."""
    need = replace(cast["need"], id="delos-n1", organisation="delos", text="A stall")
    with commonweal.database.write() as connection:
        members.save(connection, organisations={"delos": replace(cast["alba"], id="delos")}, listings={need.id: need})
    return commonweal


def left_out(commonweal: Commonweal, number: int) -> LeftOut:
    """What is kept of delos when the week's round is run, again, and released."""
    week = f"2026-W{number}"
    rounds.run(commonweal, week)
    rounds.run(commonweal, week)  # its own earlier revision does not count
    assert rounds.release(commonweal, week)
    return load(commonweal, week).proposal.left_out["delos"]


def test_whoever_gets_nothing_is_told_what_would_help_in_one_released_week_of_four(short: Commonweal) -> None:
    rounds.run(short, "2026-W47")  # proposed only: told nobody
    told = {number: left_out(short, number) for number in range(48, 53)}
    assert told == {48: SHORT, 49: LeftOut(False), 50: LeftOut(False), 51: LeftOut(False), 52: SHORT}


def test_weeks_that_are_released_out_of_order_tell_nobody_twice_in_four(short: Commonweal) -> None:
    assert [left_out(short, number) for number in (50, 48, 53)] == [SHORT, LeftOut(False), LeftOut(False)]


NEED_OF_ALBA = Listing(id=ListingId("alba-n2"), organisation=OrganisationId("alba"), kind=Kind.NEED, text="A wigwam")


def test_whoever_had_a_suggestion_lately_is_not_told_what_would_help(short: Commonweal, cast: dict) -> None:
    with short.database.write() as connection:
        members.save(connection, listings={NEED_OF_ALBA.id: NEED_OF_ALBA})
    rounds.run(short, WEEK)
    rounds.release(short, WEEK)
    proposed = rounds.run(short, "2026-W50").proposal.left_out
    assert proposed["alba"] == LeftOut(False)
    later = rounds.run(short, "2026-W52").proposal.left_out
    assert later["alba"] == LeftOut(False, ("“A wigwam” is short: say how many, where, and by when.",))


def test_whoever_is_paused_is_left_alone(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        pause(connection)
    assert rounds.run(commonweal, WEEK).proposal.left_out == {"alba": NOTHING_FITS}


# Settings


@pytest.fixture
def with_twin(commonweal: Commonweal, cast: dict) -> Commonweal:
    """Delos is as Borea is, and offers the same."""
    offer = replace(cast["offer"], id="delos-o1", organisation="delos")
    with commonweal.database.write() as connection:
        members.save(
            connection,
            organisations={"delos": replace(cast["borea"], id="delos", name="Delos Buses")},
            listings={offer.id: offer},
        )
    return commonweal


TWINS = {PAIR, ("alba-n1", "delos-o1")}


def test_chance_decides_between_twins_and_says_how_likely_each_was(with_twin: Commonweal, make: Make) -> None:
    proposal = rounds.run(make(with_twin.database, needs_cap=1), WEEK).proposal
    ((one,), (other,)) = proposal.suggestions, proposal.passed_over
    assert {one.pair, (other.need, other.offer)} == TWINS
    assert (one.propensity, other.propensity, other.why) == (0.5, 0.5, BY_CHANCE)


def test_without_exploration_nothing_is_left_to_chance(with_twin: Commonweal, make: Make) -> None:
    proposal = rounds.run(make(with_twin.database, needs_cap=1, exploration=0), WEEK).proposal
    assert [(one.pair, one.propensity) for one in proposal.suggestions] == [(PAIR, 1.0)]
    assert [one.propensity for one in proposal.passed_over] == [0.0] * len(proposal.passed_over)


def test_the_same_week_draws_the_same_and_other_weeks_others(with_twin: Commonweal, make: Make) -> None:
    small = make(with_twin.database, needs_cap=1)
    drawn = [pairs(rounds.run(small, f"2026-W{number}", dry_run=True)) for number in range(10, 30)]
    assert drawn == [pairs(rounds.run(small, f"2026-W{number}", dry_run=True)) for number in range(10, 30)]
    assert {pair for found in drawn for pair in found} == TWINS


def test_the_cap_on_all_suggestions_of_an_organisation_is_a_setting(with_twin: Commonweal, make: Make) -> None:
    assert set(pairs(rounds.run(with_twin, WEEK))) == TWINS
    assert len(pairs(rounds.run(make(with_twin.database, total_cap=1), WEEK))) == 1
    none = rounds.run(make(with_twin.database, total_cap=0), WEEK)
    assert (pairs(none), none.proposal.left_out) == ([], dict.fromkeys(("alba", "borea", "delos"), NO_ROOM_FOR_IT))

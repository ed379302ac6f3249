"""Asking for an introduction from what one found: the same consent, rules and caps as in a round."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from matcher.proposing import Proposal
from matcher.records import (
    About,
    Exclusion,
    Kind,
    Listing,
    ListingId,
    OrganisationId,
    Standing,
    Strength,
    Suggestion,
    Visibility,
)
from service import introductions, requesting
from service import rounds as weekly
from service.introductions import UnknownSuggestionError
from service.requesting import AlreadySuggestedError, FullError, UnknownListingError
from service.standing import ClosedError
from service.store import decisions, members, people, rounds
from service.store import introductions as stored
from service.store.introductions import Answer, Origin, State, Via, key_of
from service.wiring import Commonweal

WEEK = "2026-W48"
ALBA, BOREA, CIANO = OrganisationId("alba"), OrganisationId("borea"), OrganisationId("ciano")
NEED, OFFER = ListingId("alba-n1"), ListingId("borea-o1")
KEY = key_of(WEEK, NEED, OFFER)


@pytest.fixture
def who(commonweal: Commonweal) -> Mapping[str, str]:
    """Who acts for whom."""
    with commonweal.database.read() as connection:
        return {id_: people.of(connection, OrganisationId(id_))[0].person.id for id_ in ("alba", "borea", "ciano")}


def ask(commonweal: Commonweal, who: Mapping[str, str], own: str = NEED, theirs: str = OFFER, side: str = ALBA) -> str:
    return requesting.request(commonweal, OrganisationId(side), ListingId(own), ListingId(theirs), who[side])


def mails(commonweal: Commonweal) -> list[str]:
    with commonweal.database.read() as connection:
        rows = connection.execute(text("select kind, email from mails order by kind, email"))
        return [f"{row.kind} {row.email}" for row in rows]


def edit(commonweal: Commonweal, record: str, **changed: object) -> None:
    with commonweal.database.write() as connection:
        members.edit(connection, record, changed)


def list_more(commonweal: Commonweal, listing: Listing, count: int) -> list[ListingId]:
    """So many more listings like this one."""
    more = [ListingId(f"{listing.id}-{number}") for number in range(count)]
    values = {name: getattr(listing, name) for name in ("organisation", "kind", "text", "resource")}
    with commonweal.database.write() as connection:
        members.save(connection, listings={id_: Listing(id=id_, **values) for id_ in more})
    return more


def test_who_asks_is_interested_and_the_other_side_is_asked_with_reasons(
    commonweal: Commonweal, who: Mapping[str, str], cast: Mapping[str, Any]
) -> None:
    assert ask(commonweal, who) == KEY
    with commonweal.database.read() as connection:
        begun = stored.load(connection, KEY)
    assert begun is not None
    assert (begun.state, begun.origin, begun.opened_by, begun.week) == (State.ASKED, Origin.FOUND, ALBA, WEEK)
    assert (begun.suggestion.need, begun.suggestion.offer) == (cast["need"], cast["offer"])
    assert About.CLAUSES in {reason.about for reason in begun.suggestion.reasons}
    assert {side: reply.answer for side, reply in begun.replies.items()} == {ALBA: Answer.INTERESTED}
    assert mails(commonweal) == ["asked bjorn@borea.example"]
    introductions.reply(commonweal, BOREA, KEY, who["borea"], Answer.INTERESTED)
    assert mails(commonweal)[1:] == ["introduction ann@alba.example", "introduction bjorn@borea.example"]


def test_who_offers_asks_just_so(commonweal: Commonweal, who: Mapping[str, str]) -> None:
    assert ask(commonweal, who, own=OFFER, theirs=NEED, side=BOREA) == KEY
    assert mails(commonweal) == ["asked ann@alba.example"]


def test_it_fits_as_well_as_a_round_would_say(commonweal: Commonweal, who: Mapping[str, str]) -> None:
    (expected,) = weekly.run(commonweal, WEEK, dry_run=True).proposal.suggestions
    ask(commonweal, who)
    with commonweal.database.read() as connection:
        begun = stored.load(connection, KEY)
    assert begun is not None
    assert (begun.suggestion.strength, begun.suggestion.fit) == (expected.strength, pytest.approx(expected.fit))
    assert begun.suggestion.reasons == expected.reasons


def test_what_was_asked_for_is_taken_back_and_not_suggested_in_that_weeks_round(
    commonweal: Commonweal, who: Mapping[str, str]
) -> None:
    ask(commonweal, who)
    introductions.take_back(commonweal, ALBA, KEY, who["alba"])
    assert mails(commonweal) == []
    assert weekly.run(commonweal, WEEK, dry_run=True).proposal.suggestions == ()
    introductions.reply(commonweal, BOREA, KEY, who["borea"], Answer.INTERESTED)
    with commonweal.database.read() as connection:
        begun = stored.load(connection, KEY)
    assert begun is not None
    assert (begun.state, begun.origin, begun.opened_by) == (State.ASKED, Origin.FOUND, BOREA)


def test_what_was_suggested_within_eight_weeks_is_pointed_at(commonweal: Commonweal, who: Mapping[str, str]) -> None:
    weekly.run(commonweal, WEEK)
    weekly.release(commonweal, WEEK)
    with pytest.raises(AlreadySuggestedError, match=r"^This has been suggested to you already") as refused:
        ask(commonweal, who)
    assert refused.value.key == KEY
    later = commonweal.now() + timedelta(weeks=8)
    commonweal.now = lambda: later
    assert ask(commonweal, who) == key_of("2027-W03", NEED, OFFER)


def test_asking_twice_points_at_the_first(commonweal: Commonweal, who: Mapping[str, str]) -> None:
    ask(commonweal, who)
    for own, theirs, side in ((NEED, OFFER, ALBA), (OFFER, NEED, BOREA)):
        with pytest.raises(AlreadySuggestedError) as refused:
            ask(commonweal, who, own, theirs, side)
        assert refused.value.key == KEY
    assert mails(commonweal) == ["asked bjorn@borea.example"]


@pytest.mark.parametrize(
    ("own", "theirs", "changed"),
    [
        ("nowhere", OFFER, {}),
        (NEED, "nowhere", {}),
        (OFFER, NEED, {}),  # not one's own
        (NEED, NEED, {}),
        (NEED, OFFER, {"borea-o1": {"visibility": Visibility.PARTNERS}}),
        (NEED, OFFER, {"borea-o1": {"visibility": Visibility.COORDINATORS}}),
        (NEED, OFFER, {"borea-o1": {"closes": weekly.rounds.monday("2026-W40")}}),
        (NEED, OFFER, {"borea": {"standing": Standing.LISTED}}),
        (NEED, "profile:ciano", {}),  # listed only
    ],
)
def test_only_what_one_may_see_is_asked_about_and_only_with_ones_own(
    commonweal: Commonweal, who: Mapping[str, str], own: str, theirs: str, changed: dict[str, dict[str, object]]
) -> None:
    for record, fields in changed.items():
        edit(commonweal, record, **fields)
    with pytest.raises(UnknownListingError):
        ask(commonweal, who, own, theirs)
    assert mails(commonweal) == []


def test_nobody_asks_for_an_organisation_that_they_do_not_act_for(
    commonweal: Commonweal, who: Mapping[str, str]
) -> None:
    for person, via in ((who["borea"], Via.PAGE), (who["borea"], Via.COORDINATOR)):
        with pytest.raises(UnknownSuggestionError):
            requesting.request(commonweal, ALBA, NEED, OFFER, person, via=via)
    assert mails(commonweal) == []


def test_a_description_is_asked_about_like_an_offer(
    commonweal: Commonweal, who: Mapping[str, str], cast: Mapping[str, Any]
) -> None:
    dorado = replace(cast["borea"], id=OrganisationId("dorado"), name="Dorado")
    with commonweal.database.write() as connection:
        members.save(connection, organisations={dorado.id: dorado})
    key = ask(commonweal, who, theirs="profile:dorado")
    with commonweal.database.read() as connection:
        begun = stored.load(connection, key)
    assert begun is not None
    assert (begun.suggestion.offer.kind, begun.sides) == (Kind.PROFILE, ("alba", "dorado"))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"borea": {"excludes": (Exclusion("alba"),)}}, "These two cannot be introduced about this"),
        ({"borea-o1": {"capacity": 0}}, "Borea Transport has as many partners for this as it takes."),
        ({"alba-n1": {"capacity": 0}}, "This has as many partners as you said it takes"),
        ({"borea-o1": {"places": ("Truro",)}, "alba-n1": {"places": ("Leeds",)}}, "Their places do not meet"),
    ],
)
def test_a_rule_forbids_it_like_a_round(
    commonweal: Commonweal, who: Mapping[str, str], changed: dict[str, dict[str, object]], says: str
) -> None:
    for record, fields in changed.items():
        edit(commonweal, record, **fields)
    with pytest.raises(ClosedError, match=says) as raised:
        ask(commonweal, who)
    assert repr(requesting.why_not(commonweal, ALBA, NEED, OFFER)) == repr(raised.value)
    assert mails(commonweal) == []


def test_why_not_says_beforehand_what_asking_would_and_changes_nothing(
    commonweal: Commonweal, who: Mapping[str, str], cast: Mapping[str, Any]
) -> None:
    (need,), (offer,) = list_more(commonweal, cast["need"], 1), list_more(commonweal, cast["offer"], 1)
    edit(commonweal, "borea", attention_cap=1)
    assert requesting.why_not(commonweal, ALBA, NEED, OFFER) is None
    assert mails(commonweal) == []
    key = ask(commonweal, who)
    again = requesting.why_not(commonweal, ALBA, NEED, OFFER)
    assert isinstance(again, AlreadySuggestedError)
    assert again.key == key
    says = "Borea Transport has as many suggestions as it takes in a week; ask again from Monday, 30 November."
    assert str(requesting.why_not(commonweal, ALBA, need, offer)) == says
    assert isinstance(requesting.why_not(commonweal, ALBA, NEED, ListingId("gone")), UnknownListingError)


def test_who_takes_none_about_its_offers_is_told_so_without_a_day(
    commonweal: Commonweal, who: Mapping[str, str]
) -> None:
    edit(commonweal, "borea", attention_cap=0)
    says = "You take no suggestions about your offers: your profile says so."
    assert requesting.week_is_full(commonweal, BOREA, Kind.OFFER) == says
    assert str(requesting.why_not(commonweal, BOREA, OFFER, NEED)) == says
    assert str(requesting.why_not(commonweal, ALBA, NEED, OFFER)) == (
        "Borea Transport takes no suggestions about its offers."
    )


@pytest.mark.parametrize("paused", [ALBA, BOREA])
def test_who_is_paused_neither_asks_nor_is_asked(
    commonweal: Commonweal, who: Mapping[str, str], paused: OrganisationId
) -> None:
    with commonweal.database.write() as connection:
        decisions.pause(connection, paused, "-", commonweal.now())
    says = "You are paused: resume first." if paused == ALBA else "Borea Transport takes nothing new for now."
    with pytest.raises(ClosedError, match=says):
        ask(commonweal, who)


def test_who_has_as_many_as_it_takes_this_week_asks_again_from_monday(
    commonweal: Commonweal, who: Mapping[str, str], cast: Mapping[str, Any]
) -> None:
    needs, offers = list_more(commonweal, cast["need"], 4), list_more(commonweal, cast["offer"], 4)
    edit(commonweal, "borea", attention_cap=9)
    for need, offer in zip(needs[:3], offers, strict=False):
        ask(commonweal, who, need, offer)
    assert requesting.week_is_full(commonweal, ALBA, Kind.OFFER) == ""
    full = "You have as many suggestions this week as you take (3). From Monday, 30 November, you can ask for more."
    assert requesting.week_is_full(commonweal, ALBA, Kind.NEED) == full
    with pytest.raises(FullError, match=f"^{re.escape(full)}$"):
        ask(commonweal, who, needs[3], offers[3])
    later = commonweal.now() + timedelta(weeks=1)
    commonweal.now = lambda: later
    ask(commonweal, who, needs[3], offers[3])


@pytest.mark.parametrize("first", ["asked for", "released"])
def test_who_is_asked_gets_no_more_than_it_takes_a_week_of_rounds_and_requests(
    first: str, commonweal: Commonweal, who: Mapping[str, str], cast: Mapping[str, Any]
) -> None:
    (need,), (offer,) = list_more(commonweal, cast["need"], 1), list_more(commonweal, cast["offer"], 1)
    edit(commonweal, "borea", attention_cap=1)
    if first == "asked for":
        ask(commonweal, who)
    else:
        made = Suggestion(need=cast["need"], offer=cast["offer"], fit=0.75, strength=Strength.GOOD, score=1.0)
        with commonweal.database.write() as connection:
            rounds.propose(connection, WEEK, Proposal((made,)), versions={}, at=commonweal.now())
            rounds.release(connection, WEEK, commonweal.now())
    says = r"^Borea Transport has as many suggestions as it takes in a week; ask again from Monday, 30 November\.$"
    with pytest.raises(FullError, match=says):
        ask(commonweal, who, need, offer)


def test_a_coordinator_asks_only_for_an_organisation_that_cannot_itself_and_its_people_are_told(
    commonweal: Commonweal, who: Mapping[str, str]
) -> None:
    with commonweal.database.write() as connection:
        cora = people.ensure(connection, "cora@network.example")
        people.grant(connection, cora.id, people.Access.COORDINATOR)
    with pytest.raises(
        ClosedError, match=r"^Ann Alba of Alba Community Kitchen can reply; a coordinator says yes only"
    ):
        requesting.request(commonweal, ALBA, NEED, OFFER, cora.id, via=Via.COORDINATOR)
    with commonweal.database.write() as connection:
        people.give_up_on(connection, "ann@alba.example", "550 nobody", commonweal.now())
    requesting.request(commonweal, ALBA, NEED, OFFER, cora.id, via=Via.COORDINATOR)
    assert mails(commonweal) == ["asked bjorn@borea.example", "replied ann@alba.example"]

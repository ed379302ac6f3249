"""Replies and introductions in the store: kept whole, moved only from the state they are in, counted by a round."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from matcher.proposing import Proposal
from matcher.records import (
    About,
    Kind,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Reason,
    Standing,
    Strength,
    Suggestion,
    profile,
)
from service.store import holdings, introductions, mails, members, people, rounds, standing, suggested
from service.store.database import Connection, Database
from service.store.introductions import Answer, Introduction, Origin, Outcome, Reply, Said, State, Via, key_of
from service.store.mails import Kind as MailKind
from service.store.standing import Bar, Objection
from service.store.suggested import Suggested

WEEK, AT = "2026-W48", datetime(2026, 11, 23, 9, 30, 0, 250, tzinfo=UTC)
ALBA, BOREA = OrganisationId("alba"), OrganisationId("borea")
ORGANISATIONS = {
    one: Organisation(id=one, name=one.title(), standing=Standing.MEMBER, description="We cook.")
    for one in (ALBA, BOREA)
}
NEED = Listing(
    id=ListingId("n"), organisation=ALBA, kind=Kind.NEED, text="A hall", capacity=2, closes=date(2027, 1, 31)
)
OFFER = Listing(id=ListingId("o"), organisation=BOREA, kind=Kind.OFFER, text="A hall, große Küche")
SUGGESTION = Suggestion(
    need=NEED,
    offer=OFFER,
    fit=0.1 + 0.2,
    strength=Strength.GOOD,
    score=-1.25,
    reasons=(Reason(About.CLAUSES, "They meet.", "a hall", "a hall"),),
    mismatches=(Reason(About.TIMING, "It opens later."),),
    cautions=(Reason(About.DUTY, "Speak with the council."),),
)
KEY = key_of(WEEK, NEED.id, OFFER.id)
BEGUN = Introduction(
    key=KEY,
    week=WEEK,
    suggestion=SUGGESTION,
    origin=Origin.ROUND,
    state=State.ASKED,
    opened_by=ALBA,
    opened_at=AT,
    due=date(2026, 12, 7),
)
Do = Callable[[Callable[[Connection], Any]], Any]


@pytest.fixture
def ann(database: Database) -> str:
    with database.write() as connection:
        members.save(connection, organisations=ORGANISATIONS, listings={one.id: one for one in (NEED, OFFER)})
        return people.ensure(connection, "ann@alba.example").id


@pytest.fixture
def do(database: Database, ann: str) -> Do:
    """In a transaction of its own."""

    def done(what: Callable[[Connection], Any]) -> Any:
        with database.write() as connection:
            return what(connection)

    return done


def begin(do: Do, **changed: Any) -> Introduction:
    begun: Introduction = do(lambda connection: introductions.begin(connection, replace(BEGUN, **changed)))
    return begun


def history(do: Do, on: date = date(2026, 11, 23), besides: str = "") -> Any:
    return do(lambda connection: rounds.history(connection, on, besides))


def test_an_introduction_is_kept_whole(do: Do) -> None:
    assert begin(do) == BEGUN
    assert do(lambda connection: introductions.load(connection, KEY)) == BEGUN
    assert do(lambda connection: introductions.load(connection, "0" * 20)) is None


def test_replies_and_outcomes_are_kept_with_it(do: Do, ann: str) -> None:
    begin(do)
    reply = Reply(
        suggestion=KEY, organisation=BOREA, answer=Answer.INTERESTED, why="über", person=ann, via=Via.LINK, at=AT
    )
    said = Said(outcome=Outcome.MET, person=ann, at=AT)
    do(lambda connection: introductions.add(connection, reply))
    do(lambda connection: introductions.say(connection, KEY, ALBA, replace(said, outcome=Outcome.NO_ANSWER)))
    do(lambda connection: introductions.say(connection, KEY, ALBA, said))
    do(lambda connection: introductions.move(connection, KEY, State.ASKED, State.INTRODUCED, introduced_at=AT))
    found = do(lambda connection: introductions.load(connection, KEY))
    assert found == replace(
        BEGUN, state=State.INTRODUCED, introduced_at=AT, replies={BOREA: reply}, outcomes={ALBA: said}
    )
    assert found.seen_by(BOREA) == replace(found, outcomes={})
    assert [do(lambda connection: introductions.remove(connection, reply)) for _ in range(2)] == [True, False]


def test_a_second_reply_of_an_organisation_cannot_be_stored(do: Do, ann: str) -> None:
    reply = Reply(suggestion=KEY, organisation=BOREA, answer=Answer.INTERESTED, person=ann, via=Via.PAGE, at=AT)
    do(lambda connection: introductions.add(connection, reply))
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        do(lambda connection: introductions.add(connection, replace(reply, answer=Answer.NOT_NOW)))


def test_a_state_is_left_once(do: Do) -> None:
    begin(do)
    moved = [
        do(lambda connection: introductions.move(connection, KEY, State.ASKED, State.EXPIRED, closed_at=AT))
        for _ in range(2)
    ]
    noted = [
        do(lambda connection, state=state: introductions.note(connection, KEY, state, "reminded_at", AT))
        for state in (State.ASKED, State.EXPIRED, State.EXPIRED)
    ]
    assert (moved, noted) == ([True, False], [False, True, False])


def test_one_that_was_withdrawn_begins_again_as_a_later_one_and_no_other_does(do: Do) -> None:
    begin(do)
    do(lambda connection: introductions.move(connection, KEY, State.ASKED, State.WITHDRAWN, closed_at=AT))
    again = begin(do, opened_by=BOREA)
    assert again == replace(BEGUN, opened_by=BOREA, opened_at=AT + timedelta(microseconds=1))
    assert do(lambda connection: introductions.load(connection, KEY)) == again
    with pytest.raises(AssertionError):
        begin(do)


def test_an_organisation_reads_its_own_the_newest_first(do: Do) -> None:
    begin(do)
    newer = key_of("2026-W49", NEED.id, OFFER.id)
    begin(do, key=newer, week="2026-W49", opened_at=AT + timedelta(days=7))
    assert [one.key for one in do(lambda connection: introductions.of(connection, BOREA))] == [newer, KEY]
    assert do(lambda connection: introductions.of(connection, OrganisationId("ciano"))) == ()


def test_what_was_suggested_is_told_to_its_two_sides_newest_and_best_first(do: Do, ann: str) -> None:
    latent = profile(ORGANISATIONS[BOREA])
    second = replace(SUGGESTION, offer=latent, fit=0.9)

    def release(connection: Connection) -> None:
        for week, made in (("2026-W40", (SUGGESTION,)), (WEEK, (SUGGESTION, second)), ("2026-W49", (second,))):
            rounds.propose(connection, week, Proposal(made), versions={}, at=AT)
            if week != "2026-W49":
                rounds.release(connection, week, AT)

    do(release)
    expected = [
        Suggested(key=key_of(week, *one.pair), week=week, suggestion=one)
        for week, one in ((WEEK, second), (WEEK, SUGGESTION), ("2026-W40", SUGGESTION))
    ]
    for side in (ALBA, BOREA):
        assert list(do(lambda connection, side=side: suggested.released_for(connection, side))) == expected
        for one in expected:
            assert do(lambda connection, side=side, key=one.key: suggested.find(connection, side, key)) == one
    assert do(lambda connection: suggested.released_for(connection, ALBA, WEEK)) == tuple(expected[:2])
    stranger = OrganisationId("ciano")
    assert do(lambda connection: suggested.find(connection, stranger, KEY)) is None
    assert do(lambda connection: suggested.released_for(connection, stranger)) == ()


def test_what_a_member_asked_for_is_told_to_both_sides_like_a_suggestion(do: Do) -> None:
    begun = begin(do, origin=Origin.FOUND)
    for side in (ALBA, BOREA):
        told = Suggested(key=KEY, week=WEEK, suggestion=SUGGESTION, introduction=begun)
        assert do(lambda connection, side=side: suggested.released_for(connection, side)) == (told,)
        assert do(lambda connection, side=side: suggested.find(connection, side, KEY)) == told


def test_a_round_counts_the_partners_that_listings_have_or_will_have(do: Do, ann: str) -> None:
    states: Mapping[str, tuple[State, tuple[Outcome, ...]]] = {
        "asked": (State.ASKED, ()),
        "introduced": (State.INTRODUCED, (Outcome.MET,)),
        "arranged": (State.INTRODUCED, (Outcome.ARRANGED, Outcome.MET)),
        "disputed": (State.INTRODUCED, (Outcome.MET, Outcome.NO_ANSWER)),
        "nowhere": (State.INTRODUCED, (Outcome.NO_ANSWER, Outcome.NOT_GOING_AHEAD)),
        "silent": (State.INTRODUCED, (Outcome.NO_ANSWER,)),
        "declined": (State.DECLINED, ()),
        "expired": (State.EXPIRED, ()),
        "withdrawn": (State.WITHDRAWN, ()),
    }
    for offer, (state, outcomes) in states.items():
        key = key_of(WEEK, NEED.id, ListingId(offer))
        begin(do, key=key, suggestion=replace(SUGGESTION, offer=replace(OFFER, id=ListingId(offer))), state=state)
        for side, outcome in zip((ALBA, BOREA), outcomes, strict=False):
            said = Said(outcome=outcome, person=ann, at=AT)
            do(lambda connection, key=key, side=side, said=said: introductions.say(connection, key, side, said))
    assert history(do).taken == {"n": 4, "asked": 1, "introduced": 1, "arranged": 1, "disputed": 1}
    found = do(lambda connection: holdings.holding(connection, [ListingId("asked")]))
    one = key_of(WEEK, NEED.id, ListingId("asked"))
    assert found == {"n": {one: State.ASKED}, "asked": {one: State.ASKED}}


@pytest.mark.parametrize("side", ["alba", "borea"])
@pytest.mark.parametrize("state", [State.ASKED, State.INTRODUCED])
def test_an_introduction_of_who_is_no_member_any_more_takes_nobodys_place(do: Do, state: State, side: str) -> None:
    begin(do, state=state)
    assert history(do).taken == {"n": 1, "o": 1}
    do(lambda connection: members.edit(connection, side, {"standing": Standing.INVITED}))
    assert history(do).taken == {}


def test_a_round_counts_the_introductions_of_eight_weeks_and_knows_who_replies(do: Do, ann: str) -> None:
    begin(do)
    do(lambda connection: introductions.move(connection, KEY, State.ASKED, State.INTRODUCED, introduced_at=AT))
    assert history(do).introduced == {"alba": 1, "borea": 1}
    assert history(do, date(2027, 1, 17)).introduced == {"alba": 1, "borea": 1}
    assert history(do, date(2027, 1, 18)).introduced == {}
    old = Reply(suggestion="x", organisation=BOREA, answer=Answer.NOT_NOW, person=ann, via=Via.PAGE, at=AT)
    do(lambda connection: introductions.add(connection, replace(old, at=datetime(2027, 1, 10, tzinfo=UTC))))
    assert history(do, date(2027, 1, 18)).introduced == {"borea": 0}


def test_what_a_member_asked_for_is_not_suggested_again_for_eight_weeks_not_even_in_that_weeks_round(do: Do) -> None:
    begin(do, origin=Origin.FOUND)
    pair, monday = SUGGESTION.pair, date(2026, 11, 23)
    assert history(do, besides=WEEK).suggested == {pair: monday}
    assert history(do, date(2027, 1, 18)).suggested == {pair: monday}  # within the rule's own count of days
    assert history(do, date(2027, 1, 25)).suggested == {}
    about = do(lambda connection: rounds.history(connection, monday, about=ListingId("another")))
    assert about.suggested == {}


def test_what_a_round_suggested_counts_from_its_round_alone(do: Do) -> None:
    begin(do)
    assert history(do, besides=WEEK).suggested == {}


@pytest.mark.parametrize("gone", [mails.State.SENDING, mails.State.SENT, mails.State.UNSURE])
def test_a_mail_that_waits_is_taken_back_and_one_that_may_have_gone_is_named(
    do: Do, ann: str, gone: mails.State
) -> None:
    def promise(connection: Connection) -> bool:
        person = people.get(connection, ann)
        assert person is not None
        return mails.promise(connection, MailKind.ASKED, "k", to=person, about={}, due=AT)

    def take_back(connection: Connection) -> frozenset[str]:
        return mails.take_back(connection, MailKind.ASKED, "k", [ann, "other"])

    assert [do(promise), do(promise), do(take_back), do(promise)] == [True, False, frozenset(), True]
    claimed = do(lambda connection: mails.claim(connection, AT))
    if gone is not mails.State.SENDING:
        do(lambda connection: mails.finish(connection, claimed.key, gone, AT))
    assert do(take_back) == {ann}
    assert do(promise) is False


def test_a_suggestion_of_a_description_stands_as_long_as_its_organisation(do: Do) -> None:
    latent = replace(SUGGESTION, offer=profile(ORGANISATIONS[BOREA]))
    on = date(2026, 11, 23)
    assert do(lambda connection: standing.objections(connection, latent, on)) == ()
    gone = replace(SUGGESTION, offer=replace(OFFER, id=ListingId("gone")))
    assert do(lambda connection: standing.objections(connection, gone, on)) == (Objection(Bar.GONE, BOREA),)


def test_a_side_that_chooses_is_full_by_whom_it_was_introduced_to_and_not_by_whom_it_asked(do: Do) -> None:
    do(lambda connection: members.edit(connection, "n", {"capacity": 1}))
    second = key_of(WEEK, NEED.id, ListingId("second"))

    def full(key: str, *choosing: OrganisationId) -> Any:
        return do(lambda connection: standing.objections(connection, SUGGESTION, AT.date(), key, choosing))

    begin(do, key=second, suggestion=replace(SUGGESTION, offer=replace(OFFER, id=ListingId("second"))))
    assert (full(KEY), full(KEY, BOREA)) == ((Objection(Bar.FULL, ALBA),),) * 2
    assert (full(KEY, ALBA), full(second)) == ((), ())
    do(lambda connection: introductions.move(connection, second, State.ASKED, State.INTRODUCED, introduced_at=AT))
    assert full(KEY, ALBA) == (Objection(Bar.FULL, ALBA),)

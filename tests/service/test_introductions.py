"""Two-sided consent: every way in which two sides may say yes, no or nothing, and who is told what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from matcher.proposing import Proposal
from matcher.records import Decline, Exclusion, ListingId, OrganisationId, Standing, Strength, Suggestion, Visibility
from service import introductions, reply_links, standing, telling
from service.introductions import AnsweredError, UnknownSuggestionError
from service.signing import LinkError
from service.standing import NOT_TO_BE, ClosedError
from service.store import decisions, events, members, people, rounds, suggested
from service.store import introductions as stored
from service.store.introductions import Answer, Introduction, Outcome, State, Via, key_of
from service.store.mails import Kind
from service.store.people import Access
from service.store.suggested import Suggested
from service.wiring import Commonweal

WEEK = "2026-W48"
ALBA, BOREA, CIANO = OrganisationId("alba"), OrganisationId("borea"), OrganisationId("ciano")
KEY = key_of(WEEK, ListingId("alba-n1"), ListingId("borea-o1"))
YES, NOT_NOW, NEVER = Answer.INTERESTED, Answer.NOT_NOW, Answer.NOT_FOR_US


@dataclass
class Stage:
    """A released suggestion of alba, for whom Ann and Abel act, and borea, for whom Björn does; Cora coordinates."""

    commonweal: Commonweal
    who: Mapping[str, str]
    suggestion: Suggestion

    def reply(self, who: str, answer: Answer, organisation: str = "", **more: Any) -> Suggested:
        side = OrganisationId(organisation or self.side(who))
        return introductions.reply(self.commonweal, side, KEY, self.who[who], answer, **more)

    def take_back(self, who: str, **more: Any) -> Suggested:
        return introductions.take_back(self.commonweal, self.side(who), KEY, self.who[who], **more)

    @staticmethod
    def side(who: str) -> OrganisationId:
        return BOREA if who == "bjorn" else ALBA

    def after(self, **time: float) -> None:
        """The clock moves on."""
        at = self.commonweal.now() + timedelta(**time)
        self.commonweal.now = lambda: at

    @property
    def state(self) -> State | None:
        found = self.introduction
        return found and found.state

    @property
    def introduction(self) -> Introduction | None:
        with self.commonweal.database.read() as connection:
            return stored.load(connection, KEY)

    @property
    def answers(self) -> dict[str, Answer]:
        with self.commonweal.database.read() as connection:
            return {one: said.answer for one, said in stored.replies(connection, [KEY]).get(KEY, {}).items()}

    @property
    def mails(self) -> list[str]:
        """Whom mails wait for, by kind."""
        with self.commonweal.database.read() as connection:
            rows = connection.execute(
                text("select kind, email from mails where state = 'waiting' order by kind, email")
            )
            return [f"{row.kind} {row.email.split('@')[0]}" for row in rows]

    def sent(self) -> None:
        """All that waits has gone."""
        with self.commonweal.database.write() as connection:
            connection.execute(text("update mails set state = 'sent'"))

    def seen_by(self, organisation: OrganisationId) -> Suggested:
        with self.commonweal.database.read() as connection:
            found = suggested.find(connection, organisation, KEY)
        assert found is not None
        return found

    def edit(self, record: str, **changed: object) -> None:
        with self.commonweal.database.write() as connection:
            members.edit(connection, record, changed)


@pytest.fixture
def stage(commonweal: Commonweal, cast: Mapping[str, Any]) -> Stage:
    suggestion = Suggestion(need=cast["need"], offer=cast["offer"], fit=0.75, strength=Strength.GOOD, score=1.5)
    with commonweal.database.write() as connection:
        rounds.propose(connection, WEEK, Proposal((suggestion,)), versions={}, at=commonweal.now())
        rounds.release(connection, WEEK, commonweal.now())
        who = {}
        for name, organisation in (("ann", ALBA), ("abel", ALBA), ("bjorn", BOREA), ("cia", CIANO)):
            person = people.ensure(connection, f"{name}@{organisation}.example", f"{name.title()}")
            people.join(connection, person.id, organisation, by="import")
            who[name] = person.id
        cora = people.ensure(connection, "cora@network.example", "Cora")
        people.grant(connection, cora.id, Access.COORDINATOR)
    return Stage(commonweal, {**who, "cora": cora.id}, suggestion)


def test_one_side_is_interested_and_the_other_is_asked(stage: Stage) -> None:
    found = stage.reply("ann", YES)
    begun = stage.introduction
    assert begun is not None
    assert found == replace(stage.seen_by(ALBA), introduction=begun.seen_by(ALBA))
    assert begun == Introduction(
        key=KEY,
        week=WEEK,
        suggestion=stage.suggestion,
        origin=stored.Origin.ROUND,
        state=State.ASKED,
        opened_by=ALBA,
        opened_at=stage.commonweal.now(),
        due=stage.commonweal.now().date() + timedelta(days=14),
        replies={
            ALBA: stored.Reply(
                suggestion=KEY,
                organisation=ALBA,
                answer=YES,
                person=stage.who["ann"],
                via=Via.PAGE,
                at=stage.commonweal.now(),
            )
        },
    )
    assert stage.mails == ["asked bjorn", "replied abel"]


def test_both_are_interested_and_who_replied_is_introduced(stage: Stage) -> None:
    stage.reply("abel", YES, via=Via.LINK)
    stage.after(days=1)
    stage.reply("bjorn", YES)
    begun = stage.introduction
    assert begun is not None
    assert (begun.state, begun.introduced_at, stage.answers) == (
        State.INTRODUCED,
        stage.commonweal.now(),
        {"alba": YES, "borea": YES},
    )
    assert stage.mails == ["asked bjorn", "introduction abel", "introduction bjorn", "replied ann"]


@pytest.mark.parametrize("no", [NOT_NOW, NEVER])
def test_a_no_closes_what_the_other_side_began_and_tells_it_without_the_reason(stage: Stage, no: Answer) -> None:
    stage.reply("ann", YES)
    stage.reply("bjorn", no, why="wrong  place")
    assert (stage.state, stage.mails) == (State.DECLINED, ["asked bjorn", "declined ann", "replied abel"])
    told = stage.seen_by(ALBA)
    assert told.introduction is not None
    assert (told.came_to_nothing, list(told.introduction.replies)) == (True, ["alba"])


@pytest.mark.parametrize("no", [NOT_NOW, NEVER])
def test_a_yes_to_who_said_no_before_comes_to_nothing_and_the_other_side_hears_nothing(
    stage: Stage, no: Answer
) -> None:
    stage.reply("bjorn", no)
    before = stage.seen_by(BOREA)
    found = stage.reply("ann", YES)
    assert (found.came_to_nothing, found.introduction, stage.state) == (True, None, None)
    assert (stage.mails, stage.seen_by(BOREA)) == (["replied abel"], before)


def test_two_noes_are_two_noes(stage: Stage) -> None:
    stage.reply("bjorn", NOT_NOW)
    stage.reply("ann", NEVER)
    assert (stage.state, stage.answers, stage.mails) == (
        None,
        {"alba": NEVER, "borea": NOT_NOW},
        ["replied abel"],
    )


def test_a_side_never_learns_what_the_other_said_before_both_said_yes(stage: Stage) -> None:
    nothing = stage.seen_by(BOREA)
    stage.reply("ann", NEVER, why="too big for us")
    assert stage.seen_by(BOREA) == nothing
    stage.take_back("ann")
    stage.reply("ann", YES)
    asked = stage.seen_by(BOREA).introduction
    assert asked is not None
    assert (asked.state, asked.opened_by, asked.replies) == (State.ASKED, ALBA, {})


def test_not_for_us_keeps_the_pair_from_being_suggested_again_and_not_now_does_not(stage: Stage) -> None:
    def declined() -> Mapping[Any, Decline]:
        with stage.commonweal.database.read() as connection:
            return rounds.history(connection, rounds.monday(WEEK)).declined

    stage.reply("ann", NOT_NOW)
    assert declined() == {}
    stage.take_back("ann")
    stage.reply("ann", NEVER, why="too big for us")
    need, offer = stage.suggestion.need, stage.suggestion.offer
    assert declined() == {(need.id, offer.id): Decline(need.text, offer.text, "alba: too big for us")}
    stage.take_back("ann")
    assert (declined(), stage.answers) == ({}, {})


def test_a_no_that_is_taken_back_leaves_what_somebody_else_decided(stage: Stage) -> None:
    need, offer = stage.suggestion.need, stage.suggestion.offer
    theirs = Decline(need.text, offer.text, "a coordinator's")
    with stage.commonweal.database.write() as connection:
        decisions.decline(connection, need.id, offer.id, theirs)
    stage.reply("ann", NEVER)
    stage.take_back("ann")
    with stage.commonweal.database.read() as connection:
        assert rounds.history(connection, rounds.monday(WEEK)).declined == {(need.id, offer.id): theirs}


def test_the_first_reply_of_an_organisation_counts_and_who_comes_second_is_told_who_was_first(stage: Stage) -> None:
    stage.reply("ann", NOT_NOW)
    with pytest.raises(AnsweredError, match=r"^Ann Alba replied first, on 23 November 2026: not now\. That counts"):
        stage.reply("abel", YES)
    with pytest.raises(AnsweredError):
        stage.reply("ann", YES)
    assert (stage.answers, stage.mails) == ({"alba": NOT_NOW}, ["replied abel"])


def test_a_reply_sent_twice_by_the_same_person_counts_once(stage: Stage) -> None:
    assert stage.reply("ann", YES) == stage.reply("ann", YES)
    assert stage.mails == ["asked bjorn", "replied abel"]


def test_a_coordinator_says_no_for_an_organisation_which_is_told_and_it_is_on_record(stage: Stage) -> None:
    stage.reply("cora", NOT_NOW, "alba", via=Via.COORDINATOR)
    assert stage.mails == ["replied abel", "replied ann"]
    with stage.commonweal.database.read() as connection:
        (event,) = events.about(connection, ALBA)
    assert (event.person, event.what, event.says) == (stage.who["cora"], "reply for them", f"{KEY}: not now")


def test_a_coordinator_says_yes_for_nobody_who_can_say_it(stage: Stage) -> None:
    stage.reply("bjorn", YES)
    says = (
        "Abel of Alba Community Kitchen can reply; a coordinator says yes only for those who have nobody here. "
        "A no may be entered for anybody."
    )
    give_up_on(stage, "ann@alba.example")
    with pytest.raises(ClosedError) as refused:
        stage.reply("cora", YES, "alba", via=Via.COORDINATOR)
    assert (str(refused.value), stage.state, stage.answers) == (says, State.ASKED, {"borea": YES})


def test_a_coordinator_says_yes_for_an_organisation_whose_people_no_mail_reaches(stage: Stage) -> None:
    give_up_on(stage, "ann@alba.example", "abel@alba.example")
    stage.reply("cora", YES, "alba", via=Via.COORDINATOR)
    stage.reply("bjorn", YES)
    told = [mail for mail in stage.mails if mail.startswith("introduction")]
    assert told == ["introduction bjorn", "introduction cora"]


def give_up_on(stage: Stage, *emails: str) -> None:
    """No mail reaches these any more."""
    with stage.commonweal.database.write() as connection:
        for email in emails:
            assert people.give_up_on(connection, email, "550 nobody", stage.commonweal.now())


def test_a_side_is_told_by_those_whom_mails_reach(stage: Stage) -> None:
    stage.reply("ann", YES)
    give_up_on(stage, "ann@alba.example")
    stage.reply("bjorn", YES)
    assert [mail for mail in stage.mails if mail.startswith("introduction")] == [
        "introduction abel",
        "introduction bjorn",
    ]
    stage.sent()
    stage.after(days=10)
    introductions.follow_up(stage.commonweal)
    assert stage.mails == ["follow-up abel", "follow-up bjorn"]


@pytest.mark.parametrize("then", ["declined", "expired"])
def test_who_is_interested_and_not_reached_by_mail_is_told_by_the_others(stage: Stage, then: str) -> None:
    stage.reply("ann", YES)
    stage.sent()
    give_up_on(stage, "ann@alba.example")
    if then == "declined":
        stage.reply("bjorn", NOT_NOW)
    else:
        stage.after(days=15)
        introductions.expire(stage.commonweal)
    assert f"{then} abel" in stage.mails
    assert f"{then} ann" not in stage.mails


def test_a_side_whose_people_came_after_a_coordinators_yes_is_introduced_by_its_people(stage: Stage) -> None:
    with stage.commonweal.database.write() as connection:
        for name in ("ann", "abel"):
            people.leave(connection, stage.who[name], ALBA, stage.commonweal.now())
    stage.reply("cora", YES, "alba", via=Via.COORDINATOR)
    with stage.commonweal.database.write() as connection:
        for name in ("ann", "abel"):
            people.join(connection, stage.who[name], ALBA, by="ann")
    stage.sent()
    stage.reply("bjorn", YES)
    assert stage.mails == ["introduction abel", "introduction ann", "introduction bjorn"]


def test_a_side_that_has_nobody_is_introduced_by_the_coordinator_who_replied_for_it(stage: Stage) -> None:
    with stage.commonweal.database.write() as connection:
        for name in ("ann", "abel"):
            people.leave(connection, stage.who[name], ALBA, stage.commonweal.now())
    stage.reply("bjorn", YES)
    stage.reply("cora", YES, "alba", via=Via.COORDINATOR)
    assert stage.mails == ["introduction bjorn", "introduction cora"]


def test_who_replied_and_left_since_is_not_introduced_but_those_who_stayed(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.sent()
    with stage.commonweal.database.write() as connection:
        people.leave(connection, stage.who["ann"], ALBA, stage.commonweal.now())
    stage.reply("bjorn", YES)
    assert stage.mails == ["introduction abel", "introduction bjorn"]


@pytest.mark.parametrize(
    ("who", "organisation", "via"),
    [
        ("bjorn", ALBA, Via.PAGE),  # not for somebody else's organisation
        ("cia", CIANO, Via.PAGE),  # not a member
        ("cia", ALBA, Via.LINK),
        ("bjorn", ALBA, Via.COORDINATOR),  # no coordinator
        ("cora", ALBA, Via.PAGE),  # acts for nobody herself
        ("cora", CIANO, Via.COORDINATOR),  # neither side
    ],
)
def test_nobody_else_replies(stage: Stage, who: str, organisation: OrganisationId, via: Via) -> None:
    with pytest.raises(UnknownSuggestionError, match=r"^There is no such suggestion for you\.$"):
        stage.reply(who, YES, organisation, via=via)
    assert (stage.answers, stage.mails) == ({}, [])


def test_what_is_not_released_is_no_suggestion_yet(stage: Stage) -> None:
    with stage.commonweal.database.write() as connection:
        rounds.propose(connection, "2026-W49", Proposal((stage.suggestion,)), versions={}, at=stage.commonweal.now())
    key = key_of("2026-W49", *stage.suggestion.pair)
    with pytest.raises(UnknownSuggestionError):
        introductions.reply(stage.commonweal, ALBA, key, stage.who["ann"], YES)


Change = Callable[[Stage], None]


def decide(what: Callable[..., object], *about: Any) -> Change:
    def change(stage: Stage) -> None:
        with stage.commonweal.database.write() as connection:
            what(connection, *about)

    return change


NOON = datetime.fromisoformat("2026-11-23T12:00:00+00:00")
PAIR = (ListingId("alba-n1"), ListingId("borea-o1"))
FALLEN: tuple[tuple[Change, str], ...] = (
    (lambda stage: stage.edit("borea", standing=Standing.LISTED), "Borea Transport is not a member any more."),
    (
        lambda stage: stage.edit("borea", excludes=(Exclusion("sector:voluntary"),)),
        NOT_TO_BE,
    ),
    (decide(decisions.block, BOREA, ALBA, "-"), NOT_TO_BE),
    (decide(decisions.forbid, *PAIR, "-", NOON), NOT_TO_BE),
    (
        decide(
            decisions.decline,
            *PAIR,
            Decline(
                "A minibus with a driver on Thursday mornings to bring older people to our lunch club",
                "A minibus with a driver stands idle on Thursday mornings, for older people or a lunch club",
            ),
        ),
        NOT_TO_BE,
    ),
    (decide(decisions.pause, ALBA, "-", NOON), "You are paused: resume first."),
    (decide(decisions.pause, BOREA, "-", NOON), "Borea Transport takes nothing new for now."),
    (
        lambda stage: stage.edit("borea-o1", visibility=Visibility.COORDINATORS),
        "What Borea Transport wrote is not shown to members any more.",
    ),
    (
        lambda stage: stage.edit("alba-n1", closes=NOON.date() - timedelta(days=1)),
        "What you wrote is not open today.",
    ),
    (
        lambda stage: stage.edit("borea-o1", capacity=0),
        "Borea Transport has as many partners for this as it takes.",
    ),
)


@pytest.mark.parametrize(("change", "says"), FALLEN, ids=[says for _, says in FALLEN])
def test_a_yes_is_refused_where_the_pair_does_not_stand_any_more_and_a_no_is_not(
    stage: Stage, change: Change, says: str
) -> None:
    change(stage)
    with pytest.raises(ClosedError) as refused:
        stage.reply("ann", YES)
    assert (str(refused.value), stage.answers, stage.mails) == (says, {}, [])
    assert stage.reply("ann", NOT_NOW).reply is not None


def test_an_older_no_to_another_text_does_not_count(stage: Stage) -> None:
    decide(decisions.decline, *PAIR, Decline("A bus", stage.suggestion.offer.text))(stage)
    stage.reply("ann", YES)
    assert stage.state is State.ASKED


def test_what_was_suggested_eight_weeks_ago_can_only_be_declined(stage: Stage) -> None:
    stage.after(weeks=8)
    with pytest.raises(ClosedError, match=r"more than eight weeks ago"):
        stage.reply("ann", YES)
    stage.reply("ann", NOT_NOW)
    assert stage.answers == {"alba": NOT_NOW}


def test_who_was_asked_replies_within_fourteen_days_even_where_the_suggestion_is_old(stage: Stage) -> None:
    stage.after(weeks=7)
    stage.reply("ann", YES)
    stage.after(days=14)
    stage.reply("bjorn", YES)
    assert stage.state is State.INTRODUCED


def test_who_was_asked_is_too_late_on_the_fifteenth_day(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.after(days=15)
    with pytest.raises(ClosedError, match=r"^This could be answered until 7 December 2026\.$"):
        stage.reply("bjorn", YES)
    introductions.expire(stage.commonweal)
    with pytest.raises(ClosedError, match=r"^This is closed\.$"):
        stage.reply("bjorn", YES)
    stage.reply("bjorn", NOT_NOW)
    assert (stage.state, stage.answers) == (State.EXPIRED, {"alba": YES, "borea": NOT_NOW})


def test_a_yes_taken_back_before_anybody_was_mailed_leaves_nothing(stage: Stage) -> None:
    stage.reply("ann", YES)
    found = stage.take_back("abel")
    assert (found.reply, found.introduction, stage.state, stage.mails) == (None, None, State.WITHDRAWN, [])
    with stage.commonweal.database.read() as connection:
        (event,) = events.about(connection, ALBA)
    assert (event.person, event.what, event.says) == (stage.who["abel"], "reply taken back", f"{KEY}: interested")


def test_a_yes_taken_back_after_the_other_side_was_mailed_is_told_to_it(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.sent()
    stage.after(days=7)
    stage.take_back("ann")
    assert (stage.state, stage.mails, stage.seen_by(BOREA).introduction) == (
        State.WITHDRAWN,
        ["withdrawn bjorn"],
        None,
    )


@pytest.mark.parametrize(("who", "asked"), [("ann", "asked bjorn"), ("bjorn", "asked ann")])
def test_after_a_yes_was_taken_back_either_side_may_begin_again(stage: Stage, who: str, asked: str) -> None:
    stage.reply("ann", YES)
    stage.sent()
    stage.take_back("ann")
    stage.sent()
    stage.reply(who, YES)
    assert (stage.state, asked in stage.mails) == (State.ASKED, True)
    stage.reply("bjorn" if who == "ann" else "ann", YES)
    assert stage.state is State.INTRODUCED


def test_taking_a_yes_back_twice_over_tells_twice(stage: Stage) -> None:
    for _ in range(2):
        stage.reply("ann", YES)
        assert "asked bjorn" in stage.mails
        stage.sent()
        stage.take_back("ann")
        assert stage.mails == ["withdrawn bjorn"]
        stage.sent()


def test_a_reply_is_taken_back_within_the_week_and_not_after(stage: Stage) -> None:
    stage.reply("ann", NOT_NOW)
    stage.after(days=7, hours=11)
    assert introductions.may_take_back(stage.seen_by(ALBA), stage.commonweal.now())
    stage.after(hours=5)
    with pytest.raises(ClosedError, match=r"^A reply can be taken back for a week; this one is of 23 November 2026\.$"):
        stage.take_back("ann")
    assert (stage.answers, introductions.may_take_back(stage.seen_by(ALBA), stage.commonweal.now())) == (
        {"alba": NOT_NOW},
        False,
    )


def test_what_nobody_replied_cannot_be_taken_back(stage: Stage) -> None:
    with pytest.raises(ClosedError, match="no reply of yours"):
        stage.take_back("ann")


def test_two_who_are_introduced_take_nothing_back(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.reply("bjorn", YES)
    for who in ("ann", "bjorn"):
        with pytest.raises(ClosedError, match="introduced already"):
            stage.take_back(who)
    assert (stage.state, stage.answers) == (State.INTRODUCED, {"alba": YES, "borea": YES})
    assert not introductions.may_take_back(stage.seen_by(ALBA), stage.commonweal.now())


def test_a_no_taken_back_before_the_other_side_was_told_leaves_it_asked(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.after(days=13)
    stage.reply("bjorn", NEVER)
    stage.take_back("bjorn")
    begun = stage.introduction
    assert begun is not None
    assert (begun.state, begun.due, begun.closed_at) == (
        State.ASKED,
        stage.commonweal.now().date() + timedelta(days=7),
        None,
    )
    assert stage.mails == ["asked bjorn", "replied abel"]
    stage.reply("bjorn", NEVER)
    assert "declined ann" in stage.mails


def test_a_no_is_not_taken_back_where_the_two_may_not_be_introduced_any_more(stage: Stage) -> None:
    stage.edit("borea-o1", capacity=1)
    stage.reply("ann", YES)
    stage.reply("bjorn", NEVER)
    ask_another(stage)
    with pytest.raises(
        ClosedError, match=r"^This has as many partners as you said it takes: you can raise that first\.$"
    ):
        stage.take_back("bjorn")
    assert (stage.state, stage.answers) == (State.DECLINED, {"alba": YES, "borea": NEVER})
    with stage.commonweal.database.read() as connection:
        assert rounds.history(connection, rounds.monday(WEEK)).declined.keys() == {PAIR}
    stage.edit("borea-o1", capacity=2)
    stage.take_back("bjorn")
    assert stage.state is State.ASKED


def ask_another(stage: Stage, opened_by: OrganisationId = ALBA) -> str:
    """One side is interested in another suggestion for the same offer, too. Returns its key."""
    other = replace(stage.suggestion, need=replace(stage.suggestion.need, id=ListingId("alba-n2")))
    key = key_of(WEEK, *other.pair)
    with stage.commonweal.database.write() as connection:
        members.save(connection, listings={other.need.id: other.need})
        introductions.ask(connection, key, WEEK, other, opened_by=opened_by, at=stage.commonweal.now())
        said = {"suggestion": key, "organisation": opened_by, "answer": YES, "via": Via.PAGE}
        who = stage.who["ann" if opened_by == ALBA else "bjorn"]
        stored.add(connection, stored.Reply(**said, person=who, at=stage.commonweal.now()))  # type: ignore[arg-type]
    return key


@pytest.mark.parametrize("opened_by", [ALBA, BOREA], ids=["asked by two", "asked one"])
def test_one_of_several_may_be_chosen_and_no_more_than_there_is_room_for(
    stage: Stage, opened_by: OrganisationId
) -> None:
    stage.reply("ann", YES)
    other = ask_another(stage, opened_by)
    stage.edit("borea-o1", capacity=1)
    stage.reply("bjorn", YES)
    assert (stage.state, taken(stage)["borea-o1"]) == (State.INTRODUCED, 2)
    if opened_by == ALBA:
        with pytest.raises(ClosedError, match="as many partners as you said"):
            introductions.reply(stage.commonweal, BOREA, other, stage.who["bjorn"], YES)
        return
    stage.sent()
    late = introductions.reply(stage.commonweal, ALBA, other, stage.who["ann"], YES)
    assert (late.introduction and late.introduction.state, late.reply and late.reply.answer) == (State.EXPIRED, YES)
    assert (taken(stage)["borea-o1"], stage.mails) == (1, ["expired bjorn", "replied abel"])
    with pytest.raises(ClosedError, match=r"^This is closed: there is nothing to take back any more\.$"):
        introductions.take_back(stage.commonweal, ALBA, other, stage.who["ann"])


def test_a_yes_that_something_else_stands_against_too_is_refused_and_may_be_said_later(stage: Stage) -> None:
    stage.reply("bjorn", YES)
    other = ask_another(stage, BOREA)
    stage.edit("borea-o1", capacity=1)
    stage.reply("ann", YES)
    decide(decisions.pause, BOREA, "-", NOON)(stage)
    with pytest.raises(ClosedError) as refused:
        introductions.reply(stage.commonweal, ALBA, other, stage.who["ann"], YES)
    assert str(refused.value) == (
        "Borea Transport takes nothing new for now. Borea Transport has as many partners for this as it takes."
    )
    with stage.commonweal.database.read() as connection:
        found = stored.load(connection, other)
    assert found and (found.state, list(found.replies)) == (State.ASKED, [BOREA])


def test_who_asks_nobody_past_what_the_other_side_takes(stage: Stage) -> None:
    stage.edit("borea-o1", capacity=1)
    ask_another(stage)
    with pytest.raises(ClosedError, match=r"^Borea Transport has as many partners for this as it takes\.$"):
        stage.reply("ann", YES)


@pytest.mark.parametrize(("first", "second"), [("ann", "bjorn"), ("bjorn", "ann")])
def test_of_two_sides_that_said_never_one_may_take_it_back_and_the_others_word_stands(
    stage: Stage, first: str, second: str
) -> None:
    def declined() -> list[str]:
        with stage.commonweal.database.read() as connection:
            return [one.why for one in rounds.history(connection, rounds.monday(WEEK)).declined.values()]

    stage.reply(first, NEVER, why="too far")
    stage.reply(second, NEVER, why="too big")
    stage.take_back(first)
    assert declined() == [f"{stage.side(second)}: too big"]
    with pytest.raises(ClosedError) as refused:
        ask_again(stage)
    assert str(refused.value) == NOT_TO_BE
    stage.take_back(second)
    assert declined() == []


def ask_again(stage: Stage) -> None:
    """The pair as it would be asked about now."""
    with stage.commonweal.database.read() as connection:
        standing.refuse(connection, stage.suggestion, ALBA, stage.commonweal.now().date())


def test_a_mail_that_was_dropped_while_a_no_stood_goes_once_it_is_taken_back(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.reply("bjorn", NOT_NOW)
    with stage.commonweal.database.write() as connection:
        connection.execute(text("update mails set state = 'dropped', says = 'answered' where kind = 'asked'"))
    stage.take_back("bjorn")
    assert "asked bjorn" in stage.mails


def test_a_no_that_the_other_side_was_told_of_stays(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.reply("bjorn", NEVER)
    stage.sent()
    with pytest.raises(ClosedError, match=r"^The other side has been told"):
        stage.take_back("bjorn")
    assert (stage.state, stage.answers) == (State.DECLINED, {"alba": YES, "borea": NEVER})
    with stage.commonweal.database.read() as connection:
        assert rounds.history(connection, rounds.monday(WEEK)).declined.keys() == {PAIR}


def due_at(stage: Stage, kind: str) -> list[datetime]:
    """When the mails of a kind are to go."""
    with stage.commonweal.database.read() as connection:
        found = connection.execute(text("select due_at from mails where kind = :kind"), {"kind": kind})
        return [datetime.fromisoformat(str(at)).replace(tzinfo=UTC) for at in found.scalars()]


def test_a_no_is_held_for_an_hour_in_which_it_can_be_taken_back_and_is_not_said(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.reply("bjorn", NOT_NOW)
    assert due_at(stage, "declined") == [stage.commonweal.now() + timedelta(hours=1)]
    for minutes, held in ((59, True), (1, False)):
        stage.after(minutes=minutes)
        now = stage.commonweal.now()
        told = introductions.as_told(stage.seen_by(ALBA), ALBA, now)
        assert told.introduction is not None
        assert (told.introduction.state, told.came_to_nothing) == (
            (State.ASKED, False) if held else (State.DECLINED, True)
        )
        assert introductions.as_told(stage.seen_by(BOREA), BOREA, now) == stage.seen_by(BOREA)
        assert introductions.may_take_back(stage.seen_by(BOREA), now) is held
    with pytest.raises(ClosedError, match=r"^The other side has been told"):
        stage.take_back("bjorn")


def test_a_yes_taken_back_while_the_no_to_it_is_held_leaves_nothing_to_tell(stage: Stage) -> None:
    stage.reply("ann", YES)
    with stage.commonweal.database.write() as connection:
        connection.execute(text("update mails set state = 'sent'"))
    stage.reply("bjorn", NOT_NOW)
    assert introductions.may_take_back(stage.seen_by(ALBA), stage.commonweal.now())
    stage.take_back("ann")
    assert (stage.state, stage.answers, stage.mails) == (State.WITHDRAWN, {"borea": NOT_NOW}, [])
    stage.take_back("bjorn")
    assert (stage.state, stage.answers, stage.mails) == (State.WITHDRAWN, {}, [])


def test_who_was_asked_and_heard_of_it_learns_that_the_interest_was_taken_back(stage: Stage) -> None:
    def is_told() -> tuple[bool, bool]:
        begun = stage.introduction
        assert begun is not None
        with stage.commonweal.database.read() as connection:
            return stage.seen_by(BOREA).taken_back, telling.was_told(connection, Kind.WITHDRAWN, begun, BOREA)

    stage.reply("ann", YES)
    stage.take_back("ann")
    assert is_told() == (True, False)
    stage.reply("ann", YES)
    stage.sent()
    stage.take_back("ann")
    assert (is_told(), stage.seen_by(ALBA).taken_back) == ((True, True), False)
    stage.reply("bjorn", NOT_NOW)
    assert not stage.seen_by(BOREA).taken_back


def test_a_yes_that_was_closed_cannot_be_taken_back(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.reply("bjorn", NOT_NOW)
    stage.after(hours=1)
    with pytest.raises(ClosedError, match=r"^This is closed"):
        stage.take_back("ann")
    assert not introductions.may_take_back(stage.seen_by(ALBA), stage.commonweal.now())


def test_a_no_taken_back_after_the_other_sides_yes_has_it_asked_from_then_on(stage: Stage) -> None:
    stage.reply("bjorn", NOT_NOW)
    stage.reply("ann", YES)
    stage.after(days=2)
    found = stage.take_back("bjorn")
    assert found.introduction is not None
    assert (found.introduction.state, found.introduction.opened_by, found.introduction.opened_at) == (
        State.ASKED,
        ALBA,
        stage.commonweal.now(),
    )
    assert "asked bjorn" in stage.mails
    stage.reply("bjorn", YES)
    assert stage.state is State.INTRODUCED


def test_a_no_taken_back_where_the_pair_fell_meanwhile_opens_nothing_and_a_later_yes_introduces(stage: Stage) -> None:
    stage.reply("bjorn", NEVER)
    stage.reply("ann", YES)
    decide(decisions.pause, ALBA, "-", NOON)(stage)
    stage.take_back("bjorn")
    assert (stage.state, stage.answers) == (None, {"alba": YES})
    decide(decisions.resume, ALBA)(stage)
    stage.reply("bjorn", YES)
    assert (stage.state, "introduction ann" in stage.mails) == (State.INTRODUCED, True)


def test_a_yes_that_nobody_was_asked_about_is_taken_up_once_the_pair_stands_again(stage: Stage) -> None:
    stage.reply("bjorn", NOT_NOW)
    stage.reply("ann", YES)
    decide(decisions.pause, ALBA, "-", NOON)(stage)
    assert introductions.take_up(stage.commonweal) == 0  # the other side said no
    stage.take_back("bjorn")
    stage.sent()
    stage.after(days=1)
    assert (introductions.take_up(stage.commonweal), stage.state) == (0, None)
    decide(decisions.resume, ALBA)(stage)
    assert [introductions.take_up(stage.commonweal) for _ in range(2)] == [1, 0]
    begun = stage.introduction
    assert begun is not None
    assert (begun.state, begun.opened_by, begun.opened_at) == (State.ASKED, ALBA, stage.commonweal.now())
    assert stage.mails == ["asked bjorn"]
    stage.reply("bjorn", YES)
    assert stage.state is State.INTRODUCED


def test_a_yes_that_nobody_was_asked_about_for_eight_weeks_is_left_alone(stage: Stage) -> None:
    stage.reply("bjorn", NOT_NOW)
    stage.reply("ann", YES)
    decide(decisions.pause, ALBA, "-", NOON)(stage)
    stage.take_back("bjorn")
    decide(decisions.resume, ALBA)(stage)
    stage.after(weeks=8)
    assert introductions.take_up(stage.commonweal) == 0


@pytest.mark.parametrize(("change", "says"), FALLEN, ids=[says for _, says in FALLEN])
def test_nobody_is_reminded_of_what_a_yes_to_would_be_refused(stage: Stage, change: Change, says: str) -> None:
    stage.reply("ann", YES)
    stage.sent()
    change(stage)
    stage.after(days=5)
    assert (introductions.remind(stage.commonweal), stage.mails) == (0, [])
    with pytest.raises((ClosedError, UnknownSuggestionError)):
        stage.reply("bjorn", YES)


def test_who_resumes_in_time_is_reminded_late(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.sent()
    decide(decisions.pause, BOREA, "-", NOON)(stage)
    stage.after(days=5)
    assert introductions.remind(stage.commonweal) == 0
    decide(decisions.resume, BOREA)(stage)
    stage.after(days=1)
    assert (introductions.remind(stage.commonweal), stage.mails) == (1, ["reminder bjorn"])


def test_who_was_asked_is_reminded_once_after_five_days(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.sent()
    stage.after(days=5, seconds=-1)
    assert (introductions.remind(stage.commonweal), stage.mails) == (0, [])
    stage.after(seconds=1)
    assert [introductions.remind(stage.commonweal) for _ in range(2)] == [1, 0]
    assert stage.mails == ["reminder bjorn"]


def test_who_replied_is_not_reminded(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.reply("bjorn", NOT_NOW)
    stage.after(days=5)
    assert introductions.remind(stage.commonweal) == 0


def test_what_nobody_answers_for_fourteen_days_is_closed_once_and_both_sides_are_told(stage: Stage) -> None:
    stage.edit("borea-o1", capacity=1)
    stage.reply("ann", YES)
    stage.sent()
    stage.after(days=14)
    assert introductions.expire(stage.commonweal) == 0
    stage.after(days=1)
    assert (taken(stage), [introductions.expire(stage.commonweal) for _ in range(2)], taken(stage)) == (
        {"alba-n1": 1, "borea-o1": 1},
        [1, 0],
        {},
    )
    assert (stage.state, stage.mails) == (State.EXPIRED, ["expired ann", "expired bjorn"])
    with pytest.raises(ClosedError):
        stage.take_back("ann")
    assert introductions.remind(stage.commonweal) == 0


def taken(stage: Stage) -> Mapping[ListingId, int]:
    with stage.commonweal.database.read() as connection:
        return rounds.history(connection, rounds.monday(WEEK)).taken


def test_both_sides_are_asked_once_what_came_of_it_ten_days_after(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.reply("bjorn", YES)
    stage.sent()
    stage.after(days=10, seconds=-1)
    assert introductions.follow_up(stage.commonweal) == 0
    stage.after(seconds=1)
    assert [introductions.follow_up(stage.commonweal) for _ in range(2)] == [1, 0]
    assert stage.mails == ["follow-up ann", "follow-up bjorn"]


def test_each_side_says_what_came_of_it_may_change_that_and_does_not_see_the_others(stage: Stage) -> None:
    stage.reply("ann", YES)
    with pytest.raises(UnknownSuggestionError):
        introductions.say(stage.commonweal, ALBA, KEY, stage.who["ann"], Outcome.MET)
    stage.reply("bjorn", YES)
    for outcome in (Outcome.NO_ANSWER, Outcome.MET):
        introductions.say(stage.commonweal, ALBA, KEY, stage.who["ann"], outcome)
    introductions.say(stage.commonweal, BOREA, KEY, stage.who["bjorn"], Outcome.ARRANGED)
    whole, seen = stage.introduction, stage.seen_by(ALBA).introduction
    assert whole is not None
    assert seen is not None
    assert {side: said.outcome for side, said in whole.outcomes.items()} == {"alba": "met", "borea": "arranged"}
    assert list(seen.outcomes) == ["alba"]


@pytest.mark.parametrize(
    ("outcome", "holds"),
    [(Outcome.MET, 1), (Outcome.ARRANGED, 1), (Outcome.NO_ANSWER, 0), (Outcome.NOT_GOING_AHEAD, 0)],
)
def test_what_goes_nowhere_gives_the_listings_their_capacity_back(stage: Stage, outcome: Outcome, holds: int) -> None:
    stage.edit("borea-o1", capacity=1)
    stage.reply("ann", YES)
    stage.reply("bjorn", YES)
    introductions.say(stage.commonweal, ALBA, KEY, stage.who["ann"], outcome)
    assert taken(stage) == ({"alba-n1": 1, "borea-o1": 1} if holds else {})


def test_one_sides_no_answer_takes_nothing_from_the_side_that_met(stage: Stage) -> None:
    stage.reply("ann", YES)
    stage.reply("bjorn", YES)
    introductions.say(stage.commonweal, BOREA, KEY, stage.who["bjorn"], Outcome.MET)
    introductions.say(stage.commonweal, ALBA, KEY, stage.who["ann"], Outcome.NO_ANSWER)
    assert taken(stage) == {"alba-n1": 1, "borea-o1": 1}


def test_a_link_replies_to_one_suggestion_for_one_person_until_and_including_the_fourteenth_day(stage: Stage) -> None:
    commonweal = stage.commonweal
    address = reply_links.address_of(commonweal, KEY, ALBA, stage.who["ann"])
    token = address.removeprefix(f"{commonweal.settings.address}/reply/")
    assert reply_links.last_day(commonweal) == commonweal.now().date() + timedelta(days=14)
    stage.after(days=14, hours=11, minutes=59)
    assert reply_links.read_address(commonweal, token) == (KEY, ALBA, stage.who["ann"])
    stage.after(minutes=2)
    with pytest.raises(LinkError, match="run out"):
        reply_links.read_address(commonweal, token)
    with pytest.raises(LinkError):
        reply_links.read_address(commonweal, commonweal.signing.sign("unsubscribe", "x", KEY, ALBA, "ann"))

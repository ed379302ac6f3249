"""What coordinators decide about pairings: kept, guarded, taken back, and respected by every solve."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from matcher.masking import mask
from matcher.proposing import Proposal
from matcher.records import About, Kind, ListingId, Reason, Strength, Suggestion
from service import rounds
from service.printing import suggestion_lines, suggestions_table
from service.review import deciding, solving
from service.review.deciding import FirstError, RefusedError, UnknownPairingError
from service.review.occasions import ClosedError, UnknownOccasionError
from service.review.queue import Filters, Queue, Track, queue
from service.rounds import StaleError
from service.stationery import item
from service.store import decisions, events, members, people, reviews
from service.store import rounds as stored
from service.store.people import Access
from service.store.reviews import Choice, Doing, Step, key_of, steps
from service.web.presenting import cards, naming
from service.wiring import Commonweal

WEEK = "2026-W48"
PAIR = (ListingId("alba-n1"), ListingId("borea-o1"))
KEY = key_of(WEEK, *PAIR)


@pytest.fixture
def who(commonweal: Commonweal) -> dict[str, str]:
    """Two coordinators and a member, once this week's round is proposed."""
    rounds.run(commonweal, WEEK)
    with commonweal.database.write() as connection:
        found = {name: people.ensure(connection, f"{name}@desk.example", name.title()).id for name in ("ciano", "dora")}
        for one in found.values():
            people.grant(connection, one, Access.COORDINATOR)
        found["ann"] = people.ensure(connection, "ann@alba.example", "Ann").id
    return found


def shown(commonweal: Commonweal, **filters: str) -> Queue:
    return queue(commonweal, WEEK, Filters(**filters))


def only(commonweal: Commonweal) -> Any:
    (pairing,) = shown(commonweal).pairings
    return pairing


def trail(commonweal: Commonweal, key: str = KEY) -> list[tuple[Doing, Mapping[str, Any], Mapping[str, Any], str]]:
    with commonweal.database.read() as connection:
        return [(one.what, one.before, one.after, one.why) for one in steps(connection, [key]).get(key, ())]


def newest(commonweal: Commonweal, key: str = KEY) -> Step:
    with commonweal.database.read() as connection:
        return steps(connection, [key])[key][0]


def pairs(commonweal: Commonweal) -> list[tuple[ListingId, ListingId]]:
    with commonweal.database.read() as connection:
        found = stored.load(connection, WEEK)
    assert found is not None
    return [one.pair for one in found.suggestions]


def test_what_was_proposed_waits_undecided_with_all_there_is_to_know(commonweal: Commonweal, who: dict) -> None:
    pairing = only(commonweal)
    assert (pairing.review.decision, pairing.review.version) == (Choice.UNDECIDED, 0)
    assert (pairing.is_proposed, pairing.pinned, pairing.forbidden) == (True, False, False)
    assert (pairing.asking.id, pairing.giving.id) == ("alba", "borea")
    assert pairing.tracks == (Track(), Track())
    assert shown(commonweal).counts == {Choice.UNDECIDED: 1}


def test_a_decision_is_kept_with_who_when_why_and_the_ranker(commonweal: Commonweal, who: dict) -> None:
    kept = deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.APPROVED, "both  asked\nfor it")
    assert kept == replace(
        only(commonweal).review,
        version=1,
        decision=Choice.APPROVED,
        why="both asked for it",
        decided_by=who["ciano"],
        decided_at=commonweal.now(),
        ranker=commonweal.core.ranker.version,
    )
    before, after = {"decision": "undecided", "why": ""}, {"decision": "approved", "why": "both asked for it"}
    assert trail(commonweal) == [(Doing.DECIDE, before, after, "both asked for it")]


def test_the_second_is_told_who_was_first_and_nothing_of_theirs_is_stored(commonweal: Commonweal, who: dict) -> None:
    deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.REJECTED, "too far")
    with pytest.raises(FirstError) as refused:
        deciding.decide(commonweal, WEEK, KEY, who["dora"], 0, Choice.APPROVED)
    assert str(refused.value) == (
        f"Ciano was first at {commonweal.now():%H:%M on %d %B}: rejected (“too far”). What you chose was not stored."
    )
    assert (refused.value.now, refused.value.step) == (only(commonweal).review, newest(commonweal))
    assert only(commonweal).review.decision is Choice.REJECTED


def test_a_rejection_and_a_forbid_need_a_reason(commonweal: Commonweal, who: dict) -> None:
    with pytest.raises(RefusedError, match="Say why"):
        deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.REJECTED, " ")
    with pytest.raises(RefusedError, match="Say why"):
        deciding.forbid(commonweal, WEEK, KEY, who["ciano"], 0, "")
    with pytest.raises(RefusedError, match=r"501 characters\. Keep it to 500"):
        deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.HELD, "x" * 501)
    assert only(commonweal).review.version == 0


def test_what_is_unknown_or_over_is_refused(commonweal: Commonweal, who: dict) -> None:
    with pytest.raises(UnknownPairingError, match="goes by 'abc'"):
        deciding.decide(commonweal, WEEK, "abc", who["ciano"], 0, Choice.APPROVED)
    for nothing in ("2026-W50", "5e551011"):
        with pytest.raises(UnknownOccasionError, match=nothing):
            deciding.decide(commonweal, nothing, KEY, who["ciano"], 0, Choice.APPROVED)
    rounds.release(commonweal, WEEK)
    with pytest.raises(ClosedError, match="was released"):
        deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.APPROVED)


@pytest.mark.parametrize("choice", [Choice.REJECTED, Choice.HELD])
def test_what_was_rejected_or_held_is_not_released_and_left_out_when_solved_again(
    commonweal: Commonweal, who: dict, choice: Choice
) -> None:
    deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, choice, "not this week")
    with pytest.raises(StaleError, match="alba-n1 and borea-o1"):
        rounds.release(commonweal, WEEK)
    assert solving.solve(commonweal, WEEK) == 2
    assert pairs(commonweal) == []
    assert (only(commonweal).review.decision, only(commonweal).is_proposed) == (choice, False)
    deciding.decide(commonweal, WEEK, KEY, who["ciano"], 1, Choice.APPROVED)
    with pytest.raises(StaleError, match="approved, and not in it"):
        rounds.release(commonweal, WEEK)
    solving.solve(commonweal, WEEK)
    assert pairs(commonweal) == [PAIR]
    assert rounds.release(commonweal, WEEK)


def test_another_week_does_not_know_of_it(commonweal: Commonweal, who: dict) -> None:
    deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.REJECTED, "not this week")
    assert [one.pair for one in rounds.run(commonweal, "2026-W49").proposal.suggestions] == [PAIR]


def test_an_approval_of_what_is_proposed_does_not_ask_for_another_solve(commonweal: Commonweal, who: dict) -> None:
    deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.APPROVED)
    assert rounds.release(commonweal, WEEK)


def test_a_solve_or_an_import_changes_no_decision(commonweal: Commonweal, who: dict, cast: Mapping[str, Any]) -> None:
    kept = deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.HELD, "ask Borea")
    with commonweal.database.write() as connection:
        members.save(connection, listings={cast["need"].id: replace(cast["need"], text="A choir room in Kendal")})
    solving.solve(commonweal, WEEK)
    assert only(commonweal).review == kept


def test_a_pin_and_a_forbid_stand_where_rounds_look_for_them(commonweal: Commonweal, who: dict) -> None:
    deciding.pin(commonweal, WEEK, KEY, who["ciano"], 0, "they asked")
    with commonweal.database.read() as connection:
        assert decisions.pinned(connection, WEEK) == (PAIR,)
    assert (only(commonweal).pinned, only(commonweal).review.decision) == (True, Choice.APPROVED)
    deciding.forbid(commonweal, WEEK, KEY, who["dora"], 1, "rivals")
    with commonweal.database.read() as connection:
        assert (decisions.pinned(connection, WEEK), decisions.is_forbidden(connection, *PAIR)) == ((), True)
        assert [one.says for one in events.about(connection, PAIR[0].split("-")[0])][:1] == [  # type: ignore[arg-type]
            "Forbade a pairing with borea: rivals"
        ]
    assert (only(commonweal).forbidden, only(commonweal).review.decision) == (True, Choice.REJECTED)
    deciding.undo(commonweal, WEEK, KEY, who["dora"], 2, newest(commonweal).id)
    assert (only(commonweal).pinned, only(commonweal).forbidden) == (True, False)
    deciding.unpin(commonweal, WEEK, KEY, who["dora"], 3)
    assert (only(commonweal).pinned, only(commonweal).review.decision) == (False, Choice.APPROVED)


def test_whatever_was_done_is_undone_and_that_too(commonweal: Commonweal, who: dict) -> None:
    deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.APPROVED, "good")
    first = newest(commonweal)
    after = deciding.undo(commonweal, WEEK, KEY, who["dora"], 1, first.id)
    assert (after.decision, after.why, after.version) == (Choice.UNDECIDED, "", 2)
    again = deciding.undo(commonweal, WEEK, KEY, who["dora"], 2, newest(commonweal).id)
    assert (again.decision, again.why, again.version) == (Choice.APPROVED, "good", 3)
    assert [one.undoes for one in _steps(commonweal)] == [newest(commonweal).id - 1, first.id, None]


def _steps(commonweal: Commonweal) -> tuple[Step, ...]:
    with commonweal.database.read() as connection:
        return steps(connection, [KEY])[KEY]


def test_a_step_is_not_undone_over_a_later_one_that_changed_the_same(commonweal: Commonweal, who: dict) -> None:
    deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.APPROVED)
    first = newest(commonweal)
    deciding.reword(commonweal, WEEK, KEY, who["ciano"], 1, "You both asked for this.")
    reworded = newest(commonweal)
    deciding.decide(commonweal, WEEK, KEY, who["dora"], 2, Choice.REJECTED, "too far")
    with pytest.raises(RefusedError) as refused:
        deciding.undo(commonweal, WEEK, KEY, who["ciano"], 3, first.id)
    assert str(refused.value) == "Dora changed the same later: rejected (“too far”). Take that back first."
    after = deciding.undo(commonweal, WEEK, KEY, who["ciano"], 3, reworded.id)
    assert (after.says, after.decision) == ("", Choice.REJECTED)


def test_the_reason_in_a_coordinators_words_goes_out_first_with_the_release(commonweal: Commonweal, who: dict) -> None:
    deciding.reword(commonweal, WEEK, KEY, who["ciano"], 0, "You both work on Thursdays.")
    rounds.release(commonweal, WEEK)
    with commonweal.database.read() as connection:
        found = stored.load(connection, WEEK)
    assert found is not None
    reasons = found.suggestions[0].reasons
    assert reasons[0] == Reason(About.COORDINATOR, "You both work on Thursdays.")
    assert reasons[1:] == only(commonweal).review.suggestion.reasons


def test_neither_a_mail_nor_a_page_nor_a_table_shows_the_address_in_a_coordinators_words(
    commonweal: Commonweal, who: dict, cast: Mapping[str, Any]
) -> None:
    deciding.reword(commonweal, WEEK, KEY, who["ciano"], 0, "Both ask for Thursdays: ring 0113 496 0000.")
    rounds.release(commonweal, WEEK)
    with commonweal.database.read() as connection:
        found = stored.load(connection, WEEK)
    assert found is not None
    (suggestion,) = found.suggestions
    bodies = {cast["alba"].id: cast["alba"], cast["borea"].id: cast["borea"]}
    (card,) = cards([suggestion], naming(bodies), read_as=Kind.NEED)
    console = Console(width=400, record=True, file=StringIO())
    console.print(suggestions_table([suggestion], bodies))
    shown_by = {
        "mail": item(suggestion, cast["borea"].id, {}).reasons[0],
        "page": card.why(both_shown=True)[0],
        "lines": suggestion_lines(1, suggestion, Kind.NEED, bodies)[1].removeprefix("      + "),
        "table": console.export_text().splitlines()[1].split("good")[-1].split("strong")[-1].strip(),
    }
    assert set(shown_by.values()) == {mask("Both ask for Thursdays: ring 0113 496 0000.")}, shown_by
    assert "0113" not in str(shown_by)


def test_the_store_takes_no_version_but_the_next(commonweal: Commonweal, who: dict) -> None:
    kept = deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.HELD)
    step = newest(commonweal)
    with commonweal.database.write() as connection:
        for version in (1, 3):
            late = replace(kept, version=version, decision=Choice.APPROVED)
            assert not reviews.keep(connection, late, replace(step, version=version))
    assert (only(commonweal).review, len(_steps(commonweal))) == (kept, 1)


def test_a_pairing_is_assigned_to_coordinators_alone(commonweal: Commonweal, who: dict) -> None:
    deciding.assign(commonweal, WEEK, KEY, who["ciano"], 0, who["dora"])
    assert (only(commonweal).assigned, only(commonweal).review.decided_by) == ("Dora", None)
    with pytest.raises(RefusedError, match="Only coordinators"):
        deciding.assign(commonweal, WEEK, KEY, who["ciano"], 1, who["ann"])
    assert [one.key for one in shown(commonweal, assigned_to=who["dora"]).pairings] == [KEY]
    assert shown(commonweal, assigned_to=who["ciano"]).pairings == ()


def test_a_comment_needs_no_version_and_changes_none(commonweal: Commonweal, who: dict) -> None:
    deciding.comment(commonweal, WEEK, KEY, who["ciano"], "Rang them, no answer.")
    deciding.decide(commonweal, WEEK, KEY, who["dora"], 0, Choice.HELD)
    deciding.comment(commonweal, WEEK, KEY, who["ciano"], "They rang back.")
    assert only(commonweal).review.version == 1
    assert [(one[0], one[3]) for one in trail(commonweal)] == [
        (Doing.COMMENT, "They rang back."),
        (Doing.DECIDE, ""),
        (Doing.COMMENT, "Rang them, no answer."),
    ]


def test_a_partner_is_swapped_and_swapped_back_at_once(
    commonweal: Commonweal, who: dict, cast: Mapping[str, Any]
) -> None:
    other = replace(cast["offer"], id=ListingId("borea-o2"), text="Another minibus")
    instead = Suggestion(need=cast["need"], offer=other, fit=0.5, strength=Strength.POSSIBLE, score=1.0)
    with pytest.raises(RefusedError, match="shares either"):
        deciding.swap(commonweal, WEEK, KEY, who["ciano"], 0, only(commonweal).suggestion, "x")
    out, kept = deciding.swap(commonweal, WEEK, KEY, who["ciano"], 0, instead, "theirs has a lift")
    assert (out.decision, kept.decision, kept.pair) == (Choice.REJECTED, Choice.APPROVED, instead.pair)
    with commonweal.database.read() as connection:
        assert decisions.pinned(connection, WEEK) == (instead.pair,)
    deciding.undo(commonweal, WEEK, KEY, who["ciano"], 1, newest(commonweal).id)
    deciding.comment(commonweal, WEEK, kept.key, who["ciano"], "Or not?")
    deciding.undo(commonweal, WEEK, kept.key, who["ciano"], 2, newest(commonweal, kept.key).id)
    deciding.undo(commonweal, WEEK, KEY, who["ciano"], 2, newest(commonweal).id)
    assert shown(commonweal).counts == {Choice.REJECTED: 1, Choice.APPROVED: 1}
    deciding.undo(commonweal, WEEK, KEY, who["ciano"], 3, newest(commonweal).id)
    with commonweal.database.read() as connection:
        assert decisions.pinned(connection, WEEK) == ()
    assert {one.review.decision for one in shown(commonweal).pairings} == {Choice.UNDECIDED}


def test_of_many_at_once_those_that_moved_are_told_and_the_others_done(
    commonweal: Commonweal, who: dict, cast: Mapping[str, Any]
) -> None:
    many = propose_many(commonweal, cast, 4)
    deciding.decide(commonweal, WEEK, many[2], who["dora"], 0, Choice.HELD)
    done = deciding.in_bulk(commonweal, WEEK, dict.fromkeys(many, 0), who["ciano"], Choice.APPROVED)
    assert [one.key for one in done.done] == [many[0], many[1], many[3]]
    assert [(error.now.key, error.now.decision) for error in done.late] == [(many[2], Choice.HELD)]
    assert shown(commonweal).counts == {Choice.APPROVED: 3, Choice.HELD: 1}
    given = deciding.assign_in_bulk(commonweal, WEEK, dict.fromkeys(many, 1), who["ciano"], who["dora"])
    assert len(given.done) == 4


def test_what_was_done_to_many_at_once_is_taken_back_at_once_but_where_something_was_done_since(
    commonweal: Commonweal, who: dict, cast: Mapping[str, Any]
) -> None:
    many = propose_many(commonweal, cast, 4)
    deciding.decide(commonweal, WEEK, many[3], who["ciano"], 0, Choice.HELD)
    start = commonweal.now()
    commonweal.now = lambda: start + timedelta(minutes=1)
    done = deciding.in_bulk(commonweal, WEEK, dict.fromkeys(many[:3], 0), who["ciano"], Choice.APPROVED)
    commonweal.now = lambda: start + timedelta(minutes=2)
    deciding.decide(commonweal, WEEK, many[2], who["dora"], 1, Choice.HELD)
    for by, at in ((who["dora"], done.at), (who["ciano"], done.at + timedelta(seconds=1))):
        with pytest.raises(RefusedError, match="Nothing is on record that was done then"):
            deciding.undo_in_bulk(commonweal, WEEK, by, at)
    undone = deciding.undo_in_bulk(commonweal, WEEK, who["ciano"], done.at)
    assert [one.key for one in undone.done] == [many[0], many[1]]
    assert [error.now.key for error in undone.late] == [many[2]]
    assert shown(commonweal).counts == {Choice.UNDECIDED: 2, Choice.HELD: 2}


def test_what_was_forbidden_since_is_neither_pinned_nor_approved_by_an_undo(commonweal: Commonweal, who: dict) -> None:
    by, start = who["ciano"], commonweal.now()
    deciding.pin(commonweal, WEEK, KEY, by, 0)
    commonweal.now = lambda: start + timedelta(minutes=1)
    done = deciding.in_bulk(commonweal, WEEK, {KEY: 1}, by, Choice.HELD)
    with commonweal.database.write() as connection:
        decisions.forbid(connection, *only(commonweal).suggestion.pair, why="elsewhere", at=commonweal.now())
    undone = deciding.undo_in_bulk(commonweal, WEEK, by, done.at)
    assert (undone.done, list(undone.refused)) == ((), [KEY])
    assert only(commonweal).forbidden


def test_a_step_that_was_taken_back_is_not_taken_back_again_unless_that_was_undone(
    commonweal: Commonweal, who: dict
) -> None:
    by = who["ciano"]
    deciding.decide(commonweal, WEEK, KEY, by, 0, Choice.APPROVED)
    approved = newest(commonweal)
    deciding.undo(commonweal, WEEK, KEY, by, 1, approved.id)
    undone = newest(commonweal)
    deciding.pin(commonweal, WEEK, KEY, by, 2)
    with pytest.raises(RefusedError, match="taken back already"):
        deciding.undo(commonweal, WEEK, KEY, by, 3, approved.id)
    deciding.undo(commonweal, WEEK, KEY, by, 3, newest(commonweal).id)
    deciding.undo(commonweal, WEEK, KEY, by, 4, undone.id)
    deciding.undo(commonweal, WEEK, KEY, by, 5, approved.id)
    assert only(commonweal).review.decision is Choice.UNDECIDED


def test_a_comment_is_taken_back_once_and_stays_on_record(commonweal: Commonweal, who: dict) -> None:
    deciding.comment(commonweal, WEEK, KEY, who["ciano"], "About another one.")
    deciding.decide(commonweal, WEEK, KEY, who["ciano"], 0, Choice.HELD)
    comment = only(commonweal).steps[-1]
    assert comment.what is Doing.COMMENT
    deciding.undo(commonweal, WEEK, KEY, who["dora"], 1, comment.id)
    with pytest.raises(RefusedError, match="taken back already"):
        deciding.undo(commonweal, WEEK, KEY, who["dora"], 1, comment.id)
    with pytest.raises(FirstError, match="on hold"):
        deciding.decide(commonweal, WEEK, KEY, who["dora"], 0, Choice.APPROVED)
    pairing = only(commonweal)
    assert (pairing.review.version, pairing.review.decision) == (1, Choice.HELD)
    assert [(one.what, one.undoes) for one in pairing.steps] == [
        (Doing.UNDO, comment.id),
        (Doing.DECIDE, None),
        (Doing.COMMENT, None),
    ]


def test_filters_let_through_what_they_name(commonweal: Commonweal, who: dict, cast: Mapping[str, Any]) -> None:
    for filters in ({"text": "minibus"}, {"decision": "undecided"}, {"text": "borea"}):
        assert len(shown(commonweal, **filters).pairings) == 1, filters
    for filters in ({"text": "zebra"}, {"decision": "held"}, {"theme": "x"}, {"sector": "x"}, {"place": "Atlantis"}):
        assert shown(commonweal, **filters).pairings == (), filters


def propose_many(commonweal: Commonweal, cast: Mapping[str, Any], count: int) -> list[str]:
    needs = [replace(cast["need"], id=ListingId(f"n{number}")) for number in range(count)]
    offers = [replace(cast["offer"], id=ListingId(f"o{number}")) for number in range(count)]
    suggestions = tuple(
        Suggestion(need=one, offer=other, fit=0.75, strength=Strength.GOOD, score=1.0)
        for one, other in zip(needs, offers, strict=True)
    )
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: one for one in (*needs, *offers)})
        stored.propose(connection, WEEK, Proposal(suggestions), versions={}, at=commonweal.now())
    return [key_of(WEEK, *one.pair) for one in suggestions]

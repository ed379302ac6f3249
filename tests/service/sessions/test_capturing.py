"""What is said in the room: listed as entered by a coordinator, paired with those present and nobody else."""

from dataclasses import replace
from typing import Any

import pytest

from matcher.records import Kind, ListingId, OrganisationId
from service.entering import RefusedError as UnreadableError
from service.listing import UnseenError
from service.review import deciding
from service.review.occasions import ClosedError
from service.sessions import attending, capturing, coalitions, convening
from service.sessions.capturing import UnknownPartnerError
from service.store import decisions, events, members, people, reviews
from service.store.people import Person
from service.store.reviews import Choice
from service.wiring import Commonweal

ALBA, BOREA, DELOS = map(OrganisationId, ("alba", "borea", "delos"))
SAID = "A minibus with a driver for a lunch club of older people, on Thursday mornings"


@pytest.fixture
def person(commonweal: Commonweal, by: str) -> Person:
    with commonweal.database.read() as connection:
        found = people.get(connection, by)
    assert found
    return found


@pytest.fixture
def attended(commonweal: Commonweal, session: str, by: str) -> str:
    attending.ask(commonweal, session, [ALBA, DELOS], by)
    return session


def say(commonweal: Commonweal, session: str, person: Person, who: OrganisationId = DELOS, text: str = SAID) -> Any:
    id_ = capturing.capture(commonweal, session, person, who, Kind.OFFER, text)
    return commonweal.live.current().listings[id_]


def test_what_is_said_is_listed_on_record_and_meets_those_who_are_there(
    commonweal: Commonweal, attended: str, person: Person
) -> None:
    said = say(commonweal, attended, person)
    assert (said.organisation, said.kind, said.text) == (DELOS, Kind.OFFER, SAID)
    with commonweal.database.read() as connection:
        assert [one.what for one in events.about(connection, DELOS)] != []
    assert [one.pair for one in capturing.partners(commonweal, attended, said)] == [("alba-n1", said.id)]
    attending.settle(commonweal, attended, ALBA, person.id, 1, {"state": "cancelled"})
    assert capturing.partners(commonweal, attended, said) == ()


def test_a_partner_is_added_once_approved_and_pinned(commonweal: Commonweal, attended: str, person: Person) -> None:
    said = say(commonweal, attended, person)
    review = capturing.pair(commonweal, attended, person.id, said, "alba-n1")
    assert (review.pair, review.decision, review.why) == (
        ("alba-n1", said.id),
        Choice.APPROVED,
        capturing.SAID_IN_THE_ROOM,
    )
    capturing.pair(commonweal, attended, person.id, said, "alba-n1")
    with commonweal.database.read() as connection:
        assert decisions.pinned(connection, attended) == (review.pair,)
        assert len(reviews.of(connection, attended)) == 1
    with pytest.raises(UnknownPartnerError):
        capturing.pair(commonweal, attended, person.id, said, "borea-o1")


def test_a_partner_that_somebody_decided_against_is_not_added(
    commonweal: Commonweal, attended: str, person: Person
) -> None:
    said = say(commonweal, attended, person)
    review = capturing.pair(commonweal, attended, person.id, said, "alba-n1")
    deciding.decide(commonweal, attended, review.key, person.id, review.version, Choice.REJECTED, "They are rivals")
    with pytest.raises(deciding.RefusedError, match="rejected by Cora"):
        capturing.pair(commonweal, attended, person.id, said, "alba-n1")


def test_nothing_is_added_to_a_session_that_was_cancelled(
    commonweal: Commonweal, attended: str, person: Person
) -> None:
    said = say(commonweal, attended, person)
    convening.cancel(commonweal, attended, 1)
    with pytest.raises(ClosedError, match="This session was cancelled"):
        capturing.pair(commonweal, attended, person.id, said, "alba-n1")


@pytest.mark.parametrize("who", ["borea", "ciano", "nobody"])
def test_only_those_who_are_there_say_something(
    commonweal: Commonweal, attended: str, person: Person, who: str
) -> None:
    with pytest.raises(deciding.RefusedError, match="Choose who said it among those who come"):
        say(commonweal, attended, person, OrganisationId(who))


def test_what_is_about_a_particular_person_or_says_nothing_is_not_listed_unseen(
    commonweal: Commonweal, attended: str, person: Person
) -> None:
    for text in ("Mrs Mary Jones, born 3 May 1961, has a flat free at number 12", "Rooms"):
        with pytest.raises((UnseenError, UnreadableError)):
            say(commonweal, attended, person, text=text)
    with commonweal.database.read() as connection:
        assert members.listings_of(connection, DELOS) == ()


def test_of_a_coalition_those_are_paired_that_may_meet_and_the_others_said(
    commonweal: Commonweal, attended: str, by: str, cast: dict[str, Any]
) -> None:
    chairs = replace(cast["offer"], id=ListingId("delos-o1"), organisation=DELOS, text="Sixty chairs", resource="")
    with commonweal.database.write() as connection:
        members.save(connection, listings={chairs.id: chairs})
    wanted = [(ListingId("alba-n1"), ListingId(offer)) for offer in ("delos-o1", "borea-o1", "gone", "delos-o1")]
    done = coalitions.pair(commonweal, attended, by, wanted)
    assert [(one.pair, one.why) for one in done.added] == [(("alba-n1", "delos-o1"), coalitions.TOGETHER)]
    assert done.refused[0] == "Borea Transport does not attend."
    assert len(done.refused) == 2
    with commonweal.database.read() as connection:
        assert decisions.pinned(connection, attended) == (("alba-n1", "delos-o1"),)

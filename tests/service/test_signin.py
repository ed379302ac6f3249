"""Signing in: a link is for one person and works once; a visit lasts until it is ended."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from matcher.records import OrganisationId, Standing
from service import signin
from service.signin import UsedError
from service.signing import LinkError
from service.store import members, people, schema, visits
from service.store.people import Access
from service.wiring import Commonweal

ANN, CIA = "ann@alba.example", "cia@ciano.example"


def promised(commonweal: Commonweal) -> list[Any]:
    with commonweal.database.read() as connection:
        return [(row.kind, row.email) for row in connection.execute(select(schema.mails).order_by(schema.mails.c.key))]


def token_for(commonweal: Commonweal, email: str, goes_to: str = "/") -> str:
    with commonweal.database.read() as connection:
        person = people.by_email(connection, email)
    assert person
    return signin.make_link(commonweal, person, goes_to).removeprefix("http://127.0.0.1:8000/sign-in/")


def later(commonweal: Commonweal, by: timedelta) -> None:
    then = commonweal.now() + by
    commonweal.now = lambda: then


def test_a_members_contact_is_sent_a_link(commonweal: Commonweal) -> None:
    assert signin.request_link(commonweal, " Ann@Alba.example ", "/suggestions")
    assert promised(commonweal) == [("sign-in", ANN)]


@pytest.mark.parametrize("email", ["nobody@alba.example", CIA, "", "%"])
def test_whom_nobody_knows_and_who_acts_for_no_member_is_sent_nothing(commonweal: Commonweal, email: str) -> None:
    assert not signin.request_link(commonweal, email)
    assert promised(commonweal) == []


def test_a_coordinator_needs_no_organisation(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        people.grant(connection, people.ensure(connection, CIA).id, Access.COORDINATOR)
    assert signin.request_link(commonweal, CIA)


def test_an_address_is_sent_five_links_an_hour_at_most(commonweal: Commonweal) -> None:
    assert [signin.request_link(commonweal, ANN) for _ in range(6)] == [True] * 5 + [False]
    later(commonweal, timedelta(hours=1))
    assert signin.request_link(commonweal, ANN)


def test_an_address_that_mails_came_back_from_is_sent_none(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        people.give_up_on(connection, ANN, "no such user", commonweal.now())
    assert not signin.request_link(commonweal, ANN)


def test_looking_at_a_link_does_not_use_it_and_using_it_does(commonweal: Commonweal) -> None:
    token = token_for(commonweal, ANN, "/introductions")
    assert [signin.look_at(commonweal, token).email for _ in range(3)] == [ANN] * 3
    begun = signin.use(commonweal, token, "Firefox")
    assert (begun.goes_to, begun.visit.browser) == ("/introductions", "Firefox")
    for again in (signin.look_at, lambda *given: signin.use(*given, "Firefox")):
        with pytest.raises(UsedError, match="has been used, or has run out"):
            again(commonweal, token)


def test_a_link_lasts_fifteen_minutes(commonweal: Commonweal) -> None:
    token = token_for(commonweal, ANN)
    later(commonweal, timedelta(minutes=15))
    with pytest.raises(UsedError):
        signin.use(commonweal, token, "")


def test_a_link_that_was_changed_is_none(commonweal: Commonweal) -> None:
    with pytest.raises(LinkError):
        signin.look_at(commonweal, token_for(commonweal, ANN) + "x")


def test_of_many_that_use_a_link_at_once_one_wins(commonweal: Commonweal, make: Callable[..., Commonweal]) -> None:
    token = token_for(commonweal, ANN)
    others = [make(commonweal.database) for _ in range(8)]
    for other in others:
        other.signing = commonweal.signing

    def won(other: Commonweal) -> bool:
        try:
            signin.use(other, token, "")
        except UsedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(won, others)) == [False] * 7 + [True]


def test_a_visit_is_its_persons_until_it_is_ended(commonweal: Commonweal) -> None:
    begun = signin.use(commonweal, token_for(commonweal, ANN), "")
    found = signin.visitor_of(commonweal, begun.token)
    assert found is not None
    assert (found.person.email, found.acts_for, found.visit) == (ANN, ("alba",), begun.visit)
    assert not signin.end(commonweal, "somebody else", begun.visit.id)
    assert signin.end(commonweal, found.person.id, begun.visit.id)
    assert signin.visitor_of(commonweal, begun.token) is None
    assert not signin.end(commonweal, found.person.id, begun.visit.id)


def test_a_visit_lasts_thirty_days(commonweal: Commonweal) -> None:
    begun = signin.use(commonweal, token_for(commonweal, ANN), "")
    later(commonweal, timedelta(days=29, hours=23))
    assert signin.visitor_of(commonweal, begun.token)
    later(commonweal, timedelta(hours=1))
    assert signin.visitor_of(commonweal, begun.token) is None


def test_the_token_of_a_visit_is_not_in_the_store(commonweal: Commonweal) -> None:
    begun = signin.use(commonweal, token_for(commonweal, ANN), "")
    with commonweal.database.read() as connection:
        (row,) = connection.execute(select(schema.visits)).mappings()
    assert begun.token not in row.values()


def test_a_cookie_is_changed_once_a_day_and_the_one_before_is_good_for_a_minute(commonweal: Commonweal) -> None:
    begun = signin.use(commonweal, token_for(commonweal, ANN), "")
    assert signin.changed_cookie(commonweal, begun.visit) is None
    later(commonweal, timedelta(days=1))
    changed = signin.changed_cookie(commonweal, begun.visit)
    assert changed
    assert signin.changed_cookie(commonweal, begun.visit) is None, "two requests at once: the other was first"
    assert signin.visitor_of(commonweal, begun.token)
    later(commonweal, timedelta(minutes=1))
    assert signin.visitor_of(commonweal, begun.token) is None
    assert signin.visitor_of(commonweal, changed)


def test_who_acts_for_nobody_any_more_is_out_at_once(commonweal: Commonweal) -> None:
    begun = signin.use(commonweal, token_for(commonweal, ANN), "")
    with commonweal.database.write() as connection:
        people.leave(connection, begun.visit.person, OrganisationId("alba"), commonweal.now())
    assert signin.visitor_of(commonweal, begun.token) is None


def test_whose_organisation_is_no_member_any_more_is_out_at_once(commonweal: Commonweal) -> None:
    begun = signin.use(commonweal, token_for(commonweal, ANN), "")
    with commonweal.database.write() as connection:
        members.edit(connection, "alba", {"standing": Standing.INVITED})
    assert signin.visitor_of(commonweal, begun.token) is None


def test_ones_visits_are_listed_newest_first(commonweal: Commonweal) -> None:
    first = signin.use(commonweal, token_for(commonweal, ANN), "Firefox").visit
    later(commonweal, timedelta(hours=1))
    second = signin.use(commonweal, token_for(commonweal, ANN), "Safari").visit
    with commonweal.database.read() as connection:
        assert visits.of(connection, first.person, commonweal.now()) == (second, first)


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/suggestions?organisation=a#b", "/suggestions?organisation=a#b"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\nb", "/"),
        ("/a\\b", "/"),
        ("", "/"),
    ],
)
def test_a_link_leads_to_pages_of_ours_only(path: str, safe: str) -> None:
    assert signin.safe_path(path) == safe

"""Leaving the digests: by the link in one, without signing in, and back again on the same page."""

from collections.abc import Callable
from datetime import date

import pytest
from fastapi.testclient import TestClient

from matcher.records import OrganisationId
from service.digests import UNSUBSCRIBE
from service.store import people
from service.store.people import Acting
from service.wiring import Commonweal

ALBA = OrganisationId("alba")


def acting(commonweal: Commonweal) -> Acting:
    with commonweal.database.read() as connection:
        (found,) = people.of(connection, ALBA)
    return found


@pytest.fixture
def address(commonweal: Commonweal) -> str:
    token = commonweal.signing.sign(UNSUBSCRIBE, acting(commonweal).person.id, ALBA)
    return f"/unsubscribe/{token}"


def chosen(commonweal: Commonweal) -> tuple[bool, date | None]:
    found = acting(commonweal)
    return found.digest, found.digest_from


def test_opening_the_link_changes_nothing_and_says_so(
    stranger: TestClient, commonweal: Commonweal, address: str
) -> None:
    for method in ("GET", "HEAD"):
        assert stranger.request(method, address).status_code == 200
    page = stranger.get(address).text
    assert "<h1>No more digests for Alba &amp; Friends?</h1>" in page
    assert "nothing has changed yet" in page
    assert "Introductions stay on" in page
    assert "@" not in page
    assert chosen(commonweal) == (True, None)


def test_a_mail_program_unsubscribes_its_reader_with_one_post_and_no_redirect(
    stranger: TestClient, commonweal: Commonweal, address: str
) -> None:
    for _ in range(2):
        answer = stranger.post(address, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "You get no digests for Alba &amp; Friends any more" in answer.text
    assert chosen(commonweal) == (False, None)


@pytest.mark.parametrize(
    ("choice", "state", "heading"),
    [
        ("none", (False, None), "You get no digests for Alba &amp; Friends any more"),
        ("4-weeks", (True, date(2026, 12, 23)), "No digests for Alba &amp; Friends until 23 December 2026"),
        ("3-months", (True, date(2027, 2, 24)), "No digests for Alba &amp; Friends until 24 February 2027"),
    ],
)
def test_one_may_have_none_or_none_for_a_while_and_take_that_back(
    stranger: TestClient,
    commonweal: Commonweal,
    address: str,
    choice: str,
    state: tuple[bool, date | None],
    heading: str,
) -> None:
    answer = stranger.post(address, data={"choice": choice})
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert chosen(commonweal) == state
    page = stranger.get(address).text
    assert f"<h1>{heading}</h1>" in page
    assert 'value="again"' in page
    stranger.post(address, data={"choice": "again"})
    assert chosen(commonweal) == (True, None)
    assert "No more digests for" in stranger.get(address).text


def test_a_pause_that_is_over_is_none(stranger: TestClient, commonweal: Commonweal, address: str) -> None:
    with commonweal.database.write() as connection:
        person = acting(commonweal).person.id
        people.choose_digest(connection, person, ALBA, digest=True, from_=date(2026, 11, 25))
    assert "No more digests for" in stranger.get(address).text


def test_a_post_that_chooses_nothing_changes_nothing(
    stranger: TestClient, commonweal: Commonweal, address: str
) -> None:
    for data in ({}, {"choice": "all"}, {"List-Unsubscribe": "Two-Clicks"}):
        assert stranger.post(address, data=data).status_code == 422
    assert chosen(commonweal) == (True, None)


def _left(commonweal: Commonweal) -> str:
    person = acting(commonweal).person.id
    with commonweal.database.write() as connection:
        people.leave(connection, person, ALBA, commonweal.now())
    return commonweal.signing.sign(UNSUBSCRIBE, person, ALBA)


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (lambda here: "cut-off", "This link is not whole"),
        (lambda here: here.signing.sign("reply", acting(here).person.id, ALBA), "This link is not whole"),
        (lambda here: here.signing.sign(UNSUBSCRIBE, acting(here).person.id, "borea"), "Nothing is sent by this"),
        (_left, "Nothing is sent by this any more: you do not act for this organisation."),
    ],
    ids=["cut off", "for something else", "of another organisation", "of somebody who left"],
)
def test_no_other_link_opens_it(
    stranger: TestClient, commonweal: Commonweal, token: Callable[[Commonweal], str], says: str
) -> None:
    address = f"/unsubscribe/{token(commonweal)}"
    for answer in (stranger.get(address), stranger.post(address, data={"List-Unsubscribe": "One-Click"})):
        assert answer.status_code == 404
        assert says in answer.text


def test_only_this_persons_digests_of_this_organisation_change(
    stranger: TestClient, commonweal: Commonweal, address: str
) -> None:
    with commonweal.database.write() as connection:
        zoe = people.ensure(connection, "zoe@alba.example", "Zoe")
        people.join(connection, zoe.id, ALBA, by="ann")
        people.join(connection, people.of(connection, ALBA)[0].person.id, OrganisationId("borea"), by="ann")
    stranger.post(address, data={"List-Unsubscribe": "One-Click"})
    with commonweal.database.read() as connection:
        every = people.every(connection)
    assert [(one.person.email, one.digest) for one in every[ALBA]] == [
        ("jo.person@alba.example", False),
        ("zoe@alba.example", True),
    ]
    assert all(one.digest for one in every[OrganisationId("borea")])

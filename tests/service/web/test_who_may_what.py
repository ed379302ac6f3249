"""Every route as everybody: who is let in, that looking changes nothing, and that no contact details show."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import select

from matcher.records import ListingId
from service import introductions, rounds
from service.sessions import attending, convening, planning, timetabling
from service.store import events, people, schema, suggested
from service.store.introductions import Answer
from service.store.people import Access
from service.store.reviews import key_of
from service.web.app import PARTS
from service.wiring import Commonweal

SignIn = Callable[[str], TestClient]
Fields = Callable[..., dict[str, Any]]

ANYBODY, MEMBERS, OWN, SIDES, COORDINATORS, ADMINISTRATORS, PROGRAMS, HOLDERS = range(8)
"""Who is let in. `OWN` are alba's people and coordinators, `SIDES` those of the suggestion in the address, who all must
be signed in; `PROGRAMS` come with a token of the API, `HOLDERS` with a mailed one in the address, and need no more."""

WHO = {
    "/": ANYBODY,
    "/healthz": ANYBODY,
    "/join": ANYBODY,
    "/join/accepted": ANYBODY,
    "/join/sent": ANYBODY,
    "/sign-in": ANYBODY,
    "/sign-in/sent": ANYBODY,
    "/api/v1/match": PROGRAMS,
    "/sign-in/{token}": HOLDERS,
    "/reply/{token}": HOLDERS,
    "/confirm/{token}": HOLDERS,
    "/unsubscribe/{token}": HOLDERS,
    "/invitations/{token}": HOLDERS,
    "/sign-out": MEMBERS,
    "/account": MEMBERS,
    "/account/name": MEMBERS,
    "/account/digest": MEMBERS,
    "/account/visits/{visit}/end": MEMBERS,
    "/find": MEMBERS,
    "/find/ask": MEMBERS,
    "/suggestions": MEMBERS,
    "/introductions": MEMBERS,
    "/organisations/{organisation:path}": MEMBERS,
    "/suggestions/{key}": SIDES,
    "/suggestions/{key}/reply": SIDES,
    "/suggestions/{key}/undo": SIDES,
    "/introductions/{key}": SIDES,
    "/introductions/{key}/outcome": SIDES,
    "/organisations/{organisation:path}/edit": OWN,
    "/organisations/{organisation:path}/people": OWN,
    "/organisations/{organisation:path}/people/remove": OWN,
    "/organisations/{organisation:path}/people/digest": OWN,
    "/organisations/{organisation:path}/pause": OWN,
    "/organisations/{organisation:path}/resume": OWN,
    "/organisations/{organisation:path}/listings": OWN,
    "/organisations/{organisation:path}/listings/new": OWN,
    "/organisations/{organisation:path}/listings/look": OWN,
    "/listings/{listing:path}/edit": OWN,
    "/listings/{listing:path}/close": OWN,
    "/listings/{listing:path}/reopen": OWN,
    "/listings/{listing:path}/confirm": OWN,
    "/listings/{listing:path}/remove": OWN,
    "/organisations/{organisation:path}/contact": COORDINATORS,
    "/organisations/{organisation:path}/edit/show": COORDINATORS,
    "/listings/{listing:path}/edit/show": COORDINATORS,
    "/ask": COORDINATORS,
    "/rounds": COORDINATORS,
    "/rounds/{week}": COORDINATORS,
    "/desk/people": ADMINISTRATORS,
    "/desk/people/add": ADMINISTRATORS,
}
INCOMPLETE = ("/find/ask", "/desk/applications/{id_}")
OVER = ("/desk/review/{occasion}/{pairing}/knock-on",)
"""Pages that say 409 of a round that was released."""
"""Pages that say they know nothing, where the address names nothing that is there."""
SECRETS = re.compile(r"jo\.person@\w+\.example|Jo Person|0117 496 0123|12 Harbour Road|BS3 4AB")
ALBA, BOREA, DORADO = (f"jo.person@{name}.example" for name in ("alba", "borea", "dorado"))


def routes() -> list[tuple[str, str]]:
    found = {
        (method, route.path) for part in PARTS for route in flattened(part.router.routes) for method in route.methods
    }
    return sorted(found)


def flattened(found: Any) -> Iterator[APIRoute]:
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        else:  # a router inside another
            yield from flattened(route.original_router.routes)


def who(path: str) -> int:
    if path in WHO:
        return WHO[path]
    assert path.startswith("/desk"), f"{path}: say above who is let in"
    return COORDINATORS


@pytest.fixture
def key(commonweal: Commonweal) -> str:
    """A suggestion between alba and borea, to which alba has said yes."""
    rounds.run(commonweal, "2026-W48")
    rounds.release(commonweal, "2026-W48")
    with commonweal.database.read() as connection:
        (one, *_) = suggested.released_for(connection, "alba", "2026-W48")
        (jo,) = people.of(connection, "alba")
    introductions.reply(commonweal, "alba", one.key, jo.person.id, Answer.INTERESTED)
    return one.key


@pytest.fixture
def session(commonweal: Commonweal) -> str:
    """A session that alba and borea attend."""
    fields = {"title": "In touch", "themes": "isolation", "day": "2026-12-03"}
    made = convening.make(commonweal, "somebody", fields).id
    attending.ask(commonweal, made, ["alba", "borea"], "somebody")
    planning.solve(commonweal, made)
    timetabling.solve(commonweal, made)
    return made


@pytest.fixture
def address(key: str, session: str) -> Callable[[str], str]:
    """A route's path with something of alba's in it."""
    values = {"organisation": "alba", "listing": "alba-n1", "key": key, "week": "2026-W48"}
    pairing = key_of("2026-W48", ListingId("alba-n1"), ListingId("borea-o1"))
    values |= {"occasion": "2026-W48", "pairing": pairing, "session": session}

    def filled(path: str) -> str:
        return re.sub(r"\{(\w+)(?::path)?\}", lambda found: quote(values.get(found[1], "nothing"), safe=""), path)

    return filled


def everything(commonweal: Commonweal) -> dict[str, list[Any]]:
    """All that is stored, but for what signing in and the promised mails' deliverer write."""
    besides = ("visits", "links", "mails", "vectors")
    with commonweal.database.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in schema.metadata.sorted_tables
            if table.name not in besides
        }


def is_sent_to_sign_in(answer: Any) -> bool:
    return answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?")


def test_every_route_says_who_is_let_in() -> None:
    paths = {path for _, path in routes()}
    assert {path for path in WHO if path not in paths} == set(), "these are no routes any more"
    assert {who(path) for path in paths} == set(range(8))


def test_looking_lets_in_whom_it_should_changes_nothing_and_shows_no_contact_details(
    commonweal: Commonweal, stranger: TestClient, sign_in: SignIn, client: TestClient, address: Callable[[str], str]
) -> None:
    browsers = {"stranger": stranger, "dorado": sign_in(DORADO), "alba": sign_in(ALBA), "coordinator": client}
    before = everything(commonweal)
    for method, path in routes():
        if method != "GET":
            continue
        for role, browser in browsers.items():
            of_alba = {"organisation": "alba"} if who(path) == SIDES and role == "coordinator" else {}
            answer = browser.get(address(path), params=of_alba)
            said = (role, path, answer.status_code)
            if who(path) in (ANYBODY, HOLDERS):
                assert not is_sent_to_sign_in(answer), said
                assert answer.status_code in (200, 303, 404, 410), said
            elif role == "stranger":
                assert is_sent_to_sign_in(answer), said
            elif who(path) == ADMINISTRATORS or (who(path) == COORDINATORS and role != "coordinator"):
                assert answer.status_code == 403, said
            elif who(path) in (OWN, SIDES) and role == "dorado":
                assert answer.status_code == 404, said
            else:
                excused = {404: INCOMPLETE, 409: OVER}
                assert answer.status_code == 200 or path in excused.get(answer.status_code, ()), said
            if not (who(path) == OWN and role == "alba"):  # in the words one wrote oneself
                own = {"alba": ALBA, "dorado": DORADO}.get(role)
                assert set(SECRETS.findall(answer.text)) - {own, "Jo Person"} == set(), said
    assert everything(commonweal) == before


def test_nobody_does_what_is_not_theirs_to_do(
    commonweal: Commonweal,
    stranger: TestClient,
    sign_in: SignIn,
    client: TestClient,
    form: Fields,
    address: Callable[[str], str],
) -> None:
    dorado, alba = sign_in(DORADO), sign_in(ALBA)
    refused = {
        OWN: {"dorado": dorado},
        SIDES: {"dorado": dorado},
        COORDINATORS: {"dorado": dorado, "alba": alba},
        ADMINISTRATORS: {"dorado": dorado, "alba": alba, "coordinator": client},
    }
    before = everything(commonweal)
    for method, path in routes():
        if method == "GET" or who(path) in (ANYBODY, HOLDERS, PROGRAMS):
            continue
        told = stranger.post(address(path), data={})
        assert is_sent_to_sign_in(told) or told.status_code == 403, (path, told.status_code)
        for role, browser in refused.get(who(path), {}).items():
            answers = {"answer": "met" if path.endswith("/outcome") else "interested"}
            fields = form(browser, organisation="alba", text="x", person="x", email="a@b.example", **answers)
            answer = browser.post(address(path), data=fields)
            assert answer.status_code in (403, 404), (role, path, answer.status_code)
    assert everything(commonweal) == before


def test_no_form_of_another_site_does_anything(
    commonweal: Commonweal, sign_in: SignIn, address: Callable[[str], str]
) -> None:
    with commonweal.database.write() as connection:
        people.grant(connection, people.ensure(connection, ALBA).id, Access.ADMINISTRATOR)
    alba = sign_in(ALBA)
    before = everything(commonweal)
    for method, path in routes():
        if method != "GET" and who(path) not in (HOLDERS, PROGRAMS):
            answer = alba.post(address(path), data={"organisation": "alba", "answer": "interested"})
            assert answer.status_code == 403, (path, answer.status_code)
    assert everything(commonweal) == before


def test_programs_need_a_token_whoever_is_signed_in(client: TestClient, stranger: TestClient) -> None:
    for browser in (client, stranger):
        assert browser.post("/api/v1/match", json={"text": "volunteers"}).status_code == 401


def test_a_coordinator_edits_what_holds_contact_details_after_asking_and_that_is_recorded(
    commonweal: Commonweal, client: TestClient, form: Fields
) -> None:
    for path in ("/organisations/alba/edit", "/listings/alba-n1/edit"):
        assert "There are contact details in this" in client.get(path).text
        asked = client.post(f"{path}/show", data=form(client))
        assert SECRETS.search(client.get(asked.headers["location"]).text)
    with commonweal.database.read() as connection:
        assert [one.what for one in events.about(connection, "alba")] == ["contact details shown"] * 2

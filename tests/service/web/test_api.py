"""The API: what it takes, what it gives, and the page that says so."""

import json
import re

import pytest
from fastapi.testclient import TestClient

from matcher.records import OrganisationId, Standing, Visibility
from service.store import members, people, tokens
from service.store.people import Access
from service.wiring import Commonweal

ASKED = "We want volunteers who teach older people to use a smartphone"
SECRETS = ("jo.person@borea.example", "0117 496 0123", "Jo Person", "12 Harbour Road", "4AB")


MATCH = "/api/v1/match"


def made_token(commonweal: Commonweal, email: str, name: str = "tests", access: Access | None = None) -> str:
    with commonweal.database.write() as connection:
        person = people.ensure(connection, email, "Somebody")
        if access:
            people.grant(connection, person.id, access)
        token = tokens.make(connection, person.id, name, commonweal.now())
    assert token
    return token


def bearing(browser: TestClient, token: str) -> TestClient:
    """A program that sends this token, and no cookies."""
    headers = {"Authorization": f"Bearer {token}"}
    return TestClient(browser.app, base_url="http://localhost", follow_redirects=False, headers=headers)


@pytest.fixture(scope="session")
def program(reader: TestClient) -> TestClient:
    """Asks on a coordinator's behalf."""
    commonweal = reader.app.state.commonweal  # type: ignore[attr-defined]
    return bearing(reader, made_token(commonweal, "cleo@commonweal.example", access=Access.COORDINATOR))


def match(reader: TestClient, **question: object) -> dict[str, object]:
    answer = reader.post("/api/v1/match", json=question)
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


def test_a_need_is_matched_with_reasons(program: TestClient) -> None:
    answer = match(program, text=ASKED, place="Bristol")
    (suggestion,) = answer.pop("suggestions")  # type: ignore[misc, attr-defined]
    fit = suggestion.pop("fit")
    assert 0 < fit < 1
    assert answer == {"notes": [], "revision": 1}
    assert suggestion == {
        "organisation": {"id": "borea", "name": "Borea", "standing": "member"},
        "kind": "offer",
        "listing": "borea-o1",
        "text": "Volunteers teach older people to use a smartphone. Write to [hidden until you are introduced], "
        "[hidden until you are introduced].",
        "places": ["Bristol", "BS3"],
        "strength": suggestion["strength"],
        "reasons": [
            {
                "about": "clauses",
                "says": f"“{ASKED}” meets “Volunteers teach older people to use a smartphone”.",
                "need_clause": ASKED,
                "offer_clause": "Volunteers teach older people to use a smartphone.",
            },
            {"about": "place", "says": "Both are in Bristol.", "need_clause": "", "offer_clause": ""},
            {
                "about": "evidence",
                "says": "Track record: “Ask [hidden until you are introduced] about last year”.",
                "need_clause": "",
                "offer_clause": "",
            },
        ],
        "mismatches": [],
        "cautions": [],
    }


def test_an_offer_is_matched_with_needs(program: TestClient) -> None:
    answer = match(program, text="Volunteers teach older people to use a smartphone", **{"as": "offer"})
    assert [one["listing"] for one in answer["suggestions"]] == ["alba-n1"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["need", "offer"])
def test_contact_details_are_in_no_answer(program: TestClient, kind: str) -> None:
    answer = json.dumps(match(program, text="volunteers teach smartphone club older people", limit=50, **{"as": kind}))
    assert '"listing"' in answer
    assert [secret for secret in SECRETS if secret in answer] == []


def test_no_more_suggestions_than_asked_for(program: TestClient) -> None:
    every, one = (match(program, text="volunteers teach smartphone", limit=limit)["suggestions"] for limit in (10, 1))
    assert isinstance(every, list)
    assert sorted(each["listing"] for each in every) == ["borea-o1", "profile:ciano"]
    assert one == every[:1]


def test_an_unknown_place_is_a_note(program: TestClient) -> None:
    assert match(program, text=ASKED, place="Brstol")["notes"] == [
        "No place called 'Brstol' is known: it was left out. Did you mean Bristol?"
    ]


def test_an_unknown_organisation_is_not_found(program: TestClient) -> None:
    answer = program.post("/api/v1/match", json={"text": ASKED, "organisation": "albe"})
    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": "no organisation 'albe'; did you mean alba?", "faults": []},
    )


@pytest.mark.parametrize(
    ("question", "faults"),
    [
        ({}, [("text", "Field required")]),
        ({"text": "  "}, [("text", "String should have at least 1 character")]),
        ({"text": "x" * 5001}, [("text", "String should have at most 5000 characters")]),
        ({"text": "x", "as": "profile"}, [("as", "Input should be 'need' or 'offer'")]),
        ({"text": "x", "limit": 51}, [("limit", "Input should be less than or equal to 50")]),
        ({"text": "x", "limit": 0}, [("limit", "Input should be greater than or equal to 1")]),
        ({"text": "x", "place": "y" * 201}, [("place", "String should have at most 200 characters")]),
        ({"text": "x", "plaice": "Hull"}, [("plaice", "Extra inputs are not permitted")]),
    ],
)
def test_a_question_that_cannot_be_read_is_refused_field_by_field(
    program: TestClient, question: dict[str, object], faults: list[tuple[str, str]]
) -> None:
    answer = program.post("/api/v1/match", json=question)
    assert answer.status_code == 422
    assert [(fault["field"], fault["says"]) for fault in answer.json()["faults"]] == faults
    assert answer.json()["detail"].startswith(f"The question cannot be read: {faults[0][0]}: {faults[0][1]}")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"text": "\\ud800"}'])
def test_what_is_no_question_is_refused(program: TestClient, body: bytes) -> None:
    answer = program.post("/api/v1/match", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_the_same_question_gives_the_same_answer(program: TestClient) -> None:
    assert match(program, text=ASKED) == match(program, text=ASKED)


def test_the_description_names_every_field_and_every_answer(reader: TestClient) -> None:
    openapi = reader.get("/api/openapi.json").json()
    assert {path: list(methods) for path, methods in openapi["paths"].items()} == {
        "/api/v1/match": ["post"],
        "/healthz": ["get"],
    }
    responses = openapi["paths"]["/api/v1/match"]["post"]["responses"]
    assert set(responses) == {"200", "400", "401", "404", "422", "503"}
    assert openapi["paths"]["/api/v1/match"]["post"]["security"] == [{"HTTPBearer": []}]
    unready = openapi["paths"]["/healthz"]["get"]["responses"]["503"]
    assert unready["content"] == responses["503"]["content"]  # a Problem, whether indexes or the database are missing
    schemas = openapi["components"]["schemas"]
    assert set(schemas["Question"]["properties"]) == {"text", "as", "organisation", "place", "limit"}
    assert [name for name, one in schemas["Question"]["properties"].items() if not one.get("description")] == []
    assert openapi["info"]["description"]


def test_the_page_shows_routes_models_and_a_line_to_try(reader: TestClient) -> None:
    html = reader.get("/api").text
    for model in ("Question", "Answer", "Suggestion", "Organisation", "Reason", "Problem", "Fault", "Ready"):
        assert f'<h3 id="{model}">{model}</h3>' in html
    assert "<b>POST</b> /api/v1/match" in html
    assert "whole number, 1 to 50, 10 when left out" in html
    assert "need or offer" in html
    assert "curl http://localhost/api/v1/match" in html
    assert reader.get("/docs").status_code == reader.get("/redoc").status_code == 404


def test_the_line_to_try_works(reader: TestClient, program: TestClient) -> None:
    curl = re.search(r"--data &#39;(\{.*?\})&#39;", reader.get("/api").text, re.S)
    assert curl
    assert "Authorization: Bearer TOKEN" in reader.get("/api").text
    assert set(match(program, **json.loads(curl[1].replace("&#34;", '"')))) == {"suggestions", "notes", "revision"}


@pytest.mark.parametrize(
    ("header", "asks_for"),
    [
        ({}, "Bearer"),
        ({"Authorization": ""}, "Bearer"),
        ({"Authorization": "Basic Y29yYTpjb3Jh"}, "Bearer"),
        ({"Authorization": "Bearer"}, "Bearer"),
        ({"Authorization": "Bearer cw_x"}, 'Bearer error="invalid_token"'),
    ],
)
def test_who_brings_no_token_is_told_what_to_send(reader: TestClient, header: dict[str, str], asks_for: str) -> None:
    """A signed-in coordinator's cookie, which `reader` sends, is no token."""
    assert reader.get("/rounds").status_code == 200
    for question in ({"text": ASKED}, {}):
        answer = reader.post(MATCH, json=question, headers=header)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, asks_for)
        assert list(answer.json()) == ["detail", "faults"]
        assert "token" in answer.json()["detail"].lower()


def test_a_members_token_sees_what_members_may_see(stranger: TestClient, commonweal: Commonweal) -> None:
    member = bearing(stranger, made_token(commonweal, "jo.person@alba.example"))
    cora = bearing(stranger, made_token(commonweal, "cora@commonweal.example", access=Access.COORDINATOR))

    def found(program: TestClient, text: str) -> list[str]:
        return [one["listing"] for one in match(program, text=text, place="Bristol")["suggestions"]]  # type: ignore[attr-defined]

    assert "profile:ciano" in found(cora, "A club whose volunteers teach smartphone photography")
    assert "profile:ciano" not in found(member, "A club whose volunteers teach smartphone photography")
    assert found(cora, ASKED) == found(member, ASKED) == ["borea-o1"]
    for visibility in (Visibility.PARTNERS, Visibility.COORDINATORS):
        with commonweal.database.write() as connection:
            members.edit(connection, "borea-o1", {"visibility": visibility})
        assert (found(cora, ASKED), found(member, ASKED)) == (["borea-o1"], [])


def test_a_member_asks_for_its_own_organisation_only(stranger: TestClient, commonweal: Commonweal) -> None:
    member = bearing(stranger, made_token(commonweal, "jo.person@alba.example"))
    for own in ({}, {"organisation": "alba"}, {"organisation": "Alba & Friends"}):
        assert [one["listing"] for one in match(member, text=ASKED, **own)["suggestions"]] == ["borea-o1"]  # type: ignore[attr-defined]
    for other in ("borea", "Borea", "Ciano"):
        answer = member.post(MATCH, json={"text": ASKED, "organisation": other})
        assert (answer.status_code, answer.json()["detail"]) == (
            404,
            f"no organisation '{other}'; give its id or its whole name",
        )


def test_a_token_works_until_it_is_revoked_or_its_person_may_not_sign_in(
    stranger: TestClient, commonweal: Commonweal
) -> None:
    with commonweal.database.write() as connection:
        ann = people.ensure(connection, "ann@alba.example", "Ann")
        people.join(connection, ann.id, OrganisationId("alba"), by="tests")
    first, second = (bearing(stranger, made_token(commonweal, "ann@alba.example", name)) for name in ("one", "two"))

    def codes() -> list[int]:
        return [program.post(MATCH, json={"text": ASKED}).status_code for program in (first, second)]

    assert codes() == [200, 200]
    with commonweal.database.write() as connection:
        tokens.revoke(connection, ann.id, "one", commonweal.now())
    assert codes() == [401, 200]
    with commonweal.database.write() as connection:
        members.edit(connection, "alba", {"standing": Standing.INVITED})
    assert codes() == [401, 401]

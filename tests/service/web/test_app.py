"""What holds for every answer: readiness, hosts, headers, HEAD, and errors in words."""

import logging
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.settings import Settings
from service.store.database import Database, sqlite_file
from service.web.app import create_app
from service.web.rendering import STATIC
from service.wiring import Commonweal

EVERYWHERE = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
NOT_READY = {"detail": "Commonweal is reading its listings and will be ready in a moment.", "faults": []}


def test_ready_only_after_indexes_are_warm(commonweal: Commonweal, client: TestClient, token: dict[str, str]) -> None:
    cold = TestClient(create_app(commonweal), base_url="http://localhost")  # its lifespan has not begun
    cold.cookies = client.cookies
    answer = cold.get("/healthz")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (503, "5", NOT_READY)
    for address in ("/ask", "/rounds", "/rounds/2026-W48", "/organisations/alba"):
        page = cold.get(address)
        assert (page.status_code, page.headers["retry-after"]) == (503, "5")
        assert "will be ready in a moment" in page.text
        assert '<meta http-equiv="refresh" content="5">' in page.text
    assert cold.post("/api/v1/match", json={"text": "help"}, headers=token).status_code == 503


def test_ready_with_revision_and_number_of_listings(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "revision": 1, "listings": 4})


def test_a_database_without_tables_keeps_the_pages_closed_and_says_so_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(Commonweal(Settings(home=tmp_path, encoder="hash")))
    with TestClient(app, base_url="http://localhost") as client:
        while not caplog.records:
            pass
        assert client.get("/healthz").json() == NOT_READY
    assert "no database yet. Run: commonweal import FILE, or commonweal demo" in caplog.text


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/"),
        ("GET", "/rounds"),
        ("GET", "/nowhere"),
        ("GET", "/healthz"),
        ("GET", "/api"),
        ("GET", "/api/openapi.json"),
        ("GET", "/static/style.css"),
        ("GET", "/static/nothing.css"),
        ("POST", "/api/v1/match"),
        ("DELETE", "/"),
    ],
)
def test_every_answer_carries_the_headers(client: TestClient, method: str, address: str) -> None:
    headers = client.request(method, address).headers
    assert {name: headers.get(name) for name in EVERYWHERE} == EVERYWHERE


def test_pages_are_not_kept_and_files_are(client: TestClient) -> None:
    assert client.get("/").headers["cache-control"] == "no-store"
    assert client.get("/static/style.css").headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/static/nothing.css").headers["cache-control"] == "no-store"


def test_the_address_of_a_file_names_its_content(client: TestClient) -> None:
    assert 'href="/static/style.css?v=' in client.get("/ask").text
    assert client.get("/static/style.css").text == (STATIC / "style.css").read_text("utf-8")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("[::1]:8000", 200),
        ("testserver", 400),
        ("rebound.example", 400),
        ("127.0.0.1.rebound.example", 400),
    ],
)
def test_only_this_machine_s_own_names_are_answered(client: TestClient, host: str, status: int) -> None:
    assert client.get("/sign-in", headers={"host": host}).status_code == status


@pytest.mark.parametrize("address", ["/", "/rounds", "/healthz", "/api", "/api/openapi.json", "/static/style.css"])
def test_head_answers_as_get_without_the_body(client: TestClient, address: str) -> None:
    head, get = client.head(address), client.get(address)
    assert (head.status_code, head.headers, head.content) == (get.status_code, get.headers, b"")


def test_a_page_cannot_be_posted_to(client: TestClient) -> None:
    page, api = client.post("/rounds"), client.get("/api/v1/match")
    assert (page.status_code, "cannot be done at this address" in page.text) == (405, True)
    assert (api.status_code, api.json()["faults"]) == (405, [])
    assert api.headers["allow"] == "POST"


def test_what_is_missing_is_a_page_for_people_and_json_for_programs(client: TestClient) -> None:
    assert client.get("/nowhere").headers["content-type"] == "text/html; charset=utf-8"
    assert client.get("/api/v1/nowhere").json() == {"detail": "There is no page at this address.", "faults": []}


def test_an_error_says_nothing_of_the_inside_or_of_the_question(
    client: TestClient, commonweal: Commonweal, token: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def resolve(self, name: str) -> object:
            raise RuntimeError(f"inside: {name}")

    commonweal.core = replace(commonweal.core, gazetteer=Broken())
    asked = {"text": "a secret wish", "place": "Secretham"}
    with caplog.at_level(logging.ERROR):
        page, api = client.get("/ask", params=asked), client.post("/api/v1/match", json=asked, headers=token)
    assert (page.status_code, api.status_code) == (500, 500)
    assert "Something broke here" in page.text
    assert api.json() == {
        "detail": "Something broke here, and not through what you did. Tell your coordinator what you were doing; "
        "the log of `commonweal serve` says where it broke.",
        "faults": [],
    }
    assert "inside" not in page.text
    assert "RuntimeError while answering '/ask'" in caplog.text
    assert "gazetteer.resolve(place)" in caplog.text
    assert "secret" not in caplog.text.lower()


def test_a_locked_database_is_told(
    client: TestClient, commonweal: Commonweal, token: dict[str, str], tmp_path: Path
) -> None:
    commonweal.database.dispose()
    commonweal.database = Database(sqlite_file(commonweal.settings.database_file), busy_seconds=0.05)
    holder = sqlite3.connect(tmp_path / "commonweal.db", isolation_level=None)
    holder.execute("pragma locking_mode = exclusive")
    holder.execute("begin exclusive")
    page, health = client.get("/rounds"), client.get("/healthz")
    api = client.post("/api/v1/match", json={"text": "x"}, headers=token)
    holder.close()
    says = "The database is in use by something else just now. Try again in a few seconds."
    assert (page.status_code, says in page.text) == (503, True)
    problem = (503, {"detail": says, "faults": []})
    assert (api.status_code, api.json()) == (health.status_code, health.json()) == problem
    assert client.get("/rounds").status_code == 200

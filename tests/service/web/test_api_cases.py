"""Two thousand made-up requests to the API: each gets an answer that the API's own description knows."""

import json
from collections import Counter
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.store import people, tokens
from service.store.people import Access
from service.web.api import Answer, Problem, Ready

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis: pip install 'commonweal[dev]'")

CASES = 2000
MODELS = {"Answer": Answer, "Problem": Problem, "Ready": Ready}


@pytest.fixture(scope="session")
def program(reader: TestClient) -> TestClient:
    """Asks with a coordinator's token."""
    commonweal = reader.app.state.commonweal  # type: ignore[attr-defined]
    with commonweal.database.write() as connection:
        cleo = people.ensure(connection, "cases@commonweal.example")
        people.grant(connection, cleo.id, Access.COORDINATOR)
        token = tokens.make(connection, cleo.id, "cases", commonweal.now())
    headers = {"Authorization": f"Bearer {token}"}
    return TestClient(reader.app, base_url="http://localhost", headers=headers, raise_server_exceptions=False)


def test_no_request_that_can_be_made_up_breaks_the_api(program: TestClient) -> None:
    openapi = program.get("/api/openapi.json").json()
    described = schemathesis.openapi.from_dict(openapi)
    modes = schemathesis.GenerationMode
    operations = [described[path][method.upper()] for path, methods in openapi["paths"].items() for method in methods]
    cases = st.one_of(
        *(one.as_strategy(generation_mode=mode) for one in operations for mode in (modes.POSITIVE, modes.NEGATIVE))
    )
    answered: Counter[int] = Counter()

    @given(cases, st.booleans())
    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any, keeps_token: bool) -> None:
        answer = program.request(case.method, case.formatted_path, **sent(case, keeps_token))
        answered[answer.status_code] += 1
        documented = openapi["paths"][case.operation.path][case.method.lower()]["responses"].get(
            str(answer.status_code)
        )
        assert documented, (answer.status_code, case)
        name = documented["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        MODELS[name].model_validate_json(answer.content)

    ask()
    assert sum(answered.values()) == CASES
    assert {200, 401, 422} <= set(answered)


def sent(case: Any, keeps_token: bool) -> dict[str, Any]:
    """What the case sends, whatever that is, with our token or one that was made up."""
    headers = {
        name: value for name, value in (case.headers or {}).items() if not keeps_token or name != "Authorization"
    }
    if isinstance(case.body, schemathesis.core.NotSet):
        return {"headers": headers}
    content = case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()
    return {"content": content, "headers": {**headers, "content-type": case.media_type or "application/json"}}

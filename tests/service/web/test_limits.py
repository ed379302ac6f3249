"""How often one may ask: by client, by whom it is about, each for itself, and when it may be tried again."""

from types import SimpleNamespace
from typing import Any

import pytest

from service.web import limits
from service.web.limits import TooManyError, check


@pytest.fixture
def app() -> Any:
    return SimpleNamespace(state=SimpleNamespace(limiter=limits.limiter()))


def asked(app: Any, host: str | None = "192.0.2.1") -> Any:
    """A request from this client, as far as a limit looks at it."""
    return SimpleNamespace(app=app, client=SimpleNamespace(host=host) if host else None)


def allow(*asked: Any) -> bool:
    try:
        check(*asked)
    except TooManyError:
        return False
    return True


def test_a_client_may_ask_so_often_and_another_for_itself(app: Any) -> None:
    assert [allow(asked(app), "sign-in", "2/hour") for _ in range(3)] == [True, True, False]
    assert allow(asked(app, "192.0.2.2"), "sign-in", "2/hour")
    assert allow(asked(app), "apply", "2/hour")
    assert allow(asked(app, None), "sign-in", "2/hour")


def test_an_address_is_counted_whoever_asks(app: Any) -> None:
    def about(key: str, host: str) -> bool:
        return allow(asked(app, host), "sign-in", "9/hour", key, "2/hour")

    assert [about("ann@alba.example", f"192.0.2.{n}") for n in range(3)] == [True, True, False]
    assert about("bo@borea.example", "192.0.2.2")


def test_what_is_refused_is_not_counted(app: Any) -> None:
    for _ in range(9):
        allow(asked(app), "sign-in", "9/hour", "ann@alba.example", "1/hour")
    assert [allow(asked(app), "sign-in", "9/hour", f"{n}@alba.example", "1/hour") for n in range(9)] == [True] * 8 + [
        False
    ]


def test_who_asked_too_often_is_told_when_to_try_again(app: Any) -> None:
    check(asked(app), "apply", "1/minute")
    with pytest.raises(TooManyError) as refused:
        check(asked(app), "apply", "1/minute")
    assert refused.value.status_code == 429
    assert refused.value.headers
    assert 55 <= int(refused.value.headers["Retry-After"]) <= 61

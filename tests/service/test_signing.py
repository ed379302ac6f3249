"""What is signed: read for the purpose it was signed for, until it runs out, and nowhere else."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.signing import LinkError, Signing, kept_secret

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OURS = Signing("a secret of thirty-two characters")


def test_what_was_signed_is_read_again() -> None:
    assert OURS.read("reply", OURS.sign("reply", "key", "Ålba & Söhne"), 2) == ("key", "Ålba & Söhne")


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (OURS.sign("unsubscribe", "ann", "alba"), "not whole"),  # another purpose
        (Signing("another secret of as many letters").sign("reply", "ann", "alba"), "not whole"),
        (OURS.sign("reply", "ann", "alba")[:-1], "not whole"),
        (OURS.sign("reply", "ann"), "not one of ours"),
        ("", "not whole"),
        ("é.é", "not whole"),
    ],
)
def test_whatever_else_is_refused(token: str, says: str) -> None:
    with pytest.raises(LinkError, match=says):
        OURS.read("reply", token, 2)


def test_a_link_runs_out() -> None:
    token = OURS.sign_until(NOON + timedelta(days=14), "reply", "key")
    assert OURS.read_until(NOON + timedelta(days=14), "reply", token, 1) == ("key",)
    with pytest.raises(LinkError, match="run out"):
        OURS.read_until(NOON + timedelta(days=14, seconds=1), "reply", token, 1)


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secret"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(kept_secret, [path] * 32))
    assert len(found) == 1
    assert len(found.pop()) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["secret"]

"""What every test may rely on: an environment without settings, and Hypothesis without a stopwatch."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # one of several: a core for each, before numpy and torch count them
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

settings.register_profile("commonweal", deadline=None, print_blob=True)
settings.load_profile("commonweal")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("COMMONWEAL_") and name != "COMMONWEAL_SOAK"]:
        monkeypatch.delenv(name)


@pytest.fixture
def golden() -> Callable[[str, str | bytes], None]:
    """`golden(name, text)` holds a text that people receive against tests/golden; UPDATE_GOLDEN=1 writes it anew."""

    def compare(name: str, text: str | bytes) -> None:
        path = Path(__file__).parent / "golden" / name
        found = text.encode() if isinstance(text, str) else text
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_bytes(found)
        assert found.decode().splitlines() == path.read_bytes().decode().splitlines()
        assert found == path.read_bytes()

    return compare

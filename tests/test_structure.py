"""What holds for the repository as a whole."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
LONGEST = 400
LONG = {
    "service/importing.py": "one story: plan, what is told of it, and apply",
    "service/store/schema.py": "every table, where one looks for it",
}
"""Files of more lines than that, each with its reason."""


def modules() -> list[Path]:
    return sorted(path for package in ("matcher", "service", "evaluation") for path in (TOP / package).rglob("*.py"))


def test_a_module_is_read_in_one_sitting() -> None:
    long = {
        str(path.relative_to(TOP)): lines
        for path in modules()
        if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST
    }
    assert {name: lines for name, lines in long.items() if name not in LONG} == {}
    assert set(LONG) <= set(long), "no longer long: take it off the list"


@pytest.mark.parametrize("folder", ["models", "data"])
def test_artefacts_hold_no_python(folder: str) -> None:
    assert list((TOP / folder).rglob("*.py")) == []


def test_tests_are_no_package() -> None:
    assert list((TOP / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize("name", ["models", "data", "tests"])
def test_an_installed_commonweal_brings_no_other_import_names(name: str, tmp_path: Path) -> None:
    try:
        distribution("commonweal")
    except PackageNotFoundError:
        pytest.skip("commonweal is not installed here: pip install -e .")
    found = subprocess.run(
        [sys.executable, "-I", "-c", f"import matcher, service, evaluation\nimport {name}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert found.stderr.splitlines()[-1] == f"ModuleNotFoundError: No module named '{name}'"

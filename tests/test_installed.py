"""What is shipped is what is tested: the wheel, away from the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel: pip install commonweal[dev]")
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=TOP, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


def run(site: Path, home: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `code` isolated, in another folder, with the wheel before anything else."""
    return subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(site)!r})\n{code}", *arguments],
        cwd=home,
        env={**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "COMMONWEAL_ENCODER": "hash"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_wheel_holds_its_artefacts_and_nothing_of_the_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert {name.split("/")[0] for name in names} == {"matcher", "service", "evaluation", "commonweal-0.1.0.dist-info"}
    for wanted in (
        "matcher/_artefacts/models/ranker.toml",
        "matcher/_artefacts/data/vocabulary/places.csv",
        "matcher/_artefacts/data/example/listings.csv",
        "matcher/_artefacts/data/benchmark/qrels.tsv",
        "matcher/_artefacts/data/columns/ukcat.toml",
        "evaluation/baseline.json",
        "evaluation/templates/report.html",
        "service/mails/digest.html",
        "service/store/migrations/versions/0001_first_tables.py",
        "commonweal-0.1.0.dist-info/licenses/LICENSE",
        "commonweal-0.1.0.dist-info/licenses/NOTICE",
    ):
        assert wanted in names
    assert any(name.startswith("service/web/static/") for name in names)


def test_an_installed_wheel_runs_the_demo_away_from_the_checkout(site: Path, tmp_path: Path) -> None:
    where = run(site, tmp_path, "import matcher.artefacts as a; print(a.root()); print(a.checkout())")
    assert where.stdout.split() == [str(site / "matcher" / "_artefacts"), "None"]
    done = run(site, tmp_path, "from service.cli import main; main()", "demo", "--no-serve")
    assert done.returncode == 0, done.stderr
    status = run(site, tmp_path, "from service.cli import main; main()", "status", "--json")
    found = json.loads(status.stdout)
    assert found["home"] == str(tmp_path / "data" / "commonweal")
    assert sum(found["organisations"].values()) >= 120


def test_an_installed_wheel_evaluates_the_benchmark_it_brings(site: Path, tmp_path: Path) -> None:
    asked = ("evaluate", "benchmark", "--system", "bm25", "--encoder", "hash", "--json")
    done = run(site, tmp_path, "from service.cli import main; main()", *asked)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["collections"]
    assert (found["collection"], [one["system"] for one in found["systems"]]) == ("benchmark", ["bm25"])


@pytest.mark.parametrize("name", ["models", "data", "tests"])
def test_no_folder_of_artefacts_becomes_a_package(name: str, site: Path, tmp_path: Path) -> None:
    imported = run(site, tmp_path, f"import {name}")
    assert f"No module named '{name}'" in imported.stderr

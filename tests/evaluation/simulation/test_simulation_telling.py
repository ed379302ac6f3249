import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from inspect import signature
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evaluation import report as evaluation_report
from evaluation.simulation import telling
from evaluation.simulation.commands import app
from evaluation.simulation.commands import simulate as command
from evaluation.simulation.policies import POLICIES
from evaluation.simulation.report import page, write_report
from evaluation.simulation.simulating import NOISE, Mean, Simulated, simulate, sized

COMPARED = ("own-list", "reference", "flow")


@pytest.fixture(scope="module")
def market() -> Simulated:
    return simulate(sized(12, 9), seeds=20, weeks=2, policies=COMPARED)


@pytest.fixture(scope="module")
def cli() -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.stderr).split())

    return run


class Parsed(HTMLParser):
    """What is open when a page ends, its links and what a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.pictures: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.ids += [attributes["id"]] if attributes.get("id") else []
        self.links += [attributes["href"]] if tag == "a" and attributes.get("href") else []
        self.pictures += [attributes["aria-label"]] if tag == "svg" and attributes.get("aria-label") else []
        self.text += " "

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("figure", "of", "told"),
    [
        ("expected", Mean(12.34, 0.56), "12.3 ±0.6"),
        ("expected", Mean(12.34, math.nan), "12.3"),
        ("suggested", Mean(0.5, 0.012), "50.0% ±1.2%"),
        ("small_gain", Mean(0.021, 0.01), "+2.1% ±1.0%"),
        ("gini", Mean(0.25, 0.01), "0.250 ±0.010"),
        ("over", Mean(0.0, 0.0), "0"),
        ("over", Mean(0.5, 0.2), "0.5 ±0.2"),
        ("longest", Mean(5.0, math.nan), "5"),
        ("repeats", Mean(0.0, 0.0), "0"),
    ],
)
def test_a_figure_is_told_with_its_error_where_there_is_one(figure: str, of: Mean, told: str) -> None:
    assert telling.told(figure, of) == told


def test_the_table_has_a_row_for_each_policy_and_all_begin_alike(market: Simulated) -> None:
    lines = telling.text(market).splitlines()
    assert lines[0].startswith("12x9: 12 needs, 9 offers, ")
    assert lines[0].endswith("; 2 weeks, 20 seeds")
    assert [line.split()[0] for line in lines[3:]] == ["policy", *COMPARED]


def test_the_document_is_plain_json_and_says_what_the_figures_are(market: Simulated) -> None:
    told = json.loads(json.dumps(telling.document([market]), allow_nan=False))
    (of,) = told["markets"]
    assert (of["market"], of["seeds"], of["weeks"], of["noise"]) == ("12x9", 20, 2, 0.1)
    assert [policy["policy"] for policy in of["policies"]] == list(COMPARED)
    for policy in of["policies"]:
        assert set(policy["figures"]) == set(told["figures"])
        assert policy["says"] == POLICIES[policy["policy"]].__doc__
        assert len(policy["by_week"]) == 2
        assert len(policy["seeds"]) == 20
    assert of["policies"][1]["against_reference"] is None
    assert of["policies"][2]["against_reference"]["mean"] == pytest.approx(
        of["policies"][2]["figures"]["expected"]["mean"] - of["policies"][1]["figures"]["expected"]["mean"], abs=1e-5
    )


def test_one_seed_has_no_error_to_tell() -> None:
    one = simulate(sized(12, 9), seeds=1, weeks=1, policies=["flow", "reference"])
    (of,) = telling.document([one])["markets"]
    assert of["policies"][0]["figures"]["expected"]["error"] is None
    assert "±" not in telling.text(one).split("\n\n")[1]
    assert "fewer than 20 seeds are too few" in Parsed(page([one])).text


def test_the_page_is_whole_and_every_picture_says_what_it_shows(market: Simulated) -> None:
    found = Parsed(page([market]))
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert [says.split(":")[0].split(".")[0] for says in found.pictures] == [
        "Introductions to be expected",
        "Introductions to be expected by week",
        "Gini index of how much organisations are looked at",
        f"Small organisations hold {market.small_listings.mean:.1%}".rpartition(".")[0],
        "Places beyond a cap",
    ]
    for policy in COMPARED:
        assert telling.told("expected", market.mean(policy, "expected")).replace("±", "± ") in " ".join(
            found.text.split()
        )


def test_the_same_figures_give_the_same_page_and_two_markets_link_to_each(market: Simulated) -> None:
    assert page([market, market]) == page([market, market])
    assert Parsed(page([market, market])).links == ["#market-1", "#market-2"]
    assert Parsed(page([market])).links == []


def test_the_evaluation_report_links_to_a_simulation_that_lies_beside_it(market: Simulated, tmp_path: Path) -> None:
    before = evaluation_report.write_report([], [], tmp_path).read_text("utf-8")
    assert write_report([market], tmp_path) == tmp_path / "simulation.html"
    after = evaluation_report.write_report([], [], tmp_path).read_text("utf-8")
    assert (Parsed(before).links, Parsed(after).links) == ([], ["simulation.html"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html",
        "report.json",
        "simulation.html",
        "simulation.json",
    ]


def test_the_command_prints_a_table_for_each_market(cli: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = cli("--market", "4x4", "--market", "5x4", "--seeds", "2", "--weeks", "1", "--policy", "flow")
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines() if "candidates" in line] == ["4x4", "5x4"]


def test_the_command_strays_as_far_as_the_function() -> None:
    assert signature(command).parameters["noise"].default == NOISE


@pytest.mark.parametrize("market", ["1x1", "1x2"])
def test_a_market_may_be_so_small_that_nobody_fits(cli: Callable[..., tuple[int, str, str]], market: str) -> None:
    code, out, _ = cli("--market", market, "--seeds", "8", "--weeks", "3")
    assert (code, out.count("flow-not-burdened")) == (0, 1)


def test_the_command_writes_the_page_and_one_document(cli: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    arguments = [
        "--market",
        "4x4",
        "--seeds",
        "2",
        "--weeks",
        "1",
        "--policy",
        "flow",
        "--report",
        str(tmp_path),
        "--json",
    ]
    code, out, err = cli(*arguments)
    assert (code, err) == (0, f"report: {tmp_path / 'simulation.html'}")
    assert json.loads(out) == json.loads((tmp_path / "simulation.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--market", "30by20"], "--market is '30by20'; write example, or needs x offers such as 30x20"),
        (["--market", "0x3"], "--market is '0x3'; write example, or needs x offers such as 30x20"),
        (["--market", "9x2001"], "--market is '9x2001'; write at most 2000 needs and 2000 offers"),
        (
            ["--market", "4x4", "--policy", "auction"],
            "--policy is 'auction'; write own-list, product, greedy, reference",
        ),
    ],
)
def test_what_is_misused_is_named_with_a_remedy(
    cli: Callable[..., tuple[int, str, str]], arguments: list[str], says: str
) -> None:
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert says in err

"""`commonweal review …` as people and programs run it, from the queue to an evaluation of what was decided."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from matcher.proposing import Proposal
from matcher.records import ListingId, Strength, Suggestion
from service.review import deciding
from service.settings import Settings
from service.store import members, people, rounds
from service.store.database import Database
from service.store.people import Access
from service.store.reviews import Choice, key_of
from service.wiring import Commonweal

WEEK = "2026-W48"
Cli = Callable[..., Any]
THINGS = ("a minibus with a driver", "a warm room on Fridays", "six old laptops", "a choir leader")


@pytest.fixture
def decided(home: Path, network: Database, cast: Mapping[str, Any]) -> list[Suggestion]:
    """Four needs with two offers each, proposed: of each the first was approved, the second rejected, but for one."""
    found = []
    for number, thing in enumerate(THINGS):
        need = replace(cast["need"], id=ListingId(f"n{number}"), text=f"We look for {thing}. Ring 0113 496 0000.")
        for other in range(2):
            text = f"We have {thing if not other else 'something else'} to give, number {number}"
            offer = replace(cast["offer"], id=ListingId(f"o{number}-{other}"), text=text)
            fit = 0.9 - 0.1 * number - 0.05 * other
            found.append(Suggestion(need=need, offer=offer, fit=fit, strength=Strength.GOOD, score=1.0))
    commonweal = Commonweal(Settings(home=home, encoder="hash"))
    with commonweal.database.write() as connection:
        members.save(connection, listings={each.id: each for one in found for each in (one.need, one.offer)})
        rounds.propose(connection, WEEK, Proposal(tuple(found)), versions={"ranker": "r7"}, at=commonweal.now())
        ciano = people.ensure(connection, "ciano@desk.example", "Ciano 0113 496 0000").id
        people.grant(connection, ciano, Access.COORDINATOR)
    for number, one in enumerate(found[:7]):
        choice, why = (Choice.REJECTED, "mail x@y.example") if number % 2 else (Choice.APPROVED, "")
        deciding.decide(commonweal, WEEK, key_of(WEEK, *one.pair), ciano, 0, choice, why)
    deciding.assign(commonweal, WEEK, key_of(WEEK, *found[7].pair), ciano, 0, ciano)
    commonweal.database.dispose()
    return found


@pytest.mark.usefixtures("decided")
def test_what_waits_is_listed_with_how_far_it_is(cli: Cli) -> None:
    ran = cli("review", "list")
    assert ran.code == 0
    heading, row = (line.split() for line in ran.out.splitlines())
    assert heading == ["occasion", "what", "day", "undecided", "approved", "rejected", "on", "hold"]
    assert (row[0], row[-4:]) == (WEEK, ["1", "4", "3", "0"])
    assert json.loads(cli("review", "list", "--json").out) == {
        "occasions": [
            {
                "occasion": WEEK,
                "title": "Round of the week of 23 November 2026",
                "day": "2026-11-23",
                "revision": 1,
                "counts": {"approved": 4, "rejected": 3, "undecided": 1},
            }
        ]
    }


@pytest.mark.usefixtures("decided")
def test_the_pairings_of_one_are_shown_masked_and_by_decision(cli: Cli) -> None:
    ran = cli("review", "show", WEEK, "--decision", "rejected")
    assert (ran.code, ran.out.count("rejected"), ran.err.strip()) == (0, 3, "3 of 8 pairings.")
    assert "y.example" not in ran.out
    told = json.loads(cli("review", "show", WEEK, "--json").out)["pairings"]
    assert [one["decision"] for one in told] == ["approved", "rejected"] * 3 + ["approved", "undecided"]
    assert {key: told[1][key] for key in ("need", "offer", "asking", "giving", "strength", "is_proposed")} == {
        "need": "n0",
        "offer": "o0-1",
        "asking": "Alba Community Kitchen",
        "giving": "Borea Transport",
        "strength": "good",
        "is_proposed": True,
    }
    assert [one["what"] for one in told[1]["steps"]] == ["decide"]
    assert "0113 496 0000" not in json.dumps(told)
    assert "y.example" not in json.dumps(told)


def test_what_is_unknown_is_named_with_a_remedy(cli: Cli, network: Database) -> None:
    ran = cli("review", "show", "2026-W50")
    assert (ran.code, "'2026-W50'" in ran.err, "commonweal review list" in ran.err) == (1, True, True)
    ran = cli("review", "show", WEEK, "--decision", "perhaps")
    assert (ran.code, "undecided, approved, rejected, held" in " ".join(ran.err.replace("│", "").split())) == (2, True)
    assert cli("review", "list").err.strip() == "Nothing is to be reviewed. Propose a round with: commonweal round"
    ran = cli("review", "export", "out")
    assert (ran.code, "nothing was approved yet" in ran.err) == (1, True)


@pytest.mark.usefixtures("decided")
def test_decisions_are_exported_once_and_evaluated(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "judgements"
    ran = cli("review", "export", folder, "--json")
    assert json.loads(ran.out) == {
        "folder": str(folder),
        "queries": 4,
        "approved": 4,
        "rejected": 3,
        "only_rejected": 0,
    }
    again = cli("review", "export", folder)
    assert (again.code, f"{folder} exists" in again.err) == (1, True)
    ran = cli("evaluate", folder, "--encoder", "hash", "--json")
    assert ran.code == 0, ran.err
    (found,) = json.loads(ran.out)["collections"]
    assert (found["collection"], found["documents"], found["calibration"]["pairs"]) == ("judgements", 7, 7)
    other = cli("review", "export", tmp_path / "none", "--occasion", "2026-W40")
    assert (other.code, "nothing was approved yet" in other.err) == (1, True)

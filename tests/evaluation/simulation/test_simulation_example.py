import csv
from pathlib import Path

import numpy as np
import pytest

from evaluation.simulation.example import example
from evaluation.simulation.simulating import simulate
from evaluation.simulation.worlds import World
from matcher.artefacts import artefact
from matcher.assembling import Core


@pytest.fixture(scope="module")
def market(core: Core) -> World:
    return example(core)


def rows(name: str) -> list[dict[str, str]]:
    with Path(artefact("data", "example", name)).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_market_is_what_members_need_and_offer(market: World) -> None:
    members = {row["id"]: row for row in rows("organisations.csv") if row["standing"] == "member"}
    listings = [
        row
        for row in rows("listings.csv")
        if row["organisation"] in members
        and row["visibility"] != "coordinators"
        and (row["opens"] or "2026-11-23") <= "2026-11-23" <= (row["closes"] or "2026-11-23")
    ]
    listed = {row["organisation"] for row in listings}
    kinds = [row["kind"] for row in listings]
    without_any = {row["organisation"] for row in rows("listings.csv")}
    profiles = [key for key in members if key not in without_any and members[key]["description"]]
    assert (len(market.asks), len(market.gives)) == (kinds.count("need"), kinds.count("offer") + len(profiles))
    assert len(market.small) == len(listed | set(profiles))
    small = {key for key in listed | set(profiles) if members[key]["size"] in ("micro", "small")}
    assert market.small.sum() == len(small)
    held = [row["organisation"] in small for row in listings] + [key in small for key in profiles]
    assert market.small_listings == pytest.approx(np.mean(held))


def test_candidates_fit_and_are_of_two_members(market: World) -> None:
    assert len(market.need) > 0
    assert market.need.max() < len(market.asks)
    assert market.offer.max() < len(market.gives)
    assert (market.asks[market.need] != market.gives[market.offer]).all()
    assert (market.fit >= 0.15 - 1e-6).all()
    assert ((market.asking > 0) & (market.asking < 1) & (market.giving > 0) & (market.giving < 1)).all()


def test_it_can_be_simulated(market: World) -> None:
    found = simulate(lambda _seed: market, seeds=2, weeks=2, policies=["flow"])
    assert found.mean("flow", "over").mean == 0
    assert found.mean("flow", "suggestions").mean > 0

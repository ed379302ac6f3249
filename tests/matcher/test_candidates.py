from collections.abc import Callable
from dataclasses import fields
from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest

from matcher import candidates
from matcher.candidates import BLOCK, Candidates, between, gather
from matcher.eligibility import MEMBER_RULES, RULES, Asking, Past, barred, eligible, past
from matcher.matching import rank
from matcher.network import Network, Side
from matcher.ranking import Ranker
from matcher.records import Decline, Exclusion, History, Listing, OrganisationId, Standing, Visibility
from matcher.retrieval import SMOOTHED, WIDER

Builder = Callable[..., Any]
TODAY = date(2026, 6, 1)
WORDS = [f"{first}{last}" for first in ("van", "room", "desk", "choir", "seed", "lamp") for last in "abcdefghij"]
PLACES = ((), ("Kent",), ("Medway",), ("Cornwall",), ("Leeds", "Derby"), ("online",))
MANY = 1000  # more than the highest of are found by a sample
OWNERS = [f"org{number}" for number in range(20)]


def drawn(chance: Random, build: Builder, key: str, count: int, owners: list[str]) -> list[Listing]:
    """Listings of all kinds of people, in all kinds of states."""
    return [
        build(
            f"{key}{number:04}",
            ". ".join(" ".join(chance.choices(WORDS, k=9)) for _ in range(chance.choice((1,) * 9 + (25,)))),
            organisation=chance.choice(owners),
            places=chance.choice(PLACES),
            remote=chance.random() < 0.2,
            capacity=chance.choice((None, None, 0, 1, 2)),
            closes=chance.choice((None, None, TODAY, TODAY - timedelta(days=1))),
            visibility=chance.choice((Visibility.NETWORK, Visibility.PARTNERS, Visibility.COORDINATORS)),
        )
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def met(network: Builder, need: Builder, offer: Builder, organisation: Builder) -> Network:
    chance = Random(1)
    people = [
        organisation(
            key,
            standing=chance.choice((Standing.MEMBER, Standing.MEMBER, Standing.LISTED)),
            sectors=(chance.choice(("public", "private")),),
            excludes=(Exclusion(chance.choice((*OWNERS, "sector:private"))),) if chance.random() < 0.3 else (),
        )
        for key in OWNERS
    ]
    listings = [*drawn(chance, need, "n", 2 * BLOCK + 9, OWNERS), *drawn(chance, offer, "o", 150, OWNERS)]
    built: Network = network(listings, people)
    return built


@pytest.fixture(scope="module")
def before(met: Network) -> Past:
    """Of every kind of decision some."""
    chance = Random(2)
    pairs = [(chance.choice(met.needs.entries).listing, chance.choice(met.offers.entries).listing) for _ in range(4000)]
    ids = [(need.id, offer.id) for need, offer in pairs]
    history = History(
        suggested=dict.fromkeys(ids[:1500], TODAY - timedelta(weeks=3)),
        declined={(n.id, o.id): Decline(n.text, o.text) for n, o in pairs[1500:2500]},
        forbidden=frozenset(ids[2500:]),
        blocked=frozenset({frozenset({OrganisationId("org1"), OrganisationId("org2")})}),
        paused=frozenset({OrganisationId("org3"), OrganisationId("org4")}),
        taken={one.id: 1 for one, _ in pairs[:60]},
        resting=frozenset(listing.id for pair in pairs[60:100] for listing in pair),
    )
    return past(history, met, TODAY)


def one_by_one(met: Network, ranker: Ranker, before: Past) -> dict[tuple[int, int], tuple[float, float]]:
    """The better fit and score of every pair, each listing asked for by itself."""
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for side, other, is_need in ((met.needs, met.offers, True), (met.offers, met.needs, False)):
        for row in np.flatnonzero(side.members_may_see).tolist():
            ranked = rank(Asking(side.entries[row], TODAY, before), other, ranker, rules=MEMBER_RULES)
            for asked, fit, score in zip(*(c.tolist() for c in (ranked.rows, ranked.fit, ranked.score)), strict=True):
                if fit >= ranker.threshold:
                    pair = (row, asked) if is_need else (asked, row)
                    found[pair] = max(found.get(pair, (0.0, 0.0)), (fit, score))
    return dict(sorted(found.items()))


def columns(found: Candidates) -> list[list[float]]:
    return [getattr(found, field.name).tolist() for field in fields(Candidates)]


def as_columns(found: dict[tuple[int, int], tuple[float, float]]) -> list[list[float]]:
    together = [(*pair, *told) for pair, told in found.items()]
    return [list(column) for column in zip(*together, strict=True)]


def test_what_is_gathered_is_what_each_listing_finds_by_itself(met: Network, before: Past, ranker: Ranker) -> None:
    found = gather(met, ranker=ranker, on=TODAY, before=before)
    assert [column.dtype for column in (found.need, found.offer, found.fit, found.score)] == [
        np.int64,
        np.int64,
        np.float32,
        np.float32,
    ]
    assert len(found.need) > 100
    assert columns(found) == as_columns(one_by_one(met, ranker, before))


def test_so_it_is_where_there_are_more_than_are_looked_at_closely(
    network: Builder, need: Builder, offer: Builder, ranker: Ranker
) -> None:
    chance = Random(3)
    many = [offer(f"o{n:04}", " ".join(chance.choices(WORDS, k=9))) for n in range(MANY)]
    met = network([*many, *(need(f"n{n}", " ".join(chance.choices(WORDS, k=9))) for n in range(20))])
    before = past(History(), met, TODAY)
    found = gather(met, ranker=ranker, on=TODAY, before=before)
    assert len(found.need) > 1000 and SMOOTHED * WIDER < MANY
    assert columns(found) == as_columns(one_by_one(met, ranker, before))


def test_several_workers_gather_the_same(
    met: Network, before: Past, ranker: Ranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = gather(met, ranker=ranker, on=TODAY, before=before)
    monkeypatch.setattr(candidates, "WORTH_WORKERS", 0)
    together = gather(met, ranker=ranker, on=TODAY, before=before, workers=2)
    assert columns(together)[:2] == columns(alone)[:2]
    assert np.allclose(together.fit, alone.fit, atol=1e-5)
    assert np.allclose(together.score, alone.score, atol=1e-4)


def test_few_listings_are_not_worth_a_worker(
    met: Network, before: Past, ranker: Ranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    alone = candidates.worked_off

    def noted(*given: Any, workers: int) -> Any:
        asked.append(workers)
        return alone(*given, workers=workers)

    monkeypatch.setattr(candidates, "worked_off", noted)
    gather(met, ranker=ranker, on=TODAY, before=before, workers=2)
    assert asked == [1]


def test_progress_is_told_of_both_sides_to_their_ends(met: Network, before: Past, ranker: Ranker) -> None:
    told: list[tuple[str, int, int]] = []
    gather(met, ranker=ranker, on=TODAY, before=before, progress=lambda *what: told.append(what))
    closed = [barred(side, TODAY, before, MEMBER_RULES) for side in (met.needs, met.offers)]
    ends = [
        ("looking for offers", int((~closed[0]).sum()), int((~closed[0]).sum())),
        ("looking for needs", int((~closed[1]).sum()), int((~closed[1]).sum())),
    ]
    assert [next(one for one in reversed(told) if one[0] == what) for what, _, _ in ends] == ends
    assert told == sorted(told, key=lambda one: (one[0] != "looking for offers", one[1]))


def test_nothing_is_gathered_in_an_empty_network(network: Builder, ranker: Ranker) -> None:
    met = network([])
    assert columns(gather(met, ranker=ranker, on=TODAY, before=past(History(), met, TODAY))) == [[], [], [], []]


@pytest.mark.parametrize("rules", [RULES, MEMBER_RULES])
def test_what_bars_a_row_forbids_it_to_everybody_who_may_ask(rules: Any, met: Network, before: Past) -> None:
    for side, other in ((met.needs, met.offers), (met.offers, met.needs)):
        for rule in (rule for rule in rules if rule.bars):
            bars = rule.bars(other, TODAY, before)
            assert 0 < bars.sum() < len(other), rule.name
            for row in np.flatnonzero(~rule.bars(side, TODAY, before))[::7].tolist():
                asking = Asking(side.entries[row], TODAY, before)
                assert rule.forbids(asking, other).tolist() == bars.tolist(), rule.name


def test_a_listing_that_is_barred_may_meet_nobody(met: Network, before: Past) -> None:
    def may_meet(side: Side, row: int, other: Side) -> bool:
        return bool(eligible(Asking(side.entries[row], TODAY, before), other, RULES).any())

    for side, other in ((met.needs, met.offers), (met.offers, met.needs)):
        rows = np.flatnonzero(barred(side, TODAY, before, RULES))
        assert len(rows) > 20
        assert not any(may_meet(side, row, other) for row in rows.tolist())


def test_candidates_between_some_are_those_of_everybody_as_far_as_they_are_between_them(
    met: Network, ranker: Ranker, before: Past
) -> None:
    asking, answering = OWNERS[:8], OWNERS[5:]
    found = between(met, asking, answering, ranker=ranker, on=TODAY, before=before)
    pairs = {(int(n), int(o)): float(fit) for n, o, fit in zip(found.need, found.offer, found.fit, strict=True)}
    owner = [met.needs.entries[n].listing.organisation for n, _ in pairs]
    other = [met.offers.entries[o].listing.organisation for _, o in pairs]
    ways = list(zip(owner, other, strict=True))
    assert pairs
    assert all((a in asking and b in answering) or (b in asking and a in answering) for a, b in ways)
    everybody = gather(met, ranker=ranker, on=TODAY, before=before)
    fits = {
        (int(n), int(o)): float(fit) for n, o, fit in zip(everybody.need, everybody.offer, everybody.fit, strict=True)
    }
    both = [
        pair
        for pair in fits
        if met.needs.entries[pair[0]].listing.organisation in OWNERS[5:8]
        and met.offers.entries[pair[1]].listing.organisation in OWNERS[5:8]
    ]
    assert both
    assert {pair: fits[pair] for pair in both} == {pair: pytest.approx(pairs[pair], abs=1e-6) for pair in both}


def test_candidates_between_some_are_told_from_a_least_fit_on(met: Network, ranker: Ranker, before: Past) -> None:
    room = OWNERS[:10]
    found, more = (
        between(met, room, room, ranker=ranker, on=TODAY, before=before, least=least) for least in (None, 0.0)
    )
    assert found.fit.min() >= ranker.threshold > more.fit.min()
    assert len(more.fit) > len(found.fit)


def test_nobody_has_no_candidates_with_anybody(met: Network, ranker: Ranker, before: Past) -> None:
    assert len(between(met, [], OWNERS, ranker=ranker, on=TODAY, before=before).fit) == 0
    assert len(between(met, ["unheard of"], OWNERS, ranker=ranker, on=TODAY, before=before).fit) == 0

"""Coordinators decide at once: of eight about each of forty pairings one is first, and the others are told."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from matcher.proposing import Proposal
from matcher.records import ListingId, Strength, Suggestion
from service.review import deciding
from service.review.deciding import FirstError
from service.store import members, people, reviews, rounds
from service.store.database import Database
from service.store.people import Access
from service.store.reviews import Choice, Review, key_of
from service.wiring import Commonweal

WEEK, PAIRINGS, EACH, AT_ONCE = "2026-W48", 40, 8, 16
Make = Callable[[Database], Commonweal]


def proposed(commonweal: Commonweal, cast: Mapping[str, Any]) -> list[str]:
    needs = [replace(cast["need"], id=ListingId(f"n{number}")) for number in range(PAIRINGS)]
    offers = [replace(cast["offer"], id=ListingId(f"o{number}")) for number in range(PAIRINGS)]
    suggestions = tuple(
        Suggestion(need=one, offer=other, fit=0.75, strength=Strength.GOOD, score=1.0)
        for one, other in zip(needs, offers, strict=True)
    )
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: one for one in (*needs, *offers)})
        rounds.propose(connection, WEEK, Proposal(suggestions), versions={}, at=commonweal.now())
    return [key_of(WEEK, *one.pair) for one in suggestions]


def coordinators(commonweal: Commonweal) -> list[str]:
    with commonweal.database.write() as connection:
        found = [people.ensure(connection, f"c{number}@desk.example", f"C{number}").id for number in range(EACH)]
        for one in found:
            people.grant(connection, one, Access.COORDINATOR)
    return found


def test_of_320_decisions_on_40_pairings_each_pairing_is_won_once(
    commonweal: Commonweal, make: Make, cast: Mapping[str, Any]
) -> None:
    keys, who = proposed(commonweal, cast), coordinators(commonweal)
    replicas = [make(commonweal.database) for _ in range(4)]
    jobs = [(key, person) for key in keys for person in who]
    random.Random(1).shuffle(jobs)

    def decide(number: int) -> Review | FirstError:
        key, person = jobs[number]
        choice = Choice.APPROVED if who.index(person) % 2 else Choice.REJECTED
        try:
            return deciding.decide(replicas[number % 4], WEEK, key, person, 0, choice, f"says {person}")
        except FirstError as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(decide, range(len(jobs))))
    won = [one for one in found if isinstance(one, Review)]
    late = [one for one in found if isinstance(one, FirstError)]
    assert Counter(one.key for one in won) == Counter(keys)
    assert len(late) == PAIRINGS * (EACH - 1)
    with commonweal.database.read() as connection:
        stored, steps = reviews.of(connection, WEEK), reviews.steps(connection, keys)
    assert stored == {one.key: one for one in won}
    assert {key: len(done) for key, done in steps.items()} == dict.fromkeys(keys, 1)
    assert all(error.now == stored[error.now.key] and error.step == steps[error.now.key][0] for error in late)

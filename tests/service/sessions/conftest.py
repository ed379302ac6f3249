"""A session on a Thursday: alba and borea could meet, ciano is no member, delos and elmo have listed nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from matcher.records import Organisation, OrganisationId, Standing
from service.sessions import convening
from service.store import members, people
from service.store.people import Access
from service.store.sessions import Session
from service.wiring import Commonweal

FIELDS = {"title": "Thursdays", "themes": "isolation", "day": "2026-12-03"}
Plan = Callable[..., Session]


@pytest.fixture
def by(commonweal: Commonweal) -> str:
    """A coordinator."""
    with commonweal.database.write() as connection:
        person = people.ensure(connection, "cora@desk.example", "Cora")
        people.grant(connection, person.id, Access.COORDINATOR)
    return person.id


@pytest.fixture
def plan(commonweal: Commonweal, by: str) -> Plan:
    """`plan(field="typed" …)` makes a session."""

    def planned(**fields: Any) -> Session:
        return convening.make(commonweal, by, {**FIELDS, **fields})

    return planned


@pytest.fixture
def session(commonweal: Commonweal, plan: Plan) -> str:
    def member(name: str) -> Organisation:
        return Organisation(id=OrganisationId(name), name=name.title(), standing=Standing.MEMBER, places=("Leeds",))

    with commonweal.database.write() as connection:
        members.save(connection, organisations={one.id: one for one in map(member, ("delos", "elmo"))})
    return plan().id


@pytest.fixture
def member() -> Callable[[int], Organisation]:
    """One of any number of members."""
    first = Organisation(id=OrganisationId("m"), name="M", standing=Standing.MEMBER)
    return lambda number: replace(first, id=OrganisationId(f"m{number:02}"), name=f"Member {number:02}")

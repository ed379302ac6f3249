"""Access: given where it is what somebody saw, and never taken from the last administrator."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from service import granting
from service.granting import ChangedError, LastAdministratorError
from service.store import people
from service.store.people import Access, Person
from service.wiring import Commonweal


def person(commonweal: Commonweal, name: str, access: Access) -> Person:
    with commonweal.database.write() as connection:
        made = people.ensure(connection, f"{name}@commonweal.example", name)
        people.grant(connection, made.id, access)
        found = people.get(connection, made.id)
    assert found
    return found


def administrators(commonweal: Commonweal) -> list[str]:
    with commonweal.database.read() as connection:
        return [one.name for one in people.with_access(connection, Access.ADMINISTRATOR)]


def test_access_is_given_where_it_is_what_was_seen(commonweal: Commonweal) -> None:
    cora = person(commonweal, "cora", Access.COORDINATOR)
    with pytest.raises(ChangedError, match="cora is coordinator meanwhile"):
        granting.grant(commonweal, cora.id, Access.ADMINISTRATOR, by="tests", seen=Access.MEMBER)
    for _ in range(2):
        granted = granting.grant(commonweal, cora.id, Access.ADMINISTRATOR, by="tests")
        assert granted.access is Access.ADMINISTRATOR
    with pytest.raises(ChangedError):
        granting.grant(commonweal, "nobody", Access.MEMBER, by="tests")


def test_of_two_administrators_who_demote_each_other_one_stays(commonweal: Commonweal) -> None:
    ada, abe = (person(commonweal, name, Access.ADMINISTRATOR) for name in ("ada", "abe"))

    def demote(other: Person) -> bool:
        try:
            granting.grant(commonweal, other.id, Access.COORDINATOR, by="tests", seen=Access.ADMINISTRATOR)
        except LastAdministratorError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, (ada, abe))) == [False, True]
    assert len(administrators(commonweal)) == 1

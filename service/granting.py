"""Who may do what: access given and taken, so that somebody can always give it again."""

from matcher.errors import CommonwealError
from service.store import events, people
from service.store.people import Access, Person
from service.wiring import Commonweal


class LastAdministratorError(CommonwealError):
    """Nobody would be left who could give access to anybody."""

    def __init__(self, person: Person) -> None:
        super().__init__(f"{person.name or person.email} is the last administrator: make somebody else one first")


class ChangedError(CommonwealError):
    """The access of this person is not what it was when somebody looked."""


def grant(commonweal: Commonweal, person: str, access: Access, *, by: str, seen: Access | None = None) -> Person:
    """Gives a person this access, with `seen` only where they have that now.

    Raises LastAdministratorError, ChangedError.
    """
    with commonweal.database.write() as connection:
        known = people.get(connection, person)
        if known is None:
            raise ChangedError("There is no such person any more.")
        if seen is not None and known.access is not seen:
            raise ChangedError(f"{known.name or 'This person'} is {known.access} meanwhile. Look again.")
        if known.access is access:
            return known
        administrators = people.with_access(connection, Access.ADMINISTRATOR)
        if known.access is Access.ADMINISTRATOR and len(administrators) == 1:
            raise LastAdministratorError(known)
        people.grant(connection, person, access)
        events.record(connection, commonweal.now(), by, "access", f"{known.id}: {known.access} to {access}")
        changed = people.get(connection, person)
    assert changed is not None
    return changed

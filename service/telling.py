"""Who is mailed about an introduction, or about who acts for whom, and by which key: one key, one mail to each."""

from collections.abc import Iterable
from datetime import datetime

from matcher.records import OrganisationId, Standing
from service.store import mails, members, people
from service.store.database import Connection
from service.store.introductions import Introduction, Reply, Via
from service.store.mails import Kind
from service.store.people import Person


def acting(connection: Connection, organisation: OrganisationId) -> tuple[Person, ...]:
    """Who acts for an organisation; nobody for one that is not a member."""
    found = members.these_organisations(connection, [organisation]).get(organisation)
    if found is None or found.standing is not Standing.MEMBER:
        return ()
    return tuple(one.person for one in people.of(connection, organisation))


def reachable(connection: Connection, organisation: OrganisationId) -> tuple[Person, ...]:
    """Who of those that act for an organisation gets mails."""
    return tuple(person for person in acting(connection, organisation) if not person.undeliverable)


def speaking(connection: Connection, introduction: Introduction, side: OrganisationId) -> tuple[Person, ...]:
    """Whom one side of an introduction is reached at: who replied for it, as long as they act for it and get mails.

    Else all who do; for one that has nobody who does, the coordinator who replied for it; else all who act for it.
    """
    said, present = introduction.replies.get(side), reachable(connection, side)
    who = tuple(person for person in present if said and person.id == said.person)
    return who or present or _stand_in(connection, said) or acting(connection, side)


def _stand_in(connection: Connection, said: Reply | None) -> tuple[Person, ...]:
    """The coordinator who replied."""
    person = people.get(connection, said.person) if said and said.via is Via.COORDINATOR else None
    return (person,) if person and not person.undeliverable else ()


def tell(
    connection: Connection,
    kind: Kind,
    introduction: Introduction,
    side: OrganisationId,
    to: Iterable[Person],
    due: datetime,
) -> None:
    """Promises each of them the mail about it that their side gets."""
    about = {"introduction": introduction.key, "organisation": side}
    for person in to:
        mails.promise(connection, kind, _key_of(introduction, side), to=person, about=about, due=due)


def tell_colleagues(connection: Connection, said: Reply) -> None:
    """Promises the others of an organisation the mail about a reply of theirs."""
    about = {"suggestion": said.suggestion, "organisation": said.organisation}
    for person in acting(connection, said.organisation):
        if person.id != said.person:
            mails.promise(connection, Kind.REPLIED, _key_of_reply(said), to=person, about=about, due=said.at)


def tell_of_colleague(
    connection: Connection, organisation: OrganisationId, added: Person, by: str, key: str, due: datetime
) -> None:
    """Promises the others who act for an organisation, but for who added them, the mail that one more does."""
    about = {"organisation": organisation, "person": added.id, "by": by}
    for person in acting(connection, organisation):
        if person.id not in (added.id, by):
            mails.promise(connection, Kind.COLLEAGUE, key, to=person, about=about, due=due)


def untell(
    connection: Connection, kind: Kind, introduction: Introduction, side: OrganisationId, to: Iterable[Person]
) -> frozenset[str]:
    """Takes such mails back where they wait still. Returns the ids of those to whom one went, or may have."""
    return mails.take_back(connection, kind, _key_of(introduction, side), [person.id for person in to])


HELD_BACK = "a yes to it would be refused for now"
"""Why nobody is asked, or reminded, about an introduction against which something stands."""


def retell(
    connection: Connection, kind: Kind, introduction: Introduction, side: OrganisationId, due: datetime, why: str = ""
) -> bool:
    """Promises such mails again where they were dropped, or dropped for this reason; False where none was."""
    return mails.renew(connection, kind, _key_of(introduction, side), due, why) > 0


def untell_colleagues(connection: Connection, said: Reply) -> None:
    who = [person.id for person in acting(connection, said.organisation)]
    mails.take_back(connection, Kind.REPLIED, _key_of_reply(said), who)


def was_told(connection: Connection, kind: Kind, introduction: Introduction, side: OrganisationId) -> bool:
    """Whether anybody of this side was promised such a mail."""
    return mails.is_known(connection, kind, _key_of(introduction, side))


def _key_of(introduction: Introduction, side: OrganisationId) -> str:
    """Tells mails about it to one side from those before it was withdrawn and begun again."""
    return f"{introduction.key}:{introduction.opened_at:%Y%m%dT%H%M%S.%f}:{side}"


def _key_of_reply(said: Reply) -> str:
    return f"{said.suggestion}:{said.at:%Y%m%dT%H%M%S.%f}:{said.organisation}"

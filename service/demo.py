"""The example network, from spreadsheets to mails, for whoever wants to see Commonweal at work."""

from pathlib import Path

from matcher.artefacts import artefact
from matcher.errors import CommonwealError
from matcher.records import Organisation, OrganisationId
from service import digests, importing, rounds, signin
from service.store import members, people
from service.store import rounds as stored_rounds
from service.store.people import Access
from service.store.rounds import Round
from service.wiring import Commonweal

FILES = ("organisations.csv", "listings.csv")
COORDINATOR = "coordinator@commonweal.example"


class NotTheExampleError(CommonwealError):
    """The database holds somebody's own network."""


def import_example(commonweal: Commonweal) -> importing.Plan:
    """The example members and their listings. Raises NotTheExampleError where others are stored already."""
    core = commonweal.core
    files = importing.read([artefact("data", "example", name) for name in FILES], core.vocabulary)
    with commonweal.database.write() as connection:
        stored = importing.state(connection)
        strangers = [id_ for id_ in stored.organisations if not any(id_ in parsed.ids for parsed in files)]
        if strangers:
            raise NotTheExampleError(
                f"{commonweal.database} holds organisations that are not the example's, such as '{strangers[0]}'. "
                "Set COMMONWEAL_HOME to another folder for the demo"
            )
        plan = importing.plan(files, stored, gazetteer=core.gazetteer)
        importing.apply(connection, plan)
    return plan


def run_round(commonweal: Commonweal, week: str) -> Round:
    """The week's round, proposed and released; as it was released where it has been."""
    with commonweal.database.read() as connection:
        released = stored_rounds.weeks(connection).get(week)
    if not released:
        rounds.run(commonweal, week)
        rounds.release(commonweal, week)
    with commonweal.database.read() as connection:
        found = stored_rounds.load(connection, week)
    assert found is not None
    return found


def write_digests(commonweal: Commonweal, week: str) -> tuple[Path, list[Path]]:
    """The folder the week's digests lie in, and each `.eml`."""
    folder = commonweal.settings.mails / week
    return folder, digests.write(commonweal, week, folder)


def organisations(commonweal: Commonweal) -> dict[OrganisationId, Organisation]:
    with commonweal.database.read() as connection:
        return {id_: stored.record for id_, stored in members.organisations(connection).items()}


def links(commonweal: Commonweal) -> list[tuple[str, str]]:
    """Somebody on each side of a released suggestion, and a coordinator: who they are, and a link to sign in with."""
    with commonweal.database.write() as connection:
        coordinator = people.ensure(connection, COORDINATOR, "Example Coordinator")
        people.grant(connection, coordinator.id, Access.ADMINISTRATOR)
        newest = next(iter(stored_rounds.weeks(connection)), None)
        round_ = newest and stored_rounds.load(connection, newest)
        best = round_.suggestions[:1] if round_ else ()
        both = [side.organisation for one in best for side in (one.need, one.offer)]
        names = {id_: stored.record.name for id_, stored in members.organisations(connection).items()}
        acting = [(names[id_], people.of(connection, id_)[0].person) for id_ in both]
    everybody = [("a coordinator", coordinator), *acting]
    return [(who, signin.make_link(commonweal, person)) for who, person in everybody]

"""What mails are composed from: the network, the rounds, and who may read what; as they are when a mail goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from matcher.errors import CommonwealError
from matcher.records import ListingId, Organisation, OrganisationId, Standing, Suggestion
from service import digests
from service.digests import Network
from service.letters import Frame
from service.stationery import shown
from service.store import confirmations, members, people
from service.store.database import Connection
from service.store.mails import Promised
from service.store.people import Access, Person
from service.store.rounds import Round
from service.telling import reachable
from service.wiring import Commonweal


class NothingToSayError(CommonwealError):
    """What was promised is not so any more; says what."""


@dataclass
class Desk:
    """What mails are composed from, one after the other. What seldom changes is read once, and then what changed."""

    commonweal: Commonweal
    _network: Network = field(default_factory=lambda: Network({}, {}))
    _known: tuple[int, int] = (-1, -1)  # revision and epoch
    _rounds: dict[str, tuple[Round, Mapping[OrganisationId, tuple[Suggestion, ...]]]] = field(default_factory=dict)

    def note_sent(self, connection: Connection, promised: Promised) -> None:
        """What becomes true with the sending of a mail."""
        if "unconfirmed" in promised.about:
            confirmations.note_asked(connection, listing_ids(promised), self.commonweal.now().date())

    def frame(self, reader: str = "") -> Frame:
        settings = self.commonweal.settings
        return Frame(settings.network_name, settings.address, reader)

    def page(self, *path: str) -> str:
        return "/".join((self.commonweal.settings.address, *path))

    def network(self, connection: Connection) -> Network:
        """The network as it is now."""
        revision, epoch = self._known
        changes = members.changes(connection, revision)
        if changes.epoch != epoch and revision >= 0:  # restored from a backup
            changes, self._network = members.changes(connection, -1), Network({}, {})
        if changes.organisations or changes.listings:
            before = self._network
            self._network = Network(
                {**before.organisations, **changes.organisations}, {**before.listings, **changes.listings}
            )
        self._known = changes.revision, changes.epoch
        return self._network

    def round_(
        self, connection: Connection, week: str
    ) -> tuple[Round, Mapping[OrganisationId, tuple[Suggestion, ...]]]:
        """A released round, which does not change any more, and what it suggests to each organisation."""
        if week not in self._rounds:
            released = digests.released(connection, week)
            self._rounds[week] = released, digests.by_side(released)
        return self._rounds[week]

    def organisation(self, connection: Connection, promised: Promised) -> Organisation:
        found = self.network(connection).organisations.get(OrganisationId(promised.about["organisation"]))
        if found is None:
            raise NothingToSayError("nobody knows the organisation any more")
        return found


def frame_for(desk: Desk, person: Person | None, name: str = "") -> Frame:
    """A name that somebody typed for an address that nobody has confirmed is masked."""
    return desk.frame(person.name if person else shown(name, 60))


def acting(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Organisation:
    """The organisation that the mail is about, for which its reader acts, or a coordinator, where it reaches nobody."""
    organisation = desk.organisation(connection, promised)
    if organisation.standing is not Standing.MEMBER:
        raise NothingToSayError("the organisation is no member any more")
    acts = person is not None and organisation.id in people.acts_for(connection, person.id)
    stands_in = person is not None and person.access is not Access.MEMBER
    if not acts and not (stands_in and not reachable(connection, organisation.id)):
        raise NothingToSayError("its reader does not act for the organisation any more")
    return organisation


def listing_ids(promised: Promised) -> list[ListingId]:
    return [ListingId(id_) for id_ in promised.about["unconfirmed"].split("\n")]

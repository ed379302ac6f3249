"""What each promised mail says: read from the store as it is when the mail goes, not when it was promised."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from urllib.parse import quote

from matcher.errors import CommonwealError
from matcher.records import Listing, ListingId, Organisation, OrganisationId, Standing, Suggestion
from service import digests, joining, joining_letters, letters, reply_links, signin, stationery
from service.digests import Network
from service.introductions import IN_WORDS
from service.joining_letters import Applying, Belonging
from service.letters import Frame, Meeting, Party, Replying
from service.standing import bars_completing
from service.stationery import Mail, item, shown
from service.store import confirmations, introductions, members, people, rounds, suggested, visits
from service.store import joining as stored_joining
from service.store.database import Connection
from service.store.introductions import Introduction, Via
from service.store.joining import Application
from service.store.mails import Kind, Promised
from service.store.people import Access, Person
from service.store.rounds import Round
from service.telling import HELD_BACK, reachable, speaking
from service.wiring import Commonweal

LATE = timedelta(days=14)
"""After its week's Monday a digest is news no more."""


class NothingToSayError(CommonwealError):
    """What was promised is not so any more; says what."""


@dataclass
class Desk:
    """Composes mails one after the other. What seldom changes is read once, and what changed since then again."""

    commonweal: Commonweal
    _network: Network = field(default_factory=lambda: Network({}, {}))
    _known: tuple[int, int] = (-1, -1)  # revision and epoch
    _rounds: dict[str, tuple[Round, Mapping[OrganisationId, tuple[Suggestion, ...]]]] = field(default_factory=dict)

    def compose(self, promised: Promised, sender: Address) -> EmailMessage:
        """The mail as it goes. Raises NothingToSayError, or UnaddressableError."""
        with self.commonweal.database.read() as connection:
            person = people.get(connection, promised.person) if promised.person else None
            if promised.person and person is None:
                raise NothingToSayError("nobody knows its reader any more")
            if person and person.undeliverable:
                raise NothingToSayError(f"mails to its reader are not sent any more: {person.undeliverable}")
            mail = _WRITE[promised.kind](self, connection, promised, person)
        return stationery.message(
            mail,
            name=person.name if person else "",
            email=promised.email,
            sender=sender,
            at=self.commonweal.now(),
            key=promised.key,
            whose=f"a mail's reader ({promised.kind})",
        )

    def note_sent(self, connection: Connection, promised: Promised) -> None:
        """What becomes true with the sending of a mail."""
        if "unconfirmed" in promised.about:
            confirmations.note_asked(connection, _listing_ids(promised), self.commonweal.now().date())

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


def _sign_in(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    link = promised.about["link"]
    if visits.usable(connection, link, desk.commonweal.now()) is None:
        raise NothingToSayError("the link has been used, or has run out")
    return joining_letters.sign_in(_frame_for(desk, person), signin.address_of(desk.commonweal, link))


def _invitation(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    found = stored_joining.invitation(connection, promised.about["invitation"])
    if found is None or not found.is_open(desk.commonweal.now()):
        raise NothingToSayError("the invitation was accepted, or has run out")
    by = people.get(connection, found.invited_by)
    about = Belonging(
        organisation=desk.organisation(connection, promised).name,
        until=found.until,
        by=by.name if by else "",
        expires=found.expires_at.date(),
        link=joining.address_of(desk.commonweal, found.id),
    )
    return joining_letters.invitation(desk.frame(person.name if person else found.person_name), about)


def _applied(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    found = _application_in(connection, promised)
    return joining_letters.applied(_frame_for(desk, person, found.person_name), _applying(found))


def _application(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    found = _application_in(connection, promised)
    if found.decision is not None:
        raise NothingToSayError("the application was decided meanwhile")
    if person is None or person.access is Access.MEMBER:
        raise NothingToSayError("its reader is no coordinator any more")
    return joining_letters.application(_frame_for(desk, person), _applying(found))


def _approved(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    organisation = desk.organisation(connection, promised)
    membership = stored_joining.membership(connection, organisation.id)
    if organisation.standing is not Standing.MEMBER:
        raise NothingToSayError("the organisation is no member any more")
    about = Belonging(
        organisation=organisation.name,
        until=membership.until if membership else None,
        link=signin.usable_address(desk.commonweal, connection, promised.about.get("link", "")),
    )
    return joining_letters.approved(_frame_for(desk, person), about)


def _refused(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    found = _application_in(connection, promised)
    if found.decision is not stored_joining.Decided.REFUSED:
        raise NothingToSayError("the application is not refused any more")
    return joining_letters.refused(_frame_for(desk, person, found.person_name), _applying(found))


def _added(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    organisation = _acting(desk, connection, promised, person)
    by = people.get(connection, promised.about.get("by", ""))
    link = signin.usable_address(desk.commonweal, connection, promised.about.get("link", ""))
    about = Belonging(organisation=organisation.name, by=by.name if by else "", link=link)
    return joining_letters.added(_frame_for(desk, person), about)


def _colleague(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    organisation = _acting(desk, connection, promised, person)
    acting = {one.person.id: one.person for one in people.of(connection, organisation.id)}
    added, by = acting.get(promised.about["person"]), promised.about["by"]
    if added is None:
        raise NothingToSayError("the person does not act for the organisation any more")
    who = acting.get(by) or people.get(connection, by)
    about = Belonging(
        organisation=organisation.name,
        by=who.name if who else "",
        by_coordinator=who is not None and by not in acting,
        link=desk.page("organisations", quote(organisation.id, safe=""), "people"),
    )
    return joining_letters.colleague(_frame_for(desk, person), about, added.name)


def _ending(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    organisation = desk.organisation(connection, promised)
    membership = stored_joining.membership(connection, organisation.id)
    until = membership.until if membership else None
    if promised.about.get("until", str(until)) != str(until):
        raise NothingToSayError("the membership has another last day now")
    about = Belonging(organisation=organisation.name, until=until)
    return joining_letters.ending(_frame_for(desk, person), about, desk.commonweal.now().date())


def _digest(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    commonweal, week = desk.commonweal, promised.about["week"]
    today = commonweal.now().date()
    on = max(today, rounds.monday(week))
    if today - rounds.monday(week) > LATE:
        raise NothingToSayError("its week is long over")
    organisation = _acting(desk, connection, promised, person)
    assert person is not None
    if person not in digests.readers(people.of(connection, organisation.id), on):
        raise NothingToSayError("its reader does not get this organisation's digests any more")
    network = desk.network(connection)
    round_, made = desk.round_(connection, week)
    unconfirmed = _still_unconfirmed(connection, promised, network, on)
    own = made.get(organisation.id, ())
    contents = digests.of_one(connection, organisation.id, round_, own, network, on, unconfirmed)
    if contents is None:
        raise NothingToSayError("nothing that it was about stands any more")
    return digests.compose(
        contents,
        person,
        network.names,
        digests.links_for(commonweal, contents, person, week),
        week=week,
        network_name=commonweal.settings.network_name,
    )


def _still_unconfirmed(connection: Connection, promised: Promised, network: Network, on: date) -> list[Listing]:
    """Of the listings it was promised to ask about, those that are open and that nobody has confirmed since."""
    if "unconfirmed" not in promised.about:
        return []
    known = confirmations.these(connection, _listing_ids(promised))
    listings = [network.listings[id_] for id_ in _listing_ids(promised) if id_ in network.listings and id_ in known]
    return [one for one in listings if one.is_open(on) and known[one.id].confirmed_on + confirmations.ASKED_AFTER <= on]


def _listing_ids(promised: Promised) -> list[ListingId]:
    return [ListingId(id_) for id_ in promised.about["unconfirmed"].split("\n")]


def _asked(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    write = letters.asked if promised.kind is Kind.ASKED else letters.reminder
    found, organisation = _introduction_in(connection, promised), _acting(desk, connection, promised, person)
    if found.state is not introductions.State.ASKED or organisation.id in found.replies:
        raise NothingToSayError("it has been answered, or is closed")
    if bars_completing(connection, found, desk.commonweal.now().date()):
        raise NothingToSayError(HELD_BACK)
    assert person is not None
    link = reply_links.address_of(desk.commonweal, found.key, organisation.id, person.id)
    return write(_frame_for(desk, person), _meeting(desk, connection, found, organisation, link))


def _closed(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    write, state = _CLOSED[promised.kind]
    found, organisation = _introduction_in(connection, promised), _acting(desk, connection, promised, person)
    if found.state is not state:
        raise NothingToSayError("it is open again")
    link = desk.page("suggestions", found.key)
    return write(_frame_for(desk, person), _meeting(desk, connection, found, organisation, link))


_CLOSED: Mapping[Kind, tuple[Callable[[Frame, Meeting], Mail], introductions.State]] = {
    Kind.EXPIRED: (letters.expired, introductions.State.EXPIRED),
    Kind.DECLINED: (letters.declined, introductions.State.DECLINED),
    Kind.WITHDRAWN: (letters.withdrawn, introductions.State.WITHDRAWN),
}


def _introduced(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    """Contact details leave only here, and only while both sides' yes stands in the store."""
    found, organisation = _introduction_in(connection, promised), _acting(desk, connection, promised, person)
    _require_introduced(found)
    other = introductions.other_side(found.suggestion, organisation.id)
    about = _meeting(desk, connection, found, organisation)
    if not _is_member(desk, connection, other):
        return letters.left(_frame_for(desk, person), about)
    own, theirs = (_party(desk, connection, found, one) for one in (organisation.id, other))
    return letters.introduction(_frame_for(desk, person), about, own, theirs)


def _follow_up(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    found, organisation = _introduction_in(connection, promised), _acting(desk, connection, promised, person)
    _require_introduced(found)
    if organisation.id in found.outcomes:
        raise NothingToSayError("it has been answered")
    if not _is_member(desk, connection, introductions.other_side(found.suggestion, organisation.id)):
        raise NothingToSayError("the other side is no member any more")
    about = _meeting(desk, connection, found, organisation, desk.page("introductions", found.key))
    return letters.follow_up(_frame_for(desk, person), about)


def _is_member(desk: Desk, connection: Connection, side: OrganisationId) -> bool:
    return desk.network(connection).organisations[side].standing is Standing.MEMBER


def _require_introduced(found: Introduction) -> None:
    if found.state is not introductions.State.INTRODUCED:
        raise NothingToSayError("the two are not introduced")


def _replied(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    organisation, key = _acting(desk, connection, promised, person), promised.about["suggestion"]
    reply = introductions.replies(connection, [key]).get(key, {}).get(organisation.id)
    if reply is None:
        raise NothingToSayError("the reply was taken back")
    found = suggested.find(connection, organisation.id, key)
    if found is None:
        raise NothingToSayError("nobody knows the suggestion any more")
    by = people.get(connection, reply.person)
    about = Replying(
        item=item(found.suggestion, organisation.id, desk.network(connection).names),
        organisation=shown(organisation.name),
        answer=IN_WORDS[reply.answer],
        by=by.name if by else "",
        by_coordinator=reply.via is Via.COORDINATOR,
        link=desk.page("suggestions", key),
    )
    return letters.replied(_frame_for(desk, person), about)


_WRITE: Mapping[Kind, Callable[[Desk, Connection, Promised, Person | None], Mail]] = {
    Kind.SIGN_IN: _sign_in,
    Kind.INVITATION: _invitation,
    Kind.APPLIED: _applied,
    Kind.APPLICATION: _application,
    Kind.APPROVED: _approved,
    Kind.REFUSED: _refused,
    Kind.ADDED: _added,
    Kind.COLLEAGUE: _colleague,
    Kind.ENDING: _ending,
    Kind.DIGEST: _digest,
    Kind.ASKED: _asked,
    Kind.REMINDER: _asked,
    Kind.EXPIRED: _closed,
    Kind.DECLINED: _closed,
    Kind.WITHDRAWN: _closed,
    Kind.REPLIED: _replied,
    Kind.INTRODUCTION: _introduced,
    Kind.FOLLOW_UP: _follow_up,
}


def _frame_for(desk: Desk, person: Person | None, name: str = "") -> Frame:
    """A name that somebody typed for an address that nobody has confirmed is masked."""
    return desk.frame(person.name if person else shown(name, 60))


def _acting(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Organisation:
    """The organisation that the mail is about, for which its reader acts, or a coordinator, where it reaches nobody."""
    organisation = desk.organisation(connection, promised)
    if organisation.standing is not Standing.MEMBER:
        raise NothingToSayError("the organisation is no member any more")
    acts = person is not None and organisation.id in people.acts_for(connection, person.id)
    stands_in = person is not None and person.access is not Access.MEMBER
    if not acts and not (stands_in and not reachable(connection, organisation.id)):
        raise NothingToSayError("its reader does not act for the organisation any more")
    return organisation


def _application_in(connection: Connection, promised: Promised) -> Application:
    found = stored_joining.application(connection, promised.about["application"])
    if found is None:
        raise NothingToSayError("nobody knows the application any more")
    return found


def _applying(found: Application) -> Applying:
    return Applying(
        organisation=found.name,
        register="" if found.register == "none" else str(found.register),
        number=found.number,
        person=found.person_name,
        why=found.why,
    )


def _introduction_in(connection: Connection, promised: Promised) -> Introduction:
    found = introductions.load(connection, promised.about["introduction"])
    if found is None or promised.about["organisation"] not in found.sides:
        raise NothingToSayError("nobody knows the introduction any more")
    return found


def _meeting(
    desk: Desk, connection: Connection, found: Introduction, organisation: Organisation, link: str = ""
) -> Meeting:
    return Meeting(
        item=item(found.suggestion, organisation.id, desk.network(connection).names),
        organisation=shown(organisation.name),
        due=found.due,
        link=link,
        began=found.opened_by == organisation.id,
        needs=found.suggestion.need.organisation == organisation.id,
        came_late=found.came_late,
    )


def _party(desk: Desk, connection: Connection, found: Introduction, side: OrganisationId) -> Party:
    reached = speaking(connection, found, side)
    if not reached:
        raise NothingToSayError("nobody acts for one of the two any more")
    name = desk.network(connection).organisations[side].name
    return Party(organisation=name, name=reached[0].name, email=reached[0].email)

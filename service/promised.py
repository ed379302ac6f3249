"""What each promised mail says: read from the store as it is when the mail goes, not when it was promised."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from urllib.parse import quote

from matcher.records import Listing, Organisation, OrganisationId, Standing
from service import digests, joining, joining_letters, letters, reply_links, signin, stationery
from service.composing import Desk, NothingToSayError, acting, frame_for, listing_ids
from service.digests import Network
from service.introductions import IN_WORDS
from service.joining_letters import Applying, Belonging
from service.letters import Frame, Meeting, Party, Replying
from service.review import occasions
from service.sessions import letters as session_letters
from service.standing import bars_completing
from service.stationery import Mail, item, shown
from service.store import confirmations, introductions, people, rounds, sessions, suggested, visits
from service.store import joining as stored_joining
from service.store.database import Connection
from service.store.introductions import Introduction, Via
from service.store.joining import Application
from service.store.mails import Kind, Promised
from service.store.people import Access, Person
from service.telling import HELD_BACK, speaking

LATE = timedelta(days=14)
"""After its week's Monday a digest is news no more."""


def compose(desk: Desk, promised: Promised, sender: Address) -> EmailMessage:
    """The mail as it goes. Raises NothingToSayError, or UnaddressableError."""
    with desk.commonweal.database.read() as connection:
        person = people.get(connection, promised.person) if promised.person else None
        if promised.person and person is None:
            raise NothingToSayError("nobody knows its reader any more")
        if person and person.undeliverable:
            raise NothingToSayError(f"mails to its reader are not sent any more: {person.undeliverable}")
        mail = _WRITE[promised.kind](desk, connection, promised, person)
    return stationery.message(
        mail,
        name=person.name if person else "",
        email=promised.email,
        sender=sender,
        at=desk.commonweal.now(),
        key=promised.key,
        whose=f"a mail's reader ({promised.kind})",
    )


def _sign_in(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    link = promised.about["link"]
    if visits.usable(connection, link, desk.commonweal.now()) is None:
        raise NothingToSayError("the link has been used, or has run out")
    return joining_letters.sign_in(frame_for(desk, person), signin.address_of(desk.commonweal, link))


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
    return joining_letters.applied(frame_for(desk, person, found.person_name), _applying(found))


def _application(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    found = _application_in(connection, promised)
    if found.decision is not None:
        raise NothingToSayError("the application was decided meanwhile")
    if person is None or person.access is Access.MEMBER:
        raise NothingToSayError("its reader is no coordinator any more")
    return joining_letters.application(frame_for(desk, person), _applying(found))


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
    return joining_letters.approved(frame_for(desk, person), about)


def _refused(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    found = _application_in(connection, promised)
    if found.decision is not stored_joining.Decided.REFUSED:
        raise NothingToSayError("the application is not refused any more")
    return joining_letters.refused(frame_for(desk, person, found.person_name), _applying(found))


def _added(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    organisation = acting(desk, connection, promised, person)
    by = people.get(connection, promised.about.get("by", ""))
    link = signin.usable_address(desk.commonweal, connection, promised.about.get("link", ""))
    about = Belonging(organisation=organisation.name, by=by.name if by else "", link=link)
    return joining_letters.added(frame_for(desk, person), about)


def _colleague(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    organisation = acting(desk, connection, promised, person)
    acts = {one.person.id: one.person for one in people.of(connection, organisation.id)}
    added, by = acts.get(promised.about["person"]), promised.about["by"]
    if added is None:
        raise NothingToSayError("the person does not act for the organisation any more")
    who = acts.get(by) or people.get(connection, by)
    about = Belonging(
        organisation=organisation.name,
        by=who.name if who else "",
        by_coordinator=who is not None and by not in acts,
        link=desk.page("organisations", quote(organisation.id, safe=""), "people"),
    )
    return joining_letters.colleague(frame_for(desk, person), about, added.name)


def _ending(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    organisation = desk.organisation(connection, promised)
    membership = stored_joining.membership(connection, organisation.id)
    until = membership.until if membership else None
    if promised.about.get("until", str(until)) != str(until):
        raise NothingToSayError("the membership has another last day now")
    about = Belonging(organisation=organisation.name, until=until)
    return joining_letters.ending(frame_for(desk, person), about, desk.commonweal.now().date())


def _digest(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    commonweal, week = desk.commonweal, promised.about["week"]
    today = commonweal.now().date()
    on = max(today, rounds.monday(week))
    if today - rounds.monday(week) > LATE:
        raise NothingToSayError("its week is long over")
    organisation = acting(desk, connection, promised, person)
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
    known = confirmations.these(connection, listing_ids(promised))
    listings = [network.listings[id_] for id_ in listing_ids(promised) if id_ in network.listings and id_ in known]
    return [one for one in listings if one.is_open(on) and known[one.id].confirmed_on + confirmations.ASKED_AFTER <= on]


def _asked(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    write = letters.asked if promised.kind is Kind.ASKED else letters.reminder
    found, organisation = _introduction_in(connection, promised), acting(desk, connection, promised, person)
    if found.state is not introductions.State.ASKED or organisation.id in found.replies:
        raise NothingToSayError("it has been answered, or is closed")
    if bars_completing(connection, found, desk.commonweal.now().date()):
        raise NothingToSayError(HELD_BACK)
    assert person is not None
    link = reply_links.address_of(desk.commonweal, found.key, organisation.id, person.id)
    return write(frame_for(desk, person), _meeting(desk, connection, found, organisation, link))


def _closed(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    write, state = _CLOSED[promised.kind]
    found, organisation = _introduction_in(connection, promised), acting(desk, connection, promised, person)
    if found.state is not state:
        raise NothingToSayError("it is open again")
    link = desk.page("suggestions", found.key)
    return write(frame_for(desk, person), _meeting(desk, connection, found, organisation, link))


_CLOSED: Mapping[Kind, tuple[Callable[[Frame, Meeting], Mail], introductions.State]] = {
    Kind.EXPIRED: (letters.expired, introductions.State.EXPIRED),
    Kind.DECLINED: (letters.declined, introductions.State.DECLINED),
    Kind.WITHDRAWN: (letters.withdrawn, introductions.State.WITHDRAWN),
}


def _introduced(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    """Contact details leave only here, and only while both sides' yes stands in the store."""
    found, organisation = _introduction_in(connection, promised), acting(desk, connection, promised, person)
    _require_introduced(found)
    other = introductions.other_side(found.suggestion, organisation.id)
    about = _meeting(desk, connection, found, organisation)
    if not _is_member(desk, connection, other):
        return letters.left(frame_for(desk, person), about)
    own, theirs = (_party(desk, connection, found, one) for one in (organisation.id, other))
    return letters.introduction(frame_for(desk, person), about, own, theirs)


def _follow_up(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    found, organisation = _introduction_in(connection, promised), acting(desk, connection, promised, person)
    _require_introduced(found)
    if organisation.id in found.outcomes:
        raise NothingToSayError("it has been answered")
    if not _is_member(desk, connection, introductions.other_side(found.suggestion, organisation.id)):
        raise NothingToSayError("the other side is no member any more")
    about = _meeting(desk, connection, found, organisation, desk.page("introductions", found.key))
    return letters.follow_up(frame_for(desk, person), about)


def _is_member(desk: Desk, connection: Connection, side: OrganisationId) -> bool:
    return desk.network(connection).organisations[side].standing is Standing.MEMBER


def _require_introduced(found: Introduction) -> None:
    if found.state is not introductions.State.INTRODUCED:
        raise NothingToSayError("the two are not introduced")


def _replied(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    organisation, key = acting(desk, connection, promised, person), promised.about["suggestion"]
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
    return letters.replied(frame_for(desk, person), about)


def _session(desk: Desk, connection: Connection, promised: Promised, person: Person | None) -> Mail:
    organisation, session = acting(desk, connection, promised, person), promised.about["session"]
    found, listed = sessions.load(connection, session), sessions.attendee(connection, session, organisation.id)
    by = people.get(connection, promised.about["by"])
    if found is None or occasions.why_closed(found, desk.commonweal.now().date()):
        raise NothingToSayError("the session is over, or was cancelled")
    if listed is None:
        raise NothingToSayError("it was taken off the list")
    if listed.state is not sessions.Attendance.INVITED:
        raise NothingToSayError("it has been answered")
    if by is None or by.access is Access.MEMBER:
        raise NothingToSayError("who invited is no coordinator any more")
    themes = desk.commonweal.core.vocabulary.themes
    about = session_letters.Inviting(
        session=found,
        organisation=organisation.name,
        themes=tuple(themes[key].name for key in found.themes if key in themes),
        by=by.name,
        reply_to=stationery.reader_address(by.name, by.email, "the coordinator who invites"),
        link=desk.page("organisations", quote(organisation.id, safe="")),
    )
    return session_letters.invited(frame_for(desk, person), about)


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
    Kind.SESSION: _session,
}


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

"""Joining: an organisation applies and a coordinator decides, or a coordinator invites and it accepts."""

from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from matcher.errors import CommonwealError
from matcher.records import Organisation, OrganisationId, Standing
from service import registers
from service.applying import plain_name
from service.columns import organisation_id
from service.registers import Register
from service.signin import LINK_LASTS
from service.store import events, joining, mails, members, people, visits
from service.store.database import Connection
from service.store.joining import Application, Decided, Invitation, Membership
from service.store.mails import Kind
from service.store.people import Access, Person
from service.telling import tell_of_colleague
from service.wiring import Commonweal

INVITATION_LASTS = timedelta(days=30)
PURPOSE = "invitation"


class GoneError(CommonwealError):
    """There is no such application or invitation, or it can be used no more."""


class FirstError(CommonwealError):
    """Somebody else was first; says who, and when."""


class RefusedError(CommonwealError):
    """It cannot be done like this; says why."""


def a_year_from(day: date) -> date:
    """The last day of a membership that begins on this one."""
    return (day.replace(day=28) if (day.month, day.day) == (2, 29) else day).replace(year=day.year + 1)


def apply(commonweal: Commonweal, application: Application) -> None:
    """Stores an application, tells who made it, and every coordinator. The same one twice is one."""
    now = commonweal.now()
    about = {"application": application.id}
    with commonweal.database.write() as connection:
        if not joining.apply(connection, application):
            return
        known = people.by_email(connection, application.email)
        mails.promise(connection, Kind.APPLIED, application.id, to=known or application.email, about=about, due=now)
        for one in people.with_access(connection, Access.COORDINATOR, Access.ADMINISTRATOR):
            mails.promise(connection, Kind.APPLICATION, application.id, to=one, about=about, due=now)


def approve(
    commonweal: Commonweal,
    id_: str,
    by: Person,
    *,
    until: date | None,
    why: str,
    organisation: OrganisationId | None = None,
) -> OrganisationId:
    """Makes the organisation a member, a new one or the stored one that it is, and its person act for it.

    Raises GoneError, FirstError, RefusedError.
    """
    now = commonweal.now()
    _refuse_past(until, now)
    with commonweal.database.write() as connection:
        application = _waiting(connection, id_, commonweal.settings.zone)
        if organisation is not None and joining.standing(connection, organisation) is None:
            raise RefusedError("That organisation is no longer on our list. Please choose again.")
        became = organisation or joining.free_id(connection, organisation_id(application.name))
        joining.decide(connection, id_, Decided.APPROVED, by=by.id, at=now, why=why, organisation=became)
        membership = Membership(
            organisation=became,
            register=application.register,
            number=application.number,
            approved_by=by.id,
            approved_at=now,
            until=until,
        )
        is_new = _begin(connection, membership, application)
        kind = Kind.APPROVED if is_new else Kind.ADDED
        _join(connection, membership, application.email, application.person_name, kind, now, id_)
        says = f"member until {_last_day(until)}" if is_new else "one more person acts for it"
        events.record(connection, now, by.id, "approved", _with_why(says, why), became)
    return became


def refuse(commonweal: Commonweal, id_: str, by: Person, *, why: str) -> None:
    """Refuses an application and tells who made it. Raises GoneError, FirstError, RefusedError."""
    now = commonweal.now()
    if not why.strip():
        raise RefusedError("Say why: it is emailed to the person who applied.")
    with commonweal.database.write() as connection:
        application = _waiting(connection, id_, commonweal.settings.zone)
        joining.decide(connection, id_, Decided.REFUSED, by=by.id, at=now, why=why.strip())
        known = people.by_email(connection, application.email)
        key, about = f"{id_} {now:%Y-%m-%dT%H:%M:%S}", {"application": id_}
        mails.promise(connection, Kind.REFUSED, key, to=known or application.email, about=about, due=now)
        events.record(connection, now, by.id, "refused", f"application {id_}")


def reopen(commonweal: Commonweal, id_: str, by: Person) -> None:
    """Takes a refusal back: the application waits again. Raises GoneError, FirstError."""
    with commonweal.database.write() as connection:
        if joining.application(connection, id_) is None:
            raise GoneError("There is no such application.")
        if not joining.reopen(connection, id_):
            raise FirstError("This application is not refused any more, or who made it has been forgotten.")
        events.record(connection, commonweal.now(), by.id, "reopened", f"application {id_}")


def invite(
    commonweal: Commonweal,
    by: Person,
    *,
    organisation: OrganisationId | None,
    name: str,
    person_name: str,
    email: str,
    until: date | None,
) -> Invitation:
    """Invites a stored organisation, or a new one of this name, by a person's address. Raises RefusedError."""
    now = commonweal.now()
    _refuse_past(until, now)
    with commonweal.database.write() as connection:
        invited = _invited(connection, organisation, name)
        invitation = Invitation(
            id=joining.new_id(),
            organisation=invited,
            email=people.address(email),
            person_name=person_name,
            invited_by=by.id,
            invited_at=now,
            expires_at=now + INVITATION_LASTS,
            until=until,
        )
        joining.invite(connection, invitation)
        known = people.by_email(connection, invitation.email)
        about = {"invitation": invitation.id, "organisation": invited}
        mails.promise(connection, Kind.INVITATION, invitation.id, to=known or invitation.email, about=about, due=now)
        events.record(connection, now, by.id, "invited", f"member until {_last_day(until)}", invited)
    return invitation


def address_of(commonweal: Commonweal, invitation: str) -> str:
    """The link that an invitation's mail holds, by the invitation's id."""
    return f"{commonweal.settings.address}/invitations/{commonweal.signing.sign(PURPOSE, invitation)}"


def look_at(commonweal: Commonweal, token: str) -> tuple[Invitation, Organisation]:
    """The invitation of a link, and who is invited; changes nothing. Raises LinkError, GoneError."""
    (id_,) = commonweal.signing.read(PURPOSE, token, 1)
    with commonweal.database.read() as connection:
        invitation = _open(joining.invitation(connection, id_), commonweal.now())
        return invitation, members.these_organisations(connection, [invitation.organisation])[invitation.organisation]


def accept(commonweal: Commonweal, token: str, *, person_name: str, register: Register, number: str) -> OrganisationId:
    """Makes the invited organisation a member and its person act for it; `number` is as the register writes it.

    The mail that says so holds a link to sign in with: nobody has proved to have the address before that is opened.
    Raises LinkError, GoneError.
    """
    (id_,) = commonweal.signing.read(PURPOSE, token, 1)
    now = commonweal.now()
    with commonweal.database.write() as connection:
        invitation = _open(joining.invitation(connection, id_), now)
        joining.accept(connection, id_, now)
        membership = Membership(
            organisation=invitation.organisation,
            register=register,
            number=number,
            approved_by=invitation.invited_by,
            approved_at=invitation.invited_at,
            until=invitation.until,
        )
        kind = Kind.APPROVED if _begin(connection, membership) else Kind.ADDED
        name = person_name or invitation.person_name
        person = _join(connection, membership, invitation.email, name, kind, now, id_, with_link=True)
        events.record(connection, now, person.id, "accepted", "the invitation", invitation.organisation)
    return invitation.organisation


def admit(
    commonweal: Commonweal,
    by: Person,
    *,
    organisation: OrganisationId | None,
    name: str,
    register: Register,
    number: str,
    until: date | None,
    why: str,
) -> OrganisationId:
    """Makes an organisation a member that a coordinator speaks with, for whom nobody signs in: it has a telephone only.

    A stored one, or a new one of this name. Raises FirstError where it is a member already, RefusedError.
    """
    now = commonweal.now()
    _refuse_past(until, now)
    if not why.strip():
        raise RefusedError("Say who agreed to this and when, for our records.")
    with commonweal.database.write() as connection:
        if organisation is not None and joining.standing(connection, organisation) is Standing.MEMBER:
            raise FirstError("It is a member already.")
        admitted = _invited(connection, organisation, name)
        membership = Membership(
            organisation=admitted,
            register=register,
            number=number,
            approved_by=by.id,
            approved_at=now,
            until=until,
        )
        _begin(connection, membership)
        says = _with_why(f"member until {_last_day(until)}, added by a coordinator", why)
        events.record(connection, now, by.id, "admitted", says, admitted)
    return admitted


def withdraw(commonweal: Commonweal, id_: str, by: Person) -> None:
    """Takes an invitation back. Raises GoneError."""
    now = commonweal.now()
    with commonweal.database.write() as connection:
        invitation = _open(joining.invitation(connection, id_), now)
        joining.withdraw(connection, id_, now)
        events.record(connection, now, by.id, "withdrew", "the invitation", invitation.organisation)


def set_until(
    commonweal: Commonweal, organisation: OrganisationId, by: Person, *, until: date | None, seen: date | None
) -> None:
    """Gives a membership its last day, also where it had none, or has ended. `seen` is what the coordinator saw.

    Raises FirstError, RefusedError.
    """
    now = commonweal.now()
    _refuse_past(until, now)
    with commonweal.database.write() as connection:
        standing = joining.standing(connection, organisation)
        known = joining.membership(connection, organisation)
        if standing is None or (standing is not Standing.MEMBER and known is None):
            raise RefusedError("This organisation is not a member yet: invite it.")
        if known is None and seen is None:
            found = members.these_organisations(connection, [organisation])[organisation]
            register, number = registers.first_of(found.identifiers)
            known = Membership(
                organisation=organisation,
                register=register,
                number=number,
                approved_by=by.id,
                approved_at=now,
                until=until,
            )
            joining.save_membership(connection, known)
        elif not joining.set_until(connection, organisation, until, seen=seen, by=by.id, at=now):
            raise FirstError("Somebody else gave this membership another last day just now. Look again.")
        if standing is not Standing.MEMBER:
            members.edit(connection, organisation, {"standing": Standing.MEMBER})
        events.record(connection, now, by.id, "membership", f"until {_last_day(until)}", organisation)


def _waiting(connection: Connection, id_: str, zone: tzinfo) -> Application:
    application = joining.application(connection, id_)
    if application is None:
        raise GoneError("There is no such application.")
    if application.decision is not None:
        assert application.decided_at is not None
        by = people.get(connection, application.decided_by or "")
        at = application.decided_at.astimezone(zone)
        who = (by and (by.name or by.email)) or "Somebody"
        raise FirstError(f"{who} {application.decision} this application at {at:%H:%M on %-d %B %Y}.")
    return application


def _open(invitation: Invitation | None, now: datetime) -> Invitation:
    if invitation is None or not invitation.is_open(now):
        was_accepted = invitation is not None and invitation.accepted_at is not None
        raise GoneError(
            "This invitation has been accepted already: sign in with the address it was sent to."
            if was_accepted
            else "This invitation has run out, or was withdrawn. Ask the person who sent it for another."
        )
    if invitation.until is not None and invitation.until < now.date():
        raise GoneError("The membership offered in this invitation is over. Ask the person who sent it for another.")
    return invitation


def _invited(connection: Connection, organisation: OrganisationId | None, name: str) -> OrganisationId:
    """The organisation to invite, stored and no longer merely listed."""
    stored = members.organisations(connection)
    if organisation is not None:
        known = stored.get(organisation)
        if known is None:
            raise RefusedError("That organisation is no longer on our list.")
        if known.record.standing is Standing.LISTED:
            members.edit(connection, organisation, {"standing": Standing.INVITED})
        return organisation
    for one in stored.values():
        if plain_name(one.record.name) == plain_name(name):
            raise RefusedError(
                f"{one.record.name} is on our list already, as {one.record.id}: invite it from its page."
            )
    id_ = joining.free_id(connection, organisation_id(name))
    new = Organisation(id=id_, name=name, standing=Standing.INVITED)
    members.save(connection, organisations={id_: new}, sources={id_: "invitation"})
    members.edit(connection, id_, {"standing": Standing.INVITED})
    return id_


def _begin(connection: Connection, membership: Membership, application: Application | None = None) -> bool:
    """Has the organisation be a member, what it says of itself filling what is not known. False: it was one already.

    Before anybody joins it: who acts for it already gets no digest until they choose to.
    """
    id_ = membership.organisation
    stored = members.organisation(connection, id_)
    if stored is not None and stored.record.standing is Standing.MEMBER:
        return False
    if stored is None:
        assert application is not None
        record = Organisation(id=id_, name=application.name)
        members.save(connection, organisations={id_: record}, sources={id_: "application"})
    else:
        record = stored.record
    identifier = registers.identifier(membership.register, membership.number)
    changed: dict[str, Any] = {"standing": Standing.MEMBER}
    if identifier and identifier not in record.identifiers:
        changed["identifiers"] = (*record.identifiers, identifier)
    for name in ("description", "places", "sectors", "size") if application else ():
        if not getattr(record, name) and (said := getattr(application, name)):
            changed[name] = said
    members.edit(connection, id_, changed)
    joining.save_membership(connection, membership)
    for one in people.of(connection, id_):  # whom a spreadsheet named has asked for no digest
        people.choose_digest(connection, one.person.id, id_, digest=False)
    return True


def _join(
    connection: Connection,
    membership: Membership,
    email: str,
    name: str,
    kind: Kind,
    at: datetime,
    key: str,
    *,
    with_link: bool = False,
) -> Person:
    """Has the person act for the organisation that whoever approved the membership let in, and tells who is to know.

    `with_link`: they are at the browser just now, and sign in next.
    """
    organisation, by = membership.organisation, membership.approved_by
    person = people.ensure(connection, email, name)
    if not people.join(connection, person.id, organisation, by=by) and kind is Kind.APPROVED:  # now they ask for it
        people.choose_digest(connection, person.id, organisation, digest=True)
    about = {"organisation": organisation, "person": person.id, "by": by}
    if with_link:
        about["link"] = visits.make_link(connection, person.id, "/", at, at + LINK_LASTS)
    mails.promise(connection, kind, key, to=person, about=about, due=at)
    if kind is Kind.ADDED:
        tell_of_colleague(connection, organisation, person, by, key, at)
    return person


def _refuse_past(until: date | None, now: datetime) -> None:
    if until is not None and until < now.date():
        raise RefusedError("The last day of the membership is over already. Choose a later one.")


def _last_day(until: date | None) -> str:
    return "it is ended" if until is None else f"{until:%-d %B %Y}"


def _with_why(says: str, why: str) -> str:
    return f"{says}: {why.strip()}" if why.strip() else says

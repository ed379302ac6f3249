"""People: who acts for which organisation, what each may do, and with which tokens their programs ask."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.options import Json, commonweal_here, fail, misused, with_tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from matcher.records import OrganisationId
    from service.store.database import Connection
    from service.store.people import Access, Person

BY = "command"
"""Who did it, where it was done at the command line."""

app = typer.Typer()
user_app = typer.Typer(no_args_is_help=True, help="People and what they may do. Example: commonweal user add --help")
app.add_typer(user_app, name="user")

Email = Annotated[str, typer.Argument(help="Their email address.")]
Of = Annotated[str, typer.Option("--organisation", help="Id of an organisation they act for.")]
AccessName = Annotated[str, typer.Argument(metavar="ACCESS", help="member, coordinator or administrator.")]


@user_app.command("add")
def user_add(
    email: Email,
    name: Annotated[str, typer.Option("--name", help="Their name, as others read it.")] = "",
    access: Annotated[str, typer.Option("--access", help="member, coordinator or administrator.")] = "",
    organisation: Of = "",
    json: Json = False,
) -> None:
    """Adds a person: an administrator or coordinator, or somebody who acts for an organisation.

    Example: `commonweal user add you@example.org --access administrator`
    """
    from service.applying import is_address
    from service.granting import grant
    from service.printing import say, tell
    from service.store import mails, people
    from service.store.mails import Kind
    from service.telling import tell_of_colleague

    granted = _access(access) if access else None
    if not is_address(email):
        misused(f"'{email}' is not an email address; write it like name@example.org")
    if not organisation and granted is None:
        misused("say what the person is to do: --organisation ID, or --access coordinator")
    commonweal = with_tables(commonweal_here(quiet=json))
    now, is_member = commonweal.now(), False
    with commonweal.database.write() as connection:
        joined = _organisation(connection, organisation) if organisation else None
        person = people.ensure(connection, email, name)
        if joined is not None:
            is_member = _is_member(connection, joined)
            is_new = people.join(connection, person.id, joined, by=BY)
            key = f"{joined} {now:%Y-%m-%dT%H:%M:%S}"
            if is_member:
                about = {"organisation": joined, "person": person.id}
                mails.promise(connection, Kind.ADDED, key, to=person, about=about, due=now)
            if is_new:
                tell_of_colleague(connection, joined, person, BY, key, now)
    if granted is not None:
        person = grant(commonweal, person.id, granted, by=BY)
    tell(
        f"{person.email} {_may(person, [joined] if joined else [])}",
        {"email": person.email, "name": person.name, "access": person.access, "organisation": joined},
        as_document=json,
    )
    if joined is not None and not is_member:
        say(f"{joined} is no member yet: they can sign in for it once it is")
    elif joined is None:
        say(f"Hand over a link to sign in with: commonweal user link {person.email}")


@user_app.command("list")
def user_list(
    contacts: Annotated[
        bool, typer.Option("--contacts", help="With email addresses: for the coordinator's eyes.")
    ] = False,
    json: Json = False,
) -> None:
    """Lists everybody: what they may do, and for whom they act.

    Example: `commonweal user list --contacts`
    """
    from service.printing import as_json, out
    from service.store import people
    from service.store.people import Access

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.read() as connection:
        acting: dict[Person, list[OrganisationId]] = {one: [] for one in people.with_access(connection, *Access)}
        for organisation, several in people.every(connection).items():
            for one in several:
                acting[one.person].append(organisation)
    if not json:
        out.print(_table(acting.items(), contacts=contacts))
        return
    as_json(
        [
            {
                **({"email": person.email} if contacts else {}),
                "name": person.name,
                "access": person.access,
                "organisations": organisations,
                "undeliverable": person.undeliverable or None,
            }
            for person, organisations in acting.items()
        ]
    )


@user_app.command("remove")
def user_remove(
    email: Email,
    organisation: Annotated[str, typer.Option("--organisation", help="Id of the organisation.")],
    json: Json = False,
) -> None:
    """Has a person act for an organisation no more; no import adds them again.

    Example: `commonweal user remove ann@alba.example --organisation alba`
    """
    from service.printing import tell
    from service.store import people

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.write() as connection:
        person, left = _person(connection, email), _organisation(connection, organisation)
        if not people.leave(connection, person.id, left, commonweal.now()):
            fail(f"nothing to take back: {person.email} does not act for {organisation}")
    says = f"{person.email} does not act for {left} any more"
    tell(says, {"email": person.email, "organisation": left}, as_document=json)


@user_app.command("access")
def user_access(email: Email, access: AccessName, json: Json = False) -> None:
    """Sets what a person may do; the last administrator stays one.

    Example: `commonweal user access cora@example.org coordinator`
    """
    from service.granting import grant
    from service.printing import tell

    granted = _access(access)
    commonweal = commonweal_here(quiet=json)
    with commonweal.database.read() as connection:
        person = _person(connection, email)
    person = grant(commonweal, person.id, granted, by=BY)
    tell(f"{person.email} {_may(person, [])}", {"email": person.email, "access": person.access}, as_document=json)


@user_app.command("link")
def user_link(email: Email, json: Json = False) -> None:
    """Prints a link to sign in with, once, within fifteen minutes: to hand over where no mail arrives.

    Example: `commonweal user link you@example.org`
    """
    from service.printing import as_json, out, say
    from service.signin import make_link, may_sign_in
    from service.store import people

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.read() as connection:
        person = _person(connection, email)
        if not may_sign_in(person, people.acts_for(connection, person.id)):
            fail(f"{person.email} acts for no member and is no coordinator: there is nothing to sign in for")
    link = make_link(commonweal, person)
    if json:
        as_json({"email": person.email, "link": link})
    else:
        out.print(link, markup=False)
    say("Whoever opens it is that person: hand it to nobody else")


@user_app.command("token")
def user_token(
    email: Email,
    name: Annotated[str, typer.Option("--name", help="What it is for, to tell it from others.")],
    json: Json = False,
) -> None:
    """Makes a token with which a person's programs ask the API, and prints it: this once.

    Example: `commonweal user token cora@example.org --name dashboard`
    """
    from service.printing import as_json, out, say
    from service.store import events, tokens

    if not name.strip():
        misused("name what the token is for: --name dashboard")
    commonweal = commonweal_here(quiet=json)
    with commonweal.database.write() as connection:
        person = _person(connection, email)
        token = tokens.make(connection, person.id, name.strip(), commonweal.now())
        if token is None:
            fail(f"{person.email} has a token named '{name.strip()}'; revoke it first, or give this one another name")
        events.record(connection, commonweal.now(), BY, "token", f"{person.id}: made '{name.strip()}'")
    if json:
        as_json({"email": person.email, "name": name.strip(), "token": token})
    else:
        out.print(token, markup=False)
    say("Keep it: it is not shown again. A program sends it as: Authorization: Bearer TOKEN")


@user_app.command("revoke")
def user_revoke(
    email: Email, name: Annotated[str, typer.Option("--name", help="Name of the token.")], json: Json = False
) -> None:
    """Ends a token: whatever asks with it is refused from now on.

    Example: `commonweal user revoke cora@example.org --name dashboard`
    """
    from service.printing import tell
    from service.store import events, tokens

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.write() as connection:
        person = _person(connection, email)
        if not tokens.revoke(connection, person.id, name.strip(), commonweal.now()):
            working = [one.name for one in tokens.of(connection, person.id) if one.ended_at is None]
            known = f"those that work: {', '.join(working)}" if working else "none of theirs works"
            fail(f"nothing to take back: no token '{name}' of {person.email}; {known}")
        events.record(connection, commonweal.now(), BY, "token", f"{person.id}: ended '{name.strip()}'")
    says = f"the token '{name.strip()}' of {person.email} works no more"
    tell(says, {"email": person.email, "name": name.strip()}, as_document=json)


def _access(typed: str) -> "Access":
    from service.store.people import Access

    try:
        return Access(typed)
    except ValueError:
        misused(f"'{typed}' is no access; known: {', '.join(Access)}")


def _person(connection: "Connection", email: str) -> "Person":
    """The person of this address. Ends the command as misused where there is none."""
    from service.store import people

    person = people.by_email(connection, email)
    if person is None:
        misused(f"nobody has the address '{email}'; commonweal user list --contacts shows everybody")
    return person


def _organisation(connection: "Connection", wanted: str) -> "OrganisationId":
    """The id, where it is stored. Ends the command as misused where it is not."""
    from difflib import get_close_matches

    from matcher.records import OrganisationId
    from service.store import members

    known = members.organisations(connection)
    if OrganisationId(wanted) not in known:
        near = get_close_matches(wanted, known, 3)
        misused(f"no organisation '{wanted}'" + (f"; did you mean {' or '.join(near)}?" if near else ""))
    return OrganisationId(wanted)


def _is_member(connection: "Connection", organisation: "OrganisationId") -> bool:
    from matcher.records import Standing
    from service.store import joining

    return joining.standing(connection, organisation) is Standing.MEMBER


def _may(person: "Person", organisations: "list[OrganisationId]") -> str:
    from service.store.people import Access

    does = {
        Access.MEMBER: "may do what members may",
        Access.COORDINATOR: "is a coordinator",
        Access.ADMINISTRATOR: "is an administrator",
    }
    parts = [] if person.access is Access.MEMBER and organisations else [does[person.access]]
    return " and ".join([*parts, *(f"acts for {one}" for one in organisations)])


def _table(found: "Iterable[tuple[Person, list[OrganisationId]]]", *, contacts: bool) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    found = list(found)
    widest = max((len(person.email) for person, _ in found), default=0)  # an address stays whole, to be copied
    for heading in ("name", *(("address",) if contacts else ()), "access", "acts for"):
        table.add_column(heading, overflow="fold", width=widest if heading == "address" else None)
    for person, organisations in found:
        cells = [person.name or "nameless", *((person.email,) if contacts else ()), person.access]
        table.add_row(*map(Text, [*cells, ", ".join(organisations)]))
    return table

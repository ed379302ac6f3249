"""Digests: a person's mail for one member organisation and one round. Composing is pure."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from urllib.parse import quote

from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.records import (
    LeftOut,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Standing,
    Suggestion,
)
from service import confirming, faults, reply_links, stationery
from service.stationery import Item, Mail, UnaddressableError, day, item, one_line, own_label, rendered, shortened
from service.store import confirmations, introductions, mails, members, people, rounds, standing
from service.store.database import Connection
from service.store.mails import Kind, State
from service.store.people import Acting, Person
from service.store.rounds import Round
from service.store.standing import Grounds
from service.wiring import Commonweal

LARGEST = 70_000
"""Bytes of text and HTML together: encoded for their way, they stay below the 102 kB at which mail programs cut off."""
_CUTS = (1500, 500, 200)  # characters of a text or a reason, tried until the digest is small enough
_AT_ONCE = 500  # promises in one transaction: others write in between
UNSUBSCRIBE = "unsubscribe"
"""What the links are signed for with which one person unsubscribes from the digests of one organisation."""


class NotReleasedError(CommonwealError):
    """Nothing is mailed before the round is released."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where the links of one digest lead: to its suggestions and listings by their ids, and to pages."""

    replies: Mapping[tuple[ListingId, ListingId], str]
    confirmations: Mapping[ListingId, str]
    unsubscribe: str
    pages: str
    reply_by: date


@dataclass(frozen=True, slots=True)
class Contents:
    """What one organisation's digest of a week is about."""

    organisation: Organisation
    suggestions: tuple[Suggestion, ...] = ()
    left_out: LeftOut = field(default_factory=lambda: LeftOut(False))
    unconfirmed: tuple[Listing, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.suggestions or self.left_out.helps or self.unconfirmed)


def compose(
    contents: Contents,
    person: Person,
    names: Mapping[OrganisationId, str],
    links: Links,
    *,
    week: str,
    network_name: str,
) -> Mail:
    """The digest as one person gets it, cut where it would be longer than a mail may be."""
    for longest in _CUTS:
        mail = _composed(contents, person, names, links, week=week, network_name=network_name, longest=longest)
        if _size(mail) <= LARGEST:
            return mail
    shown_here = len(contents.suggestions)
    while shown_here and _size(mail) > LARGEST:
        shown_here = shown_here * 3 // 4
        fewer = replace(contents, suggestions=contents.suggestions[:shown_here])
        more = len(contents.suggestions) - shown_here
        mail = _composed(
            fewer, person, names, links, week=week, network_name=network_name, longest=_CUTS[-1], more=more
        )
    return mail


def _size(mail: Mail) -> int:
    return len(mail.text.encode()) + len(mail.html.encode())


def _composed(
    contents: Contents,
    person: Person,
    names: Mapping[OrganisationId, str],
    links: Links,
    *,
    week: str,
    network_name: str,
    longest: int,
    more: int = 0,
) -> Mail:
    organisation, name = contents.organisation.id, one_line(contents.organisation.name)
    items = [
        (s.need.organisation == organisation, item(s, organisation, names, longest=longest), links.replies[s.pair])
        for s in contents.suggestions
    ]
    return rendered(
        "digest",
        subject=_subject(contents, [one for _, one, _ in items], more),
        headers={
            "List-Unsubscribe": f"<{links.unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        greeting=f"Dear {one_line(person.name)}" if person.name else f"Dear colleagues at {name}",
        organisation=name,
        network=one_line(network_name),
        monday=day(rounds.monday(week)),
        count=len(items) + more,
        sections=[
            (title, [(one, link) for is_wanted, one, link in items if is_wanted == wanted])
            for title, wanted in (("For what you need", True), ("For what you can give", False))
        ],
        more=more,
        fitted=contents.left_out.fitted,
        helps=[] if items else [mask(says) for says in contents.left_out.helps],
        unconfirmed=[
            (own_label(one), shortened(mask(one.text), longest), links.confirmations[one.id])
            for one in contents.unconfirmed
        ],
        unsubscribe=links.unsubscribe,
        pages=links.pages,
        reply_by=day(links.reply_by),
    )


def _subject(contents: Contents, items: Sequence[Item], more: int) -> str:
    """What is inside: how many, and with whom."""
    count, asked = len(items) + more, len(contents.unconfirmed)
    if count:
        named = list(dict.fromkeys(one.partner for one in items))
        who = named[0] if len(named) == 1 else f"{named[0]} and {len(named) - 1} more"
        return f"{count} suggestion{'s' if count > 1 else ''} this week: {who}"
    if contents.left_out.helps:
        return "Nothing for you this week, and what would help"
    return "Still true? One of your listings" if asked == 1 else f"Still true? {asked} of your listings"


def links_for(commonweal: Commonweal, contents: Contents, person: Person, week: str) -> Links:
    """Links that let this person, and whoever has the mail, reply for this organisation."""
    address, organisation = commonweal.settings.address, contents.organisation.id
    keys = {one.pair: introductions.key_of(week, *one.pair) for one in contents.suggestions}
    return Links(
        replies={pair: reply_links.address_of(commonweal, key, organisation, person.id) for pair, key in keys.items()},
        confirmations={one.id: confirming.address_of(commonweal, one.id, person.id) for one in contents.unconfirmed},
        unsubscribe=f"{address}/unsubscribe/{commonweal.signing.sign(UNSUBSCRIBE, person.id, organisation)}",
        pages=f"{address}/suggestions",
        reply_by=reply_links.last_day(commonweal),
    )


def key_of(week: str, organisation: OrganisationId) -> str:
    """What a digest is promised by, once for each person who gets it."""
    return f"{week}:{organisation}"


def _whole_key(week: str, organisation: OrganisationId, person: Person) -> str:
    return f"{Kind.DIGEST}:{key_of(week, organisation)}:{person.id}"


@dataclass(frozen=True, slots=True)
class Network:
    """All that the digests of a week are composed from, read at one moment."""

    organisations: Mapping[OrganisationId, Organisation]
    listings: Mapping[ListingId, Listing]

    @property
    def names(self) -> dict[OrganisationId, str]:
        return {id_: one.name for id_, one in self.organisations.items()}


def by_side(round_: Round) -> dict[OrganisationId, tuple[Suggestion, ...]]:
    """What a round suggests to each organisation, best first."""
    found: dict[OrganisationId, list[Suggestion]] = {}
    for one in round_.suggestions:
        for side in introductions.sides(one):
            found.setdefault(side, []).append(one)
    return {side: tuple(suggestions) for side, suggestions in found.items()}


def of_round(
    round_: Round,
    grounds: Grounds,
    replied: Container[tuple[str, OrganisationId]],
    unconfirmed: Mapping[OrganisationId, Sequence[Listing]],
) -> Iterator[Contents]:
    """What there is to say to each member that does not pause, in order of id.

    `replied` holds what was answered, by a suggestion's key and who answered.
    """
    made, helped = by_side(round_), {id_ for id_, one in round_.proposal.left_out.items() if one.helps}
    for id_ in sorted({*made, *helped, *unconfirmed}):
        if contents := _contents(id_, round_, made.get(id_, ()), grounds, replied, unconfirmed.get(id_, ())):
            yield contents


def of_one(
    connection: Connection,
    organisation: OrganisationId,
    round_: Round,
    made: tuple[Suggestion, ...],
    network: Network,
    on: date,
    unconfirmed: Sequence[Listing],
) -> Contents | None:
    """The same for one organisation, to which the round `made` these suggestions; None where there is nothing."""
    grounds = standing.read(connection, on, network.organisations, network.listings, made)
    replies = introductions.replies(connection, [introductions.key_of(round_.week, *one.pair) for one in made])
    replied = {(key, side) for key, found in replies.items() for side in found}
    return _contents(organisation, round_, made, grounds, replied, unconfirmed)


def _contents(
    id_: OrganisationId,
    round_: Round,
    made: Iterable[Suggestion],
    grounds: Grounds,
    replied: Container[tuple[str, OrganisationId]],
    unconfirmed: Sequence[Listing],
) -> Contents | None:
    """What its people could say yes to, and have not answered. Without any there may be something that would help."""
    organisation = grounds.organisations.get(id_)
    if organisation is None or organisation.standing is not Standing.MEMBER or id_ in grounds.paused:
        return None
    keyed = ((introductions.key_of(round_.week, *one.pair), one) for one in made)
    open_ = tuple(
        one for key, one in keyed if (key, id_) not in replied and not grounds.objections(one, key, choosing=(id_,))
    )
    contents = Contents(organisation, open_, round_.proposal.left_out.get(id_, LeftOut(False)), tuple(unconfirmed))
    return None if contents.is_empty else contents


def unconfirmed_in(connection: Connection, network: Network, on: date) -> dict[OrganisationId, list[Listing]]:
    """The open listings that nobody has confirmed for long and that are to be asked about, by organisation."""
    due = {id_: one for id_, one in confirmations.every(connection).items() if one.is_due(on)}
    found: dict[OrganisationId, list[Listing]] = {}
    for id_ in sorted(due, key=lambda id_: (due[id_].confirmed_on, id_)):
        listing = network.listings.get(id_)
        if listing is not None and listing.is_open(on):
            found.setdefault(listing.organisation, []).append(listing)
    return found


def released(connection: Connection, week: str) -> Round:
    """The week's round. Raises NotReleasedError."""
    round_ = rounds.load(connection, week)
    if round_ is None or round_.released_at is None:
        state = "has no round" if round_ is None else "is proposed, not released"
        raise NotReleasedError(f"week {week} {state}: nothing is mailed. Run: commonweal round --week {week} --release")
    return round_


def _issue(connection: Connection, today: date, week: str) -> tuple[Network, list[tuple[Contents, Person]]]:
    """The network, and every digest of the week as it is on this day, with whom it goes to.

    Raises NotReleasedError.
    """
    round_, on = released(connection, week), max(today, rounds.monday(week))
    network = Network(
        {id_: stored.record for id_, stored in members.organisations(connection).items()},
        {id_: stored.record for id_, stored in members.listings(connection).items()},
    )
    grounds = standing.read(connection, on, network.organisations, network.listings)
    assert round_.released_at is not None
    replied = introductions.answered(connection, round_.released_at)
    unconfirmed, acting = unconfirmed_in(connection, network, on), people.every(connection)
    every = of_round(round_, grounds, replied, unconfirmed)
    return network, [(one, who) for one in every for who in readers(acting.get(one.organisation.id, ()), on)]


def readers(acting: Iterable[Acting], on: date) -> list[Person]:
    """Who of those that act for an organisation gets its digest on this day."""
    return [one.person for one in acting if one.gets_digest(on)]


@dataclass(frozen=True, slots=True)
class Promises:
    """What promising a week's digests came to: how many are new, and how many there were already."""

    new: int
    known: int


def promise_all(commonweal: Commonweal, week: str) -> Promises:
    """Promises the week's digests to whom they go; again, only to those who were not promised theirs yet.

    Raises NotReleasedError.
    """
    now = commonweal.now()
    with commonweal.database.read() as connection:
        _, every = _issue(connection, now.date(), week)
    wanted = [(who, key_of(week, contents.organisation.id), _about(week, contents)) for contents, who in every]
    new = 0
    for begin in range(0, len(wanted), _AT_ONCE):
        with commonweal.database.write() as connection:
            for person, key, about in wanted[begin : begin + _AT_ONCE]:
                new += mails.promise(connection, Kind.DIGEST, key, to=person, about=about, due=now)
    return Promises(new, len(wanted) - new)


def _about(week: str, contents: Contents) -> dict[str, str]:
    about = {"week": week, "organisation": contents.organisation.id}
    return about | ({"unconfirmed": "\n".join(one.id for one in contents.unconfirmed)} if contents.unconfirmed else {})


def addressed(commonweal: Commonweal, week: str) -> Iterator[tuple[Contents, Person, Mail]]:
    """Every digest of the week as it is now, with whom it goes to, by organisation and address.

    Raises NotReleasedError.
    """
    with commonweal.database.read() as connection:
        network, every = _issue(connection, commonweal.now().date(), week)
    names, network_name = network.names, commonweal.settings.network_name
    for contents, person in every:
        links = links_for(commonweal, contents, person, week)
        yield contents, person, compose(contents, person, names, links, week=week, network_name=network_name)


def unsent(commonweal: Commonweal, week: str) -> int:
    """How many digests of the week, composed as they are now, are not sent, nor promised and dropped or failed.

    Raises NotReleasedError.
    """
    every = [(contents.organisation.id, person) for contents, person, _ in addressed(commonweal, week)]
    with commonweal.database.read() as connection:
        found = [mails.get(connection, _whole_key(week, id_, person)) for id_, person in every]
    return sum(one is None or one.state is State.WAITING for one in found)


def write(commonweal: Commonweal, week: str, folder: Path) -> list[Path]:
    """Writes each digest of the week's released round as `.eml` and `.html`, whole or not at all, and says where.

    Raises NotReleasedError where the week's round is not released; UnaddressableError, when all others are written,
    for addresses that no mail could carry.
    """
    every = list(addressed(commonweal, week))
    sender = stationery.sender(commonweal.settings.mail_from)
    with commonweal.database.read() as connection:
        at = released(connection, week).released_at
    assert at is not None
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    unaddressable: list[str] = []
    several = Counter(contents.organisation.id for contents, _, _ in every)
    for contents, person, mail in every:
        organisation = contents.organisation.id
        whole = _whole_key(week, organisation, person)
        try:
            message = stationery.message(
                mail, name=person.name, email=person.email, sender=sender, at=at, key=whole, whose=organisation
            )
        except UnaddressableError as error:
            unaddressable.append(str(error))
            continue
        name = _file_name(organisation) + (f".{person.id}" if several[organisation] > 1 else "")
        path = folder / f"{name}.eml"
        _replace(path, message.as_bytes())
        _replace(path.with_suffix(".html"), mail.html.encode())
        faults.point("digests.between-files")
        written.append(path)
        commonweal.progress("writing digests", len(written), len(every))
    if unaddressable:
        raise UnaddressableError("; ".join([*unaddressable, f"the other {len(written)} digests are written"]))
    return written


def _replace(path: Path, content: bytes) -> None:
    part = path.with_suffix(path.suffix + ".part")
    part.write_bytes(content)
    part.replace(path)


def _file_name(organisation: OrganisationId) -> str:
    """One organisation, one name, whatever its id holds."""
    return quote(organisation, safe="")

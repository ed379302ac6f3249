"""Digests: a person's mail for one member organisation and one round. Composing is pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from urllib.parse import quote

from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.records import (
    History,
    LeftOut,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Standing,
    Suggestion,
    profile,
)
from service import confirming, faults, reply_links, stationery
from service.signing import LASTS
from service.stationery import Item, Mail, UnaddressableError, day, item, one_line, own_label, rendered, shortened
from service.store import confirmations, introductions, mails, members, people, rounds
from service.store.database import Connection
from service.store.mails import Kind, State
from service.store.people import Acting, Person
from service.store.rounds import Round
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
        reply_by=(commonweal.now() + LASTS).date(),
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


def of_round(
    round_: Round,
    network: Network,
    history: History,
    unconfirmed: Mapping[OrganisationId, Sequence[Listing]],
    only: OrganisationId | None = None,
) -> Iterator[Contents]:
    """What there is to say to each member that does not pause, in order of id, or to one `only`.

    A suggestion stands while no decision since the release rules it out. Without one there may be something that would
    help, or listings to be confirmed.
    """
    own: dict[OrganisationId, list[Suggestion]] = {}
    for one in _standing(round_, network, history):
        for side in (one.need.organisation, one.offer.organisation):
            own.setdefault(side, []).append(one)
    helped = {id_: one for id_, one in round_.proposal.left_out.items() if one.helps}
    for id_ in sorted({*own, *helped, *unconfirmed}) if only is None else (only,):
        organisation = network.organisations.get(id_)
        if organisation and organisation.standing is Standing.MEMBER and id_ not in history.paused:
            left_out = helped.get(id_, LeftOut(False))
            contents = Contents(organisation, tuple(own.get(id_, ())), left_out, tuple(unconfirmed.get(id_, ())))
            if not contents.is_empty:
                yield contents


def _standing(round_: Round, network: Network, history: History) -> Iterator[Suggestion]:
    """The suggestions that no decision since the release rules out, between members that still are.

    A decline counts when it is of the texts as they were released or as they are now, not when it is of older ones.
    """
    for one in round_.suggestions:
        both = one.need.organisation, one.offer.organisation
        found = [network.organisations.get(id_) for id_ in both]
        are_members = all(one is not None and one.standing is Standing.MEMBER for one in found)
        decline = history.declined.get(one.pair)
        is_declined = decline is not None and all(
            text in (side.text, _as_it_is_now(side, network).text)
            for text, side in ((decline.need_text, one.need), (decline.offer_text, one.offer))
        )
        is_ruled_out = one.pair in history.forbidden or frozenset(both) in history.blocked
        if are_members and not is_declined and not is_ruled_out and history.paused.isdisjoint(both):
            yield one


def _as_it_is_now(listing: Listing, network: Network) -> Listing:
    owner = network.organisations.get(listing.organisation)
    if owner is not None and profile(owner).id == listing.id:
        return profile(owner)
    return network.listings.get(listing.id, listing)


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


def read(connection: Connection, today: date, week: str) -> tuple[Network, History, date]:
    """The network, what has been decided, and the day on which the week's digests look at both."""
    on = max(today, rounds.monday(week))
    network = Network(
        {id_: stored.record for id_, stored in members.organisations(connection).items()},
        {id_: stored.record for id_, stored in members.listings(connection).items()},
    )
    return network, rounds.history(connection, on, week), on


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
        round_ = released(connection, week)
        network, history, on = read(connection, now.date(), week)
        unconfirmed, acting = unconfirmed_in(connection, network, on), people.every(connection)
    wanted = [
        (person, key_of(week, contents.organisation.id), _about(week, contents))
        for contents in of_round(round_, network, history, unconfirmed)
        for person in readers(acting.get(contents.organisation.id, ()), on)
    ]
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
        round_ = released(connection, week)
        network, history, on = read(connection, commonweal.now().date(), week)
        unconfirmed, acting = unconfirmed_in(connection, network, on), people.every(connection)
    names = network.names
    for contents in of_round(round_, network, history, unconfirmed):
        for person in readers(acting.get(contents.organisation.id, ()), on):
            links = links_for(commonweal, contents, person, week)
            network_name = commonweal.settings.network_name
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

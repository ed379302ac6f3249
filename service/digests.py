"""Digests: one member organisation's mail for one round. Composing is pure; writing puts it into files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache
from hashlib import sha256
from pathlib import Path
from textwrap import TextWrapper
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.records import (
    About,
    Contact,
    History,
    Kind,
    LeftOut,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Reason,
    Standing,
    Suggestion,
    profile,
)
from service import faults
from service.store import members, rounds
from service.store.rounds import Round
from service.wiring import Commonweal

WIDTH = 78  # of a mail in text
_YOURS = {Kind.NEED: "Your need", Kind.OFFER: "Your offer", Kind.PROFILE: "From your description"}
_THEIRS = {Kind.NEED: "They need", Kind.OFFER: "They offer", Kind.PROFILE: "From their description"}


class NotReleasedError(CommonwealError):
    """Nothing is mailed before the round is released."""


class UnaddressableError(CommonwealError):
    """What is stored as somebody's mail address is none that a mail could carry."""


@dataclass(frozen=True, slots=True)
class Item:
    """One suggestion as its reader sees it: own words, and the other side's, masked."""

    partner: str
    fit: str
    own_label: str
    own_words: str
    their_label: str
    their_words: str
    gain: str
    reasons: tuple[str, ...]
    mismatches: tuple[str, ...]
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """One mail, before it has an address."""

    organisation: OrganisationId
    week: str
    subject: str
    text: str
    html: str


def compose(
    organisation: Organisation,
    contact: Contact,
    suggestions: Sequence[Suggestion],
    names: Mapping[OrganisationId, str],
    *,
    week: str,
    network_name: str,
) -> Digest:
    """The digest of one organisation from those of the round's suggestions that are its own, as asker or as giver."""
    wanted = [_item(s, s.need, s.offer, names) for s in suggestions if s.need.organisation == organisation.id]
    given = [_item(s, s.offer, s.need, names) for s in suggestions if s.offer.organisation == organisation.id]
    return _rendered(
        "digest",
        organisation,
        contact,
        week=week,
        network=network_name,
        subject=_subject(len(wanted), len(given), [item.partner for item in [*wanted, *given]]),
        count=len(wanted) + len(given),
        sections=[("For what you need", wanted), ("For what you can give", given)],
    )


def advise(organisation: Organisation, contact: Contact, left_out: LeftOut, *, week: str, network_name: str) -> Digest:
    """The digest of an organisation that the round has nothing for: what would help, and nothing of anybody else."""
    return _rendered(
        "advice",
        organisation,
        contact,
        week=week,
        network=network_name,
        subject="Nothing for you this week, and what would help",
        fitted=left_out.fitted,
        helps=[mask(says) for says in left_out.helps],
    )


def _rendered(
    template: str, organisation: Organisation, contact: Contact, *, week: str, subject: str, **shown: object
) -> Digest:
    name = _one_line(organisation.name)
    context = {
        "greeting": f"Dear {_one_line(contact.name)}" if contact.name else f"Dear colleagues at {name}",
        "organisation": name,
        "monday": f"{rounds.monday(week):%d %B %Y}".lstrip("0"),
        "subject": subject,
        **shown,
    }
    text, html = (_environment().get_template(f"{template}.{kind}").render(context) for kind in ("txt", "html"))
    return Digest(organisation.id, week, subject, text, html)


def _item(suggestion: Suggestion, own: Listing, theirs: Listing, names: Mapping[OrganisationId, str]) -> Item:
    return Item(
        partner=mask(_one_line(names.get(theirs.organisation, theirs.organisation))),
        fit=_fit(suggestion, own, theirs),
        own_label=_YOURS[own.kind],
        own_words=_shortened(mask(own.text)),
        their_label=_THEIRS[theirs.kind],
        their_words=mask(theirs.text),
        gain=mask(theirs.gain) if theirs.kind is Kind.NEED else "",
        reasons=_sentences(suggestion.reasons),
        mismatches=_sentences(r for r in suggestion.mismatches if (r.about, own.kind) != (About.PROFILE, Kind.PROFILE)),
        cautions=_sentences(suggestion.cautions),
    )


def _fit(suggestion: Suggestion, own: Listing, theirs: Listing) -> str:
    words = f"a {suggestion.strength.value} fit"
    if theirs.kind is Kind.PROFILE:
        return f"{words}, not offered: ask"
    return f"{words}, read from your description" if own.kind is Kind.PROFILE else words


def _sentences(reasons: Iterable[Reason]) -> tuple[str, ...]:
    return tuple(mask(reason.says) for reason in reasons)


def _shortened(text: str, longest: int = 160) -> str:
    return text if len(text) <= longest else f"{text[:longest].rsplit(' ', 1)[0].rstrip(' ,;:')} …"


def _subject(wanted: int, given: int, partners: Sequence[str]) -> str:
    """What is inside: how many, and with whom."""
    count = wanted + given
    named = list(dict.fromkeys(partners))
    who = named[0] if len(named) == 1 else f"{named[0]} and {len(named) - 1} more"
    return f"{count} suggestion{'s' if count > 1 else ''} this week: {who}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _wrapped(text: str, indent: int = 0, mark: str = "") -> str:
    """Lines of at most `WIDTH` characters, each hanging under the first word of its paragraph."""
    lead = " " * indent
    hanging = lead + " " * len(mark)
    wrapper = TextWrapper(WIDTH, initial_indent=hanging, subsequent_indent=hanging, break_on_hyphens=False)
    lines = [line for paragraph in text.splitlines() for line in wrapper.wrap(paragraph)]
    return "\n".join([*(lead + mark + line[len(hanging) :] for line in lines[:1]), *lines[1:]])


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("service", "mails"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["wrapped"] = _wrapped
    return environment


def message(digest: Digest, contact: Contact, *, sender: Address, at: datetime) -> EmailMessage:
    """The digest addressed to its person, in text and HTML. Written twice it is the same mail, to the byte.

    Raises UnaddressableError for a contact's address that no mail could carry.
    """
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = _reader(digest.organisation, contact)
    mail["Subject"] = digest.subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{digest.week}.{_file_name(digest.organisation)}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(digest.text)
    mail.add_alternative(digest.html, subtype="html")
    mail.set_boundary(f"=={sha256(mail['Message-ID'].encode()).hexdigest()[:32]}==")
    return mail


def sender(setting: str) -> Address:
    """The sender that COMMONWEAL_MAIL_FROM names, with or without a name. Raises UnaddressableError."""
    try:
        if not setting.isprintable():
            raise ValueError
        return _address(*parseaddr(setting))
    except (ValueError, HeaderParseError):
        says = f"COMMONWEAL_MAIL_FROM is {setting!r}, no address that a mail can carry; e.g. suggestions@example.org"
        raise UnaddressableError(says) from None


def _reader(organisation: OrganisationId, contact: Contact) -> Address:
    try:
        return _address(contact.name, contact.email)
    except (ValueError, HeaderParseError):
        says = f"the contact_email of {organisation} is no address that a mail can carry: import a corrected one"
        raise UnaddressableError(says) from None


def _address(name: str, email: str) -> Address:
    local, _, domain = email.rpartition("@")
    return Address(_one_line(name), addr_spec=f"{local}@{domain.encode('idna').decode()}")


def of_round(
    round_: Round,
    organisations: Mapping[OrganisationId, Organisation],
    contacts: Mapping[OrganisationId, Contact],
    network_name: str,
) -> Iterator[tuple[Digest, Contact]]:
    """Each digest of a round with whom it goes to, in order of id.

    They are members with an address, and either a suggestion or, without one, something that would help.
    """
    names = {id_: organisation.name for id_, organisation in organisations.items()}
    helped = {id_: left_out for id_, left_out in round_.proposal.left_out.items() if left_out.helps}
    for id_ in sorted(helped.keys() | {one.organisation for s in round_.suggestions for one in (s.need, s.offer)}):
        organisation, contact = organisations.get(id_), contacts.get(id_)
        if organisation and organisation.standing is Standing.MEMBER and contact and contact.email:
            own = [s for s in round_.suggestions if id_ in (s.need.organisation, s.offer.organisation)]
            of_week = {"week": round_.week, "network_name": network_name}
            if own:
                yield compose(organisation, contact, own, names, **of_week), contact
            else:
                yield advise(organisation, contact, helped[id_], **of_week), contact


def write(commonweal: Commonweal, week: str, folder: Path) -> list[Path]:
    """Writes each digest of the week's released round as `.eml` and `.html`, whole or not at all, and says where.

    Raises NotReleasedError where the week's round is not released; UnaddressableError, when all others are written,
    for addresses that no mail could carry.
    """
    with commonweal.database.read() as connection:
        round_ = rounds.load(connection, week)
        organisations = {id_: stored.record for id_, stored in members.organisations(connection).items()}
        listings = {id_: stored.record for id_, stored in members.listings(connection).items()}
        contacts = members.contacts(connection)
        read_on = max(commonweal.now().date(), rounds.monday(week))
        history = rounds.history(connection, read_on, week)
    if round_ is None or round_.released_at is None:
        state = "has no round" if round_ is None else "is proposed, not released"
        raise NotReleasedError(f"week {week} {state}: nothing is mailed. Run: commonweal round --week {week} --release")
    mail_from = sender(commonweal.settings.mail_from)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    unaddressable: list[str] = []
    standing = replace(
        round_.proposal,
        suggestions=tuple(_standing(round_, organisations, listings, history)),
        left_out={id_: one for id_, one in round_.proposal.left_out.items() if id_ not in history.paused},
    )
    mailed = replace(round_, proposal=standing)
    every = list(of_round(mailed, organisations, contacts, commonweal.settings.network_name))
    for digest, contact in every:
        try:
            mail = message(digest, contact, sender=mail_from, at=round_.released_at)
        except UnaddressableError as error:
            unaddressable.append(str(error))
            continue
        path = folder / f"{_file_name(digest.organisation)}.eml"
        _replace(path, mail.as_bytes())
        _replace(path.with_suffix(".html"), digest.html.encode())
        faults.point("digests.between-files")
        written.append(path)
        commonweal.progress("writing digests", len(written), len(every))
    if unaddressable:
        raise UnaddressableError("; ".join([*unaddressable, f"the other {len(written)} digests are written"]))
    return written


def _standing(
    round_: Round,
    organisations: Mapping[OrganisationId, Organisation],
    listings: Mapping[ListingId, Listing],
    history: History,
) -> Iterator[Suggestion]:
    """The suggestions that no decision since the release rules out, between members that still are.

    A decline counts when it is of the texts as they were released or as they are now, not when it is of older ones.
    """
    now = {**{profile(one).id: profile(one) for one in organisations.values()}, **listings}
    for one in round_.suggestions:
        both = one.need.organisation, one.offer.organisation
        are_members = all(id_ in organisations and organisations[id_].standing is Standing.MEMBER for id_ in both)
        decline = history.declined.get(one.pair)
        is_declined = decline is not None and all(
            text in (side.text, now.get(side.id, side).text)
            for text, side in ((decline.need_text, one.need), (decline.offer_text, one.offer))
        )
        is_ruled_out = one.pair in history.forbidden or frozenset(both) in history.blocked
        if are_members and not is_declined and not is_ruled_out and history.paused.isdisjoint(both):
            yield one


def _replace(path: Path, content: bytes) -> None:
    part = path.with_suffix(path.suffix + ".part")
    part.write_bytes(content)
    part.replace(path)


def _file_name(organisation: OrganisationId) -> str:
    """One organisation, one name, whatever its id holds."""
    return quote(organisation, safe="")

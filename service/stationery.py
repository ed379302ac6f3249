"""What all mails share: templates, a suggestion as its reader sees it, addresses and headers. Nothing here is sent."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import Policy, default
from email.utils import format_datetime, parseaddr
from functools import cache
from hashlib import sha256
from textwrap import TextWrapper

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.records import About, Kind, Listing, OrganisationId, Reason, Suggestion

WIDTH = 78  # of a mail in text, links apart
_YOURS = {Kind.NEED: "Your need", Kind.OFFER: "Your offer", Kind.PROFILE: "From your description"}
_ADDRESS = re.compile(r"\w@\w|://|\bwww\.")
_THEIRS = {Kind.NEED: "They need", Kind.OFFER: "They offer", Kind.PROFILE: "From their description"}


class UnaddressableError(CommonwealError):
    """What is stored as somebody's email address is none that an email could carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail, before it has an address. `headers` are those that not every mail has."""

    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)


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


def item(
    suggestion: Suggestion, reader: OrganisationId, names: Mapping[OrganisationId, str], *, longest: int = 1500
) -> Item:
    """The suggestion as this side of it sees it, words and reasons of `longest` characters at most."""
    sides = suggestion.need, suggestion.offer
    own, theirs = sides if suggestion.need.organisation == reader else sides[::-1]
    return Item(
        partner=shown(names.get(theirs.organisation, theirs.organisation)),
        fit=_fit(suggestion, own, theirs),
        own_label=_YOURS[own.kind],
        own_words=shortened(mask(own.text)),
        their_label=_THEIRS[theirs.kind],
        their_words=shortened(mask(theirs.text), longest),
        gain=shortened(mask(theirs.gain), longest) if theirs.kind is Kind.NEED else "",
        reasons=_sentences(suggestion.reasons, longest),
        mismatches=_sentences(
            (r for r in suggestion.mismatches if (r.about, own.kind) != (About.PROFILE, Kind.PROFILE)), longest
        ),
        cautions=_sentences(suggestion.cautions, longest),
    )


def _fit(suggestion: Suggestion, own: Listing, theirs: Listing) -> str:
    words = f"a {suggestion.strength.value} fit"
    if theirs.kind is Kind.PROFILE:
        return f"{words}, not offered: ask"
    return f"{words}, read from your description" if own.kind is Kind.PROFILE else words


def _sentences(reasons: Iterable[Reason], longest: int) -> tuple[str, ...]:
    return tuple(shortened(mask(reason.says), longest) for reason in reasons)


def own_label(listing: Listing) -> str:
    """What a listing of the reader's own is called."""
    return _YOURS[listing.kind]


def shortened(text: str, longest: int = 160) -> str:
    return text if len(text) <= longest else f"{text[:longest].rsplit(' ', 1)[0].rstrip(' ,;:')} …"


def shown(name: str, longest: int = 120) -> str:
    """What somebody typed as a name, as others are shown it: one line, masked, no longer than a name is."""
    return shortened(mask(one_line(name)), longest)


def one_line(text: str) -> str:
    return " ".join(text.split())


def day(on: date) -> str:
    return f"{on:%d %B %Y}".lstrip("0")


def rendered(template: str, *, subject: str, headers: Mapping[str, str] | None = None, **context: object) -> Mail:
    """The two templates of this name, as one mail."""
    text, html = (
        _environment().get_template(f"{template}.{kind}").render(subject=subject, **context) for kind in ("txt", "html")
    )
    return Mail(subject=subject, text=text, html=html, headers=headers or {})


def message(
    mail: Mail, *, name: str, email: str, sender: Address, at: datetime, key: str, whose: str = "somebody"
) -> EmailMessage:
    """The mail addressed to its reader, in text and HTML. Written twice it is the same, to the byte.

    `key` tells it from every other mail. Raises UnaddressableError, naming `whose` it is and not the address, where no
    mail could carry it.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = reader_address(name, email, whose)
    message["Subject"] = one_line(mail.subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{_digest(key)}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    for header, value in mail.headers.items():
        message[header] = value
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    message.set_boundary(f"=={_digest(message['Message-ID'])}==")
    return message


class _WholeHeader(UnstructuredHeader):
    """A header whose link is too long for a line and stays whole: folding would encode it, and no program find it."""

    name: str

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _WholeHeader)  # type: ignore[arg-type]  # a part of one, as all of them are
_POLICY = default.clone(header_factory=_HEADERS, cte_type="7bit")  # not every mail server takes 8 bits


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def sender(setting: str) -> Address:
    """The sender that COMMONWEAL_MAIL_FROM names, with or without a name. Raises UnaddressableError."""
    try:
        if not setting.isprintable():
            raise ValueError
        return _address(*parseaddr(setting))
    except (ValueError, HeaderParseError):
        says = f"COMMONWEAL_MAIL_FROM is {setting!r}, no address that a mail can carry; e.g. suggestions@example.org"
        raise UnaddressableError(says) from None


def reader_address(name: str, email: str, whose: str) -> Address:
    """Raises UnaddressableError, naming `whose` it is, for an address that no mail could carry."""
    try:
        return _address(name, email)
    except (ValueError, HeaderParseError):
        says = f"the email address of {whose} is none that an email can carry: enter a corrected one"
        raise UnaddressableError(says) from None


def _address(name: str, email: str) -> Address:
    local, _, domain = email.rpartition("@")
    return Address(one_line(name), addr_spec=f"{local}@{domain.encode('idna').decode()}")


def wrapped(text: str, indent: int = 0, mark: str = "") -> str:
    """Lines of at most `WIDTH` characters, each hanging under the first word of its paragraph; no address is broken."""
    lead = " " * indent
    hanging = lead + " " * len(mark)
    wrapper = TextWrapper(WIDTH, initial_indent=hanging, subsequent_indent=hanging, break_on_hyphens=False)
    wrapper.break_long_words = not _ADDRESS.search(text)
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
    environment.filters["wrapped"] = wrapped
    environment.globals.update(day=day, one_line=one_line, shown=shown)
    return environment

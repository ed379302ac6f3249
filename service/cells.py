"""One cell of a spreadsheet as a value, and back."""

import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from email.errors import HeaderParseError
from email.headerregistry import Address
from enum import StrEnum
from typing import TypeVar

from matcher.masking import mask
from matcher.records import Exclusion, Kind, Standing, Visibility
from matcher.vocabulary import Size, Term, Vocabulary

E = TypeVar("E", bound=StrEnum)

MOST_IN_A_NAME = 200
MOST_SHOWN = 80
BETWEEN = "; "
CONTACT = frozenset({"contact_name", "contact_email"})
PROSE = frozenset({"description", "text", "evidence", "gain"})


class UnacceptableError(ValueError):
    """Says what a cell should hold instead; `part` is what of it is wrong."""

    def __init__(self, wanted: str, part: str | None = None) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.part = part


Read = Callable[[str], object]
ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.:-]{1,100}")
"""Addresses are made of ids: those that a browser takes for *here* and *one up* are none."""
_EMAIL = re.compile(r"[^@\s,;:<>()\[\]\"\\]+@[^@\s,;:<>()\[\]\"\\.]+(?:\.[^@\s,;:<>()\[\]\"\\.]+)+")
_EXCLUSION = re.compile(r"\s*([^;()]+?)\s*(?:\((.*?)\)\s*)?(?:;|$)", re.S)
SEVERAL = frozenset({"sectors", "roles", "themes", "places", "identifiers", "excludes"})


def organisation_readers(vocabulary: Vocabulary) -> dict[str, Read]:
    """How each field of an organisation is read from its cell. Each raises UnacceptableError."""
    return {
        "id": _id,
        "name": _name,
        "standing": _one_of(Standing, tuple(Standing)),
        "sectors": _terms(vocabulary.sectors),
        "size": _term(vocabulary.sizes),
        "roles": _terms(vocabulary.roles),
        "description": _prose,
        "places": _list,
        "identifiers": _list,
        "attention_cap": _whole_number,
        "excludes": _exclusions(vocabulary),
        "contact_name": _one_line,
        "contact_email": _email,
    }


def listing_readers(vocabulary: Vocabulary) -> dict[str, Read]:
    """How each field of a listing is read from its cell. Each raises UnacceptableError."""
    return {
        "id": _listing_id,
        "organisation": _id,
        "kind": _one_of(Kind, (Kind.NEED, Kind.OFFER)),
        "resource": _term(vocabulary.resources),
        "text": _required_prose,
        "themes": _terms(vocabulary.themes),
        "places": _list,
        "remote": _yes_or_no,
        "capacity": _whole_number,
        "opens": _day,
        "closes": _day,
        "evidence": _prose,
        "gain": _prose,
        "visibility": _one_of(Visibility, tuple(Visibility)),
    }


def _refuse_controls(text: str, allowed: str = "") -> None:
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed:
            raise UnacceptableError(f"no control character (here U+{ord(character):04X}): type the text anew")


def _one_line(cell: str) -> str:
    text = cell.strip()
    if not text.isprintable():
        if len(text.splitlines()) > 1:
            raise UnacceptableError("one line")
        _refuse_controls(text)
    return text


def _prose(cell: str) -> str:
    """Any text, in its own lines and spacing; only the three ways to end a line become one."""
    if cell.isprintable():
        return cell if cell.strip() else ""
    text = plain_lines(cell)
    _refuse_controls(text, "\n\t")
    return text if text.strip() else ""


def plain_lines(text: str) -> str:
    """`text` with each line ended as on Unix."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _required_prose(cell: str) -> str:
    if not cell.strip():
        raise UnacceptableError("a text in the organisation's own words")
    return _prose(cell)


def _name(cell: str) -> str:
    name = _one_line(cell)
    if not name:
        raise UnacceptableError("the organisation's name")
    if len(name) > MOST_IN_A_NAME:
        raise UnacceptableError(f"a name of at most {MOST_IN_A_NAME} characters; this has {len(name)}")
    return name


def _id(cell: str) -> str:
    text = cell.strip()
    if not ID.fullmatch(text):
        raise UnacceptableError("an id: 1 to 100 letters (a-z), digits, or - _ . :")
    return text


def _listing_id(cell: str) -> str:
    text = _id(cell)
    if text.startswith("profile:"):
        raise UnacceptableError("an id that does not start with 'profile:'")
    return text


def _one_of(kind: type[E], accepted: tuple[E, ...]) -> Read:
    by_text = {str(each): each for each in accepted}
    wanted = " or ".join(by_text)

    def read(cell: str) -> E:
        found = by_text.get(cell.strip().casefold())
        if found is None:
            raise UnacceptableError(wanted)
        return found

    return read


def _term(terms: Mapping[str, Term]) -> Read:
    look_up = _look_up(terms)
    return lambda cell: look_up(_one_line(cell)) if cell.strip() else ""


def _terms(terms: Mapping[str, Term]) -> Read:
    look_up = _look_up(terms)
    return lambda cell: tuple(dict.fromkeys(look_up(part) for part in _list(cell)))


def _look_up(terms: Mapping[str, Term]) -> Callable[[str], str]:
    """A term's key by its key or its name, in any case."""
    keys = {term.name.casefold(): key for key, term in terms.items()} | {key.casefold(): key for key in terms}

    def look_up(text: str) -> str:
        key = keys.get(text.casefold())
        if key is None:
            near = [] if len(terms) < 8 else difflib.get_close_matches(text.casefold()[:50], list(terms), 3, 0.6)
            raise UnacceptableError(" or ".join(near or terms), text)
        return key

    return look_up


def _list(cell: str) -> tuple[str, ...]:
    """Several values with semicolons between them, each once."""
    return tuple(dict.fromkeys(part for part in map(str.strip, _one_line(cell).split(";")) if part))


def _exclusions(vocabulary: Vocabulary) -> Read:
    """`what (why); what (why)`: an organisation's id, `sector:…` or `role:…`."""
    terms = {"sector": _look_up(vocabulary.sectors), "role": _look_up(vocabulary.roles)}
    wanted = "an organisation's id, sector:… or role:…, each with its reason in brackets: sector:private (ethics)"

    def read(cell: str) -> tuple[Exclusion, ...]:
        text, at, found = _one_line(cell).strip("; "), 0, []
        while at < len(text):
            part = _EXCLUSION.match(text, at)
            if part is None:
                raise UnacceptableError(wanted)
            at = part.end()
            kind, colon, key = part[1].partition(":")
            what = f"{kind}:{terms[kind](key.strip())}" if colon and kind in terms else part[1]
            if not ID.fullmatch(what):
                raise UnacceptableError(wanted, what)
            found.append(Exclusion(what, (part[2] or "").strip()))
        return tuple(dict.fromkeys(found))

    return read


def _yes_or_no(cell: str) -> bool:
    text = cell.strip().casefold()
    if text in {"yes", "true", "y", "1"}:
        return True
    if text in {"no", "false", "n", "0", ""}:
        return False
    raise UnacceptableError("yes or no")


def _whole_number(cell: str) -> int | None:
    text = cell.strip()
    if not text:
        return None
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise UnacceptableError("a whole number from 0 on, or nothing")
    return int(text)


def _day(cell: str) -> date | None:
    text = cell.strip()
    if not text:
        return None
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if re.fullmatch(r"\d\d?/\d\d?/\d{4}", text, re.ASCII):
        numbers.reverse()
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        numbers = [0, 0, 0]
    try:
        return date(*numbers)
    except ValueError:
        raise UnacceptableError("a day: 2026-12-31 or 31/12/2026") from None


def _email(cell: str) -> str:
    text = _one_line(cell)
    try:
        if text and (len(text) > 254 or not _EMAIL.fullmatch(text) or not Address(addr_spec=text).domain):
            raise UnacceptableError("one mail address: name@example.org")
    except (ValueError, HeaderParseError):  # one no mail could carry, such as a..b@example.org
        raise UnacceptableError("one mail address: name@example.org") from None
    return text


def size_from_income(cell: str, sizes: Mapping[str, Size]) -> str:
    """The smallest size whose yearly income in pounds reaches this far."""
    text = re.sub(r"[£,\s]", "", cell)
    if not text:
        return ""
    if not re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        raise UnacceptableError("a yearly income in pounds: 75186 or £75,186")
    income = float(text)
    limits = ((size.income_up_to if size.income_up_to is not None else math.inf, key) for key, size in sizes.items())
    return next((key for limit, key in sorted(limits) if income <= limit), "")


def cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return BETWEEN.join(cell(each) for each in value)
    if isinstance(value, Exclusion):
        return f"{value.what} ({value.why})" if value.why else value.what
    return str(value)


def shown(name: str, value: str, most: int = MOST_SHOWN) -> str:
    """A value of the field `name` fit for a message: contact details hidden, control characters visible, short."""
    if name in CONTACT:
        return f"{value.strip()[:1]}… (contact details are not shown)" if value.strip() else ""
    value = value[: most * 10]
    if name not in ("id", "organisation"):
        value = mask(value)
    visible = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value[: most + 1])
    return visible if len(visible) <= most else visible[: most - 1] + "…"

"""What somebody types to have an organisation join, read and refused field by field."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from matcher.errors import CommonwealError
from matcher.places import Gazetteer, UnknownPlaceError
from matcher.records import Organisation
from matcher.vocabulary import Vocabulary
from service import registers
from service.cells import UnacceptableError, organisation_readers
from service.registers import NumberError, Register
from service.store import joining, people
from service.store.joining import Application
from service.wiring import Commonweal

LONGEST = {"name": 200, "number": 40, "description": 3000, "places": 500, "person_name": 200, "email": 254}
MOST_PLACES = 10
ALIKE = 0.85  # of two names: from here on a coordinator is shown both
MOST_ALIKE = 8
SAME_NUMBER = "has the same number"
_email = organisation_readers(Vocabulary())["contact_email"]
_LEGAL = re.compile(r"\b(?:the|ltd|limited|cic|cio|plc|llp|charity|uk)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the form."""

    name: str = ""
    register: str = ""
    number: str = ""
    description: str = ""
    places: str = ""
    sectors: tuple[str, ...] = ()
    size: str = ""
    person_name: str = ""
    email: str = ""


class FormError(CommonwealError):
    """Some fields cannot be taken: `faults` holds a sentence for each."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = faults


@dataclass(slots=True)
class Reading:
    """Reads one field after the other and keeps what is wrong with each."""

    faults: dict[str, str] = field(default_factory=dict)

    def line(self, name: str, typed: str, missing: str) -> str:
        """One line of text; `missing` says what to write where there is none."""
        return self._held(name, " ".join(printable(typed).split()), missing)

    def text(self, name: str, typed: str, missing: str) -> str:
        return self._held(name, printable(typed).strip(), missing)

    def email(self, typed: str) -> str:
        email = self.line("email", typed, "Enter an email address, so that an answer reaches you.")
        if "email" not in self.faults and not is_address(email):
            self.faults["email"] = "This is not an email address. Write it like jo@example.org."
        return people.address(email)

    def number(self, register: str, typed: str, *, may_be_unknown: bool = False) -> tuple[Register, str]:
        """The register, and the number as it writes it."""
        chosen = Register(register) if register in list(Register) else None
        if chosen is None or (chosen is Register.UNKNOWN and not may_be_unknown):
            self.faults["register"] = "Choose where it is registered."
            return Register.UNKNOWN, ""
        try:
            return chosen, registers.read(chosen, printable(typed))
        except NumberError as error:
            self.faults["number"] = str(error)
            return chosen, ""

    def places(self, typed: str, gazetteer: Gazetteer) -> tuple[str, ...]:
        line = self.line("places", typed.replace("\n", ";"), "Name a town, a county or a postcode district.")
        places = tuple(dict.fromkeys(place.strip() for place in re.split(r"[;,]", line) if place.strip()))
        if len(places) > MOST_PLACES:
            self.faults["places"] = f"Name {MOST_PLACES} places at most; a county or a region stands for many."
            return ()
        unknown = [says for place in places if (says := _unknown(place, gazetteer))]
        if unknown:
            self.faults["places"] = " ".join(unknown)
        return places

    def refuse(self) -> None:
        """Raises FormError where anything was wrong."""
        if self.faults:
            raise FormError(self.faults)

    def _held(self, name: str, typed: str, missing: str) -> str:
        if not typed:
            self.faults[name] = missing
        elif len(typed) > LONGEST[name]:
            self.faults[name] = f"This has {len(typed):,} characters; {LONGEST[name]:,} is the most."
        return typed


def read(commonweal: Commonweal, typed: Typed) -> Application:
    """The application that was typed. Raises FormError."""
    reading, vocabulary = Reading(), commonweal.core.vocabulary
    register, number = reading.number(typed.register, typed.number)
    sectors = tuple(key for key in vocabulary.sectors if key in typed.sectors)
    if not sectors:
        reading.faults["sectors"] = "Choose what kind of organisation it is."
    if typed.size not in vocabulary.sizes:
        reading.faults["size"] = "Choose how large it is."
    application = Application(
        id=joining.new_id(),
        organisation=None,
        name=reading.line("name", typed.name, "Write the organisation’s name."),
        register=register,
        number=number,
        description=reading.text("description", typed.description, "Say in a sentence or two what it does."),
        places=reading.places(typed.places, commonweal.core.gazetteer),
        sectors=sectors,
        size=typed.size,
        person_name=reading.line("person_name", typed.person_name, "Write your name."),
        email=reading.email(typed.email),
        at=commonweal.now(),
    )
    reading.refuse()
    return application


def is_address(text: str) -> bool:
    """Whether a spreadsheet might have it as a mail address."""
    try:
        return bool(text and _email(text))
    except UnacceptableError:
        return False


def printable(text: str) -> str:
    """The text without control characters and their like, which no database need hold."""
    return "".join(mark for mark in text.replace("\r\n", "\n") if mark.isprintable() or mark == "\n")


def _unknown(place: str, gazetteer: Gazetteer) -> str:
    try:
        gazetteer.resolve(place)
    except UnknownPlaceError as error:
        nearest = f"Did you mean {' or '.join(error.nearest)}?" if error.nearest else "Try its county."
        return f"No place called “{place[:60]}” is known. {nearest}"
    return ""


@dataclass(frozen=True, slots=True)
class Alike:
    """An organisation that may be the one that applies, and why."""

    organisation: Organisation
    why: str


def alike(organisations: Iterable[Organisation], application: Application) -> tuple[Alike, ...]:
    """Organisations that have its number or a name like its, the surest first."""
    identifier = registers.identifier(application.register, application.number).upper()
    wanted = plain_name(application.name)
    found: list[tuple[float, Alike]] = []
    for one in organisations:
        if identifier and identifier in (each.upper() for each in one.identifiers):
            found.append((2.0, Alike(one, SAME_NUMBER)))
        elif (near := _nearness(wanted, plain_name(one.name))) >= ALIKE:
            found.append((near, Alike(one, "has the same name" if near == 1 else "has a similar name")))
    found.sort(key=lambda pair: (-pair[0], pair[1].organisation.id))
    return tuple(one for _, one in found[:MOST_ALIKE])


def is_alike(one: Application, other: Application) -> bool:
    """Whether two applications may be the same organisation's."""
    has_number = bool(one.number) and (one.register, one.number) == (other.register, other.number)
    return has_number or _nearness(plain_name(one.name), plain_name(other.name)) >= ALIKE


def plain_name(name: str) -> str:
    """A name without what people write differently."""
    words = re.sub(r"[^\w\s]", " ", name.casefold().replace("’", "'").replace("'", "").replace("&", " and "))
    return " ".join(_LEGAL.sub(" ", words).split()) or " ".join(words.split())


def _nearness(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    bounds: tuple[Callable[[], float], ...] = (matcher.real_quick_ratio, matcher.quick_ratio)
    return 0.0 if any(bound() < ALIKE for bound in bounds) else matcher.ratio()

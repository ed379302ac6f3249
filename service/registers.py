"""The registers in which an organisation has a number: its form, and the number as the register writes it.

None of these numbers has a check digit: the Charity Commissions, the Scottish regulator, Companies House, the NHS's
Organisation Data Service and the UK Register of Learning Providers each give them out in order, or by type and place.
So a form can be told wrong, a number that nobody has cannot; a coordinator looks it up.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from matcher.errors import CommonwealError


class Register(StrEnum):
    """Where an organisation is registered."""

    CHARITY = "charity"
    COMPANY = "company"
    NHS = "nhs"
    UKPRN = "ukprn"
    NONE = "none"
    UNKNOWN = "unknown"
    """Whoever joined did not know it: left to the coordinators."""


@dataclass(frozen=True, slots=True)
class Told:
    """A register in words: its name, what its number is called and how that is written, or empty."""

    name: str
    number: str
    wanted: str


REGISTERS = {
    Register.CHARITY: Told(
        "Charity",
        "charity number",
        "six or seven digits in England and Wales (a linked charity adds -1, -2 …), SC0 and five digits in Scotland, "
        "NIC1 and five digits in Northern Ireland",
    ),
    Register.COMPANY: Told(
        "Company, community interest company or partnership",
        "company number",
        "eight digits, or two letters such as SC, NI or OC and six digits",
    ),
    Register.NHS: Told(
        "NHS organisation",
        "ODS code",
        "three to nine letters and digits, such as RR8 or A81001",
    ),
    Register.UKPRN: Told(
        "School, college, university or training provider",
        "UKPRN",
        "eight digits that begin with 1",
    ),
    Register.NONE: Told("A group that is on no register", "", ""),
    Register.UNKNOWN: Told("Number not given", "", ""),
}

_COMPANIES = (  # how Companies House's other numbers begin; R0: Northern Ireland before 1922
    "AC|CE|CS|EN|ES|FC|FE|GE|GN|GS|IC|IP|LP|NA|NC|NF|NI|NL|NO|NP|NR|NV|NZ|OC|OE|PC|R0|RC|RS|SA|SC|SE|SF|SG|SI|SL|SO|SP"
    "|SR|SZ|ZC"
)
_FORMS = {
    Register.CHARITY: r"SC0\d{5}|NIC1\d{5}|[1-9]\d{5,6}(?:-[1-9]\d{0,2})?",
    Register.COMPANY: rf"\d{{8}}|(?:{_COMPANIES})\d{{6}}|(?:IP|NP|SP|RS)\d{{5}}R",
    Register.NHS: r"[A-Z\d]{3,9}",
    Register.UKPRN: r"1\d{7}",
    Register.NONE: r"",
    Register.UNKNOWN: r"",
}
_IDENTIFIERS = (  # how org-id.guide begins the identifiers that name a number for all the world
    ("GB-CHC-", Register.CHARITY),
    ("GB-SC-", Register.CHARITY),
    ("GB-NIC-", Register.CHARITY),
    ("GB-COH-", Register.COMPANY),
    ("GB-NHS-", Register.NHS),
    ("GB-UKPRN-", Register.UKPRN),
)


class NumberError(CommonwealError):
    """This is no number of that register: names it, and what is wanted."""


def read(register: Register, typed: str) -> str:
    """The number as its register writes it: in capitals, without spaces, leading zeros put back. Raises NumberError."""
    number = re.sub(r"[\s.,/]+", "", typed).translate(_DASHES).upper()
    number = _with_zeros(register, number)
    told = REGISTERS[register]
    if not re.fullmatch(_FORMS[register], number, re.ASCII) or set(number) == {"0"}:
        if not number:
            raise NumberError(f"Give its {told.number}: {told.wanted}.")
        shown = " ".join(typed.split())[:40]
        if not told.number:
            raise NumberError(f"“{shown}” is a number: say which register it is from, or leave it empty.")
        raise NumberError(f"“{shown}” is no {told.number}: that is {told.wanted}.")
    return number


def identifier(register: Register, number: str) -> str:
    """The number for all the world, as org-id.guide writes it: `GB-CHC-1098765`; empty where there is none."""
    if register is Register.CHARITY:
        where = "SC" if number.startswith("SC") else "NIC" if number.startswith("NIC") else "CHC"
        return f"GB-{where}-{number.removeprefix('NIC')}"
    prefix = next((prefix for prefix, one in _IDENTIFIERS if one is register), "")
    return prefix and f"{prefix}{number}"


def first_of(identifiers: Iterable[str]) -> tuple[Register, str]:
    """The first number that one of these identifiers names; `unknown` where none does."""
    for one in identifiers:
        for prefix, register in _IDENTIFIERS:
            if not one.upper().startswith(prefix):
                continue
            try:
                typed = one[len(prefix) :]
                return register, read(register, f"NIC{typed}" if prefix == "GB-NIC-" else typed)
            except NumberError:
                continue
    return Register.UNKNOWN, ""


def entry(register: Register, number: str) -> str:
    """The public page of the body with this number; empty where the register has none whose address is known."""
    if register is Register.COMPANY:
        return f"https://find-and-update.company-information.service.gov.uk/company/{number}"
    if register is not Register.CHARITY:
        return ""
    if number.startswith("SC"):
        return f"https://www.oscr.org.uk/about-charities/search-the-register/charity-details?number={number}"
    if number.startswith("NIC"):
        return f"https://www.charitycommissionni.org.uk/charity-details/?regId={number[3:]}&subId=0"
    main, _, linked = number.partition("-")
    return f"https://register-of-charities.charitycommission.gov.uk/charity-details/?regid={main}&subid={linked or 0}"


_DASHES = str.maketrans("‐‑–—−", "-----")


def _with_zeros(register: Register, number: str) -> str:
    """The number with the zeros at its front that people leave out."""
    if register is Register.COMPANY and (parts := re.fullmatch(r"([A-Z][A-Z0])?-?(\d+)", number, re.ASCII)):
        prefix = parts[1] or ""
        return prefix + parts[2].zfill(8 - len(prefix))
    if register is Register.CHARITY and (parts := re.fullmatch(r"SC-?(\d+)", number, re.ASCII)):
        return f"SC{parts[1].zfill(6)}"
    if register is Register.CHARITY and (parts := re.fullmatch(r"NIC-?(\d+)", number, re.ASCII)):
        return f"NIC{parts[1]}"
    return number

"""Signs that a text is about a particular person: a network is about organisations, and no place for anybody's case.

Most are for the writer to look at: a choir may be called Mr Tambourine Man. Few false alarms come before finding all of
it, or nobody looks any more. What stands for one person and nothing else is refused, whoever has looked.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from matcher.masking import Detail, details


class Sign(StrEnum):
    """What stands in the text, in words."""

    NAME = "a person’s name"
    AGE = "one person and their age"
    BIRTH = "a date of birth"
    NHS = "an NHS number"
    INSURANCE = "a National Insurance number"
    TELEPHONE = "a telephone number"
    MAIL = "an email address"
    STREET = "a street address"
    POSTCODE = "a full postcode"


@dataclass(frozen=True, slots=True)
class Found:
    """A sign and where it stands: `text[start:end]`."""

    sign: Sign
    start: int
    end: int


REFUSED = (Sign.NHS, Sign.INSURANCE, Sign.BIRTH)
"""Nothing that an organisation needs or offers is said with one of these."""

_DETAILS = {
    Detail.MAIL: Sign.MAIL,
    Detail.TELEPHONE: Sign.TELEPHONE,
    Detail.STREET: Sign.STREET,
    Detail.POSTCODE: Sign.POSTCODE,
}
_NAME = r"(?-i:(?!(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)[A-Z][\w'’-]+)"
_KIN = (
    r"(?:(?:grand|step)?(?:son|daughter)|husband|wife|partner|(?:grand|step)?(?:mother|father)|mum|mam|dad|nan"
    r"|brother|sister|nephew|niece|uncle|aunt|cousin|neighbour|friend)"
)
_CASE = r"(?:client|tenant|patient|resident|pupil|student|learner|mentee|prisoner|lodger|foster child|service user)"
_SOMEBODY = (
    rf"(?:man|woman|boy|girl|lad|lass|lady|gentleman|child|baby|toddler|teenager|youth|person|pensioner|widow(?:er)?"
    rf"|refugee|veteran|carer|{_KIN}|{_CASE})"
)
_YEARS = r"(?:\d{1,3}|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[\s-]\w+)?)"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY = (
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)|\d{4}-\d\d-\d\d"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}\s+\d{{4}})"
)

_PATTERNS = (
    (Sign.NAME, re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Mx|Master)\b\.?\s{1,2}(?:[A-Z]\.?\s)?[A-Z][\w'’-]+")),
    (Sign.NAME, re.compile(rf"\b{_SOMEBODY}\s+(?:is\s+|was\s+)?(?:called|named)\s+{_NAME}(?:\s{_NAME})?", re.I)),
    (
        Sign.NAME,
        re.compile(
            rf"\b(?:my|our|his|her|their)\s+(?:late\s+|old\s+)?(?:{_KIN}|{_CASE}),?\s+{_NAME}(?:\s{_NAME})?", re.I
        ),
    ),
    (
        Sign.AGE,
        re.compile(
            rf"\b(?:an?|one|this|our|my|the|his|her)\s+(?:[\w-]+\s+){{0,2}}{_YEARS}[\s-]years?[\s-]old"
            rf"(?:\s+[\w-]+){{0,2}}?\s+{_SOMEBODY}\b(?!\s+or\b)",
            re.I,
        ),
    ),
    (
        Sign.AGE,
        re.compile(
            rf"\b(?:an?|one|this|our|my|his|her)\s+(?:[\w-]+\s+){{0,3}}{_SOMEBODY}"
            rf"(?:,?\s+(?:who\s+is\s+|is\s+)?(?:aged\s+)?{_YEARS}\s+years\s+old\b|,?\s+aged\s+{_YEARS}\b(?!\s*(?:-|–|to|or|and|\+))"
            rf"|\s+\(\d{{1,3}}\)|,\s+\d{{1,3}},)",
            re.I,
        ),
    ),
    (
        Sign.BIRTH,
        re.compile(
            rf"\b(?:d\.?o\.?b\b\.?|date\s+of\s+birth)[\s:is]{{0,6}}{_DAY}|\bborn\s+(?:on\s+)?(?:the\s+)?{_DAY}", re.I
        ),
    ),
    (
        Sign.INSURANCE,
        re.compile(
            r"\b(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][\s-]?(?:\d{2}[\s-]?){3}[A-D]\b", re.I
        ),
    ),
)
_AGE_AFTER_NAME = re.compile(
    r"(?:\s[A-Z][\w'’-]+)?(?:,?\s{1,2}(?:who\s(?:is|was)\s|is\s)?aged\s|,\s{1,2}|\s\()(?P<age>\d{1,3})(?=\s?[,;.)]|\s+years\s+old|\s*$)"
)
_TEN_DIGITS = re.compile(r"(?<![\d£+.-])\d{3}[\s-]?\d{3}[\s-]?\d{4}(?![\d-])")


def signs(text: str) -> tuple[Found, ...]:
    """Every sign in the text, in order; of two that overlap the one that begins first, the longer of two that do."""
    kept: list[Found] = []
    for one in sorted(_found(text), key=lambda one: (one.start, -one.end, one.sign not in REFUSED, one.sign)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(kept)


def refused(texts: Mapping[str, str]) -> dict[str, str]:
    """What may not stand in any of these texts, whoever has looked: a sentence for each that it stands in."""
    found = {name: [one.sign for one in signs(text) if one.sign in REFUSED] for name, text in texts.items()}
    return {
        name: f"Leave out {' and '.join(dict.fromkeys(those))}: that is never saved here, whoever’s it is."
        for name, those in found.items()
        if those
    }


def may_be_refused(text: str) -> bool:
    """Whether a closer look is worth it: false where nothing that is refused can stand in the text. Fast."""
    patterns = (pattern for sign, pattern in _PATTERNS if sign in REFUSED)
    return any(pattern.search(text) for pattern in (*patterns, _TEN_DIGITS))


def _found(text: str) -> Iterator[Found]:
    for sign, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            yield Found(sign, *match.span())
            if sign is Sign.NAME and (age := _AGE_AFTER_NAME.match(text, match.end())):
                yield Found(Sign.AGE, *age.span("age"))
    for match in _TEN_DIGITS.finditer(text):
        if is_nhs_number(match.group()):
            yield Found(Sign.NHS, *match.span())
    for detail, start, end in details(text):
        yield Found(_DETAILS[detail], start, end)


def is_nhs_number(text: str) -> bool:
    """Whether its ten digits pass the check of an NHS number (modulus 11, NHS Data Dictionary)."""
    digits = [int(one) for one in text if one.isdigit()]
    if len(digits) != 10 or len(set(digits)) == 1:
        return False
    weighed = sum(weight * digit for weight, digit in zip(range(10, 1, -1), digits, strict=False))
    return (11 - weighed % 11) % 11 == digits[9]

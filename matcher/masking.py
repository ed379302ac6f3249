"""Contact details inside free text are hidden wherever it is shown."""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

HIDDEN = "[hidden until you are introduced]"

_INVISIBLE = re.compile(
    "(?<=[\\s!-Z^-~‑–＠])[\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+(?=[\\s!-Z^-~‑–＠])"
)
_OTHERWISE = re.compile("(?![0-9])\\d|[＋．]")  # digits of other scripts, and signs as wide as they are
# Runs are bounded, so that no text, however hostile, takes longer than its length allows.
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.I)
_TOP = r"(?:(?:co|org|ac|gov|nhs)\.uk|com|org|net|uk|scot|wales|cymru|info|io|example)(?![^\W\d])"
_LOCAL, _LABEL = r"[\w.+%-]{1,64}+", r"[\w-]{1,63}"
_AT, _DOT = r"\s?(?:[@＠]|\(at\)|\[at\])\s?", r"(?:\.|\s?\(dot\)\s?|\s?\[dot\]\s?)"
_EMAIL = re.compile(rf"{_LOCAL}{_AT}(?:{_LABEL}(?:{_DOT}{_LABEL})+|\[(?:ipv6:)?[\d.:a-f]{{3,45}}\])", re.I)
_HANDLE = re.compile(r"(?<![\w@＠.%+-])[@＠][^\W\d][\w.]{1,40}")
_SPELT_DOT = r"\s{1,3}dot\s{1,3}"
_SPELT_EMAIL = re.compile(
    rf"{_LOCAL}(?:{_AT}|\s{{1,3}}at\s{{1,3}}){_LABEL}(?:(?:{_DOT}|{_SPELT_DOT}){_LABEL}){{0,3}}{_SPELT_DOT}{_TOP}", re.I
)
# A sentence may begin right after a full stop: "in Cardiff.Wales has" names no domain.
_DOMAIN = re.compile(
    rf"\b(?:\w[\w-]{{0,62}}+\.){{1,5}}(?!(?-i:Net|Info|Scot|Wales|Cymru|Example)\b){_TOP}(?:[/?#][^\s\[]+)?", re.I
)
# With a path behind it more ends count, such as those of a chat or a page of links; no word is taken for one.
_MORE = r"me|ly|gg|ee|be|co|eu|ie|app|page|link|site|online|gle|social"
_PATH = re.compile(rf"\b[\w-]{{1,63}}\.(?:{_MORE})/[^\s\[]{{1,200}}", re.I)
_DATE = (
    r"(?<!\d)(?:\d{4}-\d\d-\d\d|(?:0?[1-9]|[12]\d|3[01])(?P<mark>[./-])(?:0?[1-9]|1[0-2])(?P=mark)(?:\d{4}|\d\d)"
    r"|(?:0[1-9]|1[0-2])/(?:20)?[1-4]\d(?!/\d))(?!\d)"
)
_TIME = r"(?<!\d)(?:[01]?\d|2[0-3])\.[0-5]\d(?![.\d])"
_GAP = r"[\s()./_‑–-]{0,3}"
_BRITISH = (
    rf"\(?(?:(?:\+|(?<!\d)00){_GAP}44{_GAP}0?|(?<!\d)44(?=\s?7\d{{3}})|(?<!\d)0(?=\)?\s?\d))(?:{_GAP}\d){{8,10}}(?!\d)"
)
_FOREIGN = rf"(?:\+|(?<!\d)00)(?:{_GAP}\d){{8,14}}(?!\d)"
_MOBILE = rf"(?<![\d£€$])7\d{{3}}{_GAP}\d{{3}}{_GAP}\d{{3}}(?!\d)"
_NUMBER = re.compile(rf"(?P<kept>{_DATE}|{_TIME})|{_BRITISH}|{_FOREIGN}|{_MOBILE}")
_POSTCODE = r"(?i:[A-Z]{1,2}\d[A-Z\d]?\s{0,2}\d(?!(?:st|nd|rd|th)\b)[ABD-HJLNP-UW-Z]{2})\b"
_STREET = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Close|Cl|Crescent|Cres|Terrace|Way|Place|Pl|Court|Ct"
    r"|Gardens|Gdns|Grove|Square|Sq|Row|Hill|Walk|Mews|Parade|Green(?!\s+[A-Z])|Rise|View|Vale|Wharf|Quay|Yard|Gate"
    r"|Alley|Passage|Broadway|Boulevard|Esplanade|Promenade|Embankment|Wynd|Brae|Croft|Villas|Cottages|Buildings)"
)
_ADDRESS = re.compile(
    rf"\b\d{{1,4}}(?:[–-]\d{{1,4}})?[A-Za-z]?,?\s+(?:St\.\s{{0,3}}|[A-Z][\w'’-]+\s+){{1,4}}{_STREET}\b\.?"
    rf"(?:[\s,]+(?!{_POSTCODE})[A-Z][\w'’-]++(?![./]\d)){{0,3}}(?:[\s,]+{_POSTCODE})?"
)
_FULL_POSTCODE = re.compile(rf"\b{_POSTCODE}")
_SUSPECT = re.compile(r"[\d@＠]|\.\w|dot|at[)\]]|www|://", re.I)
"""No detail is without one of these."""


@lru_cache(maxsize=8192)  # a page asks for the same text many times, the longest for 2,600 different ones
def mask(text: str) -> str:
    """`text` with mail addresses, links, domains, telephone numbers, street addresses and full postcodes hidden.

    Errs on the side of hiding: dates, times and money stay, any other number of 9 to 15 digits that starts with 0 or +
    goes, and so does one of 10 digits grouped like a mobile's without its 0. An account's @name goes too. Invisible
    characters inside plain text, which could part a detail, are dropped, and where something is hidden
    digits of other scripts are written plainly.
    """
    text = _INVISIBLE.sub("", text)
    if not text.isascii() and (plain := _OTHERWISE.sub(_plain, text)) != text:
        hidden = mask(plain)
        return text if hidden == plain else hidden
    if not _SUSPECT.search(text):
        return text
    for detail in (_LINK, _EMAIL, _SPELT_EMAIL, _DOMAIN, _PATH, _HANDLE):
        text = detail.sub(HIDDEN, text)
    text = _NUMBER.sub(lambda found: found.group() if found["kept"] else HIDDEN, text)
    return _FULL_POSTCODE.sub(HIDDEN, _ADDRESS.sub(HIDDEN, text))


def _plain(found: re.Match[str]) -> str:
    return {"＋": "+", "．": "."}.get(found.group()) or str(unicodedata.decimal(found.group()))


class Detail(StrEnum):
    """What kind of contact detail it is; links and domains are none of anybody in particular."""

    MAIL = "mail address"
    TELEPHONE = "telephone number"
    STREET = "street address"
    POSTCODE = "full postcode"


def details(text: str) -> Iterator[tuple[Detail, int, int]]:
    """Where details of these kinds stand in a text. Two may overlap."""
    patterns = (
        (Detail.MAIL, _EMAIL),
        (Detail.MAIL, _SPELT_EMAIL),
        (Detail.TELEPHONE, _NUMBER),
        (Detail.STREET, _ADDRESS),
        (Detail.POSTCODE, _FULL_POSTCODE),
    )
    for detail, pattern in patterns:
        for found in pattern.finditer(text):
            if detail is not Detail.TELEPHONE or not found["kept"]:
                yield detail, *found.span()

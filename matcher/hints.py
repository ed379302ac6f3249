"""What would make a listing clearer: how many, where, by when, for whom, and what its short forms stand for."""

import re
from collections.abc import Iterator

from matcher.likelihood import WORDS
from matcher.masking import mask
from matcher.records import Kind, Listing
from matcher.vocabulary import Vocabulary

MOST = 3
FEWEST = 5  # words: a shorter text hardly says what, for whom and where
UNEXPLAINED = 20  # words: a longer text says for whom in one way or another
QUOTED = 60  # characters of a listing that say which one is meant
SAY_MORE = "say how many, where, and by when"
EVERYDAY = frozenset(
    re.findall(r"\w+", "NHS UK GP DBS TV DVD CV BBC USA EU VAT ID PE PC DIY MOT AGM HGV HR OK AM PM WC BSL GCSE")
)
"""Short forms that need no spelling out."""

_SAYS_NOTHING = frozenset(
    re.findall(
        r"\w+",
        "a able an and any anybody anyone anything are as asap assist assistance at be can could donate"
        " donation donations for from give had have help helping helps i in is it looking me more need needed"
        " needing needs of offer offered offering offers on or our please provide request requested require"
        " required requires seeking some somebody someone something soon sought support supporting thank"
        " thanks that the things to urgent urgently us want wanted wants we with would you your",
    )
)
"""Words that say that something is asked for or given, and not what."""

_NUMBER = re.compile(
    r"\d|£|^(?:(?:we|i)\s+(?:\w+\s+){1,3})?(?:an?|one)\s|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|fifteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|dozen|half|pair|couple|single)\b",
    re.I,
)
_COUNTED = re.compile(
    r"\b(volunteers|mentors|trustees|drivers|tutors|speakers|learners|apprentices|placements|places|seats|rooms|desks"
    r"|beds|laptops|phones|tablets|computers|chairs|tables|vans|minibuses|bikes|tools|meals|parcels|hours|days|people"
    r"|families|children|members|staff|plots|homes|flats)\b",
    re.I,
)
_PLACE = re.compile(
    r"\b(?:[Ii]n|[Aa]t|[Nn]ear|[Aa]cross|[Aa]round|[Oo]utside|[Ff]rom|of)\s+(?:the\s+)?[A-Z][a-z]+|\b[A-Z]{1,2}\d{1,2}\b"
)
_DISTANCE = re.compile(r"\b(?:online|remote(?:ly)?|by (?:telephone|phone|video|post)|from anywhere|anywhere)\b", re.I)
_TIME = re.compile(
    r"\b(?:\w+day(?:s)?|weekends?|weekdays?|weekly|daily|monthly|termly|mornings?|afternoons?|evenings?|nights?"
    r"|hours?|weeks?|months?|years?|terms?|spring|summer|autumn|winter|easter|christmas|ramadan|until|till|from now"
    r"|jan(?:uary)?|feb(?:ruary)?|march|april|june|july|aug(?:ust)?|sept(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?|20\d\d|at once|urgent(?:ly)?|any time|always|year-round|o'clock|\d{1,2}[.:]\d\d)\b",
    re.I,
)
_WHO = re.compile(
    r"\b(?:people|person|child(?:ren)?|young|older|old|adults?|teenagers?|youth|famil(?:y|ies)|parents?|mothers?|fathers?"
    r"|mums|dads|wom[ae]n|m[ae]n|girls|boys|babies|toddlers|students?|pupils|learners|apprentices|residents?|tenants?"
    r"|patients?|carers?|refugees|veterans?|prisoners?|leavers|neighbours?|villagers|newcomers|groups?|clubs?|choirs?"
    r"|charit(?:y|ies)|organisations?|schools?|firms?|businesses|founders|farmers|staff|members|volunteers|anyone"
    r"|anybody|everybody|everyone|somebody|whoever|clients?|customers|users|workers|nurses|crews?|communit(?:y|ies))\b",
    re.I,
)
_SHORT_FORM = re.compile(r"(?<![\w&'’-])(?:[A-Z]&[A-Z]|[A-Z]{2,6})(?![\w&-])")


def hints(listing: Listing, vocabulary: Vocabulary, *, has_home: bool = False) -> tuple[str, ...]:
    """Up to three sentences on what the listing leaves open; none where it leaves nothing.

    `has_home`: its organisation has a place, which stands for the listing where it names none.
    """
    return tuple(found for _, found in zip(range(MOST), _hints(listing, vocabulary, has_home), strict=False))


def _hints(listing: Listing, vocabulary: Vocabulary, has_home: bool) -> Iterator[str]:
    text = listing.text
    if not text.strip():
        return
    if says_not_what(text):
        yield f"What? {quoted(text, 40)} does not say what is {'needed' if listing.kind is Kind.NEED else 'offered'}."
    elif listing.capacity is None and not _NUMBER.search(text):
        counted = _COUNTED.search(text)
        what = f"How many {counted[0].lower()}?" if counted else "How many, or how much?"
        yield f"{what} {quoted(text, 40)} gives no number."
    is_placed = bool(listing.places) or listing.remote or has_home
    if not is_placed and not _PLACE.search(text) and not _DISTANCE.search(text):
        yield "Where? Name a town, a county or a postcode district, or say that it works at a distance."
    if listing.opens is None and listing.closes is None and not _TIME.search(text):
        wanted = "By when is it needed" if listing.kind is Kind.NEED else "Until when can it be had"
        yield f"{wanted}, and on which days? {quoted(text, 40)} gives no time."
    yield from _short_forms(text, vocabulary)
    if len(text.split()) < UNEXPLAINED and not _WHO.search(text):
        yield f"For whom is {quoted(text, 40)}? Say who would use it, or come."


def _short_forms(text: str, vocabulary: Vocabulary) -> Iterator[str]:
    """The first short form that the text does not spell out; a shouted text is nothing but capitals."""
    lower = text.lower()
    if text.isupper():
        return
    for found in dict.fromkeys(match.group() for match in _SHORT_FORM.finditer(text)):
        meanings = vocabulary.acronyms.get(found, ())
        if found in EVERYDAY or any(meaning.lower() in lower for meaning in meanings) or f"({found.lower()})" in lower:
            continue
        if meanings:
            yield f"Spell out “{found}”: {' or '.join(f'“{one}”' for one in meanings)}. Other sectors may not know it."
        else:
            yield f"Spell out “{found}”: other sectors may not know what it stands for."
        return


def says_not_what(text: str) -> bool:
    """Whether a text says only that something is asked for or given."""
    return _SAYS_NOTHING.issuperset(re.findall(r"\w+", text.lower()))


def is_bare(text: str) -> bool:
    """Whether a text has so few words, or such, that it is worth asking before it is listed."""
    return len(text.split()) < FEWEST or says_not_what(text)


def is_short(text: str) -> bool:
    """Whether a text has too few words to say what it is about."""
    return len(text.split()) < WORDS


def quoted(text: str, most: int = QUOTED) -> str:
    """The beginning of a listing's text, which says which one is meant; contact details hidden."""
    text = " ".join(mask(text).split())  # first masked: half a number is not seen to be one
    return f"“{text if len(text) <= most else text[:most].rsplit(' ', 1)[0].rstrip(' ,;:.') + ' …'}”"

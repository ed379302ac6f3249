"""What a need is made of: the things it asks for, how many of each, and its days, read from its text by patterns.

Patterns can be explained, and they read what they were made for: lists, numbers before a noun, days of the week. A text
that asks in another way is one thing.
"""

import re
from dataclasses import dataclass, replace
from itertools import zip_longest

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST = 6  # things that one need is taken to ask for
LISTED, SHORT = 8, 5  # words of a thing in a list that no noun gives away: one that begins with *a*, and another
BARE = 2  # words before a noun that nothing introduces
BEFORE, BEHIND = 3, 5  # words around a noun that say what it is
NEAR = 3  # words between a number and what it counts, at most
CONTEXT = 24  # words of a thing together with what is said about it

_NOUNS = {
    "people": r"(?:some|any)(?:body|one)|volunteers?|mentors?|tutors?|teachers?|trainers?|coaches|cooks?|chefs?"
    r"|drivers?|advis[eo]rs?|counsellors?|nurses?|interpreters?|translators?|trustees?|treasurers?"
    r"|speakers?|befrienders?|helpers?|mechanics?|electricians?|gardeners?|carpenters?|solicitors?"
    r"|lawyers?|accountants?|designers?|instructors?|facilitators?|advice|training|lessons|tuition"
    r"|expertise|testers?|assessors?|apprentices?",
    "space": r"rooms?|halls?|kitchens?|spaces?|venues?|offices?|desks?|workshops?|sheds?|garages?|barns?|land"
    r"|plots?|fields?|allotments?|shops?|studios?|premises|storage|classrooms?|pitch(?:es)?",
    "equipment": r"laptops?|computers?|tablets?|phones?|screens?|projectors?|printers?|minibus(?:es)?|vans?|cars?"
    r"|bikes?|bicycles?|trailers?|tools?|furniture|chairs?|tables?|beds?|bedding|mattress(?:es)?"
    r"|fridges?|freezers?|cookers?|ovens?|meals?|parcels?|clothes|coats|books|toys|plants?|seeds?"
    r"|topsoil|compost|timber|paint|bricks?|materials?|equipment|machines?|instruments?|wheelchairs?"
    r"|boilers?|heaters?|insulation|uniforms?|tents?|vehicles?",
    "money": r"£\d[\d,.]*[km]?|grants?|funding|sponsors?|sponsorship|donations?|levy",
    "data": r"data|datasets?|figures|maps?|surveys?|evaluation|statistics",
    "employment": r"placements?|jobs?|apprenticeships?|work experience|interviews?|traineeships?|vacanc(?:y|ies)",
    "advocacy": r"introductions?|publicity|airtime|campaign",
    "programme": r"courses?|bootcamps?|programmes?|schemes?",
}
_NOUN = re.compile(
    r"(?<!\w)(?:" + "|".join(f"(?P<{kind}>{words})" for kind, words in _NOUNS.items()) + r")(?!\w)", re.I
)
_NOT_ASKED = re.compile(
    r"\b(?:our|my|their|his|her|its|no|not|nothing but|without|nobody|lack(?:s|ing)?|has|have|had|was"
    r"|were|own|owns|got|already)\s+"
    r"(?:[\w-]+\s+){0,2}$",
    re.I,
)
_INTRODUCED = re.compile(
    r"(?:\b(?:an?|some|any|another|more|enough|several|extra|spare|if|need|needs|want|wants|wanted|for|takes?|\d+"
    r"|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty|fifty|sixty|hundred|dozen)"
    r"[\s-]+(?:[\w'’-]+\s+){0,3}|(?:set|pair|pairs|lot|number)s? of\s+)$",
    re.I,
)
_WANTED = re.compile(
    r"\s*(?:$|,|\b(?:to|for|who|that|with|after|before|from|of|on|at|in|wanted|needed|willing|able|are needed"
    r"|are wanted|would|could)\b)",
    re.I,
)
_ANYBODY = re.compile(r"(?:some|any)(?:body|one)", re.I)
_WHO = re.compile(r"\s+(?:who|to|with|that|whose|able|willing)\b", re.I)
_OF_THINGS = re.compile(r"^\s*for\b|\b(?:need|want|wanted|take|takes|look|looking|open|hoping|like)\b", re.I)
_TOLD = re.compile(
    r"\b(?:is|are|was|were|be|been|we|it|they|he|she|you|who|when|not|no|none|nobody|nothing|has|have|had|would|will"
    r"|where|because|that)\b",
    re.I,
)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\s+[–—]\s+|\s*\n+\s*|\s*;\s*")
_CUT = re.compile(r"\s*,\s+(?:and\s+|plus\s+)?|\s+(?:and|plus|as well as)\s+", re.I)
_ASKS = re.compile(
    r"\b(?:need|needs|look(?:ing)? for|hop(?:e|ing) for|seek(?:s|ing)?|could do with|short of|in want of)\s+", re.I
)
_ITEM = re.compile(r"^(?:an?|some|enough|another|\d+)\b", re.I)

_POUNDS = re.compile(r"£\d[\d,.]*[km]?", re.I)
_WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_NUMBERS = {word: number for number, word in enumerate(f"{_WORDS} eighteen nineteen".split(), 1)}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_OTHERS = {"dozen": 12, "hundred": 100}
_NUMBER = re.compile(
    r"(?<![\w£.,-])(?:(?P<figures>\d{1,3}(?:,\d{3})+|\d+)(?![\w:]|[.,]\d)"
    rf"|(?P<tens>{'|'.join(_TENS)})(?:[\s-](?P<ones>{'|'.join(list(_NUMBERS)[:9])}))?"
    rf"|(?P<word>{'|'.join([*_NUMBERS, *_OTHERS])}))(?:-odd)?\b(?!\s*%)",
    re.I,
)
_COUNT = re.compile(rf"^{_NUMBER.pattern}\s+", re.I)
_MEASURED = re.compile(
    r"^[\s-]*(?:to\s+\w+\s+)?(?:o'clock|minutes?|hours?|days?|nights?|mornings?|afternoons?|evenings?|weeks?|months?"
    r"|years?|terms?|pounds?|quid|per cent|miles?|km|kilometres?|metres?|feet|times?)\b",
    re.I,
)
_NAMED = re.compile(r"\b(?:level|levels|aged?|under|over|grade|stage|phase|year|room|number|no\.?)\s+$", re.I)

_DETERMINED = re.compile(r"\b(?:an?|the|some|any|of|for|if|need|needs|takes?)\s", re.I)
_SOME = re.compile(r"\s+(?:in|on|at|for|with|of|from|near|to)\b", re.I)

_DAY = re.compile(rf"\b(?P<day>{'|'.join(DAYS)})s?\b", re.I)
_BETWEEN = re.compile(r"^\s*(?P<how>to|till|until|through|-|–|or|,|and|, and|, or)\s*(?:on\s+)?$", re.I)
_ON_DAYS = re.compile(
    rf"\s*\b(?:on|every|each)?\s*{_DAY.pattern.replace('?P<day>', '?:')}(?:(?:,| and| or| to)+\s+(?:on\s+)?"
    rf"{_DAY.pattern.replace('?P<day>', '?:')})*",
    re.I,
)
_ANY_DAY = re.compile(r"\b(?:any|every|each) day\b(?! of the week(?:end))|\bseven days\b|\bdaily\b|\ball week\b", re.I)
_WEEKDAYS = re.compile(r"\b(?:(?:every|any|each) weekday|weekdays?)\b", re.I)
_WEEKENDS = re.compile(r"\bweekends?\b", re.I)


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that a need asks for, in its own words; `noun`, its `kind` of resource and `number` as the text tells.

    `asks` is what it is compared by: the words, and before them what they are some of, where only a list's head says.
    """

    says: str
    asks: str
    noun: str = ""
    kind: str = ""
    number: int | None = None

    @property
    def core(self) -> str:
        """The noun with what it is called and a few words behind it, without what a long sentence says besides."""
        start = self.asks.find(self.noun) if self.noun else -1
        if start < 0:
            return self.asks
        before, after = _DETERMINED.split(self.asks[:start])[-1].split(), self.asks[start + len(self.noun) :].split()
        return " ".join([*before[-BEFORE:], self.noun, *after[:BEHIND]])


def things(text: str) -> tuple[Thing, ...]:
    """What a text asks for, in its order; the whole text is one thing where no pattern finds any."""
    found = [thing for sentence in _SENTENCE.split(text) for thing in _in_sentence(sentence)]
    found = [replace(thing, asks=_ON_DAYS.sub("", thing.asks).strip() or thing.asks) for thing in found]
    return tuple(found[:MOST]) or (Thing(text.strip(), text.strip()),)


def _in_sentence(sentence: str) -> list[Thing]:
    """The things of a list. What stands before a colon is what the list behind it is a list of."""
    head, colon, tail = sentence.partition(":")
    found = _listed(tail, head, is_list=True) if colon else []
    return found or _listed(head, "", is_list=False) or _listed(tail, "", is_list=False)


def _listed(text: str, head: str, *, is_list: bool) -> list[Thing]:
    """The pieces that ask for something, each with those behind it that only say more of it."""
    found: list[Thing] = []
    start = 0
    for end, after in [*((cut.start(), cut.end()) for cut in _CUT.finditer(text)), (len(text), len(text))]:
        piece = text[start:end].strip(" .!?…")
        if piece and (thing := _thing(piece, head, is_list=is_list, goes_on=bool(found))):
            found.append(thing)
            begins = start
        elif piece and found and len(text[begins:end].split()) <= CONTEXT:
            said = _plain(text[begins:end])
            found[-1] = replace(found[-1], says=said, asks=f"{found[-1].asks}{said[len(found[-1].says) :]}")
        start = after
    return found


def _plain(text: str) -> str:
    return text.strip(" .!?…")


def _thing(piece: str, head: str, *, is_list: bool, goes_on: bool) -> Thing | None:
    """What a piece asks for: some of what the head names, a noun, what follows *looking for*, or one more of a list."""
    number, of_head = _NUMBER.match(piece), _NOUN.search(head)
    if is_list and of_head is not None and number is not None and _SOME.match(piece[number.end() :]):
        asks = f"{of_head.group()} {piece[number.end() :].strip()}"
        return Thing(piece, asks, of_head.group(), of_head.lastgroup or "", _value(number))
    noun = _noun(piece)
    if noun is not None:
        return Thing(piece, _COUNT.sub("", piece), noun.group(), noun.lastgroup or "", _before(piece, noun))
    if asked := _ASKS.search(piece):
        rest = piece[asked.end() :]
        return Thing(rest, _COUNT.sub("", rest)) if rest else None
    may_be = (goes_on and (is_list or _ITEM.match(piece))) or (is_list and _OF_THINGS.search(head))
    most = LISTED if _ITEM.match(piece) else SHORT
    if may_be and len(piece.split()) <= most and not _TOLD.search(piece) and not piece[0].isupper():
        return Thing(piece, piece)
    return None


def _noun(piece: str) -> re.Match[str] | None:
    """The first noun that is asked for: the last word of a compound, such as the room of a computer room."""
    found = list(_NOUN.finditer(piece))
    for one, after in zip_longest(found, found[1:]):
        if after is not None and not piece[one.end() : after.start()].strip():
            continue
        if _is_asked_for(piece[: one.start()], one, piece[one.end() :]):
            return one
    return None


def _is_asked_for(before: str, noun: re.Match[str], behind: str) -> bool:
    """Whether what stands around a noun says that it is wanted, and not that somebody has it or does something."""
    if _NOT_ASKED.search(before):
        return False
    if noun.group().startswith("£"):
        return _ASKS.search(before) is not None
    is_bare = len(before.split()) <= BARE and _WANTED.match(behind) is not None
    if _ANYBODY.fullmatch(noun.group()):
        return _WHO.match(behind) is not None
    return is_bare or _INTRODUCED.search(before) is not None


def _before(piece: str, noun: re.Match[str]) -> int | None:
    """The number of what the noun names: of money its own, else the nearest one within three words before it."""
    if noun.lastgroup == "money" and noun.group().startswith("£"):
        return _pounds(noun.group())
    money = _POUNDS.search(piece)
    if noun.lastgroup == "money" and money:
        return _pounds(money.group())
    counted = [one for one in numbers(piece[: noun.start()]) if len(piece[one[1] : noun.start()].split()) <= NEAR]
    return counted[-1][0] if counted else None


def _pounds(written: str) -> int:
    figures = written.strip("£.,").replace(",", "").lower()
    factor = {"k": 1_000, "m": 1_000_000}.get(figures[-1:], 1)
    return round(float(figures.rstrip("km") or 0) * factor)


def numbers(text: str) -> list[tuple[int, int]]:
    """The numbers that count something, each with where it ends; times, ages, levels and sums of money are none."""
    return [
        (_value(found), found.end())
        for found in _NUMBER.finditer(text)
        if not _MEASURED.match(text[found.end() :]) and not _NAMED.search(text[: found.start()])
    ]


def _value(found: re.Match[str]) -> int:
    if figures := found["figures"]:
        return int(figures.replace(",", ""))
    if tens := found["tens"]:
        return _TENS[tens.lower()] + _NUMBERS.get((found["ones"] or "").lower(), 0)
    return (_NUMBERS | _OTHERS)[found["word"].lower()]


def amount(clause: str, thing: Thing) -> int | None:
    """How many of a thing a clause of an offer gives: before the same noun, else the first number that counts."""
    if thing.kind == "money":
        found = _POUNDS.search(clause)
        return _pounds(found.group()) if found else None
    stem = re.compile(rf"\b{re.escape(thing.noun.lower().rstrip('s'))}\w{{0,3}}\b", re.I) if thing.noun else None
    counted = numbers(clause)
    for noun in stem.finditer(clause) if stem else ():
        near = [
            value for value, end in counted if end <= noun.start() and len(clause[end : noun.start()].split()) <= NEAR
        ]
        if near:
            return near[-1]
    return counted[0][0] if counted else None


def days(text: str) -> tuple[frozenset[str], ...]:
    """The days a text names, each wanted; of those joined by *or*, one will do. A range is every day of it."""
    found = list(_DAY.finditer(text))
    runs: list[frozenset[str]] = []
    for place, day in enumerate(found):
        name = day["day"].capitalize()
        before = found[place - 1] if place else None
        joint = _BETWEEN.match(text[before.end() : day.start()]) if before else None
        how = joint["how"].lower() if joint else ""
        if "or" in how and runs:
            runs[-1] |= {name}
        elif before and how in ("to", "till", "until", "through", "-", "–"):
            runs += [frozenset({one}) for one in _range(before["day"].capitalize(), name)[1:]]
        else:
            runs.append(frozenset({name}))
    if _WEEKDAYS.search(text):
        runs += [frozenset({one}) for one in DAYS[:5]]
    if _WEEKENDS.search(text):
        runs.append(frozenset(DAYS[5:]))
    return tuple(dict.fromkeys(runs))


def _range(first: str, last: str) -> list[str]:
    start, end = DAYS.index(first), DAYS.index(last)
    return [DAYS[number % 7] for number in range(start, end + 1 if end >= start else end + 8)]


def free(text: str) -> frozenset[str]:
    """The days an offer names: all of a range, of *every weekday* and the like; none where it says none."""
    named = frozenset(day for run in days(text) for day in run)
    return frozenset(DAYS) if _ANY_DAY.search(text) else named

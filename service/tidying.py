"""Texts typed in capitals, spaced at random or broken by a wrong encoding, made fit to read."""

import re

SHOUTED_SHARE = 0.8  # of the letters: from this share of capitals on, a text is shouted
SHORTEST_SHOUT = 6  # letters: SSAFA and shorter may be a name in capitals

_SMALL = re.compile(r"an?|and|as|at|by|for|from|in|into|nor|of|on|or|the|to|upon|with|within", re.I)
_INITIALS = re.compile(
    r"[B-Z]|UK|USA|EU|UN|[PY]?[MW]CA|CIC|S?CIO|PTF?A|AIDS|HIV|BBC|RAF|RNLI|RSPCA|UNICEF|SSAFA|NATO|LGBTQ?"
    r"|I{2,3}|I[VX]|VI{1,3}|X[IV]+|[^AEIOUYÀ-Ý]{2,}"
)
_NO_INITIALS = re.compile(r"ST|MRS?|DR|LTD|CWM|\d+(?:ST|ND|RD|TH|S)")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?]\s+)[\W_]*$")
_BROKEN = re.compile(r"[\xc2-\xf4][\x80-\xbf]+")


def mend(text: str) -> str:
    """Spaces evened out, quotes and dashes of a wrong encoding put right, other control characters dropped."""
    text = _BROKEN.sub(_decoded_again, text)
    text = re.sub(r"[\x80-\x9f]+", lambda found: found.group().encode("latin-1").decode("cp1252", "ignore"), text)
    return " ".join(re.sub(r"[\x00-\x1f\x7f]+", " ", text).split())


def _decoded_again(found: re.Match[str]) -> str:
    try:
        return found.group().encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return found.group()


def _is_shouted(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    capitals = sum(map(str.isupper, letters))
    return len(letters) >= SHORTEST_SHOUT and capitals >= SHOUTED_SHARE * len(letters)


def calm(text: str, *, title: bool) -> str:
    """A shouted text in title or sentence case; any other as it is.

    Initials stay as far as they can be told. Names inside a sentence lose their capital with the rest.
    """
    if not _is_shouted(text):
        return text

    def calmed(found: re.Match[str]) -> str:
        word = found.group()
        if not word.isupper() or _is_initials(word) or (len(word) < SHORTEST_SHOUT and _is_bracketed(found)):
            return word
        starts = bool(_SENTENCE_START.search(text[max(0, found.start() - 20) : found.start()]))
        if _SMALL.fullmatch(word) and not starts:
            return word.lower()
        return _capitalised(word) if title or starts else word.lower()

    return _WORD.sub(calmed, text)


def _is_initials(word: str) -> bool:
    """Known ones, single letters, and what has no vowel to say it with."""
    if _NO_INITIALS.fullmatch(word):
        return False
    return bool(_INITIALS.fullmatch(word)) or any(map(str.isdigit, word))


def _is_bracketed(found: re.Match[str]) -> bool:
    return found.string[: found.start()].endswith("(") and found.string[found.end() :].startswith(")")


def _capitalised(word: str) -> str:
    """`Gerard's`, but `O'Brien`."""
    first, apostrophe, rest = word[:1], word[1:2], word[2:]
    if apostrophe in {"'", "’"} and len(rest) > 1:
        return first + apostrophe + rest[:1] + rest[1:].lower()
    return first + word[1:].lower()


def sentence(text: str) -> str:
    """`text` with an end, so that another sentence can follow."""
    return text if not text or text[-1] in ".!?:;" else f"{text}."


def without_repeats(parts: list[str]) -> list[str]:
    """The parts that say something of their own, whatever their case and punctuation."""
    words = [" ".join(re.findall(r"\w+", part.casefold())) for part in parts]

    def repeats(i: int) -> bool:
        return any(words[i] in words[j] and (j < i or words[i] != words[j]) for j in range(len(words)) if j != i)

    return [part for i, part in enumerate(parts) if words[i] and not repeats(i)]

"""A text as passages an encoder takes whole, each with the clauses a reason may quote."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from matcher.vocabulary import Vocabulary

VERSION = "p1"
"""Part of every encoder's name: passages and clauses cut otherwise are other vectors."""

PASSAGE_WORDS = 190  # about all-MiniLM's 256 tokens; the encoder itself never cuts what is longer
CLAUSE_WORDS = 28  # a sentence beyond this is cut at a comma or conjunction
FEWEST_WORDS = 4  # a shorter clause joins its neighbour

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[\"'“‘(]?[A-Z0-9])|(?<=[;:])\s+|\s+[–—]\s+|\s*\n+\s*|\s+[•*]\s+")
_BLANK = re.compile(r"\s+")
_INNER = re.compile(r"(?<=,)\s+|\s+(?=(?:and|but|so|which|who|where|because|while|or)\s)")


@dataclass(frozen=True, slots=True)
class Clause:
    """`quote` is what its author wrote; `start` and `end` are where it stands in the passage's text."""

    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """What the encoder reads: `text` has acronyms spelled out behind them, so clauses carry the original words.

    Clauses stand on lines of their own, so that the same text never has other clauses.
    """

    text: str
    clauses: tuple[Clause, ...] = ()

    @property
    def digest(self) -> str:
        """sha256 of the text, in hex."""
        return sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


def clauses(text: str) -> list[str]:
    """The sentences of `text`, long ones cut at commas and conjunctions, short ones joined to what is before them."""
    found: list[str] = []
    for sentence in _SENTENCE_END.split(_BLANK.sub(_one_blank, text.strip())):
        if len(sentence.split()) <= CLAUSE_WORDS:
            found.append(sentence)
        else:
            found.extend(_cut(sentence))
    joined: list[str] = []
    for piece in (piece.strip() for piece in found if piece and piece.strip()):
        words, before = len(piece.split()), len(joined[-1].split()) if joined else 0
        short = (words < FEWEST_WORDS and not piece.endswith(":")) or before < FEWEST_WORDS
        if joined and short and before <= CLAUSE_WORDS and before + words <= PASSAGE_WORDS:
            joined[-1] = f"{joined[-1]} {piece}"
        else:
            joined.append(piece)
    return joined


def _one_blank(found: re.Match[str]) -> str:
    return "\n" if "\n" in found.group() else " "


def _cut(sentence: str) -> list[str]:
    """Pieces of about half to a whole `CLAUSE_WORDS`, cut where a reader would breathe, by force where nowhere."""
    pieces: list[str] = []
    current: list[str] = []
    for part in _INNER.split(sentence):
        words = part.split()
        if current and len(current) + len(words) > CLAUSE_WORDS:
            pieces.append(" ".join(current))
            current = []
        current += words
        while len(current) > PASSAGE_WORDS:
            pieces.append(" ".join(current[:PASSAGE_WORDS]))
            current = current[PASSAGE_WORDS:]
    if current:
        pieces.append(" ".join(current))
    return pieces


def split(text: str, vocabulary: Vocabulary) -> list[Passage]:
    """`text` as as few passages of at most `PASSAGE_WORDS` of its words as do, all of about the same length.

    A short tail of its own would be near to any short query. An empty text is one empty passage.
    """
    quotes = clauses(text)
    lengths = [len(quote.split()) for quote in quotes]
    count = _fewest(lengths)
    passages: list[Passage] = []
    current: list[str] = []
    words, left = 0, sum(lengths)
    for n, (quote, length) in enumerate(zip(quotes, lengths, strict=True)):
        more = count - len(passages) - 1
        enough = words + length / 2 > left / (more + 1) and _fewest(lengths[n:]) <= more
        if current and (enough or words + length > PASSAGE_WORDS):
            passages.append(_passage(current, vocabulary))
            left -= words
            current, words = [], 0
        current.append(quote)
        words += length
    if current or not passages:
        passages.append(_passage(current, vocabulary))
    return passages


def _fewest(lengths: Sequence[int]) -> int:
    """How many passages hold clauses of these lengths."""
    count, words = 0, PASSAGE_WORDS
    for length in lengths:
        words += length
        if words > PASSAGE_WORDS:
            count, words = count + 1, length
    return count


def _passage(quotes: list[str], vocabulary: Vocabulary) -> Passage:
    pieces: list[Clause] = []
    text = ""
    for quote in quotes:
        start = len(text) + bool(text)
        text = f"{text}\n{vocabulary.spell_out(quote)}" if text else vocabulary.spell_out(quote)
        pieces.append(Clause(quote, start, len(text)))
    return Passage(text, tuple(pieces))

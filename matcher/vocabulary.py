"""The words a network agrees on, from TOML files a coordinator can edit."""

import re
import tomllib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from matcher.errors import CommonwealError

T = TypeVar("T", bound="Term")
REMEMBERED = 5000  # texts


class VocabularyError(CommonwealError):
    """A vocabulary file is missing, is no TOML, or lacks what it must say."""


@dataclass(frozen=True, slots=True)
class Term:
    """One entry: `key` is what spreadsheets hold, `name` what people read."""

    key: str
    name: str
    says: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Size(Term):
    """A size of organisation. `income_up_to` is in pounds a year; None is without end."""

    income_up_to: int | None = None
    attention_cap: int = 3


@dataclass(frozen=True, slots=True)
class Duty(Term):
    """A statutory duty: a text that names one gets `says` as a caution, never a block."""


@dataclass(frozen=True, slots=True)
class Role(Term):
    """What an organisation can be in a partnership. A session on one of `themes` is poorer without it."""

    themes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Obstacle(Term):
    """What stops a good pairing: to be expected with these kinds of resource; `asks` is the question to settle it."""

    asks: str = ""
    resources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """Every table by key, in the order of its file."""

    themes: Mapping[str, Term] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    sectors: Mapping[str, Term] = field(default_factory=dict)
    sizes: Mapping[str, Size] = field(default_factory=dict)
    resources: Mapping[str, Term] = field(default_factory=dict)
    duties: Mapping[str, Duty] = field(default_factory=dict)
    acronyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    obstacles: Mapping[str, Obstacle] = field(default_factory=dict)

    def spell_out(self, text: str) -> str:
        """`text` with what an acronym stands for in brackets behind its first mention.

        Sectors abbreviate differently: spelled out, 'ROTL' meets 'release on temporary licence'.
        """
        if self._acronym is None or text.isupper():  # in shouted text every word looks like an acronym
            return text
        seen: set[str] = set()

        def spelled(found: re.Match[str]) -> str:
            acronym = found.group()
            if acronym in seen:
                return acronym
            seen.add(acronym)
            missing = [meaning for meaning in self.acronyms[acronym] if meaning.lower() not in lower]
            return f"{acronym} ({', '.join(missing)})" if missing else acronym

        lower = text.lower()
        return self._acronym.sub(spelled, text)

    def duties_in(self, text: str) -> list[Duty]:
        """The duties whose words stand in `text`, whole words, in any case, in the order of the file."""
        found = self._duty_phrases.keys_in(text)
        return [duty for key, duty in self.duties.items() if key in found]

    def themes_in(self, text: str) -> tuple[str, ...]:
        """The themes whose words stand in `text`, in the order of the file."""
        found = self._theme_phrases.keys_in(text)
        return tuple(key for key in self.themes if key in found)

    def obstacles_of(self, resources: Container[str], *texts: str) -> list[Obstacle]:
        """What to expect with these kinds of resource or with what the texts say, in the order of the file."""
        found = set().union(*map(self._obstacles_in, texts))
        return [
            obstacle
            for key, obstacle in self.obstacles.items()
            if key in found or any(resource in resources for resource in obstacle.resources)
        ]

    def _obstacles_in(self, text: str) -> set[str]:
        """Remembered: whoever reviews a plan asks for the same texts after every decision."""
        known = self._obstacles_known
        if text not in known:
            if len(known) >= REMEMBERED:
                known.clear()
            known[text] = self._obstacle_phrases.keys_in(text)
        return known[text]

    @cached_property
    def _obstacles_known(self) -> dict[str, set[str]]:
        return {}

    @cached_property
    def _acronym(self) -> re.Pattern[str] | None:
        if not self.acronyms:
            return None
        longest_first = sorted(self.acronyms, key=lambda acronym: (-len(acronym), acronym))
        return re.compile(r"(?<![\w&])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w&])")

    @cached_property
    def _duty_phrases(self) -> "PhraseBook":
        return PhraseBook(self.duties)

    @cached_property
    def _obstacle_phrases(self) -> "PhraseBook":
        return PhraseBook(self.obstacles)

    @cached_property
    def _theme_phrases(self) -> "PhraseBook":
        return PhraseBook(self.themes)


class PhraseBook:
    """Finds which terms' words stand in a text, at the cost of one look-up a word."""

    def __init__(self, terms: Mapping[str, Term]) -> None:
        self._by_first_word: dict[str, list[tuple[list[str], str]]] = {}
        for key, term in terms.items():
            for phrase in term.words:
                if words := _words(phrase):
                    self._by_first_word.setdefault(words[0], []).append((words, key))

    def keys_in(self, text: str) -> set[str]:
        words = _words(text)
        found: set[str] = set()
        for start, word in enumerate(words):
            for phrase, key in self._by_first_word.get(word, ()):
                if words[start : start + len(phrase)] == phrase:
                    found.add(key)
        return found


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", re.sub(r"(?<=\w)['’]s\b", "", text.lower()))


def load(folder: Path) -> Vocabulary:
    """The vocabulary in `folder`. Raises VocabularyError naming the file and the entry that is wrong."""
    path = folder / "acronyms.toml"
    acronyms = _read(path).get("acronyms", {})
    return Vocabulary(
        themes=_terms(folder / "themes.toml", Term),
        roles=_terms(folder / "roles.toml", Role),
        sectors=_terms(folder / "sectors.toml", Term),
        sizes=_terms(folder / "sizes.toml", Size),
        resources=_terms(folder / "resources.toml", Term),
        duties=_terms(folder / "duties.toml", Duty),
        acronyms={acronym: _phrases(path, acronym, meanings) for acronym, meanings in acronyms.items()},
        obstacles=_terms(folder / "obstacles.toml", Obstacle),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise VocabularyError(f"{path}: no such file; restore it from the commonweal package") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VocabularyError(f"{path}: {error}") from None


def _terms(path: Path, kind: type[T]) -> dict[str, T]:
    known = kind.__dataclass_fields__
    terms: dict[str, T] = {}
    for key, entry in _read(path).items():
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise VocabularyError(f'{path}: [{key}] needs a line: name = "…"')
        values = {"says": "", **{name: value for name, value in entry.items() if name in known and name != "key"}}
        for several in ("words", *(name for name in ("themes", "resources") if name in known)):
            values[several] = _phrases(path, key, values.get(several, []), several)
        terms[key] = kind(key=key, **values)
    return terms


def _phrases(path: Path, key: str, phrases: Any, what: str = "words") -> tuple[str, ...]:
    if not isinstance(phrases, list) or not all(isinstance(phrase, str) for phrase in phrases):
        raise VocabularyError(f'{path}: {key} needs its {what} in brackets: ["…", "…"]')
    return tuple(phrases)

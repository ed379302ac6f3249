"""What the queue of the review desk is filtered by: read from an address, kept through forms, offered with counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Query

from matcher.masking import mask
from matcher.records import Strength
from matcher.vocabulary import Term, Vocabulary
from service.review.deciding import IN_WORDS
from service.review.queue import Filters, Queue
from service.store.reviews import Choice

LONGEST_ADDRESS = 2000

Field = Annotated[str, Query(max_length=200)]
Back = Annotated[str, Query(max_length=LONGEST_ADDRESS)]


def filters(
    theme: Field = "",
    sector: Field = "",
    size: Field = "",
    place: Field = "",
    strength: Field = "",
    decision: Field = "",
    assigned: Field = "",
    text: Field = "",
) -> Filters:
    """What the address asks for; a strength or a decision that there is not lets everything through."""
    return Filters(
        theme=theme,
        sector=sector,
        size=size,
        place=place.strip(),
        strength=strength if strength in set(Strength) else "",
        decision=decision if decision in set(Choice) else "",
        assigned_to=assigned,
        text=text.strip(),
    )


Filtered = Annotated[Filters, Depends(filters)]


def address_of(wanted: Filters) -> str:
    """Filters as the query of an address."""
    named = {
        "theme": wanted.theme,
        "sector": wanted.sector,
        "size": wanted.size,
        "place": wanted.place,
        "strength": wanted.strength,
        "decision": wanted.decision,
        "assigned": wanted.assigned_to,
        "text": wanted.text,
    }
    return urlencode({name: value for name, value in named.items() if value})


def filters_in(address: str) -> Filters:
    """The filters of such a query, whoever wrote it."""
    known = {name: value[:200] for name, value in parse_qsl(address[:LONGEST_ADDRESS]) if name in _NAMES}
    return filters(**known)


_NAMES = frozenset(filters.__annotations__) - {"return"}


@dataclass(frozen=True, slots=True)
class Choosing:
    """One filter as a form offers it. `options` are values, what each is called, and whether it is chosen."""

    name: str
    label: str
    options: tuple[tuple[str, str, bool], ...]


def choosing(
    found: Queue, wanted: Filters, vocabulary: Vocabulary, coordinators: Mapping[str, str], me: str
) -> tuple[Choosing, ...]:
    """Each filter with the values that would show something, and how many pairings; also the one that is chosen."""

    def one(name: str, label: str, terms: Iterable[tuple[str, str]], chosen: str, among: str = "") -> Choosing:
        counts = found.among.get(among or name, {})
        known = dict(terms)
        others = ((key, mask(key)) for key in sorted(counts.keys() - known.keys()))
        offered = ((key, said) for key, said in (*known.items(), *others) if counts.get(key) or key in (chosen, me))
        return Choosing(
            name, label, tuple((key, f"{said} ({counts.get(key, 0)})", key == chosen) for key, said in offered)
        )

    colleagues = {me: "me", **{key: mask(name) for key, name in coordinators.items() if key != me}}
    return (
        one("theme", "Theme", _called(vocabulary.themes), wanted.theme),
        one("sector", "Sector", _called(vocabulary.sectors), wanted.sector),
        one("size", "Size", _called(vocabulary.sizes), wanted.size),
        one("strength", "Fit", ((each.value, each.value) for each in Strength), wanted.strength),
        one("decision", "Decision", ((each.value, IN_WORDS[each]) for each in Choice), wanted.decision),
        one("assigned", "Assigned to", colleagues.items(), wanted.assigned_to, "assigned_to"),
    )


def _called(terms: Mapping[str, Term]) -> Iterable[tuple[str, str]]:
    return ((key, term.name) for key, term in terms.items())

"""For a need that no single offer meets: the smallest sets of partners that together cover its parts."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property, partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from matcher.covering import Answer, Needed, Partner, apart, asked, credible, needed, partners
from matcher.eligibility import Past, past
from matcher.encoding import Progress, silent
from matcher.hints import quoted
from matcher.index import BoolArray
from matcher.masking import mask
from matcher.network import Entry, Network
from matcher.parts import DAYS, Thing
from matcher.places import Place
from matcher.ranking import Ranker
from matcher.records import History, Listing, ListingId, OrganisationId

LARGEST = 5  # partners of one set
SHOWN = 3  # sets for one need
CONVENING = ("local-authority", "community-organisation")  # roles of those who are used to bring others together
CLAUSE = 160  # characters quoted of a clause
NOBODY = "Nobody offers this."
SAME = 1e-6  # what two covers may differ by and be as good as each other


class Aspect(StrEnum):
    """What a part of a need is about."""

    WHAT = "what"
    HOW_MANY = "how many"
    WHERE = "where"
    WHEN = "when"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a need, in its own words where it has any."""

    aspect: Aspect
    says: str


@dataclass(frozen=True, slots=True)
class Share:
    """What one partner has for a part, and the listing that says so."""

    organisation: OrganisationId
    listing: ListingId
    says: str


@dataclass(frozen=True, slots=True)
class Cover:
    """A part that a set of partners covers, and by whom."""

    part: Part
    by: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """A part that stays open, and how far it does, in a sentence."""

    part: Part
    says: str


@dataclass(frozen=True, slots=True)
class Coalition:
    """Partners that together cover as much of a need as any do, none of them to spare; `why` says who leads and why."""

    partners: tuple[OrganisationId, ...]
    covers: tuple[Cover, ...]
    open: tuple[Open, ...]
    lead: OrganisationId
    why: str
    worth: float


@dataclass(frozen=True, slots=True)
class Coalitions:
    """A need, its parts, and the smallest sets of partners for it, best first."""

    need: Listing
    parts: tuple[Part, ...]
    found: tuple[Coalition, ...] = ()

    @property
    def takes_several(self) -> bool:
        """Whether no single partner covers as much."""
        return bool(self.found) and len(self.found[0].partners) > 1


def coalitions(
    network: Network,
    need: Listing,
    *,
    ranker: Ranker,
    on: date,
    history: History,
    among: Collection[OrganisationId] | None = None,
    shown: int = SHOWN,
) -> Coalitions:
    """The smallest sets of at most `LARGEST` partners that cover as much of the need as any such set does.

    Partners are members with an open offer, or those of `among`; the hard rules hold for each with the need and between
    any two, but for what was suggested lately. Where one partner is enough it stands alone. Of sets that cover as much
    with as many the best answers come first, then the smaller ids.
    """
    parts = needed(entry := network.find(need) or network.draft(need))
    before = past(replace(history, suggested={}), network, on)
    able = partners(network, entry, parts, asked(network, [parts]), on=on, before=before, among=among)
    able = credible(network, entry, parts, able, ranker=ranker, on=on, before=before)
    return _made(network, entry, parts, able, before, shown)


def _made(
    network: Network, entry: Entry, parts: Needed, able: Sequence[Partner], before: Past, shown: int
) -> Coalitions:
    table = _Table(network, entry, parts, able)
    best = table.smallest(~apart(network, able, before))
    return Coalitions(entry.listing, tuple(_parts(parts)), tuple(table.coalition(members) for members in best[:shown]))


def for_session(
    network: Network,
    *,
    ranker: Ranker,
    attendees: Collection[OrganisationId],
    on: date,
    history: History,
    among: Collection[OrganisationId] | None = None,
    progress: Progress = silent,
) -> tuple[Coalitions, ...]:
    """The attendees' open needs that take several partners, by id. Partners attend too, or are `among` others.

    Only those of which more things are offered than stay open: a set for a corner of a need is nobody's coalition.
    """
    room = sorted(set(attendees) & network.organisations.keys())
    rows = sorted(row for one in room for row in network.needs.of(one).tolist())
    entries = [entry for row in rows if (entry := network.needs.entries[row]).listing.is_open(on)]
    parts = [needed(entry) for entry in entries]
    vectors, before = asked(network, parts), past(replace(history, suggested={}), network, on)
    chosen, found = room if among is None else among, []
    for number, (entry, its) in enumerate(zip(entries, parts, strict=True), 1):
        able = partners(network, entry, its, vectors, on=on, before=before, among=chosen)
        if _is_worth_it(_made(network, entry, its, able, before, 1)):  # a cheaper look than what the ranker says
            able = credible(network, entry, its, able, ranker=ranker, on=on, before=before)
            if _is_worth_it(made := _made(network, entry, its, able, before, SHOWN)):
                found.append(made)
        progress("looking for coalitions", number, len(entries))
    return tuple(found)


def _is_worth_it(made: Coalitions) -> bool:
    """Whether it takes several, and they have more of the things than stay open."""

    def things(parts: Sequence[Cover | Open]) -> int:
        return sum(one.part.aspect is Aspect.WHAT for one in parts)

    return made.takes_several and things(made.found[0].covers) > things(made.found[0].open)


def _parts(parts: Needed) -> Iterator[Part]:
    for thing in parts.things:
        yield _what(thing)
        if thing.number is not None:
            yield _how_many(thing)
    yield from map(_where, parts.places)
    yield from map(_when, parts.days)


def _what(thing: Thing) -> Part:
    return Part(Aspect.WHAT, mask(thing.says))


def _how_many(thing: Thing) -> Part:
    assert thing.number is not None
    if thing.kind == "money":
        return Part(Aspect.HOW_MANY, f"£{thing.number:,}")
    return Part(Aspect.HOW_MANY, f"{thing.number} {thing.noun.lower()}".strip())


def _where(place: Place) -> Part:
    return Part(Aspect.WHERE, place.name)


def _when(days: frozenset[str]) -> Part:
    return Part(Aspect.WHEN, " or ".join(day for day in DAYS if day in days))


Tells = Callable[[Answer], bool | None]
"""Whether an answer holds at a place or on a day; None where it does not say."""


@dataclass(frozen=True, slots=True, eq=False)
class _Around:
    """A place or a day: whose answer to which thing may hold there, (partners, things), and who says that one does."""

    part: Part
    tells: Tells
    suits: BoolArray
    says: BoolArray


@dataclass(frozen=True)
class _Table:
    """Every partner against every part. Sets of partners are their numbers, ascending."""

    network: Network
    need: Entry
    parts: Needed
    able: Sequence[Partner]

    @cached_property
    def gives(self) -> BoolArray:
        """Who covers which thing: shape (partners, things)."""
        return self._over_things(lambda answer: answer is not None)

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """How many of each thing, 0 where the partner does not say: shape (partners, things)."""
        return np.array(
            [[(a.number or 0) if (a := one.answers.get(t)) else 0 for t in self._things] for one in self.able], np.int64
        ).reshape(self._shape)

    @cached_property
    def strengths(self) -> NDArray[np.float64]:
        return np.array(
            [[a.fits if (a := one.answers.get(t)) else 0.0 for t in self._things] for one in self.able]
        ).reshape(self._shape)

    @property
    def _things(self) -> range:
        return range(len(self.parts.things))

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.able), len(self.parts.things)

    def _over_things(self, holds: Callable[[Answer | None], bool]) -> BoolArray:
        return np.array([[holds(one.answers.get(t)) for t in self._things] for one in self.able], bool).reshape(
            self._shape
        )

    @cached_property
    def around(self) -> "list[_Around]":
        """Each place and day."""
        asked: list[tuple[Part, Tells]] = [
            *((_where(place), partial(_at, place)) for place in self.parts.places),
            *((_when(days), partial(_on, days)) for days in self.parts.days),
        ]
        return [
            _Around(
                part,
                tells,
                self._over_things(partial(_suits, tells)),
                np.asarray(self._over_things(partial(_says, tells)).any(axis=1), bool),
            )
            for part, tells in asked
        ]

    def smallest(self, together: BoolArray) -> list[tuple[int, ...]]:
        """All sets of the fewest that cover most, of those who may sit `together`; the best answers first."""
        best: list[tuple[int, ...]] = []
        covered, most = SAME, self._most()
        for size in range(1, min(LARGEST, len(self.able)) + 1):
            sets = np.array(list(combinations(range(len(self.able)), size)), np.int64)
            for one, other in combinations(range(size), 2):
                sets = sets[together[sets[:, one], sets[:, other]]]
            if not len(sets):
                break
            scores = self.covered(sets)
            if scores.max() > covered + SAME:
                covered = float(scores.max())
                best = [tuple(one) for one in sets[scores > covered - SAME].tolist()]
            if covered > most - SAME:
                break
        return sorted(best, key=lambda members: (-self.worth(members), members))

    def covered(self, sets: NDArray[np.int64]) -> NDArray[np.float64]:
        """How many parts each set covers; of a number it does not reach, the share. `sets` has shape (sets, size)."""
        gives = self.gives[sets].any(axis=1)
        wanted = np.array([thing.number or 0 for thing in self.parts.things])
        reached = np.minimum(1.0, self.numbers[sets].sum(axis=1) / np.maximum(1, wanted)) * (gives & (wanted > 0))
        total = gives.sum(axis=1) + reached.sum(axis=1)
        for one in self.around:
            suited = np.asarray(one.suits[sets].any(axis=1) | ~gives)
            total += one.says[sets].any(axis=1) & suited.all(axis=1)
        return np.asarray(total, np.float64)

    def _most(self) -> float:
        """What no set covers more than."""
        counted = sum(thing.number is not None for thing in self.parts.things)
        return float(self.gives.any(axis=0).sum() + counted + len(self.around))

    def worth(self, members: Sequence[int]) -> float:
        """How far the best answers stand out, on average over the things that are covered."""
        best = self.strengths[list(members)].max(axis=0)
        return round(float(best[best > 0].mean()), 6)

    def coalition(self, members: Sequence[int]) -> Coalition:
        covers, open_ = [], []
        for part, shares, lacks in self._told(members):
            if lacks:
                open_.append(Open(part, lacks))
            else:
                covers.append(Cover(part, tuple(shares)))
        lead, why = self._lead(members, covers)
        ids = tuple(self.able[number].organisation for number in members)
        return Coalition(ids, tuple(covers), tuple(open_), lead, why, self.worth(members))

    def _told(self, members: Sequence[int]) -> Iterator[tuple[Part, list[Share], str]]:
        """Each part with who has something for it, and what is lacking; empty where it is covered."""
        chosen = [self.able[number] for number in members]
        for number, thing in enumerate(self.parts.things):
            its = [(one, one.answers[number]) for one in chosen if number in one.answers]
            yield (
                _what(thing),
                [_share(one, answer, quoted(answer.clause, CLAUSE)) for one, answer in its],
                "" if its else NOBODY,
            )
            if thing.number is not None and its:
                counted = [(one, answer) for one, answer in its if answer.number]
                total = sum(answer.number or 0 for _, answer in counted)
                lacks = "" if total >= thing.number else _short(total, thing.number)
                yield _how_many(thing), [_share(one, answer, f"{answer.number}") for one, answer in counted], lacks
        given = self.gives[list(members)].any(axis=0)
        for around in self.around:
            says = [(one, answer) for one in chosen if (answer := _first(one, around.tells)) is not None]
            shares = [_share(one, answer, around.part.says) for one, answer in says]
            fits = bool((np.asarray(around.suits[list(members)].any(axis=0)) | ~given).all())
            yield around.part, shares, "" if shares and fits else _unsaid(around.part, bool(shares))

    def _lead(self, members: Sequence[int], covers: Sequence[Cover]) -> tuple[OrganisationId, str]:
        """Whoever covers most; then gives most of what is counted, is there, is largest, is used to convening."""
        sizes, total = list(self.network.vocabulary.sizes), sum(1 for _ in _parts(self.parts))
        wanted = np.array([thing.number or 0 for thing in self.parts.things])

        def claim(number: int) -> tuple[int, float, bool, int, bool]:
            one, record = self.able[number], self.network.organisations[self.able[number].organisation]
            reached = np.minimum(1.0, self.numbers[number] / np.maximum(1, wanted))[wanted > 0].sum()
            is_there = any(answer.at(place) for answer in one.answers.values() for place in self.parts.places)
            size = sizes.index(record.size) if record.size in sizes else len(sizes) // 2
            return _share_of(one, covers), float(reached), is_there, size, bool(set(record.roles) & set(CONVENING))

        lead = max(members, key=lambda number: (claim(number), -number))
        count, _, is_there, _, convenes = claim(lead)
        record = self.network.organisations[self.able[lead].organisation]
        says = [f"{mask(record.name)} could lead: it has something for {count} of {total} parts"]
        says += ["it is where the need is"] if is_there else []
        says += (
            [f"its size is {self.network.vocabulary.sizes[record.size].name.lower()}"] if record.size in sizes else []
        )
        says += ["it is used to bringing others together"] if convenes else []
        return record.id, f"{', '.join(says)}."


def _share_of(partner: Partner, covers: Sequence[Cover]) -> int:
    return sum(any(share.organisation == partner.organisation for share in cover.by) for cover in covers)


def _share(partner: Partner, answer: Answer, says: str) -> Share:
    return Share(partner.organisation, answer.listing, says)


def _first(partner: Partner, tells: Tells) -> Answer | None:
    return next((answer for _, answer in sorted(partner.answers.items()) if tells(answer)), None)


def _suits(tells: Tells, answer: Answer | None) -> bool:
    return answer is not None and tells(answer) is not False


def _says(tells: Tells, answer: Answer | None) -> bool:
    return answer is not None and tells(answer) is True


def _at(place: Place, answer: Answer) -> bool | None:
    return answer.at(place)


def _on(days: frozenset[str], answer: Answer) -> bool | None:
    return answer.on(days)


def _short(total: int, wanted: int) -> str:
    return f"{total:,} of {wanted:,} are spoken for." if total else "Nobody says how many: ask."


def _unsaid(part: Part, is_said: bool) -> str:
    where = "at that place" if part.aspect is Aspect.WHERE else "on that day"
    return f"Not everything can be had {where}." if is_said else f"Nobody says that it can be had {where}: ask."

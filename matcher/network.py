"""A network ready to be matched: needs on one side, offers and profiles on the other, in columns and indexed."""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matcher import passages
from matcher.encoding import CachedEncoder, FloatArray, Progress, silent, unit
from matcher.index import BoolArray, FlatIndex, highest
from matcher.lexical import LexicalIndex, spread, terms
from matcher.passages import Passage
from matcher.places import Gazetteer, Place, PlaceSets, Reach, UnknownPlaceError
from matcher.records import (
    PROFILE,
    Kind,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Standing,
    Visibility,
    profile,
)
from matcher.vocabulary import Vocabulary

PLACES_KEPT = 2048  # sets of places whose answers are remembered
_SEARCHED = ("_by_organisation", "_by_exclusion", "_by_kind", "_place_sets", "_place_set_of")  # made of the entries


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A listing with what matching needs of it. `vectors` has shape (passages, d)."""

    listing: Listing
    organisation: Organisation | None
    passages: tuple[Passage, ...]
    vectors: FloatArray
    terms: tuple[str, ...]
    places: tuple[Place, ...]
    themes: tuple[str, ...]
    theme_bits: int
    clause_vectors: FloatArray | None = None  # of a draft; a stored listing's are in the cache

    @property
    def remote(self) -> bool:
        """Whether it works at a distance: it says so, or one of its places does."""
        return self.listing.remote or any(place.reach is Reach.REMOTE for place in self.places)

    @property
    def clauses(self) -> list[str]:
        """Every clause as its author wrote it."""
        return [clause.quote for passage in self.passages for clause in passage.clauses]

    @property
    def vector(self) -> FloatArray:
        """The whole text as one unit vector, to ask with."""
        whole = self.vectors if len(self.vectors) == 1 else unit(self.vectors.mean(axis=0, keepdims=True))
        return np.asarray(whole[0], np.float32)

    def asking(self) -> "Entry":
        """What it takes to ask with it: without the passages, which are for quoting."""
        return replace(self, passages=(), vectors=self.vector[None])


class Side:
    """One side's entries, in order of id: row i everywhere is entry i. Their vectors are the index's, not copied."""

    def __init__(self, entries: Iterable[Entry], dimension: int) -> None:
        given = sorted(entries, key=lambda entry: entry.listing.id)
        counts = [len(entry.passages) for entry in given]
        self._entry_of = np.repeat(np.arange(len(given)), counts)
        self._first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._single = len(self._entry_of) == len(given)
        vectors = [entry.vectors for entry in given]
        self.index = FlatIndex(np.concatenate(vectors) if vectors else np.zeros((0, dimension), np.float32))
        spans = pairwise(self._first.tolist())
        self.entries = [replace(one, vectors=self.index.span(*span)) for one, span in zip(given, spans, strict=True)]
        self.rows = {entry.listing.id: row for row, entry in enumerate(self.entries)}
        self.lexical = LexicalIndex([entry.terms for entry in self.entries])
        listings = [entry.listing for entry in self.entries]
        self.remote: BoolArray = np.array([entry.remote for entry in self.entries], bool)
        self.profiles: BoolArray = np.array([listing.kind is Kind.PROFILE for listing in listings], bool)
        self.resources = np.array([listing.resource for listing in listings], object)
        self.theme_bits = np.array([entry.theme_bits for entry in self.entries], np.int64)
        self.states_themes: BoolArray = np.array([bool(listing.themes) for listing in listings], bool)
        self._opens = np.array([(listing.opens or date.min).toordinal() for listing in listings], np.int64)
        self._closes = np.array([(listing.closes or date.max).toordinal() for listing in listings], np.int64)
        self._meetings: dict[tuple[Place, ...], tuple[BoolArray, FloatArray]] = {}

    def __len__(self) -> int:
        return len(self.remote)

    def columns(self) -> "Side":
        """The same side without its entries, for another process: searching takes rows and ids only."""
        bare = copy(self)
        bare.__dict__ |= {name: getattr(self, name) for name in _SEARCHED}
        bare.entries, bare._meetings = [], {}
        return bare

    def open(self, on: date) -> BoolArray:
        day = on.toordinal()
        return (self._opens <= day) & (day <= self._closes)

    def full(self, taken: Mapping[ListingId, int]) -> BoolArray:
        """Where the partners already taken reach the capacity."""
        full = self._capacity <= 0
        for listing, count in taken.items():
            if (row := self.rows.get(listing)) is not None:
                full[row] = count >= self._capacity[row]
        return full

    def of(self, organisation: OrganisationId) -> NDArray[np.int64]:
        """The rows of one organisation."""
        return self._by_organisation.get(organisation, np.zeros(0, np.int64))

    def excluding(self, what: str) -> NDArray[np.int64]:
        """The rows whose organisation excludes `what`."""
        return self._by_exclusion.get(what, np.zeros(0, np.int64))

    def of_kind(self, what: str) -> NDArray[np.int64]:
        """The rows an exclusion of `what` names: an organisation's id, `sector:…` or `role:…`."""
        return self._by_kind.get(what, np.zeros(0, np.int64))

    def meets(self, places: tuple[Place, ...]) -> BoolArray:
        """For each row whether it can meet `places`."""
        return self._meeting(places)[0][self._place_set_of]

    def gaps(self, places: tuple[Place, ...], rows: NDArray[np.int64]) -> FloatArray:
        """For each of `rows` the km between its nearest edge and that of `places`; nan where unknown."""
        return self._meeting(places)[1][self._place_set_of[rows]]

    def _meeting(self, places: tuple[Place, ...]) -> tuple[BoolArray, FloatArray]:
        known = self._meetings.get(places)  # asked once: another thread may clear it meanwhile
        if known is None:
            if len(self._meetings) >= PLACES_KEPT:
                self._meetings.clear()
            known = self._meetings[places] = self._place_sets.meeting(places), self._place_sets.gaps(places)
        return known

    def nearest(self, query: FloatArray, count: int, among: BoolArray) -> NDArray[np.int64]:
        """Rows by their best passage, up to `count` passages deep."""
        found = self.index.nearest(query, count, among if self._single else among[self._entry_of])
        return found if self._single else np.unique(self._entry_of[found])

    def nearest_by(self, similar: FloatArray, count: int, among: BoolArray) -> NDArray[np.int64]:
        """The same, where `index.all_similarities` has compared the query with every passage already."""
        found = highest(similar, count, among if self._single else among[self._entry_of])
        return found if self._single else np.unique(self._entry_of[found])

    def similarities(self, query: FloatArray, rows: NDArray[np.int64]) -> FloatArray:
        """Each row's best passage against the query."""
        if self._single or not len(rows):
            return self.index.similarities(query, rows)
        spans, counts = spread(self._first, rows)
        return np.maximum.reduceat(self.index.similarities(query, spans), np.cumsum(counts) - counts)

    def prominence(self, query: FloatArray, rows: NDArray[np.int64]) -> FloatArray:
        """How far each row's best passage stands out among all passages: a z-score."""
        if self._single or not len(rows):
            return self.index.prominence(query, rows)
        spans, counts = spread(self._first, rows)
        return np.maximum.reduceat(self.index.prominence(query, spans), np.cumsum(counts) - counts)

    def vectors(self, rows: NDArray[np.int64]) -> FloatArray:
        """Each row's whole text as one unit vector, shape (rows, d)."""
        if self._single or not len(rows):
            return self.index.vectors(rows)
        spans, counts = spread(self._first, rows)
        return unit(np.add.reduceat(self.index.vectors(spans), np.cumsum(counts) - counts))

    @cached_property
    def members_may_see(self) -> BoolArray:
        """Where a member may be shown the listing: its organisation is a member too, and it is not for coordinators."""
        return np.array(
            [
                entry.organisation is not None
                and entry.organisation.standing is Standing.MEMBER
                and entry.listing.visibility is not Visibility.COORDINATORS
                for entry in self.entries
            ],
            bool,
        )

    @cached_property
    def _capacity(self) -> NDArray[np.float64]:
        return np.array([np.inf if (c := entry.listing.capacity) is None else c for entry in self.entries])

    @cached_property
    def _by_organisation(self) -> dict[str, NDArray[np.int64]]:
        return _grouped((entry.listing.organisation,) for entry in self.entries)

    @cached_property
    def _by_exclusion(self) -> dict[str, NDArray[np.int64]]:
        return _grouped(
            tuple(exclusion.what for exclusion in entry.organisation.excludes) if entry.organisation else ()
            for entry in self.entries
        )

    @cached_property
    def _by_kind(self) -> dict[str, NDArray[np.int64]]:
        return _grouped(kinds_of(entry.organisation) for entry in self.entries)

    @cached_property
    def _place_sets(self) -> PlaceSets:
        return PlaceSets(self._distinct_places)

    @cached_property
    def _distinct_places(self) -> list[tuple[Place, ...]]:
        return list(dict.fromkeys(entry.places for entry in self.entries))

    @cached_property
    def _place_set_of(self) -> NDArray[np.int64]:
        numbers = {places: n for n, places in enumerate(self._distinct_places)}
        return np.array([numbers[entry.places] for entry in self.entries], np.int64)


def kinds_of(organisation: Organisation | None) -> tuple[str, ...]:
    """What an exclusion may call an organisation."""
    if organisation is None:
        return ()
    sectors = (f"sector:{sector}" for sector in organisation.sectors)
    return (organisation.id, *sectors, *(f"role:{role}" for role in organisation.roles))


def _grouped(keys_of_rows: Iterable[tuple[str, ...]]) -> dict[str, NDArray[np.int64]]:
    grouped: dict[str, list[int]] = {}
    for row, keys in enumerate(keys_of_rows):
        for key in keys:
            grouped.setdefault(key, []).append(row)
    return {key: np.array(rows, np.int64) for key, rows in grouped.items()}


class Network:
    """Everything that can be matched at one revision of the store. Never changed: `updated` makes the next one."""

    def __init__(
        self,
        organisations: Mapping[OrganisationId, Organisation],
        listings: Mapping[ListingId, Listing],
        *,
        encoder: CachedEncoder,
        vocabulary: Vocabulary,
        gazetteer: Gazetteer,
        revision: int = 0,
        progress: Progress = silent,
        before: "Network | None" = None,
    ) -> None:
        self.organisations = dict(organisations)
        self.listings = dict(listings)
        self.encoder = encoder
        self.vocabulary = vocabulary
        self.gazetteer = gazetteer
        self.revision = revision
        self.progress = progress
        known: dict[ListingId, Entry] = {} if before is None else before._entries
        prepared = self._prepare(self._all_listings(), known)
        # asked for only in an empty network: to know it, an encoder may have to load its weights
        dimension = prepared[0].vectors.shape[1] if prepared else encoder.encoder.dimension
        self.needs = Side([entry for entry in prepared if entry.listing.kind is Kind.NEED], dimension)
        self.offers = Side([entry for entry in prepared if entry.listing.kind is not Kind.NEED], dimension)
        entries = (*self.needs.entries, *self.offers.entries)
        self._entries: dict[ListingId, Entry] = {entry.listing.id: entry for entry in entries}

    def updated(
        self,
        organisations: Mapping[OrganisationId, Organisation],
        listings: Mapping[ListingId, Listing],
        revision: int,
    ) -> "Network":
        """The network with these organisations and listings added or changed. What did not change is not encoded."""
        return Network(
            {**self.organisations, **organisations},
            {**self.listings, **listings},
            encoder=self.encoder,
            vocabulary=self.vocabulary,
            gazetteer=self.gazetteer,
            revision=revision,
            progress=self.progress,
            before=self,
        )

    def side_opposite(self, kind: Kind) -> Side:
        """Whom a listing of this kind is matched with: a need with offers and profiles, the others with needs."""
        return self.offers if kind is Kind.NEED else self.needs

    def entry(self, listing: ListingId) -> Entry:
        """Raises KeyError for a listing that is not in the network."""
        return self._entries[listing]

    def find(self, listing: Listing) -> Entry | None:
        """The entry of a listing that stands in the network just like this."""
        known = self._entries.get(listing.id)
        return known if known is not None and known.listing == listing else None

    def owner(self, listing: ListingId) -> OrganisationId | None:
        """Whose listing or profile this is; None for one that is not in the network."""
        known = self.listings.get(listing)
        if known is not None:
            return known.organisation
        organisation = OrganisationId(listing.removeprefix(PROFILE))
        return organisation if listing.startswith(PROFILE) and organisation in self.organisations else None

    def vectors_of(self, texts: Sequence[str]) -> dict[str, FloatArray]:
        """Each text as one unit vector, from the cache where it was encoded before."""
        if not texts:
            return {}
        cut = [passages.split(text, self.vocabulary) for text in texts]
        vectors = self.encoder.vectors([passage for of_one in cut for passage in of_one])
        ends = np.cumsum([len(of_one) for of_one in cut])
        whole = [vectors[end - len(of_one) : end].mean(axis=0) for of_one, end in zip(cut, ends, strict=True)]
        return dict(zip(texts, unit(np.stack(whole)), strict=True))

    def draft(self, listing: Listing) -> Entry:
        """A listing nobody has stored, ready to ask with. Its text is encoded and not kept."""
        organisation = self.organisations.get(listing.organisation)
        cut = tuple(passages.split(listing.text, self.vocabulary))
        encoded = self.encoder.encoder.encode(cut)
        vectors = np.stack([one.vector for one in encoded])
        entry = self._entry(listing, organisation, cut, vectors, tuple(terms([_joined(cut)])[0]))
        return replace(entry, clause_vectors=np.concatenate([one.clauses for one in encoded]))

    def clause_vectors(self, entries: Sequence[Entry]) -> list[FloatArray]:
        """Each entry's clauses as unit vectors, in the order of `Entry.clauses`."""
        stored = [entry for entry in entries if entry.clause_vectors is None]
        flat = iter(self.encoder.clauses([passage for entry in stored for passage in entry.passages]))
        return [
            np.concatenate([next(flat) for _ in entry.passages])
            if entry.clause_vectors is None
            else entry.clause_vectors
            for entry in entries
        ]

    def _all_listings(self) -> list[Listing]:
        """The listings of known organisations, and a profile for each organisation that has listed nothing."""
        listings = [listing for listing in self.listings.values() if listing.organisation in self.organisations]
        listed = {listing.organisation for listing in listings}
        return listings + [
            profile(organisation)
            for organisation in self.organisations.values()
            if organisation.id not in listed and organisation.description.strip()
        ]

    def _prepare(self, listings: Sequence[Listing], known: Mapping[ListingId, Entry]) -> list[Entry]:
        kept: list[Listing] = []
        new: list[Listing] = []
        for listing in listings:
            old = known.get(listing.id)
            same = old and old.listing == listing and old.organisation == self.organisations[listing.organisation]
            (kept if same else new).append(listing)
        if not new:
            return [known[listing.id] for listing in kept]
        cut = [tuple(passages.split(listing.text, self.vocabulary)) for listing in new]
        flat = [passage for of_one in cut for passage in of_one]
        vectors = self.encoder.vectors(flat, self.progress)
        ends = np.cumsum([len(of_one) for of_one in cut], dtype=np.int64)
        words = terms([_joined(of_one) for of_one in cut])
        prepared = [
            self._entry(
                listing, self.organisations[listing.organisation], of_one, vectors[end - len(of_one) : end], tuple(word)
            )
            for listing, of_one, end, word in zip(new, cut, ends, words, strict=True)
        ]
        return [known[listing.id] for listing in kept] + prepared

    def _entry(
        self,
        listing: Listing,
        organisation: Organisation | None,
        cut: tuple[Passage, ...],
        vectors: FloatArray,
        words: tuple[str, ...],
    ) -> Entry:
        names = listing.places or (organisation.places if organisation else ())
        places = self._resolved(names)
        if not places and listing.places and organisation:  # none of its own is known: its organisation's stand in
            places = self._resolved(organisation.places)
        themes = listing.themes or self.vocabulary.themes_in(listing.text)
        bits = sum(1 << n for n, theme in enumerate(list(self.vocabulary.themes)[:63]) if theme in themes)
        return Entry(listing, organisation, cut, vectors, words, places, themes, bits)

    def _resolved(self, names: Sequence[str]) -> tuple[Place, ...]:
        """The places that are known. Unknown ones were named when they were written; here they are left out."""
        found: list[Place] = []
        for name in names:
            try:
                found.extend(self.gazetteer.resolve(name))
            except UnknownPlaceError:
                continue
        return tuple(dict.fromkeys(found))


def _joined(cut: Sequence[Passage]) -> str:
    return " ".join(passage.text for passage in cut)

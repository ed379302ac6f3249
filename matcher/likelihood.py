"""How likely each side is to say yes to a suggestion that fits: a small prior, until there are replies to learn from.

Each factor is a guess on the safe side, so none takes more than half of a likelihood. Nobody measured any of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from matcher.candidates import Candidates
from matcher.encoding import FloatArray
from matcher.features import FADES_KM
from matcher.network import Entry, Network
from matcher.records import Kind, Listing

ASKED = 0.7  # whoever has a need and meets an offer for it
GIVES = 0.5  # whoever offered and is asked
NEVER_OFFERED = 0.3  # whoever is asked for what nobody offered
FAR = 0.7  # of the likelihood is left at any distance
INCOMPLETE = 0.7  # for a listing that says nothing but its text
STALE = 0.7  # for a listing that has been open for long
A_YEAR = 365.0  # after so many days half of what time takes away is gone
UNDATED = 0.85
SMALLER = 0.9  # for each size by which the giving organisation is the smaller one
WORDS = 12  # a text with so many says what it is about
LOADED = 0.1  # how much each recent introduction adds to the odds against another
LEAST = 0.5  # of a likelihood is left however much smaller or loaded an organisation is


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """Each candidate's likelihood, 0-1, that the side that asks says yes to it, and that the side that gives does."""

    asking: NDArray[np.float64]
    giving: NDArray[np.float64]


def likelihood(
    network: Network, candidates: Candidates, *, on: date, load: NDArray[np.float64], organisations: Sequence[str]
) -> Likelihood:
    """The prior from distance, size, freshness, completeness and load.

    Each side is moved by how complete the other's listing is, and by how fresh and how loaded it is itself. `load`
    counts each organisation's recent introductions, in the order of `organisations`.
    """
    needs, offers = network.needs.entries, network.offers.entries
    need, offer = candidates.need, candidates.offer
    places = {organisation: place for place, organisation in enumerate(organisations)}
    room = vigour(load)
    near = FAR + (1 - FAR) * _closeness(network, candidates)
    ready = np.where(network.offers.profiles, NEVER_OFFERED, GIVES)
    smaller = np.maximum(0, _sizes(network, needs)[need] - _sizes(network, offers)[offer])
    return Likelihood(
        asking=ASKED
        * near
        * _freshness(needs, on)[need]
        * _completeness(offers)[offer]
        * room[_owners(needs, places)[need]],
        giving=ready[offer]
        * near
        * _freshness(offers, on)[offer]
        * _completeness(needs)[need]
        * np.maximum(LEAST, SMALLER**smaller)
        * room[_owners(offers, places)[offer]],
    )


def vigour(load: NDArray[np.float64]) -> NDArray[np.float64]:
    """What so many recent introductions leave of the likelihood that an organisation says yes to another."""
    return np.maximum(LEAST, 1 / (1 + LOADED * load))


def _closeness(network: Network, candidates: Candidates) -> FloatArray:
    """1 where the areas touch or one side works at a distance, falling to 0 with the km between; 1 where unknown."""
    numbers: dict[object, int] = {}
    of_need = np.array([numbers.setdefault(entry.places, len(numbers)) for entry in network.needs.entries], np.int64)
    kind = of_need[candidates.need]
    order = np.argsort(kind, kind="stable")
    closeness = np.ones(len(kind), np.float32)
    for rows in np.split(order, np.flatnonzero(np.diff(kind[order])) + 1):
        if len(rows):
            entry = network.needs.entries[candidates.need[rows[0]]]
            gaps = network.offers.gaps(entry.places, candidates.offer[rows])
            closeness[rows] = np.nan_to_num(np.exp(-gaps / FADES_KM), nan=1.0)
    remote = network.needs.remote[candidates.need]
    return np.where(remote | network.offers.remote[candidates.offer], np.float32(1), closeness)


def _owners(entries: Sequence[Entry], places: dict[str, int]) -> NDArray[np.int64]:
    return np.array([places[entry.listing.organisation] for entry in entries], np.int64)


def _freshness(entries: Sequence[Entry], on: date) -> NDArray[np.float64]:
    """1 on the day a listing opens, falling towards `STALE`."""
    days = np.array([np.nan if (day := entry.listing.opens) is None else max(0, (on - day).days) for entry in entries])
    return np.where(np.isnan(days), UNDATED, STALE + (1 - STALE) * 0.5 ** (np.nan_to_num(days) / A_YEAR))


def _completeness(entries: Sequence[Entry]) -> NDArray[np.float64]:
    """1 for a listing that says all that a reader would ask first, falling to `INCOMPLETE`."""
    return np.array([INCOMPLETE + (1 - INCOMPLETE) * _said(entry.listing) for entry in entries])


def _said(listing: Listing) -> float:
    """The share of what a reader would ask first that the listing says."""
    besides = listing.gain if listing.kind is Kind.NEED else listing.evidence
    where = bool(listing.places) or listing.remote
    said = (where, bool(listing.resource), listing.capacity is not None, listing.closes is not None, bool(besides))
    return (sum(said) + (len(listing.text.split()) >= WORDS)) / (len(said) + 1)


def _sizes(network: Network, entries: Sequence[Entry]) -> NDArray[np.int64]:
    """Each listing's organisation's size, 0 for the smallest; where nobody said, the middle."""
    order = {size: place for place, size in enumerate(network.vocabulary.sizes)}
    middle = len(order) // 2
    return np.array([order.get(e.organisation.size, middle) if e.organisation else middle for e in entries], np.int64)

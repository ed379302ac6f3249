"""What a week's candidates are worth and how much everybody can take: the market that allocation solves."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from matcher.allocation import UNLIMITED, Market
from matcher.candidates import Candidates
from matcher.eligibility import COOL_DOWN
from matcher.likelihood import Likelihood, likelihood
from matcher.network import Entry, Network
from matcher.records import History, OrganisationId, Suggestion

NEEDS_CAP = 3  # suggestions a week for one organisation's needs
TOTAL_CAP = 5  # suggestions a week for one organisation, asking and giving
SMALL_FIRST = 1.5  # what the first suggestions are worth to an organisation of the smaller half of sizes, to others 1
BURDEN = 0.02  # what a suggestion costs for each recent introduction of an organisation
MOST = 4.0  # introductions, beyond which it costs no more
EXPECTED = 0.15  # introductions that a suggestion leads to, where nobody recorded what came of it


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """A market, the organisations its numbers mean, and each candidate's likelihood of a yes."""

    market: Market
    organisations: Sequence[OrganisationId]
    likelihood: Likelihood


def weigh(
    network: Network,
    candidates: Candidates,
    *,
    on: date,
    history: History,
    needs_cap: int = NEEDS_CAP,
    total_cap: int = TOTAL_CAP,
) -> Weighed:
    """A pair's value is its fit times the likelihood of a yes on each side."""
    organisations = sorted(network.organisations)
    load = _load(network, organisations, history, on)
    needs, offers = network.needs.entries, network.offers.entries
    codes = {organisation: code for code, organisation in enumerate(organisations)}
    yes = likelihood(network, candidates, on=on, load=load, organisations=organisations)
    market = Market(
        need=candidates.need,
        offer=candidates.offer,
        value=candidates.fit * yes.asking * yes.giving,
        asks=_owners(needs, codes),
        gives=_owners(offers, codes),
        need_caps=_capacities(needs, history),
        offer_caps=_capacities(offers, history),
        asking_caps=np.full(len(organisations), needs_cap, np.int64),
        giving_caps=np.array([attention(network, organisation) for organisation in organisations], np.int64),
        total_caps=np.full(len(organisations), total_cap, np.int64),
        worth=np.array([SMALL_FIRST if is_small(network, one) else 1.0 for one in organisations]),
        burden=BURDEN * np.minimum(load, MOST),
    )
    return Weighed(market, organisations, yes)


def _load(network: Network, organisations: Sequence[OrganisationId], history: History, on: date) -> NDArray[np.float64]:
    """Each organisation's introductions lately: those on record, else what its suggestions are expected to lead to."""
    load = dict.fromkeys(organisations, 0.0) | {one: float(n) for one, n in history.introduced.items()}
    for pair, day in history.suggested.items():
        if abs(on - day) < COOL_DOWN:
            for owner in map(network.owner, pair):
                if owner in load and owner not in history.introduced:
                    load[owner] += EXPECTED
    return np.array([load[one] for one in organisations])


def _owners(entries: Sequence[Entry], codes: dict[OrganisationId, int]) -> NDArray[np.int64]:
    return np.array([codes[entry.listing.organisation] for entry in entries], np.int64)


def _capacities(entries: Sequence[Entry], history: History) -> NDArray[np.int64]:
    """How many more partners each listing can take."""
    listings = [entry.listing for entry in entries]
    left = [UNLIMITED if one.capacity is None else one.capacity - history.taken.get(one.id, 0) for one in listings]
    return np.maximum(0, np.array(left, np.int64))


def attention(network: Network, organisation: OrganisationId) -> int:
    """How many suggestions about its offers an organisation wants in a week: its own cap, else its size's."""
    record = network.organisations[organisation]
    if record.attention_cap is not None:
        return record.attention_cap
    size = network.vocabulary.sizes.get(record.size)
    return size.attention_cap if size else NEEDS_CAP


def is_small(network: Network, organisation: OrganisationId) -> bool:
    """Whether its size is of the smaller half."""
    sizes = list(network.vocabulary.sizes)
    return network.organisations[organisation].size in sizes[: len(sizes) // 2]


def overloaded(
    network: Network, suggestions: Iterable[Suggestion], *, needs_cap: int = NEEDS_CAP, total_cap: int = TOTAL_CAP
) -> list[str]:
    """Who would get more of these suggestions than it takes as limits are now, in sentences; nobody where all hold."""
    asked, given = Counter[OrganisationId](), Counter[OrganisationId]()
    for one in suggestions:
        asked[one.need.organisation] += 1
        given[one.offer.organisation] += 1
    found = []
    for organisation in sorted({*asked, *given} & network.organisations.keys()):
        takes = (
            (asked[organisation], needs_cap, "for its needs"),
            (given[organisation], attention(network, organisation), "about its offers"),
            (asked[organisation] + given[organisation], total_cap, "in all"),
        )
        found += [f"{organisation}: {count} {what}, and it takes {cap}." for count, cap, what in takes if count > cap]
    return found

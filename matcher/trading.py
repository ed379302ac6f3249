"""Nobody waits long: two slots trade meetings for as long as that makes it better.

The meetings of two slots hang together in chains of organisations that have one in each. Such a chain can change slots
as a whole without anybody being twice in one (Kempe chains, as in edge colouring).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

from matcher.placing import Couple, Slots
from matcher.records import OrganisationId

IDLE = 2.0  # what a slot without a meeting between two others costs
LATE = 1.0  # what each slot costs by which the last meeting is later
PASSES = 25  # through all pairs of slots at most: few need more than ten
LEAST = 1e-9

_Days = Mapping[OrganisationId, dict[int, Couple]]
"""Each organisation's meetings by slot."""


def trade(
    slots: Slots,
    *,
    windows: Mapping[Couple, Collection[int]],
    waiting: Mapping[OrganisationId, float],
    tables: int,
    still: Collection[Couple] = (),
) -> dict[Couple, int]:
    """The same meetings, in slots that are worth more to who waits; those that stay `still` are where they were."""
    at = {both: slots[both] for both in sorted(slots)}
    days: defaultdict[OrganisationId, dict[int, Couple]] = defaultdict(dict)
    for both, slot in at.items():
        for one in both:
            days[one][slot] = both
    in_use = sorted({slot for both in at for slot in windows[both]})
    for _ in range(PASSES):
        traded = False
        for first, second in combinations(in_use, 2):
            for chain in _chains(at, days, first, second):
                if not any(both in still for both in chain) and _fits(at, chain, first, second, windows, tables):
                    traded |= _turned_for_better(at, days, chain, first + second, waiting)
        if not traded:
            break
    return at


def _chains(at: Slots, days: _Days, one: int, other: int) -> Iterator[list[Couple]]:
    """The meetings of two slots, those together that can only change slots together."""
    seen: set[Couple] = set()
    for start in [both for both, slot in at.items() if slot in (one, other)]:
        chain, reached = [], [start]
        while reached:
            both = reached.pop()
            if both not in seen:
                seen.add(both)
                chain.append(both)
                reached += [day[slot] for day in map(days.__getitem__, both) for slot in (one, other) if slot in day]
        if chain:
            yield chain


def _fits(
    at: Slots, chain: list[Couple], one: int, other: int, windows: Mapping[Couple, Collection[int]], tables: int
) -> bool:
    """Whether everybody is there in the other slot, and the tables suffice."""
    if not all(one + other - at[both] in windows[both] for both in chain):
        return False
    more = sum(1 if at[both] == one else -1 for both in chain)
    used = Counter(at.values())
    return used[other] + more <= tables and used[one] - more <= tables


def _turned_for_better(
    at: dict[Couple, int], days: _Days, chain: list[Couple], both_slots: int, waiting: Mapping[OrganisationId, float]
) -> bool:
    concerned = sorted({one for both in chain for one in both})
    before = sum(_cost(days[one], waiting.get(one, 1.0)) for one in concerned)
    _turn(at, days, chain, both_slots)
    if sum(_cost(days[one], waiting.get(one, 1.0)) for one in concerned) < before - LEAST:
        return True
    _turn(at, days, chain, both_slots)
    return False


def _turn(at: dict[Couple, int], days: _Days, chain: list[Couple], both_slots: int) -> None:
    for both in chain:
        for one in both:
            del days[one][at[both]]
        at[both] = both_slots - at[both]
    for both in chain:
        for one in both:
            days[one][at[both]] = both


def _cost(day: Mapping[int, Couple], waiting: float) -> float:
    last = max(day)
    return waiting * (IDLE * (last - min(day) + 1 - len(day)) + LATE * last)

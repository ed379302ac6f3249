"""Nobody waits long: two slots trade meetings for as long as that makes it better.

The meetings of two slots hang together in chains of organisations that have one in each. Such a chain can change slots
as a whole without anybody being twice in one (Kempe chains, as in edge colouring). What a chain gains does not depend
on the others, and it brings one slot at most one meeting more: so which chains change places is solved exactly.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate, combinations
from typing import NamedTuple

from matcher.placing import Couple, Slots
from matcher.records import OrganisationId

IDLE = 2.0  # what a slot without a meeting between two others costs
LATE = 1.0  # what each slot costs by which the last meeting is later
PASSES = 25  # through all pairs of slots at most: few need more than ten
LEAST = 1e-9

_Days = Mapping[OrganisationId, dict[int, Couple]]
"""Each organisation's meetings by slot."""


class _Chain(NamedTuple):
    """Meetings that change between two slots together, what that gains, and how many more the second slot then has."""

    gain: float
    more: int
    meetings: Sequence[Couple]


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
            chains = [
                _Chain(_gain(at, days, chain, first + second, waiting), _more(at, chain, first), chain)
                for chain in _chains(at, days, first, second)
                if not any(both in still or first + second - at[both] not in windows[both] for both in chain)
            ]
            used = Counter(at.values())
            for chain in _best(chains, tables - used[first], tables - used[second]):
                _turn(at, days, chain.meetings, first + second)
                traded = True
        if not traded:
            break
    return at


def _chains(at: Slots, days: _Days, first: int, second: int) -> Iterator[list[Couple]]:
    """The meetings of two slots, those together that can only change slots together."""
    seen: set[Couple] = set()
    for start in [both for both, slot in at.items() if slot in (first, second)]:
        chain, reached = [], [start]
        while reached:
            both = reached.pop()
            if both not in seen:
                seen.add(both)
                chain.append(both)
                reached += [day[slot] for day in map(days.__getitem__, both) for slot in (first, second) if slot in day]
        if chain:
            yield chain


def _more(at: Slots, chain: Sequence[Couple], first: int) -> int:
    """How many more meetings the second slot has once the chain has changed."""
    return sum(1 if at[both] == first else -1 for both in chain)


def _gain(
    at: dict[Couple, int],
    days: _Days,
    chain: Sequence[Couple],
    both_slots: int,
    waiting: Mapping[OrganisationId, float],
) -> float:
    concerned = sorted({one for both in chain for one in both})

    def cost() -> float:
        return sum(_cost(days[one], waiting.get(one, 1.0)) for one in concerned)

    before = cost()
    _turn(at, days, chain, both_slots)
    gain = before - cost()
    _turn(at, days, chain, both_slots)
    return gain


def _best(chains: Sequence[_Chain], room_first: int, room_second: int) -> list[_Chain]:
    """The chains that gain most together while neither slot gets more meetings than it has room for."""
    there, back = (sorted((c for c in chains if c.more == way), key=lambda c: -c.gain) for way in (1, -1))
    gains_there, gains_back = ([0.0, *accumulate(c.gain for c in those)] for those in (there, back))
    most, many_there, many_back = 0.0, 0, 0
    for number, gain in enumerate(gains_there):
        for other in range(max(0, number - room_second), min(len(back), number + room_first) + 1):
            if gain + gains_back[other] > most + LEAST:
                most, many_there, many_back = gain + gains_back[other], number, other
    even = [chain for chain in chains if chain.more == 0 and chain.gain > LEAST]
    return [*even, *there[:many_there], *back[:many_back]]


def _turn(at: dict[Couple, int], days: _Days, chain: Sequence[Couple], both_slots: int) -> None:
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

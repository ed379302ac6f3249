"""Which table each meeting has: who was told keeps it, and as many others as can be stay where they sat last."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from matcher.placing import Couple, Slots
from matcher.records import OrganisationId


def seat(slots: Slots, *, tables: int, fixed: Mapping[Couple, int], before: Mapping[Couple, int]) -> dict[Couple, int]:
    """Each meeting's table, from 1. One that it had `before` in this slot stays its own unless a fixed one takes it.

    No slot may have more meetings than there are tables.
    """
    found: dict[Couple, int] = {}
    sat: dict[OrganisationId, int] = {}
    by_slot: defaultdict[int, list[Couple]] = defaultdict(list)
    for both in sorted(slots):
        by_slot[slots[both]].append(both)
    for _, meetings in sorted(by_slot.items()):
        seats = {both: fixed[both] for both in meetings if both in fixed}
        for both in meetings:
            table = before.get(both, 0)
            if both not in seats and 1 <= table <= tables and table not in seats.values():
                seats[both] = table
        free = [table for table in range(1, tables + 1) if table not in seats.values()]
        others = [both for both in meetings if both not in seats]
        seats |= _staying(others, free, sat)
        free = [table for table in free if table not in seats.values()]
        seats |= dict(zip((both for both in others if both not in seats), free, strict=False))
        found |= seats
        sat |= {one: table for both, table in seats.items() for one in both}
    return found


def _staying(meetings: Sequence[Couple], free: Sequence[int], sat: Mapping[OrganisationId, int]) -> dict[Couple, int]:
    """As many meetings as can be at a table where one of the two sat last (Kuhn's augmenting paths)."""
    wishes = {both: [sat[one] for one in both if sat.get(one) in free] for both in meetings}
    at: dict[int, Couple] = {}

    def found(both: Couple, tried: set[int]) -> bool:
        for table in wishes[both]:
            if table not in tried:
                tried.add(table)
                if table not in at or found(at[table], tried):
                    at[table] = both
                    return True
        return False

    for both in meetings:
        found(both, set())
    return {both: table for table, both in at.items()}

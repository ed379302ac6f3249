"""A little chance where a week's choice is a toss-up, with the propensity of each outcome known exactly.

A stratum is one suggestion and those candidates of the same listing that are worth about as much and whose other
organisation has nothing else this week. Any of them can stand in for it: no cap is passed and nobody else is moved.
No organisation that may come in or drop out is in two strata, so they are drawn one by one, each candidate of a stratum
as likely as the next. All other suggestions are certain, given the round's inputs. What such a log is good for:
Swaminathan and Joachims (2015).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matcher.allocation import LEVELS, Limit, Market, full
from matcher.flow import Integers

SPREAD = 0.05  # by this share the worths of two candidates may differ and count as equal


@dataclass(frozen=True, slots=True)
class Stratum:
    """Rows of the market of which one is suggested. The first is the one that was allocated."""

    rows: tuple[int, ...]

    @property
    def propensity(self) -> float:
        """The probability of each, before the draw."""
        return 1 / len(self.rows)


def strata(market: Market, allocated: Integers, *, spread: float = SPREAD, fixed: Sequence[int] = ()) -> list[Stratum]:
    """The toss-ups of an allocation; the same allocation has the same. A `fixed` row is in none; spread 0 finds none.

    First a need's candidates stand in for each other, then an offer's.
    """
    if spread <= 0 or not len(allocated):
        return []
    asking, giving = market.asking, market.giving
    busy = np.bincount(np.append(asking[allocated], giving[allocated]), minlength=len(market.worth))
    others = np.setdiff1d(np.arange(len(market.need)), np.append(allocated, np.array(fixed, np.int64)))
    no_room = full(market, allocated, others)
    found: list[Stratum] = []
    gone = set(fixed)  # rows that are in a stratum, or may not be
    drawn: set[int] = set()  # organisations that may come in or drop out
    for listing, partner, limits in (
        (market.need, giving, [Limit.OFFER, Limit.GIVING, Limit.GIVER]),
        (market.offer, asking, [Limit.NEED, Limit.ASKING, Limit.ASKER]),
    ):
        worth = market.value + market.worth[partner] * LEVELS[0] - market.burden[partner]
        mates: defaultdict[int, list[int]] = defaultdict(list)
        for row in others[(busy[partner[others]] == 0) & ~no_room[:, limits].any(axis=1)].tolist():
            mates[int(listing[row])].append(row)
        for row in allocated[busy[partner[allocated]] == 1].tolist():
            if row in gone:
                continue
            rows = [row]
            for mate in mates[int(listing[row])]:
                is_as_good = abs(worth[mate] - worth[row]) <= spread * worth[row]
                if is_as_good and partner[mate] not in drawn:
                    rows.append(mate)
                    drawn.add(int(partner[mate]))
            if len(rows) > 1:
                found.append(Stratum(tuple(rows)))
                gone.add(row)
    return found


def draw(allocated: Integers, strata: Sequence[Stratum], chance: np.random.Generator) -> Integers:
    """The allocation with one row of each stratum, each as likely as the others of its stratum; ascending."""
    drawn = [stratum.rows[int(chance.integers(len(stratum.rows)))] for stratum in strata]
    kept = np.setdiff1d(allocated, [stratum.rows[0] for stratum in strata])
    return np.union1d(kept, np.array(drawn, np.int64))

"""Solving an occasion anew around what was decided, and what that would change."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from matcher.records import OrganisationId, Pair, Suggestion
from service import rounds
from service.review import occasions
from service.sessions import planning
from service.store.decisions import is_week
from service.wiring import Commonweal


@dataclass(frozen=True, slots=True)
class KnockOn:
    """What solving anew would change: pairings that come and go, and organisations that would gain or lose their only.

    `unmet` says why what was asked for cannot be had.
    """

    new: tuple[Suggestion, ...]
    gone: tuple[Suggestion, ...]
    served: tuple[OrganisationId, ...]
    left_out: tuple[OrganisationId, ...]
    unmet: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return not (self.new or self.gone or self.unmet)


def solve(commonweal: Commonweal, occasion: str) -> int:
    """Solves it around what is decided, stores that, and returns the number of the revision.

    Raises UnknownOccasionError, ClosedError, and what the round raises.
    """
    if is_week(occasion):
        return rounds.run(commonweal, occasion).revision
    return planning.solve(commonweal, occasion).revision


def knock_on(
    commonweal: Commonweal, occasion: str, *, trying: Collection[Pair] = (), without: Collection[Pair] = ()
) -> KnockOn:
    """What solving it anew would change, with these pairs pinned or forbidden on top of what is decided."""
    with commonweal.database.read() as connection:
        occasions.refuse_closed(occasions.find(connection, occasion, commonweal.now().date()))
        now = occasions.proposal(connection, occasion)
    run = rounds.run if is_week(occasion) else planning.solve
    then = run(commonweal, occasion, dry_run=True, trying=trying, without=without).proposal
    found = rounds.difference("now", then.suggestions, now)
    return KnockOn(
        new=_these(then.suggestions, found.new),
        gone=_these(now, found.gone),
        served=found.served,
        left_out=found.left_out,
        unmet=tuple(then.unmet[pair] for pair in trying if pair in then.unmet),
    )


def _these(suggestions: Iterable[Suggestion], pairs: Collection[Pair]) -> tuple[Suggestion, ...]:
    return tuple(one for one in suggestions if one.pair in set(pairs))

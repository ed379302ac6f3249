"""A session's pairings, solved for whoever comes: what people decided is kept, whatever else changes."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from matcher.proposing import Proposal
from matcher.records import Pair
from matcher.rooms import pairings
from service import faults
from service.review import occasions
from service.rounds import Difference, difference
from service.store import decisions, reviews, rounds, sessions
from service.store.reviews import Choice
from service.wiring import Commonweal


@dataclass(frozen=True, slots=True)
class Planned:
    """A session's pairings as just computed. `revision` is 0 where it was a dry run, which says what would change."""

    session: str
    revision: int
    proposal: Proposal
    differences: tuple[Difference, ...] = ()


def solve(
    commonweal: Commonweal,
    session: str,
    *,
    dry_run: bool = False,
    trying: Collection[Pair] = (),
    without: Collection[Pair] = (),
) -> Planned:
    """Whom its attendees are to meet: computed first, then stored whole in one transaction, as the next revision.

    What was pinned or approved for it is kept, as long as both attend; what was rejected, held or forbidden is left
    out. A dry run may be `trying` pairs as if they were pinned, and do `without` some as if they were forbidden.
    Raises UnknownOccasionError, ClosedError.
    """
    at = commonweal.now()  # what changes from now on is not in it
    with commonweal.database.read() as connection:
        occasions.refuse_closed(occasions.find(connection, session, at.date()))
        found, attending = sessions.load(connection, session), sessions.attendees(connection, session)
        assert found is not None
        history = rounds.history(connection, found.day, session)
        pinned, approved = decisions.pinned(connection, session), reviews.pairs(connection, session, [Choice.APPROVED])
        before = occasions.proposal(connection, session)
        acquainted = sessions.acquainted(connection)
    network, present = commonweal.live.current(), sessions.present(attending)
    stay = [one for one in approved if all(network.owner(listing) in present for listing in one)]
    kept = dict.fromkeys((*pinned, *stay, *trying))
    proposal = pairings(
        network,
        ranker=commonweal.core.ranker,
        on=found.day,
        history=replace(history, forbidden=(history.forbidden | set(without)) - set(trying)),
        attendees=present,
        pinned=tuple(one for one in kept if one not in set(without)),
        acquainted=acquainted,
        meetings=found.slots,
        slots={one.organisation: len(found.slots_between(one.arrives, one.leaves)) for one in attending},
        progress=commonweal.progress,
    )
    if dry_run:
        return Planned(session, 0, proposal, (difference("now", proposal.suggestions, before),))
    faults.point("session.computed")
    with commonweal.database.write() as connection:
        occasions.refuse_closed(occasions.find(connection, session, at.date()))
        revision = sessions.store_plan(connection, session, proposal, versions=commonweal.versions, at=at)
        faults.point("session.before-commit")
    return Planned(session, revision, proposal)

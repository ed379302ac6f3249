"""The weekly round: proposed from what the store holds, released once."""

from dataclasses import dataclass
from datetime import date

from matcher.eligibility import Past, past
from matcher.errors import CommonwealError
from matcher.matching import objections, propose
from matcher.network import Network
from matcher.records import OrganisationId, Suggestion
from service import faults
from service.store import members, rounds
from service.store.rounds import Round
from service.wiring import Commonweal


class StaleError(CommonwealError):
    """What was proposed does not hold any more."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A week's round as just computed. `revision` is 0 where it was a dry run."""

    week: str
    revision: int
    suggestions: tuple[Suggestion, ...]
    left_out: dict[OrganisationId, bool]


def run(commonweal: Commonweal, week: str, *, dry_run: bool = False) -> Proposed:
    """Proposes the week's round: computed first, then stored whole in one transaction.

    Raises ReleasedError where the week was released, ValueError for what is no ISO week.
    """
    day = day_of(commonweal, week)
    with commonweal.database.read() as connection:
        history = rounds.history(connection, day, week)
        rounds.refuse_released(connection, week)
    proposal = propose(
        commonweal.live.current(),
        ranker=commonweal.core.ranker,
        on=day,
        history=history,
        progress=commonweal.progress,
        needs_cap=commonweal.settings.needs_cap,
    )
    faults.point("round.computed")
    revision = 0
    if not dry_run:
        with commonweal.database.write() as connection:
            revision = rounds.propose(
                connection,
                week,
                proposal.suggestions,
                versions=commonweal.versions,
                left_out=proposal.left_out,
                at=commonweal.now(),
            )
            faults.point("round.before-commit")
        faults.point("round.committed")
    return Proposed(week, revision, proposal.suggestions, proposal.left_out)


def proposed(commonweal: Commonweal, week: str) -> Proposed | None:
    """The week's round as it stands proposed; None where nothing is. Raises ReleasedError where it was released."""
    with commonweal.database.read() as connection:
        if not rounds.refuse_released(connection, week):
            return None
        found = rounds.load(connection, week)
    assert found is not None
    return Proposed(week, found.revision, found.suggestions, dict(found.left_out))


def release(commonweal: Commonweal, week: str, revision: int | None = None) -> bool:
    """Releases the week's round as proposed, or only that revision of it. False where somebody else was first.

    Raises StaleError, naming the pairs, where something was decided or edited since that rules one of them out.
    """
    day = day_of(commonweal, week)
    while True:
        network = commonweal.live.current()
        with commonweal.database.read() as connection:
            history = rounds.history(connection, day, week)
        before = past(history, network, day)  # may encode and keep a declined text: not while we hold the writer's lock
        with commonweal.database.write() as connection:
            is_current = members.changes(connection, network.revision).revision == network.revision
            if not is_current or rounds.history(connection, day, week) != history:
                continue  # somebody wrote in between: look at what they wrote first
            round_ = rounds.load(connection, week)
            if round_ is not None and round_.released_at is None:
                _refuse_stale(round_, network, day, before)
            released = rounds.release(connection, week, commonweal.now(), revision)
            faults.point("release.before-commit")
        return released


def _refuse_stale(round_: Round, network: Network, day: date, before: Past) -> None:
    stale = [
        f"{one.need.id} and {one.offer.id}: {' '.join(found)}"
        for one in round_.suggestions
        if (found := objections(network, one, on=day, before=before))
    ]
    if stale:
        shown = "; ".join(stale[:5]) + (f"; and {len(stale) - 5} more" if len(stale) > 5 else "")
        remedy = f"Run: commonweal round --week {round_.week}"
        raise StaleError(f"the round of {round_.week} does not hold any more. {remedy}. {shown}")


def day_of(commonweal: Commonweal, week: str) -> date:
    """The day a round of that week looks at: today within the week, else its Monday."""
    today = commonweal.now().date()
    return today if rounds.week_of(today) == week else rounds.monday(week)

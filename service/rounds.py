"""The weekly round: proposed from what the store holds, released once."""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from matcher.advising import advise
from matcher.candidates import gather
from matcher.eligibility import Past, past
from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.matching import objections
from matcher.network import Network
from matcher.proposing import Limits, Proposal, propose
from matcher.ranking import Ranker
from matcher.records import ListingId, OrganisationId, Pair, Suggestion
from matcher.weighing import overloaded
from service import faults
from service.store import decisions, members, reviews, rounds
from service.store.database import Connection
from service.store.reviews import Choice
from service.store.rounds import Round
from service.wiring import Commonweal

TOLD_AGAIN = 4  # weeks until a member that still gets nothing is told again what would help
RECENT = timedelta(weeks=TOLD_AGAIN)
ATTEMPTS = 20  # to release while others keep writing
KEPT = (Choice.APPROVED,)

LOOKED_FOR = 1000  # members for whom it is looked further away, in one round


class StaleError(CommonwealError):
    """What was proposed does not hold any more."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A week's round as just computed. `revision` is 0 where it was a dry run, which also says what would change."""

    week: str
    revision: int
    proposal: Proposal
    differences: tuple["Difference", ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What a round has that another has not, and the other way round: pairs, and organisations with a suggestion."""

    against: str
    new: tuple[Pair, ...]
    gone: tuple[Pair, ...]
    served: tuple[OrganisationId, ...]
    left_out: tuple[OrganisationId, ...]

    def about(self, organisation: OrganisationId, owner: Callable[[ListingId], OrganisationId | None]) -> "Difference":
        """The same, as far as it concerns one organisation."""
        new, gone = (
            tuple(pair for pair in pairs if organisation in map(owner, pair)) for pairs in (self.new, self.gone)
        )
        served, left_out = (tuple({organisation} & set(ids)) for ids in (self.served, self.left_out))
        return Difference(self.against, new, gone, served, left_out)


def run(
    commonweal: Commonweal,
    week: str,
    *,
    dry_run: bool = False,
    trying: Collection[Pair] = (),
    without: Collection[Pair] = (),
) -> Proposed:
    """Proposes the week's round: computed first, then stored whole in one transaction.

    What was pinned or approved for it is kept, what was rejected or held is left out. A dry run may be `trying` pairs
    as if they were pinned, and do `without` some as if they were forbidden.
    Raises ReleasedError where the week was released, ValueError for what is no ISO week.
    """
    day = day_of(commonweal, week)
    with commonweal.database.read() as connection:
        history = rounds.history(connection, day, week)
        rounds.refuse_released(connection, week)
        pinned = decisions.pinned(connection, week)
        approved = reviews.pairs(connection, week, KEPT)
        told = rounds.told_lately(connection, week, TOLD_AGAIN - 1)
    history = replace(history, forbidden=(history.forbidden | set(without)) - set(trying))
    kept = tuple(one for one in dict.fromkeys((*pinned, *approved, *trying)) if one not in set(without))
    network, ranker = commonweal.live.current(), commonweal.core.ranker
    before = past(history, network, day)
    found = gather(
        network, ranker=ranker, on=day, before=before, progress=commonweal.progress, workers=commonweal.workers
    )

    def solved(pins: tuple[Pair, ...]) -> Proposal:
        return propose(
            network,
            ranker=ranker,
            on=day,
            history=history,
            limits=_limits(commonweal),
            pinned=pins,
            chance=np.random.default_rng([int(part) for part in week.split("-W")]),
            spread=commonweal.settings.exploration,
            found=found,
            progress=commonweal.progress,
        )

    served = {network.owner(one) for pair, at in history.suggested.items() if abs(day - at) < RECENT for one in pair}
    proposal = _helped(solved(kept), told | served, network, ranker=ranker, on=day, before=before)
    if dry_run:
        without_pins = solved(approved) if pinned and not (trying or without) else None
        return Proposed(week, 0, proposal, tuple(_differences(commonweal, week, proposal, without_pins)))
    faults.point("round.computed")
    with commonweal.database.write() as connection:
        revision = rounds.propose(connection, week, proposal, versions=commonweal.versions, at=commonweal.now())
        faults.point("round.before-commit")
    faults.point("round.committed")
    return Proposed(week, revision, proposal)


def _helped(
    proposal: Proposal,
    spared: Container[OrganisationId | None],
    network: Network,
    *,
    ranker: Ranker,
    on: date,
    before: Past,
) -> Proposal:
    """The same with what would help each member that has nothing; `spared` had something, or were told so, lately."""
    due = [one for one in proposal.left_out if one not in spared]
    helps = {
        one: advise(network, one, ranker=ranker, on=on, before=before, looks=number < LOOKED_FOR)
        for number, one in enumerate(due)
    }
    left_out = {one: replace(what, helps=helps.get(one, ())) for one, what in proposal.left_out.items()}
    return replace(proposal, left_out=left_out)


def _differences(
    commonweal: Commonweal, week: str, proposal: Proposal, without_pins: Proposal | None
) -> Iterable[Difference]:
    """Against the last released round before, and against the same round without this week's pins."""
    with commonweal.database.read() as connection:
        earlier = [one for one, is_released in rounds.weeks(connection).items() if is_released and one < week]
        last = rounds.load(connection, earlier[0]) if earlier else None
    if last is not None:
        yield difference(last.week, proposal.suggestions, last.suggestions)
    if without_pins is not None:
        yield difference("this week without its pins", proposal.suggestions, without_pins.suggestions)


def difference(against: str, these: Iterable[Suggestion], those: Iterable[Suggestion]) -> Difference:
    """What these suggestions have that those have not, and the other way round."""
    now, then = ({one.pair: one for one in suggestions} for suggestions in (these, those))
    served, had = ({one.organisation for each in s.values() for one in (each.need, each.offer)} for s in (now, then))
    return Difference(
        against,
        new=tuple(sorted(now.keys() - then.keys())),
        gone=tuple(sorted(then.keys() - now.keys())),
        served=tuple(sorted(served - had)),
        left_out=tuple(sorted(had - served)),
    )


def proposed(commonweal: Commonweal, week: str) -> Proposed | None:
    """The week's round as it stands proposed; None where nothing is. Raises ReleasedError where it was released."""
    with commonweal.database.read() as connection:
        if not rounds.refuse_released(connection, week):
            return None
        found = rounds.load(connection, week)
    assert found is not None
    return Proposed(week, found.revision, found.proposal)


def release(commonweal: Commonweal, week: str, revision: int | None = None) -> bool:
    """Releases the week's round as proposed, or only that revision of it. False where somebody else was first.

    Raises StaleError, naming pairs and organisations, where something was decided or edited since that rules them out.
    """
    day = day_of(commonweal, week)
    for _ in range(ATTEMPTS):
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
                stale = _stale(connection, round_, network, day, before)
                _refuse(round_, [*stale, *_overloaded(commonweal, round_, network)])
            released = rounds.release(connection, week, commonweal.now(), revision)
            if released:
                reviews.put_in_words(connection, week)
            faults.point("release.before-commit")
        return released
    raise StaleError(f"others kept changing the network while {week} was to be released; try again when they are done")


def _stale(connection: Connection, round_: Round, network: Network, day: date, before: Past) -> Iterator[str]:
    def couple(need: ListingId, offer: ListingId) -> str:
        """The two listings, and whose they are as far as that is known."""
        owners = [network.owner(id_) for id_ in (need, offer)]
        names = " with ".join(mask(network.organisations[one].name) for one in owners if one in network.organisations)
        return f"{need} and {offer}" + (f" ({names})" if names else "")

    pinned, approved = decisions.pinned(connection, round_.week), reviews.pairs(connection, round_.week, KEPT)
    out = set(reviews.pairs(connection, round_.week, reviews.OUT))
    for need, offer in sorted((round_.pins ^ set(pinned)) - set(approved)):
        yield f"{couple(need, offer)}: pinned, or no longer so."
    for need, offer in sorted(set(approved) - {one.pair for one in round_.suggestions} - round_.pins):
        yield f"{couple(need, offer)}: approved, and not in it."
    for one in round_.suggestions:
        if one.pair in out:
            yield f"{couple(*one.pair)}: rejected or held, and still in it."
        elif found := objections(network, one, on=day, before=before):
            yield f"{couple(*one.pair)}: {' '.join(found)}"


def _overloaded(commonweal: Commonweal, round_: Round, network: Network) -> list[str]:
    limits = _limits(commonweal)
    return overloaded(network, round_.suggestions, needs_cap=limits.needs, total_cap=limits.total)


def _refuse(round_: Round, stale: Sequence[str]) -> None:
    if stale:
        shown = "; ".join(stale[:5]) + (f"; and {len(stale) - 5} more" if len(stale) > 5 else "")
        remedy = f"Solve it anew, at the desk or with: commonweal round --week {round_.week}"
        raise StaleError(f"the round of {round_.week} does not hold any more. {remedy}. {shown}")


def _limits(commonweal: Commonweal) -> Limits:
    return Limits(commonweal.settings.needs_cap, commonweal.settings.total_cap)


def day_of(commonweal: Commonweal, week: str) -> date:
    """The day a round of that week looks at: today within the week, else its Monday."""
    today = commonweal.now().date()
    return today if rounds.week_of(today) == week else rounds.monday(week)

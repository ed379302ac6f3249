"""One question of a person, put to the network: the same for page, API and command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches

from matcher.eligibility import RULES, Rule
from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.matching import suggest
from matcher.network import Network
from matcher.places import Gazetteer, UnknownPlaceError
from matcher.records import Kind, Listing, ListingId, Organisation, OrganisationId, Suggestion
from service.store import rounds
from service.wiring import Commonweal

LONGEST_TEXT = 5000
LONGEST_NAME = 200  # of an organisation or a place
MOST_SUGGESTIONS = 50
CLOSE = 0.2  # of the show threshold: who asks is told of near misses too, as weak; below lies what nobody asked for


@dataclass(frozen=True, slots=True)
class Note:
    """Something the asker should know; `nearest` holds spellings to try instead."""

    says: str
    nearest: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.says


@dataclass(frozen=True, slots=True)
class Answer:
    """Suggestions, best first, found at one revision of the store."""

    suggestions: tuple[Suggestion, ...]
    notes: tuple[Note, ...]
    revision: int


class UnknownOrganisationError(CommonwealError):
    """No organisation has this id or name, or several have this name; `nearest` holds ids to try instead."""

    def __init__(self, wanted: str, nearest: tuple[OrganisationId, ...]) -> None:
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else "; give its id or its whole name"
        super().__init__(f"no organisation '{wanted}'{hint}")
        self.wanted = wanted
        self.nearest = nearest


def ask(
    commonweal: Commonweal,
    text: str,
    kind: Kind,
    organisation: str | None = None,
    place: str | None = None,
    limit: int = 10,
    rules: Sequence[Rule] = RULES,
    close: float = CLOSE,
) -> Answer:
    """Whom a need or an offer could meet today, whether it is listed already or just typed.

    `organisation` is an id or a name; `rules` say what may be answered: RULES what coordinators may see; `close` is the
    share of the show threshold that a near miss reaches. Raises UnknownOrganisationError; an unknown place is noted.
    """
    network = commonweal.live.current()
    today = commonweal.now().date()
    asker = find_organisation(network.organisations, organisation).id if organisation else OrganisationId("")
    places, notes = known_place(commonweal.core.gazetteer, place or "")
    listing = _listed(network, text, kind, asker, today)
    if listing is None:
        listing = Listing(id=ListingId("draft"), organisation=asker, kind=kind, text=text)
    elif any(rule.name == "suggested lately" for rule in rules):
        notes += (Note(f"This {kind} is listed already: what was suggested for it lately, or declined, is left out."),)
    suggestions = meet(
        commonweal,
        network,
        replace(listing, places=places or listing.places),
        rules=rules,
        limit=limit,
        threshold=commonweal.core.ranker.threshold * close,
    )
    return Answer(suggestions, notes, network.revision)


def meet(
    commonweal: Commonweal,
    network: Network,
    listing: Listing,
    *,
    rules: Sequence[Rule],
    limit: int,
    threshold: float | None = None,
) -> tuple[Suggestion, ...]:
    """Whom a listing, stored or a draft, could meet today. `threshold` is as in `suggest`."""
    today = commonweal.now().date()
    with commonweal.database.read() as connection:
        history = rounds.history(connection, today, about=listing.id)
    # a pause, or nobody's word that it is still true, is about being sent suggestions, not about asking
    history = replace(history, paused=history.paused - {listing.organisation}, resting=history.resting - {listing.id})
    return tuple(
        suggest(
            network,
            listing,
            ranker=commonweal.core.ranker,
            on=today,
            history=history,
            rules=rules,
            limit=limit,
            threshold=threshold,
        )
    )


def find_organisation(organisations: Mapping[OrganisationId, Organisation], wanted: str) -> Organisation:
    """The organisation of this id, or the only one of this name. Raises UnknownOrganisationError."""
    if known := organisations.get(OrganisationId(wanted)):
        return known
    named = [one for one in organisations.values() if one.name.casefold() == wanted.strip().casefold()]
    if len(named) == 1:
        return named[0]
    raise UnknownOrganisationError(wanted, tuple(one.id for one in named) or _nearest(organisations, wanted))


def _nearest(organisations: Mapping[OrganisationId, Organisation], wanted: str) -> tuple[OrganisationId, ...]:
    part = wanted.strip().casefold()
    if not part:
        return ()
    containing = [id_ for id_, one in organisations.items() if part in id_ or part in one.name.casefold()]
    close = [OrganisationId(id_) for id_ in get_close_matches(part, organisations, 3)]
    return tuple(dict.fromkeys([*sorted(containing), *close]))[:3]


def known_place(gazetteer: Gazetteer, place: str) -> tuple[tuple[str, ...], tuple[Note, ...]]:
    """The place as a listing would name it; where it is unknown none, and a note with spellings to try instead."""
    if not place.strip():
        return (), ()
    try:
        gazetteer.resolve(place)
    except UnknownPlaceError as error:
        remedy = (
            f"Did you mean {' or '.join(error.nearest)}?" if error.nearest else "Try its county or a postcode district."
        )
        return (), (Note(f"No place called '{error.name}' is known: it was left out. {remedy}", error.nearest),)
    return (place.strip(),), ()


def _listed(network: Network, text: str, kind: Kind, asker: OrganisationId, on: date) -> Listing | None:
    """The asker's own open listing in these words, told by what of them is ever shown."""
    shown = mask(text.strip())
    own_side = network.needs if kind is Kind.NEED else network.offers
    for row in own_side.of(asker):
        listing: Listing = own_side.entries[int(row)].listing
        if listing.kind is kind and listing.is_open(on) and mask(listing.text.strip()) == shown:
            return listing
    return None

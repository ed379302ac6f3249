"""Why these two: the phrases that meet, place, timing, theme, partners; what does not fit; what to mind."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from matcher.encoding import FloatArray
from matcher.masking import HIDDEN, mask
from matcher.network import Entry, Network
from matcher.places import Place, closest, lies_within, meets
from matcher.records import About, Kind, Organisation, Reason
from matcher.vocabulary import Vocabulary

SOON = timedelta(days=42)
LONGEST_QUOTE = 240
AT_ONCE = 500  # pairs whose clause vectors are in memory at once
NEIGHBOURS_KM = 10.0  # between the edges of two areas: next door

Reasons = tuple[tuple[Reason, ...], tuple[Reason, ...], tuple[Reason, ...]]
"""Reasons, mismatches and cautions."""


def explain(network: Network, pairs: Sequence[tuple[Entry, Entry]], on: date) -> list[Reasons]:
    """For each (need, offer) its reasons, mismatches and cautions; clause vectors are read for many at a time."""
    told: list[Reasons] = []
    for start in range(0, len(pairs), AT_ONCE):
        some = pairs[start : start + AT_ONCE]
        needs = network.clause_vectors([need for need, _ in some])
        offers = network.clause_vectors([offer for _, offer in some])
        told += [
            _explained(need, offer, wanted, given, network.vocabulary, on)
            for (need, offer), wanted, given in zip(some, needs, offers, strict=True)
        ]
    return told


def _explained(
    need: Entry, offer: Entry, wanted: FloatArray, given: FloatArray, vocabulary: Vocabulary, on: date
) -> Reasons:
    reasons = [_clauses(need, offer, wanted, given)] if len(wanted) and len(given) else []
    mismatches: list[Reason] = []
    for for_it, against_it in (
        _place(need, offer),
        _theme(need, offer, vocabulary),
        _resource(need, offer, vocabulary),
        _partners(need.organisation, offer.organisation, vocabulary),
        _timing(need, offer, on),
    ):
        if for_it:
            reasons.append(for_it)
        if against_it:
            mismatches.append(against_it)
    if offer.listing.evidence:
        reasons.append(Reason(About.EVIDENCE, f"Track record: {_quoted(mask(offer.listing.evidence))}."))
    if offer.listing.kind is Kind.PROFILE and offer.organisation:
        says = f"{mask(offer.organisation.name)} has not offered this: it was read from its description. Ask."
        mismatches.append(Reason(About.PROFILE, says))
    return tuple(reasons), tuple(mismatches), _cautions(need, offer, vocabulary)


def _clauses(need: Entry, offer: Entry, wanted: FloatArray, given: FloatArray) -> Reason:
    """The clauses that meet: close to each other, and each close to what the other text is about as a whole."""
    alike = wanted @ given.T + (wanted @ offer.vector)[:, None] + (given @ need.vector)[None, :]
    row, column = np.unravel_index(int(np.argmax(alike)), alike.shape)
    need_clause, offer_clause = _clause(need, int(row)), _clause(offer, int(column))
    return Reason(About.CLAUSES, f"{_quoted(need_clause)} meets {_quoted(offer_clause)}.", need_clause, offer_clause)


def _clause(entry: Entry, number: int) -> str:
    """The clause as it may be shown: hidden where only the whole text tells that it holds contact details."""
    quote, whole = mask(entry.clauses[number]), mask(entry.listing.text)
    is_safe = HIDDEN not in whole or _letters(quote) in _letters(whole)
    return _short(quote if is_safe else HIDDEN)


def _letters(text: str) -> str:
    """Letters and digits alone: clauses are put together without the dashes and bullets they were cut at."""
    return "".join(filter(str.isalnum, text))


def _short(text: str) -> str:
    text = text.strip().rstrip(",;:")
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE].rsplit(' ', 1)[0]} …"


def _quoted(text: str) -> str:
    return f"“{_short(text).rstrip('.')}”"


Both = tuple[Reason | None, Reason | None]
"""What speaks for the pair and what against it."""


def _place(need: Entry, offer: Entry) -> Both:
    at_a_distance = need.remote or offer.remote
    near = closest(need.places, offer.places)
    if near is None:
        if at_a_distance:
            return Reason(About.PLACE, "It can be done at a distance."), None
        silent = [name for name, entry in (("need", need), ("offer", offer)) if entry.organisation and not entry.places]
        return None, Reason(About.PLACE, f"The {silent[0]} does not say where it is: ask.") if silent else None
    here, there, kilometres = near
    if meets(here, there):
        told = Reason(About.PLACE, _nearness(here, there, kilometres))
        return (None, told) if _far(here, there, kilometres) and not at_a_distance else (told, None)
    apart = f"The offer is in {there.name}, the need is in {here.name}"
    if at_a_distance:
        return Reason(About.PLACE, "It can be done at a distance."), Reason(About.PLACE, f"{apart}.")
    return None, Reason(About.PLACE, f"{apart}, about {_rounded(kilometres)} km apart.")


def _far(here: Place, there: Place, kilometres: float) -> bool:
    """Whether somebody has to travel between two areas that do not touch."""
    inside = lies_within(here, there) or lies_within(there, here)
    return not inside and kilometres - here.radius_km - there.radius_km > NEIGHBOURS_KM


def _nearness(here: Place, there: Place, kilometres: float) -> str:
    if here.name == there.name:
        return f"Both are in {here.name}."
    for wide, narrow in ((here, there), (there, here)):
        if not wide.approximate and lies_within(narrow, wide):
            return f"{narrow.name} lies within {wide.name}."
    if kilometres < 8:
        return f"{here.name} and {there.name} are close to each other."
    return f"{here.name} and {there.name} are about {_rounded(kilometres)} km apart."


def _rounded(kilometres: float) -> int:
    step = 5 if kilometres < 100 else 10
    return max(step, round(kilometres / step) * step)


def _theme(need: Entry, offer: Entry, vocabulary: Vocabulary) -> Both:
    shared = [
        vocabulary.themes[key].name.lower() for key in vocabulary.themes if key in need.themes and key in offer.themes
    ]
    return (Reason(About.THEME, f"Both are about {_listed(shared)}.") if shared else None), None


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{'; '.join(names[:-1])}; and {names[-1]}"


def _resource(need: Entry, offer: Entry, vocabulary: Vocabulary) -> Both:
    wanted, given = need.listing.resource, offer.listing.resource
    if not wanted or not given:
        return None, None
    wanted_name, given_name = (
        vocabulary.resources[key].name.lower() if key in vocabulary.resources else key for key in (wanted, given)
    )
    if wanted == given:
        return Reason(About.RESOURCE, f"Asked for and offered: {wanted_name}."), None
    return None, Reason(About.RESOURCE, f"The need asks for {wanted_name}, the offer is of {given_name}.")


def _partners(asks: Organisation | None, gives: Organisation | None, vocabulary: Vocabulary) -> Both:
    if asks is None or gives is None or not asks.sectors or not gives.sectors or set(asks.sectors) & set(gives.sectors):
        return None, None
    says = f"{_described(gives, vocabulary).capitalize()} and {_described(asks, vocabulary)} bring different things."
    return Reason(About.PARTNERS, says), None


def _described(organisation: Organisation, vocabulary: Vocabulary) -> str:
    size = vocabulary.sizes[organisation.size].name.lower() if organisation.size in vocabulary.sizes else ""
    sector = organisation.sectors[0]
    named = vocabulary.sectors[sector].name.lower() if sector in vocabulary.sectors else sector
    words = " ".join(word for word in (size, named.removesuffix(" sector"), "organisation") if word)
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _timing(need: Entry, offer: Entry, on: date) -> Both:
    closing = [(one.listing.closes, name) for one, name in ((need, "need"), (offer, "offer")) if one.listing.closes]
    if not closing:
        return None, None
    first, name = min(closing)
    day = f"{first.day} {first:%B %Y}"
    if first - on <= SOON:
        return None, Reason(About.TIMING, f"It has to be soon: the {name} closes on {day}.")
    return Reason(About.TIMING, f"The {name} is open until {day}."), None


def _cautions(need: Entry, offer: Entry, vocabulary: Vocabulary) -> tuple[Reason, ...]:
    duties = [*vocabulary.duties_in(need.listing.text), *vocabulary.duties_in(offer.listing.text)]
    return tuple(Reason(About.DUTY, says) for says in dict.fromkeys(duty.says for duty in duties))

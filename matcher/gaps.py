"""Who is missing from a session: roles that its themes want, voices that stand alone, sides that nobody takes."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property

from matcher.hints import quoted
from matcher.inviting import Fills, Invitee, Inviting, listed, resolved, roles_of
from matcher.masking import mask
from matcher.network import Entry, Network
from matcher.ranking import Ranker
from matcher.records import History, Kind, Organisation, OrganisationId

INVITEES = 5  # for each gap


class Lack(StrEnum):
    """What a gap is about."""

    ROLE = "role"
    LONE_ROLE = "lone role"
    SECTOR = "sector"
    LONE_SECTOR = "lone sector"
    SIDE = "side"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Voice:
    """A role that one of the session's themes wants, and the attendees that hold it. A body may hold several."""

    role: str
    name: str
    says: str
    present: tuple[OrganisationId, ...]

    @property
    def is_missing(self) -> bool:
        return not self.present

    @property
    def is_alone(self) -> bool:
        return len(self.present) == 1


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that the room lacks, in a sentence, and who is best placed to fill it, best first.

    `key` is that of the role, sector, theme or resource in the vocabulary.
    """

    about: Lack
    key: str
    says: str
    invitees: tuple[Invitee, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """A session's attendees against what its themes want. `unrecorded` are those of whom no role is on record.

    `says` is what else a coordinator should know.
    """

    themes: tuple[str, ...] = ()
    voices: tuple[Voice, ...] = ()
    gaps: tuple[Gap, ...] = ()
    unrecorded: tuple[OrganisationId, ...] = ()
    says: tuple[str, ...] = ()


def gaps(
    network: Network,
    *,
    themes: Sequence[str],
    attendees: Collection[OrganisationId],
    ranker: Ranker,
    on: date,
    history: History,
    places: Sequence[str] = (),
    besides: Collection[OrganisationId] = (),
    invitees: int = INVITEES,
) -> Room:
    """Who is missing, and for each gap the members best placed to fill it, with reasons.

    `places` are where the session is. Nobody in `besides` (who was asked already, or cancelled) is proposed, nor
    anybody who wants no suggestions for now. No role is inferred: whoever has none on record is named.
    """
    room = _Attending(
        network, tuple(key for key in network.vocabulary.themes if key in themes), frozenset(attendees), on
    )
    inviting = Inviting(
        network=network,
        ranker=ranker,
        on=on,
        history=history,
        themes=room.themes,
        room=frozenset(room.present),
        besides=frozenset(besides),
        places=resolved(network, places),
        missing=frozenset(voice.role for voice in room.voices if voice.is_missing),
    )
    return Room(
        themes=room.themes,
        voices=room.voices,
        gaps=tuple(replace(gap, invitees=inviting.best(fills, invitees)) for gap, fills in room.lacks()),
        unrecorded=room.unrecorded,
        says=tuple(room.remarks()),
    )


@dataclass(frozen=True)
class _Attending:
    """A session's attendees, and what they hold and list."""

    network: Network
    themes: tuple[str, ...]
    attendees: frozenset[OrganisationId]
    on: date

    @cached_property
    def present(self) -> tuple[OrganisationId, ...]:
        return tuple(sorted(self.attendees & self.network.organisations.keys()))

    @cached_property
    def unrecorded(self) -> tuple[OrganisationId, ...]:
        return tuple(one for one in self.present if not self.network.organisations[one].roles)

    @cached_property
    def voices(self) -> tuple[Voice, ...]:
        roles = self.network.vocabulary.roles.values()
        wanted = [role for role in roles if set(role.themes) & set(self.themes)]
        return tuple(Voice(role.key, role.name, role.says, self._with(self._holds(role.key))) for role in wanted)

    def lacks(self) -> Iterator[tuple[Gap, Fills]]:
        """Every gap, and who would fill it: what is missing first, then what only one speaks for."""
        for voice in self.voices:
            if voice.is_missing:
                yield Gap(Lack.ROLE, voice.role, f"Missing: {voice.name}. {voice.says}"), self._holds(voice.role)
        yield from self._themes_of_one_side()
        yield from self._resources_of_one_side()
        yield from self._sectors()
        for voice in self.voices:
            if voice.is_alone and len(self.present) > 1:
                says = f"{self._name(voice.present[0])} is the only one in the room for: {voice.name}."
                yield Gap(Lack.LONE_ROLE, voice.role, says), self._holds(voice.role)

    def remarks(self) -> Iterator[str]:
        if not self.themes:
            yield "No theme is set for this session, so no role can be said to be missing."
        if self.unrecorded:
            yield f"No role is recorded for: {'; '.join(map(self._name, self.unrecorded))}."
        if silent := [one for one in self.present if not self._open(one)]:
            yield f"Nothing is listed, or open on that day, for: {'; '.join(map(self._name, silent))}."

    def _themes_of_one_side(self) -> Iterator[tuple[Gap, Fills]]:
        for theme in self.themes:
            only = f"{self.network.vocabulary.themes[theme].name}: only one side is in the room."
            asks, gives = (self._listing(kind, theme=theme) for kind in (Kind.NEED, Kind.OFFER))
            if asks and not gives:
                says = f"{only} {_counted(asks)} needs something, and nobody offers anything."
                yield Gap(Lack.SIDE, theme, says), self._lists(Kind.OFFER, theme=theme)
            if gives and not asks:
                says = f"{only} {_counted(gives)} offers something, and nobody needs anything."
                yield Gap(Lack.SIDE, theme, says), self._lists(Kind.NEED, theme=theme)

    def _resources_of_one_side(self) -> Iterator[tuple[Gap, Fills]]:
        """What is asked for on the session's themes and offered by nobody: jobs without an employer, say."""
        for key, resource in self.network.vocabulary.resources.items():
            asks, gives = (self._listing(kind, resource=key) for kind in (Kind.NEED, Kind.OFFER))
            if asks and not gives:
                says = f"{resource.name}: {_counted(asks).lower()} asks for this, and nobody in the room offers any."
                yield Gap(Lack.RESOURCE, key, says), self._lists(Kind.OFFER, resource=key)

    def _sectors(self) -> Iterator[tuple[Gap, Fills]]:
        for key, sector in self.network.vocabulary.sectors.items():
            name = f"the {sector.name.lower().removesuffix(' sector')} sector"
            fills = _is_of(key, name)
            holding = self._with(fills)
            if self.present and not holding:
                yield Gap(Lack.SECTOR, key, f"Nobody in the room is from {name}."), fills
            if len(holding) == 1 and len(self.present) > 1:
                says = f"{self._name(holding[0])} is the only one in the room from {name}."
                yield Gap(Lack.LONE_SECTOR, key, says), fills

    def _with(self, holds: Fills) -> tuple[OrganisationId, ...]:
        return tuple(one for one in self.present if holds(self.network.organisations[one]))

    def _listing(self, kind: Kind, **what: str) -> tuple[OrganisationId, ...]:
        return self._with(self._lists(kind, **what))

    def _lists(self, kind: Kind, *, theme: str = "", resource: str = "") -> Fills:
        """With an open need or offer about that theme, or one of that resource about any of the session's."""
        themes = {theme} if theme else set(self.themes)

        def is_it(entry: Entry) -> bool:
            about = not themes or bool(themes & set(entry.themes))
            return entry.listing.kind is kind and about and (not resource or entry.listing.resource == resource)

        def why(one: Organisation) -> str:
            first = next(filter(is_it, self._open(one.id)), None)
            verb = "needs" if kind is Kind.NEED else "offers"
            return f"It {verb} {quoted(first.listing.text)}." if first else ""

        return why

    def _open(self, one: OrganisationId) -> list[Entry]:
        return listed(self.network, one, self.on)

    def _name(self, one: OrganisationId) -> str:
        return mask(self.network.organisations[one].name)

    def _holds(self, role: str) -> Fills:
        return lambda one: f"On record as: {roles_of(self.network, one)}." if role in one.roles else ""


def _is_of(sector: str, name: str) -> Fills:
    return lambda one: f"It is from {name}." if sector in one.sectors else ""


def _counted(organisations: Collection[OrganisationId]) -> str:
    return "One attendee" if len(organisations) == 1 else f"Each of {len(organisations)} attendees"

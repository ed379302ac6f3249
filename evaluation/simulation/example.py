"""The example network as a market: real encoder, real ranker, real rules. Only what members think of it is drawn."""

import csv
from datetime import date

import numpy as np

from evaluation.simulation.worlds import SIZES, SMALL, World
from matcher.artefacts import artefact
from matcher.assembling import Core
from matcher.candidates import gather
from matcher.eligibility import past
from matcher.encoding import CachedEncoder, MemoryCache, Progress, silent
from matcher.network import Network
from matcher.records import (
    Exclusion,
    History,
    Kind,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Standing,
    Visibility,
)
from matcher.weighing import weigh

NAME = "example"
ON = date(2026, 11, 23)
"""The week that is simulated begins on this day, the benchmark's too; nearly all of the example is open then."""

Cells = dict[str, str]


def example(core: Core, progress: Progress = silent) -> World:
    """What members need and offer, their profiles too, as far as it is open and members may see it."""
    organisations = {one.id: one for one in map(_organisation, _rows("organisations.csv"))}
    listings = {one.id: one for one in map(_listing, _rows("listings.csv"))}
    network = Network(
        organisations,
        listings,
        encoder=CachedEncoder(core.encoder, MemoryCache()),
        vocabulary=core.vocabulary,
        gazetteer=core.gazetteer,
        progress=progress,
    )
    return market(network, core, progress)


def market(network: Network, core: Core, progress: Progress = silent) -> World:
    """The network's candidates as the weekly round weighs them, with the caps of everybody who needs or offers."""
    found = gather(network, ranker=core.ranker, on=ON, before=past(History(), network, ON), progress=progress)
    weighed = weigh(network, found, on=ON, history=History())
    of = weighed.market
    needs, offers = (np.flatnonzero(side.members_may_see & side.open(ON)) for side in (network.needs, network.offers))
    members, number = np.unique(np.concatenate([of.asks[needs], of.gives[offers]]), return_inverse=True)
    sizes = [network.organisations[weighed.organisations[member]].size for member in members]
    return World(
        name=NAME,
        need=np.searchsorted(needs, found.need),
        offer=np.searchsorted(offers, found.offer),
        fit=found.fit.astype(np.float64),
        asking=weighed.likelihood.asking,
        giving=weighed.likelihood.giving,
        asks=number[: len(needs)],
        gives=number[len(needs) :],
        need_caps=of.need_caps[needs],
        offer_caps=of.offer_caps[offers],
        asking_caps=of.asking_caps[members],
        giving_caps=of.giving_caps[members],
        total_caps=of.total_caps[members],
        small=np.array([size in SIZES[:SMALL] for size in sizes]),
    )


def _rows(name: str) -> list[Cells]:
    with artefact("data", "example", name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _several(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _organisation(row: Cells) -> Organisation:
    return Organisation(
        id=OrganisationId(row["id"]),
        name=row["name"],
        standing=Standing(row["standing"]),
        sectors=_several(row["sectors"]),
        size=row["size"],
        roles=_several(row["roles"]),
        description=row["description"],
        places=_several(row["places"]),
        attention_cap=int(row["attention_cap"]) if row["attention_cap"] else None,
        excludes=tuple(Exclusion(one.partition(" (")[0]) for one in _several(row["excludes"])),
    )


def _listing(row: Cells) -> Listing:
    return Listing(
        id=ListingId(row["id"]),
        organisation=OrganisationId(row["organisation"]),
        kind=Kind(row["kind"]),
        text=row["text"],
        resource=row["resource"],
        themes=_several(row["themes"]),
        places=_several(row["places"]),
        remote=row["remote"] == "yes",
        capacity=int(row["capacity"]) if row["capacity"] else None,
        evidence=row["evidence"],
        gain=row["gain"],
        opens=date.fromisoformat(row["opens"]) if row["opens"] else None,
        closes=date.fromisoformat(row["closes"]) if row["closes"] else None,
        visibility=Visibility(row["visibility"]),
    )

"""Markets small enough to work out by hand: *alba* asks, *borea* gives, *ciano* asks too."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from evaluation.simulation.policies import Week
from evaluation.simulation.weeks import Lived
from evaluation.simulation.worlds import World
from matcher.allocation import UNLIMITED, Market

ALBA, BOREA, CIANO = range(3)

Candidate = tuple[int, int, float]
"""A need, an offer, and how likely both sides say yes."""


@pytest.fixture(scope="session")
def tiny() -> Callable[..., World]:
    """`tiny([(need, offer, yes), …])`: alba asks for need 0, ciano for need 1, borea gives both offers."""

    def build(
        candidates: Sequence[Candidate],
        *,
        asks: Sequence[int] = (ALBA, CIANO),
        gives: Sequence[int] = (BOREA, BOREA),
        need_caps: Sequence[int] | None = None,
        offer_caps: Sequence[int] | None = None,
        asking_caps: Sequence[int] = (3, 3, 3),
        giving_caps: Sequence[int] = (5, 5, 5),
        total_caps: Sequence[int] = (5, 5, 5),
        small: Sequence[bool] = (True, False, False),
    ) -> World:
        return World(
            name="tiny",
            need=np.array([need for need, _, _ in candidates], np.int64),
            offer=np.array([offer for _, offer, _ in candidates], np.int64),
            fit=np.array([yes for _, _, yes in candidates]),
            asking=np.ones(len(candidates)),
            giving=np.ones(len(candidates)),
            asks=np.array(asks, np.int64),
            gives=np.array(gives, np.int64),
            need_caps=np.array(need_caps or [UNLIMITED] * len(asks), np.int64),
            offer_caps=np.array(offer_caps or [UNLIMITED] * len(gives), np.int64),
            asking_caps=np.array(asking_caps, np.int64),
            giving_caps=np.array(giving_caps, np.int64),
            total_caps=np.array(total_caps, np.int64),
            small=np.array(small, bool),
        )

    return build


@pytest.fixture(scope="session")
def seen() -> Callable[[World], Week]:
    """The world's first week, where fit alone is what either side likes, and nobody is put first or burdened."""

    def build(world: World) -> Week:
        market = Market(
            need=world.need,
            offer=world.offer,
            value=world.fit * world.asking * world.giving,
            asks=world.asks,
            gives=world.gives,
            need_caps=world.need_caps,
            offer_caps=world.offer_caps,
            asking_caps=world.asking_caps,
            giving_caps=world.giving_caps,
            total_caps=world.total_caps,
            worth=np.ones(len(world.small)),
            burden=np.zeros(len(world.small)),
        )
        return Week(market, world.fit * world.asking, world.fit * world.giving)

    return build


@pytest.fixture(scope="session")
def lived() -> Callable[..., Lived]:
    """`lived(world, [rows], asking=[places], giving=[places])`: a week in which these candidates were suggested."""

    def build(
        world: World,
        rows: Sequence[int],
        *,
        asking: Sequence[int],
        giving: Sequence[int],
        introduced: Sequence[bool] = (),
    ) -> Lived:
        return Lived(
            open=np.arange(len(world.need)),
            yes=world.fit,
            rows=np.array(rows, np.int64),
            asking_place=np.array(asking, np.int64),
            giving_place=np.array(giving, np.int64),
            introduced=np.array(introduced or [False] * len(rows), bool),
            need_caps=world.need_caps,
            offer_caps=world.offer_caps,
            seconds=0.5,
        )

    return build

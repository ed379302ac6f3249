from collections.abc import Callable
from math import exp
from typing import Any

import numpy as np
import pytest

from matcher.encoding import FloatArray
from matcher.features import NAMES, REMOTE, UNKNOWN, features
from matcher.network import Network
from matcher.retrieval import retrieve
from matcher.vocabulary import Term, Vocabulary

Builder = Callable[..., Any]
THEMES = Vocabulary(themes={key: Term(key, key.capitalize(), "", (key,)) for key in ("housing", "isolation")})


def columns(network: Network, asks: str) -> dict[str, dict[str, float]]:
    """For each listing opposite, its features by name."""
    entry = network.entry(asks)
    side = network.side_opposite(entry.listing.kind)
    found = retrieve(entry, side, np.ones(len(side), bool), lexical_weight=0.5)
    table: FloatArray = features(entry, side, found)
    assert (table.dtype, table.shape) == (np.float32, (len(found.rows), len(NAMES)))
    ids = [side.entries[row].listing.id for row in found.rows]
    return {key: dict(zip(NAMES, row.tolist(), strict=True)) for key, row in zip(ids, table, strict=True)}


def test_closeness_is_one_at_the_same_place_and_fades(network: Builder, need: Builder, offer: Builder) -> None:
    met = network(
        [
            need("n", places=("Kent",)),
            offer("same", places=("Kent",)),
            offer("beside", places=("Medway",)),
            offer("unknown"),
            offer("remote", places=("Cornwall",), remote=True),
            offer("remote-here", places=("Kent",), remote=True),
            offer("apart", places=("Cornwall",)),
        ]
    )
    found = {key: row["closeness"] for key, row in columns(met, "n").items()}
    kilometres = met.offers.places(met.entry("n").places)[1][met.offers.rows["beside"]]
    assert 10 < kilometres < 40
    assert found == {
        "same": 1.0,
        "beside": pytest.approx(exp(-kilometres / 40)),
        "unknown": pytest.approx(UNKNOWN),
        "remote": pytest.approx(REMOTE),
        "remote-here": 1.0,
        "apart": pytest.approx(0, abs=1e-3),
    }


def test_themes_and_resources_speak_for_or_against_or_neither_where_nobody_said(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    met = network(
        [
            need("n", "a van for housing", resource="equipment", themes=("housing",)),
            offer("both", "housing", resource="equipment"),
            offer("neither", "isolation", resource="space", themes=("isolation",)),
            offer("read", "isolation", resource="space"),
            offer("silent", "choir"),
            offer("named", "choir", themes=("housing", "isolation")),
        ],
        [organisation("ciano", description="Lends vans to anybody.")],
        vocabulary=THEMES,
    )
    found = columns(met, "n")
    assert {key: (row["theme"], row["resource"], row["profile"]) for key, row in found.items()} == {
        "both": (1, 1, 0),
        "neither": (0, 0, 0),
        "read": pytest.approx((UNKNOWN, 0, 0)),  # its themes are only read out of its text: they may not be all
        "silent": pytest.approx((UNKNOWN, UNKNOWN, 0)),
        "named": pytest.approx((1, UNKNOWN, 0)),
        "profile:ciano": pytest.approx((UNKNOWN, UNKNOWN, 1)),
    }
    assert columns(met, "profile:ciano")["n"]["profile"] == 1
    assert columns(met, "both")["n"] == pytest.approx(found["both"], abs=1e-6)


def test_the_same_text_is_as_similar_as_can_be(network: Builder, need: Builder, offer: Builder) -> None:
    found = columns(network([need("n", "van room"), offer("o", "van room"), offer("p", "choir")]), "n")
    assert (found["o"]["similarity"], found["o"]["shared"]) == (pytest.approx(1), pytest.approx(1))
    assert (found["p"]["similarity"], found["p"]["shared"]) == (pytest.approx(0, abs=0.4), 0)


def test_every_feature_stays_between_nought_and_one(network: Builder, need: Builder, offer: Builder) -> None:
    words = ["van", "room", "housing", "isolation", "desk", "choir"]
    places = ["Kent", "Cornwall", "online", "UK", "Scotland", "Medway"]
    met = network(
        [need(f"n{n}", " ".join(words[: n + 1]), places=(places[n],)) for n in range(6)]
        + [offer(f"o{n}", " ".join(words[n:]), places=(places[-n],), remote=n == 3) for n in range(6)],
        vocabulary=THEMES,
    )
    rows = [row for n in range(6) for asks in (f"n{n}", f"o{n}") for row in columns(met, asks).values()]
    assert len(rows) == 72
    assert [row for row in rows if not all(0 <= value <= 1 for value in row.values())] == []


def test_sixty_four_themes_do_not_overflow(network: Builder, need: Builder, offer: Builder) -> None:
    many = Vocabulary(themes={f"t{n}": Term(f"t{n}", "", "", (f"word{n}",)) for n in range(70)})
    met = network(
        [
            need("n", "word62 van", themes=("t62",)),
            offer("o", "word62", themes=("t62",)),
            offer("p", "word61", themes=("t61",)),
        ],
        vocabulary=many,
    )
    assert {key: row["theme"] for key, row in columns(met, "n").items()} == {"o": 1, "p": 0}

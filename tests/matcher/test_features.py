from collections.abc import Callable
from math import exp
from typing import Any

import numpy as np
import pytest

from matcher.encoding import FloatArray
from matcher.features import BEST, FADES_KM, NAMES, PROMINENT, REMOTE, UNSAID_PLACE, UNSAID_RESOURCE, features
from matcher.network import Network
from matcher.retrieval import Found, retrieve
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
            offer("inside", places=("Medway",)),
            offer("beside", places=("Eastbourne",)),
            offer("unknown"),
            offer("remote", places=("Cornwall",), remote=True),
            offer("remote-here", places=("Kent",), remote=True),
            offer("apart", places=("Cornwall",)),
        ]
    )
    found = {key: row["closeness"] for key, row in columns(met, "n").items()}
    rows = np.array([met.offers.rows[key] for key in ("beside", "apart")])
    beside, apart = met.offers.gaps(met.entry("n").places, rows).tolist()
    assert 0 < beside < 30 < apart
    assert found == {
        "same": 1.0,
        "inside": 1.0,
        "beside": pytest.approx(exp(-beside / FADES_KM)),
        "unknown": pytest.approx(UNSAID_PLACE),
        "remote": pytest.approx(REMOTE),
        "remote-here": 1.0,
        "apart": pytest.approx(exp(-apart / FADES_KM)),
    }


def test_themes_and_resources_agree_or_do_not_and_a_resource_unsaid_is_between(
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
        "read": (0, 0, 0),
        "silent": pytest.approx((0, UNSAID_RESOURCE, 0)),
        "named": pytest.approx((1, UNSAID_RESOURCE, 0)),
        "profile:ciano": pytest.approx((0, UNSAID_RESOURCE, 1)),
    }
    assert columns(met, "profile:ciano")["n"]["profile"] == 1
    back = columns(met, "both")["n"]
    assert [back[name] for name in NAMES[2:]] == [found["both"][name] for name in NAMES[2:]]


def test_two_guesses_from_two_texts_are_no_theme(network: Builder, need: Builder, offer: Builder) -> None:
    guessed, said = offer("guessed", "housing"), offer("said", "choir", themes=("housing",))
    met = network([need("n", "a van for housing"), need("m", "choir", themes=("housing",)), guessed, said], (), THEMES)
    assert {key: row["theme"] for key, row in columns(met, "n").items()} == {"guessed": 0, "said": 1}
    assert {key: row["theme"] for key, row in columns(met, "m").items()} == {"guessed": 1, "said": 1}
    assert {key: row["theme"] for key, row in columns(met, "guessed").items()} == {"n": 0, "m": 1}


@pytest.mark.parametrize(
    ("similarity", "nearest"),
    [([0.2, 0.9, 0.1, 0.6, 0.3], 0.6), ([0.4, 0.8], 0.6), ([0.7], 0.7), ([-0.4, -0.2], 0.0), ([1.0001] * 3, 1.0)],
)
def test_prominence_is_the_fused_score_and_nearness_what_the_best_three_have_alike(
    similarity: list[float], nearest: float, network: Builder, need: Builder, offer: Builder
) -> None:
    met = network([need("n"), *(offer(f"o{n}") for n in range(5))])
    score = [2 * PROMINENT, PROMINENT, PROMINENT / 4, 0.0, -PROMINENT][: len(similarity)]
    found = Found(np.arange(len(score)), np.array(score, np.float32), np.array(similarity, np.float32))
    table = features(met.entry("n"), met.offers, found)
    assert BEST == 3
    assert table[:, NAMES.index("prominence")].tolist() == [1, 1, 0.25, 0, 0][: len(score)]
    assert table[:, NAMES.index("nearness")] == pytest.approx([nearest] * len(score))


def test_where_nothing_is_found_there_are_no_rows(network: Builder, need: Builder, offer: Builder) -> None:
    met = network([need("n"), offer("o")])
    nothing = Found(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32))
    assert features(met.entry("n"), met.offers, nothing).shape == (0, len(NAMES))


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

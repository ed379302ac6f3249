from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from matcher.encoding import CachedEncoder, Encoded, MemoryCache
from matcher.network import Network
from matcher.passages import Passage
from matcher.records import Standing, Visibility
from matcher.testing import HashEncoder

Builder = Callable[..., Any]


def test_who_has_listed_nothing_is_there_as_a_profile(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    organisations = [
        organisation("alba", description="We listed a need."),
        organisation("ciano", description="We listed nothing."),
        organisation("dario", description="  "),
    ]
    met = network([need("n"), offer("o")], organisations)
    assert [entry.listing.id for entry in met.needs.entries] == ["n"]
    assert [entry.listing.id for entry in met.offers.entries] == ["o", "profile:ciano"]


def test_a_change_leaves_the_old_network_and_what_did_not_change_is_not_encoded(
    network: Builder, need: Builder, offer: Builder
) -> None:
    asked: list[str] = []

    class Recorder(HashEncoder):
        def encode(self, passages: Sequence[Passage]) -> list[Encoded]:
            asked.extend(passage.text for passage in passages)
            return super().encode(passages)

    before: Network = network([need("n", "a van"), offer("o", "a room")])
    before.encoder = CachedEncoder(Recorder(), MemoryCache())
    after = before.updated({}, {"o": offer("o", "a hall")}, 7)
    assert asked == ["a hall"]
    assert (before.entry("o").listing.text, after.entry("o").listing.text) == ("a room", "a hall")
    assert after.entry("n") is before.entry("n")
    assert (before.revision, after.revision) == (0, 7)


def test_a_change_of_an_organisation_reaches_its_listings(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    before = network([need("n"), offer("o")])
    borea = organisation("borea", standing=Standing.LISTED, places=("Kent",))
    after = before.updated({"borea": borea}, {}, 1)
    assert (before.offers.members_may_see.tolist(), after.offers.members_may_see.tolist()) == ([True], [False])
    assert [place.name for place in after.entry("o").places] == ["Kent"]


def test_an_organisation_that_lists_something_is_no_profile_any_more(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    before = network([need("n")], [organisation("borea", description="Vans.")])
    after = before.updated({}, {"o": offer("o")}, 1)
    assert [entry.listing.id for entry in before.offers.entries] == ["profile:borea"]
    assert [entry.listing.id for entry in after.offers.entries] == ["o"]


def test_rows_are_in_the_order_of_ids(network: Builder, offer: Builder) -> None:
    side = network([offer(key) for key in ("c", "a", "b")]).offers
    assert ([entry.listing.id for entry in side.entries], side.rows) == (["a", "b", "c"], {"a": 0, "b": 1, "c": 2})


def test_two_texts_that_differ_by_a_line_break_keep_their_own_clauses(network: Builder, need: Builder) -> None:
    met: Network = network(
        [
            need("a", "We need three vans every week\nPeople can come on Mondays"),
            need("b", "We need three vans every week People can come on Mondays"),
        ]
    )
    entries = [met.entry("a"), met.entry("b")]
    assert [len(entry.clauses) for entry in entries] == [2, 1]
    assert [len(vectors) for vectors in met.clause_vectors(entries)] == [2, 1]


@pytest.mark.parametrize("text", ["", "a van", "A van for our oldest people, daily. " * 60])
def test_a_draft_is_prepared_as_a_stored_listing_is(text: str, network: Builder, need: Builder) -> None:
    met: Network = network([need("n", text, places=("Kent",))])
    stored, draft = met.entry("n"), met.draft(need("n", text, places=("Kent",)))
    assert (draft.passages, draft.terms, draft.places) == (stored.passages, stored.terms, stored.places)
    assert np.array_equal(draft.vectors, stored.vectors)
    of_stored, of_draft = met.clause_vectors([stored, draft])
    assert np.array_equal(of_stored, of_draft)


def test_members_may_see_what_members_show(network: Builder, offer: Builder, organisation: Builder) -> None:
    side = network(
        [
            offer("a"),
            offer("b", visibility=Visibility.COORDINATORS),
            offer("c", visibility=Visibility.PARTNERS),
            offer("d", organisation="dario"),
        ],
        [organisation("dario", standing=Standing.INVITED)],
    ).offers
    assert side.members_may_see.tolist() == [True, False, True, False]


def test_unknown_places_are_left_out_and_a_listing_without_known_ones_is_where_its_organisation_is(
    network: Builder, offer: Builder, organisation: Builder
) -> None:
    met = network(
        [offer("a", places=("Kent", "Narnia")), offer("b", places=("Narnia",)), offer("c")],
        [organisation("borea", places=("Cornwall",))],
    )
    assert [[place.name for place in entry.places] for entry in met.offers.entries] == [
        ["Kent"],
        ["Cornwall"],
        ["Cornwall"],
    ]


def test_the_network_keeps_its_own_copy_of_what_it_was_given(
    network: Builder, need: Builder, organisation: Builder
) -> None:
    met: Network = network([need("n")])
    with pytest.raises(KeyError):
        met.entry("gone")
    assert replace(met.listings["n"]) == need("n")

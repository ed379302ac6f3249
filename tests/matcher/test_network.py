import gc
import pickle
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
    assert after.entry("n").passages is before.entry("n").passages
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


def test_vectors_are_held_once_by_the_index_and_entries_look_at_them(network: Builder, need: Builder) -> None:
    met: Network = network([need("a", "a van"), need("b", "A word about nothing at all that goes on. " * 40)])
    passages = [len(entry.passages) for entry in met.needs.entries]
    assert passages == [1, 2]
    held = met.needs.index.span(0, 3)
    assert [np.shares_memory(entry.vectors, held) for entry in met.needs.entries] == [True, True]
    assert np.array_equal(np.concatenate([entry.vectors for entry in met.needs.entries]), held)
    assert met.entry("b") is met.needs.entries[1]


def test_entries_that_stayed_are_unharmed_when_the_network_before_is_gone(network: Builder, need: Builder) -> None:
    met: Network = network([need("a", "a van"), need("b", "a room")])
    entry, vector = met.entry("a"), met.entry("a").vector.copy()
    met = met.updated({}, {"c": need("c", "a desk")}, 1)
    gc.collect()
    assert np.array_equal(entry.vector, vector)
    assert np.array_equal(met.entry("a").vector, vector)
    assert np.shares_memory(met.entry("a").vectors, met.needs.index.span(0, 3))


def test_to_ask_with_an_entry_takes_its_vector_not_its_passages(network: Builder, need: Builder) -> None:
    met: Network = network([need("a", "A word about nothing at all that goes on. " * 40)])
    entry = met.entry("a")
    asking = entry.asking()
    assert (asking.passages, asking.terms, asking.places, asking.listing) == (
        (), entry.terms, entry.places, entry.listing
    )  # fmt: skip
    assert np.array_equal(asking.vector, entry.vector)


def test_a_side_sent_to_another_process_has_its_columns_and_not_its_texts(network: Builder, offer: Builder) -> None:
    side = network([offer("a", "Unmistakable words", places=("Kent",)), offer("b", organisation="ciano")]).offers
    sent = pickle.dumps(side.columns())
    assert b"Unmistakable words" not in sent
    bare = pickle.loads(sent)
    assert (len(bare), bare.rows, bare.of("ciano").tolist()) == (2, {"a": 0, "b": 1}, [1])
    kent = side.entries[0].places
    assert bare.meets(kent).tolist() == side.meets(kent).tolist()

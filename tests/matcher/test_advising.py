"""What would help a member that a week has nothing for: each sentence where it is true, and nowhere else."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from matcher.advising import TOLD, advise
from matcher.eligibility import past
from matcher.network import Network
from matcher.ranking import Ranker
from matcher.records import History, Kind, Listing

Builder = Callable[..., Any]
ON = date(2026, 6, 1)
VAN = "a van with a lift and a driver on Monday mornings for the twelve people of our lunch club"
LONG = "twelve people of our singing group are looking for a warm and quiet room once a week"
SHORT = "a van with a lift on Mondays"
WANTING = "You asked for no suggestions about your offers: a higher number would let some through."
UNLISTED = "Nothing is listed for you yet: say in a sentence or two what you need, or what you could give."
CLOSED = "Nothing that you listed is open now: give it a new closing date, or list something new."
WIDER = (
    "There is something further away for “a van with a lift and a driver on Monday mornings for the …”: a wider area "
)
WIDER += "would help."


@pytest.fixture
def advised(network: Builder, ranker: Ranker) -> Builder:
    """`advised(*listings)` is what alba is told."""

    def told(
        *listings: Listing, organisations: tuple[Any, ...] = (), looks: bool = True, **happened: Any
    ) -> tuple[str, ...]:
        made: Network = network(listings, organisations)
        return advise(made, "alba", ranker=ranker, on=ON, before=past(History(**happened), made, ON), looks=looks)

    return told


def test_whoever_listed_nothing_is_asked_to_list_something(advised: Builder, offer: Builder, organisation: Any) -> None:
    alba = organisation("alba", description="We cook for people who live alone.")
    assert advised(offer("o1", VAN), organisations=(alba,)) == (UNLISTED,)


def test_what_is_not_open_is_told_and_nothing_else(advised: Builder, need: Builder, offer: Builder) -> None:
    closed = need("n1", SHORT, closes=ON - timedelta(days=1))
    later = offer("o1", SHORT, "alba", opens=ON + timedelta(days=1))
    assert advised(closed, later) == (CLOSED,)
    assert advised(closed, later, need("n2", LONG)) == ()


def test_what_fits_beyond_the_places_is_told_without_saying_whose_it_is(
    advised: Builder, need: Builder, offer: Builder
) -> None:
    in_leeds, in_truro = need("n1", VAN, places=("Leeds",)), offer("o1", VAN, places=("Truro",))
    other = offer("o2", LONG, "ciano", places=("Leeds",))
    assert advised(in_leeds, in_truro, other) == (WIDER,)
    far_need = need("n2", VAN, "ciano", places=("Truro",))
    assert advised(offer("o3", VAN, "alba", places=("Leeds",)), far_need, need("n3", LONG, "ciano")) == (WIDER,)


@pytest.mark.parametrize(
    "there",
    [{"places": ("Leeds",)}, {"remote": True, "places": ("Truro",)}, {"closes": ON - timedelta(days=1)}],
    ids=["near", "anywhere", "closed"],
)
def test_a_wider_area_is_no_help_where_what_fits_is_near_or_not_to_be_had(
    advised: Builder, need: Builder, offer: Builder, there: dict[str, Any]
) -> None:
    offered = offer("o1", VAN, **{"places": ("Truro",), **there})
    other = offer("o2", LONG, "ciano", places=("Leeds",))
    assert advised(need("n1", VAN, places=("Leeds",)), offered, other) == ()


def test_a_wider_area_is_no_help_to_what_can_be_done_from_anywhere(
    advised: Builder, need: Builder, offer: Builder
) -> None:
    anywhere = need("n1", VAN, places=("Leeds",), remote=True)
    assert advised(anywhere, offer("o1", VAN, places=("Truro",)), offer("o2", LONG, "ciano")) == ()


def test_a_short_text_is_told_to_be_short(advised: Builder, need: Builder) -> None:
    assert advised(need("n1", SHORT)) == (f"“{SHORT}” is short: say how many, where, and by when.",)
    eleven, twelve = "one two three four five six seven eight nine ten eleven", "1 2 3 4 5 6 7 8 9 10 11 12"
    assert advised(need("n1", eleven)) == (f"“{eleven}” is short: say how many, where, and by when.",)
    assert advised(need("n1", twelve)) == ()


@pytest.mark.parametrize(
    ("capacity", "is_full"), [(None, False), (0, True), (1, True), (2, False)], ids=["unsaid", "none", "one", "two"]
)
def test_what_has_all_the_partners_it_can_take_is_told(
    advised: Builder, need: Builder, capacity: int | None, is_full: bool
) -> None:
    full = f"“{LONG[:57]} …” has as many partners as it can take: raise its capacity, or list something new."
    assert advised(need("n1", LONG, capacity=capacity), taken={"n1": 1}) == ((full,) if is_full else ())


def test_the_most_helpful_comes_first_and_there_is_an_end_to_it(
    advised: Builder, need: Builder, offer: Builder
) -> None:
    many = [need(f"n{number}", f"{SHORT} {number}", capacity=0) for number in range(9)]
    found = advised(need("a", VAN, places=("Leeds",)), offer("o1", VAN, places=("Truro",)), *many)
    assert len(found) == TOLD
    assert found[0] == WIDER
    assert all(one.endswith("is short: say how many, where, and by when.") for one in found[1:])


def test_without_looking_what_is_further_away_is_left_out_and_the_rest_stays(
    advised: Builder, need: Builder, offer: Builder
) -> None:
    far = need("n1", VAN, places=("Leeds",)), offer("o1", VAN, places=("Truro",))
    listings = *far, need("n2", "Bees", places=("Leeds",), capacity=0)
    stays = (
        "“Bees” is short: say how many, where, and by when.",
        "“Bees” has as many partners as it can take: raise its capacity, or list something new.",
    )
    assert advised(*listings) == (WIDER, *stays)
    assert advised(*listings, looks=False) == stays


def test_where_nothing_is_known_to_help_nothing_is_said(advised: Builder, need: Builder, offer: Builder) -> None:
    assert advised(need("n1", LONG)) == ()
    assert advised(need("n1", LONG), offer("o1", LONG, "alba"), looks=False) == ()


@pytest.mark.parametrize(("cap", "told"), [(0, (WANTING,)), (1, ()), (None, ())])
def test_who_asked_for_no_suggestions_about_its_offers_is_told_first(
    advised: Builder, need: Builder, offer: Builder, organisation: Builder, cap: int | None, told: tuple[str, ...]
) -> None:
    alba = organisation("alba", attention_cap=cap)
    assert advised(offer("o1", LONG, "alba"), organisations=(alba,)) == told
    short = f"“{SHORT}” is short: say how many, where, and by when."
    assert advised(need("n1", SHORT), offer("o1", LONG, "alba"), organisations=(alba,)) == (*told, short)


def test_who_offers_nothing_is_not_told_to_want_more_suggestions_about_it(
    advised: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    capped = organisation("alba", attention_cap=0)
    assert advised(need("n1", LONG), organisations=(capped,)) == ()
    others = organisation("borea", attention_cap=0)
    assert advised(need("n1", LONG), offer("o1", LONG), organisations=(others,)) == ()


def test_whoever_is_paused_is_told_nothing(advised: Builder, need: Builder) -> None:
    assert advised(need("n1", SHORT), paused=frozenset(["alba"])) == ()
    assert advised(need("n1", SHORT), paused=frozenset(["borea"])) != ()


def test_of_a_contact_detail_at_the_end_of_a_quotation_not_even_half_is_told(advised: Builder, need: Builder) -> None:
    (found,) = advised(need("n1", "Forty chairs and twelve trestle tables, do telephone 0113 496 0000"))
    assert found == (
        "“Forty chairs and twelve trestle tables, do telephone …” is short: say how many, where, and by when."
    )


def test_others_listings_are_not_told_of(advised: Builder, need: Builder) -> None:
    assert advised(need("n1", LONG), need("n2", SHORT, "borea", capacity=0)) == ()


def test_an_offer_is_advised_on_as_a_need_is(advised: Builder, offer: Builder) -> None:
    assert advised(offer("o1", SHORT, "alba")) == (f"“{SHORT}” is short: say how many, where, and by when.",)
    assert offer("o1").kind is Kind.OFFER

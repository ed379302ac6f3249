"""Pairings for those who attend: whom they may meet, how many get one, and what whoever gets none is told."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.matching import suggest
from matcher.misses import ACQUAINTED, NOTHING_NEAR, WEAK
from matcher.network import Network
from matcher.proposing import NOT_LISTED, Proposal
from matcher.ranking import Ranker
from matcher.records import Exclusion, History, Kind, LeftOut, Listing, Standing
from matcher.rooms import pairings
from matcher.vocabulary import Size, Vocabulary

Builder = Callable[..., Any]
TODAY = date(2026, 6, 1)
VAN = "a van with a lift on Mondays"
CHOIR = "a choir for a carol evening"
SIZES = Vocabulary(sizes={"micro": Size("micro", "Micro", "", attention_cap=1), "large": Size("large", "Large", "")})


@pytest.fixture(scope="session")
def paired(ranker: Ranker) -> Builder:
    """Pairings of these attendees; everybody where nobody is named."""

    def build(network: Network, *attendees: str, history: History | None = None, **what: Any) -> Proposal:
        return pairings(
            network,
            ranker=ranker,
            on=TODAY,
            history=history or History(),
            attendees=attendees or tuple(network.organisations),
            **what,
        )

    return build


def ids(proposal: Proposal) -> list[tuple[str, str]]:
    return [one.pair for one in proposal.suggestions]


WORDS = ["van", "lift", "room", "choir", "seeds", "desk"]


@st.composite
def rooms(draw: st.DrawFn) -> list[Listing]:
    """Needs and offers of up to six organisations."""
    texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
    listings = draw(
        st.lists(st.tuples(st.sampled_from("no"), st.sampled_from("abcdef"), texts), min_size=4, max_size=14)
    )
    kinds = {"n": Kind.NEED, "o": Kind.OFFER}
    return [
        Listing(id=f"{kind}{n:02}", organisation=owner, kind=kinds[kind], text=text)
        for n, (kind, owner, text) in enumerate(listings)
    ]


# laws


@settings(max_examples=25)
@given(rooms(), st.sets(st.sampled_from("abcdef")), st.integers(0, 3), st.randoms(use_true_random=False))
def test_attendees_alone_are_paired_within_their_caps_and_in_whatever_order_they_are_given(
    network: Builder, paired: Builder, ranker: Ranker, listings: list[Listing], room: set[str], most: int, chance: Any
) -> None:
    shuffled, order = list(listings), sorted(room) or ["z"]
    chance.shuffle(shuffled)
    proposal = paired(network(listings), *order, meetings=most, slots={"a": 1})
    chance.shuffle(order)
    assert proposal == paired(network(shuffled), *order, meetings=most, slots={"a": 1})
    couples = [{one.need.organisation, one.offer.organisation} for one in proposal.suggestions]
    assert all(len(couple) == 2 and couple <= room for couple in couples)
    assert len({frozenset(couple) for couple in couples}) == len(couples)
    met = Counter(one for couple in couples for one in couple)
    assert all(count <= min(most, 1 if one == "a" else most) for one, count in met.items())
    assert set(proposal.left_out) == set(order) - set(met)
    assert all(told.helps for told in proposal.left_out.values())
    assert all(one.fit >= ranker.threshold for one in proposal.suggestions)
    assert proposal.value <= proposal.bound


@settings(max_examples=25)
@given(rooms(), st.sets(st.sampled_from("abcdef"), min_size=2), st.sampled_from("abcdef"))
def test_one_more_who_attends_never_leaves_more_without_a_pairing(
    network: Builder, paired: Builder, listings: list[Listing], room: set[str], late: str
) -> None:
    met = network(listings)

    def served(attendees: set[str]) -> int:
        proposal = paired(met, *attendees)
        return len(attendees) - len(proposal.left_out)

    assert served(room | {late}) >= served(room - {late})


# whom they may meet


def test_a_fit_is_what_it_is_in_the_whole_network_whoever_attends(
    network: Builder, need: Builder, offer: Builder, paired: Builder, ranker: Ranker
) -> None:
    others = [offer(f"x{n}", f"{CHOIR} {n}", organisation=f"other{n}") for n in range(30)]
    met = network([need("n", VAN), offer("o", VAN), *others])
    (found,) = paired(met, "alba", "borea").suggestions
    (suggested, *_) = suggest(met, met.listings["n"], ranker=ranker, on=TODAY)
    assert (found.pair, found.fit, found.reasons) == (
        ("n", "o"),
        pytest.approx(suggested.fit, abs=1e-6),
        suggested.reasons,
    )
    assert (found.propensity, found.pinned) == (1.0, False)
    alone = paired(network([need("n", VAN), offer("o", VAN)]), "alba", "borea")
    assert [one.fit for one in alone.suggestions] != [found.fit]


def test_whoever_does_not_attend_is_not_paired_however_well_it_fits(
    network: Builder, need: Builder, offer: Builder, paired: Builder
) -> None:
    met = network(
        [need("n", VAN), offer("o", VAN), offer("p", f"{VAN} and a driver", organisation="ciano")]
        + [offer(f"x{n}", f"{CHOIR} {n}", organisation=f"other{n}") for n in range(20)]
    )
    assert ids(paired(met, "alba", "ciano")) == [("n", "p")]


@pytest.fixture
def two(network: Builder, need: Builder, offer: Builder) -> Network:
    """Alba needs what borea offers, among twenty others."""
    others = [offer(f"x{n:02}", f"{CHOIR} {n}", organisation=f"other{n:02}") for n in range(20)]
    met: Network = network([need("n", VAN), offer("o", VAN), *others])
    return met


def test_what_a_digest_suggested_lately_may_meet_at_a_session(two: Network, paired: Builder) -> None:
    lately = History(suggested={("n", "o"): TODAY - timedelta(days=3)})
    assert ids(paired(two, "alba", "borea", history=lately)) == [("n", "o")]


@pytest.mark.parametrize(
    ("happened", "why"),
    [
        ({"forbidden": frozenset({("n", "o")})}, "A coordinator ruled this pair out."),
        ({"blocked": frozenset({frozenset({"alba", "borea"})})}, "These two organisations are not to be introduced."),
        ({"taken": {"o": 1}}, "One of the two has no capacity left."),
        ({"resting": frozenset({"o"})}, "Nobody has said for a long time that one of the two is still true."),
    ],
    ids=["forbidden", "blocked", "full", "resting"],
)
def test_the_hard_rules_hold_and_what_stood_in_the_way_is_told(
    two: Network, paired: Builder, happened: dict[str, Any], why: str
) -> None:
    listing = replace(two.listings["o"], capacity=1)
    met = two.updated({}, {"o": listing}, 1)
    proposal = paired(met, "alba", "borea", history=History(**happened))
    closest = f"Closest: the offer of Borea, “{VAN}”, for its need “{VAN}”. {why}"
    assert ids(proposal) == []
    assert proposal.left_out["alba"] == LeftOut(False, (closest,))


def test_who_knows_each_other_is_not_paired_again_unless_it_is_pinned(two: Network, paired: Builder) -> None:
    known = {frozenset({"alba", "borea"})}
    proposal = paired(two, "alba", "borea", acquainted=known)
    assert ids(proposal) == []
    assert proposal.left_out["borea"].helps == (
        f"Closest: the need of Alba, “{VAN}”, for its offer “{VAN}”. {ACQUAINTED}",
    )
    (pinned,) = paired(two, "alba", "borea", acquainted=known, pinned=[("n", "o")]).suggestions
    assert (pinned.pair, pinned.pinned) == (("n", "o"), True)


def test_a_pin_stands_however_little_it_fits_and_says_why_where_it_cannot(two: Network, paired: Builder) -> None:
    pins = [("n", "x00"), ("n", "o"), ("n", "x01"), ("gone", "o")]
    proposal = paired(two, "alba", "borea", "other00", pinned=pins, slots={"alba": 1})
    assert [(one.pair, one.pinned) for one in proposal.suggestions] == [(("n", "x00"), True)]
    assert proposal.unmet == {
        ("n", "o"): "Alba has no slot left. Limits go before pins.",
        ("n", "x01"): "Other01 does not attend.",
        ("gone", "o"): NOT_LISTED,
    }


# how many


def test_everybody_gets_one_before_anybody_gets_a_second_and_small_ones_first(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, paired: Builder
) -> None:
    others = [offer(f"x{n:02}", f"{CHOIR} {n}", organisation=f"other{n:02}") for n in range(20)]
    listings = [need("n", VAN), need("m", f"{VAN} please", organisation="dario"), offer("o", VAN), *others]
    people = [
        organisation("alba", size="large"),
        organisation("dario", size="micro"),
        organisation("borea", size="large"),
    ]
    met = network(listings, people, SIZES)
    both = paired(met, "alba", "dario", "borea")
    assert sorted(ids(both)) == [("m", "o"), ("n", "o")]
    one = paired(met, "alba", "dario", "borea", slots={"borea": 1})
    assert ids(one) == [("m", "o")]
    assert one.left_out == {
        "alba": LeftOut(True, (f"Closest: the offer of Borea, “{VAN}”, for its need “{VAN}”. Borea has no slot left.",))
    }


def test_who_wants_few_meetings_about_what_it_offers_gets_few(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, paired: Builder
) -> None:
    others = [offer(f"x{n:02}", f"{CHOIR} {n}", organisation=f"other{n:02}") for n in range(20)]
    listings = [need(f"n{n}", f"{VAN} {n}", organisation=f"asks{n}") for n in range(4)] + [offer("o", VAN), *others]
    met = network(listings, [organisation("borea", attention_cap=2)])
    proposal = paired(met, "borea", *(f"asks{n}" for n in range(4)))
    assert len(proposal.suggestions) == 2
    assert {told.helps[0].split(". ")[-1] for told in proposal.left_out.values()} == {
        "Borea wants no more meetings about what it offers."
    }


# who is left out


def test_nobody_is_left_in_silence(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, paired: Builder
) -> None:
    listings = [
        offer("o", VAN),
        need("c", VAN, organisation="closed", closes=TODAY - timedelta(days=1)),
        *(offer(f"x{n:02}", f"{CHOIR} {n}", organisation=f"other{n:02}") for n in range(20)),
    ]
    people = [
        organisation("bare"),
        organisation("guest", standing=Standing.INVITED),
        organisation("quiet"),
        organisation("late"),
    ]
    room = ("bare", "closed", "guest", "quiet", "late", "unknown")
    history = History(paused=frozenset({"quiet"}))
    left = paired(network(listings, people), *room, "borea", history=history, slots={"late": 0}).left_out
    closed = f"Closest: the offer of Borea, “{VAN}”, for its need “{VAN}”. One of the two is not open on that day."
    assert {one: told.helps for one, told in left.items() if one != "borea"} == {
        "bare": ("Nothing is listed for Bare, nor is it described: ask what it needs, or what it could give.",),
        "closed": ("Nothing that Closed listed is open on that day.", closed),
        "guest": ("Guest is no member: only members are paired.",),
        "quiet": ("Quiet wants no suggestions for now: once its pause ends, it can be paired.",),
        "late": ("Late is not there for a single slot.",),
        "unknown": ("unknown is not in the network any more.",),
    }
    assert not any(told.fitted for told in left.values())


def test_where_nothing_comes_near_that_is_told_and_that_only_a_description_was_read(
    two: Network, organisation: Builder, paired: Builder
) -> None:
    met = two.updated({"described": organisation("described", description="We sing.")}, {}, 1)
    assert paired(met, "alba").left_out == {"alba": LeftOut(False, (NOTHING_NEAR,))}
    told = "Described has listed nothing: only its description was read.", NOTHING_NEAR
    assert paired(met, "described").left_out == {"described": LeftOut(False, told)}


def test_a_miss_says_how_far_and_never_who_excludes_whom(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, paired: Builder
) -> None:
    others = [offer(f"x{n:02}", f"{CHOIR} {n}", organisation=f"other{n:02}") for n in range(20)]
    listings = [
        need("n", VAN, places=("Leeds",)),
        offer("o", f"{VAN} too", places=("Truro",)),
        offer("p", VAN, organisation="ciano"),
        offer("q", "forty lamps and desks on Mondays", organisation="dario"),
        *others,
    ]
    apart = "Leeds and Truro are about 460 km apart, and neither works at a distance."
    sentence = "One of the two organisations does not want to meet the other, or its kind."
    for excludes in ({"alba": "ciano"}, {"ciano": "alba"}):
        people = [organisation(one, excludes=(Exclusion(what),)) for one, what in excludes.items()]
        proposal = paired(network(listings, people), "alba", "borea", "ciano", "dario")
        assert proposal.left_out["alba"].helps == (
            f"Closest: the offer of Borea, “{VAN} too”, for its need “{VAN}”. {apart}",
            f"Closest: the offer of Ciano, “{VAN}”, for its need “{VAN}”. {sentence}",
            f"Closest: the offer of Dario, “forty lamps and desks on Mondays”, for its need “{VAN}”. {WEAK}",
        )


def test_of_contact_details_in_a_miss_nothing_is_told(
    network: Builder, need: Builder, offer: Builder, paired: Builder
) -> None:
    others = [offer(f"x{n:02}", f"{CHOIR} {n}", organisation=f"other{n:02}") for n in range(20)]
    met = network([need("n", VAN, closes=TODAY - timedelta(days=1)), offer("o", f"{VAN}, ring 0113 496 0000"), *others])
    assert "0113" not in str(paired(met, "alba", "borea").left_out)

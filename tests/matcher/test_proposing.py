from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.candidates import Candidates, gather
from matcher.eligibility import past
from matcher.matching import suggest
from matcher.network import Network
from matcher.passing import BY_CHANCE
from matcher.proposing import NO_ROOM, NOT_LISTED, Limits, Proposal, propose
from matcher.ranking import Ranker
from matcher.records import Decline, History, Kind, LeftOut, Listing, PassedOver, Standing, Strength, Visibility
from matcher.vocabulary import Size, Vocabulary

Builder = Callable[..., Any]
Pair = tuple[str, str]
TODAY = date(2026, 6, 1)


def ids(proposal: Proposal) -> list[Pair]:
    return [one.pair for one in proposal.suggestions]


def fitting(network: Network, fits: Mapping[Pair, float]) -> Candidates:
    """Candidates as though they had been gathered, with these fits."""
    rows = {(network.needs.rows[need], network.offers.rows[offer]): fit for (need, offer), fit in fits.items()}
    need, offer = np.array(sorted(rows), np.int64).reshape(-1, 2).T
    fit = np.array([rows[both] for both in sorted(rows)], np.float32)
    return Candidates(need, offer, fit, fit)


@pytest.fixture(scope="session")
def proposed(ranker: Ranker) -> Callable[..., Proposal]:
    """A round of a network; with `fits`, of these candidates."""

    def build(
        network: Network, fits: Mapping[Pair, float] | None = None, history: History | None = None, **what: Any
    ) -> Proposal:
        found = None if fits is None else fitting(network, fits)
        return propose(network, ranker=ranker, on=TODAY, history=history or History(), found=found, **what)

    return build


WORDS = ["van", "lift", "room", "choir", "seeds", "desk"]


@st.composite
def markets(draw: st.DrawFn) -> list[Listing]:
    """Needs and offers of up to four organisations."""
    texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
    listings = draw(st.lists(st.tuples(st.sampled_from("no"), st.sampled_from("abcd"), texts), min_size=4, max_size=12))
    kinds = {"n": Kind.NEED, "o": Kind.OFFER}
    return [
        Listing(id=f"{kind}{n:02}", organisation=owner, kind=kinds[kind], text=text)
        for n, (kind, owner, text) in enumerate(listings)
    ]


# what a round is


@settings(max_examples=25)
@given(markets(), st.randoms(use_true_random=False))
def test_the_order_in_which_the_network_is_given_changes_no_proposal(
    network: Builder, proposed: Builder, listings: list[Listing], chance: Any
) -> None:
    shuffled = list(listings)
    chance.shuffle(shuffled)
    assert proposed(network(listings)) == proposed(network(shuffled))


@settings(max_examples=25)
@given(markets(), st.integers(0, 3), st.integers(0, 4), st.none() | st.integers(0, 9))
def test_a_proposal_keeps_every_cap_and_leaves_out_only_who_has_nothing(
    network: Builder,
    proposed: Builder,
    ranker: Ranker,
    listings: list[Listing],
    needs: int,
    total: int,
    seed: int | None,
) -> None:
    met: Network = network(listings)
    pins = [(one.id, other.id) for one in listings[:3] for other in listings[-3:]]
    chance = None if seed is None else np.random.default_rng(seed)
    proposal = proposed(met, limits=Limits(needs, total), pinned=pins, chance=chance, spread=0.3)
    couples = [{one.need.organisation, one.offer.organisation} for one in proposal.suggestions]
    assert all(len(couple) == 2 for couple in couples)
    assert len({frozenset(couple) for couple in couples}) == len(couples)
    asked = Counter(one.need.organisation for one in proposal.suggestions)
    assert max(asked.values(), default=0) <= needs
    served = Counter(one for couple in couples for one in couple)
    assert max(served.values(), default=0) <= total
    assert set(proposal.left_out) == set(met.organisations) - set(served)
    assert [one.fit for one in proposal.suggestions] == sorted((one.fit for one in proposal.suggestions), reverse=True)
    assert all(one.fit >= ranker.threshold or one.pinned for one in proposal.suggestions)
    assert {one.pair for one in proposal.suggestions if one.pinned} == set(pins) - set(proposal.unmet)
    assert proposal.value <= proposal.bound


def test_the_same_input_gives_the_same_proposal(
    network: Builder, need: Builder, offer: Builder, proposed: Builder
) -> None:
    met = network([need(f"n{n}", organisation=f"a{n}") for n in range(4)] + [offer(f"o{n}") for n in range(3)])
    one, other = (proposed(met, pinned=[("n2", "o1")], chance=np.random.default_rng(5)) for _ in range(2))
    assert one == other
    assert len(one.suggestions) == 3


def test_nobody_and_nothing_is_proposed_for_an_empty_network(network: Builder, proposed: Builder) -> None:
    proposal = proposed(network([]), pinned=[("n", "o")], chance=np.random.default_rng(1))
    assert proposal == Proposal(unmet={("n", "o"): NOT_LISTED})
    assert proposal.shortfall == "0.00%"


def test_whatever_fits_nobody_is_left_out_with_nothing(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, proposed: Builder
) -> None:
    met = network([need("n"), offer("o")], [organisation("eva", standing=Standing.INVITED)])
    assert proposed(met, {}) == Proposal(left_out={"alba": LeftOut(False), "borea": LeftOut(False)})


def test_a_proposal_serves_both_sides_and_says_who_is_left_out(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, proposed: Builder
) -> None:
    met = network(
        [
            need("n", "van with lift", organisation="alba"),
            need("m", "van with lift and driver", organisation="dario"),
            offer("o", "van with lift"),
            offer("p", "choir", organisation="ciano"),
        ],
        [
            organisation("borea", attention_cap=1),
            organisation("eva", standing=Standing.INVITED, description="van lift"),
        ],
    )
    proposal = proposed(met)
    assert ids(proposal) == [("n", "o")]
    assert proposal.left_out == {"ciano": LeftOut(fitted=False), "dario": LeftOut(fitted=True)}


def test_a_suggestion_has_what_either_side_is_likely_to_say_and_a_propensity(
    network: Builder, need: Builder, offer: Builder, proposed: Builder
) -> None:
    met = network([need("n"), offer("o")])
    proposal = proposed(met, {("n", "o"): 0.9})
    (one,) = proposal.suggestions
    assert (one.pair, one.fit, one.strength) == (("n", "o"), pytest.approx(0.9), Strength.STRONG)
    assert (one.asking, one.giving) == (pytest.approx(0.4165), pytest.approx(0.2975))
    assert (one.propensity, one.pinned) == (1.0, False)
    assert one.reasons == suggest(met, one.need, ranker=_ranker(0.0), on=TODAY)[0].reasons
    assert proposal.value == pytest.approx(0.9 * 0.4165 * 0.2975 + 2 * 0.12)
    assert proposal.value <= proposal.bound <= proposal.value + 1e-5
    assert proposal.shortfall == "0.01%"  # what worths are rounded by: rounded up, for "0.00%" would say too much


def _ranker(threshold: float) -> Ranker:
    return Ranker("tests", 0.5, -4.0, (20.0, 6.0, 0.0, 0.0, 0.0, -1.0), (0.8, 0.6, threshold))


def test_the_best_fit_comes_first_then_offers_before_profiles_then_the_smaller_ids(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, proposed: Builder
) -> None:
    met = network(
        [need("n1"), need("n2", organisation="zoe"), offer("z"), offer("y", organisation="ciano")],
        [organisation("dario", description="We drive.")],
    )
    fits = {
        ("n1", "profile:dario"): 0.7,
        ("n1", "y"): 0.7,
        ("n1", "z"): 0.7,
        ("n2", "y"): 0.7,
        ("n2", "profile:dario"): 0.9,
    }
    assert ids(proposed(met, fits)) == [
        ("n2", "profile:dario"),
        ("n1", "y"),
        ("n1", "z"),
        ("n2", "y"),
        ("n1", "profile:dario"),
    ]


def test_a_pair_that_both_directions_found_has_the_better_fit_of_the_two(
    network: Builder, need: Builder, offer: Builder
) -> None:
    ranker = _ranker(0.0)
    long = "The garden behind the church is open to all who like to dig. " * 20 + "We need a van with a lift. "
    met = network([need("n", long), offer("o", "van with a lift"), offer("p", "garden to dig", organisation="ciano")])
    asked, given = (
        {one.pair: one.fit for key in keys for one in suggest(met, met.listings[key], ranker=ranker, on=TODAY)}
        for keys in (["n"], ["o", "p"])
    )
    assert asked["n", "o"] < given["n", "o"]
    proposal = propose(met, ranker=ranker, on=TODAY, history=History())
    assert {one.pair: one.fit for one in proposal.suggestions} == {
        pair: max(fit, given[pair]) for pair, fit in asked.items()
    }


def test_candidates_found_before_give_the_same_as_gathering_and_nobody_waits(
    network: Builder, need: Builder, offer: Builder, ranker: Ranker
) -> None:
    met = network([need("n", "van with lift"), offer("o", "van with lift"), offer("p", "choir", organisation="ciano")])
    told: list[tuple[str, int, int]] = []

    def tell(*what: Any) -> None:
        told.append(what)

    history = History(suggested={("n", "p"): TODAY})
    whole = propose(met, ranker=ranker, on=TODAY, history=history, pinned=[("n", "p")], progress=tell)
    assert [told[0], told[-1]] == [("looking for offers", 1, 1), ("looking for needs", 2, 2)]
    told.clear()
    found = gather(met, ranker=ranker, on=TODAY, before=past(history, met, TODAY))
    again = propose(met, ranker=ranker, on=TODAY, history=history, pinned=[("n", "p")], found=found, progress=tell)
    assert again == whole
    assert ids(whole) == [("n", "o")]
    assert told == []


def test_a_proposal_about_one_organisation_has_what_concerns_it(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, proposed: Builder
) -> None:
    met = network(
        [need("n"), need("m", organisation="dario"), offer("o"), offer("p", organisation="ciano")],
        [organisation("borea", attention_cap=1), organisation("zoe")],
    )
    fits = {("n", "o"): 0.95, ("m", "o"): 0.9, ("n", "p"): 0.5}
    of_borea, of_dario, of_both = ("gone", "o"), ("m", "gone"), ("n", "profile:zoe")
    pins = [("n", "o"), of_borea, of_dario, of_both, ("gone", "gone")]
    whole = proposed(met, fits, limits=Limits(needs=1), pinned=pins)
    assert (ids(whole), len(whole.passed_over)) == ([("n", "o")], 1)
    assert set(whole.left_out) == {"ciano", "dario", "zoe"}
    assert whole.unmet == dict.fromkeys(pins[1:], NOT_LISTED)
    about = {one: whole.about(one, met.owner) for one in met.organisations}
    nothing = replace(whole, suggestions=(), left_out={}, passed_over=(), unmet={})
    assert about == {
        "alba": replace(whole, left_out={}, passed_over=(), unmet={of_both: NOT_LISTED}),
        "borea": replace(whole, left_out={}, unmet={of_borea: NOT_LISTED}),
        "ciano": replace(nothing, left_out={"ciano": LeftOut(True)}),
        "dario": replace(whole, suggestions=(), left_out={"dario": LeftOut(True)}, unmet={of_dario: NOT_LISTED}),
        "zoe": replace(nothing, left_out={"zoe": LeftOut(False)}, unmet={of_both: NOT_LISTED}),
    }
    assert whole.about("gone", met.owner) == nothing


def test_a_pin_without_room_is_told_to_both_sides_and_to_nobody_else(vans: Network, proposed: Builder) -> None:
    whole = proposed(vans, pinned=[("n", "p"), ("m", "p")])
    assert list(whole.unmet) == [("m", "p")]
    about = {one: whole.about(one, vans.owner).unmet for one in vans.organisations}
    assert about == {"alba": {}, "borea": {}, "ciano": whole.unmet, "dario": whole.unmet}


# what a round respects


def test_only_members_and_what_members_may_see_are_proposed(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, proposed: Builder
) -> None:
    met = network(
        [
            need("n", "van"),
            need("hidden", "van", organisation="dario", visibility=Visibility.COORDINATORS),
            need("outside", "van", organisation="eva"),
            offer("o", "van"),
            offer("for-partners", "van", organisation="ciano", visibility=Visibility.PARTNERS),
            offer("unseen", "van", organisation="fritz", visibility=Visibility.COORDINATORS),
        ],
        [organisation("eva", standing=Standing.LISTED)],
    )
    proposal = proposed(met)
    assert ids(proposal) == [("n", "for-partners"), ("n", "o")]
    assert proposal.left_out == {"dario": LeftOut(False), "fritz": LeftOut(False)}


def test_what_is_closed_declined_forbidden_or_suggested_lately_is_not_proposed(
    network: Builder, need: Builder, offer: Builder, proposed: Builder
) -> None:
    met = network(
        [
            need("n", "van"),
            offer("closed", "van", organisation="a", closes=date(2026, 5, 31)),
            offer("declined", "van", organisation="b"),
            offer("lately", "van", organisation="c"),
            offer("forbidden", "van", organisation="e"),
            offer("last", "van", organisation="d"),
        ]
    )
    history = History(
        declined={("n", "declined"): Decline("van", "van")},
        suggested={("n", "lately"): date(2026, 5, 25)},
        forbidden=frozenset({("n", "forbidden")}),
    )
    assert ids(proposed(met, history=history)) == [("n", "last")]


@pytest.mark.parametrize(
    ("paused", "suggested", "left_out"),
    [
        ("alba", [], ["borea", "ciano"]),
        ("borea", [("n", "p")], []),
        ("nobody", [("n", "o"), ("n", "p")], []),
    ],
)
def test_who_wants_a_pause_is_suggested_to_nobody(
    paused: str,
    suggested: list[Pair],
    left_out: list[str],
    network: Builder,
    need: Builder,
    offer: Builder,
    proposed: Builder,
) -> None:
    met = network([need("n", "van"), offer("o", "van"), offer("p", "van", organisation="ciano")])
    proposal = proposed(met, history=History(paused=frozenset({paused})))
    assert ids(proposal) == suggested
    assert proposal.left_out == dict.fromkeys(left_out, LeftOut(False))


def test_small_organisations_hear_less_of_their_offers(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, proposed: Builder
) -> None:
    words = Vocabulary(sizes={key: Size(key, "", "", attention_cap=cap) for key, cap in (("micro", 2), ("large", 5))})
    needs = [need(f"n{n}", "van", organisation=f"asker{n}") for n in range(8)]
    counts = [
        len(ids(proposed(network([*needs, offer("o", "van")], [organisation("borea", **what)], words))))
        for what in ({"size": "micro"}, {"size": "large"}, {"size": "large", "attention_cap": 1}, {"size": "unheard"})
    ]
    assert counts == [2, 5, 1, 3]


def test_an_offer_with_one_place_left_is_proposed_once(
    network: Builder, need: Builder, offer: Builder, proposed: Builder
) -> None:
    needs = [need(f"n{n}", "van", organisation=f"asker{n}") for n in range(3)]
    met = network([*needs, offer("o", "van", capacity=2)])
    assert len(ids(proposed(met, history=History(taken={"o": 1})))) == 1


@pytest.mark.parametrize(
    ("limits", "suggested"),
    [
        (None, 5),
        (Limits(), 5),
        (Limits(total=4), 4),
        (Limits(total=1), 1),
        (Limits(total=0), 0),
        (Limits(needs=1), 4),
        (Limits(needs=2, total=9), 5),
    ],
)
def test_an_organisation_that_needs_and_offers_has_no_more_than_its_total(
    limits: Limits | None, suggested: int, network: Builder, need: Builder, offer: Builder, proposed: Builder
) -> None:
    """Borea could have three suggestions for what it needs and three for what it offers."""
    met = network(
        [need("n", organisation="borea"), offer("o")]
        + [need(f"n{n}", organisation=f"a{n}") for n in range(3)]
        + [offer(f"o{n}", organisation=f"z{n}") for n in range(3)]
    )
    fits = {("n", f"o{n}"): 0.9 for n in range(3)} | {(f"n{n}", "o"): 0.9 for n in range(3)}
    assert len(ids(proposed(met, fits, limits=limits))) == suggested


# pins

ALBA, BOREA, CIANO, DARIO = (f"{name} was at its limit this week" for name in ("Alba", "Borea", "Ciano", "Dario"))


@pytest.fixture(scope="session")
def vans(network: Builder, need: Builder, offer: Builder, organisation: Builder) -> Network:
    built: Network = network(
        [
            need("n", "van with lift"),
            need("m", "van with lift", organisation="dario"),
            offer("o", "van with lift"),
            offer("p", "choir", organisation="ciano"),
            offer("q", "seeds", organisation="ciano"),
        ],
        [organisation("ciano", attention_cap=1)],
    )
    return built


def test_a_pinned_pair_is_suggested_however_little_it_fits(vans: Network, ranker: Ranker, proposed: Builder) -> None:
    assert ids(proposed(vans)) == [("m", "o"), ("n", "o")]
    proposal = proposed(vans, pinned=[("n", "p")])
    assert ids(proposal) == [("m", "o"), ("n", "o"), ("n", "p")]
    (asked,) = (
        one for one in suggest(vans, vans.listings["n"], ranker=ranker, on=TODAY, threshold=0) if one.pair == ("n", "p")
    )
    (pinned,) = (one for one in proposal.suggestions if one.pinned)
    assert pinned == replace(asked, pinned=True, propensity=1.0, asking=pinned.asking, giving=pinned.giving)
    assert asked.fit < ranker.threshold
    assert proposal.unmet == {}


def test_a_pinned_pair_that_nobody_found_stands_beside_those_that_were(vans: Network, proposed: Builder) -> None:
    fits = {("n", "o"): 0.9, ("m", "p"): 0.5}
    proposal = proposed(vans, fits, pinned=[("m", "o"), ("n", "q"), ("n", "o")], limits=Limits(needs=2))
    assert [(one.pair, one.pinned) for one in proposal.suggestions if one.pinned] == [
        (pair, True) for pair in ids(proposal) if pair in {("m", "o"), ("n", "q"), ("n", "o")}
    ]
    assert set(ids(proposal)) == {("n", "o"), ("n", "q"), ("m", "o")}
    assert next(one.fit for one in proposal.suggestions if one.pair == ("n", "o")) == pytest.approx(0.9)


def test_a_pin_is_found_behind_offers_of_hundreds_of_passages(
    network: Builder, need: Builder, offer: Builder, proposed: Builder
) -> None:
    long = " ".join(f"We lend van number {n} with a lift to people in the street." for n in range(2000))
    met = network(
        [need("n", "van with lift")]
        + [offer(f"o{n}", long, organisation=f"b{n}") for n in range(3)]
        + [offer("z", "choir", organisation="ciano")]
    )
    assert sum(len(entry.passages) for entry in met.offers.entries) > 400
    proposal = proposed(met, {}, pinned=[("n", "z")])
    assert (ids(proposal), proposal.unmet) == ([("n", "z")], {})


def test_a_pin_takes_the_place_of_what_fits_better(vans: Network, proposed: Builder) -> None:
    one = Limits(needs=1)
    assert ids(proposed(vans, limits=one)) == [("m", "o"), ("n", "o")]
    proposal = proposed(vans, limits=one, pinned=[("n", "p")])
    assert ids(proposal) == [("m", "o"), ("n", "p")]
    assert [(one.need, one.offer, one.why) for one in proposal.passed_over] == [
        ("n", "o", "Alba was at its limit this week, 1 for what it needs; next in line.")
    ]


@pytest.mark.parametrize(
    ("history", "says"),
    [
        (
            History(blocked=frozenset({frozenset({"alba", "borea"})})),
            "These two organisations are not to be introduced.",
        ),
        (History(paused=frozenset({"borea"})), "One of the two organisations wants no suggestions for now."),
        (History(forbidden=frozenset({("n", "o")})), "A coordinator ruled this pair out."),
        (
            History(declined={("n", "o"): Decline("van with lift", "van with lift")}),
            "One side said no to this, and neither text has changed since.",
        ),
        (History(suggested={("n", "o"): TODAY}), "This was suggested within the last eight weeks."),
        (
            History(paused=frozenset({"alba"}), forbidden=frozenset({("n", "o")})),
            "One of the two organisations wants no suggestions for now. A coordinator ruled this pair out.",
        ),
    ],
    ids=["blocked", "paused", "forbidden", "declined", "suggested lately", "paused and forbidden"],
)
def test_a_pin_that_a_rule_forbids_is_not_met_and_the_rule_says_why(
    history: History, says: str, vans: Network, proposed: Builder
) -> None:
    proposal = proposed(vans, history=history, pinned=[("n", "o")])
    assert proposal.unmet == {("n", "o"): says}
    assert ("n", "o") not in ids(proposal)
    assert not any(one.pinned for one in proposal.suggestions)


def test_a_pin_within_one_organisation_or_of_what_is_closed_full_or_hidden_is_not_met(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, proposed: Builder
) -> None:
    met = network(
        [
            need("n"),
            offer("own", organisation="alba"),
            offer("closed", closes=date(2026, 5, 31)),
            offer("full", capacity=1),
            offer("hidden", visibility=Visibility.COORDINATORS),
            offer("outside", organisation="eva"),
        ],
        [organisation("eva", standing=Standing.LISTED)],
    )
    pins = [("n", offer) for offer in ("own", "closed", "full", "hidden", "outside")]
    assert proposed(met, {}, history=History(taken={"full": 1}), pinned=pins).unmet == {
        ("n", "own"): "Both listings are the same organisation's.",
        ("n", "closed"): "One of the two is not open on that day.",
        ("n", "full"): "One of the two has no capacity left.",
        ("n", "hidden"): "It is not from a member, or is for coordinators' eyes.",
        ("n", "outside"): "It is not from a member, or is for coordinators' eyes.",
    }


@pytest.mark.parametrize("pair", [("gone", "o"), ("n", "gone"), ("gone", "gone"), ("o", "n"), ("n", "profile:borea")])
def test_a_pin_of_what_is_not_listed_is_named(pair: Pair, vans: Network, proposed: Builder) -> None:
    proposal = proposed(vans, pinned=[pair])
    assert proposal.unmet == {pair: NOT_LISTED}
    assert replace(proposal, unmet={}) == proposed(vans)


@pytest.mark.parametrize(
    ("pins", "limits", "says"),
    [
        ([("n", "o"), ("n", "p")], Limits(needs=1), f"{ALBA}, 1 for what it needs"),
        ([("n", "p"), ("m", "p")], Limits(), f"{CIANO}, 1 for what it offers"),
        ([("m", "p"), ("n", "q")], Limits(), f"{CIANO}, 1 for what it offers"),
        (
            [("n", "p"), ("n", "q")],
            Limits(),
            f"Alba and Ciano are suggested to each other for something else this week; {CIANO}, 1 for what it offers",
        ),
        ([("n", "o"), ("m", "o")], Limits(total=1), f"{BOREA}, 1 in all"),
        ([("n", "o"), ("n", "p")], Limits(total=1), f"{ALBA}, 1 in all"),
        (
            [("n", "p"), ("m", "p")],
            Limits(total=1),
            f"{CIANO}, 1 for what it offers; {CIANO}, 1 in all",
        ),
    ],
)
def test_of_pins_that_no_limit_has_room_for_the_first_are_met_and_the_limits_are_told(
    pins: Sequence[Pair], limits: Limits, says: str, vans: Network, proposed: Builder
) -> None:
    """Ciano, which offers p and q, wants one suggestion a week. What is no pin would have made room: it is not told."""
    for first, second in (pins, pins[::-1]):
        proposal = proposed(vans, pinned=[first, second, first], limits=limits)
        assert proposal.unmet == {second: f"{says}. {NO_ROOM}"}
        assert [one.pair for one in proposal.suggestions if one.pinned] == [first]
        assert second not in ids(proposal)


def test_pins_never_pass_a_limit_of_nought(vans: Network, proposed: Builder) -> None:
    every = [(need, offer) for need in ("n", "m") for offer in ("o", "p", "q")]
    asks, gives = {"n": ALBA, "m": DARIO}, {"o": BOREA, "p": CIANO, "q": CIANO}
    proposal = proposed(vans, pinned=every, limits=Limits(needs=0))
    assert ids(proposal) == []
    assert proposal.unmet == {(n, o): f"{asks[n]}, 0 for what it needs. {NO_ROOM}" for n, o in every}
    proposal = proposed(vans, pinned=every, limits=Limits(total=0))
    assert ids(proposal) == []
    assert proposal.unmet == {(n, o): f"{gives[o]}, 0 in all; {asks[n]}, 0 in all. {NO_ROOM}" for n, o in every}


def test_a_pin_to_who_wants_nothing_for_what_it_offers_says_that(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, proposed: Builder
) -> None:
    met = network([need("n"), offer("o")], [organisation("borea", attention_cap=0)])
    proposal = proposed(met, {("n", "o"): 0.9}, pinned=[("n", "o")])
    assert proposal.unmet == {("n", "o"): f"Borea wants none for what it offers. {NO_ROOM}"}
    assert [one.why for one in proposal.passed_over] == ["Borea wants none for what it offers."]


def test_who_pins_twice_pins_once(vans: Network, proposed: Builder) -> None:
    twice = proposed(vans, {}, pinned=[("n", "o")] * 2)
    assert twice == proposed(vans, {}, pinned=[("n", "o")])
    assert (ids(twice), twice.suggestions[0].strength, twice.passed_over) == ([("n", "o")], Strength.STRONG, ())


def test_one_pin_that_cannot_be_met_leaves_the_others_alone(vans: Network, proposed: Builder) -> None:
    history = History(forbidden=frozenset({("n", "o")}))
    proposal = proposed(vans, pinned=[("gone", "o"), ("n", "o"), ("m", "q"), ("m", "p")], history=history)
    assert proposal.unmet == {
        ("gone", "o"): NOT_LISTED,
        ("n", "o"): "A coordinator ruled this pair out.",
        ("m", "p"): "Dario and Ciano are suggested to each other for something else this week; "
        f"{CIANO}, 1 for what it offers. {NO_ROOM}",
    }
    assert [(one.pair, one.pinned) for one in proposal.suggestions] == [(("m", "o"), False), (("m", "q"), True)]


# chance and what was not chosen


@pytest.fixture(scope="session")
def tied(network: Builder, need: Builder, offer: Builder, organisation: Builder) -> Network:
    """Alba wants one suggestion; borea, ciano and dario can give it as well as each other; eva has no choice."""
    built: Network = network(
        [need("n"), need("e", organisation="eva")]
        + [offer(f"o{key[0]}", organisation=key) for key in ("borea", "ciano", "dario", "fritz")],
        [organisation("fritz", attention_cap=1)],
    )
    return built


TIES = {("n", "ob"): 0.9, ("n", "oc"): 0.9, ("n", "od"): 0.9, ("e", "of"): 0.7}
ONE = Limits(needs=1)


def drawn(proposed: Builder, network: Network, **what: Any) -> list[Proposal]:
    return [proposed(network, TIES, limits=ONE, chance=np.random.default_rng(seed), **what) for seed in range(12)]


def test_without_chance_everything_is_certain(tied: Network, proposed: Builder) -> None:
    proposal = proposed(tied, TIES, limits=ONE)
    assert {one.propensity for one in proposal.suggestions} == {1.0}
    assert {one.propensity for one in proposal.passed_over} == {0.0}
    assert {one.why for one in proposal.passed_over} == {
        "Alba was at its limit this week, 1 for what it needs; next in line.",
        "Alba was at its limit this week, 1 for what it needs.",
    }
    assert all(one == proposal for one in drawn(proposed, tied, spread=0.0))


def test_chance_draws_between_those_as_good_as_each_other_and_says_how_likely_each_was(
    tied: Network, proposed: Builder
) -> None:
    every = drawn(proposed, tied)
    assert {ids(one)[0] for one in every} == {("n", "ob"), ("n", "oc"), ("n", "od")}
    for proposal in every:
        first, second = proposal.suggestions
        assert (first.propensity, second.propensity, second.pair) == (1 / 3, 1.0, ("e", "of"))
        others = {("n", offer) for offer in ("ob", "oc", "od")} - {first.pair}
        assert [((one.need, one.offer), one.propensity, one.why) for one in proposal.passed_over] == [
            (pair, 1 / 3, BY_CHANCE) for pair in sorted(others)
        ]
        assert set(proposal.left_out) == {tied.owner(offer) for _, offer in others}
        assert set(proposal.left_out.values()) == {LeftOut(True)}


def test_the_same_seed_draws_the_same_round(tied: Network, proposed: Builder) -> None:
    assert drawn(proposed, tied) == drawn(proposed, tied)


def test_what_a_round_is_worth_is_what_chance_made_of_it(tied: Network, proposed: Builder) -> None:
    """Borea fits better than ciano; to whom chance goes, the round is worth what that one adds."""
    unequal = {("n", "ob"): 0.9, ("n", "oc"): 0.5}
    every = [proposed(tied, unequal, limits=ONE, chance=np.random.default_rng(seed), spread=0.5) for seed in range(12)]
    values = {one.suggestions[0].pair: one.value for one in every}
    each = 0.4165 * 0.2975
    assert values == {pair: pytest.approx(fit * each + 2 * 0.12) for pair, fit in unequal.items()}
    assert {one.bound for one in every} == {proposed(tied, unequal, limits=ONE).bound}
    assert {one.suggestions[0].pair: one.gap > 0.1 for one in every} == {("n", "ob"): False, ("n", "oc"): True}


def test_what_was_pinned_is_never_left_to_chance(tied: Network, proposed: Builder) -> None:
    every = drawn(proposed, tied, pinned=[("n", "oc")])
    assert all(one == every[0] for one in every)
    assert [(one.pair, one.propensity, one.pinned) for one in every[0].suggestions] == [
        (("n", "oc"), 1.0, True),
        (("e", "of"), 1.0, False),
    ]


def test_who_was_strong_and_not_chosen_is_told_with_who_is_next(
    network: Builder, need: Builder, offer: Builder, organisation: Builder, proposed: Builder
) -> None:
    met = network(
        [need(f"n{n}", organisation=f"a{n}") for n in range(4)] + [offer("o")], [organisation("borea", attention_cap=1)]
    )
    proposal = proposed(met, {("n0", "o"): 0.7, ("n1", "o"): 0.95, ("n2", "o"): 0.85, ("n3", "o"): 0.9})
    assert ids(proposal) == [("n1", "o")]
    says = "Borea was at its limit this week, 1 for what it offers"
    told = PassedOver(
        need="n2",
        offer="o",
        between=("a2", "borea"),
        fit=pytest.approx(0.85),
        strength=Strength.STRONG,
        propensity=0.0,
        why=f"{says}.",
    )
    next_ = replace(told, need="n3", between=("a3", "borea"), fit=pytest.approx(0.9), why=f"{says}; next in line.")
    assert proposal.passed_over == (told, next_)
    assert proposal.left_out == {f"a{n}": LeftOut(True) for n in (0, 2, 3)}

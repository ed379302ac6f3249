from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from matcher.eligibility import (
    COOL_DOWN,
    MEMBER_RULES,
    NETWORK_RULES,
    RULES,
    Asking,
    Rule,
    barred,
    eligible,
    objections,
    past,
)
from matcher.network import Network
from matcher.records import Decline, Exclusion, History, Listing, Organisation, Standing, Visibility

Builder = Callable[..., Any]
TODAY = date(2026, 6, 1)
DAY = timedelta(days=1)

SAYS = {rule.name: rule.says for rule in MEMBER_RULES}


def told(network: Network, history: History | None = None, rules: tuple[Rule, ...] = RULES) -> list[list[str]]:
    """The names of the rules against n and o: when the need asks, and when the offer does."""
    names = {rule.says: rule.name for rule in NETWORK_RULES}
    found = []
    for asks, other in (("n", "o"), ("o", "n")):
        entry = network.entry(asks)
        side = network.side_opposite(entry.listing.kind)
        asking = Asking(entry, TODAY, past(history or History(), network, TODAY))
        against = objections(asking, side, other, rules)
        assert bool(eligible(asking, side, rules)[side.rows[other]]) is not bool(against)
        found.append([names[says] for says in against])
    return found


def test_alba_may_meet_borea(network: Builder, need: Builder, offer: Builder) -> None:
    assert told(network([need("n"), offer("o")])) == [[], []]
    assert told(network([need("n"), offer("o")]), rules=MEMBER_RULES) == [[], []]


def test_an_objection_is_a_sentence(network: Builder, need: Builder, offer: Builder) -> None:
    met = network([need("n"), offer("o", organisation="alba", closes=TODAY - DAY)])
    asking = Asking(met.entry("n"), TODAY, past(History(), met, TODAY))
    assert objections(asking, met.offers, "o") == [
        "Both listings are the same organisation's.",
        "One of the two is not open on that day.",
    ]


def test_an_organisation_never_meets_itself(network: Builder, need: Builder, offer: Builder) -> None:
    assert told(network([need("n"), offer("o", organisation="alba")])) == [["own organisation"]] * 2


@pytest.mark.parametrize(
    ("what", "against"),
    [
        ({"closes": TODAY - DAY}, ["not open"]),
        ({"opens": TODAY + DAY}, ["not open"]),
        ({"opens": TODAY, "closes": TODAY}, []),
    ],
)
def test_both_are_open_on_that_day_first_and_last_included(
    what: dict[str, date], against: list[str], network: Builder, need: Builder, offer: Builder
) -> None:
    assert told(network([need("n", **what), offer("o")])) == [against] * 2
    assert told(network([need("n"), offer("o", **what)])) == [against] * 2


@pytest.mark.parametrize(
    ("capacity", "taken", "against"),
    [(0, 0, ["no capacity"]), (1, 0, []), (2, 1, []), (2, 2, ["no capacity"]), (2, 3, ["no capacity"]), (None, 99, [])],
)
def test_both_have_capacity_left(
    capacity: int | None, taken: int, against: list[str], network: Builder, need: Builder, offer: Builder
) -> None:
    of_need = told(network([need("n", capacity=capacity), offer("o")]), History(taken={"n": taken}))
    of_offer = told(network([need("n"), offer("o", capacity=capacity)]), History(taken={"o": taken}))
    assert of_need == of_offer == [against] * 2


@pytest.mark.parametrize(
    ("of_need", "of_offer", "against"),
    [
        ({"places": ("Kent",)}, {"places": ("Cornwall",)}, ["out of reach"]),
        ({"places": ("Kent",)}, {"places": ("Medway",)}, []),
        ({"places": ("Kent",)}, {"places": ("Cornwall", "Medway")}, []),
        ({"places": ("Kent",), "remote": True}, {"places": ("Cornwall",)}, []),
        ({"places": ("Kent",)}, {"places": ("Cornwall",), "remote": True}, []),
        ({"places": ("online",)}, {"places": ("Cornwall",)}, []),
        ({"places": ("Kent",)}, {"places": ("Cornwall", "online")}, []),
        ({"places": ("Kent",)}, {}, []),
        ({}, {"places": ("Cornwall",)}, []),
        ({"places": ("Kent",)}, {"places": ("England",)}, []),
    ],
)
def test_their_places_meet_or_one_works_at_a_distance(
    of_need: dict[str, Any],
    of_offer: dict[str, Any],
    against: list[str],
    network: Builder,
    need: Builder,
    offer: Builder,
) -> None:
    assert told(network([need("n", **of_need), offer("o", **of_offer)])) == [against] * 2


def test_a_listing_without_places_is_where_its_organisation_is(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    borea = organisation("borea", places=("Cornwall",))
    assert told(network([need("n", places=("Kent",)), offer("o")], [borea])) == [["out of reach"]] * 2
    assert (
        told(network([need("n", places=("Kent",)), offer("o", places=("Narnia",))], [borea])) == [["out of reach"]] * 2
    )


@pytest.mark.parametrize("what", ["borea", "sector:private", "role:employer"])
def test_whom_the_needing_organisation_excludes_stays_out(
    what: str, network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    alba = organisation("alba", excludes=(Exclusion(what, "ethics"),))
    borea = organisation("borea", sectors=("private",), roles=("employer",))
    ciano = organisation("ciano", sectors=("voluntary",), roles=("health",))
    listings = [need("n"), offer("o")]
    assert told(network(listings, [alba, borea])) == [["excluded"]] * 2
    assert told(network([need("n"), offer("o", organisation="ciano")], [alba, ciano])) == [[], []]


@pytest.mark.parametrize("what", ["alba", "sector:private", "role:employer"])
def test_whom_the_offering_organisation_excludes_stays_out(
    what: str, network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    alba = organisation("alba", sectors=("public", "private"), roles=("health", "employer"))
    borea = organisation("borea", excludes=(Exclusion("role:funder"), Exclusion(what)))
    assert told(network([need("n"), offer("o")], [alba, borea])) == [["excluded"]] * 2


@pytest.mark.parametrize(("pair", "against"), [(("alba", "borea"), ["blocked"]), (("alba", "ciano"), [])])
def test_a_blocked_pair_stays_out(
    pair: tuple[str, str], against: list[str], network: Builder, need: Builder, offer: Builder
) -> None:
    history = History(blocked=frozenset({frozenset(pair)}))
    assert told(network([need("n"), offer("o")]), history) == [against] * 2


@pytest.mark.parametrize(
    ("who", "against"),
    [({"alba"}, ["paused"]), ({"borea"}, ["paused"]), ({"alba", "borea"}, ["paused"]), ({"ciano", "gone"}, [])],
)
def test_who_is_paused_neither_asks_nor_is_suggested(
    who: set[str], against: list[str], network: Builder, need: Builder, offer: Builder
) -> None:
    history = History(paused=frozenset(who))
    assert told(network([need("n"), offer("o")]), history) == [against] * 2


def test_a_pause_rules_out_every_listing_of_the_paused_and_nobody_elses(
    network: Builder, need: Builder, offer: Builder
) -> None:
    met = network([need("n"), offer("o1"), offer("o2", organisation="ciano"), offer("o3")])
    history = History(paused=frozenset({"borea"}))
    asking = Asking(met.entry("n"), TODAY, past(history, met, TODAY))
    assert eligible(asking, met.offers).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("pairs", "against"),
    [
        ({("n", "o")}, ["forbidden"]),
        ({("n", "o"), ("n", "o2"), ("n2", "o")}, ["forbidden"]),
        ({("n", "o2"), ("n2", "o"), ("gone", "o")}, []),
    ],
)
def test_a_forbidden_pair_stays_out_and_either_may_meet_others(
    pairs: set[tuple[str, str]], against: list[str], network: Builder, need: Builder, offer: Builder
) -> None:
    met = network([need("n"), need("n2"), offer("o"), offer("o2")])
    assert told(met, History(forbidden=frozenset(pairs))) == [against] * 2


def test_a_forbid_holds_whatever_the_texts_become(network: Builder, need: Builder, offer: Builder) -> None:
    history = History(forbidden=frozenset({("n", "o")}))
    assert told(network([need("n", "a choir of forty"), offer("o", "a stage")]), history) == [["forbidden"]] * 2


LONG = (
    "we need a van with a lift on weekday mornings for older people who live in villages without buses near the coast"
)


@pytest.mark.parametrize(
    ("need_text", "offer_text", "against"),
    [
        (LONG, "a van on Mondays", ["declined"]),
        (LONG.replace("coast", "seaside"), "a van on Mondays", ["declined"]),
        (LONG, "choir of forty singers wants audience", []),
        ("rooms for young carers after school", "a van on Mondays", []),
    ],
)
def test_a_declined_pair_stays_out_until_either_text_is_another(
    need_text: str, offer_text: str, against: list[str], network: Builder, need: Builder, offer: Builder
) -> None:
    history = History(declined={("n", "o"): Decline(LONG, "a van on Mondays", "no driver")})
    assert told(network([need("n", need_text), offer("o", offer_text)]), history) == [against] * 2


def test_the_text_is_another_below_point_nine(network: Builder, need: Builder, offer: Builder) -> None:
    """Hash vectors of few words: the similarity is known, and here on both sides of the line."""
    met = network([need("n", LONG), offer("o")])
    for changes in range(1, 8):
        words = LONG.split()
        then = " ".join([*words[:-changes], *(f"word{n}" for n in range(changes))])
        alike = float(network([need("n", then)]).entry("n").vector @ met.entry("n").vector)
        history = History(declined={("n", "o"): Decline(then, "a van on Mondays")})
        assert told(met, history) == [["declined"] if alike >= 0.9 else []] * 2
    assert alike < 0.9


def test_a_decline_also_rules_out_another_listing_of_that_organisation_that_says_the_same(
    network: Builder, need: Builder, offer: Builder
) -> None:
    no = Decline(LONG, "a van on Mondays")
    nearly = LONG.replace("coast", "seaside")
    old_need, old_offer = need("old-n", "a piano tuner"), offer("old-o", "office chairs")

    def against(*listings: Listing) -> list[list[str]]:
        history = History(declined={("old-n", "old-o"): no})
        return told(network([old_need, old_offer, *listings]), history)

    assert against(need("n", LONG), offer("o")) == [["declined"]] * 2
    assert against(need("n", nearly), offer("o")) == [["declined"]] * 2
    assert against(need("n", "rooms for young carers"), offer("o")) == [[], []]
    assert against(need("n", LONG), offer("o", "choir of forty singers")) == [[], []]
    assert against(need("n", LONG, "ciano"), offer("o")) == [[], []]
    assert against(need("n", LONG), offer("o", organisation="ciano")) == [[], []]


def test_a_decline_says_nothing_of_the_same_words_on_the_other_side(
    network: Builder, need: Builder, offer: Builder
) -> None:
    history = History(declined={("old-n", "old-o"): Decline(LONG, "a van on Mondays")})
    met = [need("old-n", LONG), offer("old-o"), need("n", organisation="borea"), offer("o", LONG, "alba")]
    assert told(network(met), history) == [[], []]


def test_a_pair_declined_with_a_listing_that_is_gone_is_no_trouble(
    network: Builder, need: Builder, offer: Builder
) -> None:
    history = History(
        declined={("n", "gone"): Decline(LONG, LONG)}, taken={"gone": 3}, suggested={("gone", "o"): TODAY}
    )
    assert told(network([need("n"), offer("o")]), history) == [[], []]


@pytest.mark.parametrize(
    ("day", "against"),
    [
        (TODAY, ["suggested lately"]),
        (TODAY - COOL_DOWN + DAY, ["suggested lately"]),
        (TODAY - timedelta(weeks=8), []),
        (TODAY - timedelta(weeks=9), []),
    ],
)
def test_a_suggestion_comes_back_after_eight_weeks_to_the_day(
    day: date, against: list[str], network: Builder, need: Builder, offer: Builder
) -> None:
    history = History(suggested={("n", "o"): day})
    assert told(network([need("n"), offer("o")]), history) == [against] * 2


@pytest.mark.parametrize(
    ("day", "against"),
    [
        (TODAY + DAY, ["suggested lately"]),
        (TODAY + COOL_DOWN - DAY, ["suggested lately"]),
        (TODAY + timedelta(weeks=8), []),
        (TODAY + timedelta(weeks=9), []),
    ],
)
def test_what_a_later_week_was_already_released_with_is_not_suggested_in_the_eight_weeks_before(
    day: date, against: list[str], network: Builder, need: Builder, offer: Builder
) -> None:
    history = History(suggested={("n", "o"): day})
    assert told(network([need("n"), offer("o")]), history) == [against] * 2


@pytest.mark.parametrize(
    ("standing", "visibility", "against"),
    [
        (Standing.MEMBER, Visibility.NETWORK, []),
        (Standing.MEMBER, Visibility.PARTNERS, []),
        (Standing.MEMBER, Visibility.COORDINATORS, ["members only"]),
        (Standing.LISTED, Visibility.NETWORK, ["members only"]),
        (Standing.INVITED, Visibility.NETWORK, ["members only"]),
    ],
)
def test_members_are_shown_what_members_show(
    standing: Standing,
    visibility: Visibility,
    against: list[str],
    network: Builder,
    need: Builder,
    offer: Builder,
    organisation: Builder,
) -> None:
    """The rule looks at the listing that would be shown, not at the one that asks."""
    asked = network([need("n"), offer("o", visibility=visibility)], [organisation("borea", standing=standing)])
    given = network([need("n", visibility=visibility), offer("o")], [organisation("alba", standing=standing)])
    assert told(asked, rules=MEMBER_RULES)[0] == told(given, rules=MEMBER_RULES)[1] == against
    assert told(asked) == told(given) == [[], []]


@pytest.mark.parametrize(
    ("resting", "against"),
    [({"n"}, ["resting"]), ({"o"}, ["resting"]), ({"n2", "gone"}, [])],
    ids=["need", "offer", "-"],
)
def test_what_rests_neither_asks_nor_is_suggested(
    resting: set[str], against: list[str], network: Builder, need: Builder, offer: Builder
) -> None:
    history = History(resting=frozenset(resting))
    assert told(network([need("n"), need("n2"), offer("o")]), history) == [against] * 2


def test_a_round_leaves_out_what_rests_at_once(network: Builder, need: Builder, offer: Builder) -> None:
    met = network([need("n"), offer("o1"), offer("o2")])
    before = past(History(resting=frozenset({"o1"})), met, TODAY)
    assert barred(met.offers, TODAY, before, MEMBER_RULES).tolist() == [True, False]


@pytest.mark.parametrize(
    ("visibility", "against"),
    [
        (Visibility.NETWORK, []),
        (Visibility.PARTNERS, ["network only"]),
        (Visibility.COORDINATORS, ["members only", "network only"]),
    ],
)
def test_who_looks_for_itself_finds_only_what_every_member_may_see(
    visibility: Visibility, against: list[str], network: Builder, need: Builder, offer: Builder
) -> None:
    met = network([need("n"), offer("o", visibility=visibility)])
    assert told(met, rules=NETWORK_RULES)[0] == against
    assert told(network([need("n", visibility=visibility), offer("o")]), rules=NETWORK_RULES)[1] == against


def test_what_each_rule_forbids_is_one_row_per_listing(network: Builder, need: Builder, offer: Builder) -> None:
    met: Network = network([need("n"), *(offer(f"o{n}") for n in range(5))])
    asking = Asking(met.entry("n"), TODAY, past(History(), met, TODAY))
    for rule in NETWORK_RULES:
        forbids = rule.forbids(asking, met.offers)
        assert (rule.name, forbids.dtype, forbids.tolist()) == (rule.name, np.bool_, [False] * 5)


def test_rules_do_not_mind_an_empty_side(network: Builder, need: Builder) -> None:
    met: Network = network([need("n")])
    asking = Asking(met.entry("n"), TODAY, past(History(), met, TODAY))
    assert eligible(asking, met.offers, NETWORK_RULES).tolist() == []


def test_a_draft_of_nobodys_may_meet_all(network: Builder, need: Builder, offer: Builder) -> None:
    met: Network = network([offer("o")])
    draft: Listing = need("draft", organisation="nobody")
    asking = Asking(met.draft(draft), TODAY, past(History(), met, TODAY))
    assert eligible(asking, met.offers).tolist() == [True]


def test_an_organisation_says_whom_it_excludes_by_id_sector_or_role(organisation: Builder) -> None:
    from matcher.network import kinds_of

    alba: Organisation = organisation("alba", sectors=("public", "academic"), roles=("health",))
    assert kinds_of(alba) == ("alba", "sector:public", "sector:academic", "role:health")
    assert kinds_of(None) == ()

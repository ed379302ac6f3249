"""The vocabulary that Commonweal ships: what a coordinator's edit could break without anybody noticing."""

import csv
import re
import tomllib
from typing import Any

import pytest

from matcher import vocabulary
from matcher.artefacts import artefact

FILES = ["acronyms", "duties", "obstacles", "resources", "roles", "sectors", "sizes", "themes"]
KINDS = {"nation", "region", "county", "combined-authority", "district", "postcode-area"}


def entries(name: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(artefact("data", "vocabulary", f"{name}.toml").read_text("utf-8"))


def places() -> list[dict[str, str]]:
    with artefact("data", "vocabulary", "places.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", FILES)
def test_each_file_parses_and_has_entries(name: str) -> None:
    assert entries(name)


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("themes", {"name", "says", "words"}),
        ("roles", {"name", "says", "themes"}),
        ("sectors", {"name", "says"}),
        ("resources", {"name", "says"}),
        ("duties", {"name", "says", "owner", "words"}),
        ("obstacles", {"name", "says", "asks", "resources", "words"}),
        ("sizes", {"name", "says", "attention_cap"}),
    ],
)
def test_each_entry_has_what_its_file_asks_for_and_nothing_empty(name: str, required: set[str]) -> None:
    lacking = {
        key: sorted(required - {line for line, value in entry.items() if value})
        for key, entry in entries(name).items()
        if required - {line for line, value in entry.items() if value}
    }
    assert lacking == {}


@pytest.mark.parametrize("name", [name for name in FILES if name != "acronyms"])
def test_names_in_brackets_are_small_letters_and_hyphens(name: str) -> None:
    assert [key for key in entries(name) if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", key)] == []


def test_the_themes_of_every_role_exist() -> None:
    themes = set(entries("themes"))
    assert {
        key: set(role["themes"]) - themes for key, role in entries("roles").items() if set(role["themes"]) - themes
    } == {}


def test_the_resources_of_every_obstacle_exist() -> None:
    resources = set(entries("resources"))
    assert {
        key: set(one["resources"]) - resources
        for key, one in entries("obstacles").items()
        if set(one["resources"]) - resources
    } == {}


def test_every_theme_has_a_role_that_belongs_in_the_room() -> None:
    assert set(entries("themes")) == {theme for role in entries("roles").values() for theme in role["themes"]}


def test_sizes_rise_and_only_the_largest_is_without_limit() -> None:
    sizes = list(vocabulary.load(artefact("data", "vocabulary")).sizes.values())
    people = [size.get("people_up_to") for size in entries("sizes").values()]
    for limits in (people, [size.income_up_to for size in sizes]):
        *limited, last = limits
        assert last is None
        assert limited == sorted({limit for limit in limited if limit is not None})
    assert [size.attention_cap for size in sizes] == sorted(size.attention_cap for size in sizes)


@pytest.mark.parametrize("name", ["themes", "duties"])
def test_no_word_stands_twice_under_one_name(name: str) -> None:
    twice = {
        key: sorted({word for word in entry["words"] if [w.lower() for w in entry["words"]].count(word.lower()) > 1})
        for key, entry in entries(name).items()
    }
    assert {key: words for key, words in twice.items() if words} == {}


@pytest.mark.parametrize("name", ["themes", "duties"])
def test_every_word_is_found_in_a_text_that_says_it(name: str) -> None:
    known = vocabulary.load(artefact("data", "vocabulary"))
    missed = [
        (key, word)
        for key, entry in entries(name).items()
        for word in entry["words"]
        if key
        not in (
            known.themes_in(f"About {word}, now.")
            if name == "themes"
            else {duty.key for duty in known.duties_in(f"About {word}, now.")}
        )
    ]
    assert missed == []


def test_every_acronym_is_spelled_out_where_it_stands() -> None:
    known = vocabulary.load(artefact("data", "vocabulary"))
    assert {
        a for a, m in known.acronyms.items() if known.spell_out(f"Our {a} now") != f"Our {a} ({', '.join(m)}) now"
    } == set()


def test_acronyms_stand_in_order() -> None:
    acronyms = list(entries("acronyms")["acronyms"])
    assert acronyms == sorted(acronyms, key=str.upper)


def test_every_place_has_a_point_in_the_united_kingdom_and_a_known_kind() -> None:
    wrong = [
        row["name"]
        for row in places()
        if row["kind"] not in KINDS
        or not 49 < float(row["latitude"]) < 61.5
        or not -9 < float(row["longitude"]) < 2.2
        or not 0 < float(row["radius_km"]) < 300
    ]
    assert wrong == []


def test_every_english_place_but_those_across_regions_names_a_region_of_the_table() -> None:
    regions = {row["name"] for row in places() if row["kind"] == "region" and row["name"] == row["region"]}
    assert len(regions) == 9
    assert {row["region"] for row in places()} <= {*regions, ""}


def test_no_postcode_area_stands_twice() -> None:
    areas = [row["name"] for row in places() if row["kind"] == "postcode-area"]
    assert sorted(set(areas)) == sorted(areas)

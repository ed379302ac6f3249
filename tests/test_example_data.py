"""The invented members that Commonweal ships: enough of them, written one by one, and nothing in them is real."""

import csv
import re
from collections import Counter
from datetime import date
from itertools import combinations

import pytest

from matcher import vocabulary
from matcher.artefacts import artefact
from matcher.masking import mask
from matcher.places import TableGazetteer, UnknownPlaceError

Row = dict[str, str]


def rows(name: str) -> list[Row]:
    with artefact("data", "example", f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def several(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


ORGANISATIONS, LISTINGS = rows("organisations"), rows("listings")
LOOKALIKES, UNMEETABLE = rows("lookalikes"), rows("unmeetable")
WORDS = vocabulary.load(artefact("data", "vocabulary"))
MEMBERS = [row for row in ORGANISATIONS if row["standing"] == "member"]


def test_there_are_enough_organisations_members_and_listings() -> None:
    assert len(ORGANISATIONS) >= 120
    assert len([row for row in MEMBERS if row["contact_name"] and row["contact_email"].endswith(".example")]) >= 100
    assert len(LISTINGS) >= 300


def test_needs_and_offers_are_about_as_many() -> None:
    needs = [row for row in LISTINGS if row["kind"] == "need"]
    assert {row["kind"] for row in LISTINGS} == {"need", "offer"}
    assert 0.4 <= len(needs) / len(LISTINGS) <= 0.6


def test_ids_are_unique_and_listings_are_of_known_organisations() -> None:
    known = [row["id"] for row in ORGANISATIONS]
    assert [key for key, count in Counter(known + [row["id"] for row in LISTINGS]).items() if count > 1] == []
    assert {row["organisation"] for row in LISTINGS} - set(known) == set()
    assert [row["id"] for row in LISTINGS if not row["id"].startswith(f"{row['organisation']}-")] == []


def test_only_members_have_a_contact_and_every_contact_is_invented() -> None:
    assert [row["id"] for row in ORGANISATIONS if row["standing"] != "member" and row["contact_name"]] == []
    assert [row["id"] for row in ORGANISATIONS if row["standing"] != "member" and row["contact_email"]] == []
    addresses = [row["contact_email"] for row in MEMBERS]
    assert [address for address in addresses if not re.fullmatch(r"[a-z0-9.'-]+@[a-z0-9-]+\.example", address)] == []
    assert len(set(addresses)) == len(addresses)


def test_no_text_holds_a_contact_detail_and_no_identifier_is_a_real_one() -> None:
    texts = [(row["id"], row[cell]) for row in LISTINGS for cell in ("text", "evidence", "gain")]
    texts += [(row["id"], row["description"]) for row in ORGANISATIONS]
    assert [key for key, text in texts if mask(text) != text] == []
    identifiers = [one for row in ORGANISATIONS for one in several(row["identifiers"])]
    assert [one for one in identifiers if "-0000" not in one] == []


def test_every_key_is_in_the_vocabulary_and_each_is_used() -> None:
    used = {
        "themes": {theme for row in LISTINGS for theme in several(row["themes"])},
        "resources": {row["resource"] for row in LISTINGS},
        "sectors": {sector for row in ORGANISATIONS for sector in several(row["sectors"])},
        "sizes": {row["size"] for row in ORGANISATIONS},
        "roles": {role for row in ORGANISATIONS for role in several(row["roles"])},
    }
    assert used == {name: set(getattr(WORDS, name)) for name in used}


def test_every_other_cell_is_one_of_its_words() -> None:
    assert {row["standing"] for row in ORGANISATIONS} == {"member", "invited", "listed"}
    assert {row["visibility"] for row in LISTINGS} == {"network", "partners", "coordinators"}
    assert {row["remote"] for row in LISTINGS} == {"yes", "no"}
    assert [row["id"] for row in LISTINGS if not re.fullmatch(r"[1-9]\d?|", row["capacity"])] == []
    assert [row["id"] for row in ORGANISATIONS if not re.fullmatch(r"[1-9]|", row["attention_cap"])] == []


def test_dates_are_dates_in_order() -> None:
    assert [
        row["id"]
        for row in LISTINGS
        if row["opens"] and row["closes"] and date.fromisoformat(row["opens"]) > date.fromisoformat(row["closes"])
    ] == []
    assert all(date.fromisoformat(row[cell]) for row in LISTINGS for cell in ("opens", "closes") if row[cell])


def test_whom_an_organisation_excludes_is_a_known_one_or_a_known_kind() -> None:
    known = {row["id"] for row in ORGANISATIONS}
    known |= {f"sector:{key}" for key in WORDS.sectors} | {f"role:{key}" for key in WORDS.roles}
    named = [re.sub(r"\s*\(.*\)$", "", one) for row in ORGANISATIONS for one in several(row["excludes"])]
    assert named
    assert set(named) - known == set()


def test_nearly_every_place_is_known_and_every_organisation_has_one_that_is() -> None:
    """Some are villages and wards that no table has: such a listing is where its organisation is."""
    places = TableGazetteer(artefact("data", "vocabulary", "places.csv"))

    def is_known(name: str) -> bool:
        try:
            return bool(places.resolve(name))
        except UnknownPlaceError:
            return False

    named = [place for row in ORGANISATIONS + LISTINGS for place in several(row["places"])]
    unknown = [place for place in named if not is_known(place)]
    assert len(unknown) < 0.05 * len(named)
    assert [row["id"] for row in ORGANISATIONS if not set(several(row["places"])) - set(unknown)] == []


@pytest.mark.parametrize(("table", "kinds"), [("lookalikes", ("need", "offer")), ("unmeetable", ("need",))])
def test_the_listings_set_aside_exist(table: str, kinds: tuple[str, ...]) -> None:
    known = {kind: {row["id"] for row in LISTINGS if row["kind"] == kind} for kind in ("need", "offer")}
    assert len(rows(table)) >= 10
    for row in rows(table):
        assert row["why"]
        assert [row[kind] for kind in kinds if row[kind] not in known[kind]] == []


def test_lookalikes_are_of_two_organisations() -> None:
    owner = {row["id"]: row["organisation"] for row in LISTINGS}
    assert [row for row in LOOKALIKES if owner[row["need"]] == owner[row["offer"]]] == []


def skeleton(text: str) -> str:
    """The text in small letters, without names, places, numbers and words capitalised inside a sentence."""
    names = {row["name"] for row in ORGANISATIONS}
    names |= {place for row in ORGANISATIONS + LISTINGS for place in several(row["places"])}
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    text = re.sub(rf"\b(?:{longest_first})\b", "#", text)
    text = re.sub(r"(?<=[a-z,] )[A-Z][\w'’-]+", "#", text)
    return " ".join(re.sub(r"\d[\d,.]*", "#", text).lower().split())


def test_no_two_listings_say_the_same_with_other_names_and_numbers() -> None:
    assert [text for text, count in Counter(skeleton(row["text"]) for row in LISTINGS).items() if count > 1] == []


def test_no_opening_of_four_words_is_a_habit() -> None:
    openings = Counter(tuple(re.findall(r"\w+", row["text"].lower())[:4]) for row in LISTINGS)
    assert [opening for opening, count in openings.items() if count > 0.03 * len(LISTINGS)] == []


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + 5]) for start in range(max(1, len(words) - 4))}


def test_no_two_texts_share_half_of_their_runs_of_five_words() -> None:
    meant = {frozenset((row["need"], row["offer"])) for row in LOOKALIKES}
    runs = [(row["id"], shingles(row["text"])) for row in LISTINGS]
    runs += [(row["id"], shingles(row["description"])) for row in ORGANISATIONS]
    alike = [
        (one, other)
        for (one, some), (other, others) in combinations(runs, 2)
        if some & others and len(some & others) >= 0.5 * len(some | others) and frozenset((one, other)) not in meant
    ]
    assert alike == []

"""Looking through the listings one may see: what is found, in which order, and what never is."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from matcher.records import Exclusion, Kind, Listing, Visibility
from service.finding import A_PAGE, MOST_LESS_NEAR, Found, Search, find
from service.store import confirmations, decisions, members
from service.wiring import Commonweal

TODAY = date(2026, 11, 23)
BUS = "A minibus with a driver stands idle on Thursday mornings"


@pytest.fixture
def listed(commonweal: Commonweal, cast: Any) -> Commonweal:
    """Besides the cast's: an offer of borea's for partners, one for coordinators, one closed; one of ciano's."""
    also = [
        replace(cast["offer"], id="borea-o2", text="A van for partners", visibility=Visibility.PARTNERS),
        replace(cast["offer"], id="borea-o3", text="A van for coordinators", visibility=Visibility.COORDINATORS),
        replace(cast["offer"], id="borea-o4", text="A van of last year", closes=TODAY - timedelta(days=1)),
        replace(cast["offer"], id="borea-o5", text="A van in Truro", places=("Truro",), themes=("environment",)),
        replace(cast["offer"], id="ciano-o1", text="A van of the council", organisation="ciano"),
        replace(cast["offer"], id="alba-o1", text="A van of our own", organisation="alba"),
    ]
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: one for one in also})
    return commonweal


def ids(found: Found) -> list[str]:
    return [one.id for one in found.listings] + [one.offer.id for one in found.suggestions]


def looked(commonweal: Commonweal, **search: Any) -> list[str]:
    return ids(find(commonweal, Search(**search), organisation="alba", own=("alba",)))  # type: ignore[arg-type]


def test_without_words_what_every_member_may_see_is_listed(listed: Commonweal) -> None:
    assert looked(listed) == ["borea-o1", "borea-o5"]
    assert looked(listed, kind=Kind.NEED) == []
    found = find(listed, Search(kind=Kind.NEED), organisation="borea", own=("borea",))  # type: ignore[arg-type]
    assert ids(found) == ["alba-n1"]


def test_with_words_they_come_as_suggestions_best_first(listed: Commonweal) -> None:
    found = find(listed, Search(words=BUS), organisation="alba", own=("alba",))  # type: ignore[arg-type]
    assert found.suggestions[0].offer.id == "borea-o1"
    assert set(ids(found)) <= {"borea-o1", "borea-o5"}
    assert found.total == len(found.suggestions)


def test_a_single_word_finds_where_it_stands_however_little_it_fits(listed: Commonweal) -> None:
    strict = replace(listed.core.ranker, cuts=(50.0, 50.0, 50.0))  # nothing is even a near miss
    listed.core = replace(listed.core, ranker=strict)
    assert looked(listed, words="idle") == ["borea-o1"]
    assert looked(listed, words="vans") == ["borea-o5"]
    assert looked(listed, words="zebra") == []


def test_coordinators_find_everything_that_is_open(listed: Commonweal) -> None:
    found = find(listed, Search(), sees_all=True)
    assert set(ids(found)) == {"alba-o1", "borea-o1", "borea-o2", "borea-o3", "borea-o5", "ciano-o1"}


def test_those_of_one_day_come_in_turns_of_one_for_each_organisation(listed: Commonweal) -> None:
    orders, start = [], listed.now()
    for days in range(9):
        listed.now = lambda days=days: start + timedelta(days=days)  # type: ignore[misc]
        found = ids(find(listed, Search(), sees_all=True))
        assert {one.split("-")[0] for one in found[:3]} == {"alba", "borea", "ciano"}
        assert found[3:] == ["borea-o2", "borea-o3", "borea-o5"]
        orders.append(tuple(found[:3]))
    assert len(set(orders)) > 1


def test_near_misses_come_last_and_not_many_of_them(commonweal: Commonweal, cast: Any) -> None:
    cuts = (50.0, 50.0, 0.0)
    commonweal.core = replace(commonweal.core, ranker=replace(commonweal.core.ranker, cuts=cuts))
    many = [replace(cast["offer"], id=f"borea-x{n:02}", text=f"Van {n} for a school trip") for n in range(30)]
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: one for one in many})
    words = Search(words="an idle minibus with a driver takes a school")
    assert find(commonweal, words).near == A_PAGE  # all of them fit
    strict = replace(commonweal.core.ranker, cuts=(50.0, 50.0, 50.0))
    commonweal.core = replace(commonweal.core, ranker=strict)
    found = find(commonweal, words)
    assert (found.suggestions[0].offer.id, found.near, found.total) == ("borea-o1", 1, 1 + MOST_LESS_NEAR)
    assert find(commonweal, replace(words, page=2)).near == 0


def test_what_was_confirmed_last_comes_first(listed: Commonweal) -> None:
    with listed.database.write() as connection:
        confirmations.confirm(connection, "borea-o5", TODAY, "ann")  # type: ignore[arg-type]
        confirmations.confirm(connection, "borea-o1", TODAY - timedelta(days=1), "ann")  # type: ignore[arg-type]
    assert looked(listed) == ["borea-o5", "borea-o1"]


@pytest.mark.parametrize("words", ["", "A van in Truro for older people"])
def test_a_place_and_a_theme_narrow_it_down(listed: Commonweal, words: str) -> None:
    assert sorted(looked(listed, words=words)) == ["borea-o1", "borea-o5"]
    assert looked(listed, words=words, place="Leeds") == ["borea-o1"]
    assert looked(listed, words=words, place="Truro") == ["borea-o5"]
    assert looked(listed, words=words, theme="environment") == ["borea-o5"]
    assert looked(listed, words=words, place="Leeds", theme="environment") == []


@pytest.mark.parametrize("words", ["", BUS])
def test_an_unknown_place_is_told_and_left_out(listed: Commonweal, words: str) -> None:
    found = find(listed, Search(words=words, place="Narnia"), organisation="alba", own=("alba",))  # type: ignore[arg-type]
    assert "borea-o1" in ids(found)
    assert [note.says[:35] for note in found.notes] == ["No place called 'Narnia' is known: "]


@pytest.mark.parametrize("words", ["", BUS])
def test_whom_one_does_not_want_to_meet_and_who_is_paused_or_rests_is_not_found(listed: Commonweal, words: str) -> None:
    with listed.database.write() as connection:
        members.edit(connection, "alba", {"excludes": (Exclusion("sector:private"),)})
    assert looked(listed, words=words) == []
    with listed.database.write() as connection:
        members.edit(connection, "alba", {"excludes": ()})
        decisions.pause(connection, "borea", "", listed.now())  # type: ignore[arg-type]
    assert looked(listed, words=words) == []
    with listed.database.write() as connection:
        decisions.resume(connection, "borea")  # type: ignore[arg-type]
        confirmations.confirm(connection, "borea-o1", TODAY - timedelta(days=200), "ann")  # type: ignore[arg-type]
        confirmations.note_asked(connection, ["borea-o1"], TODAY - timedelta(days=100))  # type: ignore[list-item]
    assert "borea-o1" not in looked(listed, words=words)


@pytest.mark.parametrize("words", ["", BUS])
def test_who_is_paused_may_look(listed: Commonweal, words: str) -> None:
    with listed.database.write() as connection:
        decisions.pause(connection, "alba", "", listed.now())  # type: ignore[arg-type]
    assert "borea-o1" in looked(listed, words=words)


def test_many_come_in_pages(commonweal: Commonweal, cast: Any) -> None:
    many = [replace(cast["offer"], id=f"borea-x{n:02}", text=f"Van number {n}") for n in range(A_PAGE * 2)]
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: one for one in many})
    pages = [find(commonweal, Search(page=page), organisation="alba") for page in (1, 2, 3, 4)]  # type: ignore[arg-type]
    assert [(len(one.listings), one.total, one.pages) for one in pages] == [
        (A_PAGE, 21, 3),
        (A_PAGE, 21, 3),
        (1, 21, 3),
        (0, 21, 3),
    ]
    every: list[Listing] = [one for page in pages for one in page.listings]
    assert len({one.id for one in every}) == 21

"""Asking: one question, the same for page, API and command line."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from matcher.records import Decline, Kind, Listing, Organisation, Standing
from service import rounds as weekly
from service.asking import UnknownOrganisationError, ask, find_organisation
from service.settings import Settings
from service.store import decisions, members
from service.wiring import Commonweal

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
NEED = "Volunteers to teach smartphones, ring 0117 496 0123"
OFFER = "Volunteers who teach smartphones to older people"


@pytest.fixture
def commonweal(tmp_path: Path) -> Iterator[Commonweal]:
    made = Commonweal(Settings(home=tmp_path, encoder="hash"), now=lambda: NOW)
    made.database.migrate()
    organisations = [
        Organisation(id="alba", name="Alba & Friends", standing=Standing.MEMBER, places=("Bristol",)),
        Organisation(id="borea", name="Borea", standing=Standing.MEMBER, places=("Bristol",)),
        Organisation(id="ciano", name="Ciano"),
        Organisation(id="ciano-2", name="Ciano"),
    ]
    listings = [
        Listing(id="alba-n1", organisation="alba", kind=Kind.NEED, text=NEED),
        Listing(id="borea-o1", organisation="borea", kind=Kind.OFFER, text=OFFER),
    ]
    with made.database.write() as connection:
        members.save(
            connection, organisations={o.id: o for o in organisations}, listings={one.id: one for one in listings}
        )
    yield made
    made.database.dispose()


def found(commonweal: Commonweal, *args: object, **options: object) -> list[str]:
    return [one.offer.id for one in ask(commonweal, *args, **options).suggestions]  # type: ignore[arg-type]


def test_a_need_nobody_has_stored_finds_an_offer(commonweal: Commonweal) -> None:
    answer = ask(commonweal, "Volunteers who teach smartphones", Kind.NEED)
    assert [(one.need.id, one.offer.id) for one in answer.suggestions] == [("draft", "borea-o1")]
    assert (answer.notes, answer.revision) == ((), 1)


def test_an_offer_finds_a_need(commonweal: Commonweal) -> None:
    answer = ask(commonweal, "Volunteers who teach smartphones", Kind.OFFER)
    assert [(one.need.id, one.offer.id) for one in answer.suggestions] == [("alba-n1", "draft")]


def test_the_asker_never_finds_itself_by_id_or_by_name(commonweal: Commonweal) -> None:
    assert found(commonweal, OFFER, Kind.NEED, "borea") == []
    assert found(commonweal, OFFER, Kind.NEED, "BOREA") == []
    assert found(commonweal, OFFER, Kind.NEED, "alba") == ["borea-o1"]


def test_a_place_too_far_away_rules_out_what_is_nearby(commonweal: Commonweal) -> None:
    assert found(commonweal, OFFER, Kind.NEED, None, "Bristol") == ["borea-o1"]
    assert found(commonweal, OFFER, Kind.NEED, None, "Aberdeen") == []


def test_an_unknown_place_is_left_out_with_the_nearest_spelling(commonweal: Commonweal) -> None:
    answer = ask(commonweal, OFFER, Kind.NEED, place="Brstol")
    assert [(note.says, note.nearest) for note in answer.notes] == [
        ("No place called 'Brstol' is known: it was left out. Did you mean Bristol?", ("Bristol",))
    ]
    assert [one.offer.id for one in answer.suggestions] == ["borea-o1"]


def test_a_blocked_organisation_is_never_suggested(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        decisions.block(connection, "alba", "borea", "they fell out")
    assert found(commonweal, OFFER, Kind.NEED, "alba") == []
    assert found(commonweal, OFFER, Kind.NEED) == ["borea-o1"]


def test_what_is_listed_in_these_words_keeps_its_declines(commonweal: Commonweal) -> None:
    assert found(commonweal, NEED, Kind.NEED, "alba") == ["borea-o1"]
    with commonweal.database.write() as connection:
        decisions.decline(connection, "alba-n1", "borea-o1", Decline(NEED, OFFER))
    assert found(commonweal, NEED, Kind.NEED, "alba") == []
    assert found(commonweal, NEED, Kind.NEED, "alba", "Bristol") == []
    assert found(commonweal, NEED, Kind.NEED) == ["borea-o1"]


def test_words_as_a_page_shows_them_are_known_too(commonweal: Commonweal) -> None:
    shown = "Volunteers to teach smartphones, ring [hidden until you are introduced]"
    answer = ask(commonweal, shown, Kind.NEED, "alba")
    assert [one.need.id for one in answer.suggestions] == ["alba-n1"]
    assert str(answer.notes[0]).startswith("This need is listed already")


def test_what_was_released_this_week_is_not_suggested_again(commonweal: Commonweal) -> None:
    weekly.run(commonweal, "2026-W48")
    assert found(commonweal, NEED, Kind.NEED, "alba") == ["borea-o1"]
    weekly.release(commonweal, "2026-W48")
    assert found(commonweal, NEED, Kind.NEED, "alba") == []


def test_an_unknown_organisation_is_refused_with_the_nearest_ids(commonweal: Commonweal) -> None:
    with pytest.raises(UnknownOrganisationError, match=r"^no organisation 'albe'; did you mean alba\?$"):
        ask(commonweal, OFFER, Kind.NEED, "albe")


def test_a_name_that_two_share_is_refused_with_both_ids(commonweal: Commonweal) -> None:
    with pytest.raises(UnknownOrganisationError) as refused:
        find_organisation(commonweal.live.current().organisations, "Ciano")
    assert refused.value.nearest == ("ciano", "ciano-2")


def test_no_more_than_asked_for(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        more = {f"o{n}": Listing(id=f"o{n}", organisation="borea", kind=Kind.OFFER, text=OFFER) for n in range(5)}
        members.save(connection, listings=more)
    assert len(found(commonweal, OFFER, Kind.NEED, limit=3)) == 3

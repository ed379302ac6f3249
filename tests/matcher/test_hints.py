"""What would make a text clearer: each hint where the text leaves something open, and nowhere else."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from matcher.hints import MOST, hints, is_bare, is_short, quoted
from matcher.masking import HIDDEN
from matcher.vocabulary import Vocabulary

Builder = Callable[..., Any]
WORDS = Vocabulary(acronyms={"ROTL": ("release on temporary licence",), "CIC": ("community interest company", "care")})
WHERE = "Where? Name a town, a county or a postcode district, or say that it works at a distance."
CLEAR = "Twelve laptops for refugees in Leeds, by Easter"


def test_a_text_that_leaves_nothing_open_gets_no_hint(need: Builder) -> None:
    assert hints(need("n", CLEAR), WORDS) == ()
    assert hints(need("n", " \n"), WORDS) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Laptops for refugees in Leeds by Easter", "How many laptops? “Laptops for refugees in Leeds by Easter”"),
        (
            "Warm clothes for refugees in Leeds by Easter",
            "How many, or how much? “Warm clothes for refugees in Leeds by",
        ),
        ("Twelve laptops for refugees, by Easter", WHERE),
        ("Twelve laptops for refugees in Leeds", "By when is it needed, and on which days? “Twelve laptops for"),
        (
            "Twelve laptops in Leeds, by Easter",
            "For whom is “Twelve laptops in Leeds, by Easter”? Say who would use it",
        ),
        (f"{CLEAR}, on ROTL", "Spell out “ROTL”: “release on temporary licence”. Other sectors may not know it."),
        (f"{CLEAR}, from a CIC", "Spell out “CIC”: “community interest company” or “care”. Other sectors may not know"),
        (f"{CLEAR}, with CSCS", "Spell out “CSCS”: other sectors may not know what it stands for."),
    ],
)
def test_what_is_missing_is_asked_for_in_the_text_s_own_words(need: Builder, text: str, says: str) -> None:
    (found,) = hints(need("n", text), WORDS)
    assert found.startswith(says)


def test_an_offer_is_asked_until_when_it_can_be_had(offer: Builder) -> None:
    (found,) = hints(offer("o", "Twelve laptops for refugees in Leeds"), WORDS)
    assert found == "Until when can it be had, and on which days? “Twelve laptops for refugees in Leeds” gives no time."


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("Laptops for refugees in Leeds by Easter", {"capacity": 2}),
        ("Twelve laptops for refugees, by Easter", {"places": ("Leeds",)}),
        ("Twelve tutors for refugees, by Easter", {"remote": True}),
        ("Twelve tutors for refugees, online, by Easter", {}),
        ("Twelve laptops for refugees in Leeds", {"closes": date(2026, 12, 31)}),
        ("Twelve laptops for refugees in Leeds", {"opens": date(2026, 12, 31)}),
        (f"{CLEAR}, on ROTL, that is release on temporary licence", {}),
        (f"{CLEAR}, with NHS badges", {}),
        ("We need a van for refugees in Leeds by Easter", {}),
        ("A RAMP FOR OUR CHOIR IN LS6, BY EASTER", {}),
    ],
)
def test_what_another_field_or_the_text_says_is_not_asked_again(
    need: Builder, text: str, fields: dict[str, Any]
) -> None:
    assert hints(need("n", text, **fields), WORDS) == ()


@pytest.mark.parametrize("text", ["Help wanted", "HELP NEEDED!", "We urgently need some support, please."])
def test_a_text_that_says_not_what_is_asked_what_and_not_how_many(need: Builder, offer: Builder, text: str) -> None:
    first, *others = hints(need("n", text), WORDS)
    assert first == f"What? {quoted(text, 40)} does not say what is needed."
    assert [one for one in others if one.startswith("How")] == []
    assert hints(offer("o", text), WORDS)[0].endswith("does not say what is offered.")


def test_where_is_not_asked_when_the_organisation_s_place_stands_for_it(need: Builder) -> None:
    assert hints(need("n", "Twelve laptops for refugees, by Easter"), WORDS, has_home=True) == ()


def test_four_words_are_bare_and_so_are_any_that_say_nothing() -> None:
    says = {"A van for Leeds": True, "A van for all Leeds": False, "We need help from you, please": True}
    assert {text: is_bare(text) for text in says} == says


def test_three_hints_are_enough(need: Builder) -> None:
    found = hints(need("n", "Shelving with CSCS and ROTL"), WORDS)
    assert (len(found), found[0], found[1]) == (
        MOST,
        "How many, or how much? “Shelving with CSCS and ROTL” gives no number.",
        WHERE,
    )


def test_a_quotation_is_short_and_shows_no_contact_detail() -> None:
    assert quoted("Ring 0113 496 0000") == f"“Ring {HIDDEN}”"
    assert quoted("Forty chairs and twelve trestle tables for the spring", 20) == "“Forty chairs and …”"


def test_a_text_of_eleven_words_is_short() -> None:
    assert (is_short("a " * 11), is_short("a " * 12)) == (True, False)

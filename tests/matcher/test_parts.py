"""A need's parts as its text tells them: things, how many, days."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.parts import MOST, Thing, amount, days, free, numbers, things

WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def said(text: str) -> list[tuple[str, str, int | None]]:
    return [(one.says, one.kind, one.number) for one in things(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "We need a hall with a stage, forty chairs and somebody to cook.",
            [
                ("We need a hall with a stage", "space", None),
                ("forty chairs", "equipment", 40),
                ("somebody to cook", "people", None),
            ],
        ),
        (
            "For the fair: three tents, bunting, and a grant of £1,500 for insurance.",
            [
                ("three tents", "equipment", 3),
                ("bunting", "", None),
                ("a grant of £1,500 for insurance", "money", 1500),
            ],
        ),
        (
            "Placements: two in kitchens, and one with a joiner.",
            [("two in kitchens", "employment", 2), ("one with a joiner", "employment", 1)],
        ),
        (
            "Our hall is cold and nobody has a van. Volunteers to sort clothes and label them, please.",
            [("Volunteers to sort clothes and label them, please", "people", None)],
        ),
        ("A computer room.", [("A computer room", "space", None)]),
        ("We are hoping for a kiln.", [("a kiln", "", None)]),
        ("Company, now and then.", [("Company, now and then.", "", None)]),
        ("", [("", "", None)]),
    ],
    ids=["list", "after a colon", "some of", "not asked for", "compound", "hoped for", "one thing", "nothing"],
)
def test_a_text_is_cut_into_what_it_asks_for(text: str, found: list[tuple[str, str, int | None]]) -> None:
    assert said(text) == found


def test_a_thing_is_compared_by_what_it_is_and_a_few_words_around() -> None:
    (bikes,) = things("Twelve sturdy bicycles for people who live miles away from where they learn to read and write.")
    assert (bikes.number, bikes.core) == (12, "sturdy bicycles for people who live miles")
    first, _ = things("Placements: six on building sites, and four in offices where nobody shouts.")
    assert (first.asks, first.core) == ("Placements on building sites", "Placements on building sites")


@given(st.text(max_size=200))
def test_any_text_has_a_thing_and_not_too_many(text: str) -> None:
    found = things(text)
    assert 1 <= len(found) <= MOST
    assert days(text) == tuple(dict.fromkeys(days(text)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a Wednesday lunch", [["Wednesday"]]),
        ("on Mondays, Wednesdays and Fridays", [["Monday"], ["Wednesday"], ["Friday"]]),
        ("Tuesday or Thursday", [["Thursday", "Tuesday"]]),
        ("Monday to Wednesday", [["Monday"], ["Tuesday"], ["Wednesday"]]),
        ("Saturday to Monday", [["Saturday"], ["Sunday"], ["Monday"]]),
        ("at weekends", [["Saturday", "Sunday"]]),
        ("whenever you like", []),
    ],
)
def test_days_are_each_wanted_but_for_those_joined_by_or(text: str, found: list[list[str]]) -> None:
    assert [sorted(one) for one in days(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("any day of the week", WEEK),
        ("every weekday before ten", WEEK[:5]),
        ("at weekends, and on Fridays", ["Friday", "Saturday", "Sunday"]),
        ("Monday to Wednesday in term", WEEK[:3]),
        ("when there is no match", []),
    ],
)
def test_an_offer_is_free_on_the_days_it_names(text: str, found: list[str]) -> None:
    assert [day for day in WEEK if day in free(text)] == found


def test_times_ages_levels_and_sums_of_money_count_nothing() -> None:
    text = "Two hours at 10.30 for people aged 16, level 3, on 4 days, £200, 5% of 1,200 and twenty-five chairs"
    assert [value for value, _ in numbers(text)] == [1200, 25]


@pytest.mark.parametrize(
    ("clause", "given"),
    [
        ("about 30 laptops a quarter", 30),
        ("three staff wipe fifteen old laptops", 15),
        ("Eight colleagues would each stand by somebody", 8),
        ("laptops, wiped and tested", None),
    ],
)
def test_how_many_an_offer_gives_stands_before_the_same_noun_or_is_the_first_number(
    clause: str, given: int | None
) -> None:
    assert amount(clause, Thing("forty laptops", "laptops", "laptops", "equipment", 40)) == given


def test_money_is_counted_in_pounds() -> None:
    grant = Thing("a grant of £2,000", "a grant of £2,000", "grant", "money", 2000)
    assert [amount(text, grant) for text in ("up to £1,500 each", "£2k", "£1.2m in all", "two grants")] == [
        1500,
        2000,
        1_200_000,
        None,
    ]

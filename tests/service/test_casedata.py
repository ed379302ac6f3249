"""Signs of a particular person: found where somebody is spoken of, and nowhere else, few alarms for nothing."""

import csv
import time
from collections import Counter

import pytest

from matcher.artefacts import artefact
from service.casedata import Found, Sign, is_nhs_number, refused, signs

NAME, AGE, BIRTH, NHS, INSURANCE = Sign.NAME, Sign.AGE, Sign.BIRTH, Sign.NHS, Sign.INSURANCE
TELEPHONE, MAIL, STREET, POSTCODE = Sign.TELEPHONE, Sign.MAIL, Sign.STREET, Sign.POSTCODE

LABELLED = [
    ("A sofa for Mr Okonkwo, who moves in on Monday.", [(NAME, "Mr Okonkwo")]),
    ("Mrs. J Pritchard needs her garden cleared before the inspection.", [(NAME, "Mrs. J Pritchard")]),
    ("Somebody to drive Miss O'Hara to dialysis three times a week.", [(NAME, "Miss O'Hara")]),
    ("A laptop for a young woman called Amina Yusuf who starts college.", [(NAME, "woman called Amina Yusuf")]),
    ("We look after a boy named Tyler and need a mentor.", [(NAME, "boy named Tyler")]),
    ("My son Gethin is autistic and would love to try sailing.", [(NAME, "My son Gethin")]),
    ("Our client, Delroy Marsh, has nowhere to go in the daytime.", [(NAME, "Our client, Delroy Marsh")]),
    ("A ramp for our tenant Beryl.", [(NAME, "our tenant Beryl")]),
    ("Bed wanted for a 43-year-old man from Rotherham.", [(AGE, "a 43-year-old man")]),
    ("This is for a single mother aged 29 with two boys.", [(AGE, "a single mother aged 29")]),
    ("An eighty year old widower wants company on Sundays.", [(AGE, "An eighty year old widower")]),
    ("One of our residents, a former miner and a man of few words.", []),
    ("Work placement for one lad (17) who has left care.", [(AGE, "one lad (17)")]),
    ("A veteran, 61, sleeps in his van near the quay.", [(AGE, "A veteran, 61,")]),
    ("DOB 03/05/1961, discharged last week.", [(BIRTH, "DOB 03/05/1961")]),
    ("Date of birth: 3 May 1961.", [(BIRTH, "Date of birth: 3 May 1961")]),
    ("She was born on 12th February 1948 and lives alone.", [(BIRTH, "born on 12th February 1948")]),
    ("His number is 943 476 5919.", [(NHS, "943 476 5919")]),
    ("NHS no 9434765919, ward six.", [(NHS, "9434765919")]),
    ("NI number QQ 12 34 56 C is not one, AB 12 34 56 C is.", [(INSURANCE, "AB 12 34 56 C")]),
    ("Ring 0113 496 0000 before noon.", [(TELEPHONE, "0113 496 0000")]),
    ("Text her on 07700 900123.", [(TELEPHONE, "07700 900123")]),
    ("Write to jo.person@borea.example about the keys.", [(MAIL, "jo.person@borea.example")]),
    ("He lives at 12 Harbour Road.", [(STREET, "12 Harbour Road.")]),
    ("Collection from BS3 4AB on Friday.", [(POSTCODE, "BS3 4AB")]),
    (
        "Mr Khan, born 01/02/1950, 14 Station Road, Leeds LS1 4AP",
        [(NAME, "Mr Khan"), (BIRTH, "born 01/02/1950"), (STREET, "14 Station Road, Leeds LS1 4AP")],
    ),
    ("A sofa for Mr Smith, 43, who moves in on Monday.", [(NAME, "Mr Smith"), (AGE, "43")]),
    ("A ramp for Mrs Ada Jones (82).", [(NAME, "Mrs Ada"), (AGE, "82")]),
    ("Company for our client Beryl, aged 91", [(NAME, "our client Beryl"), (AGE, "91")]),
    ("We met Mr Smith, 12 years after the flood.", [(NAME, "Mr Smith")]),
    ("NHS 7123456785, unspaced, begins like a mobile.", [(NHS, "7123456785")]),
    ("We need a van called the Green Machine to be repaired.", []),
    ("A scheme named Steady Hands trains forty people a year.", []),
    ("Rooms for a group of 16-year-olds from three schools.", []),
    ("A 40-year-old minibus wants a good home.", []),
    ("Football for boys and girls aged 8 to 11 on Saturdays.", []),
    ("Homes for care leavers aged 18, 19 and 20.", []),
    ("The club was born in 1961 and has met on Tuesdays since.", []),
    ("Our charity number is 1123456 and we serve 1,900 people.", []),
    ("Room for 250 people from 9.30 to 16.45, until 31/12/2026.", []),
    ("We won £1234567890 in a dream and woke up.", []),
    ("A mentor for each of twelve young people, an hour a week.", []),
    ("Our patients wait in a corridor; our tenants in the rain.", []),
    ("Postcode districts LS6 and LS7, on the ground floor.", []),
    ("Ten digits that pass no check: 943 476 5918.", []),
    ("A friend in Wednesday's group said that her mother Monday to Friday cares alone.", []),
    ("Dr Barnardo would have known what to do with an empty chapel.", []),
]


@pytest.mark.parametrize(("text", "expected"), LABELLED)
def test_each_of_some_forty_texts_shows_the_signs_it_has(text: str, expected: list[tuple[Sign, str]]) -> None:
    assert [(one.sign, text[one.start : one.end]) for one in signs(text)] == expected


def test_hardly_any_listing_of_the_example_warns() -> None:
    """Invented by people who were told that listings are about organisations: what warns is a false alarm or a slip."""
    with artefact("data", "example", "listings.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [{one.sign for field in ("text", "evidence", "gain") for one in signs(row[field])} for row in rows]
    assert len(rows) == 475
    assert Counter(sign for of_one in found for sign in of_one) == {NAME: 1}  # of a teacher somebody remembers


def test_a_sign_says_where_it_stands_and_what_it_is_in_words() -> None:
    assert signs("For Mr Smith.") == (Found(NAME, 4, 12),)
    assert str(NAME) == "a person’s name"


def test_what_may_not_stand_in_a_text_is_told_by_field() -> None:
    both = "DOB 03/05/1961, NHS 943 476 5919, DOB 03/05/1961"
    assert refused({"text": "For Mr Smith, 43, of 12 Harbour Road", "gain": both}) == {
        "gain": "Leave out a date of birth and an NHS number: that is never saved here, whoever’s it is."
    }


@pytest.mark.parametrize(
    ("number", "passes"),
    [
        ("943 476 5919", True),
        ("943-476-5919", True),
        ("9434765918", False),
        ("1111111111", False),
        ("401 023 2137", True),
        ("943476591", False),
        ("", False),
    ],
)
def test_the_check_digit_of_an_nhs_number(number: str, passes: bool) -> None:
    assert is_nhs_number(number) is passes


@pytest.mark.parametrize(
    "text", ["a " * 5000, "x-" * 5000, "1 " * 5000, "Mr " * 5000, "our client " * 2000, " " * 10000]
)
def test_no_text_however_hostile_takes_long(text: str) -> None:
    start = time.perf_counter()
    signs(text)
    assert time.perf_counter() - start < 2

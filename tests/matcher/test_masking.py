import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.masking import HIDDEN, mask

CONTACTS = [
    "amina.yusuf@borea.example",
    "Amina.Yusuf+rooms@mail.borea.org.uk",
    "amina (at) borea.org",
    "amina[at]borea[dot]org",
    "amina @ borea.org",
    "amina＠borea.org",
    "amina\u200b@borea\u200b.org",
    "amina at borea dot org",
    "AMINA AT BOREA DOT CO DOT UK",
    "amina.yusuf@borea dot org.uk",
    "07700 900123",
    "07700900123",
    "7700 900123",
    "7700 900 123",
    "7700900123",
    "07700/900123",
    "07700_900123",
    "0\u200b7\u200b7\u200b0\u200b0\u200b9\u200b0\u200b0\u200b1\u200b2\u200b3",
    "+\u206044 77\u200d00 \ufeff900\u00ad\u200c123",
    "07700-900-123",
    "07700.900.123",
    "+44 7700 900123",
    "+447700900123",
    "+44 (0)20 7946 0958",
    "0044 20 7946 0958",
    "44 7700 900123",
    "020 7946 0958",
    "(020) 7946 0958",
    "020-7946-0958",
    "(01227) 496 012",
    "01227 496012",
    "0800 11 11 11",
    "+33 1 23 45 67 89",
    "https://borea.example/rooms?day=mon",
    "http://borea.example",
    "www.borea.org.uk/contact",
    "０７７００ ９００１２３",
    "＋４４ ７７００ ９００１２３",
    "٠٧٧٠٠ ٩٠٠١٢٣",
    "amina＠borea．org",
    "amina@[192.0.2.1]",
    "amina@[IPv6:2001:db8::1]",
    "@amina_borea",
    "@amina.borea",
    "t.me/amina",
    "wa.me/447700900123",
    "linktr.ee/borea",
    "kentfood.org.uk",
    "Kent-Food.Org.Uk",
    "rooms.kentfood.org.uk/monday?at=9",
    "facebook.com/x",
    "example.com",
    "borea.wales",
    "kent.nhs.uk",
    "12 High Street",
    "12 Church Walk",
    "5 Queen's Mews",
    "12 St. John's Road",
    "12 St.John's Road",
    "7 The Green",
    "3 Marine Parade, Margate",
    "12a St Mary's Road",
    "12-14 Station Road, Canterbury",
    "7 Old Mill Lane, Canterbury, Kent CT1 2AB",
    "12 High Street, Canterbury CT1 2AB",
    "CT1 2AB",
    "CT12AB",
    "ct1 2ab",
    "CT1  2AB",
    "SW1A 1AA",
]

INNOCENT = [
    "Arts@Leeds and Homework@home, at 5 @ the hall, and/or by tram.",
    "twelve ½-day sessions, 3² rooms, ten in.me no less",
    "from 2019 to 2024, again in 2025-2026 and 2027–28",
    "£1,400 a year, £12,500,000 in all, £0.50 each",
    "rooms for 30, 120 chairs, 1,200 people",
    "on 3 May 2026, 2026-05-03, 03/05/2026 or 03.05.2026",
    "2026-01-05 – 2026-02-05",
    "01.02.2026 – 03.04.26",
    "01/02/2026 - 03/04/2026",
    "9am to 5pm, 09:00-17:30, 09.00 – 17.00",
    "09.00-12.00 13.00-17.00 on weekdays",
    "50%, 12.5%, a ratio of 24/7",
    "charity number 1123456",
    "GB-CHC-0000123",
    "aged 0-19 or 16 to 25",
    "in CT1 and the M25, off the M20 2nd exit",
    "the 4th of 12 sessions at Level 3",
    "meet @ the hall",
    "band 5, section 136, Year 11",
    "09/2025–07/26, 09/25-07/2026, 2025/26 and 01/2026",
    "£7000-150000 a year, 7500 (2025/26), 7,700,900 people",
    "ages 7-9 10-12 in 2025",
    "e.g. at 9.30am in St.John, i.e. near the U.K. border",
    "in Cardiff.Wales has many; ask for more.Info follows",
    "Node.js, .NET and version 1.2.3 at 0.75",
    "look at the dot on the map, at polka dot dresses",
    "12 high street projects, 30 local street champions, 10 NHS Green Plans",
    "30 St. John Ambulance volunteers",
    "می\u200cخواهم, 👩\u200d🚀",
]


@pytest.mark.parametrize("contact", CONTACTS)
def test_contact_details_are_hidden_and_the_words_around_them_stay(contact: str) -> None:
    assert mask(f"Ask for Amina: {contact} any day.") == f"Ask for Amina: {HIDDEN} any day."


@pytest.mark.parametrize("text", INNOCENT)
def test_what_reaches_nobody_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("020 7946 0958 07700 900123", f"{HIDDEN} {HIDDEN}"),
        ("0300 123 4567/0300 123 4568", f"{HIDDEN}/{HIDDEN}"),
        ("open 9-5. 01227 496012", f"open 9-5. {HIDDEN}"),
        ("in 2024 07700 900123 rang", f"in 2024 {HIDDEN} rang"),
        ("tel.07700 900123", f"tel.{HIDDEN}"),
        ("Tel07700 900123ext 5", f"Tel{HIDDEN}ext 5"),
        ("07700 900123 12 places", f"{HIDDEN} 12 places"),
        ("kentfood.org.uk, example.com.", f"{HIDDEN}, {HIDDEN}."),
        ("borea.org–ciano.net", f"{HIDDEN}–{HIDDEN}"),
        ("alba.org/amina@borea.org", f"{HIDDEN}/{HIDDEN}"),
        ("borea.wales07700 900123", HIDDEN * 2),
        ("from 09/25 07700 900123", f"from 09/25 {HIDDEN}"),
        ("07700 900123 (2024 – 2026)", f"{HIDDEN} (2024 – 2026)"),
        ("on 03.05.2026 07700 900123", f"on 03.05.2026 {HIDDEN}"),
    ],
)
def test_a_number_beside_another_is_hidden_too(text: str, shown: str) -> None:
    assert mask(text) == shown


PIECES = [
    *CONTACTS,
    *INNOCENT,
    "a",
    "B",
    "0",
    "7",
    "12",
    "(",
    ")",
    "+",
    "-",
    "–",
    ".",
    ",",
    "@",
    " ",
    "\n",
    "[",
    "]",
    "www.",
    "Street",
    "High ",
    "(at)",
    " at ",
    " dot ",
    "org",
    ".uk",
    "/",
    "_",
    "£",
    "\u200b",
    "\u200d",
    "St. ",
    HIDDEN,
    "é",
    "\ud800",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@given(st.sampled_from(CONTACTS), st.text(alphabet="abc ,;\n", max_size=20), st.text(alphabet="xyz ,;\n", max_size=20))
def test_no_detail_shows_whatever_stands_around_it(contact: str, before: str, after: str) -> None:
    assert contact not in mask(f"{before} {contact} {after}")


@pytest.mark.parametrize(
    "run",
    [
        "1",
        " ",
        ".",
        "@",
        "(",
        "+",
        "-",
        "a",
        "0 ",
        "( ",
        "a.",
        "a@",
        "a@b ",
        "www.",
        "Ab ",
        "1 Ab ",
        "High Street ",
        "A1 ",
        "a-",
        "a at ",
        "a at a dot ",
        "a.com/",
        "7",
        "7700 ",
        "0/",
        "\u200b",
        "1\u200b",
        "é\u200b",
        "1 St. ",
        "1 St.",
    ],
)
def test_two_hundred_thousand_hostile_characters_take_less_than_a_second(run: str) -> None:
    text = (run * 200_000)[:200_000]
    start = time.process_time()
    mask(f"1 {text}x")
    assert time.process_time() - start < 1


def test_a_hostile_mixture_takes_less_than_a_second() -> None:
    text = "".join(random.Random(1).choices("01 .@(+-–aB,\n", k=200_000))
    start = time.process_time()
    mask(text)
    assert time.process_time() - start < 1

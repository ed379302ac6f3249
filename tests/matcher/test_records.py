from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from matcher.records import Kind, Listing, profile

Builder = Callable[..., Any]


@pytest.mark.parametrize(
    ("opens", "closes", "is_open"),
    [
        (None, None, True),
        (date(2026, 6, 1), date(2026, 6, 1), True),
        (date(2026, 6, 2), None, False),
        (None, date(2026, 5, 31), False),
        (date(2026, 5, 1), date(2026, 7, 1), True),
    ],
)
def test_a_listing_is_open_from_its_first_to_its_last_day(
    opens: date | None, closes: date | None, is_open: bool, need: Builder
) -> None:
    assert need("n", opens=opens, closes=closes).is_open(date(2026, 6, 1)) is is_open


def test_a_profile_is_the_description_read_as_an_offer(organisation: Builder) -> None:
    assert profile(organisation("borea", description="We lend vans.", places=("Kent",))) == Listing(
        id="profile:borea",
        organisation="borea",
        kind=Kind.PROFILE,
        text="Borea. We lend vans.",
        places=("Kent",),
    )

"""Who is missing from a session: each gap where it is one, and whoever is best placed to fill it, with reasons."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from matcher.gaps import Gap, Lack, Room, Voice, gaps
from matcher.network import Network
from matcher.ranking import Ranker
from matcher.records import History, Standing
from matcher.vocabulary import Role, Term, Vocabulary

Builder = Callable[..., Any]
TODAY = date(2026, 6, 1)
WORK = Vocabulary(
    themes={"work": Term("work", "Work", ""), "homes": Term("homes", "Homes", "")},
    roles={
        "employer": Role("employer", "Employer", "Creates jobs.", themes=("work",)),
        "health": Role("health", "Health", "Cares.", themes=("work", "homes")),
        "housing": Role("housing", "Housing", "Lets homes.", themes=("homes",)),
    },
    sectors={"public": Term("public", "Public", ""), "private": Term("private", "Private sector", "")},
    resources={"employment": Term("employment", "Jobs and placements", "")},
)
JOBS = "jobs for people who look after somebody"


@pytest.fixture(scope="session")
def seen(ranker: Ranker) -> Builder:
    def build(
        network: Network,
        *attendees: str,
        themes: tuple[str, ...] = ("work",),
        history: History | None = None,
        **what: Any,
    ) -> Room:
        return gaps(
            network,
            themes=themes,
            attendees=attendees,
            ranker=ranker,
            on=TODAY,
            history=history or History(),
            **what,
        )

    return build


def about(room: Room, lack: Lack) -> list[Gap]:
    return [gap for gap in room.gaps if gap.about is lack]


def named(gap: Gap) -> list[str]:
    return [one.organisation for one in gap.invitees]


def filler(offer: Builder, count: int = 20) -> list[Any]:
    return [offer(f"x{n:02}", f"a choir for a carol evening {n}", organisation=f"other{n:02}") for n in range(count)]


@pytest.fixture
def met(network: Builder, need: Builder, offer: Builder, organisation: Builder) -> Network:
    """Alba cares and seeks jobs; borea makes jobs in Leeds; ciano makes jobs in Truro and has nothing to say."""
    people = [
        organisation("alba", roles=("health",), sectors=("public",)),
        organisation("borea", roles=("employer", "housing"), sectors=("private",), places=("Leeds",)),
        organisation("ciano", roles=("employer",), sectors=("private",), places=("Truro",)),
        organisation("dario", sectors=("public",)),
    ]
    listings = [
        need("n", JOBS, themes=("work",), resource="employment"),
        offer("o", JOBS, themes=("work",), resource="employment"),
        *filler(offer),
    ]
    built: Network = network(listings, people, WORK)
    return built


def test_the_roles_that_the_themes_want_are_held_against_who_comes(met: Network, seen: Builder) -> None:
    assert seen(met, "dario", "alba").voices == (
        Voice("employer", "Employer", "Creates jobs.", ()),
        Voice("health", "Health", "Cares.", ("alba",)),
    )
    assert [voice.role for voice in seen(met, themes=("homes",)).voices] == ["health", "housing"]
    assert [voice.role for voice in seen(met, themes=("homes", "work", "unheard of")).voices] == [
        "employer",
        "health",
        "housing",
    ]


def test_a_missing_role_is_told_with_whoever_would_fill_it_best_and_why(met: Network, seen: Builder) -> None:
    (gap,) = about(seen(met, "alba", "dario", places=("Leeds",)), Lack.ROLE)
    assert (gap.key, gap.says) == ("employer", "Missing: Employer. Creates jobs.")
    assert [(one.organisation, one.reasons) for one in gap.invitees] == [
        (
            "borea",
            (
                "On record as: employer, housing.",
                "It would bring what is missing: Employer.",
                f"It could help Alba: “{JOBS}” meets “{JOBS}”.",
                "It has listed something about work.",
                "It is in Leeds, as the session is.",
            ),
        ),
        (
            "ciano",
            (
                "On record as: employer.",
                "It would bring what is missing: Employer.",
                "Nothing it has listed fits what those who attend have listed.",
                "It is in Truro, about 460 km from Leeds.",
            ),
        ),
    ]
    assert gap.invitees[0].worth > gap.invitees[1].worth


def test_a_body_may_hold_several_roles_and_fills_each(met: Network, seen: Builder) -> None:
    room = seen(met, "borea", "alba", themes=("work", "homes"))
    assert [(voice.role, voice.present) for voice in room.voices] == [
        ("employer", ("borea",)),
        ("health", ("alba",)),
        ("housing", ("borea",)),
    ]
    assert about(room, Lack.ROLE) == []


def test_a_lone_voice_of_a_role_or_a_sector_is_pointed_out(met: Network, seen: Builder) -> None:
    room = seen(met, "alba", "dario", "borea")
    assert [(gap.key, gap.says, named(gap)) for gap in about(room, Lack.LONE_ROLE)] == [
        ("employer", "Borea is the only one in the room for: Employer.", ["ciano"]),
        ("health", "Alba is the only one in the room for: Health.", []),
    ]
    assert [(gap.key, gap.says, named(gap)) for gap in about(room, Lack.LONE_SECTOR)] == [
        ("private", "Borea is the only one in the room from the private sector.", ["ciano"])
    ]
    assert about(seen(met, "borea", "ciano"), Lack.LONE_SECTOR) == []
    assert about(seen(met, "borea"), Lack.LONE_SECTOR) == []


def test_a_sector_of_which_nobody_comes_is_told(met: Network, seen: Builder) -> None:
    assert [(gap.key, gap.says) for gap in about(seen(met, "alba"), Lack.SECTOR)] == [
        ("private", "Nobody in the room is from the private sector.")
    ]


def test_where_only_one_side_is_in_the_room_that_is_told_plainly(met: Network, seen: Builder) -> None:
    room = seen(met, "alba", "ciano")
    assert [(gap.says, named(gap)) for gap in about(room, Lack.SIDE)] == [
        ("Work: only one side is in the room. One attendee needs something, and nobody offers anything.", ["borea"])
    ]
    assert [(gap.says, named(gap)) for gap in about(room, Lack.RESOURCE)] == [
        ("Jobs and placements: one attendee asks for this, and nobody in the room offers any.", ["borea"])
    ]
    assert about(room, Lack.RESOURCE)[0].invitees[0].reasons[0] == f"It offers “{JOBS}”."
    assert [(gap.says, named(gap)) for gap in about(seen(met, "borea"), Lack.SIDE)] == [
        ("Work: only one side is in the room. One attendee offers something, and nobody needs anything.", ["alba"])
    ]
    both = seen(met, "alba", "borea")
    assert about(both, Lack.SIDE) + about(both, Lack.RESOURCE) == []


def test_what_is_not_open_is_no_side(met: Network, seen: Builder) -> None:
    closed = replace(met.listings["o"], closes=TODAY - timedelta(days=1))
    after = met.updated({}, {"o": closed}, 1)
    (gap,) = about(seen(after, "alba", "borea"), Lack.SIDE)
    assert gap.says.endswith("One attendee needs something, and nobody offers anything.")
    assert gap.invitees == ()


def test_whose_role_nobody_recorded_is_named_and_none_is_inferred(met: Network, seen: Builder) -> None:
    room = seen(met, "alba", "dario")
    assert room.unrecorded == ("dario",)
    assert room.says == ("No role is recorded for: Dario.", "Nothing is listed, or open on that day, for: Dario.")


def test_without_a_theme_nobody_can_be_missing(met: Network, seen: Builder) -> None:
    room = seen(met, "alba", themes=())
    assert (room.voices, about(room, Lack.ROLE)) == ((), [])
    assert room.says == ("No theme is set for this session, so no role can be said to be missing.",)


@pytest.mark.parametrize(
    "what",
    [
        {"besides": {"borea"}},
        {"history": History(paused=frozenset({"borea"}))},
        {"history": History(blocked=frozenset({frozenset({"borea", "alba"})}))},
    ],
    ids=["asked already", "paused", "blocked"],
)
def test_whom_not_to_ask_is_not_proposed_first(met: Network, seen: Builder, what: dict[str, Any]) -> None:
    (gap,) = about(seen(met, "alba", **what), Lack.ROLE)
    quoted = [reason for one in gap.invitees for reason in one.reasons if "could help" in reason]
    assert ("ciano" in named(gap), quoted) == (True, [])


def test_only_members_are_proposed_and_no_more_than_asked_for(
    met: Network, organisation: Builder, seen: Builder
) -> None:
    listed = met.updated(
        {"eva": organisation("eva", roles=("employer",), standing=Standing.LISTED)},
        {},
        1,
    )
    (gap,) = about(seen(listed, "alba"), Lack.ROLE)
    assert named(gap) == ["borea", "ciano"]
    (gap,) = about(seen(listed, "alba", invitees=1), Lack.ROLE)
    assert named(gap) == ["borea"]


def test_who_was_introduced_often_comes_later_and_that_is_told(
    met: Network, organisation: Builder, seen: Builder
) -> None:
    twin = met.updated({"aldo": organisation("aldo", roles=("employer",), sectors=("private",))}, {}, 1)
    (gap,) = about(seen(twin, "alba", "borea", "dario", themes=("work",)), Lack.LONE_ROLE)[:1]
    assert named(gap) == ["aldo", "ciano"]
    busy = History(introduced={"aldo": 2})
    (gap,) = about(seen(twin, "alba", "borea", "dario", history=busy), Lack.LONE_ROLE)[:1]
    assert named(gap) == ["ciano", "aldo"]
    assert gap.invitees[1].reasons[-1] == "Mind: it was introduced 2 times in the last eight weeks."


def test_the_order_in_which_attendees_and_themes_are_given_changes_nothing(met: Network, seen: Builder) -> None:
    room, chance = ["alba", "borea", "dario"], Random(1)
    first = seen(met, *room, themes=("homes", "work"))
    chance.shuffle(room)
    assert seen(met, *room, themes=("work", "homes")) == first


def test_nobody_at_all_is_met_without_an_error(network: Builder, seen: Builder) -> None:
    assert seen(network([], vocabulary=WORK), "gone") == Room(
        themes=("work",),
        voices=(Voice("employer", "Employer", "Creates jobs.", ()), Voice("health", "Health", "Cares.", ())),
        gaps=(
            Gap(Lack.ROLE, "employer", "Missing: Employer. Creates jobs."),
            Gap(Lack.ROLE, "health", "Missing: Health. Cares."),
        ),
    )

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from matcher.explaining import explain
from matcher.masking import HIDDEN
from matcher.network import Network
from matcher.records import About, Reason
from matcher.vocabulary import Duty, Size, Term, Vocabulary

Builder = Callable[..., Any]
TODAY = date(2026, 6, 1)
WORDS = replace(
    Vocabulary(),
    themes={"youth": Term("youth", "Youth opportunity", "", ("care leavers",)), "age": Term("age", "Ageing", "")},
    sectors={"private": Term("private", "Private", ""), "voluntary": Term("voluntary", "Voluntary sector", "")},
    sizes={"micro": Size("micro", "Micro", ""), "large": Size("large", "Large", "")},
    resources={"people": Term("people", "People and skills", ""), "equipment": Term("equipment", "Equipment", "")},
    duties={
        "homes": Duty("homes", "Housing", "Housing is the council's duty: speak with them first.", ("housing list",))
    },
)


def explained(network: Network, need: str = "n", offer: str = "o") -> list[tuple[Reason, ...]]:
    pair = network.entry(need), network.entry(offer)
    return list(explain(network, [pair], TODAY)[0])


def test_a_pair_at_the_same_place_with_contact_details_in_both_texts(
    network: Builder, need: Builder, offer: Builder, organisation: Builder
) -> None:
    wanted = need(
        "n",
        "We look for a van on Mondays, ring 07700 900123. Our people are old.",
        places=("Canterbury",),
        resource="equipment",
        closes=date(2026, 6, 20),
    )
    given = offer(
        "o",
        "A van of ours stands idle on Mondays: write to amina@borea.example. We are proud of it.",
        places=("Canterbury",),
        resource="equipment",
        evidence="Lent to four groups; ask www.borea.example.",
    )
    borea = organisation("borea", sectors=("private",), size="large")
    alba = organisation("alba", sectors=("voluntary",), size="micro")
    assert explained(network([wanted, given], [alba, borea], WORDS)) == [
        (
            Reason(
                About.CLAUSES,
                f"“We look for a van on Mondays, ring {HIDDEN}” meets "
                f"“A van of ours stands idle on Mondays: write to {HIDDEN}”.",
                f"We look for a van on Mondays, ring {HIDDEN}.",
                f"A van of ours stands idle on Mondays: write to {HIDDEN}.",
            ),
            Reason(About.PLACE, "Both are in Canterbury."),
            Reason(About.RESOURCE, "Asked for and offered: equipment."),
            Reason(
                About.PARTNERS,
                "A large private organisation and a micro voluntary organisation bring different things.",
            ),
            Reason(About.EVIDENCE, f"Track record: “Lent to four groups; ask {HIDDEN}”."),
        ),
        (Reason(About.TIMING, "It has to be soon: the need closes on 20 June 2026."),),
        (),
    ]


def test_a_pair_far_apart_of_which_one_works_at_a_distance(network: Builder, need: Builder, offer: Builder) -> None:
    wanted = need("n", "Mentors for care leavers.", places=("Kent",), resource="equipment", closes=date(2027, 1, 1))
    given = offer(
        "o",
        "Mentors, one evening a month.",
        places=("Cornwall",),
        remote=True,
        resource="people",
        themes=("youth", "age"),
        closes=date(2026, 12, 3),
    )
    assert explained(network([wanted, given], (), WORDS)) == [
        (
            Reason(
                About.CLAUSES,
                "“Mentors for care leavers” meets “Mentors, one evening a month”.",
                "Mentors for care leavers.",
                "Mentors, one evening a month.",
            ),
            Reason(About.PLACE, "It can be done at a distance."),
            Reason(About.THEME, "Both are about youth opportunity."),
            Reason(About.TIMING, "The offer is open until 3 December 2026."),
        ),
        (
            Reason(About.PLACE, "The offer is in Cornwall, the need is in Kent."),
            Reason(About.RESOURCE, "The need asks for equipment, the offer is of people and skills."),
        ),
        (),
    ]


def test_a_need_and_a_profile_that_both_name_a_duty(network: Builder, need: Builder, organisation: Builder) -> None:
    borea = organisation("borea", description="We advise on the Housing List.", places=("South East",))
    wanted = need("n", "Somebody who knows the housing list.", places=("Kent",))
    assert explained(network([wanted], [borea], WORDS), offer="profile:borea") == [
        (
            Reason(
                About.CLAUSES,
                "“Somebody who knows the housing list” meets “Borea. We advise on the Housing List”.",
                "Somebody who knows the housing list.",
                "Borea. We advise on the Housing List.",
            ),
            Reason(About.PLACE, "Kent lies within South East."),
        ),
        (Reason(About.PROFILE, "Borea has not offered this: it was read from its description. Ask."),),
        (Reason(About.DUTY, "Housing is the council's duty: speak with them first."),),
    ]


@pytest.mark.parametrize(
    ("of_need", "of_offer", "for_it", "against_it"),
    [
        (("Kent",), ("Medway",), ["Medway lies within Kent."], []),
        (("Leeds",), ("Bradford",), ["Leeds and Bradford are about 15 km apart."], []),
        (("Leeds",), ("York",), ["Leeds and York are about 35 km apart."], []),  # 9.9 km between their edges
        (("Leeds",), ("Sheffield",), [], ["Leeds and Sheffield are about 45 km apart."]),  # 14 km
        (("South East",), ("Canterbury",), ["Canterbury lies within South East."], []),
        (("Leeds",), ("Hull", "Leeds"), ["Both are in Leeds."], []),
        (
            ("Leeds", "online"),
            ("Hull",),
            ["It can be done at a distance."],
            ["The offer is in Kingston upon Hull, the need is in Leeds."],
        ),
        (("Kent",), ("Cornwall",), [], ["The offer is in Cornwall, the need is in Kent, about 400 km apart."]),
        (("Kent",), ("online",), ["It can be done at a distance."], []),
        (("Kent",), (), [], ["The offer does not say where it is: ask."]),
        ((), ("Kent",), [], ["The need does not say where it is: ask."]),
        (("Kent",), ("Cornwall", "Kent"), ["Both are in Kent."], []),
    ],
)
def test_where_the_two_are(
    of_need: tuple[str, ...],
    of_offer: tuple[str, ...],
    for_it: list[str],
    against_it: list[str],
    network: Builder,
    need: Builder,
    offer: Builder,
) -> None:
    reasons, mismatches, _ = explained(network([need("n", places=of_need), offer("o", places=of_offer)]))
    assert [reason.says for reason in reasons if reason.about is About.PLACE] == for_it
    assert [reason.says for reason in mismatches if reason.about is About.PLACE] == against_it


@pytest.mark.parametrize(("closes", "soon"), [(date(2026, 7, 13), True), (date(2026, 7, 14), False)])
def test_what_closes_within_six_weeks_is_a_mismatch(
    closes: date, soon: bool, network: Builder, need: Builder, offer: Builder
) -> None:
    reasons, mismatches, _ = explained(network([need("n", closes=closes), offer("o")]))
    hurry = Reason(About.TIMING, f"It has to be soon: the need closes on {closes.day} July 2026.")
    leisure = Reason(About.TIMING, f"The need is open until {closes.day} July 2026.")
    assert (hurry in mismatches, leisure in reasons) == (soon, not soon)


def test_a_dash_beside_a_phrase_hides_nothing(network: Builder, need: Builder, offer: Builder) -> None:
    text = "We help people back into work – sorting, packing. Ring 07700 900123 any weekday morning."
    reasons, _, _ = explained(network([need("n", "people back into work, sorting and packing"), offer("o", text)]))
    assert reasons[0].offer_clause == "We help people back into work sorting, packing."


def test_a_number_cut_in_two_between_phrases_stays_hidden(network: Builder, need: Builder, offer: Builder) -> None:
    text = "Ring us in the morning on 07700 – 900123 about the van we lend."
    reasons, _, _ = explained(network([need("n", "the van we lend"), offer("o", text)]))
    assert "900123" not in reasons[0].says


def test_several_themes_are_listed_in_the_order_of_the_file(network: Builder, need: Builder, offer: Builder) -> None:
    met = network([need("n", themes=("age", "youth")), offer("o", themes=("youth", "age"))], (), WORDS)
    assert Reason(About.THEME, "Both are about youth opportunity; and ageing.") in explained(met)[0]


def test_the_clauses_that_meet_are_quoted_and_not_those_beside_them(
    network: Builder, need: Builder, offer: Builder
) -> None:
    met = network(
        [
            need("n", "Our hall is cold in winter. We need forty chairs for concerts. Nobody here owns a saw."),
            offer("o", "The bakery opens at six. Forty chairs from concerts stand in our cellar. We like dogs a lot."),
        ]
    )
    clauses = explained(met)[0][0]
    assert (clauses.need_clause, clauses.offer_clause) == (
        "We need forty chairs for concerts.",
        "Forty chairs from concerts stand in our cellar.",
    )


def test_a_long_clause_is_cut_at_a_word(network: Builder, need: Builder, offer: Builder) -> None:
    clauses = explained(network([need("n", "van " * 150), offer("o", "a van")]))[0][0]
    assert clauses.need_clause == " ".join(["van"] * 60) + " …"
    assert len(clauses.need_clause) <= 242


def test_a_contact_at_the_cut_is_not_shown_in_part(network: Builder, need: Builder, offer: Builder) -> None:
    text = f"{'van ' * 57}write to amina.yusuf@borea.example {'van ' * 20}"
    assert "amina" not in explained(network([need("n", text), offer("o", "a van")]))[0][0].need_clause


def test_every_pair_of_many_gets_its_own_reasons(network: Builder, need: Builder, offer: Builder) -> None:
    met: Network = network([need("n", "van"), need("m", "room"), offer("o", "a van"), offer("p", "a room")])
    pairs = [(met.entry(n), met.entry(o)) for n in ("n", "m") for o in ("o", "p")]
    assert [reasons[0].says for reasons, _, _ in explain(met, pairs, TODAY)] == [
        "“van” meets “a van”.",
        "“van” meets “a room”.",
        "“room” meets “a van”.",
        "“room” meets “a room”.",
    ]
    assert explain(met, [], TODAY) == []


def test_a_draft_of_nobodys_is_explained(network: Builder, need: Builder, offer: Builder) -> None:
    met: Network = network([offer("o", "a van")])
    draft = met.draft(need("draft", "a van", organisation="nobody"))
    assert explain(met, [(draft, met.entry("o"))], TODAY)[0][0] == (
        Reason(About.CLAUSES, "“a van” meets “a van”.", "a van", "a van"),
    )


@pytest.mark.parametrize(("of_need", "of_offer"), [("", "a van"), ("a van", ""), (" \n", "")])
def test_an_empty_text_is_no_trouble(
    of_need: str, of_offer: str, network: Builder, need: Builder, offer: Builder
) -> None:
    assert explained(network([need("n", of_need), offer("o", of_offer)]))


def test_a_place_to_travel_to_is_no_hindrance_where_it_can_be_done_at_a_distance(
    network: Builder, need: Builder, offer: Builder
) -> None:
    met = network([need("n", places=("Leeds",)), offer("o", places=("Sheffield",), remote=True)])
    reasons, mismatches, _ = explained(met)
    assert Reason(About.PLACE, "Leeds and Sheffield are about 45 km apart.") in reasons
    assert [reason for reason in mismatches if reason.about is About.PLACE] == []

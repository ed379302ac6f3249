from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.answering import network_of
from evaluation.collection import Collection, CollectionError, load
from evaluation.serving import Bin, Calibration, Falsehoods, Quotes, calibration, falsehoods, quoted_right, sharing
from matcher.assembling import Core
from matcher.records import Organisation, OrganisationId, Suggestion

Judged = Callable[..., Collection]
Suggested = Callable[..., list[Suggestion]]
Written = Callable[..., Path]
Rows = Callable[..., str]


def organisations(count: int, **what: object) -> list[Organisation]:
    return [Organisation(id=OrganisationId(f"o{n}"), name=f"O{n}", **what) for n in range(count)]  # type: ignore[arg-type]


def test_equal_shares_have_no_gini(judged: Judged, suggested: Suggested) -> None:
    owners = [one.id for one in organisations(4)]
    collection = judged({"q": dict.fromkeys(owners, 1)}, organisations(4))
    found = sharing(collection, {"q": suggested(collection, "q", *owners)}, ["q"])
    assert (found.suggestions, found.gini, found.coverage) == (4, pytest.approx(0), 1)
    assert found.lorenz == pytest.approx([n / 20 for n in range(21)])


def test_all_to_one_has_a_gini_near_1(judged: Judged, suggested: Suggested) -> None:
    collection = judged({f"q{n}": {"o7": 1} for n in range(5)}, organisations(100))
    found = sharing(
        collection, {query: suggested(collection, query, "o7") for query in collection.qrels}, sorted(collection.qrels)
    )
    assert (found.suggestions, found.gini, found.coverage) == (5, pytest.approx(0.99), 0.01)
    assert (found.lorenz[0], found.lorenz[19], found.lorenz[20]) == (0, 0, 1)


def test_the_gini_of_four_shares_by_hand(judged: Judged, suggested: Suggested) -> None:
    """0, 1, 1, 2 suggestions: differences over all 16 pairs add up to 2·(1+1+2+0+1+1) = 12; 12/(2·4²·1) = 3/8."""
    collection = judged({"q1": {}, "q2": {}}, organisations(4))
    sent = {"q1": suggested(collection, "q1", "o1", "o2"), "q2": suggested(collection, "q2", "o3", "o3")}
    found = sharing(collection, sent, ["q1", "q2"])
    assert found.gini == pytest.approx(3 / 8)
    assert found.coverage == 3 / 4
    assert [found.lorenz[row] for row in (5, 10, 15, 20)] == [0, 0.25, 0.5, 1]


def test_suggestions_to_small_organisations_stand_beside_what_they_hold(judged: Judged, suggested: Suggested) -> None:
    sizes = {"o0": "micro", "o1": "small", "o2": "medium", "o3": "large", "o4": ""}
    owners = [Organisation(id=OrganisationId(one), name=one, size=size) for one, size in sizes.items()]
    collection = judged({"q1": {}, "q2": {}}, owners)
    sent = {"q1": suggested(collection, "q1", "o0", "o2", "o3"), "q2": suggested(collection, "q2", "o3", "o4")}
    found = sharing(collection, sent, ["q1", "q2"])
    assert (found.to_small, found.small_listings) == (1 / 4, 2 / 4)


def test_only_the_queries_asked_about_count(judged: Judged, suggested: Suggested) -> None:
    collection = judged({"q1": {}, "q2": {}}, organisations(2))
    sent = {"q1": suggested(collection, "q1", "o0"), "q2": suggested(collection, "q2", "o1")}
    found = sharing(collection, sent, ["q1"])
    assert (found.suggestions, found.coverage) == (1, 0.5)


def test_pairs_without_a_sector_in_common_cross_sectors(judged: Judged, suggested: Suggested) -> None:
    sectors = {"alba": ("voluntary",), "o0": ("public", "voluntary"), "o1": ("public",), "o2": ("private",), "o3": ()}
    owners = [Organisation(id=OrganisationId(one), name=one, sectors=of) for one, of in sectors.items()]
    collection = judged({"q": {}}, owners)
    found = sharing(collection, {"q": suggested(collection, "q", "o0", "o1", "o2", "o3")}, ["q"])
    assert found.cross_sector == 2 / 3


def test_where_nothing_is_known_and_nothing_sent_nothing_is_claimed(judged: Judged) -> None:
    found = sharing(judged({"q": {}}, organisations(2)), {}, ["q"])
    assert (found.suggestions, found.to_small, found.small_listings, found.cross_sector) == (0, None, None, None)
    assert (found.gini, found.lorenz, found.coverage) == (0, (), 0)


def test_calibration_by_hand(judged: Judged, suggested: Suggested) -> None:
    """Fit .25 for one yes of two and fit .95 for two of two; 1 for one no. d4 was not judged.

    error (2·|.25 - .5| + 3·|(.95 + .95 + 1)/3 - 2/3|) / 5 = (.5 + .9) / 5 = .28
    """
    collection = judged({"q": {"a": 2, "b": 1, "c": 3, "d": 2, "e": 0}, "r": {"d4": 3}}, cut=2)
    whole = {
        "q": [
            *suggested(collection, "q", "a", "b", fit=0.25),
            *suggested(collection, "q", "c", "d", fit=0.95),
            *suggested(collection, "q", "e", fit=1.0),
            *suggested(collection, "q", "d4", fit=0.5),
        ]
    }
    found = calibration(collection, whole, ["q"])
    assert found is not None
    assert found.pairs == 5
    assert found.error == pytest.approx(0.28)
    assert found.bins == (
        Bin(pairs=2, fit=0.25, yes=0.5),
        Bin(pairs=3, fit=pytest.approx(2.9 / 3), yes=pytest.approx(2 / 3)),
    )


def test_a_fit_that_keeps_its_word_has_no_error(judged: Judged, suggested: Suggested) -> None:
    collection = judged({"q": {"a": 1, "b": 0, "c": 0, "d": 0}})
    found = calibration(collection, {"q": suggested(collection, "q", "a", "b", "c", "d", fit=0.25)}, ["q"])
    assert found == Calibration(bins=(Bin(pairs=4, fit=0.25, yes=0.25),), error=0.0, pairs=4)


@pytest.mark.parametrize("grades", [{}, {"o0": 1}, {"o0": 1, "o1": 2}])
def test_where_only_the_good_ones_were_judged_nothing_is_said_of_calibration(
    grades: dict[str, int], judged: Judged, suggested: Suggested
) -> None:
    collection = judged({"q": grades}, organisations(2))
    assert calibration(collection, {"q": suggested(collection, "q", "o0", "o1")}, ["q"]) is None


def test_pairs_judged_no_and_nothing_else_are_told_of(judged: Judged, suggested: Suggested) -> None:
    collection = judged({"q": {"o0": 0, "o1": 0}}, organisations(2))
    found = calibration(collection, {"q": suggested(collection, "q", "o0", "o1", fit=0.25)}, ["q"])
    assert found == Calibration(bins=(Bin(pairs=2, fit=0.25, yes=0.0),), error=0.25, pairs=2)


def test_every_suggestion_for_a_need_that_nobody_can_meet_is_a_false_one(judged: Judged, suggested: Suggested) -> None:
    collection = judged(
        {"q": {}, "u1": {}, "u2": {}, "u3": {}},
        organisations(3),
        unmeetable=frozenset({"u1", "u2", "u3"}),
        splits={"u3": "dev"},
    )
    sent = {
        "q": suggested(collection, "q", "o0"),
        "u1": suggested(collection, "u1", "o0", "o1", "o2"),
        "u3": suggested(collection, "u3", "o0"),
    }
    assert falsehoods(collection, sent, "") == Falsehoods(queries=3, with_some=2, suggestions=4)
    assert falsehoods(collection, sent, "test") == Falsehoods(queries=2, with_some=1, suggestions=3)
    assert falsehoods(collection, sent, "dev") == Falsehoods(queries=1, with_some=1, suggestions=1)


def test_without_needs_that_nobody_can_meet_nothing_is_said_of_falsehoods(judged: Judged, suggested: Suggested) -> None:
    collection = judged({"q": {}, "u": {}}, organisations(1), unmeetable=frozenset({"u"}), splits={"u": "dev"})
    sent = {"q": suggested(collection, "q", "o0"), "u": suggested(collection, "u", "o0")}
    assert falsehoods(collection, sent, "test") is None


NEED = "Our hall is cold. We need somebody to repair the boiler. Tea is served on Fridays."
OFFER = "We are plumbers of long standing. Apprentices repair a boiler for charities. Ring us early on Mondays."


def quotes(written: Written, rows: Rows, core: Core, *labels: dict[str, object]) -> Quotes | None:
    corpus = rows(
        {"id": "n1", "text": NEED, "kind": "need", "organisation": "alba"},
        {"id": "d1", "text": OFFER, "organisation": "borea"},
        {"id": "d2", "text": "Boiler", "organisation": "borea"},
        {"id": "d3", "text": "Piano", "organisation": "ciano"},
    )
    found = load(written({"corpus.jsonl": corpus, "quotes.jsonl": rows(*labels)}))
    return quoted_right(found, network_of(found, core))


def test_quoted_clauses_are_held_against_labelled_ones(written: Written, rows: Rows, core: Core) -> None:
    pair = {"need": "n1", "offer": "d1"}
    right_need, right_offer = "we need somebody to repair the boiler", "repair a boiler for charities"
    wrong_need, wrong_offer = "Tea is served on Fridays", "Ring us early on Mondays"
    found = quotes(
        written,
        rows,
        core,
        pair | {"need_clauses": [right_need], "offer_clauses": [wrong_offer, right_offer]},
        pair | {"need_clauses": [right_need], "offer_clauses": [wrong_offer]},
        pair | {"need_clauses": [wrong_need], "offer_clauses": [wrong_offer]},
        pair | {"need_clauses": [right_need], "offer_clauses": [wrong_offer]},
    )
    assert found == Quotes(pairs=4, need=0.75, offer=0.25, both=0.25)


def test_without_labels_nothing_is_said_of_quotes(written: Written, core: Core) -> None:
    found = load(written())
    assert quoted_right(found, network_of(found, core)) is None


def test_a_label_that_cannot_be_read_is_refused_by_line(written: Written, rows: Rows, core: Core) -> None:
    good = {"need": "n1", "offer": "d1", "need_clauses": ["boiler"], "offer_clauses": ["boiler"]}
    with pytest.raises(CollectionError, match=r"quotes\.jsonl, line 2: .*n9"):
        quotes(written, rows, core, good, good | {"need": "n9"})
    with pytest.raises(CollectionError, match=r"quotes\.jsonl, line 1: .*offer_clauses"):
        quotes(written, rows, core, {"need": "n1", "offer": "d1", "need_clauses": ["boiler"]})


def test_a_file_of_labels_without_any_is_no_reason_to_stop(written: Written, core: Core) -> None:
    found = load(written({"quotes.jsonl": ""}))
    assert quoted_right(found, network_of(found, core)) is None

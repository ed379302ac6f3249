"""What the command line says of suggestions: words for people, one document for programs."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from matcher.records import (
    About,
    Kind,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Reason,
    Standing,
    Strength,
    Suggestion,
)
from service import printing

ALBA, BOREA = OrganisationId("alba"), OrganisationId("borea")
NAMES = {
    ALBA: Organisation(id=ALBA, name="Alba Community Kitchen", standing=Standing.MEMBER),
    BOREA: Organisation(id=BOREA, name="Borea [bold]Transport[/bold]", standing=Standing.INVITED),
}
MINIBUS = Suggestion(
    need=Listing(id=ListingId("n1"), organisation=ALBA, kind=Kind.NEED, text="A minibus. Ring 0113 496 0000."),
    offer=Listing(id=ListingId("o1"), organisation=BOREA, kind=Kind.OFFER, text="A minibus: jo@borea.example"),
    fit=0.123456,
    strength=Strength.POSSIBLE,
    score=2.0,
    reasons=(
        Reason(About.CLAUSES, "“A minibus” meets “A minibus”.", "A minibus", "A minibus"),
        Reason(About.PLACE, "Both are in Leeds."),
    ),
    mismatches=(Reason(About.TIMING, "The offer opens later."),),
    cautions=(Reason(About.DUTY, "Speak with the council first."),),
)


def test_a_suggestion_reads_with_why_what_does_not_fit_and_what_to_mind() -> None:
    assert printing.suggestion_lines(1, MINIBUS, Kind.NEED, NAMES) == [
        " 1  possible  Borea [bold]Transport[/bold] (offer, invited)",
        "      + “A minibus”",
        "      +   meets “A minibus”",
        "      + Both are in Leeds.",
        "      - The offer opens later.",
        "      ! Speak with the council first.",
    ]
    assert printing.suggestion_lines(12, MINIBUS, Kind.OFFER, NAMES)[0] == (
        "12  possible  Alba Community Kitchen (need, member)"
    )
    assert printing.suggestion_lines(1, MINIBUS, Kind.NEED, {})[0] == " 1  possible  borea (offer)"


def test_a_telephone_number_inside_a_name_is_hidden_wherever_the_name_is_shown() -> None:
    names = {BOREA: Organisation(id=BOREA, name="Borea Vans 0113 496 0001", standing=Standing.MEMBER)}
    hidden = "Borea Vans [hidden until you are introduced]"
    assert printing.name_of(BOREA, names) == hidden
    assert printing.suggestion_lines(1, MINIBUS, Kind.NEED, names)[0] == f" 1  possible  {hidden} (offer, member)"
    assert printing.suggestion_document(MINIBUS, names)["offer"]["name"] == hidden
    assert printing.name_of(ALBA, names) == "alba"


def test_a_document_holds_both_sides_masked_and_the_number() -> None:
    document = printing.suggestion_document(MINIBUS, NAMES)
    assert json.loads(json.dumps(document)) == {
        "need": {
            **{"id": "n1", "kind": "need", "organisation": "alba", "name": "Alba Community Kitchen"},
            "text": "A minibus. Ring [hidden until you are introduced].",
        },
        "offer": {
            **{"id": "o1", "kind": "offer", "organisation": "borea", "name": "Borea [bold]Transport[/bold]"},
            "text": "A minibus: [hidden until you are introduced]",
        },
        "fit": 0.1235,
        "strength": "possible",
        "reasons": [
            {
                **{"about": "clauses", "says": "“A minibus” meets “A minibus”."},
                **{"need_clause": "A minibus", "offer_clause": "A minibus"},
            },
            {"about": "place", "says": "Both are in Leeds.", "need_clause": "", "offer_clause": ""},
        ],
        "mismatches": [{"about": "timing", "says": "The offer opens later.", "need_clause": "", "offer_clause": ""}],
        "cautions": [
            {"about": "duty", "says": "Speak with the council first.", "need_clause": "", "offer_clause": ""},
        ],
    }


def test_a_table_takes_names_as_they_are_and_shows_no_number() -> None:
    console = Console(file=io.StringIO(), width=140)
    console.print(printing.suggestions_table([MINIBUS], NAMES))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert [" ".join(line.split()) for line in shown.splitlines()] == [
        "who needs suggested fit because",
        "Alba Community Kitchen Borea [bold]Transport[/bold] possible “A minibus”",
    ]


def test_a_table_marks_what_a_coordinator_pinned() -> None:
    profile = replace(MINIBUS, offer=replace(MINIBUS.offer, kind=Kind.PROFILE), pinned=True)
    console = Console(file=io.StringIO(), width=280)
    console.print(printing.suggestions_table([MINIBUS, replace(MINIBUS, fit=0.1, pinned=True), profile], NAMES))
    rows = [" ".join(line.split()) for line in console.file.getvalue().splitlines()[1:]]  # type: ignore[attr-defined]
    assert rows == [
        "Alba Community Kitchen Borea [bold]Transport[/bold] possible “A minibus”",
        "Alba Community Kitchen Borea [bold]Transport[/bold] (profile) (pinned) possible “A minibus”",
        "Alba Community Kitchen Borea [bold]Transport[/bold] (pinned) possible “A minibus”",
    ]


def test_json_keeps_letters_as_they_are_and_ends_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    printing.as_json({"name": "Zoë – 協会"})
    assert capsys.readouterr().out == '{\n  "name": "Zoë – 協会"\n}\n'


def test_what_is_said_goes_to_stderr_whole_and_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    printing.say("[red]" + "word " * 60)
    assert capsys.readouterr() == ("", "[red]" + "word " * 60 + "\n")


@pytest.mark.parametrize("text", ["short", "word " * 40])
def test_a_shortened_text_ends_between_words(text: str) -> None:
    found = printing.shortened(text, 23)
    assert found == (text if len(text) <= 23 else "word word word word …")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    monkeypatch.setenv("TERM", "xterm")  # a dumb terminal gets no bar at all
    written = io.StringIO()
    monkeypatch.setattr(printing, "err", Console(file=written, force_terminal=True, width=80))
    yield written


def test_a_bar_appears_only_for_what_takes_long(screen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = printing.ProgressBar()
    for done in range(1, 11):
        quick("encoding texts", done, 10)
    assert screen.getvalue() == ""
    monkeypatch.setattr(printing, "PATIENCE", -1.0)
    slow = printing.ProgressBar()
    slow("encoding texts", 1, 10)
    slow("encoding texts", 10, 10)
    assert "encoding texts" in screen.getvalue()


def test_what_has_no_end_known_has_no_bar(screen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "PATIENCE", -1.0)
    bar: Any = printing.ProgressBar()
    bar("writing digests", 3, 0)
    assert screen.getvalue() == ""

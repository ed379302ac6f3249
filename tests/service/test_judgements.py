"""Decisions as judgements: what stands in the collection, and that `commonweal evaluate` reads it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evaluation.collection import load
from matcher.records import Kind, Listing, ListingId, Organisation, OrganisationId, Strength, Suggestion
from service.review import judgements
from service.review.judgements import Exported, ExportError
from service.store.reviews import Choice, Review, key_of

MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def reviewed(cast: Mapping[str, Any]) -> Callable[..., Review]:
    """`reviewed("n1", "o1", Choice.APPROVED)`, some days after Monday."""

    def made(
        need: str, offer: str, choice: Choice, *, days: int = 0, occasion: str = "2026-W48", **texts: str
    ) -> Review:
        asked = replace(cast["need"], id=ListingId(need), text=texts.get("asks", f"We need {need}: ring 0113 496 0000"))
        given = replace(cast["offer"], id=ListingId(offer), text=texts.get("gives", f"We have {offer}"))
        suggestion = Suggestion(need=asked, offer=given, fit=0.75, strength=Strength.GOOD, score=1.0)
        return Review(
            key=key_of(occasion, need, offer),
            occasion=occasion,
            version=1,
            decision=choice,
            why=texts.get("why", "mail ann@alba.example"),
            decided_by="c" * 32,
            decided_at=MONDAY + timedelta(days=days),
            ranker="r7",
            suggestion=suggestion,
        )

    return made


@pytest.fixture
def organisations(cast: Mapping[str, Any]) -> Mapping[OrganisationId, Organisation]:
    return {one.id: one for one in (cast["alba"], cast["borea"])}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_an_approval_is_a_yes_a_rejection_a_no_and_what_is_on_hold_says_nothing(
    reviewed: Callable[..., Review], organisations: Mapping[OrganisationId, Organisation], tmp_path: Path
) -> None:
    decided = [
        reviewed("n1", "o1", Choice.APPROVED),
        reviewed("n1", "o2", Choice.REJECTED, days=1),
        reviewed("n1", "o3", Choice.HELD),
        reviewed("n2", "o1", Choice.UNDECIDED),
        reviewed("n3", "o4", Choice.REJECTED),
    ]
    folder = tmp_path / "deep" / "autumn"
    assert judgements.export(decided, organisations, folder) == Exported(folder, 1, 1, 1, 1)
    collection = load(folder)
    assert collection.qrels == {"n1": {"o1": 1, "o2": 0}}
    assert (sorted(collection.documents), collection.cut, collection.on) == (
        ["o1", "o2", "o4"],
        1,
        datetime(2026, 11, 24).date(),
    )
    assert collection.slices == {"occasion": {"n1": "2026-W48"}, "ranker": {"n1": "r7"}}
    assert (collection.name, collection.notes) == ("autumn", ())
    assert "# Ranked by: r7\n" in (folder / "collection.toml").read_text()
    assert [(one["query"], one["document"], one["decision"]) for one in lines(folder / "decisions.jsonl")] == [
        ("n1", "o1", "approved"),
        ("n1", "o2", "rejected"),
        ("n3", "o4", "rejected"),
    ]


def test_no_contact_detail_leaves_with_them(
    reviewed: Callable[..., Review], organisations: Mapping[OrganisationId, Organisation], tmp_path: Path
) -> None:
    judgements.export([reviewed("n1", "o1", Choice.APPROVED)], organisations, tmp_path / "out")
    written = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert "We need n1: ring" in written
    for secret in ("0113 496 0000", "ann@alba.example", "Ann Alba", "c" * 32):
        assert secret not in written, secret


def test_a_query_holds_what_the_ranker_may_know_of_a_listing_and_its_organisation(
    reviewed: Callable[..., Review], organisations: Mapping[OrganisationId, Organisation], tmp_path: Path
) -> None:
    judgements.export([reviewed("n1", "profile:x y", Choice.APPROVED, gives="A hall")], organisations, tmp_path / "out")
    assert lines(tmp_path / "out" / "corpus.jsonl") == [
        {
            "id": "profile:x_y",
            "text": "A hall",
            "evidence": "40 trips in 2025",
            "kind": "offer",
            "organisation": "borea",
            "resource": "equipment",
            "name": "Borea Transport",
            "sectors": ["private"],
            "size": "medium",
        }
    ]
    listing = load(tmp_path / "out").documents["profile:x_y"]
    assert listing == Listing(
        id=ListingId("profile:x_y"),
        organisation=OrganisationId("borea"),
        kind=Kind.OFFER,
        text="A hall",
        resource="equipment",
        evidence="40 trips in 2025",
    )


def test_of_two_judgements_the_last_counts_and_a_text_that_changed_is_another(
    reviewed: Callable[..., Review], organisations: Mapping[OrganisationId, Organisation], tmp_path: Path
) -> None:
    decided = [
        reviewed("n1", "o1", Choice.REJECTED, occasion="2026-W48"),
        reviewed("n1", "o1", Choice.APPROVED, occasion="2026-W49", days=7),
        reviewed("n1", "o1", Choice.REJECTED, occasion="2026-W47", days=-7, gives="An older text"),
    ]
    judgements.export(decided, organisations, tmp_path / "out")
    collection = load(tmp_path / "out")
    assert collection.qrels == {"n1": {"o1": 1, "o1~2": 0}}
    assert (collection.documents["o1"].text, collection.documents["o1~2"].text) == ("We have o1", "An older text")
    assert collection.slices["occasion"] == {"n1": "2026-W49"}


def test_what_is_there_is_not_written_over_and_nothing_is_left_half_done(
    reviewed: Callable[..., Review],
    organisations: Mapping[OrganisationId, Organisation],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "there").mkdir()
    approved = [reviewed("n1", "o1", Choice.APPROVED)]
    with pytest.raises(ExportError, match="there exists, and is not written over"):
        judgements.export(approved, organisations, tmp_path / "there")
    with pytest.raises(ExportError, match="nothing was approved yet"):
        judgements.export([reviewed("n1", "o1", Choice.REJECTED)], organisations, tmp_path / "out")
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(judgements, "_write_table", lambda *given: (_ for _ in ()).throw(full))
    with pytest.raises(OSError, match="No space left"):
        judgements.export(approved, organisations, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["there"]

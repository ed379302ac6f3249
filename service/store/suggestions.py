"""A suggestion as a row: what it is worth, and as JSON both texts and all reasons as they were shown."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from matcher.records import About, Kind, Listing, Reason, Strength, Suggestion, Visibility


def row_of(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "need": suggestion.need.id,
        "offer": suggestion.offer.id,
        "fit": suggestion.fit,
        "strength": suggestion.strength.value,
        "score": suggestion.score,
        "asking": suggestion.asking,
        "giving": suggestion.giving,
        "propensity": suggestion.propensity,
        "pinned": suggestion.pinned,
        "shown": {
            "need": _listing_row(suggestion.need),
            "offer": _listing_row(suggestion.offer),
            **{part: [asdict(r) for r in getattr(suggestion, part)] for part in ("reasons", "mismatches", "cautions")},
        },
    }


def _listing_row(listing: Listing) -> dict[str, Any]:
    row = asdict(listing)
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


def suggestion_of(row: Any) -> Suggestion:
    """The suggestion in a row of its round's."""
    of_round = {name: getattr(row, name) for name in ("asking", "giving", "propensity", "pinned")}
    return replace(shown_in(row), **of_round)


def shown_in(row: Any) -> Suggestion:
    """The part that people are shown: all that a row of an introduction has."""
    shown = row.shown
    return Suggestion(
        need=_listing(shown["need"]),
        offer=_listing(shown["offer"]),
        fit=row.fit,
        strength=Strength(row.strength),
        score=row.score,
        reasons=_reasons(shown["reasons"]),
        mismatches=_reasons(shown["mismatches"]),
        cautions=_reasons(shown["cautions"]),
    )


def _reasons(rows: Iterable[dict[str, str]]) -> tuple[Reason, ...]:
    return tuple(Reason(About(r["about"]), r["says"], r["need_clause"], r["offer_clause"]) for r in rows)


def _listing(row: dict[str, Any]) -> Listing:
    days = {name: date.fromisoformat(row[name]) if row[name] else None for name in ("opens", "closes")}
    lists = {name: tuple(row[name]) for name in ("themes", "places")}
    enums = {"kind": Kind(row["kind"]), "visibility": Visibility(row["visibility"])}
    return Listing(**{**row, **days, **lists, **enums})

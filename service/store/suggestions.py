"""A suggestion as a row: what it is worth, and as JSON both texts and all reasons as they were shown."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from functools import lru_cache
from json import loads
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, cast, select

from matcher.records import About, Kind, Listing, ListingId, Pair, Reason, Strength, Suggestion, Visibility
from service.store import schema


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
    return _shown(row, **_parts(row.shown), **_of_round(row))


def suggestion_of_text(row: Any) -> Suggestion:
    """The same where the row holds the JSON itself, as `as_text` gives it: what was read lately is known."""
    return _shown(row, **_known_parts(row.shown), **_of_round(row))


def shown_as_text(row: Any) -> Suggestion:
    """The part of such a row that people are shown: all that one of an introduction has."""
    return _shown(row, **_known_parts(row.shown))


def _of_round(row: Any) -> dict[str, Any]:
    return {"asking": row.asking, "giving": row.giving, "propensity": row.propensity, "pinned": row.pinned}


def _shown(row: Any, **parts: Any) -> Suggestion:
    return Suggestion(fit=row.fit, strength=Strength(row.strength), score=row.score, **parts)


@lru_cache(maxsize=5000)
def _known_parts(shown: str) -> dict[str, Any]:
    return _parts(loads(shown))


def _parts(shown: dict[str, Any]) -> dict[str, Any]:
    return {
        "need": _listing(shown["need"]),
        "offer": _listing(shown["offer"]),
        **{part: _reasons(shown[part]) for part in ("reasons", "mismatches", "cautions")},
    }


def every(connection: Connection, **where: str) -> tuple[Suggestion, ...]:
    """What is suggested in a `week`, or planned for a `session`, as people are shown it, best first."""
    table, of = _table(where)
    query = select(table.c.fit, table.c.strength, table.c.score, as_text(table.c.shown).label("shown")).where(of)
    rows = connection.execute(query.order_by(table.c.fit.desc(), table.c.need, table.c.offer))
    return tuple(map(shown_as_text, rows))


def as_text(shown: ColumnElement[Any]) -> ColumnElement[str]:
    """A column of JSON as what it holds, read by nobody yet."""
    return cast(shown, Text)


def load(connection: Connection, pair: Pair, **where: str) -> Suggestion | None:
    """A pair as it is suggested in a `week`, or planned for a `session`; None where it is not."""
    table, of = _table(where)
    found = connection.execute(select(table).where(of, table.c.need == pair[0], table.c.offer == pair[1])).one_or_none()
    return None if found is None else suggestion_of(found)


def pairs(connection: Connection, **where: str) -> tuple[Pair, ...]:
    """The pairs that are suggested in a `week`, or planned for a `session`."""
    table, of = _table(where)
    query = select(table.c.need, table.c.offer).where(of).order_by(table.c.need, table.c.offer)
    return tuple((ListingId(need), ListingId(offer)) for need, offer in connection.execute(query))


def _table(where: Mapping[str, str]) -> tuple[Table, ColumnElement[bool]]:
    ((name, value),) = where.items()
    table = {"week": schema.suggestions, "session": schema.planned}[name]
    return table, table.c[name] == value


def _reasons(rows: Iterable[dict[str, str]]) -> tuple[Reason, ...]:
    return tuple(Reason(About(r["about"]), r["says"], r["need_clause"], r["offer_clause"]) for r in rows)


def _listing(row: dict[str, Any]) -> Listing:
    days = {name: date.fromisoformat(row[name]) if row[name] else None for name in ("opens", "closes")}
    lists = {name: tuple(row[name]) for name in ("themes", "places")}
    enums = {"kind": Kind(row["kind"]), "visibility": Visibility(row["visibility"])}
    return Listing(**{**row, **days, **lists, **enums})

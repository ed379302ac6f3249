"""What a network holds, in counts."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from matcher.proposing import Proposal
from service import overview
from service.store import members, rounds
from service.wiring import Commonweal


def test_an_empty_network_counts_nothing(database: Any, make: Any, tmp_path: Path) -> None:
    assert overview.status(make(database)) == {
        "home": str(tmp_path),
        "database": str(database),
        "organisations": {},
        "listings": {},
        "vectors": 0,
        "rounds": {},
    }


def test_organisations_listings_vectors_and_rounds_are_counted(
    commonweal: Commonweal, cast: dict[str, Any], tmp_path: Path
) -> None:
    closed = replace(cast["need"], id="alba-n2", closes=date(2026, 11, 22))
    with commonweal.database.write() as connection:
        members.save(connection, listings={"alba-n2": closed})
    commonweal.live.current()
    for number in range(30, 40):
        with commonweal.database.write() as connection:
            rounds.propose(connection, f"2026-W{number}", Proposal(), versions={}, at=commonweal.now())
    with commonweal.database.write() as connection:
        rounds.release(connection, "2026-W38", commonweal.now())
    assert overview.status(commonweal) == {
        "home": str(tmp_path),
        "database": str(commonweal.database),
        "organisations": {"listed": 1, "member": 2},
        "listings": {"needs": 2, "offers": 1, "open today": 2},
        "vectors": 3,
        "rounds": {f"2026-W{n}": "released" if n == 38 else "proposed" for n in range(39, 31, -1)},
    }
    assert "secret" not in str(overview.status(commonweal))

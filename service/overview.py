"""What a network holds, in counts."""

from collections import Counter
from typing import Any

from service.store import members, rounds
from service.wiring import Commonweal


def status(commonweal: Commonweal) -> dict[str, Any]:
    """Counts by name, for `commonweal status`."""
    today = commonweal.now().date()
    with commonweal.database.read() as connection:
        organisations = [stored.record for stored in members.organisations(connection).values()]
        listings = [stored.record for stored in members.listings(connection).values()]
        weeks = rounds.weeks(connection)
    kinds = Counter(f"{one.kind.value}s" for one in listings)
    is_open = sum(one.is_open(today) for one in listings)
    return {
        "home": str(commonweal.settings.home),
        "database": str(commonweal.database),
        "organisations": dict(sorted(Counter(one.standing.value for one in organisations).items())),
        "listings": {**dict(sorted(kinds.items())), "open today": is_open} if listings else {},
        "vectors": sum(commonweal.vectors.encoders().values()),
        "rounds": {week: "released" if released else "proposed" for week, released in list(weeks.items())[:8]},
    }

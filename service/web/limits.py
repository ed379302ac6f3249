"""How often one may ask: by client, and by whom it is about. Counted by the limits library, in this process."""

import math
import time

from fastapi import HTTPException, Request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

SAYS = "That was asked too often just now. Wait a little, then try again."


class TooManyError(HTTPException):
    """Asked too often; the answer says when it may be tried again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(429, SAYS, {"Retry-After": str(seconds)})


def check(
    request: Request, name: str, per_client: str = "10/hour", key: str | None = None, per_key: str = "5/hour"
) -> None:
    """Counts that what is called `name` is done once more. Raises TooManyError, which becomes a page with status 429.

    By the client's address, and where `key` says whom it is about, such as a mail address, by that as well.
    """
    if (seconds := _wait(request, name, per_client, key, per_key)) is not None:
        raise TooManyError(seconds)


def _wait(request: Request, name: str, per_client: str, key: str | None, per_key: str) -> int | None:
    """Seconds until it may be done again; None where it may be done now."""
    counting = _counting(request)
    client = request.client.host if request.client else ""
    asked: list[tuple[RateLimitItem, str, str]] = [(parse(per_client), f"{name} by", client)]
    if key is not None:
        asked.append((parse(per_key), f"{name} about", key))
    for limit, *who in asked:
        if not counting.test(limit, *who):
            return max(1, math.ceil(counting.get_window_stats(limit, *who).reset_time - time.time()))
    for limit, *who in asked:
        counting.hit(limit, *who)
    return None


def limiter() -> MovingWindowRateLimiter:
    """What counts. Every process counts for itself: two replicas allow twice as often."""
    return MovingWindowRateLimiter(MemoryStorage())


def _counting(request: Request) -> MovingWindowRateLimiter:
    counting = request.app.state.limiter
    assert isinstance(counting, MovingWindowRateLimiter)
    return counting

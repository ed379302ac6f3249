"""Replies to suggestions, the introductions they lead to, and what came of those."""

from hashlib import sha256

from matcher.records import ListingId


def key_of(week: str, need: ListingId, offer: ListingId) -> str:
    """What a suggestion goes by in addresses: the same pair in another week is another suggestion."""
    return sha256("\n".join((week, need, offer)).encode()).hexdigest()[:20]

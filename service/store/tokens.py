"""Tokens with which a person's programs use the API. Only their digests are kept: a token is shown once."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select, update

from service.store import people, schema
from service.store.people import Person
from service.store.rounds import in_utc

PREFIX = "cw_"
"""How a token begins, so that whoever finds one knows what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token of a person's, by the name they gave it."""

    person: str
    name: str
    made_at: datetime
    ended_at: datetime | None = None


def make(connection: Connection, person: str, name: str, at: datetime) -> str | None:
    """A new token for a person's programs; None where one of theirs that works has this name."""
    if any(token.name == name and token.ended_at is None for token in of(connection, person)):
        return None
    token = PREFIX + secrets.token_urlsafe(32)
    row = {"digest": _digest(token), "person": person, "name": name, "made_at": at.astimezone(UTC)}
    connection.execute(schema.tokens.insert(), [row])
    return token


def holder(connection: Connection, token: str) -> Person | None:
    """Whose token this is; None where nobody's, or it was revoked."""
    tokens = schema.tokens.c
    query = select(tokens.person).where(tokens.digest == _digest(token), tokens.ended_at.is_(None))
    person = connection.execute(query).scalar_one_or_none()
    return None if person is None else people.get(connection, person)


def of(connection: Connection, person: str) -> tuple[Token, ...]:
    """A person's tokens, the newest first."""
    tokens = schema.tokens.c
    query = select(schema.tokens).where(tokens.person == person).order_by(tokens.made_at.desc(), tokens.digest)
    return tuple(map(_token, connection.execute(query)))


def revoke(connection: Connection, person: str, name: str, at: datetime) -> bool:
    """Ends a person's token of this name; False where none works."""
    tokens = schema.tokens.c
    ended = update(schema.tokens).where(tokens.person == person, tokens.name == name, tokens.ended_at.is_(None))
    return connection.execute(ended.values(ended_at=at.astimezone(UTC))).rowcount > 0


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _token(row: Any) -> Token:
    ended = None if row.ended_at is None else in_utc(row.ended_at)
    return Token(person=row.person, name=row.name, made_at=in_utc(row.made_at), ended_at=ended)

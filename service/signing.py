"""What the service signs: what a link in a mail allows, and the forms of a visit. Signatures by itsdangerous."""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from matcher.errors import CommonwealError

LASTS = timedelta(days=14)
"""How long a link to one suggestion lets its reader reply."""


class LinkError(CommonwealError):
    """The link is not one of ours, or has run out; says which."""


@dataclass(frozen=True, slots=True)
class Signing:
    """Signs with one secret. What one purpose signed is nothing to another."""

    secret: str

    def sign(self, purpose: str, *said: str) -> str:
        """A token for an address that lasts as long as the secret."""
        return str(self._for(purpose).dumps(list(said)))

    def sign_until(self, expires: datetime, purpose: str, *said: str) -> str:
        return self.sign(purpose, f"{expires.astimezone(UTC):%Y-%m-%dT%H:%M:%S}", *said)

    def read(self, purpose: str, token: str, length: int) -> tuple[str, ...]:
        """What was signed for this purpose, `length` strings. Raises LinkError."""
        try:
            said: Any = self._for(purpose).loads(token)
        except BadData:
            raise LinkError("This link is not whole: it may have been cut off on its way.") from None
        if not isinstance(said, list) or len(said) != length or not all(isinstance(one, str) for one in said):
            raise LinkError("This link is not one of ours.")
        return tuple(said)

    def read_until(self, now: datetime, purpose: str, token: str, length: int) -> tuple[str, ...]:
        """The same of what `sign_until` signed. Raises LinkError, also where it has run out."""
        expires, *said = self.read(purpose, token, length + 1)
        if datetime.fromisoformat(expires).replace(tzinfo=UTC) < now:
            raise LinkError("This link has run out.")
        return tuple(said)

    def _for(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret, salt=f"commonweal/{purpose}")


def kept_secret(path: Path) -> str:
    """The secret in this file, which is made, for its owner alone, where it is not there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        if not path.exists():
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(36))
            with suppress(FileExistsError):  # whole or not at all; of two processes the first
                os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path.read_text("utf-8").strip()

"""What holds for every answer: headers, HEAD, and an inside that stays inside when something breaks."""

import logging
import traceback
from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
ONLY_HTTPS = {"Strict-Transport-Security": "max-age=31536000"}
"""Besides, where people reach the pages over https."""


NOWHERE = "/there-is-no-such-page"


class Guard:
    """Wraps the whole application.

    A HEAD is answered as its GET, without the body. `broken` makes the answer to an error nobody expected: its
    traceback is logged without the error's own words, which may quote what somebody typed.
    """

    def __init__(
        self, app: ASGIApp, *, broken: Callable[[Request], Awaitable[Response]], is_secure: bool = False
    ) -> None:
        self._app = app
        self._broken = broken
        self._headers = {**HEADERS, **(ONLY_HTTPS if is_secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headless = scope["method"] == "HEAD"
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            elif headless:
                message = {**message, "body": b""}
            await send(message)

        inner = {**scope, "method": "GET"} if headless else scope
        # no page has a NUL in its address, and no database keeps one
        if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
            inner = {**inner, "path": NOWHERE, "raw_path": NOWHERE.encode(), "query_string": b""}
        try:
            await self._app(inner, receive, guarded)
        except Exception as error:
            log.error("%s while answering %r\n%s", type(error).__name__, scope["path"], _frames(error))
            if not started:
                await (await self._broken(Request(inner)))(inner, receive, guarded)


def _frames(error: Exception) -> str:
    return "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))

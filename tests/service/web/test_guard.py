"""The guard, asked as a server asks it: a test client would drop the body of a HEAD itself."""

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from service.web.guard import HEADERS, Guard


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"{scope['method']} it was")(scope, receive, send)


async def breaks_off(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError


async def broken(request: Request) -> Response:
    return PlainTextResponse("broken", 500)


def answer(app: object, method: str) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/", "headers": []}
    asyncio.run(Guard(app, broken=broken)(scope, receive, send))  # type: ignore[arg-type]
    return sent


def test_a_head_is_answered_as_its_get_without_the_body() -> None:
    (get_start, get_body), (head_start, head_body) = answer(hello, "GET"), answer(hello, "HEAD")
    assert (get_body["body"], head_body["body"]) == (b"GET it was", b"")
    assert head_start == get_start


def test_an_answer_that_had_begun_is_not_begun_again() -> None:
    (start,) = answer(breaks_off, "GET")
    assert {name.decode().title(): value.decode() for name, value in start["headers"]} == {
        **HEADERS,
        "Cache-Control": "no-store",
    }

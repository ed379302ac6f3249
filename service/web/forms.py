"""What forms send, as cells of a spreadsheet, and what stands in them when they come back."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData

from matcher.vocabulary import Term
from service.entering import Cells

MOST_SHOWN = 200


async def sent(request: Request) -> FormData:
    return await request.form()


Sent = Annotated[FormData, Depends(sent)]


def text(form: FormData, name: str) -> str:
    """One field's text; empty where it was not sent, or a file was."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def texts(form: FormData, name: str) -> list[str]:
    """A field that may be sent several times."""
    return [value for value in form.getlist(name) if isinstance(value, str)]


def several(form: FormData, name: str) -> str:
    """Ticked boxes, or lines of a text, as one cell."""
    lines = (line.strip() for value in texts(form, name) for line in value.splitlines())
    return "; ".join(line for line in lines if line)


def number(value: str) -> int:
    """A record's revision as its form carries it; one that no record has where that is none."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else -1


def parts(cell: str) -> list[str]:
    """A cell of several values, one by one."""
    return [part for part in cell.split("; ") if part]


def options(terms: Mapping[str, Term], kept: Iterable[str] = ()) -> list[tuple[str, str, str]]:
    """What one may choose: key, name and a sentence; what is stored stays even where it left the vocabulary."""
    known = [(key, term.name, term.says) for key, term in terms.items()]
    return known + [(key, key, "") for key in kept if key and key not in terms]


def differences(now: Cells, typed: Cells, labels: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Where what was typed parts from how the record stands now: label, the one, the other."""
    return [
        (labels[name], _short(now[name]), _short(cell))
        for name, cell in typed.items()
        if name in labels and cell.strip() != now[name].strip()
    ]


def _short(value: str) -> str:
    return value if len(value) <= MOST_SHOWN else f"{value[:MOST_SHOWN].rsplit(' ', 1)[0]} …"

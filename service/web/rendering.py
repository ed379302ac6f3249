"""Templates into answers."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from service.web import presenting

STATIC = Path(__file__).parent / "static"


def page(request: Request, template: str, *, status: int = 200, **shown: object) -> HTMLResponse:
    """The template as a page of this network."""
    html = (
        _environment()
        .get_template(template)
        .render(network_name=request.app.state.commonweal.settings.network_name, path=request.url.path, **shown)
    )
    return HTMLResponse(html, status)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("service.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = _static
    environment.globals["question_path"] = presenting.question_path
    return environment


@cache
def _static(name: str) -> str:
    """The address of a file of ours: another one whenever its content is, so that browsers may keep it."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"

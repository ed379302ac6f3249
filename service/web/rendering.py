"""Templates into answers."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from service import signin
from service.web import access, presenting

STATIC = Path(__file__).parent / "static"


def page(request: Request, template: str, *, status: int = 200, **shown: object) -> HTMLResponse:
    """The template as a page of this network, for whoever is signed in; `form_field()` belongs into its every form."""
    here = access.running(request)
    known = getattr(request.state, "visitor", None)
    form = access.Form.of(request, here)
    html = (
        _environment()
        .get_template(template)
        .render(
            network_name=here.settings.network_name,
            path=request.url.path,
            visitor=known,
            form_field=form.field,
            moment=lambda at: presenting.moment(at, here.settings.zone),
            **shown,
        )
    )
    response = HTMLResponse(html, status)
    form.keep(response, here)
    if known is not None and (cookie := signin.changed_cookie(here, known.visit)):
        access.begin(response, here, cookie)
    return response


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

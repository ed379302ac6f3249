"""What the commands share: their options, a Commonweal as configured, and how they fail."""

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from service.wiring import Commonweal

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")]
Week = Annotated[str, typer.Option("--week", metavar="2026-W48", help="ISO week; this week when left out.")]


def fail(says: str, code: int = 1) -> NoReturn:
    typer.secho(f"error: {says}", err=True, fg="red")
    raise SystemExit(code)


def misused(says: str) -> NoReturn:
    raise typer.BadParameter(says)


def commonweal_here(*, quiet: bool = False) -> "Commonweal":
    from pydantic import SecretStr, ValidationError
    from pydantic_settings import SettingsError

    from matcher.encoding import silent
    from service.printing import ProgressBar
    from service.settings import CONFIG, Settings
    from service.wiring import Commonweal

    config = os.environ.get(CONFIG, "")
    try:
        if config and not Path(config).is_file():
            fail(f"{CONFIG} names {config}, and there is no such file", 2)
        settings = Settings()
    except ValidationError as error:
        found = error.errors()[0]
        field = "_".join(str(part) for part in found["loc"])
        is_secret = field in Settings.model_fields and Settings.model_fields[field].annotation is SecretStr
        says = str(found["msg"]).removeprefix("Value error, ")
        value = "" if is_secret else f", found '{found['input']}'"
        fail(f"setting COMMONWEAL_{field.upper()}: {says}{value}", 2)
    except tomllib.TOMLDecodeError as error:
        fail(f"{config}: {error}", 2)
    except SettingsError as error:
        fail(str(error), 2)
    return Commonweal(settings, progress=silent if quiet else ProgressBar())


def with_tables(commonweal: "Commonweal") -> "Commonweal":
    """Makes the tables where there are none yet; an older database waits for `commonweal migrate`."""
    if commonweal.database.version() is None:
        commonweal.database.migrate()
    return commonweal


def this_week(commonweal: "Commonweal", week: str) -> str:
    from service.store import rounds

    if not week:
        return rounds.week_of(commonweal.now().date())
    try:
        rounds.monday(week)
    except ValueError as error:
        misused(str(error))
    return week

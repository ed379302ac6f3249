"""Keeping it running: what there is, what is wrong, copies, tables, pages, and the demo."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.options import Json, commonweal_here, fail, this_week, with_tables

if TYPE_CHECKING:
    from service.wiring import Commonweal

app = typer.Typer()


@app.command()
def status(json: Json = False) -> None:
    """What there is: organisations, listings, rounds, vectors.

    Example: `commonweal status`
    """
    from service import overview
    from service.printing import as_json, out

    found = overview.status(commonweal_here(quiet=json))
    if json:
        as_json(found)
        return
    for name, value in found.items():
        shown = ", ".join(f"{what} {count}" for what, count in value.items()) if isinstance(value, dict) else value
        out.print(f"{name:<14} {shown or 'none'}", markup=False)


@app.command()
def doctor(json: Json = False) -> None:
    """Looks for what could keep Commonweal from working here: a line each with ok or the remedy.

    Example: `commonweal doctor`
    """
    from service.doctor import examine
    from service.printing import as_json, out

    findings = list(examine(commonweal_here(quiet=json)))
    if json:
        as_json([{"name": f.name, "ok": f.ok, "says": f.says} for f in findings])
    else:
        for finding in findings:
            out.print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name:<11} {finding.says}", markup=False)
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The copy to write.")], json: Json = False) -> None:
    """Copies the database as it is at one moment, also while serving.

    Example: `commonweal backup commonweal-2026-11-23.db`
    """
    from service.printing import tell
    from service.store import backups

    size = backups.backup(commonweal_here().database, file)
    tell(f"{file}, {size / 2**20:.1f} MB", {"file": str(file), "bytes": size}, as_document=json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A copy that `commonweal backup` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Puts a backup in place of the database, also while serving. What came after the backup is lost.

    Example: `commonweal restore commonweal-2026-11-23.db --yes`
    """
    from service.printing import tell
    from service.store import backups

    database = commonweal_here().database
    if not yes and not typer.confirm(f"Replace everything in {database} by {file}?", err=True):
        fail("nothing was changed")
    backups.restore(database, file)
    tell(
        f"{database} is as {file} was; everybody signs in again, programs want new tokens, and mails that waited then "
        "may have gone since: see commonweal mails list",
        {"database": str(database), "file": str(file)},
        as_document=json,
    )


@app.command()
def migrate(json: Json = False) -> None:
    """Makes the tables, or brings those of an older Commonweal up to date.

    Example: `commonweal migrate`
    """
    from service.printing import tell

    database = commonweal_here().database
    version = database.migrate()
    tell(f"{database}: schema {version}", {"database": str(database), "schema": version}, as_document=json)


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="COMMONWEAL_PORT when left out.")] = None,
    host: Annotated[str, typer.Option(help="COMMONWEAL_HOST when left out.")] = "",
    schedule: Annotated[
        bool, typer.Option("--schedule", help="Run the weekly round, digests, reminders and expiry, too.")
    ] = False,
) -> None:
    """Serves the pages until stopped: on this machine, or for others once COMMONWEAL_SECRET and _BASE_URL are set.

    Example: `commonweal serve --port 8080`
    """
    _serve(with_tables(commonweal_here()), port, host, scheduled=schedule)


@app.command()
def demo(
    serving: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve the pages afterwards, until stopped.")
    ] = True,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="COMMONWEAL_PORT when left out.")] = None,
    json: Json = False,
) -> None:
    """Shows Commonweal at work: imports the example, runs this week's round, writes the mails, serves the pages.

    Example: `commonweal demo --no-serve`
    """
    from service import demo as example
    from service.printing import as_json, counted, out, say, suggestion_document, suggestions_table

    commonweal = with_tables(commonweal_here(quiet=json))
    plan = example.import_example(commonweal)
    for line in plan.lines()[: len(plan.counts)]:
        say(line)
    week = this_week(commonweal, "")
    found = example.run_round(commonweal, week)
    names = example.organisations(commonweal)
    folder, written = example.write_digests(commonweal, week)
    if json:
        documents = [suggestion_document(one, names) for one in found.suggestions]
        digests = [str(path) for path in written]
        as_json({"import": plan.as_dict(), "week": week, "suggestions": documents, "digests": digests})
    else:
        out.print(suggestions_table(found.suggestions, names))
    say(f"\n{counted(len(found.suggestions), 'suggestion')} for the week {week}, released.")
    say(f"{counted(len(written), 'digest')} as .eml and .html in {folder}")
    if serving:
        _serve(commonweal, port, example_people=True)


def _serve(
    commonweal: "Commonweal",
    port: int | None,
    host: str = "",
    *,
    example_people: bool = False,
    scheduled: bool = False,
) -> None:
    from contextlib import ExitStack

    import uvicorn

    from service import demo as example
    from service.printing import say
    from service.settings import LOOPBACK
    from service.web.app import create_app

    settings = commonweal.settings
    host = host or settings.host
    if host not in LOOPBACK and not (settings.secret.get_secret_value() and settings.base_url):
        fail(
            f"{host} can be reached by others: set COMMONWEAL_SECRET (openssl rand -base64 36) and "
            "COMMONWEAL_BASE_URL (https://partners.example.org) first, so that links and cookies hold",
            2,
        )
    port = _free(host, settings.port if port is None else port)
    commonweal.settings = settings.model_copy(update={"host": host, "port": port})
    say(f"\nPages on {commonweal.settings.address} until you press Ctrl+C.")
    if example_people:
        say("Sign in as one of these; each link works once, for fifteen minutes:")
        for who, link in example.links(commonweal):
            say(f"  {who:<42} {link}")
    else:
        say("To sign in yourself: commonweal user link YOU@EXAMPLE.ORG")
    say(f"Mails go to {commonweal.post}.")
    with ExitStack() as stack:
        if scheduled:
            from service.schedule import Schedule

            stack.enter_context(Schedule(commonweal))
        uvicorn.run(
            create_app(commonweal),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            forwarded_allow_ips=settings.trusted_proxies,
        )


def _free(host: str, port: int) -> int:
    """The port, or one that was free where 0 asks for any. Ends the command where it is taken."""
    import socket

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            fail(f"port {port} cannot be had on {host} ({error.strerror}); choose another with --port")
        return int(probe.getsockname()[1])

"""Mails that were promised: sent, looked at, sent again; and addresses from which they came back."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.options import Json, commonweal_here, fail, misused

if TYPE_CHECKING:
    from datetime import datetime

    from service.delivery import Run
    from service.store.mails import Promised

app = typer.Typer()
mails_app = typer.Typer(no_args_is_help=True, help="Mails that were promised. `commonweal serve` sends them by itself.")
app.add_typer(mails_app, name="mails")

Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Most mails; all when left out.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send and change nothing.")]
Email = Annotated[str, typer.Argument(help="The address.")]


@mails_app.command("send")
def mails_send(limit: Limit = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Sends what is due, each mail at most once; also while serving, and by several at once.

    Example: `commonweal mails send --dry-run`
    """
    from service.delivery import deliver

    commonweal = commonweal_here(quiet=json)
    told(deliver(commonweal, limit=limit, dry_run=dry_run), "mail", dry_run=dry_run, as_document=json)


def told(run: "Run", what: str, *, dry_run: bool, as_document: bool) -> None:
    """What a run came to. Fails where the post was closed: nothing is lost, but somebody should look."""
    from service.printing import as_json, counted, out, say

    if as_document:
        as_json({"dry_run": dry_run, **run.as_dict()})
    else:
        verb = "would be sent" if dry_run else "sent"
        rest = ", ".join(
            f"{count} {name}"
            for name, count in run.as_dict().items()
            if name not in ("sent", "stopped") and isinstance(count, int) and count
        )
        out.print(f"{counted(run.sent, what)} {verb}" + (f"; {rest}" if rest else ""), markup=False)
    if run.failed or run.unsure:
        say("Look at them with: commonweal mails list")
    if run.stopped:
        fail(f"the others wait: {run.stopped}")


@mails_app.command("list")
def mails_list(
    state: Annotated[
        str, typer.Option("--state", help="Only waiting, sending, sent, failed, unsure or dropped ones.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most mails shown.")] = 50,
    json: Json = False,
) -> None:
    """What waits and what went wrong, newest first, with what the mail server said; and how many there are of each.

    Example: `commonweal mails list --state failed`
    """
    from service.printing import as_json, out, say
    from service.store import mails
    from service.store.mails import State

    if state and state not in list(State):
        misused(f"--state is '{state}'; write {', '.join(State)}")
    commonweal = commonweal_here(quiet=json)
    states = [State(state)] if state else [one for one in State if one not in (State.SENT, State.DROPPED)]
    with commonweal.database.read() as connection:
        counts = mails.counts(connection)
        found = mails.every(connection, states, limit)
    now = commonweal.now()
    if json:
        as_json({"counts": {str(one): count for one, count in counts.items()}, "mails": [_row(m, now) for m in found]})
        return
    for one in found:
        for line in _lines(one, now):
            out.print(line, markup=False, highlight=False)
    say(", ".join(f"{count} {one}" for one, count in counts.items()) or "No mail was promised yet.")


def _row(promised: "Promised", now: "datetime") -> dict[str, Any]:
    return {
        "key": promised.key,
        "kind": promised.kind,
        "state": promised.state,
        "due": promised.due.isoformat(),
        "attempts": promised.attempts,
        "says": promised.says,
        "unsure": promised.is_stuck(now) or promised.state == "unsure",
    }


def _lines(promised: "Promised", now: "datetime") -> list[str]:
    state = "sending: whoever sent it died, so it may have gone" if promised.is_stuck(now) else str(promised.state)
    tries = f", {promised.attempts} tries" if promised.attempts > 1 else ""
    lines = [promised.key, f"    {state}, due {promised.due:%d %B %Y %H:%M}{tries}"]
    return [*lines, f"    {promised.says}"] if promised.says else lines


@mails_app.command("retry")
def mails_retry(
    key: Annotated[str, typer.Argument(help="As `commonweal mails list` shows it.")], json: Json = False
) -> None:
    """Has a mail go again that failed, was dropped, or may have gone: its reader may then have it twice.

    Example: `commonweal mails retry digest:2026-W48:org-014:0123`
    """
    from service.printing import tell
    from service.store import mails

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.write() as connection:
        if not mails.retry(connection, key, commonweal.now()):
            found = mails.get(connection, key)
            fail(f"it is {found.state}: nothing to do" if found else f"no mail '{key}'; see: commonweal mails list")
    tell(f"{key} waits to be sent again", {"key": key, "state": "waiting"}, as_document=json)


@mails_app.command("bounced")
def mails_bounced(
    email: Email,
    why: Annotated[str, typer.Option("--why", help="What the returned mail said.")] = "mails came back",
    json: Json = False,
) -> None:
    """Stops all mails to an address from which they came back. The person is shown so at the desk.

    Example: `commonweal mails bounced ann@example.org --why "mailbox is gone"`
    """
    from service.printing import tell
    from service.store import events, people

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.write() as connection:
        person = people.by_email(connection, email)
        if person is None or not people.give_up_on(connection, email, why, commonweal.now()):
            fail(f"nobody has the address {email}")
        events.record(connection, commonweal.now(), BY, "gave up on an address", f"person {person.id}: {why}")
    tell(f"no mail goes to {email} any more", {"email": email, "undeliverable": why}, as_document=json)


@mails_app.command("revive")
def mails_revive(email: Email, json: Json = False) -> None:
    """Lets mails go to an address again.

    Example: `commonweal mails revive ann@example.org`
    """
    from service.printing import tell
    from service.store import events, people

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.write() as connection:
        person = people.by_email(connection, email)
        if person is None or not people.try_again(connection, email):
            fail(f"nobody has the address {email}")
        events.record(connection, commonweal.now(), BY, "tried an address again", f"person {person.id}")
    tell(f"mails go to {email} again", {"email": email, "undeliverable": ""}, as_document=json)


BY = "command"
"""Who did it, where it was done at the command line."""

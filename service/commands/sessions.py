"""`commonweal session …`: partnership sessions planned, attended and paired."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.options import Json, commonweal_here, misused

if TYPE_CHECKING:
    from service.sessions.sheets import Line, Taken

app = typer.Typer()
session_app = typer.Typer(no_args_is_help=True, help="Partnership sessions. Example: commonweal session list")
app.add_typer(session_app, name="session")

Which = Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, as `session list` shows it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and store nothing.")]
BY = "command line"
"""Who did it, on record, where nobody is signed in."""


@session_app.command("list")
def session_list(
    every: Annotated[bool, typer.Option("--all", help="Also those that are over or were cancelled.")] = False,
    json: Json = False,
) -> None:
    """The sessions ahead, the next first: who comes, and how far the pairings are.

    Example: `commonweal session list --all`
    """
    from rich.table import Table
    from rich.text import Text

    from matcher.masking import mask
    from service.printing import as_json, out, say
    from service.review import occasions
    from service.review.queue import counts
    from service.store import sessions
    from service.store.reviews import Choice

    commonweal = commonweal_here(quiet=json)
    today = commonweal.now().date()
    with commonweal.database.read() as connection:
        present = sessions.counts(connection)
        found = [
            (one, counts(connection, occasions.find(connection, one.id, today)))
            for one in sessions.every(connection)
            if every or not occasions.why_closed(one, today)
        ]
    ordered = sorted(found, key=lambda each: (each[0].day, each[0].starts, each[0].id))
    if json:
        told = [
            {
                "session": one.id,
                "title": mask(one.title),
                "day": one.day,
                "starts": f"{one.starts:%H:%M}",
                "themes": one.themes,
                "state": one.state.value,
                "present": present.get(one.id, 0),
                "capacity": one.capacity,
                "pairings": dict(of),
            }
            for one, of in ordered
        ]
        as_json({"sessions": told})
    elif ordered:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in ("session", "what", "day", "starts", "places taken", "pairings", "undecided"):
            table.add_column(heading)
        for one, of in ordered:
            title = mask(one.title) + (" (cancelled)" if one.state == "cancelled" else "")
            taken = f"{present.get(one.id, 0)} of {one.capacity}"
            numbers = (taken, str(sum(of.values())), str(of[Choice.UNDECIDED]))
            table.add_row(one.id, Text(title), str(one.day), f"{one.starts:%H:%M}", *numbers)
        out.print(table)
    else:
        say("No session is planned. Plan one with: commonweal session new --help")


@session_app.command("new")
def session_new(
    title: Annotated[str, typer.Argument(help="What it is called.")],
    day: Annotated[str, typer.Option(metavar="2026-12-03", help="The day.")],
    theme: Annotated[list[str], typer.Option("--theme", help="A theme's key; may be given again.")],
    starts: Annotated[str, typer.Option(metavar="14:00", help="When the first one-to-one meeting begins.")] = "",
    place: Annotated[str, typer.Option(help="Town, district or postcode area.")] = "",
    venue: Annotated[str, typer.Option(help="Address and room, or the link.")] = "",
    online: Annotated[bool, typer.Option("--online", help="It takes place online.")] = False,
    capacity: Annotated[str, typer.Option(metavar="25", help="Room for how many organisations.")] = "",
    slots: Annotated[str, typer.Option(metavar="8", help="Slots for one-to-one meetings.")] = "",
    slot_minutes: Annotated[str, typer.Option(metavar="15", help="Minutes of a slot.")] = "",
    gap_minutes: Annotated[str, typer.Option(metavar="5", help="Minutes between two slots.")] = "",
    tables: Annotated[str, typer.Option(metavar="12", help="Tables.")] = "",
    follows: Annotated[str, typer.Option(metavar="SESSION", help="The session that this one follows.")] = "",
    json: Json = False,
) -> None:
    """Plans a session; what is not said is as usual.

    Example: `commonweal session new "Work after prison" --day 2026-12-03 --theme justice --place Leeds`
    """
    from service.printing import say, tell
    from service.sessions import convening
    from service.sessions.convening import RefusedError

    commonweal = commonweal_here(quiet=json)
    fields = {
        "title": title,
        "day": day,
        "themes": " ".join(theme),
        "starts": starts,
        "place": place,
        "venue": venue,
        "online": "yes" if online else "",
        "capacity": capacity,
        "slots": slots,
        "slot_minutes": slot_minutes,
        "gap_minutes": gap_minutes,
        "tables": tables,
        "follows": follows,
    }
    try:
        made = convening.make(commonweal, BY, fields)
    except RefusedError as error:
        misused(str(error))
    tell(
        f"{made.id}: {made.title}, {made.day}",
        {"session": made.id, "title": made.title, "day": made.day},
        as_document=json,
    )
    say(f"Next: commonweal session attend {made.id} --help")


@session_app.command("attend")
def session_attend(
    session: Which,
    organisations: Annotated[
        list[str] | None, typer.Argument(metavar="ORGANISATION", help="Ids or names of members.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="A CSV or XLSX with a column organisation, and state, arrives, leaves, note.")
    ] = None,
    state: Annotated[str, typer.Option(metavar="invited|coming|cancelled", help="How they stand.")] = "",
    arrives: Annotated[str, typer.Option(metavar="14:30", help="When they arrive, if later than it begins.")] = "",
    leaves: Annotated[str, typer.Option(metavar="16:00", help="When they leave, if earlier than it ends.")] = "",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Puts members on the list of a session, or changes how they stand; a sheet's rows that hold are taken.

    Example: `commonweal session attend 3f9c01ab alba borea --state invited`

    Example: `commonweal session attend 3f9c01ab --sheet attendees.xlsx --dry-run`
    """
    from service.printing import say, tell
    from service.sessions import sheets
    from service.sessions.attending import RefusedError
    from service.spreadsheets import Row

    if bool(organisations) == bool(sheet):
        misused("name organisations, or a --sheet, and not both")
    commonweal = commonweal_here(quiet=json)
    try:
        if sheet:
            looked = sheets.read(commonweal, session, sheet.read_bytes())
        else:
            said = {"state": state, "arrives": arrives, "leaves": leaves}
            rows = [Row(number, {"organisation": one, **said}) for number, one in enumerate(organisations or (), 1)]
            looked = sheets.Looked(sheets.lines(commonweal, session, rows))
    except RefusedError as error:
        misused(str(error))
    faulty = [line for line in looked.lines if line.fault]
    if faulty and not sheet:
        misused(faulty[0].fault)
    done = sheets.Taken(0) if dry_run else sheets.take(commonweal, session, looked.lines, BY)
    for says in (*looked.notes, *_told(looked.lines)):
        say(says)
    would = sum(line.holds for line in looked.lines)
    what = f"{would} would change" if dry_run else f"{done.count} changed"
    tell(f"{session}: {what}, {len(faulty)} refused", _document(session, looked.lines, done, dry_run), as_document=json)


def _told(lines: "tuple[Line, ...]") -> list[str]:
    from matcher.masking import mask
    from service.sessions import sheets

    told = [f"row {line.number}: {mask(line.fault)}" for line in lines if line.fault]
    for line in lines:
        if line.holds and line.organisation:
            new = "" if line.before else "new on the list, "
            told.append(f"row {line.number}: {mask(line.organisation.name)}: {new}{sheets.changes(line)}")
    return told


def _document(session: str, lines: "tuple[Line, ...]", done: "Taken", dry_run: bool) -> dict[str, Any]:
    from matcher.masking import mask
    from service.sessions import sheets

    return {
        "session": session,
        "dry_run": dry_run,
        "changed": done.count,
        "rows": [
            {
                "row": line.number,
                "organisation": line.organisation.id if line.organisation else None,
                "change": sheets.changes(line) if line.holds else "",
                "is_new": line.before is None and not line.fault,
                "fault": mask(line.fault),
            }
            for line in lines
        ],
        "late": [line.organisation.id for line in done.late if line.organisation],
    }


@session_app.command("solve")
def session_solve(session: Which, dry_run: DryRun = False, json: Json = False) -> None:
    """Finds whom those who come are to meet, around what is decided; who fits nobody is named with the closest misses.

    Example: `commonweal session solve 3f9c01ab --dry-run`
    """
    from matcher.masking import mask
    from service.printing import as_json, counted, name_of, out, round_document, say, suggestions_table
    from service.sessions import convening, planning

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.read() as connection:
        convening.find(connection, session)
    done = planning.solve(commonweal, session, dry_run=dry_run)
    names, proposal = commonweal.live.current().organisations, done.proposal
    if json:
        as_json(
            {
                "session": session,
                "revision": done.revision or None,
                **round_document(proposal, done.differences, names),
            }
        )
    elif proposal.suggestions:
        out.print(suggestions_table(proposal.suggestions, names))
    for organisation, left_out in proposal.left_out.items():
        say(f"Nothing fits {name_of(organisation, names)}. {' '.join(map(mask, left_out.helps))}".rstrip())
    for why in proposal.unmet.values():
        say(f"Not met: {mask(why)}")
    state = f"revision {done.revision}" if done.revision else "nothing stored"
    say(f"{session}: {counted(len(proposal.suggestions), 'pairing')}, {state}.")

"""Organisations and listings in and out, and one field by hand."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.options import Json, commonweal_here, fail, misused, with_tables

if TYPE_CHECKING:
    from service import importing
    from service.wiring import Commonweal

app = typer.Typer()


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="CSV or XLSX files; tables are told apart by their columns.")],
    columns: Annotated[
        Path | None, typer.Option(help="A TOML file that maps the columns of any spreadsheet to ours.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change and write nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Write nothing if any row is refused.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace fields a person edited, too.")] = False,
    json: Json = False,
) -> None:
    """Brings organisations and listings in from spreadsheets.

    Example: `commonweal import organisations.csv listings.csv --dry-run`
    """
    from service import faults, importing
    from service.columns import load_map
    from service.printing import as_json, err, out

    commonweal = commonweal_here(quiet=json)
    vocabulary, gazetteer = words_of(commonweal)
    parsed = importing.read(files, vocabulary, load_map(columns) if columns else None)

    def planned(stored: importing.State) -> importing.Plan:
        today = commonweal.now().date()
        return importing.plan(parsed, stored, gazetteer=gazetteer, overwrite=overwrite, today=today)

    plan = planned(stored_now(commonweal))
    for line in plan.lines():  # before anything is locked: a reader may take their time
        (err if json else out).print(line, markup=False)
    faults.point("import.planned")
    revision = None
    if plan.changes and not dry_run and not (strict and plan.refused):
        with with_tables(commonweal).database.write() as connection:
            plan = planned(importing.state(connection))  # as things stand now that nobody else writes
            revision = importing.apply(connection, plan, strict=strict)
            faults.point("import.before-commit")
        faults.point("import.committed")
    if json:
        as_json({**plan.as_dict(), "written": revision is not None, "revision": revision})
    if strict and plan.refused:
        fail("nothing was written, because --strict is on and rows were refused")
    if revision is not None:
        commonweal.live.current()  # encodes what is new, so that the first round or question need not


def stored_now(commonweal: "Commonweal") -> "importing.State":
    """What is stored; nothing where there is no database yet, and none is made."""
    from service import importing

    if commonweal.database.version() is None:
        return importing.State()
    with commonweal.database.read() as connection:
        return importing.state(connection)


def words_of(commonweal: "Commonweal") -> Any:
    """Vocabulary and places alone: an import that changes nothing never waits for the encoder."""
    from matcher import vocabulary
    from matcher.artefacts import artefact
    from matcher.places import TableGazetteer

    folder = commonweal.settings.vocabulary or artefact("data", "vocabulary")
    return vocabulary.load(folder), TableGazetteer(folder / "places.csv")


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(help="Folder for organisations.csv and listings.csv.")],
    contacts: Annotated[
        bool, typer.Option("--contacts", help="With contact details: for the coordinator's eyes.")
    ] = False,
    json: Json = False,
) -> None:
    """Writes the network out as spreadsheets that can be imported again.

    Example: `commonweal export backup-2026-11`
    """
    from service import exporting
    from service.printing import as_json, out, say

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.read() as connection:
        paths = exporting.export(connection, directory, contacts=contacts)
    if contacts:
        say("The export holds contact details: keep it where only coordinators can read it.")
    if json:
        as_json({"files": [str(path) for path in paths]})
    else:
        for path in paths:
            out.print(str(path), markup=False)


@app.command()
def edit(
    record: Annotated[str, typer.Argument(help="Id of an organisation or a listing.")],
    field: Annotated[str, typer.Argument(help="Column of our spreadsheets, such as text or places.")],
    value: Annotated[str, typer.Argument(help="Its new value, written as in a spreadsheet.")],
    json: Json = False,
) -> None:
    """Changes one field by hand; no import changes it back unless told to --overwrite.

    Example: `commonweal edit alba-n1 places "Retford; Worksop"`
    """
    from service.editing import UneditableError, edit_field
    from service.printing import say, tell

    commonweal = commonweal_here(quiet=json)
    try:
        warnings = edit_field(commonweal, record, field, value)
    except UneditableError as error:
        misused(str(error))
    tell(f"{record}: {field} changed", {"id": record, "field": field, "warnings": warnings}, as_document=json)
    for warning in warnings:
        say(warning)

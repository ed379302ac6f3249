"""Suggestions: for a question, for a week, as mails, and what was decided about a pair."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import Json, Week, commonweal_here, fail, misused, this_week

app = typer.Typer()
digests_app = typer.Typer(no_args_is_help=True, help="The mails of a released round.")
pair_app = typer.Typer(
    no_args_is_help=True, help="What was decided about a pair. Example: commonweal pair decline --help"
)
app.add_typer(digests_app, name="digests")
app.add_typer(pair_app, name="pair")


@app.command()
def match(
    text: Annotated[str, typer.Argument(help="A need or an offer, in plain words.")],
    as_: Annotated[str, typer.Option("--as", metavar="need|offer", help="Whether the text asks or gives.")] = "need",
    from_: Annotated[
        str, typer.Option("--from", metavar="ORGANISATION", help="Id of the organisation that asks.")
    ] = "",
    place: Annotated[str, typer.Option(help="Town, county, region or postcode district.")] = "",
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many suggestions at most.")] = 10,
    json: Json = False,
) -> None:
    """Suggests who could meet a need, or use an offer, with reasons.

    Example: `commonweal match "a minibus driver on Thursdays" --place Retford`
    """
    from matcher.records import Kind, OrganisationId
    from service.asking import UnknownOrganisationError, ask
    from service.printing import as_json, out, say, suggestion_document, suggestion_lines

    if as_ not in ("need", "offer"):
        misused(f"--as is '{as_}'; write need or offer")
    if not text.strip():
        misused("the text is empty; say in a sentence what is needed or offered")
    commonweal = commonweal_here(quiet=json)
    kind = Kind(as_)
    try:
        answer = ask(commonweal, text, kind, OrganisationId(from_) if from_ else None, place or None, k)
    except UnknownOrganisationError as error:
        misused(str(error))
    names = commonweal.live.current().organisations
    for note in answer.notes:
        say(note.says)
    if json:
        as_json(
            {
                "suggestions": [suggestion_document(one, names) for one in answer.suggestions],
                "notes": [n.says for n in answer.notes],
            }
        )
        return
    for number, suggestion in enumerate(answer.suggestions, 1):
        for line in suggestion_lines(number, suggestion, kind, names):
            out.print(line, markup=False)
    if not answer.suggestions:
        say("Nothing fits well enough. A longer text (how many, where, by when) or a wider --place may help.")


@app.command("round")
def round_(
    week: Week = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compute and show; store nothing.")] = False,
    release: Annotated[
        bool,
        typer.Option(
            "--release", help="Release what is proposed, proposing it first where nothing is: once, for good."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Proposes this week's suggestions for every member, and with --release lets them be shown and mailed.

    Example: `commonweal round --week 2026-W48 --release`
    """
    from service import rounds
    from service.printing import as_json, counted, name_of, out, say, suggestion_document, suggestions_table

    if dry_run and release:
        misused("--dry-run stores nothing, so there is nothing to release; use one of the two")
    commonweal = commonweal_here(quiet=json)
    week = this_week(commonweal, week)
    proposed = (rounds.proposed(commonweal, week) if release else None) or rounds.run(commonweal, week, dry_run=dry_run)
    released = release and rounds.release(commonweal, week, proposed.revision)
    if release and not released:
        fail(f"somebody else changed or released the round of {week} meanwhile; look at it again")
    names = commonweal.live.current().organisations
    state = "dry run, nothing stored" if dry_run else f"revision {proposed.revision}"
    state += ", released" if released else "" if dry_run else ", not released"
    say(
        f"{week}: {counted(len(proposed.suggestions), 'suggestion')}, "
        f"{counted(len(proposed.left_out), 'member')} with none ({state})"
    )
    if json:
        documents = [suggestion_document(one, names) for one in proposed.suggestions]
        as_json({"week": week, "revision": proposed.revision, "released": released, "suggestions": documents,
                 "left_out": proposed.left_out})  # fmt: skip
        return
    out.print(suggestions_table(proposed.suggestions, names))
    for organisation, fitted in proposed.left_out.items():
        why = "all that fits was at its limit this week" if fitted else "nothing new fits well enough this week"
        say(f"  {name_of(organisation, names)}: {why}")


@digests_app.command("write")
def digests_write(
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder for the mails; mails/WEEK at home when left out.")
    ] = None,
    week: Week = "",
    json: Json = False,
) -> None:
    """Writes each member's digest of a released round as .eml and .html.

    Example: `commonweal digests write --to mails`
    """
    from service import digests
    from service.printing import as_json, counted, out

    commonweal = commonweal_here(quiet=json)
    week = this_week(commonweal, week)
    folder = to or commonweal.settings.mails / week
    written = digests.write(commonweal, week, folder)
    if json:
        as_json({"week": week, "folder": str(folder), "digests": [path.name for path in written]})
    else:
        out.print(f"{counted(len(written), 'digest')} of {week} in {folder}", markup=False)


@pair_app.command("decline")
def pair_decline(
    need: Annotated[str, typer.Argument(help="Id of the need.")],
    offer: Annotated[str, typer.Argument(help="Id of the offer, or profile:ORGANISATION.")],
    why: Annotated[str, typer.Option("--why", help="What the side that declined said.")],
    json: Json = False,
) -> None:
    """Records that one side said no: not suggested again unless a text changes.

    Example: `commonweal pair decline alba-n1 borea-o1 --why "already have a driver"`
    """
    from matcher.records import Decline, ListingId
    from service.printing import tell
    from service.store import rounds

    commonweal = commonweal_here(quiet=json)
    network = commonweal.live.current()
    texts = []
    for listing in (need, offer):
        try:
            texts.append(network.entry(ListingId(listing)).listing.text)
        except KeyError:
            misused(f"no listing '{listing}'; commonweal export shows every id")
    with commonweal.database.write() as connection:
        rounds.decline(connection, ListingId(need), ListingId(offer), Decline(texts[0], texts[1], why))
    says = f"{need} and {offer} are not suggested again unless a text changes"
    tell(says, {"need": need, "offer": offer, "why": why}, as_document=json)


@pair_app.command("block")
def pair_block(
    one: Annotated[str, typer.Argument(help="Id of an organisation.")],
    other: Annotated[str, typer.Argument(help="Id of the other.")],
    why: Annotated[str, typer.Option("--why", help="For the record.")],
    json: Json = False,
) -> None:
    """Keeps two organisations from ever being suggested to each other.

    Example: `commonweal pair block alba borea --why "conflict of interest"`
    """
    from matcher.records import OrganisationId
    from service.printing import tell
    from service.store import members, rounds

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.write() as connection:
        known = members.organisations(connection)
        for organisation in (one, other):
            if organisation not in known:
                misused(f"no organisation '{organisation}'; commonweal export shows every id")
        rounds.block(connection, OrganisationId(one), OrganisationId(other), why)
    tell(
        f"{one} and {other} are not introduced any more", {"organisations": [one, other], "why": why}, as_document=json
    )

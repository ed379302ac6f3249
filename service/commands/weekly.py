"""Suggestions: for a question, for a week, as mails."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import Json, Week, commonweal_here, fail, misused, this_week

app = typer.Typer()
digests_app = typer.Typer(no_args_is_help=True, help="The mails of a released round.")
app.add_typer(digests_app, name="digests")


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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Compute and show, also what would be new; store nothing.")
    ] = False,
    release: Annotated[
        bool,
        typer.Option(
            "--release", help="Release what is proposed, proposing it first where nothing is: once, for good."
        ),
    ] = False,
    about: Annotated[
        str, typer.Option(metavar="ORGANISATION", help="Only what it gets, why, and why not what else fits.")
    ] = "",
    json: Json = False,
) -> None:
    """Proposes this week's suggestions for every member, and with --release lets them be shown and mailed.

    Example: `commonweal round --week 2026-W48 --release`

    Example, before it is released: `commonweal round --dry-run --about org-014`
    """
    from matcher.records import OrganisationId
    from service import rounds
    from service.printing import as_json, counted, out, round_document, round_lines, say, suggestions_table
    from service.store.members import UnknownRecordError
    from service.store.rounds import ReleasedError

    if dry_run and release:
        misused("--dry-run stores nothing, so there is nothing to release; use one of the two")
    commonweal = commonweal_here(quiet=json)
    week = this_week(commonweal, week)
    network = commonweal.live.current()
    names = network.organisations
    if about and about not in names:
        misused(str(UnknownRecordError(about)))
    try:
        proposed = (rounds.proposed(commonweal, week) if release else None) or rounds.run(
            commonweal, week, dry_run=dry_run
        )
    except ReleasedError as error:
        if commonweal.settings.review:
            raise
        say(f"nothing to do: {error}")  # where rounds are released at once, a job may try again at any time
        if json:
            as_json({"week": week, "released": True})
        return
    released = False
    if release or not (dry_run or commonweal.settings.review):
        released = rounds.release(commonweal, week, proposed.revision)
        if not released:
            fail(f"somebody else changed or released the round of {week} meanwhile; look at it again")
    organisation = OrganisationId(about) if about else None
    proposal, differences = proposed.proposal, proposed.differences
    if organisation:
        proposal = proposal.about(organisation, network.owner)
        differences = tuple(one.about(organisation, network.owner) for one in differences)
    state = "dry run, nothing stored" if dry_run else f"revision {proposed.revision}"
    state += ", released" if released else "" if dry_run else ", not released"
    say(
        f"{week}: {counted(len(proposal.suggestions), 'suggestion')}, "
        f"{counted(len(proposal.left_out), 'member')} with none ({state}); "
        f"at most {proposal.shortfall} short of the best there is"
    )
    if json:
        as_json({"week": week, "revision": proposed.revision, "released": released,
                 **round_document(proposal, differences, names)})  # fmt: skip
        return
    out.print(suggestions_table(proposal.suggestions, names))
    for line in round_lines(proposal, differences, names, organisation):
        say(line)


@app.command()
def jobs(json: Json = False) -> None:
    """Does once what `serve --schedule` does all the time: the round, digests, reminders, expiry, and the mails for it.

    Example: `commonweal jobs`, every ten minutes by cron
    """
    from service import schedule
    from service.commands.mails import told
    from service.delivery import deliver

    commonweal = commonweal_here(quiet=json)
    failed = {job.name: says for job in schedule.JOBS if (says := schedule.run(commonweal, job))}
    told(deliver(commonweal), "mail", dry_run=False, as_document=json)
    if failed:
        fail("; ".join(f"{name}: {says}" for name, says in failed.items()))


@digests_app.command("write")
def digests_write(
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder for the mails; mails/WEEK at home when left out.")
    ] = None,
    week: Week = "",
    json: Json = False,
) -> None:
    """Writes each digest of a released round as .eml and .html, for every person who gets one.

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


@digests_app.command("send")
def digests_send(
    week: Week = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say to how many digests would go; promise and send nothing.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Most mails; all when left out.")] = None,
    json: Json = False,
) -> None:
    """Sends the digests of a released round: to each person once a week at most, however often this is run.

    Example: `commonweal digests send --dry-run`
    """
    from service import digests
    from service.commands.mails import told
    from service.delivery import Run, deliver
    from service.store.mails import Kind

    commonweal = commonweal_here(quiet=json)
    week = this_week(commonweal, week)
    if dry_run:
        told(Run(sent=digests.unsent(commonweal, week)), "digest", dry_run=True, as_document=json)
        return
    digests.promise_all(commonweal, week)
    run = deliver(commonweal, limit=limit, kinds=[Kind.DIGEST])
    told(run, "digest", dry_run=False, as_document=json)

"""`commonweal review …`: what waits for coordinators, how it was decided, and their decisions as judgements."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.options import Json, commonweal_here, fail, misused

if TYPE_CHECKING:
    from rich.table import Table

    from service.review.queue import Pairing, Queue

app = typer.Typer()
review_app = typer.Typer(
    no_args_is_help=True, help="What coordinators decide about pairings. Example: commonweal review list"
)
app.add_typer(review_app, name="review")


@review_app.command("list")
def review_list(json: Json = False) -> None:
    """The proposed rounds and coming sessions whose pairings can be reviewed, and how far they are.

    Example: `commonweal review list`
    """
    from rich.table import Table
    from rich.text import Text

    from matcher.masking import mask
    from service.printing import as_json, out, say
    from service.review import occasions
    from service.review.deciding import IN_WORDS
    from service.review.queue import counts

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.read() as connection:
        found = [(one, counts(connection, one)) for one in occasions.every(connection, commonweal.now().date())]
    if json:
        told = [
            {"occasion": one.id, "title": mask(one.title), "day": one.day, "revision": one.revision, "counts": dict(of)}
            for one, of in found
        ]
        as_json({"occasions": told})
    elif found:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in ("occasion", "what", "day", *IN_WORDS.values()):
            table.add_column(heading)
        for one, of in found:
            table.add_row(one.id, Text(mask(one.title)), str(one.day), *(str(of[choice]) for choice in IN_WORDS))
        out.print(table)
    else:
        say("Nothing is to be reviewed. Propose a round with: commonweal round")


@review_app.command("show")
def review_show(
    occasion: Annotated[str, typer.Argument(help="A week such as 2026-W48, or a session's id.")],
    decision: Annotated[
        str, typer.Option(metavar="undecided|approved|rejected|held", help="Only those so decided.")
    ] = "",
    json: Json = False,
) -> None:
    """The pairings of a proposed round or a session, best first: whom, how well it fits, what was decided and why.

    Example: `commonweal review show 2026-W48 --decision undecided`
    """
    from service.printing import as_json, out, say
    from service.review.occasions import UnknownOccasionError
    from service.review.queue import Filters, queue
    from service.store.reviews import Choice

    if decision not in ("", *Choice):
        misused(f"--decision is '{decision}'; write {', '.join(Choice)}")
    commonweal = commonweal_here(quiet=json)
    try:
        found = queue(commonweal, occasion, Filters(decision=decision))
    except UnknownOccasionError as error:
        fail(f"{error}. See: commonweal review list")
    if json:
        as_json({"occasion": occasion, "pairings": [_document(one, found) for one in found.pairings]})
    else:
        out.print(_table(found))
    say(f"{len(found.pairings)} of {found.total} pairings.")


@review_app.command("export")
def review_export(
    folder: Annotated[Path, typer.Argument(help="A new folder for the collection.")],
    occasion: Annotated[
        list[str] | None, typer.Option("--occasion", help="Only of this week or session; may be given again.")
    ] = None,
    json: Json = False,
) -> None:
    """Writes what was approved and rejected as judgements: a collection that `commonweal evaluate` reads.

    Texts are masked. Only what was proposed could be decided upon: it says nothing of what was never shown.

    Example: `commonweal review export var/judgements-2026-11`
    """
    from service.printing import counted, say, tell
    from service.review import judgements
    from service.store import members, reviews

    commonweal = commonweal_here(quiet=json)
    with commonweal.database.read() as connection:
        decided = reviews.decided(connection, occasion or None)
        organisations = {id_: one.record for id_, one in members.organisations(connection).items()}
    done = judgements.export(decided, organisations, folder)
    tell(
        f"{folder}: {counted(done.queries, 'need')}, {done.approved} pairings approved and {done.rejected} rejected. "
        f"Next: commonweal evaluate {folder}",
        {name: getattr(done, name) for name in ("folder", "queries", "approved", "rejected", "only_rejected")},
        as_document=json,
    )
    if done.only_rejected:
        left = counted(done.only_rejected, "need")
        say(f"{left} of which nothing was approved stand in decisions.jsonl alone: they make no question.")


def _table(found: "Queue") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from matcher.masking import mask
    from service.review.deciding import IN_WORDS

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("who needs", "who gives", "fit", "decision", "why", "assigned to"):
        table.add_column(heading)
    for one in found.pairings:
        marks = [mark for mark, holds in (("pinned", one.pinned), ("forbidden", one.forbidden)) if holds]
        decision = ", ".join((IN_WORDS[one.review.decision], *marks))
        asking, giving = _names(one)
        strength, why = one.suggestion.strength.value, mask(one.review.why)
        table.add_row(Text(asking), Text(giving), strength, decision, Text(why), Text(mask(one.assigned)))
    return table


def _names(one: "Pairing") -> tuple[str, str]:
    from matcher.masking import mask

    sides = (one.asking, one.suggestion.need.organisation), (one.giving, one.suggestion.offer.organisation)
    asking, giving = (mask(known.name if known else id_) for known, id_ in sides)
    return asking, giving


def _document(one: "Pairing", found: "Queue") -> dict[str, object]:
    from matcher.masking import mask

    asking, giving = _names(one)
    return {
        "key": one.key,
        "version": one.review.version,
        "need": one.suggestion.need.id,
        "offer": one.suggestion.offer.id,
        "asking": asking,
        "giving": giving,
        "fit": one.suggestion.fit,
        "strength": one.suggestion.strength.value,
        "decision": one.review.decision.value,
        "why": mask(one.review.why),
        "says": mask(one.review.says),
        "is_proposed": one.is_proposed,
        "pinned": one.pinned,
        "forbidden": one.forbidden,
        "assigned_to": mask(one.assigned) or None,
        "steps": [
            {
                "at": step.at.isoformat(),
                "who": mask(found.names.get(step.person, "")),
                "what": step.what.value,
                "why": mask(step.why),
            }
            for step in one.steps
        ],
    }

"""What people decide: which pair a round must take or leave out, and what an organisation wants."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.options import Json, Week, commonweal_here, fail, misused, this_week

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from matcher.network import Network
    from matcher.records import OrganisationId, Pair
    from service.store.decisions import Decision
    from service.wiring import Commonweal

app = typer.Typer()
pair_app = typer.Typer(no_args_is_help=True, help="Decisions about a pair. Example: commonweal pair pin --help")
organisation_app = typer.Typer(
    no_args_is_help=True, help="What an organisation wants. Example: commonweal organisation pause --help"
)
app.add_typer(pair_app, name="pair")
app.add_typer(organisation_app, name="organisation")

Need = Annotated[str, typer.Argument(help="Id of the need.")]
Offer = Annotated[str, typer.Argument(help="Id of the offer, or profile:ORGANISATION.")]
One = Annotated[str, typer.Argument(help="Id of an organisation.")]
Other = Annotated[str, typer.Argument(help="Id of the other.")]


def _said(why: str) -> str:
    """Ends the command as misused where `--why` says nothing."""
    if not why.strip():
        misused(f"'{why}' says nothing; say why in a few words")
    return why


Why = Annotated[str, typer.Option("--why", callback=_said, help="For the record.")]


@pair_app.command("pin")
def pair_pin(need: Need, offer: Offer, why: Why, week: Week = "", json: Json = False) -> None:
    """Has a week's round take this pair, as far as the rules and caps allow.

    Example: `commonweal pair pin alba-n1 borea-o1 --why "they asked for it"`
    """
    from service.printing import say, tell
    from service.store import decisions, rounds

    commonweal = commonweal_here(quiet=json)
    week = this_week(commonweal, week)
    network = commonweal.live.current()
    pair = _pair(network, need, offer)
    with commonweal.database.write() as connection:
        is_proposed = week in rounds.weeks(connection)
        try:
            replaced = decisions.pin(connection, week, *pair, why, commonweal.now())
        except rounds.ReleasedError as error:
            fail(f"{error}. Pin the pair for another week with --week")
    against = _objections(commonweal, network, pair, week)
    tell(
        f"{need} and {offer} are pinned for {week}" + ("; this replaces their forbid" if replaced else ""),
        {"need": need, "offer": offer, "week": week, "why": why, "replaced": ["forbid"] if replaced else [],
         "against": against},
        as_document=json,
    )  # fmt: skip
    for says in against:
        say(f"Against it stands now: {says}")
    if is_proposed:
        say(f"{week} is proposed already; to take the pin in, run: commonweal round --week {week}")


@pair_app.command("forbid")
def pair_forbid(need: Need, offer: Offer, why: Why, json: Json = False) -> None:
    """Keeps a pair out of every round and answer until that is taken back.

    Example: `commonweal pair forbid alba-n1 borea-o1 --why "the van is sold"`
    """
    from service.printing import tell
    from service.store import decisions

    commonweal = commonweal_here(quiet=json)
    pair = _pair(commonweal.live.current(), need, offer)
    with commonweal.database.write() as connection:
        weeks = decisions.forbid(connection, *pair, why, commonweal.now())
    tell(
        f"{need} and {offer} are not suggested until that is taken back"
        + (f"; this replaces their pin for {' and '.join(weeks)}" if weeks else ""),
        {"need": need, "offer": offer, "why": why, "replaced": [f"pin {week}" for week in weeks]},
        as_document=json,
    )


@pair_app.command("decline")
def pair_decline(
    need: Need,
    offer: Offer,
    why: Annotated[str, typer.Option("--why", callback=_said, help="What the side that declined said.")],
    json: Json = False,
) -> None:
    """Records that one side said no: not suggested again unless a text changes.

    Example: `commonweal pair decline alba-n1 borea-o1 --why "already have a driver"`
    """
    from matcher.records import Decline
    from service.printing import tell
    from service.store import decisions

    commonweal = commonweal_here(quiet=json)
    network = commonweal.live.current()
    pair = _pair(network, need, offer)
    asked, given = (network.entry(listing).listing.text for listing in pair)
    with commonweal.database.write() as connection:
        decisions.decline(connection, *pair, Decline(asked, given, why))
    says = f"{need} and {offer} are not suggested again unless a text changes"
    tell(says, {"need": need, "offer": offer, "why": why}, as_document=json)


@pair_app.command("clear")
def pair_clear(need: Need, offer: Offer, week: Week = "", json: Json = False) -> None:
    """Takes back what was decided about a pair: its pin for the week, its forbid, its decline.

    The pin of a released week is a record, and stays.

    Example: `commonweal pair clear alba-n1 borea-o1 --week 2026-W48`
    """
    from matcher.records import ListingId
    from service.printing import tell
    from service.store import decisions, rounds

    commonweal = commonweal_here(quiet=json)
    week = this_week(commonweal, week)
    with commonweal.database.write() as connection:
        is_released = rounds.weeks(connection).get(week, False)
        removed = decisions.clear(connection, week, ListingId(need), ListingId(offer))
    if not removed:
        _pair(commonweal.live.current(), need, offer)
        pin = f"no pin that can be taken back ({week} is released)" if is_released else f"no pin for {week}"
        fail(f"nothing to take back: {need} and {offer} have {pin}, no forbid and no decline")
    tell(
        f"{need} and {offer}: taken back the {' and the '.join(removed)}",
        {"need": need, "offer": offer, "week": week, "taken_back": removed},
        as_document=json,
    )


@pair_app.command("block")
def pair_block(one: One, other: Other, why: Why, json: Json = False) -> None:
    """Keeps two organisations from ever being suggested to each other.

    Example: `commonweal pair block alba borea --why "conflict of interest"`
    """
    from service.printing import tell
    from service.store import decisions

    commonweal = commonweal_here(quiet=json)
    first, second = (_organisation(commonweal, id_) for id_ in (one, other))
    if first == second:
        misused(f"'{one}' is named twice; name two organisations")
    with commonweal.database.write() as connection:
        decisions.block(connection, first, second, why)
    tell(
        f"{one} and {other} are not introduced any more", {"organisations": [one, other], "why": why}, as_document=json
    )


@pair_app.command("unblock")
def pair_unblock(one: One, other: Other, json: Json = False) -> None:
    """Takes a block back: the two may be suggested to each other again.

    Example: `commonweal pair unblock alba borea`
    """
    from service.printing import tell
    from service.store import decisions

    commonweal = commonweal_here(quiet=json)
    first, second = (_organisation(commonweal, id_) for id_ in (one, other))
    with commonweal.database.write() as connection:
        was_there = decisions.unblock(connection, first, second)
    if not was_there:
        fail(f"nothing to take back: {one} and {other} are not blocked")
    tell(f"{one} and {other} may be introduced again", {"organisations": [one, other]}, as_document=json)


@pair_app.command("list")
def pair_list(json: Json = False) -> None:
    """Every decision about pairs and organisations that stands: what, who, why, when.

    Example: `commonweal pair list`
    """
    from service.printing import as_json, out, say
    from service.store import decisions

    with commonweal_here(quiet=json).database.read() as connection:
        found = decisions.every(connection)
    if json:
        as_json({"decisions": [_document(one) for one in found]})
    elif found:
        out.print(_table(found))
    else:
        say("Nothing is decided. Start with: commonweal pair pin --help")


@organisation_app.command("pause")
def organisation_pause(
    organisation: One,
    why: Why,
    until: Annotated[
        datetime | None,
        typer.Option(
            "--until", formats=["%Y-%m-%d"], metavar="2026-12-24", help="Its last day; until resumed when left out."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Keeps an organisation out of rounds and answers for a while.

    Example: `commonweal organisation pause alba --until 2026-12-24 --why "moving house"`
    """
    from service.printing import tell
    from service.store import decisions

    commonweal = commonweal_here(quiet=json)
    last, now = until.date() if until else None, commonweal.now()
    if last is not None and last < now.date():
        misused(f"--until is {last}, which is past; name today, {now.date()}, or a later day, or leave it out")
    paused = _organisation(commonweal, organisation)
    with commonweal.database.write() as connection:
        decisions.pause(connection, paused, why, now, last)
    tell(
        f"{organisation} is paused {f'until {last}' if last else 'until it is resumed'}",
        {"organisation": organisation, "until": last, "why": why},
        as_document=json,
    )


@organisation_app.command("resume")
def organisation_resume(organisation: One, json: Json = False) -> None:
    """Ends a pause: the organisation takes part in rounds again.

    Example: `commonweal organisation resume alba`
    """
    from service.printing import tell
    from service.store import decisions

    commonweal = commonweal_here(quiet=json)
    paused = _organisation(commonweal, organisation)
    with commonweal.database.write() as connection:
        was_there = decisions.resume(connection, paused)
    if not was_there:
        fail(f"nothing to take back: {organisation} is not paused")
    tell(f"{organisation} takes part again", {"organisation": organisation}, as_document=json)


@organisation_app.command("cap")
def organisation_cap(
    organisation: One,
    suggestions: Annotated[
        str, typer.Argument(metavar="N|default", help="Most suggestions a week about its offers, or its size's.")
    ],
    json: Json = False,
) -> None:
    """Sets how many suggestions a week about its offers an organisation wants; no import changes it back.

    Example: `commonweal organisation cap borea 2`
    """
    from service.editing import UneditableError, edit_field
    from service.printing import counted, tell

    commonweal = commonweal_here(quiet=json)
    capped = _organisation(commonweal, organisation)
    cell = "" if suggestions == "default" else suggestions.strip()
    try:
        edit_field(commonweal, capped, "attention_cap", cell)
    except UneditableError:
        misused(f"'{suggestions}' is no cap; write a whole number from 0 on, or default")
    cap = int(cell) if cell else None
    most = "as many suggestions as its size says" if cap is None else f"at most {counted(cap, 'suggestion')}"
    tell(
        f"{organisation} gets {most} a week about its offers",
        {"organisation": organisation, "attention_cap": cap},
        as_document=json,
    )


def _pair(network: "Network", need: str, offer: str) -> "Pair":
    """The two as a pair. Ends the command as misused where one is unknown or on the wrong side."""
    from matcher.records import Kind, ListingId

    for listing in (need, offer):
        if listing not in network.needs.rows and listing not in network.offers.rows:
            known = [*network.needs.rows, *network.offers.rows]
            misused(f"no listing '{listing}'{_did_you_mean(listing, known)}")
    asked, given = (network.entry(ListingId(listing)).listing for listing in (need, offer))
    if asked.kind is not Kind.NEED:
        misused(f"'{need}' is no need but an offer or a profile; write the need first, then the offer")
    if given.kind is Kind.NEED:
        misused(f"'{offer}' is a need; write the need first, then an offer or profile:ORGANISATION")
    return asked.id, given.id


def _organisation(commonweal: "Commonweal", wanted: str) -> "OrganisationId":
    """The id, where it is known. Ends the command as misused where it is not."""
    from matcher.records import OrganisationId
    from service.store import members

    with commonweal.database.read() as connection:
        known = members.organisations(connection)
    if OrganisationId(wanted) not in known:
        misused(f"no organisation '{wanted}'{_did_you_mean(wanted, known)}")
    return OrganisationId(wanted)


def _did_you_mean(wanted: str, known: "Iterable[str]") -> str:
    from difflib import get_close_matches

    near = get_close_matches(wanted, known, 3)
    return f"; did you mean {' or '.join(near)}?" if near else "; commonweal export shows every id"


def _table(found: "Iterable[Decision]") -> "Table":
    """What, who, why, when; the last is empty where nobody knows."""
    from rich.table import Table
    from rich.text import Text

    from matcher.masking import mask

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("what", "who", "why", "when"):
        table.add_column(heading)
    for one in found:
        what = (
            one.what + (f" for {one.occasion}" if one.occasion else "") + (f" until {one.until}" if one.until else "")
        )
        when = f"{one.at:%Y-%m-%d}" if one.at else ""
        table.add_row(what, Text(" and ".join(one.about)), Text(mask(one.why)), when)
    return table


def _document(decision: "Decision") -> dict[str, object]:
    from matcher.masking import mask

    told = {
        "occasion": decision.occasion or None,
        "until": decision.until,
        "at": decision.at and decision.at.isoformat(),
    }
    return {"what": decision.what, "who": decision.about, "why": mask(decision.why), **told}


def _objections(commonweal: "Commonweal", network: "Network", pair: "Pair", week: str) -> list[str]:
    """The hard rules that stand against the pair in that week's round, each with its sentence."""
    from matcher.eligibility import MEMBER_RULES, Asking, objections, past
    from service.rounds import day_of
    from service.store import rounds

    day = day_of(commonweal, week)
    with commonweal.database.read() as connection:
        history = rounds.history(connection, day, week)
    before, (need, offer) = past(history, network, day), pair
    found = objections(Asking(network.entry(need), day, before), network.offers, offer, MEMBER_RULES)
    found += objections(Asking(network.entry(offer), day, before), network.needs, need, MEMBER_RULES)
    return list(dict.fromkeys(found))

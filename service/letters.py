"""What is mailed about suggestions and introductions, digests apart: a pure function for each, to text and HTML."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from urllib.parse import quote

from service.stationery import Item, Mail, day, one_line, rendered, shown

CHECKLIST = (
    "Insurance: whose covers what you plan?",
    "A risk assessment: who writes it, and by when?",
    "Staff: do the people who would do it want to, and have the time?",
    "A place that suits, with access for everybody who comes.",
    "Safeguarding: who needs a check, and who is the person to turn to on each side?",
)
_SPACE_IS_FREE = "Your listing is free for another partner, and the next weekly round looks for one."


@dataclass(frozen=True, slots=True)
class Frame:
    """What is the same in every letter to one reader: the network, where its pages are, and the reader's name."""

    network: str
    address: str
    reader: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter in its parts. `link` is the one thing to press, with its words; `why` is why the reader gets this.

    `parties` are to be written to: each with its name, and with the subject of a mail to it.
    """

    subject: str
    says: tuple[str, ...]
    item: Item | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    parties: tuple["Party", ...] = ()
    points: tuple[str, tuple[str, ...]] = ("", ())
    link: tuple[str, str] | None = None
    then: tuple[str, ...] = ()
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """An introduction as one side sees it: the suggestion, until when, whether that side began it, whether it needs.

    `came_late`: the other side said yes, when this one had all its partners.
    """

    item: Item
    organisation: str
    due: date
    link: str = ""
    began: bool = False
    needs: bool = False
    came_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Whom to speak with on one side of an introduction. `about` is what a mail to them is called, where given."""

    organisation: str
    name: str
    email: str
    about: str = ""

    @property
    def address(self) -> str:
        """What opens a mail to them."""
        subject = f"?subject={quote(one_line(self.about))}" if self.about else ""
        return f"mailto:{quote(self.email, safe='@')}{subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replying:
    """What somebody replied for the reader's organisation. `by_coordinator`: entered on its behalf."""

    item: Item
    organisation: str
    answer: str
    by: str
    by_coordinator: bool
    link: str


def asked(frame: Frame, about: Meeting) -> Mail:
    partner = about.item.partner
    return written(
        frame,
        Letter(
            subject=f"{partner} is interested: are you? Please reply by {day(about.due)}",
            says=(f"{partner} would like to talk with {about.organisation} about this.",),
            item=about.item,
            link=("Reply", about.link),
            then=(_reply_by(about.due), _BOTH),
            why=_acts_for(about),
        ),
    )


def reminder(frame: Frame, about: Meeting) -> Mail:
    partner = about.item.partner
    return written(
        frame,
        Letter(
            subject=f"Please reply by {day(about.due)}: {partner} is interested",
            says=(
                f"{partner} would like to talk with {about.organisation} and waits for a word. A no is welcome, too: "
                "then they can ask somebody else.",
            ),
            item=about.item,
            link=("Reply", about.link),
            then=(_reply_by(about.due), _BOTH, "This is the only reminder."),
            why=_acts_for(about),
        ),
    )


def expired(frame: Frame, about: Meeting) -> Mail:
    if about.came_late:
        return late(frame, about)
    partner = about.item.partner
    says = (
        f"{partner} did not reply in time. That says nothing about what you wrote: people are busy."
        if about.began
        else f"{partner} was interested, and the time to reply is over. Nobody holds it against you."
    )
    return written(
        frame,
        Letter(
            subject=f"Closed without an answer: {partner}",
            says=(says, _SPACE_IS_FREE),
            item=about.item,
            link=("See your suggestions", f"{frame.address}/suggestions"),
            why=_acts_for(about),
        ),
    )


def late(frame: Frame, about: Meeting) -> Mail:
    """In place of the one before, to who asked, where the other side did say yes."""
    partner = about.item.partner
    return written(
        frame,
        Letter(
            subject=f"Closed: {partner} said yes when your places were filled",
            says=(
                f"{partner} said yes, after {about.organisation} had filled its places for this. They know, and have "
                "been thanked. There is nothing for you to do.",
            ),
            item=about.item,
            link=("See your suggestions", f"{frame.address}/suggestions"),
            why=_acts_for(about),
        ),
    )


def declined(frame: Frame, about: Meeting) -> Mail:
    partner = about.item.partner
    return written(
        frame,
        Letter(
            subject=f"Not this time: {partner}",
            says=(f"{partner} cannot take this up. Thank you for having asked.", _SPACE_IS_FREE),
            item=about.item,
            link=("See your suggestions", f"{frame.address}/suggestions"),
            why=_acts_for(about),
        ),
    )


def withdrawn(frame: Frame, about: Meeting) -> Mail:
    partner = about.item.partner
    return written(
        frame,
        Letter(
            subject=f"{partner} has taken its interest back",
            says=(
                f"{partner} has taken its interest back. There is nothing for you to do. If you are interested "
                "yourselves, you may still say yes: then they are asked.",
                _SPACE_IS_FREE,
            ),
            item=about.item,
            link=("Look at the suggestion", about.link),
            why=_acts_for(about),
        ),
    )


def replied(frame: Frame, about: Replying) -> Mail:
    partner, by = about.item.partner, shown(about.by) or "Somebody"
    who = f"{by}, a coordinator, entered for {about.organisation}" if about.by_coordinator else f"{by} replied"
    return written(
        frame,
        Letter(
            subject=f"{about.organisation} replied about {partner}: {about.answer}",
            says=(f"{who}: {about.answer}. The first reply counts for all of you.",),
            item=about.item,
            link=("Look at it", about.link),
            then=("Within the week whoever acts for the organisation may take it back there.",),
            why=f"You get this because you act for {about.organisation}.",
        ),
    )


def introduction(frame: Frame, about: Meeting, own: Party, other: Party) -> Mail:
    """To be written only when both sides have said yes: it holds the addresses of both."""
    partner = about.item.partner
    return written(
        frame,
        Letter(
            subject=f"You are introduced: {about.organisation} and {partner}",
            says=(f"You and {_who(other)} both said yes.", _who_writes_first(about, other)),
            parties=(replace(other, about=f"{about.organisation} and {partner}"), own),
            item=about.item,
            points=("For the first meeting", CHECKLIST),
            then=(f"In ten days {frame.network} asks both of you, once, what came of it.",),
            why=f"You get this because {about.organisation} and {partner} both said yes to this suggestion.",
        ),
    )


def left(frame: Frame, about: Meeting) -> Mail:
    """In place of the introduction, where the other side is no member any more."""
    partner = about.item.partner
    return written(
        frame,
        Letter(
            subject=f"Closed: {partner} is not a member any more",
            says=(
                f"Both of you had said yes, but {partner} has left {frame.network} since. So you are not introduced.",
                _SPACE_IS_FREE,
            ),
            item=about.item,
            link=("See your suggestions", f"{frame.address}/suggestions"),
            why=_acts_for(about),
        ),
    )


def _who_writes_first(about: Meeting, other: Party) -> str:
    """One clear mover: else each waits for the other."""
    name = one_line(other.name) or shown(other.organisation)
    if about.needs:
        return f"{about.organisation} has the need, so please write first: propose two times for a call."
    first = f"{shown(other.organisation)} has the need, so {name} writes first"
    return f"{first}. You need not do anything yet; if you would rather not wait, write to them."


def follow_up(frame: Frame, about: Meeting) -> Mail:
    partner = about.item.partner
    return written(
        frame,
        Letter(
            subject=f"One question: what came of {partner}?",
            says=(
                f"Ten days ago {about.organisation} and {partner} were introduced. Have you met, is something "
                "arranged, was there no answer, or is it not going ahead?",
            ),
            item=about.item,
            link=("Answer in one tap", about.link),
            then=("Your answer helps the next suggestions. The other side is not shown it. We do not ask again.",),
            why=_acts_for(about),
        ),
    )


_BOTH = "Contact details are shared once both sides have said yes."


def _reply_by(due: date) -> str:
    until = f"until and including {day(due)}"
    return f"The link is yours alone: you reply without signing in, {until}. After that this is closed."


def _acts_for(about: Meeting) -> str:
    return f"You get this because you act for {about.organisation}."


def _who(party: Party) -> str:
    """By name and organisation."""
    organisation = shown(party.organisation)
    return f"{one_line(party.name)} ({organisation})" if party.name.strip() else organisation


def written(frame: Frame, letter: Letter) -> Mail:
    """The letter in text and in HTML."""
    greeting = f"Dear {one_line(frame.reader)}" if frame.reader.strip() else "Hello"
    return rendered(
        "letter", subject=one_line(letter.subject), letter=letter, greeting=greeting, network=one_line(frame.network)
    )

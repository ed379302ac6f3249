"""Every mail that is no digest: a pure function for each, from what it tells to text and HTML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import quote

from matcher.masking import mask
from service.stationery import Item, Mail, day, one_line, rendered, shortened, shown

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
    """A letter in its parts. `link` is the one thing to press, with its words; `why` is why the reader gets this."""

    subject: str
    says: tuple[str, ...]
    item: Item | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    points: tuple[str, tuple[str, ...]] = ("", ())
    link: tuple[str, str] | None = None
    then: tuple[str, ...] = ()
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying:
    """An application, as who made it or who decides it is told of it."""

    organisation: str
    register: str = ""
    number: str = ""
    person: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """A membership of an organisation, perhaps only offered: until when, who did something about it, what to press."""

    organisation: str
    until: date | None = None
    by: str = ""
    expires: date | None = None
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """An introduction as one side sees it: the suggestion, until when, and whether the reader's side began it."""

    item: Item
    organisation: str
    due: date
    link: str = ""
    began: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Whom to speak with on one side of an introduction."""

    organisation: str
    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replying:
    """What somebody replied for the reader's organisation. `by_coordinator`: entered on its behalf."""

    item: Item
    organisation: str
    answer: str
    by: str
    by_coordinator: bool
    link: str


def sign_in(frame: Frame, link: str) -> Mail:
    return _written(
        frame,
        Letter(
            subject=f"Your link to sign in to {frame.network}",
            says=("Open this link to sign in. It works once, within fifteen minutes.",),
            link=("Sign in", link),
            then=("If it was not you who asked for it, do nothing: without the link nobody gets in.",),
            why="You get this because somebody asked for a link to sign in with this address.",
        ),
    )


def invitation(frame: Frame, about: Belonging) -> Mail:
    name = shown(about.organisation)
    until = f", until {day(about.until)}" if about.until else ""
    return _written(
        frame,
        Letter(
            subject=f"{name} is invited to join {frame.network}",
            says=(
                f"{shown(about.by) or 'A coordinator'} invites {name} to be a member of {frame.network}{until}.",
                "Organisations write what they need and what they can give. Every week each member gets a few "
                "suggestions of whom to meet, with reasons. Contact details pass only when both sides have said yes.",
            ),
            link=("Look at the invitation", about.link),
            then=(
                *((f"The link can be used until {day(about.expires)}.",) if about.expires else ()),
                "If this is not for you, do nothing: nothing else is sent.",
            ),
            why=f"You get this because a coordinator of {frame.network} entered your address.",
        ),
    )


def applied(frame: Frame, about: Applying) -> Mail:
    name = shown(about.organisation)
    return _written(
        frame,
        Letter(
            subject=f"We have your application for {name}",
            says=(f"Thank you for asking to join {frame.network}. A coordinator looks at it and writes to you.",),
            facts=_facts(about, name),
            then=("If it was not you who applied, do nothing: the address is not used for anything else.",),
            why="You get this because somebody applied with this address.",
        ),
    )


def application(frame: Frame, about: Applying) -> Mail:
    name = shown(about.organisation)
    return _written(
        frame,
        Letter(
            subject=f"{name} asks to join",
            says=(f"{name} asks to join {frame.network}. It waits for a decision.",),
            facts=_facts(about, name),
            link=("Look at the application", f"{frame.address}/desk"),
            why=f"You get this because you are a coordinator of {frame.network}.",
        ),
    )


def approved(frame: Frame, about: Belonging) -> Mail:
    name = shown(about.organisation)
    until = f", until {day(about.until)}" if about.until else ""
    return _written(
        frame,
        Letter(
            subject=f"{name} is a member of {frame.network} now",
            says=(
                f"{name} is a member of {frame.network} from now on{until}.",
                "Sign in with this address and write down what you need and what you can give: the clearer that is "
                "(how many, where, by when), the better the suggestions.",
            ),
            link=("Sign in", f"{frame.address}/sign-in"),
            why=f"You get this because you asked for it, or accepted the invitation, for {name}.",
        ),
    )


def refused(frame: Frame, about: Applying) -> Mail:
    name = shown(about.organisation)
    return _written(
        frame,
        Letter(
            subject=f"About your application for {name}",
            says=(f"Thank you for asking to join {frame.network}. {name} was not made a member this time.",),
            facts={"Why": shortened(mask(about.why), 1000)} if about.why.strip() else {},
            then=("You may apply again when that has changed.",),
            why="You get this because you applied with this address.",
        ),
    )


def added(frame: Frame, about: Belonging) -> Mail:
    name = shown(about.organisation)
    by = shown(about.by) or "Somebody who acts for it"
    return _written(
        frame,
        Letter(
            subject=f"You may act for {name} now",
            says=(
                f"{by} added you to the people who act for {name} at {frame.network}. You may reply to its "
                "suggestions and change its listings, and you get its weekly digest.",
            ),
            link=("Sign in", f"{frame.address}/sign-in"),
            then=("If this is a mistake, do nothing, or tell them: they can take it back.",),
            why=f"You get this because your address was entered for {name}.",
        ),
    )


def ending(frame: Frame, about: Belonging, today: date) -> Mail:
    name = shown(about.organisation)
    over = about.until is not None and about.until < today
    when = f" on {day(about.until)}" if about.until else ""
    says = (
        f"The membership of {name} {'ended' if over else 'ends'}{when}. "
        f"{'It' if over else 'After that it'} gets no suggestions and is suggested to nobody. "
        "Nothing you wrote is deleted."
    )
    return _written(
        frame,
        Letter(
            subject=f"The membership of {name} {'has ended' if over else f'ends{when}'}",
            says=(says, "To go on, tell your coordinator: it takes them a minute."),
            why=f"You get this because you act for {name}.",
        ),
    )


def asked(frame: Frame, about: Meeting) -> Mail:
    partner = about.item.partner
    return _written(
        frame,
        Letter(
            subject=f"{partner} is interested: are you? Reply by {day(about.due)}",
            says=(f"{partner} would like to talk with {about.organisation} about this.",),
            item=about.item,
            link=("Reply", about.link),
            then=(_reply_by(about.due), _BOTH),
            why=_acts_for(about),
        ),
    )


def reminder(frame: Frame, about: Meeting) -> Mail:
    partner = about.item.partner
    return _written(
        frame,
        Letter(
            subject=f"Until {day(about.due)}: {partner} is interested",
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
    partner = about.item.partner
    says = (
        f"{partner} did not reply in time. That says nothing about what you wrote: people are busy."
        if about.began
        else f"{partner} was interested, and the time to reply is over. Nobody holds it against you."
    )
    return _written(
        frame,
        Letter(
            subject=f"Closed without an answer: {partner}",
            says=(says, _SPACE_IS_FREE),
            item=about.item,
            link=("See your suggestions", f"{frame.address}/suggestions"),
            why=_acts_for(about),
        ),
    )


def declined(frame: Frame, about: Meeting) -> Mail:
    partner = about.item.partner
    return _written(
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
    return _written(
        frame,
        Letter(
            subject=f"Taken back: {partner}",
            says=(f"{partner} has taken its interest back. There is nothing for you to do.", _SPACE_IS_FREE),
            item=about.item,
            link=("See your suggestions", f"{frame.address}/suggestions"),
            why=_acts_for(about),
        ),
    )


def replied(frame: Frame, about: Replying) -> Mail:
    partner, by = about.item.partner, shown(about.by) or "Somebody"
    who = f"{by}, a coordinator, entered for {about.organisation}" if about.by_coordinator else f"{by} replied"
    return _written(
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
    to = f"mailto:{quote(other.email, safe='@')}?subject={quote(one_line(f'{about.organisation} and {partner}'))}"
    return _written(
        frame,
        Letter(
            subject=f"You are introduced: {about.organisation} and {partner}",
            says=(
                f"Both of you said yes. {frame.network} introduces {_who(own)} and {_who(other)}. Whoever writes first "
                "does the other a favour: propose two times for a call.",
            ),
            facts={
                f"For {shown(party.organisation)}": f"{one_line(party.name)}, {party.email}".lstrip(", ")
                for party in (own, other)
            },
            item=about.item,
            points=("For the first meeting", CHECKLIST),
            link=(f"Write to {_who(other)}", to),
            then=(f"In ten days {frame.network} asks both of you, once, what came of it.",),
            why=f"You get this because {about.organisation} and {partner} both said yes to this suggestion.",
        ),
    )


def follow_up(frame: Frame, about: Meeting) -> Mail:
    partner = about.item.partner
    return _written(
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


_BOTH = "Only when both of you have said yes do you learn whom to write to."


def _reply_by(due: date) -> str:
    return f"The link is yours alone: you reply without signing in, until {day(due)}. After that this is closed."


def _acts_for(about: Meeting) -> str:
    return f"You get this because you act for {about.organisation}."


def _who(party: Party) -> str:
    return one_line(party.name) or shown(party.organisation)


def _facts(about: Applying, name: str) -> dict[str, str]:
    facts = {
        "Organisation": name,
        "Register": shown(about.register),
        "Number": shown(about.number),
        "Person": shown(about.person),
    }
    return {label: value for label, value in facts.items() if value}


def _written(frame: Frame, letter: Letter) -> Mail:
    greeting = f"Dear {one_line(frame.reader)}" if frame.reader.strip() else "Hello"
    return rendered(
        "letter", subject=one_line(letter.subject), letter=letter, greeting=greeting, network=one_line(frame.network)
    )

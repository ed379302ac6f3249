"""What is mailed about signing in, joining and membership: a pure function for each letter."""

from dataclasses import dataclass
from datetime import date

from matcher.masking import mask
from service.letters import Frame, Letter, written
from service.stationery import Mail, day, shortened, shown


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
    """A membership of an organisation, perhaps only offered: until when, who did something about it, what to press.

    `by_coordinator`: who did it does not act for the organisation.
    """

    organisation: str
    until: date | None = None
    by: str = ""
    by_coordinator: bool = False
    expires: date | None = None
    link: str = ""


def sign_in(frame: Frame, link: str) -> Mail:
    return written(
        frame,
        Letter(
            subject=f"Your link to sign in to {frame.network}",
            says=("Open this link to sign in. It works once, within fifteen minutes.",),
            link=("Sign in", link),
            then=("If it was not you who asked for it, do nothing: without the link nobody gets in.",),
            why="You get this because somebody asked for a link to sign in with this email address.",
        ),
    )


def invitation(frame: Frame, about: Belonging) -> Mail:
    name = shown(about.organisation)
    until = f", until {day(about.until)}" if about.until else ""
    return written(
        frame,
        Letter(
            subject=f"{name} is invited to join {frame.network}",
            says=(
                f"{shown(about.by) or 'A coordinator'} invites {name} to be a member of {frame.network}{until}.",
                "Organisations write what they need and what they can give. Every week each member gets a few "
                "suggestions of whom to meet, with reasons. Contact details are shared once both sides have said yes.",
            ),
            link=("Look at the invitation", about.link),
            then=(
                *((f"The link can be used until {day(about.expires)}.",) if about.expires else ()),
                "If this is not for you, do nothing: nothing else is sent.",
            ),
            why=f"You get this because a coordinator of {frame.network} entered your email address.",
        ),
    )


def applied(frame: Frame, about: Applying) -> Mail:
    name = shown(about.organisation)
    return written(
        frame,
        Letter(
            subject=f"We have your application for {name}",
            says=(f"Thank you for asking to join {frame.network}. A coordinator looks at it and writes to you.",),
            facts=_facts(about, name),
            then=("If it was not you who applied, do nothing: your email address is not used for anything else.",),
            why="You get this because somebody applied with this email address.",
        ),
    )


def application(frame: Frame, about: Applying) -> Mail:
    name = shown(about.organisation)
    return written(
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
    return written(
        frame,
        Letter(
            subject=f"{name} is a member of {frame.network} now",
            says=(
                f"{name} is a member of {frame.network} from now on{until}.",
                "Sign in with this email address and write down what you need and what you can give: the clearer that "
                "is (how many, where, by when), the better the suggestions.",
            ),
            link=("Sign in", about.link or f"{frame.address}/sign-in"),
            then=_once(frame) if about.link else (),
            why=f"You get this because you asked for it, or accepted the invitation, for {name}.",
        ),
    )


def refused(frame: Frame, about: Applying) -> Mail:
    name = shown(about.organisation)
    return written(
        frame,
        Letter(
            subject=f"About your application for {name}",
            says=(f"Thank you for asking to join {frame.network}. {name} was not made a member this time.",),
            facts={"Why": shortened(mask(about.why), 1000)} if about.why.strip() else {},
            then=("You may apply again when that has changed.",),
            why="You get this because you applied with this email address.",
        ),
    )


def added(frame: Frame, about: Belonging) -> Mail:
    name = shown(about.organisation)
    by = shown(about.by) or "Somebody who acts for it"
    return written(
        frame,
        Letter(
            subject=f"You may act for {name} now",
            says=(
                f"{by} added you to the people who act for {name} at {frame.network}. You may reply to its "
                "suggestions and change its listings, and you get its weekly digest.",
            ),
            link=("Sign in", about.link or f"{frame.address}/sign-in"),
            then=(
                *(_once(frame) if about.link else ()),
                "If this is a mistake, do nothing, or tell them: they can take it back.",
            ),
            why=f"You get this because your email address was entered for {name}.",
        ),
    )


def _once(frame: Frame) -> tuple[str, ...]:
    return (f"The link works once, within fifteen minutes. Later, ask for another at {frame.address}/sign-in.",)


def colleague(frame: Frame, about: Belonging, added: str) -> Mail:
    """To those who act for an organisation already: one more does, who was `added`."""
    name, who = shown(about.organisation), shown(added) or "somebody"
    by = f"{shown(about.by) or 'Somebody'}{', a coordinator,' if about.by_coordinator else ''}"
    return written(
        frame,
        Letter(
            subject=f"One more person acts for {name}: {who}" if added.strip() else f"One more person acts for {name}",
            says=(
                f"{by} added {who} to the people who act for {name} at {frame.network}. Each of you may reply to its "
                "suggestions, change its listings and choose who gets its weekly digest.",
            ),
            link=("Look at its people", about.link),
            then=("If this is a mistake, you can take them out there.",),
            why=f"You get this because you act for {name}.",
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
    return written(
        frame,
        Letter(
            subject=f"The membership of {name} {'has ended' if over else f'ends{when}'}",
            says=(says, "To go on, tell your coordinator: it takes them a minute."),
            why=f"You get this because you act for {name}.",
        ),
    )


def _facts(about: Applying, name: str) -> dict[str, str]:
    facts = {
        "Organisation": name,
        "Register": shown(about.register),
        "Number": shown(about.number),
        "Person": shown(about.person),
    }
    return {label: value for label, value in facts.items() if value}

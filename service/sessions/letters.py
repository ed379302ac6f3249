"""What is mailed about sessions, to text and HTML."""

from dataclasses import dataclass, replace
from email.headerregistry import Address

from service.letters import Frame, Letter, written
from service.sessions import convening
from service.stationery import Mail, day, shown
from service.store.sessions import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Inviting:
    """An invitation to a session. `by` is the coordinator who invites, to whom replies go; `themes` are in words."""

    session: Session
    organisation: str
    themes: tuple[str, ...]
    by: str
    reply_to: Address
    link: str


def invited(frame: Frame, about: Inviting) -> Mail:
    session, name, by = about.session, shown(about.organisation), shown(about.by) or "A coordinator"
    title = shown(session.title)
    where = ("Online" if session.online else "", session.place, convening.venue_of(session))
    facts = {
        "Day": f"{session.day:%A} {day(session.day)}",
        "Meetings": f"{session.starts:%H:%M} to {session.ends(session.slots - 1):%H:%M}",
        "Where": ", ".join(part for part in where if part) or "not settled yet",
        "About": ", ".join(about.themes),
    }
    letter = written(
        frame,
        Letter(
            subject=f"{name} is invited to {title} on {day(session.day)}",
            says=(
                f"{by} invites {name} to {title}, a session of {frame.network}.",
                "You would meet other members one to one, in short meetings chosen from what you and they have "
                "listed: the clearer your needs and offers are, the better the meetings.",
            ),
            facts={label: value for label, value in facts.items() if value},
            link=("Look at what you have listed", about.link),
            then=(
                f"Please reply to this email and say whether you come: {by} reads it. If you would arrive late or "
                "have to leave early, say when, and your meetings are planned around it.",
            ),
            why=f"You get this because you act for {name}.",
        ),
    )
    return replace(letter, headers={"Reply-To": str(about.reply_to)})

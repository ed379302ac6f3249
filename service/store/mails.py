"""Mails that were promised: written in the transaction that promises them, composed and sent later, each once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from service.store import schema
from service.store.people import Person


class Kind(StrEnum):
    """What a mail is."""

    SIGN_IN = "sign-in"
    INVITATION = "invitation"
    APPLIED = "applied"  # to who applied
    APPLICATION = "application"  # to coordinators: one waits
    APPROVED = "approved"
    REFUSED = "refused"
    ADDED = "added"  # to a person who may act for an organisation now
    ENDING = "ending"  # a membership will end, or has
    DIGEST = "digest"
    ASKED = "asked"  # the other side is interested
    REMINDER = "reminder"
    EXPIRED = "expired"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    REPLIED = "replied"  # to the others of an organisation: one of them, or a coordinator, replied
    INTRODUCTION = "introduction"
    FOLLOW_UP = "follow-up"


class State(StrEnum):
    """How far a mail is. `UNSURE`: the server fell silent after all of it was sent; it is not sent again."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNSURE = "unsure"
    DROPPED = "dropped"  # there was nothing to say any more


def promise(
    connection: Connection,
    kind: Kind,
    key: str,
    *,
    to: Person | str,
    about: Mapping[str, str],
    due: datetime,
) -> bool:
    """Promises a mail to a person, or to the address of somebody who is not known yet. False where it was before.

    `key` and who it goes to tell one mail from another of its kind; `about` holds the ids that it is composed from.
    """
    email, person = (to, None) if isinstance(to, str) else (to.email, to.id)
    whole = f"{kind}:{key}:{person or email}"
    if connection.execute(select(schema.mails.c.key).where(schema.mails.c.key == whole)).one_or_none():
        return False
    row = {
        "key": whole,
        "kind": str(kind),
        "email": email,
        "person": person,
        "about": dict(about),
        "state": str(State.WAITING),
        "due_at": due.astimezone(UTC),
        "attempts": 0,
        "says": "",
    }
    connection.execute(schema.mails.insert(), [row])
    return True

"""Members themselves: people, what they reply, introductions, mails to be sent."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("email", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("access", sa.String, nullable=False),
        sa.Column("undeliverable_at", sa.DateTime(timezone=True)),
        sa.Column("undeliverable_why", sa.Text, nullable=False),
    )
    op.create_table(
        "acting",
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("organisation", sa.String, sa.ForeignKey("organisations.id"), primary_key=True, index=True),
        sa.Column("digest", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("digest_from", sa.Date),
        sa.Column("added_by", sa.String, nullable=False),
        sa.Column("called", sa.Text),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "links",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False, index=True),
        sa.Column("goes_to", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "visits",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("previous", sa.String(64), index=True),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False, index=True),
        sa.Column("browser", sa.Text, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False, index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "memberships",
        sa.Column("organisation", sa.String, sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("register", sa.String, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("approved_by", sa.String(32), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("reminded_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "applications",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("organisation", sa.String),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("register", sa.String, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("places", sa.JSON, nullable=False),
        sa.Column("sectors", sa.JSON, nullable=False),
        sa.Column("size", sa.String, nullable=False),
        sa.Column("person_name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.String(32)),
        sa.Column("decision", sa.String),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("organisation", sa.String, sa.ForeignKey("organisations.id"), nullable=False, index=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("person_name", sa.Text, nullable=False),
        sa.Column("invited_by", sa.String(32), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "confirmations",
        sa.Column("listing", sa.String, sa.ForeignKey("listings.id"), primary_key=True),
        sa.Column("confirmed_on", sa.Date, nullable=False),
        sa.Column("asked_on", sa.Date),
        sa.Column("by", sa.String, nullable=False),
    )
    op.create_table(
        "replies",
        sa.Column("suggestion", sa.String(20), primary_key=True),
        sa.Column("organisation", sa.String, sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("via", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "introductions",
        sa.Column("key", sa.String(20), primary_key=True),
        sa.Column("week", sa.String(8), nullable=False, index=True),
        sa.Column("need", sa.String, nullable=False),
        sa.Column("offer", sa.String, nullable=False),
        sa.Column("asking", sa.String, sa.ForeignKey("organisations.id"), nullable=False, index=True),
        sa.Column("giving", sa.String, sa.ForeignKey("organisations.id"), nullable=False, index=True),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("strength", sa.String, nullable=False),
        sa.Column("fit", sa.Float, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("shown", sa.JSON, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("opened_by", sa.String, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.Date, nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True)),
        sa.Column("introduced_at", sa.DateTime(timezone=True)),
        sa.Column("asked_how_at", sa.DateTime(timezone=True)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "outcomes",
        sa.Column("introduction", sa.String(20), sa.ForeignKey("introductions.key"), primary_key=True),
        sa.Column("organisation", sa.String, sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "mails",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("person", sa.String(32)),
        sa.Column("about", sa.JSON, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("claimed_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("says", sa.Text, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("organisation", sa.String),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("says", sa.Text, nullable=False),
    )
    op.create_index("mails_waiting", "mails", ["state", "due_at"])
    for side in ("need", "offer"):
        op.create_index(f"ix_suggestions_{side}", "suggestions", [side])
    contacts = sa.table("contacts", *map(sa.column, ("organisation", "name", "email")))
    people = sa.table("people", *map(sa.column, ("id", "email", "name", "access", "undeliverable_why")))
    acting = sa.table("acting", *map(sa.column, ("person", "organisation", "added_by")))
    connection = op.get_bind()
    known: dict[str, str] = {}
    for organisation, name, email in connection.execute(sa.select(contacts).order_by(contacts.c.organisation)).all():
        address = email.strip().lower()
        if not address:
            continue
        if address not in known:
            known[address] = uuid4().hex
            row = {"id": known[address], "email": address, "name": name, "access": "member", "undeliverable_why": ""}
            connection.execute(sa.insert(people).values(row))
        row = {"person": known[address], "organisation": organisation, "added_by": "import"}
        connection.execute(sa.insert(acting).values(row))

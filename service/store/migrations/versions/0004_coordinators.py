"""Coordinators: reviews of pairings, sessions with their attendees, pairings, timetables and promises."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("pins") as pins:
        pins.alter_column("week", new_column_name="occasion", existing_type=sa.String(8), existing_nullable=False)
    op.create_table(
        "reviews",
        sa.Column("key", sa.String(20), primary_key=True),
        sa.Column("occasion", sa.String(8), nullable=False, index=True),
        sa.Column("need", sa.String, nullable=False),
        sa.Column("offer", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("decision", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("says", sa.Text, nullable=False),
        sa.Column("assigned_to", sa.String(32)),
        sa.Column("decided_by", sa.String(32)),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("ranker", sa.String, nullable=False),
        sa.Column("fit", sa.Float, nullable=False),
        sa.Column("strength", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("shown", sa.JSON, nullable=False),
    )
    op.create_table(
        "review_steps",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("review", sa.String(20), sa.ForeignKey("reviews.key"), nullable=False, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("undoes", sa.Integer),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(8), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("themes", sa.JSON, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("starts", sa.Time, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("venue", sa.Text, nullable=False),
        sa.Column("online", sa.Boolean, nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("slot_minutes", sa.Integer, nullable=False),
        sa.Column("gap_minutes", sa.Integer, nullable=False),
        sa.Column("tables", sa.Integer, nullable=False),
        sa.Column("follows", sa.String(8)),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("made_by", sa.String(32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "attendees",
        sa.Column("session", sa.String(8), sa.ForeignKey("sessions.id"), primary_key=True),
        sa.Column("organisation", sa.String, sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("arrives", sa.Time),
        sa.Column("leaves", sa.Time),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_by", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "plans",
        sa.Column("session", sa.String(8), sa.ForeignKey("sessions.id"), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("versions", sa.JSON, nullable=False),
        sa.Column("left_out", sa.JSON, nullable=False),
        sa.Column("unmet", sa.JSON, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("bound", sa.Float, nullable=False),
        sa.Column("solved_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "planned",
        sa.Column("session", sa.String(8), sa.ForeignKey("sessions.id"), primary_key=True),
        sa.Column("need", sa.String, primary_key=True),
        sa.Column("offer", sa.String, primary_key=True),
        sa.Column("fit", sa.Float, nullable=False),
        sa.Column("strength", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("shown", sa.JSON, nullable=False),
        sa.Column("propensity", sa.Float),
        sa.Column("asking", sa.Float),
        sa.Column("giving", sa.Float),
        sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "timetables",
        sa.Column("session", sa.String(8), sa.ForeignKey("sessions.id"), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("solved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("bound", sa.Float, nullable=False),
        sa.Column("unplaced", sa.JSON, nullable=False),
    )
    op.create_table(
        "meetings",
        sa.Column("session", sa.String(8), sa.ForeignKey("sessions.id"), primary_key=True),
        sa.Column("one", sa.String, primary_key=True),
        sa.Column("other", sa.String, primary_key=True),
        sa.Column("slot", sa.Integer, nullable=False),
        sa.Column("table", sa.Integer, nullable=False),
        sa.Column("uid", sa.String, nullable=False, unique=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("is_cancelled", sa.Boolean, nullable=False),
        sa.Column("is_fixed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "promises",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("session", sa.String(8), sa.ForeignKey("sessions.id"), nullable=False, index=True),
        sa.Column("organisation", sa.String, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("says", sa.Text, nullable=False),
        sa.Column("due", sa.Date),
        sa.Column("kept_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )

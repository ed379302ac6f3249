"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("standing", sa.String, nullable=False),
        sa.Column("sectors", sa.JSON, nullable=False),
        sa.Column("size", sa.String, nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("places", sa.JSON, nullable=False),
        sa.Column("identifiers", sa.JSON, nullable=False),
        sa.Column("attention_cap", sa.Integer),
        sa.Column("excludes", sa.JSON, nullable=False),
        sa.Column("edited", sa.JSON, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "contacts",
        sa.Column("organisation", sa.String, sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
    )
    op.create_table(
        "listings",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("organisation", sa.String, sa.ForeignKey("organisations.id"), nullable=False, index=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("resource", sa.String, nullable=False),
        sa.Column("themes", sa.JSON, nullable=False),
        sa.Column("places", sa.JSON, nullable=False),
        sa.Column("remote", sa.Boolean, nullable=False),
        sa.Column("capacity", sa.Integer),
        sa.Column("opens", sa.Date),
        sa.Column("closes", sa.Date),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("gain", sa.Text, nullable=False),
        sa.Column("visibility", sa.String, nullable=False),
        sa.Column("edited", sa.JSON, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "vectors",
        sa.Column("encoder", sa.String, primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("clauses", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "rounds",
        sa.Column("week", sa.String(8), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("versions", sa.JSON, nullable=False),
        sa.Column("left_out", sa.JSON, nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "suggestions",
        sa.Column("week", sa.String(8), sa.ForeignKey("rounds.week"), primary_key=True),
        sa.Column("need", sa.String, primary_key=True),
        sa.Column("offer", sa.String, primary_key=True),
        sa.Column("fit", sa.Float, nullable=False),
        sa.Column("strength", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("shown", sa.JSON, nullable=False),
    )
    op.create_table(
        "declines",
        sa.Column("need", sa.String, primary_key=True),
        sa.Column("offer", sa.String, primary_key=True),
        sa.Column("need_text", sa.Text, nullable=False),
        sa.Column("offer_text", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "blocks",
        sa.Column("one", sa.String, primary_key=True),
        sa.Column("other", sa.String, primary_key=True),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "revision", "value": 0}, {"name": "epoch", "value": 0}])

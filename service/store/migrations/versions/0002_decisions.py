"""What people decide: pins, forbids and pauses; and what a round keeps of how it chose."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "pins",
        sa.Column("week", sa.String(8), primary_key=True),
        sa.Column("need", sa.String, primary_key=True),
        sa.Column("offer", sa.String, primary_key=True),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "forbids",
        sa.Column("need", sa.String, primary_key=True),
        sa.Column("offer", sa.String, primary_key=True),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "pauses",
        sa.Column("organisation", sa.String, primary_key=True),
        sa.Column("until", sa.Date),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "passed_over",
        sa.Column("week", sa.String(8), sa.ForeignKey("rounds.week"), primary_key=True),
        sa.Column("need", sa.String, primary_key=True),
        sa.Column("offer", sa.String, primary_key=True),
        sa.Column("fit", sa.Float, nullable=False),
        sa.Column("strength", sa.String, nullable=False),
        sa.Column("propensity", sa.Float, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("between", sa.JSON, nullable=False),
    )
    op.add_column("suggestions", sa.Column("propensity", sa.Float))
    op.add_column("suggestions", sa.Column("asking", sa.Float))
    op.add_column("suggestions", sa.Column("giving", sa.Float))
    op.add_column("suggestions", sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("rounds", sa.Column("value", sa.Float))
    op.add_column("rounds", sa.Column("bound", sa.Float))
    op.add_column("rounds", sa.Column("unmet", sa.JSON))
    rounds = sa.table("rounds", sa.column("week", sa.String), sa.column("left_out", sa.JSON))
    connection = op.get_bind()
    for week, left_out in connection.execute(sa.select(rounds.c.week, rounds.c.left_out)).all():
        told = {organisation: {"fitted": fitted, "helps": []} for organisation, fitted in left_out.items()}
        connection.execute(sa.update(rounds).where(rounds.c.week == week).values(left_out=told))

"""Model calls and budgets."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "7c1d0e9a4f38"
down_revision: str | Sequence[str] | None = "2b6b4ac1ca56"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
PICODOLLARS = sa.BigInteger()
UNDER_WAY = sa.text("status = 'started'")


def upgrade() -> None:
    op.create_table(
        "model_calls",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=True),
        sa.Column("tokens_out", sa.Integer(), nullable=True),
        sa.Column("reserved", PICODOLLARS, nullable=True),
        sa.Column("cost", PICODOLLARS, nullable=True),
        sa.Column("price_version", sa.String(), nullable=True),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_model_calls_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_model_calls"),
    )
    op.create_index("ix_model_calls_run_id_position", "model_calls", ["run_id", "position"])
    op.create_index("ix_model_calls_conversation_id", "model_calls", ["conversation_id"])
    op.create_index("ix_model_calls_started_at", "model_calls", ["started_at"])
    op.create_index(
        "ix_model_calls_under_way",
        "model_calls",
        ["started_at"],
        sqlite_where=UNDER_WAY,
        postgresql_where=UNDER_WAY,
    )

    op.create_table(
        "budgets",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("spent", PICODOLLARS, nullable=False),
        sa.Column("reserved", PICODOLLARS, nullable=False),
        sa.Column("warned_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("scope", "key", "period", name="pk_budgets"),
    )


def downgrade() -> None:
    op.drop_table("budgets")
    op.drop_table("model_calls")

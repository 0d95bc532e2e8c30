"""Trials of drafts, and regression cases."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "e7c2419ab5d0"
down_revision: str | Sequence[str] | None = "d81b3f6a2c94"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "trials",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("workflow", sa.String(), sa.ForeignKey("workflows.name"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=True),
        sa.Column("since", MOMENT, nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("report", DOCUMENT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
    )
    op.create_index("ix_trials_status", "trials", ["status"])
    op.create_index("ix_trials_workflow", "trials", ["workflow", "created_at"])
    op.create_table(
        "trial_turns",
        sa.Column("trial_id", sa.String(), sa.ForeignKey("trials.id"), primary_key=True),
        sa.Column("run_id", sa.String(), sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column(
            "conversation_id", sa.String(), sa.ForeignKey("conversations.id"), nullable=False
        ),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("is_changed", sa.Boolean(), nullable=False),
        sa.Column("is_lost", sa.Boolean(), nullable=False),
        sa.Column("details", DOCUMENT, nullable=True),
    )
    op.create_index("ix_trial_turns_conversation_id", "trial_turns", ["conversation_id"])
    op.create_table(
        "regression_cases",
        sa.Column("workflow", sa.String(), sa.ForeignKey("workflows.name"), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("is_redacted", sa.Boolean(), nullable=False),
        sa.Column("recording", DOCUMENT, nullable=True),
        sa.Column("expected", DOCUMENT, nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_index("ix_regression_cases_conversation_id", "regression_cases", ["conversation_id"])


def downgrade() -> None:
    op.drop_table("regression_cases")
    op.drop_table("trial_turns")
    op.drop_table("trials")

"""Agents and suggestions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c3b8f1a6d920"
down_revision: str | Sequence[str] | None = "e1f7a20c93b4"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
    )
    op.add_column(
        "runs", sa.Column("purpose", sa.String(), nullable=False, server_default="answer")
    )
    op.add_column("escalations", sa.Column("suggestion", sa.Text(), nullable=True))
    op.add_column(
        "escalations",
        sa.Column("suggested_upto", sa.Integer(), nullable=False, server_default="0"),
    )


def downgrade() -> None:
    op.drop_column("escalations", "suggested_upto")
    op.drop_column("escalations", "suggestion")
    op.drop_column("runs", "purpose")
    op.drop_table("agents")

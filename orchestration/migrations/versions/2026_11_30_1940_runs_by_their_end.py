"""Runs by their end, which shadows look for every second."""

from collections.abc import Sequence

from alembic import op

revision: str = "a1d94c7e30f5"
down_revision: str | Sequence[str] | None = "c41f7d9e02ab"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_runs_finished_at", "runs", ["finished_at"])


def downgrade() -> None:
    op.drop_index("ix_runs_finished_at", "runs")

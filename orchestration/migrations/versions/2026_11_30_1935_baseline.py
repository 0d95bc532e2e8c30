"""Baseline."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c41f7d9e02ab"
down_revision: str | Sequence[str] | None = "f20c7be4d518"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "runs", sa.Column("has_baseline", sa.Boolean(), nullable=False, server_default=sa.true())
    )


def downgrade() -> None:
    op.drop_column("runs", "has_baseline")

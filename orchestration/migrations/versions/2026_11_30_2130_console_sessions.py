"""Sessions of the console."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "b7e42d90c6f1"
down_revision: str | Sequence[str] | None = "a1d94c7e30f5"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "console_sessions",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("key_mark", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_console_sessions"),
    )
    op.create_index("ix_console_sessions_used_at", "console_sessions", ["used_at"])


def downgrade() -> None:
    op.drop_table("console_sessions")

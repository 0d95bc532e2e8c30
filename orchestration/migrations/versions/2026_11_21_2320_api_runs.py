"""Runs by API."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "c3f5d1a80e67"
down_revision: str | Sequence[str] | None = "a94e61c07b52"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("output", DOCUMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "output")

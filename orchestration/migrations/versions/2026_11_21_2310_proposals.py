"""Proposals."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "a94e61c07b52"
down_revision: str | Sequence[str] | None = "7c1d0e9a4f38"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
PENDING = sa.text(
    "status = 'open' OR (status = 'released' "
    "AND (outcome IS NULL OR outcome IN ('begun', 'unknown')))"
)


def upgrade() -> None:
    op.add_column("approvals", sa.Column("proposal", DOCUMENT, nullable=True))
    op.add_column("approvals", sa.Column("order_id", sa.String(), nullable=True))
    op.add_column("approvals", sa.Column("action", sa.String(), nullable=True))
    op.add_column("approvals", sa.Column("outcome", sa.Text(), nullable=True))
    op.add_column("approvals", sa.Column("reference", sa.Text(), nullable=True))
    op.create_index(
        "uq_approvals_pending",
        "approvals",
        ["order_id", "action"],
        unique=True,
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    )
    op.add_column("shop_orders", sa.Column("details", DOCUMENT, nullable=True))

    op.create_table(
        "actions",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("arguments", DOCUMENT, nullable=True),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_actions"),
    )
    op.create_index("ix_actions_customer_id", "actions", ["customer_id"])


def downgrade() -> None:
    op.drop_table("actions")
    op.drop_column("shop_orders", "details")
    op.drop_index("uq_approvals_pending", table_name="approvals")
    for column in ("reference", "outcome", "action", "order_id", "proposal"):
        op.drop_column("approvals", column)

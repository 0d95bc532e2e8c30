"""Drafts, bindings and the audit log."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "5d0c8e2f7a16"
down_revision: str | Sequence[str] | None = "c3f5d1a80e67"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("workflow_versions", sa.Column("base", sa.Integer(), nullable=True))
    op.add_column("workflow_versions", sa.Column("published_at", MOMENT, nullable=True))
    op.add_column("workflow_versions", sa.Column("published_by", sa.String(), nullable=True))
    op.add_column("workflow_versions", sa.Column("override", DOCUMENT, nullable=True))
    op.execute("UPDATE workflow_versions SET published_at = created_at, published_by = author")

    op.create_table(
        "bindings",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name="pk_bindings"),
        sa.ForeignKeyConstraint(
            ["workflow"], ["workflows.name"], name="fk_bindings_workflow_workflows"
        ),
    )

    op.create_table(
        "audit",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("details", DOCUMENT, nullable=True),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_audit"),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.bulk_insert(head, [{"id": 1, "position": 0, "hash": "0" * 64}])


def downgrade() -> None:
    op.drop_table("audit_head")
    op.drop_table("audit")
    op.drop_table("bindings")
    for column in ("override", "published_by", "published_at", "base"):
        op.drop_column("workflow_versions", column)

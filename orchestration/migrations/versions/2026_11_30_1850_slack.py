"""What Slack needs: events as they came, where to answer, and deliveries that follow others."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "d81b3f6a2c94"
down_revision: str | Sequence[str] | None = "c3b8f1a6d920"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "raw_events",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("body", DOCUMENT, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", "id", name="pk_raw_events"),
    )
    op.create_index("ix_raw_events_conversation_id", "raw_events", ["conversation_id"])
    op.add_column("conversations", sa.Column("reply_to", sa.String(), nullable=True))
    op.add_column("conversations", sa.Column("private_to", sa.String(), nullable=True))
    op.add_column("customers", sa.Column("profile_at", MOMENT, nullable=True))
    op.add_column("deliveries", sa.Column("follows", sa.String(), nullable=True))
    for name in ("resends", "delays"):
        # The default is for the rows that are there already.
        column = sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        op.add_column("deliveries", column)
    op.create_index("ix_deliveries_reference", "deliveries", ["reference"])


def downgrade() -> None:
    op.drop_index("ix_deliveries_reference", "deliveries")
    for name in ("delays", "resends", "follows"):
        op.drop_column("deliveries", name)
    op.drop_column("customers", "profile_at")
    op.drop_column("conversations", "private_to")
    op.drop_column("conversations", "reply_to")
    op.drop_table("raw_events")

"""Cards."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "f20c7be4d518"
down_revision: str | Sequence[str] | None = "e7c2419ab5d0"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "cards",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("shown", sa.String(), nullable=False),
        sa.Column("told_upto", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_cards_conversation_id_conversations"
        ),
        sa.PrimaryKeyConstraint("subject", name="pk_cards"),
    )
    op.create_index("ix_cards_conversation_id", "cards", ["conversation_id"])
    op.create_index("ix_cards_delivery_id", "cards", ["delivery_id"])
    op.create_index("ix_deliveries_message_id", "deliveries", ["message_id"])


def downgrade() -> None:
    op.drop_index("ix_deliveries_message_id", table_name="deliveries")
    op.drop_table("cards")

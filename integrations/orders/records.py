"""Orders that were imported into our own tables."""

from integrations.orders import orders
from orchestration.interfaces import OrderRecords
from orchestration.types import CustomerRecord, Order, Proposal


@orders.register("records")
class RecordedOrders:
    """Looks imported orders up, and changes them, each time within one customer's own."""

    actions_are_idempotent = True

    def __init__(self, records: OrderRecords) -> None:
        self._records = records

    async def find_customer(
        self, *, id: str | None = None, email: str | None = None
    ) -> CustomerRecord | None:
        """Return the customer with this id, or else with this e-mail address."""
        return await self._records.find_customer(id=id, email=email)

    async def list_orders(self, customer: str) -> list[Order]:
        """Return the customer's orders, newest first."""
        return await self._records.list_orders(customer)

    async def find_order(self, customer: str, order: str) -> Order | None:
        """Return the order if it is this customer's; None alike for another's and for none."""
        own = await self._records.list_orders(customer)
        return next((each for each in own if each.id == order), None)

    async def carry_out(self, customer: str, proposal: Proposal, *, key: str) -> str:
        """Do it to the imported order, once for each key; returns its reference."""
        return await self._records.carry_out(customer, proposal, key=key)

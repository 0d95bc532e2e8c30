"""One process's wakes: each conversation is advanced once, however often it is woken meanwhile."""

import asyncio
from datetime import UTC, datetime

from integrations.dispatch.local import LocalDispatcher
from orchestration.types import ConversationId

ONE, OTHER = ConversationId("c-1"), ConversationId("c-2")


class Advances:
    """Notes who is advanced; the first one goes on when it is let."""

    def __init__(self) -> None:
        self.begun: list[ConversationId] = []
        self.go_on = asyncio.Event()

    async def __call__(self, conversation: ConversationId) -> None:
        self.begun.append(conversation)
        await self.go_on.wait()


async def settle(dispatcher: LocalDispatcher, advances: Advances) -> None:
    advances.go_on.set()
    await asyncio.sleep(0.05)
    await dispatcher.stop()


async def started(advances: Advances) -> LocalDispatcher:
    dispatcher = LocalDispatcher(lambda: datetime.now(UTC), concurrency=1)
    await dispatcher.start(advances)
    return dispatcher


async def test_what_waits_for_a_worker_is_not_advanced_again_by_the_sweep() -> None:
    advances = Advances()
    dispatcher = await started(advances)
    await dispatcher.wake(ONE)
    await dispatcher.wake(OTHER)
    await asyncio.sleep(0)

    await dispatcher.wake_late([OTHER])
    await dispatcher.wake_late([OTHER])
    await settle(dispatcher, advances)

    assert advances.begun == [ONE, OTHER]


async def test_a_lost_wake_is_made_good_by_the_sweep() -> None:
    advances = Advances()
    dispatcher = await started(advances)

    await dispatcher.wake_late([ONE])
    await settle(dispatcher, advances)

    assert advances.begun == [ONE]


async def test_a_wake_during_an_advance_leads_to_another_one() -> None:
    advances = Advances()
    dispatcher = await started(advances)
    await dispatcher.wake(ONE)
    await asyncio.sleep(0)

    await dispatcher.wake(ONE)
    await dispatcher.wake(ONE)
    await settle(dispatcher, advances)

    assert advances.begun == [ONE, ONE]

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from integrations.channels import channels
from integrations.channels.chat import ChatChannel
from integrations.channels.webhook import CallbackChannel
from integrations.http import AllowedHosts, GuardedClient
from orchestration.errors import ExternalFailure, PermanentFailure, TemporaryFailure
from orchestration.types import ConversationId, DeliveryId, Parcel
from tests.fakes.receiver import HANG, RESET, Receiver, Reply, failing

SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes, ok").decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


class Ticking:
    """A clock that is a second later each time it is read."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def callbacks(receiver: Receiver, *, timeout: float = 5.0) -> CallbackChannel:
    client = GuardedClient(AllowedHosts.parse(receiver.host), timeout=timeout)
    return CallbackChannel(client, secret=SECRET, clock=Ticking())


def parcel(target: str, *, attempt: int = 1) -> Parcel:
    return Parcel(
        delivery=DeliveryId("d-1"),
        conversation=ConversationId("c-1"),
        kind="reply",
        audience="customer",
        target=target,
        body='{"type": "message.created",  "data": {"text": "Grüße"}}',
        attempt=attempt,
        started_at=datetime.now(UTC),
    )


async def failure_of(channel: CallbackChannel, target: str) -> ExternalFailure:
    with pytest.raises(ExternalFailure) as caught:
        await channel.deliver(parcel(target))
    return caught.value


async def test_a_callback_arrives_byte_for_byte_and_signed(receiver: Receiver) -> None:
    sent = parcel(receiver.url)

    receipt = await callbacks(receiver).deliver(sent)

    [request] = receiver.requests
    assert receipt.reference == "d-1"
    assert request.body == sent.body.encode()
    assert request.headers["content-type"] == "application/json"
    assert Webhook(SECRET).verify(request.body, dict(request.headers))["data"]["text"] == "Grüße"


async def test_a_repeat_has_the_same_id_and_body_and_a_fresh_signature(receiver: Receiver) -> None:
    channel = callbacks(receiver)
    receiver.script(failing(500))

    failure = await failure_of(channel, receiver.url)
    await channel.deliver(parcel(receiver.url, attempt=2))

    first, second = receiver.requests
    assert isinstance(failure, TemporaryFailure)
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


async def test_a_receiver_that_asks_to_wait_is_waited_for(receiver: Receiver) -> None:
    receiver.script(failing(429, retry_after="12"))

    failure = await failure_of(callbacks(receiver), receiver.url)

    assert isinstance(failure, TemporaryFailure)
    assert failure.retry_after == 12
    assert not failure.in_doubt


@pytest.mark.parametrize("fault", [HANG, RESET])
async def test_a_callback_whose_answer_is_lost_is_in_doubt(
    receiver: Receiver, fault: Reply
) -> None:
    receiver.script(fault)

    failure = await failure_of(callbacks(receiver, timeout=0.5), receiver.url)

    assert len(receiver.requests) == 1
    assert isinstance(failure, TemporaryFailure)
    assert failure.in_doubt


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.script(failing(302, location=f"{receiver.url}/elsewhere"))

    failure = await failure_of(callbacks(receiver), receiver.url)

    assert isinstance(failure, PermanentFailure)
    assert [request.path for request in receiver.requests] == ["/callback"]


async def test_a_receiver_that_is_down_is_not_in_doubt() -> None:
    with Receiver() as gone:
        url, channel = gone.url, callbacks(gone)

    failure = await failure_of(channel, url)

    assert isinstance(failure, TemporaryFailure)
    assert not failure.in_doubt


async def test_another_port_of_the_same_machine_is_never_connected_to(receiver: Receiver) -> None:
    with Receiver() as other:
        failure = await failure_of(callbacks(receiver), other.url)

        assert isinstance(failure, PermanentFailure)
        assert other.requests == []


async def test_a_name_is_connected_to_at_the_address_it_resolved_to(receiver: Receiver) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    hosts = AllowedHosts.parse(f"shop.test:{receiver.port}")
    client = GuardedClient(hosts, resolve=resolve)
    await client.request("GET", f"http://shop.test:{receiver.port}/orders")
    await client.close()

    assert receiver.requests[0].headers["host"] == f"shop.test:{receiver.port}"


async def test_an_endless_answer_is_read_to_64_kb(receiver: Receiver) -> None:
    receiver.script(Reply(body=b"x" * 5_000_000))
    client = GuardedClient(AllowedHosts.parse(receiver.host))

    answer = await client.request("GET", receiver.url)

    assert len(answer.body) == 64 * 1024
    assert not answer.is_complete


async def test_a_callback_that_was_accepted_counts_though_its_answer_stalls(
    receiver: Receiver,
) -> None:
    receiver.script(Reply(act="stall", body=b"half of this never arrives"))

    receipt = await callbacks(receiver, timeout=0.5).deliver(parcel(receiver.url))

    assert receipt.reference == "d-1"


async def test_cookies_are_not_kept(receiver: Receiver) -> None:
    receiver.script(failing(200, set_cookie="tracked=1"))
    client = GuardedClient(AllowedHosts.parse(receiver.host))

    await client.request("GET", receiver.url)
    await client.request("GET", receiver.url)

    assert "cookie" not in receiver.requests[1].headers


async def test_a_parcel_without_a_url_is_confirmed_at_once(receiver: Receiver) -> None:
    receipt = await callbacks(receiver).deliver(parcel(""))

    assert receipt.reference == "d-1"
    assert receiver.requests == []


async def test_whether_a_callback_arrived_cannot_be_looked_up(receiver: Receiver) -> None:
    assert await callbacks(receiver).find(parcel(receiver.url)) is None


async def test_the_chat_confirms_at_once_because_its_page_reads_the_conversation() -> None:
    channel = ChatChannel()

    receipt = await channel.deliver(parcel("session-1"))

    assert receipt == await channel.find(parcel("session-1"))
    assert receipt.reference == "d-1"


def test_channels_are_found_by_name() -> None:
    assert channels.get("webhook") is CallbackChannel
    assert channels.get("chat") is ChatChannel

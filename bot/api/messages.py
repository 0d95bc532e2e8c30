"""The door for customer messages from other systems: a key, or a signature over the raw body."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from bot.api import sessions
from bot.api.guards import CurrentApp, bearer, is_key, limited_body
from bot.api.schemas import MessageIn, ReceivedOut
from bot.app import App
from integrations import signatures
from orchestration import intake
from orchestration.errors import BadInput, NotAuthenticated
from orchestration.types import IncomingMessage, Sender

router = APIRouter(prefix="/v1", tags=["messages"])

_SCHEMA = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": MessageIn.model_json_schema()}},
    }
}


@router.post("/messages", status_code=202, openapi_extra=_SCHEMA)
async def receive(
    request: Request, app: CurrentApp, body: Annotated[bytes, Depends(limited_body)]
) -> ReceivedOut:
    """Take a customer's message; the same id and body again is accepted and ignored."""
    signed_id = await _authenticate(app, request, body)
    try:
        message = MessageIn.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
    received = await intake.receive(
        app.tools, app.dispatcher, await _incoming(app, message, signed_id, body)
    )
    return ReceivedOut(
        conversation_id=received.conversation, id=received.message, duplicate=received.duplicate
    )


async def _authenticate(app: App, request: Request, body: bytes) -> str | None:
    """Return the webhook-id of a signed request; raises `NotAuthenticated` where nothing opens."""
    settings = app.settings
    given = bearer(request)
    if is_key(given, settings.frontdesk_api_key) or is_key(given, settings.frontdesk_admin_key):
        return request.headers.get("webhook-id")
    if "webhook-signature" in request.headers and settings.webhook_secrets:
        return signatures.verify(settings.webhook_secrets, request.headers, body, app.tools.clock())
    if await sessions.opens(app, request):
        return None
    raise NotAuthenticated("send a valid key as Authorization: Bearer …, or sign the request")


async def _incoming(
    app: App, message: MessageIn, signed_id: str | None, body: bytes
) -> IncomingMessage:
    source_id = message.message_id or signed_id
    if not source_id or len(source_id) > 500:
        raise BadInput("message_id is missing, and so is the header webhook-id", field="message_id")
    if message.callback_url is not None:
        await _check_callback(app, message.callback_url)
    customer = message.customer
    return IncomingMessage(
        channel="webhook",
        conversation=message.conversation,
        source="webhook",
        source_id=source_id,
        sender=Sender(
            source="shop" if customer.verified else "webhook-guest",
            external_id=customer.id,
            verified=customer.verified,
            email=customer.email,
            name=customer.name,
        ),
        text=message.text,
        fingerprint=hashlib.sha256(message.model_dump_json().encode()).hexdigest(),
        attachments=tuple(attachment.value() for attachment in message.attachments),
        callback_url=message.callback_url,
        metadata=message.metadata,
    )


async def _check_callback(app: App, url: str) -> None:
    if app.settings.frontdesk_callback_secret is None:
        raise BadInput(
            "callback_url cannot be used: FRONTDESK_CALLBACK_SECRET is not set, so that callbacks "
            "could not be signed",
            field="callback_url",
        )
    await app.client.check_url(url, field="callback_url")

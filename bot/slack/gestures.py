"""Clicks and forms, as Slack tells of them, and how whoever made one is answered."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import modals
from integrations.channels.slack.calls import call
from orchestration.errors import Conflict, FrontdeskError


@dataclass(frozen=True, kw_only=True)
class Click:
    """A click, as Slack tells of it: who, on what, and where."""

    body: Mapping[str, Any]
    client: AsyncWebClient
    respond: AsyncRespond

    @property
    def user(self) -> Mapping[str, Any]:
        """Who clicked."""
        user: Mapping[str, Any] = self.body["user"]
        return user

    @property
    def values(self) -> list[str]:
        """The parts of the value of what was clicked."""
        action = self.body["actions"][0]
        chosen = action.get("selected_option") or {}
        return str(action.get("value") or chosen.get("value") or "").split(":")

    async def tell(self, words: str) -> None:
        """Tell whoever clicked, and nobody else."""
        await self.respond(text=words, response_type="ephemeral", replace_original=False)

    async def open(self, view: modals.View) -> None:
        """Open a form; Slack takes it within three seconds of the click."""
        await call(self.client.views_open(trigger_id=self.body["trigger_id"], view=view))


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """A form that was sent off: by whom, about what, and what was entered."""

    client: AsyncWebClient
    user: Mapping[str, Any]
    subject: Mapping[str, Any]
    entered: Mapping[str, str]


Do = Callable[[Click], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Form:
    """What a form does when it is sent off, and how it is shown again where that failed."""

    do: Callable[[Submitted], Awaitable[None]]
    again: Callable[..., modals.View]


def on_click(do: Do) -> Callable[..., Awaitable[None]]:
    """Do what was clicked within the request; whoever cannot have it is told why."""

    async def listen(
        ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond
    ) -> None:
        click = Click(body=body, client=client, respond=respond)
        try:
            await do(click)
        except FrontdeskError as refused:
            await ack()
            await click.tell(f"⚠️ {refused}")
        else:
            await ack()

    return listen


def on_submit(form: Form) -> Callable[..., Awaitable[None]]:
    """Do what a form says within the request; where that fails it is shown again, still filled."""

    async def listen(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        view = body["view"]
        subject, entered = modals.subject_of(view), modals.entered(view)
        submitted = Submitted(client=client, user=body["user"], subject=subject, entered=entered)
        try:
            await form.do(submitted)
        except FrontdeskError as refused:
            await ack(response_action="update", view=_again(form, submitted, refused))
        else:
            await ack()

    return listen


def _again(form: Form, submitted: Submitted, refused: FrontdeskError) -> modals.View:
    subject = dict(submitted.subject)
    if isinstance(refused, Conflict) and "version" in (refused.current or {}):
        # Whoever sends it again has read what has changed.
        subject["version"] = (refused.current or {})["version"]
    kept = {"text": submitted.entered["text"]} if "text" in submitted.entered else {}
    return form.again(subject, problem=str(refused), **kept)

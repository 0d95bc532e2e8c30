"""What agents do on the cards of cases and approvals, and with notes below them."""

from typing import Any

from bot.app import App
from bot.slack import modals, thread
from bot.slack.gestures import Click, Do, Form, Submitted
from bot.slack.people import People
from orchestration import escalation, store
from orchestration.desk import Command
from orchestration.errors import BadInput, Conflict
from orchestration.models import Approval, Message


class Cases:
    """What agents do on cards: each click is one command, decided by compare-and-set."""

    def __init__(self, app: App, people: People) -> None:
        self._app = app
        self._people = people
        self.actions: dict[str, Do] = {
            "case_claim": self._claim,
            "case_send": self._send_suggestion,
            "case_edit": self._edit_suggestion,
            "case_reply": self._open_reply,
            "case_resolve": self._open_resolve,
            "case_more": self._more,
            "case_show": self._show,
            "message_show": self._show_message,
            "approval_release": self._release,
            "approval_edit": self._open_draft,
            "approval_reject": self._open_reject,
            "note_send": self._send_note,
            "note_keep": self._keep_note,
        }
        self.forms = {
            "case_reply": Form(do=self._reply, again=modals.reply),
            "case_resolve": Form(do=self._resolve, again=modals.resolve),
            "case_reassign": Form(do=self._reassign, again=modals.reassign),
            "case_snooze": Form(do=self._snooze, again=modals.snooze),
            "approval_edit": Form(do=self._release_edited, again=modals.edit_draft),
            "approval_reject": Form(do=self._reject, again=modals.reject),
        }

    # Cases

    async def _claim(self, click: Click) -> None:
        agent = await self._agent(click)
        id, version = click.values
        answer = await self._carry_out("claim", id, agent, int(version))
        if answer["in_flight"]:
            words = "The bot's last answer was just on its way; see what became of it below."
            await click.tell(words)

    async def _send_suggestion(self, click: Click) -> None:
        agent = await self._agent(click)
        id, version, upto = click.values
        await self._carry_out("reply", id, agent, int(version), suggested_upto=int(upto))

    async def _edit_suggestion(self, click: Click) -> None:
        await self._agent(click)
        id, version, _ = click.values
        case = await self._app.database.read(lambda c: store.get_escalation(c, id))
        subject = {"id": id, "version": int(version)}
        await click.open(modals.reply(subject, text=escalation.suggestion_of(case) or ""))

    async def _open_reply(self, click: Click) -> None:
        await self._agent(click)
        await click.open(modals.reply(_subject(click)))

    async def _open_resolve(self, click: Click) -> None:
        await self._agent(click)
        await click.open(modals.resolve(_subject(click)))

    async def _more(self, click: Click) -> None:
        agent = await self._agent(click)
        what, id, version = click.values
        subject = {"id": id, "version": int(version)}
        if what == "reassign":
            await click.open(modals.reassign(subject))
        elif what == "snooze":
            await click.open(modals.snooze(subject))
        elif what in ("hand-back", "release"):
            await self._carry_out(what, id, agent, int(version))

    async def _show(self, click: Click) -> None:
        await self._agent(click)
        case = await self._app.database.read(lambda c: store.get_escalation(c, click.values[0]))
        said = (case.brief or {}).get("transcript") or []
        texts = [one["text"] for one in said if one["author"] == "customer"]
        await click.open(modals.whole(texts[-1] if texts else "…"))

    async def _show_message(self, click: Click) -> None:
        await self._agent(click)
        id = click.values[0]
        message = await self._app.database.read(lambda c: store.get(c, Message, id))
        await click.open(modals.whole(message.text))

    async def _reply(self, form: Submitted) -> None:
        await self._submit("reply", form, text=form.entered["text"])

    async def _resolve(self, form: Submitted) -> None:
        await self._submit("resolve", form, text=form.entered["text"])

    async def _reassign(self, form: Submitted) -> None:
        chosen = {"id": form.entered["to"]}
        if not await self._people.is_agent(form.client, chosen):
            raise BadInput("choose an agent: a member of the desk's channel", field="to")
        to = await self._people.require_agent(form.client, chosen)
        await self._submit("reassign", form, to=to)

    async def _snooze(self, form: Submitted) -> None:
        tools = self._app.tools
        until = modals.rest_until(tools.shop, form.entered["rest"], tools.clock())
        await self._submit("snooze", form, until=until)

    async def _submit(self, name: str, form: Submitted, **more: Any) -> None:
        agent = await self._people.require_agent(form.client, form.user)
        await self._carry_out(name, form.subject["id"], agent, form.subject["version"], **more)

    async def _carry_out(
        self, name: str, id: str, agent: str, version: int, **more: Any
    ) -> dict[str, Any]:
        command = Command(escalation=id, agent=agent, version=version, **more)
        try:
            return await self._app.desk.carry_out(name, command)
        except Conflict as lost:
            raise await self._explained(lost, agent) from lost

    async def _explained(self, lost: Conflict, agent: str) -> Conflict:
        """Return a refusal in the words of whoever clicks: who was first."""
        first = (lost.current or {}).get("assignee")
        if first is None:
            return lost
        if first == agent:
            words = "You have this case, and it has changed since this was shown; look again."
            return Conflict(words, current=lost.current)
        name = await self._app.database.read(lambda c: store.name_of(c, str(first)))
        return Conflict(f"{name} was first and has this case.", current=lost.current)

    # Notes in the thread

    async def _send_note(self, click: Click) -> None:
        agent = await self._agent(click)
        case, note = click.values
        await thread.send(self._app, agent, case, note)
        await click.respond(delete_original=True)

    async def _keep_note(self, click: Click) -> None:
        await self._agent(click)
        await click.respond(delete_original=True)

    # Approvals

    async def _release(self, click: Click) -> None:
        agent = await self._agent(click)
        await self._decide(click.values[0], agent, "released")

    async def _open_draft(self, click: Click) -> None:
        await self._agent(click)
        id = click.values[0]
        approval = await self._app.database.read(lambda c: store.get(c, Approval, id))
        draft = str((approval.draft or {}).get("text") or "")
        await click.open(modals.edit_draft({"id": id}, text=draft))

    async def _open_reject(self, click: Click) -> None:
        await self._agent(click)
        await click.open(modals.reject({"id": click.values[0]}))

    async def _release_edited(self, form: Submitted) -> None:
        agent = await self._people.require_agent(form.client, form.user)
        await self._decide(form.subject["id"], agent, "released", text=form.entered["text"])

    async def _reject(self, form: Submitted) -> None:
        agent = await self._people.require_agent(form.client, form.user)
        await self._decide(form.subject["id"], agent, "rejected", reason=form.entered["text"])

    async def _decide(
        self,
        id: str,
        agent: str,
        status: str,
        *,
        text: str | None = None,
        reason: str | None = None,
    ) -> None:
        await self._app.desk.decide(id, agent=agent, status=status, text=text, reason=reason)

    async def _agent(self, click: Click) -> str:
        return await self._people.require_agent(click.client, click.user)


def _subject(click: Click) -> dict[str, Any]:
    id, version = click.values
    return {"id": id, "version": int(version)}

"""The demo: a sample store on SQLite in a folder, with keys that it makes for itself."""

import json
import secrets
from pathlib import Path

from rich.console import Console
from rich.panel import Panel

from bot import app as parts
from bot import sample, settings
from bot.console.links import SignInLink
from bot.settings import Settings
from orchestration import store
from orchestration.errors import BadInput
from orchestration.types import CustomerRecord

_KEYS = ("frontdesk_api_key", "frontdesk_admin_key", "frontdesk_chat_secret")
_SIGNED = ("frontdesk_callback_secret",)
_CUSTOMERS = ("C-1001", "C-1002")


def settings_for(data: Path, port: int) -> Settings:
    """Return the operator's settings, with what the demo needs filled in and kept in the folder."""
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--data: the folder {data} cannot be made: {error.strerror}") from error
    database = f"sqlite:///{(data / 'frontdesk.db').resolve()}"
    given = settings.read(frontdesk_database_url=database, frontdesk_port=port)
    kept = _kept_keys(data / "keys.json")
    missing = {name: kept[name] for name in (*_KEYS, *_SIGNED) if getattr(given, name) is None}
    return settings.read(frontdesk_database_url=database, frontdesk_port=port, **missing)


def _kept_keys(path: Path) -> dict[str, str]:
    kept = _read_keys(path) if path.exists() else {}
    made = {name: secrets.token_urlsafe(24) for name in _KEYS}
    made |= {name: "whsec_" + secrets.token_hex(24) for name in _SIGNED}
    kept = {**made, **kept}
    # In one step: a demo that is killed meanwhile starts again all the same.
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(kept, indent=2))
    fresh.replace(path)
    return kept


def _read_keys(path: Path) -> dict[str, str]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is no JSON; delete it, and new keys are made: {error}") from error
    if not isinstance(kept, dict):
        raise BadInput(f"{path} holds no keys; delete it, and new ones are made")
    return kept


async def fill(read: Settings) -> dict[str, CustomerRecord]:
    """Load the sample store; returns the customers that a visitor of the demo may be."""
    app = parts.build(read)
    try:
        await app.prepare()
        shop = sample.load(app.tools.clock())
        await app.database.write(
            lambda connection: store.save_customers(connection, shop.customers)
        )
        if not await app.database.read(store.count_orders):
            await app.database.write(lambda connection: store.save_orders(connection, shop.orders))
            await app.database.write(
                lambda connection: store.save_articles(connection, shop.articles)
            )
    finally:
        await app.close()
    known = {record.id: record for record in shop.customers}
    return {id: known[id] for id in _CUSTOMERS}


def greet(console: Console, read: Settings, link: SignInLink) -> None:
    """Say where to click and what to type."""
    base = f"http://{read.frontdesk_host}:{read.frontdesk_port}"
    body = json.dumps(
        {
            "conversation": "shop-771",
            "message_id": "m-1",
            "customer": {"id": "C-1001", "email": "ana@example.com"},
            "text": "Where is my order 1042?",
        }
    )
    text = (
        f"[bold]Chat as a customer[/]   {base}/chat?as=C-1001   (Ana)\n"
        f"                      {base}/chat?as=C-1002   (Ben)\n"
        f"[bold]Answer as an agent[/]   {base}/console/   (name, admin key)\n"
        f"[bold]Admin key[/]            {read.frontdesk_admin_key}\n"
        f"[bold]API key[/]              {read.frontdesk_api_key}\n"
        f"[bold]Ends with[/]            Ctrl-C; started again it goes on where it was"
    )
    console.print(Panel(text, title="Frontdesk demo", expand=False), soft_wrap=True)
    # Not in the frame, which would break a long address.
    console.print("Signs you in as an agent, once, within ten minutes:\n")
    console.print(f"{base}/console/?once={link.token}\n", soft_wrap=True, markup=False)
    console.print("Send a message as another system would, then read the answer and its steps:\n")
    key = f"-H 'Authorization: Bearer {read.frontdesk_admin_key}'"
    console.print(
        f"curl -s {base}/v1/messages {key} -H 'Content-Type: application/json' -d '{body}'\n"
        f"curl -s {base}/v1/runs {key}\n"
        f"curl -s {base}/v1/escalations {key}\n",
        soft_wrap=True,
        markup=False,
    )

"""What is in order with an installation and what is not, each with its cure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.basis import problems_of, reason_of
from bot.settings import BadSetting, Settings
from integrations.http import GuardedClient
from orchestration import migrate, store
from orchestration.database import Database, sqlite_path
from orchestration.errors import BadInput
from orchestration.programs import DEFAULT
from orchestration.shop import SHIPPED, Shop
from orchestration.texts import Texts


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look found; an `error` keeps the product from doing its work."""

    check: str
    level: Literal["ok", "warning", "error"]
    message: str
    cure: str | None = None


def _ok(check: str, message: str) -> Finding:
    return Finding(check=check, level="ok", message=message)


def _warning(check: str, message: str, cure: str) -> Finding:
    return Finding(check=check, level="warning", message=message, cure=cure)


def _error(check: str, message: str, cure: str) -> Finding:
    return Finding(check=check, level="error", message=message, cure=cure)


def explain_settings(refused: BadSetting) -> list[Finding]:
    """Return one finding for each setting that was refused."""
    lines = (line.partition("; for example ") for line in str(refused).splitlines())
    return [
        _error("settings", message, f"set it like {example}" if example else "change or remove it")
        for message, _, example in lines
    ]


async def diagnose(read: Settings) -> list[Finding]:
    """Look at everything; only reads, and asks no other machine but the database and DNS."""
    return [
        _ok("settings", "every value can be used"),
        *await _database(read),
        *_keys(read),
        *_callbacks(read),
        *await _events(read),
        *_chat(read),
        *_semantic_model(read),
        *_store_file(read),
    ]


async def _database(read: Settings) -> list[Finding]:
    url = read.frontdesk_database_url
    shown = make_url(url).render_as_string(hide_password=True)
    path = sqlite_path(url)
    if path is not None and not path.is_file():
        return [_error("database", f"there is no file {path}", "frontdesk migrate")]
    database = Database(url)
    try:
        if not await database.read(migrate.is_current):
            words = f"{shown} has not got the tables of this version"
            return [_error("database", words, "frontdesk migrate")]
        contents = await database.read(lambda connection: list(_contents(connection)))
        return [_ok("database", f"{shown}, revision {migrate.head()}"), *contents]
    except SQLAlchemyError as error:
        cure = "start it, or correct FRONTDESK_DATABASE_URL"
        return [_error("database", f"{shown} cannot be read: {reason_of(error)}", cure)]
    finally:
        database.close()


def _contents(connection: Connection) -> Iterator[Finding]:
    yield from _workflow(connection)
    intents = store.list_intents(connection)
    if not intents:
        yield _ok("intents", "the shipped ones are taken at the first start")
    elif len([intent for intent in intents if intent.examples]) < 2:
        cure = "frontdesk import intents FILE.yaml"
        yield _error("intents", "fewer than two have examples to learn from", cure)
    else:
        examples = sum(len(intent.examples) for intent in intents)
        yield _ok("intents", f"{len(intents)} with {examples} examples")
    if orders := store.count_orders(connection):
        yield _ok("orders", f"{orders} imported")
    else:
        words = "there are none, so no order can be looked up"
        yield _warning("orders", words, "frontdesk import orders FILE, and customers likewise")
    if articles := store.list_articles(connection):
        yield _ok("knowledge", f"{len(articles)} articles")
    else:
        words = "there are no articles, so questions go to humans"
        yield _warning("knowledge", words, "frontdesk import knowledge FOLDER")
    yield _deliveries(connection)


def _workflow(connection: Connection) -> Iterator[Finding]:
    published = store.find_published(connection, DEFAULT)
    if published is None:
        yield _ok("workflow", "the shipped one is published at the first start")
        return
    name = f"{published.name}, version {published.version}"
    names = [intent.name for intent in store.list_intents(connection)]
    found = problems_of(published.source, names)
    for problem in found:
        make = _error if problem.severity == "error" else _warning
        place = f"node {problem.node}: " if problem.node else ""
        cure = "frontdesk workflow show > FILE, mend it, frontdesk workflow check FILE"
        yield make("workflow", f"{name}: {problem.code}: {place}{problem.message}", cure)
    if not found:
        yield _ok("workflow", f"{name}, has no problems")


def _deliveries(connection: Connection) -> Finding:
    newest = store.newest_undelivered(connection)
    if newest is None:
        return _ok("deliveries", "none has failed, and none is unconfirmed")
    counts = store.count_undelivered(connection)
    listed = ", ".join(f"{count} {status}" for status, count in counts.items())
    words = f"{listed}, the newest by {newest.channel}: {newest.error}"
    where = f"look at conversation {newest.conversation_id}, and see that its target answers"
    return _warning("deliveries", words, where)


def _keys(read: Settings) -> Iterator[Finding]:
    doors = (
        ("FRONTDESK_API_KEY", read.frontdesk_api_key, "other systems by API key"),
        ("FRONTDESK_ADMIN_KEY", read.frontdesk_admin_key, "runs, escalations and all else of /v1"),
    )
    for variable, key, what in doors:
        if key:
            yield _ok("keys", f"{variable} opens the door for {what}")
        else:
            words = f"{variable} is not set; closed to {what}"
            yield _warning("keys", words, f"set {variable} to a long random text")
    if read.frontdesk_api_key and read.frontdesk_api_key == read.frontdesk_admin_key:
        words = "API key and admin key are the same, so every sender may do everything"
        yield _warning("keys", words, "set two different texts")
    if secrets := len(read.webhook_secrets):
        yield _ok("keys", f"signed webhooks are accepted, by {secrets} secret(s)")
    else:
        yield _ok("keys", "FRONTDESK_WEBHOOK_SECRETS is not set; closed to signed webhooks")


def _callbacks(read: Settings) -> Iterator[Finding]:
    hosts = read.callback_hosts
    listed = sorted([*hosts.names, *(f"{host}:{port}" for host, port in hosts.pairs)])
    if not read.frontdesk_callback_secret:
        words = "FRONTDESK_CALLBACK_SECRET is not set; a callback_url is refused"
        yield _warning("callbacks", words, "set it to whsec_ and base64 of 24 random bytes or more")
    elif not listed:
        words = "no host is listed, so every callback_url is refused"
        yield _warning("callbacks", words, "list yours in FRONTDESK_CALLBACK_HOSTS")
    else:
        yield _ok("callbacks", f"signed, to {', '.join(listed)}")


async def _events(read: Settings) -> list[Finding]:
    url = read.frontdesk_events_url
    if url is None:
        return [_ok("events", "FRONTDESK_EVENTS_URL is not set; no program is told of escalations")]
    if not read.frontdesk_callback_secret:
        words = "events are not sent, for there is nothing to sign them with"
        return [_error("events", words, "set FRONTDESK_CALLBACK_SECRET")]
    client = GuardedClient(read.callback_hosts)
    try:
        await client.check_url(url, field="FRONTDESK_EVENTS_URL")
    except BadInput as error:
        return [_error("events", str(error), "list its host in FRONTDESK_CALLBACK_HOSTS")]
    finally:
        await client.close()
    return [_ok("events", f"signed, to {url}")]


def _chat(read: Settings) -> Iterator[Finding]:
    if read.frontdesk_chat_secret:
        origins = ", ".join(read.chat_origins) or "no other page"
        yield _ok("chat", f"identities are verified; may be embedded by {origins}")
    else:
        words = "FRONTDESK_CHAT_SECRET is not set; every visitor is unverified and sees no orders"
        yield _warning("chat", words, "set it, and sign identities in your shop with it")


def _semantic_model(read: Settings) -> Iterator[Finding]:
    # That the folder can be used has been seen when the settings were read.
    if folder := read.frontdesk_semantic_model:
        yield _ok("classifier", f"compares texts by their meaning too, by the model in {folder}")


def _store_file(read: Settings) -> Iterator[Finding]:
    path = read.frontdesk_store_file
    try:
        shop = Shop.load(path or SHIPPED)
        texts = Texts(shop)
        greeting = texts.say("greeting", shop.language)
    except BadInput as error:
        yield _error("store file", str(error), f"correct {path}")
        return
    if path is None:
        words = f"the shipped example, {shop.name}, speaks for you"
        yield _warning("store file", words, f"copy {SHIPPED} and name it in FRONTDESK_STORE_FILE")
    else:
        yield _ok("store file", f"{shop.name}, time zone {shop.time_zone}")
    yield _ok("texts", f"{', '.join(shop.languages)}; greets with: {greeting}")

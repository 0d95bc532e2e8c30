"""What is in order with an installation and what is not, each with its cure."""

from collections.abc import Iterator

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.app import shop_of
from bot.basis import problems_of, reason_of
from bot.console.building import Builder
from bot.findings import Finding, broken, fine, warning
from bot.settings import BadSetting, Settings
from bot.tiers import caps_of, tiers_of
from integrations.http import GuardedClient
from integrations.llm import providers
from orchestration import migrate, store
from orchestration.database import Database, sqlite_path
from orchestration.errors import BadInput, DatabaseAway
from orchestration.programs import DEFAULT, is_answering
from orchestration.shop import SHIPPED, Shop
from orchestration.texts import Texts


def explain_settings(refused: BadSetting) -> list[Finding]:
    """Return one finding for each setting that was refused."""
    lines = (line.partition("; for example ") for line in str(refused).splitlines())
    return [
        broken("settings", message, f"set it like {example}" if example else "change or remove it")
        for message, _, example in lines
    ]


async def diagnose(read: Settings) -> list[Finding]:
    """Look at everything; only reads, and asks nobody but the database, DNS and, if on, Slack."""
    return [
        fine("settings", "every value can be used"),
        *await _database(read),
        *_keys(read),
        *_callbacks(read),
        *await _events(read),
        *_chat(read),
        *_console(read),
        *_models(read),
        *_semantic_model(read),
        *_store_file(read),
        *await _slack(read),
    ]


async def _database(read: Settings) -> list[Finding]:
    url = read.frontdesk_database_url
    shown = make_url(url).render_as_string(hide_password=True)
    path = sqlite_path(url)
    if path is not None and not path.is_file():
        return [broken("database", f"there is no file {path}", "frontdesk migrate")]
    database = Database(url)
    try:
        if not await database.read(migrate.is_current):
            words = f"{shown} has not got the tables of this version"
            return [broken("database", words, "frontdesk migrate")]
        contents = await database.read(lambda connection: list(_contents(connection)))
        return [fine("database", f"{shown}, revision {migrate.head()}"), *contents]
    except (SQLAlchemyError, DatabaseAway) as error:
        cure = "start it, or correct FRONTDESK_DATABASE_URL"
        return [broken("database", f"{shown} cannot be read: {reason_of(error)}", cure)]
    finally:
        database.close()


def _contents(connection: Connection) -> Iterator[Finding]:
    yield from _workflows(connection)
    yield _audit(connection)
    intents = store.list_intents(connection)
    if not intents:
        yield fine("intents", "the shipped ones are taken at the first start")
    elif len([intent for intent in intents if intent.examples]) < 2:
        cure = "frontdesk import intents FILE.yaml"
        yield broken("intents", "fewer than two have examples to learn from", cure)
    else:
        examples = sum(len(intent.examples) for intent in intents)
        yield fine("intents", f"{len(intents)} with {examples} examples")
    if orders := store.count_orders(connection):
        yield fine("orders", f"{orders} imported")
    else:
        words = "there are none, so no order can be looked up"
        yield warning("orders", words, "frontdesk import orders FILE, and customers likewise")
    if articles := store.list_articles(connection):
        yield fine("knowledge", f"{len(articles)} articles")
    else:
        words = "there are no articles, so questions go to humans"
        yield warning("knowledge", words, "frontdesk import knowledge FOLDER")
    yield _deliveries(connection)


def _workflows(connection: Connection) -> Iterator[Finding]:
    for name in sorted({DEFAULT, *store.published_numbers(connection)}):
        yield from _workflow(connection, name)


def _workflow(connection: Connection, name: str) -> Iterator[Finding]:
    published = store.find_published(connection, name)
    if published is None:
        yield fine("workflow", "the shipped one is published at the first start")
        return
    called = f"{published.name}, version {published.version}"
    names = [intent.name for intent in store.list_intents(connection)]
    answers = is_answering(connection, published.name)
    found = problems_of(published.source, names, answers=answers)
    for problem in found:
        make = broken if problem.severity == "error" else warning
        place = f"node {problem.node}: " if problem.node else ""
        cure = "frontdesk workflow show > FILE, mend it, frontdesk workflow check FILE"
        yield make("workflow", f"{called}: {problem.code}: {place}{problem.message}", cure)
    if not found:
        yield fine("workflow", f"{called}, has no problems")


def _audit(connection: Connection) -> Finding:
    found = store.verify_audit(connection)
    if found.broken is None:
        return fine("audit", f"{found.entries} entries, none touched")
    cure = "somebody changed the table by hand: compare it with a backup"
    return broken("audit", f"the log is broken: {found.broken}", cure)


def _deliveries(connection: Connection) -> Finding:
    newest = store.newest_undelivered(connection)
    if newest is None:
        return fine("deliveries", "none has failed, and none is unconfirmed")
    counts = store.count_undelivered(connection)
    listed = ", ".join(f"{count} {status}" for status, count in counts.items())
    words = f"{listed}, the newest by {newest.channel}: {newest.error}"
    where = f"look at conversation {newest.conversation_id}, and see that its target answers"
    return warning("deliveries", words, where)


def _keys(read: Settings) -> Iterator[Finding]:
    doors = (
        ("FRONTDESK_API_KEY", read.frontdesk_api_key, "other systems by API key"),
        ("FRONTDESK_ADMIN_KEY", read.frontdesk_admin_key, "runs, escalations and all else of /v1"),
    )
    for variable, key, what in doors:
        if key:
            yield fine("keys", f"{variable} opens the door for {what}")
        else:
            words = f"{variable} is not set; closed to {what}"
            yield warning("keys", words, f"set {variable} to a long random text")
    if read.frontdesk_api_key and read.frontdesk_api_key == read.frontdesk_admin_key:
        words = "API key and admin key are the same, so every sender may do everything"
        yield warning("keys", words, "set two different texts")
    if secrets := len(read.webhook_secrets):
        yield fine("keys", f"signed webhooks are accepted, by {secrets} secret(s)")
    else:
        yield fine("keys", "FRONTDESK_WEBHOOK_SECRETS is not set; closed to signed webhooks")


def _callbacks(read: Settings) -> Iterator[Finding]:
    hosts = read.callback_hosts
    listed = sorted([*hosts.names, *(f"{host}:{port}" for host, port in hosts.pairs)])
    if not read.frontdesk_callback_secret:
        words = "FRONTDESK_CALLBACK_SECRET is not set; a callback_url is refused"
        yield warning("callbacks", words, "set it to whsec_ and base64 of 24 random bytes or more")
    elif not listed:
        words = "no host is listed, so every callback_url is refused"
        yield warning("callbacks", words, "list yours in FRONTDESK_CALLBACK_HOSTS")
    else:
        yield fine("callbacks", f"signed, to {', '.join(listed)}")


async def _events(read: Settings) -> list[Finding]:
    url = read.frontdesk_events_url
    if url is None:
        return [
            fine("events", "FRONTDESK_EVENTS_URL is not set; no program is told of escalations")
        ]
    if not read.frontdesk_callback_secret:
        words = "events are not sent, for there is nothing to sign them with"
        return [broken("events", words, "set FRONTDESK_CALLBACK_SECRET")]
    client = GuardedClient(read.callback_hosts)
    try:
        await client.check_url(url, field="FRONTDESK_EVENTS_URL")
    except BadInput as error:
        return [broken("events", str(error), "list its host in FRONTDESK_CALLBACK_HOSTS")]
    finally:
        await client.close()
    return [fine("events", f"signed, to {url}")]


def _chat(read: Settings) -> Iterator[Finding]:
    if read.frontdesk_chat_secret:
        origins = ", ".join(read.chat_origins) or "no other page"
        yield fine("chat", f"identities are verified; may be embedded by {origins}")
    else:
        words = "FRONTDESK_CHAT_SECRET is not set; every visitor is unverified and sees no orders"
        yield warning("chat", words, "set it, and sign identities in your shop with it")


def _console(read: Settings) -> Iterator[Finding]:
    if url := read.console_url:
        yield fine("console", f"cards of cases lead to {url}")
    else:
        yield fine("console", "FRONTDESK_PUBLIC_URL is not set; cards of cases do not lead to it")
    if not Builder().is_built():
        words = "it is not built, so agents work in Slack or over HTTP alone"
        yield warning("console", words, "frontdesk console build, in a checkout")


def _models(read: Settings) -> Iterator[Finding]:
    try:
        tiers = tiers_of(read)
        if not tiers:
            yield fine("models", "none is named; what needs one goes to humans")
            return
        if caps_of(read).bind:
            # Nothing of the model layer is imported by those who use no model.
            tiers.with_list_prices(providers.get("litellm")()).require_prices()
    except BadInput as error:
        yield broken("models", str(error), "mend it as docs/deploying.md shows")
        return
    for tier, names in tiers.names.items():
        yield fine("models", f"{tier}: {', '.join(names)}")


def _semantic_model(read: Settings) -> Iterator[Finding]:
    # That the folder can be used has been seen when the settings were read.
    if folder := read.frontdesk_semantic_model:
        yield fine("classifier", f"compares texts by their meaning too, by the model in {folder}")


def _store_file(read: Settings) -> Iterator[Finding]:
    path = read.frontdesk_store_file
    try:
        shop = Shop.load(path or SHIPPED)
        texts = Texts(shop)
        greeting = texts.say("greeting", shop.language)
    except BadInput as error:
        yield broken("store file", str(error), f"correct {path}")
        return
    if path is None:
        words = f"the shipped example, {shop.name}, speaks for you"
        yield warning("store file", words, f"copy {SHIPPED} and name it in FRONTDESK_STORE_FILE")
    else:
        yield fine("store file", f"{shop.name}, time zone {shop.time_zone}")
    yield fine("texts", f"{', '.join(shop.languages)}; greets with: {greeting}")


async def _slack(read: Settings) -> list[Finding]:
    has_way_in = read.slack_app_token or read.slack_signing_secret
    if not read.slack_bot_token and not has_way_in:
        return [fine("slack", "SLACK_BOT_TOKEN is not set; Slack is off")]
    if not read.has_slack:
        words = "Slack is off: it needs SLACK_BOT_TOKEN and a way in"
        cure = "set SLACK_BOT_TOKEN, and SLACK_APP_TOKEN or SLACK_SIGNING_SECRET; see docs/slack.md"
        return [broken("slack", words, cure)]
    # Nothing of Slack is imported by those who do not use it.
    from bot.slack import checkup  # noqa: PLC0415

    try:
        shop = shop_of(read)
    except BadInput:
        # Said already where the store file is looked at.
        return []
    return await checkup.look(read, shop, await _heard(read.frontdesk_database_url))


async def _heard(url: str) -> set[str]:
    path = sqlite_path(url)
    if path is not None and not path.is_file():
        return set()
    database = Database(url)
    try:
        return await database.read(store.list_raw_kinds)
    except (SQLAlchemyError, DatabaseAway):
        # Said already where the database is looked at.
        return set()
    finally:
        database.close()

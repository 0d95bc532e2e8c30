"""The commands that bring content in and out, look without touching, and measure."""

import asyncio
import json
import logging
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from ruamel.yaml import YAML
from sqlalchemy import Connection, text

from bot import cli, sample
from bot.app import PRESETS
from orchestration import programs, store
from orchestration.database import Database
from orchestration.intents import load_intents, write_intents
from orchestration.models import Conversation
from orchestration.programs import publish
from orchestration.types import IncomingMessage, Intent, Sender
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.scripts import answering
from tests.fakes.shopfront import models_file

T = TypeVar("T")

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
FEW = ("order_status", "return_policy", "talk_to_human", "double_charge")
ORDERS = "id,customer_id,status,placed_at,value\n"
EVAL_KEYS = {
    "accuracy",
    "macro_f1",
    "ece",
    "accuracy_at_80",
    "accuracy_at_90",
    "oos_auroc",
    "in_scope_accuracy",
    "in_scope_accuracy_at_threshold",
    "oos_recall_at_threshold",
    "ms_p50",
    "ms_p95",
    "train_seconds",
}
ENDINGS = ("please", "today", "now", "for me", "thanks", "quickly", "again", "tonight")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Frontdesk = Callable[..., Answer]


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in an empty folder, with no setting made."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("FRONTDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FRONTDESK_CONSOLE_BUILD", "skip")
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def frontdesk(
    bare: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Frontdesk:
    """Run commands in this process, as the shell would."""

    def run(*words: str | Path) -> Answer:
        monkeypatch.setattr(sys, "argv", ["frontdesk", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return Answer(int(end.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture(scope="module")
def few_intents() -> list[Intent]:
    """Return so few of the shipped intents that they are learnt at once."""
    shipped = {intent.name: intent for intent in load_intents(PRESETS / "store.yaml")}
    return [shipped[name] for name in FEW]


@pytest.fixture(scope="module")
def stocked_template(
    migrated_sqlite: Path, few_intents: list[Intent], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    file = Path(shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("stocked") / "shop.db"))
    shop = sample.load(NOW)

    def fill(connection: Connection) -> None:
        store.save_customers(connection, shop.customers)
        store.save_orders(connection, shop.orders)
        store.save_articles(connection, shop.articles)
        store.replace_intents(connection, few_intents)

    on_database(f"sqlite:///{file}", fill)
    return file


@pytest.fixture
def stocked(stocked_template: Path, sqlite_url: str, bare: None) -> str:
    """Put the sample store where the default settings look for the database."""
    shutil.copy(stocked_template, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture
def empty(migrated_sqlite: Path, sqlite_url: str, bare: None) -> str:
    """Put tables without rows where the default settings look for the database."""
    shutil.copy(migrated_sqlite, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


def on_database(url: str, function: Callable[[Connection], T]) -> T:
    database = Database(url)
    try:
        return asyncio.run(database.write(function))
    finally:
        database.close()


def counts(url: str) -> dict[str, int]:
    tables = ("conversations", "messages", "runs", "customers", "workflow_versions", "escalations")
    return on_database(
        url,
        lambda connection: {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()  # noqa: S608
            for name in tables
        },
    )


def publish_document(url: str, source: str, note: str = "") -> None:
    on_database(url, lambda c: publish(c, source, author="maria", note=note, clock=lambda: NOW))


def write(path: str, content: str) -> Path:
    file = Path(path)
    file.write_text(content, encoding="utf-8")
    return file


def write_rows(path: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    return write(path, "".join(json.dumps(row) + "\n" for row in rows))


def test_a_date_in_an_import_is_a_day_of_the_shop(
    frontdesk: Frontdesk, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("shop.yaml", "name: Laden\ntime_zone: Europe/Berlin\n")
    monkeypatch.setenv("FRONTDESK_STORE_FILE", "shop.yaml")
    orders = write("orders.csv", ORDERS + "1042,C-1,in_transit,2026-11-18,59.90\n")

    answer = frontdesk("import", "orders", orders)

    [order] = frontdesk("export", "--customer", "C-1").json["orders"]
    assert (answer.code, answer.out) == (0, "Took 1 order.\n")
    assert (order["placed_at"], order["value"]) == ("2026-11-17T23:00:00Z", "59.90")


def test_a_bad_row_is_named_and_nothing_is_written(frontdesk: Frontdesk, empty: str) -> None:
    rows = "1042,C-1,in_transit,2026-11-18,59.90\n1043,C-1,gone,2026-11-18,59.90\n"
    orders = write("orders.csv", ORDERS + rows)

    answer = frontdesk("import", "orders", orders)

    assert answer.code == 1
    assert "line 3, status: 'gone' is not a status" in answer.err
    assert "nothing was written: 1 problem, 1 good row" in answer.err
    assert frontdesk("export", "--customer", "C-1").code == 1


def test_good_rows_are_taken_with_partial(frontdesk: Frontdesk, empty: str) -> None:
    rows = "1042,C-1,in_transit,2026-11-18,59.90\n1043,C-1,gone,2026-11-18,59.90\n"
    orders = write("orders.csv", ORDERS + rows)

    answer = frontdesk("import", "orders", orders, "--partial", "--json")

    held = frontdesk("export", "--customer", "C-1").json
    assert answer.code == 0
    assert (answer.json["good"], answer.json["written"]) == (1, 1)
    assert [(each["line"], each["field"]) for each in answer.json["problems"]] == [(3, "status")]
    assert [order["id"] for order in held["orders"]] == ["1042"]


@pytest.mark.parametrize("content", ["orders", "customers", "knowledge", "intents"])
def test_a_file_that_is_not_there_is_wrong_usage(
    frontdesk: Frontdesk, empty: str, content: str
) -> None:
    answer = frontdesk("import", content, "nowhere")

    assert (answer.code, answer.err.strip()) == (2, "✗ there is no nowhere")


def test_articles_are_imported_from_a_folder(frontdesk: Frontdesk, empty: str) -> None:
    Path("articles").mkdir()
    write("articles/hours.md", "---\nid: hours\ntitle: Opening hours\n---\nWe open at nine.\n")

    answer = frontdesk("import", "knowledge", "articles")

    found = on_database(empty, store.list_articles)
    assert (answer.code, [article.title for article in found]) == (0, ["Opening hours"])


def test_a_wrong_intent_is_named_with_its_line(
    frontdesk: Frontdesk, empty: str, few_intents: list[Intent]
) -> None:
    good = write_intents(few_intents)
    intents = write("intents.yaml", good + "  - name: late\n    examples: []\n")

    answer = frontdesk("import", "intents", intents, "--json")

    [problem] = answer.json["problems"]
    assert (answer.code, answer.json["written"]) == (1, 0)
    assert (problem["line"], problem["field"]) == (good.count("\n") + 1, "examples")
    assert problem["message"].startswith("intent late: is empty")


def test_a_single_intent_is_refused(frontdesk: Frontdesk, stocked: str) -> None:
    intents = write("intents.yaml", "- name: hours\n  examples: [when do you open]\n")

    answer = frontdesk("import", "intents", intents, "--partial")

    assert answer.code == 1
    assert "at least two good ones are needed" in answer.err
    assert len(on_database(stocked, store.list_intents)) == len(FEW)


def test_intents_that_the_workflow_names_and_an_import_drops_are_told(
    frontdesk: Frontdesk, stocked: str, few_intents: list[Intent]
) -> None:
    source = (PRESETS / "support.yaml").read_text()
    named = source.replace("{field: wants_human, is: true}", "{field: intent, is: double_charge}")
    publish_document(stocked, named)
    intents = write("intents.yaml", write_intents(few_intents[:3]))

    answer = frontdesk("import", "intents", intents)

    assert answer.code == 0
    assert "warning: the published workflow, route:" in answer.err
    assert "double_charge" in answer.err


def test_exported_intents_are_imported_unchanged(
    frontdesk: Frontdesk, stocked: str, few_intents: list[Intent]
) -> None:
    exported = frontdesk("intents", "export")
    written = frontdesk("intents", "export", "--output", "intents.yaml")
    on_database(stocked, lambda c: store.replace_intents(c, few_intents[:2]))

    imported = frontdesk("intents", "import", "intents.yaml")

    assert (exported.code, written.code, imported.code) == (0, 0, 0)
    assert Path("intents.yaml").read_text() == exported.out
    assert on_database(stocked, store.list_intents) == few_intents
    assert frontdesk("intents", "export").out == exported.out


def test_a_wrong_intent_is_refused_by_both_ways_in(frontdesk: Frontdesk, stocked: str) -> None:
    intents = write("intents.yaml", "- {name: a, examples: [b], risk: fire}\n")

    answers = [frontdesk(*way, intents) for way in (("intents", "import"), ("import", "intents"))]

    assert [answer.code for answer in answers] == [1, 1]
    assert "line 1, risk: intent a: is 'fire', but must be one of none, legal" in answers[0].err
    assert answers[0].err == answers[1].err


def test_the_intents_that_collide_are_shown(frontdesk: Frontdesk, stocked: str) -> None:
    alike = [
        Intent(name="one", examples=("where is it", "my parcel", "green tea")),
        Intent(name="two", examples=("where is it?", "my parcel!", "red wine")),
    ]
    on_database(stocked, lambda c: store.replace_intents(c, alike))

    shown, listed = frontdesk("intents", "confusions"), frontdesk("intents", "confusions", "--json")

    [pair] = listed.json["items"]
    assert (shown.code, sorted(pair["intents"])) == (0, ["one", "two"])
    assert f"one and two: {pair['misread']} of 6 examples" in shown.out
    assert "one: “my parcel” is taken for two, as “my parcel!”" in shown.out


def test_without_traffic_there_are_no_figures(frontdesk: Frontdesk, stocked: str) -> None:
    shown, listed = frontdesk("intents", "figures"), frontdesk("intents", "figures", "--json")

    assert shown.out.split("\n")[:2] == [
        "turns classified             0",
        "of them locally              nothing yet",
    ]
    assert listed.json == {
        "turns": 0,
        "local_share": None,
        "asked": {},
        "agreement": None,
        "bands": [],
    }


def test_there_are_no_proposed_examples_at_first(frontdesk: Frontdesk, stocked: str) -> None:
    shown, listed = frontdesk("examples", "list"), frontdesk("examples", "list", "--json")

    assert (shown.code, shown.out) == (0, "There are no proposed examples.\n")
    assert listed.json == {"items": [], "next": None}


@pytest.mark.parametrize("how", ["accept", "reject"])
def test_an_example_that_is_not_there_is_said_so(
    frontdesk: Frontdesk, stocked: str, how: str
) -> None:
    answer = frontdesk("examples", how, "none")

    assert answer.code == 2
    assert "there is no example 'none'" in answer.err


def test_a_database_without_tables_is_refused(frontdesk: Frontdesk) -> None:
    customers = write("customers.csv", "id,email\nC-1,ana@example.com\n")

    answer = frontdesk("import", "customers", customers)

    assert answer.code == 2
    assert "frontdesk migrate" in answer.err


def test_an_export_to_a_file_is_for_its_owner_alone(frontdesk: Frontdesk, stocked: str) -> None:
    answer = frontdesk("export", "--customer", "C-1001", "--output", "ana.json")

    held = json.loads(Path("ana.json").read_text())
    assert answer.code == 0
    assert "2 orders" in answer.out
    assert held["records"][0]["email"] == "ana@example.com"
    assert stat.S_IMODE(Path("ana.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("command", ["export", "erase"])
def test_an_unknown_customer_is_not_in_order(
    frontdesk: Frontdesk, stocked: str, command: str
) -> None:
    answer = frontdesk(command, "--customer", "C-9")

    assert (answer.code, answer.out) == (1, "")
    assert "nothing is held about a customer 'C-9'" in answer.err


def test_a_customer_is_erased_with_their_orders(frontdesk: Frontdesk, stocked: str) -> None:
    answer = frontdesk("erase", "--customer", "C-1001", "--yes")

    assert (answer.code, answer.out) == (0, "Erased 1 record, 2 orders, 0 conversations.\n")
    assert frontdesk("export", "--customer", "C-1001").code == 1


def test_nobody_is_erased_without_a_yes(stocked: str) -> None:
    words = ("erase", "--customer", "C-1001")

    answer = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bot", *words],
        input="n\n",
        text=True,
        capture_output=True,
        check=False,
        env={"PYTHONPATH": str(Path(cli.__file__).parents[2])},
    )

    assert answer.returncode == 1
    assert "Erase 1 record, 2 orders, 0 conversations for good?" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert on_database(stocked, store.count_orders) == len(sample.load(NOW).orders)


def test_a_text_is_classified_without_a_database(frontdesk: Frontdesk, tmp_path: Path) -> None:
    answer = frontdesk("classify", "where is my order 1042?", "--json")

    assert answer.code == 0
    assert answer.json["intent"] == "order_status"
    assert answer.json["entities"] == {"orders": ["1042"]}
    assert answer.json["by"] == "local"
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_texts_is_classified_line_by_line(frontdesk: Frontdesk, stocked: str) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 7, "text": "where is my order?"},
        {"id": "b", "text": "let me talk to a human"},
    ]
    file = write_rows("texts.jsonl", rows)

    answer = frontdesk("classify", "--file", file)

    found = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.code == 0
    assert [(each["id"], each["intent"]) for each in found] == [
        (7, "order_status"),
        ("b", "talk_to_human"),
    ]
    assert found[1]["wants_human"] is True


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "line 2: is not JSON"),
        ("[]", "line 2: must be an object"),
        ('{"id": 2}', "line 2, text: is missing"),
        ('{"id": 2, "text": 5}', "line 2, text: is 5, but must be a text"),
        ('{"id": 2, "text": "\\ud800"}', "line 2, text: holds half a character"),
    ],
)
def test_a_broken_line_is_named(frontdesk: Frontdesk, line: str, words: str) -> None:
    file = write("texts.jsonl", f'{{"id": 1, "text": "hi"}}\n{line}\n')

    answer = frontdesk("classify", "--file", file)

    assert (answer.code, answer.out) == (1, "")
    assert f"texts.jsonl, {words}" in answer.err


@pytest.mark.parametrize(
    "words", [[], ["hi", "--file", "texts.jsonl"], ["--file", "nowhere"], ["\udcff"]]
)
def test_classify_says_what_it_needs(frontdesk: Frontdesk, words: list[str]) -> None:
    answer = frontdesk("classify", *words)

    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("✗ ")


def test_a_customer_s_question_is_simulated_and_leaves_no_trace(
    frontdesk: Frontdesk, stocked: str
) -> None:
    before = counts(stocked)

    answer = frontdesk(
        "simulate", "Where is my order 1042?", "--email", "ANA@example.com", "--json"
    )

    result = answer.json
    assert answer.code == 0
    assert [step["node"] for step in result["steps"]] == [
        "classify",
        "route",
        "answer",
        "check",
        "send",
    ]
    assert all(step["ms"] is not None for step in result["steps"])
    assert (result["route"], result["rule"], result["cost"]) == ("simple", "sure and simple", "0")
    assert result["rules_tried"][0]["failed_on"].startswith("wants_human is false, needs true")
    assert "TRK-1042" in result["reply"]["text"]
    assert result["escalation"] is None
    assert counts(stocked) == before


def test_what_a_simulation_pays_its_models_is_booked(
    frontdesk: Frontdesk, stocked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counts(stocked)
    with FakeOpenAI(key="sk-simulated") as server:
        server.answer_with(answering)
        prices = {"input_price": "4", "output_price": "20"}
        one = {"model": "m", "api_base": server.url, "api_key_env": "MODEL_KEY", **prices}
        monkeypatch.setenv("MODEL_KEY", "sk-simulated")
        file = models_file(tmp_path, {"light": [one], "strong": [one]})
        monkeypatch.setenv("FRONTDESK_MODELS_FILE", str(file))

        simulated = frontdesk(
            "simulate", "why was I charged twice for 1043", "--email", "ana@example.com", "--json"
        )
        asked = len(server.requests)

    after = counts(stocked)
    told = frontdesk("costs", "--json").json
    assert asked > 0
    assert Decimal(simulated.json["cost"]) == Decimal(told["spent"]) > 0
    # A request that was given up is booked too.
    assert told["calls"] >= asked
    assert told["turns"] == 0
    assert Decimal(told["saved"]) == 0
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"customers", "conversations", "runs"}


def test_a_simulated_visitor_is_told_of_no_order(frontdesk: Frontdesk, stocked: str) -> None:
    answer = frontdesk("simulate", "Where is my order 1042?")

    assert answer.code == 0
    assert "a visitor, unverified" in answer.out
    assert "TRK-1042" not in answer.out
    assert "sign in" in answer.out


def test_a_simulated_threat_ends_at_a_human(frontdesk: Frontdesk, stocked: str) -> None:
    words = "You charged me twice and I want my money back now, I will call my lawyer"
    before = counts(stocked)

    answer = frontdesk("simulate", words, "--email", "ana@example.com", "--json")

    assert answer.code == 0
    assert answer.json["route"] == "human"
    assert answer.json["classification"]["risk"] == "legal"
    assert answer.json["conversation_status"] == "escalated"
    assert answer.json["escalation"]["brief"]["orders"]
    assert counts(stocked) == before


def test_simulate_runs_the_published_version(frontdesk: Frontdesk, stocked: str) -> None:
    source = (PRESETS / "support.yaml").read_text()
    cautious = source.replace("at_least: 0.7", "at_least: 1.0")
    publish_document(stocked, source)
    publish_document(stocked, cautious.replace("complex: enrich", "complex: escalate"))

    answer = frontdesk("simulate", "Where is my order?", "--json")

    assert answer.json["workflow"] == {"name": "support", "version": 2}
    assert answer.json["route"] == "complex"
    assert answer.json["escalation"] is not None


def test_an_unknown_address_is_not_simulated(frontdesk: Frontdesk, stocked: str) -> None:
    answer = frontdesk("simulate", "hi", "--email", "nobody@example.com")

    assert (answer.code, answer.out) == (1, "")
    assert "no customer has the e-mail address 'nobody@example.com'" in answer.err


def test_the_doctor_finds_no_error_in_a_stocked_shop(frontdesk: Frontdesk, stocked: str) -> None:
    answer = frontdesk("doctor", "--json")

    checks = {each["check"]: each for each in answer.json["checks"]}
    assert (answer.code, answer.json["ok"]) == (0, True)
    assert checks["orders"]["level"] == checks["knowledge"]["level"] == "ok"
    assert checks["chat"]["level"] == "warning"
    assert all(each["cure"] for each in checks.values() if each["level"] != "ok")


def test_the_doctor_counts_replies_that_nobody_knows_to_have_arrived(
    frontdesk: Frontdesk, stocked: str
) -> None:
    def fail(connection: Connection, *statuses: str) -> None:
        for number, status in enumerate(statuses):
            incoming = IncomingMessage(
                channel="webhook",
                conversation="talk",
                source="test",
                source_id=f"m-{number}",
                sender=Sender(source="shop", external_id="C-1001"),
                text="hello",
                fingerprint="-",
            )
            received = store.add_message(connection, incoming, now=NOW, debounce=timedelta())
            talk = store.get(connection, Conversation, received.conversation)
            sent = store.add_delivery(
                connection,
                talk,
                channel="webhook",
                kind="reply",
                audience="customer",
                author="bot",
                target="https://shop.example",
                body="{}",
                now=NOW + timedelta(seconds=number),
            )
            store.change_delivery(connection, sent.id, status=status, error=f"error {number}")

    on_database(stocked, lambda c: fail(c, "failed", "unconfirmed", "failed", "delivered"))

    answer = frontdesk("doctor")

    assert "2 failed, 1 unconfirmed, the newest by webhook: error 2" in answer.out


def publish_unproved(url: str, name: str, source: str) -> None:
    """Publish a document as versions were that knew of fewer problems."""

    def publish(connection: Connection) -> None:
        newest = store.lock_workflow(connection, name)
        row = store.add_draft(
            connection, name=name, source=source, author="test", base=newest, now=NOW
        )
        programs.release(connection, row, author="test", note="", now=NOW)

    on_database(url, publish)


@pytest.fixture
def unproved(stocked: str) -> None:
    """Publish a version that sends what nobody has checked, as versions of old may do."""
    source = (PRESETS / "support.yaml").read_text().replace("drafted: check,", "drafted: send,")
    publish_unproved(stocked, "support", source)


@pytest.mark.usefixtures("unproved")
def test_the_doctor_names_a_published_version_that_would_send_unchecked_drafts(
    frontdesk: Frontdesk,
) -> None:
    answer = frontdesk("doctor")

    assert answer.code == 1
    assert "unchecked_draft: node send: a draft comes here that no check has passed" in answer.out
    assert "frontdesk workflow check FILE" in answer.out


def test_the_doctor_looks_at_workflows_that_run_as_an_api_too(
    frontdesk: Frontdesk, stocked: str
) -> None:
    exits = "{released: send, rejected: drop, expired: send}"
    nodes = f"""
      ask: {{kind: approve, text: "{{{{ input.text }}}}", exits: {exits}}}
      send: {{kind: send}}
      drop: {{kind: close}}
    """
    given = "{type: object, required: [text], properties: {text: {type: string}}}"
    publish_unproved(stocked, "mail", f"name: mail\nentry: ask\ninput: {given}\nnodes:{nodes}")

    answer = frontdesk("doctor")

    assert "mail, version 1: unchecked_draft: node send: a draft comes here" in answer.out
    assert "bad_config" not in answer.out


@pytest.mark.usefixtures("unproved")
def test_a_simulation_shows_why_an_unchecked_draft_is_not_sent(frontdesk: Frontdesk) -> None:
    answer = frontdesk("simulate", "where is my order 1042?", "--email", "ana@example.com")

    assert "no check has passed this draft since it was written" in answer.out
    assert "something went wrong on our side" in answer.out


def test_the_doctor_names_the_cure_for_a_missing_database(
    frontdesk: Frontdesk, tmp_path: Path
) -> None:
    answer = frontdesk("doctor")

    assert answer.code == 1
    assert "there is no file" in answer.out
    assert "→ frontdesk migrate" in answer.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///notes.txt", "file is not a database"),
        ("postgresql://ana:secret@127.0.0.1:1/shop", "connection"),
    ],
)
def test_the_doctor_says_why_a_database_cannot_be_read(
    frontdesk: Frontdesk, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    write("notes.txt", "not a database, though long enough to be looked at " * 30)
    monkeypatch.setenv("FRONTDESK_DATABASE_URL", url)

    answer = frontdesk("doctor")

    assert answer.code == 1
    assert words in answer.out
    assert "secret" not in answer.out + answer.err


def test_the_doctor_lists_each_setting_that_is_wrong(
    frontdesk: Frontdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_PORT", "eighty")
    monkeypatch.setenv("FRONTDESK_API_KEY", "short")

    answer = frontdesk("doctor", "--json")

    assert (answer.code, answer.json["ok"]) == (2, False)
    assert [each["message"].split(":")[0] for each in answer.json["checks"]] == [
        "FRONTDESK_PORT",
        "FRONTDESK_API_KEY",
    ]


@pytest.mark.parametrize(
    ("settings", "check", "words"),
    [
        ({"EVENTS_URL": "https://shop.example/e"}, "events", "nothing to sign them with"),
        (
            {"EVENTS_URL": "https://shop.example/e", "CALLBACK_SECRET": "whsec_" + "aa" * 24},
            "events",
            "'shop.example' on port 443 is not allowed",
        ),
        ({"STORE_FILE": "nowhere.yaml"}, "store file", "cannot be read"),
        ({"MODELS_FILE": "nowhere.yaml"}, "models", "FRONTDESK_MODELS_FILE: nowhere.yaml"),
        ({"LIGHT_MODELS": "made-up", "BUDGET_DAY": "5"}, "models", "'made-up' of the tier 'light'"),
    ],
)
def test_the_doctor_finds_settings_that_do_not_go_together(
    frontdesk: Frontdesk,
    stocked: str,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    check: str,
    words: str,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"FRONTDESK_{name}", value)

    answer = frontdesk("doctor", "--json")

    [found] = [each for each in answer.json["checks"] if each["level"] == "error"]
    assert (answer.code, found["check"]) == (1, check)
    assert words in found["message"]


def test_the_doctor_lists_the_models_of_each_tier(
    frontdesk: Frontdesk, stocked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = frontdesk("doctor", "--json")
    monkeypatch.setenv("FRONTDESK_LIGHT_MODELS", "made-up, other")
    monkeypatch.setenv("FRONTDESK_STRONG_MODELS", "great")

    with_models = frontdesk("doctor", "--json")

    def told(answer: Answer) -> list[str]:
        return [one["message"] for one in answer.json["checks"] if one["check"] == "models"]

    assert told(without) == ["none is named; what needs one goes to humans"]
    assert told(with_models) == ["light: made-up, other", "strong: great"]


def test_a_store_file_that_cannot_be_read_is_told_with_its_variable(
    frontdesk: Frontdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("store.yaml", "name: 7")
    monkeypatch.setenv("FRONTDESK_STORE_FILE", "store.yaml")

    answer = frontdesk("classify", "hello")

    assert (answer.code, answer.out) == (2, "")
    assert "FRONTDESK_STORE_FILE: store.yaml: name:" in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ("workflow", "rollback", "9" * 20),
        ("workflow", "show", "--version", "3000000000"),
        ("backtest", PRESETS / "support.yaml", "--last", "9" * 20),
        ("costs", "--since", "9999-12-31T23:59:59-12:00"),
        ("costs", "--since", "0001-01-01T00:00:00+14:00"),
        ("intents", "figures", "--since", "9999-12-31T23:59:59-12:00"),
    ],
)
def test_what_no_database_holds_is_wrong_usage(
    frontdesk: Frontdesk, stocked: str, words: Sequence[str | Path]
) -> None:
    answer = frontdesk(*words)

    assert (answer.code, answer.out) == (2, "")
    assert answer.err


def test_a_run_is_not_replayed_by_a_version_that_no_database_holds(
    frontdesk: Frontdesk, stocked: str
) -> None:
    answer = frontdesk("replay", "some-run", "--version", "9" * 20)

    assert (answer.code, answer.out) == (2, "")
    assert "--version" in answer.err


@pytest.mark.parametrize("words", [("migrate",), ("serve",), ("costs",)])
def test_a_database_whose_folder_cannot_be_made_is_told_in_one_sentence(
    frontdesk: Frontdesk, monkeypatch: pytest.MonkeyPatch, words: Sequence[str]
) -> None:
    write("notes.txt", "no folder")
    monkeypatch.setenv("FRONTDESK_DATABASE_URL", "sqlite:///notes.txt/shop.db")

    answer = frontdesk(*words)

    assert answer.code == 2
    assert "the database's folder notes.txt cannot be made" in answer.err


def test_a_file_of_settings_that_is_no_text_is_told_by_its_name(frontdesk: Frontdesk) -> None:
    Path(".env").write_bytes(b"FRONTDESK_PORT=\xff")

    answer = frontdesk("doctor")

    assert answer.code == 2
    assert ".env: is not UTF-8 text" in answer.out


@pytest.mark.parametrize("kept", ["nonsense", "[]", '{"more": 1, "frontdesk_api_key": 7}'])
def test_a_demo_whose_keys_were_spoilt_says_so(frontdesk: Frontdesk, kept: str) -> None:
    write("keys.json", kept)

    answer = frontdesk("demo", "--data", ".")

    assert answer.code == 2
    assert "keys.json" in answer.err or "FRONTDESK_API_KEY" in answer.err


def test_a_demo_that_cannot_have_its_folder_says_so(frontdesk: Frontdesk) -> None:
    write("notes.txt", "no folder")

    answer = frontdesk("demo", "--data", "notes.txt")

    assert answer.code == 2
    assert "--data: the folder notes.txt cannot be made" in answer.err


def test_the_shipped_workflow_can_be_published(frontdesk: Frontdesk) -> None:
    answer = frontdesk("workflow", "check", PRESETS / "support.yaml", "--json")

    assert (answer.code, answer.json) == (0, {"problems": []})


def test_a_broken_workflow_is_told_with_a_counter_example(frontdesk: Frontdesk) -> None:
    source = (PRESETS / "support.yaml").read_text()
    file = write("draft.yaml", source.replace("send: {kind: send}", "send: {kind: telegram}"))

    answer = frontdesk("workflow", "check", file, "--json")
    words = frontdesk("workflow", "check", file)

    [problem] = [each for each in answer.json["problems"] if each["code"] == "unknown_kind"]
    assert (answer.code, words.code) == (1, 1)
    assert problem["node"] == "send"
    assert "on the way classify → route → " in words.out


@pytest.mark.parametrize(("content", "code"), [("{[", 1), ("", 1), (None, 2)])
def test_a_document_that_cannot_be_read_is_told(
    frontdesk: Frontdesk, content: str | None, code: int
) -> None:
    if content is not None:
        write("draft.yaml", content)

    answer = frontdesk("workflow", "check", "draft.yaml")

    assert answer.code == code
    assert "draft.yaml" in answer.err


def test_the_published_document_and_its_history_are_shown(
    frontdesk: Frontdesk, stocked: str
) -> None:
    source = (PRESETS / "support.yaml").read_text()
    for note in ("first", "second"):
        publish_document(stocked, source, note)

    shown = frontdesk("workflow", "show")
    history = frontdesk("workflow", "history", "--json")

    assert (shown.code, shown.out) == (0, source)
    assert [
        (each["version"], each["note"], each["published"]) for each in history.json["items"]
    ] == [(2, "second", True), (1, "first", False)]


@pytest.mark.parametrize("command", ["show", "history"])
def test_an_unknown_workflow_is_not_in_order(
    frontdesk: Frontdesk, stocked: str, command: str
) -> None:
    answer = frontdesk("workflow", command, "returns")

    assert (answer.code, answer.out) == (1, "")


def labelled() -> list[dict[str, Any]]:
    wishes = {"refund": "give me my money back", "parcel": "where is the parcel"}
    return [
        {"text": f"{words} {ending}", "intent": intent}
        for intent, words in wishes.items()
        for ending in ENDINGS
    ]


def test_intents_are_measured_in_the_contract_s_words(frontdesk: Frontdesk) -> None:
    train = write_rows("train.jsonl", [*labelled(), {"text": "sing a song", "intent": "oos"}])
    strange = {"text": "xylophone quartz", "intent": "oos"}
    test = write_rows("test.jsonl", [*labelled()[::3], strange])

    answer = frontdesk("eval", "intents", "--train", train, "--test", test, "--dev", train)

    assert answer.code == 0
    assert answer.json.keys() >= EVAL_KEYS
    assert answer.json["accuracy"] == answer.json["in_scope_accuracy"] == 1.0
    assert answer.json["oos_auroc"] == 1.0
    assert answer.json["train_rows"] == len(labelled())


def test_few_examples_are_drawn_once_for_each_seed(frontdesk: Frontdesk) -> None:
    rows = write_rows("rows.jsonl", labelled())

    answer = frontdesk(
        "eval", "intents", "--train", rows, "--test", rows, "--per-intent", "4", "--seeds", "2"
    )

    assert answer.code == 0
    assert (answer.json["runs"], answer.json["train_rows"]) == (2, 8)
    assert answer.json["oos_auroc"] is None


def test_routes_are_measured_in_the_contract_s_words(frontdesk: Frontdesk, stocked: str) -> None:
    rows = [
        {"text": "where is my order?", "route": "simple"},
        {"text": "I want to talk to a person", "route": "human"},
        {"text": "has my order been shipped", "route": "complex"},
    ]
    test = write_rows("routes.jsonl", rows)

    answer = frontdesk("eval", "routes", "--test", test)

    result = answer.json
    assert answer.code == 0
    assert result["recall"] == {"simple": 1.0, "complex": 0.0, "human": 1.0}
    assert result["confusion"]["complex"] == {"simple": 1, "complex": 0, "human": 0}
    assert (result["accuracy"], result["complex_to_simple"]) == (0.6667, 1.0)
    assert result["accuracy_at_80"] is not None


def test_a_route_that_does_not_exist_is_named(frontdesk: Frontdesk, stocked: str) -> None:
    test = write_rows("routes.jsonl", [{"text": "hi", "route": "robot"}])

    answer = frontdesk("eval", "routes", "--test", test)

    assert answer.code == 1
    assert "'robot'" in answer.err


def test_what_is_imported_is_used_on_both_databases(
    frontdesk: Frontdesk,
    database_url: str,
    few_intents: list[Intent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FRONTDESK_DATABASE_URL", database_url)
    orders = write("orders.csv", ORDERS + "1042,C-1,delivered,2026-11-18,59.90\n")
    customers = write("customers.csv", "id,email\nC-1,kim@example.com\n")
    intents = write("intents.yaml", write_intents(few_intents))
    for content, path in (("orders", orders), ("customers", customers), ("intents", intents)):
        assert frontdesk("import", content, path).code == 0

    answer = frontdesk("simulate", "Where is order 1042?", "--email", "kim@example.com", "--json")

    assert answer.code == 0
    assert "1042" in answer.json["reply"]["text"]
    assert answer.json["route"] == "simple"
    assert counts(database_url)["conversations"] == 0
    assert frontdesk("erase", "--customer", "C-1", "--yes").code == 0


def test_the_slack_manifest_is_yaml_to_paste(frontdesk: Frontdesk) -> None:
    by_socket = frontdesk("slack", "manifest")
    by_http = frontdesk("slack", "manifest", "--http", "https://help.shop.example")

    first, second = (YAML(typ="safe").load(answer.out) for answer in (by_socket, by_http))
    assert (by_socket.code, by_http.code) == (0, 0)
    assert first["settings"]["socket_mode_enabled"] is True
    assert second["settings"]["event_subscriptions"]["request_url"].endswith("/slack/events")


@pytest.mark.parametrize(
    "address", ["http://help.shop.example", "https://", "https:///help", "https://help shop"]
)
def test_the_slack_manifest_takes_no_address_that_slack_would_refuse(
    frontdesk: Frontdesk, address: str
) -> None:
    answer = frontdesk("slack", "manifest", "--http", address)

    assert (answer.code, answer.out) == (2, "")
    assert "--http" in answer.err
    assert "https://" in answer.err

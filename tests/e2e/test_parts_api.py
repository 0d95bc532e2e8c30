"""Two requests in one message, without a key, through a server as a shop would run it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import demo, settings
from tests.e2e.frontdesk import ADMIN_KEY, API_KEY, Frontdesk, Json, new_name
from tests.e2e.processes import environment, free_port, run, running

BOTH = "cancel 1043 and where is 1042?"
PART = "“cancel 1043”"

# Takes the message through the shipped workflow and says which modules that has taken.
ALONE = """
import json, sys
from bot.cli import cli
cli(["simulate", "--json", "cancel 1043 and where is 1042?"], standalone_mode=False)
json.dump(sorted(sys.modules), sys.stderr)
"""
MODEL_LAYER = ("litellm", "openai", "tiktoken", "integrations.llm.litellm")


@pytest.fixture
def on_postgres(postgres_url: str, tmp_path: Path) -> Iterator[Frontdesk]:
    """Serve the sample store from PostgreSQL."""
    url, port = postgres_url, free_port()
    assert run(tmp_path, "migrate", FRONTDESK_DATABASE_URL=url).returncode == 0
    asyncio.run(demo.fill(settings.read(_env_file=None, frontdesk_database_url=url)))
    given = {
        "FRONTDESK_DATABASE_URL": url,
        "FRONTDESK_PORT": str(port),
        "FRONTDESK_API_KEY": API_KEY,
        "FRONTDESK_ADMIN_KEY": ADMIN_KEY,
        "FRONTDESK_DEBOUNCE_SECONDS": "0.05",
    }
    with running(tmp_path, "serve", port=port, settings=given) as process:
        process.wait_until_ready()
        served = Frontdesk(process.url, tmp_path)
        yield served
        served.close()
        process.end()


def cases_of(frontdesk: Frontdesk, conversation: str) -> list[Json]:
    found = frontdesk.get("/v1/escalations", limit=200)["items"]
    return [case for case in found if case["conversation_id"] == conversation]


def require_answer_and_case(frontdesk: Frontdesk) -> Json:
    """Hold what becomes of the message to what is promised, and return its run."""
    reply = frontdesk.ask(BOTH, conversation=new_name())
    run = frontdesk.get(f"/v1/runs/{reply['run_id']}")
    talk = frontdesk.conversation(run["conversation_id"])
    [case] = cases_of(frontdesk, run["conversation_id"])
    answer, promise = reply["text"].split("\n\n")
    assert [message["text"] for message in talk["messages"]] == [BOTH, reply["text"]]
    assert "1042" in answer
    assert "TRK-1042" in answer
    assert PART in promise
    assert PART in case["brief"]["summary"]
    assert case["brief"]["classification"]["entities"]["orders"] == ["1043"]
    assert talk["status"] == "escalated"
    assert [(part["text"], part["outcome"]) for part in run["parts"]] == [
        ("cancel 1043", "escalate"),
        ("where is 1042?", "send"),
    ]
    return run


def test_over_http_one_part_is_answered_and_the_other_is_a_case(frontdesk: Frontdesk) -> None:
    found = require_answer_and_case(frontdesk)

    cancelled, tracked = found["parts"]
    assert found["route"] == cancelled["route"] != "simple"
    assert tracked["route"] == "simple"
    assert tracked["rules_tried"][0]["rule"] == "risky or asked for a person"
    assert {step["part"] for step in found["steps"]} == {0, 1}
    assert found["cost"] == cancelled["cost"] == "0"


def test_over_http_on_postgres_it_is_the_same(on_postgres: Frontdesk) -> None:
    require_answer_and_case(on_postgres)


def test_the_command_line_shows_a_run_part_by_part(frontdesk: Frontdesk, tmp_path: Path) -> None:
    found = require_answer_and_case(frontdesk)
    url = {"FRONTDESK_DATABASE_URL": f"sqlite:///{frontdesk.database}"}

    shown = run(tmp_path, "runs", "show", found["id"], **url)
    told = run(tmp_path, "runs", "show", found["id"], "--json", **url)
    listed = run(tmp_path, "runs", "list", **url)

    assert "Part 1     “cancel 1043”" in shown.stdout
    assert "Part 2     “where is 1042?”" in shown.stdout
    assert "not “risky or asked for a person”" in shown.stdout
    assert json.loads(told.stdout)["parts"] == found["parts"]
    assert f"{found['id']} done" in listed.stdout


def test_without_a_key_nothing_of_the_model_layer_is_imported(tmp_path: Path) -> None:
    alone = subprocess.run(  # noqa: S603
        [sys.executable, "-c", ALONE],
        cwd=tmp_path,
        env=environment({}),
        capture_output=True,
        text=True,
        check=True,
    )

    modules = json.loads(alone.stderr[alone.stderr.index("[") :])
    found = json.loads(alone.stdout)
    assert len(found["parts"]) == 2
    assert PART in found["reply"]["text"]
    assert [name for name in modules if name.startswith(MODEL_LAYER)] == []

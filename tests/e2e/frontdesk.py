"""What other systems, agents and visitors do with a running Frontdesk over HTTP."""

import base64
import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from integrations.http import trusted_authorities

API_KEY = "the-api-key-of-the-e2e-tests"
ADMIN_KEY = "the-admin-key-of-the-e2e-tests"
CHAT_SECRET = "the-chat-secret-of-the-e2e-tests"  # noqa: S105
CALLBACK_SECRET = "whsec_" + base64.b64encode(b"callbacks are signed with this").decode()
CURRENT_SECRET = "whsec_" + base64.b64encode(b"the current secret of webhooks").decode()
PREVIOUS_SECRET = "whsec_" + base64.b64encode(b"the previous secret of webhooks").decode()

ANA = {"id": "C-1001", "email": "ana@example.com", "name": "Ana Ruiz"}
BEN = {"id": "C-1002", "email": "ben@example.com", "name": "Ben Okafor"}
# What the shipped rules give to a human at once.
LAWYER = "You charged me twice and I want my money back now, I will call my lawyer"

ANSWERS_WITHIN = 90.0
LOOKS_EACH = 0.05

T = TypeVar("T")
Json = Any


class Frontdesk:
    """A running server, with a client for each key and one without."""

    def __init__(self, url: str, database: Path) -> None:
        self.url = url
        self.database = database
        self.system = self._client(API_KEY)
        self.admin = self._client(ADMIN_KEY)
        self.anyone = self._client(None)

    def close(self) -> None:
        for client in (self.system, self.admin, self.anyone):
            client.close()

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """Lend somebody's browser, with cookies of its own."""
        with httpx.Client(base_url=self.url, timeout=30, verify=trusted_authorities()) as client:
            yield client

    def send(self, text: str, **fields: Json) -> Json:
        """Send a message as another system does; returns what it is answered."""
        answer = self.system.post("/v1/messages", json=message(text, **fields))
        assert answer.status_code == 202, answer.text
        return answer.json()

    def ask(self, text: str, **fields: Json) -> Json:
        """Send a message and return what is said next."""
        sent = self.send(text, **fields)
        return wait_for(lambda: self._said_after(sent), f"an answer to {text!r}")

    def conversation(self, id: str) -> Json:
        return self.get(f"/v1/conversations/{id}")

    def get(self, path: str, **parameters: Json) -> Json:
        answer = self.admin.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def escalate(self, **fields: Json) -> Json:
        """Let a customer's message open a case and return the case."""
        fields = {"conversation": new_name(), **fields}
        reply = self.ask(LAWYER, **fields)
        [case] = [
            each
            for each in self.get("/v1/escalations", status="open", limit=200)["items"]
            if each["run_id"] == reply["run_id"]
        ]
        return case

    def command(self, case: Json, name: str, *, key: str | None = None, **fields: Json) -> Json:
        """Carry out an agent's command at the case's version and return the case after it."""
        answer = self.try_command(case, name, key=key, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def try_command(
        self, case: Json, name: str, *, key: str | None = None, **fields: Json
    ) -> httpx.Response:
        body = {"agent": "zoe", "version": case["version"], **fields}
        headers = {"Idempotency-Key": key} if key else {}
        return self.admin.post(f"/v1/escalations/{case['id']}/{name}", json=body, headers=headers)

    def rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        """Look into the database, as an acceptance run may."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(statement, values).fetchall()

    def _said_after(self, sent: Json) -> Json:
        said = self.conversation(sent["conversation_id"])["messages"]
        [seq] = [each["seq"] for each in said if each["id"] == sent["id"]]
        return next((each for each in said if each["seq"] > seq and is_ours(each)), None)

    def _client(self, key: str | None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=30, verify=trusted_authorities()
        )


def message(text: str, **fields: Json) -> Json:
    """Return a message as another system sends it: Ana's, under a new id."""
    return {"message_id": new_name(), "customer": ANA, "text": text, **fields}


def new_name() -> str:
    return uuid.uuid4().hex


def is_ours(said: Json) -> bool:
    return bool(said["author"] != "customer")


def wait_for(look: Callable[[], T | None], what: str, *, seconds: float = ANSWERS_WITHIN) -> T:
    """Look until there is something to see."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if seen := look():
            return seen
        time.sleep(LOOKS_EACH)
    raise TimeoutError(f"no {what} within {seconds:g} s")


def events(lines: Iterator[str]) -> Iterator[Json]:
    """Read server-sent events; heartbeats are left out."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line and name in ("id", "event", "data"):
            fields[name] = value
        elif not line and "data" in fields:
            yield {**fields, "data": json.loads(fields["data"])}
            fields = {}


def is_problem(answer: httpx.Response, status: int) -> bool:
    """Tell whether an answer is a whole problem document of this status."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert {"type", "title", "status", "detail"} <= document.keys()
    assert document["status"] == status
    return bool(document["title"] and document["detail"])


def fields_of(answer: httpx.Response) -> set[str]:
    """Return the fields that a problem document names."""
    return {each["field"] for each in answer.json()["errors"]}

"""Asks another system over HTTP, at a host that the operator has listed."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, model_validator

from orchestration import schemas, templates
from orchestration.errors import PermanentFailure, TemporaryFailure
from orchestration.nodes import Config, Node, Outcome, Visit, node_kinds
from orchestration.nodes.results import Into, Schema, fields_of
from orchestration.templates import JsonTemplate, Template
from orchestration.types import HttpAnswer, Json

SECONDS = 20.0
_OWN_HEADERS = frozenset(
    {"host", "connection", "content-length", "content-type", "transfer-encoding", "idempotency-key"}
)


def _with_fixed_host(url: str) -> str:
    if not re.match(r"https?://[^/?#{}\s]+([/?]|$)", url):
        raise ValueError("must begin with https:// and a host in full; fields may come after it")
    return url


def _allowed_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name in headers:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise ValueError(f"{name!r} is no name of a header")
        if name.lower() in _OWN_HEADERS:
            raise ValueError(f"the header {name} is set by Frontdesk")
    return headers


class CallConfig(Config):
    """The request, in templates, and the form of its answer.

    `output` is the JSON schema of the answer and `into` the name it is put under; without them it
    is not read. `idempotent` says that the other side does the same request twice without harm; by
    default only GET is. With `required`, a refusal is a failure of the node, and there is no exit
    `failed`.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Annotated[Template, AfterValidator(_with_fixed_host)]
    headers: Annotated[Mapping[str, Template], AfterValidator(_allowed_headers)] = {}
    body: JsonTemplate = None
    output: Schema | None = None
    into: Into | None = None
    idempotent: bool | None = None
    required: bool = False

    @model_validator(mode="after")
    def _reads_into_a_name(self) -> "CallConfig":
        if (self.output is None) != (self.into is None):
            raise ValueError("output and into belong together: the form of the answer, its name")
        return self

    @property
    def may_be_repeated(self) -> bool:
        """Whether doing it twice does no harm."""
        return self.method == "GET" if self.idempotent is None else self.idempotent


@node_kinds.register("call")
class Call(Node):
    """Sends one request; a repeat after a crash carries the same key, or is left to a human."""

    kind = "call"
    Config = CallConfig
    fruitless = frozenset({"failed"})
    touches = "external"

    def __init__(self, config: CallConfig) -> None:
        super().__init__(config)
        self._was_sent = False

    @classmethod
    def exits(cls, config: CallConfig) -> tuple[str, ...]:
        """The other side did it, or refused."""
        return ("done",) if config.required else ("done", "failed")

    @classmethod
    def reads(cls, config: CallConfig) -> frozenset[str]:
        """Read the fields that the request names."""
        return templates.fields_in([config.url, dict(config.headers), config.body])

    @classmethod
    def writes(cls, config: CallConfig) -> frozenset[str]:
        """Write the answer, whole and by property."""
        return fields_of(config.into, config.output) if config.into else frozenset()

    async def run(self, visit: Visit) -> Outcome:
        """Send the request, unless it may have been sent before and must not be sent twice."""
        config, http = self.config, visit.tools.http
        if http is None:
            raise PermanentFailure("this process makes no requests to other systems")
        if (visit.was_started or self._was_sent) and not config.may_be_repeated:
            raise PermanentFailure("it was sent before, and nobody knows whether it was done")
        url = templates.fill_url(config.url, visit.state)
        body = templates.fill_json(config.body, visit.state)
        headers = self._headers(visit)
        await visit.record_start()
        self._was_sent = True
        try:
            answer = await http.call(
                config.method, url, body=_encoded(body), headers=headers, seconds=SECONDS
            )
        except TemporaryFailure as failure:
            raise self._judged(failure) from failure
        shown: dict[str, Json] = {"method": config.method, "url": url, "body": body}
        return self._outcome(answer, shown)

    def _headers(self, visit: Visit) -> dict[str, str]:
        filled = {
            name: templates.fill_header(value, visit.state)
            for name, value in self.config.headers.items()
        }
        if self.config.body is not None:
            filled["Content-Type"] = "application/json"
        if self.config.may_be_repeated:
            filled["Idempotency-Key"] = _key(visit)
        return filled

    def _judged(self, failure: TemporaryFailure) -> TemporaryFailure:
        """Return the failure as the engine should see it: what may be repeated is not in doubt."""
        self._was_sent = failure.in_doubt
        if not self.config.may_be_repeated:
            return failure
        return TemporaryFailure(str(failure), retry_after=failure.retry_after)

    def _outcome(self, answer: HttpAnswer, shown: dict[str, Json]) -> Outcome:
        notes: dict[str, Json] = {"status": answer.status}
        updates: dict[str, Json] = {}
        problem = None if 200 <= answer.status < 300 else f"the answer was {answer.status}"
        if problem is None and self.config.into:
            problem, value = self._read(answer)
            updates = schemas.spread(self.config.into, value, self.config.output)
        if problem is None:
            return Outcome(exit="done", updates=updates, input=shown, notes=notes)
        if self.config.required:
            raise PermanentFailure(problem)
        return Outcome(exit="failed", input=shown, notes={**notes, "problem": problem})

    def _read(self, answer: HttpAnswer) -> tuple[str | None, Json]:
        """Return what is wrong with the answer, if anything is, and its value."""
        if not answer.is_complete:
            return "the answer was too long, or broke off", None
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError):
            return "the answer is not JSON", None
        flaw = schemas.flaw(value, self.config.output, name=self.config.into)
        return (f"{flaw[0]} {flaw[1]}" if flaw else None), value


def _key(visit: Visit) -> str:
    run = visit.case.run.id if visit.case.run else ""
    return f"{run}:{visit.part}:{quote(visit.node)}:{visit.number}"


def _encoded(body: Json) -> bytes:
    return b"" if body is None else json.dumps(body, ensure_ascii=False).encode()

"""An OpenAI-compatible server on 127.0.0.1 that answers and fails as it is told to, and counts.

How tokens are counted stands in `openai_rules.tokens_of`.
"""

import json
import math
import socket
import struct
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from tests.fakes.openai_rules import completion_tokens, example_of, problem, prompt_tokens

Json = Any
Finish = Literal["stop", "length", "tool_calls", "content_filter"]
PATHS = ("/v1/chat/completions", "/chat/completions")
MOST_SECONDS_WAITED = 300.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it arrived; header names are in lower case, `body` is what its JSON says."""

    path: str
    headers: Mapping[str, str]
    body: Json


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server does with one request.

    `act`: `answer` sends a completion with `message`, or `body` in its place; `hang` reads the
    request and keeps silent; `reset` resets the connection after reading; `drop` does so before;
    `malform` sends what is no HTTP; `cut` sends the head and half the body, then closes.
    `model` is the name the answer gives itself, `told` says whether usage is in it. `seconds` is
    how long the server takes, where that is not its `latency`.
    """

    act: Literal["answer", "hang", "reset", "drop", "malform", "cut"] = "answer"
    message: Mapping[str, Json] = field(default_factory=lambda: {"content": ""})
    finish: Finish = "stop"
    has_choices: bool = True
    told: bool = True
    model: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    seconds: float = 0.0

    @property
    def is_completion(self) -> bool:
        """Whether a model has worked for it, so that its tokens are billed."""
        return self.act != "drop" and self.status == 200 and self.body is None


@dataclass(frozen=True, kw_only=True)
class Served:
    """How many answers of a model were sent, and the tokens in them."""

    answers: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


Answerer = Callable[[Json], Reply]


def saying(text: str | None, *, finish: Finish = "stop") -> Reply:
    """Answer with a text."""
    return Reply(message={"content": text}, finish=finish)


def stating(value: Json) -> Reply:
    """Answer with JSON, as a request with a schema wants it."""
    return saying(json.dumps(value))


def calling(name: str, arguments: Json) -> Reply:
    """Answer with one call of a tool; arguments that are text are sent as they are."""
    return calling_all((name, arguments))


def calling_all(*calls: tuple[str, Json]) -> Reply:
    """Answer with calls of tools; their ids are `call_1`, `call_2` and so on."""
    wanted = [
        {"id": f"call_{number}", "type": "function", "function": _function(name, arguments)}
        for number, (name, arguments) in enumerate(calls, start=1)
    ]
    return Reply(message={"content": None, "tool_calls": wanted}, finish="tool_calls")


def _function(name: str, arguments: Json) -> dict[str, str]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"name": name, "arguments": text}


def refusing(text: str) -> Reply:
    """Answer that the model will not, in the field that is there for it."""
    return Reply(message={"content": None, "refusal": text})


def failing(
    status: int, *, code: str | None = None, message: str = "", retry_after: str | None = None
) -> Reply:
    """Answer with an error in OpenAI's shape."""
    kind = {429: "requests"}.get(
        status, "invalid_request_error" if status < 500 else "server_error"
    )
    error = {"message": message or f"Error {status}.", "type": kind, "param": None, "code": code}
    headers = {"retry-after": retry_after} if retry_after else {}
    return Reply(status=status, headers=headers, body=json.dumps({"error": error}).encode())


def page(html: str) -> Reply:
    """Answer 200 with a web page, as a proxy's sign-in does."""
    return Reply(headers={"content-type": "text/html"}, body=html.encode())


HANG = Reply(act="hang")
CONTENT_FILTER = failing(
    400,
    code="content_filter",
    message="The response was filtered due to the prompt triggering the content management policy.",
)
TOO_LONG = failing(
    400,
    code="context_length_exceeded",
    message="This model's maximum context length is 8192 tokens. Please reduce the length.",
)
WRONG_KEY = failing(401, code="invalid_api_key", message="Incorrect API key provided.")
NO_SUCH_MODEL = failing(404, code="model_not_found", message="The model does not exist.")
OVERLOADED = failing(529, code="overloaded", message="Overloaded")
RATE_LIMIT = failing(429, code="rate_limit_exceeded", message="Slow down.", retry_after="7")

# By name, to run one test over all of them.
FAULTS: Mapping[str, Reply] = {
    "rate limit": RATE_LIMIT,
    "internal error": failing(500, message="The server had an error."),
    "overloaded": OVERLOADED,
    "hang": HANG,
    "reset": Reply(act="reset"),
    "reset before reading": Reply(act="drop"),
    "malformed http": Reply(act="malform"),
    "cut short": Reply(act="cut"),
    "html page": page("<html><body>Please sign in.</body></html>"),
    "empty content": saying(""),
    "null content": saying(None),
    "no choices": Reply(has_choices=False),
    "refusal": refusing("I cannot help with that."),
    "wrong schema": stating({"unasked": 1}),
    "invalid json": saying('{"reply": "cut off in the mid'),
    "truncated": saying("We are glad to", finish="length"),
    "unknown tool": calling("delete_everything", {}),
    "garbage arguments": calling("get_order", "{order: 1042"),
    "content filter finish": saying("", finish="content_filter"),
    "content filter": CONTENT_FILTER,
    "context too long": TOO_LONG,
    "wrong key": WRONG_KEY,
    "no such model": NO_SUCH_MODEL,
}


class FakeOpenAI:
    """Use as `with FakeOpenAI() as server`; `url` is the `api_base`; serves dozens at once.

    A request that no script and no function speaks for is answered with `Hello.`, or with the
    plainest value of the schema it brings. With `key` or `models` others are refused, and so is
    what goes beyond the `limits` of a model, in requests a minute of the `clock`; that is counted
    in `refused`.
    """

    def __init__(
        self,
        *,
        key: str | None = None,
        models: Collection[str] | None = None,
        latency: float = 0.0,
        limits: Mapping[str, int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key
        self._models = models
        self._latency = latency
        self._limits = limits or {}
        self._clock = clock
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)
        self.refused: Counter[str] = Counter()
        self._script: deque[Reply] = deque()
        self._otherwise: Answerer = _plain_answer
        self._requests: list[Asked] = []
        self._dropped = 0
        self._ledger: dict[str, Served] = {}
        self._unseen: dict[str, Served] = {}
        self._numbers: Counter[str] = Counter()
        self._lock = threading.Condition()
        self._closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> "FakeOpenAI":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base URL, ending in `/v1`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def requests(self) -> list[Asked]:
        """All requests read so far, in the order they arrived."""
        with self._lock:
            return list(self._requests)

    @property
    def dropped(self) -> int:
        """How many requests were reset before they were read."""
        with self._lock:
            return self._dropped

    @property
    def ledger(self) -> dict[str, Served]:
        """By the model asked for: the answers that were sent whole and told their usage."""
        with self._lock:
            return dict(self._ledger)

    @property
    def unseen(self) -> dict[str, Served]:
        """By model: work that is billed though its usage never left, or not as an answer."""
        with self._lock:
            return dict(self._unseen)

    def script(self, *replies: Reply) -> None:
        """Treat the next requests so, one after the other."""
        with self._lock:
            self._script.extend(replies)

    def answer_with(self, answerer: Answerer) -> None:
        """Ask a function for the reply to every request that the script says nothing of."""
        with self._lock:
            self._otherwise = answerer

    def wait_for(self, count: int, *, seconds: float = 30) -> list[Asked]:
        """Block until so many requests have arrived; raises `TimeoutError`."""
        with self._lock:
            if not self._lock.wait_for(lambda: len(self._requests) >= count, seconds):
                raise TimeoutError(f"{len(self._requests)} of {count} requests arrived")
            return list(self._requests)

    def takes_drop(self) -> bool:
        """Tell whether the request that is about to be read is to be dropped, and count it."""
        with self._lock:
            if not self._script or self._script[0].act != "drop":
                return False
            self._script.popleft()
            self._dropped += 1
            return True

    def reply_to(self, asked: Asked) -> Reply:
        """Record a request, choose its reply and book the tokens."""
        with self._lock:
            self._requests.append(asked)
            self._lock.notify_all()
            refusal = self._refusal(asked)
            scripted = self._script.popleft() if self._script and not refusal else None
            otherwise = self._otherwise
        reply = refusal or scripted or otherwise(asked.body)
        if reply.is_completion:
            self._book(asked.body, reply)
        return reply

    def completion(self, body: Json, reply: Reply) -> dict[str, Json]:
        """Return the answer in OpenAI's shape."""
        with self._lock:
            self._numbers["completions"] += 1
            number = self._numbers["completions"]
        message = {"role": "assistant", "content": None, "refusal": None} | dict(reply.message)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish}
        answer = {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": reply.model or body["model"],
            "choices": [choice] if reply.has_choices else [],
        }
        return answer | ({"usage": _usage(body, reply)} if reply.told else {})

    def wait(self, seconds: float = 0.0) -> None:
        """Wait so long, or the server's own latency, but not longer than the server lives."""
        self._closing.wait(seconds or self._latency)

    def _refusal(self, asked: Asked) -> Reply | None:
        if asked.path not in PATHS:
            return failing(404, message=f"Unknown request URL: POST {asked.path}.")
        if self._key and asked.headers.get("authorization") != f"Bearer {self._key}":
            return WRONG_KEY
        complaint = problem(asked.body)
        if complaint:
            return failing(400, message=complaint)
        if self._models is not None and asked.body["model"] not in self._models:
            return NO_SUCH_MODEL
        return self._over_limit(asked.body["model"])

    def _over_limit(self, model: str) -> Reply | None:
        if model not in self._limits:
            return None
        now, admitted = self._clock(), self._admitted[model]
        while admitted and admitted[0] <= now - 60:
            admitted.popleft()
        if len(admitted) >= self._limits[model]:
            self.refused[model] += 1
            wait = math.ceil(admitted[0] + 60 - now)
            return replace(RATE_LIMIT, headers={"retry-after": str(wait)})
        admitted.append(now)
        return None

    def _book(self, body: Json, reply: Reply) -> None:
        usage = _usage(body, reply)
        with self._lock:
            book = self._ledger if reply.act == "answer" and reply.told else self._unseen
            before = book.get(body["model"], Served())
            book[body["model"]] = Served(
                answers=before.answers + 1,
                tokens_in=before.tokens_in + usage["prompt_tokens"],
                tokens_out=before.tokens_out + usage["completion_tokens"],
            )


class _Server(ThreadingHTTPServer):
    """The sockets: every connection is closed at the end, also one kept alive."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, fake: FakeOpenAI) -> None:
        self.fake = fake
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wake every thread that waits for one more request."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection, kept alive between requests."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one_request(self) -> None:
        try:
            # A client that hangs up between two requests shows as no byte at all.
            is_coming = bool(self.connection.recv(1, socket.MSG_PEEK))
            if is_coming and self.server.fake.takes_drop():
                self._act_reset({}, Reply())
            else:
                super().handle_one_request()
        except (OSError, ValueError):
            # The other side, or our own end, has closed the connection.
            self.close_connection = True

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(path=self.path, headers=headers, body=_read(raw))
        reply = self.server.fake.reply_to(asked)
        self.server.fake.wait(reply.seconds)
        getattr(self, f"_act_{reply.act}")(asked.body, reply)

    def log_message(self, format: str, *args: object) -> None:
        return

    def _act_answer(self, body: Json, reply: Reply) -> None:
        raw = self._raw(body, reply)
        self._begin(reply, len(raw))
        self.wfile.write(raw)

    def _act_hang(self, _body: Json, _reply: Reply) -> None:
        self.server.fake.wait(MOST_SECONDS_WAITED)
        self.close_connection = True

    def _act_reset(self, _body: Json, _reply: Reply) -> None:
        # Closing with a linger time of 0 sends RST in place of FIN.
        option = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        self.connection.close()
        self.close_connection = True

    def _act_malform(self, _body: Json, _reply: Reply) -> None:
        self.wfile.write(b"HTP/9 what?\r\n\x00\r\n\r\n")
        self.close_connection = True

    def _act_cut(self, body: Json, reply: Reply) -> None:
        raw = self._raw(body, reply)
        self._begin(reply, len(raw))
        self.wfile.write(raw[: len(raw) // 2])
        self.close_connection = True

    def _raw(self, body: Json, reply: Reply) -> bytes:
        if reply.body is not None:
            return reply.body
        return json.dumps(self.server.fake.completion(body, reply)).encode()

    def _begin(self, reply: Reply, length: int) -> None:
        self.send_response(reply.status)
        headers = {"content-type": "application/json"} | dict(reply.headers)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(length))
        self.end_headers()


def _read(raw: bytes) -> Json:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _usage(body: Json, reply: Reply) -> dict[str, int]:
    sent, said = prompt_tokens(body), completion_tokens(reply.message) if reply.has_choices else 0
    return {"prompt_tokens": sent, "completion_tokens": said, "total_tokens": sent + said}


def _plain_answer(body: Json) -> Reply:
    wanted = (body.get("response_format") or {}).get("json_schema")
    return stating(example_of(wanted["schema"])) if wanted else saying("Hello.")

"""A real HTTP server on 127.0.0.1 that records what it is sent and fails as it is told to."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server does with one request.

    `answer` sends status, headers and body; `hang` reads the request and keeps silent until the
    receiver closes; `reset` reads the request and resets the connection; `stall` sends the status
    and half the body, then keeps silent.
    """

    act: Literal["answer", "hang", "reset", "stall"] = "answer"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


HANG = Reply(act="hang")
RESET = Reply(act="reset")


def failing(status: int, **headers: str) -> Reply:
    """Answer with a status; header names are written with underscores: `retry_after="7"`."""
    return Reply(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


class Receiver:
    """Use as `with Receiver() as receiver`; from any thread, with or without an event loop."""

    def __init__(self) -> None:
        self._script: deque[Reply] = deque()
        self._otherwise = Reply()
        self._requests: list[Recorded] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """`127.0.0.1:port`, as an entry of FRONTDESK_CALLBACK_HOSTS."""
        return f"127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{self.host}/callback"

    @property
    def requests(self) -> list[Recorded]:
        """All requests so far, in the order they arrived."""
        with self._changed:
            return list(self._requests)

    def script(self, *replies: Reply) -> None:
        """Treat the next requests so, one after the other; those after them are answered 200."""
        with self._changed:
            self._script.extend(replies)

    def always(self, reply: Reply) -> None:
        """Treat every request so that the script says nothing of."""
        with self._changed:
            self._otherwise = reply

    def wait_for(self, count: int, *, seconds: float = 30) -> list[Recorded]:
        """Block until so many requests have arrived; raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._requests) >= count, seconds):
                raise TimeoutError(f"{len(self._requests)} of {count} requests arrived")
            return list(self._requests)

    def _record(self, request: Recorded) -> Reply:
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()
            return self._script.popleft() if self._script else self._otherwise

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = receiver._record(
                    Recorded(method=self.command, path=self.path, headers=headers, body=body)
                )
                getattr(self, f"do_{reply.act}")(reply)
                self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

            def do_answer(self, reply: Reply) -> None:
                self._begin(reply)
                try:
                    self.wfile.write(reply.body)
                except OSError:
                    # The other side has read enough; that is its right.
                    return

            def do_hang(self, _reply: Reply) -> None:
                receiver._closing.wait()

            def do_stall(self, reply: Reply) -> None:
                self._begin(reply)
                self.wfile.write(reply.body[: len(reply.body) // 2])
                receiver._closing.wait()

            def do_reset(self, _reply: Reply) -> None:
                # Closing with a linger time of 0 sends RST in place of FIN.
                option = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
                self.connection.close()

            def log_message(self, format: str, *args: object) -> None:
                return

            def _begin(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()

        return Handler

"""A shop on 127.0.0.1 that carries out actions, and the order source that asks it over HTTP.

The shop lives in the test, so that it remembers what it has done whoever is killed meanwhile.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from orchestration.errors import PermanentFailure, TemporaryFailure
from orchestration.types import CustomerRecord, Order, Proposal
from tests.fakes.proposing import open_orders

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Done:
    """One action that the shop has carried out, and the key it came with."""

    key: str
    body: dict[str, Any]


class ShopServer:
    """Use as `with ShopServer() as shop`; every customer has the order 1042.

    One that `knows_keys` does what comes with the same key once and answers alike; any other does
    it as often as it is asked. While `holds` is set it does what it is asked and keeps the answer
    back; `has_done` tells when that happened.
    """

    def __init__(self, *, knows_keys: bool = True) -> None:
        self.knows_keys = knows_keys
        self.holds = False
        self.has_done = threading.Event()
        self._done: list[Done] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> "ShopServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def done(self) -> list[Done]:
        """What has been carried out, in order."""
        with self._lock:
            return list(self._done)

    def carry_out(self, key: str, body: dict[str, Any]) -> str:
        """Do it, and return its reference."""
        with self._lock:
            is_known = any(one.key == key for one in self._done)
            if not (self.knows_keys and is_known):
                self._done.append(Done(key=key, body=body))
        self.has_done.set()
        if self.holds:
            self._closing.wait(PATIENCE_SECONDS)
        return f"ref-{key}"


def _handler_of(shop: ShopServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reference = shop.carry_out(self.headers["idempotency-key"], body)
            raw = json.dumps({"reference": reference}).encode()
            try:
                self.send_response(200)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
            except ConnectionError:
                # Whoever asked was killed.
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler


class HttpShop:
    """The order source of a shop server; `watch` is told before it is asked and after."""

    def __init__(
        self,
        url: str,
        *,
        knows_keys: bool,
        watch: Callable[[str], None] = lambda _moment: None,
    ) -> None:
        self.actions_are_idempotent = knows_keys
        self._url = url
        self._watch = watch

    async def find_customer(
        self, *, id: str | None = None, email: str | None = None
    ) -> CustomerRecord | None:
        return CustomerRecord(id=id, email=email) if id else None

    async def list_orders(self, customer: str) -> list[Order]:
        return [order for order in open_orders().orders if order.id == "1042"]

    async def find_order(self, customer: str, order: str) -> Order | None:
        return next((one for one in await self.list_orders(customer) if one.id == order), None)

    async def carry_out(self, customer: str, proposal: Proposal, *, key: str) -> str:
        self._watch("before the shop is asked")
        asked = {"action": proposal.action, "order": proposal.order, **proposal.arguments}
        try:
            async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
                answer = await client.post(
                    f"{self._url}/actions", json=asked, headers={"idempotency-key": key}
                )
        except httpx.ConnectError as error:
            raise TemporaryFailure(f"the shop cannot be reached: {error}") from error
        except httpx.HTTPError as error:
            raise TemporaryFailure(f"the shop fell silent: {error}", in_doubt=True) from error
        if answer.status_code >= 500:
            raise TemporaryFailure(f"the shop failed: {answer.status_code}", in_doubt=True)
        if answer.status_code >= 400:
            raise PermanentFailure(f"the shop refused: {answer.status_code}")
        self._watch("after the shop has answered")
        return str(answer.json()["reference"])

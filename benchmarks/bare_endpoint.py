"""The least that an endpoint for Slack can be: check the signature, commit once, answer.

Run by `benchmarks.slack_ack` as `python -m benchmarks.bare_endpoint PORT DATABASE_URL`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import uvicorn
from fastapi import FastAPI, Request, Response
from slack_sdk.signature import SignatureVerifier

from tests.fakes.slack_wire import SIGNING_SECRET

CONNECTIONS = 4


def create(url: str) -> FastAPI:
    verifier = SignatureVerifier(SIGNING_SECRET)
    free: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for _number in range(CONNECTIONS):
            free.put_nowait(await psycopg.AsyncConnection.connect(url))
        first = await free.get()
        await first.execute("CREATE TABLE IF NOT EXISTS bare (id serial PRIMARY KEY, body jsonb)")
        await first.commit()
        free.put_nowait(first)
        yield
        while not free.empty():
            await free.get_nowait().close()

    api = FastAPI(lifespan=lifespan)

    @api.get("/readyz")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    @api.post("/slack/events")
    async def events(request: Request) -> Response:
        body = await request.body()
        if not verifier.is_valid_request(body, dict(request.headers)):
            return Response(status_code=401)
        connection = await free.get()
        try:
            await connection.execute("INSERT INTO bare (body) VALUES (%s)", (body.decode(),))
            await connection.commit()
        finally:
            free.put_nowait(connection)
        return Response()

    return api


if __name__ == "__main__":
    port, database = sys.argv[1:]
    uvicorn.run(create(database), port=int(port), log_level="warning", access_log=False)

"""One server for the whole session, trained once, and receivers that it may call back."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot import demo, settings
from tests.e2e import frontdesk as desk
from tests.e2e.frontdesk import Frontdesk
from tests.e2e.processes import free_port, running
from tests.fakes.receiver import Receiver

RECEIVERS = 10


@pytest.fixture(scope="session")
def stocked(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with the sample store, to be copied."""
    file = Path(shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("stocked") / "frontdesk.db"))
    asyncio.run(
        demo.fill(settings.read(_env_file=None, frontdesk_database_url=f"sqlite:///{file}"))
    )
    return file


@pytest.fixture(scope="session")
def listener() -> Iterator[Receiver]:
    """Listen where the server's events go."""
    with Receiver() as running_listener:
        yield running_listener


@pytest.fixture(scope="session")
def receivers() -> Iterator[list[Receiver]]:
    """Run all receivers that the server's settings list."""
    with ExitStack() as stack:
        yield [stack.enter_context(Receiver()) for _ in range(RECEIVERS)]


@pytest.fixture
def receiver(receivers: list[Receiver]) -> Receiver:
    """Return a receiver that no test has used."""
    return receivers.pop()


@pytest.fixture(scope="session")
def frontdesk(
    stocked: Path,
    listener: Receiver,
    receivers: list[Receiver],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Frontdesk]:
    """Serve the sample store; answers, so its classifier is trained."""
    folder, port = tmp_path_factory.mktemp("frontdesk"), free_port()
    database = Path(shutil.copy(stocked, folder / "frontdesk.db"))
    hosts = [each.host for each in (listener, *receivers)]
    given = {
        "FRONTDESK_DATABASE_URL": f"sqlite:///{database}",
        "FRONTDESK_PORT": str(port),
        "FRONTDESK_API_KEY": desk.API_KEY,
        "FRONTDESK_ADMIN_KEY": desk.ADMIN_KEY,
        "FRONTDESK_CHAT_SECRET": desk.CHAT_SECRET,
        "FRONTDESK_WEBHOOK_SECRETS": f"{desk.CURRENT_SECRET},{desk.PREVIOUS_SECRET}",
        "FRONTDESK_CALLBACK_SECRET": desk.CALLBACK_SECRET,
        "FRONTDESK_CALLBACK_HOSTS": ",".join([*hosts, "localhost", "169.254.169.254"]),
        "FRONTDESK_EVENTS_URL": f"http://{listener.host}/events",
        "FRONTDESK_DEBOUNCE_SECONDS": "0.05",
    }
    with running(folder, "serve", port=port, settings=given) as process:
        process.wait_until_ready()
        served = Frontdesk(process.url, database)
        served.ask("hello", conversation="the first")
        yield served
        served.close()
        process.end()

import json
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.frontdesk import (
    ADMIN_KEY,
    API_KEY,
    Frontdesk,
    Json,
    new_name,
    wait_for,
)
from tests.e2e.processes import ROOT, Process, free_port, run, running

# A machine that does other things besides is several times slower than the 4 s that are promised.
STARTS_WITHIN = 20.0
MOST_MEMORY_KB = 300 * 1024
REFUSED = 2
# What a shell sees of a program that Ctrl-C has ended.
INTERRUPTED = 130
# What is raised where Python calls back while it tidies up goes nowhere.
PRESSES_WHILE_SETTLING_IN = """
import gc, os, signal, sys

def press(phase, _):
    caller = sys._getframe().f_back
    if phase == "stop" and caller and caller.f_code.co_name == "_settle_in":
        os.kill(os.getpid(), signal.SIGINT)

gc.callbacks.append(press)
"""


@contextmanager
def serving(folder: Path, *arguments: str, **settings: str) -> Iterator[Process]:
    port = free_port()
    given = {
        "FRONTDESK_PORT": str(port),
        "FRONTDESK_API_KEY": API_KEY,
        "FRONTDESK_ADMIN_KEY": ADMIN_KEY,
        "FRONTDESK_DEBOUNCE_SECONDS": "0.05",
        **settings,
    }
    with running(folder, *(arguments or ("serve",)), port=port, settings=given) as process:
        yield process


@contextmanager
def demo(folder: Path, data: Path) -> Iterator[Process]:
    port = free_port()
    arguments = ("demo", "--port", str(port), "--data", str(data))
    with running(folder, *arguments, port=port) as process:
        process.wait_until_ready()
        yield process


@contextmanager
def talking_to(process: Process, database: Path) -> Iterator[Frontdesk]:
    client = Frontdesk(process.url, database)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def trained(frontdesk: Frontdesk, tmp_path: Path) -> Path:
    """Copy a database in use, with the classifier that its server has trained."""
    copy = tmp_path / "frontdesk.db"
    with (
        closing(sqlite3.connect(frontdesk.database)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with intents whose training takes some seconds on any machine."""
    folder = tmp_path_factory.mktemp("untrained")
    intents = [
        {"name": f"topic {n}", "examples": [f"topic {n}, case {n * m}, please" for m in range(10)]}
        for n in range(200)
    ]
    # JSON is YAML too.
    (folder / "much.yaml").write_text(json.dumps(intents))
    assert run(folder, "migrate").returncode == 0
    assert run(folder, "import", "intents", "much.yaml").returncode == 0
    return folder / "frontdesk.db"


def forbid(folder: Path, package: str) -> tuple[Path, str]:
    """Return a file that appears when the package is imported, and the path that arranges it."""
    told = folder / f"{package} was imported"
    (folder / package).mkdir(parents=True)
    code = f"import pathlib; pathlib.Path({str(told)!r}).touch()\n"
    (folder / package / "__init__.py").write_text(code)
    return told, str(folder)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured of a first start, which trains the classifier, and of the next one."""

    seconds: float
    memory_kb: int
    next_memory_kb: int
    loads_models: bool
    loads_slack: bool


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    folder = tmp_path_factory.mktemp("figures")
    models, path = forbid(folder / "path", "litellm")
    slack, _ = forbid(folder / "path", "slack_sdk")
    memory = []
    for _ in range(2):
        with serving(folder, PYTHONPATH=f"{path}:{ROOT}") as process:
            seconds = process.wait_until_ready()
            with talking_to(process, folder / "frontdesk.db") as client:
                for text in ("hello", "where is my order 1042?", "can I return it?", "👍"):
                    client.ask(text, conversation=new_name())
            memory.append(process.resident_kb)
            process.end()
    return Figures(
        seconds=seconds,
        memory_kb=memory[0],
        next_memory_kb=memory[1],
        loads_models=models.exists(),
        loads_slack=slack.exists(),
    )


def test_serve_accepts_messages_soon(figures: Figures, capsys: pytest.CaptureFixture[str]) -> None:
    first, later = figures.memory_kb / 1024, figures.next_memory_kb / 1024
    with capsys.disabled():
        said = f"after {figures.seconds:.1f} s; {first:.0f} MB, started again {later:.0f} MB"
        print(f"\nserve accepts messages {said}")  # noqa: T201

    assert figures.seconds < STARTS_WITHIN


def test_serve_loads_no_model_library(figures: Figures) -> None:
    assert not figures.loads_models
    assert not figures.loads_slack


def test_serve_stays_small_when_it_trains(figures: Figures) -> None:
    assert figures.memory_kb < MOST_MEMORY_KB


def test_serve_stays_small_when_it_is_started_again(figures: Figures) -> None:
    assert figures.next_memory_kb < MOST_MEMORY_KB


def test_a_second_serve_on_the_same_database_is_told_of_the_first(trained: Path) -> None:
    with serving(trained.parent) as first:
        first.wait_until_ready()
        second = run(trained.parent, "serve", FRONTDESK_PORT=str(free_port()))

        is_well = first.popen.poll() is None

    port = first.url.rpartition(":")[2]
    assert second.returncode == REFUSED
    assert f"frontdesk serve, port {port}, process {first.popen.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert is_well


def test_a_signal_ends_serve_cleanly(trained: Path) -> None:
    with serving(trained.parent) as process:
        process.wait_until_ready()
        begun = time.monotonic()
        code = process.end(signal.SIGTERM)

    # What uvicorn has ended in good order it ends by the signal itself.
    assert code in (0, -signal.SIGTERM)
    assert time.monotonic() - begun < 15
    assert "Traceback" not in process.written


def test_ctrl_c_during_the_first_training_ends_serve_quietly_and_loses_nothing(
    untrained: Path, tmp_path: Path
) -> None:
    shutil.copy(untrained, tmp_path)
    with serving(tmp_path) as first:
        first.wait_until_ready()
        with talking_to(first, tmp_path / "frontdesk.db") as client:
            id = client.send("hello", conversation=new_name())["conversation_id"]
        # By then the periodic look for something new waits for the training too.
        wait_for(lambda: "learning intents" in first.written, "training")
        time.sleep(2)
        begun = time.monotonic()
        code = first.press_ctrl_c()
        seconds = time.monotonic() - begun

    with serving(tmp_path) as second:
        second.wait_until_ready()
        with talking_to(second, tmp_path / "frontdesk.db") as client:
            said = wait_for(lambda: of_two(client.conversation(id)["messages"]), "answer")

    assert "catalog ready" not in first.written
    assert code in (0, INTERRUPTED)
    assert seconds < 5
    assert {json.loads(line)["level"] for line in first.written.splitlines() if line} == {"info"}
    assert [each["author"] for each in said] == ["customer", "bot"]


def test_ctrl_c_while_serve_settles_in_is_heard(trained: Path) -> None:
    folder = trained.parent / "path"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(PRESSES_WHILE_SETTLING_IN)
    with serving(trained.parent, PYTHONPATH=f"{folder}:{ROOT}") as process:
        code = process.popen.wait(STARTS_WITHIN)

    assert code == INTERRUPTED
    assert "ignored" not in process.written


def test_what_trains_ends_with_a_serve_that_is_killed(untrained: Path, tmp_path: Path) -> None:
    shutil.copy(untrained, tmp_path)
    with serving(tmp_path) as process:
        process.wait_until_ready()
        [trainer] = wait_for(lambda: children_of(process), "process that trains")
        # It has got all that it asked for by then.
        time.sleep(2)
        process.end(signal.SIGKILL)

        wait_for(lambda: not is_running(trainer), "end of it", seconds=2)

    assert "catalog ready" not in process.written


def test_serve_ends_though_somebody_watches(trained: Path) -> None:
    with serving(trained.parent) as process:
        process.wait_until_ready()
        with talking_to(process, trained) as client:
            id = client.send("hello", conversation=new_name())["conversation_id"]
            with client.system.stream("GET", f"/v1/conversations/{id}/events") as stream:
                next(stream.iter_lines())
                begun = time.monotonic()
                process.end()

    assert time.monotonic() - begun < 15


def test_what_was_accepted_before_a_kill_is_answered_after_it(trained: Path) -> None:
    with serving(trained.parent, FRONTDESK_DEBOUNCE_SECONDS="5") as first:
        first.wait_until_ready()
        with talking_to(first, trained) as client:
            id = client.send("hello", conversation=new_name())["conversation_id"]
        first.end(signal.SIGKILL)

    with serving(trained.parent) as second:
        second.wait_until_ready()
        with talking_to(second, trained) as client:
            said = wait_for(lambda: of_two(client.conversation(id)["messages"]), "answer")

    assert [each["author"] for each in said] == ["customer", "bot"]


def test_the_demo_started_again_goes_on_where_it_was(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with demo(tmp_path, data) as first:
        keys = json.loads((data / "keys.json").read_text())
        shown = first.written
        with own_client(first, data) as client:
            asked = client.ask("where is my order 1042?", conversation="shop-1")
            run_id = asked["run_id"]
        rival = run(tmp_path, "demo", "--port", str(free_port()), "--data", "data")
        mode = (data / "keys.json").stat().st_mode
        assert first.end() in (0, -signal.SIGTERM)

    with demo(tmp_path, data) as second:
        with own_client(second, data) as client:
            again = client.ask("and the other one?", conversation="shop-1")
            known = client.get(f"/v1/runs/{run_id}")

    assert "TRK-1042" in asked["text"]
    assert "1043" in again["text"]
    assert known["id"] == run_id
    assert json.loads((data / "keys.json").read_text()) == keys
    assert keys["frontdesk_admin_key"] in shown
    assert keys["frontdesk_api_key"] in shown
    assert "curl" in shown
    assert f"{first.url}/chat?as=C-1001" in shown
    assert mode & 0o077 == 0
    assert (rival.returncode, f"process {first.popen.pid}" in rival.stderr) == (REFUSED, True)


def test_a_port_that_is_taken_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        second = run(tmp_path, "serve", FRONTDESK_PORT=str(taken.getsockname()[1]))

    assert second.returncode == REFUSED
    assert "FRONTDESK_PORT" in second.stderr
    assert "Traceback" not in second.stderr


def test_serve_on_a_database_without_tables_says_what_to_run(
    tmp_path: Path, postgres_url: str
) -> None:
    answer = run(
        tmp_path, "serve", FRONTDESK_DATABASE_URL=postgres_url, FRONTDESK_PORT=str(free_port())
    )

    assert answer.returncode == REFUSED
    assert "frontdesk migrate" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_serve_without_its_database_says_so(tmp_path: Path) -> None:
    answer = run(
        tmp_path,
        "serve",
        FRONTDESK_DATABASE_URL=f"postgresql://nobody:hunter2@127.0.0.1:{free_port()}/nothing",
        FRONTDESK_PORT=str(free_port()),
    )

    assert answer.returncode == REFUSED
    assert "Traceback" not in answer.stderr
    assert "hunter2" not in answer.stderr


@pytest.mark.parametrize("command", [("serve", "--no-worker"), ("work",)])
def test_sqlite_does_everything_in_one_process(tmp_path: Path, command: tuple[str, ...]) -> None:
    answer = run(tmp_path, *command)

    assert answer.returncode == REFUSED
    assert "PostgreSQL" in answer.stderr
    assert not (tmp_path / "frontdesk.db").exists()


@pytest.mark.parametrize(
    ("name", "value", "example"),
    [
        ("FRONTDESK_PORT", "many", "8000"),
        ("FRONTDESK_DATABASE_URL", "mysql://host/db", "sqlite:///"),
    ],
)
def test_a_bad_setting_is_named_with_an_example(
    tmp_path: Path, name: str, value: str, example: str
) -> None:
    answer = run(tmp_path, "serve", **{name: value})

    assert answer.returncode == REFUSED
    assert name in answer.stderr
    assert example in answer.stderr
    assert "Traceback" not in answer.stderr


def test_settings_stand_in_a_file_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FRONTDESK_PORT=many\n")

    answer = run(tmp_path, "serve")

    assert answer.returncode == REFUSED
    assert "FRONTDESK_PORT" in answer.stderr


def children_of(process: Process) -> list[str]:
    tasks = Path(f"/proc/{process.popen.pid}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text(encoding="ascii").split()]


def is_running(pid: str) -> bool:
    # One that has ended and that nobody has asked about yet has no command line any more.
    line = Path(f"/proc/{pid}/cmdline")
    return line.exists() and bool(line.read_bytes())


def of_two(said: list[Json]) -> list[Json] | None:
    return said if len(said) > 1 else None


@contextmanager
def own_client(process: Process, data: Path) -> Iterator[Frontdesk]:
    """Talk to a demo with the keys that it made for itself."""
    keys = json.loads((data / "keys.json").read_text())
    with talking_to(process, data / "frontdesk.db") as client:
        client.system.headers["Authorization"] = f"Bearer {keys['frontdesk_api_key']}"
        client.admin.headers["Authorization"] = f"Bearer {keys['frontdesk_admin_key']}"
        yield client

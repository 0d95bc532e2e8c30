import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from bot import logs

CARD = "4111 1111 1111 1111"
EMAIL = "ana@example.com"
PASSWORD = "hunter2-hunter2"  # noqa: S105
PHONE = "+49 170 1234567"
PLANTED = f"card {CARD}, mail {EMAIL}, my password is {PASSWORD}, call {PHONE}"
SECRETS = (CARD, EMAIL, PASSWORD, PHONE, "4111111111111111")

log = logging.getLogger("tests.logs")


@pytest.fixture(autouse=True)
def logging_left_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(written: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.splitlines()]


@pytest.mark.parametrize("pretty", [True, False])
def test_nothing_personal_reaches_the_log_from_anywhere(
    capsys: pytest.CaptureFixture[str], pretty: bool
) -> None:
    logs.set_up(pretty=pretty)

    log.info(PLANTED)
    log.info("an argument: %s", PLANTED)
    log.info("a field", extra={"text": PLANTED})
    log.info("nested", extra={"case": {"said": [PLANTED, (PLANTED,)], EMAIL: {PLANTED}}})
    log.info("an object", extra={"error": ValueError(PLANTED), "raw": PLANTED.encode()})
    log.warning("a stack", stack_info=True)
    try:
        raise RuntimeError(PLANTED)
    except RuntimeError:
        log.exception("it failed")

    written = capsys.readouterr().err
    assert "it failed" in written
    for secret in SECRETS:
        assert secret not in written


def test_a_card_that_is_a_number_is_hidden_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up()

    log.info("a number", extra={"card": 4111111111111111})

    assert "4111111111111111" not in capsys.readouterr().err


def test_the_ids_of_what_is_worked_on_are_on_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up()
    token = logs.subject.set({"conversation": "c-1", "run": "r-1"})

    log.info("run finished", extra={"cost": 0})
    logs.subject.reset(token)
    log.info("idle")

    first, second = lines(capsys.readouterr().err)
    assert (first["conversation"], first["run"], first["cost"]) == ("c-1", "r-1", 0)
    assert "conversation" not in second


def test_an_id_of_ours_is_left_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up()
    ids = ["7b4dba1d77b048d29fce4111f76bec11", "00000000000000000000000000000000"]

    log.info("run finished", extra={"run": ids[0], "conversation": ids[1]})

    [line] = lines(capsys.readouterr().err)
    assert [line["run"], line["conversation"]] == ids


def test_a_line_is_json_with_event_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up()

    log.warning("it rains")

    [line] = lines(capsys.readouterr().err)
    assert (line["event"], line["level"]) == ("it rains", "warning")
    assert line["timestamp"].endswith("Z")


def test_a_line_break_does_not_begin_another_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up()

    log.info("first\nsecond")

    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(level="WARNING")

    log.info("quiet")

    assert capsys.readouterr().err == ""


def test_the_requests_of_clients_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up()

    logging.getLogger("httpx").info("HTTP Request: POST https://shop.example/?token=secret")

    assert capsys.readouterr().err == ""

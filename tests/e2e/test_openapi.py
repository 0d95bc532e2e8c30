from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import BaseSchema

from tests.e2e.frontdesk import ADMIN_KEY, Frontdesk, new_name

Operation = APIOperation[Any, Any, Any, Any]

FEW = 8
MANY = 60
BOUNDED = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# The answer of a stream ends when the one who asked leaves.
STREAMS = ("/v1/conversations/{id}/events", "/chat/events")


@pytest.fixture(scope="module")
def schema(frontdesk: Frontdesk) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{frontdesk.url}/openapi.json")


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        yield opened


@pytest.fixture(scope="module")
def ids(frontdesk: Frontdesk) -> dict[str, str]:
    """Return, by the beginning of its path, the id of something that is there."""
    case = frontdesk.escalate(conversation=new_name())
    return {
        "/v1/conversations/": case["conversation_id"],
        "/v1/runs/": case["run_id"],
        "/v1/escalations/": case["id"],
    }


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(
    "examples",
    [
        pytest.param(FEW, marks=pytest.mark.timeout(110)),
        pytest.param(MANY, marks=[pytest.mark.chaos, pytest.mark.timeout(1800)]),
    ],
)
def test_nothing_that_the_schema_describes_ends_in_a_500(
    schema: BaseSchema,
    session: requests.Session,
    ids: dict[str, str],
    examples: int,
    mode: GenerationMode,
) -> None:
    tried = [operation for operation in operations(schema) if can_be_tried(operation, mode)]

    for operation in tried:
        _try(operation, session, ids, mode, examples)

    assert len(tried) > 20


def operations(schema: BaseSchema) -> Iterator[Operation]:
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        yield found.ok()


def can_be_tried(operation: Operation, mode: GenerationMode) -> bool:
    """Where nothing is asked for, nothing can be wrong."""
    is_asking = bool(list(operation.iter_parameters()) or operation.body)
    return operation.path not in STREAMS and (is_asking or mode is GenerationMode.POSITIVE)


def _try(
    operation: Operation,
    session: requests.Session,
    ids: dict[str, str],
    mode: GenerationMode,
    examples: int,
) -> None:
    known = next((id for path, id in ids.items() if operation.path.startswith(path)), None)

    @settings(BOUNDED, max_examples=examples)
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Case[Any]) -> None:
        case.call_and_validate(session=session, checks=[not_a_server_error], timeout=20)
        if known and case.path_parameters:
            case.path_parameters["id"] = known
            case.call_and_validate(session=session, checks=[not_a_server_error], timeout=20)

    # Of some operations nothing can be wrong that HTTP itself lets through.
    with suppress(Unsatisfiable):
        call()

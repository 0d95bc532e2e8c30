"""Write `src/api.d.ts` from what the API says of itself: `.venv/bin/python web/write_types.py`.

Only the routes that the console calls are taken, and of those only the shapes: words of a docstring
make nothing stale. The first line of the file says what it was made from and what it is, so that a
test without Node can tell when it is stale, or was written by hand.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from bot.api import conversations, escalations, intents, runs

WEB = Path(__file__).parent
TYPES = WEB / "src" / "api.d.ts"
GENERATOR = WEB / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
CALLED = (
    "/v1/approvals",
    "/v1/approvals/{id}/release",
    "/v1/approvals/{id}/reject",
    "/v1/conversations/{id}",
    "/v1/escalations",
    "/v1/escalations/{id}",
    *(
        f"/v1/escalations/{{id}}/{command}"
        for command in (
            "claim",
            "release",
            "reassign",
            "snooze",
            "reply",
            "edit",
            "note",
            "hand-back",
            "resolve",
        )
    ),
    "/v1/intents",
    "/v1/runs/{id}",
    "/v1/runs/{id}/correct",
)
_WORDS = ("description", "summary", "title", "operationId", "tags")


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the routes that the console calls, without prose."""
    api = FastAPI(title="Frontdesk")
    for router in (escalations.router, conversations.router, runs.router, intents.router):
        api.include_router(router)
    whole = api.openapi()
    paths = {path: _called(path, whole["paths"][path]) for path in CALLED}
    schemas = whole["components"]["schemas"]
    needed = _reached(paths, schemas)
    return {
        "openapi": whole["openapi"],
        "info": {"title": "Frontdesk", "version": "1"},
        "paths": _bare(paths),
        "components": {"schemas": {name: _bare(schemas[name]) for name in sorted(needed)}},
    }


def first_line(types: str, api: dict[str, Any] | None = None) -> str:
    """Return what must stand above these types for them to be those of an API, by default ours."""
    described = json.dumps(api or document(), sort_keys=True)
    return f"// openapi {_fingerprint(described)} types {_fingerprint(types)}\n"


def _fingerprint(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def generate() -> str:
    """Return the types as they should be; needs Node and `npm ci` in this folder."""
    node = shutil.which(
        "node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if node is None or not GENERATOR.exists():
        raise FileNotFoundError("needs Node and the packages of web/: make test-web brings both")
    with tempfile.TemporaryDirectory() as folder:
        described, written = Path(folder, "openapi.json"), Path(folder, "api.d.ts")
        described.write_text(json.dumps(document()))
        subprocess.run(  # noqa: S603
            [node, GENERATOR, described, "--default-non-nullable=false", "--output", written],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        types = written.read_text()
    return first_line(types) + types


def _called(path: str, operations: dict[str, Any]) -> dict[str, Any]:
    """Leave out the PUT that stands at the same address as a list that is read."""
    return {verb: found for verb, found in operations.items() if verb != "put"}


def _reached(part: Any, schemas: dict[str, Any]) -> set[str]:
    names: set[str] = set()
    waiting = [part]
    while waiting:
        match waiting.pop():
            case {"$ref": str(reference)}:
                name = reference.rsplit("/", 1)[-1]
                if name not in names:
                    names.add(name)
                    waiting.append(schemas[name])
            case dict(inner):
                waiting += inner.values()
            case list(inner):
                waiting += inner
    return names


def _bare(part: Any) -> Any:
    """Return a part without prose; a property may well be called `title`."""
    match part:
        case dict():
            return {
                name: {each: _bare(of) for each, of in inner.items()}
                if name == "properties"
                else _bare(inner)
                for name, inner in part.items()
                if name not in _WORDS or not isinstance(inner, str | list)
            }
        case list():
            return [_bare(inner) for inner in part]
    return part


if __name__ == "__main__":
    TYPES.write_text(generate())

"""The workflow document: its shape checked while it is read, and written back."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NoReturn

from orchestration import schemas
from orchestration.errors import InvalidWorkflow
from orchestration.types import Json
from orchestration.workflow.comments import read_comments
from orchestration.workflow.durations import format_duration, parse_duration
from orchestration.workflow.text import plain, read_text
from orchestration.workflow.values import NodeSpec, Problem, Workflow
from orchestration.workflow.writing import write_text

MAX_RETRIES = 10
MAX_VISITS = 100
MAX_NODES = 200

_COMMON_KEYS = ("kind", "next", "exits", "timeout", "retries", "max_visits")


def parse(source: str | Mapping[str, Json]) -> Workflow:
    """Read a document from YAML or JSON text or from its mapping.

    Raises `InvalidWorkflow` with all that is wrong with its shape; whether the workflow makes sense
    is for `proofs` to say.
    """
    found: list[Problem] = []
    workflow = _parse_workflow(read_document(source), found)
    if found:
        refuse(found)
    return workflow


def read_document(source: str | Mapping[str, Json]) -> dict[str, Json]:
    """Read a document as it stands, whatever its shape; raises `InvalidWorkflow`."""
    try:
        content = read_text(source) if isinstance(source, str) else plain(source)
    except ValueError as error:
        refuse([bad_config(f"the document cannot be read: {error}")])
    if not isinstance(content, dict):
        refuse([bad_config("the document must be a mapping")])
    return content


def document(workflow: Workflow) -> dict[str, Json]:
    """Return the document of a workflow; `parse` reads it back as the same workflow."""
    head: dict[str, Json] = {"name": workflow.name, "entry": workflow.entry}
    if workflow.input is not None:
        head["input"] = dict(workflow.input)
    head["nodes"] = {name: _node_document(spec) for name, spec in workflow.nodes.items()}
    if workflow.on_failure is not None:
        head["on_failure"] = workflow.on_failure
    return head


def dump(workflow: Workflow) -> str:
    """Return the document as YAML, laid out in the same way every time."""
    return write_text(document(workflow))


def format_text(source: str) -> str:
    """Write a text in that same way; its comments and blank lines stay where they are."""
    return write_text(read_document(source), read_comments(source))


def rewrite(source: str, content: Mapping[str, Json]) -> str:
    """Write a document with the comments of an earlier text; one that says the same is kept."""
    if read_document(source) == content:
        return source
    return write_text(content, read_comments(source))


def refuse(found: Collection[Problem]) -> NoReturn:
    """Raise `InvalidWorkflow` with these problems."""
    first = next(iter(found))
    where = f"{first.node}: " if first.node else ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    raise InvalidWorkflow(f"{where}{first.message}{more}", [each.document() for each in found])


def bad_config(message: str, node: str | None = None, rule: str | None = None) -> Problem:
    """Return the problem of a setting that is wrong."""
    return Problem(code="bad_config", message=message, node=node, rule=rule)


def _parse_workflow(document: Mapping[str, Json], found: list[Problem]) -> Workflow:
    known = {"name", "entry", "nodes", "on_failure", "input"}
    found += [bad_config(f"a workflow has no {key!r}") for key in document if key not in known]
    name = _text(document, "name", found)
    entry = _text(document, "entry", found)
    on_failure = document.get("on_failure")
    if on_failure is not None and not isinstance(on_failure, str):
        found.append(bad_config("on_failure must be the name of a node"))
    nodes = document.get("nodes")
    if not isinstance(nodes, dict) or not nodes:
        found.append(bad_config("a workflow needs nodes: a mapping of names to nodes"))
        nodes = {}
    if len(nodes) > MAX_NODES:
        found.append(bad_config(f"a workflow has at most {MAX_NODES} nodes, not {len(nodes)}"))
    specs = {name: _parse_node(name, node, found) for name, node in nodes.items()}
    schema = _parse_schema(document.get("input"), found)
    return Workflow(name=name, entry=entry, nodes=specs, on_failure=on_failure, input=schema)


def _text(document: Mapping[str, Json], key: str, found: list[Problem]) -> str:
    value = document.get(key)
    if isinstance(value, str) and value:
        return value
    found.append(bad_config(f"a workflow needs {key}: a text"))
    return ""


def _parse_schema(schema: Json, found: list[Problem]) -> Mapping[str, Json] | None:
    if schema is None:
        return None
    try:
        schemas.check(schema)
    except ValueError as error:
        found.append(bad_config(f"input: {error}"))
    if not isinstance(schema, dict):
        found.append(bad_config("input must be a JSON schema of an object"))
        return None
    return schema


def _parse_node(name: str, node: Json, found: list[Problem]) -> NodeSpec:
    if not isinstance(node, dict):
        found.append(bad_config("a node must be a mapping with its kind", name))
        return NodeSpec(name=name, kind="")
    kind = node.get("kind")
    if not isinstance(kind, str) or not kind:
        found.append(bad_config("a node needs a kind", name))
        kind = ""
    spec = NodeSpec(
        name=name,
        kind=kind,
        config={key: value for key, value in node.items() if key not in _COMMON_KEYS},
        exits=_parse_exits(name, node.get("exits"), found),
        next=_parse_next(name, node.get("next"), found),
        retries=_count(name, node, "retries", range(MAX_RETRIES + 1), found) or 0,
        max_visits=_count(name, node, "max_visits", range(1, MAX_VISITS + 1), found),
    )
    return _with_timeout(spec, node.get("timeout"), found)


def _with_timeout(spec: NodeSpec, timeout: Json, found: list[Problem]) -> NodeSpec:
    if timeout is None:
        return spec
    try:
        return replace(spec, timeout=parse_duration(timeout))
    except ValueError as error:
        found.append(bad_config(f"timeout: {error}", spec.name))
        return spec


def _parse_exits(name: str, exits: Json, found: list[Problem]) -> dict[str, str]:
    if exits is None:
        return {}
    if not isinstance(exits, dict):
        found.append(bad_config("exits must be a mapping of exits to nodes", name))
        return {}
    # A canvas writes null for an exit that has no edge yet.
    edges = {exit: target for exit, target in exits.items() if target is not None}
    for exit, target in edges.items():
        if not isinstance(target, str):
            found.append(bad_config(f"the exit {exit} must name one node", name))
    return edges


def _parse_next(name: str, target: Json, found: list[Problem]) -> str | None:
    if target is None or isinstance(target, str):
        return target
    found.append(bad_config("next must name one node", name))
    return None


def _count(
    name: str, node: Mapping[str, Json], key: str, allowed: range, found: list[Problem]
) -> int | None:
    value = node.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        found.append(bad_config(f"{key} must be from {allowed[0]} to {allowed[-1]}", name))
        return None
    return value


def _node_document(spec: NodeSpec) -> dict[str, Json]:
    node: dict[str, Json] = {"kind": spec.kind, **spec.config}
    if spec.timeout is not None:
        node["timeout"] = format_duration(spec.timeout)
    if spec.retries:
        node["retries"] = spec.retries
    if spec.max_visits is not None:
        node["max_visits"] = spec.max_visits
    if spec.next is not None:
        node["next"] = spec.next
    if spec.exits:
        node["exits"] = dict(spec.exits)
    return node

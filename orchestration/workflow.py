"""The workflow document: read from YAML or JSON, held as values, written in one stable form."""

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import StringIO
from typing import Any, ClassVar, Literal, NoReturn, Protocol

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import LiteralScalarString

from orchestration.errors import InvalidWorkflow
from orchestration.rules import BadRule, Condition, Rule, parse_condition, parse_rule
from orchestration.types import Json, Touches

MAX_BYTES = 256 * 1024
MAX_DEPTH = 60
MAX_TIMEOUT = timedelta(days=30)
MAX_RETRIES = 10
MAX_VISITS = 100
LINE_WIDTH = 100

# Exits that any node may have beside those of its kind.
COMMON_EXITS = frozenset({"error", "exhausted"})

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_COMMON_KEYS = ("kind", "next", "exits", "timeout", "retries", "max_visits")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong with a workflow, and where; an `error` stops publishing.

    `counter_example` is a mapping: `path`, the nodes that lead into it, and `exit`, the last way
    taken; or `fields`, a sample message's.
    """

    code: str
    message: str
    severity: Literal["error", "warning"] = "error"
    node: str | None = None
    rule: str | None = None
    counter_example: Mapping[str, Json] | None = None

    def document(self) -> dict[str, Json]:
        """Return the problem as the API shows it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "node": self.node,
            "rule": self.rule,
            "message": self.message,
            "counter_example": None if self.counter_example is None else dict(self.counter_example),
        }


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """A node of the document; `exits` are its edges, `next` the edge of its kind's only exit."""

    name: str
    kind: str
    config: Mapping[str, Json] = field(default_factory=dict)
    exits: Mapping[str, str] = field(default_factory=dict)
    next: str | None = None
    timeout: timedelta | None = None
    retries: int = 0
    max_visits: int | None = None

    def target(self, exit: str) -> str | None:
        """Return the node that an exit leads to; None where it is not connected."""
        if exit in self.exits or exit in COMMON_EXITS:
            return self.exits.get(exit)
        return self.next


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A graph of nodes; `input` is the JSON schema of what a run by API is given."""

    name: str
    entry: str
    nodes: Mapping[str, NodeSpec]
    on_failure: str | None = None
    input: Mapping[str, Json] | None = None


class NodeKind(Protocol):
    """What a kind of node says about itself before it runs.

    `reads` and `writes` name fields of the state. `exits` leaves out `error` and `exhausted`, which
    any node may have.
    """

    kind: ClassVar[str]
    Config: ClassVar[type[BaseModel]]
    touches: ClassVar[Touches]
    ends: ClassVar[bool]

    @classmethod
    def exits(cls, config: Any) -> tuple[str, ...]:
        """Return the named ways out of a node with this config."""

    @classmethod
    def reads(cls, config: Any) -> frozenset[str]:
        """Return the fields that must be there before it runs."""

    @classmethod
    def writes(cls, config: Any) -> frozenset[str]:
        """Return the fields that are there after it has run."""


def parse(source: str | Mapping[str, Json]) -> Workflow:
    """Read a document from YAML or JSON text or from its mapping.

    Raises `InvalidWorkflow` with all that is wrong with its shape; whether the workflow makes sense
    is for `proofs` to say.
    """
    document = _read(source) if isinstance(source, str) else _plain(source, "the document", 0)
    if not isinstance(document, dict):
        _refuse([Problem(code="bad_config", message="the document must be a mapping")])
    if len(json.dumps(document, ensure_ascii=False).encode(errors="replace")) > MAX_BYTES:
        _refuse([_too_large()])
    found: list[Problem] = []
    workflow = _parse_workflow(document, found)
    if found:
        _refuse(found)
    return workflow


def load(workflow: Workflow, kinds: Mapping[str, type[NodeKind]]) -> dict[str, BaseModel]:
    """Return every node's validated config; raises `InvalidWorkflow` naming the bad ones."""
    configs, found = read_configs(workflow, kinds)
    if found:
        _refuse(found)
    return configs


def read_configs(
    workflow: Workflow, kinds: Mapping[str, type[NodeKind]]
) -> tuple[dict[str, BaseModel], list[Problem]]:
    """Return the configs that are valid, and the problems of the others."""
    configs: dict[str, BaseModel] = {}
    found: list[Problem] = []
    for spec in workflow.nodes.values():
        if spec.kind not in kinds:
            known = ", ".join(sorted(kinds))
            message = f"no node kind is called {spec.kind!r}; there are: {known}"
            found.append(Problem(code="unknown_kind", node=spec.name, message=message))
            continue
        of_rules = _rule_problems(spec)
        try:
            configs[spec.name] = kinds[spec.kind].Config.model_validate(_settings(spec, kinds))
        except ValidationError as error:
            told = [each for each in error.errors() if not (of_rules and _is_of_rules(each))]
            found += [_config_problem(spec.name, each) for each in told]
        found += of_rules
    return configs, found


def rules_of(spec: NodeSpec) -> tuple[Rule, ...]:
    """Return the rules of a node in their order, leaving out those that cannot be read."""
    return tuple(rule for _, rule in _read_rules(spec) if isinstance(rule, Rule))


def condition_of(spec: NodeSpec) -> Condition | None:
    """Return the condition of a `branch`; None where there is none that can be read."""
    try:
        return parse_condition(spec.config["when"]) if "when" in spec.config else None
    except BadRule:
        return None


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
    """Return the document as YAML: one line for what fits on one, always in the same order."""
    content = document(workflow)
    laid_out = CommentedMap((key, _laid_out(value, 2)) for key, value in content.items())
    nodes = content["nodes"].items()
    laid_out["nodes"] = CommentedMap((name, _laid_out(node, len(name) + 4)) for name, node in nodes)
    writer = YAML()
    writer.width = MAX_BYTES
    writer.indent(mapping=2, sequence=4, offset=2)
    text = StringIO()
    writer.dump(laid_out, text)
    return text.getvalue()


def parse_duration(value: Json) -> timedelta:
    """Read `90s`, `4h`, `2d`, or a number of seconds; raises `ValueError`."""
    parts = (
        re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", value) if isinstance(value, str) else None
    )
    if parts:
        seconds = float(parts[1]) * _UNITS[parts[2]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise ValueError(f"{value!r} is no duration; write 30s, 10m, 4h or 2d")
    if not 0 < seconds <= MAX_TIMEOUT.total_seconds():
        raise ValueError(f"{value!r} must be more than 0 and at most {MAX_TIMEOUT.days} days")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that divides it evenly."""
    milliseconds = round(duration.total_seconds() * 1000)
    for unit in ("d", "h", "m", "s"):
        size = round(_UNITS[unit] * 1000)
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _refuse(found: Collection[Problem]) -> NoReturn:
    first = next(iter(found))
    where = f"{first.node}: " if first.node else ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    raise InvalidWorkflow(f"{where}{first.message}{more}", [each.document() for each in found])


def _too_large() -> Problem:
    return Problem(code="bad_config", message=f"the document is over {MAX_BYTES // 1024} kB")


def _bad(message: str, node: str | None = None, rule: str | None = None) -> Problem:
    return Problem(code="bad_config", message=message, node=node, rule=rule)


def _read(source: str) -> Json:
    if len(source.encode(errors="replace")) > MAX_BYTES:
        _refuse([_too_large()])
    reader = YAML(typ="safe", pure=True)
    try:
        return _built(reader, reader.compose(source), 0)
    except (YAMLError, ValueError, RecursionError) as error:
        # The lines after the first few show the whole text around the place.
        message = " ".join(str(error).split("To suppress")[0].split())[:300]
        _refuse([_bad(f"the document cannot be read: {message or 'nested too deep'}")])


def _built(reader: YAML, node: Node | None, depth: int) -> Json:
    if node is None:
        return None
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if node.anchor:
        # An alias inside an alias grows exponentially; a document has no need of either.
        raise ValueError(f"anchors and aliases are not allowed: {node.anchor}{_line(node)}")
    kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
    if isinstance(node, MappingNode) and kind == "map":
        return _built_mapping(reader, node, depth)
    if isinstance(node, SequenceNode) and kind == "seq":
        return [_built(reader, each, depth + 1) for each in node.value]
    if isinstance(node, ScalarNode):
        return _built_scalar(reader, node, kind)
    raise ValueError(f"the tag {node.tag} is not allowed{_line(node)}")


def _built_mapping(reader: YAML, node: MappingNode, depth: int) -> dict[str, Json]:
    built: dict[str, Json] = {}
    for key_node, value_node in node.value:
        key = _built(reader, key_node, depth + 1)
        if not isinstance(key, str) or key in built:
            wrong = "is there twice" if isinstance(key, str) else "must be a text"
            raise ValueError(f"the key {key!r} {wrong}{_line(key_node)}")
        built[key] = _built(reader, value_node, depth + 1)
    return built


def _built_scalar(reader: YAML, node: ScalarNode, kind: str) -> Json:
    match kind:
        case "str" | "timestamp":
            return str(node.value)
        case "null":
            return None
        case "bool":
            return str(node.value).lower() == "true"
        case "int":
            return int(reader.constructor.construct_yaml_int(node))
        case "float":
            return _finite(float(reader.constructor.construct_yaml_float(node)))
    raise ValueError(f"the tag {node.tag} is not allowed{_line(node)}")


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number that can be compared")
    return number


def _line(node: Node) -> str:
    return f", line {node.start_mark.line + 1}" if node.start_mark else ""


def _plain(value: Json, where: str, depth: int) -> Json:
    """Copy a JSON value, refusing what JSON does not have."""
    if depth > MAX_DEPTH:
        _refuse([_bad(f"{where} is nested more than {MAX_DEPTH} deep")])
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) for key in value):
            _refuse([_bad(f"every key in {where} must be a text")])
        return {key: _plain(each, key, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, where, depth + 1) for each in value]
    is_finite = not isinstance(value, float) or math.isfinite(value)
    if value is None or (isinstance(value, str | bool | int | float) and is_finite):
        return value
    _refuse([_bad(f"{where} holds {value!r}, which JSON does not have")])


def _parse_workflow(document: Mapping[str, Json], found: list[Problem]) -> Workflow:
    known = {"name", "entry", "nodes", "on_failure", "input"}
    found += [_bad(f"a workflow has no {key!r}") for key in document if key not in known]
    name = _text(document, "name", found)
    entry = _text(document, "entry", found)
    on_failure = document.get("on_failure")
    if on_failure is not None and not isinstance(on_failure, str):
        found.append(_bad("on_failure must be the name of a node"))
    nodes = document.get("nodes")
    if not isinstance(nodes, dict) or not nodes:
        found.append(_bad("a workflow needs nodes: a mapping of names to nodes"))
        nodes = {}
    specs = {name: _parse_node(name, node, found) for name, node in nodes.items()}
    schema = _parse_schema(document.get("input"), found)
    return Workflow(name=name, entry=entry, nodes=specs, on_failure=on_failure, input=schema)


def _text(document: Mapping[str, Json], key: str, found: list[Problem]) -> str:
    value = document.get(key)
    if isinstance(value, str) and value:
        return value
    found.append(_bad(f"a workflow needs {key}: a text"))
    return ""


def _parse_schema(schema: Json, found: list[Problem]) -> Mapping[str, Json] | None:
    if schema is None:
        return None
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        found.append(_bad(f"input is no JSON schema: {error.message}"))
    if not isinstance(schema, dict):
        found.append(_bad("input must be a JSON schema of an object"))
        return None
    return schema


def _parse_node(name: str, node: Json, found: list[Problem]) -> NodeSpec:
    if not isinstance(node, dict):
        found.append(_bad("a node must be a mapping with its kind", name))
        return NodeSpec(name=name, kind="")
    kind = node.get("kind")
    if not isinstance(kind, str) or not kind:
        found.append(_bad("a node needs a kind", name))
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
        found.append(_bad(f"timeout: {error}", spec.name))
        return spec


def _parse_exits(name: str, exits: Json, found: list[Problem]) -> dict[str, str]:
    if exits is None:
        return {}
    if not isinstance(exits, dict):
        found.append(_bad("exits must be a mapping of exits to nodes", name))
        return {}
    # A canvas writes null for an exit that has no edge yet.
    edges = {exit: target for exit, target in exits.items() if target is not None}
    for exit, target in edges.items():
        if not isinstance(target, str):
            found.append(_bad(f"the exit {exit} must name one node", name))
    return edges


def _parse_next(name: str, target: Json, found: list[Problem]) -> str | None:
    if target is None or isinstance(target, str):
        return target
    found.append(_bad("next must name one node", name))
    return None


def _count(
    name: str, node: Mapping[str, Json], key: str, allowed: range, found: list[Problem]
) -> int | None:
    value = node.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        found.append(_bad(f"{key} must be from {allowed[0]} to {allowed[-1]}", name))
        return None
    return value


def _settings(spec: NodeSpec, kinds: Mapping[str, type[NodeKind]]) -> dict[str, Json]:
    """Return the config, with those common settings that the kind wants to see as well."""
    common: dict[str, Json] = {
        "timeout": spec.timeout,
        "retries": spec.retries,
        "max_visits": spec.max_visits,
    }
    # A fork's branches are its exits; they need not be listed twice.
    common["branches"] = [exit for exit in spec.exits if exit not in COMMON_EXITS] or None
    wanted = kinds[spec.kind].Config.model_fields
    seen = {key: value for key, value in common.items() if key in wanted and value is not None}
    return {**seen, **spec.config}


def _config_problem(node: str, error: ErrorDetails) -> Problem:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return _bad(f"has no setting called {place!r}", node)
    return _bad(f"{place}: {error['msg']}" if place else error["msg"], node)


def _is_of_rules(error: ErrorDetails) -> bool:
    return error["loc"][:1] in (("rules",), ("when",))


def _read_rules(spec: NodeSpec) -> Iterator[tuple[str, Rule | BadRule]]:
    """Yield the name of each rule, and the rule or what is wrong with it."""
    documents = spec.config.get("rules")
    for index, each in enumerate(documents if isinstance(documents, list) else ()):
        name = f"rule {index + 1}"
        called = each.get("name") if isinstance(each, dict) else None
        try:
            rule = parse_rule(each, path=f"rules[{index}]", name=name)
            yield rule.name, rule
        except BadRule as error:
            yield called if isinstance(called, str) else name, error


def _rule_problems(spec: NodeSpec) -> list[Problem]:
    found: list[Problem] = []
    names: set[str] = set()
    for name, rule in _read_rules(spec):
        if isinstance(rule, BadRule):
            found.append(_bad(f"{rule.field}: {rule}", spec.name, name))
        elif name in names:
            found.append(_bad(f"two rules are called {name!r}", spec.name, name))
        names.add(name)
    if "when" in spec.config:
        try:
            parse_condition(spec.config["when"])
        except BadRule as error:
            found.append(_bad(f"{error.field}: {error}", spec.name))
    return found


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


def _laid_out(value: Json, taken: int) -> Json:
    """Put a mapping or list on one line where it fits beside what is `taken`, else one per line."""
    if isinstance(value, str) and "\n" in value:
        return LiteralScalarString(value)
    if not isinstance(value, dict | list):
        return value
    text = json.dumps(value, ensure_ascii=False)
    fits = "\\n" not in text and taken + len(text) - text.count('"') <= LINE_WIDTH
    laid_out: CommentedMap | CommentedSeq
    if isinstance(value, dict):
        inner = 0 if fits else taken + 2
        laid_out = CommentedMap((key, _laid_out(each, inner)) for key, each in value.items())
    else:
        laid_out = CommentedSeq(_laid_out(each, 0 if fits else 6) for each in value)
    if fits:
        laid_out.fa.set_flow_style()
    else:
        laid_out.fa.set_block_style()
    return laid_out

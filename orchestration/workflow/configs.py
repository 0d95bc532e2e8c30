"""The configs of a workflow's nodes, validated by their kinds; its rules and conditions, parsed."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestration.rules import BadRule, Condition, Rule, parse_condition, parse_rule
from orchestration.types import Json
from orchestration.workflow.documents import bad_config, refuse
from orchestration.workflow.values import COMMON_EXITS, NodeKind, NodeSpec, Problem, Workflow


def load(workflow: Workflow, kinds: Mapping[str, type[NodeKind]]) -> dict[str, BaseModel]:
    """Return every node's validated config; raises `InvalidWorkflow` naming the bad ones."""
    configs, found = read_configs(workflow, kinds)
    if found:
        refuse(found)
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
        return bad_config(f"has no setting called {place!r}", node)
    words = error["msg"].removeprefix("Value error, ")
    return bad_config(f"{place}: {words}" if place else words, node)


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
            found.append(bad_config(f"{rule.field}: {rule}", spec.name, name))
        elif name in names:
            found.append(bad_config(f"two rules are called {name!r}", spec.name, name))
        names.add(name)
    if "when" in spec.config:
        try:
            parse_condition(spec.config["when"])
        except BadRule as error:
            found.append(bad_config(f"{error.field}: {error}", spec.name))
    return found

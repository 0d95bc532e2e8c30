"""Says what is wrong with a workflow and where, each with a counter-example; pure, no I/O."""

from collections.abc import Collection, Iterator, Mapping

from orchestration.errors import InvalidWorkflow
from orchestration.proofs.boxes import Steps
from orchestration.proofs.choices import Deciders
from orchestration.proofs.conditions import (
    condition_problems,
    leaf_problem,
    template_problems,
)
from orchestration.proofs.evidence import STEPS_FOR_WALKS, proved
from orchestration.proofs.fields import fields_in_templates, fields_of_workflow
from orchestration.proofs.graph import Graph
from orchestration.proofs.reads import is_written
from orchestration.proofs.regions import find_regions
from orchestration.proofs.ruleset import (
    POOL,
    STEPS_PER_PROOF,
    RuleSet,
    always_or_never,
    ruleset_problems,
)
from orchestration.proofs.structure import structure_problems
from orchestration.proofs.walks import Walks
from orchestration.rules import Condition, Rule, fields_of, leaves_of
from orchestration.state import ENTRY_FIELDS
from orchestration.types import Json
from orchestration.workflow import (
    NodeKind,
    NodeSpec,
    Problem,
    Workflow,
    condition_of,
    parse,
    read_configs,
    rules_of,
)

__all__ = ["Problem", "problems"]


def problems(
    source: Workflow | str | Mapping[str, Json],
    kinds: Mapping[str, type[NodeKind]],
    *,
    intents: Collection[str] | None = None,
    steps: int = STEPS_FOR_WALKS,
) -> list[Problem]:
    """Return all that is wrong with a workflow, in the order of its nodes; empty: publish it.

    `intents` are the operator's; without them any intent is taken to exist. `steps` bounds the work
    of following walks.
    """
    if not isinstance(source, Workflow):
        try:
            source = parse(source)
        except InvalidWorkflow as error:
            return [Problem(**each) for each in error.problems]
    found = _Proof(source, kinds, intents, steps).problems()
    places = {name: index for index, name in enumerate(source.nodes)}
    return sorted(found, key=lambda each: places.get(each.node or "", -1))


class _Proof:
    def __init__(
        self,
        workflow: Workflow,
        kinds: Mapping[str, type[NodeKind]],
        intents: Collection[str] | None,
        steps: int,
    ) -> None:
        self._workflow = workflow
        self._steps = Steps(steps)
        self._pool = Steps(POOL * STEPS_PER_PROOF)
        configs, self._of_configs = read_configs(workflow, kinds)
        self._graph = Graph(workflow, kinds, configs)
        self._fields = fields_of_workflow(workflow, intents)
        self._written = frozenset().union(*map(self._graph.writes, workflow.nodes))

    def problems(self) -> list[Problem]:
        regions, crossed = find_regions(self._graph)
        found = [*self._of_configs, *structure_problems(self._graph), *crossed]
        nodes = self._workflow.nodes
        for spec in nodes.values():
            found += self._of_fields(spec)
        deciders = Deciders(self._deciding_rules(), self._fields, self._steps)
        walks = Walks(self._graph, deciders)
        needs = {name: self._needs(spec) for name, spec in nodes.items()}
        return proved(
            found, self._graph, regions, deciders, walks, needs=needs, is_crossed=bool(crossed)
        )

    def _needs(self, spec: NodeSpec) -> set[str]:
        """Return what a node reads that must be written first, without what nothing writes."""
        at_entry = [name for name in self._fields if self._is_there_at_entry(name)]
        reads = self._graph.reads(spec.name) - self._unknown(spec)
        return {name for name in reads if not is_written(name, at_entry)}

    def _deciding_rules(self) -> dict[str, list[Rule]]:
        """Return the rules of the nodes that decide, of those whose rules can all be understood."""
        deciding: dict[str, list[Rule]] = {}
        for name, spec in self._workflow.nodes.items():
            rules = _rules_to_decide_by(spec)
            if self._graph.is_understood(name) and all(self._is_sound(r.when) for r in rules):
                deciding |= {name: rules} if rules else {}
        return deciding

    def _of_fields(self, spec: NodeSpec) -> Iterator[Problem]:
        yield from condition_problems(spec, self._fields)
        yield from template_problems(spec, self._fields, self._written)
        # Rules that say something impossible are left out of the set; they are told on their own.
        rules = rules_of(spec)
        sound = [rule for rule in rules if self._is_sound(rule.when)]
        if rules and spec.kind == "route":
            yield from ruleset_problems(self._ruleset(spec, sound), self._fields)
        condition = condition_of(spec)
        if condition is not None and self._is_sound(condition):
            yield from always_or_never(
                spec.name, Rule("yes", condition, "yes"), self._fields, self._pool
            )

    def _ruleset(self, spec: NodeSpec, rules: list[Rule]) -> RuleSet:
        edges = self._graph.edges[spec.name]
        to_human = (e.exit for e in edges if self._graph.nodes[e.target].kind == "escalate")
        return RuleSet(spec.name, rules, frozenset(to_human), pool=self._pool)

    def _is_sound(self, condition: Condition | None) -> bool:
        told = ((leaf, leaf_problem(leaf, self._fields)) for leaf in leaves_of(condition))
        return all(
            found is None or self._is_out_of_bounds(leaf.field, found[0]) for leaf, found in told
        )

    def _is_out_of_bounds(self, field: str, code: str) -> bool:
        """Tell whether a number is merely beyond its bounds, which is a comparison all the same."""
        return code == "unknown_value" and self._fields[field].type == "number"

    def _is_there_at_entry(self, name: str) -> bool:
        return name in ENTRY_FIELDS or name.startswith("input.")

    def _unknown(self, spec: NodeSpec) -> set[str]:
        """Return the fields that the node names and nothing writes; they are told on their own."""
        conditions = [rule.when for rule in rules_of(spec)]
        named = fields_in_templates(spec).union(
            *map(fields_of, conditions), fields_of(condition_of(spec))
        )
        return {name for name in named if not is_written(name, self._fields)}


def _rules_to_decide_by(spec: NodeSpec) -> list[Rule]:
    if spec.kind == "route":
        return list(rules_of(spec))
    condition = condition_of(spec) if spec.kind == "branch" else None
    return [] if condition is None else [Rule("yes", condition, "yes"), Rule("no", None, "no")]

"""Walks a workflow in every way there is, for every message: slow, simple, no kin of the proofs.

It reads the document and what the kinds say of themselves, and follows the rules of the guide. A
message is a value for each field that some condition looks at; a node that writes fields gives them
any values.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestration.nodes import node_kinds
from orchestration.rules import Rule, fields_of, matches
from orchestration.types import Json
from orchestration.workflow import NodeSpec, Workflow, condition_of, parse, read_configs, rules_of

KINDS = {kind: node_kinds.get(kind) for kind in node_kinds}
# They fail to do what they are there for: nothing is written then.
FRUITLESS = {("reply", "abstained"), ("model", "invalid"), ("call", "failed")}
COMMON = ("error", "exhausted")
# What the guide says of the draft: whether it may be sent once a node is left by this exit.
SEALS = {
    ("reply", "drafted"): False,
    ("reply", "proposed"): False,
    ("check", "passed"): True,
    ("check", "failed"): False,
    ("check", "unsure"): False,
    ("approve", "released"): True,
    ("approve", "rejected"): False,
}


@dataclass(frozen=True)
class At:
    """Where a walk stands: what is known, what was written, what was visited how often.

    `may_send` says whether the draft may be sent, None before there is one; `has_drafted` whether
    it was written anew since the branch began.
    """

    node: str
    values: tuple[tuple[str, Json], ...]
    written: frozenset[str]
    visits: tuple[tuple[str, int], ...] = ()
    has_failed: bool = False
    may_send: bool | None = None
    has_drafted: bool = False

    def value(self, name: str) -> Json:
        return dict(self.values).get(name)


@dataclass
class Found:
    """What all the walks came to."""

    ends: set[str] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)
    fired: set[tuple[str, str]] = field(default_factory=set)
    overlaps: set[tuple[str, str, str]] = field(default_factory=set)
    stuck: set[tuple[str, str]] = field(default_factory=set)
    lacking: set[tuple[str, str]] = field(default_factory=set)
    unchecked: set[str] = field(default_factory=set)
    endless: set[str] = field(default_factory=set)
    unruled: set[str] = field(default_factory=set)
    steps: int = 0


class TooMany(Exception):
    """There are more walks than a test has time for."""


class Simulator:
    """Walks one document; `domains` are the values of each field that conditions look at."""

    def __init__(self, document: Json, domains: Mapping[str, Sequence[Json]]) -> None:
        self.workflow: Workflow = parse(document)
        self.configs, _ = read_configs(self.workflow, KINDS)
        self.domains = domains
        self.found = Found()
        self._left = 200_000
        self._done: set[At] = set()

    def run(self) -> Found:
        """Walk every walk there is."""
        for start in self.starts():
            self._walk(start)
        return self.found

    def starts(self) -> Iterator[At]:
        """Yield the entry for every message."""
        at_entry = [name for name in self.domains if _is_there_at_entry(name)]
        blank = At(self.workflow.entry, (), frozenset(at_entry))
        for values in itertools.product(*(self.domains[name] for name in at_entry)):
            named = tuple(zip(at_entry, values, strict=True))
            yield self.arrive(replace(blank, values=named), self.workflow.entry)

    def moves(self, at: At) -> Iterator[tuple[str, str | None, At]]:
        """Yield each exit that may be taken, the rule that says so, and where it leads.

        What leads nowhere leads to a node without a name.
        """
        spec = self.workflow.nodes[at.node]
        if spec.max_visits is not None and dict(at.visits)[at.node] > spec.max_visits:
            yield "exhausted", None, self.arrive(at, spec.exits.get("exhausted", ""))
            return
        if spec.kind == "fork":
            yield from self._through(spec, at)
        for exit, rule in self._exits(spec, at) if spec.kind != "fork" else ():
            target = self.target(spec, exit)
            for after in self._written(spec, exit, at):
                yield exit, rule, self.arrive(after, target)
        if "error" in spec.exits:
            yield "error", None, self.arrive(at, spec.exits["error"])
        elif self.workflow.on_failure and not at.has_failed:
            failed = replace(at, has_failed=True)
            yield "error", None, self.arrive(failed, self.workflow.on_failure)

    def target(self, spec: NodeSpec, exit: str) -> str:
        """Return the node that an exit leads to; empty where there is none."""
        own = self.own_exits(spec)
        target = spec.exits.get(exit) or (spec.next if len(own) == 1 else None)
        return target if target and target in self.workflow.nodes else ""

    def own_exits(self, spec: NodeSpec) -> tuple[str, ...]:
        if spec.name not in self.configs:
            return tuple(exit for exit in spec.exits if exit not in COMMON)
        return tuple(KINDS[spec.kind].exits(self.configs[spec.name]))

    def writes(self, node: str) -> frozenset[str]:
        return KINDS[self.workflow.nodes[node].kind].writes(self.configs[node])

    def is_read(self, node: str, name: str) -> bool:
        spec = self.workflow.nodes[node]
        return name in KINDS[spec.kind].reads(self.configs[node])

    def is_ever_written(self, name: str) -> bool:
        declared = (self.workflow.input or {}).get("properties", {})
        written = {f"input.{each}" for each in declared}.union(*map(self.writes, self.configs))
        return is_there(name, frozenset(written))

    def ends(self, node: str) -> bool:
        return KINDS[self.workflow.nodes[node].kind].ends

    def lacking(self, at: At) -> set[str]:
        """Return the fields that the node reads and that nothing has written on the way."""
        spec = self.workflow.nodes[at.node]
        if spec.name not in self.configs:
            return set()
        reads = KINDS[spec.kind].reads(self.configs[spec.name])
        return {name for name in reads if not is_there(name, at.written)}

    def arrive(self, at: At, node: str) -> At:
        visits = dict(at.visits)
        limit = self.workflow.nodes[node].max_visits if node else None
        if limit is not None:
            visits[node] = min(visits.get(node, 0), limit) + 1
        return replace(at, node=node, visits=tuple(sorted(visits.items())))

    def _through(self, spec: NodeSpec, at: At) -> Iterator[tuple[str, str | None, At]]:
        """Yield what all branches come to together: their join, or where an error leads."""
        branches: list[set[At]] = []
        fresh = replace(at, has_drafted=False)
        for exit in self.own_exits(spec):
            arrived, left = self._branch(self.arrive(fresh, self.target(spec, exit)))
            branches.append(arrived)
            for each in left:
                # Siblings are stopped, and what branches have written is gone.
                as_before = replace(
                    at, node=each.node, visits=each.visits, has_failed=each.has_failed
                )
                yield "error", None, as_before
        for together in itertools.product(*branches):
            yield "done", None, self.arrive(_merged(at, together), together[0].node)

    def _branch(self, start: At) -> tuple[set[At], set[At]]:
        """Return where a branch comes to its join, and where errors lead out of it."""
        arrived, left, passed = set[At](), set[At](), set[At]()
        known, waiting = {start}, [start]
        while waiting:
            at = waiting.pop()
            if not at.node:
                continue
            kind = self.workflow.nodes[at.node].kind
            if kind == "join" and at not in passed:
                arrived.add(at)
                continue
            for exit, _, after in self._see(at):
                if not after.node:
                    self.found.stuck.add((at.node, exit))
                elif exit == "error":
                    left.add(after)
                elif after not in known:
                    known.add(after)
                    waiting.append(after)
                    passed |= {after} if kind == "fork" else set()
        return arrived, left

    def _exits(self, spec: NodeSpec, at: At) -> list[tuple[str, str | None]]:
        state = dict(at.values)
        if spec.kind == "route":
            rule = first(rules_of(spec), state)
            return [] if rule is None else [(rule.to, rule.name)]
        if spec.kind == "branch" and (condition := condition_of(spec)) is not None:
            answer = "yes" if matches(condition, state) else "no"
            return [(answer, answer)]
        return [(exit, None) for exit in self.own_exits(spec)]

    def _overlaps(self, at: At) -> set[tuple[str, str, str]]:
        """Return each rule that takes the message here, with later ones that disagree with it."""
        spec = self.workflow.nodes[at.node]
        rules = rules_of(spec) if spec.kind == "route" else ()
        taking = first(rules, dict(at.values))
        target = self.target(spec, taking.to) if taking else ""
        if taking is None or (target and self.workflow.nodes[target].kind == "escalate"):
            return set()
        return {
            (at.node, taking.name, later.name)
            for later in rules[rules.index(taking) + 1 :]
            if later.when and later.to != taking.to and matches(later.when, dict(at.values))
        }

    def _written(self, spec: NodeSpec, exit: str, at: At) -> Iterator[At]:
        if exit in COMMON or (spec.kind, exit) in FRUITLESS or spec.name not in self.configs:
            yield at
            return
        at = _sealed(spec, exit, at)
        names = KINDS[spec.kind].writes(self.configs[spec.name])
        after = replace(at, written=at.written | names)
        given = [name for name in self.domains if name in names]
        for values in itertools.product(*(self.domains[name] for name in given)):
            known = {**dict(at.values), **dict(zip(given, values, strict=True))}
            yield replace(after, values=tuple(sorted(known.items())))

    def _walk(self, start: At) -> None:
        """Follow all moves from here, depth first; a place met again on its own way is a loop."""
        done = self._done
        path: dict[At, Iterator[Any]] = {}
        self._enter(start, path, done)
        while path:
            at, moves = next(reversed(path.items()))
            move = next(moves, None)
            if move is None:
                del path[at]
                done.add(at)
                continue
            exit, _, after = move
            if not after.node:
                self.found.stuck.add((at.node, exit))
            elif after in path:
                self.found.endless |= {each.node for each in path}
            elif after not in done:
                self._enter(after, path, done)

    def _enter(self, at: At, path: dict[At, Iterator[Any]], done: set[At]) -> None:
        path[at] = iter(self._see(at))
        self.found.steps = max(self.found.steps, len(path))

    def _see(self, at: At) -> list[tuple[str, str | None, At]]:
        """Note what there is to see at this place, and return the moves from it."""
        self._left -= 1
        if self._left < 0:
            raise TooMany
        self.found.nodes.add(at.node)
        self.found.lacking |= {(at.node, name) for name in self.lacking(at)}
        if is_unchecked(self.workflow.nodes[at.node], at):
            self.found.unchecked.add(at.node)
        moves = [*self.moves(at)]
        self.found.fired |= {(at.node, rule) for _, rule, _ in moves if rule}
        self.found.overlaps |= self._overlaps(at)
        if self.ends(at.node):
            self.found.ends.add(at.node)
        elif not [exit for exit, _, _ in moves if exit != "error"]:
            self.found.unruled.add(at.node)
        return moves


def first(rules: Sequence[Rule], state: Mapping[str, Json]) -> Rule | None:
    """Return the first rule that matches."""
    return next((rule for rule in rules if matches(rule.when, state)), None)


def fields_in(document: Json) -> set[str]:
    """Return the fields that the document's conditions look at."""
    conditions = [
        condition
        for spec in parse(document).nodes.values()
        for condition in (condition_of(spec), *(rule.when for rule in rules_of(spec)))
    ]
    return set().union(*map(fields_of, conditions))


def is_unchecked(spec: NodeSpec, at: At) -> bool:
    """Tell whether a draft would be sent here that nobody has let pass."""
    return spec.kind == "send" and at.may_send is False


def _sealed(spec: NodeSpec, exit: str, at: At) -> At:
    """Return the place with what leaving the node by this exit means for the draft."""
    shows_own_text = spec.kind == "approve" and "text" in spec.config
    if spec.kind == "reply" and exit == "drafted" and not _asks_a_model(spec):
        return replace(at, may_send=True, has_drafted=True)
    may_send = SEALS.get((spec.kind, exit), False if shows_own_text else at.may_send)
    has_drafted = at.has_drafted or spec.kind == "reply" or shows_own_text
    return replace(at, may_send=may_send, has_drafted=has_drafted)


def _asks_a_model(spec: NodeSpec) -> bool:
    return any(name in ("light", "strong") for name in spec.config["responders"])


def _merged(at: At, branches: Sequence[At]) -> At:
    """Return the place behind a join, knowing what each branch has added."""
    values, visits = dict(at.values), dict(at.visits)
    for branch in branches:
        values |= dict(set(branch.values) - set(at.values))
        for name, count in branch.visits:
            if name != branch.node:
                visits[name] = max(visits.get(name, 0), count)
    written = at.written.union(*(branch.written for branch in branches))
    # The draft is that of the branch which wrote it; what another says is of the one before.
    drafting = [branch for branch in branches if branch.has_drafted]
    deciding = drafting or [branch for branch in branches if branch.may_send != at.may_send]
    return At(
        "",
        tuple(sorted(values.items())),
        written,
        tuple(sorted(visits.items())),
        has_failed=at.has_failed,
        may_send=deciding[0].may_send if deciding else at.may_send,
        has_drafted=at.has_drafted or bool(drafting),
    )


def is_there(name: str, written: frozenset[str]) -> bool:
    """Tell whether a field, part of it, or what it is part of has been written."""
    return any(
        name == each or name.startswith(f"{each}.") or each.startswith(f"{name}.")
        for each in written
    )


def _is_there_at_entry(name: str) -> bool:
    return name.split(".")[0] in ("channel", "customer", "turn", "within_hours", "input")

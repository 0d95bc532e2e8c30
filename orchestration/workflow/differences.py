"""What has changed between two documents: in words, node by node and rule by rule, and as text."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestration.rules import BadRule, in_words, parse_condition
from orchestration.types import Json

What = Literal["added", "removed", "moved", "changed"]

_LONGEST = 80
_APART = ("rules", "exits", "next", "when")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that was added, removed, moved or changed, in one sentence."""

    what: What
    message: str
    node: str | None = None
    rule: str | None = None

    def document(self) -> dict[str, Json]:
        """Return the change as the API shows it."""
        return {
            "what": self.what,
            "node": self.node,
            "rule": self.rule,
            "message": self.message,
        }


def changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[Change]:
    """Return what was done to a document, even one whose shape is not in order."""
    nodes = _mapping(before, "nodes"), _mapping(after, "nodes")
    return [*_of_head(before, after), *_of_nodes(*nodes)]


def text_changes(before: str, after: str, *, names: tuple[str, str]) -> str:
    """Return the lines that differ, as a unified diff."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="", n=2)
    return "\n".join(lines)


def _of_head(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        if key != "nodes" and before.get(key) != after.get(key):
            words = _in_place_of(before.get(key), after.get(key))
            yield Change(what="changed", message=f"the workflow's {key} {words}")


def _of_nodes(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Change]:
    for name in before:
        if name not in after:
            yield Change(what="removed", node=name, message=f"the node {name} was removed")
    for name, node in after.items():
        old = before.get(name)
        if name not in before:
            kind = node.get("kind") if isinstance(node, Mapping) else None
            message = f"the node {name}{f' ({kind})' if kind else ''} was added"
            yield Change(what="added", node=name, message=message)
        elif isinstance(old, Mapping) and isinstance(node, Mapping):
            yield from _of_node(name, old, node)
        elif old != node:
            yield Change(what="changed", node=name, message=f"the node {name} was changed")


def _of_node(name: str, before: Mapping[str, Json], after: Mapping[str, Json]) -> list[Change]:
    told = list(_of_settings(name, before, after))
    if told or before == after:
        return told
    # What is no rule or no edge, but stands in their place.
    return [Change(what="changed", node=name, message=f"{name}: its rules or exits were changed")]


def _of_settings(
    name: str, before: Mapping[str, Json], after: Mapping[str, Json]
) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        if key not in _APART and before.get(key) != after.get(key):
            words = _in_place_of(before.get(key), after.get(key))
            yield Change(what="changed", node=name, message=f"{name}: {key} {words}")
    if before.get("when") != after.get("when"):
        old, new = _condition(before.get("when")), _condition(after.get("when"))
        message = f"{name}: its condition is {_quoted(new)}, it was {_quoted(old)}"
        yield Change(what="changed", node=name, message=message)
    yield from _of_edges(name, before, after)
    yield from _of_rules(name, _rules(before), _rules(after))


def _of_edges(name: str, before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Change]:
    old, new = _edges(before), _edges(after)
    for exit in dict.fromkeys((*old, *new)):
        if old.get(exit) == new.get(exit):
            continue
        way = f"{name}: {'its way on' if exit == 'next' else f'the exit {exit}'}"
        if new.get(exit) is None:
            message = f"{way} no longer leads to {old[exit]}"
            yield Change(what="removed", node=name, message=message)
        elif old.get(exit) is None:
            yield Change(what="added", node=name, message=f"{way} leads to {new[exit]}")
        else:
            message = f"{way} leads to {new[exit]} in place of {old[exit]}"
            yield Change(what="changed", node=name, message=message)


def _of_rules(
    node: str, before: Mapping[str, Mapping[str, Json]], after: Mapping[str, Mapping[str, Json]]
) -> Iterator[Change]:
    def change(what: What, rule: str, words: str) -> Change:
        return Change(what=what, node=node, rule=rule, message=f"{node}: the rule “{rule}” {words}")

    for name in before:
        if name not in after:
            yield change("removed", name, "was removed")
    for name, rule in after.items():
        old = before.get(name)
        if old is None:
            yield change("added", name, f"was added: {_condition(rule.get('when'))} → {_to(rule)}")
            continue
        if old.get("when") != rule.get("when"):
            now, then = _condition(rule.get("when")), _condition(old.get("when"))
            yield change("changed", name, f"asks {_quoted(now)}, it asked {_quoted(then)}")
        if _to(old) != _to(rule):
            yield change("changed", name, f"leads to {_to(rule)} in place of {_to(old)}")
    places = {name: place for place, name in enumerate(after, start=1)}
    kept = [name for name in before if name in after]
    for name in _moved(kept, [name for name in after if name in before]):
        yield change("moved", name, f"was moved to place {places[name]} of {len(after)}")


def _moved(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the fewest names whose moving explains the new order."""
    matched = difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    kept = {name for block in matched for name in after[block.b : block.b + block.size]}
    return [name for name in after if name not in kept]


def _rules(node: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    """Return a node's rules by the names they go by."""
    listed = node.get("rules")
    found: dict[str, Mapping[str, Json]] = {}
    for number, rule in enumerate(listed if isinstance(listed, list) else (), start=1):
        if isinstance(rule, Mapping):
            found[str(rule.get("name") or f"rule {number}")] = rule
    return found


def _edges(node: Mapping[str, Json]) -> dict[str, str]:
    edges = {**_mapping(node, "exits"), "next": node.get("next")}
    return {exit: str(target) for exit, target in edges.items() if target is not None}


def _to(rule: Mapping[str, Json]) -> str:
    return str(rule.get("to") or rule.get("otherwise") or "nowhere")


def _mapping(document: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _condition(document: Json) -> str:
    if document is None:
        return "every message"
    try:
        return in_words(parse_condition(document))
    except BadRule:
        return _json(document)


def _in_place_of(before: Json, after: Json) -> str:
    if after is None:
        return f"was taken away; it was {_short(before)}"
    if before is None:
        return f"is {_short(after)}; it was not set"
    if _is_long(before) or _is_long(after):
        return "was changed"
    return f"is {_short(after)} in place of {_short(before)}"


def _is_long(value: Json) -> bool:
    return len(_json(value)) > _LONGEST


def _short(value: Json) -> str:
    words = value if isinstance(value, str) else _json(value)
    words = " ".join(words.split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _quoted(words: str) -> str:
    return f"“{words}”"


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)

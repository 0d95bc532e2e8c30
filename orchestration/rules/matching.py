"""Rules in their order: the first that matches names the route."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.errors import NotFound
from orchestration.rules.conditions import Condition, matches
from orchestration.rules.words import failed_on, held_by, in_words
from orchestration.types import Json


@dataclass(frozen=True)
class Rule:
    """A condition and the route it names; without a condition it takes every message."""

    name: str
    when: Condition | None
    to: str


@dataclass(frozen=True)
class Tried:
    """A rule that did not match, and why."""

    rule: str
    failed_on: str


@dataclass(frozen=True)
class Match:
    """The rule that took a message, and those tried before it."""

    rule: str
    route: str
    tried: tuple[Tried, ...]


def first_match(rules: Sequence[Rule], state: Mapping[str, Json]) -> Match:
    """Return the first rule that takes the state; raises `NotFound` where none does."""
    tried: list[Tried] = []
    for rule in rules:
        if matches(rule.when, state):
            return Match(rule.name, rule.to, tuple(tried))
        tried.append(Tried(rule.name, failed_on(rule.when, state)))
    raise NotFound(f"none of {len(rules)} rules takes the message, and none has otherwise")


def rule_in_words(rule: Rule) -> str:
    """Say what a rule does, as "where the urgency is urgent: human"."""
    return f"{'otherwise' if rule.when is None else f'where {in_words(rule.when)}'}: {rule.to}"


def why_changed(before: Sequence[Rule], after: Sequence[Rule], state: Mapping[str, Json]) -> str:
    """Say why a message takes another way by these rules than by those; empty where it does not.

    Raises `NotFound` where either has no rule for it.
    """
    old, new = first_match(before, state), first_match(after, state)
    if old.route == new.route:
        return ""
    if old.rule == new.rule:
        return f"the rule {new.rule!r} leads to {new.route}, no longer to {old.route}"
    taking = next(rule for rule in after if rule.name == new.rule)
    taken = f"{new.rule!r} takes it to {new.route}"
    if holding := held_by(taking.when, state):
        taken += f", for {holding}"
    return f"{_why_no_longer(old, new, after)}; {taken}"


def _why_no_longer(old: Match, new: Match, after: Sequence[Rule]) -> str:
    failed = next((tried.failed_on for tried in new.tried if tried.rule == old.rule), None)
    if failed is not None:
        return f"the rule {old.rule!r} no longer takes it to {old.route}: {failed}"
    if any(rule.name == old.rule for rule in after):
        return f"the rule {old.rule!r}, which took it to {old.route}, comes later"
    return f"the rule {old.rule!r}, which took it to {old.route}, is gone"

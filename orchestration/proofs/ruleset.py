"""Rules as a set: which never fire, which contradict each other, which disagree in part."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from orchestration.proofs.axes import axes_for
from orchestration.proofs.boxes import (
    Box,
    OutOfSteps,
    Region,
    Search,
    Space,
    Steps,
    region_of,
)
from orchestration.rules import Rule, failed_on, fields_of, leaves_of, value_in_words
from orchestration.state import Field
from orchestration.types import Json
from orchestration.workflow import Problem

# Less than five seconds on a small machine of 2026.
STEPS_PER_PROOF = 2_000_000
STEPS_TO_NAME = 50_000
# All the proofs of a workflow take no more work than so many that reach their bound.
POOL = 3


@dataclass(frozen=True)
class RuleSet:
    """The rules of one node in their order, and the routes that lead straight to a human.

    `steps` bounds the work for one proof, `pool` that for all of them; by default it is this set's
    own.
    """

    node: str
    rules: Sequence[Rule]
    human_routes: frozenset[str] = frozenset()
    steps: int = STEPS_PER_PROOF
    pool: Steps | None = None


def ruleset_problems(ruleset: RuleSet, fields: Mapping[str, Field]) -> Iterator[Problem]:
    """Yield what is wrong with the rules as a set; every comparison must be a valid one."""
    try:
        yield from _Analysis(ruleset, fields).problems()
    except OutOfSteps:
        yield _not_proved(ruleset.node, None, "too many texts are looked for in one field")


def always_or_never(
    node: str, condition_rule: Rule, fields: Mapping[str, Field], pool: Steps
) -> Iterator[Problem]:
    """Yield that a `branch` always goes the same way, where it does."""
    ruleset = RuleSet(node, [condition_rule, Rule("no", None, "no")], pool=pool)
    for problem in ruleset_problems(ruleset, fields):
        if problem.code in ("rules_contradict", "rule_never_fires"):
            yield Problem(
                code="rule_never_fires",
                node=node,
                rule=problem.rule,
                message=f"its condition holds for {'every' if problem.rule == 'no' else 'no'} "
                f"message, so the exit {problem.rule} is never taken",
                counter_example=problem.counter_example,
            )
        elif problem.code == "not_proved":
            yield problem


def rules_overlap(node: str, first: Rule, later: Rule, sample: Mapping[str, Json]) -> Problem:
    """Return the warning that a message would be taken by both rules, which disagree."""
    telling = fields_of(first.when) | fields_of(later.when)
    words = ", ".join(f"{name} {value_in_words(sample[name])}" for name in sorted(telling))
    return Problem(
        code="rules_overlap",
        severity="warning",
        node=node,
        rule=later.name,
        message=f"overlaps {first.name!r}, which comes first: {words} goes to {first.to}, "
        f"not {later.to}",
        counter_example={"fields": dict(sample), "rules": [first.name, later.name]},
    )


class _Analysis:
    def __init__(self, ruleset: RuleSet, fields: Mapping[str, Field]) -> None:
        self._node = ruleset.node
        self._rules = ruleset.rules
        self._human_routes = ruleset.human_routes
        leaves = [leaf for rule in ruleset.rules for leaf in leaves_of(rule.when)]
        self._space = Space(axes_for(leaves, fields))
        self._pool = ruleset.pool or Steps(POOL * ruleset.steps)
        self._regions = [region_of(self._space, rule.when, self._pool) for rule in ruleset.rules]
        self._steps_per_proof = ruleset.steps
        # For each rule that fires, boxes of messages that it takes and no earlier rule does.
        self._taken: dict[int, list[Box]] = {}
        self._unproved: dict[int, str] = {}

    def problems(self) -> Iterator[Problem]:
        for index in range(len(self._rules)):
            yield from self._whether_it_fires(index)
        yield from self._missing_default()
        for firing in sorted(self._taken):
            yield from self._overlaps(firing)
        for index, what in sorted(self._unproved.items()):
            yield _not_proved(self._node, self._rules[index].name, what)

    def _whether_it_fires(self, index: int) -> Iterator[Problem]:
        earlier = dict(enumerate(self._regions[:index]))
        try:
            box, blamed = self._find([self._regions[index]], earlier)
        except OutOfSteps:
            self._unproved[index] = "whether it ever fires"
            return
        if box is not None:
            self._taken[index] = [box]
            return
        yield self._never_fires(index, sorted(blamed))

    def _never_fires(self, index: int, blamed: list[int]) -> Problem:
        rule = self._rules[index]
        message_box = self._attempt([self._regions[index]], {})
        if message_box is None:
            return self._problem("rule_never_fires", index, *self._excludes_itself(rule))
        sample = self._space.sample(message_box)
        twin = next((i for i in self._taken if i < index and self._is_same(i, index)), None)
        if twin is not None and rule.when is not None and self._rules[twin].to != rule.to:
            other = self._rules[twin]
            message = f"takes the same messages as {other.name!r}, which leads them to {other.to}"
            taken = self._space.sample(self._taken[twin][0])
            return self._problem("rules_contradict", index, message, {"fields": taken})
        covering = self._fewest(index, blamed)
        names = [self._rules[i].name for i in covering]
        takes = "takes" if len(names) == 1 else "take"
        all_ = "every message" if self._takes_every(covering) else "all it would"
        message = f"never fires: {_listed(names)} {takes} {all_}"
        example = {"fields": sample, "rules": names}
        return self._problem("rule_never_fires", index, message, example)

    def _takes_every(self, covering: list[int]) -> bool:
        try:
            return self._find([], {each: self._regions[each] for each in covering})[0] is None
        except OutOfSteps:
            return False

    def _excludes_itself(self, rule: Rule) -> tuple[str, dict[str, Json]]:
        sample = self._space.sample(self._space.full)
        message = "never fires: no message can meet all of its conditions"
        return message, {"fields": sample, "failed_on": failed_on(rule.when, sample)}

    def _is_same(self, one: int, other: int) -> bool:
        left, right = self._regions[one], self._regions[other]
        if left.is_exactly_bounded and right.is_exactly_bounded and left.bounds != right.bounds:
            return False
        try:
            return not any(
                self._find([inside], {0: outside})[0] is not None
                for inside, outside in ((right, left), (left, right))
            )
        except OutOfSteps:
            return False

    def _fewest(self, index: int, blamed: list[int]) -> list[int]:
        """Return earlier rules that together take all of this one's, none of them needlessly.

        With very many of them some may be needless: that is not worth a long search.
        """
        steps = Steps(STEPS_TO_NAME)
        needed = list(blamed)
        try:
            for each in blamed:
                if self._covers([each], index, steps):
                    return [each]
            for each in blamed:
                rest = [other for other in needed if other != each]
                needed = rest if self._covers(rest, index, steps) else needed
        except OutOfSteps:
            pass
        return needed

    def _covers(self, rules: list[int], index: int, steps: Steps) -> bool:
        without = {each: self._regions[each] for each in rules}
        return Search(self._space, steps).find([self._regions[index]], without) is None

    def _missing_default(self) -> Iterator[Problem]:
        if any(rule.when is None for rule in self._rules):
            return
        message = "the last rule must say otherwise, so that every message has a route"
        fields: dict[str, Json] = {}
        # Without an example it is missing all the same.
        with suppress(OutOfSteps):
            box, _ = self._find([], dict(enumerate(self._regions)))
            box = None if box is None else self._widest(box)
            fields = {} if box is None else self._space.sample(box)
            telling = set() if box is None else self._space.limited_fields(box)
        if fields:
            words = ", ".join(f"{name} {value_in_words(fields[name])}" for name in sorted(telling))
            message = f"no rule takes a message with {words}; {message}"
        yield Problem(
            code="missing_default",
            node=self._node,
            message=message,
            counter_example={"fields": fields} if fields else None,
        )

    def _widest(self, box: Box) -> Box:
        """Return messages that no rule takes, whatever they have in fields that do not matter."""
        for axis in range(len(self._space.axes)):
            wide = self._space.widened(box, axis)
            within = Region((wide,), None, wide)
            if all(self._find([within, each], {})[0] is None for each in self._regions):
                box = wide
        return box

    def _overlaps(self, index: int) -> Iterator[Problem]:
        rule = self._rules[index]
        if rule.when is None or rule.to in self._human_routes:
            return
        earlier = self._near(index)
        for later in sorted(self._taken):
            other = self._rules[later]
            if later <= index or other.when is None or other.to == rule.to:
                continue
            try:
                box = self._shared(index, later, earlier)
            except OutOfSteps:
                self._unproved.setdefault(later, f"whether {rule.name!r} overlaps it")
                continue
            if box is not None:
                yield self._overlap(index, later, box)

    def _overlap(self, index: int, later: int, box: Box) -> Problem:
        return rules_overlap(
            self._node, self._rules[index], self._rules[later], self._space.sample(box)
        )

    def _near(self, index: int) -> dict[int, Region]:
        """Return the earlier rules that may take some message which this one would."""
        mine = self._regions[index].bounds
        earlier = enumerate(self._regions[:index])
        return {i: each for i, each in earlier if self._space.holds_any(mine & each.bounds)}

    def _shared(self, index: int, later: int, earlier: Mapping[int, Region]) -> Box | None:
        """Return messages that this rule takes, no earlier one does, and the later one would."""
        other = self._regions[later]
        for known in self._taken[index]:
            for part in other.inside or ():
                if self._space.holds_any(known & part):
                    return known & part
        mine = self._regions[index]
        if not self._space.holds_any(mine.bounds & other.bounds):
            return None
        box, _ = self._find([mine, other], earlier)
        if box is not None:
            self._taken[index].append(box)
        return box

    def _find(
        self, within: Sequence[Region], without: Mapping[int, Region]
    ) -> tuple[Box | None, set[int]]:
        given = max(0, min(self._steps_per_proof, self._pool.left))
        steps = Steps(given)
        search = Search(self._space, steps)
        try:
            return search.find(within, without), search.blamed
        finally:
            self._pool.left -= given - max(steps.left, 0)

    def _attempt(self, within: Sequence[Region], without: Mapping[int, Region]) -> Box | None:
        try:
            return self._find(within, without)[0]
        except OutOfSteps:
            return None

    def _problem(
        self,
        code: str,
        index: int,
        message: str,
        example: Mapping[str, Json],
    ) -> Problem:
        rule = self._rules[index]
        # A default that the rules before it leave nothing to is a safety net, not a mistake.
        is_net = rule.when is None and code == "rule_never_fires" and index + 1 == len(self._rules)
        return Problem(
            code=code,
            severity="warning" if is_net else "error",
            node=self._node,
            rule=rule.name,
            message=message,
            counter_example=example,
        )


def _listed(names: list[str]) -> str:
    shown = [repr(name) for name in names[:5]]
    more = [f"{len(names) - 5} more"] if len(names) > 5 else []
    return " and ".join([*shown, *more])


def _not_proved(node: str, rule: str | None, what: str) -> Problem:
    subject = f"not proved: {what}" if rule else f"the rules are not proved: {what}"
    return Problem(code="not_proved", severity="warning", node=node, rule=rule, message=subject)

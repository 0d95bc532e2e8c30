"""Takes the way that the first matching rule names."""

from orchestration import rules
from orchestration.nodes import Config, Node, Outcome, Visit, node_kinds


class RouteConfig(Config):
    """`rules` in order; the last has `otherwise` in place of a condition."""

    rules: rules.Rules


@node_kinds.register("route")
class Route(Node):
    """Decides by the admin's rules; the first that matches wins."""

    kind = "route"
    Config = RouteConfig

    @classmethod
    def exits(cls, config: RouteConfig) -> tuple[str, ...]:
        """Name each route that the rules lead to."""
        return tuple(dict.fromkeys(rule.to for rule in config.rules))

    @classmethod
    def reads(cls, config: RouteConfig) -> frozenset[str]:
        """Read the fields of the conditions."""
        conditions = (rule.when for rule in config.rules if rule.when)
        return frozenset().union(*map(rules.fields_of, conditions))

    @classmethod
    def writes(cls, config: RouteConfig) -> frozenset[str]:
        """Write the decision and how it came about."""
        return frozenset({"route", "rule", "rules_tried"})

    async def run(self, visit: Visit) -> Outcome:
        """Find the first rule that matches."""
        match = rules.first_match(self.config.rules, visit.state)
        tried = [{"rule": one.rule, "failed_on": one.failed_on} for one in match.tried]
        read = {name: visit.state.get(name) for name in sorted(self.reads(self.config))}
        return Outcome(
            exit=match.route,
            updates={"route": match.route, "rule": match.rule, "rules_tried": tried},
            input=read,
        )

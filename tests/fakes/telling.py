"""Says how the real engine is to be led along the path of a counter-example."""

from collections.abc import Iterator, Mapping, Sequence

from orchestration.proofs import Problem
from orchestration.types import Json
from tests.fakes.engine_replay import Told, new_draft
from tests.fakes.replaying import Step, traces
from tests.fakes.simulator import At, Simulator, fields_in


def tellings(
    whole: Json, problem: Problem, domains: Mapping[str, Sequence[Json]]
) -> Iterator[tuple[list[Told], dict[str, Json]]]:
    """Yield how the engine is to be led along the path, and the fields that it begins with.

    `domains` are some values of each field, whatever the conditions say.
    """
    example: Json = problem.counter_example
    path, fields = example["path"], example.get("fields", {})
    known = {**domains, **{name: [_hashable(value)] for name, value in fields.items()}}
    looked_at = fields_in(whole)
    simulator = Simulator(whole, {name: known[name] for name in known if name in looked_at})
    for trace in traces(simulator, path):
        told = [each for step in trace for each in _told(simulator, path, step)]
        if problem.code == "unbounded_loop":
            rounds = [each for each in trace if each.place >= path.index(path[-1])]
            told += 200 * [each for step in rounds for each in _told(simulator, path, step)]
        elif problem.code == "dead_end" or "exit" in example:
            told.append(Told(path[-1], example.get("exit", "done"), {}))
        entry = trace[0].at if trace else next(simulator.starts())
        yield told, {"channel": "test", **_values(entry)}


def _told(simulator: Simulator, path: list[str], step: Step) -> Iterator[Told]:
    """Yield how each node on a step is left; the engine knows itself what is used up and forked."""
    if simulator.workflow.nodes[step.at.node].kind == "fork":
        between = range(step.place + 1, step.there)
        exits = {
            n: "error" if step.exit == "error" and n == step.there - 1 else "" for n in between
        }
    else:
        exits = {step.place: step.exit}
    for index, exit in exits.items():
        if exit != "exhausted":
            name = path[index]
            left_by = exit or next(iter(simulator.own_exits(simulator.workflow.nodes[name])))
            has_written = left_by not in ("error", "abstained", "invalid", "failed")
            written = simulator.writes(name) if has_written else ()
            values = _values(step.after)
            told = {each: values.get(each, "written") for each in written}
            if "draft" in told:
                told["draft"] = new_draft(index)
            yield Told(name, left_by, told)


def _values(at: At) -> dict[str, Json]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in at.values}


def _hashable(value: Json) -> Json:
    return tuple(value) if isinstance(value, list) else value

"""The ledger: every model call, the budgets they come out of, and the sums over them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    update,
)

from orchestration.costs import WARNING_SHARE, Allowance
from orchestration.models import Approval, Budget, ModelCall, Money, Run, table
from orchestration.store import rows

Grouping = Literal["day", "route", "intent", "model"]

calls = table(ModelCall)
budgets = table(Budget)
runs = table(Run)
approvals = table(Approval)

_NOTHING = Decimal(0)
_MINUTE = timedelta(minutes=1)
# What is not settled yet counts as what it may cost at most.
_booked = func.coalesce(calls.c.cost, calls.c.reserved, type_=Money())


@dataclass(frozen=True, kw_only=True)
class RunTotals:
    """What a run has used so far; `unpriced` counts the calls whose cost nobody knows."""

    requests: int
    seconds: float
    cost: Decimal
    unpriced: int


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What was spent, and what the premium model alone would have cost; all in USD.

    `saved` is over the turns that were answered without a human, `avoided` over those that ended
    with one; `spent + saved + avoided = premium_cost`, but for what the `incomparable` turns cost,
    of which nobody knows what the premium model would have taken. `unpriced` counts the calls of
    unknown cost, which are in no sum. `group` is None for what belongs to none, and in a total.
    """

    group: str | None
    spent: Decimal
    premium_cost: Decimal
    saved: Decimal
    avoided: Decimal
    calls: int
    unpriced: int
    turns: int
    human_turns: int
    incomparable: int = 0

    @property
    def human_share(self) -> float | None:
        """The share of turns that ended with a human; None where there were no turns."""
        return self.human_turns / self.turns if self.turns else None


@dataclass(frozen=True, kw_only=True)
class CostReport:
    """The costs of all, and of each group, the dearest first (days in their order)."""

    total: Costs
    groups: tuple[Costs, ...]


def lock_run(connection: Connection, run: str) -> None:
    """Let one caller at a time count the calls of a run and add to them."""
    statement = select(runs.c.id).where(runs.c.id == run)
    # Not the whole row: its steps refer to it, and they must not wait for us.
    connection.execute(statement.with_for_update(key_share=True))


def lock_model(connection: Connection, model: str) -> None:
    """Let one caller at a time count the requests to a model and add to them."""
    # On SQLite there is but one writer.
    if connection.dialect.name == "postgresql":
        key = func.hashtextextended(f"model {model}", 0)
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def wait_for_model(
    connection: Connection, model: str, limit: int, *, now: datetime
) -> timedelta | None:
    """Return how long to wait until a minute has fewer than `limit` requests to a model."""
    statement = (
        select(calls.c.started_at)
        .where(calls.c.model == model, calls.c.started_at > now - _MINUTE)
        .order_by(calls.c.started_at.desc())
        .offset(limit - 1)
        .limit(1)
    )
    oldest = connection.execute(statement).scalar()
    return None if oldest is None else oldest + _MINUTE - now


def start_call(connection: Connection, call: ModelCall) -> None:
    """Put a call on record before it is made."""
    rows.add(connection, call)


def lock_call(connection: Connection, id: str) -> ModelCall:
    """Return a call that is about to be settled; nobody else settles it meanwhile."""
    statement = select(calls).where(calls.c.id == id).with_for_update()
    [found] = rows.fetch(connection, ModelCall, statement)
    return found


def settle_call(connection: Connection, id: str, **values: Any) -> None:
    """Write how a call ended."""
    connection.execute(update(calls).where(calls.c.id == id).values(**values))


def list_calls(connection: Connection, run: str) -> list[ModelCall]:
    """Return a run's calls in the order they were made."""
    statement = select(calls).where(calls.c.run_id == run).order_by(calls.c.position)
    return rows.fetch(connection, ModelCall, statement)


def list_unsettled(
    connection: Connection, *, before: datetime | None = None, run: str | None = None
) -> list[ModelCall]:
    """Return calls under way: those started before a time, those of a run."""
    conditions: list[ColumnElement[bool]] = [calls.c.status == "started"]
    if before is not None:
        conditions.append(calls.c.started_at < before)
    if run is not None:
        conditions.append(calls.c.run_id == run)
    return rows.fetch(connection, ModelCall, select(calls).where(*conditions))


def run_totals(connection: Connection, run: str, *, now: datetime) -> RunTotals:
    """Sum up a run's calls; one under way counts with the time it has taken until now."""
    made = list_calls(connection, run)
    booked = [call.reserved if call.cost is None else call.cost for call in made]
    under_way = [call.started_at for call in made if call.status == "started"]
    return RunTotals(
        requests=len(made),
        seconds=sum(call.ms or 0 for call in made) / 1000
        + sum((now - started).total_seconds() for started in under_way),
        cost=sum((cost for cost in booked if cost is not None), start=_NOTHING),
        unpriced=booked.count(None),
    )


def reserve_budget(connection: Connection, allowance: Allowance, amount: Decimal) -> bool:
    """Reserve an amount if the cap leaves room for it; tell whether it was reserved."""
    if _raise_reserved(connection, allowance, amount):
        return True
    if rows.find(connection, Budget, _is(allowance)):
        return False
    _open_budget(connection, allowance)
    return _raise_reserved(connection, allowance, amount)


def settle_budget(
    connection: Connection, allowance: Allowance, *, released: Decimal, added: Decimal
) -> None:
    """Turn what was reserved for a call into what it cost."""
    connection.execute(
        update(budgets)
        .where(_is(allowance))
        .values(
            reserved=budgets.c.reserved - literal(released, Money()),
            spent=budgets.c.spent + literal(added, Money()),
        )
    )


def warn_once(connection: Connection, allowance: Allowance, *, now: datetime) -> bool:
    """Tell whether a budget is nearly spent and nobody has been told so in this period."""
    if allowance.cap is None:
        return False
    nearly = literal(allowance.cap * WARNING_SHARE, Money())
    statement = (
        update(budgets)
        .where(_is(allowance), budgets.c.warned_at.is_(None), budgets.c.spent >= nearly)
        .values(warned_at=now)
    )
    return connection.execute(statement).rowcount == 1


def book_elsewhere(connection: Connection, paid: Sequence[ModelCall], run: Run, whose: str) -> None:
    """Book calls that were made outside this database, as those of a run of it.

    They count in the budgets of their day and month, which they may pass.
    """
    for call in paid:
        mine = {"run_id": run.id, "conversation_id": run.conversation_id, "customer": whose}
        rows.add(connection, ModelCall(**{**call.model_dump(), **mine}))
        cost = call.reserved if call.cost is None else call.cost
        periods = [f"{call.started_at:%Y-%m-%d}", f"{call.started_at:%Y-%m}"]
        connection.execute(
            update(budgets)
            .where(budgets.c.scope.in_(("day", "month")), budgets.c.period.in_(periods))
            .values(spent=budgets.c.spent + literal(cost or _NOTHING, Money()))
        )


def list_budgets(connection: Connection) -> list[Budget]:
    """Return the budgets that have been drawn on, the newest period first."""
    return rows.fetch(connection, Budget, select(budgets).order_by(budgets.c.period.desc()))


def _raise_reserved(connection: Connection, allowance: Allowance, amount: Decimal) -> bool:
    raised = budgets.c.reserved + literal(amount, Money())
    fits = budgets.c.spent + raised <= literal(allowance.cap, Money())
    statement = update(budgets).where(_is(allowance), fits).values(reserved=raised)
    return connection.execute(statement).rowcount == 1


def _open_budget(connection: Connection, allowance: Allowance) -> None:
    """Begin a budget with what its period has cost already, before there was a cap."""
    conditions: list[ColumnElement[bool]] = []
    if allowance.since is not None:
        conditions.append(calls.c.started_at >= allowance.since)
    if allowance.scope in ("conversation", "customer"):
        whose = calls.c.conversation_id if allowance.scope == "conversation" else calls.c.customer
        conditions.append(whose == allowance.key)
    spent = connection.execute(select(_sum(_booked)).where(*conditions)).scalar_one()
    begun = Budget(
        scope=allowance.scope, key=allowance.key, period=allowance.period, spent=spent or _NOTHING
    )
    rows.add_unless_there(connection, begun)


def _is(allowance: Allowance) -> ColumnElement[bool]:
    return and_(
        budgets.c.scope == allowance.scope,
        budgets.c.key == allowance.key,
        budgets.c.period == allowance.period,
    )


def costs(
    connection: Connection, *, since: datetime | None = None, group_by: Grouping = "day"
) -> CostReport:
    """Return what the runs since a moment cost and saved, by day (UTC), route, intent or model.

    By model, a call counts where it was made, a turn where its answer came from.
    """
    sums: defaultdict[_Key, _Sums] = defaultdict(_Sums)
    for group, human, cost, compared, count, unpriced in connection.execute(
        _spent(connection, group_by, since)
    ):
        sums[group, bool(human)] += _Sums(
            cost=cost or _NOTHING, compared=compared or _NOTHING, calls=count, unpriced=unpriced
        )
    for group, human, premium_cost, count, incomparable in connection.execute(
        _turned(connection, group_by, since)
    ):
        sums[group, bool(human)] += _Sums(
            premium_cost=premium_cost or _NOTHING, turns=count, incomparable=incomparable
        )
    groups = [_costs_of(name, {name}, sums) for name in {name for name, _ in sums}]
    groups.sort(key=lambda each: _rank(each, group_by))
    total = _costs_of(None, {name for name, _ in sums}, sums)
    return CostReport(total=total, groups=tuple(groups))


@dataclass(frozen=True, kw_only=True)
class _Sums:
    cost: Decimal = _NOTHING
    compared: Decimal = _NOTHING
    premium_cost: Decimal = _NOTHING
    calls: int = 0
    unpriced: int = 0
    turns: int = 0
    incomparable: int = 0

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(
            cost=self.cost + other.cost,
            compared=self.compared + other.compared,
            premium_cost=self.premium_cost + other.premium_cost,
            calls=self.calls + other.calls,
            unpriced=self.unpriced + other.unpriced,
            turns=self.turns + other.turns,
            incomparable=self.incomparable + other.incomparable,
        )


# The group, and whether the turn ended with a human.
_Key = tuple[str | None, bool]


def _costs_of(group: str | None, names: Set[str | None], sums: Mapping[_Key, _Sums]) -> Costs:
    alone, human = (
        sum((sums[key] for key in sums if key[0] in names and key[1] is needed), start=_Sums())
        for needed in (False, True)
    )
    both = alone + human
    return Costs(
        group=group,
        spent=both.cost,
        premium_cost=both.premium_cost,
        saved=alone.premium_cost - alone.compared,
        avoided=human.premium_cost - human.compared,
        calls=both.calls,
        unpriced=both.unpriced,
        turns=both.turns,
        human_turns=human.turns,
        incomparable=both.incomparable,
    )


def _rank(costs: Costs, group_by: Grouping) -> tuple[Decimal, int, str]:
    if group_by == "day":
        return _NOTHING, 0, costs.group or ""
    return -costs.spent, -costs.turns, costs.group or ""


def _spent(connection: Connection, group_by: Grouping, since: datetime | None) -> Select[Any]:
    group = calls.c.model if group_by == "model" else _group_of_run(connection, group_by)
    each = (
        select(
            group.label("name"),
            _ended_with_human().label("human"),
            _booked.label("cost"),
            case((runs.c.has_baseline, _booked)).label("compared"),
        )
        .select_from(calls.join(runs, runs.c.id == calls.c.run_id))
        .where(*_since(since))
        .subquery()
    )
    unpriced = func.sum(case((each.c.cost.is_(None), 1), else_=0))
    sums = (_sum(each.c.cost), _sum(each.c.compared), func.count(), unpriced)
    return select(each.c.name, each.c.human, *sums).group_by(each.c.name, each.c.human)


def _turned(connection: Connection, group_by: Grouping, since: datetime | None) -> Select[Any]:
    group = _answering_model() if group_by == "model" else _group_of_run(connection, group_by)
    each = (
        select(
            group.label("name"),
            _ended_with_human().label("human"),
            runs.c.premium_cost.label("premium_cost"),
            runs.c.has_baseline.label("has_baseline"),
        )
        # A message that joined a case was nobody's to answer but its agent's.
        .where(
            runs.c.status.in_(("done", "failed")),
            runs.c.outcome.is_distinct_from("joined"),
            runs.c.purpose == "answer",
        )
        .where(*_since(since))
        .subquery()
    )
    incomparable = func.sum(case((each.c.has_baseline, 0), else_=1))
    sums = (_sum(each.c.premium_cost), func.count(), incomparable)
    return select(each.c.name, each.c.human, *sums).group_by(each.c.name, each.c.human)


def _since(moment: datetime | None) -> list[ColumnElement[bool]]:
    return [] if moment is None else [runs.c.started_at >= moment]


def _ended_with_human() -> ColumnElement[bool]:
    asked = select(approvals.c.id).where(approvals.c.run_id == runs.c.id).exists()
    return or_(func.coalesce(runs.c.outcome, "") == "escalate", asked)


def _group_of_run(connection: Connection, group_by: Grouping) -> ColumnElement[Any]:
    if group_by == "day" and connection.dialect.name == "sqlite":
        return func.strftime("%Y-%m-%d", runs.c.started_at)
    if group_by == "day":
        return func.to_char(func.timezone("UTC", runs.c.started_at), "YYYY-MM-DD")
    if group_by == "intent":
        intent: ColumnElement[Any] = runs.c.classification["intent"].as_string()
        return intent
    return runs.c.route


def _answering_model() -> ColumnElement[Any]:
    answered = calls.c.purpose.in_(("answer", "step")) & (calls.c.status == "succeeded")
    return (
        select(calls.c.model)
        .where(calls.c.run_id == runs.c.id, answered)
        .order_by(calls.c.position.desc())
        .limit(1)
        .scalar_subquery()
    )


def _sum(amounts: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.sum(amounts, type_=Money())

"""Node kinds with the exits, reads and writes of the contract's table, and nothing behind them."""

from datetime import timedelta
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from orchestration.rules import Rules, When, fields_of
from orchestration.state import CLASSIFICATION_FIELDS
from orchestration.types import Json, Touches


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Kind:
    """What the fakes share: one exit, nothing read, nothing written."""

    kind: ClassVar[str]
    Config: ClassVar[type[BaseModel]] = Config
    touches: ClassVar[Touches] = "pure"
    ends: ClassVar[bool] = False
    fruitless: ClassVar[frozenset[str]] = frozenset()
    own_exits: ClassVar[tuple[str, ...]] = ("done",)
    read: ClassVar[frozenset[str]] = frozenset()
    written: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def exits(cls, config: Any) -> tuple[str, ...]:
        return cls.own_exits

    @classmethod
    def reads(cls, config: Any) -> frozenset[str]:
        return cls.read

    @classmethod
    def writes(cls, config: Any) -> frozenset[str]:
        return cls.written

    @classmethod
    def seals(cls, config: Any, exit: str) -> bool | None:
        return False if "draft" in cls.written and exit not in cls.fruitless else None


class ClassifyConfig(Config):
    min_confidence: float | None = None
    ask: str | None = None


class Classify(Kind):
    kind = "classify"
    Config = ClassifyConfig
    written = frozenset(CLASSIFICATION_FIELDS)


class RouteConfig(Config):
    rules: Rules


class Route(Kind):
    kind = "route"
    Config = RouteConfig

    @classmethod
    def exits(cls, config: RouteConfig) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule.to for rule in config.rules))

    @classmethod
    def reads(cls, config: RouteConfig) -> frozenset[str]:
        return frozenset().union(*(fields_of(rule.when) for rule in config.rules))


class BranchConfig(Config):
    when: When


class Branch(Kind):
    kind = "branch"
    Config = BranchConfig
    own_exits = ("yes", "no")

    @classmethod
    def reads(cls, config: BranchConfig) -> frozenset[str]:
        return fields_of(config.when)


class ReplyConfig(Config):
    responders: list[str] = Field(min_length=1)


class Reply(Kind):
    kind = "reply"
    Config = ReplyConfig
    touches = "paid"
    own_exits = ("drafted", "abstained", "proposed")
    fruitless = frozenset({"abstained"})
    read = frozenset(CLASSIFICATION_FIELDS)
    written = frozenset({"draft"})

    @classmethod
    def seals(cls, config: ReplyConfig, exit: str) -> bool | None:
        if exit == "drafted" and {"template", "order_status", "knowledge"}.issuperset(
            config.responders
        ):
            return True
        return super().seals(config, exit)


class EnrichConfig(Config):
    sources: list[str] = []


class Enrich(Kind):
    kind = "enrich"
    Config = EnrichConfig
    written = frozenset({"enriched"})


class CheckConfig(Config):
    judge: str | None = None
    sample: float | None = None
    min_confidence: float | None = Field(default=None, ge=0, le=1)


class Check(Kind):
    kind = "check"
    Config = CheckConfig
    own_exits = ("passed", "failed", "unsure")
    read = frozenset({"draft"})

    @classmethod
    def seals(cls, config: Any, exit: str) -> bool:
        return exit == "passed"


class ApproveConfig(Config):
    timeout: timedelta = timedelta(hours=4)


class Approve(Kind):
    kind = "approve"
    Config = ApproveConfig
    own_exits = ("released", "rejected", "expired")
    read = frozenset({"draft"})

    @classmethod
    def seals(cls, config: Any, exit: str) -> bool | None:
        return None if exit == "expired" else exit == "released"


class ForkConfig(Config):
    branches: tuple[str, ...] = ()


class Fork(Kind):
    kind = "fork"
    Config = ForkConfig

    @classmethod
    def exits(cls, config: ForkConfig) -> tuple[str, ...]:
        return config.branches


class Join(Kind):
    kind = "join"


class ModelConfig(Config):
    tier: str
    prompt: str
    output: dict[str, Json]
    into: str


class Model(Kind):
    kind = "model"
    Config = ModelConfig
    touches = "paid"
    own_exits = ("done", "invalid")
    fruitless = frozenset({"invalid"})

    @classmethod
    def writes(cls, config: ModelConfig) -> frozenset[str]:
        return frozenset(f"{config.into}.{name}" for name in config.output["properties"])


class EndConfig(Config):
    queue: str | None = None
    reason: str | None = None


class Send(Kind):
    kind = "send"
    own_exits = ()
    ends = True
    read = frozenset({"draft"})


class Escalate(Kind):
    kind = "escalate"
    Config = EndConfig
    own_exits = ()
    ends = True


class Close(Kind):
    kind = "close"
    Config = EndConfig
    own_exits = ()
    ends = True


class OutputConfig(Config):
    fields: list[str]


class Output(Kind):
    kind = "output"
    Config = OutputConfig
    own_exits = ()
    ends = True

    @classmethod
    def reads(cls, config: OutputConfig) -> frozenset[str]:
        return frozenset(config.fields)


ALL: tuple[type[Kind], ...] = (
    Classify, Route, Branch, Reply, Enrich, Check, Approve,
    Fork, Join, Model, Send, Escalate, Close, Output,
)  # fmt: skip
KINDS = {kind.kind: kind for kind in ALL}

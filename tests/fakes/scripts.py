"""What scripted models do with a request: answer from what it shows them, or obey an attacker."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from orchestration import prompts
from tests.fakes.openai_rules import completion_tokens, tokens_of
from tests.fakes.openai_server import Reply, calling_all, stating

Json = Any
Role = Literal["light", "strong", "judge", "classifier"]
# Tells a server what to reply to the body of a request.
Model = Callable[[Json], Reply]

_BLOCK = re.compile(r"<(data-[0-9a-f]{16}) kind=([^>\n]*)>\n(.*?)\n</\1>", re.DOTALL)
_OPENINGS: Mapping[str, Role] = {
    prompts.load("judge").text[:20]: "judge",
    prompts.load("light").text[:20]: "light",
    prompts.load("classify").text[:20]: "classifier",
}
_SENTENCE = re.compile(r"[^\s#][^\n]*?[.!?](?=\s|$)")
# Left out of long quotes: a sentence that both says and denies is read with care by the checks.
_DENIAL = re.compile(r"\b(?:no|not|nothing|never|cannot|without)\b")
_IN_WORDS = {
    "in_transit": "is on its way",
    "not_shipped": "has not been shipped yet",
    "late": "is late",
    "delivered": "was delivered",
}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a request shows a model; `facts` are kind and text by id, `asked` is the message."""

    role: Role
    model: str
    asked: str
    talk: str
    draft: str
    facts: Mapping[str, tuple[str, str]]
    tools: tuple[str, ...]
    results: tuple[str, ...]
    last: str

    def articles(self) -> dict[str, str]:
        """Return the texts of the articles by id, the nearest first."""
        return {id: text for id, (kind, text) in self.facts.items() if kind == "article"}

    def orders(self) -> dict[str, str]:
        """Return the records of the orders by number."""
        return {id: text for id, (kind, text) in self.facts.items() if kind == "order"}


def shown(body: Json) -> Shown:
    """Read a request's body as a model would."""
    said = [str(message.get("content") or "") for message in body["messages"]]
    users = [m["content"] for m in body["messages"] if m["role"] == "user"]
    facts: dict[str, tuple[str, str]] = {}
    named: dict[str, str] = {}
    for _, kind, text in _BLOCK.findall(users[0]):
        name, _, id = kind.partition(" id=")
        if id:
            facts[id] = (name, text)
        else:
            named[name] = text
    return Shown(
        role=_OPENINGS.get(said[0][:20], "strong"),
        model=body["model"],
        asked=named.get("message", ""),
        talk=named.get("conversation", ""),
        draft=named.get("draft", ""),
        facts=facts,
        tools=tuple(tool["function"]["name"] for tool in body.get("tools") or ()),
        results=tuple(m["content"] for m in body["messages"] if m["role"] == "tool"),
        last=users[-1],
    )


def answering(body: Json) -> Reply:
    """Answer from the first order's record, else from the nearest article; judge all as good.

    What a message is about it never knows.
    """
    seen = shown(body)
    if seen.role == "judge":
        return judging("passed")
    if seen.role == "classifier":
        return sorting("other")
    return stating(from_order(seen) or from_article(seen) or NO_ANSWER)


def looking_up(name: str, arguments: Json, then: Model = answering) -> Model:
    """Return a model that uses a tool once, where it is offered one, and then answers."""

    def reply(body: Json) -> Reply:
        seen = shown(body)
        if name in seen.tools and not seen.results:
            return calling_all((name, arguments))
        return then(body)

    return reply


def sorting(intent: str, *, confidence: float = 0.95) -> Reply:
    """Answer as who says what a message is about."""
    return stating({"intent": intent, "confidence": confidence})


def judging(verdict: str, *reasons: str, confidence: float = 0.95) -> Reply:
    """Answer as a judge."""
    return stating({"verdict": verdict, "confidence": confidence, "reasons": list(reasons)})


def stated(answer: str, *sources: str, **more: Json) -> Reply:
    """Answer with this text, as a light or strong model."""
    return stating(finding(answer, *sources, **more))


def finding(answer: str, *sources: str, **more: Json) -> dict[str, Json]:
    """Return what a light or strong model answers with."""
    return {"can_answer": True, "answer": answer, "sources": list(sources), **more}


NO_ANSWER = {"can_answer": False, "answer": "", "sources": []}


def from_order(seen: Shown) -> dict[str, Json] | None:
    """Tell the status of the order that is asked about, else of the first one there is."""
    orders = sorted(seen.orders().items(), key=lambda order: order[0] not in seen.asked)
    for number, record in orders:
        status = re.search(r"status\W+(\w+)", record)
        words = _IN_WORDS.get(status[1]) if status else None
        if words:
            return finding(f"Your order {number} {words}.", number)
    return None


def from_article(seen: Shown, sentences: int = 2) -> dict[str, Json] | None:
    """Quote the first sentences of the nearest article."""
    for id, text in seen.articles().items():
        quoted = [found.strip() for found in _SENTENCE.findall(text)][:sentences]
        return finding(" ".join(quoted), id)
    return None


@dataclass(kw_only=True)
class Obedient:
    """Does what an attacker wants: says it, in every role, and uses tools as told.

    As a judge it lets everything pass, and it sorts every message as the most harmless one.
    `calls` are made first where tools are offered, all at once.
    """

    says: str
    sources: Sequence[str] = ()
    calls: Sequence[tuple[str, Json]] = ()
    proposal: Mapping[str, Json] | None = None
    sorts_as: str = "order_status"
    results: list[str] = field(default_factory=list)

    def __call__(self, body: Json) -> Reply:
        seen = shown(body)
        if seen.role == "judge":
            return judging("passed", confidence=1.0)
        if seen.role == "classifier":
            return sorting(self.sorts_as, confidence=1.0)
        self.results += seen.results
        if self.calls and seen.tools and not seen.results:
            return calling_all(*self.calls)
        # It cites all there is, so that nothing fails for want of a source.
        sources = self.sources or list(seen.facts)
        return stated(self.says, *sources, confidence=1.0, proposal=self.proposal)


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """How many tokens a model's answers have, by what they are for."""

    light: int = 90
    simple: int = 150
    look_up: int = 60
    complex: int = 260
    judge: int = 40


@dataclass(frozen=True, kw_only=True)
class Paced:
    """Quotes articles in answers of given lengths; on a complex question it first looks one up.

    With `errs` the first draft names an amount that no evidence has, and the one after it does not.
    """

    is_complex: bool = False
    errs: bool = False
    lengths: Lengths = Lengths()

    def __call__(self, body: Json) -> Reply:
        seen, lengths = shown(body), self.lengths
        if seen.role == "judge":
            return _padded({"verdict": "passed", "confidence": 0.9, "reasons": []}, lengths.judge)
        if seen.role == "light":
            return self._draft(seen, lengths.light)
        if not self.is_complex:
            return self._draft(seen, lengths.simple)
        if not seen.results:
            return _look_up(lengths.look_up)
        return self._draft(seen, lengths.complex)

    def _draft(self, seen: Shown, tokens: int) -> Reply:
        id, text = next(iter(seen.articles().items()))
        answer = ""
        for sentence in (one for one in _SENTENCE.findall(text) if not _DENIAL.search(one)):
            if tokens_of(json.dumps(finding(f"{answer} {sentence}", id))) > tokens:
                break
            answer = f"{answer} {sentence.strip()}".strip()
        is_first = not seen.last.startswith(_AGAIN)
        wrong = " It costs $999.99." if self.errs and is_first else ""
        return _padded(finding(answer + wrong, id), tokens)


_AGAIN = prompts.load("revise").text[:20]


def _look_up(tokens: int) -> Reply:
    reply = calling_all(("get_order", {"order": "1042"}))
    missing = tokens - completion_tokens(reply.message)
    return replace(reply, message={**reply.message, "content": _words(missing)})


def _padded(value: dict[str, Json], tokens: int) -> Reply:
    """State a value at the length wanted, or the next that the rule of counting has."""
    missing = tokens - tokens_of(json.dumps({**value, "thinking": ""}))
    return stating({**value, "thinking": _words(missing)})


def _words(tokens: int) -> str:
    return " ".join(["hm"] * max(0, -(-tokens * 10 // 13)))

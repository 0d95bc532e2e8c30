"""Splits a turn that asks for several things into the requests it is made of."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from orchestration.classification import asking, cues
from orchestration.classification.dialogue import is_bare, points_back
from orchestration.classification.entities import find_orders
from orchestration.classification.facts import Facts
from orchestration.classification.persons import asks_for_person
from orchestration.classification.words import fold
from orchestration.types import Risk

# Longer than anything that is made of a few requests; a letter is read as a whole.
_LONGEST = 2000
# Nobody's life is at risk in one half of a message alone.
_WHOLE_RISKS: frozenset[Risk] = frozenset({"self_harm", "threat"})

_ITEM = r"(?:^|\n)\s*(?:\(?\d{1,2}[.)]|[-*•\u2013])\s+|\s\(?\d{1,2}\)\s+"
_AND = (
    r"and|also|plus|then|as well as|und|ausserdem|außerdem|sowie|zudem|dann|et|puis|aussi|"
    r"ainsi que|ensuite|y|e|además|ademas|también|tambien|luego|ed|anche|inoltre|poi|"
    r"(?<!où )(?<!ou )en|ook|daarnaast|verder|também|tambem|depois|além disso|alem disso|&|\+"
)
_BOUNDARY = re.compile(
    rf"(?P<item>{_ITEM})|(?P<end>[!?]+|[.;\u2026]+(?=\s|$|¿|¡)|\n+)|"
    rf"(?P<comma>,(?!\d)|\s[-\u2013\u2014]\s)|"
    rf"(?P<and>(?<=\s)(?:{_AND})(?=\s))",
    re.IGNORECASE,
)
_EDGES = " \t\n,;-\u2013\u2014"
_OTHER_ONE = re.compile(
    r"(?<!\w)(?:other|another|andere[nrs]?|autre|otr[oa]|altr[oa]|andere|outr[oa])(?!\w)"
)


_ANSWER = frozenset({"answer"})


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request of a message, in its own words; `orders` are those it is about unnamed.

    `answers` says that it gives the order number that we had asked for.
    """

    text: str
    orders: tuple[str, ...] = ()
    answers: bool = False


@dataclass(frozen=True, kw_only=True)
class _Clause:
    place: int
    start: int
    end: int
    text: str
    folded: str
    opens_sentence: bool
    kinds: frozenset[str]
    orders: tuple[str, ...]


@dataclass(kw_only=True)
class _Group:
    """Clauses that make one request."""

    clauses: list[_Clause]

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset().union(*(clause.kinds for clause in self.clauses))

    @property
    def orders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for clause in self.clauses for one in clause.orders))


def split(text: str, facts: Facts, *, awaits_order: bool = False) -> tuple[Request, ...]:
    """Return the requests a text is made of, in order; a single one is the text as it stands.

    A text is cut only where each piece asks for something of its own. What only tells, greets,
    thanks or sets a condition stays with the request beside it. Where a risk, or the wish for a
    person, would show in no piece alone, nothing is cut. `awaits_order` says that we have asked for
    an order's number, so that a number alone is an answer.
    """
    whole = (Request(text=text),)
    if len(text) > _LONGEST:
        return whole
    clauses = list(_clauses(text, facts))
    groups = _grouped([_as_answer(one) for one in clauses] if awaits_order else clauses)
    if len(groups) < 2:
        return whole
    requests = tuple(_requests(text, groups))
    return requests if _shows_all(text, requests) else whole


def _clauses(text: str, facts: Facts) -> Iterator[_Clause]:
    place, start, opens = 0, 0, True
    for cut in [*_BOUNDARY.finditer(text), None]:
        body_end = cut.start() if cut else len(text)
        # A mark stays with the clause it ends; a conjunction or the sign of an item goes.
        end = cut.end() if cut and cut.lastgroup == "end" else body_end
        body = text[start:body_end]
        if body.strip(_EDGES):
            folded = fold(body).strip(f"{_EDGES}:¿¡")
            is_question = "?" in text[body_end:end] or "¿" in body
            yield _Clause(
                place=place,
                start=start,
                end=end,
                text=body,
                folded=folded,
                opens_sentence=opens,
                kinds=asking.kinds_asked(folded, is_question=is_question),
                orders=find_orders(body, facts),
            )
            place, opens = place + 1, False
        if cut:
            start = cut.end()
            opens = opens or cut.lastgroup in ("end", "item")


def _as_answer(clause: _Clause) -> _Clause:
    is_answer = bool(clause.orders) and is_bare(clause.text, clause.orders)
    return replace(clause, kinds=_ANSWER) if is_answer else clause


def _grouped(clauses: Sequence[_Clause]) -> list[_Group]:
    groups: list[_Group] = []
    ahead: list[_Clause] = []
    latest: _Group | None = None
    for clause in clauses:
        rest = clauses[clause.place + 1 :]
        if clause.kinds:
            latest = _join_or_add(groups, _Group(clauses=[*ahead, clause]))
            ahead = []
        elif latest and not ahead and not _leads_on(clause, rest):
            latest.clauses.append(clause)
        else:
            ahead.append(clause)
    if latest:
        latest.clauses.extend(ahead)
    return groups


def _join_or_add(groups: list[_Group], asked: _Group) -> _Group:
    known = next((group for group in groups if _is_one_wish(group, asked)), None)
    if known is None:
        groups.append(asked)
        return asked
    known.clauses.extend(asked.clauses)
    return known


def _is_one_wish(known: _Group, asked: _Group) -> bool:
    """Tell whether two groups want the same, or different things that belong together."""
    if known.kinds & asked.kinds:
        return True
    if known.orders and asked.orders and not set(known.orders) & set(asked.orders):
        return False
    if known.kinds == _ANSWER and asked.kinds & asking.ABOUT_ORDERS:
        return True
    return any(known.kinds & family and asked.kinds & family for family in asking.FAMILIES)


def _leads_on(clause: _Clause, rest: Sequence[_Clause]) -> bool:
    """Tell whether a clause that asks for nothing speaks of what the next request is about."""
    following = next((one for one in rest if one.kinds), None)
    if following is None:
        return False
    if asking.is_condition(clause.folded) and clause.opens_sentence:
        return not rest[0].opens_sentence
    if asking.depends(clause.folded) or _continues_a_list(clause):
        return False
    if following.orders:
        return bool(set(clause.orders) & set(following.orders))
    return bool(clause.orders) or (clause.opens_sentence and points_back(following.text))


def _continues_a_list(clause: _Clause) -> bool:
    return not clause.opens_sentence and is_bare(clause.text, clause.orders)


def _requests(text: str, groups: Sequence[_Group]) -> Iterator[Request]:
    named: tuple[str, ...] = ()
    for group in groups:
        words = _words_of(text, group)
        is_about_one = bool(group.kinds & asking.ABOUT_ORDERS) or points_back(words)
        about = named if is_about_one and not _OTHER_ONE.search(fold(words)) else ()
        yield Request(
            text=words, orders=() if group.orders else about, answers=group.kinds >= _ANSWER
        )
        named = group.orders or named


def _words_of(text: str, group: _Group) -> str:
    """Return the group's clauses as they stand in the text, without what joined them to others."""
    spans: list[tuple[int, int, int]] = []
    for clause in sorted(group.clauses, key=lambda clause: clause.place):
        if spans and spans[-1][2] + 1 == clause.place:
            spans[-1] = (spans[-1][0], clause.end, clause.place)
        else:
            spans.append((clause.start, clause.end, clause.place))
    return " ".join(text[start:end].strip(_EDGES) for start, end, _ in spans)


def _shows_all(text: str, requests: Sequence[Request]) -> bool:
    """Tell whether what a person must see in the whole shows in one of its requests too."""
    risk = cues.find_risk(text)
    found = [cues.find_risk(request.text) for request in requests]
    if risk and (risk[0] in _WHOLE_RISKS or risk[0] not in [one[0] for one in found if one]):
        return False
    wants_person = [asks_for_person(request.text) for request in requests]
    return any(wants_person) or not asks_for_person(text)

"""The text of a document: one form, comments where they were, the same values."""

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration import workflow
from orchestration.types import Json
from orchestration.workflow.comments import read_comments
from orchestration.workflow.writing import write_text

PRESETS = ["support", "article", "product-description"]

UNTIDY = """\
# What becomes of a message.
#
# Asked for by Maria.

entry:   classify      # first of all
name: 'support'


nodes:
    # What it is about.
    classify: { kind: classify,   next: route }
    route:
        kind: route
        rules:
        # Always first.
        - name: risky
          when: {field: risk, is_not: none}   # whatever it is
          to: human
          # Nothing else goes to a human.

        - otherwise: simple
          name: "the # rest"
        exits:
            simple: answer
            human: escalate   # by Slack
    answer: {kind: reply, responders: [template], exits: {drafted: check, abstained: escalate,
             proposed: escalate}}
    check: {kind: check, exits: {passed: send, failed: escalate, unsure: escalate}}
    send:
        kind: send
    escalate: {kind: escalate, reason: |-
       it is # no comment
       }
# Whatever fails.
on_failure: escalate
# The end.
"""

TIDY = """\
# What becomes of a message.
#
# Asked for by Maria.

name: support
entry: classify  # first of all

nodes:
  # What it is about.
  classify: {kind: classify, next: route}
  route:
    kind: route
    rules:
      # Always first.
      - name: risky
        when: {field: risk, is_not: none}  # whatever it is
        to: human
        # Nothing else goes to a human.

      - {otherwise: simple, name: "the # rest"}
    exits:
      simple: answer
      human: escalate  # by Slack
  answer:
    kind: reply
    responders: [template]
    exits: {drafted: check, abstained: escalate, proposed: escalate}
  check: {kind: check, exits: {passed: send, failed: escalate, unsure: escalate}}
  send: {kind: send}
  escalate: {kind: escalate, reason: "it is # no comment"}
# Whatever fails.
on_failure: escalate
# The end.
"""


def source_of(preset: str) -> str:
    return (files("orchestration.presets") / f"{preset}.yaml").read_text("utf-8")


def comments_in(text: str) -> list[str]:
    return sorted(line.strip() for line in text.splitlines() if line.strip().startswith("#"))


def test_an_untidy_text_is_written_in_the_one_form() -> None:
    untidy = UNTIDY.replace("|-\n       it is # no comment\n       }", '"it is # no comment"}')

    assert workflow.format_text(untidy) == TIDY


def test_formatting_twice_changes_nothing() -> None:
    assert workflow.format_text(TIDY) == TIDY


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_shipped_says_the_same_once_it_is_formatted(preset: str) -> None:
    source = source_of(preset)

    formatted = workflow.format_text(source)

    assert workflow.format_text(formatted) == formatted
    assert workflow.read_document(formatted) == workflow.read_document(source)
    assert comments_in(formatted) == comments_in(source)


def test_json_is_written_as_yaml() -> None:
    content = workflow.read_document(TIDY)

    written = workflow.format_text(json.dumps(content))

    assert workflow.read_document(written) == content
    assert "# " not in written.replace("# rest", "").replace("# no comment", "")


def test_a_change_keeps_the_comments_around_it() -> None:
    content = workflow.read_document(TIDY)
    rules: Any = content["nodes"]["route"]["rules"]
    rules.insert(0, {"name": "urgent", "when": {"field": "urgency", "is": "urgent"}, "to": "human"})
    del content["nodes"]["classify"]

    written = workflow.rewrite(TIDY, content)

    assert workflow.read_document(written) == content
    assert comments_in(written) == [
        line for line in comments_in(TIDY) if line != "# What it is about."
    ]
    assert "      # Always first.\n      - name: risky\n" in written
    assert "{field: risk, is_not: none}  # whatever it is\n" in written


def test_a_document_that_says_the_same_keeps_its_text() -> None:
    source = source_of("support")

    assert workflow.rewrite(source, workflow.read_document(source)) is source


def test_a_changed_line_is_all_that_differs() -> None:
    content = workflow.read_document(TIDY)
    content["nodes"]["answer"]["responders"] = ["template", "knowledge"]

    diff = workflow.text_changes(TIDY, workflow.rewrite(TIDY, content), names=("1", "2"))

    changed = [line for line in diff.splitlines()[2:] if line[0] in "+-"]
    assert changed == ["-    responders: [template]", "+    responders: [template, knowledge]"]


SHORT = "a,yes,no,null,~,1,1.5,0x1f,1e3,.inf,2026-01-01,a: b,a:,- a,#,a #b,a# b,{,@a,%a,!a,&a,*a,?"
ODD = [
    "'",
    '"',
    "\\",
    " a",
    "a ",
    "",
    "é",
    "🙂",
    "\u2028",
    "\ufeff",
    "a\tb",
    "\x85",
    "=",
    "<<",
    "012",
    "a, b",
    "\r",
]
LONG = ["one\ntwo", "one\ntwo\n", "\n", "one\n\n", " a\nb", "one\n  two", "one \ntwo", "# a\n# b"]
WORDS = st.sampled_from([*SHORT.split(","), *ODD, *LONG])
TEXTS = WORDS | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    TEXTS
    | st.booleans()
    | st.none()
    | st.integers()
    | st.floats(allow_nan=False).filter(lambda number: abs(number) != float("inf")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(DOCUMENTS)
def test_any_document_is_read_back_as_it_was_written(content: Json) -> None:
    text = write_text(content)

    assert workflow.read_document(text) == content
    assert workflow.format_text(text) == text


@settings(max_examples=25, deadline=None)
@given(
    DOCUMENTS,
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12), st.booleans()), max_size=6),
)
def test_no_comment_is_lost_or_doubled(content: Json, places: list[tuple[int, int, bool]]) -> None:
    text = commented(write_text(content), places)

    formatted = workflow.format_text(text)

    assert workflow.read_document(formatted) == content
    assert workflow.format_text(formatted) == formatted
    assert marks_in(formatted) == marks_in(text)


def commented(text: str, places: list[tuple[int, int, bool]]) -> str:
    """Put comments beside lines or between them, where the text says the same with them."""
    for number, (place, indent, beside) in enumerate(places):
        lines = text.split("\n")
        at = place % len(lines)
        if beside:
            lines[at] = f"{lines[at]} # mark {number}!" if lines[at] else lines[at]
        else:
            lines.insert(at, f"{' ' * indent}# mark {number}!")
        changed = "\n".join(lines)
        if is_same(changed, text) and marks_in(changed) != marks_in(text):
            text = changed
    return text


def is_same(left: str, right: str) -> bool:
    try:
        return workflow.read_document(left) == workflow.read_document(right)
    except Exception:
        return False


def marks_in(text: str) -> list[str]:
    comments = read_comments(text)
    said = [*comments.header, *comments.footer, *comments.beside.values()]
    for lines in (*comments.before.values(), *comments.after.values()):
        said += lines
    return sorted(line for line in said if line)

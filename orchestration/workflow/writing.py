"""Documents as text, written in one form: what fits stands on one line, with its comments."""

import re
from collections.abc import Iterator, Mapping

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode

from orchestration.types import Json
from orchestration.workflow.comments import Comments, Path, item_key

LINE_WIDTH = 100

_HEAD = ("name", "entry", "input", "nodes", "on_failure")
_NODE_TAIL = ("timeout", "retries", "max_visits", "next", "exits")
_RESOLVER = YAML(typ="safe", pure=True).resolver
_STRING = "tag:yaml.org,2002:str"
# Characters with which a text may begin and go on, unquoted, wherever it stands.
_PLAIN = re.compile(r"[^\W]([^\[\]{},#:\"'`|>&*!%@\\]|:(?=\S)|(?<=\S)#|'|\")*")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
# Words that other readers of YAML take for a truth value.
_DOUBTFUL = re.compile(r"(?:null|true|false|yes|no|on|off|y|n)", re.IGNORECASE)


def write_text(content: Mapping[str, Json], comments: Comments | None = None) -> str:
    """Write a document as YAML, with the comments of an earlier text of it."""
    writer = _Writer(comments or Comments())
    return "\n".join([*writer.document(_in_order(content)), ""])


def _in_order(content: Mapping[str, Json]) -> dict[str, Json]:
    """Put the entries that every document and every node has into their usual order."""
    ordered = {key: content[key] for key in _HEAD if key in content} | dict(content)
    nodes = ordered.get("nodes")
    if isinstance(nodes, Mapping):
        ordered["nodes"] = {name: _node_in_order(node) for name, node in nodes.items()}
    return ordered


def _node_in_order(node: Json) -> Json:
    if not isinstance(node, Mapping):
        return node
    own = [key for key in node if key != "kind" and key not in _NODE_TAIL]
    keys = ["kind", *own, *_NODE_TAIL]
    return {key: node[key] for key in keys if key in node}


class _Writer:
    def __init__(self, comments: Comments) -> None:
        self._comments = comments

    def document(self, content: Mapping[str, Json]) -> list[str]:
        lines = list(self._comments.header)
        for key, value in content.items():
            lines += self._entry(f"{_text(key)}:", value, 0, (key,))
        lines += self._comments.footer
        return list(_without_needless_blanks(lines))

    def _entry(self, start: str, value: Json, indent: int, path: Path) -> Iterator[str]:
        """Yield the lines of one entry, whose first begins with its key or dash."""
        pad = " " * indent
        yield from (f"{pad}{line}" if line else "" for line in self._comments.before.get(path, ()))
        lines = list(self._value(start, value, indent, path))
        beside = self._comments.beside.get(path)
        first = f"{pad}{lines[0]}"
        yield f"{first}  {beside}" if beside else first
        yield from lines[1:]
        yield from (f"{pad}{line}" if line else "" for line in self._comments.after.get(path, ()))

    def _value(self, start: str, value: Json, indent: int, path: Path) -> Iterator[str]:
        if isinstance(value, str) and _is_literal(value):
            yield f"{start} |{'' if value.endswith(chr(10)) else '-'}"
            lines = value.removesuffix("\n").split("\n")
            yield from (f"{' ' * (indent + 2)}{line}" if line else "" for line in lines)
            return
        flow = f"{start} {_flow(value)}"
        if not self._needs_lines(value, path, indent + len(flow)):
            yield flow
        else:
            yield from self._in_lines(start, value, indent + 2, path)

    def _in_lines(
        self, start: str, value: Mapping[str, Json] | list[Json], indent: int, path: Path
    ) -> Iterator[str]:
        if isinstance(value, Mapping):
            inner = [(f"{_text(key)}:", key, each) for key, each in value.items()]
        else:
            inner = [("-", item_key(value, index), each) for index, each in enumerate(value)]
        entries = [
            line
            for name, key, each in inner
            for line in self._entry(name, each, indent, (*path, key))
        ]
        # The first entry of an item stands beside the dash, unless something is said before it.
        if start == "-" and not self._comments.before.get((*path, inner[0][1])):
            yield f"- {entries[0].lstrip()}"
            yield from entries[1:]
        else:
            yield start
            yield from entries

    def _needs_lines(self, value: Json, path: Path, width: int) -> bool:
        if not isinstance(value, Mapping | list) or not value:
            return False
        if path == ("nodes",) or path in self._comments.around:
            return True
        return width > LINE_WIDTH or _has_lines(value)


def _without_needless_blanks(lines: list[str]) -> Iterator[str]:
    """Yield the lines with at most one blank between two others, and none at the end."""
    before = ""
    for line in lines:
        yield from [line] if line or before else []
        before = line


def _has_lines(value: Json) -> bool:
    if isinstance(value, Mapping):
        return any(_has_lines(each) for each in value.values())
    if isinstance(value, list):
        return any(_has_lines(each) for each in value)
    return isinstance(value, str) and _is_literal(value)


def _is_literal(text: str) -> bool:
    """Tell whether a text of several lines can be written line by line."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and all(line.isprintable() and line == line.rstrip() for line in lines)
        and bool(lines[0])
        and bool(lines[-1])
        and not lines[0].startswith(" ")
    )


def _flow(value: Json) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    return text if _is_plain(text) else f'"{"".join(map(_escaped, text))}"'


def _is_plain(text: str) -> bool:
    if not _PLAIN.fullmatch(text) or not text.isprintable() or text != text.rstrip():
        return False
    if _DOUBTFUL.fullmatch(text) or text.endswith(":"):
        return False
    return str(_RESOLVER.resolve(ScalarNode, text, (True, False))) == _STRING


def _escaped(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""The comments and blank lines of a document's text, by the entry beside which they stand."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orchestration.types import Json

# The way from the document to an entry: keys, and for an item of a list what `item_key` calls it.
Path = tuple[str, ...]


@dataclass
class Comments:
    """What stands around entries: `before` on lines of its own, `beside` on theirs, and `after`.

    A blank line is an empty text; `header` and `footer` belong to the document as a whole.
    """

    header: list[str] = field(default_factory=list)
    before: dict[Path, list[str]] = field(default_factory=dict)
    beside: dict[Path, str] = field(default_factory=dict)
    after: dict[Path, list[str]] = field(default_factory=dict)
    footer: list[str] = field(default_factory=list)

    @cached_property
    def around(self) -> frozenset[Path]:
        """The entries that have a comment at an entry within them."""
        said = [*self.beside, *(at for at, lines in self.before.items() if any(lines)), *self.after]
        return frozenset(path[:depth] for path in said for depth in range(len(path)))


@dataclass(frozen=True)
class _Entry:
    line: int
    column: int
    path: Path


def read_comments(source: str) -> Comments:
    """Find the comments of a text that can be read; JSON has none."""
    root = None if source.lstrip().startswith("{") else YAML(typ="safe", pure=True).compose(source)
    return _Reader(source, root).read() if root else Comments()


def item_key(items: list[Json], index: int) -> str:
    """Call an item of a list by its name where it has one that no other has, else by its place."""
    names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
    own = names[index]
    is_telling = isinstance(own, str) and names.count(own) == 1
    return f"[{own}]" if is_telling else f"[{index}]"


class _Reader:
    def __init__(self, source: str, root: Node) -> None:
        self._lines = split_lines(source)
        self._texts = _Texts(self._lines, root)
        self._entries = list(_entries(root, (), self._lines))
        self._starts = [entry.line for entry in self._entries]
        self._comments = Comments()
        self._waiting: list[str] = []

    def read(self) -> Comments:
        for number, line in enumerate(self._lines):
            place = bisect_left(self._starts, number)
            here = place < len(self._starts) and self._starts[place] == number
            if here:
                self._put_before(self._entries[place], is_first=place == 0)
            column = self._texts.comment_at(number)
            if column is None:
                if not line.strip() and not self._texts.is_inside(number):
                    self._waiting.append("")
            elif here:
                self._comments.beside[self._entries[place].path] = line[column:].rstrip()
            elif line[:column].strip():
                # Beside a bracket or a dash alone.
                self._waiting.append(line[column:].rstrip())
            else:
                self._keep(number, column, line.strip())
        while self._waiting and not self._waiting[-1]:
            self._waiting.pop()
        self._comments.footer.extend(self._waiting)
        return self._comments

    def _put_before(self, entry: _Entry, *, is_first: bool) -> None:
        lines, self._waiting = self._waiting, []
        if is_first and "" in lines:
            # What a blank line sets apart is about the document, not about its first entry.
            end = len(lines) - lines[::-1].index("")
            self._comments.header.extend(lines[:end])
            lines = lines[end:]
        if lines:
            self._comments.before[entry.path] = lines

    def _keep(self, number: int, column: int, text: str) -> None:
        """Keep a comment on a line of its own: for what follows, unless it is set in deeper."""
        place = bisect_right(self._starts, number)
        is_about_next = place < len(self._entries) and column <= self._entries[place].column
        above = (entry for entry in self._entries[:place][::-1] if entry.column <= column)
        owner = None if is_about_next else next(above, None)
        if owner is None:
            self._waiting.append(text)
        else:
            self._comments.after.setdefault(owner.path, []).extend([*self._waiting, text])
            self._waiting = []


def split_lines(source: str) -> list[str]:
    """Split a text where YAML does; Python knows more ends of a line."""
    return re.split(r"\r\n|[\n\r]", source)


def _entries(node: Node, path: Path, lines: list[str]) -> Iterator[_Entry]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            yield _Entry(key.start_mark.line, key.start_mark.column, inner)
            yield from _entries(value, inner, lines)
    elif isinstance(node, SequenceNode):
        items = [_named(item) for item in node.value]
        for index, item in enumerate(node.value):
            inner = (*path, item_key(items, index))
            line, column = item.start_mark.line, item.start_mark.column
            # An item is set in as its dash is, which its value follows.
            dash = -1 if node.flow_style else lines[line].rfind("-", 0, column)
            yield _Entry(line, dash if dash >= 0 else column, inner)
            yield from _entries(item, inner, lines)


def _named(node: Node) -> Json:
    if not isinstance(node, MappingNode):
        return None
    return {
        str(key.value): value.value
        for key, value in node.value
        if isinstance(value, ScalarNode) and key.value == "name"
    }


class _Texts:
    """Where the values of a text lie, in which a number sign is no comment."""

    def __init__(self, lines: list[str], root: Node) -> None:
        self._lines = lines
        self._spans: dict[int, list[tuple[int, int]]] = {}
        self._inside: set[int] = set()
        for scalar in _scalars(root):
            self._add(scalar)

    def is_inside(self, number: int) -> bool:
        """Tell whether a line belongs to a value that began on an earlier one."""
        return number in self._inside

    def comment_at(self, number: int) -> int | None:
        """Return the column at which a comment begins on this line, if one does."""
        if number in self._inside and not self._spans.get(number):
            return None
        line, spans = self._lines[number], self._spans.get(number, [])
        for column, character in enumerate(line):
            if character != "#" or (column and not line[column - 1].isspace()):
                continue
            if not any(start <= column < end for start, end in spans):
                return column
        return None

    def _add(self, scalar: ScalarNode) -> None:
        start, end = scalar.start_mark, scalar.end_mark
        if scalar.style in ("|", ">"):
            last = end.line - 1 if end.column == 0 else end.line
            while last > start.line and not self._lines[min(last, len(self._lines) - 1)].strip():
                last -= 1
            self._inside.update(range(start.line + 1, last + 1))
            return
        for number in range(start.line, end.line + 1):
            left = start.column if number == start.line else 0
            right = end.column if number == end.line else len(self._lines[number])
            self._spans.setdefault(number, []).append((left, right))
            if number > start.line:
                self._inside.add(number)


def _scalars(node: Node) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield from _scalars(key)
            yield from _scalars(value)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _scalars(item)

"""What Slack accepts as Block Kit: the documented shapes and limits, and where they are broken.

Source: https://docs.slack.dev/reference/block-kit, and for the total of a message
https://github.com/slackapi/bolt-js/issues/2509.
"""

from collections.abc import Callable, Iterator
from typing import Any

MOST_BLOCKS = {"message": 50, "modal": 100, "home": 100}
LONGEST_MESSAGE = 13_200
LONGEST_MARKDOWN = 12_000
LONGEST_VALUE = 2_000
LONGEST_ID = 255
# How many elements a block of a kind may have.
_MOST_ELEMENTS = {"actions": 25, "context": 10, "context_actions": 5}
_INPUTS = {
    "plain_text_input", "static_select", "users_select", "conversations_select",
    "channels_select", "multi_static_select", "radio_buttons", "checkboxes", "datepicker",
    "timepicker", "datetimepicker", "number_input", "email_text_input", "url_text_input",
    "file_input", "rich_text_input", "external_select", "multi_users_select",
}  # fmt: skip
_ACTIONS = {
    "button", "overflow", "static_select", "users_select", "conversations_select",
    "channels_select", "datepicker", "timepicker", "datetimepicker", "radio_buttons",
    "checkboxes", "external_select", "multi_static_select", "multi_users_select",
    "workflow_button",
}  # fmt: skip

Broken = Iterator[str]


def problems(blocks: Any, *, surface: str = "message") -> list[str]:
    """Return all that Slack would refuse, each with its place; an empty list where it is fine."""
    if not isinstance(blocks, list):
        return ["blocks is no list"]
    return [*_surface(blocks, surface), *_all_blocks(blocks, surface)]


def view_problems(view: Any) -> list[str]:
    """Return all that Slack would refuse of a modal or an App Home."""
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        return ["view.type must be modal or home"]
    found = problems(view.get("blocks"), surface=view["type"])
    if view["type"] == "modal":
        found += _text(view.get("title"), "title", most=24, kinds=("plain_text",))
        for name in ("submit", "close"):
            if name in view:
                found += _text(view[name], name, most=24, kinds=("plain_text",))
        if "submit" not in view and any(b.get("type") == "input" for b in view.get("blocks", [])):
            found.append("submit is needed where there is an input block")
    found += _length(view.get("private_metadata"), "private_metadata", 3_000)
    found += _length(view.get("callback_id"), "callback_id", LONGEST_ID)
    return found


def size(blocks: list[Any]) -> int:
    """Return how many characters all texts of the blocks have."""
    return sum(len(text) for text in _texts(blocks))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _surface(blocks: list[Any], surface: str) -> Broken:
    if len(blocks) > MOST_BLOCKS[surface]:
        yield f"{len(blocks)} blocks; {MOST_BLOCKS[surface]} are allowed"
    if surface == "message" and size(blocks) > LONGEST_MESSAGE:
        yield f"msg_blocks_too_long: {size(blocks)} characters in all"
    markdown = [b for b in blocks if isinstance(b, dict) and b.get("type") == "markdown"]
    if sum(len(str(b.get("text"))) for b in markdown) > LONGEST_MARKDOWN:
        yield f"more than {LONGEST_MARKDOWN} characters of markdown in one message"


def _all_blocks(blocks: list[Any], surface: str) -> Broken:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        place = f"blocks[{index}]"
        kind = block.get("type") if isinstance(block, dict) else None
        if kind not in _BLOCKS:
            yield f"{place}: unknown block type {kind!r}"
            continue
        yield from _length(block.get("block_id"), f"{place}.block_id", LONGEST_ID)
        if (id := block.get("block_id")) and id in seen:
            yield f"{place}.block_id {id!r} stands there twice"
        seen.add(block.get("block_id") or place)
        if kind == "input" and surface == "message":
            yield f"{place}: an input block stands in views only"
        yield from _BLOCKS[kind](block, place)


def _text(value: Any, place: str, *, most: int, kinds: tuple[str, ...]) -> list[str]:
    if not isinstance(value, dict) or value.get("type") not in kinds:
        return [f"{place} must be a {' or '.join(kinds)} object"]
    text = value.get("text")
    if not isinstance(text, str) or not text:
        return [f"{place}.text must have at least one character"]
    return _length(text, f"{place}.text", most)


def _length(value: Any, place: str, most: int) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, str):
        return [f"{place} must be a string"]
    return [f"{place} has {len(value)} characters of {most}"] if len(value) > most else []


_BOTH = ("plain_text", "mrkdwn")


def _section(block: Any, place: str) -> Broken:
    if "text" not in block and "fields" not in block:
        yield f"{place} needs text or fields"
    if "text" in block:
        yield from _text(block["text"], f"{place}.text", most=3_000, kinds=_BOTH)
    fields = block.get("fields", [])
    if len(fields) > 10 or ("fields" in block and not fields):
        yield f"{place}.fields has {len(fields)} of 1 to 10"
    for index, one in enumerate(fields):
        yield from _text(one, f"{place}.fields[{index}]", most=2_000, kinds=_BOTH)
    if "accessory" in block:
        yield from _element(block["accessory"], f"{place}.accessory", _ACTIONS | {"image"})


def _header(block: Any, place: str) -> Broken:
    yield from _text(block.get("text"), f"{place}.text", most=150, kinds=("plain_text",))


def _markdown(block: Any, place: str) -> Broken:
    if not isinstance(block.get("text"), str) or not block["text"]:
        yield f"{place}.text must have at least one character"
    else:
        yield from _length(block["text"], f"{place}.text", LONGEST_MARKDOWN)


def _context(block: Any, place: str) -> Broken:
    yield from _count(block, place)
    for index, one in enumerate(block.get("elements", [])):
        if isinstance(one, dict) and one.get("type") == "image":
            continue
        yield from _text(one, f"{place}.elements[{index}]", most=3_000, kinds=_BOTH)


def _actions(block: Any, place: str) -> Broken:
    yield from _count(block, place)
    yield from _elements(block, place, _ACTIONS)


def _context_actions(block: Any, place: str) -> Broken:
    yield from _count(block, place)
    yield from _elements(block, place, {"feedback_buttons", "icon_button"})


def _count(block: Any, place: str) -> Broken:
    elements = block.get("elements")
    most = _MOST_ELEMENTS[block["type"]]
    if not isinstance(elements, list) or not 1 <= len(elements) <= most:
        yield f"{place}.elements must have 1 to {most}"


def _elements(block: Any, place: str, kinds: set[str]) -> Broken:
    seen: set[str] = set()
    for index, one in enumerate(block.get("elements") or []):
        here = f"{place}.elements[{index}]"
        yield from _element(one, here, kinds)
        action = one.get("action_id") if isinstance(one, dict) else None
        if action in seen:
            yield f"{here}.action_id {action!r} stands in the block twice"
        seen.add(action or here)


def _element(one: Any, place: str, kinds: set[str]) -> Broken:
    kind = one.get("type") if isinstance(one, dict) else None
    if kind not in kinds:
        yield f"{place}: {kind!r} cannot stand here"
        return
    yield from _length(one.get("action_id"), f"{place}.action_id", LONGEST_ID)
    if "placeholder" in one:
        kinds_of_text = ("plain_text",)
        yield from _text(one["placeholder"], f"{place}.placeholder", most=150, kinds=kinds_of_text)
    if "confirm" in one:
        yield from _confirm(one["confirm"], f"{place}.confirm")
    if kind in _ELEMENTS:
        yield from _ELEMENTS[kind](one, place)


def _confirm(confirm: Any, place: str) -> Broken:
    yield from _text(confirm.get("title"), f"{place}.title", most=100, kinds=("plain_text",))
    yield from _text(confirm.get("text"), f"{place}.text", most=300, kinds=_BOTH)
    yield from _text(confirm.get("confirm"), f"{place}.confirm", most=30, kinds=("plain_text",))
    yield from _text(confirm.get("deny"), f"{place}.deny", most=30, kinds=("plain_text",))


def _button(one: Any, place: str) -> Broken:
    yield from _text(one.get("text"), f"{place}.text", most=75, kinds=("plain_text",))
    yield from _length(one.get("value"), f"{place}.value", LONGEST_VALUE)
    yield from _length(one.get("url"), f"{place}.url", 3_000)
    if one.get("style") not in (None, "primary", "danger"):
        yield f"{place}.style may be primary or danger"


def _overflow(one: Any, place: str) -> Broken:
    yield from _options(one, place, most=5, longest_value=150)
    for index, option in enumerate(one.get("options") or ()):
        if "url" in option:
            yield from _link(option["url"], f"{place}.options[{index}].url")


def _link(url: Any, place: str) -> Broken:
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        yield f"{place} must be the address of a page"
    yield from _length(url, place, 3_000)


def _select(one: Any, place: str) -> Broken:
    if "option_groups" not in one:
        yield from _options(one, place, most=100, longest_value=150)


def _options(one: Any, place: str, *, most: int, longest_value: int) -> Broken:
    options = one.get("options")
    if not isinstance(options, list) or not 1 <= len(options) <= most:
        yield f"{place}.options must have 1 to {most}"
        return
    for index, option in enumerate(options):
        here = f"{place}.options[{index}]"
        yield from _text(option.get("text"), f"{here}.text", most=75, kinds=_BOTH)
        if not isinstance(option.get("value"), str):
            yield f"{here}.value must be a string"
        yield from _length(option.get("value"), f"{here}.value", longest_value)


def _feedback(one: Any, place: str) -> Broken:
    for name in ("positive_button", "negative_button"):
        button = one.get(name)
        if not isinstance(button, dict):
            yield f"{place}.{name} is missing"
            continue
        here = f"{place}.{name}"
        yield from _text(button.get("text"), f"{here}.text", most=75, kinds=("plain_text",))
        yield from _length(button.get("value"), f"{here}.value", LONGEST_VALUE)
        if not isinstance(button.get("value"), str):
            yield f"{here}.value is missing"


def _plain_text_input(one: Any, place: str) -> Broken:
    yield from _length(one.get("initial_value"), f"{place}.initial_value", 3_000)
    if not 0 <= int(one.get("min_length", 0)) <= 3_000:
        yield f"{place}.min_length may be 0 to 3000"
    if not 1 <= int(one.get("max_length", 3_000)) <= 3_000:
        yield f"{place}.max_length may be 1 to 3000"


def _input(block: Any, place: str) -> Broken:
    yield from _text(block.get("label"), f"{place}.label", most=2_000, kinds=("plain_text",))
    if "hint" in block:
        yield from _text(block["hint"], f"{place}.hint", most=2_000, kinds=("plain_text",))
    yield from _element(block.get("element"), f"{place}.element", _INPUTS)


def _anything(_block: Any, _place: str) -> Broken:
    yield from ()


_BLOCKS: dict[str, Callable[[Any, str], Broken]] = {
    "section": _section,
    "header": _header,
    "markdown": _markdown,
    "context": _context,
    "context_actions": _context_actions,
    "actions": _actions,
    "input": _input,
    "divider": _anything,
    "rich_text": _anything,
    "image": _anything,
}
_ELEMENTS: dict[str, Callable[[Any, str], Broken]] = {
    "button": _button,
    "overflow": _overflow,
    "static_select": _select,
    "radio_buttons": _select,
    "checkboxes": _select,
    "feedback_buttons": _feedback,
    "plain_text_input": _plain_text_input,
}

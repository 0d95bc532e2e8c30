"""Checks the outer form of a draft: length, hidden characters and markup."""

import re
from collections.abc import Iterator

LONGEST = 4000

# Zero-width joiners inside an emoji are what makes it one emoji.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ue000-\uf8ff\ud800-\udfff\U000e0000-\U000e007f]"
    "|(?<![\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d"
)
_MARKUP = (
    (
        "a raw HTML tag",
        re.compile(r"</?[a-zA-Z][a-zA-Z0-9-]*(?:[\s/][^<>]{0,2000})?>|<!--|<!doctype", re.I),
    ),
    (
        "a raw HTML tag",
        re.compile(r"<(?:script|img|iframe|svg|style|object|embed|meta|form)\b", re.I),
    ),
    ("a Markdown image", re.compile(r"!\[[^\]\n]{0,500}\][(\[]")),
    ("a Slack mention", re.compile(r"<![a-z^]|<[@#][A-Z][A-Z0-9]{2,}", re.I)),
    ("a Slack mention", re.compile(r"(?<![\w.])@(?:here|channel|everyone|all)\b", re.I)),
)


def complaints(text: str) -> Iterator[str]:
    """Say what is wrong with a text's form."""
    if not text.strip():
        yield "the draft is empty"
    if len(text) > LONGEST:
        yield f"the draft has {len(text)} characters, more than {LONGEST}"
    hidden = _HIDDEN.search(text)
    if hidden:
        yield f"hidden character U+{ord(hidden.group()):04X}"
    for name, pattern in _MARKUP:
        found = pattern.search(text)
        if found:
            yield f"{name}: {found.group()[:60]}"

"""Texts of models and customers, made harmless for Slack and cut to what it takes."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

# Slack takes some 13,200 characters in one message, 12,000 of them Markdown; the rest is for what
# stands below the text. https://github.com/slackapi/bolt-js/issues/2509
LONGEST = 10_000
LONGEST_FALLBACK = 3_000
# Shows nothing, and keeps Slack from reading what it stands in as a command.
JOINER = "\u2060"

_COMMAND = re.compile(r"<(?=[@#!])")
_AT_ALL = re.compile(r"@(?=(?:channel|here|everyone)\b)", re.IGNORECASE)
_ANGLED = re.compile(r"<((?:https?|mailto|tel|slack):[^<>\s|]*)(?:\|([^<>]*))?>")
_LABELLED = re.compile(r"!?\[([^\]\n]*)\]\(\s*<?([^)\s>]*)>?[^)\n]*\)")
_DEFINED = re.compile(r"^( {0,3}\[[^\]\n]+\]):(?=\s*\S)", re.MULTILINE)
_BARE = re.compile(r"\b(https?|slack|mailto|tel|ftp):(?=\S)|\bwww\.(?=\w)", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>()\[\]|]+", re.IGNORECASE)


def disarm(text: str, *, link_domains: Collection[str] = ()) -> str:
    """Return a text that mentions nobody, names no channel and links nowhere but to these domains.

    Its words stay: a link with a label becomes the label and the address.
    """
    text = _COMMAND.sub(f"<{JOINER}", text)
    text = _AT_ALL.sub(f"@{JOINER}", text)
    text = _ANGLED.sub(lambda m: f"{m[2]} ({m[1]})" if m[2] else m[1], text)
    text = _LABELLED.sub(lambda m: f"{m[1]} ({m[2]})" if m[1] else m[2], text)
    text = _DEFINED.sub(rf"\1{JOINER}:", text)
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if not _is_allowed(match[0], link_domains):
            return match[0]
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    text = _BARE.sub(_unlink, _URL.sub(keep, text.replace("\0", "")))
    return re.sub("\0(\\d+)\0", lambda m: kept[int(m[1])], text)


def _unlink(match: re.Match[str]) -> str:
    return f"www{JOINER}." if match[1] is None else f"{match[1]}{JOINER}:"


def _is_allowed(url: str, domains: Collection[str]) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    if "@" in parts.netloc:
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def escape(text: str) -> str:
    """Return a text as mrkdwn and message texts need it: the three characters that mean more."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(text: str, most: int) -> str:
    """Return at most so many characters, with an ellipsis where something is left out."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def split(text: str, most: int = LONGEST) -> list[str]:
    """Cut a text into pieces that Slack takes, between paragraphs, lines or words where it can."""
    pieces = []
    while len(text) > most:
        cut = max(text.rfind(mark, most // 2, most) for mark in ("\n\n", "\n", " "))
        for mark in ("\n\n", "\n", " "):
            if (found := text.rfind(mark, most // 2, most)) > 0:
                cut = found
                break
        cut = cut if cut > 0 else most
        pieces.append(text[:cut].rstrip())
        text = text[cut:].lstrip("\n ")
    return [*pieces, text] if text or not pieces else pieces

"""Finds every link of a draft and checks where it leads."""

import re
from collections.abc import Iterator, Sequence

from orchestration.quality.facts import EMAIL, LINK

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{1,20}):", re.IGNORECASE)
_OTHER_SCHEME = re.compile(
    r"(?<![\w.+-])(?:javascript|data|vbscript|file|ftp|sms|tel|mailto|intent|blob)\s?:\s?[^\s<>)]+",
    re.I,
)
_MARKDOWN = re.compile(
    r"\]\(\s*<?([^)\s>]+)|^[ \t]{0,3}\[[^\]\n]{1,80}\]:[ \t]*(\S+)", re.MULTILINE
)
_BARE = re.compile(
    r"(?<![\w@.-])((?:[\w-]{1,63}\.){1,8}([^\W\d_]{2,24}"
    r"|xn--[a-z0-9-]{2,60})\.?)(?![\w-])((?::\d+)?/\S*)?"
)
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])(/\S*)?")
_DEFANGED = re.compile(r"\w(?:\[\.\]|\(\.\)|\s?[\[(]dot[\])]\s?)\w", re.IGNORECASE)
_DOTS = str.maketrans("。\uff0e｡", "...")
_TRAILING = ".,;:!?'\"”\u2019»)]}*_>"
_ENDINGS = frozenset(
    [
        "com",
        "net",
        "org",
        "info",
        "biz",
        "io",
        "co",
        "ai",
        "app",
        "dev",
        "shop",
        "store",
        "online",
        "site",
        "web",
        "xyz",
        "top",
        "club",
        "live",
        "link",
        "click",
        "example",
        "test",
        "invalid",
        "localhost",
        "local",
        "internal",
        "eu",
        "uk",
        "us",
        "ca",
        "au",
        "de",
        "fr",
        "es",
        "it",
        "nl",
        "pt",
        "at",
        "ch",
        "be",
        "pl",
        "se",
        "dk",
        "no",
        "fi",
        "ie",
        "br",
        "mx",
        "ru",
        "cn",
        "in",
        "jp",
        "me",
        "tv",
        "cc",
        "ly",
        "gg",
        "to",
        "gl",
        "su",
        "icu",
        "vip",
        "pro",
        "help",
        "support",
        "page",
        "cloud",
        "tech",
        "space",
        "website",
        "fun",
        "win",
        "work",
        "world",
        "today",
        "email",
        "money",
        "cash",
        "deals",
        "sale",
        "gift",
        "loan",
        "zip",
        "mov",
        "name",
        "mobi",
        "travel",
        "jobs",
        "edu",
        "gov",
        "int",
        "museum",
        "рф",
    ]
)


def complaints(text: str, domains: Sequence[str], *, quotable: str | None = None) -> Iterator[str]:
    """Name every link that leads elsewhere than to `domains` and their subdomains.

    With `quotable` a link with a path must also stand in that text, letter for letter.
    """
    allowed = tuple(_plain(domain) for domain in domains)
    plain = text.translate(_DOTS)
    for link in _links(plain):
        if not _is_allowed(link, allowed):
            yield f"link to a place that is not allowed: {link[:120]}"
        elif quotable is not None and _path(link) and link not in quotable:
            yield f"link that is in no evidence: {link[:120]}"
    defanged = _DEFANGED.search(plain)
    if defanged:
        yield f"a disguised link: {defanged.group()}"


def _links(text: str) -> Iterator[str]:
    for found in _OTHER_SCHEME.finditer(text):
        yield found.group().rstrip(_TRAILING)
    for found in _MARKDOWN.finditer(text):
        yield (found.group(1) or found.group(2)).rstrip(_TRAILING)
    for found in LINK.finditer(text):
        yield re.split(r"[|)\]]", found.group())[0].rstrip(_TRAILING)
    # What stands behind an @ is an e-mail address, which must be in the evidence.
    rest = EMAIL.sub(" ", LINK.sub(" ", text))
    for found in _BARE.finditer(rest):
        if found.group(3) or _is_domain(found.group(2)):
            yield found.group().rstrip(_TRAILING)
    for found in _ADDRESS.finditer(rest):
        yield found.group().rstrip(_TRAILING)


def _is_domain(ending: str) -> bool:
    # "days.It" is a forgotten space, "evil.it" a domain.
    return (
        ending in _ENDINGS
        or ending.startswith("xn--")
        or (ending.isupper() and (ending.lower() in _ENDINGS))
    )


def _is_allowed(link: str, allowed: Sequence[str]) -> bool:
    scheme = _SCHEME.match(link)
    has_scheme = scheme is not None and not link[scheme.end() : scheme.end() + 1].isdigit()
    if scheme and has_scheme and scheme.group(1).lower() not in ("http", "https"):
        return False
    rest = link[scheme.end() :] if scheme and has_scheme else link
    if has_scheme and not re.match(r"//[^/]", rest):
        return False
    authority = re.split(r"[/?#]", rest.removeprefix("//"), maxsplit=1)[0]
    # Browsers read a backslash as a slash; both it and user names serve only to deceive.
    if "\\" in link or "@" in authority or "%" in authority:
        return False
    host = authority.split(":")[0].rstrip(".").lower()
    return any(host == domain or host.endswith(f".{domain}") for domain in allowed)


def _path(link: str) -> str:
    parts = re.split(r"//", link, maxsplit=1)[-1].split("/", maxsplit=1)
    return parts[1] if len(parts) > 1 else ""


def _plain(domain: str) -> str:
    return domain.lower().removeprefix("*.").strip(".")

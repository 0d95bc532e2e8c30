"""The prompts, as files beside this one, and how a customer's words are put into them as data."""

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# A message longer than this is cut: nobody needs more, and every token is paid for.
LONGEST = 4000


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A prompt's text; `version` is a hash of it, so that a step shows which one was used."""

    name: str
    version: str
    text: str

    def fill(self, **values: str) -> str:
        """Return the text with its {{ names }} filled in; raises `KeyError` for a missing one."""
        filled = self.text
        for name in _names(self.text):
            filled = filled.replace("{{ " + name + " }}", values[name])
        return filled


@cache
def load(name: str) -> Prompt:
    """Return the prompt of this name."""
    text = Path(__file__).with_name(f"{name}.md").read_text(encoding="utf-8").strip()
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Prompt(name=name, version=version, text=text)


def new_fence() -> str:
    """Return a delimiter that nobody can have written into a message beforehand."""
    return f"data-{secrets.token_hex(8)}"


def as_data(kind: str, text: str, fence: str, *, longest: int = LONGEST) -> str:
    """Return a text as data between delimiters, without characters that hide what it says."""
    shown = clean(text).replace(fence, "")
    return f"<{fence} kind={kind}>\n{shown[:longest]}\n</{fence}>"


def clean(text: str) -> str:
    """Return a text without control, zero-width and direction characters, in its plain form."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(
        character
        for character in plain
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Co", "Cs")
    )


def _names(text: str) -> list[str]:
    return [part.split(" }}")[0] for part in text.split("{{ ")[1:]]

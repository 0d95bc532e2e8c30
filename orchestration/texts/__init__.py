"""Our own sentences in every shipped language, with the shop's own words in their place."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, tzinfo
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from ruamel.yaml import YAML

from orchestration.errors import BadInput
from orchestration.shop import LANGUAGES, Shop

# Every sentence may name the shop and the bot.
_ALWAYS = frozenset({"shop", "bot"})


class Texts:
    """What the bot says, by key and language; raises `BadInput` for wrong ones of the shop."""

    def __init__(self, shop: Shop) -> None:
        self._default = shop.language
        self._names = {"shop": shop.name, "bot": shop.bot_name}
        self._own = {(language, key): text for language, key, text in _own_texts(shop)}

    def say(self, key: str, language: str, /, **values: object) -> str:
        """Return the sentence in a language, else in the default language.

        Raises `KeyError` where there is no such sentence or a value is missing.
        """
        spoken = self.spoken(language)
        text = self._own.get((spoken, key)) or _shipped(spoken)["texts"][key]
        return str(text).format_map({**self._names, **values})

    def spoken(self, language: str) -> str:
        """Return the shipped language that stands for a code: `pt` for `pt-BR`, or the default."""
        short = language.replace("_", "-").split("-")[0].lower()
        return short if short in LANGUAGES else self._default

    def date(self, day: date, language: str) -> str:
        """Return a day as it is written in a language, with its month and year."""
        forms = _shipped(self.spoken(language))
        number = forms["first"] if day.day == 1 else str(day.day)
        return str(forms["date"]).format(
            weekday=forms["weekdays"][day.weekday()],
            day=number,
            month=forms["months"][day.month - 1],
            year=day.year,
        )

    def time(self, moment: datetime, language: str, zone: tzinfo) -> str:
        """Return a moment as the day and the time of day it is in a zone."""
        local = moment.astimezone(zone)
        form = str(_shipped(self.spoken(language))["time"])
        return form.format(
            date=self.date(local.date(), language), hour=local.hour, minute=local.minute
        )


def placeholders(text: str) -> frozenset[str]:
    """Return the names in braces; raises `ValueError` for anything but plain names in pairs."""
    found = set()
    for _, name, form, conversion in Formatter().parse(text):
        if form or conversion:
            raise ValueError(f"{{{name}}} takes no format")
        if name is not None:
            found.add(name)
    return frozenset(found)


@cache
def _shipped(language: str) -> Mapping[str, Any]:
    path = Path(__file__).with_name(f"{language}.yaml")
    content: Mapping[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return content


def _own_texts(shop: Shop) -> Iterator[tuple[str, str, str]]:
    for key, given in shop.texts.items():
        if isinstance(given, str):
            yield shop.language, key, _checked(key, given, field=f"texts.{key}")
            continue
        if key not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise BadInput(f"texts.{key}: not a language; there are: {known}", field=f"texts.{key}")
        for name, text in given.items():
            yield key, name, _checked(name, text, field=f"texts.{key}.{name}")


def _checked(key: str, text: str, *, field: str) -> str:
    shipped = _shipped("en")["texts"]
    if key not in shipped:
        known = ", ".join(sorted(shipped))
        raise BadInput(f"{field}: no text is named {key!r}; there are: {known}", field=field)
    if not text.strip():
        raise BadInput(f"{field}: is empty; leave it out to keep the shipped text", field=field)
    allowed = placeholders(shipped[key]) | _ALWAYS
    try:
        unknown = placeholders(text) - allowed
    except ValueError as broken:
        raise BadInput(f"{field}: {broken}; write {{{{ for a brace", field=field) from broken
    if unknown:
        usable = ", ".join(f"{{{name}}}" for name in sorted(allowed))
        raise BadInput(
            f"{field}: unknown {{{min(unknown)}}}; this text may use {usable}", field=field
        )
    return text

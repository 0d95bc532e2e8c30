"""Finds implementations by name: by decorator, in a folder, and by entry points of others."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from orchestration.errors import NotFound

T = TypeVar("T")


class Registry(Generic[T]):
    """Names and the classes or functions behind them.

    `package` is the folder whose modules register themselves; `frontdesk.<noun>` is the group of
    entry points by which third parties do so from their own package.
    """

    def __init__(self, noun: str, package: str) -> None:
        self.noun = noun
        self._package = package
        self._found: dict[str, T] = {}
        self._is_loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Register what follows under `name`; a second one under that name is an error."""

        def add(item: T) -> T:
            if name in self._found and self._found[name] is not item:
                raise ValueError(f"two {self.noun}s are named {name!r}")
            self._found[name] = item
            return item

        return add

    def get(self, name: str) -> T:
        """Return what is registered under `name`; raises `NotFound` naming what there is.

        A module of that name is loaded alone: what nobody uses costs nothing.
        """
        if name not in self._found and importlib.util.find_spec(f"{self._package}.{name}"):
            importlib.import_module(f"{self._package}.{name}")
        if name not in self._found:
            self._load()
        if name not in self._found:
            known = ", ".join(sorted(self._found))
            raise NotFound(f"no {self.noun} named {name!r}; there are: {known}")
        return self._found[name]

    def __contains__(self, name: str) -> bool:
        self._load()
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._found))

    def _load(self) -> None:
        if self._is_loaded:
            return
        self._is_loaded = True
        folder = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(folder.__path__, self._package + "."):
            importlib.import_module(module.name)
        for entry in entry_points(group=f"frontdesk.{self.noun.replace(' ', '_')}"):
            entry.load()

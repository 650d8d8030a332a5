"""Immutable mappings that can be hashed and, unlike `MappingProxyType`, pickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

V = TypeVar("V")


class FrozenMapping(Mapping[str, V]):
    """Immutable mapping with a stable order."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, V] | None = None) -> None:
        self._items = dict(items or {})

    def __getitem__(self, name: str) -> V:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


class HiddenMapping(FrozenMapping[V]):
    """Frozen mapping whose `repr` shows only the names, since values may be secrets."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


def freeze(value: object) -> object:
    """Return the value with all nested lists as tuples and all nested mappings frozen."""
    match value:
        case list() | tuple():
            return tuple(freeze(each) for each in value)
        case Mapping():
            return HiddenMapping({str(name): freeze(each) for name, each in value.items()})
        case _:
            return value

"""How local paths and keys map onto each other, and which mapping owns a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from buckia_core.planning.policy import Direction, Rules

Filter = Callable[[str], bool]
"""Takes a path relative to the mapping's local root, with slashes (a directory ends in one); true: takes part."""


def take_all(path: str) -> bool:  # noqa: ARG001  # it is a `Filter`
    """The filter that lets everything take part."""
    return True


@dataclass(frozen=True, slots=True)
class Mapping:
    """One local root, or one local file, and its place in the bucket.

    Attributes:
        id: Stable name, kept in the baseline: what the configuration says, not where it is on this machine.
        local: Absolute path of a directory, or of a file.
        remote: Of a directory: the key prefix, empty or with a slash at its end. Of a file: its key.
        is_file: Whether it maps a single file.
        rules: The rules that hold for its keys.
        accepts: The filter.
    """

    id: str
    local: str
    remote: str = ""
    is_file: bool = False
    rules: Rules = field(default_factory=Rules)
    accepts: Filter = take_all

    def takes(self, key: str) -> bool:
        """Tell whether the key has its place below this root and passes the filter."""
        if self.is_file:
            return key == self.remote
        if not key.startswith(self.remote) or len(key) == len(self.remote):
            return False
        path = key[len(self.remote) :]
        # A scan does not enter a directory that the filter refuses, whatever it says of what is in there.
        above = (path[: end + 1] for end, letter in enumerate(path) if letter == "/")
        return self.accepts(path) and (self.accepts is take_all or all(map(self.accepts, above)))

    def relative(self, key: str) -> str:
        """Return the key's path relative to the root, with slashes; of a single file, its key's last part."""
        return key.rsplit("/", 1)[-1] if self.is_file else key[len(self.remote) :]


def owner_of(key: str, mappings: Sequence[Mapping], *, remembered: str | None = None) -> Mapping | None:
    """Return the mapping that owns a key which no local file claims; `None` if the key takes no part.

    The mapping that the baseline remembers stays the owner as long as it takes the key. Else a single-file
    mapping of that very key; else the first root that lets content come down; else the first that takes it.
    """
    takers = [mapping for mapping in mappings if mapping.takes(key)]
    for mapping in takers:
        if mapping.id == remembered:
            return mapping
    takers.sort(key=lambda mapping: (not mapping.is_file, mapping.rules.direction is Direction.UP))
    return takers[0] if takers else None

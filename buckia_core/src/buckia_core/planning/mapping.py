"""How local paths and keys map onto each other, and which mapping owns a key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from buckia_core.planning.policy import Direction, SyncRules

PathPredicate = Callable[[str], bool]
"""Takes a path relative to the mapping's local root, with slashes (a directory ends in one); true: takes part."""


def accept_all(path: str) -> bool:  # noqa: ARG001  # it is a `Filter`
    """The filter that lets everything take part."""
    return True


@dataclass(frozen=True, slots=True)
class PathMapping:
    """One local root, or one local file, and its place in the bucket.

    Attributes:
        id: Stable name, kept in the baseline: what the configuration says, not where it is on this machine.
        local: Absolute path of a directory, or of a file.
        remote: Of a directory: the key prefix, empty or with a slash at its end. Of a file: its key.
        is_file: Whether it maps a single file.
        rules: The rules that hold for its keys.
        accepts: The filter.
        configured: The filter without what a single run adds to it; `None` if nothing does.
    """

    id: str
    local: str
    remote: str = ""
    is_file: bool = False
    rules: SyncRules = field(default_factory=SyncRules)
    path_filter: PathPredicate = accept_all
    configured_filter: PathPredicate | None = None

    def includes(self, key: str) -> bool:
        """Tell whether the key has its place below this root and passes the filter."""
        return self._includes(key, self.path_filter)

    def includes_by_configuration(self, key: str) -> bool:
        """Tell whether it takes the key in a run that adds nothing to the filter."""
        return self._includes(key, self.configured_filter or self.path_filter)

    def _includes(self, key: str, accepts: PathPredicate) -> bool:
        if self.is_file:
            return key == self.remote
        if not key.startswith(self.remote) or len(key) == len(self.remote):
            return False
        if accepts is accept_all:
            return True
        path = key[len(self.remote) :]
        # A scan does not enter a directory that the filter refuses, whatever it says of what is in there.
        above = (path[: end + 1] for end, letter in enumerate(path) if letter == "/")
        return accepts(path) and all(map(accepts, above))

    def relative_path(self, key: str) -> str:
        """Return the key's path relative to the root, with slashes; of a single file, its key's last part."""
        return key.rsplit("/", 1)[-1] if self.is_file else key[len(self.remote) :]


class Owners:
    """Tells which mapping owns a key that no local file claims.

    Args:
        mappings: In order. There may be many single files; roots are few.
    """

    def __init__(self, mappings: Sequence[PathMapping]) -> None:
        self._by_id = {mapping.id: mapping for mapping in mappings}
        self._files: defaultdict[str, list[PathMapping]] = defaultdict(list)
        self._roots = []
        for mapping in mappings:
            if mapping.is_file:
                self._files[mapping.remote].append(mapping)
            else:
                self._roots.append(mapping)

    def find(self, key: str, *, remembered: str | None = None) -> PathMapping | None:
        """Return the owner of a key; `None` if the key takes no part.

        The mapping that the baseline remembers stays the owner as long as it takes the key. Else a single-file
        mapping of that very key; else the first root that lets content come down; else the first that takes it.
        """
        before = self._by_id.get(remembered) if remembered is not None else None
        if before is not None and before.includes(key):
            return before
        found = self._first_receiving(self._files[key]) if key in self._files else None
        return found or self._first_receiving([root for root in self._roots if root.includes(key)])

    def _first_receiving(self, takers: Sequence[PathMapping]) -> PathMapping | None:
        receiving = (each for each in takers if each.rules.direction is not Direction.UP)
        return next(receiving, takers[0] if takers else None)

"""Selection: the objects that a name on a command line stands for.

name         objects
-----------------------------------------------------------------------------------------
a/b          the object of that key; with `recursive`, also those below `a/b/`
a/           all objects below it
a/*.png      the object of that key if there is one, else all whose keys match the pattern;
with `recursive`, also those below directories that match
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import stat_or_none
from buckia_core.errors import InvalidKey, InvalidSetting, NotFound
from buckia_core.planning.key_pattern import KeyPattern, has_wildcard, parent_prefix
from buckia_core.planning.keys import is_internal
from buckia_core.planning.manifest import RemoteObject


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects of one name.

    Attributes:
        name: The name, as it was given.
        base: The prefix that all keys share, and that copies do not get: `images/a.png` of `images/` becomes `a.png`.
        single: The object, with all its metadata, if the name is its key and nothing else was asked for.
        objects: The objects, in the order of their keys; an iterator that is read once.
    """

    name: str
    base: str
    single: RemoteObject | None
    objects: Iterator[RemoteObject]


def select(adapter: BaseSync, name: str, *, recursive: bool = False, internal: bool = False) -> Selection:
    """Find the objects of a name, of which there is at least one.

    What exists wins over a pattern: `a[1].png` is the object of that key, if there is one.

    Args:
        adapter: The bucket.
        name: The name. An empty one is the whole bucket.
        recursive: Include what is below a key, and below directories that match a pattern.
        internal: Include what belongs to Buckia itself, such as the records of shares, where the name does not say so.

    Raises:
        NotFound: There is no such object.
        InvalidSetting: The name is empty, without `recursive`.
        AdapterError: The bucket can't be read.
    """
    if not name and not recursive:
        raise InvalidSetting("an empty name is the whole bucket, which needs --recursive")
    shows_internal = internal or is_internal(name)
    single = _stat(adapter, name) if name and not name.endswith("/") else None
    if single is not None and not recursive:
        return Selection(name, parent_prefix(name), single, iter((single,)))
    is_folder = recursive or name.endswith("/")
    if is_folder:
        folder = name if not name or name.endswith("/") else f"{name}/"
        below = _visible(adapter.list_files(folder), shows_internal)
        found = _peek(below if single is None else chain((single,), below))
        if found is not None:
            return Selection(name, folder if folder == name else parent_prefix(name), None, found)
    if has_wildcard(name):
        pattern = KeyPattern(name)
        listed = _visible(adapter.list_files(pattern.prefix), shows_internal)
        found = _peek(each for each in listed if pattern.matches(each.key, below=recursive))
        if found is not None:
            return Selection(name, pattern.base, None, found)
    raise _nothing_found(adapter, name, is_folder=is_folder, recursive=recursive)


def _stat(adapter: BaseSync, key: str) -> RemoteObject | None:
    try:
        return stat_or_none(adapter.stat_file, key)
    except InvalidKey:
        # No such object can exist, so the name can only be a pattern.
        if not has_wildcard(key):
            raise
        return None


def _visible(objects: Iterable[RemoteObject], shows_internal: bool) -> Iterator[RemoteObject]:
    return (each for each in objects if shows_internal or not is_internal(each.key))


def _peek(objects: Iterable[RemoteObject]) -> Iterator[RemoteObject] | None:
    """Return the objects; `None` if there are none."""
    remaining = iter(objects)
    first = next(remaining, None)
    return None if first is None else chain((first,), remaining)


def _nothing_found(adapter: BaseSync, name: str, *, is_folder: bool, recursive: bool) -> NotFound:
    if has_wildcard(name):
        message = f"{name!r}: no key matches this pattern"
        directories = KeyPattern(name)
        if not recursive and any(
            directories.matches(each.key, below=True) for each in adapter.list_files(directories.prefix)
        ):
            message += ", and to take what is in directories that match it, give --recursive"
    elif is_folder:
        message = f"{name!r}: there is no such object, and none below it" if name else "the bucket is empty"
    else:
        message = f"{name!r}: there is no such object"
        if next(iter(adapter.list_files(f"{name}/")), None) is not None:
            message += "; for everything below it, give --recursive or end it in a slash"
    return NotFound(message, provider=adapter.provider, key=name)

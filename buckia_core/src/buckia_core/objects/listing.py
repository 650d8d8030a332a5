"""Listings by pages: folders by a delimiter, and tokens that resume a listing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.config.parsers import check_whole_number
from buckia_core.errors import InvalidSetting
from buckia_core.planning.manifest import RemoteObject

MAX_KEYS = 1000
"""Entries of a page, unless the caller says otherwise."""

_SKIP_AFTER = 200
"""Objects of one folder that are read before the listing starts again behind it, which costs a request."""

_LAST = "\U0010ffff"
"""The last character: almost no key of a folder comes after the folder's name and this."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing.

    Attributes:
        objects: The objects, in the order of their keys.
        prefixes: With a delimiter, the folders: common beginnings of keys, up to and with the delimiter.
        next_token: Token of the next page, which may be empty; `None` after the last one.
    """

    objects: tuple[RemoteObject, ...] = ()
    prefixes: tuple[str, ...] = ()
    next_token: str | None = None


def directory_prefix(prefix: str, *, partial_names: bool = False) -> str:
    """Return a prefix that ends at a slash, so that `img` does not match `img-old/a`; unchanged with `partial_names`.

    Raises:
        InvalidSetting: It is no string.
    """
    if not isinstance(prefix, str):
        raise InvalidSetting(f"prefix must be a string, not {prefix!r}")
    return prefix if partial_names or not prefix or prefix.endswith("/") else f"{prefix}/"


def list_page(adapter: BaseSync, prefix: str, *, delimiter: str = "", max_keys: int, token: str | None) -> Page:
    """Return the page of a listing that starts after a token.

    Raises:
        InvalidSetting: The token is of no listing, or `max_keys` is less than 1.
        AdapterError: The listing failed.
    """
    check_whole_number(max_keys, "max_keys")
    objects: list[RemoteObject] = []
    prefixes: list[str] = []
    last = None if token is None else _decode(token)
    for entry in _entries(adapter, prefix, delimiter, last):
        if isinstance(entry, str):
            prefixes.append(entry)
            last = entry
        else:
            objects.append(entry)
            last = entry.key
        if len(objects) + len(prefixes) == max_keys:
            return Page(tuple(objects), tuple(prefixes), _encode(last))
    return Page(tuple(objects), tuple(prefixes))


def _entries(adapter: BaseSync, prefix: str, delimiter: str, after: str | None) -> Iterator[RemoteObject | str]:
    """Yield objects and folders after a key or a folder, in order."""
    folder = after if after is not None and delimiter and _is_folder(after, prefix, delimiter) else None
    start = after if folder is None else _behind(adapter, folder)
    while True:
        read = 0
        for found in adapter.list_files(prefix, start_after=start):
            if folder is not None and found.key.startswith(folder):
                read += 1
                if read == _SKIP_AFTER and start != (behind := _behind(adapter, folder)) and behind != folder:
                    start = behind
                    break
                continue
            end = found.key.find(delimiter, len(prefix)) if delimiter else -1
            if end < 0:
                folder = None
                yield found
            else:
                folder, read = found.key[: end + len(delimiter)], 1
                yield folder
        else:
            return


def _behind(adapter: BaseSync, folder: str) -> str:
    """Return a name behind the keys of a folder; the folder's own if that would be longer than keys can be."""
    name = f"{folder}{_LAST}"
    return name if len(name.encode()) <= adapter.capabilities.max_key_bytes else folder


def _is_folder(name: str, prefix: str, delimiter: str) -> bool:
    return name.startswith(prefix) and name.find(delimiter, len(prefix)) == len(name) - len(delimiter)


def _encode(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _decode(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError, TypeError):
        raise InvalidSetting("continuation_token is not one that `list` returned") from None

"""Accounts of other tools that provider `b2` takes over: B2 remotes of rclone, and accounts of the command `b2`."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from buckia_core.adapters.plugins.account_sources import FoundAccount
from buckia_core.config.rclone_file import read_rclone_remotes
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import ConfigError
from buckia_core.localfs.sqlite_uri import sqlite_uri

ACCOUNT_VARIABLE = "B2_ACCOUNT_INFO"

_MAX_STEPS = 100_000
"""Steps of SQLite's machine within which an account is read; it takes about twenty."""

_PRODUCTION = ("", "production", "https://api.backblazeb2.com", "https://api.backblaze.com")
_UNNEEDED = frozenset({
    "account", "key", "endpoint", "hard_delete", "description", "chunk_size", "upload_cutoff", "copy_cutoff",
    "upload_concurrency", "disable_checksum", "memory_pool_flush_time", "memory_pool_use_mmap", "encoding",
})  # fmt: skip


def find_rclone_remotes() -> Iterator[FoundAccount]:
    """Yield the remotes of rclone with the backend `b2`.

    Raises:
        ConfigError: `rclone.conf` is encrypted or malformed.
    """
    for remote in read_rclone_remotes():
        options = remote.options
        if remote.type != "b2" or not {"account", "key"} <= options.keys():
            continue
        settings: dict[str, object] = {"application_key_id": options["account"]}
        if options.get("endpoint"):
            endpoint = options["endpoint"]
            settings["api_url"] = endpoint if "://" in endpoint else f"https://{endpoint}"
        if remote.is_on("hard_delete"):
            settings["deletion"] = "version"
        left_out = sorted(set(options) - _UNNEEDED)
        notes = (f"These options of the remote were left out: {', '.join(left_out)}.",) if left_out else ()
        yield FoundAccount(remote.name, "b2", settings, {"application_key": Secret(options["key"])}, notes)


def find_b2_accounts() -> Iterator[FoundAccount]:
    """Yield the accounts that `b2 account authorize` has stored: the default one, then profiles.

    The files are opened for reading only: b2sdk's own reader creates and migrates them.

    Raises:
        ConfigError: A file is not one of the command `b2`.
    """
    for name, path in _account_files():
        row = _read(path)
        if row is not None:
            yield _take_over(name, row)


def _account_files() -> Iterator[tuple[str, Path]]:
    if given := os.environ.get(ACCOUNT_VARIABLE):
        yield "", Path(os.path.expanduser(given))
        return
    home = Path(os.path.expanduser("~"))
    places = [home / ".b2_account_info"]
    profiles = {each.name[len(".b2db-") : -len(".sqlite")]: each for each in home.glob(".b2db-*.sqlite")}
    xdg = os.environ.get("XDG_CONFIG_HOME") or ("" if sys.platform in ("win32", "darwin") else str(home / ".config"))
    if xdg:
        places.append(Path(xdg, "b2", "account_info"))
        for each in Path(xdg, "b2").glob("db-*.sqlite"):
            profiles.setdefault(each.name[len("db-") : -len(".sqlite")], each)
    default = next((path for path in places if path.is_file()), None)
    if default is not None:
        yield "", default
    yield from sorted(profiles.items())


def _read(path: Path) -> dict[str, Any] | None:
    """Return the account in a file; `None` if it has none."""
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(sqlite_uri(path.absolute(), "mode=ro"), uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            # In a file of somebody else, `account` may be a view that never ends.
            connection.set_progress_handler(lambda: 1, _MAX_STEPS)
            found = connection.execute("SELECT * FROM account").fetchone()
    except sqlite3.Error:
        pass
    else:
        if found is None:
            return None
        row = dict(found)
        if all(isinstance(row.get(name), str) and row[name] for name in ("account_id", "application_key")):
            return row
    raise ConfigError("is not an account file of the command `b2`; run: b2 account authorize", source=str(path))


def _take_over(name: str, row: dict[str, Any]) -> FoundAccount:
    settings: dict[str, object] = {"application_key_id": row.get("account_id_or_app_key_id") or row["account_id"]}
    realm = str(row.get("realm") or "")
    if realm not in _PRODUCTION:
        if not re.match(r"https?://", realm):
            raise ConfigError(f"the command `b2` uses the realm {realm!r}, which Buckia does not know")
        settings["api_url"] = realm
    buckets, prefix = _allowed(row.get("allowed"))
    if len(buckets) == 1:
        settings["bucket_name"] = buckets[0]
    if prefix.endswith("/"):
        settings["prefix"] = prefix
    return FoundAccount(name, "b2", settings, {"application_key": Secret(str(row["application_key"]))})


def _allowed(text: str | None) -> tuple[list[str], str]:
    """Return the buckets that a key is limited to, and the prefix, from the JSON of the service."""
    try:
        allowed = json.loads(text or "{}") or {}
        names = [each.get("name") for each in allowed.get("buckets") or ()] or [allowed.get("bucketName")]
        return [name for name in names if name and isinstance(name, str)], str(allowed.get("namePrefix") or "")
    except (AttributeError, TypeError, ValueError, RecursionError):
        return [], ""

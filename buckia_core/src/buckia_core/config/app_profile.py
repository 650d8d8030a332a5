"""The setting `app`: the data of an app, which has a folder a user, a demo folder, and an SQLite database."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from buckia_core.config.path_rules import PathRule, parse_folders
from buckia_core.config.values import STRING_LIST_SCHEMA, as_bool, as_str, as_str_list, check_names, invalid_value
from buckia_core.planning.policy import Direction

MIN_ID_LENGTH = 22
"""Least length of an id that can't be guessed: 128 bits in base64."""


@dataclass(frozen=True, slots=True)
class AppProfile:
    """Data of an app: what it keeps locally, and where that is in the bucket.

    Attributes:
        documents: Local directory of the app's files, relative to the directory of the configuration.
        user: Id of the user: a folder in `documents` and at the top of the bucket; `None` if there is none.
        demo: Id of the demo folder, which is only downloaded; `None` if there is none.
        database: Path of the SQLite database in `documents`, whose copies have its name; `None` if there is none.
        backup: Whether the database is uploaded into the user's folder.
        leave_out: Tables that `apply-demo` leaves as they are.
    """

    documents: str = "."
    user: str | None = None
    demo: str | None = None
    database: str | None = None
    backup: bool = True
    leave_out: tuple[str, ...] = ()

    @property
    def database_name(self) -> str | None:
        """The name of the database, here and in a folder of the bucket."""
        return self.database.rpartition("/")[2] if self.database else None

    @property
    def database_path(self) -> str | None:
        """The path of the database, relative to the directory of the configuration."""
        return os.path.join(self.documents, self.database) if self.database else None

    @property
    def user_rule(self) -> PathRule | None:
        """The mapping of the user's folder, in both directions."""
        if self.user is None:
            return None
        return PathRule(os.path.join(self.documents, self.user), f"{self.user}/", Direction.BOTH)

    @property
    def demo_rule(self) -> PathRule | None:
        """The mapping of the demo folder, downloads only."""
        if self.demo is None:
            return None
        return PathRule(os.path.join(self.documents, self.demo), f"{self.demo}/", Direction.DOWN)

    @property
    def database_copy(self) -> dict[str, str]:
        """The local path of the database, and the key of its copy; empty if it is not backed up."""
        if self.user is None or self.database_path is None or not self.backup:
            return {}
        return {self.database_path: f"{self.user}/{self.database_name}"}


_FIELDS = tuple(each.name for each in fields(AppProfile))

APP_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "documents": {"type": "string"},
        "user": {"type": "string"},
        "demo": {"type": "string"},
        "database": {"type": "string"},
        "backup": {"type": "boolean"},
        "leave_out": STRING_LIST_SCHEMA,
    },
}


def parse_app(value: object) -> AppProfile:
    """Parse `app`: a mapping of the fields of `AppProfile`.

    Raises:
        InvalidValue: A field is unknown or has an invalid value.
    """
    if isinstance(value, AppProfile):
        return value
    if not isinstance(value, Mapping):
        raise invalid_value(value, "a mapping such as {documents: Documents/, user: ID, database: App.sqlite}")
    check_names(map(str, value), _FIELDS)
    given = {name: each for name, each in value.items() if each is not None}
    profile = AppProfile(
        documents=as_str(given.get("documents", "."), at=".documents"),
        user=_folder(given, "user"),
        demo=_folder(given, "demo"),
        database=as_str(given["database"], at=".database") if "database" in given else None,
        backup=as_bool(given.get("backup", True)),
        leave_out=as_str_list(given.get("leave_out", ()), at=".leave_out"),
    )
    if profile.user is not None and profile.user == profile.demo:
        raise invalid_value(profile.user, "another folder than that of the demo", at=".user")
    if profile.database is not None and (profile.database.endswith("/") or os.path.isabs(profile.database)):
        raise invalid_value(profile.database, "the path of a file in `documents`", at=".database")
    return replace(profile, documents=profile.documents or ".")


def _folder(given: Mapping[str, object], name: str) -> str | None:
    if name not in given:
        return None
    folders = parse_folders(as_str(given[name], at=f".{name}"))
    if "/" in folders[0]:
        raise invalid_value(folders[0], "the name of a folder at the top of the bucket", at=f".{name}")
    return folders[0]


def is_guessable(folder: str) -> bool:
    """Tell whether the name of a folder may be guessed: it is shorter than a random id, or has few letters."""
    return len(folder) < MIN_ID_LENGTH or len(set(folder)) < MIN_ID_LENGTH // 3

"""Configuration of the user: `config.toml` in the user's configuration directory (`trust.user_config.directory`).

default_store = "keyring"             # where commands store new secrets

[projects.photos]
config = "~/photos/.buckia"
buckets = ["photos"]                  # all of the file by default
share_bucket = "photos-share"         # a bucket of the file
store = "op://Private"                # in place of default_store

[accounts.work]
provider = "s3"
token = "keyring:buckia/work/token"   # secrets are references
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buckia_core.config.file import ConfigFile, load
from buckia_core.config.secrets.references import PluginStores, SecretStores, is_reference
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.trust import user_config
from buckia_core.config.values import suggest
from buckia_core.errors import ConfigError, InvalidSetting, LockHeld, UnknownSetting

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

    from buckia_core.config.bucket import BucketConfig

FILE_NAME = "config.toml"

DEFAULT_STORE = "keyring"
"""Store of new secrets if the file names none."""

_SECRET_NAME = re.compile(r"(?i)(token|secret|password|passphrase)$|(^|_)key$")
_PROJECT_KEYS = ("config", "buckets", "share_bucket", "store")


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the user: a configuration file under a name.

    Attributes:
        name: The name.
        config: Absolute path of the configuration file.
        buckets: Names of the project's buckets in the file; empty for all of them.
        share_bucket: Name of the bucket in the file from which files are shared; `None` if there is none.
        store: Where to store new secrets; `None` for that of the user.
        source: Where the project is configured, for messages.
    """

    name: str
    config: Path
    buckets: tuple[str, ...] = ()
    share_bucket: str | None = None
    store: str | None = None
    source: str = field(default=FILE_NAME, compare=False)

    def load(self) -> ConfigFile:
        """Read the configuration file.

        Raises:
            ConfigError: It does not exist, or is invalid.
        """
        return load(self.config)

    def all_buckets(self) -> list[BucketConfig]:
        """Return the project's buckets, without those from which files are shared.

        Raises:
            BucketNotConfigured: The file has no bucket of a name that the project has.
            ConfigError: The file does not exist, or is invalid.
        """
        file = self.load()
        return [file.bucket(name) for name in self._names(file)]

    def bucket(self, name: str | None = None) -> BucketConfig:
        """Return a bucket of the project; without a name, the only one.

        Raises:
            BucketNotConfigured: The file has no such bucket.
            ConfigError: The project has several buckets and no name is given, or it has no bucket of that name.
        """
        file = self.load()
        names = self._names(file)
        if name is None and len(names) != 1:
            raise ConfigError(
                f"project {self.name!r} has several buckets ({', '.join(names)}); name one", source=self.source
            )
        name = name or names[0]
        if name not in (*(self.buckets or file.buckets), self.share_bucket) and name in file.buckets:
            raise ConfigError(
                f"project {self.name!r} has no bucket {name!r}.{suggest(name, names)}", source=self.source
            )
        return file.bucket(name)

    def _names(self, file: ConfigFile) -> tuple[str, ...]:
        names = self.buckets or tuple(config.name for config in file.synced_buckets)
        return tuple(name for name in names if name != self.share_bucket)

    def share(self) -> BucketConfig:
        """Return the bucket from which files of the project are shared.

        Raises:
            ConfigError: The project has none.
            BucketNotConfigured: The file has no bucket of that name.
        """
        if self.share_bucket is None:
            raise ConfigError(f"project {self.name!r} has no share_bucket; add it", source=self.source)
        return self.load().bucket(self.share_bucket)


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a provider, from which buckets and keys are made.

    Attributes:
        name: The name.
        provider: The provider's id.
        settings: Settings by name. Secrets are references.
    """

    name: str
    provider: str
    settings: Mapping[str, str]

    def secret(self, name: str, stores: SecretStores) -> Secret:
        """Return the secret of a setting.

        Raises:
            ConfigError: The account has no such setting, or its reference can't be resolved.
        """
        if name not in self.settings:
            raise ConfigError(f"account {self.name!r} has no {name!r}.{suggest(name, self.settings)}")
        return stores.read(self.settings[name])


@dataclass(frozen=True, slots=True)
class UserConfig:
    """Configuration of the user.

    Attributes:
        path: The file, which need not exist.
        projects: Projects by name.
        accounts: Accounts by name.
        default_store: Where to store new secrets: a store and a place in it.
    """

    path: Path
    projects: Mapping[str, Project] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    default_store: str = DEFAULT_STORE

    def project(self, name: str) -> Project:
        """Return a project.

        Raises:
            ConfigError: There is none of that name; the message suggests the closest one.
        """
        if name not in self.projects:
            raise ConfigError(f"there is no project {name!r}.{suggest(name, self.projects)}", source=str(self.path))
        return self.projects[name]

    def account(self, name: str) -> Account:
        """Return an account.

        Raises:
            ConfigError: There is none of that name; the message suggests the closest one.
        """
        if name not in self.accounts:
            raise ConfigError(f"there is no account {name!r}.{suggest(name, self.accounts)}", source=str(self.path))
        return self.accounts[name]

    def store_for(self, config: Path) -> str:
        """Return where to store new secrets of a configuration file: the store of its project, or the default."""
        real = os.path.realpath(config)
        stores = (each.store for each in self.projects.values() if os.path.realpath(each.config) == real and each.store)
        return next(stores, self.default_store)


def load_user_config(stores: PluginStores | None = None) -> UserConfig:
    """Read the configuration of the user; empty if there is no file.

    Args:
        stores: Secret stores of plugins, whose references accounts may have.

    Raises:
        ConfigError: The file is no TOML, or other users can write it.
        InvalidSetting, UnknownSetting: A value is invalid, or a name unknown.
        OSError: The file can't be read.
    """
    text = user_config.read_trusted_text(FILE_NAME)
    return parse_user_config(text or "", user_config.directory() / FILE_NAME, stores)


def register_project(name: str, config: Path, buckets: Sequence[str]) -> bool:
    """Add a project for a configuration file, unless the file has one; return whether the file has one now.

    A project of the name for another file stays as it is.

    Raises:
        ConfigError, InvalidSetting, UnknownSetting: The file of the user is invalid, or other users can write it.
        LockHeld: Another process edits it.
        OSError: It can't be read or written.
    """
    with edit_user_config() as document:
        known = parse_user_config(document.as_string(), user_config.directory() / FILE_NAME).projects
        real = os.path.realpath(config)
        if any(os.path.realpath(each.config) == real for each in known.values()):
            return True
        if name in known:
            return False
        import tomlkit  # noqa: PLC0415  # few runs edit the file

        if "projects" not in document:
            document["projects"] = tomlkit.table(is_super_table=True)
        table = tomlkit.table()
        table.update({"config": str(config.absolute()), "buckets": list(buckets)})
        document["projects"][name] = table
        return True


def parse_user_config(text: str, path: Path, stores: PluginStores | None = None) -> UserConfig:
    """Parse the text of the file.

    Raises:
        ConfigError, InvalidSetting, UnknownSetting: As in `load_user_config`.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The message of the parser has a position, and no value.
        problem = str(error)
    else:
        return _read_content(content, path, stores)
    raise ConfigError(f"is not valid TOML: {problem}", source=str(path))


@contextmanager
def edit_user_config(stores: PluginStores | None = None) -> Iterator[TOMLDocument]:
    """Edit the configuration of the user in a block, as a document of tomlkit, which keeps comments and order.

    The file is locked, checked after the block, and written atomically, readable for this user only.

    Raises:
        ConfigError, InvalidSetting, UnknownSetting: The file was or becomes invalid. Nothing is written.
        LockHeld: Another process edits the file.
        OSError: The file can't be read or written.
    """
    import tomlkit  # noqa: PLC0415  # few runs edit the file

    from buckia_core.localfs.file_lock import lock_beside  # noqa: PLC0415  # as above
    from buckia_core.localfs.replace import replace_file  # noqa: PLC0415  # as above

    path = user_config.directory() / FILE_NAME
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with lock_beside(path):
            before = user_config.read_trusted_text(FILE_NAME) or ""
            parse_user_config(before, path, stores)
            document = tomlkit.parse(before)
            yield document
            text = tomlkit.dumps(document)
            parse_user_config(text, path, stores)
            if text != before:
                replace_file(path, text.encode())
    except TimeoutError as error:
        raise LockHeld(f"another process is editing {path}") from error


def _read_content(content: Mapping[str, Any], path: Path, stores: PluginStores | None) -> UserConfig:
    source = str(path)
    _check_names(content, ("default_store", "projects", "accounts"), "", source)
    projects = {name: _read_project(name, each, source) for name, each in _tables(content, "projects", source).items()}
    accounts = {
        name: _read_account(name, each, source, stores) for name, each in _tables(content, "accounts", source).items()
    }
    store = _string(content, "default_store", "", source) or DEFAULT_STORE
    return UserConfig(path, projects, accounts, store)


def _read_project(name: str, values: Mapping[str, Any], source: str) -> Project:
    at = f"projects.{name}."
    _check_names(values, _PROJECT_KEYS, at, source)
    given = _string(values, "config", at, source)
    config = Path(os.path.expanduser(given or ""))
    if not config.is_absolute():
        raise InvalidSetting(f"'{at}config' must be an absolute path, or begin with ~/", source=source)
    buckets = values.get("buckets", [])
    if not isinstance(buckets, list) or not all(isinstance(each, str) for each in buckets):
        raise InvalidSetting(f"'{at}buckets' must be a list of names", source=source)
    share, store = _string(values, "share_bucket", at, source), _string(values, "store", at, source)
    return Project(name, config, tuple(buckets), share, store, f"{source}, [projects.{name}]")


def _read_account(name: str, values: Mapping[str, Any], source: str, stores: PluginStores | None) -> Account:
    at = f"accounts.{name}."
    settings = {key: _string(values, key, at, source) or "" for key in values}
    for key, value in settings.items():
        if _SECRET_NAME.search(key) and not is_reference(value, stores):
            raise InvalidSetting(
                f"'{at}{key}' must be a reference to a secret, such as keyring:SERVICE/USER or env:NAME", source=source
            )
    if not settings.get("provider"):
        raise InvalidSetting(f"'{at}provider' is missing", source=source)
    return Account(name, settings.pop("provider"), settings)


def _tables(content: Mapping[str, Any], key: str, source: str) -> Mapping[str, Mapping[str, Any]]:
    found = content.get(key, {})
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise InvalidSetting(f"{key!r} must have a table for each name, such as [{key}.photos]", source=source)
    return found


def _string(values: Mapping[str, Any], key: str, at: str, source: str) -> str | None:
    value = values.get(key)
    if not isinstance(value, str | None):
        raise InvalidSetting(f"'{at}{key}' must be a string", source=source)
    return value or None


def _check_names(values: Mapping[str, Any], known: tuple[str, ...], at: str, source: str) -> None:
    for name in values:
        if name not in known:
            raise UnknownSetting(f"there is no setting '{at}{name}'.{suggest(name, known)}", source=source)

"""References to secrets: environment variables, files, key rings, 1Password and secret stores of plugins.

    env:NAME              the environment variable NAME
    file:PATH             the content of a file, relative to the configuration's directory
    keyring:SERVICE/USER  the system's key ring, through the package `keyring`
    op://VAULT/ITEM/FIELD 1Password, through its command `op`
    SCHEME:REST           a secret store that a plugin registers
    anything else         the secret itself

A secret that looks like a reference must be given through a reference.
"""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from buckia_core.config.secrets.redaction import redact
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.trust.bounded_read import read_text
from buckia_core.config.trust.consent import check_trusted
from buckia_core.config.trust.ownership import file_owner
from buckia_core.errors import ConfigError, MissingCredentials

SecretStore = Callable[[str], str]
"""Secret store of a plugin: takes the part of a reference after `SCHEME:` and returns the secret."""

OP_SECONDS = 120.0
"""Timeout of `op`, long enough for a person to unlock it."""


def is_reference(text: str, stores: Mapping[str, SecretStore] | None = None) -> bool:
    """Tell whether a string is a reference to a secret."""
    scheme, colon, _ = text.partition(":")
    return bool(colon) and (scheme in _BUILT_IN or text.startswith("op://") or scheme in (stores or {}))


def resolve_reference(
    text: str,
    *,
    base_dir: Path,
    environ: Mapping[str, str] | None = None,
    stores: Mapping[str, SecretStore] | None = None,
) -> Secret:
    """Resolve a reference; a string that is not a reference is the secret itself.

    Args:
        text: The reference, or the secret.
        base_dir: Base of relative paths in `file:`.
        environ: Environment variables; those of the process by default.
        stores: Secret stores of plugins, by scheme. Built-in schemes take precedence.

    Raises:
        MissingCredentials: The variable, file or entry does not exist, or is empty.
        ConfigError: The reference is malformed, or its store is missing or fails. The message names the reference.
    """
    if not is_reference(text, stores):
        return Secret(text)
    environ = os.environ if environ is None else environ
    scheme, _, rest = text.partition(":")
    match scheme:
        case "env":
            return Secret(_from_environment(rest, environ))
        case "file":
            return Secret(_from_file(rest, base_dir))
        case "keyring":
            return Secret(_from_keyring(rest))
        case "op" if rest.startswith("//"):
            return Secret(_from_1password(text, environ))
        case _:
            return Secret(_from_store(text, (stores or {})[scheme], rest))


_BUILT_IN = frozenset({"env", "file", "keyring"})


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    if not environ.get(name):
        raise MissingCredentials(f"'env:{name}': the environment variable {name!r} is not set, or is empty")
    return environ[name]


def _from_file(name: str, base_dir: Path) -> str:
    path = base_dir / Path(name).expanduser()
    try:
        check_trusted(path, extra_owners=(file_owner(str(base_dir)),))
        text = read_text(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        location, reason = error.filename or path, error.strerror or type(error).__name__
        raise MissingCredentials(f"'file:{name}': {location} can't be read: {reason}") from error
    except ConfigError as error:
        raise ConfigError(f"'file:{name}': {error}") from error
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise MissingCredentials(f"'file:{name}': {path} is empty")
    return text


def _from_keyring(rest: str) -> str:
    service, _, user = rest.rpartition("/")
    if not service or not user:
        raise ConfigError(f"'keyring:{rest}' must have the form keyring:SERVICE/USER")
    try:
        keyring = importlib.import_module("keyring")
    except ImportError as error:
        raise ConfigError(
            f"'keyring:{rest}' needs the package keyring, which is not installed: pip install \"buckia-core[keyring]\""
        ) from error
    try:
        found = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise ConfigError(f"'keyring:{rest}': the key ring can't be read: {type(error).__name__}: {error}") from error
    if not found:
        raise MissingCredentials(
            f"'keyring:{rest}': the key ring has no entry for it; add it with: keyring set {service} {user}"
        )
    return str(found)


def _from_1password(reference: str, environ: Mapping[str, str]) -> str:
    import shutil  # noqa: PLC0415  # slow to import, and not needed by most configurations

    op = shutil.which("op", path=environ.get("PATH"))
    if op is None:
        raise ConfigError(f"{reference!r} needs the 1Password command line: there is no command 'op' on the PATH")
    import subprocess  # noqa: PLC0415  # few references need it

    try:
        done = subprocess.run(  # noqa: S603  # the command is found above, and no shell sees the reference
            [op, "read", "--no-newline", reference],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=OP_SECONDS,
            check=False,
            env={**os.environ, **environ},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.EACCES, errno.ENOEXEC):
            raise
        raise ConfigError(f"{reference!r}: the command 'op' can't be run: {type(error).__name__}") from error
    if done.returncode:
        error_text = redact(" ".join(done.stderr.decode("utf-8", "replace").split()))
        raise MissingCredentials(
            f"{reference!r}: op read failed with code {done.returncode}: {error_text or 'no message'}"
        )
    text = done.stdout.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    if not text:
        raise MissingCredentials(f"{reference!r}: op read returned an empty string")
    return text


def _from_store(reference: str, store: SecretStore, rest: str) -> str:
    try:
        found = store(rest)
    except (ConfigError, MemoryError):
        raise
    except Exception as error:
        raise ConfigError(f"{reference!r}: the secret store failed with {type(error).__name__}") from error
    if not isinstance(found, str) or not found:
        raise MissingCredentials(f"{reference!r}: the secret store returned no string")
    return found

"""Store `dotenv:NAME` and `dotenv:PATH#NAME`: an `.env` file, read and written as python-dotenv does."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.config.secrets.secret import Secret
from buckia_core.config.secrets.stores.files import changing, path_of, plain_name, read_trusted, write_private
from buckia_core.errors import ConfigError, MissingCredentials

if TYPE_CHECKING:
    from dotenv.parser import Binding

FILE_NAME = ".env"
"""File of names without a path."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_./+=:@%-]+")
_ASSIGNMENT = re.compile(
    r"""(?s)(\s*(?:export[^\S\r\n]+)?[^=\s]+[^\S\r\n]*=[^\S\r\n]*)"""
    r"""(?:'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|[^\r\n]*?)"""
    r"""((?:[^\S\r\n]+\#[^\r\n]*|[^\S\r\n]*)\r?\n?)"""
)
"""An assignment: what precedes the value, and what follows it."""


@dataclass(frozen=True, slots=True)
class DotenvStore:
    """Store of `.env` files, relative to `base_dir`. Comments, order and other entries are kept.

    A new file has mode 0600. Variables in values (`${NAME}`) are not replaced.
    """

    base_dir: Path

    def read(self, name: str) -> str:
        """See `SecretStore`."""
        reference = f"dotenv:{name}"
        path, key = self._split(name)
        return read_entry(read_trusted(path, self.base_dir, reference), key, reference)

    def write(self, name: str, secret: Secret) -> None:
        """See `WritableSecretStore`."""
        reference = f"dotenv:{name}"
        path, key = self._split(name)
        with changing(path, reference):
            text = read_trusted(path, self.base_dir, reference) if path.exists() else ""
            write_private(path, set_entry(text, key, secret, reference).encode())

    def delete(self, name: str) -> bool:
        """See `WritableSecretStore`."""
        reference = f"dotenv:{name}"
        path, key = self._split(name)
        if not path.exists():
            return False
        with changing(path, reference, is_deletion=True):
            text = read_trusted(path, self.base_dir, reference)
            edited = delete_entry(text, key, reference)
            if edited != text:
                write_private(path, edited.encode())
            return edited != text

    def new_name(self, place: str, bucket: str, setting: str) -> str:
        """See `WritableSecretStore`. The place is a file."""
        return f"{place or FILE_NAME}#{variable_name(bucket, setting)}"

    def _split(self, name: str) -> tuple[Path, str]:
        path, sign, key = name.rpartition("#")
        return path_of(path if sign else FILE_NAME, self.base_dir, f"dotenv:{name}"), key


def variable_name(bucket: str, setting: str) -> str:
    """Return the name of the variable for a setting: `MY_PHOTOS__API_KEY`. Each bucket has names of its own."""
    plain = bucket if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", bucket) else f"b-{plain_name(bucket + '/')}"
    return f"{plain}__{plain_name(setting)}".replace("-", "_").upper()


def read_entry(text: str, key: str, reference: str) -> str:
    """Return the value of a variable in the text of an `.env` file.

    Raises:
        MissingCredentials: There is no such variable, or it is empty.
        ConfigError: python-dotenv is not installed.
    """
    found = [each.value for each in _parse(text, reference) if each.key == key]
    if not found or not found[-1]:
        raise MissingCredentials(f"{reference!r}: the file has no {key!r}, or it is empty")
    return found[-1]


def set_entry(text: str, key: str, secret: Secret, reference: str) -> str:
    """Return the text of an `.env` file with a variable set: in its place, or at the end.

    Raises:
        ConfigError: The name can't be that of a variable; another line hides it, such as one whose quote is not closed;
            or python-dotenv is not installed.
    """
    if not _NAME.fullmatch(key):
        raise ConfigError(f"{reference!r}: {key!r} can't be the name of a variable, such as MY_KEY")
    newline = "\r\n" if "\r\n" in text else "\n"
    bindings = list(_parse(text, reference))
    parts = [each.original.string for each in bindings]
    at = max((at for at, each in enumerate(bindings) if each.key == key), default=None)
    found = _ASSIGNMENT.fullmatch(parts[at]) if at is not None else None
    if at is None or found is None:
        if parts and not parts[-1].endswith(("\n", "\r")):
            parts.append(newline)
        parts.append(f"{key}={_quote(secret.reveal())}{newline}")
    else:
        parts[at] = f"{found[1]}{_quote(secret.reveal())}{found[2]}"
    edited = "".join(parts)
    _check_values(edited, _values(text, reference) | {key: secret.reveal()}, reference)
    return edited


def delete_entry(text: str, key: str, reference: str) -> str:
    """Return the text of an `.env` file without a variable."""
    edited = "".join(_kept(_parse(text, reference), key))
    _check_values(edited, {name: each for name, each in _values(text, reference).items() if name != key}, reference)
    return edited


def _values(text: str, reference: str) -> dict[str, str | None]:
    return {each.key: each.value for each in _parse(text, reference) if each.key is not None}


def _check_values(text: str, expected: dict[str, str | None], reference: str) -> None:
    if _values(text, reference) != expected:
        raise ConfigError(
            f"{reference!r}: the file can't be edited without changing other variables; look for a quote that is not "
            "closed"
        )


def _kept(bindings: Iterable[Binding], key: str) -> Iterator[str]:
    for each in bindings:
        if each.key != key:
            yield each.original.string
        else:
            # Blank lines before an assignment belong to its text.
            yield re.match(r"(?:[^\S\r\n]*\r?\n)*", each.original.string)[0]  # type: ignore[index]


def _parse(text: str, reference: str) -> Iterator[Binding]:
    try:
        from dotenv.parser import parse_stream  # noqa: PLC0415  # an optional package
    except ImportError as error:
        raise ConfigError(
            f'{reference!r} needs the package python-dotenv, which is not installed: pip install "buckia-core[dotenv]"'
        ) from error
    # `newline=""` keeps the line breaks.
    return parse_stream(io.StringIO(text, newline=""))


def _quote(text: str) -> str:
    """Quote a value so that python-dotenv, shells and Docker read the same, as far as they agree."""
    if _PLAIN_VALUE.fullmatch(text):
        return text
    if text.isprintable() and not re.search(r"['\\]", text):
        return f"'{text}'"
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(each, each) for each in text) + '"'

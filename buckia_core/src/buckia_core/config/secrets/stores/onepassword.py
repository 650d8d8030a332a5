"""Store `op://VAULT/ITEM/FIELD`: 1Password, through its command `op` (version 2).

Secrets reach `op` on standard input, as a JSON template of the item, and never as arguments: other users of the machine
can read those.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from buckia_core.config.secrets.redaction import redact
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.secrets.stores.files import plain_name
from buckia_core.errors import ConfigError, MissingCredentials

OP_SECONDS = 120.0
"""Timeout of `op`, long enough for a person to unlock it."""

_CATEGORY = "API_CREDENTIAL"
_TAG = "buckia"
_MISSING = re.compile(r"isn't an item|isn't a vault|does not have a field|could not find|no item found", re.IGNORECASE)
_LOCKED = re.compile(
    r"signed in|sign in|signin|session expired|unauthori[sz]ed|authori[sz]ation|no accounts? configured|connecting to "
    r"desktop app|locked",
    re.IGNORECASE,
)
_CUSTOM_ID = re.compile(r"[a-z0-9]{26}")
"""Id of a field that a user added; those of built-in fields are words."""

_HIDDEN_VALUE = "[use 'op item get"


@dataclass(frozen=True, slots=True)
class OnePasswordStore:
    """Store in 1Password. Each call runs `op` at least once, which may ask the user to unlock it.

    A new item has the category *API Credential* and the tag `buckia`. Of an item that exists, only the named field
    changes.
    """

    environ: Mapping[str, str]

    def read(self, name: str) -> str:
        """See `SecretStore`."""
        reference = f"op:{name}"
        text = self._run(reference, "read", "--no-newline", reference)
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise MissingCredentials(f"{reference!r}: op read returned an empty string")
        return text

    def write(self, name: str, secret: Secret) -> None:
        """See `WritableSecretStore`."""
        place = _Place.parse(name)
        item = self._item(place)
        if item is None:
            created: dict[str, Any] = {"title": place.item, "category": _CATEGORY, "tags": [_TAG], "fields": []}
            _set_field(created, place, secret)
            self._run(place.reference, "item", "create", "--vault", place.vault, "-", template=created)
            return
        _set_field(item, place, secret)
        self._run(place.reference, "item", "edit", str(item["id"]), "--vault", place.vault, template=item)

    def delete(self, name: str) -> bool:
        """See `WritableSecretStore`. An item that Buckia created goes to the archive with its last secret."""
        place = _Place.parse(name)
        item = self._item(place)
        field = _find_field(item or {}, place)
        if item is None or field is None:
            return False
        others = [each for each in item["fields"] if each is not field and each.get("value")]
        if _TAG in item.get("tags", ()) and not others:
            self._run(place.reference, "item", "delete", str(item["id"]), "--vault", place.vault, "--archive")
        elif not _CUSTOM_ID.fullmatch(str(field.get("id", ""))):
            # `op` can't delete a field that each item of the category has, and can empty it.
            field["value"] = ""
            self._run(place.reference, "item", "edit", str(item["id"]), "--vault", place.vault, template=item)
        else:
            named = ".".join(_escape(each) for each in (place.section, place.field) if each)
            self._run(place.reference, "item", "edit", str(item["id"]), "--vault", place.vault, f"{named}[delete]")
        return True

    def new_name(self, place: str, bucket: str, setting: str) -> str:
        """See `WritableSecretStore`. The place is a vault, as `//VAULT`, or an item in it."""
        vault, _, item = place.removeprefix("//").strip("/").partition("/")
        if not vault or "/" in item:
            raise ConfigError(f"'op:{place}' must name a vault, such as op://Private")
        return f"//{vault}/{item or f'buckia {_plain_name(bucket)}'}/{_plain_name(setting)}"

    def _item(self, place: _Place) -> dict[str, Any] | None:
        """Return the item as `op` prints it; `None` if there is none."""
        try:
            text = self._run(place.reference, "item", "get", place.item, "--vault", place.vault, "--format", "json")
        except MissingCredentials:
            return None
        try:
            item = json.loads(text)
            fields = item.setdefault("fields", [])
            has_hidden = any(str(each.get("value", "")).startswith(_HIDDEN_VALUE) for each in fields)
        except (ValueError, AttributeError):
            has_hidden = True
        if has_hidden:
            raise ConfigError(f"{place.reference!r}: op item get returned no complete item; update the command 'op'")
        assert isinstance(item, dict)
        return item

    def _run(self, reference: str, *arguments: str, template: Mapping[str, Any] | None = None) -> str:
        """Run `op` and return what it prints.

        Raises:
            MissingCredentials: `op` does not find the vault, item or field.
            ConfigError: `op` is not installed, locked, too slow, or fails otherwise.
        """
        import shutil  # noqa: PLC0415  # slow to import, and not needed by most configurations

        op = shutil.which("op", path=self.environ.get("PATH"))
        if op is None:
            raise ConfigError(f"{reference!r} needs the 1Password command line: there is no command 'op' on the PATH")
        import subprocess  # noqa: PLC0415  # as above

        given: dict[str, Any] = {"stdin": subprocess.DEVNULL}
        if template is not None:
            given = {"input": json.dumps(template).encode()}
        try:
            done = subprocess.run(  # noqa: S603  # the command is found above, and no shell sees the reference
                [op, *arguments],
                capture_output=True,
                timeout=OP_SECONDS,
                check=False,
                env={**os.environ, **self.environ},
                **given,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.EACCES, errno.ENOEXEC):
                raise
            problem = type(error).__name__
        else:
            if not done.returncode:
                return str(done.stdout, "utf-8", "replace")
            raise _failure(reference, arguments, done.returncode, done.stderr.decode("utf-8", "replace"))
        # Raised outside of the handler: the error holds what was written to `op`.
        raise ConfigError(f"{reference!r}: the command 'op' can't be run: {problem}")


@dataclass(frozen=True, slots=True)
class _Place:
    """The parts of a reference: `op://VAULT/ITEM/FIELD`, or `op://VAULT/ITEM/SECTION/FIELD`."""

    reference: str
    vault: str
    item: str
    section: str
    field: str

    @classmethod
    def parse(cls, name: str) -> _Place:
        parts = name.removeprefix("//").split("/")
        # A name that begins with a dash would be an option of `op`.
        if len(parts) not in (3, 4) or not all(parts) or any(part.startswith("-") for part in parts):
            raise ConfigError(f"'op:{name}' must have the form op://VAULT/ITEM/FIELD")
        return cls(f"op:{name}", parts[0], parts[1], parts[2] if len(parts) == 4 else "", parts[-1])


def _find_field(item: Mapping[str, Any], place: _Place) -> dict[str, Any] | None:
    """Return the field by label or id, in any case, as `op read` finds it."""
    for each in item.get("fields", ()):
        section = each.get("section") or {}
        if place.section and not _is_named(section, place.section):
            continue
        if _is_named(each, place.field):
            assert isinstance(each, dict)
            return each
    return None


def _is_named(entry: Mapping[str, Any], name: str) -> bool:
    return name.casefold() in (str(entry.get(key, "")).casefold() for key in ("label", "id"))


def _set_field(item: dict[str, Any], place: _Place, secret: Secret) -> None:
    field = _find_field(item, place)
    if field is None:
        field = {"label": place.field, "type": "CONCEALED"}
        if place.section:
            sections = item.setdefault("sections", [])
            section = next((each for each in sections if _is_named(each, place.section)), None)
            if section is None:
                section = {"id": place.section, "label": place.section}
                sections.append(section)
            field["section"] = {"id": section["id"]}
        item["fields"].append(field)
    field["value"] = secret.reveal()


def _escape(name: str) -> str:
    """Escape the characters that have a meaning in an assignment of `op item edit`."""
    return re.sub(r"([.=\\])", r"\\\1", name)


def _plain_name(name: str) -> str:
    """Return a name of the characters that a reference of 1Password may have. Different names stay different."""
    return name if re.fullmatch(r"[A-Za-z0-9_.-]+( [A-Za-z0-9_.-]+)*", name) else plain_name(name)


def _failure(reference: str, arguments: tuple[str, ...], code: int, stderr: str) -> ConfigError:
    problem = redact(" ".join(stderr.split())) or "no message"
    command = "op read" if arguments[0] == "read" else f"op item {arguments[1]}"
    message = f"{reference!r}: {command} failed with code {code}: {problem}"
    if _MISSING.search(problem):
        return MissingCredentials(message)
    return ConfigError(f"{message}. Unlock 1Password, or run: op signin" if _LOCKED.search(problem) else message)

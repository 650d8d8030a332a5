"""Store `age:PATH#NAME` and `age:PATH`: a file encrypted in the format of age, through the package `pyrage`.

The content is an `.env` file, or without `#NAME` the secret itself. `age` and `rage` can read and write such files. The
key comes from the environment: BUCKIA_AGE_IDENTITY names an identity file, BUCKIA_AGE_PASSPHRASE is a passphrase;
without both, the command line asks.

    encrypted for   read with                    written for
    --------------------------------------------------------------------------------------------
    a passphrase    the passphrase               the same passphrase
    recipients      an identity                  BUCKIA_AGE_RECIPIENTS, else the keys of the identity
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buckia_core.config.secrets.secret import Secret
from buckia_core.config.secrets.session import ask_passphrase, remembered
from buckia_core.config.secrets.stores.dotenv import delete_entry, read_entry, set_entry, variable_name
from buckia_core.config.secrets.stores.files import (
    changing,
    path_of,
    read_trusted,
    reading_trusted,
    remove_file,
    write_private,
)
from buckia_core.config.trust.bounded_read import decode_text, read_bytes
from buckia_core.errors import ConfigError, MissingCredentials

FILE_NAME = ".buckia-secrets.age"
"""Default file of new secrets."""

IDENTITY_VARIABLE = "BUCKIA_AGE_IDENTITY"
PASSPHRASE_VARIABLE = "BUCKIA_AGE_PASSPHRASE"  # noqa: S105  # the name of a variable
RECIPIENTS_VARIABLE = "BUCKIA_AGE_RECIPIENTS"

_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"


@dataclass(frozen=True, slots=True)
class AgeStore:
    """Store of encrypted files, relative to `base_dir`. Decrypting with a passphrase takes about a second of CPU."""

    base_dir: Path
    environ: Mapping[str, str]

    def read(self, name: str) -> str:
        """See `SecretStore`."""
        file, key = self._open(name)
        text = file.read()
        if key is not None:
            return read_entry(text, key, file.reference)
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise MissingCredentials(f"{file.reference!r}: {file.path} is empty")
        return text

    def write(self, name: str, secret: Secret) -> None:
        """See `WritableSecretStore`."""
        file, key = self._open(name)
        with changing(file.path, file.reference, is_plain=False):
            if key is None:
                file.write(secret.reveal() + "\n")
            else:
                file.write(set_entry(file.read() if file.path.exists() else "", key, secret, file.reference))

    def delete(self, name: str) -> bool:
        """See `WritableSecretStore`."""
        file, key = self._open(name)
        if not file.path.exists():
            return False
        with changing(file.path, file.reference, is_deletion=True):
            if key is None:
                return remove_file(file.path, file.reference)
            text = file.read()
            edited = delete_entry(text, key, file.reference)
            if edited != text:
                file.write(edited)
            return edited != text

    def new_name(self, place: str, bucket: str, setting: str) -> str:
        """See `WritableSecretStore`. The place is a file."""
        return f"{place or FILE_NAME}#{variable_name(bucket, setting)}"

    def _open(self, name: str) -> tuple[_AgeFile, str | None]:
        reference = f"age:{name}"
        try:
            import pyrage  # noqa: PLC0415  # an optional package
        except ImportError as error:
            raise ConfigError(
                f'{reference!r} needs the package pyrage, which is not installed: pip install "buckia-core[age]"'
            ) from error
        path, sign, key = name.rpartition("#")
        found = path_of(path if sign else name, self.base_dir, reference)
        return _AgeFile(found, reference, self.base_dir, self.environ, pyrage), key if sign else None


@dataclass(frozen=True, slots=True)
class _AgeFile:
    path: Path
    reference: str
    base_dir: Path
    environ: Mapping[str, str]
    pyrage: Any

    def read(self) -> str:
        """Return the content."""
        data = self._data()
        # A second of CPU is spent once for a file, and not for each secret in it. The content is no `Secret`: it has
        # the names of variables too, and messages would show references with them masked.
        return remembered((self.path, data), lambda: self._decrypt(data))

    def write(self, text: str) -> None:
        """Encrypt the content for those who can read it now, and replace the file."""
        data = self._data() if self.path.exists() else b""
        armored = data.startswith(_ARMOR)
        stanzas = _stanzas(data) if data else []
        has_keys = any(self.environ.get(each) for each in (IDENTITY_VARIABLE, RECIPIENTS_VARIABLE))
        if "scrypt" in stanzas or not (data or has_keys):
            passphrase = self._passphrase(is_new=not data).reveal()
            encrypted = self.pyrage.passphrase.encrypt(text.encode(), passphrase, armored)
        else:
            recipients = self._recipients()
            if len(stanzas) > len(recipients):
                raise ConfigError(
                    f"{self.reference!r}: {self.path} is encrypted for {len(stanzas)} recipients, and only "
                    f"{len(recipients)} of their keys are known; set {RECIPIENTS_VARIABLE} to a file with all of them"
                )
            encrypted = self.pyrage.encrypt(text.encode(), recipients, armored)
        write_private(self.path, encrypted)

    def _data(self) -> bytes:
        with reading_trusted(self.path, self.base_dir, self.reference):
            return read_bytes(self.path)

    def _decrypt(self, data: bytes) -> str:
        stanzas = _stanzas(data)
        if not stanzas:
            raise ConfigError(f"{self.reference!r}: {self.path} is not encrypted in the format of age")
        try:
            if "scrypt" in stanzas:
                plain = self.pyrage.passphrase.decrypt(data, self._passphrase().reveal())
            else:
                plain = self.pyrage.decrypt(data, self._identities())
        except self.pyrage.DecryptError as error:
            problem = str(error)
        else:
            return decode_text(plain, str(self.path))
        where = f"the passphrase ({PASSPHRASE_VARIABLE})" if "scrypt" in stanzas else f"the key ({IDENTITY_VARIABLE})"
        raise ConfigError(f"{self.reference!r}: {self.path} can't be decrypted: {problem}; check {where}")

    def _passphrase(self, *, is_new: bool = False) -> Secret:
        if given := self.environ.get(PASSPHRASE_VARIABLE):
            return Secret(given)
        answer = ask_passphrase(self.path, f"Passphrase of {self.path}", twice=is_new)
        if not answer:
            raise ConfigError(
                f"{self.reference!r} needs a passphrase, and there is no terminal to ask for it; "
                f"set {PASSPHRASE_VARIABLE}, or {IDENTITY_VARIABLE} to an identity file"
            )
        return answer

    def _identity_path(self) -> Path | None:
        given = self.environ.get(IDENTITY_VARIABLE)
        return path_of(given, self.base_dir, IDENTITY_VARIABLE) if given else None

    def _identities(self) -> Sequence[Any]:
        path = self._identity_path()
        if path is None:
            raise ConfigError(f"{self.reference!r} needs a key; set {IDENTITY_VARIABLE} to an identity file")
        text = read_trusted(path, self.base_dir, IDENTITY_VARIABLE)
        try:
            if "PRIVATE KEY-----" in text:
                return [self.pyrage.ssh.Identity.from_buffer(text.encode())]
            found = [self.pyrage.x25519.Identity.from_str(line) for line in _lines(text)]
        except self.pyrage.IdentityError as error:
            problem = type(error).__name__
        else:
            if found:
                return found
            problem = "it is empty"
        raise ConfigError(f"{IDENTITY_VARIABLE}: {path} is no identity file of age, and no SSH key: {problem}")

    def _recipients(self) -> Sequence[Any]:
        if given := self.environ.get(RECIPIENTS_VARIABLE):
            path = path_of(given, self.base_dir, RECIPIENTS_VARIABLE)
            lines = _lines(read_trusted(path, self.base_dir, RECIPIENTS_VARIABLE))
            try:
                return [
                    (self.pyrage.ssh if line.startswith("ssh-") else self.pyrage.x25519).Recipient.from_str(line)
                    for line in lines
                ]
            except self.pyrage.RecipientError as error:
                raise ConfigError(f"{RECIPIENTS_VARIABLE}: {path} has a line that is no recipient: {error}") from error
        identities = self._identities()
        if not all(hasattr(each, "to_public") for each in identities):
            raise ConfigError(
                f"{self.reference!r}: to write with an SSH key, set {RECIPIENTS_VARIABLE} to a file with its public key"
            )
        return [each.to_public() for each in identities]


def _stanzas(data: bytes) -> list[str]:
    """Return the types of the recipients in the header of a file; empty if it has no such header."""
    if data.startswith(_ARMOR):
        try:
            data = base64.b64decode(b"".join(data.split(b"-----")[2].split()))
        except (ValueError, IndexError):
            return []
    header, _, _ = data.partition(b"\n---")
    if not header.startswith(b"age-encryption.org/v1\n"):
        return []
    found = [each.decode("ascii", "replace") for each in re.findall(rb"(?m)^-> (\S+)", header)]
    return [each for each in found if not each.endswith("-grease")]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]

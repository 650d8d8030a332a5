"""The accounts of a server, and all that belongs to each. A test makes an account of its own, so tests do not meet."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from .buckets import Bucket
from .errors import Refused, access_denied, bad_token, expired_token, missing_token
from .keys import CAPABILITIES, Key
from .switches import Failing, Settings
from .versions import FileVersion

CLASS_B: Final = frozenset({"b2_download_file_by_id", "b2_download_file_by_name", "b2_get_file_info"})
CLASS_C: Final = frozenset(
    {
        "b2_authorize_account", "b2_copy_file", "b2_copy_part", "b2_create_bucket", "b2_create_key",
        "b2_get_download_authorization", "b2_list_buckets", "b2_list_file_names", "b2_list_file_versions",
        "b2_list_keys", "b2_list_parts", "b2_list_unfinished_large_files", "b2_update_bucket",
    }
)  # fmt: skip
"""The classes by which calls are billed and capped (docs, "Transaction pricing"); the others are free."""


@dataclass(slots=True)
class Session:
    """An account authorization token and what it stands for."""

    key: Key
    expires: int
    calls_left: int | None = None
    """Set by `X-Bz-Test-Mode: expire_some_account_authorization_tokens`."""


@dataclass(frozen=True, slots=True)
class DownloadGrant:
    """A token of b2_get_download_authorization."""

    bucket_id: str
    prefix: str
    expires: int
    required: dict[str, str]
    """Query parameters that downloads must repeat, such as `b2ContentDisposition`."""


@dataclass(slots=True)
class UploadUrl:
    """An upload URL with its token. One upload at a time uses it."""

    url_id: str
    token: str
    session: Session
    bucket_id: str
    large_file: FileVersion | None
    """The large file, of a URL for parts."""
    uses_left: int | None
    busy: bool = False


@dataclass(slots=True, eq=False)
class Account:
    """An account. Whoever reads or changes it holds `lock`."""

    account_id: str
    master: Key
    settings: Settings
    keys: dict[str, Key] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    files: dict[str, FileVersion] = field(default_factory=dict)
    """By file id, of all buckets, unfinished ones too."""
    sessions: dict[str, Session] = field(default_factory=dict)
    download_grants: dict[str, DownloadGrant] = field(default_factory=dict)
    upload_urls: dict[str, UploadUrl] = field(default_factory=dict)
    failing: list[Failing] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    bytes_stored: int = 0
    bytes_sent: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    lock: threading.RLock = field(default_factory=threading.RLock)
    _sequence: int = 0
    _last: int = 0

    def now(self) -> int:
        """Return the time of the account, in milliseconds since 1970."""
        return time.time_ns() // 1_000_000 + 1000 * self.settings.clock_ahead_seconds

    def next_timestamp(self) -> int:
        """Return the time, later than any given before, so that versions have an order that anyone can tell."""
        self._last = max(self.now(), self._last + 1)
        return self._last

    def next_id(self, bucket_id: str, timestamp: int) -> tuple[str, int]:
        """Return an id for a new version, and its number."""
        self._sequence += 1
        day = time.strftime("d%Y%m%d_m%H%M%S", time.gmtime(timestamp / 1000))
        return f"4_z{bucket_id}_f{self._sequence:016x}_{day}_c001_v0001000_t0000_u{timestamp:014d}", self._sequence

    def begin(self, call: str, test_mode: str | None) -> None:
        """Count a call, and refuse it where a switch, a cap or `X-Bz-Test-Mode` says so."""
        self.calls[call] += 1
        for failing in self.failing:
            if failing.applies(call):
                raise failing.refusal()
        if test_mode == "force_cap_exceeded" and call in CLASS_B | CLASS_C | {"b2_upload_file", "b2_upload_part"}:
            raise _cap("storage_cap_exceeded" if call.startswith("b2_upload") else "transaction_cap_exceeded")
        for name, members, cap in (
            ("class B", CLASS_B, self.settings.class_b_cap),
            ("class C", CLASS_C, self.settings.class_c_cap),
        ):
            if cap is not None and call in members and sum(self.calls[one] for one in members) > cap:
                raise _cap("transaction_cap_exceeded", name)

    def check_storage(self, size: int) -> None:
        """Refuse to store more than the cap (b2sdk `StorageCapExceeded`)."""
        cap = self.settings.storage_cap_bytes
        if cap is not None and self.bytes_stored + size > cap:
            raise _cap("storage_cap_exceeded")

    def check_download(self, size: int) -> None:
        """Refuse to send more than the cap, and count what is sent."""
        cap = self.settings.download_cap_bytes
        if cap is not None and self.bytes_sent + size > cap:
            raise _cap("download_cap_exceeded")
        self.bytes_sent += size

    def open_session(self, key: Key, *, test_mode: str | None) -> str:
        """Return a new token for a key."""
        token = f"4_{key.key_id}_{self.account_id}_acct_{secrets.token_urlsafe(18)}="
        short = test_mode == "expire_some_account_authorization_tokens" and self.chance.random() < 0.5
        expires = self.now() + 1000 * self.settings.token_seconds
        self.sessions[token] = Session(key, expires, self.chance.randint(1, 5) if short else None)
        return token

    def session(self, token: str | None) -> Session:
        """Return what a token stands for. Refused where it is missing, unknown, old, or its key is gone."""
        if not token:
            raise missing_token()
        session = self.sessions.get(token)
        if session is None or (session.key is not self.master and session.key.key_id not in self.keys):
            raise bad_token()
        self.check_time(session)
        if session.calls_left is not None:
            session.calls_left -= 1
        return session

    def check_time(self, session: Session) -> None:
        """Refuse a session that is over, or whose key is."""
        ends = min(session.expires, session.key.expires or session.expires)
        if self.now() >= ends or session.calls_left == 0:
            raise expired_token()

    def expire_tokens(self) -> None:
        """End all account authorization tokens, and with them the upload URLs they opened."""
        for session in self.sessions.values():
            session.expires = 0


class World:
    """All accounts of a server. Bucket names are unique in the whole of it."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._lock = threading.Lock()
        self._bucket_names: dict[str, Bucket] = {}

    def new_account(self, settings: Settings) -> Account:
        """Make an account with a master key."""
        account_id = secrets.token_hex(6)
        master = Key(account_id, f"K005{secrets.token_urlsafe(20)}", "Master Application Key", CAPABILITIES)
        account = Account(account_id, master, settings)
        with self._lock:
            self._accounts[account_id] = account
        return account

    def drop(self, account: Account) -> None:
        """Forget an account and all that belongs to it."""
        with self._lock:
            self._accounts.pop(account.account_id, None)
            for bucket in account.buckets.values():
                self._bucket_names.pop(bucket.name.lower(), None)

    @contextmanager
    def account(self, account_id: str) -> Iterator[Account]:
        """Hold an account. Refused with `bad_auth_token` where there is none."""
        account = self._accounts.get(account_id)
        if account is None:
            raise bad_token()
        with account.lock:
            yield account

    def owner_of(self, file_id: str) -> str | None:
        """Return the account id of the bucket that a file id names, or None where there is no such bucket."""
        bucket_id = file_id.removeprefix("4_z").partition("_")[0]
        with self._lock:
            owners = (one.account_id for one in self._bucket_names.values() if one.bucket_id == bucket_id)
            return next(owners, None)

    def claim_name(self, bucket: Bucket) -> None:
        """Take a bucket's name. Refused where somebody has it (b2sdk `DuplicateBucketName`)."""
        with self._lock:
            if self._bucket_names.setdefault(bucket.name.lower(), bucket) is not bucket:
                raise Refused(400, "duplicate_bucket_name", "Bucket name is already in use.")

    def release_name(self, bucket: Bucket) -> None:
        """Let others take the name."""
        with self._lock:
            self._bucket_names.pop(bucket.name.lower(), None)

    def bucket_named(self, name: str) -> Bucket | None:
        """Return the bucket with that name, whoever owns it."""
        return self._bucket_names.get(name.lower())


def account_id_in(token: str | None) -> str:
    """Return the id of the account that a token of any kind names, or text that no account has."""
    chunks = (token or "").split("_")
    if not token:
        raise missing_token()
    return chunks[2] if len(chunks) > 3 else ""


def _cap(code: str, what: str = "storage") -> Refused:
    denied = access_denied(f"Cap exceeded: {what}")
    return Refused(denied.status, code, denied.message)

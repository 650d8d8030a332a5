"""A vendor in memory with the state of a real one: buckets, keys or passwords, and a directory for the objects.

`World.tick` is called before and after everything that outlives a process, so that a test can kill or fail there.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from buckia_core import (
    AdapterSpec,
    AlreadyExists,
    BucketOptions,
    BucketRecord,
    IssuedKey,
    KeyRecord,
    KeyScope,
    PreconditionFailed,
    ProvisionerSpec,
    Secret,
    Unauthenticated,
    hookimpl,
    setting,
)
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.errors import MissingCredentials


class Killed(BaseException):
    """Ends a run as `kill -9` does: nothing handles it."""


@dataclass
class World:
    """What outlives a process. `keys` has label, bucket and secret by id."""

    root: Path
    buckets: dict[str, Path] = field(default_factory=dict)
    keys: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    public: set[str] = field(default_factory=set)
    chest: dict[str, str] = field(default_factory=dict)
    ticks: list[str] = field(default_factory=list)
    stop_at: int = 0
    error: BaseException | None = None

    def tick(self, what: str) -> None:
        # Nothing changes between the end of one call and the start of the next.
        if isinstance(self.error, Killed) and what.startswith("before"):
            return
        self.ticks.append(what)
        if len(self.ticks) == self.stop_at:
            raise self.error or Killed

    def arm(self, stop_at: int, error: BaseException | None = None) -> None:
        self.ticks.clear()
        self.stop_at, self.error = stop_at, error

    def calls(self, what: str) -> Iterator[None]:
        self.tick(f"before {what}")
        yield
        self.tick(f"after {what}")


WORLDS: dict[str, World] = {}
"""By the directory of the objects, which settings name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSettings(DirectorySettings):
    key_id: str | None = setting(help="Id of the key.")
    key: Secret = setting(help="The key, or the password.", required=True)


class BoxSync(DirectorySync):
    """A directory for those who have the key."""

    def __init__(self, settings: BoxSettings) -> None:
        super().__init__(settings)
        path = Path(settings.root)
        world, secret = WORLDS[str(path.parent)], settings.key.reveal()
        keys = {world.passwords.get(path.name)}
        if settings.key_id is not None:
            found = world.keys.get(settings.key_id)
            keys = {found[2]} if found and found[1] == path.name else set()
        if secret not in keys:
            raise Unauthenticated("the key is not valid here", provider="box")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    root: Path = setting(help="Directory of all buckets.", required=True)
    token: Secret | None = setting(help="Token of the account.", env=("BOX_TOKEN",))


class BoxProvisioner:
    """Buckets without credentials."""

    prefix_keys = True
    propagation_seconds = 0.0
    custom_domains = True

    def __init__(self, settings: AccountSettings) -> None:
        self.world = WORLDS[str(settings.root)]

    def find_bucket(self, name: str) -> BucketRecord | None:
        path = self.world.buckets.get(name)
        return None if path is None else BucketRecord(name, name, {"root": str(path)})

    def create_bucket(self, name: str, options: BucketOptions) -> BucketRecord:
        for _ in self.world.calls("create_bucket"):
            if name in self.world.buckets:
                raise AlreadyExists("it exists", provider="box")
            self.world.buckets[name] = self.world.root / name
            self.world.buckets[name].mkdir()
            self.world.passwords[name] = secrets.token_hex(16)
        found = self.find_bucket(name)
        assert found is not None
        return found

    def is_empty(self, bucket: BucketRecord) -> bool:
        return not any(self.world.buckets[bucket.name].iterdir())

    def empty_bucket(self, bucket: BucketRecord) -> None:
        for _ in self.world.calls("empty_bucket"):
            shutil.rmtree(self.world.buckets[bucket.name])
            self.world.buckets[bucket.name].mkdir()

    def delete_bucket(self, bucket: BucketRecord) -> None:
        for _ in self.world.calls("delete_bucket"):
            if bucket.name in self.world.buckets:
                if not self.is_empty(bucket):
                    raise PreconditionFailed("it is not empty", provider="box")
                self.world.buckets.pop(bucket.name).rmdir()
                del self.world.passwords[bucket.name]

    def publish(self, bucket: BucketRecord, domain: str | None) -> str:
        for _ in self.world.calls("publish"):
            self.world.public.add(bucket.name)
        return f"https://{domain or 'box.example.com'}/{bucket.name}"

    def public_access(self, bucket: BucketRecord) -> list[str]:
        return [each for each in self.world.public if each == bucket.name]

    def unpublish(self, bucket: BucketRecord, keep: Collection[str] = ()) -> None:
        for _ in self.world.calls("unpublish"):
            self.world.public -= {bucket.name} - set(keep)

    def close(self) -> None:
        pass


class KeyBoxProvisioner(BoxProvisioner):
    """Buckets with keys."""

    key_setting = "key_id"

    def list_keys(self, bucket: BucketRecord, label: str) -> list[KeyRecord]:
        keys = self.world.keys.items()
        return [KeyRecord(key_id, each[0], key_id) for key_id, each in keys if each[0].startswith(label)]

    def create_key(self, bucket: BucketRecord, label: str, scope: KeyScope) -> IssuedKey:
        key_id, secret = secrets.token_hex(6), secrets.token_hex(16)
        for _ in self.world.calls("create_key"):
            self.world.keys[key_id] = (label, bucket.name, secret)
        return IssuedKey(KeyRecord(key_id, label, key_id), {"key_id": key_id}, {"key": Secret(secret)})

    def delete_key(self, bucket: BucketRecord, key: KeyRecord) -> None:
        for _ in self.world.calls("delete_key"):
            self.world.keys.pop(key.id, None)


class PasswordBoxProvisioner(BoxProvisioner):
    """Buckets with one password each."""

    def password(self, bucket: BucketRecord, scope: KeyScope) -> IssuedKey:
        secret = Secret(self.world.passwords[bucket.name])
        return IssuedKey(KeyRecord(bucket.name, bucket.name, bucket.name), {}, {"key": secret})

    def reset_password(self, bucket: BucketRecord, scope: KeyScope) -> None:
        for _ in self.world.calls("reset_password"):
            self.world.passwords[bucket.name] = secrets.token_hex(16)


class Chest:
    """A secret store in memory."""

    def __init__(self, world: World) -> None:
        self._world = world

    def read(self, name: str) -> str:
        if name not in self._world.chest:
            raise MissingCredentials(f"there is no {name}")
        return self._world.chest[name]

    def write(self, name: str, secret: Secret) -> None:
        for _ in self._world.calls("write secret"):
            self._world.chest[name] = secret.reveal()

    def delete(self, name: str) -> bool:
        found = False
        for _ in self._world.calls("delete secret"):
            found = self._world.chest.pop(name, None) is not None
        return found

    def new_name(self, place: str, bucket: str, setting: str) -> str:
        return f"{place}/{bucket}/{setting}"


class Plugin:
    """What the registry of a test gets."""

    def __init__(self, world: World) -> None:
        self._chest = Chest(world)

    @hookimpl
    def buckia_register_adapters(self) -> list[AdapterSpec]:
        return [AdapterSpec("box", "Box", f"{__name__}:BoxSettings", f"{__name__}:BoxSync")]

    @hookimpl
    def buckia_register_provisioners(self) -> list[ProvisionerSpec]:
        settings = f"{__name__}:AccountSettings"
        return [
            ProvisionerSpec("box", "Box", "box", settings, f"{__name__}:KeyBoxProvisioner"),
            ProvisionerSpec("pwbox", "Password Box", "box", settings, f"{__name__}:PasswordBoxProvisioner"),
        ]

    @hookimpl
    def buckia_register_secret_stores(self) -> dict[str, Chest]:
        return {"chest": self._chest}

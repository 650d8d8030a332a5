"""`AppData`: backs up, restores and resets the data of an app, and applies its demo data."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from buckia_core.app_data import demo_database
from buckia_core.app_data.demo_database import TableChange
from buckia_core.app_data.reset import ResetResult, add_snapshot_to_trash, reset_locally
from buckia_core.app_data.reset_record import end_reset
from buckia_core.app_data.undo import UndoResult, undo_reset
from buckia_core.config import BucketConfig
from buckia_core.config.app_profile import AppProfile, is_guessable
from buckia_core.errors import ConfigError
from buckia_core.localfs.create_directories import make_directories
from buckia_core.planning.plan import Plan
from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.syncing.disk.trash import Trash
from buckia_core.syncing.events import SyncResult
from buckia_core.syncing.scan.mappings import absolute_path
from buckia_core.syncing.state.locations import StateFiles


class SyncClient(Protocol):
    """What `AppData` needs of a `BuckiaClient`."""

    @property
    def config(self) -> BucketConfig: ...
    @property
    def state_files(self) -> StateFiles: ...
    @property
    def sync(self) -> Callable[..., SyncResult]: ...
    @property
    def status(self) -> Callable[..., Plan]: ...
    def trash(self) -> Trash: ...


@dataclass(frozen=True, slots=True)
class AppStatus:
    """State of the data of an app.

    Attributes:
        profile: The setting `app`.
        user_plan: What a sync of the user's folder and the database would do; `None` without a user.
        demo_plan: What an update of the demo folder would do; `None` without a demo.
        has_database: Whether the database exists here.
        has_demo_database: Whether the demo folder here has a database to apply.
        warnings: What should be changed, such as an id that can be guessed.
    """

    profile: AppProfile
    user_plan: Plan | None
    demo_plan: Plan | None
    has_database: bool
    has_demo_database: bool
    warnings: tuple[str, ...]


class AppData:
    """The data of an app, as the setting `app` describes it; `client.app`.

    Each method may be called while the app runs and has its database open. A process that is killed leaves the database
    as it was or as it should be.

    Args:
        client: The client of the bucket.
        reopen: Returns a client for a changed configuration of the same bucket.
    """

    def __init__(self, client: SyncClient, reopen: Callable[[BucketConfig], SyncClient]) -> None:
        self._client = client
        self._reopen = reopen

    @property
    def profile(self) -> AppProfile:
        """The setting `app`.

        Raises:
            ConfigError: The configuration has none.
        """
        if self._client.config.app is None:
            name = self._client.config.name
            raise ConfigError(f"the bucket {name!r} has no setting `app`; docs/app-data.md shows one")
        return self._client.config.app

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be changed in the configuration."""
        user = self.profile.user
        if user is None or not is_guessable(user):
            return ()
        return (f"the id {user!r} could be guessed, and whoever has it can read the folder; use a random one",)

    @property
    def backup_warnings(self) -> tuple[str, ...]:
        """`warnings`, and that the database is missing, so that a backup has none."""
        if self.profile.database is None or self._database().is_file():
            return self.warnings
        return (*self.warnings, f"there is no database at {self._database()}, so it was not backed up")

    def new_user(self, *, replace: bool = False) -> str:
        """Make a user: a random id, which is written into the configuration file. Returns the id.

        If the bucket has the setting `folders`, the id is added to it. A client that is created afterwards uses the id.

        Args:
            replace: Replace the user that there is. Its files and objects stay.

        Raises:
            ConfigError: There is a user, or the configuration has no file or can't be edited.
            LockHeld: Another process edits the file.
        """
        config, user = self._client.config, self.profile.user
        if user is not None and not replace:
            raise ConfigError(f"`app` has the user {user!r}; to replace it by a new one, use --replace")
        if config.source is None:
            raise ConfigError("a new user is written into the configuration file, and this configuration has none")
        from buckia_core.config.editor import edit_config  # noqa: PLC0415  # imports the YAML library
        from buckia_core.config.folders import add_folder  # noqa: PLC0415  # as above

        path = Path(config.source)
        made = add_folder(path, config.name)
        with edit_config(path) as file:
            file.set_in_group(config.name, "app", "user", made.name)
        return made.name

    def backup(self, **options: Any) -> SyncResult:
        """Upload the user's folder and a snapshot of the database. `options` are those of `BuckiaClient.sync`.

        Raises:
            ConfigError: There is no user, or `backup` is off.
        """
        user = self._user()
        if not self.profile.backup:
            raise ConfigError("the backup is off; set `backup: true` in `app`")
        return self._sync(user, {"direction": Direction.UP} | options)

    def restore(self, **options: Any) -> SyncResult:
        """Download the user's folder and the database. What differs here is replaced, and goes to the trash.

        Files that only this side has stay. `options` are those of `BuckiaClient.sync`.

        Raises:
            ConfigError: There is no user.
        """
        chosen = {"direction": Direction.DOWN, "conflict": ConflictPolicy.REMOTE_WINS, "delete_orphaned": False}
        return self._sync(self._user(), chosen | options)

    def update_demo(self, **options: Any) -> SyncResult:
        """Download the demo folder; nothing is uploaded. `options` are those of `BuckiaClient.sync`.

        Raises:
            ConfigError: There is no demo.
        """
        return self._sync(self._demo(), options)

    def apply_demo(self, *, leave_out: Collection[str] = (), dry_run: bool = False) -> list[TableChange]:
        """Add the rows of the demo's database to the app's, in one transaction; see `apply_database`.

        The database as it was goes to the trash. Without a database here, call `reset` instead.

        Raises:
            ConfigError: There is no demo or no database, or a table to leave out is in neither of their databases.
            NotApplied, CorruptDatabase, Transient, FileNotFoundError: As `apply_database`.
        """
        source, target = self._demo_database(), self._database()
        left_out = (*self.profile.leave_out, *leave_out)

        def preserve() -> None:
            add_snapshot_to_trash(self._client.trash(), target, self._database_key(), "before demo data was applied")

        return demo_database.apply_database(source, target, leave_out=left_out, dry_run=dry_run, preserve=preserve)

    def reset(self, *, everywhere: bool = False, **options: Any) -> ResetResult:
        """Move the user's files to the trash, and give the database the content of the demo's.

        Without `everywhere`, the bucket stays as it is for now. The next sync brings the files back, and, like the next
        backup, uploads the new database over the user's in the bucket, whose former content is in the trash here.
        `restore` before that brings it back, and `undo_reset` at any time.

        Args:
            everywhere: Also delete the user's objects, after those that are not in the trash are downloaded to it.
            **options: Options of `BuckiaClient.sync` for that.

        Raises:
            ConfigError: There is no user, demo or database.
            FileNotFoundError: The demo has no database here; call `update_demo` first.
            CorruptDatabase, Transient: The database can't be replaced. The files are where they were.
            LockHeld: A sync is running.
        """
        user, client = self._user(), self._client
        result = reset_locally(
            client.config, client.state_files, client.trash(), self._database(), self._demo_database(),
            self._database_key(), forget=not everywhere,
        )  # fmt: skip
        if everywhere:
            mirror = self._reopen(client.config.with_changes(keep_replaced="always"))
            chosen = {"direction": Direction.UP, "delete_orphaned": True, "conflict": ConflictPolicy.LOCAL_WINS}
            result = result.with_sync(mirror.sync(sync_paths=[f"{user}/"], force=True, **chosen | options))
        if result.sync is None or not result.sync.errors:
            end_reset(client.state_files.reset)
        return result

    def undo_reset(self, *, dry_run: bool = False) -> UndoResult:
        """Bring back the user's files and the database as they were before the last reset, from the trash.

        Where this machine had none, those that the bucket had come back. What is there now goes to the trash. The next
        sync or backup uploads them.

        Raises:
            ConfigError: There is no user.
            NotRestored: Nothing was reset here, or another user was.
            LockHeld: A sync is running.
        """
        self._user()
        client, database = self._client, None if self.profile.database is None else self._database()
        return undo_reset(client.config, client.state_files, client.trash(), database, dry_run=dry_run)

    def status(self) -> AppStatus:
        """Return the state of the app's data. Changes nothing."""
        profile = self.profile
        plans = {
            folder: self._client.status(sync_paths=[self._ready(folder)])
            for folder in (profile.user, profile.demo)
            if folder is not None
        }
        return AppStatus(
            profile,
            plans.get(profile.user or ""),
            plans.get(profile.demo or ""),
            profile.database is not None and self._database().is_file(),
            profile.demo is not None and profile.database is not None and self._demo_database().is_file(),
            self.warnings,
        )

    def _sync(self, folder: str, options: dict[str, Any]) -> SyncResult:
        return self._client.sync(sync_paths=[self._ready(folder)], **options)

    def _ready(self, folder: str) -> str:
        """Return the path of a folder in `documents`, which is created, so that a first sync finds it."""
        path = os.path.join(self._documents(), folder)
        make_directories(path)
        return path + os.sep

    def _documents(self) -> str:
        return absolute_path(self._client.config.base_dir, self.profile.documents)

    def _user(self) -> str:
        if self.profile.user is None:
            raise ConfigError("`app` has no user; `buckia app new-user` makes one")
        return self.profile.user

    def _demo(self) -> str:
        if self.profile.demo is None:
            raise ConfigError("`app` has no demo; set `demo` to the name of its folder in the bucket")
        return self.profile.demo

    def _database(self) -> Path:
        if self.profile.database is None:
            raise ConfigError("`app` has no database; set `database` to its path in `documents`")
        return Path(self._documents(), self.profile.database)

    def _demo_database(self) -> Path:
        return Path(self._documents(), self._demo(), self._database().name)

    def _database_key(self) -> str:
        """Return the database's key in the trash, which is its key in the bucket if there is a user."""
        name, user = self._database().name, self.profile.user
        return name if user is None else f"{user}/{name}"

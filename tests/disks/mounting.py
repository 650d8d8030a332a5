"""File systems that are mounted during a test run."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Protocol

from tests.servers.process import ServerFailed, clean_environment
from tests.servers.s3_server import Available

_SECONDS = 20


class Disk(Protocol):
    """A kind of disk."""

    name: ClassVar[str]

    @staticmethod
    def available() -> Available:
        """Tell whether it can be mounted here."""

    @staticmethod
    def mounted(directory: Path) -> Iterator[Path]:
        """Mount it below a directory that is there, and give its root."""


class FoldingDisk:
    """Folds case and Unicode forms, and has inodes and hard links, as those of macOS do."""

    name = "folding-disk"
    arguments: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def available() -> Available:
        """Tell whether it can be mounted here."""
        if reason := _no_fuse():
            return Available(reason)
        if ctypes.util.find_library("fuse") is None:
            return Available("libfuse 2 is not installed (Debian: apt-get install libfuse2)")
        if importlib.util.find_spec("fuse") is None:
            return Available("fusepy is not installed (pip install fusepy)")
        return Available()

    @classmethod
    @contextmanager
    def mounted(cls, directory: Path) -> Iterator[Path]:
        """Mount it, and give its root."""
        root = directory / "mounted"
        root.mkdir()
        repository = str(Path(__file__).resolve().parents[2])
        command = [sys.executable, "-m", "tests.disks.folding", str(root), *cls.arguments]
        with (directory / "log").open("wb") as log:
            served = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(PYTHONPATH=repository)
            )
        try:
            _wait(lambda: os.path.ismount(root), served, directory / "log")
            yield root
        finally:
            _unmount(root)
            served.terminate()
            served.wait(_SECONDS)


class PlainFoldingDisk(FoldingDisk):
    """Folds likewise, and has neither inodes nor hard links, as FAT has none."""

    arguments = ("plain",)


class Exfat:
    """exFAT in user space, on a file. It folds case only."""

    name = "exfat"

    @staticmethod
    def available() -> Available:
        """Tell whether it can be mounted here."""
        if reason := _no_fuse():
            return Available(reason)
        missing = [tool for tool in ("mkfs.exfat", "mount.exfat-fuse", "losetup") if not which(tool)]
        if missing:
            tools = ", ".join(missing)
            return Available(f"there is no {tools} (Debian: apt-get install exfat-fuse exfatprogs mount)")
        if not os.path.exists("/dev/loop-control"):
            return Available("this machine has no loop devices")
        return Available()

    @staticmethod
    @contextmanager
    def mounted(directory: Path) -> Iterator[Path]:
        """Mount it, and give its root."""
        image, root = directory / "image", directory / "mounted"
        root.mkdir()
        with image.open("wb") as file:
            file.truncate(32 << 20)
        _run("mkfs.exfat", str(image))
        device = _run("losetup", "--find", "--show", str(image)).strip()
        try:
            _run("mount.exfat-fuse", device, str(root))
            try:
                yield root
            finally:
                _unmount(root)
        finally:
            _run("losetup", "--detach", device, check=False)


def _no_fuse() -> str:
    if sys.platform != "linux":
        return "these disks are mounted on Linux only"
    if os.geteuid() != 0:
        return "mounting needs the superuser"
    return "" if os.access("/dev/fuse", os.R_OK | os.W_OK) else "this machine has no /dev/fuse"


def which(tool: str) -> str | None:
    """Return the path of a tool, of the superuser's too; `None` if there is none."""
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _run(tool: str, *arguments: str, check: bool = True) -> str:
    ran = subprocess.run([which(tool) or tool, *arguments], check=False, capture_output=True, text=True)
    if check and ran.returncode:
        raise ServerFailed(f"{tool}: {ran.stdout}{ran.stderr}")
    return ran.stdout


def _unmount(root: Path) -> None:
    # A test that failed may hold files open.
    _run("umount", str(root), check=False)
    if os.path.ismount(root):
        _run("umount", "--lazy", str(root), check=False)


def _wait(ready: Callable[[], bool], served: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _SECONDS
    while not ready():
        if served.poll() is not None or time.monotonic() > until:
            raise ServerFailed(f"the disk was not mounted: {log.read_text(errors='replace')}")
        time.sleep(0.02)

"""What a comparison was made on: the machine, and the versions of everything."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.files import DISKS, ROOT, directory_on
from tests.benchmarks.measure import Missing
from tests.benchmarks.object_calls import LIBRARIES
from tests.benchmarks.tools import S3_TOOLS, B2Command, Buckia, Tool

_VERSION = re.compile(r"\d+(?:\.\d+)+")


def describe() -> dict[str, str]:
    """Return what matters of this machine, by name."""
    found = {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{_memory() / (1 << 30):.0f} GiB" if _memory() else "unknown",
        "system": f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}",
        "Python": platform.python_version(),
    }
    if sys.platform != "win32":
        found["load when it began"] = f"{os.getloadavg()[0]:.1f} processes"
    for disk in DISKS:
        try:
            found[disk] = _file_system(directory_on(disk))
        except Missing as error:
            found[disk] = str(error)
    return found


def versions() -> dict[str, str]:
    """Return the versions of the tools and servers that are here, by name."""
    tools: Sequence[type[Tool]] = (*S3_TOOLS, B2Command, *LIBRARIES[1:])
    found = {}
    for tool in tools:
        try:
            found[tool.name] = _version(tool.version())
        except Missing:
            continue
    for name, command in (("Ceph", ["radosgw", "--version"]), ("haproxy", ["haproxy", "-v"])):
        if program := shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin"):
            found[name] = _version([program, *command[1:]])
    return found


def own_version() -> str:
    """Return the version of this project, with its commit where this is a checkout."""
    version = _version(Buckia.version())
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return version
    return f"{version} ({commit})"


def _version(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = _VERSION.search(done.stdout + done.stderr)
    return found[0] if found else "unknown"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory() -> int:
    if sys.platform == "win32":
        return 0
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _file_system(directory: Path) -> str:
    """Return the type of the file system that a directory is on, such as `ext4`."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return "unknown"
    path = str(directory.resolve())
    above = [mount for mount in mounts if f"{path}/".startswith(f"{mount[1].rstrip('/')}/")]
    return max(above, key=lambda mount: len(mount[1]))[2] if above else "unknown"

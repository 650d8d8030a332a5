"""The program that runs one server for all processes of a test run: `keeper NAME FOLDER OWNER`."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from .process import ServerFailed
from .shared import SERVERS, Desk


def keep(name: str, desk: Desk, owner: int) -> None:
    """Run the server `name` until somebody says that it is not needed, or its owner is gone."""
    desk.data.mkdir()
    try:
        with SERVERS[name].running(desk.data) as server:
            desk.publish(server)
            while not desk.asked_to_stop() and _alive(owner):
                time.sleep(0.1)
    except ServerFailed as error:
        desk.fail(f"{name} did not start: {error}")


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # Signal 0 would end the process there, so only `stop` ends a keeper.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def main() -> None:
    """Keep the server that the command line names."""
    name, folder, owner = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    desk = Desk(folder)
    desk.keeper_begins()
    try:
        if not desk.asked_to_stop():
            keep(name, desk, owner)
    finally:
        desk.keeper_ends()
        if not _alive(owner):
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                folder.parent.rmdir()


if __name__ == "__main__":
    main()

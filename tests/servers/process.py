"""Child processes that stand for a server: started on a free port, watched, and stopped by their process id."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from buckia_core.testing.fault_proxy.ports import HOST

# Settings of the person's machine that would reach into a server or its tools.
_FOREIGN_PREFIXES: Final = ("AWS_", "B2_", "CEPH_", "RCLONE_", "MOTO_")
_FOREIGN_NAMES: Final = frozenset(
    {"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)


class ServerFailed(RuntimeError):
    """A server did not start or died; the message holds the tail of its log."""


def clean_environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without credentials, certificate bundles and proxies, plus `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN_PREFIXES) and name.upper() not in _FOREIGN_NAMES
    }
    return kept | extra


def module_command(module: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment that run a module of this package in a new Python."""
    package = __name__.rpartition(".")[0]
    importable_from = Path(__file__).resolve().parents[package.count(".") + 1]
    return [sys.executable, "-m", f"{package}.{module}", *arguments], clean_environment(PYTHONPATH=str(importable_from))


def tail(log: Path, lines: int = 30) -> str:
    """Return the last lines of a log, or a note that it is empty."""
    text = log.read_text(errors="replace").strip() if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"


def run(argv: Sequence[str], *, log: Path, seconds: float = 30.0, env: dict[str, str] | None = None) -> str:
    """Run a short command to its end, add its errors to `log`, and return its standard output.

    Raises ServerFailed with the log's tail where it fails or takes longer than `seconds`.
    """
    with log.open("ab") as errors:
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=clean_environment() if env is None else env,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ServerFailed(f"{argv[0]} took longer than {seconds:g} s:\n{tail(log)}") from error
    if done.returncode != 0:
        raise ServerFailed(f"{' '.join(argv)} ended with {done.returncode}:\n{tail(log)}")
    return done.stdout.decode(errors="replace")


def answers_http(port: int) -> bool:
    """Tell whether something at the port answers an HTTP request, whatever the status."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


class ChildProcess:
    """A running child. As a context manager it is stopped at the end, whatever happened.

    It gets a session of its own, so that Ctrl-C at the terminal reaches only the one who has to stop it.
    """

    def __init__(
        self, argv: Sequence[str], *, log: Path, env: dict[str, str] | None = None, grace: float = 5.0
    ) -> None:
        """Start `argv`; output goes to `log`. `grace` is how long `stop` waits before it kills (0: at once)."""
        self.name = Path(argv[0]).name
        self.log = log
        self.grace = grace
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=clean_environment() if env is None else env,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, by which alone it is stopped."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._popen.poll()

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 30.0) -> None:
        """Return once `ready()` is true. Raises ServerFailed where the child ends first or time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.exit_code is not None:
                raise ServerFailed(f"{self.name} ended with {self.exit_code}:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} was not ready after {seconds:g} s:\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Terminate the child, kill it where it lingers, and reap it. Stopping twice is no error."""
        if self.exit_code is None and self.grace > 0:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(self.grace)
        if self.exit_code is None:
            self._popen.kill()
            self._popen.wait()

    def leave(self) -> None:
        """Let the child go on after this process; somebody else stops it."""
        # Otherwise subprocess warns that nobody waited for the child.
        self._popen.returncode = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

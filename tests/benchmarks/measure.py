"""Running commands side by side: wall time, CPU time and peak memory of each as a whole process tree."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Contender:
    """One command in a comparison.

    Attributes:
        name: What the table calls it.
        prepare: Called before each run, untimed: sets the stage, and returns the program and its arguments.
        env: The whole environment that the command gets.
        check: Called after each run, untimed: raises `WrongResult` unless the command did its work.
    """

    name: str
    prepare: Callable[[], Sequence[str]]
    env: Mapping[str, str]
    check: Callable[[], None]


class Missing(Exception):
    """A program that a comparison needs is not installed; the message says which, and what installs it."""


class WrongResult(Exception):
    """A command failed, or did not do what it was measured for."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The runs of one contender, in their order.

    Attributes:
        wall: Seconds from start to end.
        cpu: Seconds of user and system time, of the command and all processes that it started.
        memory: Peak memory in MiB of the largest of these processes.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def race(contenders: Sequence[Contender], *, rounds: int) -> dict[str, Samples]:
    """Run all contenders in turn, several rounds, so that what disturbs the machine disturbs all of them."""
    samples = {contender.name: Samples() for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            command = contender.prepare()
            wall, cpu, memory = measure(contender.name, command, contender.env)
            contender.check()
            samples[contender.name].wall.append(wall)
            samples[contender.name].cpu.append(cpu)
            samples[contender.name].memory.append(memory)
    return samples


LONGEST: Final = 3600
"""Seconds that a run may take. Some tools repeat requests for ever if the server is gone."""

_RUNNER = """
import json, os, sys, time
started = time.monotonic()
child = os.fork()
if not child:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - started
print(json.dumps([os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
"""
"""Runs one command. A process of its own, because a child's peak memory begins with that of who started it."""


def measure(name: str, command: Sequence[str], env: Mapping[str, str]) -> tuple[float, float, float]:
    """Run a command; return its wall time and CPU time in seconds, and its peak memory in MiB.

    Raises:
        WrongResult: Its exit code is not 0, or it takes longer than an hour.
    """
    command = [sys.executable, "-I", "-S", "-c", _RUNNER, *command]
    # A session of its own, so that all its processes can be ended.
    with subprocess.Popen(
        command, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as runner:
        try:
            output, errors = runner.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            _end(runner)
            raise WrongResult(f"{name} did not end within {LONGEST} s") from None
        except BaseException:
            _end(runner)
            raise
    if runner.returncode != 0:
        raise WrongResult(f"{name} could not be run: {errors[-2000:]}")
    code, wall, cpu, memory = json.loads(output)
    if code != 0:
        raise WrongResult(f"{name} ended with {code}: {errors[-2000:]}")
    return round(wall, 4), round(cpu, 4), round(memory, 1)


def _end(runner: subprocess.Popen[str]) -> None:
    if sys.platform != "win32":
        os.killpg(runner.pid, signal.SIGKILL)

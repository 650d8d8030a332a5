"""Running commands side by side: wall time, CPU time and peak memory of each as a whole process."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Contender:
    """One command in a comparison.

    Attributes:
        name: What the table calls it.
        command: Program and arguments.
        env: The whole environment that it gets.
        before: Called before each run, untimed, to set the stage.
        codes: Exit codes that count as success.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    before: Callable[[], None] | None = None
    codes: tuple[int, ...] = (0,)


@dataclass(slots=True)
class Figures:
    """The runs of one contender: seconds of wall and CPU (user and system) time, peak memory in MB."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def race(contenders: Sequence[Contender], *, rounds: int) -> dict[str, Figures]:
    """Run all contenders in turn, several rounds, so that what disturbs the machine disturbs all of them."""
    figures = {contender.name: Figures() for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            if contender.before:
                contender.before()
            _measure(contender, figures[contender.name])
    return figures


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


def _measure(contender: Contender, figures: Figures) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _RUNNER, *contender.command],
        env=dict(contender.env),
        capture_output=True,
        text=True,
        check=True,
    )
    code, wall, cpu, memory = json.loads(done.stdout)
    if code not in contender.codes:
        raise RuntimeError(f"{contender.name} ended with {code}: {done.stderr[-2000:]}")
    figures.wall.append(wall)
    figures.cpu.append(cpu)
    figures.memory.append(memory)


def table(title: str, figures: Mapping[str, Figures]) -> str:
    """Return the medians as a Markdown table; ratios are to the first contender."""
    rows = [f"### {title}", "", "| | wall s | × | CPU s | × | peak MB |", "|---|---|---|---|---|---|"]
    first = next(iter(figures.values()))
    for name, each in figures.items():
        wall, cpu = statistics.median(each.wall), statistics.median(each.cpu)
        rows.append(
            f"| {name} | {wall:.2f} ({min(each.wall):.2f}–{max(each.wall):.2f}) | "
            f"{wall / statistics.median(first.wall):.2f} | {cpu:.2f} | {cpu / statistics.median(first.cpu):.2f} | "
            f"{max(each.memory):.0f} |"
        )
    return "\n".join(rows)

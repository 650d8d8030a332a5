"""Compare the speed with other tools: `python -m tests.benchmarks`."""

from __future__ import annotations

import argparse
import compileall
import importlib.util
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks import machine
from tests.benchmarks.catalog import QUICK, WORKLOADS
from tests.benchmarks.files import DISKS
from tests.benchmarks.measure import Missing, race
from tests.benchmarks.networks import NETWORKS
from tests.benchmarks.results import Results, Row
from tests.benchmarks.tables import table
from tests.benchmarks.workloads import Workload


def main() -> None:
    """Run what the options choose, print a table for each comparison, and keep the samples."""
    options = parse_options()
    if options.list:
        for workload in WORKLOADS:
            print(f"{workload.name:20} {', '.join(each.name for each in workload.networks)}")
        return
    if sys.platform == "win32":
        sys.exit("Comparisons measure whole process trees by fork and wait4, which Windows does not have.")
    for number in (signal.SIGINT, signal.SIGTERM):
        # However this ends, it stops its servers. In the background of a shell, Ctrl-C would be ignored.
        signal.signal(number, signal.default_int_handler)
    _compile()
    results = Results.load(options.json) if options.json and options.json.exists() else Results()
    results.machine, results.versions = machine.describe(), machine.versions()
    wrong = [
        result
        for workload in WORKLOADS
        if workload.name in options.workloads
        for result in run(workload, options, results)
    ]
    for name, reason in results.skipped.items():
        print(f"Not measured: {name}: {reason}", file=sys.stderr)
    sys.exit(bool(wrong))


def run(workload: Workload, options: argparse.Namespace, results: Results) -> list[Exception]:
    """Run a workload in all settings; return what went wrong. What is missing is no error."""
    wrong: list[Exception] = []
    settings = workload.settings(options.disks, options.networks)
    if not settings:
        return wrong
    results.skipped.pop(workload.name, None)
    try:
        with workload.stage.running() as stage:
            for setting in settings:
                name = f"{workload.name} ({setting})"
                results.skipped.pop(name, None)
                try:
                    tools = [tool for tool in workload.tools if not options.tools or tool.name in options.tools]
                    for each in workload.scaled(options.scale).races(stage, setting, tools):
                        samples = race(each.contenders, rounds=options.rounds)
                        row = Row(each.title, setting.disk, setting.network.name, machine.own_version(), samples)
                        print(table(row), end="\n\n", flush=True)
                        results.add(row)
                        if options.json:
                            results.save(options.json)
                except Missing as error:
                    results.skipped[name] = str(error)
                except Exception as error:
                    # A server that is out of memory must not end a comparison of hours.
                    results.skipped[name] = f"{type(error).__name__}: {error}"
                    wrong.append(error)
    except Missing as error:
        results.skipped[workload.name] = str(error)
    except Exception as error:
        results.skipped[workload.name] = f"{type(error).__name__}: {error}"
        wrong.append(error)
    if options.json:
        results.save(options.json)
    return wrong


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of a command line; `None` is that of this process."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Compare the speed with other tools."
    )
    names, networks = [each.name for each in WORKLOADS], [each.name for each in NETWORKS]
    parser.add_argument("--list", action="store_true", help="list the workloads and their networks, and run nothing")
    parser.add_argument("--quick", action=_Quick, nargs=0, help="a choice that takes about 3 minutes")
    parser.add_argument("--workloads", type=_choice(names), default=names, help="names with commas between, see --list")
    parser.add_argument("--tools", type=_words, default=[], help="only these, such as buckia,s5cmd")
    parser.add_argument("--disks", type=_choice(DISKS), default=list(DISKS), help=f"of {','.join(DISKS)}")
    parser.add_argument("--networks", type=_choice(networks), default=networks, help=f"of {','.join(networks)}")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each tool (default: 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply the number of files, as by 0.1")
    help_json = "write all samples to this file; rows of earlier runs in it stay"
    parser.add_argument("--json", type=Path, metavar="FILE", help=help_json)
    return parser.parse_args(arguments)


class _Quick(argparse.Action):
    """Stands for several options, which may be set again after it."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object) -> None:
        for name, value in QUICK.items():
            setattr(namespace, name, value)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _choice(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        words = _words(text)
        if unknown := [word for word in words if word not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: unknown; known: {', '.join(known)}")
        return words

    return parse


def _compile() -> None:
    """Compile this project's modules, as an installation does, so that no run has to."""
    for package in ("buckia", "buckia_core", "buckia_s3", "buckia_b2", "buckia_bunny"):
        found = importlib.util.find_spec(package)
        for directory in (found and found.submodule_search_locations) or ():
            compileall.compile_dir(directory, quiet=1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted")

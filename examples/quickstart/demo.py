"""Demo of Buckia: a small project, a folder as the bucket, and the real `buckia` command.

Run it with `make demo`, or with the Python in which Buckia is installed: `python examples/quickstart/demo.py`. It works
in `.demo/` at the top of the checkout, which it recreates. It checks each step, and exits with an error if one fails.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / ".demo"
PROJECT = DEMO / "project"
BUCKET = DEMO / "bucket"

NOTES = "demo-team/notes.txt"
LOGO = "demo-team/images/logo.svg"
SUNRISE = "demo-team/images/sunrise.jpg"
HARBOUR = "demo-team/images/harbour.png"


class DemoFailed(Exception):
    """A step failed."""


def main() -> int:
    recreate_demo()
    steps = (dry_run, first_sync, nothing_to_do, edit_on_each_side, delete_on_each_side, conflict, trash_and_status)
    try:
        for number, step in enumerate(steps, 1):
            print(f"\n--- {number}. {step.__doc__}")
            step()
    except DemoFailed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    print(f"\nAll {len(steps)} steps did what they say. The two folders are still there: {PROJECT} and {BUCKET}")
    return 0


def recreate_demo() -> None:
    if DEMO.exists():
        shutil.rmtree(DEMO)
    shutil.copytree(HERE / "project", PROJECT)
    BUCKET.mkdir()
    print(f"The project: {PROJECT}")
    print(f"The bucket:  {BUCKET}")
    print("\n.buckia says how they belong together:")
    print((PROJECT / ".buckia").read_text("utf-8"), end="")


def dry_run() -> None:
    """A dry run shows the plan and changes nothing."""
    buckia("sync", "--dry-run")
    check(files(BUCKET) == {}, "a dry run changed the bucket")


def first_sync() -> None:
    """The first sync uploads everything."""
    buckia("sync")
    show()
    check(len(files(BUCKET)) == 5, "the five files are not in the bucket")
    check_in_sync()


def nothing_to_do() -> None:
    """The second sync has nothing to do."""
    before = times(BUCKET), times(PROJECT)
    buckia("sync")
    check((times(BUCKET), times(PROJECT)) == before, "a sync with nothing to do wrote something")


def edit_on_each_side() -> None:
    """The notes are edited in the project, the logo in the bucket: one is uploaded, the other downloaded."""
    with (PROJECT / NOTES).open("a", encoding="utf-8") as file:
        file.write("- and coffee\n")
    logo = (BUCKET / LOGO).read_text("utf-8").replace("#2f6f8f", "#8f2f4f")
    (BUCKET / LOGO).write_text(logo, "utf-8")
    buckia("sync")
    check("coffee" in (BUCKET / NOTES).read_text("utf-8"), "the edit in the project was not uploaded")
    check("#8f2f4f" in (PROJECT / LOGO).read_text("utf-8"), "the edit in the bucket was not downloaded")
    check_in_sync()


def delete_on_each_side() -> None:
    """A picture is deleted in the project, another in the bucket: both deletes reach the other side."""
    (PROJECT / SUNRISE).unlink()
    (BUCKET / HARBOUR).unlink()
    buckia("sync")
    show()
    check(not (BUCKET / SUNRISE).exists(), "the delete in the project did not reach the bucket")
    check(not (PROJECT / HARBOUR).exists(), "the delete in the bucket did not reach the project")
    check_in_sync()


def conflict() -> None:
    """The notes are edited on both sides: both sides keep both versions."""
    (PROJECT / NOTES).write_text("Written in the project.\n", "utf-8")
    (BUCKET / NOTES).write_text("Written in the bucket.\n", "utf-8")
    buckia("sync")
    show()
    copies = [path for path in files(PROJECT) if ".conflict-local-" in path]
    check(len(copies) == 1, "there is not exactly one conflict copy")
    check((PROJECT / NOTES).read_text("utf-8") == "Written in the bucket.\n", "the notes are not the bucket's version")
    check(
        (PROJECT / copies[0]).read_text("utf-8") == "Written in the project.\n",
        "the conflict copy is not the local one",
    )
    check_in_sync()


def trash_and_status() -> None:
    """What the syncs replaced or deleted is in the trash, and status has nothing to report."""
    listing = buckia("trash", "list")
    check("harbour.png" in listing, "the deleted picture is not in the trash")
    buckia("status")
    check_in_sync()


def buckia(*arguments: str) -> str:
    """Run the command in the project, print it and its output, and return the output."""
    command = shutil.which("buckia", path=sysconfig.get_path("scripts"))
    if command is None:
        raise DemoFailed(f"there is no buckia command beside {sys.executable}; `make demo` installs it")
    print(f"\n$ buckia {' '.join(arguments)}", flush=True)
    done = subprocess.run([command, *arguments], cwd=PROJECT, capture_output=True, encoding="utf-8", check=False)
    for text, stream in ((done.stdout, sys.stdout), (done.stderr, sys.stderr)):
        # A terminal that can't show a character gets a question mark instead of an error.
        encoding = stream.encoding or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), end="", file=stream, flush=True)
    check(done.returncode == 0, f"buckia ended with exit code {done.returncode}")
    return done.stdout


def files(root: Path) -> dict[str, bytes]:
    """Return the files below a directory, by relative path, without Buckia's own."""
    paths = (path for path in root.rglob("*") if path.is_file())
    found = {path.relative_to(root).as_posix(): path for path in paths}
    return {name: path.read_bytes() for name, path in sorted(found.items()) if not name.startswith(".buckia")}


def times(root: Path) -> dict[str, int]:
    return {name: (root / name).stat().st_mtime_ns for name in files(root)}


def show() -> None:
    """Print both trees, side by side."""
    local, remote = files(PROJECT), files(BUCKET)
    names = sorted({*local, *remote})
    width = max([len(name) for name in names] + [len("project")])
    print(f"\n  {'project':{width}}  bucket")
    for name in names:
        print(f"  {name if name in local else '-':{width}}  {name if name in remote else '-'}")


def check(condition: bool, problem: str) -> None:
    if not condition:
        raise DemoFailed(problem)


def check_in_sync() -> None:
    check(files(PROJECT) == files(BUCKET), "the two sides are not equal")


if __name__ == "__main__":
    sys.exit(main())

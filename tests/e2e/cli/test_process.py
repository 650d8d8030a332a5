"""The `buckia` command in a process of its own, on the provider `file`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BUCKIA = [sys.executable, "-m", "buckia"]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows can't send SIGINT to one other process")


@pytest.fixture
def project(tmp_path):
    """A project whose bucket is the directory `bucket`, and whose files are in `files`."""
    for name in ("project/files", "bucket"):
        (tmp_path / name).mkdir(parents=True)
    text = "assets:\n  provider: file\n  root: ../bucket\n  paths: [files/]\n"
    (tmp_path / "project" / ".buckia").write_text(text, encoding="utf-8")
    return tmp_path / "project"


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name not in ("AWS_CA_BUNDLE", "NO_COLOR")}
    return kept | {"PYTHONWARNINGS": "error", "PYTHONUTF8": "1"} | more


def buckia(project, *arguments, **more):
    return subprocess.run(
        [*BUCKIA, *arguments],
        cwd=project,
        env=environment(**more),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def records(ran):
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_sync_and_another(project):
    (project / "files" / "a.txt").write_text("hello")
    first = buckia(project, "sync")
    assert (first.returncode, first.stderr) == (0, "")
    assert "a.txt" in first.stdout
    assert (project.parent / "bucket" / "a.txt").read_text() == "hello"
    second = buckia(project, "sync")
    assert second.stdout.startswith("assets: Nothing to do: 1 file in step")
    assert len(second.stdout.splitlines()) == 1


def test_a_dry_run_says_what_the_sync_then_does(project):
    for name in ("a", "b"):
        (project / "files" / name).write_text(name)
    planned = records(buckia(project, "sync", "-n", "--json"))
    assert list((project.parent / "bucket").iterdir()) == []
    done = records(buckia(project, "sync", "--json"))

    def operations(of, status):
        found = [{**each, "status": None} for each in of if each["type"] == "operation" and each["status"] == status]
        return sorted(found, key=lambda each: each["key"])

    assert len(operations(planned, "planned")) == 2
    assert operations(planned, "planned") == operations(done, "done")
    assert planned[-1]["dry_run"] is True
    assert done[-1]["uploaded"] == planned[-1]["uploaded"] == 2


def test_a_part_of_the_bucket(project):
    for name in ("images", "videos", "other"):
        (project / "files" / name).mkdir()
        (project / "files" / name / "x").write_text(name)
    ran = buckia(project, "sync", "--paths", "files/images/", "files/videos/")
    assert ran.returncode == 0, ran.stderr
    assert {path.name for path in (project.parent / "bucket").iterdir()} == {"images", "videos"}


def test_a_conflict_is_left_shown_and_decided(project):
    here, there = project / "files" / "a.txt", project.parent / "bucket" / "a.txt"
    here.write_text("one\n")
    buckia(project, "sync")
    here.write_text("mine, longer\n")
    there.write_text("theirs\n")
    assert buckia(project, "sync", "--conflict", "ask").returncode == 8
    assert buckia(project, "conflicts").returncode == 8
    shown = buckia(project, "conflicts", "show", "a.txt").stdout
    assert "\n-theirs\n+mine, longer\n" in shown
    resolved = buckia(project, "conflicts", "resolve", "a.txt", "--keep", "local")
    assert resolved.returncode == 0, resolved.stderr
    assert there.read_text() == "mine, longer\n"
    assert buckia(project, "conflicts").returncode == 0


def test_what_was_deleted_comes_back_from_the_trash(project):
    here = project / "files" / "a.txt"
    here.write_text("hello")
    buckia(project, "sync")
    (project.parent / "bucket" / "a.txt").unlink()
    assert buckia(project, "sync", "--force").returncode == 0
    assert not here.exists()
    (trashed,) = records(buckia(project, "trash", "--json"))
    assert buckia(project, "trash", "restore", trashed["id"]).returncode == 0
    assert here.read_text() == "hello"


def test_single_objects(project):
    (project / "a.txt").write_text("hello")
    assert buckia(project, "put", "a.txt", "docs/").returncode == 0
    assert buckia(project, "ls", "-r").stdout == "docs/a.txt\n"
    assert buckia(project, "cp", "docs/a.txt", "b.txt").returncode == 0
    assert buckia(project, "get", "b.txt", "c.txt").returncode == 0
    assert (project / "c.txt").read_text() == "hello"
    (project / "c.txt").write_text("mine")
    assert buckia(project, "get", "b.txt", "c.txt").returncode == 1
    assert buckia(project, "stat", "b.txt", "--json").returncode == 0
    assert buckia(project, "rm", "-r", "docs", "--yes").returncode == 0
    assert buckia(project, "stat", "docs/a.txt").returncode == 6
    assert buckia(project, "check").returncode == 1


def test_a_guard_refuses_with_its_own_code(project):
    for number in range(20):
        (project / "files" / str(number)).write_text("x")
    buckia(project, "sync")
    for path in (project / "files").iterdir():
        path.unlink()
    ran = buckia(project, "sync", "--json")
    assert ran.returncode == 7
    assert records(ran)[0]["type"] == "error"
    assert len(list((project.parent / "bucket").iterdir())) == 20
    assert buckia(project, "status").returncode == 0


@pytest.mark.parametrize("options", [(), ("--write",)])
def test_doctor(project, options):
    ran = buckia(project, "doctor", "--json", *options)
    assert ran.returncode == 0, ran.stdout
    assert {each["ok"] for each in records(ran)} == {True}
    assert ("put" in {each["check"] for each in records(ran)}) == bool(options)
    assert list((project.parent / "bucket").iterdir()) == []


def test_a_project_from_nothing(tmp_path):
    arguments = ["--provider", "file", "--name", "assets", "--set", "root=bucket", "--set", "paths=[files/]"]
    assert buckia(tmp_path, "init", *arguments).returncode == 0
    for name in ("files", "bucket"):
        (tmp_path / name).mkdir()
    (tmp_path / "files" / "a").write_text("x")
    assert buckia(tmp_path, "sync").returncode == 0
    assert (tmp_path / "bucket" / "a").exists()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="this system keeps only names that are valid Unicode")
def test_names_that_are_no_text_break_nothing(project):
    for name in (b"esc\x1b[31m", b"new\nline", "日本".encode(), b"tab\t", "\u202eevil".encode(), b"latin-\xe9"):
        Path(os.fsdecode(os.path.join(os.fsencode(project / "files"), name))).write_text("x")
    ran = buckia(project, "sync", PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert ran.returncode == 1, ran.stderr
    shown = ran.stdout + ran.stderr
    assert shown.isascii()
    assert not set(map(chr, [*range(9), *range(11, 32)])) & set(shown)
    for escape in (r"esc\x1b[31m", r"new\nline", r"\u65e5\u672c", r"\u202eevil", r"latin-\xe9"):
        assert escape in shown
    assert "Traceback" not in shown


def test_a_reader_that_leaves_is_no_error(project):
    for number in range(3000):
        (project.parent / "bucket" / f"{number:0100}").touch()
    process = subprocess.Popen(
        [*BUCKIA, "ls", "-r"],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
def test_output_that_can_not_be_written_is_an_error(project):
    with open("/dev/full", "w", encoding="ascii") as full:
        ran = subprocess.run(
            [*BUCKIA, "sync"],
            cwd=project,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert ran.returncode == 1
    assert b"standard output" in ran.stderr
    assert b"Traceback" not in ran.stderr


def slow_sync(project):
    """Start a sync that takes about a second for each of ten files, and wait until the first one is over."""
    for number in range(10):
        (project / "files" / str(number)).write_bytes(os.urandom(64 * 1024))
    process = subprocess.Popen(
        [*BUCKIA, "sync", "--json", "--max-workers", "1", "--bwlimit", "64k"],
        cwd=project,
        env=environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        # A reader with a buffer would take lines that `communicate` is to have.
        line += os.read(process.stdout.fileno(), 1)
    first = json.loads(line)
    assert (first["type"], first["status"]) == ("operation", "done")
    return process


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_once_it_ends_in_order_and_the_next_run_goes_on(project, number):
    process = slow_sync(project)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Finishing what is in flight" in err
    assert "Traceback" not in err
    summary = json.loads(out.splitlines()[-1])
    done = 1 + sum(json.loads(line)["type"] == "operation" for line in out.splitlines())
    assert summary["type"] == "summary"
    assert summary["uploaded"] == done < 10
    assert len(list((project.parent / "bucket").iterdir())) == done
    after = records(buckia(project, "sync", "--json"))[-1]
    assert (after["uploaded"], after["unchanged"]) == (10 - done, done)


@posix_only
def test_interrupted_twice_it_ends_at_once(project):
    process = slow_sync(project)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - started < 5
    assert "Traceback" not in err
    assert buckia(project, "sync").returncode == 0
    assert buckia(project, "check").returncode == 0


HEAVY = (
    "rich",
    "yaml",
    "sqlite3",
    "platformdirs",
    "regex",
    "pluggy",
    "importlib.metadata",
    "buckia_core.adapters",
    "buckia_core.config.bucket",
    "buckia_core.config.secrets.redaction",
    "buckia_core.planning",
    "buckia_core.syncing",
    "boto3",
    "obstore",
    "buckia_core.client",
    "buckia_core.adapters.directory",
    "buckia_s3",
)

IDLE = (
    "platformdirs",
    "regex",
    "buckia_core.syncing.planner.sensitive_uploads",
    "buckia_core.syncing.planner.check",
    "buckia_core.syncing.planner.resolve",
    "buckia_core.syncing.transfer.versions",
    "buckia_core.syncing.execution.executor",
    "buckia_core.syncing.transfer.errors",
    "buckia_core.syncing.disk.trash",
)
"""What a sync with patterns, or with something to do, or another command would need."""


@pytest.mark.parametrize(
    ("arguments", "light"),
    [
        (["--version"], HEAVY),
        (["trash", "-q"], ("rich", "boto3", "botocore")),
        (["providers"], ("rich",)),
        (["sync", "--json"], ("rich", "boto3", "botocore")),
        (
            ["sync"],
            ("rich", "boto3", "botocore", "obstore", "buckia_s3.config.settings", "buckia_core.adapters.memory", *IDLE),
        ),
    ],
)
def test_what_is_not_needed_is_not_imported(project, arguments, light):
    script = (
        "import sys; from buckia_core.cli import main; code = main(sys.argv[2:]); "
        "print([name for name in sys.argv[1].split(',') if name in sys.modules], code, file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, ",".join(light), *arguments],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stderr.strip() == "[] 0"


def test_the_version_is_that_of_the_package(project):
    from buckia_core import __version__

    assert buckia(project, "--version").stdout == f"buckia {__version__}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no bash to source the script")
@pytest.mark.parametrize(
    ("word", "offered"),
    [("ass", ["assets"]), ("my", [r"my\ photos"]), ("s", [r"s\*"]), ("x", [r"x\$\(touch\ made\)"])],
)
def test_the_completion_script_works_in_bash(project, tmp_path, word, offered):
    with (project / ".buckia").open("a", encoding="utf-8") as file:
        file.writelines(
            f'"{name}":\n  provider: file\n  root: ../other\n' for name in ("my photos", "s*", "x$(touch made)")
        )
    command = tmp_path / "bin" / "buckia"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m buckia "$@"\n')
    command.chmod(0o755)
    script = (
        'eval "$(buckia completion bash)"; '
        f"COMP_WORDS=(buckia sync -b {word}); COMP_CWORD=3; _buckia_completion buckia; "
        "printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=project,
        env=environment(PATH=f"{command.parent}{os.pathsep}{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.stdout.splitlines() == offered, ran.stderr


def test_modules_and_plugins_of_the_current_directory_are_not_taken_for_installed_ones(project):
    """`python -m` puts the current directory in front, and a project that was just fetched may hold anything."""
    for name in ("rich", "yaml", "sqlite3", "evil"):
        (project / f"{name}.py").write_text("open('ran', 'w')\n")
    info = project / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[buckia.plugins]\nevil = evil\n")
    ran = buckia(project, "sync")
    assert (ran.returncode, (project / "ran").exists()) == (0, False), ran.stderr


def test_another_users_configuration_above_is_not_obeyed(project, monkeypatch, tmp_path):
    monkeypatch.setenv("BUCKIA_CONFIG_DIR", str(tmp_path / "own"))
    below = project / "below"
    below.mkdir()
    (below / "private.txt").write_text("private")
    (project / ".buckia").chmod(0o666)
    ran = buckia(below, "sync")
    if sys.platform == "win32":
        assert ran.returncode == 0
        return
    assert ran.returncode == 2 and "buckia trust" in ran.stderr
    assert buckia(below, "trust").returncode == 0
    assert buckia(below, "sync").returncode == 0


def test_a_sync_whose_guard_can_not_be_loaded_changes_nothing(project, monkeypatch, tmp_path):
    info = tmp_path / "site" / "guard-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guard\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[buckia.plugins]\nguard = a_module_that_is_missing\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    (project / "files" / "new.txt").write_text("new")
    ran = buckia(project, "sync")
    assert ran.returncode == 2 and "--without-plugin guard" in ran.stderr
    assert buckia(project, "sync", "--without-plugin", "guard").returncode == 0
    assert buckia(project, "sync").returncode == 0, "nothing to do needs no guard"

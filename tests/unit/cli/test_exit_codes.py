import errno
import os
from datetime import UTC, datetime

import click
import pytest

from buckia_core import errors
from buckia_core.cli.exit_codes import ExitCode, exit_code_for, exit_code_for_result, worst_exit_code
from buckia_core.syncing.events import SyncResult
from tests.unit.commands import ran


def result(**counts):
    return SyncResult(bucket="b", started=datetime.now(UTC), **counts)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.BuckiaError("x"), 1),
        (errors.ConfigError("x"), 2),
        (errors.UnknownSetting("x"), 2),
        (errors.InvalidSetting("x"), 2),
        (errors.MissingCredentials("x"), 3),
        (errors.BucketNotConfigured("x"), 2),
        (errors.PluginError("x"), 2),
        (errors.AdapterNotInstalled("x"), 2),
        (errors.AdapterBroken("x"), 2),
        (errors.AdapterError("x"), 4),
        (errors.NotFound("x"), 6),
        (errors.BucketNotFound("x"), 6),
        (errors.AlreadyExists("x"), 1),
        (errors.PreconditionFailed("x"), 1),
        (errors.PermissionDenied("x"), 5),
        (errors.Unauthenticated("x"), 3),
        (errors.InvalidKey("x"), 2),
        (errors.NotSupported("x"), 2),
        (errors.IntegrityError("x"), 4),
        (errors.Throttled("x"), 4),
        (errors.Transient("x"), 4),
        (errors.UnsafePlan("x"), 7),
        (errors.SideEmptied("x"), 7),
        (errors.TooManyDeletes("x"), 7),
        (errors.TooManyOverwrites("x"), 7),
        (errors.UnresolvedConflicts("x"), 8),
        (errors.LockHeld("x"), 9),
        (errors.CorruptDatabase("x"), 1),
        (errors.StateError("x"), 1),
        (errors.StateDenied("x"), 5),
        (errors.SyncIncomplete("x", result(failed=1)), 1),
        (errors.SyncIncomplete("x", result(interrupted=True)), 130),
        (click.UsageError("x"), 2),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "x"), 5),
        (ConnectionResetError(104, "x"), 4),
        (TimeoutError("x"), 4),
        (FileNotFoundError(2, "x"), 1),
        (ZeroDivisionError(), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_an_error_has_its_code(error, code):
    assert exit_code_for(error) == code


def test_every_error_of_buckia_is_in_the_table_above():
    table = test_an_error_has_its_code.pytestmark[0].args[1]
    tested = {type(error) for error, _ in table}
    ours = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.BuckiaError)}
    assert ours - tested == set()


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({}, 0),
        ({"uploaded": 3, "skipped": 1, "conflicts": 1}, 0),
        ({"unresolved": ["a"]}, 8),
        ({"failed": 1, "unresolved": ["a"]}, 1),
        ({"failed": 1, "interrupted": True}, 130),
    ],
)
def test_a_result_has_its_code(counts, code):
    assert exit_code_for_result(result(**counts)) == code


def test_the_worst_is_the_one_that_needs_a_person_most():
    order = [130, 7, 2, 3, 5, 6, 4, 9, 1, 8, 0]
    assert set(order) == set(ExitCode)
    for place, code in enumerate(order):
        assert worst_exit_code(ExitCode(each) for each in reversed(order[place:])) == code


def test_nothing_done_is_done():
    assert worst_exit_code([]) is ExitCode.DONE


@pytest.mark.parametrize(("number", "code"), [(errno.EACCES, 5), (errno.EIO, 1), (errno.EMFILE, 1)])
@pytest.mark.parametrize("name", [".buckia", ".buckiaignore"])
def test_files_that_the_system_does_not_let_be_read_are_no_wrong_configuration(
    tmp_path, monkeypatch, capsys, number, code, name
):
    (tmp_path / ".buckia").write_text(f"provider: file\nroot: {tmp_path}/../bucket\n")
    (tmp_path / ".buckiaignore").write_text("*.tmp\n")
    real = os.open

    def refuse(path, *arguments, **more):
        if os.path.basename(path) == name:
            raise OSError(number, os.strerror(number), path)
        return real(path, *arguments, **more)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("buckia_core.config.trust.bounded_read.os.open", refuse)
    ended = ran(capsys, "sync", "--dry-run")
    assert ended.code == code
    assert f"{tmp_path / name}: {os.strerror(number)}" in ended.err

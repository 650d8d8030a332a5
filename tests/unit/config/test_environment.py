"""Environment variables that override settings: what they do, and that a bad value names its variable."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from buckia_core.adapters import factory
from buckia_core.config import BucketConfig, load
from buckia_core.config.environment import log_level, max_workers, timeout
from buckia_core.config.settings import setting
from buckia_core.errors import InvalidSetting


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (log_level, "DEBUG", 10),
        (log_level, " error ", 40),
        (log_level, "", None),
        (max_workers, "12", 12),
        (max_workers, "", None),
        (timeout, "2.5", 2.5),
        (timeout, "", None),
    ],
)
def test_values(read, value, expected):
    name = f"BUCKIA_{read.__name__.upper()}"
    assert read({name: value}) == expected
    assert read({}) is None


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *[(log_level, each) for each in ("verbose", "10")],
        *[(max_workers, each) for each in ("0", "-1", "1.5", "many", "9" * 10, "٣")],
        *[(timeout, each) for each in ("0", "-1", "inf", "nan", "soon")],
    ],
)
def test_a_bad_value_names_its_variable(read, value):
    name = f"BUCKIA_{read.__name__.upper()}"
    with pytest.raises(InvalidSetting, match=f"environment variable {name} must be .*, not '{value}'"):
        read({name: value})


def test_max_workers_of_a_file(tmp_path):
    (tmp_path / ".buckia").write_text("a: {provider: memory, max_workers: 3}\nb: {provider: memory}\n")
    environ = {"BUCKIA_MAX_WORKERS": "7"}
    assert [each.max_workers for each in load(tmp_path / ".buckia", environ=environ).buckets.values()] == [7, 7]
    assert [each.max_workers for each in load(tmp_path / ".buckia", environ={}).buckets.values()] == [3, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    connect_timeout: float = setting(help="Seconds.", default=10.0)
    read_timeout: float = setting(help="Seconds.", default=60.0)
    bucket_name: str = setting(help="Name.", default="")


def test_timeout_of_a_file_and_not_of_a_program(tmp_path, monkeypatch):
    monkeypatch.setenv("BUCKIA_TIMEOUT", "2.5")
    spec = SimpleNamespace(settings_class=lambda: Box)
    registry = SimpleNamespace(hooks=SimpleNamespace(buckia_register_secret_stores=list), spec=lambda provider: spec)
    given = {"provider": "box", "credentials": {"read_timeout": "9"}}
    of_file = BucketConfig.from_mapping(given, source=str(tmp_path / ".buckia"))
    of_program = BucketConfig.from_mapping(given)
    read = [factory._settings(each, spec, registry) for each in (of_file, of_program)]  # type: ignore[arg-type]
    assert [(each.connect_timeout, each.read_timeout) for each in read] == [(2.5, 2.5), (10.0, 9.0)]

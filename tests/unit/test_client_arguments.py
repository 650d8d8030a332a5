"""What applications hand to `BuckiaClient`: paths in any form, lists as lists, and errors before anything is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig
from buckia_core.errors import ConfigError, InvalidSetting
from buckia_core.testing import m
from buckia_core.testing.miniatures import objects_in


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose configuration names one bucket, a folder beside it."""
    directory = tmp_path / "project"
    (directory / "sub").mkdir(parents=True)
    (tmp_path / "bucket").mkdir()
    (directory / ".buckia").write_text("provider: file\nroot: ../bucket\n")
    m("a=1 b=2").write_to(directory)
    return directory


# --- the configuration ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [str, Path])
@pytest.mark.parametrize("name", [".buckia", "", "sub"])
def test_a_client_of_a_path(project, form, name):
    with BuckiaClient(form(project / name)) as client:
        assert client.config.source == str(project / ".buckia")
        assert client.sync().uploaded == 2


def test_a_file_of_several_buckets_is_refused(project):
    (project / ".buckia").write_text(json.dumps({name: {"provider": "memory"} for name in ("one", "two")}))
    with pytest.raises(ConfigError, match=r"several buckets \(one, two\); pass the one you mean: load_config"):
        BuckiaClient(project)


@pytest.mark.parametrize("path", ["none-such", "sub/none/.buckia"])
def test_a_path_without_a_configuration_is_refused_at_once(project, path):
    with pytest.raises(ConfigError):
        BuckiaClient(project / path)


@pytest.mark.parametrize("given", [{"provider": "memory"}, None, 5, b"path", "", "a\0b"])
def test_what_is_no_configuration_is_refused_at_once(given):
    with pytest.raises(InvalidSetting, match="config must be"):
        BuckiaClient(given)


# --- paths ---------------------------------------------------------------------------------------------------


@pytest.fixture
def client(project, tmp_path):
    with BuckiaClient(project) as opened:
        opened.sync()
        yield opened


@pytest.mark.parametrize("form", [str, Path])
def test_get_and_put_take_paths_in_any_form(client, project, tmp_path, form):
    client.get("a", form(tmp_path / "out.txt"))
    assert (tmp_path / "out.txt").read_text() == "1"
    client.get("a", form(project / "sub"))
    assert (project / "sub/a").read_text() == "1"
    assert client.put(form(project / "b"), "dir/").key == "dir/b"
    assert client.put(form(project / "b"), "c").key == "c"


@pytest.mark.parametrize("target", [None, 5, b"x", "", "a\0"])
def test_what_is_no_path_is_refused_by_name(client, target):
    with pytest.raises(InvalidSetting, match="target must be a path"):
        client.get("a", target)
    with pytest.raises(InvalidSetting, match="source must be a path"):
        client.put(target, "a")


def test_other_paths(project, tmp_path):
    config = BucketConfig(provider="memory", base_dir=project)
    with BuckiaClient(config, adapter=MemorySync(MemorySettings()), state_dir=str(tmp_path / "state")) as client:
        assert client.sync(str(project / "sub")).success
        assert client.status(project / "sub").operations == []
    wrong: Any = b"x"
    for call in (lambda: client.sync(wrong), lambda: BuckiaClient(config, state_dir=wrong)):
        with pytest.raises(InvalidSetting, match="must be a path"):
            call()


# --- lists ---------------------------------------------------------------------------------------------------

TEXT: Any = "images"


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("sync_paths", lambda client, value: client.sync(sync_paths=value)),
        ("sync_paths", lambda client, value: client.status(sync_paths=value)),
        ("sync_paths", lambda client, value: client.check(value)),
        ("include", lambda client, value: client.sync(include=value)),
        ("exclude", lambda client, value: client.sync(exclude=value)),
        ("include", lambda client, value: client.status(include=value)),
        ("keys", lambda client, value: client.remove(value)),
        ("keys", lambda client, value: client.resolve(value, "local")),
    ],
)
@pytest.mark.parametrize("value", ["ab", b"ab", Path("ab"), 5, [5], [b"a"], [None]], ids=repr)
def test_a_list_is_not_a_single_string(client, project, name, call, value):
    before = sorted(path.name for path in (project.parent / "bucket").iterdir())
    with pytest.raises(InvalidSetting, match=f"{name} must be a list of strings"):
        call(client, value)
    # `remove("ab")` would otherwise delete the objects `a` and `b`.
    assert sorted(path.name for path in (project.parent / "bucket").iterdir()) == before


def test_any_iterable_is_a_list(client):
    assert client.sync(sync_paths=(path for path in ["a"]), include={"*"}).unchanged == 1
    assert [outcome.key for outcome in client.remove(iter(["a"]))] == ["a"]


@pytest.mark.parametrize("value", [0, -1, 1.5, "4", True])
def test_the_number_of_workers_is_checked(client, value):
    with pytest.raises(InvalidSetting, match="max_workers must be a whole number of at least 1"):
        client.sync(max_workers=value)


def test_an_invalid_path_is_refused_before_anything_is_done(project):
    bucket = MemorySync(MemorySettings())
    client = BuckiaClient(BucketConfig(provider="memory", base_dir=project), adapter=bucket)
    for given in ({"max_workers": 0}, {"max_delete": "x"}, {"bwlimit": "x"}, {"include": "*"}, {"sync_paths": "a"}):
        wrong: dict[str, Any] = given
        with pytest.raises(InvalidSetting):
            client.sync(**wrong)
    assert objects_in(bucket) == {} and not (project / ".buckia-state").exists()

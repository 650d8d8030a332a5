"""Registration of the provider, and deduplication of content."""

from __future__ import annotations

import tomllib
from pathlib import Path

from buckia_core.adapters.plugins.registry import ADAPTERS, Registry
from buckia_dirstore import plugin

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def test_provider_is_registered(tmp_path):
    registry = Registry()
    registry.register(plugin)
    spec = registry.spec("dirstore")
    with spec.adapter_class()(spec.settings_class()(root=tmp_path / "store")) as adapter:
        adapter.upload_file(b"1", "a")
        assert [found.key for found in adapter.list_files()] == ["a"]


def test_equal_contents_are_kept_once(tmp_path):
    spec = plugin.buckia_register_adapters()[0]
    adapter = spec.adapter_class()(spec.settings_class()(root=tmp_path))
    for key in ("a", "b"):
        adapter.upload_file(b"content", key)
    assert len(_blobs(tmp_path)) == 1
    adapter.delete_files(["a"])
    assert len(_blobs(tmp_path)) == 1
    adapter.delete_files(["b"])
    assert _blobs(tmp_path) == []


def test_entry_point_names_the_plugin():
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    assert project["entry-points"][ADAPTERS] == {"dirstore": plugin.__name__}


def _blobs(root):
    return [path for path in (root / "blobs").rglob("*") if path.is_file()]

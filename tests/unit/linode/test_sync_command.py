"""A sync with a bucket that is found by its region, from the command line to the server."""

from __future__ import annotations

import json

import pytest

from buckia_core.cli import main
from tests.servers.linode_api import READ_WRITE, linode_api
from tests.unit.commands import signals_kept


@pytest.fixture
def project(ceph, tmp_path, monkeypatch):
    """A project with one file, whose bucket is on Ceph and known to a fake of the API; gives the fake."""
    with linode_api(ceph) as api:
        (tmp_path / "a.txt").write_text("hello", "utf-8")
        (tmp_path / ".buckia").write_text(
            "photos:\n  provider: linode\n  region: us-ord\n"
            f"  bucket_name: synced-{ceph.access_key.lower()}\n  api_url: {api.url}\n  ca_bundle: {ceph.ca_file}\n",
            "utf-8",
        )
        monkeypatch.chdir(tmp_path)
        environ = {"TOKEN": READ_WRITE, "OBJ_ACCESS_KEY": ceph.access_key, "OBJ_SECRET_KEY": ceph.secret_key}
        for name, value in environ.items():
            monkeypatch.setenv(f"LINODE_{name}", value)
        with signals_kept():
            yield api


def test_a_second_run_costs_a_listing_and_the_search_for_the_endpoint(project, tmp_path, capsys):
    def summary(*arguments):
        capsys.readouterr()
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    assert summary("linode", "buckets", "create")["region"] == "us-ord"
    assert summary("sync")["uploaded"] == 1
    asked = len(project.asked)
    again = summary("sync")
    assert (again["uploaded"], again["unchanged"], again["requests"]) == (0, 1, 2)
    assert [each.path for each in project.asked[asked:]] == ["/object-storage/endpoints"]
    (tmp_path / "a.txt").unlink()
    (tmp_path / ".buckia-state").rename(tmp_path / "old-state")
    assert summary("sync", "--exclude", "old-state/")["downloaded"] == 1
    assert (tmp_path / "a.txt").read_text("utf-8") == "hello"

"""Buckets and projects of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.b2_bucket import B2Bucket, B2S3Bucket
from tests.e2e.buckets import Bucket, FolderBucket, S3Bucket
from tests.e2e.bunny_bucket import BunnyBucket, bunny_kind
from tests.e2e.project import Project
from tests.servers.b2.server import B2Account
from tests.servers.bunny.server import BunnyAccount
from tests.servers.s3_faults import S3FaultProxy


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests out of the configuration directory of whoever runs them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("BUCKIA_CONFIG_DIR", str(tmp_path_factory.mktemp("configuration")))
        yield


@pytest.fixture
def s3_bucket(ceph, bucket_name) -> Iterator[S3Bucket]:
    """A fresh bucket of the Ceph gateway, behind a proxy that counts, and fails where it is told to."""
    with S3FaultProxy(ceph.endpoint) as proxy:
        bucket = S3Bucket(ceph, bucket_name(ceph, "e2e"), proxy)
        yield bucket
        bucket.close()


@pytest.fixture
def folder(tmp_path: Path) -> FolderBucket:
    """A fresh folder that is a bucket."""
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def b2_bucket(b2_account: B2Account) -> B2Bucket:
    """A fresh bucket of the B2 server."""
    return B2Bucket(b2_account)


@pytest.fixture
def b2_s3_bucket(ceph, bucket_name) -> Iterator[B2S3Bucket]:
    """A fresh bucket of the Ceph gateway, which stands in for B2's S3 API."""
    with S3FaultProxy(ceph.endpoint) as proxy:
        bucket = B2S3Bucket(ceph, bucket_name(ceph, "e2e"), proxy)
        yield bucket
        bucket.close()


@pytest.fixture
def bunny_bucket(bunny_account: BunnyAccount) -> Iterator[BunnyBucket]:
    """A fresh zone of the Bunny server."""
    zone = bunny_account.new_zone("e2e")
    with S3FaultProxy(zone.endpoint, kind_of=bunny_kind) as proxy:
        yield BunnyBucket(bunny_account, zone, proxy)


@pytest.fixture
def bunny_package_bucket(bunny_bucket: BunnyBucket) -> BunnyBucket:
    """A fresh zone, which Buckia reaches with the package bunnycdnpython."""
    bunny_bucket.more = {"client": "bunnycdnpython"}
    return bunny_bucket


KINDS = {
    "file": "folder",
    "ceph": "s3_bucket",
    "b2": "b2_bucket",
    "b2-s3": "b2_s3_bucket",
    "bunny": "bunny_bucket",
    "bunnycdnpython": "bunny_package_bucket",
}
"""The kinds of buckets, and the fixtures that make them."""

ALWAYS = frozenset({"file", "ceph"})
"""The kinds on which each test of a `bucket` runs."""

CHOSEN = {
    "test_without_conflicts": KINDS.keys(),
    "test_nothing_is_deleted_from_the_bucket_where_that_is_not_wanted": {"b2"},
    "test_what_is_deleted_or_replaced_is_in_the_trash": {"b2"},
    "test_a_file_here_and_a_directory_there_are_reported_and_left": {"b2"},
    "test_a_file_becomes_a_directory_and_a_directory_a_file": {"b2", "bunny"},
    "test_keep_both_is_what_happens_without_a_terminal": {"b2", "bunny"},
    "test_local_wins": {"b2", "bunny"},
    "test_remote_wins": {"b2"},
    "test_newest_wins_and_a_tie_keeps_both": {"b2", "bunny"},
    "test_up_mirrors_where_that_is_wanted": {"b2", "bunny"},
    "test_down_reports_edits_here_and_deletes_nothing": {"b2", "bunny"},
}
"""Tests of tables, and the kinds on which they run besides without that option: what a minute is enough for."""


def kinds_of(metafunc: pytest.Metafunc) -> list[str]:
    """Return the kinds of buckets on which a test runs.

    Those in `tables` run on all kinds with `--everywhere`. What others are about is the same with each.
    """
    table = metafunc.definition.path.parent.name == "tables"
    if table and metafunc.config.getoption("everywhere"):
        return list(KINDS)
    chosen = ALWAYS | CHOSEN.get(metafunc.definition.originalname, set()) if table else ALWAYS
    return [kind for kind in KINDS if kind in chosen]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of a `bucket` on its kinds."""
    if "bucket" in metafunc.fixturenames:
        metafunc.parametrize("bucket", kinds_of(metafunc), indirect=True)


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> Bucket:
    """A bucket of each kind."""
    found: Bucket = request.getfixturevalue(KINDS[request.param])
    return found


@pytest.fixture
def synced(tmp_path: Path, bucket: Bucket) -> Project:
    """A project on a bucket of each kind."""
    return Project(tmp_path / "here", bucket)


@pytest.fixture
def on_folder(tmp_path: Path, folder: FolderBucket) -> Project:
    """A project whose bucket is a folder, for what is the same with every bucket."""
    return Project(tmp_path / "here", folder)


@pytest.fixture
def on_ceph(tmp_path: Path, s3_bucket: S3Bucket) -> Any:
    """A project whose bucket is on the Ceph gateway, for what goes wrong on the way there."""
    return Project(tmp_path / "here", s3_bucket)

"""Buckets and projects of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.b2_bucket import B2Bucket
from tests.e2e.buckets import Bucket, FolderBucket, S3Bucket
from tests.e2e.project import Project
from tests.servers.b2.server import B2Account
from tests.servers.fault_proxy import FaultProxy


@pytest.fixture
def s3_bucket(ceph, bucket_name) -> Iterator[S3Bucket]:
    """A fresh bucket of the Ceph gateway, behind a proxy that counts, and fails where it is told to."""
    with FaultProxy(ceph.endpoint) as proxy:
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


KINDS = {"file": "folder", "ceph": "s3_bucket", "b2": "b2_bucket"}
"""The kinds of buckets, and the fixtures that make them."""


ON_ALL_KINDS = ("test_table_two_way", "test_table_conflicts")
"""The modules whose tests run on all kinds. What others are about is the same with each."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of a `bucket` on a folder and on Ceph, some on all kinds."""
    if "bucket" in metafunc.fixturenames:
        everywhere = metafunc.module.__name__.rpartition(".")[2] in ON_ALL_KINDS
        metafunc.parametrize("bucket", list(KINDS) if everywhere else ["file", "ceph"], indirect=True)


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

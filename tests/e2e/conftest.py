"""Buckets and projects of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.buckets import Bucket, FolderBucket, S3Bucket
from tests.e2e.project import Project
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


@pytest.fixture(params=["file", "ceph"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    """A bucket of each kind."""
    found: Bucket = request.getfixturevalue("folder" if request.param == "file" else "s3_bucket")
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

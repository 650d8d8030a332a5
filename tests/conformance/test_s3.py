"""Provider `s3` against the conformance suite, on each server that can be run here."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.testing import AdapterConformance
from buckia_core.testing.conformance.suite import fetch_url
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.servers.s3_server import S3Server


class OnServer(AdapterConformance):
    """The suite with an adapter on a fresh bucket of the fixture `server`."""

    tls = False
    listing_count = 1100
    large_bytes = (16 << 20) + 12345

    @pytest.fixture
    def settings(self, server: S3Server, bucket_name, prefix, monkeypatch):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        return S3Settings(
            bucket_name=bucket_name(server),
            prefix=prefix,
            region=server.region,
            endpoint_url=server.endpoint_tls if self.tls else server.endpoint,
            access_key_id=Secret(server.access_key),
            secret_access_key=Secret(server.secret_key),
            ca_bundle=Path(server.ca_file) if self.tls and server.ca_file else None,
        )

    @pytest.fixture
    def adapter(self, settings):
        with S3Sync(settings) as adapter:
            yield adapter

    @pytest.fixture
    def keeping(self, server, settings, adapter):
        with closing(server.client()) as client:
            client.put_bucket_versioning(Bucket=settings.bucket_name, VersioningConfiguration={"Status": "Enabled"})
        return adapter

    @pytest.fixture
    def second(self, settings):
        with S3Sync(settings) as adapter:
            yield adapter

    @pytest.fixture
    def outside(self, settings):
        with S3Sync(replace(settings, prefix="")) as adapter:
            yield adapter

    @pytest.fixture
    def missing(self, settings):
        with S3Sync(replace(settings, bucket_name="no-such-bucket")) as adapter:
            yield adapter

    @pytest.fixture
    def refused(self, settings):
        with S3Sync(replace(settings, secret_access_key=Secret("wrong"))) as adapter:
            yield adapter

    @pytest.fixture
    def server_url(self, server):
        return server.endpoint

    @pytest.fixture
    def proxied(self, settings, fault_proxy):
        with S3Sync(replace(settings, endpoint_url=fault_proxy.endpoint)) as adapter:
            yield adapter


class TestCeph(OnServer):
    @pytest.fixture
    def server(self, ceph):
        return ceph


@pytest.mark.long
class TestCephOverTls(OnServer):
    tls = True

    @pytest.fixture
    def server(self, ceph):
        return ceph

    @pytest.fixture
    def fetch(self, ceph):
        return partial(fetch_url, ca_file=str(ceph.ca_file))


@pytest.mark.long
class TestMoto(OnServer):
    unstable: ClassVar = {
        "test_concurrent_writers_leave_one_complete_version": "moto answers 500 to some of several writers of one key",
        "test_readers_never_see_half_an_object": "moto answers 500 to some listings while a key is written",
    }
    lacks: ClassVar = {"refused": "moto takes any credentials"}
    known_failures: ClassVar = {
        "test_signed_url_grants_access_for_its_time": "moto serves signed URLs after their time",
        "test_keys_round_trip[newline]": "moto does not find its own route for a path with a line break",
    }

    @pytest.fixture
    def server(self, moto_server):
        return moto_server

    @pytest.fixture
    def refused(self):
        self.undefined("refused")


NO_SUCH_NAMES = "rclone keeps objects as files, and refuses or changes what can't be a file's name"


class TestRclone(OnServer):
    unstable: ClassVar = {
        "test_readers_never_see_half_an_object": "rclone lists a key twice while it is written",
        "test_concurrent_writers_leave_one_complete_version": "rclone answers 500 to some of several writers",
    }
    known_failures: ClassVar = {
        "test_upload_time_is_that_of_the_provider": "rclone reports the file's time as that of the upload",
        **{f"test_keys_round_trip[{name}]": NO_SUCH_NAMES for name in ("too_long_name", "only_slash", "marker")},
        **{
            f"test_similar_key_is_absent[{name}]": NO_SUCH_NAMES
            for name in ("unicode_form", "slash", "two_slashes", "leading_slash", "dot_part")
        },
        "test_directory_markers_are_listed_as_they_are": NO_SUCH_NAMES,
        "test_object_below_an_object": "rclone keeps objects as files, so `a` and `a/b` can't both be",
        "test_delete_of_an_absent_key_is_no_error": "rclone answers InternalError where the key names a directory",
    }

    @pytest.fixture
    def server(self, rclone_server):
        return rclone_server

    @pytest.fixture
    def keeping(self):
        pytest.skip("rclone does not implement versioning of buckets")


@pytest.mark.parametrize(("name", "compares"), [("ceph", True), ("moto_server", False), ("rclone_server", False)])
def test_which_servers_compare_content_with_what_was_announced(request, bucket_name, name, compares):
    server = request.getfixturevalue(name)
    settings = S3Settings(
        bucket_name=bucket_name(server),
        region=server.region,
        endpoint_url=server.endpoint,
        access_key_id=Secret(server.access_key),
        secret_access_key=Secret(server.secret_key),
    )
    with S3Sync(settings) as adapter:
        adapter.probe()
        assert adapter._server_probe.compares_content is compares

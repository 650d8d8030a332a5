"""Provider `b2` against the conformance suite: by B2's own API, and by its S3 API, for which Ceph stands in."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import ClassVar

import pytest

from buckia_b2.factory import open_b2
from buckia_b2.settings import ApiKind, B2Settings
from buckia_core.config.secrets.secret import Secret
from buckia_core.testing import AdapterConformance
from buckia_core.testing.conformance.suite import PREFIXES

PART = 5_000_000
"""The smallest parts that B2 takes, so that an object of a few megabytes has several."""

ENOUGH = ["listBuckets", "listFiles", "readFiles", "writeFiles", "deleteFiles", "shareFiles"]


class OnB2(AdapterConformance):
    """The suite with an adapter of the fixture `settings`."""

    large_bytes = 2 * PART + 12345

    @pytest.fixture
    def adapter(self, settings):
        with open_b2(settings) as adapter:
            yield adapter

    @pytest.fixture
    def second(self, settings):
        with open_b2(settings) as adapter:
            yield adapter

    @pytest.fixture
    def refused(self, settings):
        with open_b2(replace(settings, application_key=Secret("wrong"))) as adapter:
            yield adapter


class TestB2(OnB2):
    """By B2's own API; under a prefix, with a key that may touch nothing else."""

    known_failures: ClassVar = {
        "test_directory_markers_are_listed_as_they_are": "B2 takes no name that ends in a slash",
        "test_adapters_do_not_retry[upload]": "B2 asks clients to get another address when one refuses an upload",
        "test_faults_of_coroutines_are_those_of_the_methods[busy-upload]": "as above",
    }

    @pytest.fixture
    def settings(self, b2_account, prefix):
        name = b2_account.new_bucket()
        key_id, key = b2_account.key_id, b2_account.key
        if prefix:
            api = b2_account.api()
            made = api.create_key(ENOUGH, "test", bucket_ids=[api.get_bucket_by_name(name).id_], name_prefix=prefix)
            key_id, key = made.id_, made.application_key
        return B2Settings(
            bucket_name=name,
            prefix=prefix,
            application_key_id=Secret(key_id),
            application_key=Secret(key),
            api_url=b2_account.endpoint,
            multipart_threshold=PART,
            part_size=PART,
        )

    @pytest.fixture
    def unrestricted(self, b2_account, settings):
        """The settings, with a key that is not limited to the bucket and the prefix."""
        return replace(settings, application_key_id=Secret(b2_account.key_id), application_key=Secret(b2_account.key))

    @pytest.fixture
    def outside(self, unrestricted):
        with open_b2(replace(unrestricted, prefix="")) as adapter:
            yield adapter

    @pytest.fixture
    def missing(self, unrestricted):
        with open_b2(replace(unrestricted, bucket_name="no-such-bucket")) as adapter:
            yield adapter

    @pytest.fixture
    def server_url(self, b2_account):
        return b2_account.endpoint

    @pytest.fixture
    def proxied(self, settings, fault_proxy):
        with open_b2(replace(settings, api_url=fault_proxy.endpoint)) as adapter:
            yield adapter


class TestB2ByS3(OnB2):
    """By the S3 API. Buckets of B2 keep versions."""

    large_bytes = 3 * PART

    @pytest.fixture
    def prefix(self):
        # What S3 does without one, its own tests see often enough.
        return PREFIXES["prefixed"]

    @pytest.fixture
    def settings(self, ceph, bucket_name, prefix):
        name = bucket_name(ceph)
        with closing(ceph.client()) as client:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return B2Settings(
            bucket_name=name,
            prefix=prefix,
            application_key_id=Secret(ceph.access_key),
            application_key=Secret(ceph.secret_key),
            api=ApiKind.S3,
            endpoint_url=ceph.endpoint,
            multipart_threshold=6 << 20,
            part_size=6 << 20,
        )

    @pytest.fixture
    def outside(self, settings):
        with open_b2(replace(settings, prefix="")) as adapter:
            yield adapter

    @pytest.fixture
    def server_url(self, ceph):
        return ceph.endpoint

    @pytest.fixture
    def proxied(self, settings, fault_proxy):
        with open_b2(replace(settings, endpoint_url=fault_proxy.endpoint)) as adapter:
            yield adapter

    @pytest.fixture
    def missing(self, settings):
        with open_b2(replace(settings, bucket_name="no-such-bucket")) as adapter:
            yield adapter

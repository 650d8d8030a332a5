"""Provider `linode` against the conformance suite, on the software that Linode runs, over TLS."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.testing import AdapterConformance
from buckia_core.testing.conformance.suite import fetch_url
from buckia_linode.settings import LinodeSettings
from buckia_linode.sync import LinodeSync


class TestLinode(AdapterConformance):
    listing_count = 1100
    large_bytes = (16 << 20) + 12345

    @pytest.fixture
    def settings(self, ceph, bucket_name, prefix):
        return LinodeSettings(
            bucket_name=bucket_name(ceph),
            prefix=prefix,
            endpoint_url=ceph.endpoint_tls,
            access_key_id=Secret(ceph.access_key),
            secret_access_key=Secret(ceph.secret_key),
            ca_bundle=Path(ceph.ca_file),
        )

    @pytest.fixture
    def adapter(self, settings):
        with LinodeSync(settings) as adapter:
            yield adapter

    @pytest.fixture
    def keeping(self, ceph, settings, adapter):
        with closing(ceph.client()) as client:
            client.put_bucket_versioning(Bucket=settings.bucket_name, VersioningConfiguration={"Status": "Enabled"})
        return adapter

    @pytest.fixture
    def second(self, settings):
        with LinodeSync(settings) as adapter:
            yield adapter

    @pytest.fixture
    def outside(self, settings):
        with LinodeSync(replace(settings, prefix="")) as adapter:
            yield adapter

    @pytest.fixture
    def missing(self, settings):
        with LinodeSync(replace(settings, bucket_name="no-such-bucket")) as adapter:
            yield adapter

    @pytest.fixture
    def refused(self, settings):
        with LinodeSync(replace(settings, secret_access_key=Secret("wrong"))) as adapter:
            yield adapter

    @pytest.fixture
    def server_url(self, ceph):
        return ceph.endpoint

    @pytest.fixture
    def proxied(self, settings, fault_proxy):
        with LinodeSync(replace(settings, endpoint_url=fault_proxy.endpoint, ca_bundle=None)) as adapter:
            yield adapter

    @pytest.fixture
    def fetch(self, ceph):
        return partial(fetch_url, ca_file=str(ceph.ca_file))

"""Provider `linode` against the conformance suite, on the software that Linode runs, over TLS."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.testing import AdapterConformance
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

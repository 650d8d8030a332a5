"""A bucket that is in another region than was thought."""

from __future__ import annotations

import pytest

from buckia_core.errors import (
    AdapterError,
)
from tests.unit.s3.scripted_server import HELLO, Answer, error, page


def keys(adapter, **options):
    return [found.key for found in adapter.list_files(**options)]


class TestRegions:
    """A bucket in `eu-west-1` behind one address."""

    @staticmethod
    def script(asked):
        region = asked.headers["authorization"].split("/")[2]
        if region == "eu-west-1":
            return page("a") if "list-type" in asked.query else HELLO
        if asked.method == "HEAD":
            return Answer(400, headers={"x-amz-bucket-region": "eu-west-1"})
        if asked.method == "GET" and "list-type" in asked.query:
            return error(301, "PermanentRedirect", x_amz_bucket_region="eu-west-1")
        body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"
        return Answer(400, body)

    def test_is_followed_and_remembered(self, connect):
        adapter, server = connect(self.script)
        assert keys(adapter) == ["a"]
        assert keys(adapter) == ["a"]
        assert len(server.asked) == 3

    def test_by_a_head(self, connect):
        adapter, server = connect(self.script)
        assert adapter.stat_file("k").size == 5
        assert len(server.asked) == 2

    def test_by_an_upload(self, connect):
        adapter, server = connect(self.script)
        assert adapter.upload_file(b"hello", "k").size == 5
        assert adapter.upload_file(b"hello", "k").size == 5
        assert adapter.request_count == len(server.asked)
        assert [asked.method for asked in server.asked] == ["PUT", "PUT", "PUT"]

    def test_a_redirect_to_where_it_comes_from_ends(self, connect):
        adapter, server = connect(lambda asked: error(301, "PermanentRedirect", x_amz_bucket_region="us-east-1"))
        with pytest.raises(AdapterError, match="the bucket is in region us-east-1: set endpoint_url"):
            keys(adapter)
        assert len(server.asked) == 1

    @pytest.mark.parametrize("status", [301, 400])
    def test_an_endpoint_that_does_not_serve_the_region_is_named_with_it(self, connect, status):
        adapter, server = connect(lambda asked: Answer(status, headers={"x-amz-bucket-region": "eu-west-1"}))
        with pytest.raises(AdapterError, match="the bucket is in region eu-west-1: set endpoint_url"):
            adapter.read_file("k")
        assert len(server.asked) == 2

    def test_another_bad_request_names_no_region(self, connect):
        adapter, _ = connect(lambda asked: error(400, "InvalidArgument", x_amz_bucket_region="us-east-1"))
        with pytest.raises(AdapterError) as caught:
            adapter.stat_file("k")
        assert "region" not in str(caught.value)

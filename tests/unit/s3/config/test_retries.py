"""The setting `retry_config`: which requests it retries, and which values it refuses."""

from __future__ import annotations

import ast
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import GenericError

from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.adapters.transfers.upload_session import UnfinishedUpload
from buckia_core.config.settings import read_settings
from buckia_core.errors import ConfigError, Throttled, Transient, UnknownSetting
from buckia_s3.config.options import RetryConfig, parse_retry_config
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import resolve_endpoint
from buckia_s3.obstore.options import retry_config as obstores
from buckia_s3.sync import S3Sync
from tests.unit.s3.scripted_server import Answer, error


def read(tmp_path, value):
    values = {"bucket_name": "b", "retry_config": value}
    return read_settings(S3Settings, values, provider="s3", base_dir=tmp_path, environ={})


def test_equals_the_retry_policy_of_the_core():
    given = RetryConfig(max_retries=4, retry_timeout=7.0, init_backoff=0.5, base=3.0, max_backoff=10.0)
    assert given.policy == RetryPolicy(max_attempts=5, time_limit=7.0, initial_wait=0.5, max_wait=10.0, multiplier=3.0)
    assert RetryConfig(max_retries=0).policy.max_attempts == 1


def test_three_attempts_by_default():
    assert RetryConfig().policy == RetryPolicy(max_attempts=3, time_limit=180.0, initial_wait=2.0, max_wait=20.0)


@pytest.mark.parametrize("retries", [0, 3])
def test_parts_of_an_upload_are_sent_so_often(connect, retries):
    def script(asked):
        if "uploads" in asked.query:
            return Answer(200, b"<R><UploadId>u</UploadId></R>")
        return error(503, "SlowDown") if "partNumber" in asked.query else Answer(204)

    wanted = RetryConfig(max_retries=retries, init_backoff=0.0)
    adapter, server = connect(script, retry_config=wanted, multipart_threshold=5 << 20, part_size=5 << 20)
    with pytest.raises(Throttled):
        adapter.upload_file(bytes((5 << 20) + 1), "k")
    sent = [asked.query["partNumber"] for asked in server.asked if "partNumber" in asked.query]
    assert {sent.count(number) for number in set(sent)} == {retries + 1}


@pytest.mark.parametrize(
    "call", [lambda adapter: adapter.upload_file(b"x", "k"), lambda adapter: adapter.delete_version("k", "v")]
)
def test_a_call_is_retried_by_the_engine(connect, call):
    adapter, server = connect(lambda _: error(503, "SlowDown"), retry_config=RetryConfig(max_retries=5))
    with pytest.raises(Throttled):
        call(adapter)
    assert len(server.asked) == 1


UPLOAD = UnfinishedUpload("k", "u", 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda adapter: adapter.locks.get("k"),
        lambda adapter: adapter.locks.hold("k", on=True),
        lambda adapter: adapter.versions.delete("k", "v"),
        lambda adapter: adapter.unfinished.size(UPLOAD),
        lambda adapter: adapter.unfinished.abort(UPLOAD),
    ],
)
def test_requests_of_commands_are_retried(connect, call):
    """Commands use the adapter without the wrapper `Retry`."""
    refused = [True]

    def script(asked):
        return error(503, "SlowDown") if refused and refused.pop() else Answer(200, b"<R></ListPartsResult>")

    adapter, server = connect(script, retry_config=RetryConfig(init_backoff=0.0))
    call(adapter)
    first, second, *_ = server.asked
    assert (first.method, first.query) == (second.method, second.query)


def test_obstore_retries_by_it():
    settings = S3Settings(
        bucket_name="b", skip_signature=True, region="r", retry_config=RetryConfig(max_retries=7, init_backoff=0.25)
    )
    with S3Sync(settings) as adapter:
        theirs = adapter.store.retry_config
    assert theirs is not None
    assert theirs["max_retries"] == 7
    assert theirs["backoff"]["init_backoff"] == timedelta(seconds=0.25)
    assert resolve_endpoint(settings, "r").region == "r"


def test_the_names_are_obstores():
    stub = ast.parse((Path(obstore.__file__).with_name("_store") / "_retry.pyi").read_text())
    theirs = {
        node.target.id
        for each in stub.body
        if isinstance(each, ast.ClassDef)
        for node in each.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    assert {each.name for each in fields(RetryConfig)} | {"backoff"} == theirs
    assert obstores(S3Settings(bucket_name="b"))["max_retries"] == 2


def test_reading(tmp_path):
    given = {"max_retries": "5", "retry_timeout": "2min", "backoff": {"init_backoff": "250ms", "base": 3}}
    expected = RetryConfig(max_retries=5, retry_timeout=120.0, init_backoff=0.25, base=3.0)
    assert read(tmp_path, given).retry_config == expected
    assert read(tmp_path, expected).retry_config is expected
    assert read(tmp_path, {"backoff": None}).retry_config == RetryConfig()
    assert parse_retry_config({}) == RetryConfig()


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (5, "retry_config"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"retry_timeout": 0}, "retry_timeout"),
        ({"backoff": 5}, "backoff"),
        ({"backoff": {"base": 0.5}}, "backoff.base"),
        ({"backoff": {"base": 1}}, r"backoff.base' is 1, but must be a number above 1"),
        (
            {"backoff": {"init_backoff": "30s", "max_backoff": 20}},
            r"backoff.init_backoff' is '30s', but .* max_backoff",
        ),
        ({"backoff": {"max_backoff": "x"}}, "backoff.max_backoff"),
    ],
)
def test_what_can_not_be(tmp_path, value, named):
    with pytest.raises(ConfigError, match=named):
        read(tmp_path, value)


def test_one_end_of_the_backoff_moves_the_other():
    assert parse_retry_config({"backoff": {"max_backoff": "1s"}}) == RetryConfig(init_backoff=1.0, max_backoff=1.0)
    assert parse_retry_config({"backoff": {"init_backoff": 30}}) == RetryConfig(init_backoff=30.0, max_backoff=30.0)


@pytest.mark.parametrize("wanted", [{"base": 1.0}, {"base": 0.5}, {"init_backoff": 3.0, "max_backoff": 2.0}])
def test_python_objects_are_checked_too(wanted):
    with pytest.raises(ValueError, match="backoff"):
        RetryConfig(**wanted)


@pytest.mark.parametrize(
    "wanted", [RetryConfig(max_retries=1, init_backoff=0.0), parse_retry_config({"backoff": {"init_backoff": "1ns"}})]
)
def test_obstore_does_not_panic(connect, wanted):
    adapter, server = connect(lambda asked: error(503, "SlowDown"), retry_config=replace(wanted, max_retries=1))
    with pytest.raises(GenericError):
        obstore.head(adapter.store, "k")
    assert len(server.asked) == 2


@pytest.mark.parametrize("value", [{"max_retry": 1}, {"backoff": {"init": 1}}])
def test_names_that_are_unknown(tmp_path, value):
    with pytest.raises(UnknownSetting, match="retry_config"):
        read(tmp_path, value)


@pytest.mark.parametrize(
    "listed",
    [lambda adapter: list(adapter.list_versions()), lambda adapter: list(adapter.unfinished.all())],
    ids=["versions", "unfinished uploads"],
)
def test_pages_of_versions_and_of_uploads_are_retried_by_it(connect, listed):
    never, server = connect(lambda asked: error(500, "InternalError"), retry_config=RetryConfig(max_retries=0))
    with pytest.raises(Transient):
        listed(never)
    assert len(server.asked) == 1
    often, server = connect(lambda asked: None, retry_config=RetryConfig(max_retries=4, init_backoff=0.0))
    with pytest.raises(Transient):
        listed(often)
    assert len(server.asked) == 5

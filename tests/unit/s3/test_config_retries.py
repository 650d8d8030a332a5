"""`retry_config`: how often one piece of a large object is tried, and where it is refused."""

from __future__ import annotations

import ast
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import obstore
import pytest

from buckia_core.config.settings import read_settings
from buckia_core.errors import ConfigError, PermissionDenied, Throttled, Transient, UnknownSetting
from buckia_s3.endpoint import locate
from buckia_s3.obstore_options import retry_config as obstores
from buckia_s3.parallel import Pieces, repeated
from buckia_s3.retrying import RetryConfig, retry_config
from buckia_s3.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.unit.s3.scripted_server import Answer, error


def read(tmp_path, value):
    values = {"bucket_name": "b", "retry_config": value}
    return read_settings(S3Settings, values, provider="s3", base_dir=tmp_path, environ={})


@pytest.fixture
def slept(monkeypatch):
    pauses = []
    now = [0.0]

    def sleep(pause):
        pauses.append(pause)
        now[0] += pause

    monkeypatch.setattr("buckia_s3.parallel.time.sleep", sleep)
    monkeypatch.setattr("buckia_s3.parallel.time.monotonic", lambda: now[0])
    monkeypatch.setattr("buckia_s3.retrying.random.uniform", lambda _, longest: longest)
    return pauses


class Failing:
    """Fails so many times, then gives its number of calls."""

    def __init__(self, times, error=Transient):
        self.calls, self.times, self.error = 0, times, error

    def __call__(self):
        self.calls += 1
        if self.calls <= self.times:
            raise self.error("x") if isinstance(self.error, type) else self.error
        return self.calls


def test_without_a_word_three_times_in_all(slept):
    assert repeated(Failing(2)) == 3
    with pytest.raises(Transient):
        repeated(Failing(3))
    assert slept == [2.0, 4.0, 2.0, 4.0]


def test_max_retries(slept):
    assert repeated(Failing(5), RetryConfig(max_retries=5)) == 6
    once = Failing(1)
    with pytest.raises(Transient):
        repeated(once, RetryConfig(max_retries=0))
    assert once.calls == 1


def test_backoff(slept):
    repeated(Failing(4), RetryConfig(max_retries=4, init_backoff=0.5, base=3.0, max_backoff=10.0))
    assert slept == [0.5, 1.5, 4.5, 10.0]


def test_a_wait_that_the_server_asks_for(slept):
    assert repeated(Failing(1, Throttled("x", retry_after=9.0))) == 2
    assert slept == [9.0]
    with pytest.raises(Throttled):
        repeated(Failing(1, Throttled("x", retry_after=9.0)), RetryConfig(max_backoff=5.0, init_backoff=1.0))


def test_retry_timeout(slept):
    failing = Failing(9)
    with pytest.raises(Transient):
        repeated(failing, RetryConfig(max_retries=9, retry_timeout=7.0, init_backoff=2.0))
    assert (failing.calls, slept) == (3, [2.0, 4.0]), "the next one would begin after fourteen seconds"


def test_what_will_not_pass_is_not_repeated(slept):
    failing = Failing(1, PermissionDenied)
    with pytest.raises(PermissionDenied):
        repeated(failing, RetryConfig(max_retries=5))
    assert failing.calls == 1


def test_pieces_are_repeated_by_it(slept):
    pieces = Pieces(RetryConfig(max_retries=4))
    try:
        assert list(pieces.run([Failing(4)])) == [5]
    finally:
        pieces.close()


@pytest.mark.parametrize("retries", [0, 3])
def test_parts_of_an_upload_are_sent_so_often(connect, slept, retries):
    def script(asked):
        if "uploads" in asked.query:
            return Answer(200, b"<R><UploadId>u</UploadId></R>")
        return error(503, "SlowDown") if "partNumber" in asked.query else Answer(204)

    wanted = RetryConfig(max_retries=retries)
    adapter, server = connect(script, retry_config=wanted, multipart_threshold=5 << 20, part_size=5 << 20)
    with pytest.raises(Throttled):
        adapter.upload_file(bytes((5 << 20) + 1), "k")
    sent = [asked.query["partNumber"] for asked in server.asked if "partNumber" in asked.query]
    assert {sent.count(number) for number in set(sent)} == {retries + 1}


def test_a_whole_call_is_left_to_the_engine(connect):
    adapter, server = connect(lambda _: error(503, "SlowDown"), retry_config=RetryConfig(max_retries=5))
    with pytest.raises(Throttled):
        adapter.upload_file(b"x", "k")
    assert len(server.asked) == 1


def test_the_bare_store_repeats_by_it():
    settings = S3Settings(
        bucket_name="b", skip_signature=True, region="r", retry_config=RetryConfig(max_retries=7, init_backoff=0.25)
    )
    with S3Sync(settings) as adapter:
        theirs = adapter.store.retry_config
    assert theirs is not None
    assert theirs["max_retries"] == 7
    assert theirs["backoff"]["init_backoff"] == timedelta(seconds=0.25)
    assert locate(settings, "r").region == "r"


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
    assert retry_config({}) == RetryConfig()


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (5, "retry_config"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"retry_timeout": 0}, "retry_timeout"),
        ({"backoff": 5}, "backoff"),
        ({"backoff": {"base": 0.5}}, "backoff.base"),
        ({"backoff": {"max_backoff": "x"}}, "backoff.max_backoff"),
    ],
)
def test_what_can_not_be(tmp_path, value, named):
    with pytest.raises(ConfigError, match=named):
        read(tmp_path, value)


@pytest.mark.parametrize("value", [{"max_retry": 1}, {"backoff": {"init": 1}}])
def test_names_that_are_unknown(tmp_path, value):
    with pytest.raises(UnknownSetting, match="retry_config"):
        read(tmp_path, value)

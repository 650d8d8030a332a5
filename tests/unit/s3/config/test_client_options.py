"""`parse_client_options`: each option acts on the adapter and on `adapter.store`, obstore's; or is refused."""

from __future__ import annotations

import ast
import pickle
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import certifi
import obstore
import pytest
from obstore.exceptions import BaseError, GenericError
from obstore.store import S3Store

from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import read_settings
from buckia_core.config.values import InvalidValue
from buckia_core.errors import AdapterError, ConfigError, InvalidSetting, NotFound, UnknownSetting
from buckia_core.http.timeouts import Timeouts
from buckia_s3.config.options import _PARSERS, RetryConfig, parse_client_options, parse_seconds
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import resolve_endpoint
from buckia_s3.obstore.options import client_config
from buckia_s3.sync import S3Sync
from tests.unit.s3.scripted_server import HELLO, scripted

if TYPE_CHECKING:
    from obstore.store import ClientConfig

PEM = "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n"
"""What looks like a certificate, and is none."""


def by_adapter(adapter):
    adapter.upload_file(b"hello", "k")


def by_store(adapter):
    obstore.put(adapter.store, "k", b"hello", use_multipart=False)


BOTH = pytest.mark.parametrize("upload", [by_adapter, by_store])


def read(tmp_path, **options):
    values = {"bucket_name": "b", "endpoint_url": "http://127.0.0.1:1", "client_options": options}
    return read_settings(S3Settings, values, provider="s3", base_dir=tmp_path, environ={})


@pytest.fixture
def on(connect):
    """Return an adapter with these options on a server that answers `hello`, and the server."""

    def made(script=lambda _: HELLO, **options):
        return connect(script, client_options=parse_client_options(options))

    return made


@BOTH
class TestAdapterAndStore:
    def test_default_headers(self, on, upload):
        adapter, server = on(default_headers={"X-Team": "blue", "x-raw": b"\x21"})
        upload(adapter)
        assert server.asked[-1].headers["x-team"] == "blue"
        assert server.asked[-1].headers["x-raw"] == "!"
        assert ";x-team" in server.asked[-1].headers["authorization"], "so that no proxy can change them"

    def test_user_agent(self, on, upload):
        adapter, server = on(user_agent="my-tool/1.0")
        upload(adapter)
        assert server.asked[-1].headers["user-agent"] == "my-tool/1.0"

    def test_default_content_type(self, on, upload):
        adapter, server = on(default_content_type="application/x-ours")
        upload(adapter)
        assert server.asked[-1].headers["content-type"] == "application/x-ours"

    def test_proxy_url(self, on, upload):
        with scripted(lambda _: HELLO) as proxy:
            url = proxy.endpoint.replace("http://", "http://user:the-password@")
            adapter, server = on(proxy_url=url)
            upload(adapter)
            assert not server.asked
            assert proxy.asked[-1].headers["host"] == server.endpoint.removeprefix("http://")
            assert proxy.asked[-1].headers["proxy-authorization"] == "Basic dXNlcjp0aGUtcGFzc3dvcmQ="

    @pytest.mark.parametrize("excludes", ["localhost, 127.0.0.1", "10.0.0.0/8,127.0.0.0/8"])
    def test_proxy_excludes(self, on, upload, excludes):
        adapter, server = on(proxy_url="http://127.0.0.1:9", proxy_excludes=excludes)
        upload(adapter)
        assert server.asked

    @pytest.mark.parametrize("no_proxy", ["127.0.0.0/8", "127.0.0.1", "{here}", "*"])
    def test_no_proxy_beside_proxy_url(self, on, upload, monkeypatch, no_proxy):
        adapter, server = on(proxy_url="http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", no_proxy.format(here=server.endpoint.removeprefix("http://")))
        upload(adapter)
        assert server.asked

    def test_pool_max_idle_per_host(self, on, upload):
        adapter, server = on(pool_max_idle_per_host=0)
        for _ in range(3):
            upload(adapter)
        assert server.connections == 3
        kept, server = on(pool_max_idle_per_host=1)
        for _ in range(20):
            upload(kept)
        # obstore gives one back a moment after its answer.
        assert server.connections < 20

    def test_pool_idle_timeout(self, on, upload):
        adapter, server = on(pool_idle_timeout="1ms")
        upload(adapter)
        time.sleep(0.05)
        upload(adapter)
        assert server.connections == 2


def test_default_content_type_gives_way_to_the_extension(on):
    adapter, server = on(default_content_type="application/x-ours")
    adapter.upload_file(b"hello", "k")
    adapter.upload_file(b"hello", "k.txt")
    assert [asked.headers["content-type"] for asked in server.asked] == ["application/x-ours", "text/plain"]


@contextmanager
def on_a(endpoint, **options):
    settings = S3Settings(
        bucket_name="b",
        endpoint_url=endpoint,
        access_key_id=Secret("A"),
        secret_access_key=Secret("S"),
        client_options=parse_client_options(options),
        retry_config=RetryConfig(max_retries=0),
    )
    with S3Sync(settings) as adapter:
        yield adapter


@contextmanager
def answering(*pieces: bytes, pause: float = 0.0):
    """Run a server that sends these pieces to whoever comes, with pauses, and then waits until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()
    threads = []

    def serve(connection):
        with connection:
            connection.recv(1 << 16)
            for piece in pieces:
                if over.wait(pause):
                    return
                try:
                    connection.sendall(piece)
                except OSError:
                    return
            over.wait(30)

    def accept():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            if over.is_set():
                connection.close()
                return
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        over.set()
        with socket.create_connection(listening.getsockname()):
            accepting.join()
        for thread in threads:
            thread.join()
        listening.close()


HEAD = b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nETag: "x"\r\nLast-Modified: Fri, 02 Jan 2026 03:04:05 GMT\r\n\r\n'


def downloaded(adapter, target):
    with pytest.raises(AdapterError) as caught:
        adapter.download_file("k", target)
    assert caught.value.retryable


def got_from_store(adapter, target):
    with pytest.raises(GenericError):
        obstore.get(adapter.store, "k").bytes()


@pytest.mark.parametrize("fails", [downloaded, got_from_store])
class TestTime:
    def test_timeout(self, fails, tmp_path):
        drips = [HEAD, *([b"x"] * 600)]
        with answering(*drips, pause=0.05) as endpoint, on_a(endpoint, timeout="300ms", read_timeout=30) as adapter:
            fails(adapter, tmp_path / "f")

    def test_read_timeout(self, fails, tmp_path):
        with answering(HEAD) as endpoint, on_a(endpoint, read_timeout="200ms") as adapter:
            fails(adapter, tmp_path / "f")


@BOTH
class TestTls:
    def reached(self, ceph, upload, **options):
        settings = S3Settings(
            bucket_name="none-of-this-name",
            endpoint_url=ceph.endpoint_tls,
            access_key_id=Secret(ceph.access_key),
            secret_access_key=Secret(ceph.secret_key),
            client_options=parse_client_options(options),
            retry_config=RetryConfig(max_retries=0),
        )
        with S3Sync(settings) as adapter, pytest.raises((AdapterError, BaseError, FileNotFoundError)) as caught:
            upload(adapter)
        return isinstance(caught.value, NotFound | FileNotFoundError)

    def test_root_certificate(self, ceph, upload):
        assert not self.reached(ceph, upload)
        assert self.reached(ceph, upload, root_certificate=Path(ceph.ca_file).read_text())

    def test_disable_system_certificates(self, ceph, upload, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", ceph.ca_file)
        pem = Path(ceph.ca_file).read_text()
        assert self.reached(ceph, upload), "the system trusts it"
        assert self.reached(ceph, upload, root_certificate=pem, disable_system_certificates=True)
        assert not self.reached(
            ceph, upload, root_certificate=Path(certifi.where()).read_text(), disable_system_certificates=True
        )

    def test_allow_invalid_certificates(self, ceph, upload):
        assert self.reached(ceph, upload, allow_invalid_certificates=True)


def test_connect_timeout():
    settings = S3Settings(
        bucket_name="b", client_options=parse_client_options({"connect_timeout": 7, "read_timeout": 8, "timeout": 9})
    )
    place = resolve_endpoint(settings, "r")
    with S3Sync(replace(settings, region="r", skip_signature=True)) as adapter:
        assert adapter._client._http._timeouts == Timeouts(7, 8, total=9)
    config = client_config(settings, place)
    assert [config[name] for name in ("connect_timeout", "read_timeout", "timeout")] == [
        timedelta(seconds=each) for each in (7, 8, 9)
    ]


def test_allow_http(tmp_path):
    assert read(tmp_path, allow_http=True).endpoint_url == "http://127.0.0.1:1"
    with pytest.raises(InvalidSetting, match="allow_http"):
        read(tmp_path, allow_http=False)


def test_http1_only(on):
    adapter, _ = on(http1_only=True)
    assert adapter.upload_file(b"hello", "k").size == 5
    settings = S3Settings(bucket_name="b")
    assert client_config(settings, resolve_endpoint(settings, "r"))["http1_only"]


def test_every_option_of_obstore_acts_or_is_refused():
    stub = Path(obstore.__file__).with_name("_store") / "_client.pyi"
    (declared,) = [node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ClassDef)]
    theirs = {
        node.target.id
        for node in declared.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    ours = set(_PARSERS)
    refused = set()
    for name in theirs - ours:
        with pytest.raises(InvalidValue, match="can't be used here: "):
            parse_client_options({name: "1"})
        refused.add(name)
    # obstore takes these, and its stub leaves them out.
    unlisted: dict[str, Any] = {"disable_system_certificates": True, "http2_max_frame_size": "16384"}
    assert theirs.isdisjoint(unlisted)
    store = S3Store("b", region="r", client_options=cast("ClientConfig", unlisted))
    assert unlisted.keys() == (store.client_options or {}).keys()
    assert ours <= theirs | {"disable_system_certificates"}
    assert "http2_only" in refused


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"http1_only": False}, "http1_only"),
        ({"http2_only": True}, "http2_only"),
        ({"http2_max_frame_size": "16384"}, "http2_max_frame_size.*HTTP/1.1"),
        ({"disable_system_certificates": True}, "disable_system_certificates.*root_certificate"),
        ({"proxy_ca_certificate": "x"}, "proxy_ca_certificate"),
        ({"connect_timeout": "soon"}, "connect_timeout"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"default_headers": {"Authorization": "the-password"}}, "Authorization"),
        ({"default_headers": {"a b": "the-password"}}, "a b"),
        ({"default_headers": {"X-A": "the-password\n"}}, "X-A"),
        ({"default_headers": {"X-A": 5}}, "X-A"),
        ({"default_headers": "the-password"}, "default_headers"),
        ({"user_agent": "a\nb"}, "user_agent"),
        ({"proxy_url": "https://u:the-password@h"}, "proxy_url"),
        ({"proxy_url": "http://u:the-password@h:port"}, "proxy_url"),
        ({"proxy_url": "h"}, "proxy_url"),
        ({"proxy_excludes": 5}, "proxy_excludes"),
        ({"root_certificate": "/etc/ca.pem"}, "ca_bundle"),
        ({"root_certificate": PEM}, "ca_bundle"),
        ({"root_certificate": 5}, "ca_bundle"),
        ({"root_certificate": "ü"}, "ca_bundle"),
        ({"pool_max_idle_per_host": -1}, "pool_max_idle_per_host"),
        ({"allow_http": "maybe"}, "allow_http"),
    ],
)
def test_what_can_not_be(tmp_path, options, named):
    with pytest.raises(ConfigError, match=named) as caught:
        read(tmp_path, **options)
    assert "the-password" not in str(caught.value)


def test_a_name_that_is_unknown(tmp_path):
    with pytest.raises(UnknownSetting, match=r"client_options\.time_out.*'timeout'"):
        read(tmp_path, time_out=5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (30, 30.0),
        ("30", 30.0),
        (0.5, 0.5),
        ("500ms", 0.5),
        ("2h 37min", 9420.0),
        ("1d1s", 86401.0),
        ("3m", 180.0),
        ("1 hour", 3600.0),
        (timedelta(minutes=2), 120.0),
    ],
)
def test_times(given, expected):
    assert parse_seconds(given) == expected


@pytest.mark.parametrize("given", ["", "s", "5 parsecs", "-1", -1, 0, None, [5], float("inf"), float("nan"), "1min5x"])
def test_what_is_no_time(given):
    with pytest.raises(InvalidValue):
        parse_seconds(given)


def test_secrets_in_options_do_not_show(tmp_path):
    settings = read(tmp_path, proxy_url="http://u:hidden-1@h", default_headers={"X-Key": "hidden-2"})
    assert "hidden" not in repr(settings)
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(settings)
    assert pickle.loads(pickle.dumps(read(tmp_path, timeout=5))).client_options.timeout == 5


@pytest.mark.parametrize("no_proxy", ["127.0.0.0/8", "127.0.0.1", "{here}", "*"])
def test_no_proxy_of_the_environment(on, monkeypatch, no_proxy):
    adapter, server = on()
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", no_proxy.format(here=server.endpoint.removeprefix("http://")))
    by_adapter(adapter)
    assert server.asked


def test_proxy_excludes_hold_over_no_proxy(on, monkeypatch):
    adapter, server = on(proxy_url="http://127.0.0.1:9", proxy_excludes="other.example")
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(AdapterError):
        adapter.stat_file("k")
    assert not server.asked

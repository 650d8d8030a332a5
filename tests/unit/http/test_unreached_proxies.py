"""What is said where the proxy of the environment does not answer."""

from __future__ import annotations

import pytest
import requests
import urllib3

from buckia_b2.errors import translate_error as of_b2
from buckia_bunny.errors import translate_error as of_bunny
from buckia_core.errors import AdapterError
from buckia_core.http.proxy import unreached_proxy
from buckia_linode.errors import translate_error as of_linode


@pytest.fixture(autouse=True)
def _dead(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://me:the-pass@word@127.0.0.1:9/")


def _of_requests() -> Exception:
    with pytest.raises(requests.exceptions.ProxyError) as caught:
        requests.get("https://objects.example", timeout=10)
    return caught.value


def _of_urllib3() -> Exception:
    proxy = urllib3.ProxyManager("http://127.0.0.1:9")
    with pytest.raises((urllib3.exceptions.ProxyError, urllib3.exceptions.MaxRetryError)) as caught:
        proxy.request("GET", "https://objects.example", retries=False)
    return caught.value


def _told_by_b2() -> AdapterError:
    return of_b2(_of_requests(), action="listing", host="objects.example")


def _told_by_bunny() -> AdapterError:
    return of_bunny(_of_urllib3(), action="listing", host="objects.example")


def _told_by_linode() -> AdapterError:
    return of_linode(_of_requests(), action="listing", host="objects.example")


@pytest.mark.parametrize("tell", [_told_by_b2, _told_by_bunny, _told_by_linode])
def test_it_is_named_without_its_password(tell):
    error = tell()
    assert error.retryable
    assert str(error) == "listing at objects.example failed: the proxy 127.0.0.1:9 can't be reached"


def test_one_that_is_not_known_any_more(monkeypatch):
    monkeypatch.delenv("https_proxy")
    assert unreached_proxy("objects.example:8000") == "the proxy can't be reached"

"""Base of the suite: fixtures and helper functions."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import ClassVar, NoReturn

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.planning.manifest import RemoteObject
from buckia_core.testing.fault_proxy import FaultProxy

PREFIXES = {"plain": "", "prefixed": "pre fix/ä+b/", "without_slash": "photos"}
_EVERY_TEST = ("plain", "prefixed")


class Suite:
    """Base of all test classes. See `AdapterConformance` for what a subclass defines."""

    known_failures: ClassVar[Mapping[str, str]] = {}
    unstable: ClassVar[Mapping[str, str]] = {}
    lacks: ClassVar[Mapping[str, str]] = {}
    listing_count: ClassVar[int] = 1001
    large_bytes: ClassVar[int] = (8 << 20) + 1

    @pytest.fixture(params=_EVERY_TEST)
    def prefix(self, request: pytest.FixtureRequest) -> str:
        """The setting `prefix` of the adapter; runs each test without and with one."""
        return PREFIXES[request.param]

    @pytest.fixture
    def adapter(self) -> BaseSync:
        """The adapter under test, on an empty bucket."""
        self.undefined("adapter")

    @pytest.fixture
    def second(self, adapter: BaseSync) -> BaseSync:
        """Another adapter on the same bucket."""
        return adapter

    @pytest.fixture
    def outside(self) -> BaseSync:
        """Another adapter on the same bucket, without a prefix."""
        self.undefined("outside")

    @pytest.fixture
    def missing(self) -> BaseSync:
        """An adapter whose settings name a bucket that does not exist."""
        self.undefined("missing")

    @pytest.fixture
    def refused(self) -> BaseSync:
        """An adapter whose credentials the provider refuses, on the same bucket."""
        self.undefined("refused")

    @pytest.fixture
    def server_url(self) -> str:
        """The http address of the server, for the fixture `fault_proxy`."""
        self.undefined("server_url")

    @pytest.fixture
    def fault_proxy(self, server_url: str) -> Iterator[FaultProxy]:
        """A proxy in front of the server."""
        with FaultProxy(server_url) as proxy:
            yield proxy

    @pytest.fixture
    def proxied(self) -> BaseSync:
        """The adapter, with `fault_proxy.endpoint` as the server's address."""
        self.undefined("proxied")

    def undefined(self, fixture: str) -> NoReturn:
        """Skip a test because the class lacks a fixture, for the reason in `lacks`.

        Raises:
            NotImplementedError: There is no reason.
        """
        if fixture in self.lacks:
            pytest.skip(self.lacks[fixture])
        raise NotImplementedError(f"define the fixture `{fixture}`, or say in `lacks` why the provider can't have it")

    @pytest.fixture
    def fetch(self) -> Callable[[str], tuple[int, bytes]]:
        """A function that gets a URL without credentials, and returns status and body."""
        return fetch_url

    @pytest.fixture(autouse=True)
    def mark_known_failures(self, request: pytest.FixtureRequest, prefix: str) -> None:  # noqa: ARG002  # see below
        """Mark the tests in `known_failures` as expected to fail. Uses `prefix`, so that each test can choose it."""
        name = request.node.originalname
        parameters = request.node.callspec.id.split("-") if hasattr(request.node, "callspec") else []
        pairs = ["-".join(pair) for pair in pairwise(parameters)]
        names = [name, *(f"{name}[{each}]" for each in (*parameters, *pairs))]
        for each in names:
            if each in self.unstable:
                pytest.skip(self.unstable[each])
            if each in self.known_failures:
                request.applymarker(pytest.mark.xfail(reason=self.known_failures[each], strict=True))

    def test_known_failures_name_tests_that_exist(self) -> None:
        named = (*self.known_failures, *self.unstable)
        unknown = [name for name in named if not hasattr(self, name.partition("[")[0])]
        assert unknown == [], "`known_failures` and `unstable` name tests that do not exist"


def fetch_url(url: str, ca_file: str | None = None) -> tuple[int, bytes]:
    """Get a URL, and return status and body. `ca_file` is the certificate authority of the server, if it is private."""
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None
    try:
        with urllib.request.urlopen(url, timeout=30, context=context) as response:  # noqa: S310  # the adapter under test made the URL
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def put(adapter: BaseSync, objects: Mapping[str, bytes] | Iterable[str]) -> dict[str, RemoteObject]:
    """Upload objects; from keys alone, each with its key as content."""
    contents = objects if isinstance(objects, Mapping) else {key: key.encode() for key in objects}
    return {key: adapter.upload_file(data, key) for key, data in contents.items()}


def listed_keys(objects: Iterable[RemoteObject]) -> list[str]:
    """Return the keys of a listing, in its order."""
    return [found.key for found in objects]


def read(adapter: BaseSync, key: str, *, expect: RemoteObject | None = None) -> bytes:
    """Return an object's bytes."""
    with adapter.open_file(key, expect=expect) as reader:
        return reader.read()


def is_same(found: bytes, expected: bytes) -> bool:
    """Compare long contents: of a bare `==` in an assertion, pytest takes minutes to explain the difference."""
    return found == expected


def require(adapter: BaseSync, has_capability: Callable[[BaseSync], bool], name: str) -> None:
    """Skip the test if the adapter does not declare the capability."""
    if not has_capability(adapter):
        pytest.skip(f"the adapter does not declare {name}")

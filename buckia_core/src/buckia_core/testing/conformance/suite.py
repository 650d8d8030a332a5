"""Base of the suite: fixtures and helper functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.planning.manifest import RemoteObject

PREFIXES = {"plain": "", "prefixed": "pre fix/ä+b/"}


class Suite:
    """Base of all test classes. See `AdapterConformance` for what a subclass defines."""

    known_failures: ClassVar[Mapping[str, str]] = {}
    listing_count: ClassVar[int] = 1001
    large_bytes: ClassVar[int] = (8 << 20) + 1

    @pytest.fixture(params=list(PREFIXES))
    def prefix(self, request: pytest.FixtureRequest) -> str:
        """The setting `prefix` of the adapter; runs each test without and with one."""
        return PREFIXES[request.param]

    @pytest.fixture
    def adapter(self) -> BaseSync:
        """The adapter under test, on an empty bucket."""
        raise NotImplementedError("a subclass of AdapterConformance must define the fixture `adapter`")

    @pytest.fixture
    def second(self, adapter: BaseSync) -> BaseSync:
        """Another adapter on the same bucket."""
        return adapter

    @pytest.fixture(autouse=True)
    def mark_known_failures(self, request: pytest.FixtureRequest) -> None:
        """Mark the tests in `known_failures` as expected to fail."""
        reason = self._known_failure(request)
        if reason:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    def _known_failure(self, request: pytest.FixtureRequest) -> str | None:
        name = request.node.originalname
        parameters = request.node.callspec.id.split("-") if hasattr(request.node, "callspec") else []
        names = [name, *(f"{name}[{parameter}]" for parameter in parameters)]
        return next((self.known_failures[each] for each in names if each in self.known_failures), None)

    def test_known_failures_name_tests_that_exist(self) -> None:
        unknown = [name for name in self.known_failures if not hasattr(self, name.partition("[")[0])]
        assert unknown == [], "`known_failures` names tests that do not exist"


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


def require(adapter: BaseSync, has_capability: Callable[[BaseSync], bool], name: str) -> None:
    """Skip the test if the adapter does not declare the capability."""
    if not has_capability(adapter):
        pytest.skip(f"the adapter does not declare {name}")

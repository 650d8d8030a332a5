"""Tests of coroutines behind a fault proxy: broken connections, errors of the server, slow responses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import Coroutines
from buckia_core.errors import IntegrityError, PermissionDenied, Throttled, Transient, Unauthenticated
from buckia_core.testing.conformance.calls import DATA, assert_no_secret, behind_proxy
from buckia_core.testing.conformance.coroutines import OPERATIONS, call, run
from buckia_core.testing.conformance.suite import Suite, put, require
from buckia_core.testing.fault_proxy import Answer, Cut, Delay, Fault, FaultProxy, LoseReply, Reset

SENT_ONCE = (Answer(503), Reset())


class CoroutineFailureTests(Suite):
    """Failures of coroutines are those of the synchronous methods, and none holds up others."""

    @behind_proxy
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (Answer(503), (Transient, Throttled)),
            (Answer(429, retry_after=7), Throttled),
            (Answer(403), (PermissionDenied, Unauthenticated)),
            (Reset(), Transient),
            (Cut(0, "up"), Transient),
            (LoseReply(), Transient),
        ],
        ids=["busy", "throttled", "refused", "reset", "closed", "lost_reply"],
    )
    def test_faults_of_coroutines_are_those_of_the_methods(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str, fault: Fault, kind: Any
    ) -> None:
        require(proxied, lambda each: each.capabilities.coroutines, "coroutines")
        put(proxied, {"k": DATA})

        async def make(coroutines: Coroutines) -> None:
            await coroutines.stat_file_async("k")  # so that a connection, or a token, is there
            rule = fault_proxy.fault(fault)
            with pytest.raises(kind) as caught:
                await call(coroutines, operation)
            assert rule.chosen
            assert rule.chosen == 1 or fault not in SENT_ONCE, "the wrapper retries, not the adapter"
            assert caught.value.provider == proxied.provider
            assert caught.value.retryable == isinstance(caught.value, (Transient, Throttled))
            assert_no_secret(caught.value, fault_proxy)
            fault_proxy.clear_faults()
            await call(coroutines, operation)

        run(proxied, make)

    @behind_proxy
    @pytest.mark.parametrize("fault", [Cut(1000), Reset(1000, "down")], ids=["cut", "reset"])
    @pytest.mark.parametrize("operation", ["read", "open"])
    def test_incomplete_content_is_an_error_of_a_coroutine(
        self, proxied: BaseSync, fault_proxy: FaultProxy, fault: Fault, operation: str
    ) -> None:
        require(proxied, lambda each: each.capabilities.coroutines, "coroutines")
        put(proxied, {"k": DATA})
        fault_proxy.fault(fault)
        with pytest.raises((IntegrityError, Transient)) as caught:
            run(proxied, lambda coroutines: call(coroutines, operation))
        assert caught.value.retryable

    @behind_proxy
    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_a_slow_response_blocks_no_other_call(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str
    ) -> None:
        """The slow one is cancelled then, which leaves no half of its response to others."""
        require(proxied, lambda each: each.capabilities.coroutines, "coroutines")
        put(proxied, {"slow": DATA, "quick": b"quick"})

        async def make(coroutines: Coroutines) -> None:
            await coroutines.stat_file_async("quick")
            rule = fault_proxy.fault(Delay(20.0), times=1)
            slow = asyncio.create_task(call(coroutines, operation, "slow"))
            while not rule.chosen:
                await asyncio.sleep(0.01)
            for _ in range(3):
                assert (await coroutines.read_file_async("quick"))[1] == b"quick"
            assert not slow.done(), "the call has blocked the event loop"
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            for _ in range(3):
                assert (await coroutines.read_file_async("quick"))[1] == b"quick"

        run(proxied, make)

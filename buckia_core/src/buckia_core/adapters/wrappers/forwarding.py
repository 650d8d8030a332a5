"""Forwarding: methods of a wrapper that call the method of the same name of the inner adapter."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from buckia_core.http.blocking import as_coroutine, run_blocking

T = TypeVar("T")
P = ParamSpec("P")
Method = Callable[Concatenate[Any, P], T]


@dataclass(slots=True)
class Call(Generic[T]):
    """One call to the inner adapter. Await the object's call to make it: `await call()`.

    Attributes:
        operation: Name of the method of `BaseSync` or of a protocol; the same for both faces.
        key: The key; `None` if there is no single key.
        make: Makes the call. May be called more than once.
    """

    operation: str
    key: str | None
    make: Callable[[], Coroutine[Any, Any, T]]

    def __call__(self) -> Coroutine[Any, Any, T]:
        return self.make()


def passed(method: Method[P, T]) -> Method[P, T]:
    """Forward a method that sends no request, or not before its result is read: `intercept` does not see it."""
    name = method.__name__

    def forward(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return cast("T", getattr(self.inner, name)(*args, **kwargs))

    return _named_like(method, forward)


def intercepted(method: Method[P, T], *, operation: str | None = None) -> Method[P, T]:
    """Forward a synchronous method through `intercept`."""
    name, position = method.__name__, _key_position(method)
    shown = operation or name

    def forward(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        target: Callable[P, T] = getattr(self.inner, name)
        if not self.intercepts:
            return target(*args, **kwargs)
        make = functools.partial(as_coroutine(target), *args, **kwargs)
        made: Coroutine[Any, Any, T] = self.intercept(Call(shown, _key(position, args, kwargs), make))
        return run_blocking(made)

    return _named_like(method, forward)


def awaited(method: Method[P, Coroutine[Any, Any, T]], *, operation: str) -> Method[P, Coroutine[Any, Any, T]]:
    """Forward a coroutine method through `intercept`, which sees it as the synchronous method `operation`."""
    name, position = method.__name__, _key_position(method)

    def forward(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        target: Callable[P, Coroutine[Any, Any, T]] = getattr(self.inner, name)
        if not self.intercepts:
            return target(*args, **kwargs)
        make = functools.partial(target, *args, **kwargs)
        made: Coroutine[Any, Any, T] = self.intercept(Call(operation, _key(position, args, kwargs), make))
        return made

    return _named_like(method, forward)


def opened(method: Method[P, AbstractContextManager[T]]) -> Method[P, AbstractContextManager[T]]:
    """Forward a method that returns a context manager. `intercept` sees the opening, not the reads."""
    name, position = method.__name__, _key_position(method)

    @contextmanager
    def forward(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        with ExitStack() as stack:

            async def enter() -> T:
                manager: AbstractContextManager[T] = getattr(self.inner, name)(*args, **kwargs)
                return stack.enter_context(manager)

            yield run_blocking(self.intercept(Call(name, _key(position, args, kwargs), enter)))

    return _named_like(method, forward)


def opened_async(
    method: Method[P, AbstractAsyncContextManager[T]], *, operation: str
) -> Method[P, AbstractAsyncContextManager[T]]:
    """Forward a method that returns an asynchronous context manager, as `opened` does."""
    name, position = method.__name__, _key_position(method)

    @asynccontextmanager
    async def forward(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        async with AsyncExitStack() as stack:

            async def enter() -> T:
                manager: AbstractAsyncContextManager[T] = getattr(self.inner, name)(*args, **kwargs)
                return await stack.enter_async_context(manager)

            yield await self.intercept(Call(operation, _key(position, args, kwargs), enter))

    return _named_like(method, forward)


def _named_like(method: Callable[..., object], forward: Method[P, T]) -> Method[P, T]:
    functools.update_wrapper(forward, method, updated=())  # `__isabstractmethod__` stays out
    return forward


def _key_position(method: Callable[..., object]) -> int | None:
    """Return which argument is the key, counted without `self`; `None` if the method has none."""
    names = method.__code__.co_varnames[: method.__code__.co_argcount]
    return names.index("key") - 1 if "key" in names else None


def _key(position: int | None, args: tuple[object, ...], kwargs: dict[str, Any]) -> str | None:
    if position is None:
        return None
    return cast("str", args[position] if position < len(args) else kwargs["key"])

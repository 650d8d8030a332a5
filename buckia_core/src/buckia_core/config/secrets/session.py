"""Session of one run: secrets that were resolved, and how to ask for a passphrase.

Without a session, each use of a reference reads it again, so that a long-running application sees a rotated secret, and
nobody is asked. The command line opens one: 1Password and `age` then ask a person once, whatever number of buckets
refer to them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from buckia_core.config.secrets.secret import Secret

T = TypeVar("T")

AskPassphrase: TypeAlias = "Callable[[str, bool], Secret | None]"
"""Asks for a passphrase: takes the question and whether to ask twice; returns `None` if nobody can be asked."""


class SecretSession:
    """A session. Its secrets are forgotten when it ends.

    Attributes:
        ask: Asks for a passphrase; `None` if nobody can be asked.
        known: Secrets, and decrypted files, by what they were read from.
        passphrases: Passphrases by the file that they are for.
    """

    # A plain class: each command imports this module, and a dataclass takes five times as long to make.
    __slots__ = ("ask", "known", "passphrases")

    def __init__(self, ask: AskPassphrase | None = None) -> None:
        self.ask = ask
        self.known: dict[Hashable, object] = {}
        self.passphrases: dict[Hashable, Secret] = {}


_current: ContextVar[SecretSession | None] = ContextVar("buckia_secret_session", default=None)


@contextmanager
def secret_session(ask: AskPassphrase | None = None) -> Iterator[SecretSession]:
    """Open a session for a block. It belongs to the thread or task of the block."""
    session = SecretSession(ask)
    token = _current.set(session)
    try:
        yield session
    finally:
        _current.reset(token)
        session.known.clear()
        session.passphrases.clear()


def remembered(key: Hashable, read: Callable[[], T]) -> T:
    """Return what was read for a key in the session, else read and remember it. A key belongs to one type."""
    session = _current.get()
    if session is None:
        return read()
    if key not in session.known:
        session.known[key] = read()
    return cast("T", session.known[key])


def forget_secrets() -> None:
    """Forget the secrets of the session, since one has changed. Its passphrases are kept."""
    if session := _current.get():
        session.known.clear()


def ask_passphrase(file: Hashable, question: str, *, twice: bool = False) -> Secret | None:
    """Ask the person at the terminal for the passphrase of a file, once in a session; `None` if nobody can be asked."""
    session = _current.get()
    if session is None or session.ask is None:
        return None
    if file not in session.passphrases and (answer := session.ask(question, twice)):
        session.passphrases[file] = answer
    return session.passphrases.get(file)

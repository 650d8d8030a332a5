"""A running B2 server as a test knows it, and the accounts that tests make on it."""

from __future__ import annotations

import dataclasses
import json
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from buckia_core.testing.fault_proxy.ports import HOST, free_port

from ..process import ChildProcess, answers_http, clean_environment, module_command
from ..s3_server import Available

if TYPE_CHECKING:
    from b2sdk.v3 import B2Api


@dataclass(frozen=True, slots=True, kw_only=True)
class B2Account:
    """An account of a test's own: buckets, keys, switches and counters are nobody else's. Bucket names are shared."""

    endpoint: str
    """The realm that clients authorize at: `http://127.0.0.1:PORT`."""
    account_id: str
    key_id: str
    """Of the master key."""
    key: str

    def behind(self, endpoint: str) -> Self:
        """Return the same account as reached through another http endpoint, such as a proxy's.

        The server sends clients on to the address by which they came, uploads and downloads too.
        """
        return dataclasses.replace(self, endpoint=endpoint)

    def api(self, key_id: str | None = None, key: str | None = None) -> B2Api:
        """Return b2sdk's client, authorized with the master key or another one."""
        from b2sdk.v3 import B2Api, InMemoryAccountInfo

        # b2sdk's types leave out that account info has a default for its cache.
        api = B2Api(InMemoryAccountInfo())
        api.authorize_account(key_id or self.key_id, key or self.key, realm=self.endpoint)
        return api

    def environment(self, directory: Path) -> dict[str, str]:
        """Return an environment for the `b2` command, which keeps its account file below `directory`."""
        return clean_environment(
            B2_ENVIRONMENT=self.endpoint,
            B2_ACCOUNT_INFO=str(directory / "b2-account"),
            B2_APPLICATION_KEY_ID=self.key_id,
            B2_APPLICATION_KEY=self.key,
            PYTHONUTF8="1",
        )

    def new_bucket(self, stem: str = "test", **options: Any) -> str:
        """Create a private bucket with a name that no other one has, and return the name.

        `options` go to b2sdk's `create_bucket`.
        """
        name = f"{stem}-{uuid.uuid4().hex[:16]}"
        self.api().create_bucket(name, options.pop("bucket_type", "allPrivate"), **options)
        return name

    def set(self, **settings: int | None) -> None:
        """Change the account's settings, named as in `switches.Settings`."""
        self._control("settings", settings)

    def fail(
        self,
        *calls: str,
        status: int = 503,
        code: str = "service_unavailable",
        message: str = "",
        times: int | None = None,
        share: float = 1.0,
        retry_after: int | None = None,
        seed: int = 0,
    ) -> None:
        """Refuse calls, such as `b2_hide_file`, or any where none is named.

        `times` says how often, `share` which part of them, drawn from a generator with `seed`.
        """
        given = {"calls": calls or None, "status": status, "code": code, "message": message, "times": times}
        self._control("failing", given | {"share": share, "retry_after": retry_after, "seed": seed})

    def stop_failing(self) -> None:
        """Refuse no more than the service would."""
        self._control("stop-failing", {})

    def expire_tokens(self) -> None:
        """End all tokens now; clients have to authorize again."""
        self._control("expire-tokens", {})

    def apply_lifecycle(self) -> None:
        """Carry out the lifecycle rules of all buckets, as of the account's clock."""
        self._control("lifecycle", {})

    def fill(self, bucket: str, names: str, count: int, content: str = "") -> None:
        """Make `count` files with the same content, named by a pattern such as `folder/{:06d}`."""
        self._control("fill", {"bucket": bucket, "names": names, "count": count, "content": content})

    def seen(self) -> dict[str, Any]:
        """Return `calls` and `refusals`, counted by name and by code, and `bytes_stored` and `bytes_sent`."""
        return self._control("seen", {})

    def calls(self) -> dict[str, int]:
        """Return how often each call came."""
        counted: dict[str, int] = self.seen()["calls"]
        return counted

    def forget_calls(self) -> None:
        """Start counting anew."""
        self._control("forget-calls", {})

    def drop(self) -> None:
        """Remove the account and all that it has."""
        self._control("drop", {})

    def _control(self, what: str, given: dict[str, Any]) -> dict[str, Any]:
        return post_control(self.endpoint, f"{self.account_id}/{what}", given)


@dataclass(frozen=True, slots=True, kw_only=True)
class B2Server:
    """A running server. It keeps everything in memory."""

    name: ClassVar[str] = "b2"

    endpoint: str

    @classmethod
    def available(cls) -> Available:
        """Tell that it can be started: it needs nothing but Python."""
        return Available()

    @classmethod
    @contextmanager
    def running(cls, directory: Path) -> Iterator[Self]:
        """Run the server until the block ends; its log is in `directory`."""
        port = free_port()
        program, environment = module_command("b2.app", HOST, str(port))
        with ChildProcess(program, log=directory / "b2.log", env=environment, grace=0) as child:
            child.wait_until(lambda: answers_http(port))
            yield cls(endpoint=f"http://{HOST}:{port}")

    def new_account(self, **settings: int | None) -> B2Account:
        """Make an account, with settings named as in `switches.Settings`."""
        return B2Account(endpoint=self.endpoint, **post_control(self.endpoint, "accounts", settings))


def post_control(endpoint: str, path: str, given: dict[str, Any]) -> dict[str, Any]:
    """Ask the server for what the service does not have. Raises HTTPError where the request is wrong."""
    body = json.dumps({"given": given}).encode()
    request = urllib.request.Request(f"{endpoint}/control/{path}", data=body, method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as response:
        result: dict[str, Any] = json.load(response)
        return result

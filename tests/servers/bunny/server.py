"""A running Bunny server as a test knows it, and the accounts and zones that tests make on it."""

from __future__ import annotations

import dataclasses
import http.client
import json
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from ..process import ChildProcess, module_command
from ..s3_server import Available
from .app import ADDRESSES


@dataclass(frozen=True, slots=True, kw_only=True)
class BunnyServer:
    """A running server: `host:port` of each of its sides. It stops with its process and keeps nothing."""

    name: ClassVar[str] = "bunny"

    core: str
    """The core API."""
    cdn: str
    """All pull zones, told apart by `Host`."""
    storage: dict[str, str]
    """Edge Storage by region, as in `DE`."""
    control: str
    """What only tests ask for."""

    @classmethod
    def available(cls) -> Available:
        """Tell that it can be started: it needs nothing but Python."""
        return Available()

    @classmethod
    @contextmanager
    def running(cls, directory: Path) -> Iterator[Self]:
        """Run the server until the block ends; large files and its log are in `directory`."""
        program, environment = module_command("bunny.app", str(directory))
        addresses = directory / ADDRESSES
        with ChildProcess(program, log=directory / "bunny.log", env=environment, grace=0) as child:
            child.wait_until(addresses.exists)
            yield cls(**json.loads(addresses.read_text()))

    def new_account(self, **settings: float | str) -> BunnyAccount:
        """Make an account, with settings named as in `switches.Settings`."""
        return BunnyAccount(server=self, **post_json(self.control, "/accounts", settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class BunnyZone:
    """A storage zone: what a client has to know of it."""

    id: int
    name: str
    region: str
    endpoint: str
    """`http://host:port` of its region."""
    password: str
    read_only_password: str

    def behind(self, endpoint: str) -> Self:
        """Return the same zone as reached through another http endpoint, such as a proxy's."""
        return dataclasses.replace(self, endpoint=endpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class BunnyPullZone:
    """A pull zone for a storage zone."""

    id: int
    hostname: str
    security_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BunnyAccount:
    """An account of a test's own: zones, switches and counters are nobody else's. Names of zones are shared."""

    server: BunnyServer
    account_id: str
    api_key: str

    @property
    def core_url(self) -> str:
        """The address of the core API, without a slash at its end."""
        return f"http://{self.server.core}"

    def core(self, method: str, path: str, given: Any = None, *, api_key: str | None = None) -> tuple[int, Any]:
        """Call the core API once. Return the status and the JSON of the response, None if it is empty."""
        headers = {"AccessKey": self.api_key if api_key is None else api_key, "Content-Type": "application/json"}
        body = None if given is None else json.dumps(given).encode()
        with closing(http.client.HTTPConnection(self.server.core, timeout=60)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            body = response.read()
        return response.status, json.loads(body) if body else None

    def new_zone(self, stem: str = "test", *, region: str = "DE", **options: Any) -> BunnyZone:
        """Create a storage zone with a name that no other one has. `options` go to the core API."""
        name = f"{stem}-{uuid.uuid4().hex[:16]}"
        status, zone = self.core("POST", "/storagezone", {"Name": name, "Region": region, **options})
        assert status == 201, zone
        return BunnyZone(
            id=zone["Id"],
            name=name,
            region=zone["Region"],
            endpoint=f"http://{zone['StorageHostname']}",
            password=zone["Password"],
            read_only_password=zone["ReadOnlyPassword"],
        )

    def new_pull_zone(self, zone: BunnyZone, **options: Any) -> BunnyPullZone:
        """Create a pull zone for a storage zone. `options`, such as `ZoneSecurityEnabled`, go to the core API."""
        given = {"Name": f"{zone.name}-cdn", "StorageZoneId": zone.id, **options}
        status, made = self.core("POST", "/pullzone", given)
        assert status == 201, made
        hostname = made["Hostnames"][0]["Value"]
        return BunnyPullZone(id=made["Id"], hostname=hostname, security_key=made["ZoneSecurityKey"])

    def fetch(self, url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Get a URL of a pull zone as a visitor does. Return the status, the body and the headers."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        with closing(http.client.HTTPConnection(self.server.cdn, timeout=60)) as connection:
            connection.request("GET", target, headers={"Host": parts.netloc, **headers})
            response = connection.getresponse()
            return response.status, response.read(), dict(response.getheaders())

    def set(self, **settings: float | str) -> None:
        """Change the account's settings, named as in `switches.Settings`."""
        self._control("settings", settings)

    def fail(
        self,
        *calls: str,
        status: int = 503,
        message: str = "Service Unavailable",
        times: int | None = None,
        share: float = 1.0,
        seed: int = 0,
        retry_after: int | None = None,
    ) -> None:
        """Answer calls otherwise, as `switches.Failing` tells: kinds such as `list`, or any where none is named."""
        given = {"calls": calls or None, "status": status, "message": message, "times": times}
        self._control("failing", {**given, "share": share, "seed": seed, "retry_after": retry_after})

    def over_limit(self, *calls: str, times: int | None = None, share: float = 1.0, seed: int = 0) -> None:
        """Answer calls as where there are too many at a time: 400 "Unable to process request"."""
        self.fail(*calls, status=400, message="Unable to process request", times=times, share=share, seed=seed)

    def stop_failing(self) -> None:
        """Answer all calls as the service would."""
        self._control("stop-failing", {})

    def hold(self, call: str) -> None:
        """Hold calls of a kind from now on."""
        self._control("hold", {"call": call})

    def wait_for_held(self, call: str, calls: int) -> None:
        """Return when so many calls of a kind are held."""
        self._control("wait-for-held", {"call": call, "calls": calls})

    def let_go(self, call: str) -> None:
        """Let the held calls of a kind go on, and hold no more."""
        self._control("let-go", {"call": call})

    def replace_key(self) -> Self:
        """Replace the API key, so that the old one is wrong; return the account with the new one."""
        return dataclasses.replace(self, api_key=self._control("replace-key", {})["api_key"])

    def replace_password(self, zone: BunnyZone) -> BunnyZone:
        """Replace a zone's password, so that the old one is wrong; return the zone with the new one."""
        given = {"zone_id": zone.id}
        return dataclasses.replace(zone, password=self._control("replace-password", given)["password"])

    def replicated(self, zone: BunnyZone) -> None:
        """Finish the replication of what was uploaded while the setting `replicating` was 0."""
        self._control("replicated", {"zone_id": zone.id})

    def generate(self, zone: BunnyZone, *, directories: int, files: int, seed: int = 0) -> None:
        """Give a zone directories with files that follow from a formula; see `generated.GeneratedFiles`."""
        self._control("generate", {"zone_id": zone.id, "directories": directories, "files": files, "seed": seed})

    def tag(self, pull_zone: BunnyPullZone, prefix: str, tag: str) -> None:
        """Send files below a path with a `CDN-Tag`."""
        self._control("tag", {"pull_zone_id": pull_zone.id, "prefix": prefix, "tag": tag})

    def seen(self) -> dict[str, Any]:
        """Return `calls` and `peaks` by kind, `refusals` by status, `bytes_stored` and `bytes_sent`."""
        return self._control("seen", {})

    def forget_calls(self) -> None:
        """Start counting anew."""
        self._control("forget-calls", {})

    def drop(self) -> None:
        """Remove the account and all that it has."""
        self._control("drop", {})

    def _control(self, what: str, given: dict[str, Any]) -> dict[str, Any]:
        return post_json(self.server.control, f"/{self.account_id}/{what}", given)


def post_json(host: str, path: str, given: dict[str, Any]) -> dict[str, Any]:
    """Ask for what the service does not have. Raises ValueError where the request is wrong."""
    with closing(http.client.HTTPConnection(host, timeout=60)) as connection:
        connection.request("POST", path, json.dumps(given).encode())
        response = connection.getresponse()
        body: dict[str, Any] = json.load(response)
    if response.status != 200:
        raise ValueError(body["Message"])
    return body

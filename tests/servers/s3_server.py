"""What a test knows of a running S3 server, whichever software it is."""

from __future__ import annotations

import dataclasses
import uuid
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self


@dataclass(frozen=True, slots=True)
class Available:
    """Whether a server can be started here. False where there is a reason why not."""

    reason: str = ""

    def __bool__(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server(ABC):
    """Addresses and keys of a running S3 server: plain text, so that any process of a run can be told.

    Buckets are addressed by path. Both endpoints show the same buckets.
    """

    name: ClassVar[str]

    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    endpoint_tls: str | None = None
    """The https endpoint; None where this server has none."""
    ca_file: str | None = None
    """The certificate authority that signed for `endpoint_tls`."""

    @classmethod
    @abstractmethod
    def available(cls) -> Available:
        """Tell whether this server can be started here; costs no start."""

    @classmethod
    @abstractmethod
    def running(cls, directory: Path) -> AbstractContextManager[Self]:
        """Run a server that keeps everything below `directory`; it is stopped when the block ends.

        Raises ServerFailed where it does not start.
        """

    def behind(self, endpoint: str) -> Self:
        """Return the same server as reached through another http endpoint, such as a proxy's."""
        return dataclasses.replace(self, endpoint=endpoint)

    def client(self, *, tls: bool = False) -> Any:
        """Return a boto3 S3 client that tries once and adds no checksums of its own."""
        from botocore.config import Config

        if tls and self.endpoint_tls is None:
            raise ValueError(f"{self.name} has no https endpoint here")
        return _session().client(
            "s3",
            endpoint_url=self.endpoint_tls if tls else self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            verify=self.ca_file if tls else False,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=10,
                read_timeout=60,
                proxies={},
            ),
        )

    def new_bucket(self, stem: str = "test", **options: Any) -> str:
        """Create a bucket with a name that no other one has, and return the name.

        `options` go to boto3's `create_bucket`.
        """
        bucket = f"{stem}-{uuid.uuid4().hex[:16]}"
        client = self.client()
        try:
            client.create_bucket(Bucket=bucket, **options)
        finally:
            client.close()
        return bucket


class NewBucket(Protocol):
    """What the fixture `bucket_name` gives."""

    def __call__(self, server: S3Server, stem: str = "test", **options: Any) -> str:
        """Create a bucket on `server` whose name begins with `stem`, and return the name.

        `options` go to boto3's `create_bucket`. The bucket lives as long as its server.
        """


@cache
def _session() -> Any:
    import boto3

    return boto3.session.Session()

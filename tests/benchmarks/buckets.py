"""Buckets that are compared on: what a workload has to know of one, whichever server it is on."""

from __future__ import annotations

import http.client
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlsplit

from tests.benchmarks.measure import WrongResult
from tests.benchmarks.networks import Access
from tests.servers.b2.server import B2Account
from tests.servers.bunny.server import BunnyAccount
from tests.servers.s3_server import S3Server


class Bucket(ABC):
    """A bucket of its own.

    Attributes:
        name: Its name; `clear` may change it.
        access: Where clients that are measured reach it. Everything else goes to the server directly.
    """

    name: str
    access: Access

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return what a configuration of buckia says of this bucket."""

    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """Return the variables by which the other tools get credentials."""

    @abstractmethod
    def clear(self) -> None:
        """Delete all objects."""

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """Return the size of each object by its key."""

    @abstractmethod
    def read(self, key: str) -> Iterable[bytes]:
        """Return the content of an object in chunks."""


class S3Bucket(Bucket):
    """A bucket of an S3 server."""

    def __init__(self, server: S3Server, access: Access) -> None:
        self.server = server
        self.access = access
        self.name = server.new_bucket("bench")
        self._client = server.client()

    def settings(self) -> dict[str, Any]:
        found = {
            "provider": "s3",
            "bucket_name": self.name,
            "endpoint_url": self.access.endpoint,
            "region": self.server.region,
        }
        return found | ({"ca_bundle": self.access.ca_file} if self.access.ca_file else {})

    def environment(self) -> Mapping[str, str]:
        found = {
            "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key,
            "AWS_REGION": self.server.region,
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        }
        # For s5cmd, as for other programs in Go. The rest have options, see `tools`.
        return found | ({"SSL_CERT_FILE": self.access.ca_file} if self.access.ca_file else {})

    def clear(self) -> None:
        for page in self._pages():
            keys = [{"Key": each["Key"]} for each in page.get("Contents", ())]
            if keys:
                done = self._client.delete_objects(Bucket=self.name, Delete={"Objects": keys, "Quiet": True})
                if done.get("Errors"):
                    raise WrongResult(f"objects could not be deleted: {done['Errors'][0]}")

    def sizes(self) -> dict[str, int]:
        return {each["Key"]: each["Size"] for page in self._pages() for each in page.get("Contents", ())}

    def read(self, key: str) -> Iterable[bytes]:
        chunks: Iterable[bytes] = self._client.get_object(Bucket=self.name, Key=key)["Body"].iter_chunks(1 << 20)
        return chunks

    def _pages(self) -> Any:
        return self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name)


class GeneratedBucket(Bucket):
    """A bucket of the server that only lists."""

    name = "generated"

    def __init__(self, access: Access) -> None:
        self.access = access

    def settings(self) -> dict[str, Any]:
        return {"provider": "s3", "bucket_name": self.name, "endpoint_url": self.access.endpoint, "region": "us-east-1"}

    def environment(self) -> Mapping[str, str]:
        return {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_REGION": "us-east-1"}

    def clear(self) -> None:
        raise NotImplementedError

    def sizes(self) -> dict[str, int]:
        raise NotImplementedError

    def read(self, key: str) -> Iterable[bytes]:
        raise NotImplementedError


class B2Bucket(Bucket):
    """A bucket of the B2 server."""

    def __init__(self, account: B2Account) -> None:
        self.account = account
        self.access = Access(account.endpoint)
        self.clear()

    def settings(self) -> dict[str, Any]:
        return {
            "provider": "b2",
            "bucket_name": self.name,
            "application_key_id": self.account.key_id,
            "application_key": self.account.key,
            "api_url": self.access.endpoint,
        }

    def environment(self) -> Mapping[str, str]:
        return {
            "B2_ENVIRONMENT": self.account.endpoint,
            "B2_APPLICATION_KEY_ID": self.account.key_id,
            "B2_APPLICATION_KEY": self.account.key,
        }

    def clear(self) -> None:
        """Begin another bucket: deleted versions would remain."""
        self.name = self.account.new_bucket("bench")
        self._bucket = self.account.api().get_bucket_by_name(self.name)

    def sizes(self) -> dict[str, int]:
        return {found.file_name: found.size for found, _ in self._bucket.ls(recursive=True)}

    def read(self, key: str) -> Iterable[bytes]:
        content = BytesIO()
        self._bucket.download_file_by_name(key).save(content)
        return [content.getvalue()]


class BunnyBucket(Bucket):
    """A storage zone of the server for bunny.net."""

    def __init__(self, account: BunnyAccount) -> None:
        self.account = account
        self.clear()

    def settings(self) -> dict[str, Any]:
        return {
            "provider": "bunny",
            "bucket_name": self.name,
            "endpoint_url": self.access.endpoint,
            "storage_api_key": self._zone.password,
        }

    def environment(self) -> Mapping[str, str]:
        return {}

    def clear(self) -> None:
        """Begin another zone."""
        self._zone = self.account.new_zone("bench")
        self.name = self._zone.name
        self.access = Access(self._zone.endpoint)

    def sizes(self) -> dict[str, int]:
        return dict(self._walk(""))

    def read(self, key: str) -> Iterable[bytes]:
        return [self._get(key)]

    def _walk(self, directory: str) -> Iterator[tuple[str, int]]:
        for entry in json.loads(self._get(directory)):
            key = directory + entry["ObjectName"]
            if entry["IsDirectory"]:
                yield from self._walk(f"{key}/")
            else:
                yield key, entry["Length"]

    def _get(self, path: str) -> bytes:
        with closing(http.client.HTTPConnection(urlsplit(self._zone.endpoint).netloc, timeout=60)) as connection:
            connection.request("GET", f"/{self.name}/{quote(path)}", headers={"AccessKey": self._zone.password})
            response = connection.getresponse()
            content = response.read()
        if response.status != 200:
            raise WrongResult(f"{path}: {response.status}")
        return content

"""S3 account: the buckets of an account, by boto3. What provisioners of S3's relatives have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from buckia_core.adapters.transfers.retry import RetryPolicy, retry_call
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, InvalidSetting, NotFound
from buckia_s3.boto3_client import isolated_session
from buckia_s3.errors import from_boto3
from buckia_s3.http.endpoint import DEFAULT_REGION
from buckia_s3.provisioning.policies import PUBLIC_SID, Statement, policy_document, without_sid

T = TypeVar("T")

PROVIDER = "s3"
RETRY_POLICY = RetryPolicy(max_attempts=4, time_limit=30.0, initial_wait=0.2, max_wait=5.0)

_MALFORMED = (ResponseParserError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What boto3, and the use of what it returns, raise for a response that is none of the service's."""

_NO_SUCH = ("NoSuchBucket", "NoSuchBucketPolicy", "NoSuchUpload", "NoSuchEntity", "NotFound", "404")


class Boto3Account:
    """Calls one service of an account by boto3, with Buckia's retries and errors.

    Args:
        service: Name of the service, such as `s3`.
        endpoint_url: Its address; `None` for that of AWS.
        region: Region.
        keys: Access key, secret, and token or `None`; `None` for the credentials that boto3 finds.
        profile: Profile of the AWS configuration to take credentials from.
        ca_bundle: More certificate authorities.
    """

    def __init__(
        self,
        service: str,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        keys: tuple[Secret, Secret, Secret | None] | None = None,
        profile: str | None = None,
        ca_bundle: Path | None = None,
    ) -> None:
        config = Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"total_max_attempts": 1, "mode": "standard"},
            s3={"addressing_style": "path" if endpoint_url else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        options: dict[str, Any] = {"endpoint_url": endpoint_url, "region_name": region, "config": config}
        if ca_bundle is not None:
            options["verify"] = str(ca_bundle)
        session: Any
        if keys is not None:
            session = boto3.Session(botocore_session=isolated_session())
            names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
            options |= {name: key.reveal() for name, key in zip(names, keys, strict=True) if key is not None}
        else:
            session = boto3.Session(profile_name=profile)
        try:
            self.client: Any = session.client(service, **options)
        except (BotoCoreError, ValueError) as error:
            raise InvalidSetting(f"the account can't be reached: {error}", source="--account") from error
        self.host = endpoint_url or f"AWS ({service})"

    def call(self, operation: str, *, action: str, once: bool = False, **params: Any) -> dict[str, Any]:
        """Call an operation, such as `create_bucket`; `once` if a retry could do harm.

        Raises:
            AdapterError: It failed.
        """
        return self._guard(lambda: getattr(self.client, operation)(**params), action, once=once)

    def pages(self, operation: str, items: str, *, action: str, **params: Any) -> list[Any]:
        """Return the items of all pages of a listing. Raises as `call`."""
        pages = self.client.get_paginator(operation).paginate(**params)
        return self._guard(lambda: [each for page in pages for each in page.get(items, ())], action, once=False)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _guard(self, call: Callable[[], T], action: str, *, once: bool) -> T:
        def attempt() -> T:
            try:
                return call()
            except (ClientError, BotoCoreError) as error:
                raise from_boto3(error, provider=PROVIDER, action=action, host=self.host) from error
            except _MALFORMED as error:
                raise unexpected_response(action, self.host) from error

        return attempt() if once else retry_call(attempt, RETRY_POLICY)

    def parsing(self, action: str) -> AbstractContextManager[None]:
        """See `parsing_response`."""
        return parsing_response(action, self.host)


@contextmanager
def parsing_response(action: str, host: str) -> Iterator[None]:
    """Translate the exceptions that a malformed response causes while it is used in the block.

    Raises:
        AdapterError: The response is malformed.
    """
    try:
        yield
    except _MALFORMED as error:
        raise unexpected_response(action, host) from error


def unexpected_response(action: str, host: str) -> AdapterError:
    """Return the error for a response that the service would not give."""
    message = f"{action}: {host} gave an unexpected response; check that this is the address of the service"
    return AdapterError(message, provider=PROVIDER)


class S3Buckets:
    """Buckets of an account: find, create, empty, delete, and their policies.

    Args:
        account: S3 of the account.
        versions: Whether the service can list versions of objects.
    """

    def __init__(self, account: Boto3Account, *, versions: bool = True) -> None:
        self._account = account
        self._versions = versions

    def exists(self, name: str) -> bool:
        """Tell whether the account has a bucket."""
        action = "listing the buckets"
        found = self._account.call("list_buckets", action=action)
        with self._account.parsing(action):
            return any(each["Name"] == name for each in found.get("Buckets", ()))

    def create(self, name: str, *, location: str | None) -> None:
        """Create a private bucket in a location; `None` for the server's default.

        Raises:
            AlreadyExists: The name is taken.
            AdapterError: The request failed.
        """
        params: dict[str, Any] = {"Bucket": name}
        if location not in (None, DEFAULT_REGION):
            params["CreateBucketConfiguration"] = {"LocationConstraint": location}
        self._account.call("create_bucket", action=f"creating the bucket {name!r}", once=True, **params)

    def is_empty(self, name: str) -> bool:
        """Tell whether a bucket has no version of an object, and no unfinished upload; a missing one has none."""
        action = f"looking into the bucket {name!r}"
        try:
            objects = self._list(name, action, 1)
            uploads = self._account.call("list_multipart_uploads", action=action, Bucket=name, MaxUploads=1)
        except NotFound:
            return True
        return not objects and not uploads.get("Uploads")

    def empty(self, name: str) -> None:
        """Delete all versions of all objects, and abort all uploads."""
        action = f"emptying the bucket {name!r}"
        for each in self._account.pages("list_multipart_uploads", "Uploads", action=action, Bucket=name):
            upload = {"Key": each["Key"], "UploadId": each["UploadId"]}
            self._ignore("abort_multipart_upload", action=action, Bucket=name, **upload)
        before: list[dict[str, Any]] = []
        while found := self._list(name, action, 1000):
            if found == before:
                message = f"{action}: its objects are still there after they were deleted"
                raise AdapterError(message, provider=PROVIDER)
            for each in found:
                self._account.call("delete_object", action=action, Bucket=name, **each)
            before = found

    def _list(self, name: str, action: str, limit: int) -> list[dict[str, Any]]:
        """Return the first objects of a bucket, with their versions, as arguments of a delete."""
        operation = "list_object_versions" if self._versions else "list_objects_v2"
        page = self._account.call(operation, action=action, Bucket=name, MaxKeys=limit)
        with self._account.parsing(action):
            if not self._versions:
                return [{"Key": each["Key"]} for each in page.get("Contents", ())]
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            return [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]

    def delete(self, name: str) -> None:
        """Delete an empty bucket; a missing one is no error.

        Raises:
            PreconditionFailed: It is not empty.
        """
        self._ignore("delete_bucket", action=f"deleting the bucket {name!r}", Bucket=name)

    def statements(self, name: str) -> list[Statement]:
        """Return the statements of the policy of a bucket; none without a policy, or without the bucket."""
        action = "reading the policy of the bucket"
        found = self._ignore("get_bucket_policy", action=action, Bucket=name)
        text = (found or {}).get("Policy")
        with self._account.parsing(action):
            statements = json.loads(text).get("Statement", []) if text else []
            return [dict(each) for each in (statements if isinstance(statements, list) else [statements])]

    def public_access(self, name: str) -> list[str]:
        """Return the id of Buckia's statement that lets everybody read, if the policy of a bucket has it."""
        statements = self.statements(name)
        return [PUBLIC_SID] if len(without_sid(statements, PUBLIC_SID)) < len(statements) else []

    def add_statements(self, name: str, sid: str, statements: list[Statement]) -> None:
        """Add statements to the policy of a bucket, in place of those whose ids begin with `sid`."""
        kept = without_sid(self.statements(name), sid)
        self._put_policy(name, [*kept, *statements])

    def remove_statements(self, name: str, sid: str) -> None:
        """Remove the statements whose ids begin so; a missing bucket is no error."""
        before = self.statements(name)
        kept = without_sid(before, sid)
        if len(kept) == len(before):
            return
        if kept:
            self._put_policy(name, kept)
        else:
            self._ignore("delete_bucket_policy", action="removing the policy of the bucket", Bucket=name)

    def _put_policy(self, name: str, statements: list[Statement]) -> None:
        action = "changing the policy of the bucket"
        self._account.call("put_bucket_policy", action=action, Bucket=name, Policy=policy_document(statements))

    def _ignore(
        self, operation: str, *, action: str, codes: Collection[str] = _NO_SUCH, **params: Any
    ) -> dict[str, Any] | None:
        """Call an operation; return `None` if what it is about does not exist."""
        try:
            return self._account.call(operation, action=action, **params)
        except AdapterError as error:
            if error.code in codes or isinstance(error, NotFound):
                return None
            raise

"""`Administration`: reads, plans and applies changes of a bucket's configuration, one subresource at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from buckia_core.adapters.commands.config_change import unified_diff
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    ConfigError,
    NotFound,
    NotSupported,
    PermissionDenied,
    PreconditionFailed,
    Unauthenticated,
)
from buckia_s3.administration import documents, merge, shapes
from buckia_s3.administration.bucket_client import RAW_BODY, BucketClient, UnreadableResponse
from buckia_s3.administration.buckets import Buckets
from buckia_s3.administration.subresources import (
    SUBRESOURCES,
    Document,
    Subresource,
    expand_canned_acl,
    find_subresource,
)
from buckia_s3.auth.sigv4 import CredentialProvider
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import S3Client

_INVALID_DOCUMENT = (400, 422)
"""Statuses of a response to an invalid document."""

_BUCKET_NOT_FOUND = ("", "NoSuchBucket", "NoSuchKey", "NotFound")
"""Codes of a 404 that concern the bucket and not a subresource."""


@dataclass(frozen=True, slots=True)
class SubresourceStatus:
    """State of one subresource of a bucket.

    Attributes:
        subresource: The subresource.
        document: Its configuration; `None` if it is not set, or could not be read.
        problem: Why it could not be read; otherwise `None`.
    """

    subresource: Subresource
    document: Document | None
    problem: AdapterError | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Planned change of one subresource. It is data; `Administration.apply` sends it.

    Attributes:
        subresource: The subresource.
        before: Its document when the change was planned; `None` if it was not set.
        after: The new document; `None` to delete the subresource.
    """

    subresource: Subresource
    before: Document | None
    after: Document | None

    @property
    def differs(self) -> bool:
        """Whether the change has an effect."""
        return not merge.is_equivalent(self.subresource, self.before, self.after)

    def diff(self) -> list[str]:
        """Return the lines of a unified diff, without line feeds; empty if the documents are equivalent."""
        return unified_diff(self.before, self.after, self.subresource.name) if self.differs else []


class Administration:
    """Configuration of one bucket.

    Changes are planned, reviewed and applied. `apply` reads the document again before it writes, and refuses to
    overwrite a concurrent change. S3 has no conditional writes for these documents, so a short race remains.

    A write is sent only after a read has shown that the server supports the subresource. A server that ignores the
    query would take the deletion of a subresource for the deletion of the bucket.

    Attributes:
        buckets: The buckets of the account.
    """

    def __init__(
        self,
        settings: S3Settings,
        transport: S3Client,
        credentials: CredentialProvider,
        require: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Create it.

        Args:
            settings: Settings of the bucket.
            transport: The adapter's client; it knows the bucket's region, and counts requests.
            credentials: Credentials of the adapter.
            require: Called with the name of a subresource before any request for it. Raises `NotSupported` if the
                service lacks the subresource.
        """
        self._client = BucketClient(settings, transport, credentials)
        self._require = require
        self.buckets = Buckets(self._client, transport.resolver, settings.bucket_name)

    def get(self, name: str) -> Document | None:
        """Return the document of a subresource, with S3's own names; `None` if it is not set.

        Raises:
            ValueError: There is no subresource of that name.
            NotSupported: The server does not support it.
            NotFound: The bucket does not exist.
            AdapterError: The request failed.
        """
        document, _ = self._read(find_subresource(name))
        return document

    def overview(self) -> list[SubresourceStatus]:
        """Return the state of each subresource, with the error of those that could not be read.

        Raises:
            NotFound: The bucket does not exist.
            Unauthenticated: The server does not accept the credentials.
            AdapterError: The server does not respond.
        """
        statuses = []
        for subresource in SUBRESOURCES.values():
            try:
                statuses.append(SubresourceStatus(subresource, self._read(subresource)[0]))
            except AdapterError as error:
                if not _concerns_only_subresource(error):
                    raise
                statuses.append(SubresourceStatus(subresource, None, error))
        return statuses

    def plan(self, name: str, document: Document, *, replace: bool = False) -> Change:
        """Plan a change to a document.

        Lifecycle and CORS rules are merged by `ID`, tags by `Key`: other entries are kept.

        Args:
            name: Name of the subresource.
            document: The new document with S3's own names, bare or in the envelope of S3's response.
            replace: Remove other entries.

        Raises:
            ValueError: There is no subresource of that name.
            ConfigError: The document is invalid.
            NotSupported: The server does not support the subresource, or a merge would lose elements.
            AdapterError: The present document could not be read.
        """
        subresource = find_subresource(name)
        try:
            new = shapes.validate(subresource, shapes.unwrap(subresource, document))
            present, body = self._read(subresource)
            if subresource.merge is None or replace:
                after = merge.inherit_fields(subresource, present, new)
            else:
                self._check_merge_keeps_all(subresource, present, body)
                after = merge.merge_documents(subresource, present, new)
            return Change(subresource, present, shapes.validate(subresource, after))
        except (shapes.InvalidDocument, merge.DuplicateEntry) as error:
            raise ConfigError(f"{subresource.title}: {error}") from error

    def plan_text(self, name: str, text: str, *, source: str, replace: bool = False) -> Change:
        """Plan a change to a document in JSON, YAML or XML. `source` is the file name for messages.

        Raises:
            ConfigError: The text is not a valid document.
            ValueError, AdapterError: As `plan`.
        """
        return self.plan(name, documents.parse_document(find_subresource(name), text, source=source), replace=replace)

    def plan_canned(self, name: str) -> Change:
        """Plan a change of the ACL to a canned one, such as `private` or `public-read`.

        Raises:
            ValueError: There is no canned ACL of that name.
            AdapterError: As `plan`.
        """
        present = self.get("acl") or {}
        return Change(find_subresource("acl"), present, expand_canned_acl(name, present))

    def plan_removal(self, name: str, entries: Sequence[str] = ()) -> Change:
        """Plan the deletion of a subresource, or of some `entries` of lifecycle rules, CORS rules or tags.

        Raises:
            ValueError: There is no subresource of that name.
            NotSupported: It cannot be deleted, or the server does not support it.
            NotFound: An entry or the bucket does not exist.
            AdapterError: The present document could not be read.
        """
        subresource = find_subresource(name)
        if not subresource.removable:
            raise NotSupported(f"{subresource.title} can't be removed: set it instead", provider=self._client.provider)
        present, body = self._read(subresource)
        after: Document | None = None
        if entries:
            try:
                after = merge.remove_entries(subresource, present or {}, entries)
            except (merge.MissingEntry, KeyError) as error:
                none = f"{subresource.title}: there are none"
                message = str(error) if isinstance(error, merge.MissingEntry) else none
                raise NotFound(message, provider=self._client.provider) from error
            self._check_merge_keeps_all(subresource, present, body)
        elif subresource.reset is not None and present is not None:
            after = subresource.reset(present)
        return Change(subresource, present, after)

    def apply(self, change: Change) -> Document | None:
        """Apply a change, and return the document that the server shows afterwards. Does nothing without a difference.

        Raises:
            PreconditionFailed: The document changed after the change was planned. Nothing was sent.
            NotSupported: The server does not support this.
            PermissionDenied: The credentials do not allow it.
            ConfigError: The server refuses the document; the message has its reason.
            AdapterError: The request failed, or the document could not be read back.
        """
        subresource = change.subresource
        if not change.differs:
            return change.before
        present, _ = self._read(subresource)
        if not merge.is_equivalent(subresource, present, change.before):
            raise PreconditionFailed(
                f"{subresource.title}: changed since the difference was shown. Nothing was sent; compare again.",
                provider=self._client.provider,
            )
        if change.after is None:
            self._call(subresource, subresource.delete, "removing")
        else:
            self._put(subresource, change.after)
        return self._read(subresource)[0]

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _read(self, subresource: Subresource) -> tuple[Document | None, bytes]:
        """Return the document, `None` if it is not set, and the body of the response."""
        self._require(subresource.name)
        try:
            output = self._call(subresource, subresource.get, "reading")
        except AdapterError as error:
            if error.code in subresource.not_set_codes:
                return None, b""
            raise
        try:
            return shapes.document_from_output(subresource, output), output[RAW_BODY]
        except (ValueError, RecursionError) as error:
            message = f"reading {subresource.title}: the response can't be parsed: {str(error)[:200]}"
            raise UnreadableResponse(message, provider=self._client.provider) from error

    def _put(self, subresource: Subresource, document: Document) -> None:
        try:
            self._call(subresource, subresource.put, "setting", shapes.build_params(subresource, document))
        except AdapterError as error:
            # An error without a class of its own concerns the document: MalformedXML, InvalidRequest and so on.
            if type(error) is AdapterError and error.status in _INVALID_DOCUMENT:
                raise ConfigError(f"the server refuses this: {error}") from error
            raise

    def _call(
        self, subresource: Subresource, operation: str, verb: str, params: Document | None = None
    ) -> dict[str, Any]:
        try:
            return self._client.call(operation, params, action=f"{verb} {subresource.title}")
        except (AlreadyExists, NotSupported) as error:
            # A server that ignores the query takes the request for the creation of the bucket.
            message = f"the server {self._client.host} does not support {subresource.title}"
            raise NotSupported(message, provider=self._client.provider) from error

    def _check_merge_keeps_all(self, subresource: Subresource, present: Document | None, body: bytes) -> None:
        """Refuse a merge with rules whose elements would be lost when they are written back."""
        if present is None:
            return
        if lost := documents.lost_elements(subresource, body, present):
            raise NotSupported(
                f"{subresource.title}: the present ones have elements that this version of boto3 does not know "
                f"({', '.join(sorted(lost))}) and would lose. Update boto3, or replace them all.",
                provider=self._client.provider,
            )


def _concerns_only_subresource(error: AdapterError) -> bool:
    """Return whether an error concerns only one subresource, so that others may be readable."""
    match error:
        case NotSupported() | PermissionDenied() | UnreadableResponse():
            return True
        case Unauthenticated():
            return False
        case NotFound():
            return error.code not in _BUCKET_NOT_FOUND
        case _:
            return error.status is not None

"""`Administration`: what is configured for a bucket, read and changed one topic at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from buckia_core.adapters.transfers.retry import retry_call
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    ConfigError,
    NotFound,
    NotSupported,
    PermissionDenied,
    PreconditionFailed,
    Transient,
    Unauthenticated,
)
from buckia_s3.administration import documents, merge, operations, shapes
from buckia_s3.administration.buckets import Buckets
from buckia_s3.administration.canned_acl import canned
from buckia_s3.administration.change import Change
from buckia_s3.administration.subresources import TOPICS, Document, Subresource, topic_of
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import BufferedResponse, Request, S3Client

_LISTING = "ListBucketResult"
"""What a server answers with that does not look at the part of the bucket that a request asks for."""


_REFUSED = (400, 422)
"""What a server answers to a document that it can't use."""

_NO_BUCKET = ("", "NoSuchBucket", "NoSuchKey", "NotFound")
"""Codes of a 404 that tell of no topic, so that they are about the bucket."""


class _Unreadable(Transient):
    """An answer came, and can't be read."""


@dataclass(frozen=True, slots=True)
class SubresourceStatus:
    """What one topic of a bucket looks like.

    Attributes:
        topic: The topic.
        document: What is configured; `None` if nothing is, or if it could not be read.
        problem: Why it could not be read; `None` if it could.
    """

    topic: Subresource
    document: Document | None
    problem: AdapterError | None = None


class Administration:
    """The configuration of one bucket.

    A change is planned, looked at, and applied. What is there is read again just before it is written: a change that
    somebody made meanwhile is not overwritten. (S3 has no condition for these writes, so a short moment stays open.)

    Nothing is ever sent to a server that has not shown, by its answer to the read, that it knows the topic: one that
    does not look at the topic takes a removal of it for the removal of the bucket.

    Attributes:
        buckets: The buckets of the account.
    """

    def __init__(self, client: S3Client, settings: S3Settings, require: Callable[[str], None] | None = None) -> None:
        """Create it.

        Args:
            client: Sends the requests.
            settings: Settings of the bucket.
            require: Called with the name of a subresource before any request for it. Raises `NotSupported` if the
                service lacks the subresource.
        """
        self._client = client
        self._require = require
        self._backoff = settings.retry_config.policy
        self.buckets = Buckets(client, settings)

    def get(self, topic: str) -> Document | None:
        """Return what is configured, by S3's own names; `None` if nothing is.

        Raises:
            ValueError: There is no such topic.
            NotSupported: The server does not know it.
            NotFound: The bucket does not exist.
            AdapterError: It could not be read.
        """
        document, _ = self._read(topic_of(topic))
        return document

    def overview(self) -> list[SubresourceStatus]:
        """Return what each topic looks like; of one that the server does not know or show, why it could not be read.

        Raises:
            NotFound: The bucket does not exist.
            Unauthenticated: The server does not accept the credentials.
            AdapterError: The server does not answer.
        """
        findings = []
        for topic in TOPICS.values():
            try:
                findings.append(SubresourceStatus(topic, self._read(topic)[0]))
            except AdapterError as error:
                if not _of_topic_alone(error):
                    raise
                findings.append(SubresourceStatus(topic, None, error))
        return findings

    def plan(self, topic: str, document: Document, *, replace: bool = False) -> Change:
        """Return the change to a document.

        Lifecycle and CORS rules are merged by their `ID`, tags by their `Key`: entries of other names stay.

        Args:
            topic: What is to change.
            document: What is to be there, by S3's own names, also as S3 answers with it.
            replace: Entries of other names do not stay.

        Raises:
            ValueError: There is no such topic.
            ConfigError: The document is not one of this topic.
            NotSupported: The server does not know the topic; or its answer has what would get lost in a merge.
            AdapterError: What is there could not be read.
        """
        about = topic_of(topic)
        try:
            wanted = shapes.validated(about, shapes.unwrap(about, document))
            present, body = self._read(about)
            if about.merge is None or replace:
                after = merge.inherited(about, present, wanted)
            else:
                self._refuse_to_lose(about, present, body)
                after = merge.merged(about, present, wanted)
            return Change(about, present, shapes.validated(about, after))
        except (shapes.InvalidDocument, merge.Ambiguous) as error:
            raise ConfigError(f"{about.title}: {error}") from error

    def plan_text(self, topic: str, text: str, *, source: str, replace: bool = False) -> Change:
        """Return the change to the document of a text in JSON, YAML or XML. `source` is its file's name, for messages.

        Raises:
            ConfigError: The text is no document of this topic.
            ValueError, AdapterError: As `plan`.
        """
        return self.plan(topic, documents.read(topic_of(topic), text, source=source), replace=replace)

    def plan_canned(self, name: str) -> Change:
        """Return the change of the access control list to a canned one, such as `private` or `public-read`.

        Raises:
            ValueError: There is no canned list of that name.
            AdapterError: As `plan`.
        """
        present = self.get("acl") or {}
        return Change(topic_of("acl"), present, canned(name, present))

    def plan_removal(self, topic: str, names: Sequence[str] = ()) -> Change:
        """Return the change that removes a topic, or of lifecycle rules, CORS rules and tags only the named ones.

        Raises:
            ValueError: There is no such topic.
            NotSupported: It can't be removed, or the server does not know it.
            NotFound: A named entry is not there, or the bucket does not exist.
            AdapterError: What is there could not be read.
        """
        about = topic_of(topic)
        if not about.removable:
            raise NotSupported(f"{about.title} can't be removed: set it instead", provider=self._client.provider)
        present, body = self._read(about)
        after: Document | None = None
        if names:
            try:
                after = merge.without(about, present or {}, names)
            except (merge.Missing, KeyError) as error:
                words = str(error) if isinstance(error, merge.Missing) else f"{about.title}: there are none"
                raise NotFound(words, provider=self._client.provider) from error
            self._refuse_to_lose(about, present, body)
        elif about.cleared is not None and present is not None:
            after = about.cleared(present)
        return Change(about, present, after)

    def apply(self, change: Change) -> Document | None:
        """Make a change, and return what the server shows afterwards. Nothing is sent if nothing differs.

        Raises:
            PreconditionFailed: It is not what it was when the change was planned. Nothing was changed.
            NotSupported: The server can't do this.
            PermissionDenied: The credentials do not allow it.
            ConfigError: The server refuses the document; the message has its words.
            AdapterError: It could not be sent, or read back.
        """
        topic = change.topic
        if not change.differs:
            return change.before
        present, _ = self._read(topic)
        if not merge.is_equivalent(topic, present, change.before):
            raise PreconditionFailed(
                f"{topic.title}: somebody changed this since the difference was shown. Nothing was sent; look again.",
                provider=self._client.provider,
            )
        if change.after is None:
            self._send(operations.request(topic.delete, {}, doing=f"removing {topic.title}"), topic)
        else:
            params = shapes.params(topic, change.after)
            self._set(operations.request(topic.put, params, doing=f"setting {topic.title}"), topic)
        return self._read(topic)[0]

    def _read(self, topic: Subresource) -> tuple[Document | None, bytes]:
        """Return the document, `None` if there is none, and the body that it came in."""
        if self._require is not None:
            self._require(topic.name)
        doing = f"reading {topic.title}"
        try:
            response = self._send(operations.request(topic.get, {}, doing=doing), topic)
        except AdapterError as error:
            if error.code in topic.unset:
                return None, b""
            raise
        if operations.first_element_of(response.body) == _LISTING:
            raise self._not_supported(topic)
        headers = response.headers
        try:
            return shapes.from_output(topic, operations.output(topic.get, response.body, headers)), response.body
        except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
            words = f"{doing}: the answer can't be read: {str(error)[:200]}"
            raise _Unreadable(words, provider=self._client.provider) from error

    def _set(self, request: Request, topic: Subresource) -> None:
        try:
            self._send(request, topic)
        except AdapterError as error:
            # A refusal that has no kind of its own is about what was sent: MalformedXML, InvalidRequest and so on.
            if type(error) is AdapterError and error.status in _REFUSED:
                raise ConfigError(f"the server refuses this: {error}") from error
            raise

    def _send(self, request: Request, topic: Subresource) -> BufferedResponse:
        try:
            return retry_call(lambda: self._client.send(request), self._backoff)
        except (AlreadyExists, NotSupported) as error:
            # A server that does not look at the topic takes the request for the creation of the bucket.
            raise self._not_supported(topic) from error

    def _not_supported(self, topic: Subresource) -> NotSupported:
        host = self._client.resolver.endpoint.authority
        return NotSupported(f"the server {host} does not support {topic.title}", provider=self._client.provider)

    def _refuse_to_lose(self, topic: Subresource, present: Document | None, body: bytes) -> None:
        """Refuse a merge with rules that have parts which would not be written back."""
        if present is None:
            return
        try:
            lost = documents.lost_elements(topic, body, present)
        except ParseError:  # can't be: it was parsed already
            lost = set()
        if lost:
            raise NotSupported(
                f"{topic.title}: the bucket's have parts that this version of botocore does not know "
                f"({', '.join(sorted(lost))}), which would be lost. Update botocore, or replace them all.",
                provider=self._client.provider,
            )


def _of_topic_alone(error: AdapterError) -> bool:
    """Tell whether an error says nothing about the other topics of the bucket."""
    match error:
        case NotSupported() | PermissionDenied() | _Unreadable():
            return True
        case Unauthenticated():
            return False
        case NotFound():
            return error.code not in _NO_BUCKET
        case _:
            return error.status is not None

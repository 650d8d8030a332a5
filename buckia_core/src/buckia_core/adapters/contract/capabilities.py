"""`Capabilities`: what an adapter declares. The engine decides by these, not by the provider's name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter can do with its settings, and its limits. The defaults describe the weakest provider.

    Attributes:
        conditional_write: `upload_file` checks `expect` and writes in one atomic step. If false, the adapter checks
            just before it writes.
        start_after: `list_files(start_after=…)` skips keys on the server, so that a listing can be split.
        list_prefixes: The adapter is a `PrefixListing`.
        listing_digests: Algorithms of the digests in listings, best first.
        mtime: The modification time of an upload is stored, and returned by `stat_file`.
        metadata: User metadata is stored, and returned by `stat_file`.
        versions: The provider keeps versions that are overwritten or deleted. The adapter is a `Versioned`.
        server_copy: The adapter is a `ServerCopy`.
        public_url: The adapter is a `PublicUrl`.
        signed_url: The adapter is a `SignedUrl`.
        with_options: The adapter is a `WithOptions`.
        lifecycle: The adapter is a `Lifecycle`.
        bucket_copy: The adapter is a `BucketCopy`.
        attributes: The adapter is a `ReadAttributes`, and `UploadInfo.attributes` are stored.
        tag_expiry: The adapter is a `TagExpiry`.
        resumable_upload: The adapter is a `ResumableUpload`.
        resumable_download: The adapter is a `ResumableDownload`.
        coroutines: The adapter is a `Coroutines`.
        nested_keys: `a` and `a/b` can both be objects. If false, raise an error that is not `retryable` for the second
            one, such as `InvalidKey`; an empty directory must not be in the way of an object.
        free_reads: Reading an object costs neither money nor network traffic.
        max_key_bytes: Longest key, in bytes of UTF-8.
        max_key_chars: Longest key in characters, if the provider counts those. `max_key_bytes` holds too, and is then
            what so many characters can have.
        max_object_bytes: Largest object; `None` if there is no limit.
        delete_batch_size: Best number of keys for one `delete_files` call.
        workers: Number of concurrent calls that the provider handles well.
        max_requests: Most concurrent calls of `Coroutines`. The engine begins with twice `workers`, and sends more
            while that helps.
        requests_per_second: Default for the setting `rate_limit`; `None` if no limit is known.
    """

    conditional_write: bool = False
    start_after: bool = False
    list_prefixes: bool = False
    listing_digests: tuple[str, ...] = ()
    mtime: bool = False
    metadata: bool = False
    versions: bool = False
    server_copy: bool = False
    public_url: bool = False
    signed_url: bool = False
    with_options: bool = False
    lifecycle: bool = False
    bucket_copy: bool = False
    attributes: bool = False
    tag_expiry: bool = False
    resumable_upload: bool = False
    resumable_download: bool = False
    coroutines: bool = False
    nested_keys: bool = True
    free_reads: bool = False
    max_key_bytes: int = 1024
    max_key_chars: int | None = None
    max_object_bytes: int | None = None
    delete_batch_size: int = 1
    workers: int = 16
    max_requests: int = 256
    requests_per_second: float | None = None

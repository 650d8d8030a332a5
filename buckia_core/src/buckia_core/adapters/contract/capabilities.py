"""What an adapter declares that it can do. Nothing above an adapter asks for its name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one adapter, as configured, can do, and its limits. The defaults are the weakest provider there is.

    Attributes:
        conditional_write: `upload_file` honours `expect` in one atomic step. Where false, the adapter still
            checks just before it writes, and the window is as narrow as it can be made.
        start_after: `list_files(start_after=…)` skips on the server, so that a listing can be split.
        listing_digests: Algorithms of the digests that listings carry, best first.
        mtime: The modification time of an upload is kept and told by `stat_file`.
        metadata: User metadata is kept and told by `stat_file`.
        versions: A version that is overwritten or deleted can be had again from the provider. The adapter is a
            `Versioned`.
        server_copy: The adapter is a `ServerCopy`.
        public_url: The adapter is a `PublicUrl`.
        signed_url: The adapter is a `SignedUrl`.
        resumable_upload: The adapter is a `ResumableUpload`.
        resumable_download: The adapter is a `ResumableDownload`.
        nested_keys: `a` and `a/b` can both be objects.
        free_reads: Reading an object costs neither money nor a network.
        max_key_bytes: Longest key, in bytes of UTF-8.
        max_object_bytes: Largest object; `None` if there is no limit.
        delete_batch: How many keys one `delete_files` call is best given.
        workers: How many calls at once the provider is known to take well.
        requests_per_second: How many requests a second the provider allows; kept to where the configuration has no
            `rate_limit`. `None` if there is no limit, or none is known.
    """

    conditional_write: bool = False
    start_after: bool = False
    listing_digests: tuple[str, ...] = ()
    mtime: bool = False
    metadata: bool = False
    versions: bool = False
    server_copy: bool = False
    public_url: bool = False
    signed_url: bool = False
    resumable_upload: bool = False
    resumable_download: bool = False
    nested_keys: bool = True
    free_reads: bool = False
    max_key_bytes: int = 1024
    max_object_bytes: int | None = None
    delete_batch: int = 1
    workers: int = 16
    requests_per_second: float | None = None

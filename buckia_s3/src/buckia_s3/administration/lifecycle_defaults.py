"""Lifecycle rules that remove what is left over: parts of unfinished uploads, and old versions."""

from __future__ import annotations

from typing import Any

from buckia_s3.administration.administration import Administration

ABORT_MULTIPART = "buckia-abort-multipart"
NONCURRENT = "buckia-noncurrent"


def ensure_lifecycle(
    administration: Administration, prefix: str, abort_multipart_days: int | None, noncurrent_days: int | None
) -> bool:
    """Add the rules, by their IDs, to those of the bucket; see `Lifecycle.ensure_lifecycle`."""
    common: dict[str, Any] = {"Status": "Enabled", "Filter": {"Prefix": prefix}}
    rules = []
    if abort_multipart_days is not None:
        action = {"DaysAfterInitiation": abort_multipart_days}
        rules.append({"ID": ABORT_MULTIPART, **common, "AbortIncompleteMultipartUpload": action})
    if noncurrent_days is not None:
        action = {"NoncurrentDays": noncurrent_days}
        rules.append({"ID": NONCURRENT, **common, "NoncurrentVersionExpiration": action})
    if not rules:
        return False
    change = administration.plan("lifecycle", {"Rules": rules})
    if change.differs:
        administration.apply(change)
    return change.differs

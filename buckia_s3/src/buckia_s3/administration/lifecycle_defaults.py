"""Lifecycle rules that remove what is left over: parts of unfinished uploads, old versions, objects by a tag."""

from __future__ import annotations

from collections.abc import Sequence
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
    return _add(administration, rules)


def ensure_expiry_rules(administration: Administration, prefix: str, tag: str, days: Sequence[int]) -> bool:
    """Add a rule for each value of the tag; see `TagExpiry.ensure_expiry_rules`."""
    rules = []
    for each in days:
        filtered: dict[str, Any] = {"Tag": {"Key": tag, "Value": str(each)}}
        if prefix:
            filtered = {"And": {"Prefix": prefix, "Tags": [filtered["Tag"]]}}
        rule = {"ID": f"{tag}-{each}", "Status": "Enabled", "Filter": filtered, "Expiration": {"Days": each}}
        rules.append(rule)
    return _add(administration, rules)


def _add(administration: Administration, rules: Sequence[dict[str, Any]]) -> bool:
    if not rules:
        return False
    change = administration.plan("lifecycle", {"Rules": list(rules)})
    if change.differs:
        administration.apply(change)
    return change.differs

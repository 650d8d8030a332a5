"""Policies: what a key may do in its bucket, as statements of IAM and of bucket policies."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from buckia_core.adapters.contract.provisioner import Access, KeyScope

Statement = dict[str, Any]

PUBLIC_SID = "BuckiaPublicRead"
"""Id of the statement that lets everybody read objects."""

_VERSION = "2012-10-17"
_ON_BUCKET = ("s3:GetBucketLocation", "s3:GetBucketVersioning")
_LISTINGS = ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads")
_READS = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging")
_WRITES = (
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)


def scope_statements(bucket: str, scope: KeyScope, sid: str, principal: str | None = None) -> list[Statement]:
    """Return the statements that allow what a sync of a bucket needs.

    Args:
        bucket: Name of the bucket.
        scope: What to allow.
        sid: How the ids of the statements begin; letters and digits.
        principal: ARN of the user, in a bucket policy; `None` in a policy of the user.
    """
    arn = f"arn:aws:s3:::{bucket}"
    who = {} if principal is None else {"Principal": {"AWS": [principal]}}
    listings: Statement = {"Action": list(_LISTINGS), "Resource": arn}
    if scope.prefix:
        listings["Condition"] = {"StringLike": {"s3:prefix": [scope.prefix, f"{scope.prefix}*"]}}
    actions = [*_READS, *(_WRITES if scope.access is Access.READ_WRITE else ())]
    parts: list[Statement] = [
        {"Action": list(_ON_BUCKET), "Resource": arn},
        listings,
        {"Action": actions, "Resource": f"{arn}/{scope.prefix}*"},
    ]
    if principal is not None and scope.access is Access.READ_WRITE:
        # Ceph asks for this before it looks at the keys of a DeleteObjects, each of which it checks on its own.
        parts.append({"Action": ["s3:DeleteObject"], "Resource": arn})
    return [{"Sid": f"{sid}{number}", "Effect": "Allow", **who, **part} for number, part in enumerate(parts)]


def public_statement(bucket: str) -> Statement:
    """Return the statement that lets everybody read objects, but list none."""
    resource = f"arn:aws:s3:::{bucket}/*"
    return {"Sid": PUBLIC_SID, "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}


def policy_document(statements: Iterable[Statement]) -> str:
    """Return the policy with these statements, as JSON."""
    return json.dumps({"Version": _VERSION, "Statement": list(statements)})


def without_sid(statements: Iterable[Statement], sid: str) -> list[Statement]:
    """Return the statements whose ids do not begin so."""
    return [each for each in statements if not str(each.get("Sid", "")).startswith(sid)]

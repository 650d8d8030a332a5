"""Bucket administration: policy, ACL, lifecycle, CORS and other subresources; creation and deletion of buckets."""

from buckia_s3.administration.administration import Administration, Change, SubresourceStatus
from buckia_s3.administration.buckets import Bucket, Buckets
from buckia_s3.administration.subresources import CANNED_ACLS, SUBRESOURCES, Document, Merge, Subresource

__all__ = [
    "CANNED_ACLS",
    "SUBRESOURCES",
    "Administration",
    "Bucket",
    "Buckets",
    "Change",
    "Document",
    "Merge",
    "Subresource",
    "SubresourceStatus",
]

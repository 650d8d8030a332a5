"""The administration of a bucket: policy, access control list, lifecycle, CORS and so on, each read and changed."""

from buckia_s3.administration.administration import Administration, SubresourceStatus
from buckia_s3.administration.buckets import Bucket, Buckets
from buckia_s3.administration.canned_acl import CANNED
from buckia_s3.administration.change import Change
from buckia_s3.administration.subresources import TOPICS, Document, Merge, Subresource

__all__ = [
    "CANNED",
    "TOPICS",
    "Administration",
    "Bucket",
    "Buckets",
    "Change",
    "Document",
    "Merge",
    "Subresource",
    "SubresourceStatus",
]

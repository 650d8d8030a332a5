"""The administration of a bucket: policy, access control list, lifecycle, CORS and so on, each read and changed."""

from buckia_s3.administration.administration import Administration, Finding
from buckia_s3.administration.buckets import Bucket, Buckets
from buckia_s3.administration.changes import Change
from buckia_s3.administration.grants import CANNED
from buckia_s3.administration.topics import TOPICS, Document, Merge, Topic

__all__ = ["CANNED", "TOPICS", "Administration", "Bucket", "Buckets", "Change", "Document", "Finding", "Merge", "Topic"]

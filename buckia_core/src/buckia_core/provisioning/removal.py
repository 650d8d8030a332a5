"""Steps that remove: contents, public access, bucket, keys, secrets; and what a rotation replaced."""

from __future__ import annotations

from buckia_core.adapters.contract.provisioner import IssuesKeys, PublishesBuckets, ResetsPassword
from buckia_core.errors import PreconditionFailed
from buckia_core.provisioning.journal import label_prefix
from buckia_core.provisioning.work import Work


def reset_password(work: Work) -> None:
    """Replace the password of the bucket."""
    assert isinstance(work.vendor, ResetsPassword)
    work.vendor.reset_password(work.bucket, work.scope)


def revoke_old_key(work: Work) -> None:
    """Revoke the key that a rotation replaced, if Buckia created it."""
    previous = work.progress.previous
    if isinstance(work.vendor, IssuesKeys) and previous is not None and previous.key is not None:
        work.vendor.delete_key(work.bucket, previous.key)


def forget_old_secrets(work: Work) -> None:
    """Delete the secrets that a rotation replaced."""
    kept, previous = set(work.progress.references), work.progress.previous
    if previous is not None:
        work.delete_secrets([each for each in previous.references if each not in kept])
    work.progress.previous = None


def empty_bucket(work: Work) -> None:
    """Delete the contents of the bucket, or refuse if there are any.

    Raises:
        PreconditionFailed: The bucket is not empty, and the request does not say to delete its contents.
    """
    vendor, bucket = work.vendor, work.progress.bucket
    if vendor is None or bucket is None or vendor.find_bucket(bucket.name) is None:
        return
    if vendor.is_empty(bucket):
        return
    if not work.progress.request.delete_content:
        raise PreconditionFailed(
            f"the bucket {bucket.name!r} is not empty, so nothing was deleted. To delete its objects, with all their "
            "versions: --delete-content. To keep the bucket, and remove only its credentials: --keep-bucket",
            provider=work.provider,
        )
    vendor.empty_bucket(bucket)


def unpublish(work: Work) -> None:
    """End public access to the bucket, if there is any."""
    if isinstance(work.vendor, PublishesBuckets) and work.progress.bucket is not None:
        work.vendor.unpublish(work.bucket)


def delete_bucket(work: Work) -> None:
    """Delete the bucket; a missing one is no error."""
    if work.vendor is not None and work.progress.bucket is not None:
        work.vendor.delete_bucket(work.bucket)


def delete_keys(work: Work) -> None:
    """Revoke the keys of the bucket: all that Buckia created for it if it goes, else only that of this entry."""
    vendor, progress = work.vendor, work.progress
    if not isinstance(vendor, IssuesKeys) or progress.bucket is None:
        return
    known = {each.key.id for each in (progress, progress.previous) if each is not None and each.key is not None}
    for key in vendor.list_keys(work.bucket, label_prefix(progress.request.bucket_name)):
        if progress.request.delete_bucket or key.id in known or key.label == progress.label:
            vendor.delete_key(work.bucket, key)


def delete_secrets(work: Work) -> None:
    """Delete the secrets of the entry from their stores."""
    previous = work.progress.previous
    work.delete_secrets([*work.progress.references, *(previous.references if previous else ())])

"""Steps that remove: contents, public access, bucket, keys, secrets; and what a rotation replaced."""

from __future__ import annotations

from buckia_core.adapters.contract.provisioner import IssuesKeys, PublishesBuckets, ResetsPassword
from buckia_core.adapters.factory import open_bucket
from buckia_core.errors import ConfigError, NotFound, PermissionDenied, PreconditionFailed, Unauthenticated
from buckia_core.provisioning.journal import label_prefix
from buckia_core.provisioning.uses import users_of
from buckia_core.provisioning.work import Work, find_entry
from buckia_core.sharing.record_store import FOLDER


def reset_password(work: Work) -> None:
    """Replace the password of the bucket."""
    assert isinstance(work.vendor, ResetsPassword)
    work.vendor.reset_password(work.bucket, work.scope)


def revoke_old_key(work: Work) -> None:
    """Revoke the key that a rotation replaced, if Buckia created it, and no other entry has it."""
    previous = work.progress.previous
    if isinstance(work.vendor, IssuesKeys) and previous is not None and previous.key is not None:
        if _used_elsewhere(work, previous.references):
            return
        work.vendor.delete_key(work.bucket, previous.key)


def forget_old_secrets(work: Work) -> None:
    """Delete the secrets that a rotation replaced, except those that an entry still has."""
    kept, previous = set(work.progress.references), work.progress.previous
    if previous is not None:
        used = users_of(work.config_path, previous.references, besides=None)
        work.delete_secrets([each for each in previous.references if each not in kept and each not in used])
    work.progress.previous = None


def empty_bucket(work: Work) -> None:
    """Delete the contents of the bucket, or refuse if there are any.

    Raises:
        PreconditionFailed: The bucket is not empty, and the request does not say to delete its contents; or its
            objects are shared.
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
    _check_shares(work)
    vendor.empty_bucket(bucket)


def _check_shares(work: Work) -> None:
    """Check that the bucket has no records of shares: without them, nothing could find and remove the copies.

    Raises:
        PreconditionFailed: It has some, or the bucket has the setting `share` and can't be read.
    """
    name = work.progress.request.name
    config = find_entry(work.config_path, name)
    if config is None:
        return
    try:
        with open_bucket(config, work.plugins) as adapter:
            shares = sum(1 for _ in adapter.list_files(FOLDER))
    except NotFound:
        return
    except (ConfigError, PermissionDenied, Unauthenticated) as error:
        if config.share is None:
            return
        raise PreconditionFailed(
            f"nothing was deleted, as objects of {name!r} may be shared, and the bucket can't be read: {error}. "
            "If they are not, remove its setting `share` from .buckia",
            provider=work.provider,
        ) from error
    if shares:
        one = shares == 1
        raise PreconditionFailed(
            f"nothing was deleted, as objects of {name!r} have {shares} {'share' if one else 'shares'}, whose "
            f"{'copy' if one else 'copies'} would stay in the share bucket for good. To see them: "
            f"buckia --bucket {name} share list. To remove each: buckia --bucket {name} share remove ID. "
            f"If the share bucket is gone, delete only their records: buckia --bucket {name} rm -r {FOLDER}",
            provider=work.provider,
        )


def unpublish(work: Work) -> None:
    """End public access to the bucket, if there is any."""
    if isinstance(work.vendor, PublishesBuckets) and work.progress.bucket is not None:
        work.vendor.unpublish(work.bucket)


def delete_bucket(work: Work) -> None:
    """Delete the bucket; a missing one is no error."""
    if work.vendor is not None and work.progress.bucket is not None:
        work.vendor.delete_bucket(work.bucket)


def delete_keys(work: Work) -> None:
    """Revoke the keys of the bucket: all that Buckia created for it if it goes, else only that of this entry.

    A key that another entry has, too, goes with the bucket only.
    """
    vendor, progress = work.vendor, work.progress
    if not isinstance(vendor, IssuesKeys) or progress.bucket is None:
        return
    if not progress.request.delete_bucket and _used_elsewhere(work, progress.all_references):
        return
    known = {each.key.id for each in (progress, progress.previous) if each is not None and each.key is not None}
    for key in vendor.list_keys(work.bucket, label_prefix(progress.request.bucket_name)):
        if progress.request.delete_bucket or key.id in known or key.label == progress.label:
            vendor.delete_key(work.bucket, key)


def delete_secrets(work: Work) -> None:
    """Delete the secrets of the entry from their stores, except those that another entry has."""
    references = work.progress.all_references
    used = _used_elsewhere(work, references)
    work.delete_secrets([each for each in references if each not in used])


def _used_elsewhere(work: Work, references: list[str]) -> dict[str, str]:
    return users_of(work.config_path, references, besides=work.progress.request.name)

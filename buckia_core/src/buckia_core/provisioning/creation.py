"""Steps that create: bucket, public access, credentials, first use, entry. Each with the step that undoes it."""

from __future__ import annotations

from buckia_core.adapters.contract.protocols import Versioned
from buckia_core.adapters.contract.provisioner import (
    Access,
    BucketOptions,
    IssuedKey,
    IssuesKeys,
    PublishesBuckets,
    ResetsPassword,
)
from buckia_core.adapters.factory import open_bucket
from buckia_core.config.editor import ConfigEditor, edit_config
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    BucketNotFound,
    ConfigError,
    NotFound,
    PermissionDenied,
    Transient,
    Unauthenticated,
)
from buckia_core.provisioning.journal import Progress
from buckia_core.provisioning.work import Work

_PAUSE = 2.0
_PROBE = ".buckia-probe-"
_CONTENT = b"Buckia wrote this to check new credentials. It can be deleted.\n"


def create_bucket(work: Work) -> None:
    """Find the bucket, or create it. One that exists is used only if the request says so.

    Raises:
        AlreadyExists: The bucket exists, and neither this provision nor its interrupted run created it.
        BucketNotFound: The request names an existing bucket, and there is none.
    """
    progress, request, vendor = work.progress, work.progress.request, work.vendor
    assert vendor is not None
    found = vendor.find_bucket(request.bucket_name)
    if found is None and request.existing:
        message = f"there is no bucket {request.bucket_name!r}; leave out --existing to create it"
        raise BucketNotFound(message, provider=work.provider)
    if found is not None and not request.existing and not progress.begun_bucket:
        message = f"the bucket {request.bucket_name!r} exists already; to use it as it is: --existing"
        raise AlreadyExists(message, provider=work.provider)
    if found is None:
        progress.begun_bucket = True
        work.save()
        try:
            found = vendor.create_bucket(request.bucket_name, BucketOptions(request.region, request.settings))
        except AlreadyExists:
            progress.begun_bucket = False
            work.save()
            raise
    progress.bucket, progress.created = found, progress.begun_bucket


def undo_bucket(work: Work) -> None:
    """Delete the bucket if this provision created it; also if the response to its creation was lost."""
    progress = work.progress
    if work.vendor is None or not progress.begun_bucket:
        return
    bucket = progress.bucket or work.vendor.find_bucket(progress.request.bucket_name)
    if bucket is not None:
        work.vendor.delete_bucket(bucket)
    progress.bucket, progress.created, progress.begun_bucket = None, False, False


def publish(work: Work) -> None:
    """Let everybody read the objects of the bucket, and note before what made it public already."""
    assert isinstance(work.vendor, PublishesBuckets)
    if work.progress.public_before is None:
        work.progress.public_before = list(work.vendor.public_access(work.bucket))
        work.save()
    work.progress.public_url = work.vendor.publish(work.bucket, work.progress.request.domain)


def undo_publish(work: Work) -> None:
    """End the public access that `publish` gave; what was public before stays so."""
    before = work.progress.public_before
    if isinstance(work.vendor, PublishesBuckets) and work.progress.bucket is not None and before is not None:
        work.vendor.unpublish(work.bucket, keep=before)
    work.progress.public_url = work.progress.public_before = None


def issue_credentials(work: Work) -> None:
    """Create a key and store it. A key whose secret is lost, or was not stored, is revoked and replaced once.

    Raises:
        ConfigError: The store takes no secret.
        AdapterError: The vendor creates no key.
    """
    vendor = work.vendor
    if vendor is None:
        work.store_secrets(work.given, {})
    elif isinstance(vendor, IssuesKeys):
        try:
            _replace_key(work, vendor)
        except (ConfigError, Transient):
            # A store may have been locked, and a response lost.
            _replace_key(work, vendor)
    elif isinstance(vendor, ResetsPassword):
        _store(work, vendor.password(work.bucket, work.scope))


def undo_credentials(work: Work) -> None:
    """Revoke the key and delete its secrets."""
    if isinstance(work.vendor, IssuesKeys) and work.progress.bucket is not None:
        _revoke_label(work, work.vendor)
    work.delete_secrets(work.progress.references)
    work.progress.references, work.progress.credentials, work.progress.key = [], {}, None


def verify(work: Work) -> None:
    """Use the credentials as the entry will: list; and with a key that writes, write an object and delete it.

    Waits as long as the vendor may refuse new credentials.

    Raises:
        AdapterError: They do not work.
    """
    assert work.vendor is not None
    left = work.vendor.propagation_seconds
    while True:
        try:
            _use(work)
        except (BucketNotFound, PermissionDenied, Unauthenticated):
            if left <= 0:
                raise
        else:
            return
        work.sleep(_PAUSE)
        left -= _PAUSE


def add_entry(work: Work) -> None:
    """Add the entry to `.buckia`, or change the credentials of the one that is there.

    Raises:
        AlreadyExists: Somebody else added an entry of the name since the provision began.
    """
    progress, name = work.progress, work.progress.request.name
    settings = work.plugins.spec(work.provider).settings_class()
    with edit_config(work.config_path, stores=work.stores.plugins) as editor:
        is_there = name in editor.buckets
        if is_there and progress.previous is not None:
            _note_credentials(work, editor, progress.previous)
        elif is_there and not progress.begun_entry:
            raise AlreadyExists(f"{work.config_path}: there is a bucket {name!r} already", provider=work.provider)
        progress.begun_entry = True
        work.save()
        if not is_there:
            editor.add_bucket(name, work.entry(), settings=settings)
        for setting, value in progress.credentials.items():
            editor.set(name, setting, value, settings=settings)


def undo_entry(work: Work) -> None:
    """Remove the entry; after a failed rotation, restore those of its credentials that the rotation changed."""
    progress, name = work.progress, work.progress.request.name
    if work.config_path.exists():
        with edit_config(work.config_path, stores=work.stores.plugins) as editor:
            if name not in editor.buckets:
                pass
            elif progress.previous is None:
                editor.remove_bucket(name)
            else:
                _restore_credentials(work, editor, progress.previous)
    progress.begun_entry = False


def remove_entry(work: Work) -> None:
    """Remove the entry from `.buckia`, and the `share` of entries that share by it; a missing one is no error."""
    name = work.progress.request.name
    if not work.config_path.exists():
        return
    with edit_config(work.config_path, stores=work.stores.plugins) as editor:
        for each, settings in list(editor.buckets.items()):
            share = settings.get("share")
            if isinstance(share, dict) and share.get("bucket") == name:
                editor.unset(each, "share")
        if name in editor.buckets:
            editor.remove_bucket(name)


def _note_credentials(work: Work, editor: ConfigEditor, previous: Progress) -> None:
    """Note what the entry has before a rotation changes it, which the user may have changed since the last one."""
    name = work.progress.request.name
    for setting, new in work.progress.credentials.items():
        present = editor.value(name, setting)
        if present == new:
            continue
        previous.credentials.pop(setting, None)
        if isinstance(present, str):
            previous.credentials[setting] = present


def _restore_credentials(work: Work, editor: ConfigEditor, previous: Progress) -> None:
    name = work.progress.request.name
    for setting, new in work.progress.credentials.items():
        if editor.value(name, setting) != new:
            continue
        if setting in previous.credentials:
            editor.set(name, setting, previous.credentials[setting])
        else:
            editor.unset(name, setting)


def _replace_key(work: Work, vendor: IssuesKeys) -> None:
    # Nobody has the secrets of the keys that a killed run, or the first attempt, created.
    undo_credentials(work)
    issued = vendor.create_key(work.bucket, work.progress.label, work.scope)
    work.progress.key = issued.key
    _store(work, issued)


def _store(work: Work, issued: IssuedKey) -> None:
    work.progress.key = issued.key
    work.store_secrets(issued.secret, issued.public)


def _revoke_label(work: Work, vendor: IssuesKeys) -> None:
    for key in vendor.list_keys(work.bucket, work.progress.label):
        vendor.delete_key(work.bucket, key)


def _use(work: Work) -> None:
    key = f"{_PROBE}{work.progress.suffix}"
    with open_bucket(work.config(), work.plugins) as adapter:
        next(iter(adapter.list_files(_PROBE)), None)
        if work.progress.request.access is Access.READ_ONLY:
            return
        adapter.upload_file(_CONTENT, key)
        for outcome in adapter.delete_files([key]):
            if outcome.error is not None:
                raise outcome.error
        if isinstance(adapter, Versioned):
            _delete_versions(adapter, key)


def _delete_versions(adapter: Versioned, key: str) -> None:
    """Delete what a bucket with versions keeps of the probe, so that it is empty again, if the key may."""
    try:
        for each in adapter.list_versions(key):
            adapter.delete_version(each.key, each.version)
    except (NotFound, PermissionDenied):
        pass
    except AdapterError as error:
        if error.status not in (400, 405, 501):
            raise

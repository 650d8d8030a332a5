"""Step that makes a bucket the share bucket of another entry of `.buckia`."""

from __future__ import annotations

from pathlib import Path

from buckia_core.config.editor import ConfigEditor, edit_config
from buckia_core.config.trust.bounded_read import read_text
from buckia_core.errors import AlreadyExists, BucketNotConfigured
from buckia_core.provisioning.work import Work, find_entry


def check_share(path: Path, name: str) -> None:
    """Check that an entry can get a share bucket.

    Raises:
        BucketNotConfigured: There is no such entry.
        AlreadyExists: It has a share bucket.
    """
    entry = find_entry(path, name)
    if entry is None:
        raise BucketNotConfigured(f"there is no bucket {name!r} that could share", source=str(path))
    buckets = ConfigEditor(read_text(path), path).buckets
    if "share" in buckets[name]:
        raise AlreadyExists(f"{path}: {name!r} has a share bucket already; remove its setting `share` first")


def add_share(work: Work) -> None:
    """Set `share` of the entry that shares from."""
    request = work.progress.request
    assert request.share_for is not None
    with edit_config(work.config_path, stores=work.stores.plugins) as editor:
        access = "public" if request.public else "protected"
        editor.set(request.share_for, "share", {"bucket": request.name, "access": access})


def undo_share(work: Work) -> None:
    """Remove the `share` that `add_share` set, if it is there."""
    request = work.progress.request
    if not work.config_path.exists():
        return
    with edit_config(work.config_path, stores=work.stores.plugins) as editor:
        share = editor.buckets.get(str(request.share_for), {}).get("share")
        if isinstance(share, dict) and share.get("bucket") == request.name:
            editor.unset(str(request.share_for), "share")

"""Status: what there is of a provision, at the vendor, in the secret store and in `.buckia`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.contract.provisioner import BucketProvisioner, IssuesKeys
from buckia_core.config.secrets.references import SecretStores, is_reference
from buckia_core.errors import BuckiaError
from buckia_core.provisioning.journal import Journal, label_prefix
from buckia_core.provisioning.request import Request
from buckia_core.provisioning.work import find_entry


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a provision consists of.

    Attributes:
        part: `journal`, `entry`, `secret`, `bucket` or `key`.
        name: Which one: the name of the bucket, a reference, a label.
        is_there: Whether it exists; `None` if that is unknown.
        problem: Why it is unknown, or what is wrong with it.
    """

    part: str
    name: str
    is_there: bool | None
    problem: str = ""


def find_status(path: Path, request: Request, vendor: BucketProvisioner | None, stores: SecretStores) -> list[Finding]:
    """Return what there is of the provision of an entry. Changes nothing.

    Args:
        path: The `.buckia` file.
        request: A completed request about the entry.
        vendor: The vendor; `None` if it is unknown.
        stores: Secret stores.

    Raises:
        ConfigError: `.buckia` is invalid.
        StateError: The journal can't be read.
    """
    progress = Journal(path.parent, request.name).read()
    found = []
    if progress is not None and not progress.finished:
        command = f"provision {progress.request.action}"
        problem = f"`{command}` was interrupted: run it again, or: buckia provision destroy {request.name}"
        found.append(Finding("journal", command, True, problem))
    entry = find_entry(path, request.name)
    found.append(Finding("entry", request.name, entry is not None))
    values = {} if entry is None else entry.settings
    references = {str(each) for each in values.values() if isinstance(each, str) and is_reference(each, stores.plugins)}
    if progress is not None:
        references.update(progress.references)
    found += [_find_secret(each, stores) for each in sorted(references)]
    if vendor is None or not request.bucket_name:
        return [*found, Finding("bucket", request.bucket_name, None, "name the vendor with --vendor")]
    return [*found, *_at_vendor(request, vendor, progress.label if progress else "")]


def _at_vendor(request: Request, vendor: BucketProvisioner, own: str) -> list[Finding]:
    name = request.bucket_name
    try:
        bucket = vendor.find_bucket(name)
    except BuckiaError as error:
        return [Finding("bucket", name, None, str(error))]
    found = [Finding("bucket", name, bucket is not None)]
    if bucket is None or not isinstance(vendor, IssuesKeys):
        return found
    try:
        keys = vendor.list_keys(bucket, label_prefix(name))
    except BuckiaError as error:
        return [*found, Finding("key", own, None, str(error))]
    if own and own not in [key.label for key in keys]:
        found.append(Finding("key", own, False))
    others = [Finding("key", key.label, True, "" if key.label == own else "of another project") for key in keys]
    return [*found, *sorted(others, key=lambda each: each.name)]


def _find_secret(reference: str, stores: SecretStores) -> Finding:
    try:
        return Finding("secret", reference, stores.exists(reference))
    except BuckiaError as error:
        return Finding("secret", reference, None, str(error))

"""Uses: what a removal reaches, compared with `.buckia`: the bucket of the entry, and secrets of other entries."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from buckia_core.adapters.contract.provisioner import BucketProvisioner, BucketRecord
from buckia_core.config import BucketConfig, load
from buckia_core.config.editor import ConfigEditor
from buckia_core.config.trust.bounded_read import read_text
from buckia_core.errors import ConfigError
from buckia_core.provisioning.plan import Plan, StepKind
from buckia_core.provisioning.request import Request

# How a bucket is reached, and not which one it is.
_NOT_COMPARED = frozenset({"ca_bundle"})


def check_bucket(
    request: Request, vendor: BucketProvisioner, recorded: BucketRecord | None, entry: BucketConfig | None
) -> None:
    """Check that the account's bucket of the name is the one of the journal and of the entry.

    Raises:
        ConfigError: It is another one, as with another account, parent directory or region.
        AdapterError: The vendor fails.
    """
    found = vendor.find_bucket(request.bucket_name)
    if found is None:
        return
    cure = "Name its account with --account, or keep the bucket with --keep-bucket"
    if recorded is not None and recorded.id != found.id:
        raise ConfigError(
            f"{request.name!r} was provisioned with the bucket {recorded.id!r}, and the account has {found.id!r} of "
            f"that name, so nothing was done. {cure}"
        )
    if entry is None:
        return
    given = {"bucket_name": entry.bucket_name, **entry.settings}
    for name, value in found.settings.items():
        own = given.get(name)
        # What `--set` gave replaces what the vendor tells.
        if own is None or name in _NOT_COMPARED or str(own) == request.settings.get(name):
            continue
        if _normal(str(own), entry.base_dir) != _normal(value, entry.base_dir):
            raise ConfigError(
                f"{request.name!r} has {name} {str(own)!r} in .buckia, and the account's bucket {found.name!r} has "
                f"{value!r}: it is another one, so nothing was done. {cure}"
            )


def users_of(path: Path, references: Iterable[str], *, besides: str | None) -> dict[str, str]:
    """Return the references that entries of `.buckia` have, each with the name of the first entry that has it.

    Args:
        path: The `.buckia` file.
        references: References to secrets.
        besides: Name of an entry that does not count.

    Raises:
        ConfigError: `.buckia` is invalid.
    """
    wanted = {_normal_reference(each, path.parent): each for each in references}
    if not wanted or not path.exists() or not ConfigEditor(read_text(path), path).buckets:
        return {}
    found: dict[str, str] = {}
    for name, entry in load(path).buckets.items():
        for text in () if name == besides else _texts(entry.settings):
            reference = wanted.get(_normal_reference(text, path.parent))
            if reference is not None:
                found.setdefault(reference, name)
    return found


def describe_removal(plan: Plan, path: Path, references: Sequence[str], place: str) -> Plan:
    """Return the plan of a removal with the places of what it deletes, and notes on what stays.

    Args:
        plan: The plan.
        path: The `.buckia` file.
        references: References of the secrets that would be deleted, were they not used elsewhere.
        place: The bucket's place, such as a directory; empty if its name says it all.

    Raises:
        ConfigError: `.buckia` is invalid.
    """
    request, used = plan.request, users_of(path, references, besides=plan.request.name)
    gone = ", ".join(each for each in references if each not in used)
    steps = []
    for step in plan.steps:
        more = {
            StepKind.EMPTY: f" ({place})" * bool(place),
            StepKind.DELETE_BUCKET: f" ({place})" * bool(place),
            StepKind.DELETE_SECRETS: f": {gone}" * bool(gone),
        }.get(step.kind, "")
        steps.append(replace(step, summary=step.summary + more))
    notes = [f"The secret {each} stays: {name!r} uses it, too." for each, name in used.items()]
    if request.vendor and not request.delete_bucket:
        which = "One that was not provisioned from here goes with --delete-bucket."
        notes.append(f"The bucket {request.bucket_name!r} stays. {which}")
    return replace(plan, steps=steps, notes=[*plan.notes, *notes])


def _normal(text: str, base: Path) -> str:
    """Return a path, or another setting, so that two ways to write the same one are equal."""
    return os.path.normcase(os.path.normpath(base / os.path.expanduser(text)))


def _normal_reference(text: str, base: Path) -> tuple[str, str]:
    scheme, _, rest = text.partition(":")
    return scheme, _normal(rest, base) if scheme in ("file", "dotenv", "age") else rest


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)

"""Check of a bucket that is a directory: a sync of the project must not copy it into itself."""

from __future__ import annotations

from pathlib import Path

from buckia_core.adapters.contract.provisioner import BucketProvisioner, MakesDirectories
from buckia_core.config import BucketConfig
from buckia_core.errors import InvalidSetting
from buckia_core.provisioning.request import Action, Request
from buckia_core.syncing.planner.nested_bucket import refuse_nested_bucket
from buckia_core.syncing.scan.mappings import RunOverrides, build_mappings


def check_directory(config_path: Path, request: Request, provider: str, vendor: BucketProvisioner) -> None:
    """Check that the directory of a new bucket can be made, and that the project can sync with it. Writes nothing.

    Raises:
        InvalidSetting: Its parent is no directory; or it is in or above what is synced.
    """
    if request.action not in (Action.BUCKET, Action.SHARE_BUCKET) or not isinstance(vendor, MakesDirectories):
        return
    directory = str(vendor.directory(request.bucket_name))
    entry = {"provider": provider, "root": directory, **request.settings}
    config = BucketConfig.from_mapping(entry, name=request.name, base_dir=config_path.parent)
    try:
        refuse_nested_bucket(build_mappings(config, RunOverrides()), directory)
    except InvalidSetting as error:
        raise InvalidSetting(f"nothing was created: {error}. Name it with --account parent=DIR") from error

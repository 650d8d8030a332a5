"""Purging a pull zone after a sync."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from buckia_bunny.cdn.purge import plan_purge, purger_of
from buckia_bunny.factory import account_of_bucket
from buckia_bunny.settings import BunnySettings, Purge
from buckia_bunny.storage.key_encoding import KeyCodec
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_core.config import BucketConfig
from buckia_core.errors import AdapterError

log = logging.getLogger(__name__)


def purge_changed(bucket: str, changed: Sequence[str], config: BucketConfig) -> None:
    """Purge objects that changed; what goes wrong is logged, since the sync itself is done.

    Raises:
        ConfigError: The settings can't be used.
    """
    with account_of_bucket(config) as (settings, account):
        if settings.purge is Purge.OFF or settings.pull_zone is None or account is None:
            return
        plan = plan_purge(
            None if settings.purge is Purge.ZONE else zone_paths(settings, changed), most=settings.purge_urls
        )
        try:
            purger_of(account, settings.pull_zone, settings.hostname).carry_out(plan)
        except AdapterError as error:
            log.warning(
                "%s: visitors may be served old versions for a while, since the pull zone %s could not be purged: %s. "
                "`buckia bunny purge --all` purges it.",
                bucket,
                settings.pull_zone,
                error,
            )


def zone_paths(settings: BunnySettings, keys: Sequence[str]) -> list[str]:
    """Return the paths of keys in the storage zone, which are those in the pull zone too."""
    names, prefix = KeyCodec(escape=settings.escape_names), normalize_prefix(settings.prefix)
    return [names.path(key, prefix) for key in keys]

"""After a sync: purges the changed objects from the pull zone."""

from __future__ import annotations

from collections.abc import Sequence

from buckia_bunny.cdn.purge import open_purger, plan_purge
from buckia_bunny.factory import open_bucket_account
from buckia_bunny.settings import BunnySettings, Purge
from buckia_bunny.storage.key_encoding import KeyCodec
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_core.config import BucketConfig
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import AdapterError

log = redacted_logger(__name__)


def purge_changed(bucket: str, changed: Sequence[str], config: BucketConfig) -> None:
    """Purge changed objects. Failures are logged only, since the sync itself has succeeded.

    Raises:
        ConfigError: The settings are invalid.
    """
    with open_bucket_account(config) as (settings, account):
        if settings.purge is Purge.OFF or settings.pull_zone is None or account is None:
            return
        plan = plan_purge(
            None if settings.purge is Purge.ZONE else zone_paths(settings, changed), max_urls=settings.purge_urls
        )
        try:
            open_purger(account, settings.pull_zone, settings.hostname).run(plan)
        except AdapterError as error:
            log.warning(
                "%s: visitors may be served old versions for a while, since the pull zone %s could not be purged: %s. "
                "`buckia bunny purge --all` purges it.",
                bucket,
                settings.pull_zone,
                error,
            )


def zone_paths(settings: BunnySettings, keys: Sequence[str]) -> list[str]:
    """Return the paths of keys, which are the same in the storage zone and the pull zone."""
    codec, prefix = KeyCodec(escape=settings.escape_names), normalize_prefix(settings.prefix)
    return [codec.path(key, prefix) for key in keys]

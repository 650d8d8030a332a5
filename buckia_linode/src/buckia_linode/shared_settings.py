"""Settings that Linode shares with S3, declared there."""

from __future__ import annotations

from typing import Any

from buckia_core.config.settings import default_value, setting, setting_fields
from buckia_s3.config.settings import S3Settings


def inherit_s3_setting(name: str, *, env: tuple[str, ...] = (), aliases: tuple[str, ...] | None = None) -> Any:
    """Declare a setting as `S3Settings` does, but for its environment variables: those of AWS are for another service.

    Stands where `setting` would. `aliases` replace those that it has there.
    """
    field, its = setting_fields(S3Settings)[name]
    return setting(
        help=its.help,
        default=field.default_factory if callable(field.default_factory) else default_value(field),
        env=env,
        required=its.required,
        aliases=its.aliases if aliases is None else aliases,
        minimum=its.minimum,
        parse=its.parse,
        schema=its.schema,
        public=its.public,
        runs_code=its.runs_code,
    )

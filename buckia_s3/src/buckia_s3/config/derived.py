"""Derived settings: values that other settings imply, and checks of those about credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping

from buckia_core.config.convert import InvalidValue, invalid_value
from buckia_core.config.secrets.references import Secret
from buckia_core.config.setting_messages import suggest
from buckia_s3.config.bucket_url import parse_bucket_url

CREDENTIAL_PROVIDERS = ("static", "environment", "profile", "boto3", "sts", "anonymous")
"""Values of `credential_provider`, besides `module:function`."""

_CREDENTIALS = ("access_key_id", "aws_access_key_id", "profile", "profile_name", "aws_profile", "credential_provider")

_DIRECTORY_BUCKET = re.compile(r".+--(?P<zone>[a-z0-9-]+)--x-s3")

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def settings_from_url(url: str) -> dict[str, object]:
    """Return the settings that a bucket URL implies, by name.

    An empty `endpoint_url` means AWS and overrides the environment.

    Raises:
        ValueError: See `parse_bucket_url`.
    """
    found = parse_bucket_url(url)
    implied: dict[str, object] = {"bucket_name": found.bucket_name}
    if found.prefix:
        implied["prefix"] = found.prefix
    if found.region is not None:
        implied["region"] = found.region
    if found.addressing_style is not None:
        implied["addressing_style"] = found.addressing_style
    if not url.lower().startswith("s3"):
        implied["endpoint_url"] = found.endpoint_url or ""
    names = {
        "use_accelerate_endpoint": found.accelerated,
        "use_dualstack_endpoint": found.dualstack,
        "use_fips_endpoint": found.fips,
    }
    return implied | {name: True for name, wanted in names.items() if wanted}


def implied_before_env(values: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that configured settings imply. They take precedence over the environment.

    Raises:
        ValueError: The bucket URL is invalid.
    """
    url = values.get("url")
    implied = settings_from_url(url) if isinstance(url, str) else {}
    if any(values.get(name) is not None for name in _CREDENTIALS):
        implied["skip_signature"] = False
    return implied


def implied_after_env(values: Mapping[str, object]) -> dict[str, object]:
    """Return new values for settings that have their default, but are implied by others. `values` has all settings.

    Raises:
        ValueError: The bucket URL is invalid.
    """
    changed: dict[str, object] = {}
    if values["url"] is not None:
        implied = settings_from_url(str(values["url"]))
        changed |= {name: value for name, value in implied.items() if values[name] in (None, "", False, "auto")}
    now = {**values, **changed}
    if now["addressing_style"] == "auto" and values["virtual_hosted_style_request"] is not None:
        changed["addressing_style"] = "virtual" if values["virtual_hosted_style_request"] else "path"
    if values["conditional_writes"] == "auto" and values["conditional_put"] is not None:
        changed["conditional_writes"] = "on" if values["conditional_put"] == "etag" else "off"
    if values["credential_provider"] == "anonymous":
        changed["skip_signature"] = True
    if values["s3_express"] is None:
        changed["s3_express"] = not now["endpoint_url"] and express_zone(str(now["bucket_name"])) is not None
    return changed


def check_directory_bucket(bucket_name: str, endpoints: Mapping[str, bool]) -> None:
    """Check the name of a directory bucket, and that none of the other AWS endpoints is enabled.

    Raises:
        ValueError: The name or the endpoint is not for directory buckets.
    """
    if express_zone(bucket_name) is None:
        raise ValueError("s3_express needs the name of a directory bucket, such as my-bucket--use1-az4--x-s3")
    for name, wanted in endpoints.items():
        if wanted:
            raise ValueError(f"{name} is not for directory buckets: leave it out")


def express_zone(bucket_name: str) -> str | None:
    """Return the zone in the name of a directory bucket; `None` for other buckets."""
    found = _DIRECTORY_BUCKET.fullmatch(bucket_name)
    return None if found is None else found["zone"]


def parse_conditional_put(value: object) -> object:
    """Parse the setting `conditional_put`: `etag` or `disabled`.

    Raises:
        InvalidValue: It is something else.
    """
    if value in ("etag", "disabled"):
        return value
    if isinstance(value, str) and value.startswith("dynamo:"):
        raise InvalidValue(
            "can't be a DynamoDB table any more: obstore has dropped that, since S3 takes conditions itself. "
            "Say 'etag', or leave it out"
        )
    raise invalid_value(value, "etag or disabled")


def parse_credential_provider(value: object) -> object:
    """Parse the setting `credential_provider`: one of `CREDENTIAL_PROVIDERS`, `module:function`, or a callable.

    Raises:
        InvalidValue: It is something else.
    """
    if callable(value) or value in CREDENTIAL_PROVIDERS or (isinstance(value, str) and _FUNCTION.fullmatch(value)):
        return value
    hint = suggest(str(value), CREDENTIAL_PROVIDERS) if isinstance(value, str) else ""
    raise invalid_value(value, f"one of {', '.join(CREDENTIAL_PROVIDERS)}, or module:function.{hint}".rstrip("."))


def names_function(text: str) -> bool:
    """Tell whether a `credential_provider` names a function."""
    return text not in CREDENTIAL_PROVIDERS


def check_provider(provider: object, access_key_id: Secret | None, profile: str | None, role_arn: str | None) -> None:
    """Check that a credential provider has the settings it needs, and no others.

    Raises:
        ValueError: A setting is missing, or would be unused.
    """
    match provider:
        case "static" if access_key_id is None:
            raise ValueError("credential_provider: static needs access_key_id and secret_access_key")
        case "profile" if profile is None:
            raise ValueError("credential_provider: profile needs the setting profile")
        case "sts" if role_arn is None:
            raise ValueError("credential_provider: sts needs role_arn, the role to assume")
    if access_key_id is not None and provider not in (None, "static", "sts"):
        raise ValueError(
            f"credential_provider: {_provider_name(provider)} does not use access_key_id: leave out one of both"
        )
    if profile is not None and provider not in (None, "profile", "boto3", "sts"):
        raise ValueError(f"credential_provider: {_provider_name(provider)} does not use profile: leave out one of both")


def _provider_name(provider: object) -> str:
    return provider if isinstance(provider, str) else getattr(provider, "__qualname__", type(provider).__name__)

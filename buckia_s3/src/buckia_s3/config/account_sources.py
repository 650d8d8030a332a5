"""Accounts of other tools that provider `s3` takes over: S3 remotes of rclone, and profiles of AWS."""

from __future__ import annotations

import os
from collections.abc import Iterator

from buckia_core.adapters.plugins.account_sources import FoundAccount
from buckia_core.config.rclone_file import RcloneRemote, read_rclone_remotes
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import ConfigError

_SAME = ("access_key_id", "acl", "profile", "region", "role_arn", "server_side_encryption", "storage_class")
"""Options of rclone with the same name and the same values here."""

_SECRET = ("secret_access_key", "session_token", "sse_customer_key_base64")

_RENAMED = {
    "requester_pays": "request_payer",
    "sse_kms_key_id": "sse_kms_key_id",
    "sts_endpoint": "sts_endpoint",
    "use_accelerate_endpoint": "use_accelerate_endpoint",
    "use_dual_stack": "use_dualstack_endpoint",
}

_UNNEEDED = frozenset({
    "provider", "env_auth", "endpoint", "force_path_style", "location_constraint", "description",
    "no_check_bucket", "chunk_size", "upload_cutoff", "copy_cutoff", "upload_concurrency", "list_chunk", "list_version",
    "disable_checksum", "memory_pool_flush_time", "memory_pool_use_mmap", "encoding", "no_head", "no_head_object",
})  # fmt: skip
"""Options that the settings below stand for, or that only tune rclone."""

_VIRTUAL_ONLY = ("Alibaba", "HuaweiOBS", "TencentCOS")
"""Services that want the name of the bucket in the host name."""


def find_rclone_remotes() -> Iterator[FoundAccount]:
    """Yield the remotes of rclone with the backend `s3`.

    Raises:
        ConfigError: `rclone.conf` is encrypted or malformed.
    """
    for remote in read_rclone_remotes():
        if remote.type == "s3":
            yield _take_over(remote)


def find_aws_profiles() -> Iterator[FoundAccount]:
    """Yield the profiles of the AWS configuration. Their keys stay where they are.

    Raises:
        ConfigError: The files of AWS are malformed.
    """
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415  # a sync without a profile does not need it
    from botocore.session import Session  # noqa: PLC0415  # as above

    try:
        # The endpoint and the keys of a profile are read when the bucket is opened.
        profiles = Session().full_config["profiles"]
    except BotoCoreError as error:
        raise ConfigError(f"the configuration of AWS can't be read: {error}") from error
    default = os.environ.get("AWS_PROFILE") or "default"
    for name in sorted(profiles, key=lambda name: (name != default, name)):
        settings = {"profile": name}
        if region := profiles[name].get("region"):
            settings["region"] = region
        yield FoundAccount(name, "s3", settings)


def _take_over(remote: RcloneRemote) -> FoundAccount:
    options, provider = remote.options, remote.options.get("provider", "AWS")
    settings: dict[str, object] = {name: options[name] for name in _SAME if name in options}
    settings |= {ours: options[theirs] for theirs, ours in _RENAMED.items() if theirs in options}
    secrets = {name: Secret(options[name]) for name in _SECRET if name in options}
    notes = []
    if endpoint := options.get("endpoint"):
        settings["endpoint_url"] = endpoint if "://" in endpoint else f"https://{endpoint}"
    elif provider not in ("AWS", "Other"):
        notes.append(f"The remote names no endpoint: give the address of {provider} as endpoint_url.")
    if provider in _VIRTUAL_ONLY or options.get("force_path_style", "").lower() in ("false", "f", "0"):
        settings["addressing_style"] = "virtual"
    has_keys = "access_key_id" in settings and "secret_access_key" in secrets
    if has_keys:
        settings.pop("profile", None)
    elif not remote.is_on("env_auth") and "profile" not in settings:
        settings["skip_signature"] = True
    if remote.is_on("v2_auth") or settings.get("region") == "other-v2-signature":
        settings.pop("region", None)
        notes.append("Buckia signs requests with version 4 of AWS's signature; the remote uses version 2.")
    left_out = sorted(set(options) - {*_SAME, *_SECRET, *_RENAMED, *_UNNEEDED, "v2_auth"})
    if left_out:
        notes.append(f"These options of the remote were left out: {', '.join(left_out)}.")
    return FoundAccount(remote.name, "s3", settings, secrets, tuple(notes))

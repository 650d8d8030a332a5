"""Options of single objects as settings, and lifecycle rules that remove what is left over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from buckia_b2.admin.bucket_rules import RuleKind
from buckia_b2.errors import PROVIDER
from buckia_b2.settings import B2Settings, Encryption, LockMode
from buckia_core.adapters.contract.object_options import EncryptionKind, ObjectOptions
from buckia_core.errors import NotSupported

if TYPE_CHECKING:
    from buckia_b2.admin.bucket_admin import BucketAdmin

_KINDS = {EncryptionKind.PROVIDER: Encryption.B2, EncryptionKind.CUSTOMER: Encryption.CUSTOMER}


def check_options(options: ObjectOptions) -> None:
    """Check that B2 has the options.

    Raises:
        NotSupported: It has not.
    """
    if options.encryption is not None and options.encryption.kind not in _KINDS:
        raise NotSupported("B2 has no keys of a KMS: use sse_s3 or sse_c", provider=PROVIDER)


def settings_with_options(settings: B2Settings, options: ObjectOptions) -> B2Settings:
    """Return the settings with the options in place of their own encryption and lock.

    Raises:
        NotSupported: B2 lacks one of them.
    """
    check_options(options)
    changes: dict[str, Any] = {}
    if (encryption := options.encryption) is not None:
        changes["server_side_encryption"] = _KINDS[encryption.kind]
        changes["sse_customer_key_base64"] = encryption.customer_key
    if (retention := options.retention) is not None:
        mode = retention.lock_mode
        changes |= {
            "object_lock_mode": None if mode is None else LockMode(mode.lower()),
            "object_lock_until": retention.until,
            "object_lock_retain": None,
            "object_lock_legal_hold": retention.legal_hold,
        }
    return replace(settings, **changes)


def ensure_lifecycle(admin: BucketAdmin, abort_multipart_days: int | None, noncurrent_days: int | None) -> bool:
    """Add what is missing to the rule of the prefix; see `Lifecycle.ensure_lifecycle`. B2 has one rule for a prefix."""
    wanted = {
        "daysFromStartingToCancelingUnfinishedLargeFiles": abort_multipart_days,
        "daysFromHidingToDeleting": noncurrent_days,
    }
    present = next((each for each in admin.rules(RuleKind.LIFECYCLE) if each["fileNamePrefix"] == admin.prefix), {})
    added = {name: days for name, days in wanted.items() if days is not None and present.get(name) is None}
    if not added:
        return False
    change = admin.plan(RuleKind.LIFECYCLE, [{"fileNamePrefix": admin.prefix, **present, **added}])
    admin.apply(change)
    return change.differs

"""Plans of bulk downloads on disks that take different names for one, and on Windows."""

from __future__ import annotations

import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.planning.keys import FilesystemRules
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Reason
from buckia_core.syncing.bulk.downloads import IfExists, plan_downloads

FOLDING = FilesystemRules(case_insensitive=True, normalization_insensitive=True)
WINDOWS = FilesystemRules(windows=True, case_insensitive=True)


@pytest.mark.parametrize(
    ("rules", "keys", "refused"),
    [
        (FilesystemRules(), "A.txt a.txt", ""),
        (FOLDING, "A.txt a.txt", "a.txt"),
        (FOLDING, "A/x a/y", "a/y"),
        (FOLDING, "e\u0301 \u00e9", "\u00e9"),
        (WINDOWS, "con nul.txt a:b a\\b end. ok", "a:b a\\b con end. nul.txt"),
        (WINDOWS, "BUCKIA~1 x", "BUCKIA~1"),
    ],
)
def test_names_that_a_disk_can_not_hold(tmp_path, rules, keys, refused):
    bucket = MemorySync(MemorySettings())
    for key in keys.split():
        bucket.upload_file(b"x", key)
    plan = plan_downloads(
        bucket,
        [(PathMapping("s", str(tmp_path)), bucket.list_files())],
        algorithm="sha256",
        if_exists=IfExists.REPLACE,
        rules_of=lambda _: rules,
    )
    found = {each.key: each for each in plan.operations}
    assert sorted(found) == sorted(keys.split())
    assert sorted(key for key, each in found.items() if each.action is not Action.DOWNLOAD) == sorted(refused.split())
    assert {each.reason for each in found.values()} <= {Reason.NEW_REMOTE, Reason.CASE_COLLISION, Reason.REFUSED_KEY}

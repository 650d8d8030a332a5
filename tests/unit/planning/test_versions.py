"""What brings a bucket back to what it was, as a table of histories."""

from __future__ import annotations

import pytest

from buckia_core.planning.versions import (
    ObjectVersion,
    Restoration,
    plan_restore_to_time,
    plan_restore_version,
    plan_undelete,
)


def history(text: str, key: str = "k") -> list[ObjectVersion]:
    """Return the versions of a key, the newest first, from `time:content` oldest first; content `-` is a deletion."""
    found = []
    for each in text.split():
        time, _, content = each.partition(":")
        deleted = content == "-"
        size, fingerprint = (0, "") if deleted else (len(content), f"of-{content}")
        found.append(ObjectVersion(key, f"v{time}", int(time), False, deleted, size, fingerprint))
    return [each._replace(latest=index == 0) for index, each in enumerate(reversed(found))]


def describe(plan: Restoration | None) -> str:
    """Return what is done in one word: the version brought back, `delete`, or nothing."""
    if plan is None:
        return ""
    return plan.version.version if plan.version else "delete"


@pytest.mark.parametrize(
    ("versions", "at", "restored", "with_delete_new"),
    [
        ("1:a", 1, "", ""),
        ("1:a", 5, "", ""),
        ("1:a 3:b", 2, "v1", "v1"),
        ("1:a 3:b", 3, "", ""),
        ("1:a 3:b 5:c", 4, "v3", "v3"),
        ("1:a 3:-", 2, "v1", "v1"),
        ("1:a 3:-", 3, "", ""),
        ("1:a 3:- 5:b", 4, "", "delete"),
        ("1:a 3:- 5:b", 2, "v1", "v1"),
        ("3:a", 2, "", "delete"),
        ("3:a 4:-", 2, "", ""),
        ("1:a 3:b 5:a", 2, "", ""),
        ("1:a 3:b 3:-", 3, "", ""),
    ],
)
def test_back_to_a_time(versions, at, restored, with_delete_new):
    found = history(versions)
    assert describe(next(plan_restore_to_time(found, at), None)) == restored
    assert describe(next(plan_restore_to_time(found, at, delete_new=True), None)) == with_delete_new


@pytest.mark.parametrize(
    ("versions", "restored"),
    [("1:a", ""), ("1:a 2:-", "v1"), ("1:a 2:b 3:-", "v2"), ("1:a 2:- 3:-", "v1"), ("1:-", ""), ("1:a 2:- 3:b", "")],
)
def test_what_is_deleted_comes_back(versions, restored):
    assert describe(next(plan_undelete(history(versions)), None)) == restored


def test_a_version_by_its_id():
    found = history("1:a 2:- 3:bb")
    plan = plan_restore_version(found, "v1")
    assert plan is not None
    assert (describe(plan), plan.current) == ("v1", found[0])
    assert plan_restore_version(found, "v2") is None
    assert plan_restore_version(found, "v9") is None
    assert plan_restore_version([], "v1") is None
    deleted = plan_restore_version(history("1:a 2:-"), "v1")
    assert deleted is not None
    assert deleted.current is None


def test_keys_are_distinguished():
    found = [*history("1:a 3:b", "x"), *history("1:a", "y"), *history("1:a 3:-", "z")]
    assert [(each.key, describe(each)) for each in plan_restore_to_time(found, 2)] == [("x", "v1"), ("z", "v1")]
    assert [(each.key, describe(each)) for each in plan_undelete(found)] == [("z", "v1")]


def test_a_version_as_an_object():
    (version,) = history("7:abc")
    found = version.as_object()
    assert (found.key, found.size, found.fingerprint, found.modified_ns, found.version) == ("k", 3, "of-abc", 7, "v7")

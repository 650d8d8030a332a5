"""The kit for tests: miniatures, strategies, faults, and that the conformance suite finds what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import Throttled, Transient
from buckia_core.planning.merge_join import merge_join
from buckia_core.planning.policy import SyncRules
from buckia_core.planning.reconcile import IN_SYNC, reconcile
from buckia_core.testing import Fault, Faulty, content, m
from buckia_core.testing.miniatures import files_in, objects_in
from buckia_core.testing.strategies import keys, plain_keys, three_trees

pytest_plugins = ["pytester"]


# --- miniatures --------------------------------------------------------------------------------------------


def decide(local, remote, base, key="a"):
    [(_, mine, theirs, agreed)] = [row for row in merge_join(local, remote, base) if row[0] == key]
    return reconcile(key, "", mine, theirs, agreed, SyncRules())


def test_same_token_is_in_step():
    tree = m("a=1 b=22")
    assert [decide(tree.local(), tree.remote(), tree.base(), key) for key in "ab"] == [IN_SYNC, IN_SYNC]


def test_other_token_of_the_same_size_is_an_edit():
    operation = decide(m("a=2").hashed(), m("a=1").remote(), m("a=1").base())
    assert operation.action.value == "upload"


def test_touched_file_is_not_an_edit():
    assert decide(m("a=1@5").hashed(), m("a=1").remote(), m("a=1").base()).refresh


def test_marks():
    racy, unknown = m("a=1! b=2?").base()
    assert (racy.racy, unknown.racy) == (True, False)
    assert racy.digests
    assert not unknown.digests


def test_miniatures_are_in_key_order_and_carry_their_content():
    tree = m("b=2 a/x=long a.txt=1 a-b=")
    assert [item.key for item in tree] == ["a-b", "a.txt", "a/x", "b"]
    assert tree.contents() == {"a-b": b"", "a.txt": b"1", "a/x": b"long", "b": b"2"}
    assert [entry.size for entry in tree.local()] == [0, 1, 4, 1]
    assert content("long") == b"long"


@pytest.mark.parametrize("text", ["a", "=1", "a=1 a=2", "a=1@x"])
def test_what_is_no_miniature_is_an_error(text):
    with pytest.raises(ValueError, match="key=token"):
        m(text)


def test_folders_and_buckets_of_a_miniature(tmp_path):
    tree = m("a=1 d/b=22")
    adapter = MemorySync(MemorySettings())
    tree.upload_to(adapter)
    assert files_in(tree.write_to(tmp_path / "tree")) == objects_in(adapter) == {"a": b"1", "d/b": b"22"}


# --- strategies --------------------------------------------------------------------------------------------


@given(three_trees())
def test_trees_can_be_on_a_disk(trees):
    for tree in trees:
        names = [item.key.casefold() for item in tree]
        assert len(names) == len(set(names))
        assert not [name for name in names for other in names if other.startswith(name + "/")]


@settings(max_examples=50)
@given(keys(), plain_keys())
def test_keys_can_be_in_a_bucket(key, plain):
    adapter = MemorySync(MemorySettings())
    adapter.upload_file(b"1", key)
    adapter.upload_file(b"2", plain)
    assert [found.key for found in adapter.list_files()] == sorted({key, plain})


# --- faults ------------------------------------------------------------------------------------------------


def test_calls_fail_as_asked_for():
    memory = MemorySync(MemorySettings())
    faulty = Faulty(
        memory, [Fault("upload_file", at=2, times=2, error=lambda: Throttled("slow")), Fault("stat_file", key="b")]
    )
    faulty.upload_file(b"1", "a")
    for _ in range(2):
        with pytest.raises(Throttled):
            faulty.upload_file(b"2", "b")
    faulty.upload_file(b"3", "b")
    faulty.stat_file("a")
    with pytest.raises(Transient):
        faulty.stat_file("b")
    assert faulty.calls == [("upload_file", key) for key in "abbb"] + [("stat_file", "a"), ("stat_file", "b")]


def test_reply_is_lost_after_the_deed():
    memory = MemorySync(MemorySettings())
    faulty = Faulty(memory, [Fault("upload_file", after=True), Fault("delete_files", after=True)])
    with pytest.raises(Transient):
        faulty.upload_file(b"1", "a")
    assert objects_in(memory) == {"a": b"1"}
    with pytest.raises(Transient):
        faulty.delete_files(["a"])
    assert objects_in(memory) == {}


def test_listing_is_cut():
    memory = MemorySync(MemorySettings())
    m("a=1 b=2 c=3").upload_to(memory)
    faulty = Faulty(memory, [Fault("list_files", entries=2)])
    listing = faulty.list_files()
    assert [next(listing).key, next(listing).key] == ["a", "b"]
    with pytest.raises(Transient):
        next(listing)
    assert len(list(faulty.list_files())) == 3


# --- the suite itself --------------------------------------------------------------------------------------

BROKEN = {
    "order": (
        "list_files",
        "return iter(sorted(super().list_files(*args, **options), key=lambda each: each.key.split('/')))",
    ),
    "shortened": ("list_files", "return iter(list(super().list_files(*args, **options))[:1000])"),
    "start_after": ("list_files", "options.pop('start_after', None); return super().list_files(*args, **options)"),
    "end_at": ("list_files", "options.pop('end_at', None); return super().list_files(*args, **options)"),
    "expect": ("upload_file", "options.pop('expect', None); return super().upload_file(*args, **options)"),
    "version": ("download_file", "options.pop('expect', None); return super().download_file(*args, **options)"),
    "outcomes": ("delete_files", "return super().delete_files(*args)[::-1]"),
    "absent": ("delete_files", "[self.stat_file(key) for key in args[0]]; return super().delete_files(*args)"),
    "fingerprint": ("stat_file", "return super().stat_file(*args)._replace(fingerprint='other')"),
    "metadata": ("stat_file", "return super().stat_file(*args)._replace(metadata=None)"),
}  # fmt: skip


@pytest.mark.parametrize("fault", list(BROKEN))
def test_suite_finds_a_broken_adapter(pytester, fault):
    method, body = BROKEN[fault]
    pytester.makepyfile(
        f"""
        import pytest
        from buckia_core.adapters.memory.settings import MemorySettings
        from buckia_core.adapters.memory.sync import MemorySync
        from buckia_core.testing import AdapterConformance

        class Broken(MemorySync):
            def {method}(self, *args, **options):
                {body}

        class TestBroken(AdapterConformance):
            @pytest.fixture
            def adapter(self):
                return Broken(MemorySettings())
        """
    )
    outcomes = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q").parseoutcomes()
    assert 0 < outcomes["failed"] < outcomes["passed"]


@pytest.mark.parametrize(
    ("refused_from", "outcome"), [(100, "failed"), (101, "passed"), (102, "failed")], ids=["early", "exactly", "late"]
)
def test_suite_counts_the_characters_of_keys(pytester, refused_from, outcome):
    pytester.makepyfile(
        f"""
        from dataclasses import replace
        import pytest
        from buckia_core.adapters.memory.settings import MemorySettings
        from buckia_core.adapters.memory.sync import MemorySync
        from buckia_core.errors import InvalidKey
        from buckia_core.testing import AdapterConformance

        class Counting(MemorySync):
            @property
            def capabilities(self):
                return replace(super().capabilities, max_key_chars=100)

            def upload_file(self, source, key, **options):
                if len(key) >= {refused_from}:
                    raise InvalidKey(f"{{key}}: it is too long", provider="memory", key=key)
                return super().upload_file(source, key, **options)

        class TestCounting(AdapterConformance):
            @pytest.fixture
            def adapter(self):
                return Counting(MemorySettings())
        """
    )
    outcomes = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q", "-k", "more_characters").parseoutcomes()
    assert {name for name in outcomes if name in ("failed", "passed")} == {outcome}


LACKING = """
    import pytest
    from buckia_core.adapters.memory.settings import MemorySettings
    from buckia_core.adapters.memory.sync import MemorySync
    from buckia_core.errors import InvalidKey
    from buckia_core.testing import AdapterConformance

    class TestLacking(AdapterConformance):
        known_failures = {known_failures}
        lacks = dict.fromkeys(("outside", "missing", "refused", "proxied"), "a bucket of its own in memory")

        @pytest.fixture
        def adapter(self):
            return MemorySync(MemorySettings())
"""


@pytest.mark.parametrize(
    "known_failures",
    [{"test_no_such_thing": "reason"}, {"test_delete": "reason"}, {"test_keys_round_trip[newline]": "reason"}],
    ids=["unknown", "stale", "stale_parameter"],
)
def test_known_failures_that_are_not_true_fail(pytester, known_failures):
    pytester.makepyfile(LACKING.format(known_failures=known_failures))
    outcomes = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q").parseoutcomes()
    assert outcomes["failed"] == 2, "without and with a prefix"

"""Names with a colon in `buckia cp` and `mv`: a key in another bucket, a key with a colon, or a misspelled bucket."""

from __future__ import annotations

import itertools

import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync

_names = itertools.count()


@pytest.fixture
def bucket(project):
    """The bucket `assets`, which is the selected one; `other` is a second one, and empty."""
    first, second = f"names-{next(_names)}", f"names-{next(_names)}"
    (project / ".buckia").write_text(
        f"assets: {{provider: memory, bucket_name: {first}}}\nother: {{provider: memory, bucket_name: {second}}}\n"
    )
    adapter = MemorySync(MemorySettings(bucket_name=first))
    for key in ("a.txt", "at:12:30", "old:x/1.txt"):
        adapter.upload_file(key.encode(), key)
    return adapter


def contents(adapter):
    return {each.key: adapter.read_file(each.key)[1].decode() for each in adapter.list_files()}


@pytest.mark.parametrize("command", ["cp", "mv"])
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.txt", "othr:b.txt"], "in bucket 'assets'. Did you mean 'other'?"),
        (["a.txt", "othr:copies/"], "To mean that key: 'assets:othr:copies/'"),
        (["a.txt", "othr:"], "no bucket 'othr'"),
        (["a.txt", "old:x/1"], "no bucket 'old'"),
        (["asets:a.txt", "other:b.txt"], "Did you mean 'assets'?"),
        (["asets:*", "other:"], "Did you mean 'assets'?"),
    ],
)
def test_a_misspelled_bucket_is_an_error_and_changes_nothing(buckia, bucket, command, names, message):
    before = contents(bucket)
    result = buckia("-b", "assets", command, *names)
    assert result.code == 2, result
    assert message in result.err
    assert contents(bucket) == before


def test_a_misspelled_source_among_several_is_one_failure(buckia, bucket):
    result = buckia("-b", "assets", "cp", "a.txt", "asets:a.txt", "c/")
    assert result.code != 0 and "Did you mean 'assets'?" in result.err
    assert "c/a.txt" in contents(bucket)


@pytest.mark.parametrize(
    ("names", "key", "content"),
    [
        (["a.txt", "assets:new:b.txt"], "new:b.txt", "a.txt"),
        (["a.txt", "at:12:30"], "at:12:30", "a.txt"),
        (["a.txt", "old:x/"], "old:x/a.txt", "a.txt"),
        (["a.txt", "logs/12:30"], "logs/12:30", "a.txt"),
        (["at:12:30", "b.txt"], "b.txt", "at:12:30"),
        (["assets:at:12:30", "b.txt"], "b.txt", "at:12:30"),
        (["old:x/", "b/"], "b/1.txt", "old:x/1.txt"),
    ],
)
def test_a_key_may_have_a_colon(buckia, bucket, names, key, content):
    result = buckia("-b", "assets", "cp", *names)
    assert result.code == 0, result
    assert contents(bucket)[key] == content

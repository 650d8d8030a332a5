"""Names with a colon in the commands for objects: a key in another bucket, one with a colon, or a misspelled bucket."""

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


SHARES = (
    "shared: {{provider: memory, bucket_name: {0}, share: {{bucket: links, access: public}}}}\n"
    "again: {{provider: memory, bucket_name: {1}, share: {{bucket: links, access: public}}}}\n"
    "links: {{provider: memory, bucket_name: {2}, public_url_base: 'https://s.example'}}\n"
)


@pytest.fixture
def buckets(bucket, project):
    """Those of `bucket`, `other` with objects, and `shared` and `again`, whose share bucket is `links`."""
    path = project / ".buckia"
    names = [f"names-{next(_names)}" for _ in range(3)]
    second = path.read_text().rpartition("bucket_name: ")[2].partition("}")[0]
    path.write_text(path.read_text() + SHARES.format(*names))
    other, shared = (MemorySync(MemorySettings(bucket_name=name)) for name in (second, names[0]))
    other.upload_file(b"other", "o.txt")
    other.upload_file(b"p", "d/p.txt")
    shared.upload_file(b"s", "s.txt")
    (project / "x.txt").write_text("x")
    return bucket, other, shared


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


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["cat", "other:o.txt"], "other"),
        (["cat", "-b", "other", "other:o.txt"], "other"),
        (["cat", "-b", "other", "o.txt"], "other"),
        (["cat", "-b", "assets", "-b", "other", "other:o.txt"], "other"),
        (["cat", "assets:at:12:30"], "at:12:30"),
        (["cat", "-b", "assets", "at:12:30"], "at:12:30"),
        (["cat", "-b", "assets", "assets:at:12:30"], "at:12:30"),
        (["cat", "-b", "assets", "at:1*"], "at:12:30"),
        (["get", "other:o.txt", "-"], "other"),
        (["get", "other:d/", "out", "--dry-run"], "d/p.txt"),
        (["get", "assets:at:12:30", "at.txt", "--dry-run"], "at.txt"),
        (["ls", "other:"], "o.txt"),
        (["ls", "other:d"], "d/"),
        (["ls", "-b", "assets", "at:1"], "at:12:30"),
        (["du", "other:d"], "d/"),
        (["stat", "other:o.txt"], "o.txt"),
        (["stat", "-b", "assets", "at:12:30"], "at:12:30"),
        (["versions", "other:o"], "o.txt"),
        (["rm", "other:o.txt", "--dry-run"], "o.txt"),
        (["rm", "other:o.txt", "other:d/p.txt"], "other: 2 objects deleted"),
        (["restore", "other:o.txt", "--dry-run"], ""),
        (["put", "x.txt", "other:"], "x.txt"),
        (["put", "x.txt", "other:n.txt"], "n.txt"),
        (["put", "x.txt", "assets:1:2", "--dry-run"], "1:2"),
        (["put", "x.txt", "-b", "assets", "at:12:30"], "at:12:30"),
        (["cp", "other:o.txt", "assets:c.txt"], "assets:c.txt"),
        (["url", "links:k", "--public"], "https://s.example/k"),
        (["share", "add", "shared:s.txt"], "https://s.example/s/"),
        (["share", "list", "shared:s.txt"], ""),
    ],
    ids=" ".join,
)
def test_each_command_takes_the_name_of_a_bucket(buckia, buckets, arguments, shown):
    result = buckia(*arguments)
    assert result.code == 0, result
    assert shown in result.out + result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cat", "-b", "assets", "other:o.txt"], "write 'assets:other:o.txt'"),
        (["put", "x.txt", "-b", "assets", "other:n"], "--bucket says 'assets'"),
        (["share", "add", "-b", "again", "shared:s.txt"], "--bucket says 'again'"),
        (["cat", "othr:o.txt"], "Did you mean 'other'?"),
        (["cat", "othr:o.txt"], "as in 'assets:othr:o.txt'"),
        (["ls", "othr:"], "no bucket 'othr'"),
        (["ls", "-b", "assets", "othr:"], "no bucket 'othr'"),
        (["du", "-b", "assets", "othr:"], "no bucket 'othr'"),
        (["stat", "-b", "assets", "othr:o.txt"], "To mean that key: 'assets:othr:o.txt'"),
        (["versions", "-b", "assets", "othr:"], "no bucket 'othr'"),
        (["url", "-b", "assets", "othr:k"], "no bucket 'othr'"),
        (["get", "-b", "assets", "othr:*"], "no bucket 'othr'"),
        (["rm", "-b", "assets", "othr:o.txt"], "no bucket 'othr'"),
        (["put", "x.txt", "-b", "assets", "othr:n"], "no bucket 'othr'"),
        (["put", "x.txt", "-b", "assets", r"C:\out\x.txt"], "no bucket 'C'"),
        (["put", "x.txt", "-b", "assets", "C:/out/x.txt"], "no bucket 'C'"),
        (["put", r"C:\x.txt", "other:n"], "there is no such file"),
        (["put", "C:/x.txt", "other:n"], "there is no such file"),
        (["put", "other:x.txt", "other:n"], "there is no such file"),
        (["share", "add", "-b", "shared", "othr:s.txt"], "no bucket 'othr'"),
        (["share", "list", "-b", "shared", "othr:s.txt"], "no bucket 'othr'"),
        (["share", "remove", "-b", "shared", "othr:s.txt"], "no bucket 'othr'"),
        (["share", "add", "other:o.txt"], "no setting 'share'"),
        (["rm", "-r", "other:", "--yes"], "would delete the entire bucket"),
        (["rm", "other:o.txt", "assets:a.txt"], "the names are in other, assets"),
        (["put", "x.txt", "other:./k"], "Write 'k'."),
        (["put", "x.txt", "other:k/../l/"], "Write 'l/'."),
        (["put", "x.txt", "other:."], "Write '/'."),
        (["put", "x.txt", "other:../k"], "keys have no part '.' or '..'. See:"),
        (["cp", "other:o.txt", "other:./k"], "Write 'k'."),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_name_that_is_wrong_says_what_to_write(buckia, buckets, arguments, message):
    before = [contents(each) for each in buckets]
    result = buckia(*arguments)
    assert result.code == 2, result
    assert message in " ".join(result.err.split())
    assert [contents(each) for each in buckets] == before


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (["ls", "-lh"], "2.0 KiB"),
        (["ls", "-l", "--bytes"], "2048"),
        (["ls", "-l", "--bytes", "-h"], "2.0 KiB"),
        (["du", "-h"], "2.0 KiB"),
        (["du", "--bytes"], "2048"),
        (["du", "--bytes", "--human-readable"], "2.0 KiB"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else each,
)
def test_h_is_about_sizes_where_sizes_are_shown(buckia, buckets, arguments, size):
    buckets[1].upload_file(b"x" * 2048, "h/big")
    command, *options = arguments
    result = buckia(command, *options, "other:h/")
    assert result.code == 0 and size in result.out, result
    assert "Usage" in buckia(command, "--help").out and "Usage" in buckia("cat", "-h").out


def test_shares_say_their_bucket_where_several_have_some(buckia, buckets):
    added = buckia("share", "add", "shared:s.txt")
    assert "shared:s.txt is shared as" in added.err
    assert "shared:s.txt" in buckia("share", "list").out
    url = added.out.strip()
    assert "of shared:s.txt" in buckia("share", "remove", url, "-b", "shared").out

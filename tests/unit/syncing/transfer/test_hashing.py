"""Digests of files, their parts and streams, and evidence for one key."""

from __future__ import annotations

import hashlib
import io
import os

import pytest

from buckia_core.adapters.contract.resume import PartLayout
from buckia_core.adapters.transfers.hashing import (
    FileChanged,
    hash_bytes,
    hash_file,
    hash_in_parts,
    hash_stream,
    supported_algorithms,
)
from buckia_core.adapters.wrappers import Wrapper
from buckia_core.errors import IntegrityError, Transient
from buckia_core.planning.digest import Digest
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.file_locator import FileLocation
from buckia_core.syncing.planner.evidence import EvidenceCollector
from buckia_core.testing import Faulty, m
from tests.unit.syncing.locations import open_path, stat_path


def test_several_digests_in_one_reading(tmp_path):
    data = os.urandom(3 << 20)
    (tmp_path / "a").write_bytes(data)
    wanted = (Digest("sha256", hashlib.sha256(data).hexdigest()), Digest("sha1", hashlib.sha1(data).hexdigest()))
    digests, status = hash_file(str(tmp_path / "a"), ("sha256", "sha1"))
    assert digests == wanted == hash_bytes(data, ("sha256", "sha1"))
    assert status.st_size == len(data)
    assert hash_stream(io.BytesIO(data), ("sha256", "sha1")) == (wanted, len(data))


def test_only_what_can_be_computed_and_each_once():
    named = ["sha256", "etag-of-somebody", "md5", "sha256", "shake_128", "sha1?", "?", "nonsense?"]
    assert supported_algorithms(named) == ("sha256", "md5", "sha1?")


def test_a_guess_is_computed_as_its_algorithm_is():
    assert hash_bytes(b"abc", ("sha1?",)) == (Digest("sha1?", hashlib.sha1(b"abc").hexdigest()),)


@pytest.mark.parametrize(
    ("size", "part", "parts"), [(0, 4, [""]), (3, 4, ["abc"]), (4, 4, ["abcd"]), (9, 4, ["abcd", "efgh", "i"])]
)
@pytest.mark.parametrize("block", [1, 3, 100])
def test_the_digest_of_parts_is_that_of_their_digests(monkeypatch, size, part, parts, block):
    monkeypatch.setattr("buckia_core.adapters.transfers.hashing._CHUNK_SIZE", block)
    joined = b"".join(hashlib.md5(each.encode()).digest() for each in parts)
    wanted = Digest(f"md5-parts-{part}?", f"{hashlib.md5(joined).hexdigest()}-{len(parts)}")
    data = b"abcdefghi"[:size]
    assert hash_stream(io.BytesIO(data), (wanted.algorithm,)) == ((wanted,), size)
    assert hash_bytes(data, (wanted.algorithm,)) == (wanted,)
    assert supported_algorithms(["md5-parts-0?", "md5-parts-x", wanted.algorithm]) == (wanted.algorithm,)


@pytest.mark.parametrize("written", ["grown!", "s", "same"], ids=["grew", "shrank", "overwritten"])
def test_a_file_that_is_written_to_while_it_is_read_has_no_digest(tmp_path, monkeypatch, written):
    path = tmp_path / "a"
    path.write_text("mine")
    os.utime(path, (5, 5))
    real = hash_stream

    def write_and_hash(stream, algorithms):
        result = real(stream, algorithms)
        path.write_text(written)
        return result

    monkeypatch.setattr("buckia_core.adapters.transfers.hashing.hash_stream", write_and_hash)
    with pytest.raises(FileChanged):
        hash_file(str(path), ("sha256",))


def test_a_file_that_is_written_to_all_the_time_is_left_for_the_next_run(tmp_path, monkeypatch):
    m("a=1").write_to(tmp_path)
    mapping = PathMapping("", str(tmp_path))

    def always(file, algorithms):
        raise FileChanged

    monkeypatch.setattr("buckia_core.syncing.planner.evidence.hash_open_file", always)
    entry = stat_path(str(tmp_path / "a"), "a", "")
    with pytest.raises(Transient, match="next run"):
        EvidenceCollector(None, "sha256").hash_local(mapping, entry, ())  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["1", "2", "22"], ids=["as scanned", "edited", "longer"])
def test_a_shared_locator_hashes_the_file_that_is_there(tmp_path, written):
    m("a=1").write_to(tmp_path)
    mapping, evidence = PathMapping("", str(tmp_path)), EvidenceCollector(None, "sha256")  # type: ignore[arg-type]
    scanned = stat_path(str(tmp_path / "a"), "a", "")
    assert scanned is not None
    if written != "1":
        m(f"a={written}").write_to(tmp_path)
    with evidence.locator() as locator:
        found = evidence.hash_local(mapping, scanned, ("md5",), locator)
    assert found == evidence.hash_local(mapping, scanned, ("md5",))
    assert found.digests == hash_bytes(written.encode(), ("sha256", "md5"))
    assert found.size == len(written)


def test_an_object_is_read_only_if_no_digest_decides(sides):
    counted = Faulty(sides.bucket, [])
    inspector = EvidenceCollector(counted, "sha256")
    (told,) = m("a=1").upload_to(sides.bucket)
    listed = told._replace(digests=(), metadata=None)
    assert inspector.hash_remote(listed, [told.digests]).digests == told.digests
    assert [name for name, _ in counted.calls] == ["stat_file"]
    sha1 = (Digest("sha1", hashlib.sha1(b"1").hexdigest()),)
    assert sha1[0] in inspector.hash_remote(listed, [sha1]).digests
    assert [name for name, _ in counted.calls] == ["stat_file"] * 2 + ["open_file"]


class Telling(Wrapper):
    """Tells of objects what a test says."""

    def __init__(self, inner, **told):
        super().__init__(inner)
        self.told = told

    def stat_file(self, key):
        return super().stat_file(key)._replace(**self.told)


def sha256(text):
    return (Digest("sha256", hashlib.sha256(text.encode()).hexdigest()),)


@pytest.mark.parametrize(
    ("claimed", "wanted", "read"),
    [
        (sha256("1"), [sha256("1")], True),
        (sha256("2"), [sha256("1")], False),
        (sha256("2"), [sha256("1"), sha256("2")], True),
        (sha256("2"), [sha256("1"), sha256("3")], False),
        ((), [sha256("1")], True),
    ],
    ids=["the same", "another", "the same as one side", "another than both", "nothing"],
)
def test_a_stored_digest_may_say_that_the_content_is_another_but_never_that_it_is_the_same(
    sides, claimed, wanted, read
):
    (told,) = m("a=7").upload_to(sides.bucket)
    counted = Faulty(Telling(sides.bucket, digests=(), claimed=claimed), [])
    found = EvidenceCollector(counted, "sha256").hash_remote(told._replace(digests=(), metadata=None), wanted)
    assert ("open_file", "a") in counted.calls if read else ("open_file", "a") not in counted.calls
    assert found.digests == (sha256("7") if read else claimed)


def test_an_object_that_has_more_bytes_than_the_provider_says_is_not_read_to_its_end(sides):
    (told,) = m("a=1").upload_to(sides.bucket)
    sides.bucket.upload_file(bytes(5 << 20), "a")
    large = sides.bucket.stat_file("a")
    lying = Telling(sides.bucket, digests=(), size=1, fingerprint=large.fingerprint)
    with pytest.raises(IntegrityError, match="content does not match"):
        EvidenceCollector(lying, "sha256").hash_remote(told, [sha256("1")])


def test_reported_digests_count_only_for_the_same_version(sides):
    inspector = EvidenceCollector(sides.bucket, "sha256")
    (first,) = m("a=1").upload_to(sides.bucket)
    extra = first._replace(digests=(*first.digests, Digest("md5", "told elsewhere")))
    assert Digest("md5", "told elsewhere") in inspector.stat_remote(extra).digests
    m("a=2").upload_to(sides.bucket)
    assert Digest("md5", "told elsewhere") not in inspector.stat_remote(extra).digests


def test_a_file_that_can_not_be_read_is_refused_by_name_and_the_rest_goes_on(sides, monkeypatch):
    sides.in_step("a=1 b=1").here("a=2 b=2")
    real = FileLocation.read

    def refuse(self, key, size):
        if key == "a":
            raise PermissionError(13, "Permission denied", self.path)
        return real(self, key, size)

    monkeypatch.setattr(FileLocation, "read", refuse)
    result = sides.sync()
    assert [error.key for error in result.errors] == ["a"] and "Permission denied" in result.errors[0].message
    assert sides.objects() == {"a": "1", "b": "2"}


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2_500_000])
@pytest.mark.parametrize("part", [1000, (1 << 20) + 1])
def test_digests_of_a_file_and_of_its_parts(tmp_path, size, part):
    data = bytes(index % 251 for index in range(size))
    path = tmp_path / "f"
    path.write_bytes(data)
    with open_path(path) as file:
        (digest,), parts, status = hash_in_parts(file, "sha256", PartLayout(part, "md5"))
    assert (digest.algorithm, digest.value) == ("sha256", hashlib.sha256(data).hexdigest())
    cut = [data[start : start + part] for start in range(0, size, part)]
    assert parts == tuple(hashlib.md5(each).hexdigest() for each in cut)
    assert status.st_size == size


def test_more_digests_of_a_file(tmp_path):
    data = bytes(3_000_000)
    path = tmp_path / "f"
    path.write_bytes(data)
    with open_path(path) as file:
        digests, _, _ = hash_in_parts(file, "sha256", PartLayout(1000, "sha1", ("md5", "sha256")))
    assert digests == tuple(Digest(name, hashlib.new(name, data).hexdigest()) for name in ("sha256", "md5"))


def test_a_file_that_grows_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 10)
    real, looks = os.fstat, []

    def fstat(descriptor):
        looks.append(descriptor)
        if len(looks) == 2:
            path.write_bytes(b"x" * 20)
        return real(descriptor)

    with open_path(path) as file:
        monkeypatch.setattr("buckia_core.adapters.transfers.hashing.os.fstat", fstat)
        with pytest.raises(FileChanged):
            hash_in_parts(file, "sha256", PartLayout(1000, "md5"))

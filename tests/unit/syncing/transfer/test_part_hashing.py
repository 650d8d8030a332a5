"""Digests of a file and of its parts, from one reading."""

from __future__ import annotations

import hashlib
import os

import pytest

from buckia_core.adapters.contract.resume import PartLayout
from buckia_core.planning.digest import Digest
from buckia_core.syncing.transfer.hashing import FileChanged
from buckia_core.syncing.transfer.part_hashing import hash_in_parts
from tests.unit.syncing.places import opened


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2_500_000])
@pytest.mark.parametrize("part", [1000, (1 << 20) + 1])
def test_digests_of_the_whole_and_of_parts(tmp_path, size, part):
    data = bytes(index % 251 for index in range(size))
    path = tmp_path / "f"
    path.write_bytes(data)
    with opened(path) as file:
        (digest,), parts, status = hash_in_parts(file, "sha256", PartLayout(part, "md5"))
    assert (digest.algorithm, digest.value) == ("sha256", hashlib.sha256(data).hexdigest())
    cut = [data[start : start + part] for start in range(0, size, part)]
    assert parts == tuple(hashlib.md5(each).hexdigest() for each in cut)
    assert status.st_size == size


def test_more_digests_of_the_whole(tmp_path):
    data = bytes(3_000_000)
    path = tmp_path / "f"
    path.write_bytes(data)
    with opened(path) as file:
        digests, _, _ = hash_in_parts(file, "sha256", PartLayout(1000, "sha1", ("md5", "sha256")))
    assert digests == tuple(Digest(name, hashlib.new(name, data).hexdigest()) for name in ("sha256", "md5"))


def test_a_file_that_grows_meanwhile(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 10)
    real, looks = os.fstat, []

    def fstat(descriptor):
        looks.append(descriptor)
        if len(looks) == 2:
            path.write_bytes(b"x" * 20)
        return real(descriptor)

    with opened(path) as file:
        monkeypatch.setattr("buckia_core.syncing.transfer.part_hashing.os.fstat", fstat)
        with pytest.raises(FileChanged):
            hash_in_parts(file, "sha256", PartLayout(1000, "md5"))

"""Chunks as a reader, and `write_all`."""

from __future__ import annotations

import io

import pytest

from buckia_core.adapters.contract.readers import ChunkReader, open_chunks, write_all
from buckia_core.errors import Transient


@pytest.mark.parametrize("chunks", [[], [b""], [b"abcdef"], [b"a", b"", b"bcd", b"ef"]], ids=repr)
@pytest.mark.parametrize("size", [1, 2, 4, 100])
def test_read_in_chunks_of_any_size(chunks, size):
    with open_chunks(chunks) as reader:
        read_chunks = list(iter(lambda: reader.read(size), b""))
    assert b"".join(read_chunks) == b"".join(chunks)
    assert all(len(chunk) == size for chunk in read_chunks[:-1])


def test_read_all():
    with open_chunks(iter([b"ab", b"c"])) as reader:
        assert reader.read() == b"abc"


def test_without_a_buffer_no_more_than_a_chunk_is_read():
    reader = ChunkReader([b"ab", b"cde"])
    assert [reader.read(4) for _ in range(3)] == [b"ab", b"cde", b""]
    assert reader.readable()
    assert not reader.writable()


def test_read_raises_the_error_of_the_iterable():
    def chunks():
        yield b"ab"
        raise Transient("the line is dead")

    with open_chunks(chunks()) as reader, pytest.raises(Transient):
        reader.read()


class Short(io.FileIO):
    """A file that takes three bytes at a time."""

    def write(self, data, /):
        return super().write(memoryview(data)[:3])


def test_a_file_that_takes_less_than_it_is_given(tmp_path):
    with Short(tmp_path / "f", "wb") as file:
        write_all(file, b"0123456789")
        write_all(file, b"")
    assert (tmp_path / "f").read_bytes() == b"0123456789"

"""Blocks as a file, and into one."""

from __future__ import annotations

import io

import pytest

from buckia_core.adapters.contract.readers import ChunkReader, open_chunks, write_all
from buckia_core.errors import Transient


@pytest.mark.parametrize("blocks", [[], [b""], [b"abcdef"], [b"a", b"", b"bcd", b"ef"]], ids=repr)
@pytest.mark.parametrize("size", [1, 2, 4, 100])
def test_read_in_chunks_of_any_size(blocks, size):
    with open_chunks(blocks) as reader:
        pieces = list(iter(lambda: reader.read(size), b""))
    assert b"".join(pieces) == b"".join(blocks)
    assert all(len(piece) == size for piece in pieces[:-1])


def test_read_all():
    with open_chunks(iter([b"ab", b"c"])) as reader:
        assert reader.read() == b"abc"


def test_without_a_buffer_no_more_than_a_block_comes():
    reader = ChunkReader([b"ab", b"cde"])
    assert [reader.read(4) for _ in range(3)] == [b"ab", b"cde", b""]
    assert reader.readable()
    assert not reader.writable()


def test_an_error_of_the_blocks_comes_out_of_the_read():
    def blocks():
        yield b"ab"
        raise Transient("the line is dead")

    with open_chunks(blocks()) as reader, pytest.raises(Transient):
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

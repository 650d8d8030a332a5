"""The file system for fsspec: its own tests, and what they leave out."""

from __future__ import annotations

import asyncio
import posixpath
import uuid
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem, make_path_posix
from fsspec.tests.abstract import AbstractFixtures
from fsspec.tests.abstract.copy import AbstractCopyTests
from fsspec.tests.abstract.get import AbstractGetTests
from fsspec.tests.abstract.open import AbstractOpenTests
from fsspec.tests.abstract.pipe import AbstractPipeTests
from fsspec.tests.abstract.put import AbstractPutTests

from buckia_core.errors import BucketNotConfigured, ConfigError, PreconditionFailed
from buckia_core.objects.filesystem import BuckiaFileSystem
from tests.unit.objects.conftest import s3_settings


@pytest.fixture(
    params=["memory", pytest.param("file", marks=pytest.mark.long), pytest.param("ceph", marks=pytest.mark.long)]
)
def files(request, tmp_path):
    """A file system with a bucket of each kind."""
    settings: dict[str, Any]
    match request.param:
        case "memory":
            settings = {"provider": "memory", "bucket_name": uuid.uuid4().hex}
        case "file":
            (tmp_path / "bucket").mkdir()
            settings = {"provider": "file", "root": str(tmp_path / "bucket")}
        case _:
            server = request.getfixturevalue("ceph")
            settings = s3_settings(server, server.new_bucket("fsspec"))
    made = BuckiaFileSystem(skip_instance_cache=True, **settings)
    yield made
    made.close()


class Fixtures(AbstractFixtures):  # type: ignore[misc]  # fsspec has no types
    """What the tests of fsspec ask for."""

    @pytest.fixture
    def fs(self, files):
        return files

    @pytest.fixture
    def fs_path(self):
        return "bucket/folder"

    @pytest.fixture
    def fs_join(self):
        return posixpath.join

    @pytest.fixture
    def supports_empty_directories(self):
        return False

    @pytest.fixture
    def local_fs(self):
        return LocalFileSystem(auto_mkdir=True)

    @pytest.fixture
    def local_path(self, tmp_path):
        (tmp_path / "local").mkdir()
        return make_path_posix(str(tmp_path / "local"))

    @pytest.fixture
    def local_join(self):
        return posixpath.join


class TestCopy(AbstractCopyTests, Fixtures):  # type: ignore[misc]  # fsspec has no types
    """The tests of fsspec."""


class TestGet(AbstractGetTests, Fixtures):  # type: ignore[misc]  # fsspec has no types
    """The tests of fsspec."""


class TestOpen(AbstractOpenTests, Fixtures):  # type: ignore[misc]  # fsspec has no types
    """The tests of fsspec."""


class TestPipe(AbstractPipeTests, Fixtures):  # type: ignore[misc]  # fsspec has no types
    """The tests of fsspec."""


class TestPut(AbstractPutTests, Fixtures):  # type: ignore[misc]  # fsspec has no types
    """The tests of fsspec."""


PATHS = ("a.txt", "d/b.txt", "d/e/c.txt", "de.txt")


@pytest.fixture(params=["memory", "file", "ceph", "b2", "bunny"])
def bucket(request, open_store):
    """A file system whose bucket `x` has some files."""
    config = open_store(request.param).config
    settings = {name: value for name, value in config.settings.items() if name != "bucket_name"}
    named = {} if config.bucket_name is None else {"bucket_name": config.bucket_name}
    made = BuckiaFileSystem(provider=config.provider, skip_instance_cache=True, **settings, **named)
    made.pipe({f"x/{path}": path.encode() for path in PATHS})
    yield made
    made.close()


def test_files_and_folders(bucket):
    assert bucket.ls("x", detail=False) == ["x/a.txt", "x/d", "x/de.txt"]
    assert bucket.ls("x/a.txt", detail=False) == ["x/a.txt"]
    assert bucket.find("x/d") == ["x/d/b.txt", "x/d/e/c.txt"] == bucket.glob("x/d/**/*.txt")
    assert bucket.find("x/d", withdirs=True) == ["x/d", "x/d/b.txt", "x/d/e", "x/d/e/c.txt"]
    assert bucket.find("x/d", maxdepth=1) == ["x/d/b.txt"] == bucket.glob("x/d/*.txt")
    assert bucket.find("x/a.txt") == ["x/a.txt"] and bucket.find("x/none") == []
    assert bucket.isdir("x") and bucket.isdir("x/d/e") and not bucket.isdir("x/a.txt")
    assert bucket.du("x") == sum(map(len, PATHS)) and bucket.size("x/d/b.txt") == 7
    assert bucket.modified("x/a.txt").tzinfo is not None
    for call in (bucket.info, bucket.ls, bucket.cat_file, bucket.modified, bucket.open):
        with pytest.raises(FileNotFoundError, match="none"):
            call("x/none")


def test_content_and_ranges(bucket, tmp_path):
    assert bucket.cat(["x/a.txt", "x/de.txt"]) == {"x/a.txt": b"a.txt", "x/de.txt": b"de.txt"}
    ranges = [(1, 3), (-2, None), (0, -1), (3, 3), (2, 99)]
    found = bucket.cat_ranges(["x/a.txt"] * 5, [start for start, _ in ranges], [end for _, end in ranges])
    assert found == [b"a.txt"[start:end] for start, end in ranges]
    with bucket.open("x/new", "wb") as file:
        file.write(b"one")
    with bucket.open("x/new", "ab") as file:
        assert file.tell() == 3
        file.write(b"two")
    with bucket.open("x/new") as file:
        file.seek(2)
        assert file.read(2) == b"et" and file.info()["size"] == 6
    with bucket.open("x/text", "w", encoding="utf-8") as file:
        file.write("ü")
    assert bucket.cat("x/text") == "ü".encode()
    bucket.mv("x/d", "x/moved", recursive=True)
    bucket.rm(["x/new", "x/text", "x/a.txt"])
    assert bucket.find("x") == ["x/de.txt", "x/moved/b.txt", "x/moved/e/c.txt"]
    bucket.rm("x/moved", recursive=True)
    assert bucket.find("x") == ["x/de.txt"]
    with pytest.raises(FileNotFoundError):
        bucket.rm("x/moved", recursive=True)
    with pytest.raises(ValueError, match="whole bucket"):
        bucket.rm("x", recursive=True)


@pytest.fixture
def memory():
    made = BuckiaFileSystem(provider="memory", bucket_name=uuid.uuid4().hex, skip_instance_cache=True)
    made.pipe("x/a", b"12345")
    return made


def test_a_file_is_of_the_version_that_was_opened(memory):
    with memory.open("x/a", block_size=2, cache_type="none") as file:
        assert file.read(2) == b"12"
        memory.pipe("x/a", b"other")
        with pytest.raises(PreconditionFailed):
            file.read(2)


def test_a_block_that_raises_writes_nothing(memory):
    def write_half():
        with memory.open("x/b", "wb") as file:
            file.write(b"half")
            raise LookupError

    with pytest.raises(LookupError):
        write_half()
    assert not memory.exists("x/b")


def test_a_transaction_writes_all_or_nothing(memory):
    with memory.transaction, memory.open("x/b", "wb") as file:
        file.write(b"1")
    assert memory.cat("x/b") == b"1"

    def fail():
        with memory.transaction:
            with memory.open("x/c", "wb") as file:
                file.write(b"1")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert not memory.exists("x/c")


def test_two_writers_of_a_new_file(memory):
    with memory.open("x/b", "xb") as first:
        first.write(b"1")
        second = memory.open("x/b", "xb")
        second.write(b"2")
    with pytest.raises(FileExistsError):
        second.close()
    assert memory.cat("x/b") == b"1"


def test_progress_is_told(memory, tmp_path):
    class Told(fsspec.Callback):  # type: ignore[misc]  # fsspec has no types
        pass

    (tmp_path / "big").write_bytes(bytes(3 << 20))
    told = Told()
    memory.put_file(str(tmp_path / "big"), "x/big", callback=told)
    assert (told.size, told.value) == (3 << 20, 3 << 20)
    told = Told()
    memory.get_file("x/big", str(tmp_path / "got"), callback=told)
    assert (told.size, told.value) == (3 << 20, 3 << 20)


CONFIG = """\
assets: {{provider: file, root: '{0}'}}
other: {{provider: file, root: '{0}', prefix: other}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "bucket").mkdir()
    (tmp_path / "project" / "inside").mkdir(parents=True)
    (tmp_path / "project" / ".buckia").write_text(CONFIG.format(tmp_path / "bucket"), "utf-8")
    monkeypatch.chdir(tmp_path / "project" / "inside")
    return tmp_path


def test_a_url_finds_its_bucket_in_the_configuration_above(project, monkeypatch):
    with fsspec.open("buckia://assets/d/a.txt", "w") as file:
        file.write("1")
    assert (project / "bucket" / "d" / "a.txt").read_text() == "1"
    files, path = fsspec.url_to_fs("buckia://assets/d/a.txt")
    assert files.ls("", detail=False) == ["assets", "other"]
    files.cp_file(path, "other/copy.txt")
    assert (project / "bucket" / "other" / "copy.txt").read_text() == "1"
    with pytest.raises(BucketNotConfigured, match="assets"):
        files.ls("asset")
    assert fsspec.filesystem("buckia") is files, "instances are cached"
    monkeypatch.chdir(project)
    assert fsspec.filesystem("buckia") is not files, "for a directory"
    with pytest.raises(ConfigError, match="buckia init"):
        fsspec.filesystem("buckia").ls("assets")
    named = fsspec.filesystem("buckia", config=str(project / "project" / ".buckia"), prefix="d")
    assert named.cat("assets/a.txt") == b"1"


def test_coroutines_on_the_callers_loop(project):
    async def main():
        files = fsspec.filesystem("buckia", asynchronous=True)
        await files._pipe_file("assets/a", b"1")
        assert await files._cat_file("assets/a") == b"1"
        await files._close()

    asyncio.run(main())


def test_a_signed_url(open_store):
    config = open_store("ceph").config
    settings = dict(config.settings)
    files = BuckiaFileSystem(provider="s3", skip_instance_cache=True, **settings)
    assert "X-Amz-Expires=60" in files.sign("x/a", expiration=60)
    files.close()

"""Running commands in turn, checking what they did, and choosing what to run."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path

import pytest

from buckia_core.testing.fault_proxy.ports import HOST, free_port
from tests.benchmarks import machine, measure
from tests.benchmarks.__main__ import parse_options, run
from tests.benchmarks.buckets import Bucket, GeneratedBucket
from tests.benchmarks.catalog import QUICK, WORKLOADS
from tests.benchmarks.checking import check_contents, check_directory, few
from tests.benchmarks.delay_proxy import serve
from tests.benchmarks.files import make_files, make_named_files, make_sparse_files, name_of_file
from tests.benchmarks.listing_server import GeneratedListing
from tests.benchmarks.measure import Contender, Missing, WrongResult, race
from tests.benchmarks.networks import HTTP, NETWORKS, Network
from tests.benchmarks.results import Results
from tests.benchmarks.stage import Stage
from tests.benchmarks.tools import Tool
from tests.benchmarks.workloads import Race, Setting, Workload, number, size

posix = pytest.mark.skipif(sys.platform == "win32", reason="resource usage of a process tree comes from wait4")


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


@posix
def test_contenders_take_turns_and_each_run_is_checked():
    calls = []

    def contender(name: str) -> Contender:
        def prepare() -> list[str]:
            calls.append(f"{name} prepares")
            return python("")

        return Contender(name, prepare, os.environ, lambda: calls.append(f"{name} is checked"))

    samples = race([contender("a"), contender("b")], rounds=2)
    assert calls == ["a prepares", "a is checked", "b prepares", "b is checked"] * 2
    assert [(len(each.wall), len(each.cpu), len(each.memory)) for each in samples.values()] == [(2, 2, 2)] * 2


@posix
def test_the_time_of_processes_that_a_command_starts_counts():
    work = "import time\nwhile time.process_time() < 0.3: pass"
    command = python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)")
    samples = race([Contender("a", lambda: command, os.environ, lambda: None)], rounds=1)
    assert samples["a"].cpu[0] >= 0.3


@posix
def test_a_command_that_fails_ends_the_race():
    failing = Contender("a", lambda: python("import sys; sys.exit('no bucket')"), os.environ, lambda: None)
    with pytest.raises(WrongResult, match=r"a ended with 1: no bucket"):
        race([failing], rounds=1)


@posix
def test_a_command_that_never_ends_is_ended_with_all_that_it_started(monkeypatch, tmp_path):
    os.mkfifo(tmp_path / "alive")
    reading = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    waiting = f"import time; file = open({str(tmp_path / 'alive')!r}, 'w'); time.sleep(3600)"
    command = python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {waiting!r}])")
    monkeypatch.setattr(measure, "LONGEST", 1)
    with pytest.raises(WrongResult, match="a did not end within 1 s"):
        race([Contender("a", lambda: command, os.environ, lambda: None)], rounds=1)
    os.set_blocking(reading, True)
    assert os.read(reading, 1) == b"", "the pipe ends when nobody has it open for writing"
    os.close(reading)


def test_a_missing_a_changed_and_an_extra_file_are_noticed(tmp_path):
    for name in ("source", "target"):
        make_named_files(tmp_path / name, count=201)
    check = partial(check_directory, tmp_path / "target", tmp_path / "source", who="a")
    check()
    last = tmp_path / "target" / name_of_file(200)
    for content, complaint in (("content of file 201\n", "other content"), ("", "1 differ in size")):
        last.write_text(content, encoding="ascii")
        with pytest.raises(WrongResult, match=complaint):
            check()
    last.unlink()
    with pytest.raises(WrongResult, match="1 are missing"):
        check()
    last.with_name("other").touch()
    with pytest.raises(WrongResult, match="1 are too many"):
        check()


class FakeBucket(GeneratedBucket):
    def __init__(self, content: list[bytes]) -> None:
        self.content = content

    def read(self, key: str) -> list[bytes]:
        return self.content


@pytest.mark.parametrize(
    ("content", "is_equal"),
    [([b"ab", b"c"], True), ([b"ab"], False), ([b"abcd"], False), ([b"ab", b"d"], False), ([], False)],
)
def test_an_object_with_other_content_is_noticed(tmp_path, content, is_equal):
    (tmp_path / "key").write_bytes(b"abc")
    with nullcontext() if is_equal else pytest.raises(WrongResult, match="other content"):
        check_contents(FakeBucket(content), tmp_path, ["key"], who="a")


def test_few_keys_are_the_first_the_middle_and_the_last():
    assert few([]) == []
    assert few({"b", "a", "d", "c", "e"}) == ["a", "c", "e"]


def test_files_have_the_size_that_is_asked_for(tmp_path):
    make_files(tmp_path / "random", count=2, size=(1 << 20) + 5)
    make_sparse_files(tmp_path / "sparse", count=2, size=4096)
    for directory, expected in (("random", (1 << 20) + 5), ("sparse", 4096)):
        assert [(tmp_path / directory / name_of_file(each)).stat().st_size for each in (0, 1)] == [expected] * 2


def test_names_of_files_are_in_the_order_of_their_numbers():
    names = [name_of_file(each) for each in range(0, 1_000_000, 997)]
    assert names == sorted(names)


def test_pages_of_a_generated_listing_follow_one_another():
    listing = GeneratedListing("bucket", 2500, 4096)
    first, last = listing.page(), listing.page(start=2000)
    assert first.count(b"<Key>") == 1000 and b"<NextContinuationToken>1000<" in first
    assert last.count(b"<Key>") == 500 and b"<IsTruncated>false<" in last
    after = listing.page(after=name_of_file(2489))
    assert after.count(b"<Key>") == 10 and f"<Key>{name_of_file(2490)}<".encode() in after
    assert listing.page(prefix="other/").count(b"<Key>") == 0


class FakeStage(Stage):
    def __init__(self, directory: Path, stack: ExitStack) -> None:
        pass

    def new_bucket(self, network: Network = HTTP) -> Bucket:
        if network.tls:
            raise Missing("haproxy is not installed (Debian: haproxy)")
        raise WrongResult("s5cmd: 1 are missing")


class FakeWorkload(Workload):
    stage = FakeStage

    def races(self, stage: Stage, setting: Setting, tools: Sequence[type[Tool]]) -> Iterator[Race]:
        if setting.network.delay:
            yield Race("Wait", setting, [])
        stage.new_bucket(setting.network)


def test_what_can_not_be_measured_is_named_and_the_rest_goes_on(capsys, monkeypatch):
    monkeypatch.setattr(machine, "own_version", lambda: "1.0")
    workload, results = FakeWorkload(name="fake", count=1, networks=NETWORKS, disks=("disk",)), Results()
    wrong = run(workload, parse_options([]), results)
    assert results.skipped == {
        "fake (disk, http)": "WrongResult: s5cmd: 1 are missing",
        "fake (disk, https)": "haproxy is not installed (Debian: haproxy)",
        "fake (disk, http-30ms)": "WrongResult: s5cmd: 1 are missing",
        "fake (disk, https-30ms)": "haproxy is not installed (Debian: haproxy)",
    }
    assert len(wrong) == 2, "a program that is not installed is no failure"
    assert [row.key for row in results.rows] == [("Wait", "disk", "http-30ms"), ("Wait", "disk", "https-30ms")]
    assert "### Wait (disk, http-30ms)" in capsys.readouterr().out


def test_titles_read_as_people_write():
    assert (number(2000, "files"), number(1, "files")) == ("2,000 files", "1 file")
    assert (size(4096), size(1 << 30), size(5)) == ("4 KiB", "1 GiB", "5 bytes")


def test_workloads_are_told_apart_and_scaled():
    names = [each.name for each in WORKLOADS]
    assert len(set(names)) == len(names)
    assert [each.scaled(0.001).count for each in WORKLOADS if each.name == "files-2000"] == [2]
    assert all(each.scaled(1e-9).count == 1 for each in WORKLOADS)


def test_the_quick_choice_exists_and_can_be_changed():
    chosen = parse_options(["--quick", "--rounds", "1"])
    assert chosen.workloads == QUICK["workloads"] and chosen.rounds == 1
    assert set(chosen.workloads) <= {each.name for each in WORKLOADS}


def test_an_unknown_workload_is_refused_with_those_that_are_known(capsys):
    with pytest.raises(SystemExit):
        parse_options(["--workloads", "files-2001"])
    assert "files-2001: unknown; known: files-2000" in capsys.readouterr().err


def test_the_delaying_proxy_passes_everything_on_in_both_directions():
    sent = os.urandom(3 << 20)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        await writer.drain()
        writer.close()

    async def exchange() -> bytes:
        port, server = free_port(), await asyncio.start_server(echo, HOST, 0)
        proxy = asyncio.create_task(serve(port, server.sockets[0].getsockname()[1], 0.001))
        while True:
            try:
                reader, writer = await asyncio.open_connection(HOST, port)
                break
            except OSError:
                await asyncio.sleep(0)
        writer.write(sent)
        writer.write_eof()
        received = await reader.read()
        writer.close()
        await writer.wait_closed()
        proxy.cancel()
        server.close()
        await asyncio.gather(proxy, server.wait_closed(), return_exceptions=True)
        return received

    assert asyncio.run(exchange()) == sent

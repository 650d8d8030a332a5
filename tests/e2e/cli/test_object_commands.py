"""`get`, `put`, `cp`, `mv` and `rm` on real buckets, and what is left when they break off."""

from __future__ import annotations

import json
import random
import signal
import sys
import time

import pytest

from buckia_core.testing.fault_proxy.faults import Cut, Delay
from tests.e2e.conftest import KINDS
from tests.e2e.project import Project
from tests.unit.commands import ran

MIB = 1 << 20
PART = 5 * MIB

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows can't send SIGINT to one other process")


@pytest.mark.parametrize("kind", ["file", "ceph", "b2", "bunny"])
def test_a_folder_goes_up_around_and_down(request, tmp_path, kind, monkeypatch, capsys):
    bucket = request.getfixturevalue(KINDS[kind])
    synced = Project(tmp_path / "here", bucket)
    monkeypatch.chdir(synced.directory)
    files = {f"dist/{number:02}.txt": f"content {number}" for number in range(16)} | {"dist/sub/ä[1].txt": "deep"}
    for name, content in files.items():
        synced.write(name, content)

    def run(*arguments):
        result = ran(capsys, *arguments, "--json")
        assert result.code == 0, result
        return result.records

    def below(prefix):
        return {key.removeprefix(prefix): text for key, text in bucket.tree().items() if key.startswith(prefix)}

    expected = {name.removeprefix("dist/"): content for name, content in files.items()}
    for content in expected.values():
        bucket.expect(content)
    assert {each["type"] for each in run("put", "dist/", "site/")} == {"object"}
    assert below("site/") == expected
    assert [each["replaced"] for each in run("put", "dist/00.txt", "site/")] == [True]
    run("get", "site/", "out")
    assert {name: synced.path(f"out/{name}").read_text() for name in expected} == expected
    assert {each["action"] for each in run("get", "site/", "out")} == {"skip"}
    assert len(run("get", "site/1?.txt", "some")) == 6
    run("get", "site/sub/ä[1].txt", "one.txt")
    assert synced.path("one.txt").read_text() == "deep"
    assert len(run("cp", "site/1*.txt", "copy/")) == 6
    run("mv", "copy/", "moved")
    assert below("copy/") == {}
    assert below("moved/") == {name: content for name, content in expected.items() if name.startswith("1")}
    (total,) = run("du", "moved", "-d0")
    assert (total["objects"], total["size"]) == (6, 60)
    assert len(run("rm", "moved/*", "--yes")) == 6
    assert below("moved/") == {}


def test_between_a_server_and_a_folder(on_ceph, folder, monkeypatch, capsys):
    on_ceph.configure_all({"assets": on_ceph.bucket.settings(), "backup": folder.settings()})
    monkeypatch.chdir(on_ceph.directory)
    content = random.Random(3).randbytes(9 * MIB)
    on_ceph.bucket.put("a/large", content)
    on_ceph.bucket.put("a/small", "small")
    assert ran(capsys, "cp", "assets:a/", "backup:b/").code == 0
    assert (folder.root / "b" / "large").read_bytes() == content
    assert ran(capsys, "mv", "backup:b/", "assets:c/").code == 0
    assert folder.tree() == {}
    assert on_ceph.bucket.client.get_object(Bucket=on_ceph.bucket.name, Key="c/large")["Body"].read() == content


def test_a_download_goes_on_where_it_ended(on_ceph, monkeypatch, capsys):
    monkeypatch.chdir(on_ceph.directory)
    on_ceph.configure(retry_attempts=1)
    proxy, content = on_ceph.bucket.proxy, random.Random(4).randbytes(34 * MIB)
    on_ceph.bucket.put("large", content)

    def start_of(request):
        return int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])

    proxy.fault(Cut(0, "up"), when=lambda request: request.kind == "get" and start_of(request) >= 32 * MIB)
    assert ran(capsys, "get", "large", "out/").code == 4
    assert not on_ceph.path("out/large").exists()
    proxy.clear_faults()
    on_ceph.bucket.forget_requests()
    assert ran(capsys, "get", "large", "out/").code == 0
    assert on_ceph.path("out/large").read_bytes() == content
    assert [start_of(each) for each in proxy.requests if each.kind == "get"] == [32 * MIB]
    assert [path.name for path in on_ceph.path("out").iterdir()] == ["large"]


def test_an_upload_goes_on_with_the_parts_that_are_missing(on_ceph, monkeypatch, capsys):
    monkeypatch.chdir(on_ceph.directory)
    on_ceph.configure(retry_attempts=1, part_size=PART, multipart_threshold=PART)
    proxy, content = on_ceph.bucket.proxy, random.Random(5).randbytes(22 * MIB)
    on_ceph.write("large", content)
    sent = []

    def is_fourth(request):
        sent.append(request.kind == "upload_part")
        return request.kind == "upload_part" and sum(sent) > 3

    proxy.fault(Cut(0, "up"), when=is_fourth)
    assert ran(capsys, "put", "large", "up/").code == 4
    assert on_ceph.bucket.tree() == {}
    proxy.clear_faults()
    # An abort of what is left over leaves alone what the same command resumes.
    assert ran(capsys, "s3", "uploads", "--abort", "--yes").code == 0
    on_ceph.bucket.forget_requests()
    assert ran(capsys, "put", "large", "up/").code == 0
    assert proxy.counts()["upload_part"] == 2
    on_ceph.bucket.expect(content)
    assert len(on_ceph.bucket.tree()["up/large"]) == 22 * MIB
    assert list(on_ceph.state_dir.glob("unfinished/*/*.json")) == []


@posix_only
@pytest.mark.parametrize("command", [("get", "many/", "out"), ("put", "files/", "up/"), ("mv", "many/", "up/")])
def test_an_interruption_leaves_no_half_of_anything(on_ceph, command):
    here, bucket = on_ceph, on_ceph.bucket
    here.configure(max_workers=2)
    contents = {f"{number}": f"content {number}" for number in range(12)}
    for name, content in contents.items():
        bucket.put(f"many/{name}", content)
        here.write(f"files/{name}", content)
    place = "/many/" if command[0] == "get" else "/up/"

    def is_transfer(request):
        return request.kind in ("get", "put", "copy") and place in request.path

    bucket.proxy.fault(Delay(0.2), when=is_transfer)
    running = here.start(*command, "--json")
    deadline = time.monotonic() + 30
    while sum(map(is_transfer, bucket.proxy.requests)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.process.send_signal(signal.SIGINT)
    result = running.wait()
    assert result.code == 130, result
    done = [json.loads(line)["key"].rpartition("/")[2] for line in result.stdout.splitlines()]
    assert 0 < len(done) < 12

    def arrived():
        if command[0] == "get":
            return {path.name: path.read_text() for path in here.path("out").iterdir()}
        return {key.removeprefix("up/"): text for key, text in bucket.tree().items() if key.startswith("up/")}

    assert arrived() == {name: contents[name] for name in done}
    bucket.proxy.clear_faults()
    assert here.run(*command).code == 0
    assert arrived() == contents
    if command[0] == "mv":
        assert not any(key.startswith("many/") for key in bucket.tree())

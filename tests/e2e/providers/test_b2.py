"""Provider `b2` with the real command: beside the tools of others, and while the service has its bad days."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from buckia_core.testing.fault_proxy.faults import Cut, LoseReply, Refuse, Request, Reset
from buckia_core.testing.fault_proxy.proxy import FaultProxy
from tests.e2e.b2_bucket import B2Bucket
from tests.e2e.project import Project
from tests.servers.b2.server import B2Account
from tests.servers.rclone_serve import rclone_environment, rclone_program
from tests.servers.s3_faults import S3FaultProxy

PART = 5_000_000
"""The smallest parts that B2 takes."""

PARTS = {"multipart_threshold": PART, "part_size": PART}
STUBBORN = {"retry_attempts": 12}
"""Settings under which nothing that only happens often is given up."""


@pytest.fixture
def here(tmp_path, b2_bucket) -> Project:
    """A project on a bucket that is reached straight."""
    return Project(tmp_path / "here", b2_bucket, **PARTS)


@pytest.fixture
def proxy(b2_account: B2Account) -> Iterator[FaultProxy]:
    with S3FaultProxy(b2_account.endpoint) as proxy:
        yield proxy


@pytest.fixture
def on_proxy(tmp_path, b2_account, proxy) -> Project:
    """A project whose bucket is reached through a proxy; the tests go straight."""
    bucket = B2Bucket(b2_account, api_url=proxy.endpoint)
    return Project(tmp_path / "here", bucket, **PARTS)


def tool(name: str, environment: dict[str, str]) -> Callable[..., str]:
    """Return what runs a tool that is installed beside this Python."""
    program = shutil.which(name, path=str(Path(sys.executable).parent)) or rclone_program()
    assert program, f"{name} is missing: install the group `dev` of pyproject.toml"

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(program), *arguments], env=environment, capture_output=True, encoding="utf-8", check=False, timeout=120
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    return run


@pytest.fixture
def b2(b2_account, tmp_path) -> Callable[..., str]:
    """The official `b2` command."""
    return tool("b2", b2_account.environment(tmp_path))


@pytest.fixture
def rclone(b2_account, tmp_path) -> Callable[..., str]:
    """rclone, with the account as its remote `B`."""
    remote = {"TYPE": "b2", "ACCOUNT": b2_account.key_id, "KEY": b2_account.key, "ENDPOINT": b2_account.endpoint}
    remote = {f"RCLONE_CONFIG_B_{name}": value for name, value in remote.items()}
    return tool("rclone", rclone_environment(tmp_path) | remote)


def fill(project: Project) -> None:
    project.write("a.txt", "content of a", mtime=1_600_000_000)
    project.write("d/ü c+%.txt", "other", mtime=1_700_000_000)
    project.write("d/empty", "")
    project.write("large.bin", bytes(range(256)) * (2 * PART // 256) + b"end")


def test_others_read_what_buckia_wrote(here, b2, rclone, tmp_path):
    fill(here)
    assert here.sync().code == 0
    name = here.bucket.name
    assert sorted(b2("ls", "-r", f"b2://{name}").splitlines()) == sorted(here.tree())
    for key in here.tree():
        b2("file", "download", f"b2://{name}/{key}", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == here.path(key).read_bytes()
    rclone("check", str(here.directory), f"B:{name}", "--filter", "- .buckia*/**", "--filter", "- .buckia*")
    told = {each["Path"]: each["ModTime"] for each in json.loads(rclone("lsjson", "-R", "--files-only", f"B:{name}"))}
    assert told["a.txt"].startswith("2020-09-13T")


def test_what_others_wrote_is_taken_over_without_a_transfer(here, b2, rclone, tmp_path):
    source = Project(tmp_path / "source", here.bucket)
    fill(source)
    fill(here)
    (source.directory / ".buckia").unlink()
    b2("sync", "--no-progress", str(source.directory), f"b2://{here.bucket.name}")
    ran = here.sync()
    assert (ran.code, ran.actions()) == (0, dict.fromkeys(here.tree(), "adopt"))
    assert (ran.summary["bytes_up"], ran.summary["bytes_down"]) == (0, 0)
    rclone("copyto", str(source.path("large.bin")), f"B:{here.bucket.name}/again.bin", "--b2-upload-cutoff", "5M")
    assert here.sync().actions() == {"again.bin": "download"}
    assert here.path("again.bin").read_bytes() == here.path("large.bin").read_bytes()


def rewritten(bucket: B2Bucket, key: str, data: bytes, *, large: bool) -> None:
    """Give an object other content of the same size, and let it keep its file info, as some tools do."""
    info = dict(bucket.api.get_file_info_by_name(key).file_info)
    if not large:
        bucket.api.upload_bytes(data, key, file_info=info)
        return
    session = bucket.api.api.session
    begun = session.start_large_file(bucket.api.id_, key, "b2/x-auto", info)
    sha1s = []
    for number, part in enumerate((data[:PART], data[PART:]), 1):
        sha1s.append(hashlib.sha1(part).hexdigest())
        session.upload_part(begun["fileId"], number, len(part), sha1s[-1], io.BytesIO(part))
    session.finish_large_file(begun["fileId"], sha1s)


@pytest.mark.parametrize("large", [False, True])
def test_file_info_that_outlives_its_content_hides_nothing(here, large):
    size = 2 * PART if large else 1000
    here.write("k", b"1" * size)
    assert here.run("sync").code == 0
    rewritten(here.bucket, "k", b"2" * size, large=large)
    ran = here.run("--json", "sync")
    assert (ran.code, ran.actions()) == (0, {"k": "download"})
    assert here.path("k").read_bytes() == b"2" * size
    assert here.run("--json", "sync").actions() == {}


def test_of_two_changes_none_is_lost_where_file_info_outlives_its_content(here):
    here.write("k", b"1" * 2 * PART)
    here.run("sync")
    rewritten(here.bucket, "k", b"2" * 2 * PART, large=True)
    here.write("k", b"3" * 2 * PART)
    here.run("sync")
    here.run("sync")
    assert {here.path(name).read_bytes()[:1] for name in here.tree()} == {b"2", b"3"}


def test_a_large_file_is_taken_over_without_a_transfer_where_nothing_else_is_known_of_it(here):
    here.write("k", b"1" * 2 * PART)
    here.run("sync")
    shutil.rmtree(here.state_dir)
    here.bucket.forget_requests()
    ran = here.run("--json", "sync")
    assert (ran.code, ran.actions()) == (0, {"k": "adopt"})
    assert set(here.bucket.requests()) == {"list"}


def test_a_fifth_of_all_calls_is_refused_and_both_sides_are_equal(here, b2_account):
    here.configure(**STUBBORN, **PARTS)
    bucket = here.bucket
    for number in range(6):
        here.write(f"old/{number}", f"old {number}")
    assert here.sync().code == 0
    here.delete("old/0")
    bucket.delete("old/1")
    here.write("old/2", "edited here")
    bucket.put("old/3", "edited there")
    here.write("large", bytes(2 * PART))
    for number in range(10):
        here.write(f"here/{number}", f"here {number}")
        bucket.put(f"there/{number}", f"there {number}")
    calls = set(b2_account.calls()) | {"b2_upload_part", "b2_finish_large_file", "b2_hide_file", "b2_list_parts"}
    for seed, (status, code) in enumerate(
        [(503, "service_unavailable"), (429, "too_many_requests"), (500, "internal")]
    ):
        b2_account.fail(*calls, status=status, code=code, share=0.07, seed=seed)
    ran = here.sync()
    b2_account.stop_failing()
    refused = b2_account.seen()["refusals"]
    assert sum(refused.values()) >= 5, refused
    assert (ran.code, ran.failures) == (0, {})
    assert here.tree() == bucket.tree()
    assert (len(here.tree()), here.tree()["old/2"], here.tree()["old/3"]) == (25, "edited here", "edited there")
    here.nothing_to_do(25)


def test_connections_break_and_both_sides_are_equal(on_proxy, proxy, b2_account):
    here, bucket = on_proxy, on_proxy.bucket
    here.configure(**STUBBORN, **PARTS)
    here.write("large", bytes(2 * PART))
    for number in range(10):
        here.write(f"here/{number}", f"here {number}")
        bucket.put(f"there/{number}", f"there {number}")
    for seed, fault in enumerate([Reset(), LoseReply(), LoseReply(reset=True), Cut(0)]):
        proxy.fault(fault, probability=0.05, seed=seed)
    ran = here.sync()
    proxy.clear_faults()
    assert any(request.fault for request in proxy.requests)
    assert (ran.code, ran.failures) == (0, {})
    assert here.tree() == bucket.tree()
    assert len(here.tree()) == 21
    here.nothing_to_do(21)


def test_the_server_goes_away_and_the_next_run_converges(on_proxy, proxy):
    here = on_proxy
    here.configure(retry_attempts=1, **PARTS)
    for number in range(10):
        here.write(f"here/{number}", f"here {number}")
    uploads = iter(range(100))
    proxy.fault(Refuse(1), when=lambda request: is_upload(request) and next(uploads) == 3, times=1)
    ran = here.sync()
    assert ran.code != 0
    assert ran.failures
    assert here.tree().items() >= here.bucket.tree().items()
    wait_until_back(proxy)
    assert here.sync().code == 0
    assert here.tree() == here.bucket.tree()


def test_a_token_that_ends_in_the_middle_of_a_run(on_proxy, proxy, b2_account):
    here = on_proxy
    for number in range(12):
        here.write(f"here/{number}", f"here {number}")
        here.bucket.put(f"there/{number}", f"there {number}")
    ends = iter(range(1000))

    def expire(request: Request) -> bool:
        if not request.path.endswith("/b2_authorize_account") and next(ends) % 15 == 5:
            b2_account.expire_tokens()
        return False

    proxy.fault(Reset(), when=expire)
    ran = here.sync()
    assert (ran.code, ran.failures) == (0, {})
    assert here.tree() == here.bucket.tree()
    assert b2_account.seen()["refusals"]["expired_auth_token"] >= 1


def test_a_cap_is_told_plainly_and_the_rest_follows_when_it_is_raised(here, b2_account):
    here.write("a", "a" * 1000)
    here.write("b", "b" * 1000)
    b2_account.set(storage_cap_bytes=1500)
    ran = here.sync()
    assert ran.code != 0
    (failed,) = ran.failures.values()
    assert "cap on storage is reached" in failed
    assert len(here.bucket.tree()) == 1
    b2_account.set(storage_cap_bytes=None)
    assert here.sync().code == 0
    assert here.tree() == here.bucket.tree()
    b2_account.set(class_c_cap=0)
    ran = here.sync()
    assert ran.code != 0
    assert "cap on transactions is reached" in ran.error["message"]


def test_a_wrong_key_is_told_and_nothing_is_done(here):
    here.write("a", "a")
    here.configure(application_key="K005wrong")
    ran = here.sync()
    assert ran.code == 3
    assert "does not accept the application key" in ran.error["message"]
    assert "K005wrong" not in ran.stdout + ran.stderr
    assert here.bucket.tree() == {}


@pytest.mark.parametrize("before", [None, "old"])
def test_another_writer_comes_between_the_look_and_the_upload(on_proxy, proxy, before):
    here, bucket = on_proxy, on_proxy.bucket
    if before is not None:
        here.write("k", before)
        assert here.sync().code == 0
    here.write("k", "mine, which is longer")
    others = iter([lambda: bucket.put("k", "theirs")])

    def meanwhile(request: Request) -> bool:
        if is_upload(request):
            next(others, lambda: None)()
        return False

    proxy.fault(Reset(), when=meanwhile)
    ran = here.sync()
    assert ran.code == 0
    tree = here.tree()
    assert tree == bucket.tree()
    assert tree.pop("k") == "theirs"
    assert list(tree.values()) == ["mine, which is longer"]
    uploads = [(action, content) for action, content in bucket.history("k") if action == "upload"]
    assert uploads == [("upload", "theirs")] + ([("upload", before)] if before else [])


def test_two_machines_with_a_key_for_one_prefix(tmp_path, b2_account, b2_bucket):
    api = b2_account.api()
    may = ["listFiles", "readFiles", "writeFiles", "deleteFiles"]
    made = api.create_key(may, "one", bucket_ids=[b2_bucket.api.id_], name_prefix="one/")
    key = {"application_key_id": made.id_, "application_key": made.application_key, "prefix": "one"}
    b2_bucket.put("two/kept", "kept")
    first, second = (Project(tmp_path / name, b2_bucket, **key) for name in ("first", "second"))
    first.write("a", "of the first")
    second.write("b", "of the second")
    for project in (first, second, first):
        assert project.sync().code == 0
    assert first.tree() == second.tree() == {"a": "of the first", "b": "of the second"}
    assert set(b2_bucket.tree()) == {"one/a", "one/b", "two/kept"}


def test_what_was_replaced_or_deleted_is_brought_back(here):
    here.write("k", "old")
    here.write("z", "other")
    assert here.sync().code == 0
    here.write("k", "new one")
    assert here.sync().code == 0
    here.delete("k")
    assert here.sync().code == 0
    listed = here.run("versions", "k", "--json").records
    assert [(each["deleted"], each["size"]) for each in listed] == [(True, 0), (False, 7), (False, 3)]
    assert here.run("restore", "k", "--version", listed[2]["version"], "--yes").code == 0
    assert here.sync().code == 0
    assert here.tree() == {"k": "old", "z": "other"}


def is_upload(request: Request) -> bool:
    return "/b2_upload_file/" in request.path


def wait_until_back(proxy: FaultProxy) -> None:
    """Wait until the proxy takes connections again."""
    address = urlsplit(proxy.endpoint)
    for _ in range(1000):
        with suppress(OSError), socket.create_connection((address.hostname or "", address.port or 0), timeout=5):
            return
        # A refusal comes at once: without a pause all attempts would be over before it is back.
        time.sleep(0.05)
    raise AssertionError("it does not come back")

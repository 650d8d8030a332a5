"""Edge Storage as the Bunny server plays it: files, directories, what is refused."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import zipfile
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.servers.bunny.server import BunnyAccount, BunnyZone
from tests.servers.bunny.wire import BunnyWire, sha256

MEBI = 1 << 20


@pytest.fixture
def zone(bunny_account: BunnyAccount) -> BunnyZone:
    return bunny_account.new_zone()


@pytest.fixture
def wire(zone: BunnyZone) -> Iterator[BunnyWire]:
    with BunnyWire(zone) as wire:
        yield wire


def test_a_file_goes_up_is_listed_and_comes_back(wire: BunnyWire, zone: BunnyZone) -> None:
    body = b"some text"
    answer = wire.put("a/b c+ü#?%.txt", body, Checksum=sha256(body))
    assert answer.json == {"HttpCode": 201, "Message": "File uploaded."} and answer.status == 201
    assert wire.names() == ["a/"] and wire.names("a/") == ["b c+ü#?%.txt"]
    [listed] = wire.get("a/").json
    expected = {"StorageZoneName": zone.name, "Path": f"/{zone.name}/a/", "Length": 9, "IsDirectory": False}
    assert expected.items() <= listed.items()
    assert (listed["Checksum"], listed["ContentType"], listed["StorageZoneId"]) == (sha256(body), "", zone.id)
    for name in ("LastChanged", "DateCreated"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?", listed[name])
    assert listed.keys() >= {"Guid", "ServerId", "ArrayNumber", "UserId", "ReplicatedZones"}
    assert wire.send("DESCRIBE", "a/b c+ü#?%.txt").json == listed
    answer = wire.get("a/b c+ü#?%.txt")
    assert (answer.body, answer.headers["content-type"]) == (body, "text/plain")


def test_the_type_is_what_override_says_and_not_what_the_upload_says(wire: BunnyWire) -> None:
    wire.put("plain.css", b"x", Content_Type="application/json")
    wire.put("over.css", b"x", Content_Type="text/css", Override_Content_Type="text/x-other")
    assert wire.get("plain.css").headers["content-type"] == "text/css"
    assert wire.get("over.css").headers["content-type"] == "text/x-other"


@pytest.mark.parametrize("size", [100, 3 * MEBI])
def test_a_wrong_checksum_stores_nothing_and_keeps_what_was_there(wire: BunnyWire, size: int) -> None:
    body = os.urandom(size)
    assert wire.put("new", body, Checksum="12").status == 400
    assert wire.get("new").message == (404, "Object Not Found") and wire.names() == []
    wire.put("old", body)
    assert wire.put("old", b"other", Checksum=sha256(b"another")).status == 400
    assert wire.get("old").body == body
    assert wire.put("old", b"other", Checksum=sha256(b"other").lower()).status == 201


def test_ranges(wire: BunnyWire) -> None:
    body = os.urandom(2 * MEBI + 5)
    wire.put("big", body)
    for header, part in {
        "0-9": body[:10],
        "2097152-": body[2 * MEBI :],
        "-3": body[-3:],
        "7-99999999": body[7:],
    }.items():
        answer = wire.get("big", Range=f"bytes={header}")
        assert (answer.status, answer.body) == (206, part)
    assert wire.get("big", Range="bytes=0-9").headers["content-range"] == f"bytes 0-9/{len(body)}"
    answer = wire.get("big", Range=f"bytes={len(body)}-")
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(body)}")
    assert wire.get("big", Range="bytes=9-2").status == wire.get("big", Range="lines=1-2").status == 200
    # There are no conditions on this API (PROVIDERS 1.3).
    assert wire.get("big", If_Match='"something"').status == 200


def test_directories_are_real(wire: BunnyWire) -> None:
    assert wire.put("empty/").message == (201, "Directory created.")
    assert wire.put("empty/").status == 400
    wire.put("deep/er/file", b"x")
    assert wire.names() == ["deep/", "empty/"] and wire.names("empty/") == []
    wire.delete("deep/er/file")
    assert wire.names("deep/") == ["er/"]
    [entry] = wire.get("deep/").json
    assert (entry["Checksum"], entry["Length"], entry["ObjectName"]) == (None, 0, "er")
    assert wire.get("missing/").json == [] and wire.get("deep/er/file/").json == []
    assert wire.get("deep").status == wire.send("DESCRIBE", "deep").status == 404


def test_a_file_and_a_directory_have_no_name_together(wire: BunnyWire) -> None:
    wire.put("a/file", b"x")
    status, message = wire.put("a", b"x").message
    assert status == 400 and message.startswith("Unable to upload file: Failed to create file")
    assert wire.put("a/file/below", b"x").status == wire.put("a/file/", b"").status == 400
    assert wire.put("a/file/below/deep", b"x").status == 400
    assert wire.names("a/") == ["file"] and wire.get("a/file").body == b"x"


def test_deleting(wire: BunnyWire) -> None:
    for path in ("d/1", "d/e/2", "d2/3"):
        wire.put(path, b"x")
    assert wire.delete("d").status == wire.delete("d/1/").status == wire.delete("nothing").status == 404
    assert wire.delete("nothing/").status == 404
    assert wire.delete("d/1").message == (200, "File deleted successfully.")
    assert wire.delete("d/").status == 200
    assert wire.names() == ["d2/"]
    assert wire.delete("").status == 400 and wire.names() == ["d2/"]
    assert wire.delete("", allowRootDelete="true").status == 200 and wire.names() == []
    wire.put("again", b"x")
    assert wire.send("DELETE", "?allowRootDelete=true", raw=True).status == 200 and wire.names() == []


def test_who_may(bunny_account: BunnyAccount, zone: BunnyZone, wire: BunnyWire) -> None:
    wire.put("file", b"x")
    with BunnyWire(zone, password=zone.read_only_password) as reader:
        assert reader.get("file").body == b"x" and reader.names() == ["file"]
        assert reader.send("DESCRIBE", "file").status == 200
        assert reader.put("file", b"y").status == reader.delete("file").status == 401
    elsewhere = bunny_account.server.storage["NY"]
    for where, key in ((zone, bunny_account.api_key), (zone, ""), (zone.behind(f"http://{elsewhere}"), zone.password)):
        with BunnyWire(where, password=key) as stranger:
            assert stranger.get("file").message == (401, "Unauthorized")
            assert stranger.put("new", os.urandom(MEBI)).status == stranger.get("").status == 401
    assert wire.names() == ["file"]
    ny = bunny_account.new_zone(region="NY")
    with BunnyWire(ny) as wire_ny:
        assert ny.endpoint.endswith(elsewhere) and wire_ny.put("file", b"x").status == 201


@pytest.mark.parametrize(
    "path",
    ["a//b", "a%2F%2Fb", "%20a", "a%20", "a/%20b/c", "a/../b", "./a", "a/" + "b" * 6000, "%FF"],
    ids=lambda path: path[:12],
)
def test_names_that_cannot_be(wire: BunnyWire, path: str) -> None:
    assert wire.send("PUT", path, b"x", raw=True).status == 400
    assert wire.names() == []


def test_slashes_behind_the_zone_are_one(wire: BunnyWire) -> None:
    wire.put("d/file", b"x")
    assert wire.names("/d/") == ["file"] and wire.names("/") == ["d/"]


def test_there_is_no_head(wire: BunnyWire) -> None:
    wire.put("file", b"x")
    assert wire.send("HEAD", "file").status == wire.send("PATCH", "file").status == 405
    assert wire.get("file").body == b"x"


def test_bodies_in_chunks_and_on_request(wire: BunnyWire, zone: BunnyZone) -> None:
    assert wire.send("PUT", "chunks", iter([b"one", b"two"])).status == 201
    assert wire.get("chunks").body == b"onetwo"
    for key, first, stored in (
        (zone.password, b"HTTP/1.1 100 Continue", b"body"),
        ("no", b"HTTP/1.1 401 Unauth", None),
    ):
        host, port = urlsplit(zone.endpoint).netloc.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            head = f"PUT /{zone.name}/{key[:2]} HTTP/1.1\r\nHost: x\r\nAccessKey: {key}\r\nContent-Length: 4\r\n"
            client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
            assert client.recv(1000).startswith(first)
            if stored:
                client.sendall(stored)
                assert client.recv(1000).startswith(b"HTTP/1.1 201")
        assert wire.get(key[:2]).status == (200 if stored else 404)


@pytest.mark.parametrize("sent", [3, 2 * MEBI])
def test_an_upload_that_breaks_off_stores_nothing(wire: BunnyWire, zone: BunnyZone, sent: int) -> None:
    wire.put("file", b"old")
    host, port = urlsplit(zone.endpoint).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        head = f"PUT /{zone.name}/file HTTP/1.1\r\nAccessKey: {zone.password}\r\nContent-Length: {3 * MEBI}\r\n\r\n"
        client.sendall(head.encode() + bytes(sent))
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    assert wire.get("file").body == b"old"


def test_overwriting_keeps_the_date_of_creation(bunny_account: BunnyAccount, wire: BunnyWire) -> None:
    wire.put("file", b"old")
    before = wire.send("DESCRIBE", "file").json
    bunny_account.set(clock_ahead_seconds=100.0)
    wire.put("file", b"new")
    after = wire.send("DESCRIBE", "file").json
    assert after["DateCreated"] == before["DateCreated"] and after["LastChanged"] > before["LastChanged"]


def test_replication_comes_later(bunny_account: BunnyAccount) -> None:
    zone = bunny_account.new_zone(ReplicationRegions=["UK", "NY"])
    bunny_account.set(replicating=0)
    with BunnyWire(zone) as wire:
        wire.put("file", b"x")
        assert wire.get("").json[0]["ReplicatedZones"] is None
        bunny_account.replicated(zone)
        assert wire.get("").json[0]["ReplicatedZones"] == "UK,NY"


def test_zip(wire: BunnyWire, zone: BunnyZone) -> None:
    for path in ("d/1", "d/e/2", "other"):
        wire.put(path, path.encode())
    top = f"/{zone.name}/"

    def names(*paths: str) -> list[str]:
        answer = wire.send("POST", "", json.dumps({"RootPath": top, "Paths": [top + one for one in paths]}).encode())
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert all(archive.read(name) == name.encode() for name in archive.namelist())
            return sorted(archive.namelist())

    assert names("d/", "other") == ["d/1", "d/e/2", "other"]
    assert names("nothing/") == []
    assert wire.send("POST", "", b'{"Paths": []}').status == wire.send("POST", "", b"{").status == 400


def test_a_million_generated_files(bunny_account: BunnyAccount, zone: BunnyZone, wire: BunnyWire) -> None:
    bunny_account.generate(zone, directories=1000, files=1000, seed=7)
    assert len(wire.get("").json) == 1000
    listed = wire.get("directory-000999/").json
    assert len(listed) == 1000 and len({one["Guid"] for one in listed}) == 1000
    file = listed[501]
    answer = wire.get(f"directory-000999/{file['ObjectName']}")
    assert (len(answer.body), sha256(answer.body)) == (file["Length"], file["Checksum"])
    assert wire.send("DESCRIBE", f"directory-000999/{file['ObjectName']}").json == file
    assert {"." in one["LastChanged"] for one in listed} == {True, False}
    assert bunny_account.core("GET", f"/storagezone/{zone.id}")[1]["FilesStored"] == 1_000_000
    wire.put("directory-000000/new", b"x")
    wire.delete("directory-000000/file-000000.txt")
    names = wire.names("directory-000000/")
    assert len(names) == 1000 and "new" in names and wire.get("directory-000000/file-000000.txt").status == 404

"""Servers that do not respond as B2 does: redirects, other hosts, malformed responses, unordered lists."""

from __future__ import annotations

import json

import pytest

from buckia_core.adapters.wrappers import Retry
from buckia_core.errors import AdapterError, InvalidSetting
from tests.servers.scripted_server import Asked, Reply, scripted_server
from tests.unit.b2.scripted import TOKEN, UPLOAD_TOKEN, at, authorized, described, file, listing

# --- redirects -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("part", "call"),
    [
        ("b2_authorize_account", lambda b2: list(b2.list_files())),
        ("b2_list_file_names", lambda b2: list(b2.list_files())),
        ("/file/", lambda b2: b2.read_file("k")),
        ("/file/", lambda b2: b2.stat_file("k")),
        ("/up", lambda b2: b2.upload_file(b"PRIVATE", "k")),
    ],
)
def test_no_redirect_is_followed(opened, status, part, call):
    with scripted_server(lambda _: Reply(body={})) as other:
        b2, _ = opened(at(part, Reply(status, headers={"Location": f"{other.endpoint}/x?Authorization={TOKEN}"})))
        with pytest.raises(AdapterError, match=r"redirect to 127\.0\.0\.1, which is not followed") as caught:
            call(b2)
        assert other.asked == []
    assert not caught.value.retryable
    assert TOKEN not in str(caught.value)


def test_netrc_is_not_used_anywhere(opened, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login nobody password nothing\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    b2, server = opened(at("b2_list_file_names", listing()))
    list(b2.list_files())
    sign_in, listed = server.asked
    assert listed.headers["authorization"] == TOKEN
    assert sign_in.headers["authorization"] != "Basic bm9ib2R5Om5vdGhpbmc="


@pytest.mark.parametrize("covered", ["127.0.0.0/8", "127.0.0.1:{port}", "::1, 127.0.0.1", "*"])
def test_no_proxy_is_read_as_curl_and_go_do(opened, monkeypatch, covered):
    with scripted_server(lambda _: Reply(502)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.endpoint)
        b2, server = opened(at("b2_list_file_names", listing()))
        monkeypatch.setenv("no_proxy", covered.format(port=server.endpoint.rpartition(":")[2]))
        assert list(b2.list_files()) == []
        b2, _ = opened(at("b2_list_file_names", listing()))
        monkeypatch.setenv("no_proxy", "127.0.0.1:1, 10.0.0.0/8, example.com")
        with pytest.raises(AdapterError):
            list(b2.list_files())
        assert (len(server.asked), len(proxy.asked)) == (2, 1)


@pytest.mark.parametrize("name", ["apiUrl", "downloadUrl", "s3ApiUrl"])
@pytest.mark.parametrize("address", ["https://evil.example", "http://169.254.169.254", "ftp://127.0.0.1", "", None, 5])
def test_the_service_does_not_send_clients_to_other_hosts(opened, name, address):
    b2, server = opened(lambda asked: None)
    script = server.script
    server.script = lambda asked: (
        Reply(body=authorized(server, **{name: address})) if "authorize" in asked.target else script(asked)
    )
    with pytest.raises(AdapterError, match="did not respond as B2 does"):
        list(b2.list_files())
    assert len(server.asked) == 1


def test_uploads_do_not_go_to_other_hosts(opened):
    with scripted_server(lambda _: Reply(body=file())) as other:
        elsewhere = other.endpoint.replace("127.0.0.1", "localhost")
        address = {"uploadUrl": f"{elsewhere}/up", "authorizationToken": UPLOAD_TOKEN}
        b2, _ = opened(at("b2_get_upload_url", Reply(body=address)))
        with pytest.raises(AdapterError, match="unknown form"):
            b2.upload_file(b"PRIVATE", "k")
        assert other.asked == []


def test_a_region_that_is_not_the_accounts_is_an_error(opened):
    def signed_in(asked: Asked) -> Reply | None:
        if "authorize" not in asked.target:
            return listing() if "b2_list_file_names" in asked.target else None
        return Reply(body=authorized(server, s3ApiUrl="https://s3.us-west-004.backblazeb2.com"))

    b2, server = opened(signed_in, region="eu-central-003")
    with pytest.raises(InvalidSetting, match=r"region is eu-central-003.*is in us-west-004"):
        list(b2.list_files())
    b2, server = opened(signed_in, region="us-west-004")
    assert list(b2.list_files()) == []


# --- other forms ---------------------------------------------------------------------------------------------

ODD = [
    b"", b"<html>", b"null", b"[]", b"5", b"{}", b"\xff\xfe{", b"[" * 100_000, b'{"files": ' + b"9" * 5000 + b"}",
    b'{"files": null, "nextFileName": null}', b'{"files": [5], "nextFileName": null}',
    b'{"files": [{"fileName": 5}], "nextFileName": null}', b'{"files": []}',
    b'{"files": [], "nextFileName": 5}', json.dumps({"files": [file(contentLength=10**400)], "nextFileName": None}),
    json.dumps({"files": [file(name="\ud800")], "nextFileName": None}),
]  # fmt: skip


@pytest.mark.parametrize("body", ODD)
def test_a_malformed_listing(opened, body):
    b2, _ = opened(at("b2_list_file_names", Reply(body=body)))
    with pytest.raises(AdapterError, match="unknown form") as caught:
        list(b2.list_files())
    assert not caught.value.retryable


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[" * 100_000, b"{}", b'{"apiInfo": {"storageApi": 5}}'])
def test_signing_in_to_something_else(opened, body):
    b2, _ = opened(at("authorize", Reply(body=body)))
    with pytest.raises(AdapterError, match="check api_url"):
        list(b2.list_files())


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (lambda b2: list(b2.native.application_keys()), {"keys": [], "nextApplicationKeyId": None}),
        (
            lambda b2: b2.native.create_key("n", ["listFiles"]),
            {
                "applicationKeyId": "i",
                "keyName": "n",
                "capabilities": ["listFiles"],
                "applicationKey": "K005-of-the-key",
            },
        ),
    ],
)
def test_commands_retry_the_authorization(opened, call, answer):
    """Commands use the adapter without the wrapper `Retry`."""
    refused = [True]

    def responses(asked):
        if asked.target.endswith("/b2_authorize_account"):
            return Reply(503) if refused and refused.pop() else None
        return Reply(body=answer)

    b2, _ = opened(responses)
    call(b2)
    assert not refused


@pytest.mark.parametrize("body", [b"", b"null", b"[" * 100_000, b"{}", b'{"files": [{}]}', b'{"buckets": 5}'])
@pytest.mark.parametrize(
    "call",
    [
        lambda b2: list(b2.list_versions()),
        lambda b2: b2.stat_version("k", "4_z"),
        lambda b2: b2.signed_url("k", seconds=5),
        lambda b2: b2.native.info(),
        lambda b2: list(b2.native.application_keys()),
        lambda b2: b2.native.create_key("k", ["listFiles"]),
        lambda b2: list(b2.native.unfinished()),
        lambda b2: b2.upload_file(bytes(20_000_000), "k"),
    ],
)
def test_other_malformed_responses(opened, body, call):
    b2, _ = opened(lambda asked: None if "authorize" in asked.target else Reply(body=body))
    with pytest.raises(AdapterError, match=r"unknown form|there is no"):
        call(b2)


@pytest.mark.parametrize(
    "headers",
    [{"x-bz-file-id": ""}, {"x-bz-upload-timestamp": ""}, {"x-bz-upload-timestamp": "9" * 400}],
)
def test_a_download_that_does_not_say_what_it_is(opened, headers):
    headers = {name: text for name, text in (described() | headers).items() if text}
    b2, _ = opened(at("/file/", Reply(body=b"abc", headers=headers)))
    for call in (b2.stat_file, b2.read_file):
        with pytest.raises(AdapterError, match="unknown form"):
            call("k")


def test_a_missing_length_is_an_error(opened):
    b2, _ = opened(at("/file/", Reply(body=b"abc", headers=described(), length=None)))
    for call in (b2.stat_file, b2.read_file):
        with pytest.raises(AdapterError, match="unknown form"):
            call("k")


@pytest.mark.parametrize("status", [200, 206])
def test_a_range_that_is_not_the_one_asked_for(opened, tmp_path, status):
    headers = described() | ({"Content-Range": "bytes 0-1/3"} if status == 206 else {})
    b2, _ = opened(at("/file/", Reply(status, b"ab" if status == 206 else b"abc", headers)))
    with pytest.raises(AdapterError, match="unknown form"):
        b2.download_file("k", tmp_path / "file", start=1, end=3)


# --- order, loops --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pages",
    [
        [listing(file("b"), file("a"))],
        [listing(file("a"), file("a"))],
        [listing(file("b"), following="c"), listing(file("a"))],
        [listing(file("a"), following="a")] * 3,
        [listing(file("b"), following="a")] * 3,
        [listing(following="b")] * 3,
        [listing(file("elsewhere"))],
    ],
)
def test_a_listing_out_of_order_is_never_gone_on_with(opened, pages):
    """What such a server leaves out can't be known, so nothing may be concluded from it, nor may it be repeated."""
    left = iter(pages)
    prefix = "x" if pages[0].body["files"] and pages[0].body["files"][0]["fileName"] == "elsewhere" else ""
    b2, server = opened(at("b2_list_file_names", lambda _: next(left)))
    with pytest.raises(AdapterError, match="listing: ") as caught:
        list(Retry(b2).list_files(prefix))
    assert not caught.value.retryable
    assert sum("b2_list_file_names" in asked.target for asked in server.asked) <= 2


@pytest.mark.parametrize(
    ("part", "page", "call"),
    [
        ("b2_list_file_versions", {"files": [file()], "nextFileName": "k", "nextFileId": "4_k"}, "list_versions"),
        ("b2_list_file_versions", {"files": [], "nextFileName": "k", "nextFileId": None}, "list_versions"),
        ("b2_list_keys", {"keys": [], "nextApplicationKeyId": "005"}, "application_keys"),
        ("b2_list_unfinished", {"files": [], "nextFileId": "4_k"}, "unfinished"),
    ],
)
def test_lists_that_go_round_in_circles_end(opened, part, page, call):
    b2, server = opened(at(part, Reply(body=page)))
    with pytest.raises(AdapterError, match="unknown form"):
        list(getattr(b2 if call == "list_versions" else b2.native, call)())
    assert len(server.asked) <= 4

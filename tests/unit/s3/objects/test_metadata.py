"""Objects as headers tell them, and the metadata that is sent."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.errors import AdapterError, InvalidKey, NotSupported
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.objects.metadata import check_key, encode_metadata, object_from_headers, with_metadata
from buckia_s3.objects.multipart_etag import possible_digests

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
SHA = Digest("sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")


def sent(**info):
    return encode_metadata(UploadInfo(**info), provider="s3", key="k")


def told(metadata):
    return with_metadata(RemoteObject("k", 0, "f"), metadata)


@given(st.integers(1 - 2**63, 2**63 - 1))
def test_times_come_back(nanoseconds):
    assert told(sent(mtime_ns=nanoseconds)).mtime_ns == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1700000000.123456789", 1_700_000_000_123_456_789),
        ("1700000000", 1_700_000_000_000_000_000),
        ("1700000000.5", 1_700_000_000_500_000_000),
        ("-1.5", -1_500_000_000),
        ("0", 0),
        ("", None),
        ("yesterday", None),
        ("1e9", None),
        ("9" * 50, None),
        ("9" * 12, None),
        ("-9223372036.854775808", None),
    ],
)
def test_times_of_other_programs(text, nanoseconds):
    assert told({"mtime": text}).mtime_ns == nanoseconds


@pytest.mark.parametrize("nanoseconds", [2**63, -(2**63), 10_413_792_000 * 10**9, 10**28])
def test_a_time_that_can_not_be_read_back_is_not_sent(nanoseconds):
    assert sent(mtime_ns=nanoseconds) == {}


def test_how_times_are_written():
    assert sent(mtime_ns=1_700_000_000_120_000_000) == {"mtime": "1700000000.120000000"}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_value_comes_back(value):
    encoded = sent(metadata={"name": value})["name"]
    assert encoded.isascii()
    assert encoded.isprintable()
    assert told({"Name": encoded}).metadata == {"name": value}


@pytest.mark.parametrize(
    "name", ["", "a b", "ü", "a:b", "a\nb", "a/b", "mtime", "MTime", "buckia-sha256", "buckia-x", "md5chksum"]
)
def test_names_that_can_not_be(name):
    with pytest.raises(NotSupported, match="metadata"):
        sent(metadata={name: "x"})


def test_digests_travel_along():
    metadata = sent(digests=(SHA,), metadata={"X": "1"})
    assert metadata == {"buckia-sha256": SHA.value, "x": "1"}
    found = told(metadata)
    assert (found.digests, found.claimed, found.metadata) == ((), (SHA,), {"x": "1"})


def md5chksum(md5):
    return b64encode(bytes.fromhex(md5)).decode()


def test_an_md5_is_stored_as_rclone_stores_it():
    metadata = sent(digests=(SHA, Digest("md5", MD5)))
    assert metadata == {"buckia-sha256": SHA.value, "md5chksum": md5chksum(MD5)}
    assert told(metadata).claimed == (SHA, Digest("md5", MD5))


def test_stored_digests_are_those_of_the_object_while_its_etag_is_the_md5_they_were_stored_with():
    found = read(x_amz_meta_buckia_sha256=SHA.value, x_amz_meta_md5chksum=md5chksum(MD5))
    assert set(found.digests) == {SHA, Digest("md5", MD5)}
    assert (found.claimed, found.metadata) == ((), {})


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"x_amz_meta_md5chksum": md5chksum("0" * 32)},
        {"x_amz_meta_md5chksum": md5chksum(MD5), "ETag": f'"{MD5}-2"'},
        {"x_amz_meta_md5chksum": md5chksum(MD5), "x_amz_server_side_encryption": "aws:kms"},
    ],
    ids=["no MD5", "another MD5", "an ETag of parts", "an ETag that is no MD5"],
)
def test_stored_digests_that_outlive_the_content_are_only_claimed(more):
    found = read(x_amz_meta_buckia_sha256=SHA.value, **more)
    assert SHA not in found.digests
    assert SHA in found.claimed


@pytest.mark.parametrize(
    "metadata",
    [{"md5chksum": "x"}, {"md5chksum": "AAAA"}, {"md5chksum": "ü" * 24}, {"buckia-sha256": "a b"}, {"buckia-x?": "a"}],
)
def test_metadata_that_is_no_digest_is_none(metadata):
    found = told(metadata)
    assert (found.digests, found.claimed, found.metadata) == ((), (), {})


def headers(**more):
    told = {
        "Content-Length": "5",
        "ETag": f'"{MD5}"',
        "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT",
        "Content-Type": "text/plain",
        "x-amz-meta-mtime": "1.5",
    } | {name.replace("_", "-"): value for name, value in more.items()}
    return {name.lower(): value for name, value in told.items()}


def read(etag_is_md5=True, **more):
    return object_from_headers("k", headers(**more), etag_is_md5=etag_is_md5, provider="s3")


def test_headers_of_an_object():
    assert read(x_amz_version_id="v1", X_Amz_Meta_A="b") == RemoteObject(
        "k", 5, MD5, 1_767_323_045_000_000_000, 1_500_000_000, (Digest("md5", MD5),), "v1", "text/plain", {"a": "b"}
    )


def test_the_size_is_that_of_the_full_object():
    assert read(Content_Range="bytes 0-4/123").size == 123


@pytest.mark.parametrize(
    "more",
    [
        {"x_amz_server_side_encryption": "aws:kms"},
        {"x_amz_server_side_encryption": "aws:kms:dsse"},
        {"x_amz_server_side_encryption_customer_algorithm": "AES256"},
        {"ETag": f'"{MD5}-2"'},
    ],
)
def test_etags_that_are_no_md5(more):
    assert "md5" not in {digest.algorithm for digest in read(**more).digests}


def test_a_multipart_etag_gives_guesses_as_in_a_listing():
    found = read(ETag=f'"{MD5}-1"')
    assert found.digests == possible_digests(f"{MD5}-1", 5) != ()


def test_encryption_by_s3_itself_leaves_the_md5():
    assert read(x_amz_server_side_encryption="AES256").digests == (Digest("md5", MD5),)


@pytest.mark.parametrize("version", ["null", ""])
def test_no_version(version):
    assert read(x_amz_version_id=version).version is None


@pytest.mark.parametrize("key", ["", "\ud800", "a\0b", "ü" * 511 + "abc"], ids=["empty", "surrogate", "nul", "long"])
def test_keys_that_s3_does_not_hold(key):
    with pytest.raises(InvalidKey) as caught:
        check_key(key, key, "s3")
    assert caught.value.key == key


def test_the_prefix_counts():
    check_key("a" * 1022, "p/" + "a" * 1022, "s3")
    with pytest.raises(InvalidKey, match="1025"):
        check_key("a" * 1023, "p/" + "a" * 1023, "s3")


@pytest.mark.parametrize("length", ["abc", "-1", "+5", "", "9" * 5000, "5, 5"])
def test_a_length_that_is_none_is_no_crash(length):
    with pytest.raises(AdapterError, match="how large"):
        read(Content_Length=length)
    assert object_from_headers("k", headers(Content_Length=length), etag_is_md5=True, provider="s3", size=7).size == 7

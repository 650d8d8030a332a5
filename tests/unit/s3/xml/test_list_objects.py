"""Pages of listings: nasty names, other servers' habits, and what is no whole page."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.planning.digest import Digest
from buckia_s3.xml.list_objects import parse_common_prefixes, parse_listed_objects, parse_page_head
from buckia_s3.xml.reader import MalformedResponse

MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def contents(key: str, etag: str = f'"{MD5}"', size: object = 1, time: str = "2026-01-02T03:04:05.678Z") -> str:
    return (
        f"<Contents><Key>{key}</Key><LastModified>{time}</LastModified><ETag>{escape(etag)}</ETag>"
        f"<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def listing(*parts: str, url: bool = True) -> bytes:
    kind = "<EncodingType>url</EncodingType>" if url else ""
    head = f'<?xml version="1.0"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{kind}'
    return f"{head}<IsTruncated>false</IsTruncated>{''.join(parts)}</ListBucketResult>".encode()


def read(body: bytes, root: str = "", prefix: str = ""):
    return parse_listed_objects(body, root, prefix, url_encoded=parse_page_head(body).url_encoded, etag_is_md5=True)


def test_all_fields_of_a_listing():
    [found] = read(listing(contents("a")))
    assert (found.key, found.size, found.fingerprint) == ("a", 1, MD5)
    assert found.modified_ns == 1_767_323_045_678_000_000
    assert found.digests == (Digest("md5", MD5),)
    assert found.metadata is None


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=5))
def test_any_key_comes_back(keys):
    assert [found.key for found in read(listing(*(contents(quote(key, safe="")) for key in keys)))] == keys


@given(
    st.lists(
        st.text(
            st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cc", "Cs", "Cn"]),
            min_size=1,
        ),
        max_size=5,
    )
)
def test_any_key_comes_back_without_url_encoding(keys):
    assert [found.key for found in read(listing(*(contents(escape(key)) for key in keys), url=False))] == keys


@pytest.mark.parametrize("key", ["Key", "Size", "ETag", "Contents", "LastModified", "ListBucketResult", "StorageClass"])
def test_a_key_that_reads_like_an_element(key):
    """Texts and names of elements are not taken for one another."""
    found = read(listing(contents("a"), contents(key), contents("z")))
    assert [each.key for each in found] == ["a", key, "z"]
    assert {each.fingerprint for each in found} == {MD5}


CHECKSUM = "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
TIMES = st.datetimes().map(lambda time: f"{time.isoformat()}Z") | st.sampled_from(["2026-01-02T03:04:05+02:00", "0"])
ETAGS = st.sampled_from([f'"{MD5}"', f'"{MD5}-3"', f'"{MD5.upper()}"', MD5, 'W/"x"'])
KEYS = st.text("ab/%+ <&>é\u2028", min_size=1)


def through_expat(body: bytes) -> bytes:
    """Return a page of the same content that is not split by the regex, since it has a comment."""
    return body.replace(b"</ListBucketResult>", b"<!-- --></ListBucketResult>")


@given(st.lists(st.tuples(KEYS, ETAGS, st.integers(0, 2**63 - 1), TIMES), max_size=5), st.booleans())
def test_both_parsers_return_the_same(objects, url):
    parts = [contents(quote(key, safe="") if url else escape(key), *rest) for key, *rest in objects]
    body = listing(*parts, url=url)
    assert read(body) == read(through_expat(body))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("<Size>", f"{CHECKSUM}<Size>"),
        pytest.param("<StorageClass>STANDARD</StorageClass>", ""),
        pytest.param("</Contents>", "<Type>Normal</Type></Contents>"),
        pytest.param("</Contents>", "<Owner><ID>1</ID></Owner></Contents>"),
        pytest.param("<Key>b</Key>", "<!-- --><Key>b</Key>"),
        pytest.param("<Contents><Key>b</Key>", "<CommonPrefixes/><Contents><Key>b</Key>"),
    ],
    ids=["checksums", "no_storage_class", "ceph", "owner", "comment", "between"],
)
def test_other_elements_of_an_object(old, new):
    body = listing(contents("a"), contents("b"), contents("c")).replace(old.encode(), new.encode())
    found = read(body)
    assert found == read(through_expat(body))
    assert [(each.key, each.size, each.fingerprint) for each in found] == [(key, 1, MD5) for key in "abc"]


@pytest.mark.parametrize(
    ("opening", "closing"), [("<!-- ", " -->"), ("<![CDATA[", "]]>")], ids=["comment", "character_data"]
)
def test_what_is_in_a_comment_is_no_object(opening, closing):
    assert read(listing(opening, contents("a"), closing)) == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(listing(contents("a"), contents("b")).replace(b"<Key>b</Key>", b"<Key>b</Keys>"), id="wrong_tag"),
        pytest.param(listing(contents("a"), "<Contents><Key>b</Key></Contents>", contents("c")), id="no_size_between"),
        pytest.param(listing(contents("a"), "<x>"), id="unclosed"),
        pytest.param(listing(contents("a"))[:-1], id="cut_in_the_last_tag"),
        pytest.param(b"<html><IsTruncated>false</IsTruncated>" + contents("a").encode() + b"</html>", id="no_listing"),
        pytest.param(b"<!DOCTYPE x>" + listing(contents("a")).partition(b"\n")[2], id="document_type"),
    ],
)
def test_a_page_with_plain_objects_that_is_malformed(body):
    with pytest.raises(MalformedResponse):
        read(body)


def test_plus_is_a_space_and_an_escaped_plus_is_one():
    assert [found.key for found in read(listing(contents("a+b%2Bc%252F%2F")))] == ["a b+c%2F/"]
    assert [found.key for found in read(listing(contents("a+b%2Bc"), url=False))] == ["a+b%2Bc"]


def test_entities_and_sections_are_resolved():
    body = listing(
        "<Contents><Key>&lt;&#38;<![CDATA[>]]>&#x61;</Key><ETag>x</ETag><Size>1</Size></Contents>", url=False
    )
    assert [found.key for found in read(body)] == ["<&>a"]


def test_a_page_with_line_breaks_between_elements():
    body = listing(contents("a"), contents("b")).replace(b"><", b">\n  <")
    assert [(found.key, found.size, found.fingerprint) for found in read(body)] == [("a", 1, MD5), ("b", 1, MD5)]


def test_elements_of_no_interest_are_passed_over():
    owner = "<Owner><ID>1</ID><DisplayName>Key</DisplayName></Owner>"
    body = listing("<Name>x</Name><Prefix></Prefix>", contents("a").replace("</Contents>", f"{owner}</Contents>"))
    assert [found.key for found in read(body)] == ["a"]


@pytest.mark.parametrize(
    ("etag", "fingerprint", "known"),
    [
        pytest.param(f'"{MD5}-3"', f"{MD5}-3", False, id="multipart"),
        pytest.param(f'"{MD5.upper()}"', MD5.upper(), False, id="not_hexadecimal_as_md5_is"),
        pytest.param(MD5, MD5, True, id="without_quotes"),
        pytest.param('W/"x"', 'W/"x"', False, id="weak"),
        pytest.param("", "size=7 time=1767323045", False, id="none"),
        pytest.param('""', "size=7 time=1767323045", False, id="empty"),
    ],
)
def test_etags(etag, fingerprint, known):
    [found] = read(listing(contents("k", etag, 7)))
    assert found.fingerprint == fingerprint
    assert found.digests == ((Digest("md5", fingerprint),) if known else ())


def test_an_empty_etag_after_an_element_of_no_interest():
    body = listing("<Contents><Key>a</Key><Size>7</Size><StorageClass>STANDARD</StorageClass><ETag/></Contents>")
    timed = body.replace(b"<ETag/>", b"<ETag/><LastModified>2026-01-02T03:04:05.678Z</LastModified>")
    assert read(timed)[0].fingerprint == "size=7 time=1767323045"
    # Without a time, nothing would tell when it changes.
    with pytest.raises(MalformedResponse, match="neither an ETag nor a time"):
        read(body)


def test_etags_that_are_no_md5_by_the_settings():
    assert parse_listed_objects(listing(contents("a")), "", "", url_encoded=True, etag_is_md5=False)[0].digests == ()


def test_a_key_that_is_no_utf8_stays_distinct():
    assert [found.key for found in read(listing(contents("a%FFb")))] == ["a\udcffb"]


def test_the_prefix_is_taken_off():
    assert [found.key for found in read(listing(contents("pre%2Fa")), "pre/")] == ["a"]


def test_the_head_of_a_page():
    token = "<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b==</NextContinuationToken>"
    body = listing(contents("a"), contents("b%2Fc")).replace(b"<IsTruncated>false</IsTruncated>", token.encode())
    assert parse_page_head(body) == ("a&b==", "b/c", True)
    assert parse_page_head(listing()) == (None, None, True)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(listing(contents("a"))[:-1], id="cut_in_the_last_tag"),
        pytest.param(listing(contents("a"), contents("b"))[:-60], id="cut_in_an_object"),
        pytest.param(listing("<Contents><Key>a</Key></Contents>"), id="no_size"),
        pytest.param(listing("<Contents><Size>1</Size></Contents>"), id="no_key"),
        pytest.param(listing("<Contents><Size>1</Size><Type>x</Type><Key/></Contents>"), id="empty_key"),
        pytest.param(listing(contents("a", size="many")), id="size_is_no_number"),
        pytest.param(listing(contents("a", size="-1")), id="negative_size"),
        pytest.param(listing(contents("a", size="9" * 400)), id="immense_size"),
        pytest.param(listing(contents("a", size="9" * 5000)), id="size_beyond_numbers"),
        pytest.param(listing(contents("a", etag="", time="yesterday")), id="neither_etag_nor_time"),
        pytest.param(b"<html><IsTruncated>false</IsTruncated></html>", id="page_of_a_proxy"),
        pytest.param(b'<!DOCTYPE x [<!ENTITY a "b">]>' + listing(contents("&a;")).partition(b"\n")[2], id="entities"),
        pytest.param(listing(contents("\x01"), url=False), id="control_character"),
    ],
)
def test_what_is_no_complete_page(body):
    with pytest.raises(MalformedResponse):
        read(body)


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("yesterday", 0),
        ("", 0),
        ("99999-01-01T00:00:00Z", 0),
        ("0000-01-01T00:00:00Z", 0),
        ("2026-01-02T03:04:05", 1_767_323_045),
        ("2026-01-02T05:04:05+02:00", 1_767_323_045),
        ("2026-01-02T03:04:05+99:00", 0),
    ],
)
def test_a_time_that_can_not_be_is_none(time, seconds):
    [found] = read(listing(contents("a", time=time)))
    assert found.modified_ns == seconds * 10**9


def test_a_key_that_was_not_asked_for():
    assert [found.key for found in read(listing(contents("p%2Fa1")), "p/", "a")] == ["a1"]
    with pytest.raises(MalformedResponse, match="does not begin with 'p/a'"):
        read(listing(contents("p%2Fa1"), contents("p%2Fb")), "p/", "a")


@pytest.mark.parametrize("text", ["&#x110000;", "&#99999999999;", "\udc80".encode("utf-8", "surrogateescape")])
def test_a_head_with_text_that_can_not_be(text):
    told = text if isinstance(text, bytes) else text.encode()
    token = b"<IsTruncated>true</IsTruncated><NextContinuationToken>" + told + b"</NextContinuationToken>"
    with pytest.raises(MalformedResponse):
        parse_page_head(listing().replace(b"<IsTruncated>false</IsTruncated>", token))


@pytest.mark.parametrize("body", [b"", b"<ListBucketResult/>", b"<ListBucketResult><IsTruncated>true</IsTruncated>"])
def test_a_page_that_does_not_say_how_it_goes_on(body):
    with pytest.raises(MalformedResponse):
        parse_page_head(body)


def test_common_prefixes():
    body = (
        b"<ListBucketResult><Prefix>x/</Prefix><Contents><Key>x/1</Key></Contents><CommonPrefixes><Prefix>x/a%2B/</Prefix>"
        b"</CommonPrefixes>\n<CommonPrefixes>\n <Prefix>x/b&amp;+%C3%A9/</Prefix>\n</CommonPrefixes></ListBucketResult>"
    )
    assert parse_common_prefixes(body, url_encoded=True) == ["x/a+/", "x/b& é/"]
    assert parse_common_prefixes(body, url_encoded=False) == ["x/a%2B/", "x/b&+%C3%A9/"]
    with pytest.raises(MalformedResponse, match="prefix"):
        parse_common_prefixes(b"<CommonPrefixes><Prefix>&#xffffffff;</Prefix></CommonPrefixes>", url_encoded=False)

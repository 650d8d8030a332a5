"""`buckia url`: what it shows, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.commands import Ran, ran

BASE = """
files: {provider: file, root: bucket, public_url_base: 'https://f.example.com/x'}
zone:
  provider: bunny
  bucket_name: media
  storage_api_key: password-of-the-zone
  pull_zone: media
  token_key: key-of-the-pull-zone
store:
  provider: s3
  bucket_name: media
  region: eu-west-1
  access_key_id: AKIDEXAMPLE
  secret_access_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
"""


@pytest.fixture
def buckia(tmp_path, monkeypatch, capsys):
    (tmp_path / ".buckia").write_text(BASE, "utf-8")
    (tmp_path / ".buckia").chmod(0o600)
    (tmp_path / "bucket").mkdir()
    monkeypatch.chdir(tmp_path)

    def buckia(bucket: str, *arguments: str) -> Ran:
        return ran(capsys, "-b", bucket, "url", *arguments)

    return buckia


def test_a_base_makes_public_urls(buckia):
    assert buckia("files", "d/a b.txt").out == "https://f.example.com/x/d/a%20b.txt\n"
    record = buckia("files", "a", "--public", "--json").records[0]
    assert record == {
        "type": "url",
        "bucket": "files",
        "key": "a",
        "url": "https://f.example.com/x/a",
        "method": "GET",
        "expires": None,
    }


def test_a_signed_url_is_shown_whole(buckia):
    shown = buckia("store", "a", "--expires", "7d").out.strip()
    query = parse_qs(urlsplit(shown).query)
    assert query["X-Amz-Expires"] == ["604800"] and len(query["X-Amz-Signature"][0]) == 64
    record = buckia("store", "a", "--method", "PUT", "--content-type", "image/png", "--json").records[0]
    assert record["method"] == "PUT" and "content-type%3Bhost" in record["url"]
    left = datetime.fromisoformat(record["expires"]) - datetime.now(UTC)
    assert timedelta(minutes=55) < left <= timedelta(hours=1)
    assert "response-content-type=text%2Fhtml" in buckia("store", "a", "--content-type", "text/html").out
    assert buckia("zone", "a").out.startswith("https://media.b-cdn.net/a?token=HS256-")
    assert buckia("zone", "a", "--public").out == "https://media.b-cdn.net/a\n"


@pytest.mark.parametrize(
    ("bucket", "arguments", "message"),
    [
        ("store", ["a", "--expires", "8d"], "7 days"),
        ("store", ["a", "--expires", "soon"], "span of time"),
        ("store", ["a", "--public", "--expires", "1h"], "does not expire"),
        ("store", ["a", "--public", "--method", "PUT"], "for reading"),
        ("store", ["a", "--method", "DELETE"], "DELETE"),
        ("zone", ["a", "--method", "PUT"], "PUT"),
        ("files", ["a", "--expires", "1h"], "signs no URLs"),
    ],
)
def test_what_can_not_be_is_refused(buckia, bucket, arguments, message):
    done = buckia(bucket, *arguments)
    assert done.code == 2 and message in done.err and done.out == ""

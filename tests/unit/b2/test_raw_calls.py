"""Raw calls: the same requests as those of b2sdk, which only other calls import."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
from b2sdk.v3 import B2RawHTTPApi, LegalHold

from buckia_b2.api.raw_calls import API_VERSION, RawCalls

URL, TOKEN = "https://api.example", "token"
FILE = ("ordner/käse %+.txt", 5, "text/plain", "hex_digits_at_end", {"src_last_modified_millis": "1", "n": "ü /"}, b"")


class Recorder:
    """Returns each request instead of sending it. The length of a body is the affair of the transport."""

    def post_json_return_json(self, url, headers, params, **_):
        return url, headers, params

    def post_content_return_json(self, url, headers, data, **_):
        headers.pop("Content-Length", None)
        return url, headers, data


@pytest.fixture(scope="module")
def calls():
    return RawCalls(Recorder())


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("authorize_account", ("id", "ké:y"), {}),
        ("list_buckets", ("account", None, "bucket"), {}),
        ("list_buckets", ("account", "id"), {}),
        ("list_file_names", ("bucket",), {}),
        ("list_file_names", ("bucket", "start", 100, "pre/"), {}),
        ("list_file_versions", ("bucket", "start", "id", 100, "pre/"), {}),
        ("get_upload_url", ("bucket",), {}),
        ("upload_file", FILE, {}),
        ("upload_file", FILE, {"server_side_encryption": None, "file_retention": None, "legal_hold": None}),
        ("upload_file", FILE, {"legal_hold": LegalHold.ON}),
        ("hide_file", ("bucket", "name"), {}),
        ("delete_file_version", ("id", "name"), {}),
        ("delete_file_version", ("id", "name"), {"bypass_governance": True}),
        ("get_download_url_by_name", ("ordner/käse %+.txt",), {}),
        ("get_file_info_by_id", ("id",), {}),
    ],
)
def test_requests_are_those_of_b2sdk(calls, name, arguments, options):
    first = URL if name == "authorize_account" else (URL, TOKEN)
    arguments = (*([first] if isinstance(first, str) else first), *arguments)
    assert getattr(calls, name)(*arguments, **options) == getattr(B2RawHTTPApi(Recorder()), name)(*arguments, **options)


def test_urls_and_calls_by_name_have_the_version_of_b2sdk(calls):
    theirs = B2RawHTTPApi(Recorder())
    assert B2RawHTTPApi.API_VERSION == API_VERSION
    assert calls.get_download_url_by_id(URL, "4_z") == theirs.get_download_url_by_id(URL, "4_z")
    assert calls.post(URL, "b2_any", TOKEN, a=1) == theirs._post_json(URL, "b2_any", TOKEN, a=1)


def test_unknown_methods_are_errors_and_copies_work(calls):
    with pytest.raises(AttributeError):
        _ = calls.no_such_call
    assert copy.copy(calls).get_upload_url(URL, TOKEN, "b") == calls.get_upload_url(URL, TOKEN, "b")


def test_a_sync_of_small_files_does_not_import_b2sdk():
    code = """if True:
        import sys
        from buckia_b2.api.raw_calls import RawCalls
        import buckia_b2.sync
        class Transport:
            def post_json_return_json(self, *_): return {}
            def post_content_return_json(self, *_): return {}
        calls = RawCalls(Transport())
        calls.authorize_account("u", "i", "k")
        calls.upload_file("u", "t", "n", 1, "c", "s", {}, b"", server_side_encryption=None)
        print(*{"b2sdk", "pydantic"} & set(sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")

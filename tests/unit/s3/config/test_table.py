"""`docs/s3-config.md` has every key of obstore's `S3Config`, and what it says is true."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import obstore
import pytest

from buckia_s3.config.options import _PARSERS, _REFUSED
from buckia_s3.config.settings import S3Settings
from tests.setting_docs import describe_settings

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "s3-config.md").read_text(encoding="utf-8")
KEYS = PAGE.partition("\n## Keys\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) ?\| ?(.*?) ?\|$", KEYS, re.MULTILINE)

SETTINGS = {name: row for row in describe_settings(S3Settings) for name in (row.name, *row.aliases)}

READ_AS_ONE_SET = ("access_key_id", "secret_access_key", "session_token")

TESTED_BY = {
    "access_key_id": "config/test_keys.py::test_everything_from_the_environment",
    "aws_endpoint_url_s3": "config/test_keys.py::test_what_is_given_goes_before_the_environment",
    "bucket": "config/test_keys.py::test_everything_from_the_environment",
    "checksum_algorithm": "objects/test_checksums.py::test_an_upload_carries_it",
    "conditional_put": "config/test_keys.py::test_etag_insists_on_conditions",
    "container_authorization_token_file": "config/test_providers.py::test_container_credentials_full_uri",
    "container_credentials_full_uri": "config/test_providers.py::test_container_credentials_full_uri",
    "container_credentials_relative_uri": "config/test_providers.py::test_container_credentials_relative_uri",
    "copy_if_not_exists": "config/test_copy_if_not_exists.py::test_a_header_goes_with_a_copy_that_expects_nothing",
    "default_region": "config/test_keys.py::test_default_region",
    "disable_bulk_delete": "config/test_keys.py::test_disable_bulk_delete",
    "disable_tagging": "objects/test_attributes.py::test_tagging_can_be_left_out",
    "endpoint": "config/test_keys.py::test_everything_from_the_environment",
    "imdsv1_fallback": "config/test_providers.py::test_imdsv1_fallback",
    "metadata_endpoint": "config/test_providers.py::test_metadata_endpoint",
    "region": "config/test_keys.py::test_everything_from_the_environment",
    "request_payer": "http/test_request_headers.py::test_a_requester_who_pays_says_so_in_every_request",
    "role_arn": "config/test_providers.py::test_what_sts_is_asked",
    "role_session_name": "config/test_providers.py::test_what_sts_is_asked",
    "s3_express": "config/test_express.py::test_requests_are_signed_with_a_session",
    "secret_access_key": "config/test_keys.py::test_everything_from_the_environment",
    "server_side_encryption": "objects/test_encryption.py::test_writes_ask_for_it_and_reads_do_not",
    "session_token": "config/test_keys.py::test_session_token",
    "skip_signature": "config/test_keys.py::test_skip_signature",
    "sse_bucket_key_enabled": "objects/test_encryption.py::test_writes_ask_for_it_and_reads_do_not",
    "sse_customer_key_base64": (
        "objects/test_encryption.py::test_a_key_of_the_customer_goes_with_whatever_touches_content"
    ),
    "sse_kms_key_id": "objects/test_encryption.py::test_writes_ask_for_it_and_reads_do_not",
    "sts_endpoint": "config/test_providers.py::test_sts",
    "unsigned_payload": "http/test_request_headers.py::test_what_is_sent_can_be_left_out_of_the_signature",
    "virtual_hosted_style_request": "config/test_keys.py::test_virtual_hosted_style_request",
    "web_identity_token_file": "config/test_providers.py::test_web_identity_token_file",
}
"""The test, in a file of `tests/unit/s3`, that shows that a key acts."""


def test_every_key_has_a_row():
    stub = ast.parse((Path(obstore.__file__).with_name("_store") / "_aws.pyi").read_text(encoding="utf-8"))
    (declared,) = [each for each in stub.body if isinstance(each, ast.ClassDef) and each.name == "S3Config"]
    theirs = [
        each.target.id
        for each in declared.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    ]
    assert len(theirs) > 25
    assert sorted(theirs) == [name for name, *_ in ROWS] == list(TESTED_BY)
    assert KEYS.count("\n| `") == len(ROWS), "a row that is not understood is not tested"


@pytest.mark.parametrize(("name", "kind", "default", "variables"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_is_true(name, kind, default, variables):
    row = SETTINGS[name]
    # What is parsed, or has a few words as its values, is text to a reader.
    assert kind == ("text" if "`" in row.type or row.type == "map" else row.type)
    if name not in READ_AS_ONE_SET:
        assert tuple(re.findall(r"`(\w+)`", variables)) == row.env
    if row.default:
        assert default == f"`{row.default}`"
    file, _, test = TESTED_BY[name].partition("::")
    text = (ROOT / "tests/unit/s3" / file).read_text(encoding="utf-8")
    assert re.search(rf"^ *def {test}\(", text, re.MULTILINE), f"{file} has no {test}"


def test_every_client_option_has_a_row():
    section = PAGE.partition("## Client options")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(_PARSERS)
    refused = section.rpartition("Buckia rejects these")[2]
    assert set(re.findall(r"`(\w+)`", refused)) == set(_REFUSED)


def test_the_settings_on_the_page_of_s3_are_all_there_and_true():
    page = (ROOT / "docs" / "s3.md").read_text(encoding="utf-8")
    missing = {
        row.name for row in SETTINGS.values() if row.name != "checksum_algorithm" and f"`{row.name}`" not in page
    }
    assert missing == set()
    rows = re.findall(r"^\| `(\w+)` \| .*? \| (.*?) ?\| ?(.*?) ?\| (.*) \|$", page, re.MULTILINE)
    assert len(rows) > 35
    for name, default, variables, meaning in rows:
        row = SETTINGS[name]
        if name not in READ_AS_ONE_SET:
            assert tuple(re.findall(r"`(\w+)`", variables)) == row.env, name
        if row.default and row.type != "map":
            assert default == f"`{row.default}`", name
        assert all(f"`{alias}`" in meaning for alias in row.aliases), name

"""Copies onto what must not be there, by the setting `copy_if_not_exists`."""

from __future__ import annotations

import pytest

from buckia_core.adapters.contract.types import IfAbsent
from buckia_core.config.settings import read_settings
from buckia_core.errors import AdapterError, ConfigError, PreconditionFailed
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.parsers import CopyIfNotExists, parse_copy_if_not_exists
from buckia_s3.config.settings import S3Settings
from tests.unit.s3.operations.test_multipart import Parts
from tests.unit.s3.scripted_server import HELLO, Answer, error

SOURCE = RemoteObject("k", 5, "5d41402abc4b2a76b9719d911017c592")
HEADER = "header:cf-copy-destination-if-none-match: *"
STATUS = "header-with-status:x-if-absent:yes:409"


def script(answer):
    def answered(asked):
        if asked.method == "HEAD":
            return HELLO if asked.path.endswith("/k") else Answer(404) if asked.path != "/bucket" else Answer(200)
        return answer

    return answered


DONE = Answer(200, b"<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>")


@pytest.mark.parametrize(
    ("setting", "name", "value"), [(HEADER, "cf-copy-destination-if-none-match", "*"), (STATUS, "x-if-absent", "yes")]
)
def test_a_header_goes_with_a_copy_that_expects_nothing(connect, setting, name, value):
    adapter, server = connect(script(DONE), copy_if_not_exists=parse_copy_if_not_exists(setting))
    adapter.copy_file(SOURCE, "new", expect=IfAbsent())
    assert server.asked[-1].headers[name] == value
    adapter.copy_file(SOURCE, "new")
    assert name not in server.asked[-1].headers


@pytest.mark.parametrize(
    ("setting", "answer", "kind"),
    [
        (HEADER, error(412, "PreconditionFailed"), PreconditionFailed),
        (STATUS, error(409, "Conflict"), PreconditionFailed),
        (HEADER, error(409, "Conflict"), AdapterError),
    ],
)
def test_the_status_says_that_something_is_there(connect, setting, answer, kind):
    adapter, _ = connect(script(answer), copy_if_not_exists=parse_copy_if_not_exists(setting))
    with pytest.raises(AdapterError) as caught:
        adapter.copy_file(SOURCE, "new", expect=IfAbsent())
    assert isinstance(caught.value, PreconditionFailed) is (kind is PreconditionFailed)


class ByParts:
    """A server that puts a copy together of parts, unless something came there meanwhile."""

    def __init__(self, *, taken=False):
        self.taken = taken
        self.parts = Parts()

    def __call__(self, asked):
        if asked.method == "HEAD" and asked.path != "/bucket/new":
            return HELLO
        if "tagging" in asked.query:
            return Answer(200, b"<Tagging/>")
        if "partNumber" in asked.query:
            self.parts.parts[1] = b"hello"
            return Answer(200, b"<CopyPartResult><ETag>5d41402abc4b2a76b9719d911017c592</ETag></CopyPartResult>")
        if asked.headers.get("if-none-match") == "*" and self.taken:
            return error(412, "PreconditionFailed")
        return self.parts(asked)


def test_by_parts_the_completion_has_the_condition(connect):
    server = ByParts()
    adapter, scripted = connect(server, copy_if_not_exists=CopyIfNotExists())
    assert adapter.copy_file(SOURCE, "new", expect=IfAbsent()).size == 5
    [completion] = [asked for asked in scripted.asked if asked.method == "POST" and "uploadId" in asked.query]
    assert completion.headers["if-none-match"] == "*"
    [part] = [asked for asked in scripted.asked if "partNumber" in asked.query]
    # S3 takes no range of a source of less than 5 MiB.
    assert "x-amz-copy-source-range" not in part.headers


def test_by_multipart_a_concurrent_write_stays(connect):
    server = ByParts(taken=True)
    adapter, _ = connect(server, copy_if_not_exists=CopyIfNotExists())
    with pytest.raises(PreconditionFailed):
        adapter.copy_file(SOURCE, "new", expect=IfAbsent())
    assert server.parts.aborted


def test_by_parts_only_where_nothing_is_expected(connect):
    adapter, server = connect(script(DONE), copy_if_not_exists=CopyIfNotExists())
    adapter.copy_file(SOURCE, "new")
    assert server.asked[-1].query == {}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("multipart", CopyIfNotExists()),
        (HEADER, CopyIfNotExists(("cf-copy-destination-if-none-match", "*"))),
        ("header:a:b:c", CopyIfNotExists(("a", "b:c"))),
        (STATUS, CopyIfNotExists(("x-if-absent", "yes"), 409)),
    ],
)
def test_the_forms(text, read):
    assert parse_copy_if_not_exists(text) == read
    assert parse_copy_if_not_exists(read) is read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dynamo:table", "DynamoDB"),
        ("header", "header:NAME:VALUE"),
        ("header:a", "header:NAME:VALUE"),
        ("header::b", "header:NAME:VALUE"),
        ("header:a b:c", "header:NAME:VALUE"),
        ("header-with-status:a:b", "STATUS"),
        ("header-with-status:a:b:200", "STATUS"),
        ("etag", "multipart"),
    ],
)
def test_what_can_not_be(tmp_path, text, message):
    values = {"bucket_name": "b"}
    with pytest.raises(ConfigError, match=message):
        read_settings(S3Settings, values, provider="s3", base_dir=tmp_path, environ={"AWS_COPY_IF_NOT_EXISTS": text})

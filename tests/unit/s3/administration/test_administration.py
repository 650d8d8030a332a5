"""What is sent, and what is not, when a change is applied."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle

import pytest

from buckia_core.cli.exit_codes import ExitCode, exit_code_for
from buckia_core.errors import (
    ConfigError,
    NotFound,
    NotSupported,
    PermissionDenied,
    PreconditionFailed,
    Transient,
    Unauthenticated,
)
from buckia_s3.administration import SUBRESOURCES
from buckia_s3.config.options import RetryConfig
from tests.unit.s3.scripted_server import Answer, error

TAGS = b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>%s</TagSet></Tagging>'
TEAM = TAGS % b"<Tag><Key>team</Key><Value>web</Value></Tag>"


class OneSubresource:
    """A server that keeps the body of one subresource."""

    def __init__(self, body: bytes | None, missing: str = "NoSuchTagSet") -> None:
        self.body = body
        self.missing = missing

    def __call__(self, asked):
        match asked.method:
            case "GET":
                return error(404, self.missing) if self.body is None else Answer(200, self.body)
            case "PUT":
                self.body = asked.body
                return Answer(200)
            case _:
                self.body = None
                return Answer(204)


def methods(server) -> list[str]:
    return [asked.method for asked in server.asked]


def test_a_write_has_a_checksum_that_old_servers_know(connect):
    adapter, server = connect(OneSubresource(None))
    bucket = adapter.administration
    bucket.apply(bucket.plan("tags", {"TagSet": [{"Key": "a", "Value": "1"}]}))
    (put,) = (asked for asked in server.asked if asked.method == "PUT")
    assert put.path == "/bucket"
    assert put.query == {"tagging": ""}
    assert put.headers["content-md5"] == base64.b64encode(hashlib.md5(put.body).digest()).decode()
    assert put.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
    assert put.body == TAGS % b"<Tag><Key>a</Key><Value>1</Value></Tag>"


def test_a_policy_goes_as_json(connect):
    adapter, server = connect(OneSubresource(None, "NoSuchBucketPolicy"))
    bucket = adapter.administration
    assert bucket.apply(bucket.plan("policy", {"Statement": []})) == {"Statement": []}
    put = server.asked[2]
    assert json.loads(put.body) == {"Statement": []}
    assert put.headers["content-type"] == "application/json"


def test_nothing_is_sent_if_nothing_differs(connect):
    adapter, server = connect(OneSubresource(TEAM))
    bucket = adapter.administration
    change = bucket.plan("tags", {"TagSet": [{"Key": "team", "Value": "web"}]})
    assert bucket.apply(change) == {"TagSet": [{"Key": "team", "Value": "web"}]}
    assert methods(server) == ["GET"]


def test_an_absent_subresource_is_not_deleted(connect):
    adapter, server = connect(OneSubresource(None))
    bucket = adapter.administration
    assert bucket.apply(bucket.plan_removal("tags")) is None
    assert methods(server) == ["GET"]


@pytest.mark.parametrize("removal", [False, True])
def test_a_concurrent_change_is_not_overwritten(connect, removal):
    topic = OneSubresource(TEAM)
    adapter, server = connect(topic)
    bucket = adapter.administration
    change = bucket.plan_removal("tags") if removal else bucket.plan("tags", {"TagSet": [{"Key": "a", "Value": "1"}]})
    topic.body = TAGS % b"<Tag><Key>theirs</Key><Value>1</Value></Tag>"
    with pytest.raises(PreconditionFailed, match="the bucket tags: changed since"):
        bucket.apply(change)
    assert methods(server) == ["GET", "GET"]


def test_rules_with_parts_that_would_get_lost_are_not_merged(connect):
    body = (
        b"<LifecycleConfiguration><Rule><ID>new</ID><Status>Enabled</Status><Prefix/><FromTheFuture>1</FromTheFuture>"
        b"</Rule></LifecycleConfiguration>"
    )
    adapter, _ = connect(OneSubresource(body))
    bucket = adapter.administration
    mine = {"Rules": [{"ID": "a", "Prefix": "", "Status": "Enabled"}]}
    with pytest.raises(NotSupported, match="FromTheFuture"):
        bucket.plan("lifecycle", mine)
    with pytest.raises(NotSupported, match="FromTheFuture"):
        bucket.plan_removal("lifecycle", ["new"])
    assert bucket.plan("lifecycle", mine, replace=True).after == mine


def test_empty_elements_are_kept_in_a_merge(connect):
    body = (
        b"<LifecycleConfiguration><Rule><ID>all</ID><Status>Enabled</Status><Filter></Filter>"
        b"<Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>"
    )
    adapter, server = connect(OneSubresource(body))
    bucket = adapter.administration
    bucket.apply(bucket.plan("lifecycle", {"Rules": [{"ID": "a", "Filter": {"Prefix": "a/"}, "Status": "Enabled"}]}))
    assert server.asked[2].body.count(b"<Filter") == 2


def test_a_refusal_names_what_was_tried(connect):
    adapter, _ = connect(lambda asked: error(403, "AccessDenied"))
    with pytest.raises(PermissionDenied, match="reading the bucket policy: access denied"):
        adapter.administration.get("policy")
    assert {type(status.problem) for status in adapter.administration.overview()} == {PermissionDenied}


LISTING = b"<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Contents><Key>%s</Key></Contents></ListBucketResult>"


@pytest.mark.parametrize("key", [b"a", b"\x01c", b"&#1;c", b"\xff", b"a&b"])
def test_a_listing_shows_that_a_topic_is_not_known_whatever_keys_it_has(connect, key):
    adapter, _ = connect(lambda asked: Answer(200, LISTING % key))
    with pytest.raises(NotSupported, match="does not support the CORS rules"):
        adapter.administration.get("cors")
    assert {type(status.problem) for status in adapter.administration.overview()} == {NotSupported}


@pytest.mark.parametrize(
    "answer",
    [Answer(200, b"<CORSConfiguration>\x01"), Answer(200, b""), error(500, "InternalError"), error(404, "NoSuchThing")],
)
def test_a_topic_that_can_not_be_read_keeps_no_other_from_being_shown(connect, answer):
    def script(asked):
        return answer if "cors" in asked.query else error(404, "NoSuchTagSet")

    adapter, _ = connect(script, retry_config=RetryConfig(max_retries=0))
    statuses = {status.subresource.name: status for status in adapter.administration.overview()}
    assert list(statuses) == list(SUBRESOURCES)
    assert statuses["tags"].problem is None
    assert statuses["cors"].document is None


@pytest.mark.parametrize(
    ("answer", "kind"), [(error(404, "NoSuchBucket"), NotFound), (error(403, "InvalidAccessKeyId"), Unauthenticated)]
)
def test_what_concerns_every_topic_ends_the_overview(connect, answer, kind):
    adapter, server = connect(lambda asked: answer)
    with pytest.raises(kind):
        adapter.administration.overview()
    assert len(server.asked) == 1


@pytest.mark.parametrize("code", ["MalformedXML", "MalformedPolicy", "InvalidRequest", "InvalidArgument"])
def test_a_document_that_the_server_refuses_is_a_fault_of_the_document(connect, code):
    def script(asked):
        return error(400, code) if asked.method == "PUT" else error(404, "NoSuchTagSet")

    adapter, _ = connect(script)
    bucket = adapter.administration
    with pytest.raises(ConfigError, match=rf"refuses this: setting the bucket tags: because \({code}\)") as caught:
        bucket.apply(bucket.plan("tags", {"TagSet": [{"Key": "a", "Value": "b"}]}))
    assert exit_code_for(caught.value) is ExitCode.USAGE


def test_a_refusal_for_another_reason_is_none_of_the_document(connect):
    def script(asked):
        return error(403, "AccessDenied") if asked.method == "PUT" else error(404, "NoSuchTagSet")

    adapter, _ = connect(script)
    bucket = adapter.administration
    with pytest.raises(PermissionDenied):
        bucket.apply(bucket.plan("tags", {"TagSet": [{"Key": "a", "Value": "b"}]}))


def test_the_servers_own_name_of_an_error_goes_with_it(connect):
    adapter, _ = connect(lambda asked: error(409, "InvalidBucketState"))
    with pytest.raises(PreconditionFailed) as caught:
        adapter.administration.get("versioning")
    assert pickle.loads(pickle.dumps(caught.value)).code == "InvalidBucketState"


def test_a_change_can_be_carried_to_another_process(connect):
    adapter, _ = connect(OneSubresource(TEAM))
    change = adapter.administration.plan_removal("tags")
    assert pickle.loads(pickle.dumps(change)) == change


def test_a_transient_fault_is_retried(connect):
    failing = iter([error(503, "SlowDown"), error(500, "InternalError")])
    topic = OneSubresource(TEAM)
    script = lambda asked: next(failing, None) or topic(asked)  # noqa: E731  # the whole server in one line
    adapter, server = connect(script, retry_config=RetryConfig(init_backoff=0.0))
    assert adapter.administration.get("tags") == {"TagSet": [{"Key": "team", "Value": "web"}]}
    assert len(server.asked) == 3


def test_a_truncated_response_is_not_an_empty_one(connect):
    adapter, _ = connect(OneSubresource(TEAM[:70]))
    with pytest.raises(Transient, match="reading the bucket tags: the response can't be parsed"):
        adapter.administration.get("tags")


def test_a_document_is_checked_before_anything_is_asked(connect):
    adapter, server = connect(OneSubresource(TEAM))
    with pytest.raises(ConfigError, match=r'the bucket tags: .*Unknown parameter .*"Tags"'):
        adapter.administration.plan("tags", {"Tags": []})
    assert server.asked == []


def test_a_name_twice_in_one_document_is_refused(connect):
    adapter, _ = connect(OneSubresource(TEAM))
    with pytest.raises(ConfigError, match="TagSet has the Key 'a' more than once"):
        adapter.administration.plan("tags", {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]})


def test_a_topic_that_does_not_exist_is_named(connect):
    adapter, _ = connect(OneSubresource(None))
    with pytest.raises(ValueError, match="no subresource 'tag': the subresources are policy, acl"):
        adapter.administration.get("tag")

"""Buckets are listed, made, and removed if they are empty."""

from __future__ import annotations

import uuid

import pytest

from buckia_core.errors import AlreadyExists, NotFound, PermissionDenied, PreconditionFailed, Unauthenticated
from buckia_s3.config.options import RetryConfig
from tests.unit.s3.scripted_server import Answer, error, page


@pytest.fixture(params=["moto_server", "ceph", "rclone_server"])
def server(request):
    return request.getfixturevalue(request.param)


def fresh() -> str:
    return f"made-{uuid.uuid4().hex[:12]}"


def test_a_bucket_is_made_listed_and_removed(on, server):
    name = fresh()
    buckets = on(server, bucket=name).administration.buckets
    assert name not in {each.name for each in buckets.list()}
    buckets.create()
    (found,) = (each for each in buckets.list() if each.name == name)
    assert found.created is not None
    with pytest.raises(AlreadyExists, match=f"creating the bucket '{name}': it already exists"):
        buckets.create()
    buckets.remove()
    assert name not in {each.name for each in buckets.list()}
    with pytest.raises(NotFound):
        buckets.remove()


def test_a_bucket_with_something_in_it_stays(on, server):
    adapter = on(server)
    server.client().put_object(Bucket=adapter.administration.buckets.name, Key="a/b.txt", Body=b"1")
    with pytest.raises(PreconditionFailed, match=r"not empty, 'a/b\.txt' is in it"):
        adapter.administration.buckets.remove()
    assert [each.key for each in adapter.list_files()] == ["a/b.txt"]


def test_older_versions_keep_a_bucket(on, ceph):
    adapter = on(ceph)
    bucket = adapter.administration
    bucket.apply(bucket.plan("versioning", {"Status": "Enabled"}))
    client = ceph.client()
    client.put_object(Bucket=bucket.buckets.name, Key="a", Body=b"1")
    client.delete_object(Bucket=bucket.buckets.name, Key="a")
    with pytest.raises(PreconditionFailed, match="older versions and delete markers count too"):
        bucket.buckets.remove()


@pytest.mark.parametrize("name", ["moto_server", "ceph"])
def test_a_bucket_is_made_with_object_lock_and_grants(on, request, name):
    bucket = on(request.getfixturevalue(name), bucket=fresh()).administration
    bucket.buckets.create(object_lock=True, acl="public-read")
    assert bucket.get("object-lock") == {"ObjectLockEnabled": "Enabled"}
    assert not bucket.plan_canned("public-read").differs


def test_a_region_is_asked_for(connect):
    adapter, server = connect(lambda asked: error(404, "NoSuchBucket") if asked.method == "HEAD" else Answer())
    adapter.administration.buckets.create(region="eu-west-3")
    assert b"<LocationConstraint>eu-west-3</LocationConstraint>" in server.asked[-1].body
    adapter.administration.buckets.create()
    assert server.asked[-1].body == b""


def test_a_bucket_is_created_without_permission_for_head(connect):
    adapter, server = connect(lambda asked: error(403, "AccessDenied") if asked.method == "HEAD" else Answer())
    adapter.administration.buckets.create()
    assert [asked.method for asked in server.asked] == ["HEAD", "PUT"]


def test_a_bucket_of_another_account_is_not_a_transient_fault(connect):
    adapter, server = connect(lambda asked: error(403 if asked.method == "HEAD" else 409, "BucketAlreadyExists"))
    with pytest.raises(AlreadyExists):
        adapter.administration.buckets.create()
    assert [asked.method for asked in server.asked].count("PUT") <= 1


class Making:
    """A service that does what it is asked, and whose first answers to PUT or DELETE are lost."""

    def __init__(self, *, there=False, refusal="BucketAlreadyOwnedByYou", lost=1, mine=True):
        self.there, self.refusal, self.lost, self.mine = there, refusal, lost, mine
        self.sent = []

    def __call__(self, asked):
        self.sent.append(asked.method)
        if asked.path == "/":
            name = "bucket" if self.there and self.mine else "another"
            return Answer(200, f"<R><Buckets><Bucket><Name>{name}</Name></Bucket></Buckets></R>".encode())
        match asked.method:
            case "HEAD" if not self.there:
                return Answer(404)
            case "PUT" if self.there:
                return error(409, self.refusal)
            case "DELETE" if not self.there:
                return error(404, "NoSuchBucket")
            case "PUT" | "DELETE":
                self.there = asked.method == "PUT"
                if self.lost:
                    self.lost -= 1
                    return None
        return page() if asked.method == "GET" else Answer()


QUICKLY = {"retry_config": RetryConfig(init_backoff=0.0)}


@pytest.mark.parametrize("refusal", ["BucketAlreadyOwnedByYou", "BucketAlreadyExists"])
def test_a_bucket_whose_creation_got_no_response_is_own(connect, refusal):
    service = Making(refusal=refusal)
    adapter, _ = connect(service, **QUICKLY)
    adapter.administration.buckets.create()
    assert service.sent.count("PUT") == 2


def test_a_bucket_created_concurrently_by_another_account_is_not_own(connect):
    service = Making(refusal="BucketAlreadyExists", mine=False)
    adapter, _ = connect(service, **QUICKLY)
    with pytest.raises(AlreadyExists):
        adapter.administration.buckets.create()


def test_one_that_appeared_before_the_first_attempt_is_not(connect):
    def script(asked):
        return Answer(404) if asked.method == "HEAD" else error(409, "BucketAlreadyOwnedByYou")

    adapter, _ = connect(script, **QUICKLY)
    with pytest.raises(AlreadyExists):
        adapter.administration.buckets.create()


def test_a_deletion_without_response_counts(connect):
    service = Making(there=True)
    adapter, _ = connect(service, **QUICKLY)
    adapter.administration.buckets.remove()
    assert service.sent.count("DELETE") == 2
    with pytest.raises(NotFound):
        adapter.administration.buckets.remove()


def test_a_listing_continues_on_the_next_page(connect):
    def script(asked):
        token = asked.query.get("continuation-token")
        name, more = ("b", "") if token == "two" else ("a", "<ContinuationToken>two</ContinuationToken>")
        listed = f"<Buckets><Bucket><Name>{name}</Name></Bucket></Buckets>{more}"
        return Answer(200, f"<ListAllMyBucketsResult>{listed}</ListAllMyBucketsResult>".encode())

    adapter, server = connect(script)
    assert [(each.name, each.created) for each in adapter.administration.buckets.list()] == [("a", None), ("b", None)]
    assert {asked.path for asked in server.asked} == {"/"}


def test_a_listing_of_buckets_does_not_follow_the_region_of_a_response(connect):
    refused = error(400, "AuthorizationHeaderMalformed", x_amz_bucket_region="eu-west-9")
    adapter, _ = connect(lambda asked: refused)
    with pytest.raises(Unauthenticated):
        list(adapter.administration.buckets.list())


def test_a_refused_listing_says_so(connect):
    adapter, _ = connect(lambda asked: error(403, "AccessDenied"))
    with pytest.raises(PermissionDenied, match="listing the buckets: access denied"):
        list(adapter.administration.buckets.list())

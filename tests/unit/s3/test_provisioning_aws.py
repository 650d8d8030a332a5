"""Vendor `aws` on moto, whose IAM checks each request after the first ones: narrow keys, rotation, public buckets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from buckia_core import Access, AlreadyExists, BucketOptions, KeyScope, PreconditionFailed, Secret
from buckia_s3.provisioning.aws import AwsAccountSettings, AwsProvisioner

LABEL = "buckia/my-photos/0a1b2c3d"


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsProvisioner]:
    with mock_aws():
        vendor = AwsProvisioner(
            AwsAccountSettings(access_key_id=Secret("AKIAADMIN"), secret_access_key=Secret("s"), region="eu-west-1")
        )
        yield vendor
        vendor.close()


def narrow(issued: Any) -> Any:
    return boto3.client(
        "s3",
        region_name="eu-west-1",
        aws_access_key_id=issued.public["access_key_id"],
        aws_secret_access_key=issued.secret["secret_access_key"].reveal(),
    )


def denied(call: Any, **params: Any) -> bool:
    try:
        call(**params)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "403", "Forbidden")
    return False


def test_a_bucket_is_private_found_emptied_and_deleted(vendor):
    assert vendor.find_bucket("my-photos") is None
    bucket = vendor.create_bucket("my-photos", BucketOptions())
    assert vendor.find_bucket("my-photos") == bucket
    assert bucket.settings == {"bucket_name": "my-photos", "region": "eu-west-1"}
    s3 = boto3.client("s3", region_name="eu-west-1")
    blocks = s3.get_public_access_block(Bucket="my-photos")["PublicAccessBlockConfiguration"]
    assert set(blocks.values()) == {True}
    with pytest.raises(AlreadyExists):
        vendor.create_bucket("my-photos", BucketOptions())

    s3.put_bucket_versioning(Bucket="my-photos", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="my-photos", Key="a", Body=b"1")
    s3.delete_object(Bucket="my-photos", Key="a")
    s3.create_multipart_upload(Bucket="my-photos", Key="b")
    assert not vendor.is_empty(bucket)
    with pytest.raises(PreconditionFailed):
        vendor.delete_bucket(bucket)
    vendor.empty_bucket(bucket)
    assert vendor.is_empty(bucket)
    vendor.delete_bucket(bucket)
    vendor.delete_bucket(bucket)
    assert vendor.find_bucket("my-photos") is None


def test_a_bucket_is_created_in_the_region_asked_for(vendor):
    assert vendor.create_bucket("my-photos", BucketOptions(region="us-west-2")).settings["region"] == "us-west-2"
    found = vendor.find_bucket("my-photos")
    assert found is not None and found.settings["region"] == "us-west-2"


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (KeyScope(), {"list", "get in/", "get out", "put in/", "put out", "delete"}),
        (KeyScope(Access.READ_ONLY), {"list", "get in/", "get out"}),
        (KeyScope(Access.READ_WRITE, "in/"), {"get in/", "put in/", "delete"}),
    ],
    ids=["read-write", "read-only", "prefix"],
)
def test_a_key_is_as_narrow_as_asked_for(vendor, scope, allowed):
    bucket = vendor.create_bucket("my-photos", BucketOptions())
    other = vendor.create_bucket("other", BucketOptions())
    s3 = boto3.client("s3", region_name="eu-west-1")
    for name in (bucket.name, other.name):
        for key in ("in/a", "out"):
            s3.put_object(Bucket=name, Key=key, Body=b"x")
    client = narrow(vendor.create_key(bucket, LABEL, scope))
    calls: dict[str, tuple[Any, dict[str, Any]]] = {
        "list": (client.list_objects_v2, {}),
        "get in/": (client.get_object, {"Key": "in/a"}),
        "get out": (client.get_object, {"Key": "out"}),
        "put in/": (client.put_object, {"Key": "in/b", "Body": b""}),
        "put out": (client.put_object, {"Key": "out2", "Body": b""}),
        "delete": (client.delete_object, {"Key": "in/a"}),
    }

    @set_initial_no_auth_action_count(0)
    def check() -> None:
        for name, (call, params) in calls.items():
            if name == "list" and scope.prefix:
                continue  # moto does not look at conditions
            assert denied(call, Bucket=bucket.name, **params) is (name not in allowed), name
            assert denied(call, Bucket=other.name, **params), name

    check()


def test_keys_are_found_by_their_label_and_revoked(vendor):
    bucket, other = (vendor.create_bucket(name, BucketOptions()) for name in ("my-photos", "my-photos-2"))
    first = vendor.create_key(bucket, LABEL, KeyScope())
    second = vendor.create_key(bucket, "buckia/my-photos/ffffffff", KeyScope())
    theirs = vendor.create_key(other, "buckia/my-photos-2/0a1b2c3d", KeyScope())
    assert vendor.list_keys(bucket, LABEL) == [first.key]
    found = vendor.list_keys(bucket, "buckia/my-photos/")
    assert sorted(found, key=lambda each: each.id) == sorted([first.key, second.key], key=lambda each: each.id)
    vendor.delete_key(bucket, first.key)
    vendor.delete_key(bucket, first.key)
    assert vendor.list_keys(bucket, "buckia/my-photos/") == [second.key]
    assert vendor.list_keys(other, "buckia/my-photos-2/") == [theirs.key]


def test_the_user_of_a_long_bucket_name_has_a_name_that_iam_allows(vendor):
    name = "a" * 63
    bucket = vendor.create_bucket(name, BucketOptions())
    issued = vendor.create_key(bucket, f"buckia/{name}/0a1b2c3d", KeyScope())
    assert len(issued.key.id) == 64
    assert vendor.list_keys(bucket, f"buckia/{name}/0a1b2c3d") == [issued.key]


def test_a_bucket_becomes_public_and_private_again(vendor):
    bucket = vendor.create_bucket("my-photos", BucketOptions())
    assert vendor.publish(bucket, None) == "https://my-photos.s3.eu-west-1.amazonaws.com"
    vendor.publish(bucket, None)
    s3 = boto3.client("s3", region_name="eu-west-1")
    (statement,) = json.loads(s3.get_bucket_policy(Bucket="my-photos")["Policy"])["Statement"]
    assert (statement["Principal"], statement["Action"]) == ("*", "s3:GetObject")
    vendor.unpublish(bucket)
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="my-photos")
    vendor.delete_bucket(bucket)
    vendor.unpublish(bucket)


OPEN = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


@pytest.mark.parametrize("changes", [{}, {"RestrictPublicBuckets": True}, dict.fromkeys(OPEN, True), None], ids=str)
def test_what_made_a_bucket_public_before_stays(vendor, changes):
    bucket = vendor.create_bucket("my-photos", BucketOptions())
    s3 = boto3.client("s3", region_name="eu-west-1")
    before: Any = None if changes is None else {**OPEN, **changes}
    if before is None:
        s3.delete_public_access_block(Bucket="my-photos")
    else:
        s3.put_public_access_block(Bucket="my-photos", PublicAccessBlockConfiguration=before)
    theirs = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    theirs["Resource"] = "arn:aws:s3:::my-photos/*"
    s3.put_bucket_policy(Bucket="my-photos", Policy=json.dumps({"Version": "2012-10-17", "Statement": [theirs]}))

    keep = vendor.public_access(bucket)
    for _ in range(2):
        vendor.publish(bucket, None)
    vendor.unpublish(bucket, keep=keep)
    assert json.loads(s3.get_bucket_policy(Bucket="my-photos")["Policy"])["Statement"] == [theirs]
    if before is not None:
        assert s3.get_public_access_block(Bucket="my-photos")["PublicAccessBlockConfiguration"] == before

    vendor.publish(bucket, None)
    vendor.unpublish(bucket, keep=vendor.public_access(bucket))
    assert len(json.loads(s3.get_bucket_policy(Bucket="my-photos")["Policy"])["Statement"]) == 2

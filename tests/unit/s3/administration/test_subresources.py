"""Every topic on real servers: set, set again, removed; and what a server does not know."""

from __future__ import annotations

import pytest

from buckia_core.errors import NotFound, NotSupported
from buckia_s3.administration import SUBRESOURCES, Document

READ_BY_ALL = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::x/*"}
    ],
}
DOCUMENTS: dict[str, Document] = {
    "policy": READ_BY_ALL,
    "lifecycle": {
        "Rules": [
            {"ID": "a", "Filter": {"Prefix": "a/"}, "Status": "Enabled", "Expiration": {"Days": 3}},
            {
                "ID": "all",
                "Filter": {"Prefix": ""},
                "Status": "Disabled",
                "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
            },
        ]
    },
    "cors": {
        "CORSRules": [
            {
                "ID": "site",
                "AllowedMethods": ["PUT", "GET"],
                "AllowedOrigins": ["https://b.example", "https://a.example"],
                "AllowedHeaders": ["x-b", "x-a"],
                "ExposeHeaders": ["ETag"],
                "MaxAgeSeconds": 10,
            }
        ]
    },
    "versioning": {"Status": "Enabled"},
    "encryption": {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
    "public-access-block": {"BlockPublicAcls": True, "IgnorePublicAcls": True},
    "object-lock": {"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}},
    "tags": {"TagSet": [{"Key": "team", "Value": "wëb & <co>"}]},
    "website": {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "404.html"}},
    "accelerate": {"Status": "Enabled"},
    "request-payment": {"Payer": "Requester"},
    "ownership-controls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
}
REST = {
    "object-lock": {"ObjectLockEnabled": "Enabled"},
    "accelerate": {"Status": "Suspended"},
    "request-payment": {"Payer": "BucketOwner"},
}
"""What is left after a removal, where something is."""

LACKS = {
    "moto": {"request-payment"},
    "ceph": {"encryption", "website", "accelerate", "ownership-controls"},
    "rclone": set(SUBRESOURCES) - {"versioning"},
}
"""What the servers do not know: moto has no request payment; Ceph 16 has none of these; rclone knows objects only."""


@pytest.fixture(params=["moto", "ceph"])
def server(request):
    return request.getfixturevalue({"moto": "moto_server", "ceph": "ceph"}[request.param])


def test_the_documents_are_of_all_topics():
    assert set(DOCUMENTS) == set(SUBRESOURCES) - {"acl"}


@pytest.mark.parametrize("topic", DOCUMENTS)
def test_a_topic_is_set_and_removed(on, server, topic):
    bucket = on(server, ObjectLockEnabledForBucket=topic == "object-lock").administration
    if topic in LACKS[server.name]:
        with pytest.raises(NotSupported, match="does not support"):
            bucket.plan(topic, DOCUMENTS[topic])
        return
    change = bucket.plan(topic, DOCUMENTS[topic])
    assert change.differs
    assert change.diff()
    now = bucket.apply(change)
    assert now == bucket.get(topic)
    assert now is not None
    if topic != "object-lock" or server.name != "moto":  # moto adds zero years to a retention of days
        assert not bucket.plan(topic, DOCUMENTS[topic]).differs
    if SUBRESOURCES[topic].removable:
        left = bucket.apply(bucket.plan_removal(topic))
        if topic == "public-access-block" and server.name == "ceph":
            assert left is not None  # Ceph shows a block that blocks nothing
            assert set(left.values()) == {False}
        else:
            assert left == REST.get(topic)
        assert not bucket.plan_removal(topic).differs or topic == "public-access-block"


def test_versioning_is_suspended_and_never_removed(on, server):
    bucket = on(server).administration
    assert bucket.get("versioning") is None
    bucket.apply(bucket.plan("versioning", {"Status": "Enabled"}))
    now = bucket.apply(bucket.plan("versioning", {"Status": "Suspended"}))
    assert now is not None
    assert now["Status"] == "Suspended"
    with pytest.raises(NotSupported, match="versioning can't be removed"):
        bucket.plan_removal("versioning")


def test_a_canned_list_is_written_out(on, server):
    bucket = on(server).administration
    first = bucket.get("acl")
    now = bucket.apply(bucket.plan_canned("public-read"))
    assert now is not None
    assert [grant["Permission"] for grant in now["Grants"] if "URI" in grant["Grantee"]] == ["READ"]
    assert not bucket.plan_canned("public-read").differs
    assert bucket.apply(bucket.plan_removal("acl"))
    assert not bucket.plan("acl", {"Grants": bucket.plan_canned("private").after["Grants"]}).differs
    assert first is not None


def test_rules_of_others_stay(on, server):
    bucket = on(server).administration
    mine, theirs = DOCUMENTS["lifecycle"]["Rules"]
    bucket.apply(bucket.plan("lifecycle", {"Rules": [theirs]}))
    now = bucket.apply(bucket.plan("lifecycle", {"Rules": [mine]}))
    assert now is not None
    assert [rule["ID"] for rule in now["Rules"]] in (["all", "a"], ["a", "all"])
    now = bucket.apply(bucket.plan_removal("lifecycle", ["all"]))
    assert now is not None
    assert [rule["ID"] for rule in now["Rules"]] == ["a"]
    with pytest.raises(NotFound, match="no ID 'all'"):
        bucket.plan_removal("lifecycle", ["all"])
    now = bucket.apply(bucket.plan("lifecycle", {"Rules": [theirs]}, replace=True))
    assert now is not None
    assert [rule["ID"] for rule in now["Rules"]] == ["all"]
    assert bucket.apply(bucket.plan_removal("lifecycle", ["all"])) is None
    with pytest.raises(NotFound, match="there are none"):
        bucket.plan_removal("lifecycle", ["all"])


@pytest.mark.parametrize("topic", sorted(LACKS["rclone"]))
def test_a_server_that_knows_no_topic_is_asked_nothing_more(on, rclone_server, topic):
    adapter = on(rclone_server)
    with pytest.raises(NotSupported, match=f"does not support {SUBRESOURCES[topic].title}"):
        adapter.administration.plan(topic, DOCUMENTS.get(topic, {"Grants": []}))
    with pytest.raises(NotSupported):
        adapter.administration.plan_removal(topic)
    # It would have taken the removal of the topic for that of the bucket.
    assert list(adapter.list_files()) == []


def test_a_server_that_shows_versioning_and_can_not_set_it(on, rclone_server):
    bucket = on(rclone_server).administration
    with pytest.raises(NotSupported, match="does not support versioning"):
        bucket.apply(bucket.plan("versioning", {"Status": "Enabled"}))


@pytest.mark.parametrize("name", ["moto_server", "ceph", "rclone_server"])
def test_the_overview_has_every_topic(on, request, name):
    server = request.getfixturevalue(name)
    statuses = on(server).administration.overview()
    assert [status.subresource.name for status in statuses] == list(SUBRESOURCES)
    assert {status.subresource.name for status in statuses if status.problem} == LACKS[server.name]
    assert all(status.document is None for status in statuses if status.problem)


def test_a_bucket_that_does_not_exist_is_not_one_without_configuration(on, server):
    bucket = on(server, bucket="there-is-no-such-bucket").administration
    with pytest.raises(NotFound, match="the bucket does not exist"):
        bucket.overview()
    with pytest.raises(NotFound):
        bucket.get("lifecycle")

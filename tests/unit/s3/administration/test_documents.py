"""Documents in files: JSON, YAML and XML, by S3's own names."""

from __future__ import annotations

import json

import pytest

from buckia_core.errors import ConfigError
from buckia_s3.administration import documents
from buckia_s3.administration.subresources import SUBRESOURCES

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*"}]}
ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
LIFECYCLE = {
    "Rules": [
        {
            "ID": "old",
            "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "b"}]}},
            "Status": "Enabled",
            "Expiration": {"Date": "2031-01-31T00:00:00+00:00"},
        }
    ]
}


def read(topic: str, text: str):
    return documents.parse_document(SUBRESOURCES[topic], text, source="the-file")


@pytest.mark.parametrize(
    ("topic", "text", "document"),
    [
        pytest.param("policy", json.dumps(POLICY), POLICY, id="a policy"),
        pytest.param("policy", json.dumps({"Policy": json.dumps(POLICY)}), POLICY, id="a policy as aws prints it"),
        pytest.param(
            "policy", "Version: 2012-10-17\nStatement: []", POLICY | {"Statement": []}, id="a version in YAML"
        ),
        pytest.param("encryption", json.dumps(ENCRYPTION), ENCRYPTION, id="bare"),
        pytest.param(
            "encryption", json.dumps({"ServerSideEncryptionConfiguration": ENCRYPTION}), ENCRYPTION, id="wrapped"
        ),
        pytest.param(
            "lifecycle",
            "Rules:\n- ID: old\n  Filter: {And: {Prefix: logs/, Tags: [{Key: a, Value: b}]}}\n"
            "  Status: Enabled\n  Expiration: {Date: 2031-01-31}\n",
            LIFECYCLE,
            id="a date in YAML",
        ),
        pytest.param(
            "lifecycle",
            '<?xml version="1.0"?><LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule>'
            "<ID>old</ID><Filter><And><Prefix>logs/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter>"
            "<Status>Enabled</Status><Expiration><Date>2031-01-31T00:00:00Z</Date></Expiration></Rule>"
            "</LifecycleConfiguration>",
            LIFECYCLE,
            id="XML",
        ),
        pytest.param(
            "acl",
            '<AccessControlPolicy xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Owner><ID>me</ID></Owner>'
            '<AccessControlList><Grant><Grantee xsi:type="CanonicalUser"><ID>me</ID></Grantee>'
            "<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
            {
                "Owner": {"ID": "me"},
                "Grants": [{"Grantee": {"ID": "me", "Type": "CanonicalUser"}, "Permission": "READ"}],
            },
            id="XML with attributes",
        ),
        pytest.param(
            "public-access-block",
            "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>",
            {"BlockPublicAcls": True},
            id="XML of a wrapped one",
        ),
    ],
)
def test_all_forms_are_read(topic, text, document):
    assert read(topic, text) == document


@pytest.mark.parametrize("as_yaml", [False, True])
@pytest.mark.parametrize(
    ("topic", "document"), [("policy", POLICY), ("encryption", ENCRYPTION), ("lifecycle", LIFECYCLE)]
)
def test_what_is_written_can_be_read(topic, document, as_yaml):
    assert read(topic, documents.format_document(SUBRESOURCES[topic], document, as_yaml=as_yaml)) == document


def test_it_is_written_as_the_aws_command_prints_it():
    assert json.loads(documents.format_document(SUBRESOURCES["encryption"], ENCRYPTION)) == {
        "ServerSideEncryptionConfiguration": ENCRYPTION
    }
    assert json.loads(documents.format_document(SUBRESOURCES["policy"], POLICY)) == POLICY


@pytest.mark.parametrize(
    ("topic", "text", "complaint"),
    [
        ("lifecycle", '{"Rules": [', "the lifecycle rules: is not JSON"),
        ("lifecycle", '{"Rules":' + "[" * 100_000, "nested too deeply"),
        ("lifecycle", "Rules: [", "is not YAML"),
        ("lifecycle", "Rules: [{Expiration: {Date: 2026-02-30}}]", "is not YAML: day is out of range"),
        ("lifecycle", "Rules: !!int x", "is not YAML"),
        ("lifecycle", "Rules: !!bool x", "is not YAML"),
        ("lifecycle", "Rules: &all [*all]", "is not YAML: an alias"),
        ("lifecycle", '{"Rules": [{"Status": "Enabled", "Prefix": "a/", "Prefix": ""}]}', "has the key 'Prefix' twice"),
        ("lifecycle", "Rules:\n- {Status: Enabled, Prefix: a/, Prefix: ''}\n", "has the key 'Prefix' twice"),
        ("lifecycle", "", r'must be a map of names to values, such as \{"Rules"'),
        (
            "lifecycle",
            '{"Rules": [{"ID": "a"}]}',
            r'Missing required parameter in LifecycleConfiguration.Rules\[0\]: "Status"',
        ),
        ("lifecycle", '{"Rules": [{"Status": "Enabled", "Prefixes": "a"}]}', 'Unknown parameter .*"Prefixes"'),
        ("lifecycle", '{"Rules": [{"Status": "Enabled", "Expiration": {"Days": "3"}}]}', "Invalid type .*Days"),
        ("lifecycle", '{"Rules": [{"Status": "Enabled", "Expiration": {"Date": "soon"}}]}', "'soon' is not a time"),
        ("lifecycle", '{"Rules": 3}', "Invalid type for parameter LifecycleConfiguration.Rules"),
        ("lifecycle", '{"Rule": []}', 'Unknown parameter in LifecycleConfiguration: "Rule"'),
        ("lifecycle", "<LifecycleConfiguration><Rule>", "is not XML"),
        ("lifecycle", "<CORSConfiguration><CORSRule/></CORSConfiguration>", "has unknown elements: CORSRule"),
        ("policy", "<Policy/>", "is JSON, not XML"),
        ("policy", '{"Policy": "{"}', "is not JSON"),
        ("policy", "[1]", "must be a map"),
        ("tags", '{"TagSet": [{"Key": "a"}]}', '"Value"'),
    ],
)
def test_what_is_no_such_document_is_refused_by_name(topic, text, complaint):
    with pytest.raises(ConfigError, match=complaint) as caught:
        read(topic, text)
    assert caught.value.source == "the-file"

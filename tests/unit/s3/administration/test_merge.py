"""What is there after a document is set, as a table."""

from __future__ import annotations

import pickle

import pytest

from buckia_s3.administration.administration import Change
from buckia_s3.administration.merge import DuplicateEntry, MissingEntry, is_equivalent, merge_documents, remove_entries
from buckia_s3.administration.subresources import CANNED_ACLS, SUBRESOURCES, Document, expand_canned_acl

LIFECYCLE, CORS, TAGS, POLICY = (SUBRESOURCES[name] for name in ("lifecycle", "cors", "tags", "policy"))


def rule(name: str | None, prefix: str, days: int = 1) -> Document:
    """Return a lifecycle rule; `None` is one without a name."""
    named = {} if name is None else {"ID": name}
    return named | {"Filter": {"Prefix": prefix}, "Status": "Enabled", "Expiration": {"Days": days}}


def rules(*those: Document) -> Document:
    return {"Rules": list(those)}


A, B, NAMELESS = rule("a", "a/"), rule("b", "b/"), rule(None, "c/")


@pytest.mark.parametrize(
    ("present", "new", "after"),
    [
        pytest.param(None, rules(A), rules(A), id="nothing is there"),
        pytest.param(rules(A), rules(B), rules(A, B), id="another rule is added"),
        pytest.param(rules(A, B), rules(rule("a", "x/")), rules(rule("a", "x/"), B), id="replaced where it stands"),
        pytest.param(rules(A), rules(NAMELESS), rules(A, NAMELESS), id="a rule without a name is added"),
        pytest.param(rules(A), rules(rule(None, "a/")), rules(A), id="it is there, under a name"),
        pytest.param(rules(NAMELESS), rules(NAMELESS), rules(NAMELESS), id="it is there, without a name"),
        pytest.param(rules(A), rules(), rules(A), id="no rule"),
    ],
)
def test_rules_are_merged_by_their_id(present, new, after):
    assert merge_documents(LIFECYCLE, present, new) == after


def test_older_rules_get_a_filter_where_a_new_one_has_one():
    older = {"ID": "older", "Prefix": "o/", "Status": "Enabled"}
    newer = {"ID": "older", "Filter": {"Prefix": "o/"}, "Status": "Enabled"}
    assert merge_documents(LIFECYCLE, rules(older), rules(A)) == rules(newer, A)
    assert merge_documents(LIFECYCLE, rules(older), rules(older | {"ID": "b"})) == rules(older, older | {"ID": "b"})


def test_neither_document_is_changed():
    present, new = rules(A), rules(B)
    merge_documents(LIFECYCLE, present, new)
    assert (present, new) == (rules(A), rules(B))


def test_tags_are_merged_by_their_key():
    present = {"TagSet": [{"Key": "team", "Value": "web"}, {"Key": "cost", "Value": "1"}]}
    after = merge_documents(TAGS, present, {"TagSet": [{"Key": "cost", "Value": "2"}]})
    assert after == {"TagSet": [{"Key": "team", "Value": "web"}, {"Key": "cost", "Value": "2"}]}


def test_a_policy_is_replaced():
    assert merge_documents(POLICY, {"Statement": [1]}, {"Statement": [2]}) == {"Statement": [2]}


def test_a_name_twice_is_refused():
    with pytest.raises(DuplicateEntry, match="Rules has the ID 'a' more than once"):
        merge_documents(LIFECYCLE, None, rules(A, A))


def test_what_stands_beside_the_rules_stays():
    size = {"TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    assert merge_documents(LIFECYCLE, rules(A) | size, rules(B)) == rules(A, B) | size


@pytest.mark.parametrize(("names", "left"), [(["a"], rules(B)), (["b", "a"], None)])
def test_named_rules_are_removed(names, left):
    assert remove_entries(LIFECYCLE, rules(A, B), names) == left


def test_a_rule_that_is_not_there_can_not_be_removed():
    with pytest.raises(MissingEntry, match=r"no ID 'x': there are \['a'\]"):
        remove_entries(LIFECYCLE, rules(A, NAMELESS), ["a", "x"])


def test_a_policy_has_no_named_parts():
    with pytest.raises(MissingEntry, match="can't be removed in parts"):
        remove_entries(POLICY, {"Statement": []}, ["a"])


@pytest.mark.parametrize(
    ("topic", "one", "other", "alike"),
    [
        pytest.param(LIFECYCLE, rules(A, B), rules(B, A), True, id="lifecycle rules have no order"),
        pytest.param(CORS, {"CORSRules": [A, B]}, {"CORSRules": [B, A]}, False, id="of CORS rules the first counts"),
        pytest.param(CORS, {"AllowedMethods": ["GET", "PUT"]}, {"AllowedMethods": ["PUT", "GET"]}, True, id="methods"),
        pytest.param(SUBRESOURCES["encryption"], {"Key": False}, {}, True, id="false is what is not said"),
        pytest.param(POLICY, {"Bool": {"aws:SecureTransport": False}}, {"Bool": {}}, False, id="but not in a policy"),
        pytest.param(
            LIFECYCLE,
            rules({"ID": "a", "Prefix": "x"}),
            rules({"ID": "a", "Filter": {"Prefix": "x"}}),
            True,
            id="prefix",
        ),
        pytest.param(
            LIFECYCLE, rules({"ID": "a", "Filter": {}}), rules({"ID": "a", "Prefix": ""}), True, id="the whole bucket"
        ),
        pytest.param(
            LIFECYCLE, rules({"ID": "a", "Prefix": "x"}), rules({"ID": "a", "Prefix": "y"}), False, id="prefixes"
        ),
        pytest.param(POLICY, None, {}, False, id="nothing is not an empty document"),
        pytest.param(POLICY, None, None, True, id="nothing"),
    ],
)
def test_documents_are_the_same_if_they_mean_the_same(topic, one, other, alike):
    assert is_equivalent(topic, one, other) is alike


def test_a_change_shows_the_difference_in_lines():
    change = Change(TAGS, {"TagSet": [{"Key": "a", "Value": "1"}]}, {"TagSet": [{"Key": "a", "Value": "2"}]})
    assert change.diff()[:2] == ["--- tags (now)", "+++ tags (then)"]
    assert [line for line in change.diff()[2:] if line[0] in "+-"] == ['-      "Value": "1"', '+      "Value": "2"']


def test_a_change_of_nothing_shows_nothing():
    assert Change(LIFECYCLE, rules(A, B), rules(B, A)).diff() == []


def test_canned_lists_give_the_owner_everything():
    owner = {"ID": "me"}
    for name in CANNED_ACLS:
        first, *others = expand_canned_acl(name, {"Owner": owner})["Grants"]
        assert first == {"Grantee": {"ID": "me", "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
        assert (others == []) is (name == "private")


def test_a_canned_list_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="no canned access control list 'public'"):
        expand_canned_acl("public", {"Owner": {}})


def test_every_topic_can_be_pickled():
    assert pickle.loads(pickle.dumps(SUBRESOURCES)) == SUBRESOURCES

"""Normalization: servers may return a document in another, equivalent form than the one that was set."""

from __future__ import annotations

from typing import Any


def verbatim(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document unchanged."""
    return document


def drop_false(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without false values: for S3 they equal absent ones."""
    reduced: dict[str, Any] = _without_false(document)
    return reduced


def move_prefix_into_filter(document: dict[str, Any]) -> dict[str, Any]:
    """Return lifecycle rules with `Prefix`, as older rules have it, moved into `Filter`; none equals an empty one.

    Ceph reports a filter by prefix and tag without the `And` that it was set with.
    """
    reduced = drop_false(document)
    return reduced | {"Rules": [_with_and(_prefix_into_filter(rule)) for rule in reduced.get("Rules", ())]}


def unify_rule_style(document: dict[str, Any]) -> dict[str, Any]:
    """Return lifecycle rules that all have a filter if one does: AWS refuses rules with `Prefix` beside `Filter`."""
    rules = document.get("Rules", ())
    if not any("Filter" in rule for rule in rules):
        return document
    return document | {"Rules": [_prefix_into_filter(rule) if "Prefix" in rule else rule for rule in rules]}


def drop_display_names(document: dict[str, Any]) -> dict[str, Any]:
    """Return grants without display names: the ids identify owner and grantees."""
    grants = [
        {**grant, "Grantee": _drop_display_name(grant.get("Grantee", {}))} for grant in document.get("Grants", ())
    ]
    return document | {"Owner": _drop_display_name(document.get("Owner", {})), "Grants": grants}


def _without_false(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_false(each) for name, each in value.items() if each is not False}
        case list():
            return [_without_false(each) for each in value]
        case _:
            return value


def _prefix_into_filter(rule: dict[str, Any]) -> dict[str, Any]:
    prefix = rule.get("Prefix", "")
    rest = {name: value for name, value in rule.items() if name != "Prefix"}
    return rest | {"Filter": rule.get("Filter") or {"Prefix": prefix}}


def _with_and(rule: dict[str, Any]) -> dict[str, Any]:
    filtered = rule["Filter"]
    if not {"Prefix", "Tag"} <= filtered.keys():
        return rule
    rest = {name: each for name, each in filtered.items() if name != "Tag"}
    return rule | {"Filter": {"And": {**rest, "Tags": [filtered["Tag"]]}}}


def _drop_display_name(grantee: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in grantee.items() if name != "DisplayName"}

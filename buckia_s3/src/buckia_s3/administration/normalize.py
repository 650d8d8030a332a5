"""Forms that mean the same, brought into one: servers show some documents otherwise than they were set."""

from __future__ import annotations

from typing import Any


def verbatim(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document itself: each value counts."""
    return document


def drop_false(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without what is false: S3 takes that for the same as nothing."""
    plain: dict[str, Any] = _without_false(document)
    return plain


def rules_by_filter(document: dict[str, Any]) -> dict[str, Any]:
    """Return lifecycle rules with their prefix in the filter: older ones have it beside, and none is an empty one."""
    plain = drop_false(document)
    return plain | {"Rules": [_rule_by_filter(rule) for rule in plain.get("Rules", ())]}


def unify_rule_style(document: dict[str, Any]) -> dict[str, Any]:
    """Return lifecycle rules that can stand together: AWS refuses those with a prefix beside those with a filter."""
    rules = document.get("Rules", ())
    if not any("Filter" in rule for rule in rules):
        return document
    return document | {"Rules": [_rule_by_filter(rule) if "Prefix" in rule else rule for rule in rules]}


def grants_by_id(document: dict[str, Any]) -> dict[str, Any]:
    """Return grants without the names that are only shown: ids tell who has them."""
    grants = [{**grant, "Grantee": _without_name(grant.get("Grantee", {}))} for grant in document.get("Grants", ())]
    return document | {"Owner": _without_name(document.get("Owner", {})), "Grants": grants}


def _without_false(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_false(each) for name, each in value.items() if each is not False}
        case list():
            return [_without_false(each) for each in value]
        case _:
            return value


def _rule_by_filter(rule: dict[str, Any]) -> dict[str, Any]:
    prefix = rule.get("Prefix", "")
    rest = {name: value for name, value in rule.items() if name != "Prefix"}
    return rest | {"Filter": rule.get("Filter") or {"Prefix": prefix}}


def _without_name(who: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in who.items() if name != "DisplayName"}

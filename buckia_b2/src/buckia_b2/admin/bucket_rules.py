"""Bucket rules, for lifecycle and CORS: parse, merge by name, compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from buckia_core.adapters.commands.config_change import parse_json_or_yaml, unified_diff
from buckia_core.errors import ConfigError

Rule = Mapping[str, Any]
BucketRules = Sequence[Rule]

MAX_RULES = 100
"""Rules of one kind that a bucket can have."""

_DAYS = (
    "daysFromHidingToDeleting",
    "daysFromUploadingToHiding",
    "daysFromStartingToCancelingUnfinishedLargeFiles",
)


class RuleKind(Enum):
    """Kind of rules: its topic in commands, the field of the bucket, and the field that names a rule."""

    LIFECYCLE = ("lifecycle", "lifecycleRules", "fileNamePrefix")
    CORS = ("cors", "corsRules", "corsRuleName")

    def __init__(self, topic: str, field: str, name_field: str) -> None:
        self.topic = topic
        self.field = field
        self.name_field = name_field


@dataclass(frozen=True, slots=True)
class RuleChange:
    """Planned change of rules.

    Attributes:
        kind: Kind of rules.
        before: Current rules.
        after: Rules after the change.
        revision: Revision of the bucket when the change was planned. Applying to another revision fails.
    """

    kind: RuleKind
    before: BucketRules
    after: BucketRules
    revision: int

    @property
    def differs(self) -> bool:
        """Whether the change has any effect."""
        return canonical(self.before) != canonical(self.after)

    def diff(self) -> list[str]:
        """Return the lines of a unified diff, without line feeds; empty if nothing differs."""
        return unified_diff(canonical(self.before), canonical(self.after), self.kind.topic)


def parse_rules(kind: RuleKind, text: str, source: str) -> BucketRules:
    """Parse a list of rules in JSON or YAML, or a mapping with the list under the field of the kind.

    Raises:
        ConfigError: The text is malformed, a rule has no name, or two rules have the same.
    """
    try:
        document = parse_json_or_yaml(text)
    except ValueError as error:
        raise ConfigError(str(error), source=source) from error
    if isinstance(document, Mapping):
        document = document.get(kind.field)
    if not isinstance(document, list) or not all(isinstance(each, Mapping) for each in document):
        raise ConfigError(f"must be a list of rules, or have one under {kind.field}", source=source)
    for number, rule in enumerate(document, 1):
        if not isinstance(rule.get(kind.name_field), str):
            raise ConfigError(f"rule {number} must have {kind.name_field}, which is its name", source=source)
        if kind is RuleKind.LIFECYCLE and not any(rule.get(name) for name in _DAYS):
            raise ConfigError(f"rule {number} does nothing: give it one of {', '.join(_DAYS)}", source=source)
    names = [rule[kind.name_field] for rule in document]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"more than one rule has the {kind.name_field} {', '.join(map(repr, twice))}", source=source)
    return [dict(rule) for rule in document]


def merge_rules(kind: RuleKind, current: BucketRules, new: BucketRules) -> BucketRules:
    """Return the current rules with the new ones, which replace rules of the same name.

    Raises:
        ConfigError: There would be more rules than B2 accepts.
    """
    replacing = {rule[kind.name_field]: rule for rule in new}
    kept = [replacing.pop(rule[kind.name_field], rule) for rule in current]
    found = [*kept, *replacing.values()]
    if len(found) > MAX_RULES:
        raise ConfigError(f"a bucket has {MAX_RULES} {kind.topic} rules at most; these would be {len(found)}")
    return found


def remove_rules(kind: RuleKind, current: BucketRules, names: Sequence[str]) -> BucketRules:
    """Return the current rules without the named ones; an empty list without names.

    Raises:
        ConfigError: There is no rule of such a name.
    """
    existing = [rule[kind.name_field] for rule in current]
    missing = [name for name in names if name not in existing]
    if missing:
        missing_names = ", ".join(map(repr, missing))
        message = f"there is no {kind.topic} rule with the {kind.name_field} {missing_names}: there are {existing}"
        raise ConfigError(message)
    return [rule for rule in current if names and rule[kind.name_field] not in names]


def canonical(rules: BucketRules) -> list[dict[str, Any]]:
    """Normalize rules for comparison: sort the fields and omit null."""
    return [{name: rule[name] for name in sorted(rule) if rule[name] is not None} for rule in rules]

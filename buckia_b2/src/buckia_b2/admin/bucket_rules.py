"""Rules of a bucket, for its lifecycle and for pages of other origins: read, merged by their names, compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from buckia_core.adapters.commands.config_change import unified_diff
from buckia_core.errors import ConfigError

Rule = Mapping[str, Any]
BucketRules = Sequence[Rule]

MOST = 100
"""Rules of one kind that a bucket has at most."""

_DAYS = (
    "daysFromHidingToDeleting",
    "daysFromUploadingToHiding",
    "daysFromStartingToCancelingUnfinishedLargeFiles",
)


class RuleKind(Enum):
    """A kind of rules: how people call it, the field of a bucket that has them, and the field that names one."""

    LIFECYCLE = ("lifecycle", "lifecycleRules", "fileNamePrefix")
    CORS = ("cors", "corsRules", "corsRuleName")

    def __init__(self, topic: str, field: str, by: str) -> None:
        self.topic = topic
        self.field = field
        self.by = by


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A change that is planned.

    Attributes:
        kind: Of what.
        before: What is there.
        after: What will be there.
        revision: Of the bucket when it was planned: one that was changed since is not changed.
    """

    kind: RuleKind
    before: BucketRules
    after: BucketRules
    revision: int

    @property
    def differs(self) -> bool:
        """Whether there is anything to do."""
        return canonical(self.before) != canonical(self.after)

    def diff(self) -> list[str]:
        """Return the lines of a unified diff, without line feeds; none if nothing differs."""
        return unified_diff(canonical(self.before), canonical(self.after), self.kind.topic)


def parse(kind: RuleKind, text: str, source: str) -> BucketRules:
    """Read rules: a list of them in JSON or YAML, or a map that has it under the name of the kind's field.

    Raises:
        ConfigError: They are none, or one of them lacks its name, or two have the same.
    """
    import yaml  # noqa: PLC0415  # only who sets rules needs it

    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"is neither JSON nor YAML: {' '.join(str(error).split())}", source=source) from error
    if isinstance(told, Mapping):
        told = told.get(kind.field)
    if not isinstance(told, list) or not all(isinstance(each, Mapping) for each in told):
        raise ConfigError(f"must be a list of rules, or have one under {kind.field}", source=source)
    for number, rule in enumerate(told, 1):
        if not isinstance(rule.get(kind.by), str):
            raise ConfigError(f"rule {number} must have {kind.by}, which is its name", source=source)
        if kind is RuleKind.LIFECYCLE and not any(rule.get(name) for name in _DAYS):
            raise ConfigError(f"rule {number} does nothing: give it one of {', '.join(_DAYS)}", source=source)
    names = [rule[kind.by] for rule in told]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"more than one rule has the {kind.by} {', '.join(map(repr, twice))}", source=source)
    return [dict(rule) for rule in told]


def merged(kind: RuleKind, present: BucketRules, new: BucketRules) -> BucketRules:
    """Return the present rules with the new ones: those of the same name replaced, the others added.

    Raises:
        ConfigError: That would be more than B2 takes.
    """
    replacing = {rule[kind.by]: rule for rule in new}
    kept = [replacing.pop(rule[kind.by], rule) for rule in present]
    found = [*kept, *replacing.values()]
    if len(found) > MOST:
        raise ConfigError(f"a bucket has {MOST} {kind.topic} rules at most; these would be {len(found)}")
    return found


def without(kind: RuleKind, present: BucketRules, names: Sequence[str]) -> BucketRules:
    """Return the present rules without the named ones; without any names, none.

    Raises:
        ConfigError: One of them is not there.
    """
    there = [rule[kind.by] for rule in present]
    missing = [name for name in names if name not in there]
    if missing:
        words = ", ".join(map(repr, missing))
        raise ConfigError(f"there is no {kind.topic} rule with the {kind.by} {words}: there are {there}")
    return [rule for rule in present if names and rule[kind.by] not in names]


def canonical(rules: BucketRules) -> list[dict[str, Any]]:
    """Return rules in a form that is equal for equal ones: a field that is not set is as good as none."""
    return [{name: rule[name] for name in sorted(rule) if rule[name] is not None} for rule in rules]

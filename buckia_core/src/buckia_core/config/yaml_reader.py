"""YAML reader for configuration files: every scalar is a string, and every value has a line number.

The setting decides the type of its value. So `no` can be a bucket's name and `0012` a key's id, without quotes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from buckia_core.errors import ConfigError

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"

_STANDARD = "tag:yaml.org,2002:"
_MERGE = _STANDARD + "merge"
_TOO_DEEP = "is nested too deeply"

MAX_DEPTH = 32
"""Maximum nesting depth of values."""

MAX_EXPANDED = 1 << 24
"""Maximum size of a document with all aliases expanded: characters of its values and of their paths."""

_QUOTES = "a value that begins with *, & or ! must stand in quotes"


@dataclass(slots=True)
class YamlDocument:
    """Content of a YAML file.

    Attributes:
        value: The value; `None` if the document is empty.
        lines: Line number of each value, from 1, by path: `media.paths[0].remote`.
    """

    value: Value
    lines: Mapping[str, int]


def parse_yaml(text: str, source: str) -> YamlDocument:
    """Parse a YAML document. `source` names it in messages, which never show a value.

    Raises:
        ConfigError: The document is not YAML, has a duplicate key, a tag, a key that is not a string, or a recursive
            alias; or it is nested too deeply, or too large with its aliases expanded.
    """
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
    except RecursionError:
        message, line = _TOO_DEEP, 1
    except yaml.MarkedYAMLError as error:
        message, line = _describe_error(error), error.problem_mark.line + 1 if error.problem_mark else 1
    except yaml.reader.ReaderError as error:
        message = f"has the character U+{int(error.character):04X}, which YAML does not allow"
        line = text.count("\n", 0, error.position) + 1
    except (ValueError, OverflowError):
        # PyYAML converts these numbers without a check.
        message = "has a \\U of no character, or a number in a % line, that is too large"
        line = 1 if loader is None else loader.line + 1
    else:
        reader = _Reader(source)
        return YamlDocument(reader.value(node, "") if node else None, reader.lines)
    # Raised outside of the handlers: errors of the parser quote lines of the file, secrets included.
    raise ConfigError(message, source=f"{source}:{line}")


def _describe_error(error: yaml.MarkedYAMLError) -> str:
    """Describe an error without quoting the file."""
    problem = error.problem or "is not YAML"
    if "'\\t'" in problem:
        return "has a tab where YAML wants spaces"
    if "duplicate anchor" in (error.context or ""):
        return "has the same anchor (&) twice"
    if re.search(r"\b(alias|anchor|tag)\b", f"{error.context} {problem}"):
        return _QUOTES
    if problem.startswith("but found another document"):
        return "has a second document; one file holds one configuration"
    if error.context:
        return f"is not valid YAML: {error.context}: {problem}"
    return f"is not valid YAML: {problem}"


@dataclass(slots=True)
class _Reader:
    source: str
    lines: dict[str, int] = field(default_factory=dict)
    open: list[yaml.Node] = field(default_factory=list)
    expanded: int = 0

    def value(self, node: yaml.Node, path: str) -> Value:
        """Return the value of a node, and record its line and those of its children."""
        self.lines[path] = _line(node)
        if not node.tag.startswith(_STANDARD) or node.tag.endswith((":binary", ":set", ":omap", ":pairs")):
            raise self.error(node, _QUOTES)
        if any(node is outer for outer in self.open):
            raise self.error(node, "holds itself")
        if len(self.open) >= MAX_DEPTH:
            raise self.error(node, _TOO_DEEP)
        self.expanded += len(path) + (len(node.value) if isinstance(node, yaml.ScalarNode) else 1)
        if self.expanded > MAX_EXPANDED:
            raise self.error(node, "becomes too large by its aliases (*)")
        self.open.append(node)
        try:
            match node:
                case yaml.MappingNode():
                    return self.mapping(node, path)
                case yaml.SequenceNode():
                    return [self.value(each, f"{path}[{index}]") for index, each in enumerate(node.value)]
                case _:
                    return None if node.tag == _STANDARD + "null" else str(node.value)
        finally:
            self.open.pop()

    def mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Value]:
        """Return a mapping. Entries merged by `<<` come last, and do not replace its own."""
        own: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        for key, each in node.value:
            if key.tag == _MERGE:
                for source in each.value if isinstance(each, yaml.SequenceNode) else [each]:
                    if not isinstance(source, yaml.MappingNode):
                        raise self.error(source, "merges something by << that is not a mapping")
                    inherited = self.value(source, path)
                    assert isinstance(inherited, dict)
                    merged = inherited | merged
        # Own entries are read last, so that their lines replace those of merged entries.
        for key, each in node.value:
            if key.tag == _MERGE:
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(key, "has a key that is not a string")
            if key.value in own:
                raise self.error(key, f"has the key {key.value!r} twice")
            inner = f"{path}.{key.value}" if path else key.value
            own[key.value] = self.value(each, inner)
            self.lines[inner] = _line(key)
        return own | {name: value for name, value in merged.items() if name not in own}

    def error(self, node: yaml.Node, message: str) -> ConfigError:
        """Build an error about a node."""
        return ConfigError(message, source=f"{self.source}:{_line(node)}")


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1

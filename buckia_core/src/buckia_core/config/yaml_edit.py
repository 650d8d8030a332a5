"""Edits of a YAML text: only the lines of the edited value change, so comments, order, quotes and line breaks are kept.

PyYAML composes the nodes, whose marks tell where each key and value is. Each edit is checked: the new text must have
exactly the value that the edit asks for. Where it has not, such as with an alias in place of the value, the edit is
refused.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence

import yaml

from buckia_core.config.yaml_reader import Value, parse_yaml
from buckia_core.errors import ConfigError

Path = Sequence[str]
"""Path of a mapping in the document: the keys that lead to it."""


class YamlText:
    """Text of a YAML document whose root is a mapping, or that is empty.

    Args:
        text: The text.
        source: Name of the file for messages.

    Raises:
        ConfigError: The text is not YAML, or its root is not a mapping.
    """

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source
        value = parse_yaml(text, source).value
        if not isinstance(value, dict | None):
            raise ConfigError("must hold settings (name: value), or buckets with their settings", source=source)
        self._value: dict[str, Value] = value or {}

    @property
    def value(self) -> Mapping[str, Value]:
        """The value of the document; all scalars are strings."""
        return self._value

    def set(self, path: Path, key: str, value: object) -> None:
        """Set a key of a mapping: replaces the value, or adds the key at the end.

        Raises:
            ConfigError: There is no such mapping, or it can't be edited.
        """
        expected = copy.deepcopy(self._value)
        _mapping_at(expected, path)[key] = as_value(value)
        node = self._find(path)
        pair = _find_pair(node, key)
        if node is None:
            self._replace(len(self.text), len(self.text), self._lines(dump({key: value}), 0), expected)
        elif node.flow_style:
            text = dump_flow({key: value})[1:-1]
            if pair is not None:
                start, end = pair[0].start_mark.index, content_end(self.text, pair[1])
            elif node.value:
                start = end = content_end(self.text, node.value[-1][1])
                text = f", {text}"
            else:
                start = end = node.end_mark.index - 1
            self._replace(start, end, text, expected)
        elif pair is not None:
            start, end = pair[0].start_mark.index, content_end(self.text, pair[1])
            lines = self._lines(dump({key: value}), pair[0].start_mark.column)
            self._replace(start, end, lines.strip(), expected)
        else:
            end = self._line_end(content_end(self.text, node.value[-1][1]))
            column = node.value[0][0].start_mark.column
            self._replace(end, end, self._lines(dump({key: value}), column), expected)

    def append(self, path: Path, key: str, item: str) -> None:
        """Append a string to a list; a missing list is added, and a single string becomes a list.

        Raises:
            ConfigError: There is no such mapping, or it can't be edited.
        """
        existing = _mapping_at(self._value, path).get(key)
        pair = _find_pair(self._find(path), key)
        if not isinstance(existing, list) or not existing or pair is None:
            items = existing if isinstance(existing, list) else [] if existing is None else [existing]
            self.set(path, key, FlowList([*items, item]))
            return
        expected = copy.deepcopy(self._value)
        _mapping_at(expected, path)[key] = [*existing, item]
        node = pair[1]
        assert isinstance(node, yaml.SequenceNode)
        end = content_end(self.text, node.value[-1])
        if node.flow_style:
            self._replace(end, end, ", " + dump_flow([item])[1:-1], expected)
        else:
            end = self._line_end(end)
            first = node.value[0].start_mark
            column = self.text.rfind("-", 0, first.index) - (first.index - first.column)
            self._replace(end, end, self._lines(dump([item]), column), expected)

    def remove(self, path: Path, key: str) -> None:
        """Remove a key of a mapping, with the lines of comments directly above it.

        Raises:
            ConfigError: There is no such mapping or key, or it can't be edited.
        """
        expected = copy.deepcopy(self._value)
        del _mapping_at(expected, path)[key]
        node = self._find(path)
        pair = _find_pair(node, key)
        if node is None or pair is None:
            raise self._not_editable()
        at = node.value.index(pair)
        start, end = pair[0].start_mark.index, content_end(self.text, pair[1])
        if node.flow_style:
            if at + 1 < len(node.value):
                end = node.value[at + 1][0].start_mark.index
            elif at:
                start = content_end(self.text, node.value[at - 1][1])
        elif pair[0].start_mark.column and not self.text[: start - pair[0].start_mark.column].endswith(("\n", "\r")):
            raise self._not_editable()
        else:
            start = self._comment_start(start - pair[0].start_mark.column, is_first=not at and not path)
            end = self._line_end(end)
        self._replace(start, end, "", expected)

    def replace_text(self, text: str, expected: Mapping[str, Value]) -> None:
        """Replace the whole text by one that has the expected value.

        Raises:
            ConfigError: It has another value.
        """
        try:
            found = parse_yaml(text, self.source).value or {}
        except ConfigError:
            found = None
        if not isinstance(found, dict) or found != expected:
            raise self._not_editable()
        self.text, self._value = text, found

    def newline(self) -> str:
        """Return the line break of the text."""
        return "\r\n" if "\r\n" in self.text else "\n"

    def _find(self, path: Path) -> yaml.MappingNode | None:
        """Return the node of a mapping; `None` if the document is empty."""
        node = yaml.compose(self.text, Loader=yaml.SafeLoader)
        for key in path:
            pair = _find_pair(node, key)
            if pair is None:
                raise self._not_editable()
            node = pair[1]
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise self._not_editable()
        return node

    def _replace(self, start: int, end: int, text: str, expected: dict[str, Value]) -> None:
        self.replace_text(self.text[:start] + text + self.text[end:], expected)

    def _lines(self, dumped: str, column: int) -> str:
        """Return dumped lines with an indentation and the line breaks of the text."""
        return "".join(" " * column + line + self.newline() for line in dumped.rstrip("\n").split("\n"))

    def _line_end(self, at: int) -> int:
        """Return the offset of the next line. A last line without a line break gets one."""
        found = re.compile(r"\r\n|\n|\r").search(self.text, at)
        if found is not None:
            return found.end()
        self.text += self.newline()
        return len(self.text)

    def _comment_start(self, start: int, *, is_first: bool) -> int:
        """Return the offset of the comment directly above a line. That at the top of a file is about the file."""
        lines = [] if is_first else self.text[:start].splitlines(keepends=True)
        for line in reversed(lines):
            if not line.lstrip().startswith("#"):
                break
            start -= len(line)
        return start

    def _not_editable(self) -> ConfigError:
        return ConfigError("can't be edited without changing other parts of it; edit it by hand", source=self.source)


class FlowList(list[str]):
    """List that is written in brackets, on one line."""


def as_value(value: object) -> Value:
    """Return a value as the reader would return it: all scalars are strings."""
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case Mapping():
            return {str(name): as_value(each) for name, each in value.items()}
        case list() | tuple():
            return [as_value(each) for each in value]
        case _:
            return str(value)


def content_end(text: str, node: yaml.Node) -> int:
    """Return the offset behind a value: the mark of a block is that of what follows its blank lines and comments."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return content_end(text, last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return len(text[:end].rstrip())
    return end


class _Dumper(yaml.SafeDumper):
    """YAML dumper that writes strings with line breaks of any kind in double quotes, where they are escaped."""


def _represent_string(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = '"' if re.search("[\n\r\x85\u2028\u2029]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_flow_list(dumper: yaml.SafeDumper, items: FlowList) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


_Dumper.add_representer(str, _represent_string)
_Dumper.add_representer(FlowList, _represent_flow_list)


def dump(value: object) -> str:
    """Return a value as YAML in block style, which ends in a line break."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100_000
    )


def dump_flow(value: object) -> str:
    """Return a collection as YAML in flow style, on one line."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=True, width=100_000
    ).rstrip("\n")


def _mapping_at(value: Value, path: Path) -> dict[str, Value]:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        raise ConfigError(f"has no settings at {'.'.join(path)!r}")
    return value


def _find_pair(node: yaml.Node | None, key: str) -> tuple[yaml.ScalarNode, yaml.Node] | None:
    for pair in node.value if isinstance(node, yaml.MappingNode) else ():
        if pair[0].value == key:
            assert isinstance(pair, tuple)
            return pair
    return None

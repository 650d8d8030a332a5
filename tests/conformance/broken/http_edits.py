"""Edits of the adapter that `buckia new-adapter` writes, each of which makes a broken variant of it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Replacement of a text that occurs once in a module of the package."""

    module: str
    old: str
    new: str

    def apply(self, source: str) -> str:
        assert source.count(self.old) == 1, f"{self.module} has {source.count(self.old)} times: {self.old}"
        return source.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Variant:
    """A fault, and a test of the suite that finds it."""

    caught_by: str
    edits: tuple[Edit, ...]


def edited(module: str, old: str, new: str, caught_by: str) -> Variant:
    return Variant(caught_by, (Edit(module, old, new),))


def overridden(method: str, body: str, caught_by: str) -> Variant:
    """Put a method of the adapter before the one of the template, which it calls by the name with an underscore.

    `body` has the arguments in `key` or `source, key`, as in the contract, and `options`.
    """
    leading = {
        "list_files": 'prefix=""',
        "upload_file": "source, key",
        "download_file": "key, target",
        "delete_files": "keys",
    }
    arguments = leading.get(method, "key")
    indented = textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
    code = f"    def {method}(self, {arguments}, **options):\n{indented}\n\n"
    old = f"    def {method}("
    before = "    @contextmanager\n" if method == "open_file" else ""
    new = f"{code}{before}    def original_{method}("
    return Variant(caught_by, (Edit("sync", f"{before}{old}", new if not before else f"{before}{new}"),))

"""Environment variables in texts of the configuration file: `${NAME}` and `${NAME:-default}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_]\w*)(?::-([^}]*))?\})?", re.ASCII)


def interpolate(text: str, environ: Mapping[str, str]) -> str:
    """Return the text with its variables replaced.

    `${NAME:-default}` takes the default where the variable is unset or empty. `$${` stands for `${` itself, and
    a `$` without a brace for itself. What a variable holds is not expanded again.

    Raises:
        ValueError: A variable is unset and has no default, or a `${` is not closed. Says which, not the text.
    """

    def value_of(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        if found[0] == "$${":
            return "${"
        if not name:
            raise ValueError("has a ${ that is not of the form ${NAME} or ${NAME:-default}; write $${ for ${ itself")
        if default is not None:
            return environ.get(name) or default
        if name not in environ:
            hint = f"${{{name}:-default}}"
            raise ValueError(f"needs the environment variable {name}, which is not set; set it, or write {hint}")
        return environ[name]

    return _VARIABLE.sub(value_of, text)

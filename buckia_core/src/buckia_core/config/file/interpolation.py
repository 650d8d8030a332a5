"""Interpolation of environment variables in the configuration file: `${NAME}` and `${NAME:-default}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_]\w*)(?::-([^}]*))?\})?", re.ASCII)


def interpolate(text: str, environ: Mapping[str, str]) -> str:
    """Replace the variables in a string.

    `${NAME:-default}` uses the default if the variable is unset or empty. `$${` escapes `${`, and a `$` without a
    brace is literal. Values of variables are not interpolated again.

    Raises:
        ValueError: A variable is unset and has no default, or a `${` is not closed. The message omits the string.
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

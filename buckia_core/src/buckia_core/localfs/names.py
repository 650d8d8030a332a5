"""The names of files: bytes that are read as UTF-8, whatever the locale of the process is."""

from __future__ import annotations

import codecs
import sys

from buckia_core.errors import ConfigError


def are_utf8() -> bool:
    """Tell whether this process reads the names of files as UTF-8."""
    return codecs.lookup(sys.getfilesystemencoding()).name == "utf-8"


def check() -> None:
    """Make sure that names of files are what they are on other machines.

    Raises:
        ConfigError: This process takes their bytes for text in another encoding, and would rename files for that.
    """
    if not are_utf8():
        raise ConfigError(
            f"this process reads the names of files as {sys.getfilesystemencoding()}, and not as UTF-8, so it would "
            "rename them in the bucket. Start Python with -X utf8, or with PYTHONUTF8=1 in its environment."
        )


def is_utf8(name: str) -> bool:
    """Tell whether a name is valid UTF-8: invalid bytes are surrogates in it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True

"""Authorities that TLS trusts because the setting `ca_bundle` names them."""

from __future__ import annotations

import ssl
from pathlib import Path

from buckia_core.errors import InvalidSetting


def trust_bundle(context: ssl.SSLContext, ca_bundle: Path) -> None:
    """Let a context trust the authorities in a file, besides those that it trusts.

    Raises:
        InvalidSetting: There is no such file, or it holds no certificate.
        OSError: The system does not let it be read.
    """
    try:
        context.load_verify_locations(ca_bundle)
    except ssl.SSLError as error:
        raise InvalidSetting(f"setting 'ca_bundle': {ca_bundle} holds no certificate in PEM") from error
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise InvalidSetting(f"setting 'ca_bundle': {ca_bundle} can't be read: {error.strerror}") from error
    except OSError as error:
        error.filename = str(ca_bundle)
        raise

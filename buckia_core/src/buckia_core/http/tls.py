"""TLS: which certificate authorities are trusted."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.errors import InvalidSetting

if TYPE_CHECKING:
    import ssl


def tls_context(
    *,
    verify: bool = True,
    ca_bundle: Path | None = None,
    more: bytes | None = None,
    system: bool = True,
    package: str = "certifi",
) -> ssl.SSLContext:
    """Return a TLS context.

    Args:
        verify: Verify certificates; if false, accept any.
        ca_bundle: File with authorities to trust too.
        more: Authorities to trust too, in PEM.
        system: Trust the authorities of the system.
        package: Package whose authorities are trusted, if it is installed, where the system has none.

    Raises:
        InvalidSetting: The bundle does not exist, or contains no certificate.
        OSError: The bundle can't be read.
    """
    import ssl  # noqa: PLC0415  # slow to import, and not needed without TLS

    context = ssl.create_default_context() if system else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if ca_bundle is not None:
        trust_bundle(context, ca_bundle)
    if more is not None:
        context.load_verify_locations(cadata=more.decode("ascii", "replace"))
    paths = ssl.get_default_verify_paths()
    if system and paths.cafile is None and paths.capath is None and not context.cert_store_stats()["x509_ca"]:
        # Python from python.org on macOS has no certificate authorities.
        installed = installed_bundle(package)
        if installed is not None:
            context.load_verify_locations(installed)
    return context


def trust_bundle(context: ssl.SSLContext, ca_bundle: Path) -> None:
    """Add the certificate authorities in a file, the setting `ca_bundle`, to those that a context trusts.

    Raises:
        InvalidSetting: The file does not exist or holds no certificate.
        OSError: The file can't be read.
    """
    import ssl  # noqa: PLC0415  # as above

    try:
        context.load_verify_locations(ca_bundle)
    except ssl.SSLError as error:
        raise InvalidSetting(f"setting 'ca_bundle': {ca_bundle} holds no certificate in PEM") from error
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise InvalidSetting(f"setting 'ca_bundle': {ca_bundle} can't be read: {error.strerror}") from error
    except OSError as error:
        error.filename = str(ca_bundle)
        raise


def installed_bundle(package: str) -> Path | None:
    """Return the file of certificate authorities in an installed package; `None` if there is none."""
    found = importlib.util.find_spec(package)
    bundle = None if found is None or found.origin is None else Path(found.origin).with_name("cacert.pem")
    return bundle if bundle is not None and bundle.exists() else None

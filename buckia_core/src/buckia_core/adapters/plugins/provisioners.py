"""Vendors whose accounts Buckia can provision buckets in, as plugins register them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from buckia_core.adapters.plugins.registry import Registry, load_class
from buckia_core.config.values import suggest
from buckia_core.errors import PluginError

if TYPE_CHECKING:
    from buckia_core.adapters.contract.provisioner import BucketProvisioner

_BUILT_IN = "buckia_core.adapters.directory.plugin"
"""Module with the vendor `file`, which has no entry point among plugins."""


@dataclass(frozen=True, slots=True)
class ProvisionerSpec:
    """Registration of one vendor. Refers to classes by name, so that they are imported only when used.

    Attributes:
        vendor: The vendor's id on the command line.
        title: Its display name.
        provider: The provider in `.buckia` of the buckets that it makes.
        settings: `package.module:Class` of the settings dataclass of the account; declared as those of adapters.
        provisioner: `package.module:Class` of the `BucketProvisioner`; called with an instance of the settings.
    """

    vendor: str
    title: str
    provider: str
    settings: str
    provisioner: str

    def settings_class(self) -> type[Any]:
        """Import and return the settings class.

        Raises:
            AdapterBroken: It can't be imported.
        """
        found: type[Any] = self._load(self.settings)
        return found

    def open(self, settings: Any) -> BucketProvisioner:
        """Import the provisioner, and open it with an instance of the settings. Costs no request.

        Raises:
            AdapterBroken: It can't be imported.
        """
        opened: BucketProvisioner = self._load(self.provisioner)(settings)
        return opened

    def _load(self, name: str) -> Any:
        return load_class(name, f"the provisioner of vendor {self.vendor!r}")


def find_vendors(plugins: Registry) -> dict[str, ProvisionerSpec]:
    """Return the vendors of all plugins by id; of two with one id, the one registered first.

    A plugin whose hook fails is in `broken_plugins` of the registry, and others are not affected.
    """
    found: dict[str, ProvisionerSpec] = {}
    plugins.hooks  # noqa: B018  # loads the plugins, whose vendors come before those of Buckia
    plugins.register_module(_BUILT_IN)
    for spec in plugins.registered("buckia_register_provisioners"):
        found.setdefault(spec.vendor, spec)
    return dict(sorted(found.items()))


def find_vendor(vendor: str, plugins: Registry) -> ProvisionerSpec:
    """Return the registration of a vendor.

    Raises:
        PluginError: No installed package registers it; the message has those that are.
    """
    vendors = find_vendors(plugins)
    if vendor not in vendors:
        raise PluginError(
            f"there is no vendor {vendor!r}.{suggest(vendor, vendors)} "
            "Its adapter may not be installed; see: buckia providers"
        )
    return vendors[vendor]

"""Account sources: configurations of other tools whose accounts `buckia init --from` takes over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from buckia_core.adapters.plugins.registry import Registry, load_class, raise_system_failure
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.values import suggest
from buckia_core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """An account that another tool knows.

    Attributes:
        name: Its name in that tool; empty for the only one, or the default.
        provider: The provider in `.buckia`.
        settings: Settings of the provider, without secrets.
        secrets: Settings that are secrets. They go to a secret store, and never into a file of the project.
        notes: What differs from the other tool, such as options that were left out. One sentence each, no secrets.
    """

    name: str
    provider: str
    settings: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountSource:
    """Registration of a source. Refers to its function by name, so that it is imported only when used.

    Attributes:
        source: Id of the other tool, as in `--from ID:NAME`. Several packages may read the same tool.
        title: Display name of the tool.
        find: `package.module:function` that returns an iterable of `FoundAccount`. It reads files, sends no request,
            returns nothing if the tool is not set up, and raises `ConfigError` for a file that can't be read.
    """

    source: str
    title: str
    find: str


@dataclass(frozen=True, slots=True)
class FoundAccounts:
    """All accounts of other tools.

    Attributes:
        accounts: Accounts by `SOURCE`, or `SOURCE:NAME`, in order.
        problems: What could not be read, by source.
    """

    accounts: Mapping[str, FoundAccount]
    problems: Mapping[str, str]

    def get(self, wanted: str) -> FoundAccount:
        """Return an account.

        Raises:
            ConfigError: There is none, or its source can't be read.
        """
        source = wanted.partition(":")[0]
        found = self.accounts.get(wanted.removesuffix(":"))
        if found is not None:
            return found
        if source in self.problems:
            raise ConfigError(self.problems[source], source="--from")
        hint = suggest(wanted, self.accounts) or " No other tool has an account on this machine that they know."
        raise ConfigError(
            f"there is no account {wanted!r} that an installed adapter can take over.{hint}", source="--from"
        )


def find_accounts(plugins: Registry) -> FoundAccounts:
    """Read the accounts of all sources. A source that fails does not affect others.

    Raises:
        OSError, MemoryError: The system failed.
    """
    accounts: dict[str, FoundAccount] = {}
    problems: dict[str, str] = {}
    sources: Iterable[AccountSource] = plugins.registered("buckia_register_account_sources")
    for each in sorted(sources, key=lambda each: each.source):
        try:
            find = load_class(each.find, f"the source {each.source!r} of accounts")
            for found in find():
                accounts.setdefault(f"{each.source}:{found.name}" if found.name else each.source, found)
        except Exception as error:  # noqa: BLE001  # one broken source does not stop the others
            raise_system_failure(error)
            problems[each.source] = str(error) if isinstance(error, ConfigError) else f"{each.title}: {error}"
    return FoundAccounts(accounts, problems)

"""`Provisioning`: plans and executes requests for one project. What `buckia provision` calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from buckia_core.adapters.contract.provisioner import BucketProvisioner, BucketRecord, IssuesKeys, KeyRecord
from buckia_core.adapters.factory import open_secret_stores, secret_stores
from buckia_core.adapters.plugins.provisioners import ProvisionerSpec, find_vendor
from buckia_core.adapters.plugins.registry import Registry, registry
from buckia_core.config import BucketConfig
from buckia_core.config.secrets.references import is_reference
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import read_settings, setting_fields
from buckia_core.config.user import load_user_config, register_project
from buckia_core.errors import AlreadyExists, BucketNotConfigured, ConfigError, LockHeld
from buckia_core.provisioning.directories import check_directory
from buckia_core.provisioning.executor import Listener, add_entry_again, execute
from buckia_core.provisioning.journal import Journal, Progress, label_prefix, new_label
from buckia_core.provisioning.plan import Plan, StepKind, make_plan
from buckia_core.provisioning.request import Action, Request
from buckia_core.provisioning.share import check_share
from buckia_core.provisioning.status import Finding, find_status
from buckia_core.provisioning.uses import check_bucket, describe_removal
from buckia_core.provisioning.work import Work, find_entry
from buckia_core.syncing.state.lock import RunLock

_CREATING = (Action.BUCKET, Action.SHARE_BUCKET, Action.REGISTER)


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Result of a provision.

    Attributes:
        plan: What was executed.
        credentials: Settings of the entry for its credentials: public parts, and references to secrets.
        public_url: Start of the public URLs of the bucket, if it has any.
        was_done: Everything was done before, so nothing was.
    """

    plan: Plan
    credentials: Mapping[str, str]
    public_url: str | None
    was_done: bool = False


class Provisioning:
    """Provisioning of the buckets of one project.

    Args:
        config_path: The `.buckia` file; it need not exist for requests that create an entry.
        account: Settings of the account at the vendor, as in a file: values, or references to secrets.
        plugins: Adapters and plugins; those of the process by default.
    """

    def __init__(
        self, config_path: Path, account: Mapping[str, str] | None = None, plugins: Registry | None = None
    ) -> None:
        self._path = config_path.absolute()
        self._account = dict(account or {})
        self._plugins = plugins or registry()

    def complete(self, request: Request) -> Request:
        """Return the request with what the journal or `.buckia` knows about the bucket; given values precede.

        Raises:
            BucketNotConfigured: A request to rotate or destroy names an entry that is in neither.
            ConfigError: The vendor is not known, and has to be given.
        """
        recorded = Journal(self._path.parent, request.name).read()
        known = recorded.request if recorded else None
        if request.action in _CREATING:
            store = request.store or load_user_config(secret_stores(self._plugins)).store_for(self._path)
            request = replace(request, bucket_name=request.bucket_name or request.name, store=store)
        elif known is not None and not known.vendor and not request.vendor:
            # Credentials of the user, or their interrupted removal.
            if request.action is not Action.DESTROY:
                raise ConfigError(f"{request.name!r} has credentials of yours; name the vendor with --vendor")
            request = replace(request, store=known.store, settings=known.settings, delete_bucket=False)
        elif recorded is not None and known is not None and known.vendor:
            request = replace(
                request,
                vendor=request.vendor or known.vendor,
                bucket_name=known.bucket_name,
                access=known.access,
                prefix=known.prefix,
                existing=known.existing,
                store=request.store or known.store,
                settings=known.settings,
                # An interrupted creation that had not begun found the bucket of somebody else, or none.
                delete_bucket=_deletes_bucket(request, recorded)
                and not known.existing
                and (recorded.finished or recorded.begun_bucket or known.action not in _CREATING),
            )
        else:
            request = self._complete_from_file(request)
        account = {**(known.account if known and known.vendor == request.vendor else {}), **self._account}
        return replace(request, account=self._without_secrets(request, account))

    def plan(self, request: Request) -> Plan:
        """Return the plan of a completed request. Sends no request and writes nothing."""
        with self._open(request) as (vendor, spec):
            plan = self._make_plan(request, vendor, spec)
            if vendor is not None and spec is not None:
                check_directory(self._path, request, spec.provider, vendor)
            return plan

    def _make_plan(self, request: Request, vendor: BucketProvisioner | None, spec: ProvisionerSpec | None) -> Plan:
        plan = make_plan(request, vendor, spec.title if spec else "")
        if request.action is not Action.DESTROY:
            return plan
        recorded, config = Journal(self._path.parent, request.name).read(), self._entry(request.name)
        references = [] if config is None else list(self._references(config).values())
        place = str(config.settings.get("root") or "") if config is not None else ""
        if recorded is not None:
            references = recorded.all_references
            if not place and recorded.bucket is not None and recorded.bucket.id != request.bucket_name:
                place = recorded.bucket.id
        return describe_removal(plan, self._path, references, place)

    def run(
        self, request: Request, *, given: Mapping[str, Secret] | None = None, listener: Listener = lambda _: None
    ) -> Provisioned:
        """Execute a completed request; go on with an interrupted one.

        Args:
            request: Result of `complete`.
            given: Secrets to register, by setting.
            listener: Called after each step.

        Raises:
            LockHeld: Another provision of the entry is running.
            AlreadyExists: The entry exists, or an interrupted request is another one.
            BuckiaError: A step failed; see `execute`.
        """
        journal = Journal(self._path.parent, request.name)
        journal.prepare()
        with _lock(journal), self._open(request) as (vendor, spec):
            plan = self._make_plan(request, vendor, spec)
            recorded = journal.read()
            finished = recorded if recorded and recorded.finished and request.action in _CREATING else None
            has_entry = self._entry(request.name) is not None
            if finished is not None and has_entry and request.is_same(finished.request):
                self._register(request)
                return Provisioned(plan, finished.credentials, finished.public_url, was_done=True)
            if vendor is not None and spec is not None:
                check_directory(self._path, request, spec.provider, vendor)
            work = Work(
                config_path=self._path,
                provider=spec.provider if spec else str(request.settings["provider"]),
                vendor=vendor,
                stores=open_secret_stores(self._path.parent, self._plugins),
                plugins=self._plugins,
                journal=journal,
                progress=self._progress(request, recorded, vendor),
                given=given or {},
            )
            self._check_store(plan, work)
            if vendor is not None and (
                request.action is Action.ROTATE or (request.action is Action.DESTROY and request.delete_bucket)
            ):
                check_bucket(request, vendor, work.progress.bucket, self._entry(request.name))
            if finished is not None and not has_entry and _made(finished, request):
                work.progress = replace(finished, request=request)
                add_entry_again(plan, work, listener)
                return Provisioned(plan, finished.credentials, finished.public_url)
            work.save()
            try:
                execute(plan, work, listener)
            except Exception:
                if finished is not None and journal.read() is None:
                    # What this run made is undone, and what an earlier one made is still there.
                    journal.write(finished)
                raise
        self._register(request)
        return Provisioned(plan, work.progress.credentials, work.progress.public_url)

    def _register(self, request: Request) -> None:
        """Make the bucket that shares a project of the user's, so that `ShareConfig.from_project` finds it."""
        if request.action is Action.SHARE_BUCKET and request.share_for is not None:
            register_project(request.share_for, self._path, [request.share_for])

    def status(self, name: str, vendor: str = "") -> list[Finding]:
        """Return what there is of the provision of an entry. Changes nothing.

        Raises:
            BucketNotConfigured: There is neither an entry nor a journal.
            ConfigError: `.buckia`, or the account, is invalid.
        """
        request = Request(action=Action.ROTATE, name=name, vendor=vendor)
        try:
            request = self.complete(request)
        except BucketNotConfigured:
            if Journal(self._path.parent, name).read() is None:
                raise
        except ConfigError:
            if vendor:
                raise
        with self._open(request) as (opened, _):
            stores = open_secret_stores(self._path.parent, self._plugins)
            return find_status(self._path, request, opened, stores)

    @contextmanager
    def open_vendor(self, vendor: str) -> Iterator[BucketProvisioner]:
        """Open a vendor with the settings of the account, and close it at the end of the block.

        Raises:
            PluginError: No installed package registers the vendor.
            ConfigError: The settings are invalid.
        """
        request = Request(action=Action.ROTATE, name="", vendor=vendor)
        with self._vendor(find_vendor(vendor, self._plugins), request) as opened:
            yield opened

    def _progress(self, request: Request, recorded: Progress | None, vendor: BucketProvisioner | None) -> Progress:
        """Return the progress to go on from: of the interrupted run, or of a new one."""
        fresh = Progress(request=request, label=new_label(request.bucket_name))
        interrupted = recorded is not None and not recorded.finished
        if recorded is not None and interrupted and request.is_same(recorded.request):
            recorded.request = request
            return recorded
        if interrupted and request.action is not Action.DESTROY:
            assert recorded is not None
            raise AlreadyExists(
                f"an earlier `provision {recorded.request.action}` of {request.name!r} was interrupted. Repeat it with "
                f"the same options, or remove what it made: buckia provision destroy {request.name}"
            )
        if request.action in _CREATING:
            if self._entry(request.name) is not None:
                raise AlreadyExists(f"{self._path}: there is a bucket {request.name!r} already")
            if request.share_for is not None:
                check_share(self._path, request.share_for)
            return fresh
        if recorded is not None:
            before = recorded
        else:
            assert vendor is not None
            before = self._found(request, vendor)
        fresh.bucket, fresh.created, fresh.public_url = before.bucket, before.created, before.public_url
        fresh.public_before = before.public_before
        if before.bucket is None and vendor is not None:
            fresh.bucket = vendor.find_bucket(request.bucket_name)
        if request.action is Action.ROTATE:
            fresh.previous = before
        else:
            fresh.label, fresh.key, fresh.previous = before.label, before.key, before.previous
            fresh.references = before.references
        return fresh

    def _found(self, request: Request, vendor: BucketProvisioner) -> Progress:
        """Return what `.buckia` and the vendor know of a provision without a journal, as of another machine."""
        found = Progress(request=request, label=new_label(request.bucket_name), finished=True)
        found.bucket = vendor.find_bucket(request.bucket_name) or BucketRecord(request.bucket_name, request.bucket_name)
        config = self._entry(request.name)
        if config is not None:
            found.credentials = self._references(config)
            found.references = list(found.credentials.values())
            found.key = self._key(config, found.bucket, vendor)
            if isinstance(vendor, IssuesKeys) and isinstance(used := config.settings.get(vendor.key_setting), str):
                found.credentials[vendor.key_setting] = used
        return found

    def _key(self, config: BucketConfig, bucket: BucketRecord, vendor: BucketProvisioner) -> KeyRecord | None:
        if not isinstance(vendor, IssuesKeys):
            return None
        settings = config.adapter_settings(
            self._plugins.spec(config.provider).settings_class(), secret_stores=secret_stores(self._plugins)
        )
        used = getattr(settings, vendor.key_setting, None)
        public_id = used.reveal() if isinstance(used, Secret) else used
        keys = vendor.list_keys(bucket, label_prefix(bucket.name))
        return next((key for key in keys if key.public_id == public_id), None)

    def _references(self, config: BucketConfig) -> dict[str, str]:
        """Return the settings of an entry that are references to secrets."""
        stores = secret_stores(self._plugins)
        declared = setting_fields(self._plugins.spec(config.provider).settings_class()).values()
        names = [name for each in declared if each.kind is Secret for name in (each.name, *each.aliases)]
        given = {name: config.settings.get(name) for name in names}
        return {name: value for name, value in given.items() if isinstance(value, str) and is_reference(value, stores)}

    def _entry(self, name: str) -> BucketConfig | None:
        return find_entry(self._path, name)

    def _complete_from_file(self, request: Request) -> Request:
        config = self._entry(request.name)
        if config is None:
            raise BucketNotConfigured(f"there is no bucket {request.name!r}", source=str(self._path))
        if not request.vendor:
            raise ConfigError(f"nothing here tells the vendor of {request.name!r}; name it with --vendor")
        spec = find_vendor(request.vendor, self._plugins)
        if spec.provider != config.provider:
            raise ConfigError(f"{request.name!r} is of provider {config.provider!r}, not of vendor {request.vendor!r}")
        root = config.settings.get("root")
        bucket = config.bucket_name or (Path(str(root)).name if root else request.name)
        store = request.store or next((each.partition(":")[0] for each in self._references(config).values()), "")
        # Nothing tells who created the bucket: `--existing` is in the journal of another machine.
        delete = _deletes_bucket(request, None)
        return replace(request, bucket_name=bucket, prefix=config.prefix, store=store, delete_bucket=delete)

    def _without_secrets(self, request: Request, account: Mapping[str, str]) -> dict[str, str]:
        """Return the account settings that may be written to the journal."""
        if not request.vendor:
            return {}
        stores = secret_stores(self._plugins)
        declared = setting_fields(find_vendor(request.vendor, self._plugins).settings_class()).values()
        secret = {name for each in declared if each.is_secret for name in (each.name, *each.aliases)}
        return {name: value for name, value in account.items() if name not in secret or is_reference(value, stores)}

    def _check_store(self, plan: Plan, work: Work) -> None:
        request = plan.request
        if any(step.kind is StepKind.CREDENTIALS for step in plan.steps):
            # Fails before anything is created, if there is no such store.
            work.stores.new_reference(request.store, request.name, "key")

    @contextmanager
    def _open(self, request: Request) -> Iterator[tuple[BucketProvisioner | None, ProvisionerSpec | None]]:
        if not request.vendor:
            yield None, None
            return
        spec = find_vendor(request.vendor, self._plugins)
        with self._vendor(spec, request) as vendor:
            yield vendor, spec

    @contextmanager
    def _vendor(self, spec: ProvisionerSpec, request: Request) -> Iterator[BucketProvisioner]:
        settings: Any = read_settings(
            spec.settings_class(),
            {**request.account, **self._account},
            provider=spec.provider,
            owner=f"vendor {spec.vendor!r}",
            base_dir=self._path.parent,
            secret_stores=secret_stores(self._plugins),
            source="--account",
        )
        vendor = spec.open(settings)
        try:
            yield vendor
        finally:
            vendor.close()


def _deletes_bucket(request: Request, recorded: Progress | None) -> bool:
    """Tell whether a removal deletes the bucket: if it is told to, or if the bucket was created from here."""
    if request.delete_bucket is not None:
        return request.delete_bucket
    if request.delete_content or recorded is None:
        return request.delete_content
    if recorded.request.action is Action.DESTROY:
        return bool(recorded.request.delete_bucket)
    return recorded.created or recorded.begun_bucket


def _made(finished: Progress, request: Request) -> bool:
    """Tell whether a finished provision, whose key may have been rotated since, made what a request asks for."""
    known = finished.request
    if request.action is Action.REGISTER or known.vendor != request.vendor:
        return False
    rotated = known.action is Action.ROTATE and all(
        getattr(known, name) == getattr(request, name) for name in ("bucket_name", "access", "prefix", "settings")
    )
    return rotated or request.is_same(known)


@contextmanager
def _lock(journal: Journal) -> Iterator[None]:
    lock = RunLock(journal.lock_path)
    try:
        lock.__enter__()
    except LockHeld as error:
        raise LockHeld(f"another command provisions this bucket: {journal.lock_path}") from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)

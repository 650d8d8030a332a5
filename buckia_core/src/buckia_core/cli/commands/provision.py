"""`buckia provision`: creates buckets with credentials of their own, rotates and destroys them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from buckia_core.adapters.commands.options import dry_run_option, yes_option
from buckia_core.cli.app import Group
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.parameters import parse_assignments
from buckia_core.cli.provision_steps import ask_secrets, project_file, provision, read_account

F = TypeVar("F", bound=Callable[..., Any])


def _complete_vendor(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from buckia_core.adapters.plugins.provisioners import find_vendors  # noqa: PLC0415  # only a shell asks
    from buckia_core.adapters.plugins.registry import registry  # noqa: PLC0415  # as above

    return [vendor for vendor in find_vendors(registry()) if vendor.startswith(incomplete)]


def _vendor_option(*, required: bool) -> Callable[[F], F]:
    text = "Where to create it: " if required else "Where the bucket is, if nothing here tells: "
    return click.option(
        "--vendor", metavar="ID", required=required, default="", shell_complete=_complete_vendor,
        help=f"{text}file, or a vendor of an installed adapter; a wrong one lists them.",
    )  # fmt: skip


def _account_option(command: F) -> F:
    return click.option(
        "--account", "accounts", metavar="NAME[=VALUE]", multiple=True,
        help="An account of your config.toml, or a setting of one; secrets as references. May be repeated.",
    )(command)  # fmt: skip


def _store_option(command: F) -> F:
    return click.option(
        "--store", metavar="STORE", default="", help="Secret store, such as keyring, op://Private or file:secrets."
    )(command)


def _creation_options(command: F) -> F:
    for option in reversed(
        (
            click.argument("name"),
            _vendor_option(required=True),
            click.option("--bucket-name", help="Name of the bucket at the vendor; NAME by default."),
            click.option("--region", help="Region of a new bucket."),
            click.option("--existing", is_flag=True, help="Use a bucket that exists."),
            click.option("--key-prefix", default="", metavar="PREFIX", help="Limit the key to objects below PREFIX/."),
            _store_option,
            _account_option,
            click.option(
                "--set", "settings", metavar="NAME=VALUE", callback=parse_assignments, multiple=True,
                help="A setting of the new entry in .buckia. May be repeated.",
            ),
            dry_run_option,
        )
    ):  # fmt: skip
        command = option(command)
    return command


def _creation_request(action: str, name: str, options: dict[str, Any], **more: Any) -> Any:
    from buckia_core.provisioning.request import Action, Request  # noqa: PLC0415  # few commands need it

    prefix = options.pop("key_prefix").strip("/")
    bucket_name = options.pop("bucket_name") or name
    return Request(
        action=Action(action), name=name, bucket_name=bucket_name, prefix=f"{prefix}/" if prefix else "",
        **options, **more,
    )  # fmt: skip


@click.group("provision", cls=Group)
def provision_command() -> None:
    """Create buckets with credentials of their own.

    The credentials go to a secret store, and references to them into .buckia. A command that was interrupted goes on
    when you run it again.
    """


@provision_command.command("bucket")
@_creation_options
@click.option("--read-only", is_flag=True, help="The key may only list and read.")
@pass_context
def bucket_command(
    context: CliContext, /, name: str, accounts: tuple[str, ...], dry_run: bool, read_only: bool, **options: Any
) -> ExitCode:
    """Create a bucket and a key limited to it, and add NAME to .buckia."""
    from buckia_core.adapters.contract.provisioner import Access  # noqa: PLC0415  # few commands need it

    account = read_account(options["vendor"], accounts)
    request = _creation_request("bucket", name, options, access=Access.READ_ONLY if read_only else Access.READ_WRITE)
    return provision(context, request, account=account, dry_run=dry_run)


@provision_command.command("share-bucket")
@_creation_options
@click.option("--for", "share_for", metavar="BUCKET", help="The bucket in .buckia whose objects are shared.")
@click.option("--public", is_flag=True, help="Everybody can read its objects; else only by signed URLs.")
@click.option("--domain", metavar="HOST", help="Your own host name for public URLs, where the vendor has that.")
@pass_context
def share_bucket_command(
    context: CliContext, /, name: str, accounts: tuple[str, ...], dry_run: bool, **options: Any
) -> ExitCode:
    """Create a bucket for shared objects, with a key limited to it, and add NAME to .buckia."""
    account = read_account(options["vendor"], accounts)
    request = _creation_request("share-bucket", name, options)
    return provision(context, request, account=account, dry_run=dry_run)


@provision_command.command("register")
@click.argument("name")
@click.option("--provider", metavar="ID", required=True, help="Provider, as listed by `buckia providers`.")
@click.option("--secret", "secrets", metavar="SETTING", multiple=True, help="A setting to store. May be repeated.")
@_store_option
@click.option(
    "--set", "settings", metavar="NAME=VALUE", callback=parse_assignments, multiple=True,
    help="A setting of the new entry in .buckia. May be repeated.",
)  # fmt: skip
@dry_run_option
@pass_context
def register_command(
    context: CliContext,
    name: str,
    provider: str,
    secrets: tuple[str, ...],
    store: str,
    settings: dict[str, str],
    dry_run: bool,
) -> ExitCode:
    """Store credentials that you have, and add NAME to .buckia. Sends nothing to the provider.

    Asks for the secrets without showing them; without a terminal, reads lines NAME=VALUE from standard input.
    """
    from buckia_core.adapters.plugins.registry import registry  # noqa: PLC0415  # few commands need it
    from buckia_core.config.settings import setting_fields  # noqa: PLC0415  # as above
    from buckia_core.provisioning.request import Action, Request  # noqa: PLC0415  # as above

    declared = setting_fields(registry().spec(provider).settings_class())
    names = list(secrets) or [each.name for each in declared.values() if each.required and each.is_secret]
    unknown = sorted(set(names) - set(declared))
    if unknown or not names:
        possible = ", ".join(each.name for each in declared.values() if each.is_secret)
        raise click.UsageError(f"Name the settings to store with --secret: {possible}.")
    request = Request(
        action=Action.REGISTER, name=name, bucket_name=settings.get("bucket_name", name), store=store,
        settings={"provider": provider, **settings},
    )  # fmt: skip
    given = {} if dry_run else ask_secrets(context, names)
    return provision(context, request, account={}, dry_run=dry_run, given=given)


@provision_command.command("rotate")
@click.argument("name")
@_vendor_option(required=False)
@click.option("--read-only", is_flag=True, help="The new key may only list and read; known if it was made here.")
@_store_option
@_account_option
@yes_option
@dry_run_option
@pass_context
def rotate_command(
    context: CliContext,
    name: str,
    vendor: str,
    read_only: bool,
    store: str,
    accounts: tuple[str, ...],
    yes: bool,
    dry_run: bool,
) -> ExitCode:
    """Replace the credentials of NAME: create, use and store new ones, then revoke the old ones."""
    from buckia_core.adapters.contract.provisioner import Access  # noqa: PLC0415  # few commands need it
    from buckia_core.provisioning.request import Action, Request  # noqa: PLC0415  # few commands need it

    account = read_account(vendor, accounts)
    access = Access.READ_ONLY if read_only else Access.READ_WRITE
    request = Request(action=Action.ROTATE, name=name, vendor=vendor, store=store, access=access)
    question = f"Other programs with the old credentials of {name!r} will stop working. Go on?"
    return provision(context, request, account=account, dry_run=dry_run, question=question, yes=yes)


@provision_command.command("destroy")
@click.argument("name")
@_vendor_option(required=False)
@_account_option
@click.option("--delete-content", is_flag=True, help="Delete the bucket even if it is not empty.")
@click.option(
    "--delete-bucket/--keep-bucket", default=None,
    help="Delete the bucket, or only the credentials and the entry; by default it goes if it was provisioned here.",
)  # fmt: skip
@yes_option
@dry_run_option
@pass_context
def destroy_command(
    context: CliContext,
    name: str,
    vendor: str,
    accounts: tuple[str, ...],
    delete_content: bool,
    delete_bucket: bool | None,
    yes: bool,
    dry_run: bool,
) -> ExitCode:
    """Delete the bucket, its keys and secrets, and NAME in .buckia.

    Refuses a bucket that is not empty. A bucket that was there before `provision bucket --existing` is kept,
    and so is one that was not provisioned from this project on this machine, unless you say --delete-bucket.
    """
    from buckia_core.provisioning.request import Action, Request  # noqa: PLC0415  # few commands need it

    account = read_account(vendor, accounts)
    request = Request(
        action=Action.DESTROY, name=name, vendor=vendor, delete_content=delete_content, delete_bucket=delete_bucket
    )
    question = f"Do this to {name!r}? It can't be undone."
    return provision(context, request, account=account, dry_run=dry_run, question=question, yes=yes)


@provision_command.command("status")
@click.argument("name")
@_vendor_option(required=False)
@_account_option
@pass_context
def status_command(context: CliContext, name: str, vendor: str, accounts: tuple[str, ...]) -> ExitCode:
    """Show what there is of NAME: entry, secrets, bucket, keys. Exits with 1 if something is missing."""
    from buckia_core.adapters.commands.table import Column  # noqa: PLC0415  # few commands need it
    from buckia_core.provisioning.session import Provisioning  # noqa: PLC0415  # as above

    account = read_account(vendor, accounts)
    findings = Provisioning(project_file(context), account).status(name, vendor)
    words = {True: "yes", False: "no", None: "unknown"}
    columns = (Column("Part"), Column("There", styles={"no": "red"}), Column("Name"), Column("Note"))
    context.table(
        columns,
        [
            (
                {
                    "type": "provision_status", "part": each.part, "name": each.name, "is_there": each.is_there,
                    "problem": each.problem or None,
                },
                (each.part, words[each.is_there], each.name, each.problem or None),
            )
            for each in findings
        ],
    )  # fmt: skip
    context.output.remember_secrets()
    is_whole = all(each.is_there and each.part != "journal" for each in findings)
    return ExitCode.DONE if is_whole else ExitCode.FAILED

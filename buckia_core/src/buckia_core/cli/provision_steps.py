"""What the commands `buckia provision …` share: the account, the plan, its execution, and how these are shown."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.cli.context import CliContext
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.terminal.prompts import can_ask, confirm
from buckia_core.config.file import FILE_NAME, find_in

if TYPE_CHECKING:
    from buckia_core.config.secrets.secret import Secret
    from buckia_core.provisioning.executor import StepDone, StepUndone
    from buckia_core.provisioning.plan import Plan
    from buckia_core.provisioning.request import Request
    from buckia_core.provisioning.session import Provisioned, Provisioning


def project_file(context: CliContext) -> Path:
    """Return the `.buckia` file of --config, the nearest one, or the one to create in this directory."""
    from buckia_core.config.file import find, locate  # noqa: PLC0415  # imports the YAML library
    from buckia_core.errors import ConfigError  # noqa: PLC0415

    if context.options.config:
        return context.options.config
    try:
        locate(Path.cwd())
    except ConfigError:
        return find_in(Path()) or Path(FILE_NAME)
    return find(Path.cwd())


def read_account(vendor: str, given: Sequence[str]) -> dict[str, str]:
    """Return the settings of an account from the option --account: pairs, and the names of accounts in `config.toml`.

    Raises:
        ConfigError: There is no account of a name.
        InvalidSetting: A setting that is a secret is no reference: other users of the machine see the options.
        PluginError: The vendor is unknown.
    """
    from buckia_core.config.user import load_user_config  # noqa: PLC0415  # few commands need it

    account: dict[str, str] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if equals:
            account[name.strip()] = text
        else:
            account.update(load_user_config().account(each).settings)
    _check_account(vendor, account)
    return account


def _check_account(vendor: str, account: Mapping[str, str]) -> None:
    if not vendor or not account:
        return
    from buckia_core.adapters.factory import secret_stores  # noqa: PLC0415  # few commands need it
    from buckia_core.adapters.plugins.provisioners import find_vendor  # noqa: PLC0415  # as above
    from buckia_core.adapters.plugins.registry import registry  # noqa: PLC0415  # as above
    from buckia_core.config.secrets.references import is_reference  # noqa: PLC0415  # as above
    from buckia_core.config.settings import setting_fields  # noqa: PLC0415  # as above
    from buckia_core.errors import InvalidSetting  # noqa: PLC0415  # as above

    stores = secret_stores(registry())
    for declared in setting_fields(find_vendor(vendor, registry()).settings_class()).values():
        for name in (declared.name, *declared.aliases):
            if declared.is_secret and name in account and not is_reference(account[name], stores):
                raise InvalidSetting(
                    f"{name!r} is a secret, and other users of this machine see the options of a command; "
                    "give a reference, such as env:NAME",
                    source="--account",
                )


def provision(
    context: CliContext,
    request: Request,
    *,
    account: Mapping[str, str],
    dry_run: bool,
    question: str | None = None,
    yes: bool = False,
    given: Mapping[str, Secret] | None = None,
) -> ExitCode:
    """Show the plan of a request, ask `question` if there is one, and execute the plan.

    Raises:
        BuckiaError: As `Provisioning.run`.
    """
    from buckia_core.provisioning.session import Provisioning  # noqa: PLC0415  # few commands need it

    provisioning = Provisioning(project_file(context), account)
    request = provisioning.complete(request)
    plan = provisioning.plan(request)
    if dry_run:
        _show_plan(context, plan)
        context.output.note("Dry run: nothing was changed.")
        return ExitCode.DONE
    if question is not None:
        if not yes and can_ask(context.output):
            _show_plan(context, plan)
        if not confirm(context.output, question, yes=yes):
            context.output.note("Nothing was changed.")
            return ExitCode.FAILED
    else:
        for note in plan.notes:
            context.output.note(note)
    return _execute(context, provisioning, request, given)


def _execute(
    context: CliContext, provisioning: Provisioning, request: Request, given: Mapping[str, Secret] | None
) -> ExitCode:
    try:
        done = provisioning.run(request, given=given, listener=lambda event: _show_step(context, event))
    except KeyboardInterrupt:
        context.output.note(
            f"Interrupted. Run the same command to go on, or undo it: buckia provision destroy {request.name}"
        )
        raise
    finally:
        # An error that is shown later may contain one of them.
        context.output.remember_secrets()
    _show_result(context, request, done)
    return ExitCode.DONE


def _show_plan(context: CliContext, plan: Plan) -> None:
    request = plan.request
    steps = [{"step": each.kind.value, "summary": each.summary} for each in plan.steps]
    record = {
        "type": "provision_plan",
        "action": request.action.value,
        "name": request.name,
        "vendor": request.vendor,
        "bucket": request.bucket_name,
        "store": request.store,
        "steps": steps,
        "notes": list(plan.notes),
    }
    context.output.result(record, *[f"{number}. {step['summary']}" for number, step in enumerate(steps, 1)])
    for note in plan.notes:
        context.output.note(note)


def _show_step(context: CliContext, event: StepDone | StepUndone) -> None:
    from buckia_core.provisioning.executor import StepDone  # noqa: PLC0415  # as above

    step = event.step
    if isinstance(event, StepDone):
        record = {"type": "provision_step", "step": step.kind.value, "summary": step.summary, "resumed": event.resumed}
        context.output.result(record, f"{'was done' if event.resumed else 'done'}: {step.summary}")
        return
    record = {"type": "provision_undone", "step": step.kind.value, "summary": step.summary, "problem": event.problem}
    if context.options.json:
        context.output.record(record)
    elif event.problem:
        context.output.error(f"could not be undone: {step.summary}: {event.problem}")
    else:
        context.output.note(f"undone: {step.summary}")


def _show_result(context: CliContext, request: Request, done: Provisioned) -> None:
    # A bucket that was destroyed, or is no longer in .buckia, has none to use.
    public_url = None if request.action.value == "destroy" else done.public_url
    record = {
        "type": "provisioned",
        "action": request.action.value,
        "name": request.name,
        "bucket": request.bucket_name,
        "credentials": dict(done.credentials),
        "public_url": public_url,
        "was_done": done.was_done,
    }
    lines = [f"{request.name}: this was done before; nothing was changed"] if done.was_done else []
    if public_url:
        lines.append(f"Public URLs begin with {public_url}")
    context.output.result(record, *lines)


def ask_secrets(context: CliContext, names: list[str]) -> dict[str, Secret]:
    """Return secrets by setting: asked for without echo at a terminal, else one `NAME=VALUE` a line of standard input.

    Raises:
        click.UsageError: A line is malformed, or a secret is missing.
    """
    from buckia_core.cli.parameters import parse_secret_lines  # noqa: PLC0415  # as above
    from buckia_core.config.secrets.secret import Secret  # noqa: PLC0415  # as above

    texts: dict[str, str]
    if can_ask(context.output):
        texts = {name: str(click.prompt(name, hide_input=True, err=True)) for name in names}
    else:
        texts = parse_secret_lines(sys.stdin.read())
    missing = [name for name in names if not texts.get(name)]
    unknown = sorted(set(texts) - set(names))
    if missing or unknown:
        # What stands in place of a name may be a secret, so only the wanted names are shown.
        wanted = ", ".join(names)
        raise click.UsageError(f"Give each of these on a line of standard input, as NAME=VALUE: {wanted}.")
    return {name: Secret(text) for name, text in texts.items()}
